"""Variances of measures of a rebuilt table, in first order: one year.

Symbols of ``kernels.errors.rebuilt_draws``, whose draws these are the first order of.
With G the gradient of a measure by cell of F = (Z, Y), and own inventories closing each
row, a US$ more of product i from r to use u of d moves it by

    g = mean of G over the users of (d, i) - G of r's own inventories.

A fit to margins takes a change of a margin from all cells in proportion to them, so
that the fit of a drawn table is a product of projections; on g they act in reverse
order, each subtracting the mean of g, weighted by trade, of what adds up to a margin.
The part subtracted is the derivative with respect to the margin itself.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..sensitivity import Gradients
from .rebuilt_draws import RebuiltYear, profiles, ratio

# Turns of the fit with sums of groups and without: more move no standard error by a
# thousandth, since what is left is closed exactly.
_WITH_GROUPS, _WITHOUT, _OF_ROUNDING = 8, 8, 4


class _Parts(NamedTuple):
    """Shares of sellers and of groups of users, profiles of users of a group and of
    all: the same for all measures."""

    sellers: Float[Array, "s c c"]
    groups: Float[Array, "c s g"]
    of_group: Float[Array, "c s g s"]
    of_all: Float[Array, "c s s"]


class _Net(NamedTuple):
    """Gradients net of what fits take, by use, and those of the margins."""

    trade: Float[Array, "f s c u c"]
    exports: Float[Array, "f s c"]
    imports: Float[Array, "f s u c"]


def rebuilt_covariance(
    errors: RebuiltYear, gradients: Gradients
) -> Float[Array, "f f m"]:
    """Covariances of the f measures."""
    inputs = errors.trade[:, :, 0]
    bought = jnp.einsum("dij,gj->dig", errors.used, errors.kinds)
    parts = _Parts(
        ratio(inputs, inputs.sum(1)[:, None]),
        ratio(bought, bought.sum(2, keepdims=True)),
        profiles(errors.used, errors.kinds),
        ratio(errors.used, errors.used.sum(2, keepdims=True)),
    )

    def one(case: tuple[Array, Array]) -> Float[Array, "f f"]:
        left, added = case
        effects = _effects(errors, parts, left, gradients.right, added, gradients.of)
        flat = [k.reshape(len(added), -1) for k in effects]
        return sum((k @ k.T for k in flat), jnp.zeros((len(added),) * 2))

    cases = jnp.swapaxes(gradients.left, 0, 1), jnp.swapaxes(gradients.added, 0, 1)
    return jnp.moveaxis(jax.lax.map(one, cases), 0, 2)


def _effects(
    errors: RebuiltYear,
    parts: _Parts,
    left: Float[Array, "p n"],
    right: Float[Array, "p N"],
    added: Float[Array, "f N"],
    of: Float[Array, "p f"],
) -> list[Float[Array, "f ..."]]:
    """Effects on each measure of one standard deviation of each independent error."""
    trade, rounding = errors.trade, errors.rounding
    s, c = trade.shape[:2]
    n = c * s
    left = left.reshape(-1, c, s)
    by_user, by_final = right[:, :n].reshape(-1, c, s), right[:, n:]
    taken = added[:, :n].reshape(-1, c, s)

    def outer(sold: Array, bought: Array) -> Array:
        return jnp.einsum("pf,pri,pdi...->fird...", of, sold, bought)

    of_group = jnp.einsum("digj,pdj->pdig", parts.of_group, by_user)
    less = jnp.einsum("digj,fdj->fidg", parts.of_group, taken)
    h = outer(left, of_group) - less[:, :, None]
    own = jnp.einsum("pf,pri,pr->fir", of, left, by_final)
    g_inputs = (h * parts.groups.swapaxes(0, 1)[None, :, None]).sum(4)
    g_final = jnp.einsum("pf,pri,pd->fird", of, left, by_final)
    g = jnp.stack([g_inputs, g_final, g_final], 3) - own[:, :, :, None, None]
    net = _net_of_margins(errors, g)

    # Users: the groups of a product and buyer, and sellers, keep their sums.
    share = parts.groups.swapaxes(0, 1)[None, :, None]
    h = h - (h * share).sum(4, keepdims=True)
    h = h - (h * parts.sellers[None, ..., None]).sum(2, keepdims=True)
    moved = trade[None, :, :, 0, :, None] * share * h
    of_mixes = errors.mixes[None, :, None, None, None] * moved
    of_sellers = errors.sellers[None, :, None, None] * moved.sum(3)

    # Partners.
    moved = trade[None] * net.trade
    of_own = errors.own[None].astype(g.dtype) * moved
    of_common = errors.common[None].astype(g.dtype) * moved.sum(3)

    # Inputs from home of the rest of the world.
    home = jnp.einsum("pf,pdi,pdj->fdij", of, left, by_user) - taken[:, :, None]
    home = home - own.swapaxes(1, 2)[..., None]
    rest = errors.rest[:, None, None] * errors.home
    of_rest = errors.coefficients * rest[None] * home

    # Rounding of exports and of cells, and the balance of trade.
    sold = trade.sum((2, 3))
    unknown = (errors.rest[None] > 0) | (sold <= 0)
    fixed = jnp.where(unknown[None], 0, net.exports)
    of_exports = rounding.exports[None] / jnp.sqrt(3.0) * fixed
    share_sold = ratio(sold, sold.sum(0)[None])
    of_balance = rounding.balance[None] * (share_sold[None] * fixed).sum(1)
    sellers = jnp.einsum("ird,pri->pdi", parts.sellers, left)
    of_all = jnp.einsum("dij,pdj->pdi", parts.of_all, by_user)
    profile = jnp.einsum(
        "pf,pdi,pdij->fdij", of, sellers, by_user[:, :, None] - of_all[..., None]
    )
    less = jnp.einsum("dij,fdj->fdi", parts.of_all, taken)
    profile = profile - (taken[:, :, None] - less[..., None])
    margin = net.imports.transpose(0, 3, 1, 2)  # buyer, product, use
    finals = rounding.cells.shape[2] - s - 1
    imported = [
        profile + margin[..., :1],
        jnp.repeat(margin[..., 1:2], finals, 3),
        margin[..., 2:],
    ]
    imported = jnp.concatenate(imported, 3)
    at_home = jnp.pad(home, ((0, 0), (0, 0), (0, 0), (0, finals + 1)))
    cells = jnp.concatenate([at_home, imported], 2)
    of_cells = jnp.sqrt(rounding.variance)[None] * _net_of_totals(
        rounding.variance, cells
    )
    return [
        of_mixes,
        of_sellers,
        of_own,
        of_common,
        of_rest,
        of_exports,
        of_balance,
        of_cells,
    ]


def _net_of_margins(errors: RebuiltYear, g: Float[Array, "f s c u c"]) -> _Net:
    """The projections of ``_fitted``, in reverse order."""
    low = jnp.float32
    s, g = errors.trade.astype(low), g.astype(low)
    kinds, groups = errors.kinds.astype(low), errors.groups.astype(low)
    free = errors.rest > 0
    no_pair = free[:, None] | free[None, :]
    sold, bought = s.sum((2, 3)), s.sum(1)
    of_pairs = jnp.einsum("ki,irud->krd", kinds, s[:, :, :-1])
    of_flows = jnp.einsum("gi,irud->grd", groups, s)
    with_groups = groups.sum() > 0

    def exports(now: _Net) -> _Net:
        mean = ratio((s[None] * now.trade).sum((3, 4)), sold[None])
        mean = jnp.where(free[None, None], 0, mean)
        trade = now.trade - mean[..., None, None]
        return _Net(trade, now.exports + mean, now.imports)

    def turn(now: _Net) -> _Net:
        mean = ratio((s[None] * now.trade).sum(2), bought[None])
        mean = jnp.where(free[None, None, None], 0, mean)
        now = _Net(now.trade - mean[:, :, None], now.exports, now.imports + mean)
        now = exports(now)
        moved = (s[None] * now.trade)[:, :, :, :-1].sum(3)
        mean = ratio(jnp.einsum("ki,fird->fkrd", kinds, moved), of_pairs[None])
        mean = jnp.where(no_pair[None, None], 0, mean)[:, kinds.argmax(0)]
        trade = now.trade.at[:, :, :, :-1].add(-mean[:, :, :, None])
        return _Net(trade, now.exports, now.imports)

    def turn_with_groups(now: _Net) -> _Net:
        now = turn(now)
        moved = (s[None] * now.trade).sum(3)
        mean = ratio(jnp.einsum("gi,fird->fgrd", groups, moved), of_flows[None])
        trade = now.trade - mean[:, groups.argmax(0)][:, :, :, None]
        return _Net(jnp.where(with_groups, trade, now.trade), *now[1:])

    # What a fit leaves, the rest of the world buys and sells.
    rest = errors.rest.astype(low)
    unsold = jnp.where(free[None, None], 0, g[:, :, :, -1] @ rest)
    g = g - unsold[..., None, None]
    missed = jnp.where(free[None, None, None], 0, jnp.einsum("r,firud->fiud", rest, g))
    net = exports(_Net(g - missed[:, :, None], unsold, missed))
    net = jax.lax.fori_loop(0, _WITHOUT, lambda _, k: turn(k), net)
    net = jax.lax.fori_loop(0, _WITH_GROUPS, lambda _, k: turn_with_groups(k), net)
    return jax.tree.map(lambda k: k.astype(errors.trade.dtype), net)


def _net_of_totals(
    q: Float[Array, "c m b"], k: Float[Array, "f c m b"]
) -> Float[Array, "f c m b"]:
    """The projections of ``drawn_rounding``, in reverse order."""
    s = q.shape[1] // 2
    columns, rows = q.sum(1), q[:, :s].sum(2)

    def turn(_: Array, k: Array) -> Array:
        k = k - ratio((q[None] * k).sum(2), columns[None])[:, :, None]
        mean = ratio((q[None, :, :s] * k[:, :, :s]).sum(3), rows[None])
        return k.at[:, :, :s].add(-mean[..., None])

    return jax.lax.fori_loop(0, _OF_ROUNDING, turn, k)
