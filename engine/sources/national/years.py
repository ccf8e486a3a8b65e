"""World tables from national tables and trade, year by year.

Home blocks and totals of the countries are those of their national tables. Trade is
fitted to their exports and imports and to trade by seller and buyer, nearest to a seed
by relative entropy. The rest of the world closes the account.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from ....kernels.rebuilding import trade as kernel
from ...core import TivaxError, in_float64
from ...tables import WorldTable
from ..rebuilding.countries import Countries
from .facts import describe
from .misses import Miss, misses, require_met, worst_years
from .partners import Flows, Seeds, check_units, read_flows
from .recipe import Recipe
from .rest import basic_share, rest_of_world
from .uses import Nations, read_nations

# Turns in which approximate trade takes part; the share of imports that may be missed,
# which leaves balances of trade exact to eight digits; turns after which a fit ends.
_WITH_NEAR, _TOLERANCE, _MOST = 20, 1e-10, 2000
_fit = partial(jax.jit, static_argnames="classes")(kernel.fit_trade)


def rebuild(recipe: Recipe, years: Sequence[int]) -> Iterator[WorldTable]:
    """The tables of these years, in order.

    Raises ``TivaxError`` where pieces are missing or disagree, and where margins
    contradict each other by more than ``recipe.may_miss``.
    """
    nations = read_nations(recipe)
    flows = [read_flows(recipe, k) for k in recipe.trade]
    seeds, about = Seeds(recipe), describe(recipe)
    found: list[Miss] = []
    for year in years:
        countries = nations.countries[year]
        _require_sellers(recipe, year, countries)
        for one in flows:
            check_units(recipe, year, countries, one)
        yield _table(recipe, year, nations, flows, seeds, about, found)


def _require_sellers(recipe: Recipe, year: int, countries: Countries) -> None:
    """Without a rest of the world exports and imports of a product are one sum."""
    sold, bought = countries.exports.sum(0), countries.imported.sum((0, 2))
    if recipe.rest:
        return
    off = np.abs(sold - bought) - recipe.may_miss * np.maximum(sold, bought)
    if off.max() > 0:
        i = int(off.argmax())
        raise TivaxError(
            f"{recipe.name}: {year}: countries import {bought[i]:,.6g} of "
            f"{recipe.sectors[i]}, and export {sold[i]:,.6g}; add a rest of the world, "
            "[rest], or correct a national table"
        )


@in_float64
def fit(
    recipe: Recipe,
    year: int,
    countries: Countries,
    flows: Sequence[Flows],
    seed: Float[np.ndarray, "s r u d"],
) -> Float[np.ndarray, "s r u d"]:
    """The trade of a year nearest to ``seed`` that has the margins."""
    of_user = [
        tuple(np.concatenate([k.uses[:, u] for k in flows]))
        for u in range(seed.shape[2])
    ]
    kinds = list(dict.fromkeys(of_user))
    order = np.argsort([kinds.index(k) for k in of_user], kind="stable")
    classes = tuple(of_user.count(k) for k in kinds)
    first = np.cumsum([0, *classes[:-1]])
    rest = [(0, 0)] if not recipe.rest else [(0, 1)]
    pad = partial(np.pad, constant_values=np.nan)
    imports = countries.imported.transpose(1, 2, 0)[:, order]
    pairs = [
        kernel.Pairs(k.flows[year], k.products, k.uses[:, order[first]]) for k in flows
    ]
    near = [k for k, one in zip(pairs, flows, strict=True) if one.trade.approximate]
    exact = [
        k for k, one in zip(pairs, flows, strict=True) if not one.trade.approximate
    ]
    margins = kernel.Margins(
        pad(imports, [(0, 0), (0, 0), *rest]),
        pad(countries.exports.T, [(0, 0), *rest]),
        tuple(exact),
    )
    seed = seed[:, :, order]
    below = np.maximum(-seed, 0) if seed.min() < 0 else None
    how = _WITH_NEAR if near else 0, _TOLERANCE, _MOST
    put = jax.device_put((np.maximum(seed, 0), margins, tuple(near), *how, below))
    *given, below = put
    found = np.asarray(_fit(*given, classes=classes, below=below).trade)
    back = np.empty_like(found)
    back[:, :, order] = found
    return back


def _table(
    recipe: Recipe,
    year: int,
    nations: Nations,
    flows: Sequence[Flows],
    seeds: Seeds,
    about: dict[str, Any],
    found: list[Miss],
) -> WorldTable:
    countries, like = nations.countries[year], seeds.table(year)
    rest = nations.rest[year]
    seed = seeds.seed(year, countries, rest, like)
    trade = fit(recipe, year, countries, flows, seed)
    now = misses(recipe, year, countries, flows, trade)
    require_met(recipe, flows, now)
    found += now
    s, own = len(recipe.sectors), np.arange(len(recipe.regions))
    home, x, added = countries.home, countries.output, countries.added
    if recipe.rest:
        row, left = rest_of_world(recipe, year, countries, rest, like, trade)
        cells = np.concatenate([row.home, row.own], 1)
        home = np.concatenate([home, cells[None]])
        x = np.concatenate([x, row.output[None]])
        basic = np.where(
            np.isnan(rest.added), basic_share(countries) * left, rest.added
        )
        added = np.concatenate([added, basic[None]])
    flows_of_all = trade.transpose(1, 0, 3, 2)  # seller, product, buyer, user
    flows_of_all = np.ascontiguousarray(flows_of_all)
    flows_of_all[own, :, own] = home
    n = len(own) * s
    return WorldTable(
        year=year,
        regions=recipe.regions,
        sectors=recipe.sectors,
        categories=recipe.final,
        Z=flows_of_all[..., :s].reshape(n, n),
        Y=flows_of_all[..., s:].reshape(n, len(own), -1),
        x=x.ravel(),
        value_added=None if np.isnan(added).any() else added.ravel(),
        origin=recipe.name,
        edition=recipe.title,
        unit=recipe.unit,
        rebuilt={**about, "misses": [k._asdict() for k in worst_years(found)]},
    )
