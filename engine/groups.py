"""The groups of regions that a command is asked for: ``--groups EU27,own.toml``.

A built-in group is restricted to the members that the tables have; what is absent is
said and recorded. The groups of a file are taken literally: a code that the tables do
not have is a mistake, told where they are used.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tivax.engine.countries import country_group, country_groups, group_members
from tivax.engine.errors import TivaxError
from tivax.engine.results import read_groups


@dataclass(frozen=True)
class ChosenGroups:
    """Groups by name, and what of the built-in ones the tables lack.

    ``members`` is what ``decompose`` and the like take as ``groups``; ``absent`` has
    the built-in groups that are not whole; ``files`` were read.
    """

    members: dict[str, list[str]] = field(default_factory=dict)
    absent: dict[str, list[str]] = field(default_factory=dict)
    files: tuple[Path, ...] = ()

    @property
    def lines(self) -> list[str]:
        """A line for each group that is not whole, to be printed."""
        return [
            f"{name}: {len(self.members[name])} of "
            f"{len(self.members[name]) + len(codes)} members; the tables lack "
            f"{' '.join(codes)}"
            for name, codes in self.absent.items()
        ]

    @property
    def record(self) -> dict[str, Any]:
        """For the manifest: members and absent ones by group."""
        return {
            name: {"members": members, "absent": self.absent.get(name, [])}
            for name, members in self.members.items()
        }


def choose_groups(
    text: str | None, regions: Sequence[str], *, each_group: bool = False
) -> ChosenGroups:
    """The groups of ``--groups``: names of built-in ones and files, comma separated.

    Without ``text`` there are none, which ``--each-group`` does not allow.

    Raises
    ------
    TivaxError
        A group that there is not, with the nearest names; a group of which the regions
        have no member; a group given twice; a file that holds no groups.
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
        else:
            group = country_group(part)
            found = {group.name: group_members(group.name, regions)}
            if gone := [k for k in group.members if k not in regions]:
                absent[group.name] = gone
        if twice := sorted(members.keys() & found.keys()):
            raise TivaxError(f"--groups {text}: group {twice[0]} is given twice")
        members.update(found)
    if text is not None and not members:
        raise TivaxError(f"--groups {text}: no group; `tivax groups` lists them")
    return ChosenGroups(members, absent, tuple(read))


def _is_file(part: str) -> bool:
    """A built-in name is never taken for a file, whatever lies in this folder."""
    if part.upper() in country_groups():
        return False
    return part.lower().endswith(".toml") or os.sep in part or Path(part).is_file()
