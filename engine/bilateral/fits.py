"""``tx.gravity``: flows between pairs by PPML, and what is asked of the estimate."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self, get_args, overload

import numpy as np
import pandas as pd

from ..core import (
    TivaxError,
    naming,
    require_choice,
    require_kind,
    require_whole,
    root_logger_kept,
)
from ..equilibrium import Economy
from ..estimation import (
    CV1,
    Estimate,
    Model,
    clustering,
    column_name,
    f_sf,
    of_formula,
    of_pyfixest,
    require_columns,
    t_ppf,
    t_sf,
    unnamed,
)
from ..measures import value_added_trade
from ..reporting import Told
from ..tables import WorldTables, require_tables
from .sharing import MANY, FlowColumns, Shared, flows_that_share
from .solved import (
    STEP,
    WEIGHT,
    Adjusted,
    Gravity,
    LastStep,
    SolvedGravity,
    clustered_sums,
    with_last_step,
)

Flows = Literal["gross", "value added"]
# Of :func:`value_added_trade`, the flow and its exporter and importer.
_FLOWS = {
    "gross": ("gross_exports", "exporter", "importer"),
    "value added": ("va_absorbed", "origin", "absorber"),
}


@dataclass(frozen=True, eq=False, repr=False)
class GravityFit(Estimate, Told):
    """A gravity equation by Poisson pseudo maximum likelihood: see ``tx.gravity``.

    It is an :class:`Estimate`, whose residuals are those of the last weighted step.

    Attributes
    ----------
    spec
        The equation.
    estimated
        Rows with an estimate, expected flows among their columns, and the arrays.
    separated
        Rows without a finite estimate, and the reason.
    missing, below
        Rows with a missing value, and flows below 0 that count as 0.

    Examples
    --------
    >>> trade = tx.value_added_trade(world)["gross_exports"].sum("sector")
    >>> flows = trade.to_series().rename("trade").reset_index()
    >>> flows = flows[flows["exporter"] != flows["importer"]]
    >>> flows["fta"] = (flows["exporter"] < flows["importer"]) * (flows["year"] > 2000)
    >>> fit = tx.gravity(flows, tx.Gravity("trade", ["fta"]))
    >>> len(fit.separated)
    0
    """

    program = "gravity"
    in_print = "tivax.engine.present.gravity"
    printed = True
    flows: str = ""
    spec: Gravity | None = None
    sides: FlowColumns | None = None
    estimated: SolvedGravity | None = None
    separated: pd.DataFrame | None = None
    missing: int = 0
    below: int = 0
    steps: int = 0

    @classmethod
    def estimate(cls, data: pd.DataFrame, spec: Gravity | str) -> Self:
        """Estimate the equation on the rows of a frame."""
        if isinstance(spec, str):
            return cls.of_formula(spec, data)
        require_kind("spec", spec, Gravity, "a formula or a tx.Gravity")
        solved = SolvedGravity.of(data, spec)
        about = {"flows": spec.outcome, "spec": spec, "estimated": solved}
        about["sides"] = FlowColumns(spec.exporter, spec.importer, spec.time)
        missing = len(data) - len(solved.rows) - len(solved.separated)
        about |= {"separated": solved.separated, "missing": missing}
        about |= {"below": solved.below, "steps": int(solved.fit.steps)}
        return cls._with(solved.rows, spec.model, about, None, spec.clusters)

    @classmethod
    def of_formula(cls, formula: str, data: pd.DataFrame) -> Self:
        """Estimate an equation with any effects, by pyfixest's ``fepois``.

        Raises ``TivaxError`` with the first line of what pyfixest refuses.
        """
        model, made = of_formula(formula, data)
        sides = FlowColumns.of(made, model.all_effects)
        if sides and (spec := _equation(model, made, sides)):
            return cls.estimate(made, spec)
        with root_logger_kept(), warnings.catch_warnings(action="ignore"):
            import pyfixest
            from pyfixest.demeaners import MapDemeaner

            options = {"iwls_tol": 1e-12, "demeaner": MapDemeaner(fixef_tol=1e-10)}
            try:
                found: Any = pyfixest.fepois(  # pyright: ignore[reportCallIssue]
                    formula, made, vcov="hetero", **options
                )
            except Exception as error:  # its own kinds
                line = str(error).strip().splitlines()[0]
                raise TivaxError(f"{formula}: {line}") from None
        there = np.isin(np.arange(len(made)), found._data.index)
        gaps = np.isin(np.arange(len(made)), [*found._na_index])
        gone = made.loc[~(there | gaps), list(model.all_effects)]
        about = {"separated": gone, "missing": sum(gaps)}
        return cls._of_fepois(found, made[there], model, sides, about)

    @classmethod
    def of_fepois(cls, found: Any, vcov: Any = None, clusters: Any = None) -> Self:
        """The equation that pyfixest's ``fepois`` has estimated, on the rows that it
        kept, by default with its kind of covariance; no parameter is counted. Its
        "iid" takes the variance of a flow to be its mean: errors are by pair then."""
        formula, data, its = of_pyfixest(found)
        if its["weights"]:
            raise TivaxError("the fepois model has weights; PPML takes flows alone")
        model, made = of_formula(formula, data)
        sides = FlowColumns.of(made, model.all_effects)
        if vcov is None and clusters is None and its["vcov"] != "iid":
            vcov, clusters = its["vcov"], its["clusters"]
        return cls._of_fepois(found, made, model, sides, {}, vcov, clusters)

    @classmethod
    def _of_fepois(
        cls,
        found: Any,
        made: pd.DataFrame,
        model: Model,
        sides: FlowColumns | None,
        about: dict[str, Any],
        vcov: Any = None,
        clusters: Any = None,
    ) -> Self:
        rows = with_last_step(made, model.outcome, found._Y_hat_response)
        about = about | {"flows": model.outcome}
        model = replace(model, outcome=STEP)
        if sides:
            column = "pair" if "pair" not in rows else "pair of names"
            rows = rows.assign(**{column: sides.pair(rows)})
            model, about["sides"] = replace(model, clusters=column), sides
        return cls._with(rows, model, about, vcov, clusters)

    @classmethod
    def _with(
        cls,
        rows: pd.DataFrame,
        model: Model,
        about: Mapping[str, Any],
        vcov: Any,
        clusters: Any,
    ) -> Self:
        spec: Gravity | None = about.get("spec")
        sides: FlowColumns | None = about.get("sides")
        solved: SolvedGravity | None = about.get("estimated")
        usually = vcov is None and clusters in (None, spec and spec.clusters)
        named = spec is not None and (spec.clusters, spec.adjust) != (None, None)
        if spec and solved and usually and solved.is_adjusted:
            kind, column = Adjusted(solved), spec.directed
        else:
            usual = model.clusters if spec is None else spec.clusters or "pair"
            clusters = usual if clusters is None and vcov is None else clusters
            default = usual if isinstance(usual, str) else usual[0]
            kind, column = clustering(vcov, clusters or None, default)
            kind = CV1("ppml") if kind == CV1() else kind
        if spec and spec.pair == "symmetric" and column == spec.directed:
            raise TivaxError('pair "symmetric": cluster by unordered pair, "pair"')
        model = replace(model, clusters=column, treatment=model.regressors)
        further = [kind.second] if kind.second else []
        options = {"weights": WEIGHT, "further": further, "drawn": False}
        linear = LastStep.of(rows, model, **options)
        pairs = {"pair", "pair of names", spec.directed if spec else ""}
        clustered = isinstance(kind, Adjusted) or (kind.by_clusters and not further)
        if sides and clustered and column in pairs:
            flows = flows_that_share(linear, rows, sides)
            if max(flows.values()) >= MANY:
                taken = usually and not named
                kind = Shared(kind, sides, flows, taken=taken)
        found = cls.of(linear, kind, model=model, data=rows, weights=WEIGHT)
        return replace(found, **about)

    def vcov(
        self,
        vcov: Any = None,
        *,
        clusters: str | Sequence[str] | None = None,
    ) -> Self:
        """The same estimate with another covariance: "HC1", "CV1" by ``clusters``
        ("pair" joins both directions), two columns for two-way clusters."""
        names = "flows spec estimated separated missing below steps sides"
        about = {k: getattr(self, k) for k in names.split()}
        return self._with(self.data, self.model, about, vcov, clusters)

    @property
    def _solved(self) -> SolvedGravity:
        if self.estimated is None:
            raise TivaxError("an equation of a formula has no cube; give a tx.Gravity")
        return self.estimated

    @property
    def outcome(self) -> str:
        """Name of the flows."""
        return self.flows

    @property
    def adjusted(self) -> bool:
        """True where errors are Weidner and Zylkin's."""
        kind = self.kind.by_pair if isinstance(self.kind, Shared) else self.kind
        return isinstance(kind, Adjusted)

    @property
    def bias(self) -> pd.Series:
        """Weidner and Zylkin's bias of the slopes: of three-way equations with directed
        pairs; 0 without effects of pairs. ``TivaxError`` for symmetric ones."""
        if self._solved.spec.pair == "symmetric":
            raise TivaxError("Weidner-Zylkin needs directed pairs")
        names = pd.Index(self._solved.spec.regressors, name="term")
        return pd.Series([*self._solved.short_panel.bias], names, name="bias")

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
    ) -> pd.Series:
        """Test that a coefficient has a value by signs of the pairs' scores (Kline and
        Santos 2012), at the estimate that obeys it.

        Entries term, value, p_value, draws. The scores have no correction for leverage:
        with few countries it rejects as often as clusters by pair.
        """
        self._require_term(term)
        require_whole("draws", draws, least=1)
        found, drawn = self._solved.score_draws(term, float(value), draws, seed)
        above = int((np.abs(drawn) >= abs(found) * (1 - 1e-9)).sum())
        p = (above + 1) / (draws + 1)
        found = {"term": term, "value": value, "p_value": p, "draws": draws}
        return pd.Series(found, name="score bootstrap")

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
        width = t_ppf(0.975, degrees) * se
        columns = {"estimate": b, "se": se, "t": t}
        columns["p_value"] = 2 * t_sf(np.abs(t), degrees)
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

    def economy(self, time: Any, theta: float) -> Economy:
        """A world of one sector whose trade is what the equation expects in a period.

        It has no inputs or tariffs. Where a regressor changes by x, trade costs change
        by exp(-b x / theta): ``trade_costs`` of :func:`exact_hat`, whose answers are
        those of an Armington model (Yotov and others 2016, chapter 2). Raises
        ``TivaxError`` for a country without a flow to itself.
        """
        spec = self._solved.spec
        rows = self.data[self.data[spec.time] == time]
        places = {"index": spec.importer, "columns": spec.exporter}
        flows = rows.pivot(**places, values=WEIGHT)
        names = flows.index.union(flows.columns)
        flows = flows.reindex(index=names, columns=names).fillna(0.0)
        trade = flows.to_numpy()[:, :, None]
        lost = names[np.diag(flows) <= 0]
        if names.empty or len(lost):
            where = f"{lost[0]} has no" if len(lost) else "no"
            raise TivaxError(
                f"{time}: {where} flow to itself: home=True, with its rows"
            )
        bought, sold = trade.sum(axis=1), trade.sum(axis=0)
        return Economy(
            regions=tuple(names),
            sectors=("all",),
            trade=trade,
            tariff=0 * trade,
            tariff_new=0 * trade,
            intermediate=np.zeros((len(names), 1, 1)),
            final=bought,
            value_added=sold,
            deficit=(bought - sold)[:, 0],
            theta=np.array([theta]),
            name=f"{self.flows}, {time}",
        )

    # ------------------------------------------------------------------------ told

    def _listings(self) -> Sequence[Any]:
        return Told._listings(self)

    def tables(self) -> Mapping[str, pd.DataFrame]:
        terms = self.tidy()
        if self.adjusted:
            own = {"bias": self.bias, "corrected": self.corrected}
            terms = terms.assign(**{k: v.to_numpy() for k, v in own.items()})
        statistics = self.glance().drop(columns="r2_within")
        tables = {"gravity": terms, "statistics": statistics}
        if self.separated is None or self.separated.empty:
            return tables
        return tables | {"separated": self.separated}

    def facts(self) -> Mapping[str, Any]:
        own = {"residual_max": self.solved.residual, "steps": self.steps}
        return own | {"kind": "weidner-zylkin" if self.adjusted else "ppml"}

    @property
    def row_influence(self) -> pd.DataFrame:
        """Contribution of each row to the error of each slope, by row label."""
        linear = self.solved
        per_row = (linear.h * linear.u[:, None] * linear.unit)[linear.back]
        return pd.DataFrame(per_row, self.data.index, linear.model.treatments)

    def named_clusters(self, column: str) -> pd.Series:
        """Clusters of the rows by their names: numbers of groups are a fit's own."""
        if column == "pair" and self.sides:
            return self.sides.pair(self.data)
        parts = column.split("^")
        require_columns(self.data, parts)
        return self.data[parts].astype(str).agg("^".join, axis=1)


