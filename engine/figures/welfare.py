"""Figures of exact-hat counterfactuals: real income, ranges over scenarios, sectors,
and tariffs that regions choose."""

import textwrap
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..core import Phrase, TivaxError, billions, capital, first_and_named
from ..reporting import (
    COLOURS,
    DEFICIT,
    INK,
    SMALL,
    SURPLUS,
    finish_layout,
    interval_axes,
    labelled_rows,
    legend,
    plain_axes,
)
from ..tables import REST, country_in_text, country_name
from ..tables.shown_regions import MANY
from .parts import beside_row, one_panel, require_columns, styled

_VARIANTS = 3

# Per cent: a part below is rounding.
_NOTHING = 1e-8
_LETTERS = 48  # Chinese ones in a line of a title
Say = Callable[[str], str]
"""Puts a figure's own words into another language."""


@styled
def welfare_ranges(
    changes: pd.DataFrame,
    regions: Sequence[str] | None = None,
    *,
    named: Sequence[str] = (),
    say: Say = str,
) -> Figure:
    """Real income over scenarios: lowest to highest, quartiles and median by region.

    ``changes`` is that of a ``tx.exact_hat`` of several scenarios; ``regions`` and
    ``named`` as in ``welfare_by_region``.
    """
    columns = ["scenario", "region", "real_income"]
    require_columns("changes", changes.reset_index(), columns)
    quantiles = (
        changes["real_income"]
        .groupby(level="region", sort=False)
        .quantile(np.array([0, 0.25, 0.5, 0.75, 1]))
        .unstack()
    )
    furthest = quantiles.abs().max(axis=1) * np.where(quantiles[0.5] < 0, -1, 1)
    shown = _chosen(quantiles, regions, furthest, named)
    if regions is None:
        shown = shown.loc[shown[0.5].sort_values(ascending=False, kind="stable").index]
    fig, ax = one_panel(_height(len(shown)))
    rows = np.arange(len(shown))
    low, first, middle, third, high = shown.to_numpy(float).T
    ax.hlines(rows, low, high, color=SURPLUS, linewidth=1.2, alpha=0.6)
    ax.barh(rows, third - first, left=first, height=0.5, color=SURPLUS, alpha=0.5)
    ax.scatter(middle, rows, s=14, color=INK, zorder=3)
    _named_rows(ax, [say(_name(k)) for k in shown.index])
    count = changes.index.get_level_values("scenario").nunique()
    label = "real income, per cent: range, quartiles, median"
    ax.set_xlabel(say(label), fontsize=SMALL)
    of = say(Phrase("Median of {scenarios} scenarios", scenarios=count))
    among = _among(shown[0.5], quantiles[0.5])
    title = _title(shown[0.5], [*map(_name, shown.index)], of, among, say)
    return finish_layout(fig, title, finding=True)


@styled
def welfare_by_region(
    table: pd.DataFrame,
    regions: Sequence[str] | None = None,
    *,
    named: Sequence[str] = (),
    say: Say = str,
) -> Figure:
    """Real income of up to three scenarios, from gains to losses of the first.

    Parameters
    ----------
    table
        That of an exact-hat result: columns variant (of several scenarios, of which the
        first three are shown), region, measure, percent; ``with_errors`` ci_low and
        ci_high, 95 % intervals.
    regions
        Only these, by default the twenty with the largest changes.
    named
        Among the twenty whatever their changes.

    Intervals of one scenario are also in numbers: some are too short to be seen.
    """
    require_columns("table", table, ["region", "measure", "percent"])
    found = _by_variant(table[table["measure"] == "real_income"], say)
    found = {k: own.set_index("region") for k, own in found.items()}
    [(variant, first), *_] = found.items()
    shown = _chosen(first, regions, first["percent"], named).index
    found = {k: own.loc[shown] for k, own in found.items()}
    fig, ax = _dots(found, range(len(shown)), "real income", say)
    _named_rows(ax, [say(_name(k)) for k in shown])
    income = first.loc[shown, "percent"]
    among = _among(income, first["percent"])
    title = _title(income, [*map(_name, shown)], variant, among, say)
    return finish_layout(fig, title, finding=True)


