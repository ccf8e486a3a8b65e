"""Exposure to suppliers and to markets along supply chains.

Baldwin, Freeman and Theodorakopoulos (2022, NBER 30525; 2023, Brookings Papers on
Economic Activity 54(2)). With f the final sales of each industry and F = diag(f),

    look-through   L F          all that production for final sales takes, of everyone
    face value     (I + A) F    the product itself and the inputs that are bought for it
    hidden         A A L F      the rest: inputs of inputs, and so on

L is B of the other kernels. Columns are buyers, the industries whose products are sold
in the end; rows are suppliers. Column sums of L F are TI, the base of purchases; row
sums are output, the base of sales.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from .inverted_table import InvertedTable, Terms
from .operators import left_multiply, sums


def purchases(world: InvertedTable) -> Terms:
    """What each industry's final sales take, by supplying perimeter.

    1_s'L F and 1_s'(I + A) F, transposed: buying industry by supplier.
    """
    final, member = world.Y.sum(axis=1)[:, None], world.borders.member
    first = (member.T @ world.A).T
    beyond = world.contents((first.T @ world.A).T)
    return _both("inputs", (member + first) * final, beyond * final)


def sales(world: InvertedTable) -> Terms:
    """What each industry sells along chains, by perimeter where the final product is
    made: L F 1_r and (I + A) F 1_r, supplying industry by buyer."""
    final = _completed(world)
    first = world.A @ final
    beyond = world.requirements(world.A @ first)
    return _both("sales", final + first, beyond)


def _both(side: str, face: Array, hidden: Array) -> Terms:
    return {
        f"{side}_face": face,
        f"{side}_hidden": hidden,
        f"{side}_through": face + hidden,
    }


def _completed(world: InvertedTable) -> Float[Array, "n c"]:
    """Final sales of each industry, in the column of its perimeter."""
    return world.borders.member * world.Y.sum(axis=1)[:, None]


def multiplied(world: InvertedTable) -> Terms:
    """Final sales times multipliers: by product, those of value added (or of the
    account) by origin; those inside borders, of output and of value added."""
    final = world.Y.sum(axis=1)
    inside = left_multiply(jnp.ones_like(final), world.L)
    return {
        "multiplied_account": world.content * final[:, None],
        "multiplied_output_inside": inside * final,
        "multiplied_account_inside": world.dva_multiplier * final,
    }


def enabled(world: InvertedTable) -> Terms:
    """The account of each perimeter that primary inputs of an industry enable
    downstream: g'G with Ghosh's inverse G = x^-1 B x, and so (1 - 1'A) B E (Marques,
    Rodrigues, Lenzen and Domingos 2012, Ecological Economics 84)."""
    primary = 1 - sums(world.A, 0, world.v)
    account = world.borders.member * (world.v * world.output)[:, None]
    return {"INCOME_BASED": primary[:, None] * world.requirements(account)}


class ThirdCountries(NamedTuple):
    """Value added of an origin in imports, by the partner who sells them: ``direct``
    from its origin, after ``one`` stop at the seller's, and ``all`` of it."""

    direct: Float[Array, " c"]
    one: Float[Array, " c"]
    all: Float[Array, " c"]


def through_third_countries(
    world: InvertedTable, origin: Float[Array, " c"], importer: Float[Array, " c"]
) -> ThirdCountries:
    """Value added of ``origin`` in the imports of ``importer``, by seller j.

    Of exports E_jr they hold (v_s B)_j E_jr. The part that leaves s once is v_s L_s
    E_sr from s itself, and v_s L_s A_sj L_j E_jr after one stop in j; the rest crosses
    more borders (as in Wang, Wei and Zhu 2013). ``origin`` and ``importer`` are 1 at
    one perimeter, 0 elsewhere.
    """
    bought = world.exports @ importer
    from_origin = world.borders.member @ origin
    once = from_origin * world.dva_multiplier
    stop = left_multiply((once @ world.A) * (1 - from_origin), world.L)
    terms = jnp.stack([once, stop, world.content @ origin], axis=1)
    return ThirdCountries(*world.borders.total(terms * bought[:, None]).T)


class Rounds(NamedTuple):
    """Inputs of a supplier that a demand takes, by round of production."""

    rounds: Float[Array, " k"]
    total: Float[Array, ""]
    length: Float[Array, ""]


def by_round(
    world: InvertedTable,
    demand: Float[Array, " n"],
    wanted: Float[Array, " n"],
    output: Float[Array, " n"],
    content: Float[Array, " n"],
    *,
    rounds: int,
) -> Rounds:
    """w'A^k f of the first rounds k, w'B f, and the average propagation length.

    The length is the mean of k over what passes, k from 1: w'B (B - I) f / w'(B - I) f
    (Dietzenbacher and Romero 2007). ``output`` is B f, ``content`` w'B; ``rounds`` is
    static.
    """
    passed, found = demand, []
    for _ in range(rounds):
        found.append(wanted @ passed)
        passed = world.A @ passed
    total, direct = wanted @ output, wanted @ demand
    later = total - direct
    length = (content @ output - total) / jnp.where(later == 0, jnp.nan, later)
    return Rounds(jnp.stack(found), total, length)


def extraction(
    supply: Float[Array, " s"],
    among: Float[Array, "s s"],
    share: Float[Array, ""],
) -> Float[Array, " s"]:
    """Sales g that customers lose where suppliers deliver (1 - t) of what they did.

    ``supply`` is x_s, what a demand takes of the suppliers, ``among`` their block of B.
    Deliveries A_s x + f_s are cut to 1 - t of them, so that x_s(t) = x_s - B_ss g and
    g = t x_s(t) / (1 - t): g = t ((1 - t) I + t B_ss)^-1 x_s. Its first order is t x_s,
    the exposure; t = 1 is hypothetical extraction, g = B_ss^-1 x_s (Dietzenbacher, van
    Burken and Kondo 2019, Economic Systems Research 31).
    """
    own = jnp.eye(len(supply), dtype=supply.dtype)
    return share * jnp.linalg.solve((1 - share) * own + share * among, supply)
