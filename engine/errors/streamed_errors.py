"""Standard errors of trade in a year that does not fit in memory.

The year is read in slabs (``streamed_parts``), and a few perimeters at a time have
their gradients in memory. What those are made of, contents of products, is solved for
(``engine.streaming``), by sector with as many right-hand sides as there are industries
four times over.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...kernels import sensitivity
from ...kernels.perimeters import equal_regions
from ...kernels.sensitivity import Borders, Gradients, Products
from ..streaming import (
    StreamedFlows,
    StreamedYear,
    is_mapped,
    require_solved_year,
)
from ..tables import WorldTables
from .models import ErrorModel
from .streamed_parts import StreamedPart, streamed_parts
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


def open_year(tables: WorldTables, k: int, memory: int | None) -> OpenedYear:
    """Read a year once."""
    x = jax.device_put(tables.output(slice(k, k + 1))[0])
    Y = jax.device_put(tables.final_demand(slice(k, k + 1))[0])
    mapped = is_mapped(tables.n, memory)
    year = StreamedYear(StreamedFlows(tables, k), x, mapped=mapped)
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
    require_solved_year(year, float(X.residual))
    require_solved_year(year, float(content.residual), ROUGH)
    products = Products(year.scale, v, X.X, content.X)
    parts = streamed_parts(tables, k, model, year.flows.rows)
    return StreamedYearErrors(k, opened, products, parts, row is None)


@dataclass(frozen=True, eq=False)
class StreamedYearErrors:
    """A solved year whose cells err in slabs: see ``years.YearOfErrors``."""

    number: int
    opened: OpenedYear
    products: Products
    parts: Sequence[StreamedPart]
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
        if gross:
            bought = year.flows.transposed_times(_as_columns([used]))
            used = _inputs_abroad(bought, products.scale, users)
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
        R = _as_columns(asked)
        found = self.opened.year.solve_contents(R, tol=ROUGH)
        require_solved_year(self.opened.year, float(found.residual), ROUGH)
        return _as_rows(found.X, asked)

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


@jax.jit
def _as_columns(asked: list[Float[Array, "b 2 m n"]]) -> Float[Array, "n k"]:
    return jnp.concatenate([k.reshape(-1, k.shape[-1]) for k in asked]).T


@jax.jit
def _as_rows(
    columns: Float[Array, "n k"], like: list[Float[Array, "b 2 m n"]]
) -> list[Float[Array, "b 2 m n"]]:
    """Put together what ``_as_columns`` took apart."""
    return list(columns.T.reshape(len(like), *like[0].shape))


@jax.jit
def _inputs_abroad(
    bought: Float[Array, "n k"],
    scale: Float[Array, " n"],
    users: Float[Array, "b 2 1 n"],
) -> Float[Array, "b 2 m n"]:
    """Per US$ of output of the users, from purchases of all."""
    b, _, _, n = users.shape
    return bought.T.reshape(b, 2, -1, n) * scale[None, None, None] * users


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
