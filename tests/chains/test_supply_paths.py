"""Supply paths against every path of a small table, and their certified remainder."""

from itertools import product

import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_allclose

import tivax as tx
from tivax.engine.chains import paths as module

from helpers import error_of

BUYER, SUPPLIER, COUNT = "R0", "R1", 8


@pytest.fixture(scope="module")
def found(small):
    return tx.supply_paths(small, BUYER, SUPPLIER, count=COUNT)


def literal(world, longest: int = 4) -> list[tuple[float, str]]:
    """Every path from R1 to final sales of R0, at most so long, largest first."""
    Z, Y, x = (np.asarray(k[-1], float) for k in (world.Z, world.Y, world.x))
    A, f = Z / x, Y.reshape(len(x), -1).sum(axis=1)
    names = [f"{r} {s}" for r in world.regions for s in world.sectors]
    starts, ends = (
        [k for k, n in enumerate(names) if n.startswith(r)] for r in (SUPPLIER, BUYER)
    )
    every = []
    for length in range(longest + 1):
        for inner in product(range(len(x)), repeat=max(length - 1, 0)):
            for first, last in product(starts, ends) if length else ():
                nodes = (first, *inner, last)
                value = f[last] * np.prod(
                    [A[a, b] for a, b in zip(nodes, nodes[1:], strict=False)]
                )
                every.append((value, " > ".join(names[k] for k in nodes)))
    return sorted(every, reverse=True)


def test_the_largest_paths_are_those_among_all(small, found):
    expected = literal(small)[:COUNT]
    assert list(found.table["path"]) == [path for _, path in expected]
    assert_allclose(found.table["value"], [value for value, _ in expected], rtol=1e-10)
    assert list(found.table["length"]) == [path.count(">") for _, path in expected]


@pytest.mark.parametrize("count", [1, 40])
def test_paths_and_remainder_are_the_total(small, count):
    some = tx.supply_paths(small, BUYER, SUPPLIER, count=count)
    together = some.table["value"].sum() + some.remainder
    assert_allclose(together, some.total, rtol=1e-10)
    assert some.gap <= 1e-10 and some.remainder > 0
    Z, Y, x = (np.asarray(k[-1], float) for k in (small.Z, small.Y, small.x))
    f = Y.reshape(len(x), -1).sum(axis=1) * (np.arange(len(x)) < 3)
    B = np.linalg.inv(np.eye(len(x)) - Z / x)
    own = slice(3, 6)
    assert_allclose(some.total, (B @ f)[own].sum(), rtol=1e-10)
    rounds = (B @ (B - np.eye(len(x))) @ f)[own].sum() / ((B @ f) - f)[own].sum()
    assert_allclose(some.length, rounds, rtol=1e-9)


def test_a_remainder_that_misses_the_total_is_told(small, monkeypatch):
    monkeypatch.setattr(module, "_CERTIFIED", -1.0)
    told = error_of(tx.supply_paths, small, BUYER, SUPPLIER)
    assert told.startswith("2001: paths and their remainder miss the total by")


def test_another_demand_and_negative_inputs(small):
    """Signs: paths are ordered by size, the sum stays exact."""
    labels = {"region": list(small.regions), "sector": list(small.sectors)}
    demand = xr.DataArray(np.zeros((4, 3)), labels)
    demand.loc["R0", "S1"], demand.loc["R0", "S2"] = 10.0, -7.0
    some = tx.supply_paths(small, "R0", "R0", demand=demand, count=3)
    assert list(some.table["path"][:2]) == ["R0 S1", "R0 S2"]
    assert_allclose(some.table["value"][:2], [10, -7])
    assert some.gap <= 1e-10
    told = error_of(
        tx.supply_paths, small, "R0", "R0", demand=demand.rename(sector="s")
    )
    assert told == "demand: its dims are ('region', 's'), not region and sector"


def test_mistakes_are_one_line(small):
    assert error_of(tx.supply_paths, small, "R9", "R1").startswith(
        "buyer: no region R9"
    )
    assert error_of(tx.supply_paths, small, "R0", "R1", sectors=["S9"]).startswith(
        "sectors: no sector S9"
    )
    assert error_of(tx.supply_paths, small, "R0", "R1", year=1999) == (
        "no year 1999: the tables hold 2000 to 2001"
    )
