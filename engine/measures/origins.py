"""Origin of the value added in exports, final products and output, labelled.

Full tables of origin by destination: a question about single industries is a selection
and a sum.
"""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, get_args

import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from ...kernels import origins
from ...kernels.inverted_table import InvertedTable
from ..core import (
    NotFound,
    Progress,
    TivaxError,
    in_float64,
    no_progress,
    require_kind,
    require_list,
    show,
    source_in_words,
    suggest,
)
from ..tables import Groups, WorldTables, require_tables, suggest_region
from .accounts import Account, ValueAdded
from .perimeters import Kernel, Perimeters, compute_inverted, perimeters_of

Whole = Literal["exports", "final", "output"]
_EXPORTED: tuple[str, ...] = ("origin", "sector", "exporting_sector", "destination")
_ABSORBED: tuple[str, ...] = ("origin", "sector", "product", "absorber")
_PRODUCED: tuple[str, ...] = ("origin", "sector", "producer", "product")


class OriginYear(NamedTuple):
    """One year's table, and the residual of its solve."""

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
        Destinations are the regions of final absorption, the exporter itself among them
        (value added that returns), in place of direct buyers.
    counted_once
        Without repeated crossings of the exporter's border (Borin and Mancini's source
        approach). By default domestic and foreign content in full.
    via
        Direct buyers that count; none means all.
    keep
        Dims to keep, the others are summed: all four of a year of WIOD 2016 are 49 MB.

    Returns
    -------
    DataArray
        (year, origin, sector, exporting_sector, destination) or the dims kept, in the
        unit of the tables. ``origin`` and ``sector`` are those where the value is
        added. Summed over origins it is the value added in exports: with the
        residual the exports themselves.

    Raises
    ------
    TivaxError
        An unknown region, group or dim.

    Examples
    --------
    >>> held = tx.value_added_in_exports(world, "R01", absorbed=True)
    >>> held.dims
    ('year', 'origin', 'sector', 'exporting_sector', 'destination')
    >>> held.sel(year=2000, origin="R02", destination="ROW").sum("sector").dims
    ('exporting_sector',)
    """
    _require_dims(keep, _EXPORTED)
    require_list("via", via)
    borders = perimeters_of(tables, groups)
    names, sectors = list(borders.names), list(tables.sectors)
    require_kind("exporter", exporter, str, "one region or group")
    for name in (exporter, *via):
        if name not in names:
            raise NotFound(f"no region {name}: {suggest_region(name, names)}")
    coords = dict(zip(_EXPORTED, (names, sectors, sectors, names), strict=True))
    title = f"value added in exports of {exporter}"
    return _years(
        _exports_of,
        tables,
        borders,
        coords,
        keep,
        title,
        value_added,
        progress,
        sectors=len(sectors),
        exporter=names.index(exporter),
        via=tuple(names.index(k) for k in (via or names)),
        absorbed=absorbed,
        once=counted_once,
    )


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
    :func:`~tivax.value_added_absorbed`.

    Examples
    --------
    >>> demand = tx.value_added_in_final_demand(world, keep=("origin", "absorber"))
    >>> demand.sel(year=2000).round().astype(int).to_pandas()
    absorber      R01       R02       ROW
    origin
    R01       1974659   2008413   2685720
    R02       3387381  14395650   4496561
    ROW       1572213   6114702  23364700
    """
    _require_dims(keep, _ABSORBED)
    if categories is not None:
        require_list("categories", categories)
    borders = perimeters_of(tables, groups)
    names, sectors = list(borders.names), list(tables.sectors)
    coords = dict(zip(_ABSORBED, (names, sectors, sectors, names), strict=True))
    title = "value added in final demand"
    if categories is not None:
        title = f"value added in {', '.join(categories)}"
    return _years(
        _demand_of,
        tables,
        borders,
        coords,
        keep,
        title,
        value_added,
        progress,
        uses=() if categories is None else (categories,),
        sectors=len(sectors),
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
    """Value added by industry of origin in the products of every industry.

    ``of``: its final products, V B diag(Y 1); its exports, V B diag(e); its output,
    V B diag(x) (R decompr's Leontief decompositions; Los, Timmer and de Vries 2015 for
    final products). Intermediates count in what they end up in and in themselves.

    Returns a DataArray (year, origin, sector, producer, product) or what ``keep`` keeps
    of it, in the unit of the tables: n x n a year, 49 MB for WIOD 2016. Raises
    ``TivaxError`` for an unknown ``of`` or dim.

    Examples
    --------
    >>> chains = tx.value_added_by_product(world, of="exports")
    >>> chains.dims
    ('year', 'origin', 'sector', 'producer', 'product')
    """
    require_tables(tables)
    require_kind("of", of, str, " or ".join(get_args(Whole)))
    if of not in get_args(Whole):
        raise TivaxError(f"of {show(of)}: {suggest(str(of), get_args(Whole))}")
    _require_dims(keep, _PRODUCED)
    if tables.parents:
        raise TivaxError(
            f"{tables.source or 'these tables'}: regions are split; set parents={{}} "
            "to have the parts as regions"
        )
    regions, sectors = list(tables.regions), list(tables.sectors)
    coords = dict(zip(_PRODUCED, (regions, sectors, regions, sectors), strict=True))
    title = f"value added in {'final products' if of == 'final' else of}"
    return _years(
        _products_of,
        tables,
        perimeters_of(tables),
        coords,
        keep,
        title,
        value_added,
        progress,
        of=of,
    )


def _require_dims(keep: Sequence[str], dims: Sequence[str]) -> None:
    require_list("keep", keep)
    for name in keep:
        if name not in dims:
            raise TivaxError(f"no dim {name}: {suggest(name, dims)}")


def _years(
    kernel: Kernel,
    tables: WorldTables,
    borders: Perimeters,
    coords: dict[str, list[str]],
    keep: Sequence[str],
    title: str,
    value_added: ValueAdded,
    progress: Progress,
    uses: Sequence[Sequence[str]] = (),
    **options: Any,
) -> xr.DataArray:
    account = Account(value_added)
    sizes = [len(k) for k in coords.values()]
    summed = tuple(1 + k for k, dim in enumerate(coords) if dim not in keep)
    parts, residuals = [], []
    years = compute_inverted(
        kernel, tables, borders, account, progress, uses=uses, **options
    )
    for _, part in years:
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
            "units": account.unit(tables),
            "long_name": title,
            "source": source_in_words(tables.source),
            "residual_max": max(residuals),
        },
    )


