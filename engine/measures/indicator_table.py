"""The table of indicators: formulas in flows, with the facts of indicators.toml.

Flows have the names of the OECD's TiVA database, or of R exvatools where the OECD has
none; ratios are ratios of sums at the level asked for, never averages of ratios.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...kernels import indicators as kernels
from ..core import load_toml
from .flags import INDEX, NOT_NEGATIVE, PER_CENT, UNBOUNDED, Bounds
from .methods import LEVELS

# Codes of all sectors, and of all partners, together (those of OECD TiVA).
EVERY_SECTOR, EVERY_PARTNER = "TOTAL", "WLD"

_BOUNDS: dict[str, Bounds] = {
    "not negative": NOT_NEGATIVE,
    "per cent": PER_CENT,
    "index": INDEX,
    "none": UNBOUNDED,
    "stages": (1.0, math.inf),
    "log": (-math.log(2), math.log(2)),
}


Flow = np.ndarray | jax.Array
"""Of NumPy, or of JAX where a formula is differentiated."""


@dataclass(frozen=True)
class Level:
    """Flows of one year summed to a level: arrays (p, s or 1, q or 1)."""

    finest: Mapping[str, Flow]
    by_sector: bool
    by_partner: bool

    def __getitem__(self, name: str) -> Flow:
        return self._summed(name, self.by_sector, self.by_partner)

    def of_all_partners(self, name: str) -> Flow:
        """The flow with everyone together."""
        return self._summed(name, self.by_sector, False)

    def by_partner_too(self, name: str) -> Flow:
        """The flow with each partner."""
        return self._summed(name, self.by_sector, True)

    def of_all_sectors(self, name: str) -> Flow:
        """The flow of all sectors of a region, with everyone."""
        return self._summed(name, False, False)

    def of_whole_partner(self, name: str) -> Flow:
        """The flow of all sectors of all regions, by partner."""
        return self._summed(name, False, True).sum(axis=0, keepdims=True)

    def _summed(self, name: str, by_sector: bool, by_partner: bool) -> Flow:
        flow = self.finest[name]
        flow = flow[:, :, None] if flow.ndim == 2 else flow
        axes = tuple(
            axis for axis, kept in ((1, by_sector), (2, by_partner)) if not kept
        )
        return flow.sum(axis=axes, keepdims=True) if axes else flow


Formula = Callable[[Level], Flow]


@dataclass(frozen=True)
class Indicator:
    """An indicator, its unit ("" = that of the flows) and the detail it has.

    ``gross`` flows are in the unit of the tables, also with a satellite account;
    ``priced`` ones need value added in that unit, ``by_use`` ones consumption and fixed
    capital apart. ``sums`` and ``together``: it is meaningful for all sectors, for all
    partners. It is within ``bounds`` if no final demand and no value added is negative.
    """

    title: str
    source: str
    formula: Formula
    unit: str = ""
    sector: bool = True
    partner: bool = True
    sums: bool = True
    together: bool = True
    gross: bool = False
    priced: bool = False
    by_use: bool = False
    bounds: Bounds = NOT_NEGATIVE

    def has(self, level: str) -> bool:
        by_sector, by_partner = LEVELS[level]
        return (
            (self.sector or not by_sector)
            and (self.sums or by_sector or by_partner)
            and (self.partner if by_partner else self.together)
        )


# Flows that only ratios use: bases of shares of exports and imports, and the flows that
# they are made of.
_DERIVED = {
    "exports_held": ("EXGR", "EXGR_DVA", "EXGR_FVA"),
    "imports_held": ("EXGR", "EXGR_DVA", "EXGR_FVA"),
    "exports_dva": ("EXGR_DDC", "EXGR_IDC"),
    "imports_dva": ("EXGR_DDC", "EXGR_IDC"),
}


def derived_flows(finest: Mapping[str, Flow], *, priced: bool) -> dict[str, Flow]:
    """Bases of shares of exports and imports (gross flows, or the satellite account in
    them), and domestic value added in imports: those whose flows there are."""
    derived = {}
    if set(_DERIVED["exports_held"]) <= set(finest):
        held = finest["EXGR_DVA"] + finest["EXGR_FVA"]
        derived["exports_held"] = finest["EXGR"] if priced else held
        derived["imports_held"] = derived["exports_held"].transpose(2, 1, 0)
    if set(_DERIVED["exports_dva"]) <= set(finest):
        derived["exports_dva"] = finest["EXGR_DDC"] + finest["EXGR_IDC"]
        derived["imports_dva"] = derived["exports_dva"].transpose(2, 1, 0)
    return derived


class _Recorder(dict[str, np.ndarray]):
    """Flows that are all 1, and the names of those that were looked up."""

    def __missing__(self, name: str) -> np.ndarray:
        self[name] = np.ones((1, 1, 1))
        return self[name]


def needed_flows(names: Iterable[str]) -> frozenset[str]:
    """The flows in the formulas of indicators, and those of their identities."""
    flows = _Recorder()
    for name in names:
        INDICATORS[name].formula(Level(flows, True, True))
    bases = [base for name in flows for base in _DERIVED.get(name, (name,))]
    return kernels.with_checks(bases)


def _share(part: Flow, whole: Flow, scale: float = 1.0) -> Flow:
    """NaN where the whole is 0."""
    if isinstance(whole, jax.Array):
        return _share_of_arrays(part, whole, scale)
    return scale * part / np.where(whole == 0, np.nan, whole)


@jax.jit
def _share_of_arrays(part: jax.Array, whole: jax.Array, scale: float) -> jax.Array:
    """NaN behind the quotient, so that no derivative of another value is NaN."""
    quotient = scale * part / jnp.where(whole == 0, 1, whole)
    return jnp.where(whole == 0, jnp.nan, quotient)


def _concentration(name: str) -> Formula:
    """Herfindahl and Hirschman's index of the partners' shares."""

    def formula(k: Level) -> Flow:
        each = _share(k.by_partner_too(name), k.of_all_partners(name))
        return (each**2).sum(axis=2, keepdims=True)

    return formula


def _number_equivalent(name: str) -> Formula:
    """The number of partners of equal size with the same concentration."""
    index = _concentration(name)
    return lambda k: 1 / index(k)


def _largest_share(name: str) -> Formula:
    """Share of the largest partner in the flow with everyone."""
    return lambda k: _share(
        k.by_partner_too(name).max(axis=2, keepdims=True),
        k.of_all_partners(name),
        100.0,
    )


def _sum_share(parts: tuple[str, ...], whole: tuple[str, ...]) -> Formula:
    def formula(k: Level) -> Flow:
        return _share(sum(k[p] for p in parts), sum(k[w] for w in whole), 100.0)  # type: ignore[arg-type]

    return formula


def _advantage(name: str) -> Formula:
    """Balassa: the sector's share at home over its share in the world."""

    def formula(k: Level) -> Flow:
        at_home = _share(k.of_all_partners(name), k.of_all_sectors(name))
        world = k.of_all_partners(name).sum(axis=0, keepdims=True)
        return _share(at_home, _share(world, world.sum(keepdims=True)))

    return formula


