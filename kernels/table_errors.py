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

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import cho_factor, cho_solve
from jaxtyping import Array, Float, Key

from .sensitivity import Gradients

Covariance = Float[Array, "f f m"]


def independent(S: Float[Array, "n N"], gradients: Gradients) -> Covariance:
    """Covariances of the f measures for independent errors of variance ``S``.

    In the precision of ``S``: a standard error needs six digits, and the products with
    S are most of the work.
    """
    left, right, added, of = (k.astype(S.dtype) for k in gradients)
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


@partial(jax.jit, static_argnames="regions")
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
    users = (
        users - mean[:, None] * mean[None] / jnp.where(total > 0, total, 1)[None, None]
    )
    p = errors.share
    mean_a = jnp.einsum("rid,pmri->pmid", p, a)

    pairs = []
    for k in range(P):
        row = []
        for q in range(P):
            sellers = jnp.einsum("rid,mri,mri->mid", p, a[k], a[q])
            sellers = sellers - mean_a[k] * mean_a[q]
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


@partial(jax.jit, static_argnames=("rows", "columns"))
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


# --------------------------------------------------------------- all errors of a year


@jax.jit
def lognormal_variances(
    Z: Float[Array, "n n"],
    Y: Float[Array, "n c"],
    a: Float[Array, ""],
    b: Float[Array, ""],
) -> Float[Array, "n N"]:
    """(z a z^-b)^2 for every cell, of the size of those below 0; 0 stays 0."""
    size = jnp.abs(jnp.concatenate([Z, Y], axis=1))
    logarithm = jnp.log(jnp.where(size > 0, size, 1))
    return jnp.where(size > 0, a**2 * jnp.exp((2 - 2 * b) * logarithm), 0)


class IndependentErrors(NamedTuple):
    """Variances of cells, and the margins that they are balanced to."""

    S: Float[Array, "n N"]
    margins: Margins


class SharedErrors(NamedTuple):
    """Deviations of cells that err together by group of rows."""

    sigma: Float[Array, "n N"]
    group: Float[Array, "n g"]
    margins: Margins


class OutputErrors(NamedTuple):
    """Variances of reported output, and of inventories N that were left out.

    Rows were then multiplied by x / (x - N), whose logarithm has the derivatives
    ``per_output`` and ``per_stock``; None where no row was.
    """

    variance: Float[Array, " n"]
    stocks: Float[Array, " n"] | None = None
    per_output: Float[Array, " n"] | None = None
    per_stock: Float[Array, " n"] | None = None


class Errors(NamedTuple):
    """Errors of a year, which add up as independent of each other."""

    independent: tuple[IndependentErrors, ...] = ()
    shared: tuple[SharedErrors, ...] = ()
    shares: tuple[ImportShareErrors, ...] = ()
    output: OutputErrors | None = None


def covariance(
    errors: Errors,
    gradients: Gradients,
    by_output: Float[Array, "f m n"] | None,
    table: tuple[Float[Array, "n n"], Float[Array, "n c"]],
) -> Covariance:
    """Covariances of the f measures of all errors; ``table`` is Z and Y.

    ``by_output`` is the derivative with respect to reported output, which errors of
    output need.
    """
    f, m, _ = gradients.added.shape
    total = jnp.zeros((f, f, m), gradients.left.dtype)
    for S, margins in errors.independent:
        found = independent(S, balanced(S, margins, gradients))
        total += found.astype(total.dtype)
    for sigma, group, margins in errors.shared:
        total += shared(sigma, group, balanced(sigma**2, margins, gradients))
    for each in errors.shares:
        total += import_shares(each, gradients)
    if errors.output is not None and by_output is not None:
        variance, stocks, per_output, per_stock = errors.output
        if stocks is not None and per_output is not None and per_stock is not None:
            rows = of_row_totals(gradients, jnp.concatenate(table, axis=1))
            by_output = by_output + rows * per_output[None, None, :]
            by_stock = rows * per_stock[None, None, :]
            total += jnp.einsum("fmn,gmn,n->fgm", by_stock, by_stock, stocks)
        total += jnp.einsum("fmn,gmn,n->fgm", by_output, by_output, variance)
    return total


