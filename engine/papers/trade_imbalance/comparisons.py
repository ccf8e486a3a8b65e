"""Tables of the paper beside our estimates, in journal layout."""

import numpy as np
import pandas as pd

from ...core import TivaxError
from ...reporting import JournalTable, Language, TableColumn, label
from .titles import title

# Coefficient, standard error, number of stars; or a text.
Cell = tuple[float, float, int] | str


def comparison_tables(
    comparison: pd.DataFrame, table: int, language: Language = "en"
) -> list[JournalTable]:
    """One table of the paper beside our estimates, in blocks that fit a page.

    A block holds up to three columns of one sample, each as the paper prints it, as
    tivax finds it, and the difference of the two coefficients in standard errors of
    the paper.

    Parameters
    ----------
    comparison
        A row a coefficient: table, column, outcome, sample, term, coef, se, stars, n,
        r2, and the paper's paper_coef, paper_se, paper_stars, paper_r2. The paper's
        observations are shown where there is a column paper_n.
    table
        Its number in the paper. ``TivaxError`` says which there are.
    """
    rows = comparison[comparison["table"] == table]
    if rows.empty:
        there = ", ".join(str(k) for k in sorted(comparison["table"].unique()))
        raise TivaxError(f"table {table} has no rows; choose from {there or 'none'}")
    blocks = []
    for _, sample in rows.groupby("sample", sort=False):
        numbers = sample["column"].unique()
        for part in np.array_split(numbers, -(-len(numbers) // 3)):
            blocks.append(_block(sample[sample["column"].isin(part)], table, language))
    return blocks


def _block(rows: pd.DataFrame, table: int, language: Language) -> JournalTable:
    numbers = [f"({k})" for k in rows["column"].unique()]
    regressions = rows.groupby("column", sort=False)
    return JournalTable(
        title("comparison", language).format(
            table=table, columns="–".join(dict.fromkeys((numbers[0], numbers[-1])))
        ),
        [k for _, found in regressions for k in _side_by_side(found, language)],
        list(rows["term"].unique()),
        title("notes", language) + title("comparison notes", language),
        language,
    )


def _side_by_side(rows: pd.DataFrame, language: Language) -> list[TableColumn]:
    """Paper, tivax and their difference, for the coefficients of one regression."""
    first = rows.iloc[0]
    heading = (f"({first['column']}) {first['outcome']}",)
    if first["sample"] != "all":
        heading = (label(first["sample"], language), *heading)
    gaps = (rows["coef"] - rows["paper_coef"]) / rows["paper_se"]
    return [
        TableColumn((*heading, label(name, language)), estimates, facts)
        for name, estimates, facts in (
            ("published", _estimates(rows, "paper_"), _facts(first, "paper_")),
            ("ours", _estimates(rows, ""), _facts(first, "")),
            ("gap", _signed(rows["term"], gaps), {}),
        )
    ]


def _estimates(rows: pd.DataFrame, whose: str) -> dict[str, Cell]:
    names = ["term", *(whose + name for name in ("coef", "se", "stars"))]
    return {
        str(term): (float(coefficient), float(error), int(stars))
        for term, coefficient, error, stars in rows[names].dropna().to_numpy()
    }


def _signed(terms: pd.Series, gaps: pd.Series) -> dict[str, Cell]:
    pairs = zip(terms, gaps, strict=True)
    return {str(term): f"{gap:+z.2f}" for term, gap in pairs if np.isfinite(gap)}


def _facts(first: pd.Series, whose: str) -> dict[str, str]:
    """The rows below the estimates; empty what is missing."""
    n, r2 = first.get(f"{whose}n"), first.get(f"{whose}r2")
    return {
        "observations": "" if pd.isna(n) else f"{n:.0f}",
        "r2": "" if pd.isna(r2) else f"{r2:.4f}",
    }
