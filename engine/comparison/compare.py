"""``tx.compare``: the same measures of several databases, where they overlap."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import pandas as pd
import xarray as xr

from ..core import (
    Progress,
    TivaxError,
    count_text,
    in_float64,
    naming,
    no_progress,
    parse_years,
    require_choice,
    require_kind,
    require_list,
    shift_progress,
)
from ..errors import (
    TRADE_MEASURES,
    AnyModel,
    error_model,
    measure_unit,
    standard_errors,
)
from ..measures import INDICATORS, indicators, trade_benefit_index
from ..tables import (
    REST,
    Concordance,
    WorldTables,
    aggregate,
    find_region,
    read_concordance,
    require_tables,
    whole_regions,
)
from .published import beside_published
from .result import Comparison

AnyConcordance = Concordance | str | Path


@in_float64
def compare(
    databases: Mapping[str, WorldTables],
    measures: str | Sequence[str] = (),
    *,
    level: str = "country",
    years: str = "",
    regions: Sequence[str] = (),
    concordances: Sequence[AnyConcordance] = (),
    errors: AnyModel | Mapping[str, AnyModel] | None = None,
    published: str | Path | None = None,
    progress: Progress = no_progress,
) -> Comparison:
    """The same measures of several databases, on the regions and years that all have.

    Every measure is computed from the whole table of its database; only then are
    regions and years chosen. The rest of the world is left out: its members differ from
    database to database.

    Parameters
    ----------
    databases
        Tables by the name of their database, two or more, in memory or lazy; one beside
        ``published``.
    measures
        va_exports, va_imports, gross_exports, gross_imports, vax_ratio, tbi (the
        default), or indicators (``INDICATORS``; by default all that are published).
    level
        country or, of indicators, sector: then the databases need the same sectors,
        which ``concordances`` give them.
    years
        First and last year, ``2000:2011``; by default all that the databases share.
    regions
        Regions compared; by default all that the databases share.
    concordances
        Built-in names or files. Each is applied to every database whose sectors (or
        regions) it maps, before anything is computed.
    errors
        The errors of tables, as ``with_errors`` of other results takes them: one model
        for all databases, or a model for each of some by name.
    published
        The OECD's SDMX csv of trade in value added: its cells of any level, beside
        those of the tables.
    progress
        Called with years done and years in all.

    Returns
    -------
    Comparison
        ``table`` with a row for each database, year, region and measure; ``pairs`` of
        databases with their differences; ``agreement`` of levels and changes. Beside
        published numbers ``agrees`` says which cells are within 0.1 %, or half a unit
        of the last digit.

    Raises
    ------
    TivaxError
        Fewer than two databases; no common region or year; flows in different units;
        different sectors at level sector; a concordance that fits no database; a file
        that is no SDMX csv, or has no cell of the tables.

    Notes
    -----
    The errors of two databases are taken to be independent. ``explained`` is then the
    share of the squared differences that is expected from these errors alone: the sum
    of both variances over the sum of squared differences. Above 1 the databases are
    closer than their errors say.

    Examples
    --------
    >>> other = tx.synthetic_world(regions=3, sectors=4, years=2, seed=2)
    >>> found = tx.compare({"first": world, "second": other}, "tbi")
    >>> found.table.head(2).round(4)
      database  year region measure   value
    0    first  2000    R01     tbi -0.0275
    1    first  2000    R02     tbi -0.0149
    """
    require_kind("databases", databases, Mapping, "a dict from names to tables")
    if published is not None and (len(databases) != 1 or errors is not None):
        raise TivaxError("published: give one database beside it, without errors")
    if len(databases) < 2 and published is None:
        raise TivaxError("databases: give two or more to compare, by name")
    for tables in databases.values():
        require_tables(tables)
    names = [measures] if isinstance(measures, str) else measures
    require_list("measures", names)
    names = list(dict.fromkeys(names)) or ["tbi"] * (published is None)
    if unknown := [k for k in names if k not in TRADE_MEASURES and k not in INDICATORS]:
        raise TivaxError(
            f"no measure {unknown[0]}: give {', '.join(TRADE_MEASURES)} or an "
            "indicator (tx.catalogue.INDICATORS)"
        )
    require_choice("level", level, ("country", "sector"))
    for argument, value in (("regions", regions), ("concordances", concordances)):
        require_kind(argument, value, (list, tuple), "a list")
    models = _models(errors, databases)
    mapped = _concorded(databases, concordances)
    chosen_years = _common_years(mapped, years)
    chosen = _common_regions(mapped, regions)
    if published is not None:
        ((name, one),) = mapped.items()
        some = one.select(chosen_years[0], chosen_years[-1])
        kept = chosen if regions else whole_regions(one)
        file = Path(published)
        return beside_published(name, some, file, names, kept, progress)
    if level == "sector":
        _require_same_sectors(mapped)
    units = _units(mapped, names)
    frames, residuals = [], []
    for number, (name, tables) in enumerate(mapped.items()):
        some = tables.select(chosen_years[0], chosen_years[-1])
        count = len(some.years)
        ahead = shift_progress(progress, number * count, len(mapped) * count)
        try:
            values, residual = _values(some, names, level, models.get(name), ahead)
        except TivaxError as error:
            raise TivaxError(f"{name}: {error}") from None
        residuals.append(residual)
        shown = values.sel(year=chosen_years, region=chosen)
        frames.append(_frame(shown, name, names, level))
    table = pd.concat(frames, ignore_index=True)
    records = {name: error_model(model).record for name, model in models.items()}
    shared = tuple(databases), tuple(chosen_years), tuple(chosen), units
    return Comparison(table, *shared, records, max(residuals), asked=tuple(regions))


def _models(
    errors: AnyModel | Mapping[str, AnyModel] | None,
    databases: Mapping[str, WorldTables],
) -> dict[str, AnyModel]:
    if not isinstance(errors, Mapping):
        return {} if errors is None else dict.fromkeys(databases, errors)
    found = {str(name): model for name, model in errors.items()}
    for name in found:
        require_choice("errors", name, databases)
    return found


def _concorded(
    databases: Mapping[str, WorldTables], concordances: Sequence[AnyConcordance]
) -> dict[str, WorldTables]:
    """Tables whose codes the concordances have replaced."""
    found = dict(databases)
    for given in concordances:
        one = given if isinstance(given, Concordance) else read_concordance(given)
        fits = {k: _fitting(one, tables) for k, tables in found.items()}
        if not any(fits.values()):
            raise TivaxError(
                f"{one.name}: {', '.join(list(one.new)[:3])}, ... are codes of none of "
                f"{', '.join(databases)}"
            )
        for name, kind in fits.items():
            if kind:
                found[name] = aggregate(found[name], **{kind: one})
    return found


def _fitting(one: Concordance, tables: WorldTables) -> str:
    """Whose codes it maps, all of them; nothing where it is of another database."""
    for kind in ("sectors", "regions"):
        if one.new.keys() >= {*getattr(tables, kind)}:
            return kind
    return ""


def _common_years(databases: Mapping[str, WorldTables], years: str) -> list[int]:
    common = sorted(set.intersection(*(set(k.years) for k in databases.values())))
    have = "; ".join(f"{k} {v.years[0]} to {v.years[-1]}" for k, v in databases.items())
    if not common:
        raise TivaxError(f"no year that all databases have: {have}")
    span = parse_years(years)
    chosen = [k for k in common if not span or span[0] <= k <= span[1]]
    if span and not {*span} <= {*common}:
        raise TivaxError(
            f"years {years}: begin and end with years that all databases have ({have})"
        )
    return chosen


def _common_regions(
    databases: Mapping[str, WorldTables], regions: Sequence[str]
) -> list[str]:
    first, *others = databases.values()
    common = [
        k
        for k in first.regions
        if k != REST and all(k in tables.regions for tables in others)
    ]
    if not common:
        raise TivaxError(
            "no region that all databases have; give a concordance of regions"
        )
    if not regions:
        return common
    require_list("regions", regions)
    known = [k for tables in databases.values() for k in tables.regions]
    with naming("regions"):
        for code in regions:
            for name, tables in databases.items():
                if find_region(code, known) not in tables.regions:
                    raise TivaxError(f"{name} has no {code}; leave it out")
        return list(dict.fromkeys(find_region(code, common) for code in regions))


def _require_same_sectors(databases: Mapping[str, WorldTables]) -> None:
    (first, one), *others = databases.items()
    for name, tables in others:
        if set(tables.sectors) != set(one.sectors):
            raise TivaxError(
                f"level sector: {first} has {count_text(len(one.sectors), 'sector')} "
                f"and {name} {len(tables.sectors)}, not the same; give concordances "
                "that make them so"
            )


def _units(
    databases: Mapping[str, WorldTables], measures: Sequence[str]
) -> dict[str, str]:
    """The unit of each measure, which must be that of all databases."""
    units = {}
    for measure in measures:
        each = {k: measure_unit(measure, v.unit, v.unit) for k, v in databases.items()}
        if len(set(each.values())) > 1:
            have = ", ".join(f"{k} in {unit}" for k, unit in each.items())
            raise TivaxError(
                f"{measure}: {have}; compare ratios, or convert the tables"
            )
        units[measure] = next(iter(each.values()))
    return units


def _values(
    tables: WorldTables,
    measures: Sequence[str],
    level: str,
    model: AnyModel | None,
    progress: Progress,
) -> tuple[xr.Dataset, float]:
    """Measures of all years, with errors where there is a model; the worst residual."""
    of_trade = [k for k in measures if k in TRADE_MEASURES]
    others = [k for k in measures if k not in TRADE_MEASURES]
    if of_trade and level != "country":
        raise TivaxError(
            f"level {level}: {of_trade[0]} is of countries; indicators have sectors, "
            "TBI among them"
        )
    parts, worst = [], 0.0
    for some in filter(None, (of_trade, others)):
        if some is of_trade:
            found = trade_benefit_index(tables, progress=progress)
            parts.append(xr.merge([found.tbi, found.vax], compat="override")[some])
            worst = max(worst, found.residual_max or 0)
        else:
            every = indicators(tables, some, level, progress=progress)
            parts.append(every.data[some])
            worst = max(worst, float(every["residual"].max()))
        if model is not None:
            bars = standard_errors(tables, model, some, level, progress=progress)
            parts.append(bars.drop_vars(some))
    return cast(xr.Dataset, xr.merge(parts)), worst


def _frame(
    values: xr.Dataset,
    database: str,
    measures: Sequence[str],
    level: str,
) -> pd.DataFrame:
    """A row for each year, region (sector) and measure."""
    keys = ["year", "region", *(["sector"] if level == "sector" else [])]
    wide = values.to_dataframe().reset_index()
    parts = []
    for measure in measures:
        part = wide[keys].assign(measure=measure, value=wide[measure])
        for name in ("se", "ci_low", "ci_high"):
            if f"{measure}_{name}" in wide:
                part[name] = wide[f"{measure}_{name}"]
        parts.append(part)
    frame = pd.concat(parts, ignore_index=True)
    frame.insert(0, "database", database)
    return frame
