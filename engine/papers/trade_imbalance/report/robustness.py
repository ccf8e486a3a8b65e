"""The sections of the report on 2SLS, other indices, codes and standard errors."""

from collections.abc import Collection, Sequence
from typing import Any

import pandas as pd

from ....core import capital
from ....present.words import Words
from ....reporting import Block, Details, Journal, Section, Table
from .. import columns as paper
from ..columns import LEVEL, OUTCOMES, SAMPLES
from ..inference import side
from ..other_indices import INDICES
from ..results import Replication
from ..robustness import ERRORS, direct_effects
from ..tables import coefficient_cells, iv_tables, lagged_frame
from .plots import Figures
from .texts import below, codes, listed, not_computed, records, table, table_of


def lagged_instrument(result: Replication, figures: Figures, words: Words) -> Section:
    """2SLS with last year's index: strength of the lag, tables, a lag that acts."""
    frame = lagged_frame(result.lagged)
    pooled = frame[frame["sample"] == "all"]
    larger = int((pooled["estimate"].abs() > pooled["ols_estimate"].abs()).sum())
    bounds = direct_effects(result.lagged)
    bounds = bounds[bounds["sample"] == "all"]
    survive = (
        words.text("survives" if row["largest_union"] >= 0 else "insignificant", **row)
        for row in records(bounds)
    )
    tables = iv_tables(result.lagged, words.language)
    return words.section(
        "lagged",
        figures,
        strength=_strength(frame, words),
        fewest=int(frame["clusters"].min()),
        without=_without_effect(frame, words),
        larger=larger,
        outcomes=len(pooled),
        tables=[Journal(k) for k in tables.values()],
        survive=words.listed(survive, " "),
        bounds=table_of(words, bounds, "outcome", _BOUNDS),
    )


def _without_effect(frame: pd.DataFrame, words: Words) -> str:
    """Count the Anderson-Rubin tests that reject no effect, by each kind of p, in
    words."""
    kinds = {"by F": "ar_f_p_value", "by bootstrap": "ar_bootstrap_p_value"}
    counts = (
        words.text(name, count=int((frame[column] <= LEVEL).sum()))
        for name, column in kinds.items()
        if frame[column].notna().any()
    )
    rejected = words.listed(counts, ", ")
    return words.text("no effect", tests=len(frame), rejected=rejected)


_BOUNDS = {
    "estimate": "estimate:.2f",
    "se": "se:.2f",
    "reduced_form": "reduced form:.2f",
    "largest_union": "largest, union:.2f",
    "largest_prior": "largest, prior:.2f",
    "share": "share:.0%",
}


# F from which on |t| > 1.96 of 2SLS with one instrument has its level of 5 % (tF; Lee,
# McCrary, Moreira and Porter 2022).
TF_CRITICAL = 104.7


def _strength(frame: pd.DataFrame, words: Words) -> str:
    """The lag's F by sample against each of the usual critical values."""
    each = frame.drop_duplicates("sample").set_index("sample")
    f, effective = each["kp_f"], each["effective_f"]

    def where(under: pd.Series) -> str:
        weak = [words.text("weak sample", sample=k, f=f[k]) for k in each.index[under]]
        samples = words.listed(weak, ", ")
        return words.text("below" if weak else "above", samples=samples)

    return words.text(
        "lag strength",
        least=f.min(),
        most=f.max(),
        samples=len(each),
        stock_yogo=where(f < each["stock_yogo_10"]),
        effective=where(effective < each["effective_f_critical_10"]),
        tf=TF_CRITICAL,
        of_tf=where(f < TF_CRITICAL),
    )


def index_variants(result: Replication, words: Words) -> Section:
    """The index from domestic value added in exports; TBI on the same rows."""
    variants = result.variants
    if variants is None:
        step = "The index rebuilt from domestic value added"
        return not_computed(words, result, "variants", step, "no tables")
    rows = variants.rows
    pooled = rows[
        (rows["sample"] == "all") & (rows["p_value"] < LEVEL) & (rows["estimate"] > 0)
    ]
    count = pooled.groupby("index")["outcome"].count().reindex(list(INDICES))
    positive = (
        words.text("positive", name=name, count=int(n), outcomes=len(OUTCOMES))
        for name, n in count.fillna(0).items()
    )
    used, own = len(variants.indices), int(result.comparison["n"].max())
    correlations = variants.correlations
    return words.section(
        "variants",
        tables=variants.tables,
        rows=words.also(used != own, "other rows there", used=used, own=own),
        residual=variants.residual_max,
        coefficients=_by_index(words, rows, INDICES),
        positive=words.listed(positive, ", "),
        correlations=table(
            words, correlations, dict.fromkeys(correlations.columns, ".3f")
        ),
    )


def gross_trade(result: Replication, words: Words) -> Section:
    """The gross balance index alone and beside TBI."""
    if result.gross is None:
        step = "Gross trade in place of value added"
        return not_computed(words, result, "gross trade", step, "no trade file")
    gross = result.gross.rows
    pooled = gross[gross["sample"] == "all"].set_index(["outcome", "index"])["p_value"]
    wins = sum(pooled[(k, "TBI | GBI")] < LEVEL for k in OUTCOMES)
    loses = sum(pooled[(k, "GBI | TBI")] < LEVEL for k in OUTCOMES)
    return words.section(
        "gross trade",
        wins=wins,
        loses=loses,
        outcomes=len(OUTCOMES),
        correlation=result.gross.correlation,
        coefficients=_by_index(words, gross, ["TBI", "GBI", "TBI | GBI", "GBI | TBI"]),
    )


