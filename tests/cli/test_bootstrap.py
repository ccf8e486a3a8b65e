"""``tivax bootstrap``: what they write, refuse and take up again."""

import json
import re
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tivax.engine.core.display import p_text
from tivax.engine.core.manifest import describe_input
from tivax.engine.reporting import plot_style
from tivax.engine.resampling.p_values import SUMMARY

from commands import Answer, good, mistake, names
from described import assert_described
from experiment_panels import INSTRUMENT, LEAST_SQUARES, small_panel

# The same arithmetic on the same draws in another order.
RTOL = 1e-12

DRAWS = 5_000  # two blocks, the second in part
SEED = 3
SECOND = """
[[model]]
name = "economic"
outcome = "KOFEcGIdj"
regressors = ["TBI", "RQ", "INFR"]
"""
TABLES = ["summary", "intervals", "models", "clusters", "multiple_testing"]
TABLES += ["distribution"]


def panel() -> pd.DataFrame:
    """Eight countries: 256 patterns of signs, more of all else than is drawn."""
    return small_panel(countries=8, years=7, seed=5)


def run_file(
    folder: Path,
    scheme: str,
    models: str = LEAST_SQUARES,
    *,
    frame: pd.DataFrame | None = None,
    save: bool = True,
    draws: int = DRAWS,
) -> Path:
    """A run file and its panel, in ``folder``."""
    folder.mkdir(exist_ok=True)
    (panel() if frame is None else frame).to_csv(folder / "panel.csv", index=False)
    path = folder / "run.toml"
    path.write_text(
        f'panel = "panel.csv"\nseed = {SEED}\ndraws = {draws}\n'
        f"save_draws = {str(save).lower()}\n[scheme]\n{scheme}\n{models}"
    )
    return path


class Done:
    """A finished run, read back."""

    def __init__(self, folder: Path, answer: Answer) -> None:
        self.folder, self.lines = folder, answer.out.splitlines()

    def __getattr__(self, table: str) -> pd.DataFrame:
        if table not in TABLES:
            raise AttributeError(table)
        return pd.read_csv(self.folder / f"{table}.csv")

    @property
    def manifest(self) -> dict[str, Any]:
        return json.loads((self.folder / "manifest.json").read_text())

    def draws(self, model: str) -> pd.DataFrame:
        """One column for each number of a draw, in its order."""
        long = pd.read_parquet(self.folder / "draws.parquet")
        long = long[long["model"] == model]
        columns = long["column"].unique()
        wide = long.pivot(index="draw", columns="column", values="value")
        return wide[list(columns)]

    def row(self, model: str = "main") -> pd.Series:
        (found,) = self.summary.index[self.summary["model"] == model]
        return self.summary.loc[found]


def run(command: str, path: Path, *words: object, out: str = "out") -> Done:
    folder = path.parent / out
    return Done(folder, good(command, path, "--out", folder, "--quiet", *words))


@pytest.fixture(scope="module")
def pairs(tmp_path_factory) -> Done:
    """Two outcomes, a family, and one by an instrument, alone in its own."""
    path = run_file(
        tmp_path_factory.mktemp("pairs"),
        'kind = "pairs"',
        LEAST_SQUARES + SECOND + INSTRUMENT,
    )
    return run("bootstrap", path)


@pytest.fixture(scope="module")
def wild(tmp_path_factory) -> Done:
    """All signs."""
    path = run_file(tmp_path_factory.mktemp("wild"), 'kind = "wild"')
    return run("bootstrap", path)


@pytest.fixture(scope="module")
def placebo(tmp_path_factory) -> Done:
    """Comparing coefficients."""
    folder = tmp_path_factory.mktemp("placebo")
    return run("bootstrap", run_file(folder, 'kind = "placebo"\nstudentised = false'))


# --------------------------------------------------------------------------- the files


def test_the_files_of_a_run(pairs, wild, placebo):
    for done in (pairs, wild, placebo):
        assert_described("bootstrap", done.folder)
        assert list(done.summary) == list(SUMMARY)
        # No part, and nothing unfinished.
        assert names(done.folder.parent) == ["out", "panel.csv", "run.toml"]


