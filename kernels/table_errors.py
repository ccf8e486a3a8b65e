"""Variances of measures whose table has errors, by the delta method: one year.

With G the gradient of a measure by cell of F = (Z, Y) (``kernels.sensitivity``) and e
the errors of the cells, dJ = sum of G o e, so that Cov(J, J') is a bilinear form in G
and G'. As gradients are sums of a few outer products a_p b_p', no form needs the cells
of G. For independent errors of variance S,

    Cov = sum over p, q of (a_p o a_q)' S (b_p o b_q),

a few products of S with a vector for each measure.

Known margins. An error that must leave row sums, column sums or both as they are is
balanced by least squares with weights 1 / S (Stone, Champernowne and Meade 1942, Review
of Economic Studies 9): of G, the multipliers of the margins are subtracted,

    G~_ij = G_ij - alpha_i - beta_j,   with S-weighted sums of 0 in what is held,

two more terms. For independent normal errors that is the distribution given the
margins.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import cho_factor, cho_solve
from jaxtyping import Array, Float

from .sensitivity import Gradients

Covariance = Float[Array, "f f m"]


def independent(S: Float[Array, "n N"], gradients: Gradients) -> Covariance:
    """Covariances of the f measures for independent errors of variance ``S``."""
    left, right, added, of = gradients
    first, second = np.triu_indices(len(left))
    used = (right[first] * right[second]) @ S.T
    upper = jnp.einsum("kmn,kmn,kn->km", left[first], left[second], used)
    pairs = jnp.zeros((len(left), len(left), left.shape[1]), S.dtype)
    pairs = pairs.at[first, second].set(upper).at[second, first].set(upper)
    terms = jnp.einsum("pf,pqm,qg->fgm", of, pairs, of)
    # Against -1 added': the sum over i of S_ij a_i.
    reached = right[:, None, :] * (left @ S)
    mixed = jnp.einsum("pf,pmN,gmN->fgm", of, reached, added)
    corner = jnp.einsum("fmN,gmN,N->fgm", added, added, S.sum(axis=0))
    return terms - mixed - jnp.swapaxes(mixed, 0, 1) + corner


def shared(
    sigma: Float[Array, "n N"], group: Float[Array, "n g"], gradients: Gradients
) -> Covariance:
    """The same for errors sigma_ij z_g, one draw z for all rows of a group.

    ``group[i, g]`` is 1 where row i belongs to group g.
    """
    left, right, added, of = gradients
    moved = left * (right @ sigma.T)[:, None, :]
    by_group = jnp.einsum("pf,pmn,ng->fmg", of, moved, group)
    by_group = by_group - jnp.einsum("fmN,gN->fmg", added, group.T @ sigma)
    return jnp.einsum("fmk,gmk->fgm", by_group, by_group)


class ImportShareErrors(NamedTuple):
    """Partners' shares in imports that are not known by user.

    share
        Of partner r in imports of good i by region d, (r, i, d), 0 at home.
    bought
        What each user of region d imports of good i, (i, d, user): its industries,
        then final demand.
    concentration
        Of the Dirichlet distribution of the shares.
    """

    share: Float[Array, "c s c"]
    bought: Float[Array, "s c u"]
    concentration: Float[Array, ""]


def import_share_errors(
    F: Float[Array, "n N"], concentration: Float[Array, ""], *, regions: int
) -> ImportShareErrors:
    """Proportional shares and imports by user of a table's cells.

    Imports below 0, which inventories make, count as none in the shares.
    """
    c, s = regions, len(F) // regions
    users = by_user(F, regions=c)
    abroad = 1 - jnp.eye(c, dtype=F.dtype)
    bought = jnp.einsum("ridu,rd->idu", users, abroad)
    sold = jnp.maximum(jnp.einsum("ridu,rd->rid", users, abroad), 0)
    total = sold.sum(axis=0)
    share = sold / jnp.where(total > 0, total, 1)[None]
    assert share.shape == (c, s, c)
    return ImportShareErrors(share, bought, concentration)


def by_user(cells: Float[Array, "k N"], *, regions: int) -> Float[Array, "c s c u"]:
    """Cells by seller, good, region of the user, and user there."""
    c = regions
    n = cells.shape[1] - c
    industries = cells[:, :n].reshape(c, -1, c, n // c)
    final = cells[:, n:].reshape(c, -1, c, 1)
    return jnp.concatenate([industries, final], axis=3)


def import_shares(errors: ImportShareErrors, gradients: Gradients) -> Covariance:
    """The same for shares of partners drawn around the proportional ones.

    For each good, importing region and user the shares are Dirichlet(concentration p),
    whose covariance is (diag(p) - p p') / (concentration + 1); imports by user stay,
    and given what each partner sells to the region they leave

        (diag(p) - p p') x (diag(w) - w w' / sum w) / (concentration + 1),

    w the squared imports of the users. Columns keep their sums, so that value added
    does not move.
    """
    left, right, _, of = gradients
    c = errors.share.shape[0]
    P, m, n = left.shape
    a = left.reshape(P, m, c, n // c)
    industries, final = right[:, : right.shape[1] - c], right[:, right.shape[1] - c :]
    b = jnp.concatenate([industries.reshape(P, c, -1), final[:, :, None]], axis=2)
    w = errors.bought**2
    total = w.sum(axis=2)
    mean = jnp.einsum("idu,pdu->pid", w, b)
    users = jnp.einsum("idu,pdu,qdu->pqid", w, b, b)
    users = users - mean[:, None] * mean[None] / jnp.where(total > 0, total, 1)[None, None]
    p = errors.share
    mean_a = jnp.einsum("rid,pmri->pmid", p, a)

    def pair(first: Array, second: Array) -> Array:
        return jnp.einsum("rid,mri,mri->mid", p, a[first], a[second])

    pairs = []
    for k in range(P):
        row = []
        for q in range(P):
            sellers = pair(k, q) - mean_a[k] * mean_a[q]
            row.append(jnp.einsum("mid,id->m", sellers, users[k, q]))
        pairs.append(jnp.stack(row))
    every = jnp.stack(pairs) / (errors.concentration + 1)
    return jnp.einsum("pf,pqm,qg->fgm", of, every, of)


class Margins(NamedTuple):
    """Row and column sums of S, and the factor of the system of both, if both hold."""

    rows: Float[Array, " n"] | None
    columns: Float[Array, " N"] | None
    factor: Float[Array, "N N"] | None


# Sums of rows and of columns have one total, so that their system is singular; this
# share of its diagonal makes it definite. The right side is in its range, so that the
# answer moves by as little.
_RIDGE = 1e-12


def held_margins(S: Float[Array, "n N"], *, rows: bool, columns: bool) -> Margins:
    """What ``balanced`` needs of the variances, once a year."""
    R, C = S.sum(axis=1), S.sum(axis=0)
    factor = None
    if rows and columns:
        share = S / jnp.where(R > 0, R, 1)[:, None]
        K = jnp.diag(jnp.where(C > 0, C * (1 + _RIDGE), 1)) - S.T @ share
        factor = cho_factor(K, lower=True)[0]
    return Margins(R if rows else None, C if columns else None, factor)


def balanced(
    S: Float[Array, "n N"], margins: Margins, gradients: Gradients
) -> Gradients:
    """Gradients with the multipliers of held margins subtracted."""
    R, C, factor = margins
    if R is None and C is None:
        return gradients
    left, right, added, of = gradients
    f, m, N = added.shape
    n = left.shape[2]
    row = column = None
    if R is not None:
        row = jnp.einsum("pf,pmn,pn->fmn", of, left, right @ S.T) - added @ S.T
    if C is not None:
        reached = right[:, None, :] * (left @ S)
        column = jnp.einsum("pf,pmN->fmN", of, reached) - added * C[None, None, :]
    alpha, beta = jnp.zeros((f, m, n), S.dtype), jnp.zeros((f, m, N), S.dtype)
    if row is not None and R is not None and column is not None and C is not None:
        assert factor is not None
        used = row / jnp.where(R > 0, R, 1)[None, None, :]
        rest = (column - used @ S).reshape(f * m, N)
        beta = cho_solve((factor, True), rest.T).T.reshape(f, m, N)
        alpha = (row - beta @ S.T) / jnp.where(R > 0, R, 1)[None, None, :]
    elif row is not None and R is not None:
        alpha = row / jnp.where(R > 0, R, 1)[None, None, :]
    elif column is not None and C is not None:
        beta = column / jnp.where(C > 0, C, 1)[None, None, :]
    if row is not None:
        ones = jnp.ones((f, N), S.dtype)
        left = jnp.concatenate([left, -alpha])
        right = jnp.concatenate([right, ones])
        of = jnp.concatenate([of, jnp.eye(f, dtype=S.dtype)])
    return Gradients(left, right, added + beta, of)


def of_row_totals(
    gradients: Gradients, F: Float[Array, "n N"]
) -> Float[Array, "f m n"]:
    """Row sums of G o F: the derivative with respect to the logarithm of a row."""
    left, right, added, of = gradients
    return jnp.einsum("pf,pmn,pn->fmn", of, left, right @ F.T) - added @ F.T


def standard_error(
    covariance: Covariance, derivative: Float[Array, "f m"]
) -> Float[Array, " m"]:
    """Of a function of the f measures; 0 where rounding makes a variance negative."""
    variance = jnp.einsum("fgm,fm,gm->m", covariance, derivative, derivative)
    return jnp.sqrt(jnp.maximum(variance, 0))
