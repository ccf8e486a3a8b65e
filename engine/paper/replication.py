"""``tivax replicate``: everything in the paper, and what the paper leaves open.

``replicate`` computes, ``write_replication`` writes: comparison.csv (all printed
coefficients beside ours), the panel, tables in journal layout, figures, and the report
that ``engine.replication_report`` words.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pandas as pd
import xarray as xr

from ..core import Progress, TivaxError, no_progress, require_kind, write_csv
from ..estimation import Estimate
from ..figures import panel as panel_plots
from ..figures import resampling as experiment_plots
from ..figures import specifications as specification_plots
from ..figures import trade as trade_plots
from ..panel import CONTROLS, DataFiles, Panel, build_panel, descriptives
from ..reporting import Language, journal_tables, plot_style
from . import columns as paper
from . import heterogeneity, robustness, specifications
from . import inference as paper_inference
from .columns import Column
from .tables import all_tables, lagged_frame

CURVES = ("KOFGIdj", "KOFEcGIdj")  # outcomes whose specification curve is drawn
PARTS_OUTCOME = "KOFEcGIdj"  # whose pooled coefficient is drawn in parts
REGRESSORS = ("TBI", *CONTROLS)

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Replication:
    """What ``replicate`` computed.

    Attributes
    ----------
    files, panel
        The choices and the data.
    estimates, comparison
        The 17 columns; the 139 coefficients beside the printed ones.
    table_1
        The printed index beside ours: year, iso3, paper, ours, difference.
    structure
        Table 2 as arithmetic: how well each index is the mean of its parts; None
        where the file lacks parts.
    figure_1
        Group means by year.
    lagged, variants, gross
        ``engine.robustness``; None where there are no tables or no gross trade.
    fixed_panel, fixed
        Every country code repaired: the panel and the 17 columns; None where a
        source lacks a country that this adds.
    errors, dependence
        Other standard errors; dependence between countries (Pesaran CD and others).
    interactions, parts
        ``engine.heterogeneity``.
    left_out, curve
        ``engine.specifications``.
    inference
        ``engine.paper_inference``; None where the index lacks a cell.
    moments, variation
        ``engine.descriptives``.
    skipped
        Sections that these inputs do not serve, and why. The paper's tables are never
        among them.
    """

    files: DataFiles
    panel: Panel
    estimates: dict[Column, Estimate]
    comparison: pd.DataFrame
    table_1: pd.DataFrame
    structure: pd.DataFrame | None
    figure_1: pd.DataFrame
    lagged: list[robustness.Lagged]
    variants: robustness.Variants | None
    gross: robustness.Gross | None
    fixed_panel: Panel | None
    fixed: dict[Column, Estimate] | None
    errors: pd.DataFrame
    dependence: pd.DataFrame
    interactions: pd.DataFrame
    parts: pd.DataFrame
    left_out: pd.DataFrame
    curve: specifications.Curve
    inference: paper_inference.PaperInference | None
    moments: pd.DataFrame
    variation: pd.DataFrame
    skipped: Mapping[str, str]

    @property
    def other_data(self) -> list[str]:
        """In what these data are not the paper's; empty where they are."""
        return specifications.other_than_the_papers(
            self.files, self.panel.frame, self.table_1
        )


