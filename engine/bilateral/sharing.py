"""Regressors that many flows of a country share, and the error that knows it.

A trade agreement of many members is one history for many pairs: a shock to an exporter
in all of them is a shock to as many flows, and clusters by pair take these as
independent. With a regressor net of effects times its weight, a, so many share it:

    D = sum (sum of a over the flows of a group)^2 / sum a^2

over groups of flows of one exporter (importer) with one history of the regressor that
changes, and periods: the variance of the estimate with shocks of groups over that with
independent ones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from ..core import Phrase
from ..estimation import Covariance, LinearFit, Vcov, sums_by, two_ways

# Flows that share a regressor on average, from which its errors are by country too: of
# regressors that belong to pairs alone D is 1.
MANY = 3.0
_SAID = (
    "{term} is shared: {flows:.1f} flows of a country have its history; its error is "
    "{by_pair:.4g} by pair, {two_way:.4g} by {exporter} and {importer}"
)
_TAKEN = _SAID + "; the larger is taken, with t({degrees})"


class FlowColumns(NamedTuple):
    """Columns of a flow's exporter and importer, and of its further keys but time."""

    exporter: str
    importer: str
    time: str = ""
    others: tuple[str, ...] = ()

    @classmethod
    def of(cls, rows: pd.DataFrame, effects: Sequence[str]) -> "FlowColumns | None":
        """The columns of effects that are countries: those two that share most of
        their values, half at least. None where there are none."""
        parts = list(dict.fromkeys(k for name in effects for k in name.split("^")))
        values = {k: {*rows[k].dropna().unique()} for k in parts}

        def shared(pair: tuple[str, str]) -> float:
            a, b = (values[k] for k in pair)
            return len(a & b) / max(1, len(a | b))

        ranked = sorted(combinations(parts, 2), key=shared, reverse=True)
        if not ranked or shared(ranked[0]) < 0.5:
            return None
        found = ranked[0]
        if ranked[1:] and shared(ranked[1]) == shared(found):
            return None  # years numbered as countries are
        # Time is what both countries have effects with.
        ends = [{*name.split("^")} for name in effects if "^" in name]
        beside = [[k - {own} for k in ends if own in k] for own in found]
        both = set.union(set(), *beside[0]) & set.union(set(), *beside[1])
        time = next((k for k in parts if k in both), "")
        others = [k for k in parts if k not in (*found, time)]
        return cls(*found, time, tuple(others))

    @property
    def keys(self) -> list[str]:
        """Columns that tell flows apart."""
        return [self.exporter, self.importer, *self.others]

    def pair(self, rows: pd.DataFrame) -> pd.Series:
        """The pair of each row by its names, one for both directions."""
        names = np.sort(rows[[*self[:2]]].astype(str).to_numpy(), axis=1)
        return pd.Series([f"{a} {b}" for a, b in names], rows.index)


def flows_that_share(
    linear: LinearFit, rows: pd.DataFrame, sides: FlowColumns
) -> Mapping[str, float]:
    """D of each treatment, by exporter or by importer, whichever is larger."""
    flow = pd.factorize(pd.MultiIndex.from_frame(rows[sides.keys]))[0]
    time = (
        pd.factorize(rows[sides.time], sort=True)[0]
        if sides.time
        else np.zeros(len(rows), int)
    )
    root = linear.effects.root[linear.back]
    found = {}
    for k, term in enumerate(linear.model.treatments):
        history, moves = _histories(flow, time, rows[term].to_numpy(float))
        kept = moves[flow]
        a = (linear.h[linear.back, k] * root)[kept, None]
        for side in (sides.exporter, sides.importer):
            country = pd.factorize(rows[side])[0] * (history.max() + 1)
            group = (country + history[flow]) * (time.max() + 1) + time
            sums = sums_by(pd.factorize(group[kept])[0], a) if kept.any() else a
            share = float((sums**2).sum() / (a**2).sum()) if a.any() else 0.0
            found[term] = max(found.get(term, 0.0), share)
    return found


def _histories(
    flow: Int[np.ndarray, " n"],
    time: Int[np.ndarray, " n"],
    x: Float[np.ndarray, " n"],
) -> tuple[Int[np.ndarray, " f"], Bool[np.ndarray, " f"]]:
    """The number of each flow's history of x, and which change; a gap has the value
    before it."""
    table = np.full((flow.max() + 1, time.max() + 1), np.nan)
    table[flow, time] = x
    filled = pd.DataFrame(table).ffill(axis=1).bfill(axis=1).to_numpy()
    number = np.unique(filled, axis=0, return_inverse=True)[1].ravel()
    return number, (filled != filled[:, :1]).any(axis=1)


@dataclass(frozen=True, eq=False)
class Shared(Vcov):
    """Errors by pair, but by exporter and importer of regressors that many flows share.

    Of a treatment with ``flows`` of ``MANY`` or more the larger of both variances is
    taken, t with the smaller number of countries less one; correlations are those of
    ``by_pair``. Where ``by_pair`` was asked for, ``taken`` is False: it stays, and the
    other is told in the note.
    """

    by_clusters: ClassVar[bool] = True
    by_pair: Vcov
    sides: FlowColumns
    flows: Mapping[str, float]
    taken: bool = True

    def of(self, fit: LinearFit) -> Covariance:
        own = self.by_pair.of(fit)
        other, countries = _two_way(fit, self.sides)
        scale, degrees = np.ones(len(own.V)), np.full(len(own.V), own.clusters - 1.0)
        said = []
        unit = fit.size[-1] / fit.size[fit.places(fit.names)]
        for k, term in enumerate(fit.names):
            if self.flows.get(term, 0.0) < MANY:
                continue
            ways = {"by_pair": own.V[k, k], "two_way": max(other[k], 0.0)}
            numbers = {name: np.sqrt(V) * unit[k] for name, V in ways.items()}
            about = {"term": term, "flows": self.flows[term], **numbers}
            about |= {"exporter": self.sides.exporter, "importer": self.sides.importer}
            about["degrees"] = countries - 1
            said.append(Phrase(_TAKEN if self.taken else _SAID, **about))
            if self.taken:
                scale[k] = np.sqrt(max(ways.values()) / own.V[k, k])
                degrees[k] = countries - 1
        found = own._replace(
            V=own.V * np.outer(scale, scale), note=Phrase.listed([own.note, *said])
        )
        if not self.taken:
            return found
        return found._replace(degrees=degrees)


def _two_way(fit: LinearFit, sides: FlowColumns) -> tuple[Float[np.ndarray, " q"], int]:
    """Variances by exporter and importer, and the smaller number of these."""
    codes = [fit.codes(k) for k in sides[:2]]
    fewest = min(int(k.max()) + 1 for k in codes)
    parts = [s * (fit.sums(group) ** 2).sum(axis=0) for s, group in two_ways(*codes)]
    return fewest / (fewest - 1) * np.sum(parts, axis=0), fewest
