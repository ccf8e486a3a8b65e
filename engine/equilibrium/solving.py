"""Old and new equilibria of an economy, solved: many by one program, or by Newton."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...kernels.equilibrium import changes, drawn_economy, wages
from ..core import TivaxError
from .economy import Economy

Deficits = Literal["zero", "kept", "closing", "share", "share, as published"]
SHARES = ("share", "share, as published")
"""Deficits that are a share of income."""
ALONE = "the new equilibrium"
"""The name of a scenario that has no other beside it."""
_NEWTON_STEPS = 60
_HALVINGS = 12


class DeficitRule(NamedTuple):
    """``Deficits`` as data, 0 or 1, so that one program is of all: whether there are
    any in the old equilibrium, whether they stay, and are shares that ``spread``."""

    old: Float[Array, ""]
    kept: Float[Array, ""]
    share: Float[Array, ""]
    spread: Float[Array, ""]


def rule_of(deficits: Deficits) -> DeficitRule:
    """The factors of a kind of deficits."""
    share = deficits in SHARES
    found = deficits != "zero", deficits == "kept", share, deficits == "share"
    return DeficitRule(*jax.device_put(tuple(np.array(found, float))))


class Old(NamedTuple):
    """The old equilibrium, money in units of world value added; ``kept`` are deficits
    of a new one beside those that are a share of income."""

    economy: changes.EconomyArrays
    tariff: Float[Array, "r r s"]
    trade: Float[Array, "r r s"]
    spending: Float[Array, "r s"]
    income: Float[Array, " r"]
    deficit: Float[Array, " r"]
    kept: Float[Array, " r"]
    surplus: changes.Surplus
    start: wages.Position
    inverse: Float[Array, "r r"]


def share_economy(economy: Economy) -> changes.EconomyArrays:
    """The economy in shares (``drawn_economy.shares_of``)."""
    arrays = economy.tariff, economy.theta, joined(economy), economy.profit
    given = jax.device_put(arrays)
    return _shares_of(accounts_of(economy), *given)


def accounts_of(economy: Economy) -> drawn_economy.TradeAccounts:
    """The arrays of an economy that its shares follow from."""
    arrays = economy.trade, economy.intermediate, economy.final, economy.value_added
    return drawn_economy.TradeAccounts(*jax.device_put(arrays))


_shares_of = jax.jit(drawn_economy.shares_of)


def joined(economy: Economy) -> Float[np.ndarray, "r r"]:
    """1 where two regions trade, be it through others."""
    trade = economy.trade.sum(axis=2)
    linked = ((trade + trade.T > 0) | np.eye(len(trade), dtype=bool)).astype(float)
    for _ in range(len(trade).bit_length()):  # chains twice as long
        linked = np.minimum(linked @ linked, 1)
    return linked


def solve_old(economy: Economy, deficits: Deficits) -> Old:
    """The old equilibrium: observed tariffs, with or without deficits."""
    shares, tariff = share_economy(economy), jax.device_put(economy.tariff)
    trade, value_added = jax.device_put((economy.trade, economy.value_added))
    rule = rule_of(deficits)
    shock, start = _old_problem(shares, tariff, trade, value_added, rule)
    inverse = wages.inverse_jacobian(shares, shock, start)
    found = _solve_one(shares, shock, inverse, start, 0.0)
    if not float(found.clearing) <= wages.CLEARING:
        found = _by_newton(economy, shares, shock, start, "the old equilibrium")
    return _old_of(shares, shock, found, inverse, rule)


def old_at_once(
    shares: changes.EconomyArrays,
    tariff: Float[Array, "r r s"],
    trade: Float[Array, "r r s"],
    value_added: Float[Array, "r s"],
    inverse: Float[Array, "r r"],
    rule: DeficitRule,
) -> tuple[Old, Float[Array, ""]]:
    """``solve_old`` in one program, with the inverse Jacobian of an economy close by,
    and how markets clear, which may not be enough."""
    shock, start = _old_problem(shares, tariff, trade, value_added, rule)
    aim = jnp.zeros((), tariff.dtype)
    found = wages.solve_near(shares, shock, inverse, start, start, aim)
    return _old_of(shares, shock, found, inverse, rule), found.clearing


_solve_one = jax.jit(wages.solve)


@jax.jit
def _old_problem(
    shares: changes.EconomyArrays,
    tariff: Float[Array, "r r s"],
    trade: Float[Array, "r r s"],
    value_added: Float[Array, "r s"],
    rule: DeficitRule,
) -> tuple[changes.EconomyShock, wages.Position]:
    """The shock that leads to the old equilibrium from the data, and where they are."""
    scale = value_added.sum() - trade.sum(axis=(0, 1)) @ shares.profit
    deficit = (trade.sum(axis=(1, 2)) - trade.sum(axis=(0, 2))) / scale
    deficit = deficit - deficit.sum() * shares.income  # rounding
    none = changes.Surplus(0 * deficit, 0 * scale)
    given = jnp.zeros_like(tariff), tariff, rule.old * deficit, none
    start = wages.origin((trade * (1 + tariff)).sum(axis=1) / scale)
    return changes.EconomyShock(*given), start


@jax.jit
def _old_of(
    shares: changes.EconomyArrays,
    shock: changes.EconomyShock,
    found: wages.Equilibrium,
    inverse: Float[Array, "r r"],
    rule: DeficitRule,
) -> Old:
    paid = jnp.exp(found.log_wages) * shares.income
    share = rule.share * shock.deficit / (shock.deficit - found.income)
    surplus = changes.Surplus(share, rule.spread)
    deficit = shock.deficit / paid.sum()
    flows = shock.tariff, found.trade, found.spending, found.income, deficit
    after = rule.kept * deficit, surplus, wages.origin(found.spending), inverse
    return Old(wages.rebased(shares, found), *flows, *after)


def solve_new(
    economy: Economy,
    old: Old,
    tariff: np.ndarray,
    start: wages.Position | None = None,
) -> wages.Equilibrium:
    """The new equilibrium of one schedule of tariffs, by default from the old one."""
    shock = make_shocks(old, tariff[None], np.ones((1, *tariff.shape)))
    found = solve_all(economy, old, shock, [ALONE], start)
    return jax.tree.map(lambda a: a[0], found)


def make_shocks(
    old: Old, tariff: np.ndarray, costs: np.ndarray
) -> changes.EconomyShock:
    """Shocks of several scenarios: new tariffs, factors of trade costs."""
    before = 1 + np.asarray(old.tariff)[None]
    log_costs = np.log((1 + tariff) / before * costs)
    several, surplus = jax.tree.map(
        lambda a: jnp.broadcast_to(a[None], (len(tariff), *a.shape)),
        (old.kept, old.surplus),
    )
    moved = jnp.asarray(log_costs), jnp.asarray(tariff)
    return changes.EconomyShock(*moved, several, surplus)


def transfer_of(old: Old, new: wages.Equilibrium) -> Float[Array, " r"]:
    """The change of deficits, in units of world value added."""
    own = jnp.exp(new.log_wages) * old.economy.income + new.revenue
    own = own + new.trade.sum(axis=0) @ old.economy.profit
    return old.kept - changes.saved(old.surplus, own) - old.deficit


@jax.jit
def _solve_several(
    economy: changes.EconomyArrays,
    shocks: changes.EconomyShock,
    inverse: Float[Array, "r r"],
    start: wages.Position,
    aim: Float[Array, ""] | float,
) -> wages.Equilibrium:
    def solve(shock: changes.EconomyShock) -> wages.Equilibrium:
        return wages.solve(economy, shock, inverse, start, jnp.asarray(aim))

    return wages.for_each(solve, shocks)


def solve_all(
    economy: Economy,
    old: Old,
    shocks: changes.EconomyShock,
    names: Sequence[str],
    start: wages.Position | None = None,
) -> wages.Equilibrium:
    """New equilibria of several scenarios, with their names for messages.

    Scenarios that the shared iteration leaves unsolved go to Newton's method. Raises
    ``TivaxError`` where that does not converge.
    """
    first = old.start if start is None else start
    found = _solve_several(old.economy, shocks, old.inverse, first, wages.AIM)
    unsolved = np.flatnonzero(~(np.asarray(found.clearing) <= wages.CLEARING))
    for k in unsolved:
        one = jax.tree.map(lambda a, k=k: a[k], shocks)
        new = _by_newton(economy, old.economy, one, old.start, names[int(k)])
        found = jax.tree.map(lambda all, one, k=k: all.at[k].set(one), found, new)
    return found


def _by_newton(
    economy: Economy,
    shares: changes.EconomyArrays,
    shock: changes.EconomyShock,
    start: wages.Position,
    what: str,
) -> wages.Equilibrium:
    """Newton's method with a line search, for equilibria far from the old one."""

    def size(at: wages.Position) -> float:
        worst = float(jnp.max(jnp.abs(at.excess)))
        return worst if np.isfinite(worst) else np.inf

    at = wages.visit_precisely(shares, shock, start.log_wages, start)
    for _ in range(_NEWTON_STEPS):
        if size(at) <= 0.1 * wages.CLEARING:
            break
        inverse = wages.inverse_jacobian(shares, shock, at)
        step = -inverse @ at.excess
        step = step * min(1.0, 0.5 / max(float(jnp.max(jnp.abs(step))), 1e-300))
        for _ in range(_HALVINGS):
            new = wages.visit_precisely(shares, shock, at.log_wages + step, at)
            if size(new) < size(at):
                at = new
                break
            step = step / 2
        else:
            break
    found = jax.jit(wages.equilibrium_at)(shares, shock, at, jnp.asarray(0))
    if not float(found.clearing) <= wages.CLEARING:
        worst = economy.regions[int(np.argmax(np.abs(np.nan_to_num(at.excess, nan=9))))]
        raise TivaxError(
            f"{economy.name}: {what} does not converge: the labour market of {worst} "
            f"misses by {float(found.clearing):.1e} of value added; take a smaller "
            "change"
        )
    return found
