"""The Liberation Day tariffs: Ignatenko, Lashkaripour, Macedoni and Simonovska (2025).

"Making America Great Again? The Economic Impacts of Liberation Day Tariffs", Journal of
International Economics 157. 194 countries, one sector, with and without inputs. Tables
are of all that the paper prints of one sector and solves as an equilibrium.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import jax
import numpy as np
import pandas as pd
from jaxtyping import Float

from ....kernels.equilibrium import one_sector
from ...core import TivaxError, in_float64, percent_text
from ..economy import Economy
from ..supply import Supply, block_changes, block_of, outcomes, solve_blocks
from .reading import read_numbers, require_shape
from .result import Published

FILES = ("trade_cepii.csv", "gdp.csv", "tariffs.csv", "country_labels.csv")
HOME = "USA"
# The authors' list of the EU has neither Czechia nor Slovakia.
EU = (
    "AUT BEL BGR CYP DEU DNK ESP EST FIN FRA GRC HRV HUN IRL ITA LTU LUX LVA MLT NLD "
    "POL PRT ROU SVN SWE"
).split()
ELASTICITY = 4.0
LABOUR = 0.5
# The shape of firms' productivity is the trade elasticity over this.
SHAPE = 0.67
# Services: of the GDP of the rest of the world, and of that of the USA.
SERVICES = (0.12, 0.26)
LABOUR_SHARE = 0.49
BUDGET = 0.23
LEAST_RATE = 0.1
# The rate of the published row "optimal tariff" with inputs, which is no optimum.
UNFINISHED = 0.1257
# Rates of whole countries above this are damaged files, not tariffs.
_HIGHEST_RATE = 3.0
COLUMNS = (
    "welfare",
    "deficit",
    "exports_gdp",
    "imports_gdp",
    "employment",
    "prices",
)
_SHORT = ("welfare", "deficit", "employment", "prices")


@dataclass(frozen=True, eq=False)
class World:
    """The data, home sales filled in; flows are (importer, exporter), thousand US$."""

    countries: Sequence[str]
    flows: Float[np.ndarray, "r r"]
    gdp: Float[np.ndarray, " r"]
    rates: Float[np.ndarray, " r"]
    services: Float[np.ndarray, " r"]
    clipped: Sequence[str]

    @cached_property
    def home(self) -> int:
        return self.countries.index(HOME)

    @cached_property
    def others(self) -> Float[np.ndarray, " r"]:
        return np.arange(len(self.countries)) != self.home

    @property
    def spending(self) -> Float[np.ndarray, " r"]:
        return self.flows.sum(axis=1)

    @property
    def income(self) -> Float[np.ndarray, " r"]:
        """What producers get after services, and those who serve at home."""
        nu = self.services
        return (1 - nu) @ self.flows + nu * self.spending

    def places(self, names: Sequence[str]) -> np.ndarray:
        return np.isin(self.countries, names)

    def duties(
        self, of_home: object = 0.0, on_home: object = 0.0
    ) -> Float[np.ndarray, "r r"]:
        """Tariffs of the USA on others, and of others on the USA."""
        tariff = np.zeros_like(self.flows)
        tariff[self.home] = of_home
        tariff[:, self.home] = on_home
        tariff[self.home, self.home] = 0
        return tariff

    def economy(
        self, labour_share: float = 1.0, elasticity: float = ELASTICITY
    ) -> Economy:
        """With inputs home sales are those of value added over its share."""
        flows = self.flows.copy()
        np.fill_diagonal(flows, flows.diagonal() / labour_share)
        inputs = (1 - labour_share) * ((1 - self.services) @ flows)
        trade = flows[:, :, None]
        return Economy(
            regions=self.countries,
            sectors=("goods",),
            trade=trade,
            tariff=np.zeros_like(trade),
            tariff_new=np.zeros_like(trade),
            intermediate=inputs[:, None, None],
            final=(flows.sum(axis=1) - inputs)[:, None],
            value_added=(flows.sum(axis=0) - inputs)[:, None],
            deficit=flows.sum(axis=1) - flows.sum(axis=0),
            theta=np.array([elasticity]),
            name="Liberation Day",
        )

    def supply(self, passed: float = 1.0) -> Supply:
        """The paper's block; ``passed`` is how far firms pass tariffs on."""
        theta = ELASTICITY / SHAPE
        entry = (1 + theta) / ((1 - self.services) * theta) - 1 / theta - 1
        return Supply(
            labour=LABOUR,
            scale=SHAPE / ELASTICITY,
            services=self.services,
            pass_through=passed + entry,
            tax_relief=True,
            welfare="printed",
        )


