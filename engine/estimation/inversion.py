"""Confidence intervals by test inversion: the nulls that a test does not reject."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ...kernels.resampling import LEVEL

# Of more draws than these a random part is searched; all of them have the last word.
_SEARCH = 1 << 15
# p of the random part is within this of p of all draws: four Monte-Carlo errors.
_SLACK = 4 * float(np.sqrt(LEVEL * (1 - LEVEL) / _SEARCH))
# Standard errors between an end and a null inside: where all patterns are drawn, and
# where draws are random and their Monte-Carlo error is larger anyway.
_EXACT, _RANDOM = 1e-6, 1e-3
# Interpolation pays where this many draws change sides within a bracket.
_CHANGED = 100

PValues = Callable[[Float[np.ndarray, " r"], int | None], Float[np.ndarray, " r"]]
"""p of each null, from a random part of this many draws (None: from all)."""


def invert(
    p_of: PValues,
    estimate: float,
    se: float,
    draws: int,
    *,
    value: float = 0.0,
    exact: bool = True,
    hull: bool = False,
) -> tuple[float, float]:
    """Confidence interval by test inversion, at 5 %, from all ``draws``.

    An end is the first rejected null on its side: its own p is at most 5 %, and that of
    a null 1e-6 standard errors nearer is above (1e-3 where draws are random, not
    ``exact``). Infinite where even 40 standard errors away are not rejected; NaN
    without a standard error. The null ``value`` is inside where its p is
    above 5 %, whatever lies between it and the estimate, and outside where it is not.

    With ``hull`` the set may have holes or be empty: the ends are those of its
    outermost parts, looked for up to a million standard errors away, and NaN
    where no null is found that is not rejected.
    """
    if not (np.isfinite(se) and se > 0):
        return float("nan"), float("nan")
    line = _Line(p_of, estimate, se, (value - estimate) / se, hull)
    brackets = _searched(line) if draws > _SEARCH else None
    if brackets is None:
        brackets = line.brackets(line.p(line.grid))
    if brackets is None:
        return float("nan"), float("nan")
    step, width = 0, _EXACT if exact else _RANDOM
    while any(width < k.width < np.inf for k in brackets):
        # Every other step is sure to leave a third.
        changed = draws if step % 2 == 0 else 0
        brackets = line.narrowed(brackets, changed)
        step += 1
    below, above = brackets
    return estimate + se * below.outside, estimate + se * above.outside


class _Bracket(NamedTuple):
    """A null that is not rejected and one beyond it that is, or infinity, with their p;
    in standard errors from the estimate."""

    inside: float
    outside: float
    p_inside: float
    p_outside: float

    @property
    def width(self) -> float:
        return abs(self.outside - self.inside)

    def points(self, draws: int) -> Float[np.ndarray, "2"]:
        """Two nulls between. The ``draws`` that change sides in the bracket say how far
        interpolation may be off; with few of them, the thirds."""
        if not np.isfinite(self.outside):
            return np.full(2, self.inside)
        at = np.array([1, 2]) / 3
        changed = draws * (self.p_inside - self.p_outside)
        if changed > _CHANGED:
            crossing = (self.p_inside - LEVEL) / (self.p_inside - self.p_outside)
            off = 2 / np.sqrt(changed)
            at = np.clip(crossing + off * np.array([-1, 1]), 0.01, 0.99)
        return self.inside + at * (self.outside - self.inside)

    def cut(self, points: np.ndarray, p: np.ndarray, slack: float) -> "_Bracket":
        """The part between the first rejected of ``points`` and the one before."""
        if not np.isfinite(self.outside):
            return self
        inside, outside, p_inside, p_outside = self
        for u, each in zip(points.tolist(), p.tolist(), strict=True):
            if each <= LEVEL - slack:
                return _Bracket(inside, u, p_inside, each)
            if each > LEVEL + slack:
                inside, p_inside = u, each
        return _Bracket(inside, outside, p_inside, p_outside)


class _Line(NamedTuple):
    """Nulls in standard errors from the estimate; ``own`` is the one that is tested."""

    p_of: PValues
    estimate: float
    se: float
    own: float
    hull: bool

    @property
    def grid(self) -> Float[np.ndarray, " u"]:
        """Ever farther from the estimate, on both sides."""
        far = 0.25 * 1.4 ** np.arange(16)
        if self.hull:
            far = np.concatenate([far, 100.0 * 10.0 ** np.arange(5)])
        return np.unique(np.concatenate([-far, [0.0, self.own], far]))

    def p(
        self, u: Float[np.ndarray, " u"], limit: int | None = None
    ) -> Float[np.ndarray, " u"]:
        return self.p_of(self.estimate + self.se * u, limit)

    def brackets(self, p: np.ndarray, slack: float = 0.0) -> list[_Bracket] | None:
        """Below and above the estimate, from p on the grid. A null is accepted where
        its p is above 5 % by more than ``slack``, rejected where it is below by as
        much. None where there is no such null, or p is too near to tell."""
        found = []
        for side in (-1, 1):
            outward = np.argsort(side * self.grid)
            u, each = self.grid[outward], p[outward]
            accepted, rejected = each > LEVEL + slack, each <= LEVEL - slack
            if not accepted.any():
                return None
            if self.hull:
                start = np.flatnonzero(~rejected).max()
            else:
                own = np.flatnonzero((u == self.own) & accepted)
                start = max(np.flatnonzero(u == 0).max(), own.max(initial=0))
            beyond = start + np.flatnonzero(rejected[start:])
            if not len(beyond) and not accepted[-1]:
                return None
            last = int(beyond[0]) if len(beyond) else len(u)
            k = int(np.flatnonzero(accepted[:last]).max())
            found.append(
                _Bracket(
                    float(u[k]),
                    float(u[last]) if len(beyond) else side * float("inf"),
                    float(each[k]),
                    float(each[last]) if len(beyond) else 0.0,
                )
            )
        return found

    def narrowed(
        self,
        brackets: list[_Bracket],
        draws: int,
        limit: int | None = None,
        slack: float = 0.0,
    ) -> list[_Bracket]:
        points = [k.points(draws) for k in brackets]
        p = np.split(self.p(np.concatenate(points), limit), 2)
        cut = zip(brackets, points, p, strict=True)
        return [k.cut(u, each, slack) for k, u, each in cut]


def _searched(line: _Line) -> list[_Bracket] | None:
    """Brackets found with a random part of the draws and confirmed with all of them.

    None where the part leaves it open, or all draws say otherwise.
    """
    grid = line.grid
    p, tested = line.p(grid, _SEARCH), grid == line.own
    # What is tested is so with all draws.
    p[tested] = np.where(line.p(grid[tested]) > LEVEL, 1.0, 0.0)
    brackets = line.brackets(p, _SLACK)
    if brackets is None:
        return None
    for _ in range(3):
        brackets = line.narrowed(brackets, 0, _SEARCH, _SLACK)
    ends = [[k.inside, k.outside if k.width < np.inf else k.inside] for k in brackets]
    confirmed = []
    for k, (inside, outside) in zip(
        brackets, line.p(np.ravel(ends)).reshape(2, 2).tolist(), strict=True
    ):
        infinite = k.width == np.inf
        if not inside > LEVEL or not (infinite or outside <= LEVEL):
            return None
        confirmed.append(_Bracket(k.inside, k.outside, inside, outside))
    return confirmed
