"""``tx.scenarios``: all variants of all years, in one call or a part at a time."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from ..core import (
    Progress,
    TivaxError,
    in_float64,
    no_progress,
    report,
    require_choice,
    require_kind,
    require_list,
)
from ..errors import ErrorModel, MeasuredDraws, interval
from ..measures import EVERY_PARTNER, Account, ValueAdded
from ..tables import WorldTables, country_name, require_tables, year_of
from . import evaluate, prices, result
from .changes import pairs_of
from .places import Places
from .result import PRICES, QUANTITIES, ScenarioResult
from .shocks import TO, Shift, Shock, Variants, as_variants
from .years import SolvedYear, solve_year

# Without a choice.
DEFAULT_MEASURES = ("value_added", "va_exports", "va_imports", "tbi", "exports")


@dataclass(frozen=True, eq=False)
class ScenarioPlan:
    """Variants by name and years to evaluate, checked.

    Its rows are years one after the other, and in them the variants; a file of draws
    (``engine.resampling.draws``) can hold them.
    """

    tables: WorldTables
    variants: Variants
    years: tuple[int, ...]
    measures: tuple[str, ...]
    value_added: ValueAdded
    places: Places
    industries: bool = False
    _solved: dict[int, SolvedYear] = field(default_factory=dict, init=False)

    @property
    def priced(self) -> bool:
        """True if prices change, and not flows."""
        return next(iter(self.variants.values()))[0].priced

    @property
    def named(self) -> tuple[str, ...]:
        """Regions that the shocks name one by one, not by a group."""
        labels = [
            label.casefold()
            for shocks in self.variants.values()
            for shock in shocks
            for label in shock.labels
        ]
        codes = self.places.names
        names = {name.casefold(): k for k in codes for name in (country_name(k), k)}
        return tuple(names[k] for k in dict.fromkeys(labels) if k in names)

    @property
    def fields(self) -> tuple[str, ...]:
        return prices.FIELDS if self.priced else evaluate.FIELDS

    @property
    def columns(self) -> Sequence[str]:
        """Names of the values of a row."""
        places = self.places
        names = [f"{name} {code}" for name in self.fields for code in places.names]
        if self.industries:
            names += [f"{r}:{i}" for r in places.regions for i in places.sectors]
        return [*names, *evaluate.CHECKS]

    def _kept(self, rows: Float[np.ndarray, "k all"]) -> Float[np.ndarray, "k values"]:
        """Rows without industries, unless they are asked for."""
        if self.industries:
            return rows
        first = len(self.fields) * len(self.places.names)
        return np.delete(rows, np.s_[first : first + self.tables.n], axis=1)

    @property
    def draws(self) -> int:
        """Number of rows."""
        return len(self.variants) * len(self.years)

    @property
    def rows_per_variant(self) -> int:
        """Rows of the tables of results for a variant and a year."""
        world = sum(QUANTITIES.get(name, False) for name in self.measures)
        many = self.tables.n if self.industries else 0
        return len(self.measures) * len(self.places.names) + world + many

    @property
    def memory(self) -> int:
        """Bytes that evaluation needs at most, about."""
        values = self.draws * len(self.columns)
        return evaluate.memory_of(self.tables.n, len(self.tables.regions), values)

    def solved(self, year: int) -> SolvedYear:
        """A year with its inverse; the last one is kept."""
        if year not in self._solved:
            self._solved.clear()
            given = self.tables, year, self.places, self.value_added
            self._solved[year] = solve_year(*given)
        return self._solved[year]

    def rows(
        self, start: int = 0, progress: Progress = no_progress
    ) -> Iterator[Float[np.ndarray, "k values"]]:
        """Rows from number ``start`` on, some at a time."""
        items = list(self.variants.items())
        report(progress, start, self.draws)
        rows_of = prices.price_rows if self.priced else evaluate.value_rows
        while start < self.draws:
            year, first = divmod(start, len(items))
            for part in rows_of(self.solved(self.years[year]), items[first:]):
                start += len(part)
                yield self._kept(part)
                progress(start, self.draws)

    @in_float64
    def base_rows(self) -> Float[np.ndarray, "t values"]:
        """The accounts of each year's table as it is."""
        base_of = prices.base_prices if self.priced else evaluate.base_row
        return self._kept(np.array([base_of(self.solved(k)) for k in self.years]))

    def result(
        self, base: Float[np.ndarray, "t values"], rows: Float[np.ndarray, "k values"]
    ) -> ScenarioResult:
        """Make the result of all rows."""
        labels = list(self.variants), self.years
        regions = self.places.names
        values = rows.reshape(len(self.years), len(self.variants), -1)
        ends = len(self.fields) * len(regions), -len(evaluate.CHECKS)
        before, made_before, _ = np.split(base, ends, axis=1)
        after, made, checks = np.split(values, ends, axis=2)
        industries = None
        if self.industries:
            of = self.places.regions, self.places.sectors
            industries = result.industry_table(*labels, of, made_before, made)
        measured = self.measures, self.fields
        return ScenarioResult(
            table=result.tidy(*labels, regions, *measured, before, after),
            variants=result.variant_table(self.variants, self.years, checks),
            measures=self.measures,
            unit=self.tables.unit,
            industries=industries,
            named=self.named,
            value_added=Account(self.value_added).name,
            phrases={name: name for name in self.variants},
        )