def _kpww_position(k: Level) -> Flow:
    exports = k.of_all_partners("exports_held")
    forward, backward = (
        _share(k.of_all_partners(name), exports) for name in ("IV", "EXGR_FVA")
    )
    log = jnp.log if isinstance(forward, jax.Array) else np.log
    with np.errstate(invalid="ignore", divide="ignore"):
        return log(1 + forward) - log(1 + backward)


def _forwardness(k: Level) -> Flow:
    gvc = k["GVC_PF"] + k["GVC_PB"] + k["GVC_TS"]
    return _share(k["GVC_PF"] - k["GVC_PB"], gvc)


def _wwyz_position(k: Level) -> Flow:
    forward = _share(k["plv_gvc_stages"], k["plv_gvc"])
    return _share(forward, _share(k["ply_gvc_stages"], k["ply_gvc"]))


def _participation(forward: str) -> Formula:
    return lambda k: _share(
        k.of_all_partners("EXGR_FVA") + k.of_all_partners(forward),
        k.of_all_partners("exports_held"),
        100.0,
    )


_GVC_PRODUCTS = ("FP_GVC_S", "FP_GVC_C")
_PRODUCTS = ("FP_D", "FP_RT", *_GVC_PRODUCTS)
# Formulas that several indicators have, by their name in indicators.toml.
_SHARED: dict[str, Callable[..., Formula]] = {
    "difference": lambda a, b: lambda k: k[a] - k[b],
    # (sold - bought) / (sold + bought), the form of the trade benefit index.
    "balance": lambda a, b: lambda k: _share(k[a] - k[b], k[a] + k[b]),
    "ratio": lambda a, b: lambda k: _share(k[a], k[b]),
    "per cent": lambda a, b: lambda k: _share(k[a], k[b], 100.0),
    # Of a flow in that (or in another one) with everyone.
    "per cent of all partners": lambda name, whole="": (
        lambda k: _share(k[name], k.of_all_partners(whole or name), 100.0)
    ),
    "per cent of all sectors and partners": lambda name: (
        lambda k: _share(k[name], k.of_all_sectors(name), 100.0)
    ),
    "per cent of final products": lambda name: _sum_share((name,), _PRODUCTS),
    "concentration": _concentration,
    "number equivalent": _number_equivalent,
    "largest share": _largest_share,
    # Whatever the sector.
    "per cent of the region's exports": lambda name: (
        lambda k: _share(
            k.of_all_partners(name), k.of_all_sectors("exports_held"), 100.0
        )
    ),
    # All that the partner absorbs, from everywhere.
    "per cent of the partner's demand": lambda name: (
        lambda k: _share(k[name], k.of_whole_partner(name), 100.0)
    ),
    "participation": _participation,
    "advantage": _advantage,
}
# Formulas of single indicators.
_FORMULAS: dict[str, Formula] = {
    "REF": lambda k: k["EXGR_DDC"] + k["EXGR_IDC"] - k["FFD_DVA"],
    "DEXFVAPSH": lambda k: _share(
        k["DEXFVAP"], k.of_all_partners("exports_held"), 100.0
    ),
    # The sector is that of the partner.
    "FEXDVAPSH": lambda k: _share(
        k["FEXDVAP"], k.of_all_sectors("exports_held"), 100.0
    ),
    "GVC_POS_KPWW": _kpww_position,
    "GVC_FORWARDNESS": _forwardness,
    "GVC_FWD_WWYZ": _sum_share(("VA_GVC_S", "VA_GVC_C"), ("VALU",)),
    "GVC_BWD_WWYZ": _sum_share(_GVC_PRODUCTS, _PRODUCTS),
    "GVC_POS_WWYZ": _wwyz_position,
}


@cache
def indicator_facts() -> dict[str, dict[str, Any]]:
    """indicators.toml."""
    return load_toml(__package__, "indicators.toml")


def _indicator(name: str, facts: Mapping[str, Any]) -> Indicator:
    unit, needs = facts.get("unit", ""), facts.get("needs", ())
    without = facts.get("without", ())
    default = "per cent" if unit == "%" else "not negative"
    formula = _FORMULAS.get(name, lambda k: k[name])
    if "computed" in facts:
        how, *flows = facts["computed"]
        formula = _SHARED[how](*flows)
    return Indicator(
        facts["title"],
        facts["source"],
        formula,
        unit,
        partner="partner" not in without,
        sums="all-sectors" not in without,
        together="all-partners" not in without,
        gross="tables-unit" in needs,
        priced="value-added" in needs,
        by_use="uses" in needs,
        bounds=_BOUNDS[facts.get("bounds", default)],
    )


SETS: dict[str, list[str]] = {}
"""Names that stand for several indicators."""
for _code, _facts in indicator_facts().items():
    if "set" in _facts:
        SETS.setdefault(_facts["set"], []).append(_code)

INDICATORS: dict[str, Indicator] = {
    name: _indicator(name, facts) for name, facts in indicator_facts().items()
}
