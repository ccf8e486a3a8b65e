"""Measures of a table that is given by coefficients, final demand and value added, for
several regions at once: their values, and what the factors add to them."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...kernels import leontief, sensitivity
from ...kernels.change.attribution import FactorEffects, dense_effects, low_rank_effects
from ...kernels.change.factors import CoefficientTable, Factors, directions
from ...kernels.operators import lazy_inverse
from ...kernels.sensitivity import Sides
from ..errors import (
    TRADE_FLOWS,
    IndicatorSet,
    RawYear,
    TradePerimeters,
    YearInMemory,
    asked_of,
    derivatives,
    flows_of,
    indicator_values,
    level_of,
    perimeters_with_partners,
    solve_table,
    with_measures,
)
from ..tables import WorldTables


class YearOfTable(NamedTuple):
    """One year: as published, and as coefficients."""

    raw: RawYear
    row: Float[Array, " n"] | None
    table: CoefficientTable
    active: Float[Array, " n"]


def year_of_table(raw: RawYear, row: Float[np.ndarray, " n"] | None) -> YearOfTable:
    """Coefficients of a year; ``row`` is value added where it is not a residual."""
    Z, x, Y = (jax.device_put(k) for k in (raw.flows, raw.x, raw.final))
    own = None if row is None else jax.device_put(row)
    residual = leontief.residual_value_added
    v = residual(Z, x) if own is None else own * leontief.per_dollar(x)
    table = CoefficientTable(leontief.input_coefficients(Z, x), Y, v)
    active = jax.device_put((raw.x > 0).astype(Z.dtype))
    return YearOfTable(raw, own, table, active)


class TradeMeasure:
    """One of ``TRADE_MEASURES`` or ``FOOTPRINTS``: a function of value added sold and
    bought, and of gross exports and imports."""

    def __init__(
        self, tables: WorldTables, measure: str, regions: tuple[str, ...]
    ) -> None:
        every = perimeters_with_partners(tables)
        picked = [every.names.index(k) for k in regions]
        own = TradePerimeters(
            list(regions), every.inside[picked], every.partners[picked]
        )
        self._borders, self._measure = asked_of(measure, own)
        self._regions = len(tables.regions)
        self._gross = measure in (*TRADE_FLOWS[2:], "vax_ratio")

    def reported(self, year: YearOfTable) -> Float[np.ndarray, " b"]:
        return self.values(year.table, year.active)

    def values(
        self, table: CoefficientTable, active: Float[Array, " n"]
    ) -> Float[np.ndarray, " b"]:
        flows = flows_of(self._solve(table, active), self._borders, gross=self._gross)
        return with_measures(flows)[self._measure][:, 0]

    def effects(
        self,
        table: CoefficientTable,
        active: Float[Array, " n"],
        moved: tuple[Factors, Factors],
    ) -> FactorEffects:
        year = self._solve(table, active)
        flows = flows_of(year, self._borders, gross=self._gross)
        weights = derivatives({k: v[:, 0] for k, v in flows.items()})[self._measure]
        put, borders = jax.device_put, self._borders
        sides = Sides(put(borders.inside), put(borders.partners))
        return _trade_effects(year, sides, put(weights[: len(flows)].T), moved)

    def _solve(
        self, table: CoefficientTable, active: Float[Array, " n"]
    ) -> YearInMemory:
        A, Y, v = table
        return solve_table(A, active, Y, v, regions=self._regions, exact=True)


@jax.jit
def _trade_effects(
    year: YearInMemory,
    borders: Sides,
    weights: Float[Array, "b f"],
    moved: tuple[Factors, Factors],
) -> FactorEffects:
    """Effects through A in place of Z: industries count as if each made one US$."""
    products = year.products._replace(scale=jnp.ones_like(year.x))
    found = sensitivity.trade_gradients(
        year.Z,
        products,
        borders,
        weights,
        active=year.x,
        size=year.Y.sum(axis=1),
        residual=False,
    )
    left, right = found.cells.left[:, :, 0], found.cells.right
    return low_rank_effects(left, right, found.by_value_added, directions(*moved))


class IndicatorMeasure:
    """An indicator of countries, or of one sector of theirs, or with one partner.

    It is that of the table that balances, in which output is x = B Y 1.
    """

    def __init__(
        self,
        tables: WorldTables,
        measure: str,
        regions: tuple[str, ...],
        sector: str | None,
        partner: str | None,
        *,
        priced: bool,
    ) -> None:
        self._chosen = jnp.asarray([tables.regions.index(k) for k in regions])
        place = 0 if sector is None else tables.sectors.index(sector)
        to = 0 if partner is None else tables.regions.index(partner)
        self._place = jnp.asarray([place, to])
        level = level_of(sector, partner)
        sizes = len(tables.sectors), len(tables.regions)
        self._asked = IndicatorSet((measure,), (level,), *sizes, priced)

    def reported(self, year: YearOfTable) -> Float[np.ndarray, " b"]:
        raw = year.raw
        found = _reported(
            *(jax.device_put(k) for k in (raw.flows, raw.x, raw.final)),
            year.row,
            self._place,
            asked=self._asked,
        )
        return np.asarray(found)[np.asarray(self._chosen)]

    def values(
        self, table: CoefficientTable, active: Float[Array, " n"]
    ) -> Float[np.ndarray, " b"]:
        B = leontief.inverse(table.A)
        found = _balanced(table, B, self._place, asked=self._asked)
        return np.asarray(found)[np.asarray(self._chosen)]

    def effects(
        self,
        table: CoefficientTable,
        active: Float[Array, " n"],
        moved: tuple[Factors, Factors],
    ) -> FactorEffects:
        given = table, moved, self._place, self._chosen
        return _indicator_effects(*given, asked=self._asked)


Measured = TradeMeasure | IndicatorMeasure
"""A measure of b regions as a function of a table: ``reported`` as other functions of
the package give it, ``values`` of a table in which ``active`` industries have output,
``effects`` of the factors at a point of the path (``moved``: that point, the step)."""


def _values(
    Z: Float[Array, "n n"],
    x: Float[Array, " n"],
    Y: Float[Array, "n c"],
    row: Float[Array, " n"] | None,
    B: Float[Array, "n n"],
    place: Array,
    asked: IndicatorSet,
) -> Float[Array, " c"]:
    found = indicator_values(Z, x, Y, row=row, member=None, uses=None, B=B, asked=asked)
    return asked.only(found)[:, place[0], place[1]]


@partial(jax.jit, static_argnames="asked")
def _reported(
    Z: Float[Array, "n n"],
    x: Float[Array, " n"],
    Y: Float[Array, "n c"],
    row: Float[Array, " n"] | None,
    place: Array,
    *,
    asked: IndicatorSet,
) -> Float[Array, " c"]:
    B = leontief.inverse(leontief.input_coefficients(Z, x))
    return _values(Z, x, Y, row, B, place, asked)


@partial(jax.jit, static_argnames="asked")
def _balanced(
    table: CoefficientTable,
    B: Float[Array, "n n"],
    place: Array,
    *,
    asked: IndicatorSet,
) -> Float[Array, " c"]:
    A, Y, v = table
    x = (lazy_inverse(A, B) @ Y).sum(axis=1)
    return _values(A * x[None, :], x, Y, v * x, B, place, asked)


@partial(jax.jit, static_argnames="asked")
def _indicator_effects(
    table: CoefficientTable,
    moved: tuple[Factors, Factors],
    place: Array,
    chosen: Array,
    *,
    asked: IndicatorSet,
) -> FactorEffects:
    B = leontief.inverse(table.A)
    ways = directions(*moved)
    of_table = partial(_balanced, B=B, place=place, asked=asked)
    values, back = jax.vjp(of_table, table)

    def one(region: Array) -> FactorEffects:
        here = (jnp.arange(len(values)) == region).astype(values.dtype)
        (slopes,) = back(here)
        return dense_effects(slopes, ways)

    found = jax.lax.map(one, chosen)
    return jax.tree.map(lambda k: jnp.moveaxis(k[..., 0], 0, -1), found)
