"""p-values of nulls by the wild bootstrap, and intervals from them.

The wild bootstrap imposes its null, so that each null is a bootstrap of its own; all
nulls of a step are drawn together, with the same weights.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ...kernels import resampling
from ...kernels.clusters import ClusterCrossProducts, Layout
from ...kernels.resampling import TIE
from ...kernels.small_systems import one_by_one
from ...kernels.two_way import TwoWayLoadings
from ..core import Progress, aligned_empty, in_float64, no_progress
from ..estimation import LinearFit, PValues, invert
from .draw_source import DrawSource, Static, in_small_tiles
from .many_tests import webb_draws
from .plans import ResamplingPlan, wild_loadings, wild_statistics
from .running import Rate, over_blocks
from .schemes import Type, Wild

# Nulls of one call: its compiled code serves any number up to this.
AT_ONCE = 16
# Draws whose terms are held, 48 bytes each; of more, every null is drawn again.
_HELD = 1 << 22


class Inverted(NamedTuple):
    """Intervals by inverting the wild test.

    ``intervals`` by treatment; with instruments the bootstrap Anderson-Rubin set around
    the estimate, and p of no effect. ``t`` is that of the tested null in every draw,
    where it came with the terms of all nulls.
    """

    intervals: tuple[tuple[float, float], ...]
    anderson_rubin: tuple[float, float, float] | None
    t: Float[np.ndarray, "n q"] | None = None


def invert_wild(
    plan: ResamplingPlan, seed: int, rate: Rate | None = None
) -> Inverted | None:
    """The intervals of a wild program; None where nothing is inverted. ``rate`` counts
    the draws of ``Inverted.t``."""
    scheme = plan.scheme
    if not isinstance(scheme, Wild) or not scheme.null or plan.static.joint:
        return None
    treatments = range(plan.fitted.layout.treatments)
    rate = Rate() if rate is None else rate
    ends, t = zip(*(_inverted(plan, k, seed, rate) for k in treatments), strict=True)
    return Inverted(
        ends,
        anderson_rubin(plan, seed) if plan.fitted.layout.instruments else None,
        None if t[0] is None else np.column_stack(t),
    )


def _inverted(
    plan: ResamplingPlan, k: int, seed: int, rate: Rate
) -> tuple[tuple[float, float], Float[np.ndarray, " n"] | None]:
    """The interval of treatment ``k`` (WCR, or WRE for 2SLS), and t of the tested null
    in every draw where the draws of all nulls come from terms made once."""
    fitted = plan.fitted
    se = float(np.sqrt(fitted.covariance(plan.wild.covariance)[k, k]))
    one_way = not (fitted.layout.instruments or plan.wild.second)
    if one_way and plan.draws <= _HELD:
        t, terms = _terms(plan, k, se, seed, rate)
        p_of = partial(_p_of_terms, terms, plan, float(fitted.coef[k]), se)
        return _ends(plan, k, se, p_of), t
    if fitted.layout.instruments:
        of_scaled = in_float64(
            lambda nulls: _structural_forms(
                fitted.products, jax.device_put(nulls), layout=fitted.layout
            )
        )
    elif plan.wild.second:
        of_scaled = _two_way_loadings(fitted, k, plan.wild.second)
    else:
        of_scaled = partial(_least_squares_loadings, fitted, k, plan.wild.type)

    def loadings(nulls: np.ndarray) -> tuple[Any, np.ndarray]:
        observed = np.abs((fitted.coef[k] - nulls) / se)
        return of_scaled(nulls / fitted.unit[k]), observed

    return _ends(plan, k, se, partial(_p_values, plan, seed, loadings)), None


def _ends(
    plan: ResamplingPlan, k: int, se: float, p_of: PValues
) -> tuple[float, float]:
    estimate, value = float(plan.fitted.coef[k]), plan.wild.value
    return invert(p_of, estimate, se, plan.draws, value=value, exact=plan.exact)


def anderson_rubin(plan: ResamplingPlan, seed: int) -> tuple[float, float, float]:
    """The ends of the Anderson-Rubin set by wild bootstrap, and p of 0.

    Each null is a WCR test that the instruments do not explain y - null x; it holds
    however weak they are. Ends may be infinite, and the set may have holes; see
    ``invert`` on its hull.
    """
    fitted = plan.fitted
    p_of = partial(anderson_rubin_p_values, plan, seed)
    se = float(np.sqrt(fitted.covariance()[0, 0]))
    low, high = invert(
        p_of, float(fitted.coef[0]), se, plan.draws, exact=plan.exact, hull=True
    )
    return low, high, float(p_of(np.zeros(1), None)[0])


def anderson_rubin_p_values(
    plan: ResamplingPlan,
    seed: int,
    nulls: Float[np.ndarray, " r"],
    draws: int | None = None,
) -> Float[np.ndarray, " r"]:
    """p of each null by bootstrap Anderson-Rubin; None: from all draws."""
    fitted = plan.fitted

    @in_float64
    def loadings(nulls: np.ndarray) -> tuple[Any, np.ndarray]:
        scaled = jax.device_put(nulls / fitted.unit[0])
        made, observed = _reduced_forms(fitted.products, scaled, layout=fitted.layout)
        return made, np.asarray(observed)

    return _p_values(plan, seed, loadings, nulls, draws)


@in_float64
def _least_squares_loadings(
    fitted: LinearFit, k: int, type: Type, nulls: np.ndarray
) -> Any:
    """Loadings of one null, or of several on a first axis."""
    p, q = fitted.layout.regressors, fitted.layout.treatments
    R = jnp.asarray(np.eye(p)[p - q + k : p - q + k + 1])

    def one(null: Array) -> resampling.WildLoadings:
        return wild_loadings(fitted, R, null[None], type=type)

    return (jax.vmap(one) if nulls.ndim else one)(jnp.asarray(nulls))


@in_float64
def _two_way_loadings(
    fitted: LinearFit, k: int, second: str
) -> Callable[[np.ndarray], Any]:
    """Loadings of scaled nulls: a is affine in the null, K of degree two."""
    b, unit = float(fitted.coef[k]), float(fitted.unit[k])
    se = float(np.sqrt(fitted.covariance()[k, k]))
    below, at, above = jax.device_get(
        [fitted.two_way_loadings(k, second, b + side * se) for side in (-1, 0, 1)]
    )
    a1, K1 = (above.a - below.a) / 2, (above.K - below.K) / 2
    K2 = (above.K + below.K) / 2 - at.K

    def of_scaled(nulls: np.ndarray) -> Any:
        u = (nulls * unit - b) / se
        a = at.a + np.multiply.outer(u, a1)
        K = at.K + np.multiply.outer(u, K1) + np.multiply.outer(u**2, K2)
        correction = np.full(len(u), at.correction)
        return TwoWayLoadings(*jax.device_put((a, K, correction)))

    return in_float64(of_scaled)


@partial(jax.jit, static_argnames="layout")
def _structural_forms(
    products: ClusterCrossProducts, nulls: Array, *, layout: Layout
) -> resampling.InstrumentLoadings:
    one = partial(resampling.instrument_loadings, products, layout=layout)
    return one_by_one(one, nulls)


@partial(jax.jit, static_argnames="layout")
def _reduced_forms(
    products: ClusterCrossProducts, nulls: Array, *, layout: Layout
) -> tuple[resampling.WildLoadings, Array]:
    """The loadings and the statistic of each null of the instruments' reduced form."""
    own = resampling.reduced_layout(layout)

    def one(null: Array) -> tuple[resampling.WildLoadings, Array]:
        reduced = resampling.reduced_form(products, null, layout=layout)
        return resampling.anderson_rubin_loadings(reduced, layout=own)

    return one_by_one(one, nulls)


