"""The cost of undoing the EU: Felbermayr, Gröschl and Heiland (2022).

Journal of International Economics 138: 103647. Tables 5, A6 (gross trade), A8 and B10:
means over 1,000 draws of elasticities and of what memberships do to trade costs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

import tivax as tx

from ...core import NOT_KEPT, Keeper, Progress, TivaxError, load_toml, no_progress
from .. import europe as archive
from ..result import Published, equilibria_of, table_of
from .means import controlled_means, standard_errors, stars

_FACTS = load_toml(__package__, "scenarios.toml")
SCENARIOS: dict[str, dict[str, Any]] = _FACTS["scenarios"]
_COLLAPSE = ("S6",)
_ACCOUNTS = "shares tariff value_added inputs budget spending income".split()
_NOT_TRADED = 1e5  # the factor of trade costs of services that are not


@dataclass(frozen=True)
class PublishedRun:
    """Scenarios from one base, all draws; ``deficits``: share, kept or zero. ``known``
    has all draws of the archive."""

    name: str
    europe: archive.Europe
    estimates: archive.Estimates
    known: archive.Estimates
    scenarios: Sequence[str] = _COLLAPSE
    deficits: str = "share"
    simple: bool = False

    def draws(self, ended: np.ndarray, transfer: np.ndarray) -> Any:
        """Its draws, by what memberships change by and the transfers of members.

        The base takes inventories out; of three industries the last becomes non-traded
        in the same step.
        """
        europe, log_costs = self.europe, None
        share = _shares_of_income(europe, self.deficits)
        members = (ended[0] != 0).any(axis=0)
        # Without transfers a member's surplus has them and, as printed, tariff revenue.
        lost = europe.surplus + transfer + europe.revenue
        alone = np.where(members, lost / (europe.income + europe.revenue), share)
        three = europe.spending.shape[1] == len(archive.GROUPS)
        if three:
            log_costs = np.zeros_like(europe.tariff)
            log_costs[:, :, -1] = np.where(np.eye(len(share)), 0, np.log(_NOT_TRADED))
        chosen, tariffs, shares = [], [], []
        for name in self.scenarios:
            own = SCENARIOS[name]
            rates = own["tariffs"]
            chosen.append(np.isin(archive.MEMBERSHIPS, own["ended"]).astype(float))
            rates = "members" if three and rates == "all" else rates
            tariffs.append(europe.lapsed[rates] if rates else europe.tariff)
            shares.append(share if own["transfers"] else alone)
        return tx.Economy.parameter_draws(
            **{name: getattr(europe, name) for name in _ACCOUNTS},
            surplus=share,
            ended=ended,
            chosen=np.stack(chosen),
            tariff_new=np.stack(tariffs),
            surplus_new=np.stack(shares),
            lent=europe.surplus if self.deficits == "kept" else None,
            log_costs=log_costs,
            own_inputs=self.simple,
        )


@dataclass(frozen=True)
class _Column:
    """A column of a table, and its control variate, by draw and region."""

    table: str
    name: str
    percent: Float[np.ndarray, "k r"]
    control: Float[np.ndarray, "k r"]


def solve_paper(
    folder: Path,
    *,
    draws: int | None = None,
    progress: Progress = no_progress,
    keeper: Keeper = NOT_KEPT,
) -> Published:
    """Tables 5, A6, A8 and B10; ``draws``: the first so many of the 1,000.

    Raises ``TivaxError`` for data that are missing or damaged.
    """
    fifty = archive.read_europe(folder)
    three = archive.merged(fifty)
    ended, transfer = archive.read_memberships(folder), archive.read_transfers(folder)
    fine = archive.read_estimates(folder, three=False)
    coarse = archive.read_estimates(folder, three=True)
    number = min(len(fine.tariff), len(coarse.tariff))
    if draws is not None and draws > number:
        raise TivaxError(f"{folder}: --draws {draws}: the archive has {number:,}")
    kept = number if draws is None else draws
    fine, coarse, mean = (
        (archive.Estimates(k.tariff[:kept], k.effects[:kept]), k)
        for k in (fine, coarse, fine.merged(fifty.output))
    )
    runs = [
        PublishedRun("f", three, *coarse),
        PublishedRun("b", three, *mean),
        PublishedRun("a", three, *mean, simple=True),
        PublishedRun("5", fifty, *fine, [*SCENARIOS]),
        PublishedRun("c", fifty, *fine, simple=True),
        PublishedRun("6 constant", fifty, *fine, deficits="kept"),
        PublishedRun("7 balanced", fifty, *fine, deficits="zero"),
    ]
    total, done = kept * sum(len(run.scenarios) for run in runs), 0
    solved, controls = {}, {}
    for run in runs:
        k, own = len(run.scenarios), (run.estimates.theta, run.estimates.costs)
        drawn = run.draws(ended, transfer)
        solved[run.name] = drawn.solve(
            *own,
            progress=lambda n, _, k=k, at=done: progress(at + k * n, total),
            keeper=keeper.under(run.name),
        )
        known = run.known.theta.mean(axis=0), run.known.costs.mean(axis=0)
        controls[run.name] = drawn.control_variates(known, *own)
        done += kept * k
    columns = _columns(
        {name: found.percent for name, found in solved.items()},
        controls,
    )
    intervals = _intervals(columns)
    falls = intervals["variance_ratio"].quantile([0.5, 0.0, 1.0])
    lost = sum(int(np.isnan(k.percent[:, :, 0]).sum()) for k in solved.values())
    worst = max(float(np.nanmax(k.clearing)) for k in solved.values())
    return Published(
        "Felbermayr, Gröschl and Heiland (2022), Complex Europe",
        {
            "tables": pd.concat([_printed(columns), _gross_trade(fifty)]),
            "intervals": intervals,
            "equilibria": equilibria_of(
                {
                    label: float(np.nanmax(found.clearing[:, c]))
                    for name, found in solved.items()
                    for c, label in enumerate(SCENARIOS if name == "5" else [name])
                }
            ),
        },
        worst,
        [folder / name for name in archive.FILES],
        [
            f"means over {kept:,} of {number:,} draws; those without a result are left "
            f"out: {lost:,} of {total:,} equilibria",
            "control variates by the gradient at the mean parameters divide the "
            "variance of a mean by {:.1f} (median; {:.1f} to {:.1f})".format(*falls),
            "surpluses are shares of income as published: they do not add to zero",
            "Table A8, column 5 is left out: its draws are not in the archive",
        ],
    )


def _shares_of_income(europe: archive.Europe, deficits: str) -> Float[np.ndarray, " r"]:
    if deficits != "share":
        return np.zeros_like(europe.surplus)
    return europe.surplus / (europe.income + europe.revenue)


def _columns(
    percent: Mapping[str, Float[np.ndarray, "k c r"]],
    controls: Mapping[str, Float[np.ndarray, "k c r"]],
) -> list[_Column]:
    """Columns of all tables from the scenarios of each run."""
    values, control = (
        {
            **{name: each[:, 0] for name, each in given.items() if name != "5"},
            **dict(zip(SCENARIOS, np.moveaxis(given["5"], 1, 0), strict=True)),
        }
        for given in (percent, controls)
    )
    columns = [_Column("Table 5", k, values[k], control[k]) for k in SCENARIOS]
    for name in ("6 constant", "7 balanced"):
        columns.append(_Column("Table A8", name, values[name], control[name]))
    for name in ("a", "b", "b-a", "c", "c-a", "d", "d-c", "d-a", "f", "f-b"):
        one, *other = (k.replace("d", "S6") for k in name.split("-"))
        both = (own[one] - sum(own[k] for k in other) for own in (values, control))
        columns.append(_Column("Table B10", name, *both))
    return columns


def _rows(column: _Column, suffix: str = "", **values: np.ndarray) -> pd.DataFrame:
    """A row for each country."""
    name = column.name + suffix
    where = {"table": column.table, "row": archive.REGIONS, "column": name}
    return pd.DataFrame(where | values)


def _printed(columns: Sequence[_Column]) -> pd.DataFrame:
    """Means, and stars in a column of their own."""
    parts = []
    for column in columns:
        mean, marks = np.nanmean(column.percent, axis=0), stars(column.percent)
        parts.append(_rows(column, value=mean))
        parts.append(_rows(column, " stars", value=marks.astype(float)))
    return pd.concat(parts, ignore_index=True)


def _intervals(columns: Sequence[_Column]) -> pd.DataFrame:
    """Means, plain and with control variates, their standard errors, by how much the
    variance falls, and 95 % of the draws."""
    parts = []
    for column in columns:
        se = standard_errors(column.percent)
        controlled, its_se = controlled_means(column.percent, column.control)
        low, high = np.nanpercentile(column.percent, (2.5, 97.5), axis=0)
        part = _rows(
            column,
            mean=np.nanmean(column.percent, axis=0),
            se=se,
            ci_low=low,
            ci_high=high,
            draws=np.isfinite(column.percent).sum(axis=0),
            controlled=controlled,
            controlled_se=its_se,
            variance_ratio=(se / np.where(its_se > 0, its_se, se)) ** 2,
        )
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _gross_trade(europe: archive.Europe) -> pd.DataFrame:
    """Table A6: sales of blocs, net of tariffs, in billion US$."""
    blocs = {k: np.isin(archive.REGIONS, v) for k, v in _FACTS["blocs"].items()}
    blocs["non-EU"] = ~np.logical_or(*blocs.values())
    sales = europe.trade.sum(axis=2).T / 1000  # seller, buyer
    home = np.diag(sales)
    abroad = sales - np.diag(home)
    cells: list[tuple[str, str, str, float]] = []
    for row, sellers in blocs.items():
        cells.append(("Table A6", row, "domestic sales", float(home[sellers].sum())))
        for bloc, buyers in blocs.items():
            value = float(abroad[np.ix_(sellers, buyers)].sum())
            cells.append(("Table A6", row, f"to {bloc}", value))
    return table_of(cells)
