"""Reports and figures in another language, sentence by sentence.

Reports are written in English. ``translations.toml`` holds their sentences as
templates: ``{a}`` stands for a number, a name or a part with a template of its own. A
sentence without a template stays English, so that a new one is never lost.
"""

import re
from functools import cache

from ..core import load_toml
from .labels import Language, is_label, label

_HOLE = re.compile(r"\{(\w+)\}")
# Where a text is taken apart if it has no template as a whole, and what joins it then.
_SEAMS = (
    (re.compile(r"(?<=[.?!])\s+(?=[A-Z“(0-9−`])"), ""),
    (re.compile(r"; "), "；"),
    (re.compile(r", and |, | and "), "、"),
)
_PERCENT = re.compile(r"(?<=\d)[ \u00a0]%")


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
    exact, patterns = _templates(language)
    if plain in exact:
        return exact[plain]
    if is_label(plain):
        return label(plain, language)
    for start, pattern, template in patterns:
        if plain.startswith(start) and (match := pattern.fullmatch(plain)):
            holes = {k: translated(v, language) for k, v in match.groupdict().items()}
            return template.format(**holes)
    return None


def _in_parts(text: str, language: Language) -> str | None:
    for seam, joint in _SEAMS:
        parts = seam.split(text)
        if len(parts) == 1:
            continue
        found = [translated(part, language) for part in parts]
        if found != parts:
            return joint.join(found)
    return None


@cache
def _templates(
    language: Language,
) -> tuple[dict[str, str], list[tuple[str, re.Pattern[str], str]]]:
    """Texts without holes, and the others as patterns behind their first words; those
    with more words of their own come first."""
    given = {
        " ".join(k.split()): v
        for k, v in load_toml(__package__, "translations.toml")[language].items()
    }
    exact = {k: v for k, v in given.items() if not _HOLE.search(k)}
    patterns = []
    for text in sorted(given.keys() - exact, key=lambda k: -len(_HOLE.sub("", k))):
        parts, seen = [], set()
        for k, piece in enumerate(_HOLE.split(text)):
            if k % 2 == 0:
                parts.append(re.escape(piece))
            else:
                parts.append(f"(?P={piece})" if piece in seen else f"(?P<{piece}>.+?)")
                seen.add(piece)
        start = _HOLE.split(text)[0]
        patterns.append((start, re.compile("".join(parts)), given[text]))
    return exact, patterns
