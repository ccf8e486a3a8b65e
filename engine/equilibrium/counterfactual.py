"""Exact-hat counterfactuals of an economy: ``tx.exact_hat``."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
import pandas as pd
from jaxtyping import Float

from ..core import (
    Listing,
    Printable,
    Progress,
    TivaxError,
    count_text,
    in_float64,
    no_progress,
    require_choice,
    require_kind,
)
from . import supply as supply_side
from .batches import Batches, Flows
from .economy import Economy
from .solving import Deficits
from .supply import Supply

MEASURES = ("welfare", "tot", "vot", "realwage")
"""Measures of every counterfactual, in per cent."""
# Percentage points by which linear welfare may miss without a word.
_FAR = 0.5


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
    names
        Of scenarios that have some: variants of a file.
    supply
        The block of supply, if one was given. Columns of ``changes`` are then welfare
        (exact), employment, realwage, deficit (of its old size), exports_gdp and
        imports_gdp (net of tariffs, over labour income), revenue (of old spending),
        real_income (consumption over prices), wage and price_index.

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
    names: Sequence[str] = ()
    supply: Supply | None = None

    @property
    def measures(self) -> Sequence[str]:
        """Measures of ``table``."""
        if self.supply is not None:
            return supply_side.MEASURES
        more = [k for k in ("tech", "transfer") if k in self.changes]
        return [*MEASURES, *more]

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
                "final demand that would be negative counts as 0 in "
                f"{count_text(cells, 'cell')}; the old equilibrium is solved from the "
                "shares of the economy"
            )
        if cells := self.economy.negative_inputs:
            verb = "is" if cells == 1 else "are"
            lines.append(
                f"{count_text(cells, 'cell')} of intermediate inputs {verb} negative, "
                "by less than 0.1 % of output"
            )
        if self.supply is not None:  # welfare is exact
            return lines
        exact = self.changes["real_income"]
        gap = (self.changes["welfare"] - exact).abs()
        far = gap.where(gap > np.maximum(_FAR, 0.25 * exact.abs()), 0).to_numpy()
        if far.any():
            k = int(far.argmax())
            linear, exact = self.changes[["welfare", "real_income"]].iloc[k]
            labels = [*np.atleast_1d(np.array(self.changes.index[k], object))]
            if self.names:
                labels[0] = self.names[labels[0]]
            name = ", ".join(map(str, labels))
            lines.append(
                f"welfare is linear and far from the exact change of real income in "
                f"{name}: {linear:+.2f} against {exact:+.2f} per cent"
            )
        return lines

    @property
    def table(self) -> pd.DataFrame:
        """Long form: (scenario,) region, measure, percent."""
        kept = [*self.measures]
        rows = self.changes[kept]
        long = rows.index.repeat(len(kept)).to_frame(index=False)
        long["measure"] = np.tile(kept, len(rows))
        long["percent"] = rows.to_numpy().ravel()
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
        frame["before"] = self.old.trade.ravel()
        frame["after"] = self.counterfactual.trade.ravel()
        kept = (frame["before"] > 0) | (frame["after"] > 0)
        return frame[kept].reset_index(drop=True)

    @property
    def value_added(self) -> pd.DataFrame:
        """Value added of one scenario: region, sector, old, new.

        In units of the economy; that of the world stays what it was, since it is the
        numeraire. ``TivaxError`` with a block of supply, whose services cross sectors.
        """
        economy = self.economy
        if self.supply is not None:
            raise TivaxError("value added by sector is of a result without supply")
        cost = economy.intermediate.sum(axis=1) + economy.value_added
        per_unit = np.where(
            cost > 0, economy.value_added / np.where(cost > 0, cost, 1), 1
        )
        names, labels = ["region", "sector"], (economy.regions, economy.sectors)
        frame = pd.MultiIndex.from_product(labels, names=names).to_frame(index=False)
        frame["before"] = (per_unit * self.old.trade.sum(axis=0)).ravel()
        frame["after"] = (per_unit * self.counterfactual.trade.sum(axis=0)).ravel()
        return frame

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
    supply: Supply | None = None,
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
        ``closing``: the old has them and the new has none. With ``supply`` what is
        kept are transfers, what services do not pay for.
    supply
        Labour supply, returns to scale, services and entry, in an economy of one
        sector; by default Caliendo and Parro's model.
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
    require_kind("supply", supply, Supply | None, "a tx.Supply or None")
    batches = Batches(
        economy,
        deficits,
        len(tariff),
        lambda chosen: (tariff[chosen], costs[chosen]),
        supply=supply,
    )
    moved = bool((costs != 1).any())
    if several:
        rows = np.concatenate([*batches.rows(progress=progress)])
        return result_of(batches, rows, iceberg=moved)
    progress(0, 1)
    rows, found = batches.solve(0)
    progress(1, 1)
    scale = float(economy.value_added.sum())
    after = Flows(*(flow[0] * scale for flow in found))
    return result_of(batches, rows, iceberg=moved, new=after)


def result_of(
    batches: Batches,
    rows: Float[np.ndarray, "b values"],
    *,
    iceberg: bool,
    new: Flows | None = None,
) -> ExactHat:
    """What all rows say; ``iceberg`` tells whether trade costs change in any of them,
    ``new`` has the flows of one scenario."""
    economy, deficits, supply = batches.economy, batches.deficits, batches.supply
    changes, clearing = batches.changes_of(rows)
    scale = float(economy.value_added.sum())
    before = Flows(*(flow * scale for flow in batches.old_flows))
    names: list[str] = [*batches.fields]
    if supply is None:
        names = [*MEASURES, "real_income", "wage", "price_index"]
        names += ["tech"] * iceberg + ["transfer"] * (deficits == "closing")
    index = pd.MultiIndex.from_product(
        [range(len(rows)), economy.regions], names=["scenario", "region"]
    )
    flat = {name: 100 * changes[name].ravel() for name in names}
    frame = pd.DataFrame(flat, index=index)
    if new is not None:
        frame = frame.droplevel("scenario")
    return ExactHat(
        economy, deficits, frame, clearing, before, new, batches.names, supply
    )


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
