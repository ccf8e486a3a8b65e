"""Figures of ``tivax scenario``: the largest changes, and a map of many variants."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure

from ..core import TivaxError, first_and_named
from ..reporting import (
    DEFICIT,
    FONT,
    FULL_WIDTH,
    INK,
    SMALL,
    STYLE,
    SURPLUS,
    change_of,
    finish_layout,
    interval_axes,
    label_room,
    labelled_rows,
    measure_name,
    variant_in_words,
)
from .panel import require_columns
from .regions import MANY
from .signed_maps import signed_root, signed_text, signed_ticks

_COLUMNS = ["variant", "year", "region", "measure", "change", "percent"]
# Measures beside each other, and the letters that fit above each.
_PANELS = 4


def shown_change(table: pd.DataFrame) -> pd.Series:
    """Changes in per cent; of measures that have none, the change itself."""
    none = table.groupby("measure")["percent"].transform("count") == 0
    return table["percent"].where(~none, table["change"])


def _of_last_year(
    table: pd.DataFrame, regions: Sequence[str] | None, without: Sequence[str]
) -> pd.DataFrame:
    require_columns("scenarios", table, _COLUMNS)
    table = table.assign(shown=shown_change(table))
    table = table[table["year"] == table["year"].max()]
    table = table[~table["region"].isin([*without])]
    if regions is not None:
        if unknown := [k for k in regions if k not in set(table["region"])]:
            raise TivaxError(f"no region {unknown[0]} in these scenarios")
        table = table[table["region"].isin(regions)]
    return table


@rc_context(STYLE)
def largest_changes(
    table: pd.DataFrame,
    regions: Sequence[str] | None = None,
    *,
    named: Sequence[str] = (),
    without: Sequence[str] = ("WLD",),
) -> Figure:
    """The largest changes as ranked bars.

    Parameters
    ----------
    table
        Table of a ``ScenarioResult``; the last of several years is shown.
    regions
        Only these, by default all.
    named
        Always among the bars, such as the regions that a shock names.
    without
        Regions left out: the world.

    With one variant the regions are rows, and up to four measures are beside each
    other, in the order of the first. With several the rows are variants and regions, by
    the first measure.
    """
    rows = _of_last_year(table, regions, without)
    variants = rows["variant"].unique()
    measures = [*rows["measure"].unique()][: _PANELS if len(variants) == 1 else 1]
    label = texts = rows["region"]
    if len(variants) > 1:
        label = rows["variant"] + ": " + rows["region"]
        texts = rows["variant"].map(variant_in_words) + ": " + rows["region"]
    wide = (
        rows.assign(label=label)
        .set_index(["label", "measure"])["shown"]
        .unstack("measure")[measures]
    )
    order = np.argsort(-wide[measures[0]].abs().to_numpy(), kind="stable")
    wide = wide.iloc[order]
    region_of = dict(zip(label, rows["region"], strict=True))
    there = [str(region_of[k]) for k in wide.index]
    wide = wide.iloc[first_and_named(there, named, MANY)]
    words = dict(zip(label, texts, strict=True))
    labels = [str(words[k]) for k in wide.index]
    height = 0.15 * max(len(labels), 5) + 0.9
    fig = Figure(figsize=(FULL_WIDTH, height), layout="constrained")
    axes = np.atleast_1d(fig.subplots(1, len(measures), sharey=True))
    whole = table[table["measure"].isin(measures)]
    for ax, measure in zip(axes, measures, strict=True):
        values = wide[measure].to_numpy(float)
        colours = np.where(values < 0, DEFICIT, SURPLUS)
        ax.barh(np.arange(len(values)), values, color=colours, height=0.7)
        interval_axes(ax)
        unit = _unit(whole, measure)
        ax.set_title(f"{measure_name(measure)}\n{unit}", loc="left", fontsize=SMALL)
    labelled_rows(axes[0], labels)
    for ax in axes[1:]:
        ax.tick_params(axis="x", labelsize=SMALL)
    what = f"{len(variants):,} variants"
    if len(variants) == 1:
        what = variant_in_words(str(variants[0]))
    year = int(rows["year"].iloc[0])
    fig.suptitle(f"Largest changes, {year}: {what}"[:110], fontsize=FONT, color=INK)
    return finish_layout(fig)


@rc_context(STYLE)
def change_map(
    table: pd.DataFrame,
    measure: str | None = None,
    regions: Sequence[str] | None = None,
    *,
    named: Sequence[str] = (),
    without: Sequence[str] = ("WLD",),
) -> Figure:
    """Changes by variant and region as a map.

    ``measure`` is by default the first. If there are more than twenty variants or
    regions, those with the largest changes are shown, and the regions ``named``;
    colours follow the signed square root.
    """
    rows = _of_last_year(table, regions, without)
    measure = str(rows["measure"].iloc[0]) if measure is None else measure
    rows = rows[rows["measure"] == measure]
    if rows.empty:
        raise TivaxError(f"no measure {measure} in these scenarios")
    wide = rows.pivot_table(
        index="variant", columns="region", values="shown", sort=False, dropna=False
    )
    size = wide.abs()
    wide = wide.loc[_first(size.max(axis=1)), _first(size.max(axis=0), named)]
    variants = [variant_in_words(str(k)) for k in wide.index]
    names = [str(k) for k in wide.columns]
    values = wide.to_numpy(float)
    room = label_room(variants)
    fig = Figure(
        figsize=(FULL_WIDTH, 0.2 * len(variants) + 1.3 + label_room(names)),
        layout="constrained",
    )
    ax = fig.subplots()
    most = float(np.nanmax(np.abs(values), initial=0)) or 1.0
    mesh = ax.pcolormesh(
        values, cmap="RdBu", norm=signed_root(most), edgecolor="white", linewidth=0.4
    )
    ax.invert_yaxis()
    small = SMALL if room < 3 else SMALL - 1
    ax.set_xticks(np.arange(len(names)) + 0.5, names, rotation=90, fontsize=SMALL)
    ax.set_yticks(np.arange(len(variants)) + 0.5, variants, fontsize=small)
    ax.tick_params(length=0, pad=2)
    ax.spines[:].set_visible(False)
    year = int(rows["year"].iloc[0])
    fig.suptitle(f"{change_of(measure)}, {year}", fontsize=FONT, color=INK)
    bar = fig.colorbar(mesh, ax=ax, shrink=0.8, aspect=25, pad=0.02)
    ticks = signed_ticks(most)
    bar.set_ticks(ticks, labels=[signed_text(tick) for tick in ticks])
    bar.ax.tick_params(labelsize=SMALL, length=2)
    bar.outline.set_visible(False)
    bar.set_label(f"{_unit(rows, measure)}, square-root scale", fontsize=SMALL)
    return finish_layout(fig)


def _first(size: pd.Series, named: Sequence[str] = ()) -> list[str]:
    """The labels with the largest values and those named, in the order of the table."""
    order = [*map(str, size.sort_values(ascending=False, kind="stable").index)]
    kept = {order[k] for k in first_and_named(order, named, MANY)}
    return [k for k in size.index if k in kept]


def _unit(table: pd.DataFrame, measure: str) -> str:
    some = table.loc[table["measure"] == measure, "percent"].notna().any()
    return "per cent" if some else "change"
