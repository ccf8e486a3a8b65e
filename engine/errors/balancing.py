"""A matrix balanced to totals: ``tx.balance``."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import jax
import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from ...kernels import gras as kernel
from ..core import TivaxError, in_float64, require_whole

# Totals of rows and columns are of one sum.
_SUMS = 1e-9
# A gap beyond it is told as a mistake.
_WORST = 1e-9
# Matrices worked on at a time: few enough to stay in a core's cache.
_AT_ONCE = 16
# Matrices that take longer than starting a thread.
_WORTH_A_THREAD = 500


@dataclass(frozen=True, eq=False)
class Balance:
    """Balanced matrices.

    ``cells`` (n, m) or (k, n, m) like those given; ``gap`` and ``iterations`` of each:
    the largest deviation of a sum from its total, relative to the larger of the total
    and the absolute cells that make it, and the turns taken.

    Examples
    --------
    >>> found = tx.balance([[4, 1], [-1, 2]], rows=[6, 2], columns=[4, 4])
    >>> bool(found.gap <= 1e-9)
    True
    """

    cells: Float[np.ndarray, "*k n m"]
    gap: Float[np.ndarray, " *k"]
    iterations: np.ndarray


@in_float64
def balance(
    cells: ArrayLike,
    rows: ArrayLike | None = None,
    columns: ArrayLike | None = None,
    *,
    most: int = kernel.MOST,
) -> Balance:
    """Balance a matrix, or a stack of them, to totals of rows, columns or both (GRAS).

    Cells keep their sign, zeros stay, and the information gain over the cells given is
    the smallest (Junius and Oosterhaven 2003, Economic Systems Research 15; Lenzen,
    Wood and Gallego 2007, the same journal 19). Without negative cells this is RAS.

    Parameters
    ----------
    cells : (n, m) or (k, n, m)
        In any unit.
    rows : (n,) or (k, n), columns : (m,) or (k, m)
        Totals; None leaves them free.
    most
        Turns after which to give up.

    Returns
    -------
    Balance
        ``cells``, and how far sums are off.

    Raises
    ------
    TivaxError
        Shapes that do not fit, NaN, totals of unequal sums, a total that its cells
        cannot make, balancing that does not converge.

    Examples
    --------
    >>> found = tx.balance([[4, 1], [-1, 2]], rows=[6, 2], columns=[4, 4])
    >>> found.cells.round(3)
    array([[ 4.758,  1.242],
           [-0.758,  2.758]])
    """
    Z = _numbers("cells", cells)
    if Z.ndim not in (2, 3) or 0 in Z.shape:
        raise TivaxError(f"cells: give (n, m) or (k, n, m), not {Z.shape}")
    require_whole("most", most, 1)
    stack = Z.reshape(-1, *Z.shape[-2:])
    u = _totals("rows", rows, stack, Z.shape[:-2], 1)
    v = _totals("columns", columns, stack, Z.shape[:-2], 2)
    if u is None and v is None:
        raise TivaxError("rows, columns: give totals of one of them at least")
    if u is not None and v is not None:
        size = np.maximum(np.abs(u).sum(axis=1), np.abs(v).sum(axis=1))
        gap = np.abs(u.sum(axis=1) - v.sum(axis=1))
        if (gap > _SUMS * size).any():
            k = int(np.argmax(gap > _SUMS * size))
            raise TivaxError(
                f"{_name(k, Z)}rows add up to {u[k].sum():,.6g}, columns to "
                f"{v[k].sum():,.6g}; totals of both must have one sum"
            )
    found = _on_all_cores(stack, u, v, most)
    cells, gaps, iterations = (np.asarray(k) for k in found)
    if (bad := ~(gaps <= _WORST)).any():
        k = int(np.argmax(bad))
        raise TivaxError(
            f"{_name(k, Z)}balancing does not converge: after "
            f"{int(iterations[k]):,} turns a total is off by {gaps[k]:.1e} of "
            "itself; zeros may stand where a total needs cells"
        )
    lead = Z.shape[:-2]
    return Balance(cells.reshape(Z.shape), gaps.reshape(lead), iterations.reshape(lead))


def _on_all_cores(
    stack: np.ndarray, u: np.ndarray | None, v: np.ndarray | None, most: int
) -> kernel.Balanced:
    """A stack in as many parts as there are cores, where it is worth a thread."""
    parts = min(os.cpu_count() or 1, len(stack) // _WORTH_A_THREAD)
    if parts < 2:
        return jax.tree.map(np.asarray, _balance(stack, u, v, most=most))
    size = -(-len(stack) // parts)

    def run(k: int) -> kernel.Balanced:
        at = slice(k * size, (k + 1) * size)
        some = (each if each is None else each[at] for each in (stack, u, v))
        with jax.enable_x64(True):
            return jax.tree.map(np.asarray, _balance(*some, most=most))

    with ThreadPoolExecutor(parts) as threads:
        found = list(threads.map(run, range(parts)))
    return jax.tree.map(lambda *k: np.concatenate(k), *found)


@partial(jax.jit, static_argnames="most")
def _balance(Z, u, v, *, most: int) -> kernel.Balanced:
    run = partial(kernel.gras, most=most)
    return jax.lax.map(
        lambda each: run(*each), (Z, u, v), batch_size=min(_AT_ONCE, len(Z))
    )


def _numbers(name: str, values: object) -> np.ndarray:
    try:
        found = np.asarray(values, float)
    except (TypeError, ValueError):
        raise TivaxError(f"{name}: give an array of numbers") from None
    # The sum tells of a NaN in a third of the time.
    if not np.isfinite(found.sum()) and not np.isfinite(found).all():
        raise TivaxError(f"{name}: NaN or infinite; every cell is a number")
    return found


def _totals(
    name: str, values: object, stack: np.ndarray, lead: tuple[int, ...], axis: int
) -> np.ndarray | None:
    """Totals by matrix; each must be one that its cells can make."""
    if values is None:
        return None
    size = stack.shape[axis]
    found = _numbers(name, values)
    if found.shape not in ((size,), (*lead, size)):
        raise TivaxError(
            f"{name}: give {size} totals for each matrix, not {found.shape}"
        )
    found = np.broadcast_to(found, (len(stack), size)).copy()
    above = stack.max(axis=3 - axis) > 0
    below = stack.min(axis=3 - axis) < 0
    lacking = ((found > 0) & ~above) | ((found < 0) & ~below)
    # A total of 0 of cells above 0 alone makes them 0; of cells below 0 likewise.
    if lacking.any():
        k, place = (int(i[0]) for i in np.nonzero(lacking))
        what = "row" if axis == 1 else "column"
        wanted = "above" if found[k, place] > 0 else "below"
        raise TivaxError(
            f"{f'matrix {k}: ' if lead else ''}{what} {place} has the total "
            f"{found[k, place]:.6g} and no cell {wanted} 0, which could make it"
        )
    return found


def _name(k: int, Z: np.ndarray) -> str:
    return f"matrix {k}: " if Z.ndim == 3 else ""
