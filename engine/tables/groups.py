"""Groups of regions, built in or from a file, and the regions of a result.

A built-in group is restricted to the members that the tables have. One that is not
whole carries that in its name, ``RCEP (5 of 15)``, in every file and figure; what is
absent is printed and recorded. The groups of a file are taken literally: a code that
the tables do not have is an error.
"""

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..core import NotFound, TivaxError, read_toml, require_list, show
from .countries import country_group, country_groups, group_members, suggest_region
from .rules import require_labels
from .world_tables import WorldTables, require_tables


@dataclass(frozen=True)
class ChosenGroups:
    """Groups by their name in results, and the members that the tables lack.

    ``members`` is what ``decompose`` and the like take as ``groups``; ``absent`` has
    what built-in groups that are not whole lack; ``files`` were read.
    """

    members: dict[str, list[str]] = field(default_factory=dict)
    absent: dict[str, list[str]] = field(default_factory=dict)
    files: tuple[Path, ...] = ()

    @property
    def lines(self) -> list[str]:
        """A line for each group that is not whole, to be printed."""
        return [
            f"{name} ({self._count(name)}): the tables lack {' '.join(codes)}"
            for name, codes in self.absent.items()
        ]

    @property
    def record(self) -> dict[str, Any]:
        """For the manifest: members, absent ones and how many of all, by group."""
        return {
            name: {
                "members": members,
                "absent": self.absent.get(name, []),
                "count": self._count(name),
            }
            for name, members in self.members.items()
        }

    def _count(self, name: str) -> str:
        here = len(self.members[name])
        return f"{here} of {here + len(self.absent.get(name, []))}"


def choose_groups(
    text: str | None, regions: Sequence[str], *, each_group: bool = False
) -> ChosenGroups:
    """The groups of ``--groups``: names of built-in ones and files, comma separated.

    Without ``text`` there are none, which ``--each-group`` does not allow.

    Raises
    ------
    TivaxError
        An unknown group, with close matches; a group without a member among the
        regions; a group given twice; a file without groups.
    """
    if text is None and each_group:
        raise TivaxError("--each-group: name groups by --groups, such as EU27,RCEP")
    members: dict[str, list[str]] = {}
    absent: dict[str, list[str]] = {}
    read: list[Path] = []
    for part in filter(None, map(str.strip, (text or "").split(","))):
        if _is_file(part):
            path = Path(part)
            found = read_groups(path)
            read.append(path)
            for name, codes in found.items():
                for code in codes:
                    if code not in regions:
                        raise TivaxError(
                            f"{path}: group {name}: no region {code}: "
                            f"{suggest_region(code, regions)}"
                        )
        else:
            group = country_group(part)
            here = group_members(group.name, regions)
            if gone := [k for k in group.members if k not in regions]:
                absent[group.name] = gone
            found = {group.name: here}
        if twice := sorted(members.keys() & found.keys()):
            raise TivaxError(f"--groups {text}: group {twice[0]} is given twice")
        members.update(found)
    if text is not None and not members:
        raise TivaxError(f"--groups {text}: no group; `tivax list groups` lists them")
    return ChosenGroups(members, absent, tuple(read))


def _is_file(part: str) -> bool:
    """A built-in name is never taken for a file, whatever lies in this folder."""
    if part.upper() in country_groups():
        return False
    return part.lower().endswith(".toml") or os.sep in part or Path(part).is_file()


def read_groups(path: Path) -> dict[str, list[str]]:
    """Groups of regions from a TOML file, ``NAME = ["AAA", "BBB"]``.

    Raises ``TivaxError`` for any other content.
    """
    groups = read_toml(path)
    require_labels(groups, f"{path}: group")
    for name, members in groups.items():
        if not (
            isinstance(members, list)
            and members
            and all(isinstance(code, str) for code in members)
        ):
            raise TivaxError(
                f'{path}: group {name} must be a list of region codes, ["AUT", "BEL"]'
            )
    return groups


Groups = Mapping[str, Sequence[str]]
AnyGroups = str | Sequence[str] | Groups
"""Names of built-in groups, or the regions of each group by its name."""


def named_groups(groups: AnyGroups | None, regions: Sequence[str]) -> Groups:
    """The members of each group by its name; of built-in ones those that are regions.

    Raises ``TivaxError`` for an unknown built-in group, one without a member among the
    regions, and anything that is no list of regions under a name.
    """
    if groups is None:
        return {}
    names = [groups] if isinstance(groups, str) else groups
    if isinstance(names, list | tuple) and all(isinstance(k, str) for k in names):
        found = [country_group(name).name for name in names]
        return {name: group_members(name, regions) for name in found}
    if not isinstance(groups, Mapping):
        raise TivaxError(
            'groups: give names of built-in groups, such as ["EU27", "NAFTA"], or the '
            'regions of each, {"North": ["DEU", "FRA"]}'
        )
    for name, members in groups.items():
        if not isinstance(name, str) or not name.strip():
            raise TivaxError(f"groups: {show(name)} is no name; give a text such as EU")
        # What can be looked through once only would be empty the next time.
        if (
            isinstance(members, str)
            or not isinstance(members, Collection)
            or len(members) == 0
            or not all(isinstance(k, str) for k in members)
        ):
            raise TivaxError(f"group {name}: give a list of its regions")
    return groups


def perimeters(
    tables: WorldTables, *, drop: Sequence[str] = (), groups: AnyGroups | None = None
) -> dict[str, str]:
    """The regions of the tables that are kept, in order, each with its perimeter.

    That is the region itself, the parent of a split region, or the group of either.
    Raises ``TivaxError`` as :func:`region_names` does, and for a part: only its parent
    can be dropped or grouped.
    """
    require_list("drop", drop)
    whole, parents = whole_regions(tables), tables.parents
    groups = named_groups(groups, whole)
    for code in [*drop, *(m for members in groups.values() for m in members)]:
        if code in parents:
            raise TivaxError(
                f"{code} is a part of {parents[code]}; name {parents[code]}, which "
                "means all its parts"
            )
    name = region_names(whole, drop=drop, groups=groups)
    return {
        code: name[parent]
        for code in tables.regions
        if (parent := parents.get(code, code)) in name
    }


def whole_regions(tables: WorldTables) -> list[str]:
    """The regions of the tables without parts of split ones."""
    require_tables(tables)
    return [code for code in tables.regions if code not in tables.parents]


def region_names(
    codes: Sequence[str], *, drop: Sequence[str] = (), groups: AnyGroups | None = None
) -> dict[str, str]:
    """The regions that are kept, in order, each with the name it gets.

    Raises ``TivaxError`` for an unknown code or one in two groups, for a group without
    members, and where fewer than two regions are left.
    """
    require_list("drop", drop)
    groups = named_groups(groups, codes)
    for code in [*drop, *(m for members in groups.values() for m in members)]:
        if code not in codes:
            raise NotFound(f"no region {code}: {suggest_region(code, codes)}")
    name = {code: code for code in codes if code not in drop}
    group_of: dict[str, str] = {}
    for group, members in groups.items():
        if group in codes and group not in members:
            raise TivaxError(f"group {group}: a region has that code; rename the group")
        for member in members:
            if group_of.setdefault(member, group) != group:
                raise TivaxError(
                    f"region {member} is in {group_of[member]} and in {group}: "
                    "apart=True computes groups that overlap",
                    argument="apart",
                )
            if member in name:
                name[member] = group
    if (drop or groups) and len(set(name.values())) < 2:
        raise TivaxError("fewer than two regions are left: none has a partner")
    return name
