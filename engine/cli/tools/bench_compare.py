"""``tivax bench compare A B``: two results of ``tivax bench`` side by side."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ...core import TivaxError
from ..terminal import Terminal

_KEYS = ["case", "method"]


@dataclass(frozen=True)
class _Result:
    folder: Path
    document: dict[str, Any]
    rows: pd.DataFrame


def compare_results(first: Path, second: Path, terminal: Terminal) -> None:
    """Median times of the cases and methods that both results have, and their ratio.

    Raises ``TivaxError`` for a folder without bench.json, for results of worlds of
    different sizes, or where the two have no case in common.
    """
    results = [_read(folder) for folder in (first, second)]
    sizes = [each.document["size"] for each in results]
    if sizes[0] != sizes[1]:
        raise TivaxError(
            f"{first} is of {sizes[0]}, {second} of {sizes[1]}: time both with --full, "
            "or both without"
        )
    one, other = results
    rows = one.rows.merge(other.rows, on=_KEYS, suffixes=("_a", "_b"))
    if rows.empty:
        raise TivaxError(f"{first} and {second} have no case and method in common")
    rows = rows.rename(columns={"median_s_a": "A", "median_s_b": "B"})
    rows["ratio"] = rows["A"] / rows["B"]
    for name, each in zip("AB", results, strict=True):
        about = machine_text(each.document["machine"])
        terminal.print(f"{name} = {each.folder}: {about}")
    terminal.print(f"{sizes[0]}; median times; A / B above 1 where B is faster")
    terminal.table(
        ("case", "method", "A", "B", "A / B"),
        [
            (case, method, f"{a:.4g} s", f"{b:.4g} s", f"{ratio:.2f}")
            for case, method, a, b, ratio in rows.itertuples(index=False)
        ],
    )
    record = {"first": str(first), "second": str(second)}
    terminal.finish({**record, "rows": rows.to_dict("records")})


def machine_text(about: Mapping[str, Any]) -> str:
    """Processor, cores, device and packages of a result."""
    packages = ", ".join(f"{k} {v}" for k, v in about["packages"].items())
    return (
        f"{about['processor']}, {about['cores']} cores; {about['device']}; {packages}"
    )


def _read(folder: Path) -> _Result:
    path = folder / "bench.json" if folder.is_dir() else folder
    try:
        document = json.loads(path.read_text())
        rows = pd.DataFrame(document["rows"])[[*_KEYS, "median_s"]]
        timed = rows["median_s"].to_numpy(float)
        _ = document["size"], machine_text(document["machine"])
        words = rows[_KEYS].map(lambda k: isinstance(k, str))
        if not words.all(axis=None) or (timed <= 0).any():
            raise ValueError
    except FileNotFoundError:
        raise TivaxError(
            f"{path}: no such file; give the folders that tivax bench wrote"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise TivaxError(f"{path} is not a bench.json of tivax bench") from None
    return _Result(folder, document, rows)
