"""The error class for expected mistakes, the warning, how unknown names are told."""

from collections.abc import Iterator
from datetime import date


class TivaxWarning(UserWarning):
    """Something that looks wrong and may be right: labels of a table in doubt."""


class TivaxError(ValueError):
    """A mistake that a user can mend.

    The message is one line: it names the file, year or label and says what to
    do. The command line prints it and exits with 1; anything else is a bug. What a
    damaged file put into it cannot break the line or the terminal.
    """

    def __init__(self, message: object) -> None:
        text = "".join(k if k.isprintable() else _shown(k) for k in str(message))
        super().__init__(text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ...")


def _shown(character: str) -> str:
    """Line breaks and blanks of any kind as a blank, what has no shape as its code."""
    return " " if character.isspace() else ascii(character)[1:-1]


# Letters of a message; a list of all names fits.
_LONGEST = 2000


def walk_causes(error: BaseException) -> Iterator[BaseException]:
    """An error, and those that it came from or after."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def show(value: object) -> str:
    """A value that is wrong, in a message: one line, cut where it is long."""
    if not isinstance(value, _PLAIN):
        return f"a {type(value).__name__}"
    text = " ".join(repr(value).split())
    return text if len(text) <= 40 else f"{text[:37]}..."


# What can be told in a line; of a table of numbers its kind says more.
_PLAIN = (str, bytes, int, float, complex, list, tuple, set, dict, date, type(None))
