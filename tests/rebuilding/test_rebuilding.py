"""Tables rebuilt from pieces whose truth is known, and pieces that disagree."""

import re
from dataclasses import replace

import numpy as np
import pytest
from national_pieces import C, N, true_pieces, true_world
from numpy.testing import assert_allclose

from tivax.engine.rebuilding import check_pieces, describe, rebuild
from tivax.engine.rebuilding.countries import countries_of
from tivax.engine.rebuilding.pieces import PRODUCT_OF
from tivax.engine.rebuilding.rest_of_world import WITH_OUTPUT

from helpers import error_of

pytestmark = pytest.mark.usefixtures("optimised")


@pytest.fixture(scope="module")
def rebuilt():
    return {table.year: table for table in rebuild(true_pieces(), (2007, 2014))}


def missed(found, true):
    """Sum of errors over sum."""
    return float(np.abs(found - true).sum() / np.abs(true).sum())


def of_known_products(flows):
    """Trade of 43 countries in the products that no file merges, home blocks left out."""
    flows = flows.reshape(C, N, C, N).copy()
    flows[range(C), :, range(C)] = 0
    alone = np.bincount(PRODUCT_OF)[PRODUCT_OF] == 1
    return flows[:-1, alone, :-1]


def test_2014_is_what_it_was_where_users_share_their_partners(rebuilt):
    Z, Y, x, added = true_world()
    table = rebuilt[2014]
    # Products that the file of 50 merges move others through the groups of the cubes.
    assert missed(of_known_products(table.Z), of_known_products(Z)) < 0.003
    assert missed(table.Y, Y.reshape(table.Y.shape)) < 1e-3
    assert_allclose(table.x, x.ravel(), rtol=1e-10)
    assert missed(table.value_added, added.ravel()) < 1e-4


@pytest.fixture(scope="module")
def without_groups():
    pieces = replace(true_pieces(), cubes=None)
    return {table.year: table for table in rebuild(pieces, (2007, 2014))}


def test_without_groups_known_products_of_2014_are_exact(without_groups):
    Z = true_world().Z
    # The fit ends where imports miss by 1e-6.
    found = of_known_products(without_groups[2014].Z)
    assert missed(found, of_known_products(Z)) < 1e-4


def test_a_year_between_equal_ends_is_like_them(rebuilt):
    Z, _, x, _ = true_world()
    table = rebuilt[2007]
    assert missed(of_known_products(table.Z), of_known_products(Z)) < 0.03
    assert missed(table.x, x.ravel()) < 1e-3


def test_2014_is_near_where_its_real_pieces_are_missing():
    pieces = replace(true_pieces(), of2014=None, partners=None)
    (table,) = rebuild(pieces, [2014])
    _, _, x, added = true_world()
    assert missed(table.x, x.ravel()) < 0.02  # the rest of the world by industry
    assert missed(table.value_added[: -len(x[0])], added[:-1].ravel()) < 1e-3


def test_rows_add_up_to_output_and_flows_are_not_negative(rebuilt):
    for table in rebuilt.values():
        sold = table.Z.sum(1) + table.Y.sum((1, 2))
        assert np.abs(sold - table.x).max() < 1e-12 * table.x.max()
        assert table.Z.min() >= 0


def test_rounding_is_undone_within_half_a_unit_and_totals_hold():
    pieces = true_pieces()
    table = pieces.national[:, 7]
    found = countries_of(pieces, 2007)
    cells = np.concatenate([found.home, found.imported], 1)
    assert np.abs(cells - table[:, :112, :61]).max() <= 0.5 + 1e-9
    assert_allclose(cells.sum(1), table[:, 112, :61], atol=0.01)
    sold = found.home.sum(2) + found.exports
    assert_allclose(sold, found.output, atol=0.01)


def test_a_year_does_not_depend_on_the_years_rebuilt_with_it(without_groups):
    """The last of them, which others could have moved."""
    (alone,) = rebuild(replace(true_pieces(), cubes=None), [2014])
    assert np.array_equal(alone.Z, without_groups[2014].Z)


# ----------------------------------------------------------------- what is said of it


def test_what_is_missing_is_said_with_its_cost():
    pieces = replace(true_pieces(), cubes=None, of2000=None)
    assert describe(true_pieces())["missing"] == []
    said = describe(pieces)["missing"]
    assert [k.partition(",")[0] for k in said] == [
        "WIODyyyy.mat (tariffwar_WIODyyyy.mat)",
        "fin_demand.csv",
    ]
    assert "misses by" in said[0]
    one = replace(pieces, lacking={"cubes": ["WIOD2004.mat"]})
    assert "(without WIOD2004.mat the others are of no use)" in str(describe(one))


def test_blocks_say_which_years_are_real():
    blocks = describe(true_pieces())["blocks"]
    for block in blocks.values():
        known = [*block["real"], *block["printed"], *block["estimated"]]
        assert sorted(known) == list(range(2000, 2015))
    assert blocks["partners_of_final_uses"]["printed"] == [2000]
    assert blocks["home"]["real"] == [2014]
    poor = describe(replace(true_pieces(), of2014=None))["blocks"]
    assert poor["home"]["printed"] == list(range(2000, 2015))
    assert poor["partners_of_final_uses"]["estimated"][-1] == 2014
    without = describe(replace(true_pieces(), of2000=None))["blocks"]
    assert without["partners_of_final_uses"]["printed"] == []
    assert set(WITH_OUTPUT) - set(blocks["advertising"]["real"])


# ---------------------------------------------------------------- pieces that disagree


def refused(**changed):
    return error_of(check_pieces, replace(true_pieces(), **changed))


def test_pieces_of_one_world_agree():
    check_pieces(true_pieces())


SWAPPED = [1, 0, *range(2, C)]


def with_more(values, at):
    values = values.copy()
    values[at] += 100
    return values


@pytest.mark.parametrize(
    "change, told",
    [
        (
            lambda p: {"national": with_more(p.national, (3, 2, 4, 10))},
            "national tables BGR: row C10-C12 of 2002 adds up to",
        ),
        (lambda p: {"national": with_more(p.national, (0, 1, 60, 8))}, "AUS: column C18 of 2001 adds up to"),
        (lambda p: {"pairs": p.pairs * 1e-4}, "trade between countries: .*another unit"),
        (lambda p: {"cubes": p.cubes[:, :, SWAPPED][..., SWAPPED]}, "trade by 16 groups"),
        (lambda p: {"of2014": replace(p.of2014, home=p.of2014.home[SWAPPED])}, "countries in another order"),
        (lambda p: {"partners": p.partners[:, SWAPPED][:, :, SWAPPED]}, "partners of 2014: what AUS buys at home"),
    ],
    ids=["row", "column", "unit", "cubes", "cells", "partners"],
)  # fmt: skip
def test_pieces_that_disagree_are_named(change, told):
    assert re.search(told, refused(**change(true_pieces())))


@pytest.mark.parametrize(
    ("field", "piece"),
    [("output", "output"), ("added", "value added"), ("final", "final uses")],
)
def test_cells_of_2000_of_countries_in_another_order_are_refused(field, piece):
    old = true_pieces().of2000
    values = getattr(old, field)[SWAPPED]
    if field == "final":
        values = values[:, :, SWAPPED]
    message = refused(of2000=replace(old, **{field: values}))
    assert message.startswith(f"{piece} of 2000: cells of AU")
    assert "countries in another order" in message
