"""WIOD 2016, rebuilt: 44 regions x 56 industries, 2000-2014, from national tables.

Million US$ at basic prices. The world tables are estimated (``rebuilding``)
from pieces of the release of 2016, found by their names:

``CCC_NIOT_nov16.csv``, one for each of 43 countries
    National tables of all years, rounded to whole millions. UTF-8 with a mark; fields
    between semicolons, blanks (also no-break) between thousands. A line of titles, then
    rows ``Year;Code;Description;Origin``, 56 industries, CONS_h, CONS_np, CONS_g, GFCF,
    INVEN, EXP, GO. A year is 120 rows: 56 of origin Domestic, 56 Imports, and
    ``TOTALS`` of origin TOT.
``schengen_new_agg_notau.dta`` or ``trade_goods_services.dta``
    Trade between the 43 countries: iso1 sells to iso2 in year, sec 1 (the first 23
    industries) or 2 (the others), imp_int in 10 billion US$, inventories left out; home
    sales where iso1 is iso2. Felbermayr, Groeschl and Heiland (2022).
``pieces.npz``
    2014 at full precision. C codes; D (44, 56, 56) home inputs; Y (44, 56, 44, 5) final
    uses by seller and buyer; exp (44, 56) exports; va (2408) value added; imp (44, 56)
    imported final uses by product plus imported inputs by user.
``WIOD.mat`` or ``imported_inputs_2014.mat``
    pf_data (56, 56, 43): imported inputs of 2014 by product, user and country.
``Din2014.txt``, ``tariffs2014.txt``
    Shares of sellers in what a region spends on each of 50 products in 2014, tariffs
    counted: 2,200 rows, product then buyer, and 44 columns, sellers. Countries stand in
    the order of the alphabet, ROW among them. Felbermayr, Groeschl and Heiland (2022).
``fin_demand.csv``, ``go.csv``, ``va.csv``
    2000, rounded: final uses (2464 rows, 220 columns, two lines of titles), output and
    value added (2464).
``WIODyyyy.mat`` or ``tariffwar_WIODyyyy.mat``, one for each year
    HDF5. data/Xjik_3D (16, buyer, seller): trade and home sales by 16 groups of
    products, data/countries their codes. Negative final uses were set to 0 and outputs
    raised. Lashkaripour (2021).
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...core import TivaxError
from ...files import TableFile, finding, layout
from ...files import opening as fs
from ...rebuilding import (
    COUNTRIES,
    INDUSTRIES,
    REGIONS,
    USES,
    YEARS,
    Pieces,
    Year2000,
    Year2014,
    rebuild,
)
from ...tables import WorldTable

TOTALS = ("II_fob", "TXSP", "EXP_adj", "PURR", "PURNR", "VA", "IntTTM", "GO")
LABELS = ("Year", "Code", "Description", "Origin")
COLUMNS = (*INDUSTRIES, *USES, "EXP", "GO")
_ROWS = [
    *(("Domestic", k) for k in INDUSTRIES),
    *(("Imports", k) for k in INDUSTRIES),
    *(("TOT", k) for k in TOTALS),
]
# Pieces by name. Without national tables and pairs there is no table.
_NAMES = {
    "national tables": r"(?P<country>[a-z]{3})_niot_nov16\.csv",
    "trade between countries": r"schengen_new_agg_notau\.dta|trade_goods_services\.dta",
    "2014": r"pieces\.npz",
    "imported inputs of 2014": r"wiod\.mat|imported_inputs_2014\.mat",
    "partners of 2014": r"din2014\.txt",
    "tariffs of 2014": r"tariffs2014\.txt",
    "final uses of 2000": r"fin_demand\.csv",
    "output of 2000": r"go\.csv",
    "value added of 2000": r"va\.csv",
    "trade by 16 groups": r"(?:tariffwar_)?wiod(?P<cube>(?:19|20)\d\d)\.mat",
}
_WANTED = (
    "CCC_NIOT_nov16.csv of 43 countries, trade_goods_services.dta "
    "(schengen_new_agg_notau.dta), pieces.npz and others of these names"
)
_IN_2000 = {
    "final uses": "fin_demand.csv",
    "output": "go.csv",
    "value added": "va.csv",
}
_PARTNERS_2014 = {"partners": "Din2014.txt", "tariffs": "tariffs2014.txt"}
_PARTNERS = 2200  # rows of Din2014.txt and tariffs2014.txt: 50 products, 44 buyers


def find(paths: Sequence[Path]) -> list[TableFile]:
    """A file for each year, all with the same ``parts``: the pieces below ``paths``."""
    names = "|".join(re.sub(r"\?P<\w+>", "?:", name) for name in _NAMES.values())
    found: dict[str, list[TableFile]] = {}
    for file in finding.gather(paths, names, _WANTED):
        name = re.split("[/:]", file.name)[-1]
        for piece, pattern in _NAMES.items():
            if match := re.fullmatch(pattern, name, re.IGNORECASE):
                which = next(iter(match.groupdict().values()), "").upper()
                found.setdefault(f"{piece} {which}".strip(), []).append(file)
    parts = {piece: _only(piece, files) for piece, files in found.items()}
    absent = [k for k in COUNTRIES if f"national tables {k}" not in parts]
    if absent:
        raise TivaxError(
            f"{', '.join(map(str, paths))}: no national tables of "
            f"{layout.some(absent)}; {absent[0]}_NIOT_nov16.csv and those of all 43 "
            "countries are needed, for every country trades with all others"
        )
    if "trade between countries" not in parts:
        raise TivaxError(
            f"{', '.join(map(str, paths))}: no schengen_new_agg_notau.dta or "
            "trade_goods_services.dta, which tell who sells to whom each year; add one"
        )
    first = parts[f"national tables {COUNTRIES[0]}"]
    return [TableFile(first.path, first.member, year, parts) for year in YEARS]


def _only(piece: str, files: Sequence[TableFile]) -> TableFile:
    """The one file of a piece; of shares of partners, that of 50 products."""
    if piece in ("partners of 2014", "tariffs of 2014"):
        lines = [len(fs.read_bytes(k, ()).splitlines()) for k in files]
        whole = [k for k, n in zip(files, lines, strict=True) if n == _PARTNERS]
        files = whole or files
    if len(files) > 1:
        raise TivaxError(
            f"{files[0].name} and {files[1].name} both hold {piece}; give only one"
        )
    return files[0]


def read_together(files: Sequence[TableFile]) -> Iterator[WorldTable]:
    """The tables of these years, in order, rebuilt on all cores."""
    pieces = read_pieces(files[0].parts)
    origin = "WIOD 2016 rebuilt from national tables"
    return rebuild(pieces, [file.year or 0 for file in files], origin)


def read_pieces(parts: Mapping[str, TableFile]) -> Pieces:
    """All pieces, each checked by itself: labels, shapes, numbers."""
    national = np.stack(
        [read_national(parts[f"national tables {k}"]) for k in COUNTRIES]
    )
    # How a piece is read, and its parts, a file each: their names here, and the files'.
    readers = {
        "of2014": (read_2014, {"2014": ""}),
        "imported_inputs": (read_imported_inputs, {"imported inputs of 2014": ""}),
        "of2000": (read_2000, {f"{k} of 2000": name for k, name in _IN_2000.items()}),
        "partners": (
            read_partners,
            {f"{k} of 2014": name for k, name in _PARTNERS_2014.items()},
        ),
        "cubes": (
            lambda *cubes: np.stack([read_cube(k) for k in cubes]),
            {f"trade by 16 groups {k}": f"WIOD{k}.mat" for k in YEARS},
        ),
    }
    found: dict[str, Any] = {}
    lacking: dict[str, list[str]] = {}
    for piece, (read_piece, names) in readers.items():
        absent = [name for one, name in names.items() if one not in parts]
        if not absent:
            found[piece] = read_piece(*(parts[one] for one in names))
        elif len(absent) < len(names):
            lacking[piece] = absent
    return Pieces(
        national=national,
        pairs=read_pairs(parts["trade between countries"]),
        names={piece: file.name for piece, file in parts.items()},
        lacking=lacking,
        **found,
    )


def read_national(file: TableFile) -> np.ndarray:
    """One country: 15 years, 120 rows, 63 columns."""
    lines = re.sub("[ \u00a0\u202f]", "", fs.read_text(file)).splitlines()
    layout.check_labels(file, "columns", lines[0].split(";"), [*LABELS, *COLUMNS])
    rows = [line for line in lines[1:] if line[:4].isdigit()]
    with fs.parsing(file):
        cells = list(csv.reader(rows, delimiter=";"))
        labels = np.array([row[:4] for row in cells], str).reshape(-1, 4)
        values = np.array([[float(k or "nan") for k in row[4:]] for row in cells])
    tables = []
    for k in YEARS:
        here = labels[:, 0] == str(k)
        if here.sum() != len(_ROWS):
            raise TivaxError(
                f"{file.name}: {k} has {here.sum()} rows, a national table has "
                f"{len(_ROWS)}; get the file again"
            )
        found = [f"{origin}:{code}" for _, code, _, origin in labels[here]]
        wanted = [f"{origin}:{code}" for origin, code in _ROWS]
        layout.check_labels(file, f"rows of {k}", found, wanted)
        tables.append(values[here])
    shape = len(YEARS), len(_ROWS), len(COLUMNS)
    return _checked(file, "cells", np.stack(tables), shape)


def read_pairs(file: TableFile) -> np.ndarray:
    """15 years, goods and services, seller, buyer; million US$."""
    frame = fs.read_stata(file)
    names = ["iso1", "iso2", "year", "sec", "imp_int"]
    layout.check_labels(
        file, "columns", [k for k in frame.columns if k in names], names
    )
    place = {code: k for k, code in enumerate(COUNTRIES)}
    for side in ("iso1", "iso2"):
        layout.check_labels(
            file, f"codes {side}", sorted(set(frame[side])), sorted(COUNTRIES)
        )
    shape = (len(YEARS), 2, len(COUNTRIES), len(COUNTRIES))
    pairs = np.full(shape, np.nan)
    year, kind = (frame[k].to_numpy(int) for k in ("year", "sec"))
    used = np.isin(year, YEARS) & np.isin(kind, (1, 2))
    seller, buyer = (frame[k].map(place).to_numpy(int) for k in ("iso1", "iso2"))
    at = (year[used] - YEARS[0], kind[used] - 1, seller[used], buyer[used])
    pairs[at] = frame["imp_int"].to_numpy(float)[used] * 1e4
    return _checked(file, "trade of pairs", pairs, shape)


def read_2014(file: TableFile) -> Year2014:
    """The pieces of 2014, in the order of ``REGIONS``."""
    data = fs.read_bytes(file, fs.ZIP)
    with fs.parsing(file):
        arrays = dict(np.load(io.BytesIO(data), allow_pickle=False))
    c, n = len(REGIONS), len(INDUSTRIES)
    shapes = {
        "D": (c, n, n),
        "Y": (c, n, c, len(USES)),
        "exp": (c, n),
        "imp": (c, n),
        "va": ((c - 1) * n,),
    }
    codes = [str(k) for k in layout.element(file, arrays, "C")]
    layout.check_labels(file, "codes C", codes, REGIONS)
    for name, shape in shapes.items():
        _checked(file, name, layout.element(file, arrays, name), shape)
    return Year2014(
        home=arrays["D"],
        final=arrays["Y"],
        exports=arrays["exp"],
        imports=arrays["imp"],
        added=arrays["va"].reshape(c - 1, n),
    )


def read_imported_inputs(file: TableFile) -> np.ndarray:
    """43 countries, product, user."""
    import scipy.io

    with fs.open_table(file) as stream, fs.parsing(file):
        arrays = scipy.io.loadmat(io.BytesIO(stream.read()), variable_names=["pf_data"])
    inputs, n = layout.element(file, arrays, "pf_data"), len(INDUSTRIES)
    _checked(file, "pf_data", inputs, (n, n, len(COUNTRIES)))
    return np.ascontiguousarray(inputs.transpose(2, 0, 1))


def read_partners(partners: TableFile, tariffs: TableFile) -> np.ndarray:
    """50 products, seller, buyer: shares of sellers in purchases without tariffs."""
    c = len(REGIONS)
    order = [sorted(REGIONS).index(k) for k in REGIONS]
    both = []
    for file in (partners, tariffs):
        data = fs.read_bytes(file, ())
        with fs.parsing(file):
            values = np.loadtxt(io.BytesIO(data), delimiter=",")
        _checked(file, "the file", values, (_PARTNERS, c))
        both.append(values.reshape(-1, c, c)[:, order][:, :, order].transpose(0, 2, 1))
    spent = both[0] / both[1]
    return spent / spent.sum(1, keepdims=True)


def read_2000(final: TableFile, output: TableFile, added: TableFile) -> Year2000:
    """The pieces of 2000."""
    c, n, f = len(REGIONS), len(INDUSTRIES), len(USES)
    head, _, *demand = _rounded(final)
    columns = [k for k in REGIONS for _ in USES]
    layout.check_labels(final, "regions of columns", head, columns)
    return Year2000(
        final=_numbers_of(final, demand[: c * n], (c * n, c * f)).reshape(c, n, c, f),
        output=_numbers_of(output, _rounded(output), (1, c * n)).reshape(c, n),
        added=_numbers_of(added, _rounded(added), (1, c * n)).reshape(c, n),
    )


def _rounded(file: TableFile) -> list[list[str]]:
    lines = fs.read_text(file).splitlines()
    with fs.parsing(file):
        return [k for k in csv.reader(lines) if k]


def _numbers_of(
    file: TableFile, rows: Sequence[Sequence[str]], shape: tuple[int, int]
) -> np.ndarray:
    """Numbers with commas between thousands; a list may stand in one row or column."""
    with fs.parsing(file):
        values = np.array([[float(k.replace(",", "") or 0) for k in r] for r in rows])
    if shape[0] == 1:
        values = values.reshape(1, -1)
    return _checked(file, "the file", values, shape)


def read_cube(file: TableFile) -> np.ndarray:
    """One year: 16 groups, seller, buyer."""
    with fs.open_matlab(file) as h5:
        names = fs.matlab_texts(h5, h5["data/countries"])
        flows = np.asarray(h5["data/Xjik_3D"])
    layout.check_labels(file, "countries", names, REGIONS)
    _checked(file, "Xjik_3D", flows, (16, len(REGIONS), len(REGIONS)))
    return np.ascontiguousarray(flows.transpose(0, 2, 1))


def _checked(
    file: TableFile, what: str, values: np.ndarray, shape: tuple[int, ...]
) -> np.ndarray:
    """The numbers of a piece, of which none is missing."""
    layout.check_shape(file, what, values, shape)
    if not np.isfinite(values).all():
        raise TivaxError(
            f"{file.name}: {what} lack {np.count_nonzero(~np.isfinite(values))} "
            "numbers; get the file again"
        )
    return values
