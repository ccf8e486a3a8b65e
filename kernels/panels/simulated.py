"""Simulated panels under a known effect: does a test reject as often as it says?

    G, T   clusters and years, not all of them seen
    x      the treatment: AR(1) over time, or 1 from some year on in some clusters
    C      controls, AR(1), without effect; or both are a given panel's, in all draws
    u      errors: AR(1) within clusters, of a size by cluster; shares of their variance
           may be those of a common factor and of shocks of a block of clusters
    y      effect x + u; country and year effects are absorbed and need not be added

A panel is a function of its key, and is tested by every method at once:

    t with G - 1 degrees of freedom of CV1, CV3, CV3J and V5, with Bell and McCaffrey's
    of CV2; by country and by year, CV1 and CV3 (the smaller number less 1); Driscoll
    and Kraay's (T - 1); the network HAC, where there is a network, and Conley's, where
    clusters have a place (G - 1)
    wild cluster bootstraps (Rademacher), restricted and unrestricted, of the types 11,
    13, 31 and 33 (``kernels.jackknife``)
    percentile intervals of the pairs and the Bayesian bootstrap
    where the panel is balanced, placebos that move whole paths: of the treatment,
    comparing its coefficient or its t, and of the residuals (Freedman and Lane); and
    there the wild bootstrap of two-way clusters, and ``tx.vcov.CommonShocks``

In a placebo regression (Bertrand, Duflo and Mullainathan 2004) the outcome and the
controls are a panel's and the treatment is drawn, so that it has no effect: AR(1) of
its size by cluster, or its own paths with random phases, the same in all clusters,
which keep its autocorrelation and its correlation between clusters (Theiler et al.
1992, Physica D 58: 77-94; Prichard and Theiler 1994, Physical Review Letters 73:
951-954). Shared phases keep a correlation with the true treatment as well, 1/sqrt(T-1)
in size however many clusters there are, so that its effect, which is in the outcome,
would be the placebo's. The true treatment is therefore held constant: its estimated
effect is taken from the outcome and the placebo is net of it, which by the theorem of
Frisch, Waugh and Lovell is the regression on both.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from .. import clusters, jackknife, placebo, random_draws, resampling
from ..clusters import ClusterCrossProducts
from ..low_rank import LowRankUpdate
from ..resampling import LEVEL, TIE
from ..two_way import net_of_both, two_way_tests
from . import sample_fits

# With a standard error; then those of draws.
ANALYTIC = (
    "CV1 t(G-1)",
    "CV2 BM",
    "CV3 t(G-1)",
    "CV3J t(G-1)",
    "V5 t(G-1)",
    "two-way CV1",
    "two-way CV3",
    "Driscoll-Kraay",
    "network HAC",
    "Conley",
)
WILD = tuple(
    null + ("" if kind == "11" else kind)
    for null in ("WCR", "WCU")
    for kind in jackknife.TYPES
)
METHODS = (
    *ANALYTIC,
    *WILD,
    "pairs percentile",
    "Bayesian percentile",
    "placebo coefficient",
    "placebo t",
    "Freedman-Lane t",
    "V5 adjusted",
    "two-way WCR",
    "common shocks",
)
# One of each kind, for a table or a figure that has no room for all.
MAIN = (
    "CV1 t(G-1)",
    "CV2 BM",
    "CV3 t(G-1)",
    "WCR",
    "WCR31",
    "pairs percentile",
    "placebo t",
    "Freedman-Lane t",
    "common shocks",
)


class PanelDesign(NamedTuple):
    """Settings that the panels of a study share.

    effect
        Effect of the treatment.
    persistence
        AR(1) of x and C, and of u.
    unequal, unequal_x
        Standard deviation of the log size of a cluster's errors; of its x and C.
    seen
        1 where a cluster is seen in a year, else 0.
    adopters
        0 for a continuous treatment, else how many clusters (the first) adopt it, half
        way through.
    given
        [C, x] of a panel, or None where they are drawn.
    factor, factor_x
        Share of a common AR(1) factor in the variance of u; of a factor of its own in
        that of x, where it is drawn and continuous. A cluster's loading on both is the
        same normal number: who is exposed in x is exposed in u.
    loadings
        Loadings of clusters on the factor of u, mean square 1; None: drawn as above.
    block, block_x
        The same of AR(1) shocks that the clusters of a block share.
    blocks
        The number of each cluster's block; None: there are none.
    size
        Times this, a cluster's errors; None: 1.
    network, near
        Weights of the products of two clusters' scores, of the network and of Conley's
        kernel; None: no network, no places.
    space, space_x
        Roots L of the correlations LL' of clusters in space, of their own errors, and
        of x and C where these are drawn; None: no correlation.
    outcome, placebo
        Of a panel, as ``given``, less the treatment's effect, and 1 or 2 for placebo
        regressions: AR(1) treatments, or the given one with random phases; 0, and where
        they are None: errors are drawn.
    net
        The treatment net of effects and controls, over its sum of squares.
    """

    effect: Float[Array, ""]
    persistence_x: Float[Array, ""]
    persistence_u: Float[Array, ""]
    unequal: Float[Array, ""]
    unequal_x: Float[Array, ""]
    seen: Float[Array, "G T"]
    adopters: Float[Array, ""]
    given: Float[Array, "G T k"] | None = None
    factor: Float[Array, ""] | None = None
    factor_x: Float[Array, ""] | None = None
    block: Float[Array, ""] | None = None
    block_x: Float[Array, ""] | None = None
    blocks: Int[Array, " G"] | None = None
    size: Float[Array, " G"] | None = None
    network: Float[Array, "G G"] | None = None
    outcome: Float[Array, "G T"] | None = None
    placebo: Float[Array, ""] | None = None
    loadings: Float[Array, " G"] | None = None
    near: Float[Array, "G G"] | None = None
    space: Float[Array, "G G"] | None = None
    space_x: Float[Array, "G G"] | None = None
    net: Float[Array, "G T"] | None = None


class PanelTests(NamedTuple):
    """Estimate and tests of one panel.

    effective
        Clusters, by the variation that identifies the effect.
    residual
        Residual of the least squares: |X'(y - X beta)| of columns of length 1.
    rejects_truth, rejects_zero
        By method, whether the true effect, and no effect, are rejected at 5 %: 1 or 0,
        NaN where the method does not serve the panel.
    """

    estimate: Float[Array, ""]
    se: Float[Array, " analytic"]
    effective: Float[Array, ""]
    residual: Float[Array, ""]
    rejects_truth: Float[Array, " methods"]
    rejects_zero: Float[Array, " methods"]


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
    key: Key[Array, ""], design: PanelDesign, *, controls: int
) -> Float[Array, "G T m"]:
    """[C, x, y] of one panel, cells that are not seen among them."""
    kx, kc, ku, ks = jax.random.split(key, 4)
    G, T = design.seen.shape
    size = jnp.exp(design.unequal * jax.random.normal(ks, (G,)))
    if design.size is not None:
        size = size * design.size
    u = _in_space(design.space, ar1(ku, design.persistence_u, (G, T)))
    u = size[:, None] * _shared(ku, ks, u, design, design.persistence_u)
    regressors = design.given
    if regressors is None:
        size = jax.random.normal(jax.random.fold_in(ks, 1), (G,))
        size = jnp.exp(design.unequal_x * size)[:, None]
        adopts = jnp.arange(G, dtype=size.dtype)[:, None] < design.adopters
        step = (adopts & (jnp.arange(T)[None, :] >= T // 2)).astype(float)
        x = _in_space(design.space_x, ar1(kx, design.persistence_x, (G, T)))
        x = size * _shared(kx, ks, x, design, design.persistence_x, of_x=True)
        x = jnp.where(design.adopters > 0, step, x)
        C = ar1(kc, design.persistence_x, (controls, G, T))
        C = size[None] * _in_space(design.space_x, C)
        regressors = jnp.stack([*C, x], axis=-1)
    y = design.effect * regressors[:, :, -1] + u
    y_given, placebo_kind, net = design.outcome, design.placebo, design.net
    if y_given is not None and placebo_kind is not None and net is not None:
        own = regressors[:, :, -1]
        drawn = _placebo_treatments(kx, own, design)
        drawn = drawn - (net * drawn).sum() * own
        x = jnp.where(placebo_kind > 0, drawn, own)
        regressors = regressors.at[:, :, -1].set(x)
        y = jnp.where(placebo_kind > 0, y_given, y)
    return jnp.concatenate([regressors, y[:, :, None]], axis=-1)


def _in_space(
    root: Float[Array, "G G"] | None, own: Float[Array, "... G T"]
) -> Float[Array, "... G T"]:
    """Independent series of clusters, made correlated."""
    return own if root is None else root @ own


def _placebo_treatments(
    key: Key[Array, ""], x: Float[Array, "G T"], design: PanelDesign
) -> Float[Array, "G T"]:
    """A treatment without effect, made like x, which is net of cluster means."""
    G, T = x.shape
    square = (x**2).sum(axis=1) / jnp.maximum(design.seen.sum(axis=1), 1)
    alone = jnp.sqrt(square)[:, None] * ar1(key, design.persistence_x, (G, T))
    # Products in place of an FFT, which waits for itself in a loop of a compiled CPU
    # program. Harmonics 1 ... T/2; the last of an even T has no phase but a sign.
    k = jnp.arange(1, T // 2 + 1)
    angle = 2 * jnp.pi / T * (k[:, None] * jnp.arange(T)[None, :]).astype(x.dtype)
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    half = 2 * k == T
    turn = jax.random.uniform(key, k.shape, x.dtype)
    turn = 2 * jnp.pi * jnp.where(half, jnp.round(turn) / 2, turn)
    a, b = x @ cos.T, x @ sin.T
    turned = [
        (a * jnp.cos(turn)[None, :] + b * jnp.sin(turn)[None, :]) @ cos,
        (b * jnp.cos(turn)[None, :] - a * jnp.sin(turn)[None, :]) @ sin,
    ]
    together = 2 / T * (turned[0] + turned[1])
    if T % 2 == 0:
        last = (a[:, -1] * jnp.cos(turn[-1]))[:, None] * cos[-1][None, :]
        together = together - last / T
    return jnp.where(design.placebo == 1, alone, together)


def _shared(
    key: Key[Array, ""],
    of_loadings: Key[Array, ""],
    own: Float[Array, "G T"],
    design: PanelDesign,
    persistence: Float[Array, ""],
    *,
    of_x: bool = False,
) -> Float[Array, "G T"]:
    """Series of variance 1: the sum of a cluster's own, the common factor, and the
    block's shocks."""
    G, T = own.shape
    factor = design.factor_x if of_x else design.factor
    block = design.block_x if of_x else design.block
    parts, rest = jnp.zeros_like(own), jnp.ones((), own.dtype)
    if factor is not None:
        common = ar1(jax.random.fold_in(key, 1), persistence, (T,))
        loading = design.loadings
        if loading is None:
            loading = jax.random.normal(jax.random.fold_in(of_loadings, 2), (G,))
        parts = parts + jnp.sqrt(factor) * loading[:, None] * common[None]
        rest = rest - factor
    if block is not None and design.blocks is not None:
        shocks = ar1(jax.random.fold_in(key, 2), persistence, (G, T))
        parts = parts + jnp.sqrt(block) * shocks[design.blocks]
        rest = rest - block
    return jnp.sqrt(rest) * own + parts


