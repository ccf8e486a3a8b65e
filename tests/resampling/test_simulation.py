"""Simulated panels: what is drawn, that tests are the real ones, and the command."""

import json
import re
import shutil
from dataclasses import replace
from functools import partial
from hashlib import sha256
from types import SimpleNamespace
from typing import Any, cast

import jax
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from tivax.engine.estimation import (
    CommonShocks,
    Conley,
    DriscollKraay,
    LinearFit,
    Network,
    TwoWay,
    Vcov,
)
from tivax.engine.estimation.model import Model
from tivax.engine.resampling.cluster_diagnostics import model_table
from tivax.engine.resampling.draws import MemoryDraws
from tivax.engine.resampling.plans import make_plan, wild_loadings
from tivax.engine.resampling.schemes import Placebo
from tivax.engine.resampling.simulation import run as simulation
from tivax.engine.resampling.simulation.given import given_regressors
from tivax.engine.resampling.simulation.panels import (
    BUILT_IN,
    Study,
    StudyDesign,
    read_study,
)
from tivax.engine.resampling.simulation.run import simulate
from tivax.kernels import placebo, resampling
from tivax.kernels import random_draws as streams
from tivax.kernels.panels import simulated as kernel
from tivax.kernels.two_way import two_way_statistics, two_way_tests

from commands import good, mistake, names
from experiment_panels import small_panel
from helpers import error_of, matrix_by_matrix, two_way

# Cross products of 60 rows against another design of the same columns; measured 1e-13.
RTOL = 1e-10
# Moments of 4,000 draws: five standard errors.
MOMENTS_ATOL = 5 / np.sqrt(4_000)

SMALL = StudyDesign(
    "small", clusters=9, years=6, controls=2, persistence_u=0.4, blocks=3
)


def arrays(design: StudyDesign) -> kernel.PanelDesign:
    return jax.device_put(design.arrays)


_simulated = jax.jit(kernel.simulate, static_argnames="controls")


def one_panel(design: StudyDesign, seed: int = 0):
    """The panel of a key, [C, x, y] and what is seen, as ``tested`` makes it."""
    key = jax.random.key(seed)
    of_panel, of_signs, of_counts = jax.random.split(key, 3)
    M = _simulated(of_panel, arrays(design), controls=design.controls)
    return key, np.asarray(M), design.seen, of_signs, of_counts


def as_frame(M: np.ndarray, seen: np.ndarray) -> pd.DataFrame:
    G, T, m = M.shape
    names_ = [*(f"c{k}" for k in range(m - 2)), "x", "y"]
    frame = pd.DataFrame(M.reshape(-1, m), columns=names_)
    frame["iso3"] = np.repeat([f"C{g:02d}" for g in range(G)], T)
    frame["year"] = np.tile(np.arange(T), G)
    return frame[seen.ravel() == 1]


_tested = jax.jit(
    kernel.simulate_and_test,
    static_argnames=("controls", "draws", "balanced", "zero_too"),
)
_wild = jax.jit(resampling.wild_statistics)
_two_way = jax.jit(two_way_statistics)
_reweighted = jax.jit(resampling.reweighted, static_argnames="layout")
_placebo_estimates = jax.jit(placebo.placebo_estimates)
_placebo_t = jax.jit(placebo.placebo_t)
_freedman_lane_t = jax.jit(placebo.freedman_lane_t)
_signs = jax.jit(streams.rademacher, static_argnames=("clusters", "draws"))


@partial(jax.jit, static_argnames="clusters")
def _drawn(of_counts, clusters: int):
    """Weights and permutations as ``tested`` draws them."""
    of_bayes, moves = (jax.random.fold_in(of_counts, k) for k in (2, 1))
    return (
        streams.counts(of_counts, clusters, draws=99).astype(float),
        streams.exponential(of_bayes, clusters, draws=99),
        streams.permutations(moves, (clusters,), draws=99).astype(int),
    )


def tested(design: StudyDesign, key, draws: int = 99) -> kernel.PanelTests:
    return _tested(
        key,
        arrays(design),
        controls=design.controls,
        draws=draws,
        balanced=design.balanced,
        zero_too=False,
    )


# ------------------------------------------------------------------------- the panels


@pytest.mark.parametrize("persistence", [0.0, 0.7, -0.4])
def test_ar1_has_its_variance_and_its_correlation(persistence):
    ar1 = jax.jit(kernel.ar1, static_argnames="shape")
    x = np.asarray(ar1(jax.random.key(1), persistence, (4_000, 5)))
    for t in range(5):
        assert abs(x[:, t].var() - 1) < 2 * MOMENTS_ATOL
    for t in range(4):
        correlation = np.corrcoef(x[:, t], x[:, t + 1])[0, 1]
        assert abs(correlation - persistence) < MOMENTS_ATOL


def test_clusters_are_seen_in_their_last_years():
    design = StudyDesign("short", clusters=5, years=6, shortest=2)
    assert_array_equal(design.seen.sum(axis=1), [2, 3, 4, 5, 6])
    assert_array_equal(design.seen[0], [0, 0, 0, 0, 1, 1])
    assert not design.balanced and SMALL.balanced


