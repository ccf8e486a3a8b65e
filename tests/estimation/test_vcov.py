"""Covariances by literal loops over pairs of rows, refits and other libraries."""

from collections.abc import Callable
from functools import cache, partial
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from linearmodels.panel import PanelOLS
from numpy.testing import assert_allclose
from scipy import stats

import tivax as tx
from tivax.engine.estimation import CAPITALS, CV1, distances_among
from tivax.engine.estimation.vcov import CONVENTIONS, PLAIN
from tivax.engine.reporting import regression_table

from helpers import error_of, random_panel, two_stage, two_way

# Few operations on a few hundred rows; measured below 1e-11.
RTOL = 1e-9
NAMES = ["TBI", "RQ", "INFR"]
G, T, K = 12, 8, len(NAMES)


def panel(missing: float = 0.3, seed: int = 5, **shape: int) -> pd.DataFrame:
    """Gaps in the rows, two instruments, pairs of countries."""
    shape = {"countries": G, "years": T, **shape}
    frame = random_panel(missing=missing, seed=seed, **shape)
    noise = np.random.default_rng(seed).normal(size=(2, len(frame)))
    pair = frame["iso3"].str[1:].astype(int) // 2
    z, more = frame["TBI"].to_numpy() + noise
    return frame.assign(z=z, more=more, pair=pair)


def flows_among(frame: pd.DataFrame) -> pd.DataFrame:
    names = sorted(frame["iso3"].unique())
    values = np.random.default_rng(3).exponential(size=(len(names),) * 2)
    return pd.DataFrame(values, names, names)


def fitted(frame: pd.DataFrame, design: str, vcov: Any, **options: Any) -> Any:
    if design == "least squares":
        return two_way(frame, "KOFGIdj", NAMES, vcov=vcov, **options)
    return two_stage(
        frame, "KOFGIdj", "TBI", ["z", "more"], NAMES[1:], vcov=vcov, **options
    )


class Literal(NamedTuple):
    """beta = H y with a column for every effect, residuals, the projection on X."""

    coef: np.ndarray
    H: np.ndarray
    u: np.ndarray
    P: np.ndarray


def literal(frame: pd.DataFrame, design: str) -> Literal:
    effects = [frame[k].to_numpy()[:, None] for k in ("iso3", "year")]
    dummies = [(k == np.unique(k)[None, :]).astype(float) for k in effects]
    X = np.column_stack([frame[NAMES], *dummies])
    used = X
    if design == "two stages":
        Z = np.column_stack([frame[["z", "more", *NAMES[1:]]], *dummies])
        used = Z @ (np.linalg.pinv(Z, rcond=1e-10) @ X)
    inverse = np.linalg.pinv(used, rcond=1e-10)
    y = frame["KOFGIdj"].to_numpy()
    u = y - X @ (inverse @ y)
    return Literal((inverse @ y)[:K], inverse[:K], u, used @ inverse)


# ------------------------------------------------------ sums over all pairs of rows


def factor(clusters: int, N: int, k: int) -> float:
    return clusters / (clusters - 1) * (N - 1) / (N - k)


Row = dict[str, Any]


def bartlett(i: Row, j: Row, lags: int) -> float:
    return max(0.0, 1 - abs(i["year"] - j["year"]) / (lags + 1))


def traded(frame: pd.DataFrame, order: int) -> Callable[[Row, Row], float]:
    flows = flows_among(frame)
    names = [*flows]
    trade = {
        (i, j): 0.0 if i == j else float(flows.loc[i, j] + flows.loc[j, i])  # type: ignore[arg-type]
        for i in names
        for j in names
    }
    total = {i: sum(trade[i, j] for j in names) for i in names}

    def direct(i: str, j: str) -> float:
        return float(i == j) + trade[i, j] / np.sqrt(total[i] * total[j])

    @cache
    def through(i: str, j: str) -> float:
        if order == 1:
            return direct(i, j)
        return sum(direct(i, k) * direct(k, j) for k in names)

    return lambda i, j: (
        through(i["iso3"], j["iso3"])
        / np.sqrt(through(i["iso3"], i["iso3"]) * through(j["iso3"], j["iso3"]))
    )


