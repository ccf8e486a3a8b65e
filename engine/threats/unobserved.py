"""Omitted variables: how strong would one have to be to overturn a result?

    y, x    outcome and treatment net of effects
    W       controls net of effects
    R2      shares of what the effects leave

Oster, E. (2019), Unobservable selection and coefficient stability, Journal of Business
& Economic Statistics 37:187-204. Cinelli, C. and C. Hazlett (2020), Making sense of
sensitivity, Journal of the Royal Statistical Society B 82:39-67.
"""

from typing import NamedTuple

import numpy as np

from ..core import Phrase, TivaxError
from ..estimation import LinearFit, of_norm_one, orthonormal, t_ppf
from .blocks import membership
from .setting import Setting
from .variants import Made, Row, Variant

_R_MAX = 1.3  # times the R2 with controls: Oster's bound
_SELECTED = (
    "without controls {short:.4g}, R2 {short_r2:.3f} to {long_r2:.3f}; an effect of 0 "
    "takes unobservables that select {more} than the controls do"
)
_AGAINST = ", in the other direction"
_EXPLAINED = (
    "a confounder that explains {percent:.1f} % of what the rest leaves of treatment "
    "and outcome, errors iid"
)
_LEFT = (
    "what is left beside a confounder of this size: {of_x:.1f} % of the rest of the "
    "treatment, {of_y:.1f} % of the outcome's, errors iid"
)


class Moments(NamedTuple):
    """Moments in Oster's formula: estimates and R2 without and with controls; variances
    of the outcome, the treatment, and the treatment net of the controls."""

    short: float
    short_r2: float
    long: float
    long_r2: float
    y: float
    x: float
    x_left: float


def oster(setting: Setting) -> Made:
    """delta: selection on unobservables relative to that on the controls for an effect
    of 0, where R2 is at most 1.3 times that with controls."""
    _require_one(setting)
    if not setting.model.controls:
        raise TivaxError(
            "compares the estimates with and without controls; there are none"
        )
    m = moments(setting)
    r_max = min(1.0, _R_MAX * m.long_r2)
    delta = oster_delta(m, r_max)
    note = Phrase(
        _SELECTED + _AGAINST * (delta < 0),
        short=m.short,
        short_r2=m.short_r2,
        long_r2=m.long_r2,
        more="more" if abs(delta) > 1 else "no more",
    )
    limit = Phrase("R2 at most {r2:.3f}", r2=r_max)
    yield setting.row("Oster's delta", limit, estimate=delta, note=note)


def robustness_value(setting: Setting) -> Made:
    """Share of the rest of treatment and outcome that a confounder has to explain for
    an effect of 0, and for one that is not significant at 5 %, with iid errors."""
    _require_one(setting)
    fit = setting.fit
    df = _degrees(fit)
    partial = _partial_t(fit, df)
    beyond = max(0.0, partial - t_ppf(0.975, df - 1) * np.sqrt(df / (df - 1)))
    for variant, t in (("to 0", partial), ("to p = 0.05", beyond)):
        value = robustness_of(t / np.sqrt(df))
        yield setting.row(
            "robustness value",
            variant,
            estimate=value,
            note=Phrase(_EXPLAINED, percent=100 * value),
        )


def benchmarks(setting: Setting) -> Made:
    """Yield estimates against a confounder as strong as each control is beside the
    others, and as strong as membership of a group (Cinelli and Hazlett 2020, section
    4.4)."""
    _require_one(setting)
    fit = setting.fit
    for name in setting.model.controls:
        of_x, of_y = _strength(fit, name)
        # Their bounds, for a confounder once as strong.
        both = of_x**2 / (1 - of_x) ** 2 if of_x < 0.5 else 1.0
        if both >= 1 or of_y >= 1:
            continue
        of_y = (1 + np.sqrt(both)) ** 2 / (1 - both) * of_y / (1 - of_y)
        like = Phrase("like {control}", control=name)
        yield _benchmark(setting, like, of_x / (1 - of_x), min(1.0, of_y))
    for group in membership(setting):
        if isinstance(group, Variant):
            name = group.model.controls[-1]
            strength = _strength(group.fit(), name)
            like = Phrase("like {control}", control=name)
            yield _benchmark(setting, like, *strength)


