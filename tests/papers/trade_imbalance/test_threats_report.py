"""Cells of the report on threats to the paper's main tests."""

import pytest

from tivax.engine.papers.trade_imbalance.report.threats import _cell as cell


@pytest.mark.parametrize(
    "p, draws, text",
    [(0.0, 9_999, "< 0.0001"), (0.0123, 9_999, "0.0123"), (float("nan"), 0, "-")],
)
def test_a_p_that_no_draw_reaches_is_below_one_of_them(p, draws, text):
    row = {"estimate": 1.0, "se": 0.5, "wild_p_value": p}
    assert cell(row, draws) == f"1.00 (0.50) [{text}]"
