"""Draws of tables: their errors, base solutions, indices, and trade in value added.

Draw k of a year depends on the seed, on k and on the year alone. A year is worked on at
a time, so that memory does not grow with the years.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from ...kernels import random_draws
from ...kernels.errors.kind import Distribution
from ...kernels.errors.solving import BaseYear, prepare
from ...kernels.errors.solving import draw_index as index_of_draw
from ...kernels.leontief import per_dollar
from ...kernels.solve import TOLERANCE, solve
from ..core import Progress, TivaxError, in_float64, no_progress, report, require_whole
from ..resampling import blocks_together, on_all_devices, over_blocks
from ..tables import WorldTables, require_tables, year_of
from .kinds import kinds_of
from .models import AnyModel, ErrorModel, error_model
from .slabs import Slabs
from .table_errors import InYears

# What a draw's residual may be; beyond, it is not used.
WORST_RESIDUAL = 1e-5
# Matrices n x (n + c) held at once for a draw, in float32; GRAS holds as many in
# float64.
_MATRICES = 8
# Bytes of draws that are made at a time, on the cores of a processor.
_TOGETHER = 1 << 32


def bytes_needed(tables: WorldTables, model: ErrorModel) -> int:
    """About what a year of draws takes, on all devices."""
    base = 8 * _cells(tables) * 4  # the year as it is read, solved and checked
    size = _bytes_of_a_draw(tables, model)
    together = blocks_together(size, room=_TOGETHER)
    return base + jax.device_count() * together * size


def _bytes_of_a_draw(tables: WorldTables, model: ErrorModel) -> int:
    held = any(isinstance(k, InYears) and k.margins for k in model.errors)
    return _MATRICES * _cells(tables) * (12 if held else 4)


def _cells(tables: WorldTables) -> int:
    return tables.n * (tables.n + len(tables.regions))


class DrawnErrors:
    """The errors of every year, for drawing: files are read and checked once."""

    def __init__(self, tables: WorldTables, model: ErrorModel) -> None:
        self.model, self._kinds = model, kinds_of(model.errors, tables)
        self._worst_gap = max(kind.worst_gap for kind in self._kinds)

    @in_float64
    def of(self, year: Slabs) -> tuple[Distribution, ...]:
        """The errors of a year in memory."""
        return tuple(kind.draws(year) for kind in self._kinds)

    def require_balanced(self, gap: float, year: int, draw: int) -> None:
        """Raise ``TivaxError`` for a draw that misses known sums by ``gap``."""
        if not gap <= self._worst_gap:
            raise TivaxError(
                f"{year}, draw {draw}: balancing does not converge (margins are off by "
                f"{gap:.1e}); hold fewer margins or make a smaller"
            )


@in_float64
def solve_base(year: Slabs) -> BaseYear:
    """The base solution of a year, by LU where the iteration stalls."""
    (Z, Y), x = year.all.table, jax.device_put(year.all.raw.x)
    regions = Y.shape[1]
    scale = per_dollar(x)
    found = _solve(Z, Y, scale, regions=regions)
    if not float(found.residual) <= TOLERANCE:
        found = _solve(Z, Y, scale, regions=regions, method="lu")
    return prepare(Z, x, Y, found.X, regions=regions)


@partial(jax.jit, static_argnames=("regions", "method"))
def _solve(Z: Any, Y: Any, scale: Any, *, regions: int, method: Any = "import-share"):
    return solve(Z, Y, scale=scale, regions=regions, method=method)


@lru_cache
def _block(fresh: bool, flows: bool) -> Callable[..., jax.Array]:
    def block(
        arrays: tuple[BaseYear, tuple[Distribution, ...]],
        seed: jax.Array,
        number: jax.Array,
    ) -> jax.Array:
        base, errors = arrays
        key = random_draws.block_key(seed, number)
        found = index_of_draw(key, base, errors, fresh=fresh)
        made = found.flows.ravel() if flows else found.tbi
        return jnp.concatenate([made, found.residual[None], found.gap[None]])

    return block


def draw_year(
    tables: WorldTables,
    errors: DrawnErrors,
    year: int,
    *,
    seed: int,
    draws: int,
    start: int = 0,
    has_index: np.ndarray | None = None,
) -> Iterator[np.ndarray]:
    """Draws ``start`` ... ``draws`` - 1 of a year, some at a time.

    Rows have the index of every region, which some may lack, or without ``has_index``
    value added of each absorbed in each; then the residual and the gap.

    Raises ``TivaxError`` for a draw that is not balanced, not solved or has no index.
    """
    whole = Slabs(tables, tables.years.index(year))
    base, drawn = solve_base(whole), errors.of(whole)
    fresh = any(k.far for k in drawn)
    del whole
    arrays = on_all_devices((base, drawn))
    size = _bytes_of_a_draw(tables, errors.model)
    together = blocks_together(size, room=_TOGETHER)
    run = _block(fresh, has_index is None)
    made = over_blocks(run, arrays, seed, draws, start=start, together=together)
    for rows in made:
        for number, row in enumerate(rows, start):
            residual, gap = row[-2:]
            errors.require_balanced(gap, year, number)
            missing, wrong = ~np.isfinite(row[:-2]), ""
            if has_index is not None:
                missing &= has_index
            if not residual <= WORST_RESIDUAL:
                told = f"relative residual {residual:.1e}"
                wrong = f"the table with errors is not solved ({told})"
            elif missing.any():
                region = int(np.argmax(missing)) % len(tables.regions)
                wrong = f"{tables.regions[region]} has no index"
            if wrong:
                raise TivaxError(
                    f"{year}, draw {number}: {wrong}; make the errors smaller"
                )
        start += len(rows)
        yield rows


def draw_flows(
    tables: WorldTables,
    error: AnyModel,
    *,
    draws: int,
    seed: int = 0,
    years: Sequence[int] | None = None,
    progress: Progress = no_progress,
) -> Float[np.ndarray, "d t c c"]:
    """Value added of each region absorbed in each, by draw and year, in the unit of the
    tables.

    Draw k of a year depends on the seed, on k and on the year alone, and draws k of all
    years belong together.

    Parameters
    ----------
    tables : WorldTables
        Tables in memory.
    error : str, path, TableError, ErrorModel or several
        The errors of cells: a name (``rounding``), a file RUN.toml or errors of
        ``tx.table_errors``.
    draws, seed : int
        Number of draws, and their seed.
    years : sequence of int, optional
        Years to draw; by default all.
    progress : callable, optional
        Called with the years that are done and their number.

    Returns
    -------
    array (draw, year, origin, absorber)
        Value added absorbed, in the unit of the tables.

    Raises
    ------
    TivaxError
        An error model that does not fit the tables, a year that they lack, a draw that
        cannot be balanced or solved.

    Examples
    --------
    >>> error = tx.table_errors.Lognormal(a=0.5, b=0.1)
    >>> tx.table_errors.draw_flows(world, error, draws=4, years=[2000]).shape
    (4, 1, 3, 3)
    """
    require_tables(tables)
    require_whole("draws", draws, 1)
    require_whole("seed", seed, 0)
    years = [year_of(tables, k) for k in (tables.years if years is None else years)]
    errors, c = DrawnErrors(tables, error_model(error)), len(tables.regions)
    found = np.empty((draws, len(years), c, c))
    for t, year in enumerate(years):
        done = 0
        for rows in draw_year(tables, errors, year, seed=seed, draws=draws):
            report(progress, t * draws + done, len(years) * draws)
            found[done : done + len(rows), t] = rows[:, :-2].reshape(-1, c, c)
            done += len(rows)
    progress(len(years) * draws, len(years) * draws)
    return found
