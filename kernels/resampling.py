"""Estimates and test statistics of resampled clusters.

Symbols as in ``kernels.clusters``; besides,

    w   weights of the clusters in a draw: counts (pairs), exponential (Bayesian)
    v   their wild weights                                    (mean 0, variance 1)
    o   options of a placebo: paths that a cluster can get
    B   draws, always the last axis

Every draw is a function of the cross products of the clusters: no row is used again.
Pairs reweight them (Cameron, Gelbach and Miller 2008); wild draws are linear in v
(Roodman et al. 2019); placebos, of moved treatments or of moved residuals (Freedman and
Lane 1983), add up one table entry for each cluster.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from . import small_systems
from .clusters import ClusterCrossProducts, Layout, correction, fit

# A test rejects where p <= LEVEL.
LEVEL = 0.05
# Draws this near the compared value, relative to it, differ from it by rounding.
TIE = 1e-10

# ------------------------------------------------------------------ reweighted clusters


def reweighted(
    S: Float[Array, "G m m"],
    w: Float[Array, "G B"],
    *,
    layout: Layout,
    written_out: int = small_systems.WRITTEN_OUT,
) -> Float[Array, "q B"]:
    """Estimates of X under weights w: any panel, dummies eliminated in each draw."""
    G, m, _ = S.shape
    total = (S.reshape(G, m * m).T @ w).reshape(m, m, -1)
    left = small_systems.eliminate(
        total, columns=layout.exogenous, written_out=written_out
    )
    return _estimate(left, layout)


def reweighted_balanced(
    M: Float[Array, "G T m"], w: Float[Array, "G B"], *, layout: Layout
) -> Float[Array, "q B"]:
    """The same where all clusters have the same years, and years are the only dummies.

    M holds [controls, X, Z, y] less each cluster's mean. Taking out weighted year
    effects is sum w M_g'M_g - (sum w M_g)'(sum w M_g) / sum w: nothing to eliminate
    but the controls.
    """
    G, T, m = M.shape
    pairs = [(i, j) for i in range(m) for j in range(i, m)]
    products = jnp.stack([(M[:, :, i] * M[:, :, j]).sum(axis=1) for i, j in pairs])
    years = M.transpose(2, 1, 0).reshape(m * T, G)
    sums = jnp.concatenate([products, years]) @ w
    by_year = sums[len(pairs) :].reshape(m, T, -1)
    each = 1 / w.sum(axis=0)
    upper = {
        (i, j): sums[k] - (by_year[i] * by_year[j]).sum(axis=0) * each
        for k, (i, j) in enumerate(pairs)
    }
    c = layout.controls
    whole = [sums[pairs.index((i, i))] for i in range(m)]
    upper = small_systems.eliminate_upper(upper, whole, c)
    return _estimate(small_systems.whole_matrix(upper, range(c, m)), layout)


def _estimate(S: Float[Array, "r r B"], layout: Layout) -> Float[Array, "q B"]:
    """beta from cross products of [X, Z, y] net of everything exogenous."""
    q, e = layout.treatments, layout.instruments
    if not e:
        return small_systems.solve(S[:q, :q], S[:q, -1])
    zx, zy = S[q : q + e, :q], S[q : q + e, -1]
    zz = S[q : q + e, q : q + e]
    if e == q == 1:
        return jnp.where(jnp.isnan(zz[0]), jnp.nan, zy / zx[0])
    Pi = jnp.stack([small_systems.solve(zz, zx[:, k]) for k in range(q)], axis=1)
    xx = jnp.einsum("zpB,zqB->pqB", Pi, zx)
    xy = jnp.einsum("zpB,zB->pB", Pi, zy)
    return small_systems.solve(xx, xy)


def leave_one_out(
    products: ClusterCrossProducts,
    *,
    layout: Layout,
    written_out: int = small_systems.WRITTEN_OUT,
) -> Float[Array, "G q"]:
    """Estimates of X without each cluster in turn; NaN where the others do not identify
    them. ``written_out`` as in ``small_systems.eliminate``."""
    without = 1 - jnp.eye(len(products.rows), dtype=products.S.dtype)
    return reweighted(products.S, without, layout=layout, written_out=written_out).T


def reweighted_t(
    products: ClusterCrossProducts,
    w: Float[Array, "G B"],
    center: Float[Array, " q"],
    *,
    layout: Layout,
) -> tuple[Float[Array, "q B"], Float[Array, "q B"]]:
    """Estimates of X under weights w, and (estimate - center) / CV1 standard error.

    A cluster drawn twice is two clusters: its score enters w times, not w^2 times.
    """

    def one(weights: Array) -> tuple[Array, Array]:
        each = fit(products, weights, layout=layout)
        half = each.scores @ each.bread_inverse[:, layout.exogenous :]
        variance = correction(products, weights) * (weights @ half**2)
        coef = each.coef[layout.exogenous :]
        return coef, (coef - center) / jnp.sqrt(variance)

    return jax.vmap(one, in_axes=1, out_axes=1)(w)


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
    L: Float[Array, "h G G"]
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
        gap = jnp.linalg.solve(R @ full.bread_inverse @ R.T, R @ full.coef - r)
        scores = scores + jnp.einsum(
            "gpq,q->gp", full.A, full.bread_inverse @ R.T @ gap
        )
    RB = R @ full.bread_inverse
    a = RB @ scores.T
    H = jnp.einsum("hp,gpq,qr,kr->hgk", RB, full.A, full.bread_inverse, scores)
    L = a[:, :, None] * jnp.eye(len(scores), dtype=a.dtype)[None] - H
    return WildLoadings(a, L, correction(products))


def wild_statistics(
    loadings: WildLoadings, v: Float[Array, "G B"]
) -> Float[Array, " B"]:
    """t of each draw, signed; with several hypotheses the Wald statistic over h."""
    h, G, _ = loadings.L.shape
    if h == 1:
        both = jnp.concatenate([loadings.a, loadings.L[0]]) @ v
        return both[0] / jnp.sqrt(loadings.correction * (both[1:] ** 2).sum(axis=0))
    top = loadings.a @ v
    z = (loadings.L.reshape(h * G, G) @ v).reshape(h, G, -1)
    V = loadings.correction * jnp.einsum("hgB,kgB->hkB", z, z)
    return (top * small_systems.solve(V, top)).sum(axis=0) / h


class InstrumentLoadings(NamedTuple):
    """The same for two-stage least squares with one endogenous regressor.

    Everything is net of the exogenous columns. For each excluded instrument z, cluster
    g of a draw has z_g'x*_g = fixed + Lx v and z_g'(y*_g - beta0 x*_g) = Ly v.
    """

    zz: Float[Array, "e e"]
    fixed: Float[Array, "e G"]
    Lx: Float[Array, "e G G"]
    Ly: Float[Array, "e G G"]
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

    def loading(residual: Array) -> Array:
        own = jnp.einsum("gzl,l->zg", N[:, :e], residual)
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
    e, G, _ = loadings.Lx.shape
    zx = (loadings.Lx.reshape(e * G, G) @ v).reshape(e, G, -1)
    zx = zx + loadings.fixed[:, :, None]
    zu = (loadings.Ly.reshape(e * G, G) @ v).reshape(e, G, -1)
    Pi = jnp.linalg.inv(loadings.zz) @ zx.sum(axis=1)
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
    """Of ``reduced_form``: the instruments are its regressors of interest."""
    return Layout(layout.dummies, layout.controls, layout.instruments)


@partial(jax.jit, static_argnames="layout")
def anderson_rubin_loadings(
    reduced: ClusterCrossProducts, *, layout: Layout
) -> tuple[WildLoadings, Float[Array, ""]]:
    """That Z is out of ``reduced_form``: loadings, and t (of several Z: Wald F)."""
    R = jnp.eye(layout.regressors, dtype=reduced.S.dtype)[layout.exogenous :]
    full = fit(reduced, jnp.ones_like(reduced.rows), layout=layout)
    half, b = full.scores @ full.bread_inverse @ R.T, R @ full.coef
    wald = b @ jnp.linalg.solve(correction(reduced) * half.T @ half, b) / len(b)
    loadings = wild_loadings(reduced, R, jnp.zeros_like(b), layout=layout)
    return loadings, jnp.sqrt(wald) if len(b) == 1 else wald


# -------------------------------------------------------------------------- placebos


class PlaceboTables(NamedTuple):
    """Contributions of cluster g with path o of the treatment.

    W and y stay in place; everything is net of nested effects, y also of W.

    F
        [z_o'y, z_o'x_g, z_o'x_o, W_g'x_o, W_g'z_o], where x_g is the treatment as it
        is, net of W as y is; with least squares z is x and the last part is left out.
    inverse
        (W'W)^-1.
    left, ww
        W_g'[y_g, x_g] and W_g'W_g, for standard errors.
    correction
        G/(G-1) (N-1)/(N-k).
    """

    F: Float[Array, "G o f"]
    inverse: Float[Array, "w w"]
    left: Float[Array, "G w 2"]
    ww: Float[Array, "G w w"]
    correction: Float[Array, ""]


def placebo_estimates(
    tables: PlaceboTables, assignment: Int[Array, "G B"]
) -> Float[Array, "2 B"]:
    """Coefficients of the reassigned treatment in each draw: on y, and on x_g.

    b = z'y / (z'x - z'W (W'W)^-1 W'x), every product a sum over clusters.
    """
    w = len(tables.inverse)
    g = jnp.arange(len(assignment))[:, None]
    total = tables.F[g, assignment].sum(axis=0).T
    hx = tables.inverse @ total[3 : 3 + w]
    variation = total[2] - (total[-w:] * hx).sum(axis=0) if w else total[2]
    return total[:2] / variation[None, :]


def placebo_t(
    tables: PlaceboTables, assignment: Int[Array, "G B"]
) -> Float[Array, "5 B"]:
    """Randomisation-t: the statistics of each draw, see ``of_scores``.

    With hx = (W'W)^-1 W'x and hz alike the score of cluster g is z'y - hz'W'y
    - b (z'x - hz'W'x - hx'W'z + hz'W'W hx), each product over its own rows.
    """
    G, w, _ = tables.left.shape
    g = jnp.arange(G)[:, None]
    # Looked up once, not again for everything that is made of them.
    each = jax.lax.optimization_barrier(
        jnp.moveaxis(tables.F[g, assignment], 2, 1)  # (G, f, B)
    )
    on, zx, xW, zW = each[:, :2], each[:, 2], each[:, 3 : 3 + w], each[:, -w:]
    if not w:
        xW = zW = each[:, :0]
    hx, hz = tables.inverse @ xW.sum(axis=0), tables.inverse @ zW.sum(axis=0)
    variation = zx.sum(axis=0) - (zW.sum(axis=0) * hx).sum(axis=0)
    b = on.sum(axis=0) / variation[None]
    outer = (hz[:, None, :] * hx[None, :, :]).reshape(w * w, assignment.shape[1])
    inner = zx + tables.ww.reshape(G, w * w) @ outer
    inner = inner - (xW * hz[None] + zW * hx[None]).sum(axis=1)
    scores = on - jnp.einsum("gwl,wB->glB", tables.left, hz)
    scores = scores - b[None] * inner[:, None]
    return of_scores(b, scores, variation, tables.correction)


def of_scores(
    b: Float[Array, "2 B"],
    scores: Float[Array, "G 2 B"],
    variation: Float[Array, " B"],
    correction: Float[Array, ""],
) -> Float[Array, "5 B"]:
    """[b, t, own, cov, var] of a placebo: all that any null needs.

    ``b`` and ``scores`` are of two outcomes, y and the treatment as it is. Under a
    constant effect n the outcome is y - n x: its placebo has the coefficient
    b - n own and the variance (b / t)^2 - 2 n cov + n^2 var (CV1).
    """
    # Made once: each of the three sums would make them again.
    y, x = jnp.moveaxis(jax.lax.optimization_barrier(scores), 1, 0)
    scale = correction / variation**2
    yy, yx, xx = ((p * q).sum(axis=0) * scale for p, q in ((y, y), (y, x), (x, x)))
    return jnp.stack([b[0], b[0] / jnp.sqrt(yy), b[1], yx, xx])


class FreedmanLaneTables(NamedTuple):
    """Contributions of cluster g with the residuals of cluster o.

    Everything is of a balanced panel, net of effects of clusters and years; residuals
    of y and x also of W, and so are z and x.

    F
        [z_g'y_o, z_g'x_o, W_g'y_o, W_g'x_o].
    inverse
        (W'W)^-1.
    zW, zx
        W_g'z_g and z_g'x_g.
    correction
        G/(G-1) (N-1)/(N-k).
    """

    F: Float[Array, "G o f"]
    inverse: Float[Array, "w w"]
    zW: Float[Array, "G w"]
    zx: Float[Array, " G"]
    correction: Float[Array, ""]


@jax.jit
def freedman_lane_tables(
    W: Float[Array, "G T w"],
    z: Float[Array, "G T"],
    residuals: Float[Array, "G T 2"],
    correction: Float[Array, ""],
) -> FreedmanLaneTables:
    """From the cells of a balanced panel; with least squares z is x, residuals[..., 1].

    Everything is net of both effects, z and residuals also of W.
    """
    G, _, w = W.shape
    onto_z = jnp.einsum("gt,otl->gol", z, residuals)
    onto_W = jnp.einsum("gtw,otl->golw", W, residuals).reshape(G, G, 2 * w)
    return FreedmanLaneTables(
        F=jnp.concatenate([onto_z, onto_W], axis=2),
        inverse=jnp.linalg.inv(jnp.einsum("gtw,gtv->wv", W, W)),
        zW=jnp.einsum("gt,gtw->gw", z, W),
        zx=jnp.einsum("gt,gt->g", z, residuals[:, :, 1]),
        correction=correction,
    )


def freedman_lane_t(
    tables: FreedmanLaneTables, assignment: Int[Array, "G B"]
) -> Float[Array, "5 B"]:
    """Freedman and Lane's (1983) placebo, whole paths of residuals moved.

    The outcome of a draw is what the reduced model fits plus residuals e of other
    clusters. With h = (W'W)^-1 W'e its coefficient is b = z'e / z'x, and the score of
    cluster g z_g'(e_g - W_g h - b x_g): moving whole paths of a balanced panel keeps
    the residuals free of both effects, so that W alone is taken out of them again.
    See ``of_scores``.
    """
    G, w = tables.zW.shape
    each = jnp.moveaxis(tables.F[jnp.arange(G)[:, None], assignment], 2, 1)  # (G, f, B)
    ze, variation = each[:, :2], tables.zx.sum()
    h = each[:, 2:].sum(axis=0).reshape(2, w, assignment.shape[1])
    h = jnp.einsum("wv,lvB->lwB", tables.inverse, h)
    b = ze.sum(axis=0) / variation
    scores = ze - jnp.einsum("gw,lwB->glB", tables.zW, h)
    scores = scores - b[None] * tables.zx[:, None, None]
    same = jnp.broadcast_to(variation, b.shape[1:])
    return of_scores(b, scores, same, tables.correction)
