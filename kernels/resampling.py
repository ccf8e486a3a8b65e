"""Estimates and test statistics of resampled clusters.

Symbols as in ``kernels.clusters``; besides,

    w   weights of the clusters in a draw: counts (pairs), exponential (Bayesian)
    v   their wild weights                                    (mean 0, variance 1)
    B   draws, always the last axis

Every draw is a function of the cross products of the clusters: no row is used again.
Pairs reweight them (Cameron, Gelbach and Miller 2008); wild draws are linear in v
(Roodman et al. 2019). Placebos are those of ``kernels.placebo``.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from . import small_systems
from .clusters import ClusterCrossProducts, Layout, correction, fit
from .low_rank import (
    FEW,
    LowRankUpdate,
    Scores,
    others,
    scores_under,
    sums_over_clusters,
)

# A test rejects where p <= LEVEL.
LEVEL = 0.05
# Draws this near the compared value, relative to it, differ from it by rounding.
TIE = 1e-10

# ------------------------------------------------------------------ reweighted clusters


def reweighted(
    S: Float[Array, "G m m"], w: Float[Array, "G B"], *, layout: Layout
) -> Float[Array, "q B"]:
    """Estimates of X under weights w: any panel, dummies eliminated in each draw."""
    G, m, _ = S.shape
    total = (S.reshape(G, m * m).T @ w).reshape(m, m, -1)
    left = small_systems.eliminate(total, columns=layout.exogenous)
    return _estimate(left, layout)


def balanced_rows(M: Float[Array, "G T m"]) -> Float[Array, "r G"]:
    """Rows that ``reweighted_balanced`` weighs: M_g'M_g of each pair of columns, then
    M_g.

    M holds [controls, X, Z, y] less each cluster's mean.
    """
    G, T, m = M.shape
    # Taken apart at once: an index for each use would be half of the tracing.
    columns = jnp.unstack(M, axis=2)
    pairs = [(i, j) for i in range(m) for j in range(i, m)]
    products = jnp.stack([(columns[i] * columns[j]).sum(axis=1) for i, j in pairs])
    return jnp.concatenate([products, M.transpose(2, 1, 0).reshape(m * T, G)])


def reweighted_balanced(
    rows: Float[Array, "r G"], w: Float[Array, "G B"], *, layout: Layout
) -> Float[Array, "q B"]:
    """The same where all clusters have the same years, and years are the only dummies.

    Taking out weighted year effects is sum w M_g'M_g - (sum w M_g)'(sum w M_g) / sum w:
    nothing to eliminate but the controls. ``rows`` are ``balanced_rows``.
    """
    m = layout.columns - layout.dummies
    pairs = [(i, j) for i in range(m) for j in range(i, m)]
    sums = rows @ w
    of_pair = dict(zip(pairs, jnp.unstack(sums[: len(pairs)]), strict=True))
    by_year = jnp.unstack(sums[len(pairs) :].reshape(m, -1, w.shape[1]))
    each = 1 / w.sum(axis=0)
    upper = {
        (i, j): of_pair[i, j] - (by_year[i] * by_year[j]).sum(axis=0) * each
        for i, j in pairs
    }
    c = layout.controls
    whole = [of_pair[i, i] for i in range(m)]
    upper = small_systems.eliminate_upper(upper, whole, c)
    return _estimate(small_systems.whole_matrix(upper, range(c, m)), layout)


def _estimate(S: Float[Array, "r r B"], layout: Layout) -> Float[Array, "q B"]:
    """beta from cross products of [X, Z, y] net of everything exogenous."""
    q, e = layout.treatments, layout.instruments
    if not e:
        return small_systems.solve(S[:q, :q], S[:q, -1])
    zx, zy = S[q : q + e, :q], S[q : q + e, -1]
    if e == q == 1:
        return jnp.where(jnp.isnan(S[q, q]), jnp.nan, zy / zx[0])
    Pi = _first_stage(S, layout)
    xx = jnp.einsum("zpB,zqB->pqB", Pi, zx)
    xy = jnp.einsum("zpB,zB->pB", Pi, zy)
    return small_systems.solve(xx, xy)


def _first_stage(S: Float[Array, "r r B"], layout: Layout) -> Float[Array, "e q B"]:
    """Coefficients of X on Z."""
    q, e = layout.treatments, layout.instruments
    zz, zx = S[q : q + e, q : q + e], S[q : q + e, :q]
    return jnp.stack([small_systems.solve(zz, zx[:, k]) for k in range(q)], axis=1)


def leave_one_out(
    products: ClusterCrossProducts,
    *,
    layout: Layout,
    written_out: int = small_systems.WRITTEN_OUT,
) -> Float[Array, "G q"]:
    """Estimates of X without each cluster in turn; NaN where the others do not identify
    them. ``written_out`` as in ``small_systems.eliminate``."""
    left = jnp.moveaxis(others(products.S), 0, 2)
    left = small_systems.eliminate(
        left, columns=layout.exogenous, written_out=written_out
    )
    return _estimate(left, layout).T


def reweighted_t(
    products: ClusterCrossProducts,
    w: Float[Array, "G B"],
    center: Float[Array, " q"],
    *,
    layout: Layout,
) -> tuple[Float[Array, "q B"], Float[Array, "q B"]]:
    """Estimates of X under weights w, and (estimate - center) / CV1 standard error.

    A cluster drawn twice is two clusters: its score enters w times, not w^2 times. By
    ``small_systems`` alone: LAPACK divides a batch among the threads of a processor,
    and two programs that do so wait for each other for ever.
    """
    S, W, q, e = products.S, layout.exogenous, layout.treatments, layout.instruments
    G, m, _ = S.shape
    total = (S.reshape(G, m * m).T @ w).reshape(m, m, -1)
    left, on_W = small_systems.regress(total, columns=W)
    coef = _estimate(left, layout)
    # Of a draw, as combinations of the columns of S: the regressors of the second
    # stage net of W, and the residual.
    same = jnp.broadcast_to(jnp.eye(q, dtype=S.dtype)[:, :, None], (q, q, w.shape[1]))
    first = _first_stage(left, layout) if e else same
    used = slice(q, q + e) if e else slice(0, q)
    net = jnp.zeros((m - W, *first.shape[1:]), S.dtype).at[used].set(first)
    net = jnp.concatenate([-jnp.einsum("wrB,rqB->wqB", on_W, net), net])
    residual = jnp.zeros((m - W, w.shape[1]), S.dtype).at[:q].set(-coef).at[-1].set(1)
    residual = jnp.concatenate([-jnp.einsum("wrB,rB->wB", on_W, residual), residual])

    with_residual = (S.reshape(G * m, m) @ residual).reshape(G, m, -1)
    scores = jnp.einsum("iqB,giB->gqB", net, with_residual)
    bread = jnp.einsum("rpB,rqB->pqB", first, left[used, :q])
    inverse = jnp.stack([small_systems.solve(bread, same[:, k]) for k in range(q)], 1)
    half = jnp.einsum("pqB,gqB->gpB", inverse, scores)
    factor = jax.vmap(partial(correction, products), in_axes=1)(w)
    variance = factor[None, :] * jnp.einsum("gB,gpB->pB", w, half**2)
    return coef, (coef - center[:, None]) / jnp.sqrt(variance)


# ------------------------------------------------------------------------- wild draws


class WildLoadings(NamedTuple):
    """A wild draw's Wald statistic is a function of v through these.

    a
        Numerators: R (beta* - beta_r) = a v.
    L
        Scores: R B x_g'u*_g = L_g v.
    correction
        G/(G-1) (N-1)/(N-k).
    """

    a: Float[Array, "h G"]
    L: Scores
    correction: Float[Array, ""]


@partial(jax.jit, static_argnames=("layout", "restricted"))
def wild_loadings(
    products: ClusterCrossProducts,
    R: Float[Array, "h p"],
    r: Float[Array, " h"],
    *,
    layout: Layout,
    restricted: bool = True,
) -> WildLoadings:
    """Least squares: H0 R beta = r, imposed on the residuals if ``restricted``.

    With scores s of the (restricted) fit and A, B of the full one: a = R B s', and
    cluster g of draw v has R B (s_g v_g - A_g B sum_h s_h v_h). Types WCR and WCU of
    Cameron, Gelbach and Miller (2008), "11" of MacKinnon, Nielsen and Webb (2023a).
    """
    full = fit(products, jnp.ones_like(products.rows), layout=layout)
    scores = full.scores
    if restricted:
        gap = _solve(R @ full.bread_inverse @ R.T, R @ full.coef - r)
        scores = scores + jnp.einsum(
            "gpq,q->gp", full.A, full.bread_inverse @ R.T @ gap
        )
    RB = R @ full.bread_inverse
    a = RB @ scores.T
    if len(scores) > FEW:
        P = jnp.einsum("hp,gpq->hgq", RB, full.A)
        L = LowRankUpdate(a, P, scores @ full.bread_inverse)
        return WildLoadings(a, L, correction(products))
    H = jnp.einsum("hp,gpq,qr,kr->hgk", RB, full.A, full.bread_inverse, scores)
    L = a[:, :, None] * jnp.eye(len(scores), dtype=a.dtype)[None] - H
    return WildLoadings(a, L, correction(products))


def _solve(A: Float[Array, "h h"], b: Float[Array, " h"]) -> Float[Array, " h"]:
    """A^-1 b. A single equation is a division: LAPACK's program for it takes longer to
    make than all else around it."""
    return b / A[0] if len(A) == 1 else jnp.linalg.solve(A, b)


def wild_statistics(
    loadings: WildLoadings, v: Float[Array, "G B"]
) -> Float[Array, " B"]:
    """t of each draw, signed; with several hypotheses the Wald statistic over h."""
    h = len(loadings.a)
    if h == 1 and isinstance(loadings.L, LowRankUpdate):
        own, P, s = loadings.L
        one = LowRankUpdate(own[0], P[0], s)
        (squares,) = sums_over_clusters([one], v, lambda z: (z**2).sum(0)[None])
        return (loadings.a @ v)[0] / jnp.sqrt(loadings.correction * squares)
    if h == 1:
        both = jnp.concatenate([loadings.a, loadings.L[0]]) @ v
        return both[0] / jnp.sqrt(loadings.correction * (both[1:] ** 2).sum(axis=0))
    top = loadings.a @ v
    z = scores_under(loadings.L, v)
    V = loadings.correction * jnp.einsum("hgB,kgB->hkB", z, z)
    return (top * small_systems.solve(V, top)).sum(axis=0) / h


AffineScores = (
    Float[Array, "rows G"] | tuple[Float[Array, "2 G"], LowRankUpdate, LowRankUpdate]
)


def affine_in_null(at: WildLoadings) -> AffineScores:
    """Loadings from which draws under every null follow: those of the first of two
    stacked nulls of one hypothesis, and their change to the second."""
    a = jnp.stack([at.a[0, 0], at.a[1, 0] - at.a[0, 0]])
    if isinstance(at.L, LowRankUpdate):
        own, P, s = at.L.own[:, 0], at.L.P[0, 0], at.L.s
        step = LowRankUpdate(own[1] - own[0], P, s[1] - s[0])
        return a, LowRankUpdate(own[0], P, s[0]), step
    L = at.L[:, 0]
    return jnp.concatenate([a, L[0], L[1] - L[0]])


def affine_statistics(
    rows: AffineScores, tested: Float[Array, ""], v: Float[Array, "G B"]
) -> Float[Array, "6 B"]:
    """a0, a1, |z0 + u z1|^2 of the ``tested`` null u, z0'z0, z0'z1 and z1'z1 of each
    draw, with a v = a0 + u a1 and L v = z0 + u z1 under null u."""

    def squares(z0: Array, z1: Array) -> Float[Array, "4 B"]:
        # Of the tested null's own scores, as where it alone is drawn: the squares of
        # the others cancel where it is far from the estimate.
        own = ((z0 + tested * z1) ** 2).sum(0)
        return jnp.stack([own, (z0 * z0).sum(0), (z0 * z1).sum(0), (z1 * z1).sum(0)])

    if isinstance(rows, tuple):
        a, one, step = rows
        return jnp.concatenate([a @ v, sums_over_clusters((one, step), v, squares)])
    both, G = rows @ v, len(v)
    return jnp.concatenate([both[:2], squares(both[2 : 2 + G], both[2 + G :])])


@jax.jit
def larger_than_nulls(
    terms: Float[Array, "5 k B"],
    nulls: Float[Array, " r"],
    asked: Int[Array, ""],
    draws: Int[Array, ""],
) -> Int[Array, "2 r"]:
    """Count the draws with |t*| above |t|, and those with a finite t*, among the first
    ``draws``.

    The first ``asked`` of ``nulls`` are tested, each u in standard errors from the
    estimate.

    ``terms`` in blocks of draws: a0, a1 and, times the correction, z0'z0, z0'z1 and
    z1'z1, where a v = a0 + u a1 and L v = z0 + u z1 under the null.
    """
    B = terms.shape[2]
    place = jnp.arange(B, dtype=draws.dtype)
    largest = jnp.finfo(terms.dtype).max

    def of_block(k: Array, so_far: Array) -> Array:
        a0, a1, z00, z01, z11 = jax.lax.dynamic_index_in_dim(terms, k, 1, False)
        used = place < draws - k * B

        def of_null(j: Array, so_far: Array) -> Array:
            u = nulls[j]
            squared = (a0 + u * a1) ** 2
            variance = z00 + u * (2 * z01 + u * z11)
            larger = squared > (jnp.abs(u) * (1 + TIE)) ** 2 * variance
            # Their ratio, without a division for each draw.
            finite = used & (squared < jnp.abs(variance) * largest)
            # Both counts in one sum: in two they take twice as long.
            both = jnp.where(finite, 1 + larger.astype(jnp.int64) * (B + 1), 0).sum()
            return so_far.at[:, j].add(jnp.stack(jnp.divmod(both, B + 1)))

        return jax.lax.fori_loop(0, asked, of_null, so_far)

    empty = jnp.zeros((2, len(nulls)), jnp.int64)
    return jax.lax.fori_loop(0, -(-draws // B), of_block, empty)


class InstrumentLoadings(NamedTuple):
    """The same for two-stage least squares with one endogenous regressor.

    Everything is net of the exogenous columns. For each excluded instrument z, cluster
    g of a draw has z_g'x*_g = fixed + Lx v and z_g'(y*_g - beta0 x*_g) = Ly v.
    """

    zz: Float[Array, "e e"]
    fixed: Float[Array, "e G"]
    Lx: Scores
    Ly: Scores
    correction: Float[Array, ""]


def _instruments_first(
    S: Float[Array, "G m m"], layout: Layout
) -> Float[Array, "G m m"]:
    """Cross products with the columns in the order [W, Z, X, y]."""
    W, X, Z = jnp.split(
        jnp.arange(layout.columns - 1), [layout.exogenous, layout.regressors]
    )
    order = jnp.concatenate([W, Z, X, jnp.array([layout.columns - 1])])
    return S[:, order][:, :, order]


@partial(jax.jit, static_argnames="layout")
def instrument_loadings(
    products: ClusterCrossProducts, beta0: Float[Array, ""], *, layout: Layout
) -> InstrumentLoadings:
    """WRE, the wild restricted efficient bootstrap (Davidson and MacKinnon 2010).

    Under beta = beta0 the structural residuals u are those of y - beta0 x on W; the
    first stage x = W d + Z pi + rho u + e is fitted with u in it, and x - W d - Z pi is
    resampled together with u, one weight for each cluster.
    """
    e, w = layout.instruments, layout.exogenous
    # Columns in the order [W, Z, x, u0 = y - beta0 x].
    S = _instruments_first(products.S, layout)
    change = jnp.eye(w + e + 2, dtype=S.dtype).at[w + e, w + e + 1].set(-beta0)
    S = jnp.einsum("ij,gik,kl->gjl", change, S, change)
    total = S.sum(axis=0)
    # Net of W: columns Z, x, u.
    on_W = jnp.linalg.solve(total[:w, :w], total[:w, w:])
    net = jnp.concatenate([-on_W, jnp.eye(e + 2, dtype=S.dtype)])
    N = jnp.einsum("ij,gik,kl->gjl", net, S, net)  # residuals with residuals
    D = jnp.einsum("gik,kl->gil", S[:, :w, :], net)  # W with residuals
    sums = N.sum(axis=0)
    first = jnp.array([*range(e), e + 1])
    pi = jnp.linalg.solve(sums[first][:, first], sums[first, e])[:e]
    # Resampled residuals: of y they are u, of x they are x - Z pi.
    of_x = jnp.zeros(e + 2, S.dtype).at[:e].set(-pi).at[e].set(1)
    of_y = jnp.zeros(e + 2, S.dtype).at[e + 1].set(1)
    eye = jnp.eye(len(S), dtype=S.dtype)
    inner = jnp.linalg.inv(total[:w, :w]) if w else jnp.zeros((0, 0), S.dtype)
    # z_g'W_g, z net of W.
    zW = jnp.swapaxes(D[:, :, :e], 1, 2)

    def loading(residual: Array) -> Scores:
        own = jnp.einsum("gzl,l->zg", N[:, :e], residual)
        if len(S) > FEW:
            of_W = jnp.einsum("gwl,l->gw", D, residual) @ inner
            return LowRankUpdate(own, jnp.moveaxis(zW, 0, 1), of_W)
        others = jnp.einsum("gzw,wx,kxl,l->zgk", zW, inner, D, residual)
        return own[:, :, None] * eye[None] - others

    fixed = jnp.einsum("gzl,l->zg", N[:, :e, :e], pi)
    return InstrumentLoadings(
        sums[:e, :e], fixed, loading(of_x), loading(of_y), correction(products)
    )


def instrument_statistics(
    loadings: InstrumentLoadings, v: Float[Array, "G B"]
) -> Float[Array, " B"]:
    """t of beta* = beta0 by two-stage least squares, CV1, in each draw."""
    zx = scores_under(loadings.Lx, v) + loadings.fixed[:, :, None]
    zu = scores_under(loadings.Ly, v)
    zz = loadings.zz  # of one instrument no call of LAPACK, which a GPU makes each step
    Pi = (1 / zz if len(zz) == 1 else jnp.linalg.inv(zz)) @ zx.sum(axis=1)
    bread = (Pi * zx.sum(axis=1)).sum(axis=0)
    gap = (Pi * zu.sum(axis=1)).sum(axis=0) / bread
    scores = (Pi[:, None, :] * (zu - gap[None, None, :] * zx)).sum(axis=0)
    # The sign of the bread is that of the projected variance: positive.
    return gap * bread / jnp.sqrt(loadings.correction * (scores**2).sum(axis=0))


@partial(jax.jit, static_argnames="layout")
def reduced_form(
    products: ClusterCrossProducts, beta0: Float[Array, ""], *, layout: Layout
) -> ClusterCrossProducts:
    """The Anderson-Rubin regression: y - beta0 x on W and Z, by least squares.

    H0 beta = beta0 is that the coefficients of Z are 0. Layout of the result:
    ``reduced_layout``.
    """
    w, q, e = layout.exogenous, layout.treatments, layout.instruments
    S = _instruments_first(products.S, layout)
    change = jnp.eye(w + e + q + 1, dtype=S.dtype).at[w + e : w + e + q, -1].set(-beta0)
    kept = jnp.concatenate([jnp.arange(w + e), jnp.array([w + e + q])])
    change = change[:, kept]
    return ClusterCrossProducts(
        jnp.einsum("ij,gik,kl->gjl", change, S, change),
        products.rows,
        products.n_parameters - q + e,
    )


def reduced_layout(layout: Layout) -> Layout:
    """Layout of ``reduced_form``: the instruments are its regressors of interest."""
    return Layout(layout.dummies, layout.controls, layout.instruments)


@partial(jax.jit, static_argnames="layout")
def anderson_rubin_loadings(
    reduced: ClusterCrossProducts, *, layout: Layout
) -> tuple[WildLoadings, Float[Array, ""]]:
    """That Z is out of ``reduced_form``: loadings, and t (of several Z: Wald F)."""
    R = jnp.eye(layout.regressors, dtype=reduced.S.dtype)[layout.exogenous :]
    full = fit(reduced, jnp.ones_like(reduced.rows), layout=layout)
    half, b = full.scores @ full.bread_inverse @ R.T, R @ full.coef
    wald = b @ _solve(correction(reduced) * half.T @ half, b) / len(b)
    loadings = wild_loadings(reduced, R, jnp.zeros_like(b), layout=layout)
    return loadings, jnp.sqrt(wald) if len(b) == 1 else wald
