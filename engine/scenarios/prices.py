"""Price shocks: costs passed on along the chain, at given quantities.

Leontief's price model (Miller and Blair 2009, section 2.6). Prices start from 1, every
user pays the same price for a product, and whoever makes it passes on all of a cost:
dp' = dc' B.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from ...kernels.scenarios import low_rank
from ..core import TivaxError, in_float64, raise_interrupt
from ..tables import WORST_RESIDUAL
from .changes import Changes, YearTable, pairs_of, rows_of
from .evaluate import CHECKS
from .shocks import Price, Shock
from .years import SolvedYear

FIELDS = ("price_output", "price_final", "price_exports", "price_imports")
_AT_ONCE = 64


class _Cost(NamedTuple):
    """Higher cost per unit of output, and what buyers pay at the border.

    ``border`` has the inputs and the final goods that a region buys at the border, at
    the higher cost: in the unit of the tables, by region.
    """

    unit: Float[np.ndarray, " n"]
    inputs: Float[np.ndarray, " c"]
    final: Float[np.ndarray, " c"]


def price_rows(
    solved: SolvedYear, variants: Sequence[tuple[str, tuple[Shock, ...]]]
) -> Iterator[Float[np.ndarray, "k values"]]:
    """Price indices of the variants, 1 without a shock, as ``evaluate.value_rows``.

    In place of value added by industry a row has the price of its product.
    """
    weights = _weights_of(solved.table)
    for start in range(0, len(variants), _AT_ONCE):
        raise_interrupt()
        yield _priced(solved, weights, variants[start : start + _AT_ONCE])


@in_float64
def _priced(
    solved: SolvedYear,
    weights: Mapping[str, Float[np.ndarray, "n p"]],
    variants: Sequence[tuple[str, tuple[Shock, ...]]],
) -> Float[np.ndarray, "k values"]:
    costs = [_cost(solved, shocks) for _, shocks in variants]
    unit = np.zeros((_AT_ONCE, len(solved.table.x)))
    unit[: len(variants)] = [k.unit for k in costs]
    base, member = solved.base, solved.table.places.member
    found, residual = low_rank.price_changes(base.A, base.B, jnp.asarray(unit))
    if not float(residual) <= WORST_RESIDUAL:
        raise TivaxError(
            f"{solved.year}, {variants[0][0]}: prices are not solved (relative "
            f"residual {float(residual):.1e})"
        )
    checks = _checks(float(residual))
    rows = []
    for change, cost in zip(np.asarray(found), costs, strict=False):
        paid = {name: change @ weight for name, weight in weights.items()}
        paid["price_final"] = paid["price_final"] + cost.final @ member
        border = (cost.final + cost.inputs) @ member
        paid["price_imports"] = paid["price_imports"] + border
        indices = [_over(paid[name], weights[name].sum(axis=0)) for name in FIELDS]
        rows.append(np.concatenate([*(1 + k for k in indices), 1 + change, checks]))
    return np.array(rows)


def _over(paid: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(paid, whole, out=np.full_like(paid, np.nan), where=whole != 0)


def base_prices(solved: SolvedYear) -> Float[np.ndarray, " values"]:
    """Prices without a shock: 1."""
    regions = len(solved.table.places.names)
    ones = np.ones(len(FIELDS) * regions + len(solved.table.x))
    return np.concatenate([ones, _checks(0.0)])


def _checks(residual: float) -> Float[np.ndarray, " checks"]:
    return np.array([residual, *[0.0] * (len(CHECKS) - 1)])


def _weights_of(table: YearTable) -> dict[str, Float[np.ndarray, "n p"]]:
    """Weights of the price averages: output, final demand, exports, imports."""
    member, (n, c) = table.places.member, table.Y.shape
    users = np.repeat(np.eye(c), n // c, axis=0)
    by_buyer = table.A @ (users * table.x[:, None])
    abroad = np.repeat(~table.places.at_home(), n // c, axis=0)
    trade = (by_buyer + table.Y) * abroad * (table.x > 0)[:, None]
    here = users @ member
    return {
        "price_output": here * table.x[:, None],
        "price_final": table.Y @ member,
        "price_exports": here * trade.sum(axis=1)[:, None],
        "price_imports": trade @ member,
    }


def _cost(solved: SolvedYear, shocks: tuple[Shock, ...]) -> _Cost:
    table = solved.table
    n, c = table.Y.shape
    total, given = _Cost(np.zeros(n), np.zeros(c), np.zeros(c)), np.full(n, np.nan)
    for shock in shocks:
        assert isinstance(shock, Price), shock
        if shock.of_pairs:
            total = _Cost(*map(np.add, total, _border(table, shock)))
            continue
        rows = rows_of(table.places, shock)
        rows = rows[table.x[rows] > 0]
        if shock.of == "price":
            given[rows] = shock.share
        else:
            total.unit[rows] += shock.share * np.asarray(solved.base.kept)[rows]
    return total._replace(unit=_with_prices(solved, total.unit, given))


def _with_prices(
    solved: SolvedYear, cost: Float[np.ndarray, " n"], given: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """Costs at which the prices that are ``given``, not NaN, rise by so much.

    Margins of these industries give way: with E for them, dc_E B_EE is what other costs
    leave of their prices.
    """
    rows = np.flatnonzero(~np.isnan(given))
    if not len(rows):
        return cost
    B = solved.base.B[:, jnp.asarray(rows)]
    left = given[rows] - np.asarray(jnp.asarray(cost) @ B)
    cost = cost.copy()
    cost[rows] += np.linalg.solve(np.asarray(B)[rows].T, left)
    return cost


def _border(table: YearTable, shock: Shock) -> _Cost:
    """A cost on what ``who`` sells to ``whom``, which the buyer pays."""
    places = table.places
    pairs = pairs_of(places, shock)
    sectors = places.find_sectors(shock.sectors)
    n, c = table.Y.shape
    unit, inputs, final = np.zeros(n), np.zeros(c), np.zeros(c)
    now = Changes(table)
    for buyer in np.flatnonzero(pairs.any(axis=0)).tolist():
        rows = places.industries(pairs[:, buyer], sectors)
        rows = rows[table.x[rows] > 0]  # others export nothing
        users = places.users(buyer)
        unit[users] = shock.share * now.inputs(rows, users).sum(axis=0)
        inputs[buyer] = unit[users] @ table.x[users]
        final[buyer] = shock.share * table.Y[rows, buyer].sum()
    return _Cost(unit, inputs, final)
