"""Threats of time: trends, differences, leads and lags, dynamics, periods."""

from dataclasses import replace

import numpy as np
import pandas as pd

from ..core import Phrase, TivaxError
from ..estimation import LinearFit, t_test
from .setting import Setting, refused
from .variants import Made, Row

_LONG = (1, 3, 5)
_SHIFTS = (1, 2)
_WINDOW = 5
_MOVED = {
    "leads": (
        -1,
        "{treatment} {years} year{s} later",
        "{years} later, alone",
        "{years} later, beside",
    ),
    "lags": (
        1,
        "{treatment} {years} year{s} earlier",
        "{years} earlier, alone",
        "{years} earlier, beside",
    ),
}


def trends(setting: Setting) -> Made:
    """A linear trend of each unit's own."""
    yield setting.variant("unit trends", "linear", slopes=(setting.time,))


def differences(setting: Setting) -> Made:
    """First and long differences: effects of years, none of units."""
    frame, unit, time = setting.frame, setting.unit, setting.time
    names = list(setting.model.columns)
    row = pd.Series(frame.index, pd.MultiIndex.from_frame(frame[[unit, time]]))
    for h in _LONG:
        if len(setting.years) < h + 3:
            continue
        before = pd.MultiIndex.from_arrays([frame[unit], frame[time] - h])
        earlier = pd.Series(row.reindex(before).to_numpy(), frame.index).dropna()
        now = frame.loc[earlier.index]
        change = now[names].to_numpy(float) - frame.loc[earlier, names].to_numpy(float)
        kept = now[[k for k in now if k not in names]]
        made = pd.DataFrame(change, now.index, names)
        yield setting.variant(
            "differences",
            "first" if h == 1 else Phrase("over {years} years", years=h),
            frame=pd.concat([kept, made], axis=1).assign(**{BEFORE: earlier}),
            model=setting.equation(entity=""),
            earlier=h,
        )


BEFORE = "row before"


def leads_and_lags(setting: Setting) -> Made:
    """The treatment of later and earlier years: alone, and beside the treatment."""
    setting.require_least_squares()
    x = setting.treatment
    for h in _SHIFTS:
        for threat, (sign, moved, *variants) in _MOVED.items():
            term = Phrase(moved, treatment=x, years=h, s="s" * (h > 1))
            frame = setting.frame.assign(**{term: setting.earlier(x, sign * h)})
            by_itself, beside = (Phrase(k, years=h) for k in variants)
            yield setting.variant(
                threat,
                by_itself,
                frame=frame,
                model=setting.equation(swap={x: (term,)}),
                comparable=False,
            )
            yield setting.variant(
                threat,
                beside,
                frame=frame,
                model=setting.equation(swap={x: (x, term)}),
                comparable=sign < 0,
            )


def dynamics(setting: Setting) -> Made:
    """The outcome of the year before as a regressor, and the half-panel jackknife of
    Dhaene and Jochmans (2015) against the bias of short panels (Nickell 1981)."""
    setting.require_least_squares()
    x, y = setting.treatment, setting.model.outcome
    past = Phrase("{outcome} 1 year earlier", outcome=y)
    frame = setting.frame.assign(**{past: setting.earlier(y, 1)})
    regressors = (x, *setting.others, past)
    model = setting.equation(regressors=regressors, treatment=(x, past))
    T = len(setting.years) - 1
    bias = Phrase("biased by short T (Nickell): T = {years}", years=T)
    whole = setting.variant(
        "lagged outcome",
        "as it is",
        frame=frame,
        model=model,
        note=bias,
        comparable=False,
    )
    yield whole
    fit = whole.fit()
    long = _long_run("as it is, long run", fit, fit.coef, fit.influence, bias)
    yield replace(long, biased=True)
    rows = fit.source
    years = np.sort(rows[setting.time].unique())
    middle = years[len(years) // 2]
    early = rows[setting.time] < middle
    halves = [
        setting.variant("", "", frame=part, model=model).fit()
        for part in (rows[early], rows[~early])
    ]
    coef = 2 * fit.coef - sum(half.coef for half in halves) / 2
    parts = [k.by_label.reindex(fit.by_label.index, fill_value=0.0) for k in halves]
    influence = (2 * fit.by_label - sum(parts) / 2).to_numpy()
    halved = "half-panel jackknife, halves from {first:.0f} and {second:.0f}"
    note = Phrase(halved, first=years[0], second=middle)
    errors = np.sqrt(fit.correction * (influence**2).sum(axis=0))
    for j, term in enumerate(model.treatments):
        yield Row(
            "lagged outcome",
            "half-panel jackknife",
            term,
            *t_test(coef[j], errors[j], fit.clusters),
            fit.n,
            fit.clusters,
            note,
        )
    yield _long_run("half-panel jackknife, long run", fit, coef, influence, note)


def _long_run(
    variant: str, fit: LinearFit, coef: np.ndarray, influence: np.ndarray, note: str
) -> Row:
    """b / (1 - rho), its error by the delta method."""
    rho = coef[1]
    term = fit.model.treatments[0]
    if rho >= 1:
        large = "the outcome's own coefficient is {rho:.3f}, not below 1"
        error = TivaxError(Phrase(large, rho=rho))
        return refused("lagged outcome", variant, error)
    long = coef[0] / (1 - rho)
    each = (influence[:, 0] + long * influence[:, 1]) / (1 - rho)
    se = float(np.sqrt(fit.correction * each @ each))
    test = t_test(long, se, fit.clusters)
    return Row(
        "lagged outcome",
        variant,
        term,
        *test,
        fit.n,
        fit.clusters,
        note,
        comparable=True,
    )


def periods(setting: Setting) -> Made:
    """The two halves of the years, and rolling windows of five."""
    frame, time, years = setting.frame, setting.time, setting.years
    half = (len(years) + 1) // 2
    parts = [(years[0], years[half - 1]), (years[half], years[-1])]
    for threat, spans in (("period", parts), ("window", _windows(years))):
        for first, last in spans:
            inside = frame[frame[time].between(first, last)]
            own = {"frame": inside, "comparable": threat == "period"}
            yield setting.variant(threat, f"{first}-{last}", **own)


def _windows(years: list[int]) -> list[tuple[int, int]]:
    if len(years) < 2 * _WINDOW:
        return []
    return [(k, k + _WINDOW - 1) for k in years if k + _WINDOW - 1 <= years[-1]]