def replicate(files: DataFiles, *, progress: Progress = no_progress) -> Replication:
    """Compute everything. ``progress`` counts thirteen steps.

    Raises ``TivaxError`` in one line for inputs that do not serve.
    """
    require_kind("files", files, DataFiles, "what tx.read_data_files returns")
    done = iter(range(1, 14))

    def step() -> None:
        progress(next(done), 13)

    skipped: dict[str, str] = {}

    def optional(section: str, compute: Callable[[], T]) -> T | None:
        try:
            return compute()
        except TivaxError as error:
            skipped[section] = str(error)
            return None

    progress(0, 13)
    panel = build_panel(files)
    frame = panel.frame
    _require_countries(panel, files)
    step()
    estimates = paper.estimate_columns(frame)
    comparison = paper.compare(estimates)
    step()
    lagged = robustness.lagged_instrument(frame)
    step()
    tables = robustness.read_tables(files, files.years)
    step()
    variants = None
    if tables is not None:
        variants = optional(
            "The index rebuilt from domestic value added",
            lambda: robustness.index_variants(frame, tables),
        )
    step()
    gross = optional(
        "Gross trade in place of value added",
        lambda: robustness.gross_trade(frame, files),
    )
    step()
    repaired = optional(
        "Every country code repaired", lambda: robustness.fixed_codes(files, panel)
    )
    fixed_panel, fixed = repaired or (None, None)
    step()
    errors = robustness.other_errors(frame, estimates)
    dependence = robustness.cross_section_dependence(frame, estimates)
    step()
    interactions = heterogeneity.interactions(frame)
    parts = heterogeneity.pooled_parts(frame)
    step()
    left_out = specifications.leave_one_out(frame)
    step()
    curve = specifications.specification_curve(files, panel, estimates)
    step()
    inference = optional(
        "Bootstrap and placebo", lambda: paper_inference.infer_paper(frame)
    )
    step()
    moments = descriptives.describe(frame)
    variation = descriptives.within_variation(frame)
    structure = optional("Table 2", lambda: descriptives.index_structure(files, frame))
    step()
    return Replication(
        files=files,
        panel=panel,
        estimates=estimates,
        comparison=comparison,
        table_1=paper.table_1(frame),
        structure=structure,
        figure_1=descriptives.group_means(frame),
        lagged=lagged,
        variants=variants,
        gross=gross,
        fixed_panel=fixed_panel,
        fixed=fixed,
        errors=errors,
        dependence=dependence,
        interactions=interactions,
        parts=parts,
        left_out=left_out,
        curve=curve,
        inference=inference,
        moments=moments,
        variation=variation,
        skipped=skipped,
    )


def _require_countries(panel: Panel, files: DataFiles) -> None:
    for group in robustness.SAMPLES:
        if few := robustness.too_few_countries(panel.frame, group, REGRESSORS):
            raise TivaxError(
                f"{files.folder}: {few}; shorten [recipe] drop in data.toml"
            )


def figures_of(
    result: Replication, language: Language = "en"
) -> dict[str, plot_style.Figure]:
    """Every figure by its file name.

    ``table1_tbi`` is missing where the panel has none of Table 1's economies.
    """
    comparison = result.comparison
    figures = {
        "figure1": panel_plots.index_means(result.panel.frame, language=language),
        "tbi_coefficients": panel_plots.tbi_coefficients(comparison, language),
    }
    index = _index_dataset(result.panel.frame)
    if regions := [str(k) for k in index["region"].values]:
        figures["table1_tbi"] = trade_plots.tbi_lines(index, regions, language)
    for table, rows in comparison.groupby("table"):
        figures[f"table{table}_coefficients"] = panel_plots.coefficient_plot(
            rows, language
        )
    if result.inference is not None:
        for table, rows in result.inference.rows.groupby("table"):
            figures[f"table{table}_inference"] = experiment_plots.intervals(
                rows, paper_inference.INTERVALS, language
            )
    figures["pooled_parts"] = _parts_figure(result, language)
    for outcome in CURVES:
        printed = comparison[
            (comparison["outcome"] == outcome)
            & (comparison["sample"] == "all")
            & (comparison["term"] == "TBI")
        ].iloc[-1]
        rows = result.curve.rows
        drawn = specifications.estimated(
            rows[(rows["outcome"] == outcome) & (rows["sample"] == "all")]
        )
        figures[f"specification_curve_{outcome}"] = (
            specification_plots.specification_curve(
                drawn,
                specifications.CHOICES,
                float(printed["paper_coef"]),
                float(printed["paper_se"]),
                language,
                name=result.curve.name,
            )
        )
        left = result.left_out[
            (result.left_out["table"] == 3)
            & (result.left_out["column"] == printed["column"])
        ]
        figures[f"leave_one_out_{outcome}"] = specification_plots.leave_one_out(
            specifications.estimated(left[left["left_out"] != ""]),
            float(left.loc[left["left_out"] == "", "coef"].iloc[0]),
            language,
        )
    return figures


