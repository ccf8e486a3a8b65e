"""Sources of a block's draws: a stream of random numbers, numbers of it that were made
before, or the list of all patterns."""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Num, UInt

from ...kernels import random_draws
from ...kernels.clusters import Layout
from .schemes import Kind, Method, Permute, Weights


class Static(NamedTuple):
    """Settings that set shapes or choose kernels; the key of compiled code."""

    kind: Kind
    clusters: int
    all_clusters: int
    exact: bool
    weights: Weights = "rademacher"
    layout: Layout | None = None
    balanced: bool = False
    permute: Permute = "countries"
    method: Method = "treatment"
    studentised: bool = False
    joint: bool = False
    sizes: tuple[int, ...] = ()
    options: int = 0

    @property
    def block(self) -> int:
        """Draws of a block."""
        return random_draws.draws_of_block(self.all_clusters)


class Numbers(NamedTuple):
    """Random integers that the draws of many models are made from: a row for each
    cluster, by stratum where they are permuted within strata."""

    kind: Literal["webb", "counts", "permutations"]
    sizes: tuple[int, ...]
    draws: int

    @property
    def rows(self) -> int:
        return sum(self.sizes)

    @property
    def are_bytes(self) -> bool:
        return self.kind == "webb" or self.rows < 256

    def block(self, key: Array) -> UInt[Array, "G B"]:
        """Make the numbers of the block with this key."""
        if self.kind == "webb":
            numbers = random_draws.integers(key, self.rows, below=6, draws=self.draws)
        elif self.kind == "counts":
            numbers = random_draws.counts(key, self.rows, draws=self.draws)
        else:
            numbers = random_draws.permutations(key, self.sizes, draws=self.draws)
        return numbers.astype(jnp.uint8) if self.are_bytes else numbers


class Kept(NamedTuple):
    """Numbers of some blocks, (blocks, G, B) bytes, from block ``first`` on."""

    numbers: Any
    first: Any


Stream = Int[Array, ""] | int | Kept
"""The seed of draws, or numbers that were made from it."""


def numbers_of(static: Static) -> Numbers | None:
    """Random numbers that the draws of a plan are made from; None where they are of a
    kind that is not kept."""
    if static.exact:
        return None
    if static.kind == "wild" and static.weights == "webb":
        return Numbers("webb", (static.all_clusters,), static.block)
    if static.kind == "pairs":
        return Numbers("counts", (static.clusters,), static.block)
    if static.kind == "placebo" and static.permute in ("countries", "years"):
        return Numbers("permutations", static.sizes, static.block)
    return None


class DrawSource(NamedTuple):
    """The draws of a block of a plan."""

    static: Static
    stream: Any
    block: Any

    @property
    def key(self) -> Array:
        return random_draws.block_key(self.stream, self.block)

    def integers(self) -> UInt[Array, "G B"]:
        """``numbers_of`` the plan, made before or now."""
        numbers = numbers_of(self.static)
        assert numbers is not None
        if isinstance(self.stream, Kept):
            return self.stream.numbers[self.block - self.stream.first]
        return numbers.block(self.key)

    @property
    def numbers(self) -> Array:
        size = self.static.block
        start = jnp.asarray(self.block, jnp.int64) * size
        return start + jnp.arange(size, dtype=jnp.int64)

    def weights(self) -> Array:
        clusters, draws = self.static.clusters, self.static.block
        if self.static.kind == "bayesian":
            return random_draws.exponential(self.key, clusters, draws=draws)
        return self.integers().astype(float)

    def wild(self, position: Array) -> Array:
        static = self.static
        if static.exact:
            base = 2 if static.weights == "rademacher" else 6
            digit = random_draws.digits(self.numbers, [base] * static.clusters)
            if base == 2:
                return 2 * digit.astype(float) - 1
            return random_draws.webb_points(digit)
        if static.weights == "webb":
            return random_draws.webb_points(self.integers()[position])
        rademacher = static.weights == "rademacher"
        draw = random_draws.rademacher if rademacher else random_draws.mammen
        return draw(self.key, static.all_clusters, draws=static.block)[position]

    def options(self) -> Array:
        static = self.static
        rows, size = static.clusters, static.block
        if static.permute in ("countries", "years"):
            if static.exact:
                drawn = random_draws.all_permutations(self.numbers, static.sizes)
            else:
                drawn = self.integers()
        elif static.permute == "common-shift":
            drawn = self.numbers % static.options
            if not static.exact:
                drawn = self._below_options(1)
            drawn = jnp.broadcast_to(drawn, (rows, size))
        elif static.exact:
            drawn = random_draws.digits(self.numbers, [static.options] * rows)
        else:
            drawn = self._below_options(rows)
        return drawn.astype(jnp.int32)

    def _below_options(self, rows: int) -> Array:
        below, draws = self.static.options, self.static.block
        return random_draws.integers(self.key, rows, below=below, draws=draws)


# Draws of a tile where they need no more than a product of matrices each: what is made
# of them stays in a core's cache, and no thread waits for another.
_PRODUCTS_TILE = 256


def in_small_tiles(
    run: Callable[[Any, Array], Array], arrays: Any, drawn: Num[Array, "G B"]
) -> Float[Array, "s B"]:
    """``run(arrays, drawn)`` on some columns at a time; on a GPU, which has its own
    way, on all."""
    if jax.default_backend() != "cpu":
        return run(arrays, drawn)
    every = jnp.asarray(drawn.shape[1])
    return in_tiles(run, arrays, drawn, every, size=_PRODUCTS_TILE)


def in_tiles(
    run: Callable[[Any, Array], Array],
    arrays: Any,
    drawn: Num[Array, "G B"],
    used: Array,
    *,
    size: int,
) -> Float[Array, "s B"]:
    """``run(arrays, tile)`` on at most ``size`` columns at a time, as many as have the
    first ``used``; the others are 0. The tiles are of one compiled code, so that each
    draw is the same however many there are."""
    B = drawn.shape[1]
    size = min(size, B)

    @partial(jax.jit, inline=True)  # its shape and the loop take one tracing
    def tile(arrays: Any, drawn: Array, k: Array) -> Array:
        part = jax.lax.dynamic_slice_in_dim(drawn, k * size, size, axis=1)
        return run(arrays, part)

    def made(k: Array, so_far: Array) -> Array:
        found = tile(arrays, drawn, k)
        return jax.lax.dynamic_update_slice_in_dim(so_far, found, k * size, axis=1)

    count = jnp.clip(-(-used // size), 0, B // size)
    of_tile = jax.eval_shape(tile, arrays, drawn, count)
    empty = jnp.zeros((len(of_tile), B), of_tile.dtype)
    return jax.lax.fori_loop(0, count, made, empty)
