"""A map of tiles: every economy a square of the same size, roughly in its place.

On a map of areas most economies of Europe are too small to see. Here squares are given
to economies so that the squared distances from their places add up to the least
(a linear assignment). Places are half geographic and half ranks, so that Europe gets
the room that oceans do not need.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from ..tables import country_position

_WIDE = 1.5  # columns a row
_FREE = 1.6  # squares an economy, so that oceans are seen


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
    chosen = cells[linear_sum_assignment(distance)[1]]
    chosen = chosen - chosen.min(axis=0)
    return {code: (int(x), int(y)) for code, (x, y) in zip(known, chosen, strict=True)}
