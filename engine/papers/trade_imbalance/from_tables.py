"""The paper from world tables: its index and coefficients under the tables' errors, and
against an index from a file.

An index moves with a draw of the errors of its tables, and with it every coefficient
of a column. With M the projection off the other regressors D, t the index and y the
outcome,

    b_k = t_k' M y / t_k' M t_k,    c_k = D+ (y - b_k t_k),

so that draws need one fit of D. Errors of sampling (the paper's, by country) and of the
tables are independent: their variances add up.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.special import stdtrit

import tivax as tx

from ...core import Phrase, Progress, basis_text, no_progress
from . import columns as paper
from .columns import LEVEL, PaperColumn, sample


@dataclass(frozen=True, eq=False)
class TableErrors:
    """The index and the coefficients with the errors of the tables.

    Attributes
    ----------
    index
        Every country and year of the panel: iso3, year, tbi, se, ci_low, ci_high.
    coefficients
        A row for each of the 139: table, column, outcome, sample, term, coef; ``se``
        of sampling (the paper's), ``se_table`` of the tables, ``se_total`` of both,
        ``ci_low`` and ``ci_high`` by it, with t(G - 1).
    draws
        Draws of the tables.
    """

    index: pd.DataFrame
    coefficients: pd.DataFrame
    draws: int


def table_errors(
    frame: pd.DataFrame,
    estimates: Mapping[PaperColumn, tx.results.Fit],
    drawn: Float[np.ndarray, "D n"] | None,
) -> TableErrors | None:
    """``TableErrors`` of a panel, from draws of the index of each of its n rows."""
    if drawn is None:
        return None
    draws = len(drawn)
    base = frame["TBI"].to_numpy(float)
    spread = np.sqrt(((drawn - base) ** 2).mean(axis=0))
    reach = stdtrit(draws - 1, 1 - LEVEL / 2) * spread
    index = frame[["iso3", "year"]].assign(
        tbi=base, se=spread, ci_low=base - reach, ci_high=base + reach
    )
    position = pd.Series(np.arange(len(frame)), frame.index)
    rows = []
    for column, estimate in estimates.items():
        used = sample(frame, column.sample)
        used = used.dropna(subset=[column.outcome, *column.regressors])
        moved = drawn[:, position[used.index].to_numpy()]
        found = coefficients_of_draws(used, column, moved)
        for term, values in found.items():
            own = estimate[term]
            table = float(np.sqrt(((values - own.estimate) ** 2).mean()))
            total = float(np.hypot(own.se, table))
            half = stdtrit(estimate.clusters - 1, 1 - LEVEL / 2) * total
            rows.append(
                {
                    **column.keys,
                    "term": term,
                    "estimate": own.estimate,
                    "se": own.se,
                    "se_table": table,
                    "se_total": total,
                    "ci_low": own.estimate - half,
                    "ci_high": own.estimate + half,
                }
            )
    return TableErrors(index.reset_index(drop=True), pd.DataFrame(rows), draws)


def coefficients_of_draws(
    used: pd.DataFrame, column: PaperColumn, moved: Float[np.ndarray, "D n"]
) -> dict[str, Float[np.ndarray, " D"]]:
    """Every coefficient that the paper prints of a column, in each draw of the index.

    The constant is the mean of the countries' effects, with effects of years from the
    second on, as Stata's ``xtreg, fe`` with dummies of years.
    """
    controls = [k for k in column.regressors if k != "TBI"]
    others = " + ".join([*controls, "C(year)"])
    base = tx.fit(f"{column.outcome} ~ {others} | iso3", used)
    own, y = base.solved, used[column.outcome].to_numpy(float)
    x = own.effects.within(moved[:, used.index.get_indexer(own.used.index)].T)
    net = x - own.B @ (own.B.T @ x)
    slope = own.size[-1] * (own.y @ net) / (net**2).sum(axis=0)
    of_x = own.slopes @ x / own.size[own.places(own.names), None]
    b = base.terms["estimate"].to_numpy()[:, None] - slope * of_x
    means = base.data[[*own.names]].to_numpy(float).mean(axis=0)
    constant = y.mean() - slope * moved.mean(axis=1) - means @ b
    return {"TBI": slope, **dict(zip(controls, b, strict=False)), "const": constant}


@dataclass(frozen=True, eq=False)
class OtherIndex:
    """The 17 columns with the index of a file beside those from tables.

    Attributes
    ----------
    name
        Name of the file.
    rows
        The 139 coefficients: ``COMPARISON`` with the index of the file.
    distance, largest, where
        Gap between the two indices: mean, largest, and its country and year.
    """

    name: str
    rows: pd.DataFrame
    distance: float
    largest: float
    where: str


def other_index(
    further: tx.panel.FurtherData, frame: pd.DataFrame
) -> OtherIndex | None:
    """The paper's columns with the index of the data folder's file; None without."""
    files, index = further.files, further.index_of_file()
    if files.store is None or files.tbi is None or index is None:
        return None
    keys = pd.MultiIndex.from_frame(frame[["iso3", "year"]])
    given = index.reindex(keys).to_numpy(float)
    gaps = np.abs(given - frame["TBI"].to_numpy(float))
    if not np.isfinite(gaps).any():
        return None
    found = paper.compare(paper.estimate_columns(frame.assign(TBI=given)))
    iso3, year = keys[int(np.nanargmax(gaps))]
    distance, largest = float(np.nanmean(gaps)), float(np.nanmax(gaps))
    where = Phrase("{iso3} {year}", iso3=iso3, year=year)
    return OtherIndex(files.tbi.name, found, distance, largest, where)


def changes(comparison: pd.DataFrame, other: OtherIndex) -> pd.DataFrame:
    """The coefficient of TBI in each column: printed, from tables, from the file.

    Columns of ``COMPARISON``'s keys, then coef, se and stars of each (``paper_``,
    none, ``file_``) and ``gap``, tables less file, in the printed standard error.
    """
    names = ["coef", "se", "stars"]
    keys = ["table", "column", "outcome", "sample"]
    own = comparison[comparison["term"] == "TBI"]
    theirs = other.rows[other.rows["term"] == "TBI"][[*keys, *names]]
    theirs = theirs.rename(columns={k: f"file_{k}" for k in names})
    joined = own[[*keys, *names, *(f"paper_{k}" for k in names)]].merge(theirs, on=keys)
    gap = (joined["coef"] - joined["file_coef"]) / joined["paper_se"]
    return joined.assign(gap=gap)


DRAWS = 12
SEED = 1


def draws_of_index(
    files: tx.panel.DataFiles, frame: pd.DataFrame, progress: Progress = no_progress
) -> Float[np.ndarray, "D n"] | None:
    """Draws of the index of each row of the panel, from the error model that rebuilt
    tables bring; None of published tables and of an index from a file."""
    if files.store is None:
        return None
    tables = tx.open_store(files.store, lazy=True)
    if not basis_text(tables.source):
        return None
    years = sorted({int(k) for k in frame["year"]})
    flows = tx.table_errors.draw_flows(
        tables, "rebuilt", draws=DRAWS, seed=SEED, years=years, progress=progress
    )
    home = np.diagonal(flows, axis1=-2, axis2=-1)
    out, into = flows.sum(-1) - home, flows.sum(-2) - home
    index = (out - into) / np.where(out + into == 0, np.nan, out + into)
    regions = list(tables.regions)
    year = [years.index(int(k)) for k in frame["year"]]
    return index[:, year, [regions.index(k) for k in frame["iso3"]]]
