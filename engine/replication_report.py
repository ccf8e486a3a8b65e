"""The report of a replication: what was done, what came out, what to make of it.

Every number in its sentences comes from the results; on other data the sentences
change with them.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from tivax.engine import (
    heterogeneity,
    inference_report,
    paper,
    report,
    robustness,
    specifications,
)
from tivax.engine import replication_tables as tables
from tivax.engine.descriptives import VISIBLE
from tivax.engine.estimation import CONVENTION_NOTES
from tivax.engine.journal_tables import comparison_tables
from tivax.engine.labels import Language, label, numbered
from tivax.engine.panel import OUTCOMES, WIOD_COUNTRIES, describe_losses, sample
from tivax.engine.plot_style import Figure
from tivax.engine.replication import CURVES, PARTS_OUTCOME, Replication
from tivax.engine.report import (
    Block,
    Details,
    Heading,
    Journal,
    Points,
    Section,
    Table,
    Text,
)
from tivax.engine.verdicts import LEVEL, Verdict, verdicts

TITLE = "Has trade imbalance led to “de-globalisation”? The paper recomputed"
SUBTITLE = (
    "Every table and figure of the paper (国际贸易问题 2021, no. 9, article "
    "1002-4670(2021)09-0001-16), number by number"
)


def write(
    path: Path,
    result: Replication,
    figures: Mapping[str, Figure],
    footer: Mapping[str, str],
    language: Language = "en",
) -> None:
    """Write the report to ``path``, one self-contained HTML file."""
    found = verdicts(result)
    sections = [
        _summary(result, found),
        _question(),
        _data(result, figures, language),
        _paper_tables(result, figures, language),
        _verdicts(found),
        _lagged(result, language),
        _variants(result),
        _groups(result, figures),
        _left_out(result, figures),
        _editions(result, figures),
        _gross(result),
        _recipes(result),
        _errors(result),
        inference_report.section(result.inference, result.skipped, figures),
        _moments(result),
        _caveats(result),
    ]
    report.write_report(
        path, TITLE, SUBTITLE, sections, footer, prefix="A", language=language
    )


# ------------------------------------------------------------------------- summary


def _summary(result: Replication, found: list[Verdict]) -> Section:
    comparison = result.comparison
    gaps = paper.differences(comparison).abs()
    signs = np.sign(comparison["coef"]) == np.sign(comparison["paper_coef"])
    stars = comparison["stars"] == comparison["paper_stars"]
    worst = comparison.iloc[int(np.argmax(gaps))]
    sizes = comparison.drop_duplicates(["sample"]).set_index("sample")["n"]
    return Section(
        "What came out",
        [
            Points(
                [
                    f"{len(comparison)} printed coefficients were recomputed on "
                    f"{sizes['all']} rows ({sizes['developed']} developed, "
                    f"{sizes['developing']} developing), from the files of the "
                    f"institutes and an index {_index_note(result)}.",
                    f"They differ from the print by {gaps.mean():.3f} printed standard "
                    f"errors on average and {gaps.max():.3f} at most (Table "
                    f"{worst['table']}, column {worst['column']}, {worst['term']}). "
                    f"{int(signs.sum())} of {len(signs)} signs and {int(stars.sum())} "
                    f"of {len(stars)} star counts agree.",
                    *(
                        f"{k.hypothesis}: {k.conclusion} "
                        f"({sum(t.holds for t in k.tests)} of {len(k.tests)} tests "
                        "hold)."
                        for k in found
                    ),
                    _pooled_sentence(result),
                ]
            ),
            _beside_table(result),
        ],
    )


def _index_note(result: Replication) -> str:
    """Where the index comes from, in the words of the codebook."""
    return str(result.panel.codebook.set_index("variable").loc["TBI", "note"])


def _not_computed(result: Replication, title: str, otherwise: str = "") -> Section:
    """A section that the inputs do not serve, and why."""
    why = result.skipped.get(title, otherwise)
    return Section(title, [Text(f"Not computed: {why}.")])


def _pooled_sentence(result: Replication) -> str:
    above = _exceeding(result, "pooled")
    if above < len(OUTCOMES):
        return (
            f"The pooled coefficient exceeds both subsample ones for {above} of "
            f"{len(OUTCOMES)} outcomes; the section on groups shows why."
        )
    between = result.parts[result.parts["part"] == "between groups"]
    return (
        "The pooled coefficient of TBI exceeds both subsample ones for all "
        f"{len(OUTCOMES)} outcomes. A part of it is not about countries at all: "
        f"{between['weight'].mean():.0%} of the variation that identifies it is how "
        f"the two groups moved against each other over time.{_between_share(result)}"
    )


def _between_share(result: Replication) -> str:
    """The share of each coefficient; there is none where parts have opposite signs."""
    parts = result.parts.pivot(index="outcome", columns="part", values="contribution")
    shares, mixed = [], []
    for outcome in OUTCOMES:
        own: dict = parts.loc[outcome].to_dict()
        if min(own.values()) < 0 < max(own.values()):
            mixed.append(outcome)
        else:
            share = own["between groups"] / sum(own.values())
            shares.append(f"{share:.0%} for {outcome}")
    text = f" Its share of the coefficient is {', '.join(shares)}." if shares else ""
    if mixed:
        text += f" It has none for {', '.join(mixed)}: the parts have opposite signs."
    return text


def _beside_table(result: Replication) -> Table:
    rows = result.comparison[result.comparison["term"] == "TBI"]
    frame = pd.DataFrame(
        {
            "column": _names(rows),
            "outcome": rows["outcome"].to_numpy(),
            "sample": rows["sample"].to_numpy(),
            "paper": _cells(rows, "paper_"),
            "tivax": _cells(rows),
            "gap": paper.differences(rows).to_numpy(),
            "R² paper": rows["paper_r2"].to_numpy(),
            "R²": rows["r2"].to_numpy(),
        }
    )
    return Table(
        frame,
        "The coefficient of TBI in all 17 columns, standard errors in parentheses. "
        "Gap: (tivax − paper) / standard error of the paper.",
        {"paper": "", "tivax": "", "gap": "+.3f", "R² paper": ".4f", "R²": ".4f"},
    )


def _names(rows: pd.DataFrame) -> list[str]:
    """The name of each row's column of the paper."""
    pairs = zip(rows["table"], rows["column"], strict=True)
    return [paper.column_name(int(table), int(column)) for table, column in pairs]


