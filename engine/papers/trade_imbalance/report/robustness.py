"""The sections of the report on 2SLS, other indices, codes and standard errors."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ....core import capital, percent_text
from ....reporting import Block, Details, Journal, Language, Section, Table
from .. import columns as paper
from ..columns import LEVEL, OUTCOMES, SAMPLES
from ..inference import side
from ..other_indices import INDICES, IndexVariants
from ..results import Replication
from ..robustness import ERRORS, direct_effects
from ..tables import coefficient_cells, iv_tables, lagged_frame
from .plots import Figures
from .texts import REPORT, below_in_words, listed, not_computed, table_of


def lagged_instrument(
    result: Replication, figures: Figures, language: Language
) -> Section:
    """2SLS with last year's index: strength of the lag, tables, a lag that acts."""
    frame = lagged_frame(result.lagged)
    pooled = frame[frame["sample"] == "all"]
    larger = int((pooled["estimate"].abs() > pooled["ols_estimate"].abs()).sum())
    bounds = direct_effects(result.lagged)
    bounds = bounds[bounds["sample"] == "all"]
    return REPORT.section(
        "lagged",
        figures,
        strength=_strength(frame),
        fewest=int(frame["clusters"].min()),
        without=_without_effect(frame),
        larger=larger,
        outcomes=len(pooled),
        tables=[Journal(k) for k in iv_tables(result.lagged, language).values()],
        survive=" ".join(_survives(row) for _, row in bounds.iterrows()),
        bounds=table_of(bounds, "outcome", _BOUNDS),
    )


def _without_effect(frame: pd.DataFrame) -> str:
    """Count the Anderson-Rubin tests that reject no effect, by each kind of p, in
    words."""
    kinds = {"F": "ar_f_p_value", "wild bootstrap": "ar_bootstrap_p_value"}
    counts = ", ".join(
        f"{int((frame[column] <= LEVEL).sum())} by {name}"
        for name, column in kinds.items()
        if frame[column].notna().any()
    )
    return f"Of {len(frame)} such tests of no effect, {counts} reject at 5 %."


_BOUNDS = {
    "estimate": "estimate:.2f",
    "se": "se:.2f",
    "reduced_form": "reduced form:.2f",
    "largest_union": "largest, union:.2f",
    "largest_prior": "largest, prior:.2f",
    "share": "share:.0%",
}


def _survives(row: pd.Series) -> str:
    if np.isnan(row["largest_union"]):
        return f"{row['outcome']} is not significant even without one."
    return (
        f"{row['outcome']} stays significant as long as the direct effect is at most "
        f"{row['largest_union']:.2f}, {percent_text(row['share'])} of the whole "
        f"effect of the lag ({row['reduced_form']:.2f})."
    )


# F from which on |t| > 1.96 of 2SLS with one instrument has its level of 5 % (tF; Lee,
# McCrary, Moreira and Porter 2022).
TF_CRITICAL = 104.7


def _strength(frame: pd.DataFrame) -> str:
    """The lag's F by sample against each of the usual critical values."""
    each = frame.drop_duplicates("sample").set_index("sample")
    said = []
    for name, below in (
        (
            "Stock and Yogo's 10 % value, which is for homoskedastic errors",
            each["kp_f"] < each["stock_yogo_10"],
        ),
        (
            "the critical value of the effective F (Montiel Olea and Pflueger 2013)",
            each["effective_f"] < each["effective_f_critical_10"],
        ),
        (
            f"{TF_CRITICAL}, from which on a t-test of 2SLS has its level (tF; Lee, "
            "McCrary, Moreira and Porter 2022)",
            each["kp_f"] < TF_CRITICAL,
        ),
    ):
        weak = [f"{k} (F = {each.loc[k, 'kp_f']:.1f})" for k in each.index[below]]
        where = (
            f"below in the sample {', '.join(weak)}" if weak else "above in every one"
        )
        said.append(f"{name}: {where}")
    return (
        f"The Kleibergen-Paap F of the lag is {each['kp_f'].min():.0f} to "
        f"{each['kp_f'].max():.0f} in the {len(each)} samples. Against "
        f"{'; against '.join(said)}."
    )


def index_variants(result: Replication) -> Section:
    """The index from domestic value added in exports; TBI on the same rows."""
    title = "The index rebuilt from domestic value added"
    variants = result.variants
    if variants is None:
        otherwise = (
            "the data folder holds no world tables of these years and no store was "
            "given; put WIOD tables into it, or use --tables"
        )
        return not_computed(result, title, otherwise)
    rows = variants.rows
    pooled = rows[
        (rows["sample"] == "all") & (rows["p_value"] < LEVEL) & (rows["estimate"] > 0)
    ]
    count = pooled.groupby("index")["outcome"].count().reindex(list(INDICES))
    positive = (
        f"{name} in {int(n) if np.isfinite(n) else 0} of {len(OUTCOMES)}"
        for name, n in count.items()
    )
    return REPORT.section(
        "variants",
        tables=variants.tables,
        rows=_other_rows(result, variants),
        residual=variants.residual_max,
        coefficients=_by_index(rows, INDICES),
        positive=", ".join(positive),
        correlations=Table(
            variants.correlations,
            formats=dict.fromkeys(variants.correlations.columns, ".3f"),
        ),
    )


