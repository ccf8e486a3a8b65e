"""Decompositions of exports and production: the table of methods.

What a method and its terms are is in methods.toml; here are their kernels by level and
the identities they are checked against.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...kernels import borin_mancini, value_chains, wang_wei_zhu
from ...kernels.inverted_table import InvertedTable, Terms
from ..core import TivaxError, load_toml, require_choice

Level = Literal["country", "sector", "bilateral", "bilateral-sector"]
MethodName = Literal[
    "wwz",
    "kww",
    "bm-source",
    "bm-sink",
    "bm-world",
    "bm-self",
    "bm-importer",
    "ltv",
    "my",
    "tripartite",
    "tripartite-output",
    "production",
]
"""The names of ``METHODS``, which type checkers know."""
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

Kernel = Callable[..., Terms]
"""From an inverted table, with ``Method.by_origin`` also the number of sectors."""
Check = Callable[[InvertedTable, Terms], Float[Array, " k"]]


@dataclass(frozen=True, eq=False)
class Method:
    """A decomposition.

    ``kernels`` by level; ``terms`` in their order, with what each is; ``shown``, for
    figures, groups those that add up to exports (imports, value added); ``check`` gives
    residuals of identities, as a share of the largest flow; ``by_origin``: sectors are
    those in which value is added.
    """

    title: str
    source: str
    terms: Mapping[str, str]
    shown: Mapping[str, tuple[str, ...]]
    kernels: Mapping[str, Kernel]
    check: Check | None = None
    by_origin: bool = False


def require_identity(
    gap: Float[np.ndarray, " t"], years: Sequence[int], what: str
) -> None:
    """Raise ``TivaxError`` for a year whose gap is too large; ``what`` names it."""
    for k in np.flatnonzero(~(gap <= WORST_IDENTITY)).tolist():
        raise TivaxError(
            f"{years[k]}: {what} by {gap[k]:.1e}; please report this table"
        )


@cache
def method_facts() -> dict[str, Any]:
    """methods.toml."""
    return load_toml(__package__, "methods.toml")


# ------------------------------------------------------------------------- identities


def _sum(terms: Terms, names: tuple[str, ...]) -> Array:
    return sum((terms[k] for k in names[1:]), terms[names[0]])


def _share(gap: Array, flow: Array) -> Array:
    """The gap as a share of the largest flow; of no flow at all, the gap itself."""
    largest = jnp.max(jnp.abs(flow))
    return jnp.abs(gap) / jnp.where(largest > 0, largest, 1)


def _adds_up(parts: tuple[str, ...]) -> Check:
    """The parts of each flow add up to its value added, (h + f) E."""

    def check(world: InvertedTable, terms: Terms) -> Float[Array, " k"]:
        held = world.content.sum(axis=1)[:, None] * world.exports
        gap = _sum(terms, parts) - held
        return _share(gap, held).ravel()

    return check


def _keeps_value_added(world: InvertedTable, _: Terms) -> Float[Array, " k"]:
    """Relative gap between value added kept without exports, u Y_ss, plus u e, and all
    that a region adds, v x* (Los, Timmer and de Vries 2016)."""
    sold = world.final_at_home.sum(axis=1) + world.total_exports
    found, added = (
        world.borders.total(k)
        for k in (world.dva_multiplier * sold, world.v * world.output)
    )
    return _share(found - added, added)


def _all_of(*checks: Check) -> Check:
    def check(world: InvertedTable, terms: Terms) -> Float[Array, " k"]:
        return jnp.concatenate([one(world, terms) for one in checks])

    return check


def _is_absorbed_abroad(world: InvertedTable, terms: Terms) -> Float[Array, " k"]:
    """VAX is the value added that others absorb (Johnson and Noguera 2012)."""
    absorbed = world.v[:, None] * world.X * world.borders.abroad
    total = world.borders.total
    left, right = (total(k.sum(axis=1)) for k in (terms["VAX"], absorbed))
    return _share(left - right, right)


def _equals_first_crossing(world: InvertedTable, terms: Terms) -> Float[Array, " k"]:
    """Exporters' totals do not depend on which crossing counts."""
    first = borin_mancini.exporter_source(world)
    total = world.borders.total
    pairs = [
        (total(terms[k].sum(axis=1)), total(first[k].sum(axis=1)))
        for k in ("DVA", "VAX", "FVA")
    ]
    return jnp.stack([_share(a - b, b) for a, b in pairs]).ravel()


