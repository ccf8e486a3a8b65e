"""The rest of the world: its sales and purchases are what the countries leave."""

import numpy as np
from jaxtyping import Float

from ...core import TivaxError
from ...tables import WorldTable
from ..rebuilding.countries import Countries
from ..rebuilding.pieces import ratio
from ..rebuilding.rest_of_world import RowYear, close_account
from .partners import cells_of
from .recipe import Recipe
from .uses import Rest

# Home inputs are this share at least of what the structure of others would take.
_LEAST = 0.3


def rest_of_world(
    recipe: Recipe,
    year: int,
    countries: Countries,
    given: Rest,
    table: WorldTable | None,
    trade: Float[np.ndarray, "s r u d"],
) -> tuple[RowYear, Float[np.ndarray, " s"]]:
    """Inputs, final uses and output of its own industries, and output less all inputs.

    Output and value added are those ``given``, else the seed's: output has grown as its
    trade has. The structure is that of the seed, else of all countries together.

    Raises ``TivaxError`` where neither tells output.
    """
    s, f = len(recipe.sectors), len(recipe.final)
    sold, imported = trade[:, -1].sum((1, 2)), trade[:, :, :s, -1].sum((0, 1))
    cells = None
    if table is not None and recipe.rest in table.regions:
        cells, _, user = cells_of(table, recipe)
        cells = np.where(user, cells, 0)
    if cells is None:
        home, output = countries.home.sum(0), countries.output.sum(0)
        bought = countries.imported[:, :, :s].sum((0, 1))
        then = 0.0
    else:
        home, output = cells[-1, :, -1], cells[-1].sum((1, 2))
        bought = cells[:-1, :, -1, :s].sum((0, 1))
        then = cells[-1, :, :-1].sum() + cells[:-1, :, -1].sum()
    x = given.output
    if np.isnan(x).any():
        if cells is None:
            i = int(np.isnan(x).argmax())
            raise TivaxError(
                f"{recipe.name}: nothing tells the output of {recipe.rest}, "
                f"{recipe.sectors[i]}, in {year}; give it in [totals], or a seed that "
                f"has {recipe.rest}"
            )
        now = sold.sum() + trade[:, :, :, -1].sum()
        x = np.where(np.isnan(x), output * (now / then), x)
    if (x < 0).any():
        i = int(x.argmin())
        raise TivaxError(
            f"{recipe.name}: output of {recipe.rest}, {recipe.sectors[i]}, in {year} "
            f"is {x[i]:,.6g}; correct the totals"
        )
    inputs = ratio(home[:, :s], output[None])
    own = ratio(home[:, s:], output[:, None]) * x[:, None]
    rest = ratio(output - home[:, :s].sum(0) - bought, output) * x
    rest = np.where(np.isnan(given.added), rest, _with_taxes(countries, given.added))
    k = recipe.final.index(recipe.inventories)
    stocks = own[:, k].copy() if f > 1 else np.zeros(s)
    own = np.maximum(own, 0)
    if f > 1:
        own[:, k] = 0
    wanted = inputs.sum(0) * x
    wanted = np.where(wanted > 0, np.maximum(x - rest - imported, _LEAST * wanted), 0)
    home, own, missed = close_account(x, sold, inputs * x, wanted, own, stocks)
    own[:, k] += missed
    return RowYear(home, own, x), x - home.sum(0) - imported


def _with_taxes(
    countries: Countries, added: Float[np.ndarray, " s"]
) -> Float[np.ndarray, " s"]:
    """Output less inputs, where value added has the share in it of the countries."""
    return ratio(added, basic_share(countries))


def basic_share(countries: Countries) -> Float[np.ndarray, " s"]:
    """Value added of the countries in their output less inputs, by industry."""
    s = countries.home.shape[1]
    inputs = (countries.home + countries.imported)[:, :, :s].sum(1)
    told = ~np.isnan(countries.added)
    rest = np.where(told, countries.output - inputs, 0).sum(0)
    share = ratio(np.where(told, countries.added, 0).sum(0), rest)
    return np.where(share > 0, np.clip(share, 0, 1), 1)
