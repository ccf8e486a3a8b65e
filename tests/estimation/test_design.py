"""One contract: a model on its rows, fitted, is what two libraries make of every effect as
a dummy, whatever the effects, clusters, weights, slopes, instruments and gaps."""

from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from linearmodels.iv import IV2SLS
from numpy.testing import assert_allclose

from tivax.engine.estimation import LinearFit
from tivax.engine.estimation.model import Model
from tivax.kernels import clusters as kernel

from helpers import error_of, random_panel

# Of a standard error. Every effect is a column for the libraries, since pyfixest's demeaning
# ends at 1e-12 of a column. Measured 7e-14 against linearmodels, whose pseudo-inverse
# is of levels, and 3e-14 against pyfixest.
ATOL = 1e-12


def labelled(missing: float) -> pd.DataFrame:
    """With halves of each country's years, regions that hold whole countries, industries
    that change, weights, an instrument and a trend; the rows in no order."""
    frame = random_panel(countries=11, years=7, missing=missing, seed=2)
    rng = np.random.default_rng(4)
    number = frame["iso3"].str[1:].astype(int)
    frame = frame.assign(
        half=frame["iso3"] + (frame["year"] > 2003).map({True: "b", False: "a"}),
        region="R" + (number % 4).astype(str),
        industry=rng.integers(5, size=len(frame)),
        w=rng.uniform(0.5, 2.0, size=len(frame)),
        Z=frame["TBI"] + rng.normal(size=len(frame)),
        trend=frame["year"] - 2003.0,
    )
    return frame.sample(frac=1, random_state=0)


PANELS = {"balanced": labelled(0.0), "with gaps": labelled(0.3)}


class Case(NamedTuple):
    """Effects, clusters, slopes of units, and what k counts beside three regressors:
    effects within clusters as one, of others the rank, and each slope."""

    effects: tuple[str, ...]
    clusters: str
    parameters: int
    slopes: tuple[str, ...] = ()
    instruments: tuple[str, ...] = ()


CASES = {
    "crossed": Case(("iso3", "year"), "iso3", 1 + 6),
    "nested alone": Case(("iso3",), "iso3", 1),
    "none nested": Case(("year",), "iso3", 7),
    "no effects": Case((), "iso3", 1),
    "two nested and crossed": Case(("iso3", "half", "year"), "iso3", 1 + 5),
    "two nested": Case(("half", "iso3"), "iso3", 1),
    "coarser clusters": Case(("iso3", "region", "year"), "region", 1 + 6),
    "two crossed": Case(("iso3", "year", "industry"), "iso3", 1 + 6 + 4),
    "crossed, coarser clusters": Case(("year", "industry"), "region", 1 + 6 + 4),
    "slopes": Case(("iso3", "year"), "iso3", 1 + 5 + 11, ("trend",)),
    "instrument": Case(("iso3", "year"), "iso3", 1 + 6, (), ("Z",)),
    "two instruments": Case(("year",), "region", 7, (), ("Z", "TFP")),
}


def dummies(frame: pd.DataFrame, case: Case) -> np.ndarray:
    """A constant, every label of every effect, every slope: those that are independent."""
    columns = [np.ones((len(frame), 1))]
    columns += [pd.get_dummies(frame[k]).to_numpy(float) for k in case.effects]
    columns += [columns[1] * frame[[k]].to_numpy() for k in case.slopes]
    every = np.hstack(columns)
    kept: list[int] = []
    for k in range(every.shape[1]):
        if np.linalg.matrix_rank(every[:, [*kept, k]], tol=1e-8) > len(kept):
            kept.append(k)
    return every[:, kept]


def by_linearmodels(
    frame: pd.DataFrame, case: Case, weights: str
) -> tuple[float, float]:
    """Coefficient and error of TBI, without a factor for small samples."""
    D = dummies(frame, case)
    exogenous = np.hstack([frame[["RQ", "INFR"]].to_numpy(), D])
    x, z = frame[["TBI"]].to_numpy(), frame[[*case.instruments]].to_numpy()
    iv = (x, z) if case.instruments else (None, None)
    if not case.instruments:
        exogenous = np.hstack([x, exogenous])
    w = frame[weights].to_numpy() if weights else None
    model = IV2SLS(frame["KOFGIdj"].to_numpy(), exogenous, *iv, weights=w)
    codes = pd.factorize(frame[case.clusters])[0]
    fit = model.fit(cov_type="clustered", clusters=codes, debiased=False)
    place = "endog" if case.instruments else "exog.0"
    return fit.params[place], fit.std_errors[place]


def by_pyfixest(frame: pd.DataFrame, case: Case, weights: str) -> tuple[float, float]:
    pyfixest: Any = import_module("pyfixest")
    names = [f"d{k}" for k in range(dummies(frame, case).shape[1] - 1)]
    D = pd.DataFrame(dummies(frame, case)[:, 1:], frame.index, names)
    formula = f"KOFGIdj ~ {' + '.join(['TBI', 'RQ', 'INFR', *names])}"
    fit = pyfixest.feols(
        formula,
        pd.concat([frame, D], axis=1),
        vcov={"CRV1": case.clusters},
        weights=weights or None,
        ssc=pyfixest.ssc(k_adj=False, G_adj=False),
        collin_tol=1e-10,
    )
    return fit.coef()["TBI"], fit.se()["TBI"]