def drawn_changes(
    plan: ScenarioPlan,
    size: int,
    model: ErrorModel,
    draws: int | None = None,
    seed: int | None = None,
) -> MeasuredDraws:
    """The column change of the result's ``table``, of ``size`` rows, in draws of the
    tables: a row a draw."""

    def measure(tables: WorldTables) -> Float[np.ndarray, " rows"]:
        own = replace(plan, tables=tables)
        rows = np.concatenate(list(own.rows()))
        return own.result(own.base_rows(), rows).table["change"].to_numpy(float)

    years = plan.years
    return MeasuredDraws(plan.tables, model, years, measure, size, draws, seed)


def scenarios(
    tables: WorldTables,
    shocks: Any,
    *,
    years: int | Iterable[int] | None = None,
    measures: Sequence[str] = (),
    value_added: ValueAdded = "residual",
    industries: bool = False,
    progress: Progress = no_progress,
) -> ScenarioResult:
    """Evaluate scenarios: flows cut or shifted, industries extracted, and so on.

    Each variant is a small update of the Leontief inverse of its year (Woodbury's
    formula), evaluated in batches, and its residual is measured with the changed table.

    Parameters
    ----------
    tables
        In memory or lazy.
    shocks
        A :class:`Shock`; a list of variants, each a shock or a list of shocks that
        happen together; a mapping of names to them; or the path of a scenario file (see
        ``tivax scenario``), whose years and measures hold where none are given here.
    years
        One year or several; by default the last.
    measures
        For flows: value_added, output, exports, imports (model-consistent), va_exports,
        va_imports, tbi, final_demand, inputs_lost. For price shocks: price_output,
        price_final, price_exports, price_imports, terms_of_trade.
    value_added
        As in :func:`value_added_trade`; price shocks are of output less inputs.
    industries
        Also value added by industry, or the price of its product.
    progress
        Called with variants done and variants in all.

    Returns
    -------
    ScenarioResult
        ``table`` has a row for each variant, year, region and measure.

    Raises
    ------
    TivaxError
        A label or a year that the tables do not have; a measure that does not fit the
        shocks; a table that is not productive, before or after the shock.

    Examples
    --------
    >>> half = tx.shocks.Shift(exporters="R01", importers="R02", percent=50)
    >>> found = tx.scenarios(world, {"decoupling": half}, measures=["value_added"])
    >>> found.table[["region", "percent"]].head(3).round(2)
      region  percent
    0    R01    -8.80
    1    R02    -0.40
    2    ROW     2.32
    """
    require_tables(tables)
    if isinstance(shocks, str | Path):
        from .scenario_files import read_scenario

        file = read_scenario(shocks)
        shocks = file.variants(tables)
        years = (file.years or None) if years is None else years
        measures = measures or file.measures
        industries = industries or file.industries
    plan = make_plan(
        tables,
        shocks,
        years=years,
        measures=measures,
        value_added=value_added,
        industries=industries,
    )
    rows = np.concatenate([*plan.rows(progress=progress)])
    found = plan.result(plan.base_rows(), rows)
    return replace(found, bars=partial(_with_bars, plan))


def _with_bars(
    plan: ScenarioPlan,
    found: ScenarioResult,
    model: ErrorModel,
    *,
    progress: Progress,
    **drawing: int | None,
) -> ScenarioResult:
    """With those of the column change."""
    drawn = drawn_changes(plan, len(found.table), model, **drawing)
    changes = np.concatenate([*drawn.rows(progress=progress)])
    return replace(found, table=interval(changes).beside(found.table))


def make_plan(
    tables: WorldTables,
    shocks: Any,
    *,
    years: int | Iterable[int] | None = None,
    measures: Sequence[str] = (),
    value_added: ValueAdded = "residual",
    industries: bool = False,
) -> ScenarioPlan:
    """Plan what ``scenarios`` evaluates; every label is looked up, nothing is computed.

    Raises ``TivaxError`` as ``scenarios``.
    """
    Account(value_added).rows(tables)
    require_kind("industries", industries, bool, "True or False")
    variants = as_variants(shocks)
    places = Places.of(tables)
    if (name := EVERY_PARTNER) in places.names:
        raise TivaxError(f"{name} stands for the world: rename the region {name}")
    for several in variants.values():
        for shock in several:
            _require_labels(places, shock)
    priced = next(iter(variants.values()))[0].priced
    known = PRICES if priced else QUANTITIES
    require_list("measures", measures)
    for name in measures:
        require_choice("measure", name, known)
    default = PRICES if priced else DEFAULT_MEASURES
    return ScenarioPlan(
        tables=tables,
        variants=variants,
        years=chosen_years(tables, years),
        measures=tuple(dict.fromkeys(measures or default)),
        value_added=value_added,
        places=places,
        industries=industries,
    )


def _require_labels(places: Places, shock: Shock) -> None:
    """Look up every label of a shock."""
    places.find_regions(shock.sides[0], shock.who)
    places.find_regions(shock.sides[1], shock.whom)
    places.find_sectors(shock.sectors)
    if isinstance(shock, Shift) and shock.to[0] not in TO:
        places.find_regions("to", [*shock.to])
    if shock.of_pairs:
        pairs_of(places, shock)


def chosen_years(
    tables: WorldTables, years: int | Iterable[int] | None
) -> tuple[int, ...]:
    """The years asked for, which the tables must have; the last without any."""
    if years is None:
        return (year_of(tables),)
    several = years if isinstance(years, Iterable) else [years]
    if isinstance(years, str):
        several = [years]
    chosen = tuple(dict.fromkeys(year_of(tables, year) for year in several))
    if not chosen:
        raise TivaxError("years: there is none; give one or more")
    return chosen
