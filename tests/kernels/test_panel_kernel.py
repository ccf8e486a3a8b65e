"""The two-way fixed-effects kernel by hand, against dummies written out, and weights."""

from typing import cast

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tivax.engine.estimation.least_squares import fixed_effects
from tivax.engine.panel.recipe import CONTROLS, OUTCOMES
from tivax.engine.paper.specifications import cells
from tivax.kernels import panel as kernel

from helpers import LiteralFit, fit_with_dummies, random_panel

# Normal equations against the pseudo-inverse of the design, float64; measured 1e-13.
RTOL = 1e-10
# By hand: sums of a few small integers.
HAND_RTOL = 1e-14
# float32 keeps 7 digits, the normal equations lose some; measured 6e-6.
SINGLE_RTOL = 1e-4

REGRESSORS = ("TBI", *CONTROLS)


def statistics(frame: pd.DataFrame, outcome="KOFGIdj", regressors=REGRESSORS):
    values, used = cells(frame, [outcome, *regressors])
    return kernel.cluster_statistics(
        jnp.asarray(values[:, :, 0]), jnp.asarray(values[:, :, 1:]), jnp.asarray(used)
    )


def fit_all(frame: pd.DataFrame, outcome="KOFGIdj", regressors=REGRESSORS):
    stats = statistics(frame, outcome, regressors)
    return kernel.fit(stats, jnp.ones(len(stats.b)))


def stata_covariance(literal: LiteralFit, G: int, N: int, regressors: int, years: int):
    """Country effects are not counted, one constant is."""
    counted = regressors + years - 1 + 1
    return literal.sandwich * G / (G - 1) * (N - 1) / (N - counted)


def assert_is_literal(fit: kernel.Fit, frame: pd.DataFrame, rtol=RTOL):
    """Coefficients and covariance of the regressors by NumPy on these rows."""
    literal = fit_with_dummies(frame, "KOFGIdj", REGRESSORS)
    k, G, T = len(REGRESSORS), frame["iso3"].nunique(), frame["year"].nunique()
    V = stata_covariance(literal, G, len(frame), k, T)
    assert_allclose(fit.coef[:k], literal.coef, rtol=rtol)
    assert_allclose(fit.covariance[:k, :k], V, rtol=rtol, atol=rtol * np.abs(V).max())
    assert (fit.rows, fit.clusters) == (len(frame), G)


# -------------------------------------------------------------------------- by hand

# Three countries, two years: changes of x 0, 1, 2 and of y 0, 2, 1, so that
# b = 1/2 and the second year adds 1/2. A row is half a change from its mean.
X3 = jnp.array([[3.0, 3.0], [1.0, 2.0], [0.0, 2.0]])[:, :, None]
Y3 = jnp.array([[5.0, 5.0], [0.0, 2.0], [7.0, 8.0]])


def test_statistics_of_three_countries_in_two_years_by_hand():
    """A_g = [[dx^2, dx], [dx, 1]] / 2 and b_g = (dx dy, dy) / 2, for x and year 2.

    The dummy of year 1 is that of year 2 with the other sign.
    """
    stats = kernel.cluster_statistics(Y3, X3, jnp.ones((3, 2)))
    A = [[[0, 0], [0, 0.5]], [[0.5, 0.5], [0.5, 0.5]], [[2, 1], [1, 0.5]]]
    assert_allclose(stats.A[:, [0, 2]][:, :, [0, 2]], A, rtol=HAND_RTOL)
    assert_allclose(stats.A[:, 1], -stats.A[:, 2], rtol=HAND_RTOL)
    b = [[0, 0, 0], [1, -1, 1], [1, -0.5, 0.5]]
    assert_allclose(stats.b, b, rtol=HAND_RTOL)
    assert_array_equal(stats.year, [0, 1, 1])
    assert_array_equal(stats.rows, [2, 2, 2])


def test_fit_of_three_countries_in_two_years_by_hand():
    """Errors of the changes -1/2, 1, -1/2: scores (0, -1/4), (1/2, 1/2), (-1/2, -1/4).

    Their products sum to [[4, 3], [3, 3]] / 8, the inverse of A is
    [[1, -1], [-1, 5/3]], and the factor 3/2 x 5/3: N = 6, three parameters.
    """
    stats = kernel.cluster_statistics(Y3, X3, jnp.ones((3, 2)))
    fit = kernel.fit(stats, jnp.ones(3))
    factor = 3 / 2 * (6 - 1) / (6 - 3)
    assert_allclose(fit.coef, [0.5, 0, 0.5], rtol=HAND_RTOL)
    V = factor * np.array([[1 / 8, 0, -1 / 8], [0, 0, 0], [-1 / 8, 0, 7 / 24]])
    assert_allclose(fit.covariance, V, rtol=HAND_RTOL)
    assert (fit.rows, fit.clusters) == (6, 3)


