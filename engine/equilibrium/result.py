"""The result of ``tx.exact_hat``, and the tables of its equilibria."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float

from ..core import (
    Listing,
    Progress,
    TivaxError,
    count_text,
    first_and_named,
    in_float64,
    no_progress,
    require_choice,
)
from ..errors import DRAWS, AnyModel, interval
from ..figures import REAL_INCOME, has_map, world_tiles
from ..figures.regions import other_way_text
from ..figures.welfare import (
    sectors_by_region,
    welfare_by_region,
    welfare_ranges,
    who_pays,
)
from ..measures import trade_benefit_index
from ..reporting import Plot, Result
from ..sources import goods_of, sector_title
from ..tables import WorldTables, country_in_text, country_name, listing_by_region
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
# Columns that are printed beside welfare, in words.
_WORDS = {
    "real_income": "real income",
    "realwage": "real wage",
    "price_index": "prices",
    "gdp": "GDP",
    "exports_gdp": "exports/GDP",
    "imports_gdp": "imports/GDP",
    "revenue": "revenue",
}
_SHOWN = 10
_FEW = 3  # scenarios that a figure shows one by one
# Regions whose sectors are printed, and how many of each.
_REGIONS, _SECTORS = 4, 5
_BY_SECTOR = {
    "value_added": "Value added by sector, per cent",
    "imports": "Imports by sector, per cent",
}
_NOTHING = 1e-8  # per cent: what is below is rounding
Which = Literal["before", "after"]


@dataclass(frozen=True, eq=False, repr=False)
class ExactHat(Result):
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

    @property
    def report_title(self) -> str:  # type: ignore[override]
        if 0 < len(self.names) <= _FEW:
            return f"What if: {'; '.join(self.names)}"
        if self.names:
            return f"What if: {count_text(len(self.names), 'variant')}"
        if self.deficits == "closing":
            return "What if trade is balanced"
        if self.tariff is None:
            return "What if trade costs change"
        among = [country_in_text(k) for k in self.named]
        of = f" of {' and '.join(among)}" * (0 < len(among) <= _FEW)
        return f"What if tariffs{of} change"

    @property
    def method(self) -> str:  # type: ignore[override]
        if self.supply is not None:
            return "New equilibria relative to the old one, with a block of supply."
        return (
            "New equilibria of Caliendo and Parro (2015), relative to the old one; the "
            "numeraire is world value added. Output and value added of a sector change "
            "by the same per cent."
        )

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
    def lines(self) -> list[str]:
        """Notes on the economy that a reader needs, in sentences; often none."""
        lines = []
        if cells := self.economy.zeroed:
            lines.append(
                "final demand that would be negative counts as 0 in "
                f"{count_text(cells, 'cell')}; the old equilibrium is solved from the "
                "shares of the economy"
            )
        if cells := self.economy.negative_inputs:
            verb = "is" if cells == 1 else "are"
            lines.append(
                f"{count_text(cells, 'cell')} of intermediate inputs {verb} negative, "
                "by less than 0.1 % of output"
            )
        if services := self._services_taxed():
            lines.append(f"new tariffs are on services, too: {services} of the sectors")
        if len(self.clearing) > BY_SECTOR and self.supply is None:
            lines.append(f"results of sectors are of {BY_SECTOR} scenarios at most")
        return lines

    def _services_taxed(self) -> int:
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
            "measure": ("output", *_BY_SECTOR),
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

    def plots(self) -> dict[str, Plot]:
        if self.supply is not None:  # welfare has no parts
            return {}
        named = self.named
        draw = partial(welfare_by_region, self.table)
        if len(self.clearing) > _FEW:
            draw = partial(welfare_ranges, self.changes)
        plots: dict[str, Plot] = {}
        plots["welfare"] = partial(draw, self.asked or None, named=named)
        if len(rows := self.sectors_shown("value_added")):
            plots["sectors"] = partial(sectors_by_region, rows)
        if self.new is not None:
            draw = partial(who_pays, self.paid, unit=self.unit)
            plots["who_pays"] = partial(draw, named=(*named, *self.asked))
        if len(self.clearing) == 1 and has_map(self.economy.regions):
            income = self.changes["real_income"].groupby(level="region").sum()
            plots["world"] = partial(world_tiles, income, REAL_INCOME)
        return plots

    def sectors_shown(self, measure: str) -> pd.DataFrame:
        """Rows of ``sectors`` that are printed, of three scenarios at most: in the
        regions asked for, else in those of ``named`` where most money moves, the
        sectors that move most, of value added against all sectors of the region."""
        rows = self.sectors
        if rows.empty or not rows["percent"].abs().max() > _NOTHING:
            return rows[:0]
        rows = rows[rows["measure"] == measure]
        if (several := rows.columns[0]) != "region":
            rows = rows[rows[several].isin(rows[several].unique()[:_FEW])]
        expected = rows["before"]
        if measure == "value_added":  # all sectors of a region move with its wages
            total = rows.groupby([several, "region"], sort=False)[["before", "after"]]
            total = total.transform("sum")
            expected = expected * total["after"] / total["before"]
        size = (rows["after"] - expected).abs()
        size = size.groupby([rows["region"], rows["sector"]], sort=False).max()
        regions = [*self.asked] or [*(self.named or self.economy.regions)]
        if not self.asked and len(regions) > _REGIONS:
            regions = size.groupby(level=0).sum()[regions].nlargest(_REGIONS).index
        most = [(k, j) for k in regions for j in size[k].nlargest(_SECTORS).index]
        return rows.set_index(["region", "sector"]).loc[most].reset_index()

    @property
    def paid(self) -> pd.Series:
        """Gains and losses of regions in the last scenario: the exact change of real
        income times old income, in the unit of the economy."""
        regions = [*self.economy.regions]
        moved = self.changes["real_income"].to_numpy()[-len(regions) :]
        return pd.Series(moved / 100 * self.economy.income, regions)

    @property
    def unit(self) -> str:
        """The unit of the economy, where tables tell it."""
        return "" if self.economy.tables is None else self.economy.tables.unit

    def facts(self) -> Mapping[str, Any]:
        return {
            "residual_max": float(self.clearing.max()),
            "kind": "exact-hat",
            **({} if self.supply is None else {"supply": self.supply.record()}),
            "variants": len(self.clearing),
            "deficits": self.deficits,
            "zeroed": self.economy.zeroed,
            "negative_inputs": self.economy.negative_inputs,
            "numeraire": "world value added",
            **({} if self.supply is not None else {"welfare": _WELFARE}),
        }

    @property
    def subtitle(self) -> str:
        regions, sectors = len(self.economy.regions), len(self.economy.sectors)
        return (
            f"{count_text(regions, 'region')} x {count_text(sectors, 'sector')}, "
            f"{count_text(len(self.clearing), 'scenario')}, deficits {self.deficits}"
        )

    @property
    def sentence(self) -> str:
        """The region in which real income, or welfare with a block of supply, changes
        most, and the one that it moves most the other way."""
        rows = self.equilibrium
        if self.asked:
            rows = rows[rows["region"].isin(self.asked)]
        name = "real_income" if self.supply is None else "welfare"
        size, what = rows[name].abs(), name.replace("_", " ").capitalize()
        if not size.max() > _NOTHING:
            return f"{what} changes in no region."
        row = rows.iloc[int(size.to_numpy().argmax())]
        of = f", {row['variant']}" if len(self.names) > 1 else ""
        if "scenario" in rows:
            of = f", scenario {row['scenario']}"
        where = country_in_text(str(row["region"]))
        percent = "{:+z.2f} per cent".format
        what = f"Of the regions shown, {what.lower()}" if self.asked else what
        said = f"{what} changes most in {where}: {percent(row[name])}{of}."
        if len(self.clearing) > 1:
            return said
        return said + other_way_text(rows, name, row, lambda k: percent(k[name]))

    def _listings(self) -> Sequence[Listing]:
        """Accuracy of market clearing, and the largest changes of real income, or of
        welfare with a block of supply."""
        head = f"{self.subtitle}; markets clear to {self.clearing.max():.1e} of value "
        rows = self.equilibrium
        labels = [*map(str, rows.columns[: self.changes.index.nlevels])]
        if len(self.clearing) == 1:
            labels = ["region"]
        columns = [*self.measures]
        if self.supply is None:  # welfare to first order is in the csv
            columns = [*_WORDS]
            columns = [k for k in columns if k != "revenue" or rows[k].any()]
        first = columns[0]
        if self.spread is not None:
            rows = rows.assign(se=self.spread.interval(first, 100).se.ravel())
            columns.insert(1, "se")
        if self.asked:
            rows = rows[rows["region"].isin(self.asked)]
        size = rows[first].abs()
        rows = rows.loc[size.sort_values(ascending=False, kind="stable").index]
        if not self.asked or len(rows) > len(self.asked):
            rows = rows.iloc[first_and_named([*rows["region"]], self.named, _SHOWN)]
        signs = ["" if k == "se" else "+" for k in columns]
        cells = [
            (*map(str, names), *map("{:{}.2f}".format, values, signs))
            for names, values in zip(
                rows[labels].to_numpy(), rows[columns].to_numpy(float), strict=True
            )
        ]
        columns = [_WORDS.get(k, k) for k in columns]
        title = f"The largest changes of {_WORDS.get(first, first)}, in per cent"
        notes = [] if self.spread is None else [self.spread.line]
        if labels == ["region"]:
            of_regions = {name: row for name, *row in cells}
            shown = listing_by_region(title, columns, of_regions, notes)
        else:
            shown = Listing(title, (*labels, *columns), cells, notes, len(labels))
        head = Listing(f"{head}added", (), (), self.lines)
        return [head, shown, *self.sector_listings()]

    def sector_listings(self) -> list[Listing]:
        """Per cent changes of the sectors that move most, by scenario as columns."""
        found = []
        for measure, title in _BY_SECTOR.items():
            rows = self.sectors_shown(measure)
            if rows.empty:
                continue
            notes = [_UNIT] if self.spread is None else [_UNIT, self.spread.line]
            several = rows.get("variant", rows.get("scenario", "change"))
            rows = rows.assign(text=with_ends(rows, "{:+z.1f}"), several=several)
            columns = [*map(str, rows["several"].unique())]
            keys = ["region", "sector", "title"]
            cells = rows.groupby(keys, sort=False)["text"].agg(list)
            names = [(country_name(k), title) for k, _, title in cells.index.tolist()]
            each = [(*k, *row) for k, row in zip(names, cells, strict=True)]
            found.append(Listing(title, ("region", "sector", *columns), each, notes, 2))
        return found


def with_ends(rows: pd.DataFrame, form: str) -> pd.Series:
    """``percent`` as text, with its interval where it has one."""
    kept = [k for k in ("percent", "ci_low", "ci_high") if k in rows]
    text, *ends = (rows[k].map(form.format) for k in kept)
    return text + " [" + ends[0] + ", " + ends[1] + "]" if ends else text


def before_and_after(
    labels: Mapping[str, Sequence[str]], before: np.ndarray, after: np.ndarray
) -> pd.DataFrame:
    """A row for each cell of two arrays whose axes have these labels."""
    cells = pd.MultiIndex.from_product([*labels.values()], names=[*labels])
    frame = cells.to_frame(index=False)
    return frame.assign(before=before.ravel(), after=after.ravel())


_UNIT = (
    "the sectors where most money moves, measured so that world value added stays the "
    "same"
)
_WELFARE = (
    "tot + vot and, where they change, tech (trade costs), transfer (deficits) and "
    "profits (markups); "
    "linear around the old equilibrium, d ln z = z'/z - 1"
)
