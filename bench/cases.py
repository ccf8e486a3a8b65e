"""Benchmark cases: the same answer by tivax and by common alternatives.

    solve     value added absorbed, diag(v) B Y, for all years
    solve-2014    the same on a store of yours, named by its years
    solve-10x50x1    the same on a synthetic world of that size
    inverse   the full Leontief inverse B
    store     all years of a store from disk into memory
    pymrio, mario    one year from labelled tables, in ``labelled``: by pymrio (extra
        tivax[bench]) and by MARIO (package mariopy)

    wwz, kww, bm_source, bm_sink        exports decomposed, in ``decompositions``
    scenarios, change, exact_hat        what if, and why, in ``counterfactuals``;
    one_scenario                        one schedule of 81 x 50
    pairs, pairs_2sls, wild, placebo    draws of each, in ``resampling``
    panel_fe_2000, panel_wild_2000, ... 100000    units, in ``large_panels``

Each function returns a ``Case``; ``CASES`` lists them. The world is synthetic, the size
of WIOD 2016 with ``full``, small otherwise.

``bare passes`` are the products with A that the fast solve makes, and nothing else: no
method that makes as many can take less. ``bare parts`` add the preconditioner
(``solve_limits``).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from ..engine.measures import solve_years
from ..engine.tables import (
    WorldShape,
    WorldTables,
    open_store,
    save_store,
    synthetic_world,
)
from ..kernels import leontief
from . import block_jacobi, counterfactuals, labelled, large_panels, resampling
from .decompositions import decomposition
from .harness import Case
from .solve_limits import bare_parts, bare_passes

SEED = 0
BARE, PARTS = "bare passes", "bare parts"
SMALL = WorldShape(regions=8, sectors=10, years=3)
FULL = WorldShape()
# The inverse of one year costs as much as 15 solves: fewer years, the same ratios.
_INVERSE_YEARS = 5


@dataclass(frozen=True)
class World:
    """A synthetic world for all methods: A and Y of all years, v, labels."""

    tables: WorldTables
    A: Float[np.ndarray, "t n n"]
    Y: Float[np.ndarray, "t n c"]
    v: Float[np.ndarray, "t n"]
    full: bool
    folder: Path  # for files that a case needs; the caller removes it

    @property
    def size(self) -> str:
        t, n, c = self.Y.shape
        return f"{c} x {n // c} x {t}"


def make_world(folder: Path, *, full: bool) -> World:
    """The synthetic world of the benchmarks and its coefficients."""
    tables = synthetic_world(FULL if full else SMALL, SEED)
    return world_of(tables, folder, full=full)


def world_of(tables: WorldTables, folder: Path, *, full: bool) -> World:
    """The same of tables that somebody has."""
    x = np.asarray(tables.x[:])
    per_dollar = np.divide(1, x, out=np.zeros_like(x), where=x > 0)
    A = tables.Z[:] * per_dollar[:, None, :]
    v = np.where(x > 0, 1 - A.sum(axis=1), 0)
    return World(tables, A, tables.final_demand(), v, full, folder)


# ------------------------------------------------------------------------- solve


def solve(world: World) -> Case:
    """diag(v) B Y for all years, from A in memory."""
    return _solve(world, "solve")


def solve_of_store(world: World) -> Case:
    """``solve`` on tables that are not those of the benchmarks: solve-2014."""
    first, last = world.tables.years[0], world.tables.years[-1]
    return _solve(world, f"solve-{first}" + (f"-{last}" if last != first else ""))


def solve_of_size(shape: WorldShape, folder: Path) -> Case:
    """``solve`` on a synthetic world of another size, without the slow methods."""
    world = world_of(synthetic_world(shape, SEED), folder, full=False)
    size = f"{shape.regions}x{shape.sectors}x{shape.years}"
    every = _solve(world, f"solve-{size}")
    few = {name: every.methods[name] for name in ("tivax", "numpy solve", BARE, PARTS)}
    return replace(every, methods=few)


def _solve(world: World, name: str) -> Case:
    # Nothing can be recovered of an industry's row where it adds no value.
    v_known = np.where(world.v == 0, 1, world.v)
    A, Y, v = (jnp.asarray(k) for k in (world.A, world.Y, v_known))
    A_years, Y_years = list(A), list(Y)  # as numpy's loops get them: no copies
    regions = world.Y.shape[2]
    eye = np.eye(world.A.shape[1])

    def fast() -> jax.Array:
        return v[:, :, None] * solve_years(A_years, Y_years, regions=regions).X

    passes = np.asarray(solve_years(A_years, Y_years, regions=regions).passes)

    @jax.jit
    def jacobi(A: jax.Array, Y: jax.Array, v: jax.Array) -> jax.Array:
        one = partial(block_jacobi.solve, regions=regions)
        return jax.lax.map(lambda q: q[2][:, None] * one(q[0], q[1]).X, (A, Y, v))

    @jax.jit
    def lu(A: jax.Array, Y: jax.Array, v: jax.Array) -> jax.Array:
        return jax.lax.map(
            lambda q: q[2][:, None] * jnp.linalg.solve(jnp.eye(len(q[0])) - q[0], q[1]),
            (A, Y, v),
        )

    def by_numpy(solved: Callable[..., np.ndarray]) -> list[np.ndarray]:
        years = zip(world.A, world.Y, v_known, strict=True)
        return [v[:, None] * solved(eye - A, Y) for A, Y, v in years]

    def error(absorbed: Any) -> float:
        """Worst relative residual of B Y over years and columns, by numpy."""
        worst = 0.0
        for k, T in enumerate(absorbed):
            A, Y = world.A[k], world.Y[k]
            X = np.asarray(T) / v_known[k][:, None]
            missed = np.linalg.norm(Y - X + A @ X, axis=0)
            worst = max(worst, float((missed / np.linalg.norm(Y, axis=0)).max()))
        return worst

    return Case(
        name,
        {
            "tivax": fast,
            "tivax block-jacobi": lambda: jacobi(A, Y, v),
            "jax.numpy solve, lax.map": lambda: lu(A, Y, v),
            "numpy solve": lambda: by_numpy(np.linalg.solve),
            "numpy inv, v*(B@Y)": lambda: by_numpy(lambda M, Y: np.linalg.inv(M) @ Y),
            BARE: bare_passes(A, Y, passes),
            PARTS: bare_parts(A, Y, passes, regions=regions),
        },
        baseline="numpy solve",
        error=error,
        rounds=5 if world.full else 3,
        limits=(BARE, PARTS),
    )


# ----------------------------------------------------------------------- inverse


def inverse(world: World) -> Case | None:
    """The full Leontief inverse of a few years."""
    try:
        import scipy.linalg
    except ImportError:
        return None
    years = world.A[:_INVERSE_YEARS]
    A = jnp.asarray(years)
    eye = np.eye(years.shape[1])
    map_inverse = jax.jit(partial(jax.lax.map, leontief.inverse))
    map_lapack = jax.jit(
        partial(jax.lax.map, lambda A: jnp.linalg.inv(jnp.eye(len(A)) - A))
    )

    scipy_inv = partial(scipy.linalg.inv, overwrite_a=True, check_finite=False)

    def error(inverses: Any) -> float:
        return max(
            float(np.abs(np.asarray(B) - A @ np.asarray(B) - eye).max())
            for A, B in zip(years, inverses, strict=True)
        )

    return Case(
        "inverse",
        {
            "tivax": lambda: map_inverse(A),
            "jax.numpy inv, lax.map": lambda: map_lapack(A),
            "numpy inv": lambda: [np.linalg.inv(eye - A) for A in years],
            "scipy inv": lambda: [scipy_inv(eye - A) for A in years],
        },
        baseline="numpy inv",
        error=error,
        rounds=3,
    )


# ------------------------------------------------------------------------- store


def store(world: World) -> Case:
    """All years of Z from disk (warm): the store, and a bare npy file."""
    tables = world.tables
    folder = world.folder
    if not (folder / "store").exists():
        save_store(tables, folder / "store")
        np.save(folder / "Z.npy", tables.Z[:])

    def error(Z: Any) -> float:
        return float(np.abs(np.asarray(Z) - tables.Z[:]).max())

    return Case(
        "store",
        {
            "tivax store": lambda: open_store(folder / "store").Z[:],
            "numpy npy": lambda: np.load(folder / "Z.npy"),
        },
        baseline="numpy npy",
        error=error,
        rounds=3,
    )


def _sized(case: Callable[..., Case], *given: Any) -> Callable[[World], Case]:
    return lambda world: case(*given, full=world.full)


CASES: dict[str, Callable[[World], Case | None]] = {
    "solve": solve,
    "inverse": inverse,
    "store": store,
    "pymrio": lambda world: labelled.pymrio(world.tables),
    "mario": lambda world: labelled.mario(world.tables),
    **{
        name.replace("-", "_"): lambda world, name=name: decomposition(
            name, world.tables, full=world.full
        )
        for name in ("wwz", "kww", "bm-source", "bm-sink")
    },
    "scenarios": lambda world: counterfactuals.cuts(
        world.tables, world.A[-1], world.Y[-1], world.v[-1]
    ),
    "change": lambda world: counterfactuals.why(world.tables, world.A, world.Y),
    "exact_hat": _sized(counterfactuals.tariffs),
    "one_scenario": _sized(counterfactuals.one_scenario),
    "pairs": _sized(resampling.pairs),
    "pairs_2sls": _sized(resampling.pairs_2sls),
    "wild": _sized(resampling.wild),
    "placebo": _sized(resampling.placebo),
    **{
        f"panel_{kind}_{units}": _sized(case, units)
        for units in large_panels.UNITS
        for kind, case in (
            ("fe", large_panels.fixed_effect_panels),
            ("wild", large_panels.wild_panels),
        )
    },
}


def needs_package(name: str) -> str:
    """The package or extra that a skipped case needs."""
    return "the package mariopy" if name == "mario" else "the extra tivax[bench]"
