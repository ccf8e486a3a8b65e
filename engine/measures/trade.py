"""Value added absorbed, the trade benefit index and VAX of world tables, labelled."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Literal, get_args

import jax
import numpy as np
import xarray as xr

from ...kernels import absorption
from ..core import (
    NOT_KEPT,
    Keeper,
    Progress,
    TivaxError,
    in_float64,
    no_progress,
    require_choice,
    source_in_words,
)
from ..streaming import streamed_trade
from ..tables import (
    AnyGroups,
    Groups,
    WorldTables,
    perimeters,
    region_names,
    require_tables,
)
from . import flags
from .accounts import Account, ValueAdded
from .decompositions import years_of_method
from .group_runs import in_groups
from .methods import WITH_ABSORBED
from .regrouping import (
    merge_regions,
    regroup,
    regroup_trade,
    require_computed,
)
from .years import compute_years

Certify = Literal["columns", "cells"]
"""What is certified: the residual of every column, or the error of every cell."""
By = Literal["flow", "region", "sector"]


@in_float64
def value_added_trade(
    tables: WorldTables | xr.Dataset,
    value_added: ValueAdded = "residual",
    *,
    by: By = "flow",
    drop: Sequence[str] = (),
    groups: AnyGroups | None = None,
    apart: bool = False,
    certify: Certify = "columns",
    memory: int | None = None,
    progress: Progress = no_progress,
) -> xr.Dataset:
    """Trade in value added and gross trade of every year: flows, or sums by region.

    The VAX ratio is value added exported over gross exports (Johnson and Noguera
    2012); gross exports are model-consistent, so that both balances agree (with v the
    residual and no region dropped). By sector of origin it is value added of the sector
    that is absorbed abroad over what the sector itself exports. That exceeds 1 for
    services embodied in goods, without limit where a sector hardly exports itself, and
    is negative where inventories outweigh its exports. Imports are then those of value
    added from that sector abroad.

    Parameters
    ----------
    tables
        In memory or lazy; or the flows that this function returned for them.
    value_added
        ``residual``: output less intermediate inputs, taxes and margins included
        (the paper's). ``basic``: the value-added row of the table. Or a satellite
        account, a DataArray (year, region, sector) of jobs, emissions or any row of
        industries: flows are then in its unit.
    by
        ``flow``: from industries of origin to regions. ``region``: exports, imports and
        what follows from them. ``sector``: these by sector of origin.
    drop, groups, apart
        As in :func:`trade_benefit_index`.
    certify
        ``columns``: the relative residual of each column (absorbing region) is below
        1e-12. That does not bound a cell much smaller than its column: between small
        regions one may be wrong from the ninth digit on. ``cells``: one more step of
        refinement, and a bound on the error of every cell, at four times the work.
    memory
        In bytes. A year that needs more is solved while it is read from a lazy store.
    progress
        Called with years done and years in all.

    Returns
    -------
    Dataset
        By flow, ``va_absorbed`` (year, origin, sector, absorber) and ``gross_exports``
        (year, exporter, sector, importer), model-consistent, 0 at home, in the
        unit of the tables; ``output`` (year, origin, sector), model-consistent;
        ``residual`` (year), relative, measured; ``passes`` (year), products with A,
        0 where the year was solved by LU. Split regions are whole: their parts are
        computed apart, then added up. With ``certify="cells"`` also by year
        ``cell_error``, the largest relative error that any cell of required output B Y
        can have, and ``cell_backward_error`` (``kernels.cells``).
        By region or sector (year, region[, sector]), ``gross_exports``,
        ``gross_imports``, ``va_exports``, ``va_imports``, ``vax_ratio`` and ``tbi``,
        -1 to 1 unless flows are negative. By sector ``flag`` marks negative flows and
        an index outside of -1 to 1, with the cause (``engine.measures.flags``).

    Raises
    ------
    TivaxError
        ``basic`` for tables without a value-added row; a year whose solve misses
        1e-8; a table that is not productive (spectral radius of A not below 1).

    Examples
    --------
    >>> by_region = tx.value_added_trade(world, by="region")
    >>> by_region["vax_ratio"].sel(year=2000).to_series().round(3)
    region
    R01    0.599
    R02    0.764
    ROW    0.654
    Name: vax_ratio, dtype: float64
    """
    require_choice("by", by, get_args(By))
    if isinstance(tables, xr.Dataset):
        require_computed(trade := tables, "va_absorbed", "gross_exports")
    else:
        require_tables(tables)
        trade = trade_flows(tables, value_added, certify, memory, progress)
    codes = list(map(str, trade["origin"].values))
    if by == "flow":
        if apart:
            raise TivaxError('apart: flows are of all groups; give by="region"')
        name = region_names(codes, drop=drop, groups=groups)
        return trade if [*name.values()] == codes else merge_regions(trade, name)

    def balances(groups: Groups) -> xr.Dataset:
        by_sector = by == "sector"
        flows = regroup_trade(trade, drop=drop, groups=groups, by_sector=by_sector)
        return balances_of(flows, by_sector)

    return in_groups(balances, groups, codes, apart=apart)


@in_float64
def trade_flows(
    tables: WorldTables,
    value_added: ValueAdded,
    certify: Certify,
    memory: int | None,
    progress: Progress,
    keeper: Keeper = NOT_KEPT,
) -> xr.Dataset:
    """The flows of ``value_added_trade``."""
    cells = require_certify(certify) == "cells"
    account = Account(value_added)
    computed = compute_years(
        absorption.value_added_trade,
        tables,
        account,
        progress,
        streamed=partial(streamed_trade, cells=cells),
        memory=memory,
        keeper=keeper,
        cells=cells,
    )
    parts = [part for _, part in computed]
    years = jax.tree.map(lambda *part: np.concatenate(part), *parts)
    trade = _labelled(years, tables, account.unit(tables))
    if not cells:
        trade = trade.drop_vars(["cell_error", "cell_backward_error"])
    # Parts are computed apart, then added to those of the region that was split.
    return merge_regions(trade, perimeters(tables)) if tables.parents else trade


def require_certify(name: str) -> Certify:
    """``columns`` or ``cells``; ``TivaxError`` for any other word."""
    for known in get_args(Certify):
        if name == known:
            return known
    raise TivaxError(f"certify {name!r}: choose from {', '.join(get_args(Certify))}")


def _labelled(
    result: absorption.ValueAddedTrade, tables: WorldTables, unit: str
) -> xr.Dataset:
    regions = list(tables.regions)
    coords = {
        "year": list(tables.years),
        "origin": regions,
        "sector": list(tables.sectors),
    }

    def flow(
        values: np.ndarray | jax.Array, name: str, unit: str, *roles: str
    ) -> xr.DataArray:
        seller, *buyers = roles
        labels = {k if k != "origin" else seller: v for k, v in coords.items()}
        labels |= dict.fromkeys(buyers, regions)
        full = np.asarray(values).reshape([len(k) for k in labels.values()])
        attrs = {"units": unit, "long_name": name}
        return xr.DataArray(full, labels, list(labels), attrs=attrs)

    by_year = {
        "residual": "relative residual of the solve",
        "passes": "products with A; 0 = LU",
        "cell_error": "bound on the relative error of a cell",
        "cell_backward_error": "relative change of cells of the table",
    }
    absorbed, exports, output = result.absorbed, result.exports, result.output
    names = ("gross exports, model-consistent", "gross output, model-consistent")
    data: dict[str, Any] = {
        "va_absorbed": flow(
            absorbed, "value added absorbed", unit, "origin", "absorber"
        ),
        "gross_exports": flow(exports, names[0], tables.unit, "exporter", "importer"),
        "output": flow(output, names[1], tables.unit, "origin"),
        **{
            name: ("year", getattr(result, name), {"long_name": text})
            for name, text in by_year.items()
        },
    }
    return xr.Dataset(data, attrs={"source": source_in_words(tables.source)})


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

    Parameters
    ----------
    tables : WorldTables
        Tables in memory or of a lazy store.
    value_added : {"residual", "basic"} or DataArray
        Output less inputs, the table's own row, or an account.
    certify : {"columns", "cells"}
        What the residual certifies.

    Returns
    -------
    DataArray (year, origin, sector, absorber)
        In the unit of the tables, or of the account.

    Examples
    --------
    >>> absorbed = tx.value_added_absorbed(world)
    >>> absorbed.sel(year=2000).sum("sector").round().astype(int).to_pandas()
    absorber      R01       R02       ROW
    origin
    R01       1974659   2008413   2685720
    R02       3387381  14395650   4496561
    ROW       1572213   6114702  23364700
    """
    trade = value_added_trade(tables, value_added, certify=certify)
    worst = {"residual_max": float(trade["residual"].max())}
    if "cell_error" in trade:
        worst["cell_error_max"] = float(trade["cell_error"].max())
    return trade["va_absorbed"].assign_attrs(worst)


@in_float64
def indices_of(
    every: xr.DataArray,
    *,
    drop: Sequence[str] = (),
    groups: AnyGroups | None = None,
) -> xr.Dataset:
    """The trade benefit index of value added absorbed, with dims year, origin, absorber
    (and sector): ``va_exports``, ``va_imports``, ``tbi`` by year and region."""
    absorbed = regroup(every, drop=drop, groups=groups)
    if "sector" in absorbed.dims:
        absorbed = absorbed.sum("sector")
    absorbed = absorbed.transpose("year", "origin", "absorber")
    _require_square(absorbed)
    balance = absorption.trade_benefit_index(absorbed.values)
    return _balance_dataset(balance, absorbed, ["year", "region"])


@in_float64
def exported_value_added(
    tables: WorldTables,
    value_added: ValueAdded = "residual",
    *,
    progress: Progress = no_progress,
) -> xr.Dataset:
    """Domestic value added in exports, by exporter and importer, 0 at home.

    Terms of ``decompose(..., "bm-source", "bilateral")`` and the balance index of each;
    arguments and errors as there. Beside them value added by origin and the region that
    absorbs it, from the same solve: what ``trade_benefit_index`` takes.

    Parameters
    ----------
    tables : WorldTables
        Tables in memory or of a lazy store.
    value_added : {"residual", "basic"} or DataArray
        Output less inputs, the table's own row, or an account.
    progress : callable, optional
        Called with the years that are done and their number.

    Returns
    -------
    Dataset
        ``dva`` = V_s L_s E_sr, ``dva_absorbed_abroad`` (less what returns to the
        exporter's final demand) and ``gross_exports`` by year, exporter and importer,
        in the unit of the tables; by year and region the indices of each,
        (sold - bought) / (sold + bought): ``dva_index``, ``absorbed_abroad_index``,
        ``gross_index``; ``va_absorbed`` (year, origin, absorber), 0 at home;
        ``residual`` (year).

    Examples
    --------
    >>> found = tx.exported_value_added(world)
    >>> found["dva_index"].sel(year=2000).round(3).values.tolist()
    [-0.159, 0.067, 0.042]
    """
    years = years_of_method(
        tables,
        WITH_ABSORBED,
        "bm-source",
        "bilateral",
        account=Account(value_added),
        progress=progress,
    )
    terms = xr.concat(list(years), "year", combine_attrs="override")
    result = terms[["residual"]]
    result.attrs = {"source": source_in_words(tables.source)}
    names = {"exporter": "origin", "importer": "absorber"}
    result["va_absorbed"] = terms["VA"].rename(names)
    exported = "domestic value added in exports"
    abroad = f"{exported}, absorbed abroad"
    for term, name, index_name, text in (
        ("DVA", "dva", "dva_index", exported),
        ("VAX", "dva_absorbed_abroad", "absorbed_abroad_index", abroad),
        ("GEXP", "gross_exports", "gross_index", "gross exports, model-consistent"),
    ):
        flow = terms[term].assign_attrs(long_name=text)
        result[name] = flow
        result[index_name] = xr.DataArray(
            absorption.trade_benefit_index(flow.values).tbi,
            {"year": flow["year"], "region": flow["exporter"].values},
            ["year", "region"],
            attrs={"units": "1", "long_name": f"balance index of {text}"},
        )
    return result


def balances_of(flows: xr.Dataset, by_sector: bool = False) -> xr.Dataset:
    """``value_added_trade`` by region or sector, of ``regroup_trade``."""
    result = _balances(flows["va_absorbed"], flows["gross_exports"], by_sector)
    result.attrs = flows.attrs
    if by_sector:
        bad = _out_of_bounds(result)
        still_bad = bad
        if "va_positive" in flows:
            positive = _balances(flows["va_positive"], flows["gross_exports"], True)
            still_bad = _out_of_bounds(positive)
        names = np.array(flags.FLAGS)[flags.flags_of(bad, still_bad)]
        result["flag"] = (result["tbi"].dims, names, {"long_name": "why out of bounds"})
    return result


def _out_of_bounds(trade: xr.Dataset) -> np.ndarray:
    """Flag flows that are negative and indices not between -1 and 1."""
    bad = flags.outside(trade["tbi"].values, flags.INDEX)
    for name in ("gross_exports", "gross_imports", "va_exports", "va_imports"):
        bad |= flags.outside(trade[name].values, flags.NOT_NEGATIVE)
    return bad


def _balances(
    absorbed: xr.DataArray, gross: xr.DataArray, by_sector: bool
) -> xr.Dataset:
    gross = gross.rename(exporter="origin", importer="absorber")
    if not by_sector:
        absorbed, gross = absorbed.sum("sector"), gross.sum("sector")
    dims = ["year", *(["sector"] if by_sector else [])]

    def balance(T: xr.DataArray) -> xr.Dataset:
        T = T.transpose(*dims, "origin", "absorber")
        values = absorption.trade_benefit_index(T.values)
        return _balance_dataset(values, T, [*dims, "region"])

    va, total = balance(absorbed), balance(gross)
    sold = total["va_exports"]
    result = xr.Dataset(
        {
            "gross_exports": sold,
            "gross_imports": total["va_imports"],
            "va_exports": va["va_exports"],
            "va_imports": va["va_imports"],
            "vax_ratio": va["va_exports"] / sold.where(sold != 0),
            "tbi": va["tbi"],
        }
    )
    result["gross_exports"].attrs["long_name"] = "gross exports, model-consistent"
    result["gross_imports"].attrs["long_name"] = "gross imports, model-consistent"
    units = (sold.attrs["units"], va["va_exports"].attrs["units"])
    result["vax_ratio"].attrs = {
        "units": "1" if units[0] == units[1] else f"{units[1]} per {units[0]}",
        "long_name": "value-added to gross exports",
    }
    return result.transpose("year", "region", ...)


def _require_square(absorbed: xr.DataArray) -> None:
    origin, absorber = (absorbed[k].values.tolist() for k in ("origin", "absorber"))
    if origin != absorber:
        raise TivaxError(
            "value added absorbed: origin and absorber must be the same regions in the "
            f"same order, not {len(origin)} and {len(absorber)} labels "
            f"({', '.join(map(str, sorted(set(origin) ^ set(absorber))))})"
        )


def _balance_dataset(
    balance: absorption.TradeBalance, T: xr.DataArray, dims: list[str]
) -> xr.Dataset:
    units = T.attrs.get("units", "")
    columns = {
        "va_exports": (balance.exports, units, "value added absorbed abroad"),
        "va_imports": (balance.imports, units, "foreign value added absorbed"),
        "tbi": (balance.tbi, "1", "trade benefit index"),
    }
    return xr.Dataset(
        {
            name: (dims, values, {"units": unit, "long_name": text})
            for name, (values, unit, text) in columns.items()
        },
        coords={k: T["origin" if k == "region" else k].values for k in dims},
    )
