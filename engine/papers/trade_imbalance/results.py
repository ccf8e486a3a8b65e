"""The result of a replication."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

import tivax as tx

from .columns import PaperColumn
from .editions import other_than_the_papers
from .exposed import Exposed
from .from_tables import OtherIndex, TableErrors
from .inference import PaperInference
from .other_indices import Gross, IndexVariants
from .robustness import Lagged
from .specifications import Curve, JointCurves


@dataclass(frozen=True, eq=False)
class Replication:
    """Everything that ``replicate`` computes.

    Attributes
    ----------
    files, panel
        The choices and the data.
    estimates, comparison
        The 17 columns; the 139 coefficients beside the printed ones.
    table_1
        The printed index beside ours: year, iso3, paper, ours, difference; where the
        tables have an error model ci_low and ci_high, and whether they hold the print.
    table_errors, by_file
        Errors of rebuilt tables in the index and in the coefficients, None of other
        tables; the 17 columns with the index of the folder's file, None where the
        index is of that file or there is none.
    structure
        Table 2 as arithmetic: how well each index is the mean of its parts; None
        where the file lacks parts.
    figure_1
        Group means by year.
    exposed
        The instrument from the tables; None where there are none.
    lagged, variants, gross
        2SLS with the lagged index; other indices, None where there are no tables or no
        gross trade.
    fixed_panel, fixed
        Every country code repaired: the panel and the 17 columns; None where a
        source lacks a country that this adds.
    errors, placebos, dependence
        Other standard errors; how often treatments without effect are significant,
        None where a country lacks a year; dependence between countries (Pesaran CD
        and others).
    interactions, parts
        Slopes by group; the parts of the pooled coefficient.
    left_out, curve
        Without each country; under every combination of editions.
    inference
        Bootstrap and placebo; None where the index lacks a cell.
    declared
        The tests behind the verdicts with their declared p-values.
    threats
        The main tests under every threat; None where they cannot be computed.
    joint
        The curves over contestable choices with their joint tests; None where they
        cannot be computed.
    moments, variation
        Descriptive statistics; the variation that identifies each regressor.
    skipped
        Sections that could not be computed from these inputs, and why. The paper's
        tables are never among them.

    Examples
    --------
    What :func:`~tivax.replicate` returns:

    >>> from tivax.engine.papers.trade_imbalance import Replication
    >>> list(Replication.__annotations__)[:4]
    ['files', 'panel', 'estimates', 'comparison']
    >>> found = tx.replicate(tx.panel.read_data_files("raw"))  # doctest: +SKIP
    """

    files: tx.panel.DataFiles
    panel: tx.panel.Panel
    estimates: dict[PaperColumn, tx.results.Fit]
    comparison: pd.DataFrame
    table_1: pd.DataFrame
    table_errors: TableErrors | None
    by_file: OtherIndex | None
    structure: pd.DataFrame | None
    figure_1: pd.DataFrame
    exposed: Exposed | None
    lagged: list[Lagged]
    variants: IndexVariants | None
    gross: Gross | None
    fixed_panel: tx.panel.Panel | None
    fixed: dict[PaperColumn, tx.results.Fit] | None
    errors: pd.DataFrame
    placebos: pd.DataFrame | None
    dependence: pd.DataFrame
    interactions: pd.DataFrame
    parts: pd.DataFrame
    left_out: pd.DataFrame
    curve: Curve
    inference: PaperInference | None
    declared: pd.DataFrame
    threats: tx.results.Threats | None
    joint: JointCurves | None
    moments: pd.DataFrame
    variation: pd.DataFrame
    skipped: Mapping[str, str]

    @property
    def other_data(self) -> list[str]:
        """Differences of these data from the paper's; empty for none."""
        return other_than_the_papers(self.files, self.panel.frame, self.table_1)
