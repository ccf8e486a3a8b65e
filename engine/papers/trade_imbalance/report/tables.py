"""The sections of the report on the paper's question and its tables."""

from collections.abc import Mapping

from matplotlib.figure import Figure

from ....reporting import (
    Block,
    Drawn,
    Formula,
    Heading,
    Journal,
    Language,
    Points,
    Section,
    Text,
    numbered,
)
from ....reporting import Figure as Shown
from .. import columns as paper
from ..comparisons import comparison_tables
from ..results import Replication
from ..robustness import convention_in_words
from ..tables import TABLES
from ..titles import title


def question() -> Section:
    """The paper's question, its index, its regression and its three hypotheses."""
    return Section(
        "Question",
        [
            Text(
                "Does a country that does badly in the division of trade gains turn "
                "away from globalisation? The paper measures the gain by the trade "
                "benefit index, net value-added exports over value-added trade,"
            ),
            Formula("index"),
            Text(
                "where T_ij is value added of country i absorbed in the final demand "
                "of j. Globalisation is the KOF index de jure: policies and measures, "
                "not flows. De-globalisation is a fall of that index. The paper "
                "estimates"
            ),
            Formula("panel"),
            Text(
                "with country and year effects and standard errors clustered by "
                "country. The controls X are regulatory quality RQ (World Bank; the "
                "paper calls it management quality), log exchange rate, total factor "
                "productivity, inflation, log capital stock, log GDP and log "
                "population."
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


def tables(
    result: Replication, figures: Mapping[str, Figure | Drawn], language: Language
) -> Section:
    """Tables 3 to 6: every coefficient, printed and ours, a figure for each table."""
    comparison = result.comparison
    errors = convention_in_words(next(iter(result.estimates.values())))
    elsewhere = result.other_data
    blocks: list[Block] = [
        *([Text(_OTHER_DATA)] if elsewhere else []),
        Text(
            f"Convention: {errors}; within R², year effects counted "
            "as explained; the constant with explicit year dummies, the first year the "
            "base. Printed numbers are on the left, ours in the middle, and the gap "
            "in printed standard errors on the right."
        ),
        Shown(
            figures["tbi_coefficients"],
            "The coefficient of TBI in all 17 columns, printed and ours, 95 % "
            "intervals from t(countries − 1).",
        ),
    ]
    for number in TABLES:
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
                f"{title(f'table {number}', language)}"
            ),
            Text(
                f"{len(rows)} coefficients; mean gap {gaps.mean():.3f} and largest "
                f"{gaps.max():.3f} printed standard errors; {stars}."
            ),
            *(
                Journal(block, "")
                for block in comparison_tables(comparison, number, language)
            ),
            Shown(
                figures[f"table{number}_coefficients"],
                f"All coefficients of Table {number}, printed and ours, with 95 % "
                "intervals.",
            ),
        ]
    return Section(
        "The paper's tables beside these data"
        if elsewhere
        else "The paper's tables, number by number",
        blocks,
    )


_OTHER_DATA = (
    "The columns “paper” are of the paper's data, those of tivax of the data of this "
    "run, which are others. Gaps and stars that differ show what the data change, not "
    "how well the paper is replicated."
)
