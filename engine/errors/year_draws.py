"""Draws of one year's table: its errors, its base solution, and the indices drawn.

Draw k of a year depends on the seed, on k and on the year alone. A year is worked on at
a time, so that memory does not grow with the years.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...kernels import random_draws
from ...kernels.errors import delta as table_errors
from ...kernels.errors import draws as kernel
from ...kernels.errors.random_cells import rates_of_rounded
from ...kernels.errors.solving import BaseYear, draw_index, prepare
from ...kernels.leontief import per_dollar
from ...kernels.solve import TOLERANCE, solve
from ..core import TivaxError, in_float64
from ..resampling import calls_together, on_all_devices, over_blocks
from ..tables import WorldTables
from .deviations import RawYear, YearErrors, read_raw_year
from .models import ErrorModel, TableError

# What a draw's residual and balance may be; beyond, it is not used.
WORST_RESIDUAL, WORST_GAP = 1e-5, 1e-9
# What a fit of trade leaves goes to the rest of the world, so that margins hold.
WORST_FIT = 1e-4
# Matrices n x (n + c) held at once for a draw, in float32; GRAS holds as many in
# float64.
_MATRICES = 8
# Of draws that are made at a time, on the cores of a processor.
_TOGETHER = 1 << 32


def bytes_needed(tables: WorldTables, model: ErrorModel) -> int:
    """About what a year of draws takes, on all devices."""
    base = 8 * _cells(tables) * 4  # the year as it is read, solved and checked
    calls = jax.device_count() * _calls_together(tables, model)
    return base + calls * _bytes_of_a_call(tables, model)


def _calls_together(tables: WorldTables, model: ErrorModel) -> int:
    """Draws under way on a device: no more than take ``_TOGETHER`` bytes."""
    most = max(1, _TOGETHER // _bytes_of_a_call(tables, model))
    return min(most, calls_together())


def _bytes_of_a_call(tables: WorldTables, model: ErrorModel) -> int:
    held = any(each.margins for each in model.errors)
    return _MATRICES * _cells(tables) * (12 if held else 4)


def _cells(tables: WorldTables) -> int:
    return tables.n * (tables.n + len(tables.regions))


class DrawnErrors:
    """The errors of every year, for drawing: files are read and checked once."""

    def __init__(self, tables: WorldTables, model: ErrorModel) -> None:
        self._tables, self.model = tables, model
        rebuilt = any(each.kind == "rebuilt" for each in model.errors)
        self.worst_gap = WORST_FIT if rebuilt else WORST_GAP
        self._each = [
            (each, YearErrors(tables, ErrorModel((each,)))) for each in model.errors
        ]

    @in_float64
    def of(self, k: int, raw: RawYear) -> tuple[kernel.TableError, ...]:
        """The errors of year number ``k``."""
        year = self._tables.years[k]
        return tuple(
            _for_drawing(each, years.of(k, raw), raw, year)
            for each, years in self._each
        )


def _for_drawing(
    error: TableError, found: table_errors.Errors, raw: RawYear, year: int
) -> kernel.TableError:
    tag = jnp.asarray(0 if error.over_years == "shared" else year)
    if error.kind == "rebuilt":
        return found.rebuilt[0]
    if error.kind == "shares":
        return kernel.Shares(found.shares[0], tag)
    group, S, margins = None, None, table_errors.Margins(None, None, None)
    if found.shared:
        sigma, of_rows, margins = found.shared[0]
        group, variance = of_rows.astype(jnp.float32), sigma**2
    else:
        variance, margins = found.independent[0]
    if error.margins or found.filled is not None:
        S = variance
    F = raw.cells
    if error.kind == "lognormal":
        totals = None
        if error.margins:
            totals = kernel.Totals(
                jax.device_put(F),
                jax.device_put(F.sum(axis=1)) if "row" in error.margins else None,
                jax.device_put(F.sum(axis=0)) if "column" in error.margins else None,
            )
        assert error.a is not None
        if error.b == 0:
            s = np.sqrt(np.log1p(error.a**2))
        else:
            square = np.where(F != 0, F, 1) ** 2
            s = np.sqrt(np.log1p(np.asarray(variance, float) / square))
        return kernel.Lognormal(jnp.asarray(s, jnp.float32), group, totals, tag)
    if error.kind == "rounding":
        assert found.output is not None
        rate = jnp.asarray(rates_of_rounded(F, np.asarray(variance)), jnp.float32)
        whole = (found.output.variance > 0).astype(jnp.float64)
        filled = found.filled
        if filled is not None:
            filled = jax.tree.map(lambda k: k.astype(jnp.float32), filled)
        return kernel.Rounded(rate, S, margins, whole, filled, tag)
    sigma = jnp.sqrt(variance).astype(jnp.float32)
    return kernel.Given(sigma, group, S, margins, tag)


@in_float64
def solve_base(raw: RawYear, regions: int) -> BaseYear:
    """The base solution of a year, by LU where the iteration stalls."""
    Z, Y, x = (jax.device_put(k) for k in (raw.flows, raw.final, raw.x))
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
        arrays: tuple[BaseYear, tuple[kernel.TableError, ...]],
        seed: jax.Array,
        number: jax.Array,
    ) -> jax.Array:
        base, errors = arrays
        key = random_draws.block_key(seed, number)
        found = draw_index(key, base, errors, fresh=fresh)
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
    has_index: np.ndarray,
    flows: bool = False,
) -> Iterator[np.ndarray]:
    """Draws ``start`` ... ``draws`` - 1 of a year, some at a time.

    Rows have the index of every region, or with ``flows`` value added of each absorbed
    in each; then the residual and the gap.

    Raises ``TivaxError`` for a draw that is not balanced, not solved or has no index.
    """
    k = tables.years.index(year)
    raw = read_raw_year(tables, k)
    base = solve_base(raw, len(tables.regions))
    drawn = errors.of(k, raw)
    # A third of a cell or more is too far from the base year's preconditioner.
    fresh = any(isinstance(k, kernel.Lognormal | kernel.Given) for k in drawn)
    del raw
    arrays = on_all_devices((base, drawn))
    together = _calls_together(tables, errors.model)
    made = over_blocks(
        _block(fresh, flows), arrays, seed, draws, start=start, together=together
    )
    for rows in made:
        good = has_index if not flows else np.ones(rows.shape[1] - 2, bool)
        _require_good(rows, good, year, start, tables, errors.worst_gap)
        start += len(rows)
        yield rows


def _require_good(
    rows: np.ndarray,
    has_index: np.ndarray,
    year: int,
    first: int,
    tables: WorldTables,
    worst_gap: float,
) -> None:
    residual, gap = rows[:, -2], rows[:, -1]
    if (bad := ~(gap <= worst_gap)).any():
        k = int(np.argmax(bad))
        raise TivaxError(
            f"{year}, draw {first + k}: balancing does not converge (margins are off "
            f"by {gap[k]:.1e}); hold fewer margins or make a smaller"
        )
    if (bad := ~(residual <= WORST_RESIDUAL)).any():
        k = int(np.argmax(bad))
        raise TivaxError(
            f"{year}, draw {first + k}: the table with errors is not solved (relative "
            f"residual {residual[k]:.1e}); make the errors smaller"
        )
    missing = ~np.isfinite(rows[:, :-2]) & has_index[None, :]
    if missing.any():
        k, region = (int(i[0]) for i in np.nonzero(missing))
        region %= len(tables.regions)
        raise TivaxError(
            f"{year}, draw {first + k}: {tables.regions[region]} has no index; make "
            "the errors smaller"
        )


def base_indices(tables: WorldTables, years: list[int]) -> np.ndarray:
    """The index of the tables as they are, by year and region."""
    from ..measures import trade_benefit_index

    found = trade_benefit_index(tables)["tbi"]
    return found.sel(year=years).transpose("year", "region").values
