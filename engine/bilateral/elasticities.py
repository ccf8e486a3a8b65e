"""Trade elasticities of sectors, from flows and tariffs of one year, by triads.

For countries n, i, h the logs of six flows around the triangle, X_ni X_ih X_hn over
X_nh X_hi X_in, leave nothing of exporters, importers or symmetric costs; minus theta
times the same of 1 + tariff explains them (Caliendo and Parro 2015, Review of Economic
Studies 82, equation 23), by least squares without a constant.

Triples share countries: HC1 takes them as independent, the jackknife leaves out a
country with all its triples, and gives the covariance over sectors.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from ..core import TivaxError, naming, require_choice
from ..estimation import complete_rows, require_columns
from ..reporting import Told
from .solved import Gravity, SolvedGravity

KEYS = ("sector", "exporter", "importer")
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
        """Make those of flows, exporters in rows, and rates, .05 for 5 %.

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
        square = float(z @ z)
        return -float(z @ y) / square if square > 0 else np.nan

    @property
    def residual(self) -> float:
        """|z'e| over |z| |y|: what rounding leaves of 0."""
        left = self.y + self.theta() * self.z
        size = np.linalg.norm(self.z) * np.linalg.norm(self.y)
        return float(abs(self.z @ left) / size)

    @property
    def robust_se(self) -> float:
        """HC1, n / (n - 1)."""
        n, left = len(self.y), self.y + self.theta() * self.z
        meat = np.sum((self.z * left) ** 2) * n / (n - 1)
        return float(np.sqrt(meat) / (self.z @ self.z))

    def without_each(self, count: int) -> Float[np.ndarray, " c"]:
        """theta without each of ``count`` countries; NaN for one in no triple."""
        found = np.full(count, np.nan)
        for c in np.unique(self.countries):
            found[c] = self.theta(~(self.countries == c).any(axis=1))
        return found


def tariff_rows(data: pd.DataFrame) -> pd.DataFrame:
    """The complete rows of flows and tariffs.

    Raises ``TivaxError`` for rates that look like per cent, and flows below 0.
    """
    require_columns(data, ["value", "tariff", *KEYS])
    keys = [*KEYS, *(["year"] if "year" in data else [])]
    data = data.reset_index(drop=True)
    rows = complete_rows(data, ["value", "tariff"], KEYS[1:])
    rows = rows.assign(**{k: data[k] for k in keys}).dropna(subset=keys)
    for name, wrong, says in (
        ("tariff", rows["tariff"] > LARGEST_RATE, "a rate, .085 for 8.5 %"),
        ("tariff", rows["tariff"] <= -1, "a rate is above -1"),
        ("value", rows["value"] < 0, "a flow is 0 or more"),
    ):
        if wrong.any():
            first = rows[wrong].iloc[0]
            where = f"{first['importer']}, {first['exporter']}"
            raise TivaxError(f"{name} {first[name]:g} of {where}: {says}")
    return rows


