"""Kinds of errors of tables: what a model says of each, its arrays, its part of a year.

A kind has one class here, with the arrays of its errors by slab and the distribution
it is drawn from; the formulas of both are one module of ``kernels.errors``. What a user
states of it is in ``table_errors``.
"""

from collections.abc import Iterable
from typing import Any, ClassVar, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...kernels.errors import cells, import_shares, rounding
from ...kernels.errors.kind import CellErrors, Distribution, DrawsOfYear
from ...kernels.errors.margins import HeldSums, held_sums
from ...kernels.errors.random_cells import rates_of_rounded
from ...kernels.errors.rebuilt import RebuiltErrors
from ..core import TivaxError, percent_text, warn
from ..streaming import does_not_fit, is_too_large
from ..tables import WorldTables
from .deviations import read_deviations
from .rebuilt import rebuilt_year, require_rebuilt
from .slabs import RawYear, Slabs, YearSlab
from .table_errors import Given, InYears, Kind, Lognormal, Margin, Shares, TableError

# A rounded cell is uniform within half a unit: variance 1/12.
_ROUNDED = 1 / 12
_HALF = 0.5
_EMPTY = 0.1  # share of cells that are 0 from which intervals say too little
# How far filled cells are off together: relative standard deviations of what a user
# gets, and of what a use gets of a good (``kernels.errors.rounding``). Chosen
# against Antras and Chor (2018) on a grid of 0.05 and 0.1, so that their upstreamness,
# downstreamness, F/GO and VA/GO are within 95 % intervals as close to 95 % of the time
# as can be; of 1995, 2003 and 2011 any two choose these (bench/studies/coverage.py).
USER_DEVIATION = 0.2
USE_DEVIATION = 1.0


class Held(NamedTuple):
    """Sums that errors leave as they are; ``output``: rows add up to their output."""

    rows: bool
    columns: bool
    output: bool = False

    @property
    def precise(self) -> jnp.dtype:
        """Precision of variances: margins subtract most of a gradient from itself."""
        return jnp.dtype("float64" if self.rows or self.columns else "float32")

    def sums(
        self,
        S: Float[Array, "r N"],
        year: Slabs,
        beside: Float[np.ndarray, " r"] | None = None,
    ) -> HeldSums:
        """Sums of a slab, which holds columns where it is all there is."""
        columns = self.columns and year.whole
        return held_sums(S, beside, rows=self.rows, columns=columns)


class KindOfError:
    """One error of a model in the tables.

    ``alone``: arrays of one measure fill a cache. ``worst_gap`` is what a draw may miss
    of known sums. Raises ``TivaxError`` where the tables do not fit the error.
    """

    alone: ClassVar[bool] = False
    worst_gap: ClassVar[float] = 1e-9

    error: Any  # of ``table_errors``, of the same kind

    def __init__(self, error: TableError, tables: WorldTables) -> None:
        self.error, self.tables = error, tables

    def distribution(self, year: Slabs) -> Distribution:
        """The errors of a year in memory, for draws."""
        raise NotImplementedError

    def draws(self, year: Slabs) -> Distribution:
        """The same by year, or for all years together."""
        found = self.distribution(year)
        if not isinstance(self.error, InYears):
            return found
        shared = self.error.over_years == "shared"
        return DrawsOfYear(found, jnp.asarray(0 if shared else year.year))


class OfRows(KindOfError):
    """Errors that a slab has by itself, but for sums over columns.

    ``moves_output``: they need derivatives by reported output.
    """

    moves_output: ClassVar[bool] = False

    def held(self, year: Slabs) -> Held:
        """The sums that are left as they are."""
        return Held(*(k in self.error.margins for k in get_args(Margin)))

    def errors(self, slab: YearSlab, held: Held, year: Slabs) -> tuple[CellErrors, ...]:
        """The errors of a slab: of its cells, and beside them of several together."""
        raise NotImplementedError


class OfYear(KindOfError):
    """Errors whose arrays are of the year as a whole."""

    def of_year(self, year: Slabs) -> CellErrors:
        raise NotImplementedError


class _OfCells(OfRows):
    """Errors of given variances, by cell or of groups of rows together."""

    def variances(self, slab: YearSlab, year: Slabs, held: Held) -> Float[Array, "r N"]:
        raise NotImplementedError

    def errors(
        self, slab: YearSlab, held: Held, year: Slabs
    ) -> tuple[cells.IndependentErrors | cells.SharedErrors]:
        S = self.variances(slab, year, held)
        if self.error.shared == "none":
            return (cells.IndependentErrors(S, held.sums(S, year)),)
        c, s = len(self.tables.regions), len(self.tables.sectors)
        group = jax.device_put(_groups(self.error.shared, c, s)[slab.at])
        sigma = jnp.sqrt(S.astype(jnp.float64))
        return (cells.SharedErrors(sigma, group, held.sums(S, year)),)

    def _drawn_from(
        self, year: Slabs
    ) -> tuple[Float[Array, "n N"], Float[Array, "n g"] | None, HeldSums]:
        """Variances, groups of rows, held sums."""
        (found,) = self.errors(year.all, self.held(year), year)
        shared = isinstance(found, cells.SharedErrors)
        group = found.group.astype(jnp.float32) if shared else None
        return found.variances, group, found.held


