"""The result of ``tx.compare``: values side by side, differences, agreement."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, product
from typing import Any

import numpy as np
import pandas as pd

from ..reporting import Told, interval_columns
from ..tables.shown_regions import largest

_PANELS = 12  # of a figure of lines
_AGREES = 1e-3  # of the published number


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Told):
    """The same measures of several databases.

    Attributes
    ----------
    table
        A row for each database, year, region (sector, partner) and measure: ``value``,
        with errors ``se``, ``ci_low`` and ``ci_high``.
    databases, years, regions, units
        What is compared; the unit of each measure.
    errors
        The error model of each database that has one, as manifests record it.
    residual_max
        The worst relative residual of all solves.
    asked
        The regions that were asked for.
    rounding, left_out
        Of published numbers, the second database: half a unit of their last digit by
        measure, and how many the first database has not.

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
    rounding: Mapping[str, float] | None = None
    left_out: int = 0

    program = "compare"
    in_print = "tivax.engine.present.comparison"
    printed = True

    def tables(self) -> dict[str, pd.DataFrame]:
        """agreement, values and differences."""
        main, values = self.agreement, self.table
        return {"agreement": main, "values": values, "differences": self.pairs}

    @property
    def _keys(self) -> list[str]:
        finer = [k for k in ("sector", "partner") if k in self.table]
        return ["year", "region", *finer]

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """A row for each pair of databases, year, region and measure: ``difference``
        of the second less the first; with errors of either ``se`` and interval; of
        published numbers ``agrees``, within 0.1 % or half a unit of the last digit."""
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
            if self.rounding is not None:
                half = other.index.get_level_values("measure").map(dict(self.rounding))
                slack = np.maximum(_AGREES * other["value"].abs(), half.to_numpy(float))
                part["agrees"] = part["difference"].abs() <= slack
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
        ``explained``: the share of squared differences that errors explain; ``agree``:
        how many published numbers agree.
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
        if "agrees" in gaps:
            row["agree"] = int(gaps["agrees"].sum())
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

    def findings(self) -> list[dict[Any, Any]]:
        """Rows of ``agreement`` with ``unit``, that of the measure."""
        units = self.agreement["measure"].map(dict(self.units))
        return self.agreement.assign(unit=units).to_dict("records")

    def facts(self) -> dict[str, Any]:
        return {
            "residual_max": self.residual_max,
            "databases": list(self.databases),
            "measures": list(self.units),
            "units": dict(self.units),
            "years": [self.years[0], self.years[-1]],
            "regions": len(self.regions),
            "errors": dict(self.errors),
            **({} if self.rounding is None else {"left_out": self.left_out}),
        }


def _correlation(values: np.ndarray) -> float:
    # Numbers that differ in their last digits alone are the same number.
    spread = values.std(axis=0) <= 1e-12 * np.abs(values).max(axis=0, initial=0)
    if len(values) < 3 or spread.any():
        return float("nan")
    return float(np.corrcoef(values.T)[0, 1])
