"""The result of ``tx.decompose`` and `tivax decompose`: terms of each year."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pandas as pd
import xarray as xr

from ...core import NOT_KEPT, Keeper, Progress, TivaxError, no_progress
from ...reporting import LongPart, LongTable
from ...tables import AnyGroups, WorldTables, whole_regions
from ..accounts import Account, ValueAdded
from ..decompositions import decomposed_years
from ..group_runs import groups_in_turn, own_axis
from ..methods import (
    METHODS,
    NOT_SUMMED,
    WORST_IDENTITY,
    Level,
    MethodName,
    require_method,
)
from .by_year import ByYear, one_after_the_other

_LEVEL = "bilateral-sector"


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Decomposition(ByYear):
    """Terms of every year: the result of ``tx.decompose`` and `tivax decompose`.

    Attributes
    ----------
    name, level, detail, by_origin
        The method; the level is by default bilateral-sector.
    sides
        The exporters and importers that tables and figures keep, by "exporter" and
        "importer".
    errors
        Gives the standard errors of a year's terms: a function of the year, and of the
        function that computes the terms of any tables.

    Examples
    --------
    >>> found = tx.decompose(world, "kww", "country")
    >>> found.to_frame().columns.tolist()
    ['year', 'exporter', 'term', 'value']
    """

    name: str
    level: str = ""
    detail: bool = False
    by_origin: bool = False
    sides: Mapping[str, Sequence[str]] = field(default_factory=dict)
    errors: Callable[..., xr.Dataset] | None = None
    _totals: list[xr.DataArray] = field(default_factory=list, init=False)

    program = "decompose"
    doing = "decomposing"
    in_print = "tivax.engine.present.decomposition"
    one_workbook = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "level", self.level or _usual_level(self.name))
        about = {"detail": self.detail, "by_origin": self.by_origin}
        require_method(self.name, self.level, **about)
        if self.sides and self.one_by_one:
            side = next(iter(self.sides))
            raise TivaxError(f"--{side}s: goes without --each-group")
        asked = self.asked or self.sides.get("exporter", ())
        object.__setattr__(self, "asked", asked)

    @property
    def options(self) -> dict[str, Any]:
        return {
            "method": self.name,
            "level": self.level,
            "detail": self.detail,
            "by_origin": self.by_origin,
        }

    def compute(self) -> Iterator[tuple[ValueAdded, xr.Dataset]]:
        compute = partial(self._terms, self.world)
        return one_after_the_other(compute, self.accounts, self.progress, self.keeper)

    def _terms(
        self,
        world: WorldTables,
        account: ValueAdded,
        progress: Progress = no_progress,
        keeper: Keeper = NOT_KEPT,
    ) -> Iterable[xr.Dataset]:
        return decomposed_years(
            world,
            **self.options,
            groups=self.groups,
            apart=self.one_by_one,
            value_added=account,
            memory=self.memory,
            progress=progress,
            keeper=keeper,
        )

    def _of_draw(self, account: ValueAdded, world: WorldTables) -> xr.Dataset:
        """The rows of one year of drawn tables."""
        (found,) = self._terms(world, account)
        return self._kept(found)

    def tables(self) -> dict[str, LongTable]:
        count = len(self.world.years) * len(self.accounts)
        count *= len(self.groups) if self.one_by_one else 1
        units = bool(self.account)
        return {"decomposition": LongTable(self._parts(), count=count, units=units)}

    def years(self) -> Iterator[tuple[ValueAdded, xr.Dataset, xr.Dataset | None]]:
        if self.held is not None:
            yield from self.held
            return
        for account, whole in self.compute():
            part = self._kept(whole)
            # Several devices make several years at a time: the order of rows is that
            # of one device.
            for k in range(part.sizes["year"]):
                year, se = part.isel(year=[k]), None
                if self.errors is not None:
                    compute = partial(self._of_draw, account)
                    se = self.errors(int(year["year"][0]), compute)
                yield account, year, se

    def _parts(self) -> Iterator[LongPart]:
        self._begin()
        for account, year, se in self.years():
            self._residuals.append(float(year["residual"].max()))
            self._gaps.append(float(year["identity"].max()))
            if self.alone and _has_parts(year, self.name, self.level):
                self._totals.append(totals_of(year, self.name))
            errors = None if se is None else self.named(se, account)
            of_year = LongPart(self.named(year, account), errors=errors)
            self._rows.append(of_year.rows)
            yield of_year

    def _datasets(self) -> Iterator[tuple[str, xr.Dataset, xr.Dataset | None]]:
        for _, year, se in self.years():
            group = str(year[own_axis(year)].values[0]) if self.one_by_one else ""
            yield group, year, se

    def _kept(self, part: xr.Dataset) -> xr.Dataset:
        """The flows of the exporters and importers asked for."""
        for side in self.sides:
            if side not in part.dims:
                raise TivaxError(
                    f"--{side}s: level {self.level} of this method has no {side}s; "
                    "give another --level, such as bilateral"
                )
        return part.sel({side: list(codes) for side, codes in self.sides.items()})

    def labels(self) -> dict[str, str]:
        unit = Account(self.accounts[0]).unit(self.world)
        return {"value": f"value of the term [{unit}]"}

    @property
    def term_titles(self) -> pd.DataFrame:
        """Titles of the terms, in the columns of ``label_table``."""
        terms = METHODS[self.name].terms.items()
        rows = [(name, "term", self.said(text)) for name, text in terms]
        return pd.DataFrame(rows, columns=["code", "kind", "title"])

    @property
    def shares(self) -> xr.DataArray | None:
        """The parts of the whole (part, year, region), if they add up to it: all years
        and regions; of groups computed by themselves one after the other."""
        if not self._totals:
            return None
        runs: dict[tuple[str, ...], list[xr.DataArray]] = {}
        for part in self._totals:
            runs.setdefault(tuple(part["region"].values.tolist()), []).append(part)
        years = [xr.concat(parts, "year") for parts in runs.values()]
        return xr.concat(years, "region")

    def facts(self) -> dict[str, Any]:
        gap = None if METHODS[self.name].check is None else max(self._gaps)
        return {
            "residual_max": max(self._residuals),
            **self.options,
            "identity_max": gap,
            "identity_limit": WORST_IDENTITY,
            **{f"{side}s": list(codes) for side, codes in self.sides.items()},
            "each_group": self.one_by_one,
        }


def decompose(
    tables: WorldTables,
    method: MethodName,
    level: Level = "bilateral-sector",
    *,
    detail: bool = False,
    by_origin: bool = False,
    groups: AnyGroups | None = None,
    apart: bool = False,
    value_added: ValueAdded = "residual",
    memory: int | None = None,
    progress: Progress = no_progress,
) -> Decomposition:
    """Exports (or production) of every year in terms of value added.

    Parameters
    ----------
    tables
        In memory or lazy.
    method
        A name of ``METHODS``: wwz, kww, bm-source, bm-sink, bm-world, bm-self,
        bm-importer, ltv, my, tripartite, tripartite-output, production.
    level
        country, sector, bilateral or bilateral-sector, as far as the method has it.
    detail
        For bm-source and bm-sink: also the parts VAX1 ... VAX4, REF1, REF2, FVA1 ...
        FVA4, which with DDC and FDC are Borin and Mancini's twelve terms.
    by_origin
        For bm-source, by sector: ``sector`` is that in which the value is added, not
        the exporting one.
    groups
        Regions that are one perimeter: flows among members are domestic. The group's
        name replaces those of its members. Names of built-in groups (``"EU27"``, or a
        list of them), or the regions of each by its name.
    apart
        Each group by itself, so that they may overlap: its rows, and other groups are
        no partners.
    value_added
        As for ``value_added_trade``.
    memory
        As for ``value_added_trade``: bm-source, my, tripartite and production are
        streamed, others need the inverse.

    Returns
    -------
    Decomposition
        ``data``: a variable for each term by year, exporter and, by level, sector and
        importer, in the unit of the tables, 0 at home; ``residual`` (year) of the
        solve, relative, and ``identity`` (year), the largest relative residual of the
        accounting identities (NaN where the method has none).

    Raises
    ------
    TivaxError
        An unknown method, level or region; a table that is not productive; an identity
        that is missed by more than 1e-8; a satellite account for tripartite-output,
        which sets value added against output.

    Examples
    --------
    >>> found = tx.decompose(world, "bm-source", "country").data.sel(year=2000)
    >>> found[["GEXP", "DVA", "FVA"]].drop_vars("year").to_dataframe().round(-2)
                    GEXP        DVA        FVA
    exporter
    R01        7837800.0  4879700.0  2539500.0
    R02       10322400.0  8873300.0  1301300.0
    ROW       11757100.0  8984000.0  2149200.0
    """

    require_method(method, level, detail=detail, by_origin=by_origin)
    found = Decomposition(
        world=tables,
        accounts=[value_added],
        groups=groups_in_turn(groups, whole_regions(tables), apart=apart),
        one_by_one=apart,
        name=method,
        level=level,
        detail=detail,
        by_origin=by_origin,
        memory=memory,
        progress=progress,
    )
    return found.hold()


def _usual_level(method: str) -> str:
    """The level where none is given; ``TivaxError`` of a method that lacks it."""
    if method in METHODS and _LEVEL not in METHODS[method].kernels:
        levels = " or ".join(f"--level {k}" for k in METHODS[method].kernels)
        raise TivaxError(
            f"method {method} has no level {_LEVEL}, the default; give {levels}"
        )
    return _LEVEL


def _has_parts(part: xr.Dataset, method: str, level: str) -> bool:
    """True if the parts add up to a whole, for a figure."""
    shown = METHODS[method].shown.values()
    if METHODS[method].kernels[level] in NOT_SUMMED:
        return False
    return bool(shown) and all(k in part for terms in shown for k in terms)


def totals_of(part: xr.Dataset, method: str) -> xr.DataArray:
    """Sums (part, year, region) of the groups of terms in ``Method.shown``."""
    region = "exporter" if "exporter" in part.dims else "importer"
    sums = {}
    for name, terms in METHODS[method].shown.items():
        total = sum((part[k] for k in terms[1:]), part[terms[0]])
        sums[name] = total.sum([k for k in total.dims if k not in ("year", region)])
    data = xr.Dataset(sums, {k: part[k] for k in ("year", region)})
    return data.to_array("part").rename({region: "region"})
