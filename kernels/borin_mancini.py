"""Value added in exports, each US$ counted once (Borin and Mancini 2019, World Bank
Policy Research Working Paper 8804; 2023, Economic Systems Research 35).

Where a good crosses the same border twice, one of the crossings must be counted. The
perimeter says whose border it is (the exporter's, the world's, the bilateral flow's,
the importer's), the approach which crossing counts: the first (source) or the last
(sink). Symbols of ``kernels.inverted_table``; besides, for the exporter s,

    F_s     (I - A_ss) B_ss = I + M_s, what crosses its border n times, n >= 0
    f F^-1  foreign value added per US$ of exports, counted once

so that no inverse of a table without the exports of s is needed: B of that table is
B_ts B_ss^-1 L_s for exports of s.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from . import leontief, operators
from .inverted_table import InvertedTable, Terms, abroad_only
from .operators import Inside, dense, diagonal, multiply


def crossings(world: InvertedTable) -> Inside:
    """F_s = (I - A_ss) B_ss for each perimeter."""
    inside = world.borders.inside(world.A)
    return operators.product(operators.less(inside), world.borders.inside(world.B))


def exporter_source(world: InvertedTable) -> Terms:
    """The exporter's perimeter, the first crossing counts.

    GEXP = DC + FC; DC = DVA + DDC, DVA = VAX + REF; FC = FVA + FDC. VAX is absorbed
    anywhere abroad, DAVAX by the direct buyer, REF returns home. Trade in global value
    chains crosses two borders or more: GVC = GEXP - DAVAX = GVCB + GVCF, of which
    backward GVCB = FC + DDC and forward GVCF = DVA - DAVAX.
    """
    E = world.exports
    h, f, u = world.multipliers
    returned = world.borders.buyers(world.Z, world.scale[:, None] * world.X)
    DC, FC, DVA = h * E, f * E, u * E
    FVA = world.fva_multiplier[:, None] * E
    VAX = u * (E - returned)
    DAVAX = u * world.absorbed_by_buyer
    terms = {"GEXP": E, "VAX": VAX, "REF": DVA - VAX, **_counted(DC, DVA, FC, FVA)}
    return abroad_only(world, {**terms, **_in_chains(DC, DVA, FC, DAVAX)})


def _counted(DC: Array, DVA: Array, FC: Array, FVA: Array) -> Terms:
    """Contents, value added in them, and what is counted twice."""
    home = {"DC": DC, "DVA": DVA, "DDC": DC - DVA}
    return {**home, "FC": FC, "FVA": FVA, "FDC": FC - FVA}


def _in_chains(DC: Array, DVA: Array, FC: Array, DAVAX: Array) -> Terms:
    """Exports that cross more than one border: all, backward, forward."""
    gvc = {"GVC": DC + FC - DAVAX, "GVCB": FC + DC - DVA, "GVCF": DVA - DAVAX}
    return {"DAVAX": DAVAX, **gvc}


def exporter_sink(world: InvertedTable) -> Terms:
    """The exporter's perimeter, the last crossing counts.

    With X~ the output that is left when the exports of s are cut, exports to r cross
    the border of s for the last time where they end up in

        Phi_sr = Y_sr + A_sr L_r (Y_r + sum over j != r of A_rj X~_j).

    Terms as in ``exporter_source``; those that need no approach (DAVAX, GVC) are left
    out. VAXIM is what the direct buyer absorbs, at once or after it went further,

        h (Y_sr + A_sr (X_rr - B_rs F_s^-1 a_sr)),   a_sr exports of s that r absorbs.
    """
    borders, L, final = world.borders, world.L, world.final_exports
    for_all, for_self = _without_exports(world)
    # Output of r for its own demand, less what needs exports of s.
    absorbed = multiply(world.first_crossing, final + world.sold_to_others)
    of_buyer = borders.own(world.X)[:, None] - borders.buyers(world.B, absorbed)
    needed = [
        multiply(L, world.Y.sum(axis=1)[:, None] + for_all),
        multiply(L, final + for_self),
        of_buyer,
    ]
    to_all, to_self, to_buyer = _inputs_of_buyers(world, needed)
    to_all, to_buyer = final + to_all, final + to_buyer

    E = world.exports
    h, f = world.domestic_content[:, None], world.foreign_content[:, None]
    DC, FC, DVA, FVA, REF = h * E, f * E, h * to_all, f * to_all, h * to_self
    terms = {
        "GEXP": E,
        "VAX": DVA - REF,
        "VAXIM": h * to_buyer,
        "REF": REF,
        **_counted(DC, DVA, FC, FVA),
    }
    return abroad_only(world, terms)


def _inputs_of_buyers(
    world: InvertedTable, outputs: Sequence[Float[Array, "n c"]]
) -> Float[Array, "k n c"]:
    """Inputs that s sells to each buyer r whose output is column s of ``outputs``, all
    of them in one pass over Z."""
    scaled = world.scale[:, None, None] * jnp.stack(outputs, axis=1)
    return jnp.moveaxis(world.borders.buyers(world.Z, scaled), 1, 0)


def _without_exports(
    world: InvertedTable,
) -> tuple[Float[Array, "n c"], Float[Array, "n c"]]:
    """Inputs that others than s sell abroad for X~, column s, which is left of output
    for all final demand and for that of s itself. Rows of s mean nothing."""
    borders, X, Y, sold = world.borders, world.X, world.Y, world.sold_to_others
    inside, first = borders.inside(world.A), world.first_crossing
    for_all = world.final_exports.sum(axis=1) + sold.sum(axis=1)
    lost = [multiply(first, each) for each in (for_all, borders.own(sold))]
    of_all, of_self = borders.by_buyer(world.B, *lost)

    def to_others(left: Float[Array, "n c"], demand: Float[Array, " n #c"]) -> Array:
        # A X~, from A X = X - Y and A B = B - I, in rows of others than s.
        return left - demand - multiply(inside, left)

    every_X, every_Y = (k.sum(axis=1, keepdims=True) for k in (X, Y))
    return to_others(every_X - of_all, every_Y), to_others(X - of_self, Y)


class Routes(NamedTuple):
    """Exports of s to r by where their last part goes; column r [million US$].

    final, inputs
        Y_sr and A_sr L_r Y_rr: r absorbs them, as they are or in what it makes.
    sent_final, sent_inputs
        A_sr L_r times the final goods, and the inputs, that r exports in turn.
    back_final, back_inputs
        Final goods for s among these, and inputs of what s absorbs.
    """

    final: Float[Array, "n c"]
    inputs: Float[Array, "n c"]
    sent_final: Float[Array, "n c"]
    sent_inputs: Float[Array, "n c"]
    back_final: Float[Array, "n c"]
    back_inputs: Float[Array, "n c"]


def _routes(
    world: InvertedTable, for_all: Float[Array, " n #c"], for_self: Float[Array, "n c"]
) -> Routes:
    """Routes of the inputs that each j sells abroad (column s), for all final demand
    and for that of s."""
    borders, L, final = world.borders, world.L, world.final_exports

    onward = [for_all, final, for_self]
    onward = [multiply(L, jnp.broadcast_to(Q, final.shape)) for Q in onward]
    sent_inputs, back_final, back_inputs = _inputs_of_buyers(world, onward)
    used, sent_final = world.inputs(
        multiply(L, borders.own(world.Y)), multiply(L, final.sum(axis=1))
    )
    return Routes(final, used, sent_final, sent_inputs, back_final, back_inputs)


def source_details(world: InvertedTable) -> Terms:
    """Parts of VAX, REF and FVA of ``exporter_source``, by the use of the buyer.

    With g = f F^-1 in place of u for the foreign ones, X_j the output of j that final
    demand requires (x* of all, X_js of s),

        VAX1  u Y_sr                                    final goods the buyer absorbs
        VAX2  u A_sr L_r Y_rr                           inputs of goods it absorbs
        VAX3  u A_sr L_r sum over j != r, s of Y_rj     of final goods for third ones
        VAX4  u A_sr L_r sum over j != r of A_rj (x*_j - X_js)     of inputs it exports
        REF1  u A_sr L_r Y_rs                           of final goods that return
        REF2  u A_sr L_r sum over j != r of A_rj X_js   of inputs of what s absorbs

        FVA1  g Y_sr             FVA3  g A_sr L_r sum over j != r of Y_rj
        FVA2  g A_sr L_r Y_rr    FVA4  g A_sr L_r sum over j != r of A_rj x*_j

    They add up to their totals. Names as in R exvatools.
    """
    sold = world.sold_to_others
    routes = _routes(world, sold.sum(axis=1)[:, None], sold)
    return _details(world, routes, world.dva_multiplier, world.fva_multiplier)


def sink_details(world: InvertedTable) -> Terms:
    """The same parts of ``exporter_sink``: h for u, f for g, and X~ (output without the
    exports of s) for x* and X."""
    routes = _routes(world, *_without_exports(world))
    return _details(world, routes, world.domestic_content, world.foreign_content)


def _details(
    world: InvertedTable,
    routes: Routes,
    domestic: Float[Array, " n"],
    foreign: Float[Array, " n"],
) -> Terms:
    u, f = domestic[:, None], foreign[:, None]
    terms = {
        "VAX1": u * routes.final,
        "VAX2": u * routes.inputs,
        "VAX3": u * (routes.sent_final - routes.back_final),
        "VAX4": u * (routes.sent_inputs - routes.back_inputs),
        "REF1": u * routes.back_final,
        "REF2": u * routes.back_inputs,
        "FVA1": f * routes.final,
        "FVA2": f * routes.inputs,
        "FVA3": f * routes.sent_final,
        "FVA4": f * routes.sent_inputs,
    }
    return abroad_only(world, terms)


def source_by_origin(world: InvertedTable, sectors: int) -> Terms:
    """Terms of ``exporter_source`` by sector of origin of the value added, (c s c).

    exporter, sector in which the value is added (at home for the domestic terms, of any
    foreign region for FC, FVA and FDC), buyer. ``sectors`` sets the shape: n = regions
    x sectors. GEXP, which is of the exporting sector, is left out.
    """
    borders, E, B = world.borders, world.exports, world.B
    by_perimeter = partial(borders.by_sector, sectors=sectors)

    def at_home(M: Inside, sold: Float[Array, "n c"]) -> Float[Array, "p s c"]:
        return by_perimeter(world.v[:, None] * multiply(M, sold * borders.abroad))

    def abroad(content: Float[Array, "s n"]) -> Float[Array, "p s c"]:
        each = content[:, None, :] * borders.member.T[None]
        return jnp.swapaxes(each @ E, 0, 1)

    L = world.L
    returned = borders.buyers(world.Z, world.scale[:, None] * world.X)
    DC, DVA = at_home(borders.inside(B), E), at_home(L, E)
    REF, DAVAX = at_home(L, returned), at_home(L, world.absorbed_by_buyer)
    made = by_perimeter(world.v[:, None] * dense(B))
    foreign = made.sum(axis=0) - jnp.einsum("psn,np->sn", made, borders.member)
    first = world.first_crossing.mT
    FC, FVA = abroad(foreign), abroad(multiply(first, foreign.T).T)
    return {
        "VAX": DVA - REF,
        "REF": REF,
        **_counted(DC, DVA, FC, FVA),
        **_in_chains(DC, DVA, FC, DAVAX),
    }


def world_perspective(world: InvertedTable) -> Terms:
    """The world's perimeter: each US$ once in the exports of all; totals of exporters.

    The domestic side is the exporter's. Foreign value added (FVA) counts at its last
    crossing of any border (equation 54), FVA_SOURCE at its first (equation 52); summed
    over exporters both are equal. For single flows see ``world_flows``.
    """
    E = world.exports
    own = exporter_source(world)
    absorbed = world.absorbed_by_buyer
    (resold,) = world.inputs(multiply(world.L, absorbed.sum(axis=1)))
    FVA = world.foreign_content[:, None] * absorbed + world.content * resold
    source = world.in_imports(world.dva_multiplier)[:, None] * E
    terms = {
        **{k: own[k] for k in ("GEXP", "DC", "DVA", "VAX", "REF", "DDC", "FC")},
        "FVA": FVA,
        "FDC": own["FC"] - FVA,
        "FVA_SOURCE": source,
        "FDC_SOURCE": own["FC"] - source,
    }
    return abroad_only(world, terms)


def world_flows(world: InvertedTable) -> Terms:
    """The world's perimeter by industry and buyer, where the approach matters for the
    domestic side, too: DVA, VAX, REF, DDC count at the last crossing of the exporter's
    border (``exporter_sink``), those with _SOURCE at the first (``exporter_source``).

    Foreign value added by flow is what equations 52 and 54 say before they are summed:
    at its first crossing as foreign value added it comes in exports of its origin t to
    s, u_t A_ts L_s, whatever s makes of it; at its last the buyer r absorbs it, or
    sends on its own value added v_r B_rs, for which r is no foreigner.
    """
    first, last = exporter_source(world), exporter_sink(world)
    terms = world_perspective(world)
    for k in ("DVA", "VAX", "REF", "DDC"):
        terms |= {k: last[k], f"{k}_SOURCE": first[k]}
    return terms


def self_cell(world: InvertedTable) -> Terms:
    """The perimeter of each flow alone: exports of one industry to one buyer.

    DVA = h E / (1 + [A_sr B_rs]_ii), double counted is what passes this very flow
    again. For all buyers of an industry together see ``self_industry``.
    """
    again = (dense(world.A) * dense(world.B).T) @ world.borders.member
    return _counted_once(world, world.exports / (1 + again))


def self_industry(world: InvertedTable) -> Terms:
    """The perimeter of all exports of one industry: E / [F_s]_ii."""
    times = diagonal(crossings(world))
    return _counted_once(world, world.exports / times[:, None])


def self_bilateral(world: InvertedTable) -> Terms:
    """The perimeter of all exports of s to r: (I + A_sr B_rs)^-1 E_sr."""
    kept = _kept_of_blocks if world.borders.blocks else _kept_of_any
    return _counted_once(world, kept(world))


def _kept_of_blocks(world: InvertedTable) -> Float[Array, "n c"]:
    """Exports to each buyer at their first crossing, where regions are blocks."""
    n, c = world.exports.shape
    s = n // c
    flows = dense(world.A).reshape(c, s, c, s)  # [seller s, i, buyer r, j]
    back = dense(world.B).reshape(c, s, c, s)  # [r, j, s, i]

    def one_exporter(each: tuple[Array, Array, Array]) -> Float[Array, "s c"]:
        A_s, B_s, E_s = each  # (i, r, j), (r, j, i), (i, r)
        again = jnp.einsum("irj,rjk->rik", A_s, B_s)
        own = jnp.eye(s, dtype=A_s.dtype)[None]
        kept = leontief.inverses(own + again) @ E_s.T[:, :, None]
        return kept[:, :, 0].T

    kept = jax.lax.map(
        one_exporter, (flows, jnp.moveaxis(back, 2, 0), world.exports.reshape(c, s, c))
    )
    return kept.reshape(n, c)


# Rounds of production until what is added is rounding; real tables need about 60.
_MOST_ROUNDS = 2000


def _kept_of_any(world: InvertedTable) -> Float[Array, "n c"]:
    """The same for perimeters of any size.

    (I + A_sr B_rs)^-1 E_sr = E_sr - A_sr X_r, X the output that E_sr requires in the
    table without A_sr. That output is added up round by round, for all buyers r of s
    at once: no inverse for each pair.
    """
    A, member = world.A, world.borders.member
    small = jnp.finfo(world.v.dtype).eps / 8

    def one_exporter(own: Float[Array, " n"]) -> Float[Array, "n c"]:
        sold = world.exports * own[:, None]

        def again(X: Float[Array, "n c"]) -> Float[Array, "n c"]:
            """Inputs bought from s by r, where column r counts only output in r."""
            return own[:, None] * (A @ (X * member))

        def one_round(state: tuple) -> tuple:
            total, added, k = state
            added = A @ added - again(added)
            return total + added, added, k + 1

        def unfinished(state: tuple) -> Array:
            total, added, k = state
            return (k < _MOST_ROUNDS) & (
                jnp.max(jnp.abs(added)) > small * jnp.max(jnp.abs(total))
            )

        X, _, _ = jax.lax.while_loop(unfinished, one_round, (sold, sold, 0))
        return sold - again(X)

    return jax.lax.map(one_exporter, member.T).sum(axis=0)


def _counted_once(world: InvertedTable, kept: Float[Array, "n c"]) -> Terms:
    E, (h, f, _) = world.exports, world.multipliers
    terms = {
        "GEXP": E,
        "DC": h * E,
        "DVA": h * kept,
        "DDC": h * (E - kept),
        "FC": f * E,
        "FVA": f * kept,
        "FDC": f * (E - kept),
    }
    return abroad_only(world, terms)


def importer(world: InvertedTable) -> Float[Array, "n c"]:
    """Value added by industry of origin in all imports of r, each US$ once.

    Equation 51: V B~ d, d the imports of r and B~ the inverse of the table in which r
    buys no inputs abroad. With W = B_.r (I - A_rr) - I_.r and K = B_rr (I - A_rr),

        B~ d = B d - W K^-1 (B d)_r.

    Imports less this are double counted, at the border of r.
    """
    borders, B = world.borders, world.B
    inside = borders.inside(world.A)
    first = operators.product(world.L, operators.inverse(borders.inside(B)))  # K^-1
    needed = B @ world.exports
    again = borders.member * multiply(first, borders.own(needed))[:, None]
    W = B @ (again - multiply(inside, again)) - again
    return world.v[:, None] * (needed - W)
