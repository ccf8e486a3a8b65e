"""Does `tx.referee.interactive_effects` reject a true null in 5 % of 15-year panels?

    y = x + lambda'f + u,  x = 0.5 lambda'f + v,  41 countries, 15 years, two factors

u are iid; or AR(1) of 0.5; or of unlike sizes. The estimate with two factors, with one
too many, and with either correction of its bias, t(N - 1) and errors clustered by
country, as they are and times the root of n / degrees: effects and factors counted. A
size within 0.01 of 0.05, two Monte-Carlo errors aside, is nominal; else the table says
so.

    python -m tivax.bench.studies.factor_size --out study --panels 500
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy import stats

from ...engine.referee import interactive_effects

LEVEL, WIDTH = 0.05, 0.01
_N, _T, _R = 41, 15, 2


@dataclass(frozen=True)
class FactorDesign:
    """Errors: ``persistence`` over time, ``unequal`` the standard deviation of the log
    size of a country's."""

    name: str
    persistence: float = 0.0
    unequal: float = 0.0


DESIGNS = (
    FactorDesign("errors iid"),
    FactorDesign("errors AR(1) 0.5", persistence=0.5),
    FactorDesign("errors of unlike sizes", unequal=0.7),
)


def panel(design: FactorDesign, seed: int) -> pd.DataFrame:
    """One panel; the effect of x is one."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(_N, _R)) @ rng.normal(size=(_R, _T))
    u = rng.normal(size=(_N, _T))
    for t in range(1, _T):
        rho = design.persistence
        u[:, t] = rho * u[:, t - 1] + np.sqrt(1 - rho**2) * u[:, t]
    u *= np.exp(design.unequal * rng.normal(size=(_N, 1)))
    x = 0.5 * common + rng.normal(size=(_N, _T))
    g, t = (k.ravel() for k in np.indices((_N, _T)))
    cells = {"x": x.ravel(), "y": (x + common + u).ravel()}
    return pd.DataFrame({"iso3": g, "year": t, **cells})


def errors(data: pd.DataFrame, factors: int) -> Float[np.ndarray, "3 3"]:
    """Estimate less the truth, its error, and that with effects and factors counted:
    uncorrected, bai, moon-weidner."""
    rows = []
    for correction in ("bai", "moon-weidner"):
        fit = interactive_effects(
            data,
            "y",
            ["x"],
            factors=factors,
            correction=correction,
            most=0,
            entity="iso3",
            time="year",
        )
        row = fit.terms.iloc[0]
        ses = [row["se_plain"], row["se"]]
        if not rows:
            rows.append([row["estimate"] + row["bias"] - 1, *ses])
        rows.append([row["estimate"] - 1, *ses])
    return np.array(rows)


def rates(design: FactorDesign, factors: int, panels: int, seed: int) -> pd.DataFrame:
    """A row for each correction: size, its Monte-Carlo error, mean error of the
    estimate, mean standard error over its spread, and whether the size is nominal."""
    found = np.array(
        [errors(panel(design, 10_000 * seed + k), factors) for k in range(panels)]
    )
    gap, se, counted = np.moveaxis(found, 2, 0)
    reach = stats.t.ppf(1 - LEVEL / 2, _N - 1)
    sizes = [(np.abs(gap / k) > reach).mean(axis=0) for k in (se, counted)]
    error = np.sqrt(LEVEL * (1 - LEVEL) / panels)
    nominal = [np.abs(k - LEVEL) <= WIDTH + 2 * error for k in sizes]
    return pd.DataFrame(
        {
            "design": design.name,
            "factors": factors,
            "correction": ["none", "bai", "moon-weidner"],
            "panels": panels,
            "size": sizes[0],
            "nominal": np.where(nominal[0], "yes", "no"),
            "size_counted": sizes[1],
            "nominal_counted": np.where(nominal[1], "yes", "no"),
            "mc_error": error,
            "bias": gap.mean(axis=0),
            "se_ratio": se.mean(axis=0) / gap.std(axis=0, ddof=1),
        }
    )


def main() -> None:
    """Print and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--panels", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    tables = []
    for design in DESIGNS:
        for factors in (_R, _R + 1):
            tables.append(rates(design, factors, given.panels, given.seed))
            print(tables[-1].round(4).to_string(index=False, header=len(tables) == 1))
            pd.concat(tables).to_csv(given.out / "factor_size.csv", index=False)


if __name__ == "__main__":
    main()
