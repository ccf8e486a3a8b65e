"""The sections of the report on the paper's question, its data and its tables."""

import numpy as np
import pandas as pd

from ....present.words import Words
from ....reporting import Block, Details, Journal, Section, Table, Text, numbered
from ....reporting import Figure as Shown
from .. import columns as paper
from .. import descriptives
from ..columns import SAMPLES
from ..results import Replication
from ..robustness import convention_in_words
from ..tables import TABLES, comparison_tables
from ..titles import title
from .plots import Figures
from .texts import records, table, table_of

_RECIPES = {"paper": "recipe paper", "fixed": "recipe fixed"}


def data(result: Replication, figures: Figures, words: Words) -> Section:
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
    lost = [words.text("lost", iso3=k.iso3, why=k.why) for k in panel.losses]
    table_1 = [_table_1(result, words)]
    return words.section(
        "data",
        figures,
        asked=asked,
        recipe=words.text(_RECIPES[panel.codes]),
        losses=lost or [words.text("nothing lost")],
        filled=_filled(result, words),
        variables=table(words, shown),
        index=_index(result, words),
        table_1=[Details(words.text("table 1"), table_1)],
        table_2=_table_2(result, words),
        figure_1=Shown(
            figures["figure1"], number=numbered("Figure", 1, words.language)
        ),
        changes=_figure_1_sentence(result, words),
    )


def _filled(result: Replication, words: Words) -> str:
    """The rule that fills 2001 in the governance indicators, if the panel has it."""
    has = 2001 in set(result.panel.frame["year"])
    return words.also(has, "filled", rule=result.files.fill_2001)


def _table_2(result: Replication, words: Words) -> Table | list[Block]:
    if result.structure is None:
        return [Text(words.text("not computed", why=result.skipped["Table 2"]))]
    shown = {
        "mean_difference": "mean gap:.4f",
        "largest_difference": "largest gap:.4f",
        "beyond": words.text("beyond", limit=descriptives.VISIBLE),
    }
    return table_of(words, result.structure, "index parts rows", shown)


def _index(result: Replication, words: Words) -> str:
    """The source of the index, and its distance from Table 1."""
    own, store = result.table_1.dropna(), result.files.store
    gaps, printed = own["difference"].abs(), ""
    if len(own):
        worst = own.iloc[int(np.argmax(gaps))]
        printed = words.also(
            True,
            "printed index",
            count=len(result.table_1),
            there=len(own),
            mean=gaps.mean(),
            most=gaps.max(),
            iso3=worst["iso3"],
            year=worst["year"],
            exact=int((gaps < 0.00005).sum()),
        )
    if store is None:
        return words.text("from file", printed=printed)
    return words.text("from store", store=store.name, printed=printed)


def _table_1(result: Replication, words: Words) -> Table:
    own = result.table_1.dropna().rename(columns={"ours": "tivax"})
    wide = own.pivot(index="year", columns="iso3", values=["paper", "tivax"])
    order = [k for k in result.table_1["iso3"].unique() if k in set(own["iso3"])]
    frame = wide.swaplevel(axis=1)[order]
    formats = {column: ".4f" for column in frame.columns}
    number = numbered("Table", 1, words.language)
    return table(words, frame, formats, title("table 1", words.language), number)


def _figure_1_sentence(result: Replication, words: Words) -> str:
    means = result.figure_1
    first, last = int(means["year"].min()), int(means["year"].max())
    peak = 2008 if first < 2008 < last else last
    groups = {k: means[means["sample"] == k] for k in ("developing", "developed")}

    def both(index: str, start: int, end: int) -> str:
        changes = {
            name: descriptives.change(group, index, start, end)
            for name, group in groups.items()
        }
        return words.text("of both", **changes)

    economic, later = "KOFEcGIdj", ""
    if peak < last - 1:
        down, jump = both(economic, peak, last - 1), both(economic, last - 1, last)
        given = {"peak": peak, "before": last - 1, "last": last}
        later = words.text("later", down=down, jump=jump, **given)
    return words.text(
        "changes of means",
        first=first,
        peak=peak,
        overall=both("KOFGIdj", first, peak),
        economic=both(economic, first, peak),
        later=later,
    )


def descriptive_statistics(result: Replication, words: Words) -> Section:
    """Moments by group, and the variation that identifies each regressor."""
    moments, variation = result.moments, result.variation
    shares = variation.query("variable == 'TBI'").set_index("sample")["share"].to_dict()
    digits = dict.fromkeys(["mean", "sd", "between", "within", "min", "max"], ".3f")
    pooled = moments["sample"] == "all"
    every = moments[pooled].drop(columns="sample").reset_index(drop=True)
    others = moments[~pooled].reset_index(drop=True)
    by_group = table(words, others, digits, words.text("same by group"))
    parts = (words.text("variance", share=shares[k], sample=k) for k in SAMPLES)
    formats = dict.fromkeys(["total", "country", "two-way", "partial"], ".4f")
    return words.section(
        "moments",
        every=table(words, every, digits),
        by_group=[Details(words.text("groups apart"), [by_group])],
        shares=words.listed(parts, ", "),
        variation=table(
            words,
            variation.rename(columns={"two_way": "two-way"}),
            formats | {"share": ".2%"},
        ),
    )


# --------------------------------------------------------------- Tables 3 to 6


def question(words: Words) -> Section:
    """The paper's question, its index, its regression and its three hypotheses."""
    return words.section("question")


def tables(result: Replication, figures: Figures, words: Words) -> Section:
    """Tables 3 to 6: every coefficient, printed and ours, a figure for each table."""
    other = result.other_data
    return words.section(
        "tables",
        figures,
        title=words.text("beside these data" if other else "number by number"),
        of_others=words.text("other columns") if other else "",
        errors=convention_in_words(next(iter(result.estimates.values()))),
        tables=[k for n in TABLES for k in _table(result, figures, words, n)],
    )


def _table(
    result: Replication, figures: Figures, words: Words, number: int
) -> list[Block]:
    rows = result.comparison[result.comparison["table"] == number]
    gaps = paper.differences(rows).abs()
    other = rows[rows["stars"] != rows["paper_stars"]]
    keys = ["term", "column", "paper_stars", "stars"]
    named = (words.text("stars", **k) for k in records(other[keys]))
    stars = words.listed(named, ", ")
    return words.blocks(
        "table",
        table=numbered("Table", number, words.language),
        name=title(f"table {number}", words.language),
        coefficients=len(rows),
        mean=gaps.mean(),
        largest=gaps.max(),
        stars=words.text("stars differ" if stars else "stars agree", stars=stars),
        comparisons=[
            Journal(block, "")
            for block in comparison_tables(result.comparison, number, words.language)
        ],
        figure=figures[f"table{number}_coefficients"],
        number=number,
    )
