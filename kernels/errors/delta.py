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
margins. Sales of a row add up to its output x with what is put into stock: where both
were rounded, too, they take part in the balance with variances of their own.
"""

import math
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import cho_factor, cho_solve
from jaxtyping import Array, Float, Int, Key

from ..sensitivity import Gradients
from . import filled as filled_cells
from .filled import FilledCells
from .import_shares import (
    ImportShareErrors,
    drawn_shares,
    import_shares,
    users_shape,
)
from .rebuilt import Rebuilt, rebuilt
from .rebuilt_variances import rebuilt_covariance

Covariance = Float[Array, "f f m"]


def independent(S: Float[Array, "n N"], gradients: Gradients) -> Covariance:
    """Covariances of the f measures for independent errors of variance ``S``.

    A sum over rows, in the precision of ``S``: a standard error needs six digits, and
    the products with S are most of the work.
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


def of_groups(
    sigma: Float[Array, "r N"], group: Float[Array, "r g"], gradients: Gradients
) -> Float[Array, "f m g"]:
    """Effects on the measures of one draw for each group of rows, for errors sigma_ij
    z_g.

    ``group[i, g]`` is 1 where row i belongs to group g. Sums over rows.
    """
    left, right, added, of = gradients
    moved = left * (right @ sigma.T)[:, None, :]
    by_group = jnp.einsum("pf,pmn,ng->fmg", of, moved, group)
    return by_group - jnp.einsum("fmN,gN->fmg", added, group.T @ sigma)


def shared(
    sigma: Float[Array, "n N"], group: Float[Array, "n g"], gradients: Gradients
) -> Covariance:
    """Covariances for errors sigma_ij z_g, one draw z for all rows of a group."""
    return _squares(of_groups(sigma, group, gradients))


def _squares(effects: Float[Array, "f m g"]) -> Covariance:
    return jnp.einsum("fmk,gmk->fgm", effects, effects)


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
def held_margins(
    S: Float[Array, "n N"],
    beside: Float[Array, " n"] | None = None,
    *,
    rows: bool,
    columns: bool,
) -> Margins:
    """Prepare the margins that ``balanced`` keeps, once a year; ``beside`` is the
    variance of the parts of row sums that are no cells."""
    R, C = S.sum(axis=1), S.sum(axis=0)
    if beside is not None:
        R = R + beside.astype(R.dtype)
    factor = None
    if rows and columns:
        share = S / jnp.where(R > 0, R, 1)[:, None]
        K = jnp.diag(jnp.where(C > 0, C * (1 + _RIDGE), 1)) - S.T @ share
        factor = cho_factor(K, lower=True)[0]
    return Margins(R if rows else None, C if columns else None, factor)


class Balanced(NamedTuple):
    """Gradients with multipliers subtracted, and the multipliers of rows, if held."""

    gradients: Gradients
    rows: Float[Array, "f m n"] | None


def balanced(
    S: Float[Array, "n N"],
    margins: Margins,
    gradients: Gradients,
    beside: Float[Array, "f m n"] | None = None,
) -> Balanced:
    """Gradients with the multipliers of held margins subtracted.

    ``beside`` is the covariance of the measures with what rows add up to beside their
    cells.
    """
    R, C, factor = margins
    if R is None and C is None:
        return Balanced(gradients, None)
    left, right, added, of = gradients
    f, m, N = added.shape
    row = column = alpha = None
    beta = jnp.zeros((f, m, N), S.dtype)
    if R is not None:
        row = jnp.einsum("pf,pmn,pn->fmn", of, left, right @ S.T) - added @ S.T
        if beside is not None:
            row = row + beside
        row = row / jnp.where(R > 0, R, 1)[None, None, :]
        alpha = row
    if C is not None:
        column = column_sums(S, gradients)
        beta = column / jnp.where(C > 0, C, 1)[None, None, :]
    if R is not None and row is not None and column is not None:
        assert factor is not None
        rest = (column - row @ S).reshape(f * m, N)
        beta = cho_solve((factor, True), rest.T).T.reshape(f, m, N)
        alpha = row - (beta @ S.T) / jnp.where(R > 0, R, 1)[None, None, :]
    if alpha is not None:
        ones = jnp.ones((f, N), S.dtype)
        left = jnp.concatenate([left, -alpha])
        right = jnp.concatenate([right, ones])
        of = jnp.concatenate([of, jnp.eye(f, dtype=S.dtype)])
    return Balanced(Gradients(left, right, added + beta, of), alpha)


def column_sums(S: Float[Array, "r N"], gradients: Gradients) -> Float[Array, "f m N"]:
    """Column sums of S o G, of the r rows that ``gradients.left`` has."""
    left, right, added, of = gradients
    reached = right[:, None, :] * (left @ S)
    total = S.sum(axis=0)
    return jnp.einsum("pf,pmN->fmN", of, reached) - added * total[None, None, :]


