import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tivax.engine.reporting.journal_tables import (
    JournalTable,
    TableColumn,
    to_frame,
    to_html,
    to_latex,
)

# Three regressions of two samples: the first has no RQ, the last no constant.
TABLE = JournalTable(
    "By level of development",
    [
        TableColumn(
            ("developed", "(1)", "KOFGIdj"),
            {"TBI": (11.5545, 3.5239, 3), "const": (78.85114, 0.66734, 2)},
            {"year effects": "yes", "observations": "330", "KP rk LM": "36.96 [0.000]"},
        ),
        TableColumn(
            ("developed", "(2)", "KOFEcGIdj"),
            {
                "TBI": (-4.922, 4.9649, 0),
                "RQ": (1.2409, 1.4541, 1),
                "const": (-0.00001, 2.0, 0),
            },
            {"year effects": "no", "observations": "330", "gap in years": "2000-2014"},
        ),
        TableColumn(
            ("developing", "(3)", "KOFGIdj"),
            {"TBI": "dropped", "RQ": (3.182, 1.4538, 2)},
            {"year effects": "yes", "observations": "285", "r2": "0.8603"},
        ),
    ],
    ["TBI", "RQ", "const"],
    "*, **, *** at 10, 5, 1 %.",
)


class Cells(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.texts = []
        self.feed(html)

    def handle_data(self, data):
        if data.strip():
            self.texts.append(data)


def csv(table):
    return to_frame(table).to_csv(index=False, lineterminator="\n")


def latex_rows(latex):
    """The lines of the tabular, each as the number of columns it fills."""
    rows = [line for line in latex.splitlines() if line.endswith(r" \\")]
    spans = [sum(map(int, re.findall(r"multicolumn\{(\d+)\}", row))) for row in rows]
    merged = [row.count(r"\multicolumn") for row in rows]
    ampersands = [len(re.findall(r"(?<!\\)&", row)) for row in rows]
    return [a + 1 - m + s for a, m, s in zip(ampersands, merged, spans, strict=True)]


def one_column(name="x", cell="", **changes):
    column = TableColumn(("(1)",), {"TBI": (1.0, 0.5, 0)}, {name: cell})
    return replace(JournalTable("t", [column], ["TBI"], ""), **changes)


def test_the_three_forms_of_a_table_written_by_hand():
    written = {"csv": csv(TABLE), "tex": to_latex(TABLE), "html": to_html(TABLE)}
    for form, text in written.items():
        by_hand = Path(__file__).with_name(f"journal_table.{form}")
        assert text == by_hand.read_text(encoding="utf-8"), form


def test_every_latex_row_fills_every_column():
    assert set(latex_rows(to_latex(TABLE))) == {4}


def test_digits_are_those_asked_for():
    frame = to_frame(replace(TABLE, digits=2))
    assert list(frame.iloc[:2, 1]) == ["11.55***", "(3.52)"]


def test_what_a_caller_writes_is_escaped():
    nasty = r"a & b_c % <d> ~ ^ # $ {e} \f"
    table = one_column(nasty, nasty, title=nasty, notes=nasty)
    wanted = (
        r"a \& b\_c \% $<$d$>$ \textasciitilde{} \textasciicircum{} \# \$ \{e\} "
        r"\textbackslash{}f"
    )
    latex = to_latex(table)
    assert rf"{wanted} & {wanted} \\" in latex
    assert rf"\caption{{{wanted}}}" in latex
    assert rf"\parbox{{\linewidth}}{{{wanted}}}" in latex
    assert set(latex_rows(latex)) == {2}
    assert Cells(to_html(table)).texts.count(nasty) == 3
    assert "<d>" not in to_html(table)


def test_minus_signs_are_typeset_and_hyphens_kept():
    table = one_column(cell="[-1.2, -.3] 2000-2014 1e-05 two-way")
    assert "[$-$1.2, $-$.3] 2000-2014 1e-05 two-way" in to_latex(table)
    assert "[−1.2, −.3] 2000-2014 1e-05 two-way" in to_html(table)
    assert "[-1.2, -.3] 2000-2014 1e-05 two-way" in csv(table)


@pytest.mark.parametrize("name", ["[p]", "*"])
def test_a_row_name_is_no_argument_of_the_line_break_above(name):
    assert f"\n{{}}{name} & y" in to_latex(one_column(name, "y"))


def test_a_table_in_chinese():
    table = replace(TABLE, language="zh", notes="注：10％。")
    frame = to_frame(table)
    assert frame.columns[0] == "项目"
    assert list(frame["项目"][4:8]) == ["常数项", "", "年份固定效应", "观测值"]
    assert list(frame.iloc[6, 1:]) == ["是", "否", "是"]
    assert r"项目 & KOFGIdj & KOFEcGIdj & KOFGIdj \\" in to_latex(table)
    assert "<tr><th>项目</th><th>KOFGIdj</th>" in to_html(table)


def test_headings_merge_only_below_a_common_heading():
    columns = [TableColumn((sample, "x"), {}, {}) for sample in "aabccc"]
    latex = to_latex(JournalTable("t", columns, [], ""))
    assert latex.splitlines()[6:9] == [
        r" & \multicolumn{2}{c}{a} & b & \multicolumn{3}{c}{c} \\",
        r"\cmidrule(lr){2-3} \cmidrule(lr){5-7}",
        r" & \multicolumn{2}{c}{x} & x & \multicolumn{3}{c}{x} \\",
    ]


def test_a_term_of_texts_alone_is_one_line():
    column = TableColumn(("(1)",), {"TBI": "+0.12", "RQ": "−"}, {})
    frame = to_frame(JournalTable("t", [column], ["TBI", "RQ"], ""))
    assert list(frame["term"]) == ["TBI", "RQ"]


def test_headings_of_different_depth_are_refused():
    columns = [TableColumn(("a", "x"), {}, {}), TableColumn(("y",), {}, {})]
    with pytest.raises(ValueError, match="depth"):
        JournalTable("t", columns, [], "")
