"""Figures of value-added trade, drawn with matplotlib.

Every function takes labelled results of ``measures`` and returns a
``matplotlib.figure.Figure``; nothing is shown and pyplot is not touched.

    T   value added of the row region absorbed in the column region  [unit of the table]
    E   gross exports of the row region to the column region         [unit of the table]

The bilateral balance of i with j is T_ij - T_ji, or E_ij - E_ji in gross terms;
above 0, i has a surplus. Flows are shown in billions where the unit is known.
"""

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..core import Phrase, TivaxError, billions, require_kind
from ..reporting import (
    COLOURS,
    DEFICIT,
    FONT,
    FULL_WIDTH,
    INK,
    QUIET,
    SMALL,
    SURPLUS,
    finish_layout,
    label_ends,
    label_room,
    labelled_rows,
    plain_axes,
    year_axis,
)
from ..tables import REST, country_name
from ..tables.shown_regions import FEW, MANY, known_regions, largest, trade_size
from .parts import (
    colour_scale,
    map_cells,
    one_panel,
    panels,
    signed_root,
    signed_ticks,
    styled,
)

# Eight large economies, each in a colour of its own.
LARGE_ECONOMIES: tuple[str, ...] = tuple("CHN USA GBR KOR DEU IND BRA JPN".split())


# ------------------------------------------------------------- trade benefit index


@styled
def tbi_lines(tbi: xr.Dataset, regions: Sequence[str] | None = None) -> Figure:
    """Trade benefit index over the years, one line a region.

    Without ``regions`` the eight largest traders of the last year are drawn, without
    ROW, for which ``tbi`` has ``va_exports`` and ``va_imports``. Up to eight
    regions share one panel, labelled at the line ends; more, and more than three whose
    bands can be seen, get a panel each with one scale. A value between two missing
    years is a point. With ``tbi_ci_low`` and ``tbi_ci_high`` each line has its 95 %
    band.
    """
    expected = "the data of tx.trade_benefit_index, not its variable tbi alone"
    require_kind("tbi", tbi, xr.Dataset, expected)
    known = [str(k) for k in tbi["region"].values]
    if regions is None:
        regions = largest(trade_size(tbi), FEW, rest=False)
    chosen = known_regions(regions, known)
    names = [k for k in ("tbi", "tbi_ci_low", "tbi_ci_high") if k in tbi]
    index = tbi[names].sel(region=chosen).transpose("year", "region")
    banded = "tbi_ci_low" in tbi and not _is_thin(index)
    few = len(chosen) <= len(COLOURS) and not (banded and len(chosen) > _BANDS)
    draw = _labelled_lines if few else _panel_each
    name = ["trade benefit index, (X − M) / (X + M)"]
    name.append("X, M: value-added exports, imports")
    if "tbi_ci_low" in tbi:
        thin = "95 % interval thinner than the lines"
        name.append(thin if _is_thin(index) else "band: 95 % interval")
    return finish_layout(draw(index, Phrase.listed(name, "\n")))


_BANDS = 3  # more in one panel hide each other


def _is_thin(index: xr.Dataset) -> bool:
    """True if the widest band is less than a line, which is 1 % of the axis."""
    width = float((index["tbi_ci_high"] - index["tbi_ci_low"]).max())
    return width < 0.01 * float(index["tbi"].max() - index["tbi"].min())


def _labelled_lines(index: xr.Dataset, name: str) -> Figure:
    regions = [str(k) for k in index["region"].values]
    fig, ax = one_panel(3.2)
    years = index["year"].values
    ends: list[tuple[str, str, float, float]] = []
    for region, colour in _colours(regions).items():
        values = _line_of(ax, index, region, colour)
        if np.isfinite(values).any():
            last = np.flatnonzero(np.isfinite(values))[-1]
            at = float(years[last]), float(values[last])
            ends.append((country_name(region), colour, *at))
    _index_axes(ax, years)
    ax.set_ylabel(name)
    named = {end[0] for end in ends}
    missing = [k for k in regions if country_name(k) not in named]
    if missing:
        none = Phrase("no values: {regions}", regions=", ".join(missing))
        ax.set_xlabel(none, fontsize=SMALL)
    label_ends(fig, ax, ends)
    return fig


