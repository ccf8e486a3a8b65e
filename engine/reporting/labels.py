"""Names of terms, outcomes, samples and parts of tables, in English and Chinese.

``labels.toml`` holds them; a code without an entry, such as a region, is its own name.
"""

from collections.abc import Sequence
from typing import Literal, get_args

from ..core import TivaxError, load_toml

Language = Literal["en", "zh"]

_LABELS: dict[str, list[str]] = load_toml(__package__, "labels.toml")


def label(code: str, language: Language = "en") -> str:
    """The name of a code in that language; the code itself where there is none."""
    if code not in _LABELS:
        return code
    return in_language(_LABELS[code], language)


def in_language(texts: Sequence[str], language: Language) -> str:
    """The text of that language, of one for each language."""
    return texts[get_args(Language).index(language)]


def numbered(kind: str, number: int | str, language: Language = "en") -> str:
    """``Table 3``, 表3."""
    return f"{label(kind, language)}{' ' if language == 'en' else ''}{number}"


def require_language(name: str) -> Language:
    """The language of that name; else ``TivaxError`` lists the languages."""
    for known in get_args(Language):
        if name == known:
            return known
    raise TivaxError(f"--language {name}: choose from {', '.join(get_args(Language))}")
