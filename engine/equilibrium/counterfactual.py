"""Exact-hat counterfactuals of an economy: ``tx.exact_hat``."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Array, Float

from ...kernels.equilibrium import wages, welfare
from ..core import (
    Listing,
    Printable,
    Progress,
    TivaxError,
    in_float64,
    no_progress,
    require_choice,
    require_kind,
)
from .economy import Economy
from .solving import (
    Deficits,
    Old,
    make_shocks,
    new_deficits,
    solve_all,
    solve_old,
)

MEASURES = ("welfare", "tot", "vot", "realwage")
"""Measures of every counterfactual, in per cent."""
# Scenarios solved at once: what they need stays in a processor's cache.
TOGETHER = 8
# Percentage points by which linear welfare may miss without a word.
_FAR = 0.5


class Flows(NamedTuple):
    """Trade net of tariffs and spending with tariffs, in units of the economy."""

    trade: Float[np.ndarray, "r r s"]
    spending: Float[np.ndarray, "r s"]


@dataclass(frozen=True, eq=False, repr=False)
class ExactHat(Printable):
    """A counterfactual equilibrium, or several of one economy.

    Attributes
    ----------
    economy, deficits
        What was asked for.
    changes
        One row a region, or scenario and region (levels of the index). Columns, all in
        per cent: welfare = tot + vot (+ tech + transfer), to first order around the old
        equilibrium; realwage, wages over the price index of final demand; real_income,
        the exact change of income over the price index; wage and price_index in units
        of world value added.
    clearing
        The largest excess demand for labour relative to a region's value added, by
        scenario.
    old, new
        ``trade`` (importer, exporter, sector) net of tariffs, and ``spending`` (region,
        sector) with tariffs, in units of the economy in which world value added is what
        it was. ``new`` is None where several scenarios were solved.

    Examples
    --------
    >>> economy = tx.synthetic_economy(regions=3, sectors=4, seed=1)
    >>> found = tx.exact_hat(economy)
    >>> bool(found.clearing.max() < 1e-10)
    True
    """

    economy: Economy
    deficits: Deficits
    changes: pd.DataFrame
    clearing: Float[np.ndarray, " b"]
    old: Flows
    new: Flows | None = None

    @property
    def counterfactual(self) -> Flows:
        """The new flows; ``TivaxError`` for a result of several scenarios."""
        if self.new is None:
            raise TivaxError("flows are kept of one scenario: solve it alone")
        return self.new

    @property
    def lines(self) -> list[str]:
        """What a reader must know of the economy, in sentences; often none."""
        lines = []
        if cells := self.economy.zeroed:
            lines.append(
                f"final demand that would be negative counts as 0 in {cells:,} cells; "
                "the old equilibrium is solved from the shares of the economy"
            )
        gap = (self.changes["welfare"] - self.changes["real_income"]).abs()
        k = int(gap.to_numpy().argmax())
        if gap.iloc[k] > max(_FAR, 0.25 * abs(self.changes["real_income"].iloc[k])):
            linear, exact = self.changes[["welfare", "real_income"]].iloc[k]
            name = ", ".join(map(str, np.atleast_1d(self.changes.index[k])))
            lines.append(
                f"welfare is linear and far from the exact change of real income in "
                f"{name}: {linear:+.2f} against {exact:+.2f} per cent"
            )
        return lines

    @property
    def table(self) -> pd.DataFrame:
        """Long form: (scenario,) region, measure, value in per cent."""
        kept = [*MEASURES, *(k for k in ("tech", "transfer") if k in self.changes)]
        rows = self.changes[kept]
        long = rows.index.repeat(len(kept)).to_frame(index=False)
        long["measure"] = np.tile(kept, len(rows))
        long["value"] = rows.to_numpy().ravel()
        return long

    @property
    def flows(self) -> pd.DataFrame:
        """Trade of one scenario: importer, exporter, sector, old, new.

        Net of tariffs, in units of the economy; pairs that trade in neither are left
        out.
        """
        labels = (self.economy.regions, self.economy.regions, self.economy.sectors)
        names = ["importer", "exporter", "sector"]
        frame = pd.MultiIndex.from_product(labels, names=names).to_frame(index=False)
        frame["old"] = self.old.trade.ravel()
        frame["new"] = self.counterfactual.trade.ravel()
        kept = (frame["old"] > 0) | (frame["new"] > 0)
        return frame[kept].reset_index(drop=True)

    def _listings(self) -> Sequence[Listing]:
        columns = [str(k) for k in self.changes if k not in ("wage", "price_index")]
        shown = self.changes if len(self.changes) <= 60 else self.changes.head(60)
        names = [", ".join(map(str, np.atleast_1d(k))) for k in shown.index]
        rows = [
            (name, *(f"{value:.3f}" for value in line))
            for name, line in zip(names, shown[columns].to_numpy(), strict=True)
        ]
        title = f"Exact hat, deficits {self.deficits}: changes in per cent"
        notes = [f"markets clear to {self.clearing.max():.1e}", *self.lines]
        return [Listing(title, ("", *columns), rows, notes)]


@in_float64
def exact_hat(
    economy: Economy,
    tariff_new: np.ndarray | None = None,
    *,
    trade_costs: np.ndarray | None = None,
    deficits: Deficits = "zero",
    progress: Progress = no_progress,
) -> ExactHat:
    """New equilibria of Caliendo and Parro (2015), relative to the old one.

    Parameters
    ----------
    economy
        The world, with ``tariff_new`` of its own.
    tariff_new : (importer, exporter, sector), or of scenarios (b, ...)
        Other new tariff rates; by default those of the economy.
    trade_costs : as ``tariff_new``
        Factors by which iceberg trade costs change; 1 by default.
    deficits
        ``zero``: both equilibria are solved without them, and effects are new against
        old. ``kept``: both have them, constant in units of world value added.
        ``closing``: the old has them and the new has none.
    progress
        Called with scenarios done and scenarios in all.

    Returns
    -------
    ExactHat
        Of several scenarios, their changes only; flows of one.

    Raises
    ------
    TivaxError
        For arrays of another shape, and an equilibrium that does not converge (labour
        markets clear to 1e-10).

    Notes
    -----
    The numeraire is world value added. Welfare is ``tot`` + ``vot`` of section 5 of the
    paper, with z'/z - 1 for d ln z, as its published figures are computed. Changes of
    iceberg costs add ``tech``, changes of deficits ``transfer``: they follow from the
    same differentiation. Where accounts add up only roughly, or final demand had to be
    set to zero, the old equilibrium too is solved from the shares of the economy.

    Examples
    --------
    >>> economy = tx.synthetic_economy(regions=3, sectors=4, seed=1)
    >>> same = tx.exact_hat(economy, economy.tariff)
    >>> bool(abs(same.changes).to_numpy().max() < 1e-10)
    True
    """
    require_kind("economy", economy, Economy, "a tx.Economy")
    require_choice("deficits", deficits, get_args(Deficits))
    tariff, costs, several = _scenarios(economy, tariff_new, trade_costs)
    old = solve_old(economy, deficits)
    closed = new_deficits(old, deficits)
    total = len(tariff)
    together = TOGETHER if total > 1 else 1
    progress(0, total)
    parts: list[welfare.Welfare] = []
    clearing: list[np.ndarray] = []
    new: wages.Equilibrium | None = None
    for k in range(0, total, together):
        chosen = np.minimum(np.arange(k, k + together), total - 1)
        shock = make_shocks(old, tariff[chosen], costs[chosen], closed)
        found = solve_all(economy, old, shock, k)
        iceberg = jnp.asarray(costs[chosen])
        part = _welfare_of_several(old, iceberg, closed - old.deficit, found)
        kept = slice(0, min(together, total - k))
        parts.append(jax.tree.map(lambda a, kept=kept: np.asarray(a)[kept], part))
        clearing.append(np.asarray(found.clearing)[kept])
        new = found
        progress(min(k + together, total), total)
    merged = jax.tree.map(lambda *a: np.concatenate(a), *parts)
    scale = float(economy.value_added.sum())
    frame = _frame(economy, merged, several, costs, deficits)
    before = Flows(np.asarray(old.trade) * scale, np.asarray(old.spending) * scale)
    after = None
    if not several and new is not None:
        after = Flows(*(np.asarray(k[0]) * scale for k in (new.trade, new.spending)))
    return ExactHat(economy, deficits, frame, np.concatenate(clearing), before, after)


def _scenarios(
    economy: Economy, tariff_new: object, trade_costs: object
) -> tuple[np.ndarray, np.ndarray, bool]:
    """New tariffs and factors of trade costs, (b, r, r, s); whether b was given."""
    shape = economy.tariff.shape
    given = {
        "tariff_new": economy.tariff_new if tariff_new is None else tariff_new,
        "trade_costs": np.ones(shape) if trade_costs is None else trade_costs,
    }
    arrays: dict[str, np.ndarray] = {}
    for name, values in given.items():
        try:
            array = np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError):
            raise TivaxError(f"{name} is not an array of numbers") from None
        if array.shape[-3:] != shape or array.ndim > 4 or 0 in array.shape:
            raise TivaxError(
                f"{name} has the shape {array.shape}; it must be (importer, exporter, "
                f"sector) = {shape}, or several of these"
            )
        least = -1 if name == "tariff_new" else 0
        if not (np.isfinite(array) & (array > least)).all():
            raise TivaxError(f"{name} must hold numbers above {least}")
        arrays[name] = array
    tariff, costs = arrays["tariff_new"], arrays["trade_costs"]
    home = np.einsum("nnj->nj", economy.tariff)
    if not _is_home(tariff, home) or not _is_home(costs, np.ones_like(home)):
        raise TivaxError(
            "at home tariff_new must be what the economy's tariff is, usually 0, and "
            "trade_costs 1"
        )
    several = tariff.ndim == 4 or costs.ndim == 4
    b = max(len(a) if a.ndim == 4 else 1 for a in arrays.values())
    for name, array in arrays.items():
        if array.ndim == 4 and len(array) != b:
            raise TivaxError(f"{name} has {len(array)} scenarios, not {b}")
        arrays[name] = np.broadcast_to(array, (b, *shape))
    return arrays["tariff_new"], arrays["trade_costs"], several


def _is_home(array: np.ndarray, value: np.ndarray) -> bool:
    return bool((np.einsum("...nnj->...nj", array) == value).all())


@jax.jit
def _welfare_of_several(
    old: Old,
    iceberg: Float[Array, "b r r s"],
    transfer: Float[Array, " r"],
    found: wages.Equilibrium,
) -> welfare.Welfare:
    def one(iceberg: Array, new: wages.Equilibrium) -> welfare.Welfare:
        return welfare.welfare_changes(
            old.economy, old.trade, old.tariff, old.income, iceberg, transfer, new
        )

    return jax.vmap(one)(iceberg, found)


def _frame(
    economy: Economy,
    merged: welfare.Welfare,
    several: bool,
    costs: np.ndarray,
    deficits: Deficits,
) -> pd.DataFrame:
    names = [*MEASURES, "real_income", "wage", "price_index"]
    names += ["tech"] * bool((costs != 1).any()) + ["transfer"] * (
        deficits == "closing"
    )
    b = len(merged.tot)
    index = pd.MultiIndex.from_product(
        [range(b), economy.regions], names=["scenario", "region"]
    )
    flat = {name: 100 * getattr(merged, name).ravel() for name in names}
    frame = pd.DataFrame(flat, index=index)
    return frame if several else frame.droplevel("scenario")
