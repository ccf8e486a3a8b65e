"""The sections of the report on the paper's question, its data and its tables."""

import numpy as np
import pandas as pd

from ....core import percent_text
from ....reporting import (
    Block,
    Details,
    Journal,
    Language,
    Section,
    Table,
    Text,
    numbered,
)
from ....reporting import Figure as Shown
from .. import columns as paper
from .. import descriptives
from ..columns import SAMPLES, losses_in_words
from ..results import Replication
from ..robustness import convention_in_words
from ..tables import TABLES, comparison_tables
from ..titles import title
from .plots import Figures
from .texts import REPORT, table_of


def data(result: Replication, figures: Figures, language: Language) -> Section:
    """Files and editions, what the merge lost, Tables 1 and 2, Figure 1."""
    panel = result.panel
    book, asked = panel.codebook, len(panel.countries) + len(panel.losses)
    logs = book["transformation"] == "log"
    series = book["series"].mask(logs, "log of " + book["series"])
    edition = book["edition"].astype(str)
    notes = book["note"].fillna("").astype(str)
    shown = pd.DataFrame(
        {
            "variable": book["variable"],
            "meaning": book["meaning"] + notes.where(notes == "", "; " + notes),
            "source, edition: series": book["source"] + ", " + edition + ": " + series,
            "unit": book["unit"].str.removeprefix("log of "),
            "missing": book["missing"],
        }
    )
    recipe = {
        "paper": "merges the country codes of KOF and the governance indicators as "
        "published, as the paper evidently did; recipe fixed repairs them",
        "fixed": "repairs every country code; recipe paper merges them as published",
    }[panel.codes]
    figure_1 = Shown(figures["figure1"], number=numbered("Figure", 1, language))
    return REPORT.section(
        "data",
        figures,
        asked=asked,
        codes=panel.codes,
        recipe=recipe,
        losses=losses_in_words(panel) or ["nothing"],
        filled=_filled(result),
        variables=Table(shown),
        index=_index(result),
        table_1=[Details("Table 1, printed and ours", [_table_1(result, language)])],
        table_2=[_table_2(result)],
        figure_1=figure_1,
        changes=_figure_1_sentence(result),
    )


def _filled(result: Replication) -> str:
    """The rule that fills 2001 in the governance indicators, if the panel has it."""
    if 2001 not in set(result.panel.frame["year"]):
        return ""
    return (
        " The year 2001 does not exist in the governance indicators: it is filled by "
        f"the rule “{result.files.fill_2001}”; the print agrees with “mean-1996-2014”. "
        "RQ is regulatory quality, which the paper calls management quality."
    )


def _table_2(result: Replication) -> Block:
    if result.structure is None:
        return Text(f"Not computed: {result.skipped['Table 2']}.")
    return table_of(
        result.structure,
        "index parts rows",
        {
            "mean_difference": "mean gap:.4f",
            "largest_difference": "largest gap:.4f",
            "beyond": f"rows beyond {descriptives.VISIBLE}",
        },
        "Each de jure index of Table 2 beside the plain mean of its parts, on the rows "
        "that have every part; absolute differences in index points.",
    )


def _index(result: Replication) -> str:
    """The source of the index, and its distance from Table 1."""
    own = result.table_1.dropna()
    gaps = own["difference"].abs()
    if result.files.store is not None:
        where = f"computed from the store {result.files.store.name}"
    else:
        where = (
            "taken from a file: no store of world tables was given, so Table 1 is not "
            "computed from tables here. `tivax replicate --tables STORE` does that "
            "with WIOD 2016"
        )
    text = f"The index is {where}."
    if len(own):
        worst = own.iloc[int(np.argmax(gaps))]
        text += (
            f" Of the {len(result.table_1)} printed values {len(own)} are there; they "
            f"differ by {gaps.mean():.4f} on average and {gaps.max():.4f} at most "
            f"({worst['iso3']} {worst['year']}); "
            f"{int((gaps < 0.00005).sum())} agree to four digits."
        )
    return text


