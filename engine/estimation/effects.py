"""The effects of a model on its rows, and columns net of them.

Effects that the clusters nest (countries in countries) are taken out within each of
their units, and so are slopes that each unit has (trends, loadings of factors): exact
whatever weight a cluster gets. The other effects, such as years, become dummies, less
those that they imply. Where these would be many, pyfixest takes all effects out at
once, and no cluster can be left out or drawn. Weights multiply rows by their roots.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from ..core import TivaxError, root_logger_kept
from .regression_data import COLLINEAR, SEPARATE, net_of, of_norm_one, orthonormal

# Cells of dummies, and clusters of several nested effects, above which effects that are
# not drawn are taken out at once.
_DUMMIES, _UNITS = 5_000_000, 2_000


def is_nested(effect: Int[np.ndarray, " n"], cluster: Int[np.ndarray, " n"]) -> bool:
    """True if all rows of a value of the effect are of one cluster; both in numbers
    from 0."""
    one = np.zeros(effect.max(initial=0) + 1, int)
    one[effect] = cluster
    return bool((one[effect] == cluster).all())


def effect_dummies(codes: Int[np.ndarray, "n e"]) -> Float[np.ndarray, "n d"]:
    """A dummy for each value of effects in numbers from 0."""
    parts = [np.zeros((len(codes), 0))]
    for code in codes.T:
        # The last is the one that the others imply: of all, the most used, so that few
        # subsets of the clusters are without it.
        order = np.argsort(np.bincount(code), kind="stable")
        parts.append((code[:, None] == order).astype(float))
    return np.hstack(parts)


def sums_by(
    code: Int[np.ndarray, " n"], rows: Float[np.ndarray, "n m"]
) -> Float[np.ndarray, "G m"]:
    """Sums of the rows of each number."""
    groups = code.max() + 1
    columns = [np.bincount(code, column, groups) for column in rows.T]
    return np.stack(columns, axis=1) if columns else np.zeros((groups, 0))


def root_weights(w: Float[np.ndarray, " n"], name: str) -> Float[np.ndarray, " n"]:
    """Roots of weights that are 1 in the mean; ``TivaxError`` for one below 0 or 0."""
    if not (w > 0).all():
        raise TivaxError(f"weights {name}: {w.min():.4g} is not positive")
    return np.sqrt(w / w.mean())


@dataclass(frozen=True, eq=False)
class Effects:
    """The effects of a model on its rows.

    Attributes
    ----------
    cluster
        Number of each row's cluster.
    root
        Roots of the rows' weights.
    nested, crossed
        Effects that the clusters nest, and the others.
    units, codes
        Number of each row's value of the nested effects, and of the crossed ones.
    slopes
        Rows of each unit, and an orthonormal basis of its slopes there.
    demeaned
        True where all effects are taken out at once, without dummies.
    """

    cluster: Int[np.ndarray, " n"]
    root: Float[np.ndarray, " n"]
    nested: tuple[str, ...]
    crossed: tuple[str, ...]
    units: Int[np.ndarray, "n e"]
    codes: Int[np.ndarray, "n c"]
    slopes: tuple[tuple[Int[np.ndarray, " r"], Float[np.ndarray, "r s"]], ...] = ()
    demeaned: bool = False

    @classmethod
    def of(
        cls,
        used: pd.DataFrame,
        effects: Sequence[str],
        cluster: Int[np.ndarray, " n"],
        *,
        root: Float[np.ndarray, " n"] | None = None,
        slopes: Sequence[str] = (),
        drawn: bool = True,
    ) -> Self:
        """Effects of rows.

        ``slopes`` are columns with a coefficient in each unit of the only effect that
        the clusters nest; ``TivaxError`` where there are more such effects, or none.
        Effects of many values have no dummies unless they are ``drawn``.
        """
        codes = {k: pd.factorize(used[k], sort=True)[0] for k in effects}
        nested = tuple(k for k in effects if is_nested(codes[k], cluster))
        crossed = tuple(k for k in effects if k not in nested)
        if slopes and len(nested) != 1:
            raise TivaxError("slopes of units take one effect that the clusters nest")
        none = np.zeros((len(used), 0), int)
        units, others = (
            np.column_stack([none, *(codes[k] for k in names)])
            for names in (nested, crossed)
        )
        root = np.ones(len(used)) if root is None else root
        made = cls(cluster, root, nested, crossed, units, others)
        if not drawn and not slopes:
            many = made.levels * len(used) > _DUMMIES
            many |= len(nested) > 1 and int(cluster.max()) >= _UNITS
            made = replace(made, demeaned=many)
        if slopes:
            made = replace(made, slopes=made._bases(used[[*slopes]].to_numpy(float)))
        return made

    @property
    def levels(self) -> int:
        """Values of the crossed effects, less one of each."""
        return int(self.codes.max(axis=0, initial=0).sum())

    @cached_property
    def _spans(self) -> tuple[Float[np.ndarray, "n d"], Float[np.ndarray, "n d"]]:
        if self.demeaned:
            return np.zeros((len(self.codes), 0)), np.zeros((len(self.codes), 0))
        constant = np.ones((len(self.codes), int(not self.nested)))
        every = self.within(np.hstack([constant, effect_dummies(self.codes)]))
        basis, left = orthonormal(of_norm_one(every))
        kept = left >= SEPARATE
        return every[:, kept], basis[:, kept]

    @property
    def dummies(self) -> Float[np.ndarray, "n d"]:
        """The dummies of the crossed effects, or a constant where nothing is nested:
        those that the others do not imply, net of nested effects and slopes."""
        return self._spans[0]

    @property
    def basis(self) -> Float[np.ndarray, "n d"]:
        """An orthonormal basis of the dummies."""
        return self._spans[1]

    def _bases(
        self, own: Float[np.ndarray, "n s"]
    ) -> tuple[tuple[Int[np.ndarray, " r"], Float[np.ndarray, "r s"]], ...]:
        """An orthonormal basis of the slopes of each unit, net of its effect."""
        unit = self.units[:, 0]
        order = np.argsort(unit, kind="stable")
        found = []
        for rows in np.split(order, np.flatnonzero(np.diff(unit[order])) + 1):
            w = self.root[rows, None]
            constant, S = w / np.linalg.norm(w), own[rows] * w
            level = np.linalg.norm(S, axis=0)
            S = of_norm_one(S - constant @ (constant.T @ S), level)
            basis = orthonormal(S).basis
            found.append((rows, basis[:, basis.any(axis=0)]))
        return tuple(found)

    @property
    def k(self) -> int:
        """Stata's count of parameters: slopes and dummies, and 1 for nested effects."""
        if self.demeaned:
            return 1 + self.levels
        slopes = sum(basis.shape[1] for _, basis in self.slopes)
        return self.dummies.shape[1] + slopes + bool(self.nested)

    @property
    def count(self) -> int:
        """Parameters of all effects and slopes as libraries count them: values of each
        effect less one, and a constant."""
        slopes = sum(basis.shape[1] for _, basis in self.slopes)
        return 1 + slopes + self.levels + int(self.units.max(axis=0, initial=0).sum())

    @property
    def absorbed(self) -> int:
        """Number of parameters of the nested effects, of which ``k`` counts one."""
        if len(self.nested) < 2:
            return int(self.units.max() + 1) if self.nested else 0
        return int(np.linalg.matrix_rank(effect_dummies(self.units)))

    def within(self, columns: Float[np.ndarray, "n m"]) -> Float[np.ndarray, "n m"]:
        """Columns times the roots of the weights, net of nested effects and slopes; 0
        where a few passes of rounding are all that is left."""
        columns = columns * self.root[:, None]
        level = np.linalg.norm(columns, axis=0)
        left = (self._demeaned if self.demeaned else self._within_units)(columns)
        left[:, np.linalg.norm(left, axis=0) <= COLLINEAR * level] = 0
        return left

    def _demeaned(self, columns: Float[np.ndarray, "n m"]) -> Float[np.ndarray, "n m"]:
        """Net of all effects at once, by pyfixest."""
        with root_logger_kept():
            from pyfixest.core.demean import demean_within

        codes = np.hstack([self.units, self.codes]).astype(np.uint32)
        left, sound, _ = demean_within(
            columns / self.root[:, None], codes, self.root**2, tol=1e-10
        )
        if not sound:
            names = " and ".join([*self.nested, *self.crossed])
            raise TivaxError(f"effects of {names}: demeaning does not end; drop one")
        return left * self.root[:, None]

    def _within_units(
        self, columns: Float[np.ndarray, "n m"]
    ) -> Float[np.ndarray, "n m"]:
        if not self.nested:
            return columns
        if len(self.nested) > 1:
            left = columns.copy()
            for g in range(self.cluster.max() + 1):
                rows = self.cluster == g
                own = [np.unique(k, return_inverse=True)[1] for k in self.units[rows].T]
                D = effect_dummies(np.column_stack(own)) * self.root[rows, None]
                left[rows] -= D @ np.linalg.lstsq(D, columns[rows], rcond=None)[0]
            return left
        code, root = self.units[:, 0], self.root[:, None]
        sums = sums_by(code, root * columns)
        size = np.bincount(code, self.root**2)
        left = columns - root * (sums / size[:, None])[code]
        for rows, basis in self.slopes:
            left[rows] -= basis @ (basis.T @ left[rows])
        return left

    def without_dummies(
        self, left: Float[np.ndarray, "n m"]
    ) -> Float[np.ndarray, "n m"]:
        """Columns that ``within`` gave, net of the crossed effects as well."""
        return net_of(left, self.basis)
