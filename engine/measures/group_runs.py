"""Many groups of regions, also overlapping ones, each computed by itself.

Groups that share no region can be computed together: ``groups`` of ``decompose`` and
the others makes each of them one region, and sales of one group to another are trade.
EU27, RCEP and APEC overlap. Here each group in turn is one region and all other regions
are single, and the rows of the group are kept. Partners are thus single regions outside
the group, never other groups.
"""

from collections.abc import Callable, Generator, Iterable, Mapping

import xarray as xr

from ..core import Progress, TivaxError, no_progress, require_kind, shift_progress
from ..tables import Groups, WorldTables, require_groups
from .accounts import ValueAdded
from .decompositions import decomposed_years

_SIDES = {"exporter", "importer", "partner"}


def each_group(compute: Callable[[Groups], xr.Dataset], groups: Groups) -> xr.Dataset:
    """Rows of each group, computed with this group alone, in one Dataset.

    Parameters
    ----------
    compute
        From groups to a Dataset of ``decompose``, ``trade_benefit_index``,
        ``value_added_exports`` and the like:
        ``lambda groups: tx.decompose(tables, "wwz", "country", groups=groups)``.
    groups
        Name to members; a region may be in several.

    Returns
    -------
    Dataset
        As ``compute`` returns it, with the groups along region, exporter, or, where
        imports are decomposed, importer. Partners are the regions, and each group
        itself; NaN if a partner belongs to the group or is another group. Variables by
        year alone (residual, identity) are by group, too.

    Raises
    ------
    TivaxError
        If there is no group; errors of ``compute``.

    Examples
    --------
    >>> groups = {"North": ["R01", "R02"], "West": ["R02", "ROW"]}  # they may overlap
    >>> found = tx.each_group(lambda g: tx.trade_benefit_index(world, groups=g), groups)
    >>> found["tbi"].sel(year=2000).to_series().round(3)
    region
    North   -0.034
    West     0.027
    Name: tbi, dtype: float64
    """
    require_groups(groups)
    if not groups:
        raise TivaxError("no groups to compute in turn")
    require_kind("compute", compute, Callable, "a function of groups")
    return join_groups({name: compute({name: groups[name]}) for name in groups})


def join_groups(results: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """Rows of each group from the result with this group alone."""
    parts = [rows_of(result, name) for name, result in results.items()]
    axis = _own_axis(parts[0])
    for partner in _SIDES & set(parts[0].dims) - {axis}:
        labels = dict.fromkeys(
            str(label)
            for name, part in zip(results, parts, strict=True)
            for label in part[partner].values
            if label != name
        )
        require_new_names(results, labels)
        order = [*labels, *results]
        parts = [part.reindex({partner: order}) for part in parts]
    return xr.concat(
        parts, axis, data_vars="all", join="exact", combine_attrs="override"
    )


def require_new_names(groups: Iterable[str], regions: Iterable[str]) -> None:
    """Raise ``TivaxError`` for a group with the code of a region."""
    if same := sorted(set(groups) & set(regions)):
        raise TivaxError(f"group {same[0]}: a region has that code; rename the group")


def rows_of(result: xr.Dataset, name: str) -> xr.Dataset:
    """Rows of the group itself from a result with one group."""
    return result.sel({_own_axis(result): [name]})


def _own_axis(result: xr.Dataset) -> str:
    """The axis of exporters (or importers)."""
    if "region" in result.dims:
        return "region"
    imports = "exporter" not in result.dims or result.attrs["method"] == "bm-importer"
    return "importer" if imports else "exporter"


def decomposed_each_group(
    tables: WorldTables,
    method: str,
    level: str = "bilateral-sector",
    *,
    detail: bool = False,
    by_origin: bool = False,
    groups: Groups,
    value_added: ValueAdded = "residual",
    progress: Progress = no_progress,
) -> Generator[xr.Dataset, None, None]:
    """``decomposed_years`` for each group in turn: its rows, by chunks of years.

    Mistakes are reported before the first group is computed.
    """
    require_new_names(groups, tables.regions)
    years = len(tables.years)
    runs = {}
    for k, (name, members) in enumerate(groups.items()):
        runs[name] = decomposed_years(
            tables,
            method,
            level,
            detail=detail,
            by_origin=by_origin,
            groups={name: members},
            value_added=value_added,
            progress=shift_progress(progress, k * years, len(groups) * years),
        )
    return (rows_of(part, name) for name, run in runs.items() for part in run)