def _other_rows(result: Replication, variants: IndexVariants) -> str:
    used, own = len(variants.indices), int(result.comparison["n"].max())
    if used == own:
        return ""
    return f" (and from Tables 3 to 6 by the rows, {used} in place of {own})"


def gross_trade(result: Replication) -> Section:
    """The gross balance index alone and beside TBI."""
    title = "Gross trade in place of value added"
    if result.gross is None:
        otherwise = (
            "no file holds exports and imports (NE.EXP.GNFS.CD, NE.IMP.GNFS.CD); name "
            "one as trade under [alternatives] in data.toml"
        )
        return not_computed(result, title, otherwise)
    gross = result.gross.rows
    pooled = gross[gross["sample"] == "all"].set_index(["outcome", "index"])["p_value"]
    wins = sum(pooled[(k, "TBI | GBI")] < LEVEL for k in OUTCOMES)
    loses = sum(pooled[(k, "GBI | TBI")] < LEVEL for k in OUTCOMES)
    return REPORT.section(
        "gross trade",
        wins=wins,
        loses=loses,
        outcomes=len(OUTCOMES),
        correlation=result.gross.correlation,
        coefficients=_by_index(gross, ["TBI", "GBI", "TBI | GBI", "GBI | TBI"]),
    )


def _by_index(rows: pd.DataFrame, indices: Collection[str]) -> Table:
    """A coefficient for each index, by sample and outcome in the paper's order."""
    cells = rows.assign(cell=coefficient_cells(rows, digits=2))
    wide = cells.pivot(index=["sample", "outcome"], columns="index", values="cell")
    order = pd.MultiIndex.from_product([SAMPLES, OUTCOMES], names=wide.index.names)
    frame = wide.reindex(order)[[*indices]].reset_index()
    return Table(frame, formats=dict.fromkeys(indices, ""))


def fixed_codes(result: Replication) -> Section:
    """TBI in all 17 columns with every country code repaired."""
    title = "Every country code repaired"
    if result.fixed is None or result.fixed_panel is None:
        return not_computed(result, title, "")
    columns, name = [*result.fixed], f"recipe {result.panel.codes}"
    own = pd.DataFrame([result.estimates[k]["TBI"] for k in columns])
    other = pd.DataFrame([k["TBI"] for k in result.fixed.values()])
    told: dict[str, list[Any]] = {
        "column": [k.name for k in columns],
        "outcome": [k.outcome for k in columns],
        "sample": [k.sample for k in columns],
        name: coefficient_cells(own),
        "recipe fixed": coefficient_cells(other),
        "n": [k.n for k in result.fixed.values()],
    }
    gap = (other["estimate"] - own["estimate"]) / own["se"]
    formats = {name: "", "recipe fixed": "", "gap": "+.2f"}
    added = sorted(set(result.fixed_panel.countries) - set(result.panel.countries))
    return REPORT.section(
        "codes",
        rows=len(result.fixed_panel.frame),
        countries=len(result.fixed_panel.countries),
        added=f", {', '.join(added)} added" if added else "",
        largest=gap.abs().max(),
        coefficients=Table(pd.DataFrame(told).assign(gap=gap), formats=formats),
    )


def other_errors(result: Replication) -> Section:
    """Standard errors of TBI by other conventions, and dependence of countries."""
    errors = result.errors.assign(column=paper.column_names(result.errors))
    order = list(dict.fromkeys(errors["column"]))
    names = list(ERRORS)
    se, p = (
        errors.pivot(index="column", columns="errors", values=k).loc[order, names]
        for k in ("se", "p_value")
    )
    smallest = int((se.idxmin(axis=1) == "Driscoll-Kraay").sum())
    coef = errors.groupby("column")["estimate"].first()
    se.insert(0, "estimate", coef[order])
    notes = errors.drop_duplicates("errors").set_index("errors")["convention"]
    formats = dict.fromkeys(p.columns, "p3")
    dependence = result.dependence.set_axis(paper.column_names(result.dependence))
    return REPORT.section(
        "other errors",
        years=result.panel.frame["year"].nunique(),
        smallest=smallest,
        columns=len(se),
        notes=[f"{name}: {notes[name]}" for name in names],
        se=Table(se, formats=dict.fromkeys(se.columns, ".3f")),
        p=[Details("p-values", [Table(p, "p-values of TBI.", formats)])],
        dependence=_dependence(dependence),
        correlation=table_of(dependence, "outcome sample", _DEPENDENCE),
        p_error=max(
            result.dependence[f"{k}mc_error"].max()
            for k in ("", "cdw_plus_", "mean_absolute_", "first_component_")
        ),
        placebos=_placebos(result),
    )


