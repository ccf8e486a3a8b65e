"""The one error class for expected mistakes, and how unknown names are told."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches


class TivaxError(ValueError):
    """A mistake that a user can mend.

    The message is one line: it names the file, year or label and says what to
    do. The command line prints it and exits with 1; anything else is a bug.
    """


def causes(error: BaseException) -> Iterator[BaseException]:
    """An error, and those that it came from or after."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a message about a name there is not: those like it, or all."""
    names = [str(k) for k in known]
    near = get_close_matches(name, names, n=3, cutoff=0.4)
    every = ", ".join(names)
    if not near:
        return f"choose from {every}"
    hint = f"did you mean {' or '.join(near)}?"
    return hint if len(names) > _MANY else f"{hint} There are {every}"


# A longer list of names does not help in one line.
_MANY = 20