@pytest.mark.parametrize("fonts", [[], ["DejaVu Sans"]])
def test_a_placebo_in_chinese_tells_of_a_missing_font(placebo, fonts, monkeypatch):
    """Without one there are no PNG and PDF full of boxes, and a line says why."""
    monkeypatch.setattr(plot_style, "INSTALLED", fonts)
    out = placebo.folder.parent / "zh"
    path = placebo.folder.parent / "run.toml"
    words = ("--language", "zh", "--out", out, "--quiet", "--force")
    answer = good("bootstrap", path, *words)
    lines = [k for k in answer.err.splitlines() if "Chinese letters" in k]
    assert len(lines) == (not fonts)
    assert ">安慰剂系数</text>" in (out / "figures" / "draws_1.svg").read_text("utf-8")
    assert names(out / "figures") == ["draws_1.svg"]
    numbers = (out / "summary.csv").read_bytes()
    assert numbers == (placebo.folder / "summary.csv").read_bytes()
    shutil.rmtree(out)


def test_the_parquet_file_is_long_and_numbers_the_draws_from_zero(pairs, placebo):
    long = pd.read_parquet(pairs.folder / "draws.parquet")
    assert_array_equal(long["draw"], np.tile(np.arange(DRAWS), 3))
    models = ["main", "economic", "by instrument"]
    assert_array_equal(long["model"], np.repeat(models, DRAWS))
    assert_array_equal(long["column"], np.repeat(["TBI", "TBI", "endogenous"], DRAWS))
    assert long["value"].dtype == np.float64
    assert list(placebo.draws("main")) == ["coefficient", "own effect"]


def test_speeds_are_in_the_manifest_and_in_the_summary_where_asked(pairs, tmp_path):
    """They differ from run to run, and the other files are not to."""
    assert pairs.summary["draws_per_s"].isna().all()
    speeds = pairs.manifest["draws_per_s"]
    assert list(speeds) == pairs.summary["model"].tolist()
    assert all(isinstance(k, int) and k > 0 for k in speeds.values())
    path = run_file(tmp_path, 'kind = "pairs"', save=False)
    path.write_text("timed = true\n" + path.read_text())
    timed = run("bootstrap", path)
    # Draws are written only where the run file says so.
    assert "draws.parquet" not in {*names(timed.folder), *timed.manifest["outputs"]}
    assert timed.row()["draws_per_s"] == timed.manifest["draws_per_s"]["main"]


# --------------------------------------------------- numbers are those of the draws


def test_all_signs_by_numpy_without_their_two_ties(wild):
    """The sample is among the patterns, and so is its mirror image."""
    row, t = wild.row(), wild.draws("main")["t(TBI)"].abs().to_numpy()
    observed = abs(row["estimate"] / row["se"])
    tied = np.abs(t - observed) < 1e-10 * observed
    assert (len(t), tied.sum()) == (256, 2)
    assert_allclose(row["p_value"], ((t > observed) & ~tied).mean(), rtol=RTOL)
    assert (row["draws"], row["mc_error"]) == (256, 0)
    assert wild.models["ties"].tolist() == [2] and wild.models["exact"].all()


def test_draws_of_a_singular_design_are_told(tmp_path):
    """Of four countries, the same one four times."""
    frame = small_panel(countries=4, years=7, seed=5)
    done = run("bootstrap", run_file(tmp_path, 'kind = "pairs"', frame=frame))
    failed = int(done.draws("main")["TBI"].isna().sum())
    # 1 draw in 64, give or take four standard deviations.
    assert abs(failed - DRAWS / 64) < 4 * np.sqrt(DRAWS / 64)
    assert done.models["failed_draws"].tolist() == [failed]
    assert f"main: {failed} draws left out, their design was singular" in done.lines


# ----------------------------------------------------- manifest, terminal and report


def test_the_manifest_tells_how_the_draws_were_made(pairs):
    manifest = pairs.manifest
    folder = pairs.folder.parent
    assert manifest["command"] == "bootstrap" and manifest["seed"] == SEED
    inputs = (folder / "run.toml", folder / "panel.csv")
    assert manifest["inputs"] == [describe_input(path) for path in inputs]
    inside = [k.relative_to(pairs.folder) for k in pairs.folder.rglob("*.*")]
    written = {k.as_posix() for k in inside} - {"manifest.json"}
    assert set(manifest["outputs"]) == written
    assert manifest["draws"] == dict.fromkeys(pairs.summary["model"], DRAWS)
    assert manifest["scheme"]["kind"] == "pairs"
    assert manifest["generator"] == "threefry2x32, blocks of 4096 draws"
    assert manifest["block"] == 4096
    assert manifest["processes"] == 1 and manifest["devices"] == jax.device_count()
    # A few products of rounding errors, columns of length 1.
    assert 0 < manifest["residual_max"] < 1e-12


def test_the_manifest_has_the_sum_of_all_draws(pairs, placebo):
    """SHA-256 of the models' own, of float64 row by row."""
    for done in (pairs, placebo):
        models = [
            sha256(done.draws(name).to_numpy("<f8").tobytes()).hexdigest()
            for name in done.summary["model"]
        ]
        total = sha256("".join(models).encode()).hexdigest()
        assert done.manifest["draws_sha256"] == total


