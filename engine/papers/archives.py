"""Plain files of numbers of replication archives, checked as they are read."""

from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd
from jaxtyping import Float

from ..core import TivaxError


def read_numbers(
    path: Path,
    shape: Sequence[int | None],
    *,
    header: bool = False,
    separator: str = ",",
    blank: float | None = None,
    content: IO[bytes] | None = None,
) -> Float[np.ndarray, "n m"]:
    """A matrix of numbers of a shape, in which None is any number of rows.

    An empty cell is ``blank``, or a mistake. ``content`` is that of a file in an
    archive, whose path is for messages.

    Raises ``TivaxError`` for a file that is missing, is not a matrix, or of another
    shape, and for a cell that is no number.
    """
    source = require_file(path) if content is None else content
    try:
        first = 0 if header else None
        frame = pd.read_csv(source, header=first, sep=separator, dtype=str)
    except (ValueError, OSError) as error:
        line = str(error).splitlines()[0]
        raise TivaxError(f"{path}: not a matrix of numbers: {line}") from None
    values = frame.apply(pd.to_numeric, errors="coerce").to_numpy(float)
    empty = frame.isna().to_numpy()
    if blank is not None:
        values = np.where(empty, blank, values)
    bad = np.argwhere(~np.isfinite(values))
    if bad.size:
        row, column = bad[0].tolist()
        what = "empty" if empty[row, column] else f"{frame.iat[row, column]}, no number"
        raise TivaxError(f"{path}: row {row + 1}, column {column + 1} is {what}")
    wanted = tuple(k or len(values) for k in shape)
    if values.shape != wanted:
        sizes = (" x ".join(map(str, k)) for k in (values.shape, wanted))
        raise TivaxError("{}: {} numbers; it must have {}".format(path, *sizes))
    return values


def require_file(path: Path) -> Path:
    """The path; ``TivaxError`` unless it is a file."""
    if not path.is_file():
        raise TivaxError(f"{path}: no such file")
    return path
