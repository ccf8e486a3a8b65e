"""The trade benefit index of a table with errors: solved for the difference.

Symbols of ``kernels.import_share``; a prime marks the table with errors. From the
solution X of the table itself,

    (I - A') dX = dA X + dY,   X' = X + dX,

which float32 solves: dX is a few per cent of X, so that a residual of 1e-4 of its own
is 1e-5 of X or less, and the standard deviation of draws right to four digits. The
preconditioner is that of the table itself, since A' differs from A as little. Two
passes over A' and one that certifies do in place of the two cycles of a solve from 0;
the right side takes one over dA.

Errors of import shares are products of thin matrices (``import_shares``): A' is not
formed for them, a product with dA costs a sixth of a pass.

Reported output x is as it was, unless it has errors too: A' = Z' / x'.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from ..absorption import by_region, trade_benefit_index
from ..import_share import ImportShares, apply_inverse, import_shares, in_float32
from ..leontief import per_dollar, residual_value_added
from ..refinement import correction, refine
from .kind import Distribution, ErrorDraw, draw
from .rebuilt import RebuiltErrors

# Of the difference, which is a few per cent of the solution.
TOLERANCE = 1e-4
# Of the solution, where the difference is large.
_OF_ALL = 5e-6
# A table far from that of the preconditioner takes more than a solve from 0.
_MOST_PASSES = 50


class BaseYear(NamedTuple):
    """A solved year, and what its draws share.

    Z, Y and A in float32; ``scale`` is 1 / x, v value added per US$ of output, X the
    output required by final demand of each region, P the preconditioner.
    """

    Z: Float[Array, "n n"]
    Y: Float[Array, "n c"]
    A: Float[Array, "n n"]
    x: Float[Array, " n"]
    scale: Float[Array, " n"]
    v: Float[Array, " n"]
    X: Float[Array, "n c"]
    P: ImportShares


class DrawnIndex(NamedTuple):
    """The index of a draw; ``flows`` is value added of each region absorbed in each,
    ``v`` value added per US$ of output, ``X`` output required; ``residual`` is that of
    the difference, relative to Y, ``gap`` that of balancing, ``passes`` counts products
    with A' in the iteration."""

    tbi: Float[Array, " c"]
    flows: Float[Array, "c c"]
    v: Float[Array, " n"]
    X: Float[Array, "n c"]
    residual: Float[Array, ""]
    gap: Float[Array, ""]
    passes: Int[Array, ""]


@partial(jax.jit, static_argnames="regions")
def prepare(
    Z: Float[Array, "n n"],
    x: Float[Array, " n"],
    Y: Float[Array, "n c"],
    X: Float[Array, "n c"],
    *,
    regions: int,
) -> BaseYear:
    """The base of a year from its solution X."""
    scale = per_dollar(x)
    with jax.default_matmul_precision("highest"):
        P = in_float32(Z, x, regions=regions, scale=scale).P
    low = jnp.float32
    A = (Z * scale[None, :]).astype(low)
    v = residual_value_added(Z, x)
    return BaseYear(Z.astype(low), Y.astype(low), A, x, scale, v, X, P)


def draw_index(
    key: Key[Array, ""],
    base: BaseYear,
    errors: tuple[Distribution, ...],
    *,
    fresh: bool = False,
) -> DrawnIndex:
    """The trade benefit index of every region in one draw of one year."""
    return index_of(base, draw(key, errors, base.Z, base.Y), fresh=fresh)


