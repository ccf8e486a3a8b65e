"""Regions of a result: groups, regions left out, split regions and their parents."""

from collections.abc import Iterable, Mapping, Sequence

from ..core import TivaxError, nearest, require_list
from .world_tables import WorldTables, require_tables

Groups = Mapping[str, Sequence[str]]


def require_groups(groups: Groups | None) -> None:
    """``TivaxError`` for what is not a mapping of names to lists of regions."""
    if groups is not None and not isinstance(groups, Mapping):
        raise TivaxError(
            "groups: give a mapping of names to regions, such as "
            '{"EU27": tx.group_members("EU27", tables.regions)}'
        )
    for name, members in (groups or {}).items():
        if (
            isinstance(members, str)
            or not isinstance(members, Iterable)
            or not list(members)
        ):
            raise TivaxError(f"group {name}: give a list of its regions")


def perimeters(
    tables: WorldTables, *, drop: Sequence[str] = (), groups: Groups | None = None
) -> dict[str, str]:
    """The regions of the tables that are kept, in order, each with its perimeter.

    That is the region itself, the parent of a split region, or the group of either.
    Raises ``TivaxError`` as :func:`region_names` does, and for a part: only its parent
    can be dropped or grouped.
    """
    require_tables(tables)
    require_list("drop", drop)
    require_groups(groups)
    parents = tables.parents
    for code in [*drop, *(m for members in (groups or {}).values() for m in members)]:
        if code in parents:
            raise TivaxError(
                f"{code} is a part of {parents[code]}; name {parents[code]}, which "
                "means all its parts"
            )
    whole = [code for code in tables.regions if code not in parents]
    name = region_names(whole, drop=drop, groups=groups)
    return {
        code: name[parent]
        for code in tables.regions
        if (parent := parents.get(code, code)) in name
    }


def region_names(
    codes: Sequence[str], *, drop: Sequence[str] = (), groups: Groups | None = None
) -> dict[str, str]:
    """The regions that are kept, in order, each with the name it gets.

    Raises ``TivaxError`` for a code that is not there or that stands in two groups, for
    a group without members, and where fewer than two regions are left.
    """
    require_list("drop", drop)
    require_groups(groups)
    groups = groups or {}
    for code in [*drop, *(m for members in groups.values() for m in members)]:
        if code not in codes:
            raise TivaxError(f"no region {code}: {nearest(code, codes)}")
    name = {code: code for code in codes if code not in drop}
    group_of: dict[str, str] = {}
    for group, members in groups.items():
        if group in codes and group not in members:
            raise TivaxError(f"group {group}: a region has that code; rename the group")
        for member in members:
            if group_of.setdefault(member, group) != group:
                raise TivaxError(
                    f"region {member} is in {group_of[member]} and in {group}: "
                    "--each-group (each_group) computes groups that overlap"
                )
            if member in name:
                name[member] = group
    if (drop or groups) and len(set(name.values())) < 2:
        raise TivaxError("fewer than two regions are left: none has a partner")
    return name