def places_of(frame: pd.DataFrame) -> pd.DataFrame:
    names = sorted(frame["iso3"].unique())
    at = np.random.default_rng(7).uniform([-60, -180], [60, 180], (len(names), 2))
    return pd.DataFrame(at, names, ["latitude", "longitude"])


def near_by(frame: pd.DataFrame, kernel: str, lags: int | None) -> Callable:
    """K(d) by the angle between two vectors from the centre of the earth."""
    places = places_of(frame)
    north, east = np.radians(places.to_numpy()).T
    x = [np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)]
    d = 6371 * np.arccos(np.clip(np.array(x).T @ np.array(x), -1, 1))
    near = np.maximum(0, 1 - d / 9000) if kernel == "bartlett" else 1.0 * (d <= 9000)
    K = {
        (i, j): 1.0 if i == j else float(near[k, m])
        for k, i in enumerate(places.index)
        for m, j in enumerate(places.index)
    }

    def weight(i: Row, j: Row) -> float:
        if lags is not None and i["year"] != j["year"]:
            return same(i, j, "iso3") * bartlett(i, j, lags)
        return K[i["iso3"], j["iso3"]]

    return weight


def same(i: Row, j: Row, *names: str) -> float:
    return float(all(i[k] == j[k] for k in names))


def either(i: Row, j: Row, second: str) -> float:
    return same(i, j, "iso3") + same(i, j, second) - same(i, j, "iso3", second)


Case = tuple[Any, Callable[[Any, Any], float], Callable[[int], float], int]


def of_pairs(frame: pd.DataFrame) -> dict[str, Case]:
    """vcov, the weight of a pair of rows, the factor of N, the degrees of freedom."""
    default = int(4 * (T / 100) ** (2 / 9))
    kernel = lambda N: N / (N - K - G - T + 1)  # noqa: E731
    plain = lambda N: factor(G, N, K + T)  # noqa: E731
    both = lambda N: factor(T, N, K + 1)  # noqa: E731
    crossed = lambda N: factor(6, N, K + T)  # noqa: E731
    cases: dict[str, Case] = {
        "CV1": ("CV1", lambda i, j: same(i, j, "iso3"), plain, G - 1),
        "two-way": ("two-way", lambda i, j: either(i, j, "year"), both, T - 1),
    }
    pairs = lambda i, j: either(i, j, "pair")  # noqa: E731
    cases["two-way pair"] = (tx.vcov.TwoWay("pair"), pairs, crossed, 5)
    for lags in (None, 0, 3):
        near = partial(bartlett, lags=default if lags is None else lags)
        cases[f"Driscoll-Kraay {lags}"] = (
            tx.vcov.DriscollKraay(lags),
            near,
            kernel,
            T - 1,
        )
    for kernel_name, lags in (("bartlett", None), ("uniform", 2)):
        vcov = tx.Conley(9000.0, kernel_name, lags, places_of(frame))
        near = near_by(frame, kernel_name, lags)
        cases[f"Conley {kernel_name}"] = (vcov, near, plain, G - 1)
    for order in (1, 2):
        vcov = tx.vcov.Network(flows_among(frame), order)
        cases[f"network {order}"] = (vcov, traded(frame, order), plain, G - 1)
    return cases


def sum_over_pairs(frame: pd.DataFrame, weight: Callable, s: np.ndarray) -> np.ndarray:
    rows: Any = frame[["iso3", "year", "pair"]].to_dict("records")
    W = np.array([[weight(i, j) for j in rows] for i in rows])
    return s @ W @ s.T


