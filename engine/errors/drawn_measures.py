"""Draws of tables through any measure, where no delta method exists."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import xarray as xr
from jaxtyping import Float

from ..core import Progress, TivaxError, in_float64, no_progress, report, require_whole
from ..tables import WorldTables
from .drawn_tables import TableDraws
from .models import AnyModel, ErrorModel, error_model

DRAWS = 200


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class WithErrors:
    """A result of tables that its maker can give error bars: ``bars`` does that."""

    bars: Callable[..., Any] | None = None

    @in_float64
    def with_errors(
        self,
        error: AnyModel,
        *,
        draws: int | None = None,
        seed: int | None = None,
        progress: Progress = no_progress,
    ) -> Self:
        """The same with standard errors and 95 % intervals, from errors of the tables.

        Parameters
        ----------
        error
            The errors of cells: the name of a model (``rounding``), a file RUN.toml,
            a class of ``tx.table_errors`` or a list of these.
        draws, seed
            Number of draws, by default 200, and their seed, by default 0.
        progress
            Called with draws or years done and their number.

        Returns
        -------
        The same kind of result
            ``table`` has also se, ci_low and ci_high.

        Raises
        ------
        TivaxError
            An error model that does not fit the tables; a result that has no errors.

        Examples
        --------
        >>> error = tx.table_errors.Lognormal(a=0.1)
        >>> found = tx.change(world, "tbi", region="R01").with_errors(error, draws=9)
        >>> list(found.table)[-3:]
        ['se', 'ci_low', 'ci_high']
        """
        if self.bars is None:
            raise TivaxError("errors: this was made without its tables")
        require_whole("seed", 0 if seed is None else seed, 0)
        model, chosen = error_model(error), {"draws": draws, "seed": seed}
        return self.bars(self, model, **chosen, progress=progress)


@dataclass(frozen=True, eq=False)
class MeasuredDraws:
    """A measure of each draw of some years of tables, as rows of ``size`` numbers.

    ``draws`` and ``seed`` are by default 200 and 0. Draw k depends on the seed and on k
    alone.
    """

    tables: WorldTables
    model: ErrorModel
    years: Sequence[int]
    measure: Callable[[WorldTables], Float[np.ndarray, " size"]]
    size: int
    draws: int | None = None
    seed: int | None = None

    @property
    def count(self) -> int:
        count = DRAWS if self.draws is None else self.draws
        require_whole("draws", count, 2)
        return count

    @property
    def record(self) -> dict[str, Any]:
        """For the manifest, and for unfinished draws to go on."""
        return {"error": self.model.record, "draws": self.count, "seed": self.seed or 0}

    def rows(
        self, start: int = 0, progress: Progress = no_progress
    ) -> Iterator[Float[np.ndarray, "1 size"]]:
        """Rows from draw ``start`` on; ``TivaxError`` names a draw without a value."""
        drawn = TableDraws(self.tables, self.model, self.seed or 0, self.years)
        for k in range(start, self.count):
            report(progress, k, self.count)
            tables = drawn.tables_of(k)
            try:
                yield self.measure(tables)[None]
            except TivaxError as error:
                raise TivaxError(
                    f"draw {k} of the tables: {error}; make the errors smaller"
                ) from None
        report(progress, self.count, self.count)


def deviations_of(
    tables: WorldTables,
    model: ErrorModel,
    year: int,
    measure: Callable[[WorldTables], xr.Dataset],
    *,
    draws: int | None = None,
    seed: int | None = None,
) -> xr.Dataset:
    """Deviations over draws of all variables of a year, in memory of a few of them."""
    drawn = TableDraws(tables, model, seed or 0, [year])
    count = DRAWS if draws is None else draws
    require_whole("draws", count, 2)
    mean = squares = measure(drawn.tables_of(0)) * 0
    for k in range(count):
        found = measure(drawn.tables_of(k))
        step = found - mean
        mean = mean + step / (k + 1)
        squares = squares + step * (found - mean)
    return (squares / (count - 1)) ** 0.5
