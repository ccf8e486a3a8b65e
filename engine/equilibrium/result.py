"""The result of ``tx.exact_hat``, and the tables of its equilibria."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float

from ..core import Progress, TivaxError, in_float64, no_progress, require_choice
from ..errors import DRAWS, AnyModel, interval
from ..measures import trade_benefit_index
from ..reporting import Told
from ..sources import goods_of, sector_title
from ..tables import WorldTables
from . import supply as supply_side
from .accounts import effect_of_change, tables_of_flows
from .batches import BY_SECTOR, Batches, BatchFlows
from .economy import Economy
from .economy_draws import EconomyDraws, draws_of_batches
from .gradient import gradient_at
from .solving import Deficits, Old, solve_new
from .spread import Spread
from .supply import Supply

MEASURES = ("welfare", "tot", "vot", "realwage")
"""Measures of every counterfactual, in per cent."""
OTHERS = ("real_income", "gdp", "price_index", "exports_gdp", "imports_gdp", "revenue")
"""The others, exact."""
SECTORS = ("output", "value_added", "imports")
"""Measures of sectors."""
Which = Literal["before", "after"]


@dataclass(frozen=True, eq=False, repr=False)
class ExactHat(Told):
    """A counterfactual equilibrium, or several of one economy.

    Attributes
    ----------
    economy, deficits
        Arguments of the call.
    changes
        One row a region, or scenario and region (levels of the index). Columns, all in
        per cent: welfare = tot + vot (+ tech + transfer + profits), to first order
        around the old equilibrium; realwage, wages over the price index of final
        demand; real_income, the exact change of income over the price index; gdp, of
        wages, profits and tariff revenue over it; exports_gdp and imports_gdp (net of
        tariffs, over wages); revenue, the change of that of tariffs over old spending;
        wage and price_index in units of world value added.
    clearing
        The largest excess demand for labour relative to a region's value added, by
        scenario.
    old, new
        ``trade`` (importer, exporter, sector) net of tariffs, and ``spending`` (region,
        sector) with tariffs, in units of the economy in which world value added is what
        it was. ``new`` is None where several scenarios were solved.
    names
        Names of scenarios that have some: variants of a file.
    index
        Effect of the change of the trade benefit index on an outcome
        (``effect_on_index``), if that was asked for.
    named, asked
        Regions whose trade changes, and those that the figure and the printed table
        show, by default the largest changes and those named.
    tariff
        New tariffs of one scenario without other trade costs and supply.
    batches, spread
        What was solved; draws of it, with which tables have se, ci_low, ci_high
        (``with_errors``).
    by_sector
        Relative changes of output and imports (scenario, region, sector), of up to 20
        scenarios without supply.
    supply
        The block of supply, if one was given. Columns of ``changes`` are then welfare
        (exact), employment, realwage, deficit (of its old size), exports_gdp and
        imports_gdp (net of tariffs, over labour income), revenue (of old spending),
        real_income (consumption over prices), wage and price_index.

    Examples
    --------
    >>> economy = tx.Economy.synthetic(regions=3, sectors=4, seed=1)
    >>> found = tx.exact_hat(economy)
    >>> bool(found.clearing.max() < 1e-10)
    True
    """

    economy: Economy
    deficits: Deficits
    changes: pd.DataFrame
    clearing: Float[np.ndarray, " b"]
    old: BatchFlows
    new: BatchFlows | None = None
    names: Sequence[str] = ()
    supply: Supply | None = None
    index: pd.DataFrame | None = None
    named: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    tariff: Float[np.ndarray, "r r s"] | None = None
    batches: Batches | None = None
    spread: Spread | None = None
    by_sector: Mapping[str, Float[np.ndarray, "b r s"]] = field(default_factory=dict)

    program = "scenario"
    printed = True
    in_print = "tivax.engine.present.equilibrium"

    @property
    def phrases(self) -> Mapping[str, str]:
        """Names of variants, with what they were made of."""
        return {name: name for name in self.names}

    @property
    def measures(self) -> Sequence[str]:
        """Measures of ``table``."""
        if self.supply is not None:
            return supply_side.MEASURES
        more = [k for k in ("tech", "transfer", "profits") if k in self.changes]
        return [*MEASURES, *more, *OTHERS]

    @property
    def exact(self) -> Float[np.ndarray, " rows"]:
        """Exact welfare by row of ``changes``: real income, or that of ``supply``."""
        column = "real_income" if self.supply is None else "welfare"
        return self.changes[column].to_numpy()

    @property
    def counterfactual(self) -> BatchFlows:
        """The new flows; ``TivaxError`` for a result of several scenarios."""
        if self.new is None:
            raise TivaxError("flows are kept of one scenario: solve it alone")
        return self.new

    @in_float64
    def by_partner(self) -> xr.Dataset:
        """Terms and volume of trade with each partner, of one scenario of new tariffs.

        ``tot`` and ``vot`` (importer, exporter) are shares of the old income of the
        importer (0.01 is 1 %) that add up to those of ``changes``; ``before`` and
        ``after`` (importer, exporter, sector) are trade net of tariffs, of the value
        added of the world. Raises ``TivaxError`` for other scenarios.
        """
        if self.tariff is None or self.batches is None:
            raise TivaxError("partners are told apart of one scenario of new tariffs")
        old, economy = self.batches.old, self.economy
        assert isinstance(old, Old)  # no supply
        new = solve_new(economy, old, self.tariff)
        moved = np.expm1(np.asarray(new.log_costs))
        trade, later = np.asarray(old.trade), np.asarray(new.trade)
        income = np.asarray(old.income)[:, None]
        # By pair: section 5 of Caliendo and Parro before the sum over partners.
        paid = np.einsum("nij,ij->ni", trade, moved)
        received = np.einsum("inj,nj->ni", trade, moved)
        volume = economy.tariff * (later - trade * (1 + moved)[None, :, :])
        pair = ("importer", "exporter")
        return xr.Dataset(
            {
                "tot": (pair, (received - paid) / income),
                "vot": (pair, volume.sum(axis=2) / income),
                "before": ((*pair, "sector"), trade),
                "after": ((*pair, "sector"), later),
            },
            {**dict.fromkeys(pair, [*economy.regions]), "sector": [*economy.sectors]},
        )

    @property
    def services_taxed(self) -> int:
        """Number of sectors with new tariffs that are not goods, where codes tell."""
        economy, batches = self.economy, self.batches
        assert batches is not None
        tariffs, _ = batches.schedules(np.arange(min(batches.draws, BY_SECTOR)))
        moved = (tariffs != economy.tariff).any(axis=(0, 1, 2))
        goods = goods_of(economy.sectors, economy.source)
        return int(moved[[k not in goods for k in economy.sectors]].sum())

    @property
    def table(self) -> pd.DataFrame:
        """Long form: (scenario or variant,) region, measure, percent; with errors se,
        ci_low, ci_high."""
        kept = [*self.measures]
        rows = self.changes[kept]
        long = rows.index.repeat(len(kept)).to_frame(index=False)
        long["measure"] = np.tile(kept, len(rows))
        long["percent"] = rows.to_numpy().ravel()
        if self.spread is not None:
            of = [100 * self.spread.of(name) for name in kept]
            long = interval(np.stack(of, axis=-1)).beside(long)
        return self._with_names(long)

    @property
    def equilibrium(self) -> pd.DataFrame:
        """``changes`` with labels as columns."""
        return self._with_names(self.changes.reset_index())

    def _with_names(self, table: pd.DataFrame) -> pd.DataFrame:
        if self.names:
            places = table.pop("scenario").to_numpy()
            table.insert(0, "variant", np.array(self.names, object)[places])
        return table

    @property
    def flows(self) -> pd.DataFrame:
        """Trade of one scenario: importer, exporter, sector, before, after; with errors
        change, se, ci_low, ci_high.

        Net of tariffs, in units of the economy; pairs that trade in neither are left
        out.
        """
        regions, sectors = self.economy.regions, self.economy.sectors
        labels = {"importer": regions, "exporter": regions, "sector": sectors}
        both = self.old.trade, self.counterfactual.trade
        frame = before_and_after(labels, *both)
        kept = (frame["before"] > 0) | (frame["after"] > 0)
        if self.spread is not None:
            frame["change"] = frame["after"] - frame["before"]
            frame = self.spread.interval("trade").beside(frame)
        return frame[kept].reset_index(drop=True)

    @property
    def value_added(self) -> pd.DataFrame:
        """Value added of one scenario: region, sector, old, new.

        In units of the economy; that of the world stays what it was, since it is the
        numeraire. ``TivaxError`` with a block of supply, whose services cross sectors.
        """
        economy = self.economy
        if self.supply is not None:
            raise TivaxError("value added by sector is of a result without supply")
        labels = {"region": economy.regions, "sector": economy.sectors}
        outputs = (k.trade.sum(axis=0) for k in (self.old, self.counterfactual))
        return before_and_after(labels, *(self._per_unit * k for k in outputs))

    @property
    def _per_unit(self) -> Float[np.ndarray, "r s"]:
        """Value added of a unit of output."""
        added = self.economy.value_added
        cost = self.economy.intermediate.sum(axis=1) + added
        return np.where(cost > 0, added / np.where(cost > 0, cost, 1), 1)

    @property
    def sectors(self) -> pd.DataFrame:
        """Output, value added and imports of sectors: (scenario or variant,) region,
        sector, title, measure, before, after, percent; with errors se, ci_low, ci_high.

        Net of tariffs, in units of the economy in which world value added stays what it
        was. Empty with a block of supply, and of more than 20 scenarios.
        """
        if not self.by_sector:
            return pd.DataFrame()
        economy, both = self.economy, ("output", "output", "imports")
        output, home = self.old.trade.sum(axis=0), np.eye(len(economy.regions)) > 0
        imports = np.where(home[:, :, None], 0, self.old.trade).sum(axis=1)
        before = np.stack([output, self._per_unit * output, imports], axis=-1)
        moved = np.stack([self.by_sector[k] for k in both], axis=-1)
        labels = {
            "scenario": range(len(moved)),
            "region": economy.regions,
            "sector": economy.sectors,
            "measure": SECTORS,
        }
        before = np.broadcast_to(before, moved.shape)
        frame = before_and_after(labels, before, before * (1 + moved))
        titles = {k: sector_title(k, economy.source) for k in economy.sectors}
        frame.insert(3, "title", frame["sector"].map(titles))
        frame["percent"] = 100 * moved.ravel()
        if self.spread is not None:
            drawn = [100 * self.spread.of(k) for k in both]
            frame = interval(np.stack(drawn, axis=-1)).beside(frame)
        if "scenario" not in self.changes.index.names:
            del frame["scenario"]
        frame = frame[frame["before"] > 0].reset_index(drop=True)
        return self._with_names(frame)

    def world_tables(self, which: Which = "after", year: int = 2000) -> WorldTables:
        """World tables of an equilibrium: every user of a region buys a good from the
        same sellers in the same proportions, as the model has it.

        Parameters
        ----------
        which
            The equilibrium ``before`` or ``after``.
        year
            The label of the tables.

        Returns
        -------
        WorldTables
            Flows at prices net of tariffs, in the unit of the economy (after, in units
            in which world value added is unchanged). Value added as the residual holds
            tariffs on inputs.

        Raises
        ------
        TivaxError
            For a result of several scenarios, and one with a block of supply.

        Examples
        --------
        >>> economy = tx.Economy.synthetic(regions=3, sectors=4, seed=1)
        >>> tx.exact_hat(economy).world_tables().n
        12
        """
        require_choice("which", which, get_args(Which))
        if self.supply is not None:
            raise TivaxError("tables of an equilibrium are of a result without supply")
        old = which == "before"
        trade, spent = self.old if old else self.counterfactual
        word = "old" if old else "new"
        return tables_of_flows(self.economy, trade, spent, year=year, which=word)

    def tbi_change(self) -> pd.DataFrame:
        """The trade benefit index in the old and the new equilibrium, by region.

        Columns before, after, change; with errors se, ci_low, ci_high of the change.
        Tables of both are ``world_tables``, so that the
        change is the scenario's alone; the old index differs from that of a table whose
        users buy in different proportions.

        Examples
        --------
        >>> economy = tx.Economy.synthetic(regions=3, sectors=4, seed=1)
        >>> list(tx.exact_hat(economy, deficits="closing").tbi_change().columns)
        ['before', 'after', 'change']
        """
        before, after = (
            trade_benefit_index(self.world_tables(which))["tbi"]
            .isel(year=0)
            .to_series()
            for which in get_args(Which)
        )
        change = after - before
        found = pd.DataFrame({"before": before, "after": after, "change": change})
        if self.spread is None:
            return found
        moved = self.spread.of("after") - self.spread.of("before")
        return interval(moved).beside(found)

    def with_errors(
        self,
        error: AnyModel | None = None,
        *,
        draws: int = DRAWS,
        seed: int = 0,
        progress: Progress = no_progress,
    ) -> "ExactHat":
        """The same with standard errors and 95 % intervals, from draws of the economy.

        Parameters
        ----------
        error
            The errors of the tables that the economy was made of: a model's name
            (``rounding``), a file RUN.toml or ``tx.table_errors``; by default none.
        draws, seed
            Draw k depends on the seed and on k alone. Elasticities are drawn where
            the economy has ``theta_se``: lognormal, with that deviation.
        progress
            Called with draws done and draws in all.

        Returns
        -------
        ExactHat
            ``table`` has se (the deviation of draws), ci_low and ci_high (their 2.5
            and 97.5 percentiles); of one scenario ``tbi_change`` and ``flows`` too.

        Raises
        ------
        TivaxError
            Where nothing has an error, for an economy that was not made of tables, an
            error model that does not fit them, and a block of supply.

        Examples
        --------
        >>> thetas = pd.DataFrame({"sector": ["*"], "theta": [5.0], "se": [1.0]})
        >>> economy = tx.Economy.from_tables(world, 2000, thetas)
        >>> found = tx.exact_hat(economy, trade_costs=1.1 - 0.1 * np.eye(3)[:, :, None]
        ...     + np.zeros(economy.tariff.shape)).with_errors(draws=4)
        >>> list(found.table.columns)
        ['region', 'measure', 'percent', 'se', 'ci_low', 'ci_high']
        """
        drawing = self.drawing(error, draws, seed)
        return replace(self, spread=drawing.spread(progress))

    def drawing(self, error: AnyModel | None, draws: int, seed: int) -> EconomyDraws:
        """The draws that ``with_errors`` makes."""
        assert self.batches is not None
        flows = self.new is not None
        return draws_of_batches(self.batches, error, draws, seed, flows=flows)

    def effect_on_index(
        self, coefficient: float, standard_error: float
    ) -> pd.DataFrame:
        """The effect of the change of the trade benefit index on an outcome.

        Parameters
        ----------
        coefficient, standard_error
            Of the index in an estimated equation of the outcome.

        Returns
        -------
        DataFrame
            By region; columns change, estimate = coefficient x change, se, ci_low,
            ci_high: the delta method with a 95 % normal interval. The change itself is
            taken as known, and the coefficient as if it held for a change that trade
            policy makes.

        Raises
        ------
        TivaxError
            For a standard error that is negative or not a number.

        Examples
        --------
        >>> economy = tx.Economy.synthetic(regions=3, sectors=4, seed=1)
        >>> list(tx.exact_hat(economy).effect_on_index(11.55, 3.52).columns)
        ['change', 'estimate', 'se', 'ci_low', 'ci_high']
        """
        change = self.tbi_change()["change"]
        return effect_of_change(change, coefficient, standard_error)

    def tariff_gradient(self, region: str, measure: str = "welfare") -> xr.DataArray:
        """Derivative of a measure of one region with respect to every new tariff.

        Parameters
        ----------
        region
            Whose measure.
        measure
            welfare, tot, vot, realwage or real_income.

        Returns
        -------
        DataArray
            (importer, exporter, sector): change of the measure in per cent for one
            percentage point more of the tariff, to first order. By the implicit
            function theorem, for the price of a few solves.

        Raises
        ------
        TivaxError
            For a region that the economy lacks, and a result of several scenarios, of
            other trade costs or with a block of supply.

        Examples
        --------
        >>> economy = tx.Economy.synthetic(regions=3, sectors=4, seed=1)
        >>> tx.exact_hat(economy).tariff_gradient("R01").dims
        ('importer', 'exporter', 'sector')
        """
        if self.tariff is None:
            raise TivaxError(
                "derivatives are of one scenario of tariffs alone: solve it by "
                "tx.exact_hat without trade_costs and supply"
            )
        given = self.economy, self.tariff, self.deficits
        return gradient_at(*given, region, measure)

    def tables(self) -> dict[str, pd.DataFrame]:
        """scenario and equilibrium; tbi, trade and value_added of one scenario; sectors
        of a few; index if that was asked for."""
        tables = {"scenario": self.table, "equilibrium": self.equilibrium}
        if self.new is not None and self.supply is None:
            tbi = self.tbi_change().rename_axis("region").reset_index()
            tables |= {"tbi": tbi, "trade": self.flows, "value_added": self.value_added}
        elif self.new is not None:
            tables["trade"] = self.flows
        if self.by_sector:
            tables["sectors"] = self.sectors
        if self.index is not None:
            tables["index"] = self.index
        return tables

    @property
    def paid(self) -> pd.Series:
        """Gains and losses of regions in the last scenario: the exact change of real
        income times old income, in the unit of the economy."""
        regions = [*self.economy.regions]
        moved = self.changes["real_income"].to_numpy()[-len(regions) :]
        return pd.Series(moved / 100 * self.economy.income, regions)

    def facts(self) -> Mapping[str, Any]:
        return {
            "residual_max": float(self.clearing.max()),
            "kind": "exact-hat",
            **({} if self.economy.markup is None else {"markups": True}),
            **({} if self.supply is None else {"supply": self.supply.record()}),
            "variants": len(self.clearing),
            "deficits": self.deficits,
            "zeroed": self.economy.zeroed,
            "negative_inputs": self.economy.negative_inputs,
            "numeraire": "world value added",
            **({} if self.supply is not None else {"welfare": _WELFARE}),
        }


def before_and_after(
    labels: Mapping[str, Sequence[str]], before: np.ndarray, after: np.ndarray
) -> pd.DataFrame:
    """A row for each cell of two arrays whose axes have these labels."""
    cells = pd.MultiIndex.from_product([*labels.values()], names=[*labels])
    frame = cells.to_frame(index=False)
    return frame.assign(before=before.ravel(), after=after.ravel())


_WELFARE = (
    "tot + vot and, where they change, tech (trade costs), transfer (deficits) and "
    "profits (markups); "
    "linear around the old equilibrium, d ln z = z'/z - 1"
)
