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
    source_in_words,
)
from ..streaming import streamed_trade
from ..tables import (
    AnyGroups,
    WorldTables,
    perimeters,
)
from . import flags
from .accounts import Account, ValueAdded
from .decompositions import years_of_method
from .methods import WITH_ABSORBED
from .regrouping import (
    merge_regions,
    regroup,
)
from .years import compute_years

Certify = Literal["columns", "cells"]
"""What is certified: the residual of every column, or the error of every cell."""


@in_float64
def trade_flows(
    tables: WorldTables,
    value_added: ValueAdded = "residual",
    certify: Certify = "columns",
    memory: int | None = None,
    progress: Progress = no_progress,
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
