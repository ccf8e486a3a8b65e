"""Figures of decompositions: shares of exports by group of terms.

``totals`` everywhere: DataArray (part, year, region) in the unit of the tables, parts
that add up.
"""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from ..core import Phrase
from ..reporting import (
    COLOURS,
    INK,
    SMALL,
    finish_layout,
    labelled_rows,
    legend,
    plain_axes,
    year_axis,
)
from ..tables import REST, country_name
from ..tables.shown_regions import FEW, MANY, known_regions, largest, size_of
from .parts import one_panel, panels, starts_of, styled

# From what stays abroad to what is counted twice.
_PARTS = (COLOURS[1], COLOURS[2], COLOURS[3], "#BBBBBB")
_VISIBLE = 0.05  # per cent; less is rounding


@styled
def bars(
    totals: xr.DataArray,
    of: str,
    *,
    method: str = "",
    regions: Sequence[str] | None = None,
) -> Figure:
    """Shares of each part in the last year, of the largest regions and ROW.

    ``of`` names the whole: gross exports, imports, value added. ``method`` is put in
    the title. ``regions`` in this order, by default the 20 largest and ROW.
    """
    last = totals.isel(year=-1)
    size, order = size_of(totals), ""
    if regions is None:
        regions = largest(size, MANY)
        order = "by the share of the first part" if len(size) > 1 else ""
        if len(size) > MANY:
            order = Phrase(f"the {{count}} largest, {order}", count=MANY)
    regions = known_regions(regions, [str(k) for k in totals["region"].values])
    share = 100 * last.sel(region=regions) / last.sel(region=regions).sum("part")
    if order:  # what a reader compares: the share of the first part
        first = np.argsort(-share.isel(part=0).values, kind="stable")
        regions, share = [regions[k] for k in first], share.isel(region=first)
    parts = [str(k) for k in share["part"].values]
    fig, ax = one_panel(0.16 * max(len(regions), 6) + 1.1)
    widths = share.transpose("part", "region").values
    starts, places = starts_of(widths), np.arange(len(regions))
    for part, width, left, colour in zip(parts, widths, starts, _PARTS, strict=False):
        ax.barh(places, width, left=left, height=0.72, color=colour, label=part)
    below = np.minimum(widths, 0).sum(axis=0)  # where negative shares end
    labelled_rows(ax, [country_name(k) for k in regions])
    plain_axes(ax, grid="x")
    if (below < -_VISIBLE).any():
        ax.axvline(0, color=INK, linewidth=0.6)
        above = np.maximum(widths, 0).sum(axis=0)
        ax.set_xlim(1.02 * np.nanmin(below), 1.02 * np.nanmax(above))
    else:
        ax.set_xlim(0, 100)
    ax.set_xlabel(Phrase("% of {of}, {year}", of=of, year=int(last["year"])))
    legend(fig, *ax.get_legend_handles_labels())
    return finish_layout(fig, Phrase.listed((method, order), "\n"))


@styled
def over_years(
    totals: xr.DataArray,
    of: str,
    *,
    method: str = "",
    regions: Sequence[str] | None = None,
) -> Figure:
    """Shares of every part but the first over the years, a panel for each region.

    As ``bars``; by default the eight largest regions without ROW.
    """
    size, order = size_of(totals), ""
    if regions is None:
        regions = largest(size, FEW, rest=False)
        order = Phrase("largest first" if len(size) > 1 else "")
        if len(size) > FEW:
            order = "the {count} largest, in falling order"
            order += ", without ROW" if REST in size.index else ""
            order = Phrase(order, count=FEW)
    regions = known_regions(regions, [str(k) for k in totals["region"].values])
    share = 100 * totals.sel(region=regions) / totals.sel(region=regions).sum("part")
    first = str(totals["part"].values[0])
    left_out = Phrase("not drawn, the rest to 100 %: {part}", part=first)
    return stacked_panels(
        share.isel(part=slice(1, None)),
        Phrase("% of {of}", of=of),
        _PARTS[1:],
        title=(method, Phrase.listed((order, left_out))),
    )


@styled
def stacked_panels(
    shares: xr.DataArray,
    name: str,
    colours: Sequence[str],
    *,
    title: tuple[str, str] = ("", ""),
) -> Figure:
    """Parts (part, year, region) on top of each other over the years, a panel each.

    ``title``: what is shown, and a line about it.
    """
    regions = [str(k) for k in shares["region"].values]
    parts = [str(k) for k in shares["part"].values]
    years = shares["year"].values
    rows = -(-len(regions) // _ACROSS)
    columns = -(-len(regions) // rows)  # as few empty places as possible
    shared = {"sharex": True, "sharey": True}
    fig, axes = panels(len(regions), 1.3, 0.8, across=columns, **shared)
    for ax, region in zip(axes, regions, strict=True):
        ax.stackplot(
            years,
            *(shares.sel(part=part, region=region).values for part in parts),
            colors=colours,
            labels=parts,
            linewidth=0,
        )
        plain_axes(ax, grid="y")
        year_axis(ax, years, bins=3, inside=True)
        ax.set_xlim(float(years[0]), float(years[-1]))
        ax.tick_params(labelsize=SMALL)
        ax.set_title(country_name(region), loc="left", fontweight="bold", color=INK)
    axes[0].set_ylim(bottom=0)
    fig.supylabel(name, fontsize=SMALL)
    legend(fig, *axes[0].get_legend_handles_labels())
    return finish_layout(fig, Phrase.listed(title, "\n"))


_ACROSS = 4
