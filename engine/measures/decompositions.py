"""Exports and production decomposed by value added: methods, levels, labels.

``METHODS`` is the table of what there is. A method is run once a year for one level of
detail; its terms add up over industries and buyers, except where the level is part of
the method (``bm-self``, ``ltv``).
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from ...kernels import borin_mancini, value_chains, wang_wei_zhu
from ...kernels.world import Terms, World
from ..core import (
    Progress,
    TivaxError,
    in_float64,
    no_progress,
    require_choice,
    require_kind,
)
from ..tables import Groups, WorldTables
from . import trade as measures
from .perimeters import Borders, borders_of, computed_worlds
from .trade import ValueAdded

# Detail by industry of the exporter, and by buyer.
LEVELS = {
    "country": (False, False),
    "sector": (True, False),
    "bilateral": (False, True),
    "bilateral-sector": (True, True),
}
# Identities hold to 1e-14 on real tables; above this something is wrong.
WORST_IDENTITY = 1e-8
# Whose terms mean nothing when summed over sectors.
NOT_SUMMED = (value_chains.tripartite_output_industries,)
# Terms in the unit of the tables whatever stands in for value added.
_GROSS = ("GEXP", "GIMP", "X")

Kernel = Callable[..., Terms]
"""Terms of a world; with ``Method.by_origin`` of a world and its number of sectors."""
Check = Callable[[World, Terms], Float[Array, " k"]]


@dataclass(frozen=True, eq=False)
class Method:
    """A decomposition.

    ``kernels`` by level; ``terms`` in their order, with what each is; ``shown``, for
    figures, groups those that add up to exports (imports, value added); ``check`` is
    what must be 0, as a share of the largest flow; ``by_origin`` says that sectors are
    those in which value is added.
    """

    title: str
    source: str
    terms: Mapping[str, str]
    shown: Mapping[str, tuple[str, ...]]
    kernels: Mapping[str, Kernel]
    check: Check | None = None
    by_origin: bool = False


def _all_levels(kernel: Kernel) -> dict[str, Kernel]:
    return dict.fromkeys(LEVELS, kernel)


# ------------------------------------------------------------------------- identities


def _adds_up(parts: tuple[str, ...]) -> Check:
    """The parts of each flow are what exports hold of value added, (h + f) E."""

    def check(world: World, terms: Terms) -> Float[Array, " k"]:
        held = world.content.sum(axis=1)[:, None] * world.exports
        gap = sum((terms[k] for k in parts[1:]), terms[parts[0]]) - held
        return jnp.abs(gap).ravel() / jnp.max(jnp.abs(held))

    return check


def _keeps_value_added(world: World, _: Terms) -> Float[Array, " k"]:
    """What a region would add without exports, u Y_ss, and u e are all it adds, v x*
    (Los, Timmer and de Vries 2016)."""
    sold = world.final_at_home.sum(axis=1) + world.total_exports
    found, added = (
        world.borders.total(k) for k in (world.once * sold, world.v * world.output)
    )
    return jnp.abs(found - added) / jnp.max(jnp.abs(added))


def _all_of(*checks: Check) -> Check:
    def check(world: World, terms: Terms) -> Float[Array, " k"]:
        return jnp.concatenate([one(world, terms) for one in checks])

    return check


def _is_absorbed_abroad(world: World, terms: Terms) -> Float[Array, " k"]:
    """VAX is the value added that others absorb (Johnson and Noguera 2012)."""
    absorbed = world.v[:, None] * world.X * world.borders.abroad
    total = world.borders.total
    left, right = (total(k.sum(axis=1)) for k in (terms["VAX"], absorbed))
    return jnp.abs(left - right) / jnp.max(jnp.abs(right))


def _equals_first_crossing(world: World, terms: Terms) -> Float[Array, " k"]:
    """Exporters' totals do not depend on which crossing counts."""
    first = borin_mancini.exporter_source(world)
    total = world.borders.total
    pairs = [
        (total(terms[k].sum(axis=1)), total(first[k].sum(axis=1)))
        for k in ("DVA", "VAX", "FVA")
    ]
    return jnp.stack([jnp.abs(a - b) / jnp.max(jnp.abs(b)) for a, b in pairs]).ravel()


