"""What ``tivax indicators`` does: every level of every year to one table, figures."""

from collections.abc import Hashable, Sequence
from pathlib import Path

import xarray as xr

from tivax.engine import indicator_plots
from tivax.engine.console import Terminal
from tivax.engine.decomposition_run import FORMATS, LongWriter
from tivax.engine.decompositions import LEVELS, WORST_IDENTITY
from tivax.engine.errors import TivaxError, nearest
from tivax.engine.group_runs import require_new_names, shifted
from tivax.engine.groups import ChosenGroups
from tivax.engine.gvc_indicators import (
    indicator_years,
    indicators_at,
    possible_indicators,
)
from tivax.engine.measures import ValueAdded, about_value_added, told_value_added
from tivax.engine.output import Run, output_folder, require_result_place
from tivax.engine.plot_style import save_figure
from tivax.engine.tables import WorldTables

# What the columns say where sectors, or partners, are summed (as OECD TiVA has it).
EVERY_SECTOR, EVERY_PARTNER = "TOTAL", "WLD"
# What the figures show.
_SHOWN = (
    "EXGR",
    "GVC_BACK_BM",
    "GVC_FORW_BM",
    "GVC_PART_BM",
    "GVC_FORWARDNESS",
)


def require_levels(name: str) -> tuple[str, ...]:
    """One level, or every one for ``all``; ``TivaxError`` for any other."""
    if name == "all":
        return tuple(LEVELS)
    if name not in LEVELS:
        raise TivaxError(f"--level {name}: {nearest(name, ['all', *LEVELS])}")
    return (name,)


def run_indicators(
    tables: WorldTables,
    names: Sequence[str],
    level: str,
    out: Path,
    run: Run,
    *,
    groups: ChosenGroups,
    one_by_one: bool = False,
    value_added: ValueAdded,
    format: str,
    force: bool,
    terminal: Terminal,
) -> None:
    """Write ``indicators.parquet`` (or csv), two figures and a manifest.

    ``one_by_one``: each group in a run of its own, of which its rows are kept.
    """
    if format not in FORMATS:
        raise TivaxError(f"--format {format}: choose from {', '.join(FORMATS)}")
    levels = require_levels(level)
    wanted = possible_indicators(names, tables, value_added)
    if len(levels) == 1:
        wanted = indicators_at(names, levels[0], tables, value_added)
    for name, labels in {
        EVERY_PARTNER: [*tables.regions, *groups.members],
        EVERY_SECTOR: tables.sectors,
    }.items():
        if name in labels:
            raise TivaxError(f"{name} stands for a total: rename the code {name}")
    require_result_place(out, run, force=force)
    residuals, gaps, rows = [], [], 0
    units: dict[Hashable, str] = {}
    shown: dict[str, list[xr.Dataset]] = {}
    runs = {"": groups.members}
    if one_by_one:
        require_new_names(groups.members, tables.regions)
        runs = {name: {name: codes} for name, codes in groups.members.items()}
    with output_folder(out, run, force=force) as folder:
        path = folder / f"indicators.{format}"
        with (
            terminal.progress("indicators", "years") as progress,
            LongWriter(path, "indicator") as writer,
        ):
            for k, (name, members) in enumerate(runs.items()):
                years = indicator_years(
                    tables,
                    list(dict.fromkeys([*wanted, *_SHOWN])),
                    tuple(dict.fromkeys([*levels, "country"])),
                    groups=members,
                    value_added=value_added,
                    progress=shifted(
                        progress, k * len(tables.years), len(runs) * len(tables.years)
                    ),
                )
                for year in years:
                    whole = _rows(year["country"], name)
                    shown.setdefault(name, []).append(whole[list(_SHOWN)])
                    residuals.append(float(whole["residual"].max()))
                    gaps.append(float(whole["identity"].max()))
                    for each in levels:
                        part = _with_totals(_rows(year[each], name), wanted)
                        rows += writer.write(part)
                        units |= {k: v.attrs["units"] for k, v in part.items()}
        over = xr.concat([xr.concat(k, "year") for k in shown.values()], "region")
        save_figure(indicator_plots.position_map(over), folder, "positions")
        if over.sizes["year"] > 1:
            figure = indicator_plots.participation(over)
            save_figure(figure, folder, "participation")
        run.write_manifest(
            folder,
            residual_max=max(residuals),
            **about_value_added(tables, value_added),
            levels=list(levels),
            units={k: units[k] for k in wanted if k in units},
            identity_max=max(gaps),
            identity_limit=WORST_IDENTITY,
            groups=groups.record,
            each_group=one_by_one,
        )
    terminal.say(
        f"{len(units)} indicators, {rows:,} rows, {len(tables.years)} years; sectors "
        f"together are {EVERY_SECTOR}, partners together {EVERY_PARTNER}"
    )
    terminal.say(
        f"identities to {max(gaps):.1e}, residual of the inverse {max(residuals):.1e}"
    )
    for line in [*groups.lines, *told_value_added(tables, value_added)]:
        terminal.say(line)
    terminal.say(f"Open {out}")


def _rows(part: xr.Dataset, group: str) -> xr.Dataset:
    """The rows of the one group that was computed, or all."""
    return part.sel(region=[group]) if group else part


def _with_totals(part: xr.Dataset, wanted: Sequence[str]) -> xr.Dataset:
    """The same columns at every level."""
    part = part[[k for k in wanted if k in part]]
    if "sector" not in part.dims:
        part = part.expand_dims(sector=[EVERY_SECTOR])
    if "partner" not in part.dims:
        part = part.expand_dims(partner=[EVERY_PARTNER])
    return part.transpose("year", "region", "sector", "partner")
