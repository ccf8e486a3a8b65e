"""Documents of words: both languages have the same parts and holes, and all are used."""

import ast
import re
from functools import cache
from pathlib import Path
from string import Formatter

import pytest

from tivax.engine.core import Phrase
from tivax.engine.present.words import Words, words_of

ENGINE = Path(__file__).resolve().parents[2] / "engine"
PRESENT = ENGINE / "present"
DOCUMENTS = sorted(ENGINE.rglob("*.en.md"))
each_document = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda k: k.name.removesuffix(".en.md")
)
_GIVEN = re.compile(r"^\[(\w+)\??\]", re.MULTILINE)


def holes(text: str) -> set[str]:
    return {name for _, name, *_ in Formatter().parse(text) if name}


def said_in(document: Path, language) -> Words:
    return words_of(document.name.removesuffix(".en.md"), language, document.parent)


def room_of(document: Path) -> Path:
    """The folder whose modules name parts: of its own name, or a paper's."""
    if document.parent == PRESENT:
        return ENGINE / document.name.removesuffix(".en.md")
    return document.parents[1]


def parts(document: Path, language) -> dict[str, set[str]]:
    """What is to be given to each part: its holes, tables and figures."""
    return {
        name: holes(text := "\n\n".join([title, *chunks])) | {*_GIVEN.findall(text)}
        for name, (title, chunks) in said_in(document, language).parts.items()
    }


@cache
def constants(folder: Path) -> list[str]:
    """Every text in the modules of a folder."""
    return [
        node.value
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


@cache
def joined(folder: Path) -> re.Pattern[str]:
    """Texts with values in them, which are anything: ``f"{name} rises with TBI"``."""
    found = [
        [getattr(k, "value", "") for k in node.values]
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.JoinedStr)
    ]
    texts = [[k if isinstance(k, str) else "" for k in parts] for parts in found]
    long = [k for k in texts if len("".join(k)) > 12]
    return re.compile("|".join("".join(re.escape(k) or ".+" for k in t) for t in long))


def phrases(folder: Path) -> set[str]:
    """Texts with holes that a room makes phrases of, where it names them there."""
    return {
        node.args[0].value
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "Phrase"
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    }


@each_document
def test_both_languages_have_the_same_parts_with_the_same_holes(document):
    assert parts(document, "en") == parts(document, "zh")


@each_document
def test_every_part_is_used(document):
    named = {*constants(PRESENT), *constants(room_of(document))}
    assert {*said_in(document, "en").parts} <= named


@pytest.mark.parametrize("language", ["en", "zh"])
@each_document
def test_words_fill_holes_of_their_text_alone(document, language):
    for text, words in said_in(document, language).words.items():
        assert holes(words) <= holes(text), text


@each_document
def test_what_a_room_says_in_phrases_has_chinese_words(document):
    chinese = {*said_in(document, "zh").words}
    assert phrases(room_of(document)) <= chinese
    assert {*said_in(document, "en").words} <= chinese


@each_document
def test_no_chinese_words_are_of_a_text_that_nobody_says(document):
    """Texts are compared without what they may be joined from."""
    said = "\n".join(constants(ENGINE))
    files = [k for k in ENGINE.rglob("*.toml") if "translations" not in k.name]
    said += "\n".join(k.read_text(encoding="utf-8") for k in files)
    for text in said_in(document, "zh").words:
        text = text.removesuffix(" of {account}")
        if joined(ENGINE).fullmatch(text.replace("with the index", "with TBI")):
            continue  # codes of a claim, which first pages have by their names
        pieces = re.split(r"[;,] |^each of |^effect |^treatment ", text)
        assert all(piece in said or "{note" in piece for piece in pieces), text


def test_numbers_stay_numbers_until_they_are_printed():
    english, chinese = (words_of("threats", k) for k in ("en", "zh"))
    text = "{b:number}, p {p:equals}, {share:percent 1}, {n:count row}, {x:variable}"
    given = {"b": 2.0, "p": (0.0, 99), "share": 0.125, "n": 1200, "x": "TBI"}
    assert english.filled(text, given) == (
        "2.000, p < 0.01, 12.5 %, 1,200 rows, trade benefit index"
    )
    assert "p <0.01, 12.5%, 1,200 rows, 贸易利益指数" in chinese.filled(text, given)


def test_a_phrase_inside_a_phrase_is_put_into_words_too():
    entrants = Phrase("{group} entrants of {year}", group="EU", year=2004)
    alone = Phrase("{block}, without controls", block=entrants)
    assert alone == "EU entrants of 2004, without controls"
    assert words_of("threats", "en").say(alone) == alone
    assert words_of("threats", "zh").say(alone) == "2004年欧盟新成员，无控制变量"
    note = Phrase.listed(
        ["chosen for it", "", Phrase("outcome {treatment}", treatment="TBI")]
    )
    assert note == "chosen for it; outcome TBI"
    assert words_of("threats", "zh").say(note) == "为此而选；被解释变量为贸易利益指数"
    assert Phrase.listed([]) == "" and Phrase.listed(["one"]) == "one"
