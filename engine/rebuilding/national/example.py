"""A recipe with its files, from a synthetic world whose truth is known."""

from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd

from ...core import (
    TivaxError,
    partial_folder,
    replace_folder,
    require_writable,
    write_csv,
    write_text,
)
from ...tables import WorldShape, WorldTables, synthetic_world

_SHAPE, _SEED = WorldShape(regions=4, sectors=6, years=2), 3
# Of these products and industries the first country knows two kinds each, in shares.
_KINDS = {"S01": ("01a", "01b"), "S04": ("04a", "04b")}
_SHARES = (0.6, 0.4)
_GOODS = ("S01", "S02", "S03")


def write_national_example(folder: Path) -> Path:
    """Write recipe.toml and the files it names into a new folder; the recipe's path.

    Raises ``TivaxError`` where the folder is there.
    """
    if folder.exists():
        raise TivaxError(f"{folder}: exists already; choose another name")
    require_writable(folder)
    recipe = files(__package__ or "").joinpath("example_recipe.toml")
    world = synthetic_world(_SHAPE, seed=_SEED)
    flows, industries = _flows(world), _industries(world)
    with partial_folder(folder) as part:
        for name in ("uses", "concordances"):
            (part / name).mkdir()
        for k, country in enumerate(world.regions[:-1]):
            frame = _uses(flows, industries, country)
            if k == 0:
                frame = _own_labels(frame)
                write_csv(_concordance(world), part / f"concordances/{country}.csv")
            if k == 1:
                frame["value"] *= 1000
            write_csv(frame, part / f"uses/{country}.csv")
        write_csv(_trade(world, flows), part / "trade.csv")
        totals = _totals(industries, world.regions[-1])
        write_csv(totals, part / "totals.csv")
        write_csv(flows, part / "truth.csv")
        write_text(part / "recipe.toml", recipe.read_text("utf-8"))
        replace_folder(part, folder)
    return folder / "recipe.toml"


def _flows(world: WorldTables) -> pd.DataFrame:
    """All flows, in the columns of `tivax import long`."""
    users = (*world.sectors, *world.categories)
    parts = []
    for t, year in enumerate(world.years):
        c, s = len(world.regions), len(world.sectors)
        Z = world.Z[t].reshape(c, s, c, s)
        cells = np.concatenate([Z, world.Y[t].reshape(c, s, c, -1)], 3)
        labels = pd.MultiIndex.from_product(
            [[year], world.regions, world.sectors, world.regions, users],
            names=["year", "region", "sector", "user_region", "user_sector"],
        )
        parts.append(pd.Series(cells.ravel(), labels, name="value").reset_index())
    return pd.concat(parts, ignore_index=True)


def _industries(world: WorldTables) -> pd.DataFrame:
    """Output and value added of all industries."""
    labels = pd.MultiIndex.from_product(
        [world.years, world.regions, world.sectors], names=["year", "region", "sector"]
    )
    values = {"output": world.x, "value added": world.value_added}
    return pd.DataFrame(
        {k: np.ravel(v) for k, v in values.items()}, labels
    ).reset_index()


def _uses(flows: pd.DataFrame, industries: pd.DataFrame, country: str) -> pd.DataFrame:
    """The national table of a country."""
    sold, bought = flows["region"] == country, flows["user_region"] == country
    of_row = ["year", "product", "user"]
    named = flows.rename(columns={"sector": "product", "user_sector": "user"})
    parts = {
        "home": named[sold & bought],
        "imported": named[~sold & bought],
        "exports": named[sold & ~bought].assign(user="exports"),
        "output": named[sold].assign(user="output"),
    }
    rows = [
        part.groupby(of_row, sort=False, as_index=False)["value"]
        .sum()
        .assign(origin="imported" if what == "imported" else "home")
        for what, part in parts.items()
    ]
    added = industries[industries["region"] == country].rename(
        columns={"sector": "user", "value added": "value"}
    )
    rows.append(added.assign(product="value added", origin="home"))
    return pd.concat(rows)[["year", "origin", "product", "user", "value"]]


def _own_labels(frame: pd.DataFrame) -> pd.DataFrame:
    """Products and industries of the first country's own classification."""
    for column in ("product", "user"):
        parts = [frame[~frame[column].isin(_KINDS)]]
        for code, kinds in _KINDS.items():
            for kind, share in zip(kinds, _SHARES, strict=True):
                part = frame[frame[column] == code]
                value = part["value"] * share
                parts.append(part.assign(**{column: kind, "value": value}))
        frame = pd.concat(parts)
    return frame.rename(columns={"product": "code", "user": "branch"})


def _concordance(world: WorldTables) -> pd.DataFrame:
    rows = [
        (kind, code) for code in world.sectors for kind in _KINDS.get(code, (code,))
    ]
    return pd.DataFrame(rows, columns=["from", "to"])


def _trade(world: WorldTables, flows: pd.DataFrame) -> pd.DataFrame:
    """Trade of the countries in goods and services, inputs and final uses."""
    rest = world.regions[-1]
    abroad = flows["region"] != flows["user_region"]
    own = abroad & (flows["region"] != rest) & (flows["user_region"] != rest)
    goods = flows["sector"].isin(_GOODS)
    final = flows["user_sector"].isin(world.categories)
    named = flows.rename(columns={"region": "seller", "user_region": "buyer"}).assign(
        product=np.where(goods, "goods", "services"),
        use=np.where(final, "final", "intermediate"),
    )
    keys = ["year", "seller", "buyer", "product", "use"]
    return named[own].groupby(keys)["value"].sum().reset_index()


def _totals(industries: pd.DataFrame, rest: str) -> pd.DataFrame:
    """Output and value added of the rest of the world."""
    own = industries[industries["region"] == rest].rename(
        columns={"region": "country", "sector": "product"}
    )
    frame = own.melt(["country", "year", "product"], var_name="total")
    return frame[["country", "year", "total", "product", "value"]]