def _colours(regions: Sequence[str]) -> dict[str, str]:
    """A colour for each of up to eight; ``LARGE_ECONOMIES`` keep theirs."""
    own = dict(zip(LARGE_ECONOMIES, COLOURS, strict=True))
    taken = {own[region] for region in regions if region in own}
    free = iter([colour for colour in COLOURS if colour not in taken])
    return {region: own.get(region) or next(free) for region in regions}


def _panel_each(index: xr.Dataset, name: str) -> Figure:
    regions = [str(k) for k in index["region"].values]
    columns = min(6, max(3, round(len(regions) ** 0.5)))
    shared = {"sharex": True, "sharey": True}
    fig, axes = panels(len(regions), 0.85, 0.5, across=columns, **shared)
    years = index["year"].values
    for ax, region in zip(axes, regions, strict=True):
        _line_of(ax, index, region, SURPLUS)
        _index_axes(ax, years, bins=2, inside=True)
        ax.set_title(
            textwrap.fill(country_name(region), 18), fontsize=SMALL, loc="left", pad=2
        )
        ax.tick_params(labelsize=SMALL)
    fig.supylabel(name, fontsize=FONT, color=INK)
    return fig


def _line_of(ax: Axes, index: xr.Dataset, region: str, colour: str) -> np.ndarray:
    """The line of a region and its band, if it has one; the values of the line."""
    years, here = index["year"].values, index.sel(region=region)
    _line(ax, years, here["tbi"].values, colour, label=region)
    if "tbi_ci_low" in here:
        low, high = here["tbi_ci_low"].values, here["tbi_ci_high"].values
        ax.fill_between(years, low, high, color=colour, alpha=0.2, linewidth=0)
        if len(years) == 1:
            ax.vlines(years, low, high, color=colour, linewidth=1.0)
    return here["tbi"].values


def _line(
    ax: Axes, years: np.ndarray, values: np.ndarray, colour: str, *, label: str
) -> None:
    there = np.concatenate([[False], np.isfinite(values), [False]])
    alone = np.flatnonzero(there[1:-1] & ~there[:-2] & ~there[2:])
    ax.plot(
        years,
        values,
        color=colour,
        linewidth=1.3,
        marker="o",
        markersize=3.5,
        markevery=alone.tolist(),
        label=label,
    )


def _index_axes(
    ax: Axes, years: np.ndarray, *, bins: int = 6, inside: bool = False
) -> None:
    plain_axes(ax, grid="y")
    ax.axhline(0, color=QUIET, linewidth=0.8, zorder=1)
    year_axis(ax, years, bins=bins, inside=inside)
    ax.yaxis.set_major_locator(MaxNLocator(max(bins, 3), steps=[1, 2, 5, 10]))


# ---------------------------------------------------------------- bilateral balances


