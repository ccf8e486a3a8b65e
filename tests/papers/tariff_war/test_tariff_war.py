"""The tariff war, against what the paper prints."""

import zipfile

import pandas as pd
import pytest

from tivax.engine.papers.tariff_war import model, solve_paper

from commands import good
from helpers import error_of
from truth_files import printed


@pytest.mark.slow
def test_the_tariff_war_is_near_to_the_print(shared, tmp_path):
    """The paper's own files are not public: flows and groups are rebuilt."""
    data = shared / "data" / "trade_models" / "complex_europe"
    out = tmp_path / "out"
    good("replicate", "--paper", "tariff_war", "--data", data, "--out", out)
    truth = printed(shared / "truth" / "trade_models" / "tariff_war" / "table2.csv")
    found = pd.read_csv(out / "tables.csv")
    assert len(found) == 88
    both = truth.merge(found, on=["table", "row", "column"], suffixes=("", "_found"))
    for column, furthest in (("baseline tariff", 2.5), ("baseline real GDP", 0.35)):
        cells = both[both["column"] == column]
        assert len(cells) == 15
        assert cells["value"].corr(cells["value_found"]) > 0.98
        assert (cells["value"] - cells["value_found"]).abs().mean() < furthest


def test_an_archive_without_its_files_is_told(tmp_path):
    """What they hold is read as for Complex Europe."""
    zipfile.ZipFile(tmp_path / model.ARCHIVE, "w").close()
    line = error_of(solve_paper, tmp_path)
    assert "no Din2014.txt in it" in line
