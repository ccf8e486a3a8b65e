"""Write a replication: comparison.csv, the panel, tables, figures, results.

``comparison.csv`` holds all printed coefficients beside ours. The report is worded in
``report``.
"""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from ...core import Format, columns_of, write_csv, write_frame
from ...reporting import Drawn, JournalTable, Language, to_frame, to_html, to_latex
from . import columns as paper
from . import specifications
from .from_tables import changes
from .report.plots import Drawing, drawn_figures
from .results import Replication
from .robustness import direct_effects
from .tables import all_tables, lagged_frame


def write_replication(
    result: Replication,
    folder: Path,
    language: Language = "en",
    *,
    figures: bool = True,
    format: Format = "csv",
    drawing: Drawing | None = None,
) -> Mapping[str, Figure | Drawn]:
    """Write everything but report and manifest; the figures, for the report.

    ``tables/`` holds html, tex and csv in journal layout, ``results/`` the numbers
    behind every other section, ``figures/`` SVG, PNG and PDF, if asked for. ``format``
    is that of comparison, panel and results; ``drawing`` has begun the figures.
    """
    comparison = result.comparison[list(paper.COMPARISON)]
    labels = columns_of("replicate")
    write_frame(comparison, folder, "comparison", format, labels)
    write_frame(result.panel.frame, folder, "panel", format, labels)
    write_csv(result.panel.codebook, folder / "codebook.csv")
    for name in ("tables", "results", *(["figures"] if figures else [])):
        (folder / name).mkdir()
    for name, table in all_tables(result, language).items():
        _write_table(table, folder / "tables", name)
    for name, frame in _result_frames(result).items():
        write_frame(frame, folder / "results", name, format, labels)
    drawn = drawn_figures(result, language, drawing, files=figures)
    for name, figure in drawn.items() if figures else ():
        assert isinstance(figure, Drawn)
        figure.save(folder if name == "figure1" else folder / "figures", name)
    return drawn


def _write_table(table: JournalTable, folder: Path, name: str) -> None:
    head = f'<!DOCTYPE html>\n<meta charset="utf-8">\n<title>{table.title}</title>\n'
    page = f"{head}{to_html(table)}\n"
    (folder / f"{name}.html").write_text(page, encoding="utf-8")
    (folder / f"{name}.tex").write_text(to_latex(table), encoding="utf-8")
    write_csv(to_frame(table), folder / f"{name}.csv")


def _result_frames(result: Replication) -> dict[str, pd.DataFrame]:
    frames: dict[str, pd.DataFrame | None] = {
        "table1": result.table_1,
        "figure1": result.figure_1,
        "instrumental_variables": lagged_frame(result.lagged),
        "direct_effects": direct_effects(result.lagged),
        "standard_errors": result.errors,
        "placebo_treatments": result.placebos,
        "pesaran_cd": result.dependence,
        "interactions": result.interactions,
        "pooled_parts": result.parts,
        "leave_one_out": result.left_out,
        "specification_curve": result.curve.rows,
        "declared_tests": result.declared,
        "descriptive_statistics": result.moments,
        "within_variation": result.variation,
        "table2_structure": result.structure,
    }
    if result.table_errors is not None:
        frames["index_with_errors"] = result.table_errors.index
        frames["coefficients"] = result.table_errors.coefficients
    if result.by_file is not None:
        frames["index_of_tables_or_file"] = changes(result.comparison, result.by_file)
    if result.fixed is not None:
        frames["recipe_fixed"] = paper.compare(result.fixed)[list(paper.COMPARISON)]
    if result.variants is not None:
        frames["index_variants"] = result.variants.rows
        frames["index_values"] = result.variants.indices
    if result.exposed is not None:
        frames["exposure_instrument"] = result.exposed.rows
    if result.inference is not None:
        frames["bootstrap_and_placebo"] = result.inference.rows
    if result.threats is not None:
        frames["threats"] = result.threats.rows
    if result.joint is not None:
        frames["curve_tests"] = specifications.joint_p(result.joint)
        frames["curve_specifications"] = result.joint.wide.table
        frames["curve_options"] = result.joint.wide.by_option
    if result.gross is not None:
        frames["gross_trade"] = result.gross.rows
    return {name: frame for name, frame in frames.items() if frame is not None}
