"""Participation in global value chains, and what exports add to a region.

Symbols of ``kernels.world``; besides

    m_s   value added of others in a US$ of exports at its first crossing, as far as
          inputs bought abroad reach, sum over t != s of 1'A_ts L_s

m = 1 - u for industries with output where v is the residual.
"""

from typing import NamedTuple

from jaxtyping import Array, Float

from tivax.kernels import perimeters
from tivax.kernels.borin_mancini import exporter_source
from tivax.kernels.perimeters import times
from tivax.kernels.world import Terms, World, abroad_only


def tripartite(world: World) -> Terms:
    """Exports by the place of the exporter in the chain (Borin, Mancini and Taglioni
    2025, World Bank Economic Review; trade side).

        DAVAX   u (Y_sr + A_sr L_r Y_rr)   crosses one border only
        PF      u A_sr L_r e_r             purely forward: starts the chain
        PB      m (Y_sr + A_sr L_r Y_rr)   purely backward: ends it
        TS      m A_sr L_r e_r             two-sided: in the middle

    They add up to exports; PF + PB + TS is trade in global value chains.
    """
    member, A = world.borders.member, world.A
    passes = A @ times(world.L, member * world.total_exports[:, None])
    bought = A.sum(axis=0) - world.borders.inside(A).sum(axis=-2).reshape(-1)
    u = world.once[:, None]
    m = perimeters.left(bought, world.L)[:, None]
    absorbed = world.absorbed_by_buyer
    terms = {
        "DAVAX": u * absorbed,
        "PF": u * passes,
        "PB": m * absorbed,
        "TS": m * passes,
    }
    return abroad_only(world, terms)


def miroudot_ye(world: World) -> Terms:
    """Miroudot and Ye (2021, Economic Systems Research 33): the exporter's perimeter.

    The same numbers as ``borin_mancini.exporter_source``.
    """
    own = exporter_source(world)
    return {k: own[k] for k in ("GEXP", "DC", "DVA", "DDC", "FC", "FVA", "FDC")}


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


def production_forward(world: World) -> Production:
    """Where the value added of each industry goes (Wang, Wei, Yu and Zhu 2017a, NBER
    23222): V L Y_d, V L Y_f, V L A_f L Y_d, V L A_f (B Y - L Y_d).
    """
    A, L, v = world.A, world.L, world.v
    inside = world.borders.inside(A)
    at_home = times(L, world.final_at_home.sum(axis=1))

    def sold_abroad(output: Float[Array, " n"]) -> Float[Array, " n"]:
        return v * times(L, A @ output - times(inside, output))

    return Production(
        v * at_home,
        v * times(L, world.final_exports.sum(axis=1)),
        sold_abroad(at_home),
        sold_abroad(world.output - at_home),
    )


def production_backward(world: World) -> Production:
    """Where the value added in each industry's final products comes from.

    By columns of the same split: u y_d, u y_f, u A_f L y_d, and the rest of v'B y.
    """
    A, L, u = world.A, world.L, world.once
    at_home = world.final_at_home.sum(axis=1)
    abroad = world.final_exports.sum(axis=1)
    bought = perimeters.left(u @ A - perimeters.left(u, world.borders.inside(A)), L)
    every = world.content.sum(axis=1) * (at_home + abroad)
    simple = bought * at_home
    domestic, traditional = u * at_home, u * abroad
    return Production(
        domestic, traditional, simple, every - domestic - traditional - simple
    )
