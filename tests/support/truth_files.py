"""Numbers of other programs to test against, and the tables they come from."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.testing import assert_allclose

from tivax.engine import WorldTables

# README of truth: R decompr and exvatools run in double precision.
DECOMPR_RTOL = 1e-12
EXVATOOLS_RTOL = 1e-11
# R gvcAnalyzer on a table that misses balance by 5 in 1e7.
GVC_ANALYZER_RTOL, UNBALANCED = 1e-9, 2e-6

LEATHER = ["Argentina", "Turkey", "Germany"]
LEATHER_SECTORS = ["Agriculture", "Textile_and_Leather", "Transport_Equipment"]
WIODTEST = ["ESP", "FRA", "MEX", "USA", "CHN", "ROW"]
TOY = ["China", "India", "Japan", "ROW"]
CLASSES = {"EU27": ["ESP", "FRA"], "NAFTA": ["MEX", "USA"]}


def truth_table(folder: Path, regions: list[str]) -> WorldTables:
    """The input of a folder of truth as tables of one year, sectors S0, S1, ..."""
    Z, Y = (pd.read_csv(folder / f"in_{k}.csv", index_col=0, comment="#") for k in "ZY")
    given = pd.read_csv(folder / "in_x_v.csv", comment="#")
    x, v = (given[k].to_numpy(float)[None] for k in "xv")
    return WorldTables(
        Z=Z.to_numpy(float)[None],
        Y=Y.to_numpy(float)[None],
        x=x,
        value_added=v,
        regions=regions,
        sectors=[f"S{k}" for k in range(x.size // len(regions))],
        years=[2000],
    )


def outside(members: list[str]) -> tuple[list[str], list[int]]:
    """The regions of WIODTEST that are not members, and their places."""
    others = [k for k in WIODTEST if k not in members]
    return others, [WIODTEST.index(k) for k in others]


def assert_same(actual, expected, rtol):
    """Relative to the largest number of the array."""
    expected = np.asarray(expected, float)
    assert_allclose(actual, expected, rtol=0, atol=rtol * np.abs(expected).max())


def exvatools(path: Path) -> dict[str, np.ndarray]:
    """Term to (industry, importer) in the order of the file."""
    frame = pd.read_csv(path)
    frame.columns = ["label", "term", "row", "col", "value"]
    result = {}
    for term, part in frame.groupby("term"):
        part = part.sort_index()
        columns = len(part["col"].unique())
        wide = part.pivot_table(index="row", columns="col", values="value", sort=False)
        result[str(term)] = wide.to_numpy()
        assert wide.shape[1] == columns
    return result


def printed(path) -> pd.DataFrame:
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    digits = frame["value"].str.partition(".")[2].str.len()
    frame["half"] = 0.5 * 10.0**-digits
    frame["value"] = frame["value"].astype(float)
    return frame
