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

from commands import good, start_python
from gpu_commands import RUNS, SMALL, make_inputs, words
from helpers import random_inputs, read_table, single_supplier_inputs

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
    found = tx.value_added_trade(world)
    absorbed = found["va_absorbed"]
    assert (found.residual_max or 1) <= 1e-12
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


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Small tables, panels and run files, and what each run gives on the processor."""
    folder = tmp_path_factory.mktemp("both")
    make_inputs(folder, SMALL)
    runs = [words(run, folder, at(folder, "processor", run)) for run in RUNS]
    env = {"JAX_PLATFORMS": "cpu"}
    process = start_python(ON_THE_PROCESSOR, json.dumps(runs), env=env)
    _, said = process.communicate(timeout=900)
    assert process.returncode == 0, said
    return folder


def at(folder: Path, where: str, run: str) -> Path:
    return folder / where / run.replace(" ", "-")


@pytest.mark.parametrize("run", RUNS)
def test_a_command_writes_what_it_writes_on_the_processor(run, folder):
    wanted, found = (at(folder, where, run) for where in ("processor", "card"))
    good(*words(run, folder, found))
    if run == "check":
        return  # prints alone
    tables = [k for k in wanted.rglob("*") if k.suffix in (".csv", ".parquet")]
    assert tables
    rtol = OF_DRAWN_TABLES if run == "montecarlo" else RTOL
    for path in tables:
        here, there = map(read_table, (found / path.relative_to(wanted), path))
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
