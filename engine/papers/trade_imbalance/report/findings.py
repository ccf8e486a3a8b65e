"""The sections of the report on the findings: distance from the print, every test of
the hypotheses, caveats."""

import numpy as np

import tivax as tx

from ....reporting import Block, Heading, Section, Table, Text
from .. import columns as paper
from ..columns import LEVEL, index_note
from ..results import Replication
from ..tables import coefficient_cells
from ..verdicts import Verdict
from . import groups, inference
from .robustness import placebo_sentence
from .texts import REPORT, table_of


def summary(result: Replication, found: list[Verdict]) -> Section:
    """Distance from the print, the verdicts, and TBI in all 17 columns."""
    comparison = result.comparison
    near, count = paper.agreement(comparison), len(comparison)
    worst = comparison.iloc[int(np.argmax(paper.differences(comparison).abs()))]
    sizes = comparison.drop_duplicates(["sample"]).set_index("sample")["n"]
    other = result.other_data
    index = index_note(result.panel)
    return REPORT.section(
        "summary",
        other=f"These are not the paper's data: {'; '.join(other)}." if other else "",
        count=count,
        rows=sizes,
        index=index,
        reconstructed=_reconstructed(result.panel),
        near=near,
        worst=worst,
        of_other_data=_MEASURES_DATA if other else "",
        found=[
            f"{k.hypothesis}{_SAME_RULE if other else ''}: "
            f"{k.conclusion}. {k.statement} {k.reason}; by the paper's own "
            f"p {sum(t.holds_by_the_papers_p for t in k.tests)} of "
            f"{len(k.tests)} would hold{_with_parts(k)}."
            for k in found
        ],
        title=_title(result),
        pooled=groups.pooled_sentence(result),
        columns=_beside_table(result),
    )


_SAME_RULE = ", the same rule applied to these data"
_MEASURES_DATA = (
    " The print is of other data: these differences are no measure of how well the "
    "paper is replicated."
)


def _with_parts(verdict: Verdict) -> str:
    """Parts of main tests are among the tests that the paper's own p is asked of."""
    parts = len(verdict.of_role("part"))
    return f", {parts} parts of main tests among them" if parts else ""


def _reconstructed(panel: tx.panel.Panel) -> str:
    """The number of reconstructed years of the index, if its file gives it."""
    if not (count := paper.reconstructed_years(panel)):
        return ""
    return (
        f" Reconstructed years ({count}) are estimated from gross trade, not computed "
        "from world tables."
    )


def _beside_table(result: Replication) -> Table:
    rows = result.comparison[result.comparison["term"] == "TBI"]
    rows = rows.assign(
        column=paper.column_names(rows),
        paper=coefficient_cells(rows, "paper_", estimate="coef"),
        tivax=coefficient_cells(rows, estimate="coef"),
        gap=paper.differences(rows),
    )
    shown = {"paper": "paper:", "tivax": "tivax:", "gap": "gap:+.3f"}
    shown |= {"paper_r2": "R² paper:.4f", "r2": "R²:.4f"}
    return table_of(rows.reset_index(drop=True), "column outcome sample", shown)


def hypotheses(result: Replication, found: list[Verdict]) -> Section:
    """The rule of the verdicts, and the tests of each hypothesis."""
    other = result.other_data
    formats = {"estimate": ".3f", "s.e.": ".3f", **dict.fromkeys(_P_COLUMNS, ".4f")}
    blocks: list[Block] = []
    for verdict in found:
        name, rule = verdict.hypothesis, _SAME_RULE if other else ""
        blocks += [
            Heading(f"{name}{rule}: {verdict.conclusion}"),
            Text(verdict.statement),
            Table(verdict.frame(), f"Tests of {name}.", formats),
        ]
    return REPORT.section(
        "tests",
        title=_title(result),
        other=_OTHER if other else "",
        known="" if other else ", so their results were known",
        level=LEVEL,
        verdicts=blocks,
    )


_OTHER = (
    "The paper's hypotheses are about its data, and these are others. What follows is "
    "the same list of tests applied to these data. "
)


def _title(result: Replication) -> str:
    if result.other_data:
        return "Every test of the paper's hypotheses on these data"
    return "Every test of the three hypotheses"


_P_COLUMNS = ("p, the paper's", "p", "over 5", "over 15", "Holm")


def caveats(result: Replication) -> Section:
    """Limits of these numbers."""
    return REPORT.section(
        "caveats",
        identification=_identification(result),
        jump=_jump(result),
        few_clusters=_few_clusters(result),
        placebos=(
            ""
            if result.placebos is None
            else f" On these data: {placebo_sentence(result.placebos)}."
        ),
        many_tests=_many_tests(result),
    )


def _identification(result: Replication) -> list[str]:
    other = result.other_data
    first = (
        "These are not the paper's data (see the first section): agreement or "
        "disagreement with the print is no verdict on the paper."
        if other
        else "The default sample, split and editions were inferred from the print. A "
        "match is strong evidence, not proof, that the authors used them; the mean gap "
        f"of this run is {paper.differences(result.comparison).abs().mean():.3f} "
        "printed standard errors."
    )
    if result.files.store is not None:
        return [first]
    return [
        first,
        f"TBI is {index_note(result.panel)}. Years that were estimated and not "
        "computed from world tables carry the error of the estimate into every table.",
    ]


_JUMP = 2.5  # times the usual change


def _jump(result: Replication) -> list[str]:
    """Note for a panel that ends in 2014, when edition 2018 of KOF jumps."""
    cells = result.panel.frame.pivot(index="year", columns="iso3", values="KOFEcGIdj")
    last = int(cells.index[-1])
    if result.files.kof.name != "2018" or last != 2014:
        return []
    changes = cells.diff().iloc[1:]
    means = changes.mean(axis=1)
    usual, own = float(means[:-1].abs().median()), float(means.iloc[-1])
    if abs(own) < _JUMP * usual:
        return []
    moved = int((np.sign(changes.iloc[-1]) == np.sign(own)).sum())
    return [
        f"In {last}, the last year of the panel, the mean economic index of this "
        f"edition of KOF changes by {own:+.2f} points in one year, that of {moved} of "
        f"{cells.shape[1]} countries in the same direction; in the other years the "
        f"median change is {usual:.2f}. Such a jump belongs to the index; do not read "
        "it as policy.".replace("-", "−")
    ]


def _few_clusters(result: Replication) -> str:
    sizes = result.comparison.drop_duplicates("sample").set_index("sample")["clusters"]
    text = (
        f"The subsamples have {sizes['developed']} and {sizes['developing']} "
        "countries. "
        "With so few clusters t(G − 1) with cluster-robust errors can reject too often"
    )
    if result.inference is None:
        return f"{text}; bootstrap and placebo were not computed here."
    return (
        f"{text}; the section “{inference.TITLE}” repeats the tests of TBI "
        "under bootstraps and placebos. Stars and the tables of the paper count "
        "t(G − 1), the verdicts do not."
    )


def _many_tests(result: Replication) -> str:
    text = "Five outcomes are tested in three samples. "
    if result.inference is None:
        return text + "No p-value here is corrected for that."
    return text + (
        "Stars and the p-values of the paper's tables are not corrected for that. "
        f"Westfall and Young's, in the section “{inference.TITLE}”, are, and the "
        "verdicts count them."
    )
