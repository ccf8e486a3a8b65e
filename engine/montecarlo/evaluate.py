"""Monte Carlo over errors of tables, through to regressions: ``tx.monte_carlo``."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from ..core import (
    Progress,
    TivaxError,
    no_progress,
    report,
    require_kind,
    require_whole,
    shift_progress,
)
from ..errors import AnyModel, DrawnErrors, ErrorModel, draw_year, error_model
from ..estimation import LinearFit, Model, with_lags
from ..measures import trade_benefit_index
from ..reporting import CV1, Told
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


def set_up(fitted: Sequence[LinearFit], tables: WorldTables, error: AnyModel) -> Setup:
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
class MonteCarlo(Told):
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
    >>> model = tx.Model("m", "y", ["TBI"], entity="iso3", time="year")
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
    in_print = "tivax.engine.present.montecarlo"

    def tables(self) -> dict[str, pd.DataFrame]:
        return {
            "summary": self.summary,
            "reliability": self.reliability,
            "tbi": self.index,
            "distribution": self.distribution,
        }

    def findings(self) -> list[dict[Any, Any]]:
        """Rows of ``summary`` with ``share``, that of the tables in the variance, and
        ``pulled``: whether their errors pull the estimate towards 0."""
        found = self.summary
        left = found["estimate"] / found["coef_corrected"]
        # Not of two-stage least squares, nor always beside a lag that errs as well.
        pulled = (left >= 0) & (left < 1 - 1e-6)
        share = found["se_table"] ** 2 / found["se_total"] ** 2
        return found.assign(share=share, pulled=pulled).to_dict("records")

    def facts(self) -> dict[str, Any]:
        return {
            "residual_max": self.residual_max,
            "gap_max": self.gap_max,
            "draws": self.draws,
            "years": list(self.years),
            "models": self.summary["model"].nunique(),
            "covariance": CV1,
            "total": "law of total variance: se_sampling^2 + se_table^2",
        }


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
        The errors of cells: a name (``rounding``), a file RUN.toml or errors of
        ``tx.table_errors``.
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
    >>> model = tx.Model("m", "y", ["TBI"], entity="iso3", time="year")
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
    setup = set_up([LinearFit.to_draw(panel, k) for k in models], tables, error)
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
