"""Signs that labels are wrong: told, and told truly."""

from dataclasses import replace

import numpy as np
import pytest

from tivax.engine import TivaxWarning, WorldTables, check_tables, synthetic_world
from tivax.engine.tables import WorldShape
from tivax.engine.tables.plausibility import find_doubts

C, S = 6, 5


@pytest.fixture(scope="module")
def world():
    """A year of a synthetic world, whose regions buy mostly at home."""
    return synthetic_world(WorldShape(C, S, 1)).table(2000)


# Places of the industries, sector by sector; sectors of each region turned round.
BY_SECTOR = np.arange(C * S).reshape(C, S).T.ravel()
TURNED = np.arange(C * S).reshape(C, S)[:, ::-1].ravel()
OTHERS = [3, 0, 1, 5, 2, 4]  # regions


def told(world, **changes):
    return find_doubts(replace(world, **changes))


def test_a_sound_table_is_in_no_doubt(world):
    assert told(world) == ()


def test_industries_sector_by_sector_are_told(world):
    """Rows still add up, every identity holds, and every region is another."""
    both = np.ix_(BY_SECTOR, BY_SECTOR)
    (doubt,) = told(world, Z=world.Z[both], Y=world.Y[BY_SECTOR], x=world.x[BY_SECTOR])
    assert doubt.startswith("rows and columns seem to run sector by sector, not region")


def test_columns_sector_by_sector_are_told(world):
    found = told(world, Z=world.Z[:, BY_SECTOR])
    assert any(k.startswith("the columns of Z seem to run sector by") for k in found)


@pytest.mark.parametrize(
    "changes, order",
    [
        (lambda w: {"x": w.x[BY_SECTOR]}, "x runs sector by sector"),
        (lambda w: {"Y": w.Y[BY_SECTOR]}, "the rows of Y run sector by sector"),
        (lambda w: {"Z": w.Z[BY_SECTOR]}, "the rows of Z run sector by sector"),
        (
            lambda w: {"Z": w.Z[BY_SECTOR], "Y": w.Y[BY_SECTOR]},
            "the rows of Z and Y run sector by sector",
        ),
        (lambda w: {"Z": w.Z.T}, "Z is transposed"),
    ],
)
def test_the_order_in_which_rows_would_balance_is_told(world, changes, order):
    assert f"rows equal output only if {order}" in told(world, **changes(world))


def test_output_in_any_other_order_is_told_by_an_example(world):
    found = told(world, x=world.x[TURNED])
    first = next(k for k in range(C * S) if world.x[TURNED][k] != world.x[k])
    at = TURNED.tolist().index(first)
    text = f"what {world.industry(first)} sells is the x of {world.industry(at)}"
    assert any(k.endswith(text) for k in found)


@pytest.mark.parametrize("name", ["Z", "Y"])
def test_regions_of_columns_in_another_order_are_told(world, name):
    """The column labelled R01 holds what R04 buys."""
    if name == "Y":
        changed = world.Y[:, OTHERS]
    else:
        changed = world.Z.reshape(-1, C, S)[:, OTHERS].reshape(C * S, -1)
    found = told(world, **{name: changed})
    text = f"the columns of {name} seem to have their regions in another order: the "
    assert any(k == f"{text}column of R02 buys most from R01" for k in found)


def test_an_industry_of_size_that_buys_more_than_it_makes_is_told(world):
    Z = world.Z.copy()
    k = int(world.x.argmax())
    Z[:, k] *= 2.5 * world.x[k] / Z[:, k].sum()
    (doubt, *_) = told(world, Z=Z)
    assert doubt.startswith("1 of ") and "with more inputs than output" in doubt
    assert doubt.endswith(f"most {world.industry(k)}: inputs 2.5 times its output")


def test_a_small_industry_may_buy_a_little_more_than_it_makes(world):
    """As water transport of Luxembourg in WIOD 2016, 1.3 times."""
    Z, x = world.Z.copy(), world.x.copy()
    x[3] = 0.001 * x.mean()
    Z[:, 3] *= 1.3 * x[3] / Z[:, 3].sum()
    Y = np.zeros_like(world.Y)
    Y[np.arange(C * S), np.repeat(np.arange(C), S), 0] = x - Z.sum(axis=1)
    assert not any("buy more" in k for k in told(world, Z=Z, Y=Y, x=x))


def test_a_table_without_home_bias_is_in_no_doubt():
    rng = np.random.default_rng(0)
    Z, Y = rng.lognormal(size=(1, 30, 30)), 30 * rng.lognormal(size=(1, 30, 6, 1))
    x = Z.sum(axis=2) + Y.sum(axis=(2, 3))
    tables = WorldTables(Z, Y, x, list("ABCDEF"), list("abcde"), [2000])
    assert find_doubts(tables.table(2000)) == ()


def test_parts_of_a_split_region_are_at_home_in_it(world):
    """CN1 sells to the final demand of CHN: the parts have no column of their own."""
    Y = world.Y.copy()
    Y[:, 0] += Y[:, 4]
    Y[:, 4] = 0
    parents = {world.regions[4]: world.regions[0]}
    assert find_doubts(replace(world, Y=Y), parents) == ()


def arrays(world, **changes):
    given = {k: getattr(world, k)[None] for k in ("Z", "Y", "x")} | changes
    return WorldTables(
        **given, regions=world.regions, sectors=world.sectors, years=[2000]
    )


def test_construction_warns_of_arrays_in_doubt_and_check_calls_them_so(world):
    with pytest.warns(TivaxWarning, match="2000: the columns of Y seem to have"):
        tables = arrays(world, Y=world.Y[None][:, :, OTHERS])
    (row,) = check_tables(tables)
    assert row.verdict == "in doubt" and row.faults == []
    assert check_tables(arrays(world))[0].verdict == "sound"