def simulate_and_test(
    key: Key[Array, ""],
    design: PanelDesign,
    *,
    controls: int,
    draws: int,
    balanced: bool,
    zero_too: bool = True,
) -> PanelTests:
    """Simulate one panel and test it.

    ``balanced``: all clusters are seen in all years. ``zero_too``: whether no effect is
    tested beside the true one; else they are the same.
    """
    of_panel, of_signs, of_counts = jax.random.split(key, 3)
    M = simulate(of_panel, design, controls=controls)
    T = M.shape[1]
    products, layout = clusters.two_way_products(M, design.seen, dummies=T - 1)
    G = len(products.rows)
    fit = clusters.fit(products, jnp.ones(G), layout=layout)
    b, j = fit.coef[-1], layout.exogenous
    left = resampling.leave_one_out(products, layout=layout)
    spectrum = clusters.leverages(fit)
    cells = sample_fits.fit_cells(M, design.seen, fit)
    slopes = controls + 1
    each = fit.scores @ fit.bread_inverse[:, j]
    # A treatment that the others do not identify has the estimate 0 without a cluster.
    known = jnp.where(jnp.isnan(left), 0, left)
    of_pairs = [
        jnp.array(jnp.nan)
        if weights is None
        else each @ weights @ each * clusters.correction(products)
        for weights in (design.network, design.near)
    ]
    variances = [
        clusters.cv1(products, fit)[j, j],
        clusters.cv2(fit, spectrum)[j, j],
        clusters.cv3(b[None], left)[0, 0],
        jackknife.cv3j(left)[0, 0],
        jackknife.v5(b[None], known)[0, 0],
        sample_fits.two_way_variance(cells, design.seen, slopes),
        sample_fits.two_way_jackknife_variance(M, design.seen, cells, left[:, 0], b),
        sample_fits.driscoll_kraay_variance(
            cells, design.seen, slopes, lags=int(4 * (T / 100) ** (2 / 9))
        ),
        *of_pairs,
    ]
    se = jnp.sqrt(jnp.stack(variances))
    contrast = jnp.zeros(layout.regressors).at[j].set(1)
    bell = clusters.degrees(fit, contrast, spectrum)
    few = min(G, T) - 1.0
    df = jnp.array([*[G - 1.0] * 5, few, few, T - 1.0, G - 1.0, G - 1.0], b.dtype)
    degrees = df.at[ANALYTIC.index("CV2 BM")].set(bell)
    v = random_draws.rademacher(of_signs, G, draws=draws)
    pairs = random_draws.counts(of_counts, G, draws=draws).astype(float)
    bayes = random_draws.exponential(jax.random.fold_in(of_counts, 2), G, draws=draws)
    weights = jnp.concatenate([pairs, bayes], axis=1)
    if balanced:
        short = layout._replace(dummies=0)
        net = resampling.balanced_rows(M - M.mean(axis=1, keepdims=True))
        again = resampling.reweighted_balanced(net, weights, layout=short)[0]
    else:
        again = resampling.reweighted(products.S, weights, layout=layout)[0]
    ends = jnp.array([LEVEL / 2, 1 - LEVEL / 2])
    low, high = jnp.nanquantile(again.reshape(2, draws), ends, axis=1)
    own, scale = jackknife.degrees(fit, contrast, spectrum)
    placebos = by_year = None
    if balanced:
        by_year = two_way_tests(M, jax.random.fold_in(of_signs, 1), draws=draws)
        assignment = random_draws.permutations(
            jax.random.fold_in(of_counts, 1), (G,), draws=draws
        )
        placebos = _placebos(M, clusters.correction(products), assignment.astype(int))

    def rejects(null: Array) -> Float[Array, " methods"]:
        t = jnp.abs((b - null) / se)
        small = clusters.two_sided(t, degrees)
        types = jackknife.wild_types(
            products, contrast[None], null[None], layout=layout
        )
        drawn = jnp.stack([_wild_t(each, v) for each in types])
        of_type = jnp.array([t[0], t[2], t[0], t[2]])
        wild = (jnp.abs(drawn) > of_type[None, :, None]).mean(axis=2) <= LEVEL
        outside = (null < low) | (null > high)
        found = jnp.concatenate([small < LEVEL, wild.reshape(-1), outside])
        of_wild = jnp.concatenate([of_type, of_type])
        served = jnp.isfinite(jnp.concatenate([se, of_wild, low]))
        p, others = jnp.full(3, jnp.nan), jnp.full(2, jnp.nan)
        if placebos is not None and by_year is not None:
            p, others = _placebo_p(*placebos, null, b, se[0]), by_year(null)
        adjusted = clusters.two_sided(t[4] * jnp.sqrt(scale), own)
        p = jnp.concatenate([p, adjusted[None], others])
        more = jnp.where(jnp.isfinite(p), (p <= LEVEL).astype(p.dtype), jnp.nan)
        return jnp.concatenate(
            [jnp.where(served, found.astype(p.dtype), jnp.nan), more]
        )

    share = clusters.partial_leverage(fit, contrast)
    nulls = jnp.stack([design.effect, jnp.zeros_like(design.effect)])
    decided = jax.vmap(rejects)(nulls if zero_too else nulls[:1])
    return PanelTests(
        estimate=b,
        se=se,
        effective=clusters.effective_clusters(share),
        residual=_residual(products, fit),
        rejects_truth=decided[0],
        rejects_zero=decided[-1],
    )


