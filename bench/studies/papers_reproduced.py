"""Printed numbers of papers beside those of tivax: the tables of a page.

    python -m tivax.bench.studies.papers_reproduced \\
        --truth TRUTH --data DATA --store WIOD13 --results RESULTS --gravity GRAVITY \\
        --out docs/explanation

TRUTH has printed numbers, nafta_printed.csv and a folder each (antras_chor,
decompr_leather, kww2014_appendix, trade_models, wwz_toy); DATA the raw files of some
papers, a folder each (uk2010, econometrics, ossa2014); WIOD13 is a store of the rounded
edition, of `tivax import wiod2013 --derounded`. RESULTS has what these commands wrote,
in folders of these names: `tivax replicate` (replicate, with rebuilt tables), and of
`--paper` (nafta, liberation-day, tariff-war, complex-europe). GRAVITY is the folder of
``printed_gravity``.
``papers-reproduced.csv`` has a row for each paper, ``antras-chor*.csv`` and
``antras-chor.svg`` are of one. The map of the page is ``figures/world.svg`` of
liberation-day.

A cell is equal if all printed digits are: at most half a unit of the last digit apart,
or 1e-12 of the largest number where programs print all digits.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure

import tivax as tx

from .china_syndrome import china_syndrome
from .coverage import INDICATORS, read_truth
from .printed_gravity import caliendo_parro, guide, weidner_zylkin
from .printed_terms import borin_mancini, koopman_wang_wei, wang_wei_zhu
from .trade_wars import best_tariffs
from .uk_multipliers import uk_multipliers

LEAST_OUTPUT = 1e3
"""Million US$: rounding to whole millions moves the numbers of smaller industries."""

_NAMES = {
    "U": "upstreamness (U)",
    "D": "downstreamness (D)",
    "FGO": "final use in output (F/GO)",
    "VAGO": "value added in output (VA/GO)",
}


def printed_cells(path: Path) -> pd.DataFrame:
    """A table of printed numbers; ``half`` is half a unit of the last printed digit."""
    frame = pd.read_csv(path, dtype=str, keep_default_na=False, comment="#")
    digits = frame["value"].str.partition(".")[2].str.len()
    frame["half"] = 0.5 * 10.0**-digits
    return frame.assign(text=frame["value"], value=frame["value"].astype(float))


def judged(value: pd.Series, found: pd.Series, half: pd.Series | float) -> dict:
    """Cells, how many are equal, and the largest distance.

    A half that is printed exactly may be rounded either way.
    """
    given = np.asarray(value, float)
    apart = np.abs(np.asarray(found, float) - given)
    slack = 1e-12 * np.abs(given).max()
    return {
        "cells": len(apart),
        "equal": int((apart <= np.asarray(half) * (1 + 1e-9) + slack).sum()),
        "largest distance": float(apart.max()),
    }


# ----------------------------------------------------------------- Antras and Chor


def industries(
    store: tx.WorldTables, truth: dict[int, dict[str, np.ndarray]]
) -> pd.DataFrame:
    """A row for each year, measure and industry with a printed number: ours beside it.

    Tables are de-rounded and net of inventories; industries have ``LEAST_OUTPUT``.
    """
    parts = []
    for year, printed in truth.items():
        names = [name for name, _ in INDICATORS.values()]
        net = tx.net_of_inventories(store.select(year, year))
        own = tx.indicators(net, names, "sector").data.isel(year=0)
        output = store.table(year).x
        for measure, (name, scale) in INDICATORS.items():
            found = own[name].transpose("region", "sector").to_series() / scale
            part = found.rename("found").reset_index()
            given = {"value": printed[measure], "output": output}
            parts.append(part.assign(year=year, measure=measure, **given))
    cells = pd.concat(parts).dropna(subset=["value", "found"])
    return cells[cells["output"] >= LEAST_OUTPUT]


def distances(cells: pd.DataFrame) -> pd.DataFrame:
    """Cells by measure, equal ones at two decimals, largest and median distance."""
    rows = []
    for measure, part in cells.groupby("measure", sort=False):
        found = judged(part["value"], part["found"], 0.005)
        apart = (part["found"] - part["value"]).abs()
        middle = {"median distance": apart.median()}
        rows.append({"measure": _NAMES[str(measure)]} | found | middle)
    frame = pd.DataFrame(rows)
    for name in ("largest distance", "median distance"):
        frame[name] = frame[name].map("{:.5f}".format)
    return frame


_PAIRS = {("U", "D"): "U and D", ("FGO", "VAGO"): "F/GO and VA/GO"}


def puzzle(cells: pd.DataFrame) -> pd.DataFrame:
    """The correlations of U and D, and of F/GO and VA/GO, over industries by year."""
    rows = []
    for year, part in cells.groupby("year"):
        row: dict[str, object] = {"year": year}
        for (one, other), pair in _PAIRS.items():
            for column, name in (("value", "theirs"), ("found", "tivax")):
                keys = ["region", "sector"]
                wide = part.pivot(index=keys, columns="measure", values=column)
                row[f"{pair}, {name}"] = f"{wide[one].corr(wide[other]):.3f}"
        rows.append(row)
    return pd.DataFrame(rows)


@rc_context({"svg.fonttype": "none", "svg.hashsalt": "tivax", "font.size": 7})
def scatter(cells: pd.DataFrame, year: int, path: Path) -> None:
    """Draw U and D of all industries in a year, theirs across and ours up, as SVG."""
    fig = Figure(figsize=(7, 3.1), layout="constrained")
    for ax, measure in zip(fig.subplots(1, 2), ("U", "D"), strict=True):
        part = cells[(cells["year"] == year) & (cells["measure"] == measure)]
        ends = 1, float(np.ceil(part["value"].max()))
        ax.plot(ends, ends, color="grey", linewidth=0.6)
        dots = ax.scatter(part["value"], part["found"], s=4, color="#0072B2")
        dots.set(alpha=0.5, linewidth=0, rasterized=True)
        ax.spines[["top", "right"]].set_visible(False)
        name = _NAMES[measure]
        ax.set_title(f"{name[:1].upper()}{name[1:]}, {year}", loc="left")
        ax.set_xlabel("Antras and Chor, unrounded tables")
        ax.set_ylabel("tivax, rounded tables")
        ax.set(aspect="equal", xlim=ends, ylim=ends)
    fig.savefig(path, metadata={"Date": None})


# ----------------------------------------------------------------- results of commands


_PAPERS = {
    "tables": "[Imbalance and de-globalisation (2021)](../tutorials/the-paper.md)",
    "antras-chor": "[Antras and Chor (2018)](antras-chor.md)",
    "kww": "[Koopman, Wang and Wei (2014)](koopman-wang-wei.md)",
    "wwz": "[Wang, Wei and Zhu (2013)](decompositions.md)",
    "bm": "[Borin and Mancini (2023)](decompositions.md)",
    "uk": "[Office for National Statistics (2014)](../how-to/national-tables.md)",
    "adh": "[Autor, Dorn and Hanson (2013)](../how-to/what-a-referee-asks.md)",
    "nafta": "[Caliendo and Parro (2015)](published-trade-models.md#nafta)",
    "ossa": "[Ossa (2014)](../how-to/counterfactuals-exact-hat.md)",
    "ld": "[Ignatenko et al. (2025)](published-trade-models.md#liberation-day)",
    "ce": "[Felbermayr et al. (2022)](published-trade-models.md#complex-europe)",
    "wz": "[Weidner and Zylkin (2021)](../how-to/gravity.md)",
    "agtpa": "[Yotov et al. (2016)](../how-to/gravity.md)",
    "theta": "[Caliendo and Parro (2015)](../how-to/gravity.md)",
    "war": "[Lashkaripour (2021)](published-trade-models.md#tariff-war)",
}


def nafta(truth: Path, tables: pd.DataFrame) -> pd.DataFrame:
    """Printed cells of NAFTA's tables beside those of the command."""
    given = printed_cells(truth / "nafta_printed.csv")
    kept = (given["scenario"] == "deficits").map({True: ", deficits kept", False: ""})
    imports = given["measure"] == "imports"
    given["table"] = ("Table 2" + kept).mask(imports, "imports from members")
    given = given.assign(row=given["region"], column=given["measure"].map(_NAFTA))
    found = tables.rename(columns={"value": "found"})
    return given.merge(found, on=["table", "row", "column"])


