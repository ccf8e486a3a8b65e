"""Who sells to whom: trade as margins of the fit, and the seed where it starts."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

from ...core import TivaxError
from ...tables import WorldTable, normalise, open_store
from ..countries import Countries
from ..pieces import ratio
from .recipe import Recipe, Trade, in_years
from .uses import Rest, array_of, labels_at, places, summed

# Of the trade in proportion that is added to a seed, so that margins can be met.
_TRACE = 1e-5
# Trade of a country by its national table, times this at most.
_MOST = 2.0
# A country's share, against that of the others: a factor of a thousand is a unit.
_UNIT = 100.0


@dataclass(frozen=True)
class PartnerFlows:
    """Trade of one table. ``products`` and ``uses`` say what is in a group: 1 or 0.

    ``flows`` are NaN where the table does not tell: of the rest of the world, mostly.
    """

    trade: Trade
    groups: tuple[str, ...]
    kinds: tuple[str, ...]
    products: Float[np.ndarray, "g s"]
    uses: Float[np.ndarray, "w u"]
    flows: Mapping[int, Float[np.ndarray, "g w r d"]]


def read_flows(recipe: Recipe, trade: Trade) -> PartnerFlows:
    """Trade of all years, zero where there is no row.

    Raises ``TivaxError`` for a label that is not known, for groups that overlap, for a
    country or year without rows, for trade below 0.
    """
    name, regions = trade.piece.name, recipe.regions
    needed = ["seller", "buyer", "value"]
    needed += ["year"] if len(recipe.years) > 1 else []
    needed += ["product"] if trade.products else []
    needed += ["use"] if "" not in trade.uses else []
    optional = {"year", "product"} - set(needed)
    frame = trade.piece.read(needed, sorted(optional))
    each = {k: (k,) for k in recipe.sectors}
    products = trade.products or (each if "product" in frame else {"": recipe.sectors})
    usual = {"year": str(min(recipe.years)), "product": "", "use": ""}
    frame = frame.assign(**{k: v for k, v in usual.items() if k not in frame})
    frame = in_years(_normalised(frame), recipe, name)
    groups, place_of_group = _groups(recipe, trade, "products", products)
    kinds, place_of_kind = _groups(recipe, trade, "uses", trade.uses)
    at, years = places(regions), places(recipe.years)
    remedy = "is not in the recipe"
    if trade.others and recipe.rest:
        for side in ("seller", "buyer"):
            known = frame[side].isin(regions)
            frame = frame.assign(**{side: frame[side].where(known, recipe.rest)})
    else:
        remedy += " (others = true in [[trade]] adds such to the rest of the world)"
    place = (
        labels_at(frame, "year", years, name, "is not in the recipe"),
        labels_at(frame, "product", place_of_group, name, "is in no group of products"),
        labels_at(frame, "use", place_of_kind, name, "is in no group of uses"),
        labels_at(frame, "seller", at, name, remedy),
        labels_at(frame, "buyer", at, name, remedy),
    )
    shape = (len(years), len(groups), len(kinds), len(regions), len(regions))
    _require_sold(frame, name)
    flows, _ = summed(frame, place, shape)
    own = np.arange(len(regions))
    flows[..., own, own] = 0
    if {one for members in groups.values() for one in members} == {*recipe.sectors}:
        _require_all(recipe, name, flows)
    if recipe.rest:
        sides = flows[..., -1], flows[..., -1, :]
        free = [~side.any((1, 2, 3)) for side in sides]
        for side, years_free in zip(sides, free, strict=True):
            side[years_free] = np.nan
    return PartnerFlows(
        trade,
        tuple(groups),
        tuple(kinds),
        _members(groups, recipe.sectors),
        _members(kinds, recipe.users),
        {year: flows[t] for t, year in enumerate(recipe.years)},
    )


def _normalised(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with sellers and buyers in the spelling of tivax."""
    return frame.assign(**{k: list(normalise(frame[k])) for k in ("seller", "buyer")})


