"""Compute everything in the paper, and the checks that it leaves open."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import fields, replace
from functools import cached_property, partial
from typing import Any, TypeVar

import pandas as pd

import tivax as tx

from ...core import Progress, beside, no_progress
from . import columns as paper
from . import (
    declared,
    descriptives,
    exposed,
    from_tables,
    heterogeneity,
    inference,
    other_indices,
    robustness,
    specifications,
)
from .columns import CONTROLS
from .declared import with_declared_p
from .inference import PaperInference
from .report import plots
from .report.plots import Drawing
from .results import Replication

REGRESSORS = ("TBI", *CONTROLS)

T = TypeVar("T")


def replicate(
    files: tx.panel.DataFiles, *, progress: Progress = no_progress
) -> Replication:
    """Compute everything in the paper.

    Raises ``TivaxError`` in one line for inputs that do not serve.

    Parameters
    ----------
    files : DataFiles
        Sources of the panel, from :func:`.read_data_files`.
    progress : callable, optional
        Called with the steps that are done and their number.

    Returns
    -------
    Replication
        ``comparison`` has every printed coefficient beside ours; ``skipped``
        what was left out.

    Examples
    --------
    A minute on two cores, once its programs are compiled:

    >>> files = tx.panel.read_data_files("raw")
    >>> found = tx.replicate(files)  # doctest: +SKIP
    >>> found.comparison, found.skipped  # doctest: +SKIP
    """
    with Computation(files) as work:
        run_steps(work.steps, lambda done, total, _: progress(done, total))
        return work.result


Told = Callable[[int, int, str], object]
"""Called with the steps that are done, their number, and the next one's title."""


def run_steps(steps: Mapping[str, Callable[[], object]], told: Told) -> None:
    """Do the work of each step, by title."""
    for done, (title, work) in enumerate(steps.items()):
        told(done, len(steps), title)
        work()
    told(len(steps), len(steps), "")


_STEPS: dict[str, Callable[["Computation"], None]] = {}


def _step(title: str) -> Callable[[Callable[["Computation"], None]], Any]:
    """Name a step of ``Computation``; steps are done in the order of the class."""

    def named(work: Callable[["Computation"], None]) -> Any:
        _STEPS[title] = work
        return work

    return named


