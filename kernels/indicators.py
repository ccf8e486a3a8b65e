"""Flows of one year from which indicators of trade in value added are computed.

Each flow is in million US$ (or in the unit of the satellite account),
by perimeter, sector and partner (p, s, q), or by perimeter and sector (p, s). Sums of
them over sectors, partners or both are the flows of a coarser level, and every ratio
of ``engine.measures.indicator_table`` is one of such sums. Symbols of
``kernels.inverted_table``; names of the OECD's TiVA database where it has the flow
(OECD 2023, Guide to TiVA).
"""

from functools import partial

import jax.numpy as jnp
from jaxtyping import Array, Float

from . import position, value_chains
from .inverted_table import InvertedTable, Terms
from .leontief import per_dollar
from .perimeters import multiply

Flows = dict[str, Float[Array, "p s q"] | Float[Array, "p s"]]
Uses = dict[str, Float[Array, "n c"]]
"""Parts of final demand, by the name of the flow of value added in them."""


def flows(world: InvertedTable, uses: Uses | None = None, *, sectors: int) -> Flows:
    """All flows, and the value added absorbed by each of ``uses``. ``sectors`` sets the
    shape: n = regions x sectors."""

    by_perimeter = partial(world.borders.by_sector, sectors=sectors)
    result = {
        name: by_perimeter(term)
        for group in (_sold, _embodied, _absorbed, _produced, _stages)
        for name, term in group(world).items()
    }
    for name, Y in (uses or {}).items():
        result[name] = by_perimeter(world.v[:, None] * (world.B @ Y))
    for name, mirror in MIRRORED.items():
        # What partner q's sector i sells to p is p's import of i from q.
        result[name] = result[mirror].transpose(2, 1, 0)
    for hidden in ("imported_dva", "imports_reexported", "imports_in_exports"):
        del result[hidden]
    return result


def identity_residuals(
    world: InvertedTable, found: Flows, uses: Uses | None = None
) -> Float[Array, " g"]:
    """Accounting identities, as relative residuals: each total computed in two ways.

    A residual is relative to the largest entry.

    Exports hold what they are made of; sales at home and abroad are all there is; value
    added embodied in exports is what it brings to the exports of others (VS1), home
    (VS1STAR) and to final demand abroad (u E less what returns); ways and stages add
    up; imports are the exports of partners.
    """
    total, active = world.borders.total, world.active
    held = world.content.sum(axis=1)
    returned = world.borders.buyers(world.A, world.X) * world.borders.abroad
    abroad = world.dva_multiplier[:, None] * (world.exports - returned)

    completed_at_home = total(world.domestic_content * world.Y.sum(axis=1))

    def both(*names: str) -> Array:
        return sum((found[name] for name in names[1:]), found[names[0]])

    pairs = [
        (both("EXGR_DVA", "EXGR_FVA").sum(1), total(held[:, None] * world.exports)),
        (both("EXGR_DDC", "EXGR_IDC", "EXGR_RIM"), found["EXGR_DVA"]),
        (both("EXGR_FNLDVA", "EXGR_INTDVA"), found["EXGR_DVA"]),
        (found["DEXFVAP"].sum(2), found["EXGR_FVA"].sum(2)),
        (found["FEXDVAP"].sum(1), found["DEXFVAP"].sum(1).T),
        (found["EXGR_DVA_ORIGIN"].sum(1), found["EXGR_DVA"].sum((1, 2))),
        (found["VS1"].sum(), found["EXGR_FVA"].sum()),
        (found["IMGR_DVA"].sum((1, 2)), found["VS1STAR"].sum(1)),
        (both("DXD_DVA", "FFD_DVA"), found["FD_VA"]),
        (found["FD_VA"].sum((0, 1)), held @ world.Y),
        (found["FD_VA"].sum(2), found["VALU"]),
        (found["VAX_P"].sum((1, 2)), found["VALU"].sum(1) - completed_at_home),
        (found["FFD_DVA"].sum((1, 2)), total(abroad.sum(1))),
        (found["DFD_FVA"].sum(1), found["FFD_DVA"].sum(1).T),
        (both("GVC_PF", "GVC_PB", "GVC_TS"), both("GVCB", "GVCF")),
        (found["GVC"], both("GVCB", "GVCF")),
        (both("DOM", "EXGR").sum((1, 2)), total(world.output * active)),
        (both("DOM_FNL", "EXGR_FNL").sum((1, 2)), total(world.Y.sum(1) * active)),
        (both("EXGR_FNL", "EXGR_INT"), found["EXGR"]),
        (both("DOM_FNL", "DOM_INT"), found["DOM"]),
        (both("IMGR_FNL", "IMGR_INT"), found["IMGR"]),
        (found["IMGR"].sum(1), found["EXGR"].sum(1).T),
        (both("VA_D", "VA_RT", "VA_GVC_S", "VA_GVC_C"), found["VALU"]),
        (both("FP_D", "FP_RT", "FP_GVC_S", "FP_GVC_C"), found["ply_total"]),
        (both("plv_domestic", "plv_traditional", "plv_gvc"), found["plv_total"]),
        (
            both("plv_domestic_stages", "plv_traditional_stages", "plv_gvc_stages"),
            found["plv_total_stages"],
        ),
    ]
    pairs += [(found[name].sum((0, 1)), held @ Y) for name, Y in (uses or {}).items()]
    # A flow may be 0 everywhere: what is little beside all value added is rounding.
    least = 1e-4 * jnp.max(jnp.abs(found["FD_VA"]))
    return jnp.stack(
        [
            jnp.max(jnp.abs(a - b)) / jnp.maximum(jnp.max(jnp.abs(b)), least)
            for a, b in pairs
        ]
    )