def _groups(
    recipe: Recipe, trade: Trade, key: str, given: Mapping[str, tuple[str, ...]]
) -> tuple[dict[str, tuple[str, ...]], dict[str, int]]:
    """Groups of common labels, and the group that each label of the file is of.

    Labels of the same sectors are one group: products of trade are finer, mostly.
    """
    groups: dict[frozenset[str], str] = {}
    for label, members in given.items():
        groups.setdefault(frozenset(members), label)
    seen: dict[str, str] = {}
    for members, label in groups.items():
        for one in members:
            if one in seen:
                raise TivaxError(
                    f"{recipe.name}: [[trade]] {trade.name}: {key} {seen[one]} and "
                    f"{label} both hold {one}; groups must not overlap"
                )
            seen[one] = label
    order = {k: i for i, k in enumerate(groups)}
    place_of = {k: order[frozenset(members)] for k, members in given.items()}
    return {k: tuple(members) for members, k in groups.items()}, place_of


def _members(
    groups: Mapping[str, tuple[str, ...]], labels: tuple[str, ...]
) -> Float[np.ndarray, "g n"]:
    return np.array([[float(k in g) for k in labels] for g in groups.values()])


def _require_sold(frame: pd.DataFrame, name: str) -> None:
    below = frame["value"] < 0
    if below.any():
        first = frame[below].iloc[0]
        raise TivaxError(
            f"{name}: {first['seller']} to {first['buyer']} in {first['year']} is "
            f"{first['value']:,.6g}; trade is not below 0: correct it"
        )


def _require_all(
    recipe: Recipe, name: str, flows: Float[np.ndarray, "t g w r d"]
) -> None:
    for t, year in enumerate(recipe.years):
        total = flows[t].sum((0, 1))
        for k, country in enumerate(recipe.countries):
            for does, sold in (("sells", total[k]), ("buys", total[:, k])):
                if not sold.any():
                    raise TivaxError(
                        f"{name}: {country} {does} nothing in {year}; add its rows, or "
                        "take it out of the recipe's countries or years"
                    )


def check_units(
    recipe: Recipe, year: int, countries: Countries, flows: PartnerFlows
) -> None:
    """Raise ``TivaxError`` where a country's trade is far from its national table's.

    It is at most what the national table exports and imports of these products and
    uses; where the rest of the world is not told, any share of that, but alike in all
    countries within a factor of a hundred.
    """
    c, counted = len(recipe.countries), flows.uses.any(0)
    trade = np.nansum(flows.flows[year], (0, 1))
    sold = countries.exports[:, flows.products.any(0)].sum(1)
    bought = countries.imported[:, flows.products.any(0)][:, :, counted].sum((1, 2))
    for what, given, wanted in (
        ("exports", trade[:c].sum(1), sold),
        ("imports", trade[:, :c].sum(0), bought),
    ):
        share = ratio(given, wanted)
        off = np.maximum(
            share / _MOST, ratio(np.median(share), share * _UNIT) * (share < 1)
        )
        if off.max() > 1:
            k = int(off.argmax())
            raise TivaxError(
                f"{flows.trade.piece.name}: {what} of {recipe.countries[k]} in {year} "
                f"are {given[k]:,.6g}, {share[k]:.3g} times those of its national "
                f"table; is one in another unit? Write scale in the recipe"
            )


class Seeds:
    """Trade from which the fit of a year starts.

    In proportion to sellers' exports and buyers' imports of a product; where a store of
    world tables or shares of sellers are given, these, with a trace of the former.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.recipe, store = recipe, recipe.seed.store
        self._shares = _read_shares(recipe) if recipe.seed.shares else None
        self._tables = open_store(store, lazy=True) if store else None
        if self._tables is not None:
            _check_store(recipe, self._tables)

    @property
    def regions(self) -> tuple[str, ...]:
        """Regions of the seed's store."""
        return () if self._tables is None else tuple(self._tables.regions)

    def table(self, year: int) -> WorldTable | None:
        """The seed's table: of the year that is given, else the nearest there is."""
        if self._tables is None:
            return None
        wanted = self.recipe.seed.year or year
        near = min(self._tables.years, key=lambda k: abs(k - wanted))
        return self._tables.table(near)

    def seed(
        self, year: int, countries: Countries, rest: Rest, table: WorldTable | None
    ) -> Float[np.ndarray, "s r u d"]:
        """Trade by product, seller, user and buyer; home sales are 0."""
        even = _proportional(self.recipe, countries, rest)
        if self._shares is not None:
            shares = self._shares[year]
            bought = even.sum(1, keepdims=True)
            seed = shares * bought + _TRACE * even
            return np.where(shares.any(1, keepdims=True), seed, even)
        if table is None:
            return even
        seed, known = _trade_of(self.recipe, table)
        even = even * (seed.sum() / even[known].sum())  # in one unit
        return np.where(known, seed + _TRACE * even, even)


