"""Indicators of trade in value added by their usual names, labelled.

Their table is ``indicator_table``.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from ...kernels import indicators as kernels
from ...kernels.inverted_table import InvertedTable
from ..core import (
    NOT_KEPT,
    Keeper,
    Progress,
    TivaxError,
    in_float64,
    no_progress,
    require_choice,
    require_list,
    source_in_words,
    suggest,
)
from ..tables import (
    AnyGroups,
    WorldTables,
    consumption_and_capital,
    require_tables,
)
from . import flags
from .accounts import Account, ValueAdded
from .indicator_table import (
    INDICATORS,
    SETS,
    Indicator,
    Level,
    derived_flows,
    needed_flows,
)
from .methods import LEVELS, require_identity
from .perimeters import NamedPerimeters, compute_inverted, perimeters_of
from .trade import Certify, require_certify


def require_indicators(names: Sequence[str]) -> list[str]:
    """The names, sets (``SETS``) by their members, or all for none; ``TivaxError`` for
    an unknown one."""
    require_list("names", names)
    found = []
    for name in names:
        if name not in INDICATORS and name not in SETS:
            raise TivaxError(
                f"no indicator {name}: {suggest(name.upper(), INDICATORS)}"
            )
        found += SETS.get(name, [name])
    return list(dict.fromkeys(found)) or list(INDICATORS)


def indicators_at(
    names: Sequence[str], level: str, tables: WorldTables, value_added: ValueAdded
) -> list[str]:
    """The names that exist at the level; without names, all of these.

    Raises ``TivaxError`` for a name that does not.
    """
    require_tables(tables)
    require_choice("level", level, LEVELS)
    possible = possible_indicators(names, tables, value_added)
    kept = [k for k in possible if INDICATORS[k].has(level)]
    for name in names:
        if name not in kept and name not in SETS:
            has = ", ".join(k for k in LEVELS if INDICATORS[name].has(k))
            raise TivaxError(
                f"indicator {name} has no level {level}: choose from {has}"
            )
    return kept


def possible_indicators(
    names: Sequence[str], tables: WorldTables, value_added: ValueAdded
) -> list[str]:
    """The names that the tables and the account allow; without names, all of these.

    Raises ``TivaxError`` for a name that they do not allow.
    """
    known = require_indicators(names)
    satellite = Account(value_added).satellite is not None
    barred = {}
    for name in known:
        if INDICATORS[name].priced and satellite:
            barred[name] = "value added, not a satellite account"
        elif INDICATORS[name].by_use and not consumption_and_capital(tables.categories):
            barred[name] = (
                "consumption and fixed capital apart, but final demand has the "
                f"categories {', '.join(tables.categories)}"
            )
    for name in names:
        if name in barred:
            raise TivaxError(f"indicator {name} needs {barred[name]}")
    return [k for k in known if k not in barred]


class IndicatorYear(NamedTuple):
    """Flows of one year, the residuals of its identities and of its solve."""

    flows: dict[str, Array]
    identity: Float[Array, ""]
    largest_input_share: Float[Array, ""]
    residual: Float[Array, ""]
    cell_error: Float[Array, ""]
    cell_backward_error: Float[Array, ""]


@in_float64
def indicator_years(
    tables: WorldTables,
    names: Sequence[str],
    levels: Sequence[str],
    *,
    groups: AnyGroups | None = None,
    value_added: ValueAdded = "residual",
    certify: Certify = "columns",
    memory: int | None = None,
    flagged: bool = False,
    progress: Progress = no_progress,
    keeper: Keeper = NOT_KEPT,
) -> Generator["LevelsOfYear", None, None]:
    """``indicators`` of several levels, a year at a time, and their flags if asked."""
    names = possible_indicators(names, tables, value_added)
    for level in levels:
        require_choice("level", level, LEVELS)
    borders, account = perimeters_of(tables, groups), Account(value_added)
    cells = require_certify(certify) == "cells"
    by_use = any(INDICATORS[k].by_use for k in names)
    uses = (consumption_and_capital(tables.categories) or ()) if by_use else ()
    # One program serves all larger selections.
    only = needed_flows(names) if 2 * len(names) < len(INDICATORS) else None
    compute = partial(
        compute_inverted,
        _flows_of,
        uses=uses,
        only=only,
        inverse=bool(uses) or only is None or any(map(kernels.takes_inverse, only)),
        products=True,
        memory=memory,
        program="indicators",
        sectors=len(tables.sectors),
    )
    unit, priced = account.unit(tables), account.satellite is None
    measured = ["residual", "identity"]
    measured += ["cell_error", "cell_backward_error"] if cells else []

    def of_year(part: IndicatorYear, k: int, year: int) -> LevelsOfYear:
        finest = _finest(part, k, len(borders.names), priced=priced)
        values = {
            level: _labelled(
                finest, level, names, tables, list(borders.names), year, unit
            )
            for level in levels
        }
        marks = {}
        if flagged:
            read = partial(tables.select, year, year)
            why = _Causes(read, compute, borders, account)
            marks = {level: _flagged(data, why) for level, data in values.items()}
        about = {n: ("year", [float(getattr(part, n)[k])]) for n in measured}
        return LevelsOfYear({k: v.assign(about) for k, v in values.items()}, marks)

    def every_year() -> Generator[LevelsOfYear, None, None]:
        told = {"certify": cells, "keeper": keeper}
        runs = compute(tables, borders, account, progress, **told)
        for at, part in runs:
            years = tables.years[at]
            what = "flows miss the totals they add up to"
            require_identity(part.identity, years, what)
            yield from (of_year(part, k, year) for k, year in enumerate(years))

    return every_year()


class LevelsOfYear(NamedTuple):
    """Indicators of a year by level; the same variables as indices into
    ``flags.FLAGS``, none unless asked for."""

    values: dict[str, xr.Dataset]
    flags: dict[str, xr.Dataset]


def _finest(part: IndicatorYear, k: int, count: int, *, priced: bool) -> dict:
    """The flows of year k of a chunk, and those derived from them."""
    finest = {}
    for name, flows in part.flows.items():
        flow = np.asarray(flows[k])
        finest[name] = flow[:count, :, :count] if flow.ndim == 3 else flow[:count]
    return finest | derived_flows(finest, priced=priced)


@dataclass(frozen=True)
class _Causes:
    """Causes of values outside their bounds in one year, computed when needed."""

    read: Callable[[], WorldTables]
    compute: Callable[..., Generator[tuple[slice, IndicatorYear], None, None]]
    borders: NamedPerimeters
    counted: Account

    @cached_property
    def _tables(self) -> WorldTables:
        return self.read()

    @cached_property
    def _account(self) -> xr.DataArray:
        return self.counted.by_industry(self._tables)

    @cached_property
    def demand(self) -> bool:
        """True if some final demand is below 0."""
        return bool((self._tables.final_demand() < 0).any())

    @cached_property
    def value_added(self) -> bool:
        """True if some value added is below 0."""
        return bool((self._account < 0).any())

    @cached_property
    def nothing_left(self) -> bool:
        """True if no value added is above 0, as in an account of removals."""
        return not bool((self._account > 0).any())

    @cached_property
    def flows(self) -> dict[str, np.ndarray]:
        """The year's flows with value added below 0 counted as 0."""
        positive = Account(self._account.clip(min=0))
        runs = self.compute(self._tables, self.borders, positive, no_progress)
        ((_, part),) = runs
        return _finest(part, 0, len(self.borders.names), priced=False)


