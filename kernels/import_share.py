"""The fast solve: an iteration preconditioned by import shares.

We want X = (I - A)^-1 Y for a few columns Y (one for each absorbing region). An
LU factorisation costs (2/3) n^3 flops, an iteration 2 n^2 k a pass for k columns:
for n = 2464 and k = 44, nineteen passes cost one factorisation. An iteration
with four to seven passes therefore wins, if it can take most of them in float32.

**The preconditioner.** Split A = D + F into domestic blocks D and imported inputs
F. Statistical offices rarely know which industry uses a good from which partner.
They know how much of input i industry (d, j) imports, and the partners' shares in
region d's imports of i, and spread the second over the first ("import
proportionality"; Dietzenbacher et al. 2013, Economic Systems Research 25). So F is
nearly

    F~[(r, i), (d, j)] = share[r, d, i] * imported[d, i, j],

    imported[d, i, j] = sum over r != d of A[(r, i), (d, j)]
    share[r, d, i]    = sum_j A[(r, i), (d, j)] w[d, j] / the same summed over r != d

with weights w near the activity of the using industry. On WIOD 2013, F - F~ is 20 % of
F in mass, but the errors cancel in products, F w = F~ w: the iteration with
P = I - D - F~ gains a factor of about 200 a step, against 4 for block Jacobi
(P = I - D).

**Whose activity.** The column of an absorbing region is made of what industries do at
home for their own final demand, and of what those of all others export to them. The two
differ in composition (construction at home, chemicals for export), so there are two
sets of shares. One weighs users by what they do for own final demand, (I - D)^-1 y:
columns start from it, each in its own region (where most of its demand is), which
leaves a hundredth of the residual (a thousandth of the synthetic world). The other
weighs them by what they do for export, S from here on. Weights of output, for
everything, gain about 150 a step and cost a pass more.

**Applying P^-1.** Let M collect the imported inputs by using region,
(M z)[d, i] = sum_j imported[d, i, j] z[d, j], and S spread them over the sellers,
(S m)[r, i] = sum over d of share[r, d, i] m[d, i]. Then F~ = S M. With L = (I - D)^-1
and K = M L, the solution of P z = r is

    z = L (r + S m),   where   (I - K S) m = K r.

K is c small blocks (s x s), S is s small blocks (c x c), so this has a seventh of the
operations of a pass over A. The inner equation is solved by three Chebyshev steps, and
L is the product (I + D)(I + D^2)(I + D^4)..., matrix products only: both are rough,
which is harmless in a preconditioner. Two steps are enough where F~ is as far from F as
in WIOD 2013; where imports are proportional, they would cost two passes more.

**The iteration** (iterative refinement; Carson and Higham 2018, SIAM J. Sci. Comput.
40). A cycle solves (I - A) z = R for the present residual R in float32; between two
cycles the residual R = Y - X + A X is computed in float64. Within a cycle
r <- r - z' + A z' with z' = P^-1 r; each cycle ends with an application of P^-1 that
needs no pass over A, so its last pass is the one after which that application is
expected to suffice.

What limits a cycle is how its products round. Every term of a sum rounds like the sum
so far, most of which is bought at home: with A in one piece a cycle ends at 1.0e-6
and two of them at 2e-12. D and F are therefore multiplied apart, and a cycle ends at
1.5e-7, two of them at 1e-14.

**From the other side.** Contents C = B' R, such as value added in a US$ of final demand
(R = v), solve the transposed system, whose preconditioner is made of the same pieces:

    P'^-1 r = L' r + K' m,   where   (I - S' K') m = S' L' r.

A column may be asked of a table in which some industries sell at home only, their
exports cut: then their rows of F are left out, in every product with F' or S'.

**The residual returned** is that of the answer itself: the float64 residual before the
last cycle, less what the cycle's correction z takes from it, (I - A) z. z is a
millionth of X, so that this product can be in float32. It is made anew: the residual
that the recursion carries along would be free, but it does not see the rounding of its
own products, and claimed 2e-15 where 9e-13 was true (a balanced table of 2464
industries). Half a unit of z and A z is added, for the rounding of A to float32.

Where F is far from proportional (every industry has its own single supplier) the
iteration stalls. It never returns silently: the residual says so, and
``kernels.solve`` then solves that year by LU.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .chebyshev import powers
from .leontief import (
    domestic_blocks,
    inputs_by_good,
    sales_by_weights,
    sales_to_regions,
)
from .operators import Inside
from .operators import multiply as multiply_inside
from .refinement import IterativeSolution, correction, in_tiles, refine, whole_tiles

# Where the eigenvalues of I - K S lie on world tables (0.74 to 1.04 on WIOD 2013).
_LOW, _HIGH = 0.74, 1.04
_INNER_STEPS = 3
# (I + D)(I + D^2) ... (I + D^16): D^32 is below 1e-7 for a domestic spectral radius
# of 0.6, which real tables do not exceed by much.
_PRODUCT_FACTORS = 5
# Of the mean: so that a user or a seller of which nothing is known counts a little.
_NOT_NOTHING = 1e-3
# On CPUs "highest" is what float32 means; on GPUs it forbids TF32, whose error of
# 1e-3 would spoil the residual carried along in float32.
_PRECISION = "highest"


class ImportShares(NamedTuple):
    """The preconditioner P of one year: L, K and the import shares S."""

    L: Float[Array, "c s s"]
    K: Float[Array, "c s s"]
    share: Float[Array, "s c c"]


class OwnDemand(NamedTuple):
    """Demand of regions for their own products, which the start uses besides P.

    ``of`` is 1 where a column is mostly final demand of a region's own products,
    ``more`` by how much the shares in what that region buys for it differ from S.
    """

    of: Float[Array, "c k"]
    more: Float[Array, "s c k"]


class Float32(NamedTuple):
    """A year's coefficients in float32: imported inputs F, zero at home, inputs from
    home D, and the preconditioner P."""

    F: Float[Array, "n n"]
    D: Float[Array, "c s s"]
    P: ImportShares


def truncated_inverse(
    D: Float[Array, "c s s"], *, factors: int = _PRODUCT_FACTORS
) -> Float[Array, "c s s"]:
    """About (I - D)^-1, the product (I + D)(I + D^2)(I + D^4)... of ``factors`` terms.

    Equals the first 2^factors terms of I + D + D^2 + ...
    """
    L = jnp.eye(D.shape[1], dtype=D.dtype)[None] + D
    power = D
    for _ in range(factors - 1):
        power = power @ power
        L = L + L @ power
    return L


@partial(jax.jit, static_argnames="regions")
def import_shares(
    A: Float[Array, "n n"],
    every_seller: Float[Array, "s n"],
    weight: Float[Array, " n"],
    *,
    regions: int,
) -> ImportShares:
    """Set up P from input coefficients, in the precision that P is to have.

    ``every_seller`` is A summed over the selling regions, ``weight`` the size of the
    using industries.
    """
    s = len(A) // regions
    own = jnp.eye(regions, dtype=A.dtype)
    D = domestic_blocks(A, regions=regions)
    inputs = every_seller.reshape(s, regions, s).astype(A.dtype)  # [i, user d, j]
    imported = jnp.swapaxes(inputs, 0, 1) - D  # [d, i, j]
    bought = sales_to_regions(A, weight, regions=regions).reshape(regions, s, regions)
    bought = bought * (1 - own[:, None, :])  # [seller r, i, user d]
    return from_imports(D, imported, bought)


def from_imports(
    D: Float[Array, "c s s"],
    imported: Float[Array, "c s s"],
    bought: Float[Array, "c s c"],
    L: Float[Array, "c s s"] | None = None,
) -> ImportShares:
    """P from domestic blocks, imported inputs [user d, i, j], and what every region
    buys of each seller's goods, with the weights: [seller r, i, user d], 0 at home.

    L is made of D where it is not given.
    """
    L = truncated_inverse(D) if L is None else L
    return ImportShares(L, imported @ L, _shares(bought))


def _shares(bought: Float[Array, "c s c"]) -> Float[Array, "s c c"]:
    """Shares of sellers in each region's imports of a good: [i, seller r, user d].

    Purchases below 0 count as none: sums that cancel would make shares of any size.
    """
    bought = jnp.maximum(bought, 0)
    total = bought.sum(axis=0)
    return jnp.swapaxes(bought / jnp.where(total > 0, total, 1)[None], 0, 1)


def apply_inverse(
    P: ImportShares, r: Float[Array, "n k"], own: OwnDemand | None = None
) -> Float[Array, "n k"]:
    """z = P^-1 r, by the two small systems of the module docstring.

    With ``own``, r is demand: a column's own region imports for it by its own shares.
    """
    c, s, _ = P.L.shape

    def spread(m: Float[Array, "c s k"]) -> Float[Array, "c s k"]:
        goods = jnp.swapaxes(m, 0, 1)
        sold = P.share @ goods
        if own is not None:
            sold = sold + own.more * (own.of[None] * goods).sum(axis=1, keepdims=True)
        return jnp.swapaxes(sold, 0, 1)

    r3 = r.reshape(c, s, -1)
    m = _inner(lambda q: P.K @ spread(q), P.K @ r3)
    return (P.L @ (r3 + spread(m))).reshape(r.shape)


def apply_transposed(
    P: ImportShares,
    r: Float[Array, "n k"],
    exporting: Float[Array, "n k"] | None = None,
) -> Float[Array, "n k"]:
    """z = P'^-1 r, without the imports from industries whose ``exporting`` is 0."""
    c, s, _ = P.L.shape

    def gather(z: Float[Array, "c s k"]) -> Float[Array, "c s k"]:
        if exporting is not None:
            z = z * exporting.reshape(z.shape)
        return jnp.swapaxes(P.share.mT @ jnp.swapaxes(z, 0, 1), 0, 1)

    at_home = P.L.mT @ r.reshape(c, s, -1)
    m = _inner(lambda q: gather(P.K.mT @ q), gather(at_home))
    return (at_home + P.K.mT @ m).reshape(r.shape)


