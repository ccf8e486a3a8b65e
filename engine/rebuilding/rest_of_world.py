"""The rest of the world: known in 2014, in part in 2000, estimated in between."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from .countries import Countries
from .pieces import COUNTRIES, GROUP_MEMBERS, GROUPS, INDUSTRIES, Pieces, between, ratio
from .trade import Trade

_ROW = len(COUNTRIES)
# Advertising sells abroad without any output in most years, so that its sales carry no
# value added (its inventories are minus its exports). 2000 and 2014 are known, 2002,
# 2005, 2008 and 2011 from value added computed of the published tables, the others from
# the indices that the paper prints: one bit a year.
_EMPTY = INDUSTRIES.index("M73")
_NEIGHBOUR = INDUSTRIES.index("M71")
WITH_OUTPUT = (2005, 2007, 2008, 2009, 2010)
# By how much the cubes exceed output at most: one group of 2000 is an outlier.
_MOST_RAISED = 1.02
_TURNS = 100


@dataclass(frozen=True)
class KnownYear:
    """One of the two years that are known. Million US$, 56 industries.

    ``traded``: exports and imports in all; ``added``: value added per output, taxes and
    margins counted; ``raised``: output in the cubes over output, by group.
    """

    output: Float[np.ndarray, " 56"]
    traded: float
    own: Float[np.ndarray, "56 5"]
    home: Float[np.ndarray, "56 56"]
    added: Float[np.ndarray, " 56"]
    raised: Float[np.ndarray, " 16"]

    @property
    def inputs(self) -> Float[np.ndarray, "56 56"]:
        return ratio(self.home, self.output)


@dataclass(frozen=True)
class RowYear:
    """Inputs among its own industries, its own final uses, output."""

    home: Float[np.ndarray, "56 56"]
    own: Float[np.ndarray, "56 5"]
    output: Float[np.ndarray, " 56"]


@dataclass(frozen=True)
class RestOfWorld:
    """The rest of the world in 2000 and 2014.

    ``users``: shares of its industries in its imports of a product. ``basic``: value
    added at basic prices over output less inputs in 2000; None where it is not known.
    """

    first: KnownYear
    last: KnownYear
    users: Float[np.ndarray, "56 56"]
    basic: Float[np.ndarray, " 56"] | None = None

    def year(
        self,
        weight: float,
        trade: Trade,
        *,
        empty: bool,
        counted: Float[np.ndarray, " 16"] | None,
    ) -> RowYear:
        """A year between; ``weight`` is 1 in 2000 and 0 in 2014.

        ``empty``: M73 has no output. ``counted``: output by group in the cubes, which
        is divided by what negative final uses raised it by. Inventories keep their
        share in output; home inputs and final uses are fitted to what is left of each
        industry's output, and to each user's value added per output.
        """
        first, last = self.first, self.last
        sold = trade[:, _ROW].sum((1, 2))
        per = first.output / first.traded, last.output / last.traded
        x = between(per[1], per[0], weight) * ((per[0] > 0) & (per[1] > 0))
        x = x * (trade[:, _ROW].sum() + trade[:, :_ROW, :, _ROW].sum())
        if empty:
            x[_EMPTY] = 0
        if counted is not None:
            raised = between(last.raised, first.raised, weight)
            x = x * ratio(counted / raised, GROUP_MEMBERS @ x)[GROUPS]
        a = weight * first.inputs + (1 - weight) * last.inputs
        added = weight * first.added + (1 - weight) * last.added
        if not empty:  # exports are its output, inputs as in the services beside it
            x[_EMPTY], a[:, _EMPTY] = sold[_EMPTY], a[:, _NEIGHBOUR]
            added[_EMPTY] = added[_NEIGHBOUR]
        shares = [ratio(k.own, k.output[:, None]) for k in (first, last)]
        uses = (weight * shares[0] + (1 - weight) * shares[1]) * x[:, None]
        own, stocks = np.maximum(uses[:, :4], 0), uses[:, 4]
        home, wanted = a * x, a.sum(0) * x
        imported = trade[:, :, 0, _ROW].sum(1) @ self.users
        left = np.maximum((1 - added) * x - imported, 0.3 * wanted)
        wanted = np.where(wanted > 0, left, 0)
        home, own, rest = close_account(x, sold, home, wanted, own, stocks)
        return RowYear(home, np.c_[own, rest], x)


def close_account(
    output: Float[np.ndarray, " s"],
    sold: Float[np.ndarray, " s"],
    home: Float[np.ndarray, "s s"],
    wanted: Float[np.ndarray, " s"],
    own: Float[np.ndarray, "s f"],
    stocks: Float[np.ndarray, " s"],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Home inputs and final uses fitted to what sales abroad leave of each output.

    ``wanted``: home inputs by user. What a row misses then, its inventories, comes
    last: near ``stocks``, or below 0 where ``sold`` is more than output.
    """
    room = np.maximum(output - sold, 0.01 * output)
    room = np.maximum(output - sold - stocks, np.minimum(0.5 * output, room))
    for _ in range(_TURNS):
        home = home * ratio(wanted, home.sum(0))
        f = ratio(room, home.sum(1) + own.sum(1))[:, None]
        home, own = home * f, own * f
    return home, own, output - sold - home.sum(1) - own.sum(1)


