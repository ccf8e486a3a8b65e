"""A map of tiles: every economy a square of the same size, roughly in its place.

On a map of areas most economies of Europe are too small to see. Here squares are given
to economies so that the squared distances from their places add up to the least
(a linear assignment). Places are half geographic and half ranks, so that Europe gets
the room that oceans do not need.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ..reporting import FULL_WIDTH, GRID, INK, SMALL, finish_layout
from ..tables import country_position
from .parts import colour_scale, one_panel, signed_root, signed_ticks, styled

_WIDE = 1.5  # columns a row
_FREE = 1.6  # squares an economy, so that oceans are seen
_LARGEST = 0.5  # inches
# A map of fewer countries says less than a list.
_LEAST = 8
WELFARE = "welfare, per cent: blue gains, red loses"
"""The label of a map of welfare."""
REAL_INCOME = "real income, per cent: blue gains, red loses"
"""The label of a map of exact changes, of an exact-hat economy."""


def tile_map(codes: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Column and row of each code, from the north-west.

    Codes without a place on earth, such as ROW and groups, follow in rows below.
    """
    known = {k: place for k in codes if (place := country_position(k)) is not None}
    tiles = _assign(known) if known else {}
    columns = 1 + max((column for column, _ in tiles.values()), default=7)
    below = 1 + max((row for _, row in tiles.values()), default=-1)
    for k, code in enumerate(code for code in codes if code not in known):
        tiles[code] = (k % columns, below + k // columns)
    return tiles


def _assign(known: Mapping[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    latitude, longitude = np.array(list(known.values())).T
    place = np.column_stack([longitude, -latitude])
    count = len(place)
    rows = math.ceil(math.sqrt(_FREE * count / _WIDE))
    columns = math.ceil(_FREE * count / rows)
    width = np.maximum(np.ptp(place, axis=0), 1)
    rank = place.argsort(axis=0, kind="stable").argsort(axis=0) / max(count - 1, 1)
    share = (rank + (place - place.min(axis=0)) / width) / 2
    cells = np.array([(x, y) for y in range(rows) for x in range(columns)])
    target = share * [columns - 1, rows - 1]
    distance = ((target[:, None, :] - cells[None, :, :]) ** 2).sum(axis=2)
    chosen = cells[assignment(distance)]
    chosen = chosen - chosen.min(axis=0)
    return {code: (int(x), int(y)) for code, (x, y) in zip(known, chosen, strict=True)}


def assignment(costs: np.ndarray) -> np.ndarray:
    """A column for each row, each once, so that costs add up to the least.

    By shortest augmenting paths (Crouse 2016, IEEE Transactions on Aerospace and
    Electronic Systems 52: 1679-1696). SciPy's takes 0.2 s to import.
    """
    rows, columns = costs.shape
    row_of, column_of = np.full(columns, -1), np.full(rows, -1)
    u, v = np.zeros(rows), np.zeros(columns)  # prices of rows and of columns
    for first in range(rows):
        reach, before = np.full(columns, np.inf), np.full(columns, -1)
        seen, row, column, low = np.zeros(columns, bool), first, -1, 0.0
        while row >= 0:
            through = low + costs[row] - u[row] - v
            nearer = ~seen & (through < reach)
            reach[nearer], before[nearer] = through[nearer], row
            column = int(np.where(seen, np.inf, reach).argmin())
            seen[column], low, row = True, reach[column], row_of[column]
        left = low - reach[seen]
        v[seen] -= left
        u[row_of[seen][row_of[seen] >= 0]] += left[row_of[seen] >= 0]
        u[first] += low
        while row != first:
            row = row_of[column] = before[column]
            column, column_of[row] = column_of[row], column
    return column_of


def has_map(codes: Iterable[object]) -> bool:
    """True if enough of the codes are countries, so that a map says where they are."""
    return sum(country_position(str(k)) is not None for k in codes) >= _LEAST


@styled
def world_tiles(values: pd.Series, label: str, *, title: str = "") -> Figure:
    """A value of every economy as the colour of its tile, with the value in it.

    Parameters
    ----------
    values
        By code of the region; regions without a number are grey.
    label
        The value and its unit, in words, for the scale.

    With values below zero, zero is white and in the middle, and colours follow the
    signed square root; without any, zero is the palest.
    """
    codes = [str(k) for k in values.index]
    tiles, numbers = tile_map(codes), values.to_numpy(float)
    columns, rows = (1 + max(at[side] for at in tiles.values()) for side in (0, 1))
    side = min(FULL_WIDTH / columns, _LARGEST)
    fig, ax = one_panel(side * rows + 0.75)
    most = float(np.nanmax(np.abs(numbers), initial=0)) or 1.0
    signed = bool(np.nanmin(numbers, initial=0) < 0)
    norm = signed_root(most) if signed else Normalize(0, most)
    shown = ax.scatter([], [], c=[], cmap="RdBu" if signed else "Blues", norm=norm)
    digits = max(1, min(4, 1 - math.floor(math.log10(most))))
    letters = min(SMALL, 72 * side * 0.27)
    for code, value in zip(codes, numbers, strict=True):
        x, y = tiles[code]
        known = np.isfinite(value)
        colour = shown.to_rgba(value) if known else "#EEEEEE"
        tile = Rectangle((x, y), 0.94, 0.94, facecolor=colour, edgecolor=GRID)
        ax.add_patch(tile).set_linewidth(0.4)
        dark = known and sum(np.multiply(colour[:3], (0.3, 0.59, 0.11))) < 0.53
        about: dict[str, Any] = {"ha": "center", "va": "center"}
        about["color"] = "white" if dark else INK
        text = f"{value:z.{digits}f}".replace("-", "\N{MINUS SIGN}") if known else ""
        ax.text(x + 0.47, y + 0.32, code[:5], fontsize=letters, weight="bold", **about)
        ax.text(x + 0.47, y + 0.68, text, fontsize=0.85 * letters, **about)
    ax.set(xlim=(0, columns), ylim=(rows, 0), aspect="equal")
    ax.axis("off")
    ticks = signed_ticks(most) if signed else None
    where: dict[str, Any] = {"location": "bottom", "shrink": 0.5, "aspect": 40}
    colour_scale(ax, shown, label, ticks, **where)
    return finish_layout(fig, title)
