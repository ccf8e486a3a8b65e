"""Random draws: who depends on what, moments, chi-square tests, every pattern once."""

import itertools
import math
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from tivax.kernels import random_draws as streams

# Seeds are fixed: a test below fails where a distribution is wrong, not once in a while.
SMALLEST_P = 1e-4
# The largest of up to 2,000 standard normal numbers is above it once in 1,000 times.
LARGEST_Z = 5.0
BLOCKS = 4


@cache
def compiled(make, *arguments, **options):
    return jax.jit(lambda key: make(key, *arguments, **options))


@cache
def draws(make, *arguments, seed: int = 7, **options) -> np.ndarray:
    """Blocks of draws side by side."""
    block = compiled(make, *arguments, **options)
    keys = [streams.block_key(seed, k) for k in range(BLOCKS)]
    return np.concatenate([np.asarray(block(key)) for key in keys], axis=1)


def first_words(rows: int, seed: int = 7) -> np.ndarray:
    """What the first block of ``draws`` is made of."""
    key = streams.block_key(seed, 0)
    return np.asarray(jax.random.bits(key, (rows, streams.BLOCK), jnp.uint32))


def assert_even(counts, cells: int | None = None) -> None:
    """Chi-square of counts that should be equal."""
    counts = np.asarray(counts).ravel()
    assert cells in (None, counts.size)
    assert stats.chisquare(counts).pvalue > SMALLEST_P


def pairs(a: np.ndarray, b: np.ndarray, below: int) -> np.ndarray:
    """How often a row has one value and another row the other one."""
    return np.bincount(a.astype(int) * below + b, minlength=below**2)


def assert_moment(values: np.ndarray, expected) -> None:
    """Means over draws, the last axis, within LARGEST_Z standard errors."""
    error = values.std(axis=-1) / np.sqrt(values.shape[-1])
    assert np.all(np.abs(values.mean(axis=-1) - expected) <= LARGEST_Z * error + 1e-12)


def assert_uncorrelated(values: np.ndarray) -> None:
    """Rows with one another, and each with itself 1, 2 and 3 draws later."""
    G, n = values.shape
    gap = (values - values.mean(axis=1)[:, None]) / values.std(axis=1)[:, None]
    between = (gap @ gap.T / n)[np.triu_indices(G, 1)]
    later = [(gap[:, k:] * gap[:, :-k]).mean(axis=1) for k in (1, 2, 3)]
    block = (gap[:, : -streams.BLOCK] * gap[:, streams.BLOCK :]).mean(axis=1)
    z = np.sqrt(n) * np.concatenate([between, *later])
    assert np.abs(z).max() < LARGEST_Z
    assert np.sqrt(n - streams.BLOCK) * np.abs(block).max() < LARGEST_Z


# ---------------------------------------------------------------------------- blocks

SCHEMES = {
    "counts": (streams.counts, 41),
    "many counts": (streams.counts, 300),
    "exponential": (streams.exponential, 12),
    "rademacher": (streams.rademacher, 41),
    "webb": (streams.webb, 41),
    "mammen": (streams.mammen, 41),
    "permutations": (streams.permutations, (8, 7)),
    "long permutations": (streams.permutations, (65, 3)),
}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_block_depends_on_the_seed_and_its_number_alone(scheme):
    make = compiled(*SCHEMES[scheme])
    one = make(streams.block_key(1, 2))
    assert_array_equal(make(streams.block_key(1, 2)), one)
    for other in ((1, 3), (2, 2), (2, 1)):
        assert np.mean(np.asarray(make(streams.block_key(*other)) == one)) < 0.9


def test_a_block_is_the_same_when_its_number_is_traced():
    def block(seed, number):
        return streams.integers(streams.block_key(seed, number), 13, below=7)

    traced = jax.jit(block)(jnp.int32(7), jnp.int32(2))
    own = draws(streams.integers, 13, below=7)
    assert_array_equal(traced, own[:, 2 * streams.BLOCK : 3 * streams.BLOCK])


def test_the_stream_of_a_seed_stays_what_it_is():
    """A change would change every simulated p-value that somebody has written down."""
    key = streams.block_key(3, 1)
    assert str(jax.random.key_impl(key)) == "threefry2x32"
    first = np.asarray(compiled(streams.integers, 3, below=1000)(key))[:, :4]
    expected = [[25, 541, 481, 620], [572, 686, 787, 485], [387, 105, 46, 213]]
    assert_array_equal(first, expected)


# -------------------------------------------------------------------------- integers


BASES = (2, 3, 5, 6, 7, 15, 16, 31, 41, 63, 64, 255, 1000)


@pytest.mark.parametrize("below, rows", [(2, 24), (11, 9), *((k, 13) for k in BASES)])
def test_each_row_of_integers_is_uniform(below, rows):
    """Also the last digits of a word: 12 of base 2, 3 of base 11; and all together."""
    values = draws(streams.integers, rows, below=below)
    for row in (*values, values.ravel()):
        assert_even(np.bincount(row, minlength=below), below)


