"""``tivax threats``: what it writes, and what it refuses."""

import json

import numpy as np
import pandas as pd
import pytest

import tivax as tx

from commands import good, mistake
from described import assert_described
from experiment_panels import small_panel

RUN = """
panel = "panel.csv"
seed = 3
draws = 1_000
[[model]]
name = "main"
outcome = "KOFGIdj"
regressors = ["TBI", "RQ", "INFR"]
[threats]
blocks = { north = ["C00", "C01"], nobody = ["XXX"] }
weights = ["lnGDP"]
only = ["blocks left out", "weights", "unit trends"]
"""


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("threats")
    small_panel(countries=8, years=12, seed=3).to_csv(folder / "panel.csv", index=False)
    (folder / "run.toml").write_text(RUN)
    answer = good("threats", folder / "run.toml", "--out", folder / "out")
    return folder, answer


def test_the_files_hold_what_the_function_returns(done):
    folder, answer = done
    out = folder / "out"
    assert_described("threats", out)
    found = tx.threats(
        pd.read_csv(folder / "panel.csv"),
        tx.Model("main", "KOFGIdj", ["TBI", "RQ", "INFR"], entity="iso3", time="year"),
        blocks={"north": ["C00", "C01"], "nobody": ["XXX"]},
        weights=["lnGDP"],
        only=["blocks left out", "weights", "unit trends"],
        draws=1_000,
        seed=3,
    )
    written = pd.read_csv(out / "threats.csv")
    # An empty cell of text and one without a number are alike in a file.
    wanted = found.rows.astype({"n": float, "clusters": float}).replace("", np.nan)
    pd.testing.assert_frame_equal(written, wanted, check_dtype=False, rtol=1e-12)
    assert found.sentence in answer.out
    page = (out / "report.html").read_text().replace("&#x27;", "'")
    for line in found.finding:
        assert line.replace(" %", "\u00a0%") in page
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["draws"] == 1_000 and manifest["rows"] == len(found.table)
    assert manifest["gone"] == {"main": int(found.gone.sum())}
    assert manifest["residual_max"] < 1e-12
    assert np.isfinite(found.table["wild_p_value"]).sum() >= 5


def test_mistakes_name_the_file_and_the_remedy(done, tmp_path):
    folder, _ = done

    def refused(text):
        (folder / "wrong.toml").write_text(text)
        return mistake("threats", folder / "wrong.toml", "--out", tmp_path / "out")

    assert "unknown key block in [threats]" in refused(
        RUN.replace("blocks =", "block =")
    )
    told = refused(RUN.replace('"unit trends"', '"trends"'))
    assert "wrong.toml: " in told and "no threat trends" in told
    assert 'write { name = ["...", "..."], ... }' in refused(
        RUN.replace('["XXX"]', "3")
    )
    assert not (tmp_path / "out").exists()
