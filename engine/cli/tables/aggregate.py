"""``tivax aggregate``: a store with fewer regions or sectors, and aggregation bias."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr

from ...core import (
    Format,
    Run,
    TivaxError,
    count_text,
    output_folder,
    require_apart,
    require_result_place,
    write_frame,
)
from ...figures import aggregation as aggregation_plots
from ...measures import (
    absorbed_frame,
    compare_aggregation,
    comparison_frame,
    difference,
    largest,
)
from ...reporting import save_figure
from ...sources import with_sector_titles
from ...tables import (
    REST,
    ChosenGroups,
    Concordance,
    StoreWriter,
    WorldTables,
    aggregate,
    concordances,
    read_concordance,
    regions_of_groups,
    require_replaceable,
    store_attributes,
    suggest_region,
)
from ..terminal import Terminal, next_step

Mapped = Mapping[str, str]
_DRAWN = 20  # regions of the figure


def run_aggregate(
    store: Path,
    tables: WorldTables,
    names: Sequence[str],
    groups: ChosenGroups,
    out: Path,
    *,
    only: Sequence[str] = (),
    compare: Path | None,
    format: Format = "csv",
    figures: bool = True,
    force: bool,
    terminal: Terminal,
) -> None:
    """Write the aggregated store, a year at a time, then the comparison.

    ``names`` are concordances: built-in ones or files; ``only`` are regions or groups
    that are kept, of which all others become ROW. With ``compare``, that folder
    gets comparison.csv, va_absorbed.parquet, a figure and a manifest.
    """
    used = [read_concordance(name) for name in names]
    files = [Path(k.name) for k in used if k.name not in concordances()]
    run = Run("aggregate", [store, *groups.files, *files])
    both_places = {"--out": out, **({"--compare": compare} if compare else {})}
    require_apart(both_places, run.inputs)
    require_replaceable(out, force=force, command=run.command)
    if compare is not None:
        require_result_place(compare, run, force=force)
    try:
        new = _new_codes(tables, used, groups, only)
        small = aggregate(tables, **new)
    except TivaxError as error:
        told = with_sector_titles(str(error), tables.sectors, tables.source)
        if used and not told.startswith(tuple(k.name for k in used)):
            told = f"{', '.join(k.name for k in used)}: {told}"
        raise TivaxError(told) from None
    if compare is not None and len(small.regions) < 2:
        raise TivaxError("--compare: one region is left, which has no partner")
    record = {"concordances": [k.name for k in used], "groups": groups.record, **new}
    written = _write_store(
        store, small, out, run, record, force=force, terminal=terminal
    )
    terminal.print(
        f"{out}: {count_text(len(small.regions), 'region')} x "
        f"{count_text(len(small.sectors), 'sector')}, of {len(tables.regions)} x "
        f"{len(tables.sectors)}, {count_text(len(small.years), 'year')}"
    )
    for line in groups.lines:
        terminal.print(line)
    if compare is None:
        terminal.finish(written, next_step("tbi", out, "--out", "results"))
        return
    with terminal.progress("comparing") as progress:
        both = compare_aggregation(
            tables, small, regions=new["regions"], progress=progress
        )
    run.inputs = [*run.inputs, out]
    with output_folder(compare, run, force=force) as folder:
        write_frame(comparison_frame(both), folder, "comparison", format)
        absorbed = format if format != "csv" else "parquet"
        write_frame(absorbed_frame(both), folder, "va_absorbed", absorbed)
        if figures:
            drawn = largest(both).index.get_level_values("region")[:_DRAWN].tolist()
            figure = aggregation_plots.differences(difference(both), drawn)
            (folder / "figures").mkdir()
            save_figure(figure, folder / "figures", "differences")
        written = run.write_manifest(
            folder, residual_max=both.attrs["residual_max"], **record
        )
    _print_differences(terminal, both)
    first = "figures/differences.svg" if figures else "comparison.csv"
    terminal.finish(written, f"Open {compare / first}")


def _new_codes(
    tables: WorldTables,
    used: Sequence[Concordance],
    groups: ChosenGroups,
    only: Sequence[str],
) -> dict[str, Mapped | None]:
    """``regions`` and ``sectors`` of ``aggregate``."""
    new: dict[str, Mapped | None] = {"regions": None, "sectors": None}
    if groups.members or only:
        new["regions"] = _cut_out(regions_of_groups(tables, groups.members), only)
    for each in used:
        kind = each.kind(tables)
        if new[kind] is not None:
            raise TivaxError(
                f"{each.name}: {kind} are aggregated already; give one concordance of "
                f"{kind}" + (", or groups" if kind == "regions" else "")
            )
        new[kind] = each.new
    if not used and not groups.members and not only:
        raise TivaxError("nothing to aggregate: give --concordance, --groups or --only")
    return new


def _cut_out(regions: Mapped, only: Sequence[str]) -> Mapped:
    """The regions ``only``, and all others as the rest of the world."""
    known = list(dict.fromkeys(regions.values()))
    for name in only:
        if name not in known:
            raise TivaxError(f"--only: no region {name}: {suggest_region(name, known)}")
        if name == REST:
            raise TivaxError(f"--only {REST}: all others would have the same name")
    return {k: v if not only or v in only else REST for k, v in regions.items()}


def _write_store(
    store: Path,
    small: WorldTables,
    out: Path,
    run: Run,
    record: dict[str, Any],
    *,
    force: bool,
    terminal: Terminal,
) -> dict[str, Any]:
    about = dict(zarr.open_group(store, mode="r").attrs)
    attributes = store_attributes(
        unit=small.unit,
        source=small.source,
        title=f"{str(about['title']).removesuffix(', aggregated')}, aggregated",
        citation=str(about["citation"]),
        tolerance=small.tolerance,
        parents=small.parents,
        rebuilt=small.rebuilt,
    )
    first = small.table(small.years[0])
    writer = StoreWriter(
        out,
        first,
        small.years,
        attributes=attributes,
        force=force,
        command=run.command,
    )
    try:
        with terminal.progress("adding up") as progress:
            for done, table in enumerate(small, start=1):
                writer.write(table)
                progress(done, len(small.years))
        manifest = run.manifest(residual_max=None, outputs=[out.name], **record)
        writer.finish(manifest)
    finally:
        writer.discard()
    return manifest


def _print_differences(terminal: Terminal, both: xr.Dataset, most: int = 8) -> None:
    """Print the largest difference of the index by region, largest first."""
    gaps = largest(both)
    terminal.print(
        "Results of the aggregated tables less aggregated results: the largest of each "
        f"region, {min(most, len(gaps))} of {len(gaps)} regions"
    )
    rows = []
    for region, year in gaps.index[:most]:
        at = both.sel(region=region, year=year)
        tbi, vax = at["tbi"].values, at["vax_ratio"].values
        rows.append(
            (
                region,
                str(year),
                *(f"{k:+.4f}" for k in (*tbi, tbi[1] - tbi[0])),
                *(f"{k:.4f}" for k in vax),
                f"{vax[1] - vax[0]:+.4f}",
            )
        )
    terminal.table(
        (
            "region",
            "year",
            "TBI\ndetailed",
            "TBI\naggregated",
            "difference",
            "VAX ratio\ndetailed",
            "VAX ratio\naggregated",
            "difference",
        ),
        rows,
    )
    for measure, words in (("tbi", "TBI"), ("vax_ratio", "VAX ratio")):
        gap = both[measure].diff("tables").values
        region, year = largest(both, measure).index[0]
        terminal.print(
            f"{words}: largest difference {np.nanmax(np.abs(gap)):.2g} ({region} "
            f"{year}), median {np.nanmedian(np.abs(gap)):.2g}"
        )