def _counts_once_in_the_world(world: World, terms: Terms) -> Float[Array, " k"]:
    """Both approaches give the same foreign value added of all exporters together."""
    a, b = terms["FVA"].sum(), terms["FVA_SOURCE"].sum()
    return jnp.abs(a - b)[None] / jnp.abs(b)


def _parts_add_up(world: World, terms: Terms) -> Float[Array, " k"]:
    """VAX, REF and FVA are their parts, each reached in another way."""
    gaps = []
    for whole, parts in _PARTS.items():
        gap = sum((terms[k] for k in parts), -terms[whole])
        gaps.append(jnp.abs(gap).ravel() / jnp.max(jnp.abs(terms["GEXP"])))
    return jnp.concatenate(gaps)


def _origins_add_up(world: World, terms: Terms) -> Float[Array, " k"]:
    """Summed over sectors the terms are those of the exporter; VAX by sector of origin
    is the value added that others absorb (Johnson and Noguera 2012)."""
    own, total = borin_mancini.exporter_source(world), world.borders.total
    pairs = [(terms[k].sum(axis=1), total(own[k])) for k in terms]
    absorbed = world.v[:, None] * world.X * world.borders.abroad
    pairs.append((terms["VAX"].sum(axis=(1, 2)), total(absorbed).sum(axis=1)))
    exports = jnp.max(total(world.exports))
    return jnp.concatenate([jnp.abs(a - b).ravel() / exports for a, b in pairs])


def _is_value_added(world: World, terms: Terms) -> Float[Array, " k"]:
    """Forward terms are the value added of an industry, backward ones its final
    products (what of them is value added)."""
    forward = sum((terms[k] for k in _FORWARD[1:]), terms[_FORWARD[0]])
    backward = sum((terms[k] for k in _BACKWARD[1:]), terms[_BACKWARD[0]])
    final = world.content.sum(axis=1) * world.Y.sum(axis=1)
    pairs = [(forward, world.v * world.output), (backward, final)]
    return jnp.stack([jnp.abs(a - b) / jnp.max(jnp.abs(b)) for a, b in pairs]).ravel()


# --------------------------------------------------------------------------- methods

