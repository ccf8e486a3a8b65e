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
from .import_share import product as whole_product
from .leontief import growth_rate, sales_to_regions
from .operators import Inside
from .operators import multiply as multiply_inside
from .refinement import correction, in_tiles

_PRECISION = "highest"  # float32 as it is, not TF32: see ``kernels.import_share``


class Slab(NamedTuple):
    """A slab's imported inputs per US$ of output in float32, zero at home, and its part
    of every sum over the table.

    ``D`` are flows at home of the regions in it, ``bought`` what each region buys of
    their goods with weights w, 0 at home; ``inputs`` and ``columns`` are sums over the
    rows, of coefficients by good and of flows.
    """

    F: Float[Array, "m n"]
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
    D = jax.vmap(lambda rows, d: jax.lax.dynamic_slice_in_dim(rows, d * s, s, axis=1))(
        Z.reshape(p, s, n), first + jnp.arange(p)
    )
    nothing = jnp.zeros((s, s), jnp.float32)

    def cut(k: Int[Array, ""], F: Float[Array, "m n"]) -> Float[Array, "m n"]:
        return jax.lax.dynamic_update_slice(F, nothing, (k * s, (first + k) * s))

    F = jax.lax.fori_loop(0, p, cut, (Z * scale[None, :]).astype(jnp.float32))
    with jax.default_matmul_precision(_PRECISION):
        bought = sales_to_regions(F, weight, regions=regions).reshape(p, s, regions)
    return Slab(F, D, bought, by_good * scale[None, :], by_good.sum(axis=0))


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
def spectral_radius(
    F: Float[Array, "N n"], D: Float[Array, "c s s"]
) -> Float[Array, ""]:
    """``leontief.spectral_radius`` with float32 coefficients: to four digits."""
    n = F.shape[1]

    def times(z: Float[Array, " n"]) -> Float[Array, " n"]:
        return (F @ z)[:n] + multiply_inside(D, z)

    with jax.default_matmul_precision(_PRECISION):
        return growth_rate(times, jnp.ones(n, F.dtype), change=1e-6)


@partial(jax.jit, static_argnames="mesh")
def product(
    F: Float[Array, "N n"],
    D: Float[Array, "c s s"],
    X: Float[Array, "n k"],
    *,
    mesh: Mesh | None = None,
) -> Float[Array, "n k"]:
    """A X with float32 coefficients (``import_share.product``).

    With a ``mesh``, which is static, the rows of F lie on its devices, as many on each
    (N: rows of zeros are added), and products are gathered from them.
    """

    return _on_mesh(_product(mesh), mesh, F, D, X)


@partial(jax.jit, static_argnames="mesh")
def correct(
    F: Float[Array, "N n"],
    D: Float[Array, "c s s"],
    P: ImportShares,
    r: Float[Array, "n k"],
    goal: Float[Array, " k"],
    *,
    mesh: Mesh | None = None,
) -> tuple[Float[Array, "n k"], Int[Array, ""]]:
    """``refinement.correction`` with the products of ``product``."""

    def corrected(F: Array, D: Array, P: Any, r: Array, goal: Array) -> Any:
        times = partial(_product(mesh), F, D)
        return correction(times, partial(apply_inverse, P), r, goal)

    return _on_mesh(corrected, mesh, F, D, P, r, goal)


def _product(mesh: Mesh | None) -> Callable[[Array, Array, Array], Array]:
    def gathered(F: Float[Array, "m n"], D: Array, X: Float[Array, "n k"]) -> Array:
        rows = in_tiles(lambda X: F @ X, X)
        every = jax.lax.all_gather(rows, "rows", tiled=True)[: len(X)]
        return every + multiply_inside(D, X)

    return whole_product if mesh is None else gathered


class Contents(NamedTuple):
    """Coefficients in float32 of a system of contents, but for F: at home, and inside
    of the borders of ``import_share.transposed`` with the industries exporting."""

    D: Float[Array, "c s s"]
    inside: Inside
    exporting: Float[Array, "n k"] | None


@partial(jax.jit, static_argnames="mesh")
def product_of_contents(
    F: Float[Array, "N n"],
    given: Contents,
    C: Float[Array, "n k"],
    *,
    mesh: Mesh | None = None,
) -> Float[Array, "n k"]:
    """A' C of the transposed system (``import_share.solve_contents``): with a mesh each
    device has a part of every sum."""

    def multiplied(F: Array, given: Contents, C: Array) -> Array:
        return _product_of_contents(mesh, F, given)(C)

    return _on_mesh(multiplied, mesh, F, given, C)


@partial(jax.jit, static_argnames="mesh")
def correct_contents(
    F: Float[Array, "N n"],
    given: Contents,
    P: ImportShares,
    r: Float[Array, "n k"],
    goal: Float[Array, " k"],
    *,
    mesh: Mesh | None = None,
) -> tuple[Float[Array, "n k"], Int[Array, ""]]:
    """``correct`` of the transposed system."""

    def corrected(F: Array, given: Contents, P: Any, r: Array, goal: Array) -> Any:
        times = _product_of_contents(mesh, F, given)
        apply = partial(apply_transposed, P, exporting=given.exporting)
        return correction(times, apply, r, goal)

    return _on_mesh(corrected, mesh, F, given, P, r, goal)


def _product_of_contents(
    mesh: Mesh | None, F: Float[Array, "m n"], given: Contents
) -> Callable[[Array], Array]:
    def summed(C: Float[Array, "n k"]) -> Array:
        missing = len(F) * jax.lax.axis_size("rows") - len(C)
        rows = jnp.pad(C, ((0, missing), (0, 0)))
        at = jax.lax.axis_index("rows") * len(F)
        here = jax.lax.dynamic_slice_in_dim(rows, at, len(F))
        every = jax.lax.psum(F.T @ here, "rows")
        return every + multiply_inside(given.D.mT, C)

    whole = partial(whole_product, F.T, given.D.mT)
    multiply = whole if mesh is None else summed
    return transposed(multiply, given.inside, given.exporting)


def _on_mesh(run: Callable[..., Any], mesh: Mesh | None, *given: Any) -> Any:
    """``run`` of the first argument divided by rows, the others on every device."""
    if mesh is not None:
        everywhere = PartitionSpec()
        places = (PartitionSpec("rows"), *[everywhere] * (len(given) - 1))
        of_part = partial(jax.shard_map, mesh=mesh, check_vma=False)
        run = of_part(run, in_specs=places, out_specs=everywhere)
    with jax.default_matmul_precision(_PRECISION):
        return run(*given)


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