_NAFTA = {
    "tot": "terms of trade",
    "vot": "volume of trade",
    "welfare": "welfare",
    "realwage": "real wages",
    "imports": "change",
}


class Models:
    """Printed cells of trade models beside those of the commands."""

    def __init__(self, truth: Path, results: Path) -> None:
        made = {
            "ld": ("liberation_day/tables.csv", "liberation-day/tables.csv"),
            "map": ("liberation_day/map.csv", "liberation-day/map.csv"),
            "ce": ("complex_europe/tables.csv", "complex-europe/tables.csv"),
            "war": ("tariff_war/table2.csv", "tariff-war/tables.csv"),
        }
        self.cells: dict[str, pd.DataFrame] = {}
        for name, (printed, own) in made.items():
            given = printed_cells(truth / "trade_models" / printed)
            found = pd.read_csv(results / own, keep_default_na=False)
            found = found.rename(columns={"value": "found"})
            self.cells[name] = given.merge(found, on=["table", "row", "column"])
        own = pd.read_csv(results / "nafta" / "tables.csv")
        self.cells["nafta"] = nafta(truth, own)
        stars = self.cells["ce"]["column"].str.endswith("stars")
        self.cells["stars"] = self.cells["ce"][stars]
        self.cells["ce"] = self.cells["ce"][~stars]

    def liberation_day(self) -> pd.DataFrame:
        """Welfare of the USA under the announced tariffs, by variant of the model."""
        rows = self.cells["ld"]
        case = rows["row"].str.removesuffix(": USA").map(_CASES)
        own = case.notna() & (rows["column"] == "welfare")
        return _beside(rows[own], {"table": rows["table"], "announced tariffs": case})

    def complex_europe(self) -> pd.DataFrame:
        """Real final spending of some countries without memberships."""
        rows = self.cells["ce"]
        shown = (rows["table"] == "Table 5") & rows["column"].isin(_SCENARIOS)
        shown &= rows["row"].isin(_COUNTRIES)
        about = {"scenario": rows["column"].map(_SCENARIOS), "country": rows["row"]}
        return _beside(rows[shown], about)


