"""The same draws to the bit, however they are cut into calls, devices and runs."""

import json
import subprocess
import sys
from dataclasses import replace
from functools import cache
from hashlib import sha256

import jax
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from tivax.engine import experiments
from tivax.engine.cluster_reports import cluster_table, model_table
from tivax.engine.designs import make_design
from tivax.engine.draws import FileDraws
from tivax.engine.experiments import draws_of, fill, over_blocks, stream
from tivax.engine.inference import infer
from tivax.engine.schemes import Program, Scheme, make_program
from tivax.kernels.streams import BLOCK

from experiment_panels import MODEL, one_block_a_call, small_panel, two_stage_model

# One of each path through the code: balanced, any panel, in tiles, two columns, one
# treatment and an instrument, permutations.
CASES = {
    "pairs": (0.0, MODEL, Scheme("pairs")),
    "pairs, any panel": (0.3, MODEL, Scheme("pairs")),
    "t": (0.3, MODEL, Scheme("pairs", studentised=True)),
    "bayesian": (0.0, two_stage_model(), Scheme("bayesian")),
    "wild": (0.3, MODEL, Scheme("wild", weights="webb")),
    "wild, instrument": (0.0, two_stage_model(), Scheme("wild", weights="mammen")),
    "placebo": (0.3, MODEL, Scheme("placebo")),
}
SEED = 3


@cache
def program(name: str, draws: int) -> Program:
    if name == "wild, all":
        frame, model = small_panel(countries=4), replace(MODEL, controls=())
        scheme = CASES["wild"][2]
    else:
        unknown, model, scheme = CASES[name]
        frame = small_panel(countries=10, unknown=unknown, seed=4)
    return make_program(make_design(frame, model), scheme, draws)


@cache
def draws(name: str) -> np.ndarray:
    """A hundred thousand of them, in four calls of one device."""
    return draws_of(program(name, 100_000), SEED).values


def digest(values: np.ndarray) -> str:
    return sha256(np.ascontiguousarray(values).tobytes()).hexdigest()


@pytest.mark.parametrize("name", CASES)
def test_fewer_draws_are_the_first_ones(name):
    few = draws_of(program(name, 5_000), SEED).values
    assert few.shape == (5_000, draws(name).shape[1])
    assert_array_equal(few, draws(name)[:5_000])
    assert draws(name).shape[0] == 100_000


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("first", [1, 8, 11, 24])
def test_draws_from_a_later_block_on_are_the_later_ones(name, first):
    """8 blocks are a call: some starts are not at one."""
    parts = [*stream(program(name, 100_000), SEED, start=first * BLOCK)]
    assert_array_equal(np.concatenate(parts), draws(name)[first * BLOCK :])


@pytest.mark.parametrize("name", CASES)
def test_draws_do_not_depend_on_the_blocks_of_a_call(name, monkeypatch):
    one_block_a_call(monkeypatch)
    few = draws_of(program(name, 10_000), SEED).values
    assert_array_equal(few, draws(name)[:10_000])


SCRIPT = """
import json
import jax
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_num_cpu_devices", 4)
import test_experiments as tests
assert jax.device_count() == 4
print(json.dumps({k: tests.digest(tests.draws(k)) for k in tests.CASES}))
"""


def test_draws_do_not_depend_on_the_number_of_devices(request):
    """In a process of its own: devices cannot be added to this one."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=request.path.parent,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {name: digest(draws(name)) for name in CASES}


@pytest.mark.parametrize("name", ["pairs", "wild", "placebo"])
def test_another_seed_is_other_draws(name):
    other = draws_of(program(name, 5_000), SEED + 1).values
    # Two draws may be equal by chance: 10 countries have few counts.
    assert (other == draws(name)[:5_000]).mean() < 0.05


def test_draws_differ_from_block_to_block():
    values = draws("pairs")[: 8 * BLOCK, 0].reshape(8, BLOCK)
    assert len({digest(k) for k in values}) == 8


def test_all_patterns_do_not_depend_on_the_seed():
    own = program("wild, all", 6**4)
    assert own.exact
    assert_array_equal(draws_of(own, 1).values, draws_of(own, 2).values)


@pytest.mark.parametrize("held", [0, 1, 4_096, 5_000, 8_191, 8_192, 9_999, 10_000])
def test_a_file_is_filled_from_where_it_ends(tmp_path, held):
    """Whatever was there of the draws, of the last one a half."""
    own = program("t", 10_000)
    file = FileDraws(tmp_path / "draws.f64", 2, 10_000)
    file.append(draws("t")[:held])
    if held < 10_000:
        with file.path.open("ab") as half:
            half.write(b"12345678901")
    told = []
    fill(own, SEED, file, progress=lambda *k: told.append(k))
    assert_array_equal(np.concatenate([*file.windows()]), draws("t")[:10_000])
    # Whole blocks are kept.
    start = held if held == 10_000 else held - held % BLOCK
    assert told[0] == (start, 10_000) and told[-1] == (10_000, 10_000)


def test_a_file_that_holds_all_is_left_alone(tmp_path):
    own = program("wild", 5_000)
    file = FileDraws(tmp_path / "draws.f64", 1, 5_000)
    file.append(np.ones((5_000, 1)))
    assert fill(own, SEED, file) == 0
    assert_array_equal(np.concatenate([*file.windows()]), np.ones((5_000, 1)))


def test_a_stream_gives_what_a_second_makes(monkeypatch):
    """Without waiting, each call is a part."""
    monkeypatch.setattr(experiments, "_SECONDS", -1.0)
    told = []
    parts = [
        *stream(program("wild", 100_000), SEED, progress=lambda *k: told.append(k))
    ]
    assert [len(k) for k in parts] == [32_768, 32_768, 32_768, 1_696]
    assert told == [(k, 100_000) for k in (0, 32_768, 65_536, 98_304, 100_000)]


def test_blocks_are_numbered_from_zero_and_run_past_the_last(monkeypatch):
    def block(arrays, seed, number):
        return arrays["factor"] * number + seed

    arrays = {"factor": np.array([10.0, 1.0])}
    parts = np.concatenate([*over_blocks(block, arrays, 5, 11)])
    assert len(parts) == 16
    assert_array_equal(parts, np.arange(16)[:, None] * arrays["factor"] + 5)


# ------------------------------------------------------------------- single precision


@pytest.fixture
def single_precision():
    jax.config.update("jax_enable_x64", False)
    yield
    jax.config.update("jax_enable_x64", True)


@pytest.mark.parametrize(
    "name", ["pairs", "pairs, any panel", "wild", "wild, instrument", "placebo"]
)
def test_results_do_not_depend_on_what_a_program_has_told_jax(name, request):
    """Double precision, tables of clusters and inverted tests included."""
    unknown, model, scheme = CASES[name]
    frame = small_panel(countries=10, unknown=unknown, seed=4)

    def everything():
        design = make_design(frame, model)
        inference, made = infer(make_program(design, scheme, 2_000), SEED)
        return (
            made.values,
            inference.summary.drop(columns="draws_per_s"),
            inference.intervals,
            model_table([design]),
            cluster_table(design),
        )

    double = everything()
    request.getfixturevalue("single_precision")
    for own, other in zip(everything(), double, strict=True):
        if isinstance(own, pd.DataFrame):
            pd.testing.assert_frame_equal(own, pd.DataFrame(other), check_exact=True)
        else:
            assert own.dtype == np.float64
            assert_array_equal(own, other)
