"""Origin of the value added in exports, final products and output, labelled.

Full tables of origin by buyer: a question about single industries is a selection
and a sum.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple, get_args

import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from ...kernels import origins as kernels
from ...kernels.inverted_table import InvertedTable
from ..core import (
    Progress,
    TivaxError,
    in_float64,
    no_progress,
    require_choice,
    require_kind,
    require_list,
    source_in_words,
    suggest,
)
from ..tables import AnyGroups, WorldTables, find_region, require_tables
from .accounts import Account, ValueAdded
from .perimeters import Kernel, compute_inverted, perimeters_of

Of = Literal["exports", "final demand", "products"]
Whole = Literal["exports", "final", "output"]
_DIMS: dict[str, tuple[str, ...]] = {
    "exports": ("origin", "sector", "exporting_sector", "importer"),
    "final demand": ("origin", "sector", "product", "absorber"),
    "products": ("origin", "sector", "producer", "product"),
}
_OPTIONS = {
    "exports": ("exporter", "absorbed", "counted_once", "via", "groups"),
    "final demand": ("categories", "groups"),
    "products": ("whole",),
}


class OriginYear(NamedTuple):
    """One year's table, and the residual of its solve."""

    table: Float[Array, "..."]
    largest_input_share: Float[Array, ""]
    residual: Float[Array, ""]


@in_float64
def origins(
    tables: WorldTables,
    of: Of,
    exporter: str | None = None,
    *,
    absorbed: bool = False,
    counted_once: bool = False,
    via: Sequence[str] = (),
    categories: Sequence[str] | None = None,
    whole: Whole = "final",
    keep: Sequence[str] | None = None,
    groups: AnyGroups | None = None,
    value_added: ValueAdded = "residual",
    progress: Progress = no_progress,
) -> xr.DataArray:
    """Value added by industry of origin, in exports, in final demand or in products.

    Parameters
    ----------
    of
        ``exports`` of one exporter; ``final demand``, what each region consumes and
        invests; ``products`` of every industry.
    exporter
        Of exports: a region, or a group, which is then one perimeter.
    absorbed
        Of exports: by region of final absorption, ``absorber``, the exporter
        itself among them (value added that returns), in place of direct buyers.
    counted_once
        Of exports: without repeated crossings of the exporter's border (Borin and
        Mancini's source approach). By default domestic and foreign content in full.
    via
        Of exports: direct buyers that count; none means all.
    categories
        Of final demand that count, all by default: OECD TiVA's CONS_VA and GFCF_VA are
        those of consumption and of fixed capital formation, under the names the
        database has for them.
    whole
        Of products: the industry's ``final`` products, V B diag(Y 1); its ``exports``,
        V B diag(e); its ``output``, V B diag(x) (R decompr's Leontief decompositions;
        Los, Timmer and de Vries 2015 for final products). Intermediates count in what
        they end up in and in themselves.
    keep
        Dims to keep, the others are summed. All four by default: n x n a year, 49 MB
        for WIOD 2016.
    groups
        Of exports and final demand, as in :func:`decompose`.

    Returns
    -------
    DataArray
        In the unit of the tables, by year and the dims kept. ``origin`` and ``sector``
        are those where the value is added; then ``exporting_sector`` and
        ``importer`` (``absorber`` with ``absorbed``); or ``product``, the sector of the
        final product of any producer, and ``absorber``; or ``producer`` and
        ``product``. Summed over origins it is the value added in exports: with the
        residual the exports themselves.
        Summed over products and all categories it is
        :func:`~tivax.value_added_trade`.

    Raises
    ------
    TivaxError
        An unknown region, group or dim; products where regions are split.

    Examples
    --------
    >>> demand = tx.origins(world, "final demand", keep=("origin", "absorber"))
    >>> demand.sel(year=2000).round().astype(int).to_pandas()
    absorber      R01       R02       ROW
    origin
    R01       1974659   2008413   2685720
    R02       3387381  14395650   4496561
    ROW       1572213   6114702  23364700
    >>> held = tx.origins(world, "exports", "R01").sel(year=2000)
    >>> held.to_series().groupby("origin").sum().round()
    origin
    R01    5163551.0
    R02    1141018.0
    ROW    1533234.0
    Name: value_added, dtype: float64
    """
    require_choice("of", of, get_args(Of))
    require_choice("whole", whole, get_args(Whole))
    require_tables(tables)
    dims = tuple("absorber" if absorbed and k == "importer" else k for k in _DIMS[of])
    require_list("keep", keep := dims if keep is None else keep)
    for name in keep:
        if name not in dims:
            raise TivaxError(f"no dim {name}: {suggest(name, dims)}")
    require_list("via", via)
    if of == "products" and tables.parents:
        raise TivaxError(
            f"{tables.source or 'these tables'}: regions are split; set parents={{}} "
            "to have the parts as regions"
        )
    borders = perimeters_of(tables, groups)
    names, sectors = list(borders.names), list(tables.sectors)
    asked = {
        "exporter": exporter is not None,
        "absorbed": absorbed,
        "counted_once": counted_once,
        "via": bool(via),
        "categories": categories is not None,
        "whole": whole != "final",
        "groups": groups is not None,
    }
    if odd := [k for k, given in asked.items() if given and k not in _OPTIONS[of]]:
        raise TivaxError(f"{odd[0]}: leave it out, it is not of {of}")
    kernel: Kernel
    options: dict[str, Any]
    if of == "exports":
        require_kind("exporter", exporter, str, "one region or group")
        exporter, *via = (find_region(str(k), names) for k in (exporter, *via))
        kernel, title = _exports_of, f"value added in exports of {exporter}"
        options = {
            "sectors": len(sectors),
            "exporter": names.index(str(exporter)),
            "via": tuple(names.index(k) for k in (via or names)),
            "absorbed": absorbed,
            "once": counted_once,
        }
    elif of == "final demand":
        if categories is not None:
            require_list("categories", categories)
        kernel = _demand_of
        title = f"value added in {', '.join(categories or ['final demand'])}"
        uses = () if categories is None else (categories,)
        options = {"uses": uses, "sectors": len(sectors)}
    else:
        kernel, options = _products_of, {"of": whole}
        title = f"value added in {'final products' if whole == 'final' else whole}"
    of_regions = ("origin", "absorber", "importer", "producer")
    coords = {k: names if k in of_regions else sectors for k in dims}
    account = Account(value_added)
    years = compute_inverted(kernel, tables, borders, account, progress, **options)
    about = {"units": account.unit(tables), "long_name": title}
    return _labelled(years, tables, coords, keep, **about)


