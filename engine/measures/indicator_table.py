"""The table of indicators: names, formulas in flows, units, sources.

Flows bear the names of the OECD's TiVA database, or of R exvatools where it has the
flow and the OECD has not; ratios are ratios of sums at the level asked, never averages
of ratios.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .flags import INDEX, NOT_NEGATIVE, PER_CENT, UNBOUNDED, Bounds
from .methods import LEVELS

_TIVA = "OECD TiVA"
_EXVATOOLS = "R exvatools"
_KPWW = "Koopman, Powers, Wang and Wei 2010"
_WWYZ_A = "Wang, Wei, Yu and Zhu 2017a"
_WWYZ_B = "Wang, Wei, Yu and Zhu 2017b"
_BM = "Borin and Mancini 2019"
_BMT = "Borin, Mancini and Taglioni 2025"
_ANTRAS = "Antras, Chor, Fally and Hillberry 2012"
_DIETZENBACHER = "Dietzenbacher and Romero 2007"
_PAPER = "trade benefit index; variants of its definition"


@dataclass(frozen=True)
class Level:
    """Flows of one year summed to a level: arrays (p, s or 1, q or 1)."""

    finest: Mapping[str, np.ndarray]
    by_sector: bool
    by_partner: bool

    def __getitem__(self, name: str) -> np.ndarray:
        return self._summed(name, self.by_sector, self.by_partner)

    def of_all_partners(self, name: str) -> np.ndarray:
        """The flow with everyone together."""
        return self._summed(name, self.by_sector, False)

    def of_all_sectors(self, name: str) -> np.ndarray:
        """The flow of all sectors of a region, with everyone."""
        return self._summed(name, False, False)

    def of_whole_partner(self, name: str) -> np.ndarray:
        """The flow of all sectors of all regions, by partner."""
        return self._summed(name, False, True).sum(axis=0, keepdims=True)

    def _summed(self, name: str, by_sector: bool, by_partner: bool) -> np.ndarray:
        flow = self.finest[name]
        flow = flow[:, :, None] if flow.ndim == 2 else flow
        axes = tuple(
            axis for axis, kept in ((1, by_sector), (2, by_partner)) if not kept
        )
        return flow.sum(axis=axes, keepdims=True) if axes else flow


Formula = Callable[[Level], np.ndarray]


@dataclass(frozen=True)
class Indicator:
    """What an indicator is, its unit ("" = that of the flows), the detail it has.

    ``gross`` flows are in the unit of the tables whatever stands in for value added;
    ``priced`` ones need value added in that unit, ``by_use`` ones consumption and fixed
    capital apart. ``sums`` and ``together`` say whether it means anything for all
    sectors, for all partners. Within ``bounds`` it lies where no final demand and no
    value added is negative.
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


def _share(part: np.ndarray, whole: np.ndarray, scale: float = 1.0) -> np.ndarray:
    """NaN where the whole is 0."""
    return scale * part / np.where(whole == 0, np.nan, whole)


def _flow(name: str) -> Formula:
    return lambda k: k[name]


def _difference(a: str, b: str) -> Formula:
    return lambda k: k[a] - k[b]


def _percent(a: str, b: str) -> Formula:
    return lambda k: _share(k[a], k[b], 100.0)


def _percent_of_exports(name: str) -> Formula:
    """Of the exports to everyone, whoever the partner is."""
    return lambda k: _share(k[name], k.of_all_partners("exports_held"), 100.0)


def _percent_of_regions_exports(name: str) -> Formula:
    """Of all exports of the region: the sector is that of the partner."""
    return lambda k: _share(k[name], k.of_all_sectors("exports_held"), 100.0)


def _partner_share(name: str) -> Formula:
    """Of the flow with everyone."""
    return lambda k: _share(k[name], k.of_all_partners(name), 100.0)


def _industry_share(name: str) -> Formula:
    """Of all exports of the region, whatever the sector."""
    return lambda k: _share(
        k.of_all_partners(name), k.of_all_sectors("exports_held"), 100.0
    )


def _share_of_demand(name: str) -> Formula:
    """Of all that the partner absorbs, from everywhere."""
    return lambda k: _share(k[name], k.of_whole_partner(name), 100.0)