def read_world(folder: Path) -> World:
    """Read and calibrate; ``TivaxError`` for files that are missing or damaged."""
    trade_file, gdp_file, tariff_file, label_file = (folder / k for k in FILES)
    if not label_file.is_file():
        raise TivaxError(f"{label_file}: no such file")
    labels = pd.read_csv(label_file, keep_default_na=False)
    if "iso3" not in labels:
        raise TivaxError(f"{label_file}: no column iso3")
    countries = labels["iso3"].astype(str).tolist()
    r = len(countries)
    exports = read_numbers(trade_file, header=True, blank=0.0)
    gdp = read_numbers(gdp_file, header=True)
    rates = read_numbers(tariff_file, header=True)
    require_shape(trade_file, exports, (r, r))
    require_shape(gdp_file, gdp, (r, 1))
    require_shape(tariff_file, rates, (r, 1))
    if HOME not in countries:
        raise TivaxError(f"{label_file}: no {HOME}")
    for bad, path, what in (
        (exports.min(axis=1) < 0, trade_file, "trade is negative"),
        (gdp[:, 0] <= 0, gdp_file, "GDP is not positive"),
        (rates[:, 0] < 0, tariff_file, "the tariff is negative"),
        (
            rates[:, 0] > _HIGHEST_RATE,
            tariff_file,
            f"the tariff is above {percent_text(_HIGHEST_RATE)}, which none is; rates "
            "are shares (0.1 is 10 %)",
        ),
        (exports.diagonal() > 0, trade_file, "the diagonal must be empty"),
    ):
        if bad.any():
            raise TivaxError(f"{path}: {countries[int(np.argmax(bad))]}: {what}")
    return _calibrated(countries, exports.T, gdp[:, 0] / 1000, rates[:, 0])


def _calibrated(
    countries: Sequence[str], flows: np.ndarray, gdp: np.ndarray, rates: np.ndarray
) -> World:
    """Fill in home sales, what GDP and transfers leave of imports, not below 0."""
    home = countries.index(HOME)
    nu = np.full(len(countries), 0.0)
    rest, own = _service_shares(flows, gdp, home)
    nu[:] = rest
    nu[home] = own
    imports = flows.sum(axis=1)
    transfer = (1 - nu) * (imports - (1 - nu) @ flows)
    left = gdp + transfer - imports
    filled = flows + np.diag(np.maximum(left, 0))
    clipped = [countries[k] for k in np.flatnonzero(left < 0)]
    return World(countries, filled, gdp, rates, nu, clipped)


def _service_shares(
    flows: np.ndarray, gdp: np.ndarray, home: int
) -> Float[np.ndarray, "2"]:
    """Shares of purchases that go to services, of the rest and of the USA.

    Services are made where they are bought; r is the share of a region's services that
    it buys itself. Both r depend on the shares, little: the pair is iterated.
    """
    away = np.arange(len(gdp)) != home
    sides = np.array([away, ~away], float)
    joint = sides @ flows @ sides.T  # of rest and USA, by importer
    income = sides @ gdp
    bought = joint.sum(axis=1)
    abroad = np.array([joint[0, 1], joint[1, 0]])  # imports of either from the other
    nu = np.zeros(2)
    for _ in range(200):
        spent = income + (1 - nu) * (bought - (1 - nu) @ joint)
        kept = spent - abroad
        kept = kept / (kept + abroad[::-1])
        system = np.array([[kept[0], 1 - kept[0]], [1 - kept[1], kept[1]]])
        new = np.maximum(np.linalg.solve(system, SERVICES), 0)
        if np.max(np.abs(new - nu)) < 1e-15:
            break
        nu = new
    return nu


def announced(world: World) -> Float[np.ndarray, " r"]:
    """Rates by exporter, at least 10 %."""
    return np.maximum(LEAST_RATE, world.rates)


def optimal_rate(world: World, of: Float[np.ndarray, " r"]) -> float:
    """The paper's formula for the best uniform rate of the USA.

    ``of`` is what stands for spending in it: spending itself, or income.
    """
    k, out, nu = world.home, world.others, world.services
    sold = world.flows[:, k] * (1 - nu) * (1 - world.flows[:, k] / world.spending)
    own = (1 - nu[k]) * (of[k] - world.flows[k, k])
    share = sold[out].sum() / own
    return 1 / ((1 + share * ELASTICITY) * _passed(world)[k] - 1)


def optimal_retaliation(world: World) -> float:
    """The same formula of the rest of the world, as one region that trades freely."""
    k, out, nu = world.home, world.others, world.services
    away = int(np.argmax(out))
    sold = world.flows[k, out].sum()
    sold = sold * (1 - nu[k]) * (1 - sold / world.spending[k])
    bought = world.income[out].sum() - world.flows[np.ix_(out, out)].sum()
    share = sold / ((1 - nu[away]) * bought)
    return 1 / ((1 + share * ELASTICITY) * _passed(world)[away] - 1)


