"""Variants of a year evaluated in batches of one shape.

A variant is a small update of the inverse (``kernels.scenarios.low_rank``). Updates are
filled up to few shapes, so that few programs are compiled, and those of one shape are
evaluated several at once. Where so many cells change that an update would cost more
than a solve, the changed table is solved.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import jax
import numpy as np
from jaxtyping import Float

from ...kernels import leontief
from ...kernels.scenarios import low_rank
from ..core import TivaxError, in_float64, raise_interrupt
from ..measures import solve_years
from ..tables import WORST_RESIDUAL
from .changes import Changes, changes_of
from .shocks import Shock
from .years import MATRICES, SolvedYear

FIELDS = low_rank.VariantAccounts._fields
# Beside the accounts of the regions.
CHECKS = ("residual", "identity", "smallest_multiplier", "moved", "unplaced")
# The residual that a variant reaches, by one more step where the first does not.
TOLERANCE = 1e-12
# Of n: where the rank of the change is higher, the changed table is solved instead.
_HIGHEST_RANK = 1 / 3
# Bytes of a batch, and of the updates that wait for one.
_ROOM = 1 << 28
_MOST_AT_ONCE = 8
_MOST_WAITING = 128


@partial(jax.jit, static_argnames="refine")
def _evaluate_batch(
    base: low_rank.UpdatedBase, updates: low_rank.Update, *, refine: bool
) -> low_rank.CellChanges:
    one = partial(low_rank.evaluate, refine=refine)
    return jax.vmap(one, in_axes=(None, 0))(base, updates)


@dataclass(frozen=True)
class Shape:
    """Sizes that updates are padded to, so that few programs are compiled.

    ``rows`` is 0 where it has every row.
    """

    rows: int
    columns: int
    rank: int
    buyers: int


def value_rows(
    solved: SolvedYear, variants: Sequence[tuple[str, tuple[Shock, ...]]]
) -> Iterator[Float[np.ndarray, "k values"]]:
    """Accounts of the variants, some at a time, in their order.

    A row has the ``FIELDS`` of all regions, one field after the other, value added by
    industry, and ``CHECKS``.

    Raises ``TivaxError`` for a variant that is not solved or not productive.
    """
    waiting: list[Changes] = []
    names, size = [], 0
    for name, shocks in variants:
        raise_interrupt()
        changes = changes_of(solved.table, shocks)
        waiting.append(changes)
        names.append(name)
        size += sum(k[2].nbytes for k in changes.blocks)
        if size > _ROOM or len(waiting) == _MOST_WAITING:
            yield _evaluated(solved, waiting, names)
            waiting, names, size = [], [], 0
    if waiting:
        yield _evaluated(solved, waiting, names)


@in_float64
def _evaluated(
    solved: SolvedYear, waiting: Sequence[Changes], names: Sequence[str]
) -> Float[np.ndarray, "k values"]:
    n, regions = solved.table.Y.shape
    by_shape: dict[Shape | None, list[int]] = {}
    for k, changes in enumerate(waiting):
        shape = _shape_of(changes, n) if changes.rank <= _HIGHEST_RANK * n else None
        by_shape.setdefault(shape, []).append(k)
    rows: dict[int, np.ndarray] = {}
    for shape, places in by_shape.items():
        if shape is None:
            rows |= {k: _row(_solved_anew(solved, waiting[k])) for k in places}
            continue
        each = 8 * _values_at_once(shape, n, regions)
        at_once = max(1, min(_MOST_AT_ONCE, _ROOM // each))
        for start in range(0, len(places), at_once):
            some = places[start : start + at_once]
            filled = [*some, *[some[0]] * (at_once - len(some))]
            found = _evaluate_together(
                solved, [_update(waiting[k], shape) for k in filled]
            )
            rows |= zip(some, _row(found), strict=False)
            raise_interrupt()
    moved = np.array([(k.moved, k.unplaced) for k in waiting])
    values = np.hstack([np.array([rows[k] for k in range(len(waiting))]), moved])
    _require_solved(solved.year, values, names)
    return values


def _evaluate_together(
    solved: SolvedYear, updates: Sequence[dict[str, np.ndarray]]
) -> low_rank.CellChanges:
    parts = {k: jax.device_put(np.stack([u[k] for u in updates])) for k in updates[0]}
    stacked = low_rank.Update(**{"rows": None, **parts})
    found = _evaluate_batch(solved.base, stacked, refine=False)
    if float(found.residual.max()) > TOLERANCE:
        found = _evaluate_batch(solved.base, stacked, refine=True)
    return jax.tree.map(np.asarray, found)


def _row(found: low_rank.CellChanges) -> Float[np.ndarray, "*k values"]:
    """The row of a variant, or a row for each that is stacked."""
    checks = (found.residual, found.identity, found.smallest_multiplier)
    return np.concatenate(
        [*found.accounts, found.industries, np.stack(checks, axis=-1)], axis=-1
    )


def _require_solved(year: int, values: np.ndarray, names: Sequence[str]) -> None:
    residual, multiplier = values[:, -5], values[:, -3]
    bad = ~((residual <= WORST_RESIDUAL) & (multiplier > 0))
    if bad.any():
        k = int(np.flatnonzero(bad)[0])
        raise TivaxError(
            f"{year}, {names[k]}: the changed table is not productive or not solved "
            f"(relative residual {residual[k]:.1e}); change less of it"
        )


def base_row(solved: SolvedYear) -> Float[np.ndarray, " values"]:
    """The accounts of the table itself, as a row of ``value_rows``."""
    found = jax.tree.map(np.asarray, solved.accounts)
    return np.concatenate([_row(found), np.zeros(2)])


# ------------------------------------------------------------------------------ updates


def _round_up(size: int, most: int, least: int = 64) -> int:
    """The next power of 2 from ``least`` on, but no more than ``most``.

    So a small world has one shape and one program for most variants.
    """
    return min(most, max(least, 1 << max(size - 1, 0).bit_length()))


def _shape_of(changes: Changes, n: int) -> Shape:
    rows, columns, buyers = _numbers(changes)
    many = _round_up(len(rows), n)
    return Shape(
        0 if 2 * many > n else many,
        _round_up(len(columns), n),
        _round_up(changes.rank, n),
        _round_up(len(buyers), changes.table.Y.shape[1], least=8),
    )


def _numbers(changes: Changes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows and columns of A and Y that change, and the buyers whose demand does."""
    empty = np.zeros(0, int)
    rows, buyers = [empty, *(k[0] for k in changes.blocks)], empty
    if changes.demand is not None:
        rows.append(np.flatnonzero(changes.demand.any(axis=1)))
        buyers = np.flatnonzero(changes.demand.any(axis=0))
    columns = [empty, *(k[1] for k in changes.blocks)]
    return np.unique(np.concatenate(rows)), np.unique(np.concatenate(columns)), buyers