def _ratio(a: str, b: str) -> Formula:
    return lambda k: _share(k[a], k[b])


def _balance(a: str, b: str) -> Formula:
    """(sold - bought) / (sold + bought), the form of the trade benefit index."""
    return lambda k: _share(k[a] - k[b], k[a] + k[b])


def _sum_share(parts: tuple[str, ...], whole: tuple[str, ...]) -> Formula:
    def formula(k: Level) -> np.ndarray:
        return _share(sum(k[p] for p in parts), sum(k[w] for w in whole), 100.0)  # type: ignore[arg-type]

    return formula


def _advantage(name: str) -> Formula:
    """Balassa: the sector's share at home over its share in the world."""

    def formula(k: Level) -> np.ndarray:
        at_home = _share(k.of_all_partners(name), k.of_all_sectors(name))
        world = k.of_all_partners(name).sum(axis=0, keepdims=True)
        return _share(at_home, _share(world, world.sum(keepdims=True)))

    return formula


def _kpww_position(k: Level) -> np.ndarray:
    exports = k.of_all_partners("exports_held")
    forward, backward = (
        _share(k.of_all_partners(name), exports) for name in ("IV", "EXGR_FVA")
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.log(1 + forward) - np.log(1 + backward)


def _forwardness(k: Level) -> np.ndarray:
    gvc = k["GVC_PF"] + k["GVC_PB"] + k["GVC_TS"]
    return _share(k["GVC_PF"] - k["GVC_PB"], gvc)


def _wwyz_position(k: Level) -> np.ndarray:
    forward = _share(k["plv_gvc_stages"], k["plv_gvc"])
    return _share(forward, _share(k["ply_gvc_stages"], k["ply_gvc"]))


def _flows() -> dict[str, Indicator]:
    """Flows by sector and partner, then those by sector alone."""
    gross = {
        "EXGR": "gross exports",
        "EXGR_FNL": "gross exports of final products",
        "EXGR_INT": "gross exports of intermediate products",
        "IMGR": "gross imports",
        "IMGR_FNL": "gross imports of final products",
        "IMGR_INT": "gross imports of intermediate products",
        "DOM": "sales at home",
        "DOM_FNL": "sales of final products at home",
        "DOM_INT": "sales of intermediate products at home",
        "REXI": "imports of intermediate products used for exports, counted once",
        "REII": "re-exported imports of intermediate products",
    }
    embodied = {
        "EXGR_DVA": "domestic value added in gross exports",
        "EXGR_FNLDVA": "domestic value added in exports of final products",
        "EXGR_INTDVA": "domestic value added in exports of intermediate products",
        "EXGR_DDC": "of it made by the exporting industry itself",
        "EXGR_IDC": "of it made by other industries at home",
        "EXGR_RIM": "of it that was exported and imported again",
        "EXGR_FVA": "foreign value added in gross exports",
        "IMGR_DVA": "value added of the importer in its gross imports",
        "FD_VA": "value added absorbed in the partner's final demand, home included",
        "DXD_DVA": "domestic value added absorbed at home",
        "FFD_DVA": "domestic value added in foreign final demand",
        "DFD_FVA": "foreign value added in domestic final demand",
        "DEXFVAP": "foreign value added in exports, by partner of origin",
        "FEXDVAP": "domestic value added in the exports of partners",
    }
    by_use = {
        "CONS_VA": "value added absorbed in the partner's consumption, home included",
        "GFCF_VA": "value added absorbed in the partner's fixed capital formation",
    }
    later = {
        "IV": ("value added in inputs re-exported to third ones", _KPWW),
        "VAX_P": (
            "value added in final products that the partner completes",
            "Los and Timmer 2018",
        ),
        "GVC": ("exports that cross two borders or more", _BM),
        "GVCB": ("of them the backward part", _BM),
        "GVCF": ("of them the forward part", _BM),
        "GVC_PF": ("purely forward exports", _BMT),
        "GVC_PB": ("purely backward exports", _BMT),
        "GVC_TS": ("two-sided exports", _BMT),
    }
    alone = {
        "VALU": ("value added", _TIVA),
        "EXGR_DVA_ORIGIN": (
            "domestic value added in exports by industry of origin",
            _TIVA,
        ),
        "VS1": (
            "value added in the exports of others",
            "Hummels, Ishii and Yi 2001; " + _KPWW,
        ),
        "VS1STAR": (
            "value added in exports that the buyer's exports bring home",
            "Daudin, Rifflart and Schweisguth 2011; Koopman, Wang and Wei 2014",
        ),
        "VA_D": ("value added made and absorbed at home", _WWYZ_A),
        "VA_RT": ("value added in final products exported", _WWYZ_A),
        "VA_GVC_S": ("value added in inputs that cross one border", _WWYZ_A),
        "VA_GVC_C": ("value added in inputs that cross more borders", _WWYZ_A),
        "FP_D": ("final products made at home alone", _WWYZ_A),
        "FP_RT": ("final products exported, value added at home", _WWYZ_A),
        "FP_GVC_S": ("their foreign value added, one border", _WWYZ_A),
        "FP_GVC_C": ("their value added that crossed more borders", _WWYZ_A),
    }

    def by(name: str) -> str:
        ours = ("DOM", "DOM_FNL", "DOM_INT", "FD_VA", "DXD_DVA", "DEXFVAP", "FEXDVAP")
        return _EXVATOOLS if name in ours else _TIVA

    return {
        **{
            k: Indicator(text, by(k), _flow(k), gross=True) for k, text in gross.items()
        },
        **{k: Indicator(text, by(k), _flow(k)) for k, text in embodied.items()},
        **{k: Indicator(t, _TIVA, _flow(k), by_use=True) for k, t in by_use.items()},
        **{k: Indicator(text, by, _flow(k)) for k, (text, by) in later.items()},
        "PROD": Indicator(
            "gross output", _TIVA, _flow("PROD"), partner=False, gross=True
        ),
        **{
            k: Indicator(text, by, _flow(k), partner=False)
            for k, (text, by) in alone.items()
        },
    }


def _lengths() -> dict[str, Indicator]:
    def stages(title: str, source: str, name: str, value: str) -> Indicator:
        return Indicator(
            title,
            source,
            _ratio(f"{name}_stages", value),
            "stages",
            partner=False,
            sums=not name.startswith("apl"),
            bounds=(1.0, math.inf),
        )

    ways = {
        "": ("total", "all value added"),
        "_D": ("domestic", "value added absorbed at home"),
        "_RT": ("traditional", "final products exported"),
        "_GVC": ("gvc", "inputs that cross borders"),
    }
    return {
        "UPSTREAM": stages("stages to final demand", _ANTRAS, "upstream", "PROD"),
        "DOWNSTREAM": stages(
            "stages from the first inputs",
            "Fally 2012; Antras and Chor 2018; Miller and Temurshoev 2017",
            "downstream",
            "PROD",
        ),
        **{
            f"PLV{end}": stages(
                f"production length forward, {text}",
                _WWYZ_B,
                f"plv_{way}",
                f"plv_{way}",
            )
            for end, (way, text) in ways.items()
        },
        **{
            f"PLY{end}": stages(
                f"production length backward, {text}",
                _WWYZ_B,
                f"ply_{way}",
                f"ply_{way}",
            )
            for end, (way, text) in ways.items()
        },
        "GVC_POS_WWYZ": Indicator(
            "length forward over length backward, GVC",
            _WWYZ_B,
            _wwyz_position,
            "ratio",
            partner=False,
        ),
        "APL_FORWARD": stages(
            "average propagation length to all buyers, weighted by the rounds between",
            _DIETZENBACHER,
            "apl_forward",
            "apl_forward",
        ),
        "APL_BACKWARD": stages(
            "average propagation length from all sellers, so weighted",
            _DIETZENBACHER,
            "apl_backward",
            "apl_backward",
        ),
    }


def _percent_of(title: str, source: str, formula: Formula, **more: Any) -> Indicator:
    return Indicator(title, source, formula, "%", **{"bounds": PER_CENT, **more})


INDICATORS: dict[str, Indicator] = {
    **_flows(),
    "REF": Indicator(
        "domestic value added in exports less what others absorb: what returns, in "
        "country totals only",
        "Borin and Mancini 2019; R exvatools",
        lambda k: k["EXGR_DDC"] + k["EXGR_IDC"] - k["FFD_DVA"],
        bounds=UNBOUNDED,
    ),
    "BALGR": Indicator(
        "gross trade balance",
        _TIVA,
        _difference("EXGR", "IMGR"),
        gross=True,
        bounds=UNBOUNDED,
    ),
    "BALVAFD": Indicator(
        "value-added trade balance",
        _TIVA,
        _difference("FFD_DVA", "DFD_FVA"),
        bounds=UNBOUNDED,
    ),
    "TBI": Indicator(
        "trade benefit index",
        _PAPER,
        _balance("FFD_DVA", "DFD_FVA"),
        "ratio",
        bounds=INDEX,
    ),
    "TBI_GROSS": Indicator(
        "the index of gross trade",
        _PAPER,
        _balance("EXGR", "IMGR"),
        "ratio",
        bounds=INDEX,
    ),
    "TBI_DVA": Indicator(
        "the index of domestic value added in exports, counted once",
        _PAPER,
        lambda k: _share(
            k["exports_dva"] - k["imports_dva"], k["exports_dva"] + k["imports_dva"]
        ),
        "ratio",
        bounds=INDEX,
    ),
    "VAX_RATIO": Indicator(
        "value added exported over gross exports",
        "Johnson and Noguera 2012",
        _ratio("FFD_DVA", "exports_held"),
        "ratio",
    ),
    "PROD_VASH": _percent_of(
        "value added in output",
        _TIVA,
        _percent("VALU", "PROD"),
        partner=False,
        priced=True,
        bounds=NOT_NEGATIVE,  # a table's own row may exceed output
    ),
    "FINAL_PRODSH": _percent_of(
        "sales to final demand in reported output",
        _ANTRAS,
        _percent("final_sales", "reported_output"),
        partner=False,
        bounds=NOT_NEGATIVE,  # a row may miss its output by rounding
    ),
    "EXGR_DVASH": _percent_of(
        "domestic value added in gross exports",
        _TIVA,
        _percent("EXGR_DVA", "exports_held"),
    ),
    "EXGR_FVASH": _percent_of(
        "foreign value added in gross exports",
        _TIVA,
        _percent("EXGR_FVA", "exports_held"),
    ),
    "EXGR_INTDVASH": _percent_of(
        "domestic value added in intermediate products, of gross exports",
        _TIVA,
        _percent("EXGR_INTDVA", "exports_held"),
    ),
    "EXGR_FNLDVASH": _percent_of(
        "domestic value added in final products, of gross exports",
        _TIVA,
        _percent("EXGR_FNLDVA", "exports_held"),
    ),
    "EXGR_TDVAIND": _percent_of(
        "domestic value added in the industry's exports, of all gross exports",
        _TIVA,
        _industry_share("EXGR_DVA"),
        partner=False,
    ),
    "EXGR_TFVAIND": _percent_of(
        "foreign value added in the industry's exports, of all gross exports",
        _TIVA,
        _industry_share("EXGR_FVA"),
        partner=False,
    ),
    "EXGR_DVAFXSH": _percent_of(
        "domestic value added in the industry's exports abroad, of all gross exports",
        _TIVA,
        _industry_share("FEXDVAP"),
        partner=False,
        bounds=NOT_NEGATIVE,  # counted as often as it crosses a border
    ),
    **{
        f"{name}PSH": _percent_of(
            f"the partner's share of {text}",
            _TIVA,
            _partner_share(name),
            together=False,
        )
        for name, text in {
            "EXGR": "gross exports",
            "IMGR": "gross imports",
            "EXGR_DVA": "domestic value added in gross exports",
            "EXGR_INTDVA": "domestic value added in exports of intermediate products",
            "FFD_DVA": "domestic value added in foreign final demand",
            "DFD_FVA": "foreign value added in domestic final demand",
        }.items()
    },
    **{
        f"{name}SH": _percent_of(
            f"the region's share of {text}",
            _TIVA,
            _share_of_demand(name),
            together=False,
            by_use=name != "FD_VA",
        )
        for name, text in {
            "FD_VA": "what the partner absorbs",
            "CONS_VA": "what the partner consumes",
            "GFCF_VA": "the partner's fixed capital formation",
        }.items()
    },
    "IMGR_DVASH": _percent_of(
        "value added of the importer in gross imports",
        _TIVA,
        _percent("IMGR_DVA", "imports_held"),
    ),
    "REXISH": _percent_of(
        "imports of intermediate products used for exports, counted once",
        _TIVA,
        _percent("REXI", "IMGR_INT"),
    ),
    "IMGRINT_REII": _percent_of(
        "re-exported imports of intermediate products",
        _TIVA,
        _percent("REII", "IMGR_INT"),
        bounds=NOT_NEGATIVE,  # counted as often as it crosses a border
    ),
    "VALU_FFDDVA": _percent_of(
        "value added absorbed abroad",
        _TIVA,
        lambda k: _share(k["FFD_DVA"], k["VALU"], 100.0),
    ),
    "DEXFVAPSH": _percent_of(
        "backward participation: foreign value added, of all gross exports",
        _TIVA,
        _percent_of_exports("DEXFVAP"),
    ),
    "FEXDVAPSH": _percent_of(
        "forward participation: value added in exports of partners, of all gross "
        "exports",
        _TIVA,
        _percent_of_regions_exports("FEXDVAP"),
        bounds=NOT_NEGATIVE,
    ),
    "GVC_PART_KPWW": _percent_of(
        "participation: foreign value added and value added re-exported to third ones",
        _KPWW,
        lambda k: _share(
            k.of_all_partners("EXGR_FVA") + k.of_all_partners("IV"),
            k.of_all_partners("exports_held"),
            100.0,
        ),
        partner=False,
    ),
    "GVC_PART_VS": _percent_of(
        "participation: foreign value added and value added in the exports of others",
        "Hummels, Ishii and Yi 2001; OECD 2012",
        lambda k: _share(
            k.of_all_partners("EXGR_FVA") + k.of_all_partners("VS1"),
            k.of_all_partners("exports_held"),
            100.0,
        ),
        partner=False,
        bounds=NOT_NEGATIVE,
    ),
    "GVC_POS_KPWW": Indicator(
        "position: ln(1 + forward) - ln(1 + backward)",
        _KPWW,
        _kpww_position,
        "ratio",
        partner=False,
        bounds=(-math.log(2), math.log(2)),
    ),
    "GVC_PART_BM": _percent_of(
        "exports that cross two borders or more", _BM, _percent("GVC", "exports_held")
    ),
    "GVC_BACK_BM": _percent_of(
        "of exports, the backward part", _BM, _percent("GVCB", "exports_held")
    ),
    "GVC_FORW_BM": _percent_of(
        "of exports, the forward part", _BM, _percent("GVCF", "exports_held")
    ),
    "GVC_FORWARDNESS": Indicator(
        "(purely forward - purely backward) / all three",
        _BMT,
        _forwardness,
        "ratio",
        bounds=INDEX,
    ),
    "GVC_FWD_WWYZ": _percent_of(
        "of value added, in inputs that cross borders",
        _WWYZ_A,
        _sum_share(("VA_GVC_S", "VA_GVC_C"), ("VALU",)),
        partner=False,
    ),
    "GVC_BWD_WWYZ": _percent_of(
        "of final products, value added that crossed a border",
        _WWYZ_A,
        _sum_share(("FP_GVC_S", "FP_GVC_C"), ("FP_D", "FP_RT", "FP_GVC_S", "FP_GVC_C")),
        partner=False,
    ),
    "RCA": Indicator(
        "revealed comparative advantage in gross exports",
        "Balassa 1965",
        _advantage("EXGR"),
        "ratio",
        partner=False,
        sums=False,
    ),
    "RCA_VA": Indicator(
        "revealed comparative advantage in value added exported, by industry of origin",
        "Koopman, Wang and Wei 2014",
        _advantage("EXGR_DVA_ORIGIN"),
        "ratio",
        partner=False,
        sums=False,
    ),
    **_lengths(),
}