def _cells(rows: pd.DataFrame, prefix: str = "", digits: int = 4) -> list[str]:
    """``13.5816*** (4.4613)`` for each row."""
    names = [f"{prefix}{name}" for name in ("coef", "se", "stars")]
    return [
        f"{coef:.{digits}f}{'*' * int(stars)} ({se:.{digits}f})".replace("-", "−")
        for coef, se, stars in rows[names].to_numpy()
    ]


# ------------------------------------------------------------------ question, data


def _question() -> Section:
    return Section(
        "Question",
        [
            Text(
                "Does a country that does badly in the division of trade gains turn "
                "away from globalisation? The paper measures the gain by the trade "
                "benefit index, net value-added exports over value-added trade,"
                "\n\n"
                "TBI_i = (X_i − M_i) / (X_i + M_i),   X_i = Σ_j≠i T_ij,   "
                "M_i = Σ_j≠i T_ji,"
                "\n\n"
                "where T_ij is value added of country i absorbed in the final demand "
                "of j. Globalisation is the KOF index de jure: policies and measures, "
                "not flows. De-globalisation is a fall of that index. The paper "
                "estimates"
                "\n\n"
                "KOF_it = β0 + β1 TBI_it + β2′ X_it + c_i + λ_t + ε_it"
                "\n\n"
                "with country and year effects and standard errors clustered by "
                "country. The controls X are management quality RQ, log exchange rate, "
                "total factor productivity, inflation, log capital stock, log GDP and "
                "log population."
            ),
            Points(
                [
                    "H1. Trade imbalance leads to de-globalising policies or measures.",
                    "H2. It acts on trade policy, on political behaviour and on "
                    "financial activity, and through them on globalisation.",
                    "H3. When their trade gains are hurt, developed countries lean on "
                    "political means, developing countries on economic policy.",
                ]
            ),
        ],
    )


