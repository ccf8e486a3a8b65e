"""Exact-hat counterfactuals of an economy: ``tx.exact_hat``."""

from collections.abc import Sequence
from dataclasses import replace
from typing import get_args

import numpy as np
import pandas as pd
from jaxtyping import Float

from ...kernels.equilibrium import welfare
from ..core import (
    Progress,
    TivaxError,
    in_float64,
    no_progress,
    report,
    require_choice,
    require_kind,
)
from .batches import Batches, BatchFlows
from .economy import Economy
from .from_tables import require_rates
from .result import MEASURES, OTHERS, ExactHat
from .solving import SHARES, Deficits
from .supply import Supply


def exact_hat(
    economy: Economy,
    tariff_new: np.ndarray | None = None,
    *,
    trade_costs: np.ndarray | None = None,
    deficits: Deficits = "kept",
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
        ``kept``, by default in every function and file: both equilibria have them,
        constant in units of world value added. ``zero``: both are solved without them,
        and effects are new against old.
        ``closing``: the old has them and the new has none. ``share``: both have them,
        as a share of value added and tariff revenue, where all shares move by the same
        number so that deficits add to zero. ``share, as published``: shares stay, and
        every region earns the same part of its income more than it pays, as in
        Felbermayr, Gröschl and Heiland (2022). With ``supply`` what is kept are
        transfers, what services do not pay for.
    supply
        Labour supply, returns to scale, services and entry, in an economy of one
        sector; by default Caliendo and Parro's model.
    progress
        Called with scenarios done and scenarios in all.

    Returns
    -------
    ExactHat
        Changes only for several scenarios, flows too for one.

    Raises
    ------
    TivaxError
        For arrays of another shape, a new rate above 3 (300 per cent) that the economy
        does not have, and an equilibrium that does not converge (labour markets clear
        to 1e-10).

    Notes
    -----
    The numeraire is world value added. Welfare is ``tot`` + ``vot`` of section 5 of the
    paper, with z'/z - 1 for d ln z, as its published figures are computed. Changes of
    iceberg costs add ``tech``, changes of deficits ``transfer``, markups ``profits``
    (that move to the region): they follow from the same differentiation. Where
    accounts add up only roughly, or final demand had to be set to zero, the old
    equilibrium too is solved from the shares of the economy.

    Examples
    --------
    >>> economy = tx.Economy.synthetic(regions=3, sectors=4, seed=1)
    >>> same = tx.exact_hat(economy, economy.tariff)
    >>> bool(abs(same.changes).to_numpy().max() < 1e-10)
    True
    """
    require_kind("economy", economy, Economy, "a tx.Economy")
    tariff, _, _ = _scenarios(economy, tariff_new, trade_costs)
    require_rates("tariff_new", tariff, np.maximum(economy.tariff, economy.tariff_new))
    return equilibria(
        economy,
        tariff_new,
        trade_costs=trade_costs,
        deficits=deficits,
        supply=supply,
        progress=progress,
    )


@in_float64
def equilibria(
    economy: Economy,
    tariff_new: np.ndarray | None = None,
    *,
    trade_costs: np.ndarray | None = None,
    deficits: Deficits = "kept",
    supply: Supply | None = None,
    names: Sequence[str] = (),
    progress: Progress = no_progress,
) -> ExactHat:
    """``exact_hat``, with new rates of any size, and names of scenarios."""
    require_choice("deficits", deficits, get_args(Deficits))
    tariff, costs, several = _scenarios(economy, tariff_new, trade_costs)
    require_kind("supply", supply, Supply | None, "a tx.Supply or None")
    batches = Batches(
        economy,
        deficits,
        len(tariff),
        lambda chosen: (tariff[chosen], costs[chosen]),
        names,
        supply,
    )
    moved = bool((costs != 1).any())
    if several:
        rows = np.concatenate([*batches.rows(progress=progress)])
        return result_of(batches, rows, iceberg=moved)
    report(progress, 0, 1)
    rows, found = batches.solve(0)
    progress(1, 1)
    scale = float(economy.wages.sum())
    after = BatchFlows(*(flow[0] * scale for flow in found))
    found = result_of(batches, rows, iceberg=moved, new=after)
    return found if moved or supply else replace(found, tariff=tariff[0])


def result_of(
    batches: Batches,
    rows: Float[np.ndarray, "b values"],
    *,
    iceberg: bool,
    new: BatchFlows | None = None,
) -> ExactHat:
    """Make the result of all rows; ``iceberg`` tells whether trade costs change in any
    of them, ``new`` has the flows of one scenario."""
    economy, deficits, supply = batches.economy, batches.deficits, batches.supply
    changes = {k: batches.layout.of(rows, k) for k in batches.layout.shapes}
    scale = float(economy.wages.sum())
    before = BatchFlows(*(flow * scale for flow in batches.old_flows))
    names: list[str] = [*batches.fields]
    if supply is None:
        names = [*MEASURES, *OTHERS, "wage"]
        names += ["tech"] * iceberg + ["transfer"] * (deficits in ("closing", *SHARES))
        names += ["profits"] * (economy.markup is not None)
    labels = [range(len(rows)), economy.regions]
    index = pd.MultiIndex.from_product(labels, names=["scenario", "region"])
    flat = {name: 100 * changes[name].ravel() for name in names}
    frame = pd.DataFrame(flat, index=index)
    if new is not None:
        frame = frame.droplevel("scenario")
    given = economy, deficits, frame, changes["clearing"], before, new, batches.names
    moved = {k: changes[k] for k in welfare.Sectors._fields if k in changes}
    return ExactHat(*given, supply, batches=batches, by_sector=moved)


def _scenarios(
    economy: Economy, tariff_new: object, trade_costs: object
) -> tuple[np.ndarray, np.ndarray, bool]:
    """New tariffs and factors of trade costs, (b, r, r, s); whether b was given."""
    shape = economy.tariff.shape
    arrays: dict[str, np.ndarray] = {}
    for name, values, usual, least in (
        ("tariff_new", tariff_new, economy.tariff_new, -1),
        ("trade_costs", trade_costs, np.ones(shape), 0),
    ):
        try:
            array = np.asarray(usual if values is None else values, dtype=np.float64)
        except (TypeError, ValueError):
            raise TivaxError(f"{name} is not an array of numbers") from None
        if array.shape[-3:] != shape or array.ndim > 4 or 0 in array.shape:
            raise TivaxError(
                f"{name} has the shape {array.shape}; it must be (importer, exporter, "
                f"sector) = {shape}, or several of these"
            )
        if not (np.isfinite(array) & (array > least)).all():
            raise TivaxError(f"{name} must hold numbers above {least}")
        arrays[name] = array
    tariff, costs = arrays.values()
    at_home = "...nnj->...nj"
    moved = np.einsum(at_home, tariff) != np.einsum(at_home, economy.tariff)
    if moved.any() or (np.einsum(at_home, costs) != 1).any():
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
