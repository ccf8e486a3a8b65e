"""Equilibria of an economy whose tables and elasticities have errors, draw by draw.

Draw k depends on the seed and on k alone. A draw is a program of its own: the table,
the economy that it makes, the old equilibrium, tariffs that regions choose, and the new
equilibria. Draws run beside each other, and a job can keep their rows.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ...kernels.equilibrium import changes, drawn_economy, wages, welfare
from ...kernels.equilibrium.newton import secant_inverse
from ...kernels.errors.kind import Distribution, draw, with_errors
from ...kernels.random_draws import block_key
from ..core import (
    Progress,
    TivaxError,
    in_float64,
    no_progress,
    require_whole,
)
from ..errors import DRAWS, AnyModel, DrawnErrors, Slabs, error_model
from ..resampling import blocks_together, on_all_devices, over_blocks
from .batches import BY_SECTOR, Batches, by_sector
from .economy import Economy, digest_of
from .gradient import slope_at
from .solving import (
    DeficitRule,
    Deficits,
    Old,
    accounts_of,
    joined,
    old_at_once,
    rule_of,
    share_economy,
    solve_old,
    transfer_of,
)
from .spread import RowLayout, Spread

# Of a draw, the key of its elasticities; errors of tables count from 0.
_ELASTICITIES = 1 << 20
# Rates are where scaled gradients are below, about 1e-6 of a rate.
_FLAT = 1e-8
_MOST_STEPS = 30
_STEP = 1e-4  # of a difference quotient, in scaled variables
# Arrays of a year that a draw holds at once.
_MATRICES = 10


class Rates(NamedTuple):
    """Tariffs that p players choose, k rates in all.

    ``others`` are tariffs of everyone else, ``group`` the number of the rate that a
    cell bears, -1 for none, ``owner`` the members of a player. The variables are
    log(1 + rate) times ``roots``, of the shares in imports; ``start`` is where
    gradients are 0 without errors, and ``inverse`` that of their Jacobian there;
    ``free`` is 0 of rates at a corner, which stay.
    """

    others: Float[Array, "r r s"]
    group: Int[Array, "r r s"]
    owner: Float[Array, "p r"]
    roots: Float[Array, " k"]
    start: Float[Array, " k"]
    free: Float[Array, " k"]
    inverse: Float[Array, "k k"]

    def weights(self, income: Float[Array, " r"]) -> Float[Array, "p r"]:
        """Shares of members in the income of their player."""
        own = self.owner * income[None, :]
        return own / own.sum(axis=1, keepdims=True)


class Scenarios(NamedTuple):
    """Tariffs and factors of trade costs by scenario; of ``chosen`` 1 those of the
    players are put in."""

    tariff: Float[Array, "b r r s"]
    costs: Float[Array, "b r r s"]
    chosen: Int[Array, " b"]
    rates: Rates | None = None


@in_float64
def scenarios_of(
    tariff: Float[np.ndarray, "b r r s"],
    costs: Float[np.ndarray, "b r r s"],
    chosen: Sequence[int],
) -> Scenarios:
    """Scenarios on the device; ``chosen`` as in ``Scenarios``."""
    return Scenarios(*jax.device_put((tariff, costs, np.array(chosen))))


class _Near(NamedTuple):
    """The equilibria without errors that solvers start from: the inverse Jacobian at
    the old one, and the new ones by scenario, spending relative to the old."""

    inverse: Float[Array, "r r"]
    log_wages: Float[Array, "b r"]
    log_prices: Float[Array, "b r s"]
    spending: Float[Array, "b r s"]

    def start(self, old: Old, scenario: int | Array) -> wages.Position:
        """Start of the search for the new equilibrium of a draw."""
        u, p, moved = (k[scenario] for k in self[1:])
        return wages.Position(u, p, old.spending * moved, 0 * u)


class _Drawn(NamedTuple):
    """The economy and its errors: without those of a table ``table`` is None."""

    table: drawn_economy.TableYear | None
    errors: tuple[Distribution, ...]
    accounts: drawn_economy.TradeAccounts
    home: Float[Array, "r s s"]
    tariff: Float[Array, "r r s"]
    theta: Float[Array, " s"]
    theta_root: Float[Array, "s s"]
    joined: Float[Array, "r r"]
    profit: Float[Array, " s"]
    rule: DeficitRule
    scenarios: Scenarios
    near: _Near


@dataclass(frozen=True, eq=False)
class EconomyDraws:
    """Draws of the equilibria of an economy.

    Parameters
    ----------
    economy
        With ``theta_se``, or made of tables where ``error`` is given.
    scenarios
        What is solved in each draw.
    deficits
        As in :func:`exact_hat`.
    error
        The errors of tables; None: elasticities alone.
    draws, seed
        Number of draws, and their seed.
    flows
        Of one scenario: keep trade and the trade benefit index.
    together
        Players choose at once.

    Raises
    ------
    TivaxError
        Where nothing has an error, and an error model that does not fit the tables.
    """

    economy: Economy
    scenarios: Scenarios
    deficits: Deficits
    error: AnyModel | None = None
    draws: int = DRAWS
    seed: int = 0
    flows: bool = False
    together: bool = True

    def __post_init__(self) -> None:
        require_whole("draws", self.draws, 2)
        require_whole("seed", self.seed, 0)
        if self.error is not None and self.economy.tables is None:
            raise TivaxError(
                f"{self.economy.name}: it was not made of tables, so that errors of "
                "tables cannot be drawn: make it by tx.Economy.from_tables"
            )
        if self.error is None and self.economy.theta_se is None:
            raise TivaxError(
                f"{self.economy.name}: nothing has an error: give one of the tables, "
                "or standard errors of elasticities (a column se)"
            )

    @cached_property
    def layout(self) -> RowLayout:
        """The numbers of a row."""
        r, s = len(self.economy.regions), len(self.economy.sectors)
        b, rates = len(self.scenarios.tariff), self.scenarios.rates
        moved = dict.fromkeys(welfare.Welfare._fields, (b, r))
        shapes: dict[str, tuple[int, ...]] = {**moved}
        shapes |= {k: (b, *v) for k, v in by_sector(self.economy, b).items()}
        shapes["clearing"] = (b,)
        if rates is not None:
            shapes |= {"rates": rates.start.shape, "own": (len(rates.owner),)}
        if self.flows:
            shapes |= {"before": (r,), "after": (r,), "trade": (r, r, s)}
        return RowLayout(shapes)

    @property
    def memory(self) -> int:
        """Bytes that draws take, about."""
        at_once = 0 if self.error is None else blocks_together(self._size)
        return 8 * self.draws * self.layout.size + at_once * self._size

    @property
    def _size(self) -> int:
        """Bytes of a draw, about."""
        n = len(self.economy.regions) * len(self.economy.sectors)
        return _MATRICES * 8 * n**2

    def record(self) -> dict[str, Any]:
        """Inputs that must be the same for unfinished draws to go on."""
        scenarios = jax.tree.leaves(self.scenarios)
        return {
            "error": None if self.error is None else error_model(self.error).record,
            "draws": self.draws,
            "seed": self.seed,
            "theta_errors": digest_of(self.economy.theta_root),
            "scenarios": digest_of(*map(np.asarray, scenarios)),
        }

    def rows(
        self, start: int = 0, progress: Progress = no_progress
    ) -> Iterator[Float[np.ndarray, "k values"]]:
        """Rows from draw ``start`` on; NaN where a draw has no equilibrium."""
        block = _block(self.flows, self.together)
        given = on_all_devices(self._arrays()), self.seed, self.draws
        progress(start, self.draws)
        together = None if self.error is None else blocks_together(self._size)
        for rows in over_blocks(block, *given, start=start, together=together):
            start += len(rows)
            clearing = self.layout.of(rows, "clearing")
            solved = (clearing <= wages.CLEARING).all(axis=1)  # NaN is not
            yield np.where(solved[:, None], rows, np.nan)
            progress(start, self.draws)

    def spread(self, progress: Progress = no_progress) -> Spread:
        """Draw all."""
        return self.spread_of(np.concatenate([*self.rows(progress=progress)]))

    def spread_of(self, rows: Float[np.ndarray, "k values"]) -> Spread:
        """Put the rows of all draws together.

        Raises ``TivaxError`` where no draw has an equilibrium.
        """
        drawn = "tables alone" if self.error else "elasticities alone"
        if self.error and self.economy.theta_se is not None:
            drawn = "tables and elasticities"
        return Spread(rows, self.layout, self.economy.name, drawn)

    @in_float64
    def _arrays(self) -> _Drawn:
        economy = self.economy
        old = solve_old(economy, self.deficits)
        home = np.linalg.inv(_own_inputs(economy))
        table, errors = None, ()
        if self.error is not None:
            assert economy.tables is not None and economy.year is not None
            tables = economy.tables
            year = Slabs(tables, tables.years.index(economy.year))
            errors = DrawnErrors(tables, error_model(self.error)).of(year)
            parts = *year.all.table, jax.device_put(year.all.raw.x)
            table = drawn_economy.TableYear(*parts, jax.device_put(home))
        scenarios, income = self.scenarios, economy.value_added.sum(axis=1)
        near = _near(old, scenarios)
        if scenarios.rates is not None:
            rates = _with_inverse(old, income, scenarios, near, self.together)
            scenarios = scenarios._replace(rates=rates)
        theta = economy.theta, economy.theta_root
        given = accounts_of(economy), home, economy.tariff, *theta
        more = joined(economy), economy.profit, rule_of(self.deficits), scenarios, near
        return _Drawn(table, errors, *jax.device_put((*given, *more)))


def draws_of_batches(
    batches: Batches,
    error: AnyModel | None,
    draws: int,
    seed: int,
    *,
    flows: bool = False,
) -> EconomyDraws:
    """Draws of all scenarios of some batches.

    Raises ``TivaxError`` for a block of supply.
    """
    if batches.supply is not None:
        raise TivaxError("errors are drawn of models without a block of supply")
    tariff, costs = batches.schedules(np.arange(batches.draws))
    scenarios = scenarios_of(tariff, costs, [0] * len(tariff))
    given = scenarios, batches.deficits, error, draws, seed
    return EconomyDraws(batches.economy, *given, flows=flows)


def _own_inputs(economy: Economy) -> Float[np.ndarray, "r s s"]:
    """I less inputs from home per unit of output, as users buy alike."""
    shares = jax.device_get(share_economy(economy))
    own = np.einsum("nnj->nj", shares.shares)
    return np.eye(own.shape[1]) - own[:, :, None] * shares.inputs


def _theta(
    key: Array, theta: Float[Array, " s"], root: Float[Array, "s s"]
) -> Float[Array, " s"]:
    """Elasticities with this mean, lognormal as they are above 0; ``root`` is of the
    covariance of their logarithms."""
    own = jax.random.fold_in(key, _ELASTICITIES)
    normal = jax.random.normal(own, theta.shape, theta.dtype)
    return theta * jnp.exp(root @ normal - (root**2).sum(axis=1) / 2)


@lru_cache
def _block(flows: bool, together: bool) -> Callable[..., Array]:
    """Makes the row of a draw, in the order of ``EconomyDraws.layout``."""

    def block(given: _Drawn, seed: Array, number: Array) -> Array:
        key = block_key(seed, number)
        accounts = given.accounts
        if given.table is not None:
            Z, Y, x, home = given.table
            Z4, Y4 = Z.astype(jnp.float32), Y.astype(jnp.float32)
            cells = with_errors(draw(key, given.errors, Z4, Y4), Z, Y, x)
            table = drawn_economy.TableYear(*cells, home)
            accounts = drawn_economy.accounts_of_table(table, given.tariff)
        theta = _theta(key, given.theta, given.theta_root)
        about = given.tariff, theta, given.joined, given.profit
        shares = drawn_economy.shares_of(accounts, *about)
        old, missed = old_at_once(
            shares,
            given.tariff,
            accounts.trade,
            accounts.value_added,
            given.near.inverse,
            given.rule,
        )
        scenarios = given.scenarios
        income = accounts.value_added.sum(axis=1)
        tariff, rates, chosen = scenarios.tariff, scenarios.rates, []
        if rates is not None:
            start = given.near.start(old, jnp.argmax(scenarios.chosen))
            point = _choose(old, income, rates, start, together=together)
            put = (scenarios.chosen > 0)[:, None, None, None] & (rates.group >= 0)[None]
            tariff = jnp.where(put, _with_rates(rates, point)[None], tariff)
            chosen = [jnp.expm1(point / rates.roots)]

        def solve(case: tuple[Array, Array, Array]) -> tuple:
            tariff, costs, number = case
            new = _new(old, tariff, costs, given.near.start(old, number))
            transfer = transfer_of(old, new)
            at = old.economy, old.trade, old.tariff, old.income, costs, transfer, new
            sectors = welfare.sector_changes(old.trade, new.trade)
            kept = sectors if len(scenarios.tariff) <= BY_SECTOR else ()
            return welfare.welfare_changes(*at), kept, new

        cases = tariff, scenarios.costs, jnp.arange(len(tariff))
        moved, sectors, new = jax.lax.map(solve, cases)
        parts = [*moved, *sectors, jnp.maximum(new.clearing, missed), *chosen]
        if rates is not None:
            parts.append(rates.weights(income) @ moved.real_income[-1])
        if flows:
            both = (old.trade, old.spending), (new.trade[-1], new.spending[-1])
            for trade, spent in both:
                at = shares.inputs, trade, spent, given.home
                parts.append(drawn_economy.index_of_equilibrium(*at))
            parts.append(income.sum() * (new.trade[-1] - old.trade))
        return jnp.concatenate([k.ravel() for k in parts])

    return block


def _new(
    old: Old,
    tariff: Float[Array, "r r s"],
    costs: Float[Array, "r r s"] | float,
    start: wages.Position,
) -> wages.Equilibrium:
    log_costs = jnp.log((1 + tariff) / (1 + old.tariff) * costs)
    shock = changes.EconomyShock(log_costs, tariff, old.kept, old.surplus)
    given = old.economy, shock, old.inverse, start, old.start
    return wages.solve_near(*given, jnp.asarray(wages.AIM))


@jax.jit
def _near(old: Old, scenarios: Scenarios) -> _Near:
    def one(case: tuple[Array, Array]) -> tuple[Array, Array, Array]:
        new = _new(old, *case, old.start)
        spent = jnp.where(old.spending > 0, old.spending, 1)
        moved = jnp.where(old.spending > 0, new.spending / spent, 1)
        return new.log_wages, new.log_prices, moved

    cases = scenarios.tariff, scenarios.costs
    return _Near(old.inverse, *jax.lax.map(one, cases))


# ------------------------------------------------------------------- chosen tariffs


def _with_rates(rates: Rates, point: Float[Array, " k"]) -> Float[Array, "r r s"]:
    """All tariffs at a point of the variables."""
    each = jnp.expm1(point / rates.roots)
    return jnp.where(rates.group >= 0, each[rates.group], rates.others)


def _conditions(
    old: Old,
    income: Float[Array, " r"],
    rates: Rates,
    point: Float[Array, " k"],
    starts: wages.Position,
    *,
    together: bool,
) -> tuple[Float[Array, " k"], wages.Position]:
    """Scaled gradients of the players' own welfare by their own rates, and the
    equilibria, from those that ``starts`` stacks: one if players choose at once, or
    that of each player."""
    full, weights = _with_rates(rates, point), rates.weights(income)
    tariffs, sides = full[None], weights[None]
    if not together:
        mine = rates.owner[:, :, None, None] > 0
        tariffs, sides = jnp.where(mine, full, rates.others), weights[:, None]

    def slopes(case: tuple[Array, Array, wages.Position]) -> tuple:
        tariff, weights, start = case
        new = _new(old, tariff, 1.0, start)
        at = wages.position_of(new)

        def of(weights: Array) -> Array:
            return slope_at(tariff, old, at, weights, measure="real_income")[1]

        return jax.lax.map(of, weights), at

    each, found = jax.lax.map(slopes, (tariffs, sides, starts))
    each = each.reshape(len(rates.owner), *full.shape)
    cells = jnp.einsum("pn,pnij->nij", rates.owner, each) * (1 + full)
    cells = jnp.where(rates.group >= 0, cells, 0)
    sums = jnp.zeros_like(point).at[rates.group].add(cells, mode="drop")
    return rates.free * sums / rates.roots, found


def _starts(rates: Rates, start: wages.Position, *, together: bool) -> wages.Position:
    """``start`` as often as ``_conditions`` asks for."""
    number = 1 if together else len(rates.owner)
    return jax.tree.map(lambda k: jnp.broadcast_to(k, (number, *k.shape)), start)


def _choose(
    old: Old,
    income: Float[Array, " r"],
    rates: Rates,
    start: wages.Position,
    *,
    together: bool,
) -> Float[Array, " k"]:
    """Rates at which all gradients are 0, by Broyden's steps from those without
    errors; NaN where they are not found."""

    def conditions(point: Array, starts: wages.Position) -> tuple:
        return _conditions(old, income, rates, point, starts, together=together)

    def goes_on(state: tuple) -> Array:
        _, (F, _), _, k = state
        return ((k == 0) | (jnp.max(jnp.abs(F)) > _FLAT)) & (k < _MOST_STEPS)

    def once(state: tuple) -> tuple:
        point, (F, starts), H, k = state
        step = jnp.where(k > 0, -(H @ F), 0)
        new = conditions(point + step, starts)
        H = jnp.where(k > 0, secant_inverse(H, step, new[0] - F), H)
        return point + step, new, H, k + 1

    nothing = jnp.full_like(rates.start, jnp.inf)
    begin = nothing, _starts(rates, start, together=together)
    first = rates.start, begin, rates.inverse, jnp.asarray(0)
    point, (F, _), _, _ = jax.lax.while_loop(goes_on, once, first)
    return jnp.where(jnp.max(jnp.abs(F)) <= _FLAT, point, jnp.nan)


@partial(jax.jit, static_argnames="together")
def _conditions_at(
    old: Old,
    income: Array,
    rates: Rates,
    start: wages.Position,
    point: Array,
    *,
    together: bool,
) -> Array:
    starts = _starts(rates, start, together=together)
    return _conditions(old, income, rates, point, starts, together=together)[0]


def _with_inverse(
    old: Old,
    income: Float[np.ndarray, " r"],
    scenarios: Scenarios,
    near: _Near,
    together: bool,
) -> Rates:
    """The inverse of the Jacobian of gradients at the start, by differences."""
    rates = jax.device_put(scenarios.rates)
    at = near.start(old, int(np.argmax(scenarios.chosen)))
    conditions = partial(_conditions_at, old, income, rates, at, together=together)
    start = np.asarray(rates.start)
    base = np.asarray(conditions(rates.start))
    J = np.empty((len(start), len(start)))
    for k in range(len(start)):
        moved = start + _STEP * (np.arange(len(start)) == k)
        J[:, k] = (np.asarray(conditions(moved)) - base) / _STEP
    free = np.asarray(rates.free) > 0
    J[~free], J[:, ~free] = 0, 0
    J[~free, ~free] = 1
    return rates._replace(inverse=jax.device_put(np.linalg.inv(J)))
