"""Trade by product, seller, use and buyer, nearest to a seed, with given margins.

Symbols, products i, sellers r, uses u (inputs first, inventories last), buyers d:

    s   trade (i, r, u, d), found; the seed where the multipliers are 1
    m   multipliers (i, r, d) of inputs, of inventories, and of all other uses
    b   multipliers (i, u, d)

s is the array of least relative entropy to the seed that has the margins, so that it is
the seed times a multiplier for each margin (Deming and Stephan 1940, Annals of
Mathematical Statistics 11; Bregman 1967). Margins take turns. The multipliers are kept,
not the array: a turn reads the seed twice.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int


class Margins(NamedTuple):
    """What trade must add up to; NaN leaves a margin free.

    ``imports`` by product, use and buyer, ``exports`` by product and seller, ``pairs``
    by kind of product, seller and buyer, inventories left out. ``kinds`` says which
    products are of a kind: 1 or 0.
    """

    imports: Float[Array, "i u d"]
    exports: Float[Array, "i r"]
    pairs: Float[Array, "k r d"]
    kinds: Float[Array, "k i"]


class Flows(NamedTuple):
    """Trade by group of products, seller and buyer: near the truth, not exact.

    ``lift`` is how many times the inputs of a product and buyer are counted in
    ``flows``; ``groups`` says which products are of a group: 1 or 0. ``inputs_only``:
    final uses are known, and inputs alone are fitted to the flows.
    """

    flows: Float[Array, "g r d"]
    lift: Float[Array, "i d"]
    groups: Float[Array, "g i"]
    inputs_only: Bool[Array, ""]


class Fitted(NamedTuple):
    """``gap`` is what imports missed in the last turn but one, of all imports."""

    trade: Float[Array, "i r u d"]
    gap: Float[Array, ""]
    turns: Int[Array, ""]


class _Multipliers(NamedTuple):
    """Of inputs, of final uses but inventories, and of inventories."""

    inputs: Float[Array, "i r d"]
    final: Float[Array, "i r d"]
    stocks: Float[Array, "i r d"]


class _Turn(NamedTuple):
    m: _Multipliers
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
    flows: Flows,
    first: Int[Array, ""],
    tolerance: Float[Array, ""],
    most: Int[Array, ""],
) -> Fitted:
    """The trade of one year.

    Flows by group enter the ``first`` turns only, for they do not agree with the
    margins to the last digit, and fitting to totals that disagree drifts. Then turns go
    on until imports miss by ``tolerance`` of all imports, or for ``most`` turns.
    Exports are met exactly.
    """

    def sums(b: Float[Array, "i u d"]) -> _Multipliers:
        """What the multipliers multiply."""
        inputs = seed[:, :, 0] * b[:, None, 0]
        final = sum(
            (seed[:, :, u] * b[:, None, u] for u in range(2, seed.shape[2] - 1)),
            seed[:, :, 1] * b[:, None, 1],
        )
        return _Multipliers(inputs, final, seed[:, :, -1] * b[:, None, -1])

    def to_flows(m: _Multipliers, of: _Multipliers) -> _Multipliers:
        inputs = _by(flows.groups, m.inputs * of.inputs * flows.lift[:, None])
        final = _by(flows.groups, m.final * of.final + m.stocks * of.stocks)
        rest = jnp.maximum(flows.flows - final, _LEAST * inputs)
        all_uses = _ratio(flows.flows, inputs + final)
        of_inputs = jnp.where(flows.inputs_only, _ratio(rest, inputs), all_uses)
        others = _spread(flows.groups, jnp.where(flows.inputs_only, 1.0, all_uses))
        return _Multipliers(
            m.inputs * _spread(flows.groups, of_inputs),
            m.final * others,
            m.stocks * others,
        )

    def to_pairs(m: _Multipliers, of: _Multipliers) -> _Multipliers:
        now = _by(margins.kinds, m.inputs * of.inputs + m.final * of.final)
        p = _spread(margins.kinds, _factor(margins.pairs, now))
        return _Multipliers(m.inputs * p, m.final * p, m.stocks)

    def to_exports(m: _Multipliers, of: _Multipliers) -> _Multipliers:
        sold = m.inputs * of.inputs + m.final * of.final + m.stocks * of.stocks
        e = _factor(margins.exports, sold.sum(2))[:, :, None]
        return _Multipliers(*(k * e for k in m))

    def turn(now: _Turn) -> _Turn:
        of = sums(now.b)
        m = jax.lax.cond(now.turns < first, lambda: to_flows(now.m, of), lambda: now.m)
        m = to_exports(to_pairs(m, of), of)
        uses = [m.inputs, *[m.final] * (seed.shape[2] - 2), m.stocks]
        bought = [(seed[:, :, u] * k).sum(1) for u, k in enumerate(uses)]
        bought = jnp.stack(bought, 1)
        fixed = ~jnp.isnan(margins.imports)
        off = jnp.where(fixed, jnp.abs(bought * now.b - margins.imports), 0).sum()
        b = jnp.where(fixed, _ratio(margins.imports, bought), 1.0)
        gap = off / jnp.where(fixed, margins.imports, 0).sum()
        return _Turn(m, b, gap, now.gap, now.turns + 1)

    def unfinished(now: _Turn) -> Bool[Array, ""]:
        stalled = now.before - now.gap < _STALLED * now.gap
        end = (now.gap < tolerance) | (stalled & (now.turns > first + _PATIENCE))
        return (now.turns < first + most) & (~end | (now.turns <= first))

    one, none = jnp.ones_like(seed[:, :, 0]), jnp.full((), jnp.inf, seed.dtype)
    start = _Turn(
        _Multipliers(one, one, one),
        jnp.ones_like(seed[:, 0]),
        none,
        none,
        jnp.asarray(0),
    )
    end = jax.lax.while_loop(unfinished, turn, start)
    m = to_exports(end.m, sums(end.b))
    uses = jnp.stack([m.inputs, *[m.final] * (seed.shape[2] - 2), m.stocks], 2)
    return Fitted(seed * uses * end.b[:, None], end.gap, end.turns)


def _ratio(a: Float[Array, "..."], b: Float[Array, "..."]) -> Float[Array, "..."]:
    """a / b, and 0 where b is 0."""
    return jnp.where(b > 0, a / jnp.where(b > 0, b, 1), 0)


def _factor(wanted: Float[Array, "..."], now: Float[Array, "..."]) -> Array:
    return jnp.where(jnp.isnan(wanted), 1.0, _ratio(wanted, now))


def _by(groups: Float[Array, "g i"], trade: Float[Array, "i r d"]) -> Array:
    return jnp.einsum("gi,ird->grd", groups, trade)


def _spread(groups: Float[Array, "g i"], of_group: Float[Array, "g r d"]) -> Array:
    """What a group has, for each of its products."""
    return of_group[groups.argmax(0)]
