"""Standard errors of value-added and gross trade, by the delta method in closed form.

Four flows are enough: value added sold and bought, gross exports and imports. Their
covariances for a perimeter (or for each of its sectors) give the variance of every
measure that `tivax tbi` writes, a function of the four.
"""

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial, reduce
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from ...kernels import sensitivity
from ...kernels.absorption import by_region
from ...kernels.errors.rebuilt import RebuiltErrors
from ...kernels.sensitivity import Gradients, Products, Sides
from ..core import Progress, report
from ..measures import Account, ValueAdded
from ..streaming import is_too_large
from ..tables import AnyGroups, WorldTables, perimeters
from .drawn_trade import DrawnTrades
from .kinds import kinds_of
from .models import ErrorModel
from .parts import Part, parts_of
from .slabs import Slabs
from .solved import (
    SolvedTrade,
    YearInMemory,
    open_year,
    sellers,
    solve_in_slabs,
    solve_table,
)

TRADE_FLOWS = ("va_exports", "va_imports", "gross_exports", "gross_imports")
TRADE_MEASURES = (*TRADE_FLOWS, "vax_ratio", "tbi")
"""Measures that have a closed form, by region and by sector."""
FOOTPRINTS = ("production_based", "consumption_based")
"""Accounts of ``tx.footprints``, without what final demand itself has: flows of value
added, home included."""

# Matrices n x n that a year in memory holds: the flows, coefficients, variances; the
# inverse and contents by sector.
_BY_REGION, _BY_SECTOR = 4, 8
# Bytes of right-hand sides that are solved at once, and of gradients that are in
# memory; at least those of a perimeter. A solve holds about ten arrays of this size.
_AT_ONCE = 1 << 26


class TradePerimeters(NamedTuple):
    """Perimeters by name; ``inside``, ``partners`` (p, c) are 1 for their regions."""

    names: list[str]
    inside: np.ndarray
    partners: np.ndarray

    def only(self, name: str) -> "TradePerimeters":
        k = [self.names.index(name)]
        return TradePerimeters([name], self.inside[k], self.partners[k])


def perimeters_with_partners(
    tables: WorldTables, drop: Sequence[str] = (), groups: AnyGroups | None = None
) -> TradePerimeters:
    """The perimeters of results with regions dropped and grouped."""
    of_region = perimeters(tables, drop=drop, groups=groups)
    names = list(dict.fromkeys(of_region.values()))
    inside = np.array(
        [[of_region.get(code) == name for code in tables.regions] for name in names],
        float,
    )
    return TradePerimeters(names, inside, inside.sum(axis=0) - inside)


def measure_code(name: str) -> str:
    """The measure of that name, a footprint by the account that it is."""
    known = isinstance(name, str) and name == "footprint"
    return "consumption_based" if known else name


def asked_of(measure: str, borders: TradePerimeters) -> tuple[TradePerimeters, str]:
    """The perimeters and the measure of trade between them that a measure is.

    What is made at home is sold by the perimeter to all regions, a footprint is sold to
    it by all.
    """
    if measure not in FOOTPRINTS:
        return borders, measure
    every, own = borders.inside + borders.partners, borders.inside
    sold = (own, every) if measure == FOOTPRINTS[0] else (every, own)
    return TradePerimeters(borders.names, *sold), "va_exports"


