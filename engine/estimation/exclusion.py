"""Instruments that may act on the outcome themselves: how much of it a result survives.

Symbols as in ``iv_data``, one endogenous regressor x. Conley, Hansen and Rossi (2012,
Review of Economics and Statistics 94) let the instruments into the equation,

    y = x beta + Z gamma + W delta + u,

and ask what is left of beta for gamma that are not 0. Given gamma, 2SLS of y - Z gamma
is beta(gamma) = b - A gamma, A = (x'QQ'x)^-1 x'QQ'Z, with residuals linear in gamma, so
that its cluster-robust variance is a quadratic of gamma.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple, cast

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.optimize import brentq

from ..core import (
    Listing,
    Printable,
    TivaxError,
    interval_text,
    long_table_of,
    number_text,
    percent_text,
    show,
)
from .distributions import quantile_of
from .iv_data import IVData, small_sample_factor
from .regression_data import times_power

# Bounds are computed at so many sizes of the direct effect, from 0 to the largest.
_POINTS = 41
# Signs of the direct effects of all instruments: 2^10 corners.
_INSTRUMENTS = 10


@dataclass(frozen=True, eq=False, repr=False)
class PlausiblyExogenous(Printable):
    """Intervals of a 2SLS coefficient whose instruments act directly; it prints.

    Attributes
    ----------
    outcome, endogenous, instruments
        The equation.
    estimate, se
        2SLS as it is.
    reduced_form
        Coefficients of the instruments on the outcome, given the controls: direct
        effects of these sizes would explain all of it.
    bounds
        A row for each size d of the direct effects: direct; ci_low and ci_high, the
        union of the intervals of all effects from -d to d; prior_low and prior_high,
        the interval under a normal prior of mean 0 and standard deviation d/2.
    largest_union, largest_prior
        The largest d at which the interval still excludes 0; NaN where that at d = 0
        holds 0.
    level
        Level of the intervals.

    Examples
    --------
    >>> fit = tx.fit("growth ~ gdp | iso3 + year | trade ~ tariff", panel)
    >>> found = fit.plausibly_exogenous()
    >>> found.largest_union < found.largest_prior
    True
    """

    outcome: str
    endogenous: str
    instruments: tuple[str, ...]
    estimate: float
    se: float
    reduced_form: Float[np.ndarray, " L1"]
    bounds: pd.DataFrame
    largest_union: float
    largest_prior: float
    level: float

    @property
    def share(self) -> float:
        """``largest_union`` over the size of the reduced form; of one instrument."""
        if len(self.reduced_form) > 1:
            return float("nan")
        return self.largest_union / abs(float(self.reduced_form[0]))

    def _listings(self) -> Sequence[Listing]:
        shown = self.bounds.iloc[:: (_POINTS - 1) // 8]
        rows = [
            (
                number_text(row["direct"]),
                interval_text(row["ci_low"], row["ci_high"]),
                interval_text(row["prior_low"], row["prior_high"]),
            )
            for row in shown.to_dict("records")
        ]
        acting = ", ".join(self.instruments)
        title = f"{self.outcome} on {self.endogenous}: {acting} may act directly"
        percent = f"{100 * self.level:g} % interval"
        columns = ("direct effect up to", f"{percent}, union", "normal prior")
        return [Listing(title, columns, rows, [self.sentence])]

    @property
    def sentence(self) -> str:
        """The largest direct effect at which the interval still excludes 0."""
        if np.isnan(self.largest_union):
            return "The interval holds 0 even without a direct effect."
        said = (
            f"The interval excludes 0 as long as the direct effect is at most "
            f"{number_text(self.largest_union)} in size"
        )
        if len(self.reduced_form) == 1:
            share = percent_text(self.share)
            said += f", {share} of the whole effect of {self.instruments[0]}"
        return said + f"; under the prior, {number_text(self.largest_prior)}."


def bounds_of(
    data: IVData, outcome: str, *, largest: float | None = None, level: float = 0.95
) -> PlausiblyExogenous:
    """``Estimate.plausibly_exogenous`` of an equation."""
    L1 = data.Z.shape[1]
    if L1 > _INSTRUMENTS:
        raise TivaxError(
            f"{L1} instruments; name at most {_INSTRUMENTS} that may act directly"
        )
    e = _effects(data)
    t = quantile_of(level, e.clusters - 1)
    if largest is None:
        largest = abs(e.estimate) / float(np.abs(e.A).sum())
    elif not (
        isinstance(largest, int | float) and not isinstance(largest, bool)
    ) or not 0 < largest < float("inf"):
        raise TivaxError(f"largest {show(largest)}: give a number above 0")
    bounds = pd.DataFrame(
        [(d, *e.union(d, t), *e.prior(d, t)) for d in np.linspace(0, largest, _POINTS)],
        columns=["direct", "ci_low", "ci_high", "prior_low", "prior_high"],
    )
    sign = np.sign(e.estimate)

    def nearest(ends: tuple[float, float]) -> float:
        """The end next to 0, positive where 0 is outside."""
        return sign * (ends[0] if sign > 0 else ends[1])

    return PlausiblyExogenous(
        outcome=outcome,
        endogenous=data.endogenous[0],
        instruments=data.instruments,
        estimate=e.estimate,
        se=e.se(np.zeros(L1)),
        reduced_form=e.reduced_form,
        bounds=bounds,
        largest_union=_last(lambda d: nearest(e.union(d, t)), e),
        largest_prior=_last(lambda d: nearest(e.prior(d, t)), e),
        level=level,
    )


class _Effects(NamedTuple):
    """beta(gamma) = estimate - A gamma, with scores s - r gamma over the bread."""

    estimate: float
    A: Float[np.ndarray, " L1"]
    s: Float[np.ndarray, " G"]
    r: Float[np.ndarray, "G L1"]
    reduced_form: Float[np.ndarray, " L1"]

    @property
    def clusters(self) -> int:
        return len(self.s)

    def se(self, gamma: Float[np.ndarray, " L1"]) -> float:
        return float(np.linalg.norm(self.s - self.r @ gamma))

    def union(self, d: float, t: float) -> tuple[float, float]:
        """Union of the intervals over all gamma in [-d, d]^L1, from its corners."""
        ends = []
        for corner in product((-d, d), repeat=len(self.A)):
            gamma = np.array(corner)
            b, width = self.estimate - self.A @ gamma, t * self.se(gamma)
            ends.append((b - width, b + width))
        return float(min(k[0] for k in ends)), float(max(k[1] for k in ends))

    def prior(self, d: float, t: float) -> tuple[float, float]:
        """Under gamma ~ N(0, d^2 / 4 I)."""
        variance = self.se(0 * self.A) ** 2 + d**2 / 4 * float(self.A @ self.A)
        width = t * float(np.sqrt(variance))
        return self.estimate - width, self.estimate + width


def _effects(data: IVData) -> _Effects:
    """2SLS and how it moves with gamma, in units of the data; CV1 in s and r."""
    d = data.partialled
    x, Z = d.X[:, 0], d.Q @ d.R
    fitted = d.Q @ (d.Q.T @ x)
    bread = fitted @ x
    b, A = fitted @ d.y / bread, fitted @ Z / bread
    root = np.sqrt(small_sample_factor(data)) / bread
    u, left = d.y - x * b, Z - np.outer(x, A)
    s = root * d.sums((fitted * u)[:, None])[:, 0]
    r = root * d.sums(fitted[:, None] * left)
    own = np.linalg.solve(d.R, d.Q.T @ d.y)
    to_beta = d.y_unit - int(d.X_unit[0])
    of_gamma = d.Z_unit - int(d.X_unit[0])
    return _Effects(
        float(times_power(np.array([b]), to_beta)[0]),
        times_power(A, of_gamma),
        times_power(s, to_beta),
        times_power(r, of_gamma[None, :]),
        times_power(own, d.y_unit - d.Z_unit),
    )


def _last(nearest: Callable[[float], float], e: _Effects) -> float:
    """The d at which the end next to 0 reaches it; NaN where it is beyond at once."""
    if not nearest(0.0) > 0:
        return float("nan")
    # Ends move on without bound: the union's by A, the prior's by t A / 2.
    far = abs(e.estimate) / float(np.linalg.norm(e.A))
    while nearest(far) > 0:
        far *= 2
    return cast(float, brentq(nearest, 0.0, far, xtol=1e-14 * far))


@long_table_of.register(PlausiblyExogenous)
def _(result: PlausiblyExogenous) -> pd.DataFrame:
    frame = result.bounds.copy()
    frame.insert(0, "outcome", result.outcome)
    return frame
