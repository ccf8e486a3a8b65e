"""An economy from a year of world tables, elasticities and tariffs from csv files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from ..core import TivaxError, naming, read_labelled, source_in_words
from ..sources import find_sector, find_sectors
from ..tables import (
    WorldShape,
    WorldTable,
    WorldTables,
    find_region,
    parse_year,
    require_tables,
    synthetic_world,
)

EVERY = "*"
"""In a file of elasticities, tariffs or trade costs: all labels not named before."""
_PLACES = ("importer", "exporter", "sector")
MOST_TARIFF = 3.0
"""New rates above it are taken for per cent written as whole numbers."""


def require_rates(
    where: str, new: Float[np.ndarray, "..."], old: Float[np.ndarray, "..."] | float
) -> None:
    """``TivaxError`` for a new tariff above ``MOST_TARIFF`` that is not an old one."""
    high = np.asarray(new)[(new > MOST_TARIFF * (1 + 1e-9)) & (new > old)]
    if high.size:
        rate = high[0]
        raise TivaxError(
            f"{where} is {rate:g}, which is {100 * rate:,.0f} per cent: write "
            f"{rate / 100:g} for {rate:g} per cent; rates up to {MOST_TARIFF:g} are "
            "taken"
        )


def accounts_of_tables(
    tables: WorldTables,
    year: int,
    elasticities: str | Path | pd.DataFrame,
    tariffs: str | Path | pd.DataFrame | None = None,
) -> dict[str, Any]:
    """Fields of an ``Economy`` from one year of tables."""
    require_tables(tables)
    table = tables.table(parse_year(year))
    regions, sectors = tuple(tables.regions), tuple(tables.sectors)
    r, s = len(regions), len(sectors)
    theta, theta_se = _read_elasticities(elasticities, sectors, tables.source)
    old, new = np.zeros((r, r, s)), np.zeros((r, r, s))
    if tariffs is not None:
        columns = ("tariff", "tariff_new")
        given = tariffs, "tariffs", columns, regions, sectors, 0.0
        old, new = read_cells(*given, database=tables.source)
    Z, Y = positive_accounts(table)
    flows = Z.reshape(r, s, r, s)
    finals = Y.reshape(r, s, r)
    paid = np.moveaxis(1 + old, 0, 2)  # [exporter, sector, importer]
    trade = np.transpose(flows.sum(axis=3) + finals, (2, 0, 1))
    inputs = np.einsum("ijnk,ijn->njk", flows, paid)
    output = trade.sum(axis=0)
    return dict(
        regions=regions,
        sectors=sectors,
        trade=trade,
        tariff=old,
        tariff_new=new,
        intermediate=inputs,
        final=(finals * paid).sum(axis=0).T,
        value_added=output - inputs.sum(axis=1),
        deficit=trade.sum(axis=(1, 2)) - trade.sum(axis=(0, 2)),
        theta=theta,
        name=f"{source_in_words(tables.source) or 'tables'}, {table.year}",
        source=tables.source,
        theta_se=theta_se,
        tables=tables,
        year=table.year,
    )


def positive_accounts(
    table: WorldTable,
) -> tuple[Float[np.ndarray, "n n"], Float[np.ndarray, "n c"]]:
    """Z and Y (categories added up) without negative cells, balanced again."""
    Z, Y = np.asarray(table.Z), np.asarray(table.Y)
    if Y.ndim == 3:
        Y = Y.sum(axis=2)
    x = np.asarray(table.x)
    sales = Z.sum(axis=1) + Y.sum(axis=1)
    if Z.min() >= 0 and Y.min() >= 0 and np.allclose(sales, x, rtol=1e-9, atol=0):
        return Z, Y
    per_unit = np.where(x > 0, 1 / np.where(x > 0, x, 1), 0)
    A = np.maximum(Z, 0) * per_unit[None, :]
    Y = np.maximum(Y, 0)
    output = np.linalg.solve(np.eye(len(x)) - A, Y.sum(axis=1))
    return A * output[None, :], Y


def _read_elasticities(
    source: str | Path | pd.DataFrame, sectors: Sequence[str], database: str
) -> tuple[np.ndarray, np.ndarray | None]:
    """theta by sector, a code or words of its title, and its standard errors where
    there is a column se."""
    where, frame = read_numbers(
        source, "elasticities", ("sector",), ("theta",), ("se",)
    )
    with naming(where):
        codes = [
            k if k == EVERY else find_sector(k, sectors, database)
            for k in frame["sector"]
        ]
    if twice := next((k for k in codes if codes.count(k) > 1), None):
        raise TivaxError(f"{where}: sector {twice} is duplicated")
    values = frame.set_axis(codes)
    missing = [k for k in sectors if k not in values.index]
    if missing and EVERY not in values.index:
        raise TivaxError(
            f"{where}: no theta of {missing[0]}; add it, or a row {EVERY} for the rest"
        )
    values = values.loc[[EVERY if k in missing else k for k in sectors]]
    theta = values["theta"].to_numpy(float)
    if (theta <= 0).any():
        sector = sectors[int(np.argmax(theta <= 0))]
        raise TivaxError(f"{where}: theta of {sector} must be positive")
    if "se" not in values:
        return theta, None
    se = values["se"].to_numpy(float)
    if (se < 0).any():
        sector = sectors[int(np.argmax(se < 0))]
        raise TivaxError(f"{where}: se of {sector} must not be negative")
    return theta, se


def read_cells(
    source: str | Path | pd.DataFrame,
    what: str,
    columns: Sequence[str],
    regions: Sequence[str],
    sectors: Sequence[str],
    default: float,
    *,
    database: str,
) -> list[np.ndarray]:
    """Arrays (importer, exporter, sector) from rows of a file, whose regions may be
    names of countries, and its sectors words of titles, or ``goods``; home cells keep
    the default."""
    where, frame = read_numbers(source, what, _PLACES, columns)
    labels = {"importer": regions, "exporter": regions, "sector": sectors}
    positions = {}
    for place, known in labels.items():
        numbers: dict[str, Any] = {name: k for k, name in enumerate(known)}
        numbers[EVERY] = slice(None)
        for name in frame[place].unique():
            if place == "sector" and name not in numbers:
                with naming(where):
                    found = find_sectors(name, known, database)
                numbers[name] = [known.index(k) for k in found]
            elif name not in numbers:
                with naming(where):
                    numbers[name] = known.index(find_region(name, known))
        positions[place] = [numbers[k] for k in frame[place]]
    shape = (len(regions), len(regions), len(sectors))
    arrays = [np.full(shape, default) for _ in columns]
    places = zip(*(positions[k] for k in _PLACES), strict=True)
    values = frame[list(columns)].to_numpy(float)
    if "tariff_new" in columns:
        require_rates(f"{where}: tariff_new", values[:, 1], values[:, 0])
    for line, cell in zip(values, places, strict=True):
        for array, value in zip(arrays, line, strict=True):
            array[cell] = value
    home = np.arange(len(regions))
    for array in arrays:
        array[home, home] = default
    return arrays


def read_numbers(
    source: str | Path | pd.DataFrame,
    what: str,
    labels: Sequence[str],
    numbers: Sequence[str],
    optional: Sequence[str] = (),
) -> tuple[str, pd.DataFrame]:
    """A file's name for messages, and its columns checked."""
    where, frame = read_labelled(source, what, labels, numbers)
    for name in (*numbers, *(k for k in optional if k in frame)):
        values = pd.to_numeric(frame[name], errors="coerce").astype(float)
        bad = np.flatnonzero(~np.isfinite(values.to_numpy()))
        if bad.size:
            given = frame[name].iloc[bad[0]]
            raise TivaxError(
                f"{where}: {name} in row {bad[0] + 1} is {given}, not a number"
            )
        frame[name] = values
    return where, frame


def synthetic_accounts(regions: int, sectors: int, seed: int) -> dict[str, Any]:
    """Fields of an ``Economy`` of any size with tariffs that are to be halved."""
    shape = WorldShape(regions=regions, sectors=sectors, years=1)
    world = synthetic_world(shape, seed)
    rng = np.random.default_rng(seed)
    goods = world.sectors[: max(1, sectors // 3 + 1)]
    places = pd.MultiIndex.from_product([world.regions, world.regions, goods])
    tariffs = places.to_frame(index=False, name=list(_PLACES))
    tariffs["tariff"] = rng.uniform(0, 0.2, len(tariffs))
    tariffs["tariff_new"] = tariffs["tariff"] / 2
    thetas = pd.DataFrame(
        {"sector": world.sectors, "theta": rng.uniform(2, 12, sectors)}
    )
    return accounts_of_tables(world, world.years[0], thetas, tariffs)
