"""``tx.gravity``: flows between pairs by PPML, and what is asked of the estimate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, Self

import numpy as np
import pandas as pd

from tivax.engine import estimation, reporting
from tivax.engine.core import (
    Listing,
    TivaxError,
    number_text,
    require_choice,
    require_kind,
    require_whole,
)
from tivax.engine.estimation import elasticities
from tivax.engine.estimation.distributions import f_sf
from tivax.engine.estimation.gravity import (
    WEIGHT,
    Adjusted,
    Gravity,
    LastStep,
    SolvedGravity,
    clustered_sums,
)
from tivax.engine.estimation.vcov import clustering


class ScoreTest(NamedTuple):
    """A hypothesis on one coefficient, by the score bootstrap: p is the share of
    ``draws`` whose sum of scores is as large as the ``sum`` found."""

    term: str
    value: float
    sum: float
    p_value: float
    draws: int


@dataclass(frozen=True, eq=False, repr=False)
class GravityFit(estimation.Estimate, reporting.Result):
    """A gravity equation by Poisson pseudo maximum likelihood: see ``tx.gravity``.

    It is an :class:`Estimate`, whose residuals are those of the last weighted step.

    Attributes
    ----------
    spec
        The equation.
    estimated
        Rows with an estimate, expected flows among their columns, and the arrays.

    Examples
    --------
    >>> trade = tx.value_added_trade(world)["gross_exports"].sum("sector")
    >>> flows = trade.to_series().rename("trade").reset_index()
    >>> flows = flows[flows["exporter"] != flows["importer"]]
    >>> flows["fta"] = (flows["exporter"] < flows["importer"]) * (flows["year"] > 2000)
    >>> fit = tx.gravity(flows, tx.Gravity("trade", ["fta"]))
    >>> fit.converged, len(fit.separated)
    (True, 0)
    """

    program = "gravity"
    report_title = "A gravity equation"
    spec: Gravity | None = None
    estimated: SolvedGravity | None = None

    @classmethod
    def estimate(cls, data: pd.DataFrame, spec: Gravity) -> Self:
        """Estimate the equation on the rows of a frame."""
        return cls._with(SolvedGravity.of(data, spec), None, spec.clusters)

    @classmethod
    def _with(cls, solved: SolvedGravity, vcov: Any, clusters: Any) -> Self:
        spec, model = solved.spec, solved.spec.model
        if vcov is None and clusters is None and spec.adjusted:
            kind, column = Adjusted(solved), spec.directed
        else:
            usual = "pair" if spec.clusters is None else spec.clusters
            clusters = usual if clusters is None and vcov is None else clusters
            default = usual if isinstance(usual, str) else usual[0]
            kind, column = clustering(vcov, clusters, default)
            kind = estimation.CV1("ppml") if kind == estimation.CV1() else kind
        if spec.pair == "symmetric" and column == spec.directed:
            raise TivaxError('pair "symmetric": cluster by unordered pair, "pair"')
        model = replace(model, clusters=column, treatment=model.regressors)
        further = [kind.second] if kind.second else []
        options = {"weights": WEIGHT, "further": further, "drawn": False}
        linear = LastStep.of(solved.rows, model, **options)
        found = cls.of(linear, kind, model=model, data=solved.rows, weights=WEIGHT)
        note = "; ".join(filter(None, [*solved.notes, found.note]))
        return replace(found, spec=spec, estimated=solved, note=note)

    def vcov(
        self,
        vcov: Any = None,
        *,
        clusters: str | Sequence[str] | None = None,
    ) -> Self:
        """The same estimate with another covariance: "HC1", "CV1" by ``clusters``
        ("pair" joins both directions), two columns for two-way clusters."""
        return self._with(self._solved, vcov, clusters)

    @property
    def _solved(self) -> SolvedGravity:
        assert self.estimated is not None
        return self.estimated

    @property
    def outcome(self) -> str:
        """Name of the flows."""
        return self._solved.spec.outcome

    @property
    def separated(self) -> pd.DataFrame:
        """Rows without an estimate, and the reason."""
        return self._solved.separated

    @property
    def converged(self) -> bool:
        """True: what does not converge is refused."""
        return True

    @property
    def bias(self) -> pd.Series:
        """Weidner and Zylkin's bias of the slopes: of three-way equations with directed
        pairs; 0 without effects of pairs. ``TivaxError`` for symmetric ones."""
        if self._solved.spec.pair == "symmetric":
            raise TivaxError("Weidner-Zylkin needs directed pairs")
        names = pd.Index(self._solved.spec.regressors, name="term")
        return pd.Series(self._solved.short_panel.bias, names, name="bias")

    @property
    def corrected(self) -> pd.Series:
        """The slopes less their bias."""
        return (self.terms["estimate"] - self.bias).rename("corrected")

    @property
    def influence(self) -> pd.DataFrame:
        """Contribution of each cluster to the error of each slope."""
        linear = self.solved
        return pd.DataFrame(linear.influence, linear.labels, linear.model.treatments).T

    def score_test(
        self, term: str, value: float = 0.0, *, draws: int = 99_999, seed: int = 0
    ) -> ScoreTest:
        """Test that a coefficient has a value by signs of the pairs' scores (Kline and
        Santos 2012), at the estimate that obeys it.

        The scores have no correction for leverage: with few countries it rejects as
        often as clusters by pair.
        """
        self._require_term(term)
        require_whole("draws", draws, least=1)
        found, drawn = self._solved.score_draws(term, float(value), draws, seed)
        above = int((np.abs(drawn) >= abs(found) * (1 - 1e-9)).sum())
        p = (above + 1) / (draws + 1)
        return ScoreTest(term, float(value), float(found), p, draws)

    def bootstrap(self, *, draws: int = 999, seed: int = 0) -> pd.DataFrame:
        """Estimates again on pairs drawn with replacement.

        Columns estimate, se (of the draws), t, p_value, ci_low, ci_high by t(G - 1),
        and draws, those with an estimate.
        """
        require_whole("draws", draws, least=2)
        drawn = self._solved.pair_draws(draws, seed)
        made = np.isfinite(drawn)
        se = np.nanstd(drawn, axis=0, ddof=1)
        b = self.terms["estimate"].to_numpy()
        degrees = self._solved.pair.max()
        t = b / se
        width = estimation.t_ppf(0.975, degrees) * se
        columns = {"estimate": b, "se": se, "t": t}
        columns["p_value"] = 2 * estimation.t_sf(np.abs(t), degrees)
        columns |= {
            "ci_low": b - width,
            "ci_high": b + width,
            "draws": made.sum(axis=0),
        }
        return pd.DataFrame(columns, self.terms.index)

    def jackknife(self, *, splits: int = 20, seed: int = 0) -> pd.DataFrame:
        """Twice the estimate less the mean of the quarters of random halves of
        exporters and importers (the split-panel jackknife): columns estimate,
        corrected, and sd, the standard deviation of ``corrected`` over the splits."""
        require_whole("splits", splits, least=1)
        b = self.terms["estimate"].to_numpy()
        each = 2 * b - self._solved.quarters(splits, seed).mean(axis=1)
        sd = each.std(axis=0, ddof=1) if splits > 1 else np.full(len(b), np.nan)
        columns = {"estimate": b, "corrected": each.mean(axis=0), "sd": sd}
        return pd.DataFrame(columns, self.terms.index)

    # ------------------------------------------------------------------------ told

    @property
    def _goodness(self) -> str:
        return ""

    def _listings(self) -> Sequence[Any]:
        title = f"{self.outcome}: Poisson pseudo maximum likelihood"
        return [self.listing(f"{title}{self._with_effects}")]

    def tables(self) -> Mapping[str, pd.DataFrame]:
        tables = {"terms": self.tidy(), "statistics": self.glance()}
        return tables | ({"separated": self.separated} if len(self.separated) else {})

    def facts(self) -> Mapping[str, Any]:
        fit = self._solved.fit
        left = float(np.sqrt(fit.decrement))
        return {"residual_max": left, "steps": int(fit.steps)}

    @property
    def row_influence(self) -> pd.DataFrame:
        """Contribution of each row to the error of each slope, by row label."""
        linear = self.solved
        per_row = linear.h * linear.u[:, None] * linear.unit
        return pd.DataFrame(per_row, linear.used.index, linear.model.treatments)


@dataclass(frozen=True, eq=False, repr=False)
class Elasticities(reporting.Result):
    """Trade elasticities by sector, with errors that scenarios draw jointly.

    Attributes
    ----------
    estimator
        "triads" or "ppml".
    table
        A row a sector: sector, theta, se, n, of triads se_robust.
    covariance
        Covariance over sectors.
    residual
        The worst relative residual of a sector.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> rows = [(a, b) for a in "ABCDE" for b in "ABCDE" if a != b]
    >>> data = pd.DataFrame(rows, columns=["exporter", "importer"]).assign(sector="s")
    >>> data["tariff"] = random.uniform(0, 0.3, len(data))
    >>> data["value"] = (1 + data["tariff"]) ** -4.0
    >>> list(tx.trade_elasticities(data).tables())
    ['theta', 'theta_covariance']
    """

    program = "elasticities"
    estimator: str
    table: pd.DataFrame
    covariance: pd.DataFrame
    residual: float

    def tables(self) -> Mapping[str, pd.DataFrame]:
        V = self.covariance.rename_axis("sector").rename_axis("other", axis=1)
        cells = V.stack().rename("covariance").reset_index()
        return {
            "theta": self.table.assign(method=self.estimator),
            "theta_covariance": cells,
        }

    def facts(self) -> Mapping[str, Any]:
        return {"residual_max": self.residual}

    def _listings(self) -> Sequence[Any]:
        rows = [
            (str(k.sector), number_text(k.theta), number_text(k.se), f"{k.n:,}")
            for k in self.table.itertuples()
        ]
        notes = [_ERRORS[self.estimator]]
        heads = ("sector", "theta", "se", "observations")
        return [Listing(f"Trade elasticities by {self.estimator}", heads, rows, notes)]


_ERRORS = {
    "triads": "Standard errors: jackknife by country; se_robust takes triples that "
    "share countries as independent",
    "ppml": "Standard errors: clustered by pair",
}


def trade_elasticities(
    data: pd.DataFrame,
    *,
    method: Literal["triads", "ppml"] = "triads",
    flows: Literal["gross", "net"] = "gross",
    nonpositive: Literal["refuse", "drop"] = "refuse",
) -> Elasticities:
    """Estimate trade elasticities of sectors from flows and tariffs.

    Parameters
    ----------
    data : DataFrame
        Columns sector, exporter, importer, value, tariff (.05 for 5 %), and year where
        there are several.
    method
        "triads": Caliendo and Parro (2015), one year; errors by the jackknife over
        countries. "ppml": a gravity equation a sector, with effects of pairs where
        there are several years, of symmetric pairs in one.
    flows
        "gross": values include the tariff, and move with (1 + t)^-theta. "net": they do
        not, as in most customs data, and move with (1 + t)^-(1 + theta).
    nonpositive
        "refuse" sectors whose theta is not above 0, or "drop" them, with a row ``*`` in
        their place, the inverse-variance mean of the others.

    Returns
    -------
    Elasticities
        ``save`` writes theta.csv and theta_covariance.csv, which scenarios read.

    Raises
    ------
    TivaxError
        In one line: two rows of a place, a rate that looks like per cent, a flow below
        0, a sector without trade or without tariffs that differ, theta not above 0.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> names = list("ABCDEFG")
    >>> rows = [(a, b) for a in names for b in names if a != b]
    >>> data = pd.DataFrame(rows, columns=["exporter", "importer"]).assign(sector="s")
    >>> data["tariff"] = random.uniform(0, 0.3, len(data))
    >>> data["value"] = (1 + data["tariff"]) ** -4.0
    >>> tx.trade_elasticities(data).table["theta"].round(6).item()
    4.0
    >>> tx.trade_elasticities(data, flows="net").table["theta"].round(6).item()
    3.0
    """
    require_choice("method", method, ("triads", "ppml"))
    require_choice("flows", flows, ("gross", "net"))
    require_choice("nonpositive", nonpositive, ("refuse", "drop"))
    rows = elasticities.tariff_rows(data)
    if method == "triads":
        triads = elasticities.sector_triads(rows)
        found = elasticities.of_triads(*triads, net=flows == "net")
    else:
        found = elasticities.of_gravity(rows, net=flows == "net")
    found = found.positive(drop=nonpositive == "drop")
    return Elasticities(method, found.table, found.covariance, found.residual)


def gravity(data: pd.DataFrame, spec: Gravity) -> GravityFit:
    """Estimate a gravity equation by Poisson pseudo maximum likelihood.

    Effects of exporter-years, importer-years and pairs are solved on the cube of the
    data, with zeros among the flows. Rows without a finite estimate are left out as
    ppmlhdfe leaves them, and named (Correia, Guimaraes and Zylkin 2019).

    Errors are those of Weidner and Zylkin (2021) unless pairs are symmetric or clusters
    are named: plain clusters by pair reject too often, since every effect fits some of
    its own residual. Their bias is ``bias``, and ``corrected`` takes it off.

    Parameters
    ----------
    data : DataFrame
        A row for each year, exporter and importer; absent rows are unknown, not 0.
    spec : Gravity
        The equation.

    Returns
    -------
    GravityFit
        ``terms`` has estimate, se, t, p_value and interval of each regressor.

    Raises
    ------
    TivaxError
        In one line, for a missing column, a flow below 0, two rows of a place, home
        flows that nobody asked for, a regressor that the effects explain, flows that
        are all 0, and a fit that does not converge.

    Examples
    --------
    >>> trade = tx.value_added_trade(world)["gross_exports"].sum("sector")
    >>> flows = trade.to_series().rename("trade").reset_index()
    >>> flows = flows[flows["exporter"] != flows["importer"]]
    >>> flows["fta"] = (flows["exporter"] < flows["importer"]) * (flows["year"] > 2000)
    >>> fit = tx.gravity(flows, tx.Gravity("trade", ["fta"], adjust="none"))
    >>> fit.glance()[["outcome", "n", "clusters"]]
      outcome   n  clusters
    0   trade  12         3
    """
    require_kind("spec", spec, Gravity, "a tx.Gravity")
    return GravityFit.estimate(data, spec)


def gravity_difference(
    first: GravityFit,
    second: GravityFit,
    *,
    clusters: str | Sequence[str] | None = None,
) -> pd.DataFrame:
    """Test that two gravity equations of the same pairs have the same slopes.

    The errors of both fits are stacked by cluster, so that what they share cancels:
    gross trade against trade in value added, or two sectors.

    Parameters
    ----------
    first, second
        Fits with the same regressors.
    clusters
        "pair" (the default, both directions), a column, or two for two-way clusters.

    Returns
    -------
    DataFrame
        A row a term, and one for all: ``first``, ``second``, ``difference``, se, t,
        p_value by t(G - 1); of all the F test, its statistic as t.

    Raises
    ------
    TivaxError
        Fits with other regressors, or that share no row.

    Examples
    --------
    >>> trade = tx.value_added_trade(world)["gross_exports"].sum("sector")
    >>> flows = trade.to_series().rename("trade").reset_index()
    >>> flows = flows[flows["exporter"] != flows["importer"]]
    >>> flows["fta"] = (flows["exporter"] < flows["importer"]) * (flows["year"] > 2000)
    >>> flows["twice"] = 2 * flows["trade"]
    >>> fits = [
    ...     tx.gravity(flows, tx.Gravity(name, ["fta"], adjust="none"))
    ...     for name in ("trade", "twice")
    ... ]
    >>> tx.gravity_difference(*fits, clusters="exporter^importer").columns.tolist()
    ['first', 'second', 'difference', 'se', 't', 'p_value']
    """
    for name, fit in {"first": first, "second": second}.items():
        require_kind(name, fit, GravityFit, "what tx.gravity returned")
    terms = list(first.terms.index)
    if terms != list(second.terms.index):
        raise TivaxError("the two fits have different regressors")
    names = ["pair"] if clusters is None else clusters
    columns = [names] if isinstance(names, str) else list(names)
    rows = [fit.row_influence.join(fit.data[columns]) for fit in (first, second)]
    if not set(rows[0].index) & set(rows[1].index):
        raise TivaxError("the two fits share no row: give one frame to both")
    rows[1][terms] = -rows[1][terms]
    both = pd.concat(rows)
    V, fewest = clustered_sums(both[terms].to_numpy(), [both[k] for k in columns])
    b = [fit.terms["estimate"].to_numpy() for fit in (first, second)]
    gap, se = b[0] - b[1], np.sqrt(np.diag(V))
    table = {"first": b[0], "second": b[1], "difference": gap, "se": se, "t": gap / se}
    table["p_value"] = 2 * estimation.t_sf(np.abs(gap / se), fewest - 1)
    found = pd.DataFrame(table, pd.Index(terms, name="term"))
    f = float(gap @ np.linalg.solve(V, gap)) / len(gap)
    joint = {"t": f, "p_value": float(f_sf(f, len(gap), fewest - 1))}
    found.loc["all (F)"] = pd.Series(joint)
    return found
