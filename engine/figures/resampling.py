"""Histograms of draws, with the sample marked."""

import textwrap
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ...kernels.panels.simulated import MAIN, METHODS
from ..core import Phrase, p_equals
from ..estimation import t_pdf
from ..reporting import (
    COLOURS,
    DEFICIT,
    FULL_WIDTH,
    GRID,
    INK,
    QUIET,
    SMALL,
    Language,
    finish_layout,
    label,
    labelled_rows,
    legend,
    plain_axes,
)
from .parts import labelled_legend, one_panel, panels, styled


class DrawnStatistics(NamedTuple):
    """A model's draws and what they are compared with: a ``ResamplingPlan`` and the
    ``Inference`` that it gave."""

    title: str
    plan: Any
    inference: Any


@styled
def histograms(drawn: Sequence[DrawnStatistics], language: Language = "en") -> Figure:
    """One small histogram for each model, of its first term.

    Pairs and Bayesian: the estimate, the percentile interval, zero. Wild: t* under the
    null, the sample's |t| on both sides, the draws beyond it, which are p, and t(G-1).
    Placebo: the coefficients of moved
    treatments, and the estimate on both sides; or their t, and the sample's. Placebos
    in Chinese have an axis of densities, as readers there expect.
    """
    across = 2 if len(drawn) == 4 else 3
    width = 0.7 * FULL_WIDTH if len(drawn) == 1 else FULL_WIDTH
    fig, axes = panels(len(drawn), 2.2, 0.35, across=across, width=width)
    handles: dict[str, object] = {}
    for ax, each in zip(axes, drawn, strict=True):
        handles |= _one(ax, each, language)
    labelled_legend(fig, handles, language, loc="outside lower center")
    return finish_layout(fig)


def _one(ax: Axes, drawn: DrawnStatistics, language: Language) -> dict[str, object]:
    plan, inference = drawn.plan, drawn.inference
    term = inference.summary.iloc[0]
    bars = inference.distribution
    bars = bars[bars["term"] == bars["term"].iloc[0]]
    low, high = bars["low"].to_numpy(), bars["high"].to_numpy()
    density = bars["count"].to_numpy() / bars["count"].sum() / (high - low)
    bars_of: dict[str, Any] = {"align": "edge", "linewidth": 0}
    fill = ax.bar(low, density, width=high - low, color=COLOURS[2], **bars_of)
    kind = plan.static.kind
    handles: dict[str, object] = {"draws": fill}
    middle = (low + high) / 2
    plain_axes(ax, grid="x")
    if kind == "placebo" and language == "zh":
        ax.set_ylabel(label("density", language), fontsize=SMALL)
        ax.yaxis.set_major_locator(MaxNLocator(4))
    else:
        ax.set_yticks([])
        ax.spines["left"].set_visible(False)
    ax.tick_params(labelsize=SMALL)
    ax.xaxis.set_major_locator(MaxNLocator(4, min_n_ticks=3))
    ax.set_title(drawn.title, fontsize=SMALL, loc="left")
    p = p_equals(float(term["p_value"]), plan.random_draws)
    ax.set_title(f"{label('p value', language)} {p}", fontsize=SMALL, loc="right")
    of_t = kind == "placebo" and plan.static.studentised
    statistic = "F*" if plan.static.joint else "t*"
    if kind != "wild":
        statistic = "t" if of_t else "coefficient"
    if kind == "placebo":
        statistic = f"placebo {statistic}"
    ax.set_xlabel(label(statistic, language), fontsize=SMALL)
    if kind == "wild":
        t = abs(float(plan.observed[0]))
        if not plan.static.joint:
            handles |= _t_density(ax, plan, low, high)
        marks = (t,) if plan.static.joint else (-t, t)
    elif kind == "placebo":
        size = abs(float(plan.observed[1] if of_t else term["estimate"]))
        marks = (-size, size)
    else:
        marks = (float(term["estimate"]),)
        ax.axvline(0, color=QUIET, linewidth=0.8)
        ends = max(term["ci_low"], low[0]), min(term["ci_high"], high[-1])
        look: dict[str, Any] = {"alpha": 0.3, "linewidth": 0, "zorder": 0}
        handles["95 % interval"] = ax.axvspan(*ends, color=COLOURS[3], **look)
    if kind in ("wild", "placebo"):  # p is the share of draws beyond the sample
        beyond = (middle > marks[-1]) | (middle < marks[0] if len(marks) > 1 else False)
        width = (high - low)[beyond]
        area = ax.bar(low[beyond], density[beyond], width, color=DEFICIT, **bars_of)
        if beyond.any():
            handles["p value area"] = area
    for mark in marks:
        line = ax.axvline(mark, color=DEFICIT, linewidth=1.2)
        handles["the sample, either sign" if len(marks) > 1 else "the sample"] = line
    reach = max(abs(low[0]), abs(high[-1]), *(abs(k) for k in marks)) * 1.05
    if kind in ("wild", "placebo") and not plan.static.joint:
        ax.set_xlim(-reach, reach)
    return handles


