"""2014 where its real pieces are not there: from what all other years have, too."""

from dataclasses import replace

import numpy as np

from .countries import unrounded
from .pieces import COUNTRIES, REGIONS, YEARS, Pieces, Year2014, ratio
from .rest_of_world import KnownYear, RestOfWorld
from .trade import fit

_C, _N, _ROW = len(REGIONS), 56, len(COUNTRIES)
_OWN = np.arange(_C)


def with_2014(pieces: Pieces) -> Pieces:
    """The pieces, 2014 estimated where it is missing.

    Trade starts from proportions and meets pairs, groups and national tables. The rest
    of the world has the coefficients of the 43 countries together.
    """
    if pieces.of2014 is not None:
        return pieces
    last = len(YEARS) - 1
    ours = unrounded(pieces, last, np.zeros((_ROW, 2 * _N, 61)))
    seed = np.zeros((_N, _C, 6, _C))
    trade = fit(pieces, YEARS[-1], ours, seed, np.ones((_N, _C)), trace=1)
    home, own = ours.home[:, :, :_N].sum(0), ours.home[:, :, _N:].sum(0)
    imported = ours.imported[:, :, :_N].sum(0)
    output = ours.output.sum(0)
    together = KnownYear(
        output=output,
        traded=float(ours.exports.sum() + ours.imports.sum()),
        own=own,
        home=home,
        added=np.where(output > 0, 1 - ratio((home + imported).sum(0), output), 0),
        raised=np.ones(16),
    )
    users = ratio(imported, imported.sum(1, keepdims=True))
    cubes = pieces.cubes
    row = RestOfWorld(together, together, users).year(
        0,
        trade,
        empty=True,
        counted=None if cubes is None else cubes[last, :, _ROW].sum(1),
    )
    final = np.ascontiguousarray(trade[:, :, 1:].transpose(1, 0, 3, 2))
    final[_OWN, :, _OWN] = np.concatenate([ours.home[:, :, _N:], row.own[None]])
    bought = trade[:, :, :, _ROW].sum(1)  # product, use
    return replace(
        pieces,
        of2014=Year2014(
            home=np.concatenate([ours.home[:, :, :_N], row.home[None]]),
            final=final,
            exports=np.concatenate([ours.exports, trade[:, _ROW].sum((1, 2))[None]]),
            imports=np.concatenate(
                [
                    ours.imported[:, :, :_N].sum(1) + ours.imported[:, :, _N:].sum(2),
                    (bought[:, 0] @ users + bought[:, 1:].sum(1))[None],
                ]
            ),
            added=ours.added,
        ),
    )