_BM = {
    "GEXP": "gross exports",
    "DC": "domestic content",
    "DVA": "domestic value added",
    "VAX": "domestic value added absorbed abroad",
    "DAVAX": "domestic value added absorbed by the direct buyer",
    "REF": "domestic value added that returns home",
    "DDC": "domestic double counting",
    "FC": "foreign content",
    "FVA": "foreign value added",
    "FDC": "foreign double counting",
    "GVC": "trade in global value chains",
    "GVCB": "its backward part",
    "GVCF": "its forward part",
}
_DETAILS = {
    "VAX1": "in final goods that the buyer absorbs",
    "VAX2": "in inputs of what the buyer makes and absorbs",
    "VAX3": "in inputs of final goods that the buyer exports to third ones",
    "VAX4": "in inputs of inputs that the buyer exports, absorbed abroad",
    "REF1": "in inputs of final goods that come back",
    "REF2": "in inputs of inputs that the buyer exports, absorbed at home",
    "FVA1": "foreign value added in final goods that the buyer absorbs",
    "FVA2": "foreign value added in inputs of what the buyer makes and absorbs",
    "FVA3": "foreign value added in inputs of final goods that the buyer exports",
    "FVA4": "foreign value added in inputs of inputs that the buyer exports",
}
_PARTS = {
    whole: tuple(k for k in _DETAILS if k.startswith(whole))
    for whole in ("VAX", "REF", "FVA")
}
_ABROAD, _BACK = "absorbed abroad", "returns home"
_FOREIGN, _TWICE = "foreign", "double counted"
_BM_SHOWN = {
    _ABROAD: ("VAX",),
    _BACK: ("REF",),
    _FOREIGN: ("FVA",),
    _TWICE: ("DDC", "FDC"),
}
_COUNTED_SHOWN = {"domestic": ("DVA",), _FOREIGN: ("FVA",), _TWICE: ("DDC", "FDC")}
_COUNTED = ("GEXP", "DC", "DVA", "DDC", "FC", "FVA", "FDC")
# Of single flows; in country totals both approaches agree.
_BOTH_WAYS = ("DVA", "VAX", "REF", "DDC")
_SINK = ("GEXP", "DC", "DVA", "VAX", "REF", "DDC", "FC", "FVA", "FDC")
_KWW = {
    "DVA_FIN": "domestic value added in final goods",
    "DVA_INT": "domestic value added in inputs that the buyer absorbs",
    "DVA_INTrex": "domestic value added in inputs re-exported to third ones",
    "RDV_FIN": "returned in final goods",
    "RDV_INT": "returned in inputs",
    "DDC": "domestic double counting",
    "FVA_FIN": "foreign value added in final goods",
    "FVA_INT": "foreign value added in inputs",
    "FDC": "foreign double counting",
}
_WWZ = {
    "DVA_FIN": "domestic value added in final goods",
    "DVA_INT": "in inputs that the direct buyer absorbs",
    "DVA_INTrexI1": "in inputs re-exported as inputs of goods that third ones absorb",
    "DVA_INTrexF": "in inputs re-exported as final goods",
    "DVA_INTrexI2": "in inputs re-exported as inputs of exported final goods",
    "RDV_FIN": "returned in final goods of the direct buyer",
    "RDV_FIN2": "returned in final goods of third ones",
    "RDV_INT": "returned in inputs",
    "DDC_FIN": "double counted, in final goods",
    "DDC_INT": "double counted, in inputs",
    "OVA_FIN": "value added of third ones in final goods",
    "MVA_FIN": "value added of the buyer in final goods",
    "OVA_INT": "value added of third ones in inputs",
    "MVA_INT": "value added of the buyer in inputs",
    "ODC": "double counted of third ones",
    "MDC": "double counted of the buyer",
}
_KWW_SHOWN = {
    _ABROAD: ("DVA_FIN", "DVA_INT", "DVA_INTrex"),
    _BACK: ("RDV_FIN", "RDV_INT"),
    _FOREIGN: ("FVA_FIN", "FVA_INT"),
    _TWICE: ("DDC", "FDC"),
}
_FORWARD = ("V_D", "V_RT", "V_GVC_S", "V_GVC_C")
_BACKWARD = ("Y_D", "Y_RT", "Y_GVC_S", "Y_GVC_C")
_BM_PAPER = "Borin and Mancini 2019, 2023"


def _some(terms: tuple[str, ...]) -> dict[str, str]:
    return {k: _BM[k] for k in terms}


def _los_timmer_de_vries(kernel: Kernel) -> Kernel:
    def run(world: World) -> Terms:
        own = kernel(world)
        absorbed = world.v[:, None] * world.X * world.borders.abroad
        return {
            "GEXP": own["GEXP"],
            "DVA": own["DVA"],
            "VAX_C": absorbed,
            "VAX_P": value_chains.final_stage(world),
        }

    return run


def _production(world: World) -> Terms:
    forward = value_chains.production_forward(world)
    backward = value_chains.production_backward(world)
    return {
        **dict(zip(_FORWARD, forward, strict=True)),
        **dict(zip(_BACKWARD, backward, strict=True)),
    }


def _importer(world: World) -> Terms:
    return {"VA": borin_mancini.importer(world)}


