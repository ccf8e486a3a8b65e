"""Published numbers: R decompr, R exvatools, the paper.

Inputs and results lie in the shared folder; the tests are skipped without it.
"""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

import tivax.engine.measures as measures
from tivax.engine import WorldTables
from tivax.engine.measures import trade_benefit_index
from tivax.kernels import leontief

from helpers import system
from truth_files import DECOMPR_RTOL, EXVATOOLS_RTOL, assert_same

pytestmark = pytest.mark.shared


def matrix(path: Path) -> np.ndarray:
    """The numbers of a file whose first column holds labels."""
    return pd.read_csv(path, index_col=0, comment="#").to_numpy(float)


# ------------------------------------------------------------- decompr and exvatools


@pytest.fixture(params=["decompr", "exvatools"])
def truth(request, shared) -> tuple[WorldTables, Path, float]:
    """The table of a public program, the folder of its results, and their accuracy."""
    if request.param == "decompr":
        folder = shared / "truth" / "decompr_leather"
        return request.getfixturevalue("leather"), folder, DECOMPR_RTOL
    folder = shared / "truth" / "exvatools_wiodtest"
    return request.getfixturevalue("wiodtest"), folder, EXVATOOLS_RTOL


def test_leontief_inverse_is_that_of_the_r_packages(truth):
    tables, folder, rtol = truth
    A, _ = system(tables)
    assert_same(leontief.inverse(jnp.array(A)), matrix(folder / "out_B.csv"), rtol)


@pytest.mark.parametrize("value_added", ["residual", "basic"])
def test_value_added_absorbed_is_that_of_the_r_packages(truth, value_added):
    """Their tables balance: residual value added is the row they print."""
    tables, folder, rtol = truth
    if folder.name == "decompr_leather":  # a long table
        printed = pd.read_csv(folder / "out_leontief_final_demand.csv")["Final_Demand"]
    else:
        printed = matrix(folder / "out_VBY_va_absorption.csv")
    absorbed = measures.value_added_trade(tables, value_added)["va_absorbed"]
    assert_same(absorbed.values.ravel(), np.ravel(printed), rtol)


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
    index = trade_benefit_index(absorbed)["tbi"]

    printed = pd.read_csv(shared / "paper" / "table1_tbi.csv")
    printed = printed[printed["year"].isin(index["year"].values)]
    assert len(printed) == 5 * 8
    for row in printed.itertuples():
        assert round(float(index.sel(year=row.year, region=row.iso3)), 4) == row.tbi
