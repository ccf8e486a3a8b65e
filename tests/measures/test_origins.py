"""Origins of value added against R exvatools and decompr, and against sums."""

import pandas as pd
import pytest
from numpy.testing import assert_allclose

from tivax.bench.studies.printed_terms import toy_table
from tivax.engine import decompose, value_added_trade
from tivax.engine.measures import origins

from helpers import error_of
from truth_files import DECOMPR_RTOL, EXVATOOLS_RTOL, assert_same

# A solve and sums in double precision; measured 1e-14.
RTOL = 1e-10


@pytest.mark.parametrize("flow", ["EXGR", "EXGRY"])
def test_origin_and_buyer_are_those_of_exvatools(wiodtest, of_exvatools, flow):
    absorbed = flow == "EXGRY"
    keep = ("origin", "exporting_sector", "absorber" if absorbed else "importer")
    own = origins(wiodtest, "exports", "ESP", absorbed=absorbed, keep=keep).isel(year=0)
    home = own["origin"] == "ESP"
    parts = {"TC": own, "DC": own.where(home, 0), "FC": own.where(~home, 0)}
    for content, kept in parts.items():
        printed = of_exvatools(f"out_exvadir_ESP_{content}_{flow}")[content]
        assert_same(kept.values.reshape(18, 6), printed, EXVATOOLS_RTOL)


def test_questions_of_exvatools(shared, wiodtest):
    """Services are the third sector, manufactures the second."""
    asked = pd.read_csv(
        shared / "truth" / "exvatools_wiodtest" / "out_queries.csv", index_col="query"
    )["value"]
    own = origins(wiodtest, "exports", "ESP")
    found = own.sel(origin="USA", sector="S2", exporting_sector="S1").sum()
    expected = asked["va_exgr USA SRVWC in ESP MANUF"]
    assert_allclose(found, expected, rtol=EXVATOOLS_RTOL)
    own = origins(wiodtest, "final demand", keep=("origin", "product", "absorber"))
    found = own.sel(origin="CHN", product="S1", absorber="USA").sum()
    assert_allclose(found, asked["va_fd CHN->USA MANUF"], rtol=EXVATOOLS_RTOL)
    own = origins(wiodtest, "exports", "CHN", absorbed=True)
    found = own.sel(origin="USA", exporting_sector="S1", absorber="USA").sum()
    expected = asked["va_exgry USA in CHN MANUF absorbed USA"]
    assert_allclose(found, expected, rtol=EXVATOOLS_RTOL)


@pytest.mark.parametrize(
    "name", ["decompr_leather/exports", "decompr_leather/output", "wwz_toy/exports"]
)
def test_leontief_decompositions_are_those_of_decompr(shared, leather, name):
    """The toy has structural zeros."""
    folder, whole = name.split("/")
    tables = toy_table(shared / "truth") if folder == "wwz_toy" else leather
    file = shared / "truth" / folder / f"out_leontief_{whole}.csv"
    own = origins(tables, "products", whole=whole).values[0]
    printed = pd.read_csv(file, comment="#").iloc[:, -1]
    assert_same(own.ravel(), printed, DECOMPR_RTOL)


def test_counted_once_is_the_source_approach(small):
    own = origins(
        small, "exports", "R1", counted_once=True, keep=("origin", "importer")
    )
    flows = decompose(small, "bm-source", "bilateral").data.sel(exporter="R1")
    assert_same(own.sel(origin="R1").values, flows["DVA"].values, RTOL)
    abroad = own.sum("origin") - own.sel(origin="R1")
    assert_same(abroad.values, flows["FVA"].values, RTOL)


