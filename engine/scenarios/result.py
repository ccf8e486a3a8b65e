"""Results of scenarios, by variant, year and region."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from ..core import (
    Listing,
    TivaxError,
    capital,
    count_text,
    first_and_named,
    number_text,
    percent_text,
    suggest,
)
from ..errors import WithErrors
from ..figures.regions import of_those_shown, other_way_text
from ..figures.scenarios import changes_by_variant, largest_changes, shown_change
from ..measures import EVERY_PARTNER
from ..reporting import Plot, Result, measure_name, variant_in_words
from ..tables import country_in_text, listing_by_region
from .evaluate import CHECKS
from .prices import FIELDS
from .shocks import EVERY, Shock

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
_WHAT_IF = {
    "cut": "sales of {} to {} are cut",
    "shift": "sales of {} to {} move to other sellers",
    "cut both ways": "sales between {} and {} are cut",
    "shift both ways": "sales between {} and {} move to other sellers",
    "extract": "links of {} with {} end",
    "extract exports": "exports of {} to {} end",
    "extract imports": "imports of {} from {} end",
    "demand": "final demand for goods of {} changes in {}",
    "price": "costs of {} rise or fall",
}
_SHOWN = 10
# Columns of the printed table of one variant.
_MEASURES = 4


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
class ScenarioResult(WithErrors, Result):
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

    program = "scenario"
    printed = True

    @property
    def report_title(self) -> str:  # type: ignore[override]
        """The event, where it is the same in all variants."""
        shocks = self.variants[["kind", "who", "whom", "sectors"]].drop_duplicates()
        if len(shocks) > 1 and self.count > 1:
            return f"What if: {count_text(self.count, 'variant')}"
        if len(shocks) > 1:
            return f"What if: {self.variants['variant'].iloc[0]}"
        kind, who, whom, sectors = map(str, shocks.iloc[0])
        seller = "all countries" if who == EVERY else country_in_text(who)
        every = "all countries" if kind == "demand" else "all others"
        buyer = every if whom == EVERY else country_in_text(whom)
        of = [] if sectors == EVERY else [f"sectors {sectors}"]
        first = self.variants.iloc[0]
        if self.variants["percent"].nunique() == 1 and first["percent"] != 100:
            of = [f"{first['percent']:g} %", *of]
        way = "both ways" if first.get("both_ways") else first.get("links")
        event = _WHAT_IF.get(f"{kind} {way}", _WHAT_IF[kind]).format(seller, buyer)
        return f"What if {event}" + f" ({', '.join(of)})" * bool(of)

    @property
    def method(self) -> str:  # type: ignore[override]
        if self.priced:
            return (
                "Prices of all industries follow from changed costs at given input "
                "coefficients, p = p A + v: nobody buys elsewhere because of them."
            )
        return (
            "Each variant changes flows, coefficients or final demand of the world "
            "table and solves it again, by Woodbury's formula. Held: value added per "
            "unit of output, coefficients and final demand that no shock changes; "
            "there are no prices, so nobody buys elsewhere unless the shock says so."
        )

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

    def plots(self) -> dict[str, Plot]:
        regions, named = self.asked or None, self.named
        plots: dict[str, Plot] = {
            "largest": partial(largest_changes, self.table, regions, named=named)
        }
        if self.count > 1:
            plots["map"] = partial(changes_by_variant, self.table, regions=regions)
        return plots

    def titles(self) -> dict[str, str]:
        """Who changes most, in the last year, of the first measure."""
        rows = self._of_first(self._last_year)
        if not rows["shown"].any():
            return {}
        most = rows.iloc[int(rows["shown"].abs().to_numpy().argmax())]
        unit = " %" if np.isfinite(most["percent"]) else ""
        variant = f" ({variant_in_words(str(most['variant']))})" * (self.count > 1)
        what = measure_name(str(most["measure"]))
        among = "" if rows["region"].nunique() == 1 else " changes most"
        who = country_in_text(str(most["region"]))
        change = f"{most['shown']:+.3g}".replace("-", "−")
        title = f"{capital(who)}{among}: {what} {change}{unit}{variant}"
        if among and self.asked:
            every = {*self.table["region"]} - {EVERY_PARTNER}
            title = of_those_shown(title, self.asked, every)
        return {"largest": title}

    def _of_first(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Rows of regions, or those asked for, of the first measure, where there is a
        change to show."""
        own = (rows["region"] != EVERY_PARTNER) & rows["shown"].notna()
        own &= rows["region"].isin(self.asked or rows["region"])
        return rows[own & (rows["measure"] == self.measures[0])]

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
        rows = self._last_year
        rows = rows[rows["region"] != EVERY_PARTNER]
        rows = rows[(rows["variant"] == variant) & (rows["measure"] == measure)]
        column = "change" if measure in _NO_PERCENT else "percent"
        found = pd.Series(rows[column].to_numpy(), rows["region"].to_list())
        order = np.argsort(-found.abs().to_numpy(), kind="stable")
        return found.iloc[order]

    @property
    def subtitle(self) -> str:
        years = self.variants["year"].unique()
        return f"{count_text(self.count, 'variant')}, {', '.join(map(str, years))}"

    @property
    def sentence(self) -> str:
        """The largest change of the first measure, and the largest of the other sign in
        the same variant."""
        rows = self._of_first(self._last_year)
        if rows.empty:
            return ""
        row = rows.iloc[int(rows["shown"].abs().to_numpy().argmax())]
        what = measure_name(self.measures[0])
        if not row["shown"]:
            return f"In {row['year']} {what} changes in no region."
        variant = f", {variant_in_words(str(row['variant']))}" * (self.count > 1)
        where = country_in_text(str(row["region"]))
        said = (
            f"In {row['year']} {what} changes most in {where}: "
            f"{_with_unit(row)}{variant}."
        )
        others = rows[rows["variant"] == row["variant"]]
        return said + other_way_text(others, "shown", row, _with_unit)

    @property
    def _last_year(self) -> pd.DataFrame:
        rows = self.table[self.table["year"] == self.table["year"].max()]
        return rows.assign(shown=shown_change(rows))

    def _listings(self) -> Sequence[Listing]:
        """Accuracy, and the largest changes of the last year."""
        title = f"{count_text(self.count, 'variant')}, residual {self.residual_max:.1e}"
        if not self.priced:
            title += f", world accounts to {self.identity_max:.1e}"
        notes = []
        if (unplaced := self.variants["unplaced"]).max() > 0:
            whole = self.variants["moved"] + unplaced
            share = float((unplaced / whole.where(whole > 0)).max())
            notes.append(
                f"up to {percent_text(share, 1)} of what was to shift found no other "
                "seller and stays (variants.csv: unplaced)"
            )
        shown = self._of_one() if self.count == 1 else self._of_several()
        return [Listing(title, (), (), notes), shown]

    def _of_several(self) -> Listing:
        rows = self._last_year
        rows = rows[rows["region"] != EVERY_PARTNER]
        percent = bool(rows["percent"].notna().any())
        rows = rows[rows["percent"].notna() | (not percent)]
        if self.asked:
            rows = rows[rows["region"].isin(self.asked)]
        order = rows["shown"].abs().sort_values(ascending=False, kind="stable").index
        rows = rows.loc[order]
        rows = rows.iloc[first_and_named([*rows["region"]], self.named, _SHOWN)]
        columns = ["variant", "region", "measure", "before", "shown"]
        cells = [
            (*map(str, words), number_text(base), _change_text(change, percent))
            for *words, base, change in rows[columns].itertuples(index=False)
        ]
        unit = "per cent" if percent else "change"
        year = self.table["year"].max()
        title = f"{year}; the largest changes{' in per cent' * percent}"
        return Listing(title, (*columns[:4], unit), cells, words=3)

    def _of_one(self) -> Listing:
        """The regions that change most and those named, with a column for each
        measure."""
        rows, measures = self._last_year, self.measures[:_MEASURES]
        wide = rows.set_index(["region", "measure"])["shown"].unstack("measure")
        size = wide[measures[0]].abs()
        order = size.sort_values(ascending=False, kind="stable").index
        chosen = [k for k in order if k != EVERY_PARTNER]
        chosen = [chosen[k] for k in first_and_named(chosen, self.named, _SHOWN - 2)]
        rule = f"the largest changes of {measure_name(measures[0])}"
        if named := [country_in_text(k) for k in self.named if k in chosen]:
            rule += f", with {' and '.join(named)} of the shock"
        if self.asked:
            chosen, rule = [*self.asked], "the regions asked for"
        if EVERY_PARTNER in wide.index:
            chosen.append(EVERY_PARTNER)
        some = rows.groupby("measure")["percent"].count() > 0
        cells = {
            code: [_change_text(wide.loc[code, k], some[k]) for k in measures]
            for code in chosen
        }
        names = [
            f"{measure_name(k)} {'per cent' if some[k] else 'change'}" for k in measures
        ]
        title = f"{self.table['year'].max()}; {rule}"
        return listing_by_region(title, names, cells, world=EVERY_PARTNER)


def _with_unit(row: pd.Series) -> str:
    percent = bool(row["percent"] == row["percent"])
    return f"{_change_text(row['shown'], percent)}{' per cent' * percent}"


def _change_text(value: Any, percent: bool) -> str:
    if value != value:
        return "–"
    text = f"{value:+.2f}" if percent else f"{value:+.4g}"
    return text if float(text) else "0"
