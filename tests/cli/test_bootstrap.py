"""``tivax bootstrap``: what they write, refuse and take up again."""

import json
import os
import re
import shutil
import signal
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tivax.engine.core.display import p_text
from tivax.engine.reporting import plot_style
from tivax.engine.resampling.p_values import SUMMARY

from commands import Answer, good, mistake, names, run_fork
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

pytestmark = pytest.mark.usefixtures("quick")


def panel() -> pd.DataFrame:
    """Eight countries: 256 patterns of signs, more of all else than is drawn."""
    return small_panel(countries=8, years=7, seed=5)


def run_file(
    folder: Path,
    scheme: str,
    models: str = LEAST_SQUARES,
    *,
    frame: pd.DataFrame | None = None,
    name: str = "run",
    save: bool = True,
    draws: int = DRAWS,
) -> Path:
    """A run file and its panel, in ``folder``."""
    folder.mkdir(exist_ok=True)
    (panel() if frame is None else frame).to_csv(folder / "panel.csv", index=False)
    path = folder / f"{name}.toml"
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

    @property
    def sums(self) -> dict[str, str]:
        """SHA-256 of every file but the manifest, which tells when and how fast."""
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        return {
            str(path.relative_to(self.folder)): sha256(path.read_bytes()).hexdigest()
            for path in files
            if path.name != "manifest.json"
        }

    @property
    def parquet(self) -> bytes:
        return (self.folder / "draws.parquet").read_bytes()

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

    def interval(self, name: str) -> pd.Series:
        (found,) = self.intervals.index[self.intervals["interval"] == name]
        return self.intervals.loc[found]


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


def middle(values: np.ndarray) -> list[float]:
    """The draws that a percentile interval ends at."""
    k, ordered = int(0.025 * (len(values) + 1)), np.sort(values)
    return [ordered[k - 1], ordered[-k]]


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


READERS = {
    "parquet": pd.read_parquet,
    "dta": pd.read_stata,
    "xlsx": partial(pd.read_excel, engine="calamine"),
    "feather": pd.read_feather,
}


@pytest.mark.parametrize("format", READERS)
def test_tables_in_other_formats_hold_the_same(placebo, format, tmp_path):
    path, out = placebo.folder.parent / "run.toml", tmp_path / "o"
    words = ("--format", format, "--json", "--no-figures", "--quiet")
    answer = good("bootstrap", path, "--out", out, *words)
    assert json.loads(answer.out)["draws"] == {"main": DRAWS}
    tables = {f"{k}.{format}" for k in TABLES}
    assert set(names(out)) == tables | {"draws.parquet", "manifest.json", "report.html"}
    for name in TABLES:
        read = READERS[format](out / f"{name}.{format}")
        known = getattr(placebo, name)
        assert list(read) == list(known)
        # Sixteen digits in xlsx; missing words are empty in Stata.
        numbers = known.select_dtypes("number").dropna(axis=1, how="all")
        assert_allclose(read[[*numbers]].astype(float), numbers, rtol=1e-14)


def test_an_unknown_format_is_a_mistake_before_any_work(placebo, tmp_path):
    path = placebo.folder.parent / "run.toml"
    line = mistake("bootstrap", path, "--format", "sav", "--out", tmp_path / "o")
    assert line.startswith("--format sav: choose from csv, parquet, dta")
    assert names(tmp_path) == []


def test_draws_are_written_only_where_the_run_file_says_so(tmp_path):
    done = run("bootstrap", run_file(tmp_path, 'kind = "pairs"', save=False))
    assert "draws.parquet" not in names(done.folder)
    assert "draws.parquet" not in done.manifest["outputs"]


