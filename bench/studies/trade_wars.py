"""Best tariffs of Ossa (2014), beside those of tivax.

"Trade Wars and Trade Talks with Data", American Economic Review 104(12): 4104-4146:
seven regions, 33 industries, monopolistic competition without entry. A country's best
tariffs, a rate for each partner and industry, are what his program found (1,386
rates); where next to nothing is traded it stopped a little before the best.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.io import loadmat

import tivax as tx

REGIONS = ("BRA", "CHN", "EU", "IND", "JPN", "USA", "ROW")
HALF = 0.005
"""Half a percentage point: what counts as equal."""


def economy_of(data: Path) -> tx.Economy:
    """The world of DATA.mat, where trade is balanced already."""
    given = loadmat(data / "DATA.mat")
    sigma = given["SIGMA"].ravel()
    r, s = len(REGIONS), len(sigma)
    # Rows are exporters by industry, columns importers.
    trade, tariff = (
        given[name].reshape(s, r, r).transpose(2, 1, 0) for name in ("TRADE", "TARIFF")
    )
    return tx.Economy(
        regions=REGIONS,
        sectors=[str(k[0][0]) for k in given["LABELS"]],
        trade=trade,
        tariff=tariff,
        tariff_new=tariff,
        intermediate=np.zeros((r, s, s)),
        final=(trade * (1 + tariff)).sum(axis=1),
        value_added=trade.sum(axis=0),
        deficit=trade.sum(axis=(1, 2)) - trade.sum(axis=(0, 2)),
        theta=sigma - 1,
        markup=sigma / (sigma - 1),
        name=str(data),
    )


def best_tariffs(data: Path) -> pd.DataFrame:
    """Cells of all countries: his rate, ours, the share in the country's imports, and
    what counts as equal."""
    economy, parts = economy_of(data), []
    given = loadmat(data / "OPTIMALTARIFFBAS.mat")["OPTIMALTARIFFBAS"]
    for k, region in enumerate(REGIONS):
        best = tx.optimal_tariff(
            economy, region, over="each", deficits="zero", start=0.5, most=1000
        )
        # His rows are partners by industry, ours industries by partner.
        his = given[:, k].reshape(-1, len(REGIONS) - 1).T.ravel()
        found = {"value": his, "found": best.rates.to_numpy()}
        parts.append(pd.DataFrame(found | {"share": best.choices[0].player.shares}))
    return pd.concat(parts, ignore_index=True).assign(half=HALF)


def trade_war(data: Path) -> tx.results.NashTariffs:
    """Best tariffs of all, each against the others'."""
    return tx.nash_tariffs(
        economy_of(data),
        method="exact",
        over="each",
        deficits="zero",
        start=0.5,
        most=1000,
    )
