"""Labelled results of the kernels: value added absorbed, trade benefit index, VAX.

The tables are computed year by year on the device JAX uses, in chunks that fit its
memory; a lazy store (``open_store(path, lazy=True)``) is read one chunk ahead.
"""

import math
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import cache, partial
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from ...kernels import absorption, decomposition
from ...kernels.solve import Method, with_fallback
from ..core import Progress, TivaxError, in_float64, no_progress, require_kind
from ..tables import (
    WORST_RESIDUAL,
    Groups,
    WorldTables,
    YearArray,
    as_float64,
    check_numbers,
    perimeters,
    region_names,
    require_productive,
    require_tables,
    satellites,
)
from . import flags

Definition = Literal["residual", "basic"]
ValueAdded = Definition | xr.DataArray
"""How value added is defined, or a satellite account in its place."""
Certify = Literal["columns", "cells"]
"""What is certified: the residual of every column, or the error of every cell."""

# On a GPU the flows, their coefficients in two precisions and the products share the
# memory: about six times the flows themselves. A CPU takes one year at a time.
_GPU_SHARE = 6


# ------------------------------------------------------------------ computation


@in_float64
def value_added_trade(
    tables: WorldTables,
    value_added: ValueAdded = "residual",
    *,
    certify: Certify = "columns",
    progress: Progress = no_progress,
) -> xr.Dataset:
    """Value added absorbed and gross exports of every year.

    Parameters
    ----------
    tables
        In memory or lazy.
    value_added
        ``residual``: output less intermediate inputs, taxes and margins included
        (the paper's). ``basic``: the table's own value-added row. Or a satellite
        account, a DataArray (year, region, sector) of jobs, emissions or any row of
        industries: flows are then in its unit.
    certify
        ``columns``: the relative residual of each column (absorbing region) is below
        1e-12. That does not bound a cell much smaller than its column: between small
        regions one may be wrong from the ninth digit on. ``cells``: one more step of
        refinement, and a bound on the error of every cell, at four times the work.
    progress
        Called with years done and years in all.

    Returns
    -------
    Dataset
        ``va_absorbed`` (year, origin, sector, absorber) and ``gross_exports``
        (year, origin, sector, destination), model-consistent, 0 at home, in the
        unit of the tables; ``output`` (year, origin, sector), model-consistent;
        ``residual`` (year), relative, measured; ``passes`` (year), products with A,
        0 where the year was solved by LU. Split regions are whole: their parts are
        computed apart, then added up. With ``certify="cells"`` also by year
        ``cell_error``, the largest relative error that any cell of required output B Y
        can have, and ``cell_backward_error`` (``kernels.cells``).

    Raises
    ------
    TivaxError
        ``basic`` for tables without a value-added row; a year whose solve misses
        1e-8; a table that is not productive (spectral radius of A not below 1).
    """
    cells = require_certify(certify) == "cells"
    one_year = _one_year_to_the_cell if cells else _one_year
    years = _all_years(one_year, tables, value_added, progress)
    trade = _labelled(years, tables)
    if not cells:
        trade = trade.drop_vars(["cell_error", "cell_backward_error"])
    trade["va_absorbed"].attrs["units"] = unit_of(tables, value_added)
    return _melded(trade, tables) if tables.parents else trade


def _melded(trade: xr.Dataset, tables: WorldTables) -> xr.Dataset:
    """The result with what belongs to parts added to what belongs to their parents."""
    name = perimeters(tables)
    parts = {str(k): _combined(part, name) for k, part in trade.data_vars.items()}
    sold = parts["gross_exports"]
    parts["gross_exports"] = sold.where(sold["origin"] != sold["destination"], 0.0)
    return xr.Dataset(parts, attrs=trade.attrs)


