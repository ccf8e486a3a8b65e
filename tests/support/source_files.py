"""Small files in the exact layout of the published ones, and what they hold."""

import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import rdata
from numpy.testing import assert_array_equal
from rdata.conversion.to_r import DEFAULT_CLASS_MAP, build_r_object
from rdata.parser import RObjectType

from tivax.engine.sources.catalogue import get_source
from tivax.engine.tables.world_table import WorldTable

from helpers import error_of

WEB_PAGE = b"<!DOCTYPE html>\n<html><head><title>not a bot?</title></head></html>"

DEMAND_2013 = ("c37", "c38", "c39", "c41", "c42")
DEMAND_2016 = ("CONS_h", "CONS_np", "CONS_g", "GFCF", "INVEN")
DEMAND_LONG_RUN = ("CONS_h", "CONS_g", "GFCF", "INV")


def small_table(
    year: int,
    categories: Sequence[str],
    *,
    regions: Sequence[str] = ("AUS", "ROU", "ROW"),
    sectors: Sequence[str] = ("c1", "c2"),
) -> WorldTable:
    """A balanced table of whole numbers, no two of Z or Y alike."""
    c, f = len(regions), len(categories)
    n = c * len(sectors)
    i = np.arange(1.0, n + 1)
    Z = 10 * i[:, None] + i[None, :] + year % 100
    Y = np.arange(1000.0, 1000 + n * c * f).reshape(n, c, f)
    Y[0, 0, -1] = -3  # inventories may fall
    x = Z.sum(axis=1) + Y.sum(axis=(1, 2))
    return WorldTable(
        year=year,
        regions=tuple(regions),
        sectors=tuple(sectors),
        categories=tuple(categories),
        Z=Z,
        Y=Y,
        x=x,
        value_added=x - Z.sum(axis=0) - 5,  # 5 of taxes and margins
    )


# --------------------------------------------------------------- reading in tests


def read_all(source: str, *paths: Path) -> list[WorldTable]:
    """What ``tivax import`` reads from the paths."""
    database = get_source(source)
    return [table for file in database.find(paths) for table in database.read(file)]


def refusal(source: str, *paths: Path) -> str:
    """The message of the error, which must be one line that names a path."""
    message = error_of(read_all, source, *paths)
    assert any(path.name in message for path in paths)
    return message


def cell(row: int, column: int, value: Any) -> Callable[[Any], None]:
    """A change of one cell of a sheet; both count from 0: E8 is 7, 4."""

    def change(cells: Any) -> None:
        cells[row][column] = value

    return change


def swap(name: str, i: int, j: int) -> Callable[[Any], None]:
    """A change of two lines of one text of several, which are exchanged."""

    def change(texts: Any) -> None:
        texts[name][i], texts[name][j] = texts[name][j], texts[name][i]

    return change


def assert_holds(read: WorldTable, table: WorldTable) -> None:
    """Labels and numbers of ``read`` are those of ``table``, exactly."""
    for name in ("year", "regions", "sectors", "categories"):
        assert getattr(read, name) == getattr(table, name)
    for name in ("Z", "Y", "x", "value_added"):
        assert_array_equal(getattr(read, name), getattr(table, name), err_msg=name)


# ---------------------------------------------------------------------- any format


def cut(path: Path, share: float = 0.6) -> None:
    """Keep the first part of a file, as a broken download does."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])


def zipped(path: Path, *files: Path, folder: str = "") -> Path:
    """An archive of the files."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.write(file, folder + file.name)
    return path


# ------------------------------------------------------------------- WIOD in sheets

TOTALS_2013 = (
    ("", "Total intermediate consumption", "r60"),
    ("", "taxes less subsidies on products", "r99"),
    ("", "Cif/ fob adjustments on exports", "r61"),
    ("", "Direct purchases abroad by residents", "r62"),
    ("", "Purchases on the domestic territory by non-residents", "r63"),
    ("", "Value added at basic prices", "r64"),
    ("", "International Transport Margins", ""),
    ("", "Output at basic prices", "r69"),
)
TOTALS_2016 = (
    ("II_fob", "Total intermediate consumption", "r65"),
    ("TXSP", "taxes less subsidies on products", "r66"),
    ("EXP_adj", "Cif/ fob adjustments on exports", "r67"),
    ("PURR", "Direct purchases abroad by residents", "r68"),
    ("PURNR", "Purchases on the domestic territory by non-residents ", "r69"),
    ("VA", "Value added at basic prices", "r70"),
    ("IntTTM", "International Transport Margins", "r71"),
    ("GO", "Output at basic prices", "r73"),
)


