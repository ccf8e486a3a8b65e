"""The result of ``tx.change``: effects of factors, by country, partner and sector."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd
import xarray as xr

from ..core import Listing, count_text
from ..figures import changes as drawings
from ..reporting import Plot, Result

FACTOR_NAMES = (
    "technology",
    "sourcing",
    "demand level",
    "demand mix",
    "demand origin",
    "value-added shares",
)
IMBALANCE = "imbalance"
_SHOWN = 3  # regions of a figure that nobody chose


@dataclass(frozen=True, eq=False, repr=False)
class Change(Result):
    """The change of a measure between two years, by factor.

    Attributes
    ----------
    measure, sector, start, end, unit
        What changed, and between which years.
    regions
        Whose measure.
    values
        A row a region: ``start``, ``end`` (the measure in both years), ``change``,
        ``remainder`` (the change less the effects: the error of the integral).
    table
        A row a region and factor: ``value`` (its effect), ``home`` and ``abroad`` (the
        parts of it in the region itself and in other countries), ``polar`` (the average
        of the two polar decompositions), ``share`` of the change, and with ``chained``
        the sum of the effects from year to year.
    by_partner
        Effects (factor, region, country, partner): ``country`` is where technology,
        sourcing or demand changed, ``partner`` who sells to it. Value-added shares are
        those of the country, which is its own partner.
    by_sector
        Effects (factor, region, country, sector): the sector of the good that is
        bought, or of the industry whose value-added share changed.
    steps
        With ``chained``, effects by factor of each step from year to year; otherwise
        None.
    chained_by_partner, chained_by_sector
        The same as ``by_partner`` and ``by_sector``, summed over the steps.
    remainder
        The largest remainder, relative to the change of its region or to the largest
        effect on it, whichever is more.
    nodes
        Points of the path at which derivatives were taken.

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

    program = "change"

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
        rest = [k for k in frame if k not in ("region", *own)]
        every = frame.assign(**{k: v for k, v in own.items() if k not in frame})
        return every[["region", *own, *rest]]

    def plots(self) -> dict[str, Plot]:
        about = {"title": f"Change of {self.title}", "unit": self.unit}
        few = list(self.regions[:_SHOWN])
        years = (self.start, self.end)
        falls = partial(
            drawings.waterfall, self.values, self.table, years=years, regions=few
        )
        return {"waterfall": partial(falls, **about)}

    def facts(self) -> dict[str, Any]:
        return {
            "residual_max": self.remainder,
            "measure": self.measure,
            "start": self.start,
            "end": self.end,
            "unit": self.unit,
            "nodes": self.nodes,
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

    @property
    def title(self) -> str:
        """The measure (and sector) and the two years."""
        of = self.measure if self.sector is None else f"{self.measure} of {self.sector}"
        return f"{of}, {self.start} to {self.end}"

    def _listings(self) -> Sequence[Listing]:
        wide = self.by_factor
        change = self.values["change"].to_numpy(float)
        most = self.largest
        rows = [
            (region, *effect_texts([*effects, float(whole)], most))
            for region, effects, whole in zip(
                self.regions, wide.to_numpy(float).tolist(), change, strict=True
            )
        ]
        title = f"Change of {self.title}, by factor"
        points = count_text(self.nodes, "point")
        note = f"remainder {self.remainder:.0e}, {points} of the path"
        return [Listing(title, ("region", *map(str, wide), "change"), rows, (note,))]


def effect_texts(effects: Sequence[float], most: float | None = None) -> list[str]:
    """Numbers with as many decimals as leave the largest, or ``most``, four digits."""
    if most is None:
        most = max((abs(k) for k in effects if k == k), default=0.0)
    decimals = 3 - math.floor(math.log10(most)) if most > 0 else 0
    least = 0.5 * 10.0**-decimals
    return [
        f"{0 if abs(k) < least else k:,.{max(decimals, 0)}f}" if k == k else "-"
        for k in effects
    ]
