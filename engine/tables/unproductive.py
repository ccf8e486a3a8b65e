"""Industries that make a table unproductive: named from slabs of its rows."""

from collections.abc import Callable, Iterable

import numpy as np
from jaxtyping import Bool, Float, UInt8

_NAMED = 3  # industries that a message names
_ROUNDING = 1e-9  # of a column sum
NONE_FOUND = "look at cells that are negative or not numbers"

Slabs = Callable[[], Iterable[tuple[int, Float[np.ndarray, "r n"]]]]
"""First row and rows of each slab of Z, in order."""


def unproductive_in_words(
    x: Float[np.ndarray, " n"],
    shares: Float[np.ndarray, " n"],
    slabs: Slabs,
    is_productive: Callable[[Bool[np.ndarray, " n"]], bool],
    industry: Callable[[int], str],
) -> str:
    """Name the industries to look at; ``shares`` are column sums of A.

    A table is unproductive where a strongly connected block of it is: industries that
    all supply each other, directly or not. In such a block some industry buys from the
    block more than its output: those are named, the worst first. ``is_productive``
    says whether some industries by themselves are. ``NONE_FOUND`` where all are.
    """
    suspects = np.flatnonzero(shares >= 1 - _ROUNDING)
    blocks = _strong_blocks(_links(x, slabs), suspects)
    own = _inputs_from_own_block(x, slabs, suspects, blocks)
    unproductive = []
    for members in blocks:
        within = np.array([members[k] for k in suspects], bool) & (own >= 1 - _ROUNDING)
        if within.any() and not is_productive(members):
            unproductive.append((int(members.sum()), suspects[within], own[within]))
    if not unproductive:
        return NONE_FOUND
    size, named, inputs = min(unproductive, key=lambda block: block[0])
    named = named[np.argsort(-inputs, kind="stable")].tolist()
    first, *others = named[:_NAMED]
    text = (
        f"look at {industry(first)}, whose inputs are {shares[first]:.3f} of its output"
    )
    if others:
        listed = ", ".join(f"{industry(k)} ({shares[k]:.3f})" for k in others)
        text += f", and at {listed}"
    if len(named) > _NAMED:
        text += f" and {len(named) - _NAMED} more"
    if size == 1:
        return text
    return f"{text}, among {size} industries that supply each other"


def _links(x: Float[np.ndarray, " n"], slabs: Slabs) -> UInt8[np.ndarray, "n n/8"]:
    """Flags, 1 where row i supplies column j, a bit a cell: 1 / 64 of Z."""
    parts = [np.packbits((Z != 0) & (x > 0)[None, :], axis=1) for _, Z in slabs()]
    return np.concatenate(parts)


def _strong_blocks(
    links: UInt8[np.ndarray, "n n/8"], suspects: np.ndarray
) -> list[Bool[np.ndarray, " n"]]:
    """The strongly connected block of each suspect, each block once."""
    blocks: list[np.ndarray] = []
    for k in suspects.tolist():
        if not any(members[k] for members in blocks):
            blocks.append(_supplied(links, k) & _suppliers(links, k))
    return blocks


def _supplied(links: UInt8[np.ndarray, "n n/8"], k: int) -> Bool[np.ndarray, " n"]:
    """Industries that ``k`` supplies, directly or not, and itself."""
    n = len(links)
    found = np.arange(n) == k
    last = found
    while last.any():
        bits = np.bitwise_or.reduce(links[last], axis=0)
        last = np.unpackbits(bits, count=n).astype(bool) & ~found
        found = found | last
    return found


def _suppliers(links: UInt8[np.ndarray, "n n/8"], k: int) -> Bool[np.ndarray, " n"]:
    """Industries that supply ``k``, directly or not, and itself."""
    found = np.arange(len(links)) == k
    count = 0
    while count < found.sum():
        count = found.sum()
        found = found | (links & np.packbits(found)[None, :]).any(axis=1)
    return found


def _inputs_from_own_block(
    x: Float[np.ndarray, " n"],
    slabs: Slabs,
    suspects: np.ndarray,
    blocks: list[Bool[np.ndarray, " n"]],
) -> Float[np.ndarray, " k"]:
    """Purchases of each suspect from its block, for a US$ of output."""
    own = np.zeros(len(suspects))
    inside = np.zeros((len(x), len(suspects)), bool)
    for members in blocks:
        inside |= members[:, None] & members[suspects][None, :]
    for first, Z in slabs():
        bought = Z[:, suspects]
        own += np.where(inside[first : first + len(Z)], bought, 0).sum(axis=0)
    return np.divide(own, x[suspects], out=np.zeros_like(own), where=x[suspects] > 0)
