"""What `tivax tbi` computes and writes: tables in the format asked for, figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from ...core.errors import TivaxError
from ...core.progress import Progress, no_progress
from ...core.spreadsheets import write_csv, write_xlsx
from ...core.toml import parse_toml
from ...figures import trade as trade_plots
from ...measures import trade as measures
from ...measures.each_group import each_group, require_new_names, shifted
from ...measures.flags import FLAGS
from ...measures.footprints import footprints_of
from ...measures.trade import Certify, Groups, ValueAdded
from ...reporting.plot_style import save_figure
from ...tables.codes import require_labels
from ...tables.world_tables import WorldTables

Format = Literal["csv", "parquet", "dta", "xlsx"]


def write_frame(frame: pd.DataFrame, folder: Path, name: str, format: Format) -> None:
    """Write ``name.format``. Numbers keep every digit of float64 (16 in xlsx)."""
    path = folder / f"{name}.{format}"
    if format == "csv":
        write_csv(frame, path)
    elif format == "parquet":
        frame.to_parquet(path, index=False)
    elif format == "dta":
        frame.to_stata(path, write_index=False, version=118)
    else:
        write_xlsx(frame, path, name[:31])


def require_format(name: str) -> Format:
    """The format of that name; ``TivaxError`` lists those there are."""
    for known in get_args(Format):
        if name == known:
            return known
    raise TivaxError(f"--format {name}: choose from {', '.join(get_args(Format))}")


def read_groups(path: Path) -> dict[str, list[str]]:
    """Groups of regions from a TOML file, ``NAME = ["AAA", "BBB"]``.

    Raises ``TivaxError`` for a file that is not that.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise TivaxError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise TivaxError(f"{path}: {error}") from None
    groups = parse_toml(text, path)
    require_labels(groups, f"{path}: group")
    for name, members in groups.items():
        if not (
            isinstance(members, list)
            and members
            and all(isinstance(code, str) for code in members)
        ):
            raise TivaxError(
                f'{path}: group {name} must be a list of region codes, ["AUT", "BEL"]'
            )
    return groups


@dataclass(frozen=True)
class TbiResult:
    """What `tivax tbi` computed.

    ``trade`` is by industry as in ``measures.value_added_trade``; the others have
    regions dropped and grouped as asked. ``footprints`` (``engine.footprint_accounts``)
    are there where final demand has an account of its own. With ``each_group`` they
    hold the groups alone, each from a run of its own; ``absorbed`` and ``exports`` are
    by groups and regions, NaN for a pair that is not a group with itself or a region
    outside it.
    """

    trade: xr.Dataset
    vax_by_sector: xr.Dataset
    tbi: xr.Dataset
    vax: xr.Dataset
    absorbed: xr.DataArray  # (year, origin, absorber)
    exports: xr.DataArray  # gross, (year, origin, destination)
    each_group: bool = False
    footprints: xr.Dataset | None = None

    @property
    def residual_max(self) -> float:
        """The worst relative residual of all years."""
        return float(self.trade["residual"].max())

    @property
    def certified(self) -> dict[str, float]:
        """The worst bound on a cell and backward error, where cells were certified."""
        names = ("cell_error", "cell_backward_error")
        return {
            f"{k}_max": float(self.trade[k].max()) for k in names if k in self.trade
        }

    @property
    def flags(self) -> dict[str, int]:
        """How many rows of ``vax_by_sector`` are flagged, by flag."""
        found = self.vax_by_sector["flag"].values
        return {name: int((found == name).sum()) for name in FLAGS if name}

    @property
    def years_by_lu(self) -> list[int]:
        """The years that the iteration could not finish."""
        passes = self.trade["passes"]
        return [int(year) for year in passes["year"].values[passes.values == 0]]


def compute_tbi(
    tables: WorldTables,
    value_added: ValueAdded = "residual",
    *,
    drop: Sequence[str] = (),
    groups: Groups | None = None,
    one_by_one: bool = False,
    certify: Certify = "columns",
    final: xr.DataArray | None = None,
    progress: Progress = no_progress,
) -> TbiResult:
    """Everything that `tivax tbi` writes, from one solve a year.

    ``one_by_one`` computes each of the groups in a run of its own (``each_group``), so
    that they may overlap; ``certify`` as in ``measures.value_added_trade``; ``final``
    is what final demand itself has of the account (``engine.footprint_accounts``).
    """
    # Mistakes are told before work.
    if one_by_one and groups:
        require_new_names(groups, tables.regions)
        for name, members in groups.items():
            measures.perimeters(tables, drop=drop, groups={name: members})
    else:
        measures.perimeters(tables, drop=drop, groups=groups)
    trade = measures.value_added_trade(
        tables, value_added, certify=certify, progress=progress
    )
    if one_by_one and groups:
        return _of_each_group(trade, drop, groups, final)
    absorbed, exports = (
        measures.regroup(trade[name], drop=drop, groups=groups)
        for name in ("va_absorbed", "gross_exports")
    )
    return TbiResult(
        trade=trade,
        vax_by_sector=measures.value_added_exports(
            trade, by_sector=True, drop=drop, groups=groups
        ),
        tbi=measures.trade_benefit_index(absorbed),
        vax=measures.value_added_exports(trade, drop=drop, groups=groups),
        absorbed=absorbed.sum("sector", keep_attrs=True),
        exports=exports.sum("sector", keep_attrs=True),
        footprints=None
        if final is None
        else footprints_of(trade, final, drop=drop, groups=groups),
    )