@in_float64
def _terms(
    plan: ResamplingPlan, k: int, se: float, seed: int, rate: Rate
) -> tuple[Float[np.ndarray, " n"], Float[Array, "5 k B"]]:
    """t* of the tested null, and what makes t* of every null, for each draw, in blocks.

    Restricted scores are affine in the null, hence a v = a0 + u a1 and L v = z0 + u z1
    with u the standard errors from the estimate to the null: the terms are a0, a1,
    z0'z0, z0'z1 and z1'z1, the last three times the small-sample correction.
    """
    fitted, b = plan.fitted, float(plan.fitted.coef[k])
    nulls = (b + se * np.array([0.0, 1.0])) / fitted.unit[k]
    # One by one, by the program that the plan has compiled.
    each = [
        _least_squares_loadings(fitted, k, plan.wild.type, np.asarray(null))
        for null in nulls
    ]
    arrays = {
        "loadings": jax.tree.map(lambda *of: np.stack(of), *each),
        "position": plan.arrays["position"],
        "tested": np.float64((plan.wild.value - b) / se),
    }
    made, done = aligned_empty((6, plan.blocks, plan.static.block)), 0
    static = plan.static
    parts = over_blocks(_term_blocks(static), arrays, seed, plan.blocks, static=static)
    for part in rate.timed(parts, plan.draws):
        made[:, done : done + len(part)] = np.moveaxis(part, 1, 0)
        done += len(part)
    return made[0].reshape(-1)[: plan.draws], jax.device_put(made[1:])


