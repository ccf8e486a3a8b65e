"""Footprints: production- and consumption-based accounts, with direct emissions.

The four accounts of environmental input-output analysis (Stadler 2021, pymrio, Journal
of Open Research Software 9), totals of regions, with T = diag(f) B Y for the account f
per unit of output and F_Y the account of final demand itself:

    production_based    sum over r of T_sr + F_Y,s     D_pba
    consumption_based   sum over s of T_sr + F_Y,r     D_cba
    embodied_exports    sum over r != s of T_sr        D_exp
    embodied_imports    sum over s != r of T_sr        D_imp

By sector, what is made (production, exports) is that of the industry of origin, what is
used (consumption, imports) that of the final product; F_Y belongs to no sector and is
apart.
"""

from collections.abc import Sequence
from typing import Literal

import xarray as xr

from ..core import Progress, TivaxError, no_progress, require_choice, require_kind
from ..tables import (
    AnyGroups,
    Groups,
    WorldTables,
    require_tables,
    satellites,
    whole_regions,
)
from .by_origin import origins
from .group_runs import groups_in_turn, in_groups
from .regrouping import regroup
from .results.footprints import Footprints
from .results.measure import MeasuredTables
from .trade import trade_flows

Names = Literal["tivax", "pymrio"]


def footprints(
    tables: WorldTables,
    account: xr.DataArray,
    direct: xr.DataArray | None = None,
    *,
    drop: Sequence[str] = (),
    groups: AnyGroups | None = None,
    apart: bool = False,
    by_sector: bool = False,
    names: Names = "tivax",
    memory: int | None = None,
    progress: Progress = no_progress,
) -> Footprints:
    """Production-based and consumption-based totals of an account, by region or sector.

    Parameters
    ----------
    account
        A satellite account (year, region, sector): ``read_satellites``.
    direct
        The account of final demand itself, (year, region) or (year, region, category):
        ``read_satellites(file, final=True)``, ``Satellite.from_pymrio``. None counts
        as 0.
    drop, groups, apart
        As in ``trade_benefit_index``.
    by_sector
        Also by sector: of the industry of origin, or of the final product for what is
        consumed and imported. ``direct`` then stays apart, as in pymrio.
    names
        ``pymrio`` for its names: D_cba, D_pba, D_imp, D_exp by sector, D_cba_reg and so
        on by region, F_Y.
    memory, progress
        As in ``value_added_trade``.

    Returns
    -------
    Footprints
        ``data``: ``production_based``, ``consumption_based``, ``embodied_exports``,
        ``embodied_imports``, ``direct`` by year and region (and sector), in the
        account's unit. Production-based less consumption-based is exports less
        imports; over all regions both are equal.

    Raises
    ------
    TivaxError
        As ``value_added_trade``; a year or region that ``direct`` lacks.

    Examples
    --------
    >>> (jobs,) = tx.read_satellites("jobs.csv")
    >>> found = tx.footprints(world, jobs).data.sel(year=2000, drop=True)
    >>> found[["production_based", "consumption_based"]].to_dataframe().round(2)
            production_based  consumption_based
    region
    R01                 15.0               8.79
    R02                 15.0              18.42
    ROW                 20.0              22.80

    Where the footprint of one product in one region arises:
    ``origins(tables, "final demand", value_added=account).sel(product="food",
    absorber="DEU")``.
    """
    require_tables(tables)
    require_choice("names", names, ("tivax", "pymrio"))
    if isinstance(account, tuple):
        raise TivaxError("account: unpack it, tx.footprints(tables, *satellite)")
    for name, given in (("account", account), ("direct", direct)):
        if given is not None or name == "account":
            require_kind(name, given, xr.DataArray, "an account of tx.read_satellites")
    named = groups_in_turn(groups, whole_regions(tables), apart=apart)
    trade = trade_flows(tables, account, memory=memory, progress=progress)
    every = [trade["va_absorbed"]]
    if by_sector:
        # Sectors of origin are there already; those of the final product are not.
        kept = ["origin", "product", "absorber"]
        products = origins(tables, "final demand", keep=kept, value_added=account)
        every.append(products.rename(product="sector"))

    def sectors(groups: Groups) -> xr.Dataset:
        like = compute(groups)
        made, used = (regroup(k, drop=drop, groups=groups) for k in every)
        parts = _flows_of(made, used, like=like)
        return xr.Dataset({**parts, "direct": like["direct"]}, attrs=like.attrs)

    def compute(groups: Groups) -> xr.Dataset:
        return footprints_of(trade, direct, drop=drop, groups=groups)

    given = named, whole_regions(tables)
    return Footprints(
        totals=in_groups(compute, *given, apart=apart),
        by_sector=in_groups(sectors, *given, apart=apart) if by_sector else None,
        residual_max=float(trade["residual"].max()),
        source=MeasuredTables(tables, account, drop, named, memory),
        account=str(account.name or ""),
        apart=apart,
        named=names == "pymrio",
    )


def _flows_of(
    made: xr.DataArray, used: xr.DataArray, like: xr.Dataset
) -> dict[str, xr.DataArray]:
    """The four accounts without direct ones, from flows of origin and absorber.

    ``made`` has the sectors of origin, ``used`` those of the final product.
    """
    abroad = [k.where(k["origin"] != k["absorber"], 0.0) for k in (made, used)]
    parts = {
        "production_based": made.sum("absorber").rename(origin="region"),
        "consumption_based": used.sum("origin").rename(absorber="region"),
        "embodied_exports": abroad[0].sum("absorber").rename(origin="region"),
        "embodied_imports": abroad[1].sum("origin").rename(absorber="region"),
    }
    return {
        name: part.transpose("year", "region", "sector").assign_attrs(like[name].attrs)
        for name, part in parts.items()
    }


def footprints_of(
    trade: xr.Dataset,
    direct: xr.DataArray | None,
    *,
    drop: Sequence[str] = (),
    groups: AnyGroups | None = None,
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
