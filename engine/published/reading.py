"""Plain files of numbers of replication archives, checked as they are read."""

from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd
from jaxtyping import Float

from ..core import TivaxError


def read_numbers(
    path: Path,
    *,
    header: bool = False,
    separator: str = ",",
    blank: float | None = None,
    content: IO[bytes] | None = None,
) -> Float[np.ndarray, "n m"]:
    """A matrix of numbers; an empty cell is ``blank``, or a mistake.

    ``content`` is that of a file in an archive, whose path is for messages.

    Raises ``TivaxError`` for a file that is missing, is not a matrix, or holds a cell
    that is no number.
    """
    if content is None and not path.is_file():
        raise TivaxError(f"{path}: no such file")
    try:
        first = 0 if header else None
        source = path if content is None else content
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
    return values


def require_shape(path: Path, values: np.ndarray, shape: tuple[int, ...]) -> None:
    """``TivaxError`` unless a file has that many rows and columns."""
    if values.shape != shape:
        has, wanted = (" x ".join(map(str, k)) for k in (values.shape, shape))
        raise TivaxError(f"{path}: {has} numbers; it must have {wanted}")
