"""Figures of exposure along supply chains: face value to look-through, and a map."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from ..core import Phrase
from ..reporting import DEFICIT, INK, SMALL, finish_layout
from ..tables import country_name
from .changes import falling_bars
from .parts import colour_scale, map_cells, one_panel, styled

_LEAST = 0.01  # per cent: less has the palest colour


@styled
def exposure_waterfall(
    rounds: pd.DataFrame, *, title: str = "", say: Callable[[str], str] = str
) -> Figure:
    """A waterfall from face value to look-through, a step for each round of inputs.

    ``rounds`` is the table of ``tx.supply_exposure``: rounds 0 and 1 (the product and
    its inputs) are face value, the others hidden, the last row all further ones.
    ``say`` puts names into the words of the figure.
    """
    shares = rounds["percent"].to_numpy(float)
    face = shares[:2].sum()
    steps = shares[2:]
    last = len(shares) - 1
    further = [Phrase("round {number}", number=k) for k in range(2, last)]
    further.append(Phrase("round {number} and more", number=last))
    names = [*map(say, ["face value", *further, "look-through"])]
    fig, ax = one_panel(0.24 * len(names) + 0.8)
    whole = face + steps.sum()
    reached = [*falling_bars(ax, face, steps, whole, DEFICIT), whole]
    offset: dict[str, Any] = {"textcoords": "offset points", "va": "center"}
    for place, size in enumerate([face, *steps, whole]):
        at = (reached[place], place)
        ax.annotate(f"{size:.2f}", at, (3, 0), fontsize=SMALL, **offset)
    ax.set_yticks(np.arange(len(names)), names, fontsize=SMALL)
    ax.margins(x=0.12)
    ax.set_xlabel(say("% of all output that the buyer takes"), fontsize=SMALL)
    return finish_layout(fig, title)


@styled
def exposure_map(
    pairs: pd.DataFrame, *, title: str = "", say: Callable[[str], str] = str
) -> Figure:
    """Look-through exposures in per cent: a row a buyer, a column a supplier.

    Colours follow the logarithm; home is left blank, since it is of another size.
    """
    names, suppliers = [str(k) for k in pairs.index], [str(k) for k in pairs.columns]
    shown = pairs.to_numpy(float, copy=True)
    home = np.array(names)[:, None] == np.array(suppliers)[None, :]
    shown[home] = np.nan
    most = max(float(np.nanmax(shown, initial=0)), 10 * _LEAST)
    fig, ax = one_panel(0.2 * max(len(names), 4) + 1.1)
    mesh = map_cells(
        ax,
        np.maximum(shown, _LEAST),
        [say(country_name(k)) for k in names],
        [*map(say, suppliers)],
        linewidth=0.6,
        cmap="Blues",
        norm=LogNorm(_LEAST, most),
    )
    middle: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 0.8 * SMALL}
    for (i, j), value in np.ndenumerate(shown):
        if np.isfinite(value) and value >= 0.5:
            colour = "white" if value > most / 5 else INK
            ax.text(j + 0.5, i + 0.5, f"{value:.1f}", color=colour, **middle)
    ax.xaxis.tick_top()
    ax.set_ylabel(say("buyer"), fontsize=SMALL)
    ticks = {k: f"{k:g}" for k in (0.01, 0.1, 1.0, 10.0) if k <= most}
    told = say("% of all output that the buyer takes, by supplier")
    told = told.replace("that the ", "that the\n")
    colour_scale(ax, mesh, told, ticks, shrink=0.9, aspect=30)
    return finish_layout(fig, title)
