"""The 43 countries of one year, from their national tables: rounding undone."""

from dataclasses import dataclass

import jax
import numpy as np
from jaxtyping import Float

from ...kernels.rebuilding import rounding
from ..core import in_float64
from .pieces import COUNTRIES, YEARS, Pieces, ratio

_N = 56
_LAST = len(YEARS) - 1
_undo = jax.jit(jax.vmap(rounding.undo_rounding))


@dataclass(frozen=True)
class Countries:
    """Cells of c countries in one year, s industries; of WIOD 43 and 56.

    ``home`` and ``imported``: product by industries, then final uses.
    """

    home: Float[np.ndarray, "c s u"]
    imported: Float[np.ndarray, "c s u"]
    exports: Float[np.ndarray, "c s"]
    output: Float[np.ndarray, "c s"]
    added: Float[np.ndarray, "c s"]

    @property
    def imports(self) -> Float[np.ndarray, "56 6 43"]:
        """Imports by product, use (inputs first) and buyer; never negative."""
        inputs = self.imported[:, :, :_N].sum(2, keepdims=True)
        uses = np.concatenate([inputs, self.imported[:, :, _N:]], 2)
        return np.maximum(uses, 0).transpose(1, 2, 0)


def countries_of(pieces: Pieces, year: int) -> Countries:
    """One year; 2014 as far as it is real."""
    if year == YEARS[-1]:
        return _real(pieces)
    t = YEARS.index(year)
    before = _real(pieces)
    grown = ratio(pieces.national[:, t, 112, :61], pieces.national[:, _LAST, 112, :61])
    cells = np.concatenate([before.home, before.imported], 1)
    expected = np.clip(cells, 0, None) * np.clip(grown, 0, 3)[:, None]
    return unrounded(pieces, t, expected)


def _real(pieces: Pieces) -> Countries:
    """2014: home cells and final uses are real, imported inputs where given."""
    real, c = pieces.in_2014, len(COUNTRIES)
    own = np.arange(c)
    final = real.final[own, :, own]
    bought = real.final.sum(0).transpose(1, 0, 2)[:c] - final
    if pieces.imported_inputs is None:
        nothing = np.zeros((c, 2 * _N, 61))
        inputs = unrounded(pieces, _LAST, nothing).imported[:, :, :_N]
    else:
        inputs = pieces.imported_inputs
    output = real.home[:c].sum(2) + final.sum(2) + real.exports[:c]
    return Countries(
        home=np.concatenate([real.home[:c], final], 2),
        imported=np.concatenate([inputs, bought], 2),
        exports=np.maximum(real.exports[:c], 0),
        output=np.where(np.abs(output) < 1e-3, 0, output),
        added=_added(pieces.national[:, _LAST], real.added),
    )


def _added(
    table: Float[np.ndarray, "43 120 63"], reported: Float[np.ndarray, "43 56"]
) -> Float[np.ndarray, "43 56"]:
    """Value added at basic prices as reported, but for errata of the tables.

    In BGR, LUX and ROU (2014) and MLT (2000-2003) columns miss their output by more
    than rounding explains. Their rows are right: value added is what the column leaves.
    """
    totals, output = table[:, 112:119, :_N], table[:, 119, :_N]
    missed = output - totals.sum(1)
    wrong = (np.abs(missed) > 4) | (reported > output + 1)
    return np.where(wrong, table[:, 117, :_N] + missed, reported)


# Of a printed 0 where nothing is known of 2014.
_TRACE = 1e-4


@in_float64
def unrounded(
    pieces: Pieces, t: int, expected: Float[np.ndarray, "43 112 61"]
) -> Countries:
    """Cells within their bounds that meet output less exports, and the totals of users.

    ``expected`` is what a cell printed as 0 is likely to hold.
    """
    table = pieces.national[:, t]
    output, exports, users = table[:, 119, :_N], table[:, :_N, 61], table[:, 112, :61]
    cells = table[:, :112, :61]
    trace = (expected <= 0) & (users > 0)[:, None]
    expected = np.where(trace, _TRACE, expected)
    expected[:, :_N] *= (output > 0)[:, :, None]
    zero = cells == 0
    p = np.where(zero, np.clip(expected, 0, 0.5), cells)
    q = np.where(zero, np.clip(p, 1e-3, 0.5) / 2, 1 / 12)
    q = np.where(zero & (expected <= 0), 0, q)
    low = np.where(zero, 0, cells - 0.5)
    high = np.where(zero, 0.5, cells + 0.5)
    low[..., 60] -= np.where(zero[..., 60], 0.5, 0)  # inventories have either sign
    rows = np.where(output > 0, output - exports, 0)
    found = np.asarray(_undo(p, q, low, high, rows, users))
    return Countries(
        home=found[:, :_N],
        imported=found[:, _N:],
        exports=np.maximum(exports, 0),
        output=output,
        added=_added(table, table[:, 117, :_N]),
    )
