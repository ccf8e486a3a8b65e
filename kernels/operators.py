"""Matrices of a year, n x n: as arrays, or by what they multiply.

A decomposition multiplies by Z, A or B, and splits them at borders. Where a matrix is
not in memory (it is read in slabs, divided among devices, solved for, or moves along a
draw of errors) ``Flows`` has its products and its diagonal blocks.

What stays inside borders is a batch of small matrices, one for each region, c x s x s;
n x n with zeros where perimeters are groups of regions; or blocks of several sizes
where n x n does not fit in memory.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from . import leontief


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Blocks:
    """Blocks of a matrix inside the borders of perimeters of several sizes: a stack of
    matrices for each size, and the industries of each matrix."""

    stacks: tuple[Float[Array, "_ _ _"], ...]
    rows: tuple[Int[Array, "_ _"], ...]

    def map(self, change: Callable[..., Array], *others: "Blocks") -> "Blocks":
        """``change`` of each stack, and of those of ``others``."""
        stacks = zip(self.stacks, *(k.stacks for k in others), strict=True)
        return Blocks(tuple(change(*each) for each in stacks), self.rows)

    @property
    def mT(self) -> "Blocks":
        return self.map(lambda M: M.mT)


Inside = Float[Array, "c s s"] | Float[Array, "n n"] | Blocks


Product = Callable[[Float[Array, "n k"]], Float[Array, "n k"]]


@dataclass(frozen=True, eq=False)
class Flows:
    """A matrix M that is not an array.

    ``times`` is M Q, ``transposed_times`` M'Q, ``inside`` the part inside borders;
    ``buyers`` as ``Perimeters.buyers``. An inverse has the first two alone.
    """

    times: Product
    transposed_times: Product
    inside: Inside | None = None
    buyers: Callable[[Float[Array, " n *k c"]], Float[Array, " n *k c"]] | None = None

    def __matmul__(self, Q: Float[Array, " n *k"]) -> Float[Array, " n *k"]:
        return self.times(Q.reshape(len(Q), -1)).reshape(Q.shape)

    def __rmatmul__(self, Q: Float[Array, "*k n"]) -> Float[Array, "*k n"]:
        columns = jnp.moveaxis(Q, -1, 0)
        found = self.transposed_times(columns.reshape(len(columns), -1))
        return jnp.moveaxis(found.reshape(columns.shape), 0, -1)

    def scaled(self, scale: Float[Array, " n"]) -> "Flows":
        """M diag(scale)."""
        buyers, inside = self.buyers, self.inside

        def weighted(Q: Float[Array, " n *k"]) -> Float[Array, " n *k"]:
            return scale.reshape(-1, *[1] * (Q.ndim - 1)) * Q

        return Flows(
            lambda Q: self.times(weighted(Q)),
            lambda Q: weighted(self.transposed_times(Q)),
            None if inside is None else of_columns(inside, scale),
            None if buyers is None else lambda Q: buyers(weighted(Q)),
        )

    def plus(self, other: "Flows") -> "Flows":
        """Products with the sum."""
        return Flows(
            lambda Q: self.times(Q) + other.times(Q),
            lambda Q: self.transposed_times(Q) + other.transposed_times(Q),
        )

    def among(self, member: Float[Array, "c p"] | None) -> "Flows":
        """The same, buyers grouped as regions are: ``member`` of regions."""
        if member is None or (buyers := self.buyers) is None:
            return self
        return replace(self, buyers=lambda Q: buyers(Q @ member.T) @ member)


Matrix = Float[Array, "n n"] | Flows


def dense(M: Matrix) -> Float[Array, "n n"]:
    """The cells of a matrix that is in memory.

    Raises ``TypeError`` for one that is not.
    """
    if isinstance(M, Flows):
        raise TypeError("a matrix that is not in memory has no cells, only products")
    return M


def of_coefficients(Z: Matrix, scale: Float[Array, " n"]) -> Matrix:
    """A = Z diag(scale)."""
    return Z.scaled(scale) if isinstance(Z, Flows) else Z * scale[None, :]


def sums(M: Matrix, axis: int, like: Float[Array, " n"]) -> Float[Array, " n"]:
    """Sums of rows (axis 1) or of columns, ``like`` a vector of its length."""
    if not isinstance(M, Flows):
        return M.sum(axis=axis)
    one = jnp.ones_like(like)
    return M @ one if axis == 1 else one @ M


# ------------------------------------------------------- that move along a direction


def _along(
    value: Product, change: Callable[[Array, Array], Array]
) -> Callable[[Array, Array], Array]:
    """A product with a matrix that t moves, at t = 0: ``value(Q)``, whose derivative is
    ``value(dQ) + dt change(Q, value(Q))``."""

    @jax.custom_jvp
    def product(t: Array, Q: Array) -> Array:
        return value(Q)

    @product.defjvp
    def _(primals: tuple, tangents: tuple) -> tuple[Array, Array]:
        (_, Q), (dt, dQ) = primals, tangents
        made = value(Q)
        return made, value(dQ) + dt * change(Q, made)

    return product


def moved(M: Flows, by: Flows, t: Float[Array, ""]) -> Flows:
    """M + t ``by`` at t = 0, differentiable in t."""
    assert M.inside is not None and by.inside is not None
    assert M.buyers is not None and by.buyers is not None

    def both(own: Product, other: Product) -> Product:
        return partial(_along(own, lambda Q, _: other(Q)), t)

    return Flows(
        both(M.times, by.times),
        both(M.transposed_times, by.transposed_times),
        _each(lambda D, E: D + t * E, M.inside, by.inside),
        both(M.buyers, by.buyers),
    )


def moved_inverse(B: Flows, by: Flows, t: Float[Array, ""]) -> Flows:
    """The inverse of I - A - t ``by`` at t = 0, differentiable in t: dB = B dA B."""

    def both(own: Product, other: Product) -> Product:
        return partial(_along(own, lambda _, made: own(other(made))), t)

    return Flows(both(B.times, by.times), both(B.transposed_times, by.transposed_times))


@jax.custom_jvp
def _inverse_product(
    A: Float[Array, "n n"], B: Float[Array, "n n"], Q: Float[Array, "n k"]
) -> Float[Array, "n k"]:
    return B @ Q


@_inverse_product.defjvp
def _(primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    A, B, Q = primals
    dA, _, dQ = tangents
    product = B @ Q
    return product, B @ (dQ + dA @ product)


def lazy_inverse(A: Float[Array, "n n"], B: Float[Array, "n n"]) -> Flows:
    """B = (I - A)^-1 for products only, with dB = B dA B never formed.

    A derivative of B Q costs two thin products where that of B would cost two products
    of n x n matrices.
    """
    B = jax.lax.stop_gradient(B)
    return Flows(partial(_inverse_product, A, B), partial(_inverse_product, A.T, B.T))


# ------------------------------------------------------------ what stays inside borders


def _each(change: Callable[..., Array], D: Inside, *others: Any) -> Inside:
    """``change`` of each stack, or of the whole array."""
    if isinstance(D, Blocks):
        return D.map(change, *others)
    return change(D, *others)


def less(D: Inside) -> Inside:
    """I - D."""

    def from_one(D: Float[Array, "*b k k"]) -> Float[Array, "*b k k"]:
        return jnp.eye(D.shape[-1], dtype=D.dtype)[(None,) * (D.ndim - 2)] - D

    return _each(from_one, D)


def product(D: Inside, E: Inside) -> Inside:
    """D E."""
    return _each(jnp.matmul, D, E)


@jax.jit
def multiply(D: Inside, Q: Float[Array, " n *k"]) -> Float[Array, " n *k"]:
    """D Q for any number of columns."""
    if isinstance(D, Blocks):
        result = jnp.zeros_like(Q)
        for stack, rows in zip(D.stacks, D.rows, strict=True):
            some = Q[rows]
            made = stack @ some.reshape(*rows.shape, -1)
            result = result.at[rows].set(made.reshape(some.shape))
        return result
    shaped = Q.reshape(*D.shape[:-1], -1)
    return (D @ shaped).reshape(Q.shape)


def left_multiply(q: Float[Array, " n"], D: Inside) -> Float[Array, " n"]:
    """q'D."""
    return multiply(D.mT, q)