# Kernels: functions of a year's inverted table.


def _exports_of(
    world: InvertedTable,
    *,
    sectors: int,
    exporter: int,
    via: tuple[int, ...],
    absorbed: bool,
    once: bool,
) -> OriginYear:
    which, dtype = np.arange(world.borders.count), world.Y.dtype
    made = origins.in_exports(
        world,
        jnp.asarray(which == exporter, dtype),
        jnp.asarray(np.isin(which, via), dtype),
        sectors=sectors,
        absorbed=absorbed,
        once=once,
    )
    return _year(world.borders.by_sector(made, sectors=sectors), world)


def _demand_of(
    world: InvertedTable,
    by_use: Float[Array, "n c 1"] | None = None,
    *,
    sectors: int,
) -> OriginYear:
    Y = None if by_use is None else by_use[..., 0]
    made = origins.in_final_demand(world, Y, sectors=sectors)
    return _year(world.borders.by_sector(made, sectors=sectors), world)


def _products_of(world: InvertedTable, *, of: str) -> OriginYear:
    whole = {
        "exports": world.total_exports,
        "final": world.Y.sum(axis=1),
        "output": world.output,
    }[of]
    made = origins.by_product(world, whole)
    regions = world.borders.count
    return _year(made.reshape(regions, -1, regions, len(whole) // regions), world)


def _year(table: Float[Array, "..."], world: InvertedTable) -> OriginYear:
    return OriginYear(table, world.largest_input_share, world.residual)
