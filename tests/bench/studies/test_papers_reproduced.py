"""Printed numbers beside tivax's: what counts as equal, and what the page says."""

import hashlib
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import rdata

from tivax.bench.studies import (
    china_syndrome,
    printed_gravity,
    printed_terms,
    uk_multipliers,
)
from tivax.bench.studies import papers_reproduced as study
from tivax.engine.papers import nafta

PAGE = Path(__file__).parents[3] / "docs" / "explanation" / "papers-reproduced.csv"


def test_half_a_unit_of_the_last_printed_digit_is_equal(tmp_path):
    path = tmp_path / "printed.csv"
    path.write_text("# source\nrow,value\na,1.50\nb,-3\nc,0.007\n")
    cells = study.printed_cells(path)
    assert cells["half"].tolist() == [0.005, 0.5, 0.0005]
    found = pd.Series([1.505, -3.6, 0.0074])
    assert study.judged(cells["value"], found, cells["half"]) == {
        "cells": 3,
        "equal": 2,
        "largest distance": pytest.approx(0.6),
    }


@pytest.mark.shared
@pytest.mark.parametrize(
    ("paper", "maker"),
    [
        ("Koopman, Wang and Wei", printed_terms.koopman_wang_wei),
        ("Wang, Wei and Zhu", printed_terms.wang_wei_zhu),
        ("Borin and Mancini", printed_terms.borin_mancini),
    ],
)
def test_every_term_is_equal_and_the_page_has_the_count(shared, paper, maker):
    assert_row_of_page(paper, maker(shared / "truth"))


@pytest.mark.shared
@pytest.mark.parametrize(
    ("paper", "maker", "folder"),
    [
        ("National Statistics", uk_multipliers.uk_multipliers, "uk2010"),
        ("Autor, Dorn and Hanson", china_syndrome.china_syndrome, "econometrics"),
    ],
)
def test_every_cell_that_is_computed_here_is_printed_so(
    shared, paper, maker, folder, monkeypatch
):
    monkeypatch.setattr(uk_multipliers, "read_r", read_once)
    assert_row_of_page(paper, maker(shared / "data" / folder))


def read_once(path: Path) -> dict[str, Any]:
    """``read_r``, kept beside compiled programs: a million texts of R take ten seconds."""
    made_by = Path(printed_terms.__file__).read_bytes() + rdata.__version__.encode()
    name = hashlib.sha256(path.read_bytes() + made_by).hexdigest()
    if (folder := os.environ.get("JAX_COMPILATION_CACHE_DIR")) is None:
        return printed_terms.read_r(path)
    kept = Path(folder, f"{name}.pickle")
    if not kept.exists():
        part = kept.with_suffix(f".{os.getpid()}")
        part.write_bytes(pickle.dumps(printed_terms.read_r(path)))
        part.replace(kept)
    return pickle.loads(kept.read_bytes())


def assert_row_of_page(paper: str, cells: pd.DataFrame) -> None:
    """All cells are equal, and the page says so."""
    found = study.judged(cells["value"], cells["found"], cells["half"])
    assert found["equal"] == found["cells"]
    page = pd.read_csv(PAGE, thousands=",")
    named = (page["paper"] + " " + page["what"]).str.contains(paper, regex=False)
    (row,) = page[named].to_dict(orient="records")
    assert (row["cells"], row["equal"]) == (found["cells"], found["equal"])


@pytest.mark.shared
def test_nafta_is_printed_to_the_last_digit(shared):
    found = nafta.solve_paper(shared / "data" / "nafta")
    cells = study.nafta(shared / "truth", found.frames["tables"])
    assert len(cells) == 36
    assert_row_of_page("#nafta", cells)
    assert found.residual < 1e-12


@pytest.mark.shared
def test_gravity_is_printed_to_the_last_digit(shared):
    folder = shared / "data" / "gravity"
    assert_row_of_page("Weidner and Zylkin", printed_gravity.weidner_zylkin(folder))
    assert_row_of_page("chapter 1", printed_gravity.guide(folder)[0])
    assert_row_of_page("of 18 sectors", printed_gravity.caliendo_parro(folder))


def test_correlations_of_pairs_are_by_year_of_theirs_and_ours():
    rng = np.random.default_rng(0)
    cells = pd.MultiIndex.from_product(
        [[1995, 2011], [*study._NAMES], ["A", "B", "C"], ["s", "t"]],
        names=["year", "measure", "region", "sector"],
    ).to_frame(index=False)
    cells["value"], cells["found"] = rng.normal(size=(2, len(cells)))
    table = study.puzzle(cells)
    some = cells[cells["year"] == 2011]
    u, d = (some.loc[some["measure"] == k, "found"].to_numpy() for k in "UD")
    own = float(table.loc[table["year"] == 2011, "U and D, tivax"].iloc[0])
    assert own == pytest.approx(np.corrcoef(u, d)[0, 1], abs=0.0005)
