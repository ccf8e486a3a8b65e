"""The paper that tivax reproduces: its regressions, and the figures it prints.

"Has trade imbalance led to de-globalisation? A value-added trade perspective",
国际贸易问题 2021, no. 9, article 1002-4670(2021)09-0001-16. Tables 3 to 6 are 17
columns of

    outcome_it = b0 + b1 TBI_it + b2' X_it + c_i + l_t + e_it          (2), (3)

with country and year effects and standard errors clustered by country.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

import tivax as tx

from ...core import files_of
from ...reporting import column_name
from .printed import FIT, TABLE_1, TABLES

OUTCOMES = ("KOFGIdj", "KOFEcGIdj", "KOFTrGIdj", "KOFFiGIdj", "KOFPoGIdj")
CONTROLS = ("RQ", "lnEXR", "TFP", "INFR", "lnCK", "lnGDP", "lnPOP")
SAMPLES = ("all", "developed", "developing")
Convention = Literal["stata", "fixest", "lsdv", "plm", "linearmodels"]
LEVEL = 0.05  # of tests and of what intervals leave out
TERMS = ("TBI", *CONTROLS, "const")
PRINTED_DIGITS = 4
WRITTEN = files_of("replicate")
"""The files of a replication, with their columns, by name."""
COMPARISON = WRITTEN["comparison"].columns


PANEL: dict[str, Any] = {"entity": "iso3", "time": "year"}
"""Effects of countries and years, clusters by country."""


@dataclass(frozen=True)
class PaperColumn:
    """One column of Tables 3 to 6."""

    table: int
    column: int
    outcome: str
    sample: str
    controls: bool

    @property
    def name(self) -> str:
        return column_name(self.table, self.column)

    @property
    def keys(self) -> dict[str, int | str]:
        """The columns by which tables of results name it."""
        names = ("table", "column", "outcome", "sample")
        return {name: getattr(self, name) for name in names}

    @property
    def regressors(self) -> tuple[str, ...]:
        """TBI, then the controls."""
        return ("TBI", *CONTROLS) if self.controls else ("TBI",)

    @property
    def model(self) -> tx.Model:
        """Its model; the outcomes of each sample are a family."""
        return tx.Model(
            name=f"table{self.table}-{self.column}",
            outcome=self.outcome,
            regressors=self.regressors,
            **PANEL,
            sample=self.sample,
            family=self.sample + ("" if self.controls else ", no controls"),
            tags={"table": self.table, "column": self.column},
        )


def _columns() -> Iterator[PaperColumn]:
    both = ("KOFGIdj", "KOFEcGIdj")
    three = ("KOFTrGIdj", "KOFFiGIdj", "KOFPoGIdj")
    groups = ("developed", "developing")
    layout: dict[int, list[tuple[str, str, bool]]] = {
        3: [(k, "all", controls) for controls in (False, True) for k in both],
        4: [(k, group, True) for group in groups for k in both],
        5: [(k, "all", True) for k in three],
        6: [(k, group, True) for group in groups for k in three],
    }
    for table, columns in layout.items():
        for number, (outcome, group, controls) in enumerate(columns, 1):
            yield PaperColumn(table, number, outcome, group, controls)


def column_names(rows: pd.DataFrame) -> list[str]:
    """The name of each row's column of the paper, from its ``table`` and ``column``."""
    pairs = zip(rows["table"], rows["column"], strict=True)
    return [column_name(int(table), int(column)) for table, column in pairs]


COLUMNS: tuple[PaperColumn, ...] = tuple(_columns())


def paper_models() -> list[tx.Model]:
    """The 17 columns of Tables 3 to 6."""
    return [k.model for k in COLUMNS]


