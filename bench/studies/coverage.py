"""Coverage of 95 % intervals from errors of the tables.

Two kinds of truth. **Published**: Antras and Chor (2018) computed upstreamness,
downstreamness, F/GO and VA/GO of 41 x 35 industries from the unrounded WIOD 2013; the R
edition is rounded to whole millions, and ``--error rounding`` says what that does. The
powers of the de-rounding and the deviations of filled cells are chosen on every two of
the years and judged on the third. **Drawn**: a year of the tables is the truth, tables
are drawn around it with known errors, and each gives intervals from its own cells.

    python -m tivax.bench.studies.coverage \\
        --data RAW --truth three_years.csv --out coverage

RAW is a folder of ``wiot_YEAR.RData``; the truth has the columns country, industry,
year, measure (U, D, FGO, VAGO), value. ``published.csv``, ``choices.csv`` and
``drawn.csv`` are what docs/explanation/error-bars.md shows; with ``--tables 0`` nothing
is drawn, and without ``--truth`` nothing is judged by what is published.
"""

import argparse
import itertools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import tivax as tx
from tivax.engine.errors.kinds import USE_DEVIATION, USER_DEVIATION
from tivax.engine.tables.derounding import CHOSEN, Powers, deround

from .drawn_tables import DRAWN, Z95, draw_and_judge
from .filled_cells import MEASURES, FilledYear, Parts

INDICATORS = {
    "U": ("UPSTREAM", 1),
    "D": ("DOWNSTREAM", 1),
    "FGO": ("FINAL_PRODSH", 100),
    "VAGO": ("PROD_VASH", 100),
}
"""The indicator of each published measure, and what it is multiplied by."""

# Reported output in millions of US$.
SIZES = {
    "all": (1e3, np.inf),
    "1-10 bn": (1e3, 1e4),
    "10-100 bn": (1e4, 1e5),
    "from 100 bn": (1e5, np.inf),
}
# Medians of absolute errors are measured in these, so that the four count alike.
_TYPICAL = {"U": 0.0005, "D": 0.0035, "FGO": 0.0002, "VAGO": 0.0015}
_FLOWS = (0.0, 0.05, 0.1, 0.25)
_ONES = (0.0, 0.5, 0.6, 0.7, 0.8)
_USERS = (0.1, 0.15, 0.2, 0.25, 0.3)
_USES = (0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4)


# ------------------------------------------------------------ against what is published


def read_truth(path: Path, tables: tx.WorldTables) -> dict[int, dict[str, np.ndarray]]:
    """Published values by year and measure in the order of the tables, NaN if none."""
    given = pd.read_csv(path)
    every = pd.MultiIndex.from_product([tables.regions, tables.sectors])
    found = {}
    for year, some in given.groupby("year"):
        by_measure = some.set_index(["country", "industry"]).groupby("measure")["value"]
        found[int(str(year))] = {
            str(k): v.reindex(every).to_numpy(float) for k, v in by_measure
        }
    return found


def judge(errors: pd.DataFrame) -> pd.DataFrame:
    """Shares covered, over and under in per cent by measure, year and size.

    ``errors`` has a row for each measure, year and industry: output x, the value, its
    standard error and the truth. Years are judged alone and pooled. ``over`` is the
    share of truths above their interval. An interval without width covers what equals
    its value.
    """
    rows = []
    known = errors[errors["truth"].notna() & errors["se"].notna()]
    for measure in dict.fromkeys(known["measure"]):
        of_measure = known[known["measure"] == measure]
        for year in ("all", *sorted(set(of_measure["year"]))):
            of_year = (
                of_measure if year == "all" else of_measure[of_measure["year"] == year]
            )
            for size, (low, high) in SIZES.items():
                some = of_year[of_year["x"].between(low, high, inclusive="left")]
                apart = some["truth"] - some["value"]
                half = Z95 * some["se"]
                rows.append(
                    {
                        "measure": measure,
                        "year": year,
                        "output": size,
                        "industries": len(some),
                        "covered": 100 * (apart.abs() <= half).mean(),
                        "over": 100 * (apart > half).mean(),
                        "under": 100 * (apart < -half).mean(),
                        "median_error": apart.abs().median(),
                        "median_se": some["se"].median(),
                    }
                )
    return pd.DataFrame(rows)


def of_command(
    tables: tx.WorldTables, truth: Mapping[int, Mapping[str, np.ndarray]]
) -> pd.DataFrame:
    """Rows of ``judge``: what `tivax indicators --error rounding` writes."""
    rows = []
    for year, published in truth.items():
        net = tx.net_of_inventories(tables.select(year, year))
        names = [name for name, _ in INDICATORS.values()]
        found = tx.indicators(net, names, "sector").with_errors("rounding").data
        found = found.isel(year=0)
        for measure, (name, scale) in INDICATORS.items():
            value, se = (
                found[k].transpose("region", "sector").values.ravel() / scale
                for k in (name, f"{name}_se")
            )
            rows.append(_rows(measure, year, net.x[0], value, se, published[measure]))
    return pd.concat(rows)


