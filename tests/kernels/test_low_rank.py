"""Many clusters in factors: the same numbers as with whole matrices, and linear memory."""

from contextlib import contextmanager

import jax
import numpy as np
import pytest
from numpy.testing import assert_allclose

from tivax.kernels import clusters, jackknife, low_rank, random_draws, resampling
from tivax.kernels.low_rank import LowRankUpdate
from tivax.kernels.panels import simulated

from literal_refits import products, random_rows, refit, wild_statistic

# Two orders of summation of a few hundred terms; measured 2e-14.
RTOL = 1e-12


@contextmanager
def many():
    """Programs made inside take two clusters for many."""
    modules = (low_rank, clusters, resampling, jackknife)
    before = low_rank.FEW
    jax.clear_caches()
    try:
        for module in modules:
            module.FEW = 2
        yield
    finally:
        for module in modules:
            module.FEW = before
        jax.clear_caches()


def whole(L) -> np.ndarray:
    if not isinstance(L, LowRankUpdate):
        return np.asarray(L)
    own, P, s = (np.asarray(part) for part in L)
    return own[..., None] * np.eye(len(s)) - P @ s.T


def close(found, expected) -> None:
    found, expected = np.asarray(found), np.asarray(expected)
    assert_allclose(found, expected, rtol=0, atol=RTOL * np.abs(expected).max())


ROWS = random_rows(missing=0.2, seed=31)
IV = random_rows(instruments=2, missing=0.2, seed=32)
NULL = jax.device_put(np.array([0.4]))
statistics = jax.jit(resampling.wild_statistics)
V = jax.device_put(np.random.default_rng(0).choice([-1.0, 1.0], size=(ROWS.G, 5)))


def last(rows) -> np.ndarray:
    return jax.device_put(np.eye(rows.layout.regressors)[-1:])


def loadings_of(rows, R, null):
    null = jax.device_put(null)
    return resampling.wild_loadings(products(rows), R, null, layout=rows.layout)


def of_least_squares(**options):
    if not options:
        return loadings_of(ROWS, last(ROWS), NULL)
    return jackknife.jackknife_loadings(
        products(ROWS), last(ROWS), NULL, layout=ROWS.layout, **options
    )


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"scores": True, "variance": False},
        {"scores": False, "variance": True},
        {"scores": True, "variance": True, "restricted": False},
    ],
    ids=["11", "31", "13", "33 unrestricted"],
)
def test_loadings_in_factors_are_the_whole_matrix(options):
    expected = of_least_squares(**options)
    t = statistics(expected, V)
    with many():
        found = of_least_squares(**options)
        assert isinstance(found.L, LowRankUpdate)
        close(whole(found.L), expected.L)
        close(found.a, expected.a)
        close(statistics(found, V), t)


def test_a_joint_statistic_and_every_null_in_factors():
    rows = random_rows(treatments=2, missing=0.2, seed=3)
    R = jax.device_put(np.eye(rows.layout.regressors)[-2:])

    def made():
        joint = loadings_of(rows, R, np.zeros(2))
        each = [loadings_of(rows, R[:1], np.array([null])) for null in (0.1, 0.7)]
        stacked = jax.device_put(jax.tree.map(lambda *of: np.stack(of), *each))
        of_nulls = resampling.affine_statistics(
            resampling.affine_in_null(stacked), jax.device_put(0.3), V
        )
        return statistics(joint, V), of_nulls

    expected = made()
    with many():
        for found, its in zip(made(), expected, strict=True):
            close(found, its)


def test_two_stage_loadings_in_factors():
    def made():
        return resampling.instrument_loadings(
            products(IV), jax.device_put(np.asarray(0.3)), layout=IV.layout
        )

    v = V[: IV.G]
    expected = made()
    t = resampling.instrument_statistics(expected, v)
    with many():
        found = made()
        close(whole(found.Lx), expected.Lx)
        close(whole(found.Ly), expected.Ly)
        close(resampling.instrument_statistics(found, v), t)


