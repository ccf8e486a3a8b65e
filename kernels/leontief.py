"""Leontief solves on one world input-output table.

Symbols follow Miller and Blair (2009), chapter 2:

    n   region-sector pairs, sorted by region then sector (n = c * s)
    Z   intermediate sales, the row sells to the column   [million US$]
    Y   final demand, column = absorbing region           [million US$]
    x   gross output                                      [million US$]
    A   input coefficients, A[i, j] = Z[i, j] / x[j]      [US$ per US$]
    B   Leontief inverse, (I - A)^-1                      [US$ per US$]

Every function takes one year.
Results have the dtype of the inputs. Values are not checked here, because a
compiled function cannot raise an ordinary exception: ``engine.tables`` checks
the table before a solve and ``relative_residual`` the answer after it.
"""

import math
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax.scipy.linalg import lu_factor, lu_solve
from jaxtyping import Array, Float, Int


@jax.jit
def per_dollar(x: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """1 / x, and 0 for an industry without output."""
    return jnp.where(x > 0, 1 / jnp.where(x > 0, x, 1), 0)


@jax.jit
def input_coefficients(
    Z: Float[Array, "n n"], x: Float[Array, " n"]
) -> Float[Array, "n n"]:
    """Inputs bought per US$ of output, A = Z diag(x)^-1.

    An industry with x = 0 gets a column of zeros.
    """
    return Z * per_dollar(x)[None, :]


@partial(jax.jit, static_argnames="regions")
def inputs_by_good(Z: Float[Array, "m n"], *, regions: int) -> Float[Array, "s n"]:
    """Inputs of every industry by good, whoever sells them: sums over the regions in
    the rows.

    Column sums follow from it. In one program it is computed once, where sums over all
    rows would be another read of the table.
    """
    s = len(Z) // regions

    def one_by_one(Z: Float[Array, "m n"]) -> Float[Array, "s n"]:
        total = Z[:s]
        for r in range(1, regions):
            total = total + Z[r * s : (r + 1) * s]
        return jax.lax.optimization_barrier(total)

    def at_once(Z: Float[Array, "m n"]) -> Float[Array, "s n"]:
        # Kept: column sums would be made of the table once more.
        goods = Z.reshape(regions, s, -1).sum(axis=0)
        return jax.lax.optimization_barrier(goods)

    # On a CPU the sum at once takes up to three times as long.
    return jax.lax.platform_dependent(Z, cpu=one_by_one, default=at_once)


@jax.jit
def residual_value_added(
    Z: Float[Array, "m n"], x: Float[Array, " n"]
) -> Float[Array, " n"]:
    """Value added per US$ of output as a residual, v = 1 - column sum of A.

    Taxes and margins are part of it. v = 0 where x = 0. Z, or ``inputs_by_good``.
    """
    return jnp.where(x > 0, 1 - Z.sum(axis=0) * per_dollar(x), 0)


@jax.jit
def solve_output(A: Float[Array, "n n"], Y: Float[Array, "n k"]) -> Float[Array, "n k"]:
    """Output that k final-demand columns require, X = B Y [million US$].

    LU factors of I - A cost (2/3) n^3 flops, and each column 2 n^2.
    """
    return lu_solve(lu_factor(jnp.eye(len(A), dtype=A.dtype) - A), Y)


@jax.jit
def relative_residual(
    A: Float[Array, "n n"], X: Float[Array, "n k"], Y: Float[Array, "n k"]
) -> Float[Array, ""]:
    """Worst column of |Y - (I - A) X|_2 / |Y|_2: about 1e-15 in float64.

    A zero column of Y counts its absolute residual. One ratio over the whole
    matrix would let a large region hide a small one.
    """
    return jnp.max(relative_norm(Y - X + A @ X, Y))


def relative_norm(R: Float[Array, "n k"], Y: Float[Array, "n k"]) -> Float[Array, " k"]:
    """|R|_2 / |Y|_2 by column, and |R|_2 where the column of Y is zero."""
    wanted = jnp.linalg.norm(Y, axis=0)
    return jnp.linalg.norm(R, axis=0) / jnp.where(wanted > 0, wanted, 1)


@partial(jax.jit, static_argnames="regions")
def domestic_blocks(
    A: Float[Array, "n n"], *, regions: int
) -> Float[Array, "{regions} s s"]:
    """The diagonal blocks A_rr: what each region's industries buy at home."""
    s = len(A) // regions
    blocks = A.reshape(regions, s, regions, s)  # [seller r, i, buyer q, j]
    r = jnp.arange(regions)
    return blocks[r, :, r, :]


@partial(jax.jit, static_argnames="regions")
def sales_to_regions(
    Z: Float[Array, "m n"], growth: Float[Array, " n"], *, regions: int
) -> Float[Array, "m {regions}"]:
    """Purchases of each region's industries from the sellers in the rows, where they
    grow by a factor: sums of Z diag(growth) over the blocks of its columns."""
    return sales_by_weights(Z, growth[None, :], regions=regions)[0]


@partial(jax.jit, static_argnames="regions")
def sales_by_weights(
    Z: Float[Array, "m n"], weights: Float[Array, "q n"], *, regions: int
) -> Float[Array, "q m {regions}"]:
    """``sales_to_regions`` for several factors, from one read of Z.

    On a CPU in one sum of all factors, two to three times faster than products by
    region, each of which gets a copy of its columns. Before 0.11 JAX makes no copies,
    and takes ten times as long for the sum.
    """
    s = Z.shape[1] // regions

    def by_region(
        Z: Float[Array, "m n"], weights: Float[Array, "q n"]
    ) -> Float[Array, "q m c"]:
        def of_region(r: Int[Array, ""]) -> list[Float[Array, " m"]]:
            bought = jax.lax.dynamic_slice_in_dim(Z, r * s, s, axis=1)
            growth = jax.lax.dynamic_slice_in_dim(weights, r * s, s, axis=1)
            return [bought @ each for each in growth]

        every = jax.lax.map(of_region, jnp.arange(regions))
        return jnp.stack([each.T for each in every])

    def in_one_sum(
        Z: Float[Array, "m n"], weights: Float[Array, "q n"]
    ) -> Float[Array, "q m c"]:
        growth = weights.reshape(-1, 1, regions, s)
        return (Z.reshape(1, len(Z), regions, s) * growth).sum(axis=3)

    def at_once(
        Z: Float[Array, "m n"], weights: Float[Array, "q n"]
    ) -> Float[Array, "q m c"]:
        # A GPU would start a program for each region.
        blocks = Z.reshape(len(Z), regions, s)
        growth = weights.reshape(-1, 1, regions, s)
        # Sums, which are one read of Z. A product would first copy all of it.
        return jnp.stack([(blocks * each).sum(axis=2) for each in growth])

    on_cpu = in_one_sum if jax.__version_info__ >= (0, 11) else by_region
    return jax.lax.platform_dependent(Z, weights, cpu=on_cpu, default=at_once)


@partial(jax.jit, static_argnames="productive")
def inverses(
    M: Float[Array, "c s s"], *, productive: bool = False
) -> Float[Array, "c s s"]:
    """M^-1 of many matrices, by Gauss-Jordan elimination without pivoting.

    For matrices of productive tables (I - A_rr, diagonal blocks of B, Schur
    complements): their leading minors are positive, so that no pivot vanishes. LAPACK
    is not called: on a CPU, many small calls from inside a compiled program can wait
    for each other for ever.

    About sqrt(s) pivots are eliminated at once, by products with the inverse of their
    block: for s = 56 in half the time of one by one, for s = 308 in a tenth. With
    ``productive``, which is static, a pivot that is not positive makes the inverse NaN:
    M = I - A is then not that of a productive table (Hawkins and Simon 1949).
    """
    one_by_one = partial(_eliminate, productive=productive)
    in_blocks = partial(_eliminate_blocks, productive=productive)
    s = M.shape[-1]
    return jax.lax.platform_dependent(
        M,
        cpu=in_blocks if s > _ONE_BY_ONE else one_by_one,
        default=partial(
            in_blocks if s > _ONE_BY_ONE_GPU else one_by_one, unroll=_TOGETHER
        ),
    )


# Up to this size blocks of pivots save nothing. On a GPU what counts is how many
# programs are started: one a pivot, and one for each turn of a loop.
_ONE_BY_ONE, _ONE_BY_ONE_GPU, _TOGETHER = 16, 64, 8


def _eliminate_blocks(
    M: Float[Array, "c s s"], productive: bool, unroll: int = 1
) -> Float[Array, "c s s"]:
    """``inverses``, about sqrt(s) pivots at once."""
    c, s, _ = M.shape
    b = math.ceil(math.sqrt(s))
    blocks = math.ceil(s / b)
    size = blocks * b
    M = jnp.tile(jnp.eye(size, dtype=M.dtype)[None], (c, 1, 1)).at[:, :s, :s].set(M)
    one = jnp.tile(jnp.eye(b, dtype=M.dtype)[None], (c, 1, 1))
    cut = jax.lax.dynamic_slice_in_dim
    put = jax.lax.dynamic_update_slice_in_dim

    def eliminate(k: Array, M: Float[Array, "c m m"]) -> Float[Array, "c m m"]:
        """In place: the columns of the block become those of the inverse."""
        at = k * b
        rows, columns = cut(M, at, b, axis=1), cut(M, at, b, axis=2)
        pivots = _eliminate(cut(rows, at, b, axis=2), productive, unroll)
        rows = pivots @ put(rows, one, at, axis=2)
        others = put(columns, jnp.zeros_like(one), at, axis=1)
        rest = put(M, jnp.zeros_like(columns), at, axis=2)
        return put(rest - others @ rows, rows, at, axis=1)

    return jax.lax.fori_loop(0, blocks, eliminate, M)[:, :s, :s]


def _eliminate(
    M: Float[Array, "c s s"], productive: bool, unroll: int = 1
) -> Float[Array, "c s s"]:
    """``inverses``, one pivot after the other."""

    def eliminate(k: Array, M: Float[Array, "c s s"]) -> Float[Array, "c s s"]:
        """In place: column k becomes that of the inverse."""
        pivot = jax.lax.dynamic_index_in_dim(M, k, axis=1)  # row (c, 1, s)
        column = jax.lax.dynamic_index_in_dim(M, k, axis=2)  # (c, s, 1)
        size = jax.lax.dynamic_index_in_dim(pivot, k, axis=2)  # (c, 1, 1)
        if productive:
            size = jnp.where(size > 0, size, jnp.nan)
        here = (jnp.arange(M.shape[-1]) == k).astype(M.dtype)
        row = (pivot + here[None, None, :] - here[None, None, :] * pivot) / size
        others = column * (1 - here[None, :, None])
        kept = M * (1 - here[None, None, :]) - others * row
        return kept * (1 - here[None, :, None]) + here[None, :, None] * row

    return jax.lax.fori_loop(0, M.shape[-1], eliminate, M, unroll=unroll)


# Blocks of this size and less are not cut further. At 160 the time for n = 2464 is the
# same, and compiling takes twice as long.
_SMALLEST_SPLIT = 320


@jax.jit
def inverse(A: Float[Array, "n n"]) -> Float[Array, "n n"]:
    """The full Leontief inverse B = (I - A)^-1, by recursive block elimination.

    With A cut into quarters [[P, Q], [R, S]], L = (I - P)^-1, and the inverse
    C = (I - S - R L Q)^-1 of the Schur complement,

        B = [[L + L Q C R L,  L Q C],
             [      C R L,      C  ]],

    so an inverse of size n costs two of size n/2 and six products (Strassen 1969,
    Numerische Mathematik 13): 2 n^3 flops in all, where LAPACK needs 8/3 n^3, and all
    at the speed of a matrix product. No pivoting is needed: for a productive table
    I - A is an M-matrix, and so is every Schur complement of it. No call of LAPACK: on
    a CPU its threads keep spinning beside XLA's.

    A table that is not productive gives NaN or a large residual: check with
    ``relative_residual(A, B, I)``. Use it where B itself is wanted; products (B Y,
    v'B) need only a solve.
    """
    n = len(A)
    if n <= _SMALLEST_SPLIT:
        return _small_inverse(A)
    h = n // 2
    Q, R = A[:h, h:], A[h:, :h]
    L = inverse(A[:h, :h])
    RL = R @ L
    C = inverse(A[h:, h:] + RL @ Q)
    LQC = (L @ Q) @ C
    # Put in place: joined by jnp.block, B would be copied for some of its users.
    B = jnp.zeros_like(A).at[:h, :h].set(L + LQC @ RL)
    return B.at[:h, h:].set(LQC).at[h:, :h].set(C @ RL).at[h:, h:].set(C)


def _small_inverse(A: Float[Array, "m m"]) -> Float[Array, "m m"]:
    """(I - A)^-1, NaN or large numbers where A is not productive."""

    def by_elimination(A: Float[Array, "m m"]) -> Float[Array, "m m"]:
        M = jnp.eye(len(A), dtype=A.dtype) - A
        return inverses(M[None], productive=True)[0]

    # A GPU would start several programs for each pivot.
    return jax.lax.platform_dependent(A, cpu=by_elimination, default=_power_inverse)


def _power_inverse(D: Float[Array, "m m"]) -> Float[Array, "m m"]:
    """(I - D)^-1 = (I + D)(I + D^2)(I + D^4)..., until the next power is rounding."""
    small = jnp.finfo(D.dtype).eps ** 1.1

    def two_factors_in(state):  # looking at the power takes as long as a product
        L, power, k = state
        for _ in range(2):
            power = power @ power
            L = L + L @ power
        return L, power, k + 1

    def unfinished(state):
        _, power, k = state
        return (k < 30) & (jnp.max(jnp.abs(power)) > small)

    first = (jnp.eye(len(D), dtype=D.dtype) + D, D, 0)
    return jax.lax.while_loop(unfinished, two_factors_in, first)[0]


@jax.jit
def output_multipliers(A: Float[Array, "n n"]) -> Float[Array, " n"]:
    """Output that one US$ of final demand for each industry needs, p' = 1'B.

    They decide whether A >= 0 is productive: p > 0 and A'p = p - 1 < p give a spectral
    radius below 1 (Perron-Frobenius), and a productive table has p >= 1.
    """
    M = jnp.eye(len(A), dtype=A.dtype) - A
    return jnp.linalg.solve(M.T, jnp.ones((len(A), 1), A.dtype))[:, 0]


@jax.jit
def spectral_radius(A: Float[Array, "n n"]) -> Float[Array, ""]:
    """Largest eigenvalue of A >= 0, by power iteration on (I + A) / 2.

    Below 1 the table is productive: B = I + A + A^2 + ... exists (Hawkins and
    Simon 1949, Econometrica 17). An estimate for display: where a small part of the
    table grows fastest, it can stop too early (``output_multipliers`` decides).
    Averaging with I keeps the iteration from
    cycling. It stops when the growth of the vector changes by less than 1e-10,
    or after 1,000 steps: a chain of m stages without a loop, whose radius is 0,
    shows as less than m / 1000.
    """

    return growth_rate(lambda z: A @ z, jnp.ones(len(A), A.dtype), change=1e-10)


def growth_rate(
    times: Callable[[Array], Array], z: Float[Array, " n"], *, change: float
) -> Float[Array, ""]:
    """Growth of z by power iteration, until it changes by less than ``change``."""

    def step(state):
        z, growth, _, k = state
        grown = 0.5 * (z + times(z))
        new = 2 * jnp.sum(grown) / jnp.sum(z) - 1
        return grown / jnp.sum(grown), new, jnp.abs(new - growth), k + 1

    def unfinished(state):
        _, _, last, k = state
        return (k < 1000) & (last > change)

    one = jnp.ones((), z.dtype)
    return jax.lax.while_loop(unfinished, step, (z, jnp.inf * one, one, 0))[1]
