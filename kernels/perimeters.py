"""Perimeters: regions, or groups of regions, whose borders exports cross.

A decomposition splits every matrix at these borders. Where all perimeters are regions,
industries stand in equal consecutive blocks, and what happens inside borders is a batch
of small matrices, one for each region. A group of regions (EU27, NAFTA) as one
perimeter has more industries than others, anywhere in the table: what happens inside
borders is then one n x n matrix with zeros elsewhere. ``Perimeters`` hides which.

    c       perimeters; member[i, r] = 1 where industry i belongs to r
    inside  a matrix of what stays inside borders: c x s x s, or n x n with zeros
"""

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from tivax.kernels import leontief

Inside = Float[Array, "c s s"] | Float[Array, "n n"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Perimeters:
    """Who belongs together; ``blocks`` says that all are equal and consecutive."""

    member: Float[Array, "n c"]
    blocks: bool = field(metadata={"static": True}, default=False)

    @property
    def count(self) -> int:
        return self.member.shape[1]

    @property
    def abroad(self) -> Float[Array, "n c"]:
        """1 where industry i does not belong to r."""
        return 1 - self.member

    def inside(self, M: Float[Array, "n n"]) -> Inside:
        """The part of a matrix that stays inside borders."""
        if self.blocks:
            return leontief.domestic_blocks(M, regions=self.count)
        return M * (self.member @ self.member.T)

    def own(self, Q: Float[Array, "n c"]) -> Float[Array, " n"]:
        """Each industry's entry for its own perimeter."""
        return (Q * self.member).sum(axis=1)

    def total(self, Q: Float[Array, " n *k"]) -> Float[Array, " c *k"]:
        """Sum over the industries of each perimeter."""
        return jnp.tensordot(self.member, Q, axes=(0, 0))

    def buyers(
        self, A: Float[Array, "n n"], Q: Float[Array, " n *k c"]
    ) -> Float[Array, " n *k c"]:
        """Sales to each buying perimeter, weighted as the seller's perimeter has it.

        R[i, r] = sum over j in r of A[i, j] Q[j, s(i)], s(i) the perimeter of i: what
        industry i sells to r for what Q says of its own perimeter s. Costs n^2, not
        n^2 c.
        """
        n, c = self.member.shape
        if self.blocks:
            s = n // c
            flows = A.reshape(c, s, c, s)  # [seller s, i, buyer r, j]
            weights = Q.reshape(c, s, -1, c)  # [r, j, k, s]
            sold = jnp.einsum("sirj,rjks->sikr", flows, weights)
            return sold.reshape(n, *Q.shape[1:])
        weights = jnp.moveaxis(Q, 0, -1).reshape(-1, c, n)  # [k, s, j]
        sold = [(A * (self.member @ each)) @ self.member for each in weights]
        return jnp.stack(sold, axis=1).reshape(n, *Q.shape[1:])


def equal_regions(n: int, regions: int, dtype: jnp.dtype) -> Perimeters:
    """Every region its own perimeter: c consecutive blocks of n / c industries."""
    own = jnp.eye(regions, dtype=dtype)
    return Perimeters(
        jnp.repeat(own, n // regions, axis=0, total_repeat_length=n), blocks=True
    )


def identity(D: Inside) -> Array:
    """The identity matrix in the form of ``D``."""
    return jnp.eye(D.shape[-1], dtype=D.dtype)[(None,) * (D.ndim - 2)]


def times(D: Inside, Q: Float[Array, " n *k"]) -> Float[Array, " n *k"]:
    """D Q for any number of columns."""
    return _each(D, Q, lambda M, q: M @ q)


def left(q: Float[Array, " n"], D: Inside) -> Float[Array, " n"]:
    """q'D."""
    return times(jnp.swapaxes(D, -1, -2), q)


def solve(D: Inside, Q: Float[Array, " n *k"]) -> Float[Array, " n *k"]:
    """D^-1 Q. D has the identity added: a row of zeros would be singular."""
    return _each(D, Q, jnp.linalg.solve)


def solve_left(q: Float[Array, " n"], D: Inside) -> Float[Array, " n"]:
    """q'D^-1."""
    return solve(jnp.swapaxes(D, -1, -2), q)


def inverse(D: Inside) -> Array:
    """D^-1."""
    return jnp.linalg.inv(D)


def _each(D: Inside, Q: Array, run) -> Array:
    size = D.shape[-1]
    shaped = Q.reshape(*D.shape[:-2], size, -1)
    return run(D, shaped).reshape(Q.shape)