def _data(
    result: Replication, figures: Mapping[str, Figure], language: Language
) -> Section:
    panel = result.panel
    book = panel.codebook
    logs = book["transformation"] == "log"
    shown = pd.DataFrame(
        {
            "variable": book["variable"],
            "source": book["source"],
            "edition": book["edition"],
            "series": book["series"].mask(logs, "log of " + book["series"]),
            "unit": book["unit"].str.removeprefix("log of "),
            "missing": book["missing"],
        }
    )
    recipe = {
        "paper": "merges the country codes of KOF and the governance indicators as "
        "published, as the paper evidently did; recipe fixed repairs them",
        "fixed": "repairs every country code; recipe paper merges them as published",
    }[panel.codes]
    return Section(
        "Data",
        [
            Text(
                f"The {len(WIOD_COUNTRIES)} countries of the world input-output tables "
                f"(WIOD 2016) by year. Recipe {panel.codes} {recipe}. What the merge "
                "lost, and why:"
            ),
            Points(describe_losses(panel) or ["nothing"]),
            Text(
                "The paper prints neither its editions, nor its country list, nor its "
                "split. The defaults of tivax are the combination that a search found "
                "to reproduce the print. The year 2001 does not exist in the "
                "governance indicators: it is filled by the rule "
                f"“{result.files.fill_2001}”; the print agrees with “mean-1996-2014”."
            ),
            Table(shown, "Every variable, its source and edition.", {}),
            *_table_1(result, figures, language),
            Heading("Table 2: how the index is made"),
            _table_2(result),
            report.Figure(
                figures["figure1"],
                "Means of KOFGIdj and KOFEcGIdj by group of countries. "
                + _figure_1_sentence(result),
                numbered("Figure", 1, language),
            ),
        ],
    )


def _table_2(result: Replication) -> Block:
    if result.structure is None:
        return Text(f"Not computed: {result.skipped['Table 2']}.")
    return Table(
        result.structure.rename(
            columns={
                "mean_difference": "mean gap",
                "largest_difference": "largest gap",
                "beyond": f"rows beyond {VISIBLE}",
            }
        ),
        "Each de jure index of Table 2 beside the plain mean of its parts, on the rows "
        "that have every part; absolute differences in index points.",
        {"mean gap": ".4f", "largest gap": ".4f"},
    )


def _table_1(
    result: Replication, figures: Mapping[str, Figure], language: Language
) -> list[Block]:
    own = result.table_1.dropna()
    gaps = own["difference"].abs()
    if result.files.store is not None:
        where = f"computed from the store {result.files.store.name}"
    else:
        where = (
            "taken from a file: no store of world tables was given, so Table 1 is not "
            "computed from tables here. `tivax replicate --store STORE` does that with "
            "WIOD 2016"
        )
    worst = own.iloc[int(np.argmax(gaps))] if len(own) else None
    text = f"The index is {where}."
    if worst is not None:
        text += (
            f" Of the {len(result.table_1)} printed values {len(own)} are there; they "
            f"differ by {gaps.mean():.4f} on average and {gaps.max():.4f} at most "
            f"({worst['iso3']} {worst['year']}); "
            f"{int((gaps < 0.00005).sum())} agree to four digits."
        )
    wide = own.pivot(index="year", columns="iso3", values="ours")
    printed = own.pivot(index="year", columns="iso3", values="paper")
    order = [k for k in dict.fromkeys(result.table_1["iso3"]) if k in wide]
    frame = pd.concat({"paper": printed[order], "tivax": wide[order]}, axis=1)
    frame = frame.swaplevel(axis=1)[order]
    number = numbered("Table", 1, language)
    return [
        Heading("Table 1: the index"),
        Text(text),
        Details(
            "Table 1, printed and ours",
            [
                Table(
                    frame,
                    label("table 1", language),
                    {column: ".4f" for column in frame.columns},
                    number,
                )
            ],
        ),
        *(
            [
                report.Figure(
                    figures["table1_tbi"], "Trade benefit index of Table 1's economies."
                )
            ]
            if "table1_tbi" in figures
            else []
        ),
    ]


def _figure_1_sentence(result: Replication) -> str:
    means = result.figure_1
    first, last = int(means["year"].min()), int(means["year"].max())
    peak = 2008 if first < 2008 < last else last

    def change(index: str, group: str, start: int, end: int) -> float:
        return _change(means[means["sample"] == group], index, start, end)

    def both(index: str, start: int, end: int) -> str:
        return (
            f"{change(index, 'developing', start, end):+.1f} and "
            f"{change(index, 'developed', start, end):+.1f}"
        ).replace("-", "−")

    later = (
        f"; from {peak} to {last - 1} by {both('KOFEcGIdj', peak, last - 1)}, and in "
        f"{last} by {both('KOFEcGIdj', last - 1, last)}"
        if peak < last - 1
        else ""
    )
    return (
        f"Points of the index, developing and developed countries: from {first} to "
        f"{peak} the overall index changed by {both('KOFGIdj', first, peak)}, the "
        f"economic one by {both('KOFEcGIdj', first, peak)}{later}."
    )