def _parts_figure(result: Replication, language: Language) -> plot_style.Figure:
    points = heterogeneity.partial_points(result.panel.frame, PARTS_OUTCOME)
    parts = result.parts[result.parts["outcome"] == PARTS_OUTCOME]
    names = dict(
        zip(heterogeneity.PARTS, ("developed", "developing", "between"), strict=True)
    )
    points["group"] = points["part"].map(names)
    slopes = {
        name: float(parts.loc[parts["part"] == part, "slope"].iloc[0])
        for part, name in names.items()
    }
    slopes["pooled"] = float(parts["contribution"].sum())
    # The countries of a group share their point between groups: once is enough.
    shown = points.round(12).drop_duplicates(["group", "year", "x", "y"])
    return panel_plots.slopes(shown, slopes, language, y=PARTS_OUTCOME)


def _index_dataset(frame: pd.DataFrame) -> xr.Dataset:
    table = frame[frame["iso3"].isin(trade_plots.PAPER_REGIONS)]
    index = table.set_index(["year", "iso3"])["TBI"].unstack("iso3")
    return xr.Dataset(
        {"tbi": (("year", "region"), index.to_numpy())},
        coords={"year": index.index.to_numpy(), "region": list(index.columns)},
    )


def write_replication(
    result: Replication, folder: Path, language: Language = "en"
) -> dict[str, plot_style.Figure]:
    """Write everything but report and manifest; the figures, for the report.

    ``tables/`` holds html, tex and csv in journal layout, ``results/`` the numbers
    behind every other section, ``figures/`` SVG and PNG.
    """
    write_csv(result.comparison[list(paper.COMPARISON)], folder / "comparison.csv")
    write_csv(result.panel.frame, folder / "panel.csv")
    write_csv(result.panel.codebook, folder / "codebook.csv")
    for name in ("tables", "results", "figures"):
        (folder / name).mkdir()
    for name, table in all_tables(result, language).items():
        _write_table(table, folder / "tables", name)
    for name, frame in _result_frames(result).items():
        write_csv(frame, folder / "results" / f"{name}.csv")
    figures = figures_of(result, language)
    for name, figure in figures.items():
        place = folder if name == "figure1" else folder / "figures"
        plot_style.save_figure(figure, place, name)
    return figures


def _write_table(table: journal_tables.JournalTable, folder: Path, name: str) -> None:
    head = f'<!DOCTYPE html>\n<meta charset="utf-8">\n<title>{table.title}</title>\n'
    page = f"{head}{journal_tables.to_html(table)}\n"
    (folder / f"{name}.html").write_text(page, encoding="utf-8")
    (folder / f"{name}.tex").write_text(
        journal_tables.to_latex(table), encoding="utf-8"
    )
    write_csv(journal_tables.to_frame(table), folder / f"{name}.csv")


def _result_frames(result: Replication) -> dict[str, pd.DataFrame]:
    frames = {
        "table1": result.table_1,
        "figure1": result.figure_1,
        "instrumental_variables": lagged_frame(result.lagged),
        "standard_errors": result.errors,
        "pesaran_cd": result.dependence,
        "interactions": result.interactions,
        "pooled_parts": result.parts,
        "leave_one_out": result.left_out,
        "specification_curve": result.curve.rows,
        "descriptive_statistics": result.moments,
        "within_variation": result.variation,
    }
    if result.structure is not None:
        frames["table2_structure"] = result.structure
    if result.fixed is not None:
        frames["recipe_fixed"] = paper.compare(result.fixed)[list(paper.COMPARISON)]
    if result.variants is not None:
        frames["index_variants"] = result.variants.rows
        frames["index_values"] = result.variants.indices
    if result.inference is not None:
        frames["bootstrap_and_placebo"] = result.inference.rows
    if result.gross is not None:
        frames["gross_trade"] = result.gross.rows
    return frames