@lru_cache
def _term_blocks(static: Static) -> Callable[..., Array]:
    """t* of the tested null and the terms, of one block of draws."""

    def block(arrays: Any, seed: Array, number: Array) -> Float[Array, "6 B"]:
        at: resampling.WildLoadings = arrays["loadings"]
        rows = resampling.affine_in_null(at)
        v = DrawSource(static, seed, number).wild(arrays["position"])
        return in_small_tiles(terms, (rows, arrays["tested"], at.correction[0]), v)

    def terms(given: tuple[Any, Array, Array], v: Array) -> Float[Array, "6 b"]:
        rows, u, correction = given
        found = resampling.affine_statistics(rows, u, v)
        a0, a1 = found[:2]
        variance, *others = correction * found[2:]
        return jnp.stack([(a0 + u * a1) / jnp.sqrt(variance), a0, a1, *others])

    return block


@in_float64
def _p_of_terms(
    terms: Float[Array, "5 k B"],
    plan: ResamplingPlan,
    estimate: float,
    se: float,
    nulls: np.ndarray,
    draws: int | None,
) -> Float[np.ndarray, " r"]:
    """Share of |t*| above |t|, for each null; of fewer draws than all, random ones."""
    n = plan.draws
    if draws is not None and draws < n:
        if plan.exact:
            chosen = np.random.default_rng(0).integers(n, size=draws)
            every = np.asarray(terms).reshape(5, 1, -1)
            terms = jax.device_put(every[:, :, chosen])
        n = draws
    found = []
    for start in range(0, len(nulls), AT_ONCE):
        part = (nulls[start : start + AT_ONCE] - estimate) / se
        padded = np.pad(part, (0, AT_ONCE - len(part)))
        above, made = resampling.larger_than_nulls(
            terms, padded, np.int64(len(part)), np.int64(n)
        )
        with np.errstate(invalid="ignore"):
            found.append((np.asarray(above) / np.asarray(made))[: len(part)])
    return np.concatenate(found)


