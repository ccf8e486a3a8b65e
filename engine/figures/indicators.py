"""Figures of participation and position in global value chains.

``data`` everywhere: Dataset of ``indicators`` at country level (year, region) with
EXGR, GVC_BACK_BM, GVC_FORW_BM, GVC_PART_BM (%) and GVC_FORWARDNESS.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..core import Phrase
from ..reporting import (
    COLOURS,
    INK,
    QUIET,
    SMALL,
    SURPLUS,
    finish_layout,
    label_points,
)
from ..tables import country_name
from ..tables.shown_regions import FEW, NAMED, largest
from .decompositions import stacked_panels
from .parts import one_panel, styled


@styled
def participation(
    data: xr.Dataset, regions: Sequence[str] | None = None, of: str = "gross exports"
) -> Figure:
    """Backward and forward participation over the years, stacked, a panel a region.

    ``regions``, or the eight largest exporters without ROW. With ``GVC_PART_BM_ci_low``
    and ``_ci_high`` a band is the 95 % interval of the two together. ``of`` names the
    whole.
    """
    order = band = ""
    if regions is None:
        regions = largest(exports_of(data), FEW, rest=False)
        order = Phrase("largest exporters first, without ROW")
    names = {"GVC_BACK_BM": "backward", "GVC_FORW_BM": "forward"}
    shares = data[list(names)].rename(names).sel(region=regions).to_array("part")
    if _BAND[0] in data:
        band = Phrase("dark band: 95 % interval of both together")
    fig = stacked_panels(
        shares,
        Phrase("participation, % of {of}", of=of),
        (COLOURS[3], COLOURS[1]),
        title=("Participation in global value chains", Phrase.listed((order, band))),
    )
    if _BAND[0] in data:
        top = float(data[_BAND[1]].sel(region=regions).max())
        for ax in fig.axes:
            ax.set_ylim(top=max(ax.get_ylim()[1], 1.02 * top))
        for ax, region in zip(fig.axes, regions, strict=False):
            low, high = (data[k].sel(region=region).values for k in _BAND)
            ax.fill_between(
                data["year"].values, low, high, color=INK, alpha=0.35, linewidth=0
            )
    return fig


_BAND = ("GVC_PART_BM_ci_low", "GVC_PART_BM_ci_high")


def exports_of(data: xr.Dataset) -> pd.Series:
    """Gross exports by region in the last year."""
    return data["EXGR"].isel(year=-1).to_series()


@styled
def position_map(
    data: xr.Dataset, regions: Sequence[str] | None = None, of: str = "gross exports"
) -> Figure:
    """Position against participation in the last year, with the way from the first.

    Right: more of the exports cross two borders or more. Up: more of that is purely
    forward (a region of inputs for others), down: purely backward (of assembly). The
    14 largest exporters and ROW, or ``regions``, are named; all others are grey dots.
    With standard errors (``_ci_low``, ``_ci_high`` of both) these have crosses of 95 %.
    ``of`` as in ``participation``.
    """
    x, y = data["GVC_PART_BM"], data["GVC_FORWARDNESS"]
    named = largest(exports_of(data), NAMED) if regions is None else list(regions)
    first, last = (int(data["year"].values[k]) for k in (0, -1))
    fig, ax = one_panel(4.2)
    for axis in ("x", "y"):
        ax.grid(axis=axis, color="#EEEEEE", linewidth=0.6)  # type: ignore[arg-type]
    ax.spines[["top", "right"]].set_visible(False)
    ax.axhline(0, color=QUIET, linewidth=0.8, zorder=1)
    others = [k for k in data["region"].values if k not in named]
    grey = [k.sel(year=last, region=others).values for k in (x, y)]
    ax.plot(*grey, "o", color="#BBBBBB", markersize=3)
    crowd: list[tuple[float, float]] = [*zip(*grey, strict=True)]
    ends: list[tuple[str, float, float]] = []
    for region in named:
        at = {"region": region}
        xs, ys = (k.sel(at).values[[0, -1]] for k in (x, y))
        if not np.isfinite([*xs, *ys]).all():
            continue
        if first != last:
            ax.plot(xs, ys, color=SURPLUS, linewidth=0.7, alpha=0.5, zorder=2)
            ax.plot(
                xs[0],
                ys[0],
                "o",
                color=SURPLUS,
                markerfacecolor="white",
                markersize=3,
                markeredgewidth=0.7,
                zorder=3,
            )
            crowd.append((xs[0], ys[0]))
        if _BAND[0] in data:
            _cross(ax, data.sel(year=last, region=region), xs[1], ys[1])
        ax.plot(xs[1], ys[1], "o", color=SURPLUS, markersize=4, zorder=4)
        ends.append((country_name(str(region)), float(xs[1]), float(ys[1])))
    ax.set_xlabel(Phrase("GVC participation, % of {of}, {year}", of=of, year=last))
    ax.set_ylabel("forwardness, (purely forward − purely backward) / GVC exports")
    said = [Phrase("filled: {year}", year=last), Phrase("hollow: {year}", year=first)]
    said = said if first != last else []
    if others:
        said.append(Phrase("grey: other regions, {year}", year=last))
    if _BAND[0] in data:
        said.append(Phrase("crosses: 95 % intervals"))
    ax.set_title(Phrase.listed(said), loc="left", fontsize=SMALL, color=QUIET)
    ax.tick_params(labelsize=SMALL, length=2, color=QUIET)
    label_points(fig, ax, ends, crowd)
    return finish_layout(fig)


def _cross(ax: Axes, here: xr.Dataset, x: float, y: float) -> None:
    """95 % intervals of both coordinates of a point."""
    across = [float(here[f"GVC_PART_BM_{k}"]) for k in ("ci_low", "ci_high")]
    along = [float(here[f"GVC_FORWARDNESS_{k}"]) for k in ("ci_low", "ci_high")]
    style: dict[str, Any] = {"color": QUIET, "linewidth": 0.7, "zorder": 3}
    ax.hlines(y, across[0], across[1], **style)
    ax.vlines(x, along[0], along[1], **style)
