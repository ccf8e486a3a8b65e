"""Participation in global value chains, and the value added of exports.

Symbols of ``kernels.inverted_table``; besides

    m_s   value added (of anyone) in the inputs bought abroad for a US$ of exports, sum
          over t != s of (v'B)_t A_ts L_s

u + m = v'B, which is 1 for industries with output where v is the residual.
"""

from typing import NamedTuple

from jaxtyping import Array, Float

from .borin_mancini import exporter_source
from .inverted_table import InvertedTable, Terms, abroad_only
from .operators import left_multiply, multiply


def tripartite(world: InvertedTable) -> Terms:
    """Exports by the place of the exporter in the chain (Borin, Mancini and Taglioni
    2025, World Bank Economic Review; trade side).

        DAVAX   u (Y_sr + A_sr L_r Y_rr)   crosses one border only
        PF      u A_sr L_r e_r             purely forward: starts the chain
        PB      m (Y_sr + A_sr L_r Y_rr)   purely backward: ends it
        TS      m A_sr L_r e_r             two-sided: in the middle

    They add up to exports; PF + PB + TS is trade in global value chains.
    """
    (passes,) = world.inputs(multiply(world.L, world.total_exports))
    u, m = world.dva_multiplier[:, None], _bought(world)[:, None]
    absorbed = world.absorbed_by_buyer
    terms = {
        "DAVAX": u * absorbed,
        "PF": u * passes,
        "PB": m * absorbed,
        "TS": m * passes,
    }
    return abroad_only(world, terms)


def tripartite_output(world: InvertedTable) -> Terms:
    """Output of a region by the place of what it makes in the chain (Borin, Mancini and
    Taglioni 2025, output side), as R gvcAnalyzer 0.1.1 has the totals of countries.

    With q = sum over r of A_sr L_r e_r, what s sells to the exports of others, and f1 =
    sum over t of u_t A_ts L_s, foreign value added that crossed one border,

        DomX   v L Y_ss                         value added made and absorbed at home
        PF     v L q                            purely forward
        PB     m Y_s - f1 Y_ss                  purely backward: final products
        TSImp  m x - f1 (L - I) Y_ss - PB       two-sided, imported inputs
        TSDom  v (L - I) L q                    two-sided, inputs from home
        TradX  X - DomX - GVC                   the rest, GVC = PF + PB + TS

    DomX and PF are value added, X is output: TradX is the remainder. Only sums over
    industries are meaningful; see ``tripartite_output_industries``.
    """
    return _output_terms(world, _bought(world), _beyond(world, world.output))


def tripartite_output_industries(world: InvertedTable) -> Terms:
    """The same by industry, as R gvcAnalyzer 0.1.1 has industries: foreign value added
    f in place of m, which also holds own value added that returns, and TSImp = f (x -
    Y_s). Sums over industries are therefore not the totals of countries.
    """
    sold_on = world.output - world.Y.sum(axis=1)
    return _output_terms(world, world.foreign_content, world.foreign_content * sold_on)


def _bought(world: InvertedTable) -> Float[Array, " n"]:
    """m: value added of anyone in the inputs bought abroad for a US$ of exports."""
    return world.in_imports(world.content.sum(axis=1))


def _one_border(world: InvertedTable) -> Float[Array, " n"]:
    """f1: value added of others that crossed one border into a US$ of exports."""
    return world.in_imports(world.dva_multiplier)


def _beyond(world: InvertedTable, x: Float[Array, " n"]) -> Float[Array, " n"]:
    """Imported inputs in inputs: m x - f1 (L - I) Y_ss - PB."""
    m, f1 = _bought(world), _one_border(world)
    at_home = world.final_at_home.sum(axis=1)
    again = left_multiply(f1, world.L) - f1
    return m * (x - world.Y.sum(axis=1)) + (f1 - again) * at_home


def _output_terms(
    world: InvertedTable, held: Float[Array, " n"], imported: Float[Array, " n"]
) -> Terms:
    v, L = world.v, world.L
    (flows,) = world.inputs(multiply(L, world.total_exports))
    q = multiply(L, (flows * world.borders.abroad).sum(axis=1))
    at_home = world.final_at_home.sum(axis=1)
    PF = v * q
    PB = held * world.Y.sum(axis=1) - _one_border(world) * at_home
    TSDom = v * (multiply(L, q) - q)
    TS = imported + TSDom
    DomX = v * multiply(L, at_home)
    GVC = PF + PB + TS
    return {
        "X": world.output,
        "DomX": DomX,
        "TradX": world.output - DomX - GVC,
        "GVC": GVC,
        "PF": PF,
        "PB": PB,
        "TS": TS,
        "TSImp": imported,
        "TSDom": TSDom,
    }


def miroudot_ye(world: InvertedTable) -> Terms:
    """Miroudot and Ye (2021, Economic Systems Research 33): the exporter's perimeter.

    The same numbers as ``borin_mancini.exporter_source``.
    """
    own = exporter_source(world)
    return {k: own[k] for k in ("GEXP", "DC", "DVA", "DDC", "FC", "FVA", "FDC")}


def final_stage(world: InvertedTable) -> Float[Array, "n c"]:
    """VAX-P: value added by industry of origin in the final products that each other
    perimeter completes, v_s B_sr y_r (Los and Timmer 2018, NBER 24896).

    Income of s lost if r completed no final products, whoever buys them: y_r = 0
    extracted. Final goods that s itself exports do not count. Summed over r it is the
    income of s from all products completed abroad.
    """
    completed = world.borders.member * world.Y.sum(axis=1)[:, None]
    return world.v[:, None] * (world.B @ completed) * world.borders.abroad


class Production(NamedTuple):
    """Value added, or final products, by the borders that production crosses
    [million US$]; they add up.

    domestic
        Made and absorbed at home.
    traditional
        Crosses a border as a final good.
    simple
        Inputs that cross one border.
    complex
        Inputs that cross two or more.
    """

    domestic: Float[Array, " n"]
    traditional: Float[Array, " n"]
    simple: Float[Array, " n"]
    complex: Float[Array, " n"]


def production_forward(world: InvertedTable) -> Production:
    """Destinations of the value added of each industry (Wang, Wei, Yu and Zhu 2017a,
    NBER 23222): V L Y_d, V L Y_f, V L A_f L Y_d, V L A_f (B Y - L Y_d)."""
    L, v = world.L, world.v
    at_home = multiply(L, world.final_at_home.sum(axis=1))

    def sold_abroad(output: Float[Array, " n"]) -> Float[Array, " n"]:
        return v * multiply(L, world.to_others(output))

    return Production(
        v * at_home,
        v * multiply(L, world.final_exports.sum(axis=1)),
        sold_abroad(at_home),
        sold_abroad(world.output - at_home),
    )


def production_backward(world: InvertedTable) -> Production:
    """Origins of the value added in each industry's final products.

    The columns of the same split: u y_d, u y_f, u A_f L y_d, and the rest of v'B y.
    """
    u = world.dva_multiplier
    at_home = world.final_at_home.sum(axis=1)
    abroad = world.final_exports.sum(axis=1)
    every = world.content.sum(axis=1) * (at_home + abroad)
    simple = _one_border(world) * at_home
    domestic, traditional = u * at_home, u * abroad
    return Production(
        domestic, traditional, simple, every - domestic - traditional - simple
    )
