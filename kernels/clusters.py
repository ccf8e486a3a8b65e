"""Cluster cross products, and the estimators and covariances computed from them.

    g   clusters                                                 (G of them)
    M   columns [W, X, Z, y] of the rows of a cluster            (m of them)
    W   dummies of effects that clusters do not nest, then controls
    X   treatments: regressors of interest, endogenous where there are instruments
    Z   excluded instruments; none for least squares
    S   S[g] = M_g'M_g, the cross products of cluster g
    c   columns of W and X, in this order                        (p of them)
    B   bread inverse, (sum w_g A_g)^-1

Effects nested in the clusters (countries in countries) are taken out of M beforehand,
within each cluster: exact whatever weight a cluster gets. Everything here is a function
of S and of one weight for each cluster: a sample is weights of 0 and 1, leaving one out
a 0, a bootstrap draw counts. A column that no cluster with a weight has, such as the
dummy of a year, has the coefficient 0 and is not counted in k.

Least squares: A_g = c_g'c_g, b_g = c_g'y_g, B = (sum A_g)^-1, and the score of a
cluster is s_g = b_g - A_g beta.
Two-stage least squares is the same with the columns replaced by their projections on
(W, Z), Pi'(W, Z)_g: A_g, b_g and the score change, nothing else does.

Covariances (Cameron, Gelbach and Miller 2011; MacKinnon, Nielsen and Webb 2023a): with
q = G/(G-1) (N-1)/(N-k),

    CV1   q B (sum s_g s_g') B
    CV2   B (sum h_g h_g') B,  h_g = (I - A_g B)^-1/2 s_g        (Bell, McCaffrey 2002)
    CV3   (G-1)/G sum (beta_(g) - beta)(beta_(g) - beta)'        (jackknife)

k is Stata's of ``xtreg, fe vce(cluster)``: slopes, dummies of the years present, and 1
for nested effects.

The residual-space form of CV2 is u_g -> (I - c_g B c_g')^-1/2 u_g; pushed through c_g'
it needs p x p only. Directions with a leverage of 1 are left out (generalised inverse):
a cluster's residuals say nothing of its errors there. A contrast that rests on such a
direction, as that of a treatment of a single cluster, has no CV2: NaN.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from .covariance_factors import cluster_factor
from .low_rank import FEW
from .small_systems import one_by_one

# Below, 1 - leverage is rounding: that direction lives in one cluster alone.
_LEVERAGE_TOLERANCE = 1e-9
# Share of a contrast's variance with iid errors that rounding puts there.
_UNIDENTIFIED_TOLERANCE = 1e-6


class Layout(NamedTuple):
    """Number of columns of each kind; static, since it sets shapes."""

    dummies: int
    controls: int
    treatments: int
    instruments: int = 0

    @property
    def exogenous(self) -> int:
        return self.dummies + self.controls

    @property
    def regressors(self) -> int:
        return self.exogenous + self.treatments

    @property
    def columns(self) -> int:
        return self.regressors + self.instruments + 1


class ClusterCrossProducts(NamedTuple):
    """Cross products of the clusters of one model.

    ``rows`` counts each cluster's rows; ``n_parameters`` is k of the correction, with
    all columns of W and X.
    """

    S: Float[Array, "G m m"]
    rows: Float[Array, " G"]
    n_parameters: Float[Array, ""]


class ClusterFit(NamedTuple):
    """An estimate and the parts of its covariances.

    coef
        Coefficients of W, then X.
    bread_inverse
        (sum w_g A_g)^-1.
    A
        A_g of each cluster, of projected columns where there are instruments.
    scores
        s_g, 0 in sum over the weights.
    """

    coef: Float[Array, " p"]
    bread_inverse: Float[Array, "p p"]
    A: Float[Array, "G p p"]
    scores: Float[Array, "G p"]


@partial(jax.jit, static_argnames="clusters")
def cross_products(
    columns: Float[Array, "n m"], cluster: Array, *, clusters: int
) -> Float[Array, "{clusters} m m"]:
    """S_g from rows: ``cluster`` holds the number of each row's cluster.

    A column at a time, so that nothing is larger than the rows and the result.
    """

    def with_column(column: Float[Array, " n"]) -> Float[Array, "G m"]:
        products = column[:, None] * columns
        return jax.ops.segment_sum(products, cluster, num_segments=clusters)

    return jnp.moveaxis(jax.lax.map(with_column, columns.T), 0, 1)


def two_way_products(
    M: Float[Array, "G T m"],
    seen: Float[Array, "G T"],
    *,
    dummies: int,
    outcomes: int = 1,
) -> tuple[ClusterCrossProducts, Layout]:
    """Cross products of a panel of clusters and years, net of cluster effects.

    M holds [controls, treatment, y], or several y, and any number where ``seen`` is 0.
    Dummies are those of the last ``dummies`` years; with one for every year see
    ``without_base``.
    """
    columns = within_clusters(M, seen, dummies=dummies)
    layout = Layout(dummies, M.shape[2] - 1 - outcomes, 1)
    S = jnp.einsum("gti,gtj->gij", columns, columns)
    n_parameters = jnp.asarray(layout.regressors + 1.0, M.dtype)
    return ClusterCrossProducts(S, seen.sum(axis=1), n_parameters), layout


def within_clusters(
    M: Float[Array, "G T m"], seen: Float[Array, "G T"], *, dummies: int
) -> Float[Array, "G T dm"]:
    """Dummies of the last years, then M, net of cluster effects; 0 where unseen."""
    G, T, _ = M.shape
    years = jnp.broadcast_to(
        jnp.eye(T, dtype=M.dtype)[None, :, T - dummies :], (G, T, dummies)
    )
    columns = jnp.concatenate([years, M], axis=2) * seen[:, :, None]
    count = jnp.maximum(seen.sum(axis=1), 1)
    mean = columns.sum(axis=1) / count[:, None]
    return (columns - mean[:, None, :]) * seen[:, :, None]


@partial(jax.jit, static_argnames="layout")
def without_base(
    products: ClusterCrossProducts, weights: Float[Array, " G"], *, layout: Layout
) -> ClusterCrossProducts:
    """Take out the first dummy that clusters with a weight have: the base year."""
    present = jnp.einsum("g,gii->i", weights, products.S)[: layout.dummies] > 0
    kept = jnp.arange(products.S.shape[1]) != jnp.argmax(present)
    both = kept[:, None] & kept[None, :]
    return products._replace(S=jnp.where(both[None], products.S, 0))


@partial(jax.jit, static_argnames="layout")
def fit(
    products: ClusterCrossProducts,
    weights: Float[Array, " G"],
    *,
    layout: Layout,
    outcome: int | Int[Array, ""] = -1,
) -> ClusterFit:
    """The estimate over the clusters, each counted ``weights[g]`` times.

    ``outcome`` is the column of y: of several, a batch shares its bread.
    """
    S = products.S
    X = jnp.arange(layout.regressors)
    total = jnp.einsum("g,gij->ij", weights, S)
    # x_hat'x_hat, x_hat'x and x_hat'y of each cluster; without instruments x_hat is x.
    if not layout.instruments:
        A = XX = S[:, : layout.regressors, : layout.regressors]
        b = S[:, X, outcome]
    else:
        Z = _instruments(layout)
        Pi = jnp.linalg.solve(_present(total[Z][:, Z]), total[Z][:, X])
        A = jnp.einsum("zp,gzy,yq->gpq", Pi, S[:, Z][:, :, Z], Pi)
        XX = jnp.einsum("zp,gzq->gpq", Pi, S[:, Z][:, :, X])
        b = jnp.einsum("zp,gz->gp", Pi, S[:, Z, outcome])
    bread = jnp.einsum("g,gpq->pq", weights, A)
    bread_inverse = jnp.linalg.inv(_present(bread))
    coef = bread_inverse @ jnp.einsum("g,gp->p", weights, b)
    scores = b - jnp.einsum("gpq,q->gp", XX, coef)
    return ClusterFit(coef, bread_inverse, A, scores)


def _present(S: Float[Array, "p p"]) -> Float[Array, "p p"]:
    """A 1 on the diagonal of columns that are all zero, such as the dummy of a year
    that no cluster with a weight has: their coefficients are 0."""
    empty = jnp.diagonal(S) == 0
    return S + jnp.diag(jnp.where(empty, 1.0, 0.0).astype(S.dtype))


def _instruments(layout: Layout) -> Array:
    """Columns of W, then of Z."""
    exogenous = jnp.arange(layout.exogenous)
    excluded = layout.regressors + jnp.arange(layout.instruments)
    return jnp.concatenate([exogenous, excluded])


@jax.jit
def correction(
    products: ClusterCrossProducts, weights: Float[Array, " G"] | None = None
) -> Float[Array, ""]:
    """G/(G-1) (N-1)/(N-k); columns without any weight are not counted in k."""
    k = products.n_parameters
    if weights is None:
        weights = jnp.ones_like(products.rows)
    else:
        k = k - (jnp.einsum("g,gii->i", weights, products.S) == 0).sum(dtype=k.dtype)
    N = weights @ products.rows
    G = jnp.where(products.rows > 0, weights, 0).sum()
    return cluster_factor(G, N, k)


@jax.jit
def cv1(
    products: ClusterCrossProducts,
    fit: ClusterFit,
    weights: Float[Array, " G"] | None = None,
) -> Float[Array, "p p"]:
    """The cluster-robust covariance, as Stata's."""
    half = fit.scores @ fit.bread_inverse
    weighted = half if weights is None else weights[:, None] * half
    return correction(products, weights) * weighted.T @ half


