"""What ``tivax change`` writes and prints."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ...change import Change, effect_texts
from ...change import change as decompose_change
from ...core import (
    Format,
    Run,
    count_text,
    output_folder,
    require_result_place,
    write_csv,
    write_frame,
)
from ...figures import ShownRegions, shown_regions
from ...figures import changes as change_plots
from ...figures.regions import known_regions
from ...measures import (
    INDICATORS,
    ValueAdded,
    value_added_messages,
    value_added_metadata,
)
from ...reporting import change_of, save_figure
from ...sources import label_table
from ...tables import (
    ChosenGroups,
    NetInventories,
    WorldTables,
    aggregate,
    regions_of_groups,
)
from ..tables.check import print_regions
from ..terminal import Terminal

_PRICES = (
    "tables are at current prices: every effect holds changes of prices and of volumes"
)
_ADDED_UP = (
    "groups are added up in the tables first, as `tivax aggregate` does: their values "
    "differ a little from those of `tivax tbi --groups`"
)


def run_change(
    net: NetInventories,
    measure: str,
    out: Path,
    run: Run,
    *,
    groups: ChosenGroups,
    start: int | None,
    end: int | None,
    regions: Sequence[str],
    sector: str | None,
    chained: bool,
    nodes: int | None,
    value_added: ValueAdded,
    format: Format,
    figures: bool = True,
    force: bool,
    terminal: Terminal,
) -> None:
    """Decompose the change, write tables, figures and manifest, print effects.

    ``groups`` are added up in the tables first.
    """
    tables = net.tables
    if groups.members:
        merged = regions_of_groups(tables, groups.members)
        tables = aggregate(tables, regions=merged)
    regions = known_regions(regions, tables.regions) if regions else []
    require_result_place(out, run, force=force)
    with terminal.progress("solving", "points") as progress:
        found = decompose_change(
            tables,
            measure,
            start=start,
            end=end,
            region=list(regions) or None,
            sector=sector,
            chained=chained,
            nodes=nodes,
            value_added=value_added,
            progress=progress,
        )
    shown = shown_regions(_size(found, tables), f"output in {found.end}", regions)
    with output_folder(out, run, force=force) as folder:
        for name, frame in found.tables().items():
            if name in _LONG:
                write_frame(frame, folder, name, "parquet")
            if name not in _LONG or format == "dta":  # Stata does not read parquet
                write_frame(frame, folder, name, format, _LABELS)
        write_csv(label_table(tables, {}), folder / "labels.csv")
        if figures:
            for name, figure in figures_of(found, shown, value_added).items():
                save_figure(figure, folder, name)
        record = run.write_manifest(
            folder,
            measure=measure,
            sector=sector,
            start=found.start,
            end=found.end,
            unit=found.unit,
            units={measure: found.unit} if measure in INDICATORS else {},
            residual_max=found.remainder,
            nodes=found.nodes,
            chained=chained,
            **value_added_metadata(tables, [value_added]),
            groups=groups.record,
            net_inventories=net.record,
            prices="current",
        )
    about = value_added_messages(tables, [value_added])
    if groups.members:
        about = [*groups.lines, _ADDED_UP, *about]
    for line in [*net.lines, *about, _PRICES]:
        terminal.print(line)
    terminal.print(f"{found.title}: effects; {shown.rule}")
    most = found.largest
    cells = found.by_factor.assign(change=found.values["change"].to_numpy(float))
    print_regions(
        terminal,
        [_SHORT.get(str(k), str(k)).replace(" ", "\n", 1) for k in cells],
        {
            code: effect_texts(cells.loc[[code]].to_numpy(float)[0].tolist(), most)
            for code in shown.few
        },
    )
    terminal.print(
        f"adds up to {found.remainder:.1e} of the change or of its largest effect, at "
        f"{count_text(found.nodes, 'point')} of the path"
    )
    drawn = f"Open {out / 'waterfall.svg'}" if figures else f"Open {out}"
    terminal.finish(record, drawn)


# A table of seven numbers in 84 columns.
_SHORT = {"value-added shares": "VA shares"}

_LONG = ("by_partner", "by_sector")
_LABELS = {
    "region": "whose measure",
    "factor": "what changed",
    "value": "effect on the measure",
    "home": "the part of the effect from the region itself",
    "abroad": "the part of the effect from other countries",
    "polar": "average of the two polar decompositions",
    "share": "value as a share of the change",
    "chained": "sum of the effects from year to year",
    "country": "where the factor changed",
    "partner": "who sells to the country",
    "sector": "sector of the good bought, or of the value added",
}


def _title(found: Change, value_added: ValueAdded) -> str:
    """Of the figures. A satellite account has the code: it is not of value added."""
    known = INDICATORS.get(found.measure)
    if not isinstance(value_added, str):
        title = f"Change of {found.measure}"
    elif known:
        title = f"Change of {known.title.split(':')[0]} ({found.measure})"
    else:
        title = change_of(found.measure)
    return title + found.title.removeprefix(found.measure)


def figures_of(
    found: Change, shown: ShownRegions, value_added: ValueAdded
) -> dict[str, Figure]:
    """A waterfall, a map of regions by factor, bars of each step if there are steps;
    for each of up to three regions that were asked for a map of countries by factor."""
    years = (found.start, found.end)
    about = {"title": _title(found, value_added), "unit": found.unit}
    figures = {
        "waterfall": change_plots.waterfall(
            found.values, found.table, years=years, regions=shown.few, **about
        )
    }
    if found.steps is not None:
        figures["steps"] = change_plots.yearly_effects(
            found.steps, regions=shown.few, **about
        )
    if len(found.regions) > 1:
        figures["factors"] = change_plots.effect_map(
            found.by_factor.loc[shown.many], rows="region", **about
        )
    if shown.asked and len(shown.few) <= _MAPS:
        for region in shown.few:
            effects = found.by_country.sel(region=region).transpose("country", "factor")
            countries, factors = (effects[k].values.tolist() for k in effects.dims)
            frame = pd.DataFrame(effects.values, countries, factors)
            size = np.abs(effects.values).sum(axis=1)
            first = np.argsort(-size, kind="stable")[:_COUNTRIES]
            name = f"countries_{_NOT_IN_NAMES.sub('_', region)}"
            if name in figures:
                name = f"{name}_{len(figures)}"
            figures[name] = change_plots.effect_map(
                frame.iloc[first],
                title=f"{about['title']}, {region}: by country in which it changed",
                unit=found.unit,
                rows="country",
            )
    return figures


_MAPS, _COUNTRIES = 3, 20
# Of files, on one system or another.
_NOT_IN_NAMES = re.compile(r'[<>:"/\\|?*]')


def _size(found: Change, tables: WorldTables) -> pd.Series:
    """Gross output of the regions of the result, in the last year."""
    k = tables.years.index(found.end)
    output = tables.output(slice(k, k + 1))[0].reshape(len(tables.regions), -1)
    size = pd.Series(output.sum(axis=1), list(tables.regions))
    return size.loc[list(found.regions)]
