"""Draws in files and memory, and what is read off them window by window."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tivax.engine.core import parts
from tivax.engine.core.parts import PartFile
from tivax.engine.resampling import draws as module
from tivax.engine.resampling.draws import (
    MemoryDraws,
    histogram,
    moments,
    quantiles,
    ranked,
)

# Sums in another order than NumPy's.
RTOL = 1e-13
# NumPy interpolates from the nearer of two order statistics, here it is from the lower.
# One rounding, of numbers around 1.
QUANTILE_ATOL = 4e-16

AT = np.array([0, 0.0005, 0.025, 0.1, 1 / 3, 0.5, 0.77, 0.975, 0.9995, 1])


def first(window: np.ndarray) -> np.ndarray:
    return window[:, 0]


def table(values) -> np.ndarray:
    """A second column that must not matter."""
    values = np.asarray(values, float)
    return np.column_stack([values, -np.arange(len(values))])


@pytest.fixture(params=["memory", "file"])
def kept(request, tmp_path):
    """Draws of one column in memory or in a file."""

    def keep(values):
        if request.param == "memory":
            return MemoryDraws(table(values))
        file = PartFile(len(values), 2, path=tmp_path / "draws.f64")
        file.append(table(values))
        return file

    return keep


@pytest.fixture(params=[1 << 20, 64], ids=["one window", "many windows"])
def window(request, monkeypatch):
    for holder in (module, parts):
        monkeypatch.setattr(holder, "_WINDOW", request.param)
    return request.param


def test_windows_are_all_draws_in_their_order(kept, window):
    values = np.random.default_rng(0).normal(size=200)
    parts = [*kept(values).windows()]
    assert [len(k) for k in parts] == ([200] if window > 200 else [64, 64, 64, 8])
    assert_array_equal(np.concatenate(parts), table(values))


# ---------------------------------------------------------------------- read off them


def samples() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    normal = rng.normal(size=1000)
    return {
        **{f"{n} of them": rng.normal(size=n) for n in (1, 2, 3, 63, 64, 65, 130)},
        "many": normal,
        "ties": np.round(normal, 1),
        "two values": np.where(normal > 1.5, 2.0, -1.0),
        "one value": np.full(200, 0.3),
        "heavy tails": rng.standard_cauchy(size=3000) * 1e-3,
        "some not computed": np.where(rng.uniform(size=1000) < 0.3, np.nan, normal),
        "infinite": np.where(rng.uniform(size=1000) < 0.1, np.inf, normal),
        "a window of none": np.where(np.arange(1000) // 64 == 2, np.nan, normal),
        "close to each other": 1 + 1e-15 * rng.integers(9, size=500),
    }


SAMPLES = samples()


@pytest.mark.parametrize("name", SAMPLES)
def test_quantiles_are_those_of_numpy(kept, window, name):
    values = SAMPLES[name]
    own = quantiles(kept(values), first, AT)
    expected = np.quantile(values[np.isfinite(values)], AT)
    scale = max(1, np.abs(expected).max())
    assert_allclose(own, expected, rtol=0, atol=QUANTILE_ATOL * scale)


def test_ranks_count_finite_draws_from_1(kept, window):
    values = np.random.default_rng(4).permutation(np.arange(1.0, 201))
    values[values > 198] = [np.nan, np.inf]
    own = ranked(kept(values), first, [0, 1, 5, 198, 199])
    assert_array_equal(own, [-np.inf, 1, 5, 198, np.inf])
    nothing = MemoryDraws(table([np.nan, np.inf]))
    assert np.isnan(ranked(nothing, first, [0, 1, 2])).all()


@pytest.mark.parametrize("name", SAMPLES)
def test_moments_are_those_of_finite_draws(kept, window, name):
    values = SAMPLES[name]
    good = values[np.isfinite(values)]
    n, mean, sd = moments(kept(values), first)
    assert n == len(good)
    assert_allclose(mean, good.mean(), rtol=RTOL, atol=RTOL)
    expected = good.std(ddof=1) if n > 1 else np.nan
    assert_allclose(sd, expected, rtol=RTOL, atol=RTOL * np.abs(good).max())


def test_the_spread_of_draws_far_from_zero_is_not_lost(window):
    """Sums of squares would lose it: (1e9)^2 has no digit left for 1."""
    values = 1e9 + np.random.default_rng(2).normal(size=500)
    _, _, sd = moments(MemoryDraws(values[:, None]), first)
    # The means of windows are rounded to 1e-7.
    assert_allclose(sd, (values - 1e9).std(ddof=1), rtol=1e-7)


def test_a_function_of_a_row_may_be_read(window):
    values = np.random.default_rng(3).normal(size=(300, 2))
    ratio = values[:, 0] / values[:, 1]
    (own,) = quantiles(MemoryDraws(values), lambda w: w[:, 0] / w[:, 1], [0.3])
    assert_allclose(own, np.quantile(ratio, 0.3), rtol=RTOL)


@pytest.mark.parametrize("values", [[], [np.nan, np.nan]])
def test_no_draws_have_no_quantiles_and_no_spread(values):
    draws = MemoryDraws(table(values))
    assert np.isnan(quantiles(draws, first, [0.1, 0.9])).all()
    n, _, sd = moments(draws, first)
    assert n == 0 and np.isnan(sd)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_histogram_counts_every_finite_draw(kept, window, name):
    values = SAMPLES[name]
    good = values[np.isfinite(values)]
    edges, counts = histogram(kept(values), first)
    assert counts.sum() == len(good) and len(edges) == len(counts) + 1 == 102
    assert (np.diff(edges) > 0).all() or np.ptp(good) < 1e-12
    # The tails are in the outer bins.
    low, high = np.quantile(good, [0.0005, 0.9995])
    if low < high:
        assert_allclose(edges[[0, -1]], [low, high], rtol=RTOL)


def test_a_histogram_by_hand():
    """Edges from 0.002 to 3.996, the quantiles of 0.05 and 99.95 %: 1 is in the first bin."""
    draws = MemoryDraws(np.array([[0.0], [1.0], [1.0], [2.0], [4.0]]))
    edges, counts = histogram(draws, first, bins=4)
    assert_allclose(edges, np.linspace(0.002, 4 - 0.004, 5), rtol=RTOL)
    assert_array_equal(counts, [3, 0, 1, 1])


def test_a_histogram_of_one_value_has_a_width():
    edges, counts = histogram(MemoryDraws(np.full((7, 1), 3.0)), first, bins=5)
    assert_allclose(edges, np.linspace(2.5, 3.5, 6), rtol=RTOL)
    assert counts.sum() == 7
