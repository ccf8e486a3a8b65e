"""Words of a kind of result in one language: a document with typed holes.

A hole says what it holds, and numbers stay numbers until then:

    {n:number} {p:p} {p:equals} {share:percent 1} {rows:count row} {gap:minus +.1f}
    {treatment:variable} {cluster:country}

``{x:word}`` is a name that the part ``words`` has: a table of texts, with their holes,
and how they are printed here. A ``Phrase`` in a hole is put into those words.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any

from ..core import Phrase, count_text, number_text, p_equals, p_text, percent_text
from ..reporting import (
    Document,
    Language,
    choice_name,
    translated,
    variable_name,
)
from ..tables import country_in_text, country_name

_JOINTS = {"; ": "；", ", ": "、", " and ": "、", " ": ""}


class Words(Document, Formatter):
    """The parts of a document, and its words for texts."""

    def __init__(self, name: str, language: Language, folder: Path) -> None:
        super().__init__(folder / f"{name}.{language}.md")
        self.name, self.folder = name, folder
        self.language: Language = language
        self.chinese = language == "zh"
        rows = self.parts.pop("words", ("", []))[1]
        cells = [k.strip("| ").split(" | ") for row in rows for k in row.splitlines()]
        self.words = {cell[0].strip(): cell[1].strip() for cell in cells[2:]}
        self.kinds: dict[str, Callable[[Any, str], str]] = {
            "number": lambda value, _: number_text(value),
            "p": lambda value, _: p_text(*value),
            "equals": lambda value, _: self.tight(p_equals(*value)),
            "minus": lambda value, form: format(value, form).replace("-", "−"),
            "percent": lambda value, n: self.tight(percent_text(value, int(n or 0))),
            "count": count_text,
            "variable": lambda value, _: self.variable(value),
            "country": lambda value, _: self.country(value),
            "choice": lambda value, _: choice_name(value, self.language),
            "word": lambda value, _: self.say(value).split("\n（")[0],  # an aside
        }

    def tight(self, text: str) -> str:
        """Without the blanks that Chinese has no use for."""
        return text.replace(" ", "") if self.chinese else text

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process, which draws a figure, reads them itself."""
        return words_of, (self.name, self.language, self.folder)

    def say(self, text: str) -> str:
        """A text in the words of this document; what it has none for as others say it,
        and a name as it is."""
        key = text.key if isinstance(text, Phrase) else text
        if key in self.words:
            return self.filled(self.words[key], getattr(text, "values", {}))
        return translated(text, self.language)

    def country(self, code: str) -> str:
        """The country of a code, in English with its article."""
        return self.say((country_name if self.chinese else country_in_text)(code))

    def variable(self, code: str) -> str:
        """A variable of the panel, or a column made of some."""
        known = isinstance(code, Phrase) or code in self.words
        return self.say(code) if known else variable_name(code, self.language)

    def also(self, wanted: Any, part: str, /, **given: Any) -> str:
        """Text after other words, if it is ``wanted``: in English after a blank."""
        text = self.text(part, **given) if wanted else ""
        return f" {text}" if text and not self.chinese else text

    def sentences(self, *parts: str) -> str:
        """Sentences without their stops as one text."""
        stop = "。" if self.chinese else ". "
        return f"{stop.join(parts)}{stop.strip()}"

    def listed(self, parts: Iterable[Any], joint: str = "; ") -> str:
        return (_JOINTS[joint] if self.chinese else joint).join(map(str, parts))

    def filled(self, text: str, given: Mapping[str, Any]) -> str:
        return self.vformat(text, (), given)

    def format_field(self, value: Any, format_spec: str) -> str:
        kind, _, more = format_spec.partition(" ")
        if kind in self.kinds:
            return self.kinds[kind](value, more)
        if isinstance(value, Phrase) and not format_spec:
            return self.say(value)
        return super().format_field(value, format_spec)


@cache
def words_of(
    name: str, language: Language, folder: Path = Path(__file__).parent
) -> Words:
    """The words of a kind of result, ``threats.en.md``; of a paper's, its folder."""
    return Words(name, language, folder)
