"""P-values of one model of one panel, and which of them to trust, in four steps.

The steps follow MacKinnon (2026), When can we trust cluster-robust inference?, and
MacKinnon, Nielsen and Webb (2023b): look at the clusters (how many, how unequal, which
of them carry the estimate); test their level; put several p-values side by side; and
see by simulation and by placebo regressions, of this very panel, which of them rejects
true nulls as often as it says.

The panels that are simulated have its regressors, and five kinds of what is not known:

    alike       errors AR(1) of the autocorrelation of the residuals, alike in size
    by country  the same, as large by country as the residuals
    factor      and a common factor, with the loadings of the first principal component
                of what effects and controls leave of the outcome, and its share beyond
                that where countries are independent
    placebos    the outcome less the treatment's effect, a treatment AR(1) of its
                autocorrelation
    phases      the same outcome, the treatment with random phases, which keep its
                correlation between countries (balanced panels)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypedDict, cast

import numpy as np
import pandas as pd

from ....kernels.panels.simulated import METHODS, WILD
from ...core import (
    Count,
    Phrase,
    Progress,
    Texts,
    TivaxError,
    in_float64,
    no_progress,
    require_kind,
    require_whole,
)
from ...estimation import (
    CommonShocks,
    Conley,
    DriscollKraay,
    Estimate,
    LinearFit,
    Model,
    Network,
    TwoWay,
    Vcov,
    cross_section_dependence,
    require_columns,
)
from ...reporting import Told
from ..cluster_diagnostics import cluster_table, clustering_level, model_table
from ..inference import infer
from ..p_values import LEVEL, never_zero
from ..plans import make_plan
from ..schemes import Bayesian, Pairs, Placebo, Scheme, Type, Wild
from .given import given_by, read_flows
from .panels import Study, StudyDesign
from .run import simulate

# A method keeps its level where its size is within this of it (MacKinnon, Nielsen and
# Webb call 0.05 +- 0.01 reliable), Monte-Carlo error aside.
WIDTH = 0.01
_OF_TABLE = {
    "CV1 t(G-1)": "cv1_p_value",
    "CV2 BM": "cv2_p_value",
    "CV3 t(G-1)": "cv3_p_value",
    "CV3J t(G-1)": "cv3j_p_value",
    "V5 t(G-1)": "v5_p_value",
    "V5 adjusted": "v5_adjusted_p_value",
}
_OF_FIT: Mapping[str, Vcov] = {
    "two-way CV1": TwoWay(),
    "two-way CV3": TwoWay(jackknife=True),
    "Driscoll-Kraay": DriscollKraay(),
    "common shocks": CommonShocks(),
    "Conley": Conley(StudyDesign.cutoff),
}
_SCHEMES: Mapping[str, Scheme] = {
    **{
        name: Wild(null=name.startswith("WCR"), type=cast(Type, name[3:] or "11"))
        for name in WILD
    },
    "pairs percentile": Pairs(),
    "Bayesian percentile": Bayesian(),
    "placebo coefficient": Placebo(studentised=False),
    "placebo t": Placebo(),
    "Freedman-Lane t": Placebo(method="freedman-lane"),
}


_FEWEST_YEARS = 5  # with two phases that are drawn


@dataclass(frozen=True, eq=False, repr=False)
class OwnPanel(Told):
    """Findings of the four steps for one treatment of one model.

    Attributes
    ----------
    model, term
        The model, with this treatment alone.
    diagnostics
        A row of ``model_table``.
    clusters
        A row for each cluster, of ``cluster_table``, the one with most of the variation
        first.
    levels
        A row for each test of the level of clusters: fine, coarse, how many of each,
        tau and its p-values; note: why there is none.
    p_values
        A row for each method: p, and why there is none (note); size_min and size_max
        over the simulated kinds, worst (the kind of size_max), keeps.
    sizes
        Rejection rates of the simulations: ``rejection_table``.
    study, draws, residual_max
        The study that was simulated, the draws of the panel's own p-values, and the
        residual of the fit.
    phrases
        Kinds of panels and notes that have holes, by their text.

    ``keeps`` is "yes" where the size is within 0.01 of 5 % in every kind, "too often"
    where it is larger in one, "too rarely" where only smaller; each beyond 1.96
    Monte-Carlo errors.
    """

    model: Model
    term: str
    diagnostics: pd.Series
    clusters: pd.DataFrame
    levels: pd.DataFrame
    p_values: pd.DataFrame
    sizes: pd.DataFrame
    study: Study
    draws: int
    residual_max: float
    phrases: Mapping[str, str] = field(default_factory=dict)

    program = "simulate"
    in_print = "tivax.engine.present.simulation"

    def tables(self) -> dict[str, pd.DataFrame]:
        named = {
            "p_values": _bounded(self.p_values, self.draws),
            "simulation": self.sizes,
            "levels": _bounded(self.levels, min(self.draws, 9_999)),
        }
        about = {"model": self.model.name, "term": self.term}
        return {
            **{k: v.assign(**about)[[*about, *v]] for k, v in named.items()},
            "clusters": self.clusters,
            "models": self.diagnostics.to_frame().T.infer_objects(),
        }

    def facts(self) -> dict[str, Any]:
        return {
            "residual_max": float(self.residual_max),
            "models": 1,
            "panels": self.study.panels,
            "panel_draws": self.study.draws,
            "draws": self.draws,
            "trusted": {f"{self.model.name}: {self.term}": [*self.trusted["method"]]},
        }

    @property
    def trusted(self) -> pd.DataFrame:
        """Methods that keep their level, the one that is nearest to 5 % first."""
        kept = self.p_values[
            (self.p_values["keeps"] == "yes") & self.p_values["p_value"].notna()
        ]
        apart = (kept[["size_min", "size_max"]] - LEVEL).abs().max(axis=1)
        return kept.loc[apart.sort_values(kind="stable").index]

    def findings(self) -> dict[str, list[dict[Any, Any]]]:
        """Rows of ``p_values``: the ``usual``; ``trusted``, the best first; of those
        that keep no level the safest (``rarely``) and the least wrong (``often``)."""
        rows = self.p_values.sort_values("size_max", ascending=False)
        rarely = rows[(rows["keeps"] == "too rarely") & rows["p_value"].notna()]
        found = {
            "usual": rows[rows["method"] == "CV1 t(G-1)"],
            "trusted": self.trusted,
            "rarely": rarely.head(3),
            "often": rows[rows["keeps"] == "too often"].tail(1),
        }
        return {k: v.to_dict("records") for k, v in found.items()}


class SimulateSection(TypedDict, total=False):
    """The section [simulate] of a run file: arguments of :func:`own_panel`.

    ``draws`` are those of each bootstrap in each panel that is simulated.
    """

    panels: Count
    draws: Count
    coarse: Texts
    flows: Path


def require_simulated(model: Model) -> None:
    """Raise ``TivaxError`` for a model whose panels are not simulated."""
    if model.instruments:
        raise TivaxError(
            f"model {model.name}: two-stage least squares is not simulated; write the "
            "reduced form, the instrument in place of the treatment"
        )
    entity, time = model.entity, model.time
    if {*model.all_effects} != {entity, time} or model.clusters != entity:
        raise TivaxError(
            f"model {model.name}: panels are simulated with effects of entity and time "
            "and clusters by entity"
        )


@in_float64
def own_panel(
    panel: pd.DataFrame,
    model: Model,
    *,
    path: Path,
    coarse: Sequence[str] = (),
    flows: Path | None = None,
    draws: int = 99_999,
    panels: int = 1_000,
    panel_draws: int = 399,
    seed: int = 0,
    progress: Progress = no_progress,
) -> list[OwnPanel]:
    """The four steps, for each treatment of a model with effects of its entity, such as
    a country, and its time.

    ``draws`` are those of the panel's own p-values, ``panel_draws`` those of each of
    the ``panels`` that are simulated of each kind. ``coarse`` are levels above the
    countries to test, ``flows`` a file of the network.

    Raises ``TivaxError`` for two-stage least squares and other effects or clusters.
    """
    for name, value in (("draws", draws), ("panels", panels)):
        require_whole(name, value, 1)
    require_simulated(model)
    entity = model.entity
    found, total = [], panels * len(model.treatments)
    for number, term in enumerate(model.treatments):
        others = (k for k in model.regressors if k != term)
        one = replace(model, treatment=(term,), regressors=(term, *others))
        fitted = LinearFit.to_draw(panel, one)
        diagnostics = model_table([fitted]).iloc[0]
        designs = _designs(panel, fitted, path, flows)
        study = Study(tuple(designs), panels, panel_draws, seed)
        levels = [
            _level(panel, one, fine, level, draws, seed)
            for fine, level in (("rows", entity), *((entity, k) for k in coarse))
        ]

        def told(done: int, of: int, before: int = number * panels) -> None:
            progress(before + panels * done // of, total)

        sizes = simulate(study, progress=told).table
        phrases = [*(k.name for k in designs), *(k["note"] for k in levels)]
        p_values = _p_values(panel, fitted, diagnostics, flows, draws, seed)
        found.append(
            OwnPanel(
                one,
                term,
                diagnostics,
                cluster_table(fitted).sort_values(
                    "partial_leverage", ascending=False, ignore_index=True
                ),
                pd.DataFrame(levels),
                _with_sizes(p_values, sizes),
                sizes,
                study,
                draws,
                fitted.residual,
                {k: k for k in phrases},
            )
        )
    return found


@in_float64
def phase_placebos(
    panel: pd.DataFrame, model: Model, *, panels: int, draws: int, seed: int = 0
) -> pd.DataFrame:
    """``rejection_table`` of placebo regressions with the treatment's own paths, their
    phases drawn anew, the same in all countries: treatments without effect that have
    its autocorrelation and its correlation between countries (Theiler et al. 1992,
    Physica D 58: 77-94; Prichard and Theiler 1994, Phys. Rev. Letters 73: 951-954).

    The null is that the placebo adds nothing to the true treatment. Shared phases leave
    the two correlated, by 1/sqrt(T-1) with any number of countries; so the estimated
    effect is taken from the outcome and the placebo is net of the true treatment, which
    is the regression on both. A phase of its own in each country would part them too,
    but with it the correlation between countries that is asked about. ``mc_error`` has
    the error of the one outcome, which placebos of few years repeat.

    Raises ``TivaxError`` where a country lacks a year or has one twice, and for fewer
    than five years.

    Parameters
    ----------
    panel : DataFrame
        A balanced panel.
    model : Model
        The model whose treatment is replaced.
    panels, draws, seed : int
        Placebo panels, draws of each bootstrap in each, seed.

    Returns
    -------
    DataFrame
        A row for each method with its rejection rate at 5 %.

    Examples
    --------
    >>> model = tx.Model("main", "growth", ["trade", "gdp"], entity="iso3", time="year")
    >>> rates = tx.phase_placebos(panel, model, panels=16, draws=19)
    >>> rates["method"].tolist()[:2]
    ['CV1 t(G-1)', 'CV2 BM']
    """
    require_columns(panel, ())
    require_kind("model", model, Model, "a tx.Model")
    require_whole("panels", panels, 1)
    require_whole("draws", draws, 1)
    require_whole("seed", seed, 0)
    given = given_by(panel, model, Path(), "", model.outcome, "phases")
    if not given.seen.all():
        raise TivaxError(
            f"model {model.name}: random phases take every year of every country"
        )
    clusters, years, k = given.cells.shape
    if years < _FEWEST_YEARS:
        raise TivaxError(
            f"model {model.name}: random phases take {_FEWEST_YEARS} years or more, "
            f"not {years}: fewer have one phase at most"
        )
    design = StudyDesign(
        "phases", clusters=clusters, years=years, controls=k - 1, given=given
    )
    return simulate(Study((design,), panels, draws, seed)).table


# ---------------------------------------------------------------- the level of clusters


def _level(
    panel: pd.DataFrame, model: Model, fine: str, coarse: str, draws: int, seed: int
) -> dict[str, object]:
    row: dict[str, object] = {"fine": fine, "coarse": coarse}
    try:
        test = clustering_level(
            panel, model, fine=fine, coarse=coarse, draws=min(draws, 9_999), seed=seed
        )
    except TivaxError as error:
        return row | {"note": error.args[0]}
    counts = {k: getattr(test, k) for k in ("fine_clusters", "coarse_clusters")}
    return {**row, **counts, **test.tests.iloc[0].drop("term"), "note": ""}


# -------------------------------------------------------------------- several p-values


def _bounded(table: pd.DataFrame, draws: int) -> pd.DataFrame:
    """The table as files have it: no p of draws is 0."""
    drawn = {"p_value", "p_one_sided_wild", "p_two_sided_wild"} & {*table}
    return table.assign(**{k: never_zero(table[k], draws) for k in drawn})


def _p_values(
    panel: pd.DataFrame,
    fitted: LinearFit,
    diagnostics: pd.Series,
    flows: Path | None,
    draws: int,
    seed: int,
) -> pd.DataFrame:
    """p of every method, NaN and a note where it does not serve the panel."""
    model, rows = fitted.model, fitted.source

    def of_table(column: str) -> tuple[float, str]:
        return float(diagnostics[column]), str(diagnostics["note"])

    def of_fit(vcov: Vcov) -> tuple[float, str]:
        plain = replace(model, name="", treatment=model.regressors, sample="all")
        plain = replace(plain, clusters=model.entity, effects=())
        fit = Estimate.of(LinearFit.of(rows, plain, drawn=False), vcov)
        return float(fit.terms["p_value"].iloc[0]), "the variance is not positive"

    def of_network() -> tuple[float, str]:
        if flows is None:
            raise TivaxError("no flows are given")
        return of_fit(Network(read_flows(flows)))

    def of_draws(scheme: Scheme) -> tuple[float, str]:
        made = infer(make_plan(fitted, scheme, draws), seed, invert=False)[0]
        return float(made.summary["p_value"].iloc[0]), ""

    methods = {
        **{name: partial(of_table, column) for name, column in _OF_TABLE.items()},
        **{name: partial(of_fit, vcov) for name, vcov in _OF_FIT.items()},
        "network HAC": of_network,
        **{name: partial(of_draws, scheme) for name, scheme in _SCHEMES.items()},
        "two-way WCR": partial(of_draws, Wild(second=model.time)),
    }
    found = []
    for method in METHODS:
        try:
            p, unknown = methods[method]()
            note = "" if np.isfinite(p) else unknown
        except TivaxError as error:
            p, note = np.nan, str(error).removeprefix(f"model {model.name}: ")
        found.append({"method": method, "p_value": p, "note": note})
    return pd.DataFrame(found)


def _with_sizes(p_values: pd.DataFrame, sizes: pd.DataFrame) -> pd.DataFrame:
    """The sizes of each method beside its p, and whether it keeps its level."""
    rows = []
    for method in p_values["method"]:
        own = sizes[(sizes["method"] == method) & sizes["size"].notna()]
        low, high, worst, keeps = np.nan, np.nan, "", ""
        if len(own):
            low, high = own["size"].min(), own["size"].max()
            worst = own.loc[own["size"].idxmax(), "design"]
            reach = 1.96 * own["mc_error"]
            above = (own["size"] - reach > LEVEL + WIDTH).any()
            below = (own["size"] + reach < LEVEL - WIDTH).any()
            keeps = "too often" if above else "too rarely" if below else "yes"
        rows.append((low, high, worst, keeps))
    names = ["size_min", "size_max", "worst", "keeps"]
    found = p_values.join(pd.DataFrame(rows, p_values.index, names))
    return found[["method", "p_value", *names, "note"]]


# ------------------------------------------------------------------- what is simulated


def _designs(
    panel: pd.DataFrame, fitted: LinearFit, path: Path, flows: Path | None
) -> list[StudyDesign]:
    model = fitted.model
    rows = fitted.source.assign(**{model.time: fitted.used[model.time]})
    controls = model.regressors[1:]
    others = fitted.C[:, :-1]
    x, y = (
        k - others @ np.linalg.lstsq(others, k, rcond=None)[0]
        for k in (fitted.C[:, -1], fitted.y)
    )
    own = partial(cross_section_dependence, rows, entity=model.entity, time=model.time)
    errors, y, x = (pd.Series(k, fitted.used.index) for k in (fitted.u, y, x))
    of_errors = own(errors, model.regressors, draws=1)
    # With no effect, as in the panels: residuals of the fit are orthogonal to x.
    of_y, of_x = own(y, controls, draws=999), own(x, controls, draws=1)
    beyond = of_y.component.value - of_y.component.null
    factor = round(float(np.clip(beyond, 0, 0.95)), 2)
    alike = given_by(panel, model, path, outcome=model.outcome, flows=flows)
    sizes = given_by(panel, model, path, spreads=model.outcome).sizes
    rho, rho_x = (round(k.autocorrelation, 2) for k in (of_errors, of_x))
    clusters, years, k = alike.cells.shape
    base = StudyDesign(
        "",
        clusters=clusters,
        years=years,
        controls=k - 1,
        persistence_u=rho,
        persistence_x=rho_x,
        given=alike,
    )
    by_country = replace(alike, spreads=model.outcome, sizes=sizes)
    found = [
        replace(base, name=Phrase("errors alike, AR(1) {rho:.2f}", rho=rho)),
        replace(base, name="errors by country", given=by_country),
    ]
    if factor:
        name = Phrase(
            "errors with a common factor, {percent:.0f} %", percent=100 * factor
        )
        found.append(replace(base, name=name, factor=factor, given=by_country))
    placebo = replace(alike, placebo="independent")
    name = Phrase("placebos, AR(1) {rho:.2f}", rho=rho_x)
    found.append(replace(base, name=name, given=placebo))
    if alike.seen.all():
        phases = replace(alike, placebo="phases")
        found.append(replace(base, name="placebos, random phases", given=phases))
    return found