def _by_index(words: Words, rows: pd.DataFrame, indices: Collection[str]) -> Table:
    """A coefficient for each index, by sample and outcome in the paper's order."""
    cells = rows.assign(cell=coefficient_cells(rows, digits=2))
    wide = cells.pivot(index=["sample", "outcome"], columns="index", values="cell")
    order = pd.MultiIndex.from_product([SAMPLES, OUTCOMES], names=wide.index.names)
    frame = wide.reindex(order)[[*indices]].reset_index()
    return table(words, frame, dict.fromkeys(indices, ""))


def fixed_codes(result: Replication, words: Words) -> Section:
    """TBI in all 17 columns with every country code repaired."""
    if result.fixed is None or result.fixed_panel is None:
        return not_computed(words, result, "codes", "Every country code repaired")
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
    countries = codes(words, added)
    return words.section(
        "codes",
        rows=len(result.fixed_panel.frame),
        countries=len(result.fixed_panel.countries),
        added=words.text("added", countries=countries) if added else "",
        largest=gap.abs().max(),
        coefficients=table(words, pd.DataFrame(told).assign(gap=gap), formats),
    )


def other_errors(result: Replication, words: Words) -> Section:
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
    p_values = table(words, p, formats, words.text("p of TBI"))
    return words.section(
        "other errors",
        years=result.panel.frame["year"].nunique(),
        smallest=smallest,
        columns=len(se),
        notes=[words.text("convention", name=k, convention=notes[k]) for k in names],
        se=table(words, se, dict.fromkeys(se.columns, ".3f")),
        p=[Details(words.text("p-values"), [p_values])],
        dependence=_dependence(dependence, words),
        correlation=table_of(words, dependence, "outcome sample", _DEPENDENCE),
        p_error=max(
            result.dependence[f"{k}mc_error"].max() for k in _MEASURES.values()
        ),
        placebos=_placebos(result, words),
    )


_SHOWN = {
    "CV1 t(G-1)": "CV1",
    "WCR": "wild",
    "placebo t": "placebo",
    "two-way WCR": "two-way wild",
    "common shocks": "common shocks",
}


def placebo_sentence(placebos: pd.DataFrame, words: Words) -> str:
    """The share of treatments without effect that the declared kind of p rejects."""
    wide = placebos.pivot(index="outcome", columns="method", values="size")
    return words.text(
        "sizes",
        low=wide["WCR"].min(),
        high=wide["WCR"].max(),
        worst=wide["WCR"].idxmax(),
        common=wide["common shocks"].max(),
    )


_LEVELS = {
    (False, False): "neither keeps",
    (False, True): "shocks keep",
    (True, False): "wild keeps",
    (True, True): "both keep",
}


def levels_sentence(placebos: pd.DataFrame, words: Words) -> str:
    """Say which p keeps its level: of the verdicts, of common shocks.

    One does not that rejects treatments without effect of any outcome in more than
    5 %, by more than two errors, of draws and of the one outcome.
    """
    often = placebos["size"] - 2 * placebos["mc_error"] > LEVEL
    kept = ~often.groupby(placebos["method"]).any()
    name = _LEVELS[bool(kept["WCR"]), bool(kept["common shocks"])]
    return words.text("levels", kept=words.text(name))


def _placebos(result: Replication, words: Words) -> Sequence[Block]:
    """Placebo regressions with random phases, beside p of common shocks."""
    placebos = result.placebos
    if placebos is None:
        step = "Treatments that did nothing"
        return not_computed(words, result, "placebos", step).blocks
    wide = placebos.pivot(index="outcome", columns="method", values="size")
    wide = wide.loc[list(placebos["outcome"].unique()), list(_SHOWN)]
    errors = result.errors[result.errors["errors"] == "common shocks"]
    pooled = errors[(errors["sample"] == "all")].drop_duplicates("outcome", keep="last")
    wide["p of TBI"] = pooled.set_index("outcome")["p_value"]
    shares = wide.rename(columns=_SHOWN).reset_index()
    formats = {**dict.fromkeys(_SHOWN.values(), ".0%"), "p of TBI": "p3"}
    return words.blocks(
        "placebos",
        Sizes=capital(placebo_sentence(placebos, words)),
        panels=placebos.iloc[0]["panels"],
        levels=levels_sentence(placebos, words),
        shares=table(words, shares, formats),
        error=placebos["mc_error"].max(),
    )


_MEASURES = {
    "by CD": "",
    "by correlation": "mean_absolute_",
    "by component": "first_component_",
    "by CDw": "cdw_plus_",
}


def _dependence(found: pd.DataFrame, words: Words) -> list[Block]:
    """The tests of dependence, and in how many columns each rejects."""
    lacking = int(found["unbalanced"].max())
    said = []
    for name, prefix in _MEASURES.items():
        pairs = zip(found[f"{prefix}p_value"], found[f"{prefix}mc_error"], strict=True)
        places = [side(float(p), float(error)) for p, error in pairs]
        said.append(below(words, places, name))
    return words.blocks(
        "dependence",
        draws=int(found["draws"].max()),
        columns=len(found),
        rejected=listed(words, said),
        unbalanced=words.also(lacking, "unbalanced", lacking=lacking),
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
