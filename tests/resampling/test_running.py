"""The same draws to the bit, however they are cut into calls, devices and runs."""

import json
from functools import cache, partial
from hashlib import sha256
from itertools import product
from threading import Barrier

import jax
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tivax.engine.core import TivaxError
from tivax.engine.estimation import LinearFit
from tivax.engine.resampling import running as experiments
from tivax.engine.resampling import wild_effects
from tivax.engine.resampling.cluster_diagnostics import cluster_table, model_table
from tivax.engine.resampling.inference import infer
from tivax.engine.resampling.plans import ResamplingPlan, block_of_draws, make_plan
from tivax.engine.resampling.running import draws_of, over_blocks, stream
from tivax.engine.resampling.schemes import Bayesian, Pairs, Placebo, Wild
from tivax.kernels.random_draws import BLOCK

from commands import run_fork
from experiment_panels import MODEL, calls_of, remodel, small_panel, two_stage_model
from helpers import matrix_by_matrix

# One of each path through the code: balanced, any panel, in tiles, two columns, one
# treatment and an instrument, permutations.
CASES = {
    "pairs": (0.0, MODEL, Pairs()),
    "pairs, any panel": (0.3, MODEL, Pairs()),
    "t": (0.3, MODEL, Pairs(studentised=True)),
    "bayesian": (0.0, two_stage_model(), Bayesian()),
    "wild": (0.3, MODEL, Wild(weights="webb")),
    "wild, instrument": (0.0, two_stage_model(), Wild(weights="mammen")),
    "placebo": (0.3, MODEL, Placebo()),
}
SEED = 3


@cache
def plan(name: str, draws: int) -> ResamplingPlan:
    if name == "wild, all":
        frame, model = small_panel(countries=4), remodel(MODEL, controls=())
        scheme = CASES["wild"][2]
    else:
        unknown, model, scheme = CASES[name]
        frame = small_panel(countries=10, unknown=unknown, seed=4)
    return make_plan(LinearFit.to_draw(frame, model), scheme, draws)


@cache
def draws(name: str) -> np.ndarray:
    """A hundred thousand of them, 25 blocks."""
    return draws_of(plan(name, 100_000), SEED).values


def digest(values: np.ndarray) -> str:
    return sha256(np.ascontiguousarray(values).tobytes()).hexdigest()


@pytest.mark.parametrize("name", CASES)
def test_fewer_draws_are_the_first_ones(name):
    few = draws_of(plan(name, 5_000), SEED).values
    assert few.shape == (5_000, draws(name).shape[1])
    assert_array_equal(few, draws(name)[:5_000])
    assert draws(name).shape[0] == 100_000


@pytest.mark.parametrize(
    "name, first", [*product(CASES, [11]), *product(["pairs"], [1, 8, 24])]
)
def test_draws_from_a_later_block_on_are_the_later_ones(name, first):
    """Calls then hold other blocks."""
    parts = [*stream(plan(name, 100_000), SEED, start=first * BLOCK)]
    assert_array_equal(np.concatenate(parts), draws(name)[first * BLOCK :])


@pytest.mark.parametrize(
    "name, seconds, together",
    [*product(CASES, [np.inf], [3]), ("pairs", 0.0, 1), ("pairs", np.inf, 1)],
)
def test_draws_do_not_depend_on_the_calls_they_are_made_by(
    name, seconds, together, monkeypatch
):
    """A block in each; or three of a block and, when these are timed, of all others or
    of a third of them."""
    calls_of(monkeypatch, seconds, together=together)
    assert_array_equal(draws_of(plan(name, 100_000), SEED).values, draws(name))


def at_each_call(patch, do) -> None:
    """Does something with (first block, blocks) of a call that begins."""
    begin = experiments._Caller._begin

    def told(self, arrays, seed, first, steps):
        if arrays != ():  # not of the numbers that are kept
            do((int(first), int(steps)))
        return begin(self, arrays, seed, first, steps)

    patch.setattr(experiments._Caller, "_begin", told)


def test_a_call_makes_no_more_blocks_than_are_left(monkeypatch):
    """(first block, blocks) of each: one compiles, two are timed, then all."""
    calls_of(monkeypatch, np.inf)
    calls: list = []
    at_each_call(monkeypatch, calls.append)
    draws_of(plan("wild", 1_000), SEED)
    assert calls == [(0, 1)]
    draws_of(plan("wild", 100_000), SEED)
    assert calls[1:] == [(0, 1), (1, 1), (2, 23)]
    draws_of(plan("wild", 400_000), SEED)
    assert calls[4:] == [(0, 32), (32, 32), (64, 32), (96, 2)]
    draws_of(plan("wild", 10_000), SEED)
    assert calls[8:] == [(0, 3)]