def with_held_columns(
    gradients: Gradients, sums: Float[Array, "f m N"], C: Float[Array, " N"]
) -> Gradients:
    """Gradients with the multipliers of columns subtracted, from ``column_sums`` of all
    rows and the column sums of S."""
    beta = sums / jnp.where(C > 0, C, 1)[None, None, :]
    return gradients._replace(added=gradients.added + beta)


def of_row_totals(
    gradients: Gradients, F: Float[Array, "n N"]
) -> Float[Array, "f m n"]:
    """Row sums of G o F: the derivative with respect to the logarithm of a row."""
    left, right, added, of = gradients
    return jnp.einsum("pf,pmn,pn->fmn", of, left, right @ F.T) - added @ F.T


# --------------------------------------------------------------- all errors of a year


@jax.jit
def lognormal_variances(
    Z: Float[Array, "r n"],
    Y: Float[Array, "r c"],
    a: Float[Array, ""],
    b: Float[Array, ""],
) -> Float[Array, "r N"]:
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
    ``per_output`` and ``per_stock``; None where no row was. With ``growth``, what a row
    was multiplied by, its cells and N add up to x: the first of the independent errors
    of cells are held to that.
    """

    variance: Float[Array, " n"]
    stocks: Float[Array, " n"] | None = None
    per_output: Float[Array, " n"] | None = None
    per_stock: Float[Array, " n"] | None = None
    growth: Float[Array, " n"] | None = None

    @property
    def beside(self) -> Float[Array, " n"]:
        """The variance of x less N, in the unit of the cells that are computed with."""
        assert self.growth is not None
        stocks = 0 if self.stocks is None else self.stocks
        return self.growth**2 * (self.variance + stocks)


class Errors(NamedTuple):
    """Errors of a year, which add up as independent of each other."""

    independent: tuple[IndependentErrors, ...] = ()
    shared: tuple[SharedErrors, ...] = ()
    shares: tuple[ImportShareErrors, ...] = ()
    output: OutputErrors | None = None
    filled: FilledCells | None = None
    rebuilt: tuple[Rebuilt, ...] = ()


class RowSums(NamedTuple):
    """Contributions of some rows to the covariances of f measures. Rows err
    independently but for groups and filled cells, whose effects add up before they are
    squared."""

    total: Float[Array, "f f m"]
    shared: tuple[Float[Array, "f m g"], ...]
    filled: tuple[Float[Array, "f m k"], Float[Array, "f m s u"]] | None


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
    found = total(errors, row_sums(errors, gradients, by_output, table))
    for each in errors.shares:
        found += import_shares(each, gradients)
    for each in errors.rebuilt:
        found += rebuilt_covariance(each, gradients)
    return found


def row_sums(
    errors: Errors,
    gradients: Gradients,
    by_output: Float[Array, "f m r"] | None,
    table: tuple[Float[Array, "r n"], Float[Array, "r c"]],
) -> RowSums:
    """``RowSums`` of the r rows that errors, ``gradients.left`` and ``table`` have.

    Errors of import shares are left out; margins of columns need all rows.
    """
    f, m, r = gradients.added.shape[0], gradients.added.shape[1], len(table[0])
    total = jnp.zeros((f, f, m), gradients.left.dtype)
    output = errors.output if by_output is not None else None
    by_stock = jnp.zeros((f, m, r), total.dtype)
    stocks = jnp.zeros(r, total.dtype)
    if output is not None and by_output is not None:
        if output.stocks is not None:
            assert output.per_output is not None and output.per_stock is not None
            rows = of_row_totals(gradients, jnp.concatenate(table, axis=1))
            by_output = by_output + rows * output.per_output[None, None, :]
            by_stock = rows * output.per_stock[None, None, :]
            stocks = output.stocks
    for k, (S, margins) in enumerate(errors.independent):
        growth = output.growth if output is not None and k == 0 else None
        beside = None
        if output is not None and by_output is not None and growth is not None:
            beside = (growth * stocks)[None, None, :] * by_stock
            beside -= (growth * output.variance)[None, None, :] * by_output
        held = balanced(S, margins, gradients, beside)
        total += independent(S, held.gradients).astype(total.dtype)
        if by_output is not None and growth is not None and held.rows is not None:
            moved = growth[None, None, :] * held.rows
            by_output, by_stock = by_output + moved, by_stock - moved
    effects = []
    for sigma, group, margins in errors.shared:
        held = balanced(sigma**2, margins, gradients)
        effects.append(of_groups(sigma, group, held.gradients))
    filled = None
    if errors.filled is not None:
        filled = filled_cells.effects(errors.filled, gradients)
    if output is not None and by_output is not None:
        total += jnp.einsum("fmn,gmn,n->fgm", by_output, by_output, output.variance)
        total += jnp.einsum("fmn,gmn,n->fgm", by_stock, by_stock, stocks)
    return RowSums(total, tuple(effects), filled)


def total(errors: Errors, sums: RowSums) -> Covariance:
    """Covariances of the f measures from the sums over all rows."""
    found = sums.total
    for effects in sums.shared:
        found += _squares(effects)
    if errors.filled is not None and sums.filled is not None:
        found += filled_cells.covariance_of(errors.filled, *sums.filled)
    return found


class DrawnErrors(NamedTuple):
    """One draw: changes of cells that are computed with, and of reported output."""

    cells: Float[Array, "n N"]
    output: Float[Array, " n"]


def draw(
    key: Key[Array, ""],
    errors: Errors,
    F: Float[Array, "n N"],
    first: Int[Array, ""] | None = None,
) -> DrawnErrors:
    """Errors with the covariances of the model, made of signs.

    Squares of signs are 1, so that the average of (dJ)^2 over draws is the variance of
    the delta method, whatever the distribution; where few cells matter it is exact
    after few draws. Not for quantiles. Rows from number ``first`` on have signs of
    their own, and those of the year for what rows share.
    """
    count = 4 + sum(map(len, errors[:3])) + len(errors.rebuilt)
    keys = iter(jax.random.split(key, count))
    n, N = F.shape

    def signs(*shape: int) -> Array:
        return signs_of(next(keys), shape, F.dtype)

    def of_rows(*shape: int) -> Array:
        own = next(keys) if first is None else jax.random.fold_in(next(keys), first)
        return signs_of(own, shape, F.dtype)

    cells = jnp.zeros_like(F)
    output, stock = jnp.zeros(n, F.dtype), jnp.zeros(n, F.dtype)
    variance, stocks, per_output, per_stock, growth = errors.output or (None,) * 5
    if variance is not None:
        output = jnp.sqrt(variance) * of_rows(n)
    if stocks is not None:
        stock = jnp.sqrt(stocks) * of_rows(n)
    for k, (variances, margins) in enumerate(errors.independent):
        S = variances.astype(F.dtype)
        found = jnp.sqrt(S) * of_rows(*S.shape)
        if k or growth is None or variance is None:
            cells += in_margins(S, margins, found)
            continue
        a, b = multipliers(S, margins, found, growth * (stock - output))
        cells += found - S * (a[:, None] + b[None, :])
        output = output + growth * variance * a
        if stocks is not None:
            stock = stock - growth * stocks * a
    for sigma, group, margins in errors.shared:
        of_row = group @ signs(group.shape[1])
        cells += in_margins(sigma**2, margins, sigma * of_row[:, None])
    for each in errors.shares:
        cells += drawn_shares(each, signs(*users_shape(each)))
    if errors.filled is not None:
        users = signs(len(errors.filled.use))
        uses = signs(errors.filled.good.shape[1], errors.filled.use.shape[1])
        cells += filled_cells.in_cells(errors.filled, users, uses, N)
    for each in errors.rebuilt:
        blocks, _ = rebuilt(next(keys), each)
        cells += jnp.concatenate([blocks.Z, blocks.Y], axis=1)
    if per_output is not None and per_stock is not None:
        cells += F * (per_output * output + per_stock * stock)[:, None]
    return DrawnErrors(cells, output)


def signs_of(key: Key[Array, ""], shape: tuple[int, ...], dtype: Any) -> Array:
    """1 and -1 with equal chance, 32 of a random number: a number each would take most
    of the time of a draw."""
    count = math.prod(shape)
    words = jax.random.bits(key, (-(-count // 32), 1), jnp.uint32)
    bits = (words >> jnp.arange(32, dtype=jnp.uint32)[None, :]) & 1
    return (1 - 2 * bits.astype(dtype)).reshape(-1)[:count].reshape(shape)


def in_margins(
    S: Float[Array, "n N"], margins: Margins, errors: Float[Array, "n N"]
) -> Float[Array, "n N"]:
    """Errors balanced by least squares with weights 1 / S."""
    if margins.rows is None and margins.columns is None:
        return errors
    a, b = multipliers(S, margins, errors)
    return errors - S * (a[:, None] + b[None, :])


def multipliers(
    S: Float[Array, "n N"],
    margins: Margins,
    errors: Float[Array, "n N"],
    beside: Float[Array, " n"] | None = None,
) -> tuple[Float[Array, " n"], Float[Array, " N"]]:
    """Multipliers of rows and columns; ``beside`` is the error of what rows add up to
    beside their cells."""
    R, C, factor = margins
    rows = errors.sum(axis=1) + (0 if beside is None else beside)
    a, b = jnp.zeros_like(rows), jnp.zeros_like(errors[0])
    if R is not None:
        a = rows / jnp.where(R > 0, R, 1)
    if C is not None:
        b = errors.sum(axis=0) / jnp.where(C > 0, C, 1)
    if R is not None and factor is not None:
        b = cho_solve((factor, True), errors.sum(axis=0) - S.T @ a)
        a = (rows - S @ b) / jnp.where(R > 0, R, 1)
    return a, b


def standard_error(
    covariance: Covariance, derivative: Float[Array, "f m"]
) -> Float[Array, " m"]:
    """Standard error of a function of the f measures; 0 where rounding makes a variance
    negative."""
    variance = jnp.einsum("fgm,fm,gm->m", covariance, derivative, derivative)
    return jnp.sqrt(jnp.maximum(variance, 0))
