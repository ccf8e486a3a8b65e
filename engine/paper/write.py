"""Write a replication: comparison.csv, the panel, tables, figures, results.

``comparison.csv`` holds all printed coefficients beside ours. The report is worded in
``report``.
"""

from pathlib import Path

import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from ..core import Format, to_long, write_csv, write_frame
from ..figures import direct_effect_bounds, threat_intervals
from ..figures import panel as panel_figures
from ..figures import resampling as draw_figures
from ..figures import specifications as curve_figures
from ..figures import trade as trade_figures
from ..reporting import JournalTable, Language, save_figure, to_frame, to_html, to_latex
from . import columns as paper
from . import heterogeneity, specifications
from .editions import CHOICES
from .inference import INTERVALS
from .printed import TABLE_1
from .results import Replication
from .robustness import direct_effects
from .tables import all_tables, lagged_frame

CURVES = ("KOFGIdj", "KOFEcGIdj")  # outcomes whose specification curve is drawn
PARTS_OUTCOME = "KOFEcGIdj"  # whose pooled coefficient is drawn in parts


def figures_of(result: Replication, language: Language = "en") -> dict[str, Figure]:
    """Every figure by its file name.

    ``table1_tbi`` is missing where the panel has none of Table 1's economies.
    """
    comparison = result.comparison
    figures = {
        "figure1": panel_figures.index_means(result.panel.frame, language=language),
        "tbi_coefficients": panel_figures.tbi_coefficients(comparison, language),
    }
    index = _index_dataset(result.panel.frame)
    if regions := [str(k) for k in index["region"].values]:
        figures["table1_tbi"] = trade_figures.tbi_lines(index, regions, language)
    for table, rows in comparison.groupby("table"):
        figures[f"table{table}_coefficients"] = panel_figures.coefficient_plot(
            rows, language
        )
    if result.inference is not None:
        for table, rows in result.inference.rows.groupby("table"):
            figures[f"table{table}_inference"] = draw_figures.intervals(
                rows, INTERVALS, language
            )
    if result.threats is not None:
        for model in result.threats.models:
            if (place := paper.printed_place(model)) and place[0] == 3:
                figures[f"threats_{model.outcome}"] = threat_intervals(
                    result.threats.intervals(model.name)
                )
    pooled = [k.bounds for k in result.lagged if k.sample == "all"]
    figures["direct_effects"] = direct_effect_bounds(
        pd.concat([to_long(k) for k in pooled]), language
    )
    if result.joint is not None:
        wide = result.joint.wide
        for model in wide.models:
            if model.outcome in CURVES:
                figures[f"joint_curve_{model.outcome}"] = curve_figures.joint_curve(
                    wide.drawn_curve(model.name),
                    wide.choices,
                    wide.null[wide.null["model"] == model.name],
                    language,
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
        figures[f"specification_curve_{outcome}"] = curve_figures.specification_curve(
            drawn,
            CHOICES,
            float(printed["paper_coef"]),
            float(printed["paper_se"]),
            language,
            name=result.curve.name,
        )
        left = result.left_out[
            (result.left_out["table"] == 3)
            & (result.left_out["column"] == printed["column"])
        ]
        figures[f"leave_one_out_{outcome}"] = curve_figures.leave_one_out(
            specifications.estimated(left[left["left_out"] != ""]),
            float(left.loc[left["left_out"] == "", "coef"].iloc[0]),
            language,
        )
    return figures


def _parts_figure(result: Replication, language: Language) -> Figure:
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
    return panel_figures.slopes(shown, slopes, language, y=PARTS_OUTCOME)


def _index_dataset(frame: pd.DataFrame) -> xr.Dataset:
    table = frame[frame["iso3"].isin(TABLE_1)]
    index = table.set_index(["year", "iso3"])["TBI"].unstack("iso3")
    return xr.Dataset(
        {"tbi": (("year", "region"), index.to_numpy())},
        coords={"year": index.index.to_numpy(), "region": list(index.columns)},
    )


def write_replication(
    result: Replication,
    folder: Path,
    language: Language = "en",
    *,
    figures: bool = True,
    format: Format = "csv",
) -> dict[str, Figure]:
    """Write everything but report and manifest; the figures, for the report.

    ``tables/`` holds html, tex and csv in journal layout, ``results/`` the numbers
    behind every other section, ``figures/`` SVG, PNG and PDF, if asked for. ``format``
    is that of comparison, panel and results.
    """
    comparison = result.comparison[list(paper.COMPARISON)]
    write_frame(comparison, folder, "comparison", format)
    write_frame(result.panel.frame, folder, "panel", format)
    write_csv(result.panel.codebook, folder / "codebook.csv")
    for name in ("tables", "results", *(["figures"] if figures else [])):
        (folder / name).mkdir()
    for name, table in all_tables(result, language).items():
        _write_table(table, folder / "tables", name)
    for name, frame in _result_frames(result).items():
        write_frame(frame, folder / "results", name, format)
    drawn = figures_of(result, language)
    for name, figure in drawn.items() if figures else ():
        place = folder if name == "figure1" else folder / "figures"
        save_figure(figure, place, name)
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
    if result.fixed is not None:
        frames["recipe_fixed"] = paper.compare(result.fixed)[list(paper.COMPARISON)]
    if result.variants is not None:
        frames["index_variants"] = result.variants.rows
        frames["index_values"] = result.variants.indices
    if result.inference is not None:
        frames["bootstrap_and_placebo"] = result.inference.rows
    if result.threats is not None:
        frames["threats"] = result.threats.table
    if result.joint is not None:
        frames["curve_tests"] = specifications.joint_p(result.joint)
        frames["curve_specifications"] = result.joint.wide.table
        frames["curve_options"] = result.joint.wide.by_option
    if result.gross is not None:
        frames["gross_trade"] = result.gross.rows
    return {name: frame for name, frame in frames.items() if frame is not None}
