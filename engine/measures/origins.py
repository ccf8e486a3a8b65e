"""Where value added in exports, final products and output comes from, labelled.

Full tables of origin by destination: a question about single industries is a selection
and a sum over what is returned.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple, get_args

import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from ...kernels import origins
from ...kernels.world import World
from ..core import (
    Progress,
    TivaxError,
    in_float64,
    no_progress,
    require_kind,
    require_list,
    show,
    suggest,
)
from ..tables import Groups, WorldTables, require_tables
from . import trade as measures
from .perimeters import Borders, Kernel, borders_of, computed_worlds
from .trade import ValueAdded

Whole = Literal["exports", "final", "output"]
_EXPORTED = ("origin", "sector", "exporting_sector", "destination")
_ABSORBED = ("origin", "sector", "product", "absorber")
_PRODUCED = ("origin", "sector", "producer", "product")


class OriginYear(NamedTuple):
    """One year's table, and how it was solved."""

    table: Float[Array, "..."]
    largest_input_share: Float[Array, ""]
    residual: Float[Array, ""]


@in_float64
def value_added_in_exports(
    tables: WorldTables,
    exporter: str,
    *,
    absorbed: bool = False,
    counted_once: bool = False,
    via: Sequence[str] = (),
    keep: Sequence[str] = _EXPORTED,
    groups: Groups | None = None,
    value_added: ValueAdded = "residual",
    progress: Progress = no_progress,
) -> xr.DataArray:
    """Value added in one exporter's exports, by origin and destination.

    Parameters
    ----------
    exporter
        A region, or a group, which is then one perimeter.
    absorbed
        Destinations are where exports are absorbed in the end, the exporter itself
        among them (what returns), in place of their direct buyers.
    counted_once
        Without what crosses the exporter's border again (Borin and Mancini's source
        approach). By default all of it: domestic and foreign content.
    via
        Direct buyers that count; none means all.
    keep
        Dims to keep, the others are summed: all four of a year of WIOD 2016 are 49 MB.

    Returns
    -------
    DataArray
        (year, origin, sector, exporting_sector, destination) or what is kept of it, in
        the unit of the tables. ``origin`` and ``sector`` are those where the value is
        added. Summed over origins it is what exports hold of value added: with the
        residual the exports themselves.

    Raises
    ------
    TivaxError
        A region, group or dim there is not.

    Examples
    --------
    Services of the USA in German cars that China absorbs:
    ``value_added_in_exports(tables, "DEU", absorbed=True).sel(origin="USA",
    sector=services, exporting_sector="C29", destination="CHN").sum("sector")``.
    """
    _require_dims(keep, _EXPORTED)
    require_list("via", via)
    borders = borders_of(tables, groups)
    names, sectors = list(borders.names), list(tables.sectors)
    require_kind("exporter", exporter, str, "one region or group")
    for name in (exporter, *via):
        if name not in names:
            raise TivaxError(f"no region {name}: {suggest(name, names)}")
    kernel = _exports_of(
        len(sectors),
        names.index(exporter),
        tuple(names.index(k) for k in (via or names)),
        absorbed,
        counted_once,
    )
    coords = {
        "origin": names,
        "sector": sectors,
        "exporting_sector": sectors,
        "destination": names,
    }
    title = f"value added in exports of {exporter}"
    return _years(kernel, tables, borders, coords, keep, title, value_added, progress)


@in_float64
def value_added_in_final_demand(
    tables: WorldTables,
    *,
    categories: Sequence[str] | None = None,
    keep: Sequence[str] = _ABSORBED,
    groups: Groups | None = None,
    value_added: ValueAdded = "residual",
    progress: Progress = no_progress,
) -> xr.DataArray:
    """Value added in what each region consumes and invests, by origin and product.

    ``categories`` of final demand that count, all by default: OECD TiVA's CONS_VA and
    GFCF_VA are those of consumption and of fixed capital formation, under the names
    the database has for them. ``keep``,
    ``groups``, ``value_added`` and errors as in :func:`value_added_in_exports`. Returns
    a DataArray (year, origin, sector, product, absorber) or what is kept of it, in the
    unit of the tables: ``product`` is the sector of the final product, of any producer
    (OECD TiVA's FD_VA by product). Summed over products and all categories it is
    :func:`~tivax.engine.measures.trade.value_added_absorbed`.
    """
    _require_dims(keep, _ABSORBED)
    if categories is not None:
        require_list("categories", categories)
    borders = borders_of(tables, groups)
    names, sectors = list(borders.names), list(tables.sectors)
    coords = {
        "origin": names,
        "sector": sectors,
        "product": sectors,
        "absorber": names,
    }
    title = "value added in final demand"
    if categories is not None:
        title = f"value added in {', '.join(categories)}"
    return _years(
        _demand_of(len(sectors)),
        tables,
        borders,
        coords,
        keep,
        title,
        value_added,
        progress,
        uses=() if categories is None else (categories,),
    )