@styled
def sectors_by_region(rows: pd.DataFrame, *, say: Say = str) -> Figure:
    """Value added of sectors in up to three scenarios, in the order of the rows.

    Parameters
    ----------
    rows
        Columns variant (of several scenarios), region, title, percent; ``with_errors``
        ci_low and ci_high, 95 % intervals.
    """
    require_columns("rows", rows, ["region", "title", "percent"])
    found = _by_variant(rows, say)
    [(variant, first), *_] = found.items()
    labels, places, heads = [], [], []
    for region, own in first.groupby("region", sort=False):
        heads.append(len(labels))
        labels += [say(_name(region)), *(say(_short(k)) for k in own["title"])]
        places += range(heads[-1] + 1, len(labels))
    fig, ax = _dots(found, places, "value added of sectors", say)
    _named_rows(ax, labels)
    for k in heads:
        ax.get_yticklabels()[k].set_fontweight("bold")
    both = zip(first["title"].map(_short), first["region"], strict=True)
    names = [
        Phrase("{sector} in {region}", sector=sector, region=country_in_text(region))
        for sector, region in both
    ]
    # Of each region only some are in the rows.
    among = "of the sectors shown, {found}"
    title = _title(first["percent"], names, variant, among, say)
    return finish_layout(fig, title, finding=True)


def _by_variant(rows: pd.DataFrame, say: Say) -> dict[str, pd.DataFrame]:
    """The rows of the first scenarios by their names, that of one without is empty."""
    column = next((k for k in ("variant", "scenario") if k in rows), None)
    if column is None:
        return {"": rows}
    groups = [*rows.groupby(column, sort=False)][:_VARIANTS]
    if column == "variant":
        return {str(k): own for k, own in groups}
    if len(groups) == 1:
        return {"": groups[0][1]}
    return {say(Phrase("scenario {number}", number=k)): own for k, own in groups}


def _dots(
    found: Mapping[str, pd.DataFrame], places: Sequence[int], what: str, say: Say
) -> tuple[Figure, Axes]:
    """Per cent by place and scenario, as dots or, with intervals, as thick lines."""
    fig, ax = one_panel(_height(max(places, default=0) + 1))
    handles: list[object] = []
    intervals = all("ci_low" in own for own in found.values())
    for k, own in enumerate(found.values()):
        at = np.array(places) + 0.24 * (k - (len(found) - 1) / 2)
        if not intervals:
            handles.append(ax.scatter(own["percent"], at, s=14, color=COLOURS[k]))
            continue
        ends = own["ci_low"], own["ci_high"]
        handles.append(ax.hlines(at, *ends, color=COLOURS[k], linewidth=3))
        # Points are thin lines: dots would hide short intervals.
        ax.vlines(own["percent"], at - 0.24, at + 0.24, color=INK, linewidth=0.9)
    beside = ", with 95 % intervals" if intervals else ""
    ax.set_xlabel(say(f"{what}, per cent{beside}"), fontsize=SMALL)
    if len(found) > 1:
        legend(fig, handles, [*found], loc="outside lower right")
    elif intervals:
        [own] = found.values()
        numbers = own[["percent", "ci_low", "ci_high"]].to_numpy(float)
        for place, (value, low, high) in zip(places, numbers, strict=True):
            told = f"{value:+.2f}  [{low:+.2f}, {high:+.2f}]"
            beside_row(ax, place, told, at=1.02)
    return fig, ax


