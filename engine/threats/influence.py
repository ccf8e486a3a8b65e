"""Single cells and clusters that carry the result.

DFBETA of a row is what the estimate loses without it, exactly: with treatment x net of
everything else, leverage l and residual u, x u / ((1 - l) sum x^2). The fewest rows
that turn the sign are looked for as in Broderick, Giordano and Meager (2020): by the
first-order influence of each, then by a fit without them.
"""

import numpy as np
import pandas as pd
from jaxtyping import Float

from ..core import Phrase, TivaxError
from ..estimation import LinearFit, t_test
from ..resampling import LEVEL
from .setting import Setting, refused
from .variants import Made, Row, Variant

_CELLS = (1, 5, 10)
_LARGEST_SHARE = 1 / 3  # that may be taken away
CLUSTERS = "influential clusters"
_ENDS = ("not significant by CV1", "of the other sign")
_FEWEST = "without {count} of {every}: {end}"
_NONE = "none: not without the {count} of {every} that speak most for it"


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
        several = "without the {cells} cells of the largest DFBETA"
        one = "without the cell of the largest DFBETA"
        yield setting.variant(
            "influential cells",
            Phrase(several, cells=count) if count > 1 else one,
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
        named = Phrase("without {cluster}", cluster=gone[0])
        made = setting.variant(threat, named, frame=frame)
        if len(gone) == 1:
            yield made
        try:
            fit = made.fit()
        except TivaxError as error:
            named = Phrase("without {clusters}", clusters=", ".join(gone))
            yield refused(threat, named, error)
            return
        p = t_test(fit.coef[0], fit.se[0], fit.clusters)[2]
        reached = (p > LEVEL, fit.coef[0] * sign < 0)
        for end, now in zip(ends, reached, strict=True):
            if now and not ends[end]:
                ends[end] = True
                yield setting.variant(
                    threat,
                    Phrase(_FEWEST, count=len(gone), every=every, end=end),
                    frame=frame,
                    comparable=False,
                    note=Phrase("chosen for it: {names}", names=", ".join(gone)),
                )
        if all(ends.values()):
            return
    for end in (k for k, found in ends.items() if not found):
        yield Row(
            threat,
            Phrase("without the fewest: {end}", end=end),
            note=Phrase(_NONE, count=len(gone), every=every),
        )


def dfbeta(fit: LinearFit) -> Float[np.ndarray, " n"]:
    """Estimate of the first treatment less its estimate without each row."""
    free = 1 - (fit.B**2).sum(axis=1) - _unit_leverage(fit)
    # The only row of its country says nothing, and has 0 / 0.
    pull = np.zeros_like(free)
    np.divide(fit.h[:, 0] * fit.u, free, out=pull, where=free > _ALONE)
    return pull * fit.unit[0]


_ALONE = 1e-12  # what rounding leaves of 1 - leverage


def _unit_leverage(fit: LinearFit) -> Float[np.ndarray, " n"]:
    """Leverage of the effects that were taken out: 1 / rows of the unit."""
    if len(fit.effects.nested) > 1:
        raise TivaxError("takes at most one effect that the clusters nest")
    if not fit.effects.nested:
        return np.zeros(fit.n)
    unit = fit.used[fit.effects.nested[0]]
    return 1 / unit.groupby(unit).transform("size").to_numpy(float)


def _turned(
    setting: Setting, fit: LinearFit, pull: Float[np.ndarray, " n"]
) -> Variant | Row:
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
            Phrase(_FEWEST, count=count, every=n, end=_ENDS[1]),
            frame=frame,
            comparable=False,
            note="chosen for it",
        )
        if made.fit().coef[0] * sign < 0:
            return made
    return Row(
        threat,
        Phrase("without the fewest: {end}", end=_ENDS[1]),
        note=Phrase(_NONE, count=most, every=n),
    )


def _named(rows: pd.DataFrame, setting: Setting) -> str:
    try:
        keys = [setting.unit, setting.time]
    except TivaxError:
        return ""
    return ", ".join(f"{a} {b}" for a, b in rows[keys].itertuples(index=False))