@in_float64
def value_added_by_product(
    tables: WorldTables,
    of: str = "final",
    *,
    keep: Sequence[str] = _PRODUCED,
    value_added: ValueAdded = "residual",
    progress: Progress = no_progress,
) -> xr.DataArray:
    """Value added by industry of origin in what every industry delivers.

    ``of``: its final products, V B diag(Y 1); its exports, V B diag(e); its output,
    V B diag(x) (R decompr's Leontief decompositions; Los, Timmer and de Vries 2015 for
    final products). Intermediates count in what they end up in and in themselves.

    Returns a DataArray (year, origin, sector, producer, product) or what ``keep`` keeps
    of it, in the unit of the tables: n x n a year, 49 MB for WIOD 2016. Raises
    ``TivaxError`` for an ``of`` or dim there is not.
    """
    require_tables(tables)
    require_kind("of", of, str, " or ".join(get_args(Whole)))
    if of not in get_args(Whole):
        raise TivaxError(f"of {show(of)}: choose from {', '.join(get_args(Whole))}")
    _require_dims(keep, _PRODUCED)
    if tables.parents:
        raise TivaxError(
            f"{tables.source or 'these tables'}: regions are split; set parents={{}} "
            "to have the parts as regions"
        )
    regions, sectors = list(tables.regions), list(tables.sectors)
    coords = {
        "origin": regions,
        "sector": sectors,
        "producer": regions,
        "product": sectors,
    }
    title = f"value added in {'final products' if of == 'final' else of}"
    borders, kernel = borders_of(tables), _products_of(of)
    return _years(kernel, tables, borders, coords, keep, title, value_added, progress)


def _require_dims(keep: Sequence[str], dims: Sequence[str]) -> None:
    require_list("keep", keep)
    for name in keep:
        if name not in dims:
            raise TivaxError(f"no dim {name}: {suggest(name, dims)}")


def _years(
    kernel: Kernel,
    tables: WorldTables,
    borders: Borders,
    coords: dict[str, list[str]],
    keep: Sequence[str],
    title: str,
    value_added: ValueAdded,
    progress: Progress,
    uses: Sequence[Sequence[str]] = (),
) -> xr.DataArray:
    sizes = [len(k) for k in coords.values()]
    summed = tuple(1 + k for k, dim in enumerate(coords) if dim not in keep)
    parts, residuals = [], []
    runs = computed_worlds(kernel, tables, borders, value_added, progress, uses=uses)
    for _, part in runs:
        # Only the perimeters that have a member.
        table = part.table[(slice(None), *(slice(size) for size in sizes))]
        parts.append(table.sum(axis=summed) if summed else table)
        residuals.append(float(part.residual.max()))
    kept = {dim: labels for dim, labels in coords.items() if dim in keep}
    return xr.DataArray(
        np.concatenate(parts),
        {"year": list(tables.years), **kept},
        ["year", *kept],
        name="value_added",
        attrs={
            "units": measures.unit_of(tables, value_added),
            "long_name": title,
            "source": tables.source,
            "residual_max": max(residuals),
        },
    )


# Functions of a year's world, the same object for the same work.


@lru_cache(maxsize=256)
def _exports_of(
    sectors: int, exporter: int, via: tuple[int, ...], absorbed: bool, once: bool
) -> Kernel:
    def exports_of(world: World, member: Float[Array, "r c"]) -> OriginYear:
        which = np.arange(member.shape[1])
        made = origins.in_exports(
            world,
            jnp.asarray(which == exporter, member.dtype),
            jnp.asarray(np.isin(which, via), member.dtype),
            sectors=sectors,
            absorbed=absorbed,
            once=once,
        )
        return _year(_by_perimeter(made, member, sectors), world)

    return exports_of


@lru_cache
def _demand_of(sectors: int) -> Kernel:
    def demand_of(
        world: World,
        member: Float[Array, "r c"],
        by_use: Float[Array, "n c 1"] | None = None,
    ) -> OriginYear:
        Y = None if by_use is None else by_use[..., 0]
        made = origins.in_final_demand(world, Y, sectors=sectors)
        return _year(_by_perimeter(made, member, sectors), world)

    return demand_of


@lru_cache
def _products_of(of: str) -> Kernel:
    def products_of(world: World, member: Float[Array, "r c"]) -> OriginYear:
        whole = {
            "exports": world.total_exports,
            "final": world.Y.sum(axis=1),
            "output": world.output,
        }[of]
        made = origins.by_product(world, whole)
        regions = len(member)
        return _year(made.reshape(regions, -1, regions, len(whole) // regions), world)

    return products_of


def _year(table: Float[Array, "..."], world: World) -> OriginYear:
    return OriginYear(table, world.largest_input_share, world.residual)


def _by_perimeter(
    made: Float[Array, "n s c"], member: Float[Array, "r c"], sectors: int
) -> Float[Array, "c s s c"]:
    """Industries of origin summed over the regions of each perimeter."""
    each = made.reshape(len(member), sectors, sectors, -1)
    return jnp.tensordot(member, each, axes=(0, 0))
