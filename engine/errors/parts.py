"""One error of a model in one year: its covariances and its signs, slab by slab.

In memory a year is one slab. Rows of a table err independently but for groups of them,
and every covariance is a sum over rows: of each slab there is a sum, and what holds the
sums of columns takes one read more.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from ...kernels import sensitivity
from ...kernels.errors.import_shares import ImportShareErrors
from ...kernels.errors.kind import (
    CellErrors,
    DrawnSigns,
    Effects,
    SlabRows,
    Table,
    keys_of,
)
from ...kernels.errors.margins import column_sums, of_columns
from ...kernels.sensitivity import Gradients, Products
from ..core import TivaxError
from ..streaming import matrix_in_words
from .kinds import OfRows, OfYear
from .slabs import Slabs

# Perimeters of one case each whose products with a slab are one product.
_TOGETHER = 8


class Measures(Protocol):
    """f measures of b perimeters, and what their gradients are made of: a pytree.

    ``every`` has an axis b first; ``one_by_one``: a case each fills a product.
    """

    @property
    def products(self) -> Products: ...

    @property
    def residual(self) -> bool: ...

    @property
    def every(self) -> Any: ...

    @property
    def one_by_one(self) -> bool: ...

    def one(self, each: Any) -> tuple[Gradients, Float[Array, "f m n"]]:
        """Gradients of one perimeter, and their derivatives with respect to v."""
        ...


Signs = Iterator[tuple[int, Float[Array, "r N"], np.ndarray]]
"""A draw by slab: the first row, changes of cells and of output."""


class PartOfRows:
    """Errors that a slab has by itself; ``columns``: several hold sums of columns."""

    def __init__(self, kind: OfRows, year: Slabs, together: int) -> None:
        self._kind, self._year, self._together = kind, year, together
        self.alone = kind.alone
        self._held = kind.held(year)
        self.columns = self._held.columns and not year.whole
        if self._held.rows and self.columns:
            raise TivaxError(
                f"{year.year}: errors that leave sums of rows and of columns are "
                f"balanced by {matrix_in_words(year.tables.n)}, which the year is too "
                'large for; write margins = ["row"] or ["column"], or '
                "`tivax aggregate` first"
            )

    @cached_property
    def errors(self) -> tuple[CellErrors, ...]:
        """The errors of a year that is one slab."""
        return self._kind.errors(self._year.all, self._held, self._year)

    def _read(self) -> Iterator[tuple[int, tuple[CellErrors, ...], Table]]:
        """Slabs: their first rows, errors, and Z and Y."""
        if self._year.whole:
            yield 0, self.errors, self._year.all.table
            return
        for slab in self._year:
            errors = self._kind.errors(slab, self._held, self._year)
            yield slab.at.start, errors, slab.table

    def covariance(self, measures: Measures) -> Float[np.ndarray, "b f f m"]:
        output = columns = None
        if self._kind.moves_output and not self._year.whole:
            output = _by_output(measures, self._sum(_column_totals, measures)[0])
        if self.columns:
            (sums, C), _ = self._sum(_held_sums, measures)
            columns = of_columns(*jax.device_put((sums, C)))
        total, errors = self._sum(_effects, measures, output, columns)
        return np.asarray(_covariance(errors, total))

    def _sum(self, of_rows: Callable[..., Any], *given: Any) -> tuple[Any, Any]:
        """Sums over all slabs of what is made of their errors and flows, and the errors
        of the last."""
        total, errors = None, None
        for first, errors, table in self._read():
            at = np.int64(first)
            some = of_rows(errors, table, at, *given, together=self._together)
            if self._year.whole:
                return some, errors
            # In NumPy, which waits for it: the slab is overwritten.
            some = jax.device_get(some)
            total = some if total is None else jax.tree.map(np.add, total, some)
        return total, errors

    def signs(self, key: Key[Array, ""]) -> Signs:
        held = None
        if self.columns:
            sums, C = jnp.zeros(()), jnp.zeros(())
            for first, errors, _ in self._read():
                some, more = _sums_of_signs(key, errors, jnp.asarray(first))
                sums, C = sums + some, C + more
            held = of_columns(sums, C)
        for first, errors, table in self._read():
            drawn = _signs(key, errors, table, jnp.asarray(first), held)
            yield first, drawn.cells, np.asarray(drawn.output)


class PartOfYear:
    """Errors whose arrays are of the year as a whole."""

    def __init__(self, kind: OfYear, year: Slabs, together: int) -> None:
        self.errors, self._together = (kind.of_year(year),), together
        self.alone = kind.alone
        self._regions = (year.rows or 0) // len(year.tables.sectors)

    def covariance(self, measures: Measures) -> Float[np.ndarray, "b f f m"]:
        return np.asarray(_of_year(self.errors, measures, together=self._together))

    def signs(self, key: Key[Array, ""]) -> Signs:
        (errors,) = self.errors
        assert isinstance(errors, ImportShareErrors)
        for first, cells in errors.in_slabs(key, self._regions):
            yield first, cells, np.zeros(len(cells))


Part = PartOfRows | PartOfYear


def parts_of(kinds: Sequence[OfRows | OfYear], year: Slabs) -> list[Part]:
    """The errors of a model in one year.

    Raises ``TivaxError`` for errors that do not fit the tables, or that need a matrix
    of all cells where the year is read in slabs.
    """
    together = year.tables.n if year.whole else _TOGETHER
    if any(kind.alone for kind in kinds):
        together = 1
    return [
        PartOfRows(kind, year, together)
        if isinstance(kind, OfRows)
        else PartOfYear(kind, year, together)
        for kind in kinds
    ]


# ------------------------------------------------------------------------ of each slab


def _each(
    one: Callable[..., Any], measures: Measures, together: int, *given: Any
) -> Any:
    """``one`` of the gradients of each perimeter, of dJ/dv, and of what is given of it;
    several at a time where that is one product."""

    def of_one(each: Any) -> Any:
        return one(*measures.one(each[0]), *each[1:])

    every = measures.every, *given
    if measures.one_by_one or together == 1:
        return jax.lax.map(of_one, every)
    if len(jax.tree.leaves(every)[0]) <= together:
        return jax.vmap(of_one)(every)
    return jax.lax.map(of_one, every, batch_size=together)


def _of_rows(
    values: Float[Array, "k m n"], first: Int[Array, ""], table: Table
) -> Float[Array, "k m r"]:
    """The rows of a slab."""
    if values.shape[2] == len(table[0]):
        return values
    return jax.lax.dynamic_slice_in_dim(values, first, len(table[0]), axis=2)


def _rows(gradients: Gradients, first: Int[Array, ""], table: Table) -> Gradients:
    return gradients._replace(left=_of_rows(gradients.left, first, table))


@partial(jax.jit, static_argnames="together")
def _effects(
    errors: tuple[CellErrors, ...],
    table: Table,
    first: Int[Array, ""],
    measures: Measures,
    by_output: Float[Array, "b f m n"] | None,
    columns: Float[Array, "b f m N"] | None,
    *,
    together: int,
) -> tuple[Effects, ...]:
    """Sums over the rows of a slab; where it is the year, derivatives by reported
    output are at hand."""

    def one(
        gradients: Gradients, own: Array, output: Array | None, held: Array | None
    ) -> tuple[Effects, ...]:
        if output is None and len(table[0]) == gradients.left.shape[2]:
            moved = sensitivity.of_column_totals(gradients, table[0])
            output = _reported(measures, moved, own)
        elif output is not None:
            output = _of_rows(output, first, table)
        slab = SlabRows(output, table, held)
        return tuple(k.effects(_rows(gradients, first, table), slab) for k in errors)

    with jax.default_matmul_precision("highest"):  # on a GPU not TF32
        return _each(one, measures, together, by_output, columns)


def _reported(
    measures: Measures, moved: Float[Array, "f m n"], own: Float[Array, "f m n"]
) -> Float[Array, "f m n"]:
    scale, v = measures.products.scale, measures.products.v
    return sensitivity.by_reported_output(
        moved, scale, v, own, residual=measures.residual
    )


@jax.jit
def _by_output(
    measures: Measures, moved: Float[Array, "b f m n"]
) -> Float[Array, "b f m n"]:
    """Derivatives by reported output from column sums of G o Z."""

    def one(_: Gradients, own: Array, moved: Array) -> Array:
        return _reported(measures, moved, own)

    return _each(one, measures, _TOGETHER, moved)


@partial(jax.jit, static_argnames="together")
def _column_totals(
    errors: tuple[CellErrors, ...],
    table: Table,
    first: Int[Array, ""],
    measures: Measures,
    *,
    together: int,
) -> Float[Array, "b f m n"]:
    def one(some: Gradients, _: Array) -> Array:
        return sensitivity.of_column_totals(_rows(some, first, table), table[0])

    return _each(one, measures, together)


@partial(jax.jit, static_argnames="together")
def _held_sums(
    errors: tuple[Any, ...],
    table: Table,
    first: Int[Array, ""],
    measures: Measures,
    *,
    together: int,
) -> tuple[Float[Array, "b f m N"], Float[Array, " N"]]:
    """Column sums of S o G and of S."""
    S = errors[0].variances

    def one(some: Gradients, _: Array) -> Array:
        return column_sums(S, _rows(some, first, table))

    return _each(one, measures, together), S.sum(axis=0)


@jax.jit
def _covariance(
    errors: tuple[CellErrors, ...], sums: tuple[Effects, ...]
) -> Float[Array, "b f f m"]:
    parts = [jax.vmap(k.covariance)(of) for k, of in zip(errors, sums, strict=True)]
    return sum(parts[1:], parts[0])


@partial(jax.jit, static_argnames="together")
def _of_year(
    errors: tuple[CellErrors], measures: Measures, *, together: int
) -> Float[Array, "b f f m"]:
    (whole,) = errors

    def one(some: Gradients, _: Array) -> Array:
        return whole.covariance(whole.effects(some))

    return _each(one, measures, together)


@jax.jit
def _signs(
    key: Key[Array, ""],
    errors: tuple[Any, ...],
    table: Table,
    first: Int[Array, ""],
    held: Float[Array, " N"] | None,
) -> DrawnSigns:
    """A draw of some rows, less ``held`` times the variances: what columns miss."""
    keys, F = keys_of(key), jnp.concatenate(table, axis=1)
    drawn = [k.signs(keys, F, first) for k in errors]
    cells = sum((k.cells for k in drawn), jnp.zeros_like(F))
    if held is not None:
        cells = cells - errors[0].variances.astype(held.dtype) * held[None, :]
    return DrawnSigns(cells, drawn[0].output)


@jax.jit
def _sums_of_signs(
    key: Key[Array, ""], errors: tuple[Any, ...], first: Int[Array, ""]
) -> tuple[Float[Array, " N"], Float[Array, " N"]]:
    """Column sums of the drawn cells, before rows grow with their output, and of S."""
    S = errors[0].variances.astype(jnp.float64)
    drawn = errors[0].signs(keys_of(key), jnp.zeros_like(S), first)
    return drawn.cells.sum(axis=0), S.sum(axis=0)
