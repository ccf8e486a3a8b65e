"""Figures of exposure along supply chains: face value to look-through, and a map."""

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from ..reporting import (
    DEFICIT,
    FULL_WIDTH,
    INK,
    QUIET,
    SMALL,
    STYLE,
    finish_layout,
    plain_axes,
)
from ..tables import country_name

_LEAST = 0.01  # per cent: less has the palest colour


@rc_context(STYLE)
def exposure_waterfall(rounds: pd.DataFrame, *, title: str = "") -> Figure:
    """A waterfall from face value to look-through, a step for each round of inputs.

    ``rounds`` is the table of ``tx.supply_exposure``: rounds 0 and 1 (the product and
    its inputs) are face value, the others are hidden.
    """
    shares = rounds["percent"].to_numpy(float)
    face = shares[:2].sum()
    steps = shares[2:]
    reached = face + np.concatenate([[0], np.cumsum(steps)])
    names = ["face value", *(f"round {k}" for k in rounds["round"][2:]), "look-through"]
    places = np.arange(len(names))
    fig = Figure(figsize=(FULL_WIDTH, 0.24 * len(names) + 0.8), layout="constrained")
    ax = fig.subplots()
    ax.barh(places[[0, -1]], [face, reached[-1]], height=0.72, color=QUIET)
    ax.barh(places[1:-1], steps, left=reached[:-1], height=0.72, color=DEFICIT)
    for place, at in zip(places[:-1], reached, strict=True):
        ax.plot([at, at], [place - 0.36, place + 1.36], color=INK, linewidth=0.6)
    ends = [face, *reached[1:], reached[-1]]
    for place, end, size in zip(places, ends, [face, *steps, reached[-1]], strict=True):
        ax.annotate(
            f"{size:.2f}",
            (end, place),
            (3, 0),
            textcoords="offset points",
            va="center",
            fontsize=SMALL,
        )
    plain_axes(ax, grid="x")
    ax.set_yticks(places, names, fontsize=SMALL)
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(places[-1] + 0.6, -0.6)
    ax.margins(x=0.12)
    ax.set_xlabel("% of all inputs of the buyer", fontsize=SMALL)
    return finish_layout(fig, title)


@rc_context(STYLE)
def exposure_map(pairs: pd.DataFrame, *, title: str = "") -> Figure:
    """Look-through exposures in per cent: a row a buyer, a column a supplier.

    Colours follow the logarithm; home is left blank, since it is of another size.
    """
    names, suppliers = [str(k) for k in pairs.index], [str(k) for k in pairs.columns]
    shown = pairs.to_numpy(float, copy=True)
    home = np.array(names)[:, None] == np.array(suppliers)[None, :]
    shown[home] = np.nan
    most = max(float(np.nanmax(shown, initial=0)), 10 * _LEAST)
    fig = Figure(
        figsize=(FULL_WIDTH, 0.2 * max(len(names), 4) + 1.1), layout="constrained"
    )
    ax = fig.subplots()
    mesh = ax.pcolormesh(
        np.maximum(shown, _LEAST),
        cmap="Blues",
        norm=LogNorm(_LEAST, most),
        edgecolor="white",
        linewidth=0.6,
    )
    for (i, j), value in np.ndenumerate(shown):
        if np.isfinite(value) and value >= 0.5:
            ax.text(
                j + 0.5,
                i + 0.5,
                f"{value:.1f}",
                ha="center",
                va="center",
                fontsize=0.8 * SMALL,
                color="white" if value > most / 5 else INK,
            )
    ax.invert_yaxis()
    ax.xaxis.tick_top()
    ax.set_xticks(
        np.arange(len(suppliers)) + 0.5, suppliers, fontsize=SMALL, rotation=90
    )
    buyers = [country_name(k) for k in names]
    ax.set_yticks(np.arange(len(names)) + 0.5, buyers, fontsize=SMALL)
    ax.tick_params(length=0, pad=2)
    ax.spines[:].set_visible(False)
    ax.set_ylabel("buyer", fontsize=SMALL)
    bar = fig.colorbar(mesh, ax=ax, shrink=0.9, aspect=30, pad=0.02)
    ticks = [k for k in (0.01, 0.1, 1.0, 10.0) if k <= most]
    bar.set_ticks(ticks, labels=[f"{k:g}" for k in ticks])
    bar.minorticks_off()
    bar.ax.tick_params(labelsize=SMALL, length=2)
    bar.outline.set_visible(False)
    bar.set_label("% of the buyer's inputs, by supplier", fontsize=SMALL)
    return finish_layout(fig, title)