def test_adopters_adopt_half_way_and_stay():
    design = StudyDesign("adopt", clusters=5, years=6, controls=1, adopters=2)
    M = one_panel(design)[1]
    assert_array_equal(M[:2, :, 1], np.tile([0, 0, 0, 1, 1, 1], (2, 1)))
    assert_array_equal(M[2:, :, 1], 0)


def test_errors_are_of_unequal_size_and_the_effect_is_the_treatments():
    design = StudyDesign("unequal", clusters=400, years=30, controls=0, unequal=1.0)
    M = one_panel(design)[1]
    spread = np.log(M[:, :, 1].std(axis=1))
    assert 0.8 < spread.std() < 1.2
    none = replace(design, unequal=0.0)
    with_effect, without = (one_panel(k)[1] for k in (replace(none, effect=2.0), none))
    gap = with_effect[:, :, 1] - without[:, :, 1]
    assert_allclose(gap, 2 * without[:, :, 0], rtol=0, atol=1e-12)


def test_regressors_are_of_unequal_size_by_country():
    """Treatment and controls alike, and errors are those of equal ones."""
    design = StudyDesign("unequal", clusters=400, years=30, controls=1, unequal_x=1.0)
    even = StudyDesign("even", clusters=400, years=30, controls=1)
    M, other = (one_panel(k)[1] for k in (design, even))
    size = M[:, :, :2].std(axis=1) / other[:, :, :2].std(axis=1)
    assert_allclose(size[:, 0], size[:, 1], rtol=1e-12)
    assert 0.9 < np.log(size[:, 0]).std() < 1.1
    assert_array_equal(M[:, :, 2], other[:, :, 2])


WIDE = StudyDesign("wide", clusters=400, years=30, controls=0, persistence_u=0.3)


def test_a_factor_has_its_share_and_the_loadings_of_the_treatments():
    """Beside the own part, which is that of a panel without factor, there is loading
    times factor, of one loading in x and in u."""
    design = replace(WIDE, factor=0.4, factor_x=0.3)
    M, plain = one_panel(design)[1], one_panel(WIDE)[1]
    common = M - np.sqrt([0.7, 0.6]) * plain
    loadings = []
    for k, share in ((0, 0.3), (1, 0.4)):
        u, s, factor = np.linalg.svd(common[:, :, k], full_matrices=False)
        assert s[1] < 1e-12 * s[0]
        loadings.append(u[:, 0] * np.sign(u[0, 0]))
        # 400 normal loadings, 30 years of a factor with persistence.
        assert abs((common[:, :, k] ** 2).mean() / share - 1) < 0.7
    assert_allclose(*loadings, rtol=0, atol=1e-12)


def test_clusters_of_a_block_share_its_shocks_alone():
    """Half of the variance in four blocks of neighbours: correlations of 1/2 and 0."""
    M = one_panel(replace(WIDE, block=0.5, blocks=4))[1]
    r = np.corrcoef(M[:, :, 1]).reshape(4, 100, 4, 100).mean(axis=(1, 3))
    assert_allclose(np.diag(r), 0.5, rtol=0, atol=0.15)
    # Of two series of 30 years with persistence, half of the variance each.
    assert np.abs(r - np.diag(np.diag(r))).max() < 0.3
    assert abs(M[:, :, 1].var() - 1) < 0.2


def test_shares_of_nothing_change_no_panel():
    """Own parts are those of panels without any, over a root of what is left."""
    plain = one_panel(WIDE)[1]
    blocks = one_panel(replace(WIDE, block_x=0.36, blocks=4))[1]
    assert_array_equal(blocks[:, :, 1], plain[:, :, 1])
    parts = blocks[:, :, 0] - 0.8 * plain[:, :, 0]
    shared = np.broadcast_to(parts.reshape(4, 100, 30)[:, :1], (4, 100, 30))
    assert_allclose(parts.reshape(4, 100, 30), shared, rtol=0, atol=1e-12)


def test_errors_are_as_large_as_residuals_of_the_panel(tmp_path):
    """Root mean squares by country over that of all."""
    frame, path = panel_of(tmp_path)
    given = given_regressors(path, REGRESSORS, spreads="KOFGIdj")
    residuals = two_way(frame, "KOFGIdj", REGRESSORS).residuals
    square = (residuals**2).groupby(frame["iso3"]).mean()
    assert given.sizes is not None
    assert_allclose(given.sizes, np.sqrt(square / (residuals**2).mean()), rtol=1e-6)
    design = StudyDesign("given", 9, 6, 2, given=given)
    even = StudyDesign("given", 9, 6, 2, given=replace(given, sizes=None))
    u, other = (one_panel(k)[1][:, :, -1] for k in (design, even))
    assert_allclose(u, given.sizes[:, None] * other, rtol=1e-12)
    told = error_of(given_regressors, path, REGRESSORS, spreads="GDP")
    assert told.startswith(f"{path}: no column GDP in the data")


def panel_of(tmp_path, **changes):
    frame = small_panel(countries=9, years=6, seed=2).assign(**changes)
    frame.to_csv(tmp_path / "panel.csv", index=False)
    return frame, tmp_path / "panel.csv"


REGRESSORS = ("TBI", "RQ", "INFR")