def _passed(world: World) -> Float[np.ndarray, " r"]:
    return np.asarray(world.supply().pass_through)


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
    world: World,
    tariff: Float[np.ndarray, "r r"],
    *,
    economy: Economy | None = None,
    supply: Supply | None = None,
    given: Float[np.ndarray, " r"] | None = None,
) -> Case:
    """An equilibrium with new tariffs; ``given`` are gifts on top of transfers."""
    economy = world.economy() if economy is None else economy
    supply = world.supply() if supply is None else supply
    block = block_of(economy, supply)
    total = economy.trade.sum() / np.asarray(block.spending).sum()
    gifts = np.zeros(len(world.countries)) if given is None else given / total
    shock = tariff[None, :, :, None]
    change = block_changes(
        block, shock, np.ones_like(shock), block.transfer + jax.device_put(gifts)
    )
    found = solve_blocks(economy, block, change)
    value = jax.tree.map(lambda a: np.asarray(a)[0], outcomes(block, found))
    new: one_sector.State = jax.tree.map(lambda a: np.asarray(a)[0], found)
    # The paper's numeraire: prices weighted by spending; with inputs, wages by income.
    spent, income = np.asarray(block.spending), np.asarray(block.income)
    inputs = bool((np.asarray(block.value_added) < 1).any())
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


@in_float64
def liberation_day(folder: Path) -> Published:
    """Solve all of one sector that the paper prints; ``tables`` and ``map``."""
    world = read_world(folder)
    cases = solve_cases(world)
    regular = [k for name, k in cases.items() if not name.startswith("balanced")]
    residual = max(max(k.residual, abs(k.dropped)) for k in regular)
    last = world.countries[-1]
    worst = max(abs(k.dropped) for k in cases.values())
    lines = [
        f"{len(cases)} equilibria of {len(world.countries)} countries",
        f"home sales that would be negative count as 0: {', '.join(world.clipped)}",
        f"Table 10, 2 and 4: the published transfers do not add to zero, and the labour "
        f"market of {last}, which the numeraire stands for, misses by {worst:.1f} times "
        "its income",
    ]
    equilibria = pd.DataFrame(
        {
            "equilibrium": [*cases],
            "residual": [k.residual for k in cases.values()],
            "dropped": last,
            "dropped_residual": [k.dropped for k in cases.values()],
        }
    )
    maps = {"map USTR": "USTR", "map USTR, reciprocal retaliation": "reciprocal"}
    frames = {
        "tables": tables_of(world, cases),
        "map": pd.concat([_map(k, cases[v]) for k, v in maps.items()]),
        "equilibria": equilibria,
    }
    return Published(
        "Ignatenko, Lashkaripour, Macedoni and Simonovska (2025), Liberation Day",
        frames,
        residual,
        [folder / name for name in FILES],
        lines if world.clipped else [lines[0], *lines[2:]],
    )


