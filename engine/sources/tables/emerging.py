"""EMERGING: 245 economies x 133 sectors (HS 2002 chapters and services).

Million US$, a MATLAB 7.3 file a year, which is HDF5. Version 2 has the years 2015,
2018, 2021 and 2023, ``EMERGING_V2_<yyyy>_m.mat``; version 1, of 134 sectors, is
``global_mrio_<yyyy>.mat``. Variables, at the top or in one group, as MATLAB has them:

========================================== =====================================
z (n, n)                                   sales of the row's industry
f (n, 3 a region)                          final demand, by region then category
va, X (n)                                  value added, output
country_list, sector_list, final_list      references to texts, in ``#refs#``
========================================== =====================================

n runs by country, then sector. MATLAB stores columns first and HDF5 rows, so that z and
f are transposed in the file: a row of the file is what one industry buys. Output is the
sum of the row of z and f, and X is compared with it.

z is read some buyers at a time, into a temporary file where a year does not fit in
memory.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...core import percent_text
from ...files import TableFile, finding, layout
from ...files import opening as fs
from ...streaming import is_too_large, scratch
from ...tables import WorldTable

LISTS = {"country_list": "regions", "sector_list": "sectors", "final_list": "final"}
_TOGETHER = 1 << 28  # bytes of z that are read at a time
# What an industry's X may miss its sales by, of them, and be told by nobody.
_NOTICED = 0.01


def read(file: TableFile) -> Iterator[WorldTable]:
    """The one table of a file."""
    finding.year_of_name(file, "EMERGING_V2_2023_m.mat")
    with fs.open_matlab(file) as h5:
        group = _group(file, h5)
        labels = {what: fs.matlab_texts(h5, group[k]) for k, what in LISTS.items()}
        for what, texts in labels.items():
            layout.check_unique(file, what, texts)
        regions = layout.region_codes(file, labels["regions"], {})
        layout.check_unique(file, "regions", regions)
        c, f = len(regions), len(labels["final"])
        n = c * len(labels["sectors"])
        Y = _array(file, group, "f", (c * f, n)).T.reshape(n, c, f)
        value_added = _array(file, group, "va", (n,))
        reported = _array(file, group, "X", (n,))
        Z = _sales(file, group["z"], n)
    x = Z.sum(axis=1) + Y.sum(axis=(1, 2))
    yield layout.sales_table(
        file,
        (regions, labels["sectors"], labels["final"]),
        Z,
        np.ascontiguousarray(Y),
        x=x,
        value_added=value_added,
        output_is_row_sum=True,
        edition=f"{len(labels['sectors'])} sectors",
        doubts=misses(x, reported, "X of the file"),
    )


def misses(x: np.ndarray, reported: np.ndarray, what: str) -> tuple[str, ...]:
    """Doubt of output that a file reports and that its rows do not add up to."""
    with np.errstate(invalid="ignore"):
        far = np.abs(reported - x) > _NOTICED * np.maximum(x, 1.0)
    if not far.any():
        return ()
    of_all = abs(float(reported.sum()) / float(x.sum()) - 1)
    return (
        f"{what} is not the sum of the row in {int(far.sum()):,} "
        f"industries of {x.size:,}, {percent_text(of_all, 2)} of all output; the sum "
        "counts",
    )


def _group(file: TableFile, h5: Any) -> Any:
    """The group of the variables: the top, or the one beside ``#refs#``."""
    wanted = ("z", "f", "va", "X", *LISTS)
    groups = [h5, *(h5[k] for k in h5 if k != "#refs#")]
    for group in groups:
        if hasattr(group, "keys") and all(k in group for k in wanted):
            return group
    layout.element(file, h5, next(k for k in wanted if k not in h5))
    raise AssertionError("an element that is missing is an error")


def _array(
    file: TableFile, group: Any, name: str, shape: tuple[int, ...]
) -> np.ndarray:
    """A variable as float64; a list may be a row or a column."""
    found = np.asarray(group[name], dtype=np.float64)
    if len(shape) == 1 and max(found.shape, default=1) == found.size:
        found = found.ravel()
    layout.check_shape(file, name, found.T, shape[::-1])
    return found


def _sales(file: TableFile, z: Any, n: int) -> np.ndarray:
    """Sales by row, turned from what the file has, some buyers at a time."""
    layout.check_shape(file, "z", z, (n, n))
    Z = scratch(n, n, dtype=np.float64) if is_too_large(n) else np.empty((n, n))
    buyers = max(1, _TOGETHER // (8 * n))
    for first in range(0, n, buyers):
        Z[:, first : first + buyers] = z[first : first + buyers].T
    return Z
