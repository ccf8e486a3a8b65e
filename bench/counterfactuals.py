"""Why it changed and what if: batches of tivax against a solve for each case.

scenarios     bilateral cuts on one year, each a new table for numpy
change        effects on the index, from derivatives along a path; the solves of
              its nodes by numpy, two each, are the baseline and a limit
exact_hat     tariff schedules in one batch, against one after the other
one_scenario  one schedule of a large world, the old equilibrium with it; and many
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float

from ..engine.change import change
from ..engine.equilibrium import Economy, exact_hat
from ..engine.scenarios import Cut, scenarios
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
        f"{names[r]} {names[k]}": Cut(names[r], names[k], percent=_PERCENT)
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
    moves = partial(change, tables, "tbi", start=start, end=end, polar=False)
    found = moves()
    moved = found.values["change"].to_numpy()
    path = np.polynomial.legendre.leggauss(found.nodes)[0]
    eye = np.eye(A.shape[1])

    def bare_solves() -> list[np.ndarray]:
        found = []
        for t in (1 + path) / 2:
            left = eye - ((1 - t) * A[-2] + t * A[-1])
            demand = (1 - t) * Y[-2] + t * Y[-1]
            found += [np.linalg.solve(left, demand), np.linalg.solve(left.T, demand)]
        return found

    def error(found: Any) -> float:
        """Effects that do not add up to the change."""
        if isinstance(found, list) and len(found) != len(moved):
            return np.inf
        return float(np.max(np.abs(np.sum(found, axis=1) - moved) / np.abs(moved)))

    return Case(
        "change",
        {
            "tivax": lambda: np.asarray(moves().by_factor),
            "numpy solves of the nodes": bare_solves,
        },
        baseline="numpy solves of the nodes",
        error=error,
        rounds=3,
        tolerance=1e-8,
        limits=("numpy solves of the nodes",),
    )


def tariffs(*, full: bool) -> Case:
    """Real wages by region after each of many tariff schedules."""
    economy = _economy(31, 40, full=full)
    count = _SCHEDULES if full else _FEW_SCHEDULES
    rates = np.linspace(0, 2, count)[:, None, None, None] * economy.tariff
    return _of_wages(
        "exact_hat",
        {
            "tivax": lambda: _real_wages(economy, rates),
            "tivax, one by one": lambda: np.concatenate(
                [_real_wages(economy, rate) for rate in rates]
            ),
        },
        baseline="tivax, one by one",
    )


def one_scenario(*, full: bool) -> Case:
    """Real wages by region after one tariff schedule, and after many in a batch."""
    economy, count = _economy(81, 50, full=full), 16 if full else 2
    rates = np.linspace(0.5, 1, count)[:, None, None, None] * economy.tariff
    batch = f"tivax, {count} in a batch"
    return _of_wages(
        "one_scenario",
        {
            "tivax": lambda: _real_wages(economy, rates[0]),
            batch: lambda: _real_wages(economy, rates)[:1],
        },
        baseline="tivax",
        repeats={batch: count},
        notes=("KITE.jl publishes 0.1 s for one scenario of 81 countries, 50 sectors",),
    )


def _economy(regions: int, sectors: int, *, full: bool) -> Economy:
    size = (regions, sectors) if full else (3, 2)
    return Economy.synthetic(*size, seed=1)


def _real_wages(economy: Economy, rates: np.ndarray) -> Float[np.ndarray, "p r"]:
    wages = exact_hat(economy, rates).changes["realwage"].to_numpy()
    return wages.reshape(-1, len(economy.regions))


def _of_wages(
    name: str, methods: dict[str, Callable[[], Any]], *, baseline: str, **more: Any
) -> Case:
    wanted = methods[baseline]()

    def error(found: Any) -> float:
        """In per cent of a wage, of which equilibria know ten digits."""
        return float(np.abs(np.asarray(found) - wanted).max() / np.abs(wanted).max())

    return Case(name, methods, baseline, error, rounds=3, tolerance=1e-8, **more)
