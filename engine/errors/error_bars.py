"""Standard errors of measures by name, behind ``with_errors`` of results."""

from collections.abc import Sequence
from typing import cast

import numpy as np
import xarray as xr

from ...kernels.absorption import by_region
from ..core import (
    Progress,
    TivaxError,
    in_float64,
    no_progress,
    require_choice,
    require_list,
    require_whole,
    shift_progress,
    suggest,
)
from ..measures import (
    INDICATORS,
    LEVELS,
    Account,
    ValueAdded,
    in_groups,
    indicators,
    indicators_at,
)
from ..reporting import with_intervals
from ..tables import AnyGroups, Groups, WorldTables, require_tables, whole_regions
from .indicator_errors import PROBES, indicator_error_years
from .models import AnyModel, ErrorModel, error_model
from .trade_errors import (
    FOOTPRINTS,
    TRADE_FLOWS,
    TRADE_MEASURES,
    asked_of,
    flows_of,
    labelled,
    measure_code,
    perimeters_with_partners,
    solved_years,
    standard_errors_of,
    with_measures,
)

ABSORBED = "va_absorbed"
"""Value added of each region absorbed in each, by origin and absorber."""


@in_float64
def standard_errors(
    tables: WorldTables,
    error: AnyModel,
    names: str | Sequence[str] = ("tbi",),
    level: str = "country",
    *,
    drop: Sequence[str] = (),
    groups: AnyGroups | None = None,
    apart: bool = False,
    value_added: ValueAdded = "residual",
    probes: int = PROBES,
    seed: int = 0,
    memory: int | None = None,
    progress: Progress = no_progress,
) -> xr.Dataset:
    """Measures with standard errors and 95 % intervals, from errors of the tables.

    By the delta method: the variance of a measure is that of its first derivative
    applied to the errors of all cells of Z and Y. It holds while errors move a measure
    nearly linearly.

    Parameters
    ----------
    tables
        In memory or lazy.
    error
        The errors of cells: the name of a model (``rounding``), a file RUN.toml,
        a :class:`TableError` or a list of them.
    names
        Either of va_exports, va_imports, gross_exports, gross_imports, vax_ratio, tbi,
        va_absorbed, production_based and consumption_based (:func:`footprints`), whose
        errors are computed in closed form, or indicators
        (``INDICATORS``).
    level
        Level of indicators, as in :func:`indicators`.
    drop
        Regions left out, as in :func:`trade_benefit_index`; not of indicators.
    groups, apart, value_added
        As in :func:`indicators`; pairs (va_absorbed) are not computed apart. A
        value-added row and a satellite account have no errors of their own.
    probes, seed
        Of indicators: draws of signs in place of errors; a standard error is right to
        about 1 / sqrt(2 probes) of itself.
    memory
        In bytes. A year that needs more is read in row slabs.
    progress
        Called with years done and years in all.

    Returns
    -------
    Dataset
        By year and region each measure NAME with ``NAME_se``, ``NAME_ci_low`` and
        ``NAME_ci_high``; ``va_absorbed`` by origin and absorber.

    Raises
    ------
    TivaxError
        An unknown name, model or region; measures of both kinds together; an error
        model that does not fit the tables.
    """
    require_tables(tables)
    model = error_model(error)
    names = [names] if isinstance(names, str) else names
    require_list("names", names)
    require_list("drop", drop)
    require_choice("level", level, LEVELS)
    require_whole("probes", probes, 2)
    require_whole("seed", seed, 0)
    names = list(dict.fromkeys(map(measure_code, names)))
    known = [*TRADE_MEASURES, ABSORBED, *FOOTPRINTS, *INDICATORS]
    closed = [k for k in names if k in known[: -len(INDICATORS)]]
    unknown = [k for k in names if k not in known]
    if unknown or not names:
        raise TivaxError(
            f"no measure {unknown[0]}: {suggest(unknown[0], known)}"
            if unknown
            else f"names: give one or more of {', '.join(known[:7])} or indicators"
        )
    if closed and len(closed) < len(names):
        other = next(k for k in names if k not in closed)
        raise TivaxError(
            f"{closed[0]} and {other}: give measures of trade and indicators in calls "
            "of their own"
        )
    if closed and level != "country":
        raise TivaxError(f"level {level}: {closed[0]} has no level; leave it out")
    if apart and ABSORBED in names:
        raise TivaxError(f"apart: {ABSORBED} is of pairs; leave it out")
    if list(drop) and not closed:
        raise TivaxError(f"drop: indicators are of all regions; leave out {drop[0]}")
    at_level = [] if closed else indicators_at(names, level, tables, value_added)

    def compute(groups: Groups) -> xr.Dataset:
        if closed:
            chosen = closed, drop, groups, value_added
            return _closed(tables, model, *chosen, memory, progress)
        years = len(tables.years)
        values = indicators(
            tables,
            at_level,
            level,
            groups=groups,
            value_added=value_added,
            memory=memory,
            progress=shift_progress(progress, 0, 2 * years),
        )
        found = indicator_error_years(
            tables,
            model,
            at_level,
            (level,),
            groups=groups,
            value_added=value_added,
            probes=probes,
            seed=seed,
            memory=memory,
            progress=shift_progress(progress, years, 2 * years),
        )
        se = xr.concat([year[level] for year in found], "year")
        return with_intervals(values.data[at_level], se)

    return in_groups(compute, groups, whole_regions(tables), apart=apart)


