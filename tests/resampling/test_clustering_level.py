"""The score-variance test: by hand, by loops over rows with all dummies, by its size."""

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from tivax.engine.estimation.model import Model
from tivax.engine.resampling.cluster_diagnostics import clustering_level
from tivax.kernels import random_draws as streams
from tivax.kernels import score_variance

from experiment_panels import MODEL, rows_of, small_panel, two_stage_model
from helpers import error_of
from literal_refits import pseudo_inverse, residuals_of_others, residuals_on

# Sums over clusters against pseudo-inverses of all rows; measured 1e-13.
RTOL = 1e-10


FRAME = small_panel(countries=9, years=5, unknown=0.15, seed=31)
FRAME["region"] = FRAME["iso3"].str[1:].astype(int) // 3
COARSE = {"rows": "iso3", "iso3": "region"}


def test_four_scores_in_two_clusters_by_hand():
    """1 and 2, -1 and 3: (9 + 4) less 15; 2 (25 + 100) less 2 (1 + 16 + 1 + 81)."""
    s = jnp.array([[1.0], [2.0], [-1.0], [3.0]])
    one = jnp.array(1.0)
    theta, tau = score_variance.tau(s, jnp.array([0, 0, 1, 1]), one, one, clusters=2)
    assert_allclose(theta, [-2.0])
    assert_allclose(tau, [-2 / np.sqrt(52)])
    theta, _ = score_variance.tau(s, jnp.array([0, 0, 1, 1]), one, 2 * one, clusters=2)
    assert_allclose(theta, [26 - 15])


def literal(x, u, fine, coarse, k) -> tuple[float, float]:
    """theta and tau from the net treatment and residuals, cluster by cluster."""
    N, H, G = len(u), len(set(fine)), len(set(coarse))
    alternative = null = left = right = 0.0
    for g in sorted(set(coarse)):
        inside = coarse == g
        alternative += (x[inside] @ u[inside]) ** 2
        squares = [
            (x[fine == h] @ u[fine == h]) ** 2 for h in sorted(set(fine[inside]))
        ]
        null += sum(squares)
        left += 2 * sum(squares) ** 2
        right += 2 * sum(each**2 for each in squares)
    m = (N - 1) / (N - k)
    theta = m * G / (G - 1) * alternative - m * H / (H - 1) * null
    return theta, theta / np.sqrt(left - right)


@pytest.mark.parametrize("type", ["11", "31"])
@pytest.mark.parametrize("fine", COARSE)
def test_the_test_is_that_of_its_formulas_and_of_refits(fine, type):
    rows = rows_of(FRAME, MODEL)
    used = FRAME.dropna(subset=[*MODEL.regressors, MODEL.outcome])
    used = used.sort_values(["iso3", "year"])
    assert len(used) == len(rows.y)
    coarse = used[COARSE[fine]].to_numpy()
    label = np.arange(len(used)) if fine == "rows" else rows.country
    others = np.column_stack([rows.dummies, rows.C])
    design = np.column_stack([others, rows.X])
    k = np.linalg.matrix_rank(design)
    x, u = residuals_on(others, rows.X[:, 0]), residuals_on(design, rows.y)
    found = clustering_level(
        FRAME, MODEL, coarse=COARSE[fine], fine=fine, type=type, draws=40, seed=3
    )
    row = found.tests.iloc[0]
    theta, tau = literal(x, u, label, coarse, k)
    assert_allclose(row[["theta", "tau"]].tolist(), [theta, tau], rtol=RTOL)
    assert_allclose(row["p_one_sided"], 1 - stats.norm.cdf(tau), rtol=1e-6)
    assert_allclose(row["p_two_sided"], 2 * stats.norm.cdf(-abs(tau)), rtol=1e-6)
    moved = u
    if type == "31":
        moved = residuals_of_fine(rows, design, label)
    H = len(set(label))
    v = np.asarray(streams.rademacher(streams.block_key(3, 0), H))[:, :40]
    # Labels of rows are sorted as texts.
    order = np.argsort(np.argsort(np.unique(label).astype(str)))
    if fine == "rows":
        order = np.argsort(np.argsort(used.index.astype(str)))
    stars = []
    for each in v.T:
        y = rows.y - u + moved * each[order][label]
        stars.append(literal(x, residuals_on(design, y), label, coarse, k)[1])
    assert row["p_one_sided_wild"] == np.mean(np.array(stars) >= tau)
    assert row["p_two_sided_wild"] == np.mean(np.abs(stars) >= abs(tau))
    assert (found.fine_clusters, found.coarse_clusters) == (H, len(set(coarse)))


def residuals_of_fine(rows, design, label) -> np.ndarray:
    """Of each fine cluster by the fit to the others."""
    if len(set(label)) == rows.G:
        return residuals_of_others(rows, design, rows.y)
    u = np.empty(len(rows.y))
    for h in range(len(u)):
        other = label != h
        u[h] = rows.y[h] - design[h] @ (pseudo_inverse(design[other]) @ rows.y[other])
    return u


def grouped(rng, shared: float) -> pd.DataFrame:
    """Thirty countries in ten regions, treatment and errors with regional shocks."""
    g, t = np.divmod(np.arange(30 * 6), 6)
    cell = 6 * (g // 3) + t
    x, u = (
        rng.normal(size=len(g)) + shared * rng.normal(size=60)[cell] for _ in range(2)
    )
    return pd.DataFrame(
        {"iso3": g, "year": t, "region": g // 3, "x": x, "y": x + u}
    ).assign(iso3=lambda frame: "C" + frame["iso3"].astype(str).str.zfill(2))


ONE = Model("one", "y", ("x",), entity="iso3", time="year")


def test_shocks_of_regions_are_found():
    frame = grouped(np.random.default_rng(2), shared=2.0)
    found = clustering_level(frame, ONE, coarse="region", draws=999)
    assert found.tests["p_one_sided_wild"][0] < 0.01 > found.tests["p_one_sided"][0]


def test_independent_countries_are_rejected_in_5_percent():
    """60 panels: 8 rejections or fewer, which a test of 5 % passes in 99.5 %."""
    rng = np.random.default_rng(4)
    p = [
        clustering_level(grouped(rng, 0.0), ONE, coarse="region", draws=199).tests
        for _ in range(60)
    ]
    table = pd.concat(p)
    assert (table["p_one_sided_wild"] <= 0.05).sum() <= 8
    assert (table["p_two_sided_wild"] <= 0.05).sum() <= 8


def test_it_prints_its_levels():
    text = repr(clustering_level(FRAME, MODEL, coarse="region", draws=99))
    assert "are iso3 (9) too fine a level, region (3) the right one?" in text


@pytest.mark.parametrize(
    "options, told",
    [
        ({"coarse": "year"}, "iso3 C00 is in two clusters of year"),
        ({"coarse": "iso3"}, "9 clusters for 9 of iso3; it takes two or more"),
        ({"coarse": "one"}, "coarse = 'one': 1 clusters for 9 of iso3"),
        ({"coarse": "area"}, "no column area in the data"),
    ],
)
def test_levels_that_do_not_serve_are_told_in_one_line(options, told):
    assert told in error_of(clustering_level, FRAME.assign(one=1), MODEL, **options)


def test_two_stage_least_squares_is_refused():
    told = error_of(clustering_level, FRAME, two_stage_model(), coarse="region")
    assert "the score-variance test takes no 2SLS" in told