@pytest.mark.parametrize("below, rows", [(2, 12), (3, 14), (6, 9), (16, 6), (41, 4)])
def test_integers_of_two_rows_are_independent(below, rows):
    """Several come from one word: each pair of rows has every pair of values alike."""
    values = draws(streams.integers, rows, below=below)
    for a, b in itertools.combinations(values, 2):
        assert_even(pairs(a, b, below), below**2)


def test_integers_are_independent_from_draw_to_draw():
    values = draws(streams.integers, 13, below=41)
    assert_uncorrelated(values.astype(float))
    assert_even(pairs(values[:, :-1].ravel(), values[:, 1:].ravel(), 41), 41**2)


def test_digits_are_those_of_the_word_as_a_fraction():
    """Word / 2^32 in base 6: the first digit, then the digits of what is left."""
    own, left = draws(streams.integers, 4, below=6), first_words(1)[0].astype(np.uint64)
    for row in own[:, : streams.BLOCK]:
        assert_array_equal(row, 6 * left >> 32)
        left = 6 * left % 2**32


@pytest.mark.parametrize("G", [7, 255, 256, 300])
def test_counts_count_the_integers_of_a_block_that_may_be_shorter(G):
    """Above 255 clusters a byte no longer holds their numbers."""
    key = streams.block_key(1, 1)
    drawn = np.asarray(compiled(streams.integers, G, below=G, draws=50)(key))
    w = np.asarray(compiled(streams.counts, G, draws=50)(key))
    assert drawn.shape == w.shape == (G, 50)
    for own, row in zip(w.T, drawn.T, strict=True):
        assert_array_equal(own, np.bincount(row, minlength=G))
    assert_array_equal(
        np.abs(compiled(streams.rademacher, G, draws=50)(key)), np.ones((G, 50))
    )


def test_integers_below_one_are_zero():
    values = compiled(streams.integers, 20, below=1)(streams.block_key(0, 0))
    assert_array_equal(values, np.zeros((20, streams.BLOCK)))


# ----------------------------------------------------------------- weights of clusters


@pytest.mark.parametrize("G", [2, 12, 41, 300])
def test_counts_are_multinomial(G):
    """Each sums to G; mean 1, variance 1 - 1/G, covariance -1/G."""
    w = draws(streams.counts, G).astype(float)
    assert_array_equal(w.sum(axis=0), np.full(w.shape[1], G))
    assert_moment(w, 1)
    assert_moment((w - 1) ** 2, 1 - 1 / G)
    neighbours = (w[1:] - 1) * (w[:-1] - 1)
    assert_moment(neighbours, -1 / G)
    assert_moment((w[0] - 1) * (w[-1] - 1), -1 / G)


def test_exponential_weights_are_exponential_and_independent():
    w = draws(streams.exponential, 12)
    assert w.min() > 0
    for row in w:
        assert stats.kstest(row, "expon").pvalue > SMALLEST_P
    for power in (1, 2, 3):
        assert_moment(w**power, math.factorial(power))
    assert_uncorrelated(w)


def test_exponential_weights_are_finite_at_both_ends_of_a_word(monkeypatch):
    ends = np.array([[0, 2**32 - 1]], np.uint32)
    monkeypatch.setattr(jax.random, "bits", lambda *_: jnp.tile(ends, 2048))
    w = streams.exponential(streams.block_key(0, 0), 1)
    assert_allclose(w[0, 0], 33 * np.log(2), rtol=1e-14)
    assert 0 < w[0, 1] < 2e-10


# Points and their probabilities.
WEBB = {s * np.sqrt(k): 1 / 6 for s in (-1, 1) for k in (0.5, 1, 1.5)}
GOLDEN = (1 + np.sqrt(5)) / 2
MAMMEN = {1 - GOLDEN: GOLDEN / np.sqrt(5), GOLDEN: 1 - GOLDEN / np.sqrt(5)}
POINTS = {
    "rademacher": (streams.rademacher, {-1: 0.5, 1: 0.5}),
    "webb": (streams.webb, WEBB),
    "mammen": (streams.mammen, MAMMEN),
}


@pytest.mark.parametrize("scheme", POINTS)
def test_wild_weights_have_their_points_and_probabilities(scheme):
    make, points = POINTS[scheme]
    v = draws(make, 41)
    assert v.shape == (41, BLOCKS * streams.BLOCK)
    expected = np.sort(list(points))
    which = np.abs(v[:, :, None] - expected[None, None, :]).argmin(axis=2)
    assert_allclose(v, expected[which], rtol=1e-15)
    p = np.array([points[x] for x in sorted(points)])
    for row in which:
        observed = np.bincount(row, minlength=p.size)
        chance = stats.chisquare(observed, p * row.size).pvalue
        assert chance > SMALLEST_P
    assert_moment(v, 0)
    assert_moment(v**2, 1)
    # Mammen's are skewed on purpose; those of the others are even.
    assert_moment(v**3, float(scheme == "mammen"))
    assert_uncorrelated(v)