def test_as_many_calls_are_under_way_as_there_are_cores(monkeypatch):
    """Of equal parts; a call waits here until another has begun."""
    expected = draws("pairs")[: 16 * BLOCK]
    calls_of(monkeypatch, np.inf, together=2)
    calls, both = [], Barrier(2, timeout=60)

    def wait(call):
        calls.append(call)
        if call[0] >= 3:
            both.wait()

    at_each_call(monkeypatch, wait)
    assert_array_equal(draws_of(plan("pairs", 16 * BLOCK), SEED).values, expected)
    assert sorted(calls) == [(0, 1), (1, 1), (2, 1), (3, 8), (11, 5)]


def test_a_mistake_in_a_call_ends_the_draws(monkeypatch):
    calls_of(monkeypatch, 0.0, together=2)

    def fail(call):
        if call[0] == 7:
            raise TivaxError("the seventh")

    at_each_call(monkeypatch, fail)
    own, seen = plan("pairs, any panel", 100_000), 0
    run = experiments._draws(own.static)
    with pytest.raises(TivaxError, match="the seventh"):
        for part in over_blocks(run, own.arrays, SEED, own.blocks):
            seen += len(part)
    assert seen == 7


def test_whoever_stops_does_not_wait_for_the_calls_not_begun(monkeypatch):
    calls_of(monkeypatch, 0.0, together=2)
    begun: list = []
    at_each_call(monkeypatch, begun.append)
    own = plan("pairs, any panel", 400_000)
    parts = over_blocks(experiments._draws(own.static), own.arrays, SEED, own.blocks)
    for _ in range(5):
        next(parts)
    parts.close()
    assert len(begun) < 12 < own.blocks


@pytest.mark.parametrize("name", CASES)
def test_no_block_calls_lapack_on_many_matrices(name):
    own = plan(name, 9_999)
    run = jax.jit(partial(block_of_draws, own.static))
    matrix_by_matrix(run.lower(own.arrays, SEED, 0))


@pytest.mark.parametrize("name", ["pairs", "pairs, any panel", "t", "wild", "placebo"])
def test_draws_from_kept_numbers_are_those_that_make_their_own(name, monkeypatch):
    monkeypatch.setattr(experiments, "_KEPT", 0)
    assert_array_equal(draws_of(plan(name, 10_000), SEED).values, draws(name)[:10_000])


def test_models_of_one_panel_share_the_numbers_that_are_kept(monkeypatch):
    """Wild weights belong to all clusters of the panel, of any sample and shape."""
    made = []
    numbers = experiments._numbers
    monkeypatch.setattr(experiments, "_kept", cache(experiments._kept.__wrapped__))
    monkeypatch.setattr(
        experiments, "_numbers", lambda of: made.append(of) or numbers(of)
    )
    frame, scheme = small_panel(countries=10, seed=4), CASES["wild"][2]
    without = frame[frame["iso3"] != frame["iso3"].iloc[0]]
    for own in (MODEL, remodel(MODEL, controls=())):
        draws_of(make_plan(LinearFit.to_draw(frame, own), scheme, 9_999), SEED)
    assert len(made) == 1
    draws_of(make_plan(LinearFit.to_draw(without, MODEL), scheme, 9_999), SEED)
    draws_of(make_plan(LinearFit.to_draw(frame, MODEL), CASES["pairs"][2], 9_999), SEED)
    assert [k.kind for k in made] == ["webb", "webb", "counts"]
    assert [k.rows for k in made] == [10, 9, 10]


@pytest.mark.parametrize(
    "seconds, room, steps",
    [((9.0, 0.004, 0.002), 32, 25), ((9.0, 0.002, 0.004), 32, 25)]
    + [((9.0, 0.001, 0.001), 32, 32), ((0.001, 2.0, 3.0), 32, 1)],
)
def test_a_call_takes_a_twentieth_of_a_second(seconds, room, steps):
    """By the faster of two calls; the first, which compiles, does not count."""
    caller = experiments._Caller(None)
    for k in seconds:
        assert not caller.settled and caller.steps == 1
        caller._time(k, room)
    assert caller.settled and caller.steps == steps


# Sums over clusters in another order.
AT_ONCE_RTOL = 1e-9


@pytest.mark.parametrize("name", ["pairs", "pairs, any panel", "wild", "placebo"])
def test_several_blocks_at_once_are_the_same_but_for_rounding(name, monkeypatch):
    """As a GPU makes them, 16 in a step: a call of one step, and one of three."""
    expected = draws(name)  # before the patches: it is kept for other tests
    monkeypatch.setitem(experiments._AT_ONCE, "cpu", 16)
    monkeypatch.setattr(
        experiments, "_compiled", cache(experiments._compiled.__wrapped__)
    )
    calls_of(monkeypatch, np.inf)
    for n in (100_000, 180_000):
        values = draws_of(plan(name, n), SEED).values
        assert len(values) == n
        assert_allclose(values[:100_000], expected, rtol=AT_ONCE_RTOL, atol=1e-12)


