"""A kind of error as kernels see it: covariances, signs and draws of the cells F.

F = (Z, Y) side by side, n x (n + c), or r of its rows. With G the gradient of a measure
by cell of F (``kernels.sensitivity``) and e the errors, dJ = sum of G o e, so that
Cov(J, J') is a bilinear form in G and G'. As gradients are sums of a few outer products
a_p b_p', no form needs the cells of G.

Errors of a year add up, as independent of each other.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int, Key

from ..sensitivity import Gradients

Covariance = Float[Array, "f f m"]
Effects = Array | tuple[Array, ...]
OneKey = Key[Array, ""]
Keys = Iterator[OneKey]
Cells = Float[Array, "r N"]
First = Int[Array, ""] | None
Table = tuple[Float[Array, "r n"], Float[Array, "r c"]]


class SlabRows(NamedTuple):
    """Rows of a year beside their gradients, for those errors that need them.

    ``by_output`` is the derivative by reported output, ``table`` Z and Y, ``columns``
    the multipliers of columns that slabs hold together (``margins.of_columns``).
    """

    by_output: Float[Array, "f m r"] | None = None
    table: Table | None = None
    columns: Float[Array, "f m N"] | None = None


WHOLE = SlabRows()
"""A year that is one slab, of errors that need nothing but gradients."""


class DrawnSigns(NamedTuple):
    """Changes of cells that are computed with, and of reported output."""

    cells: Float[Array, "r N"]
    output: Float[Array, " r"] | float = 0.0


@runtime_checkable
class CellErrors(Protocol):
    """Errors of some rows; ``order`` is the turn of their signs in a year's draw."""

    @property
    def order(self) -> int: ...

    def effects(self, gradients: Gradients, slab: SlabRows = WHOLE) -> Effects:
        """Sums over rows that ``covariance`` is made of; ``gradients.left`` has these
        rows."""
        ...

    def covariance(self, effects: Any) -> Covariance:
        """Covariances of the f measures, from the sums over all rows."""
        ...

    def signs(self, keys: Keys, F: Cells, first: First = None) -> DrawnSigns:
        """Errors with the covariances of the model, made of signs.

        Squares of signs are 1, so that the average of (dJ)^2 over draws is the variance
        of the delta method, whatever the distribution; where few cells matter it is
        exact after few draws. Not for quantiles. Rows from number ``first`` on have
        signs of their own, and those of the year for what rows share.
        """
        ...


def drawn_signs(
    key: Key[Array, ""], errors: Sequence[CellErrors], F: Float[Array, "n N"]
) -> DrawnSigns:
    """Signs of all errors of a year, in their order."""
    keys = keys_of(key)
    cells, output = jnp.zeros_like(F), jnp.zeros(len(F), F.dtype)
    for each in sorted(errors, key=lambda k: k.order):
        one = each.signs(keys, F)
        cells, output = cells + one.cells, output + one.output
    return DrawnSigns(cells, output)


# Keys of a draw of signs: more than a model with a dozen errors takes.
_KEYS = 64


def keys_of(key: Key[Array, ""]) -> Keys:
    """Keys one after another; the first do not depend on their number."""
    return iter(jax.random.split(key, _KEYS))


def signs_of(
    key: Key[Array, ""],
    shape: tuple[int, ...],
    dtype: DTypeLike,
    first: Int[Array, ""] | None = None,
) -> Array:
    """1 and -1 with equal chance, 32 of a random number: a number each would take most
    of the time of a draw. Rows from number ``first`` on have their own."""
    key = key if first is None else jax.random.fold_in(key, first)
    count = math.prod(shape)
    words = jax.random.bits(key, (-(-count // 32), 1), jnp.uint32)
    bits = (words >> jnp.arange(32, dtype=jnp.uint32)[None, :]) & 1
    return (1 - 2 * bits.astype(dtype)).reshape(-1)[:count].reshape(shape)


# ------------------------------------------------------------------- distributions


@runtime_checkable
class ThinChange(Protocol):
    """Changes of Z as products of thin matrices, and those of Y."""

    @property
    def Y(self) -> Float[Array, "n c"]: ...

    @property
    def Z(self) -> Float[Array, "n n"]: ...

    def times(self, X: Float[Array, "n m"]) -> Float[Array, "n m"]:
        """The changes of Z times X, of which no n x n matrix is made."""
        ...


@runtime_checkable
class WideChange(ThinChange, Protocol):
    """The same where column sums of Z change, in the precision of the table."""

    @property
    def column_sums(self) -> Float[Array, " n"]: ...


class ErrorDraw(NamedTuple):
    """Changes of Z, of Y and of reported output, None without errors of its own; the
    gap of balancing, relative. ``thin`` and ``wide`` come on top of Z and Y."""

    Z: Float[Array, "n n"] | None = None
    Y: Float[Array, "n c"] | None = None
    x: Float[Array, " n"] | None = None
    gap: Float[Array, ""] | float = 0.0
    thin: tuple[ThinChange, ...] = ()
    wide: tuple[WideChange, ...] = ()


@runtime_checkable
class Distribution(Protocol):
    """Errors of a year for draws with mean 0 and the variances of the delta method.

    ``far``: a draw is too far from the table for the preconditioner of the table.
    """

    @property
    def far(self) -> bool: ...

    def draw(self, key: OneKey, table: Table) -> ErrorDraw: ...


class DrawsOfYear(NamedTuple):
    """Errors whose draws depend on the ``tag`` of a year, which is 0 of all years."""

    errors: Distribution
    tag: Int[Array, ""]

    @property
    def far(self) -> bool:
        return self.errors.far

    def draw(self, key: OneKey, table: Table) -> ErrorDraw:
        return self.errors.draw(jax.random.fold_in(key, self.tag), table)


def draw(
    key: Key[Array, ""],
    errors: Sequence[Distribution],
    Z: Float[Array, "n n"],
    Y: Float[Array, "n c"],
) -> ErrorDraw:
    """The sum of all errors, each drawn from the key and its place alone."""
    found = ErrorDraw(gap=jnp.zeros((), jnp.float64))
    for number, each in enumerate(errors):
        one = each.draw(jax.random.fold_in(key, number), (Z, Y))
        found = ErrorDraw(
            _sum(found.Z, one.Z),
            _sum(found.Y, one.Y),
            _sum(found.x, one.x),
            jnp.maximum(found.gap, jnp.asarray(one.gap, jnp.float64)),
            found.thin + one.thin,
            found.wide + one.wide,
        )
    return found


def _sum(a: Array | None, b: Array | None) -> Array | None:
    return b if a is None else a if b is None else a + b


def with_errors(
    drawn: ErrorDraw,
    Z: Float[Array, "n n"],
    Y: Float[Array, "n c"],
    x: Float[Array, " n"],
) -> tuple[Float[Array, "n n"], Float[Array, "n c"], Float[Array, " n"]]:
    """The table with these errors cell by cell, in its own precision."""
    parts = [*drawn.thin, *drawn.wide]
    for change in (drawn.Z, *(each.Z for each in parts)):
        Z = Z if change is None else Z + change.astype(Z.dtype)
    for change in (drawn.Y, *(each.Y for each in parts)):
        Y = Y if change is None else Y + change.astype(Y.dtype)
    return Z, Y, x if drawn.x is None else x + drawn.x.astype(x.dtype)


def of_cells(cells: Float[Array, "n N"], table: Table) -> ErrorDraw:
    """A draw of all cells, in the precision of the table."""
    cells, n = cells.astype(table[0].dtype), len(cells)
    return ErrorDraw(cells[:, :n], cells[:, n:])
