"""The regression tables of a replication in journal layout, and beside the print."""

import numpy as np
import pandas as pd

import tivax as tx

from ...core import TivaxError, p_cell
from ...reporting import JournalTable, Language, TableColumn, label
from . import columns as paper
from .columns import CONTROLS
from .inference import mc_error
from .results import Replication
from .robustness import LAG, Lagged
from .titles import title

TABLES = (3, 4, 5, 6)
# Coefficient, standard error, number of stars; or a text.
Cell = tuple[float, float, int] | str


def all_tables(
    result: Replication, language: Language = "en"
) -> dict[str, JournalTable]:
    """Every table by its file name: as in the paper, beside the print, 2SLS."""
    tables = {}
    for number in TABLES:
        tables[f"table{number}"] = paper_table(result, number, language)
        blocks = comparison_tables(result.comparison, number, language)
        for block, letter in zip(blocks, "abcdef", strict=False):
            suffix = letter if len(blocks) > 1 else ""
            tables[f"table{number}{suffix}_comparison"] = block
    tables |= iv_tables(result.lagged, language)
    return tables


def paper_table(
    result: Replication, number: int, language: Language = "en"
) -> JournalTable:
    """One of Tables 3 to 6 with our numbers, laid out as the paper's."""
    columns = []
    for column, estimate in result.estimates.items():
        if column.table != number:
            continue
        heading = (f"({column.column})", column.outcome)
        if column.sample != "all":
            heading = (label(column.sample, language), *heading)
        facts = {
            "year effects": "yes",
            "country effects": "yes",
            "observations": str(estimate.n),
            "countries": str(estimate.clusters),
            "r2": f"{estimate.r2:.4f}",
        }
        columns.append(TableColumn(heading, _cells(estimate), facts))
    return JournalTable(
        title(f"table {number}", language),
        columns,
        paper.TERMS,
        title("notes", language),
        language,
    )


def _cells(estimate: tx.results.Fit) -> dict[str, Cell]:
    return {
        str(term): (estimate[term].estimate, estimate[term].se, estimate[term].stars)
        for term in estimate.terms.index
    }


def iv_tables(
    lagged: list[Lagged], language: Language = "en"
) -> dict[str, JournalTable]:
    """2SLS of every outcome, a table for each sample, and the three first stages."""
    tables, first_stages = {}, []
    notes = title("notes", language) + title("iv notes", language)
    for number, group in enumerate(paper.SAMPLES, 1):
        own = [each for each in lagged if each.sample == group]
        columns = [_iv_column(each, k) for k, each in enumerate(own, 1)]
        name = title("iv", language).format(sample=label(group, language))
        made = JournalTable(name, columns, paper.TERMS, notes, language)
        tables[f"iv_{group}"] = made
        first_stages.append(_first_stage(own[0], number, language))
    terms, name = (LAG, *CONTROLS, "const"), title("first stage", language)
    first = JournalTable(name, first_stages, terms, notes, language)
    return {**tables, "iv_first_stage": first}


def _iv_column(each: Lagged, number: int) -> TableColumn:
    weak, own = each.weak, each.ols["TBI"]
    t = abs(each.iv["TBI"].t)
    stock_yogo = weak.stock_yogo[10]
    return TableColumn(
        (f"({number})", each.outcome),
        _cells(each.iv),
        {
            "OLS": f"{own.estimate:.2f}{'*' * own.stars} ({own.se:.2f})",
            "KP LM": f"{weak.kp_lm:.2f} [{p_cell(weak.kp_lm_p_value)}]",
            "KP F": f"{weak.kp_f:.2f} {{{stock_yogo:.2f}}}",
            "CD F": f"{weak.cd_f:.2f}",
            "effective F": (
                f"{weak.effective_f:.2f} {{{weak.effective_f_critical[10]:.2f}}}"
            ),
            "tF": f"{t:.2f} {{{weak.tf_critical:.2f}}}",
            "AR F": f"{weak.ar_f:.3f} [{p_cell(weak.ar_f_p_value)}]",
            "AR bootstrap": f"[{p_cell(weak.ar_bootstrap_p_value)}]",
            "AR set": each.iv.ar_set.text(".2f"),
            "effects": "yes",
            "observations": str(each.iv.n),
            "countries": str(each.iv.clusters),
        },
    )


def _first_stage(each: Lagged, number: int, language: Language) -> TableColumn:
    first, stage = each.iv.first, each.weak.first_stage[0]
    return TableColumn(
        (label(each.sample, language), f"({number})", "TBI"),
        _cells(first),
        {
            "first-stage F": f"{stage.f:.3f} [{p_cell(stage.f_p_value)}]",
            "partial R2": f"{stage.partial_r2:.4f}",
            "effects": "yes",
            "observations": str(first.n),
            "countries": str(first.clusters),
        },
    )


def coefficient_cells(
    rows: pd.DataFrame, prefix: str = "", digits: int = 4, estimate: str = "estimate"
) -> list[str]:
    """``13.5816*** (4.4613)`` for each row, from its estimate, se and stars.

    ``prefix`` begins the names of these columns, such as ``paper_``; ``estimate`` is
    ``coef`` in a comparison with the print.
    """
    names = [f"{prefix}{name}" for name in (estimate, "se", "stars")]
    return [
        f"{coef:.{digits}f}{'*' * int(stars)} ({se:.{digits}f})".replace("-", "−")
        for coef, se, stars in rows[names].to_numpy()
    ]


def lagged_frame(lagged: list[Lagged]) -> pd.DataFrame:
    """Every figure of the 2SLS tables, a row for each outcome and sample."""
    rows = []
    for each in lagged:
        second, weak = each.iv, each.weak
        stage, draws = weak.first_stage[0], weak.ar_draws
        p_error = mc_error(weak.ar_bootstrap_p_value, draws) if draws else np.nan
        rows.append(
            {
                **vars(weak),
                **second["TBI"]._asdict(),
                **{f"ols_{k}": v for k, v in each.ols["TBI"]._asdict().items()},
                "outcome": each.outcome,
                "sample": each.sample,
                "first_stage_estimate": float(stage.coefficients[0]),
                "first_stage_se": float(stage.standard_errors[0]),
                "first_stage_f": stage.f,
                "partial_r2": stage.partial_r2,
                "stock_yogo_10": weak.stock_yogo[10],
                "effective_f_critical_10": weak.effective_f_critical[10],
                "ar_bootstrap_mc": p_error,
                "t": abs(second["TBI"].t),
                "ar_set": each.iv.ar_set.text(".6g"),
                "n": second.n,
                "clusters": second.clusters,
            }
        )
    columns = paper.WRITTEN["results/instrumental_variables"].columns
    return pd.DataFrame(rows)[[*columns]].replace({None: np.nan})


# ------------------------------------------------------------- beside the print


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
            ("published", _estimates_of(rows, "paper_"), _facts(first, "paper_")),
            ("ours", _estimates_of(rows, ""), _facts(first, "")),
            ("gap", _signed(rows["term"], gaps), {}),
        )
    ]


def _estimates_of(rows: pd.DataFrame, whose: str) -> dict[str, Cell]:
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
