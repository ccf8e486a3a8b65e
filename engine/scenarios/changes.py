"""The cells of a table that the shocks of a variant change.

Shocks of a variant follow one another: each finds the cells as those before left them.
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int

from ..core import TivaxError
from .places import Places
from .shocks import TO, Cut, Extract, Shift, Shock

Index = Int[np.ndarray, " _"]


@dataclass(frozen=True, eq=False)
class YearTable:
    """A year in memory: coefficients, final demand and output."""

    A: Float[np.ndarray, "n n"]
    Y: Float[np.ndarray, "n c"]
    x: Float[np.ndarray, " n"]
    places: Places


@dataclass(eq=False)
class Changes:
    """Blocks (rows, columns, change) of A and the change of Y.

    ``unplaced`` is the flow that was to shift and found no other seller, which stays;
    ``moved`` what shifted, in the unit of the tables.
    """

    table: YearTable
    blocks: list[tuple[Index, Index, Float[np.ndarray, "r m"]]] = field(
        default_factory=list
    )
    demand: Float[np.ndarray, "n c"] | None = None
    moved: float = 0.0
    unplaced: float = 0.0

    def inputs(self, rows: Index, columns: Index) -> Float[np.ndarray, "r m"]:
        """Cells of A as they are now."""
        cells = self.table.A[np.ix_(rows, columns)]
        for its_rows, its_columns, change in self.blocks:
            _, r, its_r = np.intersect1d(rows, its_rows, return_indices=True)
            _, m, its_m = np.intersect1d(columns, its_columns, return_indices=True)
            if len(r) and len(m):
                cells[np.ix_(r, m)] += change[np.ix_(its_r, its_m)]
        return cells

    def final(self, rows: Index, columns: Index) -> Float[np.ndarray, "r m"]:
        """Cells of Y as they are now."""
        cells = self.table.Y[np.ix_(rows, columns)]
        if self.demand is not None:
            cells = cells + self.demand[np.ix_(rows, columns)]
        return cells

    def change_inputs(self, *blocks: tuple[Index, Index, np.ndarray]) -> None:
        """Add blocks, as one if that has the lower rank."""
        kept = [k for k in map(_without_zeros, blocks) if k[2].size]
        rank = sum(min(k[2].shape) for k in kept)
        if len(kept) > 1:
            rows = np.unique(np.concatenate([k[0] for k in kept]))
            columns = np.unique(np.concatenate([k[1] for k in kept]))
            if min(len(rows), len(columns)) < rank:
                whole = np.zeros((len(rows), len(columns)))
                for r, m, change in kept:
                    at = np.searchsorted(rows, r), np.searchsorted(columns, m)
                    whole[np.ix_(*at)] += change
                kept = [(rows, columns, whole)]
        self.blocks += kept

    def change_final(self, rows: Index, columns: Index, change: np.ndarray) -> None:
        if not np.any(change):
            return
        if self.demand is None:
            self.demand = np.zeros_like(self.table.Y)
        self.demand[np.ix_(rows, columns)] += change

    @property
    def rank(self) -> int:
        return sum(min(k[2].shape) for k in self.blocks)


def _without_zeros(
    block: tuple[Index, Index, np.ndarray],
) -> tuple[Index, Index, np.ndarray]:
    """A block without the rows and columns in which nothing changes."""
    rows, columns, change = block
    r, m = change.any(axis=1), change.any(axis=0)
    return rows[r], columns[m], change[np.ix_(r, m)]


def changes_of(table: YearTable, shocks: tuple[Shock, ...]) -> Changes:
    """Changes of a table by the shocks of a variant.

    Raises ``TivaxError`` for a label that the table does not have, and for a shock that
    hits no flow because sellers and buyers are the same region.
    """
    changes = Changes(table)
    for shock in shocks:
        _APPLY[shock.kind](changes, shock)
    return changes


# -------------------------------------------------------------------- pairs of regions


def pairs_of(places: Places, shock: Shock) -> Bool[np.ndarray, "c c"]:
    """Seller by buyer: whose sales are hit, never at home."""
    who = places.find_regions(shock.sides[0], shock.who)
    whom = places.find_regions(shock.sides[1], shock.whom)
    out = who[:, None] & whom[None, :]
    back = whom[:, None] & who[None, :]
    ways = {"exports": out, "imports": back, "trade": out | back}
    pairs = out | back if isinstance(shock, Cut) and shock.both_ways else out
    if isinstance(shock, Extract):
        pairs = ways[shock.links]
    pairs = pairs & ~places.at_home()
    if not pairs.any():
        raise TivaxError(
            f"{shock.kind} of {' '.join(shock.who) or 'all'} to "
            f"{' '.join(shock.whom) or 'all'}: sales at home only; name a seller "
            "and another buyer"
        )
    return pairs


def rows_of(places: Places, shock: Shock) -> Index:
    """The industries whose sales, links or costs change."""
    regions = places.find_regions(shock.sides[0], shock.who)
    return places.industries(regions, places.find_sectors(shock.sectors))


def _cut(changes: Changes, shock: Cut | Extract) -> None:
    places = changes.table.places
    pairs = pairs_of(places, shock)
    sectors = places.find_sectors(shock.sectors)
    blocks = []
    for buyer in np.flatnonzero(pairs.any(axis=0)).tolist():
        rows = places.industries(pairs[:, buyer], sectors)
        if shock.uses != "final":
            users = places.users(buyer)
            cells = changes.inputs(rows, users)
            blocks.append((rows, users, -shock.share * cells))
        if shock.uses != "intermediate":
            column = np.array([buyer])
            cells = changes.final(rows, column)
            changes.change_final(rows, column, -shock.share * cells)
    changes.change_inputs(*blocks)


# -------------------------------------------------------------------------- shifts


def _shift(changes: Changes, shock: Shift) -> None:
    table, places = changes.table, changes.table.places
    pairs, home = pairs_of(places, shock), places.at_home()
    sectors = places.find_sectors(shock.sectors)
    named = None if shock.to[0] in TO else places.find_regions("to", [*shock.to])
    blocks = []
    for buyer in np.flatnonzero(pairs.any(axis=0)).tolist():
        sellers, own = pairs[:, buyer], home[:, buyer]
        target = own if shock.to[0] == "home" else ~own & ~sellers
        target = target if named is None else named & ~sellers
        goods = places.industries(np.ones_like(sellers), sectors)
        column, users = np.array([buyer]), places.users(buyer)
        inputs, final = changes.inputs(goods, users), changes.final(goods, column)
        output = table.x[goods]
        bought = inputs @ table.x[users] + final[:, 0]
        mover = _Mover(sellers, target, len(sectors), output, bought, shock.share)
        if shock.uses != "final":
            change = mover.move(inputs)
            blocks.append((goods, users, change))
            changes.moved += float(mover.moved @ table.x[users])
            changes.unplaced += float(mover.unplaced @ table.x[users])
        if shock.uses != "intermediate":
            changes.change_final(goods, column, mover.move(final))
            changes.moved += float(mover.moved[0])
            changes.unplaced += float(mover.unplaced[0])
    changes.change_inputs(*blocks)


class _Mover:
    """Moves purchases of each good from sellers to targets, column by column.

    In proportion to what the column buys of the targets; where that is nothing, to what
    the whole region buys of them, and then to their output. Industries without output
    take nothing.
    """

    def __init__(
        self,
        sellers: Bool[np.ndarray, " c"],
        target: Bool[np.ndarray, " c"],
        sectors: int,
        output: Float[np.ndarray, " g"],
        bought: Float[np.ndarray, " g"],
        share: float,
    ) -> None:
        self.shape = (len(sellers), sectors)
        self.sellers, self.share = sellers, share
        open_to = target[:, None] & (output.reshape(self.shape) > 0)
        self.open_to = open_to
        self.further = [
            np.where(open_to, np.maximum(k.reshape(self.shape), 0), 0)[..., None]
            for k in (bought, output)
        ]

    def move(self, cells: Float[np.ndarray, "g m"]) -> Float[np.ndarray, "g m"]:
        """The change of the cells; remembers ``moved`` and ``unplaced`` by column."""
        flows = cells.reshape(*self.shape, -1)  # (region, good, user)
        leaving = self.share * np.where(self.sellers[:, None, None], flows, 0)
        total = leaving.sum(axis=0)
        weight = np.where(self.open_to[..., None], np.maximum(flows, 0), 0)
        for further in self.further:
            weight = np.where(weight.sum(axis=0) > 0, weight, further)
        whole = weight.sum(axis=0)
        placed = whole > 0
        shares = weight / np.where(placed, whole, 1)
        change = shares * total - np.where(placed, leaving, 0)
        self.moved = np.where(placed, total, 0).sum(axis=0)
        self.unplaced = np.where(placed, 0, total).sum(axis=0)
        return change.reshape(cells.shape)


# ----------------------------------------------------------------- extraction, demand


def _extract(changes: Changes, shock: Extract) -> None:
    if shock.of_pairs:
        _cut(changes, shock)
        return
    places = changes.table.places
    inside = rows_of(places, shock)
    every = np.arange(len(changes.table.x))
    outside = np.setdiff1d(every, inside)
    if shock.uses != "final":
        blocks = []
        if shock.links != "backward":
            to = every if shock.links == "all" else outside
            blocks.append((inside, to, -shock.share * changes.inputs(inside, to)))
        if shock.links != "forward":
            cells = changes.inputs(outside, inside)
            blocks.append((outside, inside, -shock.share * cells))
        changes.change_inputs(*blocks)
    if shock.links == "all" and shock.uses != "intermediate":
        columns = np.arange(len(places.regions))
        cells = changes.final(inside, columns)
        changes.change_final(inside, columns, -shock.share * cells)


def _demand(changes: Changes, shock: Shock) -> None:
    places = changes.table.places
    rows = rows_of(places, shock)
    columns = np.flatnonzero(places.find_regions(shock.sides[1], shock.whom))
    changes.change_final(rows, columns, shock.share * changes.final(rows, columns))


_APPLY = {"cut": _cut, "shift": _shift, "extract": _extract, "demand": _demand}
