"""Figures of why a measure changed: waterfalls, and bars of effects by factor.

``tx.change`` makes what they take: ``values`` (region, start, end), ``table`` (region,
factor, value).
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from ..core import billions, points
from ..reporting import (
    COLOURS,
    DEFICIT,
    INK,
    QUIET,
    SMALL,
    SURPLUS,
    finish_layout,
    labelled_rows,
    legend,
    plain_axes,
    year_axis,
)
from ..tables import country_name
from ..tables.shown_regions import FEW, known_regions
from .parts import beside_row, one_panel, panels, starts_of, styled

_ACROSS = 2
_HEAD: dict[str, Any] = {"loc": "left", "fontweight": "bold", "color": INK}


@styled
def waterfall(
    values: pd.DataFrame,
    table: pd.DataFrame,
    *,
    years: tuple[int, int],
    title: str = "",
    unit: str = "",
    regions: Sequence[str] | None = None,
    say: Callable[[str], str] = str,
) -> Figure:
    """Change from the first year to the last, a step for each factor, a panel for each
    region that has numbers, with the intervals of steps that have any.

    ``values`` and ``table`` are those of ``tx.change``; ``regions`` are the panels, by
    default the first eight. Panels have axes of their own: levels of regions differ
    more than their changes. Money is shown in billions. ``say`` puts names into the
    words of the figure.
    """
    known = [str(k) for k in values["region"]]
    chosen = known_regions(known[:FEW] if regions is None else regions, known)
    factors = [str(k) for k in table["factor"].unique()]
    ends = values.set_index("region").loc[chosen, ["start", "end"]]
    chosen = [str(k) for k in ends.dropna().index] or chosen[:1]
    unit, scale = billions(unit, float(np.nanmax(np.abs(ends), initial=0)))
    ends *= scale
    table = table.set_index(["region", "factor"])
    wide = scale * table.filter(["value", "ci_low", "ci_high"])
    height = 0.155 * (len(factors) + 2) + 0.42
    fig, axes = panels(len(chosen), height, 0.75, across=_ACROSS)
    for k, (ax, region) in enumerate(zip(axes, chosen, strict=True)):
        start, end = ends.loc[[region]].to_numpy(float)[0]
        steps, *within = wide.loc[region].loc[factors].to_numpy(float).T
        _fall(ax, float(start), float(end), steps, *within)
        names = [str(years[0]), *map(say, factors), str(years[1])]
        named = names if k % _ACROSS == 0 else [""] * len(names)
        ax.set_yticks(np.arange(len(names)), named)
        ax.tick_params(labelsize=SMALL)
        ax.set_title(say(country_name(region)), **_HEAD)
    if unit not in ("", "1"):
        fig.supxlabel(say(unit), fontsize=SMALL)
    meanings = {"value of the year": QUIET, "raises it": SURPLUS, "lowers it": DEFICIT}
    patches = [Patch(facecolor=k) for k in meanings.values()]
    legend(fig, patches, [*map(say, meanings)])
    return finish_layout(fig, title)


def _fall(
    ax: Axes, start: float, end: float, steps: np.ndarray, *within: np.ndarray
) -> None:
    """Bars from 0 to the two ends, and between them each step from where the last
    ended, with the ends of its interval."""
    colours = [SURPLUS if step >= 0 else DEFICIT for step in steps]
    reached = falling_bars(ax, start, steps, end, colours)
    tips = reached[1:]
    if within:
        low, high = reached[:-1] + within
        ax.hlines(np.arange(len(steps)) + 1, low, high, color=INK, linewidth=0.8)
        tips = np.where(steps >= 0, np.fmax(tips, high), np.fmin(tips, low))
    _numbers(ax, start, end, steps, tips)
    ax.axvline(0, color=INK, linewidth=0.6)
    ax.spines["left"].set_visible(False)
    ax.use_sticky_edges = False
    ax.margins(x=0.14)  # room for the numbers
    ax.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    ax.ticklabel_format(axis="x", style="plain", useOffset=False)


def falling_bars(
    ax: Axes, start: float, steps: np.ndarray, end: float, colours: Sequence[str] | str
) -> np.ndarray:
    """Draw the bars of a waterfall and the lines that link them; what each step begins
    from, and the last reaches."""
    places = np.arange(len(steps) + 2)
    reached = start + np.concatenate([[0], np.cumsum(steps)])
    ax.barh(places[[0, -1]], [start, end], height=0.72, color=QUIET)
    ax.barh(places[1:-1], steps, left=reached[:-1], height=0.72, color=colours)
    for place, at in zip(places[:-1], reached, strict=True):
        ax.plot([at, at], [place - 0.36, place + 1.36], color=INK, linewidth=0.6)
    plain_axes(ax, grid="x")
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(places[-1] + 0.6, -0.6)
    return reached


def _numbers(
    ax: Axes, start: float, end: float, steps: np.ndarray, tips: np.ndarray
) -> None:
    """The value of each bar, right of it, or left where the bar points there."""
    bars = [(start, start), *zip(steps, tips, strict=True), (end, end)]
    digits = _digits(np.nanmax(np.abs([start, end, *steps]), initial=0))
    for place, (value, tip) in enumerate(bars):
        if not np.isfinite(value):
            continue
        right = value >= 0
        sign = "+" if 0 < place <= len(steps) else ""
        ax.annotate(
            f"{value:{sign}z,.{digits}f}".replace("-", "−"),
            (tip, place),
            xytext=(2 if right else -2, 0),
            textcoords="offset points",
            ha="left" if right else "right",
            va="center",
            fontsize=SMALL - 0.5,
            color=INK,
        )


def _digits(most: float) -> int:
    """Decimals that leave three digits of the largest value."""
    return int(np.clip(2 - np.floor(np.log10(most or 1.0)), 0, 3))


@styled
def yearly_effects(
    steps: pd.DataFrame,
    *,
    title: str = "",
    unit: str = "",
    regions: Sequence[str] | None = None,
    say: Callable[[str], str] = str,
) -> Figure:
    """Effects of each factor from year to year as stacked bars, a panel a region.

    ``steps`` are those of ``tx.change(..., chained=True)``, panels as in ``waterfall``.
    A bar stands at the end of its step; a dot is the whole change.
    """
    known = [str(k) for k in steps["region"].unique()]
    chosen = known_regions(known[:FEW] if regions is None else regions, known)
    factors = [str(k) for k in steps["factor"].unique()]
    years = np.unique(steps["end"].to_numpy(int))
    unit, scale = billions(points(unit), float(steps["value"].abs().max()))
    fig, axes = panels(len(chosen), 1.6, 0.9, across=_ACROSS, sharex=True)
    for ax, region in zip(axes, chosen, strict=True):
        here = steps[steps["region"] == region]
        wide = here.pivot(index="factor", columns="end", values="value")
        effects = scale * wide.reindex(index=factors, columns=years).to_numpy(float)
        bars = zip(factors, effects, starts_of(effects), _COLOURS, strict=False)
        for factor, own, below, colour in bars:
            ax.bar(years, own, bottom=below, color=colour, label=say(factor))
        # No dot for a step whose measure is not defined.
        known = np.isfinite(effects).any(axis=0)
        whole = np.where(known, np.nansum(effects, axis=0), np.nan)
        ax.plot(years, whole, "o", label=say("change"), **_DOT)
        ax.axhline(0, color=INK, linewidth=0.6)
        plain_axes(ax, grid="y")
        year_axis(ax, years, bins=6)
        ax.ticklabel_format(axis="y", style="plain", useOffset=False)
        ax.tick_params(labelsize=SMALL)
        ax.set_title(say(country_name(region)), **_HEAD)
    if unit not in ("", "1"):
        fig.supylabel(say(unit), fontsize=SMALL)
    legend(fig, *axes[0].get_legend_handles_labels())
    return finish_layout(fig, title)


_DOT: dict[str, Any] = {"color": INK, "markeredgecolor": "white", "markersize": 4}
# Technology, sourcing; level, mix, origin of demand; value added; imbalances.
_COLOURS = (*(COLOURS[k] for k in (3, 0, 1, 5, 2, 7)), "#BBBBBB")


@styled
def effect_bars(
    effects: pd.DataFrame,
    *,
    title: str = "",
    unit: str = "",
    rows: str = "",
    ends: pd.DataFrame | None = None,
    say: Callable[[str], str] = str,
) -> Figure:
    """Effects as ranked bars: a row a region or country, its factors stacked.

    ``effects`` has regions as rows and factors as columns. The row with the largest
    change is first; a dot is the whole change, whose number stands at the right.
    ``rows`` names the rows, ``ends`` has the intervals of changes. Money is shown in
    billions.
    """
    effects = effects.dropna(how="all")  # no index is not a change of 0
    unit, scale = billions(points(unit), float(effects.abs().sum(axis=1).max()))
    whole = scale * effects.sum(axis=1)
    effects = scale * effects.loc[whole.abs().sort_values(ascending=False).index]
    whole = whole[effects.index]
    places = np.arange(len(effects))
    height = 0.17 * max(len(effects), 4) + 1.1
    fig, ax = one_panel(height)
    shown = effects.to_numpy(float).T
    bars = zip(effects.columns, shown, starts_of(shown), _COLOURS, strict=False)
    for factor, own, left, colour in bars:
        ax.barh(places, own, left=left, height=0.72, color=colour, label=say(factor))
    ax.plot(whole.to_numpy(float), places, "o", label=say("change"), **_DOT)
    if ends is not None:
        low, high = scale * ends.loc[[*effects.index]].to_numpy(float).T
        ax.hlines(places, low, high, color=INK, linewidth=1, zorder=3)
    ax.axvline(0, color=INK, linewidth=0.6)
    plain_axes(ax, grid="x")
    ax.spines["left"].set_visible(False)
    labelled_rows(ax, [say(country_name(str(k))) for k in effects.index])
    digits = _digits(float(whole.abs().max()))
    for place, value in enumerate(whole):
        beside_row(ax, place, f"{value:+z,.{digits}f}".replace("-", "−"))
    ax.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    ax.ticklabel_format(axis="x", style="plain", useOffset=False)
    if unit not in ("", "1"):
        ax.set_xlabel(say(unit), fontsize=SMALL)
    if rows:
        ax.set_ylabel(say(rows), fontsize=SMALL)
    legend(fig, *ax.get_legend_handles_labels())
    return finish_layout(fig, title)