def _counts_once_in_the_world(world: InvertedTable, terms: Terms) -> Float[Array, " k"]:
    """Both approaches give the same foreign value added of all exporters together."""
    a, b = terms["FVA"].sum(), terms["FVA_SOURCE"].sum()
    return _share(a - b, b)[None]


def _parts_add_up(world: InvertedTable, terms: Terms) -> Float[Array, " k"]:
    """VAX, REF and FVA are the sums of their parts, each computed in another way."""
    gaps = []
    for whole, parts in _PARTS.items():
        gap = sum((terms[k] for k in parts), -terms[whole])
        gaps.append(_share(gap, terms["GEXP"]).ravel())
    return jnp.concatenate(gaps)


def _origins_add_up(world: InvertedTable, terms: Terms) -> Float[Array, " k"]:
    """Summed over sectors the terms are those of the exporter; VAX by sector of origin
    is the value added that others absorb (Johnson and Noguera 2012)."""
    own, total = borin_mancini.exporter_source(world), world.borders.total
    pairs = [(terms[k].sum(axis=1), total(own[k])) for k in terms]
    absorbed = world.v[:, None] * world.X * world.borders.abroad
    pairs.append((terms["VAX"].sum(axis=(1, 2)), total(absorbed).sum(axis=1)))
    exports = total(world.exports)
    return jnp.concatenate([_share(a - b, exports).ravel() for a, b in pairs])


def _is_value_added(world: InvertedTable, terms: Terms) -> Float[Array, " k"]:
    """Forward terms add up to the value added of an industry, backward ones to the
    value added in its final products."""
    forward, backward = _sum(terms, _FORWARD), _sum(terms, _BACKWARD)
    final = world.content.sum(axis=1) * world.Y.sum(axis=1)
    pairs = [(forward, world.v * world.output), (backward, final)]
    return jnp.stack([_share(a - b, b) for a, b in pairs]).ravel()


# ---------------------------------------------------------------------------- kernels

_FORWARD = ("V_D", "V_RT", "V_GVC_S", "V_GVC_C")
_BACKWARD = ("Y_D", "Y_RT", "Y_GVC_S", "Y_GVC_C")
_PARTS = {
    whole: tuple(k for k in method_facts()["bm-source"]["details"] if k[:3] == whole)
    for whole in ("VAX", "REF", "FVA")
}


def _all_levels(kernel: Kernel) -> dict[str, Kernel]:
    return dict.fromkeys(LEVELS, kernel)


def _los_timmer_de_vries(kernel: Kernel) -> Kernel:
    def run(world: InvertedTable) -> Terms:
        own = kernel(world)
        absorbed = world.v[:, None] * world.X * world.borders.abroad
        return {
            "GEXP": own["GEXP"],
            "DVA": own["DVA"],
            "VAX_C": absorbed,
            "VAX_P": value_chains.final_stage(world),
        }

    return run


def _production(world: InvertedTable) -> Terms:
    forward = value_chains.production_forward(world)
    backward = value_chains.production_backward(world)
    names = (*_FORWARD, *_BACKWARD)
    return dict(zip(names, (*forward, *backward), strict=True))


def _importer(world: InvertedTable) -> Terms:
    return {"VA": borin_mancini.importer(world)}


def importer_totals(world: InvertedTable) -> Terms:
    """Imports of each region from the world, and value added counted once in them."""
    held = world.content.sum(axis=1)[:, None] * world.exports
    once = borin_mancini.importer(world).sum(axis=0)
    return {
        "GIMP": world.exports.sum(axis=0),
        "VA": once,
        "DC": held.sum(axis=0) - once,
    }


# --------------------------------------------------------------------------- methods


def term_facts(name: str, key: str = "terms") -> dict[str, dict[str, str]]:
    """Terms of a method in their order: ``text``, formula, names in other programs."""
    method = method_facts()[name]
    own = {
        term: {"text": facts} if isinstance(facts, str) else facts
        for term, facts in method.get(key, {}).items()
    }
    if key != "terms" or "as_bm_source" not in method:
        return own
    source = term_facts("bm-source")
    return {**{term: source[term] for term in method["as_bm_source"]}, **own}


