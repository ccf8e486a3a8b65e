"""World tables of WIOD 2016, year by year, from the pieces.

2000 and 2014 come first: their trade is known but for what single files leave out.
The trade of a year between them starts from both and is fitted to the margins of that
year. The rest of the world closes the account.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float

from ..tables import WorldTable
from .checks import check_pieces
from .countries import Countries, countries_of
from .facts import describe
from .pieces import COUNTRIES, INDUSTRIES, REGIONS, USES, YEARS, Pieces, between, ratio
from .rest_of_world import WITH_OUTPUT, RestOfWorld, RowYear, rest_of_world
from .trade import Lift, Trade, fit, seed_2000, trade_2014
from .year_2014 import with_2014

_C, _N, _ROW = len(REGIONS), len(INDUSTRIES), len(COUNTRIES)
_FIRST, _LAST = YEARS[0], YEARS[-1]
_OWN = np.arange(_C)
_PASSES = 3  # of trade and of what the cubes count inputs by, each from the other
S = TypeVar("S")
T = TypeVar("T")
_WIDEST = 8  # years at once: a year takes 150 MB


@dataclass(frozen=True)
class _Ends:
    """Results of 2000 and 2014 that the years between are made from."""

    trade: tuple[Trade, Trade]
    lifts: tuple[Lift, Lift]
    row: RestOfWorld


@dataclass(frozen=True)
class _World:
    """One year before its cells are multiplied out.

    ``shares``: users in the imported inputs of a product, by buyer: every user of a
    country buys from the same mix of partners.
    """

    countries: Countries
    row: RowYear
    trade: Trade
    shares: Float[np.ndarray, "44 56 56"]

    @property
    def home(self) -> Float[np.ndarray, "44 56 56"]:
        return np.concatenate([self.countries.home[:, :, :_N], self.row.home[None]])

    @property
    def output(self) -> Float[np.ndarray, "44 56"]:
        return np.concatenate([self.countries.output, self.row.output[None]])

    @property
    def own(self) -> Float[np.ndarray, "44 56 5"]:
        return np.concatenate([self.countries.home[:, :, _N:], self.row.own[None]])


def rebuild(
    pieces: Pieces, years: Sequence[int], origin: str = ""
) -> Iterator[WorldTable]:
    """The tables of these years, in order, a few at a time on all cores.

    Raises ``TivaxError`` where pieces disagree. ``origin`` begins messages.
    """
    check_pieces(pieces)
    about = describe(pieces)
    pieces = with_2014(pieces)
    ends = _ends(pieces)
    yield from in_turn(
        lambda year: _table(pieces, ends, year, origin, about), years, _WIDEST
    )


def in_turn(make: Callable[[S], T], given: Sequence[S], widest: int) -> Iterator[T]:
    """Yield ``make`` of each year or file, in order, ``widest`` at most at once."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    wide = min(cores or os.cpu_count() or 1, widest, len(given) or 1)
    with ThreadPoolExecutor(wide) as pool:
        waiting = [pool.submit(make, one) for one in given[:wide]]
        for k in range(len(given)):
            table = waiting.pop(0).result()
            if k + wide < len(given):
                waiting.append(pool.submit(make, given[k + wide]))
            yield table


def _ends(pieces: Pieces) -> _Ends:
    """Trade, what inputs are counted by, and the rest of the world in 2000 and 2014."""
    first, last = (countries_of(pieces, year) for year in (_FIRST, _LAST))
    seed = trade_2014(pieces, last)
    ones = np.ones((_N, _C))
    ends = _trade_of_ends(pieces, first, last, seed, (ones, ones))
    if pieces.cubes is None:
        return ends

    def lifts() -> tuple[Lift, Lift]:
        in_first = _world(pieces, ends, _FIRST, first, ends.trade[0])
        in_last = _world(pieces, ends, _LAST, last, ends.trade[1])
        return _lift(in_first), _lift(in_last)

    ends = _trade_of_ends(pieces, first, last, seed, lifts())
    return replace(ends, lifts=lifts())


def _trade_of_ends(
    pieces: Pieces,
    first: Countries,
    last: Countries,
    seed: Trade,
    lifts: tuple[Lift, Lift],
) -> _Ends:
    of_last = fit(pieces, _LAST, last, seed, lifts[1], trace=1e-6)
    of_first = fit(pieces, _FIRST, first, of_last, lifts[0])
    if pieces.of2000 is not None:
        start = seed_2000(pieces, of_first)
        of_first = fit(pieces, _FIRST, first, start, lifts[0], inputs_only=True)
    row = rest_of_world(pieces, last, of_first, of_last)
    return _Ends((of_first, of_last), lifts, row)