@dataclass(frozen=True, eq=False, repr=False)
class GravityFits(Told):
    """A gravity equation of each sector: ``fits`` by its name, as ``[name]``.

    Examples
    --------
    >>> five = tx.synthetic_world(regions=5, sectors=2, years=3)
    >>> trade = tx.value_added_trade(five)["gross_exports"]
    >>> flows = trade.to_series().rename("trade").reset_index()
    >>> flows = flows[flows["exporter"] != flows["importer"]]
    >>> flows["fta"] = (flows["exporter"] < flows["importer"]) * (flows["year"] > 2000)
    >>> fits = tx.gravity(flows, tx.Gravity("trade", ["fta"]), by="sector")
    >>> list(fits.fits), fits["S02"].n
    (['S01', 'S02'], 60)
    """

    program = "gravity"
    in_print = "tivax.engine.present.gravity"
    printed = True
    fits: Mapping[str, GravityFit]

    def __getitem__(self, name: str) -> GravityFit:
        return self.fits[name]

    def tables(self) -> Mapping[str, pd.DataFrame]:
        each = {name: fit.tables() for name, fit in self.fits.items()}
        joined = {}
        for table in dict.fromkeys(k for tables in each.values() for k in tables):
            parts = {name: its[table] for name, its in each.items() if table in its}
            both = pd.concat(parts, names=["sector"]).reset_index(level=0)
            joined[table] = both.reset_index(drop=True)
        return joined

    def facts(self) -> Mapping[str, Any]:
        each = [fit.facts() for fit in self.fits.values()]
        return {k: max(own[k] for own in each) for k in each[0]}


