"""Standard deviations of cells that somebody publishes: a .npz file."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..core import NotFound, TivaxError, read_npz, require_size
from ..tables import WorldTables, as_float64


def read_deviations(
    path: Path, tables: WorldTables
) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Standard deviations by year: Z (n, n) and Y (n, c, f), with the labels of tables.

    Keys as of source ``arrays``: Z (n, n) and Y (n, c) or (n, c, f) with year, or all
    years in front and their labels in years; regions; sectors.
    """
    if not path.is_file():
        raise NotFound(f"{path}: no such file; give a .npz with standard deviations")
    require_size(path.name, path.stat().st_size)
    arrays = read_npz(path)
    time = "years" if "years" in arrays else "year"
    for name in ("Z", "Y", "regions", "sectors", time):
        if name not in arrays:
            raise TivaxError(
                f"{path}: no {name}; save Z, Y, regions, sectors, year as standard "
                "deviations of the cells"
            )
    for what, labels in (("regions", tables.regions), ("sectors", tables.sectors)):
        _require_same(path, what, arrays[what], labels)
    labels = np.atleast_1d(arrays[time])
    whole = labels.ndim == 1 and labels.dtype.kind in "iuf"
    if not (whole and (labels == np.floor(labels)).all()):
        raise TivaxError(f"{path}: {time}: write whole numbers, such as 2007")
    years = [int(k) for k in labels.tolist()]
    if len(set(years)) < len(years):
        raise TivaxError(f"{path}: {time}: a year is there twice")
    missing = [k for k in tables.years if k not in years]
    if missing:
        raise TivaxError(f"{path}: no standard deviations of {missing[0]}")
    n, c, f = tables.n, len(tables.regions), len(tables.categories)
    Z, Y = (_years_first(path, arrays, name, len(years)) for name in ("Z", "Y"))
    if Z.shape[1:] != (n, n) or Y.shape[1:] not in ((n, c), (n, c, f)):
        raise TivaxError(
            f"{path}: Z {Z.shape} and Y {Y.shape} do not fit {c} regions, "
            f"{len(tables.sectors)} sectors, {f} categories"
        )
    for name, values in (("Z", Z), ("Y", Y)):
        if not (np.isfinite(values).all() and (values >= 0).all()):
            raise TivaxError(f"{path}: {name} has a standard deviation below 0 or NaN")
    if Y.ndim == 3:
        # Of the sum over categories: all of it in the first.
        Y = np.concatenate([Y[..., None], np.zeros((*Y.shape, f - 1))], axis=3)
    return {year: (Z[k], Y[k]) for k, year in enumerate(years)}


def _years_first(
    path: Path, arrays: dict[str, np.ndarray], name: str, years: int
) -> np.ndarray:
    values = arrays[name]
    if values.dtype.kind not in "fiu" or not values.ndim:
        raise TivaxError(f"{path}: {name} must be an array of numbers")
    values = as_float64(values)
    values = values if "years" in arrays else values[None]
    if len(values) != years:
        raise TivaxError(f"{path}: {name} has {len(values)} years, not {years}")
    return values


def _require_same(
    path: Path, what: str, found: np.ndarray, labels: Sequence[str]
) -> None:
    given = [str(k) for k in np.atleast_1d(found)]
    for one, other in zip(given, labels, strict=False):
        if one != other:
            raise TivaxError(f"{path}: {what}: has {one} where the tables have {other}")
    if len(given) != len(labels):
        raise TivaxError(f"{path}: {len(given)} {what}, the tables have {len(labels)}")
