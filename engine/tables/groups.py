"""The groups of regions that a command is asked for: ``--groups EU27,own.toml``.

A built-in group is restricted to the members that the tables have. One that is not
whole carries that in its name, ``RCEP (5 of 15)``, in every file and figure; what is
absent is said and recorded. The groups of a file are taken literally: a code that the
tables do not have is a mistake, told where they are used.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..core import TivaxError, parse_toml
from .codes import require_labels
from .countries import country_group, country_groups, group_members


@dataclass(frozen=True)
class ChosenGroups:
    """Groups by the name they have in results, and what the tables lack of them.

    ``members`` is what ``decompose`` and the like take as ``groups``; ``absent`` has
    the built-in groups that are not whole, by their own name, and ``labels`` the names
    of these in results; ``files`` were read.
    """

    members: dict[str, list[str]] = field(default_factory=dict)
    absent: dict[str, list[str]] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    files: tuple[Path, ...] = ()

    @property
    def lines(self) -> list[str]:
        """A line for each group that is not whole, to be printed."""
        return [
            f"{self.labels[name]}: the tables lack {' '.join(codes)}"
            for name, codes in self.absent.items()
        ]

    @property
    def record(self) -> dict[str, Any]:
        """For the manifest: name in results, members and absent ones by group."""
        own = {label: name for name, label in self.labels.items()}
        return {
            own.get(label, label): {
                "label": label,
                "members": members,
                "absent": self.absent.get(own.get(label, label), []),
            }
            for label, members in self.members.items()
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
    labels: dict[str, str] = {}
    read: list[Path] = []
    for part in filter(None, map(str.strip, (text or "").split(","))):
        if _is_file(part):
            path = Path(part)
            found = read_groups(path)
            read.append(path)
        else:
            group = country_group(part)
            here = group_members(group.name, regions)
            label = group.name
            if gone := [k for k in group.members if k not in regions]:
                label = f"{group.name} ({len(here)} of {len(group.members)})"
                absent[group.name], labels[group.name] = gone, label
            found = {label: here}
        if twice := sorted(members.keys() & found.keys()):
            raise TivaxError(f"--groups {text}: group {twice[0]} is given twice")
        members.update(found)
    if text is not None and not members:
        raise TivaxError(f"--groups {text}: no group; `tivax groups` lists them")
    return ChosenGroups(members, absent, labels, tuple(read))


def _is_file(part: str) -> bool:
    """A built-in name is never taken for a file, whatever lies in this folder."""
    if part.upper() in country_groups():
        return False
    return part.lower().endswith(".toml") or os.sep in part or Path(part).is_file()


def read_groups(path: Path) -> dict[str, list[str]]:
    """Groups of regions from a TOML file, ``NAME = ["AAA", "BBB"]``.

    Raises ``TivaxError`` for a file that is not that.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise TivaxError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise TivaxError(f"{path}: {error}") from None
    groups = parse_toml(text, path)
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
