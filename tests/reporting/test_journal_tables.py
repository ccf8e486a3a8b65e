import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from tivax.engine.reporting.journal_tables import (
    Column,
    JournalTable,
    to_frame,
    to_html,
    to_latex,
)

# Three regressions of two samples: the first has no RQ, the last no constant.
TABLE = JournalTable(
    "By level of development",
    [
        Column(
            ("developed", "(1)", "KOFGIdj"),
            {"TBI": (11.5545, 3.5239, 3), "const": (78.85114, 0.66734, 2)},
            {"year effects": "yes", "observations": "330", "KP rk LM": "36.96 [0.000]"},
        ),
        Column(
            ("developed", "(2)", "KOFEcGIdj"),
            {
                "TBI": (-4.922, 4.9649, 0),
                "RQ": (1.2409, 1.4541, 1),
                "const": (-0.00001, 2.0, 0),
            },
            {"year effects": "no", "observations": "330", "gap in years": "2000-2014"},
        ),
        Column(
            ("developing", "(3)", "KOFGIdj"),
            {"TBI": "dropped", "RQ": (3.182, 1.4538, 2)},
            {"year effects": "yes", "observations": "285", "r2": "0.8603"},
        ),
    ],
    ["TBI", "RQ", "const"],
    "*, **, *** at 10, 5, 1 %.",
)

CSV = """\
term,developed (1) KOFGIdj,developed (2) KOFEcGIdj,developing (3) KOFGIdj
TBI,11.5545***,-4.9220,dropped
,(3.5239),(4.9649),
RQ,,1.2409*,3.1820**
,,(1.4541),(1.4538)
const,78.8511**,0.0000,
,(0.6673),(2.0000),
year fixed effects,yes,no,yes
observations,330,330,285
KP rk LM,36.96 [0.000],,
gap in years,,2000-2014,
R² (within),,,0.8603
"""

LATEX = r"""\begin{table}[htbp]
\centering
\caption{By level of development}
\footnotesize
\begin{tabular}{lccc}
\toprule
 & \multicolumn{2}{c}{developed} & developing \\
\cmidrule(lr){2-3}
 & (1) & (2) & (3) \\
 & KOFGIdj & KOFEcGIdj & KOFGIdj \\
\midrule
TBI & 11.5545$^{***}$ & $-$4.9220 & dropped \\
 & (3.5239) & (4.9649) &  \\
RQ &  & 1.2409$^{*}$ & 3.1820$^{**}$ \\
 &  & (1.4541) & (1.4538) \\
const & 78.8511$^{**}$ & 0.0000 &  \\
 & (0.6673) & (2.0000) &  \\
\midrule
year fixed effects & yes & no & yes \\
observations & 330 & 330 & 285 \\
KP rk LM & 36.96 [0.000] &  &  \\
gap in years &  & 2000-2014 &  \\
R$^{2}$ (within) &  &  & 0.8603 \\
\bottomrule
\end{tabular}
\par\smallskip
\parbox{\linewidth}{*, **, *** at 10, 5, 1 \%.}
\end{table}
"""

HTML = """\
<div class="scroll"><table class="journal">
<thead>
<tr><th></th><th class="span" colspan="2">developed</th><th>developing</th></tr>
<tr><th></th><th>(1)</th><th>(2)</th><th>(3)</th></tr>
<tr><th></th><th>KOFGIdj</th><th>KOFEcGIdj</th><th>KOFGIdj</th></tr>
</thead>
<tbody>
<tr><th scope="row">TBI</th><td>11.5545***</td><td>−4.9220</td><td>dropped</td></tr>
<tr><th scope="row"></th><td>(3.5239)</td><td>(4.9649)</td><td></td></tr>
<tr><th scope="row">RQ</th><td></td><td>1.2409*</td><td>3.1820**</td></tr>
<tr><th scope="row"></th><td></td><td>(1.4541)</td><td>(1.4538)</td></tr>
<tr><th scope="row">const</th><td>78.8511**</td><td>0.0000</td><td></td></tr>
<tr><th scope="row"></th><td>(0.6673)</td><td>(2.0000)</td><td></td></tr>
</tbody>
<tbody>
<tr><th scope="row">year fixed effects</th><td>yes</td><td>no</td><td>yes</td></tr>
<tr><th scope="row">observations</th><td>330</td><td>330</td><td>285</td></tr>
<tr><th scope="row">KP rk LM</th><td>36.96 [0.000]</td><td></td><td></td></tr>
<tr><th scope="row">gap in years</th><td></td><td>2000-2014</td><td></td></tr>
<tr><th scope="row">R² (within)</th><td></td><td></td><td>0.8603</td></tr>
</tbody>
</table></div>
<p class="notes">*, **, *** at 10, 5, 1 %.</p>"""


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
    column = Column(("(1)",), {"TBI": (1.0, 0.5, 0)}, {name: cell})
    return replace(JournalTable("t", [column], ["TBI"], ""), **changes)


def test_the_three_forms_of_a_table_written_by_hand():
    assert csv(TABLE) == CSV
    assert to_latex(TABLE) == LATEX
    assert to_html(TABLE) == HTML


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
    columns = [Column((sample, "x"), {}, {}) for sample in "aabccc"]
    latex = to_latex(JournalTable("t", columns, [], ""))
    assert latex.splitlines()[6:9] == [
        r" & \multicolumn{2}{c}{a} & b & \multicolumn{3}{c}{c} \\",
        r"\cmidrule(lr){2-3} \cmidrule(lr){5-7}",
        r" & \multicolumn{2}{c}{x} & x & \multicolumn{3}{c}{x} \\",
    ]


def test_a_term_of_texts_alone_is_one_line():
    column = Column(("(1)",), {"TBI": "+0.12", "RQ": "−"}, {})
    frame = to_frame(JournalTable("t", [column], ["TBI", "RQ"], ""))
    assert list(frame["term"]) == ["TBI", "RQ"]


def test_headings_of_different_depth_are_refused():
    columns = [Column(("a", "x"), {}, {}), Column(("y",), {}, {})]
    with pytest.raises(ValueError, match="depth"):
        JournalTable("t", columns, [], "")
