"""Compute everything in the paper, and the checks that it leaves open."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

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


# What the steps of ``replicate`` compute, in order. Bootstraps, placebos and declared
# p-values are drawn beside the others, and world tables read; both are waited for.
STEPS = (
    "panel",
    "tables 3 to 6",
    "lagged instrument",
    "world tables",
    "index from domestic value added",
    "gross trade",
    "every country code repaired",
    "other standard errors",
    "interactions",
    "without each country",
    "specification curve",
    "threats",
    "joint tests of the curve",
    "errors of the tables",
    "descriptive statistics",
    "bootstrap and placebo, declared p-values",
)


def replicate(
    files: tx.DataFiles,
    *,
    progress: Progress = no_progress,
    said: Callable[[str], object] = str,
    drawing: Drawing | None = None,
) -> Replication:
    """Compute everything. ``progress`` counts steps, ``said`` is called with the name
    of each before it begins: see ``STEPS``. The process of ``drawing`` helps, and draws
    each figure as soon as there is what it shows.

    Raises ``TivaxError`` in one line for inputs that do not serve.

    Parameters
    ----------
    files : DataFiles
        Sources of the panel, from :func:`read_data_files`.
    progress, said : callable, optional
        Called with the steps that are done, and with the name of each.
    drawing : optional
        The process that draws figures meanwhile.

    Returns
    -------
    Replication
        ``comparison`` has every printed coefficient beside ours; ``skipped``
        what was left out.

    Examples
    --------
    A minute on two cores, once its programs are compiled:

    >>> files = tx.read_data_files("raw")
    >>> found = tx.replicate(files)  # doctest: +SKIP
    >>> found.comparison, found.skipped  # doctest: +SKIP
    """
    further = tx.FurtherData(files)
    done = iter(range(1, len(STEPS) + 1))

    def step() -> None:
        number = next(done)
        progress(number, len(STEPS))
        if number < len(STEPS):
            said(STEPS[number])

    skipped: dict[str, str] = {}

    def optional(section: str, compute: Callable[[], T]) -> T | None:
        try:
            return compute()
        except tx.TivaxError as error:
            skipped[section] = str(error)
            return None

    def draw(of: Callable[..., plots.Plots], *shown: object) -> None:
        if drawing is not None:
            drawing.begin(of, *shown)

    progress(0, len(STEPS))
    said(STEPS[0])
    panel = tx.build_panel(files)
    frame = panel.frame
    _require_countries(panel, files)
    draw(plots.of_panel, frame)
    step()
    with (
        beside(partial(_drawn, frame, draw)) as inferring,
        beside(lambda told: further.world_tables(progress=told)) as reading,
        beside(partial(from_tables.draws_of_index, files, frame)) as drawing_tables,
    ):
        estimates = paper.estimate_columns(frame)
        comparison = paper.compare(estimates)
        draw(plots.of_comparison, comparison)
        dependence = robustness.cross_section_dependence(
            frame, estimates, drawing and drawing.helper
        )
        step()
        lagged = robustness.lagged_instrument(frame)
        draw(plots.of_lagged, lagged)
        step()
        tables = reading()
        step()
        by_file = from_tables.other_index(further, frame)
        variants = None
        if tables is not None:
            variants = optional(
                "The index rebuilt from domestic value added",
                lambda: other_indices.index_variants(frame, tables),
            )
        instrument = optional(
            "An instrument from the tables", lambda: exposed.exposed(frame, tables)
        )
        step()
        gross = optional(
            "Gross trade in place of value added",
            lambda: other_indices.gross_trade(frame, further),
        )
        step()
        repaired = optional(
            "Every country code repaired", lambda: robustness.fixed_codes(files, panel)
        )
        fixed_panel, fixed = repaired or (None, None)
        step()
        errors = robustness.other_errors(frame, estimates)
        placebos = optional(
            "Treatments that did nothing", lambda: robustness.placebo_treatments(frame)
        )
        step()
        interactions = heterogeneity.interactions(frame)
        parts = heterogeneity.pooled_parts(frame)
        draw(plots.of_parts, frame, parts)
        step()
        left_out = specifications.leave_one_out(frame)
        step()
        curve = specifications.specification_curve(further, panel, estimates)
        draw(plots.of_curve, comparison, curve, left_out)
        step()
        every = descriptives.every_outcome(panel)
        every = other_indices.with_vintage(every, further, tables, variants)
        threatened = optional(
            "What would make it go away", lambda: declared.threats_to_main_tests(every)
        )
        step()
        joint = optional(
            "The curve as a whole", lambda: specifications.joint_curves(every)
        )
        step()
        erring = optional(
            "Errors of the tables",
            lambda: from_tables.table_errors(frame, estimates, drawing_tables()),
        )
        step()
        moments = descriptives.describe(frame)
        variation = descriptives.within_variation(frame)
        structure = optional(
            "Table 2", lambda: descriptives.index_structure(panel, files.kof.path)
        )
        step()
        drawn, tests, refused = inferring()
    if threatened is not None:
        table = threatened.table
        shown = with_declared_p(table, table["threat"] == "the model", tests)
        threatened = replace(threatened, table=shown)
    if joint is not None:
        curves = (
            replace(k, table=with_declared_p(k.table, k.table["chosen"], tests))
            for k in (joint.narrow, joint.wide)
        )
        joint = specifications.JointCurves(*curves)
    if refused:
        skipped["Bootstrap and placebo"] = refused
    step()
    return Replication(
        files=files,
        panel=panel,
        estimates=estimates,
        comparison=comparison,
        table_1=paper.table_1(frame, erring and erring.index),
        table_errors=erring,
        by_file=by_file,
        structure=structure,
        figure_1=descriptives.group_means(frame),
        exposed=instrument,
        lagged=lagged,
        variants=variants,
        gross=gross,
        fixed_panel=fixed_panel,
        fixed=fixed,
        errors=errors,
        placebos=placebos,
        dependence=dependence(),
        interactions=interactions,
        parts=parts,
        left_out=left_out,
        curve=curve,
        inference=drawn,
        declared=tests,
        threats=threatened,
        joint=joint,
        moments=moments,
        variation=variation,
        skipped=skipped,
    )


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


def _require_countries(panel: tx.Panel, files: tx.DataFiles) -> None:
    try:
        paper.require_countries(panel.frame, REGRESSORS)
    except tx.TivaxError as error:
        said = f"{files.folder}: {error}; shorten [recipe] drop in data.toml"
        raise tx.TivaxError(said) from None