def _importer_totals(world: World) -> Terms:
    held = world.content.sum(axis=1)[:, None] * world.exports
    once = borin_mancini.importer(world).sum(axis=0)
    return {
        "GIMP": world.exports.sum(axis=0),
        "VA": once,
        "DC": held.sum(axis=0) - once,
    }


METHODS: dict[str, Method] = {
    "wwz": Method(
        "Sixteen terms of exports",
        "Wang, Wei and Zhu 2013",
        _WWZ,
        {
            name: tuple(k for nine in parts for k in wang_wei_zhu.KWW_TERMS[nine])
            for name, parts in _KWW_SHOWN.items()
        },
        _all_levels(wang_wei_zhu.wang_wei_zhu),
        _all_of(_adds_up(tuple(_WWZ)), _keeps_value_added),
    ),
    "kww": Method(
        "Nine terms of exports",
        "Koopman, Wang and Wei 2014",
        _KWW,
        _KWW_SHOWN,
        _all_levels(wang_wei_zhu.koopman_wang_wei),
        _all_of(_adds_up(tuple(_KWW)), _keeps_value_added),
    ),
    "bm-source": Method(
        "Value added in exports, exporter's perspective, source",
        _BM_PAPER,
        _BM,
        _BM_SHOWN,
        _all_levels(borin_mancini.exporter_source),
        _all_of(_is_absorbed_abroad, _keeps_value_added),
    ),
    "bm-sink": Method(
        "Value added in exports, exporter's perspective, sink",
        _BM_PAPER,
        {
            **_some(_SINK),
            "VAXIM": "domestic value added that the direct buyer absorbs in the end",
        },
        _BM_SHOWN,
        _all_levels(borin_mancini.exporter_sink),
        _equals_first_crossing,
    ),
    "bm-world": Method(
        "Value added in exports, world perspective",
        _BM_PAPER,
        {
            **_some(_SINK),
            "FVA": "foreign value added, sink",
            "FDC": "foreign double counting, sink",
            "FVA_SOURCE": "foreign value added, source",
            "FDC_SOURCE": "foreign double counting, source",
            **{f"{k}_SOURCE": f"{_BM[k]}, source" for k in _BOTH_WAYS},
        },
        _BM_SHOWN,
        {
            **_all_levels(borin_mancini.world_flows),
            "country": borin_mancini.world_perspective,
        },
        _counts_once_in_the_world,
    ),
    "bm-self": Method(
        "Value added in exports, each flow its own perimeter",
        _BM_PAPER,
        _some(_COUNTED),
        _COUNTED_SHOWN,
        {
            "country": value_chains.miroudot_ye,
            "sector": borin_mancini.self_industry,
            "bilateral": borin_mancini.self_bilateral,
            "bilateral-sector": borin_mancini.self_cell,
        },
        _all_of(_adds_up(("DC", "FC")), _keeps_value_added),
    ),
    "bm-importer": Method(
        "Value added in imports, importer's perspective, by origin (exporter)",
        _BM_PAPER,
        {
            "GIMP": "gross imports",
            "VA": "value added in all imports, counted once",
            "DC": "double counted at the importer's border",
        },
        {"value added": ("VA",), _TWICE: ("DC",)},
        {
            "country": _importer_totals,
            **dict.fromkeys(("bilateral", "bilateral-sector"), _importer),
        },
    ),
    "ltv": Method(
        "Hypothetical extraction of exports",
        "Los, Timmer and de Vries 2016; Los and Timmer 2018",
        {
            "GEXP": "gross exports",
            "DVA": "value added lost without these exports",
            "VAX_C": "value added absorbed by the partner",
            "VAX_P": "value added in final products that the partner completes",
        },
        {},
        {
            "country": _los_timmer_de_vries(value_chains.miroudot_ye),
            "bilateral": _los_timmer_de_vries(borin_mancini.self_bilateral),
        },
        _keeps_value_added,
    ),
    "my": Method(
        "Value added in exports, perimeter of the exporter",
        "Miroudot and Ye 2021",
        _some(_COUNTED),
        _COUNTED_SHOWN,
        _all_levels(value_chains.miroudot_ye),
        _all_of(_adds_up(("DC", "FC")), _keeps_value_added),
    ),
    "tripartite": Method(
        "Exports by the place in the chain",
        "Borin, Mancini and Taglioni 2025",
        {
            "DAVAX": "absorbed by the direct buyer, no chain",
            "PF": "purely forward",
            "PB": "purely backward",
            "TS": "two-sided",
        },
        {
            "no chain": ("DAVAX",),
            "forward": ("PF",),
            "two-sided": ("TS",),
            "backward": ("PB",),
        },
        _all_levels(value_chains.tripartite),
        _all_of(_adds_up(("DAVAX", "PF", "PB", "TS")), _keeps_value_added),
    ),
    "tripartite-output": Method(
        "Output by the place in the chain",
        "Borin, Mancini and Taglioni 2025",
        {
            "X": "gross output",
            "DomX": "value added made and absorbed at home",
            "TradX": "the rest: one border at most",
            "GVC": "output in global value chains",
            "PF": "purely forward",
            "PB": "purely backward",
            "TS": "two-sided",
            "TSImp": "two-sided, from imported inputs",
            "TSDom": "two-sided, from inputs of home",
        },
        {
            "at home or one border": ("DomX", "TradX"),
            "forward": ("PF",),
            "two-sided": ("TS",),
            "backward": ("PB",),
        },
        {
            "country": value_chains.tripartite_output,
            "sector": value_chains.tripartite_output_industries,
        },
    ),
    "production": Method(
        "Value added and final products by the borders they cross",
        "Wang, Wei, Yu and Zhu 2017",
        {
            "V_D": "value added made and absorbed at home",
            "V_RT": "value added in final goods sold abroad",
            "V_GVC_S": "value added in inputs that cross one border",
            "V_GVC_C": "value added in inputs that cross more",
            "Y_D": "final products made at home alone",
            "Y_RT": "final products sold abroad, value added at home",
            "Y_GVC_S": "their foreign value added, one border",
            "Y_GVC_C": "their value added that crossed more",
        },
        {
            "at home": ("V_D",),
            "final goods sold": ("V_RT",),
            "inputs, one border": ("V_GVC_S",),
            "inputs, more borders": ("V_GVC_C",),
        },
        dict.fromkeys(("country", "sector"), _production),
        _is_value_added,
    ),
}


