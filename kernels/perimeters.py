"""Perimeters: regions, or groups of regions, at whose borders exports are counted.

A decomposition splits every matrix at these borders. Where all perimeters are regions,
industries are equal consecutive blocks, and what happens inside borders is a batch of
small matrices, one for each region. A group of regions (EU27, NAFTA) as one
perimeter has more industries than others, anywhere in the table: what happens inside
borders is then one n x n matrix with zeros elsewhere. ``Perimeters`` hides which.

    c       perimeters; member[i, r] = 1 where industry i belongs to r
    inside  a matrix of what stays inside borders (``kernels.operators``)
"""

from dataclasses import dataclass, field
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from . import leontief
from .operators import Flows, Inside, Matrix


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

    def inside(self, M: Matrix) -> Inside:
        """The part of a matrix that stays inside borders."""
        if isinstance(M, Flows):
            assert M.inside is not None
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
        self, A: Matrix, *outputs: Float[Array, " n"]
    ) -> list[Float[Array, "n c"]]:
        """Sales to each buying perimeter, sums over j in r of A[i, j] q[j], for
        each output q of ``outputs``."""
        if self.blocks and not isinstance(A, Flows):
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

    def buyers(self, A: Matrix, Q: Float[Array, " n *k c"]) -> Float[Array, " n *k c"]:
        """Sales to each buying perimeter, with the weights of the seller's perimeter.

        R[i, r] = sum over j in r of A[i, j] Q[j, s(i)], s(i) the perimeter of i: sales
        of industry i to r when output there is column s of Q. Costs n^2, not n^2 c.
        """
        if isinstance(A, Flows):
            assert A.buyers is not None
            return A.buyers(Q)
        n, c = self.member.shape
        if self.blocks:
            s = n // c
            flows = A.reshape(c, s, c, s)  # [seller s, i, buyer r, j]
            weights = jnp.moveaxis(Q, -1, 0).reshape(c, c, s, -1)  # [s, r, j, k]
            sold = jax.lax.platform_dependent(
                flows, weights, cpu=_seller_by_seller, default=_sellers_at_once
            )
            return sold.reshape(n, *Q.shape[1:])
        weights = jnp.moveaxis(Q, 0, -1).reshape(-1, c, n)  # [k, s, j]
        sold = [(A * (self.member @ each)) @ self.member for each in weights]
        return jnp.stack(sold, axis=1).reshape(n, *Q.shape[1:])


def _seller_by_seller(
    flows: Float[Array, "c s c s"], weights: Float[Array, "c c s k"]
) -> Float[Array, "c s k c"]:
    """Without the copy of the flows in another order that all at once would need."""
    return jax.lax.map(lambda each: jnp.einsum("irj,rjk->ikr", *each), (flows, weights))


def _sellers_at_once(
    flows: Float[Array, "c s c s"], weights: Float[Array, "c c s k"]
) -> Float[Array, "c s k c"]:
    """A GPU would start several programs for each seller."""
    return jnp.einsum("sirj,srjk->sikr", flows, weights)


def equal_regions(n: int, regions: int, dtype: jnp.dtype) -> Perimeters:
    """Every region its own perimeter: c consecutive blocks of n / c industries."""
    return Perimeters(_members(n, regions, dtype), blocks=True)


@partial(jax.jit, static_argnames=("n", "regions", "dtype"))
def _members(n: int, regions: int, dtype: jnp.dtype) -> Float[Array, "n c"]:
    own = jnp.eye(regions, dtype=dtype)
    return jnp.repeat(own, n // regions, axis=0, total_repeat_length=n)
