"""Write a replication: comparison.csv, the panel, tables, figures, results.

``comparison.csv`` holds all printed coefficients beside ours. The report is worded in
``report``.
"""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from ...core import Format, columns_of, write_csv, write_frame
from ...reporting import Drawn, Language, to_frame, to_html, to_latex
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
        head = (
            f'<!DOCTYPE html>\n<meta charset="utf-8">\n<title>{table.title}</title>\n'
        )
        path = folder / "tables" / name
        path.with_suffix(".html").write_text(f"{head}{to_html(table)}\n", "utf-8")
        path.with_suffix(".tex").write_text(to_latex(table), "utf-8")
        write_csv(to_frame(table), path.with_suffix(".csv"))
    for name, frame in _result_frames(result).items():
        write_frame(frame, folder / "results", name, format, labels)
    drawn = drawn_figures(result, language, drawing, files=figures)
    for name, figure in drawn.items() if figures else ():
        assert isinstance(figure, Drawn)
        figure.save(folder if name == "figure1" else folder / "figures", name)
    return drawn


def _result_frames(result: Replication) -> dict[str, pd.DataFrame]:
    errors, by_file, joint = result.table_errors, result.by_file, result.joint
    fixed = None
    if result.fixed is not None:
        fixed = paper.compare(result.fixed)[list(paper.COMPARISON)]
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
        "index_with_errors": errors and errors.index,
        "coefficients": errors and errors.coefficients,
        "index_of_tables_or_file": by_file and changes(result.comparison, by_file),
        "recipe_fixed": fixed,
        "index_variants": result.variants and result.variants.rows,
        "index_values": result.variants and result.variants.indices,
        "exposure_instrument": result.exposed and result.exposed.rows,
        "bootstrap_and_placebo": result.inference and result.inference.rows,
        "threats": result.threats and result.threats.rows,
        "curve_tests": joint and specifications.joint_p(joint),
        "curve_specifications": joint and joint.wide.table,
        "curve_options": joint and joint.wide.by_option,
        "gross_trade": result.gross and result.gross.rows,
    }
    return {name: frame for name, frame in frames.items() if frame is not None}
