"""The subject of a command of measures: tables, groups of regions, accounts."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import jax
import pandas as pd

from ...core import NOT_KEPT, Job, Keeper, Run, is_first, naming, sha256, unfinished
from ...measures import Account, ValueAdded, perimeters_of
from ...sources import label_table
from ...tables import (
    ChosenGroups,
    NetInventories,
    WorldTables,
    choose_groups,
    find_region,
)
from ..bundles import Accounts, Grouping, OutputOptions, Tables
from ..inputs import split_codes
from ..terminal import Terminal
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
        known = [k for k in known if k not in drop]
        with naming(option):
            return [*dict.fromkeys(find_region(k, known) for k in split_codes(text))]

    @contextmanager
    def shared_years(
        self, output: OutputOptions, run: Run, terminal: Terminal, **options: Any
    ) -> Iterator[Keeper]:
        """Divide the years of the block among the processes of the job.

        Each keeps its years beside the results until these are there, so that a job
        that was stopped goes on, with all processes or one. ``options``: what years
        depend on besides the inputs of the run.
        """
        if jax.process_count() == 1 and not unfinished(output.out).exists():
            yield NOT_KEPT
            return
        identity = {
            "inputs": [sha256(path) for path in run.inputs if is_first()],
            "years": [*self.tables.years],
            **options,
            "groups": self.groups.members,
            "each_group": self.each_group,
            "net_inventories": self.net.record,
        }
        job = Job(output.out, run.command, identity, unit="parts of the years")
        with job.resumed(terminal.print, force=output.force):
            yield job.keeper

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
        each = [Account(k).messages(self.tables) for k in self.accounts]
        return [*self.net.lines, *self.groups.lines, *chain(*each)]

    @property
    def facts(self) -> dict[str, Any]:
        """For the manifest."""
        each = [Account(k).metadata(self.tables) for k in self.accounts]
        return {
            **(each[0] if len(each) == 1 else {"accounts": each}),
            "groups": self.groups.record,
            "net_inventories": self.net.record,
        }
