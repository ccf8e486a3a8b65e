"""``tivax curve``: what it writes, and what it refuses."""

import json

import numpy as np
import pandas as pd
import pytest

import tivax as tx

from commands import good, mistake, names
from described import assert_described
from experiment_panels import small_panel

RUN = """
panel = "panel.csv"
seed = 3
draws = 500
[[model]]
name = "main"
outcome = "KOFGIdj"
regressors = ["TBI", "RQ", "INFR"]
[[model]]
name = "economic"
outcome = "KOFEcGIdj"
regressors = ["TBI", "RQ", "INFR"]
[curve]
controls = "subsets"
effects = [["iso3", "developed^year"]]
sample = ["without north"]
blocks = { north = ["C00", "C01"] }
"""
CHOICES = {
    "controls": "subsets",
    "effects": [["iso3", "developed^year"]],
    "sample": ["without north"],
}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("curve")
    small_panel(countries=8, years=12, seed=3).to_csv(folder / "panel.csv", index=False)
    (folder / "run.toml").write_text(RUN)
    return folder, good("curve", folder / "run.toml", "--out", folder / "out")


def test_a_p_that_no_draw_reaches_is_printed_as_below_one_draw(tmp_path):
    panel = small_panel(countries=8, years=12, seed=3)
    noise = np.random.default_rng(1).normal(size=len(panel))
    panel["KOFGIdj"] = 5 * panel["TBI"] + 0.01 * noise
    panel.to_csv(tmp_path / "panel.csv", index=False)
    lines = ['panel = "panel.csv"', "draws = 500", "[[model]]", 'outcome = "KOFGIdj"']
    lines += ['regressors = ["TBI", "RQ"]', "[curve]", 'controls = "subsets"']
    (tmp_path / "run.toml").write_text("\n".join(lines))
    answer = good("curve", tmp_path / "run.toml", "--out", tmp_path / "out")
    table = pd.read_csv(tmp_path / "out" / "specifications.csv")
    assert (table["wild_p_value"] == 1 / 501).all()
    assert "p < 0.002." in answer.out
    cells = (tmp_path / "out" / "report.html").read_text().count("&lt; 0.002</td>")
    assert cells == len(table)


def test_the_files_hold_what_the_function_returns(done):
    folder, answer = done
    out = folder / "out"
    assert len(names(out / "figures")) == 6
    assert_described("curve", out)
    models = [
        tx.Model(name, outcome, ["TBI", "RQ", "INFR"], entity="iso3", time="year")
        for name, outcome in (("main", "KOFGIdj"), ("economic", "KOFEcGIdj"))
    ]
    found = tx.specification_curve(
        pd.read_csv(folder / "panel.csv"),
        models,
        choices=CHOICES,
        blocks={"north": ["C00", "C01"]},
        draws=500,
        seed=3,
    )
    for name, made in (
        (
            "specifications",
            found.table.astype(dict.fromkeys(["n", "clusters", "same_as"], float)),
        ),
        ("tests", found.tests),
        ("options", found.by_option),
        ("null", found.null),
    ):
        written = pd.read_csv(out / f"{name}.csv")
        wanted = made.replace("", np.nan)
        pd.testing.assert_frame_equal(written, wanted, check_dtype=False, rtol=1e-12)
    page = (out / "report.html").read_text().replace("&#x27;", "'")
    assert all(line in answer.out for line in found.sentence.splitlines())
    assert all(line.replace(" %", "\u00a0%") in page for line in found.finding)
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["draws"] == 500
    assert manifest["specifications"] == len(found.estimated) == 32
    p = found.tests.set_index(["model", "statistic"])["p_value"]
    assert manifest["p_value"]["main"]["Stouffer Z"] == p["main", "Stouffer Z"]
    assert manifest["residual_max"] < 1e-12
    assert "simonsohn2020" in tx.cite(out)


def test_mistakes_name_the_file_and_the_remedy(done, tmp_path):
    folder, _ = done

    def refused(old, new):
        (folder / "wrong.toml").write_text(RUN.replace(old, new))
        return mistake("curve", folder / "wrong.toml", "--out", tmp_path / "out")

    assert "wrong.toml: model main: choices: no choice 'control'" in refused(
        "controls =", "control ="
    )
    assert "most = 0 in [curve]: write a whole number" in refused(
        "[curve]", "[curve]\nmost = 0"
    )
    assert "no block south" in refused("without north", "without south")
    assert 'write { name = ["...", "..."], ... }' in refused('["C00", "C01"]', "3")
    (folder / "wrong.toml").write_text("curve = 3" + RUN[: RUN.index("[curve]")])
    words = ("curve", folder / "wrong.toml", "--out", tmp_path / "out")
    assert "write a section [curve]" in mistake(*words)
    assert not (tmp_path / "out").exists()