def test_the_parquet_file_is_long_and_numbers_the_draws_from_zero(pairs, placebo):
    long = pd.read_parquet(pairs.folder / "draws.parquet")
    assert_array_equal(long["draw"], np.tile(np.arange(DRAWS), 3))
    models = ["main", "economic", "by instrument"]
    assert_array_equal(long["model"], np.repeat(models, DRAWS))
    assert_array_equal(long["column"], np.repeat(["TBI", "TBI", "endogenous"], DRAWS))
    assert long["value"].dtype == np.float64
    assert list(placebo.draws("main")) == ["coefficient", "own effect"]


def test_rows_of_the_summary_tell_the_models(pairs, wild, placebo):
    told = ["model", "outcome", "sample", "term", "scheme", "draws"]
    assert pairs.summary[told].to_numpy().tolist() == [
        ["main", "KOFGIdj", "all", "TBI", "pairs", DRAWS],
        ["economic", "KOFEcGIdj", "all", "TBI", "pairs", DRAWS],
        ["by instrument", "KOFGIdj", "all", "endogenous", "pairs", DRAWS],
    ]
    for done in (wild, placebo):
        assert done.row()["estimate"] == pairs.row()["estimate"]
    assert pairs.summary[["table", "column"]].isna().to_numpy().all()


def test_speeds_are_in_the_manifest_and_in_the_summary_where_asked(pairs, tmp_path):
    """They differ from run to run, and the other files are not to."""
    assert pairs.summary["draws_per_s"].isna().all()
    speeds = pairs.manifest["draws_per_s"]
    assert list(speeds) == pairs.summary["model"].tolist()
    assert all(isinstance(k, int) and k > 0 for k in speeds.values())
    path = run_file(tmp_path, 'kind = "pairs"', save=False)
    path.write_text("timed = true\n" + path.read_text())
    timed = run("bootstrap", path)
    assert timed.row()["draws_per_s"] == timed.manifest["draws_per_s"]["main"]


def test_the_scheme_is_named_in_full(pairs, wild, placebo, tmp_path):
    for done, name in (
        (pairs, "pairs"),
        (wild, "wild-wcr-rademacher"),
        (placebo, "placebo-countries"),
    ):
        assert set(done.summary["scheme"]) == {name}
    path = run_file(tmp_path, 'kind = "wild"\nweights = "webb"', INSTRUMENT)
    again = run("bootstrap", path)
    assert again.row("by instrument")["scheme"] == "wild-wre-webb"


# --------------------------------------------------- numbers are those of the draws


@pytest.mark.parametrize("model", ["main", "economic", "by instrument"])
def test_pairs_by_numpy(pairs, model):
    row, values = pairs.row(model), pairs.draws(model).iloc[:, 0].to_numpy()
    half = (min((values < 0).sum(), (values > 0).sum()) + 1) / (DRAWS + 1)
    assert (values != 0).all() and half < 0.5
    error = 2 * np.sqrt(half * (1 - half) / DRAWS)
    assert_allclose(row["p_value"], 2 * half, rtol=RTOL)
    assert_allclose(row["mc_error"], error, rtol=RTOL)
    assert_allclose(row["se"], values.std(ddof=1), rtol=RTOL)
    assert_allclose([row["ci_low"], row["ci_high"]], middle(values), rtol=RTOL)


def test_all_signs_by_numpy_without_their_two_ties(wild):
    """The sample is among the patterns, and so is its mirror image."""
    row, t = wild.row(), wild.draws("main")["t(TBI)"].abs().to_numpy()
    observed = abs(row["estimate"] / row["se"])
    tied = np.abs(t - observed) < 1e-10 * observed
    assert (len(t), tied.sum()) == (256, 2)
    assert_allclose(row["p_value"], ((t > observed) & ~tied).mean(), rtol=RTOL)
    assert (row["draws"], row["mc_error"]) == (256, 0)
    assert wild.models["ties"].tolist() == [2] and wild.models["exact"].all()


