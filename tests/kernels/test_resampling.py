"""Resampling from statistics of clusters: every draw against a literal refit."""

from dataclasses import replace
from functools import cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from tivax.kernels import clusters, placebo, resampling
from tivax.kernels import random_draws as streams
from tivax.kernels.placebo import PlaceboTables

from helpers import compiled
from literal_refits import (
    HYPOTHESES,
    Rows,
    by_country,
    columns,
    contrast,
    products,
    random_rows,
    refit,
    wild_instrument_t,
    wild_statistic,
    within,
)

# Cross products of clusters against pseudo-inverses of all rows, relative to the largest
# number; measured 1e-13.
RTOL = 1e-12
# The same for t in draws that hold a third of the clusters; measured 8e-13.
DRAWN_T_RTOL = 1e-11

DRAWS = 6
CASES: dict[str, Rows] = {
    "balanced": random_rows(seed=1),
    "unbalanced": random_rows(missing=0.25, seed=2),
    "two treatments": random_rows(treatments=2, missing=0.2, seed=3),
    "a constant alone": random_rows(effects="", missing=0.2, seed=4),
}
INSTRUMENTS: dict[str, Rows] = {
    "balanced": random_rows(instruments=1, seed=5),
    "unbalanced": random_rows(instruments=1, missing=0.25, seed=6),
    "three instruments": random_rows(instruments=3, missing=0.2, seed=7),
    "three, balanced": random_rows(instruments=3, seed=8),
    "no controls": random_rows(
        instruments=1, controls=0, effects="country", missing=0.2, seed=9
    ),
}
THREE_FOR_TWO = random_rows(treatments=2, instruments=3, missing=0.2, seed=11)
REWEIGHTED = {
    **CASES,
    "one instrument": INSTRUMENTS["unbalanced"],
    "three instruments": INSTRUMENTS["three instruments"],
    "three for two": THREE_FOR_TWO,
}


def close(own, expected, rtol=RTOL) -> None:
    assert_allclose(own, expected, rtol=0, atol=rtol * np.abs(expected).max())


# Compiled in one piece each: operation by operation it takes twice as long.
reweighted, reweighted_balanced, reweighted_t, fit_of, reduced_form = (
    compiled(f, "layout")
    for f in (
        resampling.reweighted,
        resampling.reweighted_balanced,
        resampling.reweighted_t,
        clusters.fit,
        resampling.reduced_form,
    )
)
wild_statistics, instrument_statistics, placebo_estimates, placebo_t = map(
    compiled,
    (
        resampling.wild_statistics,
        resampling.instrument_statistics,
        placebo.placebo_estimates,
        placebo.placebo_t,
    ),
)


def first_block(make, seed: int, *arguments) -> np.ndarray:
    """Of the draws of a stream."""
    block = compiled(lambda key: make(key, *arguments))
    return block(streams.block_key(seed, 0))


@cache
def pairs(G: int) -> np.ndarray:
    return first_block(streams.counts, 1, G)[:, :DRAWS].astype(float)


@cache
def bayesian(G: int) -> np.ndarray:
    return first_block(streams.exponential, 2, G)[:, :DRAWS]