def solve_cases(world: World) -> dict[str, Case]:
    """Every equilibrium of one sector, by a short name."""
    main, rates = world.supply(), announced(world)
    best = optimal_rate(world, world.spending)
    lower = optimal_rate(world, world.income)
    answer = optimal_retaliation(world)
    first = world.duties(rates)
    both = world.duties(rates, rates)

    def bloc(names: Sequence[str], rate: object = rates) -> np.ndarray:
        chosen = np.where(world.places(names), rate, LEAST_RATE)
        return world.duties(chosen, chosen)

    plain = Supply(labour=LABOUR, scale=main.scale, tax_relief=True, welfare="printed")
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
    after = 1 / ((1 + ELASTICITY) * np.asarray(main.pass_through)[k] - 1)
    free = solve_case(world, world.duties(), given=given)
    simple = 1 / ((1 + ELASTICITY) - 1)
    return {
        "USTR": solve_case(world, first),
        "lump-sum": solve_case(world, first, supply=lump),
        "optimal": solve_case(world, world.duties(best)),
        "reciprocal": solve_case(world, both),
        "optimal retaliation": solve_case(world, world.duties(rates, answer)),
        "war": solve_case(world, world.duties(lower, answer)),
        "EU and China": solve_case(world, bloc([*EU, "CHN"])),
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


_WIDE = {
    "Table 1": {
        "case 1 USTR, income tax relief": "USTR",
        "case 2 USTR, lump-sum rebate": "lump-sum",
        "case 3 optimal US, income tax relief": "optimal",
    },
    "Table 9": {
        "baseline": "USTR",
        "alternative 2 incomplete pass-through": "pass-through",
        "alternative 3 higher trade elasticity": "elasticity",
        "alternative 4 Eaton-Kortum-Krugman": "EK",
    },
    "Table 4": {
        "pre 1 USTR": "inputs",
        "pre 2 optimal": "inputs, unfinished optimum",
        "post 1 reciprocal": "inputs, reciprocal",
    },
}
_WARS = {
    "Table 2": {
        "1 USTR, reciprocal retaliation": "reciprocal",
        "3 USTR, optimal retaliation": "optimal retaliation",
        "4 optimal, optimal retaliation": "war",
    },
    "Table 8": {
        "case 1 EU and China": "EU and China",
        "case 2 China": "China",
        "case 3 China, 108 %": "China, 108 %",
    },
}
_REVENUE = {
    "USTR": "USTR",
    "optimal": "optimal",
    "optimal retaliation": "optimal retaliation",
    "reciprocal retaliation": "reciprocal",
}
_WORLD = {
    "main, before": "USTR",
    "IO, before": "inputs",
    "main, after": "reciprocal",
    "IO, after": "inputs, reciprocal",
}


def tables_of(world: World, cases: dict[str, Case]) -> pd.DataFrame:
    """Tables 1 to 4 and 8 to 11 of the paper: table, row, column, value."""
    spent = world.spending
    abroad = {"non-US": world.others}
    union, china = world.places(EU), world.places(["CHN"])
    rest = world.others & ~union & ~china
    rows: list[tuple[str, str, str, float]] = []

    def add(
        table: str,
        row: str,
        case: Case,
        columns: Sequence[str],
        groups: dict[str, np.ndarray],
        weights: np.ndarray = spent,
    ) -> None:
        of = {HOME: world.places([HOME])} | groups
        for name, members in of.items():
            values = case.changes.loc[members, [*columns]]
            means = np.average(values, axis=0, weights=weights[members])
            label = f"{row}: {name}"
            rows.extend(
                (table, label, column, float(value))
                for column, value in zip(columns, means, strict=True)
            )

    for table, named in _WIDE.items():
        weights = world.gdp if table == "Table 4" else spent
        for row, case in named.items():
            add(table, row, cases[case], COLUMNS, abroad, weights)
    for table, named in _WARS.items():
        remainder = abroad if table == "Table 2" else {"RoW": rest}
        groups = {"CHN": china, "EU": union} | remainder
        for row, case in named.items():
            add(table, row, cases[case], _SHORT, groups)
    ten = {
        "1 fixed transfers, before": cases["EK"],
        "2 balanced trade, before": cases["balanced"].less(
            cases["balanced, free trade"]
        ),
        "3 fixed transfers, after": cases["EK, retaliation"],
        "4 balanced trade, after": cases["balanced, retaliation"].less(
            cases["balanced, free trade"]
        ),
    }
    # Published: welfare abroad is a plain mean, and that of case 4 is that of case 3.
    for row, case in ten.items():
        add("Table 10", row, case, COLUMNS[:1] + COLUMNS[2:], abroad)
        of = ten["3 fixed transfers, after"] if row.startswith("4") else case
        mean = float(of.changes.loc[world.others, "welfare"].mean())
        place = next(
            k for k, v in enumerate(rows) if v[1:3] == (f"{row}: non-US", "welfare")
        )
        rows[place] = (*rows[place][:3], mean)
    for row, part in (("% of GDP", 1.0), ("% of federal budget", BUDGET)):
        for column, case in _REVENUE.items():
            found = cases[case].changes.loc[HOME, "revenue"] / part
            rows.append(("Table 3", row, column, float(found)))
    for column, case in _WORLD.items():
        rows.append(("Table 11", "trade", column, cases[case].trade))
        rows.append(("Table 11", "employment", column, cases[case].employment))
    order = ("1", "2", "3", "4", "8", "9", "10", "11")
    frame = pd.DataFrame(rows, columns=["table", "row", "column", "value"])
    places = frame["table"].map({f"Table {k}": n for n, k in enumerate(order)})
    return frame.loc[places.sort_values(kind="stable").index].reset_index(drop=True)


def _map(name: str, case: Case) -> pd.DataFrame:
    """Every country's changes, as (table, row, column, value)."""
    wide = case.changes.rename(columns={"revenue": "revenue_over_expenditure"})
    wide["revenue_over_expenditure"] /= 100
    long = wide.rename_axis("row").reset_index().melt("row", var_name="column")
    places = {code: k for k, code in enumerate(wide.index)}
    long = long.sort_values("row", key=lambda k: k.map(places), kind="stable")
    long.insert(0, "table", name)
    return long.reset_index(drop=True)
