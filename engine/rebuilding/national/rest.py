"""The rest of the world: its sales and purchases are what the countries leave."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ...core import TivaxError
from ...tables import WorldTable
from ..countries import Countries
from ..pieces import ratio
from ..rest_of_world import RowYear, close_account
from .partners import cells_of
from .recipe import Recipe
from .uses import Rest

# Home inputs are this share at least of what the structure of others would take.
_LEAST = 0.3


def require_output(recipe: Recipe, year: int, given: Rest, *, seeded: bool) -> None:
    """Raise ``TivaxError`` where nothing tells its output, or it is below 0."""
    for what, wrong in (("", np.isnan(given.output)), ("below 0", given.output < 0)):
        if not wrong.any() or (seeded and not what):
            continue
        which = f"{recipe.rest}, {recipe.sectors[int(wrong.argmax())]}, in {year}"
        if what:
            raise TivaxError(f"{recipe.name}: output of {which} is {what}; correct it")
        raise TivaxError(
            f"{recipe.name}: nothing tells the output of {which}; give it in [totals], "
            f"or a seed that has {recipe.rest}"
        )


@dataclass(frozen=True)
class _Like:
    """Structure given to the rest of the world: the seed's, or that of all countries.

    ``basic``: value added at basic prices over output less inputs, by industry.
    """

    home: Float[np.ndarray, "s u"]
    output: Float[np.ndarray, " s"]
    inputs: Float[np.ndarray, " s"]
    basic: Float[np.ndarray, " s"]
    traded: float = np.nan


def rest_of_world(
    recipe: Recipe,
    countries: Countries,
    given: Rest,
    table: WorldTable | None,
    trade: Float[np.ndarray, "s r u d"],
) -> tuple[RowYear, Float[np.ndarray, " s"]]:
    """Inputs, final uses and output of its own industries, and their value added.

    Output and value added are those ``given``, else the seed's: output has grown as its
    trade has. The structure is that of the seed, else of all countries together.
    """
    s, f = len(recipe.sectors), len(recipe.final)
    like = _like(recipe, countries, table)
    sold, imported = trade[:, -1].sum((1, 2)), trade[:, :, :s, -1].sum((0, 1))
    traded = sold.sum() + trade[..., -1].sum()
    told = ~np.isnan(given.output)
    x = np.where(told, given.output, like.output * traded / like.traded)
    inputs = ratio(like.home[:, :s], like.output[None])
    own = ratio(like.home[:, s:], like.output[:, None]) * x[:, None]
    left = ratio(like.output - like.inputs, like.output) * x
    left = np.where(np.isnan(given.added), left, ratio(given.added, like.basic))
    k = recipe.final.index(recipe.inventories)
    stocks = own[:, k].copy() if f > 1 else np.zeros(s)
    own = np.maximum(own, 0)
    if f > 1:
        own[:, k] = 0
    wanted = inputs.sum(0) * x
    wanted = np.where(wanted > 0, np.maximum(x - left - imported, _LEAST * wanted), 0)
    home, own, missed = close_account(x, sold, inputs * x, wanted, own, stocks)
    own[:, k] += missed
    left = x - home.sum(0) - imported
    added = np.where(np.isnan(given.added), like.basic * left, given.added)
    return RowYear(home, own, x), added


def _like(recipe: Recipe, countries: Countries, table: WorldTable | None) -> _Like:
    s = len(recipe.sectors)
    if table is None or recipe.rest not in table.regions:
        inputs = (countries.home + countries.imported)[:, :, :s].sum(1)
        told = ~np.isnan(countries.added)
        left = np.where(told, countries.output - inputs, 0).sum(0)
        basic = _share(np.nansum(countries.added, 0), left)
        output = countries.output.sum(0)
        return _Like(countries.home.sum(0), output, inputs.sum(0), basic)
    cells, _, users = cells_of(table, recipe)
    cells = np.where(users, cells, 0)
    own, abroad = cells[-1, :, -1], cells[:-1, :, -1]
    output, inputs = cells[-1].sum((1, 2)), cells[:, :, -1, :s].sum((0, 1))
    basic = np.ones(s)
    if table.value_added is not None:
        row = table.regions.index(recipe.rest)
        added = table.value_added.reshape(len(table.regions), -1)[row]
        added = added[[table.sectors.index(k) for k in recipe.sectors]]
        basic = _share(added, output - inputs)
    traded = float(cells[-1, :, :-1].sum() + abroad.sum())
    return _Like(own, output, inputs, basic, traded)


def _share(
    added: Float[np.ndarray, " s"], left: Float[np.ndarray, " s"]
) -> Float[np.ndarray, " s"]:
    """Value added at basic prices in output less inputs; 1 where nothing tells it."""
    share = ratio(added, left)
    return np.where(share > 0, np.clip(share, 0, 1), 1)