def _flagged(values: xr.Dataset, why: _Causes) -> xr.Dataset:
    """Flags of the indicators of a level: see ``flags``."""
    by_sector, by_partner = LEVELS[values.attrs["level"]]

    def flag(one: Indicator, found: np.ndarray) -> np.ndarray:
        bad = flags.outside(found, one.bounds)
        if not bad.any() or not (why.demand or why.value_added):
            return np.zeros(bad.shape, np.int8)
        if not (why.demand and why.value_added) or why.nothing_left:
            return flags.flags_of(bad, why.demand and not why.nothing_left)
        with_none = one.formula(Level(why.flows, by_sector, by_partner))
        return flags.flags_of(
            bad, flags.outside(np.asarray(with_none).reshape(bad.shape), one.bounds)
        )

    # Variables, not their DataArrays, which take longer to make than to look through.
    found = {name: values.variables[name] for name in values.data_vars}
    return xr.Dataset(
        {k: (v.dims, flag(INDICATORS[str(k)], v.values)) for k, v in found.items()},
        values.coords,
    )


def _flows_of(
    world: InvertedTable,
    by_use: Float[Array, "n c u"] | None = None,
    *,
    sectors: int,
    only: frozenset[str] | None = None,
) -> IndicatorYear:
    """The flows of a year's inverted table, all or some, and their identities."""
    uses = {}
    if by_use is not None:
        uses = {"CONS_VA": by_use[..., 0], "GFCF_VA": by_use[..., 1]}
    flows = kernels.flows(world, uses, sectors=sectors, only=only)
    return IndicatorYear(
        flows,
        jnp.max(kernels.identity_residuals(world, flows, uses)),
        world.largest_input_share,
        world.residual,
        world.cell_error,
        world.cell_backward_error,
    )


def _labelled(
    finest: Mapping[str, np.ndarray],
    level: str,
    names: Sequence[str],
    tables: WorldTables,
    perimeters: list[str],
    year: int,
    unit: str,
) -> xr.Dataset:
    by_sector, by_partner = LEVELS[level]
    flows = Level(finest, by_sector, by_partner)
    coords: dict[str, Any] = {"year": [year], "region": perimeters}
    if by_sector:
        coords["sector"] = list(tables.sectors)
    if by_partner:
        coords["partner"] = perimeters
    shape = [len(k) for k in coords.values()]
    data = {}
    for name in names:
        one = INDICATORS[name]
        if one.has(level):
            attrs = {
                "units": one.unit or (tables.unit if one.gross else unit),
                "long_name": one.title,
                "reference": one.source,
            }
            data[name] = (list(coords), one.formula(flows).reshape(shape), attrs)
    return xr.Dataset(
        data, coords, attrs={"source": source_in_words(tables.source), "level": level}
    )
