"""Value added absorbed, trade benefit index, value-added exports: one year.

Symbols as in ``kernels.leontief``; besides,

    v   value added per US$ of output                             [US$ per US$]
    T   value added absorbed, T = diag(v) B Y: origin industry (or region)
        by absorbing region (Johnson and Noguera 2012)            [million US$]
    x*  output of the model-consistent table, x* = B Y 1          [million US$]
    E*  its exports, E*_sr = Y_sr + A_sr x*_r                     [million US$]

Published tables balance only nearly, so x* differs a little from reported output x.
Accounting identities hold for x*, and exports beside value added refer to it, both
for industries with output (x > 0): real tables sell a little from a few without. That
leaves the balances equal where those sell final goods only, as all but one cell (1
million US$, 1999) of WIOD 2013 do.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from .cells import certify_solution
from .leontief import inputs_by_good, per_dollar, residual_value_added, sales_to_regions
from .perimeters import equal_regions
from .solve import Method, solve


class ValueAddedTrade(NamedTuple):
    """Value-added and gross trade of one year.

    absorbed
        Value added by industry of origin and absorbing region.
    exports
        Gross exports E* by selling industry and buying region, 0 at home.
    output
        Model-consistent output x*.
    largest_input_share
        The largest column sum of A. Below 1 the table is surely productive.
    residual, passes
        Accuracy of the solve: see ``kernels.solve.Solution``.
    cell_error, cell_backward_error
        Errors of required output, the worst cell: see ``kernels.cells.Certified``. NaN
        unless cells are certified.
    """

    absorbed: Float[Array, "n c"]
    exports: Float[Array, "n c"]
    output: Float[Array, " n"]
    largest_input_share: Float[Array, ""]
    residual: Float[Array, ""]
    passes: Int[Array, ""]
    cell_error: Float[Array, ""]
    cell_backward_error: Float[Array, ""]


@partial(jax.jit, static_argnames=("method", "cells"))
def value_added_trade(
    Z: Float[Array, "n n"],
    x: Float[Array, " n"],
    Y: Float[Array, "n c"],
    v: Float[Array, " n"] | None = None,
    *,
    method: Method = "import-share",
    cells: bool = False,
) -> ValueAddedTrade:
    """Value added absorbed and gross exports of one year, from the table itself.

    ``v`` defaults to the residual, 1 - column sum of A. With ``cells``, which is
    static, the solution is refined once more and its cells are certified.
    """
    goods = inputs_by_good(Z, regions=Y.shape[1])
    left = residual_value_added(goods, x)
    v = left if v is None else v
    scale = per_dollar(x)
    X, residual, passes = solve(
        Z, Y, scale=scale, goods=goods, regions=Y.shape[1], method=method
    )
    cell_error = cell_backward_error = jnp.full((), jnp.nan, X.dtype)
    if cells:
        X, cell_error, cell_backward_error = certify_solution(
            Z, Y, X, scale=scale, regions=Y.shape[1], method=method
        )
    output = X.sum(axis=1)
    return ValueAddedTrade(
        absorbed=v[:, None] * X,
        exports=gross_exports(Z, scale * output, Y, active=x > 0),
        output=output,
        largest_input_share=1 - jnp.min(jnp.where(x > 0, left, 1)),
        residual=residual,
        passes=passes,
        cell_error=cell_error,
        cell_backward_error=cell_backward_error,
    )


@jax.jit
def gross_exports(
    A: Float[Array, "n n"],
    output: Float[Array, " n"],
    Y: Float[Array, "n c"],
    *,
    active: Bool[Array, " n"],
) -> Float[Array, "n c"]:
    """Exports by selling industry and buying region, E_sr = Y_sr + A_sr output_r.

    (With flows Z in place of A, ``output`` is the factor by which the columns grow.)

    Intermediate and final goods together; sales at home are set to 0, and those of
    industries that are not ``active``: without reported output there is no value
    added to set beside them.
    """
    n, c = Y.shape
    sold = Y + sales_to_regions(A, output, regions=c)
    abroad = equal_regions(n, c, Y.dtype).abroad
    return sold * abroad * active[:, None].astype(Y.dtype)


@jax.jit
def by_region(T: Float[Array, "n c"]) -> Float[Array, "c c"]:
    """Sum over the industries of each region of origin."""
    n, c = T.shape
    return T.reshape(c, n // c, c).sum(axis=1)


class TradeBalance(NamedTuple):
    """Each region's sales to and purchases from all others, and their balance ratio."""

    exports: Float[Array | np.ndarray, "*each c"]
    imports: Float[Array | np.ndarray, "*each c"]
    tbi: Float[Array | np.ndarray, "*each c"]


def trade_benefit_index(T: Float[Array | np.ndarray, "*each c c"]) -> TradeBalance:
    """TBI_i = (X_i - M_i) / (X_i + M_i), X_i = sum_j T_ij, M_i = sum_j T_ji, j != i.

    ``T[i, j]`` is value added of i absorbed in j; its diagonal does not count. A region
    without trade has no index (NaN; 0 would say that it is balanced). Between -1 and 1
    unless negative flows (inventories, negative value added) outweigh the others. The
    index of the paper that tivax reproduces ("Has trade imbalance led to
    de-globalisation?", 2021, equation 1).

    Arrays of JAX or of NumPy, which takes many years and sectors at once: to compile
    these sums, or to load what was compiled, takes ten times as long as they do.
    """
    xp = T.__array_namespace__()
    abroad = xp.where(xp.eye(T.shape[-1], dtype=bool), 0, T)
    exports, imports = abroad.sum(axis=-1), abroad.sum(axis=-2)
    total = exports + imports
    index = (exports - imports) / xp.where(total == 0, xp.nan, total)
    return TradeBalance(exports, imports, index)