@dataclass(frozen=True, eq=False)
class YearOfErrors:
    """A solved year and the errors of its cells; ``number`` in its tables."""

    number: int
    solved: SolvedTrade
    parts: Sequence[Part]
    residual: bool

    @property
    def products(self) -> Products:
        return self.solved.products

    def covariances(
        self, borders: TradePerimeters, *, by_sector: bool = False, gross: bool = True
    ) -> Float[np.ndarray, "b f f m"]:
        """Covariances of the first two or all four of ``TRADE_FLOWS`` for each
        perimeter; m are the sectors, or one. Rebuilt tables have those by sector from
        draws."""
        n, c = self.products.X.shape
        columns = 4 * (n // c) if by_sector else 2
        parts, found = self._parts(drawn=by_sector), []
        for some in _some(columns * n, borders.inside, borders.partners):
            if parts:
                flows = self._flows(Sides(*some), by_sector, gross)
                found.append(_sum(part.covariance(flows) for part in parts))
        total = np.concatenate(found) if found else np.zeros(())
        drawn = self._drawn if by_sector else ()
        return _sum([total, *(k.by_sector(*borders[1:]) for k in drawn)])

    def _flows(self, sides: Sides, by_sector: bool, gross: bool) -> "_Flows":
        used, solved = None, self.solved
        if gross:
            used = solved.inputs_abroad(sides, by_sector=by_sector)
        held, required = solved.contents(sides, used, by_sector=by_sector)
        every = sides, held, required
        return _Flows(self.products, solved.x, every, self.residual, by_sector)

    def absorbed(self, borders: TradePerimeters) -> Float[np.ndarray, "p p"]:
        """Standard errors of value added of each perimeter absorbed in each; of rebuilt
        tables from draws."""
        n, members = len(self.products.X), jax.device_put(borders.inside)
        parts, found = self._parts(drawn=True), []
        for (absorbers,) in _some(len(members) * n, borders.inside):
            if parts:
                pairs = _Pairs(self.products, members, absorbers, self.residual)
                found.append(_sum(part.covariance(pairs) for part in parts)[:, 0, 0])
        variance = np.maximum(np.concatenate(found), 0).T if found else np.zeros(())
        return np.sqrt(
            _sum([variance, *(k.absorbed(borders.inside) for k in self._drawn)])
        )

    def _parts(self, *, drawn: bool) -> list[Part]:
        """The errors of the model, without those that are ``drawn``."""
        return [part for part in self.parts if not (drawn and part.alone)]

    @cached_property
    def _drawn(self) -> list[DrawnTrades]:
        """Draws of rebuilt years, whose errors by sector and by pair would take a
        gradient each."""
        year, found = self.solved, []
        for errors in (e for part in self.parts if part.alone for e in part.errors):
            assert isinstance(year, YearInMemory) and isinstance(errors, RebuiltErrors)
            found.append(DrawnTrades(year, errors, residual=self.residual))
        return found


def solved_years(
    tables: WorldTables,
    model: ErrorModel,
    value_added: ValueAdded,
    progress: Progress,
    *,
    inverse: bool,
    memory: int | None = None,
) -> Generator[YearOfErrors, None, None]:
    """Every year, solved, with the errors of its cells.

    ``inverse`` where errors by sector are asked for. Years too large for ``memory`` are
    streamed.
    """
    rows = Account(value_added).rows(tables)
    total = len(tables.years)
    held = _BY_SECTOR if inverse else _BY_REGION
    large = is_too_large(tables.n, total, memory, held=held)
    kinds = kinds_of(model.errors, tables)
    report(progress, 0, total)
    for k in range(total):
        row = None if rows is None else jax.device_put(rows[k])
        if large:
            opened = open_year(tables, k, memory)
            solved = solve_in_slabs(opened, row)
            year = Slabs(tables, k, opened.year.flows.rows)
        else:
            year = Slabs(tables, k)
            (Z, Y), x = year.all.table, jax.device_put(year.all.raw.x)
            solved = solve_table(Z, x, Y, row, regions=Y.shape[1], inverse=inverse)
        yield YearOfErrors(k, solved, parts_of(kinds, year), rows is None)
        progress(k + 1, total)


def _sum(arrays: Iterable[np.ndarray]) -> np.ndarray:
    return reduce(np.add, arrays)


def _some(each: int, *arrays: np.ndarray) -> Iterator[tuple[Array, ...]]:
    """Perimeters that have so many numbers each, as many as are worked on at once."""
    count = max(1, _AT_ONCE // (8 * each))
    for first in range(0, len(arrays[0]), count):
        yield tuple(jax.device_put(k[first : first + count]) for k in arrays)


# ---------------------------------------------------------- of several perimeters each


_static = partial(field, metadata={"static": True})


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class _Flows:
    """``TRADE_FLOWS`` of perimeters; ``every`` are sides, contents, and what exports
    and imports contain, without which there are the first two flows only.

    Contents as in ``sensitivity.value_added_gradients`` and ``gross_gradients``.
    """

    products: Products
    x: Float[Array, " n"]
    every: tuple[Sides, Float[Array, "b 2 m n"], Float[Array, "b 2 m n"] | None]
    residual: bool = _static()
    by_sector: bool = _static()

    @property
    def one_by_one(self) -> bool:
        return self.by_sector

    def one(
        self, each: tuple[Sides, Array, Array | None]
    ) -> tuple[Gradients, Float[Array, "f m n"]]:
        (sides, held, used), products = each, self.products
        n, active = len(self.x), (self.x > 0).astype(self.x.dtype)
        picked = [sellers(k, n, by_sector=self.by_sector) for k in sides]
        gradients = sensitivity.value_added_gradients(
            products, sides, tuple(held), picked, residual=self.residual
        )
        moved = products.X @ sides.partners, products.X @ sides.inside
        own = jnp.stack([k * q[None, :] for k, q in zip(picked, moved, strict=True)])
        if used is not None:
            selling = [k * active[None, :] for k in picked]
            more = sensitivity.gross_gradients(products, sides, tuple(used), selling)
            gradients = sensitivity.stack_gradients(gradients, more)
            own = jnp.concatenate([own, jnp.zeros_like(own)])
        return gradients, own


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class _Pairs:
    """Value added of each perimeter absorbed in some, whose regions ``every`` has."""

    products: Products
    members: Float[Array, "p c"]
    every: Float[Array, "b c"]
    residual: bool = _static()

    @property
    def one_by_one(self) -> bool:
        return True

    def one(self, each: Float[Array, " c"]) -> tuple[Gradients, Float[Array, "1 p n"]]:
        n, c = self.products.X.shape
        gradients = sensitivity.absorbed_gradients(
            self.products, each, self.members, residual=self.residual
        )
        own = jnp.repeat(self.members, n // c, axis=1, total_repeat_length=n)
        return gradients, (own * (self.products.X @ each)[None, :])[None]


# ---------------------------------------------------------------------- standard errors


def derivatives(flows: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Derivatives of each of ``TRADE_MEASURES`` with respect to ``TRADE_FLOWS``, the
    flows first; NaN where a ratio has no base."""
    X, M = flows["va_exports"], flows["va_imports"]
    by_measure = {}
    for k, name in enumerate(TRADE_FLOWS):
        if name in flows:
            by_measure[name] = np.zeros((4, *X.shape))
            by_measure[name][k] = 1
    total = np.where(X + M == 0, np.nan, X + M) ** 2
    none = np.zeros_like(X)
    by_measure["tbi"] = np.stack([2 * M / total, -2 * X / total, none, none])
    if "gross_exports" in flows:
        E = np.where(flows["gross_exports"] == 0, np.nan, flows["gross_exports"])
        by_measure["vax_ratio"] = np.stack([1 / E, none, -X / E**2, none])
    return by_measure


def standard_errors_of(
    covariance: Float[np.ndarray, "b f f m"], flows: Mapping[str, np.ndarray]
) -> dict[str, Float[np.ndarray, "b m"]]:
    """Standard errors of the measures by name; ``flows`` are (b, m)."""
    f = covariance.shape[1]
    result = {}
    for name, derivative in derivatives(flows).items():
        part = derivative[:f]
        variance = np.einsum("bfgm,fbm,gbm->bm", covariance, part, part)
        result[name] = np.sqrt(np.maximum(variance, 0))
    return result


def flows_of(
    year: SolvedTrade, borders: TradePerimeters, *, gross: bool
) -> dict[str, Float[np.ndarray, "b 1"]]:
    """The flows themselves, by perimeter; the first two only unless ``gross``."""
    products = year.products
    matrices = {"va": np.asarray(by_region(products.v[:, None] * products.X))}
    if gross:
        active = (year.x > 0).astype(year.x.dtype)
        sold = (year.sold() + year.Y) * active[:, None]
        matrices["gross"] = np.asarray(by_region(sold))
    found = {}
    for kind, flow in matrices.items():
        between = np.einsum("bi,ij,bj->b", borders.inside, flow, borders.partners)
        found[f"{kind}_exports"] = between[:, None]
        back = np.einsum("bi,ij,bj->b", borders.partners, flow, borders.inside)
        found[f"{kind}_imports"] = back[:, None]
    return found


def with_measures(flows: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The flows and the measures made of them."""
    X, M = flows["va_exports"], flows["va_imports"]
    found = dict(flows)
    found["tbi"] = (X - M) / np.where(X + M == 0, np.nan, X + M)
    if "gross_exports" in flows:
        E = flows["gross_exports"]
        found["vax_ratio"] = X / np.where(E == 0, np.nan, E)
    return found


def labelled(
    values: Mapping[str, np.ndarray], year: int, labels: Mapping[str, Sequence[str]]
) -> xr.Dataset:
    """Arrays of one year by the labels of their axes."""
    coords = {"year": [year], **{name: list(k) for name, k in labels.items()}}
    shape = [len(k) for k in coords.values()]
    data = {name: (list(coords), k.reshape(shape)) for name, k in values.items()}
    return xr.Dataset(data, coords)
