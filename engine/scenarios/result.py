"""Results of scenarios, by variant, year and region."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from ..core import TivaxError, suggest
from ..errors import WithErrors
from ..measures import EVERY_PARTNER
from ..reporting import Told
from .evaluate import CHECKS
from .prices import FIELDS
from .shocks import Shock

# Measures of regions, and whether they add up to the world's.
QUANTITIES = {
    "value_added": True,
    "output": True,
    "exports": True,
    "imports": True,
    "va_exports": True,
    "va_imports": True,
    "tbi": False,
    "final_demand": True,
    "inputs_lost": True,
}
PRICES = (*FIELDS, "terms_of_trade")
# Of these a change in per cent says nothing.
_NO_PERCENT = ("tbi", "inputs_lost")


def _measures_of(
    accounts: Float[np.ndarray, "*k v"], measures: Sequence[str], fields: Sequence[str]
) -> Float[np.ndarray, "*k w"]:
    """Measures by region, and of the world where they add up, of rows of accounts.

    ``tbi`` from value added exported and imported, ``terms_of_trade`` from prices.
    """
    found = dict(zip(fields, np.split(accounts, len(fields), axis=-1), strict=True))
    if "lost" in found:
        found["inputs_lost"] = found.pop("lost")
        sold, bought = found["va_exports"], found["va_imports"]
        with np.errstate(divide="ignore", invalid="ignore"):
            found["tbi"] = (sold - bought) / (sold + bought)
    else:
        found["terms_of_trade"] = found["price_exports"] / found["price_imports"]
    parts = []
    for name in measures:
        parts.append(found[name])
        if QUANTITIES.get(name):
            parts.append(found[name].sum(axis=-1, keepdims=True))
    return np.concatenate(parts, axis=-1)


def tidy(
    names: Sequence[str],
    years: Sequence[int],
    regions: Sequence[str],
    measures: Sequence[str],
    fields: Sequence[str],
    base: Float[np.ndarray, "t v"],
    values: Float[np.ndarray, "t k v"],
) -> pd.DataFrame:
    """A row for each variant, year, region and measure; the world where sums exist."""
    labels = [
        (code, name)
        for name in measures
        for code in (*regions, *([EVERY_PARTNER] if QUANTITIES.get(name) else ()))
    ]
    codes, of = (np.array(k, object) for k in zip(*labels, strict=True))
    return _tidy(
        names,
        years,
        {"region": codes, "measure": of},
        _measures_of(base, measures, fields),
        _measures_of(values, measures, fields),
        ~np.isin(of, _NO_PERCENT),
    )


def industry_table(
    names: Sequence[str],
    years: Sequence[int],
    labels: tuple[Sequence[str], Sequence[str]],
    base: Float[np.ndarray, "t n"],
    values: Float[np.ndarray, "t k n"],
) -> pd.DataFrame:
    """A row for each variant, year and industry; ``labels`` are regions, sectors."""
    regions, sectors = zip(*product(*labels), strict=True)
    columns = {"region": np.array(regions, object), "sector": np.array(sectors, object)}
    return _tidy(names, years, columns, base, values, np.ones(base.shape[1], bool))


def _tidy(
    names: Sequence[str],
    years: Sequence[int],
    columns: Mapping[str, np.ndarray],
    before: Float[np.ndarray, "t w"],
    after: Float[np.ndarray, "t k w"],
    in_percent: np.ndarray,
) -> pd.DataFrame:
    """Variants, and in them years, with the ``columns`` of each."""
    t, k, w = after.shape
    start = np.broadcast_to(before[:, None, :], after.shape)
    change = after - start
    percent = np.full_like(after, np.nan)
    # Of a negative base, such as value added below 0, a fall would be above 0 per cent.
    np.divide(100 * change, start, out=percent, where=(start > 0) & in_percent)

    def flat(array: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(array.transpose(1, 0, 2)).ravel()

    return pd.DataFrame(
        {
            "variant": np.repeat(np.array([*names], object), t * w),
            "year": np.tile(np.repeat([*years], w), k),
            **{name: np.tile(column, t * k) for name, column in columns.items()},
            "before": flat(start),
            "after": flat(after),
            "change": flat(change),
            "percent": flat(percent),
        }
    )


def variant_table(
    variants: Mapping[str, tuple[Shock, ...]],
    years: Sequence[int],
    checks: Float[np.ndarray, "t k checks"],
) -> pd.DataFrame:
    """A row for each shock of a variant and year, with how well it is solved."""
    lines = [
        {"variant": name, "year": year, **shock.record()}
        | dict(zip(CHECKS, checks[t, k], strict=True))
        for k, (name, shocks) in enumerate(variants.items())
        for t, year in enumerate(years)
        for shock in shocks
    ]
    return pd.DataFrame(lines).drop(columns="smallest_multiplier")


@dataclass(frozen=True, eq=False, repr=False)
class ScenarioResult(WithErrors, Told):
    """Measures of every variant beside those of the table itself.

    Attributes
    ----------
    table
        Columns variant, year, region, measure, before, after, change, percent. Flows
        are in the unit of the tables, prices 1 without a shock; ``WLD`` is the world.
        ``percent`` is missing for the trade benefit index and for lost inputs, and
        where the base is not above 0.
    variants
        The shocks of each variant; ``residual``, relative, of its solution;
        ``identity``, the relative gap of world final demand less value added and lost
        inputs; of shifts what ``moved`` and what was ``unplaced``, for want of another
        seller.
    measures
        In the table.
    unit
        Unit of flows.
    industries
        Value added (of price shocks: the price) by variant, year, region and sector, if
        it was asked for.
    named
        Regions that the shocks name.
    value_added
        Definition of value added.
    linkages
        Linkages of every industry and year, if they were asked for.
    asked
        The regions that figures and the printed table show, by default those that
        change most and those named.
    phrases
        Variants of a grid by their names, with what was chosen.

    Examples
    --------
    >>> shock = tx.shocks.Cut(exporters="R01", importers="R02", percent=10)
    >>> found = tx.scenarios(world, shock)
    >>> found.changes("value_added").round(2).to_dict()
    {'R01': -2.15, 'R02': -0.19, 'ROW': -0.14}
    """

    table: pd.DataFrame
    variants: pd.DataFrame
    measures: tuple[str, ...]
    unit: str
    industries: pd.DataFrame | None = None
    named: tuple[str, ...] = ()
    value_added: str = "residual"
    linkages: pd.DataFrame | None = None
    asked: tuple[str, ...] = ()
    phrases: Mapping[str, str] = field(default_factory=dict)

    program = "scenario"
    printed = True
    in_print = "tivax.engine.present.scenarios"

    @property
    def priced(self) -> bool:
        """True if prices change, and not flows."""
        return self.measures[0] in PRICES

    @property
    def count(self) -> int:
        """Number of variants."""
        return self.variants["variant"].nunique()

    def tables(self) -> dict[str, pd.DataFrame]:
        named = {
            "scenario": self.table,
            "variants": self.variants,
            "industries": self.industries,
            "linkages": self.linkages,
        }
        return {name: table for name, table in named.items() if table is not None}

    def facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "residual_max": self.residual_max,
            "kind": sorted(self.variants["kind"].unique()),
            "variants": self.count,
            "years": self.variants["year"].unique().tolist(),
            "measures": list(self.measures),
            "value_added": self.value_added,
            "unit": "1 without a shock" if self.priced else self.unit,
        }
        if self.priced:
            return facts
        return facts | {
            "identity_max": self.identity_max,
            "moved": float(self.variants["moved"].sum()),
            "unplaced": float(self.variants["unplaced"].sum()),
            "held": "value added per unit of output, coefficients and final demand "
            "that no shock changes",
        }

    @property
    def residual_max(self) -> float:
        """The worst relative residual of all variants."""
        return float(self.variants["residual"].max())

    @property
    def identity_max(self) -> float:
        """The worst gap of the world's accounts."""
        return float(self.variants["identity"].max())

    def changes(
        self, measure: str | None = None, variant: str | None = None
    ) -> pd.Series:
        """Changes of a measure by region, the largest first, in the last year.

        In per cent; of the trade benefit index and of lost inputs the change itself. By
        default the first measure and the first variant.
        """
        measure = self.measures[0] if measure is None else measure
        names = self.table["variant"].unique()
        variant = names[0] if variant is None else variant
        for what, value, known in (
            ("measure", measure, self.measures),
            ("variant", variant, names),
        ):
            if value not in known:
                raise TivaxError(f"no {what} {value}: {suggest(str(value), known)}")
        rows = self.table[self.table["year"] == self.table["year"].max()]
        rows = rows[rows["region"] != EVERY_PARTNER]
        rows = rows[(rows["variant"] == variant) & (rows["measure"] == measure)]
        column = "change" if measure in _NO_PERCENT else "percent"
        found = pd.Series(rows[column].to_numpy(), rows["region"].to_list())
        order = np.argsort(-found.abs().to_numpy(), kind="stable")
        return found.iloc[order]
