"""Threats of form: weights, asymmetry, other outcomes, functional form, direction."""

from dataclasses import replace

import numpy as np
import pandas as pd

from ..core import Phrase, TivaxError
from ..estimation import LinearFit
from .setting import Setting, refused
from .variants import Made, Variant


def weights(setting: Setting) -> Made:
    """Rows weighted by a unit's mean over the years; ``lnX`` means exp(lnX)."""
    for name in setting.weights:
        try:
            shown, mean = unit_weights(setting, name)
        except TivaxError as error:
            yield refused("weights", name, error)
            continue
        column = f"weight by {shown}"
        frame = setting.frame.assign(**{column: mean})
        yield setting.variant("weights", shown, frame=frame, weights=column)


def unit_weights(setting: Setting, name: str) -> tuple[str, pd.Series]:
    """``GDP`` of ``lnGDP``, and each row's weight: its unit's mean over the years."""
    values = setting.column(name).astype(float)
    shown = name.removeprefix("ln")
    if shown != name:
        values = values.map(np.exp)
    return shown, values.groupby(setting.frame[setting.unit]).transform("mean")


def asymmetry(setting: Setting) -> Made:
    """A slope below 0 and one above: of an index of trade, deficit and surplus."""
    setting.require_least_squares()
    x = setting.treatment
    values = setting.column(x).astype(float)
    if not values.min() < 0 < values.max():
        one = "{treatment} has one sign; there is no slope on the other side of 0"
        raise TivaxError(Phrase(one, treatment=x))
    below = Phrase("{treatment} below 0", treatment=x)
    above = Phrase("{treatment} above 0", treatment=x)
    sides = {below: values.clip(upper=0), above: values.clip(lower=0)}
    yield setting.variant(
        "asymmetry",
        "slope on each side of 0",
        frame=setting.frame.assign(**sides),
        model=setting.equation(swap={x: (below, above)}),
        comparable=False,
    )


def vintages(setting: Setting) -> Made:
    """Another measure of the treatment in its place, and the treatment itself on the
    rows that both have: the two differ by the measure alone."""
    setting.require_least_squares()
    x = setting.treatment
    for name in setting.vintages:
        both = {"treatment": x, "other": name}
        own = Phrase("{treatment} on the rows of {other}", **both)
        other = Phrase("{other} for {treatment}", **both)
        try:
            values = setting.column(name).astype(float)
        except TivaxError as error:
            yield refused("vintage", name, error)
            continue
        rows = setting.frame[values.notna() & setting.frame[x].notna()]
        kept = setting.variant("vintage", own, frame=rows)
        swapped = rows.assign(**{x: values.loc[rows.index]})
        put = setting.variant("vintage", other, frame=swapped)
        try:
            r = _partial_correlation(kept.fit(), put.fit())
        except TivaxError as error:
            yield refused("vintage", name, error)
            continue
        yield kept
        alike = "correlation of the two measures net of all else {r:.2f}"
        yield replace(put, note=Phrase(alike, r=r))
        yield _difference(setting, rows, swapped, name)


def _difference(
    setting: Setting, own: pd.DataFrame, other: pd.DataFrame, name: str
) -> Variant:
    """Both equations together, with controls and effects of each; the coefficient is
    that of the treatment less that of the other measure, on the same rows."""
    x, unit, time = setting.treatment, setting.unit, setting.time
    both = pd.concat([own.assign(half=1), other.assign(half=2)], ignore_index=True)
    first = both["half"] == 1
    term = Phrase("{treatment} less {other}", treatment=x, other=name)
    made: dict[str, pd.Series] = {term: both[x].where(first, 0.0)}
    for k in setting.model.regressors:
        if k != x:
            made |= {k: both[k].where(first, 0.0)}
            made |= {f"{k} ({name})": both[k].where(~first, 0.0)}
    effects = [f"{k}, either" for k in (unit, time)]
    for k, effect in zip((unit, time), effects, strict=True):
        made[effect] = both[k].astype(str) + both["half"].astype(str)
    return setting.variant(
        "vintage",
        Phrase("difference, {treatment} less {other}", treatment=x, other=name),
        frame=both.assign(**made),
        model=setting.equation(
            regressors=(term, x, *(k for k in made if k not in (term, *effects))),
            treatment=(term,),
            entity=effects[0],
            time=effects[1],
        ),
        note="of the two on the same rows",
        comparable=False,
    )


def _partial_correlation(one: LinearFit, other: LinearFit) -> float:
    """Correlation of the first treatments of two fits on the same rows, net of all
    else."""
    a, b = one.treatment_left[:, 0], other.treatment_left[:, 0]
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def placebo_outcomes(setting: Setting) -> Made:
    """Outcomes that the treatment should leave alone."""
    named = setting.model.columns
    for name in setting.placebos:
        if name in named:
            continue
        try:
            setting.column(name)
        except TivaxError as error:
            yield refused("placebo outcome", name, error)
            continue
        yield setting.variant(
            "placebo outcome",
            name,
            model=setting.equation(outcome=name),
            comparable=False,
        )


def functional_form(setting: Setting) -> Made:
    """The outcome between 0 and 100 as a logit, and its logarithm, in points at the
    mean: times what a point of the outcome is at the mean of its slope."""
    name = setting.model.outcome
    values = setting.column(name).astype(float)
    used = setting.used[name].astype(float)
    forms = {
        "logit of the outcome / 100": (
            used.min() > 0 and used.max() < 100,
            "{outcome} does not lie between 0 and 100",
            lambda y: (y / (100 - y)).map(np.log),
            (used * (100 - used) / 100).mean(),
        ),
        "log of the outcome": (
            used.min() > 0,
            "{outcome} is not positive",
            lambda y: y.map(np.log),
            used.mean(),
        ),
    }
    for variant, (defined, lacking, form, slope) in forms.items():
        if not defined:
            error = TivaxError(Phrase(lacking, outcome=name))
            yield refused("functional form", variant, error)
            continue
        yield setting.variant(
            "functional form",
            variant,
            frame=setting.frame.assign(**{name: form(values) * slope}),
            note="in points at the mean of the outcome",
        )


def reverse_direction(setting: Setting) -> Made:
    """The treatment on the outcome of a year earlier, and on itself then: does the
    outcome come first (Granger)?"""
    setting.require_least_squares()
    x, y = setting.treatment, setting.model.outcome
    past = Phrase("{outcome} 1 year earlier", outcome=y)
    own = f"{x} 1 year earlier"
    frame = setting.frame.assign(
        **{past: setting.earlier(y, 1), own: setting.earlier(x, 1)}
    )
    for variant, controls in (
        ("on the outcome a year earlier", setting.others),
        ("the same, given its own past", (*setting.others, own)),
    ):
        yield setting.variant(
            "reverse direction",
            variant,
            frame=frame,
            model=setting.equation(
                outcome=x, regressors=(past, *controls), treatment=(past,)
            ),
            comparable=False,
            same_units=False,
            note=Phrase("outcome {treatment}", treatment=x),
        )
