"""The check of a year that is read in row slabs says what that in memory says."""

import warnings
from dataclasses import asdict, replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tivax.engine import TivaxWarning, check_tables, open_store, save_store
from tivax.engine.streaming import flows, memory
from tivax.engine.tables import OF_MODEL

from commands import good
from helpers import small_world

C, S = 4, 3
N = C * S
# Identities are rounding; the radius is of coefficients in single precision.
LOOSE = {"spectral_radius": 2e-5}
ROUNDING = 1e-11


@pytest.fixture(autouse=True)
def small_slabs(monkeypatch):
    """A selling region in a slab."""
    monkeypatch.setattr(flows, "SLAB_BYTES", 8 * S * N)


@pytest.fixture(scope="module")
def world():
    return small_world(C, S, 1)


def changed(world, **arrays):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TivaxWarning)
        return replace(world, **arrays)


def with_loop(world, share, *, wide=False):
    """Two industries, or all of them, that buy from each other ``share`` of output."""
    Z = np.zeros_like(world.Z[0])
    x = np.full(N, 100.0)
    if wide:
        Z[:] = 100 * share / N
    else:
        Z[1, 7] = Z[7, 1] = 100 * share
        Z[0, 5] = 130  # sells more than the buyer makes, but buys nothing of it
    return changed(world, Z=Z[None], x=x[None], value_added=None)


def tables_of(world, name):
    Z = world.Z.copy()
    if name == "sound":
        return world
    if name == "nan":
        Z[0, 4, 5] = np.nan
        return changed(world, Z=Z)
    if name == "nan in the last row":
        Z[0, -1, -1] = np.nan
        return changed(world, Z=Z)
    if name == "negative":  # two cells, and one of every slab
        Z[0, 4, 5:7] = Z[0, ::S, 5] = -1.0
        return changed(world, Z=Z)
    if name == "unbalanced":
        return changed(world, x=world.x * 1.1, value_added=world.x * 3)
    if name == "sector by sector":
        at = np.arange(N).reshape(C, S).T.ravel()
        return changed(world, Z=Z[:, at][:, :, at])
    if name == "columns":
        return changed(world, Z=Z[:, :, np.arange(N).reshape(C, S).T.ravel()])
    if name == "loop":
        return with_loop(world, 1.2)
    if name == "productive loop":
        return with_loop(world, 0.5)
    return with_loop(world, 1.05, wide=True)


KINDS = "sound nan negative unbalanced loop wide".split() + [
    "nan in the last row",
    "sector by sector",
    "columns",
    "productive loop",
]


@pytest.mark.parametrize("name", KINDS)
def test_a_check_in_slabs_says_the_same(world, name):
    tables = tables_of(world, name)
    (usual,), (found,) = check_tables(tables), check_tables(tables, memory=1)
    wanted = asdict(usual)
    if usual.solver == "lu":
        # Slabs have no LU: the year is a fault, and its identities are not known.
        assert found.faults and "not solved" in found.faults[-1]
        wanted |= dict.fromkeys(OF_MODEL, np.nan)
        wanted |= {"solver": found.solver, "residual": found.residual}
    else:
        assert found.verdict == usual.verdict
    for field, value in asdict(found).items():
        if isinstance(value, float):
            size = {"row_gap": 1e7, "column_gap": 1e7, "residual": 1e8}.get(field, 1)
            gap = LOOSE.get(field, ROUNDING * size)
            assert_allclose(value, wanted[field], rtol=1e-6, atol=gap, err_msg=field)
        else:
            assert value == wanted[field], field


def test_industries_of_an_unproductive_year_are_named(world):
    """R01:S02 and R03:S02 by name; R02:S03 buys 1.3 of its output, from outside."""
    (found,) = check_tables(tables_of(world, "loop"), memory=1)
    a, b = (f"{world.regions[r]}:{world.sectors[1]}" for r in (0, 2))
    assert found.unproductive == (
        f"look at {a}, whose inputs are 1.200 of its output, and at {b} (1.200), among "
        "2 industries that supply each other"
    )
    (fine,) = check_tables(tables_of(world, "productive loop"), memory=1)
    assert fine.productive and fine.largest_input_share == 1.3


def test_each_year_is_checked_by_its_own_flows():
    both = small_world(C, S, 2)
    usual, found = check_tables(both), check_tables(both, memory=1)
    first, second = (k.column_gap for k in usual)
    assert abs(first - second) > 0.01 * second
    assert_allclose([k.column_gap for k in found], [first, second], rtol=1e-6)


def test_a_lazy_store_is_checked_slab_by_slab(world, tmp_path, monkeypatch):
    save_store(world, tmp_path / "store")
    lazy = open_store(tmp_path / "store", lazy=True)
    read = type(lazy.Z).__getitem__

    def small_only(values, key):
        assert values.shape != lazy.Z.shape, "Z was read whole"
        return read(values, key)

    monkeypatch.setattr(type(lazy.Z), "__getitem__", small_only)
    assert check_tables(lazy, memory=1)[0].verdict == "sound"


def test_the_command_checks_a_year_that_does_not_fit(world, tmp_path, monkeypatch):
    save_store(world, tmp_path / "store")
    monkeypatch.setattr(memory, "machine_memory", lambda: 1)
    found = good("check", tmp_path / "store")
    (usual,) = check_tables(world)
    assert f"{usual.spectral_radius:.4f}" in found.out
    assert "1 of 1 year sound" in found.out
