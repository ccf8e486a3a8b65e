"""Input-output tables of an equilibrium, and what an index means for an outcome."""

import warnings

import numpy as np
import pandas as pd
from jaxtyping import Float

from ..core import TivaxError, TivaxWarning, require_kind
from ..tables import Tolerance, WorldTables
from .economy import Economy


def tables_of_flows(
    economy: Economy,
    trade: Float[np.ndarray, "r r s"],
    spent: Float[np.ndarray, "r s"],
    *,
    year: int,
    which: str,
) -> WorldTables:
    """``ExactHat.world_tables`` of trade and spending."""
    r, s = spent.shape
    # Of the inputs that are bought the part that goes to each using sector.
    cost = economy.intermediate.sum(axis=1) + economy.value_added
    made = np.where(cost > 0, cost, 1)
    inputs = economy.intermediate / made[:, None] * trade.sum(axis=0)[:, None]
    final = np.maximum(spent - inputs.sum(axis=2), 0)
    bought = np.where(spent > 0, spent, 1)
    net = np.transpose(trade / bought[:, None], (1, 2, 0))  # [seller, sector, buyer]
    Z = np.einsum("ijn,njk->ijnk", net, inputs).reshape(r * s, r * s)
    Y = (net * final.T[None]).reshape(r * s, r)
    with warnings.catch_warnings():
        if which == "new":  # trade that a scenario moves may look odd
            warnings.simplefilter("ignore", TivaxWarning)
        return WorldTables(
            Z=Z[None],
            Y=Y[None],
            x=(Z.sum(axis=1) + Y.sum(axis=1))[None],
            regions=economy.regions,
            sectors=economy.sectors,
            years=[year],
            unit="units of the economy",
            tolerance=Tolerance(absolute=1e-6, relative=1e-9),
            source=f"{which} equilibrium of {economy.name}",
        )


def effect_of_change(
    change: pd.Series, coefficient: float, standard_error: float
) -> pd.DataFrame:
    """``ExactHat.effect_on_index`` of a change by region."""
    given = {"coefficient": coefficient, "standard_error": standard_error}
    for name, value in given.items():
        require_kind(name, value, float | int | np.number, "a number")
        if not np.isfinite(value) or (name == "standard_error" and value < 0):
            raise TivaxError(f"{name} = {value}: give a finite number, from 0")
    effect, se = coefficient * change, standard_error * change.abs()
    found = pd.DataFrame({"change": change, "estimate": effect, "se": se})
    return found.assign(ci_low=effect - _NORMAL * se, ci_high=effect + _NORMAL * se)


_NORMAL = 1.959963984540054
