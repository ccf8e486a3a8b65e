"""Documents of words: both languages have the same parts and holes, and all are used."""

import ast
import re
from functools import cache
from pathlib import Path
from string import Formatter

import pytest

from tivax.engine.core import Phrase
from tivax.engine.present.words import words_of

PRESENT = Path(__file__).resolve().parents[2] / "engine" / "present"
ROOMS = sorted({k.name.split(".")[0] for k in PRESENT.glob("*.md")})
_GIVEN = re.compile(r"^\[(\w+)\??\]", re.MULTILINE)


def holes(text: str) -> set[str]:
    return {name for _, name, *_ in Formatter().parse(text) if name}


def parts(room: str, language) -> dict[str, set[str]]:
    """What is to be given to each part: its holes, tables and figures."""
    return {
        name: holes(text := "\n\n".join([title, *chunks])) | {*_GIVEN.findall(text)}
        for name, (title, chunks) in words_of(room, language).parts.items()
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


@pytest.mark.parametrize("room", ROOMS)
def test_both_languages_have_the_same_parts_with_the_same_holes(room):
    assert parts(room, "en") == parts(room, "zh")


@pytest.mark.parametrize("room", ROOMS)
def test_every_part_is_used(room):
    named = {*constants(PRESENT), *constants(PRESENT.parent / room)}
    assert {*words_of(room, "en").parts} <= named


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("room", ROOMS)
def test_words_fill_holes_of_their_text_alone(room, language):
    for text, words in words_of(room, language).words.items():
        assert holes(words) <= holes(text), text


@pytest.mark.parametrize("room", ROOMS)
def test_what_a_room_says_in_phrases_has_chinese_words(room):
    chinese = {*words_of(room, "zh").words}
    assert phrases(PRESENT.parent / room) <= chinese
    assert {*words_of(room, "en").words} <= chinese


@pytest.mark.parametrize("room", ROOMS)
def test_no_chinese_words_are_of_a_text_that_nobody_says(room):
    """Texts are compared without what they may be joined from."""
    said = "\n".join(constants(PRESENT.parent))
    files = [k for k in PRESENT.parent.rglob("*.toml") if "translations" not in k.name]
    said += "\n".join(k.read_text(encoding="utf-8") for k in files)
    for text in words_of(room, "zh").words:
        text = text.removesuffix(" of {account}")
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
