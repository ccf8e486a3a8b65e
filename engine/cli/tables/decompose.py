"""``tivax decompose``: terms of each year to a long table, then figures."""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

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
    require_format,
    require_result_place,
    require_rows,
    write_csv,
)
from ...figures import shown_regions
from ...figures.regions import size_of
from ...measures import (
    METHODS,
    NOT_SUMMED,
    WORST_IDENTITY,
    Account,
    ValueAdded,
    decomposed_each_group,
    decomposed_years,
    require_method,
    satellite_name,
    value_added_messages,
    value_added_metadata,
    value_added_name,
)
from ...sources import label_table
from ...tables import ChosenGroups, Groups, NetInventories, WorldTables
from ..figures import begin_drawings, save_drawings
from ..terminal import Terminal, next_step
from ..together import shared_years
from .check import print_regions
from .long_tables import LongWriter

_LEVEL = "bilateral-sector"


def run_decompose(
    net: NetInventories,
    method: str,
    level: str | None,
    out: Path,
    run: Run,
    *,
    detail: bool = False,
    by_origin: bool = False,
    groups: ChosenGroups,
    one_by_one: bool = False,
    accounts: Sequence[ValueAdded],
    format: str,
    sides: Mapping[str, Sequence[str]] | None = None,
    regions: Sequence[str] = (),
    figures: bool = True,
    aside: Aside | None = None,
    force: bool,
    terminal: Terminal,
) -> None:
    """Decompose the tables of ``net`` and write year after year.

    Writes ``decomposition.parquet`` (or another format), figures and a manifest.
    ``one_by_one``: each group is computed by itself. With several accounts the table
    names each in a first column, and there are no figures. ``sides``: the exporters and
    importers that tables and figures keep, by "exporter" and "importer".
    """
    sides = sides or {}
    file_format = require_format(format)
    tables, members = net.tables, groups.members
    level = level or _usual_level(method)
    require_method(method, level, detail=detail, by_origin=by_origin)
    if sides and one_by_one:
        raise TivaxError(f"--{next(iter(sides))}s: goes without --each-group")
    regions = regions or sides.get("exporter", ())
    whole = _whole(method, accounts[0])
    if buyers := sides.get("importer"):
        whole += f" to {' '.join(buyers)}"
    if is_first():
        require_result_place(out, run, force=force)
        run.describe_ahead()
    path = out / f"decomposition.{format}"
    residuals, gaps, rows = [], [], 0
    totals: list[xr.DataArray] = []
    alone = len(accounts) == 1

    def compute(progress: Progress) -> Iterable[tuple[ValueAdded, xr.Dataset]]:
        run_years = decomposed_each_group if one_by_one else decomposed_years
        return one_after_the_other(
            lambda account, progress: run_years(
                tables,
                method,
                level,
                detail=detail,
                by_origin=by_origin,
                groups=members,
                value_added=account,
                progress=progress,
            ),
            accounts,
            progress,
        )

    with shared_years(
        out,
        run,
        tables.years,
        terminal,
        force=force,
        method=method,
        level=level,
        detail=detail,
        by_origin=by_origin,
        value_added=[value_added_name(k) for k in accounts],
        groups=members,
        each_group=one_by_one,
        net_inventories=net.record,
    ):
        if not is_first():
            for _ in compute(no_progress):
                pass
            return
        with output_folder(out, run, force=force) as folder:
            with terminal.progress("decomposing", "years") as progress:
                unit = Account(accounts[0]).unit(tables)
                labels = {"term": "term of the decomposition"}
                labels["value"] = f"value of the term [{unit}]"
                parts = len(tables.years) * len(accounts)
                parts *= len(members) if one_by_one else 1
                titles = _titles(tables, members, method)
                with LongWriter(
                    folder / path.name, labels=labels, sheets={"labels": titles}
                ) as writer:
                    for account, whole_part in compute(progress):
                        part = _kept(whole_part, sides, level)
                        residuals.append(float(part["residual"].max()))
                        gaps.append(float(part["identity"].max()))
                        if alone and _has_parts(part, method, level):
                            totals.append(totals_of(part, method))
                        # Several devices make several years at a time: the order of
                        # rows is that of one device.
                        for k in range(part.sizes["year"]):
                            year = part.isel(year=[k])
                            written = year if alone else named(year, account)
                            rows_of_year = writer.write(written)
                            if rows == 0:  # all years are as long as the first
                                require_rows(file_format, rows_of_year * parts)
                            rows += rows_of_year
            shown, drawings = _joined(totals) if totals else None, {}
            if shown is not None and figures:
                plots = _plots_of(shown, method, whole, regions)
                drawings = begin_drawings(plots, aside)
            write_csv(titles, folder / "labels.csv")
            save_drawings(drawings, folder, aside)
            gap = max(gaps) if METHODS[method].check is not None else None
            record = run.write_manifest(
                folder,
                residual_max=max(residuals),
                method=method,
                level=level,
                detail=detail,
                by_origin=by_origin,
                **value_added_metadata(tables, accounts),
                identity_max=gap,
                identity_limit=WORST_IDENTITY,
                **{f"{side}s": list(codes) for side, codes in sides.items()},
                groups=groups.record,
                each_group=one_by_one,
                net_inventories=net.record,
            )
    terminal.print(
        f"{METHODS[method].title} ({METHODS[method].source}), level {level}: "
        f"{count_text(rows, 'row')}, {count_text(len(tables.years), 'year')}"
    )
    held = "no identity to check" if gap is None else f"identity to {gap:.1e}"
    terminal.print(f"{held}, residual of the solve {max(residuals):.1e}")
    about = value_added_messages(tables, accounts)
    for line in [*net.lines, *groups.lines, *about]:
        terminal.print(line)
    if shown is not None:
        _print_shares(terminal, shown, whole, regions)
    drawn = shown is not None and figures
    terminal.finish(
        record,
        f"Open {out / 'shares.svg' if drawn else path}",
        next_step("explore", out, "--out", "explorer.html"),
    )


