"""Old and new equilibria of an economy, solved: many by one program, or by Newton."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple

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


class Old(NamedTuple):
    """The old equilibrium, money in units of world value added."""

    economy: changes.EconomyArrays
    tariff: Float[Array, "r r s"]
    trade: Float[Array, "r r s"]
    spending: Float[Array, "r s"]
    income: Float[Array, " r"]
    deficit: Float[Array, " r"]
    start: wages.Position
    inverse: Float[Array, "r r"]
    surplus: changes.Surplus | None = None


def share_economy(economy: Economy) -> changes.EconomyArrays:
    """The economy in shares (``drawn_economy.shares_of``)."""
    given = jax.device_put((economy.tariff, economy.theta, joined(economy)))
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
    given = shares, tariff, trade, value_added
    shock, kept, start = _old_problem(*given, deficits=deficits)
    inverse = wages.inverse_jacobian(shares, kept, start)
    found = _solve_one(shares, shock, inverse, start, 0.0)
    if not float(found.clearing) <= wages.CLEARING:
        found = _by_newton(economy, shares, shock, start, "the old equilibrium")
    return _old_of(shares, shock, found, inverse, deficits=deficits)


def old_at_once(
    shares: changes.EconomyArrays,
    tariff: Float[Array, "r r s"],
    trade: Float[Array, "r r s"],
    value_added: Float[Array, "r s"],
    inverse: Float[Array, "r r"],
    *,
    deficits: Deficits,
) -> tuple[Old, Float[Array, ""]]:
    """``solve_old`` in one program, with the inverse Jacobian of an economy close by,
    and how markets clear, which may not be enough."""
    given = shares, tariff, trade, value_added
    shock, _, start = _old_problem(*given, deficits=deficits)
    aim = jnp.zeros((), tariff.dtype)
    found = wages.solve_near(shares, shock, inverse, start, start, aim)
    old = _old_of(shares, shock, found, inverse, deficits=deficits)
    return old, found.clearing


_solve_one = jax.jit(wages.solve)


@partial(jax.jit, static_argnames="deficits")
def _old_problem(
    shares: changes.EconomyArrays,
    tariff: Float[Array, "r r s"],
    trade: Float[Array, "r r s"],
    value_added: Float[Array, "r s"],
    *,
    deficits: Deficits,
) -> tuple[changes.EconomyShock, changes.EconomyShock, wages.Position]:
    """The shock that leads to the old equilibrium from the data, the same with all
    deficits, and where the data are."""
    scale = value_added.sum()
    deficit = (trade.sum(axis=(1, 2)) - trade.sum(axis=(0, 2))) / scale
    deficit = deficit - deficit.sum() * shares.income  # rounding
    kept = changes.EconomyShock(jnp.zeros_like(tariff), tariff, deficit)
    start = wages.origin((trade * (1 + tariff)).sum(axis=1) / scale)
    shock = kept if deficits != "zero" else kept._replace(deficit=0 * deficit)
    return shock, kept, start


@partial(jax.jit, static_argnames="deficits")
def _old_of(
    shares: changes.EconomyArrays,
    shock: changes.EconomyShock,
    found: wages.Equilibrium,
    inverse: Float[Array, "r r"],
    *,
    deficits: Deficits,
) -> Old:
    paid = jnp.exp(found.log_wages) * shares.income
    surplus = None
    if deficits in SHARES:
        share = shock.deficit / (shock.deficit - found.income)
        surplus = changes.Surplus(share, jnp.asarray(float(deficits == "share")))
    deficit = shock.deficit / paid.sum()
    flows = shock.tariff, found.trade, found.spending, found.income, deficit
    start = wages.origin(found.spending)
    return Old(wages.rebased(shares, found), *flows, start, inverse, surplus)


def new_deficits(old: Old, deficits: Deficits) -> Float[Array, " r"]:
    """Deficits of the new equilibrium, in units of world value added, but for those
    that are a share of income."""
    return old.deficit if deficits == "kept" else jnp.zeros_like(old.deficit)


def solve_new(
    economy: Economy,
    old: Old,
    tariff: np.ndarray,
    deficits: Deficits,
    start: wages.Position | None = None,
) -> wages.Equilibrium:
    """The new equilibrium of one schedule of tariffs, by default from the old one."""
    costs, deficit = np.ones((1, *tariff.shape)), new_deficits(old, deficits)
    shock = make_shocks(old, tariff[None], costs, deficit)
    found = solve_all(economy, old, shock, [ALONE], start)
    return jax.tree.map(lambda a: a[0], found)


def make_shocks(
    old: Old, tariff: np.ndarray, costs: np.ndarray, deficit: Array
) -> changes.EconomyShock:
    """Shocks of several scenarios: new tariffs, factors of trade costs."""
    before = 1 + np.asarray(old.tariff)[None]
    log_costs = np.log((1 + tariff) / before * costs)
    several, surplus = jax.tree.map(
        lambda a: jnp.broadcast_to(a[None], (len(tariff), *a.shape)),
        (deficit, old.surplus),
    )
    moved = jnp.asarray(log_costs), jnp.asarray(tariff)
    return changes.EconomyShock(*moved, several, surplus)


def transfer_of(
    old: Old,
    tariff: Float[Array, "r r s"],
    deficit: Float[Array, " r"],
    new: wages.Equilibrium,
) -> Float[Array, " r"]:
    """The change of deficits, in units of world value added."""
    if old.surplus is None:
        return deficit - old.deficit
    paid = jnp.exp(new.log_wages) * old.economy.income
    return new.income - paid - (tariff * new.trade).sum(axis=(1, 2)) - old.deficit


def for_each(solve: Callable[[Any], Any], cases: Any) -> Any:
    """All cases of a batch: one after another on a processor, where a batch would wait
    for its slowest case, at once elsewhere."""
    if jax.default_backend() == "cpu":
        return jax.lax.map(solve, cases)
    return jax.vmap(solve)(cases)


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

    return for_each(solve, shocks)


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
