"""Value added absorbed and gross exports of a year that does not fit in memory."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...kernels.absorption import ValueAddedTrade
from ...kernels.cells import certify
from ...kernels.perimeters import equal_regions
from ...kernels.solve import TOLERANCE
from .year import StreamedYear


def streamed_trade(
    year: StreamedYear,
    Y: Float[Array, "n c"],
    v: Float[Array, " n"] | None = None,
    *,
    cells: bool = False,
) -> ValueAddedTrade:
    """``absorption.value_added_trade`` of a streamed year; gross exports take a read of
    their own."""
    X, residual, passes = year.solve(Y)
    cell_error = cell_backward_error = jax.device_put(np.full((), np.nan, Y.dtype))
    sold = np.full(Y.shape, np.nan, Y.dtype)
    if residual <= TOLERANCE:
        if cells:
            X, cell_error, cell_backward_error = certify(
                year.inputs, partial(_refined, year), Y, X
            )
        sold = year.flows.sold(year.scale * X.sum(axis=1))
    return ValueAddedTrade(
        **_flows(year.x, year.columns, year.scale, Y, v, X, sold),
        residual=residual,
        passes=passes,
        cell_error=cell_error,
        cell_backward_error=cell_backward_error,
    )


@jax.jit
def _flows(
    x: Float[Array, " n"],
    columns: Float[Array, " n"],
    scale: Float[Array, " n"],
    Y: Float[Array, "n c"],
    v: Float[Array, " n"] | None,
    X: Float[Array, "n c"],
    sold: Float[Array, "n c"],
) -> dict[str, Array]:
    """Value added absorbed, exports, output and the largest input share; ``sold`` are
    inputs to each region."""
    n, c = Y.shape
    abroad, active = equal_regions(n, c, Y.dtype).abroad, x > 0
    left = jnp.where(active, 1 - columns * scale, 0)
    return {
        "absorbed": (left if v is None else v)[:, None] * X,
        "exports": (Y + sold) * abroad * active[:, None].astype(Y.dtype),
        "output": X.sum(axis=1),
        "largest_input_share": 1 - jnp.min(jnp.where(active, left, 1)),
    }


def _refined(year: StreamedYear, R: Float[Array, "n k"]) -> Float[Array, "n k"]:
    """To 1e-24 of the column: see ``cells.certify_solution``."""
    E = year.solve(R).X
    return E + year.solve(R - E + year.inputs(E)).X
