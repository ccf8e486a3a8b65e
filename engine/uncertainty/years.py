"""Years and the errors of their cells, in memory or streamed."""

from collections.abc import Generator
from dataclasses import dataclass

import jax
import numpy as np
from jaxtyping import Float

from ...kernels import table_errors
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


@dataclass(frozen=True)
class YearErrorsInMemory:
    """A solved year and the errors of its cells; ``number`` in its tables."""

    number: int
    solved: SolvedYear
    errors: table_errors.Errors
    residual: bool

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
        """``trade_errors.flow_covariances``."""
        found = flow_covariances(
            self.solved,
            self.errors,
            jax.device_put(borders.inside),
            jax.device_put(borders.partners),
            residual=self.residual,
            by_sector=by_sector,
            gross=gross,
        )
        return np.asarray(found)

    def absorbed(self, borders: Perimeters) -> Float[np.ndarray, "p p"]:
        """``trade_errors.absorbed_errors``."""
        members = jax.device_put(borders.inside)
        found = absorbed_errors(
            self.solved, self.errors, members, residual=self.residual
        )
        return np.asarray(found)


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
