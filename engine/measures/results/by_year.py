"""A result whose table is computed while it is written, year after year."""

from abc import abstractmethod
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import xarray as xr

from ...core import NOT_KEPT, Keeper, Progress, no_progress
from ...reporting import Result
from ...tables import Groups, WorldTables
from ..accounts import Account, ValueAdded


@dataclass(kw_only=True, eq=False, repr=False)
class ByYear(Result):
    """A result whose numbers are known once its table is written.

    Attributes
    ----------
    world, accounts
        Tables and accounts; several are named in a first column, and have no figures.
    groups, one_by_one
        Groups of regions; each computed by itself.
    asked
        The regions of figures and the printed table, by default the largest.
    progress, keeper
        Called with years done; where processes of a job keep theirs.
    rows
        Rows of the table so far.
    """

    world: WorldTables
    accounts: Sequence[ValueAdded]
    groups: Groups = field(default_factory=dict)
    one_by_one: bool = False
    asked: Sequence[str] = ()
    progress: Progress = no_progress
    keeper: Keeper = NOT_KEPT
    rows: int = field(default=0, init=False)
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

    @property
    def account(self) -> str:  # type: ignore[override]
        """The satellite accounts, which words name in place of value added."""
        return " and ".join(Account(k).satellite_name for k in self.accounts)

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
            progress(before * total + done, len(accounts) * total)

        for part in compute(account, of_all, keeper.under(k)):
            yield account, part
