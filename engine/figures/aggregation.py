"""The figure of ``tivax aggregate --compare``: differences from coarser tables."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..reporting import (
    SMALL,
    SURPLUS,
    finish_layout,
    interval_axes,
    labelled_rows,
)
from .parts import panels, styled


@styled
def differences(gaps: xr.Dataset, regions: Sequence[str]) -> Figure:
    """Aggregated less detailed: trade benefit index and VAX ratio.

    A line from the smallest to the largest difference over the years, a dot for the
    last year; ``regions`` from above.
    """
    gaps = gaps.sel(region=list(regions))
    years = gaps["year"].values
    height = 0.15 * max(len(regions), 5)
    fig, (left, right) = panels(2, height, 0.8, sharey=True)
    _ranges(left, gaps["tbi"], "trade benefit index")
    labelled_rows(left, regions)
    _ranges(right, gaps["vax_ratio"], "VAX ratio")
    dot, line = f", dot {years[-1]}", f", line {years[0]} to {years[-1]}"
    span = dot + line if len(years) > 1 else ""
    fig.supxlabel(f"aggregated − detailed{span}", fontsize=SMALL)
    return finish_layout(fig)


def _ranges(ax: Axes, gaps: xr.DataArray, title: str) -> None:
    rows = np.arange(gaps.sizes["region"])
    low, high = gaps.min("year").values, gaps.max("year").values
    ax.hlines(rows, low, high, color=SURPLUS, linewidth=1.5, alpha=0.5)
    ax.plot(gaps.isel(year=-1).values, rows, "o", color=SURPLUS, markersize=3.5)
    interval_axes(ax)
    ax.set_title(title, loc="left", fontsize=SMALL)
    ax.tick_params(axis="x", labelsize=SMALL)
