"""``Page``: what a result says, draws and prints, in one language.

A result of numbers (``Told``) has its page in ``present``, in a module that registers
it with ``page_of``. The page of any other result is what the
result says itself, in English, put into the language.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import singledispatch
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..core import Listing, output_title
from .drawn import Drawn
from .html import Block, Figure, Points, Section, Table, Text, in_other_words
from .labels import Language
from .translations import translated

if TYPE_CHECKING:  # where another process draws, this one needs no matplotlib
    from matplotlib import figure as mpl

Plot = Callable[[], "mpl.Figure"]
"""Draws a figure when it is asked for."""


class Page:
    """The words of a result that has them itself, in a language."""

    own = False
    """True if it says everything in its language, so that nobody translates it."""

    def __init__(self, result: Any, language: Language) -> None:
        self.result = result
        self.language: Language = language

    def said(self, text: str) -> str:
        return translated(text, self.language)

    @property
    def title(self) -> str:
        """Title of the report; no title, no report."""
        return self.said(self.result.said(self.result.report_title))

    @property
    def subtitle(self) -> str:
        """Below the title of the report: how much was computed."""
        return self.said(self.result.subtitle)

    @property
    def method(self) -> str:
        """Method behind the numbers, for the report."""
        text = self.result.said(self.result.method)
        return "\n\n".join(map(self.said, text.split("\n\n")))

    @property
    def sentence(self) -> str:
        """The finding, a line each; nothing where there is none in words."""
        return "\n".join(map(self.said, self.result.sentence.splitlines()))

    @property
    def finding(self) -> Sequence[str]:
        """The finding as the report tells it first."""
        return [*map(self.said, self.result.finding)]

    def plots(self) -> Mapping[str, Plot]:
        """Functions that draw the figures, by file name."""
        return self.result.plots()

    def titles(self) -> Mapping[str, str]:
        """Findings of figures, a line each, by file name."""
        said = self.result.said
        return {k: self.said(said(v)) for k, v in self.result.titles().items()}

    def sections(self, figures: Mapping[str, Drawn]) -> Sequence[Section]:
        """The report below the finding."""
        own = self.result.sections(figures)
        return [in_other_words(k, self.language) for k in own]

    def listings(self) -> Sequence[Listing]:
        """Tables on the screen."""
        return self.result._listings()


class JoinedPage(Page):
    """Pages of results of one kind, one after the other, figures counted through."""

    def __init__(self, result: Any, language: Language) -> None:
        super().__init__(result, language)
        self.pages: list[Page] = [part.page(language) for part in result.parts]
        self.own = self.pages[0].own
        first = copy(result.parts[0])  # in its words what is said of all
        first.__dict__["account"] = result.account
        self.head: Page = first.page(language)

    @property
    def title(self) -> str:
        return self.head.title if self.own else super().title

    @property
    def subtitle(self) -> str:
        return self.pages[0].subtitle

    @property
    def method(self) -> str:
        return self.head.method if self.own else super().method

    @property
    def sentence(self) -> str:
        return "\n".join(filter(None, (page.sentence for page in self.pages)))

    @property
    def finding(self) -> Sequence[str]:
        return [line for page in self.pages for line in page.finding]

    def plots(self) -> Mapping[str, Plot]:
        return {new: plot for _, new, plot in self._numbered()}

    def titles(self) -> Mapping[str, str]:
        each = [page.titles() for page in self.pages]
        numbered = [(new, each[k].get(old)) for (k, old), new, _ in self._numbered()]
        return {new: title for new, title in numbered if title}

    def sections(self, figures: Mapping[str, Drawn]) -> Sequence[Section]:
        if self.result.printed:
            program, said = self.result.program, self.head.said
            return usual_sections(self.listings(), figures, program, said)
        own: dict[int, dict[str, Drawn]] = {}
        for (part, old), new, _ in self._numbered():
            own.setdefault(part, {})[old] = figures[new]
        return [
            section
            for number, page in enumerate(self.pages)
            for section in page.sections(own.get(number, {}))
        ]

    def listings(self) -> Sequence[Listing]:
        return [listing for page in self.pages for listing in page.listings()]

    def _numbered(self) -> Iterator[tuple[tuple[int, str], str, Plot]]:
        """(part, its name of a figure), the name among all, and what draws it."""
        number = 0
        for part, page in enumerate(self.pages):
            for old, plot in page.plots().items():
                number += 1
                yield (part, old), f"{old.rpartition('_')[0]}_{number}", plot


def usual_sections(
    listings: Sequence[Listing],
    figures: Mapping[str, Drawn],
    program: str,
    said: Callable[[str], str],
    table: Callable[..., Table] = Table,
) -> list[Section]:
    """The listings and all figures, of a report without sections of its own."""
    tables: list[Block] = []
    for listing in listings:
        if listing.rows:
            frame = pd.DataFrame([*listing.rows], columns=[*listing.columns])
            right = dict.fromkeys(listing.columns[listing.words :], "")
            tables.append(replace(table(frame, formats=right), caption=listing.title))
        else:
            tables.append(Text(listing.title))
        tables += [Points(listing.notes)] if listing.notes else []
    shown = [
        Figure(k, said(output_title(program, f"figures/{name}")))
        for name, k in figures.items()
    ]
    both = Section(said("Table"), tables), Section(said("Figures"), shown)
    return [section for section in both if section.blocks]


page_of = singledispatch(Page)
"""The page of a result in a language, by the class of the result."""
