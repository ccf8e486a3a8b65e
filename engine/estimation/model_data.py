"""Groups of rows: their leverages, which coefficients they alone identify."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from ..core import Phrase, count_text

# Of a direction's leverage in one cluster, rounding; and of a coefficient that lies in
# such directions.
LEVERAGE, SHARE = 1e-9, 1e-6


class Block(NamedTuple):
    """The rows of one group, and 1 - H_gg = 1 - U (1 - left) U' there."""

    rows: Int[np.ndarray, " m"]
    U: Float[np.ndarray, "m r"]
    left: Float[np.ndarray, " r"]

    @classmethod
    def of(
        cls, rows: Int[np.ndarray, " m"], columns: Float[np.ndarray, "N p"]
    ) -> "Block":
        """The block of these rows, of columns that are orthonormal in all rows."""
        U, s, _ = np.linalg.svd(columns[rows], full_matrices=False)
        return cls(rows, U, 1 - s**2)

    def power(self, v: Float[np.ndarray, "m ..."], exponent: float) -> np.ndarray:
        """(I - H_gg)^exponent v; directions that the group alone identifies are out."""
        kept = self.left > LEVERAGE
        scale = np.where(kept, np.where(kept, self.left, 1) ** exponent, 0)
        return v + (self.U * (scale - 1)) @ (self.U.T @ v)

    def holds(self, H: Float[np.ndarray, "q N"]) -> Bool[np.ndarray, " q"]:
        """Flag coefficients of which this group alone identifies a part."""
        held = self.left <= LEVERAGE
        if not held.any():
            return np.zeros(len(H), bool)
        along = H[:, self.rows] @ self.U[:, held]
        return np.linalg.norm(along, axis=1) > SHARE * np.linalg.norm(H, axis=1)


def singly_identified(
    basis: Float[np.ndarray, "N p"],
    slopes: Float[np.ndarray, "q N"],
    cluster: Int[np.ndarray, " N"],
) -> Bool[np.ndarray, "q G"]:
    """Flag clusters that alone identify a part of a coefficient, slopes y: a direction
    of the columns is 0 in all other clusters, and the coefficient moves with it.

    ``basis`` is orthonormal and spans the columns and the slopes.
    """
    leverage = np.bincount(cluster, (basis**2).sum(axis=1))
    flags = np.zeros((len(slopes), len(leverage)), bool)
    # Directions of one cluster have a leverage of 1 there: few clusters have as much.
    for g in np.flatnonzero(leverage >= 1 - LEVERAGE):
        flags[:, g] = Block.of(np.flatnonzero(cluster == g), basis).holds(slopes)
    return flags


def alone_note(
    alone: Bool[np.ndarray, "q G"], terms: Sequence[str], labels: Sequence[object]
) -> str:
    """``CYP alone identifies a part of D: ...`` for each term; empty for none."""
    said = []
    for term, own in zip(terms, alone, strict=True):
        if own.any():
            named = ", ".join(str(labels[g]) for g in np.flatnonzero(own)[:3])
            key = "each of " * bool(own.sum() > 1) + _ALONE
            said.append(Phrase(key, names=named, term=term))
    return Phrase.listed(said)


_ALONE = (
    "{names} alone identifies a part of {term}, of which a clustered standard error "
    "says nothing"
)


def left_out_text(data: pd.DataFrame, used: pd.DataFrame) -> str:
    """``12 rows without invest left out``, the columns with most gaps first; empty
    where every row is used."""
    count = len(data) - len(used)
    gaps = data[[*used.columns]].isna().sum() if count else pd.Series(dtype=int)
    names = gaps[gaps > 0].sort_values(ascending=False, kind="stable").index
    named = " or ".join([*names[:3], *(["others"] if len(names) > 3 else [])])
    return f"{count_text(count, 'row')} without {named} left out" if count else ""
