"""Descriptive statistics of the panel, between and within countries."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

import tivax as tx

from .columns import CONTROLS, OUTCOMES, SAMPLES, sample, slopes_of, within

VARIABLES = (*OUTCOMES, "TBI", *CONTROLS)


def describe(frame: pd.DataFrame, variables: Sequence[str] = VARIABLES) -> pd.DataFrame:
    """A row for each variable and sample: mean, three standard deviations, range.

    As Stata's xtsum: ``sd`` of all rows; ``between`` of country means; ``within`` of
    deviations from them. Divisors are rows - 1 and countries - 1.
    """
    rows = []
    for name in variables:
        for group in SAMPLES:
            used = sample(frame, group)[["iso3", name]].dropna()
            values, means = used[name], used.groupby("iso3")[name].mean()
            deviations = values - used["iso3"].map(means)
            rows.append(
                {
                    "variable": name,
                    "sample": group,
                    "mean": values.mean(),
                    "sd": values.std(),
                    "between": means.std(),
                    "within": np.sqrt((deviations**2).sum() / (len(values) - 1)),
                    "min": values.min(),
                    "max": values.max(),
                    "n": len(values),
                }
            )
    return pd.DataFrame(rows)


def within_variation(
    frame: pd.DataFrame, variables: Sequence[str] = ("TBI", *CONTROLS)
) -> pd.DataFrame:
    """Variation of each regressor that identifies its coefficient, by sample.

    ``total`` standard deviation; ``country`` after country effects, ``two_way`` after
    country and year effects, ``partial`` after the other regressors too; ``share`` =
    (partial / total)^2, which is what the regressions of the paper see of it.
    """
    rows = []
    for group in SAMPLES:
        used = sample(frame, group).dropna(subset=list(variables))
        demeaned = within(used[list(variables)], used["iso3"])
        years = pd.get_dummies(used["year"], drop_first=True, dtype=float)
        dummies = within(years, used["iso3"])
        for name in variables:
            two_way = _residual(demeaned[name], dummies)
            others = [k for k in variables if k != name]
            partial = slopes_of(used, name, others).residuals
            total = used[name].std()
            rows.append(
                {
                    "variable": name,
                    "sample": group,
                    "total": total,
                    "country": demeaned[name].std(),
                    "two_way": two_way.std(),
                    "partial": partial.std(),
                    "share": (partial.std() / total) ** 2,
                }
            )
    return pd.DataFrame(rows)


def _residual(y: pd.Series, X: pd.DataFrame) -> pd.Series:
    design = np.column_stack([np.ones(len(X)), X])
    coef, *_ = np.linalg.lstsq(design, y.to_numpy(), rcond=None)
    return y - design @ coef


def group_means(frame: pd.DataFrame) -> pd.DataFrame:
    """Figure 1: mean of KOFGIdj and KOFEcGIdj by group and year."""
    names = ["KOFGIdj", "KOFEcGIdj"]
    means = frame.groupby(["developed", "year"])[names].mean().reset_index()
    means["sample"] = means.pop("developed").map({1: "developed", 0: "developing"})
    return means[["sample", "year", *names]]


def change(means: pd.DataFrame, name: str, start: int, end: int) -> float:
    """The change of a column by year between two years."""
    values = means.set_index("year")[name].to_dict()
    return float(values[end] - values[start])


# Table 2 of the paper: every index and the indices it is made of.
STRUCTURE = {
    "KOFGIdj": ("KOFEcGIdj", "KOFSoGIdj", "KOFPoGIdj"),
    "KOFEcGIdj": ("KOFTrGIdj", "KOFFiGIdj"),
    "KOFSoGIdj": ("KOFIpGIdj", "KOFInGIdj", "KOFCuGIdj"),
}


VISIBLE = 0.01  # points of the index: more than the rounding of any edition


def every_outcome(panel: tx.panel.Panel) -> pd.DataFrame:
    """The rows of the panel with the de jure indices that are no outcome here."""
    return panel.frame.merge(panel.other_outcomes, on=["iso3", "year"], how="left")


def index_structure(panel: tx.panel.Panel, kof: Path) -> pd.DataFrame:
    """Table 2 as arithmetic: each index of ``kof`` beside the mean of its parts.

    Columns index, parts, rows (of the panel, with every part), mean_difference and
    largest_difference (points of the index, absolute), and ``beyond``: the rows of
    each country that differ by more than ``VISIBLE``.
    """
    rows = every_outcome(panel)
    names = dict.fromkeys([*STRUCTURE, *(k for v in STRUCTURE.values() for k in v)])
    if missing := [k for k in names if k not in rows]:
        raise tx.TivaxError(f"{kof}: lacks one of {', '.join(missing)}")
    table = []
    for index, parts in STRUCTURE.items():
        gap = (rows[index] - rows[list(parts)].mean(axis=1, skipna=False)).abs()
        beyond = rows.loc[gap > VISIBLE, "iso3"].value_counts().sort_index()
        table.append(
            {
                "index": index,
                "parts": ", ".join(parts),
                "rows": int(gap.count()),
                "mean_difference": gap.mean(),
                "largest_difference": gap.max(),
                "beyond": ", ".join(f"{k} {n}" for k, n in beyond.items()),
            }
        )
    return pd.DataFrame(table)
