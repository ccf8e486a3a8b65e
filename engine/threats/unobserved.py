"""Omitted variables: how strong would one have to be to overturn a result?

    y, x    outcome and treatment net of effects
    W       controls net of effects
    R2      shares of what the effects leave
    df      rows less all parameters, every effect among them

With an omitted variable in the model an iid error is sqrt((1 - R2y) / (1 - R2x)
df / (df - 1)) times as large. A clustered error is taken to change by the same factor:
an approximation, since it also depends on how the omitted variable moves in a cluster.

Oster, E. (2019), Unobservable selection and coefficient stability, Journal of Business
& Economic Statistics 37:187-204. Cinelli, C. and C. Hazlett (2020), Making sense of
sensitivity, Journal of the Royal Statistical Society B 82:39-67.
"""

from typing import NamedTuple

import numpy as np

from ..core import Phrase, TivaxError
from ..estimation import LinearFit, of_norm_one, orthonormal, t_ppf, t_test
from .blocks import membership
from .setting import Setting, refused
from .variants import Made, Row, Variant

_R_MAX = 1.3  # times the R2 with controls: Oster's bound
_STRONGER = "{times} times as strong as {control}"
_TIMES = {1: "like {control}", 2: _STRONGER, 3: _STRONGER}
_SELECTED = (
    "without controls {short:.4g}, R2 {short_r2:.3f} to {long_r2:.3f}; with R2 of at "
    "most {times} times the latter an effect of 0 takes unobservables that select "
    "{more} than the controls do"
)
_AGAINST = ", in the other direction"
_WHOLE = (
    "share of the outcome's rest that the treatment explains; a confounder that "
    "explains all of it has to explain as much of the treatment's for an effect of 0"
)
_EXPLAINED = (
    "a confounder that explains {percent:.1f} % of what the rest leaves of treatment "
    "and outcome"
)
_ANY = ", whatever the errors"
_SCALED = "; the clustered error is taken to change as an iid one does"
_LEFT = (
    "what is left beside a confounder of this size: {of_x:.1f} % of the rest of the "
    "treatment, {of_y:.1f} % of the outcome's"
)


class Unadjusted(NamedTuple):
    """An estimate, its error were the errors iid, the degrees of freedom of that, and
    the error that the model has over it."""

    estimate: float
    se: float
    df: int
    ratio: float = 1.0


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
        times=_R_MAX,
        more="more" if abs(delta) > 1 else "no more",
    )
    limit = Phrase("R2 at most {r2:.3f}", r2=r_max)
    yield setting.row("Oster's delta", limit, estimate=delta, note=note)


def robustness_value(setting: Setting) -> Made:
    """Partial R2 of the treatment with the outcome, and the share of the rest of both
    that a confounder has to explain for an effect of 0 (whatever the errors), and for
    one that is not significant at 5 % by the clustered error and t(G - 1)."""
    _require_one(setting)
    given = unadjusted(setting.fit)
    f = partial_f(given)
    yield setting.row(
        "partial R2", "with the outcome", estimate=f**2 / (1 + f**2), note=_WHOLE
    )
    t = given.ratio * t_ppf(0.975, setting.fit.clusters - 1)
    ends = ("to 0", 0.0, _ANY), ("to p = 0.05", t / np.sqrt(given.df - 1), _SCALED)
    for variant, critical, more in ends:
        value = robustness_of(f, critical)
        note = Phrase(_EXPLAINED + more, percent=100 * value)
        yield setting.row("robustness value", variant, estimate=value, note=note)


def benchmarks(setting: Setting) -> Made:
    """Yield estimates against a confounder once, twice and three times as strong as
    each control is beside the others, and as strong as membership of a group (Cinelli
    and Hazlett 2020, section 4.4)."""
    _require_one(setting)
    given = unadjusted(setting.fit)
    for name in setting.model.controls:
        strength = _strength(setting.fit, name)
        for times, words in _TIMES.items():
            like = Phrase(words, times=times, control=name)
            yield _benchmark(setting, given, like, *bounds(*strength, times))
    for group in membership(setting):
        if isinstance(group, Variant):
            name = group.model.controls[-1]
            strength = _strength(group.fit(), name)
            like = Phrase("like {control}", control=name)
            yield _benchmark(setting, given, like, *strength)


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


def _benchmark(
    setting: Setting, given: Unadjusted, name: str, of_x: float, of_y: float
) -> Row:
    if of_x >= 1:
        none = "a confounder of this size would explain more than all of the treatment"
        return refused("confounder", name, TivaxError(none))
    estimate, se, p = t_test(*adjusted(given, of_x, of_y), setting.fit.clusters)
    return setting.row(
        "confounder",
        name,
        estimate=estimate,
        se=se or np.nan,  # nothing of the outcome is left to err
        p_value=p,
        note=Phrase(_LEFT + _SCALED, of_x=100 * of_x, of_y=100 * of_y),
        same_units=True,
    )


def bounds(of_x: float, of_y: float, times: float) -> tuple[float, float]:
    """R2 of a confounder ``times`` as strong as a control of these partial R2: with the
    treatment, impossible from 1 on, and with the outcome given it, at most 1."""
    most = times * of_x / (1 - of_x)
    if most >= 1 or of_y >= 1:
        return most, 1.0
    both = most * of_x / (1 - times * of_x)
    shared = (np.sqrt(times) + np.sqrt(both)) ** 2 / (1 - both)
    return most, float(min(1.0, shared * of_y / (1 - of_y)))


def adjusted(given: Unadjusted, of_x: float, of_y: float) -> tuple[float, float]:
    """Estimate and error beside a confounder of these partial R2 that takes from the
    estimate: exact but for the error where it is not iid (see the module)."""
    estimate, se, df, ratio = given
    bias = se * np.sqrt(df * of_y * of_x / (1 - of_x))
    factor = np.sqrt((1 - of_y) / (1 - of_x) * df / (df - 1))
    return float(np.sign(estimate) * (abs(estimate) - bias)), float(ratio * se * factor)


def partial_f(given: Unadjusted) -> float:
    """Cohen's partial f of the treatment with the outcome, f^2 = R2 / (1 - R2)."""
    return abs(given.estimate) / given.se / float(np.sqrt(given.df))


def robustness_of(f: float, critical: float = 0.0) -> float:
    """Cinelli and Hazlett's RV of Cohen's partial f: for an effect of 0, and for a t of
    ``critical`` sqrt(df - 1) times the iid error."""
    if f * critical > 1:  # the one with the outcome need not be as large
        return max(0.0, (f**2 - critical**2) / (1 + f**2))
    f = max(0.0, f - critical)
    return float((np.sqrt(f**4 + 4 * f**2) - f**2) / 2)


def unadjusted(fit: LinearFit) -> Unadjusted:
    """The estimate of a model of one treatment; every effect counts in its df."""
    df = fit.n - fit.k - max(fit.effects.absorbed - 1, 0)
    if df < 2:
        raise TivaxError("takes two degrees of freedom; one is left")
    h = fit.h[:, 0]
    se = float(np.sqrt(h @ h * (fit.u @ fit.u) / df) * fit.unit[0])
    return Unadjusted(float(fit.coef[0]), se, df, float(fit.se[0]) / se)


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


def _require_one(setting: Setting) -> None:
    setting.require_least_squares()
    if len(setting.model.treatments) > 1:
        raise TivaxError("is of one treatment; the model has several")
