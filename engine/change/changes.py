"""``tx.change``: why a measure changed between two years."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import pairwise
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr

from ..core import (
    NotFound,
    Progress,
    TivaxError,
    in_float64,
    no_progress,
    report,
    require_list,
    require_whole,
)
from ..errors import (
    ErrorModel,
    MeasuredDraws,
    measure_code,
    measure_unit,
    read_raw_year,
    require_measure,
)
from ..measures import INDICATORS, Account, ValueAdded
from ..tables import (
    WorldTables,
    YearArray,
    as_float64,
    check_numbers,
    require_productive,
    require_tables,
    year_of,
)
from .integrate import MOST_NODES, Attribution, attribute, summed
from .measured import (
    IndicatorMeasure,
    Measured,
    TradeMeasure,
    YearOfTable,
    year_of_table,
)
from .result import FACTOR_NAMES, IMBALANCE, INTENSITY, PRICES, Change


@in_float64
def change(
    tables: WorldTables,
    measure: str = "tbi",
    *,
    start: int | None = None,
    end: int | None = None,
    region: str | Sequence[str] | None = None,
    sector: str | None = None,
    partner: str | None = None,
    chained: bool = False,
    polar: bool = True,
    nodes: int | None = None,
    volumes: WorldTables | None = None,
    value_added: ValueAdded = "residual",
    progress: Progress = no_progress,
) -> Change:
    """Why a measure changed between two years: a structural decomposition.

    The change is attributed to six factors along the straight path between those of
    the two years: requirements of goods per unit of output (technology), the sellers
    from whom industries buy (sourcing), the level of final demand, its mix of goods,
    its sellers (origin), and value added per unit of output. Effects add up to the
    change, over any grouping of cells, up to the remainder that is reported.

    Parameters
    ----------
    tables
        In memory or lazy, at current prices: prices and volumes change together unless
        ``volumes`` are given.
    measure
        va_exports, va_imports, gross_exports, gross_imports, vax_ratio, tbi, of an
        account its ``footprint`` (consumption_based) or production_based, or an
        indicator (``INDICATORS``) that has the level country; with ``sector`` or
        ``partner`` the level sector or bilateral, such as FPEM.
    start, end
        The two years; by default the first and the last.
    region
        Whose measure, one or several; by default that of all regions.
    sector
        For indicators by sector.
    partner
        For indicators by partner: the supplier of an exposure.
    chained
        Also the sum of the effects from each year to the next.
    polar
        Also the average of the two polar decompositions, at ten solves more.
    nodes
        Points of the path; by default as many as bring the remainder to 1e-10.
    volumes
        The same tables at prices of the previous year (:func:`deflated`, or those of a
        statistical office). Effects are then of volumes, from each year to the next at
        the prices of the earlier one and summed, and a factor ``prices`` has the rest.
    value_added
        As in :func:`value_added_trade`; of a satellite account value-added shares are
        the account per unit of output.
    progress
        Called with the solves done and those foreseen.

    Returns
    -------
    Change
        ``table``, ``by_factor``, ``by_partner``, ``by_sector``, ``steps``; printed, the
        effects of each factor.

    Raises
    ------
    TivaxError
        An unknown measure, region, sector or year; the same year twice; a measure that
        is not defined in one of the years; final demand that is not above 0; volumes
        of other years or labels.

    Notes
    -----
    The attribution is that of Aumann and Shapley (1974), which for a straight path is
    the integral of the derivatives along it; polar averages are those of Dietzenbacher
    and Los (1998, Economic Systems Research 10). Chained effects of volumes are those
    of de Haan (2001, Economic Systems Research 13).

    Examples
    --------
    >>> found = tx.change(world, "tbi", start=2000, end=2001, region=["R01", "R02"])
    >>> found.values.round(4)[["region", "start", "end", "change"]]
      region   start     end  change
    0    R01 -0.0275 -0.0197  0.0078
    1    R02 -0.0149 -0.0316 -0.0167
    >>> found.by_factor.T.head(5).round(4)
    region            R01     R02
    factor
    technology    -0.0023  0.0015
    sourcing       0.0097  0.0129
    demand level  -0.0122 -0.0289
    demand mix     0.0076 -0.0041
    demand origin  0.0050  0.0019
    """
    require_tables(tables)
    measure = measure_code(measure)
    regions = _regions(tables, region)
    account = require_measure(
        "change", tables, measure, regions, sector, value_added, partner
    )
    years = _years(tables, start, end)
    if nodes is not None:
        require_whole("nodes", nodes, 1)
        if nodes > MOST_NODES:
            raise TivaxError(
                f"nodes: give {MOST_NODES:,} points of the path at most, not {nodes:,}"
            )
    if volumes is not None:
        _require_same(tables, volumes, years)
        if chained:
            raise TivaxError("chained: effects of volumes are chained; leave it out")
    measured: Measured = (
        TradeMeasure(tables, measure, regions)
        if measure not in INDICATORS
        else IndicatorMeasure(
            tables, measure, regions, sector, partner, priced=account.satellite is None
        )
    )
    read = later = _reader(tables, account.rows(tables))
    pairs, prices = [*pairwise(years)], []
    runs = [(first, last, False) for first, last in pairs]
    if volumes is not None:
        later = _reader(volumes, account.rows(volumes))
    else:
        own = (years[0], years[-1], polar)
        runs = [own, *runs] if chained and len(pairs) > 1 else [own]
    parts: list[Attribution] = []
    for number, (first, last, corners) in enumerate(runs):
        part = attribute(
            measured,
            (read(first), later(last)),
            len(tables.sectors),
            polar=corners,
            nodes=nodes,
            step_done=lambda done, total, k=number: report(
                progress, k * total + done, len(runs) * total
            ),
        )
        if volumes is not None:
            prices.append(measured.reported(read(last)) - part.end)
        parts.append(part)
    found, steps = parts[0], (parts[1:] or parts) if chained else []
    if volumes is not None:
        found, steps = summed(parts, np.sum(prices, axis=0)), parts
    _require_defined(found, measure, regions if region is not None else (), years)
    unit = measure_unit(measure, tables.unit, account.unit(tables))
    name = Account(value_added).satellite_name
    factors = (*FACTOR_NAMES[:-1], INTENSITY) if name else FACTOR_NAMES
    labels = _Labels(tables, regions, unit, factors)
    return Change(
        measure=measure,
        sector=sector,
        start=years[0],
        end=years[-1],
        unit=unit,
        regions=regions,
        values=labels.values(found),
        table=labels.table(found, steps if chained else (), prices),
        by_partner=labels.effects([found], "partner"),
        by_sector=labels.effects([found], "sector"),
        steps=labels.steps(steps, pairs, prices) if steps else None,
        chained_by_partner=labels.effects(steps, "partner") if chained else None,
        chained_by_sector=labels.effects(steps, "sector") if chained else None,
        remainder=max(float(np.nanmax(k.relative, initial=0)) for k in (found, *steps)),
        nodes=found.nodes,
        size=labels.size(years[-1]),
        asked=regions if region is not None else (),
        account=name,
        of_volumes=volumes is not None,
        partner=partner,
        bars=partial(_with_bars, tables, value_added),
    )


def _with_bars(
    tables: WorldTables,
    value_added: ValueAdded,
    found: Change,
    model: ErrorModel,
    *,
    progress: Progress,
    **drawing: int | None,
) -> Change:
    if found.of_volumes:
        raise TivaxError("error: not of volumes; leave out volumes, or the errors")
    drawn = drawn_effects(tables, found, value_added, model, **drawing)
    rows = np.concatenate([*drawn.rows(progress=progress)])
    return found.with_draws(rows, drawn.record)


def drawn_effects(
    tables: WorldTables,
    found: Change,
    value_added: ValueAdded,
    model: ErrorModel,
    draws: int | None = None,
    seed: int | None = None,
) -> MeasuredDraws:
    """The effects of ``found.table`` in draws of the tables, a row a draw.

    Of a draw whose regions lack a factor that is there it is 0: imbalances come and go.
    """
    keys = pd.MultiIndex.from_frame(found.table[["region", "factor"]])

    def measure(drawn: WorldTables) -> np.ndarray:
        one = change(
            drawn,
            found.measure,
            start=found.start,
            end=found.end,
            region=found.regions,
            sector=found.sector,
            partner=found.partner,
            polar=False,
            nodes=found.nodes,
            value_added=value_added,
        )
        values = one.table.set_index(["region", "factor"])["value"]
        return values.reindex(keys).fillna(0).to_numpy()

    years = found.start, found.end
    return MeasuredDraws(tables, model, years, measure, len(keys), draws, seed)


def _regions(
    tables: WorldTables, region: str | Sequence[str] | None
) -> tuple[str, ...]:
    if region is None:
        return tuple(tables.regions)
    if isinstance(region, str):
        return (region,)
    require_list("region", region)
    if not region:
        raise TivaxError("region: name one or more regions, or leave it out for all")
    return tuple(dict.fromkeys(region))


def _years(tables: WorldTables, start: int | None, end: int | None) -> list[int]:
    """All years of the tables from the first to the last."""
    start = tables.years[0] if start is None else start
    ends = [year_of(tables, start), year_of(tables, end)]
    if len(tables.years) == 1:
        raise TivaxError(f"change: the tables hold {ends[0]} alone; it takes two years")
    if ends[0] == ends[1]:
        raise TivaxError(f"change: {ends[0]} twice; give two different years")
    if ends[0] > ends[1]:
        raise TivaxError(
            f"change: {ends[0]} is after {ends[1]}; give the earlier year first"
        )
    return [k for k in tables.years if ends[0] <= k <= ends[1]]


def _require_same(
    tables: WorldTables, volumes: WorldTables, years: Sequence[int]
) -> None:
    """Raise ``TivaxError`` unless the volumes are of the same cells and years."""
    require_tables(volumes)
    for name in ("regions", "sectors", "unit"):
        if getattr(volumes, name) != getattr(tables, name):
            raise TivaxError(f"volumes: other {name} than the tables have")
    for year in years[1:]:
        if year not in volumes.years:
            raise NotFound(
                f"volumes: no year {year}; give every year from {years[1]} to "
                f"{years[-1]} at the prices of the year before"
            )


def _require_defined(
    found: Attribution, measure: str, regions: Sequence[str], years: Sequence[int]
) -> None:
    """Regions that were asked for have the measure in both years."""
    for values, year in ((found.start, years[0]), (found.end, years[-1])):
        for region, value in zip(regions, values, strict=False):
            if not np.isfinite(value):
                raise TivaxError(
                    f"{measure} of {region} is not defined in {year}: its base is 0"
                )


def _reader(
    tables: WorldTables, rows: YearArray | None
) -> Callable[[int], YearOfTable]:
    """Reads years of tables as coefficients, and keeps the last one."""

    @lru_cache(maxsize=1)
    def read(year: int) -> YearOfTable:
        k = tables.years.index(year)
        row = None if rows is None else as_float64(rows[k])
        found = year_of_table(read_raw_year(tables, k), row)
        A, Y, v = (np.asarray(each) for each in found.table)
        used, demand = A.sum(axis=0), Y.sum(axis=0)
        if not all(np.isfinite(each).all() for each in (used, demand, v)):
            check_numbers(tables.table(year))
        if not (used < 1).all():
            require_productive(tables.table(year))
        for region, total in zip(tables.regions, demand, strict=True):
            if not total >= 0:
                raise TivaxError(
                    f"{year}: final demand of {region} adds up to {total:,.6g}, and "
                    "has no mix of goods; add the region to another (tx.aggregate)"
                )
        return found

    return read


@dataclass(frozen=True)
class _Labels:
    """Arrays of effects as tables with labels."""

    tables: WorldTables
    regions: tuple[str, ...]
    unit: str
    factors: tuple[str, ...]

    def size(self, year: int) -> pd.Series:
        """Gross output of the regions."""
        k, every = self.tables.years.index(year), list(self.tables.regions)
        output = self.tables.output(slice(k, k + 1))[0].reshape(len(every), -1)
        return pd.Series(output.sum(axis=1), every).loc[list(self.regions)]

    def values(self, found: Attribution) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "region": self.regions,
                "start": found.start,
                "end": found.end,
                "change": found.end - found.start,
                "remainder": found.remainder,
            }
        )

    def table(
        self,
        found: Attribution,
        steps: Sequence[Attribution],
        prices: Sequence[np.ndarray] = (),
    ) -> pd.DataFrame:
        b = len(self.regions)
        value = found.by_pair.sum(axis=(1, 2))
        home = self._at_home(found.by_pair)
        columns = {
            "value": value,
            "home": home,
            "abroad": value - home,
            "polar": value * np.nan if found.polar is None else found.polar,
        }
        if steps:
            columns["chained"] = np.sum([k.by_pair.sum(axis=(1, 2)) for k in steps], 0)
        change, other = found.end - found.start, found.imbalance
        more = {PRICES: {"value": np.sum(prices, axis=0)}} if prices else {}
        # More than rounding.
        if (np.abs(other) > 1e-12 * np.abs(change)).any():
            chained = np.sum([k.imbalance for k in steps], axis=0)
            more[IMBALANCE] = {"value": other, "polar": other, "chained": chained}
        names = [*self.factors, *more]
        unknown = np.full(b, np.nan)
        columns = {
            name: np.vstack([values, *(k.get(name, unknown) for k in more.values())])
            for name, values in columns.items()
        }
        share = columns["value"] / np.where(change == 0, np.nan, change)[None, :]
        frame = pd.DataFrame(
            {
                "region": np.repeat(self.regions, len(names)),
                "factor": names * b,
                **{k: v.T.ravel() for k, v in columns.items()},
            }
        )
        frame.insert(list(frame).index("polar") + 1, "share", share.T.ravel())
        return frame

    def effects(
        self, parts: Sequence[Attribution], by: Literal["partner", "sector"]
    ) -> xr.DataArray:
        """Effects (factor, region, country, partner or sector), of all parts."""
        of_partners = by == "partner"
        each = [k.by_pair if of_partners else k.by_good for k in parts]
        last = self.tables.regions if of_partners else self.tables.sectors
        coords = {
            "factor": list(self.factors),
            "region": list(self.regions),
            "country": list(self.tables.regions),
            by: list(last),
        }
        values = np.sum(each, axis=0).transpose(0, 3, 2, 1)
        about = {"units": self.unit, "long_name": "effect"}
        return xr.DataArray(values, coords, list(coords), name="value", attrs=about)

    def steps(
        self,
        steps: Sequence[Attribution],
        pairs: Sequence[tuple[int, int]],
        prices: Sequence[np.ndarray] = (),
    ) -> pd.DataFrame:
        parts = []
        for k, (step, (first, last)) in enumerate(zip(steps, pairs, strict=True)):
            part = self.table(step, (), prices[k : k + 1]).drop(
                columns=["polar", "share"]
            )
            part.insert(0, "end", last)
            part.insert(0, "start", first)
            parts.append(part)
        return pd.concat(parts, ignore_index=True)

    def _at_home(self, by_pair: np.ndarray) -> np.ndarray:
        where = [self.tables.regions.index(k) for k in self.regions]
        by_user = by_pair.sum(axis=1)
        return by_user[:, where, np.arange(len(where))]