def _all_years(
    one_year: Callable[[Method], Callable],
    tables: WorldTables,
    value_added: ValueAdded,
    progress: Progress,
) -> Any:
    """The results of ``computed_years`` as one."""
    parts = [
        part for _, part in computed_years(one_year, tables, value_added, progress)
    ]
    return jax.tree.map(lambda *a: np.concatenate(a), *parts)


def computed_years(
    one_year: Callable[[Method], Callable],
    tables: WorldTables,
    value_added: ValueAdded,
    progress: Progress,
    *,
    final_demand: Callable[[WorldTables, slice], np.ndarray] = WorldTables.final_demand,
    constants: Sequence[np.ndarray] = (),
    matrices: int = _GPU_SHARE,
) -> Generator[tuple[slice, Any], None, None]:
    """Runs of years and ``one_year(method)`` on their Z, x, Y, v, years first.

    Its result needs fields ``residual`` and ``largest_input_share``, which are checked.
    ``final_demand`` gives the Y of some years, years first, such as with its columns
    added up;
    ``constants`` are further arguments, the same every year;
    ``matrices`` of n x n are held at once for a year.
    """
    rows = _value_added_rows(tables, value_added)
    total = len(tables.years)
    progress(0, total)
    with closing(_chunks(tables, rows, final_demand, matrices)) as chunks:
        for years, (Z, x, Y, v) in chunks:
            same = [[k] * len(x) for k in constants]
            result = with_fallback(one_year, Z, x, Y, v, *same)
            part = jax.tree.map(np.asarray, result)
            _require_solved(part.residual, tables, years)
            for k in np.flatnonzero(~(part.largest_input_share < 1)).tolist():
                # It has a solution even where it is not productive, without meaning.
                require_productive(tables.table(tables.years[years][k]))
            yield years, part
            progress(years.stop, total)


def require_account(value_added: object) -> None:
    """``TivaxError`` for what can be no value added, such as a bare array."""
    require_kind(
        "value_added",
        value_added,
        str | xr.DataArray,
        f"{' or '.join(get_args(Definition))}, or a DataArray with the dims year, "
        "region and sector (of tx.read_satellite)",
    )


def require_value_added(name: str) -> Definition:
    """The definition of value added of that name; ``TivaxError`` lists both."""
    for known in get_args(Definition):
        if name == known:
            return known
    raise TivaxError(
        f"value added {name!r}: choose from {', '.join(get_args(Definition))}"
    )


def require_certify(name: str) -> Certify:
    """``columns`` or ``cells``; ``TivaxError`` for any other word."""
    for known in get_args(Certify):
        if name == known:
            return known
    raise TivaxError(f"certify {name!r}: choose from {', '.join(get_args(Certify))}")


def value_added_name(value_added: ValueAdded) -> str:
    """The definition, or the name of the satellite account."""
    return value_added if isinstance(value_added, str) else str(value_added.name or "")


def unit_of(tables: WorldTables, value_added: ValueAdded) -> str:
    """The unit of value-added flows."""
    require_account(value_added)
    if isinstance(value_added, str):
        return tables.unit
    return str(value_added.attrs.get("units", ""))


def about_value_added(tables: WorldTables, value_added: ValueAdded) -> dict[str, Any]:
    """What a manifest says of it: name and unit; of an account also the share of it
    in industries without output, which no product holds."""
    about: dict[str, Any] = {
        "value_added": value_added_name(value_added),
        "value_added_unit": unit_of(tables, value_added),
    }
    if isinstance(value_added, xr.DataArray):
        about["left_out_share"] = satellites.idle_share(value_added, tables)
    return about


def about_accounts(
    tables: WorldTables, accounts: Sequence[ValueAdded]
) -> dict[str, Any]:
    """``about_value_added`` of the one account, or a list of those of several."""
    each = [about_value_added(tables, k) for k in accounts]
    return each[0] if len(each) == 1 else {"accounts": each}


def told_accounts(tables: WorldTables, accounts: Sequence[ValueAdded]) -> list[str]:
    """``told_value_added`` of one account after the other."""
    return [line for k in accounts for line in told_value_added(tables, k)]


