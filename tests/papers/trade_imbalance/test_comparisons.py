"""The paper beside our estimates, in blocks that fit a page."""

import numpy as np
import pandas as pd
import pytest

from tivax.engine.core.errors import TivaxError
from tivax.engine.papers.trade_imbalance.tables import comparison_tables
from tivax.engine.reporting.journal_tables import to_frame


def comparison():
    """Tables of 4 columns of one sample and of 3 and 3; ours half an error higher."""
    places = [(3, k, "all") for k in (1, 2, 3, 4)]
    places += [(6, k, "developed") for k in (1, 2, 3)]
    places += [(6, k, "developing") for k in (4, 5, 6)]
    rows = [
        {
            "table": table,
            "column": column,
            "outcome": f"KOF{column}",
            "sample": sample,
            "term": term,
            "coef": 10.0 * column + 1,
            "se": 2.5,
            "stars": 3,
            "n": 615,
            "r2": 0.25,
            "paper_coef": 10.0 * column,
            "paper_se": 2.0,
            "paper_stars": 2,
            "paper_r2": 0.2,
        }
        for table, column, sample in places
        for term in ("TBI", "const")
    ]
    return pd.DataFrame(rows)


def test_a_comparison_beside_the_paper_written_by_hand():
    frame = comparison()
    frame.loc[0, "coef"] = 9.0
    first, second = comparison_tables(frame, 3)
    assert (
        to_frame(first).to_csv(index=False, lineterminator="\n")
        == """\
term,(1) KOF1 paper,(1) KOF1 tivax,(1) KOF1 gap,(2) KOF2 paper,(2) KOF2 tivax,(2) KOF2 gap
TBI,10.0000**,9.0000***,-0.50,20.0000**,21.0000***,+0.50
,(2.0000),(2.5000),,(2.0000),(2.5000),
const,10.0000**,11.0000***,+0.50,20.0000**,21.0000***,+0.50
,(2.0000),(2.5000),,(2.0000),(2.5000),
observations,,615,,,615,
R² (within),0.2000,0.2500,,0.2000,0.2500,
"""
    )
    assert first.title == "The paper beside tivax: Table 3, columns (1)–(2)"
    assert second.title == "The paper beside tivax: Table 3, columns (3)–(4)"


def test_a_block_holds_three_columns_of_one_sample():
    blocks = comparison_tables(comparison(), 6)
    headings = [[k.heading for k in block.columns] for block in blocks]
    assert [len(k) for k in headings] == [9, 9]
    assert {k[0] for k in headings[0]} == {"developed"}
    assert headings[1][0] == ("developing", "(4) KOF4", "paper")


def test_what_the_paper_does_not_print_is_left_empty():
    frame = comparison().query("table == 3 and column == 1")
    frame.loc[0, ["paper_coef", "paper_se", "paper_stars"]] = np.nan
    frame["paper_r2"] = np.nan
    frame["paper_n"] = 600
    (block,) = comparison_tables(frame, 3)
    shown = to_frame(block)
    assert list(shown["(1) KOF1 paper"]) == ["", "", "10.0000**", "(2.0000)", "600", ""]
    assert list(shown["(1) KOF1 gap"]) == ["", "", "+0.50", "", "", ""]


def test_a_comparison_in_chinese():
    block = comparison_tables(comparison(), 6, "zh")[1]
    assert block.columns[1].heading == ("发展中国家", "(4) KOF4", "本文复算")
    assert block.title == "原文与本文复算对比：表6第(4)–(6)列"


def test_a_table_without_rows_says_which_there_are():
    with pytest.raises(TivaxError, match="^table 5 has no rows; choose from 3, 6$"):
        comparison_tables(comparison(), 5)
    with pytest.raises(TivaxError, match="^table 3 has no rows; choose from none$"):
        comparison_tables(comparison().head(0), 3)