@styled
def balance_heatmap(
    absorbed: xr.DataArray,
    *,
    year: int | None = None,
    regions: Sequence[str] | None = None,
) -> Figure:
    """Bilateral value-added balances T_ij - T_ji of one year, as a map.

    ``absorbed`` is by year (the last by default), origin, absorber, and sector, which
    is summed. Rows and columns are ``regions``, by default the 20 with the largest
    value-added exports and imports, largest first, then ROW. A triangle, since a
    surplus of one is the deficit of the other: a positive cell is a surplus of the row
    with the column. Colours follow the signed square root, since balances span
    magnitudes.
    """
    T, year = _bilateral(absorbed, year)
    chosen = (
        _largest(T, MANY) if regions is None else known_regions(regions, list(T.index))
    )
    shown = (T - T.T).loc[chosen, chosen].to_numpy(copy=True)
    most = float(np.nanmax(np.abs(shown), initial=0))
    unit, factor = billions(absorbed.attrs.get("units", ""), most)
    shown *= factor
    shown[np.triu_indices(len(shown))] = np.nan  # those above repeat, with other sign

    names = label_room([country_name(k) for k in chosen])
    # The map is as wide as the page leaves beside names and scale, cells are square.
    side = min(FULL_WIDTH - 1.6 - names, 0.4 * len(chosen) + 1)
    fig, ax = one_panel(side + 0.8 + names)
    most = factor * most or 1.0
    mesh = map_cells(
        ax,
        np.ma.masked_invalid(shown),
        [country_name(k) for k in chosen],
        chosen,
        linewidth=0.4,
        cmap="RdBu",
        norm=signed_root(most),
    )
    ax.set_aspect("equal")
    if len(chosen) > 1:  # the first row and the last column hold nothing
        ax.set_xlim(0, len(chosen) - 1)
        ax.set_ylim(len(chosen), 1)
    ax.set_ylabel("surplus of")
    ax.set_xlabel("with")
    scale = "{unit}, square-root scale" if unit else "square-root scale"
    scale = Phrase(scale, unit=unit)
    colour_scale(ax, mesh, scale, signed_ticks(most), shrink=0.8, aspect=25)
    title = Phrase("Bilateral value-added balances, {year}", year=year)
    meaning = "positive (blue): surplus of the row with the column"
    return finish_layout(fig, Phrase.listed((title, meaning), "\n"))


@styled
def va_versus_gross(
    trade: xr.Dataset,
    *,
    region: str | None = None,
    year: int | None = None,
    regions: Sequence[str] | None = None,
) -> Figure:
    """Value-added beside gross trade of one year (Johnson and Noguera 2012).

    Left: the VAX ratio, value-added exports per unit of gross exports, of the 20
    largest traders and ROW, or of ``regions``; with ``vax_ratio_se`` by year and origin
    it has 95 % intervals. Right: the balance of ``region``, by default the one with the
    largest deficit in value added, with its ten largest partners by gross trade and
    ROW, gross and in value added. A region's two balances with all partners together
    are equal; with a single partner they differ. ``trade`` has ``va_absorbed`` and
    ``gross_exports`` of ``measures.value_added_trade``, with or without sectors.
    """
    T, year = _bilateral(trade["va_absorbed"], year)
    E, _ = _bilateral(trade["gross_exports"], year)
    if set(E.index) != set(T.index):
        raise TivaxError("gross exports and value added absorbed: not the same regions")
    what = "Balance of {region}, {year}"
    if region is None:
        balance = (T.sum(axis=1) - T.sum(axis=0)).drop(REST, errors="ignore")
        if balance.min() < -1e-9 * T.sum().sum():
            what = "Largest deficit: {region}, {year}"
        region = str(balance.idxmin())
    [region] = known_regions([region], list(T.index))
    unit, factor = billions(trade["va_absorbed"].attrs.get("units", ""))

    labels = _largest(T, MANY)
    if regions is not None:
        labels = known_regions(regions, list(T.index))
    rows = max(len(labels), 11)
    fig, (left, right) = panels(2, 0.14 * rows, 0.9, width_ratios=[1, 1.25])
    se = None
    if "vax_ratio_se" in trade:
        se = trade["vax_ratio_se"].sel(year=year).to_series().loc[labels]
    _vax_dots(left, (T.sum(axis=1) / E.sum(axis=1)).loc[labels], se)
    partners = _largest(E, 10, beside=region)
    _dumbbells(
        right,
        gross=factor * _balance(E, region, partners),
        value_added=factor * _balance(T, region, partners),
    )
    bold: dict[str, Any] = {"loc": "left", "fontweight": "bold"}
    left.set_title(Phrase("VAX ratio, {year}", year=year), **bold)
    left.set_xlabel("VA exports / gross exports")
    name = textwrap.fill(country_name(region), 24)
    right.set_title(Phrase(what, region=name, year=year), **bold)
    lines = "with each partner, largest trade first", "(below 0: deficit), {unit}"
    unit = Phrase(lines[1], unit=unit or "unit of the tables")
    right.set_xlabel(Phrase.listed((lines[0], unit), "\n"))
    fig.legend(
        loc="outside lower right",
        frameon=False,
        fontsize=SMALL,
        ncols=2,
        borderpad=0,
        handletextpad=0.1,
        columnspacing=1.0,
    )
    return finish_layout(fig)


