"""Flows of one year from which indicators of trade in value added are computed.

Each flow is in million US$ (or in the unit of the satellite account),
by perimeter, sector and partner (p, s, q), or by perimeter and sector (p, s). Sums of
them over sectors, partners or both are the flows of a coarser level, and every ratio
of ``engine.measures.indicator_table`` is one of such sums. Symbols of
``kernels.inverted_table``; names of the OECD's TiVA database where it has the flow
(OECD 2023, Guide to TiVA).
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from . import exposure, position, value_chains
from .inverted_table import InvertedTable, Terms
from .leontief import per_dollar
from .operators import diagonal, multiply, sums

Flows = dict[str, Float[Array, "p s q"] | Float[Array, "p s"]]
Uses = dict[str, Float[Array, "n c"]]
"""Parts of final demand, by the name of the flow of value added in them."""


def flows(
    world: InvertedTable,
    uses: Uses | None = None,
    *,
    sectors: int,
    only: frozenset[str] | None = None,
) -> Flows:
    """All flows, and the value added absorbed by each of ``uses``. ``sectors`` sets the
    shape: n = regions x sectors. ``only`` keeps some of the flows.

    A table inverted without B has neither ``uses`` nor flows that take B.
    """

    by_perimeter = partial(world.borders.by_sector, sectors=sectors)
    known = _BY_PRODUCTS + (() if world.inverse is None else _BY_INVERSE)
    groups = [group for names, group in known if only is None or any(map(names, only))]
    result = {
        name: by_perimeter(term)
        for group in groups
        for name, term in group(world).items()
    }
    for name, Y in (uses or {}).items():
        result[name] = by_perimeter(world.v[:, None] * (world.B @ Y))
    for name, mirror in MIRRORED.items():
        # What partner q's sector i sells to p is p's import of i from q.
        if mirror in result:
            result[name] = result[mirror].transpose(2, 1, 0)
    left_out = {"imported_dva", "imports_reexported", "imports_in_exports"}
    if only is not None:
        left_out |= set(result) - only - set(uses or {})
    return {name: flow for name, flow in result.items() if name not in left_out}


def identity_residuals(
    world: InvertedTable, found: Flows, uses: Uses | None = None
) -> Float[Array, " g"]:
    """Accounting identities, as relative residuals: each total computed in two ways.

    A residual is relative to the largest entry. Identities of flows that are not found
    are left out; where none is left, the one residual is 0.

    Exports hold what they are made of; sales at home and abroad are all there is; value
    added embodied in exports is what it brings to the exports of others (VS1), home
    (VS1STAR) and to final demand abroad (u E less what returns); ways and stages add
    up; imports are the exports of partners.
    """
    pairs = [pair(world, found) for names, pair in IDENTITIES if names <= set(found)]
    held = world.content.sum(axis=1)
    pairs += [(found[name].sum((0, 1)), held @ Y) for name, Y in (uses or {}).items()]
    # A flow may be 0 everywhere: what is little beside all value added is rounding.
    least = 1e-4 * jnp.max(jnp.abs(world.v[:, None] * world.X))
    if not pairs:
        return jnp.zeros(1, least.dtype)
    return jnp.stack([_gap(a, b, least) for a, b in pairs])


# Compiled by itself too: of a streamed table every step would be a program.
@jax.jit
def _gap(a: Array, b: Array, least: Float[Array, ""]) -> Float[Array, ""]:
    """The largest difference, relative to the largest of ``b``."""
    return jnp.max(jnp.abs(a - b)) / jnp.maximum(jnp.max(jnp.abs(b)), least)


def with_checks(names: Iterable[str]) -> frozenset[str]:
    """These flows, and the others of identities in which they occur.

    None of the others takes B unless one of ``names`` does.
    """
    wanted = frozenset(names)
    inverse = any(map(takes_inverse, wanted))
    for flows_of, _ in IDENTITIES:
        if flows_of & frozenset(names) and (
            inverse or not any(map(takes_inverse, flows_of))
        ):
            wanted |= flows_of
    return wanted


MIRRORED = {
    "IMGR": "EXGR",
    "IMGR_FNL": "EXGR_FNL",
    "IMGR_INT": "EXGR_INT",
    "IMGR_DVA": "imported_dva",
    "REXI": "imports_reexported",
    "REII": "imports_in_exports",
    "DFD_FVA": "FFD_DVA",
    "FEXDVAP": "DEXFVAP",
    "bought_by_origin": "sales_through",
}
"""Flows that are those of the partner."""


def takes_inverse(flow: str) -> bool:
    """True if a flow is computed from B itself, as uses are; others need only products
    with B, which every inverted table holds."""
    return any(names(flow) for names, _ in _BY_INVERSE)


def _sold(world: InvertedTable) -> Terms:
    """Gross sales by selling industry and buyer."""
    active = world.active[:, None]
    member, abroad = world.borders.member, world.borders.abroad
    sold = (world.Y + world.A @ (member * world.output[:, None])) * active
    final = world.final_exports * active
    at_home = world.final_at_home * active
    # Inputs bought abroad as far as what is made of them is exported again, once.
    once = member * multiply(world.L, world.total_exports[:, None] * member)
    return {
        "EXGR": world.exports,
        "EXGR_FNL": final,
        "EXGR_INT": world.exports - final,
        "DOM": sold * member,
        "DOM_FNL": at_home,
        "DOM_INT": sold * member - at_home,
        "imports_reexported": world.A @ once * abroad * active,
    }


def _of_inverse(world: InvertedTable) -> Terms:
    """Value added and imports in exports that are made again and again."""
    B, v, own = world.B, world.v, world.borders.own
    member, abroad = world.borders.member, world.borders.abroad
    exports = world.total_exports[:, None] * member
    required = B @ exports
    at_home = v * own(required)
    again = world.A @ (member * required)
    return {
        # As ``imports_reexported``, as often as it crosses the border.
        "imports_in_exports": again * abroad * world.active[:, None],
        "VAX_P": value_chains.final_stage(world),
        "EXGR_DVA_ORIGIN": at_home,
        "VS1": v * (B @ world.total_exports) - at_home,
        "VS1STAR": v * own(B @ world.exports),
    }


def _embodied(world: InvertedTable) -> Terms:
    """Value added in exports, by exporting industry and buyer (or origin)."""
    E, abroad = world.exports, world.borders.abroad
    h, u = world.domestic_content[:, None], world.dva_multiplier[:, None]
    # v_i L_ii: of the exporting industry itself.
    itself = (world.v * diagonal(world.L))[:, None]
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


def _absorbed(world: InvertedTable) -> Terms:
    """Value added by industry of origin and perimeter that absorbs, or completes, what
    it is in."""
    absorbed = world.v[:, None] * world.X
    return {
        "FD_VA": absorbed,
        "DXD_DVA": absorbed * world.borders.member,
        "FFD_DVA": absorbed * world.borders.abroad,
    }


# Names of the fields of ``value_chains.Production``.
_WAYS = ("D", "RT", "GVC_S", "GVC_C")


def _produced(world: InvertedTable) -> Terms:
    """Terms by industry alone: value added and final products, by route."""
    ways = {
        "VA": value_chains.production_forward(world),
        "FP": value_chains.production_backward(world),
    }
    return {
        f"{side}_{way}": value
        for side, production in ways.items()
        for way, value in zip(_WAYS, production, strict=True)
    }


def _by_industry(world: InvertedTable) -> Terms:
    """Output and value added of each industry."""
    return {
        "final_sales": world.Y.sum(axis=1) * world.active,
        "reported_output": per_dollar(world.scale),  # 1 / (1 / x), 0 without output
        "PROD": world.output,
        "VALU": world.v * world.output,
    }


def _stages(world: InvertedTable) -> Terms:
    """Stages of production times the value that passes them: a length is their ratio to
    output, for one industry or for sums."""
    x = world.output
    return {
        "upstream_stages": world.B @ x,
        "downstream_stages": position.downstreamness(world) * x,
    }


def _propagation(world: InvertedTable) -> Terms:
    """Rounds of inputs times what passes in them, and that."""
    rounds, received = sums(world.B, 1, world.v) - 1, sums(world.B, 0, world.v) - 1
    return {
        "apl_forward_stages": world.B @ rounds,
        "apl_forward": rounds,
        "apl_backward_stages": received @ world.B,
        "apl_backward": received,
    }


def _lengths(world: InvertedTable) -> Terms:
    """Stages by way, times value, and value."""
    sides = {
        "plv": position.forward_stages(world),
        "ply": position.backward_stages(world),
    }
    result = {}
    for side, ways in sides.items():
        for way, (stages, value) in ways.items():
            result |= {f"{side}_{way}_stages": stages, f"{side}_{way}": value}
    return result


def _is(names: str) -> Callable[[str], bool]:
    return frozenset(names.split()).__contains__


_BY_PRODUCTS = (
    (
        _is(
            "EXGR EXGR_FNL EXGR_INT DOM DOM_FNL DOM_INT imports_reexported "
            "IMGR IMGR_FNL IMGR_INT REXI"
        ),
        _sold,
    ),
    (
        _is(
            "EXGR_DVA EXGR_FNLDVA EXGR_INTDVA EXGR_DDC EXGR_IDC EXGR_RIM EXGR_FVA "
            "DEXFVAP imported_dva IV GVC GVCB GVCF GVC_PF GVC_PB GVC_TS IMGR_DVA "
            "FEXDVAP"
        ),
        _embodied,
    ),
    (_is("FD_VA DXD_DVA FFD_DVA DFD_FVA"), _absorbed),
    (_is("final_sales reported_output PROD VALU"), _by_industry),
    (lambda flow: flow.startswith(("VA_", "FP_")), _produced),
    (lambda flow: flow.startswith("inputs_"), exposure.purchases),
    (lambda flow: flow.startswith(("sales_", "bought_")), exposure.sales),
    (lambda flow: flow.startswith("multiplied_"), exposure.multiplied),
    (_is("INCOME_BASED"), exposure.enabled),
)
"""Flows that take no B: products that every inverted table has, or solves for."""

_BY_INVERSE = (
    (_is("REII VAX_P EXGR_DVA_ORIGIN VS1 VS1STAR"), _of_inverse),
    (_is("upstream_stages downstream_stages"), _stages),
    (
        _is("apl_forward apl_forward_stages apl_backward apl_backward_stages"),
        _propagation,
    ),
    (lambda flow: flow.startswith(("plv_", "ply_")), _lengths),
)
"""Flows that take B, and what makes them: products with it are enough."""


# ------------------------------------------------------------------------- identities

Pair = tuple[Array, Array]


def _add_up(names: str, total: str) -> tuple[frozenset[str], Callable[..., Pair]]:
    """Flows that add up to another one."""
    parts = names.split()

    def pair(world: InvertedTable, found: Flows) -> Pair:
        return _sum(found, parts), found[total]

    return frozenset([*parts, total]), pair


def _sum(found: Flows, names: Sequence[str]) -> Array:
    return sum((found[name] for name in names[1:]), found[names[0]])


def _same(
    names: str, pair: Callable[[InvertedTable, Flows], Pair]
) -> tuple[frozenset[str], Callable[..., Pair]]:
    """An identity of the flows ``names``: two arrays that must be equal."""
    return frozenset(names.split()), pair


def _held(world: InvertedTable) -> Array:
    return world.content.sum(axis=1)


def _exported_for_good(world: InvertedTable) -> Array:
    """u E less what returns to the exporter's final demand, by perimeter."""
    returned = world.borders.buyers(world.A, world.X) * world.borders.abroad
    abroad = world.dva_multiplier[:, None] * (world.exports - returned)
    return world.borders.total(abroad.sum(1))