def _weight(year: int) -> float:
    """Weight of 2000; 2014 has the rest."""
    return (_LAST - year) / (_LAST - _FIRST)


def _table(
    pieces: Pieces, ends: _Ends, year: int, origin: str, about: Mapping[str, Any]
) -> WorldTable:
    countries, weight = countries_of(pieces, year), _weight(year)
    trade = between(ends.trade[1], ends.trade[0], weight)
    lift = between(ends.lifts[1], ends.lifts[0], weight)
    for k in range(_PASSES if pieces.cubes is not None else 1):
        if k:
            lift = _lift(_world(pieces, ends, year, countries, trade))
        trade = fit(pieces, year, countries, trade, lift)
    world = _world(pieces, ends, year, countries, trade)
    Z, Y = _flows(world)
    x = world.output.ravel()
    return WorldTable(
        year=year,
        regions=REGIONS,
        sectors=INDUSTRIES,
        categories=USES,
        Z=Z,
        Y=Y,
        x=x,
        value_added=_value_added(world, x - Z.sum(0), ends.row.basic),
        origin=origin,
        rebuilt=about,
    )


def _world(
    pieces: Pieces, ends: _Ends, year: int, countries: Countries, trade: Trade
) -> _World:
    """A year with the rest of the world that its trade leaves room for."""
    cubes = pieces.cubes
    row = ends.row.year(
        _weight(year),
        trade,
        empty=year not in WITH_OUTPUT,
        counted=None if cubes is None else cubes[year - _FIRST, :, _ROW].sum(1),
    )
    used = np.maximum(countries.imported[:, :, :_N], 0)
    shares = np.concatenate(
        [ratio(used, used.sum(2, keepdims=True)), ends.row.users[None]]
    )
    return _World(countries, row, trade, shares)


def _lift(world: _World) -> Lift:
    """Factor by which the cubes exceed the inputs of a product and buyer.

    Their authors set negative final uses to 0 and let outputs follow, (I - A)^-1 Y+:
    inputs rise with the output of their user, final uses do not.
    """
    x = world.output
    divisor = np.where(x > 0.5, x, np.inf)
    home, inputs = world.home, world.trade[:, :, 0]
    final = np.maximum(world.own, 0).sum(2) + world.trade[:, :, 1:].sum((2, 3)).T
    new = np.maximum(x, final)
    for _ in range(300):
        old, level = new, (new / divisor)[:, :, None]
        bought = np.matmul(world.shares, level)[..., 0].T  # product, buyer
        abroad = np.matmul(inputs, bought[:, :, None])[..., 0].T
        new = np.matmul(home, level)[..., 0] + abroad + final
        if np.abs(new - old).max() < 1e-6 * new.max():
            break
    raised = np.where(x > 0.5, new / divisor, 1)
    lift = np.matmul(world.shares, raised[:, :, None])[..., 0].T
    return np.where((inputs.sum(1) > 0) & (lift > 0), lift, 1)


def _flows(
    world: _World,
) -> tuple[Float[np.ndarray, "n n"], Float[np.ndarray, "n 44 5"]]:
    """Z and Y. What a row misses, 7 million US$ at most, its own inventories take.

    A few printed exports are negative and count as 0, and cells whose rounding was
    undone add up to .01.
    """
    n = _C * _N
    Z = np.empty((_C, _N, _C, _N))
    inputs = world.trade[:, :, 0].transpose(1, 0, 2)  # seller, product, buyer
    np.multiply(inputs[..., None], world.shares.transpose(1, 0, 2)[None], out=Z)
    Z[_OWN, :, _OWN] = world.home
    Y = np.ascontiguousarray(world.trade[:, :, 1:].transpose(1, 0, 3, 2))
    Y[_OWN, :, _OWN] = world.own
    missed = world.output - Z.sum((2, 3)) - Y.sum((2, 3))
    Y[_OWN, :, _OWN, -1] += missed
    return Z.reshape(n, n), Y.reshape(n, _C, len(USES))


def _value_added(
    world: _World,
    rest: Float[np.ndarray, " n"],
    basic: Float[np.ndarray, " 56"] | None,
) -> Float[np.ndarray, " n"]:
    """At basic prices: of 43 countries as reported, of the rest of the world estimated.

    There output less inputs is cut by the share that taxes and margins have in it, by
    industry, in 2000; without that year, in the 43 countries.
    """
    ours, theirs = world.countries.added, rest.reshape(_C, _N)
    share = basic
    if share is None:
        share = np.clip(ratio(ours.sum(0), theirs[:_ROW].sum(0)), 0, 1)
    return np.concatenate([ours, (share * theirs[_ROW])[None]]).ravel()
