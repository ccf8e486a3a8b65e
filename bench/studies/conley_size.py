"""Does a test by errors of distance (`tx.Conley`) reject a true null in 5 % of panels?

    y and x independent, each N(0, exp(-d / 1,500 km)) among the capitals of the paper's
    41 countries, in 15 years; iid over time, or AR(1) of 0.6

Two-way effects; clusters by country beside Conley's errors by cut-off and kernel.

    python -m tivax.bench.studies.conley_size --out study --panels 400
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from ...engine import Conley, fit
from ...engine.referee import spatial_errors

COUNTRIES = (
    "AUS AUT BEL BGR BRA CAN CHE CHN CYP CZE DEU DNK ESP EST FIN FRA GBR GRC HRV HUN "
    "IDN IND IRL ITA JPN KOR LTU LUX LVA MEX MLT NLD NOR POL PRT RUS SVK SVN SWE TUR "
    "USA"
).split()
_YEARS, _REACH = 15, 1_500  # km
METHODS = {
    "clusters by country": "CV1",
    **{f"Conley, {km:,} km": Conley(km) for km in (1_000, 2_000, 3_000, 4_000)},
    "Conley, 1,500 km, uniform": Conley(1_500, "uniform"),
}


def panel(
    rng: np.random.Generator, persistence: float, root: Float[np.ndarray, "G G"]
) -> pd.DataFrame:
    """One panel in which x has no effect; ``root`` of the correlation in space."""
    draws = root @ rng.normal(size=(2, _YEARS, len(COUNTRIES), 1))
    for t in range(1, _YEARS):
        scale = np.sqrt(1 - persistence**2)
        draws[:, t] = persistence * draws[:, t - 1] + scale * draws[:, t]
    year, country = (k.ravel() for k in np.indices((_YEARS, len(COUNTRIES))))
    names = np.asarray(COUNTRIES)[country]
    cells = dict(zip("xy", draws.reshape(2, -1), strict=True))
    return pd.DataFrame({"iso3": names, "year": year, **cells})


def rates(persistence: float, panels: int, seed: int) -> pd.DataFrame:
    """A row for each method: how often p is below 0.05, and the mean of its error over
    the spread of the estimates."""
    rng = np.random.default_rng(seed)
    any_panel = panel(rng, 0.0, np.eye(len(COUNTRIES)))
    km = spatial_errors(
        any_panel, "y", ["x"], cutoffs=[1_000], entity="iso3", time="year"
    ).distances.to_numpy()
    root = np.linalg.cholesky(np.exp(-km / _REACH))
    found: dict[str, list[tuple[bool, float, float]]] = {k: [] for k in METHODS}
    for _ in range(panels):
        data = panel(rng, persistence, root)
        for name, vcov in METHODS.items():
            row = fit("y ~ x | iso3 + year", data, vcov=vcov)["x"]
            found[name].append((row.p_value < 0.05, row.se, row.estimate))
    means = pd.DataFrame(
        {name: np.nanmean(k, axis=0)[:2] for name, k in found.items()}, ["size", "se"]
    ).T
    b = np.array(found["clusters by country"])[:, 2]
    means["se_ratio"] = means.pop("se") / np.std(b, ddof=1)
    error = np.sqrt(0.05 * 0.95 / panels)
    made = means.assign(persistence=persistence, panels=panels, mc_error=error)
    return made.rename_axis("method").reset_index()


def main() -> None:
    """Print and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--panels", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    table = pd.concat([rates(k, given.panels, given.seed) for k in (0.0, 0.6)])
    print(table.round(3).to_string(index=False))
    table.to_csv(given.out / "conley_size.csv", index=False)


if __name__ == "__main__":
    main()
