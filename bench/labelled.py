"""One year of value added absorbed from labelled tables: by tivax and other packages.

Each case is None where its package is not installed.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd

from ..engine.measures.trade import trade_flows
from ..engine.tables import WorldTables
from .harness import Case

Labelled = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]
"""Z, final demand by region, output (a column) and value added (a row)."""


def pymrio(tables: WorldTables) -> Case | None:
    """Case of ``calc_all``, which computes the Leontief inverse."""
    try:
        mrio = import_module("pymrio")  # has no types: they would be inferred, slowly
    except ImportError:
        return None
    Z, Y, _, added = labelled(tables)

    def calc_all() -> np.ndarray:
        system = mrio.IOSystem(Z=Z, Y=Y)
        system.value_added = account = mrio.Extension("value added", F=added)
        system.calc_all()
        output = np.asarray(system.L) @ np.asarray(system.Y)
        return output * np.asarray(account.S).T

    return _case("pymrio", "pymrio calc_all", calc_all, tables)


def mario(tables: WorldTables) -> Case | None:
    """Case of MARIO's functions for coefficients and for the Leontief inverse w."""
    try:
        package = import_module("mario")  # pins its dependencies: in no extra
    except ImportError:
        return None
    Z, Y, x, added = labelled(tables)

    def calc_w() -> np.ndarray:
        w = package.calc_w(package.calc_z(Z, x))
        output = np.asarray(w) @ np.asarray(Y)
        return output * np.asarray(package.calc_v(added, x)).T

    return _case("mario", "MARIO calc_w", calc_w, tables)


def labelled(tables: WorldTables) -> Labelled:
    """The first year as DataFrames."""
    year = tables.table(tables.years[0])
    industries = pd.MultiIndex.from_product(
        [tables.regions, tables.sectors], names=["region", "sector"]
    )
    demand = pd.MultiIndex.from_product(
        [tables.regions, ["FD"]], names=["region", "category"]
    )
    return (
        pd.DataFrame(year.Z, industries, industries),
        pd.DataFrame(year.Y.sum(axis=2), industries, demand),
        pd.DataFrame(year.x[:, None], industries, ["production"]),
        pd.DataFrame((year.x - year.Z.sum(axis=0))[None], ["va"], industries),
    )


def _case(
    name: str, method: str, theirs: Callable[[], np.ndarray], tables: WorldTables
) -> Case:
    Z, Y, x, _ = (np.asarray(k) for k in labelled(tables))
    A = Z * np.divide(1, x, out=np.zeros_like(x), where=x > 0).T
    v = np.where(x[:, 0] > 0, 1 - A.sum(axis=0), 0)
    truth = v[:, None] * np.linalg.solve(np.eye(len(Y)) - A, Y)
    one = tables.select(tables.years[0], tables.years[0])

    def error(T: Any) -> float:
        return float(np.linalg.norm(np.nan_to_num(T) - truth) / np.linalg.norm(truth))

    return Case(
        name,
        {
            "tivax": lambda: trade_flows(one)["va_absorbed"].values.reshape(Y.shape),
            method: theirs,
        },
        baseline=method,
        error=error,
        rounds=3,
    )