def test_webbs_points_in_the_order_of_the_digits():
    digit = np.arange(6, dtype=np.uint32)[:, None]
    roots = np.sqrt([0.5, 1, 1.5])
    expected = [*-roots, *roots]
    points = jax.jit(streams.webb_points)(digit)
    assert_allclose(points, np.array(expected)[:, None], rtol=1e-15)


# --------------------------------------------------------------------- permutations


@pytest.mark.parametrize("sizes", [(5,), (8, 7), (41,), (64,), (65,)])
def test_every_cluster_is_as_often_at_every_position(sizes):
    """Rows and columns of the table are fixed: n / (n-1) times chi-square, (n-1)^2."""
    o, start = draws(streams.permutations, sizes), 0
    for n in sizes:
        own = o[start : start + n] - start
        table = np.array([np.bincount(row, minlength=n) for row in own])
        even = o.shape[1] / n
        size = ((table - even) ** 2).sum() / even * (n - 1) / n
        assert stats.chi2.sf(size, (n - 1) ** 2) > SMALLEST_P
        start += n


def test_strata_and_draws_are_independent():
    o = draws(streams.permutations, (5, 5))
    for a, b in itertools.product(range(5), range(5, 10)):
        assert_even(pairs(o[a], o[b] - 5, 5), 25)
    for row in o - np.repeat([0, 5], 5)[:, None]:
        assert_even(pairs(row[:-1], row[1:], 5), 25)


@pytest.mark.parametrize("n", [5, 41, 64, 65])
def test_permutations_sort_the_words(n):
    """Without their last 6 bits up to 64 clusters, which hold the cluster's number."""
    word = first_words(n) >> (6 if n <= 64 else 0)
    o = draws(streams.permutations, (n,))[:, : streams.BLOCK]
    assert_array_equal(o, np.argsort(word, axis=0, kind="stable"))


# --------------------------------------------------------------------------- sorting


def sorted_by_network(values: np.ndarray) -> np.ndarray:
    rows = list(values)
    for low, high in streams.merge_exchange(len(rows)):
        assert low < high
        a, b = rows[low], rows[high]
        rows[low], rows[high] = np.minimum(a, b), np.maximum(a, b)
    return np.array(rows)


@pytest.mark.parametrize("n", range(1, 13))
def test_the_network_sorts_every_row_of_zeros_and_ones(n):
    """It then sorts everything (Knuth's zero-one principle)."""
    values = np.array(list(itertools.product((0, 1), repeat=n))).T
    assert_array_equal(sorted_by_network(values), np.sort(values, axis=0))


@pytest.mark.parametrize("n", [13, 16, 17, 31, 32, 33, 41, 47, 63, 64])
def test_the_network_sorts_random_numbers(n):
    rng = np.random.default_rng(n)
    values = rng.integers(0, 2 * n, size=(n, 2000))
    assert_array_equal(sorted_by_network(values), np.sort(values, axis=0))
    threshold = (values > rng.integers(0, 2 * n, size=2000)[None, :]).astype(int)
    assert_array_equal(sorted_by_network(threshold), np.sort(threshold, axis=0))


def test_the_network_is_as_short_as_knuths():
    """Volume 3, 5.3.4, table 1: comparisons of merge exchange."""
    lengths = [len(streams.merge_exchange(n)) for n in range(1, 17)]
    assert lengths == [0, 1, 3, 5, 9, 12, 16, 19, 26, 31, 37, 41, 48, 53, 59, 63]


# ------------------------------------------------------------------------ all of them


def test_digits_by_hand():
    """23 = 1 + 2 (2 + 3 x 3): digits 1, 2, 3 of bases 2, 3, 5."""
    digits = jax.jit(lambda k: streams.digits(k, [2, 3, 5]))(np.array([0, 23]))
    assert_array_equal(digits, [[0, 1], [0, 2], [0, 3]])


@pytest.mark.parametrize("bases", [(2,), (6, 6, 6), (2, 3, 4, 5), (1, 7)])
def test_digits_go_through_every_pattern_once(bases):
    count = math.prod(bases)
    own = jax.jit(lambda k: streams.digits(k, bases))(jnp.arange(count))
    patterns = {tuple(d) for d in np.asarray(own).T}
    assert patterns == set(itertools.product(*map(range, bases)))


@pytest.mark.parametrize("sizes", [(1,), (3,), (4,), (5,), (2, 3), (3, 1, 2)])
def test_all_permutations_are_every_one_once(sizes):
    count = math.prod(map(math.factorial, sizes))
    every = jax.jit(lambda k: streams.all_permutations(k, sizes))
    own = np.asarray(every(jnp.arange(count))).T
    starts = np.cumsum([0, *sizes])
    strata = [
        itertools.permutations(range(start, start + size))
        for start, size in zip(starts, sizes, strict=False)
    ]
    expected = {sum(parts, ()) for parts in itertools.product(*strata)}
    assert len(own) == len(expected) == count
    assert {tuple(row) for row in own} == expected


def test_permutation_zero_leaves_every_cluster_in_place():
    own = jax.jit(lambda k: streams.all_permutations(k, (4, 3)))(jnp.zeros(1, int))
    assert_array_equal(own[:, 0], np.arange(7))