def _both(kernel: Kernel, other: Kernel) -> Kernel:
    return lambda world: {**kernel(world), **other(world)}


def _in_detail(name: str, details: Kernel) -> Method:
    method = METHODS[name]
    kernel = _both(method.kernels["country"], details)
    assert method.check is not None
    return replace(
        method,
        terms={**method.terms, **_DETAILS},
        kernels=_all_levels(kernel),
        check=_all_of(method.check, _parts_add_up),
    )


# Methods that have more terms, or sectors of origin, where these are asked for.
IN_DETAIL: dict[str, Method] = {
    "bm-source": _in_detail("bm-source", borin_mancini.source_details),
    "bm-sink": _in_detail("bm-sink", borin_mancini.sink_details),
}
BY_ORIGIN: dict[str, Method] = {
    "bm-source": replace(
        METHODS["bm-source"],
        kernels=dict.fromkeys(
            ("sector", "bilateral-sector"), borin_mancini.source_by_origin
        ),
        check=_origins_add_up,
        by_origin=True,
    )
}


def require_method(
    name: str, level: str, *, detail: bool = False, by_origin: bool = False
) -> Method:
    """The method of that name at that level.

    Raises ``TivaxError`` for a name or level there is not, with the nearest names, and
    for a method that has no details or no sectors of origin.
    """
    require_choice("method", name, METHODS)
    if detail and by_origin:
        raise TivaxError(f"method {name} has details, or sectors of origin, not both")
    method = METHODS[name]
    for asked, there, what in (
        (detail, IN_DETAIL, "details"),
        (by_origin, BY_ORIGIN, "sectors of origin"),
    ):
        if asked and name not in there:
            raise TivaxError(
                f"method {name} has no {what}: choose from {', '.join(there)}"
            )
        method = there[name] if asked else method
    require_kind("level", level, str, "one of " + ", ".join(method.kernels))
    if level not in method.kernels:
        raise TivaxError(
            f"method {name} has no level {level}: choose from "
            f"{', '.join(method.kernels)}"
        )
    return method