def totals(table: WorldTable) -> np.ndarray:
    """The eight rows below the industries, over Z, Y and the column of output."""
    n = table.x.size
    assert table.value_added is not None
    inputs = table.Z.sum(axis=0)
    rows = np.zeros((8, n + table.Y[0].size + 1))
    rows[0, :n] = inputs
    rows[1, :n] = table.x - inputs - table.value_added
    rows[5, :n] = table.value_added
    rows[7, :n] = table.x
    return rows


def body(table: WorldTable) -> np.ndarray:
    """All numbers of a WIOD file: Z, Y and output, above the totals."""
    n = table.x.size
    above = np.hstack([table.Z, table.Y.reshape(n, -1), table.x[:, None]])
    return np.vstack([above, totals(table)])


def sheet(table: WorldTable, release: int) -> list[list[Any]]:
    """Cells of a WIOD workbook, from A1; regions spelled as the files spell them."""
    old = release == 2013
    spelled = {"ROU": "ROM", "ROW": "RoW"} if old else {}
    regions = [spelled.get(region, region) for region in table.regions]
    # The release of 2013 mixes text and numbers in its codes: 15t16, 19, 20.
    codes = ["AtB", 19] if old else list(table.sectors)
    demand = DEMAND_2013 if old else [f"c{k}" for k in range(57, 62)]
    rows = [
        (code, "name", region, f"c{k + 1}" if old else f"r{k + 1}")
        for region in regions
        for k, code in enumerate(codes)
    ]
    columns = [(a, b, c, "c" + d[1:]) for a, b, c, d in rows] + [
        (a, "name", region, d)
        for region in regions
        for a, d in zip(table.categories, demand, strict=True)
    ]
    columns.append(("", "Total output", "", "") if old else ("GO", "", "TOT", "c62"))
    title = f"World Input-Output Table, {table.year}" if old else "World table"
    corner = [title, f"{len(regions)} countries, in current prices"]
    corner += ["(industry-by-industry)", "(millions of US$)", "", ""]
    head = [[""] * len(columns)] * 2
    head += [[label[k] for label in columns] for k in range(4)]
    cells: list[list[Any]] = [
        [first, "", "", "", *row] for first, row in zip(corner, head, strict=True)
    ]
    bottom = [(a, b, "TOT", d) for a, b, d in (TOTALS_2013 if old else TOTALS_2016)]
    for labels, numbers in zip([*rows, *bottom], body(table).tolist(), strict=True):
        cells.append([*labels, *numbers])
    return cells


def write_sheet(path: Path, title: str, cells: list[list[Any]]) -> Path:
    book = openpyxl.Workbook()
    page = book.create_sheet(title, 0)
    for row in cells:
        page.append([None if cell == "" else cell for cell in row])
    book.save(path)
    return path


# -------------------------------------------------------------------- WIOD 2013 in R


def r_list(table: WorldTable) -> dict[str, Any]:
    """The elements of ``wiot_<yyyy>``, in the order of the real files."""
    spelled = {"ROU": "ROM", "ROW": "RoW"}
    return {
        "year": np.array([table.year], dtype="int32"),
        "countries": np.array([spelled.get(r, r) for r in table.regions]),
        "industries": np.array(table.sectors),
        "final": table.Y.reshape(table.x.size, -1).astype("int32"),
        # float64 in 1995, int32 in the other years
        "output": table.x if table.year == 1995 else table.x.astype("int32"),
        "inter": table.Z.astype("int32"),
    }


def write_r_list(path: Path, elements: dict[str, Any]) -> Path:
    """Save a list of class ``iot``, its matrices with names V1, V2, ..."""

    def matrix(values: np.ndarray, converter: Any) -> Any:
        names = np.array([f"V{k + 1}" for k in range(values.shape[1])])
        attributes = {"dim": np.array(values.shape), "dimnames": [None, names]}
        kind = RObjectType.INT if values.dtype.kind == "i" else RObjectType.REAL
        return build_r_object(
            kind,
            value=np.ravel(values, order="F"),
            attributes=converter.convert_to_r_attributes(attributes),
        )

    def iot(values: SimpleNamespace, converter: Any) -> Any:
        elements = vars(values)
        attributes = {"names": np.array(list(elements)), "class": np.array(["iot"])}
        return build_r_object(
            RObjectType.VEC,
            value=[
                matrix(value, converter)
                if np.ndim(value) == 2
                else converter.convert_to_r_object(value)
                for value in elements.values()
            ],
            is_object=True,
            attributes=converter.convert_to_r_attributes(attributes),
        )

    rdata.write_rda(
        path,
        {f"wiot_{path.stem[-4:]}": SimpleNamespace(**elements)},
        compression="bzip2",
        constructor_dict={SimpleNamespace: iot, **DEFAULT_CLASS_MAP},
    )
    return path