@pytest.mark.parametrize(
    "panel, weights", [("balanced", ""), ("with gaps", ""), ("with gaps", "w")]
)
@pytest.mark.parametrize("name", CASES)
def test_a_fit_is_that_of_the_libraries(name, panel, weights):
    """CV1 is their sandwich times G/(G-1) (N-1)/(N-k)."""
    frame, case = PANELS[panel], CASES[name]
    names = ("TBI", "RQ", "INFR")
    of = {"instruments": case.instruments, "clusters": case.clusters}
    of |= {"entity": "", "time": "", "effects": case.effects}
    model = Model("m", "KOFGIdj", names, treatment="TBI", **of)
    fit = LinearFit.of(frame, model, weights=weights, slopes=case.slopes)
    G, N, k = frame[case.clusters].nunique(), len(frame), 3 + case.parameters
    assert (fit.clusters, fit.n, fit.k) == (G, N, k)
    # Nested effects beyond the one that k counts.
    rest = max(fit.effects.absorbed - 1, 0)
    assert k + rest == 3 + dummies(frame, case).shape[1]
    factor = np.sqrt(G / (G - 1) * (N - 1) / (N - k))
    libraries = [by_linearmodels]
    libraries += [] if case.instruments else [by_pyfixest]
    for library in libraries:
        coef, se = library(frame, case, weights)
        assert abs(fit.coef[0] - coef) <= ATOL * fit.se[0]
        assert abs(fit.se[0] - factor * se) <= ATOL * fit.se[0]
    # The cross products say the same, and what the fit says of itself holds.
    products, whole = fit.products, fit.cluster_fit
    x = fit.layout.exogenous
    assert_allclose(np.asarray(whole.coef)[x] * fit.unit[0], fit.coef[0], rtol=1e-11)
    V = np.asarray(kernel.cv1(products, whole))[x, x] * fit.unit[0] ** 2
    assert_allclose(V, fit.covariance()[0, 0], rtol=1e-11)
    assert fit.residual < 1e-14
    y = frame.loc[fit.used.index, "KOFGIdj"]
    assert_allclose(fit.row_weights[:, 0] @ y, fit.coef[0], rtol=1e-10)


@pytest.mark.parametrize("panel", PANELS)
def test_estimates_without_a_cluster_are_fits_of_the_others(panel):
    """Of each country, with its number of rows and CV1."""
    frame = PANELS[panel]
    model = Model("m", "KOFGIdj", ("TBI", "RQ", "INFR"), entity="iso3", time="year")
    fit = LinearFit.of(frame, model)
    samples = fit.samples(1 - np.eye(fit.clusters))
    for g, name in enumerate(fit.labels):
        own = LinearFit.of(frame[frame["iso3"] != name], model)
        assert_allclose(fit.left_out()[g], own.coef, rtol=1e-11)
        assert_allclose(samples.coef[g], own.coef[0], rtol=1e-11)
        assert_allclose(np.sqrt(samples.variance[g]), own.se[0], rtol=1e-11)
        assert (samples.rows[g], samples.clusters[g]) == (own.n, own.clusters)
        assert samples.sound[g]


@pytest.mark.parametrize("lost", ["TBI", "RQ", "sums"])
def test_a_regressor_that_one_cluster_identifies_has_no_estimate_without_it(lost):
    """Constant in every other country, at levels whose mean is rounded, or explained by
    the other regressors there."""
    frame = random_panel(countries=22, seed=1)
    level = frame["iso3"].str[1:].astype(float) * 0.1 + 1000.1
    name, others = (lost, level) if lost != "sums" else ("RQ", frame["TBI"] + level)
    frame[name] = frame[name].where(frame["iso3"] == "C00", others)
    model = Model("m", "KOFGIdj", ("TBI", "RQ", "INFR"), entity="iso3", time="year")
    fit = LinearFit.of(frame, model)
    sound = np.asarray(fit.samples(1 - np.eye(fit.clusters)).sound)
    assert [k for k, its in zip(fit.labels, sound, strict=True) if not its] == ["C00"]
    line = error_of(LinearFit.of, frame[frame["iso3"] != "C00"], model)
    assert "is collinear with" in line


@pytest.mark.parametrize(
    "changes, arguments, told",
    [
        ({}, {"weights": "trend"}, "weights trend: -3 is not positive"),
        ({"effects": ("half",)}, {"slopes": ("trend",)}, "slopes of units take one effect that the clusters nest"),
        ({"clusters": "half"}, {"slopes": ("trend",)}, "slopes of units take one effect"),
        ({"sample": "developed", "clusters": "region"}, {"few_clusters": False}, "2 clusters are left for 2 regressors; it takes more clusters than regressors"),
    ],
)  # fmt: skip
def test_weights_slopes_and_clusters_that_cannot_be_are_one_line(
    changes, arguments, told
):
    model = Model("m", "KOFGIdj", ("TBI", "RQ"), entity="iso3", time="year")
    of = partial(LinearFit.of, **arguments)
    assert told in error_of(of, PANELS["balanced"], replace(model, **changes))
