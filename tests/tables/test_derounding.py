"""What rounding took out of a table, put back: by hand, literally, and in an import."""

import json
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_allclose, assert_array_equal

from tivax.engine import import_tables, open_store
from tivax.engine.tables.derounding import ONES, POWER, deround, spread
from tivax.engine.tables.world_table import WorldTable

from commands import good, mistake
from helpers import error_of
from source_files import r_list, sheet, small_table, write_r_list, write_sheet

DEMAND = ("c37", "c38", "c39", "c41", "c42")
# Sums of a few dozen numbers.
EXACT = 1e-12


def rounded_table(seed=0, regions=3, sectors=4) -> WorldTable:
    """Whole numbers, most of them 0: a table of cells around 1/2 that was rounded."""
    rng = np.random.default_rng(seed)
    c, n = regions, regions * sectors
    Z = rng.lognormal(-0.5, 1.5, size=(n, n))
    Y = 3 * rng.lognormal(-0.5, 1.5, size=(n, c, 5))
    Y[:, :, 4] *= rng.choice([-1, 0, 1], size=(n, c))
    x = 20 + Z.sum(axis=1) + Y.sum(axis=(1, 2))
    Y[:, 0, 0] += 20
    return WorldTable(
        year=2000,
        regions=("AUS", "ROU", "ROW")[:c],
        sectors=tuple(f"c{k + 1}" for k in range(sectors)),
        categories=DEMAND,
        Z=np.rint(Z),
        Y=np.rint(Y),
        x=np.rint(x),
    )


# ---------------------------------------------------------------------- one row


def test_a_row_is_spread_by_weight_up_to_a_half():
    """1.4 over weights 4, 2, 1, 1: the first is full, 0.9 is left for 2, 1, 1; then
    0.45, 0.225, 0.225."""
    cells = spread(np.array([1.4]), np.array([[4.0, 2, 1, 1]]))
    assert_allclose(cells, [[0.5, 0.45, 0.225, 0.225]], rtol=EXACT)
    cells = spread(np.array([0.8]), np.array([[4.0, 2, 1, 1]]))
    assert_allclose(cells, [[0.4, 0.2, 0.1, 0.1]], rtol=EXACT)


def test_a_row_takes_no_more_than_its_cells_hold_and_nothing_of_an_excess():
    cells = spread(
        np.array([9.0, -2, 3]), np.array([[1.0, 2, 0], [1, 1, 1], [0, 0, 0]])
    )
    assert_array_equal(cells, [[0.5, 0.5, 0], [0, 0, 0], [0, 0, 0]])


def test_the_level_is_the_one_that_bisection_finds():
    rng = np.random.default_rng(1)
    weights = rng.lognormal(size=(50, 30)) * (rng.random((50, 30)) < 0.8)
    total = rng.uniform(0, 8, size=50)
    for cells, w, want in zip(spread(total, weights), weights, total, strict=True):
        low, high = 0.0, 1e6
        for _ in range(200):
            middle = (low + high) / 2
            if np.minimum(middle * w, 0.5).sum() < want:
                low = middle
            else:
                high = middle
        assert_allclose(cells, np.minimum(high * w, 0.5), rtol=1e-9)


# -------------------------------------------------------------------- one table


@pytest.mark.parametrize("seed", range(4))
def test_rows_that_missed_add_up_and_only_cells_of_zero_changed(seed):
    table = rounded_table(seed)
    filled, above = deround(table)
    before = table.x - table.Z.sum(axis=1) - table.Y.sum(axis=(1, 2))
    after = table.x - filled.Z.sum(axis=1) - filled.Y.sum(axis=(1, 2))
    assert (before > 0).any() and (before < 0).any()
    full = after > 1e-10  # all that its cells hold
    assert full.sum() <= 2
    assert_allclose(after[(before > 0) & ~full], 0, atol=1e-10)
    for i in np.flatnonzero(full):
        added = np.concatenate(
            [k[i].ravel() for k in (filled.Z - table.Z, filled.Y - table.Y)]
        )
        assert set(added) <= {0, 0.5}
    assert_array_equal(after[before <= 0], before[before <= 0])
    assert above == (before < 0).sum()
    for name in ("Z", "Y"):
        old, new = getattr(table, name), getattr(filled, name)
        assert_array_equal(new[old != 0], old[old != 0])
        assert (new >= old).all() and (new - old).max() <= 0.5
    assert_array_equal(filled.Y[:, :, 4], table.Y[:, :, 4])
    assert_array_equal(filled.x, table.x)