def test_the_interval_of_a_wild_run_is_the_inverted_test(wild, tmp_path):
    """Just inside its ends p is above 5 %, just outside it is not."""
    row, inverted = wild.row(), wild.interval("test inversion")
    assert inverted["ci_low"] < row["estimate"] < inverted["ci_high"]
    columns = ["ci_low", "ci_high", "p_value"]
    assert_array_equal(inverted[columns].astype(float), row[columns].astype(float))
    step = 1e-4 * row["se"]
    for end, out in ((row["ci_low"], -step), (row["ci_high"], step)):
        for name, null in (("inside", end - out), ("outside", end + out)):
            scheme = f'kind = "wild"\nvalue = {float(null)!r}'
            path = run_file(tmp_path, scheme, name=name, save=False)
            tested = run("bootstrap", path, "--force", out=name).row()
            assert (tested["p_value"] > 0.05) == (name == "inside")


def test_placebo_by_numpy_with_the_sample_among_the_draws(placebo):
    row, draws = placebo.row(), placebo.draws("main")
    b, own = draws["coefficient"].to_numpy(), draws["own effect"].to_numpy()

    def p_of(null: float) -> float:
        size = abs(row["estimate"] - null) * (1 - 1e-10)
        return (1 + (np.abs(b - null * own) >= size).sum()) / (1 + DRAWS)

    p = p_of(0.0)
    assert_allclose(row["p_value"], p, rtol=RTOL)
    assert_allclose(row["mc_error"], np.sqrt(p * (1 - p) / DRAWS), rtol=RTOL)
    assert_allclose(row["se"], b.std(ddof=1), rtol=RTOL)
    step = 2e-3 * row["se"]
    assert p_of(row["ci_low"]) <= 0.05 < p_of(row["ci_low"] + step)
    assert p_of(row["ci_high"]) <= 0.05 < p_of(row["ci_high"] - step)
    drawn = placebo.interval("placebo draws")
    ends = np.quantile(b, [0.025, 0.975])
    assert_allclose([drawn["ci_low"], drawn["ci_high"]], ends, rtol=RTOL)


def test_the_histogram_is_numpys_with_the_tails_in_the_outer_bins(pairs, placebo):
    for done, model in ((pairs, "economic"), (placebo, "main")):
        bars = done.distribution[done.distribution["model"] == model]
        values = done.draws(model).iloc[:, 0].to_numpy()
        edges = np.append(bars["low"], bars["high"].iloc[-1])
        ends = np.quantile(values, [0.0005, 0.9995])
        assert_allclose(edges[[0, -1]], ends, rtol=RTOL)
        counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
        assert_array_equal(bars["count"], counts)
        assert counts.sum() == DRAWS


def test_the_clusters_are_those_of_the_models(pairs):
    by_model = pairs.clusters.groupby("model", sort=False)
    assert_array_equal(pairs.clusters["cluster"], [f"C{k:02}" for k in range(8)] * 3)
    for column in ("leverage", "partial_leverage"):
        assert_allclose(by_model[column].sum(), 1, rtol=RTOL)
    models = pairs.models.set_index("model")
    assert_array_equal(by_model["rows"].sum(), models["n"])
    without = by_model["estimate_without"]
    assert_array_equal(without.min(), models["without_min"])
    assert_array_equal(without.max(), models["without_max"])
    assert_array_equal(models["estimate"], pairs.summary["estimate"])
    assert_array_equal(models["n"], 56)
    assert (models["failed_draws"] == 0).all() and not models["exact"].any()


def test_outcomes_of_a_family_are_tested_together(pairs):
    table = pairs.multiple_testing
    assert table["model"].tolist() == ["main", "economic", "by instrument"]
    assert table["family"].tolist() == ["all", "all", "2SLS"]
    p = pairs.summary["p_value"].to_numpy()
    assert_array_equal(table["p_value"], p)
    # Holm: the smaller of two doubled, the larger at least that.
    assert_allclose(table["holm"][:2], np.maximum(2 * p[:2].min(), p[:2]), rtol=RTOL)
    # One that is alone has its own.
    methods = ["romano_wolf", "westfall_young", "holm"]
    assert table.loc[2, methods].tolist() == [p[2]] * 3
    assert table.loc[2, "note"] == "alone in its family"
    # Together they are never less than alone: |b* - b| / se reaches |b| / se.
    for k, model in enumerate(["main", "economic"]):
        b = pairs.row(model)["estimate"]
        gap = np.abs(pairs.draws(model).iloc[:, 0] - b) >= abs(b) * (1 - 1e-10)
        alone = (1 + gap.sum()) / (1 + DRAWS)
        assert alone <= table.loc[k, "romano_wolf"] <= min(1, 2 * alone)


