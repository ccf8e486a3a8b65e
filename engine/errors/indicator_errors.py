"""Standard errors of indicators, at every level at once.

An indicator has as many values as there are regions, sectors and partners, and a
gradient for each would cost an adjoint solve for each. Here the derivative is taken
forward: drawn errors of all cells go through the derivative of the whole computation
(one solve for all values together), and the squares of what comes out are averaged. For
signs in place of normal errors the average is the variance of the delta method; with K
probes a standard error is right to about 1 / sqrt(2 K) of itself, and better where few
cells matter.
"""

from collections.abc import Generator, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float, Key

from ...kernels import indicators as kernels
from ...kernels import leontief, perimeters
from ...kernels.errors.kind import CellErrors, drawn_signs
from ...kernels.inverted_table import InvertedTable, differentiable_table
from ..core import Progress, no_progress
from ..measures import (
    INDICATORS,
    LEVELS,
    Account,
    Level,
    ValueAdded,
    derived_flows,
    needed_flows,
    perimeters_of,
)
from ..streaming import is_too_large
from ..tables import AnyGroups, WorldTables, as_float64, consumption_and_capital
from .kinds import kinds_of
from .models import ErrorModel
from .moved import mean_squares_in_slabs, root_mean_squares
from .parts import parts_of
from .slabs import RawYear, Slabs, raw_final
from .solved import open_year
from .trade_errors import labelled

PROBES = 200
"""Draws of errors by default: a standard error is right to about 5 %."""


class IndicatorSet(NamedTuple):
    """Indicators by name and level, of the first ``borders``: it sets the shapes of a
    program. ``priced``: value added is in the unit of the table."""

    names: tuple[str, ...]
    levels: tuple[str, ...]
    sectors: int
    borders: int
    priced: bool

    def only(self, found: dict[str, dict[str, Array]]) -> Array:
        """The values of the one indicator at the one level."""
        return found[self.levels[0]][self.names[0]]


def accuracy_of(probes: int) -> float:
    """The relative standard deviation of a standard error from so many probes."""
    return (2 * probes) ** -0.5


def indicator_error_years(
    tables: WorldTables,
    model: ErrorModel,
    names: Sequence[str],
    levels: Sequence[str],
    *,
    groups: AnyGroups | None = None,
    value_added: ValueAdded = "residual",
    probes: int = PROBES,
    seed: int = 0,
    memory: int | None = None,
    progress: Progress = no_progress,
) -> Generator[dict[str, xr.Dataset], None, None]:
    """Standard errors of indicators by level, a year at a time.

    The errors of year k depend on the seed and k alone. A year that needs more than
    ``memory`` (bytes) is read in row slabs.
    """
    account = Account(value_added)
    rows, total = account.rows(tables), len(tables.years)
    borders, uses = perimeters_of(tables, groups), _uses(tables, names)
    member = None if borders.are_regions else jax.device_put(borders.member)
    kinds = kinds_of(model.errors, tables)
    large = is_too_large(tables.n, 1, memory, held=_MATRICES)
    sizes = len(tables.sectors), len(borders.names)
    priced = account.satellite is None
    asked = IndicatorSet(tuple(names), tuple(levels), *sizes, priced)
    labels: dict[str, dict[str, Sequence[str]]] = {}
    for level in levels:
        by_sector, by_partner = LEVELS[level]
        labels[level] = {"region": borders.names}
        labels[level] |= {"sector": tables.sectors} if by_sector else {}
        labels[level] |= {"partner": borders.names} if by_partner else {}
    progress(0, total)
    for k, label in enumerate(tables.years):
        with jax.enable_x64(True):
            key = jax.random.fold_in(jax.random.key(seed), k)
            row = None if rows is None else jax.device_put(as_float64(rows[k]))
            if large:
                opened = open_year(tables, k, memory)
                shares = _shares_of_uses(raw_final(tables, k), tables, uses)
                found = mean_squares_in_slabs(
                    opened,
                    row,
                    parts_of(kinds, Slabs(tables, k, opened.year.flows.rows)),
                    partial(values_of, uses=shares, asked=asked),
                    key,
                    probes,
                    member,
                )
            else:
                year = Slabs(tables, k)
                raw, (Z, Y) = year.all.raw, year.all.table
                shares = _shares_of_uses(raw, tables, uses)
                errors = [e for part in parts_of(kinds, year) for e in part.errors]
                given = jax.device_put(raw.x), Y, row, member, shares, tuple(errors)
                found = _mean_squares(key, Z, *given, asked=asked, probes=probes)
        yield {
            level: labelled(part, label, labels[level]).assign_attrs(level=level)
            for level, part in jax.tree.map(np.asarray, found).items()
        }
        progress(k + 1, total)