def test_the_findings_are_printed(wild, pairs):
    row = wild.row()
    assert wild.lines == [
        f"main: TBI {row['estimate']:.4g}, p = {p_text(row['p_value'])} (+-0), 95 % "
        f"[{row['ci_low']:.4g}, {row['ci_high']:.4g}], 256 patterns, all",
        "main: 2 exact ties; counting half of them adds 0.0039",
        f"Open {wild.folder / 'report.html'}",
        f"Next: tivax package {wild.folder} --out {wild.folder.name}.zip",
    ]
    assert len(pairs.lines) == 5 and pairs.lines[0].endswith("], 5,000 draws")


def test_the_report_has_a_figure_and_a_row_for_each_model(pairs, wild):
    for done in (pairs, wild):
        html = (done.folder / "report.html").read_text(encoding="utf-8")
        (figure,) = re.findall(r"<svg .*?</svg>", html, re.DOTALL)
        (results,) = re.findall(r"<figure class=.*?</figure>", html, re.DOTALL)[:1]
        rows = re.findall(r"<tr>(.*?)</tr>", results, re.DOTALL)[1:]
        assert len(rows) == len(done.summary)
        for text, (_, row) in zip(rows, done.summary.iterrows(), strict=True):
            assert f">{row['model']}</td>" in text
            assert f">{p_text(row['p_value'])}</td>" in text
            assert row["model"] in figure


NOT_LEVEL = (
    "not a test of level 5 % where errors differ between countries or the treatment goes "
    "along with the controls"
)


def test_a_placebo_compares_t_unless_told_otherwise(tmp_path):
    """A block is a column of words, such as entrants of 2004 and others."""
    entered = np.where(panel()["iso3"] < "C03", "entrants", "others")
    frame = panel().assign(block=entered)
    scheme = 'kind = "placebo"\nmethod = "freedman-lane"\nstrata = "block"'
    done = run("bootstrap", run_file(tmp_path, scheme, save=False, frame=frame))
    html = (done.folder / "report.html").read_text(encoding="utf-8")
    told = "the residuals of whole countries are moved among countries within block"
    assert told in html and NOT_LEVEL.replace(" %", "\u00a0%") not in html
    assert "What is compared is t, not the coefficient (randomisation-t" in html
    assert not [line for line in done.lines if NOT_LEVEL in line]


def test_that_coefficients_make_no_test_of_5_percent_is_told(placebo):
    html = (placebo.folder / "report.html").read_text(encoding="utf-8")
    assert NOT_LEVEL.replace(" %", "\u00a0%") in html
    (line,) = [line for line in placebo.lines if NOT_LEVEL in line]
    assert (
        line == f"coefficients are compared: {NOT_LEVEL}; studentised = true compares t"
    )


def test_why_numbers_about_the_clusters_are_empty_is_told(tmp_path):
    """A reform of one country: nothing is known of its errors, or without it."""
    late = panel()["year"] > 2003
    frame = panel().assign(reform=((panel()["iso3"] == "C02") & late).astype(float))
    models = LEAST_SQUARES.replace('"TBI"', '"reform"')
    path = run_file(tmp_path, 'kind = "wild"', models, frame=frame, save=False)
    done = run("bootstrap", path)
    (note,) = done.models["note"]
    assert note.startswith("no CV2: C02 alone identifies a part of reform; no CV3: ")
    assert f"main: {note}" in done.lines
    html = (done.folder / "report.html").read_text(encoding="utf-8")
    assert f"<li>main: {note}</li>" in html


def test_draws_and_seed_of_the_command_line_stand_in_place_of_the_run_files(tmp_path):
    path = run_file(tmp_path, 'kind = "pairs"')
    fewer = run("bootstrap", path, "--draws", 1_000, "--seed", SEED + 1)
    assert fewer.row()["draws"] == len(fewer.draws("main")) == 1_000
    assert fewer.manifest["draws"] == {"main": 1_000}
    assert fewer.manifest["seed"] == SEED + 1


def test_a_panel_of_one_cluster_is_one_line(tmp_path):
    models = LEAST_SQUARES + 'clusters = "world"\n'
    frame = panel().assign(world="one")
    path = run_file(tmp_path, 'kind = "pairs"', models, frame=frame)
    assert mistake("bootstrap", path, "--out", tmp_path / "out") == (
        f"{tmp_path / 'panel.csv'}: a single world, one; model main takes at least two "
        "clusters; was the file cut?"
    )
    assert names(tmp_path) == ["panel.csv", "run.toml"]