# ----------------------------------------------------------------- the paper's tables


def _paper_tables(
    result: Replication, figures: Mapping[str, Figure], language: Language
) -> Section:
    comparison = result.comparison
    blocks: list[Block] = [
        Text(
            f"Convention: {CONVENTION_NOTES['stata']}; within R², year effects counted "
            "as explained; the constant with explicit year dummies, the first year the "
            "base. Printed numbers stand to the left, ours in the middle, and the gap "
            "in printed standard errors to the right."
        ),
        report.Figure(
            figures["tbi_coefficients"],
            "The coefficient of TBI in all 17 columns, printed and ours, 95 % "
            "intervals from t(countries − 1).",
        ),
    ]
    for number in tables.TABLES:
        rows = comparison[comparison["table"] == number]
        gaps = paper.differences(rows).abs()
        other = rows[rows["stars"] != rows["paper_stars"]]
        stars = (
            "all stars agree"
            if other.empty
            else "stars differ for "
            + ", ".join(
                f"{k['term']} in column {k['column']} (paper {k['paper_stars']}, "
                f"ours {k['stars']})"
                for _, k in other.iterrows()
            )
        )
        blocks += [
            Heading(
                f"{numbered('Table', number, language)}: "
                f"{label(f'table {number}', language)}"
            ),
            Text(
                f"{len(rows)} coefficients; mean gap {gaps.mean():.3f} and largest "
                f"{gaps.max():.3f} printed standard errors; {stars}."
            ),
            *(
                Journal(block, "")
                for block in comparison_tables(comparison, number, language)
            ),
            report.Figure(
                figures[f"table{number}_coefficients"],
                f"All coefficients of Table {number}, printed and ours, with 95 % "
                "intervals.",
            ),
        ]
    return Section("The paper's tables, number by number", blocks)


# --------------------------------------------------------------------------- verdicts


def _verdicts(found: list[Verdict]) -> Section:
    blocks: list[Block] = [
        Text(
            "The tests are listed in one place, engine/verdicts.py; most of them are "
            "coefficients that the paper prints, so their results were known. A test "
            f"holds where the sign is the claimed one and p < {LEVEL}; a significant "
            "opposite sign counts only as not holding. A hypothesis is supported where "
            "all its tests hold, supported in part where at least half do, else not "
            "supported. Tests overlap (samples contain each other, indices their "
            "parts): their count is no weight of evidence. That one group's "
            "coefficient is significant and the other's is not is no test of a "
            "difference; the difference is tested by itself. None of this makes the "
            "association causal: see the caveats."
        )
    ]
    for verdict in found:
        blocks += [
            Heading(f"{verdict.hypothesis}: {verdict.conclusion}"),
            Text(verdict.statement),
            Table(
                verdict.frame(),
                f"Tests of {verdict.hypothesis}.",
                {"estimate": ".3f", "s.e.": ".3f", "p": ".3f"},
            ),
        ]
    return Section("The three hypotheses", blocks)


# ------------------------------------------------- robustness that the paper mentions


def _lagged(result: Replication, language: Language) -> Section:
    frame = tables.lagged_frame(result.lagged)
    weak = frame[frame["kp_f"] < frame["effective_f_critical_10"]]
    pooled = frame[frame["sample"] == "all"]
    larger = int((pooled["coef"].abs() > pooled["ols_coef"].abs()).sum())
    made = tables.iv_tables(result.lagged, language)
    strength = (
        "The lag is a strong instrument in every sample by each of the usual measures"
        if weak.empty
        else "The lag is a weak instrument for " + ", ".join(set(weak["sample"]))
    )
    return Section(
        "Two-stage least squares with last year's index",
        [
            Text(
                "The paper reports, without figures, that 2SLS with TBI lagged one "
                f"year passes its tests. {strength}: Kleibergen-Paap F "
                f"{frame['kp_f'].min():.0f} to {frame['kp_f'].max():.0f}. The "
                "Anderson-Rubin sets hold whatever the strength. Strength is not "
                "validity. The lag of a persistent index is a valid instrument only if "
                "last year's balance has no delayed effect of its own on this year's "
                "policy (exclusion), if the errors are not serially correlated, since "
                "last year's shock moved last year's balance too, and if shocks to "
                "policy are not foreseen in it. One instrument for one regressor "
                "leaves no over-identification test: no test here can show any of the "
                "three."
                "\n\n"
                f"In the full sample 2SLS is larger than least squares in {larger} of "
                f"{len(pooled)} outcomes. The first year of each country is lost."
            ),
            *(Journal(table) for table in made.values()),
        ],
    )