# ----------------------------------------------------------- WIOD 2016 in R and Stata


def frame_2016(table: WorldTable) -> pd.DataFrame:
    """The data frame ``wiot``."""
    s = len(table.sectors)
    labels = [
        (code, "name", region, k + 1, table.year)
        for region in table.regions
        for k, code in enumerate(table.sectors)
    ] + [(a, b, "TOT", int(d[1:]), table.year) for a, b, d in TOTALS_2016]
    columns = [f"{region}{k + 1}" for region in table.regions for k in range(s)]
    columns += [f"{region}{k}" for region in table.regions for k in range(57, 62)]
    left = pd.DataFrame(
        labels,
        columns=["IndustryCode", "IndustryDescription", "Country", "RNr", "Year"],
    ).astype({"RNr": "int32", "Year": "int32"})
    right = pd.DataFrame(body(table), columns=[*columns, "TOT"])
    return pd.concat([left, right], axis=1)


def write_stata(path: Path, frame: pd.DataFrame) -> Path:
    types = {"RNr": "int8", "Year": "int16"}
    frame = frame.astype({k: v for k, v in types.items() if k in frame})
    numbers = [column for column in frame.columns[5:] if column != "TOT"]
    frame = frame.rename(columns={column: f"v{column}" for column in numbers})
    frame.to_stata(path, write_index=False, version=118)
    return path


def write_r_frame(path: Path, frame: pd.DataFrame) -> Path:
    texts = [k for k, dtype in frame.dtypes.items() if dtype.kind not in "if"]
    frame = frame.astype(dict.fromkeys(texts, object))
    frame.index = pd.RangeIndex(1, len(frame) + 1)
    rdata.write_rda(path, {"wiot": frame})
    return path


# ----------------------------------------------------------------------- long-run WIOD


def long_run(tables: Sequence[WorldTable]) -> pd.DataFrame:
    """The rows of the long csv: final demand after each region's industries."""
    return pd.concat([_long_run_year(table) for table in tables], ignore_index=True)


def _long_run_year(table: WorldTable) -> pd.DataFrame:
    spelled = {"ROW": "xROW"}
    regions = [spelled.get(region, region) for region in table.regions]
    s, f, n = len(table.sectors), len(table.categories), table.x.size
    assert table.value_added is not None
    rows = [(r, k + 1, code) for r in regions for k, code in enumerate(table.sectors)]
    extra = ("xII", "xVA", "xTXSP", "xSD", "xPURNR", "xPURR", "xMRG_int", "xGO")
    rows += [("xTOT", 60 + k, code) for k, code in enumerate(extra)]
    demand = [f"x{category}" for category in table.categories]
    columns = [
        (r, k + 1, code)
        for r in regions
        for k, code in enumerate([*table.sectors, *demand])
    ]
    columns += [
        ("xTOT", 60 + k, c) for k, c in enumerate(("xX", "xM", "xMRG_int", "xGO"))
    ]
    values = np.zeros((len(rows), len(columns)))
    for r in range(len(regions)):
        at, here = r * (s + f), slice(r * s, (r + 1) * s)
        values[:n, at : at + s] = table.Z[:, here]
        values[:n, at + s : at + s + f] = table.Y[:, r]
        values[n, at : at + s] = table.Z.sum(axis=0)[here]
        values[n + 1, at : at + s] = table.value_added[here]
        values[n + 6, at : at + s] = 5
        values[n + 7, at : at + s] = table.x[here]
    values[:n, -1] = table.x
    cells = [
        (table.year, *row, *column, values[i, j])
        for i, row in enumerate(rows)
        for j, column in enumerate(columns)
    ]
    names = "year row_country row_id row_isic3 col_country col_id col_isic3 value"
    return pd.DataFrame(cells, columns=names.split())
