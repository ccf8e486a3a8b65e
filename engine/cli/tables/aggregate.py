"""``tivax aggregate``: a store with fewer regions or sectors, and aggregation bias."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
import zarr

from ...core import Listing, Run, TivaxError, count_text, naming, require_apart
from ...figures import aggregation as aggregation_plots
from ...measures import (
    absorbed_frame,
    compare_aggregation,
    comparison_frame,
    difference,
    largest,
)
from ...reporting import Context, Plot, Result
from ...sources import with_sector_titles
from ...tables import (
    REST,
    ChosenGroups,
    Concordance,
    StoreWriter,
    WorldTables,
    aggregate,
    concordances,
    find_region,
    read_concordance,
    regions_of_groups,
    require_replaceable,
    store_attributes,
)
from ..bundles import OutputOptions
from ..terminal import Terminal, next_step
from ..write import require_place, save_result

Mapped = Mapping[str, str]
_DRAWN, _PRINTED = 20, 8  # regions of the figure, and of the table


def run_aggregate(
    store: Path,
    tables: WorldTables,
    names: Sequence[str],
    groups: ChosenGroups,
    only: Sequence[str],
    out: Path,
    comparison: OutputOptions | None,
    terminal: Terminal,
    *,
    force: bool,
) -> None:
    """Write the aggregated store, a year at a time, then the comparison.

    ``names`` are concordances: built-in ones or files; ``only`` are regions or groups
    that are kept, of which all others become ROW. The folder of ``comparison``
    gets comparison.csv, va_absorbed.parquet, a figure and a manifest.
    """
    compare = comparison and comparison.out
    used = [read_concordance(name) for name in names]
    files = [Path(k.name) for k in used if k.name not in concordances()]
    run = Run("aggregate", [store, *groups.files, *files])
    both_places = {"--out": out, **({"--compare": compare} if compare else {})}
    require_apart(both_places, run.inputs)
    require_replaceable(out, force=force, command=run.command)
    if comparison is not None:
        require_place(comparison, run)
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
    if comparison is None:
        terminal.finish(written, next_step("tbi", out, "--out", "results"))
        return
    with terminal.progress("comparing") as progress:
        both = compare_aggregation(
            tables, small, regions=new["regions"], progress=progress
        )
    run.inputs = [*run.inputs, out]
    found = AggregationBias(both, ("va_absorbed",) * (comparison.format == "csv"))
    written = save_result(found, run, comparison, Context(facts=record))
    terminal.show(found.largest)
    for line in found.sentence.splitlines():
        terminal.print(line)
    first = "figures/differences.svg" if comparison.figures else "comparison.csv"
    terminal.finish(written, f"Open {comparison.out / first}")


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
    with naming("--only"):
        only = [find_region(name, known) for name in only]
    if REST in only:
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


# Measures, in words, and whether either sign has a meaning.
_COMPARED = (("tbi", "TBI", "+"), ("vax_ratio", "VAX ratio", ""))


@dataclass(frozen=True, eq=False, repr=False)
class AggregationBias(Result):
    """Results of detailed and of aggregated tables (``compare_aggregation``)."""

    both: xr.Dataset
    always_parquet: Sequence[str]

    program = "aggregate"
    printed = True

    def tables(self) -> dict[str, pd.DataFrame]:
        both = self.both
        return {
            "comparison": comparison_frame(both),
            "va_absorbed": absorbed_frame(both),
        }

    def plots(self) -> dict[str, Plot]:
        drawn = largest(self.both).index.get_level_values("region")[:_DRAWN].tolist()
        differences = partial(
            aggregation_plots.differences, difference(self.both), drawn
        )
        return {"differences": differences}

    def facts(self) -> dict[str, Any]:
        return {"residual_max": self.both.attrs["residual_max"]}

    @property
    def largest(self) -> Listing:
        """The largest difference of the index by region, largest first."""
        gaps, rows = largest(self.both), []
        for region, year in gaps.index[:_PRINTED]:
            row, at = [region, str(year)], self.both.sel(region=region, year=year)
            for measure, _, sign in _COMPARED:
                before, after = at[measure].values
                row += [f"{before:{sign}.4f}", f"{after:{sign}.4f}"]
                row.append(f"{after - before:+.4f}")
            rows.append(row)
        columns = ["region", "year"]
        for _, words, _ in _COMPARED:
            columns += [f"{words}\ndetailed", f"{words}\naggregated", "difference"]
        return Listing(
            "Results of the aggregated tables less aggregated results: the largest of "
            f"each region, {len(rows)} of {len(gaps)} regions",
            columns,
            rows,
        )

    @property
    def sentence(self) -> str:
        lines = []
        for measure, words, _ in _COMPARED:
            gap = np.abs(self.both[measure].diff("tables").values)
            region, year = largest(self.both, measure).index[0]
            lines.append(
                f"{words}: largest difference {np.nanmax(gap):.2g} ({region} {year}), "
                f"median {np.nanmedian(gap):.2g}"
            )
        return "\n".join(lines)
