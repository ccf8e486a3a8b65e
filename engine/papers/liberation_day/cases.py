"""The Liberation Day tariffs: Ignatenko, Lashkaripour, Macedoni and Simonovska (2025).

"Making America Great Again? The Economic Impacts of Liberation Day Tariffs", Journal of
International Economics 157. 194 countries, one sector, with and without inputs. Tables
are of all that the paper prints of one sector and solves as an equilibrium.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

import tivax as tx

from ...core import load_toml
from ..result import Published, equilibria_of, table_of
from . import world as data

LABOUR_SHARE = 0.49
BUDGET = 0.23
# The rate of the published row "optimal tariff" with inputs, which is no optimum.
UNFINISHED = 0.1257
COLUMNS = ("welfare", "deficit", "exports_gdp", "imports_gdp", "employment", "prices")
_SHORT = ("welfare", "deficit", "employment", "prices")


@dataclass(frozen=True, eq=False)
class Case:
    """An equilibrium: changes by country in per cent, and of the world."""

    changes: pd.DataFrame
    trade: float
    employment: float
    residual: float
    dropped: float

    def less(self, other: "Case") -> "Case":
        """The difference of two equilibria of one economy."""
        return replace(self, changes=self.changes - other.changes)


def solve_case(
    world: data.World,
    tariff: Float[np.ndarray, "r r"],
    *,
    economy: tx.Economy | None = None,
    supply: tx.Supply | None = None,
    given: Float[np.ndarray, " r"] | float = 0.0,
) -> Case:
    """An equilibrium with new tariffs; ``given`` are gifts on top of transfers."""
    economy = world.economy() if economy is None else economy
    supply = world.supply() if supply is None else supply
    old, new, value, total = supply.solve(economy, tariff, given)
    # The paper's numeraire: prices weighted by spending; with inputs, wages by income.
    spent, income = map(np.asarray, (old.spending, old.income))
    inputs = bool((old.value_added < 1).any())
    level = (
        income @ (1 + value.wage) / income.sum()
        if inputs
        else spent @ (1 + value.price_index) / spent.sum()
    )
    was = np.sign(economy.deficit)  # deficits relative to their old size
    changes = pd.DataFrame(
        {
            "welfare": value.welfare_printed,
            "deficit": (was + value.deficit) / level - was,
            "exports_gdp": value.exports_gdp,
            "imports_gdp": value.imports_gdp,
            "employment": value.employment,
            "prices": (1 + value.price_index) / level - 1,
            "revenue": value.revenue / level,
        },
        index=[*world.countries],
    )
    away = ~np.eye(len(income), dtype=bool)
    before = economy.trade[:, :, 0][away].sum() / total / income.sum()
    after = (new.trade * (1 + tariff))[away].sum() / new.income.sum()
    return Case(
        100 * changes,
        100 * (after / before - 1),
        float(income @ changes["employment"] / income.sum()) * 100,
        float(new.size),
        float(new.excess[-1] * new.income[-1] / income[-1]),
    )


def solve_paper(folder: Path) -> Published:
    """Solve all of one sector that the paper prints; ``tables`` and ``map``."""
    world = data.read_world(folder)
    cases = solve_cases(world)
    regular = [k for name, k in cases.items() if not name.startswith("balanced")]
    residual = max(max(k.residual, abs(k.dropped)) for k in regular)
    last = world.countries[-1]
    worst = max(abs(k.dropped) for k in cases.values())
    lines = [
        f"{len(cases)} equilibria of {len(world.countries)} countries",
        f"home sales that would be negative count as 0: {', '.join(world.clipped)}",
        "Table 10, 2 and 4: the published transfers do not add to zero, and the "
        f"labour market of {last}, which the numeraire stands for, misses by "
        f"{worst:.1f} times its income",
    ]
    residuals = {name: k.residual for name, k in cases.items()}
    missed = [k.dropped for k in cases.values()]
    maps = {"map USTR": "USTR", "map USTR, reciprocal retaliation": "reciprocal"}
    frames = {
        "tables": tables_of(world, cases),
        "map": pd.concat([_map(k, cases[v]) for k, v in maps.items()]),
        "equilibria": equilibria_of(residuals, last, missed),
    }
    return Published(
        "Ignatenko, Lashkaripour, Macedoni and Simonovska (2025), Liberation Day",
        frames,
        residual,
        [folder / name for name in data.FILES],
        lines if world.clipped else [lines[0], *lines[2:]],
    )


def solve_cases(world: data.World) -> dict[str, Case]:
    """Every equilibrium of one sector, by a short name."""
    main, rates = world.supply(), data.announced(world)
    best = data.optimal_rate(world, world.spending)
    lower = data.optimal_rate(world, world.income)
    answer = data.optimal_retaliation(world)
    first = world.duties(rates)
    both = world.duties(rates, rates)

    def bloc(names: Sequence[str], rate: np.ndarray | float = rates) -> np.ndarray:
        chosen = np.where(world.places(names), rate, data.LEAST_RATE)
        return world.duties(chosen, chosen)

    plain = replace(main, services=0.0, pass_through=1.0)
    higher = world.economy(elasticity=8.0)
    inputs = world.economy(LABOUR_SHARE)
    lump = replace(main, tax_relief=False)
    passed = world.supply(0.25)
    k = world.home
    # What the USA lends to each, taken back: the published way to balance its trade.
    balance = world.flows[k] - world.flows[:, k]
    given = balance.copy()
    transfer = world.spending - world.income
    given[k] = -transfer[k]
    after = 1 / ((1 + data.ELASTICITY) * np.asarray(main.pass_through)[k] - 1)
    free = solve_case(world, world.duties(), given=given)
    simple = 1 / ((1 + data.ELASTICITY) - 1)
    return {
        "USTR": solve_case(world, first),
        "lump-sum": solve_case(world, first, supply=lump),
        "optimal": solve_case(world, world.duties(best)),
        "reciprocal": solve_case(world, both),
        "optimal retaliation": solve_case(world, world.duties(rates, answer)),
        "war": solve_case(world, world.duties(lower, answer)),
        "EU and China": solve_case(world, bloc([*data.EU, "CHN"])),
        "China": solve_case(world, bloc(["CHN"])),
        "China, 108 %": solve_case(world, bloc(["CHN"], 1.08)),
        "pass-through": solve_case(world, first, supply=passed),
        "elasticity": solve_case(world, first, economy=higher),
        "EK": solve_case(world, first, supply=plain),
        "EK, retaliation": solve_case(world, world.duties(rates, simple), supply=plain),
        "balanced, free trade": free,
        "balanced": solve_case(world, first, given=given),
        "balanced, retaliation": solve_case(
            world, world.duties(rates, after), given=given
        ),
        "inputs": solve_case(world, first, economy=inputs),
        "inputs, unfinished optimum": solve_case(
            world, world.duties(UNFINISHED), economy=inputs
        ),
        "inputs, reciprocal": solve_case(world, both, economy=inputs),
    }


_ROWS = load_toml(__package__, "tables.toml")


def tables_of(world: data.World, cases: dict[str, Case]) -> pd.DataFrame:
    """Tables 1 to 4 and 8 to 11 of the paper: table, row, column, value."""
    spent = world.spending
    abroad = {"non-US": world.others}
    union, china = world.places(data.EU), world.places(["CHN"])
    rest = world.others & ~union & ~china
    cells: dict[tuple[str, str, str], float] = {}

    def add(
        table: str,
        row: str,
        case: Case,
        columns: Sequence[str],
        groups: dict[str, np.ndarray],
        weights: np.ndarray = spent,
    ) -> None:
        of = {data.HOME: world.places([data.HOME])} | groups
        for name, members in of.items():
            values = case.changes.loc[members, [*columns]]
            means = np.average(values, axis=0, weights=weights[members])
            for column, value in zip(columns, means, strict=True):
                cells[table, f"{row}: {name}", column] = float(value)

    for table, named in _ROWS["wide"].items():
        weights = world.gdp if table == "Table 4" else spent
        for row, case in named.items():
            add(table, row, cases[case], COLUMNS, abroad, weights)
    for table, named in _ROWS["wars"].items():
        remainder = abroad if table == "Table 2" else {"RoW": rest}
        groups = {"CHN": china, "EU": union} | remainder
        for row, case in named.items():
            add(table, row, cases[case], _SHORT, groups)
    free = cases["balanced, free trade"]
    ten = {
        "1 fixed transfers, before": cases["EK"],
        "2 balanced trade, before": cases["balanced"].less(free),
        "3 fixed transfers, after": cases["EK, retaliation"],
        "4 balanced trade, after": cases["balanced, retaliation"].less(free),
    }
    # Published: welfare abroad is a plain mean, and that of case 4 is that of case 3.
    for row, case in ten.items():
        add("Table 10", row, case, COLUMNS[:1] + COLUMNS[2:], abroad)
        of = ten["3 fixed transfers, after"] if row.startswith("4") else case
        mean = float(of.changes.loc[world.others, "welfare"].mean())
        cells["Table 10", f"{row}: non-US", "welfare"] = mean
    for row, part in (("% of GDP", 1.0), ("% of federal budget", BUDGET)):
        for column, case in _ROWS["revenue"].items():
            found = cases[case].changes["revenue"].to_numpy()[world.home]
            cells["Table 3", row, column] = float(found / part)
    for column, case in _ROWS["world"].items():
        cells["Table 11", "trade", column] = cases[case].trade
        cells["Table 11", "employment", column] = cases[case].employment
    order = sorted(cells.items(), key=lambda k: int(k[0][0].removeprefix("Table ")))
    return table_of((*place, value) for place, value in order)


def _map(name: str, case: Case) -> pd.DataFrame:
    """Every country's changes, as (table, row, column, value)."""
    wide = case.changes.rename(columns={"revenue": "revenue_over_expenditure"})
    wide["revenue_over_expenditure"] /= 100
    long = wide.rename_axis("row").reset_index().melt("row", var_name="column")
    places = {code: k for k, code in enumerate(wide.index)}
    long = long.sort_values("row", key=lambda k: k.map(places), kind="stable")
    long.insert(0, "table", name)
    return long.reset_index(drop=True)
