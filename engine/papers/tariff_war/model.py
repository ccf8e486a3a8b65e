"""The cost of a global tariff war: Lashkaripour (2021), 44 regions, 16 industries.

Journal of International Economics 131: 103419, Table 2, the model without markups and
inputs. Flows and tariffs are those of 2014 in the archive of Felbermayr, Gröschl and
Heiland (2022).
"""

from itertools import pairwise
from pathlib import Path

import numpy as np
from jaxtyping import Float

import tivax as tx

from ...core import load_toml
from ..europe import ARCHIVE, REGIONS, read_purchases
from ..result import Published, equilibria_of

# The first industry of the archive beyond a group, and the group's trade elasticity.
_GROUPS: dict[str, tuple[int, float]] = load_toml(__package__, "groups.toml")["groups"]


def solve_paper(folder: Path) -> Published:
    """Columns 1 and 2 of Table 2: Nash tariffs and the change of real GDP."""
    economy = read_tables(folder / ARCHIVE)
    found = tx.nash_tariffs(economy)
    frame = found.changes.rename(
        columns={"tariff": "baseline tariff", "real_income": "baseline real GDP"}
    )
    long = frame[["baseline tariff", "baseline real GDP"]].rename_axis("row")
    rows = long.reset_index().melt("row", var_name="column").sort_values("row")
    rows.insert(0, "table", "Table 2")
    dropped = f"budget of {REGIONS[-1]}", found.dropped
    equilibria = equilibria_of({"trade war": found.residual}, *dropped)
    return Published(
        "Lashkaripour (2021), tariff war",
        {"tables": rows.reset_index(drop=True), "equilibria": equilibria},
        max(found.residual, abs(found.dropped)),
        [folder / ARCHIVE],
        ["imbalances are removed first; services have an elasticity of 10"],
    )


def read_tables(path: Path) -> tx.Economy:
    """Flows and tariffs by group, all of them final.

    The paper's flows are those of the World Input-Output Database as they are, at basic
    prices, and count as spending. The archive has put tariffs on top of them; these
    are taken off again. Tariffs of a group are weighted by its industries' flows.
    """
    shares, factors, spent = read_purchases(path)
    gross = shares * spent[:, None, :]
    flows = gross / factors
    paid, bought = _grouped(gross), _grouped(flows)
    tariff = np.where(bought > 0, paid / np.where(bought > 0, bought, 1) - 1, 0)
    trade = bought / (1 + tariff)
    r = len(REGIONS)
    home = np.arange(r)
    tariff[home, home] = 0
    output = trade.sum(axis=0)
    return tx.Economy(
        regions=REGIONS,
        sectors=tuple(_GROUPS),
        trade=trade,
        tariff=tariff,
        tariff_new=tariff,
        intermediate=np.zeros((r, len(_GROUPS), len(_GROUPS))),
        final=(trade * (1 + tariff)).sum(axis=1),
        value_added=output,
        deficit=trade.sum(axis=(1, 2)) - trade.sum(axis=(0, 2)),
        theta=np.array([theta for _, theta in _GROUPS.values()]),
        name=str(path),
    )


def _grouped(flows: Float[np.ndarray, "r r j"]) -> Float[np.ndarray, "r r k"]:
    ends = [0, *(end for end, _ in _GROUPS.values())]
    parts = [flows[:, :, [*range(*k)]].sum(axis=2) for k in pairwise(ends)]
    return np.stack(parts, axis=2)
