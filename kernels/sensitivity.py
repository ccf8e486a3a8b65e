"""Derivatives of measures with respect to every cell of a table: one year.

Symbols of ``kernels.absorption`` and ``kernels.inverted_table``; besides,

    F   the cells of a table, (Z, Y) side by side, n x (n + c)
    J   a measure; dJ/dF is taken with reported output x held fixed, A = Z / x
    W   dJ/dT for a measure of value added absorbed, T_ik = v_i X_ik

With V the row sums of W o X and Lambda = B'(v o W), by one adjoint solve,

    dJ/dY = Lambda,   dJ/dA = Lambda X' - 1 V',   dJ/dZ_ij = dJ/dA_ij / x_j,

because dX = B (dA X + dY) and, for value added that is output less inputs, dv = -1'dA
(dB = B dA B; Magnus and Neudecker, Matrix Differential Calculus). Value added that is a
row of its own, or a satellite account, does not move with A: the term 1 V' is then left
out, and the derivative with respect to that row is V / x.

A gradient is a sum of a few outer products and is kept so: the n (n + c) cells are
formed when somebody asks for them. Nothing is differentiated through an iteration:
products with an inverse have a rule of their own (``operators.lazy_inverse``).
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from . import import_share


class Gradients(NamedTuple):
    """Gradients of f measures for m industries or regions each, by cell of F.

    Measure g for case k has the gradient

        sum over the terms p of g: left[p, k] right[p]'  -  1 added[g, k]'

    ``of[p, g]`` is 1 where term p belongs to measure g. The terms of all cases share
    ``right``. ``added`` is what a cell takes from value added in its column, 0 in
    columns of final demand.
    """

    left: Float[Array, "p m n"]
    right: Float[Array, "p N"]
    added: Float[Array, "f m N"]
    of: Float[Array, "p f"]

    def cells(self) -> Float[Array, "f m n N"]:
        """Every cell of the gradients."""
        terms = jnp.einsum("pf,pmn,pN->fmnN", self.of, self.left, self.right)
        return terms - self.added[:, :, None, :]


class Products(NamedTuple):
    """Products of a year's table from which its gradients are computed.

    ``content`` is value added by region of origin in a US$ of each product, V_t B.
    """

    scale: Float[Array, " n"]
    v: Float[Array, " n"]
    X: Float[Array, "n c"]
    content: Float[Array, "n c"]

    @property
    def output(self) -> Float[Array, " n"]:
        return self.X.sum(axis=1)


class Sides(NamedTuple):
    """Both sides of a perimeter's border: regions inside, and those outside that count
    as partners (0 or 1)."""

    inside: Float[Array, " c"]
    partners: Float[Array, " c"]


def in_cells(
    products: Products, required: Float[Array, " n"], bought: Float[Array, " c"]
) -> Float[Array, " N"]:
    """The right factor of output ``required`` and final demand of regions ``bought``:
    per cell of Z (through A = Z / x) and of Y."""
    return jnp.concatenate([products.scale * required, bought])


def of_industries(regions: Float[Array, " c"], n: int) -> Float[Array, " n"]:
    """1 for the industries of the regions."""
    return jnp.repeat(regions, n // len(regions), total_repeat_length=n)


def value_added_gradients(
    products: Products,
    borders: Sides,
    contents: Sequence[Float[Array, "m n"]],
    picked: Sequence[Float[Array, "m n"]],
    *,
    residual: bool,
) -> Gradients:
    """Value added sold to all partners, and bought from them.

    ``contents`` is the value added that a US$ of each product holds of the m origins
    inside and among partners; ``picked`` is 1 for the industries of these origins.
    """
    X = products.X
    abroad, home = X @ borders.partners, X @ borders.inside
    left = jnp.stack([*contents])
    sides = (abroad, borders.partners), (home, borders.inside)
    right = jnp.stack([in_cells(products, *side) for side in sides])
    added = jnp.stack([picked[0] * abroad[None, :], picked[1] * home[None, :]])
    return Gradients(
        left,
        right,
        _in_table(products, added, len(borders.inside), residual=residual),
        jnp.eye(2, dtype=X.dtype),
    )


def gross_gradients(
    products: Products,
    borders: Sides,
    contents: Sequence[Float[Array, "m n"]],
    picked: Sequence[Float[Array, "m n"]],
) -> Gradients:
    """Gross exports of the model-consistent table, E_sr = Y_sr + A_sr x*_r, and gross
    imports.

    ``contents`` is what a US$ of each product adds to the exports of the m sellers
    inside, and to those of the partners to the inside: the rows A_sr of the sellers
    times B. ``picked`` is 1 for the sellers, 0 for industries without output.
    """
    n, c = products.X.shape
    x = products.output
    every = in_cells(products, x, jnp.ones(c, x.dtype))
    sold = [
        in_cells(products, of_industries(k, n) * x, k)
        for k in (borders.partners, borders.inside)
    ]
    own = jnp.array([[1, 0], [0, 1]], x.dtype)
    return Gradients(
        jnp.stack([*contents, *picked]),
        jnp.stack([every, every, *sold]),
        jnp.zeros((2, len(picked[0]), n + c), x.dtype),
        jnp.concatenate([own, own]),
    )


def absorbed_gradients(
    products: Products,
    absorber: Float[Array, " c"],
    origins: Float[Array, "m c"],
    *,
    residual: bool,
) -> Gradients:
    """Value added of each of m origins that one perimeter absorbs."""
    n, c = products.X.shape
    required = products.X @ absorber
    picked = jnp.repeat(origins, n // c, axis=1, total_repeat_length=n)
    return Gradients(
        (origins @ products.content.T)[None],
        in_cells(products, required, absorber)[None],
        _in_table(products, (picked * required[None, :])[None], c, residual=residual),
        jnp.ones((1, 1), required.dtype),
    )


def stack_gradients(first: Gradients, second: Gradients) -> Gradients:
    """Gradients of other measures for the same cases."""
    return Gradients(
        jnp.concatenate([first.left, second.left]),
        jnp.concatenate([first.right, second.right]),
        jnp.concatenate([first.added, second.added]),
        jax.scipy.linalg.block_diag(first.of, second.of),
    )


def weighted(gradients: Gradients, weights: Float[Array, "f m"]) -> Gradients:
    """The gradient of one measure whose derivatives with respect to the f are given."""
    left = gradients.left * jnp.einsum("pf,fm->pm", gradients.of, weights)[:, :, None]
    added = jnp.einsum("fm,fmN->mN", weights, gradients.added)[None]
    of = jnp.ones((len(left), 1), left.dtype)
    return Gradients(left, gradients.right, added, of)


class TradeGradients(NamedTuple):
    """Gradients of b measures: by cell of F, one case each, and by value added, dJ/dv.

    An axis b comes first in every array of ``cells``.
    """

    cells: Gradients
    by_value_added: Float[Array, "b n"]


def trade_gradients(
    A: Float[Array, "n n"],
    products: Products,
    borders: Sides,
    weights: Float[Array, "b f"],
    *,
    active: Float[Array, " n"],
    size: Float[Array, " n"],
    residual: bool,
) -> TradeGradients:
    """Gradients of functions of value added sold and bought (f = 2), and of gross
    exports and imports besides (f = 4), for b perimeters at once.

    ``weights`` are the derivatives of each with respect to its flows. ``active`` is 1
    for industries with output, ``size`` weighs users in import shares. Gross flows take
    one adjoint solve for all perimeters.
    """
    n, c = products.X.shape
    gross = weights.shape[1] > 2

    def one(borders: Sides, used: Array | None, weight: Array) -> TradeGradients:
        inside, partners = (of_industries(k, n)[None] for k in borders)
        contents = tuple((products.content @ k)[None] for k in borders)
        found = value_added_gradients(
            products, borders, contents, (inside, partners), residual=residual
        )
        if used is not None:
            selling = inside * active[None], partners * active[None]
            more = gross_gradients(products, borders, (used[:1], used[1:]), selling)
            found = stack_gradients(found, more)
        moved = weight[0] * inside[0] * (products.X @ borders.partners)
        moved = moved + weight[1] * partners[0] * (products.X @ borders.inside)
        return TradeGradients(weighted(found, weight[:, None]), moved)

    if not gross:
        return jax.vmap(lambda k, w: one(k, None, w))(borders, weights)
    inside, partners = (
        jnp.repeat(k, n // c, axis=1, total_repeat_length=n) for k in borders
    )
    sold = [(k * active[None]) @ A for k in (inside, partners)]
    bought = jnp.stack([sold[0] * partners, sold[1] * inside], axis=1)
    used = import_share.solve_contents(A, bought.reshape(-1, n).T, regions=c, size=size)
    return jax.vmap(one)(borders, used.X.T.reshape(bought.shape), weights)


def _in_table(
    products: Products, added: Float[Array, "f m n"], regions: int, *, residual: bool
) -> Float[Array, "f m N"]:
    """Derivatives with respect to v, per cell of Z; none of Y."""
    per_cell = (
        added * products.scale[None, None, :] if residual else jnp.zeros_like(added)
    )
    return jnp.pad(per_cell, ((0, 0), (0, 0), (0, regions)))


def of_column_totals(gradients: Gradients, Z: Float[Array, "r n"]) -> Array:
    """Column sums of G o Z, of the r rows that ``gradients.left`` has."""
    left, right, added, of = gradients
    inner = jnp.einsum("pmr,rj->pmj", left, Z) * right[:, None, : Z.shape[1]]
    moved = jnp.einsum("pf,pmj->fmj", of, inner)
    return moved - added[..., : Z.shape[1]] * Z.sum(axis=0)[None, None, :]


def by_reported_output(
    moved: Float[Array, "f m n"],
    scale: Float[Array, " n"],
    v: Float[Array, " n"],
    own: Float[Array, "f m n"],
    *,
    residual: bool,
) -> Float[Array, "f m n"]:
    """Derivatives with respect to reported output: dJ/dx_j = -(Z_.j' dJ/dZ_.j) / x_j.

    ``moved`` are the column sums of G o Z, ``own`` is dJ/dv. Value added that is a row
    of its own also has v = row / x.
    """
    by_row = 0 if residual else own * v[None, None, :]
    return -scale[None, None, :] * (moved + by_row)