DESIGNS = ["least squares", "two stages"]


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("name", of_pairs(panel()))
def test_covariances_are_sums_over_pairs_of_rows(name, missing, design):
    frame = panel(missing)
    vcov, weight, correction, degrees = of_pairs(frame)[name]
    fit, own = fitted(frame, design, vcov), literal(frame, design)
    V = correction(len(frame)) * sum_over_pairs(frame, weight, own.H * own.u)
    terms = fit.terms.loc[NAMES]
    assert_allclose(terms["estimate"], own.coef, rtol=RTOL)
    covariance = fit.covariance.loc[NAMES, NAMES]
    own_se = np.sqrt(np.where(np.diag(V) > 0, np.diag(V), np.nan))
    assert_allclose(terms["se"], own_se, rtol=RTOL)
    assert_allclose(covariance, V, rtol=RTOL, atol=RTOL * np.abs(V).max())
    p = 2 * stats.t.sf(np.abs(own.coef) / own_se, degrees)
    assert_allclose(terms["p_value"], p, rtol=1e-7)
    assert_allclose(fit.residuals, own.u, rtol=0, atol=RTOL)
    assert fit.degrees == degrees


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("lags", [0, 2])
def test_common_shocks_take_the_largest_of_three_sums(lags, design):
    frame = panel()
    fit, own = fitted(frame, design, tx.vcov.CommonShocks(lags)), literal(frame, design)

    def variances(weight: Callable) -> np.ndarray:
        return sum_over_pairs(frame, weight, own.H * own.u)

    country = variances(lambda i, j: same(i, j, "iso3"))
    year = variances(lambda i, j: bartlett(i, j, lags))
    overlap = variances(lambda i, j: same(i, j, "iso3") * bartlett(i, j, lags))
    parts = [np.diag(V) for V in (country, year, country + year - overlap)]
    z = np.eye(T) - 1 / T
    gap = np.abs(np.subtract.outer(range(T), range(T)))
    A = z @ np.maximum(0, 1 - gap / (lags + 1)) @ z
    N = len(frame)
    scale = (N - 1) / (N - K - 1) / (np.trace(A) / T)
    assert_allclose(fit.terms["se"] ** 2, scale * np.max(parts, axis=0), rtol=RTOL)
    assert fit.degrees == int(np.trace(A) ** 2 / np.trace(A @ A) + 1e-9)


# ----------------------------------------------------------------- leaving groups out


def jackknife(frame: pd.DataFrame, design: str, key: list[str]) -> np.ndarray:
    """(n - 1)/n times the squares of what refits without each group change."""
    b = literal(frame, design).coef
    left = [
        literal(frame.drop(rows.index), design).coef for _, rows in frame.groupby(key)
    ]
    gap = np.array(left) - b
    return (len(gap) - 1) / len(gap) * gap.T @ gap


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_jackknives_are_those_of_refits(missing, design):
    """In two stages the first is fitted anew as well."""
    frame = panel(missing)
    by_country = jackknife(frame, design, ["iso3"])
    by_both = by_country + jackknife(frame, design, ["year"])
    by_both = by_both - jackknife(frame, design, ["iso3", "year"])
    for vcov, V, clusters in (
        ("CV3", by_country, None),
        ("CV3", jackknife(frame, design, ["pair"]), "pair"),
        (tx.vcov.TwoWay(jackknife=True), by_both, None),
    ):
        fit = fitted(frame, design, vcov, clusters=clusters)
        assert_allclose(fit.covariance, V, rtol=1e-7, atol=1e-9 * np.abs(V).max())


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("clusters", ["iso3", "pair"])
def test_cv2_and_its_degrees_by_matrices_of_all_rows(clusters, design):
    """h_g = H_g (I - P_gg)^-1/2 u_g; the degrees are of the form p'(I - P) p."""
    frame = panel()
    own, fit = literal(frame, design), fitted(frame, design, "CV2", clusters=clusters)
    labels = frame[clusters].to_numpy()
    halves, p = [], np.zeros((K, len(frame), len(np.unique(labels))))
    for g, label in enumerate(np.unique(labels)):
        rows = labels == label
        values, U = np.linalg.eigh(np.eye(rows.sum()) - own.P[np.ix_(rows, rows)])
        kept = values > 1e-9
        root = (U[:, kept] / np.sqrt(values[kept])) @ U[:, kept].T
        halves.append(own.H[:, rows] @ root @ own.u[rows])
        p[:, rows, g] = own.H[:, rows] @ root
    V = np.array(halves).T @ np.array(halves)
    assert_allclose(fit.covariance, V, rtol=RTOL, atol=RTOL * np.abs(V).max())
    forms = [k.T @ (np.eye(len(frame)) - own.P) @ k for k in p]
    degrees = [np.trace(k) ** 2 / np.trace(k @ k) for k in forms]
    assert_allclose(fit.term_degrees, degrees, rtol=RTOL)
    t = np.abs(fit.terms["t"])
    assert_allclose(fit.terms["p_value"], 2 * stats.t.sf(t, degrees), rtol=1e-8)
    half = stats.t.ppf(0.95, degrees) * fit.terms["se"].to_numpy()
    found = fit.confint(0.9)["ci_high"] - fit.terms["estimate"].to_numpy()
    assert_allclose(found, half, rtol=RTOL)
    assert f"t with {min(degrees):.1f} to {max(degrees):.1f} degrees" in repr(fit)