def told_value_added(tables: WorldTables, value_added: ValueAdded) -> list[str]:
    """Lines for the terminal on what of an account is left out."""
    if isinstance(value_added, str):
        return []
    share = satellites.idle_share(value_added, tables)
    unit = unit_of(tables, value_added)
    lines = [f"{value_added_name(value_added)}{f', {unit}' if unit else ''}"]
    if share > 0:
        lines[0] += f": {share:.2%} is in industries without output and left out"
    return lines


def _value_added_rows(tables: WorldTables, value_added: ValueAdded) -> YearArray | None:
    """What is embodied, (t, n); None for the residual."""
    require_tables(tables)
    require_account(value_added)
    if isinstance(value_added, xr.DataArray):
        return satellites.align(value_added, tables)
    if require_value_added(value_added) == "residual":
        return None
    if tables.value_added is None:
        raise TivaxError(
            f"{tables.source or 'these tables'}: no value-added row; "
            "use --value-added residual"
        )
    return tables.value_added


def value_added_by_industry(
    tables: WorldTables, value_added: ValueAdded
) -> xr.DataArray:
    """What is embodied, as an account (year, region, sector); 0 without output."""
    rows = _value_added_rows(tables, value_added)
    x = as_float64(tables.x[:])
    values = x - as_float64(tables.Z[:]).sum(axis=1) if rows is None else rows[:]
    coords = {"year": tables.years, "region": tables.regions, "sector": tables.sectors}
    shape = [len(labels) for labels in coords.values()]
    return xr.DataArray(
        np.where(x > 0, values, 0).reshape(shape),
        {name: list(labels) for name, labels in coords.items()},
        list(coords),
        name=value_added_name(value_added),
        attrs={"units": unit_of(tables, value_added)},
    )


@cache
def _one_year(method: Method) -> Callable:
    return partial(absorption.value_added_trade, method=method)


@cache
def _one_year_to_the_cell(method: Method) -> Callable:
    return partial(absorption.value_added_trade, method=method, cells=True)


@cache
def _one_year_exported(method: Method) -> Callable:
    return partial(decomposition.exported_value_added, method=method)


def _chunks(
    tables: WorldTables,
    rows: YearArray | None,
    final_demand: Callable[[WorldTables, slice], np.ndarray],
    matrices: int,
) -> Generator[tuple[slice, tuple[Any, ...]], None, None]:
    """Runs of years and their arrays (Z, x, Y, v), the next read while one is used."""

    def read(years: slice) -> tuple[Any, ...]:
        x, Y, v = tables.output(years), final_demand(tables, years), None
        if rows is not None:
            added = as_float64(rows[years])
            v = np.divide(added, x, out=np.zeros_like(x), where=x > 0)
        if not (np.isfinite(Y).all() and (v is None or np.isfinite(v).all())):
            for year in tables.years[years]:
                check_numbers(tables.table(year))
        return as_float64(tables.Z[years]), x, Y, v

    runs = _runs(len(tables.years), _years_at_once(tables.n, matrices))
    with ThreadPoolExecutor(1) as reader:
        ahead = reader.submit(read, runs[0])
        for k, years in enumerate(runs):
            arrays = ahead.result()
            if k + 1 < len(runs):
                ahead = reader.submit(read, runs[k + 1])
            yield years, arrays