# Named, not imported: where another process draws, this one needs no matplotlib.
_PLOTS = "tivax.engine.figures.decompositions"


def _kept(
    part: xr.Dataset, sides: Mapping[str, Sequence[str]], level: str
) -> xr.Dataset:
    """The flows of the exporters and importers asked for."""
    for side in sides:
        if side not in part.dims:
            raise TivaxError(
                f"--{side}s: level {level} of this method has no {side}s; give another "
                "--level, such as bilateral"
            )
    return part.sel({side: list(codes) for side, codes in sides.items()})


def _titles(tables: WorldTables, members: Groups, method: str) -> pd.DataFrame:
    """Titles of all labels, and what each term is."""
    terms = METHODS[method].terms.items()
    rows = [(name, "term", text) for name, text in terms]
    titles = label_table(tables, members)
    return pd.concat(
        [titles, pd.DataFrame(rows, columns=titles.columns)], ignore_index=True
    )


def _usual_level(method: str) -> str:
    """The level where none is given; ``TivaxError`` of a method that lacks it."""
    if method in METHODS and _LEVEL not in METHODS[method].kernels:
        levels = " or ".join(f"--level {k}" for k in METHODS[method].kernels)
        raise TivaxError(
            f"method {method} has no level {_LEVEL}, the default; give {levels}"
        )
    return _LEVEL


def _plots_of(
    shown: xr.DataArray, method: str, whole: str, regions: Sequence[str]
) -> dict[str, Callable[[], Any]]:
    """What draws each figure, by file name."""
    about: dict[str, Any] = {
        "method": f"{METHODS[method].title} ({METHODS[method].source})",
        "regions": regions or None,
    }
    plots = {"shares": partial(call_named, _PLOTS, "bars", shown, whole, **about)}
    if shown.sizes["year"] > 1:
        plots["shares_over_years"] = partial(
            call_named, _PLOTS, "over_years", shown, whole, **about
        )
    return plots


def _print_shares(
    terminal: Terminal, shown: xr.DataArray, whole: str, asked: Sequence[str]
) -> None:
    """Print the shares of the parts in the last year, as the figures have them."""
    last = shown.isel(year=-1)
    year = int(last["year"])
    chosen = shown_regions(size_of(shown), f"{whole} in {year}", asked)
    parts = [str(k) for k in shown["part"].values]
    terminal.print(f"% of {whole}, {year}; {chosen.rule}")
    share = 100 * last / last.sum("part")
    print_regions(
        terminal,
        [k.replace(" ", "\n", 1) for k in parts],
        {
            code: [_cell(float(share.sel(region=code, part=k))) for k in parts]
            for code in chosen.few
        },
    )


def _cell(share: float) -> str:
    return "–" if share != share else f"{share:.1f}"


def one_after_the_other(
    compute: Callable[[ValueAdded, Progress], Iterable[Any]],
    accounts: Sequence[ValueAdded],
    progress: Progress,
) -> Generator[tuple[ValueAdded, Any], None, None]:
    """The parts that ``compute`` yields for each account, with one progress."""
    for k, account in enumerate(accounts):

        def of_all(done: int, total: int, before: int = k) -> None:
            progress(before * total + done, len(accounts) * total)

        for part in compute(account, of_all):
            yield account, part


def named(part: xr.Dataset, account: ValueAdded) -> xr.Dataset:
    """A part with the name of its account as a first label."""
    return part.expand_dims(account=[value_added_name(account)])


def _joined(totals: list[xr.DataArray]) -> xr.DataArray:
    """All years and regions; with --each-group the groups come one after the other."""
    runs: dict[tuple[str, ...], list[xr.DataArray]] = {}
    for part in totals:
        runs.setdefault(tuple(part["region"].values.tolist()), []).append(part)
    return xr.concat([xr.concat(parts, "year") for parts in runs.values()], "region")


def _whole(method: str, value_added: ValueAdded) -> str:
    whole = {
        "bm-importer": "gross imports",
        "production": "value added",
        "tripartite-output": "gross output",
    }.get(method, "gross exports")
    if account := satellite_name(value_added):
        return f"{account} in {whole.removeprefix('gross ')}"
    return whole


def _has_parts(part: xr.Dataset, method: str, level: str) -> bool:
    """Whether the parts add up to a whole, for a figure."""
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