def _wild_t(
    types: resampling.WildLoadings, v: Float[Array, "G B"]
) -> Float[Array, "k B"]:
    """t of each draw by type, of few clusters all in one product."""
    if isinstance(types.L, LowRankUpdate):
        each = [
            jax.tree.map(lambda part, j=j: part[j], types) for j in range(len(types.a))
        ]
        return jnp.stack([resampling.wild_statistics(one, v) for one in each])
    k, _, G = types.a.shape
    both = jnp.concatenate([types.a, types.L[:, 0]], axis=1).reshape(k * (G + 1), G) @ v
    top, scores = jnp.split(both.reshape(k, G + 1, -1), [1], axis=1)
    return top[:, 0] / jnp.sqrt(types.correction[:, None] * (scores**2).sum(axis=1))


def _placebos(
    M: Float[Array, "G T m"],
    correction: Float[Array, ""],
    assignment: Int[Array, "G B"],
) -> tuple[Float[Array, "5 B"], Float[Array, "5 B"]]:
    """Statistics of moved treatments and of moved residuals, of a balanced panel."""
    cells = net_of_both(M)
    W, paths, left = cells[:, :, :-2], cells[:, :, -2], cells[:, :, :-3:-1]
    ww = jnp.einsum("gtw,gtv->gwv", W, W)
    inverse = jnp.linalg.inv(ww.sum(axis=0))
    # [y, x] net of W.
    left = left - W @ (inverse @ jnp.einsum("gtw,gtl->wl", W, left))
    size = (paths**2).sum(axis=1)
    features = [
        jnp.einsum("ot,gtl->gol", paths, left),
        jnp.broadcast_to(size[None, :, None], (len(size), len(size), 1)),
        jnp.einsum("ot,gtw->gow", paths, W),
    ]
    moved = placebo.PlaceboTables(
        F=jnp.concatenate(features, axis=2),
        inverse=inverse,
        left=jnp.einsum("gtw,gtl->gwl", W, left),
        ww=ww,
        correction=correction,
    )
    residuals = placebo.freedman_lane_tables(W, left[:, :, 1], left, correction)
    return placebo.placebo_t(moved, assignment), placebo.freedman_lane_t(
        residuals, assignment
    )