MIRRORED = {
    "IMGR": "EXGR",
    "IMGR_FNL": "EXGR_FNL",
    "IMGR_INT": "EXGR_INT",
    "IMGR_DVA": "imported_dva",
    "REXI": "imports_reexported",
    "REII": "imports_in_exports",
    "DFD_FVA": "FFD_DVA",
    "FEXDVAP": "DEXFVAP",
}
"""Flows that are those of the partner."""


def _sold(world: InvertedTable) -> Terms:
    """Gross sales by selling industry and buyer."""
    active = world.active[:, None]
    member, abroad = world.borders.member, world.borders.abroad
    sold = (world.Y + world.A @ (member * world.output[:, None])) * active
    final = world.final_exports * active
    at_home = world.final_at_home * active
    # Inputs bought abroad as far as what is made of them is exported again: once, and
    # as often as it crosses the border.
    exports = world.total_exports[:, None] * member
    once = member * multiply(world.L, exports)
    often = member * (world.B @ exports)
    return {
        "EXGR": world.exports,
        "EXGR_FNL": final,
        "EXGR_INT": world.exports - final,
        "DOM": sold * member,
        "DOM_FNL": at_home,
        "DOM_INT": sold * member - at_home,
        "imports_reexported": world.A @ once * abroad * active,
        "imports_in_exports": world.A @ often * abroad * active,
    }


def _embodied(world: InvertedTable) -> Terms:
    """Value added in exports, by exporting industry and buyer (or origin)."""
    E, abroad = world.exports, world.borders.abroad
    h, u = world.domestic_content[:, None], world.dva_multiplier[:, None]
    itself = _made_by_itself(world)[:, None]
    final = world.final_exports * world.active[:, None]
    chains = value_chains.tripartite(world)
    davax = u * world.absorbed_by_buyer * abroad
    held = world.content.sum(axis=1)[:, None] * E
    return {
        "EXGR_DVA": h * E,
        "EXGR_FNLDVA": h * final,
        "EXGR_INTDVA": h * (E - final),
        "EXGR_DDC": itself * E,
        "EXGR_IDC": (u - itself) * E,
        "EXGR_RIM": (h - u) * E,
        "EXGR_FVA": world.foreign_content[:, None] * E,
        "DEXFVAP": world.content * world.total_exports[:, None] * abroad,
        "imported_dva": world.content * E,
        "IV": _exported_again(world),
        "GVC": held - davax,
        "GVCB": held - u * E,
        "GVCF": u * E - davax,
        "GVC_PF": chains["PF"],
        "GVC_PB": chains["PB"],
        "GVC_TS": chains["TS"],
    }


def _exported_again(world: InvertedTable) -> Float[Array, "n c"]:
    """Value added in inputs that the buyer's exports carry to third ones: v_s B_ss A_sr
    (x*_r - X_rr - X_rs), X_rs the output of r that final demand of s requires."""
    member, own = world.borders.member, world.borders.own
    elsewhere = world.A @ (member * (world.output - own(world.X))[:, None])
    back = world.borders.buyers(world.A, world.X)
    return world.domestic_content[:, None] * (elsewhere - back) * world.borders.abroad


def _made_by_itself(world: InvertedTable) -> Float[Array, " n"]:
    """v_i L_ii: value added of the exporting industry itself in a US$ of exports."""
    return world.v * jnp.diagonal(world.L, axis1=-2, axis2=-1).reshape(-1)


def _absorbed(world: InvertedTable) -> Terms:
    """Value added by industry of origin and perimeter that absorbs, or completes, what
    it is in."""
    absorbed = world.v[:, None] * world.X
    return {
        "FD_VA": absorbed,
        "DXD_DVA": absorbed * world.borders.member,
        "FFD_DVA": absorbed * world.borders.abroad,
        "VAX_P": value_chains.final_stage(world),
    }


# Names of the fields of ``value_chains.Production``.
_WAYS = ("D", "RT", "GVC_S", "GVC_C")


def _produced(world: InvertedTable) -> Terms:
    """By industry alone: output, value added, and where it goes."""
    B, v, member = world.B, world.v, world.borders.member
    own = world.borders.own
    exported = v * (B @ world.total_exports)
    at_home = v * own(B @ (member * world.total_exports[:, None]))
    returned = v * own(B @ world.exports)
    ways = {
        "VA": value_chains.production_forward(world),
        "FP": value_chains.production_backward(world),
    }
    return {
        "final_sales": world.Y.sum(axis=1) * world.active,
        "reported_output": per_dollar(world.scale),  # 1 / (1 / x), 0 without output
        "PROD": world.output,
        "VALU": v * world.output,
        "EXGR_DVA_ORIGIN": at_home,
        "VS1": exported - at_home,
        "VS1STAR": returned,
        **{
            f"{side}_{way}": value
            for side, production in ways.items()
            for way, value in zip(_WAYS, production, strict=True)
        },
    }


def _stages(world: InvertedTable) -> Terms:
    """Stages of production times the value that passes them, and that value: a length
    is their ratio, for one industry or for sums."""
    x, rounds = world.output, world.B.sum(axis=1) - 1
    result = {
        "upstream_stages": world.B @ x,
        "downstream_stages": position.downstreamness(world) * x,
        "apl_forward_stages": world.B @ rounds,
        "apl_forward": rounds,
    }
    received = world.B.sum(axis=0) - 1
    result |= {"apl_backward_stages": received @ world.B, "apl_backward": received}
    for side, ways in (
        ("plv", position.forward_stages(world)),
        ("ply", position.backward_stages(world)),
    ):
        for way, (stages, value) in ways.items():
            result |= {f"{side}_{way}_stages": stages, f"{side}_{way}": value}
    return result
