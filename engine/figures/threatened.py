"""Figures of threats: every variant of a model around its estimate, and a few of them
side by side for several models."""

import textwrap
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..core import Phrase
from ..reporting import (
    COLOURS,
    DEFICIT,
    INK,
    QUIET,
    SMALL,
    SURPLUS,
    finish_layout,
    interval_axes,
    labelled_rows,
    legend,
)
from .parts import BAND, beside_row, panels, require_columns, styled

_LOOKS = {
    "the model": (INK, "D"),
    "as before": (SURPLUS, "o"),
    "blurred": (COLOURS[6], "s"),
    "smaller": (COLOURS[3], "^"),
    "turned or gone": (DEFICIT, "v"),
    "other question": (QUIET, "o"),
}
HEADED = "{threat}: {name}"
"""The first row of a kind of threat."""
_AXIS = "coefficient, 95 % interval"
_ROW = 0.13  # inches
_ONE_COLUMN = 36  # rows; more stand in two columns, so that all are on one page
_LETTERS = {1: 72, 2: 40}  # of a line of a label, by columns; longer ones are wrapped
_LINE = 0.8  # rows, that a further line of a label takes
_REQUIRED = ["threat", "name", "estimate", "ci_low", "ci_high", "state"]


@styled
def threat_intervals(rows: pd.DataFrame, say: Callable[[str], str] = str) -> Figure:
    """Every row of a model as an interval, by kind of threat.

    Parameters
    ----------
    rows
        ``threat``, ``name`` (what is written at the row), ``estimate``, ``ci_low``,
        ``ci_high`` and ``state``: ``the model``, ``as before``, ``blurred``,
        ``smaller``, ``turned or gone``, or ``other question`` of rows that ask
        something else.
    say
        Puts threats, states and the name of the axis into the words of the figure.

    Colour and marker say what has become of the result; the dashed line is the model's
    estimate. The widest intervals are cut, with an arrow where they go on.
    """
    require_columns("threats", rows, _REQUIRED)
    kinds = {k: place for place, k in enumerate(dict.fromkeys(rows["threat"]))}
    rows = rows.assign(kind=rows["threat"].map(kinds))
    rows = rows.sort_values("kind", kind="stable").reset_index(drop=True)
    model = rows[rows["state"] == "the model"].iloc[0]
    parts = _columns(rows)
    parts = [_placed(part, _LETTERS[len(parts)], say) for part in parts]
    lowest = max(part["end"].iloc[-1] for part in parts)
    fig, axes = panels(len(parts), _ROW * lowest, 0.9, sharex=True)
    edges = _edges(rows)
    handles: dict[str, object] = {}
    for ax, part in zip(axes, parts, strict=True):
        handles |= _intervals(ax, part, float(model["estimate"]), edges)
        ax.set_yticks(part.index.to_numpy(float), part["label"], fontsize=SMALL)
        ax.tick_params(axis="x", labelsize=SMALL)
        for ends in part.loc[part["kind"] % 2 == 1, ["start", "end"]].to_numpy(float):
            ax.axhspan(*ends, color=BAND, linewidth=0, zorder=0)
        ax.set_xlim(*edges)
        ax.set_ylim(lowest, 0)
    fig.supxlabel(say(_AXIS), fontsize=SMALL)
    _explain(fig, handles, say)
    return finish_layout(fig)


def _columns(rows: pd.DataFrame) -> list[pd.DataFrame]:
    """All rows, or two halves that begin with a kind of threat."""
    if len(rows) <= _ONE_COLUMN:
        return [rows]
    starts = np.flatnonzero(np.diff(rows["kind"])) + 1
    middle = int(starts[np.abs(starts - len(rows) / 2).argmin()])
    return [rows[:middle].reset_index(drop=True), rows[middle:].reset_index(drop=True)]


