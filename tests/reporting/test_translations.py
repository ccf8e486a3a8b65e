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
        ("The numbers stand; the conclusion does not.", "数字站得住，结论站不住。"),
        # Sentences one by one; numbers and names in holes.
        (
            "Strength is not validity. The first year of each country is lost.",
            "工具变量强不等于有效。每个国家损失第一年。",
        ),
        ("Table 3 (1), Table 4 (2)", "表3(1)，表4(2)"),
        ("38 % for KOFGIdj", "全球化综合指数38%"),
        # The name of a label, by its code and by its English name.
        ("KOFTrGIdj", "贸易全球化指数"),
        ("trade globalisation", "贸易全球化指数"),
        # A semicolon inside brackets does not part a list.
        ("Narrow: lag (0; 1), form (linear; squares).", "窄：滞后（0; 1）、形式（线性；平方）。"),
        # Lines of a figure, each with a template.
        ("Power\nMethod", "功效\n方法"),
        # No mixture of languages within a sentence.
        ("median, a new kind of mean", "median, a new kind of mean"),
        ("the mean of it on the rest of it", "the mean of it on the rest of it"),
        # What has no template stays.
        ("No such sentence.", "No such sentence."),
        ("The rule: No such sentence.", "The rule: No such sentence."),
        ("A new one. Strength is not validity.", "A new one.工具变量强不等于有效。"),
    ],
)  # fmt: skip
def test_texts_in_chinese(text, expected):
    assert translated(text, "zh") == expected
    assert translated(text, "en") == text
