"""The same numbers on a GPU. Skipped where JAX sees none.

`python -m pytest -p gpu_branches` runs them on the processor (``gpu_branches``).
"""

import json
import re
from pathlib import Path

import jax
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import tivax.engine as tx
from tivax.engine.measures import solve_years

from commands import good, run_python
from experiment_panels import INSTRUMENT, LEAST_SQUARES, small_panel
from helpers import random_inputs, single_supplier_inputs

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(jax.default_backend() == "cpu", reason="needs a GPU"),
]

# Both solve to a relative residual of 1e-12.
RTOL = 1e-10
# Drawn tables are solved in float32 to 1e-4 of what the draw changes.
OF_DRAWN_TABLES = 1e-4
# What is 0 but for rounding.
ATOL = 1e-12
# A standard error of what margins hold is the root of rounding (measured: 3e-10 of the
# measure, and its interval as much).
ROOT_OF_ROUNDING = 1e-9


def test_value_added_absorbed_is_what_numpy_solves():
    world = tx.synthetic_world(regions=44, sectors=56, years=2)
    absorbed = tx.value_added_absorbed(world)
    assert absorbed.attrs["residual_max"] <= 1e-12
    for k, table in enumerate(world):
        A = np.divide(table.Z, table.x, out=np.zeros_like(table.Z), where=table.x > 0)
        v = np.where(table.x > 0, 1 - A.sum(axis=0), 0)
        X = np.linalg.solve(np.eye(len(A)) - A, table.Y.sum(axis=2))
        T = absorbed.values[k].reshape(X.shape)
        assert_allclose(T, v[:, None] * X, rtol=RTOL, atol=RTOL * T.max())


def test_only_the_year_that_stalls_is_solved_by_lu():
    good = random_inputs(40, share=0.5)
    bad = single_supplier_inputs(regions=4, sectors=10, home=0.0)
    A, Y = np.stack([good, bad]), np.ones((2, 40, 4))
    answer = solve_years(A, Y, regions=4)
    assert (np.asarray(answer.residual) <= 1e-12).all()
    assert (np.asarray(answer.passes) == 0).tolist() == [False, True]


DRAWN = 'panel = "panel.csv"\nseed = 3\ndraws = 5_000\n'
FILES = {
    "lognormal": '[[error]]\nkind = "lognormal"\na = 0.05\nb = 0.1\n',
    "shares": '[[error]]\nkind = "shares"\nconcentration = 50\n',
    "cut": 'store = "store"\n[[shock]]\nkind = "cut"\nexporters = "R01"\nimporters = "R02"\n'
    "percent = 50\n",
    "hat": 'kind = "exact-hat"\neconomy = "economy.npz"\ndeficits = "kept"\n'
    '[[variant]]\nexporters = ["R01"]\n[grid]\nimporters = "each"\ntariff = [0.1, 0.3]\n',
    "pairs": DRAWN + '[scheme]\nkind = "pairs"\n' + LEAST_SQUARES + INSTRUMENT,
    "bayesian": DRAWN
    + '[scheme]\nkind = "bayesian"\nstudentised = true\n'
    + LEAST_SQUARES,
    "wild": DRAWN
    + '[scheme]\nkind = "wild"\nweights = "webb"\n'
    + LEAST_SQUARES
    + INSTRUMENT,
    "placebo": DRAWN
    + '[scheme]\nkind = "placebo"\npermute = "countries"\n'
    + LEAST_SQUARES,
    "simulate": "panels = 20\ndraws = 99\nseed = 1\n[[design]]\nname = 'small'\n"
    "clusters = 9\nyears = 6\ncontrols = 2\n",
    "threats": DRAWN + LEAST_SQUARES,
    "curve": DRAWN + LEAST_SQUARES + '[curve]\ncontrols = "subsets"\n',
    "montecarlo": 'panel = "index.csv"\nstore = "store"\nerror = "lognormal.toml"\n'
    'seed = 3\ndraws = 6\nsave_draws = true\n[[model]]\noutcome = "y"\n'
    'regressors = ["TBI"]\n',
}
RUNS = {
    "tbi": "tbi store --certify columns",
    "tbi of drawn cells": "tbi store --error lognormal.toml",
    "tbi of drawn shares": "tbi store --error shares.toml",
    "wwz": "decompose store --method wwz --level bilateral-sector",
    "kww": "decompose store --method kww --level bilateral-sector",
    "bm-source": "decompose store --method bm-source --level bilateral-sector",
    "bm-sink": "decompose store --method bm-sink --level bilateral-sector",
    "indicators": "indicators store --level sector",
    "change": "change store",
    "cut": "scenario cut.toml",
    "hat": "scenario hat.toml",
    "pairs": "bootstrap pairs.toml",
    "bayesian": "bootstrap bayesian.toml",
    "wild": "bootstrap wild.toml",
    "placebo": "bootstrap placebo.toml",
    "simulate": "simulate simulate.toml",
    "threats": "threats threats.toml",
    "curve": "curve curve.toml",
    "montecarlo": "montecarlo montecarlo.toml",
}
ON_THE_PROCESSOR = """
import json, sys
from tivax.engine.cli import app
for words in json.loads(sys.argv[1]):
    sys.argv = ["tivax", *words]
    try:
        app.main()
    except SystemExit as end:
        if end.code:
            raise
"""


