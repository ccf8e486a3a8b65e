"""Perimeters: regions, or groups of regions, at whose borders exports are counted.

A decomposition splits every matrix at these borders. Where all perimeters are regions,
industries are equal consecutive blocks, and what happens inside borders is a batch of
small matrices, one for each region. A group of regions (EU27, NAFTA) as one
perimeter has more industries than others, anywhere in the table: what happens inside
borders is then one n x n matrix with zeros elsewhere. ``Perimeters`` hides which.

    c       perimeters; member[i, r] = 1 where industry i belongs to r
    inside  a matrix of what stays inside borders: c x s x s, or n x n with zeros, or
            blocks of several sizes where n x n does not fit in memory
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
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

    def __add__(self, other: "Blocks") -> "Blocks":
        return self.map(jnp.add, other)

    def __sub__(self, other: "Blocks") -> "Blocks":
        return self.map(jnp.subtract, other)

    def __rmul__(self, factor: Float[Array, ""]) -> "Blocks":
        return self.map(partial(jnp.multiply, factor))

    @property
    def mT(self) -> "Blocks":
        return self.map(lambda M: M.mT)


Inside = Float[Array, "c s s"] | Float[Array, "n n"] | Blocks


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Perimeters:
    """Membership of industries; ``blocks``: perimeters are equal and consecutive."""

    member: Float[Array, "n c"]
    blocks: bool = field(metadata={"static": True}, default=False)

    @property
    def count(self) -> int:
        return self.member.shape[1]

    @property
    def abroad(self) -> Float[Array, "n c"]:
        """1 where industry i does not belong to r."""
        return 1 - self.member

    def inside(self, M: Any) -> Inside:
        """The part of a matrix (n, n) that stays inside borders, or what it says of
        itself where it is not in memory (``inside``)."""
        if not isinstance(M, jax.Array | np.ndarray):
            return M.inside
        if self.blocks:
            return leontief.domestic_blocks(M, regions=self.count)
        # Where member is a constant, XLA would multiply it out while compiling, for
        # minutes.
        member = jax.lax.optimization_barrier(self.member)
        return M * (member @ member.T)

    def own(self, Q: Float[Array, "n c"]) -> Float[Array, " n"]:
        """Each industry's entry for its own perimeter."""
        return (Q * self.member).sum(axis=1)

    def total(self, Q: Float[Array, " n *k"]) -> Float[Array, " c *k"]:
        """Sum over the industries of each perimeter."""
        return jnp.tensordot(self.member, Q, axes=(0, 0))

    def by_sector(
        self, Q: Float[Array, " n *k"], *, sectors: int
    ) -> Float[Array, "c s *k"]:
        """Sum over the regions of each perimeter, where n = regions x sectors."""
        each = Q.reshape(-1, sectors, *Q.shape[1:])
        return jnp.tensordot(self.member[::sectors], each, axes=(0, 0))

    def by_buyer(
        self, A: Any, *outputs: Float[Array, " n"]
    ) -> list[Float[Array, "n c"]]:
        """Sales to each buying perimeter, sums over j in r of A[i, j] q[j], for
        each output q of ``outputs``."""
        if self.blocks and isinstance(A, jax.Array | np.ndarray):
            weights = jnp.stack(outputs)
            return [*leontief.sales_by_weights(A, weights, regions=self.count)]
        return [A @ (self.member * q[:, None]) for q in outputs]

    def by_origin(
        self, q: Float[Array, " n"], B: Float[Array, "n n"]
    ) -> Float[Array, "n c"]:
        """Content of each column by perimeter of origin: sum over i in r of q[i] B[i,
        j]."""
        if not self.blocks:
            return ((self.member * q[:, None]).T @ B).T
        rows = B.reshape(self.count, -1, len(B))
        return jnp.einsum("ci,cij->jc", q.reshape(self.count, -1), rows)

    def buyers(self, A: Any, Q: Float[Array, " n *k c"]) -> Float[Array, " n *k c"]:
        """Sales to each buying perimeter, with the weights of the seller's perimeter.

        R[i, r] = sum over j in r of A[i, j] Q[j, s(i)], s(i) the perimeter of i: sales
        of industry i to r when output there is column s of Q. Costs n^2, not n^2 c.
        Where A (n, n) is not in memory it does it itself (``buyers``).
        """
        if not isinstance(A, jax.Array | np.ndarray):
            return A.buyers(Q)
        n, c = self.member.shape
        if self.blocks:
            s = n // c
            flows = A.reshape(c, s, c, s)  # [seller s, i, buyer r, j]
            weights = jnp.moveaxis(Q, -1, 0).reshape(c, c, s, -1)  # [s, r, j, k]
            # A seller at a time: all at once, XLA would first copy A in another order.
            sold = jax.lax.map(
                lambda each: jnp.einsum("irj,rjk->ikr", *each), (flows, weights)
            )
            return sold.reshape(n, *Q.shape[1:])
        weights = jnp.moveaxis(Q, 0, -1).reshape(-1, c, n)  # [k, s, j]
        sold = [(A * (self.member @ each)) @ self.member for each in weights]
        return jnp.stack(sold, axis=1).reshape(n, *Q.shape[1:])


def equal_regions(n: int, regions: int, dtype: jnp.dtype) -> Perimeters:
    """Every region its own perimeter: c consecutive blocks of n / c industries."""
    return Perimeters(_members(n, regions, dtype), blocks=True)


@partial(jax.jit, static_argnames=("n", "regions", "dtype"))
def _members(n: int, regions: int, dtype: jnp.dtype) -> Float[Array, "n c"]:
    own = jnp.eye(regions, dtype=dtype)
    return jnp.repeat(own, n // regions, axis=0, total_repeat_length=n)


def identity(D: Inside) -> Any:
    """The identity matrix in the form of ``D``."""
    if isinstance(D, Blocks):
        return D.map(identity)
    return jnp.eye(D.shape[-1], dtype=D.dtype)[(None,) * (D.ndim - 2)]


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


def of_columns(D: Inside, scale: Float[Array, " n"]) -> Any:
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


def inverse(D: Inside) -> Any:
    """D^-1, for I - A_ss, B_ss and what adds trade to I (``leontief.inverses``)."""
    if isinstance(D, Blocks):
        return _by_stack(inverse, D)
    return jnp.linalg.inv(D) if D.ndim == 2 else leontief.inverses(D)


def differentiable_inverse(D: Inside) -> Any:
    """``inverse``, with d(D^-1) = -D^-1 dD D^-1."""
    return _by_stack(_inverse, D) if isinstance(D, Blocks) else _inverse(D)


@jax.custom_jvp
def _inverse(D: Float[Array, "*b k k"]) -> Float[Array, "*b k k"]:
    return inverse(D)


@_inverse.defjvp
def _(primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    (D,), (dD,) = primals, tangents
    inverted = inverse(D)
    return inverted, -inverted @ dD @ inverted
