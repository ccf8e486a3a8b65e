"""One year's table in row slabs: what some selling regions sell, one after another.

A year too large for ``import_share.solve`` is read slab by slab. Here is what is made
of a slab: once the coefficients in float32 and the sums behind the preconditioner, all
from one read of it; then products with the flows, a read of the table each.

Symbols as in ``kernels.leontief`` and ``kernels.import_share``; besides,

    m   rows of a slab, those of p selling regions, of which ``first`` is the first
    w   weights of using industries in the import shares
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.sharding import Mesh, PartitionSpec
from jaxtyping import Array, Float, Int

from .import_share import (
    ImportShares,
    apply_inverse,
    apply_transposed,
    from_imports,
    transposed,
)
from .leontief import growth_rate, sales_to_regions
from .perimeters import Inside
from .refinement import correction, in_tiles

_PRECISION = "highest"  # float32 as it is, not TF32: see ``kernels.import_share``


class Slab(NamedTuple):
    """A slab's coefficients in float32 and its part of every sum over the table.

    ``D`` are flows at home of the regions in it, ``bought`` what each region buys of
    their goods with weights w, 0 at home; ``inputs`` and ``columns`` are sums over the
    rows, of coefficients by good and of flows.
    """

    A: Float[Array, "m n"]
    D: Float[Array, "p s s"]
    bought: Float[Array, "p s c"]
    inputs: Float[Array, "s n"]
    columns: Float[Array, " n"]


@partial(jax.jit, static_argnames="regions")
def read_slab(
    Z: Float[Array, "m n"],
    scale: Float[Array, " n"],
    weight: Float[Array, " n"],
    first: Int[Array, ""],
    *,
    regions: int,
) -> Slab:
    """Everything that is needed of a slab of flows, with A = Z diag(scale)."""
    m, n = Z.shape
    s = n // regions
    p = m // s
    by_good = Z.reshape(p, s, n).sum(axis=0)
    A = (Z * scale[None, :]).astype(jnp.float32)
    own = jnp.eye(regions, dtype=A.dtype)
    D = jax.vmap(lambda rows, d: jax.lax.dynamic_slice_in_dim(rows, d * s, s, axis=1))(
        Z.reshape(p, s, n), first + jnp.arange(p)
    )
    with jax.default_matmul_precision(_PRECISION):
        bought = sales_to_regions(A, weight, regions=regions).reshape(p, s, regions)
    at_home = jax.lax.dynamic_slice_in_dim(own, first, p)
    return Slab(
        A,
        D,
        bought * (1 - at_home[:, None, :]),
        by_good * scale[None, :],
        by_good.sum(axis=0),
    )


@jax.jit
def shares_of_slabs(
    D: Float[Array, "c s s"],
    inputs: Float[Array, "s n"],
    bought: Float[Array, "c s c"],
    scale: Float[Array, " n"],
) -> tuple[Float[Array, "c s s"], ImportShares]:
    """Domestic coefficients in float32 and the preconditioner, from the slabs: D and
    ``bought`` of all, ``inputs`` added."""
    c, s, _ = D.shape
    low = (D * scale.reshape(c, 1, s)).astype(bought.dtype)
    every = jnp.swapaxes(inputs.reshape(s, c, s), 0, 1).astype(bought.dtype)
    with jax.default_matmul_precision(_PRECISION):
        return low, from_imports(low, every - low, bought)


class SlabSums(NamedTuple):
    """A slab's part of what a check needs: sales of its rows to each region, and to
    each s-th industry (the regions of columns that run sector by sector); column sums;
    cells below 0, and cells that are not finite."""

    to_regions: Float[Array, "m c"]
    to_every: Float[Array, "m c"]
    columns: Float[Array, " n"]
    negative: Int[Array, ""]
    not_finite: Int[Array, ""]


@partial(jax.jit, static_argnames="regions")
def sums_of_slab(Z: Float[Array, "m n"], *, regions: int) -> SlabSums:
    """Sums of a slab's flows."""
    m, n = Z.shape
    return SlabSums(
        Z.reshape(m, regions, n // regions).sum(axis=2),
        Z.reshape(m, n // regions, regions).sum(axis=1),
        Z.sum(axis=0),
        (Z < 0).sum(),
        (~jnp.isfinite(Z)).sum(),
    )


@jax.jit
def spectral_radius(A: Float[Array, "N n"]) -> Float[Array, ""]:
    """``leontief.spectral_radius`` with float32 coefficients: to four digits."""
    n = A.shape[1]
    with jax.default_matmul_precision(_PRECISION):
        return growth_rate(lambda z: (A @ z)[:n], jnp.ones(n, A.dtype), change=1e-6)


@partial(jax.jit, static_argnames="mesh")
def correct(
    A: Float[Array, "N n"],
    P: ImportShares,
    r: Float[Array, "n k"],
    goal: Float[Array, " k"],
    *,
    mesh: Mesh | None = None,
) -> tuple[Float[Array, "n k"], Int[Array, ""]]:
    """``refinement.correction`` with float32 coefficients.

    With a ``mesh``, which is static, the rows of A lie on its devices, as many on each
    (N: rows of zeros are added), and products are gathered from them.
    """

    def gathered(A: Float[Array, "m n"], d: Float[Array, "n k"]) -> Array:
        rows = in_tiles(lambda d: A @ d, d)
        return jax.lax.all_gather(rows, "rows", tiled=True)[: len(d)]

    def whole(A: Float[Array, "n n"], d: Float[Array, "n k"]) -> Array:
        return in_tiles(lambda d: A @ d, d)

    product = whole if mesh is None else gathered

    def corrected(A: Array, P: ImportShares, r: Array, goal: Array) -> Any:
        return correction(partial(product, A), partial(apply_inverse, P), r, goal)

    with jax.default_matmul_precision(_PRECISION):
        return _on_mesh(corrected, mesh, 4)(A, P, r, goal)


@partial(jax.jit, static_argnames="mesh")
def correct_contents(
    A: Float[Array, "N n"],
    D: Inside,
    P: ImportShares,
    exporting: Float[Array, "n k"] | None,
    r: Float[Array, "n k"],
    goal: Float[Array, " k"],
    *,
    mesh: Mesh | None = None,
) -> tuple[Float[Array, "n k"], Int[Array, ""]]:
    """The same of the transposed system (``import_share.solve_contents``): with a mesh
    each device has a part of every sum."""

    def summed(A: Float[Array, "m n"], C: Float[Array, "n k"]) -> Array:
        missing = A.shape[0] * jax.lax.axis_size("rows") - len(C)
        rows = jnp.pad(C, ((0, missing), (0, 0)))
        at = jax.lax.axis_index("rows") * len(A)
        here = jax.lax.dynamic_slice_in_dim(rows, at, len(A))
        return jax.lax.psum(A.T @ here, "rows")

    def whole(A: Float[Array, "n n"], C: Float[Array, "n k"]) -> Array:
        return A.T @ C

    product = whole if mesh is None else summed

    def corrected(A: Array, r: Array, goal: Array) -> Any:
        times = transposed(partial(product, A), D, exporting)
        apply = partial(apply_transposed, P, exporting=exporting)
        return correction(times, apply, r, goal)

    with jax.default_matmul_precision(_PRECISION):
        return _on_mesh(corrected, mesh, 3)(A, r, goal)


def _on_mesh(run: Callable[..., Any], mesh: Mesh | None, count: int) -> Callable:
    """``run`` with its first argument divided by rows, the others on every device."""
    if mesh is None:
        return run
    everywhere = PartitionSpec()
    return jax.shard_map(
        run,
        mesh=mesh,
        in_specs=(PartitionSpec("rows"), *[everywhere] * (count - 1)),
        out_specs=everywhere,
        check_vma=False,
    )


@jax.jit
def times(Z: Float[Array, "m n"], Q: Float[Array, "n k"]) -> Float[Array, "m k"]:
    """Z Q, the rows of the slab."""
    return in_tiles(lambda Q: Z @ Q, Q)


@jax.jit
def transposed_times(
    Z: Float[Array, "m n"], Q: Float[Array, "m k"]
) -> Float[Array, "n k"]:
    """The part of Z' Q that comes of the slab and its rows of Q."""
    return Z.T @ Q


@jax.jit
def add_transposed(
    total: Float[Array, "n k"],
    Z: Float[Array, "m n"],
    Q: Float[Array, "n k"],
    first: Int[Array, ""],
) -> Float[Array, "n k"]:
    """``total`` and the part of Z' Q that comes of the slab, whose rows begin with
    ``first``."""
    rows = jax.lax.dynamic_slice_in_dim(Q, first, len(Z))
    return total + transposed_times(Z, rows)


@partial(jax.jit, static_argnames="regions")
def buyers(
    Z: Float[Array, "m n"],
    Q: Float[Array, "n k c"],
    first: Int[Array, ""],
    *,
    regions: int,
) -> Float[Array, "m k c"]:
    """Sales to each region when output there is column s of Q, s the seller: the rows
    of ``perimeters.Perimeters.buyers``."""
    m, n = Z.shape
    s = n // regions
    p = m // s
    theirs = jax.lax.dynamic_slice_in_dim(Q, first, p, axis=2)
    weights = jnp.moveaxis(theirs, 2, 0).reshape(p, regions, s, -1)  # [s, r, j, k]
    flows = Z.reshape(p, s, regions, s)
    sold = jax.lax.map(lambda each: jnp.einsum("irj,rjk->ikr", *each), (flows, weights))
    return sold.reshape(m, -1, regions)