@styled
def who_pays(
    paid: pd.Series, *, unit: str = "", named: Sequence[str] = (), say: Say = str
) -> Figure:
    """Gains and losses of regions as a waterfall that ends in the world's sum.

    Parameters
    ----------
    paid
        Money by region: the change of real income times income. The twenty largest and
        those ``named`` are shown, the others together.
    unit
        Of the money.
    """
    unit, factor = billions(unit)
    paid = factor * paid
    order = paid.abs().sort_values(ascending=False, kind="stable").index
    chosen = order[first_and_named([*order], named, MANY)]
    shown = paid.loc[chosen].sort_values(ascending=False, kind="stable")
    steps = shown.to_numpy(float)
    names = [say(_name(k)) for k in shown.index]
    if len(shown) < len(paid):
        steps = np.append(steps, paid.drop(chosen).sum())
        names.append(say(Phrase("{count} others", count=len(paid) - len(shown))))
    ends = np.cumsum(steps)
    fig, ax = one_panel(_height(len(names) + 1))
    colours = np.where(steps < 0, DEFICIT, SURPLUS)
    rows = np.arange(len(names))
    ax.barh(rows, steps, left=ends - steps, height=0.62, color=colours)
    ax.barh([len(names)], [ends[-1]], height=0.62, color=INK)
    ax.vlines(ends, rows, rows + 1, color=INK, linewidth=0.5)
    _named_rows(ax, [*names, say("world")])
    ax.xaxis.set_major_formatter("{x:,.0f}")
    label = Phrase("{what}, {unit}", what="real income", unit=unit)
    ax.set_xlabel(say(label if unit else "real income"), fontsize=SMALL)
    sums = {"lost": -paid[paid < 0].sum(), "gained": paid[paid > 0].sum()}
    title = "Losers lose {lost:,.0f}, winners gain {gained:,.0f}"
    if unit:
        title = "Losers lose {lost:,.0f}, winners gain {gained:,.0f} {unit}"
    return finish_layout(fig, say(Phrase(title, **sums, unit=unit)), finding=True)


@styled
def tariff_schedule(schedule: pd.DataFrame, *, say: Say = str) -> Figure:
    """Tariffs chosen as bars, the largest shares of imports first.

    Parameters
    ----------
    schedule
        Columns player, on, share, tariff (per cent), as ``schedule`` of a
        ``tx.optimal_tariff``; with ci_low and ci_high intervals too. Of several players
        the means, if each has several rates, without intervals then.
    """
    require_columns("schedule", schedule, ["player", "on", "share", "tariff"])
    ends = None
    several = schedule["player"].nunique() > 1
    if several:
        weighted = schedule.assign(tariff=schedule["tariff"] * schedule["share"])
        rates = weighted.groupby("player", sort=False)["tariff"].sum()
        rates = rates.sort_values(ascending=False, kind="stable")
        if schedule["player"].is_unique:
            ends = schedule.set_index("player").loc[rates.index]
    else:
        rows = schedule.sort_values("share", ascending=False, kind="stable")
        ends = rows.set_index("on")
        rates = ends["tariff"]
    shown = rates.iloc[:MANY]
    fig, ax = one_panel(_height(len(shown)))
    colours = np.where(shown.to_numpy() < 0, DEFICIT, SURPLUS)
    places = np.arange(len(shown))
    ax.barh(places, shown, color=colours, height=0.62)
    if ends is not None and "ci_low" in ends:
        low, high = ends[["ci_low", "ci_high"]].iloc[:MANY].to_numpy(float).T
        ax.hlines(places, low, high, color=INK, linewidth=1)
    _named_rows(ax, [say(_name(k)) for k in shown.index])
    ax.set_xlabel(say("tariff, per cent"), fontsize=SMALL)
    title: str = Phrase("Tariffs of {player}", player=_name(schedule["player"].iloc[0]))
    title = "Tariffs" if several else title
    if len(rates) > 1:
        ends = {"low": rates.min(), "least": _name(rates.idxmin())}
        ends |= {"high": rates.max(), "most": _name(rates.idxmax())}
        text = "{tariffs} from {low:.1f} ({least}) to {high:.1f} ({most}) per cent"
        title = Phrase(text, tariffs=title, **ends)
    if len(shown) < len(rates):
        counts = {"shown": len(shown), "rates": len(rates)}
        title = Phrase("{title}, {shown} of {rates} shown", title=title, **counts)
    return finish_layout(fig, say(title)[:110])


