"""Intervals by size of a direct effect: ``IVEstimate.plausibly_exogenous``."""

import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..reporting import (
    INK,
    QUIET,
    SMALL,
    STYLE,
    SURPLUS,
    Language,
    finish_layout,
    label,
    legend,
    plain_axes,
)
from .parts import panels, require_columns

_COLUMNS = ("outcome", "direct", "ci_low", "ci_high", "prior_low", "prior_high")
_PANELS = 3  # beside each other


@rc_context(STYLE)
def direct_effect_bounds(bounds: pd.DataFrame, language: Language = "en") -> Figure:
    """A panel for each outcome: both intervals against the size of the direct effect.

    Parameters
    ----------
    bounds
        ``outcome`` and the columns of ``PlausiblyExogenous.bounds``.

    The shaded band is the union of the intervals, the dashed lines those under the
    normal prior; the vertical line is where the union begins to hold 0.
    """
    require_columns("bounds", bounds, list(_COLUMNS))
    outcomes = list(dict.fromkeys(bounds["outcome"]))
    fig, axes = panels(len(outcomes), 1.75, 0.6, across=_PANELS)
    handles: dict[str, object] = {}
    for ax, outcome in zip(axes, outcomes, strict=True):
        handles |= _bands(ax, bounds[bounds["outcome"] == outcome])
        ax.set_title(label(outcome, language).replace("\n", " "), fontsize=SMALL)
    fig.supxlabel(label("direct effect", language), fontsize=SMALL)
    fig.supylabel(label("coefficient", language), fontsize=SMALL)
    names = [label(k, language) for k in handles]
    legend(fig, list(handles.values()), names, loc="outside upper right")
    return finish_layout(fig)


def _bands(ax: Axes, rows: pd.DataFrame) -> dict[str, object]:
    rows = rows.sort_values("direct")
    d = rows["direct"].to_numpy()
    low, high = rows["ci_low"].to_numpy(), rows["ci_high"].to_numpy()
    union = ax.fill_between(d, low, high, color=SURPLUS, alpha=0.25, linewidth=0)
    for name in ("prior_low", "prior_high"):
        (prior,) = ax.plot(d, rows[name], color=SURPLUS, linestyle="--", linewidth=0.9)
    (estimate,) = ax.plot(
        d, (low[:1] + high[:1]).repeat(len(d)) / 2, color=INK, linewidth=0.9
    )
    ax.axhline(0, color=QUIET, linewidth=0.6)
    handles: dict[str, object] = {"estimate": estimate, "union of intervals": union}
    handles["normal prior"] = prior
    outside = (low > 0) | (high < 0)
    if outside.any() and not outside.all():
        # The first size at which 0 is inside, by the line between two points.
        k = int(outside.sum())
        end = low if low[0] > 0 else high
        at = d[k - 1] + (d[k] - d[k - 1]) * end[k - 1] / (end[k - 1] - end[k])
        line = ax.axvline(at, color=INK, linewidth=0.7, linestyle=":")
        handles["union holds 0"] = line
    ax.set_xlim(0, d[-1])
    plain_axes(ax, grid="y")
    return handles