def _inner(
    times: Callable[[Array], Array], b: Float[Array, "..."]
) -> Float[Array, "..."]:
    """m with m - ``times(m)`` = b, about."""
    *lower, highest = powers(steps=_INNER_STEPS, low=_LOW, high=_HIGH)
    m = highest * b
    for each in reversed(lower):
        m = each * b + times(m)
    return m


@partial(jax.jit, static_argnames="regions")
def solve(
    A: Float[Array, "n n"],
    Y: Float[Array, "n k"],
    *,
    regions: int,
    tol: float | Float[Array, ""] = 1e-12,
    scale: Float[Array, " n"] | None = None,
    goods: Float[Array, "s n"] | None = None,
) -> IterativeSolution:
    """X = (I - A)^-1 Y to a relative residual of ``tol``, by import shares.

    Stops short of ``tol`` where a cycle no longer gains a factor of ten: look at
    ``residual``. ``regions`` is static.

    With ``scale`` the matrix is A diag(scale). Flows Z with scale 1 / x give the same
    as their coefficients, in half the time: forming coefficients in float64 costs as
    much as the solve.
    """

    def times(X: Float[Array, "n k"]) -> Float[Array, "n k"]:
        scaled = X if scale is None else scale[:, None] * X
        return in_tiles(lambda X: A @ X, scaled)

    k = Y.shape[1]
    Y = whole_tiles(Y)
    with jax.default_matmul_precision(_PRECISION):
        F, D = in_two_parts(A, regions=regions, scale=scale)
        imported = None
        if goods is not None:
            imported = _abroad(A, goods, scale, regions=regions)
        P, own = by_use(F, D, Y, imported, regions=regions)
        low = partial(product, F, D)
        correct = partial(correction, low, partial(apply_inverse, P))
        start = partial(apply_inverse, P, own=own)
        answer = refine(times, low, correct, Y, tol, start=start)
    return answer._replace(X=answer.X[:, :k])


