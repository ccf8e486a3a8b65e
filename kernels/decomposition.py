"""Domestic value added in exports: one year.

Symbols as in ``kernels.absorption``; besides, for regions s (exporter) and r (buyer),

    L_s   Leontief inverse of region s alone, (I - A_ss)^-1
    u_s   value added at home per US$ of exports, v_s L_s           [US$ per US$]
    X_rs  output of region r that final demand of s requires        [million US$]

Of the exports E_sr, u_s E_sr is domestic value added (Koopman, Wang and Wei 2014; the
exporter's perspective of Borin and Mancini 2019). r passes a part on that ends up in
final demand of s itself, u_s A_sr X_rs; the rest is absorbed abroad. Summed over r
the rest is value-added exports, sum_{r != s} T_sr.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .absorption import by_region, gross_exports
from .leontief import domestic_inverse, per_dollar, residual_value_added
from .perimeters import equal_regions
from .solve import Method, solve


class ExportedValueAdded(NamedTuple):
    """Domestic value added in exports of one year, exporter by buyer, 0 at home.

    dva
        In gross exports.
    absorbed_abroad
        The part of it that does not return to the exporter's own final demand.
    exports
        Gross exports E*, model-consistent.
    largest_input_share, residual, passes
        As in ``kernels.absorption.ValueAddedTrade``.
    """

    dva: Float[Array, "c c"]
    absorbed_abroad: Float[Array, "c c"]
    exports: Float[Array, "c c"]
    largest_input_share: Float[Array, ""]
    residual: Float[Array, ""]
    passes: Int[Array, ""]


def exported_value_added(
    Z: Float[Array, "n n"],
    x: Float[Array, " n"],
    Y: Float[Array, "n c"],
    v: Float[Array, " n"] | None = None,
    *,
    method: Method = "import-share",
) -> ExportedValueAdded:
    """Domestic value added in exports, u_s E_sr, and what of it stays abroad.

    ``v`` defaults to the residual, 1 - column sum of A.
    """
    left = residual_value_added(Z, x)
    v = left if v is None else v
    scale = per_dollar(x)
    X, residual, passes = solve(Z, Y, scale=scale, regions=Y.shape[1], method=method)
    active = x > 0
    E = gross_exports(Z, scale * X.sum(axis=1), Y, active=active)
    u = value_added_at_home(Z * scale[None, :], v, regions=Y.shape[1])
    borders = equal_regions(len(Y), Y.shape[1], Y.dtype)
    # Sales of s to r that end in final demand of s, A_sr X_rs.
    returned = borders.buyers(Z, scale[:, None] * X) * borders.abroad * active[:, None]
    return ExportedValueAdded(
        dva=by_region(u[:, None] * E),
        absorbed_abroad=by_region(u[:, None] * (E - returned)),
        exports=by_region(E),
        largest_input_share=1 - jnp.min(jnp.where(active, left, 1)),
        residual=residual,
        passes=passes,
    )


def value_added_at_home(
    A: Float[Array, "n n"], v: Float[Array, " n"], *, regions: int
) -> Float[Array, " n"]:
    """u_s = v_s L_s: value added at home in a US$ of each industry's exports."""
    L = domestic_inverse(A, regions=regions)
    return jnp.einsum("ri,rij->rj", v.reshape(regions, -1), L).reshape(-1)
