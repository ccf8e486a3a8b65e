"""Checks of arguments of public functions: one line that names the wrong argument.

They check the type of a value; a function itself checks what else it must satisfy.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from .errors import TivaxError, show
from .limits import require_regular


def require_kind(argument: str, value: object, kind: Any, wanted: str) -> None:
    """Raise ``TivaxError`` unless the value has this type; ``wanted`` describes it."""
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise _wrong(argument, wanted, value)


def _wrong(argument: str, wanted: str, value: object) -> TivaxError:
    message = f"{argument}: give {wanted}, not {show(value)}"
    return TivaxError(message, argument=argument)


def require_list(argument: str, values: object) -> None:
    """Raise ``TivaxError`` unless these are texts in a list.

    A single text would be read letter by letter.
    """
    if isinstance(values, str):
        raise TivaxError(
            f"{argument}={values!r}: give a list, [{values!r}]", argument=argument
        )
    if not isinstance(values, Iterable) or not all(isinstance(k, str) for k in values):
        raise _wrong(argument, "a list of labels", values)


def require_whole(argument: str, value: object, least: int) -> None:
    """Raise ``TivaxError`` unless the value is a whole number of 64 bits, ``least`` or
    more."""
    if isinstance(value, bool) or not (
        isinstance(value, int | np.integer) and value >= least
    ):
        raise _wrong(argument, f"a whole number from {least}", value)
    if value >= 2**63:
        raise _wrong(argument, "a number below 2^63", value)


def require_years(years: object) -> None:
    """Raise ``TivaxError`` unless these are the first and last year, or None."""
    if years is not None and not (
        isinstance(years, tuple | list)
        and len(years) == 2
        and all(isinstance(k, int | np.integer) for k in years)
    ):
        raise _wrong("years", "the first and the last, such as (2000, 2014)", years)


def local_path(argument: str, value: object) -> Path:
    """The value as a path."""
    if not isinstance(value, str | os.PathLike) or not os.fspath(value):
        raise TivaxError(f"{argument}: give a path as text or Path, not {show(value)}")
    path = Path(os.fspath(value))
    if any(len(os.fsencode(part)) > _LONGEST_NAME for part in path.parts):
        raise TivaxError(f"{argument}: {show(str(path))}: too long for a file's name")
    require_regular(path)
    return path


_LONGEST_NAME = 255  # bytes, on every disk in use
