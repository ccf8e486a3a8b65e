"""Figures of many specifications: a specification curve, and leaving one country out.

Every function takes a pandas frame and returns a ``matplotlib.figure.Figure``, with the
colours of ``figures.panel``: published estimates orange, those of tivax blue. Intervals
are at 95 %.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..reporting import (
    DEFICIT,
    FULL_WIDTH,
    INK,
    QUIET,
    SMALL,
    SURPLUS,
    Language,
    choice_name,
    darker,
    finish_layout,
    interval_axes,
    label,
    labelled_rows,
    lay_out,
    legend,
    option_name,
    plain_axes,
)
from ..tables import country_name
from .panel import GROUP_COLOURS, GROUPS, NORMAL, estimate_look
from .parts import drawn_handles, labelled_legend, one_panel, require_columns, styled

GAP = 0.5  # between the rows of two choices


# ------------------------------------------------------------------ specification curve


@styled
def specification_curve(
    curve: pd.DataFrame,
    choices: Sequence[str],
    published: float,
    published_se: float,
    language: Language = "en",
    *,
    name: str = "chosen",
) -> Figure:
    """One coefficient under every combination of choices, smallest first.

    Parameters
    ----------
    curve
        ``estimate``, ``ci_low``, ``ci_high``, ``chosen`` (bool: the specification of
        the tables) and a column of texts for each of ``choices``.
    published, published_se
        The published coefficient; its interval is +- 1.96 standard errors.
    name
        Name of the chosen one in the legend: ``identified`` where it is taken to be
        the published one.

    Above: the estimates in their intervals, blue where the interval excludes 0.
    Below: which option of each choice every specification takes.
    """
    columns = ["estimate", "ci_low", "ci_high", "chosen", *choices]
    require_columns("curve", curve, columns)
    curve = curve.sort_values("estimate", kind="stable").reset_index(drop=True)
    low, high = curve["ci_low"], curve["ci_high"]
    fig, above, below, options = _two_parts(curve, choices)
    _intervals(above, curve, (low > 0) | (high < 0), ("includes 0", "excludes 0"))
    _published(above, len(curve), published, NORMAL * published_se, language)
    _chosen(above, curve, name)
    _finish_curve(above, len(curve), language)
    _choice_matrix(below, curve, options)
    names = {choice: label(choice, language) for choice in options}
    return _finish_parts(fig, above, below, options, names, language)


@styled
def joint_curve(
    curve: pd.DataFrame,
    choices: Sequence[str],
    null: pd.DataFrame,
    language: Language = "en",
) -> Figure:
    """A curve of ``tx.specification_curve`` with what no effect would give.

    Parameters
    ----------
    curve
        ``estimate``, ``ci_low``, ``ci_high``, ``chosen`` (the model as given),
        ``significant`` (bool) and a column of texts for each of ``choices``.
    null
        ``rank``, ``null_low`` and ``null_high``: the band of effects without any.

    Above: the estimates in their intervals, blue where p is at most 5 %, and the band.
    Below: which option of each choice every specification takes.
    """
    columns = ["estimate", "ci_low", "ci_high", "chosen", "significant", *choices]
    require_columns("curve", curve, columns)
    require_columns("null", null, ["rank", "null_low", "null_high"])
    curve = curve.sort_values("estimate", kind="stable").reset_index(drop=True)
    choices = [k for k in choices if curve[k].nunique() > 1] or [*choices[:1]]
    fig, above, below, options = _two_parts(curve, choices)
    kinds = ("not significant", "significant")
    _intervals(above, curve, curve["significant"], kinds)
    null = null.sort_values("rank")
    edges = np.arange(len(null) + 1) + 0.5
    above.stairs(
        null["null_high"].to_numpy(float),
        edges,
        baseline=null["null_low"].to_numpy(float),
        fill=True,
        color=DEFICIT,
        alpha=0.28,
        linewidth=0,
        label="no effect",
    )
    _chosen(above, curve, "the model")
    _finish_curve(above, len(curve), language)
    _choice_matrix(below, curve, options)
    shown = [k for own in options.items() for k in _in_words(*own, language)]
    below.set_yticks(below.get_yticks(), shown)
    names = {choice: choice_name(choice, language) for choice in options}
    return _finish_parts(fig, above, below, options, names, language)


# Longer names of options leave the curve no room: codes are shorter.
_LONGEST = 48


def _in_words(choice: str, options: Sequence[str], language: Language) -> Sequence[str]:
    """The options of a choice as a reader knows them; as they are where that is
    long."""
    words = [option_name(choice, option, language) for option in options]
    return words if max(map(len, words)) <= _LONGEST else options


_Options = Mapping[str, Sequence[str]]


def _two_parts(
    curve: pd.DataFrame, choices: Sequence[str]
) -> tuple[Figure, Axes, Axes, _Options]:
    options = {
        choice: sorted(curve[choice].astype(str).unique(), key=_by_number)
        for choice in choices
    }
    rows = sum(len(k) for k in options.values()) + GAP * max(len(choices) - 1, 0)
    heights = [2.1, 0.125 * max(rows, 1)]
    fig = Figure(figsize=(FULL_WIDTH, sum(heights) + 0.6), layout="constrained")
    above, below = fig.subplots(2, 1, sharex=True, height_ratios=heights)
    return fig, above, below, options


def _finish_parts(
    fig: Figure,
    above: Axes,
    below: Axes,
    options: _Options,
    choices: Mapping[str, str],
    language: Language,
) -> Figure:
    below.set_xlabel(label("specifications", language))
    handles = drawn_handles(above)
    labelled_legend(fig, handles, language, loc="outside upper right")
    _name_choices(fig, below, options, choices)
    return finish_layout(fig)


def _by_number(option: str) -> str:
    """9.1 before 10.0."""
    return re.sub(r"\d+", lambda digits: digits[0].zfill(9), option)


def _intervals(
    ax: Axes, curve: pd.DataFrame, dark: pd.Series, names: tuple[str, str]
) -> None:
    coef, low, high = curve[["estimate", "ci_low", "ci_high"]].to_numpy(float).T
    edges = np.arange(len(curve) + 1) + 0.5
    chosen = dark.to_numpy(bool)
    kinds = zip(names, (~chosen, chosen), ("#E4E4E4", "#B5D3E7"), strict=True)
    # One path each, however many specifications: they must not swell an SVG.
    for name, own, colour in kinds:
        if not own.any():  # a legend names what is there
            continue
        ax.stairs(
            np.where(own, high, np.nan),
            edges,
            baseline=np.where(own, low, np.nan),
            fill=True,
            color=colour,
            linewidth=0,
            label=name,
        )
    ax.stairs(
        coef,
        edges,
        baseline=None,
        color=INK,
        linewidth=1.2,
        label="estimate",
        zorder=2.5,  # above what a band of no effect covers
    )
    ax.axhline(0, color=QUIET, linewidth=0.8, zorder=1)


def _published(
    ax: Axes, n: int, published: float, half: float, language: Language
) -> None:
    right = 0.5 + 1.02 * n
    ax.axhline(published, color=DEFICIT, linewidth=0.9, linestyle=(0, (4, 2)))
    ax.vlines(right, published - half, published + half, color=DEFICIT, linewidth=0.9)
    ax.plot([right], [published], "o", **estimate_look("published"), label="published")
    ax.annotate(
        f"{label('published', language)} {published:.2f}",
        (0, published),
        xycoords=ax.get_yaxis_transform(),
        xytext=(0, 2),
        textcoords="offset points",
        color=darker(DEFICIT),
        fontsize=SMALL,
    )


def _chosen(ax: Axes, curve: pd.DataFrame, name: str) -> None:
    own = np.flatnonzero(curve["chosen"])
    if own.size:
        coef = curve["estimate"].to_numpy(float)
        ax.plot(own + 1, coef[own], "o", **estimate_look("ours"), label=name)


def _finish_curve(ax: Axes, n: int, language: Language) -> None:
    plain_axes(ax, grid="y")
    ax.spines["bottom"].set_visible(False)
    ax.tick_params(bottom=False, labelbottom=False)
    ax.set_xlim(0.5 - 0.01 * n, 0.5 + 1.035 * n)
    ax.set_ylabel(label("coefficient", language))
    ax.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], min_n_ticks=3))


def _choice_matrix(
    ax: Axes, curve: pd.DataFrame, options: Mapping[str, Sequence[str]]
) -> None:
    place, places, names = 0.0, [], []
    for choice, own in options.items():
        for option in own:
            used = (curve[choice].astype(str) == option).to_numpy()
            _runs(ax, used, place, f"{choice}: {option}")
            both = np.flatnonzero(used & curve["chosen"].to_numpy(bool))
            ax.plot(both + 1, np.full(both.shape, place), "o", **estimate_look("ours"))
            places.append(place)
            names.append(option)
            place += 1
        place += GAP
    for k in np.flatnonzero(curve["chosen"]) + 1:
        ax.axvline(float(k), color=SURPLUS, linewidth=0.6, zorder=1)
    ax.set_yticks(places, names)
    ax.set_ylim(place - GAP - 0.4, -0.6)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0, labelsize=SMALL, labelcolor=INK)
    ax.xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 5, 10]))


def _runs(ax: Axes, used: np.ndarray, place: float, name: str) -> None:
    """A bar over each run of specifications that take the option, all one path."""
    steps = np.diff(used.astype(int), prepend=0, append=0)
    starts, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    x = np.stack([starts + 0.5, ends + 0.5, np.full(len(starts), np.nan)], axis=1)
    ax.plot(
        x.ravel(),
        np.full(x.size, place),
        color="#555555",
        linewidth=4.5,
        solid_capstyle="butt",
        label=name,
    )


def _name_choices(
    fig: Figure,
    ax: Axes,
    options: Mapping[str, Sequence[str]],
    names: Mapping[str, str],
) -> None:
    """The names of choices, left of their options, whose width is measured."""
    lay_out(fig)
    wide = max(k.get_window_extent().width for k in ax.get_yticklabels())
    place = 0.0
    for choice, own in options.items():
        ax.annotate(
            names[choice],
            (0, place + (len(own) - 1) / 2),
            xycoords=ax.get_yaxis_transform(),
            xytext=(-wide / fig.dpi * 72 - 12, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=SMALL,
            fontweight="bold",
        )
        place += len(own) + GAP


# ----------------------------------------------------------------- leaving one out


@styled
def leave_one_out(
    frame: pd.DataFrame, full: float, language: Language = "en"
) -> Figure:
    """The coefficient without each country in turn, smallest first.

    ``frame`` has ``left_out`` (a code), ``estimate``, ``ci_low``, ``ci_high`` and
    ``developed`` (1 or 0); ``full`` is the coefficient of the whole sample.
    """
    columns = ["left_out", "estimate", "ci_low", "ci_high", "developed"]
    require_columns("leave one out", frame, columns)
    frame = frame.sort_values("estimate", kind="stable").reset_index(drop=True)
    fig, ax = one_panel(0.118 * max(len(frame), 8) + 0.8)
    dashes: dict[str, Any] = {"linewidth": 0.9, "linestyle": (0, (4, 2))}
    line = ax.axvline(full, color=INK, label="full", **dashes)
    handles, names = [line], [f"{label('full sample', language)} {full:.2f}"]
    for group, code in GROUPS.items():
        part = frame[frame["developed"] == code]
        colour = GROUP_COLOURS[group]
        places = part.index.to_numpy(float)
        ax.hlines(places, part["ci_low"], part["ci_high"], color=colour, linewidth=0.8)
        estimates = part["estimate"].to_numpy()
        look: dict[str, Any] = {"color": colour, "markersize": 3, "label": group}
        (dots,) = ax.plot(estimates, places, "o", **look)
        if len(part):
            handles.append(dots)
            names.append(label(group, language))
    interval_axes(ax)
    labelled_rows(ax, [country_name(str(k)) for k in frame["left_out"]])
    ax.set_ylabel(label("left out", language))
    ax.set_xlabel(label("TBI coefficient", language))
    legend(fig, handles, names)
    return finish_layout(fig)