def test_draws_of_a_singular_design_are_left_out_and_told(tmp_path):
    """Of four countries, the same one four times."""
    frame = small_panel(countries=4, years=7, seed=5)
    done = run("bootstrap", run_file(tmp_path, 'kind = "pairs"', frame=frame))
    values = done.draws("main")["TBI"].to_numpy()
    good = values[np.isfinite(values)]
    failed = len(values) - len(good)
    # 1 draw in 64, give or take four standard deviations.
    assert abs(failed - DRAWS / 64) < 4 * np.sqrt(DRAWS / 64)
    assert done.models["failed_draws"].tolist() == [failed]
    assert f"main: {failed} draws left out, their design was singular" in done.lines
    row = done.row()
    assert_allclose(row["se"], good.std(ddof=1), rtol=RTOL)
    assert_allclose([row["ci_low"], row["ci_high"]], middle(good), rtol=RTOL)
    assert done.distribution["count"].sum() == len(good)


# ----------------------------------------------------- manifest, terminal and report


def test_the_manifest_tells_how_the_draws_were_made(pairs):
    manifest = pairs.manifest
    folder = pairs.folder.parent
    assert manifest["command"] == "bootstrap" and manifest["seed"] == SEED
    assert manifest["inputs"] == [
        {
            "path": str(path),
            "sha256": sha256(path.read_bytes()).hexdigest(),
            "bytes": path.stat().st_size,
        }
        for path in (folder / "run.toml", folder / "panel.csv")
    ]
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


def test_the_report_is_one_file_with_a_figure_and_a_row_for_each_model(pairs, wild):
    for done in (pairs, wild):
        html = (done.folder / "report.html").read_text(encoding="utf-8")
        loading = r'\b(?:src|href|action|data|poster|srcset)="([^"]*)"'
        links = re.findall(loading, html)
        assert links and all(link.startswith("#") for link in links)
        assert not re.search(r"<(script|link|img|iframe)\b|@import", html)
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


@pytest.mark.parametrize(
    "scheme, label, told",
    [
        (
            "",
            "placebo-countries-t",
            "Treatment paths are moved (countries), everything",
        ),
        (
            'method = "freedman-lane"\nstrata = "block"',
            "placebo-freedman-lane-countries-within-block-t",
            "the residuals of whole countries are moved among countries within block",
        ),
    ],
)
def test_a_placebo_compares_t_unless_told_otherwise(tmp_path, scheme, label, told):
    """A block is a column of words, such as entrants of 2004 and others."""
    entered = np.where(panel()["iso3"] < "C03", "entrants", "others")
    frame = panel().assign(block=entered)
    scheme = f'kind = "placebo"\n{scheme}'
    done = run("bootstrap", run_file(tmp_path, scheme, save=False, frame=frame))
    row, inverted = done.row(), done.interval("randomisation-t test inversion")
    assert row["scheme"] == label
    columns = ["ci_low", "ci_high", "p_value"]
    assert_array_equal(inverted[columns].astype(float), row[columns].astype(float))
    assert row["ci_low"] < row["estimate"] < row["ci_high"]
    assert (row["p_value"] <= 0.05) == (not row["ci_low"] < 0 < row["ci_high"])
    html = (done.folder / "report.html").read_text(encoding="utf-8")
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
    note = (
        "no CV2: C02 alone identifies a part of reform; no CV3: reform is not identified "
        "without C02"
    )
    assert done.models["note"].tolist() == [note]
    assert (
        done.models[["cv2_se", "cv2_p_value", "cv2_df", "cv3_p_value"]]
        .isna()
        .all(axis=None)
    )
    assert f"main: {note}" in done.lines
    html = (done.folder / "report.html").read_text(encoding="utf-8")
    assert f"<li>main: {note}</li>" in html


