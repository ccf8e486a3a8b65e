"""Does a test of `tx.referee.imputation` reject a true null in 5 % of panels?

    12, 20 or 40 countries, 15 years; three adopt a policy without effect, in years 6, 9
    and 12; errors iid, AR(1) of 0.5, or these and twice as large where it is adopted

p by t(G - 1), the wild bootstrap, and placebos that compare t or the mean effect.

    python -m tivax.bench.studies.staggered_size --out study --panels 1000
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

import tivax as tx

COUNTRIES, ADOPTED, _YEARS = (12, 20, 40), (5, 8, 11), 15
# Persistence, and size of the adopters' errors.
ERRORS = {"iid": (0.0, 1.0), "AR(1)": (0.5, 1.0), "AR(1), adopters' twice": (0.5, 2.0)}
_METHODS = {
    "p_value": "t(G - 1)",
    "wild_p_value": "wild bootstrap",
    "placebo_p_value": "placebo of t",
    "placebo_mean_p_value": "placebo of means",
}


def panel(rng: np.random.Generator, countries: int, errors: str) -> pd.DataFrame:
    """One panel in which the policy has no effect."""
    persistence, size = ERRORS[errors]
    u = rng.normal(size=(countries, _YEARS))
    for t in range(1, _YEARS):
        own = np.sqrt(1 - persistence**2) * u[:, t]
        u[:, t] = persistence * u[:, t - 1] + own
    u[: len(ADOPTED)] *= size
    g, t = (k.ravel() for k in np.indices(u.shape))
    start = np.full(countries, _YEARS)
    start[: len(ADOPTED)] = ADOPTED
    cells = {"policy": t >= start[g], "y": u.ravel()}
    return pd.DataFrame({"iso3": g, "year": t, **cells})


def p_values(data: pd.DataFrame, draws: int) -> pd.Series:
    """p of the mean effect by method."""
    keys = {"entity": "iso3", "time": "year", "draws": draws}
    row = tx.referee.imputation(data, "y", "policy", **keys).table.iloc[0]
    return row[[*_METHODS]].rename(_METHODS)


def sizes(
    errors: str, countries: int, panels: int, draws: int, seed: int
) -> dict[str, float]:
    """Share of panels with p of at most 0.05, by method."""
    rng = np.random.default_rng([seed, countries, [*ERRORS].index(errors)])
    found = [p_values(panel(rng, countries, errors), draws) for _ in range(panels)]
    shares = (pd.DataFrame(found) <= 0.05).mean()
    return {str(k): float(v) for k, v in shares.items()}


def main() -> None:
    """Print and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--panels", type=int, default=1000)
    parser.add_argument("--draws", type=int, default=999)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--errors", nargs="*", default=[*ERRORS])
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    rows, table = [], pd.DataFrame()
    for errors in given.errors:
        for countries in COUNTRIES:
            made = sizes(errors, countries, given.panels, given.draws, given.seed)
            rows.append({"errors": errors, "countries": countries, **made})
            table = pd.DataFrame(rows).round(3)
            table.to_csv(given.out / "staggered_size.csv", index=False)
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