def sample(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """The rows of ``all``, ``developed`` or ``developing`` countries."""
    return (
        frame if name == "all" else frame[frame["developed"] == (name == "developed")]
    )


def within(frame: pd.DataFrame, entity: pd.Series) -> pd.DataFrame:
    """Columns less their mean by entity plus the grand mean, as Stata's xtreg, fe."""
    return frame - frame.groupby(entity.to_numpy()).transform("mean") + frame.mean()


def slopes_of(
    data: pd.DataFrame, outcome: str, regressors: Sequence[str]
) -> tx.results.Fit:
    """Slopes of a column and their covariance; its constant would take time."""
    model = tx.Model("", outcome, regressors, **PANEL)
    return tx.fit(model, data, vcov=tx.vcov.CV1("fixest"))


def estimate_columns(
    frame: pd.DataFrame, *, convention: Convention = "stata"
) -> dict[PaperColumn, tx.results.Fit]:
    """All 17 columns, estimated on a panel that ``build_panel`` made."""
    return {
        column: tx.fit(column.model, frame, vcov=tx.vcov.CV1(convention))
        for column in COLUMNS
    }


def require_countries(data: pd.DataFrame, regressors: Sequence[str]) -> None:
    """``TivaxError`` for a sample with no more countries than regressors."""
    for group in SAMPLES:
        rows = sample(data, group).dropna(subset=[*regressors])
        if (count := rows["iso3"].nunique()) <= len(regressors):
            raise tx.TivaxError(
                f"sample {group}: {count} countries are left for {len(regressors)} "
                "regressors; it takes more countries than regressors"
            )


def compare(estimates: dict[PaperColumn, tx.results.Fit]) -> pd.DataFrame:
    """139 coefficients beside the printed ones: ``COMPARISON``, clusters, paper_n.

    A convention without a constant leaves its 17 rows empty on our side.
    """
    tables = []
    for column, estimate in estimates.items():
        key = (column.table, column.column)
        paper_n, paper_r2 = FIT[key]
        names = ["paper_coef", "paper_se", "paper_stars"]
        printed = pd.DataFrame.from_dict(TABLES[key], orient="index", columns=names)
        own = estimate.terms.reindex(printed.index)
        rows = printed.assign(
            **column.keys,
            coef=own["estimate"],
            se=own["se"],
            stars=own["stars"].fillna(0).astype(int),
            n=estimate.n,
            r2=estimate.r2,
            paper_r2=paper_r2,
            clusters=estimate.clusters,
            paper_n=paper_n,
        )
        tables.append(rows.rename_axis("term").reset_index())
    return pd.concat(tables, ignore_index=True)[[*COMPARISON, "clusters", "paper_n"]]


def differences(comparison: pd.DataFrame) -> pd.Series:
    """(ours - printed) / printed standard error, by row."""
    return (comparison["coef"] - comparison["paper_coef"]) / comparison["paper_se"]


def agreement(comparison: pd.DataFrame) -> dict[str, float | int]:
    """Distance from the print, over all coefficients."""
    gaps = differences(comparison).abs()
    signs = np.sign(comparison["coef"]) == np.sign(comparison["paper_coef"])
    return {
        "coefficients": len(comparison),
        "mean_gap": float(gaps.mean()),
        "largest_gap": float(gaps.max()),
        "signs_equal": int(signs.sum()),
        "stars_equal": int((comparison["stars"] == comparison["paper_stars"]).sum()),
    }


def table_1(tbi: pd.DataFrame, erring: pd.DataFrame | None = None) -> pd.DataFrame:
    """The index of Table 1, printed and ours: year, iso3, paper, ours, difference.

    ``tbi`` has columns iso3, year, TBI; missing values are left empty. ``erring`` has
    iso3, year, ci_low, ci_high, which are added, and ``covers``: whether an interval
    holds a number that the print rounds to four digits.
    """
    years = pd.RangeIndex(2000, 2015, name="year")
    wide = pd.DataFrame(TABLE_1, years).rename_axis(columns="iso3")
    printed = wide.melt(value_name="paper", ignore_index=False).reset_index()
    places = pd.MultiIndex.from_frame(printed[["year", "iso3"]])
    own = tbi.set_index(["year", "iso3"])["TBI"]
    printed["ours"] = own.reindex(places).to_numpy()
    printed["difference"] = printed["ours"] - printed["paper"]
    if erring is None:
        return printed
    ends = erring[["year", "iso3", "ci_low", "ci_high"]]
    found = printed.merge(ends, on=["year", "iso3"], how="left")
    half = 0.5 * 10.0**-PRINTED_DIGITS
    covers = found["paper"].between(found["ci_low"] - half, found["ci_high"] + half)
    return found.assign(covers=covers.where(found["ci_low"].notna()))


def index_note(panel: tx.panel.Panel) -> str:
    """Source of the index, in the words of the codebook."""
    return str(panel.codebook.set_index("variable").loc["TBI", "note"])


def reconstructed_years(panel: tx.panel.Panel) -> int:
    """Years of the index that were estimated from gross trade; 0 for none."""
    return panel.index_sources.get("reconstructed", 0)
