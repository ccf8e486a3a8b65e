"""Tables with errors, cell by cell: ``tx.draw_tables``."""

import warnings
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from ...kernels.errors.kind import Distribution, draw, with_errors
from ...kernels.random_draws import block_key
from ..core import TivaxWarning, in_float64, require_whole
from ..tables import WorldTables, as_float64, require_tables
from .draws import DrawnErrors
from .models import AnyModel, error_model
from .slabs import Slabs


@in_float64
def draw_tables(
    tables: WorldTables, error: AnyModel, *, draw: int = 0, seed: int = 0
) -> WorldTables:
    """The tables of one draw of their errors, in memory.

    Parameters
    ----------
    tables
        In memory or lazy; all their years are drawn.
    error
        The errors of cells: a name (``rounding``), a file RUN.toml or errors of
        ``tx.table_errors``.
    draw, seed
        The tables depend on these two and on the year alone, and are those of
        :func:`.draw_flows` with the same seed.

    Returns
    -------
    WorldTables
        Final demand by region, in one category. Reported output and a row of value
        added stay, unless the model says that output has errors.

    Raises
    ------
    TivaxError
        An error model that does not fit the tables, a draw that cannot be balanced.

    Examples
    --------
    >>> error = tx.table_errors.Lognormal(a=0.1)
    >>> tx.draw_tables(world, error, draw=3).Z.shape
    (2, 12, 12)
    """
    require_tables(tables)
    require_whole("draw", draw, 0)
    require_whole("seed", seed, 0)
    return TableDraws(tables, error, seed).tables_of(draw)


class TableDraws:
    """Draws of tables, or of some of their years; errors are read and checked once."""

    def __init__(
        self,
        tables: WorldTables,
        error: AnyModel,
        seed: int,
        years: Sequence[int] | None = None,
    ) -> None:
        self.base, self.seed = tables, seed
        self.years = tuple(tables.years if years is None else years)
        self.errors = DrawnErrors(tables, error_model(error))
        self._years: list[tuple[Any, tuple[Distribution, ...]]] = []

    @in_float64
    def tables_of(self, number: int) -> WorldTables:
        """All years of draw ``number``.

        Raises ``TivaxError`` for a draw that is not balanced.
        """
        if not self._years:
            places = map(self.base.years.index, self.years)
            slabs = [Slabs(self.base, k) for k in places]
            self._years = [
                ((*year.all.table, year.all.raw.x), self.errors.of(year))
                for year in slabs
            ]
        key = block_key(self.seed, number)
        made = []
        for year, (table, errors) in zip(self.years, self._years, strict=True):
            Z, Y, x, gap = jax.device_get(_drawn(key, errors, *table))
            self.errors.require_balanced(float(gap), year, number)
            made.append((Z, Y, x))
        return _with_flows(self.base, self.years, made)


@jax.jit
def _drawn(
    key: Key[Array, ""],
    errors: tuple[Distribution, ...],
    Z: Float[Array, "n n"],
    Y: Float[Array, "n c"],
    x: Float[Array, " n"],
) -> tuple[Array, Array, Array, Array]:
    low = jnp.float32
    found = draw(key, errors, Z.astype(low), Y.astype(low))
    return *with_errors(found, Z, Y, x), jnp.asarray(found.gap)


def _with_flows(
    tables: WorldTables, years: Sequence[int], made: Sequence[tuple[np.ndarray, ...]]
) -> WorldTables:
    Z, Y, x = (np.stack(k) for k in zip(*made, strict=True))
    added = tables.value_added
    if added is not None:
        places = map(tables.years.index, years)
        added = np.stack([as_float64(added[k]) for k in places])
    with warnings.catch_warnings():  # a draw may look odd
        warnings.simplefilter("ignore", TivaxWarning)
        names = "regions sectors unit tolerance column_tolerance source parents"
        same = {k: getattr(tables, k) for k in names.split()}
        return WorldTables(Z=Z, Y=Y, x=x, years=years, value_added=added, **same)
