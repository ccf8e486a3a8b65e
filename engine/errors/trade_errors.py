"""Standard errors of value-added and gross trade, by the delta method in closed form.

Four flows are enough: value added sold and bought, gross exports and imports. Their
covariances for a perimeter (or for each of its sectors) give the variance of every
measure that `tivax tbi` writes, a function of the four.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from ...kernels import import_share, leontief, sensitivity
from ...kernels.absorption import by_region
from ...kernels.errors import delta as table_errors
from ...kernels.perimeters import equal_regions
from ...kernels.sensitivity import Borders, Products
from ...kernels.solve import TOLERANCE
from ..tables import AnyGroups, WorldTables, perimeters
from .deviations import RawYear

TRADE_FLOWS = ("va_exports", "va_imports", "gross_exports", "gross_imports")
TRADE_MEASURES = (*TRADE_FLOWS, "vax_ratio", "tbi")
"""Measures that have a closed form, by region and by sector."""


# Contents, which only gradients take: a standard error needs six digits.
ROUGH = 1e-7


class Perimeters(NamedTuple):
    """Perimeters by name; ``inside``, ``partners`` (p, c) are 1 for their regions."""

    names: list[str]
    inside: np.ndarray
    partners: np.ndarray

    def only(self, name: str) -> "Perimeters":
        k = [self.names.index(name)]
        return Perimeters([name], self.inside[k], self.partners[k])


def perimeters_with_partners(
    tables: WorldTables, drop: Sequence[str] = (), groups: AnyGroups | None = None
) -> Perimeters:
    """The perimeters of results with regions dropped and grouped."""
    of_region = perimeters(tables, drop=drop, groups=groups)
    names = list(dict.fromkeys(of_region.values()))
    inside = np.array(
        [[of_region.get(code) == name for code in tables.regions] for name in names],
        float,
    )
    return Perimeters(names, inside, inside.sum(axis=0) - inside)


class SolvedYear(NamedTuple):
    """A year and what its gradients are made of; B where it was asked for."""

    Z: Float[Array, "n n"]
    Y: Float[Array, "n c"]
    x: Float[Array, " n"]
    products: Products
    B: Float[Array, "n n"] | None


def solve_year(
    raw: RawYear,
    row: Float[Array, " n"] | None,
    regions: int,
    *,
    inverse: bool,
    exact: bool = False,
) -> SolvedYear:
    """Output and contents of a year, by the fast solve or the inverse; with the inverse
    where the iteration stalls. Contents are as exact as standard errors need, or, with
    ``exact``, as output."""
    Z, Y, x = (jax.device_put(k) for k in (raw.flows, raw.final, raw.x))
    return solve_table(Z, x, Y, row, regions=regions, inverse=inverse, exact=exact)


def solve_table(
    Z: Float[Array, "n n"],
    x: Float[Array, " n"],
    Y: Float[Array, "n c"],
    row: Float[Array, " n"] | None,
    *,
    regions: int,
    inverse: bool = False,
    exact: bool = False,
) -> SolvedYear:
    """``solve_year`` of arrays."""
    tol = TOLERANCE if exact else ROUGH
    solve = partial(_solved, Z, x, Y, row, tol, regions=regions)
    solved, residual = solve(inverse=inverse)
    if not inverse and not float(residual) <= TOLERANCE:
        solved, _ = solve(inverse=True)
    return SolvedYear(Z, Y, x, *solved)


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


# ------------------------------------------------------------------------ covariances


@partial(jax.jit, static_argnames=("residual", "by_sector", "gross"))
def flow_covariances(
    year: SolvedYear,
    errors: table_errors.Errors,
    inside: Float[Array, "b c"],
    partners: Float[Array, "b c"],
    *,
    residual: bool,
    by_sector: bool = False,
    gross: bool = True,
) -> Float[Array, "b f f m"]:
    """Covariances of the first two or all four of ``TRADE_FLOWS`` for each perimeter.

    With ``by_sector`` (which needs B) m are the sectors, otherwise m = 1.
    """
    products = year.products
    n, c = products.X.shape
    active = (year.x > 0).astype(year.x.dtype)
    A = year.Z * products.scale[None, :]

    def one(
        borders: Borders,
        contents: Sequence[Float[Array, "m n"]],
        contained: Sequence[Float[Array, "m n"]],
    ) -> Array:
        gradients, own = flow_gradients(
            products,
            borders,
            contents,
            contained,
            active,
            residual=residual,
            by_sector=by_sector,
        )
        by_output = None
        if errors.output is not None:
            by_output = sensitivity.output_gradients(
                gradients, year.Z, products.scale, products.v, own, residual=residual
            )
        return table_errors.covariance(errors, gradients, by_output, (year.Z, year.Y))

    borders = Borders(inside, partners)
    if by_sector:
        assert year.B is not None
        contents = [_of_sectors(products.v[:, None] * year.B, k) for k in borders]
        contained = _sold_by_sector(A, year.B, active, borders) if gross else []
        each = borders, contents, contained
        return jax.lax.map(lambda each: one(*each), each)
    contents = [(k @ products.content.T)[:, None, :] for k in borders]
    contained = []
    if gross:

        def inputs(borders: Borders) -> Float[Array, "2 n"]:
            selling = [sellers(k, n) * active[None, :] for k in borders]
            return jnp.concatenate(_inputs_abroad(A, borders, selling))

        used = jax.vmap(inputs)(borders)
        columns = used.reshape(-1, n).T
        if year.B is None:
            size = leontief.per_dollar(products.scale)
            found = import_share.solve_contents(
                year.Z, columns, regions=c, size=size, tol=ROUGH, scale=products.scale
            ).X
        else:
            found = year.B.T @ columns
        found = found.T.reshape(used.shape)
        contained = [found[:, :1], found[:, 1:]]
    if errors.rebuilt:  # whose arrays of one measure fill a cache
        return jax.lax.map(lambda each: one(*each), (borders, contents, contained))
    return jax.vmap(one)(borders, contents, contained)


def sellers(
    regions: Float[Array, " c"], n: int, *, by_sector: bool = False
) -> Float[Array, "m n"]:
    """1 for the industries of the regions, by sector or together."""
    within = sensitivity.of_industries(regions, n)[None]
    c = len(regions)
    return within * jnp.tile(jnp.eye(n // c), (1, c)) if by_sector else within


def flow_gradients(
    products: Products,
    borders: Borders,
    contents: Sequence[Float[Array, "m n"]],
    contained: Sequence[Float[Array, "m n"]],
    active: Float[Array, " n"],
    *,
    residual: bool,
    by_sector: bool,
) -> tuple[sensitivity.Gradients, Float[Array, "f m n"]]:
    """Gradients of ``TRADE_FLOWS`` and their derivatives with respect to v.

    ``contents`` and ``contained`` as in ``sensitivity.value_added_gradients`` and
    ``gross_gradients``; without ``contained`` the first two flows only.
    """
    n = len(products.X)
    picked = [sellers(k, n, by_sector=by_sector) for k in borders]
    gradients = sensitivity.value_added_gradients(
        products, borders, contents, picked, residual=residual
    )
    moved = products.X @ borders.partners, products.X @ borders.inside
    own = jnp.stack([k * q[None, :] for k, q in zip(picked, moved, strict=True)])
    if contained:
        selling = [k * active[None, :] for k in picked]
        more = sensitivity.gross_gradients(products, borders, contained, selling)
        gradients = sensitivity.stack_gradients(gradients, more)
        own = jnp.concatenate([own, jnp.zeros_like(own)])
    return gradients, own


def _of_sectors(
    M: Float[Array, "n n"], regions: Float[Array, "b c"]
) -> Float[Array, "b s n"]:
    """Rows of some regions added up by sector, for all perimeters in one product."""
    n, c = len(M), regions.shape[1]
    return (regions @ M.reshape(c, -1)).reshape(len(regions), n // c, n)


def _sold_by_sector(
    A: Float[Array, "n n"],
    B: Float[Array, "n n"],
    active: Float[Array, " n"],
    borders: Borders,
) -> list[Float[Array, "b s n"]]:
    """Exports that a US$ of each product requires: those of the inside by sector, and
    those of the partners to the inside."""
    n = len(A)
    exports = []
    for selling, using in zip(borders, borders[::-1], strict=True):
        users = jax.vmap(lambda k: sensitivity.of_industries(k, n))(using)
        inputs = _of_sectors(active[:, None] * A, selling) * users[:, None, :]
        exports.append((inputs.reshape(-1, n) @ B).reshape(inputs.shape))
    return exports


def _inputs_abroad(
    A: Float[Array, "n n"], borders: Borders, selling: Sequence[Array]
) -> list[Float[Array, "m n"]]:
    """Input coefficients across the border: of the partners from sellers inside, and of
    the inside from its partners."""
    n = len(A)
    users = borders.partners, borders.inside
    return [
        (k @ A) * sensitivity.of_industries(q, n)[None]
        for k, q in zip(selling, users, strict=True)
    ]


@partial(jax.jit, static_argnames="residual")
def absorbed_errors(
    year: SolvedYear,
    errors: table_errors.Errors,
    members: Float[Array, "p c"],
    *,
    residual: bool,
) -> Float[Array, "p p"]:
    """Standard errors of value added of each perimeter absorbed in each."""
    products = year.products

    def one(absorber: Float[Array, " c"]) -> Float[Array, " p"]:
        gradients, own = pair_gradients(products, absorber, members, residual=residual)
        by_output = None
        if errors.output is not None:
            by_output = sensitivity.output_gradients(
                gradients, year.Z, products.scale, products.v, own, residual=residual
            )
        found = table_errors.covariance(errors, gradients, by_output, (year.Z, year.Y))
        return jnp.sqrt(jnp.maximum(found[0, 0], 0))

    return jax.lax.map(one, members).T


def pair_gradients(
    products: Products,
    absorber: Float[Array, " c"],
    members: Float[Array, "p c"],
    *,
    residual: bool,
) -> tuple[sensitivity.Gradients, Float[Array, "1 p n"]]:
    """Gradients of value added of each perimeter absorbed in one, and their derivatives
    with respect to v."""
    n, c = products.X.shape
    gradients = sensitivity.absorbed_gradients(
        products, absorber, members, residual=residual
    )
    own = jnp.repeat(members, n // c, axis=1, total_repeat_length=n)
    return gradients, (own * (products.X @ absorber)[None, :])[None]


# ---------------------------------------------------------------------- standard errors


def derivatives(flows: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Derivatives of each of ``TRADE_MEASURES`` with respect to ``TRADE_FLOWS``, the
    flows first; NaN where a ratio has no base."""
    X, M = flows["va_exports"], flows["va_imports"]
    by_measure = {}
    for k, name in enumerate(TRADE_FLOWS):
        if name in flows:
            by_measure[name] = np.zeros((4, *X.shape))
            by_measure[name][k] = 1
    total = np.where(X + M == 0, np.nan, X + M) ** 2
    none = np.zeros_like(X)
    by_measure["tbi"] = np.stack([2 * M / total, -2 * X / total, none, none])
    if "gross_exports" in flows:
        E = np.where(flows["gross_exports"] == 0, np.nan, flows["gross_exports"])
        by_measure["vax_ratio"] = np.stack([1 / E, none, -X / E**2, none])
    return by_measure