def _placed(
    part: pd.DataFrame, letters: int, say: Callable[[str], str]
) -> pd.DataFrame:
    """Rows of a column by the height of their middle, with ``label``, ``start`` and
    ``end``: a row is as high as its label has lines."""
    fill = partial(textwrap.fill, width=letters, break_on_hyphens=False)
    both = zip(part["threat"], part["name"], strict=True)
    headed = [say(Phrase(HEADED, threat=threat, name=name)) for threat, name in both]
    names = part["name"].where(part.duplicated("kind"), headed)
    names = names.mask(part["state"] == "the model", say("the model"))
    labels = [*map(fill, names)]
    high = np.array([1 + _LINE * label.count("\n") for label in labels])
    end = high.cumsum()
    places = {"label": labels, "start": end - high, "end": end}
    return part.assign(**places).set_axis(end - high / 2)


def _edges(rows: pd.DataFrame) -> tuple[float, float]:
    low, high = rows["ci_low"].quantile(0.02), rows["ci_high"].quantile(0.98)
    pad = 0.05 * (high - low)
    return float(low - pad), float(high + pad)


def _explain(
    fig: Figure, handles: Mapping[str, object], say: Callable[[str], str]
) -> None:
    states = [k for k in _LOOKS if k in handles]
    shown = [handles[k] for k in states]
    legend(fig, shown, [*map(say, states)], loc="outside upper right")


@styled
def few_threats(
    models: Mapping[str, pd.DataFrame], say: Callable[[str], str] = str
) -> Figure:
    """The same few threats for each model, a panel a model.

    Parameters
    ----------
    models
        By the title of the panel: rows as of :func:`threat_intervals`, the model first,
        with ``p_value``.
    say
        As there.

    Estimate and p stand right of each interval.
    """
    for rows in models.values():
        require_columns("threats", rows, [*_REQUIRED, "p_value"])
    names = list(dict.fromkeys(k for rows in models.values() for k in rows["name"]))
    place = {name: k for k, name in enumerate(names)}
    fig, axes = panels(len(models), 0.24 * len(names), 1.0, sharey=True)
    handles: dict[str, object] = {}
    for ax, (title, rows) in zip(axes, models.items(), strict=True):
        rows = rows.set_index(rows["name"].map(place))
        edges = float(rows["ci_low"].min()), float(rows["ci_high"].max())
        handles |= _intervals(ax, rows, float(rows["estimate"].iloc[0]), edges)
        labelled_rows(ax, names)
        ax.set_title(title, loc="left", fontweight="bold")
        for k, row in zip(rows.index, rows.to_dict("records"), strict=True):
            told = f"{row['estimate']:.1f} ({_short_p(float(row['p_value']))})"
            colour = _LOOKS[row["state"]][0]
            beside_row(ax, k, told.replace("-", "−"), at=1.02, colour=colour)
    fig.supxlabel(say(_AXIS), fontsize=SMALL)
    _explain(fig, handles, say)
    return finish_layout(fig)


def _short_p(p: float) -> str:
    if np.isnan(p):
        return "no p"
    return "p < .001" if p < 0.001 else f"p {p:.3f}".replace("0.", ".")


def _intervals(
    ax: Axes, rows: pd.DataFrame, estimate: float, edges: tuple[float, float]
) -> dict[str, object]:
    """Rows at the places of their index."""
    ax.axvline(estimate, color=INK, linewidth=0.8, linestyle=(0, (4, 2)))
    handles = {}
    for state, (colour, marker) in _LOOKS.items():
        part = rows[rows["state"] == state]
        if part.empty:
            continue
        places = part.index.to_numpy(float)
        ax.hlines(places, part["ci_low"], part["ci_high"], color=colour, linewidth=0.8)
        dots = {"color": colour, "markersize": 4 if marker == "D" else 3}
        estimates = part["estimate"].to_numpy()
        (handles[state],) = ax.plot(estimates, places, marker, **dots)
        cut = part["ci_low"] < edges[0], part["ci_high"] > edges[1]
        for edge, arrow, beyond in zip(edges, "<>", cut, strict=True):
            at = places[beyond.to_numpy()]
            if len(at):
                x = np.full(len(at), edge)
                ax.plot(x, at, arrow, color=colour, markersize=3, clip_on=False)
    interval_axes(ax)
    return handles
