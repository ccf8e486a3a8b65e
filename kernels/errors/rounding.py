"""Errors of rounded tables: cells, output, inventories left out, and cells filled.

A rounded cell is uniform within half a unit. Rounding also removed cells, which are
filled with their expected values m_ij, which make up what each row misses
(``engine.tables.derounding``). In draws such a cell is exponential within [0, 1/2), the
distribution of a positive cell of known mean that says least. The true ones differ by
more than chance cell by cell: a user may buy more in small amounts than its cells of 1
suggest, and all sellers of a good may sell more of it to some use than to another. With
g the good that row i sells and u the use of column j (a using industry or a category of
final demand, whatever the region),

    z_ij = m_ij (1 + c_j + b_gu - mean_i),

c_j and b_gu independent with standard deviations ``user`` and ``use``, and mean_i the
m-weighted mean of c_j + b_gu in the row, since what a row misses is known. A measure
with the gradient G moves by

    sum over j of c_j H_j  +  sum over g, u of b_gu H_gu,

H the sums over columns j, and over the cells of g and u, of m_ij (G_ij - mean_i G). For
G = sum of a_p b_p' both are products of m with thin matrices.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..sensitivity import Gradients
from .cells import independent, normal_in_margins
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
from .margins import HeldSums, balanced, in_margins, multipliers, of_row_totals
from .random_cells import rounded, uniform


class Stocks(NamedTuple):
    """Variances of inventories N that were left out.

    Rows were then multiplied by x / (x - N), whose logarithm has the derivatives
    ``per_output`` and ``per_stock``.
    """

    variance: Float[Array, " r"]
    per_output: Float[Array, " r"]
    per_stock: Float[Array, " r"]


class RoundedErrors(NamedTuple):
    """Variances S of cells, ``output`` of reported output, and stocks if there are any.

    With ``growth``, what a row was multiplied by, its cells and N add up to x, and are
    held to that.
    """

    S: Float[Array, "r N"]
    held: HeldSums
    output: Float[Array, " r"]
    stocks: Stocks | None = None
    growth: Float[Array, " r"] | None = None

    order = 0

    @property
    def variances(self) -> Float[Array, "r N"]:
        return self.S

    def effects(self, gradients: Gradients, slab: SlabRows = WHOLE) -> Covariance:
        by_output, table, columns = slab
        assert by_output is not None and table is not None
        by_stock, stocks = jnp.zeros_like(by_output), jnp.zeros_like(self.output)
        if self.stocks is not None:
            stocks = self.stocks.variance
            rows = of_row_totals(gradients, jnp.concatenate(table, axis=1))
            by_output = by_output + rows * self.stocks.per_output[None, None, :]
            by_stock = rows * self.stocks.per_stock[None, None, :]
        beside, growth = None, self.growth
        if growth is not None:
            beside = (growth * stocks)[None, None, :] * by_stock
            beside -= (growth * self.output)[None, None, :] * by_output
        own, of_rows = balanced(self.S, self.held, gradients, columns, beside)
        total = independent(self.S, own).astype(gradients.left.dtype)
        if growth is not None and of_rows is not None:
            moved = growth[None, None, :] * of_rows
            by_output, by_stock = by_output + moved, by_stock - moved
        total += jnp.einsum("fmn,gmn,n->fgm", by_output, by_output, self.output)
        return total + jnp.einsum("fmn,gmn,n->fgm", by_stock, by_stock, stocks)

    def covariance(self, effects: Covariance) -> Covariance:
        return effects

    def signs(self, keys: Keys, F: Cells, first: First = None) -> DrawnSigns:
        def deviations(variance: Float[Array, "..."]) -> Float[Array, "..."]:
            own = signs_of(next(keys), variance.shape, F.dtype, first)
            return jnp.sqrt(variance) * own

        output, stock = deviations(self.output), jnp.zeros_like(self.output)
        if self.stocks is not None:
            stock = deviations(self.stocks.variance)
        S, growth = self.S.astype(F.dtype), self.growth
        cells = deviations(S)
        if growth is None:
            cells = in_margins(S, self.held, cells)
        else:
            a, b = multipliers(S, self.held, cells, growth * (stock - output))
            cells -= S * (a[:, None] + b[None, :])
            output = output + growth * self.output * a
            if self.stocks is not None:
                stock = stock - growth * self.stocks.variance * a
        if self.stocks is not None:
            per_output, per_stock = self.stocks[1:]
            cells += F * (per_output * output + per_stock * stock)[:, None]
        return DrawnSigns(cells, output)


FilledEffects = tuple[Float[Array, "f m k"], Float[Array, "f m s u"]]


class FilledErrors(NamedTuple):
    """Cells that were filled, and how far their shares are off.

    cells
        Expected values, 0 elsewhere: of Z, then of each category of final demand by
        region, (n, n + c f).
    good, use
        1 where a row sells a good, (n, s), and where a column is of a use, (k, s + f):
        the s industries of each region in turn, then the f categories of each.
    user_deviation, use_deviation
        Relative standard deviations of c and b.
    """

    cells: Float[Array, "r k"]
    good: Float[Array, "r s"]
    use: Float[Array, "k u"]
    user_deviation: Float[Array, ""]
    use_deviation: Float[Array, ""]

    order = 4

    def effects(self, gradients: Gradients, slab: SlabRows = WHOLE) -> FilledEffects:
        """The derivatives H_j and H_gu of f measures for m cases each."""
        m, good, use = self.cells, self.good, self.use
        left, right, added, of = gradients
        k, n = len(use), right.shape[1] - len(use) // use.shape[1]
        cases = added.shape[:2]
        b = _by_category(right, n, k)
        a = _by_category(added.reshape(-1, added.shape[2]), n, k).reshape(*cases, k)
        share = self._share
        mean_b = (b @ m.T) * share[None, :]
        mean_a = (a @ m.T) * share[None, None, :]

        column = (left @ m) * b[:, None, :] - (left * mean_b[:, None, :]) @ m
        by_user = jnp.einsum("pf,pmk->fmk", of, column)
        by_user = by_user - (a * m.sum(axis=0)[None, None, :] - mean_a @ m)

        sold = m @ use
        inside = jnp.einsum("nk,pk,ku->pnu", m, b, use)
        inside = inside - mean_b[:, :, None] * sold[None]
        by_use = jnp.einsum("pf,pmn,ns,pnu->fmsu", of, left, good, inside)
        at = jnp.einsum("fmk,sk,ku->fmsu", a, good.T @ m, use)
        at = at - jnp.einsum("fmn,ns,nu->fmsu", mean_a, good, sold)
        return by_user, by_use - at

    def covariance(self, effects: FilledEffects) -> Covariance:
        by_user, by_use = effects
        users = jnp.einsum("fmk,gmk->fgm", by_user, by_user)
        uses = jnp.einsum("fmsu,gmsu->fgm", by_use, by_use)
        return self.user_deviation**2 * users + self.use_deviation**2 * uses

    def signs(self, keys: Keys, F: Cells, first: First = None) -> DrawnSigns:
        users, uses = (
            signs_of(next(keys), k, F.dtype) for k in (self.use.shape[:1], self._uses)
        )
        return DrawnSigns(self.in_cells(users, uses))

    @property
    def _uses(self) -> tuple[int, int]:
        return self.good.shape[1], self.use.shape[1]

    @property
    def _share(self) -> Float[Array, " r"]:
        total = self.cells.sum(axis=1)
        return jnp.where(total > 0, 1 / jnp.where(total > 0, total, 1), 0)

    def in_cells(
        self, users: Float[Array, " k"], uses: Float[Array, "s u"]
    ) -> Float[Array, "r N"]:
        """Errors of the cells of Z and Y for standardized c and b."""
        m, (r, k) = self.cells, self.cells.shape
        s, u = self._uses
        f, c = u - s, k // u
        n = c * s
        # By region of the user and use there, so that no cell is looked up.
        by_user = self.user_deviation * users
        by_use = self.use_deviation * self.good @ uses
        shapes = (r, c, s), (r, c, f)
        split = zip(jnp.split(m, [n], 1), shapes, strict=True)
        cells = [q.reshape(shape) for q, shape in split]
        relative = [
            q.reshape(1, *shape[1:]) + b[:, None, :]
            for q, b, shape in zip(
                jnp.split(by_user, [n]), jnp.split(by_use, [s], 1), shapes, strict=True
            )
        ]
        mean = sum(
            ((q * e).sum(axis=(1, 2)) for q, e in zip(cells, relative, strict=True)),
            jnp.zeros(r, m.dtype),
        )
        inputs, final = (
            q * (e - (mean * self._share)[:, None, None])
            for q, e in zip(cells, relative, strict=True)
        )
        return jnp.concatenate([inputs.reshape(r, n), final.sum(axis=2)], axis=1)


def _by_category(right: Float[Array, "p N"], n: int, k: int) -> Float[Array, "p k"]:
    """Columns of final demand repeated for each category."""
    f = (k - n) // max(right.shape[1] - n, 1)
    final = jnp.repeat(right[:, n:], f, axis=1, total_repeat_length=k - n)
    return jnp.concatenate([right[:, :n], final], axis=1)


class RoundedDraws(NamedTuple):
    """``rate`` of the exponential distribution within [0, 1/2), below 0 where its mean
    is above 1/4; 0 of a uniform distribution within half a unit; NaN without error.

    ``output`` is 1 where reported output is rounded as well. With ``filled`` cells a
    row adds up to its output, and is held to it.
    """

    rate: Float[Array, "n N"]
    S: Float[Array, "n N"] | None
    held: HeldSums
    output: Float[Array, " n"]
    filled: FilledErrors | None

    far = False

    def draw(self, key: OneKey, table: Table) -> ErrorDraw:
        """Errors of rounded cells and of output, given what rows add up to."""
        of_units, of_output, of_users, of_uses = jax.random.split(key, 4)
        cells = rounded(of_units, self.rate)
        off = uniform(of_output, (len(table[0]), 2))[:, 0] - 0.5
        output = self.output * off.astype(self.output.dtype)
        S, filled = self.S, self.filled
        if filled is None or S is None:
            cells = normal_in_margins(S, self.held, cells)
            return of_cells(cells, table)._replace(x=output)
        cells = cells.astype(S.dtype)
        a, b = multipliers(S, self.held, cells, -output)
        # What a row misses goes to cells and output by their variances.
        cells = cells - S * (a[:, None] + b[None, :])
        users = jax.random.normal(of_users, filled.use.shape[:1], filled.cells.dtype)
        shape = filled.good.shape[1], filled.use.shape[1]
        uses = jax.random.normal(of_uses, shape, filled.cells.dtype)
        together = filled.in_cells(users, uses).astype(cells.dtype)
        output = output + self.output / 12 * a
        return of_cells(cells + together, table)._replace(x=output)
