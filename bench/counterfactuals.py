"""Why it changed and what if: batches of tivax against a solve for each case.

scenarios     bilateral cuts on one year, each a new table for numpy
change        effects on the index, from derivatives along a path; the solves of
              its nodes by numpy, two each, are the baseline and a limit
exact_hat     tariff schedules in one batch, against one after the other
one_scenario  one schedule of a large world, the old equilibrium with it; and many
"""

from typing import Any

import numpy as np
from jaxtyping import Float

from ..engine.change import change
from ..engine.equilibrium import Economy, exact_hat
from ..engine.scenarios import Shock, scenarios
from ..engine.tables import WorldTables
from .harness import Case

_PERCENT = 25
# The most that variants of a case are, full and small.
_CUTS, _FEW_CUTS = 40, 6
_SCHEDULES, _FEW_SCHEDULES = 50, 4


def cuts(tables: WorldTables, A: np.ndarray, Y: np.ndarray, v: np.ndarray) -> Case:
    """Value added by region after a quarter of a region's sales to another is cut, for
    many pairs, in the last year (A, Y and v are its)."""
    n, c = Y.shape
    s, names = n // c, tables.regions
    full = n > 1000
    pairs = [(r, k) for r in range(c) for k in range(c) if r != k]
    pairs = pairs[:: max(1, len(pairs) // (_CUTS if full else _FEW_CUTS))]
    shocks = {
        f"{names[r]} {names[k]}": Shock(
            "cut", exporters=names[r], importers=names[k], percent=_PERCENT
        )
        for r, k in pairs
    }

    def fast() -> Float[np.ndarray, "p c"]:
        table = scenarios(tables, shocks, measures=["value_added"]).table
        table = table[table["region"].isin(names)]
        return table["after"].to_numpy().reshape(len(pairs), c)

    def numpy_solves() -> Float[np.ndarray, "p c"]:
        found = []
        for r, k in pairs:
            seller, buyer = slice(r * s, (r + 1) * s), slice(k * s, (k + 1) * s)
            left, demand = np.eye(n) - A, Y.copy()
            left[seller, buyer] *= 1 - _PERCENT / 100
            demand[seller, k] *= 1 - _PERCENT / 100
            X = np.linalg.solve(left, demand.sum(axis=1))
            found.append((v * X).reshape(c, s).sum(axis=1))
        return np.stack(found)

    wanted = numpy_solves()

    def error(found: Any) -> float:
        return float(np.max(np.abs(np.asarray(found) / wanted - 1)))

    return Case(
        "scenarios",
        {"tivax": fast, "numpy solve of each": numpy_solves},
        baseline="numpy solve of each",
        error=error,
        rounds=3,
        tolerance=1e-9,
    )


def why(tables: WorldTables, A: np.ndarray, Y: np.ndarray) -> Case:
    """Effects of six factors on the index of all regions between the last two years."""
    start, end = tables.years[-2:]
    nodes = change(tables, "tbi", start=start, end=end, polar=False).nodes
    eye, path = np.eye(A.shape[1]), np.polynomial.legendre.leggauss(nodes)[0]

    def fast() -> Float[np.ndarray, "c f"]:
        found = change(tables, "tbi", start=start, end=end, polar=False)
        return np.asarray(found.by_factor)

    def bare_solves() -> list[np.ndarray]:
        found = []
        for t in (1 + path) / 2:
            left = eye - ((1 - t) * A[-2] + t * A[-1])
            demand = (1 - t) * Y[-2] + t * Y[-1]
            found += [np.linalg.solve(left, demand), np.linalg.solve(left.T, demand)]
        return found

    values = change(tables, "tbi", start=start, end=end, polar=False).values
    moved = values["change"].to_numpy()

    def error(found: Any) -> float:
        """Effects that do not add up to the change."""
        if isinstance(found, list) and len(found) != len(moved):
            return np.inf
        return float(np.max(np.abs(np.sum(found, axis=1) - moved) / np.abs(moved)))

    return Case(
        "change",
        {"tivax": fast, "numpy solves of the nodes": bare_solves},
        baseline="numpy solves of the nodes",
        error=error,
        rounds=3,
        tolerance=1e-8,
        limits=("numpy solves of the nodes",),
    )


def tariffs(*, full: bool) -> Case:
    """Real wages by region after each of many tariff schedules."""
    size = {"regions": 31, "sectors": 40} if full else {"regions": 3, "sectors": 2}
    economy = Economy.synthetic(**size, seed=1)
    count = _SCHEDULES if full else _FEW_SCHEDULES
    rates = np.linspace(0, 2, count)[:, None, None, None] * economy.tariff

    def fast() -> Float[np.ndarray, "p r"]:
        wages = exact_hat(economy, rates).changes["realwage"]
        return wages.to_numpy().reshape(count, -1)

    def one_by_one() -> Float[np.ndarray, "p r"]:
        each = [exact_hat(economy, rate).changes["realwage"] for rate in rates]
        return np.stack([k.to_numpy() for k in each])

    wanted = one_by_one()

    def error(found: Any) -> float:
        """In per cent of a wage, of which equilibria know ten digits."""
        off = np.abs(np.asarray(found) - wanted)
        return float(np.max(off / np.abs(wanted).max()))

    return Case(
        "exact_hat",
        {"tivax": fast, "tivax, one by one": one_by_one},
        baseline="tivax, one by one",
        error=error,
        rounds=3,
        tolerance=1e-8,
    )


def one_scenario(*, full: bool) -> Case:
    """Real wages by region after one tariff schedule, and after many in a batch."""
    size = {"regions": 81, "sectors": 50} if full else {"regions": 3, "sectors": 2}
    economy = Economy.synthetic(**size, seed=1)
    count = 16 if full else 2
    rates = np.linspace(0.5, 1, count)[:, None, None, None] * economy.tariff

    def alone() -> Float[np.ndarray, " r"]:
        return exact_hat(economy, rates[0]).changes["realwage"].to_numpy()

    def batch() -> Float[np.ndarray, " r"]:
        wages = exact_hat(economy, rates).changes["realwage"].to_numpy()
        return wages.reshape(count, -1)[0]

    wanted = alone()

    def error(found: Any) -> float:
        """In per cent of a wage, of which equilibria know ten digits."""
        off = np.abs(np.asarray(found) - wanted)
        return float(np.max(off) / np.abs(wanted).max())

    return Case(
        "one_scenario",
        {"tivax": alone, f"tivax, {count} in a batch": batch},
        baseline="tivax",
        error=error,
        rounds=3,
        repeats={f"tivax, {count} in a batch": count},
        tolerance=1e-8,
        notes=("KITE.jl publishes 0.1 s for one scenario of 81 countries, 50 sectors",),
    )
