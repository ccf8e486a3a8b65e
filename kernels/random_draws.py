"""Random draws in blocks: weights, signs and permutations of the clusters.

Draw k is column k mod 4096 of block k div 4096, and a block depends on its key alone:
whatever the number of draws asked for, the batch, the devices or the point where a run
was taken up again, draw k is the same. Keys are threefry's (Salmon et al. 2011), whose
integers are the same on every device. Clusters in the rows, draws in the columns.

Small integers are taken from one 32-bit word by multiplying it: the high half of
word x n is a digit below n, the low half the word for the next digit. Digits d of a
word have n^d <= 2^12, so that no digit is likelier than another by more than 1e-6 of
its probability.
"""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key, UInt

BLOCK = 4096
GENERATOR = "threefry2x32, blocks of 4096 draws"

# Sorted by a network written out up to this many clusters; beyond it a library sorts.
_NETWORK = 64
_INDEX_BITS = 6
_PER_WORD = 32 // _INDEX_BITS
_INDEX_MASK = np.uint32(2**_INDEX_BITS - 1)


def block_key(
    seed: Int[Array, ""] | int, block: Int[Array, ""] | int
) -> Key[Array, ""]:
    """The key of one block of draws."""
    return jax.random.fold_in(jax.random.key(seed, impl="threefry2x32"), block)