_SHOWN = {
    "CV1 t(G-1)": "CV1",
    "WCR": "wild",
    "placebo t": "placebo",
    "two-way WCR": "two-way wild",
    "common shocks": "common shocks",
}


def placebo_sentence(placebos: pd.DataFrame) -> str:
    """The share of treatments without effect that the declared kind of p rejects."""
    wide = placebos.pivot(index="outcome", columns="method", values="size")
    low, high = (percent_text(k) for k in (wide["WCR"].min(), wide["WCR"].max()))
    worst = wide["WCR"].idxmax()
    return (
        f"treatments with the spectrum of TBI and its correlation between countries, "
        f"but without any effect, are significant at 5 % by the wild bootstrap in "
        f"{low} to {high} (most for {worst}), by common shocks in at most "
        f"{percent_text(wide['common shocks'].max())}"
    )


_LEVELS = {
    (False, False): "does not keep its level there, nor does that of common shocks, "
    "which is last in the table",
    (False, True): "does not keep its level there; that of common shocks does, and is "
    "last in the table",
    (True, False): "keeps its level there; that of common shocks, which is last in the "
    "table, does not",
    (True, True): "keeps its level there, and so does that of common shocks, which is "
    "last in the table",
}


def levels_sentence(placebos: pd.DataFrame) -> str:
    """Say which p keeps its level: of the verdicts, of common shocks.

    One does not that rejects treatments without effect of any outcome in more than
    5 %, by more than two simulation errors.
    """
    often = placebos["size"] - 2 * placebos["mc_error"] > LEVEL
    kept = ~often.groupby(placebos["method"]).any()
    return (
        "The p of the verdicts, which takes countries to be independent, "
        f"{_LEVELS[bool(kept['WCR']), bool(kept['common shocks'])]}."
    )


def _placebos(result: Replication) -> Sequence[Block]:
    """Placebo regressions with random phases, beside p of common shocks."""
    placebos = result.placebos
    if placebos is None:
        return not_computed(result, "Treatments that did nothing", "").blocks
    wide = placebos.pivot(index="outcome", columns="method", values="size")
    wide = wide.loc[list(placebos["outcome"].unique()), list(_SHOWN)]
    errors = result.errors[result.errors["errors"] == "common shocks"]
    pooled = errors[(errors["sample"] == "all")].drop_duplicates("outcome", keep="last")
    wide["p of TBI"] = pooled.set_index("outcome")["p_value"]
    shares = wide.rename(columns=_SHOWN).reset_index()
    formats = {**dict.fromkeys(_SHOWN.values(), ".0%"), "p of TBI": "p3"}
    return REPORT.blocks(
        "placebos",
        sizes=capital(placebo_sentence(placebos)),
        panels=placebos.iloc[0]["panels"],
        levels=levels_sentence(placebos),
        shares=Table(shares, formats=formats),
        error=placebos["mc_error"].max(),
    )


def _dependence(found: pd.DataFrame) -> list[Block]:
    """The tests of dependence, and in how many columns each rejects."""
    draws, lacking = int(found["draws"].max()), int(found["unbalanced"].max())
    said = []
    for name, prefix in (
        ("CD*", ""),
        ("the mean absolute correlation", "mean_absolute_"),
        ("the share of the first principal component", "first_component_"),
        ("CDw+", "cdw_plus_"),
    ):
        pairs = zip(found[f"{prefix}p_value"], found[f"{prefix}mc_error"], strict=True)
        places = [side(float(p), float(error)) for p, error in pairs]
        said.append(below_in_words(places, f"{name} in {{}}"))
    return REPORT.blocks(
        "dependence",
        draws=draws,
        columns=len(found),
        rejected=listed(said),
        unbalanced=(
            f" Countries lack years in some columns ({lacking} countries at most): "
            "pairs are compared over the years of both."
            if lacking
            else ""
        ),
    )


_DEPENDENCE = {
    "cd": "CD:.2f",
    "centre": "centre:.2f",
    "cd_star": "CD*:.2f",
    "p_value": "p:p3",
    "cdw_plus": "CDw+:.2f",
    "cdw_plus_p_value": "p of CDw+:p3",
    "mean_absolute": "mean |r|:.3f",
    "mean_absolute_null": "null:.3f",
    "mean_absolute_p_value": "p :p3",
    "first_component": "first PC:.0%",
    "first_component_null": "null :.0%",
    "first_component_p_value": "p  :p3",
}
