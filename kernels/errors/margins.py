"""Errors that leave sums of rows and of columns as they are.

An error that must leave row sums, column sums or both as they are is balanced by least
squares with weights 1 / S (Stone, Champernowne and Meade 1942, Review of Economic
Studies 9): of G, the multipliers of the margins are subtracted,

    G~_ij = G_ij - alpha_i - beta_j,   with S-weighted sums of 0 in what is held,

two more terms. For independent normal errors that is the distribution given the
margins. Sales of a row add up to its output x with what is put into stock: where both
were rounded, too, they take part in the balance with variances of their own.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.linalg import cho_factor, cho_solve
from jaxtyping import Array, Float

from ..sensitivity import Gradients


class HeldSums(NamedTuple):
    """Row and column sums of S, and the factor of the system of both, if both hold."""

    rows: Float[Array, " n"] | None = None
    columns: Float[Array, " N"] | None = None
    factor: Float[Array, "N N"] | None = None


# Sums of rows and of columns have one total, so that their system is singular; this
# share of its diagonal makes it definite. The right side is in its range, so that the
# answer moves by as little.
_RIDGE = 1e-12


@partial(jax.jit, static_argnames=("rows", "columns"))
def held_sums(
    S: Float[Array, "n N"],
    beside: Float[Array, " n"] | None = None,
    *,
    rows: bool,
    columns: bool,
) -> HeldSums:
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
    return HeldSums(R if rows else None, C if columns else None, factor)


def balanced(
    S: Float[Array, "n N"],
    held: HeldSums,
    gradients: Gradients,
    columns: Float[Array, "f m N"] | None = None,
    beside: Float[Array, "f m n"] | None = None,
) -> tuple[Gradients, Float[Array, "f m n"] | None]:
    """Gradients with the multipliers of held margins subtracted, and those of rows.

    ``columns`` are multipliers of columns that more rows than these hold; ``beside`` is
    the covariance of the measures with what rows add up to beside their cells.
    """
    if columns is not None:
        gradients = gradients._replace(added=gradients.added + columns)
    R, C, factor = held
    if R is None and C is None:
        return gradients, None
    left, right, added, of = gradients
    f, m, N = added.shape
    row = column = alpha = None
    beta = jnp.zeros((f, m, N), S.dtype)
    if R is not None:
        row = of_row_totals(gradients, S)
        if beside is not None:
            row = row + beside
        row = row / jnp.where(R > 0, R, 1)[None, None, :]
        alpha = row
    if C is not None:
        column = column_sums(S, gradients)
        beta = of_columns(column, C)
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
    return Gradients(left, right, added + beta, of), alpha


def column_sums(S: Float[Array, "r N"], gradients: Gradients) -> Float[Array, "f m N"]:
    """Column sums of S o G, of the r rows that ``gradients.left`` has."""
    left, right, added, of = gradients
    reached = right[:, None, :] * (left @ S)
    total = S.sum(axis=0)
    return jnp.einsum("pf,pmN->fmN", of, reached) - added * total[None, None, :]


def of_columns(
    sums: Float[Array, "*f N"], C: Float[Array, " N"]
) -> Float[Array, "*f N"]:
    """Multipliers of columns from ``column_sums`` of all rows and those of S."""
    return sums / jnp.where(C > 0, C, 1).reshape(*[1] * (sums.ndim - 1), -1)


def of_row_totals(
    gradients: Gradients, F: Float[Array, "n N"]
) -> Float[Array, "f m n"]:
    """Row sums of G o F: the derivative with respect to the logarithm of a row."""
    left, right, added, of = gradients
    return jnp.einsum("pf,pmn,pn->fmn", of, left, right @ F.T) - added @ F.T


def in_margins(
    S: Float[Array, "n N"], held: HeldSums, errors: Float[Array, "n N"]
) -> Float[Array, "n N"]:
    """Errors balanced by least squares with weights 1 / S."""
    if held.rows is None and held.columns is None:
        return errors
    a, b = multipliers(S, held, errors)
    return errors - S * (a[:, None] + b[None, :])


def multipliers(
    S: Float[Array, "n N"],
    held: HeldSums,
    errors: Float[Array, "n N"],
    beside: Float[Array, " n"] | None = None,
) -> tuple[Float[Array, " n"], Float[Array, " N"]]:
    """Multipliers of rows and columns; ``beside`` is the error of what rows add up to
    beside their cells."""
    R, C, factor = held
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
