"""The inverted table of a year that does not fit: products with B, B itself never."""

import math
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...kernels import inverted_table as kernels
from ...kernels import perimeters
from ...kernels.inverted_table import InvertedTable
from ...kernels.refinement import IterativeSolution
from .flows import StreamedFlows
from .memory import does_not_fit, is_too_large
from .year import StreamedYear

# Matrices of what stays inside groups: flows, coefficients twice, their inverse.
_INSIDE = 4


class StreamedCoefficients:
    """The coefficients A = Z diag(scale) as an operator; a product reads Z once."""

    def __init__(self, flows: Any, scale: Float[Array, " n"]) -> None:
        self._flows, self._scale = flows, scale
        self.inside = perimeters.of_columns(flows.inside, scale)

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
    inside borders. ``member`` of regions, unless these are the perimeters."""

    def __init__(
        self,
        flows: StreamedFlows,
        inside: perimeters.Inside,
        member: Float[Array, "c p"] | None = None,
    ) -> None:
        self.inside = inside
        self.buyers = buyers_among(flows.buyers, member)
        self.transposed_times = flows.transposed_times
        self._flows = flows

    def __matmul__(self, Q: Float[Array, "n k"]) -> Float[Array, "n k"]:
        return self._flows @ Q

    def __mul__(self, scale: Float[Array, "1 n"]) -> StreamedCoefficients:
        return StreamedCoefficients(self, scale[0])


def buyers_among(
    buyers: Callable[[Array], Array], member: Float[Array, "c p"] | None
) -> Callable[[Array], Array]:
    """``Perimeters.buyers`` of groups of regions, from that of regions."""
    if member is None:
        return buyers
    of_seller = member.T

    def grouped(Q: Float[Array, " n *k p"]) -> Float[Array, " n *k p"]:
        return buyers(Q @ of_seller) @ member

    return grouped


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
    member: Float[Array, "c p"] | None = None,
    *,
    kernel: Callable[..., Any],
    options: Sequence[tuple[str, Hashable]],
    inverse: bool = False,
) -> Any:
    """``kernel`` of the year's table, products with B solved for.

    Y and ``options`` as in ``measures.perimeters``; ``member`` of regions, unless these
    are the perimeters. With ``inverse`` the kernel takes B, in products only.
    """
    world = invert_streamed(year, Y[..., 0], v, member)
    by_use = (Y[..., 1:],) if Y.shape[-1] > 1 else ()
    if not inverse:
        return kernel(world, *by_use, **dict(options))
    B: Any = StreamedInverse(year)
    found = kernel(world._replace(inverse=B), *by_use, **dict(options))
    return found._replace(residual=jnp.maximum(found.residual, B.residual))


def invert_streamed(
    year: StreamedYear,
    Y: Float[Array, "n p"],
    v: Float[Array, " n"] | None,
    member: Float[Array, "c p"] | None = None,
) -> InvertedTable:
    """``kernels.inverted_table.invert_table`` without B, of a streamed year.

    Raises ``TivaxError`` where flows inside the largest groups do not fit in memory.
    """
    borders, inside = streamed_borders(year, member)
    left, v, by_origin, exporting = _content_system(
        year.x, year.columns, year.scale, borders, v
    )
    X = year.solve(Y, tol=kernels.TOLERANCE)
    contents = year.solve_contents(
        by_origin,
        exporting,
        inside=None if member is None else inside,
        tol=kernels.TOLERANCE,
    )
    sold = year.flows.sold(year.scale * X.X.sum(axis=1))
    if member is not None:
        sold = sold @ member
    system = year.x, year.scale, inside, borders
    world = _inverted(*system, Y, v, left, X, contents, sold)
    flows: Any = TableFlows(year.flows, inside, member)
    return world._replace(Z=flows)


def streamed_borders(
    year: StreamedYear, member: Float[Array, "c p"] | None
) -> tuple[perimeters.Perimeters, perimeters.Inside]:
    """Perimeters of a streamed year, and the flows inside them; errors as
    ``invert_streamed``."""
    n, c = len(year.x), year.flows.regions
    if member is None:
        return perimeters.equal_regions(n, c, year.x.dtype), year.D
    sizes = np.asarray(member).sum(axis=0) * (n // c)
    together = math.ceil(np.sqrt((sizes**2).sum()))
    if is_too_large(together, held=_INSIDE):
        raise does_not_fit(together, _INSIDE)
    each = jnp.repeat(member, n // c, axis=0, total_repeat_length=n)
    place = np.asarray(member).argmax(axis=1).tolist()
    return perimeters.Perimeters(each), year.flows.inside(place)


@jax.jit
def _content_system(
    x: Float[Array, " n"],
    columns: Float[Array, " n"],
    scale: Float[Array, " n"],
    borders: perimeters.Perimeters,
    v: Float[Array, " n"] | None,
) -> tuple[Array, Array, Float[Array, "n k"], Float[Array, "n k"]]:
    """Output less inputs and value added, per output; value added by origin and from
    abroad, the right-hand sides of contents; which industries export in each."""
    left = jnp.where(x > 0, 1 - columns * scale, 0)
    v, abroad = left if v is None else v, borders.abroad
    by_origin = v[:, None] * jnp.concatenate([borders.member, abroad], axis=1)
    exporting = jnp.concatenate([jnp.ones_like(abroad), abroad], axis=1)
    return left, v, by_origin, exporting


@jax.jit
def _inverted(
    x: Float[Array, " n"],
    scale: Float[Array, " n"],
    D: perimeters.Inside,
    borders: perimeters.Perimeters,
    Y: Float[Array, "n c"],
    v: Float[Array, " n"],
    left: Float[Array, " n"],
    X: IterativeSolution,
    contents: IterativeSolution,
    sold: Float[Array, "n c"],
) -> InvertedTable:
    """The table of both solutions and of inputs sold to each perimeter, without Z."""
    c, active = Y.shape[1], x > 0
    inside = perimeters.of_columns(D, scale)
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
