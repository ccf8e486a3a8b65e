"""Standard errors of indicators of a year that does not fit in memory.

The table is moved along a draw of errors, Z + t dZ, x + t dx, Y + t dY, and indicators
are differentiated by t at 0. Every product of theirs is one with Z, which is read in
slabs, or one with B, which is solved for:

    d(Z Q) = Z dQ + dZ Q,      d(B Q) = B (dQ + dA B Q),   dA = dZ / x - A dx / x.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from ...kernels import leontief, perimeters
from ...kernels.inverted_table import InvertedTable
from ...kernels.refinement import IterativeSolution
from ..streaming import (
    StreamedCoefficients,
    StreamedFlows,
    buyers_among,
    require_solved_year,
    streamed_borders,
)
from .models import ErrorModel
from .streamed_draws import DrawnYear, draw_year
from .streamed_errors import OpenedYear
from .streamed_parts import streamed_parts
from .trade_errors import ROUGH

Values = Callable[[InvertedTable, Float[Array, "n c"]], Any]
"""Indicators of an inverted table and of final demand by region."""

_Product = Callable[[Array], Array]


def streamed_mean_squares(
    opened: OpenedYear,
    row: Float[Array, " n"] | None,
    model: ErrorModel,
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
    parts = streamed_parts(opened.tables, opened.number, model, flows.rows)
    total = found = None
    for probe in range(probes):
        own = jax.random.fold_in(key, probe)
        drawn = draw_year(parts, flows, own, mapped=opened.mapped)

        def moved(t: Array, drawn: DrawnYear = drawn) -> Any:
            return values(*_moved(opened, row, drawn, t, inside, member))

        found, change = jax.jvp(moved, (0 * one,), (one,))
        if total is None:
            total = jax.tree.map(np.zeros_like, change)
        total = _add_squares(total, change)
        jax.block_until_ready(total)
    return _roots(total, found, np.float64(probes))


@jax.jit
def _add_squares(total: Any, change: Any) -> Any:
    return jax.tree.map(lambda sums, one: sums + one**2, total, change)


@jax.jit
def _roots(total: Any, found: Any, probes: Float[Array, ""]) -> Any:
    """Root mean squares, where a value is a number."""

    def root(total: Array, value: Array) -> Array:
        return jnp.where(jnp.isnan(value), jnp.nan, jnp.sqrt(total / probes))

    return jax.tree.map(root, total, found)


def _along(value: _Product, change: _Product) -> Callable[[Array, Array], Array]:
    """A product with a matrix that is moved by t, at t = 0: ``value(Q)``, whose
    derivative is ``value(dQ) + dt change(Q)``."""

    @jax.custom_jvp
    def product(t: Array, Q: Array) -> Array:
        return value(Q)

    @product.defjvp
    def _(primals: tuple, tangents: tuple) -> tuple[Array, Array]:
        (_, Q), (dt, dQ) = primals, tangents
        return value(Q), value(dQ) + dt * change(Q)

    return product


class _MovedFlows:
    """Multiply by Z + t dZ: see ``streaming.inverted.TableFlows``."""

    def __init__(
        self,
        flows: StreamedFlows,
        drawn: DrawnYear,
        t: Array,
        inside: Any,
        member: Float[Array, "c p"] | None,
    ) -> None:
        self._t, self.inside = t, inside + t * drawn.inside_of(inside)
        self._times = _along(flows.__matmul__, drawn.__matmul__)
        self._transposed = _along(flows.transposed_times, drawn.transposed_times)
        self._buyers = _along(
            buyers_among(flows.buyers, member), buyers_among(drawn.buyers, member)
        )

    def __matmul__(self, Q: Float[Array, "n k"]) -> Float[Array, "n k"]:
        return self._times(self._t, Q)

    def transposed_times(self, Q: Float[Array, "n k"]) -> Float[Array, "n k"]:
        return self._transposed(self._t, Q)

    def buyers(self, Q: Float[Array, " n *k c"]) -> Float[Array, " n *k c"]:
        return self._buyers(self._t, Q)

    def __mul__(self, scale: Float[Array, "1 n"]) -> StreamedCoefficients:
        return StreamedCoefficients(self, scale[0])


class _MovedInverse:
    """B of the moved table for products, each a solve to six digits."""

    def __init__(self, opened: OpenedYear, drawn: DrawnYear, t: Array) -> None:
        year = opened.year
        self._t, self._n = t, len(year.x)
        flows, scale = year.flows, year.scale
        moved = -(scale**2) * drawn.x

        def answer(found: IterativeSolution) -> Array:
            require_solved_year(year, float(found.residual), ROUGH)
            return found.X

        def solve(Q: Array) -> Array:
            return answer(year.solve(Q, tol=ROUGH))

        def contents(Q: Array) -> Array:
            return answer(year.solve_contents(Q, tol=ROUGH))

        def by_rows(Q: Array) -> Array:
            made = solve(Q)
            change = drawn @ (scale[:, None] * made)
            if bool((moved != 0).any()):
                change = change + flows @ (moved[:, None] * made)
            return solve(change)

        def by_columns(Q: Array) -> Array:
            held = contents(Q)
            change = scale[:, None] * drawn.transposed_times(held)
            if bool((moved != 0).any()):
                change = change + moved[:, None] * flows.transposed_times(held)
            return contents(change)

        self._right, self._left = _along(solve, by_rows), _along(contents, by_columns)

    def __matmul__(self, Q: Float[Array, " n *k"]) -> Float[Array, " n *k"]:
        return self._right(self._t, Q.reshape(len(Q), -1)).reshape(Q.shape)

    def __rmatmul__(self, Q: Float[Array, "*k n"]) -> Float[Array, "*k n"]:
        columns = jnp.moveaxis(Q, -1, 0)
        found = self._left(self._t, columns.reshape(self._n, -1))
        return jnp.moveaxis(found.reshape(columns.shape), 0, -1)

    def sum(self, axis: int) -> Float[Array, " n"]:
        one = jnp.ones(self._n, self._t.dtype)
        return self @ one if axis == 1 else one @ self


def _moved(
    opened: OpenedYear,
    row: Float[Array, " n"] | None,
    drawn: DrawnYear,
    t: Float[Array, ""],
    inside: perimeters.Inside,
    member: Float[Array, "c p"] | None = None,
) -> tuple[InvertedTable, Float[Array, "n c"]]:
    """``sensitivity.differentiable_table`` of the moved table, and its final demand by
    region."""
    year = opened.year
    flows: Any = _MovedFlows(year.flows, drawn, t, inside, member)
    at_rest = year.x, year.columns, opened.Y
    change = drawn.x, drawn.columns, drawn.Y
    world, by_region = _moved_system(at_rest, change, flows.inside, row, member, t)
    B: Any = _MovedInverse(opened, drawn, t)
    X = B @ world.Y
    content = world.content.T @ B
    sold = (flows * world.scale[None, :]) @ _by_user(world.borders.member, X)
    world = _with_products(world, X, content, sold)
    return world._replace(Z=flows, inverse=B), by_region


@jax.jit
def _moved_system(
    at_rest: tuple[Array, Array, Array],
    change: tuple[Array, Array, Array],
    inside: perimeters.Inside,
    row: Float[Array, " n"] | None,
    member: Float[Array, "c p"] | None,
    t: Float[Array, ""],
) -> tuple[InvertedTable, Float[Array, "n c"]]:
    """The moved table without its products: ``content`` is their right-hand side, and
    X and exports are final demand."""
    x, columns, by_region = (a + t * b for a, b in zip(at_rest, change, strict=True))
    n, c = by_region.shape
    if member is None:
        borders, Y = perimeters.equal_regions(n, c, by_region.dtype), by_region
    else:
        borders = perimeters.Perimeters(jnp.repeat(member, n // c, axis=0))
        Y = by_region @ member
    active = at_rest[0] > 0
    scale = leontief.per_dollar(x)
    left = jnp.where(active, 1 - columns * scale, 0)
    v = left if row is None else row * scale
    coefficients = perimeters.of_columns(inside, scale)
    L = perimeters.differentiable_inverse(
        perimeters.identity(coefficients) - coefficients
    )
    missing = jnp.full((), jnp.nan, Y.dtype)
    nothing: Any = None
    world = InvertedTable(
        borders=borders,
        Z=nothing,
        scale=scale,
        v=v,
        Y=Y,
        X=Y,
        exports=Y,
        L=L,
        content=borders.member * v[:, None],
        dva_multiplier=perimeters.left_multiply(v, L),
        fva_multiplier=jnp.full_like(v, jnp.nan),
        active=active.astype(Y.dtype),
        largest_input_share=missing,
        residual=missing,
        inverse=None,
        cell_error=missing,
        cell_backward_error=missing,
    )
    return world, by_region


@jax.jit
def _by_user(member: Float[Array, "n c"], X: Float[Array, "n c"]) -> Array:
    """Output by the region that makes it."""
    return member * X.sum(axis=1)[:, None]


@jax.jit
def _with_products(
    world: InvertedTable,
    X: Float[Array, "n c"],
    content: Float[Array, "c n"],
    sold: Float[Array, "n c"],
) -> InvertedTable:
    exports = (world.Y + sold) * world.borders.abroad * world.active[:, None]
    return world._replace(X=X, content=content.T, exports=exports)
