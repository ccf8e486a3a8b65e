"""Many groups of regions at once, also overlapping ones: each in a run of its own.

Groups that share no region can stand in the table together: ``groups`` of
``decompose`` and the others makes each of them one region, and what one group sells to
another is trade. EU27, RCEP and APEC overlap. Here each group in turn is one region
and every other region is alone, and of each run the rows of the group are kept.
Partners are thus single regions outside the group, never other groups.
"""

from collections.abc import Callable, Generator, Iterable

import xarray as xr

from ..core import Progress, TivaxError, no_progress, require_kind, shift_progress
from ..tables import Groups, WorldTables, require_groups
from .decompositions import decomposed_years
from .trade import ValueAdded

_SIDES = {"exporter", "importer", "partner"}


def each_group(compute: Callable[[Groups], xr.Dataset], groups: Groups) -> xr.Dataset:
    """Rows of each group from a run with this group alone, put together.

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
        itself; NaN where a partner belongs to the group or is another group. What a
        run has by year alone (residual, identity) is by group, too.

    Raises
    ------
    TivaxError
        Where there is no group; whatever ``compute`` raises.
    """
    require_groups(groups)
    if not groups:
        raise TivaxError("no groups to compute in turn")
    require_kind("compute", compute, Callable, "a function of groups")
    parts = [rows_of(compute({name: groups[name]}), name) for name in groups]
    axis = _own_axis(parts[0])
    for partner in _SIDES & set(parts[0].dims) - {axis}:
        labels = dict.fromkeys(
            str(label)
            for name, part in zip(groups, parts, strict=True)
            for label in part[partner].values
            if label != name
        )
        require_new_names(groups, labels)
        order = [*labels, *groups]
        parts = [part.reindex({partner: order}) for part in parts]
    return xr.concat(
        parts, axis, data_vars="all", join="exact", combine_attrs="override"
    )


def require_new_names(groups: Groups, regions: Iterable[str]) -> None:
    """Raise ``TivaxError`` for a group called as a region, which would mean two."""
    if same := sorted(groups.keys() & set(regions)):
        raise TivaxError(f"group {same[0]}: a region has that code; rename the group")


def rows_of(result: xr.Dataset, name: str) -> xr.Dataset:
    """Of a result with one group, what belongs to the group itself."""
    return result.sel({_own_axis(result): [name]})


def _own_axis(result: xr.Dataset) -> str:
    """Whose exports (or imports) they are."""
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
    """``decomposed_years`` for each group in turn: its rows, a run of years at a time.

    Mistakes are told before the first group is computed.
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