@pytest.mark.parametrize("name", ["pairs, any panel", "t"])
def test_what_is_drawn_in_tiles_is_not_drawn_beyond_the_last(name):
    """1,000 draws are four tiles of 256."""
    own = plan(name, 1_000)
    made = jax.jit(partial(block_of_draws, own.static))
    values = np.asarray(made(own.arrays, SEED, 0))
    assert (values[:, :1024] != 0).all() and (values[:, 1024:] == 0).all()


SHARED = ["pairs", "t", "wild", "placebo"]
SCRIPT = """
import json
import jax
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_num_cpu_devices", 4)
import test_running as tests
assert jax.device_count() == 4
print(json.dumps({k: tests.digest(tests.draws(k)) for k in tests.SHARED}))
"""


def test_draws_do_not_depend_on_the_number_of_devices(request):
    """In a process of its own: devices cannot be added to this one."""
    found = {"PYTHONPATH": str(request.path.parents[1] / "support")}
    done = run_fork(SCRIPT, env=found, cwd=request.path.parent)
    assert done.code == 0, done.err
    assert json.loads(done.out) == {name: digest(draws(name)) for name in SHARED}


@pytest.mark.parametrize("name", ["pairs", "wild", "placebo"])
def test_another_seed_is_other_draws(name):
    other = draws_of(plan(name, 5_000), SEED + 1).values
    # Two draws may be equal by chance: 10 countries have few counts.
    assert (other == draws(name)[:5_000]).mean() < 0.05


def test_draws_differ_from_block_to_block():
    values = draws("pairs")[: 8 * BLOCK, 0].reshape(8, BLOCK)
    assert len({digest(k) for k in values}) == 8


def test_all_patterns_do_not_depend_on_the_seed():
    own = plan("wild, all", 6**4)
    assert own.exact
    assert_array_equal(draws_of(own, 1).values, draws_of(own, 2).values)


def test_a_stream_gives_what_a_second_makes(monkeypatch):
    """Without waiting, each call is a part."""
    calls_of(monkeypatch, np.inf)
    monkeypatch.setattr(experiments, "_SECONDS", -1.0)
    told = []
    parts = [*stream(plan("wild", 100_000), SEED, progress=lambda *k: told.append(k))]
    assert [len(k) for k in parts] == [BLOCK, BLOCK, BLOCK, 100_000 - 3 * BLOCK]
    ends = [0, BLOCK, 2 * BLOCK, 3 * BLOCK, 100_000]
    assert told == [(k, 100_000) for k in ends]


def test_many_effects_after_few_have_all_their_draws(monkeypatch):
    """A call makes as many blocks as there is room for, which are fewer of more tests."""
    calls_of(monkeypatch, np.inf)
    a = np.random.default_rng(0).normal(size=(600, 3))
    few, many = (
        np.concatenate(list(wild_effects(k, draws=30_000, seed=2))) for k in (a[:2], a)
    )
    assert few.shape == (30_000, 2) and many.shape == (30_000, 600)
    assert_allclose(many[:, :2], few, rtol=1e-12)


def test_blocks_are_numbered_from_zero_and_the_last_is_the_last():
    def block(arrays, seed, number):
        return arrays["factor"] * number.astype(float) + seed.astype(float)

    arrays = {"factor": np.array([10.0, 1.0])}
    parts = np.concatenate([*over_blocks(block, arrays, 5, 11)])
    assert_array_equal(parts, np.arange(11)[:, None] * arrays["factor"] + 5)
    later = np.concatenate([*over_blocks(block, arrays, 5, 11, start=4)])
    assert_array_equal(later, parts[4:])


# ------------------------------------------------------------------- single precision


@pytest.fixture
def single_precision():
    jax.config.update("jax_enable_x64", False)
    yield
    jax.config.update("jax_enable_x64", True)


@pytest.mark.parametrize("name", ["pairs, any panel", "wild, instrument", "placebo"])
def test_results_do_not_depend_on_what_a_program_has_told_jax(name, request):
    """Double precision, tables of clusters and inverted tests included."""
    unknown, model, scheme = CASES[name]
    frame = small_panel(countries=10, unknown=unknown, seed=4)

    def everything():
        fitted = LinearFit.to_draw(frame, model)
        inference, made = infer(make_plan(fitted, scheme, 2_000), SEED)
        return (
            made.values,
            inference.summary.drop(columns="draws_per_s"),
            inference.intervals,
            model_table([fitted]),
            cluster_table(fitted),
        )

    double = everything()
    request.getfixturevalue("single_precision")
    for own, other in zip(everything(), double, strict=True):
        if isinstance(own, pd.DataFrame):
            pd.testing.assert_frame_equal(own, pd.DataFrame(other), check_exact=True)
        else:
            assert own.dtype == np.float64
            assert_array_equal(own, other)