# ------------------------------------------------------------------------ computation


class DecomposedYear(NamedTuple):
    """Terms of one year at one level; see ``decompose``."""

    terms: dict[str, Array]
    identity: Float[Array, ""]
    largest_input_share: Float[Array, ""]
    residual: Float[Array, ""]


def decompose(
    tables: WorldTables,
    method: str,
    level: str = "bilateral-sector",
    *,
    detail: bool = False,
    by_origin: bool = False,
    groups: Groups | None = None,
    value_added: ValueAdded = "residual",
    progress: Progress = no_progress,
) -> xr.Dataset:
    """Exports (or production) of every year in terms of value added.

    Parameters
    ----------
    tables
        In memory or lazy.
    method
        A name of ``METHODS``: wwz, kww, bm-source, bm-sink, bm-world, bm-self,
        bm-importer, ltv, my, tripartite, tripartite-output, production.
    level
        country, sector, bilateral or bilateral-sector, as far as the method has it.
    detail
        Of bm-source and bm-sink: also the parts VAX1 ... VAX4, REF1, REF2, FVA1 ...
        FVA4, which with DDC and FDC are Borin and Mancini's twelve terms.
    by_origin
        Of bm-source, by sector: ``sector`` is that in which the value is added, not the
        exporting one.
    groups
        Regions that are one perimeter: flows among members are domestic. The name
        stands in the members' place.
    value_added
        As for ``measures.value_added_trade``.

    Returns
    -------
    Dataset
        A variable for each term by year, exporter and, by level, sector and importer,
        in the unit of the tables, 0 at home; ``residual`` (year) of the solve,
        relative, and ``identity`` (year), the worst relative gap of what must add up
        (NaN where the method has no identity).

    Raises
    ------
    TivaxError
        An unknown method, level or region; a table that is not productive; an identity
        that is missed by more than 1e-8; a satellite account for tripartite-output,
        which sets value added against output.
    """
    parts = decomposed_years(
        tables,
        method,
        level,
        detail=detail,
        by_origin=by_origin,
        groups=groups,
        value_added=value_added,
        progress=progress,
    )
    return xr.concat(list(parts), "year", combine_attrs="override")


@in_float64
def decomposed_years(
    tables: WorldTables,
    method: str,
    level: str = "bilateral-sector",
    *,
    detail: bool = False,
    by_origin: bool = False,
    groups: Groups | None = None,
    value_added: ValueAdded = "residual",
    progress: Progress = no_progress,
) -> Generator[xr.Dataset, None, None]:
    """``decompose``, a run of years at a time: wwz has 14 MB a year of WIOD."""
    chosen = require_method(method, level, detail=detail, by_origin=by_origin)
    if method == "tripartite-output" and not isinstance(value_added, str):
        raise TivaxError(
            "method tripartite-output sets value added against output: it takes no "
            "satellite account"
        )
    borders = borders_of(tables, groups)
    return _years(tables, chosen, method, level, borders, value_added, progress)


def _years(
    tables: WorldTables,
    method: Method,
    name: str,
    level: str,
    borders: Borders,
    value_added: ValueAdded,
    progress: Progress,
) -> Generator[xr.Dataset, None, None]:
    kernel = _decomposed(method, level, len(tables.sectors))
    unit = measures.unit_of(tables, value_added)
    runs = computed_worlds(
        kernel,
        tables,
        borders,
        value_added,
        progress,
        inverse=method.kernels[level] not in _WITHOUT_INVERSE,
    )
    for years, part in runs:
        at = tables.years[years]
        if method.check is not None:
            _require_identity(part.identity, at, name)
        labels = list(borders.names)
        yield _labelled(part, tables, at, method, name, level, labels, unit)


