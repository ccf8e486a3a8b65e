"""Figures of why a measure changed: waterfalls, and a map of effects by factor.

``tx.change`` makes what they take: ``values`` (region, start, end), ``table`` (region,
factor, value).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from ..reporting import (
    COLOURS,
    DEFICIT,
    FONT,
    FULL_WIDTH,
    INK,
    QUIET,
    SMALL,
    STYLE,
    SURPLUS,
    finish_layout,
    legend,
    plain_axes,
    year_axis,
)
from .regions import FEW, known_regions
from .signed_maps import signed_root, signed_text, signed_ticks
from .trade import billions

_ACROSS = 2


@rc_context(STYLE)
def waterfall(
    values: pd.DataFrame,
    table: pd.DataFrame,
    *,
    years: tuple[int, int],
    title: str = "",
    unit: str = "",
    regions: Sequence[str] | None = None,
) -> Figure:
    """Change from the first year to the last, a step for each factor, a panel for each
    region.

    Parameters
    ----------
    values, table
        Tables of ``tx.change``.
    years
        The two years, for the first and the last bar.
    title, unit
        Measure that changed, and its unit; money is shown in billions.
    regions
        Panels in this order; by default the first eight.

    Panels have axes of their own: levels of regions differ more than their changes.
    """
    known = [str(k) for k in values["region"]]
    chosen = known_regions(known[:FEW] if regions is None else regions, known)
    factors = [str(k) for k in table["factor"].unique()]
    unit, scale = billions(unit)
    wide = scale * table.pivot(index="region", columns="factor", values="value")
    ends = scale * values.set_index("region")[["start", "end"]]
    across = min(_ACROSS, len(chosen))
    down = -(-len(chosen) // across)
    height = (0.155 * (len(factors) + 2) + 0.42) * down + 0.75
    fig = Figure(figsize=(FULL_WIDTH, height), layout="constrained")
    grid = list(fig.subplots(down, across, squeeze=False).flat)
    for k, (ax, region) in enumerate(zip(grid, chosen, strict=False)):
        start, end = ends.loc[[region]].to_numpy(float)[0]
        steps = wide[factors].loc[[region]].to_numpy(float)[0]
        _fall(ax, float(start), float(end), steps)
        names = [str(years[0]), *factors, str(years[1])] if k % across == 0 else []
        ax.set_yticks(np.arange(len(factors) + 2), names or [""] * (len(factors) + 2))
        ax.tick_params(labelsize=SMALL)
        ax.set_title(region, loc="left", fontweight="bold", color=INK)
    for ax in grid[len(chosen) :]:
        ax.remove()
    if unit not in ("", "1"):
        fig.supxlabel(unit, fontsize=SMALL)
    if title:
        fig.suptitle(title, fontsize=FONT, color=INK, x=0.01, ha="left")
    meanings = {"value of the year": QUIET, "raises it": SURPLUS, "lowers it": DEFICIT}
    legend(fig, [Patch(facecolor=k) for k in meanings.values()], [*meanings])
    return finish_layout(fig)


def _fall(ax: Axes, start: float, end: float, steps: np.ndarray) -> None:
    """Bars from 0 to the two ends, and between them each step from where the last
    ended."""
    places = np.arange(len(steps) + 2)
    reached = start + np.concatenate([[0], np.cumsum(steps)])
    ax.barh(places[[0, -1]], [start, end], height=0.72, color=QUIET)
    colours = [SURPLUS if step >= 0 else DEFICIT for step in steps]
    ax.barh(places[1:-1], steps, left=reached[:-1], height=0.72, color=colours)
    for place, at in zip(places[:-1], reached, strict=True):
        ax.plot([at, at], [place - 0.36, place + 1.36], color=INK, linewidth=0.6)
    plain_axes(ax, grid="x")
    ax.axvline(0, color=INK, linewidth=0.6)
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(places[-1] + 0.6, -0.6)
    ax.use_sticky_edges = False
    ax.margins(x=0.05)
    ax.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    ax.ticklabel_format(axis="x", style="plain", useOffset=False)


@rc_context(STYLE)
def yearly_effects(
    steps: pd.DataFrame,
    *,
    title: str = "",
    unit: str = "",
    regions: Sequence[str] | None = None,
) -> Figure:
    """Effects of each factor from year to year as stacked bars, a panel a region.

    Parameters
    ----------
    steps
        Table of ``tx.change(..., chained=True)``: start, end, region, factor, value.
    title, unit
        Measure that changed, and its unit; money is shown in billions.
    regions
        Panels in this order; by default the first eight.

    A bar stands at the end of its step; a dot is the whole change.
    """
    known = [str(k) for k in steps["region"].unique()]
    chosen = known_regions(known[:FEW] if regions is None else regions, known)
    factors = [str(k) for k in steps["factor"].unique()]
    years = np.unique(steps["end"].to_numpy(int))
    unit, scale = billions(unit)
    across = min(_ACROSS, len(chosen))
    down = -(-len(chosen) // across)
    fig = Figure(figsize=(FULL_WIDTH, 1.6 * down + 0.9), layout="constrained")
    axes = list(fig.subplots(down, across, sharex=True, squeeze=False).flat)
    for ax, region in zip(axes, chosen, strict=False):
        own = steps[steps["region"] == region]
        wide = own.pivot(index="factor", columns="end", values="value")
        effects = scale * wide.reindex(index=factors, columns=years).to_numpy(float)
        for k, (factor, colour) in enumerate(zip(factors, _COLOURS, strict=False)):
            # What is above 0 is stacked up, what is below down.
            alike = np.sign(effects[:k]) == np.sign(effects[k])[None]
            below = np.nansum(np.where(alike, effects[:k], 0), axis=0)
            ax.bar(years, effects[k], bottom=below, color=colour, label=factor)
        # No dot for a step whose measure is not defined.
        known = np.isfinite(effects).any(axis=0)
        whole = np.where(known, np.nansum(effects, axis=0), np.nan)
        dot = {"color": INK, "markeredgecolor": "white", "markersize": 4}
        ax.plot(years, whole, "o", label="change", **dot)
        ax.axhline(0, color=INK, linewidth=0.6)
        plain_axes(ax, grid="y")
        year_axis(ax, years, bins=6)
        ax.ticklabel_format(axis="y", style="plain", useOffset=False)
        ax.tick_params(labelsize=SMALL)
        ax.set_title(region, loc="left", fontweight="bold", color=INK)
    for ax in axes[len(chosen) :]:
        ax.remove()
    for ax in axes[len(chosen) - across : len(chosen)]:
        ax.tick_params(labelbottom=True)
    if unit not in ("", "1"):
        fig.supylabel(unit, fontsize=SMALL)
    if title:
        fig.suptitle(title, fontsize=FONT, color=INK, x=0.01, ha="left")
    legend(fig, *axes[0].get_legend_handles_labels())
    return finish_layout(fig)


# Technology, sourcing; level, mix, origin of demand; value added; imbalances.
_COLOURS = (*(COLOURS[k] for k in (3, 0, 1, 5, 2, 7)), "#BBBBBB")


@rc_context(STYLE)
def effect_map(
    effects: pd.DataFrame, *, title: str = "", unit: str = "", rows: str = ""
) -> Figure:
    """Effects as a map: a row a region or country, a column a factor.

    ``rows`` names the rows. Colours follow the signed square root, since effects span
    magnitudes; cells with 5 % of the largest or more carry their number. Money is shown
    in billions.
    """
    names = [str(k) for k in effects.index]
    factors = [str(k) for k in effects.columns]
    unit, scale = billions(unit)
    shown = scale * effects.to_numpy(float)
    most = float(np.nanmax(np.abs(shown), initial=0)) or 1.0
    height = 0.17 * max(len(names), 4) + 1.2
    fig = Figure(figsize=(FULL_WIDTH, height), layout="constrained")
    ax = fig.subplots()
    mesh = ax.pcolormesh(
        shown, cmap="RdBu", norm=signed_root(most), edgecolor="white", linewidth=0.6
    )
    for (i, j), value in np.ndenumerate(shown):
        if np.isfinite(value) and abs(value) >= 0.05 * most:
            dark = abs(value) > 0.3 * most
            ax.text(
                j + 0.5,
                i + 0.5,
                signed_text(value, digits=2),
                ha="center",
                va="center",
                fontsize=SMALL,
                color="white" if dark else INK,
            )
    ax.invert_yaxis()
    ax.xaxis.tick_top()
    ax.set_xticks(np.arange(len(factors)) + 0.5, factors, fontsize=SMALL)
    ax.set_yticks(np.arange(len(names)) + 0.5, names, fontsize=SMALL)
    ax.tick_params(length=0, pad=2)
    ax.spines[:].set_visible(False)
    if rows:
        ax.set_ylabel(rows, fontsize=SMALL)
    if title:
        fig.suptitle(title, fontsize=FONT, color=INK, x=0.01, ha="left")
    bar = fig.colorbar(mesh, ax=ax, shrink=0.9, aspect=30, pad=0.02)
    ticks = signed_ticks(most)
    bar.set_ticks(ticks, labels=[signed_text(tick) for tick in ticks])
    bar.ax.tick_params(labelsize=SMALL, length=2)
    bar.outline.set_visible(False)
    named = "" if unit in ("", "1") else f"{unit}, "
    bar.set_label(f"{named}square-root scale", fontsize=SMALL)
    return finish_layout(fig)