def _p_values(
    plan: ResamplingPlan,
    seed: int,
    loadings: Callable[[np.ndarray], tuple[Any, np.ndarray]],
    nulls: np.ndarray,
    draws: int | None,
) -> Float[np.ndarray, " r"]:
    """Share of |t*| above |t|, for each null.

    Fewer draws than there are patterns are random ones: the first patterns are no
    sample of all, they have the weights of the last clusters in common.
    """
    n = plan.draws if draws is None else min(plan.draws, draws)
    static = plan.static._replace(exact=plan.exact and n == plan.draws)
    found = []
    for start in range(0, len(nulls), AT_ONCE):
        part = nulls[start : start + AT_ONCE]
        padded = np.concatenate([part, np.full(AT_ONCE - len(part), part[-1])])
        of_nulls, observed = loadings(padded)
        arrays = {
            "loadings": of_nulls,
            "position": plan.arrays["position"],
            "observed": observed,
            "draws": np.int64(n),
            "nulls": np.int64(len(part)),
        }
        found.append(_shares_above(static, arrays, seed, n)[: len(part)])
    return np.concatenate(found)


def _shares_above(
    static: Static, arrays: Any, seed: int, n: int, progress: Progress = no_progress
) -> Float[np.ndarray, " r"]:
    """Share of n draws above each observed statistic, among those that could be
    computed."""
    total, done = np.zeros((2, AT_ONCE)), 0
    blocks = -(-n // static.block)
    for part in over_blocks(_counts(static), arrays, seed, blocks, static=static):
        total += part.sum(axis=0)
        done += len(part) * static.block
        progress(min(done, n), n)
    with np.errstate(invalid="ignore"):
        return total[0] / total[1]


def wild_p_values(
    loadings: Sequence[resampling.WildLoadings | resampling.InstrumentLoadings],
    observed: Float[np.ndarray, " r"],
    *,
    clusters: int,
    position: Int[np.ndarray, " G"],
    draws: int,
    seed: int,
    exact: bool = False,
    progress: Progress = no_progress,
) -> Float[np.ndarray, " r"]:
    """p of up to ``AT_ONCE`` tests from the same draws, Webb's weights: share of |t*|
    above |t|.

    The loadings have one shape: cluster g of each has the weight of cluster
    ``position[g]`` of the panel, which has ``clusters``, and a cluster that a test
    leaves out has loadings of 0. With ``exact`` the draws are all 6^G patterns.
    """
    tests = len(loadings)
    padded = [*loadings, *[loadings[-1]] * (AT_ONCE - tests)]
    arrays = {
        "loadings": jax.tree.map(lambda *k: np.stack(k), *padded),
        "position": position,
        "observed": np.pad(np.abs(observed), (0, AT_ONCE - tests)),
        "draws": np.int64(draws),
        "nulls": np.int64(tests),
    }

    def counted(done: int, of: int) -> None:
        progress(done * tests, of)

    static = webb_draws(clusters, exact)
    return _shares_above(static, arrays, seed, draws, counted)[:tests]


@lru_cache
def _counts(static: Static) -> Callable[..., Array]:
    """Compile the counts of one block by null: draws above the observed statistic, and
    draws that could be computed."""

    def block(arrays: Any, seed: Array, number: Array) -> Float[Array, "2 r"]:
        source = DrawSource(static, seed, number)
        v = source.wild(arrays["position"])
        used = (source.numbers < arrays["draws"])[None, :]
        given = (arrays["loadings"], arrays["nulls"])
        drawn = in_small_tiles(of_nulls, given, v)
        above = used & (jnp.abs(drawn) > arrays["observed"][:, None] * (1 + TIE))
        both = jnp.stack([above.sum(axis=1), (used & jnp.isfinite(drawn)).sum(axis=1)])
        return both.astype(float)

    def of_nulls(given: tuple[Any, Array], v: Array) -> Float[Array, "r b"]:
        every, asked = given

        def of_null(k: Array, so_far: Array) -> Array:
            loadings = jax.tree.map(
                lambda each: jax.lax.dynamic_index_in_dim(each, k, keepdims=False),
                every,
            )
            return so_far.at[k].set(wild_statistics(loadings, v))

        empty = jnp.zeros((AT_ONCE, v.shape[1]))
        return jax.lax.fori_loop(0, asked, of_null, empty)

    return block
