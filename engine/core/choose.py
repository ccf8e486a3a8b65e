"""Messages about unknown names: close matches, or the names to choose from."""

from collections.abc import Iterable
from difflib import get_close_matches

from .errors import TivaxError, show

# A longer list of names does not help in one line.
_MANY = 20


def choose_from(known: Iterable[object]) -> str:
    """The end of a message about a wrong value: all names there are."""
    return f"choose from {', '.join(map(str, known))}"


def suggest(name: str, known: Iterable[object]) -> str:
    """The end of a message about an unknown name: close matches, or all names."""
    names = [str(k) for k in known]
    near = close_names(str(name), names)
    if not near:
        return choose_from(names)
    hint = f"did you mean {' or '.join(near)}?"
    return hint if len(names) > _MANY else f"{hint} There are {', '.join(names)}"


def close_names(name: str, names: list[str]) -> list[str]:
    """The name that differs in capital letters alone, else up to three: first those
    that begin with it, then those like it."""
    same = [k for k in names if k.casefold() == name.casefold()]
    begin = [k for k in names if k.startswith(name)] if len(name) > 1 else []
    near = [*begin, *get_close_matches(name, names, n=3, cutoff=0.4)]
    return same[:1] or list(dict.fromkeys(near))[:3]


def require_choice(argument: str, value: object, known: Iterable[str]) -> None:
    """Raise ``TivaxError`` unless the value is one of these words."""
    if not isinstance(value, str) or value not in known:
        shown, name = (value, value) if isinstance(value, str) else (show(value), "")
        message = f"no {argument} {shown}: {suggest(name, known)}"
        raise TivaxError(message, argument=argument)
