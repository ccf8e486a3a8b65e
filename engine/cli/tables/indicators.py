"""``tivax indicators``: every level of every year in one table, and figures."""

import math
from collections import Counter
from collections.abc import (
    Callable,
    Generator,
    Hashable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from ... import uncertainty  # loaded with --error only
from ...core import (
    Aside,
    Progress,
    Run,
    TivaxError,
    call_named,
    count_text,
    is_first,
    no_progress,
    output_folder,
    percent_text,
    require_format,
    require_result_place,
    require_rows,
    shift_progress,
    suggest,
    write_csv,
)
from ...figures import shown_regions
from ...measures import (
    EVERY_PARTNER,
    EVERY_SECTOR,
    INDICATORS,
    LEVELS,
    WORST_IDENTITY,
    Certify,
    ValueAdded,
    count_flags,
    flag_messages,
    indicator_years,
    indicators_at,
    perimeters_of,
    possible_indicators,
    require_new_names,
    satellite_name,
    value_added_messages,
    value_added_metadata,
    value_added_name,
)
from ...sources import label_table
from ...tables import ChosenGroups, NetInventories, WorldTables
from ..figures import begin_drawings, save_drawings
from ..terminal import Terminal, next_step
from ..together import shared_years
from .check import certified_line, print_regions
from .decompose import named, one_after_the_other
from .long_tables import LongWriter

# The figures, and the indicators each shows of the largest exporters.
_FIGURES = {
    "positions": ("GVC_PART_BM", "GVC_FORWARDNESS"),
    "participation": ("GVC_BACK_BM", "GVC_FORW_BM"),
}
# So many columns of a table fit into 80 characters.
_PRINTED = 4
# A larger table is announced before it is written. WIOD 2013 at every level:
# 68 million rows, 335 MB of parquet.
_MANY_ROWS = 1_000_000
_BYTES_PER_ROW = {"parquet": 4.9, "csv": 43}
_LABELS = {
    "indicator": "code of the indicator (tivax list indicators)",
    "value": "value, in the unit of the indicator (manifest.json: units)",
    "flag": "why the value is out of the usual range, or empty",
}


def require_levels(name: str) -> tuple[str, ...]:
    """One level, or every one for ``all``; ``TivaxError`` for any other."""
    if name == "all":
        return tuple(LEVELS)
    if name not in LEVELS:
        raise TivaxError(f"--level {name}: {suggest(name, ['all', *LEVELS])}")
    return (name,)


def run_indicators(
    net: NetInventories,
    names: Sequence[str],
    level: str,
    out: Path,
    run: Run,
    *,
    groups: ChosenGroups,
    one_by_one: bool = False,
    accounts: Sequence[ValueAdded],
    certify: Certify = "columns",
    error: "uncertainty.ErrorModel | None" = None,
    format: str,
    regions: Sequence[str] = (),
    figures: bool = True,
    aside: Aside | None = None,
    force: bool,
    terminal: Terminal,
) -> None:
    """Write ``indicators.parquet`` (or another format), figures and a manifest.

    A figure is drawn if its indicators are among the names, or if there are no names.
    ``one_by_one``: each group is computed by itself. With several accounts the table
    names each in a first column, and there are no figures.
    """
    file_format = require_format(format)
    tables = net.tables
    levels = require_levels(level)
    wanted = possible_indicators(names, tables, accounts[0])
    if len(levels) == 1:
        wanted = indicators_at(names, levels[0], tables, accounts[0])
    for name, labels in {
        EVERY_PARTNER: [*tables.regions, *groups.members],
        EVERY_SECTOR: tables.sectors,
    }.items():
        if name in labels:
            raise TivaxError(f"{name} stands for a total: rename the code {name}")
    if is_first():
        require_result_place(out, run, force=force)
        run.describe_ahead()
    alone = len(accounts) == 1
    drawn = {k: v for k, v in _FIGURES.items() if not names or set(v) <= set(names)}
    drawn = drawn if alone and figures else {}
    shown_names = list({k: None for v in drawn.values() for k in ("EXGR", *v)})
    every = list(dict.fromkeys([*wanted, *shown_names]))
    whole_too = tuple(dict.fromkeys([*levels, "country"]))
    residuals, gaps, rows = [], [], 0
    cells: dict[str, list[float]] = {}
    flagged: Counter[str] = Counter()
    units: dict[str, dict[Hashable, str]] = {}
    last: dict[str, xr.Dataset] = {}
    shown: dict[str, list[xr.Dataset]] = {}
    runs = {"": groups.members}
    if one_by_one:
        require_new_names(groups.members, tables.regions)
        runs = {name: {name: codes} for name, codes in groups.members.items()}
    steps = len(accounts) * len(tables.years)
    expected = len(accounts) * sum(
        _row_count(wanted, levels, tables, members, one=bool(name))
        for name, members in runs.items()
    )
    require_rows(file_format, expected)
    if expected > _MANY_ROWS:
        each = _BYTES_PER_ROW.get(format, 0) * expected / 1e6
        about = f", about {each:,.0f} MB of {format}" if each else ""
        terminal.print(
            f"--level {level}: {expected:,} rows{about}; "
            "--only and --years make it smaller"
        )

    def compute(progress: Progress) -> Iterator[tuple[str, Iterable]]:
        """The years of all regions, or of each group by itself."""
        for k, (name, members) in enumerate(runs.items()):
            yield (
                name,
                one_after_the_other(
                    lambda account, progress, members=members: indicator_years(
                        tables,
                        every,
                        whole_too,
                        groups=members,
                        value_added=account,
                        certify=certify,
                        flagged=True,
                        progress=progress,
                    ),
                    accounts,
                    shift_progress(progress, k * steps, len(runs) * steps),
                ),
            )

    with shared_years(
        out,
        run,
        tables.years,
        terminal,
        force=force,
        names=every,
        levels=[*whole_too],
        value_added=[value_added_name(k) for k in accounts],
        groups=groups.members,
        each_group=one_by_one,
        certify=certify,
        net_inventories=net.record,
    ):
        if not is_first():
            for _, years in compute(no_progress):
                for _ in years:
                    pass
            return
        with output_folder(out, run, force=force) as folder:
            path = folder / f"indicators.{format}"
            with (
                terminal.progress("indicators", "years") as progress,
                LongWriter(path, "indicator", _LABELS) as writer,
            ):
                for name, years in compute(progress):
                    if error is not None:
                        years = _with_errors(
                            years, tables, error, every, whole_too, runs[name]
                        )
                    for account, year in years:
                        whole = _rows(year.values["country"], name)
                        last[name] = whole
                        if drawn:
                            part = whole[shown_names]
                            if isinstance(year, _YearWithErrors):
                                se = _rows(year.errors["country"], name)
                                part = uncertainty.with_intervals(part, se)
                            shown.setdefault(name, []).append(part)
                        residuals.append(float(whole["residual"].max()))
                        gaps.append(float(whole["identity"].max()))
                        for k in {"cell_error", "cell_backward_error"} & set(whole):
                            cells.setdefault(f"{k}_max", []).append(
                                float(whole[k].max())
                            )
                        for each in levels:
                            part, marks = (
                                _with_totals(_rows(k[each], name), wanted)
                                for k in (year.values, year.flags)
                            )
                            flagged.update(count_flags(marks))
                            se = None
                            if isinstance(year, _YearWithErrors):
                                se = _with_totals(
                                    _rows(year.errors[each], name), wanted
                                )
                                se = se if alone else named(se, account)
                            rows += writer.write(
                                part if alone else named(part, account), marks, se
                            )
                            units.setdefault(value_added_name(account), {}).update(
                                {k: v.attrs["units"] for k, v in part.items()}
                            )
            drawings = {}
            if drawn:
                of = satellite_name(accounts[0])
                plots = _plots_of(drawn, shown.values(), regions, of)
                drawings = begin_drawings(plots, aside)
            write_csv(label_table(tables, groups.members), folder / "labels.csv")
            save_drawings(drawings, folder, aside)
            certified = {k: max(v) for k, v in sorted(cells.items())}
            of_each = {
                account: {k: found[k] for k in wanted if k in found}
                for account, found in units.items()
            }
            of_one = next(iter(of_each.values()))
            record = run.write_manifest(
                folder,
                residual_max=max(residuals),
                **certified,
                **value_added_metadata(tables, accounts),
                levels=list(levels),
                units=of_one if alone else of_each,
                identity_max=max(gaps),
                identity_limit=WORST_IDENTITY,
                groups=groups.record,
                each_group=one_by_one,
                net_inventories=net.record,
                **_error_record(error),
                flags=dict(flagged),
            )
    span = count_text(len(tables.years), "year")
    terminal.print(
        f"{count_text(len(of_one), 'indicator')}, {count_text(rows, 'row')}, {span}; "
        f"sectors together are "
        f"{EVERY_SECTOR}, partners together {EVERY_PARTNER}"
    )
    if error is not None:
        probes = uncertainty.PROBES
        terminal.print(
            f"standard errors of {error.name} from {probes} draws of signs, right to "
            f"about {percent_text(uncertainty.accuracy_of(probes))} of themselves"
        )
    terminal.print(
        f"identities to {max(gaps):.1e}, residual of the inverse {max(residuals):.1e}"
    )
    if certified:
        terminal.print(certified_line("the inverse", **certified))
    flag_lines = flag_messages(dict(flagged), rows, net=bool(net.categories))
    about = value_added_messages(tables, accounts)
    for line in [*flag_lines, *net.lines, *groups.lines, *about]:
        terminal.print(line)
    if alone:
        _print_last(terminal, tables, last, wanted, regions)
    first = f"{next(iter(drawn))}.svg" if drawn else path.name
    terminal.finish(
        record,
        f"Open {out / first}",
        next_step("explore", out, "--out", "explorer.html"),
    )


# Named, not imported: where another process draws, this one needs no matplotlib.
_PLOTS = "tivax.engine.figures.indicators"


def _plots_of(
    names: Iterable[str], groups: Iterable, asked: Sequence[str], of: str
) -> dict[str, Callable[[], Any]]:
    """What draws the figures of these names, from the years of each group's regions."""
    over = xr.concat([xr.concat(years, "year") for years in groups], "region")
    draws = {"positions": "position_map"}
    if over.sizes["year"] > 1:
        draws["participation"] = "participation"
    return {
        name: partial(call_named, _PLOTS, draws[name], over, asked or None, account=of)
        for name in [k for k in draws if k in names]
    }


def _print_last(
    terminal: Terminal,
    tables: WorldTables,
    last: Mapping[str, xr.Dataset],
    wanted: Sequence[str],
    asked: Sequence[str],
) -> None:
    """Print a few indicators of the last year: those of the figures, or the first."""
    groups = list(last.values())
    whole = groups[0]
    if len(groups) > 1:
        whole = xr.concat(groups, "region", data_vars="all")
    of_figures = [k for names in _FIGURES.values() for k in names]
    many = len(wanted) > _PRINTED and set(of_figures) <= set(wanted)
    names = [k for k in (of_figures if many else wanted) if k in whole][:_PRINTED]
    if not names:
        return
    year = int(whole["year"].values[-1])
    by, size = names[0], whole[names[0]].isel(year=-1).to_series().dropna()
    if "EXGR" in whole:
        by, size = "gross exports", whole["EXGR"].isel(year=-1).to_series()
    elif set(whole["region"].values) <= set(tables.regions):
        output = np.asarray(tables.x[-1]).reshape(len(tables.regions), -1).sum(axis=1)
        whose = [tables.parents.get(k, k) for k in tables.regions]
        by, size = "gross output", pd.Series(output).groupby(whose, sort=False).sum()
    chosen = shown_regions(size, f"{by} in {year}", asked)
    unit = {k: str(whole[k].attrs.get("units", "")) for k in names}
    terminal.print(f"{year}; {chosen.rule}")
    print_regions(
        terminal,
        [(k.replace("_", "_\n", 1) + f"\n{unit[k]}").rstrip() for k in names],
        {
            code: [
                _cell(float(whole[k].isel(year=-1).sel(region=code)), unit[k])
                for k in names
            ]
            for code in chosen.few
        },
    )


def _cell(value: float, unit: str) -> str:
    if not math.isfinite(value):
        return "–"
    if unit.startswith("%"):
        return f"{value:.1f}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4f}"


class _YearWithErrors(NamedTuple):
    """``LevelsOfYear`` and standard errors by level."""

    values: dict[str, xr.Dataset]
    flags: dict[str, xr.Dataset]
    errors: dict[str, xr.Dataset]


def _with_errors(
    years: Iterable[tuple[ValueAdded, Any]],
    tables: WorldTables,
    model: "uncertainty.ErrorModel",
    names: Sequence[str],
    levels: Sequence[str],
    groups: Mapping[str, Sequence[str]],
) -> Generator[tuple[ValueAdded, _YearWithErrors], None, None]:
    """Each year of each account with its standard errors."""
    errors, before = iter(()), None
    for account, year in years:
        if account is not before:
            before = account
            errors = uncertainty.indicator_error_years(
                tables, model, names, levels, groups=groups, value_added=account
            )
        yield account, _YearWithErrors(year.values, year.flags, next(errors))


def _error_record(model: "uncertainty.ErrorModel | None") -> dict[str, Any]:
    """For the manifest: the model, and how well its standard errors are known."""
    if model is None:
        return {}
    probes = uncertainty.PROBES
    about = {"probes": probes, "se_accuracy": uncertainty.accuracy_of(probes)}
    return {"error": model.record, **about}


def _row_count(
    names: Sequence[str],
    levels: Sequence[str],
    tables: WorldTables,
    groups: Mapping[str, Sequence[str]],
    *,
    one: bool,
) -> int:
    """Number of rows of the table; ``one``: only rows of the one group are kept."""
    partners = len(perimeters_of(tables, groups).names)
    regions = 1 if one else partners
    rows = 0
    for level in levels:
        by_sector, by_partner = LEVELS[level]
        each = len(tables.sectors) if by_sector else 1
        each *= partners if by_partner else 1
        rows += each * sum(INDICATORS[k].has(level) for k in names)
    return rows * regions * len(tables.years)


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