def test_weights_are_those_of_the_formula():
    """Every cell in loops; rows that miss little, so that none is full."""
    table = rounded_table(5)
    sales = table.Z.sum(axis=1) + table.Y.sum(axis=(1, 2))
    table = replace(table, x=sales + 1)
    filled, _ = deround(table)
    c, s, n = 3, 4, 12
    for i in range(n):
        weights = {}
        for q in range(c):
            sold = table.Z[i, q * s : q * s + s].sum() + table.Y[i, q, :4].sum()
            for j in range(s + 4):
                if j < s:
                    own = table.Z[i, q * s + j]
                    bought = sum(table.Z[r * s + i % s, q * s + j] for r in range(c))
                else:
                    own = table.Y[i, q, j - s]
                    bought = sum(table.Y[r * s + i % s, q, j - s] for r in range(c))
                column = table.Z[:, q * s + j] if j < s else table.Y[:, q, j - s]
                ones, zeros = (sum(k == v for k in column) for v in (1, 0))
                if own == 0:
                    weights[q, j] = (bought * (sold + 0.5)) ** POWER
                    weights[q, j] *= ((ones + 1) / (zeros + 1)) ** ONES
        total = sum(weights.values())
        for (q, j), weight in weights.items():
            new = filled.Z[i, q * s + j] if j < s else filled.Y[i, q, j - s]
            assert weight / total < 0.5
            assert_allclose(new, weight / total, rtol=EXACT)


def test_no_industry_is_filled_above_what_it_makes():
    """The last industry buys much of everything from the first region and makes 1."""
    table = rounded_table(6)
    Z, x = table.Z.copy(), table.x.copy()
    Z[:, -1] = 0
    Z[:2, -1] = [0, 1]
    x[-1] = 1
    filled, _ = deround(replace(table, Z=Z, x=x))
    assert_array_equal(filled.Z[:, -1], Z[:, -1])
    x[-1] = 0  # nor is one that makes nothing
    filled, _ = deround(replace(table, Z=Z, x=x))
    assert_array_equal(filled.Z[:, -1], Z[:, -1])
    x[-1] = 1000
    filled, _ = deround(replace(table, Z=Z, x=x))
    assert filled.Z[:, -1].sum() > 1.05  # with room, it is


def test_a_table_that_is_not_rounded_is_refused():
    table = rounded_table()
    line = (
        "2000: not rounded to whole units, so there is nothing to restore; leave "
        "out derounded=True"
    )
    assert error_of(deround, replace(table, Z=table.Z + 0.25)) == line


# ----------------------------------------------------------------------- imports


def test_import_puts_back_and_says_so(tmp_path):
    table = rounded_table()
    table = replace(table, x=table.Z.sum(axis=1) + table.Y.sum(axis=(1, 2)) + 2.0)
    raw = write_r_list(tmp_path / "wiot_2000.RData", r_list(table))
    plain, store = tmp_path / "plain", tmp_path / "store"
    good("import", "wiod2013", raw, "--out", plain)
    told = good("import", "wiod2013", raw, "--out", store, "--derounded")
    assert "derounded; 0 rows of 12 sell more than they make, and stay so" in told.out
    assert_array_equal(open_store(plain).Z[0], table.Z)
    assert_array_equal(open_store(store).Z[0], deround(table).table.Z)
    assert_array_equal(open_store(store).Y[0], deround(table).table.Y)
    for path, expected in (
        (plain, None),
        (store, {"power": 0.05, "power_of_ones": 0.7, "rows_above_output": 0}),
    ):
        attrs = xr.open_zarr(path, consolidated=False).attrs
        assert attrs["derounded"] == bool(expected)
        assert attrs["title"].endswith(", derounded") == bool(expected)
        assert json.loads(attrs["manifest"])["derounded"] == expected
    # Whole millions may miss 120; what was put back need not.
    assert open_store(plain).tolerance.absolute == 120
    assert open_store(store).tolerance.absolute == 10
    good("check", store)


def test_only_a_rounded_edition_is_derounded(tmp_path):
    store = tmp_path / "store"
    line = mistake("import", "wiod2016", tmp_path, "--out", store, "--derounded")
    assert line == (
        "--derounded: wiod2016 is not rounded to whole units, so there is nothing to "
        "restore; it is for the R edition of wiod2013"
    )
    table = small_table(1995, DEMAND)
    x, Z = table.x.copy(), table.Z.copy()
    Z[0, 0] += 0.25
    x[0] += 0.25
    cells = sheet(replace(table, Z=Z, x=x), 2013)
    path = write_sheet(tmp_path / "WIOT95_ROW_Apr12.xlsx", "WIOT_1995", cells)
    line = error_of(import_tables, "wiod2013", [path], store, derounded=True)
    assert line.startswith("WIOT95_ROW_Apr12.xlsx: 1995: not rounded to whole units")
    assert not store.exists()