class LognormalKind(_OfCells):
    """A relative standard deviation a z^-b of each cell."""

    error: Lognormal

    def variances(self, slab: YearSlab, year: Slabs, held: Held) -> Float[Array, "r N"]:
        parts = *slab.table, self.error.a, self.error.b
        return cells.lognormal_variances(*(jnp.asarray(k, held.precise) for k in parts))

    def distribution(self, year: Slabs) -> cells.LognormalDraws:
        error, F, totals = self.error, year.all.raw.cells, None
        variance, group, _ = self._drawn_from(year)
        if error.margins:
            totals = cells.Totals(
                jax.device_put(F),
                jax.device_put(F.sum(axis=1)) if "row" in error.margins else None,
                jax.device_put(F.sum(axis=0)) if "column" in error.margins else None,
            )
        square = np.where(F != 0, F, 1) ** 2
        relative = error.a**2 if error.b == 0 else np.asarray(variance, float) / square
        s = jnp.asarray(np.sqrt(np.log1p(relative)), jnp.float32)
        return cells.LognormalDraws(s, group, totals)


class GivenKind(_OfCells):
    """Standard deviations of cells that somebody publishes."""

    error: Given

    def __init__(self, error: Given, tables: WorldTables) -> None:
        super().__init__(error, tables)
        if is_too_large(tables.n, held=1):
            raise does_not_fit(tables.n, 1)
        self._by_year = read_deviations(error.file, tables)

    def variances(self, slab: YearSlab, year: Slabs, held: Held) -> Float[Array, "r N"]:
        Z, Y = (part[slab.at] for part in self._by_year[year.year])
        final = ((Y * slab.raw.demand) ** 2).sum(axis=2)
        S = np.hstack([(Z * slab.raw.sales) ** 2, final])
        return jnp.asarray(S, held.precise)

    def distribution(self, year: Slabs) -> cells.GivenDraws:
        variance, group, held = self._drawn_from(year)
        sigma = jnp.sqrt(variance).astype(jnp.float32)
        S = variance if self.error.margins else None
        return cells.GivenDraws(sigma, group, S, held)


