"""The paper from tables: coefficients in draws, intervals, and what tables change."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from tivax.engine.panel import FurtherData
from tivax.engine.papers.trade_imbalance import columns as paper
from tivax.engine.papers.trade_imbalance import from_tables
from tivax.engine.papers.trade_imbalance.report.from_tables import changes_sentence
from tivax.engine.papers.trade_imbalance.report.texts import report_words

from helpers import paper_files, paper_panel

# pyfixest demeans to 1e-8 of a column.
FIT_RTOL = 1e-6


@pytest.fixture(scope="module")
def frame(shared) -> pd.DataFrame:
    return paper_panel(shared).frame


@pytest.fixture(scope="module")
def estimates(frame):
    return paper.estimate_columns(frame)


def draws_of(frame: pd.DataFrame, scale: float, draws: int = 4) -> np.ndarray:
    noise = np.random.default_rng(0).normal(size=(draws, len(frame)), scale=scale)
    return frame["TBI"].to_numpy() + noise


@pytest.mark.shared
def test_coefficients_of_a_draw_are_those_of_the_regressions_on_it(frame, estimates):
    drawn = draws_of(frame, 0.01)
    found = from_tables.table_errors(frame, estimates, drawn)
    assert found is not None
    assert len(found.coefficients) == 139 and found.draws == 4
    rows = found.coefficients.set_index(["table", "column", "term"])
    fits = [paper.estimate_columns(frame.assign(TBI=k)) for k in drawn]
    for column, own in estimates.items():
        for term in own.terms.index:
            row = rows.loc[(column.table, column.column, term)]
            moved = np.array([fit[column][term].estimate for fit in fits])
            spread = np.sqrt(np.mean((moved - own[term].estimate) ** 2))
            assert_allclose(row["se_table"], spread, rtol=FIT_RTOL * 100)
            assert_allclose(row["se_total"] ** 2, own[term].se ** 2 + spread**2)


@pytest.mark.shared
def test_without_errors_the_interval_is_that_of_sampling(frame, estimates):
    found = from_tables.table_errors(frame, estimates, draws_of(frame, 0.0))
    assert found is not None
    rows = found.coefficients
    assert (rows["se_table"] < FIT_RTOL * rows["se"]).all()
    first = rows.iloc[0]
    # t(40) at 97.5 %, from a printed table.
    assert_allclose(
        first["ci_high"] - first["estimate"], 2.02108 * first["se"], rtol=1e-5
    )
    assert_allclose(found.index["ci_low"], found.index["tbi"])


def test_an_interval_covers_what_rounds_to_the_print():
    printed = {k: v for k, v in paper.TABLE_1.items()}
    region, values = next(iter(printed.items()))
    ends = pd.DataFrame(
        {
            "iso3": region,
            "year": [2000, 2001, 2002],
            "ci_low": [values[0] + 4e-5, values[1] + 6e-5, values[2] - 1],
            "ci_high": [values[0] + 1, values[1] + 1, values[2] - 6e-5],
        }
    )
    own = pd.DataFrame({"iso3": [region], "year": [2000], "TBI": [values[0]]})
    found = paper.table_1(own, ends)
    found = found[found["iso3"] == region].set_index("year")["covers"]
    assert found.loc[[2000, 2001, 2002]].tolist() == [True, False, False]
    assert found.drop([2000, 2001, 2002]).isna().all()


@pytest.mark.shared
def test_what_tables_change_is_counted_against_the_file(shared, frame, estimates):
    files = paper_files(shared)
    assert (
        from_tables.other_index(FurtherData(files), frame) is None
    )  # the index is the file's
    moved = frame.assign(TBI=frame["TBI"] + 0.25 * (frame["iso3"] == "MLT"))
    further = FurtherData(replace(files, store=shared))
    other = from_tables.other_index(further, moved)
    assert other is not None and other.where.startswith("MLT")
    assert_allclose([other.largest, other.distance], [0.25, 0.25 / 41], rtol=1e-9)
    # The file's columns are the paper's as they were estimated from it.
    pd.testing.assert_frame_equal(other.rows, paper.compare(estimates))
    fits = paper.compare(paper.estimate_columns(moved))
    rows = from_tables.changes(fits, other)
    assert len(rows) == 17 and list(rows["table"].unique()) == [3, 4, 5, 6]
    # A constant of one country is taken out by its effect.
    assert rows["gap"].abs().max() < FIT_RTOL
    said = changes_sentence(fits, other, report_words())
    assert "by 0.25000 at most (MLT" not in said and "(MLT" in said
    assert "of the 17 coefficients of TBI none gains or loses" in said
