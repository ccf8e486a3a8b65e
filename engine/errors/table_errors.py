"""Errors of the cells of a table, as a user states them: a class a kind.

``engine.errors.models`` says what they mean; ``kinds`` has the arrays of each.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

from ..core import TivaxError, require_choice, require_kind, show

Kind = Literal["rounding", "shares", "lognormal", "given", "rebuilt"]
Shared = Literal["none", "country", "year", "product"]
OverYears = Literal["independent", "shared"]
Margin = Literal["row", "column"]


@dataclass(frozen=True)
class TableError:
    """One source of errors of the cells of a table: :class:`Rounding`,
    :class:`Shares`, :class:`Lognormal`, :class:`Given` or :class:`Rebuilt`."""

    kind: ClassVar[Kind]

    @property
    def record(self) -> dict[str, Any]:
        """Kind and parameters, for manifests."""
        shown = {tuple: list, Path: str}
        return {"kind": self.kind} | {
            name: shown.get(type(value), lambda k: k)(value)
            for name, value in vars(self).items()
        }


@dataclass(frozen=True, kw_only=True)
class InYears(TableError):
    """Errors whose sums may be known, and that years may share.

    Attributes
    ----------
    margins
        Sums that are known: of each ``row``, of each ``column``, both or neither.
        Errors are balanced to them.
    over_years
        Errors of a year are ``independent`` of those of others, or ``shared``. It does
        not change the standard error of a year's measure.
    """

    margins: Sequence[Margin] = ()
    over_years: OverYears = "independent"

    def __post_init__(self) -> None:
        require_choice("over_years", self.over_years, get_args(OverYears))
        margins = self.margins
        if isinstance(margins, str) or not isinstance(margins, Iterable):
            raise TivaxError(
                f'margins: give a list, ["row", "column"], not {show(margins)}'
            )
        for name in margins:
            require_choice("margin", name, get_args(Margin))
        held = tuple(k for k in get_args(Margin) if k in set(margins))
        object.__setattr__(self, "margins", held)


@dataclass(frozen=True)
class Rounding(InYears):
    """Cells rounded to whole units, or filled below half of one.

    Parameters
    ----------
    margins, over_years
        Sums that are known (``row``, ``column``), and whether years share their errors
        (``independent`` or ``shared``).

    Examples
    --------
    >>> tx.table_errors.Rounding(margins=["row"]).margins
    ('row',)
    """

    kind = "rounding"


@dataclass(frozen=True)
class Shares(InYears):
    """Partners of each user, which are not known.

    Parameters
    ----------
    concentration
        A partner's share p has the variance p (1 - p) / (concentration + 1) before
        totals are held.
    margins, over_years
        As in :class:`Rounding`.

    Raises
    ------
    TivaxError
        A parameter that is wrong.

    Examples
    --------
    >>> tx.table_errors.Shares(50).concentration
    50.0
    """

    kind = "shares"
    concentration: float

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_number(self, "concentration")


@dataclass(frozen=True)
class Lognormal(InYears):
    """A relative standard deviation a z^-b of each cell z.

    Parameters
    ----------
    a, b
        The deviation of a cell of 1, and how it falls with size.
    shared
        Whether cells err together: ``none``; those that a ``country`` sells; those of a
        ``product``, whoever sells it; all of a ``year``.
    margins, over_years
        As in :class:`Rounding`.

    Raises
    ------
    TivaxError
        A parameter that is wrong.

    Examples
    --------
    >>> tx.table_errors.Lognormal(a=0.5, b=0.1, margins=["row"]).shared
    'none'
    """

    kind = "lognormal"
    a: float
    b: float = 0.0
    shared: Shared = "none"

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_number(self, "a")
        _require_number(self, "b")
        require_choice("shared", self.shared, get_args(Shared))


@dataclass(frozen=True)
class Given(InYears):
    """Standard deviations of cells that somebody publishes.

    Parameters
    ----------
    file
        A .npz file of standard deviations.
    shared
        As in :class:`Lognormal`.
    margins, over_years
        As in :class:`Rounding`.

    Raises
    ------
    TivaxError
        A parameter that is wrong.

    Examples
    --------
    >>> tx.table_errors.Given("deviations.npz").shared
    'none'
    """

    kind = "given"
    file: Path
    shared: Shared = "none"

    def __post_init__(self) -> None:
        super().__post_init__()
        require_kind("file", self.file, str | Path, "a .npz of standard deviations")
        object.__setattr__(self, "file", Path(self.file))
        require_choice("shared", self.shared, get_args(Shared))


@dataclass(frozen=True)
class Rebuilt(TableError):
    """Errors of tables that were rebuilt, which have margins and years of their own.

    Examples
    --------
    >>> tx.table_errors.Rebuilt().kind
    'rebuilt'
    """

    kind = "rebuilt"


TABLE_ERRORS = {k.kind: k for k in (Rounding, Shares, Lognormal, Given, Rebuilt)}
"""By the ``kind`` of a section [[error]]."""


def _require_number(error: TableError, name: str) -> None:
    value = getattr(error, name)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= value < float("inf"):
        message = f"{name}: give a number from 0, not {show(value)}"
        raise TivaxError(message, argument=name)
    object.__setattr__(error, name, float(value))