def test_given_regressors_are_the_panels_less_country_means(tmp_path):
    """Mean square 1, the treatment last; a row that lacks one of them is not seen."""
    hole = {"RQ": lambda f: f["RQ"].where((f["iso3"] != "C03") | (f["year"] > 2001))}
    frame, path = panel_of(tmp_path, **hole)
    given = given_regressors(path, REGRESSORS)
    used = frame.dropna(subset=["RQ"])[["iso3", "year", "RQ", "INFR", "TBI"]]
    assert given.seen.sum() == len(used) == 9 * 6 - 2
    assert_array_equal(given.seen[3], [0, 0, 1, 1, 1, 1])
    values = used.set_index(["iso3", "year"])
    net = values - values.groupby("iso3").transform("mean")
    net = net / np.sqrt((net**2).mean())
    assert_allclose(given.cells[given.seen == 1], net, rtol=RTOL)
    assert (given.cells[given.seen == 0] == 0).all()


def test_given_regressors_are_the_same_in_every_panel_and_errors_are_not(tmp_path):
    given = given_regressors(panel_of(tmp_path)[1], REGRESSORS)
    design = StudyDesign("given", 9, 6, 2, effect=2.0, persistence_u=0.9, given=given)
    keys = jax.random.split(jax.random.key(5), 400)
    drawn = jax.vmap(partial(kernel.simulate, design=arrays(design), controls=2))
    M = np.asarray(jax.jit(drawn)(keys))
    assert_array_equal(M[:, :, :, :3], np.tile(given.cells, (400, 1, 1, 1)))
    u = M[:, :, :, 3] - 2 * M[:, :, :, 2]
    # AR(1): 400 panels of 9 countries, five standard errors of a correlation.
    for t in range(5):
        correlation = np.corrcoef(u[:, :, t].ravel(), u[:, :, t + 1].ravel())[0, 1]
        assert abs(correlation - 0.9) < 5 / np.sqrt(400 * 9)


def test_a_sample_and_lags_of_a_panel_are_given(tmp_path):
    developed = {"developed": lambda f: (f["iso3"] < "C05").astype(int)}
    path = panel_of(tmp_path, **developed)[1]
    given = given_regressors(path, ("L.RQ", "INFR"), "developed")
    # A lag lacks the first year of each of five countries.
    assert given.cells.shape == (5, 5, 2) and given.seen.all()


def test_a_panel_of_a_design_has_any_columns(tmp_path):
    frame, path = panel_of(tmp_path)
    own = frame.rename(columns={"iso3": "Country name", "year": "yr"})
    own.to_csv(tmp_path / "own.csv", index=False)
    (tmp_path / "study.toml").write_text(
        'panels = 20\ndraws = 19\n[[design]]\nname = "own"\npanel = "own.csv"\n'
        'regressors = ["TBI"]\nentity = "Country name"\ntime = "yr"\n'
    )
    (design,) = read_study(tmp_path / "study.toml").designs
    assert design.given is not None and design.facts["entity"] == "Country name"
    assert_array_equal(design.given.cells, given_regressors(path, ("TBI",)).cells)


PLACEBOS = """
panels = 40
draws = 19
[[design]]
name = "phases"
panel = "panel.csv"
regressors = ["TBI", "RQ", "INFR"]
outcome = "KOFGIdj"
placebo = "phases"
flows = "flows.csv"
[[design]]
name = "independent"
panel = "panel.csv"
regressors = ["TBI", "RQ", "INFR"]
outcome = "KOFGIdj"
placebo = "independent"
persistence_x = 0.5
"""


def placebo_panels(tmp_path):
    """The two designs, and 300 panels of each: [controls, x, y]."""
    frame, _ = panel_of(tmp_path)
    countries = sorted(set(frame["iso3"]))
    flows = pd.DataFrame(1.0, countries, countries)
    flows.to_csv(tmp_path / "flows.csv")
    study = read_study(study_file(tmp_path, PLACEBOS))
    keys = jax.random.split(jax.random.key(5), 300)
    run = partial(kernel.simulate, controls=2)
    drawn = jax.jit(jax.vmap(run, in_axes=(0, None)))
    made = [np.asarray(drawn(keys, arrays(design))) for design in study.designs]
    return frame, study, made