class RoundingKind(OfRows):
    """Cells, output and inventories rounded to whole units, or filled below half of
    one. Where cells were filled a row adds up to its output, and is held to it."""

    moves_output = True
    _told = False

    def held(self, year: Slabs) -> Held:
        rows, columns, _ = super().held(year)
        every = (k for slab in year for k in (slab.raw.Z, slab.raw.Y))
        filled = any(_is_filled(k).any() for k in every)
        empty = np.mean([np.mean(slab.raw.Z == 0) for slab in year])
        if not filled and empty > _EMPTY and not self._told:
            self._told = True
            warn(
                f"error rounding: {year.year}: {percent_text(empty)} of the cells of "
                "Z are 0, which small cells become by rounding and intervals leave "
                "out; import with --derounded"
            )
        return Held(rows or filled, columns, filled)

    def errors(
        self, slab: YearSlab, held: Held, year: Slabs
    ) -> tuple[rounding.RoundedErrors, *tuple[rounding.FilledErrors, ...]]:
        raw = slab.raw
        Z, Y = self._rounded(raw, year)
        S = np.hstack([Z * raw.sales**2, (Y * raw.demand**2).sum(axis=2)])
        whole = (raw.x != 0) & (raw.x == np.rint(raw.x))
        output, stocks = np.where(whole, _ROUNDED, 0), None
        corrected, left_out = raw.corrected, raw.demand[:, 0] == 0
        variance = (Y.sum(axis=1) * left_out).sum(axis=1)
        if corrected.any():
            N = (raw.Y.sum(axis=1) * left_out).sum(axis=1)
            per_sale = np.where(corrected, 1 / np.where(corrected, raw.x - N, 1), 0)
            per_output = 1 / np.where(raw.x > 0, raw.x, 1) - per_sale
            parts = variance, np.where(corrected, per_output, 0), per_sale
            stocks = rounding.Stocks(*jax.device_put(parts))
        growth = beside = None
        if held.output:
            growth = raw.sales[:, 0]
            beside = growth**2 * (output + (0 if stocks is None else variance))
        made = jnp.asarray(S, held.precise)
        sums = held.sums(made, year, beside)
        rounded = rounding.RoundedErrors(
            made, sums, jax.device_put(output), stocks, jax.device_put(growth)
        )
        return (rounded, *([self._filled(raw)] if held.output else []))

    def distribution(self, year: Slabs) -> rounding.RoundedDraws:
        held, F = self.held(year), year.all.raw.cells
        found, *more = self.errors(year.all, held, year)
        rate = jnp.asarray(rates_of_rounded(F, np.asarray(found.S)), jnp.float32)
        whole = (found.output > 0).astype(jnp.float64)
        filled = None
        if more:
            filled = jax.tree.map(lambda k: k.astype(jnp.float32), more[0])
        S = found.S if self.error.margins or more else None
        return rounding.RoundedDraws(rate, S, found.held, whole, filled)

    def _rounded(self, raw: RawYear, year: Slabs) -> tuple[np.ndarray, np.ndarray]:
        """Variances of cells of Z and Y that were rounded."""
        Z, Y = _variances_of_rounded(raw.Z), _variances_of_rounded(raw.Y)
        if Z is None or Y is None:
            raise TivaxError(
                f"{year.year}: cells are not whole units, so they were not rounded; "
                "the error model rounding is for tables such as the R edition of WIOD "
                "2013, best imported with --derounded"
            )
        return Z, Y

    def _filled(self, raw: RawYear) -> rounding.FilledErrors:
        """Cells below half a unit."""
        n, c, f = raw.Y.shape
        s = len(self.tables.sectors)
        net = np.hstack([raw.Z * raw.sales, (raw.Y * raw.demand).reshape(n, c * f)])
        units = np.hstack([raw.Z, raw.Y.reshape(n, c * f)])
        users = np.pad(np.tile(np.eye(s), (c, 1)), ((0, 0), (0, f)))
        final = np.pad(np.tile(np.eye(f), (c, 1)), ((0, 0), (s, 0)))
        made = np.where(_is_filled(units), net, 0), np.tile(np.eye(s), (n // s, 1))
        parts = *made, np.concatenate([users, final]), USER_DEVIATION, USE_DEVIATION
        return rounding.FilledErrors(*map(jnp.asarray, parts))


class SharesKind(OfYear):
    """Partners of each user, which are not known: all have those of all users."""

    error: Shares

    def of_year(self, year: Slabs) -> import_shares.ImportShareErrors:
        sold, bought, c = [], np.zeros(()), len(self.tables.regions)
        s = len(self.tables.sectors)
        for slab in year:
            first = np.int64((slab.at.start or 0) // s)
            found = import_shares.imports(slab.raw.cells, first, regions=c)
            some, more = jax.device_get(found)
            sold.append(some)
            bought = bought + more
        return import_shares.shares_of_imports(
            np.concatenate(sold), bought, np.float64(self.error.concentration)
        )

    distribution = of_year


class RebuiltKind(OfYear):
    """Errors of tables that were rebuilt, of which national tables do not tell all."""

    alone = True
    # What a fit of trade leaves goes to the rest of the world, so that margins hold.
    worst_gap = 1e-4

    def __init__(self, error: TableError, tables: WorldTables) -> None:
        super().__init__(error, tables)
        require_rebuilt(tables)

    def of_year(self, year: Slabs) -> RebuiltErrors:
        if not year.whole:
            raise TivaxError(
                "error rebuilt: a year is worked on in memory; free some of it or give "
                "more"
            )
        raw = year.all.raw
        return RebuiltErrors(rebuilt_year(self.tables, year.number, raw.Z, raw.Y))

    distribution = of_year


_KINDS: dict[Kind, type[OfRows | OfYear]] = {
    "rounding": RoundingKind,
    "shares": SharesKind,
    "lognormal": LognormalKind,
    "given": GivenKind,
    "rebuilt": RebuiltKind,
}


def kinds_of(
    errors: Iterable[TableError], tables: WorldTables
) -> tuple[OfRows | OfYear, ...]:
    """The errors of a model in tables; files are read and checked once."""
    return tuple(_KINDS[each.kind](each, tables) for each in errors)


def _is_filled(values: np.ndarray) -> np.ndarray:
    return (values != 0) & (np.abs(values) <= _HALF)


def _variances_of_rounded(values: np.ndarray) -> np.ndarray | None:
    """Variances of cells in whole units or filled below half of one; else None."""
    size = np.abs(values)
    whole = values == np.rint(values)
    filled = ~whole & (size <= _HALF)
    if not (whole | filled).all():
        return None
    return np.where(filled, size**2, np.where(size > 0, _ROUNDED, 0))


def _groups(shared: str, regions: int, sectors: int) -> np.ndarray:
    """1 where a row belongs to a group of rows that err together."""
    if shared == "country":
        return np.repeat(np.eye(regions), sectors, axis=0)
    if shared == "product":
        return np.tile(np.eye(sectors), (regions, 1))
    return np.ones((regions * sectors, 1))
