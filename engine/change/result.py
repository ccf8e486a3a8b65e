"""The result of ``tx.change``: effects of factors, by country, partner and sector."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float

from ..core import Phrase
from ..errors import WithErrors, interval
from ..measures import INDICATORS
from ..reporting import Told
from ..tables.shown_regions import ShownRegions, shown_regions

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


class ChangeFinding(NamedTuple):
    """The change of the measure of a region and the ``effect`` of the factor that has
    the largest, each with ``value``, ``ci_low`` and ``ci_high``."""

    region: str
    change: pd.Series
    factor: str
    effect: pd.Series


@dataclass(frozen=True, eq=False, repr=False)
class Change(WithErrors, Told):
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
    in_print = "tivax.engine.present.change"
    printed = True
    always_parquet = ("by_partner", "by_sector")

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
        size = Phrase("output in {year}", year=self.end)
        return shown_regions(self.size, size, self.asked)

    @property
    def effects(self) -> pd.DataFrame:
        """``value``, ``ci_low`` and ``ci_high`` of every effect by region and factor;
        those of the whole change are of the factor ``change``."""
        whole = self.values.assign(factor="change", value=self.values["change"])
        every = pd.concat([self.table, whole]).set_index(["region", "factor"])
        return every.reindex(columns=["value", "ci_low", "ci_high"])

    def findings(self) -> list[ChangeFinding]:
        """The change of each region shown that has the measure, and the largest effect
        on it."""
        found, effects = [], self.effects
        for region in self.shown.few:
            own = effects.xs(region).query("value == value").T
            if "change" in own and len(own.columns) > 1:
                most = str(own.loc["value"].drop("change").abs().idxmax())
                found.append(ChangeFinding(region, own["change"], most, own[most]))
        return found

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
