"""The figure of ``tivax threats``: every variant of a model around its estimate."""

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..reporting import (
    COLOURS,
    DEFICIT,
    FULL_WIDTH,
    INK,
    QUIET,
    SMALL,
    STYLE,
    SURPLUS,
    finish_layout,
    interval_axes,
    label,
    labelled_rows,
    legend,
)
from .panel import require_columns

_LOOKS = {
    "the model": (INK, "D"),
    "as before": (SURPLUS, "o"),
    "blurred": (COLOURS[6], "s"),
    "gone": (DEFICIT, "v"),
    "other question": (QUIET, "o"),
}
_ROW = 0.135  # inches


@rc_context(STYLE)
def threat_intervals(rows: pd.DataFrame) -> Figure:
    """Every row of a model as an interval, smallest first.

    Parameters
    ----------
    rows
        ``threat``, ``variant``, ``term``, ``coef``, ``ci_low``, ``ci_high`` and
        ``state``: ``the model``, ``as before``, ``blurred``, ``gone``, or ``other
        question``, which are apart, below.

    Colour and marker say what has become of the result; the dashed line is the model's
    estimate. The widest intervals are cut, with an arrow where they go on.
    """
    require_columns(
        "threats",
        rows,
        ["threat", "variant", "term", "estimate", "ci_low", "ci_high", "state"],
    )
    aside = rows["state"] == "other question"
    parts = [k for k in (rows[~aside], rows[aside]) if len(k)]
    sizes = [len(k) + 1 for k in parts]
    fig = Figure(figsize=(FULL_WIDTH, _ROW * sum(sizes) + 0.9), layout="constrained")
    axes = fig.subplots(
        len(parts), 1, sharex=True, height_ratios=sizes, squeeze=False
    ).ravel()
    model = rows[rows["state"] == "the model"].iloc[0]
    handles: dict[str, object] = {}
    low, high = rows["ci_low"].quantile(0.02), rows["ci_high"].quantile(0.98)
    pad = 0.05 * (high - low)
    edges = float(low - pad), float(high + pad)
    for ax, part in zip(axes, parts, strict=True):
        part = part.sort_values("estimate", kind="stable")
        handles |= _intervals(ax, part, model, edges)
    if len(parts) > 1:
        axes[1].set_ylabel("other questions", fontsize=SMALL)
        axes[0].tick_params(bottom=False)
        axes[0].spines["bottom"].set_visible(False)
    axes[-1].set_xlim(*edges)
    axes[-1].set_xlabel("coefficient, 95 % interval")
    names = [k for k in _LOOKS if k in handles]
    legend(fig, [handles[k] for k in names], names, loc="outside upper right")
    return finish_layout(fig)


def _intervals(
    ax: Axes, rows: pd.DataFrame, model: pd.Series, edges: tuple[float, float]
) -> dict[str, object]:
    rows = rows.reset_index(drop=True)
    ax.axvline(
        float(model["estimate"]), color=INK, linewidth=0.8, linestyle=(0, (4, 2))
    )
    handles = {}
    for state, (colour, marker) in _LOOKS.items():
        part = rows[rows["state"] == state]
        if part.empty:
            continue
        places = part.index.to_numpy(float)
        ax.hlines(places, part["ci_low"], part["ci_high"], color=colour, linewidth=0.8)
        (handles[state],) = ax.plot(
            part["estimate"].to_numpy(),
            places,
            marker,
            color=colour,
            markersize=4 if marker == "D" else 3,
        )
        cut = part["ci_low"] < edges[0], part["ci_high"] > edges[1]
        for edge, arrow, beyond in zip(edges, "<>", cut, strict=True):
            at = places[beyond.to_numpy()]
            if len(at):
                x = np.full(len(at), edge)
                ax.plot(x, at, arrow, color=colour, markersize=3, clip_on=False)
    interval_axes(ax)
    labelled_rows(ax, [_label(k, str(model["term"])) for _, k in rows.iterrows()])
    return handles


def _label(row: pd.Series, treatment: str) -> str:
    """``left out: EU15``; of another question, what is asked about, where that is not
    the effect of the treatment."""
    if row["state"] == "the model":
        return "the model"
    variant = str(row["variant"])
    if row["threat"] == "placebo outcome":
        variant = label(variant)
    name = f"{row['threat']}: {variant}"
    other = row["state"] == "other question" and row["term"] != treatment
    return f"{name}, {row['term']}" if other else name
