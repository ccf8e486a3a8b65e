"""Gaps between the margins of a rebuilt table and its trade, by country."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from ...core import TivaxError
from ..countries import Countries
from .partners import PartnerFlows
from .recipe import Recipe


class Miss(NamedTuple):
    """Gap between a margin and a country's trade in a year.

    ``missed`` is a share of all that the margin tells of the country, ``largest`` the
    worst cell, in the unit of the tables, ``where`` its labels.
    """

    margin: str
    year: int
    country: str
    missed: float
    largest: float
    where: str


def misses(
    recipe: Recipe,
    year: int,
    countries: Countries,
    flows: Sequence[PartnerFlows],
    trade: Float[np.ndarray, "s r u d"],
) -> list[Miss]:
    """Gaps of every margin and country: exports, imports, and each table of trade."""
    c = len(recipe.countries)
    sold, bought = trade[:, :c].sum((2, 3)).T, trade[..., :c].sum(1).transpose(2, 0, 1)
    labels = (recipe.sectors, recipe.users)
    margins: dict[str, Any] = {  # what the fit has, what is given, labels of its axes
        "exports of national tables": (sold, countries.exports, labels[:1]),
        "imports of national tables": (bought, countries.imported, labels),
    }
    buyers = tuple(f"to {k}" for k in recipe.regions)
    for one in flows:
        got = np.einsum(
            "gs,wu,srud->rgwd", one.products, one.uses, trade, optimize=True
        )
        given = one.flows[year].transpose(2, 0, 1, 3)
        margins[one.trade.name] = got[:c], given[:c], (one.groups, one.kinds, buyers)
    rows = []
    for margin, (got, given, labels) in margins.items():
        off = np.nan_to_num(np.abs(got - given))
        for k, country in enumerate(recipe.countries):
            worst = np.unravel_index(off[k].argmax(), off[k].shape)
            told = [str(names[i]) for names, i in zip(labels, worst, strict=True)]
            where = ", ".join(filter(None, told))
            total = np.abs(np.nan_to_num(given[k])).sum()
            share = float(off[k].sum() / total) if total else 0.0
            rows.append(Miss(margin, year, country, share, float(off[k].max()), where))
    return rows


def require_met(
    recipe: Recipe, flows: Sequence[PartnerFlows], found: Sequence[Miss]
) -> None:
    """Raise ``TivaxError`` for the margin that is missed most, where it must be met."""
    near = {k.trade.name for k in flows if k.trade.approximate}
    exact = [k for k in found if k.margin not in near]
    worst = max(exact, key=lambda k: k.missed)
    if worst.missed <= recipe.may_miss:
        return
    raise TivaxError(
        f"{recipe.name}: {worst.year}: margins contradict: the fit misses "
        f"{worst.margin} of {worst.country} by {100 * worst.missed:.3g} %, most in "
        f"{worst.where} ({worst.largest:,.6g}); correct a table, mark trade that is "
        f"only near the truth by approximate = true, or allow more by may_miss "
        f"({recipe.may_miss:g} now)"
    )


def worst_years(found: Sequence[Miss]) -> list[Miss]:
    """Keep the year with the largest gap, for each margin and country."""
    by: dict[tuple[str, str], list[Miss]] = {}
    for one in found:
        by.setdefault((one.margin, one.country), []).append(one)
    return [max(years, key=lambda k: k.missed) for years in by.values()]
