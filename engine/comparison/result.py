"""The result of ``tx.compare``: values side by side, differences, agreement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import combinations, product
from typing import Any

import numpy as np
import pandas as pd

from ..core import Listing, count_text, percent_text
from ..figures import databases as drawings
from ..figures.regions import largest
from ..measures import INDICATORS
from ..reporting import Plot, Result, interval_columns, measure_name, method_of
from ..tables import country_in_text

# Of a figure of lines, panels; regions of a printed table.
_PANELS, _LISTED = 12, 8


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Result):
    """The same measures of several databases.

    Attributes
    ----------
    table
        A row for each database, year, region, (sector) and measure: ``value``, with
        errors ``se``, ``ci_low`` and ``ci_high``.
    databases, years, regions, units
        What is compared; the unit of each measure.
    errors
        The error model of each database that has one, as manifests record it.
    residual_max
        The worst relative residual of all solves.
    asked
        The regions that were asked for.

    Examples
    --------
    >>> other = tx.synthetic_world(regions=3, sectors=4, years=2, seed=2)
    >>> found = tx.compare({"first": world, "second": other}, "tbi")
    >>> found.agreement[["measure", "n", "correlation", "mean_difference"]].round(3)
      measure  n  correlation  mean_difference
    0     tbi  4        0.581            0.021
    """

    table: pd.DataFrame
    databases: tuple[str, ...]
    years: tuple[int, ...]
    regions: tuple[str, ...]
    units: Mapping[str, str]
    errors: Mapping[str, Any]
    residual_max: float
    asked: tuple[str, ...] = ()

    program = "compare"
    report_title = "One question, several databases"
    method = method_of("compare")
    printed = True

    def tables(self) -> dict[str, pd.DataFrame]:
        """agreement, values and differences."""
        main, values = self.agreement, self.table
        return {"agreement": main, "values": values, "differences": self.pairs}

    @property
    def _keys(self) -> list[str]:
        return ["year", "region", *(["sector"] if "sector" in self.table else [])]

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """A row for each pair of databases, year, region and measure: ``difference``
        of the second less the first; with errors of either ``se`` and interval."""
        keys = [*self._keys, "measure"]
        by_name = {
            name: frame.set_index(keys)
            for name, frame in self.table.groupby("database")
        }
        parts = []
        for first, second in combinations(self.databases, 2):
            one, other = by_name[first], by_name[second]
            name = "difference"
            part = (other["value"] - one["value"]).rename(name).to_frame()
            if "se" in one:
                both = [k["se"].fillna(0) ** 2 for k in (one, other)]
                known = one["se"].notna() | other["se"].notna()
                se = ((both[0] + both[1]) ** 0.5).where(known)
                part = interval_columns(part, se.to_frame(name), name, [name])
            part = part.reset_index()
            part.insert(0, "second", second)
            part.insert(0, "first", first)
            parts.append(part)
        return pd.concat(parts, ignore_index=True)

    @cached_property
    def agreement(self) -> pd.DataFrame:
        """A row for each measure and pair of databases.

        ``correlation`` of levels and ``change_correlation`` of changes from the first
        to the last year, over regions (and sectors); ``mean_difference`` and
        ``largest_difference`` in absolute value, the latter with its region and year;
        ``explained``: the share of squared differences that errors explain.
        """
        rows, keys = [], ["measure", "first", "second"]
        there = self.pairs.dropna(subset=["difference"])
        for measure, pair in product(self.units, combinations(self.databases, 2)):
            at = [measure, *pair]
            gaps = there[(there[keys] == at).all(axis=1)]
            row = dict(zip(keys, at, strict=True))
            rows.append(row | self._agreement(self._beside(*at), gaps))
        return pd.DataFrame(rows)

    def _beside(self, measure: str, *databases: str) -> pd.DataFrame:
        """The values of databases in columns, without rows that one of them lacks."""
        rows = self.table[self.table["measure"] == measure]
        wide = rows.pivot(index=self._keys, columns="database", values="value")
        return wide[[*databases]].dropna().reset_index()

    def _agreement(self, levels: pd.DataFrame, gaps: pd.DataFrame) -> dict[str, Any]:
        first, last = self.years[0], self.years[-1]
        names = [str(k) for k in levels.columns[-2:]]
        ends = [
            levels[levels["year"] == year].set_index(self._keys[1:])[names]
            for year in (first, last)
        ]
        change = (ends[1] - ends[0]).dropna().to_numpy(float)
        row: dict[str, Any] = {
            "n": len(levels),
            "correlation": _correlation(levels[names].to_numpy(float)),
            "change_correlation": _correlation(change) if last > first else np.nan,
            "mean_difference": gaps["difference"].abs().mean(),
        }
        if len(gaps):
            most = int(gaps["difference"].abs().to_numpy().argmax())
            names = ["difference", "region", "year"]
            value, region, year = gaps[names].iloc[most].tolist()
            row |= {"largest_difference": value, "region": region, "year": year}
        if "se" in gaps and gaps["se"].notna().any():
            squares = float((gaps["difference"] ** 2).sum())
            variance = float((gaps["se"] ** 2).sum())
            row["explained"] = variance / squares if squares > 0 else np.nan
        return row

    @property
    def shown(self) -> list[str]:
        """Regions of the figures: those asked for, else those that disagree most."""
        if self.asked:
            return list(self.asked)[:_PANELS]
        main = self.pairs[self.pairs["measure"] == next(iter(self.units))]
        gap = main["difference"].abs().groupby(main["region"]).mean()
        return largest(gap, _PANELS, rest=False)

    def plots(self) -> dict[str, Plot]:
        """Lines of each database by region and, of the first two databases, the mean
        difference of every region with its interval."""
        plots: dict[str, Plot] = {}
        if "sector" in self.table:  # a line a region needs one number a year
            return plots
        which = {"regions": self.shown, "databases": self.databases}
        year = self.years[-1]
        for measure, unit in self.units.items():
            rows, gaps = (k[k["measure"] == measure] for k in (self.table, self.pairs))
            about = {"measure": _title(measure), "unit": "" if unit == "1" else unit}
            lines = partial(drawings.database_lines, rows, **which, **about)
            last = gaps[gaps["year"] == year]
            bars = partial(drawings.database_differences, last, year=year, **about)
            plots |= {f"lines_{measure}": lines, f"differences_{measure}": bars}
        return plots

    def facts(self) -> dict[str, Any]:
        return {
            "residual_max": self.residual_max,
            "databases": list(self.databases),
            "measures": list(self.units),
            "units": dict(self.units),
            "years": [self.years[0], self.years[-1]],
            "regions": len(self.regions),
            "errors": dict(self.errors),
        }

    @property
    def subtitle(self) -> str:
        return (
            f"{', '.join(self.databases)}: {count_text(len(self.regions), 'region')}, "
            f"{self.years[0]} to {self.years[-1]}"
        )

    @property
    def sentence(self) -> str:
        """The agreement of each pair of databases on each measure."""
        said = []
        for row in self.agreement.to_dict(orient="records"):
            unit = self.units[row["measure"]]
            inside = "" if unit in ("1", "ratio") else f" {unit}"
            name, both = _title(row["measure"]), f"{row['first']} and {row['second']}"
            text = f"{name[:1].upper()}{name[1:]}: "
            if row["correlation"] == row["correlation"]:
                text += f"levels in {both} correlate {row['correlation']:.2f}"
                if row["change_correlation"] == row["change_correlation"]:
                    text += f", changes {row['change_correlation']:.2f}"
                both = "They"
                text += ". "
            text += f"{both} differ by {row['mean_difference']:.3g}{inside} on average"
            if row["mean_difference"] > 0:
                where = country_in_text(row["region"])
                text += f", most for {where} in {row['year']:.0f}"
            share = row.get("explained", np.nan)
            if share == share:
                text += f". Errors of the tables explain {_share_text(share)}"
            said.append(f"{text}.")
        return "\n".join(said)

    def _listings(self) -> Sequence[Listing]:
        """Agreement, a row for each measure and pair."""
        rows = [
            (
                *(str(k[name]) for name in ("measure", "first", "second")),
                f"{k['correlation']:.3f}",
                f"{k['change_correlation']:.3f}",
                f"{k['mean_difference']:.4g}",
            )
            for k in self.agreement.to_dict(orient="records")
        ]
        names = ("measure", "database", "compared with")
        columns = (*names, "levels", "changes", "mean gap")
        title = "Agreement: correlation of levels and of changes, mean difference"
        return [Listing(title, columns, rows, (), words=3)]


def _correlation(values: np.ndarray) -> float:
    # Numbers that differ in their last digits alone are the same number.
    spread = values.std(axis=0) <= 1e-12 * np.abs(values).max(axis=0, initial=0)
    if len(values) < 3 or spread.any():
        return float("nan")
    return float(np.corrcoef(values.T)[0, 1])


def _title(measure: str) -> str:
    if measure in INDICATORS:
        return INDICATORS[measure].title.split(":")[0]
    return measure_name(measure)


def _share_text(share: float) -> str:
    if share >= 1:
        return "all of it"
    return f"{percent_text(share)} of the squared differences"
