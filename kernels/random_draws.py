"""Random draws in blocks: weights, signs and permutations of the clusters.

Draw k is column k mod 4096 of block k div 4096 (of fewer draws where there are more
than 2,048 clusters: ``draws_of_block``), and a block depends on its key alone:
whatever the number of draws asked for, the batch, the devices or the point where a run
was taken up again, draw k is the same. Keys are threefry's (Salmon et al. 2011), whose
integers are the same on every device. Clusters in the rows, draws in the columns.

Integers below n are taken from one word by multiplying it: the high half of word x n
is a digit below n, the low half the word for the next digit. Digits d of a word have
n^d <= 2^12, or 2^44 of a word of 64 bits (n > 65,536), so that no digit is likelier
than another by more than 1e-6 of its probability.
"""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key, UInt

BLOCK = 4096
_WEIGHTS = 1 << 23  # of a block, so that its memory does not grow with the clusters
_FEWEST = 8
GENERATOR = "threefry2x32, blocks of 4096 draws"

# Sorted by a network written out up to this many clusters; beyond it a library sorts.
_NETWORK = 64
_INDEX_BITS = 6
_PER_WORD = 32 // _INDEX_BITS
_INDEX_MASK = np.uint32(2**_INDEX_BITS - 1)


def draws_of_block(clusters: int) -> int:
    """Number of draws in a block: a power of two, 4,096 up to 2,048 clusters."""
    most = 1 << (max(_WEIGHTS // clusters, 1).bit_length() - 1)
    return max(_FEWEST, min(BLOCK, most))


def block_key(
    seed: Int[Array, ""] | int, block: Int[Array, ""] | int
) -> Key[Array, ""]:
    """The key of one block of draws."""
    return jax.random.fold_in(jax.random.key(seed, impl="threefry2x32"), block)


def integers(
    key: Key[Array, ""], rows: int, *, below: int, draws: int = BLOCK
) -> UInt[Array, "{rows} {draws}"]:
    """Uniform integers 0 ... below - 1, ``below`` at most 2^32."""
    # Of more than half a word a digit would leave too few bits: words of 64 then.
    wide = below > 1 << 16
    kind, half = (np.uint64, 32) if wide else (np.uint32, 16)
    bits = 2 * half - 20
    per_word = max(1, int(bits / math.log2(below))) if below > 1 else bits
    word = jax.random.bits(key, (-(-rows // per_word), draws), kind)
    lower = kind((1 << half) - 1)
    digits = []
    for _ in range(per_word):
        # word x below in one and a half times its bits, by halves.
        low = (word & lower) * kind(below)
        high = (word >> half) * kind(below) + (low >> half)
        digits.append((high >> half).astype(jnp.uint32))
        word = (high << half) | (low & lower)
    return jnp.concatenate(digits)[:rows]


# --------------------------------------------------------------- weights of clusters


def counts(
    key: Key[Array, ""], clusters: int, *, draws: int = BLOCK
) -> UInt[Array, "{clusters} {draws}"]:
    """Number of times that each cluster is drawn in ``clusters`` draws with
    replacement."""
    drawn = integers(key, clusters, below=clusters, draws=draws)
    if clusters > 255:
        return jax.lax.platform_dependent(drawn, cpu=_counted, default=_counted_at_once)
    drawn = drawn.astype(jnp.uint8)
    label = jnp.arange(clusters, dtype=jnp.uint8)[:, None]

    def one_by_one(drawn: UInt[Array, "G B"]) -> UInt[Array, "G B"]:
        def count(j: Array, so_far: Array) -> Array:
            return so_far + (drawn[j][None, :] == label).astype(jnp.uint8)

        start = jnp.zeros((clusters, draws), jnp.uint8)
        return jax.lax.fori_loop(0, clusters, count, start)

    def at_once(drawn: UInt[Array, "G B"]) -> UInt[Array, "G B"]:
        return jnp.sum(drawn[:, None, :] == label[None], axis=0, dtype=jnp.uint8)

    # A GPU would start three programs for each cluster drawn.
    return jax.lax.platform_dependent(drawn, cpu=one_by_one, default=at_once)


def _counted_at_once(drawn: UInt[Array, "G B"]) -> UInt[Array, "G B"]:
    columns = jnp.broadcast_to(jnp.arange(drawn.shape[1])[None, :], drawn.shape)
    return jnp.zeros_like(drawn).at[drawn, columns].add(1)


def _counted(drawn: UInt[Array, "G B"]) -> UInt[Array, "G B"]:
    """A draw at a time: its counts stay in a core's cache."""
    none = jnp.zeros_like(drawn[:, 0])
    return jax.lax.map(lambda one: none.at[one].add(1), drawn.T).T


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


def webb(
    key: Key[Array, ""], clusters: int, *, draws: int = BLOCK
) -> Float[Array, "{clusters} {draws}"]:
    """Plus or minus the roots of 1/2, 1, 3/2 (Webb 2023)."""
    return webb_points(integers(key, clusters, below=6, draws=draws))


def webb_points(digit: UInt[Array, "G B"]) -> Float[Array, "G B"]:
    """The weight of each of six digits."""
    sign = jnp.where(digit < 3, -1.0, 1.0)
    size = jnp.where(digit < 3, digit, digit - 3)
    root = jnp.where(size == 0, np.sqrt(0.5), jnp.where(size == 1, 1.0, np.sqrt(1.5)))
    return sign * root


def mammen(
    key: Key[Array, ""], clusters: int, *, draws: int = BLOCK
) -> Float[Array, "{clusters} {draws}"]:
    """Mammen's (1993) two points: mean 0, variance 1, third moment 1."""
    root = np.sqrt(5)
    low = np.uint32(round(2**32 * (root + 1) / (2 * root)))
    word = jax.random.bits(key, (clusters, draws), jnp.uint32)
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
    """Word and index in one number, a draw in a row: one key sorts ten times faster."""
    index = jnp.arange(len(word), dtype=jnp.uint64)[None]
    packed = word.T.astype(jnp.uint64) << 32 | index
    return jax.lax.sort(packed, dimension=1).astype(jnp.uint32).T


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