@jax.jit
def unexplained_share(
    fit: ClusterFit, weights: Float[Array, " G"]
) -> Float[Array, " p"]:
    """Share of each column's variation that the other columns leave; 0 without any.

    Where it is 0, the coefficient is not identified.
    """
    variation = jnp.einsum("g,gpp->p", weights, fit.A)
    unit = variation * jnp.diagonal(fit.bread_inverse)
    return jnp.where(variation > 0, 1 / jnp.where(variation > 0, unit, 1), 0)


class Leverages(NamedTuple):
    """Eigenvectors and 1 - eigenvalues of R'A_g R for each cluster, with B = R R'.

    I - A_g B = R^-T (I - R'A_g R) R', so that its powers are those of the middle.
    """

    R: Float[Array, "p p"]
    U: Float[Array, "G p p"]
    left: Float[Array, "G p"]

    def power(self, s: Float[Array, "G p"], exponent: float) -> Float[Array, "G p"]:
        """(I - A_g B)^exponent s_g, for s_g in the column space of A_g."""
        kept = self.left > _LEVERAGE_TOLERANCE
        scale = jnp.where(kept, jnp.where(kept, self.left, 1) ** exponent, 0)
        inner = jnp.einsum("gpe,gp->ge", self.U, s @ self.R)
        inner = jnp.einsum("gpe,ge->gp", self.U, scale * inner)
        return jax.scipy.linalg.solve_triangular(self.R.T, inner.T, lower=False).T

    def unidentified_share(self, contrast: Float[Array, " p"]) -> Float[Array, " G"]:
        """Share of the variance of contrast'beta, with iid errors, that rests on
        directions of each cluster with a leverage of 1."""
        weight = self.R.T @ contrast
        inner = jnp.einsum("gpe,p->ge", self.U, weight)
        inner = jnp.where(self.left > _LEVERAGE_TOLERANCE, 0, inner)
        return (inner**2).sum(axis=1) / (weight @ weight)


