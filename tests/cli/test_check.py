"""What ``tivax check`` prints."""

from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from tivax.engine import WorldTables, check_tables
from tivax.engine.cli.tables.check import check_summary, print_checks
from tivax.engine.cli.terminal import Terminal, _heading

from helpers import random_tables


@pytest.fixture(scope="module")
def tables() -> WorldTables:
    return random_tables(regions=3, sectors=2, years=2)


@pytest.fixture(scope="module")
def rows(tables):
    return check_tables(tables)


def test_every_line_fits_a_terminal_of_80_columns_uncut(tables, rows):
    """Numbers as long as they come; the last line is a sentence and may wrap."""
    long = [
        replace(row, row_gap=123.456, column_gap=2.01e4, negative_demand=99_999)
        for row in rows
    ]
    terminal = Terminal()
    terminal.out = Console(file=StringIO(), width=80, highlight=False)
    print_checks(terminal, long, tables)
    file = terminal.out.file
    assert isinstance(file, StringIO)
    *lines, summary = file.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert not any("…" in line for line in lines)
    assert summary == check_summary(long, tables)


@pytest.mark.parametrize("width", [90, 80, 60])
def test_a_narrow_terminal_takes_neither_names_nor_digits_from_a_table(width):
    terminal = Terminal()
    terminal.out = Console(file=StringIO(), width=width, highlight=False)
    numbers = [f"-0.{k}2345" for k in range(8)]
    heads = ["region", "name", *(f"factor {k}" for k in range(8))]
    terminal.table(heads, [["USA", "United States", *numbers]], words=2)
    file = terminal.out.file
    assert isinstance(file, StringIO)
    for word in ("region", "USA", "United", "States", *numbers):
        assert word in file.getvalue()


@pytest.mark.parametrize(
    "name, lines",
    [
        ("tbi", "tbi"),
        ("absorbed abroad", "absorbed\nabroad"),
        ("trade benefit index change", "trade\nbenefit\nindex change"),
        ("GVC_PART_BM %", "GVC_\nPART_BM\n%"),
        ("technology", "technology"),
    ],
)
def test_a_long_heading_takes_the_fewest_columns(name, lines):
    assert _heading(name) == lines


def test_the_summary_counts_sound_years_and_tells_the_largest_gap(tables, rows):
    gaps = [replace(rows[0], row_gap=2.5, row_gap_share=9e-4), rows[1]]
    assert check_summary(gaps, tables).startswith(
        "2 of 2 years sound; rows miss output by at most 2.5 million US$ (0.09 %); "
        "value added lies between minus inputs and output"
    )
    bad = [replace(rows[0], negative_sales=1), replace(rows[1], doubts=("x is odd",))]
    told = check_summary(bad, tables)
    assert told.startswith("0 of 2 years sound, 1 with a fault, 1 in doubt; rows miss")


def test_the_summary_says_what_value_added_there_is(tables, rows):
    without = replace(tables, value_added=None)
    assert check_summary(rows, without).endswith(
        "value added cannot be checked: this edition has no value-added row"
    )
    at_import = replace(tables, checked={"rows": "as ever", "value added": "was right"})
    told = check_summary(rows, at_import)
    assert ", as ever; value added was right" in told
    wrong = replace(tables, value_added=2 * np.asarray(tables.x))
    told = check_summary(check_tables(wrong), at_import)
    assert told.endswith("value added is impossible in 2 of 2 years")


def test_doubts_are_told_under_the_tables(tables, rows, capsys):
    print_checks(Terminal(), [replace(rows[0], doubts=("x is odd",))], tables)
    assert "in doubt: 2000: x is odd" in capsys.readouterr().out