def _balance(flows: pd.DataFrame, region: str, partners: Sequence[str]) -> pd.Series:
    """Sales of the region to each partner less purchases from it."""
    sold, bought = flows.T[region], flows[region]
    return (sold - bought).reindex(list(partners))


def _vax_dots(ax: Axes, ratio: pd.Series, se: pd.Series | None = None) -> None:
    ratio = ratio[np.isfinite(ratio)].sort_values(ascending=False, kind="stable")
    places = np.arange(len(ratio))
    if se is not None:
        half = 1.96 * se.loc[ratio.index].to_numpy()
        ends = ratio.to_numpy() - half, ratio.to_numpy() + half
        ax.hlines(places, ends[0], ends[1], color=SURPLUS, alpha=0.5, linewidth=1.5)
    ax.plot(ratio.to_numpy(), places, "o", color=SURPLUS, markersize=3.5)
    labelled_rows(ax, [country_name(str(k)) for k in ratio.index])
    plain_axes(ax, grid="x")
    ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))


def _dumbbells(ax: Axes, *, gross: pd.Series, value_added: pd.Series) -> None:
    places = np.arange(len(gross))
    ax.hlines(places, gross, value_added, color="#AAAAAA", linewidth=1.5, zorder=2)
    # A ring around the dot, so that both are seen where they coincide.
    rings = {"color": DEFICIT, "markerfacecolor": "none", "markersize": 5.5}
    ax.plot(gross.to_numpy(), places, "o", **rings, label="gross")
    ax.plot(
        value_added.to_numpy(),
        places,
        "o",
        color=SURPLUS,
        markersize=3,
        label="value added",
    )
    ax.axvline(0, color=QUIET, linewidth=0.8, zorder=1)
    labelled_rows(ax, [country_name(str(k)) for k in gross.index])
    plain_axes(ax, grid="x")
    ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))


# ---------------------------------------------------------------------- small parts


def _bilateral(flows: xr.DataArray, year: int | None) -> tuple[pd.DataFrame, int]:
    """One year's flows, region by region, 0 at home; and the year."""
    gross = "exporter" in flows.dims
    seller, buyer = ("exporter", "importer") if gross else ("origin", "absorber")
    years = [int(k) for k in flows["year"].values]
    year = years[-1] if year is None else year
    if year not in years:
        raise TivaxError(f"no year {year}: there are {years[0]} to {years[-1]}")
    flows = flows.sel(year=year)
    if "sector" in flows.dims:
        flows = flows.sum("sector")
    flows = flows.transpose(seller, buyer)
    origins = [str(k) for k in flows[seller].values]
    partners = [str(k) for k in flows[buyer].values]
    if set(origins) != set(partners):
        raise TivaxError(f"{seller} and {buyer} must be the same regions")
    table = pd.DataFrame(flows.values, origins, partners).loc[:, origins]
    values = table.to_numpy(copy=True)
    np.fill_diagonal(values, 0)
    return pd.DataFrame(values, origins, origins), year


def _largest(flows: pd.DataFrame, count: int, *, beside: str = "") -> list[str]:
    """The largest traders (with ``beside``, where given), largest first, then ROW."""
    both = flows + flows.T
    return largest(both[beside].drop(beside) if beside else both.sum(), count)
