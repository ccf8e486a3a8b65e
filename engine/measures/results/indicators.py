"""The result of ``tx.indicators`` and `tivax indicators`: every level of every year."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from ...core import (
    Progress,
    TivaxError,
    no_progress,
    shift_progress,
    suggest,
)
from ...reporting import LongPart, LongTable, with_intervals
from ...tables import AnyGroups, Groups, WorldTables, whole_regions
from ..accounts import Account, ValueAdded
from ..flags import FLAGS, count_flags
from ..group_runs import groups_in_turn, require_new_names
from ..gvc_indicators import (
    LevelsOfYear,
    indicator_years,
    indicators_at,
    possible_indicators,
)
from ..indicator_table import EVERY_PARTNER, EVERY_SECTOR, INDICATORS
from ..methods import LEVELS, WORST_IDENTITY
from ..perimeters import perimeters_of
from ..trade import Certify
from .by_year import ByYear, one_after_the_other

# The figures, and the indicators each shows of the largest exporters.
_FIGURES = {
    "positions": ("GVC_PART_BM", "GVC_FORWARDNESS"),
    "participation": ("GVC_BACK_BM", "GVC_FORW_BM"),
}
# So many columns of a table fit into 80 characters.
_PRINTED = 4

Datasets = Mapping[str, xr.Dataset]
_Year = tuple[str, ValueAdded, LevelsOfYear, Datasets | None]
_MEASURED = ("residual", "identity", "cell_error", "cell_backward_error")


def require_levels(name: str) -> tuple[str, ...]:
    """One level, or every one for ``all``; ``TivaxError`` for any other."""
    if name == "all":
        return tuple(LEVELS)
    if name not in LEVELS:
        raise TivaxError(f"--level {name}: {suggest(name, ['all', *LEVELS])}")
    return (name,)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class IndicatorsByYear(ByYear):
    """Indicators of every year and level: the result of ``tx.indicators``.

    Attributes
    ----------
    only
        Codes, by default all that the tables have.
    level
        A name of ``LEVELS``, or "all".
    certify
        As in ``indicators``.
    errors
        Gives standard errors by level, year after year: a function of names, levels,
        ``groups`` and ``value_added``.
    drawn
        True if there are figures: of indicators that are among ``only``.
    net
        Inventories are left out of the tables.

    Examples
    --------
    >>> tx.indicators(world, "TBI")["TBI"].sel(year=2000).round(3).values.tolist()
    [-0.027, -0.015, 0.034]
    """

    only: Sequence[str] = ()
    level: str = "country"
    certify: Certify = "columns"
    errors: Callable[..., Iterable[Datasets]] | None = None
    drawn: bool = True
    net: bool = False
    flags: Counter[str] = field(default_factory=Counter, init=False)
    _cells: dict[str, float] = field(default_factory=dict, init=False)
    _units: dict[str, dict[Hashable, str]] = field(default_factory=dict, init=False)
    _last: dict[str, xr.Dataset] = field(default_factory=dict, init=False)
    _shown: dict[str, list[xr.Dataset]] = field(default_factory=dict, init=False)

    program = "indicators"
    doing = "indicators"
    in_print = "tivax.engine.present.indicators"

    def __post_init__(self) -> None:
        assert self.wanted
        if self.one_by_one:
            require_new_names(self.groups, self.world.regions)

    @cached_property
    def levels(self) -> tuple[str, ...]:
        """The levels of the table."""
        return require_levels(self.level)

    @cached_property
    def wanted(self) -> list[str]:
        """The indicators of the table."""
        given = self.world, self.accounts[0]
        if len(self.levels) == 1:
            return indicators_at(self.only, self.levels[0], *given)
        return possible_indicators(self.only, *given)

    @property
    def figures(self) -> list[str]:
        """Figures whose indicators are computed."""
        known = [
            k for k, v in _FIGURES.items() if not self.only or {*v} <= {*self.only}
        ]
        return known if self.alone and self.drawn else []

    @cached_property
    def _of_figures(self) -> list[str]:
        names = (name for k in self.figures for name in ("EXGR", *_FIGURES[k]))
        return [*dict.fromkeys(names)]

    @property
    def names(self) -> list[str]:
        """The indicators that are computed, those of figures with them."""
        return [*dict.fromkeys([*self.wanted, *self._of_figures])]

    @property
    def _levels(self) -> list[str]:
        return [*dict.fromkeys([*self.levels, "country"])]

    @property
    def options(self) -> dict[str, Any]:
        about = {"names": self.names, "levels": self._levels}
        return {**about, "certify": self.certify}

    @property
    def _runs(self) -> dict[str, Groups]:
        """All regions, or each group by itself."""
        if not self.one_by_one:
            return {"": self.groups}
        return {name: {name: codes} for name, codes in self.groups.items()}

    @property
    def expected(self) -> int:
        """Number of rows of the table, before it is computed."""
        rows = 0
        for name, groups in self._runs.items():
            partners = len(perimeters_of(self.world, groups).names)
            regions = 1 if name else partners
            for level in self.levels:
                by_sector, by_partner = LEVELS[level]
                each = len(self.world.sectors) if by_sector else 1
                each *= partners if by_partner else 1
                count = sum(INDICATORS[k].has(level) for k in self.wanted)
                rows += each * count * regions
        return rows * len(self.world.years) * len(self.accounts)

    def compute(self) -> Iterator[tuple[str, ValueAdded, LevelsOfYear]]:
        runs = self._runs
        steps = len(self.accounts) * len(self.world.years)
        for k, (name, groups) in enumerate(runs.items()):
            years = one_after_the_other(
                lambda account, progress, keeper, groups=groups: indicator_years(
                    self.world,
                    **self.options,
                    groups=groups,
                    value_added=account,
                    memory=self.memory,
                    flagged=True,
                    progress=progress,
                    keeper=keeper,
                ),
                self.accounts,
                shift_progress(self.progress, k * steps, len(runs) * steps),
                self.keeper.under(k),
            )
            for account, year in years:
                yield name, account, year

    def tables(self) -> dict[str, LongTable]:
        labels = {
            EVERY_PARTNER: [*self.world.regions, *self.groups],
            EVERY_SECTOR: self.world.sectors,
        }
        for name, taken in labels.items():
            if name in taken:
                raise TivaxError(f"{name} stands for a total: rename the code {name}")
        units = bool(self.account)
        return {"indicators": LongTable(self._parts(), "indicator", FLAGS, units=units)}

    def years(self) -> Iterator[_Year]:
        if self.held is not None:
            yield from self.held
            return
        before, errors = None, iter(())
        for name, account, year in self.compute():
            se: Datasets | None = None
            if self.errors is not None:
                if (name, account) != before:
                    of = {"groups": self._runs[name], "value_added": account}
                    errors = iter(self.errors(self.names, self._levels, **of))
                    before = name, account
                se = next(errors)
            yield name, account, year, se

    def _parts(self) -> Iterator[LongPart]:
        self._begin()
        for name, account, year, se in self.years():
            self._keep(name, year, se)
            for level in self.levels:
                yield self._part(name, account, level, year, se)

    def _datasets(self) -> Iterator[tuple[str, xr.Dataset, xr.Dataset | None]]:
        for name, _, year, se in self.years():
            whole = year.values[self.level]
            chosen = [*self.wanted, *(k for k in _MEASURED if k in whole)]
            yield name, whole[chosen], None if se is None else se[self.level]

    def _keep(self, group: str, year: LevelsOfYear, se: Datasets | None) -> None:
        """Keep the values of a year that figures and the summary need."""
        whole = _rows(year.values["country"], group)
        self._last[group] = whole
        if self.figures:
            part = whole[self._of_figures]
            if se is not None:
                part = with_intervals(part, _rows(se["country"], group))
            self._shown.setdefault(group, []).append(part)
        self._residuals.append(float(whole["residual"].max()))
        self._gaps.append(float(whole["identity"].max()))
        for k in {"cell_error", "cell_backward_error"} & set(whole):
            worst = max(float(whole[k].max()), self._cells.get(f"{k}_max", 0.0))
            self._cells[f"{k}_max"] = worst

    def _part(
        self,
        group: str,
        account: ValueAdded,
        level: str,
        year: LevelsOfYear,
        se: Datasets | None,
    ) -> LongPart:
        """The rows of a year at one level."""
        kinds = (year.values, year.flags, *(() if se is None else (se,)))
        values, flags, *more = (
            _with_totals(_rows(k[level], group), self.wanted) for k in kinds
        )
        self.flags.update(count_flags(flags))
        units = self._units.setdefault(Account(account).name, {})
        units.update({k: v.attrs["units"] for k, v in values.items()})
        values, *more = (self.named(k, account) for k in (values, *more))
        part = LongPart(values, flags, *more)
        self._rows.append(part.rows)
        return part

    @property
    def over_years(self) -> xr.Dataset:
        """All years and regions that figures show."""
        groups = [xr.concat(years, "year") for years in self._shown.values()]
        return xr.concat(groups, "region")

    def facts(self) -> dict[str, Any]:
        return {
            "residual_max": max(self._residuals),
            **dict(sorted(self._cells.items())),
            "levels": list(self.levels),
            "units": self.units,
            "identity_max": max(self._gaps),
            "identity_limit": WORST_IDENTITY,
            "each_group": self.one_by_one,
            "flags": dict(self.flags),
        }

    @property
    def units(self) -> dict[str, Any]:
        """Unit of each indicator; with several accounts, by their names."""
        each: dict[str, Any] = {
            account: {k: found[k] for k in self.wanted if k in found}
            for account, found in self._units.items()
        }
        return next(iter(each.values())) if self.alone else each

    @property
    def last_year(self) -> xr.Dataset:
        """The last year at country level, of all groups."""
        groups = list(self._last.values())
        if len(groups) == 1:
            return groups[0]
        return xr.concat(groups, "region", data_vars="all")

    @property
    def leading(self) -> list[str]:
        """Indicators to print: those of the figures, or the first."""
        of_figures = [k for names in _FIGURES.values() for k in names]
        many = len(self.wanted) > _PRINTED and set(of_figures) <= set(self.wanted)
        names = of_figures if many else self.wanted
        return [k for k in names if k in self.last_year][:_PRINTED]

    @property
    def size(self) -> tuple[str, pd.Series]:
        """A measure of the size of regions, and the size in the last year."""
        whole, world, by = self.last_year, self.world, self.leading[0]
        if "EXGR" in whole:
            return "gross exports", whole["EXGR"].isel(year=-1).to_series()
        if set(whole["region"].values) <= set(world.regions):
            each = np.asarray(world.x[-1]).reshape(len(world.regions), -1).sum(axis=1)
            whose = [world.parents.get(k, k) for k in world.regions]
            return "gross output", pd.Series(each).groupby(whose, sort=False).sum()
        return by, whole[by].isel(year=-1).to_series().dropna()


def indicators(
    tables: WorldTables,
    names: str | Sequence[str] = (),
    level: str = "country",
    *,
    groups: AnyGroups | None = None,
    apart: bool = False,
    value_added: ValueAdded = "residual",
    certify: Certify = "columns",
    memory: int | None = None,
    progress: Progress = no_progress,
) -> IndicatorsByYear:
    """Indicators of every year.

    Parameters
    ----------
    tables
        In memory or lazy.
    names
        Names in ``INDICATORS``, one or several; none means all that the level has and
        the tables allow: CONS_VA and GFCF_VA need final demand by category.
    level
        country, sector (adds the sector: that of the exporter, of origin or of the
        product as the indicator has it), bilateral (adds the partner) or
        bilateral-sector. At country level partners are all others together, but for
        FD_VA, CONS_VA and GFCF_VA, where home is one of them.
    groups, apart
        Regions that are one perimeter, as in ``decompose``.
    value_added
        As in ``value_added_trade``. With a satellite account, shares of
        exports are shares of the account in exports.
    certify
        ``columns`` or ``cells``, as there; cells are those of the Leontief inverse.
    memory
        As for ``value_added_trade``; cells are not streamed.

    Returns
    -------
    IndicatorsByYear
        ``data``: a variable for each indicator by year, region and, by level, sector
        and partner; units in attrs; NaN where a ratio has no base. ``residual`` (year)
        and ``identity`` (year): the largest relative residual of two dozen accounting
        identities (``kernels.indicators.identity_residuals``). With ``certify="cells"``
        also ``cell_error`` and ``cell_backward_error`` (year).

    Raises
    ------
    TivaxError
        An unknown name, level or region; a table that is not productive; an identity
        that is missed by more than 1e-8.

    Examples
    --------
    >>> found = tx.indicators(world, ["TBI", "EXGR_DVASH"]).data.sel(year=2000)
    >>> found[["TBI", "EXGR_DVASH"]].drop_vars("year").to_dataframe().round(3)
              TBI  EXGR_DVASH
    region
    R01    -0.027      65.880
    R02    -0.015      87.207
    ROW     0.034      80.540
    """
    names = [names] if isinstance(names, str) else names
    indicators_at(names, level, tables, value_added)  # mistakes in words of Python
    found = IndicatorsByYear(
        world=tables,
        accounts=[value_added],
        groups=groups_in_turn(groups, whole_regions(tables), apart=apart),
        one_by_one=apart,
        only=names,
        level=level,
        certify=certify,
        memory=memory,
        progress=progress,
    )
    return found.hold()


def _rows(part: xr.Dataset, group: str) -> xr.Dataset:
    """The rows of the group that was computed by itself, or all."""
    return part.sel(region=[group]) if group else part


def _with_totals(part: xr.Dataset, wanted: Sequence[str]) -> xr.Dataset:
    """With columns sector and partner at every level."""
    total = {"sector": EVERY_SECTOR, "partner": EVERY_PARTNER}
    dims = ("year", "region", "sector", "partner")
    present = [k for k in dims if k in part.dims]
    labels = {k: part[k].values if k in present else [total[k]] for k in dims}
    shape = [len(k) for k in labels.values()]
    # Variable by variable: xarray's expand_dims of them all takes twice as long.
    found = {k: part.variables[k].transpose(*present) for k in wanted if k in part}
    data = {k: (dims, v.values.reshape(shape), v.attrs) for k, v in found.items()}
    return xr.Dataset(data, labels, part.attrs)
