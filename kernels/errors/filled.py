"""Variances of what filled cells make of a measure: one year.

Cells of a table that rounding removed are filled with their expected values m_ij, which
make up what each row misses (``engine.tables.derounding``). The true ones differ by
more than chance cell by cell: a user may buy more in small amounts than its cells of 1
suggest, and all sellers of a good may sell more of it to some use than to another. With
g the good that row i sells and u the use of column j (a using industry or a category of
final demand, whatever the region),

    z_ij = m_ij (1 + c_j + b_gu - mean_i),

c_j and b_gu independent with standard deviations ``user`` and ``use``, and mean_i the
m-weighted mean of c_j + b_gu in the row, since what a row misses is known. A measure
with the gradient G moves by

    sum over j of c_j H_j  +  sum over g, u of b_gu H_gu,

H the sums over columns j, and over the cells of g and u, of m_ij (G_ij - mean_i G). For
G = sum of a_p b_p' both are products of m with thin matrices.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..sensitivity import Gradients


class FilledCells(NamedTuple):
    """Cells that were filled, and how far their shares are off.

    cells
        Expected values, 0 elsewhere: of Z, then of each category of final demand by
        region, (n, n + c f).
    good, use
        1 where a row sells a good, (n, s), and where a column is of a use, (k, s + f):
        the s industries of each region in turn, then the f categories of each.
    user_deviation, use_deviation
        Relative standard deviations of c and b.
    """

    cells: Float[Array, "n k"]
    good: Float[Array, "n s"]
    use: Float[Array, "k u"]
    user_deviation: Float[Array, ""]
    use_deviation: Float[Array, ""]


def _by_category(right: Float[Array, "p N"], n: int, k: int) -> Float[Array, "p k"]:
    """Columns of final demand repeated for each category."""
    f = (k - n) // max(right.shape[1] - n, 1)
    final = jnp.repeat(right[:, n:], f, axis=1, total_repeat_length=k - n)
    return jnp.concatenate([right[:, :n], final], axis=1)


def effects(
    filled: FilledCells, gradients: Gradients
) -> tuple[Float[Array, "f m k"], Float[Array, "f m s u"]]:
    """The derivatives H_j and H_gu of f measures for m cases each: sums over rows."""
    m, good, use = filled.cells, filled.good, filled.use
    left, right, added, of = gradients
    k, n = len(use), right.shape[1] - len(use) // use.shape[1]
    cases = added.shape[:2]
    b = _by_category(right, n, k)
    a = _by_category(added.reshape(-1, added.shape[2]), n, k).reshape(*cases, k)
    total = m.sum(axis=1)
    share = jnp.where(total > 0, 1 / jnp.where(total > 0, total, 1), 0)
    mean_b = (b @ m.T) * share[None, :]
    mean_a = (a @ m.T) * share[None, None, :]

    column = (left @ m) * b[:, None, :] - (left * mean_b[:, None, :]) @ m
    by_user = jnp.einsum("pf,pmk->fmk", of, column)
    by_user = by_user - (a * m.sum(axis=0)[None, None, :] - mean_a @ m)

    sold = m @ use
    inside = jnp.einsum("nk,pk,ku->pnu", m, b, use) - mean_b[:, :, None] * sold[None]
    by_use = jnp.einsum("pf,pmn,ns,pnu->fmsu", of, left, good, inside)
    at = jnp.einsum("fmk,sk,ku->fmsu", a, good.T @ m, use)
    at = at - jnp.einsum("fmn,ns,nu->fmsu", mean_a, good, sold)
    return by_user, by_use - at


def covariance(filled: FilledCells, gradients: Gradients) -> Float[Array, "f f m"]:
    """Covariances of the f measures."""
    return covariance_of(filled, *effects(filled, gradients))


def covariance_of(
    filled: FilledCells,
    by_user: Float[Array, "f m k"],
    by_use: Float[Array, "f m s u"],
) -> Float[Array, "f f m"]:
    """Covariances from the derivatives."""
    users = jnp.einsum("fmk,gmk->fgm", by_user, by_user)
    uses = jnp.einsum("fmsu,gmsu->fgm", by_use, by_use)
    return filled.user_deviation**2 * users + filled.use_deviation**2 * uses


def in_cells(
    filled: FilledCells, users: Float[Array, " k"], uses: Float[Array, "s u"], N: int
) -> Float[Array, "n N"]:
    """Errors of the cells of Z and Y for standardized c and b."""
    m, good = filled.cells, filled.good
    n, k = m.shape
    c, s = N - n, good.shape[1]
    f = (k - n) // max(c, 1)
    total = m.sum(axis=1)
    share = jnp.where(total > 0, 1 / jnp.where(total > 0, total, 1), 0)
    # By region of the user and use there, so that no cell is looked up.
    by_user = filled.user_deviation * users
    by_use = filled.use_deviation * good @ uses
    shapes = (n, c, s), (n, c, f)
    cells = [
        q.reshape(shape) for q, shape in zip(jnp.split(m, [n], 1), shapes, strict=True)
    ]
    relative = [
        q.reshape(1, *shape[1:]) + b[:, None, :]
        for q, b, shape in zip(
            jnp.split(by_user, [n]), jnp.split(by_use, [s], 1), shapes, strict=True
        )
    ]
    mean = sum(
        ((q * e).sum(axis=(1, 2)) for q, e in zip(cells, relative, strict=True)),
        jnp.zeros(n, m.dtype),
    )
    inputs, final = (
        q * (e - (mean * share)[:, None, None])
        for q, e in zip(cells, relative, strict=True)
    )
    return jnp.concatenate([inputs.reshape(n, n), final.sum(axis=2)], axis=1)
