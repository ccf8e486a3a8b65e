"""The figure of ``tivax montecarlo``: an effect with errors of the tables in it."""

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..estimation import t_ppf
from ..reporting import (
    COLOURS,
    DEFICIT,
    FULL_WIDTH,
    INK,
    QUIET,
    STYLE,
    SURPLUS,
    finish_layout,
    interval_axes,
    labelled_rows,
)
from .panel import require_columns

_HEIGHT = 2.1  # inches a treatment


@rc_context(STYLE)
def drawn_effects(
    summary: pd.DataFrame, distribution: pd.DataFrame, clusters: int
) -> Figure:
    """A row of two axes for each treatment of a model.

    Parameters
    ----------
    summary
        Rows of ``MonteCarlo.summary`` of one model.
    distribution
        Its rows of ``MonteCarlo.distribution``.
    clusters
        G of the t(G - 1) that intervals take.

    On the left the estimates over draws of the tables, on the right 95 % intervals: of
    sampling alone, of the tables alone, of both, around the estimate, which errors pull
    towards 0; below, the corrected estimates with their own.
    """
    require_columns("summary", summary, ["term", "estimate", "se_total"])
    require_columns("distribution", distribution, ["term", "estimate"])
    rows = summary.to_dict("records")
    fig = Figure(figsize=(FULL_WIDTH, _HEIGHT * len(rows)), layout="constrained")
    axes = fig.subplots(len(rows), 2, squeeze=False)
    for row, (left, right) in zip(rows, axes, strict=True):
        drawn = distribution.loc[distribution["term"] == row["term"], "estimate"]
        _histogram(left, drawn.to_numpy(), row)
        _intervals(right, row, float(t_ppf(0.975, clusters - 1)))
    return finish_layout(fig)


def _histogram(ax: Axes, drawn: np.ndarray, row: dict) -> None:
    low, high = np.quantile(drawn, (0.005, 0.995))
    inside = drawn[(drawn >= low) & (drawn <= high)]
    bins = int(np.clip(np.sqrt(len(drawn)), 5, 40))
    ax.hist(inside, bins=bins, color=SURPLUS, alpha=0.6)
    ax.axvline(row["estimate"], color=INK, linewidth=0.8, linestyle=(0, (4, 2)))
    ax.set_xlabel(f"{row['term']}, estimate by draw; dashed: published tables")
    ax.ticklabel_format(axis="x", useOffset=False)
    ax.set_ylabel("draws")
    ax.spines[["top", "right"]].set_visible(False)


def _intervals(ax: Axes, row: dict, reach: float) -> None:
    shown = [
        ("sampling", "estimate", "se_sampling", QUIET),
        ("tables", "estimate", "se_table", SURPLUS),
        ("both", "estimate", "se_total", INK),
        ("corrected", "coef_corrected", "coef_corrected_se", DEFICIT),
        ("SIMEX", "coef_simex", "coef_simex_se", COLOURS[6]),
    ]
    for place, (_, at, se, colour) in enumerate(shown):
        ax.plot([row[at]], [place], "o", color=colour, markersize=4)
        half = reach * row[se]
        ax.hlines([place], row[at] - half, row[at] + half, color=colour, linewidth=1.2)
    ax.axvline(row["estimate"], color=INK, linewidth=0.8, linestyle=(0, (4, 2)))
    interval_axes(ax)
    labelled_rows(ax, [name for name, *_ in shown])
    ax.set_xlabel(f"{row['term']}, 95 % interval")
