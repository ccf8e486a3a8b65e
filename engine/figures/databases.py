"""Figures of several databases: lines by region, differences with intervals."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ..core import Phrase, capital
from ..reporting import (
    COLOURS,
    QUIET,
    SMALL,
    SURPLUS,
    finish_layout,
    interval_axes,
    labelled_rows,
    legend,
    plain_axes,
    year_axis,
)
from ..tables import country_name
from .parts import panels, require_columns, styled

_COLUMNS = 4  # panels beside each other


@styled
def database_lines(
    rows: pd.DataFrame,
    *,
    regions: Sequence[str],
    databases: Sequence[str],
    measure: str,
    unit: str = "",
    say: Callable[[str], str] = str,
) -> Figure:
    """A panel for each region with a line for each database.

    Parameters
    ----------
    rows
        ``database``, ``year``, ``region``, ``value``; with ``ci_low`` and ``ci_high``
        each line has a band.
    regions, databases
        In the order of the figure.
    measure, unit
        For the title and the axis.
    say
        Puts names and titles into the words of the figure.
    """
    require_columns("rows", rows, ["database", "year", "region", "value"])
    fig, axes = panels(len(regions), 1.35, 0.7, across=_COLUMNS, sharex=True)
    years = np.unique(rows["year"].to_numpy())
    handles: dict[str, object] = {}
    for ax, region in zip(axes, regions, strict=True):
        plain_axes(ax, grid="y")
        year_axis(ax, years, bins=2, inside=True)
        for k, name in enumerate(databases):
            here = rows[(rows["region"] == region) & (rows["database"] == name)]
            here = here.sort_values("year")
            colour = COLOURS[k % len(COLOURS)]
            year, look = here["year"], {"color": colour, "linewidth": 1.2}
            (handles[name],) = ax.plot(year, here["value"], **look)
            if "ci_low" in here:
                look |= {"alpha": 0.2, "linewidth": 0}
                ax.fill_between(year, here["ci_low"], here["ci_high"], **look)
        ax.set_title(say(country_name(region)), fontsize=SMALL, loc="left", pad=2)
        ax.tick_params(labelsize=SMALL)
    name = capital(measure)
    title = say(Phrase("{measure}, {unit}", measure=name, unit=unit)) if unit else name
    legend(fig, list(handles.values()), list(handles), loc="outside upper right")
    return finish_layout(fig, title)


@styled
def database_differences(
    rows: pd.DataFrame,
    *,
    year: int,
    measure: str,
    unit: str = "",
    say: Callable[[str], str] = str,
) -> Figure:
    """Differences between two databases by region, largest on top.

    Parameters
    ----------
    rows
        ``first``, ``second``, ``region``, ``difference`` of one year; with ``ci_low``
        and ``ci_high`` intervals. Of several pairs of databases a column each.
    """
    require_columns("rows", rows, ["first", "second", "region", "difference"])
    pairs = list(dict.fromkeys(zip(rows["first"], rows["second"], strict=True)))
    mean = rows.groupby("region")["difference"].mean()
    order = mean.sort_values(ascending=False, kind="stable").index.tolist()
    fig, axes = panels(len(pairs), 0.15 * len(order), 0.9, sharey=True)
    for ax, (first, second) in zip(axes, pairs, strict=True):
        chosen = (rows["first"] == first) & (rows["second"] == second)
        here = rows[chosen].set_index("region").reindex(order)
        place = np.arange(len(order))
        interval_axes(ax)
        if "ci_low" in here:
            ax.hlines(place, here["ci_low"], here["ci_high"], color=QUIET, linewidth=1)
        ax.plot(here["difference"], place, "o", color=SURPLUS, markersize=3)
        labelled_rows(ax, [say(country_name(k)) for k in order])
        named = Phrase("{second} less {first}", second=second, first=first)
        ax.set_title(say(named), fontsize=SMALL, loc="left")
    axes[0].tick_params(axis="y", labelsize=SMALL - 1)
    title = "{measure}, {year}: differences" + ", {unit}" * bool(unit)
    about = {"measure": capital(measure), "year": year, "unit": unit}
    return finish_layout(fig, say(Phrase(title, **about)))
