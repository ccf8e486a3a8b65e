"""The sections of the report on 2SLS, other indices, codes and standard errors."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ....core import percent_text
from ....reporting import (
    Block,
    Details,
    Drawn,
    Formula,
    Heading,
    Journal,
    Language,
    Points,
    Section,
    Table,
    Text,
)
from ....reporting import Figure as Shown
from .. import columns as paper
from ..columns import LEVEL, OUTCOMES, SAMPLES
from ..inference import side
from ..other_indices import INDICES, IndexVariants
from ..results import Replication
from ..robustness import ERRORS, direct_effects
from ..tables import coefficient_cells, iv_tables, lagged_frame


def lagged_instrument(
    result: Replication, figures: Mapping[str, Figure | Drawn], language: Language
) -> Section:
    """2SLS with last year's index: strength of the lag, tables, a lag that acts."""
    frame = lagged_frame(result.lagged)
    pooled = frame[frame["sample"] == "all"]
    larger = int((pooled["estimate"].abs() > pooled["ols_estimate"].abs()).sum())
    made = iv_tables(result.lagged, language)
    fewest = int(frame["clusters"].min())
    return Section(
        "Two-stage least squares with last year's index",
        [
            Text(
                "The paper reports, without figures, that 2SLS with TBI lagged one "
                f"year passes its tests. {_strength(frame)} The Anderson-Rubin sets do "
                "not depend on the strength, but they are cluster-robust F tests and "
                "can be too narrow with few clusters, as t-tests can: here there are "
                f"{fewest} in the smallest sample. {_without_effect(frame)} Strength "
                "is not "
                "validity. The lag of a persistent index is a valid instrument only if "
                "last year's balance has no delayed effect of its own on this year's "
                "policy (exclusion), if the errors are not serially correlated, since "
                "last year's shock moved last year's balance too, and if shocks to "
                "policy are not foreseen in it. One instrument for one regressor "
                "leaves no over-identification test: no test here can show any of the "
                "three."
                "\n\n"
                "In the full sample the coefficient of 2SLS is larger in absolute "
                "value "
                f"than that of least squares for {larger} of {len(pooled)} outcomes. "
                "The first year of each country is lost."
            ),
            *(Journal(table) for table in made.values()),
            *_direct_effects(result, figures),
        ],
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


def _direct_effects(
    result: Replication, figures: Mapping[str, Figure | Drawn]
) -> list[Block]:
    """The largest direct effect of the lag that each pooled result survives."""
    frame = direct_effects(result.lagged)
    pooled = frame[frame["sample"] == "all"].drop(columns="sample")
    return [
        Heading("A lag that acts itself"),
        Text(
            "Let last year's index have a direct effect of its own on this year's "
            "policy (Conley, Hansen and Rossi 2012). The union of the 95 % intervals "
            "over all direct effects up to a size d assumes nothing else of it; a "
            "normal prior around 0 of standard deviation d/2 holds large ones to be "
            "less likely. " + " ".join(_survives(row) for _, row in pooled.iterrows())
        ),
        Table(
            pooled.rename(columns=_BOUNDS),
            "The largest direct effect of the lag, in points of the outcome for a unit "
            "of the index, at which the interval of TBI excludes 0 (–: it never "
            "does): by the union, and with the prior. Share: that of the union over "
            "the whole effect of the lag, the reduced form.",
            dict.fromkeys(["estimate", "se", *_BOUNDS.values()], ".2f")
            | {"share": ".0%"},
        ),
        Shown(
            figures["direct_effects"],
            "The coefficient of TBI by the size of the lag's direct effect, all "
            "countries. Solid: 2SLS. Dotted: where the union begins to hold 0.",
        ),
    ]


_BOUNDS = {
    "reduced_form": "reduced form",
    "largest_union": "largest, union",
    "largest_prior": "largest, prior",
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
        return _not_computed(result, title, otherwise)
    rows = variants.rows.assign(cell=coefficient_cells(variants.rows, digits=2))
    frame = rows.pivot(index=["sample", "outcome"], columns="index", values="cell")
    frame = _ordered(frame)[list(INDICES)].reset_index()
    pooled = rows[
        (rows["sample"] == "all") & (rows["p_value"] < LEVEL) & (rows["estimate"] > 0)
    ]
    count = pooled.groupby("index")["outcome"].count().reindex(list(INDICES))
    return Section(
        title,
        [
            Text(
                "The paper also rebuilds TBI from domestic value added in exports, "
                "again without figures. Two readings: DVA_sr = V_s L_ss E_sr, the "
                "domestic value added in exports from s to r; and the part that is "
                "absorbed abroad and does not return to s. The index of each is"
            ),
            Formula("dva_index"),
            Text(
                f"Tables: {variants.tables}; "
                "all columns are on these rows, so that they differ by the index "
                f"alone{_other_rows(result, variants)}. Leontief solves reached a "
                f"relative residual of {variants.residual_max:.0e}."
            ),
            Table(
                frame,
                "Coefficient of each index, all controls, standard errors clustered by "
                "country. TBI: value added absorbed. DVA: in exports. DVA abroad: "
                "absorbed abroad. gross: gross exports.",
                dict.fromkeys(INDICES, ""),
            ),
            Text(
                "In the full sample, positive at 5 %: "
                + ", ".join(
                    f"{name} in {int(n) if np.isfinite(n) else 0} of {len(OUTCOMES)}"
                    for name, n in count.items()
                )
                + " outcomes."
            ),
            Table(
                variants.correlations,
                "Correlations of the indices, country and year means removed.",
                dict.fromkeys(variants.correlations.columns, ".3f"),
            ),
        ],
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
        return _not_computed(result, title, otherwise)
    gross = result.gross.rows
    rows = gross.assign(cell=coefficient_cells(gross, digits=2))
    frame = rows.pivot(index=["sample", "outcome"], columns="index", values="cell")
    names = ["TBI", "GBI", "TBI | GBI", "GBI | TBI"]
    frame = _ordered(frame)[names].reset_index()
    pooled = gross[gross["sample"] == "all"].set_index(["outcome", "index"])["p_value"]
    wins = sum(pooled[(k, "TBI | GBI")] < LEVEL for k in OUTCOMES)
    loses = sum(pooled[(k, "GBI | TBI")] < LEVEL for k in OUTCOMES)
    return Section(
        title,
        [
            Text(
                "The gross balance index GBI is (exports − imports) / (exports + "
                "imports) of goods and services, World Bank. Alone, and beside TBI "
                "(“TBI | GBI” is the coefficient of TBI with GBI in the regression). "
                f"With both in the full sample TBI is significant at 5 % for {wins} "
                f"and GBI for {loses} of {len(OUTCOMES)} outcomes. Within countries "
                "and years the two have a correlation of "
                f"{result.gross.correlation:.2f}: the nearer to 1, the less precise "
                "the pair's coefficients."
            ),
            Table(
                frame,
                "Coefficients, all controls, standard errors clustered by country.",
                dict.fromkeys(names, ""),
            ),
        ],
    )


def fixed_codes(result: Replication) -> Section:
    """TBI in all 17 columns with every country code repaired."""
    title = "Every country code repaired"
    if result.fixed is None or result.fixed_panel is None:
        return _not_computed(result, title)
    rows = []
    for column, estimate in result.fixed.items():
        first, other = result.estimates[column]["TBI"], estimate["TBI"]
        rows.append(
            {
                "column": column.name,
                "outcome": column.outcome,
                "sample": column.sample,
                f"recipe {result.panel.codes}": first,
                "recipe fixed": other,
                "n": estimate.n,
                "gap": (other.estimate - first.estimate) / first.se,
            }
        )
    frame = pd.DataFrame(rows)
    names = list(dict.fromkeys([f"recipe {result.panel.codes}", "recipe fixed"]))
    for name in names:
        frame[name] = coefficient_cells(pd.DataFrame(frame[name].tolist()))
    added = sorted(set(result.fixed_panel.countries) - set(result.panel.countries))
    return Section(
        title,
        [
            Text(
                "With every code repaired the panel has "
                f"{len(result.fixed_panel.frame)} rows and "
                f"{len(result.fixed_panel.countries)} countries"
                + (f", {', '.join(added)} added. " if added else ". ")
                + "Largest change of a TBI coefficient: "
                f"{frame['gap'].abs().max():.2f} standard errors."
            ),
            Table(
                frame,
                "The coefficient of TBI under both recipes; gap in standard errors.",
                dict.fromkeys(names, "") | {"gap": "+.2f"},
            ),
        ],
    )


def other_errors(result: Replication) -> Section:
    """Standard errors of TBI by other conventions, and dependence of countries."""
    errors = result.errors.assign(column=paper.column_names(result.errors))
    order = list(dict.fromkeys(errors["column"]))
    names = list(ERRORS)
    se = errors.pivot(index="column", columns="errors", values="se").loc[order, names]
    p = errors.pivot(index="column", columns="errors", values="p_value").loc[
        order, names
    ]
    smallest = int((se.idxmin(axis=1) == "Driscoll-Kraay").sum())
    coef = errors.groupby("column")["estimate"].first()
    se.insert(0, "estimate", coef[order])
    years = result.panel.frame["year"].nunique()
    notes = errors.drop_duplicates("errors").set_index("errors")["convention"]
    return Section(
        "Other standard errors",
        [
            Text(
                "The default is Stata's correction. The other standard errors are what "
                "the libraries of the field would print; p-values are from the t "
                "distributions named below, whatever a library prints. Driscoll-Kraay "
                "errors allow for correlation between countries but rely on many "
                "years, and can be too small where years are few. This panel has "
                f"{years} years, and its Driscoll-Kraay errors are the smallest in "
                f"{smallest} of {len(se)} columns."
            ),
            Points([f"{name}: {notes[name]}" for name in names]),
            Table(
                se,
                "Standard errors of TBI by convention.",
                dict.fromkeys(se.columns, ".3f"),
            ),
            Details(
                "p-values",
                [Table(p, "p-values of TBI.", dict.fromkeys(p.columns, "p3"))],
            ),
            Heading("Are the countries independent?"),
            Text(_dependence_text(result.dependence)),
            _dependence_table(result.dependence),
            *_placebos(result),
        ],
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
    5 %, by more than two simulation errors."""
    often = placebos["size"] - 2 * placebos["mc_error"] > LEVEL
    kept = ~often.groupby(placebos["method"]).any()
    return (
        "The p of the verdicts, which takes countries to be independent, "
        f"{_LEVELS[bool(kept['WCR']), bool(kept['common shocks'])]}."
    )


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _placebos(result: Replication) -> list[Block]:
    """Placebo regressions with random phases, beside p of common shocks."""
    heading = Heading("Would a treatment that did nothing be significant?")
    placebos = result.placebos
    if placebos is None:
        why = result.skipped.get("Treatments that did nothing", "")
        return [heading, Text(f"Not computed: {why}.")]
    wide = placebos.pivot(index="outcome", columns="method", values="size")
    wide = wide.loc[list(placebos["outcome"].unique()), list(_SHOWN)]
    errors = result.errors[result.errors["errors"] == "common shocks"]
    pooled = errors[(errors["sample"] == "all")].drop_duplicates("outcome", keep="last")
    wide["p of TBI"] = pooled.set_index("outcome")["p_value"]
    first = placebos.iloc[0]
    return [
        heading,
        Text(
            f"{_capital(placebo_sentence(placebos))}. The paths of TBI are taken apart "
            "into waves and put together again with other phases, the same for all "
            f"countries ({first['panels']:,} times for each outcome); outcome and "
            f"controls stay. {levels_sentence(placebos)} The outcome "
            "holds whatever TBI does to it, and the placebos differ between countries "
            "as TBI does: where there is an effect, these shares are an upper bound."
        ),
        Table(
            wide.rename(columns=_SHOWN).reset_index(),
            "Share of treatments without effect that are significant at 5 %, by kind "
            "of p (wild with Rademacher weights), Monte-Carlo error at most "
            f"{placebos['mc_error'].max():.3f}; and p of TBI itself by common shocks.",
            {**dict.fromkeys(_SHOWN.values(), ".0%"), "p of TBI": "p3"},
        ),
    ]


def _dependence_text(found: pd.DataFrame) -> str:
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
        sides = [side(float(p), float(error)) for p, error in pairs]
        text = f"{name} in {sides.count('below')}"
        if at := sides.count("at"):
            text += f" ({at} more at the threshold within simulation error)"
        said.append(text)
    return (
        "Clustered errors take countries to be independent. Year effects make the "
        "residuals of a year add up to zero, so that Pesaran's CD is not centred at 0 "
        "where they are: with equal variances its centre is −√(TG / (2(G − 1))), with "
        "these variances it is the column “centre”. CD* is CD less its centre, "
        "divided by its scale (Pesaran and Xie 2021). CDw+ gives countries random "
        "signs and adds the largest correlations (Juodis and Reese 2022); with few "
        "years it has little power. Their p-values, and those of the "
        "mean absolute correlation and of the share of the first principal component, "
        f"come from {draws:,} simulated panels with independent countries: normal "
        "errors with the variance of each country and the autocorrelation of the "
        "residuals, taken through the same effects, regressors and missing cells. "
        f"Under “null” stands the mean of these panels. Of {len(found)} columns "
        f"independence is rejected at 5 % by {', '.join(said[:-1])} and {said[-1]}. "
        "The errors are taken to be normal; a column that does not reject may lack "
        "power."
        + (
            f" Countries lack years in some columns ({lacking} countries at most): "
            "pairs are compared over the years of both."
            if lacking
            else ""
        )
    )


def _dependence_table(found: pd.DataFrame) -> Table:
    names = {
        "outcome": "outcome",
        "sample": "sample",
        "cd": "CD",
        "centre": "centre",
        "cd_star": "CD*",
        "p_value": "p",
        "cdw_plus": "CDw+",
        "cdw_plus_p_value": "p of CDw+",
        "mean_absolute": "mean |r|",
        "mean_absolute_null": "null",
        "mean_absolute_p_value": "p ",
        "first_component": "first PC",
        "first_component_null": "null ",
        "first_component_p_value": "p  ",
    }
    table = found.set_axis(paper.column_names(found))[[*names]].rename(columns=names)
    p_error = max(
        found[f"{k}mc_error"].max()
        for k in ("", "cdw_plus_", "mean_absolute_", "first_component_")
    )
    return Table(
        table,
        "Correlation between countries in the residuals of each column. Monte-Carlo "
        f"error of p at most {p_error:.4f}.",
        {
            **dict.fromkeys(["CD", "centre", "CD*", "CDw+"], ".2f"),
            **dict.fromkeys(["p", "p of CDw+", "p ", "p  "], "p3"),
            **dict.fromkeys(["mean |r|", "null"], ".3f"),
            **dict.fromkeys(["first PC", "null "], ".0%"),
        },
    )


def _ordered(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows by sample and outcome in the order of the paper."""
    return frame.reindex(
        pd.MultiIndex.from_product([SAMPLES, OUTCOMES], names=frame.index.names)
    )


def _not_computed(result: Replication, title: str, otherwise: str = "") -> Section:
    """A section that could not be computed, and why."""
    why = result.skipped.get(title, otherwise)
    return Section(title, [Text(f"Not computed: {why}.")])
