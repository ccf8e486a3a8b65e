"""The sections of the report on the findings: distance from the print, every test of
the hypotheses, caveats."""

import numpy as np

from ....present.words import Words
from ....reporting import Block, Heading, Section, Table, Text
from .. import columns as paper
from ..columns import LEVEL, index_note
from ..results import Replication
from ..tables import coefficient_cells
from ..verdicts import Verdict
from . import groups
from .answer import reason
from .robustness import placebo_sentence
from .texts import table, table_of


def summary(result: Replication, found: list[Verdict], words: Words) -> Section:
    """Distance from the print, the verdicts, and TBI in all 17 columns."""
    comparison = result.comparison
    worst = comparison.iloc[int(np.argmax(paper.differences(comparison).abs()))]
    other, years = result.other_data, paper.reconstructed_years(result.panel)
    why = words.listed(map(words.say, other))
    return words.section(
        "summary",
        other=words.text("other data", why=why) if other else "",
        count=len(comparison),
        rows=comparison.drop_duplicates(["sample"]).set_index("sample")["n"],
        index=index_note(result.panel),
        reconstructed=words.also(years, "reconstructed years", count=years),
        near=paper.agreement(comparison),
        worst=worst,
        of_other_data=words.also(other, "of other data"),
        found=[_found(k, words, _rule(result, words)) for k in found],
        title=_title(result, words),
        pooled=groups.pooled_sentence(result, words),
        columns=_beside_table(result, words),
    )


def _rule(result: Replication, words: Words) -> str:
    return words.text("same rule") if result.other_data else ""


def _found(verdict: Verdict, words: Words, rule: str) -> str:
    """Parts of main tests are among the tests that the paper's own p is asked of."""
    parts = len(verdict.of_role("part"))
    return words.text(
        "found",
        hypothesis=verdict.hypothesis,
        rule=rule,
        conclusion=verdict.conclusion,
        statement=words.text(verdict.hypothesis),
        reason=reason(verdict, words),
        own=sum(test.holds_by_the_papers_p for test in verdict.tests),
        tests=len(verdict.tests),
        parts=words.text("with parts", parts=parts) if parts else "",
    )


def _beside_table(result: Replication, words: Words) -> Table:
    rows = result.comparison[result.comparison["term"] == "TBI"]
    rows = rows.assign(
        column=paper.column_names(rows),
        paper=coefficient_cells(rows, "paper_", estimate="coef"),
        tivax=coefficient_cells(rows, estimate="coef"),
        gap=paper.differences(rows),
    )
    shown = {"paper": "paper:", "tivax": "tivax:", "gap": "gap:+.3f"}
    shown |= {"paper_r2": "R² paper:.4f", "r2": "R²:.4f"}
    return table_of(words, rows.reset_index(drop=True), "column outcome sample", shown)


def hypotheses(result: Replication, found: list[Verdict], words: Words) -> Section:
    """The rule of the verdicts, and the tests of each hypothesis."""
    other, rule = result.other_data, _rule(result, words)
    formats = {"estimate": ".3f", "s.e.": ".3f", **dict.fromkeys(_P_COLUMNS, ".4f")}
    blocks: list[Block] = []
    for verdict in found:
        name = verdict.hypothesis
        given = {"rule": rule, "conclusion": verdict.conclusion}
        caption = words.text("tests of", hypothesis=name)
        blocks += [
            Heading(words.text("verdict", hypothesis=name, **given)),
            Text(words.text(name)),
            table(words, verdict.frame(), formats, caption),
        ]
    return words.section(
        "tests",
        title=_title(result, words),
        other=words.text("tests of others") if other else "",
        known="" if other else words.text("results known"),
        level=LEVEL,
        verdicts=blocks,
    )


def _title(result: Replication, words: Words) -> str:
    return words.text("every test elsewhere" if result.other_data else "every test")


_P_COLUMNS = ("p, the paper's", "p", "over 5", "over 15", "Holm")


def caveats(result: Replication, words: Words) -> Section:
    """Limits of these numbers."""
    sizes = result.comparison.drop_duplicates("sample").set_index("sample")["clusters"]
    drawn, section = result.inference is not None, words.title("inference")
    few, many = "few clusters", "many tests"
    if not drawn:
        few, many = "few clusters alone", "many tests alone"
    placebos = result.placebos
    told = "" if placebos is None else placebo_sentence(placebos, words)
    return words.section(
        "caveats",
        identification=_identification(result, words),
        jump=_jump(result, words),
        few_clusters=words.text(few, sizes=sizes, section=section),
        placebos=words.also(told, "placebos there", sizes=told),
        many_tests=words.text(many, section=section),
    )


def _identification(result: Replication, words: Words) -> list[str]:
    gap = paper.differences(result.comparison).abs().mean()
    said = [words.text("not the paper's" if result.other_data else "inferred", gap=gap)]
    if result.files.store is None:
        said.append(words.text("index of file", note=index_note(result.panel)))
    return said


_JUMP = 2.5  # times the usual change


def _jump(result: Replication, words: Words) -> list[str]:
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
    told = {"moved": moved, "countries": cells.shape[1], "usual": usual}
    return [words.text("last year", last=last, own=own, **told)]
