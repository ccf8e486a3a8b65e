"""Does gravity reject a true null in 5 % of panels where countries share a regressor?

Log flows are effects of countries and half of three shocks, AR(1) of .8: of an exporter
to the importer's club, of an importer to the exporter's club, and of a pair. 8 of 20
countries are a club, in the second half of 8 years. Shocks of countries are a fifth of
the variance where they are mild, 70 % where they are strong. The regressor is the club,
or an agreement of each pair at a time of its own.

    python -m tivax.bench.studies.club_size --panels 200 --out club-sizes.csv
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

import tivax as tx

COUNTRIES, MEMBERS, YEARS, PERSISTENCE = 20, 8, 8, 0.8
SHARES = {"none": 0.0, "mild": 0.2, "strong": 0.7}


def panel(random: np.random.Generator, share: float, regressor: str) -> pd.DataFrame:
    """Flows that do not depend on ``x``."""
    rows = pd.MultiIndex.from_product(
        [range(YEARS), range(COUNTRIES), range(COUNTRIES)],
        names=["year", "exporter", "importer"],
    ).to_frame(index=False)
    rows = rows[rows["exporter"] != rows["importer"]].reset_index(drop=True)
    t, i, j = (rows[k].to_numpy() for k in rows)
    member = (np.arange(COUNTRIES) < MEMBERS).astype(int)

    def shocks(*shape: int) -> np.ndarray:
        made = random.normal(size=(YEARS, *shape))
        for k in range(1, YEARS):
            made[k] = PERSISTENCE * made[k - 1] + (1 - PERSISTENCE**2) ** 0.5 * made[k]
        return made

    sells, buys = shocks(COUNTRIES, 2), shocks(COUNTRIES, 2)
    common = sells[t, i, member[j]] + buys[t, j, member[i]]
    alone = shocks(COUNTRIES, COUNTRIES)[t, i, j]
    size = random.normal(scale=0.7, size=(2, COUNTRIES))
    shock = (share / 2) ** 0.5 * common + (1 - share) ** 0.5 * alone
    rows["trade"] = np.exp(size[0][i] + size[1][j] + shock / 2)
    if regressor == "club":
        x = member[i] * member[j] * (t >= YEARS // 2)
    else:
        begun = random.integers(0, 2 * YEARS, (COUNTRIES, COUNTRIES))
        x = t >= begun[i, j]
    return rows.assign(x=x.astype(float))


def rejected(share: float, regressor: str, seed: int) -> dict[str, bool]:
    """Errors by name, and if each rejects at 5 % in one panel."""
    data = panel(np.random.default_rng(seed), share, regressor)
    fit = tx.gravity(data, tx.Gravity("trade", ["x"]))
    assert fit.estimated is not None
    influence, b = fit.row_influence["x"], fit["x"].estimate
    one, other = (fit.data[k] for k in ("exporter", "importer"))
    ways = {"pair": [one.clip(upper=other), other.clip(lower=one)]}
    ways |= {"exporter": [one], "importer": [other], "both": [one, other]}
    squares = {
        k: float((influence.groupby([c.to_numpy() for c in way]).sum() ** 2).sum())
        for k, way in ways.items()
    }
    pairs, n = COUNTRIES * (COUNTRIES - 1), COUNTRIES
    two_way = squares["exporter"] + squares["importer"] - squares["both"]
    found = {
        "adjusted": (float(fit.estimated.short_panel.covariance[0, 0]), pairs),
        "by pair": (squares["pair"] * pairs / (pairs - 2), pairs // 2),
        "by exporter and importer": (max(two_way, 1e-300) * n / (n - 1), n),
    }
    own = {
        k: bool(2 * stats.t.sf(abs(b) / V**0.5, G - 1) < 0.05)
        for k, (V, G) in found.items()
    }
    return {"default": fit["x"].p_value < 0.05, **own}


def rates(panels: int, seed: int) -> Iterator[dict[str, Any]]:
    """The share of panels in which each error rejects, by regressor and shocks."""
    for regressor in ("club", "pairs"):
        for shocks, share in SHARES.items():
            each = [
                rejected(share, regressor, seed * panels + k) for k in range(panels)
            ]
            mean = pd.DataFrame(each).mean().round(3).to_dict()
            about: dict[str, Any] = {"regressor of": regressor, "shocks": shocks}
            yield about | {str(k): rate for k, rate in mean.items()}


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--panels", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    rows = []
    for row in rates(given.panels, given.seed):
        rows.append(row)
        print(row, flush=True)
        pd.DataFrame(rows).to_csv(given.out, index=False)


if __name__ == "__main__":
    import jax

    jax.config.update("jax_enable_x64", True)
    main()
