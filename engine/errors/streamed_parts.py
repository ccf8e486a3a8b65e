"""Errors of a year's cells that are read in slabs, and the covariances they give.

Rows of a table err independently but for groups of them, and every covariance of
``kernels.errors.delta`` is a sum over rows: of each slab there is a sum, and what holds
the sums of columns takes one read more.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Float, Int

from ...kernels import sensitivity
from ...kernels.errors import delta as table_errors
from ...kernels.errors import import_shares
from ...kernels.sensitivity import Gradients
from ..core import TivaxError
from ..streaming import does_not_fit, is_too_large, matrix_in_words
from ..tables import WorldTables
from .deviations import RawYear, YearErrors, has_filled, raw_slabs
from .models import ErrorModel, TableError

# Perimeters of one case each whose products with a slab are one product.
_TOGETHER = 8


def streamed_parts(
    tables: WorldTables, k: int, model: ErrorModel, rows: int
) -> list["StreamedPart"]:
    """The errors of the model in year number ``k``, in slabs of so many rows."""
    if any(each.kind == "rebuilt" for each in model.errors):
        raise TivaxError(
            "error rebuilt: a year is worked on in memory; free some of it or give more"
        )
    slabs = partial(raw_slabs, tables, k, rows)
    return [StreamedPart(tables, k, each, slabs) for each in model.errors]


class StreamedPart:
    """One error of the model in one year, from ``slabs`` of its rows.

    ``shares`` are those of errors of import shares; ``columns``: sums of columns stay.
    """

    def __init__(
        self,
        tables: WorldTables,
        k: int,
        error: TableError,
        slabs: Callable[[], Iterator[tuple[slice, RawYear]]],
    ) -> None:
        self._k, self._slabs = k, slabs
        if error.kind == "given" and is_too_large(tables.n, held=1):
            raise does_not_fit(tables.n, 1)
        self._errors = YearErrors(tables, ErrorModel((error,)))
        self._rounding = error.kind == "rounding"
        self.shares, self._filled = None, False
        rows, self.columns = ("row" in error.margins), ("column" in error.margins)
        if error.kind == "shares":
            concentration, c = error.concentration or 0.0, len(tables.regions)
            self.shares, self.columns = _read_shares(slabs(), concentration, c), False
        if self._rounding:
            self._filled = any(has_filled(raw) for _, raw in slabs())
            rows = rows or self._filled
        if rows and self.columns:
            raise TivaxError(
                f"{tables.years[k]}: errors that leave sums of rows and of columns are "
                f"balanced by {matrix_in_words(tables.n)}, which the year is too "
                'large for; write margins = ["row"] or ["column"], or '
                "`tivax aggregate` first"
            )

    def read(self) -> Iterator[tuple[slice, table_errors.Errors, tuple[Array, Array]]]:
        """Slabs: which rows, their errors without margins of columns, their Z and Y."""
        for at, raw in self._slabs():
            errors = self._errors.of(self._k, raw, at, filled=self._filled)
            errors = errors._replace(
                independent=tuple(map(_without_columns, errors.independent)),
                shared=tuple(map(_without_columns, errors.shared)),
            )
            yield at, errors, (jax.device_put(raw.flows), jax.device_put(raw.final))

    def covariance(
        self, gradients: Gradients, by_output: Callable[[Array], Array]
    ) -> Float[np.ndarray, "b f f m"]:
        """Covariance of the f measures of b perimeters. ``by_output`` turns column sums
        of G o Z into derivatives by reported output."""
        if self.shares is not None:
            return np.asarray(_of_shares(self.shares, gradients))
        output = None
        if self._rounding:
            totals, _ = self._sum(_column_totals, gradients)
            output = by_output(totals)
        if self.columns:
            (sums, C), _ = self._sum(_held_sums, gradients)
            gradients = _with_held(gradients, sums, C)
        total, filled = self._sum(_row_sums, gradients, output)
        return np.asarray(_covariance(table_errors.Errors(filled=filled), total))

    def _sum(self, of_rows: Callable[..., Any], *given: Any) -> tuple[Any, Any]:
        """Sums over all slabs of what is made of their errors and flows, and the filled
        cells of the last."""
        total, filled = None, None
        for at, errors, table in self.read():
            # In NumPy, which waits for it: the slab is overwritten.
            some = jax.device_get(of_rows(errors, table, np.int64(at.start), *given))
            total = some if total is None else jax.tree.map(np.add, total, some)
            filled = errors.filled
        return total, filled


def _without_columns(errors: Any) -> Any:
    return errors._replace(margins=errors.margins._replace(columns=None))


def variances_of(errors: table_errors.Errors) -> Float[Array, "r N"]:
    """Variances of the cells of the one kind of errors there is."""
    if errors.independent:
        return errors.independent[0].S
    return errors.shared[0].sigma ** 2


def _read_shares(
    slabs: Iterator[Any], concentration: float, regions: int
) -> import_shares.ImportShareErrors:
    sold, bought = [], np.zeros(())
    for at, raw in slabs:
        first = np.int64(at.start // (raw.Z.shape[1] // regions))
        found = import_shares.imports(raw.cells, first, regions=regions)
        some, more = jax.device_get(found)
        sold.append(some)
        bought = bought + more
    return import_shares.shares_of_imports(
        np.concatenate(sold), bought, np.float64(concentration)
    )


# ------------------------------------------------------------------------ of each slab


def _rows(
    gradients: Gradients, first: Int[Array, ""], table: tuple[Array, Array]
) -> Gradients:
    """Gradients of one perimeter, of the rows of a slab."""
    left = jax.lax.dynamic_slice_in_dim(gradients.left, first, len(table[0]), axis=2)
    return gradients._replace(left=left)


def _each(one: Callable[[Any], Any], every: Any) -> Any:
    """``one`` of each perimeter; several at a time where that is one product."""
    several = jax.tree.leaves(every)[0].shape[2] == 1
    return jax.lax.map(one, every, batch_size=_TOGETHER if several else None)


@jax.jit
def _row_sums(
    errors: table_errors.Errors,
    table: tuple[Float[Array, "r n"], Float[Array, "r c"]],
    first: Int[Array, ""],
    gradients: Gradients,
    by_output: Float[Array, "b f m n"] | None,
) -> table_errors.RowSums:
    def one(each: Any) -> table_errors.RowSums:
        some, output = each
        if output is not None:
            count = len(table[0])
            output = jax.lax.dynamic_slice_in_dim(output, first, count, axis=2)
        return table_errors.row_sums(errors, _rows(some, first, table), output, table)

    return _each(one, (gradients, by_output))


@jax.jit
def _column_totals(
    errors: table_errors.Errors,
    table: tuple[Float[Array, "r n"], Float[Array, "r c"]],
    first: Int[Array, ""],
    gradients: Gradients,
) -> Float[Array, "b f m n"]:
    def one(some: Gradients) -> Array:
        return sensitivity.of_column_totals(_rows(some, first, table), table[0])

    return _each(one, gradients)


@jax.jit
def _held_sums(
    errors: table_errors.Errors,
    table: tuple[Float[Array, "r n"], Float[Array, "r c"]],
    first: Int[Array, ""],
    gradients: Gradients,
) -> tuple[Float[Array, "b f m N"], Float[Array, " N"]]:
    """Column sums of S o G and of S."""
    S = variances_of(errors)

    def one(some: Gradients) -> Array:
        return table_errors.column_sums(S, _rows(some, first, table))

    return _each(one, gradients), S.sum(axis=0)


@jax.jit
def _with_held(
    gradients: Gradients, sums: Float[Array, "b f m N"], C: Float[Array, " N"]
) -> Gradients:
    return jax.vmap(partial(table_errors.with_held_columns, C=C))(gradients, sums)


@jax.jit
def _covariance(
    errors: table_errors.Errors, sums: table_errors.RowSums
) -> Float[Array, "b f f m"]:
    return jax.vmap(partial(table_errors.total, errors))(sums)


@jax.jit
def _of_shares(
    errors: import_shares.ImportShareErrors, gradients: Gradients
) -> Float[Array, "b f f m"]:
    return _each(partial(import_shares.import_shares, errors), gradients)