IDENTITIES: tuple[tuple[frozenset[str], Callable[..., Pair]], ...] = (
    _same(
        "EXGR_DVA EXGR_FVA",
        lambda w, f: (
            (f["EXGR_DVA"] + f["EXGR_FVA"]).sum(1),
            w.borders.total(_held(w)[:, None] * w.exports),
        ),
    ),
    _add_up("EXGR_DDC EXGR_IDC EXGR_RIM", "EXGR_DVA"),
    _add_up("EXGR_FNLDVA EXGR_INTDVA", "EXGR_DVA"),
    _same("DEXFVAP EXGR_FVA", lambda w, f: (f["DEXFVAP"].sum(2), f["EXGR_FVA"].sum(2))),
    _same("FEXDVAP DEXFVAP", lambda w, f: (f["FEXDVAP"].sum(1), f["DEXFVAP"].sum(1).T)),
    _same(
        "EXGR_DVA_ORIGIN EXGR_DVA",
        lambda w, f: (f["EXGR_DVA_ORIGIN"].sum(1), f["EXGR_DVA"].sum((1, 2))),
    ),
    _same("VS1 EXGR_FVA", lambda w, f: (f["VS1"].sum(), f["EXGR_FVA"].sum())),
    _same(
        "IMGR_DVA VS1STAR",
        lambda w, f: (f["IMGR_DVA"].sum((1, 2)), f["VS1STAR"].sum(1)),
    ),
    _add_up("DXD_DVA FFD_DVA", "FD_VA"),
    _same("FD_VA", lambda w, f: (f["FD_VA"].sum((0, 1)), _held(w) @ w.Y)),
    _same("FD_VA VALU", lambda w, f: (f["FD_VA"].sum(2), f["VALU"])),
    _same(
        "VAX_P VALU",
        lambda w, f: (
            f["VAX_P"].sum((1, 2)),
            f["VALU"].sum(1) - w.borders.total(w.domestic_content * w.Y.sum(axis=1)),
        ),
    ),
    _same("FFD_DVA", lambda w, f: (f["FFD_DVA"].sum((1, 2)), _exported_for_good(w))),
    _same("DFD_FVA FFD_DVA", lambda w, f: (f["DFD_FVA"].sum(1), f["FFD_DVA"].sum(1).T)),
    _same(
        "GVC_PF GVC_PB GVC_TS GVCB GVCF",
        lambda w, f: (
            _sum(f, ["GVC_PF", "GVC_PB", "GVC_TS"]),
            _sum(f, ["GVCB", "GVCF"]),
        ),
    ),
    _same("GVC GVCB GVCF", lambda w, f: (f["GVC"], _sum(f, ["GVCB", "GVCF"]))),
    _same(
        "DOM EXGR",
        lambda w, f: (
            _sum(f, ["DOM", "EXGR"]).sum((1, 2)),
            w.borders.total(w.output * w.active),
        ),
    ),
    _same(
        "DOM_FNL EXGR_FNL",
        lambda w, f: (
            _sum(f, ["DOM_FNL", "EXGR_FNL"]).sum((1, 2)),
            w.borders.total(w.Y.sum(1) * w.active),
        ),
    ),
    _add_up("EXGR_FNL EXGR_INT", "EXGR"),
    _add_up("DOM_FNL DOM_INT", "DOM"),
    _add_up("IMGR_FNL IMGR_INT", "IMGR"),
    _same("IMGR EXGR", lambda w, f: (f["IMGR"].sum(1), f["EXGR"].sum(1).T)),
    _same(
        "inputs_through",
        lambda w, f: (f["inputs_through"].sum((0, 1)), w.borders.total(w.output)),
    ),
    _same(
        "sales_through",
        lambda w, f: (f["sales_through"].sum((1, 2)), w.borders.total(w.output)),
    ),
    _same(
        "multiplied_account",
        lambda w, f: (
            f["multiplied_account"].sum((1, 2)),
            w.borders.total(_held(w) * w.Y.sum(1)),
        ),
    ),
    _same(
        "INCOME_BASED",
        lambda w, f: (f["INCOME_BASED"].sum((0, 1)), w.borders.total(w.v * w.output)),
    ),
    _add_up("VA_D VA_RT VA_GVC_S VA_GVC_C", "VALU"),
    _add_up("FP_D FP_RT FP_GVC_S FP_GVC_C", "ply_total"),
    _add_up("plv_domestic plv_traditional plv_gvc", "plv_total"),
    _add_up(
        "plv_domestic_stages plv_traditional_stages plv_gvc_stages", "plv_total_stages"
    ),
)
"""The flows of each identity, and the two arrays that must be equal."""
