"""``tx.supply_exposure``: how exposed a buyer is to a supplier, through whom, by which
paths, and what an extraction of the supplier would cost."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from ..core import (
    Progress,
    TivaxError,
    in_float64,
    no_progress,
    require_whole,
)
from ..errors import PROBES, ErrorModel, indicator_error_years
from ..measures import Account, ValueAdded
from ..reporting import interval_columns
from ..tables import AnyGroups, WorldTables, year_of
from .dependence import Elasticities, by_product, read_elasticities
from .paths import supply_paths
from .result import SupplyExposure
from .sides import BuyerAndSupplier
from .solved import ChainYear, solve_years

_KINDS = ("FPEM", "FPEM_FACE", "FPEM_HIDDEN")
CUTS = (10.0, 100.0)
"""Per cent of the supplier's deliveries that end: a tenth, and all of them."""


@in_float64
def supply_exposure(
    tables: WorldTables,
    buyer: str,
    supplier: str,
    *,
    sectors: Sequence[str] = (),
    year: int | None = None,
    groups: AnyGroups | None = None,
    value_added: ValueAdded = "residual",
    paths: int = 20,
    cuts: Sequence[float] = CUTS,
    elasticities: Elasticities | None = None,
    progress: Progress = no_progress,
) -> SupplyExposure:
    """A buyer's exposure to a supplier along supply chains.

    Of all output that the final sales of the buyer's industries take, themselves and
    their inputs at every stage, the share that the supplier makes: look-through. At
    face value counts what the buyer buys itself; the difference is hidden (Baldwin,
    Freeman and Theodorakopoulos 2022, NBER 30525).

    Parameters
    ----------
    tables
        In memory or lazy; each year must fit in memory.
    buyer, supplier
        Regions, by code or name, or groups; the same one twice is the reliance on home.
    sectors
        The buyer's industries that count, such as all manufacturing; by default all.
    year
        The year of all tables but the first; by default the last.
    groups
        As in :func:`indicators`.
    value_added
        As in :func:`value_added_trade`: what passes through third countries, and what
        an extraction costs.
    paths
        Number of supply paths.
    cuts
        Per cent of the supplier's deliveries that end, for the cost of an extraction.
    elasticities
        Of substitution between suppliers, by sector: a mapping, or a csv with the
        columns sector and elasticity. They give what it costs to replace the supplier.

    Returns
    -------
    SupplyExposure
        ``table``, ``by_industry``, ``by_product``, ``third_countries``, ``paths``,
        ``extraction``, ``rounds``; printed, the finding.

    Raises
    ------
    TivaxError
        An unknown region, sector or year; as :func:`supply_paths`.

    Notes
    -----
    Third countries: of the supplier's value added in the buyer's imports, that which
    comes directly, after one stop, or after more. To replace a supplier with a share s
    of a product raises its price by (1 - s)^(1 / (1 - e)) - 1 for the elasticity e
    (Feenstra 1994, American Economic Review 84).

    Examples
    --------
    >>> found = tx.supply_exposure(world, "R01", "R02")
    >>> rows = found.table.query("partner == 'R02' and year == 2001")
    >>> rows.set_index("indicator")["value"].round(2)
    indicator
    FPEM           15.37
    FPEM_FACE       8.76
    FPEM_HIDDEN     6.62
    Name: value, dtype: float64
    """
    sides = BuyerAndSupplier.of(tables, buyer, supplier, sectors, groups)
    chosen = year_of(tables, year)
    require_whole("paths", paths, 1)
    if not isinstance(cuts, list | tuple) or not cuts:
        raise TivaxError("cuts: give a list of per cent, such as [10, 100]")
    for cut in cuts:
        if isinstance(cut, bool) or not isinstance(cut, int | float):
            raise TivaxError(f"cuts: {cut!r} is no number; give per cent")
        if not 0 < cut <= 100:
            raise TivaxError(f"cuts: {cut} is no share; give per cent above 0, to 100")
    sigma = None
    if elasticities is not None:
        sigma = read_elasticities(elasticities, sides.sectors_of_tables)
    lost = [k / 100 for k in cuts]
    solved = solve_years(tables, sides, lost, value_added, progress)
    parts, residuals, detail = [], [], None
    for each, found in solved:
        parts.append(_shares(found, sides, each))
        residuals.append(float(found.residual))
        if each == chosen:
            detail = found
    assert detail is not None
    table = pd.concat(parts, ignore_index=True)
    found_paths = supply_paths(
        tables,
        buyer,
        supplier,
        sectors=sectors,
        year=chosen,
        count=paths,
        groups=groups,
    )
    inputs = float(detail.through.sum())
    in_all = 100 * found_paths.table["value"] / (inputs or np.nan)
    names = list(sides.borders.names)
    return SupplyExposure(
        buyer=sides.buyer,
        supplier=sides.supplier,
        sectors=sides.sectors,
        year=chosen,
        unit=tables.unit,
        account_unit=Account(value_added).unit(tables),
        table=table,
        by_industry=_by_industry(detail, sides),
        by_product=by_product(detail, sides, sigma),
        third_countries=_third_countries(detail, sides),
        paths=found_paths.table.assign(percent=in_all),
        rounds=_rounds(detail, sides),
        extraction=_extraction(detail, sides, cuts),
        pairs=_pairs(detail, names),
        size=_size(tables, sides, chosen),
        remainder=found_paths.remainder,
        gap=found_paths.gap,
        length=found_paths.length,
        residual=max(residuals),
        account=Account(value_added).satellite_name,
        source=tables.source,
        bars=partial(_with_bars, tables, sides, groups),
    )


