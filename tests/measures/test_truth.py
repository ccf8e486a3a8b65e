"""Published numbers: R decompr, R exvatools, Koopman-Wang-Wei, the paper.

Inputs and results lie in the shared folder; the tests are skipped without it.
"""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from tivax.engine import WorldTables
from tivax.engine.measures import trade as measures
from tivax.kernels import leontief

from helpers import coefficients, domestic_inverses

pytestmark = pytest.mark.shared

# decompr and exvatools print 15 to 17 digits: what differs is LAPACK and, where tivax
# iterates, its tolerance of 1e-12 on the residual of a column. Relative to the
# largest number of a file; measured 3e-16 (B, L, VB) and 6e-15 (absorbed).
DECOMPR_RTOL = 1e-12
EXVATOOLS_RTOL = 1e-11  # the README of truth; measured 4e-16 and 3e-13


def matrix(path: Path) -> np.ndarray:
    """The numbers of a file whose first column holds labels."""
    return pd.read_csv(path, index_col=0, comment="#").to_numpy(float)


def assert_equal_to(actual, expected, rtol):
    expected = np.asarray(expected)
    assert_allclose(actual, expected, rtol=0, atol=rtol * np.abs(expected).max())


# ------------------------------------------------------------- decompr and exvatools


class Truth:
    """The table in a folder of ``truth`` and the results of the public program."""

    def __init__(self, folder: Path, regions: int, absorbed: str) -> None:
        self.folder = folder
        self.Z, self.Y = matrix(folder / "in_Z.csv"), matrix(folder / "in_Y.csv")
        x_v = pd.read_csv(folder / "in_x_v.csv")
        self.x, self.va = x_v["x"].to_numpy(), x_v["v"].to_numpy()
        self.regions = regions
        self.A = jnp.array(coefficients(self.Z, self.x))
        self._absorbed = absorbed

    @property
    def tables(self) -> WorldTables:
        c = self.regions
        return WorldTables(
            Z=self.Z[None],
            Y=self.Y[None],
            x=self.x[None],
            value_added=self.va[None],
            regions=[f"R{r}" for r in range(c)],
            sectors=[f"S{i}" for i in range(len(self.x) // c)],
            years=[2000],
        )

    def out(self, name: str) -> np.ndarray:
        return matrix(self.folder / f"out_{name}.csv")

    def absorbed(self) -> np.ndarray:
        values = pd.read_csv(self.folder / self._absorbed)
        if "Final_Demand" in values:  # decompr prints a long table
            return values["Final_Demand"].to_numpy().reshape(len(self.x), -1)
        return values.iloc[:, 1:].to_numpy(float)


@pytest.fixture(params=["decompr", "exvatools"])
def truth(request, shared) -> tuple[Truth, float]:
    if request.param == "decompr":
        folder = shared / "truth" / "decompr_leather"
        return Truth(folder, 3, "out_leontief_final_demand.csv"), DECOMPR_RTOL
    folder = shared / "truth" / "exvatools_wiodtest"
    return Truth(folder, 6, "out_VBY_va_absorption.csv"), EXVATOOLS_RTOL


def test_leontief_inverse_is_that_of_the_r_packages(truth):
    table, rtol = truth
    assert_equal_to(leontief.inverse(table.A), table.out("B"), rtol)


def test_domestic_inverses_are_those_of_the_r_packages(truth):
    table, rtol = truth
    c = table.regions
    n = len(table.x)
    blocks = domestic_inverses(table.A, c)
    published = table.out("Ldom").reshape(c, n // c, c, n // c)
    own = published[np.arange(c), :, np.arange(c), :]
    assert_equal_to(blocks, own, rtol)
    assert np.abs(published).sum() == np.abs(own).sum()  # and zero elsewhere


@pytest.mark.parametrize("value_added", ["residual", "basic"])
def test_value_added_absorbed_is_that_of_the_r_packages(truth, value_added):
    """Their tables balance: residual value added is the row they print."""
    table, rtol = truth
    absorbed = measures.value_added_absorbed(table.tables, value_added)
    published = table.absorbed()
    assert_equal_to(absorbed.values.reshape(published.shape), published, rtol)


def test_value_added_multipliers_are_those_of_decompr(shared):
    """diag(v) B."""
    folder = shared / "truth" / "decompr_leather"
    table = Truth(folder, 3, "out_leontief_final_demand.csv")
    v = leontief.residual_value_added(jnp.array(table.Z), jnp.array(table.x))
    VB = v[:, None] * leontief.inverse(table.A)
    assert_equal_to(VB, table.out("VB"), DECOMPR_RTOL)


def test_gross_exports_are_those_of_exvatools(shared):
    folder = shared / "truth" / "exvatools_wiodtest"
    table = Truth(folder, 6, "out_VBY_va_absorption.csv")
    exports = measures.value_added_trade(table.tables)["gross_exports"].values
    published = table.out("EXGR")
    assert_equal_to(exports.reshape(published.shape), published, EXVATOOLS_RTOL)


# ------------------------------------------------------- Koopman, Wang and Wei (2014)


def appendix_table(path: Path, region_of: list[int] | None = None) -> WorldTables:
    """A table of the appendix; regions with fewer sectors get empty ones.

    ``region_of`` gives the region of each row; by default each row is one.
    """
    frame = pd.read_csv(path, comment="#", index_col=0)
    flows = frame.filter(like="Z_").to_numpy(float)
    demand = frame.filter(like="Y_").to_numpy(float)
    regions = [str(name).removeprefix("Y_") for name in frame.filter(like="Y_")]
    rows = region_of or list(range(len(frame)))
    s = max(rows.count(r) for r in rows)
    at = [s * r + rows[:k].count(r) for k, r in enumerate(rows)]
    n = s * len(regions)
    Z, Y, x = np.zeros((n, n)), np.zeros((n, len(regions))), np.zeros(n)
    Z[np.ix_(at, at)], Y[at], x[at] = flows, demand, frame["x"]
    return WorldTables(
        Z=Z[None],
        Y=Y[None],
        x=x[None],
        regions=regions,
        sectors=[f"S{i}" for i in range(s)],
        years=[2000],
    )


def test_first_example_of_the_appendix(shared):
    """BY, VBY and the VAX ratio as printed, with the rounding of each number."""
    folder = shared / "truth" / "kww2014_appendix"
    expected = pd.read_csv(folder / "ex1_expected.csv")
    tables = appendix_table(folder / "ex1_in.csv")
    trade = measures.value_added_trade(tables)
    vax = measures.value_added_trade(trade, by="region")
    A, Y = tables.Z[0] / tables.x[0], tables.Y[0]
    BY = leontief.inverse(jnp.array(A)) @ Y
    compared = 0
    for row in expected.itertuples():
        if row.quantity == "VBY":
            value = trade["va_absorbed"].sel(origin=row.row, absorber=row.col)
        elif row.quantity == "BY":
            value = BY[tables.regions.index(row.row), tables.regions.index(row.col)]
        elif row.quantity == "E":
            value = vax["gross_exports"].sel(region=row.row)
        elif row.quantity == "VAX_ratio":
            value = vax["vax_ratio"].sel(region=row.row)
        else:
            continue  # terms of the decomposition
        compared += 1
        assert abs(np.asarray(value).item() - row.value) <= row.rounding
    assert compared == 12


@pytest.mark.parametrize("case", [1, 2])
def test_each_stage_of_the_appendix_chain_adds_one(shared, case):
    """Example 2: goods pass through six regions, each of five adds 1.

    In case 1 the USA adds 10 and absorbs all; in case 2 it adds 10 at the start and
    absorbs what C5 sells.
    """
    path = shared / "truth" / "kww2014_appendix" / f"ex2_case{case}_in.csv"
    absorbed = measures.value_added_absorbed(appendix_table(path)).sum("sector")
    usa = absorbed.sel(year=2000, absorber="USA")
    stages = ["C1", "C2", "C3", "C4", "C5"]
    assert_allclose(usa.sel(origin=stages), np.ones(5), rtol=DECOMPR_RTOL)
    assert_allclose(usa.sel(origin="USA"), 10, rtol=DECOMPR_RTOL)
    assert_allclose(absorbed.sum(), usa.sum(), rtol=DECOMPR_RTOL)


def test_regions_with_unequal_sectors_are_padded_with_an_empty_one(shared):
    """Appendix D: value-added exports 1.8 and 0.8, gross exports 7 and 6."""
    folder = shared / "truth" / "kww2014_appendix"
    expected = pd.read_csv(folder / "appD_expected.csv", index_col="term")
    tables = appendix_table(folder / "appD_in.csv", [0, 0, 0, 1, 1])
    assert tables.x[0][-1] == 0
    vax = measures.value_added_trade(tables, by="region")
    for name, term in (
        ("gross_exports", "E_gross"),
        ("va_exports", "VT_value_added_exports"),
    ):
        printed = expected.loc[term, ["E12", "E21"]]
        assert_allclose(vax[name].values[0], printed, rtol=DECOMPR_RTOL)


# --------------------------------------------------------------- the paper's Table 1


def test_table_1_of_the_paper_is_reproduced_in_five_years(shared):
    """From bilateral value added computed by others (Stata icio, WIOD 2016)."""
    flows = pd.read_stata(shared / "data" / "wiod2016" / "dva_gtrade.dta")
    codes = pd.read_stata(shared / "data" / "wiod2016" / "exporter_list.dta")
    absorbed = (
        flows.rename(columns={"exporter": "origin", "importer": "absorber"})
        .set_index(["year", "origin", "absorber"])["dva"]
        .to_xarray()
    )
    assert absorbed["origin"].values.tolist() == codes["exporter"].tolist()
    index = measures.trade_benefit_index(absorbed)["tbi"]

    printed = pd.read_csv(shared / "paper" / "table1_tbi.csv")
    printed = printed[printed["year"].isin(index["year"].values)]
    assert len(printed) == 5 * 8
    for row in printed.itertuples():
        assert round(float(index.sel(year=row.year, region=row.iso3)), 4) == row.tbi