@partial(jax.jit, static_argnames="regions")
def solve_contents(
    A: Float[Array, "n n"],
    R: Float[Array, "n k"],
    *,
    regions: int,
    size: Float[Array, " n"],
    exporting: Float[Array, "n k"] | None = None,
    tol: float | Float[Array, ""] = 1e-12,
    scale: Float[Array, " n"] | None = None,
) -> IterativeSolution:
    """C = (I - A')^-1 R, as ``solve``: what a US$ of each industry's product contains.

    ``size`` weighs the using industries in the import shares: output, or final demand
    where only coefficients are known. Column k is that of the table without the exports
    of the industries whose ``exporting`` is 0 there (otherwise 1).
    """

    with jax.default_matmul_precision(_PRECISION):
        F, D, P = in_float32(A, size, regions=regions, scale=scale)
        some = None if exporting is None else exporting.astype(jnp.float32)
        low = transposed(partial(product, F.T, D.mT), D, some)
        apply = partial(apply_transposed, P, exporting=some)
        D64 = domestic_blocks(A, regions=regions)
        times = transposed(lambda C: A.T @ C, D64, exporting, scale)
        return refine(times, low, partial(correction, low, apply), R, tol)


def product(
    F: Float[Array, "n n"], D: Float[Array, "c s s"], X: Float[Array, "n k"]
) -> Float[Array, "n k"]:
    """(F + D) X, of which each part is summed by itself."""
    return in_tiles(lambda X: F @ X, X) + multiply_inside(D, X)


