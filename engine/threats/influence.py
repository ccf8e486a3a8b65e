"""Single cells and clusters that carry the result.

DFBETA of a row is what the estimate loses without it, exactly: with treatment x net of
everything else, leverage l and residual u, x u / ((1 - l) sum x^2). The fewest rows
that turn the sign are looked for as in Broderick, Giordano and Meager (2020): by the
first-order influence of each, then by a fit without them.
"""

import numpy as np
import pandas as pd
from jaxtyping import Float

from ..core import TivaxError
from ..estimation import Fit, t_test
from ..resampling import LEVEL
from .setting import Setting, refused
from .variants import Made, Row, Variant

_CELLS = (1, 5, 10)
_LARGEST_SHARE = 1 / 3  # that may be taken away
CLUSTERS = "influential clusters"
_ENDS = ("not significant by CV1", "of the other sign")


def cells(setting: Setting) -> Made:
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
    yield _turned(setting, fit, pull)


def clusters(setting: Setting) -> Made:
    """Without the cluster that speaks most for the result, then without the next one:
    how many it takes until it is not significant, and until it has the other sign.

    Each step takes the cluster with the largest part in the estimate before it.
    """
    setting.require_least_squares()
    threat = CLUSTERS
    fit, gone, frame = setting.fit, list[str](), setting.frame
    sign, every = np.sign(fit.coef[0]), fit.clusters
    significant = t_test(fit.coef[0], fit.se[0], every)[2] <= LEVEL
    # Where nothing is significant none are needed for that.
    ends = dict(zip(_ENDS, (not significant, False), strict=True))
    for _ in range(int(_LARGEST_SHARE * every)):
        pull = fit.by_label[0] * sign
        gone.append(str(pull.idxmax()))
        frame = frame[frame[setting.model.clusters].astype(str) != gone[-1]]
        made = setting.variant(threat, f"without {gone[0]}", frame=frame)
        if len(gone) == 1:
            yield made
        try:
            fit = made.fit()
        except TivaxError as error:
            yield refused(threat, f"without {', '.join(gone)}", error)
            return
        p = t_test(fit.coef[0], fit.se[0], fit.clusters)[2]
        reached = (p > LEVEL, fit.coef[0] * sign < 0)
        for end, now in zip(ends, reached, strict=True):
            if now and not ends[end]:
                ends[end] = True
                yield setting.variant(
                    threat,
                    f"without {len(gone)} of {every}: {end}",
                    frame=frame,
                    comparable=False,
                    note=f"chosen for it: {', '.join(gone)}",
                )
        if all(ends.values()):
            return
    for end in (k for k, found in ends.items() if not found):
        yield Row(
            threat,
            f"without the fewest: {end}",
            note=f"none: not without the {len(gone)} of {every} that speak most for it",
        )


def dfbeta(fit: Fit) -> Float[np.ndarray, " n"]:
    """Estimate of the first treatment less its estimate without each row."""
    free = 1 - (fit.B**2).sum(axis=1) - _unit_leverage(fit)
    # The only row of its country says nothing, and has 0 / 0.
    pull = np.zeros_like(free)
    np.divide(fit.h[:, 0] * fit.u, free, out=pull, where=free > _ALONE)
    return pull * fit.unit[0]


_ALONE = 1e-12  # what rounding leaves of 1 - leverage


def _unit_leverage(fit: Fit) -> Float[np.ndarray, " n"]:
    """Leverage of the effects that were taken out: 1 / rows of the unit."""
    if len(fit.effects.nested) > 1:
        raise TivaxError("takes at most one effect that the clusters nest")
    if not fit.effects.nested:
        return np.zeros(fit.n)
    unit = fit.used[fit.effects.nested[0]]
    return 1 / unit.groupby(unit).transform("size").to_numpy(float)


def _turned(setting: Setting, fit: Fit, pull: Float[np.ndarray, " n"]) -> Variant | Row:
    """Without the fewest cells that turn the sign."""
    threat, n = "influential cells", fit.n
    sign, size = np.sign(fit.coef[0]), abs(fit.coef[0])
    order = np.argsort(-pull, kind="stable")
    most = int(_LARGEST_SHARE * n)
    first = int(np.searchsorted(np.cumsum(pull[order][:most]), size)) + 1
    for count in range(first, most + 1):
        frame = setting.used.drop(index=fit.used.index[order[:count]])
        made = setting.variant(
            threat,
            f"without {count} of {n}: of the other sign",
            frame=frame,
            comparable=False,
            note="chosen for it",
        )
        if made.fit().coef[0] * sign < 0:
            return made
    return Row(
        threat,
        "without the fewest: of the other sign",
        note=f"none: not without the {most} of {n} that speak most for it",
    )


def _named(rows: pd.DataFrame, setting: Setting) -> str:
    try:
        keys = [setting.unit, setting.time]
    except TivaxError:
        return ""
    return ", ".join(f"{a} {b}" for a, b in rows[keys].itertuples(index=False))