def _rows(
    measure: str, year: int, x: Any, value: Any, se: Any, truth: Any
) -> pd.DataFrame:
    given = {"measure": measure, "year": year, "x": np.asarray(x)}
    return pd.DataFrame(given | {"value": value, "se": se, "truth": truth})


# --------------------------------------------------------- chosen on two, judged on one


def weight_scores(
    rounded: Mapping[int, tx.WorldTable], truth: Mapping[int, Mapping[str, np.ndarray]]
) -> dict[Powers, dict[int, float]]:
    """Mean over measures of the median absolute error, each over its typical size; by
    powers of the de-rounding and year."""
    scores: dict[Powers, dict[int, float]] = {}
    for powers in itertools.starmap(Powers, itertools.product(_FLOWS, _ONES)):
        scores[powers] = {}
        for year, table in rounded.items():
            values = FilledYear(table, deround(table, powers).table).values
            each = [
                np.nanmedian(np.abs(values[k] - truth[year][k])) / _TYPICAL[k]
                for k in MEASURES
            ]
            scores[powers][year] = float(np.mean(each))
    return scores


class Judged:
    """A year's variances in parts, with the truth, for any deviations."""

    def __init__(
        self, year: int, filled: FilledYear, truth: Mapping[str, np.ndarray]
    ) -> None:
        self.year, self._filled, self._truth = year, filled, truth
        self._parts: dict[str, Parts] = filled.variances()

    def rows(self, user: float, use: float) -> pd.DataFrame:
        """Rows of ``judge``."""
        x, values, truth = self._filled.x, self._filled.values, self._truth
        se = {k: self._parts[k].deviation(user, use) for k in MEASURES}
        return pd.concat(
            _rows(k, self.year, x, values[k], se[k], truth[k]) for k in MEASURES
        )


def pooled(errors: pd.DataFrame) -> pd.Series:
    """Shares covered by measure, of all years and sizes."""
    every = judge(errors).set_index(["year", "output", "measure"])
    return every["covered"].loc["all", "all"]


def miss(judged: Iterable[Judged], user: float, use: float) -> float:
    """Mean distance from 95 % of the shares covered, over the four measures."""
    covered = pooled(pd.concat(each.rows(user, use) for each in judged))
    return float((covered - 95).abs().mean())


def choices(
    scores: Mapping[Powers, Mapping[int, float]], judged: Mapping[int, Judged]
) -> pd.DataFrame:
    """Settings that every two years choose, and their scores in the third."""
    rows = []
    grid = list(itertools.product(_USERS, _USES))
    for judge_year in judged:
        two = [k for k in judged if k != judge_year]
        powers = min(scores, key=lambda p: sum(scores[p][k] for k in two))
        user, use = min(grid, key=lambda g: miss([judged[k] for k in two], *g))
        best = min(each[judge_year] for each in scores.values())
        rows.append(
            {
                "chosen_on": " ".join(map(str, two)),
                "flows": powers.flows,
                "ones": powers.ones,
                "user": user,
                "use": use,
                "judged_on": judge_year,
                "score": scores[powers][judge_year],
                "best_score": best,
                **pooled(judged[judge_year].rows(user, use)),
            }
        )
    return pd.DataFrame(rows)


# ------------------------------------------------------------------------ the program


def _write(frame: pd.DataFrame, path: Path) -> None:
    frame.to_csv(path, index=False, float_format="%.4g")


def main() -> None:
    """Write the tables of the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--truth", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--year", type=int, default=2011, help="of the drawn tables")
    parser.add_argument("--tables", type=int, default=200, help="drawn, of each kind")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    files = sorted(given.data.glob("wiot_*.RData"))
    stores = {}
    for name in ("rounded", "filled"):
        store = given.out / name
        if not store.exists():
            tx.import_tables("wiod2013", files, store, derounded=name == "filled")
        stores[name] = tx.open_store(store)
    if given.truth is not None:
        truth = read_truth(given.truth, stores["filled"])
        _write(judge(of_command(stores["filled"], truth)), given.out / "published.csv")
        rounded = {k: stores["rounded"].table(k) for k in truth}
        judged = {
            k: Judged(k, FilledYear(table, deround(table).table), truth[k])
            for k, table in rounded.items()
        }
        found = choices(weight_scores(rounded, truth), judged)
        _write(found, given.out / "choices.csv")
        print(found.to_string(index=False))
        print(f"in use: {CHOSEN}, {USER_DEVIATION}, {USE_DEVIATION}")
    rows = []
    for name in DRAWN if given.tables else ():
        tables = stores["filled"].select(given.year, given.year)
        rows += draw_and_judge(tables, name, given.tables, given.seed)
        _write(pd.DataFrame(rows), given.out / "drawn.csv")
        print(pd.DataFrame(rows).tail(1).to_string(index=False))


if __name__ == "__main__":
    main()
