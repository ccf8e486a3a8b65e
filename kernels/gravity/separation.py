"""Cells without an estimate: no finite effects or slopes fit their zeros.

The iterative rectifier of Correia, Guimaraes and Zylkin (2019, Verifying the existence
of maximum likelihood estimates for generalized linear models): u is 1 at zeros; least
squares of u on regressors and effects, with a large weight where flows are positive,
the positive part of the fit at zeros is the next u, until fit and u agree.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from .effects import Pairs, net_of_effects, solve_effects, spread, sums_of, weighted

# As in ppmlhdfe: a fit nearer to 0 is 0; positive flows weigh 1 over its square root.
EXACT = 1e-5
WEIGHT = 1e3
TOLERANCE = 1e-12


def separated_cells(
    y: Float[Array, "t i j"],
    x: Float[Array, "k t i j"],
    there: Bool[Array, "t i j"],
    *,
    pairs: Pairs,
    most: int = 5000,
) -> tuple[Bool[Array, "t i j"], Bool[Array, ""]]:
    """Cells that are separated, and whether the search ended.

    Give ``there`` without the exporter-years, importer-years and pairs that trade
    nothing: see ``trading``.
    """
    zero = there & (y <= 0)
    weight = jnp.where(there, jnp.where(zero, 1, WEIGHT), 0).astype(y.dtype)
    x = jnp.where(there[None], x, 0)
    factors, exact = weighted(weight, pairs), jnp.asarray(TOLERANCE, y.dtype)
    net = jax.lax.map(lambda z: net_of_effects(factors, z, pairs, exact), x)
    net = jnp.where(there[None], net, 0)
    information = jnp.einsum("ktij,tij,ltij->kl", net, weight, net)
    # A regressor that the effects explain has no slope.
    own = jnp.einsum("tij,ktij->k", weight, x**2)
    information += jnp.diag(jnp.where(own > 0, TOLERANCE * own, 1))

    def fitted(u: Array) -> Array:
        by = jnp.linalg.solve(information, jnp.tensordot(net, weight * u, 3))
        explained = jnp.tensordot(by, x, 1)
        left = weight * (u - explained)
        effects = solve_effects(factors, sums_of(left, pairs), pairs, exact)
        fit = jnp.where(there, explained + spread(effects), 0)
        return jnp.where(jnp.abs(fit) < EXACT, 0, fit)

    def step(state: tuple[Array, ...]) -> tuple[Array, ...]:
        u, _, k = state
        fit = fitted(u)
        return jnp.where(zero, jnp.maximum(fit, 0), 0), jnp.abs(u - fit).max(), k + 1

    begin = (zero.astype(y.dtype), jnp.asarray(jnp.inf, y.dtype), jnp.asarray(0))
    u, gap, _ = jax.lax.while_loop(
        lambda s: (s[1] > EXACT) & (s[2] < most), step, begin
    )
    return zero & (u > EXACT), gap <= EXACT
