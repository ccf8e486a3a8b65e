"""Threats of the form of the controls: curvature, products, convergence, a ridge.

Controls enter a model in a straight line. If their effect is curved, or differs between
units that start high and low, the rest stays in the errors, and a treatment that moves
with it takes its part.
"""

from collections.abc import Sequence
from itertools import combinations_with_replacement

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from ...kernels.covariance_factors import cluster_factor
from ..core import Phrase, TivaxError
from ..estimation import Effects, of_norm_one, t_test
from .blocks import MEMBERSHIPS, entrants, is_member
from .setting import Setting
from .variants import Made, Row, Variant

_FOLDS, _SPLITS = 5, 25
# Of the ridge, for columns whose mean square is 1, by row.
_PENALTIES = tuple(10.0**k for k in range(-3, 3))


def second_order(
    frame: pd.DataFrame, controls: Sequence[str], *, products: bool = True
) -> dict[str, pd.Series]:
    """Squares of the controls about their means, and with ``products`` theirs in pairs.

    A control of two values has no square.
    """
    centred = frame[list(controls)].astype(float)
    centred = centred - centred.mean()
    pairs = combinations_with_replacement(controls, 2)
    return {
        Phrase("{control} squared", control=a) if a == b else f"{a} x {b}": centred[a]
        * centred[b]
        for a, b in pairs
        if (a != b and products) or (a == b and frame[a].nunique() > 2)
    }


def squares(setting: Setting) -> Made:
    """The square of each control, of all, and all their products."""
    threat, controls = "form of controls", setting.model.controls
    if not controls:
        raise TivaxError("asks how the controls enter; the model has none")
    every = second_order(setting.frame, controls)
    each = second_order(setting.frame, controls, products=False)
    for name, column in each.items():
        yield _with(setting, threat, name, {name: column})
    if len(each) > 1:
        yield _with(setting, threat, "squares of all", each)
    if len(every) > len(each):
        yield _with(setting, threat, "squares and products of all", every)


def convergence(setting: Setting) -> Made:
    """Years that go with the outcome in a unit's first year: who starts low catches up.
    Beside it, membership of a group, and without those who join it."""
    threat, columns = "convergence", initial_by_time(setting)
    keys = {"outcome": setting.model.outcome, "time": setting.time}
    name = Phrase("first {outcome} x {time}", **keys)
    yield _with(setting, threat, name, columns)
    codes = setting.frame[setting.unit].astype(str)
    for group in MEMBERSHIPS:
        joined = {k for new in entrants(group, setting.years).values() for k in new}
        inside = codes.isin(joined)
        if not inside.any() or inside.all():
            continue
        dummy = is_member(group, codes, setting.frame[setting.time])
        both = {**columns, f"member of {group}": dummy}
        named = Phrase("the same, with membership of {group}", group=group)
        yield _with(setting, threat, named, both)
        without = Phrase("the same, without entrants of {group}", group=group)
        yield _with(setting, threat, without, columns, rows=~inside)


def initial_by_time(setting: Setting, *, linear: bool = False) -> dict[str, pd.Series]:
    """The outcome in a unit's first year, about its mean, in each year but the first;
    ``linear``, or where there are too few clusters for that, times the years."""
    y, unit, time = setting.model.outcome, setting.unit, setting.time
    known = setting.frame.dropna(subset=[y]).sort_values(time)
    first = setting.frame[unit].map(known.groupby(unit)[y].first().astype(float))
    first, years = first - first.mean(), setting.frame[time]
    clusters = setting.frame[setting.model.clusters].nunique()
    if linear or clusters <= len(setting.model.regressors) + len(setting.years):
        return {f"first {y} x {time}": first * (years - years.mean())}
    return {f"first {y} in {k}": first * (years == k) for k in setting.years[1:]}


def partialled_out(setting: Setting) -> Made:
    """The controls, their squares and products taken out of outcome and treatment by a
    ridge that is fitted to other units (double machine learning; Chernozhukov et al.
    2018, Econometrics Journal 21), median of 25 divisions of the units into 5 folds."""
    setting.require_least_squares()
    controls, treatment = setting.model.controls, setting.treatment
    if not controls or len(setting.model.treatments) > 1:
        raise TivaxError("takes controls and one treatment")
    used = setting.used
    made = second_order(used, controls)
    names = [*controls, treatment, setting.model.outcome]
    columns = np.column_stack([pd.DataFrame(made), used[names]]).astype(float)
    unit = pd.factorize(used[setting.unit], sort=True)[0]
    effects = Effects.of(used, [setting.unit, setting.time], unit)
    columns = effects.without_dummies(effects.within(columns))
    Z = of_norm_one(columns[:, :-2]) * np.sqrt(len(columns))
    cluster = pd.factorize(used[setting.model.clusters], sort=True)[0]
    G, N = int(cluster.max()) + 1, len(columns)
    found = []
    for split in range(_SPLITS):
        rng = np.random.default_rng(split)
        fold = (rng.permutation(unit.max() + 1) % _FOLDS)[unit]
        x, y = (_cross_fitted(Z, t, fold) for t in columns[:, -2:].T)
        b = x @ y / (x @ x)
        scores = np.bincount(cluster, x * (y - b * x)) / (x @ x)
        found.append(
            (b, cluster_factor(G, N, 1 + len(setting.years)) * scores @ scores)
        )
    b, variance = np.array(found).T
    coef = float(np.median(b))
    se = float(np.sqrt(np.median(variance + (b - coef) ** 2)))
    partialled = "partialled out, {terms} terms by cross-fitted ridge"
    variant = Phrase(partialled, terms=Z.shape[1])
    tested = t_test(coef, se, G)
    yield Row("form of controls", variant, treatment, *tested, N, G, comparable=True)


def _cross_fitted(
    Z: Float[np.ndarray, "n p"],
    target: Float[np.ndarray, " n"],
    fold: Int[np.ndarray, " n"],
) -> Float[np.ndarray, " n"]:
    """Residuals of the target from a ridge fitted to the other folds. Its penalty is
    the one that predicts those folds best, each from the rest of them."""
    products = [(Z[k].T @ Z[k], Z[k].T @ target[k]) for k in _rows_of(fold)]
    residuals = target.copy()
    for k, rows in enumerate(_rows_of(fold)):
        others = [j for j in range(_FOLDS) if j != k]
        missed = []
        for penalty in _PENALTIES:
            errors = 0.0
            for j in others:
                b = _ridge([products[i] for i in others if i != j], penalty * len(Z))
                own = fold == j
                errors += float(((target[own] - Z[own] @ b) ** 2).sum())
            missed.append(errors)
        best = _PENALTIES[int(np.argmin(missed))] * len(Z)
        residuals[rows] -= Z[rows] @ _ridge([products[i] for i in others], best)
    return residuals


def _rows_of(fold: Int[np.ndarray, " n"]) -> list[np.ndarray]:
    return [fold == k for k in range(_FOLDS)]


def _ridge(
    products: Sequence[tuple[np.ndarray, np.ndarray]], penalty: float
) -> Float[np.ndarray, " p"]:
    S, b = (np.sum(each, axis=0) for each in zip(*products, strict=True))
    return np.linalg.solve(S + penalty * np.eye(len(S)), b)


def _with(
    setting: Setting,
    threat: str,
    variant: str,
    columns: dict[str, pd.Series],
    rows: pd.Series | None = None,
) -> Variant:
    frame = setting.frame.assign(**columns)
    return setting.variant(
        threat,
        variant,
        frame=frame if rows is None else frame[rows],
        model=setting.with_controls(*columns),
    )
