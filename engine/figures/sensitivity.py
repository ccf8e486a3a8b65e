"""A map of the pairs of regions whose sales move a measure most."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib import rc_context
from matplotlib.figure import Figure

from ..reporting import (
    FONT,
    FULL_WIDTH,
    INK,
    SMALL,
    STYLE,
    finish_layout,
    label_room,
)
from .regions import MANY, known_regions
from .signed_maps import signed_root, signed_text, signed_ticks


@rc_context(STYLE)
def sensitivity_map(
    pairs: xr.DataArray, regions: Sequence[str] | None = None
) -> Figure:
    """Effects of 1 % more of what the row sells to the column, as a map.

    Parameters
    ----------
    pairs
        Effects by seller and user: ``tx.sensitivity(...).pairs``.
    regions
        Rows and columns in this order; by default the 20 with the largest effects.

    Sales at home are on the diagonal. Colours follow the signed square root, since
    effects span magnitudes.
    """
    known = [str(k) for k in pairs["seller"].values]
    table = pd.DataFrame(pairs.transpose("seller", "user").values, known, known)
    if regions is None:
        size = np.abs(table.to_numpy())
        order = np.argsort(-(size.sum(axis=0) + size.sum(axis=1)), kind="stable")
        regions = [known[k] for k in order[:MANY]]
    chosen = known_regions(regions, known)
    shown = table.loc[chosen, chosen].to_numpy()

    names = label_room(chosen)
    side = min(FULL_WIDTH - 1.6 - names, 0.4 * len(chosen) + 1)
    fig = Figure(figsize=(FULL_WIDTH, side + 0.8 + names), layout="constrained")
    ax = fig.subplots()
    most = float(np.nanmax(np.abs(shown), initial=0)) or 1.0
    mesh = ax.pcolormesh(
        shown,
        cmap="RdBu",
        norm=signed_root(most),
        edgecolor="white",
        linewidth=0.4,
    )
    ax.invert_yaxis()
    ax.set_aspect("equal")
    places = np.arange(len(chosen)) + 0.5
    ax.set_xticks(places, chosen, rotation=90, fontsize=SMALL)
    ax.set_yticks(places, chosen, fontsize=SMALL)
    ax.tick_params(length=0, pad=2)
    ax.spines[:].set_visible(False)
    ax.set_ylabel("seller")
    ax.set_xlabel("user")
    title = str(pairs.attrs.get("long_name", "effect of 1 % more"))
    fig.suptitle(title[:1].upper() + title[1:], fontsize=FONT, color=INK)
    bar = fig.colorbar(mesh, ax=ax, shrink=0.8, aspect=25, pad=0.02)
    ticks = signed_ticks(most)
    bar.set_ticks(ticks, labels=[signed_text(tick) for tick in ticks])
    bar.ax.tick_params(labelsize=SMALL, length=2)
    bar.outline.set_visible(False)
    unit = str(pairs.attrs.get("units", ""))
    named = "" if unit in ("", "1") else f"{unit}, "
    bar.set_label(f"{named}square-root scale", fontsize=SMALL)
    return finish_layout(fig)
