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

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from . import operators
from .inverted_table import InvertedTable, Terms
from .operators import left_multiply, sums
from .solve import Method, Solution, solve


def purchases(world: InvertedTable) -> Terms:
    """Purchases of each industry's final sales, by supplying perimeter.

    1_s'L F and 1_s'(I + A) F, transposed: buying industry by supplier.
    """
    final, member = world.Y.sum(axis=1)[:, None], world.borders.member
    first = (member.T @ world.A).T
    beyond = world.contents((first.T @ world.A).T)
    weighted = (member + first + beyond) * _weight(world)[:, None]
    terms = _both(world, "inputs", (member + first) * final, beyond * final)
    return terms | {"inputs_weighted": weighted}


def sales(world: InvertedTable) -> Terms:
    """Sales of each industry along chains, by perimeter where the final product is
    made: L F 1_r and (I + A) F 1_r, supplying industry by buyer."""
    final = _completed(world)
    first = world.A @ final
    beyond = world.requirements(world.A @ first)
    return _both(world, "sales", final + first, beyond)


def _both(world: InvertedTable, side: str, face: Array, hidden: Array) -> Terms:
    through = face + hidden
    return {
        f"{side}_face": face,
        f"{side}_hidden": hidden,
        f"{side}_through": through,
        f"{side}_abroad": through * world.borders.abroad,
    }


def _completed(world: InvertedTable) -> Float[Array, "n c"]:
    """Final sales of each industry, in the column of its perimeter."""
    return world.borders.member * world.Y.sum(axis=1)[:, None]


def _weight(world: InvertedTable) -> Float[Array, " n"]:
    """Final sales, the weights of multipliers; a product without any weighs next to
    nothing, and has its own multiplier."""
    final = world.Y.sum(axis=1)
    return jnp.where(final == 0, 1e-30, final) * world.active


def multiplied(world: InvertedTable) -> Terms:
    """Final sales times multipliers: by product, those of value added (or of the
    account) by origin; those inside borders, of output and of value added. Final sales
    themselves, and value added of the product's own industry in them."""
    weight = _weight(world)
    inside = left_multiply(jnp.ones_like(weight), world.L)
    return {
        "multiplied_final": weight,
        "multiplied_account": world.content * weight[:, None],
        "multiplied_output_inside": inside * weight,
        "multiplied_account_inside": world.dva_multiplier * weight,
        "multiplied_account_own": world.v * weight,
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
    more borders (compare Wang, Wei and Zhu 2013). ``origin`` and ``importer`` are 1 at
    one perimeter, 0 elsewhere.
    """
    bought = world.exports @ importer
    from_origin = world.borders.member @ origin
    once = from_origin * world.dva_multiplier
    stop = left_multiply((once @ world.A) * (1 - from_origin), world.L)
    terms = jnp.stack([once, stop, world.content @ origin], axis=1)
    return ThirdCountries(*world.borders.total(terms * bought[:, None]).T)


def by_round(
    world: InvertedTable,
    demand: Float[Array, " n"],
    wanted: Float[Array, " n"],
    *,
    rounds: int,
) -> Float[Array, " k"]:
    """w'A^k f of the first rounds k, of which there are ``rounds`` (static)."""
    found = []
    for _ in range(rounds):
        found.append(wanted @ demand)
        demand = world.A @ demand
    return jnp.stack(found)


def propagation_length(
    demand: Float[Array, " n"],
    wanted: Float[Array, " n"],
    output: Float[Array, " n"],
    content: Float[Array, " n"],
) -> Float[Array, ""]:
    """The mean number of rounds k from 1 in which inputs of ``wanted`` reach a demand:
    w'B (B - I) f / w'(B - I) f (Dietzenbacher and Romero 2007, International Regional
    Science Review 30). ``output`` is B f, ``content`` w'B; NaN where nothing does."""
    later = wanted @ (output - demand)
    return (content - wanted) @ output / jnp.where(later == 0, jnp.nan, later)


def extraction(
    world: InvertedTable,
    wanted: Float[Array, " n"],
    output: Float[Array, " n"],
    share: Float[Array, ""],
    *,
    regions: int,
    method: Method = "import-share",
) -> tuple[Float[Array, " n"], Float[Array, ""]]:
    """Value added that a demand no longer earns where ``wanted`` industries deliver a
    ``share`` t less, and the residual of the solve.

    With K = 1 - t at their rows, x(t) = K (A x(t) + f), and the loss of output d = x -
    x(t) solves (I - K A) d = (1 - K) x, ``output`` x = B f. Nothing takes their place.
    With v the residual v d begins with t w'B f, the exposure to them (Hulten 1978);
    t = 1 is hypothetical extraction (Dietzenbacher, van Burken and Kondo 2019, Economic
    Systems Research 31).
    """
    ended = share * wanted
    Z = operators.dense(world.Z) * (1 - ended)[:, None]
    lost: Solution = solve(
        Z, (ended * output)[:, None], regions=regions, method=method, scale=world.scale
    )
    return world.v * lost.X[:, 0], lost.residual


class BestPaths(NamedTuple):
    """``best`` value of a single supply path into a unit of each industry's output, in
    absolute terms; ``settled`` where longer paths add nothing."""

    best: Float[Array, " n"]
    settled: Bool[Array, ""]


def best_paths(
    Z: Float[Array, "n n"],
    scale: Float[Array, " n"],
    wanted: Float[Array, " n"],
    *,
    most: int = 1000,
) -> BestPaths:
    """m_j, the largest of w_i A_i.. A_.j over all paths from i to j, by length.

    m = max(w, max_i A_ij m_i), the shortest-path recursion of Bellman with products:
    it settles where A is productive, since no cycle of A then gains. ``most`` rounds.
    """
    size = jnp.abs(wanted)

    def longer(state: tuple) -> tuple:
        best, _, k = state
        found = jnp.max(jnp.abs(Z) * best[:, None], axis=0) * scale
        found = jnp.maximum(size, found)
        return found, jnp.all(found <= best), k + 1

    def unsettled(state: tuple) -> Array:
        return ~state[1] & (state[2] < most)

    start = size, jnp.zeros((), bool), 0
    best, settled, _ = jax.lax.while_loop(unsettled, longer, start)
    return BestPaths(best, settled)
