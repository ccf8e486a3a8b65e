"""Names of choices: what a reader of a curve sees in place of codes."""

import pytest

from tivax.engine.reporting import choice_name, option_name


@pytest.mark.parametrize(
    "choice, option, words",
    [
        (
            "controls",
            "without RQ, lnEXR",
            "without regulatory quality, log exchange rate",
        ),
        ("controls", "all", "all"),
        ("controls", "TFP", "total factor productivity"),
        ("effects", "iso3 + developed^year", "country + developed × year"),
        ("effects", "iso3[year] + year", "country with trend + year"),
        ("effects", "iso3[lnGDP] + year", "country with slope of lnGDP + year"),
        ("effects", "none", "none"),
        ("lag", "0", "same year"),
        ("lag", "1", "1 year earlier"),
        ("lag", "3", "3 years earlier"),
        ("outcome", "KOFEcGIdj", "economic globalisation"),
        ("RQ", "TFP", "total factor productivity"),
    ],
)
def test_options_of_a_curve_are_in_words(choice, option, words):
    assert option_name(choice, option) == words


def test_names_of_a_users_own_are_kept():
    """Also those that the labels have for something else: an index, effects."""
    for name in ("index", "effects", "Country Name", "gdp growth", "GDP, 2015 prices"):
        assert option_name("controls", name) == name
        assert choice_name(name) == ("effects" if name == "effects" else name)
    assert option_name("effects", "Country Name + Year") == "Country Name + Year"
    assert option_name("sample", "without far") == "without far"


def test_options_are_in_the_language_of_the_figure():
    assert option_name("controls", "without RQ", "zh") == "剔除监管质量"
    assert option_name("controls", "all", "zh") == "全部"  # not the full sample
    assert option_name("effects", "iso3[year] + year", "zh") == "国家及其趋势 + 年份"
    assert option_name("lag", "1", "zh") == "滞后1期"
    assert choice_name("RQ", "zh") == "监管质量"
