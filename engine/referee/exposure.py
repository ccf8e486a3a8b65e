"""An instrument for the trade benefit index that is made from the tables alone.

A country's value-added exports are a sum over final uses (absorber d, product k) of
what its industries hold of them, and its value-added imports a sum over what others
(supplier j, product k) hold of its own. With T the value added by origin, product and
absorber (``tx.origins``), year 0 the base and i itself left out of every shock:

    F_dk,t = sum over o != i of T_okd,t         what d buys of k from others than i
    S_jk,t = sum over d not i, j of T_jkd,t     what j sells by k to others than i
    X*_it  = sum_{d != i, k} T_ikd,0 F_dk,t / F_dk,0
    M*_it  = sum_{j != i, k} T_jki,0 S_jk,t / S_jk,0

    predicted   (X* - M*) / (X* + M*)
    instrument  [ sum w_idk ln(F_dk,t / F_dk,0) - sum m_ijk ln(S_jk,t / S_jk,0) ] / 2

with w and m the terms of X* and M* in the base year over their sums. The index is
tanh((ln X - ln M) / 2), so the instrument is its linear part: a shift-share, whose
errors are those of :func:`shift_share` with the shocks in clusters of a final use or a
supply over all years (Adao, Kolesar and Morales 2019; Borusyak, Hull and Jaravel 2022).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from ..core import Progress, TivaxError, no_progress, require_whole
from ..estimation import (
    CV1,
    Estimate,
    LinearFit,
    Model,
    numbers,
    require_columns,
    require_one_row,
)
from ..measures import ValueAdded, origins
from ..tables import WorldTables, require_tables
from .diagnosis import Diagnosis
from .shift_share import ShiftShare, shift_share

_SIDES = ("exports", "imports")


class _Design(NamedTuple):
    """Shares of the base year, and shocks that nobody is left out of.

    Axes: side, region, partner (absorber or supplier), product, year."""

    shares: Float[np.ndarray, "2 i p k"]
    shocks: Float[np.ndarray, "2 p k t"]


@dataclass(frozen=True, eq=False, repr=False)
class Exposure(Diagnosis):
    """Exposure to others' demand and supply in a base year, and the instrument.

    Attributes
    ----------
    table
        region, year, tbi, predicted, instrument, va_exports, va_imports,
        predicted_exports, predicted_imports, in the unit of the tables.
    year
        The base year, in which prediction and index are the same.

    Examples
    --------
    >>> found = tx.referee.exposure_instrument(world, year=2000)
    >>> first = found.table[found.table["year"] == 2000]
    >>> bool(np.allclose(first["tbi"], first["predicted"]))
    True
    """

    table: pd.DataFrame
    base: int
    regions: tuple[str, ...]
    products: tuple[str, ...]
    years: tuple[int, ...]
    residual_max: float
    _design: _Design

    program = "exposure-instrument"

    def tables(self) -> Mapping[str, pd.DataFrame]:
        return {"index": self.table, "shares": self.shares}

    def facts(self) -> Mapping[str, Any]:
        return {"residual_max": self.residual_max, "base": self.base}

    @property
    def shares(self) -> pd.DataFrame:
        """region, side, partner, product, share: final uses that a region's exports go
        to, and supplies that its imports come from, in the base year; not zero."""
        place = np.argwhere(self._design.shares != 0)
        side, region, partner, product = place.T
        names = np.asarray(self.regions)
        return pd.DataFrame(
            {
                "region": names[region],
                "side": np.asarray(_SIDES)[side],
                "partner": names[partner],
                "product": np.asarray(self.products)[product],
                "share": self._design.shares[tuple(place.T)],
            }
        )

    @property
    def first_stage(self) -> pd.DataFrame:
        """The index on the instrument, two-way effects, clusters by region: estimate,
        se, p_value, and F."""
        model = Model("", "tbi", ["instrument"], entity="region", time="year")
        fit = Estimate.of(LinearFit.of(self.table, model, drawn=False), CV1())
        row = fit.terms.loc[["instrument"], ["estimate", "se", "p_value"]]
        return row.assign(f=(row["estimate"] / row["se"]) ** 2).reset_index(drop=True)

    def findings(self) -> dict[str, Any]:
        """The first stage.

        Strong: F above the critical value of Montiel Olea and Pflueger (2013, Journal
        of Business and Economic Statistics 31) for one instrument.
        """
        row = self.first_stage.iloc[0]
        return {**row, "strong": row["f"] > 23.1}

    def estimate(
        self,
        data: pd.DataFrame,
        outcome: str,
        *,
        treatment: str | None = None,
        controls: Sequence[str] = (),
        entity: str = "iso3",
        time: str = "year",
    ) -> ShiftShare:
        """Two-stage least squares of an outcome on the index, by the instrument.

        Two-way effects; rows of ``data`` whose entity or year the tables lack are left
        out. By default the index is that of the tables.

        Raises ``TivaxError`` for years that are no numbers, two rows of an entity in a
        year, where no row is left, and what :func:`shift_share` raises.
        """
        frame, W, groups, shocks = self._aligned(data, entity, time)
        return shift_share(
            frame,
            outcome,
            "tbi" if treatment is None else treatment,
            shares=W,
            instrument="instrument",
            controls=controls,
            effects=[entity, time],
            clusters=entity,
            shock_clusters=groups,
            shocks=shocks,
        )

    def checks(
        self,
        data: pd.DataFrame,
        outcome: str,
        columns: Sequence[str] = (),
        *,
        lead: int = 1,
        entity: str = "iso3",
        time: str = "year",
    ) -> pd.DataFrame:
        """Test whether the instrument goes with what it should not move.

        A row each: ``trend``, the outcome on the instrument of ``lead`` years later,
        beside that of the year; ``balance``, a column on the instrument. Two-way
        effects. Columns check, column, estimate, se (AKM), p_value (AKM0, whose level
        holds with few shocks): a large p does not show that all is well.
        """
        require_whole("lead", lead, 1)
        require_columns(data, [time])
        numbers(data, time)
        later = data.assign(**{time: data[time] + lead})
        rows = [("trend", outcome, later), *(("balance", k, data) for k in columns)]
        found = []
        for check, column, frame in rows:
            aligned, W, groups, shocks = self._aligned(frame, entity, time)
            with_now: list[str] = []
            if check == "trend":
                now = self.table[["region", "year", "instrument"]].copy()
                now["year"] += lead
                now.columns = [entity, time, "now"]
                aligned = aligned.drop(columns="now", errors="ignore").merge(
                    now, how="left", on=[entity, time]
                )
                with_now = ["now"]
            table = shift_share(
                aligned,
                column,
                "instrument",
                shares=W,
                controls=with_now,
                effects=[entity, time],
                shock_clusters=groups,
                shocks=shocks,
            ).table
            by = table.set_index("method")
            row = {
                "check": check,
                "column": column,
                **by.loc["AKM", ["estimate", "se"]],
            }
            found.append({**row, "p_value": by.loc["AKM0", "p_value"]})
        return pd.DataFrame(found)

    def _aligned(
        self, data: pd.DataFrame, entity: str, time: str
    ) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray, np.ndarray]:
        """Rows with index and instrument; shares, clusters and values of shocks."""
        require_columns(data, [entity, time])
        numbers(data, time)
        require_one_row(data, entity, time)
        mine = self.table[["region", "year", "tbi", "instrument"]]
        frame = data.drop(columns=["tbi", "instrument"], errors="ignore").merge(
            mine.rename(columns={"region": entity, "year": time}), on=[entity, time]
        )
        if frame.empty:
            raise TivaxError(
                f"no row of data has a {entity} and {time} of the tables, such as "
                f"{self.regions[0]} {self.years[0]}"
            )
        place = {k: n for n, k in enumerate(self.regions)}
        region = frame[entity].map(place).to_numpy()
        year = np.searchsorted(self.years, frame[time].to_numpy())
        shares, shocks = self._design
        per_year = shares.size // len(self.regions)
        W = np.zeros((len(frame), len(self.years), per_year))
        of_region = np.moveaxis(shares, 1, 0).reshape(len(self.regions), -1) / 2
        W[np.arange(len(frame)), year] = of_region[region]
        signed = shocks * np.array([1, -1])[:, None, None, None]
        values = np.moveaxis(signed, -1, 0).reshape(-1)
        groups = np.tile(np.arange(per_year), len(self.years))
        names = [
            f"{use} {partner} {product} {when}"
            for when in self.years
            for use in ("use", "supply")
            for partner in self.regions
            for product in self.products
        ]
        shares_of_rows = pd.DataFrame(W.reshape(len(frame), -1), columns=names)
        return frame, shares_of_rows, groups, values


def exposure_instrument(
    tables: WorldTables,
    year: int | None = None,
    *,
    value_added: ValueAdded = "residual",
    progress: Progress = no_progress,
) -> Exposure:
    """Predict value-added trade by the exposure of a base year, and make an instrument.

    Parameters
    ----------
    tables
        Two years or more.
    year
        The year of the shares, the first by default.
    value_added
        As in :func:`trade_benefit_index`.

    Returns
    -------
    Exposure
        ``table`` has the predicted trade and the instrument by region and year.

    Raises
    ------
    TivaxError
        For a year that the tables lack, a single year, and what ``origins`` raises.

    Examples
    --------
    >>> found = tx.referee.exposure_instrument(world)
    >>> found.base
    2000
    """
    require_tables(tables)
    years = [*tables.years]
    base = years[0] if year is None else year
    if base not in years:
        raise TivaxError(f"year = {base}: the tables have {years[0]} to {years[-1]}")
    if len(years) < 2:
        raise TivaxError("an exposure takes two years or more")
    held = origins(
        tables,
        "final demand",
        keep=("origin", "product", "absorber"),
        value_added=value_added,
        progress=progress,
    )
    T = held.to_numpy()  # (t, i, k, d)
    start = years.index(base)
    regions, count = tuple(map(str, held["origin"].values)), T.shape[1]
    away = 1 - np.eye(count)
    abroad = T * away[None, :, None, :]
    exported = abroad[start]  # (i, k, d)
    # (i, d, k) and (i, j, k): what i sells to d, and what j sells to i.
    terms = np.stack([exported.transpose(0, 2, 1), exported.transpose(2, 0, 1)])
    totals = terms.sum(axis=(2, 3))
    if (totals <= 0).any():
        side, i = np.argwhere(totals <= 0)[0]
        raise TivaxError(f"{regions[i]} has no value-added {_SIDES[side]} in {base}")
    shares = terms / totals[:, :, None, None]
    bought, sold = T.sum(axis=1), abroad.sum(axis=3)  # (t, k, d), (t, j, k)
    pooled = np.stack([bought.transpose(2, 1, 0), sold.transpose(1, 2, 0)])
    shocks = _logs(pooled, start)
    predicted, instrument = np.zeros((2, 2, count, len(years)))
    for i in range(count):
        without = np.stack(
            [
                (bought - T[:, i]).transpose(2, 1, 0),  # what d buys of others than i
                (sold - T[:, :, :, i] * away[i][None, :, None]).transpose(1, 2, 0),
            ]
        )
        own = _logs(without, start)
        predicted[:, i] = np.einsum("apk,apkt->at", terms[:, i], np.exp(own))
        instrument[:, i] = np.einsum("apk,apkt->at", shares[:, i], own)
    actual = np.stack([abroad.sum(axis=(2, 3)).T, abroad.sum(axis=(1, 2)).T])
    table = pd.DataFrame(
        {
            "region": np.repeat(regions, len(years)),
            "year": np.tile(years, count),
            "tbi": _index(actual).ravel(),
            "predicted": _index(predicted).ravel(),
            "instrument": ((instrument[0] - instrument[1]) / 2).ravel(),
            "va_exports": actual[0].ravel(),
            "va_imports": actual[1].ravel(),
            "predicted_exports": predicted[0].ravel(),
            "predicted_imports": predicted[1].ravel(),
        }
    )
    return Exposure(
        table,
        int(base),
        regions,
        tuple(map(str, held["product"].values)),
        tuple(map(int, years)),
        float(held.attrs.get("residual_max", np.nan)),
        _Design(shares, shocks),
    )


def _logs(
    sums: Float[np.ndarray, "2 p k t"], start: int
) -> Float[np.ndarray, "2 p k t"]:
    """Logs of growth since the base year; 0 where there is nothing in either year."""
    base = sums[..., [start]]
    there = (sums > 0) & (base > 0)
    return np.log(np.where(there, sums, 1) / np.where(there, base, 1))


def _index(sides: Float[np.ndarray, "2 i t"]) -> Float[np.ndarray, "i t"]:
    return (sides[0] - sides[1]) / sides.sum(axis=0)
