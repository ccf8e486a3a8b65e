"""Cells, pairs of regions and sectors that move a measure most: ``tx.sensitivity``."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Array, Float

from ...kernels import leontief
from ...kernels import sensitivity as kernels
from ...kernels.sensitivity import Sides
from ..core import (
    Listing,
    Printable,
    TivaxError,
    in_float64,
    number_text,
    require_choice,
    require_kind,
    require_whole,
    suggest,
)
from ..measures import INDICATORS, LEVELS, Account, ValueAdded, indicators_at
from ..tables import WorldTables, require_tables, year_of
from .indicator_errors import IndicatorSet, indicator_values
from .slabs import RawYear, read_raw_year
from .solved import YearInMemory, solve_table
from .trade_errors import (
    FOOTPRINTS,
    TRADE_FLOWS,
    TRADE_MEASURES,
    asked_of,
    derivatives,
    flows_of,
    measure_code,
    perimeters_with_partners,
    with_measures,
)

FINAL_DEMAND = "final demand"
"""The user of a cell of Y."""


@dataclass(frozen=True, eq=False, repr=False)
class Sensitivity(Printable):
    """The derivatives of one measure of one region with respect to every cell.

    Attributes
    ----------
    measure, region, sector, year, value
        Measure that was differentiated, and its value.
    flows, gradient
        The cells of Z and Y, (n, n + c), and the derivative with respect to each, per
        unit of the tables; reported output is held fixed.
    by_value_added
        The derivative with respect to a value-added row or account, (n,); None where
        value added is output less inputs.
    unit
        Unit of the measure.

    Examples
    --------
    >>> found = tx.sensitivity(world, "tbi", "R01", year=2000)
    >>> found.by_sector.round(5)
    sector
    S04   -0.00448
    S02    0.00365
    S01    0.00072
    S03    0.00060
    Name: effect, dtype: float64
    """

    measure: str
    region: str
    sector: str | None
    year: int
    value: float
    flows: Float[np.ndarray, "n N"]
    gradient: Float[np.ndarray, "n N"]
    by_value_added: Float[np.ndarray, " n"] | None
    regions: tuple[str, ...]
    sectors: tuple[str, ...]
    unit: str = ""

    @cached_property
    def effects(self) -> Float[np.ndarray, "n N"]:
        """Effect of 1 % more of each cell on the measure, to first order."""
        return 0.01 * self.gradient * self.flows

    def cells(self, top: int = 20) -> pd.DataFrame:
        """The cells whose 1 % moves the measure most, in order of size.

        Columns: seller, sector, user, user_sector (``final demand`` for cells of Y),
        flow, derivative, effect (of 1 % more of the cell).
        """
        require_whole("top", top, 1)
        size = np.abs(self.effects).ravel()
        first = np.argpartition(-size, min(top, size.size) - 1)[:top]
        first = first[np.argsort(-size[first], kind="stable")]
        i, j = np.unravel_index(first, self.effects.shape)
        s, n = len(self.sectors), len(self.flows)
        of_z = j < n
        user = np.where(of_z, j // s, j - n)
        using = np.array([*self.sectors, FINAL_DEMAND], object)
        return pd.DataFrame(
            {
                "seller": np.array(self.regions)[i // s],
                "sector": np.array(self.sectors)[i % s],
                "user": np.array(self.regions)[user],
                "user_sector": using[np.where(of_z, j % s, s)],
                "flow": self.flows[i, j],
                "derivative": self.gradient[i, j],
                "effect": self.effects[i, j],
            }
        )

    @property
    def pairs(self) -> xr.DataArray:
        """Effect of 1 % more of all that a region sells to another, (seller, user)."""
        c, s, n = len(self.regions), len(self.sectors), len(self.flows)
        inputs = self.effects[:, :n].reshape(c, s, c, s).sum(axis=(1, 3))
        final = self.effects[:, n:].reshape(c, s, c).sum(axis=1)
        labels = {"seller": list(self.regions), "user": list(self.regions)}
        about = {
            "units": self.unit,
            "long_name": f"effect of 1 % more sales on {self.title}",
        }
        return xr.DataArray(inputs + final, labels, list(labels), attrs=about)

    @property
    def by_sector(self) -> pd.Series:
        """Effect of 1 % more of all sales of a sector, by sector, largest first."""
        total = self.effects.sum(axis=1).reshape(-1, len(self.sectors)).sum(axis=0)
        effects = pd.Series(total, pd.Index(self.sectors, name="sector"), name="effect")
        return effects.iloc[np.argsort(-np.abs(total), kind="stable")]

    @property
    def title(self) -> str:
        """The measure, its region (and sector) and year."""
        where = self.region if self.sector is None else f"{self.region}:{self.sector}"
        return f"{self.measure} of {where}, {self.year}"

    def _listings(self) -> Sequence[Listing]:
        rows = [
            (
                f"{k['seller']}:{k['sector']}",
                f"{k['user']}:{k['user_sector']}",
                number_text(float(k["flow"])),
                number_text(float(k["effect"])),
            )
            for k in self.cells(10).to_dict("records")
        ]
        title = f"{self.title} = {number_text(self.value)}; effect of 1 % more"
        return [Listing(title, ("seller", "user", "flow", "effect"), rows)]


@in_float64
def sensitivity(
    tables: WorldTables,
    measure: str,
    region: str,
    *,
    sector: str | None = None,
    year: int | None = None,
    value_added: ValueAdded = "residual",
) -> Sensitivity:
    """The cells, pairs of regions and sectors that move a measure most.

    Exact derivatives with respect to every cell of Z and Y, with reported output held
    fixed, from one adjoint solve.

    Parameters
    ----------
    tables
        In memory or lazy.
    measure
        va_exports, va_imports, gross_exports, gross_imports, vax_ratio, tbi, or an
        indicator (``INDICATORS``) that has the level country, or sector.
    region, sector
        Whose measure; ``sector`` for indicators by sector.
    year
        The last by default.
    value_added
        As in :func:`value_added_trade`.

    Returns
    -------
    Sensitivity
        ``cells()`` the cells that matter most, ``pairs`` of regions, ``by_sector``,
        ``gradient`` of every cell; printed, the ten largest.

    Raises
    ------
    TivaxError
        An unknown measure, region, sector or year; a measure that is not defined there.

    Examples
    --------
    >>> found = tx.sensitivity(world, "tbi", "R01", year=2000)
    >>> found.cells(2)[["seller", "sector", "user", "user_sector"]]
      seller sector user   user_sector
    0    R02    S04  R01  final demand
    1    R01    S02  ROW           S02
    >>> found.pairs.to_pandas().round(5)
    user        R01      R02      ROW
    seller
    R01    -0.00164  0.00146  0.00403
    R02    -0.00477  0.00077  0.00017
    ROW    -0.00307  0.00094  0.00261
    """
    measure = measure_code(measure)
    account = require_measure(
        "sensitivity", tables, measure, [region], sector, value_added
    )
    year = year_of(tables, year)
    k = tables.years.index(year)
    rows = account.rows(tables)
    raw = read_raw_year(tables, k)
    row = None if rows is None else jax.device_put(rows[k])
    if measure in (*TRADE_MEASURES, *FOOTPRINTS):
        Z, x, Y = (jax.device_put(k) for k in (raw.flows, raw.x, raw.final))
        solved = solve_table(Z, x, Y, row, regions=Y.shape[1], exact=True)
        value, gradient, added = _of_trade(tables, solved, measure, region, row is None)
    else:
        value, gradient, added = _of_indicator(
            tables, raw, row, measure, region, sector, account.satellite is None
        )
    if not np.isfinite(value) or not np.isfinite(gradient).all():
        raise TivaxError(
            f"{measure} of {region} is not defined in {year}: its base is 0"
        )
    return Sensitivity(
        measure,
        region,
        sector,
        year,
        value,
        raw.cells,
        gradient,
        added,
        tuple(map(str, tables.regions)),
        tuple(map(str, tables.sectors)),
        measure_unit(measure, tables.unit, account.unit(tables)),
    )


def require_measure(
    function: str,
    tables: WorldTables,
    measure: str,
    regions: Sequence[str],
    sector: str | None,
    value_added: ValueAdded,
    partner: str | None = None,
) -> Account:
    """Account that the measure of these regions (of the sector, with the partner)
    traces; it must have derivatives.

    Raises ``TivaxError`` where it has none.
    """
    require_tables(tables)
    expected = "tbi, another measure of trade or the name of an indicator"
    require_kind("measure", measure, str, expected)
    known = [*TRADE_MEASURES, *FOOTPRINTS, *INDICATORS]
    if measure not in known:
        message = f"no measure {measure}: {suggest(measure, known)}"
        raise TivaxError(message, argument="measure")
    for region in regions:
        require_choice("region", region, tables.regions)
    if sector is not None:
        require_choice("sector", sector, tables.sectors)
    if partner is not None:
        require_choice("partner", partner, tables.regions)
    if tables.parents:
        part, whole = next(iter(tables.parents.items()))
        raise TivaxError(
            f"{function}: {part} is a part of a split region; add the parts up first: "
            f'`tivax aggregate STORE --groups FILE` with {whole} = ["{whole}"] in the '
            "TOML file, or regions= of tx.aggregate"
        )
    account = Account(value_added)
    if measure not in INDICATORS:
        for name, given in (("sector", sector), ("partner", partner)):
            if given is not None:
                raise TivaxError(
                    f"{measure} by {name}: leave out {name}, or take an indicator"
                )
        return account
    level = level_of(sector, partner)
    indicators_at([measure], level, tables, value_added)
    if INDICATORS[measure].by_use:
        raise TivaxError(f"{function}: {measure} is by use of final demand; take FD_VA")
    return account


def level_of(sector: str | None, partner: str | None) -> str:
    """The level that has the sector and the partner, if these are given."""
    detail = (sector is not None, partner is not None)
    return next(name for name, of in LEVELS.items() if of == detail)


def measure_unit(measure: str, gross: str, added: str) -> str:
    """The unit of a measure, of the units of gross flows and of value added."""
    if measure in INDICATORS:
        one = INDICATORS[measure]
        return one.unit or (gross if one.gross else added)
    return {"tbi": "1", "vax_ratio": "1"}.get(
        measure, gross if measure in TRADE_FLOWS[2:] else added
    )


def _of_trade(
    tables: WorldTables, year: YearInMemory, measure: str, region: str, residual: bool
) -> tuple[float, np.ndarray, np.ndarray | None]:
    own = perimeters_with_partners(tables).only(region)
    borders, measure = asked_of(measure, own)
    flows = flows_of(year, borders, gross=True)
    weights = derivatives({k: v[0] for k, v in flows.items()})[measure]
    dJ, dv = _trade_gradient(
        year,
        Sides(jax.device_put(borders.inside[0]), jax.device_put(borders.partners[0])),
        jax.device_put(weights),
        residual=residual,
    )
    value = float(with_measures(flows)[measure][0, 0])
    added = None if residual else np.asarray(dv * year.products.scale)
    return value, np.asarray(dJ), added


@partial(jax.jit, static_argnames="residual")
def _trade_gradient(
    year: YearInMemory, borders: Sides, weights: Float[Array, "4 1"], *, residual: bool
) -> tuple[Float[Array, "n N"], Float[Array, " n"]]:
    """Every cell of the gradient, and dJ/dv, of a function of the four flows."""
    found = kernels.trade_gradients(
        year.Z * year.products.scale[None, :],
        year.products,
        Sides(borders.inside[None], borders.partners[None]),
        weights.T,
        active=(year.x > 0).astype(year.x.dtype),
        size=year.Y.sum(axis=1),
        residual=residual,
    )
    one = jax.tree.map(lambda each: each[0], found.cells)
    return one.cells()[0, 0], found.by_value_added[0]


def _of_indicator(
    tables: WorldTables,
    raw: RawYear,
    row: Float[Array, " n"] | None,
    measure: str,
    region: str,
    sector: str | None,
    priced: bool,
) -> tuple[float, np.ndarray, np.ndarray | None]:
    r = tables.regions.index(region)
    i = 0 if sector is None else tables.sectors.index(sector)
    sizes = len(tables.sectors), len(tables.regions)
    asked = IndicatorSet((measure,), (level_of(sector, None),), *sizes, priced)
    found, slopes = _indicator_gradient(
        *jax.device_put((raw.flows, raw.x, raw.final)),
        row,
        jnp.asarray(r),
        jnp.asarray(i),
        asked=asked,
    )
    dZ, dY, drow = slopes
    gradient = np.hstack([np.asarray(dZ), np.asarray(dY)])
    return float(found), gradient, None if drow is None else np.asarray(drow)


@partial(jax.jit, static_argnames="asked")
def _indicator_gradient(
    Z: Float[Array, "n n"],
    x: Float[Array, " n"],
    Y: Float[Array, "n c"],
    row: Float[Array, " n"] | None,
    region: Array,
    sector: Array,
    *,
    asked: IndicatorSet,
) -> tuple[Array, tuple[Array, Array, Array | None]]:
    B = leontief.inverse(Z * leontief.per_dollar(x)[None, :])

    def value(Z: Array, Y: Array, row: Array | None) -> Array:
        found = indicator_values(
            Z, x, Y, row=row, member=None, uses=None, B=B, asked=asked
        )
        return asked.only(found)[region, sector, 0]

    return jax.value_and_grad(value, argnums=(0, 1, 2))(Z, Y, row)