def test_a_placebo_regression_has_the_outcome_and_the_controls_of_the_panel(tmp_path):
    """The outcome less the treatment's effect; and a treatment of its own, net of the
    panel's: with phases its correlations between countries and its spectrum, to
    rounding, but for a part of the panel's own; independent, its size by country."""
    frame, study, (phases, independent) = placebo_panels(tmp_path)
    given = study.designs[0].given
    assert given is not None and given.y is not None
    y = frame.set_index(["iso3", "year"])["KOFGIdj"]
    y = y - y.groupby("iso3").transform("mean")
    effect = two_way(frame, "KOFGIdj", study.designs[0].given.regressors).terms[
        "estimate"
    ]["TBI"]
    x = frame.set_index(["iso3", "year"])["TBI"]
    less = y - effect * (x - x.groupby("iso3").transform("mean"))
    own = (less / np.sqrt((y**2).mean())).to_numpy().reshape(9, 6)
    controls = np.tile(given.cells[:, :, :2], (300, 1, 1, 1))
    for panels in (phases, independent):
        assert_allclose(panels[0, :, :, 3], own, rtol=RTOL)
        assert_array_equal(panels[:, :, :, :2], controls)
    x = given.cells[:, :, 2]
    assert given.net is not None
    assert_allclose((given.net * x).sum(), 1, rtol=1e-12)
    for k in (0, 1):
        assert_allclose((given.net * phases[k, :, :, 2]).sum(), 0, rtol=0, atol=1e-12)
        # The same filter in every country: phases, less one number.
        drawn = phases[k, :, :, 2]
        share = np.fft.rfft(drawn, axis=1)[:, 1:] / np.fft.rfft(x, axis=1)[:, 1:]
        assert_allclose(share, np.tile(share[:1], (9, 1)), rtol=0, atol=1e-9)
        a, b = share[0, :2]
        less = (abs(b) ** 2 - abs(a) ** 2) / (2 * (a - b).real)
        assert_allclose(np.abs(share[0] + less), 1, rtol=0, atol=1e-9)
        assert np.abs(drawn - x).max() > 0.1
    square = (independent[:, :, :, 2] ** 2).mean(axis=(0, 2))
    # 300 panels of six years with persistence.
    assert_allclose(square, (x**2).mean(axis=1), rtol=0.3)
    assert_array_equal(study.designs[1].arrays.persistence_x, 0.5)


def test_flows_are_the_network_of_the_network_hac(tmp_path):
    """Nine countries that trade all alike: I + (J - I) / 8."""
    _, study, _ = placebo_panels(tmp_path)
    network = study.designs[0].arrays.network
    assert network is not None
    assert_allclose(network, np.eye(9) + (1 - np.eye(9)) / 8, rtol=1e-12)
    assert study.designs[1].arrays.network is None
    assert [k.name for k in study.files] == ["panel.csv", "flows.csv"]
    facts = study.designs[0].facts
    assert facts["flows"] == str(tmp_path / "flows.csv")
    assert (facts["placebo"], facts["persistence_x"]) == ("phases", 0.8)
    # A country that the flows lack.
    frame = pd.read_csv(tmp_path / "flows.csv", index_col=0)
    frame.drop(index="C03").to_csv(tmp_path / "flows.csv")
    line = error_of(read_study, tmp_path / "study.toml")
    assert "flows.csv: the rows lack C03" in line
    (tmp_path / "flows.csv").unlink()
    assert "panel.csv: flows: no file" in error_of(read_study, tmp_path / "study.toml")