def _update(changes: Changes, shape: Shape) -> dict[str, np.ndarray]:
    """The changes as a product of two factors, filled up with zeros.

    The parts of ``low_rank.Update``, without rows where it has every row.
    """
    rows, columns, buyers = _numbers(changes)
    height = shape.rows or len(changes.table.x)
    if not shape.rows:
        rows = np.arange(height)
    M = np.zeros((height, shape.rank))
    N = np.zeros((shape.rank, shape.columns))
    start = 0
    for its_rows, its_columns, change in changes.blocks:
        r = np.searchsorted(rows, its_rows)
        m = np.searchsorted(columns, its_columns)
        rank = min(change.shape)
        inner = np.arange(start, start + rank)
        if len(r) == rank:  # the rows are selected, and the change is in N
            M[r, inner] = 1
            N[np.ix_(inner, m)] = change
        else:
            M[np.ix_(r, inner)] = change
            N[inner, m] = 1
        start += rank
    demand = np.zeros((height, shape.buyers))
    if changes.demand is not None:
        demand[: len(rows), : len(buyers)] = changes.demand[np.ix_(rows, buyers)]
    found = {
        "columns": _filled(columns, shape.columns),
        "buyers": _filled(buyers, shape.buyers),
        "M": M,
        "N": N,
        "demand": demand,
    }
    return {"rows": _filled(rows, height), **found} if shape.rows else found


def _filled(numbers: np.ndarray, length: int) -> np.ndarray:
    return np.concatenate([numbers, np.zeros(length - len(numbers), int)])


def _values_at_once(shape: Shape, n: int, regions: int) -> int:
    """Numbers that the evaluation of a variant holds."""
    return n * (shape.rows + shape.columns + 3 * shape.rank + 6 * regions)


def _solved_anew(solved: SolvedYear, changes: Changes) -> low_rank.CellChanges:
    """A changed table without the inverse: many of its cells change."""
    A, Y = solved.table.A.copy(), solved.table.Y
    for rows, columns, change in changes.blocks:
        A[np.ix_(rows, columns)] += change
    if changes.demand is not None:
        Y = Y + changes.demand
    regions = Y.shape[1]
    X = solve_years([jax.device_put(A)], [jax.device_put(Y)], regions=regions).X[0]
    found = low_rank.evaluate_dense(
        solved.base, jax.device_put(A), jax.device_put(Y), jax.device_put(X)
    )
    if A.sum(axis=0).max() >= 1:  # else it is surely productive
        smallest = leontief.output_multipliers(jax.device_put(A)).min()
        found = found._replace(smallest_multiplier=smallest)
    return jax.tree.map(np.asarray, found)


# Of JAX, pandas and the rest.
_PROGRAM = 1 << 29


def memory_of(n: int, regions: int, values: int) -> int:
    """Bytes that evaluation needs at most, about.

    The program, the year, a batch twice (made here and held by JAX), the changes that
    wait for one, and the results.
    """
    largest = Shape(rows=n, columns=n, rank=n, buyers=regions)
    batch = 8 * _MOST_AT_ONCE * _values_at_once(largest, n, regions)
    waiting = 8 * _MOST_WAITING * n * n
    return (
        _PROGRAM
        + 8 * n * n * MATRICES
        + 2 * min(_ROOM, batch)
        + min(_ROOM, waiting)
        + 8 * values
    )