def test_rows_are_taken_less_the_mean_of_the_used_cells():
    """Of 1, 5, 9 the last is not used: the mean is 3. A country without cells is 0."""
    M = jnp.array([[1.0, 5.0, 9.0], [4.0, 4.0, 7.0]])[:, :, None]
    w = jnp.array([[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    assert_array_equal(kernel.within(M, w)[:, :, 0], [[-2, 2, 0], [0, 0, 0]])


# ------------------------------------------------------------- second implementation


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("countries, years", [(12, 8), (20, 3)])
def test_agrees_with_dummies_written_out(countries, years, missing):
    frame = random_panel(countries=countries, years=years, missing=missing, seed=years)
    assert_is_literal(fit_all(frame), frame)


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_agrees_with_pyfixest(missing):
    frame = random_panel(missing=missing, seed=1)
    own = fixed_effects(frame, "KOFGIdj", REGRESSORS)
    fit, k = fit_all(frame), len(REGRESSORS)
    terms = own.terms.loc[list(REGRESSORS)]
    assert_allclose(fit.coef[:k], terms["coef"], rtol=RTOL)
    V = own.covariance.loc[list(REGRESSORS), list(REGRESSORS)].to_numpy()
    assert_allclose(fit.covariance[:k, :k], V, rtol=RTOL, atol=RTOL * np.abs(V).max())
    assert (fit.rows, fit.clusters) == (own.n, own.clusters)


def test_year_effects_are_those_of_the_dummies():
    """Behind the regressors, each against the first year."""
    frame = random_panel(missing=0.2, seed=2)
    years = sorted(set(frame["year"]))[1:]
    dummies = {f"d{t}": (frame["year"] == t).astype(float) for t in years}
    literal = fit_with_dummies(
        frame.assign(**dummies), "KOFGIdj", [*REGRESSORS, *dummies], effects=["iso3"]
    )
    k = len(REGRESSORS)
    coef = np.delete(fit_all(frame).coef, k)
    assert_allclose(coef, literal.coef, rtol=RTOL)
    assert fit_all(frame).coef[k] == 0


def test_what_stands_in_unused_cells_does_not_matter():
    frame = random_panel(missing=0.3, seed=3)
    values, used = cells(frame, ["KOFGIdj", *REGRESSORS])
    assert (used == 0).any()
    junk = np.where(used[:, :, None] == 0, 1e5, values)
    fits = [
        kernel.fit(
            kernel.cluster_statistics(
                jnp.asarray(v[:, :, 0]), jnp.asarray(v[:, :, 1:]), jnp.asarray(used)
            ),
            jnp.ones(len(used)),
        )
        for v in (values, junk)
    ]
    assert_array_equal(fits[0].coef, fits[1].coef)
    assert_array_equal(fits[0].covariance, fits[1].covariance)


def test_regressors_of_very_different_size_do_no_harm():
    """Columns are scaled to 1 before the inverse: 12 orders of magnitude apart."""
    frame = random_panel(seed=4)
    scaled = frame.assign(TBI=1e-6 * frame["TBI"], lnPOP=1e6 * frame["lnPOP"])
    size = np.ones(len(REGRESSORS))
    size[0], size[-1] = 1e6, 1e-6
    k = len(REGRESSORS)
    one, other = fit_all(frame), fit_all(scaled)
    assert_allclose(other.coef[:k], one.coef[:k] * size, rtol=RTOL)
    se, se_scaled = (np.sqrt(np.diag(f.covariance))[:k] for f in (one, other))
    assert_allclose(se_scaled, se * size, rtol=RTOL)


# --------------------------------------------------------------------------- weights


def test_a_country_of_weight_2_is_the_country_twice():
    frame = random_panel(missing=0.2, seed=5)
    stats = statistics(frame)
    weights = jnp.ones(len(stats.b)).at[3].set(2)
    twin = frame[frame["iso3"] == "C03"].assign(iso3="C03 again")
    assert_is_literal(kernel.fit(stats, weights), pd.concat([frame, twin]))


def test_weights_of_zero_and_one_are_a_sample():
    frame = random_panel(missing=0.2, seed=6)
    developed = frame.groupby("iso3")["developed"].first().to_numpy(float)
    fit = kernel.fit(statistics(frame), jnp.asarray(developed))
    assert_is_literal(fit, frame[frame["developed"] == 1])


def test_a_sample_is_fitted_without_the_years_that_only_others_have():
    """Their dummies are columns of zeros: no coefficient, not counted in k."""
    frame = random_panel(seed=7)
    frame = frame[(frame["year"] < 2006) | (frame["developed"] == 0)]
    developed = frame.groupby("iso3")["developed"].first().to_numpy(float)
    fit = kernel.fit(statistics(frame), jnp.asarray(developed))
    assert_is_literal(fit, frame[frame["developed"] == 1])
    assert_array_equal(fit.coef[-2:], [0, 0])
    assert_array_equal(fit.covariance[-2:], np.zeros((2, fit.coef.size)))


@pytest.mark.parametrize("empty", [0, 4])
def test_a_year_without_used_cells_has_no_effect(empty):
    frame = random_panel(seed=8)
    values, used = cells(frame, ["KOFGIdj", *REGRESSORS])
    used[:, empty] = 0
    stats = kernel.cluster_statistics(
        jnp.asarray(values[:, :, 0]), jnp.asarray(values[:, :, 1:]), jnp.asarray(used)
    )
    fit = kernel.fit(stats, jnp.ones(len(used)))
    assert_is_literal(fit, frame[frame["year"] != 2000 + empty])


def test_a_country_without_cells_is_no_cluster():
    frame = random_panel(seed=9)
    frame.loc[frame["iso3"] == "C05", "RQ"] = np.nan
    fit = fit_all(frame)
    assert fit.clusters == 11
    assert_is_literal(fit, frame.dropna())


def test_leave_one_out_is_a_refit_without_each_country():
    frame = random_panel(missing=0.2, seed=10)
    stats = statistics(frame)
    each = kernel.leave_one_out(stats, jnp.ones(len(stats.b)))
    for g, iso3 in enumerate(sorted(set(frame["iso3"]))):
        one = cast(kernel.Fit, jax.tree.map(lambda a, g=g: a[g], each))
        assert_is_literal(one, frame[frame["iso3"] != iso3])


def test_leaving_out_a_country_that_is_not_in_the_sample_changes_nothing():
    frame = random_panel(seed=11)
    developed = frame.groupby("iso3")["developed"].first().to_numpy(float)
    stats, weights = statistics(frame), jnp.asarray(developed)
    each, whole = kernel.leave_one_out(stats, weights), kernel.fit(stats, weights)
    assert_array_equal(each.clusters, np.where(developed == 1, 5, 6))
    for g in np.flatnonzero(developed == 0):
        assert_allclose(each.coef[g], whole.coef, rtol=RTOL)


# ------------------------------------------------------------------ dtype and batches


def test_results_have_the_dtype_of_the_inputs():
    frame = random_panel(missing=0.2, seed=12)
    values, used = cells(frame, ["KOFGIdj", *REGRESSORS])
    y, X, w = (
        jnp.asarray(a, jnp.float32) for a in (values[:, :, 0], values[:, :, 1:], used)
    )
    stats = kernel.cluster_statistics(y, X, w)
    weights = jnp.ones(len(used), jnp.float32)
    for fit in (kernel.fit(stats, weights), kernel.leave_one_out(stats, weights)):
        assert {a.dtype for a in (*stats, *fit)} == {jnp.dtype("float32")}
    double = fit_all(frame)
    single = kernel.fit(stats, weights)
    size = np.abs(double.coef).max()
    assert_allclose(single.coef, double.coef, rtol=0, atol=SINGLE_RTOL * size)


def test_models_can_be_batched():
    """vmap over outcomes gives what one outcome at a time gives."""
    frame = random_panel(missing=0.2, seed=13)
    values, used = cells(frame, [*OUTCOMES, *REGRESSORS])
    y = jnp.moveaxis(jnp.asarray(values[:, :, : len(OUTCOMES)]), 2, 0)
    X, w = jnp.asarray(values[:, :, len(OUTCOMES) :]), jnp.asarray(used)
    batch = jax.vmap(kernel.cluster_statistics, in_axes=(0, None, None))(y, X, w)
    fits = jax.vmap(kernel.fit, in_axes=(0, None))(batch, jnp.ones(len(used)))
    for k, outcome in enumerate(OUTCOMES):
        one = fit_all(frame, outcome)
        assert_allclose(fits.coef[k], one.coef, rtol=RTOL)
        V = one.covariance
        assert_allclose(
            fits.covariance[k], V, rtol=RTOL, atol=RTOL * float(jnp.abs(V).max())
        )


def test_cells_of_another_number_of_years_are_an_error():
    """The jaxtyping import hook is on: see addopts in pyproject.toml."""
    pytest.importorskip("beartype")
    with pytest.raises(Exception, match="cluster_statistics"):
        kernel.cluster_statistics(Y3, X3, jnp.ones((3, 3)))
