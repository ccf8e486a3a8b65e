"""Standard errors of four indicators from rounding, a second time: NumPy, one year.

Upstreamness, downstreamness, F/GO and VA/GO of every industry, net of inventories, from
a table in whole units whose cells of 0 were filled (``engine.tables.derounding``). What
``with_errors`` averages over draws is here summed over cells, by formulas that
are written for these four:

    U = 1 + Delta U,   Delta_ij = z_ij / (x_i - N_i)    (rows: U, F/GO)
    D = 1 + A'D,       A_ij = z_ij (x_i / (x_i - N_i)) / x_j    (columns: D, VA/GO)

The variance is kept in three parts: of cells, output and inventories by themselves; per
unit of variance of what a user gets; and of what a use gets of a good.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

import tivax as tx

from ...engine.tables.inventories import inventory_categories

MEASURES = ("U", "D", "FGO", "VAGO")
_ROUNDED = 1 / 12

Vector = Float[np.ndarray, " n"]


class Parts(NamedTuple):
    """A variance in parts, for every industry."""

    alone: Vector
    users: Vector
    uses: Vector

    def deviation(self, user: float, use: float) -> Vector:
        """The standard error for these relative deviations."""
        variance = self.alone + user**2 * self.users + use**2 * self.uses
        return np.sqrt(np.maximum(variance, 0))


class FilledYear:
    """The four measures of a table with its cells of 0 filled, and their variances."""

    def __init__(self, rounded: tx.WorldTable, filled: tx.WorldTable) -> None:
        stocks = np.isin(rounded.categories, inventory_categories(rounded.categories))
        n, c = len(rounded.x), len(rounded.regions)
        self.c, self.s, self.f = c, len(rounded.sectors), int((~stocks).sum())
        x = self.x = rounded.x
        N = rounded.Y[:, :, stocks].sum(axis=(1, 2))
        before, after = (
            np.hstack([k.Z, k.Y[:, :, ~stocks].reshape(n, -1)])
            for k in (rounded, filled)
        )
        self.F = after
        self.m = np.where(before == 0, after, 0)
        self.S = np.where(before != 0, _ROUNDED, self.m**2)
        self.SN = _ROUNDED * (rounded.Y[:, :, stocks] != 0).sum(axis=(1, 2))
        self.Sx = np.where(x > 0, _ROUNDED, 0)
        self.R = _positive(self.S.sum(axis=1) + self.SN + self.Sx)
        self.sold = np.where(x - N > 1e-6 * x, x - N, 1.0)
        self.growth = np.where(x - N > 1e-6 * x, x / self.sold, 1.0)
        self.xs = _positive(x)
        Z = after[:, :n]
        self.A = Z * self.growth[:, None] / self.xs[None, :]
        self.Delta = Z / self.sold[:, None]
        one = np.eye(n)
        self.H, self.L = np.linalg.inv(one - self.Delta), np.linalg.inv(one - self.A)
        self.values = {
            "U": self.H.sum(axis=1),
            "D": self.L.sum(axis=0),
            "FGO": after[:, n:].sum(axis=1) / self.sold,
            "VAGO": 1 - self.A.sum(axis=0),
        }

    def variances(self) -> dict[str, Parts]:
        """Variances of the four measures."""
        n = len(self.x)
        final = np.concatenate([np.zeros(n), np.ones(self.F.shape[1] - n)])
        U = np.where(final, 0, np.pad(self.values["U"], (0, len(final) - n)))
        one = np.eye(n)
        return {
            "U": self._of_rows(U, self.values["U"] - 1, self.H),
            "FGO": self._of_rows(final, self.values["FGO"], one),
            "D": self._of_columns(self.values["D"], self.L),
            "VAGO": self._of_columns(np.ones(n), one),
        }

    def _of_rows(self, g: np.ndarray, level: Vector, weight: np.ndarray) -> Parts:
        """Variances of sums over rows k, where each row adds up, of
        weight_ik (sum_j g_j dz_kj - level_k d(x - N)_k) / (x - N)_k."""
        n = len(self.x)
        beside = (self.SN + self.Sx) * level
        mean = (self.S @ g + beside) / self.R
        row = self.S @ g**2 + beside * level - self.R * mean**2
        W = weight / self.sold[None, :]
        apart = self.m * (g - ((self.m @ g) / _positive(self.m.sum(axis=1)))[:, None])
        users = W @ apart
        goods = np.einsum(
            "irg,rgu->igu", W.reshape(n, self.c, self.s), self._by_use(apart)
        )
        return Parts(W**2 @ row, (users**2).sum(axis=1), (goods**2).sum(axis=(1, 2)))

    def _of_columns(self, h: Vector, weight: np.ndarray) -> Parts:
        """Variances of sums over cells of h_i growth_i dz_ik weight_kj / x_k, given
        that each row adds up."""
        n, c, s = len(self.x), self.c, self.s
        k = self.growth * h
        Q = weight / self.xs[:, None]
        S, m, Z = self.S[:, :n], self.m[:, :n], self.F[:, :n]
        # Derivatives with respect to N and x, through the growth of the row and 1 / x.
        row = (k[:, None] * Z) @ Q
        by_stock = row / self.sold[:, None]
        by_output = row * (1 / self.xs - 1 / self.sold)[:, None]
        by_output = by_output - weight * ((k @ Z) / self.xs**2)[:, None]
        mean = (k[:, None] * (S @ Q) + self.SN[:, None] * by_stock) / self.R[:, None]
        mean = mean - self.Sx[:, None] * by_output / self.R[:, None]
        alone = (k**2 @ S) @ Q**2 + self.SN @ by_stock**2 + self.Sx @ by_output**2
        alone = alone - self.R @ mean**2

        total = _positive(self.m.sum(axis=1))
        spread = (k / total)[:, None] * (m @ Q)
        own = np.vstack([(k @ m)[:, None] * Q, np.zeros((self.F.shape[1] - n, n))])
        users = own - self.m.T @ spread
        # Of each good: what its sellers' filled cells of a use make, less the mean.
        sold = (k[:, None] * m).reshape(c, s, c, s).sum(axis=0)
        inside = np.einsum("gqu,quj->guj", sold, Q.reshape(c, s, n))
        goods = -np.einsum(
            "rgu,rgj->guj", self._by_use(self.m), spread.reshape(c, s, n)
        )
        goods[:, :s] += inside
        return Parts(alone, (users**2).sum(axis=0), (goods**2).sum(axis=(0, 1)))

    def _by_use(self, cells: np.ndarray) -> np.ndarray:
        """Cells by seller, good and use, summed over the regions of the users."""
        n, c = len(self.x), self.c
        parts = cells[:, :n].reshape(n, c, -1), cells[:, n:].reshape(n, c, self.f)
        by_use = np.hstack([k.sum(axis=1) for k in parts])
        return by_use.reshape(c, self.s, -1)


def _positive(values: np.ndarray) -> np.ndarray:
    return np.where(values > 0, values, 1.0)
