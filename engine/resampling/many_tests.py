"""Statistics of many tests from the same draws: t and effects of specifications."""

from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...kernels import resampling, specifications
from ...kernels.resampling import TIE
from .draw_source import DrawSource, Static, in_small_tiles, in_tiles
from .placebo import orders, randomisation_p
from .running import over_blocks

# Tests whose draws are made together, so that their weights are drawn once.
TESTS = 32
_EFFECTS = 64
_PATHS = 256  # draws of a tile


def webb_draws(clusters: int, exact: bool) -> Static:
    """Webb's weights of the clusters of a panel."""
    return Static("wild", clusters, clusters, exact, "webb")


def wild_t(
    loadings: resampling.WildLoadings, *, draws: int, seed: int, exact: bool = False
) -> Float[np.ndarray, "s n"]:
    """t of many tests in every draw, with the weights of ``wild_p_values``.

    The loadings are stacked; any number of them up to ``TESTS`` takes the same program.
    """
    s, _, G = loadings.a.shape
    filled = jax.tree.map(lambda k: _filled(np.asarray(k)), loadings)
    arrays = {"loadings": filled, "position": np.arange(G), "count": np.int64(s)}
    static = webb_draws(G, exact)
    blocks = -(-draws // static.block)
    made = over_blocks(_t_blocks(static), arrays, seed, blocks, static=static)
    parts = [np.moveaxis(k[:, :s], 1, 0).reshape(s, -1) for k in made]
    return np.concatenate(parts, axis=1)[:, :draws]


def wild_effects(
    a: Float[np.ndarray, "s G"], *, draws: int, seed: int, exact: bool = False
) -> Iterator[Float[np.ndarray, "b s"]]:
    """a v of many tests, some thousand draws at a time: the same draws."""
    s, G = a.shape
    # Zeros behind: numbers of tests that are not far apart take the same program.
    filled = np.pad(a, [(0, -s % _EFFECTS), (0, 0)])
    arrays = {"a": filled, "position": np.arange(G)}
    done = 0
    static = webb_draws(G, exact)
    blocks = -(-draws // static.block)
    block_of = _effect_blocks(static, len(filled))
    made = over_blocks(block_of, arrays, seed, blocks, static=static)
    for part in made:
        for block in part[: -(-(draws - done) // static.block)]:
            kept = block[: draws - done, :s]
            done += len(kept)
            yield kept


def placebo_p_values(
    statistics: Callable[..., Array],
    arrays: tuple[Any, ...],
    least: Float[np.ndarray, " s"],
    *,
    sizes: tuple[int, ...],
    draws: int,
    seed: int,
) -> Float[np.ndarray, " s"]:
    """p of ``statistics(*arrays, path)``: units change paths in strata of these sizes;
    the share of absolute values of ``least`` and more, the data among them."""
    patterns, n = orders(sizes), sum(sizes)
    exact = patterns is not None and patterns <= draws
    draws = patterns if patterns is not None and exact else draws
    static = Static("placebo", n, n, exact, sizes=sizes)
    small, done, blocks = np.zeros(len(least), int), 0, -(-draws // static.block)
    block_of, given = _path_blocks(static, statistics), (arrays, np.int64(draws))
    for part in over_blocks(block_of, given, seed, blocks, static=static):
        drawn = np.abs(np.moveaxis(part, 1, 0).reshape(len(least), -1))
        drawn = drawn[:, : draws - done]
        small += (drawn < least[:, None] * (1 - TIE)).sum(axis=1)
        done += drawn.shape[1]
    return np.array([randomisation_p(draws - k, draws, exact) for k in small])


def _filled(stacked: np.ndarray) -> np.ndarray:
    """Zeros behind, up to ``TESTS`` tests."""
    missing = TESTS - len(stacked)
    return np.pad(stacked, [(0, missing)] + [(0, 0)] * (stacked.ndim - 1))


@lru_cache
def _path_blocks(
    static: Static, statistics: Callable[..., Array]
) -> Callable[..., Array]:
    def block(arrays: Any, seed: Array, number: Array) -> Float[Array, "s B"]:
        given, draws = arrays
        paths = DrawSource(static, seed, number).options()
        left = draws - jnp.asarray(number, jnp.int64) * static.block
        return in_tiles(of_paths, given, paths, left, size=_PATHS)

    def of_paths(given: tuple[Any, ...], paths: Array) -> Float[Array, "s b"]:
        return jax.vmap(partial(statistics, *given), 1, 1)(paths)

    return block


@lru_cache
def _t_blocks(static: Static) -> Callable[..., Array]:
    def block(arrays: Any, seed: Array, number: Array) -> Float[Array, "s B"]:
        v = DrawSource(static, seed, number).wild(arrays["position"])
        return in_small_tiles(of_tests, (arrays["loadings"], arrays["count"]), v)

    def of_tests(given: tuple[Any, Array], v: Array) -> Float[Array, "s b"]:
        loadings, count = given
        return specifications.specification_statistics(loadings, v, count)

    return block


@lru_cache
def _effect_blocks(static: Static, tests: int) -> Callable[..., Array]:
    """Compile blocks of effects. ``tests`` is a key only: the size of a block sets how
    many a call makes."""
    del tests

    def block(arrays: Any, seed: Array, number: Array) -> Float[Array, "B s"]:
        v = DrawSource(static, seed, number).wild(arrays["position"])
        return (arrays["a"] @ v).T

    return block