def _labelled(
    years: Iterable[tuple[slice, OriginYear]],
    tables: WorldTables,
    coords: dict[str, list[str]],
    keep: Sequence[str],
    **attrs: str,
) -> xr.DataArray:
    sizes = [len(k) for k in coords.values()]
    summed = tuple(1 + k for k, dim in enumerate(coords) if dim not in keep)
    parts, residuals = [], []
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
            **attrs,
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
    made = kernels.in_exports(
        world,
        jnp.asarray(which == exporter, dtype),
        jnp.asarray(np.isin(which, via), dtype),
        sectors=sectors,
        absorbed=absorbed,
        once=once,
    )
    return _year(world.borders.by_sector(made, sectors=sectors), world)


def _demand_of(
    world: InvertedTable, by_use: Float[Array, "n c 1"] | None = None, *, sectors: int
) -> OriginYear:
    Y = None if by_use is None else by_use[..., 0]
    made = kernels.in_final_demand(world, Y, sectors=sectors)
    return _year(world.borders.by_sector(made, sectors=sectors), world)


def _products_of(world: InvertedTable, *, of: str) -> OriginYear:
    whole = {
        "exports": world.total_exports,
        "final": world.Y.sum(axis=1),
        "output": world.output,
    }[of]
    made = kernels.by_product(world, whole)
    regions = world.borders.count
    return _year(made.reshape(regions, -1, regions, len(whole) // regions), world)


def _year(table: Float[Array, "..."], world: InvertedTable) -> OriginYear:
    return OriginYear(table, world.largest_input_share, world.residual)
