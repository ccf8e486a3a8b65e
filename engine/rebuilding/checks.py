"""Checks that the pieces belong together: each against another that tells the same."""

import numpy as np
from jaxtyping import Float

from ..core import TivaxError
from .countries import countries_of
from .pieces import (
    COUNTRIES,
    GOODS,
    INDUSTRIES,
    PRODUCT_OF,
    USES,
    YEARS,
    Pieces,
    ratio,
)

_N, _C, _ROW = len(INDUSTRIES), len(COUNTRIES), len(COUNTRIES)
_COLUMNS = (*INDUSTRIES, *USES, "EXP", "GO")
_HALF = 0.5 + 1e-6  # of a cell rounded to whole units


def check_pieces(pieces: Pieces) -> None:
    """Raise ``TivaxError`` where a table does not add up, or pieces disagree."""
    _check_sums(pieces)
    _check_2014(pieces)
    _check_home_sales(pieces)
    _check_partners(pieces)
    _check_2000(pieces)


def _name(pieces: Pieces, piece: str) -> str:
    return pieces.names.get(piece, piece)


def _check_sums(pieces: Pieces) -> None:
    """Home rows make output, and columns the total of inputs, but for rounding.

    A sum of rounded cells misses by six standard deviations in one of a billion.
    """
    a = pieces.national
    sold = a[:, :, :_N, :62].sum(3)
    output = a[:, :, 119, :_N]
    bought, inputs = a[:, :, :112, :61].sum(2), a[:, :, 112, :61]
    for what, made, total, cells, labels in (
        ("row", sold, output, 62, INDUSTRIES),
        ("column", bought, inputs, 112, _COLUMNS),
    ):
        over = np.abs(made - total) - 6 * np.sqrt((cells + 1) / 12)
        if over.max() > 0:
            k, t, j = np.unravel_index(over.argmax(), over.shape)
            country = COUNTRIES[k]
            raise TivaxError(
                f"{_name(pieces, f'national tables {country}')}: {what} {labels[j]} of "
                f"{YEARS[t]} adds up to {made[k, t, j]:,.6g}, but its total is "
                f"{total[k, t, j]:,.6g}; get the file again"
            )


def _check_2014(pieces: Pieces) -> None:
    """Cells of 2014 at full precision are the printed ones within half a unit."""
    if pieces.of2014 is None:
        return
    real = countries_of(pieces, YEARS[-1])
    table = pieces.national[:, -1]
    bought = table[:, _N:112, :61]
    _require_near(pieces, "2014", real.home, table[:, :_N, :61], _HALF)
    _require_near(pieces, "2014", real.imported[:, :, _N:], bought[:, :, _N:], _HALF)
    if pieces.imported_inputs is not None:
        given, printed = real.imported[:, :, :_N], bought[:, :, :_N]
        _require_near(pieces, "imported inputs of 2014", given, printed, _HALF)


def _require_near(
    pieces: Pieces,
    piece: str,
    given: Float[np.ndarray, "43 ..."],
    printed: Float[np.ndarray, "43 ..."],
    most: float,
) -> None:
    """Raise ``TivaxError`` where cells miss those of national tables by more."""
    off = np.abs(given - printed).reshape(_C, -1).max(1)
    if off.max() > most:
        k = int(off.argmax())
        raise TivaxError(
            f"{_name(pieces, piece)}: cells of {COUNTRIES[k]} differ from "
            f"{_name(pieces, f'national tables {COUNTRIES[k]}')} by up to "
            f"{off[k]:,.6g} million US$, and rounding explains {most:.1g}; are they in "
            "another unit, or countries in another order?"
        )


# Home sales agree to 1e-4 in the median, and where inventories are large (Malta) or the
# cubes raise outputs (Lithuania) to .26. A wrong unit or country is far outside.
_HOME = 0.3


def _check_home_sales(pieces: Pieces) -> None:
    """Home sales by country and year, in trade data and in national tables."""
    a = pieces.national[:, :, :_N]
    used = a[..., :60].sum(3)
    used = np.stack([used[..., :GOODS].sum(2), used[..., GOODS:].sum(2)])  # 2 43 15
    pairs = pieces.pairs[:, :, range(_C), range(_C)].transpose(1, 2, 0)
    _compare(pieces, "trade between countries", pairs, used)
    if pieces.cubes is not None:
        own = pieces.cubes[:, :, range(_C), range(_C)].sum(1).T
        counted = np.maximum(a[..., :61].sum(3), 0).sum(2)
        _compare(pieces, "trade by 16 groups", own[None], counted[None])


def _compare(
    pieces: Pieces,
    piece: str,
    given: Float[np.ndarray, "g 43 15"],
    wanted: Float[np.ndarray, "g 43 15"],
) -> None:
    off = np.abs(ratio(given, wanted) - 1)
    if off.max() > _HOME:
        g, k, t = np.unravel_index(off.argmax(), off.shape)
        name = _name(pieces, f"{piece} {YEARS[t]}" if "16" in piece else piece)
        raise TivaxError(
            f"{name}: {COUNTRIES[k]} sells {given[g, k, t]:,.6g} million US$ at home "
            f"in {YEARS[t]}, its national table {wanted[g, k, t]:,.6g}; is it in "
            "another unit, or are countries in another order?"
        )


_SHARES = 0.01  # they agree to 1e-15 in the median, in Malta to .004


def _check_partners(pieces: Pieces) -> None:
    """Home shares of the 50 products are those of the real year."""
    if pieces.partners is None or pieces.of2014 is None:
        return
    real, own = pieces.in_2014, range(_C)
    member = np.arange(PRODUCT_OF.max() + 1)[:, None] == PRODUCT_OF
    home = real.home[:_C].sum(2) + np.maximum(real.final[own, :, own, :4], 0).sum(2)
    countries = countries_of(pieces, YEARS[-1])
    foreign = countries.imported[:, :, :60].sum(2)
    sums = [member.astype(float) @ k.T for k in (home, home + foreign)]
    shares = ratio(sums[0], sums[1])
    given = pieces.partners[:, own, own]
    off = np.median(np.abs(given - shares), axis=0)
    if off.max() > _SHARES:
        k = int(off.argmax())
        raise TivaxError(
            f"{_name(pieces, 'partners of 2014')}: what {COUNTRIES[k]} buys at home is "
            f"not what its national table of 2014 says (shares differ by {off[k]:.2g} "
            "in the median); countries must stand in the order of the alphabet"
        )


def _check_2000(pieces: Pieces) -> None:
    """Cells of 2000 are those of the national tables; both are rounded."""
    if pieces.of2000 is None:
        return
    then, table, own = pieces.of2000, pieces.national[:, 0], range(_C)
    for piece, given, printed in (
        ("output of 2000", then.output[:_C], table[:, 119, :_N]),
        ("value added of 2000", then.added[:_C], table[:, 117, :_N]),
        ("final uses of 2000", then.final[own, :, own], table[:, :_N, _N:61]),
    ):
        _require_near(pieces, piece, given, printed, 2 * _HALF)
