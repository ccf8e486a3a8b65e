"""The error for expected mistakes, the warning, and wrong values in messages."""

import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, Self


class TivaxWarning(UserWarning):
    """A doubt: what looks wrong but may be right, such as the labels of a table.

    Examples
    --------
    >>> import warnings
    >>> warnings.simplefilter("error", tx.TivaxWarning)  # stop where labels look wrong
    """


def warn(text: str) -> None:
    """A ``TivaxWarning`` at the line that called tivax."""
    frame, level = sys._getframe(1), 2
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("tivax."):
        frame, level = frame.f_back, level + 1
    warnings.warn(text, TivaxWarning, stacklevel=level)


DOUBTS: list[str] = []
"""What a command doubted so far, once each, for the first lines of its result."""


@contextmanager
def telling_doubts() -> Iterator[None]:
    """Within the block a ``TivaxWarning`` is a line on stderr, kept in ``DOUBTS``."""
    DOUBTS.clear()

    def show(message: Any, kind: type[Warning], *place: Any, **more: Any) -> None:
        if not issubclass(kind, TivaxWarning):
            usual(message, kind, *place, **more)
        elif str(message) not in DOUBTS:
            DOUBTS.append(str(message))
            print(f"tivax: {message}", file=sys.stderr)

    with warnings.catch_warnings():
        usual, warnings.showwarning = warnings.showwarning, show
        yield


class TivaxError(ValueError):
    """A mistake that the user can fix.

    The message is one line: it names the file, year or label and says what to
    do. The command line prints it and exits with 1; anything else is a bug. Text of a
    damaged file in it cannot break the line or the terminal.

    Attributes
    ----------
    argument
        The argument of Python that the message is about or that helps, where it is one.
        The message calls it by this name; a command has an option in its place, a TOML
        file a key.

    Examples
    --------
    >>> try:
    ...     tx.decompose(world, "wzw")
    ... except tx.TivaxError as error:
    ...     print(str(error).partition("?")[0])
    no method wzw: did you mean wwz or kww
    """

    def __init__(self, message: object, *, argument: str = "") -> None:
        self.argument = argument
        text = "".join(k if k.isprintable() else _shown(k) for k in str(message))
        text = _WORD.sub(lambda word: f"{word[0][:60]}...", text)
        text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."
        super().__init__(message if text == message else text)  # a Phrase stays one

    def within(self, place: object) -> Self:
        """The same mistake, its message begun by the file or model it is in."""
        if str(self).startswith(f"{place}: "):
            return self
        return type(self)(f"{place}: {self}", argument=self.argument)


class NotFound(TivaxError):
    """A file, folder, year or label that was named does not exist.

    Examples
    --------
    >>> try:
    ...     tx.open_store("stroe")
    ... except tx.exceptions.NotFound as error:
    ...     print(error)
    stroe: no such store; make one with `tivax import`
    """


class Damaged(TivaxError):
    """A file is damaged, cut or changed since tivax wrote it.

    Examples
    --------
    >>> issubclass(tx.exceptions.Damaged, tx.TivaxError)
    True
    """


class Unfinished(TivaxError):
    """An unfinished run lies where another is to begin, or is at work there.

    Examples
    --------
    >>> issubclass(tx.exceptions.Unfinished, tx.TivaxError)
    True
    """


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
        raise error.within(file) from None


def walk_causes(error: BaseException) -> Iterator[BaseException]:
    """An error and the errors that caused or preceded it."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def require_regular(path: Path) -> None:
    """Raise ``TivaxError`` for a pipe, a socket or a device, which has no end."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise TivaxError(f"{path}: a pipe, a socket or a device; name a file or folder")


def show(value: object) -> str:
    """A wrong value for a message: one line, shortened."""
    if not isinstance(value, _PLAIN):
        return f"a {type(value).__name__}"
    text = " ".join(repr(value).split())
    return text if len(text) <= 40 else f"{text[:37]}..."


# Shown by value; of other kinds, such as arrays, the type says more.
_PLAIN = (str, bytes, int, float, complex, list, tuple, set, dict, date, type(None))
