"""Figures of a panel and its regressions.

Every function takes a pandas frame and returns a ``matplotlib.figure.Figure``; pyplot
is not touched. Intervals are at 95 %. Published estimates are hollow and orange, those
of tivax filled and blue.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy import special

from ..core import TivaxError
from ..reporting import (
    COLOURS,
    DEFICIT,
    FULL_WIDTH,
    QUIET,
    SMALL,
    SURPLUS,
    Language,
    finish_layout,
    interval_axes,
    label,
    label_ends,
    labelled_rows,
    legend,
    numbered,
    plain_axes,
    year_axis,
)
from .parts import (
    drawn_handles,
    labelled_legend,
    one_panel,
    panels,
    require_columns,
    shade_rows,
    styled,
)

GROUPS = {"developed": 1, "developing": 0}
GROUP_COLOURS = {"developed": SURPLUS, "developing": DEFICIT}
GROUP_MARKERS = {"developed": "o", "developing": "^"}
EXTRA_COLOURS = {"pooled": "#000000", "between": "#009E73"}
NORMAL = float(special.ndtri(0.975))


# ------------------------------------------------------------------- means over years


@styled
def index_means(
    panel: pd.DataFrame,
    indices: Sequence[str] = ("KOFGIdj", "KOFEcGIdj"),
    language: Language = "en",
) -> Figure:
    """Unweighted means of each index by year, of developed and developing countries.

    ``panel`` has ``year``, ``developed`` (1 or 0) and the indices, a row a country and
    year. One panel an index, all of one scale, which does not start at zero.
    """
    require_columns("panel", panel, ["year", "developed", *indices])
    for group, code in GROUPS.items():
        for index in indices:
            if panel.loc[panel["developed"] == code, index].isna().all():
                raise TivaxError(
                    f"panel: no {index} of {group} countries (developed = {code})"
                )
    means = panel.groupby(["developed", "year"])[list(indices)].mean()
    width = 0.4 + 3.3 * len(indices) if len(indices) > 1 else FULL_WIDTH
    fig, axes = panels(len(indices), 2.5, 0, width=width, sharey=True)
    for ax, index in zip(axes, indices, strict=True):
        for group, code in GROUPS.items():
            line = means.loc[code][index]
            colour = GROUP_COLOURS[group]
            ax.plot(line.index, line, color=colour, linewidth=1.3, label=group)
        plain_axes(ax, grid="y")
        year_axis(ax, np.unique(panel["year"]))
        ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        ax.set_title(label(index, language), loc="left", fontweight="bold")
    for ax, index in zip(axes, indices, strict=True):  # once all share one scale
        ends = []
        for group, code in GROUPS.items():
            last = means.loc[code][index].dropna()
            at = float(last.index[-1]), float(last.iloc[-1])
            ends.append((label(group, language), GROUP_COLOURS[group], *at))
        label_ends(fig, ax, ends)
    axes[0].set_ylabel(label("index", language))
    return finish_layout(fig)


# ----------------------------------------------------- beside published estimates


@styled
def coefficient_plot(comparison: pd.DataFrame, language: Language = "en") -> Figure:
    """The coefficients of one table, as published and as estimated.

    Parameters
    ----------
    comparison
        ``table``, ``column``, ``outcome``, ``sample``, ``term``, ``coef``, ``se``,
        ``clusters``, and published ``paper_coef``, ``paper_se``: a row for each
        column and term.

    A panel a term with its own scale, a row in it for each column of the table. The
    constant is left out. Intervals use t with ``clusters`` - 1 degrees of freedom.
    """
    frame = _with_intervals(comparison)
    tables = frame["table"].unique()
    if len(tables) != 1:
        found = ", ".join(str(k) for k in tables)
        raise TivaxError(f"comparison: one table a figure, not tables {found}")
    terms = [k for k in frame["term"].unique() if k != "const"]
    if not terms:
        raise TivaxError(f"comparison: table {tables[0]} has no term but const")
    columns = frame.drop_duplicates("column").sort_values("column")
    names = _column_names(columns, columns["sample"].nunique() > 1, language)
    place = {column: k for k, column in enumerate(columns["column"])}

    height = 0.26 * len(columns) + 0.42
    fig, axes = panels(len(terms), height, 0.3, across=4, sharey=True)
    for ax, term in zip(axes, terms, strict=True):
        part = frame[frame["term"] == term]
        _beside_published(ax, part, part["column"].map(place).to_numpy(float))
        shade_rows(ax, range(1, len(columns), 2))
        ax.set_title(
            label(term, language),
            loc="left",
            fontsize=SMALL + 0.5,
            fontweight="bold" if term == "TBI" else "normal",
        )
        labelled_rows(ax, names)
    labelled_legend(fig, drawn_handles(axes[0]), language)
    return finish_layout(fig)


@styled
def tbi_coefficients(comparison: pd.DataFrame, language: Language = "en") -> Figure:
    """Every coefficient of the trade benefit index, grouped by table and sample.

    ``comparison`` as in ``coefficient_plot``, of any number of tables.
    """
    frame = _with_intervals(comparison)
    others = frame[~frame["term"].isin(["TBI", "const"])]
    controlled = set(zip(others["table"], others["column"], strict=True))
    frame = frame[frame["term"] == "TBI"].sort_values(["table", "column"])
    if frame.empty:
        raise TivaxError("comparison: no term TBI")
    comma = ", " if language == "en" else "，"
    names: list[str] = []
    heads: list[int] = []
    places: list[int] = []
    for row, name in zip(
        frame.itertuples(), _column_names(frame, False, language), strict=True
    ):
        parts = [
            numbered("Table", str(row.table), language),
            label(str(row.sample), language),
        ]
        if (row.table, row.column) not in controlled:
            parts.append(label("no controls", language))
        head = comma.join(parts)
        if not heads or names[heads[-1]] != head:
            heads.append(len(names))
            names.append(head)
        places.append(len(names))
        names.append(name)
    fig, ax = one_panel(0.18 * len(names) + 0.7)
    _beside_published(ax, frame, np.array(places, float))
    shade_rows(ax, heads)
    labelled_rows(ax, names)
    for k in heads:
        ax.get_yticklabels()[k].set_fontweight("bold")
    ax.set_xlabel(label("TBI coefficient", language))
    labelled_legend(fig, drawn_handles(ax), language)
    return finish_layout(fig)


def _with_intervals(comparison: pd.DataFrame) -> pd.DataFrame:
    """The comparison with ``half`` and ``paper_half``, half the width of intervals."""
    require_columns(
        "comparison",
        comparison,
        ["table", "column", "outcome", "sample", "term", "coef", "se", "clusters"]
        + ["paper_coef", "paper_se"],
    )
    quantile = special.stdtrit(comparison["clusters"].to_numpy() - 1, 0.975)
    return comparison.assign(
        half=quantile * comparison["se"], paper_half=quantile * comparison["paper_se"]
    )


def _beside_published(ax: Axes, frame: pd.DataFrame, places: np.ndarray) -> None:
    """Two estimates a row, the published one above."""
    for kind, shift, prefix in (("published", -0.17, "paper_"), ("ours", 0.17, "")):
        look = estimate_look(kind)
        coef = frame[f"{prefix}coef"].to_numpy(float)
        half = frame[f"{prefix}half"].to_numpy(float)
        at = places + shift
        ax.hlines(at, coef - half, coef + half, color=look["color"], linewidth=0.9)
        ax.plot(coef, at, "o", **look, label=kind)
    interval_axes(ax)


def estimate_look(kind: str) -> dict[str, Any]:
    """Marker style of an estimate: ``published`` or ``ours``."""
    colour, face = (DEFICIT, "white") if kind == "published" else (SURPLUS, SURPLUS)
    return {
        "color": colour,
        "markerfacecolor": face,
        "markersize": 3.2,
        "markeredgewidth": 0.9,
        "zorder": 3,
    }


def _column_names(
    columns: pd.DataFrame, samples: bool, language: Language
) -> list[str]:
    """(1) outcome, and the sample where ``samples``."""
    # Chinese stays on one line: an SVG cannot place a second one without the font.
    gap = ",\n" if language == "en" else "，"
    return [
        f"({row.column}) {label(str(row.outcome), language)}"
        + (gap + label(str(row.sample), language) if samples else "")
        for row in columns.itertuples()
    ]


# ------------------------------------------------------ every kind of interval


@styled
def intervals(
    rows: pd.DataFrame, kinds: Mapping[str, str], language: Language = "en"
) -> Figure:
    """Every kind of interval for each column of one table of the paper.

    An end that is infinite is an arrow at the edge.
    ``kinds`` maps what is written to the prefix of columns ``_ci_low`` and
    ``_ci_high``; ``rows`` is of ``PaperInference``.
    """
    fig, axes = panels(len(rows), 1.45, 0.6, across=2, sharey=True)
    handles: dict[str, object] = {}
    for ax, (_, row) in zip(axes, rows.iterrows(), strict=True):
        interval_axes(ax)
        names = [f"{k}_{end}" for k in kinds.values() for end in ("ci_low", "ci_high")]
        ends = row[names].to_numpy(float).reshape(-1, 2)
        edges = _edges([*np.ravel(ends), float(row["estimate"]), 0.0])
        for k, prefix in enumerate(kinds.values()):
            low, high = ends[k]
            apart = low > 0 or high < 0
            kind = "excludes 0" if apart else "includes 0"
            colour = COLOURS[1] if apart else QUIET
            if prefix == "without":  # a range of estimates, not an interval
                kind, colour = "range of estimates", COLOURS[3]
            shown = np.clip(ends[k], *edges)
            (handles[kind],) = ax.plot(shown, [k, k], color=colour, lw=2)
            for end, edge, arrow in zip(ends[k], edges, "<>", strict=True):
                if np.isinf(end):
                    ax.plot(edge, k, arrow, color=colour, ms=4, clip_on=False)
        if np.isinf(ends).any():
            ax.set_xlim(*edges)
        estimate = float(row["estimate"])
        handles["estimate"] = ax.axvline(estimate, color=DEFICIT, linewidth=1)
        labelled_rows(ax, [label(k, language) for k in kinds])
        ax.set_title(
            f"({row['column']}) {label(row['outcome'], language)}, "
            f"{label(row['sample'], language)}",
            fontsize=SMALL,
            loc="left",
        )
    fig.supxlabel(label("TBI coefficient", language), fontsize=SMALL)
    order = ("estimate", "excludes 0", "includes 0", "range of estimates")
    shown = {k: handles[k] for k in order if k in handles}
    labelled_legend(fig, shown, language, loc="outside upper right")
    return finish_layout(fig)


def _edges(values: Sequence[float]) -> tuple[float, float]:
    """Edges of an axis that holds all finite values, with some room beyond."""
    finite = [k for k in values if np.isfinite(k)]
    room = 0.15 * (max(finite) - min(finite))
    return min(finite) - room, max(finite) + room


# ------------------------------------------------------------------ slopes by group


@styled
def slopes(
    frame: pd.DataFrame,
    slopes: Mapping[str, float],
    language: Language = "en",
    *,
    x: str = "TBI",
    y: str = "KOFGIdj",
) -> Figure:
    """A partial regression plot: the points of each group, its line and the pooled one.

    ``frame`` has ``x`` and ``y``, both net of everything else, and ``group``. A line
    of ``slopes`` passes through the mean of the group of that name, ``pooled`` and
    ``between`` (where that is no group) through the mean of all points. ``x`` and
    ``y`` say what the axes are.
    """
    require_columns("slopes", frame, ["x", "y", "group"])
    groups = [str(k) for k in frame["group"].unique()]
    if missing := [k for k in groups if k not in slopes]:
        raise TivaxError(f"slopes: no slope for group {', '.join(missing)}")
    if unknown := [k for k in slopes if k not in groups and k not in EXTRA_COLOURS]:
        raise TivaxError(f"slopes: no points of group {', '.join(unknown)}")
    fig, ax = one_panel(3.0)
    colours = GROUP_COLOURS | EXTRA_COLOURS
    for name in sorted(groups, key=lambda k: -int((frame["group"] == k).sum())):
        part = frame[frame["group"] == name]
        ax.plot(
            part["x"].to_numpy(),
            part["y"].to_numpy(),
            GROUP_MARKERS.get(name, "D"),
            color=colours.get(name, QUIET),
            markersize=2.2 if name in GROUPS else 4,
            markeredgewidth=0,
            alpha=0.45,
            label=f"points of {name}",
        )
    handles = []
    for name, slope in slopes.items():
        part = frame[frame["group"] == name] if name in groups else frame
        ends = np.array([part["x"].min(), part["x"].max()])
        heights = part["y"].mean() + slope * (ends - part["x"].mean())
        dashes = "-" if name in groups else (0, (4, 1.5))
        colour = colours.get(name, QUIET)
        handles += ax.plot(
            ends, heights, color=colour, linestyle=dashes, linewidth=1.5, label=name
        )
    plain_axes(ax, grid="y")
    residual = label("residual", language)
    ax.set_xlabel(label(x, language) + residual)
    ax.set_ylabel(label(y, language) + residual)
    word = label("slope", language)
    names = [f"{label(k, language)}\n{word} {v:.2f}" for k, v in slopes.items()]
    legend(fig, handles, names)
    return finish_layout(fig)


# ---------------------------------------------------------------------- known truth


@styled
def true_versus_estimated(frame: pd.DataFrame, language: Language = "en") -> Figure:
    """Estimates in their intervals beside the coefficients that made the data.

    ``frame`` has ``term``, ``true``, ``estimate`` and either ``ci_low`` and ``ci_high``
    or ``se``, for +- 1.96 standard errors. A row a term, all on one scale, or where the
    intervals of some would be dots on it, those below on a smaller one.
    """
    require_columns("estimates", frame, ["term", "true", "estimate"])
    if "se" in frame.columns and "ci_low" not in frame.columns:
        half = NORMAL * frame["se"]
        frame = frame.assign(
            ci_low=frame["estimate"] - half, ci_high=frame["estimate"] + half
        )
    require_columns("estimates", frame, ["ci_low", "ci_high"])
    groups = _by_scale(frame)
    sizes = [len(own) for own in groups]
    around = 0.25 * sum(sizes) + 0.3
    fig, axes = panels(len(sizes), 0.3, around, across=1, height_ratios=sizes)
    for ax, own in zip(axes, groups, strict=True):
        y = np.arange(len(own))
        ax.axvline(0, color=QUIET, linewidth=0.8, zorder=1)
        ax.plot(own["true"], y, "|", **TRUE_LOOK, label="true")
        ax.plot(own["estimate"], y, "o", **estimate_look("ours"), label="estimate")
        ax.hlines(y, own["ci_low"], own["ci_high"], color=SURPLUS, linewidth=0.9)
        plain_axes(ax, grid="x")
        ax.spines["left"].set_visible(False)
        labelled_rows(ax, [label(str(term), language) for term in own["term"]])
        ax.tick_params(axis="y", length=0, pad=10)
        ax.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], min_n_ticks=2))
    labelled_legend(fig, drawn_handles(axes[0]), language)
    return finish_layout(fig)


_DOT = 1 / 60  # of the scale: an interval no wider cannot be seen on it


def _by_scale(frame: pd.DataFrame) -> list[pd.DataFrame]:
    """The rows of one scale, the largest first."""
    ends = frame[["ci_low", "ci_high", "true", "estimate"]].assign(zero=0.0)
    span = ends.to_numpy(float).max() - ends.to_numpy(float).min()
    seen = (frame["ci_high"] - frame["ci_low"] > _DOT * span).to_numpy(bool)
    if seen.all() or not seen.any():
        return [frame]
    return [frame[seen], *_by_scale(frame[~seen])]


TRUE_LOOK: dict[str, Any] = {"color": DEFICIT, "markersize": 12, "markeredgewidth": 1.8}