def transposed(
    multiply: Callable[[Array], Array],
    D: Inside,
    exporting: Float[Array, "n k"] | None = None,
    scale: Float[Array, " n"] | None = None,
) -> Callable[[Array], Array]:
    """C to A' C, from ``multiply`` by A', without the exports of the industries
    whose ``exporting`` is 0; A and D are flows where there is a ``scale``."""

    def times(C: Float[Array, "n k"]) -> Float[Array, "n k"]:
        abroad = C if exporting is None else exporting * C
        result = multiply(abroad)
        if exporting is not None:
            result = result + multiply_inside(D.mT, C - abroad)
        return result if scale is None else scale[:, None] * result

    return times


def in_float32(
    A: Float[Array, "n n"],
    size: Float[Array, " n"],
    *,
    regions: int,
    scale: Float[Array, " n"] | None = None,
) -> Float32:
    """The coefficients and their preconditioner; ``size`` weighs using industries."""
    F, D = in_two_parts(A, regions=regions, scale=scale)
    bought = sales_to_regions(F, user_weights(size, regions=regions), regions=regions)
    bought = bought.reshape(regions, -1, regions)
    return Float32(F, D, from_imports(D, _imported(F, regions=regions), bought))


def in_two_parts(
    A: Float[Array, "n n"], *, regions: int, scale: Float[Array, " n"] | None = None
) -> tuple[Float[Array, "n n"], Float[Array, "c s s"]]:
    """F and D of A, or of A diag(scale), in float32."""
    if scale is not None:
        A = A * scale[None, :]
    D = domestic_blocks(A, regions=regions).astype(jnp.float32)
    return without_domestic(A.astype(jnp.float32), regions=regions), D


def _imported(F: Float[Array, "n n"], *, regions: int) -> Float[Array, "c s s"]:
    """Imported inputs by good, [user d, i, j]."""
    s = len(F) // regions
    inputs = inputs_by_good(F, regions=regions).reshape(s, regions, s)
    return jnp.swapaxes(inputs, 0, 1)


