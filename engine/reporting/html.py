"""One HTML file of text, figures and tables, which needs nothing else.

A report is a list of sections, a section a list of blocks such as ``Text``, ``Figure``
and ``Table``. Figures and tables without a number of their own are numbered through the
whole report. Styles and figures (SVG) are inside the file; it holds no script and loads
nothing.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from itertools import count
from pathlib import Path
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..core import basis, load_toml
from .drawn import FULL_WIDTH, Drawn
from .html_tables import frame_html, spaced, translated_frame
from .journal_tables import JournalTable, to_html
from .labels import Language, label, numbered
from .translations import translated

if TYPE_CHECKING:  # where another process draws, this one needs no matplotlib
    from matplotlib import figure as mpl


@dataclass(frozen=True)
class Text:
    """Plain text; an empty line starts a new paragraph, `code` is between backticks."""

    text: str


@dataclass(frozen=True)
class Formula:
    """A formula of formulas.toml, by name, on a line of its own."""

    name: str


@dataclass(frozen=True)
class Heading:
    """A heading inside a section."""

    text: str


@dataclass(frozen=True)
class Points:
    """A list with bullets, plain text."""

    points: Sequence[str]


@dataclass(frozen=True)
class Link:
    """A line that leads to another file, by its path beside the report."""

    text: str
    path: str


@dataclass(frozen=True, eq=False)
class Figure:
    """A figure of matplotlib, or drawn already. The caption says what is shown and in
    which unit.

    ``number`` is printed before the caption in place of the next "Figure 1"; an empty
    one leaves the figure unnumbered.
    """

    figure: "mpl.Figure | Drawn"
    caption: str = ""
    number: str | None = None


@dataclass(frozen=True, eq=False)
class Table:
    """A data frame.

    Attributes
    ----------
    frame
        Columns of two levels get a spanning header. Row labels are shown unless they
        are just 0, 1, 2, ...
    caption
        Content and unit.
    formats
        Column to format specification, such as ``",.1f"``. Other numbers get about
        four digits and thousands separators, years none. Columns named here and
        numeric columns are aligned right, also where their cells are texts such as
        ``0.12**`` (specification ``""``). ``"p3"`` is a p-value of three decimals.
    number
        As that of a figure, in place of the next "Table 1".
    """

    frame: pd.DataFrame
    caption: str = ""
    formats: Mapping[Any, str] = field(default_factory=dict)
    number: str | None = None


@dataclass(frozen=True, eq=False)
class Journal:
    """A regression table; its title is the caption. ``number`` as that of a table."""

    table: JournalTable
    number: str | None = None


Shown = Text | Formula | Heading | Points | Link | Figure | Table | Journal


@dataclass(frozen=True, eq=False)
class Details:
    """Blocks that a reader opens by a click on the summary; open in print."""

    summary: str
    blocks: Sequence[Shown]


Block = Shown | Details

# Figures as wide as a page of print fill the page of the screen; smaller ones keep
# their share of it.
_PAGE_WIDTH = 50.0  # rem, as in report.css


@dataclass(frozen=True, eq=False)
class Section:
    """A heading and the blocks below it."""

    title: str
    blocks: Sequence[Block]


def report_html(
    title: str,
    subtitle: str,
    sections: Sequence[Section],
    footer: Mapping[str, str],
    *,
    appendix: Sequence[Section] = (),
    prefix: str = "",
    language: Language = "en",
) -> str:
    """The report as the text of one HTML file in UTF-8.

    ``footer`` is printed as given, in order, such as version, device and date. The
    report contains nothing else about the machine or the time, so that the same
    content gives the same bytes.

    ``appendix`` follows, each section folded: print shows those that a reader opened.
    ``prefix`` begins the numbers of figures and tables of the appendix: with "A", Table
    A1. Those of the text are Roman then, Table I: neither clashes with a number given
    to a block, such as that of a paper.
    All is in ``language`` already (``in_other_words``). What results must say of their
    tables (``core.basis``) stands below the subtitle.
    """
    captions = _Captions(_roman if prefix else str, language)
    body = []
    for number, section in enumerate(sections, 1):
        heading = f"<h2>{number}. {escape(section.title)}</h2>"
        blocks = _blocks(section.blocks, captions)
        body.append(f'<section id="section-{number}">\n{heading}\n{blocks}\n</section>')
    if appendix:
        if prefix:
            captions.count_as(f"{prefix}{{}}".format)
        folded = "\n".join(
            f"<details>\n<summary>{letter}. {escape(section.title)}</summary>\n"
            f'<section id="section-{letter}">\n{_blocks(section.blocks, captions)}\n'
            "</section>\n</details>"
            for letter, section in zip(ascii_uppercase, appendix, strict=False)
        )
        heading = f"<h2>{label('Appendix', language)}</h2>"
        about = 'class="appendix" id="appendix"'
        body.append(f"<section {about}>\n{heading}\n{folded}\n</section>")
    facts = (f"{escape(key)} {escape(value)}" for key, value in footer.items())
    return _installed("report.html").format(
        language="zh-CN" if language == "zh" else language,
        title=escape(title),
        subtitle="<br>".join(map(escape, filter(None, (subtitle, basis())))),
        style=_installed("report.css").strip(),
        contents=_contents(sections, bool(appendix), language),
        body="\n".join(body),
        footer=" · ".join(facts),
    )


def _contents(sections: Sequence[Section], appendix: bool, language: Language) -> str:
    if len(sections) < 2:
        return ""
    items = "\n".join(
        f'<li><a href="#section-{number}">{escape(section.title)}</a></li>'
        for number, section in enumerate(sections, 1)
    )
    name = label("Contents", language)
    if appendix:
        items += f'\n<li><a href="#appendix">{label("Appendix", language)}</a></li>'
    return f'<nav aria-label="{name}">\n<ol>\n{items}\n</ol>\n</nav>'


def _roman(number: int) -> str:
    ones = ("", *"I II III IV V VI VII VIII IX".split())
    return "X" * (number // 10) + ones[number % 10]


class _Captions:
    """Names the figures and tables of a report, in order."""

    def __init__(self, style: Callable[[int], str], language: Language) -> None:
        self.language: Language = language
        self.ids = defaultdict(lambda: count(1))
        self.count_as(style)

    def count_as(self, style: Callable[[int], str]) -> None:
        """Count what follows from 1, in this style."""
        self.style, self.numbers = style, defaultdict(lambda: count(1))

    def id(self, kind: str) -> str:
        return f"{kind.lower()}-{next(self.ids[kind])}"

    def name(self, kind: str, number: str | None) -> str:
        """The number given, or the next one."""
        if number is not None:
            return number
        return numbered(kind, self.style(next(self.numbers[kind])), self.language)

    def html(self, name: str, caption: str) -> str:
        stop = "." if self.language == "en" else ""
        bold = f"<b>{escape(name)}{stop}</b> " if name else ""
        return f"<figcaption>{bold}{_inline(caption)}</figcaption>"


def in_other_words(section: Section, language: Language) -> Section:
    """The section with every text in that language."""
    if language == "en":
        return section
    blocks = [_translated_block(k, language) for k in section.blocks]
    return Section(translated(section.title, language), blocks)


def _translated_block(block: Any, language: Language) -> Any:
    def say(text: str) -> str:
        return translated(text, language)

    match block:
        case Text(text):
            return Text("\n\n".join(map(say, text.split("\n\n"))))
        case Heading(text):
            return Heading(say(text))
        case Points(points):
            return Points([*map(say, points)])
        case Link(text, path):
            return Link(say(text), path)
        case Figure(drawn, caption, number):
            return Figure(drawn, say(caption), number)
        case Table(frame, caption, formats, number):
            shown, own = translated_frame(frame, formats, say)
            return Table(shown, say(caption), own, number)
        case Journal(table, number):
            return Journal(replace(table, title=say(table.title)), number)
        case Details(summary, blocks):
            inner = [_translated_block(k, language) for k in blocks]
            return Details(say(summary), inner)
    return block


def _blocks(blocks: Sequence[Block], captions: _Captions) -> str:
    return "\n".join(_block(block, captions) for block in blocks)


def _block(block: Block, captions: _Captions) -> str:
    match block:
        case Text(text):
            paragraphs = (part.strip() for part in text.split("\n\n"))
            return "\n".join(f"<p>{_inline(part)}</p>" for part in paragraphs if part)
        case Formula(name):
            own = load_toml(__package__, "formulas.toml")[name]
            text, mathml = escape(own["text"]), own["mathml"].strip()
            math = f'<math display="block" alttext="{text}">{mathml}</math>'
            return f'<p class="formula">{math}</p>'
        case Heading(text):
            return f"<h3>{escape(text)}</h3>"
        case Points(points):
            items = "\n".join(f"<li>{_inline(point)}</li>" for point in points)
            return f"<ul>\n{items}\n</ul>"
        case Link(text, path):
            return f'<p><a href="{escape(path)}">{escape(text)}</a></p>'
        case Figure():
            return _figure(block, captions)
        case Table(frame, caption, formats, number):
            return _captioned(caption, number, frame_html(frame, formats), captions)
        case Journal(table, number):
            return _captioned(table.title, number, to_html(table), captions)
        case Details(summary, inner):
            return (
                f"<details>\n<summary>{escape(summary)}</summary>\n"
                f"{_blocks(inner, captions)}\n</details>"
            )


def _inline(text: str) -> str:
    """Escaped text, `code` between backticks as code."""
    return spaced(re.sub("`([^`]+)`", r"<code>\1</code>", escape(text)))


def _figure(block: Figure, captions: _Captions) -> str:
    id, name = captions.id("Figure"), captions.name("Figure", block.number)
    drawn = block.figure
    if not isinstance(drawn, Drawn):
        from .plot_style import draw  # that is matplotlib

        drawn = draw(drawn, files=False)
    svg = drawn.element(ids=f"{id}-")
    called = escape(name or block.caption)
    svg = svg.replace("<svg ", f'<svg role="img" aria-label="{called}" ', 1)
    width, height = drawn.size
    zoom = _PAGE_WIDTH / FULL_WIDTH
    size = f'width="{zoom * width:.2f}rem" height="{zoom * height:.2f}rem"'
    svg = re.sub(r'width="[^"]*" height="[^"]*"', size, svg, count=1)
    caption = captions.html(name, block.caption)
    return f'<figure id="{id}">\n{svg}\n{caption}\n</figure>'


def _captioned(
    caption: str, number: str | None, table: str, captions: _Captions
) -> str:
    """A table with its caption above."""
    id, name = captions.id("Table"), captions.name("Table", number)
    head = captions.html(name, caption)
    return f'<figure class="table" id="{id}">\n{head}\n{table}\n</figure>'


def _installed(name: str) -> str:
    """A text beside this module: the frame of a page, or its styles."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")
