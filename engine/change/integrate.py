"""Effects of factors integrated over the path between two years, and polar averages."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float

from ...kernels.change.attribution import FactorEffects
from ...kernels.change.factors import (
    FACTORS,
    CoefficientTable,
    Factors,
    along,
    factors_of,
    path_between,
    table_at,
)
from .measured import Measured, YearOfTable

CLOSE = 1e-10
"""The remainder that is aimed at, of the larger of the change and its parts."""

# Points of the first attempt: enough for most pairs of neighbouring years.
_FIRST = 6
_MOST = 48
# Of those that a user may ask for: their weights are eigenvalues of a matrix of them.
MOST_NODES = 1000


class Attribution(NamedTuple):
    """A change of b measures by factor.

    ``start`` and ``end`` are the measures as reported, ``imbalance`` what their change
    has beyond that of the path, ``remainder`` the change along the path less the
    effects. ``polar`` [factor, measure] is None where it was not asked for.
    """

    start: Float[np.ndarray, " b"]
    end: Float[np.ndarray, " b"]
    imbalance: Float[np.ndarray, " b"]
    remainder: Float[np.ndarray, " b"]
    by_pair: Float[np.ndarray, "f c c b"]
    by_good: Float[np.ndarray, "f s c b"]
    polar: Float[np.ndarray, "f b"] | None
    nodes: int

    @property
    def relative(self) -> Float[np.ndarray, " b"]:
        """The remainder relative to the change, or to the largest effect if that is
        more; 0 where there is neither."""
        effects = np.abs(self.by_pair.sum(axis=(1, 2)))
        size = np.maximum(effects.max(axis=0), np.abs(self.end - self.start))
        return np.abs(self.remainder) / np.where(size == 0, 1, size)


def summed(steps: Sequence[Attribution], other: Float[np.ndarray, " b"]) -> Attribution:
    """Steps from year to year as one, with ``other`` in the change beside them."""
    first, change = steps[0], sum(k.end - k.start for k in steps) + other
    return first._replace(
        end=first.start + change,
        imbalance=np.sum([k.imbalance for k in steps], axis=0),
        remainder=np.sum([k.remainder for k in steps], axis=0),
        by_pair=np.sum([k.by_pair for k in steps], axis=0),
        by_good=np.sum([k.by_good for k in steps], axis=0),
        polar=None,
        nodes=max(k.nodes for k in steps),
    )


def attribute(
    measured: Measured,
    years: tuple[YearOfTable, YearOfTable],
    sectors: int,
    *,
    polar: bool,
    nodes: int | None,
    step_done: Callable[[int, int], None],
) -> Attribution:
    """Attribute the change of a measure between two years to the factors.

    Without ``nodes`` their number grows until the remainder is ``CLOSE``.
    ``step_done`` is called with the solves done and all that are foreseen.
    """
    first, last = years
    way = path_of(first, last, sectors)
    active = jax.device_put(np.maximum(first.active, last.active))
    corners = 2 * (FACTORS - 1) if polar else 0
    done = 0

    def solved(foreseen: int) -> None:
        nonlocal done
        done += 1
        step_done(done, done + foreseen)

    def value(t: Float[np.ndarray, " f"]) -> Float[np.ndarray, " b"]:
        return measured.values(_made(*way, jax.device_put(t)), active)

    count = _FIRST if nodes is None else nodes
    ahead = corners + count
    step_done(0, 2 + ahead)
    ends = []
    for k, at in enumerate((0.0, 1.0)):
        ends.append(value(np.full(FACTORS, at)))
        solved(1 - k + ahead)
    averages = None
    if polar:
        averages, corner = np.zeros((FACTORS, len(ends[0]))), 0
        for order in (range(FACTORS), reversed(range(FACTORS))):
            before, moved = ends[0], np.zeros(FACTORS)
            for k, factor in enumerate(order):
                moved[factor] = 1
                after = ends[1]
                if k < FACTORS - 1:
                    after = value(moved)
                    corner += 1
                    solved(corners - corner + count)
                averages[factor] += (after - before) / 2
                before = after
    start, end = (measured.reported(year) for year in years)
    imbalance = (end - start) - (ends[1] - ends[0])
    while True:
        total = _integral(measured, way, active, count, solved)
        remainder = ends[1] - ends[0] - total.by_pair.sum(axis=(0, 1, 2))
        pairs, goods = np.asarray(total.by_pair), np.asarray(total.by_good)
        shown = start, end, imbalance, remainder, pairs, goods, averages, count
        found = Attribution(*shown)
        missed = np.nanmax(found.relative, initial=0)
        if nodes is not None or missed <= CLOSE or count == _MOST:
            return found
        count = _more_points(count, float(missed))


def _more_points(count: int, missed: float) -> int:
    """Points that bring the remainder to ``CLOSE``: its logarithm falls linearly."""
    gained = -np.log10(min(missed, 0.1))
    wanted = int(np.ceil(count * -np.log10(CLOSE) / gained)) + 1
    return min(max(wanted, count + 2), _MOST)


def _integral(
    measured: Measured,
    way: tuple[Factors, Factors],
    active: Float[Array, " n"],
    count: int,
    solved: Callable[[int], None],
) -> FactorEffects:
    """Gauss and Legendre's rule on [0, 1]."""
    points, weights = np.polynomial.legendre.leggauss(count)
    total: FactorEffects | None = None
    for k, (point, weight) in enumerate(zip(points, weights, strict=True)):
        t = np.full(FACTORS, (1 + point) / 2)
        here = _along(*way, jax.device_put(t))
        effects = measured.effects(_table(here), active, (here, way[1]))
        # By NumPy, which compiles no programs for a few sums.
        part = jax.tree.map(lambda each, w=weight / 2: w * np.asarray(each), effects)
        total = part if total is None else jax.tree.map(np.add, total, part)
        solved(count - k - 1)
    assert total is not None
    return total


def path_of(
    first: YearOfTable, last: YearOfTable, sectors: int
) -> tuple[Factors, Factors]:
    """The start and the step of the path between two years."""
    signed = tuple(
        any(bool((np.asarray(year.table[k]) < 0).any()) for year in (first, last))
        for k in (0, 1)
    )
    return _path(first.table, last.table, sectors=sectors, signed=signed)


@partial(jax.jit, static_argnames=("sectors", "signed"))
def _path(
    first: CoefficientTable,
    last: CoefficientTable,
    *,
    sectors: int,
    signed: tuple[bool, bool],
) -> tuple[Factors, Factors]:
    split = partial(factors_of, sectors=sectors, signed=signed)
    return path_between(split(*first), split(*last))


_along, _table = jax.jit(along), jax.jit(table_at)


@jax.jit
def _made(start: Factors, step: Factors, t: Float[Array, " f"]) -> CoefficientTable:
    return table_at(along(start, step, t))