def integers(
    key: Key[Array, ""], rows: int, *, below: int, draws: int = BLOCK
) -> UInt[Array, "{rows} {draws}"]:
    """Uniform integers 0 ... below - 1; ``below`` is at most 65,536."""
    if below > 1 << 16:
        raise ValueError(f"below = {below}: at most 65,536")
    per_word = max(1, int(12 / math.log2(below))) if below > 1 else 12
    word = jax.random.bits(key, (-(-rows // per_word), draws), jnp.uint32)
    digits = []
    for _ in range(per_word):
        # word x below as 48 bits, by halves.
        low = (word & 0xFFFF) * np.uint32(below)
        high = (word >> 16) * np.uint32(below) + (low >> 16)
        digits.append(high >> 16)
        word = (high << 16) | (low & 0xFFFF)
    return jnp.concatenate(digits)[:rows]


# --------------------------------------------------------------- weights of clusters


def counts(
    key: Key[Array, ""], clusters: int, *, draws: int = BLOCK
) -> UInt[Array, "{clusters} {draws}"]:
    """How often each cluster is drawn in ``clusters`` draws with replacement."""
    drawn = integers(key, clusters, below=clusters, draws=draws)
    if clusters > 255:
        columns = jnp.broadcast_to(jnp.arange(draws)[None, :], drawn.shape)
        return jnp.zeros((clusters, draws), jnp.uint32).at[drawn, columns].add(1)
    drawn = drawn.astype(jnp.uint8)
    label = jnp.arange(clusters, dtype=jnp.uint8)[:, None]

    def count(j: Array, so_far: Array) -> Array:
        return so_far + (drawn[j][None, :] == label).astype(jnp.uint8)

    start = jnp.zeros((clusters, draws), jnp.uint8)
    return jax.lax.fori_loop(0, clusters, count, start)


def exponential(
    key: Key[Array, ""], clusters: int, *, draws: int = BLOCK
) -> Float[Array, "{clusters} {draws}"]:
    """Independent standard exponential weights: the Bayesian bootstrap (Rubin 1981)."""
    word = jax.random.bits(key, (clusters, draws), jnp.uint32)
    return -jnp.log((word.astype(float) + 0.5) * 2.0**-32)


def rademacher(
    key: Key[Array, ""], clusters: int, *, draws: int = BLOCK
) -> Float[Array, "{clusters} {draws}"]:
    """-1 or 1."""
    words = jax.random.bits(key, (-(-clusters // 32), draws), jnp.uint32)
    shift = jnp.arange(32, dtype=jnp.uint32)[None, :, None]
    signs = ((words[:, None, :] >> shift) & 1).reshape(-1, draws)[:clusters]
    return 2 * signs.astype(float) - 1


def webb(key: Key[Array, ""], clusters: int) -> Float[Array, "{clusters} B"]:
    """Plus or minus the roots of 1/2, 1, 3/2 (Webb 2023)."""
    return webb_points(integers(key, clusters, below=6))


def webb_points(digit: UInt[Array, "G B"]) -> Float[Array, "G B"]:
    """The weight of each of six digits."""
    sign = jnp.where(digit < 3, -1.0, 1.0)
    size = jnp.where(digit < 3, digit, digit - 3)
    root = jnp.where(size == 0, np.sqrt(0.5), jnp.where(size == 1, 1.0, np.sqrt(1.5)))
    return sign * root


def mammen(key: Key[Array, ""], clusters: int) -> Float[Array, "{clusters} B"]:
    """Mammen's (1993) two points: mean 0, variance 1, third moment 1."""
    root = np.sqrt(5)
    low = np.uint32(round(2**32 * (root + 1) / (2 * root)))
    word = jax.random.bits(key, (clusters, BLOCK), jnp.uint32)
    return jnp.where(word < low, (1 - root) / 2, (1 + root) / 2)


# --------------------------------------------------------------------- permutations


def permutations(
    key: Key[Array, ""], sizes: Sequence[int], *, draws: int = BLOCK
) -> UInt[Array, "G {draws}"]:
    """Permutations of 0 ... G-1, each stratum within itself.

    ``sizes`` are the strata's, in the order of the clusters. Random words are sorted
    with the cluster's number behind them, so that ties (two equal words, of 26 bits
    up to 64 clusters: 1 draw in 80,000 of 41) fall to the lower number.
    """
    word = jax.random.bits(key, (sum(sizes), draws), jnp.uint32)
    ends = np.cumsum(sizes)
    starts = ends - np.asarray(sizes)
    parts = [word[a:b] for a, b in zip(starts, ends, strict=True)]
    offset = np.repeat(starts, sizes).astype(np.uint32)[:, None]
    if max(sizes) > _NETWORK:
        return jnp.concatenate([_order(part) for part in parts]) + offset
    # Packed together: strata put side by side after the packing are sorted again for
    # every entry that is looked up with them.
    rows = [row for part in parts for row in _network(part)]
    return _unpacked(_packed(rows), len(rows)) + offset


def _order(word: UInt[Array, "n B"]) -> UInt[Array, "n B"]:
    index = jnp.arange(len(word), dtype=jnp.uint32)[:, None]
    index = jnp.broadcast_to(index, word.shape)
    return jax.lax.sort((word, index), dimension=0, num_keys=2)[1]


def _network(word: UInt[Array, "n B"]) -> list[UInt[Array, " B"]]:
    """The order of the words, row by row."""
    number = jnp.arange(len(word), dtype=jnp.uint32)[:, None]
    rows = list((word >> _INDEX_BITS << _INDEX_BITS) | number)
    for low, high in merge_exchange(len(word)):
        a, b = rows[low], rows[high]
        rows[low], rows[high] = jnp.minimum(a, b), jnp.maximum(a, b)
    return [row & _INDEX_MASK for row in rows]


def _packed(rows: list[UInt[Array, " B"]]) -> UInt[Array, "words B"]:
    """Several indices a word: a compiler then keeps the network in registers, where
    writing every row would cost more than the sorting."""
    words = []
    for start in range(0, len(rows), _PER_WORD):
        word = rows[start]
        for k, row in enumerate(rows[start + 1 : start + _PER_WORD], 1):
            word = word | (row << (_INDEX_BITS * k))
        words.append(word)
    return jax.lax.optimization_barrier(jnp.stack(words))


def _unpacked(words: UInt[Array, "words B"], n: int) -> UInt[Array, "{n} B"]:
    shift = _INDEX_BITS * jnp.arange(_PER_WORD, dtype=jnp.uint32)[None, :, None]
    return ((words[:, None, :] >> shift) & _INDEX_MASK).reshape(-1, words.shape[1])[:n]


def merge_exchange(n: int) -> list[tuple[int, int]]:
    """Comparisons that sort n numbers: Batcher's network (Knuth, volume 3, 5.2.2 M)."""
    pairs = []
    top = 1 << max(n - 1, 0).bit_length() >> 1
    p = top
    while p:
        q, r, d = top, 0, p
        while True:
            pairs += [(i, i + d) for i in range(n - d) if i & p == r]
            if q == p:
                break
            d, q, r = q - p, q >> 1, p
        p >>= 1
    return pairs


# ------------------------------------------------------------------------ all of them


def digits(number: Int[Array, " B"], bases: Sequence[int]) -> UInt[Array, "n B"]:
    """Digits of numbers in mixed bases, the first base the fastest: every pattern."""
    rows = []
    for base in bases:
        rows.append((number % base).astype(jnp.uint32))
        number = number // base
    return jnp.stack(rows)


def all_permutations(
    number: Int[Array, " B"], sizes: Sequence[int]
) -> UInt[Array, "G B"]:
    """Permutation ``number`` of those that leave each stratum in place (Lehmer's)."""
    parts, start = [], 0
    for size in sizes:
        choice = digits(number, range(size, 0, -1))
        number = number // math.factorial(size)
        rows: list[Array] = []
        for i in reversed(range(size)):
            # The elements behind take what is left once this one has chosen.
            first = choice[i]
            rows = [first, *(k + (k >= first).astype(jnp.uint32) for k in rows)]
        parts.append(jnp.stack(rows) + np.uint32(start))
        start += size
    return jnp.concatenate(parts)