def of_columns(D: Inside, scale: Float[Array, " n"]) -> Inside:
    """D diag(scale), of blocks."""
    if isinstance(D, Blocks):
        pairs = zip(D.stacks, D.rows, strict=True)
        return Blocks(tuple(M * scale[k][:, None, :] for M, k in pairs), D.rows)
    return D * scale.reshape(len(D), 1, -1)


def diagonal(D: Inside) -> Float[Array, " n"]:
    """The entries D_ii."""
    if not isinstance(D, Blocks):
        return jnp.diagonal(D, axis1=-2, axis2=-1).reshape(-1)
    result = jnp.zeros(sum(k.size for k in D.rows), D.stacks[0].dtype)
    for stack, rows in zip(D.stacks, D.rows, strict=True):
        result = result.at[rows].set(jnp.diagonal(stack, axis1=-2, axis2=-1))
    return result


def _by_stack(change: Callable[[Array], Array], D: Blocks) -> Blocks:
    return D.map(lambda M: change(M[0])[None] if len(M) == 1 else change(M))


def inverse(D: Inside) -> Inside:
    """D^-1, for I - A_ss, B_ss and what adds trade to I (``leontief.inverses``)."""
    return _by_stack(_inverse, D) if isinstance(D, Blocks) else _inverse(D)


def _inverse(D: Float[Array, "*b k k"]) -> Float[Array, "*b k k"]:
    return jnp.linalg.inv(D) if D.ndim == 2 else leontief.inverses(D)


def differentiable_inverse(D: Inside) -> Inside:
    """``inverse``, with d(D^-1) = -D^-1 dD D^-1."""
    rule = _inverse_with_rule
    return _by_stack(rule, D) if isinstance(D, Blocks) else rule(D)


@jax.custom_jvp
def _inverse_with_rule(D: Float[Array, "*b k k"]) -> Float[Array, "*b k k"]:
    return _inverse(D)


@_inverse_with_rule.defjvp
def _(primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    (D,), (dD,) = primals, tangents
    inverted = _inverse(D)
    return inverted, -inverted @ dD @ inverted
