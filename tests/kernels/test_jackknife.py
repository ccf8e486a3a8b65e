"""Jackknife covariances and bootstraps: refits without each country, and by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array
from numpy.testing import assert_allclose

from tivax.kernels import clusters, jackknife, resampling
from tivax.kernels import random_draws as streams

from helpers import compiled, matrix_by_matrix
from literal_refits import (
    HYPOTHESES,
    Rows,
    contrast,
    products,
    pseudo_inverse,
    random_rows,
    refit,
    wild_statistic,
)

# Normal equations of the clusters against pseudo-inverses of all rows; measured 4e-13.
RTOL = 1e-11

CASES: dict[str, Rows] = {
    "balanced": random_rows(countries=9, seed=1),
    "unbalanced": random_rows(countries=9, missing=0.25, seed=2),
    "a constant alone": random_rows(countries=9, effects="", missing=0.2, seed=4),
}


wild_statistics = compiled(resampling.wild_statistics)
fit_of = compiled(clusters.fit, "layout")
leave_one_out = compiled(resampling.leave_one_out, "layout")
webb = compiled(streams.webb, "clusters")


def close(own, expected) -> None:
    assert_allclose(own, expected, rtol=RTOL, atol=RTOL * np.abs(expected).max())


def loadings(rows: Rows, R, r, type: str, *, restricted: bool = True):
    return jackknife.jackknife_loadings(
        products(rows),
        contrast(rows, R),
        r,
        layout=rows.layout,
        restricted=restricted,
        scores=type[0] == "3",
        variance=type[1] == "3",
    )


def weights(G: int) -> np.ndarray:
    """Two draws, and no change at all."""
    drawn = webb(streams.block_key(3, 0), clusters=G)[:, :2]
    return np.concatenate([drawn, np.ones((G, 1))], axis=1)


@pytest.mark.parametrize("type", ["13", "31", "33"])
@pytest.mark.parametrize("restricted", [True, False], ids=["WCR", "WCU"])
@pytest.mark.parametrize(
    "name, hypothesis",
    [
        ("balanced", "the treatment is 0.7"),
        *(("unbalanced", hypothesis) for hypothesis in HYPOTHESES),
        ("a constant alone", "two"),
    ],
)
def test_wild_draws_of_each_type_are_refits(name, hypothesis, restricted, type):
    rows, (R, r) = CASES[name], HYPOTHESES[hypothesis]
    if name == "a constant alone":
        R = np.column_stack([np.zeros(len(R)), R])
    v = weights(rows.G)
    own = wild_statistics(loadings(rows, R, r, type, restricted=restricted), v)
    expected = [
        wild_statistic(rows, each, R, r, restricted=restricted, type=type)
        for each in v.T
    ]
    close(own, np.array(expected))


@pytest.mark.parametrize("restricted", [True, False], ids=["WCR", "WCU"])
def test_without_any_jackknife_it_is_the_classical_draw(restricted):
    rows, (R, r) = CASES["unbalanced"], HYPOTHESES["a difference"]
    own = loadings(rows, R, r, "11", restricted=restricted)
    classical = resampling.wild_loadings(
        products(rows), contrast(rows, R), r, layout=rows.layout, restricted=restricted
    )
    for a, b in zip(own, classical, strict=True):
        close(a, np.asarray(b))


# ------------------------------------------------------------------------ left out


def single_adopter(year_alone: bool = False) -> Rows:
    """Country 0 alone has the treatment, or alone is there in the last year."""
    rows = random_rows(countries=6, years=5, seed=7)
    if year_alone:
        return rows.take(np.flatnonzero((rows.country == 0) | (rows.year < 4)))
    treated = ((rows.country == 0) & (rows.year > 2)).astype(float)
    return Rows(**{**vars(rows), "X": treated[:, None], "y": rows.y + treated})


def test_what_the_others_do_not_identify_is_0_without_a_cluster():
    rows = single_adopter()
    own = np.asarray(jackknife.left_out_estimates(products(rows), layout=rows.layout))
    assert own[0] == 0
    assert np.isnan(leave_one_out(products(rows), layout=rows.layout)[0])
    close(own[1:], np.array([refit(rows.without(g)).coef[-1:] for g in range(1, 6)]))
    coef = refit(rows).coef[-1:]
    V = float(np.asarray(jackknife.v5(coef, own))[0, 0])
    assert V >= float(coef[0]) ** 2  # |t| is at most 1


@pytest.mark.parametrize(
    "rows", [CASES["unbalanced"], single_adopter(year_alone=True)], ids=["", "a year"]
)
def test_estimates_without_each_country_are_refits(rows):
    """The dummy of a year of one country is empty without that country: a generalised
    inverse leaves it out."""
    own = jackknife.left_out_estimates(products(rows), layout=rows.layout)
    expected = [refit(rows.without(g)).coef[-1:] for g in range(rows.G)]
    close(own, np.array(expected))


@pytest.mark.parametrize("rank", [2, 4])
def test_a_generalised_inverse_solves_what_can_be_solved(rank):
    """M J M = M; the last columns, which the first explain, get zeros."""
    X = np.random.default_rng(1).normal(size=(9, 4))
    X[:, rank:] = X[:, :2] @ np.array([[1.0, 0.5], [2.0, -1.0]])[:, : 4 - rank]
    M = X.T @ X
    kept = compiled(jackknife.independent_columns)(M, np.diagonal(M))
    J = compiled(jackknife.generalised_inverse)(M, kept)
    close(M @ J @ M, M)
    assert (J[rank:] == 0).all() and (J[:, rank:] == 0).all()


# ---------------------------------------------------------------------- covariances


def test_jackknives_of_a_mean_by_hand():
    """Means of two of 0, 3, 9: 6, 4.5 and 1.5 about their mean of 4."""
    left = np.array([[6.0], [4.5], [1.5]])
    gap = np.array([2.0, 0.5, -2.5])
    assert_allclose(jackknife.v5(np.array([4.0]), left), [[(gap**2).sum()]])
    assert_allclose(jackknife.cv3j(left), [[2 / 3 * (gap**2).sum()]])
    assert_allclose(jackknife.cv3j(left + 1), [[2 / 3 * (gap**2).sum()]])
    moved = jackknife.v5(np.array([5.0]), left)
    assert_allclose(moved, [[((gap - 1) ** 2).sum()]])


def literal_gaps(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Weights of the outcomes in the last coefficient, and in what it is above that
    without each cluster."""
    D = np.column_stack([rows.dummies, rows.C, rows.X])
    full = pseudo_inverse(D)[-1]
    gaps = np.tile(full, (rows.G, 1))
    for g in range(rows.G):
        other = rows.country != g
        gaps[g, other] -= pseudo_inverse(D[other])[-1]
    return full, gaps