@jax.jit
def leverages(fit: ClusterFit) -> Leverages:
    """The leverages of the clusters, for CV2 and its degrees of freedom."""
    R = jnp.linalg.cholesky(fit.bread_inverse)
    own = jnp.einsum("pr,gpq,qs->grs", R, fit.A, R)
    values, U = one_by_one(lambda M: tuple(jnp.linalg.eigh(M)), own)
    return Leverages(R, U, 1 - values)


@jax.jit
def cv2(fit: ClusterFit, spectrum: Leverages | None = None) -> Float[Array, "p p"]:
    """Bell and McCaffrey's, unbiased where errors are iid.

    NaN for coefficients that ``singly_identified`` clusters identify.
    """
    spectrum = leverages(fit) if spectrum is None else spectrum
    half = spectrum.power(fit.scores, -0.5) @ fit.bread_inverse
    each = jnp.eye(len(fit.coef), dtype=fit.coef.dtype)
    singly = jax.vmap(lambda contrast: singly_identified(spectrum, contrast).any())(
        each
    )
    half = jnp.where(singly[None, :], jnp.nan, half)
    return half.T @ half


@jax.jit
def singly_identified(
    spectrum: Leverages, contrast: Float[Array, " p"]
) -> Bool[Array, " G"]:
    """Flag clusters that alone identify a part of contrast'beta: it has no CV2."""
    return spectrum.unidentified_share(contrast) > _UNIDENTIFIED_TOLERANCE


