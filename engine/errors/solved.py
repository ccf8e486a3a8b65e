"""A solved year, in memory or in slabs, and what gradients of trade are made of."""

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...kernels import import_share, leontief
from ...kernels.perimeters import equal_regions
from ...kernels.sensitivity import Products, Sides, of_industries
from ...kernels.solve import TOLERANCE
from ..streaming import StreamedFlows, StreamedYear, is_mapped, require_solved_year
from ..tables import WorldTables

# Contents, which only gradients take: a standard error needs six digits.
ROUGH = 1e-7


class YearInMemory(NamedTuple):
    """A year and what its gradients are made of; B where it was asked for."""

    Z: Float[Array, "n n"]
    Y: Float[Array, "n c"]
    x: Float[Array, " n"]
    products: Products
    B: Float[Array, "n n"] | None

    @jax.jit
    def sold(self) -> Float[Array, "n c"]:
        """Inputs sold to each region."""
        products = self.products
        made = self.Z * (products.scale * products.output)[None, :]
        n, c = products.X.shape
        return made.reshape(n, c, n // c).sum(axis=2)

    @partial(jax.jit, static_argnames="by_sector")
    def inputs_abroad(
        self, sides: Sides, *, by_sector: bool
    ) -> Float[Array, "b 2 m n"]:
        """Inputs that cross the border per unit of output of their users: from sellers
        inside, and from those among partners."""
        A = self.Z * self.products.scale[None, :]
        active = (self.x > 0).astype(self.x.dtype)
        both = jnp.stack(sides, axis=1)
        if by_sector:
            sold = _of_sectors(active[:, None] * A, both)
        else:
            sold = ((_industries(both, len(A)) * active[None, None]) @ A)[:, :, None]
        return sold * _industries(both[:, ::-1], len(A))[:, :, None]

    @partial(jax.jit, static_argnames="by_sector")
    def contents(
        self, sides: Sides, used: Float[Array, "b 2 m n"] | None, *, by_sector: bool
    ) -> tuple[Float[Array, "b 2 m n"], Float[Array, "b 2 m n"] | None]:
        """Value added of sellers inside and among partners that a US$ of each product
        holds, and what it requires of ``used``. By sector it takes B."""
        products, B = self.products, self.B
        n, c = products.X.shape
        if by_sector:
            assert B is not None
            both = jnp.stack(sides, axis=1)
            contents = _of_sectors(products.v[:, None] * B, both)
        else:
            contents = _of_regions(sides, products)
        if used is None:
            return contents, None
        columns = used.reshape(-1, n).T
        if B is None:
            size = leontief.per_dollar(products.scale)
            found = import_share.solve_contents(
                self.Z, columns, regions=c, size=size, tol=ROUGH, scale=products.scale
            ).X
        else:
            found = B.T @ columns
        return contents, found.T.reshape(used.shape)


def solve_table(
    Z: Float[Array, "n n"],
    x: Float[Array, " n"],
    Y: Float[Array, "n c"],
    row: Float[Array, " n"] | None,
    *,
    regions: int,
    inverse: bool = False,
    exact: bool = False,
) -> YearInMemory:
    """Output and contents of a year, by the fast solve or the inverse; with the inverse
    where the iteration stalls. Contents are as exact as standard errors need, or, with
    ``exact``, as output."""
    tol = TOLERANCE if exact else ROUGH
    solve = partial(_solved, Z, x, Y, row, tol, regions=regions)
    solved, residual = solve(inverse=inverse)
    if not inverse and not float(residual) <= TOLERANCE:
        solved, _ = solve(inverse=True)
    return YearInMemory(Z, Y, x, *solved)


@partial(jax.jit, static_argnames=("regions", "inverse"))
def _solved(
    Z: Float[Array, "n n"],
    x: Float[Array, " n"],
    Y: Float[Array, "n c"],
    row: Float[Array, " n"] | None,
    tol: float | Float[Array, ""],
    *,
    regions: int,
    inverse: bool,
) -> tuple[tuple[Products, Float[Array, "n n"] | None], Float[Array, ""]]:
    scale = leontief.per_dollar(x)
    v = leontief.residual_value_added(Z, x) if row is None else row * scale
    by_origin = v[:, None] * equal_regions(len(x), regions, x.dtype).member
    if inverse:
        B = leontief.inverse(Z * scale[None, :])
        X, content = B @ Y, B.T @ by_origin
        return (Products(scale, v, X, content), B), jnp.zeros((), x.dtype)
    X = import_share.solve(Z, Y, regions=regions, tol=TOLERANCE, scale=scale)
    contents = import_share.solve_contents(
        Z, by_origin, regions=regions, size=x, tol=tol, scale=scale
    )
    worst = jnp.maximum(X.residual, contents.residual * (TOLERANCE / tol))
    return (Products(scale, v, X.X, contents.X), None), worst


def _of_sectors(
    M: Float[Array, "n n"], regions: Float[Array, "b 2 c"]
) -> Float[Array, "b 2 s n"]:
    """Rows of some regions added up by sector, for all perimeters in one product."""
    n, c = len(M), regions.shape[2]
    return (regions @ M.reshape(c, -1)).reshape(*regions.shape[:2], n // c, n)


def _industries(regions: Float[Array, "b 2 c"], n: int) -> Float[Array, "b 2 n"]:
    """1 for the industries of the regions."""
    return jax.vmap(jax.vmap(lambda k: of_industries(k, n)))(regions)


def sellers(
    regions: Float[Array, " c"], n: int, *, by_sector: bool = False
) -> Float[Array, "m n"]:
    """1 for the industries of the regions, by sector or together."""
    within = of_industries(regions, n)[None]
    c = len(regions)
    return within * jnp.tile(jnp.eye(n // c), (1, c)) if by_sector else within


# ---------------------------------------------------------------------------- in slabs


@dataclass(frozen=True, eq=False)
class OpenedYear:
    """A year read once, with its final demand by region.

    ``mapped``: single precision does not fit in memory either.
    """

    year: StreamedYear
    Y: Float[Array, "n c"]
    mapped: bool


def open_year(tables: WorldTables, k: int, memory: int | None) -> OpenedYear:
    """Read a year once."""
    one = slice(k, k + 1)
    x, Y = jax.device_put((tables.output(one)[0], tables.final_demand(one)[0]))
    mapped = is_mapped(tables.n, memory)
    year = StreamedYear(StreamedFlows(tables, k), x, mapped=mapped)
    return OpenedYear(year, Y, mapped)


@dataclass(frozen=True, eq=False)
class YearInSlabs:
    """``YearInMemory`` where products are a read each, and contents are solved for."""

    year: StreamedYear
    Y: Float[Array, "n c"]
    products: Products

    @property
    def x(self) -> Float[Array, " n"]:
        return self.year.x

    def sold(self) -> Float[Array, "n c"]:
        return self.year.flows.sold(self.products.scale * self.products.output)

    def inputs_abroad(
        self, sides: Sides, *, by_sector: bool
    ) -> Float[Array, "b 2 m n"]:
        selling, using = _active(sides, self.year.x, by_sector=by_sector)
        bought = self.year.flows.transposed_times(_as_columns([selling]))
        return _per_output(bought, self.products.scale, using)

    def contents(
        self, sides: Sides, used: Float[Array, "b 2 m n"] | None, *, by_sector: bool
    ) -> tuple[Float[Array, "b 2 m n"], Float[Array, "b 2 m n"] | None]:
        asked = [_of_origin(sides, self.products.v)] if by_sector else []
        asked += [] if used is None else [used]
        found: list[Array] = []
        if asked:
            solved = self.year.solve_contents(_as_columns(asked), tol=ROUGH)
            require_solved_year(self.year, float(solved.residual), ROUGH)
            found = _as_rows(solved.X, asked)
        contents = found.pop(0) if by_sector else _of_regions(sides, self.products)
        return contents, found.pop() if found else None


def solve_in_slabs(opened: OpenedYear, row: Float[Array, " n"] | None) -> YearInSlabs:
    """A year solved while it is read; ``row`` is its value added unless that is the
    residual.

    Raises ``TivaxError`` where the iteration stalls.
    """
    year, Y = opened.year, opened.Y
    v = jnp.where(year.x > 0, 1 - year.input_shares, 0)
    v = v if row is None else row * year.scale
    X = year.solve(Y)
    n, c = Y.shape
    by_origin = v[:, None] * equal_regions(n, c, Y.dtype).member
    content = year.solve_contents(by_origin, tol=ROUGH)
    require_solved_year(year, float(X.residual))
    require_solved_year(year, float(content.residual), ROUGH)
    return YearInSlabs(year, Y, Products(year.scale, v, X.X, content.X))


SolvedTrade = YearInMemory | YearInSlabs


@partial(jax.jit, static_argnames="by_sector")
def _active(
    sides: Sides, x: Float[Array, " n"], *, by_sector: bool
) -> tuple[Float[Array, "b 2 m n"], Float[Array, "b 2 n"]]:
    """Active sellers inside and among partners, and the users that buy abroad of
    them."""
    both, n = jnp.stack(sides, axis=1), len(x)
    active = (x > 0).astype(x.dtype)
    picked = _sellers(both, n, by_sector) * active[None, None, None]
    return picked, _industries(both[:, ::-1], n)


@jax.jit
def _of_origin(sides: Sides, v: Float[Array, " n"]) -> Float[Array, "b 2 s n"]:
    """Value added of the sellers by sector."""
    return _sellers(jnp.stack(sides, axis=1), len(v), True) * v[None, None, None]


def _sellers(
    both: Float[Array, "b 2 c"], n: int, by_sector: bool
) -> Float[Array, "b 2 m n"]:
    return jax.vmap(jax.vmap(partial(sellers, n=n, by_sector=by_sector)))(both)


@jax.jit
def _of_regions(sides: Sides, products: Products) -> Float[Array, "b 2 1 n"]:
    return (jnp.stack(sides, axis=1) @ products.content.T)[:, :, None]


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
def _per_output(
    bought: Float[Array, "n k"], scale: Float[Array, " n"], using: Float[Array, "b 2 n"]
) -> Float[Array, "b 2 m n"]:
    """Purchases of the users per US$ of their output."""
    b, _, n = using.shape
    return bought.T.reshape(b, 2, -1, n) * scale[None, None, None] * using[:, :, None]
