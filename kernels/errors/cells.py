"""Errors of cells by themselves, or of groups of rows together: variances and draws.

For independent errors of variance S,

    Cov = sum over p, q of (a_p o a_q)' S (b_p o b_q),

a few products of S with a vector for each measure. Symbols of ``kernels.errors.kind``.
A draw of lognormal errors is F (exp(s e - s^2 / 2) - 1), s^2 = log(1 + sigma^2); one of
deviations that are given sigma e, e normal.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..gras import gras
from ..sensitivity import Gradients
from .kind import (
    WHOLE,
    Cells,
    Covariance,
    DrawnSigns,
    ErrorDraw,
    First,
    Keys,
    OneKey,
    SlabRows,
    Table,
    of_cells,
    signs_of,
)
from .margins import HeldSums, balanced, in_margins
from .random_cells import normals

# Balancing to 1e-10 leaves a margin below what is promised.
_TOLERANCE = 1e-10


@jax.jit
def lognormal_variances(
    Z: Float[Array, "r n"],
    Y: Float[Array, "r c"],
    a: Float[Array, ""],
    b: Float[Array, ""],
) -> Float[Array, "r N"]:
    """(z a z^-b)^2 for every cell, of the size of those below 0; 0 stays 0."""
    size = jnp.abs(jnp.concatenate([Z, Y], axis=1))
    logarithm = jnp.log(jnp.where(size > 0, size, 1))
    return jnp.where(size > 0, a**2 * jnp.exp((2 - 2 * b) * logarithm), 0)


def independent(S: Float[Array, "n N"], gradients: Gradients) -> Covariance:
    """Covariances of the f measures for independent errors of variance ``S``.

    A sum over rows, in the precision of ``S``: a standard error needs six digits, and
    the products with S are most of the work.
    """
    left, right, added, of = (k.astype(S.dtype) for k in gradients)
    first, second = np.triu_indices(len(left))
    used = (right[first] * right[second]) @ S.T
    upper = jnp.einsum("kmn,kmn,kn->km", left[first], left[second], used)
    pairs = jnp.zeros((len(left), len(left), left.shape[1]), S.dtype)
    pairs = pairs.at[first, second].set(upper).at[second, first].set(upper)
    terms = jnp.einsum("pf,pqm,qg->fgm", of, pairs, of)
    # Against -1 added': the sum over i of S_ij a_i.
    reached = right[:, None, :] * (left @ S)
    mixed = jnp.einsum("pf,pmN,gmN->fgm", of, reached, added)
    corner = jnp.einsum("fmN,gmN,N->fgm", added, added, S.sum(axis=0))
    return terms - mixed - jnp.swapaxes(mixed, 0, 1) + corner


class IndependentErrors(NamedTuple):
    """Variances of cells, and the margins that they are balanced to."""

    S: Float[Array, "r N"]
    held: HeldSums

    order = 1

    @property
    def variances(self) -> Float[Array, "r N"]:
        return self.S

    def effects(self, gradients: Gradients, slab: SlabRows = WHOLE) -> Covariance:
        own, _ = balanced(self.S, self.held, gradients, slab.columns)
        return independent(self.S, own).astype(gradients.left.dtype)

    def covariance(self, effects: Covariance) -> Covariance:
        return effects

    def signs(self, keys: Keys, F: Cells, first: First = None) -> DrawnSigns:
        S = self.S.astype(F.dtype)
        found = jnp.sqrt(S) * signs_of(next(keys), S.shape, F.dtype, first)
        return DrawnSigns(in_margins(S, self.held, found))


GroupEffects = Float[Array, "f m g"]


class SharedErrors(NamedTuple):
    """Deviations of cells that err together by group of rows: sigma_ij z_g, one draw z
    for all rows of a group. ``group[i, g]`` is 1 where row i belongs to group g."""

    sigma: Float[Array, "r N"]
    group: Float[Array, "r g"]
    held: HeldSums

    order = 2

    @property
    def variances(self) -> Float[Array, "r N"]:
        return self.sigma**2

    def effects(self, gradients: Gradients, slab: SlabRows = WHOLE) -> GroupEffects:
        """Effects on the measures of one draw for each group of rows."""
        own, _ = balanced(self.variances, self.held, gradients, slab.columns)
        left, right, added, of = own
        moved = left * (right @ self.sigma.T)[:, None, :]
        by_group = jnp.einsum("pf,pmn,ng->fmg", of, moved, self.group)
        return by_group - jnp.einsum("fmN,gN->fmg", added, self.group.T @ self.sigma)

    def covariance(self, effects: GroupEffects) -> Covariance:
        return jnp.einsum("fmk,gmk->fgm", effects, effects)

    def signs(self, keys: Keys, F: Cells, first: First = None) -> DrawnSigns:
        of_row = self.group @ signs_of(next(keys), self.group.shape[1:], F.dtype)
        cells = in_margins(self.variances, self.held, self.sigma * of_row[:, None])
        return DrawnSigns(cells)


# ------------------------------------------------------------------- distributions


class Totals(NamedTuple):
    """Cells in full precision and the sums that are held; None is not."""

    F: Float[Array, "n N"]
    rows: Float[Array, " n"] | None
    columns: Float[Array, " N"] | None


class LognormalDraws(NamedTuple):
    """``s`` of each cell, or of all; ``group`` as in ``SharedErrors``, None where every
    cell errs by itself."""

    s: Float[Array, "n N"] | Float[Array, ""]
    group: Float[Array, "n g"] | None
    totals: Totals | None

    far = True

    def draw(self, key: OneKey, table: Table) -> ErrorDraw:
        """Errors of cells, balanced by GRAS where totals are held."""
        s, totals, F = self.s, self.totals, jnp.concatenate(table, axis=1)
        e = normals(key, F.shape, self.group)
        growth = jnp.exp(s * e - s**2 / 2)
        if totals is None:
            return of_cells(F * (growth - 1), table)
        full, *sums = totals
        found = gras(full * growth.astype(full.dtype), *sums, tolerance=_TOLERANCE)
        return of_cells(found.cells - full, table)._replace(gap=found.gap)


class GivenDraws(NamedTuple):
    """Standard deviations of cells, and variances for margins that are held."""

    sigma: Float[Array, "n N"]
    group: Float[Array, "n g"] | None
    S: Float[Array, "n N"] | None
    held: HeldSums

    far = True

    def draw(self, key: OneKey, table: Table) -> ErrorDraw:
        e = normals(key, self.sigma.shape, self.group)
        return of_cells(normal_in_margins(self.S, self.held, self.sigma * e), table)


def normal_in_margins(
    S: Float[Array, "n N"] | None, held: HeldSums, errors: Float[Array, "n N"]
) -> Float[Array, "n N"]:
    """Errors that leave the margins as they are, by least squares with weights 1 / S:
    for normal errors that is their distribution given the margins."""
    return errors if S is None else in_margins(S, held, errors.astype(S.dtype))