def rest_of_world(
    pieces: Pieces,
    countries: Countries,
    trade_first: Trade,
    trade_last: Trade,
) -> RestOfWorld:
    """``countries`` are those of 2014. Without 2000 its structure is that of 2014."""
    real, then = pieces.in_2014, pieces.of2000
    own = real.final[_ROW, :, _ROW]
    output = real.home[_ROW].sum(1) + own.sum(1) + real.exports[_ROW]
    output = np.maximum(np.where(np.abs(output) < 1e-3, 0, output), 0)
    users = _users(pieces, countries, output, trade_last)
    imported = trade_last[:, :, 0, _ROW].sum(1) @ users
    home = real.home[_ROW]
    last = _known(pieces, -1, output, own, home, imported, trade_last)
    if then is None:
        return RestOfWorld(last, last, users)
    output, added = then.output[_ROW], then.added[_ROW]
    own = then.final[_ROW, :, _ROW]
    # Value added of 2014 at the shares of 2000 tells what taxes and margins add to it.
    rest = last.output - home.sum(0) - imported
    extra = np.clip(ratio(rest, last.output * ratio(added, output)), 0.5, 2)
    extra = np.clip(np.median(extra[extra > 0]), 1, 1.2)
    imported = trade_first[:, :, 0, _ROW].sum(1) @ users
    rows = np.maximum(output - trade_first[:, _ROW].sum((1, 2)) - own.sum(1), 0)
    columns = np.maximum(output - added * extra - imported, 0)
    columns = np.where(output > 0, np.maximum(columns, 0.02 * output), 0)
    home = _balanced(home + 1e-9, rows, columns)
    first = _known(pieces, 0, output, own, home, imported, trade_first)
    basic = np.clip(ratio(ratio(added, output), first.added), 0, 1)
    return RestOfWorld(first, last, users, basic)


def _users(
    pieces: Pieces,
    countries: Countries,
    output: Float[np.ndarray, " 56"],
    trade: Trade,
) -> Float[np.ndarray, "56 56"]:
    """Shares of users in imports of each product in 2014.

    Fitted to imports by product and by user, from home inputs and the habits of others.
    """
    real = pieces.in_2014
    inputs = countries.imported[:, :, :56]
    like = ratio(inputs, countries.output[:, None]).mean(0) * output
    home = real.home[_ROW]
    seed = np.where(home.sum(1)[:, None] > 0, home, like) + 1e-3 * like
    final = real.final[:_ROW, :, _ROW].sum((0, 2))
    users = np.maximum(real.imports[_ROW] - final, 0)
    cells = _balanced(seed, trade[:, :, 0, _ROW].sum(1), users)
    return ratio(cells, cells.sum(1, keepdims=True))


def _known(
    pieces: Pieces,
    t: int,
    output: Float[np.ndarray, " 56"],
    own: Float[np.ndarray, "56 5"],
    home: Float[np.ndarray, "56 56"],
    imported: Float[np.ndarray, " 56"],
    trade: Trade,
) -> KnownYear:
    raised = np.ones(len(GROUP_MEMBERS))
    if pieces.cubes is not None:
        counted = pieces.cubes[t, :, _ROW].sum(1)
        raised = np.minimum(ratio(counted, GROUP_MEMBERS @ output), _MOST_RAISED)
    return KnownYear(
        output=output,
        traded=float(trade[:, _ROW].sum() + trade[:, :_ROW, :, _ROW].sum()),
        own=own,
        home=home,
        added=np.where(output > 0, 1 - ratio(home.sum(0) + imported, output), 0),
        raised=raised,
    )


def _balanced(
    cells: Float[np.ndarray, "56 56"],
    rows: Float[np.ndarray, " 56"],
    columns: Float[np.ndarray, " 56"],
) -> Float[np.ndarray, "56 56"]:
    """Cells scaled to rows and columns in turn; columns to the total of rows first."""
    columns = columns * (rows.sum() / columns.sum())
    for _ in range(200):
        cells = cells * ratio(rows, cells.sum(1))[:, None]
        cells = cells * ratio(columns, cells.sum(0))
    return cells
