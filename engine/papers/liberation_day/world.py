"""Data of Liberation Day: Ignatenko, Lashkaripour, Macedoni and Simonovska (2025).

"Making America Great Again? The Economic Impacts of Liberation Day Tariffs", Journal of
International Economics 157. Their data, home sales, and formulas for best rates.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

import tivax as tx

from ...core import TivaxError, load_toml, percent_text
from ..archives import read_numbers, require_file

_FACTS = load_toml(__package__, "facts.toml")
FILES: tuple[str, ...] = tuple(_FACTS["files"])
HOME, EU, ELASTICITY, LABOUR = (
    _FACTS[k] for k in ("home", "eu", "elasticity", "labour")
)
LEAST_RATE = 0.1
# Rates of whole countries above this are damaged files, not tariffs.
_HIGHEST_RATE = 3.0


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
        return [*self.countries].index(HOME)

    @cached_property
    def others(self) -> Float[np.ndarray, " r"]:
        return np.arange(len(self.countries)) != self.home

    @property
    def spending(self) -> Float[np.ndarray, " r"]:
        return self.flows.sum(axis=1)

    @property
    def income(self) -> Float[np.ndarray, " r"]:
        """Income of producers after services, and of those who serve at home."""
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
    ) -> tx.Economy:
        """With inputs home sales are those of value added over its share."""
        flows = self.flows.copy()
        np.fill_diagonal(flows, flows.diagonal() / labour_share)
        inputs = (1 - labour_share) * ((1 - self.services) @ flows)
        trade = flows[:, :, None]
        return tx.Economy(
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

    def supply(self, passed: float = 1.0) -> tx.Supply:
        """The paper's block; ``passed`` is how far firms pass tariffs on."""
        theta = ELASTICITY / _FACTS["shape"]
        entry = (1 + theta) / ((1 - self.services) * theta) - 1 / theta - 1
        return tx.Supply(
            labour=LABOUR,
            scale=_FACTS["shape"] / ELASTICITY,
            services=self.services,
            pass_through=passed + entry,
            tax_relief=True,
            welfare="printed",
        )


def read_world(folder: Path) -> World:
    """Read and calibrate; ``TivaxError`` for files that are missing or damaged."""
    trade_file, gdp_file, tariff_file, label_file = (folder / k for k in FILES)
    labels = pd.read_csv(require_file(label_file), keep_default_na=False)
    if "iso3" not in labels:
        raise TivaxError(f"{label_file}: no column iso3")
    countries = labels["iso3"].astype(str).tolist()
    r = len(countries)
    exports = read_numbers(trade_file, (r, r), header=True, blank=0.0)
    gdp, rates = (
        read_numbers(path, (r, 1), header=True)[:, 0]
        for path in (gdp_file, tariff_file)
    )
    if HOME not in countries:
        raise TivaxError(f"{label_file}: no {HOME}")
    for bad, path, what in (
        (exports.min(axis=1) < 0, trade_file, "trade is negative"),
        (gdp <= 0, gdp_file, "GDP is not positive"),
        (rates < 0, tariff_file, "the tariff is negative"),
        (
            rates > _HIGHEST_RATE,
            tariff_file,
            f"the tariff is above {percent_text(_HIGHEST_RATE)}, which none is; rates "
            "are shares (0.1 is 10 %)",
        ),
        (exports.diagonal() > 0, trade_file, "the diagonal must be empty"),
    ):
        if bad.any():
            raise TivaxError(f"{path}: {countries[int(np.argmax(bad))]}: {what}")
    # Home sales are what GDP and transfers leave of imports, not below 0.
    flows, gdp, home = exports.T, gdp / 1000, countries.index(HOME)
    rest, own = _service_shares(flows, gdp, home)
    nu = np.where(np.arange(r) == home, own, rest)
    imports = flows.sum(axis=1)
    transfer = (1 - nu) * (imports - (1 - nu) @ flows)
    left = gdp + transfer - imports
    filled = flows + np.diag(np.maximum(left, 0))
    clipped = [countries[k] for k in np.flatnonzero(left < 0).tolist()]
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
        new = np.maximum(np.linalg.solve(system, _FACTS["services"]), 0)
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