_CASES = {
    "case 1 USTR, income tax relief": "income-tax relief",
    "1 USTR, reciprocal retaliation": "all others retaliate",
    "alternative 4 Eaton-Kortum-Krugman": "Eaton-Kortum-Krugman",
    "1 fixed transfers, before": "fixed transfers",
    "pre 1 USTR": "with inputs",
}
_COUNTRIES = ["DEU", "GBR", "POL", "USA"]
_SCENARIOS = {
    "S2": "without the single market",
    "S6": "without all memberships",
    "S7": "without these and transfers",
}


def _beside(rows: pd.DataFrame, about: dict[str, pd.Series]) -> pd.DataFrame:
    return pd.DataFrame(
        {name: column[rows.index] for name, column in about.items()}
        | {"printed": rows["text"], "tivax": rows["found"].map("{:.3f}".format)}
    )


def reproduced(
    truth: Path,
    data: Path,
    results: Path,
    gravity: Path,
    cells: pd.DataFrame,
    models: Models,
) -> pd.DataFrame:
    """A row for each paper, or part of one; ``cells`` are those of ``industries``."""
    own = pd.read_csv(results / "replicate" / "comparison.csv")
    own = own.dropna(subset=["paper_coef"])
    same = np.sign(own["coef"]) == np.sign(own["paper_coef"])
    same &= own["stars"] == own["paper_stars"]
    apart = ((own["coef"] - own["paper_coef"]) / own["paper_se"]).abs().max()
    first = {
        "paper": _PAPERS["tables"],
        "what": "coefficients of Tables 3 to 6: sign and stars",
        "cells": len(own),
        "equal": int(same.sum()),
        "largest distance": f"{apart:.2g} of a printed standard error",
    }
    names = "nafta", "ld", "map", "ce", "war"
    cp, ld, world, ce, war = (models.cells[k] for k in names)
    digits = 1e-6 * np.maximum(world["value"].abs(), 1e-6)
    trade = ce["table"] == "Table A6"
    rates = war["column"] == "baseline tariff"
    income = war["column"] == "baseline real GDP"
    near = "Table 2, from data near to the paper's"
    kww, wwz, bm = (k(truth) for k in (koopman_wang_wei, wang_wei_zhu, borin_mancini))
    ossa = best_tariffs(data / "ossa2014")
    adh = china_syndrome(data / "econometrics")
    uk = uk_multipliers(data / "uk2010")
    slopes, gains = guide(gravity)
    wz, theta = weidner_zylkin(gravity), caliendo_parro(gravity)
    parts: list[tuple[str, str, pd.DataFrame, Any, str]] = [
        ("antras-chor", "indices of industries: two decimals", cells, 0.005, ""),
        ("kww", "examples of appendices C and D", kww, kww["half"], ""),
        ("wwz", "sixteen terms, beside R decompr", wwz, 0.0, ""),
        ("bm", "two perspectives, beside R icio", bm, bm["half"], ""),
        ("uk", "multipliers and effects of 127 products, UK 2010", uk, 0.0, ""),
        ("adh", "Table 3, column 6: the coefficient", adh, adh["half"], ""),
        ("nafta", "Table 2 and growth of imports", cp, cp["half"], "points"),
        ("ossa", "best tariffs: half a point", ossa, ossa["half"], ""),
        ("ld", "Tables 1 to 4, 8 to 11, one sector", ld, ld["half"], "points"),
        ("ld", "map of the world: six digits", world, digits, "points"),
        ("ce", "Tables 5, A8 and B10", ce[~trade], ce["half"][~trade], "points"),
        ("ce", "Table A6", ce[trade], ce["half"][trade], "bn US$"),
        ("ce", "stars", models.cells["stars"], 0.0, "stars"),
        ("war", f"{near}: tariffs", war[rates], war["half"][rates], "points"),
        ("war", f"{near}: real GDP", war[income], war["half"][income], "points"),
        ("wz", "slopes, bias and errors of ppml_fe_bias", wz, wz["half"], ""),
        ("agtpa", "slopes and errors, chapter 1", slopes, slopes["half"], ""),
        ("agtpa", "gains from NAFTA, another closure", gains, gains["half"], "points"),
        ("theta", "elasticities of 18 sectors", theta, theta["half"], ""),
    ]
    rows = [first]
    for paper, what, part, half, unit in parts:
        found = judged(part["value"], part["found"], half)
        largest = f"{found.pop('largest distance'):.2g} {unit}".strip()
        row = {"paper": _PAPERS[paper], "what": what} | found
        rows.append(row | {"largest distance": largest})
    return pd.DataFrame(rows)


def main() -> None:
    """Write the tables of the page and its figure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    for name in ("truth", "data", "store", "results", "gravity", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    store = tx.open_store(given.store)
    printed = read_truth(given.truth / "antras_chor" / "three_years.csv", store)
    cells = industries(store, printed)
    models = Models(given.truth, given.results)
    frames = {
        "papers-reproduced": reproduced(
            given.truth, given.data, given.results, given.gravity, cells, models
        ),
        "antras-chor": distances(cells),
        "antras-chor-puzzle": puzzle(cells),
        "liberation-day": models.liberation_day(),
        "complex-europe": models.complex_europe(),
    }
    for name, frame in frames.items():
        for column in frame.columns.intersection(["cells", "equal"]):
            frame[column] = frame[column].map("{:,}".format)
        frame.to_csv(given.out / f"{name}.csv", index=False)
        print(frame.to_string(index=False))
    scatter(cells, int(cells["year"].max()), given.out / "antras-chor.svg")


if __name__ == "__main__":
    main()
