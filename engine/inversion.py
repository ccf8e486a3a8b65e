"""Confidence intervals by test inversion: the nulls that a test does not reject.

The wild bootstrap imposes its null, so that each null is a bootstrap of its own; all
nulls of a step are drawn together, with the same weights.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from tivax.engine import experiments
from tivax.engine.designs import Design
from tivax.engine.precision import in_float64
from tivax.engine.schemes import Program, Static, draw_source
from tivax.kernels import clusters, resampling
from tivax.kernels.streams import BLOCK

LEVEL = 0.05
# The search uses so many draws, the last step all of them.
_SEARCH = 1 << 15
_POINTS = 8
_TIE = 1e-10

PValues = Callable[[Float[np.ndarray, " r"], int | None], Float[np.ndarray, " r"]]
"""p of each null, from at most so many draws (None: all)."""


def invert(
    p_of: PValues,
    estimate: float,
    se: float,
    draws: int,
    *,
    exact: bool = True,
    hull: bool = False,
) -> tuple[float, float]:
    """Both ends of the nulls around the estimate with p above 5 %, from ``draws``.

    The first rejected null on either side, to 1e-6 standard errors with few draws
    (1e-3 where they are not ``exact``, all patterns). With many, the last step is
    linear in p between nulls 0.02 standard errors apart.
    Infinite where even 40 standard errors away are not rejected; not a number where
    there is no standard error. With ``hull`` the set may have holes or be empty: the
    ends are those of its outermost parts, looked for up to a million standard errors
    away, and not a number where no null is found that is not rejected.
    """
    if not (np.isfinite(se) and se > 0):
        return float("nan"), float("nan")
    far = 0.25 * 1.4 ** np.arange(16)
    if hull:
        far = np.concatenate([[0.0], far, 100.0 * 10.0 ** np.arange(5)])
    p = p_of(_both(estimate, se, far, far), _SEARCH)
    sides = (p[: len(far)], p[len(far) :])
    if hull and (p <= LEVEL).all():
        return float("nan"), float("nan")
    brackets = [_bracket(far, side, 0.0, last=hull) for side in sides]
    few = draws <= _SEARCH
    for _ in range(8 if few and exact else 4 if few else 3):
        brackets = _narrowed(p_of, estimate, se, brackets, _SEARCH)
    if few:
        return estimate - se * brackets[0][1], estimate + se * brackets[1][1]
    # All draws: some standard errors of the search around what it found.
    wide = [(max(low - 0.06, 0.0), high + 0.06) for low, high in brackets]
    wide = [k if np.isfinite(k[1]) else b for k, b in zip(wide, brackets, strict=True)]
    ends = _narrowed(p_of, estimate, se, wide, None, interpolate=True)
    return estimate - se * ends[0][1], estimate + se * ends[1][1]


def _both(estimate: float, se: float, below: np.ndarray, above: np.ndarray):
    return np.concatenate([estimate - se * below, estimate + se * above])


def _bracket(
    distance: np.ndarray, p: np.ndarray, least: float, *, last: bool = False
) -> tuple[float, float]:
    """The last distance that is not rejected and the first that is.

    With ``last`` the one after the outermost that is not rejected.
    """
    rejected = np.flatnonzero(p <= LEVEL)
    if last:
        inside = np.flatnonzero(p > LEVEL)
        rejected = rejected[rejected > (inside[-1] if len(inside) else -1)]
    if not len(rejected):
        return float(distance[-1]), float("inf")
    k = int(rejected[0])
    return float(distance[k - 1]) if k else least, float(distance[k])


def _narrowed(
    p_of: PValues,
    estimate: float,
    se: float,
    brackets: list[tuple[float, float]],
    draws: int | None,
    *,
    interpolate: bool = False,
) -> list[tuple[float, float]]:
    """Each bracket cut by ``_POINTS`` further tests; infinite ones stay."""
    points = [
        np.linspace(low, high if np.isfinite(high) else low, _POINTS)
        for low, high in brackets
    ]
    p = p_of(_both(estimate, se, points[0], points[1]), draws)
    found = []
    for distance, each, old in zip(
        points, (p[:_POINTS], p[_POINTS:]), brackets, strict=True
    ):
        if not np.isfinite(old[1]):
            found.append(old)
            continue
        low, high = _bracket(distance, each, float(distance[0]))
        if interpolate and np.isfinite(high):
            k = int(np.flatnonzero(each <= LEVEL)[0])
            if k:
                share = (each[k - 1] - LEVEL) / (each[k - 1] - each[k])
                high = low + share * (high - low)
        found.append((low, high))
    return found


# ------------------------------------------------------------------------------ wild


class Inverted(NamedTuple):
    """What the wild test gives when it is inverted.

    ``intervals`` by treatment; with instruments the bootstrap Anderson-Rubin set around
    the estimate, and p of no effect.
    """

    intervals: tuple[tuple[float, float], ...]
    anderson_rubin: tuple[float, float, float] | None


def invert_wild(program: Program, seed: int) -> Inverted | None:
    """The intervals of a wild program; None where nothing is inverted."""
    scheme = program.scheme
    if scheme.kind != "wild" or not scheme.null or program.static.joint:
        return None
    treatments = range(program.design.layout.treatments)
    return Inverted(
        tuple(by_inversion(program, k, seed) for k in treatments),
        anderson_rubin(program, seed) if program.design.layout.instruments else None,
    )


def by_inversion(program: Program, k: int, seed: int) -> tuple[float, float]:
    """The interval of treatment ``k``: WCR for least squares, WRE for 2SLS."""
    design = program.design
    se = float(np.sqrt(design.covariance()[k, k]))
    if design.layout.instruments:
        loadings = partial(_instrument_loadings, design)
    else:
        loadings = partial(_least_squares_loadings, design, k)

    def p_of(nulls: np.ndarray, draws: int | None) -> np.ndarray:
        scaled = nulls / design.unit[k]
        observed = np.abs((design.coef[k] - nulls) / se)
        return _p_values(program, seed, loadings(scaled), observed, draws)

    return invert(p_of, float(design.coef[k]), se, program.draws, exact=program.exact)


def anderson_rubin(program: Program, seed: int) -> tuple[float, float, float]:
    """The ends of the Anderson-Rubin set by wild bootstrap, and p of 0.

    Each null is a WCR test that the instruments do not explain y - null x; it holds
    however weak they are. Ends may be infinite, and the set may have holes; see
    ``invert`` on its hull.
    """
    design = program.design

    def p_of(nulls: np.ndarray, draws: int | None) -> np.ndarray:
        loadings, observed = _reduced_form_loadings(design, nulls / design.unit[0])
        return _p_values(program, seed, loadings, observed, draws)

    se = float(np.sqrt(design.covariance()[0, 0]))
    low, high = invert(
        p_of, float(design.coef[0]), se, program.draws, exact=program.exact, hull=True
    )
    return low, high, float(p_of(np.zeros(1), None)[0])


@in_float64
def _least_squares_loadings(design: Design, k: int, nulls: np.ndarray) -> Any:
    p, q = design.layout.regressors, design.layout.treatments
    R = jnp.eye(p)[p - q + k][None, :]

    def one(null: Array) -> resampling.WildLoadings:
        return resampling.wild_loadings(
            design.moments, R, null[None], layout=design.layout
        )

    return jax.vmap(one)(jnp.asarray(nulls))


@in_float64
def _instrument_loadings(design: Design, nulls: np.ndarray) -> Any:
    def one(null: Array) -> resampling.InstrumentLoadings:
        return resampling.instrument_loadings(
            design.moments, null, layout=design.layout
        )

    return jax.vmap(one)(jnp.asarray(nulls))


@in_float64
def _reduced_form_loadings(design: Design, nulls: np.ndarray) -> tuple[Any, np.ndarray]:
    layout = resampling.reduced_layout(design.layout)
    h = layout.treatments
    R = jnp.eye(layout.regressors)[layout.exogenous :]

    def one(null: Array) -> tuple[resampling.WildLoadings, Array]:
        reduced = resampling.reduced_form(design.moments, null, layout=design.layout)
        full = clusters.fit(reduced, jnp.ones_like(reduced.rows), layout=layout)
        V = R @ clusters.cv1(reduced, full) @ R.T
        b = R @ full.coef
        wald = b @ jnp.linalg.solve(V, b) / h
        loadings = resampling.wild_loadings(reduced, R, jnp.zeros(h), layout=layout)
        return loadings, jnp.sqrt(wald) if h == 1 else wald

    loadings, observed = jax.vmap(one)(jnp.asarray(nulls))
    return loadings, np.asarray(observed)


def _p_values(
    program: Program,
    seed: int,
    loadings: Any,
    observed: np.ndarray,
    draws: int | None,
) -> np.ndarray:
    """Share of |t*| above |t|, for each null."""
    n = program.draws if draws is None else min(program.draws, draws)
    above = np.zeros(len(observed))
    arrays = {
        "loadings": loadings,
        "position": program.arrays["position"],
        "observed": observed,
        "draws": np.int64(n),
    }
    count = _counts(program.static)
    for part in experiments.over_blocks(count, arrays, seed, -(-n // BLOCK)):
        above += part.sum(axis=0)
    return above / n


@lru_cache
def _counts(static: Static) -> Callable[..., Array]:
    """Draws above the observed statistic, by null, in one block."""

    def block(arrays: Any, seed: Array, number: Array) -> Float[Array, " r"]:
        source = draw_source(static, seed, number)
        v = source.wild(arrays["position"])
        used = source.numbers < arrays["draws"]

        def one(each: tuple[Any, Array]) -> Array:
            loadings, t = each
            if isinstance(loadings, resampling.InstrumentLoadings):
                drawn = resampling.instrument_statistics(loadings, v)
            else:
                drawn = resampling.wild_statistics(loadings, v)
            return (used & (jnp.abs(drawn) > t * (1 + _TIE))).sum().astype(float)

        return jax.lax.map(one, (arrays["loadings"], arrays["observed"]))

    return block
