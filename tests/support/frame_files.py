"""Small folders in the exact layout of pymrio's and of MARIO's exports."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from tivax.engine.tables.world_table import WorldTable

MILLION = "M.EUR"


def labels(table: WorldTable, *names: str, level: tuple[str, str] | None = None):
    """Index of industries and of final demand; MARIO has a level in the middle."""
    made = []
    for inner, middle in zip(
        (table.sectors, table.categories), level or (None, None), strict=True
    ):
        pairs = [
            (r, *([middle] if middle else []), k) for r in table.regions for k in inner
        ]
        made.append(pd.MultiIndex.from_tuples(pairs, names=names))
    return made


def pymrio_frames(table: WorldTable) -> dict[str, pd.DataFrame]:
    """Z, Y, x, unit and the extension of factors, by file name without suffix."""
    rows, demand = labels(table, "region", "sector")
    uses = demand.set_names(["region", "category"])
    factor = pd.Index(["Taxes", "Value Added"], name="inputtype")
    assert table.value_added is not None
    F = np.array([np.full(len(rows), 5.0), table.value_added])
    return {
        "Z": pd.DataFrame(table.Z, rows, rows),
        "Y": pd.DataFrame(table.Y.reshape(len(rows), -1), rows, uses),
        "x": pd.DataFrame({"indout": table.x}, rows),
        "unit": pd.DataFrame({"unit": MILLION}, rows),
        "factor_inputs/F": pd.DataFrame(F, factor, rows),
        "factor_inputs/unit": pd.DataFrame({"unit": MILLION}, factor),
    }


def write_pymrio(folder: Path, frames: Mapping[str, pd.DataFrame], suffix: str) -> Path:
    """As ``io.save_all`` of pymrio 0.6; the file of Z."""
    files: dict[str, dict] = {}
    for name, frame in frames.items():
        path = folder / f"{name}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        if suffix == "parquet":
            frame.to_parquet(path)
        else:
            frame.to_csv(path, sep="\t", float_format="%.12g")
        inner, _, short = name.rpartition("/")
        files.setdefault(inner, {})[short] = {
            "name": path.name,
            "nr_index_col": str(frame.index.nlevels),
            "nr_header": str(frame.columns.nlevels),
        }
    for inner, found in files.items():
        kind = (
            {"systemtype": "Extension", "name": inner}
            if inner
            else {"systemtype": "IOSystem"}
        )
        text = json.dumps({"files": found, **kind}, indent=4)
        (folder / inner / "file_parameters.json").write_text(text)
    about = {
        "description": "",
        "name": "IO",
        "system": "ixi",
        "version": "v1",
        "history": [],
    }
    (folder / "metadata.json").write_text(json.dumps(about, indent=4))
    return folder / f"Z.{suffix}"


def mario_frames(table: WorldTable) -> dict[str, pd.DataFrame]:
    """What ``to_txt`` and ``to_parquet`` of MARIO 1.3 write, without E and EY."""
    names = ("Region", "Level", "Item")
    rows, uses = labels(table, *names, level=("Sector", "Consumption category"))
    factors = pd.Index(['Wages, "gross"', "Capital"], name="Item")
    units = pd.MultiIndex.from_tuples(
        [("Sector", k) for k in table.sectors]
        + [("Factor of production", k) for k in factors]
    )
    V = np.ones((2, len(rows)))
    return {
        "Z": pd.DataFrame(table.Z, rows, rows),
        "Y": pd.DataFrame(table.Y.reshape(len(rows), -1), rows, uses),
        "V": pd.DataFrame(V, factors, rows),
        "X": pd.DataFrame({"production": table.x}, rows),
        "units": pd.DataFrame({"unit": MILLION}, units),
    }


def write_mario(
    folder: Path, frames: Mapping[str, pd.DataFrame], suffix: str, year: int = 2011
) -> Path:
    """The folder ``flows`` and, above it, metadata.json; the file of Z."""
    flows = folder / "flows"
    flows.mkdir(parents=True)
    for name, frame in frames.items():
        path = flows / f"{name}.{suffix}"
        frame.to_parquet(path) if suffix == "parquet" else frame.to_csv(path)
    about = {"table": "IOT", "price": None, "name": "test", "year": year, "history": []}
    (folder / "metadata.json").write_text(json.dumps(about))
    return flows / f"Z.{suffix}"