def _years_at_once(n: int, matrices: int) -> int:
    device = jax.devices()[0]
    memory = device.memory_stats() if device.platform != "cpu" else None
    return max(1, memory["bytes_limit"] // (matrices * 8 * n * n)) if memory else 1


def _runs(years: int, at_once: int) -> list[slice]:
    """Cut the years into runs of nearly equal length: few shapes, few compilations."""
    count = math.ceil(years / at_once)
    ends = [round(k * years / count) for k in range(count + 1)]
    return [slice(a, b) for a, b in zip(ends, ends[1:], strict=False)]


def _require_solved(residual: np.ndarray, tables: WorldTables, years: slice) -> None:
    bad = ~(residual <= WORST_RESIDUAL)
    if bad.any():
        k = int(np.flatnonzero(bad)[0])
        year = tables.years[years][k]
        check_numbers(tables.table(year))  # NaN in Z is found here, at no cost before
        raise TivaxError(
            f"{year}: the Leontief system is not solved (relative residual "
            f"{residual[k]:.1e}); `tivax check` shows whether the table is productive"
        )


def _labelled(result: absorption.ValueAddedTrade, tables: WorldTables) -> xr.Dataset:
    regions, sectors = list(tables.regions), list(tables.sectors)
    coords = {"year": list(tables.years), "origin": regions, "sector": sectors}
    shape = (len(tables.years), len(regions), len(sectors))
    flow = {"units": tables.unit}

    def industry(
        values: np.ndarray | jax.Array, name: str, **more: Any
    ) -> xr.DataArray:
        attrs = {**flow, "long_name": name}
        full = np.asarray(values).reshape(*shape, *(len(k) for k in more.values()))
        return xr.DataArray(full, {**coords, **more}, [*coords, *more], attrs=attrs)

    return xr.Dataset(
        {
            "va_absorbed": industry(
                result.absorbed, "value added absorbed", absorber=regions
            ),
            "gross_exports": industry(
                result.exports, "gross exports, model-consistent", destination=regions
            ),
            "output": industry(result.output, "gross output, model-consistent"),
            "residual": (
                "year",
                result.residual,
                {"long_name": "relative residual of the solve"},
            ),
            "passes": ("year", result.passes, {"long_name": "products with A; 0 = LU"}),
            "cell_error": (
                "year",
                result.cell_error,
                {"long_name": "bound on the relative error of a cell"},
            ),
            "cell_backward_error": (
                "year",
                result.cell_backward_error,
                {"long_name": "relative change of cells of the table"},
            ),
        },
        attrs={"source": tables.source},
    )


# --------------------------------------------------------------------- measures


def value_added_absorbed(
    tables: WorldTables,
    value_added: ValueAdded = "residual",
    *,
    certify: Certify = "columns",
) -> xr.DataArray:
    """Value added by industry of origin and absorbing region, diag(v) B Y.

    Returns a DataArray (year, origin, sector, absorber) in the unit of the tables
    (Johnson and Noguera 2012, Journal of International Economics 86). Arguments and
    errors as in :func:`value_added_trade`; the attribute ``residual_max``, and with
    ``certify="cells"`` also ``cell_error_max``, is the worst of all years.
    """
    trade = value_added_trade(tables, value_added, certify=certify)
    worst = {"residual_max": float(trade["residual"].max())}
    if "cell_error" in trade:
        worst["cell_error_max"] = float(trade["cell_error"].max())
    return trade["va_absorbed"].assign_attrs(worst)


@in_float64
def trade_benefit_index(
    tables: WorldTables | xr.Dataset | xr.DataArray,
    value_added: ValueAdded = "residual",
    *,
    drop: Sequence[str] = (),
    groups: Groups | None = None,
) -> xr.Dataset:
    """Trade benefit index, TBI_i = (X_i - M_i) / (X_i + M_i).

    X_i is value added of i absorbed in all other regions, M_i that of all others
    absorbed in i (the paper, equation 1). ROW is a partner unless dropped.

    Parameters
    ----------
    tables
        World tables, or what was computed from them already: the Dataset of
        :func:`value_added_trade`, or value added absorbed with dims year, origin,
        absorber (and sector) from any source. Values at home do not count.
    value_added
        As in :func:`value_added_trade`; used with tables only.
    drop
        Regions left out, as reporter and as partner.
    groups
        Name to member regions: the group stands in their place, and trade between
        members counts as home.

    Returns
    -------
    Dataset
        ``va_exports``, ``va_imports`` (unit of the tables) and ``tbi`` by year and
        region; also by ``sector`` of origin in :func:`value_added_exports`. From
        tables, the attribute ``residual_max`` is the worst relative residual.
    """
    absorbed = _absorbed(tables, value_added)
    about = {k: absorbed.attrs[k] for k in ("residual_max",) if k in absorbed.attrs}
    absorbed = regroup(absorbed, drop=drop, groups=groups)
    if "sector" in absorbed.dims:
        absorbed = absorbed.sum("sector")
    absorbed = absorbed.transpose("year", "origin", "absorber")
    _require_square(absorbed)
    balance = jax.vmap(absorption.trade_benefit_index)(_device(absorbed))
    return _balance_dataset(balance, absorbed, ["year", "region"]).assign_attrs(about)


@in_float64
def exported_value_added(
    tables: WorldTables,
    value_added: ValueAdded = "residual",
    *,
    progress: Progress = no_progress,
) -> xr.Dataset:
    """Domestic value added in exports, by exporter and buyer, 0 at home.

    Returns
    -------
    Dataset
        ``dva`` = V_s L_s E_sr, ``dva_absorbed_abroad`` (less what returns to the
        exporter's final demand) and ``gross_exports`` by year, exporter and buyer, in
        the unit of the tables; by year and region the indices of each, (sold - bought)
        / (sold + bought): ``dva_index``, ``absorbed_abroad_index``, ``gross_index``;
        ``residual`` and ``passes`` (year).

    Arguments and errors as in :func:`value_added_trade`. Source: Koopman, Wang and Wei
    (2014), Borin and Mancini (2019).
    """
    result = _all_years_exported(tables, value_added, progress)
    regions = list(dict.fromkeys(perimeters(tables).values()))
    years = list(tables.years)
    pair = ("year", "exporter", "buyer")
    counted = unit_of(tables, value_added)
    index = jax.vmap(absorption.trade_benefit_index)
    flows = {
        "dva": ("dva_index", result.dva, "domestic value added in exports"),
        "dva_absorbed_abroad": (
            "absorbed_abroad_index",
            result.absorbed_abroad,
            "domestic value added in exports, absorbed abroad",
        ),
        "gross_exports": (
            "gross_index",
            result.exports,
            "gross exports, model-consistent",
        ),
    }
    variables: dict[str, Any] = {
        "residual": ("year", result.residual, {"long_name": "relative residual"}),
        "passes": ("year", result.passes, {"long_name": "products with A; 0 = LU"}),
    }
    for name, (index_name, values, long_name) in flows.items():
        units = tables.unit if name == "gross_exports" else counted
        variables[name] = (pair, values, {"units": units, "long_name": long_name})
        variables[index_name] = (
            ("year", "region"),
            np.asarray(index(jnp.asarray(values)).tbi),
            {"units": "1", "long_name": f"balance index of {long_name}"},
        )
    return xr.Dataset(
        variables,
        coords={
            "year": years,
            "exporter": regions,
            "buyer": regions,
            "region": regions,
        },
        attrs={"source": tables.source},
    )


def _all_years_exported(
    tables: WorldTables, value_added: ValueAdded, progress: Progress
) -> decomposition.ExportedValueAdded:
    require_tables(tables)
    if not tables.parents:
        return _all_years(_one_year_exported, tables, value_added, progress)
    from .decompositions import decompose  # which imports this module

    # The terms of the same names, where perimeters are not equal blocks.
    terms = decompose(
        tables, "bm-source", "bilateral", value_added=value_added, progress=progress
    )
    years = len(tables.years)
    values: dict[str, Any] = {
        "dva": terms["DVA"].values,
        "absorbed_abroad": terms["VAX"].values,
        "exports": terms["GEXP"].values,
        "largest_input_share": np.full(years, np.nan),  # checked there
        "residual": terms["residual"].values,
        "passes": np.zeros(years, int),
    }
    return decomposition.ExportedValueAdded(**values)


@in_float64
def value_added_exports(
    trade: WorldTables | xr.Dataset,
    value_added: ValueAdded = "residual",
    *,
    by_sector: bool = False,
    drop: Sequence[str] = (),
    groups: Groups | None = None,
) -> xr.Dataset:
    """Value-added and gross trade beside each other, with the VAX ratio.

    The VAX ratio is value added exported over gross exports (Johnson and Noguera
    2012); gross exports are model-consistent, so that both balances agree (with v the
    residual and no region dropped). With ``by_sector`` everything is by sector of
    origin: value added of the sector that is absorbed abroad over what the sector
    itself exports. That exceeds 1 for services embodied in goods, without limit where
    a sector hardly exports itself, and is negative where inventories outweigh its
    exports. Imports are then those of value added from that sector abroad, ``tbi`` the
    index of the two: -1 to 1 unless flows are negative. ``flag`` tells where one is,
    or the index outside of -1 to 1, and why (``engine.flags``).

    Returns a Dataset (year, region[, sector]) with ``gross_exports``,
    ``gross_imports``, ``va_exports``, ``va_imports``, ``vax_ratio``, ``tbi``.
    """
    if not isinstance(trade, xr.Dataset):
        trade = value_added_trade(trade, value_added)
    _require_computed(trade, "va_absorbed", "gross_exports")
    result = _value_added_exports(trade, by_sector, drop, groups)
    if by_sector:
        # Without the value added of industries that have less than none.
        negative = trade["va_absorbed"].sum("absorber") * trade["output"] < 0
        kept = trade["va_absorbed"].where(~negative, 0.0)
        without = trade.assign(va_absorbed=kept)
        still = _outside(_value_added_exports(without, by_sector, drop, groups))
        places = flags.flags_of(_outside(result), still)
        names = np.array(flags.FLAGS)[places]
        result["flag"] = (result["tbi"].dims, names, {"long_name": "why out of bounds"})
    return result


def _outside(trade: xr.Dataset) -> np.ndarray:
    """Where a flow is negative or the index not between -1 and 1."""
    bad = flags.outside(trade["tbi"].values, flags.INDEX)
    for name in ("gross_exports", "gross_imports", "va_exports", "va_imports"):
        bad |= flags.outside(trade[name].values, flags.NOT_NEGATIVE)
    return bad


def _value_added_exports(
    trade: xr.Dataset, by_sector: bool, drop: Sequence[str], groups: Groups | None
) -> xr.Dataset:
    absorbed = regroup(trade["va_absorbed"], drop=drop, groups=groups)
    gross = regroup(trade["gross_exports"], drop=drop, groups=groups)
    gross = gross.rename(destination="absorber")
    if not by_sector:
        absorbed, gross = absorbed.sum("sector"), gross.sum("sector")
    dims = ["year", *(["sector"] if by_sector else [])]
    index = jnp.vectorize(
        lambda T: tuple(absorption.trade_benefit_index(T)),
        signature="(c,c)->(c),(c),(c)",
    )

    def balance(T: xr.DataArray) -> xr.Dataset:
        T = T.transpose(*dims, "origin", "absorber")
        values = absorption.TradeBalance(*index(_device(T)))
        return _balance_dataset(values, T, [*dims, "region"])

    va, total = balance(absorbed), balance(gross)
    result = xr.Dataset(
        {
            "gross_exports": total["va_exports"],
            "gross_imports": total["va_imports"],
            "va_exports": va["va_exports"],
            "va_imports": va["va_imports"],
            "vax_ratio": va["va_exports"]
            / total["va_exports"].where(total["va_exports"] != 0),
            "tbi": va["tbi"],
        },
        attrs=trade.attrs,
    )
    result["gross_exports"].attrs["long_name"] = "gross exports, model-consistent"
    result["gross_imports"].attrs["long_name"] = "gross imports, model-consistent"
    units = (total["va_exports"].attrs["units"], va["va_exports"].attrs["units"])
    result["vax_ratio"].attrs = {
        "units": "1" if units[0] == units[1] else f"{units[1]} per {units[0]}",
        "long_name": "value-added to gross exports",
    }
    return result.transpose("year", "region", ...)


def regroup(
    array: xr.DataArray,
    *,
    drop: Sequence[str] = (),
    groups: Groups | None = None,
) -> xr.DataArray:
    """Drop regions, put groups in the place of their members, on every region axis.

    The first member's place is the group's. Raises ``TivaxError`` for a code that the
    array does not have or that stands in two groups.
    """
    codes = [str(k) for k in array[_region_axes(array)[0]].values]
    name = region_names(codes, drop=drop, groups=groups)
    return array if list(name.values()) == codes else _combined(array, name)


def _region_axes(array: xr.DataArray) -> list[str]:
    return [k for k in ("origin", "absorber", "destination") if k in array.dims]


def _combined(array: xr.DataArray, name: Mapping[str, str]) -> xr.DataArray:
    """Sums over the regions of one name, on every region axis."""
    kept = list(name)
    new = list(dict.fromkeys(name.values()))
    to_group = xr.DataArray(
        np.array([[name[code] == label for label in new] for code in kept], float),
        dims=["old", "new"],
    )
    attrs, dims = array.attrs, array.dims
    for axis in _region_axes(array):
        array = array.sel({axis: kept}).drop_vars(axis)
        array = array.rename({axis: "old"}).dot(to_group, dim="old")
        array = array.rename(new=axis).assign_coords({axis: new})
    return array.transpose(*dims).assign_attrs(attrs)


def _absorbed(
    tables: WorldTables | xr.Dataset | xr.DataArray, value_added: ValueAdded
) -> xr.DataArray:
    if isinstance(tables, xr.Dataset):
        _require_computed(tables, "va_absorbed")
        tables = tables["va_absorbed"]
    if not isinstance(tables, xr.DataArray):
        return value_added_absorbed(tables, value_added)
    if lacking := [k for k in ("year", "origin", "absorber") if k not in tables.coords]:
        raise TivaxError(f"value added absorbed: needs labels for {lacking[0]}")
    return tables


def _require_computed(trade: xr.Dataset, *names: str) -> None:
    for name in names:
        if name not in trade:
            raise TivaxError(
                f"a Dataset without {name}: give that of tx.value_added_trade, or "
                "world tables"
            )


def _require_square(absorbed: xr.DataArray) -> None:
    origin, absorber = (absorbed[k].values.tolist() for k in ("origin", "absorber"))
    if origin != absorber:
        raise TivaxError(
            "value added absorbed: origin and absorber must be the same regions in the "
            f"same order, not {len(origin)} and {len(absorber)} labels "
            f"({', '.join(map(str, sorted(set(origin) ^ set(absorber))))})"
        )


def _device(array: xr.DataArray) -> jax.Array:
    return jnp.asarray(array.values)


def _balance_dataset(
    balance: absorption.TradeBalance, T: xr.DataArray, dims: list[str]
) -> xr.Dataset:
    flow = {"units": T.attrs.get("units", "")}
    coords = {k: T["origin" if k == "region" else k].values for k in dims}
    return xr.Dataset(
        {
            "va_exports": (
                dims,
                np.asarray(balance.exports),
                {**flow, "long_name": "value added absorbed abroad"},
            ),
            "va_imports": (
                dims,
                np.asarray(balance.imports),
                {**flow, "long_name": "foreign value added absorbed"},
            ),
            "tbi": (
                dims,
                np.asarray(balance.tbi),
                {"units": "1", "long_name": "trade benefit index"},
            ),
        },
        coords=coords,
    )
