"""Figures of ``tivax scenario``: the largest changes, and those of each variant."""

import textwrap
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..core import Phrase, TivaxError, first_and_named
from ..reporting import (
    DEFICIT,
    SMALL,
    SURPLUS,
    change_of,
    finish_layout,
    interval_axes,
    labelled_rows,
    measure_name,
)
from ..tables import country_name
from ..tables.shown_regions import MANY
from .parts import panels, require_columns, styled

_COLUMNS = ["variant", "year", "region", "measure", "change", "percent"]
# Measures beside each other, and the letters that fit above each.
_PANELS = 4


def shown_change(table: pd.DataFrame) -> pd.Series:
    """Changes in per cent; of measures that have none, the change itself."""
    none = table.groupby("measure")["percent"].transform("count") == 0
    return table["percent"].where(~none, table["change"])


def _of_last_year(table: pd.DataFrame, regions: Sequence[str] | None) -> pd.DataFrame:
    """The rows of the last year, without the world; regions named must be there."""
    require_columns("scenarios", table, _COLUMNS)
    table = table.assign(shown=shown_change(table))
    table = table[table["year"] == table["year"].max()]
    table = table[table["region"] != "WLD"]
    if regions is not None:
        if unknown := [k for k in regions if k not in set(table["region"])]:
            raise TivaxError(f"no region {unknown[0]} in these scenarios")
        table = table[table["region"].isin(regions)]
    return table


@styled
def largest_changes(
    table: pd.DataFrame,
    regions: Sequence[str] | None = None,
    *,
    named: Sequence[str] = (),
    say: Callable[[str], str] = str,
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
    say
        Puts the figure's own words into another language.

    With one variant the regions are rows, and up to four measures are beside each
    other, in the order of the first. With several the rows are variants and regions, by
    the first measure.
    """
    rows = _of_last_year(table, regions)
    variants = rows["variant"].unique()
    measures = [*rows["measure"].unique()][: _PANELS if len(variants) == 1 else 1]
    label = rows["region"]
    texts = [say(country_name(k)) for k in label]
    if len(variants) > 1:
        both = zip(rows["variant"], texts, strict=True)
        texts = [say(Phrase("{variant}: {name}", variant=k, name=n)) for k, n in both]
        label = rows["variant"] + ": " + rows["region"]
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
    height = 0.15 * max(len(labels), 5)
    fig, axes = panels(len(measures), height, 0.9, sharey=True)
    whole = table[table["measure"].isin(measures)]
    for ax, measure in zip(axes, measures, strict=True):
        _bars(ax, wide[measure])
        name, unit = say(measure_name(measure)), say(_unit(whole, measure))
        ax.set_title(f"{name}\n{unit}", loc="left", fontsize=SMALL)
    labelled_rows(axes[0], labels)
    for ax in axes[1:]:
        ax.tick_params(axis="x", labelsize=SMALL)
    several = Phrase("{variants:,} variants", variants=len(variants))
    about = {"year": int(rows["year"].iloc[0]), "what": several}
    if len(variants) == 1:
        about["what"] = variants[0]
    title = say(Phrase("Largest changes, {year}: {what}", **about))
    return finish_layout(fig, title[:110])


@styled
def changes_by_variant(
    table: pd.DataFrame,
    measure: str | None = None,
    regions: Sequence[str] | None = None,
    *,
    say: Callable[[str], str] = str,
) -> Figure:
    """Ranked bars of the regions that change most, a panel a variant, on one scale.

    ``measure`` is by default the first. Of more than six variants those with the
    largest changes are shown, the largest first, and how many there are is said.
    """
    rows = _of_last_year(table, regions)
    measure = str(rows["measure"].iloc[0]) if measure is None else measure
    rows = rows[rows["measure"] == measure]
    if rows.empty:
        raise TivaxError(f"no measure {measure} in these scenarios")
    size = rows["shown"].abs().groupby(rows["variant"], sort=False).max()
    order = size.sort_values(ascending=False, kind="stable").index[:_VARIANTS]
    bars = min(_BARS, int(rows.groupby("variant")["region"].nunique().max()))
    height = 0.15 * bars + 0.5
    fig, axes = panels(len(order), height, 0.6, across=_ACROSS, sharex=True)
    for ax, variant in zip(axes, order, strict=True):
        own = rows[rows["variant"] == variant].set_index("region")["shown"]
        own = own[own.abs().sort_values(ascending=False, kind="stable").index[:bars]]
        _bars(ax, own)
        labelled_rows(ax, [say(country_name(str(k))) for k in own.index])
        title = textwrap.fill(str(variant), 44)
        ax.set_title(title, loc="left", fontsize=SMALL)
    title = "Change of {measure}, {year}"
    if len(size) > len(order):
        title += ", {shown} of {variants:,} variants"
    about = {"year": int(rows["year"].iloc[0]), "shown": len(order)}
    about |= {"measure": change_of(measure).removeprefix("Change of ")}
    fig.supxlabel(say(_unit(rows, measure)), fontsize=SMALL)
    return finish_layout(fig, say(Phrase(title, variants=len(size), **about)))


_VARIANTS, _ACROSS, _BARS = 6, 2, 10


def _bars(ax: Axes, changes: pd.Series) -> None:
    """A bar for each row, in the colour of its sign."""
    values = changes.to_numpy(float)
    colours = np.where(values < 0, DEFICIT, SURPLUS)
    ax.barh(np.arange(len(values)), values, color=colours, height=0.7)
    interval_axes(ax)


def _unit(table: pd.DataFrame, measure: str) -> str:
    some = table.loc[table["measure"] == measure, "percent"].notna().any()
    return "per cent" if some else "change"
