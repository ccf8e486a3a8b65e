"""Simulated panels under a known effect: does a test reject as often as it says?

    G, T   clusters and years; cluster g is seen in its last ``years[g]`` years
    x      the treatment: AR(1) over time, or 1 from some year on in some clusters
    C      controls, AR(1), without effect
    u      errors: AR(1) within clusters, of a size of each cluster's own
    y      effect x + u; country and year effects are absorbed and need not be added

A panel is a function of its key. Each is tested by every method at once: t of CV1 and
CV3 with G - 1 degrees of freedom, CV2 with Bell and McCaffrey's, the restricted wild
cluster bootstrap (Rademacher) and the percentile interval of the pairs bootstrap.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key

from tivax.kernels import clusters, resampling, streams
from tivax.kernels.clusters import Layout, Moments

METHODS = ("CV1 t(G-1)", "CV2 BM", "CV3 t(G-1)", "WCR", "pairs percentile")
LEVEL = 0.05


class PanelDesign(NamedTuple):
    """What the panels of a study have in common.

    effect
        Of the treatment.
    persistence
        AR(1) of x and C, and of u.
    unequal
        Standard deviation of the log size of a cluster's errors.
    years
        How many years each cluster is seen.
    adopters
        0 for a continuous treatment, else how many clusters (the first) adopt it, half
        way through.
    """

    effect: Float[Array, ""]
    persistence_x: Float[Array, ""]
    persistence_u: Float[Array, ""]
    unequal: Float[Array, ""]
    years: Float[Array, " G"]
    adopters: Float[Array, ""]


class Tested(NamedTuple):
    """One panel: estimate, standard errors, and by method whether the true effect,
    and no effect, are rejected at 5 %."""

    estimate: Float[Array, ""]
    se: Float[Array, " 3"]
    rejects_truth: Bool[Array, " methods"]
    rejects_zero: Bool[Array, " methods"]


def ar1(
    key: Key[Array, ""], persistence: Float[Array, ""], shape: tuple[int, ...]
) -> Float[Array, "..."]:
    """Stationary AR(1) along the last axis, variance 1."""
    shocks = jax.random.normal(key, shape)
    scale = jnp.sqrt(1 - persistence**2)

    def step(before: Array, shock: Array) -> tuple[Array, Array]:
        now = persistence * before + scale * shock
        return now, now

    first = shocks[..., 0]
    _, later = jax.lax.scan(step, first, jnp.moveaxis(shocks[..., 1:], -1, 0))
    return jnp.concatenate([first[..., None], jnp.moveaxis(later, 0, -1)], axis=-1)


def simulate(
    key: Key[Array, ""], design: PanelDesign, *, years: int, controls: int
) -> tuple[Float[Array, "G T m"], Float[Array, "G T"]]:
    """[C, x, y] of one panel, and 1 where a cell is seen."""
    G, T = len(design.years), years
    kx, kc, ku, ks = jax.random.split(key, 4)
    adopts = jnp.arange(G)[:, None] < design.adopters
    step = (adopts & (jnp.arange(T)[None, :] >= T // 2)).astype(float)
    x = jnp.where(design.adopters > 0, step, ar1(kx, design.persistence_x, (G, T)))
    C = ar1(kc, design.persistence_x, (controls, G, T))
    size = jnp.exp(design.unequal * jax.random.normal(ks, (G,)))
    u = size[:, None] * ar1(ku, design.persistence_u, (G, T))
    y = design.effect * x + u
    seen = jnp.arange(T)[None, :] >= T - design.years[:, None]
    return jnp.stack([*C, x, y], axis=-1), seen.astype(float)


def tested(
    key: Key[Array, ""],
    design: PanelDesign,
    critical: Float[Array, ""],
    *,
    years: int,
    controls: int,
    draws: int,
    balanced: bool,
) -> Tested:
    """Simulate one panel and test it. ``critical`` is the 97.5 % point of t(G-1).

    ``balanced``: all clusters are seen in all years.
    """
    of_panel, of_signs, of_counts = jax.random.split(key, 3)
    M, seen = simulate(of_panel, design, years=years, controls=controls)
    moments, layout = _moments(M, seen)
    G = len(moments.rows)
    fit = clusters.fit(moments, jnp.ones(G), layout=layout)
    b, j = fit.coef[-1], layout.exogenous
    left = clusters.leave_one_out(moments, layout=layout)
    spectrum = clusters.leverages(fit)
    variances = jnp.stack(
        [
            clusters.cv1(moments, fit)[j, j],
            clusters.cv2(fit, spectrum)[j, j],
            clusters.cv3(fit, left)[j, j],
        ]
    )
    se = jnp.sqrt(variances)
    contrast = jnp.zeros(layout.regressors).at[j].set(1)
    degrees = clusters.degrees(fit, contrast, spectrum)
    v = streams.rademacher(of_signs, G, draws=draws)
    w = streams.counts(of_counts, G, draws=draws).astype(float)
    if balanced:
        short = layout._replace(dummies=0)
        cells = M - M.mean(axis=1, keepdims=True)
        again = resampling.reweighted_balanced(cells, w, layout=short)[0]
    else:
        again = resampling.reweighted(moments.S, w, layout=layout)[0]
    low, high = jnp.nanquantile(again, jnp.array([LEVEL / 2, 1 - LEVEL / 2]))

    def rejects(null: Array) -> Bool[Array, " methods"]:
        t = jnp.abs((b - null) / se)
        # P(|t| > t_df) = I(df / (df + t^2); df / 2, 1 / 2).
        small = jax.scipy.special.betainc(
            degrees / 2, jnp.array(0.5), degrees / (degrees + t[1] ** 2)
        )
        loadings = resampling.wild_loadings(
            moments, contrast[None], null[None], layout=layout
        )
        above = jnp.abs(resampling.wild_statistics(loadings, v)) > t[0]
        return jnp.stack(
            [
                t[0] > critical,
                small < LEVEL,
                t[2] > critical,
                above.mean() <= LEVEL,
                (null < low) | (null > high),
            ]
        )

    return Tested(b, se, rejects(design.effect), rejects(jnp.array(0.0)))


def _moments(
    M: Float[Array, "G T m"], seen: Float[Array, "G T"]
) -> tuple[Moments, Layout]:
    """Statistics with country effects out and dummies of all years but the first."""
    G, T, m = M.shape
    dummies = jnp.broadcast_to(jnp.eye(T)[None, :, 1:], (G, T, T - 1))
    columns = jnp.concatenate([dummies, M], axis=2) * seen[:, :, None]
    count = seen.sum(axis=1)
    mean = columns.sum(axis=1) / count[:, None]
    columns = (columns - mean[:, None, :]) * seen[:, :, None]
    layout = Layout(T - 1, m - 2, 1)
    S = jnp.einsum("gti,gtj->gij", columns, columns)
    return Moments(S, count, jnp.asarray(layout.regressors + 1.0)), layout
