"""Shocks that units share and feel differently: common effects and one factor.

G, T   units, years of a balanced panel
X      regressors, y the outcome, both net of units and years
lam, f loadings of units and the factor, of norm 1
"""

import numpy as np
import pandas as pd
from jaxtyping import Float

from ..core import Phrase, TivaxError
from ..estimation import t_test
from .setting import Setting, refused
from .variants import Made, Row

_TOLERANCE, _MOST = 1e-11, 20_000
# Without a unit: another start, and less is asked of what only enters an error.
_LOOSE = 1e-7


def common_effects(setting: Setting) -> Made:
    """Common correlated effects, pooled (Pesaran 2006): each unit has its own slopes on
    the means of a year over the units; units weigh the same."""
    setting.require_least_squares()
    model, frame = setting.model, setting.used
    means = frame[list(model.columns)].groupby(frame[setting.time]).transform("mean")
    means.columns = [f"mean {k}" for k in means]
    made = pd.concat([frame, means], axis=1)
    y, x = f"mean {model.outcome}", f"mean {setting.treatment}"
    T = len(setting.years)
    for variant, names in (
        ("means of outcome and treatment", (y, x)),
        ("means of outcome and all regressors", tuple(means)),
    ):
        if T < len(names) + 3:
            short = "{years} years are too few for {slopes} slopes of a unit"
            few = TivaxError(Phrase(short, years=T, slopes=len(names)))
            yield refused("common correlated effects", variant, few)
            continue
        yield setting.variant(
            "common correlated effects",
            variant,
            frame=made,
            slopes=names,
            model=setting.equation(time=""),
            note=Phrase(
                "may be biased by short T: {slopes} slopes a unit for T = {years}",
                slopes=len(names),
                years=T,
            ),
            biased=True,
        )


def interactive_effect(setting: Setting) -> Made:
    """Effects of units and years and one factor with loadings of the units (Bai 2009),
    by least squares; its error is the jackknife over clusters, CV3."""
    setting.require_least_squares()
    G, T = setting.require_balanced()
    model = setting.model
    if setting.unit != model.clusters:
        raise TivaxError(
            Phrase("takes clusters of {unit}, the units", unit=setting.unit)
        )
    rows = setting.used.sort_values([setting.unit, setting.time])
    names = [model.outcome, *model.treatments, *model.controls]
    cells = rows[names].to_numpy(float).reshape(G, T, len(names))
    scale = np.abs(cells).max(axis=(0, 1))
    cells = cells / np.where(scale > 0, scale, 1)
    start = None
    beta = one_factor(cells, start)
    each = np.arange(G)
    left = np.array([one_factor(cells[each != g], beta, _LOOSE) for g in range(G)])
    se = np.sqrt((G - 1) / G * ((left - beta) ** 2).sum(axis=0))
    unit = scale[0] / scale[1:]
    short = "may be biased by short T: T = {years}; se: jackknife over clusters, CV3"
    note = Phrase(short, years=T)
    for j, term in enumerate(model.treatments):
        test = t_test(beta[j] * unit[j], se[j] * unit[j], G)
        yield Row(
            "interactive effects",
            "one factor",
            term,
            *test,
            G * T,
            G,
            note,
            comparable=True,
            biased=True,
        )


def one_factor(
    cells: Float[np.ndarray, "G T m"],
    start: Float[np.ndarray, " p"] | None = None,
    tolerance: float = _TOLERANCE,
) -> Float[np.ndarray, " p"]:
    """Least squares with units, years and one factor; the outcome comes first.

    Bai's iteration: the factor of the residuals, then the slopes without it.
    """
    cells = cells - cells.mean(axis=1, keepdims=True)
    cells = cells - cells.mean(axis=0, keepdims=True)
    Y, X = cells[:, :, 0], cells[:, :, 1:]
    flat = X.reshape(-1, X.shape[2])
    solve = np.linalg.pinv(flat)
    beta = solve @ Y.ravel() if start is None else start
    for _ in range(_MOST):
        U = Y - X @ beta
        # The factor of the shorter side: the largest eigenvector of U'U.
        f = np.linalg.eigh(U.T @ U)[1][:, -1]
        new = solve @ (Y - np.outer(U @ f, f)).ravel()
        if np.abs(new - beta).max() <= tolerance * max(np.abs(new).max(), 1e-300):
            return new
        beta = new
    endless = "the iteration for one factor has not ended in {steps:,} steps"
    raise TivaxError(Phrase(endless, steps=_MOST))
