"""Restore what rounding to whole units removed from a table.

Cells below half a unit became 0, so that a row misses its output by what they held: 43
million US$ a row in WIOD 2013 (median of 2011), which is bias and not noise. What a row
misses goes into its cells of 0, inventories left alone, in proportion to

    w = (p (s + 1/2))^a ((n1 + 1) / (n0 + 1))^b

and at most half a unit a cell, where p is what the user of the cell buys of that good
from all regions, s what the row sells to the user's region, inventories left out, and
n1 and n0 are how many cells of the user's column were rounded to 1 and to 0. A column
in which many cells are 1 has many just below: over rows, whose missing total is known,
the logarithms of n1 and of what is missing correlate by 0.8 to 0.9. Cells above 0 stay
as they are: their rounding errors are symmetric.

The powers a and b are what was chosen, against the upstreamness, downstreamness, F/GO
and VA/GO that Antras and Chor (2018) computed from the unrounded tables. With the
medians of absolute errors (net of inventories) in terms of .0005, .0035, .0002 and
.0015, their mean in 1995, 2003 and 2011 is

    a = 0,   b = 0.7   .62  .50  .26      a = 0.1, b = 0    .72  .58  .33
    a = .05, b = 0.6   .58  .49  .26      a = 0.1, b = 0.6  .60  .50  .27
    a = .05, b = 0.7   .59  .48  .25      a = 0.1, b = 0.7  .62  .49  .27
    a = .05, b = 0.8   .59  .48  .25

Any two of the years choose 0.05 and 0.7, which are within 1 % of the best in the third.
``python -m tivax.bench.studies.coverage`` makes the table.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ..core import TivaxError
from .inventories import inventory_categories
from .world_table import Tolerance, WorldTable

# Of what a user buys of a good and a row sells to its region, and of the share of cells
# of 1 in a column.
POWER = 0.05
ONES = 0.7
# In units: cells below it were rounded to 0.
HALF = 0.5
# Rows that sell more than they make stay so: the largest excess in the 17 years of WIOD
# 2013 is 7 million US$ (2011).
TOLERANCE = Tolerance(absolute=10.0, relative=0.0)


class Derounded(NamedTuple):
    """A table with its rows filled, and the number of rows above their output."""

    table: WorldTable
    rows_above: int


class Powers(NamedTuple):
    """Powers of p (s + 1/2), and of the share of cells of 1."""

    flows: float = POWER
    ones: float = ONES


CHOSEN = Powers()


def deround(table: WorldTable, powers: Powers = CHOSEN) -> Derounded:
    """Put what each row misses of its output into its cells of 0.

    Rows that sell more than they make stay as they are: which of their cells were
    rounded up is not known. An industry is given no inputs where it has no output, or
    where with them it would use more than it makes (three small ones in the 17 years of
    WIOD 2013).

    Raises
    ------
    TivaxError
        For a table that is not in whole units, or whose inventories are not known.
    """
    for values in (table.Z, table.Y, table.x):
        if not (values == np.rint(values)).all():
            raise TivaxError(
                f"{table.where}: not rounded to whole units, so there is nothing "
                "to restore; leave out derounded=True",
                argument="derounded",
            )
    stocks = [table.categories.index(k) for k in inventory_categories(table.categories)]
    c, s = len(table.regions), len(table.sectors)
    n = c * s
    used = np.delete(table.Y, stocks, axis=2)
    # Seller, region of the user, user there: industries, then uses of final demand.
    flows = np.concatenate([table.Z.reshape(n, c, s), used], axis=2)
    missing = table.x - table.Z.sum(axis=1) - table.Y.sum(axis=(1, 2))
    weights = _weights(flows, powers, sectors=s)
    makes = table.x.reshape(c, s)
    inputs = weights[:, :, :s]
    inputs *= makes > 0
    while True:
        filled = flows + spread(missing, weights.reshape(n, -1)).reshape(flows.shape)
        too_much = (filled[:, :, :s].sum(axis=0) > makes) & inputs.any(axis=0)
        if not too_much.any():
            break
        inputs *= ~too_much
    kept = [k for k in range(len(table.categories)) if k not in stocks]
    Y = table.Y.copy()
    Y[:, :, kept] = filled[:, :, s:]
    Z = np.ascontiguousarray(filled[:, :, :s]).reshape(n, n)
    return Derounded(replace(table, Z=Z, Y=Y), int((missing < 0).sum()))


def _weights(
    flows: Float[np.ndarray, "n c u"], powers: Powers, *, sectors: int
) -> Float[np.ndarray, "n c u"]:
    """(p (s + 1/2))^a ((n1 + 1) / (n0 + 1))^b in cells of 0, and 0 in others."""
    n, c, u = flows.shape
    bought = flows.reshape(-1, sectors, c, u).sum(axis=0)
    sold = flows.sum(axis=2)
    # Negative fixed capital formation may outweigh the rest.
    p, s = (np.maximum(k, 0) ** powers.flows for k in (bought, sold + HALF))
    zero = flows == 0
    small = ((flows == 1).sum(axis=0) + 1) / (zero.sum(axis=0) + 1)
    weights = np.tile(p * small**powers.ones, (n // sectors, 1, 1)) * s[:, :, None]
    return np.where(zero, weights, 0)


def spread(
    total: Float[np.ndarray, " n"], weights: Float[np.ndarray, "n k"]
) -> Float[np.ndarray, "n k"]:
    """Cells min(l w, 1/2) of each row that add up to its total, l found by row.

    Rows of a total below 0 get nothing, and half a unit wherever there is a weight
    where that does not make the total.
    """
    left = np.maximum(total, 0)
    full = np.zeros(weights.shape, bool)
    while True:
        open_weights = np.where(full, 0, weights)
        base = open_weights.sum(axis=1)
        rest = np.maximum(left - HALF * full.sum(axis=1), 0)
        level = np.divide(rest, base, out=np.zeros_like(rest), where=base > 0)
        cells = open_weights * level[:, None]
        over = cells > HALF
        if not over.any():
            return np.where(full, HALF, cells)
        full |= over
