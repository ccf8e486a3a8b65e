import re
from functools import partial
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure as MplFigure

from tivax.engine.reporting.html import (
    Details,
    Figure,
    Formula,
    Heading,
    Journal,
    Link,
    Points,
    Section,
    Table,
    Text,
    report_html,
    translated,
)
from tivax.engine.reporting.html_tables import translated_frame
from tivax.engine.reporting.journal_tables import JournalTable, TableColumn

VOID = {"meta", "br", "hr", "img", "link"}
FOOTER = {"tivax": "0.1.0", "device": "cpu: <cpu>", "date": "2025-01-01"}


class Page(HTMLParser):
    """Tags, attributes and cells of a page; fails on a tag closed out of order."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.open = [], [], []
        self.texts = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self.texts.append([tag, dict(attrs), ""])
            self.open.append(self.texts[-1])

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        if self.open:
            self.open[-1][2] += data

    def cells(self, *tags):
        return [text for tag, _, text in self.texts if tag in tags]

    def classes(self, tag):
        return [attrs.get("class") for name, attrs, _ in self.texts if name == tag]


def line_figure(title="line"):
    figure = MplFigure(figsize=(2, 1.5))
    ax = figure.subplots()
    ax.plot([0, 1], [0, 2], label="y")
    ax.set_title(title)
    return figure


def html_of(*blocks, **options):
    sections = [Section("one", blocks)]
    return report_html("title", "subtitle", sections, FOOTER, **options)


def page_of(*blocks, **options):
    return Page(html_of(*blocks, **options))


def table_of(frame, formats=None):
    return page_of(Table(frame, "caption", formats or {}))


def test_the_report_is_one_file_that_loads_nothing():
    table = Table(pd.DataFrame({"a": [1]}), "t")
    html = html_of(Text("text"), Figure(line_figure(), "figure"), table)
    page = Page(html)
    loading = {"src", "href", "xlink:href", "action", "data", "poster", "srcset"}
    links = [value for name, value in page.attributes if name in loading]
    assert links and all(link.startswith("#") for link in links)
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    others = [v for name, v in page.attributes if not name.startswith("xmlns")]
    assert not any("//" in (value or "") for value in others)
    assert "@import" not in html


def test_everything_a_caller_writes_is_escaped():
    nasty = "<script>&\"'"
    frame = pd.DataFrame({nasty: [nasty]}, index=pd.Index([nasty], name=nasty))
    column = TableColumn((nasty,), {nasty: nasty}, {nasty: nasty})
    blocks = [
        Text(nasty),
        Figure(line_figure(nasty), nasty, nasty),
        Figure(line_figure(), nasty, ""),
        Table(frame, nasty, number=nasty),
        Journal(JournalTable(nasty, [column], [nasty], nasty), nasty),
        Details(nasty, [Heading(nasty), Points([nasty])]),
    ]
    html = report_html(
        nasty, nasty, [Section(nasty, blocks)] * 2, {nasty: nasty}, prefix=nasty
    )
    page = Page(html)
    assert "script" not in page.tags
    assert page.cells("p")[:3] == [nasty] * 3  # subtitle, text, notes of the journal
    assert page.cells("summary", "h3", "li")[-3:] == [nasty] * 3
    assert page.cells("td")[0] == nasty
    assert page.cells("title", "h1") == [nasty, nasty]


def test_ids_are_unique_and_every_reference_inside_the_page_has_its_target():
    # The same figure twice: its own ids would clash, clip paths included.
    figure = line_figure()
    sections = [Section(k, [Figure(figure, k), Figure(line_figure(), k)]) for k in "ab"]
    html = report_html("t", "s", sections, FOOTER)
    page = Page(html)
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    references = re.findall(r'(?:href="|url\()#([^")]+)', html)
    assert any("figure-4-" in reference for reference in references)
    assert set(references) <= set(ids)


def test_every_figure_is_embedded_and_figures_and_tables_are_numbered_on():
    table = Table(pd.DataFrame({"a": [1]}), "numbers")
    first = Section("first", [Figure(line_figure("alpha"), "one"), table])
    second = Section("second", [table, Figure(line_figure("beta"), "two")])
    html = report_html("t", "s", [first, second], FOOTER)
    page = Page(html)
    assert page.tags.count("svg") == 2
    assert {"alpha", "beta"} <= set(page.cells("text"))
    assert page.cells("b") == ["Figure 1.", "Table 1.", "Table 2.", "Figure 2."]
    assert [k.strip() for k in page.cells("a")] == ["first", "second"]
    assert [k.strip() for k in page.cells("h2")] == ["1. first", "2. second"]


def journal(title="regressions"):
    column = TableColumn(("(1)",), {"TBI": (-1.0, 0.5, 1)}, {"observations": "615"})
    return JournalTable(title, [column], ["TBI"], "notes")


def test_a_number_of_ones_own_takes_the_place_of_the_next_one():
    frame = pd.DataFrame({"a": [1]})
    blocks = [
        Table(frame, "one"),
        Table(frame, "paper", number="Table 3"),
        Journal(journal(), "Table 4"),
        Journal(journal()),
        Table(frame, "bare", number=""),
        Figure(line_figure(), "paper", "Figure 1"),
        Details("more", [Table(frame, "three"), Figure(line_figure(), "one")]),
        Figure(line_figure(), "bare", ""),
    ]
    page = page_of(*blocks, prefix="A")
    tables = ["Table I", "Table 3", "Table 4", "Table II"]
    shown = [*tables, "Figure 1", "Table III", "Figure I"]
    assert page.cells("b") == [f"{k}." for k in shown]
    called = [value for name, value in page.attributes if name == "aria-label"]
    assert called == ["Figure 1", "Figure I", "bare"]
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))


def test_the_words_of_a_chinese_report_are_chinese():
    blocks = [Table(pd.DataFrame({"a": [1]}), "数据"), Journal(journal(), "表3")]
    sections = [Section("一", blocks), Section("二", [Figure(line_figure(), "线")])]
    html = report_html("题", "副题", sections, FOOTER, prefix="A", language="zh")
    page = Page(html)
    assert page.cells("b") == ["表I", "表3", "图I"]
    assert ("lang", "zh-CN") in page.attributes
    assert ("aria-label", "目录") in page.attributes
    assert ("lang", "en") in page_of().attributes


def test_an_appendix_is_folded_and_has_numbers_of_its_own():
    table = Table(pd.DataFrame({"a": [1]}), "numbers")
    sections = [Section("first", [table]), Section("second", [Text("t")])]
    more = [Section("more", [table]), Section("most", [Text("u")])]
    page = Page(report_html("t", "s", sections, FOOTER, appendix=more, prefix="A"))
    assert page.cells("summary") == ["A. more", "B. most"]
    assert page.cells("b") == ["Table I.", "Table A1."]
    assert page.cells("a")[-1] == "Appendix"
    assert "open" not in dict(page.attributes)


def test_a_region_whose_code_is_translated_by_its_name_stands_once():
    frame = pd.DataFrame(
        {"region": ["USA", "R1"], "name": ["United States", ""], "x": [1.0, 2.0]}
    )
    chinese, _ = translated_frame(frame, {}, partial(translated, language="zh"))
    assert [*chinese] == ["地区", "x"]
    assert [*chinese["地区"]] == ["美国", "R1"]


def test_a_number_keeps_its_per_cent_sign():
    page = page_of(Text("at 95 % of it"), Table(pd.DataFrame({"a": ["5 %"]}), "5 %"))
    assert page.cells("p")[1] == "at 95\u00a0% of it"
    assert page.cells("td") == ["5\u00a0%"]


def test_a_journal_table_has_its_title_above_and_its_notes_below():
    page = page_of(Journal(journal()))
    assert page.cells("figcaption") == [" regressions"]
    assert [k for k in page.cells("td") if k] == ["−1.0000*", "(0.5000)", "615"]
    assert page.cells("p")[-1] == "notes"


def test_headings_points_and_details():
    page = page_of(Heading("h"), Details("more", [Points(["a", "b"]), Text("t")]))
    start = page.tags.index("h3")
    inner = ["ul", "li", "li", "p"]
    assert page.tags[start:-1] == ["h3", "details", "summary", *inner]
    assert page.cells("h3", "summary", "li") == ["h", "more", "a", "b"]


def test_a_figures_own_style_rule_does_not_reach_the_page():
    assert html_of(Figure(line_figure(), "f")).count("<style") == 1


def test_the_footer_holds_what_the_caller_gives_in_order():
    (footer,) = page_of().cells("footer")
    assert footer == "tivax 0.1.0 · device cpu: <cpu> · date 2025-01-01"


def test_an_empty_line_starts_a_paragraph():
    page = page_of(Text("one\ntwo\n\nthree\n\n"))
    assert page.cells("p")[1:] == ["one\ntwo", "three"]


@pytest.mark.parametrize(
    "values, formats, shown",
    [
        ([1234567, -5], {}, ["1,234,567", "−5"]),
        ([0.12345, -0.5], {}, ["0.1235", "−0.5000"]),
        ([1234.5, np.nan], {}, ["1,234", "–"]),
        ([12.345, 1.0], {}, ["12.35", "1.00"]),
        ([0.0, 0.0], {}, ["0.0000", "0.0000"]),
        ([1234.5, 2.0], {"x": ",.2f"}, ["1,234.50", "2.00"]),
        (["0.1**", None], {"x": ""}, ["0.1**", ""]),
        ([1e-5, np.nan], {"x": "p3"}, ["<0.001", "–"]),
    ],
)
def test_numbers_stand_right_with_separators(values, formats, shown):
    page = table_of(pd.DataFrame({"x": values}), formats)
    assert page.cells("td") == shown
    assert page.classes("td") == page.classes("th") * 2 == ["n", "n"]


def test_texts_and_truth_values_stand_left_and_years_have_no_separator():
    frame = pd.DataFrame({"year": [2010], "name": ["a"], "ok": [True]})
    page = table_of(frame)
    assert page.cells("td") == ["2010", "a", "yes"]
    assert page.classes("td") == ["n", None, None]


def test_row_labels_are_shown_unless_they_only_count():
    frame = pd.DataFrame({"x": [1, 2]})
    assert table_of(frame).cells("th") == ["x"]
    frame.index = pd.Index(["CHN", "USA"], name="region")
    assert table_of(frame).cells("th") == ["region", "x", "CHN", "USA"]


def test_two_levels_of_columns_and_rows_are_merged():
    columns = pd.MultiIndex.from_product([["all", "some"], ["b", "se"]])
    index = pd.MultiIndex.from_tuples(
        [("TBI", 1), ("TBI", 2), ("RQ", 1)], names=["term", "m"]
    )
    page = table_of(pd.DataFrame(np.ones((3, 4)), index, columns))
    names = ["b", "standard error"]  # what se stands for
    head = ["all", "some", "term", "m", *names, *names]
    assert page.cells("th") == [*head, "TBI", "1", "2", "RQ", "1"]  # none is empty
    spans = [attrs["colspan"] for tag, attrs, _ in page.texts if "colspan" in attrs]
    assert spans == ["2", "2"]


def test_formulas_are_mathml_and_backticks_mark_code():
    page = page_of(Text("run `tivax tbi <store>`"), Formula("index"))
    assert "math" in page.tags and "mfrac" in page.tags
    assert page.cells("code") == ["tivax tbi <store>"]


def test_the_same_content_gives_the_same_bytes():
    one, again = (html_of(Figure(line_figure(), "f")) for _ in range(2))
    assert one == again


def test_a_link_leads_to_the_file_beside_the_report():
    html = html_of(Link("Open <it>", 'x".html'))
    assert '<p><a href="x&quot;.html">Open &lt;it&gt;</a></p>' in html
