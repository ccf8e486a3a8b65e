"""Printed results: tables of text and HTML, with the numbers of the results."""

import re
from html import unescape
from pathlib import Path

import pytest

from tivax.engine import Model, resample, schemes, to_long
from tivax.engine.core.display import (
    Listing,
    count_text,
    duration_text,
    interval_text,
    number_text,
    p_cell,
    p_text,
    percent_text,
)

from helpers import random_panel, two_stage, two_way

REPOSITORY = Path(__file__).resolve().parents[2]
PANEL = random_panel(countries=8, years=6)
NAN = float("nan")


@pytest.fixture(scope="module")
def fit():
    return two_way(PANEL, "KOFGIdj", ["TBI", "RQ"])


@pytest.fixture(scope="module")
def inference():
    model = Model("main", "KOFGIdj", ["TBI", "RQ"], entity="iso3", time="year")
    return resample(PANEL, model, schemes.Pairs(), draws=99, seed=1)


# --------------------------------------------------------------------------- the parts


def test_columns_are_as_wide_as_their_longest_cell_and_numbers_end_together():
    listing = Listing("T", ("", "se"), [("a", "1.5"), ("long", "10.25")], ["note"])
    assert listing.text() == "T\n         se\na       1.5\nlong  10.25\nnote"
    words = Listing("T", (), [("a", "b"), ("long", "c")], words=2)
    assert words.text().splitlines() == ["T", "a     b", "long  c"]


def test_one_thing_is_not_several():
    shown = [count_text(k, "year") for k in (0, 1, 1250)]
    assert shown == ["0 years", "1 year", "1,250 years"]


def test_percentages_have_a_blank_before_the_sign():
    assert [percent_text(0.267), percent_text(-0.001, 1)] == ["27 %", "-0.1 %"]
    # What is printed without it: formats of f-strings, and numbers in texts.
    code = (REPOSITORY / "engine").rglob("*.py")
    bare = {k.name for k in code if re.search(r":\.\d%}|%%", k.read_text("utf-8"))}
    assert bare == set()


def test_no_p_value_of_a_column_is_zero():
    shown = [p_cell(p) for p in (0.0, 0.0004999, 0.0005, 0.04, NAN)]
    assert shown == ["<0.001", "<0.001", "0.001", "0.040", "nan"]
    assert p_cell(1e-6, 4) == "<0.0001"


def test_html_has_the_same_cells_and_no_markup_of_labels():
    listing = Listing("<T>", ("", "x & y"), [("<b>", "1")], ["a < b"])
    html = listing.html()
    cells = [unescape(k) for k in re.findall(r"<t[hd]\b[^e>]*>(.*?)</t[hd]>", html)]
    assert cells == ["", "x & y", "<b>", "1"]
    assert "<b>" not in html and "<p>&lt;T&gt;</p>" in html and "a &lt; b" in html


@pytest.mark.parametrize(
    "text, wanted",
    [
        (number_text(1234.56), "1235"),
        (number_text(0.5), "0.5000"),
        (number_text(NAN), "-"),
        (p_text(0.04567), "0.0457"),
        (p_text(0.0000456), "4.6e-05"),
        (p_text(0.0), "0"),
        (p_text(0.0, 999), "< 0.001"),
        (p_text(NAN), "-"),
        (interval_text(-1.0, 2.5), "[-1.000, 2.500]"),
        (interval_text(NAN, 2.5), "-"),
        (duration_text(0.2), "1 second"),
        (duration_text(89.0), "89 seconds"),
        (duration_text(150.0), "2 minutes"),
        (duration_text(9000.0), "2.5 hours"),
    ],
)
def test_numbers_as_text(text, wanted):
    assert text == wanted


# ------------------------------------------------------------------------- the results


def row_of(text: str, term: str) -> list[str]:
    """The cells of the first row that begins with the term."""
    return next(re.split(r"\s{2,}", k) for k in text.splitlines() if k.startswith(term))


def test_a_fit_prints_a_regression_table_without_its_residuals(fit):
    text = repr(fit)
    term = fit["TBI"]
    row = row_of(text, "TBI")
    assert row[1].rstrip("*") == number_text(term.estimate)
    assert row[2] == number_text(term.se) and row[4] == p_text(term.p_value)
    assert text.splitlines()[0] == "KOFGIdj: least squares with fixed effects"
    assert "48 observations, 8 clusters, t with 7 degrees of freedom" in text
    assert len(text.splitlines()) < 10
    html = fit._repr_html_()
    assert html.count("<tr>") == 1 + len(fit.terms)
    assert all(f"<td>{cell}" in html for cell in (row[2], row[4]))


def test_two_stages_print_both_and_the_tests_of_the_instrument():
    fit = two_stage(PANEL, "KOFGIdj", "TBI", ["lnPOP"], ["RQ"])
    second, first, tests = repr(fit).split("\n\n")
    assert second.startswith("KOFGIdj: two-stage least squares\n")
    assert first.startswith("First stage: TBI\n")
    assert row_of(second, "TBI")[1].rstrip("*") == number_text(fit["TBI"].estimate)
    assert row_of(tests, "Kleibergen-Paap F")[1] == number_text(fit.weak.kp_f)
    assert fit.ar_set.text() in tests


def test_an_inference_prints_its_scheme_its_model_and_its_error(inference):
    text = repr(inference)
    row, found = row_of(text, "TBI"), inference.summary.iloc[0]
    assert text.splitlines()[0] == f"main: {inference.plan.scheme.words}"
    assert row[1] == number_text(found["estimate"])
    assert row[3] == p_text(found["p_value"], 99)
    assert row[4] == interval_text(found["ci_low"], found["ci_high"])
    assert inference.plan.fitted.model.equation in text
    assert "48 observations, 8 clusters, 99 draws" in text


def test_an_inference_as_a_tidy_table_is_its_summary(inference):
    frame = to_long(inference)
    assert frame.equals(inference.summary) and frame is not inference.summary
    assert frame["term"].tolist() == ["TBI"] and len(frame) == 1