# Kernels that need products with the inverse only (``kernels.world``).
_WITHOUT_INVERSE = (
    borin_mancini.exporter_source,
    borin_mancini.world_perspective,
    value_chains.miroudot_ye,
    value_chains.tripartite,
    _production,
    IN_DETAIL["bm-source"].kernels["country"],
)


@lru_cache
def _decomposed(
    method: Method, level: str, sectors: int
) -> Callable[[World, Float[Array, "r c"]], DecomposedYear]:
    """What is computed of a year's world, the same object each time."""
    kernel = method.kernels[level]
    by_sector, by_buyer = LEVELS[level]

    def detail(term: Array, member: Float[Array, "r c"], are_regions: bool) -> Array:
        """(perimeter, sector, buyer) or less, from (industry, buyer)."""
        if kernel is _importer_totals:
            return term
        if method.by_origin:  # by perimeter already
            return term if by_buyer else term.sum(axis=2)
        flows = term.reshape(len(member), sectors, -1)
        if term.ndim == 1:
            flows = flows[:, :, 0]
        elif not by_buyer:
            flows = flows.sum(axis=2)
        if not by_sector:
            flows = flows.sum(axis=1)
        return flows if are_regions else jnp.tensordot(member, flows, axes=(0, 0))

    def decomposed(world: World, member: Float[Array, "r c"]) -> DecomposedYear:
        terms = kernel(world, sectors) if method.by_origin else kernel(world)
        are_regions = world.borders.blocks
        gap = jnp.full((1,), jnp.nan, world.v.dtype)
        if method.check is not None:
            gap = method.check(world, terms)
        return DecomposedYear(
            {
                k: detail(terms[k], member, are_regions)
                for k in method.terms
                if k in terms
            },
            jnp.max(gap),
            world.largest_input_share,
            world.residual,
        )

    return decomposed


def _require_identity(gap: Float[np.ndarray, " t"], years: Any, method: str) -> None:
    bad = ~(gap <= WORST_IDENTITY)
    if bad.any():
        k = int(np.flatnonzero(bad)[0])
        raise TivaxError(
            f"{years[k]}: the terms of {method} miss their identity by {gap[k]:.1e}; "
            "please report this table"
        )


def _labelled(
    part: DecomposedYear,
    tables: WorldTables,
    years: Any,
    method: Method,
    name: str,
    level: str,
    perimeters: list[str],
    unit: str,
) -> xr.Dataset:
    by_sector, by_buyer = LEVELS[level]
    who = "importer" if method.kernels[level] is _importer_totals else "exporter"
    coords: dict[str, Any] = {"year": list(years), who: perimeters}
    if by_sector:
        coords["sector"] = list(tables.sectors)
    if by_buyer:
        coords["importer"] = perimeters
    # Only the perimeters that have a member.
    there = [slice(len(labels)) for labels in coords.values()]
    data: dict[str, Any] = {
        term: (
            list(coords)[: part.terms[term].ndim],
            part.terms[term][tuple(there[: part.terms[term].ndim])],
            {"units": tables.unit if term in _GROSS else unit, "long_name": text},
        )
        for term, text in method.terms.items()
        if term in part.terms
    }
    data["residual"] = (
        "year",
        part.residual,
        {"long_name": "relative residual of the solve"},
    )
    data["identity"] = (
        "year",
        part.identity,
        {"long_name": "largest relative gap of what must add up"},
    )
    return xr.Dataset(
        data,
        coords,
        attrs={
            "source": tables.source,
            "method": name,
            "level": level,
            "reference": method.source,
        },
    )