def _proportional(
    recipe: Recipe, countries: Countries, rest: Rest
) -> Float[np.ndarray, "s r u d"]:
    """Trade in proportion to exports and imports. Relative to its output, the rest of
    the world trades as much as all countries together."""
    exports = countries.exports.T  # product, country
    imports = countries.imported.transpose(1, 2, 0)  # product, user, buyer
    if recipe.rest:
        output = countries.output.sum(0)
        size = np.where(np.isnan(rest.output), 1, ratio(rest.output, output))
        in_all = np.nansum(rest.output) / output.sum() or 1.0
        sold = exports.sum(1)
        # Where no country sells a product, it does; without output next to nothing.
        sold = np.where(sold > 0, np.maximum(sold * size, _TRACE * sold), 1)
        exports = np.c_[exports, sold]
        bought = np.maximum(imports, 0).sum(2, keepdims=True)
        bought[~bought.any((1, 2))] = 1
        final = np.full(len(recipe.final), in_all)
        bought = bought * np.concatenate([size, final])[:, None]
        imports = np.concatenate([imports, bought], 2)
    shares = ratio(exports, exports.sum(1, keepdims=True))
    trade = shares[:, :, None, None] * imports[:, None]
    own = np.arange(len(recipe.regions))
    trade[:, own, :, own] = 0
    return trade


def _check_store(recipe: Recipe, tables) -> None:
    """The seed has the sectors of the recipe, and some of its regions and uses."""
    where = recipe.seed.store
    if lost := [k for k in recipe.sectors if k not in tables.sectors]:
        raise TivaxError(
            f"{where}: the seed has no sector {lost[0]}; bring it to the recipe's "
            "sectors by tivax aggregate first"
        )
    for what, ours in (("regions", recipe.countries), ("categories", recipe.final)):
        if not {*ours} & {*getattr(tables, what)}:
            raise TivaxError(
                f"{where}: the seed has none of the recipe's {what}, it has "
                f"{', '.join(getattr(tables, what)[:5])}; write them alike"
            )


def cells_of(
    table: WorldTable, recipe: Recipe
) -> tuple[Float[np.ndarray, "r s d u"], np.ndarray, np.ndarray]:
    """Sales of a table in the recipe's labels, and which regions and users it has."""
    c, s = len(table.regions), len(table.sectors)
    parts = table.Z.reshape(c, s, c, s), table.Y.reshape(c, s, c, -1)
    flows = np.concatenate(parts, 3)
    users = (*table.sectors, *table.categories)
    region, user = (
        np.array([places(there).get(k, -1) for k in wanted])
        for there, wanted in ((table.regions, recipe.regions), (users, recipe.users))
    )
    sector = [table.sectors.index(k) for k in recipe.sectors]
    found = flows[region][:, sector][:, :, region][..., user]
    return found, region >= 0, user >= 0


def _trade_of(
    recipe: Recipe, table: WorldTable
) -> tuple[Float[np.ndarray, "s r u d"], np.ndarray]:
    """A table's trade, and which cells of it the table knows."""
    cells, region, user = cells_of(table, recipe)
    seed = cells.transpose(1, 0, 3, 2).copy()
    own = np.arange(len(recipe.regions))
    seed[:, own, :, own] = 0
    known = region[:, None, None] & user[None, :, None] & region[None, None]
    return seed, np.broadcast_to(known, seed.shape)


def _read_shares(recipe: Recipe) -> Mapping[int, Float[np.ndarray, "s r 1 d"]]:
    """Shares of sellers in what a buyer imports of a product."""
    piece = recipe.seed.shares
    assert piece is not None
    frame = piece.read(["seller", "buyer", "product", "value"], ["year"])
    if "year" not in frame:
        frame = pd.concat([frame.assign(year=str(k)) for k in recipe.years])
    frame = in_years(frame, recipe, piece.name)
    if (frame["value"] < 0).any():
        raise TivaxError(f"{piece.name}: a share is below 0; correct it")
    axes = {
        "year": recipe.years,
        "product": recipe.sectors,
        "seller": recipe.regions,
        "buyer": recipe.regions,
    }
    shares = array_of(_normalised(frame), axes, piece.name, 0.0)
    own = np.arange(len(recipe.regions))
    shares[:, :, own, own] = 0
    shares = ratio(shares, shares.sum(2, keepdims=True))
    return {year: shares[t][:, :, None] for t, year in enumerate(recipe.years)}
