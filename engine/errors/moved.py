"""Standard errors of indicators of a year that does not fit in memory.

The table is moved along a draw of errors, Z + t dZ, x + t dx, Y + t dY, and indicators
are differentiated by t at 0. Every product of theirs is one with Z, which is read in
slabs, or one with B, which is solved for:

    d(Z Q) = Z dQ + dZ Q,      d(B Q) = B (dQ + dA B Q),   dA = dZ / x - A dx / x.

A draw of Z is kept in single precision, half as large as Z, in a temporary file where
that is too large too: products with it are a part of every derivative.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from ...kernels import row_slabs
from ...kernels.inverted_table import InvertedTable, by_products
from ...kernels.leontief import per_dollar
from ...kernels.operators import Blocks, Flows, Inside, moved, moved_inverse
from ...kernels.perimeters import Perimeters, equal_regions
from ...kernels.refinement import IterativeSolution
from ..core import aligned_empty
from ..streaming import StreamedFlows, require_solved_year, scratch, streamed_borders
from .parts import Part
from .solved import ROUGH, OpenedYear

Values = Callable[[InvertedTable, Float[Array, "n c"]], Any]
"""Indicators of an inverted table and of final demand by region."""


class DrawnCells(NamedTuple):
    """A change of all cells and of output; ``inside`` is that of domestic blocks,
    ``columns`` that of the column sums of Z."""

    Z: Float[Array, "n n"]
    Y: Float[Array, "n c"]
    x: Float[Array, " n"]
    inside: Float[Array, "c s s"]
    columns: Float[Array, " n"]

    def flows(self, like: Inside, member: Float[Array, "c p"] | None) -> Flows:
        """The change of Z, its part inside the perimeters that ``like`` is of."""
        inside, Z = self.inside, self.Z
        if isinstance(like, Blocks):
            cells = [Z[k[:, :, None], k[:, None, :]] for k in like.rows]
            inside = Blocks(tuple(k.astype(self.x.dtype) for k in cells), like.rows)

        def single(product: Callable[..., Array], Q: Array) -> Array:
            return product(Z, Q.astype(Z.dtype)).astype(Q.dtype)

        def buyers(Q: Float[Array, " n *k c"]) -> Float[Array, " n *k c"]:
            regions = Q.shape[-1]
            make = partial(row_slabs.buyers, first=jnp.asarray(0), regions=regions)
            return single(make, Q.reshape(len(Q), -1, regions)).reshape(Q.shape)

        times, transposed = (
            partial(single, k) for k in (row_slabs.times, row_slabs.transposed_times)
        )
        return Flows(times, transposed, inside, buyers).among(member)


def draw_in_slabs(
    parts: Sequence[Part], flows: StreamedFlows, key: Key[Array, ""], *, mapped: bool
) -> DrawnCells:
    """The sum of a draw of signs of each part."""
    n, c, s = flows.shape[0], flows.regions, flows.sectors
    Z = scratch(n, n) if mapped else aligned_empty((n, n), np.float32)
    Z[:] = 0
    Y, x = np.zeros((n, c)), np.zeros(n)
    inside, columns = np.zeros((c, s, s)), np.zeros(n)
    for number, part in enumerate(parts):
        for first, cells, output in part.signs(jax.random.fold_in(key, number)):
            made = np.asarray(cells)
            at = slice(first, first + len(made))
            Z[at] += made[:, :n]
            Y[at] += made[:, n:]
            x[at] += output
            columns += made[:, :n].sum(axis=0)
            for r in range(at.start // s, at.stop // s):
                own = slice(r * s, (r + 1) * s)
                inside[r] += made[r * s - at.start :][:s, own]
    return DrawnCells(*jax.device_put((Z, Y, x, inside, columns)))


def mean_squares_in_slabs(
    opened: OpenedYear,
    row: Float[Array, " n"] | None,
    parts: Sequence[Part],
    values: Values,
    key: Key[Array, ""],
    probes: int,
    member: Float[Array, "c p"] | None = None,
) -> Any:
    """Root mean squares of changes of ``values`` for drawn errors; ``row`` is value
    added unless that is the residual, ``member`` as in ``streamed_inverted``.

    Raises ``TivaxError`` where the iteration stalls, and as ``streamed_inverted``.
    """
    inside = streamed_borders(opened.year, member)[1]
    flows, one = opened.year.flows, jnp.ones((), opened.Y.dtype)
    total = found = None
    for probe in range(probes):
        own = jax.random.fold_in(key, probe)
        drawn = draw_in_slabs(parts, flows, own, mapped=opened.mapped)

        def along(t: Array, drawn: DrawnCells = drawn) -> Any:
            return values(*moved_table(opened, row, drawn, t, inside, member))

        found, change = jax.jvp(along, (0 * one,), (one,))
        if total is None:
            total = jax.tree.map(np.zeros_like, change)
        total = _add_squares(total, change)
        jax.block_until_ready(total)
    return root_mean_squares(total, found, np.float64(probes))


@jax.jit
def _add_squares(total: Any, change: Any) -> Any:
    return jax.tree.map(lambda sums, one: sums + one**2, total, change)


@jax.jit
def root_mean_squares(total: Any, found: Any, probes: Float[Array, ""] | int) -> Any:
    """Roots of mean squares, where a value is a number."""

    def root(total: Array, value: Array) -> Array:
        return jnp.where(jnp.isnan(value), jnp.nan, jnp.sqrt(total / probes))

    return jax.tree.map(root, total, found)


def moved_table(
    opened: OpenedYear,
    row: Float[Array, " n"] | None,
    drawn: DrawnCells,
    t: Float[Array, ""],
    inside: Inside,
    member: Float[Array, "c p"] | None = None,
) -> tuple[InvertedTable, Float[Array, "n c"]]:
    """``inverted_table.differentiable_table`` of the moved table, and its final demand
    by region."""
    year = opened.year
    Z, dZ = year.flows.operator(inside, member), drawn.flows(inside, member)
    at_rest = year.x, year.columns, opened.Y
    change = drawn.x, drawn.columns, drawn.Y
    x, by_region, *system = _moved_system(at_rest, change, row, member, t)

    def answer(
        solve: Callable[..., IterativeSolution], Q: Float[Array, "n k"]
    ) -> Float[Array, "n k"]:
        found = solve(Q, tol=ROUGH)
        require_solved_year(year, float(found.residual), ROUGH)
        return found.X

    B = Flows(partial(answer, year.solve), partial(answer, year.solve_contents))
    dA, growth = dZ.scaled(year.scale), -(year.scale**2) * drawn.x
    if bool((growth != 0).any()):
        dA = dA.plus(Z.scaled(growth))
    return by_products(moved(Z, dZ, t), moved_inverse(B, dA, t), x, *system), by_region


@jax.jit
def _moved_system(
    at_rest: tuple[Array, Array, Array],
    change: tuple[Array, Array, Array],
    row: Float[Array, " n"] | None,
    member: Float[Array, "c p"] | None,
    t: Float[Array, ""],
) -> tuple[Array, Array, Array, Array, Array, Perimeters]:
    """Output and final demand by region; final demand, output less inputs and value
    added, per output, and perimeters."""
    x, columns, by_region = (a + t * b for a, b in zip(at_rest, change, strict=True))
    n, c = by_region.shape
    if member is None:
        borders, Y = equal_regions(n, c, by_region.dtype), by_region
    else:
        borders = Perimeters(jnp.repeat(member, n // c, axis=0))
        Y = by_region @ member
    scale = per_dollar(x)
    left = jnp.where(at_rest[0] > 0, 1 - columns * scale, 0)
    return x, by_region, Y, left, left if row is None else row * scale, borders
