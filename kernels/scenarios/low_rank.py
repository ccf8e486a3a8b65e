"""A year's table with some of its cells changed, from the inverse of the table itself.

Symbols as in ``kernels.leontief``. A variant changes A by dA and Y by dY:

    (I - A - dA) X' = Y + dY

Few rows or few columns of A change, so that dA = P Q' with k columns, k far below n.
With B known, the new output follows without another factorisation (Sherman and Morrison
1950; Woodbury 1950):

    X1 = B (Y + dY),    X' = X1 + B P (I_k - Q' B P)^-1 Q' X1.

P has values in the rows that change only and Q in the columns, which is how an
``Update`` holds them: P = E_rows M and Q' = N E_columns', E a selection of the unit
matrix. So B P takes the columns of B that are needed, and a variant costs 2 n r k flops
for r rows, where a factorisation costs (2/3) n^3. A cut of what one region sells to
another has r = k = s.

The matrix I - Q' B P is inverted by elimination without pivots. Its leading minors are
ratios of determinants, |I - A - P_j Q_j'| / |I - A| with the first j columns of P and
Q. Each of these tables has some rows or columns of the new table and the others of the
old one. Where both are non-negative and productive, so are they, and the minors are
positive.

The residual is measured on the answer, with the changed table: it costs more than the
update (2 n^2 c flops), and says whether B was good enough.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ..leontief import (
    input_coefficients,
    inverse,
    inverses,
    per_dollar,
    relative_norm,
    residual_value_added,
)


class UpdatedBase(NamedTuple):
    """A year's table before any change.

    A, B, Y
        Coefficients, Leontief inverse, final demand.
    X
        Output by absorbing region, B Y.
    v
        Value added per US$ of output, or another account per US$.
    kept
        1 less the inputs per US$ of output; 1 for an industry without output.
    active
        Industries with output: only they export (``kernels.absorption``).
    member
        Membership of regions in results, 1 or 0: parts of a split region share one.
    multipliers
        1'B, the output that a US$ of final demand needs.
    sold
        Inputs that active industries of a region sell to each industry, per US$ of its
        output.
    residual
        Relative residual of X, the worst column.
    """

    A: Float[Array, "n n"]
    B: Float[Array, "n n"]
    Y: Float[Array, "n c"]
    X: Float[Array, "n c"]
    v: Float[Array, " n"]
    kept: Float[Array, " n"]
    active: Bool[Array, " n"]
    member: Float[Array, "c p"]
    multipliers: Float[Array, " n"]
    sold: Float[Array, "c n"]
    residual: Float[Array, ""]


class Update(NamedTuple):
    """dA = E_rows M N E_columns', and dY = E_rows ``demand`` E_buyers'.

    Rows, columns and buyers may be filled up with any number whose M, N or demand is 0.
    ``rows`` is None where M and demand have every row.
    """

    rows: Int[Array, " r"] | None
    columns: Int[Array, " m"]
    buyers: Int[Array, " q"]
    M: Float[Array, "r k"]
    N: Float[Array, "k m"]
    demand: Float[Array, "r q"]


class VariantAccounts(NamedTuple):
    """Production, sales and purchases of each region in a table, in its unit.

    ``lost`` are inputs that its industries no longer get and nothing replaces.
    """

    value_added: Float[Array, " p"]
    output: Float[Array, " p"]
    exports: Float[Array, " p"]
    imports: Float[Array, " p"]
    va_exports: Float[Array, " p"]
    va_imports: Float[Array, " p"]
    final_demand: Float[Array, " p"]
    lost: Float[Array, " p"]


class CellChanges(NamedTuple):
    """Accounts of a changed table and how well they are known.

    industries
        Value added by industry.
    identity
        World final demand less value added and lost inputs, relative.
    smallest_multiplier
        Smallest of 1'B'. Above 0 the changed table is productive, if not negative.
    """

    accounts: VariantAccounts
    industries: Float[Array, " n"]
    residual: Float[Array, ""]
    identity: Float[Array, ""]
    smallest_multiplier: Float[Array, ""]


@jax.jit
def base_of(
    Z: Float[Array, "n n"],
    x: Float[Array, " n"],
    Y: Float[Array, "n c"],
    v: Float[Array, " n"] | None,
    member: Float[Array, "c p"],
) -> UpdatedBase:
    """All that variants of a year share. ``v`` defaults to output less inputs."""
    c = Y.shape[1]
    A = input_coefficients(Z, x)
    B = inverse(A)
    left = residual_value_added(Z, x)
    X = B @ Y
    X = X + B @ (Y - X + A @ X)
    active = x > 0
    selling = A * active[:, None].astype(A.dtype)
    return UpdatedBase(
        A=A,
        B=B,
        Y=Y,
        X=X,
        v=left if v is None else v,
        kept=jnp.where(active, left, 1),
        active=active,
        member=member,
        multipliers=B.sum(axis=0),
        sold=selling.reshape(c, -1, len(A)).sum(axis=1),
        residual=jnp.max(relative_norm(Y - X + A @ X, Y)),
    )


@partial(jax.jit, static_argnames="refine")
def evaluate(base: UpdatedBase, update: Update, *, refine: bool = False) -> CellChanges:
    """The accounts of one variant; batched by ``vmap`` over the update.

    ``refine``, which is static, adds a step of iterative refinement.
    """
    A, B, Y = base.A, base.B, base.Y
    rows, columns, buyers, M, N, demand = update
    every = slice(None) if rows is None else rows

    def from_rows(values: Float[Array, "r j"]) -> Float[Array, "n j"]:
        return B[:, every] @ values

    BP = from_rows(M)
    inner = jnp.eye(len(N), dtype=A.dtype) - N @ BP[columns]
    inner = inverses(inner[None])[0]

    def updated(X: Float[Array, "n c"]) -> Float[Array, "n c"]:
        return X + BP @ (inner @ (N @ X[columns]))

    def left(X: Float[Array, "n c"]) -> Float[Array, "n c"]:
        moved = M @ (N @ X[columns])
        return (wanted - X + A @ X).at[every].add(moved)

    bought = jnp.zeros((len(M), Y.shape[1]), A.dtype).at[:, buyers].add(demand)
    wanted = Y.at[every].add(bought)
    X = updated(base.X.at[:, buyers].add(from_rows(demand)))
    if refine:
        X = X + updated(B @ left(X))
    lengths = base.multipliers[every] @ M @ inner @ (N @ B[columns])
    output = X.sum(axis=1)
    # What the update sells, by region of the seller and of the user.
    here = _region_of(base)
    selling = M * base.active[every].astype(A.dtype)[:, None]
    sellers = here[every].T @ selling
    users = (N * output[columns][None, :]) @ here[columns]
    lost = -(M.sum(axis=0) @ users)
    inputs = _by_user(base.sold, output) + sellers @ users
    return CellChanges(
        accounts=_accounts(base, X, wanted, inputs, lost),
        industries=base.v * output,
        residual=jnp.max(relative_norm(left(X), wanted)),
        identity=_identity(base, output, wanted, lost),
        smallest_multiplier=jnp.min(base.multipliers + lengths),
    )


@jax.jit
def evaluate_dense(
    base: UpdatedBase,
    A: Float[Array, "n n"],
    Y: Float[Array, "n c"],
    X: Float[Array, "n c"],
) -> CellChanges:
    """The same from a whole changed table and its solution X."""
    selling = A * base.active.astype(A.dtype)[:, None]
    sold = selling.reshape(Y.shape[1], -1, len(A)).sum(axis=1)
    output = X.sum(axis=1)
    fewer = (base.A - A).sum(axis=0) * output
    lost = fewer.reshape(Y.shape[1], -1).sum(axis=1)
    return CellChanges(
        accounts=_accounts(base, X, Y, _by_user(sold, output), lost),
        industries=base.v * output,
        residual=jnp.max(relative_norm(Y - X + A @ X, Y)),
        identity=_identity(base, output, Y, lost),
        # The solver measures it: what it does not solve has a residual.
        smallest_multiplier=jnp.ones((), A.dtype),
    )


def _region_of(base: UpdatedBase) -> Float[Array, "n c"]:
    """1 where the industry is of the region."""
    n, c = base.Y.shape
    own = jnp.eye(c, dtype=base.Y.dtype)
    return jnp.repeat(own, n // c, axis=0, total_repeat_length=n)


def _by_user(sold: Float[Array, "c n"], output: Float[Array, " n"]) -> Array:
    """Inputs by region of the seller and of the user, at this output."""
    c = len(sold)
    return (sold * output[None, :]).reshape(c, c, -1).sum(axis=2)


def _accounts(
    base: UpdatedBase,
    X: Float[Array, "n c"],
    Y: Float[Array, "n c"],
    inputs: Float[Array, "c c"],
    lost: Float[Array, " c"],
) -> VariantAccounts:
    n, c = Y.shape
    member = base.member

    def pairs(flow: Float[Array, "c c"]) -> Float[Array, "p p"]:
        return member.T @ flow @ member

    def by_region(flow: Array) -> Array:
        return flow.reshape(c, n // c, -1).sum(axis=1)

    absorbed = pairs(by_region(base.v[:, None] * X))
    final = by_region(Y * base.active.astype(Y.dtype)[:, None])
    gross = pairs(final + inputs)
    abroad = 1 - jnp.eye(member.shape[1], dtype=Y.dtype)
    return VariantAccounts(
        value_added=absorbed.sum(axis=1),
        output=member.T @ by_region(X).sum(axis=1),
        exports=(gross * abroad).sum(axis=1),
        imports=(gross * abroad).sum(axis=0),
        va_exports=(absorbed * abroad).sum(axis=1),
        va_imports=(absorbed * abroad).sum(axis=0),
        final_demand=member.T @ Y.sum(axis=0),
        lost=member.T @ lost,
    )


def _identity(
    base: UpdatedBase,
    output: Float[Array, " n"],
    Y: Float[Array, "n c"],
    lost: Float[Array, " c"],
) -> Float[Array, ""]:
    """Final demand is value added and what is lost, in the world."""
    bought = jnp.sum(Y)
    gap = bought - base.kept @ output - jnp.sum(lost)
    return jnp.abs(gap) / jnp.where(bought != 0, jnp.abs(bought), 1)


@jax.jit
def price_changes(
    A: Float[Array, "n n"], B: Float[Array, "n n"], cost: Float[Array, "k n"]
) -> tuple[Float[Array, "k n"], Float[Array, ""]]:
    """Prices that pass on higher unit costs, dp' = dc' B, and the worst residual.

    Leontief's price model (Miller and Blair 2009, section 2.6): prices start from 1 and
    quantities stay. ``cost`` has a row for each variant.
    """
    price = cost @ B
    price = price + (cost - price + price @ A) @ B
    gap = (cost - price + price @ A).T
    return price, jnp.max(relative_norm(gap, cost.T))


class Linkages(NamedTuple):
    """Links of each industry with the others, by B and by extraction.

    backward, forward
        Column sums of B and row sums of the Ghosh inverse, over their means.
    output_lost, value_added_lost
        Share of what all other industries make that ends with the industry, and of all
        value added, its own included.
    """

    backward: Float[Array, " n"]
    forward: Float[Array, " n"]
    output_lost: Float[Array, " n"]
    value_added_lost: Float[Array, " n"]


@jax.jit
def linkages(base: UpdatedBase) -> Linkages:
    """Linkages of every industry, and its total extraction, all of them at once.

    backward_j = (1/n) 1'B e_j / mean, Rasmussen's (1956) power of dispersion; forward
    from G = diag(x)^-1 B diag(x). Without industry j, its row, its column and the final
    demand for its product, the others make x_k - B_kj x_j / B_jj: the inverse of the
    smaller table is B less the rank-1 product of its column and row j over B_jj.
    """
    x = base.X.sum(axis=1)
    many = jnp.sum(base.active.astype(x.dtype))
    here = base.active.astype(x.dtype)
    scale = per_dollar(x)
    ahead = (scale[:, None] * base.B) @ x * here
    behind = base.multipliers * here
    own = jnp.diagonal(base.B)
    without = x / own
    others = (base.multipliers - own) * without
    added = (base.v @ base.B) * without
    return Linkages(
        backward=behind * many / jnp.sum(behind),
        forward=ahead * many / jnp.sum(ahead),
        output_lost=others / (jnp.sum(x) - x),
        value_added_lost=added / (base.v @ x),
    )
