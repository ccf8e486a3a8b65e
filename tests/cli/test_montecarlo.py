"""``tivax montecarlo``: what it writes, taken up again, on several devices, refused."""

import json
import shutil

import pandas as pd
import pytest
from numpy.testing import assert_allclose

import tivax as tx

from commands import contents, good, mistake, names, run_fork
from described import assert_described
from experiment_panels import index_panel
from helpers import small_world

RUN = """
panel = "panel.csv"
store = "store"
error = "model.toml"
seed = 3
draws = 6
save_draws = true
[[model]]
name = "main"
outcome = "y"
regressors = ["TBI"]
"""
MODEL = '[[error]]\nkind = "lognormal"\na = 0.05\nb = 0.1\n'


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("montecarlo")
    world = small_world(5, 3, 2)
    tx.save_store(world, folder / "store")
    index_panel(world).to_csv(folder / "panel.csv", index=False)
    (folder / "model.toml").write_text(MODEL)
    (folder / "run.toml").write_text(RUN)
    answer = good("montecarlo", folder / "run.toml", "--out", folder / "out")
    return folder, answer


def test_the_files_hold_what_the_function_returns(done):
    folder, answer = done
    out = folder / "out"
    tables = ["distribution", "reliability", "summary", "tbi"]
    assert_described("montecarlo", out)
    found = tx.monte_carlo(
        pd.read_csv(folder / "panel.csv"),
        tx.Model("main", "y", ["TBI"], entity="iso3", time="year"),
        tx.open_store(folder / "store"),
        folder / "model.toml",
        draws=6,
        seed=3,
    )
    for name, table in zip(
        tables,
        (found.distribution, found.reliability, found.summary, found.index),
        strict=True,
    ):
        written = pd.read_csv(out / f"{name}.csv")
        numbers = table.select_dtypes("number").columns
        assert list(written.columns) == list(table.columns)
        wanted = table[numbers].astype(float)
        assert_allclose(written[numbers].astype(float), wanted, rtol=1e-9)
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["draws"] == 6 and manifest["years"] == [2000, 2001]
    assert manifest["error"][0]["kind"] == "lognormal"
    assert found.sentence in answer.out
    draws = pd.read_parquet(out / "draws.parquet")
    spread = draws.groupby(["year", "region"])["tbi"].std().to_numpy()
    wanted = found.index.sort_values(["year", "region"])["se"]
    assert_allclose(spread, wanted, rtol=1e-9)


def test_four_devices_write_the_same_bytes(done, tmp_path):
    folder, _ = done
    code = "from tivax.engine.cli.start import main; main()"
    words = ["montecarlo", folder / "run.toml", "--quiet", "--no-figures"]
    four = tmp_path / "4"
    # As the programs of this process are compiled.
    env = {"JAX_DISABLE_MOST_OPTIMIZATIONS": "true"}
    answer = run_fork(code, *words, "--out", four, "--device", "cpu:4", env=env)
    assert answer.code == 0, answer.err
    for place, devices in ((folder / "out", 1), (four, 4)):
        manifest = json.loads((place / "manifest.json").read_text())
        assert manifest["devices"] == devices
    wanted = contents(folder / "out")
    for path, text in contents(four).items():
        if path.suffix in (".csv", ".parquet"):
            assert text == wanted[folder / "out" / path.relative_to(four)], path


@pytest.mark.parametrize(
    "change, line",
    [
        (('store = "store"', ""), "store: is missing; name the tables"),
        (('store = "store"', 'store = "none"'), "none: no such store"),
        (('"model.toml"', '"roundng"'), "run.toml: no error model"),
        (('"store"', '"a^b^c"'), "run.toml: "),
        (("draws = 6", "draws = 1"), "draws = 1: write 2 or more"),
        (("store =", "stores ="), "unknown key stores; did you mean store"),
        (('outcome = "y"', 'outcome = "z"'), "model main: no column z"),
    ],
)
def test_mistakes_are_one_line_and_nothing_is_written(change, line, done, tmp_path):
    folder, _ = done
    for name in ("panel.csv", "model.toml"):
        shutil.copy(folder / name, tmp_path)
    (tmp_path / "store").symlink_to(folder / "store")
    (tmp_path / "run.toml").write_text(RUN.replace(*change))
    told = mistake("montecarlo", tmp_path / "run.toml", "--out", tmp_path / "out")
    assert line in told
    assert not [k for k in names(tmp_path) if "out" in k]