def sector_triads(rows: pd.DataFrame) -> tuple[dict[str, Triads], list[str]]:
    """The triads of each sector, and the countries, of the rows of one year.

    Raises ``TivaxError`` for two rows of a place and a sector without a triple.
    """
    sector, exporter, importer = keys = list(KEYS)
    if "year" in rows and rows["year"].nunique() > 1:
        raise TivaxError("triads are of one year: choose it, or take ppml")
    if (again := rows.duplicated(keys)).any():
        what, sells, buys = rows.loc[again, keys].iloc[0]
        raise TivaxError(f"two rows for {what}, {sells} to {buys}")
    countries = sorted({*rows[exporter], *rows[importer]})
    place = {k: n for n, k in enumerate(countries)}
    found = {}
    for name, its in rows.groupby(sector, sort=False):
        at = its[exporter].map(place), its[importer].map(place)
        flows, rates = np.zeros((2, len(countries), len(countries)))
        rates[:] = np.nan
        flows[at], rates[at] = its["value"], its["tariff"]
        triads = Triads.of(flows, rates)
        if len(triads.y) < 2 or not triads.z.any():
            raise TivaxError(
                f"sector {name}: no triple of countries has six flows and tariffs "
                "that differ"
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


def of_triads(
    triads: dict[str, Triads], countries: list[str], *, net: bool
) -> "Elasticities":
    """theta of each sector, with the covariance of the jackknife by country."""
    without = np.stack([k.without_each(len(countries)) for k in triads.values()])
    V = jackknife_covariance(without)
    columns = {
        "sector": [*triads],
        "theta": [k.theta() - net for k in triads.values()],
        "se": np.sqrt(np.diag(V)),
        "n": [len(k.y) for k in triads.values()],
        "se_robust": [k.robust_se for k in triads.values()],
    }
    left = max(k.residual for k in triads.values())
    V = pd.DataFrame(V, [*triads], [*triads])
    return Elasticities("triads", pd.DataFrame(columns), V, left)


def of_gravity(rows: pd.DataFrame, *, net: bool) -> "Elasticities":
    """theta of each sector by PPML on ln(1 + tariff), errors by pair of countries.

    Of several years with effects of pairs, of one with symmetric ones. Flows gross of
    tariffs move with (1 + t)^-theta, net ones with (1 + t)^-(1 + theta).
    """
    several = "year" in rows and rows["year"].nunique() > 1
    rows = rows.assign(cost=np.log1p(rows["tariff"]), year=rows.get("year", 0))
    pair = "directed" if several else "symmetric"
    spec = Gravity("value", ["cost"], pair=pair, adjust="none")
    found, parts = dict[str, SolvedGravity](), []
    for name, its in rows.groupby("sector", sort=False):
        its = its[its["exporter"] != its["importer"]]
        with naming(f"sector {name}"):
            found[str(name)] = one = SolvedGravity.of(its, spec)
        parts.append(one.pair_influence().rename(str(name)))
    psi = pd.concat(parts, axis=1).fillna(0.0)
    V = len(psi) / (len(psi) - 1) * psi.T.to_numpy() @ psi.to_numpy()
    columns = {
        "sector": [*found],
        "theta": [-one.fit.slopes[0] - net for one in found.values()],
        "se": np.sqrt(np.diag(V)),
        "n": [len(one.rows) for one in found.values()],
    }
    left = max(float(one.fit.decrement) for one in found.values()) ** 0.5
    V = pd.DataFrame(V, [*found], [*found])
    return Elasticities("ppml", pd.DataFrame(columns), V, left)


@dataclass(frozen=True, eq=False, repr=False)
class Elasticities(Told):
    """Trade elasticities by sector, with errors that scenarios draw jointly.

    Attributes
    ----------
    estimator
        "triads" or "ppml".
    table
        A row a sector: sector, theta, se, n, of triads se_robust.
    covariance
        Covariance over sectors.
    residual
        The worst relative residual of a sector.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> rows = [(a, b) for a in "ABCDE" for b in "ABCDE" if a != b]
    >>> data = pd.DataFrame(rows, columns=["exporter", "importer"]).assign(sector="s")
    >>> data["tariff"] = random.uniform(0, 0.3, len(data))
    >>> data["value"] = (1 + data["tariff"]) ** -4.0
    >>> list(tx.trade_elasticities(data).tables())
    ['theta', 'theta_covariance']
    """

    program = "elasticities"
    in_print = "tivax.engine.present.gravity"
    printed = True
    estimator: str
    table: pd.DataFrame
    covariance: pd.DataFrame
    residual: float

    def tables(self) -> Mapping[str, pd.DataFrame]:
        V = self.covariance.rename_axis("sector").reset_index()
        cells = V.melt("sector", var_name="other", value_name="covariance")
        return {
            "theta": self.table.assign(method=self.estimator),
            "theta_covariance": cells,
        }

    def facts(self) -> Mapping[str, Any]:
        return {"residual_max": self.residual, "kind": self.estimator}

    def positive(self, *, drop: bool) -> "Elasticities":
        """All sectors, or those whose theta is above 0 and in their place a row ``*``
        for the others: their inverse-variance mean.

        Raises ``TivaxError`` that names sectors whose theta is not above 0, unless they
        are dropped.
        """
        below = self.table["theta"] <= 0
        if not below.any():
            return self
        lost = [f"{k.sector} {k.theta:.3g}" for k in self.table[below].itertuples()]
        if not drop:
            raise TivaxError(
                f"{len(lost)} of {len(below)} sectors: theta is not above 0 "
                f'({", ".join(lost[:3])}); nonpositive="drop" leaves them to a row *'
            )
        kept = self.table[~below].reset_index(drop=True)
        if kept.empty:
            raise TivaxError("no sector has a theta above 0")
        names = list(kept["sector"])
        own = replace(self, table=kept, covariance=self.covariance.loc[names, names])
        return own.with_mean()

    def with_mean(self) -> "Elasticities":
        """With a row ``*`` for sectors without a theta of their own: the mean of those
        that have one, weighted by the inverse of their variances."""
        share = 1 / self.table["se"].to_numpy() ** 2
        share = share / share.sum()
        own, V = self.table["theta"].to_numpy(), self.covariance.to_numpy()
        names = [*self.table["sector"], "*"]
        more = V @ share
        V = np.block([[V, more[:, None]], [more[None, :], share @ more]])
        mean = {"sector": "*", "theta": share @ own, "se": np.sqrt(share @ more)}
        mean["n"] = self.table["n"].sum()
        table = pd.concat([self.table, pd.DataFrame([mean])], ignore_index=True)
        return replace(self, table=table, covariance=pd.DataFrame(V, names, names))


def trade_elasticities(
    data: pd.DataFrame,
    *,
    method: Literal["triads", "ppml"] = "triads",
    flows: Literal["gross", "net"] = "gross",
    nonpositive: Literal["refuse", "drop"] = "refuse",
) -> Elasticities:
    """Estimate trade elasticities of sectors from flows and tariffs.

    Parameters
    ----------
    data : DataFrame
        Columns sector, exporter, importer, value, tariff (.05 for 5 %), and year where
        there are several.
    method
        "triads": Caliendo and Parro (2015), one year; errors by the jackknife over
        countries. "ppml": a gravity equation a sector, with effects of pairs where
        there are several years, of symmetric pairs in one.
    flows
        "gross": values include the tariff, and move with (1 + t)^-theta. "net": they do
        not, as in most customs data, and move with (1 + t)^-(1 + theta).
    nonpositive
        "refuse" sectors whose theta is not above 0, or "drop" them, with a row ``*`` in
        their place, the inverse-variance mean of the others.

    Returns
    -------
    Elasticities
        ``save`` writes theta.csv and theta_covariance.csv, which scenarios read.

    Raises
    ------
    TivaxError
        In one line: two rows of a place, a rate that looks like per cent, a flow below
        0, a sector without trade or without tariffs that differ, theta not above 0.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> names = list("ABCDEFG")
    >>> rows = [(a, b) for a in names for b in names if a != b]
    >>> data = pd.DataFrame(rows, columns=["exporter", "importer"]).assign(sector="s")
    >>> data["tariff"] = random.uniform(0, 0.3, len(data))
    >>> data["value"] = (1 + data["tariff"]) ** -4.0
    >>> tx.trade_elasticities(data).table["theta"].round(6).item()
    4.0
    >>> tx.trade_elasticities(data, flows="net").table["theta"].round(6).item()
    3.0
    """
    require_choice("method", method, ("triads", "ppml"))
    require_choice("flows", flows, ("gross", "net"))
    require_choice("nonpositive", nonpositive, ("refuse", "drop"))
    rows, net = tariff_rows(data), flows == "net"
    if method == "triads":
        found = of_triads(*sector_triads(rows), net=net)
    else:
        found = of_gravity(rows, net=net)
    return found.positive(drop=nonpositive == "drop")
