"""``tivax tbi``: all accounts, tables in the format asked for, and figures."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from ... import uncertainty  # loaded with --error only
from ...core import (
    Aside,
    Format,
    Progress,
    Run,
    call_named,
    is_first,
    no_progress,
    output_folder,
    require_result_place,
    shift_progress,
    stage,
    to_long_frame,
    variable_labels,
    write_csv,
    write_do_file,
    write_frame,
)
from ...figures import ShownRegions, shown_regions
from ...figures.regions import trade_size
from ...measures import (
    Certify,
    TbiResult,
    ValueAdded,
    compute_tbi,
    satellite_name,
    value_added_messages,
    value_added_metadata,
    value_added_name,
)
from ...sources import label_table
from ...tables import NetInventories, WorldTables, choose_groups
from ..figures import begin_drawings, save_drawings
from ..inputs import read_accounts, read_final_accounts, read_regions
from ..terminal import Terminal, next_step
from ..together import shared_years
from .check import print_tbi


def run_tbi(
    store: Path,
    net: NetInventories,
    out: Path,
    *,
    value_added: str,
    satellites: Sequence[Path],
    final_satellites: Sequence[Path],
    drop: Sequence[str],
    groups: str | None,
    each_group: bool,
    certify: Certify,
    format: Format,
    error: "uncertainty.ErrorModel | None" = None,
    error_files: Sequence[Path] = (),
    regions: str = "",
    figures: bool = True,
    aside: Aside | None = None,
    force: bool,
    terminal: Terminal,
) -> None:
    """Compute the index of every account, write tables and figures, print a summary.

    ``regions``: those that figures and summary show, such as CHN,USA. ``aside`` draws
    the figures while this process writes.
    """
    tables = net.tables
    chosen = choose_groups(groups, tables.regions, each_group=each_group)
    asked = read_regions(regions, tables, chosen, each_group=each_group, drop=drop)
    given = [*satellites, *final_satellites, *error_files]
    run = Run("tbi", inputs=[store, *chosen.files, *given])
    if is_first():
        require_result_place(out, run, force=force)
        run.describe_ahead()
    accounts = read_accounts(value_added, satellites)
    final = read_final_accounts(final_satellites, accounts)
    with shared_years(
        out,
        run,
        tables.years,
        terminal,
        force=force,
        value_added=value_added,
        drop=[*drop],
        groups=chosen.members,
        each_group=each_group,
        certify=certify,
        net_inventories=net.record,
    ):
        with terminal.progress("solving") as progress:
            done = compute_accounts(
                tables,
                accounts,
                final,
                drop=drop,
                groups=chosen.members,
                one_by_one=each_group,
                certify=certify,
                progress=progress,
            )
        if not is_first():
            return
        errors: dict[str, uncertainty.TbiErrors] = {}
        if error is not None:
            with terminal.progress("errors") as progress:
                errors = compute_errors(
                    tables,
                    accounts,
                    done,
                    error,
                    drop=drop,
                    groups=chosen.members,
                    progress=progress,
                )
        first = next(iter(done.values()))
        titles = label_table(tables, chosen.members)
        with output_folder(out, run, force=force) as folder:
            if len(done) == 1:
                shown = shown_of(first, asked)
                its = next(iter(errors.values()), None)
                write_tbi(
                    first,
                    folder,
                    format,
                    errors=its,
                    shown=shown,
                    figures=figures,
                    aside=aside,
                    account=satellite_name(accounts[0]),
                    titles=titles,
                )
            else:
                write_tbi_of_accounts(done, folder, format, errors, titles)
            write_csv(titles, folder / "labels.csv")
            # One table is solved for all accounts: what was found once holds for each.
            record = run.write_manifest(
                folder,
                residual_max=first.residual_max,
                **first.certified,
                **value_added_metadata(tables, accounts),
                years_by_lu=first.years_by_lu,
                groups=chosen.record,
                each_group=each_group,
                net_inventories=net.record,
                **({} if error is None else {"error": error.record}),
                flags={
                    name: sum(one.flags[name] for one in done.values())
                    for name in first.flags
                },
            )
    about = value_added_messages(tables, accounts)
    for line in [*net.lines, *chosen.lines, *about]:
        terminal.print(line)
    for account, result in done.items():
        shown = shown_of(result, asked)
        its = errors.get(account)
        print_tbi(terminal, result, out, shown, net=bool(net.categories), errors=its)
    if error is not None:
        terminal.print(_errors_line(error))
    drawn = figures and len(done) == 1
    terminal.finish(
        record,
        f"Open {out / 'tbi.svg' if drawn else out}",
        next_step("explore", out, "--out", "explorer.html"),
    )


def _errors_line(error: "uncertainty.ErrorModel") -> str:
    """What the standard errors in brackets are of."""
    kinds = list(dict.fromkeys(str(k["kind"]) for k in error.record))
    text = f"in brackets: standard errors from errors of the tables: {', '.join(kinds)}"
    if kinds == ["rounding"]:
        text += " alone; errors of how the tables were compiled are not in them"
    return text


def compute_accounts(
    tables: WorldTables,
    accounts: Sequence[ValueAdded],
    final: Mapping[str, xr.DataArray],
    *,
    progress: Progress = no_progress,
    **options: Any,
) -> dict[str, TbiResult]:
    """``compute_tbi`` of each account by name; ``final`` by the same names."""
    years = len(tables.years)
    results = {}
    for k, account in enumerate(accounts):
        name = value_added_name(account)
        results[name] = compute_tbi(
            tables,
            account,
            final=final.get(name),
            progress=shift_progress(progress, k * years, len(accounts) * years),
            **options,
        )
    return results


def compute_errors(
    tables: WorldTables,
    accounts: Sequence[ValueAdded],
    results: Mapping[str, TbiResult],
    model: "uncertainty.ErrorModel",
    *,
    progress: Progress = no_progress,
    **options: Any,
) -> "dict[str, uncertainty.TbiErrors]":
    """``errors_of_tbi`` of each account by name."""
    years = len(tables.years)
    return {
        name: uncertainty.errors_of_tbi(
            tables,
            results[name],
            model,
            account,
            progress=shift_progress(progress, k * years, len(accounts) * years),
            **options,
        )
        for k, account in enumerate(accounts)
        if (name := value_added_name(account)) in results
    }


def shown_of(result: TbiResult, asked: Sequence[str] = ()) -> ShownRegions:
    """The regions of figures and summary: those asked for, else the largest."""
    if result.each_group and not asked:
        names = [str(k) for k in result.tbi["region"].values]
        return ShownRegions(names, names, "all groups")
    year = int(result.tbi["year"].values[-1])
    measure = f"value-added exports and imports in {year}"
    return shown_regions(trade_size(result.tbi), measure, asked)


def write_tbi(
    result: TbiResult,
    folder: Path,
    format: Format = "csv",
    *,
    errors: "uncertainty.TbiErrors | None" = None,
    shown: ShownRegions | None = None,
    figures: bool = True,
    aside: Aside | None = None,
    account: str = "",
    titles: pd.DataFrame | None = None,
) -> None:
    """Write tbi, vax, vax_by_sector, va_absorbed.parquet and three figures; also
    footprints if there are any, and for Stata a do-file that prints the index.
    ``account`` names what figures show in place of value added; tbi.xlsx has all tables
    as sheets, and the ``titles`` of the labels."""
    plots = plots_of(result, shown, errors, account) if figures else {}
    drawings = begin_drawings(plots, aside)
    _write_tables(tables_of(result, errors), folder, format, _labels_of(result), titles)
    save_drawings(drawings, folder, aside)


def write_tbi_of_accounts(
    results: Mapping[str, TbiResult],
    folder: Path,
    format: Format = "csv",
    errors: "Mapping[str, uncertainty.TbiErrors] | None" = None,
    titles: pd.DataFrame | None = None,
) -> None:
    """The same tables for several accounts, named in a first column; no figures."""
    each = {
        account: tables_of(result, (errors or {}).get(account))
        for account, result in results.items()
    }
    names = dict.fromkeys(name for tables in each.values() for name in tables)
    _write_tables(
        {
            name: pd.concat(
                [
                    tables[name].assign(account=account)[["account", *tables[name]]]
                    for account, tables in each.items()
                    if name in tables
                ],
                ignore_index=True,
            )
            for name in names
        },
        folder,
        format,
        _labels_of(next(iter(results.values()))),
        titles,
    )


def _write_tables(
    tables: Mapping[str, pd.DataFrame],
    folder: Path,
    format: Format,
    labels: Mapping[str, str],
    titles: pd.DataFrame | None = None,
) -> None:
    """Bilateral flows are parquet in every format; Stata, which cannot read it, has
    them in its own as well, and tbi.xlsx has all as sheets."""
    more = {k: frame for k, frame in tables.items() if k != "tbi"}
    more |= {} if titles is None else {"labels": titles}
    for name, frame in tables.items():
        if name == "va_absorbed":
            write_frame(frame, folder, name, "parquet")
        if name != "va_absorbed" or format == "dta":
            sheets = more if name == "tbi" else None
            write_frame(frame, folder, name, format, labels, sheets=sheets)
    if format == "dta":
        by = " by(account)" if "account" in tables["tbi"] else ""
        lines = [f"tabdisp region year, cellvar(tbi) format(%9.4f){by}"]
        write_do_file(folder, "tbi", "tbi.dta", lines)


def _labels_of(result: TbiResult) -> dict[str, str]:
    """Variable labels of the columns of all tables."""
    parts = [
        result.tbi,
        result.vax_by_sector,
        result.absorbed.to_dataset(name="value_added"),
    ]
    if result.footprints is not None:
        parts.append(result.footprints)
    labels = {"year": "year", "region": "region", "sector": "sector of origin"}
    labels |= {"origin": "region of origin", "absorber": "region of absorption"}
    labels["flag"] = "why the value is out of the usual range, or empty"
    labels |= variable_labels(*parts)
    ends = {"se": "standard error", "ci_low": "95 % from", "ci_high": "95 % to"}
    for end, text in ends.items():
        labels[end] = text
        labels |= {f"{name}_{end}": f"{text}: {name}" for name in _MAIN_VALUES}
    return labels


# The value of each table whose errors are the columns se, ci_low, ci_high.
_MAIN = {
    "tbi": "tbi",
    "vax": "vax_ratio",
    "vax_by_sector": "vax_ratio",
    "va_absorbed": "value_added",
}
_MAIN_VALUES = (
    "gross_exports",
    "gross_imports",
    "va_exports",
    "va_imports",
    "vax_ratio",
    "tbi",
    "value_added",
)


def tables_of(
    result: TbiResult, errors: "uncertainty.TbiErrors | None" = None
) -> dict[str, pd.DataFrame]:
    """The tables of `tivax tbi` by file name, with columns of errors if there are."""
    columns = [
        "gross_exports",
        "gross_imports",
        "va_exports",
        "va_imports",
        "vax_ratio",
    ]
    frame = to_long_frame(
        result.absorbed.to_dataset(name="value_added"),
        ["year", "origin", "absorber", "value_added"],
    )
    if result.each_group:
        frame = frame.dropna(ignore_index=True)
    tables = {
        "tbi": to_long_frame(
            result.tbi, ["year", "region", "va_exports", "va_imports", "tbi"]
        ),
        "vax": to_long_frame(result.vax, ["year", "region", *columns]),
        "vax_by_sector": to_long_frame(
            result.vax_by_sector, ["year", "region", "sector", *columns, "tbi", "flag"]
        ),
        "va_absorbed": frame,
    }
    if errors is not None:
        tables = {name: _with_errors(k, name, errors) for name, k in tables.items()}
    if result.footprints is not None:
        tables["footprints"] = to_long_frame(
            result.footprints, ["year", "region", *map(str, result.footprints)]
        )
    return tables


def _with_errors(
    frame: pd.DataFrame, name: str, errors: "uncertainty.TbiErrors"
) -> pd.DataFrame:
    """Columns of errors beside the values of one table, row by row."""
    of_table = {
        "tbi": errors.regions,
        "vax": errors.regions,
        "vax_by_sector": errors.by_sector,
        "va_absorbed": errors.absorbed.to_dataset(name="value_added"),
    }[name]
    labels = [str(k) for k in of_table.dims]
    at = {k: xr.DataArray(frame[k].to_numpy(), dims="row") for k in labels}
    found = of_table.sel(at).drop_vars(labels).to_dataframe()
    return uncertainty.interval_columns(frame, found, _MAIN[name], _MAIN_VALUES)


# Named, not imported: where another process draws, this one needs no matplotlib.
_PLOTS = "tivax.engine.figures.trade"


def plots_of(
    result: TbiResult,
    shown: ShownRegions | None = None,
    errors: "uncertainty.TbiErrors | None" = None,
    account: str = "",
) -> dict[str, Callable[[], Any]]:
    """What draws each figure of `tivax tbi`, by file name, with bands of errors if
    there are.

    Groups that may overlap have no bilateral balances, only their index.
    """
    shown = shown or shown_of(result)
    tbi = result.tbi
    if errors is not None:
        tbi = uncertainty.with_intervals(tbi, errors.regions[["tbi"]])
    lines = partial(call_named, _PLOTS, "tbi_lines", tbi, shown.few, account=account)
    plots = {"tbi": lines}
    if result.each_group:
        return plots
    many = shown.many if len(shown.many) > 1 else None  # one has no partner
    plots["va_balances"] = partial(
        call_named,
        _PLOTS,
        "balance_heatmap",
        result.absorbed,
        regions=many,
        account=account,
    )
    # Jobs or emissions cannot be compared with gross trade.
    if result.absorbed.attrs.get("units") == result.exports.attrs.get("units"):
        trade = {"va_absorbed": result.absorbed, "gross_exports": result.exports}
        if errors is not None:
            trade["vax_ratio_se"] = errors.regions["vax_ratio"].rename(region="origin")
        plots["va_versus_gross"] = partial(
            call_named,
            _PLOTS,
            "va_versus_gross",
            xr.Dataset(trade),
            region=shown.few[0] if shown.asked else None,
            regions=shown.many,
        )
    return plots


@stage("figures")
def figures_of(
    result: TbiResult,
    shown: ShownRegions | None = None,
    errors: "uncertainty.TbiErrors | None" = None,
) -> dict[str, Any]:
    """The figures of matplotlib that ``plots_of`` draws."""
    return {name: plot() for name, plot in plots_of(result, shown, errors).items()}
