"""Dependence on a supplier by product: imports, concentration, home production, and how
hard the supplier is to replace."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from ..core import TivaxError, read_labelled, suggest
from .sides import BuyerAndSupplier
from .solved import ChainYear

CONCENTRATED = 0.4
"""Herfindahl index of imports from which the European Commission (2021, SWD 352) calls
a product dependent, if its imports also exceed its exports."""

Elasticities = Mapping[str, float] | str | Path


def read_elasticities(given: Elasticities, sectors: tuple[str, ...]) -> pd.Series:
    """Elasticities of substitution by sector, NaN where none is given.

    A mapping, or a csv with the columns sector and elasticity. Raises ``TivaxError``
    for another file, a sector that is not in the tables, a value of 1 or less.
    """
    if isinstance(given, Mapping):
        where, pairs = "elasticities", given.items()
    else:
        columns = ("sector",), ("elasticity",)
        where, frame = read_labelled(given, "elasticities", *columns)
        if twice := frame["sector"][frame["sector"].duplicated()].tolist():
            raise TivaxError(f"{where}: sector {twice[0]} is there twice")
        pairs = zip(frame["sector"], frame["elasticity"], strict=True)
    found = pd.Series(np.nan, index=list(sectors))
    for sector, value in pairs:
        if sector not in sectors:
            raise TivaxError(
                f"{where}: no sector {sector}: {suggest(str(sector), sectors)}"
            )
        number = pd.to_numeric(value, errors="coerce")
        if not np.isfinite(number) or not number > 1:
            raise TivaxError(
                f"{where}: the elasticity of {sector} is {value}; give a number above 1"
            )
        found[sector] = number
    return found


def by_product(
    found: ChainYear, sides: BuyerAndSupplier, elasticities: pd.Series | None
) -> pd.DataFrame:
    """A row a product: the buyer's dependence on it and on the supplier."""
    names = list(sides.borders.names)
    count = len(names)
    supplier = names.index(sides.supplier)
    imports, through = (np.asarray(k)[:count] for k in (found.imports, found.through))
    exports, output = np.asarray(found.exports), np.asarray(found.output)
    total = imports.sum(axis=0)
    shares = _over(imports, total)
    hhi = (shares**2).sum(axis=0)
    own = _over(through[supplier], through.sum(axis=0))
    frame = pd.DataFrame(
        {
            "sector": sides.sectors_of_tables,
            "exposure": 100 * through[supplier] / through.sum(),
            "share": 100 * own,
            "imports": total,
            "imports_share": 100 * shares[supplier],
            "largest_seller": [names[k] for k in imports.argmax(axis=0)],
            "largest_share": 100 * shares.max(axis=0),
            "hhi": hhi,
            "suppliers": _over(np.ones_like(hhi), hhi),
            "home_share": 100 * _over(output, output + total),
            "imports_to_exports": _over(total, exports),
        }
    )
    frame.loc[total == 0, "largest_seller"] = ""
    frame["dependent"] = (hhi > CONCENTRATED) & (total > exports)
    if elasticities is not None:
        sigma = elasticities.to_numpy()
        frame["elasticity"] = sigma
        with np.errstate(divide="ignore"):
            frame["replacement_cost"] = 100 * ((1 - own) ** (1 / (1 - sigma)) - 1)
    return frame


def _over(
    part: Float[np.ndarray, "..."], whole: Float[np.ndarray, "..."]
) -> Float[np.ndarray, "..."]:
    """NaN where the whole is 0."""
    return part / np.where(whole == 0, np.nan, whole)
