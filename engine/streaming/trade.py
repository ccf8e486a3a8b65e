"""Value added absorbed and gross exports of a year that does not fit in memory."""

from functools import partial

import jax.numpy as jnp
from jaxtyping import Array, Float

from ...kernels.absorption import ValueAddedTrade
from ...kernels.cells import certify
from ...kernels.solve import TOLERANCE
from .year import StreamedYear


def streamed_trade(
    year: StreamedYear,
    Y: Float[Array, "n c"],
    v: Float[Array, " n"] | None = None,
    *,
    cells: bool = False,
) -> ValueAddedTrade:
    """``absorption.value_added_trade`` of a streamed year.

    Gross exports come from the read that gives the last residual, or from another one
    where ``cells`` are certified. The first residual is never the last: float32 gains
    six digits.
    """
    active = year.x > 0
    left = jnp.where(active, 1 - year.columns * year.scale, 0)
    exported: list[Array] = []
    reads = 0

    def times(X: Float[Array, "n c"]) -> Float[Array, "n c"]:
        nonlocal reads
        reads += 1
        last = reads > 1 and not cells
        growth = year.scale * X.sum(axis=1) if last else None
        product, sold = year.flows.products(year.scale[:, None] * X, growth)
        exported[:] = [] if sold is None else [sold]
        return product

    X, residual, passes = year.solve(Y, times=times)
    cell_error = cell_backward_error = jnp.full((), jnp.nan, Y.dtype)
    if cells and residual <= TOLERANCE:
        X, cell_error, cell_backward_error = certify(
            year.inputs, partial(_refined, year), Y, X
        )
    if not exported and residual <= TOLERANCE:
        exported[:] = [year.flows.sold(year.scale * X.sum(axis=1))]
    output = X.sum(axis=1)
    n, c = Y.shape
    abroad = 1 - jnp.repeat(jnp.eye(c, dtype=Y.dtype), n // c, axis=0)
    sold = exported[0] if exported else jnp.full_like(Y, jnp.nan)
    return ValueAddedTrade(
        absorbed=(left if v is None else v)[:, None] * X,
        exports=(Y + sold) * abroad * active[:, None].astype(Y.dtype),
        output=output,
        largest_input_share=1 - jnp.min(jnp.where(active, left, 1)),
        residual=residual,
        passes=passes,
        cell_error=cell_error,
        cell_backward_error=cell_backward_error,
    )


def _refined(year: StreamedYear, R: Float[Array, "n k"]) -> Float[Array, "n k"]:
    """To 1e-24 of the column: see ``cells.certify_solution``."""
    E = year.solve(R).X
    return E + year.solve(R - E + year.inputs(E)).X
