"""The inverted table of a year that does not fit: products with B, B itself never."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...kernels import inverted_table as kernels
from ...kernels import perimeters
from ...kernels.inverted_table import InvertedTable
from ...kernels.refinement import IterativeSolution
from .flows import StreamedFlows
from .year import StreamedYear


class StreamedCoefficients:
    """A = Z diag(scale) as what multiplies, each product one of ``TableFlows``."""

    def __init__(self, flows: Any, scale: Float[Array, " n"]) -> None:
        self._flows, self._scale = flows, scale
        self.inside = flows.inside * scale.reshape(len(flows.inside), 1, -1)

    def __matmul__(self, Q: Float[Array, " n *k"]) -> Float[Array, " n *k"]:
        scaled = self._scale.reshape(-1, *[1] * (Q.ndim - 1)) * Q
        return (self._flows @ scaled.reshape(len(Q), -1)).reshape(Q.shape)

    def __rmatmul__(self, q: Float[Array, " n"]) -> Float[Array, " n"]:
        return self._scale * self._flows.transposed_times(q[:, None])[:, 0]

    def buyers(self, Q: Float[Array, " n *k c"]) -> Float[Array, " n *k c"]:
        """See ``StreamedFlows.buyers``."""
        return self._flows.buyers(self._scale.reshape(-1, *[1] * (Q.ndim - 1)) * Q)


class TableFlows:
    """Z of an ``InvertedTable``: products that ``StreamedFlows`` makes, and what stays
    inside borders."""

    def __init__(self, flows: StreamedFlows, inside: Float[Array, "c s s"]) -> None:
        self.inside = inside
        self.buyers, self.transposed_times = flows.buyers, flows.transposed_times
        self._flows = flows

    def __matmul__(self, Q: Float[Array, "n k"]) -> Float[Array, "n k"]:
        return self._flows @ Q

    def __mul__(self, scale: Float[Array, "1 n"]) -> StreamedCoefficients:
        return StreamedCoefficients(self, scale[0])


class StreamedInverse:
    """B of a streamed year for products, each a solve; ``residual`` is the worst."""

    def __init__(self, year: StreamedYear) -> None:
        self._year, self.residual = year, jnp.zeros((), year.x.dtype)

    def __matmul__(self, Q: Float[Array, " n *k"]) -> Float[Array, " n *k"]:
        return self._solved(self._year.solve, Q)

    def __rmatmul__(self, q: Float[Array, " n"]) -> Float[Array, " n"]:
        return self._solved(self._year.solve_contents, q)

    def sum(self, axis: int) -> Float[Array, " n"]:
        one = jnp.ones_like(self._year.x)
        return self @ one if axis == 1 else one @ self

    def _solved(
        self, solve: Callable[..., IterativeSolution], Q: Float[Array, " n *k"]
    ) -> Float[Array, " n *k"]:
        found = solve(Q.reshape(len(Q), -1), tol=kernels.TOLERANCE)
        self.residual = jnp.maximum(self.residual, found.residual)
        return found.X.reshape(Q.shape)


def streamed_inverted(
    year: StreamedYear,
    Y: Float[Array, "n c u"],
    v: Float[Array, " n"] | None = None,
    *,
    kernel: Callable[..., Any],
    options: Sequence[tuple[str, Hashable]],
    inverse: bool = False,
) -> Any:
    """``kernel`` of the year's table, products with B solved for.

    Perimeters are regions; Y and ``options`` as in ``measures.perimeters``. With
    ``inverse`` the kernel takes B, in products only.
    """
    world = invert_streamed(year, Y[..., 0], v)
    by_use = (Y[..., 1:],) if Y.shape[-1] > 1 else ()
    if not inverse:
        return kernel(world, *by_use, **dict(options))
    B: Any = StreamedInverse(year)
    found = kernel(world._replace(inverse=B), *by_use, **dict(options))
    return found._replace(residual=jnp.maximum(found.residual, B.residual))


def invert_streamed(
    year: StreamedYear, Y: Float[Array, "n c"], v: Float[Array, " n"] | None
) -> InvertedTable:
    """``kernels.inverted_table.invert_table`` without B, of a streamed year."""
    left, v, by_origin, exporting = _content_system(
        year.x, year.columns, year.scale, Y, v
    )
    X = year.solve(Y, tol=kernels.TOLERANCE)
    contents = year.solve_contents(by_origin, exporting, tol=kernels.TOLERANCE)
    sold = year.flows.sold(year.scale * X.X.sum(axis=1))
    world = _inverted(year.x, year.scale, year.D, Y, v, left, X, contents, sold)
    flows: Any = TableFlows(year.flows, year.D)
    return world._replace(Z=flows)


@jax.jit
def _content_system(
    x: Float[Array, " n"],
    columns: Float[Array, " n"],
    scale: Float[Array, " n"],
    Y: Float[Array, "n c"],
    v: Float[Array, " n"] | None,
) -> tuple[Array, Array, Float[Array, "n k"], Float[Array, "n k"]]:
    """Output less inputs and value added, per output; value added by origin and from
    abroad, the right-hand sides of contents; which industries export in each."""
    borders = perimeters.equal_regions(len(Y), Y.shape[1], Y.dtype)
    left = jnp.where(x > 0, 1 - columns * scale, 0)
    v, abroad = left if v is None else v, borders.abroad
    by_origin = v[:, None] * jnp.concatenate([borders.member, abroad], axis=1)
    exporting = jnp.concatenate([jnp.ones_like(abroad), abroad], axis=1)
    return left, v, by_origin, exporting


@jax.jit
def _inverted(
    x: Float[Array, " n"],
    scale: Float[Array, " n"],
    D: Float[Array, "c s s"],
    Y: Float[Array, "n c"],
    v: Float[Array, " n"],
    left: Float[Array, " n"],
    X: IterativeSolution,
    contents: IterativeSolution,
    sold: Float[Array, "n c"],
) -> InvertedTable:
    """The table of both solutions and of inputs sold to each region, without Z."""
    c = Y.shape[1]
    borders = perimeters.equal_regions(len(Y), c, Y.dtype)
    active = x > 0
    inside = D * scale.reshape(c, 1, -1)
    L = perimeters.inverse(perimeters.identity(inside) - inside)
    nan = jnp.full((), jnp.nan, Y.dtype)
    flows: Any = None
    return InvertedTable(
        borders=borders,
        Z=flows,
        scale=scale,
        v=v,
        Y=Y,
        X=X.X,
        exports=(Y + sold) * borders.abroad * active[:, None].astype(Y.dtype),
        L=L,
        content=contents.X[:, :c],
        dva_multiplier=perimeters.left_multiply(v, L),
        fva_multiplier=borders.own(contents.X[:, c:]),
        active=active.astype(Y.dtype),
        largest_input_share=1 - jnp.min(jnp.where(active, left, 1)),
        residual=jnp.maximum(X.residual, contents.residual),
        inverse=None,
        cell_error=nan,
        cell_backward_error=nan,
    )
