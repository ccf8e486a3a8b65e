"""Titles of the paper's tables and the notes below them; ``titles.toml`` holds them."""

from ...core import load_toml
from ...reporting import Language, in_language

_TITLES: dict[str, list[str]] = load_toml(__package__, "titles.toml")


def title(code: str, language: Language = "en") -> str:
    """A title such as ``table 3``, or notes such as ``iv notes``."""
    return in_language(_TITLES[code], language)