def test_a_cluster_that_identifies_the_effect_leaves_no_jackknife():
    frame = panel(0.0)
    reform = (frame["iso3"] == "C01") & (frame["year"] > 2003)
    frame = frame.assign(RQ=reform.astype(float))
    for vcov in ("CV2", "CV3", tx.vcov.TwoWay(jackknife=True)):
        fit = fitted(frame, "least squares", vcov)
        assert np.isnan(fit["RQ"].se) and fit["TBI"].se > 0
        assert "no standard error for RQ: one cluster alone" in fit.note
    assert (
        "C01 alone identifies a part of RQ"
        in fitted(frame, "least squares", "two-way").note
    )


# -------------------------------------------------------------------- other libraries


def pyfixest_fit(frame: pd.DataFrame, effects: str, by: str, **correction: Any) -> Any:
    pyfixest: Any = import_module("pyfixest")
    return pyfixest.feols(
        # Without blanks pyfixest 0.60 takes the second effect for nested too.
        f"KOFGIdj ~ TBI + RQ + INFR | {effects}",
        frame,
        vcov={"CRV1": by},
        ssc=pyfixest.ssc(**correction),
        demeaner=pyfixest.MapDemeaner(fixef_tol=1e-12),
    )


def linearmodels_fit(data: pd.DataFrame, kind: str, **options: Any) -> Any:
    effects = {"entity_effects": True, "time_effects": True}
    model = PanelOLS(data["KOFGIdj"], data[NAMES], **effects)
    if kind == "clustered":
        options["cluster_entity"] = True
    return model.fit(cov_type=kind, **options)


def test_words_of_two_way_clusters_name_the_columns():
    frame = random_panel().rename(columns={"iso3": "state", "year": "week"})
    names = {"entity": "state", "time": "week", "vcov": "two-way"}
    fit = two_way(frame, "KOFGIdj", ["TBI"], **names)
    assert "clustered by state and by week, fixest" in str(fit)


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_covariances_are_those_of_the_libraries(missing):
    """pyfixest's two-way clusters and linearmodels' kernel of years."""
    frame = panel(missing)
    theirs = pyfixest_fit(frame, "iso3 + year", "iso3+year")
    fit = fitted(frame, "least squares", "two-way")
    assert_allclose(fit.terms["se"], theirs.se(), rtol=RTOL)
    assert_allclose(fit.r2, theirs._r2_within, rtol=RTOL)
    kernel = linearmodels_fit(frame.set_index(["iso3", "year"]), "kernel", bandwidth=2)
    fit = fitted(frame, "least squares", tx.vcov.DriscollKraay(2))
    assert_allclose(fit.terms["se"], kernel.std_errors, rtol=RTOL)


CORRECTIONS: dict[str, dict[str, Any]] = {
    "stata": {},
    "fixest": {},
    "lsdv": {"k_fixef": "full"},
    "plm": {"k_adj": False, "G_adj": False},
    "ppml": {"k_adj": False},
}


