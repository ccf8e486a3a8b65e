"""Reports in Chinese: every template fills its holes, sentences are taken apart."""

import re

import pytest

from tivax.engine.core import load_toml
from tivax.engine.reporting import translated

TEMPLATES = load_toml("tivax.engine.reporting", "translations.toml")["zh"]
HOLES = re.compile(r"\{(\w+)\}")


def test_every_translation_fills_holes_of_its_template_alone():
    for text, words in TEMPLATES.items():
        assert {*HOLES.findall(words)} <= {*HOLES.findall(text)}, text


def test_no_template_is_a_hole_alone():
    """It would be asked for its own translation for ever."""
    assert not [k for k in TEMPLATES if not HOLES.sub("", k).strip()]


@pytest.mark.parametrize(
    "text, expected",
    [
        # Sentences one by one; numbers and names in holes.
        (
            "The first call, with compilation, took 2 s for 15 years. The terms: X.",
            "首次调用（含编译）15年用时2秒。各项：X。",
        ),
        ("Table 3 (1), Table 4 (2)", "表3(1)，表4(2)"),
        # The name of a label, by its code and by its English name.
        ("KOFTrGIdj", "贸易全球化指数"),
        ("trade globalisation", "贸易全球化指数"),
        # A semicolon inside brackets does not part a list.
        ("median; x (0; 1)", "中位数；x (0; 1)"),
        # Lines of a figure, each with a template.
        ("Power\nMethod", "功效\n方法"),
        # No mixture of languages within a sentence.
        ("median, a new kind of mean", "median, a new kind of mean"),
        ("the mean of it on the rest of it", "the mean of it on the rest of it"),
        # What has no template stays.
        ("No such sentence.", "No such sentence."),
        ("The rule: No such sentence.", "The rule: No such sentence."),
        ("A new one. The terms: X.", "A new one.各项：X。"),
    ],
)  # fmt: skip
def test_texts_in_chinese(text, expected):
    assert translated(text, "zh") == expected
    assert translated(text, "en") == text
