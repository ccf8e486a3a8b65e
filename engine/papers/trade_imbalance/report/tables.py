"""The sections of the report on the paper's question and its tables."""

from ....reporting import Block, Journal, Language, Section, numbered
from .. import columns as paper
from ..comparisons import comparison_tables
from ..results import Replication
from ..robustness import convention_in_words
from ..tables import TABLES
from ..titles import title
from .plots import Figures
from .texts import REPORT


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
        of_others=_OTHER_DATA if result.other_data else "",
        errors=convention_in_words(next(iter(result.estimates.values()))),
        tables=blocks,
    )


def _table(
    result: Replication,
    figures: Figures,
    language: Language,
    number: int,
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


_OTHER_DATA = (
    "The columns “paper” are of the paper's data, those of tivax of the data of this "
    "run, which are others. Gaps and stars that differ show what the data change, not "
    "how well the paper is replicated."
)
