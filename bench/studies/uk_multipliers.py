"""Multipliers of 127 British products that ONS printed, beside those of tivax.

The tables of 2010 (Office for National Statistics, UK input-output analytical tables,
detailed, 2010; as data of the R package iotables) are national: home uses and imports
by product. The rest of the world takes its exports and closes the account, of any size.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

import tivax as tx

from .printed_terms import read_r

_HOME = "Input-Output table (domestic use, basic prices, product by product)"
_IMPORTS = "Imports use table at basic prices (product by product)"
_EXPORTS = ["Exports of goods", "Exports of services"]
_PAY = "Compensation of employees"
_ADDED = [_PAY, "Gross Operating Surplus", "Taxes less subsidies on production"]
_PRINTED = {
    "Output multiplier": ("value added", "MULT_OUTPUT_HOME"),
    "GVA effects": ("value added", "MULT_VA_HOME"),
    "GVA multiplier": ("value added", "MULT_VA_TYPE1"),
    "Employment cost effects": ("pay", "MULT_VA_HOME"),
    "Employment cost multiplier": ("pay", "MULT_VA_TYPE1"),
}
"""Columns of theirs: the account and the indicator."""


def uk_multipliers(data: Path) -> pd.DataFrame:
    """Cells of ``data``, the folder of uk_2010_data.rda and uk_test_results.rda.

    They print 0 where a product pays nobody and has no multiplier of pay.
    """
    (given,) = read_r(data / "uk_2010_data.rda").values()
    (printed,) = read_r(data / "uk_test_results.rda").values()
    kinds = given["indicator"].str.strip()
    home, imports = (
        given[kinds == kind].pivot(index="uk_row", columns="uk_col", values="values")
        for kind in (_HOME, _IMPORTS)
    )
    products = given.loc[kinds == _HOME, "uk_row"].unique()[: len(printed)].tolist()
    tables = uk_tables(home, imports, products)
    labels = tables.years, tables.regions, tables.sectors
    place = dict(zip(("year", "region", "sector"), map(list, labels), strict=True))
    pay = np.stack([home.loc[_PAY, products], np.zeros(len(products))])
    account = xr.DataArray(pay[None], place, tuple(place), name="pay")
    accounts = {"value added": "basic", "pay": account}
    own = {
        name: tx.indicators(tables, "multipliers", "sector", value_added=of).data
        for name, of in accounts.items()
    }
    found = [
        own[account][name].sel(region="GBR").values[0]
        for account, name in _PRINTED.values()
    ]
    value = printed[list(_PRINTED)].to_numpy(float).T.ravel()
    cells = pd.DataFrame({"value": value, "found": np.concatenate(found), "half": 0.0})
    return cells.fillna({"found": 0.0})


def uk_tables(
    home: pd.DataFrame, imports: pd.DataFrame, products: list[str]
) -> tx.WorldTables:
    """The United Kingdom and the rest of the world, from its national tables."""
    after = home.columns.difference([*products, *_EXPORTS])
    final = [k for k in after if not k.startswith("Total")]
    users = [*products, *final]
    exports = home.loc[products, _EXPORTS].sum(axis=1)
    bought = imports.loc[products, users].sum(axis=1)
    added = home.loc[_ADDED, products].sum().to_frame("value added").T
    uses = [
        _long(home.loc[products, users], "home"),
        _long(imports.loc[products, users], "imported"),
        _long(exports.to_frame("exports"), "home"),
        _long(added, "home"),
    ]
    trade = [
        pd.DataFrame({"seller": seller, "buyer": buyer, "value": value})
        for seller, buyer, value in (
            ("GBR", "ROW", exports),
            ("ROW", "GBR", bought),
        )
    ]
    world = 20 * (home.loc["Total output", products] + bought)
    totals = pd.DataFrame({"product": products, "value": world.to_numpy()})
    recipe = {
        "years": [2010],
        "unit": "million GBP",
        "countries": ["GBR"],
        "sectors": products,
        "final": final,
        "uses": {"file": pd.concat(uses)},
        "trade": [{"file": pd.concat(trade).rename_axis("product").reset_index()}],
        "totals": {"file": totals.assign(country="ROW", year=2010, total="output")},
        "rest": {"inventories": "Changes in inventories"},
    }
    return tx.from_national(recipe)


def _long(wide: pd.DataFrame, origin: str) -> pd.DataFrame:
    """A row for each product and user."""
    long = wide.rename_axis("product").reset_index().melt("product", var_name="user")
    return long.assign(origin=origin)
