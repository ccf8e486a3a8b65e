"""Trade of each year by product, seller, use and buyer: seeds, margins, fits."""

from functools import partial

import jax
import numpy as np
from jaxtyping import Float

from ...kernels.rebuilding import trade as kernel
from ..core import in_float64
from .countries import Countries
from .pieces import (
    COUNTRIES,
    GROUP_MEMBERS,
    KIND_MEMBERS,
    PRODUCT_OF,
    REGIONS,
    YEARS,
    Pieces,
    ratio,
)

Trade = Float[np.ndarray, "56 44 6 44"]
Lift = Float[np.ndarray, "56 44"]

_C, _ROW, _N, _U = len(COUNTRIES), len(COUNTRIES), 56, 6
_OWN = np.arange(len(REGIONS))
# Turns in which trade by groups takes part, the share of imports that may be missed,
# and the turns after which a fit ends as it is.
_WITH_GROUPS, _TOLERANCE, _MOST = 20, 1e-6, 400
# Inputs, final uses, and inventories, which trade between countries leaves out.
_CLASSES = (1, 4, 1)
_COUNTED = np.array([[1.0, 1, 0]])
_fit = jax.jit(partial(kernel.fit_trade, classes=_CLASSES))


@in_float64
def fit(
    pieces: Pieces,
    year: int,
    countries: Countries,
    seed: Trade,
    lift: Lift,
    *,
    trace: float = 1e-5,
    inputs_only: bool = False,
) -> Trade:
    """The trade of one year nearest to ``seed``.

    Purchases and sales of the rest of the world are free: they close the account.
    ``lift``: how many times the cubes count the inputs of a product and buyer.
    ``inputs_only``: final uses are known, so that the cubes move inputs alone.
    """
    imports, exports = countries.imports, countries.exports.T
    seed = seed + trace * _proportional(imports, exports)
    t, shape = YEARS.index(year), (len(GROUP_MEMBERS), _C + 1, _C + 1)
    put, row, free = jax.device_put, (0, 1), np.nan
    pairs = np.where(np.eye(_C, dtype=bool), 0, pieces.pairs[t])
    margins = kernel.Margins(
        imports=put(np.pad(imports, ((0, 0), (0, 0), row), constant_values=free)),
        exports=put(np.pad(exports, ((0, 0), row), constant_values=free)),
        pairs=(
            kernel.PairFlows(
                put(np.pad(pairs, ((0, 0), row, row), constant_values=free)[:, None]),
                put(KIND_MEMBERS),
                put(_COUNTED),
            ),
        ),
    )
    flows = kernel.GroupFlows(
        flows=put(np.zeros(shape) if pieces.cubes is None else pieces.cubes[t]),
        lift=put(lift),
        groups=put(GROUP_MEMBERS),
        inputs_only=put(np.asarray(inputs_only)),
    )
    first = 0 if pieces.cubes is None else _WITH_GROUPS
    how = (put(first), put(_TOLERANCE), put(_MOST))
    return np.asarray(_fit(put(seed), margins, (flows,), *how).trade)


def _proportional(
    imports: Float[np.ndarray, "56 6 43"], exports: Float[np.ndarray, "56 43"]
) -> Trade:
    """Trade in proportion to sellers and buyers: a trace of it lets margins be met."""
    trade = np.zeros((_N, _C + 1, _U, _C + 1))
    shares = ratio(exports, exports.sum(1, keepdims=True))
    trade[:, :_C, :, :_C] = shares[:, :, None, None] * imports[:, None]
    trade[:, :_C, :, _ROW] = exports[:, :, None] / _U
    trade[:, _ROW, :, :_C] = imports
    trade[:, _OWN, :, _OWN] = 0
    return trade


def without_home(final: Float[np.ndarray, "44 56 44 5"]) -> Float[np.ndarray, "..."]:
    """Final uses as product, seller, use, buyer; home sales and negative ones 0."""
    foreign = np.maximum(final, 0).transpose(1, 0, 3, 2)
    foreign[:, _OWN, :, _OWN] = 0
    return foreign


def bought_by_row(pieces: Pieces, countries: Countries) -> Float[np.ndarray, " 56"]:
    """Imports of the rest of the world in 2014, by product, without inventories.

    All exports less the imports of the 43.
    """
    real = pieces.in_2014
    stocks = real.final[:_ROW, :, _ROW, 4].sum(0)
    imported = countries.imported.sum((0, 2))
    return np.maximum(real.exports.sum(0) - imported - stocks, 0)


def trade_2014(pieces: Pieces, countries: Countries) -> Trade:
    """The seed of 2014: real final uses; inputs are purchases by partner less these."""
    real = pieces.in_2014
    final = real.final
    positive = np.maximum(final[..., :4], 0).sum(3)  # seller, product, buyer
    foreign = np.zeros((_N, _C + 1))
    foreign[:, :_C] = countries.imported[:, :, :60].sum(2).T
    foreign[:, _ROW] = bought_by_row(pieces, countries)
    stocks = final[..., 4].sum(2) - final[_OWN, :, _OWN, 4]
    sold = np.maximum(np.maximum(real.exports, 0) - stocks, 0).T  # product, seller
    total = sold[:, :, None] * foreign[:, None] + 1e-9
    member = (np.arange(PRODUCT_OF.max() + 1)[:, None] == PRODUCT_OF).astype(float)
    flows = None
    if pieces.partners is not None:
        home = real.home.sum(2) + positive[_OWN, :, _OWN]
        used = member @ (home.T + foreign)  # 50 x buyer
        flows = pieces.partners * used[:, None]
        flows[:, _OWN, _OWN] = 0
    for _ in range(100):
        total *= ratio(sold, total.sum(2))[:, :, None]
        total[..., :_C] *= ratio(foreign[:, :_C], total[..., :_C].sum(1))[:, None]
        if flows is not None:
            now = np.einsum("pi,ird->prd", member, total)
            total *= ratio(flows, now)[PRODUCT_OF]
    trade = np.zeros((_N, _C + 1, _U, _C + 1))
    trade[:, :, 1:] = without_home(final)
    inputs = np.maximum(total - positive.transpose(1, 0, 2), 0)
    inputs[:, _OWN, _OWN] = 0
    trade[:, :, 0] = inputs
    return trade


# Inputs follow the final uses of the same product, seller and buyer by this power: the
# value of least error where all is known (release of 2013, 1997).
_FOLLOW = 0.5


def seed_2000(pieces: Pieces, from_2014: Trade) -> Trade:
    """The seed of 2000: real final uses, inputs of 2014 moved as these have moved."""
    if pieces.of2000 is None:
        return from_2014
    final = without_home(pieces.of2000.final)
    seed = from_2014.copy()
    seed[:, :, 1:] = final + 0.1 * np.minimum(from_2014[:, :, 1:], 0.5)
    then, now = final[:, :, :4].sum(2), from_2014[:, :, 1:5].sum(2)
    known = (then > 1) & (now > 1)
    moved = np.where(known, np.clip(then / np.where(known, now, 1), 0.05, 20), 1)
    seed[:, :, 0] = from_2014[:, :, 0] * moved**_FOLLOW
    return seed