def _t_density(
    ax: Axes, plan: Any, low: np.ndarray, high: np.ndarray
) -> dict[str, object]:
    x = np.linspace(low[0], high[-1], 200)
    degrees = len(plan.fitted.labels) - 1
    (line,) = ax.plot(x, t_pdf(x, degrees), color=INK, linewidth=0.8)
    return {"t(G - 1)": line}


def _different(
    methods: Sequence[str], result: pd.DataFrame
) -> tuple[list[str], list[str]]:
    """Methods that differ, in order, and variants that cannot be told from them."""
    sizes = result.pivot(index="method", columns="design", values="size")
    errors = result.pivot(index="method", columns="design", values="mc_error")
    kept: list[str] = []
    for name in methods:
        alike = [k for k in kept if k[:3] == name[:3]]  # WCR and WCR31, CV3 and CV3J
        apart = [(sizes.loc[name] - sizes.loc[k]).abs() for k in alike]
        if not any((k <= errors.loc[name]).all() for k in apart):
            kept.append(name)
    return kept, [k for k in methods if k not in kept]


# Designs that a figure tells apart by colour; of more, they are its rows.
_COLOURED = 6


@styled
def rejection_rates(result: pd.DataFrame, say: Callable[[str], str] = str) -> Figure:
    """Share of true nulls that each method rejects at 5 %.

    Methods are the rows, the one that rejects least in its worst design first, and
    designs the colours; with more than six designs it is the other way round, and a
    method of each kind is shown. A variant of a method that differs from one that is
    shown by no more than the simulation error in every design is left out. The band is
    4 to 6 %.
    """
    designs = list(dict.fromkeys(result["design"]))
    served = set(result.loc[result["size"].notna(), "method"])
    left_out: list[str] = []
    if few := len(designs) <= _COLOURED:
        names, left_out = _different([k for k in METHODS if k in served], result)
        worst = result.groupby("method")["size"].max()
        names, coloured = sorted(names, key=lambda k: float(worst[k])), designs
    else:
        names = designs
        coloured = [k for k in MAIN if k in served][: len(COLOURS)]
    row, colour = ("method", "design") if few else ("design", "method")
    each = 0.12 + 0.08 * len(coloured)
    fig, ax = one_panel(1.0 + each * len(names))
    ax.axvspan(0.04, 0.06, color=GRID, linewidth=0, zorder=0)
    ax.axvline(0.05, color=QUIET, linewidth=0.8)
    plain_axes(ax, grid="x")
    ax.spines["left"].set_visible(False)
    handles = []
    for k, name in enumerate(coloured):
        rows = result[(result[colour] == name) & result[row].isin(names)]
        apart = 0.7 / len(coloured) * (k - (len(coloured) - 1) / 2)
        y = [names.index(each) + apart for each in rows[row]]
        look = {"markersize": 3, "linewidth": 0.8, "color": COLOURS[k]}
        half = 1.96 * rows["mc_error"]
        handles.append(ax.errorbar(rows["size"], y, xerr=half, fmt="o", **look))
    labelled_rows(ax, [*map(say, names)])
    ax.set_xlim(left=0)
    told = say("share of true nulls rejected at 5 %")
    if left_out:
        same = "not told from a row that is shown: {methods}"
        same = say(Phrase(same, methods=", ".join(left_out)))
        told = f"{told}\n{textwrap.fill(same, 95)}"
    ax.set_xlabel(told)
    legend(fig, handles, [*map(say, coloured)], loc="outside lower center")
    return finish_layout(fig)
