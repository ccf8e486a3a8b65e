"""Reports and figures in another language, sentence by sentence.

Reports are written in English. ``translations.toml`` holds their sentences as
templates with holes: ``{n1}`` is a number, ``{v}`` any text, ``{z}`` one that
stays as it is, ``{w}`` any text without brackets, ``{a}`` a name or a part
that has a template of its own. In a sentence, which ends with a stop, ``{a}`` is any
text too; elsewhere it is no list. What has no template stays English, so that a new
sentence is never lost.
"""

import re
from functools import cache
from typing import NamedTuple

from ..core import load_toml
from .labels import Language, known_names

_HOLE = re.compile(r"\{(\w+)\}")
_NUMBER = r"[+−-]?(?:\d[\d.,]*(?:e[+-]?\d+)?|none)"
_NO_LIST = r"(?:[^,;]|,(?=\d))+?"
# Kinds of holes by their first letter; others are parts.
_KINDS = {"n": _NUMBER, "v": ".+?", "z": ".+", "w": r"[^()]+"}
_OUTSIDE = r"(?![^(]*\))"  # not between brackets
# Where a text is taken apart if it has no template as a whole, and what joins it then.
_SEAMS = (
    (re.compile(r"(?<=[.?!])\s+(?=[A-Z“(0-9−`])"), ""),
    (re.compile(rf"; {_OUTSIDE}"), "；"),
    (re.compile(r": "), "："),
    (re.compile(rf", and {_OUTSIDE}|, {_OUTSIDE}| and {_OUTSIDE}"), "、"),
    (re.compile(r"\n"), "\n"),  # lines of a figure
)
_PHRASE = re.compile(r"[A-Za-z]{3,} [a-z]{2,}")  # of English, not a name
_PERCENT = re.compile(r"(?<=\d)[ \u00a0]%")
_ASIDE = re.compile(r"\n（[^）]*）")  # of a label


class _Template(NamedTuple):
    start: str  # words before its first hole
    sentences: int
    lists: int  # semicolons, -1 of a sentence, which may hold any number
    pattern: re.Pattern[str]
    words: str


@cache
def translated(text: str, language: Language) -> str:
    """The text in that language, as far as there are templates of its sentences."""
    if language == "en" or not re.search("[A-Za-z]", text):
        return text
    found = _whole(text, language)
    if found is None:
        found = _in_parts(text, language)
    return _PERCENT.sub("%", text if found is None else found)


def _whole(text: str, language: Language) -> str | None:
    plain = " ".join(text.split())
    exact, templates = _templates(language)
    small = plain[:1].lower() + plain[1:]  # as the first word of a title
    for name in (plain, small, small.removeprefix("the ")):
        if name in exact:
            return exact[name]
    sentences, lists = (len(seam.findall(plain)) for seam, _ in _SEAMS[:2])
    for template in templates:
        if template.sentences != sentences or template.lists not in (-1, lists):
            continue
        if not plain.startswith(template.start):
            continue
        if match := template.pattern.fullmatch(plain):
            holes = {k: _filled(k, v, language) for k, v in match.groupdict().items()}
            # No mixture of languages within a sentence.
            parts = [v for k, v in holes.items() if k[0] not in _KINDS]
            if template.lists == -1 or not any(map(_PHRASE.search, parts)):
                return template.words.format(**holes)
    return None


def _filled(hole: str, text: str, language: Language) -> str:
    if hole.startswith("z"):
        return text
    if hole.startswith("n"):
        return "0" if text == "none" else text
    return _ASIDE.sub("", translated(text, language))


def _in_parts(text: str, language: Language) -> str | None:
    for seam, joint in _SEAMS:
        parts = seam.split(text)
        if len(parts) == 1:
            continue
        found = [translated(part, language) for part in parts]
        apart = not joint or not any(map(_PHRASE.search, found))
        if found != parts and apart:
            return joint.join(found)
    return None


@cache
def _templates(language: Language) -> tuple[dict[str, str], list[_Template]]:
    """Texts without holes, and templates: the more words of its own, the earlier."""
    given = {
        " ".join(name.split()): v
        for k, v in load_toml(__package__, "translations.toml")[language].items()
        for name in k.split(" | ")
    }
    exact = known_names(language)
    exact |= {k: v for k, v in given.items() if not _HOLE.search(k)}
    order = sorted(given.keys() - exact, key=lambda k: (-len(_HOLE.sub("", k)), k))
    return exact, [_template(text, given[text]) for text in order]


def _template(text: str, words: str) -> _Template:
    sentence = text.endswith((".", "?", ":", ","))
    parts, seen = [], set()
    for k, piece in enumerate(_HOLE.split(text)):
        if k % 2 == 0:
            parts.append(re.escape(piece))
        elif piece in seen:
            parts.append(f"(?P={piece})")
        else:
            seen.add(piece)
            plain = ".+?" if sentence else _NO_LIST
            parts.append(f"(?P<{piece}>{_KINDS.get(piece[0], plain)})")
    pattern = re.compile("".join(parts))
    sentences, lists = (len(seam.findall(text)) for seam, _ in _SEAMS[:2])
    start = _HOLE.split(text)[0]
    return _Template(start, sentences, -1 if sentence else lists, pattern, words)
