"""World tables from national tables and trade, year by year.

Home blocks and totals of the countries are those of their national tables. Trade is
fitted to their exports and imports and to trade by seller and buyer, nearest to a seed
by relative entropy. The rest of the world closes the account.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import jax
import numpy as np
from jaxtyping import Float

from ....kernels.rebuilding import trade as kernel
from ...core import TivaxError, in_float64
from ...tables import WorldTable
from ..countries import Countries
from ..years import in_turn
from .facts import describe
from .misses import Miss, misses, require_met, worst_years
from .partners import PartnerFlows, Seeds, check_units, read_flows
from .recipe import Recipe
from .rest import require_output, rest_of_world
from .uses import Nations, read_nations

# Turns in which approximate trade takes part; the share of imports that may be missed,
# which leaves balances of trade exact to eight digits; turns after which a fit ends.
_WITH_NEAR, _TOLERANCE, _MOST = 20, 1e-10, 2000
_WIDEST = 4  # years at once: one of 44 x 56 takes 400 MB
_fit = partial(jax.jit, static_argnames="classes")(kernel.fit_trade)


def rebuild_by_recipe(recipe: Recipe, years: Sequence[int]) -> Iterator[WorldTable]:
    """The tables of these years, in order.

    Raises ``TivaxError`` where pieces are missing or disagree, and where margins
    contradict each other by more than ``recipe.may_miss``.
    """
    nations = read_nations(recipe)
    flows = [read_flows(recipe, k) for k in recipe.trade]
    seeds, about = Seeds(recipe), describe(recipe)
    for year in years:
        if recipe.rest:
            rest, seeded = nations.rest[year], recipe.rest in seeds.regions
            require_output(recipe, year, rest, seeded=seeded)
        else:
            _require_sellers(recipe, year, nations.countries[year])
        for one in flows:
            check_units(recipe, year, nations.countries[year], one)
    found: list[Miss] = []

    def make(year: int) -> tuple[WorldTable, list[Miss]]:
        return _table(recipe, year, nations, flows, seeds)

    for table, missed in in_turn(make, years, _WIDEST):
        found += missed
        said = {**about, "misses": [k._asdict() for k in worst_years(found)]}
        yield replace(table, rebuilt=said)


def _require_sellers(recipe: Recipe, year: int, countries: Countries) -> None:
    """Without a rest of the world exports and imports of a product are one sum."""
    sold, bought = countries.exports.sum(0), countries.imported.sum((0, 2))
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
    flows: Sequence[PartnerFlows],
    seed: Float[np.ndarray, "s r u d"],
) -> Float[np.ndarray, "s r u d"]:
    """The trade of a year nearest to ``seed`` that has the margins."""
    # Users whom no table of trade tells apart are a class.
    of_user = [
        tuple(np.concatenate([k.uses[:, u] for k in flows]))
        for u in range(seed.shape[2])
    ]
    kinds = list(dict.fromkeys(of_user))
    order = np.argsort([kinds.index(k) for k in of_user], kind="stable")
    classes = tuple(of_user.count(k) for k in kinds)
    first = np.cumsum([0, *classes[:-1]])
    row = (0, 1) if recipe.rest else (0, 0)

    def put(cells: np.ndarray, *more: tuple[int, int]) -> jax.Array:
        """On the device; the rest of the world is free."""
        return jax.device_put(np.pad(cells, more or (0, 0), constant_values=np.nan))

    pairs = [
        kernel.PairFlows(
            put(k.flows[year]), put(k.products), put(k.uses[:, order[first]])
        )
        for k in flows
    ]
    told = [*zip(pairs, (k.trade.approximate for k in flows), strict=True)]
    exact = tuple(pair for pair, approximate in told if not approximate)
    near = tuple(pair for pair, approximate in told if approximate)
    imports = countries.imported.transpose(1, 2, 0)[:, order]
    margins = kernel.Margins(
        put(imports, (0, 0), (0, 0), row),
        put(countries.exports.T, (0, 0), row),
        exact,
    )
    seed = seed[:, :, order]
    found = _fit(
        put(np.maximum(seed, 0)),
        margins,
        near,
        *map(jax.device_put, (_WITH_NEAR if near else 0, _TOLERANCE, _MOST)),
        classes=classes,
        below=put(np.maximum(-seed, 0)) if seed.min() < 0 else None,
    )
    back = np.empty_like(seed)
    back[:, :, order] = found.trade
    return back


def _table(
    recipe: Recipe,
    year: int,
    nations: Nations,
    flows: Sequence[PartnerFlows],
    seeds: Seeds,
) -> tuple[WorldTable, list[Miss]]:
    countries, like = nations.countries[year], seeds.table(year)
    rest = nations.rest[year]
    seed = seeds.seed(year, countries, rest, like)
    trade = fit(recipe, year, countries, flows, seed)
    missed = misses(recipe, year, countries, flows, trade)
    require_met(recipe, flows, missed)
    s, own = len(recipe.sectors), np.arange(len(recipe.regions))
    home, x, added = countries.home, countries.output, countries.added
    if recipe.rest:
        row, basic = rest_of_world(recipe, countries, rest, like, trade)
        home = np.concatenate([home, np.concatenate([row.home, row.own], 1)[None]])
        x = np.concatenate([x, row.output[None]])
        added = np.concatenate([added, basic[None]])
    cells = np.ascontiguousarray(trade.transpose(1, 0, 3, 2))
    cells[own, :, own] = home  # seller, product, buyer, user
    n = len(own) * s
    table = WorldTable(
        year=year,
        regions=recipe.regions,
        sectors=recipe.sectors,
        categories=recipe.final,
        Z=cells[..., :s].reshape(n, n),
        Y=cells[..., s:].reshape(n, len(own), -1),
        x=x.ravel(),
        value_added=None if np.isnan(added).any() else added.ravel(),
        origin=recipe.name,
        edition=recipe.title,
        unit=recipe.unit,
    )
    return table, missed