@styled
def response_curves(
    responses: pd.DataFrame, what: str = "welfare", *, say: Say = str
) -> Figure:
    """Welfare of each player as its own rates move, and dots at what it chose.

    Parameters
    ----------
    responses
        Columns player, tariff (per cent), own_welfare, as ``responses`` of a
        ``tx.optimal_tariff``: the choice is the middle row of a player.
    what
        That is: welfare, or real income.
    """
    require_columns("responses", responses, ["player", "tariff", "own_welfare"])
    fig, ax = one_panel(2.6)
    handles, names = [], []
    for k, (name, part) in enumerate(responses.groupby("player", sort=False)):
        x, y = part["tariff"].to_numpy(), part["own_welfare"].to_numpy()
        colour = COLOURS[k % len(COLOURS)]
        handles += ax.plot(x, y, color=colour, linewidth=1.2)
        ax.scatter(x[len(x) // 2], y[len(y) // 2], s=18, color=colour, zorder=3)
        names.append(say(str(name)))
    plain_axes(ax, grid="y")
    ax.set_xlabel(say("its own tariff, per cent; the others' stay"), fontsize=SMALL)
    ax.set_ylabel(say(Phrase("{what}, per cent", what=what)), fontsize=SMALL)
    if len(names) > 1:
        legend(fig, handles, names, loc="outside upper right")
    return finish_layout(fig)


def _height(rows: int) -> float:
    return 0.16 * max(rows, 4) + 0.8


def _name(code: object) -> str:
    """The name of a country, in a figure."""
    return "Rest of the world" if code == REST else country_name(str(code))


def _named_rows(ax: Axes, names: Sequence[str]) -> None:
    """A row for each name, the line at 0, and room at both ends."""
    interval_axes(ax)
    labelled_rows(ax, names)
    ax.use_sticky_edges = False
    ax.margins(x=0.02)


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


def _among(shown: pd.Series, every: pd.Series) -> str:
    """The words of a title on the regions shown where others lose or gain more."""
    ends = [[own.min(), own.max()] for own in (shown, every)]
    return "" if ends[0] == ends[1] else "of the regions shown, {found}"


def _title(
    income: pd.Series, names: Sequence[str], of: str, among: str, say: Say
) -> str:
    """Title by what the numbers say: who loses and who gains most, ``among`` which."""
    values, parts = income.to_numpy(), dict[str, str]()
    low, high = values.argmin(), values.argmax()
    if values[low] < -_NOTHING:
        about = {"name": names[low], "change": _signed(values[low])}
        parts["loss"] = Phrase("largest loss {name}, {change} %", **about)
    if values[high] > _NOTHING:
        about = {"name": names[high], "change": _signed(values[high])}
        parts["gain"] = Phrase("largest gain {name}, {change} %", **about)
    found: str = "nothing changes"
    if parts:
        found = (
            Phrase("{loss}; {gain}", **parts)
            if len(parts) > 1
            else [*parts.values()][0]
        )
    found = Phrase(among, found=found) if among else found
    title = say(
        Phrase("{variant}: {found}", variant=of[:40], found=found) if of else found
    )
    if "；" in title:  # Chinese letters are wide, and their lines have no blanks
        return title.replace("；", "；\n") if len(title) > _LETTERS else title
    return textwrap.fill(capital(title), 2 * _LETTERS)


def _short(title: str) -> str:
    """A sector in a figure."""
    return textwrap.shorten(title, 60, placeholder=" ...")


def _chosen(
    table: pd.DataFrame,
    regions: Sequence[str] | None,
    size: pd.Series,
    named: Sequence[str],
) -> pd.DataFrame:
    """The rows asked for, else the largest in size and those named, from gains to
    losses."""
    if regions is None:
        order = size.abs().sort_values(ascending=False, kind="stable").index
        kept = order[first_and_named([*order], named, MANY)]
        down = size.loc[kept].sort_values(ascending=False, kind="stable").index
        return table.loc[down]
    if unknown := [k for k in regions if k not in table.index]:
        raise TivaxError(f"no region {unknown[0]} in these changes")
    return table.loc[list(regions)]
