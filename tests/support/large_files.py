"""Small files in the exact layout of EMERGING, GLORIA and the csv of icio."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np

from tivax.engine.tables.world_table import WorldTable

from mrio_files import added, lines, write_lines
from panel_files import write_sheets
from source_files import small_table

# --------------------------------------------------------------------------- EMERGING


def emerging_world(year: int = 2023) -> WorldTable:
    table = small_table(
        year,
        ("household", "government", "capital"),
        sectors=("1 Live animals", "99 Electricity"),
    )
    return replace(table, edition="2 sectors")


def write_emerging(
    folder: Path,
    table: WorldTable | None = None,
    *,
    name: str = "EMERGING_V2_{year}_m.mat",
    group: str = "",
    X: np.ndarray | None = None,
    without: str = "",
    compression: str | None = "gzip",
) -> Path:
    """As MATLAB writes it: a block of text, then HDF5, with every array transposed and
    lists as references to arrays of letters."""
    table = table or emerging_world()
    path = folder / name.format(year=table.year)
    n = len(table.x)
    numbers = {
        "z": table.Z.T,
        "f": table.Y.reshape(n, -1).T,
        "va": np.atleast_2d(added(table)),
        "X": np.atleast_2d(table.x if X is None else X),
    }
    lists = {
        "country_list": table.regions,
        "sector_list": table.sectors,
        "final_list": table.categories,
    }
    with h5py.File(path, "w", userblock_size=512) as h5:
        place = h5.require_group(group) if group else h5
        for what, values in numbers.items():
            if what != without:
                place.create_dataset(what, data=values, compression=compression)
        for what, texts in lists.items():
            references = np.empty((1, len(texts)), dtype=h5py.ref_dtype)
            for k, text in enumerate(texts):
                letters = np.array([[ord(letter)] for letter in text], np.uint16)
                one = h5.create_dataset(f"#refs#/{what}{k}", data=letters)
                references[0, k] = one.ref
            if what != without:
                place.create_dataset(what, data=references, dtype=h5py.ref_dtype)
    with path.open("r+b") as stream:
        stream.write(b"MATLAB 7.3 MAT-file, Platform: PCWIN64".ljust(512))
    return path


# ----------------------------------------------------------------------------- GLORIA

GLORIA_DEMAND = ("Household P.3h", "NPISH P.3n", "Government P.3g")
GLORIA_DATE = "20240110_120secMother_AllCountries_002"


def gloria_world(year: int = 2022) -> WorldTable:
    table = small_table(
        year,
        GLORIA_DEMAND,
        regions=("AUS", "DYE", "XEU"),
        sectors=("Growing wheat", "Growing maize"),
    )
    return replace(table, edition="product by product, basic prices")


def gloria_tables(table: WorldTable) -> dict[str, np.ndarray]:
    """T, Y and V of a world whose industries each make one product."""
    c, s, f = len(table.regions), len(table.sectors), len(table.categories)
    n = c * s
    T = np.zeros((c, 2, s, c, 2, s))
    T[:, 1, :, :, 0] = table.Z.reshape(c, s, c, s)
    T[:, 0, :, :, 1] = np.diag(table.x).reshape(c, s, c, s)
    Y = np.zeros((c, 2, s, c * f))
    Y[:, 1] = table.Y.reshape(c, s, c * f)
    V = np.zeros((c, 6, c, 2, s))
    earned = added(table).reshape(c, s)
    for k in range(c):
        V[k, 0, k, 0], V[k, 1, k, 0] = earned[k] - 3, 3  # wages, other taxes
    return {
        "T": T.reshape(2 * n, 2 * n),
        "Y": Y.reshape(2 * n, c * f),
        "V": V.reshape(6 * c, 2 * n),
    }


def write_gloria(
    folder: Path,
    table: WorldTable | None = None,
    tables: dict[str, np.ndarray] | None = None,
    unpacked: str = "",
) -> Path:
    """The ReadMe, and T, Y and V in the folder that is ``unpacked``; the file of T."""
    table = table or gloria_world()
    tables = tables or gloria_tables(table)
    paths = {}
    for what, values in tables.items():
        name = f"{GLORIA_DATE}_{what}-Results_{table.year}_059_Markup001(full).csv"
        paths[what] = write_lines(folder / unpacked / name, lines(values, ","))
    columns = {
        "Regions": ("Region_acronyms", table.regions),
        "Sectors": ("Sector_names", table.sectors),
        "Value added and final demand": ("Final_demand_names", table.categories),
    }
    sheets = {
        sheet: [["Lfd_Nr", name], *([k + 1, one] for k, one in enumerate(labels))]
        for sheet, (name, labels) in columns.items()
    }
    write_sheets(folder / "GLORIA_ReadMe_059.xlsx", sheets)
    return paths["T"]


# ------------------------------------------------------------------------------- icio


def icio_world(year: int = 2015) -> WorldTable:
    table = small_table(year, ("F1", "F2"), sectors=("S1", "S2"))
    return replace(table, value_added=None)


def write_icio(
    folder: Path, table: WorldTable | None = None, regions: Sequence[str] = ()
) -> Path:
    """What R's fwrite writes with col.names = FALSE."""
    table = table or icio_world()
    numbers = np.hstack([table.Z, table.Y.reshape(len(table.x), -1)])
    write_lines(folder / "EM_countrylist.csv", regions or table.regions)
    return write_lines(folder / f"EM_{table.year}.csv", lines(numbers, ","))
