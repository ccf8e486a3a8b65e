"""The subject of a command of measures: tables, groups of regions, accounts."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from ...core import Run, TivaxError, is_first
from ...measures import (
    ValueAdded,
    perimeters_of,
    value_added_messages,
    value_added_metadata,
)
from ...sources import label_table
from ...tables import (
    ChosenGroups,
    NetInventories,
    WorldTables,
    choose_groups,
    suggest_region,
)
from ..bundles import Accounts, Grouping, OutputOptions, Tables
from ..inputs import split_codes
from ..terminal import Terminal
from ..together import shared_years
from ..write import require_place


@dataclass(frozen=True, eq=False)
class Subject:
    """The tables of a store, groups in them, and what is traced."""

    store: Path
    net: NetInventories
    groups: ChosenGroups
    each_group: bool
    given: Accounts

    @classmethod
    def read(
        cls, at: Tables, grouping: Grouping, accounts: Accounts, terminal: Terminal
    ) -> "Subject":
        net, each = at.open(terminal), grouping.each_group
        chosen = choose_groups(grouping.groups, net.tables.regions, each_group=each)
        return cls(at.store, net, chosen, each, accounts)

    @property
    def tables(self) -> WorldTables:
        return self.net.tables

    @cached_property
    def accounts(self) -> list[ValueAdded]:
        """Read when they are used."""
        return self.given.read()

    def begin(
        self, command: str, output: OutputOptions, files: Sequence[Path] = ()
    ) -> Run:
        """The run; ``TivaxError`` in the first process for a format that is none, and
        where its place is taken."""
        run = Run(command, [self.store, *self.groups.files, *self.given.files, *files])
        if is_first():
            require_place(output, run)
            run.describe_ahead()
        return run

    def regions(
        self, text: str, *, drop: Sequence[str] = (), option: str = "--regions"
    ) -> list[str]:
        """The regions and groups that an option names, which results must have."""
        known = list(self.groups.members)
        if not self.each_group:
            known = list(perimeters_of(self.tables, self.groups.members).names)
        known, asked = [k for k in known if k not in drop], split_codes(text)
        for code in asked:
            if code not in known:
                near = suggest_region(code, known)
                raise TivaxError(f"{option}: no region {code}: {near}")
        return asked

    def shared_years(
        self, output: OutputOptions, run: Run, terminal: Terminal, **options: Any
    ) -> AbstractContextManager[None]:
        """Divide the years of the block among the processes of the job; ``options`` as
        in ``together.shared_years``."""
        return shared_years(
            output.out,
            run,
            self.tables.years,
            terminal,
            force=output.force,
            **options,
            groups=self.groups.members,
            each_group=self.each_group,
            net_inventories=self.net.record,
        )

    @property
    def fields(self) -> dict[str, Any]:
        """Fields of a result ``ByYear``."""
        return {
            "world": self.tables,
            "accounts": self.accounts,
            "groups": self.groups.members,
            "one_by_one": self.each_group,
        }

    @property
    def codes(self) -> pd.DataFrame:
        """The titles of all codes."""
        return label_table(self.tables, self.groups.members)

    @property
    def notes(self) -> list[str]:
        """Notes on the tables that a reader needs."""
        about = value_added_messages(self.tables, self.accounts)
        return [*self.net.lines, *self.groups.lines, *about]

    @property
    def facts(self) -> dict[str, Any]:
        """For the manifest."""
        return {
            **value_added_metadata(self.tables, self.accounts),
            "groups": self.groups.record,
            "net_inventories": self.net.record,
        }