@jax.jit
def cv3(coef: Float[Array, " q"], left: Float[Array, "G q"]) -> Float[Array, "q q"]:
    """The jackknife, from the estimates without each cluster; NaN where one of them
    is (``resampling.leave_one_out``)."""
    G = len(left)
    gap = left - coef[None, :]
    return (G - 1) / G * gap.T @ gap


@jax.jit
def degrees(
    fit: ClusterFit, contrast: Float[Array, " p"], spectrum: Leverages | None = None
) -> Float[Array, ""]:
    """Degrees of freedom of a CV2 t-statistic (Bell and McCaffrey 2002).

    (sum l)^2 / sum l^2 over the eigenvalues of the matrix whose quadratic form the CV2
    variance of contrast'beta is, with iid errors: entries p_g'(I - H) p_h where
    p_g = (I - H_gg)^-1/2 c_g B contrast. NaN where there is no CV2.
    """
    spectrum = leverages(fit) if spectrum is None else spectrum
    total, squares = form_sums(fit, contrast, spectrum, -0.5)
    served = ~singly_identified(spectrum, contrast).any()
    return jnp.where(served, total**2 / squares, jnp.nan)


def form_sums(
    fit: ClusterFit,
    contrast: Float[Array, " p"],
    spectrum: Leverages,
    exponent: float,
    *,
    centred: bool = False,
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Sum of the eigenvalues, and of their squares, of the form with entries
    p_g'(I - H) p_h, p_g = (I - H_gg)^exponent c_g B contrast.

    With iid errors of variance 1 they are the weights of the chi2(1) that a variance
    estimator is a sum of: CV2 (-1/2), the jackknife (-1); ``centred``: that around the
    mean of the estimates without each cluster, times (G-1)/G.
    """
    e = fit.bread_inverse @ contrast
    Ae = jnp.einsum("gpq,q->gp", fit.A, e)
    # c_g'p_g and p_g'p_g, both pushed through.
    cp = spectrum.power(Ae, exponent)
    pp = spectrum.power(Ae, 2 * exponent) @ e
    G, B = len(pp), fit.bread_inverse
    factor = jnp.asarray((G - 1) / G if centred else 1.0, pp.dtype)
    if G <= FEW:
        Q = jnp.diag(pp) - cp @ B @ cp.T
        if centred:
            Q = Q - Q.mean(axis=0)[None, :]
            Q = (Q - Q.mean(axis=1)[:, None]) * factor
        return jnp.trace(Q), jnp.sum(Q * Q)
    # The same sums of diag(pp) - cp B cp', less what centring takes out.
    own, inside = jnp.einsum("gp,pq,gq->g", cp, B, cp), B @ cp.T @ cp
    total = (pp - own).sum()
    squares = (pp**2).sum() - 2 * (pp * own).sum() + jnp.sum(inside * inside.T)
    if centred:
        rows = pp - cp @ (B @ cp.sum(axis=0))
        mean = rows.sum() / G
        total, squares = total - mean, squares - 2 * (rows**2).sum() / G + mean**2
    return factor * total, factor**2 * squares


def two_sided(
    t: Float[Array, "..."], degrees: Float[Array, "..."]
) -> Float[Array, "..."]:
    """P(|t_df| > t) = I(df / (df + t^2); df / 2, 1 / 2)."""
    half = jnp.full_like(degrees, 0.5)
    return jax.scipy.special.betainc(degrees / 2, half, degrees / (degrees + t**2))


@jax.jit
def leverage(fit: ClusterFit) -> Float[Array, " G"]:
    """tr(A_g B): the share of the p parameters that a cluster fits by itself.

    They sum to p; p / G each would be even (MacKinnon, Nielsen and Webb 2023b).
    """
    return jnp.einsum("gpq,qp->g", fit.A, fit.bread_inverse)


@jax.jit
def partial_leverage(
    fit: ClusterFit, contrast: Float[Array, " p"]
) -> Float[Array, " G"]:
    """Each cluster's share of the variation that identifies contrast'beta."""
    e = fit.bread_inverse @ contrast
    share = jnp.einsum("p,gpq,q->g", e, fit.A, e)
    return share / share.sum()


@jax.jit
def effective_clusters(partial_leverage: Float[Array, " G"]) -> Float[Array, ""]:
    """1 / sum of squared shares: G where clusters are even.

    Carter, Schnepel and Steigerwald's (2017) G* = G / (1 + CV^2) for rows that are
    uncorrelated within clusters.
    """
    return 1 / jnp.sum(partial_leverage**2)
