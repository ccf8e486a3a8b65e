"""Figures of what a referee asks: intervals by method, weights by unit and year, a lag
with a direct effect, errors of the tables."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure

from ..core import Phrase, number_text
from ..estimation import t_ppf
from ..reporting import (
    COLOURS,
    DEFICIT,
    FULL_WIDTH,
    INK,
    QUIET,
    SMALL,
    SURPLUS,
    Language,
    finish_layout,
    interval_axes,
    label,
    labelled_rows,
    plain_axes,
)
from .parts import (
    beside_row,
    colour_scale,
    labelled_legend,
    map_cells,
    one_panel,
    panels,
    require_columns,
    styled,
)

Say = Callable[[str], str]
"""Puts a text of the figure into its words."""


@styled
def labelled_intervals(
    rows: pd.DataFrame, by: str, title: str, say: Say = str
) -> Figure:
    """A row for each value of the column ``by``, its estimate and 95 % interval.

    Parameters
    ----------
    rows
        ``by``, ``estimate``, ``ci_low``, ``ci_high``; the first row is on top.
    """
    require_columns(by, rows, [by, "estimate", "ci_low", "ci_high"])
    fig, ax = one_panel(0.26 * len(rows) + 0.9)
    interval_axes(ax)
    place = np.arange(len(rows))
    ax.hlines(place, rows["ci_low"], rows["ci_high"], color=SURPLUS, linewidth=1.2)
    ax.plot(rows["estimate"], place, "o", color=INK, markersize=3.5)
    ax.axvline(0, color=QUIET, linewidth=0.6)
    labelled_rows(ax, [*map(say, rows[by].astype(str))])
    ax.set_xlabel(say("estimate, 95 % interval"), fontsize=SMALL)
    return finish_layout(fig, title)


@styled
def weights_by_cell(weights: pd.DataFrame, title: str, say: Say = str) -> Figure:
    """Weights of units (rows) in periods (columns), those that sum to most on top.

    Parameters
    ----------
    weights
        (unit, period); NaN where a cell has no effect that could be weighted. Up to 60
        units, half of them with the lowest sums.
    """
    order = weights.sum(axis=1).sort_values(ascending=False).index
    shown = order if len(order) <= 60 else [*order[:30], *order[-30:]]
    table = weights.loc[shown]
    fig, ax = one_panel(0.115 * len(table) + 1.0)
    most = float(np.nanmax(np.abs(table.to_numpy()), initial=0)) or 1.0
    mesh = map_cells(
        ax,
        np.ma.masked_invalid(table.to_numpy()),
        [str(k) for k in table.index],
        [str(k) for k in table.columns],
        linewidth=0.3,
        size=SMALL - 1,
        cmap="RdBu",
        norm=TwoSlopeNorm(0, -most, most),
    )
    ax.set_facecolor("#EEEEEE")
    told = "\n".join(map(say, ("weight of the effect", "(red: negative)")))
    colour_scale(ax, mesh, told, shrink=0.8, aspect=25)
    return finish_layout(fig, title)


@styled
def predicted_index(table: pd.DataFrame, say: Say = str) -> Figure:
    """Change of the index against the predicted one, a point for each region and year.

    Parameters
    ----------
    table
        ``region``, ``year``, ``tbi``, ``predicted``; changes are from the regions' and
        years' means.
    """
    require_columns("index", table, ["region", "year", "tbi", "predicted"])
    both = table[["tbi", "predicted"]]
    for key in ("region", "year"):
        both = both - both.groupby(table[key]).transform("mean")
    fig, ax = one_panel(0.55 * FULL_WIDTH, 0.62 * FULL_WIDTH)
    plain_axes(ax, grid="both")
    ax.plot(both["predicted"], both["tbi"], "o", color=SURPLUS, markersize=2.5)
    reach = float(both.abs().to_numpy().max())
    ax.plot([-reach, reach], [-reach, reach], color=QUIET, linewidth=0.7)
    ax.set_xlabel(say("predicted index, net of regions and years"), fontsize=SMALL)
    ax.set_ylabel(say("index"), fontsize=SMALL)
    return finish_layout(fig)


@styled
def errors_by_cutoff(table: pd.DataFrame, title: str, say: Say = str) -> Figure:
    """Standard errors over the cut-off of Conley's kernel, a line for each regressor.

    Parameters
    ----------
    table
        ``term``, ``cutoff``, ``se``; a line is in units of the error at cut-off 0,
        clusters by entity.
    """
    require_columns("errors", table, ["term", "cutoff", "se"])
    fig, ax = one_panel(0.45 * FULL_WIDTH)
    plain_axes(ax, grid="y")
    for number, (term, rows) in enumerate(table.groupby("term", sort=False)):
        ratio = (rows["se"] / rows["se"].iloc[0]).to_numpy()
        color = SURPLUS if number == 0 else QUIET
        width = 1.6 if number == 0 else 0.8
        ax.plot(rows["cutoff"], ratio, "-o", color=color, linewidth=width, markersize=3)
        for k in np.flatnonzero(np.isfinite(ratio))[-1:]:
            place = rows["cutoff"].iloc[k], ratio[k]
            ax.annotate(
                str(term), place, (4, 0), textcoords="offset points", va="center"
            )
    ax.axhline(1, color=INK, linewidth=0.6)
    ax.set_xlabel(say("cut-off of the distance"), fontsize=SMALL)
    ax.set_ylabel(say("standard error, clusters by entity = 1"), fontsize=SMALL)
    return finish_layout(fig, title)


@styled
def slopes_by_band(table: pd.DataFrame, title: str, say: Say = str) -> Figure:
    """Average slopes of movers over the band of quasi-stayers, a panel an estimand.

    Parameters
    ----------
    table
        ``share``, ``estimand``, ``estimate``, ``ci_low``, ``ci_high``, ``chosen`` (1:
        filled).
    """
    columns = ["share", "estimand", "estimate", "ci_low", "ci_high", "chosen"]
    require_columns("slopes", table, columns)
    groups = [*table.groupby("estimand", sort=False)]
    fig, axes = panels(len(groups), 0.42 * FULL_WIDTH, 0, sharey=True)
    for ax, (name, rows) in zip(axes, groups, strict=True):
        plain_axes(ax, grid="y")
        x = 100 * rows["share"]
        ax.fill_between(x, rows["ci_low"], rows["ci_high"], color=SURPLUS, alpha=0.2)
        ax.plot(x, rows["estimate"], "-", color=SURPLUS, linewidth=1.4)
        chosen = rows["chosen"] == 1
        ax.plot(x[chosen], rows["estimate"][chosen], "o", color=INK, markersize=5)
        ax.axhline(0, color=QUIET, linewidth=0.6)
        ax.set_title(str(name), fontsize=SMALL)
        ax.set_xlabel(say("rows that count as stayers, %"), fontsize=SMALL)
    axes[0].set_ylabel(say("average slope, 95 % interval"), fontsize=SMALL)
    return finish_layout(fig, title)


@styled
def responses(table: pd.DataFrame, title: str, say: Say = str) -> Figure:
    """Responses by horizon with pointwise intervals and simultaneous bands, a panel a
    measure.

    Parameters
    ----------
    table
        ``measure``, ``horizon``, ``estimate``, ``ci_low``, ``ci_high``, ``band_low``,
        ``band_high``.
    """
    columns = "measure horizon estimate ci_low ci_high band_low band_high".split()
    require_columns("responses", table, columns)
    groups = [*table.groupby("measure", sort=False)]
    fig, axes = panels(len(groups), 0.42 * FULL_WIDTH, 0)
    for ax, (name, rows) in zip(axes, groups, strict=True):
        plain_axes(ax, grid="y")
        x = rows["horizon"]
        for ends, strength in (("band", 0.15), ("ci", 0.3)):
            low, high = rows[f"{ends}_low"], rows[f"{ends}_high"]
            ax.fill_between(x, low, high, color=SURPLUS, alpha=strength, linewidth=0)
        ax.plot(x, rows["estimate"], "-o", color=INK, linewidth=1.2, markersize=3)
        ax.axhline(0, color=QUIET, linewidth=0.6)
        ax.set_title(say(str(name)), fontsize=SMALL)
        ax.set_xlabel(say("years after"), fontsize=SMALL)
    axes[0].set_ylabel(say("response; interval (dark), band (light)"), fontsize=SMALL)
    return finish_layout(fig, title)


_BOUNDS = ("outcome", "direct", "ci_low", "ci_high", "prior_low", "prior_high")
_ACROSS = 3  # beside each other


@styled
def direct_effect_bounds(bounds: pd.DataFrame, language: Language = "en") -> Figure:
    """A panel for each outcome: both intervals against the size of the direct effect.

    Parameters
    ----------
    bounds
        ``outcome`` and the columns of ``PlausiblyExogenous.bounds``.

    The shaded band is the union of the intervals, the dashed lines those under the
    normal prior; the vertical line is where the union begins to hold 0.
    """
    require_columns("bounds", bounds, list(_BOUNDS))
    outcomes = list(dict.fromkeys(bounds["outcome"]))
    fig, axes = panels(len(outcomes), 1.75, 0.6, across=_ACROSS)
    handles: dict[str, object] = {}
    for ax, outcome in zip(axes, outcomes, strict=True):
        handles |= _bands(ax, bounds[bounds["outcome"] == outcome])
        ax.set_title(label(outcome, language).replace("\n", " "), fontsize=SMALL)
    fig.supxlabel(label("direct effect", language), fontsize=SMALL)
    fig.supylabel(label("coefficient", language), fontsize=SMALL)
    labelled_legend(fig, handles, language, loc="outside upper right")
    return finish_layout(fig)


def _bands(ax: Axes, rows: pd.DataFrame) -> dict[str, object]:
    rows = rows.sort_values("direct")
    d = rows["direct"].to_numpy()
    low, high = rows["ci_low"].to_numpy(), rows["ci_high"].to_numpy()
    union = ax.fill_between(d, low, high, color=SURPLUS, alpha=0.25, linewidth=0)
    for name in ("prior_low", "prior_high"):
        (prior,) = ax.plot(d, rows[name], color=SURPLUS, linestyle="--", linewidth=0.9)
    (estimate,) = ax.plot(
        d, (low[:1] + high[:1]).repeat(len(d)) / 2, color=INK, linewidth=0.9
    )
    ax.axhline(0, color=QUIET, linewidth=0.6)
    handles: dict[str, object] = {"estimate": estimate, "union of intervals": union}
    handles["normal prior"] = prior
    outside = (low > 0) | (high < 0)
    if outside.any() and not outside.all():
        # The first size at which 0 is inside, by the line between two points.
        k = int(outside.sum())
        end = low if low[0] > 0 else high
        at = d[k - 1] + (d[k] - d[k - 1]) * end[k - 1] / (end[k - 1] - end[k])
        line = ax.axvline(at, color=INK, linewidth=0.7, linestyle=":")
        handles["union holds 0"] = line
    ax.set_xlim(0, d[-1])
    plain_axes(ax, grid="y")
    return handles


_HEIGHT = 1.7  # inches a treatment


@styled
def drawn_effects(
    summary: pd.DataFrame,
    distribution: pd.DataFrame,
    clusters: int,
    say: Say = str,
) -> Figure:
    """A panel for each treatment of a model.

    Parameters
    ----------
    summary
        Rows of ``MonteCarlo.summary`` of one model.
    distribution
        Its rows of ``MonteCarlo.distribution``.
    clusters
        G of the t(G - 1) that intervals take.
    say
        Puts names of rows and of the axis into the words of the figure.

    One scale: the estimates over draws of the tables, each a dot, and 95 % intervals of
    sampling alone, of the tables alone, of both, around the estimate; below, the
    corrected estimates with their own. A draw has the errors of the tables twice, those
    of the published ones and its own, and so lies nearer to 0 than the estimate.
    """
    require_columns("summary", summary, ["term", "estimate", "se_total"])
    require_columns("distribution", distribution, ["term", "estimate"])
    rows = summary.to_dict("records")
    fig, axes = panels(len(rows), _HEIGHT, 0, across=1)
    for row, ax in zip(rows, axes, strict=True):
        drawn = distribution.loc[distribution["term"] == row["term"], "estimate"]
        _one_scale(ax, drawn.to_numpy(), row, float(t_ppf(0.975, clusters - 1)))
        names = "draws of the tables", *(name for name, *_ in _SHOWN)
        labelled_rows(ax, [*map(say, names)])
        ax.set_xlabel(say(Phrase("effect of {term}, 95 % interval", term=row["term"])))
    return finish_layout(fig)


_SHOWN = (
    ("sampling alone", "estimate", "se_sampling", QUIET),
    ("tables alone", "estimate", "se_table", SURPLUS),
    ("both", "estimate", "se_total", INK),
    ("corrected for the errors", "coef_corrected", "coef_corrected_se", DEFICIT),
    ("corrected by SIMEX", "coef_simex", "coef_simex_se", COLOURS[6]),
)


def _one_scale(ax: Axes, drawn: np.ndarray, row: dict, reach: float) -> None:
    # Spread over the height of a row by rank, so that no dot hides another.
    heights = 0.6 * (np.arange(len(drawn)) * 0.618034 % 1 - 0.5)
    ax.plot(drawn, heights, ".", color=SURPLUS, alpha=0.5, markersize=2.5)
    for place, (_, at, se, colour) in enumerate(_SHOWN, 1):
        ax.plot([row[at]], [place], "o", color=colour, markersize=4)
        half = reach * row[se]
        ax.hlines([place], row[at] - half, row[at] + half, color=colour, linewidth=1.2)
        if np.isfinite(row[at]):
            told = f"{number_text(row[at])} ± {number_text(half)}"
            beside_row(ax, place, told, colour=colour)
    ax.axvline(row["estimate"], color=INK, linewidth=0.8, linestyle=(0, (4, 2)))
    interval_axes(ax)
