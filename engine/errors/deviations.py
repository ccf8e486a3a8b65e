"""The errors of one year's cells as arrays, from a model and the tables.

Cells are F = (Z, Y), final demand summed over its categories: (n, n + c).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from ...kernels.errors import delta as kernels
from ...kernels.errors.filled import FilledCells
from ...kernels.errors.import_shares import import_share_errors
from ..core import NotFound, TivaxError, read_npz, require_size
from ..streaming import does_not_fit, is_too_large, read_ahead
from ..tables import Weighted, WorldTables, YearArray, as_float64, row_slabs
from .models import ErrorModel, TableError
from .rebuilt import rebuilt_year, require_rebuilt

# A rounded cell is uniform within half a unit: variance 1/12.
_ROUNDED = 1 / 12
_HALF = 0.5
# How far filled cells are off together: relative standard deviations of what a user
# gets, and of what a use gets of a good (``kernels.errors.filled``). Chosen
# against Antras and Chor (2018) on a grid of 0.05 and 0.1, so that their upstreamness,
# downstreamness, F/GO and VA/GO are within 95 % intervals as close to 95 % of the time
# as can be; of 1995, 2003 and 2011 any two choose these (bench/studies/coverage.py).
USER_DEVIATION = 0.2
USE_DEVIATION = 1.0


class RawYear(NamedTuple):
    """A year as published, and the weights that make it net of inventories.

    ``sales`` (n, 1) multiplies Z, ``demand`` (n, 1, f) the categories of Y; ``stocks``
    says which categories hold inventories, (n, f).
    """

    Z: Float[np.ndarray, "n m"]
    Y: Float[np.ndarray, "n c f"]
    x: Float[np.ndarray, " n"]
    sales: Float[np.ndarray, "n 1"]
    demand: Float[np.ndarray, "n 1 f"]

    @property
    def cells(self) -> Float[np.ndarray, "n N"]:
        """The cells that are computed with: see ``flows`` and ``final``."""
        return np.hstack([self.flows, self.final])

    @property
    def flows(self) -> Float[np.ndarray, "n n"]:
        """Z, net of inventories where that was asked for."""
        return self.Z if (self.sales == 1).all() else self.Z * self.sales

    @property
    def final(self) -> Float[np.ndarray, "n c"]:
        """Y summed over categories, net of inventories where that was asked for."""
        return (self.Y * self.demand).sum(axis=2)

    @property
    def corrected(self) -> np.ndarray:
        """Rows whose inventories were left out."""
        return (self.demand[:, 0] == 0).any(axis=1)


# The year, its coefficients, its inverse, deviations of its cells.
_MATRICES = 4


def read_raw_year(tables: WorldTables, k: int) -> RawYear:
    """Year number ``k`` of tables, which may be net of inventories.

    Raises ``TivaxError`` where a year does not fit in memory.
    """
    if is_too_large(tables.n):
        raise does_not_fit(tables.n, _MATRICES)
    flows, Y, x, sales, demand = _beside(tables, k)
    return RawYear(as_float64(flows[k]), Y, x, sales, demand)


def raw_final(tables: WorldTables, k: int) -> RawYear:
    """The same without flows."""
    _, *beside = _beside(tables, k)
    return RawYear(np.empty((tables.n, 0)), *beside)


def raw_slabs(
    tables: WorldTables, k: int, rows: int
) -> Iterator[tuple[slice, RawYear]]:
    """The same in slabs of whole regions of about so many rows, and which rows."""
    flows, *beside = _beside(tables, k)
    first = 0
    for Z in read_ahead(row_slabs(flows, k, rows)):
        at = slice(first, first + len(Z))
        yield at, RawYear(Z, *(part[at] for part in beside))
        first = at.stop


def _beside(tables: WorldTables, k: int) -> tuple[YearArray, *tuple[np.ndarray, ...]]:
    """All Z as published, and the fields of ``RawYear`` beside that of year ``k``."""
    n, f = tables.n, len(tables.categories)
    sales, demand = np.ones((n, 1)), np.ones((n, 1, f))
    flows, final = tables.Z, tables.Y
    if isinstance(flows, Weighted) and isinstance(final, Weighted):
        sales, demand = flows.weights[k], final.weights[k]
        flows, final = flows.flows, final.flows
    Y = as_float64(final[k]).reshape(n, len(tables.regions), f)
    x = tables.output(slice(k, k + 1))[0]
    return flows, Y, x, sales, np.broadcast_to(demand, (n, 1, f))


class YearErrors:
    """The errors of every year: made once, so that files are read and checked once."""

    def __init__(self, tables: WorldTables, model: ErrorModel) -> None:
        self._tables, self._model = tables, model
        if any(each.kind == "rebuilt" for each in model.errors):
            require_rebuilt(tables)
        self._given = {
            Path(each.file): _read_deviations(Path(each.file), tables)
            for each in model.errors
            if each.file is not None
        }

    def of(
        self,
        k: int,
        raw: RawYear | None = None,
        at: slice = slice(None),
        *,
        filled: bool | None = None,
    ) -> kernels.Errors:
        """The errors of year number ``k``.

        ``raw`` may have its rows ``at`` only, those of whole regions: then margins are
        those of the rows, and ``filled`` says whether any cell of the year was.
        """
        raw = read_raw_year(self._tables, k) if raw is None else raw
        c = len(self._tables.regions)
        independent, shared, shares, rebuilt = [], [], [], []
        output = below = None
        for each in self._model.errors:
            if each.kind == "rebuilt":
                rebuilt.append(rebuilt_year(self._tables, k, raw.Z, raw.Y))
                continue
            if each.kind == "shares":
                alpha = jnp.asarray(each.concentration)
                made = import_share_errors(jax.device_put(raw.cells), alpha, regions=c)
                shares.append(made)
                continue
            rows, columns = "row" in each.margins, "column" in each.margins
            if each.kind == "rounding":
                cells, output, below = self._rounding(k, raw, rows, columns, filled)
                independent.insert(0, cells)
                continue
            # Margins subtract most of a gradient from itself.
            precise = jnp.float64 if rows or columns else jnp.float32
            if each.kind == "lognormal":
                S = kernels.lognormal_variances(
                    *(jnp.asarray(k, precise) for k in (raw.flows, raw.final)),
                    *(jnp.asarray(k, precise) for k in (each.a, each.b)),
                )
            else:
                S = jnp.asarray(self._published(each, k, raw, at), precise)
            margins = kernels.held_margins(S, rows=rows, columns=columns)
            if each.shared == "none":
                independent.append(kernels.IndependentErrors(S, margins))
            else:
                group = jax.device_put(
                    _groups(each.shared, c, len(self._tables.sectors))[at]
                )
                sigma = jnp.sqrt(S.astype(jnp.float64))
                shared.append(kernels.SharedErrors(sigma, group, margins))
        parts = tuple(independent), tuple(shared), tuple(shares)
        return kernels.Errors(*parts, output, below, tuple(rebuilt))

    def _rounding(
        self, k: int, raw: RawYear, rows: bool, columns: bool, any_filled: bool | None
    ) -> tuple[kernels.IndependentErrors, kernels.OutputErrors, FilledCells | None]:
        """Errors of cells, of output (and inventories left out), of filled cells.

        Where cells were filled a row adds up to its output, and is held to it.
        """
        Z, Y = self._rounded(k, raw)
        x = raw.x
        whole = (x != 0) & (x == np.rint(x))
        S = np.hstack([Z * raw.sales**2, (Y * raw.demand**2).sum(axis=2)])
        any_filled = has_filled(raw) if any_filled is None else any_filled
        filled = self._filled(raw) if any_filled else None
        variance = jax.device_put(np.where(whole, _ROUNDED, 0))
        growth = None if filled is None else jax.device_put(raw.sales[:, 0])
        output = kernels.OutputErrors(variance, growth=growth)
        corrected, left_out = raw.corrected, raw.demand[:, 0] == 0
        if corrected.any():
            N = (raw.Y.sum(axis=1) * left_out).sum(axis=1)
            sold = np.where(corrected, x - N, 1)
            per_sale = np.where(corrected, 1 / sold, 0)
            per_output = np.where(corrected, 1 / np.where(x > 0, x, 1) - per_sale, 0)
            stocks = (Y.sum(axis=1) * left_out).sum(axis=1)
            output = output._replace(
                stocks=jax.device_put(stocks),
                per_output=jax.device_put(per_output),
                per_stock=jax.device_put(per_sale),
            )
        rows, beside = rows or growth is not None, None
        if growth is not None:
            beside = output.beside
        precise = jnp.float64 if rows or columns else jnp.float32
        made = jnp.asarray(S, precise)
        margins = kernels.held_margins(made, beside, rows=rows, columns=columns)
        return kernels.IndependentErrors(made, margins), output, filled

    def _rounded(self, k: int, raw: RawYear) -> tuple[np.ndarray, np.ndarray]:
        """Variances of cells of Z and Y that were rounded."""
        Z, Y = _rounded(raw.Z), _rounded(raw.Y)
        if Z is None or Y is None:
            year = self._tables.years[k]
            raise TivaxError(
                f"{year}: cells are not whole units, so they were not rounded; the "
                "error model rounding is for tables such as the R edition of WIOD "
                "2013, best imported with --derounded"
            )
        return Z, Y

    def _filled(self, raw: RawYear) -> FilledCells:
        """Cells below half a unit."""
        n, c, f = raw.Y.shape
        s = len(self._tables.sectors)
        cells = np.hstack([raw.Z * raw.sales, (raw.Y * raw.demand).reshape(n, c * f)])
        units = np.hstack([raw.Z, raw.Y.reshape(n, c * f)])
        below = _is_filled(units)
        users = np.pad(np.tile(np.eye(s), (c, 1)), ((0, 0), (0, f)))
        final = np.pad(np.tile(np.eye(f), (c, 1)), ((0, 0), (s, 0)))
        made = np.where(below, cells, 0), np.tile(np.eye(s), (n // s, 1))
        use = np.concatenate([users, final])
        return FilledCells(
            *map(jnp.asarray, (*made, use, USER_DEVIATION, USE_DEVIATION))
        )

    def _published(
        self, error: TableError, k: int, raw: RawYear, at: slice
    ) -> np.ndarray:
        """Variances of cells from published deviations."""
        given = self._given[Path(error.file or "")][self._tables.years[k]]
        Z, Y = (part[at] for part in given)
        final = ((Y * raw.demand) ** 2).sum(axis=2)
        return np.hstack([(Z * raw.sales) ** 2, final])


def has_filled(raw: RawYear) -> bool:
    """True if cells were filled below half a unit."""
    return bool(_is_filled(raw.Z).any() or _is_filled(raw.Y).any())


def _is_filled(cells: np.ndarray) -> np.ndarray:
    return (cells != 0) & (np.abs(cells) <= _HALF)


def _rounded(cells: np.ndarray) -> np.ndarray | None:
    """Variances of cells in whole units or filled below half of one; else None."""
    size = np.abs(cells)
    whole = cells == np.rint(cells)
    filled = ~whole & (size <= _HALF)
    if not (whole | filled).all():
        return None
    return np.where(filled, size**2, np.where(size > 0, _ROUNDED, 0))


def _groups(shared: str, regions: int, sectors: int) -> np.ndarray:
    """1 where a row belongs to a group of rows that err together."""
    n = regions * sectors
    if shared == "country":
        return np.repeat(np.eye(regions), sectors, axis=0)
    if shared == "product":
        return np.tile(np.eye(sectors), (regions, 1))
    return np.ones((n, 1))


def _read_deviations(
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