# ------------------------------------------------------------------- draws and seeds


def test_the_same_seed_is_the_same_file_and_another_is_not(pairs, tmp_path):
    path = run_file(tmp_path, 'kind = "pairs"', LEAST_SQUARES + SECOND + INSTRUMENT)
    again = run("bootstrap", path, out="again")
    assert again.parquet == pairs.parquet
    assert again.sums == pairs.sums
    other = run("bootstrap", path, "--seed", SEED + 1, out="other")
    assert other.manifest["seed"] == SEED + 1
    equal = other.draws("main") == pairs.draws("main")
    assert equal.to_numpy().mean() < 0.05


def test_draws_of_the_command_line_stand_in_place_of_the_run_files(pairs, tmp_path):
    path = run_file(tmp_path, 'kind = "pairs"')
    fewer = run("bootstrap", path, "--draws", 1_000)
    assert fewer.row()["draws"] == 1_000
    assert fewer.manifest["draws"] == {"main": 1_000}
    assert_array_equal(fewer.draws("main"), pairs.draws("main")[:1_000])


# ----------------------------------------------------------------- stopped and resumed


KILLED = """
import os, signal
from tivax.engine.cli import app as cli
from tivax.engine.resampling import running as experiments
from tivax.engine.core.parts import PartFile

experiments._CALL = 0.0
experiments._SECONDS = -1.0  # every block is written at once
append, blocks = PartFile.append, []

def killed(file, values):
    append(file, values)
    blocks.append(len(values))
    if len(blocks) == {at}:
        os.truncate(file.path, os.path.getsize(file.path) - 5)
        os.kill(os.getpid(), signal.SIGKILL)

PartFile.append = killed
cli.main()
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path):
    """Killed in the second of three blocks of the second model, a draw half written."""
    models = LEAST_SQUARES + SECOND
    path = run_file(tmp_path, 'kind = "pairs"', models, draws=10_000)
    words = ["bootstrap", str(path), "--out", str(tmp_path / "broken"), "--quiet"]
    quick = {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1", "TIVAX_CACHE": ""}
    killed = run_fork(KILLED.format(at=5), *words, env=quick)
    assert killed.code == -signal.SIGKILL, killed.err
    unfinished = tmp_path / ".broken.unfinished"
    assert not (tmp_path / "broken").exists()
    assert [(unfinished / f"00{k}.f64").stat().st_size for k in (0, 1)] == [
        80_000,
        2 * 4096 * 8 - 5,
    ]

    broken = Done(tmp_path / "broken", good(*words))
    whole = run("bootstrap", path, out="whole")
    # Of the block cut in half nothing is left.
    assert broken.lines[0] == "Going on at 14,096 of 20,000 draws"
    assert broken.lines[1:-2] == whole.lines[:-2]
    assert names(tmp_path) == ["broken", "panel.csv", "run.toml", "whole"]
    assert len(broken.sums) == len(TABLES) + len(
        ["draws", "report", "svg", "png", "pdf"]
    )
    assert broken.sums == whole.sums
    assert broken.manifest["draws_sha256"] == whole.manifest["draws_sha256"]


# ------------------------------------------------------------------------ mistakes


def test_results_are_replaced_only_by_force(wild):
    path = wild.folder.parent / "run.toml"
    before = (wild.folder / "manifest.json").read_bytes()
    line = mistake("bootstrap", path, "--out", wild.folder)
    assert line == f"{wild.folder}: exists already; --force replaces it"
    assert (wild.folder / "manifest.json").read_bytes() == before


def model_of(*regressors: str, more: str = "") -> str:
    return (
        f'[[model]]\nname = "main"\noutcome = "KOFGIdj"\nregressors = {[*regressors]}\n'
        + more
    )


IV = 'endogenous = "endogenous"\ninstruments = "Z"'


@pytest.mark.parametrize(
    "models, changes, message",
    [
        (
            model_of("TBI", "nothing"),
            {},
            "model main: no column nothing in the data; it has {columns}",
        ),
        (
            model_of("TBI", "RQ", "copy"),
            {"copy": lambda f: f["RQ"]},
            "model main: KOFGIdj: copy is collinear with the other regressors and the "
            "effects; leave it out (copy is collinear with RQ)",
        ),
        (
            model_of("TBI", "RQ", more='clusters = "world"'),
            {"world": lambda f: "one"},
            "{panel}: a single world, one; model main takes at least two clusters; was "
            "the file cut?",
        ),
        (
            model_of("TBI", "empty"),
            {"empty": lambda f: np.nan},
            "model main: column empty has no values",
        ),
        (
            model_of("endogenous", "RQ", more=IV),
            {"Z": lambda f: f["iso3"].factorize()[0] + f["year"]},
            "model main: KOFGIdj: instrument Z is collinear with the controls, the effects "
            "or another instrument; leave it out (Z is collinear with the effects)",
        ),
        (
            model_of("TBI", "L.missing"),
            {},
            "{panel}: no column missing in the panel, of which L.missing is a lag",
        ),
        (
            model_of("TBI", "L.RQ"),
            {"year": lambda f: "in " + f["year"].astype(str)},
            "{panel}: column year holds 'in 2000', not a number; a lag of RQ needs "
            "years such as 2001",
        ),
    ],
    ids=[
        "no such column",
        "a regressor twice",
        "one cluster",
        "an empty column",
        "an instrument that effects explain",
        "a lag of nothing",
        "a lag of years in words",
    ],
)  # fmt: skip
def test_a_mistake_is_one_line(tmp_path, models, changes, message):
    frame = panel().assign(**changes)
    path = run_file(tmp_path, 'kind = "pairs"', models, frame=frame)
    line = mistake("bootstrap", path, "--out", tmp_path / "out")
    source = tmp_path / "panel.csv"
    if not message.startswith("{panel}"):
        message = f"{path}: {message}"
    columns = ", ".join(map(str, frame))
    assert line == message.format(panel=source, columns=columns)
    assert names(tmp_path) == ["panel.csv", "run.toml"]


def test_a_panel_of_one_country_is_told_as_a_file_that_is_cut(tmp_path):
    path = run_file(tmp_path, 'kind = "pairs"', frame=panel().head(7))
    assert mistake("bootstrap", path, "--out", tmp_path / "out") == (
        f"{tmp_path / 'panel.csv'}: a single iso3, C00; model main takes at least "
        "two clusters; was the file cut?"
    )
    assert names(tmp_path) == ["panel.csv", "run.toml"]


def test_a_disk_too_small_is_told_before_anything_is_drawn(tmp_path):
    """10^13 draws are 8 bytes each; with their copies in draws.parquet 24."""
    for save, size in ((False, "74,505.8"), (True, "223,517.4")):
        path = run_file(tmp_path, 'kind = "pairs"', draws=10**13, save=save)
        line = mistake("bootstrap", path, "--out", tmp_path / "out")
        said = f"{tmp_path}: the draws take {size} GiB on this disk and "
        assert line.startswith(said)
        assert line.endswith(" GiB are free; ask for fewer, or choose another disk")
    assert names(tmp_path) == ["panel.csv", "run.toml"]


def test_a_panel_that_is_not_there_is_told(tmp_path):
    path = run_file(tmp_path, 'kind = "pairs"')
    (tmp_path / "panel.csv").unlink()
    assert mistake("bootstrap", path, "--out", tmp_path / "out") == (
        f"{tmp_path / 'panel.csv'}: no such panel; `tivax panel` makes one"
    )
