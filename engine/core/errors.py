"""The error for expected mistakes, the warning, and wrong values in messages."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date


class TivaxWarning(UserWarning):
    """A doubt: what looks wrong but may be right, such as the labels of a table.

    Examples
    --------
    >>> import warnings
    >>> warnings.simplefilter("error", tx.TivaxWarning)  # stop where labels look wrong
    """


class TivaxError(ValueError):
    """A mistake that the user can fix.

    The message is one line: it names the file, year or label and says what to
    do. The command line prints it and exits with 1; anything else is a bug. Text of a
    damaged file in it cannot break the line or the terminal.

    Examples
    --------
    >>> try:
    ...     tx.decompose(world, "wzw")
    ... except tx.TivaxError as error:
    ...     print(str(error).partition("?")[0])
    no method wzw: did you mean wwz or kww
    """

    def __init__(self, message: object) -> None:
        text = "".join(k if k.isprintable() else _shown(k) for k in str(message))
        text = _WORD.sub(lambda word: f"{word[0][:60]}...", text)
        super().__init__(text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ...")


def _shown(character: str) -> str:
    """Line breaks and blanks as a blank, unprintable characters as their code."""
    return " " if character.isspace() else ascii(character)[1:-1]


# Characters of a message; a list of all names fits.
_LONGEST = 2000
# A word that nobody wrote: of a damaged file, or a whole text in place of a name.
_WORD = re.compile(r"\S{400,}")


@contextmanager
def naming(file: object) -> Iterator[None]:
    """Begin every ``TivaxError`` of the block by the file that it is about."""
    try:
        yield
    except TivaxError as error:
        told = str(error)
        named = told if told.startswith(f"{file}: ") else f"{file}: {told}"
        raise TivaxError(named) from None


def walk_causes(error: BaseException) -> Iterator[BaseException]:
    """An error and the errors that caused or preceded it."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def show(value: object) -> str:
    """A wrong value for a message: one line, shortened."""
    if not isinstance(value, _PLAIN):
        return f"a {type(value).__name__}"
    text = " ".join(repr(value).split())
    return text if len(text) <= 40 else f"{text[:37]}..."


# Shown by value; of other kinds, such as arrays, the type says more.
_PLAIN = (str, bytes, int, float, complex, list, tuple, set, dict, date, type(None))