def _variants(result: Replication) -> Section:
    title = "The index rebuilt from domestic value added"
    variants = result.variants
    if variants is None:
        otherwise = (
            "the data folder holds no world tables of these years and no store was "
            "given; put WIOD tables into it, or use --store"
        )
        return _not_computed(result, title, otherwise)
    rows = variants.rows.assign(cell=_cells(variants.rows, digits=2))
    frame = rows.pivot(index=["sample", "outcome"], columns="index", values="cell")
    frame = _ordered(frame)[list(robustness.INDICES)].reset_index()
    pooled = rows[(rows["sample"] == "all") & (rows["p"] < LEVEL) & (rows["coef"] > 0)]
    count = pooled.groupby("index")["outcome"].count().reindex(list(robustness.INDICES))
    return Section(
        title,
        [
            Text(
                "The paper also rebuilds TBI from domestic value added in exports, "
                "again without figures. Two readings: DVA_sr = V_s L_ss E_sr, the "
                "domestic value added in exports from s to r; and the part of it that "
                "is absorbed abroad and does not return to s. The index is (Σ_r DVA_sr "
                "− Σ_r DVA_rs) / (Σ_r DVA_sr + Σ_r DVA_rs). "
                f"Tables: {variants.tables}; all columns are on these rows, so that "
                "they differ by the index alone (and from Tables 3 to 6 by the rows). "
                f"Leontief solves reached a relative residual of "
                f"{variants.residual_max:.0e}."
            ),
            Table(
                frame,
                "Coefficient of each index, all controls, standard errors clustered by "
                "country. TBI: value added absorbed. DVA: in exports. DVA abroad: "
                "absorbed abroad. gross: gross exports.",
                dict.fromkeys(robustness.INDICES, ""),
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


def _ordered(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows by sample and outcome in the order of the paper."""
    return frame.reindex(
        pd.MultiIndex.from_product(
            [specifications.SAMPLES, OUTCOMES], names=frame.index.names
        )
    )


# ------------------------------------------------------------------ beyond the paper


def _groups(result: Replication, figures: Mapping[str, Figure]) -> Section:
    rows = result.interactions.rename(
        columns={
            "developed_se": "s.e.",
            "developing_se": "s.e. ",
            "difference_se": "s.e.  ",
        }
    )
    parts = result.parts.pivot(
        index="outcome", columns="part", values=["weight", "slope"]
    )
    parts = parts.reindex(list(OUTCOMES)).swaplevel(axis=1)
    parts = parts[[(p, k) for p in heterogeneity.PARTS for k in ("weight", "slope")]]
    parts[("sum", "pooled")] = result.parts.groupby("outcome")["contribution"].sum()
    formats = {
        column: ".0%" if column[1] == "weight" else ".2f" for column in parts.columns
    }
    different = result.interactions[
        (result.interactions["model"] == "all interacted")
        & (result.interactions["p"] < LEVEL)
    ]["outcome"].tolist()
    return Section(
        "Developed and developing countries",
        [
            Text(
                "The first model is the paper's. The second gives each group its own "
                "year effects. The others let TBI, and in the last everything, differ "
                "by group; the difference is the coefficient of TBI × developed. "
                + (
                    f"With every coefficient by group it is significant at 5 % for "
                    f"{', '.join(different)} and for no other outcome."
                    if different
                    else "With every coefficient by group it is significant for no "
                    "outcome."
                )
            ),
            Table(
                rows,
                "Slopes of TBI by group under five models; p is that of the "
                "difference, from t(countries − 1). One slope stands in both columns.",
                dict.fromkeys(rows.columns[2:8], ".2f") | {"p": ".3f"},
            ),
            Heading(
                "Why the pooled coefficient is not between the two"
                if _exceeding(result, "pooled") == len(OUTCOMES)
                else "What the pooled coefficient is made of"
            ),
            Text(
                "With common year effects the regression also compares the two groups "
                f"with each other over time. {_group_paths(result)} Neither subsample "
                "sees that. The pooled coefficient is exactly a weighted mean of three "
                "slopes: within developed, within developing (both at the pooled "
                "coefficients of the controls), and between the groups over time. The "
                "slopes within a group differ from those of Tables 4 and 6 because "
                "there each group has its own controls and year effects. With year "
                "effects by group and nothing else changed, the one coefficient "
                f"exceeds both of the subsamples for {_exceeding(result)} of "
                f"{len(OUTCOMES)} outcomes."
            ),
            Table(
                parts,
                "The pooled coefficient taken apart: weights sum to 1, weight times "
                "slope to the pooled coefficient.",
                formats,
            ),
            report.Figure(
                figures["pooled_parts"],
                f"{PARTS_OUTCOME} on TBI, both net of controls, country and year "
                "effects. Dots: deviations within a group, and (between) what the "
                "countries of a group share in a year.",
            ),
        ],
    )


def _exceeding(result: Replication, model: str = "group year effects") -> int:
    """For how many outcomes one slope for all exceeds those of both subsamples."""
    count = 0
    for _, rows in result.interactions.groupby("outcome"):
        one = rows[rows["model"] == model].iloc[0]["developed"]
        split = rows[rows["model"] == "all interacted"].iloc[0]
        count += one > max(split["developed"], split["developing"])
    return int(count)


def _group_paths(result: Replication) -> str:
    """How the two groups' means moved from the first year to the last."""
    frame = result.panel.frame
    first, last = int(frame["year"].min()), int(frame["year"].max())

    def change(group: str, name: str) -> float:
        means = sample(frame, group).groupby("year")[name].mean().reset_index()
        return _change(means, name, first, last)

    return (
        f"From {first} to {last} the mean TBI of developing countries changed by "
        f"{change('developing', 'TBI'):+.3f} (developed "
        f"{change('developed', 'TBI'):+.3f}) and their economic index by "
        f"{change('developing', 'KOFEcGIdj'):+.1f} points (developed "
        f"{change('developed', 'KOFEcGIdj'):+.1f})."
    ).replace("-", "−")


def _change(means: pd.DataFrame, name: str, start: int, end: int) -> float:
    """The change of a column by year between two years."""
    values = means.set_index("year")[name].to_dict()
    return float(values[end] - values[start])


def _left_out(result: Replication, figures: Mapping[str, Figure]) -> Section:
    summary = specifications.leave_one_out_summary(result.left_out)
    summary.insert(0, "of the paper", _names(summary))
    summary = summary.drop(columns=["table", "column"])
    changed = summary[summary.pop("sign_changes") > 0]
    lost = int(summary.pop("not_estimated").sum())
    shown = summary.rename(
        columns={
            "without_lowest": "without",
            "without_highest": "without ",
            "most_influential": "moves most",
            "largest_p": "largest p",
            "smallest_p": "smallest p",
        }
    )
    return Section(
        "Leaving out one country at a time",
        [
            Text(
                f"{len(result.left_out) - len(summary) - lost} regressions"
                + (f", {lost} more could not be estimated. " if lost else ". ")
                + (
                    "The sign of TBI never changes."
                    if changed.empty
                    else "The sign of TBI changes in "
                    + ", ".join(changed["of the paper"])
                    + "."
                )
            ),
            Table(
                shown,
                "The coefficient of TBI without each country in turn.",
                dict.fromkeys(["coef", "lowest", "highest"], ".2f")
                | {"largest p": ".3f", "smallest p": ".3f"},
            ),
            *(
                report.Figure(
                    figures[f"leave_one_out_{outcome}"],
                    f"{outcome}, all countries, all controls: the coefficient of TBI "
                    "without the country named, 95 % intervals.",
                )
                for outcome in CURVES
            ),
        ],
    )


def _editions(result: Replication, figures: Mapping[str, Figure]) -> Section:
    rows = result.curve.rows
    count = len(rows) // (len(OUTCOMES) * len(specifications.SAMPLES))
    own = result.curve.name
    lost = len(rows) - len(specifications.estimated(rows))
    found = specifications.estimated(rows)
    summary = []
    for (group, outcome), each in found.groupby(["sample", "outcome"], sort=False):
        summary.append(
            {
                "sample": group,
                "outcome": outcome,
                own: float(each.loc[each["chosen"], "coef"].iloc[0]),
                "lowest": each["coef"].min(),
                "median": each["coef"].median(),
                "highest": each["coef"].max(),
                "positive, 5 %": ((each["coef"] > 0) & (each["p"] < LEVEL)).mean(),
                "negative, 5 %": ((each["coef"] < 0) & (each["p"] < LEVEL)).mean(),
            }
        )
    frame = pd.DataFrame(summary)
    return Section(
        "Other editions and definitions",
        [
            Text(
                f"Every combination of KOF, Penn World Table and governance edition, "
                "rule for 2001, exchange rate (nominal, real against the dollar by the "
                "price levels of the same edition, real effective) and inflation "
                f"series: {count} specifications for each outcome and sample, "
                f"{len(found):,} regressions"
                + (f" ({lost} more could not be estimated)" if lost else "")
                + ", computed by the kernels of tivax. The "
                f"{_own_specification(result)} differs from pyfixest's by at most "
                f"{result.curve.largest_difference:.0e} standard errors, in "
                f"coefficients and standard errors. {_rows_sentence(found)}"
            ),
            *(
                report.Figure(
                    figures[f"specification_curve_{outcome}"],
                    f"{outcome}, all countries: the coefficient of TBI under "
                    f"{count} combinations, 95 % intervals; the printed value as a "
                    "line.",
                )
                for outcome in CURVES
            ),
            Table(
                frame,
                "Range of the coefficient of TBI over all combinations, and the share "
                "significant at 5 %.",
                dict.fromkeys([own, "lowest", "median", "highest"], ".2f")
                | {"positive, 5 %": ".0%", "negative, 5 %": ".0%"},
            ),
        ],
    )


def _own_specification(result: Replication) -> str:
    return (
        "identified specification"
        if result.curve.identified
        else "specification that data.toml chooses"
    )


def _rows_sentence(rows: pd.DataFrame) -> str:
    """Whether the specifications are on the same rows."""
    sizes = rows[rows["sample"] == "all"]
    own = int(sizes.loc[sizes["chosen"], "n"].iloc[0])
    other = sizes[sizes["n"] != own]
    if other.empty:
        return f"All are on the same {own} rows of the full sample."
    share = len(other) / len(sizes)
    return (
        f"Some files lack cells: {share:.0%} of the specifications of the full sample "
        f"have {other['n'].min()} to {other['n'].max()} rows in place of {own}, and "
        "differ by the rows too."
    )


def _gross(result: Replication) -> Section:
    title = "Gross trade in place of value added"
    if result.gross is None:
        otherwise = (
            "no file holds exports and imports (NE.EXP.GNFS.CD, NE.IMP.GNFS.CD); name "
            "one as trade under [alternatives] in data.toml"
        )
        return _not_computed(result, title, otherwise)
    gross = result.gross.rows
    rows = gross.assign(cell=_cells(gross, digits=2))
    frame = rows.pivot(index=["sample", "outcome"], columns="index", values="cell")
    names = ["TBI", "GBI", "TBI | GBI", "GBI | TBI"]
    frame = _ordered(frame)[names].reset_index()
    pooled = gross[gross["sample"] == "all"].set_index(["outcome", "index"])["p"]
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


def _recipes(result: Replication) -> Section:
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
                "gap": (other.coef - first.coef) / first.se,
            }
        )
    frame = pd.DataFrame(rows)
    names = list(dict.fromkeys([f"recipe {result.panel.codes}", "recipe fixed"]))
    for name in names:
        frame[name] = [
            f"{k.coef:.4f}{'*' * k.stars} ({k.se:.4f})".replace("-", "−")
            for k in frame[name]
        ]
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


def _errors(result: Replication) -> Section:
    errors = result.errors.assign(column=_names(result.errors))
    order = list(dict.fromkeys(errors["column"]))
    names = list(robustness.ERRORS)
    se = errors.pivot(index="column", columns="errors", values="se").loc[order, names]
    p = errors.pivot(index="column", columns="errors", values="p").loc[order, names]
    smallest = int((se.idxmin(axis=1) == "Driscoll-Kraay").sum())
    coef = errors.groupby("column")["coef"].first()
    se.insert(0, "coef", coef[order])
    years = result.panel.frame["year"].nunique()
    cd = result.dependence.set_axis(_names(result.dependence))[
        ["outcome", "sample", "cd", "p", "mean_correlation"]
    ].rename(columns={"cd": "CD", "mean_correlation": "mean correlation"})
    notes = errors.drop_duplicates("errors").set_index("errors")["convention"]
    return Section(
        "Other standard errors",
        [
            Text(
                "The default is Stata's correction. The other standard errors are what "
                "the libraries of the field would print; p-values are from the t "
                "distributions named below, whatever a library prints. Driscoll-Kraay "
                "errors allow for correlation between countries but rely on many "
                "years, and are too small where years are few. This panel has "
                f"{years}, and they are the smallest in {smallest} of {len(se)} "
                "columns."
            ),
            Points([f"{name}: {notes[name]}" for name in names]),
            Table(
                se,
                "Standard errors of TBI by convention.",
                dict.fromkeys(se.columns, ".3f"),
            ),
            Details(
                "p-values",
                [Table(p, "p-values of TBI.", dict.fromkeys(p.columns, ".3f"))],
            ),
            Table(
                cd,
                "Pesaran's CD test on the residuals of each column. With year effects "
                "removed it is biased down (Juodis and Reese 2022): small negative "
                "values are expected where there is no dependence."
                + _unbalanced_sentence(result),
                {"CD": ".2f", "p": ".3f", "mean correlation": ".3f"},
            ),
        ],
    )


def _unbalanced_sentence(result: Replication) -> str:
    lacking = result.dependence["unbalanced"]
    if not lacking.any():
        return ""
    return (
        " It takes a balanced panel: left empty where countries lack a year, "
        f"{lacking.max()} at most."
    )


def _moments(result: Replication) -> Section:
    moments, variation = result.moments, result.variation
    all_ = variation[(variation["variable"] == "TBI")].set_index("sample")
    return Section(
        "Descriptive statistics and within variation",
        [
            Table(
                moments[moments["sample"] == "all"]
                .drop(columns="sample")
                .reset_index(drop=True),
                "All countries: standard deviations of all rows, of country means "
                "(between) and of deviations from them (within).",
                dict.fromkeys(["mean", "sd", "between", "within", "min", "max"], ".3f"),
            ),
            Details(
                "By group of countries",
                [
                    Table(
                        moments[moments["sample"] != "all"].reset_index(drop=True),
                        "The same by group.",
                        dict.fromkeys(
                            ["mean", "sd", "between", "within", "min", "max"], ".3f"
                        ),
                    )
                ],
            ),
            Text(
                "How much of each regressor identifies its coefficient: the standard "
                "deviation in total, after country effects, after year effects, and "
                "after the other regressors. The regressions see "
                + ", ".join(
                    f"{all_.loc[k, 'share']:.0%} of the variance of TBI in the sample "
                    f"“{k}”"
                    for k in specifications.SAMPLES
                )
                + "."
            ),
            Table(
                variation.rename(columns={"two_way": "two-way"}),
                "Standard deviation left at each step; share = (partial / total)².",
                dict.fromkeys(["total", "country", "two-way", "partial"], ".4f")
                | {"share": ".2%"},
            ),
        ],
    )


def _caveats(result: Replication) -> Section:
    points = [
        "The default sample, split and editions were inferred from the print. A match "
        "is strong evidence, not proof, that the authors used them; the mean gap of "
        f"this run is {paper.differences(result.comparison).abs().mean():.3f} printed "
        "standard errors.",
        "An association within countries is not an effect. Openness can move trade "
        "balances, and both can follow growth, commodity prices or accession to the "
        "European Union, which year effects common to all countries do not take out.",
        "Clusters are few in the subsamples, and t(G − 1) with cluster-robust errors "
        "can be too optimistic there; wild cluster bootstrap and randomisation "
        "inference are the next check.",
        "Five outcomes are tested in three samples. No p-value here is corrected for "
        "that, as none in the paper is.",
        "The exchange rate is nominal in the identified data although the paper calls "
        "it real; the section on editions shows the others.",
    ]
    if result.files.store is None:
        points.insert(
            1,
            f"TBI is {_index_note(result)}. Years that were estimated and not computed "
            "from world tables carry the error of the estimate into every table.",
        )
    return Section("Caveats", [Points(points)])
