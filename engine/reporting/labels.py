"""Names of terms, outcomes, samples and parts of tables, in English and Chinese.

``labels.toml`` holds them; a code without an entry, such as a region, is its own name.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from ..core import TivaxError, load_toml

Language = Literal["en", "zh"]

_LABELS: dict[str, list[str]] = load_toml(__package__, "labels.toml")
_WORDS: dict[str, dict[str, str]] = load_toml(__package__, "words.toml")
# Codes begin with a capital or a digit: a name of a user's own, such as exporters
# alone, keeps its words.
_PLACES = "((?:[A-Z0-9][^, ]*|all)(?: [A-Z0-9][^, ]*)*)"


def label(code: str, language: Language = "en") -> str:
    """The name of a code in that language; the code itself where there is none."""
    if code not in _LABELS:
        return code
    return in_language(_LABELS[code], language)


def known_names(language: Language) -> dict[str, str]:
    """Every name in that language, by its code and by its English name."""
    english = {own[0].replace("\n", " "): code for code, own in _LABELS.items()}
    codes = english | {code: code for code in _LABELS}
    return {name: label(code, language) for name, code in codes.items()}


def choice_name(choice: str, language: Language = "en") -> str:
    """A choice of a specification curve in words: that of a kind, else a control."""
    # A code of its own: "effects" alone names those of countries and years.
    return _known(f"choice of {choice}", language) or variable_name(choice, language)


def option_name(choice: str, option: str, language: Language = "en") -> str:
    """An option of a choice in words: ``country + developed × year`` of the
    effects ``iso3 + developed^year``; names of a user's own columns as they are."""
    if choice == "effects" and option != "none":
        return " + ".join(_effect(term, language) for term in option.split(" + "))
    if choice == "lag":
        own = _known(f"option of lag {option}", language)
        return own or label("option of lag", language).format(option)
    if choice in ("sample", "years"):
        return label(option, language)
    if choice == "controls" and option.startswith("without "):
        left = _listed(option.removeprefix("without "), language)
        return label("option without", language).format(left)
    return _known(f"option {option}", language) or _listed(option, language)


def _effect(term: str, language: Language) -> str:
    if match := re.fullmatch(r"(.+)\[(.+)\]", term):
        names = [_effect(k, language) for k in match.groups()]
        kind = "trend" if match[2].lower() == "year" else "slopes"
        return label(f"effect with {kind}", language).format(*names)
    parts = [_known(f"effect of {k}", language) or k for k in term.split("^")]
    return " × ".join(parts)


def _listed(codes: str, language: Language) -> str:
    joint = "、" if language == "zh" else ", "
    return joint.join(variable_name(code, language) for code in codes.split(", "))


# Of a variable: lower case is that of a user, such as index.
_VARIABLE = re.compile(r"(ln)?[A-Z]+\w*[A-Z]")


def variable_name(code: str, language: Language = "en") -> str:
    """A variable in words, on one line and without what it says in brackets; a name of
    a user's own as it is."""
    if not _VARIABLE.match(code):
        return code
    return re.sub(r"\s*[(（][^)）]*[)）]", "", label(code, language)).replace("\n", " ")


def _known(code: str, language: Language) -> str:
    """The name of a code that has one, else nothing."""
    return label(code, language) if code in _LABELS else ""


def measure_name(code: str) -> str:
    """A measure in words for figures; an indicator's code as it is."""
    return _WORDS["measures"].get(code, code)


def change_of(code: str) -> str:
    """The beginning of a title: ``Change of the trade benefit index``."""
    article = "the " if code in ("tbi", "vax_ratio") else ""
    return f"Change of {article}{measure_name(code)}"


def of_account(text: str, account: str) -> str:
    """Words of value added, put in those of the satellite account of that name;
    without a name, as they are."""
    given = _WORDS["account"].items()

    def other(found: re.Match[str]) -> str:
        key, words = next(k for k in given if re.fullmatch(k[0], found[0]))
        return re.sub(key, words, found[0]).replace("ACCOUNT", account)

    return re.sub("|".join(key for key, _ in given), other, text) if account else text


def variant_in_words(name: str) -> str:
    """A variant of scenarios in words for figures; a name that is no key of a grid as
    it is.

    ``exporters CHN, importers USA, percent 25`` is ``CHN to USA, 25 per cent``."""
    for key, words in _WORDS["variants"].items():
        key = key.replace("PLACES", _PLACES)
        name = re.sub(f"(?:^|(?<=, )){key}(?=$|,)", words, name)
    return name


def in_language(texts: Sequence[str], language: Language) -> str:
    """The text of that language, of one for each language."""
    return texts[get_args(Language).index(language)]


def numbered(kind: str, number: int | str, language: Language = "en") -> str:
    """``Table 3``, 表3."""
    return f"{label(kind, language)}{' ' if language == 'en' else ''}{number}"


def printed_place(tags: Mapping[str, int]) -> tuple[int, int] | None:
    """The table and the column in which a paper prints a model, by the tags of the
    model; None elsewhere."""
    return (tags["table"], tags["column"]) if {"table", "column"} <= {*tags} else None


def column_name(table: int, column: int) -> str:
    """``Table 3 (1)``, which does not break over lines."""
    return f"Table\u00a0{table}\u00a0({column})"


def require_language(name: str) -> Language:
    """The language of that name; else ``TivaxError`` lists the languages."""
    for known in get_args(Language):
        if name == known:
            return known
    raise TivaxError(f"--language {name}: choose from {', '.join(get_args(Language))}")
