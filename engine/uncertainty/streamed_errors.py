"""Standard errors of trade in a year that does not fit in memory.

Rows of a table err independently but for groups of them, and every covariance of
``kernels.table_errors`` is a sum over rows: the year is read in slabs, and a few
perimeters at a time have their gradients in memory. What those are made of, contents of
products, is solved for (``engine.streaming``), by sector with as many right-hand sides
as there are industries four times over.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ...kernels import sensitivity, table_errors
from ...kernels.error_terms import import_shares
from ...kernels.perimeters import equal_regions
from ...kernels.sensitivity import Borders, Gradients, Products
from ...kernels.solve import TOLERANCE
from ..core import TivaxError
from ..streaming import (
    StreamedFlows,
    StreamedYear,
    does_not_fit,
    is_mapped,
    is_too_large,
    matrix_in_words,
    stalled,
)
from ..tables import WorldTables
from .deviations import RawYear, YearErrors, has_filled, raw_slabs
from .models import ErrorModel, TableError
from .trade_errors import (
    ROUGH,
    Perimeters,
    flow_gradients,
    flows_between,
    pair_gradients,
    sellers,
)

# Right-hand sides that are solved at once, and gradients that are in memory; at least
# those of a perimeter. A solve holds about ten arrays of this size.
_AT_ONCE = 1 << 26
# Perimeters of one case each whose products with a slab are one product.
_TOGETHER = 8


@dataclass(frozen=True, eq=False)
class OpenedYear:
    """Year number ``number`` of tables, read once, with its final demand by region.

    ``mapped``: single precision does not fit in memory either.
    """

    tables: WorldTables
    number: int
    year: StreamedYear
    Y: Float[Array, "n c"]
    mapped: bool

    @property
    def residual_value_added(self) -> Float[Array, " n"]:
        """Value added per US$ of output where it is the residual."""
        return jnp.where(self.year.x > 0, 1 - self.year.input_shares, 0)

    def require_solved(self, residual: float, tol: float) -> None:
        """Raise ``TivaxError`` where the iteration has stalled."""
        if not residual <= tol:
            self.year.flows.require_finite()
            share = float(self.year.input_shares.max())
            raise stalled(
                self.tables.years[self.number], self.tables.n, residual, share
            )


def open_year(tables: WorldTables, k: int, memory: int | None) -> OpenedYear:
    """Read a year once."""
    x = jax.device_put(tables.output(slice(k, k + 1))[0])
    Y = jax.device_put(tables.final_demand(slice(k, k + 1))[0])
    mapped = is_mapped(tables.n, memory)
    year = StreamedYear(StreamedFlows(tables, k), x, Y.sum(axis=1), mapped=mapped)
    return OpenedYear(tables, k, year, Y, mapped)


def streamed_year_errors(
    tables: WorldTables,
    k: int,
    model: ErrorModel,
    row: Float[Array, " n"] | None,
    memory: int | None,
) -> "StreamedYearErrors":
    """Year number ``k``, solved while it is read; ``row`` is its value added unless
    that is the residual.

    Raises ``TivaxError`` where the iteration stalls, and for errors that need a matrix
    of all cells.
    """
    opened = open_year(tables, k, memory)
    year, Y = opened.year, opened.Y
    v = opened.residual_value_added if row is None else row * year.scale
    X = year.solve(Y)
    n, c = Y.shape
    by_origin = v[:, None] * equal_regions(n, c, Y.dtype).member
    content = year.solve_contents(by_origin, tol=ROUGH)
    opened.require_solved(float(X.residual), TOLERANCE)
    opened.require_solved(float(content.residual), ROUGH)
    products = Products(year.scale, v, X.X, content.X)
    parts = streamed_parts(tables, k, model, year.flows.rows)
    return StreamedYearErrors(k, opened, products, parts, row is None)


@dataclass(frozen=True, eq=False)
class StreamedYearErrors:
    """A solved year whose cells err in slabs: see ``years.YearOfErrors``."""

    number: int
    opened: OpenedYear
    products: Products
    parts: Sequence["StreamedPart"]
    residual: bool

    def flows(self, borders: Perimeters, *, gross: bool) -> dict[str, np.ndarray]:
        """``trade_errors.flows_of``."""
        products, year, sold = self.products, self.opened.year, None
        if gross:
            sold = year.flows.sold(products.scale * products.output)
        return flows_between(products, self.opened.Y, year.x, sold, borders)

    def covariances(
        self, borders: Perimeters, *, by_sector: bool = False, gross: bool = True
    ) -> Float[np.ndarray, "b f f m"]:
        """``trade_errors.flow_covariances``, some perimeters at a time."""
        n, c = self.products.X.shape
        columns = 4 * (n // c) if by_sector else 2
        found = [
            self._covariances(Borders(*some), by_sector, gross)
            for some in _some(columns * n, borders.inside, borders.partners)
        ]
        return np.concatenate(found)

    def _covariances(
        self, borders: Borders, by_sector: bool, gross: bool
    ) -> Float[np.ndarray, "b f f m"]:
        year, products = self.opened.year, self.products
        active = (year.x > 0).astype(year.x.dtype)
        wanted, used, users = _wanted(products, borders, active, by_sector=by_sector)
        b, _, m, n = wanted.shape
        if gross:
            bought = year.flows.transposed_times(used.reshape(-1, n).T).T
            used = bought.reshape(used.shape) * products.scale[None, None, None] * users
        asked = ([wanted] if by_sector else []) + ([used] if gross else [])
        solved = self._contents(asked)
        contents = solved.pop(0) if by_sector else None
        contained = solved.pop(0) if gross else None
        gradients, own = _flow_gradients(
            products,
            borders,
            contents,
            contained,
            active,
            residual=self.residual,
            by_sector=by_sector,
        )
        return self._of_all_errors(gradients, own)

    def _contents(self, asked: list[Float[Array, "b 2 m n"]]) -> list[Array]:
        """Each times B, all in one solve."""
        if not asked:
            return []
        n = len(self.products.X)
        R = jnp.concatenate([k.reshape(-1, n) for k in asked]).T
        found = self.opened.year.solve_contents(R, tol=ROUGH)
        self.opened.require_solved(float(found.residual), ROUGH)
        every = found.X.T.reshape(len(asked), *asked[0].shape)
        return list(every)

    def absorbed(self, borders: Perimeters) -> Float[np.ndarray, "p p"]:
        """``trade_errors.absorbed_errors``, some absorbers at a time."""
        n, members = len(self.products.X), jax.device_put(borders.inside)
        found = []
        for (absorbers,) in _some(len(members) * n, borders.inside):
            gradients, own = _pair_gradients(
                self.products, absorbers, members, residual=self.residual
            )
            variance = self._of_all_errors(gradients, own)[:, 0, 0]
            found.append(np.sqrt(np.maximum(variance, 0)))
        return np.concatenate(found).T

    def _of_all_errors(
        self, gradients: Gradients, own: Float[Array, "b f m n"]
    ) -> Float[np.ndarray, "b f f m"]:
        scale, v = self.products.scale, self.products.v
        by_output = partial(_by_output, scale=scale, v=v, own=own)
        parts = [
            part.covariance(gradients, partial(by_output, residual=self.residual))
            for part in self.parts
        ]
        return sum(parts[1:], parts[0])


def _some(each: int, *arrays: np.ndarray) -> Iterator[tuple[Array, ...]]:
    """Perimeters that have so many numbers each, as many as are worked on at once."""
    count = max(1, _AT_ONCE // (8 * each))
    for first in range(0, len(arrays[0]), count):
        yield tuple(jax.device_put(k[first : first + count]) for k in arrays)


def streamed_parts(
    tables: WorldTables, k: int, model: ErrorModel, rows: int
) -> list["StreamedPart"]:
    """The errors of the model in year number ``k``, in slabs of so many rows."""
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
        """Of measures for b perimeters; ``by_output`` makes derivatives by reported
        output of column sums of G o Z."""
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
            some = of_rows(errors, table, jnp.asarray(at.start), *given)
            total = some if total is None else jax.tree.map(jnp.add, total, some)
            jax.block_until_ready(total)  # the slab is overwritten
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
    sold, bought = [], jnp.zeros(())
    for at, raw in slabs:
        first = jnp.asarray(at.start // (raw.Z.shape[1] // regions))
        cells = jax.device_put(raw.cells)
        some, more = import_shares.imports(cells, first, regions=regions)
        sold.append(some)
        bought = bought + more
    alpha = jnp.asarray(concentration)
    return import_shares.shares_of_imports(jnp.concatenate(sold), bought, alpha)


# ---------------------------------------------------------- of several perimeters each


@partial(jax.jit, static_argnames="by_sector")
def _wanted(
    products: Products,
    borders: Borders,
    active: Float[Array, " n"],
    *,
    by_sector: bool,
) -> tuple[Float[Array, "b 2 m n"], Float[Array, "b 2 m n"], Float[Array, "b 2 1 n"]]:
    """Value added of sellers, inside and among partners; those sellers, if active; and
    the users that buy abroad of them."""
    n = len(products.X)
    both = jnp.stack(borders, axis=1)
    picked = jax.vmap(jax.vmap(partial(sellers, n=n, by_sector=by_sector)))(both)
    users = jax.vmap(jax.vmap(partial(sellers, n=n)))(both[:, ::-1])
    rows = (None, None, None, slice(None))
    return picked * products.v[rows], picked * active[rows], users


@partial(jax.jit, static_argnames=("residual", "by_sector"))
def _flow_gradients(
    products: Products,
    borders: Borders,
    contents: Float[Array, "b 2 m n"] | None,
    contained: Float[Array, "b 2 m n"] | None,
    active: Float[Array, " n"],
    *,
    residual: bool,
    by_sector: bool,
) -> tuple[Gradients, Float[Array, "b f m n"]]:
    if contents is None:
        both = jnp.stack(borders, axis=1)
        contents = (both @ products.content.T)[:, :, None, :]

    def one(each: Any) -> Any:
        borders, held, used = each
        used = () if used is None else tuple(used)
        how = {"residual": residual, "by_sector": by_sector}
        return flow_gradients(products, borders, tuple(held), used, active, **how)

    return jax.vmap(one)((borders, contents, contained))


@partial(jax.jit, static_argnames="residual")
def _pair_gradients(
    products: Products,
    absorbers: Float[Array, "b c"],
    members: Float[Array, "p c"],
    *,
    residual: bool,
) -> tuple[Gradients, Float[Array, "b 1 p n"]]:
    make = partial(pair_gradients, products, members=members, residual=residual)
    return jax.vmap(make)(absorbers)


@partial(jax.jit, static_argnames="residual")
def _by_output(
    moved: Float[Array, "b f m n"],
    *,
    scale: Float[Array, " n"],
    v: Float[Array, " n"],
    own: Float[Array, "b f m n"],
    residual: bool,
) -> Float[Array, "b f m n"]:
    make = partial(sensitivity.by_reported_output, residual=residual)
    return jax.vmap(lambda *each: make(each[0], scale, v, each[1]))(moved, own)


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