def index_of(base: BaseYear, drawn: ErrorDraw, *, fresh: bool = False) -> DrawnIndex:
    """The index of a table with these errors.

    ``fresh``, which is static, makes a preconditioner of the table's own, where errors
    of a third of a cell would take many steps with that of the base.
    """
    low = jnp.float32
    X = base.X.astype(low)
    scale, grown = base.scale, None
    if drawn.x is not None:
        # A' = (A + dA) x / x': without cancellation.
        scale = per_dollar(base.x + drawn.x)
        grown = jnp.where(base.scale > 0, -drawn.x * scale, 0).astype(low)
    scale = scale.astype(low)[:, None]
    dA = None if drawn.Z is None else drawn.Z * base.scale.astype(low)[None, :]
    if grown is not None:
        dA = jnp.zeros_like(base.A) if dA is None else dA
        dA = dA + (base.A + dA) * grown[None, :]
    A = base.A if dA is None else base.A + dA

    blocks = [jax.tree.map(lambda k: k.astype(low), each) for each in drawn.wide]

    def of_shares(d: Float[Array, "n c"]) -> Float[Array, "n c"]:
        each = [*drawn.thin, *blocks]
        return sum((k.times(scale * d) for k in each), jnp.zeros_like(d))

    with jax.default_matmul_precision("highest"):
        P = base.P
        if fresh:
            c = X.shape[1]
            size = jnp.abs(base.X.sum(axis=1)).astype(low)
            # By the mean of the world, not of the region as in user_weights: another
            # preconditioner would move draws by as much as TOLERANCE allows.
            weight = size / size.mean() + low(1e-3)
            sellers = A.reshape(c, -1, len(A)).sum(axis=0)
            P = import_shares(A, sellers, weight, regions=c)
        # A balance of trade is exact to a millionth: in the precision of the table.
        exact = base.X * base.scale[:, None]
        wide = sum((k.Y + k.times(exact) for k in drawn.wide), jnp.zeros_like(exact))
        narrow = [each.times(scale * X) + each.Y for each in drawn.thin]
        R = sum(narrow, wide.astype(low))
        R = R if drawn.Y is None else R + drawn.Y
        R = R if dA is None else R + dA @ X
        wanted = jnp.linalg.norm(base.Y, axis=0)
        share = jnp.linalg.norm(R, axis=0) / jnp.where(wanted > 0, wanted, 1)

        def times(d: Float[Array, "n c"]) -> Float[Array, "n c"]:
            return A @ d + of_shares(d)

        correct = partial(
            correction, times, partial(apply_inverse, P), most=_MOST_PASSES
        )
        goal = jnp.minimum(TOLERANCE, _OF_ALL / share.max()).astype(low)
        found = refine(times, times, correct, R, goal)
    # Errors of shares leave what a user buys of a good, so that v stays.
    v = base.v if dA is None else base.v - dA.sum(axis=0).astype(base.v.dtype)
    for each in drawn.wide:
        v = v - each.column_sums * base.scale
    X = base.X + found.X.astype(base.X.dtype)
    T = by_region(v[:, None] * X)
    residual = (found.residual * share.max()).astype(base.X.dtype)
    tbi = jnp.asarray(trade_benefit_index(T).tbi)
    return DrawnIndex(tbi, T, v, X, residual, jnp.asarray(drawn.gap), found.passes)


class DrawnTrade(NamedTuple):
    """Value added absorbed in each region, and gross sales to it, by selling industry.

    ``v`` stays where value added is a row of its own.
    """

    added: Float[Array, "n c"]
    sold: Float[Array, "n c"]


def draw_trade(
    key: Key[Array, ""],
    base: BaseYear,
    error: RebuiltErrors,
    v: Float[Array, " n"] | None,
) -> DrawnTrade:
    """One draw of a rebuilt year."""
    drawn = draw(key, (error,), base.Z, base.Y)
    found = index_of(base, drawn)
    n, c = found.X.shape
    made = found.X.sum(1)[:, None] * jnp.repeat(
        jnp.eye(c, dtype=found.X.dtype), n // c, axis=0, total_repeat_length=n
    )
    sold = (base.A @ made.astype(base.A.dtype) + base.Y).astype(made.dtype)
    for each in drawn.wide:
        sold = sold + each.times(base.scale[:, None] * made) + each.Y
    v = found.v if v is None else v
    return DrawnTrade(v[:, None] * found.X, sold)