def _equation(model: Model, rows: pd.DataFrame, sides: FlowColumns) -> Gravity | None:
    """The equation of a formula whose effects and rows are those of one."""
    exporter, importer, time, others = sides
    effects = {frozenset(k.split("^")) for k in model.all_effects}
    places = [exporter, importer, time]
    ends = {frozenset((k, time)) for k in (exporter, importer)}
    pair = effects - ends
    if not time or others or model.instruments or not ends <= effects:
        return None
    if pair - {frozenset((exporter, importer))} or rows.duplicated(places).any():
        return None
    keys: dict[str, Any] = {"exporter": exporter, "importer": importer, "time": time}
    keys["pair"] = "directed" if pair else "none"
    return Gravity(model.outcome, model.regressors, **keys, home=True)


def with_flows(
    data: pd.DataFrame,
    spec: Any,
    by: str | None,
    tables: WorldTables,
    flows: Flows,
) -> pd.DataFrame:
    """Rows with flows of tables as the outcome, of each sector where ``by`` is given.

    Raises ``TivaxError`` that names the first row without a flow.
    """
    require_kind("spec", spec, Gravity, "a tx.Gravity")
    require_choice("flows", flows, get_args(Flows))
    require_tables(tables)
    name, sells, buys = _FLOWS[flows]
    keys = {"year": spec.time, sells: spec.exporter, buys: spec.importer}
    trade = value_added_trade(tables)[name]
    if by is not None:
        keys["sector"] = by
    elif "sector" in trade.dims:
        trade = trade.sum("sector")
    require_columns(data, [*keys.values()])
    own = trade.to_series().rename(spec.outcome).rename_axis(index=keys)
    found = data.drop(columns=spec.outcome, errors="ignore")
    found = found.join(own, on=[*map(str, own.index.names)])
    if (lost := found[spec.outcome].isna()).any():
        where = ", ".join(map(str, found.loc[lost, [*keys.values()]].iloc[0]))
        raise TivaxError(f"the tables have no flow of {where}; leave the row out")
    return found


