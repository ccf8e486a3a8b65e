"""Footprints: production- and consumption-based accounts, with direct emissions.

The four accounts of environmental input-output analysis (Stadler 2021, pymrio, Journal
of Open Research Software 9), totals of regions, with T = diag(f) B Y for the account f
per US$ of output and F_Y the account of final demand itself:

    production_based    sum over r of T_sr + F_Y,s     D_pba
    consumption_based   sum over s of T_sr + F_Y,r     D_cba
    embodied_exports    sum over r != s of T_sr        D_exp
    embodied_imports    sum over s != r of T_sr        D_imp
"""

from collections.abc import Sequence

import xarray as xr

from ..core import require_kind
from ..tables import Groups, WorldTables, require_tables, satellites
from .regrouping import regroup
from .trade import value_added_trade


def footprints(
    tables: WorldTables,
    account: xr.DataArray,
    direct: xr.DataArray | None = None,
    *,
    drop: Sequence[str] = (),
    groups: Groups | None = None,
) -> xr.Dataset:
    """Production-based and consumption-based totals of an account by region.

    Parameters
    ----------
    account
        A satellite account (year, region, sector): ``read_satellite``.
    direct
        The account of final demand itself, (year, region):
        ``read_final_satellites``. None counts as 0.
    drop, groups
        As in ``trade_benefit_index``.

    Returns
    -------
    Dataset
        ``production_based``, ``consumption_based``, ``embodied_exports``,
        ``embodied_imports``, ``direct`` by year and region, in the account's unit.
        Production-based less consumption-based is exports less imports; over all
        regions both are equal.

    Raises
    ------
    TivaxError
        As ``value_added_trade``; a year or region that ``direct`` lacks.

    Examples
    --------
    >>> jobs = tx.read_satellite("jobs.csv")
    >>> found = tx.footprints(world, jobs).sel(year=2000, drop=True)
    >>> found[["production_based", "consumption_based"]].to_dataframe().round(2)
            production_based  consumption_based
    region
    R01                 15.0               8.79
    R02                 15.0              18.42
    ROW                 20.0              22.80
    """
    require_tables(tables)
    for name, given in (("account", account), ("direct", direct)):
        if given is not None or name == "account":
            require_kind(name, given, xr.DataArray, "an account of tx.read_satellite")
    trade = value_added_trade(tables, account)
    return footprints_of(trade, direct, drop=drop, groups=groups)


def footprints_of(
    trade: xr.Dataset,
    direct: xr.DataArray | None,
    *,
    drop: Sequence[str] = (),
    groups: Groups | None = None,
) -> xr.Dataset:
    """The same from the Dataset of ``value_added_trade``."""
    absorbed = trade["va_absorbed"].sum("sector", keep_attrs=True)
    own = xr.zeros_like(absorbed.isel(absorber=0, drop=True).rename(origin="region"))
    if direct is not None:
        own = satellites.align_final(direct, own)
    # On the diagonal a region's own part is added up with it in a group.
    origin, absorber = absorbed["origin"], absorbed["absorber"]
    diagonal = own.rename(region="origin").where(origin == absorber, 0.0)
    diagonal = diagonal.transpose(*absorbed.dims)
    embodied, diagonal = (
        regroup(k, drop=drop, groups=groups) for k in (absorbed, diagonal)
    )
    own = diagonal.sum("absorber").rename(origin="region")
    made = embodied.sum("absorber").rename(origin="region")
    used = embodied.sum("origin").rename(absorber="region")
    home = embodied.where(embodied["origin"] == embodied["absorber"], 0.0)
    home = home.sum("absorber").rename(origin="region")
    units = {"units": absorbed.attrs.get("units", "")}
    parts = {
        "production_based": (made + own, "made at home, final demand itself included"),
        "consumption_based": (used + own, "embodied in final demand, and of itself"),
        "embodied_exports": (made - home, "embodied in final demand abroad"),
        "embodied_imports": (used - home, "made abroad, embodied in final demand"),
        "direct": (own, "of final demand itself"),
    }
    return xr.Dataset(
        {
            name: part.drop_vars("absorber", errors="ignore").assign_attrs(
                units, long_name=text
            )
            for name, (part, text) in parts.items()
        },
        attrs=trade.attrs,
    )