def compute_accounts(
    tables: WorldTables,
    accounts: Sequence[ValueAdded],
    final: Mapping[str, xr.DataArray],
    *,
    progress: Progress = no_progress,
    **options: Any,
) -> dict[str, TbiResult]:
    """``compute_tbi`` of each account by name, with ``final`` of that name."""
    years = len(tables.years)
    results = {}
    for k, account in enumerate(accounts):
        name = measures.value_added_name(account)
        results[name] = compute_tbi(
            tables,
            account,
            final=final.get(name),
            progress=shifted(progress, k * years, len(accounts) * years),
            **options,
        )
    return results


def _of_each_group(
    trade: xr.Dataset,
    drop: Sequence[str],
    groups: Groups,
    final: xr.DataArray | None,
) -> TbiResult:
    exported = partial(measures.value_added_exports, trade, drop=drop)
    return TbiResult(
        trade=trade,
        vax_by_sector=each_group(lambda g: exported(by_sector=True, groups=g), groups),
        tbi=each_group(
            lambda g: measures.trade_benefit_index(trade, drop=drop, groups=g), groups
        ),
        vax=each_group(lambda g: exported(groups=g), groups),
        absorbed=_pairs_of_groups(trade["va_absorbed"], drop, groups),
        exports=_pairs_of_groups(trade["gross_exports"], drop, groups),
        each_group=True,
        footprints=None
        if final is None
        else each_group(
            lambda g: footprints_of(trade, final, drop=drop, groups=g), groups
        ),
    )


def _pairs_of_groups(
    flows: xr.DataArray, drop: Sequence[str], groups: Groups
) -> xr.DataArray:
    """Flows from and to each group, by groups and single regions; NaN elsewhere."""
    flows = flows.sum("sector", keep_attrs=True)
    _, origin, partner = map(str, flows.dims)
    alone = [k for k in flows[origin].values.tolist() if k not in drop]
    pairs = None
    for name, members in groups.items():
        one = measures.regroup(flows, drop=drop, groups={name: members})
        one = one.where((one[origin] == name) | (one[partner] == name))
        one = one.reindex({axis: [*groups, *alone] for axis in (origin, partner)})
        pairs = one if pairs is None else pairs.fillna(one)
    assert pairs is not None
    return pairs.assign_attrs(flows.attrs)


def write_tbi(result: TbiResult, folder: Path, format: Format = "csv") -> None:
    """Write tbi, vax, vax_by_sector, va_absorbed.parquet and three figures; also
    footprints where there are any."""
    _write_tables(tables_of(result), folder, format)
    for name, figure in figures_of(result).items():
        save_figure(figure, folder, name)


def write_tbi_of_accounts(
    results: Mapping[str, TbiResult], folder: Path, format: Format = "csv"
) -> None:
    """The same tables for several accounts, named in a first column; no figures."""
    each = {account: tables_of(result) for account, result in results.items()}
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
    )


def _write_tables(
    tables: Mapping[str, pd.DataFrame], folder: Path, format: Format
) -> None:
    for name, frame in tables.items():
        write_frame(frame, folder, name, "parquet" if name == "va_absorbed" else format)


def tables_of(result: TbiResult) -> dict[str, pd.DataFrame]:
    """The tables of `tivax tbi` by file name."""
    columns = [
        "gross_exports",
        "gross_imports",
        "va_exports",
        "va_imports",
        "vax_ratio",
    ]
    frame = frame_of(
        result.absorbed.to_dataset(name="value_added"),
        ["year", "origin", "absorber", "value_added"],
    )
    if result.each_group:
        frame = frame.dropna(ignore_index=True)
    tables = {
        "tbi": frame_of(
            result.tbi, ["year", "region", "va_exports", "va_imports", "tbi"]
        ),
        "vax": frame_of(result.vax, ["year", "region", *columns]),
        "vax_by_sector": frame_of(
            result.vax_by_sector, ["year", "region", "sector", *columns, "tbi", "flag"]
        ),
        "va_absorbed": frame,
    }
    if result.footprints is not None:
        tables["footprints"] = frame_of(
            result.footprints, ["year", "region", *map(str, result.footprints)]
        )
    return tables


def figures_of(result: TbiResult) -> dict[str, Figure]:
    """The figures of `tivax tbi` by file name.

    Groups that may overlap have no table of bilateral balances: only their index.
    """
    if result.each_group:
        names = [str(k) for k in result.tbi["region"].values]
        return {"tbi": trade_plots.tbi_lines(result.tbi, names)}
    figures = {
        "tbi": trade_plots.tbi_lines(result.tbi),
        "va_balances": trade_plots.balance_heatmap(result.absorbed),
    }
    # Jobs or emissions cannot be set beside gross trade.
    if result.absorbed.attrs.get("units") == result.exports.attrs.get("units"):
        trade = {"va_absorbed": result.absorbed, "gross_exports": result.exports}
        figures["va_versus_gross"] = trade_plots.va_versus_gross(xr.Dataset(trade))
    return figures


def frame_of(data: xr.Dataset, columns: list[str]) -> pd.DataFrame:
    """A Dataset as a long table with these columns, sorted as the labels are."""
    frame = (
        data[[k for k in columns if k in data.data_vars]].to_dataframe().reset_index()
    )
    return frame[columns]