@pytest.mark.parametrize(
    "regressors, changes, told",
    [
        (("TBI", "none"), {}, "no column none in the data; it has "),
        (("TBI", "RQ", "RQ2"), {"RQ2": lambda f: f["RQ"]}, "RQ2 is collinear with "),
        (("TBI",), {"year": lambda f: f["year"] // 2}, "has two rows in 100"),
        (
            ("TBI",),
            {"iso3": lambda f: f["iso3"].where(f["iso3"] == "C00")},
            "panel.csv: fewer than two values of iso3 are left",
        ),
    ],
)
def test_a_panel_that_does_not_serve_is_a_mistake(tmp_path, regressors, changes, told):
    path = panel_of(tmp_path, **changes)[1]
    message = error_of(given_regressors, path, regressors)
    assert message.startswith(f"{path}: ") and told in message


# -------------------------------------------------------------------------- the tests


def test_series_in_space_have_the_correlation_of_the_design():
    """Of 20 long panels' errors, each pair within six standard errors of exp(-d/r)."""
    design = StudyDesign("far", 6, 300, 0, persistence_u=0.0, space=3000.0)
    keys = jax.random.split(jax.random.key(3), 20)
    arrays = jax.device_put(design.arrays)
    made = jax.vmap(lambda key: kernel.simulate(key, arrays, controls=0))(keys)
    u = np.asarray(made)[..., -1].transpose(1, 0, 2).reshape(6, -1)
    D = design.distances
    assert D is not None and D.max() < 1e4 * np.sqrt(2)
    error = 6 / np.sqrt(u.shape[1])
    assert_allclose(np.corrcoef(u), np.exp(-D / 3000), atol=error)
    assert_allclose(u.var(axis=1), 1, atol=2 * error)


UNEQUAL = StudyDesign("u", 9, 6, 2, unequal_x=0.7, effect=0.0, blocks=3)
IN_SPACE = replace(UNEQUAL, blocks=0, space=3000.0, space_x=2000.0, cutoff=6000.0)


@pytest.mark.slow
@pytest.mark.parametrize(
    "design",
    [SMALL, StudyDesign("s", 9, 6, 2, shortest=3), UNEQUAL, IN_SPACE],
    ids=["balanced", "not", "unequal", "in space"],
)
def test_a_panel_is_tested_as_the_engine_tests_it(design):
    """Estimate, standard errors, and each decision on the same draws."""
    key, M, seen, of_signs, of_counts = one_panel(design)
    own = tested(design, key)
    model = Model(
        "m",
        "y",
        ("x", *(f"c{k}" for k in range(design.controls))),
        entity="iso3",
        time="year",
    )
    frame = as_frame(M, seen)
    other = LinearFit.to_draw(frame, model)
    assert_allclose(own.estimate, other.coef[0], rtol=RTOL)
    table = model_table([other])
    se = [table[f"{k}_se"][0] for k in ("cv1", "cv2", "cv3", "cv3j", "v5")]
    of_two_ways: list[Vcov] = [TwoWay(), TwoWay(jackknife=True), DriscollKraay()]
    vcovs = dict(zip(kernel.ANALYTIC[5:], of_two_ways, strict=False))
    if design.blocks:
        g = np.array([int(k[1:]) * design.blocks // 9 for k in other.labels])
        flows = pd.DataFrame(g[:, None] == g[None, :], other.labels, other.labels)
        vcovs["network HAC"] = Network(flows.astype(float))
    if design.space:
        D = pd.DataFrame(design.distances, other.labels, other.labels)
        vcovs["Conley"] = Conley(design.cutoff, distances=D)
    linear = two_way(frame, "y", model.regressors)
    fits = {name: linear.vcov(vcov) for name, vcov in vcovs.items()}
    of_fits = {name: fit.terms["se"].iloc[0] for name, fit in fits.items()}
    others = [of_fits.get(name, np.nan) for name in kernel.ANALYTIC[5:]]
    assert_allclose(own.se, [*se, *others], rtol=RTOL)
    few = table["effective_clusters"]
    assert_allclose(own.effective, few[0], rtol=RTOL)
    # Sums of some ten products of rounding errors, columns of length 1.
    assert 0 < own.residual < 1e-14
    t = abs(other.coef[0]) / np.array(se)
    rejects = dict(zip([*kernel.METHODS], np.asarray(own.rejects_truth), strict=True))
    names_ = ("CV1 t(G-1)", "CV3 t(G-1)", "CV3J t(G-1)", "V5 t(G-1)")
    for name, k in zip(names_, (0, 2, 3, 4), strict=True):
        assert rejects[name] == (t[k] > stats.t.ppf(0.975, design.clusters - 1)), name
    for name, fit in fits.items():
        p = fit.terms["p_value"].iloc[0]
        assert np.isnan(p) or rejects[name] == (p < 0.05), name
    v = _signs(of_signs, design.clusters, draws=99)
    counts, exponential, o = _drawn(of_counts, design.clusters)
    R = jax.device_put(np.eye(other.layout.regressors)[-1:])
    for name in kernel.WILD:
        kind = name[3:] or "11"
        how = {"type": cast(Any, kind), "restricted": name[:3] == "WCR"}
        loadings = wild_loadings(other, R, jax.device_put(np.zeros(1)), **how)
        drawn = np.abs(_wild(loadings, v))
        above = np.mean(drawn > t[2 if kind[1] == "3" else 0])
        assert rejects[name] == (above <= 0.05), name
    for name, w in {"pairs": counts, "Bayesian": exponential}.items():
        again = _reweighted(other.products.S, w, layout=other.layout)
        low, high = np.nanquantile(np.asarray(again)[0], [0.025, 0.975])
        assert rejects[f"{name} percentile"] == (low > 0 or high < 0), name
    coefficients, by_t = Placebo(studentised=False), Placebo()
    b, moved = abs(other.cluster_fit.coef[-1]), replace(by_t, method="freedman-lane")
    for name, scheme, run, row, observed in (
        ("placebo coefficient", coefficients, _placebo_estimates, 0, b),
        ("placebo t", by_t, _placebo_t, 1, t[0]),
        ("Freedman-Lane t", moved, _freedman_lane_t, 1, t[0]),
    ):
        if not design.balanced:
            assert np.isnan(rejects[name])
            continue
        tables = jax.device_put(make_plan(other, scheme, 99).arrays)
        size = np.abs(np.asarray(run(tables, o))[row])
        p = (1 + (size >= observed * (1 - 1e-10)).sum()) / 100
        assert rejects[name] == (p <= 0.05), name
    row = model_table([other]).iloc[0]
    assert rejects["V5 adjusted"] == (row["v5_adjusted_p_value"] <= 0.05)
    if not design.balanced:
        assert np.isnan([rejects[k] for k in kernel.METHODS[-2:]]).all()
        return
    p, shocks = two_way_p(frame, list(model.regressors), 0.0, design, of_signs, fold=1)
    assert rejects["two-way WCR"] == (p <= 0.05)
    assert rejects["common shocks"] == (shocks <= 0.05)


def two_way_p(frame, regressors, null, design, key, fold=None) -> tuple[float, float]:
    """The two tests by the engine, from the same draws."""
    moved = frame.assign(y=frame["y"] - null * frame["x"])
    key = key if fold is None else jax.random.fold_in(key, fold)
    v = _signs(key, min(design.clusters, design.years), draws=99)
    fitted = LinearFit.to_draw(
        frame, Model("m", "y", regressors, entity="iso3", time="year")
    )
    loadings = fitted.two_way_loadings(0, "year", null)
    drawn = np.abs(_two_way(loadings, v))
    fit = two_way(moved, "y", regressors)
    t = abs(fit.vcov(TwoWay())["x"].t)
    wild = np.mean(drawn[np.isfinite(drawn)] > t * (1 + 1e-9))
    return float(wild), fit.vcov(CommonShocks())["x"].p_value


_two_way_p = jax.jit(lambda M, key, null: two_way_tests(M, key, draws=99)(null))


@pytest.mark.parametrize("null", [0.0, 0.4])
def test_p_of_two_way_tests_is_that_of_the_engine(null):
    """The p-values themselves, of a panel whose dimension with fewer clusters is either:
    decisions alone would hide a small difference."""
    for design in (SMALL, StudyDesign("long", 5, 8, 1)):
        _, M, seen, of_signs, _ = one_panel(design)
        regressors = ["x", *(f"c{k}" for k in range(design.controls))]
        frame = as_frame(M, seen)
        found = _two_way_p(M, of_signs, null)
        expected = two_way_p(frame, regressors, null, design, of_signs)
        assert_allclose(found, expected, rtol=1e-7)


def test_bell_and_mccaffreys_test_has_their_degrees_of_freedom():
    """Of 12 panels all decisions are those of t with the degrees of the engine."""
    model = Model("m", "y", ("x", "c0", "c1"), entity="iso3", time="year")
    for seed in range(12):
        key, M, seen, _, _ = one_panel(SMALL, seed)
        row = model_table([LinearFit.to_draw(as_frame(M, seen), model)]).iloc[0]
        own = bool(tested(SMALL, key).rejects_truth[1])
        assert own == (row["cv2_p_value"] < 0.05), seed


# One program serves the studies of this shape, with an effect and 99 draws, in memory
# and by the command.
STRONG = StudyDesign("strong", 20, 8, 1, effect=3.0)


@pytest.mark.slow
def test_a_single_adopter_leaves_what_leaves_a_cluster_out_without_an_answer():
    """And not with a wrong one, but for V5, which never rejects; the others answer,
    however badly."""
    design = replace(STRONG, name="one adopts", adopters=1)
    result = simulate(Study((design,), panels=20, draws=99)).table.set_index("method")
    served = result["panels"] > 0
    silent = {"V5 adjusted", "CV2 BM", "CV3 t(G-1)", "CV3J t(G-1)", "two-way CV3"}
    silent |= {"network HAC", "Conley"}
    silent |= {name for name in kernel.WILD if name.endswith("3")}
    assert {*result.index[~served]} == silent
    assert result["size"]["V5 t(G-1)"] == 0
    for column in ("size", "mc_error", "coverage"):
        assert_array_equal(result[column].isna(), ~served)
    spread = {"CV1 t(G-1)", "V5 t(G-1)", "two-way CV1", "Driscoll-Kraay"}
    assert {*result.index[result["se_ratio"].notna()]} == spread
    # Nearly all of the variation is one country's.
    assert result["effective_clusters"].iloc[0] < 1.5


def test_an_effect_far_from_zero_is_found_and_is_no_mistake():
    study = Study((STRONG,), panels=40, draws=99)
    result = simulate(study).table.set_index("method")
    result = result.drop(index=["network HAC", "Conley"])
    assert (result["power"] == 1).all()
    # With eight years Driscoll and Kraay's is no test of 5 %.
    assert (result["size"].drop("Driscoll-Kraay") < 0.35).all()
    assert_allclose(result["coverage"], 1 - result["size"])


def test_sizes_are_near_five_percent():
    """400 panels, fixed seed: 0.05 within four Monte-Carlo errors, whatever the effect."""
    design = replace(STRONG, name="usual", persistence_u=0.5)
    study = Study((design,), 400, 99, seed=2)
    result = simulate(study).table.set_index("method")
    width = 4 * np.sqrt(0.05 * 0.95 / 400)
    named = ["CV2 BM", "CV3 t(G-1)", "WCR", "placebo t", "Freedman-Lane t"]
    good = result["size"][named]
    assert ((good - 0.05).abs() < width).all(), good
    assert 0.85 < float(result["se_ratio"]["CV1 t(G-1)"]) < 1.05


# -------------------------------------------------------------------------- the table


def test_the_table_counts_by_hand():
    columns = len(simulation.COLUMNS)
    values = np.zeros((4, columns))
    few, residual, truth = (
        simulation.COLUMNS.index(k)
        for k in ("effective clusters", "residual", "truth CV1 t(G-1)")
    )
    values[:, 0] = [1, 2, 3, 4]
    values[:, 1:4] = [1, 2, 3]
    values[:, few] = [5, 6, 7, 8]
    values[:, residual] = [1e-15, 3e-15, 2e-15, 0]
    values[:2, truth] = 1  # CV1 rejects the truth in half of the panels
    zero = simulation.COLUMNS.index("zero CV1 t(G-1)")
    values[:3, zero] = 1  # and no effect in three of four
    values[0, [truth + 1, zero + 1]] = np.nan  # CV2 serves three
    values[1, [truth + 1, zero + 1]] = 1  # and rejects in one
    study = Study((SMALL,), panels=4)
    unknown = simulation.rejection_table(study, [(SMALL, MemoryDraws(values))])
    assert unknown["power"].isna().all()  # without an effect there is no power
    effect = replace(SMALL, effect=1.0)
    result = simulation.rejection_table(study, [(effect, MemoryDraws(values))])
    first = result.iloc[0]
    assert (first["size"], first["coverage"], first["power"]) == (0.5, 0.5, 0.75)
    assert_allclose(first["mc_error"], 0.25)
    assert_allclose(first["se_ratio"], 1 / np.std([1, 2, 3, 4], ddof=1))
    second = result.iloc[1]
    assert (second["panels"], second["size"], second["power"]) == (3, 1 / 3, 1 / 3)
    assert_allclose(second["mc_error"], np.sqrt(2 / 27))
    assert result["panels"].tolist() == [4, 3, *[4] * (len(kernel.METHODS) - 2)]
    assert (result["effective_clusters"] == 6.5).all()
    found = simulation.simulation_of(study, [(SMALL, MemoryDraws(values))])
    assert found.residual_max == 3e-15
    drawn = [*[False] * 10, *[True] * (len(kernel.METHODS) - 10)]
    assert result["draws"].tolist() == [999 * k for k in drawn]
    assert result["se_ratio"].isna().tolist() == drawn


def test_more_panels_begin_with_the_same_ones():
    study, longer = (Study((STRONG,), panels, 99, seed=3) for panels in (40, 90))

    def panels(of: Study, start: int = 0) -> np.ndarray:
        return np.concatenate([*simulation.simulated_panels(of, STRONG, start)])

    assert_array_equal(panels(longer)[:40], panels(study))
    assert_array_equal(panels(longer, 32), panels(longer)[32:])


# ------------------------------------------------------------------------ the run file


def study_file(tmp_path, text: str):
    path = tmp_path / "study.toml"
    path.write_text(text)
    return path


GOOD = """
panels = 40
draws = 99
seed = 3
[[design]]
name = "strong"
clusters = 20
years = 8
controls = 1
effect = 3.0
persistence_u = 0.4
shortest = 8
unequal_x = 0.2
"""
GIVEN = """
panels = 40
draws = 99
[[design]]
name = "given"
panel = "panel.csv"
regressors = ["TBI", "RQ", "INFR"]
sample = "all"
unequal = 0.3
"""


def test_a_run_file_is_read(tmp_path):
    study = read_study(study_file(tmp_path, GOOD))
    assert (study.panels, study.draws, study.seed) == (40, 99, 3)
    (design,) = study.designs
    wanted = replace(STRONG, persistence_u=0.4, unequal_x=0.2, shortest=8)
    assert design == wanted


def test_a_run_file_of_a_panel_is_read(tmp_path):
    path = panel_of(tmp_path)[1]
    study = read_study(study_file(tmp_path, GIVEN))
    (design,) = study.designs
    assert (design.clusters, design.years, design.controls) == (9, 6, 2)
    assert (design.unequal, design.persistence_u) == (0.3, 0.6)
    given = given_regressors(path, REGRESSORS)
    assert design.given is not None
    assert_array_equal(design.given.cells, given.cells)
    assert study.files == [path]
    assert design.facts == {
        "name": "given",
        "effect": 0.0,
        "persistence_u": 0.6,
        "unequal": 0.3,
        "factor": 0.0,
        "block": 0.0,
        "blocks": 0,
        "spreads": "",
        "panel": str(path),
        "sha256": sha256(path.read_bytes()).hexdigest(),
        "regressors": REGRESSORS,
        "sample": "all",
        "entity": "iso3",
        "time": "year",
        "outcome": "",
        "placebo": "",
        "flows": "",
        "space": 0.0,
        "cutoff": 3000.0,
    }


@pytest.mark.parametrize(
    "old, new, said",
    [
        ('"all"', '"some"', "no column some in the panel, which sample some"),
        ('["TBI", "RQ", "INFR"]', "[]", "regressors = [] in [[design]]: write"),
        ("unequal =", "unequal_x =", "unequal_x = 0.3 in [[design]]: leave it out: "),
        ("unequal = 0.3", "years = 15", "years = 15 in [[design]]: leave it out: the"),
        ('panel = "panel.csv"', "", "regressors = ['TBI', 'RQ', 'INFR'] in [[design]]"),
        ("unequal = 0.3", "block_x = 0.3", "block_x = 0.3 in [[design]]: leave it out"),
        ('"panel.csv"', '"https://a.b/p.csv"', "an address; download it and give a l"),
        ("unequal = 0.3", 'placebo = "own"', "placebo = 'own' in [[design]]: choose"),
        ("unequal = 0.3", 'outcome = "KOFGIdj"', 'it goes with placebo = "..."'),
        (
            "unequal = 0.3",
            'unequal = 0.3\nplacebo = "phases"\noutcome = "KOFGIdj"',
            "leave it out: placebos have their outcome's errors",
        ),
    ],
)
def test_a_mistake_about_a_panel_is_one_line(tmp_path, old, new, said):
    panel_of(tmp_path)
    path = study_file(tmp_path, GIVEN.replace(old, new, 1))
    line = mistake("simulate", path, "--out", tmp_path / "out")
    about = path.with_name("panel.csv") if said.startswith("no column") else path
    assert line.startswith(f"{about}: ") and said in line
    assert names(tmp_path) == ["panel.csv", "study.toml"]


@pytest.mark.parametrize(
    "old, new, said",
    [
        ("panels", "panel", 'panel = 40: write "..."'),
        ("clusters =", "cluster =", "unknown key cluster in [[design]]; did you"),
        ("= 0.4", "= 1.0", "persistence_u = 1.0 in [[design]]: write a number between"),
        ("controls = 1", "controls = 19", "too few for 19 controls"),
        ("shortest = 8", "shortest = 9", "is longer than years = 8"),
        ("shortest = 8", "adopters = 20", "write fewer than clusters = 20"),
        ("unequal_x = 0.2", "unequal_x = -1.0", "unequal_x = -1.0 in [[design]]: "),
        ("unequal_x = 0.2", "factor = 1.0", "factor = 1.0 in [[design]]: write a sha"),
        ("unequal_x = 0.2", "block = 0.2", "say how many blocks there are: blocks = 5"),
        ("unequal_x = 0.2", "blocks = 21", "write at most clusters = 20"),
        ("unequal_x = 0.2", 'spreads = "y"', "goes with a panel; name its file"),
        ("unequal_x = 0.2", 'placebo = "phases"', "goes with a panel; name its file"),
        (
            "unequal_x = 0.2",
            "blocks = 3\nfactor_x = 0.5\nblock_x = 0.5",
            "with block_x it leaves nothing to a cluster",
        ),
        ("[[design]]", "[design]\n[design.a]", "unknown key a in [[design]]"),
    ],
)
def test_a_mistake_in_it_is_one_line(tmp_path, old, new, said):
    path = study_file(tmp_path, GOOD.replace(old, new, 1))
    line = mistake("simulate", path, "--out", tmp_path / "out")
    assert str(path) in line and said in line
    assert names(tmp_path) == ["study.toml"]


def test_two_designs_of_one_name_are_a_mistake(tmp_path):
    twice = study_file(tmp_path, GOOD + GOOD[GOOD.index("[[design]]") :])
    assert "duplicate design name strong" in error_of(read_study, twice)


def test_the_built_in_study_holds_the_papers_samples():
    sizes = {design.clusters for design in BUILT_IN.designs}
    assert {41, 22, 19} <= sizes
    assert (BUILT_IN.panels, BUILT_IN.draws) == (10_000, 999)


def test_the_time_told_is_that_of_the_blocks_left_and_of_what_is_compiled(monkeypatch):
    """By a clock: 5 s for the first block, which compiles, and 0.5 s for the next."""
    seconds, clock = iter([5.0, 0.5]), [0.0]

    def timed(run, arrays, seed, blocks):
        assert blocks == 1
        clock[0] += next(seconds)
        yield None

    monkeypatch.setattr(simulation, "over_blocks", timed)
    monkeypatch.setattr(simulation, "blocks_at_once", lambda: 1)
    monkeypatch.setattr(simulation, "calls_together", lambda: 1)
    told = SimpleNamespace(perf_counter=lambda: clock[0])
    monkeypatch.setattr(simulation, "time", told)
    b, c = replace(SMALL, name="b", effect=1.0), replace(SMALL, name="c", clusters=8)
    study = Study((SMALL, b, c), panels=70)
    # Nothing of the first; 70 panels are three blocks of 32; one more shape.
    found = simulation.estimate_seconds(study, [0, 70, 32])
    assert_allclose(found, 4 * 0.5 + 4.5, rtol=1e-12)
    assert simulation.estimate_seconds(study, [0, 0, 0]) == 0


def test_no_block_of_panels_calls_lapack_on_many_matrices():
    run, arrays = simulation._program(Study((SMALL,), panels=70), SMALL)
    assert matrix_by_matrix(jax.jit(run).lower(arrays, np.int64(1), np.int64(0)))


# ------------------------------------------------------------------------- the command


def test_the_command_writes_what_memory_holds(tmp_path):
    path, out = study_file(tmp_path, GOOD), tmp_path / "out"
    answer = good("simulate", path, "--out", out)
    (few,) = set(pd.read_csv(out / "simulation.csv")["effective_clusters"])
    (told,) = (k for k in answer.err.splitlines() if "if all take" in k)
    assert re.match(r"tivax: about \d+ seconds? for 40 panels, ", told)
    rows = [k for k in answer.out.splitlines() if "strong" in k]
    assert rows and all(f"{few:.1f} of 20" in k for k in rows)
    assert names(out) == ["figures", "manifest.json", "report.html", "simulation.csv"]
    drawn = ["sizes.pdf", "sizes.png", "sizes.svg"]
    assert names(out / "figures") == drawn
    written = pd.read_csv(out / "simulation.csv")
    found = simulate(read_study(path))
    pd.testing.assert_frame_equal(written, found.table, rtol=1e-12)
    pd.testing.assert_frame_equal(found.to_frame(), found.table)
    found.save(tmp_path / "saved")
    assert names(tmp_path / "saved") == names(out)
    shutil.rmtree(tmp_path / "saved")
    assert names(tmp_path) == ["out", "study.toml"]
    manifest = json.loads((out / "manifest.json").read_text())
    assert 0 < manifest["residual_max"] < 1e-13
    assert manifest["designs"][0]["unequal_x"] == 0.2 and manifest["panels"] == 40
    assert "exists already" in mistake("simulate", path, "--out", out)