class Computation(ExitStack):
    """The results of ``steps``, under the names of ``Replication``.

    Bootstraps, placebos and declared p-values are drawn beside the others, and world
    tables read; both are waited for. The process of ``drawing`` helps, and draws each
    figure as soon as there is what it shows.
    """

    def __init__(
        self, files: tx.panel.DataFiles, drawing: Drawing | None = None
    ) -> None:
        super().__init__()
        self.files, self._drawing = files, drawing
        self._further = tx.panel.FurtherData(files)
        self.skipped: dict[str, str] = {}

    @property
    def steps(self) -> dict[str, Callable[[], None]]:
        """The work of each step by its title, in order."""
        return {title: partial(work, self) for title, work in _STEPS.items()}

    @cached_property
    def result(self) -> Replication:
        """The replication, once all steps are done."""
        found = {k.name: getattr(self, k.name) for k in fields(Replication)}
        return Replication(**found)

    def _optional(self, section: str, compute: Callable[..., T], *of: Any) -> T | None:
        try:
            return compute(*of)
        except tx.TivaxError as error:
            self.skipped[section] = str(error)
            return None

    def _draw(self, of: Callable[..., plots.Plots], *shown: object) -> None:
        if self._drawing is not None:
            self._drawing.begin(of, *shown)

    @_step("panel")
    def _panel(self) -> None:
        self.panel = tx.panel.build_panel(self.files)
        self._frame = self.panel.frame
        _require_countries(self.panel, self.files)
        self._draw(plots.of_panel, self._frame)

    @_step("tables 3 to 6")
    def _regressions(self) -> None:
        frame, read, begin = self._frame, self._further, self.enter_context
        draws = partial(from_tables.draws_of_index, self.files, frame)
        self._inferring = begin(beside(partial(_drawn, frame, self._draw)))
        self._reading = begin(beside(lambda told: read.world_tables(progress=told)))
        self._drawing_tables = begin(beside(draws))
        self.estimates = paper.estimate_columns(frame)
        self.comparison = paper.compare(self.estimates)
        self._draw(plots.of_comparison, self.comparison)
        self._dependence = robustness.cross_section_dependence(
            frame, self.estimates, self._drawing and self._drawing.helper
        )

    @_step("lagged instrument")
    def _lagged(self) -> None:
        self.lagged = robustness.lagged_instrument(self._frame)
        self._draw(plots.of_lagged, self.lagged)

    @_step("world tables")
    def _world_tables(self) -> None:
        self._tables = self._reading()

    @_step("index from domestic value added")
    def _other_indices(self) -> None:
        frame, tables = self._frame, self._tables
        self.by_file = from_tables.other_index(self._further, frame)
        self.variants = None
        if tables is not None:
            section = "The index rebuilt from domestic value added"
            self.variants = self._optional(
                section, other_indices.index_variants, frame, tables
            )
        section = "An instrument from the tables"
        self.exposed = self._optional(section, exposed.exposed, frame, tables)

    @_step("gross trade")
    def _gross(self) -> None:
        section, of = (
            "Gross trade in place of value added",
            (self._frame, self._further),
        )
        self.gross = self._optional(section, other_indices.gross_trade, *of)

    @_step("every country code repaired")
    def _repaired(self) -> None:
        section, fixed_codes = "Every country code repaired", robustness.fixed_codes
        repaired = self._optional(section, fixed_codes, self.files, self.panel)
        self.fixed_panel, self.fixed = repaired or (None, None)

    @_step("other standard errors")
    def _errors(self) -> None:
        self.errors = robustness.other_errors(self._frame, self.estimates)
        section = "Treatments that did nothing"
        placebos = robustness.placebo_treatments
        self.placebos = self._optional(section, placebos, self._frame)

    @_step("interactions")
    def _interactions(self) -> None:
        self.interactions = heterogeneity.interactions(self._frame)
        self.parts = heterogeneity.pooled_parts(self._frame)
        self._draw(plots.of_parts, self._frame, self.parts)

    @_step("without each country")
    def _left_out(self) -> None:
        self.left_out = specifications.leave_one_out(self._frame)

    @_step("specification curve")
    def _curve(self) -> None:
        self.curve = specifications.specification_curve(
            self._further, self.panel, self.estimates
        )
        self._draw(plots.of_curve, self.comparison, self.curve, self.left_out)

    @_step("threats")
    def _threats(self) -> None:
        every = descriptives.every_outcome(self.panel)
        self._every = other_indices.with_vintage(
            every, self._further, self._tables, self.variants
        )
        section, threats = "What would make it go away", declared.threats_to_main_tests
        self.threats = self._optional(section, threats, self._every)

    @_step("joint tests of the curve")
    def _joint(self) -> None:
        joint = specifications.joint_curves
        self.joint = self._optional("The curve as a whole", joint, self._every)

    @_step("errors of the tables")
    def _table_errors(self) -> None:
        def errors() -> from_tables.TableErrors | None:
            drawn = self._drawing_tables()
            return from_tables.table_errors(self._frame, self.estimates, drawn)

        self.table_errors = erring = self._optional("Errors of the tables", errors)
        self.table_1 = paper.table_1(self._frame, erring and erring.index)

    @_step("descriptive statistics")
    def _descriptives(self) -> None:
        self.moments = descriptives.describe(self._frame)
        self.variation = descriptives.within_variation(self._frame)
        self.figure_1 = descriptives.group_means(self._frame)
        structure, kof = descriptives.index_structure, self.files.kof.path
        self.structure = self._optional("Table 2", structure, self.panel, kof)

    @_step("bootstrap and placebo, declared p-values")
    def _inference(self) -> None:
        self.inference, tests, refused = self._inferring()
        self.declared = tests
        if self.threats is not None:
            table = self.threats.table
            first = table["threat"] == "the model"
            shown = with_declared_p(table, first, tests)
            self.threats = replace(self.threats, table=shown)
        if self.joint is not None:
            curves = (
                replace(k, table=with_declared_p(k.table, k.table["chosen"], tests))
                for k in (self.joint.narrow, self.joint.wide)
            )
            self.joint = specifications.JointCurves(*curves)
        if refused:
            self.skipped["Bootstrap and placebo"] = refused
        self.dependence = self._dependence()


def _drawn(
    frame: pd.DataFrame, draw: Callable[..., None], progress: Progress
) -> tuple[PaperInference | None, pd.DataFrame, str]:
    """Bootstraps and placebos, which are drawn, the declared p-values, and why there
    are none of the former."""
    drawn, refused = None, ""
    try:
        drawn = inference.infer_paper(frame, progress=progress)
        draw(plots.of_inference, drawn)
    except tx.TivaxError as error:
        refused = str(error)
    family = None if drawn is None else drawn.rows.assign(se=drawn.se)
    return drawn, declared.declared_p_values(frame, family, progress=progress), refused


def _require_countries(panel: tx.panel.Panel, files: tx.panel.DataFiles) -> None:
    try:
        paper.require_countries(panel.frame, REGRESSORS)
    except tx.TivaxError as error:
        said = f"{files.folder}: {error}; shorten [recipe] drop in data.toml"
        raise tx.TivaxError(said) from None
