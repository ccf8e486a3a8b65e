"""Trade by product, seller, use and buyer, nearest to a seed, with given margins.

Symbols, products i, sellers r, uses u, buyers d, classes of uses h:

    s   trade (i, r, u, d), found; P is the seed, N what it has below 0
    m   multipliers (h, i, r, d)
    b   multipliers (i, u, d)

s is the array of least relative entropy to the seed that has the margins, so that it is
the seed times a multiplier for each margin (Deming and Stephan 1940, Annals of
Mathematical Statistics 11; Bregman 1967). Cells below 0 are divided by it (GRAS, see
``kernels.gras``):

    s_irud = P_irud m_hird b_iud - N_irud / (m_hird b_iud).

Margins take turns. The multipliers are kept, not the array: a turn reads the seed
twice. A class holds the uses that no margin by seller and buyer tells apart.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import accumulate, pairwise
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ..gras import inverse, multiplier


class PairFlows(NamedTuple):
    """Trade of sellers and buyers by group of products and of uses; NaN leaves it free.

    ``products`` says which products are in a group, ``uses`` which classes of uses: 1
    or 0. Trade outside all groups is free.
    """

    flows: Float[Array, "g w r d"]
    products: Float[Array, "g i"]
    uses: Float[Array, "w h"]


class Margins(NamedTuple):
    """Sums that trade must add up to; NaN leaves a margin free.

    ``imports`` by product, use and buyer, ``exports`` by product and seller.
    """

    imports: Float[Array, "i u d"]
    exports: Float[Array, "i r"]
    pairs: Sequence[PairFlows]


class GroupFlows(NamedTuple):
    """Trade by group of products, seller and buyer: near the truth, not exact.

    ``lift`` is how many times the inputs of a product and buyer are counted in
    ``flows``; ``groups`` says which products are of a group: 1 or 0. ``inputs_only``:
    final uses are known, and inputs alone, the first class, are fitted to the flows.
    """

    flows: Float[Array, "g r d"]
    lift: Float[Array, "i d"]
    groups: Float[Array, "g i"]
    inputs_only: Bool[Array, ""]


class FittedTrade(NamedTuple):
    """``gap`` is what imports missed in the last turn but one, of all imports."""

    trade: Float[Array, "i r u d"]
    gap: Float[Array, ""]
    turns: Int[Array, ""]


class _Cells(NamedTuple):
    """Cells that multipliers multiply, and cells that they divide."""

    plus: Float[Array, "..."]
    minus: Float[Array, "..."]

    def times(self, m: Float[Array, "..."]) -> "_Cells":
        return _Cells(self.plus * m, _over(self.minus, m))


class _Turn(NamedTuple):
    m: Float[Array, "h i r d"]
    b: Float[Array, "i u d"]
    gap: Float[Array, ""]
    before: Float[Array, ""]
    turns: Int[Array, ""]


# Of the inputs that a seed has in a flow, so much stays where final uses exceed it.
_LEAST = 0.02
# Turns that stall end the fit: each has to close this share of the gap.
_STALLED, _PATIENCE = 1e-4, 60


def fit_trade(
    seed: Float[Array, "i r u d"],
    margins: Margins,
    near: Sequence[PairFlows | GroupFlows],
    first: Int[Array, ""],
    tolerance: Float[Array, ""],
    most: Int[Array, ""],
    *,
    classes: tuple[int, ...],
    below: Float[Array, "i r u d"] | None = None,
) -> FittedTrade:
    """The trade of one year.

    ``classes``: how many uses each class has, in the order of uses. ``below``: N, where
    trade may be negative. What is ``near`` enters the ``first`` turns only, for it does
    not agree with the margins to the last digit, and fitting to totals that disagree
    drifts. Then turns go on until imports miss by ``tolerance`` of all imports, or for
    ``most`` turns. Exports are met exactly.
    """
    members = [slice(a, z) for a, z in pairwise(accumulate(classes, initial=0))]

    def summed(
        weights: Iterable[Array], axis: int, join: Callable[..., Array]
    ) -> _Cells:
        """Cells of each class, multiplied and divided by its weights."""
        of = list(zip(members, weights, strict=True))
        plus = join([(seed[:, :, k] * weight).sum(axis) for k, weight in of])
        if below is None:
            return _Cells(plus, jnp.zeros_like(plus))
        minus = [_over(below[:, :, k], weight).sum(axis) for k, weight in of]
        return _Cells(plus, join(minus))

    def by_class(b: Float[Array, "i u d"]) -> _Cells:
        """Sums over the uses of a class."""
        return summed([b[:, None, k] for k in members], 2, jnp.stack)

    def by_buyer(m: Float[Array, "h i r d"]) -> _Cells:
        """Sums over sellers."""
        return summed(m[:, :, :, None], 1, partial(jnp.concatenate, axis=1))

    def to_flows(
        m: Float[Array, "h i r d"], of: _Cells, flows: GroupFlows
    ) -> Float[Array, "h i r d"]:
        inputs, *final = m * of.plus
        inputs = _by(flows.groups, inputs * flows.lift[:, None])
        others = _by(flows.groups, jnp.stack(final).sum(0))
        rest = jnp.maximum(flows.flows - others, _LEAST * inputs)
        all_uses = _ratio(flows.flows, inputs + others)
        factors = (
            jnp.where(flows.inputs_only, _ratio(rest, inputs), all_uses),
            jnp.where(flows.inputs_only, 1.0, all_uses),
        )
        of_inputs, of_others = (k[flows.groups.argmax(0)] for k in factors)
        return m * jnp.stack([of_inputs, *[of_others] * len(final)])

    def to_exports(m: Float[Array, "h i r d"], of: _Cells) -> Float[Array, "h i r d"]:
        sold = (k.sum((0, 3)) for k in of.times(m))
        return m * _factor(margins.exports, *sold)[None, :, :, None]

    def turn(now: _Turn) -> _Turn:
        of, m = by_class(now.b), now.m

        def nearer() -> Float[Array, "h i r d"]:
            moved = now.m
            for one in near:
                if isinstance(one, GroupFlows):
                    moved = to_flows(moved, of, one)
                else:
                    moved = to_pairs(moved, of, one)
            return moved

        if near:
            m = jax.lax.cond(now.turns < first, nearer, lambda: now.m)
        for pairs in margins.pairs:
            m = to_pairs(m, of, pairs)
        m = to_exports(m, of)
        bought = by_buyer(m)
        fixed = ~jnp.isnan(margins.imports)
        met = bought.times(now.b)
        off = jnp.abs(met.plus - met.minus - margins.imports)
        b = _factor(margins.imports, *bought)
        of_all = jnp.where(fixed, jnp.abs(margins.imports), 0).sum()
        gap = jnp.where(fixed, off, 0).sum() / of_all
        return _Turn(m, b, gap, now.gap, now.turns + 1)

    def unfinished(now: _Turn) -> Bool[Array, ""]:
        stalled = now.before - now.gap < _STALLED * now.gap
        end = (now.gap < tolerance) | (stalled & (now.turns > first + _PATIENCE))
        return (now.turns < first + most) & (~end | (now.turns <= first))

    i, r, _, d = seed.shape
    none = jnp.full((), jnp.inf, seed.dtype)
    start = _Turn(
        jnp.ones((len(classes), i, r, d), seed.dtype),
        jnp.ones_like(seed[:, 0]),
        none,
        none,
        jnp.asarray(0),
    )
    end = jax.lax.while_loop(unfinished, turn, start)
    m = to_exports(end.m, by_class(end.b))
    class_of = [h for h, size in enumerate(classes) for _ in range(size)]
    of_use = m[jnp.asarray(class_of)].transpose(1, 2, 0, 3)
    trade = seed * of_use * end.b[:, None]
    if below is not None:
        trade = trade - _over(_over(below, of_use), end.b[:, None])
    return FittedTrade(trade, end.gap, end.turns)


def to_pairs(
    m: Float[Array, "h i r d"], of: _Cells, pairs: PairFlows
) -> Float[Array, "h i r d"]:
    """Multipliers with which trade adds up to that of pairs."""
    sums = (
        jnp.einsum("gi,wh,hird->gwrd", pairs.products, pairs.uses, k)
        for k in of.times(m)
    )
    factor = _factor(pairs.flows, *sums)
    factor = factor[pairs.products.argmax(0)][:, pairs.uses.argmax(0)]  # i h r d
    inside = pairs.uses.any(0)[:, None] & pairs.products.any(0)[None]
    return m * jnp.where(inside[..., None, None], factor.transpose(1, 0, 2, 3), 1)


def _ratio(a: Float[Array, "..."], b: Float[Array, "..."]) -> Float[Array, "..."]:
    """a / b, and 0 where b is 0."""
    return jnp.where(b > 0, a / jnp.where(b > 0, b, 1), 0)


def _over(n: Float[Array, "..."], m: Float[Array, "..."]) -> Float[Array, "..."]:
    """n / m, and 0 where either is 0: m may be as small as a number can be."""
    return jnp.where(n > 0, n * inverse(m), 0)


def _factor(
    wanted: Float[Array, "..."], plus: Float[Array, "..."], minus: Float[Array, "..."]
) -> Float[Array, "..."]:
    free = jnp.isnan(wanted)
    return jnp.where(free, 1.0, multiplier(jnp.where(free, 0, wanted), plus, minus))


def _by(groups: Float[Array, "g i"], trade: Float[Array, "i r d"]) -> Array:
    return jnp.einsum("gi,ird->grd", groups, trade)
