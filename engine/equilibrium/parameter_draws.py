"""Counterfactuals whose elasticities and trade-cost effects are estimates: all draws.

Draws are a batch axis. On an accelerator a batch is as slow as its slowest draw, which
is the one with the smallest elasticity: draws are solved in that order.
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...kernels.equilibrium import changes, wages
from ...kernels.equilibrium import parameter_draws as kernel
from ..core import NOT_KEPT, Keeper, Progress, TivaxError, in_float64, no_progress

# Labour markets of a draw clear to this, relative to value added.
_AIM = 1e-9
# Draws that do not clear to this have no result.
_CLEARING = 1e-6
# Cells of an array (importer, exporter, sector) that are solved at once, all draws.
_TOGETHER = 1_000_000


@dataclass(frozen=True, eq=False)
class ParameterDraws:
    """Scenarios of an economy whose elasticities and trade costs are estimates.

    Each draw has a base, which differs from the data (inventories are out), and
    scenarios from there.

    Parameters
    ----------
    shares, tariff : (importer, exporter, sector)
        Of spending, and rates.
    value_added, inputs, budget
        Per unit of output (region, sector) and (region, input, sector), and shares of
        final spending (region, sector).
    spending, income
        By region and sector; value added of each region, in the same unit.
    surplus : (region,)
        Exports less imports as a share of value added and tariff revenue.
    ended : (membership, importer, exporter)
        What a membership changes by: -1 where it ends.
    chosen, tariff_new, surplus_new
        By scenario: which memberships end (scenario, membership), rates and surpluses.
    lent, log_costs
        Surpluses of constant value (region), and logarithms by which costs rise in the
        base (importer, exporter, sector); none by default.
    own_inputs
        The only input of a sector is its own output.
    """

    shares: Float[np.ndarray, "r r s"]
    tariff: Float[np.ndarray, "r r s"]
    value_added: Float[np.ndarray, "r s"]
    inputs: Float[np.ndarray, "r s s"]
    budget: Float[np.ndarray, "r s"]
    spending: Float[np.ndarray, "r s"]
    income: Float[np.ndarray, " r"]
    surplus: Float[np.ndarray, " r"]
    ended: Float[np.ndarray, "d r r"]
    chosen: Float[np.ndarray, "c d"]
    tariff_new: Float[np.ndarray, "c r r s"]
    surplus_new: Float[np.ndarray, "c r"]
    lent: Float[np.ndarray, " r"] | None = None
    log_costs: Float[np.ndarray, "r r s"] | None = None
    own_inputs: bool = False

    @in_float64
    def solve(
        self,
        theta: Float[np.ndarray, "k s"],
        effects: Float[np.ndarray, "k d s"],
        *,
        near: Float[np.ndarray, " s"] | None = None,
        progress: Progress = no_progress,
        keeper: Keeper = NOT_KEPT,
    ) -> "DrawnChanges":
        """All scenarios of all draws: trade elasticities, and the logarithms by which
        costs rise where a membership ends.

        Memory is that of some draws at once. A draw depends on no other, but that
        solvers start from derivatives at ``near``, by default the mean elasticities.
        ``keeper`` has the draws that are done. Raises ``TivaxError`` where no draw
        has a result.
        """
        world = self._world(theta.mean(axis=0) if near is None else near)
        cases = self._cases()
        k = len(theta)
        together = min(k, max(1, _TOGETHER // self.shares.size))
        order = np.argsort(theta.min(axis=1), kind="stable")
        percent = np.empty((k, *self.surplus_new.shape))
        clearing = np.empty(percent.shape[:2])
        state = keeper.state()
        done = len(state.arrays[0]) if state.arrays else 0
        for whole, kept in zip((percent, clearing), state.arrays, strict=False):
            whole[order[:done]] = kept
        progress(done, k)
        for first in range(done, k, together):
            chosen = order[first : first + together]
            full = np.resize(chosen, together)  # the last batch has no own shape
            draw = kernel.Draw(*jax.device_put((theta[full], effects[full])))
            found = _solve_several(world, cases, draw, _AIM, simple=self.own_inputs)
            n = len(chosen)
            missed = np.maximum(found.clearing, np.asarray(found.base)[:, None])[:n]
            percent[chosen] = 100 * np.asarray(found.welfare)[:n]
            clearing[chosen] = missed
            so_far = order[: first + n]
            state.keep(percent[so_far], clearing[so_far], last=first + n == k)
            progress(first + n, k)
        solved = clearing <= _CLEARING  # NaN does not
        if not solved.any(axis=0).all():
            raise TivaxError(
                f"scenario {int(np.argmin(solved.any(axis=0))) + 1} has no equilibrium "
                f"in any of {k:,} draws"
            )
        percent[~solved] = np.nan
        return DrawnChanges(percent, clearing)

    @in_float64
    def control_variates(
        self,
        mean: tuple[Float[np.ndarray, " s"], Float[np.ndarray, "d s"]],
        theta: Float[np.ndarray, "k s"],
        effects: Float[np.ndarray, "k d s"],
    ) -> Float[np.ndarray, "k c r"]:
        """The gradient at the mean parameters times deviations from it, in per cent.

        ``mean`` is over all draws, of which those given are some, so that over all of
        them controls have mean 0.
        """
        world, cases = self._world(mean[0]), self._cases()
        controls = []
        for c in range(len(self.chosen)):
            several = jax.tree.map(lambda k, c=c: k[c : c + 1], cases)
            one = several._replace(ended=cases.ended)
            at = kernel.Draw(*jax.device_put(mean))
            found = _slopes(world, one, at, _AIM, simple=self.own_inputs)
            by_theta, by_effects = map(np.asarray, found)
            own = (theta - mean[0]) @ by_theta.T
            moved = np.einsum("kds,rds->kr", effects - mean[1], by_effects)
            controls.append(100 * (own + moved))
        return np.stack(controls, axis=1)

    def _world(self, theta: Float[np.ndarray, " s"]) -> kernel.DrawnWorld:
        put, (r, _) = jax.device_put, self.spending.shape
        scale = self.income.sum()
        names = ("shares", "value_added", "inputs", "budget")
        economy = changes.EconomyArrays(
            **{name: put(getattr(self, name)) for name in names},
            theta=put(theta),
            income=put(self.income / scale),
            joined=put(np.ones((r, r))),
            profit=put(0 * theta),
        )
        none = np.zeros_like(self.tariff)
        costs = none if self.log_costs is None else self.log_costs
        lent = np.zeros(r) if self.lent is None else -self.lent / scale
        base = changes.EconomyShock(
            log_costs=put(costs),
            tariff=put(self.tariff),
            deficit=put(lent - lent.mean()),  # rounding
            surplus=changes.Surplus(put(self.surplus), put(np.zeros(()))),
        )
        start = wages.origin(put(self.spending / scale))
        # (At the data; where costs rise in the base solvers need no other.)
        still = base._replace(log_costs=put(none))
        inverse = wages.inverse_jacobian(economy, still, start)
        return kernel.DrawnWorld(economy, base, start, inverse)

    def _cases(self) -> kernel.Cases:
        given = self.ended, self.chosen, self.tariff_new, self.surplus_new
        return kernel.Cases(*jax.device_put(given))


@dataclass(frozen=True, eq=False)
class DrawnChanges:
    """Changes of real final spending, in per cent, by draw, scenario and region.

    ``clearing`` is the largest miss of a labour market, in the base and the scenario.
    A draw without a result in one of its scenarios is NaN there.
    """

    percent: Float[np.ndarray, "k c r"]
    clearing: Float[np.ndarray, "k c"]


@partial(jax.jit, static_argnames="simple")
def _solve_several(
    world: kernel.DrawnWorld,
    cases: kernel.Cases,
    draws: kernel.Draw,
    aim: Float[Array, ""] | float,
    *,
    simple: bool,
) -> kernel.Found:
    def one(draw: kernel.Draw) -> kernel.Found:
        return kernel.solve_draw(world, cases, draw, jnp.asarray(aim), simple=simple)

    return wages.for_each(one, draws)


_slopes = jax.jit(kernel.slopes, static_argnames="simple")