def _placebo_p(
    moved: Float[Array, "5 B"],
    residuals: Float[Array, "5 B"],
    null: Float[Array, ""],
    b: Float[Array, ""],
    se: Float[Array, ""],
) -> Float[Array, "3"]:
    """p of moved treatments by coefficient and t, of moved residuals by t; see
    ``placebo.of_scores`` on other nulls than 0."""

    def sizes(drawn: Array) -> tuple[Array, Array]:
        coef, t, own, covariance, variance = drawn
        gap = coef - null * own
        V = (coef / t) ** 2 - 2 * null * covariance + null**2 * variance
        return jnp.abs(gap), jnp.abs(gap) / jnp.sqrt(V)

    size = jnp.stack([*sizes(moved), sizes(residuals)[1]])
    reach = jnp.abs(b - null) / jnp.stack([jnp.array(1.0), se, se]) * (1 - TIE)
    p = (1 + (size >= reach[:, None]).sum(axis=1)) / (1 + size.shape[1])
    return jnp.where(jnp.isfinite(reach), p, jnp.nan)


def _residual(
    products: ClusterCrossProducts, fit: clusters.ClusterFit
) -> Float[Array, ""]:
    square = jnp.diagonal(products.S.sum(axis=0))
    size = jnp.sqrt(square[: len(fit.coef)] * square[-1])
    # A year that nobody is seen in has a dummy of zeros.
    each = jnp.where(size > 0, fit.scores.sum(axis=0) / jnp.where(size > 0, size, 1), 0)
    return jnp.sqrt((each**2).sum())