@overload
def gravity(
    data: pd.DataFrame,
    spec: Gravity | str,
    *,
    by: None = None,
    tables: WorldTables | None = None,
    flows: Flows = "gross",
) -> GravityFit: ...
@overload
def gravity(
    data: pd.DataFrame,
    spec: Gravity | str,
    *,
    by: str,
    tables: WorldTables | None = None,
    flows: Flows = "gross",
) -> GravityFits: ...
def gravity(
    data: pd.DataFrame,
    spec: Gravity | str,
    *,
    by: str | None = None,
    tables: WorldTables | None = None,
    flows: Flows = "gross",
) -> GravityFit | GravityFits:
    """Estimate a gravity equation by Poisson pseudo maximum likelihood.

    Effects of exporter-years, importer-years and pairs are solved on the cube of the
    data, with zeros among the flows. Rows without a finite estimate are left out as
    ppmlhdfe leaves them, and named (Correia, Guimaraes and Zylkin 2019).

    Errors are by pair, those of Weidner and Zylkin (2021) unless pairs are symmetric or
    clusters are named: plain clusters reject too often, since every effect fits some of
    its own residual. Of a regressor whose history three or more flows of a country
    share, the larger of this error and that by exporter and importer is taken, unless
    errors are named, and both are printed. The bias of Weidner and Zylkin is ``bias``,
    and ``corrected`` takes it off.

    Parameters
    ----------
    data : DataFrame
        A row for each year, exporter and importer; absent rows are unknown, not 0.
    spec : Gravity or str
        The equation; or a formula with any effects, ``trade ~ fta | exporter^year +
        importer^year + pair^sector``, which pyfixest's ``fepois`` estimates; with the
        effects of a :class:`Gravity` it is that equation. Errors count no parameter, as
        ppmlhdfe's, and as fepois' with ``ssc(k_adj=False)``.
    by
        Column of sectors: an equation of each.
    tables : WorldTables
        Where the outcome is, by the labels of ``data``, of each sector with ``by``.
    flows
        Of tables: "gross" exports, or "value added" of the exporter that the importer
        absorbs.

    Returns
    -------
    GravityFit
        ``terms`` has estimate, se, t, p_value and interval of each regressor. With
        ``by`` a ``GravityFits``, whose ``fits`` are those of sectors.

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
    require_columns(data, ())
    data = unnamed(data)
    if tables is not None:
        data = with_flows(data, spec, by, tables, flows)
    if by is None:
        return GravityFit.estimate(data, spec)
    require_columns(data, [column_name("by", by)])
    fits = dict[str, GravityFit]()
    for name, rows in data.groupby(by, sort=False):
        with naming(f"{by} {name}"):
            fits[str(name)] = GravityFit.estimate(rows, spec)
    return GravityFits(fits)


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
        Fits with other regressors, or that share no cluster.

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
    ways = [[fit.named_clusters(k) for fit in (first, second)] for k in columns]
    if not {*ways[0][0]} & {*ways[0][1]}:
        raise TivaxError(f"the two fits share no {columns[0]}: give them one frame")
    moved = np.vstack([first.row_influence, -second.row_influence])
    V, fewest = clustered_sums(moved, [pd.concat(way) for way in ways])
    b = [fit.terms["estimate"].to_numpy() for fit in (first, second)]
    gap, se = b[0] - b[1], np.sqrt(np.diag(V))
    table = {"first": b[0], "second": b[1], "difference": gap, "se": se, "t": gap / se}
    table["p_value"] = 2 * t_sf(np.abs(gap / se), fewest - 1)
    found = pd.DataFrame(table, pd.Index(terms, name="term"))
    f = float(gap @ np.linalg.solve(V, gap)) / len(gap)
    joint = {"t": f, "p_value": float(f_sf(f, len(gap), fewest - 1))}
    found.loc["all (F)"] = pd.Series(joint)
    return found
