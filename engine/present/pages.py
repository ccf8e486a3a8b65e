"""``OwnPage``: the page of a result of numbers, with words of its own."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ..reporting import (
    Drawn,
    Language,
    Page,
    Section,
    Table,
    translated_frame,
    usual_sections,
)
from .words import words_of


class OwnPage(Page):
    """A page whose words are in the document of its room in its language, whose parts
    ``title`` and ``method`` are those of the report."""

    own = True
    room = ""
    """The name of the documents: ``threats`` of ``threats.en.md``."""

    def __init__(self, result: Any, language: Language) -> None:
        super().__init__(result, language)
        self.words = words_of(self.room, language)

    def phrase(self, text: str) -> str:
        """The phrase of a text of the result's tables; other texts as they are."""
        return getattr(self.result, "phrases", {}).get(text, text)

    def said(self, text: str) -> str:
        return self.words.say(self.phrase(text))

    def titles(self) -> Mapping[str, str]:
        return {}

    @property
    def subtitle(self) -> str:
        return ""

    @property
    def finding(self) -> Sequence[str]:
        return self.sentence.splitlines()

    def sections(self, figures: Mapping[str, Drawn]) -> Sequence[Section]:
        given = self.listings(), figures, self.result.program, self.said, self.table
        return usual_sections(*given)

    def table(self, frame: pd.DataFrame, formats: Mapping[str, str]) -> Table:
        """A table of the report, its headers and texts in the language."""
        if self.language != "en":
            frame, formats = translated_frame(frame, formats, self.said)
        return Table(frame, formats=formats)

    @property
    def title(self) -> str:
        return self.words.text("title")

    @property
    def method(self) -> str:
        return self.words.text("method")
