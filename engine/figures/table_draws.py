"""The figure of ``tivax montecarlo``: an effect with errors of the tables in it."""

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..core import number_text
from ..estimation import t_ppf
from ..reporting import (
    COLOURS,
    DEFICIT,
    INK,
    QUIET,
    STYLE,
    SURPLUS,
    finish_layout,
    interval_axes,
    labelled_rows,
    variable_name,
)
from .parts import beside_row, panels, require_columns

_HEIGHT = 1.7  # inches a treatment


@rc_context(STYLE)
def drawn_effects(
    summary: pd.DataFrame, distribution: pd.DataFrame, clusters: int
) -> Figure:
    """A panel for each treatment of a model.

    Parameters
    ----------
    summary
        Rows of ``MonteCarlo.summary`` of one model.
    distribution
        Its rows of ``MonteCarlo.distribution``.
    clusters
        G of the t(G - 1) that intervals take.

    One scale: the estimates over draws of the tables, each a dot, and 95 % intervals of
    sampling alone, of the tables alone, of both, around the estimate; below, the
    corrected estimates with their own. A draw has the errors of the tables twice, those
    of the published ones and its own, and so lies nearer to 0 than the estimate.
    """
    require_columns("summary", summary, ["term", "estimate", "se_total"])
    require_columns("distribution", distribution, ["term", "estimate"])
    rows = summary.to_dict("records")
    fig, axes = panels(len(rows), _HEIGHT, 0, across=1)
    for row, ax in zip(rows, axes, strict=True):
        drawn = distribution.loc[distribution["term"] == row["term"], "estimate"]
        _one_scale(ax, drawn.to_numpy(), row, float(t_ppf(0.975, clusters - 1)))
    return finish_layout(fig)


_SHOWN = (
    ("sampling alone", "estimate", "se_sampling", QUIET),
    ("tables alone", "estimate", "se_table", SURPLUS),
    ("both", "estimate", "se_total", INK),
    ("corrected for the errors", "coef_corrected", "coef_corrected_se", DEFICIT),
    ("corrected by SIMEX", "coef_simex", "coef_simex_se", COLOURS[6]),
)


def _one_scale(ax: Axes, drawn: np.ndarray, row: dict, reach: float) -> None:
    # Spread over the height of a row by rank, so that no dot hides another.
    heights = 0.6 * (np.arange(len(drawn)) * 0.618034 % 1 - 0.5)
    ax.plot(drawn, heights, ".", color=SURPLUS, alpha=0.5, markersize=2.5)
    for place, (_, at, se, colour) in enumerate(_SHOWN, 1):
        ax.plot([row[at]], [place], "o", color=colour, markersize=4)
        half = reach * row[se]
        ax.hlines([place], row[at] - half, row[at] + half, color=colour, linewidth=1.2)
        if np.isfinite(row[at]):
            told = f"{number_text(row[at])} ± {number_text(half)}"
            beside_row(ax, place, told, colour=colour)
    ax.axvline(row["estimate"], color=INK, linewidth=0.8, linestyle=(0, (4, 2)))
    interval_axes(ax)
    labelled_rows(ax, ["draws of the tables", *(name for name, *_ in _SHOWN)])
    ax.set_xlabel(f"effect of {variable_name(row['term'])}, 95 % interval")
