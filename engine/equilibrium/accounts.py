"""Input-output tables of the old and the new equilibrium, and the index of both."""

import warnings
from typing import Literal

import numpy as np
import pandas as pd

from ..core import TivaxError, TivaxWarning, require_choice, require_kind
from ..measures import trade_benefit_index
from ..tables import Tolerance, WorldTables
from .counterfactual import ExactHat

Which = Literal["old", "new"]


def equilibrium_tables(
    found: ExactHat, which: Which = "new", year: int = 2000
) -> WorldTables:
    """World tables of an equilibrium: every user of a region buys a good from the same
    sellers in the same proportions, as the model has it.

    Parameters
    ----------
    found
        A counterfactual of one scenario.
    which
        The ``old`` equilibrium or the ``new`` one.
    year
        The label of the tables.

    Returns
    -------
    WorldTables
        Flows at prices net of tariffs, in the unit of the economy (a new one is in
        units in which world value added is unchanged). Value added as the residual
        holds tariffs on inputs.

    Raises
    ------
    TivaxError
        For a result of several scenarios, and one with a block of supply.

    Examples
    --------
    >>> found = tx.exact_hat(tx.synthetic_economy(regions=3, sectors=4, seed=1))
    >>> tx.equilibrium_tables(found).n
    12
    """
    require_kind("found", found, ExactHat, "a result of tx.exact_hat")
    require_choice("which", which, ("old", "new"))
    if found.supply is not None:
        raise TivaxError("tables of an equilibrium are of a result without supply")
    economy = found.economy
    trade, spent = found.old if which == "old" else found.counterfactual
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


def tbi_change(found: ExactHat) -> pd.DataFrame:
    """The trade benefit index in the old and the new equilibrium, by region.

    Columns before, after, change. Tables of both are those of
    ``equilibrium_tables``, so that the change is the scenario's alone; the old index
    differs from that of a table whose users buy in different proportions.

    Examples
    --------
    >>> found = tx.exact_hat(
    ...     tx.synthetic_economy(regions=3, sectors=4, seed=1), deficits="closing"
    ... )
    >>> list(tx.tbi_change(found).columns)
    ['before', 'after', 'change']
    """
    old, new = (
        trade_benefit_index(equilibrium_tables(found, which))["tbi"]
        .isel(year=0)
        .to_series()
        for which in ("old", "new")
    )
    return pd.DataFrame({"before": old, "after": new, "change": new - old})


def effect_on_index(
    change: pd.Series, coefficient: float, standard_error: float
) -> pd.DataFrame:
    """What a change of a regressor does to an outcome through an estimated equation.

    Parameters
    ----------
    change
        Of the regressor, by region: ``tbi_change(found)["change"]``.
    coefficient, standard_error
        Of the regressor in the equation.

    Returns
    -------
    DataFrame
        Columns change, estimate = coefficient x change, se, ci_low, ci_high: the delta
        method with a 95 % normal interval. The change itself is taken as known, and the
        coefficient as if it held for a change that trade policy makes.

    Raises
    ------
    TivaxError
        For a standard error that is negative or not a number.

    Examples
    --------
    >>> tx.effect_on_index(pd.Series({"R01": 0.1}), 11.55, 3.52).round(2)
         change  estimate    se  ci_low  ci_high
    R01     0.1    1.16  0.35  0.47  1.84
    """
    require_kind("change", change, pd.Series, "a pandas Series by region")
    for name, value in (
        ("coefficient", coefficient),
        ("standard_error", standard_error),
    ):
        require_kind(name, value, float | int | np.number, "a number")
        if not np.isfinite(value) or (name == "standard_error" and value < 0):
            raise TivaxError(f"{name} = {value}: give a finite number, from 0")
    effect, se = coefficient * change, standard_error * change.abs()
    return pd.DataFrame(
        {
            "change": change,
            "estimate": effect,
            "se": se,
            "ci_low": effect - _NORMAL * se,
            "ci_high": effect + _NORMAL * se,
        }
    )


_NORMAL = 1.959963984540054