def _strength(fit: LinearFit, control: str) -> tuple[float, float]:
    """Partial R2 of a control with the treatment, and with the outcome given it, both
    given the other controls."""
    place = fit.place_of(control)
    rest = orthonormal(of_norm_one(np.delete(fit.C[:, :-1], place, axis=1))).basis
    z, x, y = (k - rest @ (rest.T @ k) for k in (fit.C[:, place], fit.C[:, -1], fit.y))
    given = [k - x * (x @ k) / (x @ x) for k in (z, y)]
    return _shared(z, x), _shared(*given)


def _shared(a: np.ndarray, b: np.ndarray) -> float:
    return float((a @ b) ** 2 / ((a @ a) * (b @ b)))


def _benchmark(setting: Setting, name: str, of_x: float, of_y: float) -> Row:
    fit = setting.fit
    df = _degrees(fit)
    estimate = float(fit.coef[0])
    size = abs(estimate) / _partial_t(fit, df) * np.sqrt(df)
    bias = size * np.sqrt(of_y * of_x / (1 - of_x))
    return setting.row(
        "confounder",
        name,
        estimate=float(np.sign(estimate) * (abs(estimate) - bias)),
        note=Phrase(_LEFT, of_x=100 * of_x, of_y=100 * of_y),
    )


def robustness_of(f: float) -> float:
    """Cinelli and Hazlett's RV of Cohen's partial f."""
    return float((np.sqrt(f**4 + 4 * f**2) - f**2) / 2)


def moments(setting: Setting) -> Moments:
    """Moments of the model on its rows, everything net of its effects."""
    fit = setting.fit
    rows = setting.used
    treatments = setting.model.treatments
    bare = setting.equation(regressors=treatments)
    short = setting.variant("", "", frame=rows, model=bare).fit()
    unit = fit.size[-1]
    sse_long, sse_short = unit**2 * (fit.u @ fit.u), unit**2 * (short.u @ short.u)
    x2 = float((short.treatment_left**2).sum())
    total = sse_short + short.coef[0] ** 2 * x2
    return Moments(
        short=float(short.coef[0]),
        short_r2=float(1 - sse_short / total),
        long=float(fit.coef[0]),
        long_r2=float(1 - sse_long / total),
        y=float(total) / fit.n,
        x=x2 / fit.n,
        x_left=float((fit.treatment_left**2).sum()) / fit.n,
    )


def oster_delta(m: Moments, r_max: float, target: float = 0.0) -> float:
    """delta for which the effect is ``target``: Oster's Proposition 2 solved for it."""
    gap, moved = m.long - target, m.short - m.long
    explained, left = (m.long_r2 - m.short_r2) * m.y, (r_max - m.long_r2) * m.y
    x, x_left = m.x, m.x_left
    common = gap**3 * (x_left * x - x_left**2)
    top = gap * explained * x_left + gap * x * x_left * moved**2
    top += 2 * gap**2 * x_left * moved * x + common
    bottom = left * moved * x + gap * left * (x - x_left)
    bottom += gap**2 * x_left * moved * x + common
    return float(top / bottom)


def _degrees(fit: LinearFit) -> int:
    """Rows less all parameters, every effect among them."""
    return fit.n - fit.k - max(fit.effects.absorbed - 1, 0)


def _partial_t(fit: LinearFit, df: int) -> float:
    """|t| of the treatment with iid errors."""
    h, residual = fit.H[:, -1], fit.u
    return float(abs(h @ fit.y) / np.sqrt(h @ h * (residual @ residual) / df))


def _require_one(setting: Setting) -> None:
    setting.require_least_squares()
    if len(setting.model.treatments) > 1:
        raise TivaxError("is of one treatment; the model has several")