def test_effects_that_clusters_nest_are_not_counted_by_fixest():
    frame = panel()
    label = frame["developed"].astype(str) + "-" + frame["year"].astype(str)
    frame = frame.assign(period=pd.factorize(label)[0])
    theirs = pyfixest_fit(frame, "iso3 + period", "developed")
    options: Any = {"time": "period", "clusters": "developed", "convention": "fixest"}
    fit = two_way(frame, "KOFGIdj", NAMES, **options)
    assert_allclose(fit.terms["se"], theirs.se(), rtol=RTOL)


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_conventions_are_those_of_the_libraries(convention, missing):
    """Effects of group and year, of which xtreg counts one less."""
    frame = panel(missing)
    label = frame["year"].astype(str)
    if convention != "stata":
        label = frame["developed"].astype(str) + "-" + label
    frame = frame.assign(period=pd.factorize(label, sort=True)[0])
    if convention == "linearmodels":
        theirs = linearmodels_fit(frame.set_index(["iso3", "period"]), "clustered")
        se, r2 = theirs.std_errors, theirs.rsquared
    else:
        options = CORRECTIONS[convention]
        theirs = pyfixest_fit(frame, "iso3 + period", "iso3", **options)
        se, r2 = theirs.se(), theirs._r2_within
    front = two_way(frame, "KOFGIdj", NAMES, time="period", convention=convention)
    own = np.sqrt(np.diag(front.solved.covariance(CV1(convention))))
    for found in (own, front.terms.loc[NAMES, "se"]):
        assert_allclose(found, se, rtol=RTOL)
    if convention != "stata":
        assert_allclose(front.r2, r2, rtol=RTOL)


# ------------------------------------------------------------------------ limits, words


def test_years_are_apart_by_the_calendar():
    """Every third year: a kernel of two years has no neighbours in it, and of years that
    are labels it has two on each side."""
    frame = panel(0.0, years=18)
    frame = frame[frame["year"] % 3 == 0]
    named = frame.assign(year="y" + frame["year"].astype(str))
    for kind in (tx.vcov.DriscollKraay, tx.vcov.CommonShocks):

        def se(data: pd.DataFrame, lags: int, kind: Any = kind) -> float:
            return fitted(data, "least squares", kind(lags))["TBI"].se

        assert_allclose(se(frame, 2), se(frame, 0), rtol=1e-12)
        assert abs(se(named, 2) / se(named, 0) - 1) > 0.01
        numbers = frame.assign(year=frame["year"].astype(str))
        assert_allclose(se(numbers, 4), se(frame, 4), rtol=1e-12)


