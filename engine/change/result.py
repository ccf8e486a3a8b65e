"""The result of ``tx.change``: effects of factors, by country, partner and sector."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float

from ..core import Listing, billions, capital, points
from ..errors import WithErrors, interval
from ..figures import ShownRegions, shown_regions
from ..figures import changes as drawings
from ..figures.regions import of_those_shown
from ..measures import INDICATORS
from ..reporting import Plot, Result, change_of, kinds_line, method_of
from ..tables import country_in_text, country_name, listing_by_region

FACTOR_NAMES = (
    "technology",
    "sourcing",
    "demand level",
    "demand mix",
    "demand origin",
    "value-added shares",
)
INTENSITY = "intensity"
"""In place of value-added shares, of a satellite account: it per unit of output."""
IMBALANCE = "imbalance"
PRICES = "prices"
_VOLUMES = (
    " Effects are of volumes, from each year to the next at the prices of the year "
    "before; what prices do is a seventh factor."
)
# Of the regions that were asked for, figures of countries; countries in each.
_MAPS, _COUNTRIES = 3, 20
_NOT_IN_NAMES = re.compile(r'[<>:"/\\|?*]')  # of files, on one system or another
# A table of seven numbers in 84 columns.
_SHORT = {"value-added shares": "VA shares"}
_MISSED = 1e-6  # a remainder that is told


@dataclass(frozen=True, eq=False, repr=False)
class Change(WithErrors, Result):
    """The change of a measure between two years, by factor.

    Attributes
    ----------
    measure, sector, start, end, unit
        Measure that changed, the two years, and the unit.
    regions
        Regions of the measure.
    values
        A row a region: ``start``, ``end`` (the measure in both years), ``change``,
        ``remainder`` (the change less the effects: the error of the integral).
    table
        A row a region and factor: ``value`` (its effect), ``home`` and ``abroad`` (the
        parts of it in the region itself and in other countries), ``polar`` (the average
        of the two polar decompositions), ``share`` of the change, and with ``chained``
        the sum of the effects from year to year; with errors se, ci_low, ci_high.
    by_partner
        Effects (factor, region, country, partner): ``country`` is where technology,
        sourcing or demand changed, ``partner`` who sells to it. Value-added shares are
        those of the country, which is its own partner.
    by_sector
        Effects (factor, region, country, sector): the sector of the good that is
        bought, or of the industry whose value-added share changed.
    steps
        With ``chained`` or volumes, effects by factor of each step from year to year;
        otherwise None.
    chained_by_partner, chained_by_sector
        The same as ``by_partner`` and ``by_sector``, summed over the steps.
    remainder
        The largest remainder, relative to the change of its region or to the largest
        effect on it, whichever is more.
    nodes
        Points of the path at which derivatives were taken.
    size
        Gross output of the regions in the second year.
    asked
        The regions that were asked for; figures show them, or else the largest.
    account
        The satellite account that stands in place of value added.
    of_volumes
        True if effects are of volumes, and ``prices`` are a factor.
    partner
        With whom the measure is, if it is by partner.
    drawn
        Of effects with errors: the errors, and the number of draws.

    Examples
    --------
    >>> found = tx.change(world, "tbi", start=2000, end=2001, region="R01")
    >>> found.by_country.sel(region="R01").to_pandas().T.round(4).iloc[:, 1:4]
    factor   sourcing  demand level  demand mix
    country
    R01       -0.0063       -0.0384      0.0016
    R02       -0.0001        0.0219      0.0027
    ROW        0.0161        0.0044      0.0033
    """

    measure: str
    sector: str | None
    start: int
    end: int
    unit: str
    regions: tuple[str, ...]
    values: pd.DataFrame
    table: pd.DataFrame
    by_partner: xr.DataArray
    by_sector: xr.DataArray
    steps: pd.DataFrame | None
    chained_by_partner: xr.DataArray | None
    chained_by_sector: xr.DataArray | None
    remainder: float
    nodes: int
    size: pd.Series
    asked: tuple[str, ...] = ()
    account: str = ""
    of_volumes: bool = False
    partner: str | None = None
    drawn: Mapping[str, Any] = field(default_factory=dict)

    program = "change"
    report_title = "Why it changed"
    printed = True
    always_parquet = ("by_partner", "by_sector")

    @property
    def method(self) -> str:  # type: ignore[override]
        return method_of("change", volumes=_VOLUMES * self.of_volumes)

    @property
    def identity(self) -> dict[str, Any]:
        """The inputs that must be the same for unfinished draws to go on."""
        names = ("measure", "sector", "start", "end", "regions", "nodes", "account")
        return {k: getattr(self, k) for k in names} | {
            "values": self.table["value"].tolist()
        }

    def with_draws(
        self, effects: Float[np.ndarray, "k rows"], drawn: Mapping[str, Any]
    ) -> "Change":
        """The same with se, ci_low, ci_high of effects and changes, from draws of the
        effects; ``drawn`` says of which errors."""
        regions = self.table["region"].to_numpy()
        changes = [effects[:, regions == k].sum(axis=1) for k in self.regions]
        table = interval(effects).beside(self.table)
        values = interval(np.stack(changes, 1)).beside(self.values)
        return replace(self, table=table, values=values, drawn=drawn)

    def _within(self, marked: str) -> list[str]:
        """A line on what the intervals hold, if there are any, so ``marked``."""
        if not self.drawn:
            return []
        kinds = kinds_line(self.drawn["error"])
        draws = f"{self.drawn['draws']:,} draws of errors of the tables: {kinds}"
        return [f"{marked} 95 % intervals from {draws}"]

    def tables(self) -> dict[str, pd.DataFrame]:
        """change, with ``chained`` steps; by_partner and by_sector without the cells
        that are 0."""
        frames = {"change": self.table}
        if self.steps is not None:
            frames["steps"] = self.steps
        for name in ("by_partner", "by_sector"):
            columns = {"value": getattr(self, name)}
            if (chained := getattr(self, f"chained_{name}")) is not None:
                columns["chained"] = chained
            frame = xr.Dataset(columns).to_dataframe().reset_index()
            moved = (frame[[*columns]] != 0).any(axis=1)
            frames[name] = frame.loc[moved].reset_index(drop=True)
        return {name: self._named(frame) for name, frame in frames.items()}

    def _named(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Columns for the measure and the two years, after the region."""
        own = {"measure": self.measure, "start": self.start, "end": self.end}
        own |= {"unit": self.unit} if self.account else {}
        rest = [k for k in frame if k not in ("region", *own)]
        every = frame.assign(**{k: v for k, v in own.items() if k not in frame})
        return every[["region", *own, *rest]]

    @property
    def shown(self) -> ShownRegions:
        """The regions of figures and summary: those asked for, else the largest."""
        return shown_regions(self.size, f"output in {self.end}", self.asked)

    def plots(self) -> dict[str, Plot]:
        """A waterfall, bars of each step if there are steps, bars of regions by
        factor; for each of up to three regions that were asked for bars of countries
        by factor."""
        shown, years = self.shown, (self.start, self.end)
        title = "\n".join([self._plot_title, *self._within("whiskers:")])
        about: dict[str, Any] = {"title": title, "unit": self.unit}
        few = about | {"regions": shown.few}
        waterfall = partial(drawings.waterfall, self.values, self.table, years=years)
        plots: dict[str, Plot] = {"waterfall": partial(waterfall, **few)}
        if self.steps is not None:
            plots["steps"] = partial(drawings.yearly_effects, self.steps, **few)
        if len(self.regions) > 1:
            effects = self.by_factor.loc[shown.many]
            about["rows"] = "region"
            if self.drawn:
                about["ends"] = self.values.set_index("region")[["ci_low", "ci_high"]]
            plots["factors"] = partial(drawings.effect_bars, effects, **about)
        if shown.asked and len(shown.few) <= _MAPS:
            for region in shown.few:
                name = f"countries_{_NOT_IN_NAMES.sub('_', region)}"
                if name in plots:
                    name = f"{name}_{len(plots)}"
                plots[name] = self._country_map(region)
        return plots

    def _country_map(self, region: str) -> Plot:
        effects = self.by_country.sel(region=region).transpose("country", "factor")
        countries, factors = (effects[k].values.tolist() for k in effects.dims)
        frame = pd.DataFrame(effects.values, countries, factors)
        size = np.abs(effects.values).sum(axis=1)
        first = np.argsort(-size, kind="stable")[:_COUNTRIES]
        return partial(
            drawings.effect_bars,
            frame.iloc[first],
            title=f"{self._plot_title}, {region}: by country in which it changed",
            unit=self.unit,
            rows="country",
        )

    def titles(self) -> dict[str, str]:
        """The region that changed most among those shown, and its largest factor."""
        shown = self.values.set_index("region").loc[self.shown.few]
        change = (shown["end"] - shown["start"]).dropna()
        if change.empty:
            return {}
        region = str(change.abs().idxmax())
        own = self.table[self.table["region"] == region].set_index("factor")["value"]
        if own.dropna().empty or not change[region]:
            return {}
        most = str(own.abs().idxmax())
        way = "rose" if change[region] > 0 else "fell"
        of_all = "most " if len(change) > 1 else ""
        by = "raised" if own[most] > 0 else "lowered"
        what = self.said(capital(change_of(self.measure).removeprefix("Change of ")))
        title = (
            f"{what} of {country_in_text(region)} {way} {of_all}"
            f"from {self.start} to {self.end}; {most} {by} it most"
        )
        if of_all:
            title = of_those_shown(title, shown.index, self.by_partner.country.values)
        return {"waterfall": title}

    def facts(self) -> dict[str, Any]:
        names = ("measure", "sector", "partner", "start", "end", "unit")
        return {
            "residual_max": self.remainder,
            **{name: getattr(self, name) for name in names},
            "units": {self.measure: self.unit} if self.measure in INDICATORS else {},
            "nodes": self.nodes,
            "chained": self.steps is not None,
            "prices": "previous year's" if self.of_volumes else "current",
        }

    @property
    def subtitle(self) -> str:
        return self._plot_title.removeprefix("Change of ")

    @property
    def sentence(self) -> str:
        """The change of the first regions shown, and its largest effect."""
        said, about = [], self._plot_title
        for region in self.shown.few[:_MAPS]:
            own = self._printed.xs(region).query("value == value")
            if "change" not in own.index or len(own) == 1:
                continue
            most = str(own["value"].drop("change").abs().idxmax())
            if not own.loc[["change", most], "value"].any():
                said.append(f"{about}: {country_name(region)} does not change.")
                continue
            whole, effect = (self._told(own, k) for k in ("change", most))
            said.append(
                f"{about}: {country_name(region)} {whole}; the largest effect is that "
                f"of {most}, {effect}."
            )
        return "\n".join([*said, *(f"{k}." for k in self._within("In brackets:"))])

    @property
    def _printed(self) -> pd.DataFrame:
        """Effects and changes, with their intervals, in the unit that is printed."""
        whole = self.values.assign(factor="change", value=self.values["change"])
        every = pd.concat([self.table, whole]).set_index(["region", "factor"])
        numbers = every.reindex(columns=["value", "ci_low", "ci_high"])
        return numbers * billions(self.unit, self.largest)[1]

    def _told(self, printed: pd.DataFrame, name: str) -> str:
        """A change or an effect with its unit and its interval."""
        unit, factor = billions(points(self.unit), self.largest)
        row = printed.loc[name].to_numpy(float)
        text, *ends = effect_texts(row[row == row].tolist(), factor * self.largest)
        text += f" {unit}" if unit not in ("", "1") else ""
        return f"{text} ({' to '.join(ends)})" if ends else text

    @property
    def _plot_title(self) -> str:
        title = change_of(self.measure)
        if known := INDICATORS.get(self.measure):
            title = f"Change of {known.title.split(':')[0]} ({self.measure})"
        return self.said(title) + self.title.removeprefix(self.measure)

    @property
    def by_factor(self) -> pd.DataFrame:
        """Effects, a row a region and a column a factor."""
        wide = self.table.pivot(index="region", columns="factor", values="value")
        return wide.reindex(
            index=list(self.regions), columns=self.table["factor"].unique()
        )

    @property
    def by_country(self) -> xr.DataArray:
        """Effects (factor, region, country) by the country where a factor changed."""
        return self.by_partner.sum("partner", keep_attrs=True)

    @property
    def largest(self) -> float:
        """The largest effect or change in absolute value."""
        every = [*self.table["value"], *self.values["change"]]
        return max((abs(float(k)) for k in every if k == k), default=0.0)

    @property
    def title(self) -> str:
        """The measure (sector, and partner) and the two years."""
        of = self.measure if self.sector is None else f"{self.measure} of {self.sector}"
        of += "" if self.partner is None else f" with {self.partner}"
        return f"{of}, {self.start} to {self.end}"

    def _listings(self) -> Sequence[Listing]:
        """The effects on the regions shown."""
        unit, factor = billions(points(self.unit), self.largest)
        printed = self._printed
        kept = [*self.table["factor"].unique(), "change"]

        def texts(values: pd.Series) -> list[list[str]]:
            wide = values.unstack().loc[[*self.shown.few], kept].to_numpy(float)
            return [effect_texts(k, factor * self.largest) for k in wide.tolist()]

        rows = dict(zip(self.shown.few, texts(printed["value"]), strict=True))
        note = (
            f"the effects miss the change by up to {self.remainder:.1e} of the largest "
            f"effect; nodes = {self.nodes} is too few"
        )
        effects = "effects" if unit in ("", "1") else f"effects, {unit}"
        title = f"{self._plot_title}: {effects}; {self.shown.rule}"
        notes = [note] * (self.remainder > _MISSED) + self._within("±: half of")
        columns = [_SHORT.get(str(k), str(k)) for k in kept]
        found = listing_by_region(title, columns, rows, notes)
        if not self.drawn:
            return [found]
        half = texts((printed["ci_high"] - printed["ci_low"]) / 2)
        below = (("±", *[""] * (found.words - 1), *k) for k in half)
        both = zip(found.rows, below, strict=True)
        return [replace(found, rows=[*chain.from_iterable(both)])]


def effect_texts(effects: Sequence[float], most: float) -> list[str]:
    """Numbers with as many decimals as leave ``most`` four digits."""
    decimals = 3 - math.floor(math.log10(most)) if most > 0 else 0
    least = 0.5 * 10.0**-decimals
    return [
        f"{0 if abs(k) < least else k:,.{max(decimals, 0)}f}" if k == k else "-"
        for k in effects
    ]