# The year, A and B and their transposes, a draw and its variances.
_MATRICES = 8


def _uses(tables: WorldTables, names: Sequence[str]) -> Sequence[Sequence[str]]:
    """Categories of consumption and of capital, where an indicator asks for them."""
    if not any(INDICATORS[k].by_use for k in names):
        return ()
    return consumption_and_capital(tables.categories) or ()


def _shares_of_uses(
    raw: RawYear, tables: WorldTables, uses: Sequence[Sequence[str]]
) -> Float[Array, "n c u"] | None:
    """The share of each use in every cell of final demand: errors of a cell are spread
    over its uses in these proportions."""
    if not uses:
        return None
    Y = raw.Y * raw.demand
    final = raw.final
    share = [
        Y[..., [tables.categories.index(k) for k in use]].sum(axis=2)
        / np.where(final == 0, 1, final)
        for use in uses
    ]
    return jax.device_put(np.stack(share, axis=-1))


@partial(jax.jit, static_argnames=("asked", "probes"))
def _mean_squares(
    key: Key[Array, ""],
    Z: Float[Array, "n n"],
    x: Float[Array, " n"],
    Y: Float[Array, "n c"],
    row: Float[Array, " n"] | None,
    member: Float[Array, "c p"] | None,
    uses: Float[Array, "n c u"] | None,
    errors: tuple[CellErrors, ...],
    *,
    asked: IndicatorSet,
    probes: int,
) -> dict[str, dict[str, Array]]:
    """Root mean squares of changes of indicators, by level and name."""
    n = len(Y)
    values = partial(
        indicator_values,
        row=row,
        member=member,
        uses=uses,
        B=leontief.inverse(Z * leontief.per_dollar(x)[None, :]),
        asked=asked,
    )
    found, moved = jax.linearize(values, Z, x, Y)
    F = jnp.concatenate([Z, Y], axis=1)

    def add(k: Array, squares: Any) -> Any:
        drawn = drawn_signs(jax.random.fold_in(key, k), errors, F)
        change = moved(drawn.cells[:, :n], drawn.output, drawn.cells[:, n:])
        return jax.tree.map(lambda total, one: total + one**2, squares, change)

    squares = jax.lax.fori_loop(0, probes, add, jax.tree.map(jnp.zeros_like, found))
    return root_mean_squares(squares, found, probes)


def indicator_values(
    Z: Float[Array, "n n"],
    x: Float[Array, " n"],
    Y: Float[Array, "n c"],
    *,
    row: Float[Array, " n"] | None,
    member: Float[Array, "c p"] | None,
    uses: Float[Array, "n c u"] | None,
    B: Float[Array, "n n"] | None,
    asked: IndicatorSet,
) -> dict[str, dict[str, Array]]:
    """Indicators of a year by level and name, differentiable in the table."""
    n, c = Y.shape
    each = jnp.eye(c, dtype=Y.dtype) if member is None else member
    borders = perimeters.Perimeters(
        jnp.repeat(each, asked.sectors, axis=0, total_repeat_length=n),
        blocks=member is None,
    )
    v = None if row is None else row * leontief.per_dollar(x)
    world = differentiable_table(Z, x, Y @ each, v, borders, B)
    return values_of(world, Y, uses, asked)


def values_of(
    world: InvertedTable,
    Y: Float[Array, "n c"],
    uses: Float[Array, "n c u"] | None,
    asked: IndicatorSet,
) -> dict[str, dict[str, Array]]:
    """Indicators of an inverted table by level and name; ``uses`` are shares of the
    cells of final demand Y by region."""
    by_use = {}
    if uses is not None:
        each = world.borders.member[:: asked.sectors]
        by_use = {
            name: (Y * uses[..., k]) @ each
            for k, name in enumerate(("CONS_VA", "GFCF_VA"))
        }
    needed = needed_flows(asked.names)
    flows = kernels.flows(world, by_use, sectors=asked.sectors, only=needed)
    return _at_levels(flows, asked=asked)


# Compiled by itself too: of a streamed table every step would be a program.
@partial(jax.jit, static_argnames="asked")
def _at_levels(
    flows: kernels.Flows, *, asked: IndicatorSet
) -> dict[str, dict[str, Array]]:
    count = asked.borders
    cut = {
        name: flow[:count, :, :count] if flow.ndim == 3 else flow[:count]
        for name, flow in flows.items()
    }
    finest = cut | derived_flows(cut, priced=asked.priced)
    return {
        level: {
            name: jnp.asarray(INDICATORS[name].formula(Level(finest, *LEVELS[level])))
            for name in asked.names
            if INDICATORS[name].has(level)
        }
        for level in asked.levels
    }