@pytest.mark.parametrize("alone", [False, True])
def test_hansens_jackknife_is_never_biased_down(alone):
    """Its expectation is a quadratic form: exact, for errors of any covariance."""
    rows = single_adopter() if alone else CASES["unbalanced"]
    rng, (full, gaps) = np.random.default_rng(3), literal_gaps(rows)
    same = rows.country[:, None] == rows.country[None, :]
    for _ in range(5):
        size = np.exp(2 * rng.normal(size=rows.G))[rows.country]
        root = rng.normal(size=same.shape) * same * size[:, None]
        mean, variance = ((gaps @ root) ** 2).sum(), ((full @ root) ** 2).sum()
        assert mean >= variance * (1 - 1e-9)  # rounding of pseudo-inverses


@pytest.mark.parametrize("centred", [False, True], ids=["V5", "CV3J"])
def test_degrees_are_two_moments_of_the_quadratic_form(centred):
    """Gaps are linear in y, by refits: eigenvalues of their matrix, iid normal errors."""
    rows = CASES["unbalanced"]
    full, gaps = literal_gaps(rows)
    if centred:
        gaps = (gaps - gaps.mean(axis=0)) * np.sqrt((rows.G - 1) / rows.G)
    weights = np.linalg.eigvalsh(gaps @ gaps.T)
    fit = fit_of(products(rows), np.ones(rows.G), layout=rows.layout)
    last = np.eye(rows.layout.regressors)[-1]
    found = jackknife.degrees(fit, last, clusters.leverages(fit), centred=centred)
    expected = [weights.sum() ** 2 / (weights**2).sum(), weights.sum() / (full @ full)]
    assert_allclose(found, expected, rtol=1e-9)  # pseudo-inverses of all rows
    assert centred or found[1] >= 1


def test_a_mean_of_equal_clusters_has_one_degree_less_than_clusters():
    """beta_(g) - beta = (mean - mean_g) / (G - 1): G - 1 equal weights, by V5 G / (G - 1)
    times the variance."""
    A = np.full((9, 1, 1), 5.0)
    parts = (np.zeros(1), np.array([[1 / 45]]), A, np.zeros((9, 1)))
    fit = clusters.ClusterFit(*jax.device_put(parts))
    found = jackknife.degrees(fit, np.ones(1), clusters.leverages(fit))
    assert_allclose(found, [8, 9 / 8], rtol=1e-12)


def test_where_one_cluster_alone_identifies_the_effect_there_are_no_degrees():
    rows = single_adopter()
    fit = fit_of(products(rows), np.ones(rows.G), layout=rows.layout)
    last = np.eye(rows.layout.regressors)[-1]
    assert np.isnan(jackknife.degrees(fit, last, clusters.leverages(fit))).all()


def test_the_types_call_lapack_for_one_matrix_at_a_time():
    """Of 41 clusters beside the tests of two nulls, as ``tivax simulate`` has them."""
    layout = clusters.Layout(dummies=14, controls=1, treatments=1)
    zeros = clusters.ClusterCrossProducts(
        jnp.zeros((41, 17, 17)), jnp.ones(41), jnp.asarray(17.0)
    )

    def of_null(null: Array) -> jackknife.WildTypes:
        R = jnp.eye(layout.regressors)[-1:]
        return jackknife.wild_types(zeros, R, null[None], layout=layout)

    given = matrix_by_matrix(jax.jit(jax.vmap(of_null)).lower(jnp.zeros(2)))
    assert any("tensor<16x16x" in k for k in given)
