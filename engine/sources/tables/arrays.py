"""Any table, from NumPy archives: a ``.npz`` file for each year.

Keys: Z (n, n), Y (n, c) or (n, c, f), x (n), regions (c), sectors (s), year, and
where there are any va (n, value added at basic prices), categories (f) and parents (k,
2: a split region and the region it is a part of, such as CN1, CHN). Rows run by region,
then sector: n = c * s. All flows are in one unit, which the file does not
tell. Labels are arrays of text, ``np.array(["AUT", "DEU"])``; nothing is unpickled.
"""

import math
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.lib.format as npy

from ...core import TivaxError, require_size
from ...tables import WorldTable, normalise
from .. import files as fs
from .. import finding, layout
from ..source import TableFile

NEEDED = ("Z", "Y", "x", "regions", "sectors", "year")
_HEADER_2 = npy.read_array_header_2_0
KEYS = (*NEEDED, "va", "categories", "parents")
_REMEDY = f"save it with {', '.join(NEEDED)}"


def find(paths: Sequence[Path]) -> list[TableFile]:
    """The archives below ``paths``, in order of the year that they hold.

    A name that ends in a year (``table_2000.npz``) must tell the right one.
    """
    files = finding.gather(paths, r"(?!\.).*\.npz", "files named *.npz")
    return finding.one_per_year([replace(file, year=_year(file)) for file in files])


def read(file: TableFile) -> Iterator[WorldTable]:
    """The one table of an archive."""
    arrays = _load(file, KEYS)
    for key in NEEDED:
        layout.element(file, arrays, key, _REMEDY)
    regions = normalise(_labels(file, arrays, "regions"))
    layout.check_unique(file, "regions", regions)  # RoW and ROW are one
    sectors = _labels(file, arrays, "sectors")
    c, n = len(regions), len(regions) * len(sectors)
    Y = _numbers(file, arrays, "Y")
    if Y.ndim == 2:
        Y = Y[:, :, None]
    f = Y.shape[2] if Y.ndim == 3 else 1
    categories = ("FD",) if f == 1 else tuple(f"F{k + 1}" for k in range(f))
    if "categories" in arrays:
        categories = _labels(file, arrays, "categories")
    yield WorldTable(
        year=layout.check_year(file, _whole_year(file, arrays["year"])),
        regions=regions,
        sectors=sectors,
        categories=categories,
        Z=_shaped(file, "Z", _numbers(file, arrays, "Z"), (n, n)),
        Y=_shaped(file, "Y", Y, (n, c, len(categories))),
        x=_shaped(file, "x", _numbers(file, arrays, "x"), (n,)),
        value_added=(
            _shaped(file, "va", _numbers(file, arrays, "va"), (n,))
            if "va" in arrays
            else None
        ),
        origin=file.name,
        parents=_parents(file, arrays, regions),
    )


def _load(file: TableFile, keys: Sequence[str]) -> dict[str, np.ndarray]:
    """The arrays named ``keys`` that an archive has."""
    with fs.open_table(file) as stream:
        fs.check_start(file, stream.read(1024), fs.ZIP)
        stream.seek(0)
        with fs.parsing(file):
            archive = zipfile.ZipFile(cast(Any, stream))
        members = {
            name.removesuffix(".npy"): archive.getinfo(name)
            for name in archive.namelist()
        }
        unknown = sorted(set(members) - set(KEYS))
        if unknown:
            raise TivaxError(
                f"{file.name}: unknown {layout.some(unknown)}; the keys are "
                f"{', '.join(KEYS)}"
            )
        return {
            key: _array(file, archive, members[key], key)
            for key in keys
            if key in members
        }


def _array(
    file: TableFile, archive: zipfile.ZipFile, member: zipfile.ZipInfo, key: str
) -> np.ndarray:
    """One array, whose declared shape must be that of the bytes that are there."""
    require_size(file.name, member.file_size)
    with fs.parsing(file), archive.open(member) as stream:
        version = npy.read_magic(stream)
        read_header = npy.read_array_header_1_0 if version < (2, 0) else _HEADER_2
        shape, _, dtype = read_header(stream)
        size = math.prod(shape) * dtype.itemsize
        whole = size == member.file_size - stream.tell()
    if dtype.hasobject:
        raise TivaxError(
            f"{file.name}: {key} is an array of Python objects, which are not read; "
            "save labels as np.array([...], dtype=str), numbers as float"
        )
    if not whole:
        raise fs.damaged(file, f"{key} is not as long as its shape {shape} says")
    with fs.parsing(file), archive.open(member) as stream:
        return npy.read_array(stream, allow_pickle=False)


def _year(file: TableFile) -> int:
    """The year of an archive, without reading its tables."""
    in_name = re.search(r"(?<!\d)((?:19|20)\d\d)\.npz$", file.name)
    file = replace(file, year=int(in_name[1]) if in_name else None)
    return layout.check_year(
        file,
        _whole_year(file, layout.element(file, _load(file, ["year"]), "year", _REMEDY)),
    )


def _whole_year(file: TableFile, year: np.ndarray) -> int:
    if year.size != 1 or year.dtype.kind not in "iuf" or year.item() % 1 != 0:
        raise TivaxError(f"{file.name}: year is {year.tolist()}, not one whole number")
    return int(year.item())


def _labels(
    file: TableFile, arrays: Mapping[str, np.ndarray], key: str
) -> tuple[str, ...]:
    labels = arrays[key]
    if labels.ndim != 1 or labels.dtype.kind not in "Uiu":
        raise TivaxError(
            f"{file.name}: {key} is no list of labels; save it as "
            "np.array([...], dtype=str)"
        )
    names = tuple(str(label).strip() for label in labels)
    layout.check_unique(file, key, names)
    return names


def _parents(
    file: TableFile, arrays: Mapping[str, np.ndarray], regions: Sequence[str]
) -> dict[str, str]:
    """Split region to parent: rows of two codes of regions."""
    if "parents" not in arrays or not arrays["parents"].size:
        return {}
    pairs = arrays["parents"]
    if pairs.ndim != 2 or pairs.shape[1] != 2 or pairs.dtype.kind != "U":
        raise TivaxError(
            f"{file.name}: parents has shape {pairs.shape} and dtype {pairs.dtype}; "
            'save pairs of codes, np.array([["CN1", "CHN"], ["CN2", "CHN"]])'
        )
    parts, wholes = (normalise([str(k).strip() for k in side]) for side in pairs.T)
    layout.check_unique(file, "parts in parents", parts)
    for part, whole in zip(parts, wholes, strict=True):
        for code in (part, whole):
            if code not in regions:
                raise TivaxError(
                    f"{file.name}: {part} is a part of {whole}, but there is no region "
                    f"{code}"
                )
        if whole in parts:
            raise TivaxError(
                f"{file.name}: {part} is a part of {whole}, which is a part itself"
            )
    return dict(zip(parts, wholes, strict=True))


def _numbers(file: TableFile, arrays: Mapping[str, np.ndarray], key: str) -> np.ndarray:
    if arrays[key].dtype.kind not in "iuf":
        raise TivaxError(
            f"{file.name}: {key} has dtype {arrays[key].dtype}, not numbers; "
            "save it as float"
        )
    return arrays[key].astype(float)


def _shaped(
    file: TableFile, key: str, values: np.ndarray, shape: tuple[int, ...]
) -> np.ndarray:
    if values.shape != shape:
        raise TivaxError(
            f"{file.name}: {key} has shape {values.shape}, but its regions, sectors "
            f"and categories make it {shape}"
        )
    return values