def _closed(
    tables: WorldTables,
    model: ErrorModel,
    names: Sequence[str],
    drop: Sequence[str],
    groups: AnyGroups | None,
    value_added: ValueAdded,
    memory: int | None,
    progress: Progress,
) -> xr.Dataset:
    borders = perimeters_with_partners(tables, drop, groups)
    gross = any(k in names for k in (*TRADE_FLOWS[2:], "vax_ratio"))
    groups_of = [[k for k in names if k in TRADE_MEASURES]]
    groups_of += [[k] for k in names if k in FOOTPRINTS]
    values: list[xr.Dataset] = []
    errors: list[xr.Dataset] = []
    years = solved_years(
        tables, model, value_added, progress, inverse=False, memory=memory
    )
    for year in years:
        label = tables.years[year.number]
        here, apart = [], []
        for some in filter(None, groups_of):
            sides, _ = asked_of(some[0], borders)
            with_gross = gross and some[0] in TRADE_MEASURES
            flows = flows_of(year.solved, sides, gross=with_gross)
            covariances = year.covariances(sides, gross=with_gross)
            se = standard_errors_of(covariances, flows)
            labels = {"region": borders.names}
            for into, found in ((here, with_measures(flows)), (apart, se)):
                picked = {k: found[asked_of(k, borders)[1]] for k in some}
                into.append(labelled(picked, label, labels))
        if ABSORBED in names:
            labels = {"origin": borders.names, "absorber": borders.names}
            products = year.products
            T = np.asarray(by_region(products.v[:, None] * products.X))
            T = borders.inside @ T @ borders.inside.T
            here.append(labelled({ABSORBED: T}, label, labels))
            apart.append(labelled({ABSORBED: year.absorbed(borders)}, label, labels))
        values.append(cast(xr.Dataset, xr.merge(here)))
        errors.append(cast(xr.Dataset, xr.merge(apart)))
    every = xr.concat(values, "year")
    unit = Account(value_added).unit(tables)
    gross_unit = tables.unit
    per_gross = "1" if unit == gross_unit else f"{unit} per {gross_unit}"
    units = {"tbi": "1", "vax_ratio": per_gross}
    units |= dict.fromkeys(TRADE_FLOWS[2:], gross_unit)
    for name in every:
        every[name].attrs = {"units": units.get(str(name), unit)}
    return with_intervals(every, xr.concat(errors, "year"))
