"""A country-year panel with a known effect of the trade benefit index.

    outcome_it = c_i + l_t + sum_k TRUE[k] x_kit + e_it

The index is that of real or synthetic world tables; the controls are drawn with the
persistence and the within-country spread of the real ones, and lean on the index, so
that leaving them out would bias its coefficient; errors are AR(1) in each country and
of unequal size between countries, so that only clustered standard errors are right.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from ..core import TivaxError
from ..estimation import Estimate, Model
from .recipe import CONTROLS

OUTCOME = "KOFGIdj"
TRUE = {
    "TBI": 12.0,
    "RQ": 2.5,
    "lnEXR": 1.0,
    "TFP": -4.0,
    "INFR": -0.05,
    "lnCK": -2.0,
    "lnGDP": 12.0,
    "lnPOP": -3.0,
}
# Standard deviation within a country, what it gains per unit of the index, level.
_SPREAD = {
    "RQ": (0.12, 0.3, 1.0),
    "lnEXR": (0.10, -0.2, 1.2),
    "TFP": (0.06, 0.1, 0.8),
    "INFR": (3.0, -5.0, 3.5),
    "lnCK": (0.13, 0.3, 14.0),
    "lnGDP": (0.08, 0.2, 13.0),
    "lnPOP": (0.03, 0.0, 2.9),
}
_PERSISTENCE = 0.7
_ERROR, _ERROR_PERSISTENCE = 1.0, 0.5
FEWEST_REGIONS, FEWEST_YEARS = 10, 5


@dataclass(frozen=True, eq=False)
class KnownEffect:
    """The panel, the estimate, and both beside each other.

    ``comparison`` has a row for each term: true, estimate, se, ci_low, ci_high, and z,
    the distance in standard errors.
    """

    frame: pd.DataFrame
    estimate: Estimate
    comparison: pd.DataFrame

    @property
    def inside(self) -> int:
        """Number of 95 % intervals that hold the true value."""
        k = self.comparison
        return int(((k["ci_low"] <= k["true"]) & (k["true"] <= k["ci_high"])).sum())


def synthetic_panel(tbi: xr.Dataset, seed: int) -> pd.DataFrame:
    """Columns iso3, year, developed, TBI, KOFGIdj and the seven controls.

    ``tbi`` is a result of ``measures.trade_benefit_index``; ROW is left out. Raises
    ``TivaxError`` for fewer than 10 regions or 5 years.
    """
    index = tbi["tbi"].transpose("region", "year").to_pandas()
    index = index[index.index != "ROW"]
    regions, years = index.shape
    if regions < FEWEST_REGIONS or years < FEWEST_YEARS:
        raise TivaxError(
            f"a panel of {regions} regions x {years} years is too small to estimate; "
            f"take {FEWEST_REGIONS} x {FEWEST_YEARS} or more"
        )
    rng = np.random.default_rng([seed, 1])
    values = {"TBI": index.to_numpy()}
    deviation = values["TBI"] - values["TBI"].mean(axis=1, keepdims=True)
    for name, (spread, lean, level) in _SPREAD.items():
        own = _autoregression(rng, (regions, years), spread, _PERSISTENCE)
        between = level * (1 + 0.1 * rng.standard_normal((regions, 1)))
        trend = 0.2 * spread * np.arange(years)[None, :]
        values[name] = between + trend + own + lean * deviation
    size = _ERROR * np.exp(0.4 * rng.standard_normal((regions, 1)))
    outcome = 80 + 5 * rng.standard_normal((regions, 1))
    outcome = outcome + 0.3 * rng.standard_normal((1, years)).cumsum(axis=1)
    outcome = outcome + sum(
        TRUE[k] * (x - x.mean(axis=1, keepdims=True)) for k, x in values.items()
    )
    errors = _autoregression(rng, (regions, years), 1.0, _ERROR_PERSISTENCE)
    frame = pd.DataFrame(
        {
            "iso3": np.repeat(index.index.to_numpy(), years),
            "year": np.tile(index.columns.to_numpy(), regions),
            "developed": np.repeat(np.arange(regions) % 2, years),
            "TBI": values["TBI"].ravel(),
            OUTCOME: (outcome + size * errors).ravel(),
        }
    )
    return frame.assign(**{name: values[name].ravel() for name in CONTROLS})


def _autoregression(
    rng: np.random.Generator, shape: tuple[int, int], spread: float, rho: float
) -> np.ndarray:
    """AR(1) along the years with standard deviation ``spread``, from its start on."""
    shocks = rng.standard_normal(shape)
    series = np.empty(shape)
    series[:, 0] = shocks[:, 0]
    for t in range(1, shape[1]):
        series[:, t] = rho * series[:, t - 1] + np.sqrt(1 - rho**2) * shocks[:, t]
    return spread * series


def known_effect(tbi: xr.Dataset, seed: int) -> KnownEffect:
    """Make the panel and estimate it as the paper does."""
    frame = synthetic_panel(tbi, seed)
    estimate = Estimate.fitted(
        Model("", OUTCOME, list(TRUE), entity="iso3", time="year"), frame
    )
    comparison = estimate.terms.loc[list(TRUE), ["estimate", "se", "ci_low", "ci_high"]]
    comparison = comparison.reset_index()
    comparison.insert(1, "true", comparison["term"].map(TRUE))
    comparison["z"] = (comparison["estimate"] - comparison["true"]) / comparison["se"]
    return KnownEffect(frame, estimate, comparison)
