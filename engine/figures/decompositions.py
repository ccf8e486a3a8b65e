"""Figures of decompositions: shares of exports by group of terms.

``totals`` everywhere: DataArray (part, year, region) in the unit of the tables, parts
that add up.
"""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib import rc_context
from matplotlib.figure import Figure

from ..reporting import (
    COLOURS,
    FULL_WIDTH,
    INK,
    SMALL,
    STYLE,
    WIDTH,
    finish_layout,
    label_room,
    labelled_rows,
    legend,
    plain_axes,
    year_axis,
)
from ..tables import REST

# From what stays abroad to what is counted twice.
_PARTS = (COLOURS[1], COLOURS[2], COLOURS[3], "#BBBBBB")


@rc_context(STYLE)
def bars(totals: xr.DataArray, of: str, *, most: int = 20) -> Figure:
    """Shares of each part in the last year, of the largest regions and ROW.

    ``of`` names the whole: gross exports, imports, value added.
    """
    last = totals.isel(year=-1)
    regions = largest(totals, most)
    share = 100 * last.sel(region=regions) / last.sel(region=regions).sum("part")
    parts = [str(k) for k in share["part"].values]
    fig = Figure(
        figsize=(WIDTH + 0.4 + label_room(regions), 0.15 * max(len(regions), 6) + 0.9),
        layout="constrained",
    )
    ax = fig.subplots()
    places, start = np.arange(len(regions)), np.zeros(len(regions))
    for part, colour in zip(parts, _PARTS, strict=False):
        width = share.sel(part=part).values
        ax.barh(places, width, left=start, height=0.72, color=colour, label=part)
        start = start + width
    labelled_rows(ax, regions)
    plain_axes(ax, grid="x")
    ax.set_xlim(0, 100)
    ax.set_xlabel(f"% of {of}, {int(last['year'])}")
    legend(fig, *ax.get_legend_handles_labels())
    return finish_layout(fig)


@rc_context(STYLE)
def over_years(totals: xr.DataArray, of: str, *, most: int = 8) -> Figure:
    """Shares of every part but the first over the years, a panel for each region."""
    regions = largest(totals, most)
    share = 100 * totals.sel(region=regions) / totals.sel(region=regions).sum("part")
    return stacked_panels(share.isel(part=slice(1, None)), f"% of {of}", _PARTS[1:])


@rc_context(STYLE)
def stacked_panels(
    shares: xr.DataArray, name: str, colours: Sequence[str], *, columns: int = 4
) -> Figure:
    """Parts (part, year, region) on top of each other over the years, a panel each."""
    regions = [str(k) for k in shares["region"].values]
    parts = [str(k) for k in shares["part"].values]
    years = shares["year"].values
    rows = -(-len(regions) // columns)
    fig = Figure(figsize=(FULL_WIDTH, 1.25 * rows + 0.5), layout="constrained")
    axes = fig.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for ax, region in zip(axes.flat, regions, strict=False):
        ax.stackplot(
            years,
            *(shares.sel(part=part, region=region).values for part in parts),
            colors=colours,
            labels=parts,
            linewidth=0,
        )
        plain_axes(ax, grid="y")
        year_axis(ax, years, bins=3)
        ax.set_xlim(float(years[0]), float(years[-1]))
        ax.tick_params(labelsize=SMALL)
        ax.set_title(region, loc="left", fontweight="bold", color=INK)
    for ax in axes.flat[len(regions) :]:
        ax.set_visible(False)
    axes[0, 0].set_ylim(bottom=0)
    fig.supylabel(name, fontsize=SMALL)
    legend(fig, *axes[0, 0].get_legend_handles_labels())
    return finish_layout(fig)


def largest(totals: xr.DataArray, most: int) -> list[str]:
    """The largest regions of the last year, then ROW, in falling order."""
    size = totals.isel(year=-1).sum("part").to_series()
    others = size.drop(REST, errors="ignore").sort_values(
        ascending=False, kind="stable"
    )
    rest = [REST] if REST in size.index else []
    return [str(k) for k in others.index[: most - len(rest)]] + rest