def test_what_is_absorbed_is_what_is_sold(small):
    """Over all destinations, by exporting sector; buyers in between add up too."""
    keep = ("origin", "exporting_sector")
    sold = origins(small, "exports", "R1", keep=keep)
    absorbed = origins(small, "exports", "R1", absorbed=True, keep=keep)
    assert_same(absorbed.values, sold.values, RTOL)
    through = [
        origins(small, "exports", "R1", absorbed=True, via=[r]).values
        for r in ("R0", "R2", "R3")
    ]
    whole = origins(small, "exports", "R1", absorbed=True).values
    assert_same(sum(through), whole, RTOL)


def test_groups_are_one_exporter(small):
    groups = {"G": ["R1", "R2"]}
    own = origins(small, "exports", "G", groups=groups, keep=("origin", "importer"))
    flows = decompose(small, "bm-source", "bilateral", groups=groups).data.sel(
        exporter="G"
    )
    assert_same(own.sum("origin").values, flows["GEXP"].values, RTOL)
    assert_same(own.sel(origin="G").values, flows["DC"].values, RTOL)


def test_products_add_up_to_value_added_and_to_final_demand(small):
    own = origins(small, "products", whole="final")
    absorbed = value_added_trade(small)["va_absorbed"]
    by_origin = own.sum(["producer", "product"]).values
    assert_same(by_origin, absorbed.sum("absorber").values, RTOL)
    final = small.final_demand(slice(None)).sum(axis=2).reshape(2, 4, 3)
    assert_same(own.sum(["origin", "sector"]).values, final, RTOL)


def test_final_demand_by_product_is_value_added_absorbed(small):
    own = origins(small, "final demand")
    absorbed = value_added_trade(small)["va_absorbed"]
    assert_same(own.sum("product").values, absorbed.values, RTOL)
    parts = [
        origins(small, "final demand", categories=k)
        for k in (["government"], ["household", "inventories"])
    ]
    assert_same((parts[0] + parts[1]).values, own.values, RTOL)
    assert parts[0].attrs["long_name"] == "value added in government"
    assert error_of(origins, small, "final demand", categories=["governments"]) == (
        "no category of final demand governments: did you mean government or "
        "inventories? There are household, government, inventories"
    )
    for names in ([], ["government", "government"]):
        line = error_of(origins, small, "final demand", categories=names)
        assert "name one or more, each of them once" in line
    groups = {"G": ["R1", "R2"]}
    own = origins(small, "final demand", groups=groups, keep=("origin", "absorber"))
    home = absorbed.sel(origin=groups["G"], absorber=groups["G"])
    found = own.sel(origin="G", absorber="G").values
    assert_same(found, home.sum(["origin", "sector", "absorber"]).values, RTOL)


@pytest.mark.parametrize(
    "given, line",
    [
        ({"exporter": "R9"}, "no region R9: did you mean R"),
        ({"keep": ("orgin",)}, "no dim orgin: did you mean origin?"),
        ({"via": ("R7",)}, "no region R7: did you mean R"),
        ({"via": "R2"}, "via='R2': give a list, ['R2']"),
        ({"keep": "origin"}, "keep='origin': give a list, ['origin']"),
        ({"groups": {"G": []}}, "group G: give a list of its regions"),
        ({"groups": {"G": "R2"}}, "group G: give a list of its regions"),
        ({"groups": {"G": ["R2", 3]}}, "group G: give a list of its regions"),
        ({"groups": {" ": ["R2"]}}, "groups: ' ' is no name; give a text"),
        # It would be empty the second time, and nothing grouped.
        ({"groups": {"G": iter(["R2"])}}, "group G: give a list of its"),
    ],
)
def test_unknown_names_are_told_with_the_nearest(small, given, line):
    given = {"exporter": "R1"} | given
    assert error_of(origins, small, "exports", **given).startswith(line)


def test_an_option_that_is_unknown_or_of_another_table_is_refused(small):
    line = error_of(origins, small, "products", whole="imports")
    assert "whole" in line and "exports" in line
    line = error_of(origins, small, "products", groups={"G": ["R1", "R2"]})
    assert line == "groups: leave it out, it is not of products"
