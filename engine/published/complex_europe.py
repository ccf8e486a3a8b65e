"""The cost of undoing the EU: Felbermayr, Gröschl and Heiland (2022).

Journal of International Economics 138: 103647. Tables 5, A6 (gross trade), A8 and B10:
means over 1,000 draws of elasticities and of what memberships do to trade costs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np
import pandas as pd
from jaxtyping import Float

from ...kernels.equilibrium import changes, parameter_draws, wages
from ..core import NOT_KEPT, Keeper, Progress, TivaxError, in_float64, no_progress
from .europe_data import (
    FILES,
    GROUPS,
    MEMBERSHIPS,
    REGIONS,
    Estimates,
    Europe,
    merged,
    read_estimates,
    read_europe,
    read_memberships,
    read_transfers,
)
from .parameter_draws import (
    DrawnChanges,
    control_variates,
    controlled_means,
    solve_draws,
    standard_errors,
    stars,
)
from .result import Published, equilibria_of, table_of

# Members before 2004, and since.
OLD_MEMBERS = "AUT BEL DEU DNK ESP FIN FRA GBR GRC IRL ITA LUX NLD PRT SWE".split()
NEW_MEMBERS = "BGR CYP CZE EST HRV HUN LTU LVA MLT POL ROU SVK SVN".split()
# Scenarios of Table 5: which memberships end, whose tariffs, whether transfers do.
_ALL = tuple(range(len(MEMBERSHIPS)))
SCENARIOS = {
    "S1": ((), "EU", False),
    "S2": ((0,), "", False),
    "S3": ((1,), "", False),
    "S4": ((2,), "", False),
    "S5": ((3, 4), "RTA", False),
    "S6": (_ALL, "all", False),
    "S7": (_ALL, "all", True),
}
_COLLAPSE = ("S6",)
_NOT_TRADED = 1e5  # the factor of trade costs of services that are not


@dataclass(frozen=True)
class PublishedRun:
    """Scenarios from one base, all draws; ``deficits``: share, kept or zero. ``known``
    has all draws of the archive."""

    name: str
    europe: Europe
    estimates: Estimates
    known: Estimates
    scenarios: Sequence[str] = _COLLAPSE
    deficits: str = "share"
    simple: bool = False

    def solve(
        self,
        ended: Float[np.ndarray, "d r r"],
        transfer: Float[np.ndarray, " r"],
        progress: Progress = no_progress,
        keeper: Keeper = NOT_KEPT,
    ) -> DrawnChanges:
        """All scenarios of all draws, by what memberships change by and transfers."""
        theta, costs = self.estimates.theta, self.estimates.costs
        world = _world(self.europe, theta.mean(axis=0), self.deficits)
        given = world, _cases(self, ended, transfer), theta, costs
        told = {"progress": progress, "keeper": keeper.under(self.name)}
        return solve_draws(*given, simple=self.simple, **told)

    def controls(
        self, ended: Float[np.ndarray, "d r r"], transfer: Float[np.ndarray, " r"]
    ) -> Float[np.ndarray, "k c r"]:
        """Control variates of all scenarios; of all ``known`` draws the mean is 0."""
        theta, effects = self.known.theta.mean(axis=0), self.known.costs.mean(axis=0)
        mean = parameter_draws.Draw(*jax.device_put((theta, effects)))
        world = _world(self.europe, theta, self.deficits)
        given = world, _cases(self, ended, transfer), mean
        own = self.estimates.theta, self.estimates.costs
        return control_variates(*given, *own, simple=self.simple)


@dataclass(frozen=True)
class _Column:
    """A column of a table, and its control variate, by draw and region."""

    table: str
    name: str
    percent: Float[np.ndarray, "k r"]
    control: Float[np.ndarray, "k r"]


@in_float64
def complex_europe(
    folder: Path,
    *,
    draws: int | None = None,
    progress: Progress = no_progress,
    keeper: Keeper = NOT_KEPT,
) -> Published:
    """Tables 5, A6, A8 and B10; ``draws``: the first so many of the 1,000.

    Raises ``TivaxError`` for data that are missing or damaged.
    """
    fifty = read_europe(folder)
    three = merged(fifty)
    ended, transfer = read_memberships(folder), read_transfers(folder)
    fine = read_estimates(folder, three=False)
    coarse = read_estimates(folder, three=True)
    number = min(len(fine.tariff), len(coarse.tariff))
    if draws is not None and draws > number:
        raise TivaxError(f"{folder}: --draws {draws}: the archive has {number:,}")
    kept = number if draws is None else draws
    fine, coarse, mean = (
        (Estimates(k.tariff[:kept], k.effects[:kept]), k)
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
    solved: dict[str, DrawnChanges] = {}
    for run in runs:
        k = len(run.scenarios)
        solved[run.name] = run.solve(
            ended,
            transfer,
            lambda n, _, k=k, at=done: progress(at + k * n, total),
            keeper,
        )
        done += kept * k
    columns = _columns(
        {name: found.percent for name, found in solved.items()},
        {run.name: run.controls(ended, transfer) for run in runs},
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
        [folder / name for name in FILES],
        [
            f"means over {kept:,} of {number:,} draws; those without a result are left "
            f"out: {lost:,} of {total:,} equilibria",
            "control variates by the gradient at the mean parameters divide the "
            "variance of a mean by {:.1f} (median; {:.1f} to {:.1f})".format(*falls),
            "surpluses are shares of income as published: they do not add to zero",
            "Table A8, column 5 is left out: its draws are not in the archive",
        ],
    )


def _world(
    europe: Europe, theta: Float[np.ndarray, " s"], deficits: str
) -> parameter_draws.DrawnWorld:
    """The data as an economy, and the shock that takes inventories out.

    Of three industries the last becomes non-traded in the same step.
    """
    r, s = europe.spending.shape
    scale = europe.income.sum()
    economy = changes.EconomyArrays(
        shares=jax.device_put(europe.shares),
        value_added=jax.device_put(europe.value_added),
        inputs=jax.device_put(europe.inputs),
        budget=jax.device_put(europe.budget),
        theta=jax.device_put(theta),
        income=jax.device_put(europe.income / scale),
        joined=jax.device_put(np.ones((r, r))),
    )
    costs = np.zeros_like(europe.tariff)
    if s == len(GROUPS):
        costs[:, :, -1] = np.where(np.eye(r), 0, np.log(_NOT_TRADED))
    lent = -europe.surplus / scale
    lent = lent - lent.mean()  # rounding
    base = changes.EconomyShock(
        log_costs=jax.device_put(costs),
        tariff=jax.device_put(europe.tariff),
        deficit=jax.device_put(lent if deficits == "kept" else np.zeros(r)),
        surplus=changes.Surplus(
            share=jax.device_put(_shares_of_income(europe, deficits)),
            spread=jax.device_put(np.zeros(())),
        ),
    )
    start = wages.origin(jax.device_put(europe.spending / scale))
    # (At the data; with services that are not traded solvers need no other.)
    still = base._replace(log_costs=jax.device_put(np.zeros_like(costs)))
    inverse = wages.inverse_jacobian(economy, still, start)
    return parameter_draws.DrawnWorld(economy, base, start, inverse)


def _shares_of_income(europe: Europe, deficits: str) -> Float[np.ndarray, " r"]:
    if deficits != "share":
        return np.zeros_like(europe.surplus)
    return europe.surplus / (europe.income + europe.revenue)


def _cases(
    run: PublishedRun,
    ended: Float[np.ndarray, "d r r"],
    transfer: Float[np.ndarray, " r"],
) -> parameter_draws.Cases:
    europe = run.europe
    fine = europe.spending.shape[1] != len(GROUPS)
    share = _shares_of_income(europe, run.deficits)
    members = (ended[0] != 0).any(axis=0)
    # Without transfers a member's surplus has them and, as printed, tariff revenue.
    own = europe.surplus + transfer + europe.revenue
    alone = np.where(members, own / (europe.income + europe.revenue), share)
    chosen, tariffs, shares = [], [], []
    for name in run.scenarios:
        which, rates, without = SCENARIOS[name]
        chosen.append(np.isin(_ALL, which).astype(float))
        rates = rates if fine or rates != "all" else "members"
        tariffs.append(europe.lapsed[rates] if rates else europe.tariff)
        shares.append(alone if without else share)
    return parameter_draws.Cases(
        jax.device_put(ended),
        *(jax.device_put(np.stack(k)) for k in (chosen, tariffs, shares)),
    )


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
    where = {"table": column.table, "row": REGIONS, "column": name}
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


def _gross_trade(europe: Europe) -> pd.DataFrame:
    """Table A6: sales of blocs, net of tariffs, in billion US$."""
    old = np.isin(REGIONS, OLD_MEMBERS)
    new = np.isin(REGIONS, NEW_MEMBERS)
    blocs = {"old EU": old, "new EU": new, "non-EU": ~(old | new)}
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