def _table_1(result: Replication, language: Language) -> Table:
    own = result.table_1.dropna().rename(columns={"ours": "tivax"})
    wide = own.pivot(index="year", columns="iso3", values=["paper", "tivax"])
    order = [k for k in result.table_1["iso3"].unique() if k in set(own["iso3"])]
    frame = wide.swaplevel(axis=1)[order]
    formats = {column: ".4f" for column in frame.columns}
    number = numbered("Table", 1, language)
    return Table(frame, title("table 1", language), formats, number)


def _figure_1_sentence(result: Replication) -> str:
    means = result.figure_1
    first, last = int(means["year"].min()), int(means["year"].max())
    peak = 2008 if first < 2008 < last else last
    groups = [means[means["sample"] == k] for k in ("developing", "developed")]

    def both(index: str, start: int, end: int) -> str:
        changes = (descriptives.change(k, index, start, end) for k in groups)
        return " and ".join(f"{k:+.1f}" for k in changes).replace("-", "−")

    later = (
        f"; the economic one also from {peak} to {last - 1} by "
        f"{both('KOFEcGIdj', peak, last - 1)}, and in "
        f"{last} by {both('KOFEcGIdj', last - 1, last)}"
        if peak < last - 1
        else ""
    )
    return (
        f"Points of the index, developing and developed countries: from {first} to "
        f"{peak} the overall index changed by {both('KOFGIdj', first, peak)}, the "
        f"economic one by {both('KOFEcGIdj', first, peak)}{later}."
    )


def descriptive_statistics(result: Replication) -> Section:
    """Moments by group, and the variation that identifies each regressor."""
    moments, variation = result.moments, result.variation
    shares = variation.query("variable == 'TBI'").set_index("sample")["share"].to_dict()
    digits = dict.fromkeys(["mean", "sd", "between", "within", "min", "max"], ".3f")
    pooled = moments["sample"] == "all"
    every = moments[pooled].drop(columns="sample").reset_index(drop=True)
    others = moments[~pooled].reset_index(drop=True)
    by_group = Table(others, "The same by group.", digits)
    return REPORT.section(
        "moments",
        every=Table(every, formats=digits),
        by_group=[Details("By group of countries", [by_group])],
        shares=", ".join(
            f"{percent_text(shares[k])} of the variance of TBI in the sample “{k}”"
            for k in SAMPLES
        ),
        variation=Table(
            variation.rename(columns={"two_way": "two-way"}),
            formats=dict.fromkeys(["total", "country", "two-way", "partial"], ".4f")
            | {"share": ".2%"},
        ),
    )


# --------------------------------------------------------------- Tables 3 to 6


def question() -> Section:
    """The paper's question, its index, its regression and its three hypotheses."""
    return REPORT.section("question")


def tables(result: Replication, figures: Figures, language: Language) -> Section:
    """Tables 3 to 6: every coefficient, printed and ours, a figure for each table."""
    blocks = [k for n in TABLES for k in _table(result, figures, language, n)]
    return REPORT.section(
        "tables",
        figures,
        title=(
            "The paper's tables beside these data"
            if result.other_data
            else "The paper's tables, number by number"
        ),
        of_others=_OTHER_COLUMNS if result.other_data else "",
        errors=convention_in_words(next(iter(result.estimates.values()))),
        tables=blocks,
    )


def _table(
    result: Replication, figures: Figures, language: Language, number: int
) -> list[Block]:
    rows = result.comparison[result.comparison["table"] == number]
    gaps = paper.differences(rows).abs()
    other = rows[rows["stars"] != rows["paper_stars"]].to_dict("records")
    stars = ", ".join(
        f"{k['term']} in column {k['column']} (paper {k['paper_stars']}, "
        f"ours {k['stars']})"
        for k in other
    )
    table, name = numbered("Table", number, language), f"table {number}"
    return REPORT.blocks(
        "table",
        heading=f"{table}: {title(name, language)}",
        coefficients=len(rows),
        mean=gaps.mean(),
        largest=gaps.max(),
        stars=f"stars differ for {stars}" if stars else "all stars agree",
        comparisons=[
            Journal(block, "")
            for block in comparison_tables(result.comparison, number, language)
        ],
        figure=figures[f"table{number}_coefficients"],
        number=number,
    )


_OTHER_COLUMNS = (
    "The columns “paper” are of the paper's data, those of tivax of the data of this "
    "run, which are others. Gaps and stars that differ show what the data change, not "
    "how well the paper is replicated."
)
