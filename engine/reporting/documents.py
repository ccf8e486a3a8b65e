"""Reports as they are written: Markdown with holes, which a result fills.

A document stands beside the module that fills it. Its paragraphs, lists and headings
are Markdown's, wrapped anywhere; besides them it has

    # name: Title       a section, by its name; a part of one has no title
    # name: text        a part of one paragraph
    $ name              a formula of formulas.toml
    [name] Caption      a table, a figure or other blocks that are given by this name
    [name?] Caption     the same, left out where it is not given

A hole is a text that is given by its name, ``{weak}``, or a number with its format,
``{gap:.3f}``. A hole that is a point by itself may have several; a paragraph or point
without text is left out.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from .html import Block, Figure, Formula, Heading, Points, Section, Table, Text

_NONE: Mapping[str, Any] = MappingProxyType({})
_GIVEN = re.compile(r"\[(\w+)(\?)?\] ?(.*)")
_ALONE = re.compile(r"\{(\w+)\}")


class Document:
    """The sections of a report by their names, with holes."""

    def __init__(self, path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        self.parts: dict[str, tuple[str, list[str]]] = {}
        for part in re.split(r"^# ", text, flags=re.MULTILINE)[1:]:
            head, *chunks = re.split(r"\n{2,}", part.strip())
            key, _, title = head.partition(":")
            self.parts[key] = _line(title).strip(), chunks

    def section(
        self, name: str, figures: Mapping[str, Any] = _NONE, /, **given: Any
    ) -> Section:
        """A section with what is given in its holes; ``figures`` are given, too.

        Tables and figures have their caption from the document; ``KeyError`` for what
        it names and nobody gives.
        """
        title = self.title(name, **given)
        return Section(title, self.blocks(name, figures, **given))

    def title(self, name: str, /, **given: Any) -> str:
        """The title of a section, with what is given in its holes."""
        return self.filled(self.parts[name][0], given)

    def blocks(
        self, name: str, figures: Mapping[str, Any] = _NONE, /, **given: Any
    ) -> list[Block]:
        """The blocks of a part of a section, which has no title."""
        chunks = self.parts[name][1]
        return [k for chunk in chunks for k in self._blocks(chunk, figures, given)]

    def text(self, name: str, /, **given: Any) -> str:
        """The paragraphs of a part that has no other blocks, or the one beside its
        name."""
        title, chunks = self.parts[name]
        if not chunks:
            return self.filled(title, given)
        return "\n\n".join(
            k.text for k in self.blocks(name, **given) if isinstance(k, Text)
        )

    def filled(self, text: str, given: Mapping[str, Any]) -> str:
        """A text with what is given in its holes."""
        return text.format_map(given)

    def _blocks(
        self, chunk: str, figures: Mapping[str, Any], given: Mapping[str, Any]
    ) -> Iterator[Block]:
        if chunk.startswith("- "):
            items = chunk.removeprefix("- ").split("\n- ")
            if points := [k for item in items for k in self._points(item, given)]:
                yield Points(points)
            return
        line = _line(chunk)
        mark, _, rest = line.partition(" ")
        if match := _GIVEN.fullmatch(line):
            key, may_miss, caption = match.groups()
            if key in given or not may_miss or key in figures:
                own = given[key] if key in given else figures[key]
                yield from _captioned(own, self.filled(caption, given))
        elif mark == "##":
            yield Heading(self.filled(rest, given))
        elif mark == "$":
            yield Formula(rest)
        elif text := self.filled(line, given).strip():
            yield Text(text)

    def _points(self, item: str, given: Mapping[str, Any]) -> list[str]:
        alone = _ALONE.fullmatch(_line(item))
        if alone and not isinstance(given[alone[1]], str):
            return [*given[alone[1]]]
        return list(filter(None, [self.filled(_line(item), given)]))


def _line(chunk: str) -> str:
    return " ".join(k.strip() for k in chunk.splitlines())


def _captioned(own: Any, caption: str) -> list[Block]:
    if isinstance(own, list):
        return own
    if isinstance(own, Table | Figure):
        return [replace(own, caption=caption)]
    return [Figure(own, caption)]
