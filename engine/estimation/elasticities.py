"""Trade elasticities of sectors, from flows and tariffs of one year, by triads.

For countries n, i, h the logs of six flows around the triangle, X_ni X_ih X_hn over
X_nh X_hi X_in, leave nothing of exporters, importers or symmetric costs; minus theta
times the same of 1 + tariff explains them (Caliendo and Parro 2015, Review of Economic
Studies 82, equation 23), by least squares without a constant.

Triples share countries: HC1 takes them as independent, the jackknife leaves out a
country with all its triples, and gives the covariance over sectors.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from ..core import TivaxError
from .regression_data import complete_rows, require_columns

# A rate above 500 % is one in per cent.
LARGEST_RATE = 5.0


class Triads(NamedTuple):
    """Logs around every triple of countries with six positive flows."""

    y: Float[np.ndarray, " n"]
    z: Float[np.ndarray, " n"]
    countries: Int[np.ndarray, "n 3"]

    @classmethod
    def of(
        cls, flows: Float[np.ndarray, "c c"], rates: Float[np.ndarray, "c c"]
    ) -> "Triads":
        """Of flows from exporters (rows) to importers, and rates, .05 for 5 %.

        The way around a triangle does not matter: the other changes both signs.
        """
        triples = np.array(list(combinations(range(len(flows)), 3)), int).reshape(-1, 3)
        n, i, h = triples.T

        def around(x: Float[np.ndarray, "c c"]) -> Float[np.ndarray, " t"]:
            return x[n, i] + x[i, h] + x[h, n] - x[n, h] - x[h, i] - x[i, n]

        with np.errstate(divide="ignore", invalid="ignore"):
            y, z = around(np.log(flows)), around(np.log1p(rates))
        there = np.isfinite(y) & np.isfinite(z)
        return cls(y[there], z[there], triples[there])

    def theta(self, kept: np.ndarray | None = None) -> float:
        """Minus the slope, NaN without variation of tariffs."""
        z, y = (self.z, self.y) if kept is None else (self.z[kept], self.y[kept])
        square = z @ z
        return -(z @ y) / square if square > 0 else np.nan

    @property
    def robust_se(self) -> float:
        """HC1, n / (n - 1)."""
        n, left = len(self.y), self.y + self.theta() * self.z
        return np.sqrt(np.sum((self.z * left) ** 2) * n / (n - 1)) / (self.z @ self.z)

    def without_each(self, count: int) -> Float[np.ndarray, " c"]:
        """theta without each of ``count`` countries; NaN for one in no triple."""
        found = np.full(count, np.nan)
        for c in np.unique(self.countries):
            found[c] = self.theta(~(self.countries == c).any(axis=1))
        return found


def sector_triads(
    data: pd.DataFrame,
    *,
    value: str,
    tariff: str,
    exporter: str,
    importer: str,
    sector: str,
) -> tuple[dict[str, Triads], list[str]]:
    """The triads of each sector, and the countries.

    Raises ``TivaxError`` for two rows of a place, rates that look like per cent, and
    flows below 0.
    """
    keys = [sector, exporter, importer]
    require_columns(data, [value, tariff, *keys])
    rows = complete_rows(data, [value, tariff], keys[1:]).assign(
        **{sector: data[sector]}
    )
    if (again := rows.duplicated(keys)).any():
        what, sells, buys = rows.loc[again, keys].iloc[0]
        raise TivaxError(f"two rows for {what}, {sells} to {buys}")
    for name, wrong, says in (
        (tariff, rows[tariff] > LARGEST_RATE, "a rate is .085 for 8.5 %"),
        (tariff, rows[tariff] <= -1, "a rate is above -1"),
        (value, rows[value] < 0, "a flow is 0 or more"),
    ):
        if wrong.any():
            first = rows[wrong].iloc[0]
            raise TivaxError(
                f"{name} {first[name]:g} of {first[importer]}, {first[exporter]}: {says}"
            )
    countries = sorted({*rows[exporter], *rows[importer]})
    place = {k: n for n, k in enumerate(countries)}
    found = {}
    for name, its in rows.groupby(sector, sort=False):
        at = its[exporter].map(place), its[importer].map(place)
        flows, rates = np.zeros((2, len(countries), len(countries)))
        rates[:] = np.nan
        flows[at], rates[at] = its[value], its[tariff]
        triads = Triads.of(flows, rates)
        if len(triads.y) < 2 or not triads.z.any():
            raise TivaxError(
                f"sector {name}: no triple of countries with six flows and tariffs that "
                "differ"
            )
        found[str(name)] = triads
    return found, countries


def jackknife_covariance(
    without: Float[np.ndarray, "s c"],
) -> Float[np.ndarray, "s s"]:
    """(C - 1)/C times the sum of products of what leaving out each country changes.

    A country in no triple of a sector changes nothing there; C counts those in one.
    """
    gap = without - np.nanmean(without, axis=1, keepdims=True)
    there = np.isfinite(gap)
    count = there.sum(axis=1)
    gap = np.where(there, gap, 0) * np.sqrt((count - 1) / count)[:, None]
    return gap @ gap.T


def thetas(triads: dict[str, Triads], count: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A row a sector, and the covariance over sectors."""
    without = np.stack([k.without_each(count) for k in triads.values()])
    V = jackknife_covariance(without)
    names: Sequence[str] = list(triads)
    rows = pd.DataFrame(
        {
            "sector": names,
            "theta": [k.theta() for k in triads.values()],
            "se": np.sqrt(np.diag(V)),
            "se_robust": [k.robust_se for k in triads.values()],
            "n": [len(k.y) for k in triads.values()],
        }
    )
    return rows, pd.DataFrame(V, names, names)