def _texts(terms: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    return {term: facts["text"] for term, facts in terms.items()}


_KERNELS: dict[str, Mapping[str, Kernel]] = {
    "wwz": _all_levels(wang_wei_zhu.wang_wei_zhu),
    "kww": _all_levels(wang_wei_zhu.koopman_wang_wei),
    "bm-source": _all_levels(borin_mancini.exporter_source),
    "bm-sink": _all_levels(borin_mancini.exporter_sink),
    "bm-world": {
        **_all_levels(borin_mancini.world_flows),
        "country": borin_mancini.world_perspective,
    },
    "bm-self": {
        "country": value_chains.miroudot_ye,
        "sector": borin_mancini.self_industry,
        "bilateral": borin_mancini.self_bilateral,
        "bilateral-sector": borin_mancini.self_cell,
    },
    "bm-importer": {
        "country": importer_totals,
        "bilateral": _importer,
        "bilateral-sector": _importer,
    },
    "ltv": {
        "country": _los_timmer_de_vries(value_chains.miroudot_ye),
        "bilateral": _los_timmer_de_vries(borin_mancini.self_bilateral),
    },
    "my": _all_levels(value_chains.miroudot_ye),
    "tripartite": _all_levels(value_chains.tripartite),
    "tripartite-output": {
        "country": value_chains.tripartite_output,
        "sector": value_chains.tripartite_output_industries,
    },
    "production": dict.fromkeys(("country", "sector"), _production),
}
_CHECKS: dict[str, Check] = {
    **{
        name: _all_of(_adds_up(parts), _keeps_value_added)
        for name, parts in {
            "wwz": wang_wei_zhu.WWZ_TERMS,
            "kww": tuple(wang_wei_zhu.KWW_TERMS),
            "bm-self": ("DC", "FC"),
            "my": ("DC", "FC"),
            "tripartite": ("DAVAX", "PF", "PB", "TS"),
        }.items()
    },
    "bm-source": _all_of(_is_absorbed_abroad, _keeps_value_added),
    "bm-sink": _equals_first_crossing,
    "bm-world": _counts_once_in_the_world,
    "ltv": _keeps_value_added,
    "production": _is_value_added,
}
METHODS: dict[str, Method] = {
    name: Method(
        facts["title"],
        facts["source"],
        _texts(term_facts(name)),
        {group: tuple(terms) for group, terms in facts.get("shown", {}).items()},
        _KERNELS[name],
        _CHECKS.get(name),
    )
    for name, facts in method_facts().items()
}


def _in_detail(name: str, details: Kernel) -> Method:
    method = METHODS[name]
    kernel, check = method.kernels["country"], method.check
    assert check is not None

    def both(world: InvertedTable) -> Terms:
        return {**kernel(world), **details(world)}

    return replace(
        method,
        terms={**method.terms, **_texts(term_facts("bm-source", "details"))},
        kernels=_all_levels(both),
        check=_all_of(check, _parts_add_up),
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


def _source_and_absorbed(world: InvertedTable) -> Terms:
    absorbed = world.v[:, None] * world.X * world.borders.abroad
    return {**borin_mancini.exporter_source(world), "VA": absorbed}


# Terms of bm-source that need no contents, and value added by where it is absorbed.
WITH_ABSORBED = replace(
    METHODS["bm-source"],
    terms={
        **{k: METHODS["bm-source"].terms[k] for k in ("GEXP", "DVA", "VAX")},
        "VA": "value added absorbed",
    },
    kernels=_all_levels(_source_and_absorbed),
)
# Kernels that need products with the inverse only (``kernels.inverted_table``).
WITHOUT_INVERSE = (
    borin_mancini.exporter_source,
    _source_and_absorbed,
    borin_mancini.world_perspective,
    value_chains.miroudot_ye,
    value_chains.tripartite,
    _production,
    IN_DETAIL["bm-source"].kernels["country"],
)
WITHOUT_CONTENTS = (_source_and_absorbed,)


def require_method(
    name: str, level: str, *, detail: bool = False, by_origin: bool = False
) -> Method:
    """The method of that name at that level.

    Raises ``TivaxError`` for an unknown name or level, with the nearest names, and for
    a method that has no details or no sectors of origin.
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
    require_choice("level", level, LEVELS)
    if level not in method.kernels:
        raise TivaxError(
            f"method {name} has no level {level}: choose from "
            f"{', '.join(method.kernels)}"
        )
    return method