def test_degrees_of_many_clusters_without_the_form_itself():
    def made():
        ones = jax.device_put(np.ones(ROWS.G))
        fit = clusters.fit(products(ROWS), ones, layout=ROWS.layout)
        spectrum, of = clusters.leverages(fit), last(ROWS)[0]
        return [
            np.asarray(clusters.degrees(fit, of, spectrum)),
            *np.asarray(jackknife.degrees(fit, of, spectrum)),
            *np.asarray(jackknife.degrees(fit, of, spectrum, centred=True)),
        ]

    expected = made()
    with many():
        close(made(), expected)


def test_scores_of_many_clusters_are_summed_in_parts():
    """1,300 clusters: one whole part of 1,024 and a rest."""
    rng = np.random.default_rng(1)
    G, p = 1_300, 3
    low = LowRankUpdate(
        rng.normal(size=G), rng.normal(size=(G, p)), rng.normal(size=(G, p))
    )
    v = rng.normal(size=(G, 4))
    low, v = jax.device_put((low, v))
    found = low_rank.sums_over_clusters([low], v, lambda z: (z**2).sum(0)[None])[0]
    close(found, ((whole(low) @ v) ** 2).sum(axis=0))


def test_a_wild_draw_of_300_clusters_is_a_literal_refit():
    rows = random_rows(countries=300, years=4, missing=0.1, seed=5)
    loadings = loadings_of(rows, last(rows), 0 * NULL)
    assert isinstance(loadings.L, LowRankUpdate)
    v = np.random.default_rng(2).choice([-1.0, 1.0], size=(300, 2))
    R = np.eye(rows.layout.regressors - rows.layout.dummies)[-1:]
    expected = [
        wild_statistic(rows, each, R, np.zeros(1), restricted=True) for each in v.T
    ]
    close(statistics(loadings, v), expected)


def test_left_out_estimates_of_300_clusters_are_refits():
    rows = random_rows(countries=300, years=3, seed=6)
    found = resampling.leave_one_out(products(rows), layout=rows.layout)
    for g in (0, 137, 299):
        weights = np.ones(300)
        weights[g] = 0
        close(found[g], refit(rows, weights=weights).coef[-1:])


def test_what_one_cluster_alone_has_is_exactly_zero_without_it():
    each = np.full((400, 2), 0.1)
    each[:, 1] = 0
    each[7, 1] = 1 / 3
    found = np.asarray(low_rank.others(jax.device_put(each)))
    assert found[7, 1] == 0 and (np.delete(found[:, 1], 7) == 1 / 3).all()
    close(found[:, 0], np.full(400, 39.9))


# --------------------------------------------------------------------- random numbers


def test_a_block_of_many_clusters_has_fewer_draws():
    sizes = [random_draws.draws_of_block(k) for k in (1, 2_048, 2_049, 100_000, 10**8)]
    assert sizes == [4_096, 4_096, 2_048, 64, 8]


def test_integers_below_more_than_16_bits_are_uniform():
    """The mean of n uniform numbers is within 4 standard errors of the middle."""
    below, key = 100_000, random_draws.block_key(1, 0)
    drawn = np.asarray(random_draws.integers(key, 1_001, below=below, draws=64))
    assert drawn.shape == (1_001, 64) and drawn.min() >= 0 and drawn.max() < below
    error = below / np.sqrt(12 * drawn.size)
    assert abs(drawn.mean() - (below - 1) / 2) < 4 * error
    assert abs(drawn[:500].mean() - drawn[501:].mean()) < 6 * error


def test_every_type_of_a_simulated_panel_in_factors():
    def made():
        types = jackknife.wild_types(
            products(ROWS), last(ROWS), NULL, layout=ROWS.layout
        )
        return [simulated._wild_t(each, V) for each in types]

    expected = made()
    with many():
        for found, its in zip(made(), expected, strict=True):
            close(found, its)
