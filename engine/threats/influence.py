"""Single cells and clusters that carry the result.

DFBETA of a row is what the estimate loses without it, exactly: with treatment x net of
everything else, leverage l and residual u, x u / ((1 - l) sum x^2). The fewest rows
that turn the sign are looked for as in Broderick, Giordano and Meager (2020): by the
first-order influence of each, then by a fit without them.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from jaxtyping import Float

from ..core import TivaxError
from .fits import VariantFit, fit_variant
from .setting import Setting, refused
from .variants import Row, Variant

_CELLS = (1, 5, 10)
_LARGEST_SHARE = 0.25


def cells(setting: Setting) -> Iterator[Variant | Row]:
    """Without the cells that speak most for the result, by DFBETA."""
    setting.require_least_squares()
    fit = setting.fit
    pull = dfbeta(fit) * np.sign(fit.coef[0])
    order = np.argsort(-pull, kind="stable")
    index = fit.used.index[order]
    for count in _CELLS:
        if count > len(index) // 10:
            continue
        gone = setting.used.loc[index[:count]]
        kept = setting.used.drop(index=gone.index)
        word = "cell" if count == 1 else f"{count} cells"
        yield setting.variant(
            "influential cells",
            f"without the {word} of the largest DFBETA",
            frame=kept,
            note=_named(gone, setting),
        )
    yield _fewest(setting, fit, "influential cells", "cells", pd.Series(
        np.arange(len(fit.used)), fit.used.index
    ), pull)


def clusters(setting: Setting) -> Iterator[Variant | Row]:
    """Without the cluster that speaks most for the result; the fewest that turn it."""
    setting.require_least_squares()
    fit, name = setting.fit, setting.model.cluster
    label = fit.used[name]
    pull = fit.by_label[0] * np.sign(fit.coef[0])
    first = pull.idxmax()
    yield setting.variant(
        "influential clusters",
        f"without {first}",
        frame=setting.frame[setting.frame[name] != first],
    )
    yield _fewest(
        setting, fit, "influential clusters", "clusters", label, pull.to_numpy()
    )


def dfbeta(fit: VariantFit) -> Float[np.ndarray, " n"]:
    """What the first treatment's estimate loses without each row."""
    j = fit.H.shape[1] - fit.q
    leverage = (fit.B**2).sum(axis=1) + _unit_leverage(fit)
    return fit.H[:, j] * fit.u / (1 - leverage) * fit.unit[0]


def _unit_leverage(fit: VariantFit) -> Float[np.ndarray, " n"]:
    """Leverage of the effects that were taken out: 1 / rows of the unit."""
    model = fit.variant.model
    if model.cluster not in model.effects:
        return np.zeros(fit.n)
    size = fit.used.groupby(model.cluster)[model.cluster].transform("size")
    return 1 / size.to_numpy(float)


def _fewest(
    setting: Setting,
    fit: VariantFit,
    threat: str,
    word: str,
    label: pd.Series,
    pull: Float[np.ndarray, " g"],
) -> Variant | Row:
    """Without the fewest that turn the sign, by their pull."""
    variant = f"without the fewest {word} that turn the sign"
    order = np.argsort(-pull, kind="stable")
    gained = np.cumsum(pull[order])
    most = int(_LARGEST_SHARE * len(pull))
    enough = np.flatnonzero(gained[:most] > abs(fit.coef[0]))
    names = np.unique(label) if word == "clusters" else label.to_numpy()
    sign = np.sign(fit.coef[0])
    for count in range(int(enough[0]) + 1 if len(enough) else most + 1, most + 1):
        gone = label.isin(names[order[:count]])
        frame = setting.used[~gone.to_numpy()]
        made = setting.variant(threat, variant, frame=frame)
        try:
            turned = fit_variant(made).coef[0] * sign < 0
        except TivaxError as error:
            return refused(threat, variant, error)
        if turned:
            listed = ", ".join(map(str, names[order[:count]]))
            of = f"{count} of {len(pull)} {word}"
            note = of if word == "cells" else f"{of}: {listed}"
            return setting.variant(
                threat, f"without the {count} {word} that turn the sign", frame=frame,
                note=note, comparable=False,
            )
    return Row(
        threat, variant, setting.treatment,
        note=f"none: no {most} of {len(pull)} {word} turn it, taken by influence",
    )


def _named(rows: pd.DataFrame, setting: Setting) -> str:
    try:
        keys = [setting.unit, setting.time]
    except TivaxError:
        return ""
    return ", ".join(f"{a} {b}" for a, b in rows[keys].itertuples(index=False))