def test_countries_that_trade_with_none_or_with_one_alone_are_clusters():
    """Without trade each; in six pairs each pair, and only G/(G-1) differs."""
    frame = panel()
    flows = flows_among(frame)
    own = fitted(frame, "least squares", tx.vcov.Network(0 * flows)).terms
    wanted = fitted(frame, "least squares", "CV1").terms.loc[NAMES]
    assert_allclose(own, wanted, rtol=RTOL)
    pair = [int(name[1:]) // 2 for name in flows]
    paired = pd.DataFrame(
        np.equal.outer(pair, pair).astype(float), flows.index, flows.columns
    )
    own = fitted(frame, "least squares", tx.vcov.Network(paired)).terms["se"]
    wanted = fitted(frame, "least squares", "CV1", clusters="pair").terms["se"]
    assert_allclose(own, np.sqrt((12 / 11) / (6 / 5)) * wanted[NAMES], rtol=RTOL)


def test_entities_far_apart_are_clusters_and_groups_at_one_place_too():
    """As R's fixest tests its own: a uniform kernel between groups at one place is the
    sum of clusters of the groups."""
    frame = panel()
    pair = frame.groupby("iso3")["pair"].first()
    line = pd.DataFrame({"latitude": 0.0, "longitude": 10.0 * pair})
    own = fitted(frame, "least squares", tx.Conley(500, "uniform", places=line)).terms
    wanted = fitted(frame, "least squares", "CV1", clusters="pair").terms["se"]
    assert_allclose(own["se"], np.sqrt((12 / 11) / (6 / 5)) * wanted[NAMES], rtol=RTOL)
    apart = line.assign(longitude=range(len(line)))
    own = fitted(frame, "least squares", tx.Conley(100, places=apart)).terms
    wanted = fitted(frame, "least squares", "CV1").terms.loc[NAMES]
    assert_allclose(own, wanted, rtol=RTOL)


def test_capitals_are_as_far_apart_as_they_are():
    """Great circles as airlines give them, to 1 %."""
    names = ["FRA", "DEU", "USA", "JPN", "AUS", "GBR"]
    D = pd.DataFrame(distances_among(names), names, names)
    for pair, km in {
        "FRA DEU": 878, "GBR FRA": 344, "GBR USA": 5900, "USA JPN": 10_910, "JPN AUS": 7_950
    }.items():  # fmt: skip
        assert D.loc[*pair.split()] == pytest.approx(km, rel=0.01), pair
    assert len(CAPITALS) >= 43


def test_driscoll_kraay_has_no_clusters():
    """Its scores are summed over the countries of a year: no table names clusters."""
    fit = fitted(panel(), "least squares", "driscoll-kraay")
    assert fit.clusters == 0 and "clusters" not in str(fit)
    assert "clusters" not in regression_table([fit])["term"].tolist()
    assert "clusters" not in fit.__maketables_default_stat_keys__


@pytest.mark.parametrize("name", PLAIN)
def test_an_outcome_that_is_explained_leaves_no_errors(name):
    frame = panel().assign(KOFGIdj=lambda k: 2 * k["TBI"] + k["RQ"] - 0.3 * k["year"])
    fit = fitted(frame, "least squares", name)
    assert fit.terms["se"].isna().all() and "without any error" in fit.note


@pytest.mark.parametrize("name", PLAIN)
def test_every_covariance_says_what_it_is_and_tests_by_its_degrees(name):
    frame = panel().rename(columns={"iso3": "land", "year": "yr"})
    options = {"entity": "land", "time": "yr"}
    fit = fitted(frame, "least squares", name, **options)
    method = fit.glance()["method"].item()
    assert method in repr(fit) and ("by land" in method or "by country" not in method)
    if fit.term_degrees is None:
        assert_allclose(fit.wald(["RQ"])[1], fit["RQ"].p_value, rtol=1e-8)


def test_without_lags_years_are_independent_clusters():
    """A = I - 1/T: (T - 1)/T of the variance, T - 1 degrees of freedom."""
    frame = panel()
    assert fitted(frame, "least squares", tx.vcov.CommonShocks(0)).degrees == T - 1
    fit = fitted(frame, "least squares", "common-shocks")
    assert fit.convention.startswith("common shocks, 2 lags")


def test_what_does_not_go_together_is_told_in_one_line():
    frame = panel()

    def told(**options: Any) -> str:
        return error_of(two_way, frame, "KOFGIdj", NAMES, **options)

    for vcov in ("HC3", "CV9"):
        assert told(vcov=vcov).startswith(f"vcov: no covariance '{vcov}'; choose from")
    assert "take vcov CV1, CV3 or" in told(vcov="CV2", clusters=["iso3", "year"])
    for vcov in ("driscoll-kraay", "two-way"):
        assert told(vcov=vcov, time="") == "this vcov takes periods; name it: time="
    assert told(vcov="driscoll-kraay", clusters="pair") == (
        "clusters 'pair': vcov DriscollKraay has no clusters to choose; leave one of the "
        "two out"
    )
    assert "no column block in the data" in told(vcov=tx.vcov.TwoWay("block"))
    assert "lags 8: give a whole number from 0 to 7" in told(
        vcov=tx.vcov.DriscollKraay(8)
    )
    flows = flows_among(frame)
    for weights, line in (
        (flows.drop(index="C03"), "weights: the rows lack C03"),
        (flows.drop(columns="C03"), "weights: the columns lack C03"),
        (flows.mask(flows == flows.loc["C02", "C05"], -1.0), "from C02 to C05 is -1"),
    ):
        assert line in told(vcov=tx.vcov.Network(weights))
    assert "no capital of C00 is known; give places" in told(vcov=tx.Conley(1000))
    places = places_of(frame)
    for given, line in (
        (places.drop("C03"), "places: the rows lack C03"),
        (places.drop(columns="latitude"), "places: no column latitude"),
        (places.assign(latitude=95.0), "places: C00 is at [95.0"),
    ):
        assert line in told(vcov=tx.Conley(1000, places=given))
    skew = pd.DataFrame(np.triu(np.ones((G, G)), 1), [*places.index], [*places.index])
    assert "not as far as back" in told(vcov=tx.Conley(1, distances=skew))
    assert error_of(tx.Conley, -1.0).startswith("cutoff -1.0: give a distance")
