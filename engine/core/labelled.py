"""Columns of labels and numbers that a user gives, in a table or a csv file."""

from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from pathlib import Path

import pandas as pd

from .arguments import local_path
from .errors import NotFound, TivaxError, show
from .spreadsheets import require_different_columns


def label_texts(where: str, columns: Mapping[str, Iterable]) -> dict[str, list[str]]:
    """Labels of columns that hold the same ones, as texts: 1.0 is 1.

    Raises ``TivaxError`` for numbers beside a text that reads as one, since 1 and "01"
    may have been the same code, and for dates and truth values.
    """
    found: dict[str, list[str]] = {}
    number = text = ""
    for name, labels in columns.items():
        found[name] = []
        for label in labels:
            if isinstance(label, str):
                if not text and _is_number(label):
                    text = f"{name} the text {label}"
            elif isinstance(label, Real) and not isinstance(label, bool):
                number = number or f"{name} holds the number {label}"
                label = int(label) if label % 1 == 0 else label
            else:
                raise TivaxError(f"{where}: {name} holds {label}, which is no text")
            found[name].append(str(label).strip())
    if number and text:
        raise TivaxError(
            f"{where}: {number} and {text}; a number loses the zeros of a code: write "
            "all labels as text"
        )
    return found


def _is_number(text: str) -> bool:
    try:
        return float(text) == float(text)
    except ValueError:
        return False


def read_labelled(
    source: str | Path | pd.DataFrame,
    argument: str,
    labels: Sequence[str],
    others: Sequence[str],
) -> tuple[str, pd.DataFrame]:
    """The name for messages, and a copy of the table, its ``labels`` as text.

    Raises ``TivaxError`` for something else, a file that is no csv, a column that is
    not there or is there twice, a label that is empty.
    """
    needed = ", ".join((*labels, *others))
    if isinstance(source, pd.DataFrame):
        where, frame = argument, source.copy()
        require_different_columns(where, frame.columns)
    elif not isinstance(source, str | Path):
        raise TivaxError(
            f"{argument}: give a DataFrame with the columns {needed}, or the path of a "
            f"csv, not {show(source)}"
        )
    else:
        where = str(path := local_path(argument, source))
        if not path.is_file():
            raise NotFound(f"{path}: no such file")
        # NA is a label like any other: Namibia, North America.
        texts = dict.fromkeys(labels, str)
        try:
            frame = pd.read_csv(
                path, dtype=texts, keep_default_na=False, na_values=[""]
            )
        except (ValueError, OSError) as error:
            line = str(error).splitlines()[0]
            raise TivaxError(f"{path}: not a csv: {line}") from None
        require_different_columns(path)
    for name in (*labels, *others):
        if name not in frame:
            raise TivaxError(f"{where}: no column {name}; it needs {needed}")
    for name in labels:
        if frame[name].isna().any():
            raise TivaxError(f"{where}: {name} is empty in a row")
        frame[name] = frame[name].astype(str)
    return where, frame