@cache
def wild(G: int) -> np.ndarray:
    """Draws of three kinds, and no change at all."""
    kinds = (streams.rademacher, streams.webb, streams.mammen)
    some = [first_block(kind, 3, G)[:, : DRAWS // 2] for kind in kinds]
    return np.concatenate([*some, np.ones((G, 1))], axis=1)


# ------------------------------------------------------------------ reweighted clusters


@pytest.mark.parametrize("weights", [pairs, bayesian])
@pytest.mark.parametrize("name", REWEIGHTED)
def test_weights_are_weighted_refits(name, weights):
    rows = REWEIGHTED[name]
    w, q = weights(rows.G), rows.layout.treatments
    own = reweighted(products(rows).S, w, layout=rows.layout)
    expected = [refit(rows, weights=each).coef[-q:] for each in w.T]
    close(own, np.array(expected).T)


@pytest.mark.parametrize(
    "rows",
    [
        CASES["balanced"],
        random_rows(treatments=3, controls=0, seed=12),
        INSTRUMENTS["balanced"],
        INSTRUMENTS["three, balanced"],
        random_rows(treatments=2, instruments=3, seed=13),
    ],
)
@pytest.mark.parametrize("weights", [pairs, bayesian])
def test_a_balanced_panel_needs_no_dummies(rows, weights):
    """Against refits with all of them."""
    w, q = weights(rows.G), rows.layout.treatments
    parts = np.column_stack([rows.C, rows.X, rows.Z, rows.y[:, None]])
    M = within(rows, parts).reshape(rows.G, -1, parts.shape[1])
    sums = resampling.balanced_rows(jax.device_put(M))
    own = reweighted_balanced(sums, w, layout=rows.layout)
    expected = [refit(rows, weights=each).coef[-q:] for each in w.T]
    close(own, np.array(expected).T)


def test_a_draw_without_any_row_of_a_year_is_estimated_without_its_dummy():
    rows = CASES["balanced"]
    rows = rows.take(np.flatnonzero((rows.year < 7) | (rows.country < 2)))
    w = np.ones((rows.G, 2))
    w[:2, 1] = 0
    own = reweighted(products(rows).S, w, layout=rows.layout)
    close(own[:, 0], refit(rows).coef[-1:])
    close(own[:, 1], refit(rows.drawn(w[:, 1].astype(int))).coef[-1:])


def test_a_draw_of_one_country_has_no_estimate():
    """Year effects explain everything; its pivots are rounding, not 0."""
    rows = CASES["unbalanced"]
    w = np.zeros((rows.G, 1))
    w[3] = rows.G
    own = reweighted(products(rows).S, w, layout=rows.layout)
    assert np.isnan(own).all()


@pytest.mark.parametrize(
    "rows",
    [
        CASES["unbalanced"],
        CASES["two treatments"],
        CASES["a constant alone"],
        INSTRUMENTS["unbalanced"],
        INSTRUMENTS["no controls"],
        THREE_FOR_TWO,
    ],
)
def test_t_of_a_pairs_draw_is_that_of_a_refit(rows):
    """Each copy is a cluster: G stays, N and the years in k are those of the draw."""
    w, q = pairs(rows.G), rows.layout.treatments
    center = refit(rows).coef[-q:]
    coef, t = reweighted_t(products(rows), w, center, layout=rows.layout)
    for k, counts in enumerate(w.T):
        literal = refit(rows.drawn(counts))
        se = np.sqrt(np.diag(literal.covariance)[-q:])
        close(coef[:, k], literal.coef[-q:])
        close(t[:, k], (literal.coef[-q:] - center) / se, DRAWN_T_RTOL)


# ------------------------------------------------------------------------- wild draws


@pytest.mark.parametrize("restricted", [True, False], ids=["WCR", "WCU"])
@pytest.mark.parametrize(
    "name, hypothesis",
    [
        *(("balanced", hypothesis) for hypothesis in HYPOTHESES),
        *(("unbalanced", hypothesis) for hypothesis in HYPOTHESES),
        ("a constant alone", "two"),
    ],
)
def test_wild_statistics_are_those_of_refits(name, hypothesis, restricted):
    rows, (R, r) = CASES[name], HYPOTHESES[hypothesis]
    if name == "a constant alone":
        R = np.column_stack([np.zeros(len(R)), R])
    v = wild(rows.G)
    loadings = resampling.wild_loadings(
        products(rows), contrast(rows, R), r, layout=rows.layout, restricted=restricted
    )
    own = wild_statistics(loadings, v)
    expected = [wild_statistic(rows, each, R, r, restricted=restricted) for each in v.T]
    # WCU without a change of sign is 0 / se: of the size of the others it is 0.
    close(own, np.array(expected))


# ------------------------------------------------------------- wild draws, instruments


@pytest.mark.parametrize("name", INSTRUMENTS)
def test_wild_draws_of_both_equations_are_those_of_refits(name):
    rows = INSTRUMENTS[name]
    v = wild(rows.G)
    for beta0 in (0.0, 0.8):
        loadings = resampling.instrument_loadings(
            products(rows), np.float64(beta0), layout=rows.layout
        )
        own = instrument_statistics(loadings, v)
        close(own, np.array([wild_instrument_t(rows, each, beta0) for each in v.T]))


@pytest.mark.parametrize("name", ["balanced", "unbalanced", "three instruments"])
def test_the_reduced_form_is_a_regression_on_the_instruments(name):
    """y - beta0 x on controls and instruments, dummies written out; its wild draws."""
    rows, beta0 = INSTRUMENTS[name], 0.3
    e = rows.layout.instruments
    own = reduced_form(products(rows), np.float64(beta0), layout=rows.layout)
    layout = resampling.reduced_layout(rows.layout)
    y, none = rows.y - beta0 * rows.X[:, 0], np.empty((len(rows.y), 0))
    literal_rows = replace(rows, X=rows.Z, Z=none, y=y)
    assert layout == literal_rows.layout
    assert own.n_parameters == literal_rows.n_parameters
    fit = fit_of(own, np.ones(rows.G), layout=layout)
    literal, k = refit(literal_rows), slice(layout.dummies, None)
    close(fit.coef[k], literal.coef)
    close(np.asarray(clusters.cv1(own, fit))[k, k], literal.covariance)
    R, v = np.eye(2 + e)[2:], wild(rows.G)
    loadings = resampling.wild_loadings(
        own, contrast(literal_rows, R), np.zeros(e), layout=layout
    )
    statistics = wild_statistics(loadings, v)
    expected = [
        wild_statistic(literal_rows, each, R, np.zeros(e), restricted=True)
        for each in v.T
    ]
    close(statistics, np.array(expected))


# ------------------------------------------------------------------------- placebos


class Paths(NamedTuple):
    """Rows, and what every country's treatment (and instrument) was in every year."""

    rows: Rows
    X: np.ndarray
    Z: np.ndarray


def paths(*, missing: float = 0.0, instruments: int = 0, **options) -> Paths:
    """Outcomes are missing, treatments are not."""
    whole = random_rows(instruments=instruments, **options)
    G, T = whole.G, len(np.unique(whole.year))
    rng = np.random.default_rng(99)
    kept = (rng.uniform(size=G * T) >= missing) | (whole.year < 2)
    X = whole.X[:, 0].reshape(G, T)
    Z = whole.Z[:, 0].reshape(G, T) if instruments else X
    return Paths(whole.take(np.flatnonzero(kept)), X, Z)


def upside_down(case: Paths) -> Paths:
    return Paths(replace(case.rows, Z=-case.rows.Z), case.X, -case.Z)


PATHS: dict[str, Paths] = {
    "balanced": paths(seed=21),
    "unbalanced": paths(missing=0.25, seed=22),
    "countries alone": paths(missing=0.25, controls=0, effects="country", seed=23),
    "a constant alone": paths(missing=0.25, effects="", seed=24),
    "instrument": paths(instruments=1, seed=25),
    "instrument, unbalanced": paths(instruments=1, missing=0.25, seed=26),
    "instrument of the other sign": upside_down(paths(instruments=1, seed=28)),
    "instrument, countries alone": paths(
        instruments=1, missing=0.25, controls=0, effects="country", seed=27
    ),
}


def reassigned(paths: Paths, o: np.ndarray) -> Rows:
    rows = paths.rows
    g, t = o[rows.country], rows.year
    instruments = rows.Z.shape[1]
    Z = paths.Z[g, t][:, None] if instruments else rows.Z
    return replace(rows, X=paths.X[g, t][:, None], Z=Z)


def tables_of(paths: Paths) -> PlaceboTables:
    """From the definitions, entry by entry."""
    rows, w = paths.rows, paths.rows.layout.exogenous
    M, G = columns(rows), paths.rows.G
    W, y = M[:, :w], M[:, -1]
    y, own = (k - W @ np.linalg.lstsq(W, k)[0] if w else k for k in (y, M[:, w]))
    F = np.zeros((G, G, 3 + w * (1 + rows.Z.shape[1])))
    for o in range(G):
        moved = columns(reassigned(paths, np.full(G, o)))
        x, z = moved[:, w], moved[:, -2]
        entries = [z * y, z * own, z * x, *(W * x[:, None]).T, *(W * z[:, None]).T]
        F[:, o] = by_country(rows, np.array(entries[: F.shape[2]]).T)
    ww = np.array([W[rows.country == g].T @ W[rows.country == g] for g in range(G)])
    left = by_country(rows, W[:, :, None] * np.stack([y, own], axis=1)[:, None])
    inverse = np.linalg.inv(ww.sum(axis=0))
    correction = clusters.correction(products(rows))
    return PlaceboTables(*jax.device_put((F, inverse, left, ww)), correction)


@cache
def assignments(G: int) -> np.ndarray:
    """Permutations, the countries' own paths, and draws with repetition."""
    moved = first_block(streams.permutations, 4, (G,))[:, :DRAWS]
    repeated = np.random.default_rng(5).integers(0, G, size=(G, 2))
    return np.column_stack([moved, np.arange(G), repeated]).astype(int)


@pytest.mark.parametrize("name", PATHS)
def test_placebos_are_refits_with_whole_paths_moved(name):
    own, o = tables_of(PATHS[name]), assignments(PATHS[name].rows.G)
    literal = [refit(reassigned(PATHS[name], each)) for each in o.T]
    coef = np.array([each.coef[-1] for each in literal])
    se = np.sqrt([each.covariance[-1, -1] for each in literal])
    b, t, itself, covariance, variance = placebo_t(own, o)
    both = placebo_estimates(own, o)
    close(both[0], coef)
    close(b, coef)
    close(t, coef / se)
    close(itself, np.asarray(both[1]))
    # Of y less twice the treatment as it is: coefficient and standard error.
    rows = PATHS[name].rows
    under = PATHS[name]._replace(rows=replace(rows, y=rows.y - 2 * rows.X[:, 0]))
    literal = [refit(reassigned(under, each)) for each in o.T]
    V = (b / t) ** 2 - 4 * covariance + 4 * variance
    close(b - 2 * itself, np.array([each.coef[-1] for each in literal]))
    close(V, np.array([each.covariance[-1, -1] for each in literal]))


def test_placebo_by_hand():
    """Two countries, x of (0, 1) and (0, 3), y of (0, 1) and (0, 2), less their means.

    Changes: (1 x 1 + 3 x 2) / (1 + 9) = 0.7 as it is, (3 x 1 + 1 x 2) / 10 exchanged.
    On x itself 1, and (3 x 1 + 1 x 3) / 10.
    """
    change = np.array([[1.0, 3.0], [1.0, 2.0]])  # of x, of y
    zy = np.outer(change[1], change[0]) / 2
    zx = np.tile(change[0] ** 2 / 2, (2, 1))
    empty = jnp.zeros((2, 0, 2))
    own = np.outer(change[0], change[0]) / 2
    tables = PlaceboTables(
        jnp.asarray(np.stack([zy, own, zx], axis=2)),
        jnp.zeros((0, 0)),
        empty,
        jnp.zeros((2, 0, 0)),
        jnp.array(1.0),
    )
    o = jnp.array([[0, 1], [1, 0]])
    assert_allclose(placebo_estimates(tables, o), [[0.7, 0.5], [1, 0.6]], rtol=1e-15)
