"""Monte Carlo over errors of tables, through to regressions: ``tx.monte_carlo``."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.figure import Figure

from ..core import (
    Listing,
    Progress,
    TivaxError,
    count_text,
    interval_text,
    no_progress,
    number_text,
    p_text,
    percent_text,
    report,
    require_kind,
    require_whole,
    shift_progress,
)
from ..errors import AnyModel, DrawnErrors, ErrorModel, draw_year, error_model
from ..estimation import Fit, Model, fit_model
from ..figures import drawn_effects
from ..measures import trade_benefit_index
from ..reporting import (
    CV1,
    Drawn,
    Plot,
    Result,
    Section,
    Table,
    method_of,
    variable_name,
)
from ..reporting import Figure as Shown
from ..resampling import with_lags
from ..tables import WorldTables, require_tables
from .moved_columns import MovedColumns, match_columns, years_needed
from .regressions import ModelDraws, regress, summarise, windows_of

DRAWS = 200
"""Draws of tables without another number."""


@dataclass(frozen=True, eq=False)
class Setup:
    """Tables, errors and models of a Monte Carlo, checked before any draw.

    ``base`` holds the index of the tables as they are, by year and region.
    """

    tables: WorldTables
    model: ErrorModel
    years: tuple[int, ...]
    base: Float[np.ndarray, "t c"]
    moved: tuple[MovedColumns, ...]
    residual: float
    errors: DrawnErrors = field(repr=False)

    def draw(
        self, k: int, start: int = 0, *, seed: int, draws: int
    ) -> Iterator[Float[np.ndarray, "d s"]]:
        """Draws of year number ``k`` from ``start`` on, some at a time: the index of
        every region, the residual and the gap."""
        return draw_year(
            self.tables,
            self.errors,
            self.years[k],
            seed=seed,
            draws=draws,
            start=start,
            has_index=np.isfinite(self.base[k]),
        )


def set_up(fitted: Sequence[Fit], tables: WorldTables, error: AnyModel) -> Setup:
    """Find the rows of all models in the tables and read the errors.

    Raises ``TivaxError`` for a region or year that the tables lack, a treatment that
    is not their index, an error model that does not fit them.
    """
    if tables.parents:
        raise TivaxError(
            f"{next(iter(tables.parents))} is a part of a region; draws are of tables "
            "without split regions"
        )
    model = error_model(error)
    needed = sorted(set().union(*(years_needed(k) for k in fitted)))
    years = [k for k in tables.years if k in needed]
    base, residual = np.zeros((0, len(tables.regions))), 0.0
    if years:
        index = trade_benefit_index(tables.select(years[0], years[-1]))
        found = index["tbi"].sel(year=years).transpose("year", "region")
        base, residual = found.values, float(index.residual_max or 0)
    moved = tuple(match_columns(k, base, years, tables.regions) for k in fitted)
    errors = DrawnErrors(tables, model)
    return Setup(tables, model, tuple(years), base, moved, residual, errors)


@dataclass(frozen=True, eq=False, repr=False)
class MonteCarlo(Result):
    """Regressions with errors of the tables in them; they print as a table.

    Attributes
    ----------
    summary
        A row for each model and treatment: estimate; se_sampling (CV1), se_table (the
        spread over draws of the tables), se_total (the root of the sum of their
        squares, the law of total variance), se_both (the spread with
        clusters drawn anew in every draw as well); reliability; coef_corrected and
        coef_simex with their standard errors (``_se``). se, p_value, ci_low and
        ci_high are those of se_total with t(G - 1), around the estimate, which errors
        pull towards 0: they are not of the effect.
    reliability
        A row for each model and treatment: the standard deviation of the treatment
        within its effects, that of its errors, and both reliabilities, within effects
        alone and net of the other regressors; how the panel agrees with the tables.
    index
        A row for each year and region: the index of the tables as they are, mean and
        standard deviation of the draws, and the middle 95 % of them.
    distribution
        Columns model, term, draw, estimate, se: every draw of a table.
    clusters
        Clusters of each model.
    draws, years
        Number of draws, and their years.
    residual_max
        The largest relative residual of a draw's solve.
    gap_max
        The largest relative deviation of a margin that is held.

    Examples
    --------
    >>> traders = tx.synthetic_world(regions=8, sectors=3, years=5, seed=2)
    >>> index = tx.trade_benefit_index(traders)["tbi"].to_series().rename("TBI")
    >>> own = index.reset_index().rename(columns={"region": "iso3"})
    >>> own["y"] = own["TBI"] + np.random.default_rng(1).normal(size=40, scale=0.02)
    >>> error = tx.table_errors.Lognormal(a=0.02)
    >>> model = tx.Model("m", "y", ["TBI"])
    >>> found = tx.monte_carlo(own, model, traders, error, draws=50)
    >>> found.summary[["se_sampling", "se_table", "reliability"]].round(3)
       se_sampling  se_table  reliability
    0        0.295     0.119        0.788
    """

    summary: pd.DataFrame
    reliability: pd.DataFrame
    index: pd.DataFrame
    distribution: pd.DataFrame
    clusters: Mapping[str, int]
    draws: int
    years: tuple[int, ...]
    residual_max: float
    gap_max: float

    program = "montecarlo"
    report_title = "Errors of the tables"
    method = method_of("montecarlo")

    @property
    def subtitle(self) -> str:
        years = count_text(len(self.years), "year")
        return f"{count_text(self.draws, 'draw')} of tables of {years}"

    @property
    def _models(self) -> list[str]:
        return list(dict.fromkeys(self.summary["model"]))

    def tables(self) -> dict[str, pd.DataFrame]:
        return {
            "summary": self.summary,
            "reliability": self.reliability,
            "tbi": self.index,
            "distribution": self.distribution,
        }

    def plots(self) -> dict[str, Plot]:
        return {
            f"montecarlo_{number}": partial(_drawn, self, name)
            for number, name in enumerate(self._models, 1)
        }

    def sections(self, figures: Mapping[str, Drawn]) -> list[Section]:
        return [*map(self._section, self._models, figures.values())]

    def _section(self, name: str, figure: Drawn) -> Section:
        effect, treatment = (
            table[table["model"] == name].set_index("term").drop(columns="model")
            for table in (self.summary, self.reliability)
        )
        outcome, sample = effect[["outcome", "sample"]].iloc[0]
        told = f"{outcome}, sample {sample}: the effect, its errors and corrections."
        terms = ", ".join(variable_name(str(k)) for k in effect.index)
        return Section(
            f"{terms} on {variable_name(outcome)}",
            [
                Shown(figure, _CAPTION),
                _words(effect, _EFFECT, told),
                _words(treatment, _TREATMENT, "The treatment and its errors."),
            ],
        )

    def facts(self) -> dict[str, Any]:
        return {
            "residual_max": self.residual_max,
            "gap_max": self.gap_max,
            "draws": self.draws,
            "years": list(self.years),
            "models": len(self._models),
            "covariance": CV1,
            "total": "law of total variance: se_sampling^2 + se_table^2",
        }

    @property
    def sentence(self) -> str:
        """Findings for each model in words, a line each."""
        return "\n".join(_sentence(row) for row in self.summary.to_dict("records"))

    @property
    def finding(self) -> list[str]:
        return [_found(row) for row in self.summary.to_dict("records")]

    def _listings(self) -> Sequence[Listing]:
        rows = [
            (
                f"{row['model']}: {row['term']}",
                *(number_text(row[k]) for k in _NUMBERS),
                p_text(row["p_value"]),
                interval_text(row["ci_low"], row["ci_high"]),
            )
            for row in self.summary.to_dict("records")
        ]
        years = count_text(len(self.years), "year")
        title = f"{count_text(self.draws, 'draw')} of tables, {years}"
        return [Listing(title, _PRINTED, rows)]


_CAPTION = (
    "95 % intervals from sampling alone, from the tables alone and from both, and the "
    "corrected estimates; the dashed line is the estimate. Dots are estimates over "
    "draws of the tables: each has their errors twice, and lies nearer to 0."
)
# Rows of the report's tables: columns of summary.csv and reliability.csv in words.
_EFFECT = {
    "estimate": "estimate",
    "se_sampling": "standard error: sampling",
    "se_table": "standard error: tables",
    "se_total": "standard error: in all",
    "se_both": "standard error: clusters drawn anew in each draw",
    "interval": "95 % interval around the estimate, not of the effect",
    "p_value": "p of the estimate",
    "reliability": "reliability",
    "coef_corrected": "corrected by errors in variables",
    "coef_corrected_se": "standard error of that",
    "coef_simex": "corrected by SIMEX",
    "coef_simex_se": "standard error of that ",
}
_TREATMENT = {
    "sd_within": "standard deviation within effects",
    "sd_error": "standard deviation of its errors",
    "reliability_within": "reliability within effects",
    "reliability": "reliability net of the other regressors",
    "correlation_with_tables": "correlation with the index of the tables",
    "largest_gap_to_tables": "largest gap to it",
    "moved_columns": "columns that draws move",
}


_NUMBERS = (
    "estimate se_sampling se_table se_total reliability coef_corrected "
    "coef_corrected_se coef_simex coef_simex_se"
).split()
_PRINTED = (
    "", "estimate", "se sampling", "se table", "se total", "reliability", "corrected",
    "(se)", "SIMEX", "(se) ", "p of the estimate", "its 95 % interval",
)  # fmt: skip


def _words(table: pd.DataFrame, meanings: Mapping[str, str], caption: str) -> Table:
    """A row for each number and a column for each treatment, so that it fits a page."""
    if {"ci_low", "ci_high"} <= set(table):
        ends = zip(table["ci_low"], table["ci_high"], strict=True)
        table = table.assign(
            interval=[interval_text(*k) for k in ends],
            p_value=table["p_value"].map(p_text),
        )
    wide = table[[k for k in meanings if not table[k].isna().all()]]
    texts = wide.map(
        lambda k: k if isinstance(k, str) else "" if pd.isna(k) else number_text(k)
    )
    frame = texts.rename(columns=meanings).T.rename_axis(None, axis=1)
    return Table(frame, caption, dict.fromkeys(frame.columns, ""))


def _drawn(found: MonteCarlo, model: str) -> Figure:
    rows, every = (k[k["model"] == model] for k in (found.summary, found.distribution))
    return drawn_effects(rows, every, found.clusters[model])


def _in_words(row: dict) -> tuple[dict[str, str], str]:
    """The numbers, ``share`` that of the tables in the variance; and what corrected
    estimates are, empty where errors are too large for a correction."""
    told = {k: number_text(row[k]) for k in _NUMBERS}
    told["share"] = percent_text(row["se_table"] ** 2 / row["se_total"] ** 2)
    right = (
        "is {coef_corrected} ({coef_corrected_se}), by SIMEX {coef_simex} "
        "({coef_simex_se})"
    )
    return told, "" if np.isnan(row["coef_corrected"]) else right.format_map(told)


def _found(row: dict) -> str:
    """``Errors of the tables are behind 12 % of the variance of the effect ...``"""
    told, right = _in_words(row)
    said = (
        f"Errors of the tables are behind {told['share']} of the variance of the "
        f"effect of {variable_name(row['term'])} on {variable_name(row['outcome'])}: "
        f"{told['estimate']}, standard error {told['se_total']} in place of "
        f"{told['se_sampling']}"
    )
    if not right:
        return f"{said}. They are too large for a correction."
    # Not of two-stage least squares, nor always beside a lag that errs as well.
    pulled = 0 <= row["estimate"] / row["coef_corrected"] < 1 - 1e-6
    way = "They also pull it towards 0: corrected for that" if pulled else "Corrected"
    return f"{said}. {way} it {right}."


def _sentence(row: dict) -> str:
    told, right = _in_words(row)
    right = f"corrected for them the effect {right}" if right else _TOO_LARGE
    return (
        f"{row['model']}: {row['term']} has the effect {told['estimate']}, "
        f"standard error {told['se_sampling']} from sampling, "
        f"{told['se_table']} from the tables, {told['se_total']} in all "
        f"({told['share']} of its square from the tables); reliability "
        f"{row['reliability']:.3f}: {right}."
    )


_TOO_LARGE = "the errors are too large for a correction"


def summarise_draws(
    setup: Setup,
    drawn: Sequence[Float[np.ndarray, "D k"]],
    *,
    seed: int,
    bayesian: bool = False,
    progress: Progress = no_progress,
) -> MonteCarlo:
    """Summarise the draws of all years: regressions, corrections, the indices.

    ``drawn`` has what ``Setup.draw`` makes, an array for each year.
    """
    regions = len(setup.tables.regions)
    D = len(drawn[0])

    def windows() -> Iterator[tuple[int, np.ndarray]]:
        for at in windows_of(D):
            yield at.start, np.stack([k[at, :regions] for k in drawn], axis=1)

    mean = np.stack([k[:, :regions].mean(axis=0) for k in drawn])
    given = {"seed": seed, "bayesian": bayesian, "draws": D}
    fits = [
        regress(
            moved,
            windows(),
            setup.base,
            mean,
            progress=shift_progress(progress, number * D, len(setup.moved) * D),
            **given,
        )
        for number, moved in enumerate(setup.moved)
    ]
    scheme = f"montecarlo-{setup.model.name}"
    worst = np.array([k[:, regions:].max(axis=0) for k in drawn]).max(axis=0)

    def below(each: Callable[[ModelDraws], pd.DataFrame]) -> pd.DataFrame:
        return pd.concat(map(each, fits), ignore_index=True)

    return MonteCarlo(
        summary=below(partial(summarise, scheme=scheme)),
        reliability=below(_reliability),
        index=_index(setup, drawn),
        distribution=below(_distribution),
        clusters={k.model.name: len(k.moved.fitted.labels) for k in fits},
        draws=D,
        years=setup.years,
        residual_max=float(max(setup.residual, worst[0])),
        gap_max=float(worst[1]),
    )


def _reliability(found: ModelDraws) -> pd.DataFrame:
    moments, moved = found.moments, found.moved
    return pd.DataFrame(
        {
            "model": found.model.name,
            "term": found.model.treatments,
            "sd_within": moments.within,
            "sd_error": moments.error_sd,
            "reliability_within": 1 - (moments.error_sd / moments.within) ** 2,
            "reliability": moments.reliability,
            "correlation_with_tables": moved.correlation,
            "largest_gap_to_tables": moved.largest_gap,
            "moved_columns": ", ".join(moved.names),
        }
    )


def _distribution(found: ModelDraws) -> pd.DataFrame:
    draws, terms = found.coef.shape
    return pd.DataFrame(
        {
            "model": found.model.name,
            "term": np.repeat(np.array(found.model.treatments, object), draws),
            "draw": np.tile(np.arange(draws), terms),
            "estimate": found.coef.T.ravel(),
            "se": found.se.T.ravel(),
        }
    )


def _index(setup: Setup, drawn: Sequence[np.ndarray]) -> pd.DataFrame:
    regions, parts = setup.tables.regions, []
    for year, base, values in zip(setup.years, setup.base, drawn, strict=True):
        values = np.asarray(values[:, : len(regions)])
        low, high = np.quantile(values, (0.025, 0.975), axis=0)
        of_year = {
            "year": year,
            "region": regions,
            "tbi": base,
            "mean": values.mean(axis=0),
            "se": values.std(axis=0, ddof=1) if len(values) > 1 else np.nan,
            "ci_low": low,
            "ci_high": high,
        }
        parts.append(pd.DataFrame(of_year))
    return pd.concat(parts, ignore_index=True)


def monte_carlo(
    panel: pd.DataFrame,
    models: Model | Sequence[Model],
    tables: WorldTables,
    error: AnyModel,
    *,
    draws: int = DRAWS,
    seed: int = 0,
    progress: Progress = no_progress,
) -> MonteCarlo:
    """Estimate models on draws of the tables that their treatment was computed from.

    Each draw makes tables with errors of all years that the panel takes, their trade
    benefit index, and the regression on it. The treatment and its lag ``L.NAME`` move,
    wherever a model has them; other columns that were made of the index stay.

    Parameters
    ----------
    panel
        Columns iso3 and year, by which its rows are found in the tables, else the
        models' entity and time; and the models' columns.
    models
        Models by least squares or 2SLS, whose treatment is the index of the tables.
    tables
        In memory or lazy; a year is worked on at a time.
    error
        As in :func:`standard_errors`.
    draws, seed
        Draw k depends on the seed, k and the year alone.
    progress
        Called with draws of years done and in all.

    Returns
    -------
    MonteCarlo
        ``summary`` has estimates and their errors by model.

    Raises
    ------
    TivaxError
        A region or year that the tables lack, a treatment that is not their index, a
        model that cannot be fitted, margins that draws cannot be balanced to.

    Examples
    --------
    >>> traders = tx.synthetic_world(regions=8, sectors=3, years=5, seed=2)
    >>> index = tx.trade_benefit_index(traders)["tbi"].to_series().rename("TBI")
    >>> own = index.reset_index().rename(columns={"region": "iso3"})
    >>> own["y"] = own["TBI"] + np.random.default_rng(1).normal(size=40, scale=0.02)
    >>> error = tx.table_errors.Lognormal(a=0.02)
    >>> model = tx.Model("m", "y", ["TBI"])
    >>> found = tx.monte_carlo(own, model, traders, error, draws=50)
    >>> found.years
    (2000, 2001, 2002, 2003, 2004)
    """
    require_kind("panel", panel, pd.DataFrame, "a DataFrame of the panel")
    models = [models] if isinstance(models, Model) else models
    require_kind("models", models, list | tuple, "a tx.Model or a list of them")
    for model in models:
        require_kind("models", model, Model, "a tx.Model or a list of them")
    if not models:
        raise TivaxError("models: give one tx.Model at least")
    require_tables(tables)
    require_whole("draws", draws, 2)
    require_whole("seed", seed, 0)
    panel = with_lags(panel, list(models))
    setup = set_up([fit_model(panel, k) for k in models], tables, error)
    drawn, done, total = [], 0, len(setup.years) * draws
    report(progress, 0, total)
    for k in range(len(setup.years)):
        rows: list[np.ndarray] = []
        for part in setup.draw(k, seed=seed, draws=draws):
            rows.append(part)
            done += len(part)
            progress(done, total)
        drawn.append(np.concatenate(rows))
    return summarise_draws(setup, drawn, seed=seed)
