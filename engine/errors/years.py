"""Years and the errors of their cells, in memory or streamed."""

from collections.abc import Generator
from dataclasses import dataclass, field
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...kernels.errors import delta as table_errors
from ...kernels.errors.rebuilt import Rebuilt
from ...kernels.errors.solving import BaseYear, DrawnTrade, draw_trade, prepare
from ...kernels.random_draws import block_key
from ...kernels.sensitivity import Products
from ..core import Progress
from ..measures import Account, ValueAdded
from ..streaming import is_too_large
from ..tables import WorldTables
from .deviations import YearErrors, read_raw_year
from .models import ErrorModel
from .streamed_errors import StreamedYearErrors, streamed_year_errors
from .trade_errors import (
    Perimeters,
    SolvedYear,
    absorbed_errors,
    flow_covariances,
    flows_of,
    solve_year,
)

# Matrices n x n that a year in memory holds: the flows, coefficients, variances; the
# inverse and contents by sector.
_BY_REGION, _BY_SECTOR = 4, 8


# Draws of a rebuilt year, whose errors by sector and by pair would take a gradient
# each: a standard error is right to 7 %.
_DRAWS = 100


@partial(jax.jit, static_argnames="draws")
def _drawn(
    base: BaseYear, error: Rebuilt, v: Array | None, *, draws: int
) -> DrawnTrade:
    def one(k: Array) -> DrawnTrade:
        found = draw_trade(block_key(0, k), base, error, v)
        return jax.tree.map(lambda k: k.astype(jnp.float32), found)

    return jax.lax.map(one, jnp.arange(draws))


@dataclass(frozen=True)
class YearErrorsInMemory:
    """A solved year and the errors of its cells; ``number`` in its tables."""

    number: int
    solved: SolvedYear
    errors: table_errors.Errors
    residual: bool
    _made: dict[str, list[np.ndarray]] = field(default_factory=dict, repr=False)

    @property
    def products(self) -> Products:
        return self.solved.products

    def flows(
        self, borders: Perimeters, *, gross: bool
    ) -> dict[str, Float[np.ndarray, "b 1"]]:
        """``trade_errors.flows_of``."""
        return flows_of(self.solved, borders, gross=gross)

    def covariances(
        self, borders: Perimeters, *, by_sector: bool = False, gross: bool = True
    ) -> Float[np.ndarray, "b f f m"]:
        """``trade_errors.flow_covariances``; of rebuilt tables those by sector are
        from draws."""
        drawn = self.errors.rebuilt if by_sector else ()
        found = flow_covariances(
            self.solved,
            self.errors._replace(rebuilt=()) if drawn else self.errors,
            jax.device_put(borders.inside),
            jax.device_put(borders.partners),
            residual=self.residual,
            by_sector=by_sector,
            gross=gross,
        )
        return np.asarray(found) + sum(self._by_sector(borders, k) for k in drawn)

    def absorbed(self, borders: Perimeters) -> Float[np.ndarray, "p p"]:
        """``trade_errors.absorbed_errors``; of rebuilt tables from draws."""
        members = jax.device_put(borders.inside)
        others = self.errors._replace(rebuilt=())
        found = absorbed_errors(self.solved, others, members, residual=self.residual)
        variance = np.asarray(found) ** 2
        for error in self.errors.rebuilt:
            flows = self._draws(error)[0].sum(2, dtype=float)
            flows = borders.inside @ flows @ borders.inside.T
            variance = variance + flows.var(axis=0, ddof=1)
        return np.sqrt(variance)

    def _draws(self, error: Rebuilt) -> list[np.ndarray]:
        """``DrawnTrade`` by draw, region, sector and buying region: made once."""
        if "drawn" not in self._made:
            solved, products = self.solved, self.solved.products
            n, c = products.X.shape
            base = prepare(solved.Z, solved.x, solved.Y, products.X, regions=c)
            v = None if self.residual else products.v
            made = _drawn(base, error, v, draws=_DRAWS)
            shape = (_DRAWS, c, n // c, c)
            self._made["drawn"] = [np.asarray(k).reshape(shape) for k in made]
        return self._made["drawn"]

    def _by_sector(
        self, borders: Perimeters, error: Rebuilt
    ) -> Float[np.ndarray, "b f f m"]:
        drawn, found = self._draws(error), []
        sides = (borders.inside, borders.partners)
        for inside, partners in zip(*sides, strict=True):
            flows = [
                np.einsum("r,drsk,k->ds", seller, values, buyer, optimize=True)
                for values in drawn
                for seller, buyer in ((inside, partners), (partners, inside))
            ]
            off = np.stack([k - k.mean(axis=0) for k in flows])
            found.append(np.einsum("fds,gds->fgs", off, off) / (_DRAWS - 1))
        return np.stack(found)


YearOfErrors = YearErrorsInMemory | StreamedYearErrors


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
    errors = None if large else YearErrors(tables, model)
    progress(0, total)
    for k in range(total):
        row = None if rows is None else jax.device_put(rows[k])
        if errors is None:
            yield streamed_year_errors(tables, k, model, row, memory)
        else:
            raw = read_raw_year(tables, k)
            solved = solve_year(raw, row, len(tables.regions), inverse=inverse)
            yield YearErrorsInMemory(k, solved, errors.of(k, raw), rows is None)
        progress(k + 1, total)
