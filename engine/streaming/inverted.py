"""The inverted table of a year that does not fit: products with B, B itself never."""

import math
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...kernels import inverted_table as kernels
from ...kernels import operators
from ...kernels.inverted_table import InvertedTable
from ...kernels.operators import Flows, Inside
from ...kernels.perimeters import Perimeters, equal_regions
from ...kernels.refinement import IterativeSolution
from .memory import does_not_fit, is_too_large
from .year import StreamedYear

# Matrices of what stays inside groups: flows, coefficients twice, their inverse.
_INSIDE = 4


class StreamedInverse:
    """B of a streamed year for products, each a solve; ``residual`` is the worst."""

    def __init__(self, year: StreamedYear) -> None:
        self.residual = jnp.zeros((), year.x.dtype)
        right, left = year.solve, year.solve_contents
        self.flows = Flows(partial(self._solved, right), partial(self._solved, left))

    def _solved(
        self, solve: Callable[..., IterativeSolution], Q: Float[Array, "n k"]
    ) -> Float[Array, "n k"]:
        found = solve(Q, tol=kernels.TOLERANCE)
        self.residual = jnp.maximum(self.residual, found.residual)
        return found.X


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
    B = StreamedInverse(year)
    found = kernel(world._replace(inverse=B.flows), *by_use, **dict(options))
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
    flows = year.flows.operator(inside, member)
    left, own, by_origin, exporting, L = _content_system(
        year.x, year.columns, year.scale, borders, inside, v
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
    products = _products(borders, X, contents)
    system = flows, borders, year.x, year.scale, own, Y, L, left
    return kernels.assemble(*system, products, sold)


def streamed_borders(
    year: StreamedYear, member: Float[Array, "c p"] | None
) -> tuple[Perimeters, Inside]:
    """Perimeters of a streamed year, and the flows inside them; errors as
    ``invert_streamed``."""
    n, c = len(year.x), year.flows.regions
    if member is None:
        return equal_regions(n, c, year.x.dtype), year.D
    sizes = np.asarray(member).sum(axis=0) * (n // c)
    together = math.ceil(np.sqrt((sizes**2).sum()))
    if is_too_large(together, held=_INSIDE):
        raise does_not_fit(together, _INSIDE)
    each = jnp.repeat(member, n // c, axis=0, total_repeat_length=n)
    place = np.asarray(member).argmax(axis=1).tolist()
    return Perimeters(each), year.flows.inside(place)


@jax.jit
def _content_system(
    x: Float[Array, " n"],
    columns: Float[Array, " n"],
    scale: Float[Array, " n"],
    borders: Perimeters,
    inside: Inside,
    v: Float[Array, " n"] | None,
) -> tuple[Array, Array, Float[Array, "n k"], Float[Array, "n k"], Inside]:
    """Output less inputs and value added, per output; value added by origin and from
    abroad, the right-hand sides of contents; which industries export in each; the
    inverse inside borders."""
    left = jnp.where(x > 0, 1 - columns * scale, 0)
    v, abroad = left if v is None else v, borders.abroad
    by_origin = v[:, None] * jnp.concatenate([borders.member, abroad], axis=1)
    exporting = jnp.concatenate([jnp.ones_like(abroad), abroad], axis=1)
    A = operators.of_columns(inside, scale)
    L = operators.inverse(operators.less(A))
    return left, v, by_origin, exporting, L


@jax.jit
def _products(
    borders: Perimeters, X: IterativeSolution, contents: IterativeSolution
) -> kernels.InverseProducts:
    c, nan = X.X.shape[1], jnp.full((), jnp.nan, X.X.dtype)
    return kernels.InverseProducts(
        X=X.X,
        content=contents.X[:, :c],
        fva_multiplier=borders.own(contents.X[:, c:]),
        residual=jnp.maximum(X.residual, contents.residual),
        inverse=None,
        cell_error=nan,
        cell_backward_error=nan,
    )
