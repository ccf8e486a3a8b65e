"""Names of terms, outcomes, samples and parts of tables, in English and Chinese.

``labels.toml`` holds them; a code without an entry, such as a region, is its own name.
"""

import re
from collections.abc import Sequence
from typing import Literal, get_args

from ..core import TivaxError, load_toml

Language = Literal["en", "zh"]

_LABELS: dict[str, list[str]] = load_toml(__package__, "labels.toml")
# Apart from the labels: a regressor that a user calls exports keeps its name.
_MEASURES = {
    "tbi": "trade benefit index",
    "vax_ratio": "VAX ratio",
    "va_exports": "value-added exports",
    "va_imports": "value-added imports",
    "gross_exports": "gross exports",
    "gross_imports": "gross imports",
    "value_added": "value added",
    "final_demand": "final demand",
    "inputs_lost": "inputs lost",
    "price_output": "price of output",
    "price_final": "price of final demand",
    "price_exports": "price of exports",
    "price_imports": "price of imports",
    "terms_of_trade": "terms of trade",
}
# Keys of a grid and their values. Codes begin with a capital or a digit: a name of a
# user's own, such as who pays, keeps its words.
_PLACES = "((?:[A-Z0-9][^, ]*|all)(?: [A-Z0-9][^, ]*)*)"
_VARIANTS = {
    f"who {_PLACES}, whom {_PLACES}": r"\1 to \2",
    f"who {_PLACES}": r"\1",
    f"to {_PLACES}": r"moved to \1",
    "to third": "moved to third countries",
    "to home": "moved home",
    f"whom {_PLACES}": r"to \1",
    r"percent (-?[0-9.e+-]+)": r"\1 per cent",
    "uses (intermediate|final)": r"\1 goods",
    "uses both": "all goods",
    "links (all|backward|forward)": r"\1 links",
    "links (exports|imports|trade)": r"\1",
    r"trade_cost ([0-9.e+-]+)": r"trade cost \1",
}


def label(code: str, language: Language = "en") -> str:
    """The name of a code in that language; the code itself where there is none."""
    if code not in _LABELS:
        return code
    return in_language(_LABELS[code], language)


def measure_name(code: str) -> str:
    """A measure in words for figures; an indicator's code as it is."""
    return _MEASURES.get(code, code)


def change_of(code: str) -> str:
    """The beginning of a title: ``Change of the trade benefit index``."""
    article = "the " if code in ("tbi", "vax_ratio") else ""
    return f"Change of {article}{measure_name(code)}"


def variant_in_words(name: str) -> str:
    """A variant of scenarios in words for figures: ``CHN to USA, 25 per cent`` of
    ``who CHN, whom USA, percent 25``; a name that is no key of a grid as it is."""
    for key, words in _VARIANTS.items():
        name = re.sub(f"(?:^|(?<=, )){key}(?=$|,)", words, name)
    return name


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
