"""Countries and their groups: facts that can be counted, and mistakes."""

import pytest

from tivax.engine import group_members
from tivax.engine.panel.recipe import WIOD_COUNTRIES
from tivax.engine.tables.countries import (
    alpha3,
    countries,
    country_group,
    country_groups,
    country_in_text,
    country_name,
    find_region,
    suggest_region,
)

from helpers import error_of


def members(name):
    return set(country_group(name).members)


def test_all_codes_of_iso_3166_are_there_once():
    known = countries()
    assert len(known) == 249 + 1  # officially assigned, and ROW
    assert all(len(k) == 3 and k.isupper() and k.isascii() for k in known)
    pairs = [k.alpha2 for k in known.values() if k.alpha3 != "ROW"]
    assert len(set(pairs)) == 249
    assert all(len(k) == 2 and k.isupper() and k.isascii() for k in pairs)
    names = [k.name for k in known.values()]
    assert len(set(names)) == 250 and all(names)


@pytest.mark.parametrize(
    "two, three, name",
    [
        # Pairs that are easily taken for each other.
        ("AT", "AUT", "Austria"),
        ("AU", "AUS", "Australia"),
        ("CH", "CHE", "Switzerland"),
        ("CN", "CHN", "China"),
        ("GB", "GBR", "United Kingdom"),
        ("IE", "IRL", "Ireland"),
        ("KR", "KOR", "South Korea"),
        ("SE", "SWE", "Sweden"),
        ("SI", "SVN", "Slovenia"),
        ("SK", "SVK", "Slovakia"),
        ("NA", "NAM", "Namibia"),
        ("NO", "NOR", "Norway"),
    ],
)
def test_codes_and_names_belong_together(two, three, name):
    assert alpha3(two) == three
    assert country_name(three) == name


def test_a_code_that_iso_does_not_know_is_its_own_name():
    assert country_name("ROW") == "Rest of the world"
    assert country_name("WWA") == "WWA"
    for code in ("UK", "EL", ""):
        assert f"no country {code} in ISO 3166-1" in error_of(alpha3, code)


@pytest.mark.parametrize(
    "code, text",
    [
        ("USA", "the United States"),
        ("NLD", "the Netherlands"),
        ("ROW", "the rest of the world"),
        ("CHN", "China"),
        ("EU27", "EU27"),
    ],
)
def test_a_sentence_has_the_article_of_a_country(code, text):
    assert country_in_text(code) == text


def test_the_countries_of_wiod_are_known():
    assert set(WIOD_COUNTRIES) <= set(countries())


def test_every_group_has_members_that_are_countries():
    for group in country_groups().values():
        assert len(set(group.members)) == len(group.members) > 1
        assert set(group.members) <= set(countries()) - {"ROW"}
        assert group.title and group.source and group.since[:4].isdigit()
        assert group.name == group.name.upper() and "," not in group.name


@pytest.mark.parametrize(
    "name, count",
    [
        ("EU27", 27), ("EU28", 28), ("EU27-2007", 27), ("EU15", 15), ("EA19", 19),
        ("EU25", 25),
        ("EA20", 20), ("EFTA", 4), ("NAFTA", 3), ("USMCA", 3), ("MERCOSUR", 4),
        ("ASEAN", 10), ("RCEP", 15), ("CPTPP", 12), ("CPTPP11", 11), ("APEC", 21),
        ("BRICS", 5), ("G7", 7), ("G20", 19), ("OECD", 38), ("BRI65", 65),
        ("DEVASIA", 30),
    ],
)  # fmt: skip
def test_groups_have_as_many_members_as_they_say(name, count):
    assert len(members(name)) == count
    assert name in country_groups() and len(country_groups()) == 22


def test_groups_are_to_each_other_as_history_has_it():
    assert members("EU28") - members("EU27") == {"GBR"}
    assert members("EU28") - members("EU27-2007") == {"HRV"}
    assert members("EU15") < members("EU25") < members("EU27-2007") < members("EU28")
    assert members("EU27-2007") - members("EU25") == {"BGR", "ROU"}
    assert members("EA20") - members("EA19") == {"HRV"}
    assert members("EA20") < members("EU27")
    assert members("NAFTA") == members("USMCA") < members("APEC") & members("OECD")
    assert members("ASEAN") < members("RCEP")
    assert members("RCEP") - members("ASEAN") == {"AUS", "CHN", "JPN", "KOR", "NZL"}
    assert members("CPTPP") - members("CPTPP11") == {"GBR"}
    assert members("G7") < members("G20")
    assert members("G7") < members("OECD")
    assert members("BRICS") < members("G20")
    assert not members("EFTA") & members("EU28")
    assert members("ASEAN") < members("BRI65") and "CHN" not in members("BRI65")


def test_members_are_given_as_the_table_orders_them():
    regions = ["USA", "FRA", "DEU", "GBR", "ROW"]
    assert group_members("EU27", regions) == ["FRA", "DEU"]
    assert group_members("eu28", regions) == ["FRA", "DEU", "GBR"]


@pytest.mark.parametrize(
    "name, told",
    [
        ("EU7", "no group EU7: did you mean EU27"),
        ("oced", "no group oced: did you mean OECD"),
        ("XYZ", "no group XYZ: choose from EU27, EU28"),
    ],
)
def test_an_unknown_group_is_told_with_the_nearest(name, told):
    assert error_of(group_members, name, ["DEU"]).startswith(told)


def test_a_group_without_a_member_in_the_table_is_told():
    assert error_of(group_members, "MERCOSUR", ["USA", "ROW"]) == (
        "group MERCOSUR: none of its 4 members is among the regions USA ROW"
    )
    told = error_of(group_members, "EU27", ["CN", "DE", "AT"])
    assert told.endswith(" the regions CN DE AT; write DEU for DE, and so on")


@pytest.mark.parametrize(
    "name, told",
    [
        ("China", "did you mean CHN (China)?"),
        ("united", "did you mean GBR (United Kingdom) or USA (United States)?"),
        # Of no code that is like it, though one is.
        ("GER", "did you mean DEU (Germany)?"),
        ("Untied States", "did you mean USA (United States)?"),
        ("Germnay", "did you mean DEU (Germany)?"),
        # A code in small letters is meant, not Austria.
        ("aut", "did you mean AUT? There are AUT, CHN, DEU, GBR, USA"),
        ("XYZ", "choose from AUT, CHN, DEU, GBR, USA"),
        ("", "choose from AUT, CHN, DEU, GBR, USA"),
    ],
)
def test_the_name_of_a_country_leads_to_its_code(name, told):
    assert suggest_region(name, ["AUT", "CHN", "DEU", "GBR", "USA"]) == told


@pytest.mark.parametrize("name", ["DEU", "Germany", "germany"])
def test_a_region_is_found_by_its_code_or_by_the_name_of_its_country(name):
    assert find_region(name, ["CHN", "DEU", "ROW"]) == "DEU"


def test_a_region_that_is_not_there_is_told_with_those_like_it():
    told = error_of(find_region, "Germ", ["CHN", "DEU"])
    assert told == "no region Germ: did you mean DEU (Germany)?"
    told = error_of(find_region, "Germany", ["CN", "DE", "AT"])
    assert told == "no region Germany: did you mean DE (Germany)?"