def standard_errors_of(
    covariance: Float[np.ndarray, "b f f m"], flows: Mapping[str, np.ndarray]
) -> dict[str, Float[np.ndarray, "b m"]]:
    """Standard errors of the measures by name; ``flows`` are (b, m)."""
    f = covariance.shape[1]
    result = {}
    for name, derivative in derivatives(flows).items():
        part = derivative[:f]
        variance = np.einsum("bfgm,fbm,gbm->bm", covariance, part, part)
        result[name] = np.sqrt(np.maximum(variance, 0))
    return result


def flows_of(
    year: SolvedYear, borders: Perimeters, *, gross: bool
) -> dict[str, Float[np.ndarray, "b 1"]]:
    """The flows themselves, by perimeter."""
    products, sold = year.products, None
    if gross:
        n, c = products.X.shape
        made = year.Z * (products.scale * products.output)[None, :]
        sold = made.reshape(n, c, n // c).sum(axis=2)
    return flows_between(products, year.Y, year.x, sold, borders)


def flows_between(
    products: Products,
    Y: Float[Array, "n c"],
    x: Float[Array, " n"],
    sold: Float[Array, "n c"] | None,
    borders: Perimeters,
) -> dict[str, Float[np.ndarray, "b 1"]]:
    """The flows from ``sold``, inputs sold to each region; without it the first two."""
    matrices = {"va": np.asarray(by_region(products.v[:, None] * products.X))}
    if sold is not None:
        active = (x > 0).astype(x.dtype)
        matrices["gross"] = np.asarray(by_region((sold + Y) * active[:, None]))
    found = {}
    for kind, flow in matrices.items():
        between = np.einsum("bi,ij,bj->b", borders.inside, flow, borders.partners)
        found[f"{kind}_exports"] = between[:, None]
        back = np.einsum("bi,ij,bj->b", borders.partners, flow, borders.inside)
        found[f"{kind}_imports"] = back[:, None]
    return found


def with_measures(flows: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The flows and the measures made of them."""
    X, M = flows["va_exports"], flows["va_imports"]
    found = dict(flows)
    found["tbi"] = (X - M) / np.where(X + M == 0, np.nan, X + M)
    if "gross_exports" in flows:
        E = flows["gross_exports"]
        found["vax_ratio"] = X / np.where(E == 0, np.nan, E)
    return found


def labelled(
    values: Mapping[str, np.ndarray], year: int, labels: Mapping[str, Sequence[str]]
) -> xr.Dataset:
    """Arrays of one year by the labels of their axes."""
    shape = [len(k) for k in labels.values()]
    return xr.Dataset(
        {name: (list(labels), k.reshape(shape)) for name, k in values.items()},
        {name: list(k) for name, k in labels.items()},
    ).expand_dims(year=[year])