def _abroad(
    A: Float[Array, "n n"],
    goods: Float[Array, "s n"],
    scale: Float[Array, " n"] | None,
    *,
    regions: int,
) -> Float[Array, "c s s"]:
    """``_imported`` in float32, from inputs by good of all sellers."""
    s = len(goods)
    every = jnp.swapaxes(goods.reshape(s, regions, s), 0, 1)
    abroad = every - domestic_blocks(A, regions=regions)
    if scale is not None:
        abroad = abroad * scale.reshape(regions, 1, s)
    return abroad.astype(jnp.float32)


def by_use(
    F: Float[Array, "n n"],
    D: Float[Array, "c s s"],
    Y: Float[Array, "n k"],
    imported: Float[Array, "c s s"] | None = None,
    *,
    regions: int,
) -> tuple[ImportShares, OwnDemand]:
    """P with users weighed by what they export, and the start that weighs them by what
    they do for own final demand.

    Exports are final ones and those of inputs. These are taken to be what production
    for own demand imports of each good, from the sellers of its final exports.
    """
    c, s, _ = D.shape
    demand = Y.reshape(c, s, -1)
    demand = demand / jnp.maximum(jnp.abs(demand).mean(), jnp.finfo(Y.dtype).tiny)
    largest = jnp.argmax(jnp.abs(demand).sum(axis=1), axis=0)
    of = jnp.arange(c)[:, None] == largest[None, :]  # [region, column]
    own = jnp.where(of[:, None, :], demand, 0).sum(axis=2)
    exported = (demand.sum(axis=2) - own).astype(jnp.float32)

    L = truncated_inverse(D)
    imported = _imported(F, regions=regions) if imported is None else imported

    def produced(demand: Float[Array, "c s"]) -> Float[Array, "c s 1"]:
        return jnp.abs(L @ demand[:, :, None])

    for_own = produced(own.astype(jnp.float32))
    inputs = (imported @ for_own).sum(axis=(0, 2))
    sellers = jnp.abs(exported) + _NOT_NOTHING
    sold = (inputs / sellers.sum(axis=0))[None, :] * sellers
    for_export = produced(exported + sold)
    weighed = partial(user_weights, regions=c)
    weights = jnp.stack([weighed(k.ravel()) for k in (for_export, for_own)])
    bought = sales_by_weights(F, weights, regions=regions)
    P = from_imports(D, imported, bought[0].reshape(c, s, c), L)
    more = _shares(bought[1].reshape(c, s, c)) - P.share
    low = of.astype(jnp.float32)
    return P, OwnDemand(low, more @ low)


def without_domestic(A: Float[Array, "n n"], *, regions: int) -> Float[Array, "n n"]:
    """A with zeros in its diagonal blocks."""
    s = len(A) // regions

    def block_by_block(A: Float[Array, "n n"]) -> Float[Array, "n n"]:
        nothing = jnp.zeros((s, s), A.dtype)

        def cut(r: Int[Array, ""], F: Float[Array, "n n"]) -> Float[Array, "n n"]:
            return jax.lax.dynamic_update_slice(F, nothing, (r * s, r * s))

        return jax.lax.fori_loop(0, regions, cut, A)

    def at_once(A: Float[Array, "n n"]) -> Float[Array, "n n"]:
        region = jnp.arange(len(A)) // s
        return jnp.where(region[:, None] == region[None, :], 0, A)

    # A GPU would start a program for each block.
    return jax.lax.platform_dependent(A, cpu=block_by_block, default=at_once)


def user_weights(size: Float[Array, " n"], *, regions: int) -> Float[Array, " n"]:
    """Weights of using industries in the import shares: ``size``, relative to the mean
    of their region, and none 0."""
    size = jnp.abs(size).reshape(regions, -1)
    mean = jnp.mean(size, axis=1, keepdims=True)
    weight = size / jnp.maximum(mean, jnp.finfo(size.dtype).tiny) + _NOT_NOTHING
    return weight.astype(jnp.float32).ravel()