def words(run: str, folder: Path, out: str) -> list[str]:
    command, given, *options = RUNS[run].split()
    options = [str(folder / k) if k.endswith(".toml") else k for k in options]
    where = folder / out / run.replace(" ", "-")
    more = ["--out", str(where), "--no-figures", "--quiet"]
    return [command, str(folder / given), *options, *more]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Small tables, panels and run files, and what each run gives on the processor."""
    folder = tmp_path_factory.mktemp("both")
    world = tx.synthetic_world(regions=5, sectors=4, years=3, seed=1)
    tx.save_store(world, folder / "store")
    tx.Economy.synthetic(regions=4, sectors=3, seed=1).save(folder / "economy.npz")
    small_panel(countries=9, years=7, seed=3).to_csv(folder / "panel.csv", index=False)
    index = tx.trade_benefit_index(world)["tbi"].to_series().rename("TBI")
    panel = index.reset_index().rename(columns={"region": "iso3"})
    noise = np.random.default_rng(1).normal(size=len(panel))
    panel["y"] = panel["TBI"] + 0.01 * noise
    panel.to_csv(folder / "index.csv", index=False)
    for name, text in FILES.items():
        (folder / f"{name}.toml").write_text(text)
    runs = [words(run, folder, "processor") for run in RUNS]
    env = {"JAX_PLATFORMS": "cpu"}
    answer = run_python(ON_THE_PROCESSOR, json.dumps(runs), env=env)
    assert answer.code == 0, answer.err
    return folder


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)


@pytest.mark.parametrize("run", RUNS)
def test_a_command_writes_what_it_writes_on_the_processor(run, folder):
    given = words(run, folder, "card")
    good(*given)
    wanted = folder / "processor" / run.replace(" ", "-")
    found = folder / "card" / run.replace(" ", "-")
    tables = [k for k in wanted.rglob("*") if k.suffix in (".csv", ".parquet")]
    assert tables
    rtol = OF_DRAWN_TABLES if run == "montecarlo" else RTOL
    for path in tables:
        here, there = read(found / path.relative_to(wanted)), read(path)
        assert list(here.columns) == list(there.columns) and len(here) == len(there)
        for name in there.columns:
            a, b = here[name], there[name]
            if not pd.api.types.is_numeric_dtype(b):
                assert a.equals(b), f"{path.name}: {name}"
            elif "residual" not in name:
                largest = np.nan_to_num(np.abs(b.astype(float))).max()
                atol = max(rtol * largest, ATOL)
                measure = re.sub("_(se|ci_low|ci_high)$", "", name)
                if measure != name and measure in there:
                    atol = max(atol, ROOT_OF_ROUNDING * there[measure].abs().max())
                assert_allclose(a, b, rtol=0, atol=atol, err_msg=name)