def _shares(found: ChainYear, sides: BuyerAndSupplier, year: int) -> pd.DataFrame:
    """Exposures of the buyer to everyone in one year, in per cent of TI."""
    names = sides.borders.names
    face, hidden = (k[: len(names)].sum(axis=1) for k in (found.face, found.hidden))
    flows = np.stack([face + hidden, face, hidden], axis=1)
    return pd.DataFrame(
        {
            "year": year,
            "region": sides.buyer,
            "partner": np.repeat(names, len(_KINDS)),
            "indicator": [*_KINDS] * len(names),
            "value": 100 * flows.ravel() / (flows[:, 0].sum() or np.nan),
        }
    )


def _with_bars(
    tables: WorldTables,
    sides: BuyerAndSupplier,
    groups: AnyGroups | None,
    found: SupplyExposure,
    model: ErrorModel,
    *,
    draws: int | None,
    seed: int | None,
    progress: Progress,
) -> SupplyExposure:
    """With those of the exposures of the buyer, by year, partner and indicator."""
    if found.sectors:
        raise TivaxError(
            "error: standard errors are of all industries of the buyer; leave out "
            "sectors, or add up sectors first (tx.aggregate)"
        )
    draws = PROBES if draws is None else draws
    require_whole("draws", draws, 2)
    about = {"groups": groups, "probes": draws, "seed": seed or 0, "progress": progress}
    years = indicator_error_years(tables, model, _KINDS, ("bilateral",), **about)
    parts = [
        year["bilateral"]
        .sel(region=sides.buyer)
        .to_dataframe()
        .reset_index()
        .melt(["year", "partner"], [*_KINDS], "indicator", "se")
        for year in years
    ]
    se = found.table.merge(pd.concat(parts), how="left")["se"].rename("value")
    table = interval_columns(found.table, se.to_frame(), "value", ["value"])
    return replace(found, table=table)


def _by_industry(found: ChainYear, sides: BuyerAndSupplier) -> pd.DataFrame:
    """The buyer's industries: what each takes of the supplier, in per cent."""
    face, hidden, every = found.by_buyer.T
    whole = np.where(every == 0, np.nan, every)
    frame = pd.DataFrame(
        {
            "sector": sides.sectors_of_tables,
            "look_through": 100 * (face + hidden) / whole,
            "face": 100 * face / whole,
            "hidden": 100 * hidden / whole,
            "inputs": every,
        }
    )
    chosen = frame["sector"].isin(sides.sectors or sides.sectors_of_tables)
    return frame[chosen].reset_index(drop=True)


def _third_countries(found: ChainYear, sides: BuyerAndSupplier) -> pd.DataFrame:
    """Value added of the supplier in the buyer's imports, by seller and chain."""
    names = sides.borders.names
    third = [k[: len(names)] for k in found.third]
    chains = ("direct", "one stop", "more")
    value = np.concatenate([third[0], third[1], third[2] - third[0] - third[1]])
    whole = third[2].sum() or np.nan
    labels = {"via": names * len(chains), "chain": np.repeat(chains, len(names))}
    frame = pd.DataFrame({**labels, "value": value})
    frame["percent"] = 100 * frame["value"] / whole
    some = frame[frame["value"] != 0]
    return some.sort_values("value", ascending=False, kind="stable", ignore_index=True)


def _rounds(found: ChainYear, sides: BuyerAndSupplier) -> pd.DataFrame:
    """The supplier's part by round of production; the last row is all further ones."""
    own = sides.borders.names.index(sides.supplier)
    rest = found.through[own].sum() - found.rounds.sum()
    value = np.append(found.rounds, rest)
    labels = [*map(str, range(len(found.rounds))), f"{len(found.rounds)} and more"]
    whole = found.through.sum() or np.nan
    return pd.DataFrame(
        {"round": labels, "value": value, "percent": 100 * value / whole}
    )


def _extraction(
    found: ChainYear, sides: BuyerAndSupplier, cuts: Sequence[float]
) -> pd.DataFrame:
    """The account lost where the supplier delivers less, per cent of final sales'."""
    names = sides.borders.names
    base = found.demand or np.nan
    return pd.DataFrame(
        {
            "cut": np.asarray(cuts, float),
            "first_order": np.asarray(cuts, float) * found.at_once / base,
            "lost": 100 * found.lost.sum(axis=1) / base,
            "lost_by_buyer": 100 * found.lost[:, names.index(sides.buyer)] / base,
            "lost_by_supplier": 100 * found.lost[:, names.index(sides.supplier)] / base,
        }
    )


def _pairs(found: ChainYear, names: list[str]) -> pd.DataFrame:
    """Look-through exposures of all buyers (rows) to all suppliers, in per cent."""
    flows = np.asarray(found.pairs)[: len(names), : len(names)]
    whole = flows.sum(axis=1, keepdims=True)
    return pd.DataFrame(100 * flows / np.where(whole == 0, np.nan, whole), names, names)


def _size(tables: WorldTables, sides: BuyerAndSupplier, year: int) -> pd.Series:
    """Output by perimeter."""
    k = tables.years.index(year)
    output = tables.output(slice(k, k + 1))[0].reshape(len(tables.regions), -1)
    names = sides.borders.names
    return pd.Series((output.sum(axis=1) @ sides.borders.member)[: len(names)], names)
