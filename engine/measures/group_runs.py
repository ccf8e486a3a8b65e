"""Many groups of regions, also overlapping ones, each computed by itself.

Groups that share no region can be computed together: ``groups`` of ``decompose`` and
the others makes each of them one region, and sales of one group to another are trade.
EU27, RCEP and APEC overlap. Here each group in turn is one region and all other regions
are single, and the rows of the group are kept. Partners are thus single regions outside
the group, never other groups.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import xarray as xr

from ..core import TivaxError, require_kind
from ..tables import AnyGroups, Groups, named_groups

_SIDES = {"exporter", "importer", "partner"}


def in_groups(
    compute: Callable[[Groups], xr.Dataset],
    groups: AnyGroups | None,
    regions: Sequence[str],
    *,
    apart: bool,
) -> xr.Dataset:
    """``compute`` of the groups together, or ``apart``: rows of each group alone.

    Apart, the groups are along region, exporter, or, where imports are decomposed,
    importer. Partners are the regions, and each group itself; NaN if a partner belongs
    to the group or is another group. Variables by year alone (residual, identity) are
    by group, too. Raises ``TivaxError`` if there is no group.
    """
    named = groups_in_turn(groups, regions, apart=apart)
    if not apart:
        return compute(named)
    return join_groups({name: compute({name: named[name]}) for name in named})


def groups_in_turn(
    groups: AnyGroups | None, regions: Sequence[str], *, apart: bool
) -> Groups:
    """The members of each group; ``TivaxError`` where none is computed ``apart``, or
    one has the code of a region."""
    require_kind("apart", apart, bool, "True or False")
    named = named_groups(groups, regions)
    if apart and not named:
        raise TivaxError("apart: name groups, which are computed in turn")
    if apart:
        require_new_names(named, regions)
    return named


def join_groups(results: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """Rows of each group from the result with this group alone."""
    parts = [rows_of(result, name) for name, result in results.items()]
    axis = own_axis(parts[0])
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
    return result.sel({own_axis(result): [name]})


def own_axis(result: xr.Dataset) -> str:
    """The axis of exporters (or importers)."""
    if "region" in result.dims:
        return "region"
    imports = "exporter" not in result.dims or result.attrs["method"] == "bm-importer"
    return "importer" if imports else "exporter"