class DrawnErrors(NamedTuple):
    """One draw: changes of cells that are computed with, and of reported output."""

    cells: Float[Array, "n N"]
    output: Float[Array, " n"]


def draw(
    key: Key[Array, ""], errors: Errors, F: Float[Array, "n N"], *, regions: int
) -> DrawnErrors:
    """Errors with the covariances of the model, made of signs.

    Squares of signs are 1, so that the average of (dJ)^2 over draws is the variance of
    the delta method, whatever the distribution; where few cells matter it is exact
    after few draws. Not for quantiles.
    """
    keys = iter(jax.random.split(key, 2 + sum(map(len, errors[:3]))))
    n = len(F)

    def signs(*shape: int) -> Array:
        return jax.random.rademacher(next(keys), shape, F.dtype)

    cells = jnp.zeros_like(F)
    for variances, margins in errors.independent:
        S = variances.astype(F.dtype)
        cells += in_margins(S, margins, jnp.sqrt(S) * signs(*S.shape))
    for sigma, group, margins in errors.shared:
        of_row = group @ signs(group.shape[1])
        cells += in_margins(sigma**2, margins, sigma * of_row[:, None])
    for each in errors.shares:
        cells += _drawn_shares(each, signs(*_users_shape(each)))
    output = jnp.zeros(n, F.dtype)
    if errors.output is not None:
        variance, stocks, per_output, per_stock = errors.output
        output = jnp.sqrt(variance) * signs(n)
        if stocks is not None and per_output is not None and per_stock is not None:
            grown = per_output * output + per_stock * jnp.sqrt(stocks) * signs(n)
            cells += F * grown[:, None]
    return DrawnErrors(cells, output)


def in_margins(
    S: Float[Array, "n N"], margins: Margins, errors: Float[Array, "n N"]
) -> Float[Array, "n N"]:
    """Errors balanced by least squares with weights 1 / S."""
    R, C, factor = margins
    if R is not None and C is not None and factor is not None:
        share = errors.sum(axis=1) / jnp.where(R > 0, R, 1)
        b = cho_solve((factor, True), errors.sum(axis=0) - S.T @ share)
        a = (errors.sum(axis=1) - S @ b) / jnp.where(R > 0, R, 1)
        return errors - S * (a[:, None] + b[None, :])
    if R is not None:
        a = errors.sum(axis=1) / jnp.where(R > 0, R, 1)
        return errors - S * a[:, None]
    if C is not None:
        b = errors.sum(axis=0) / jnp.where(C > 0, C, 1)
        return errors - S * b[None, :]
    return errors


def _users_shape(errors: ImportShareErrors) -> tuple[int, ...]:
    c, s, _ = errors.share.shape
    return (c, s, c, errors.bought.shape[2])


def _drawn_shares(
    errors: ImportShareErrors, signs: Float[Array, "c s c u"]
) -> Float[Array, "n N"]:
    """Signs made orthogonal to the roots of shares and to imports, then scaled by both,
    which gives the covariance of ``import_shares``."""
    root = jnp.sqrt(errors.share)
    size = jnp.sqrt((errors.bought**2).sum(axis=2))
    unit = errors.bought / jnp.where(size > 0, size, 1)[:, :, None]
    free = signs - root[..., None] * jnp.einsum("rid,ridu->idu", root, signs)[None]
    free = free - unit[None] * jnp.einsum("idu,ridu->rid", unit, free)[..., None]
    cells = root[..., None] * errors.bought[None] * free
    cells = cells / jnp.sqrt(errors.concentration + 1)
    c, s, _, u = cells.shape
    industries = cells[..., : u - 1].reshape(c * s, -1)
    return jnp.concatenate([industries, cells[..., u - 1].reshape(c * s, c)], axis=1)


def standard_error(
    covariance: Covariance, derivative: Float[Array, "f m"]
) -> Float[Array, " m"]:
    """Of a function of the f measures; 0 where rounding makes a variance negative."""
    variance = jnp.einsum("fgm,fm,gm->m", covariance, derivative, derivative)
    return jnp.sqrt(jnp.maximum(variance, 0))
