"""A result by year: computed while it is written, or held in memory."""

from abc import abstractmethod
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, ClassVar, Self

import xarray as xr

from ...core import (
    NOT_KEPT,
    Keeper,
    Phrase,
    Progress,
    TivaxError,
    in_float64,
    no_progress,
    report,
)
from ...reporting import LongPart, with_intervals
from ...tables import Groups, WorldTables
from ..accounts import Account, ValueAdded
from ..group_runs import join_groups
from .measure import MeasureResult


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ByYear(MeasureResult):
    """A result whose numbers are known once its table is written, or that is held.

    Attributes
    ----------
    world, accounts
        Tables and accounts; several are named in a first column, and have no figures.
    groups, one_by_one
        Groups of regions; each computed by itself.
    asked
        The regions of figures and the printed table, by default the largest.
    memory
        In bytes. A year that needs more is solved while it is read.
    progress, keeper
        Called with years done; where processes of a job keep theirs.
    held
        What ``years`` yields, once it is in memory (``hold``).
    """

    world: WorldTables
    accounts: Sequence[ValueAdded]
    groups: Groups = field(default_factory=dict)
    one_by_one: bool = False
    asked: Sequence[str] = ()
    memory: int | None = None
    progress: Progress = no_progress
    keeper: Keeper = NOT_KEPT
    held: Sequence[Any] | None = None
    _rows: list[int] = field(default_factory=list, init=False)
    _residuals: list[float] = field(default_factory=list, init=False)
    _gaps: list[float] = field(default_factory=list, init=False)

    printed = True
    doing: ClassVar[str]
    """Unit of progress."""

    @property
    @abstractmethod
    def options(self) -> dict[str, Any]:
        """Settings that the years depend on besides tables, accounts and groups."""

    @abstractmethod
    def compute(self) -> Iterator[Any]:
        """The years of all accounts; processes of a job divide them."""

    @abstractmethod
    def years(self) -> Iterator[Any]:
        """Each year with its errors, computed or held."""

    @abstractmethod
    def _parts(self) -> Iterator[LongPart]:
        """The rows of the table; what the report tells is known once they are read."""

    @abstractmethod
    def _datasets(self) -> Iterator[tuple[str, xr.Dataset, xr.Dataset | None]]:
        """Values and errors of each year held, with the group computed by itself."""

    @in_float64
    def hold(self) -> Self:
        """The same with all years in memory."""
        found = replace(self, held=[*self.years()], progress=no_progress)
        for _ in found._parts():
            pass
        return found

    @property
    def data(self) -> xr.Dataset:
        return self._data

    @cached_property
    def _data(self) -> xr.Dataset:
        if self.held is None:
            raise TivaxError(f"{self.program}: computed while it is written; hold it")
        runs: dict[str, list[xr.Dataset]] = {}
        for group, values, se in self._datasets():
            whole = values if se is None else with_intervals(values, se)
            runs.setdefault(group, []).append(whole)
        each = {
            group: xr.concat(years, "year", combine_attrs="override")
            for group, years in runs.items()
        }
        return join_groups(each) if self.one_by_one else each[""]

    def _begin(self) -> None:
        """Forget what was read before."""
        for kept in fields(self):
            if not kept.init:
                getattr(self, kept.name).clear()

    @property
    def rows(self) -> int:
        """Rows of the table so far."""
        return sum(self._rows)

    @property
    def account(self) -> str:  # type: ignore[override]
        """The satellite accounts, which words name in place of value added."""
        names = (Account(k).satellite_name for k in self.accounts)
        return Phrase.listed(names, " and ")

    @property
    def alone(self) -> bool:
        """True if there is one account."""
        return len(self.accounts) == 1

    def named(self, part: xr.Dataset, account: ValueAdded) -> xr.Dataset:
        """A part with the name of its account, where there are several."""
        if self.alone:
            return part
        return part.expand_dims(account=[Account(account).name])


def one_after_the_other(
    compute: Callable[[ValueAdded, Progress, Keeper], Iterable[Any]],
    accounts: Sequence[ValueAdded],
    progress: Progress,
    keeper: Keeper,
) -> Generator[tuple[ValueAdded, Any], None, None]:
    """The parts that ``compute`` yields for each account, with one progress."""
    for k, account in enumerate(accounts):

        def of_all(done: int, total: int, before: int = k) -> None:
            report(progress, before * total + done, len(accounts) * total)

        for part in compute(account, of_all, keeper.under(k)):
            yield account, part
