"""Terms of exports that papers and other programs print, beside those of tivax.

Frames have the columns ``value`` (printed), ``found`` and ``half``, half a unit of the
last printed digit.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

import tivax as tx


def appendix_table(path: Path, rows: list[int]) -> tx.WorldTables:
    """A table of an appendix with the region of each row; sectors are padded."""
    frame = pd.read_csv(path, comment="#", index_col=0)
    regions = [str(k).removeprefix("Y_") for k in frame.filter(like="Y_")]
    s = max(rows.count(k) for k in rows)
    at = [s * k + rows[:n].count(k) for n, k in enumerate(rows)]
    n = s * len(regions)
    Z, Y, x = np.zeros((n, n)), np.zeros((n, len(regions))), np.zeros(n)
    Z[np.ix_(at, at)] = frame.drop(columns=[*frame.filter(like="Y_"), "x"])
    Y[at], x[at] = frame.filter(like="Y_"), frame["x"]
    sectors = [f"S{k}" for k in range(s)]
    return tx.WorldTables(Z[None], Y[None], x[None], regions, sectors, [2000])


# The appendix writes two countries, so that its v3 and v4 return home.
_NINE = "DVA_FIN DVA_INT RDV_FIN RDV_INT DDC FVA_FIN FVA_INT FDC".split()
_KWW = {f"v{k}": name for k, name in enumerate(_NINE, start=1)}
_SUMS = {
    "VT_value_added_exports": ("v1", "v2"),
    "DV_domestic_value_added": ("v1", "v2", "v3", "v4"),
    "FV_foreign_value_added": ("v6", "v7"),
    "DC_domestic_content": ("v1", "v2", "v3", "v4", "v5"),
    "DDC_double_counted_home": ("v5",),
    "FDC_double_counted_foreign": ("v8",),
    "VS": ("v6", "v7", "v8"),
    "VS1star_KWW": ("v3", "v4", "v5"),
    "VS1star_Daudin": ("v3",),
}


def koopman_wang_wei(truth: Path) -> pd.DataFrame:
    """Cells of the first example of appendix C and of appendix D."""
    folder, rows = truth / "kww2014_appendix", []
    found = _two_countries(appendix_table(folder / "ex1_in.csv", [0, 1]))
    printed = pd.read_csv(folder / "ex1_expected.csv", keep_default_na=False)
    for k in printed.to_dict(orient="records"):
        own = found[k["quantity"], k["row"], k["col"]]
        rows.append((k["value"], own, k["rounding"]))
    found = _two_countries(appendix_table(folder / "appD_in.csv", [0, 0, 0, 1, 1]))
    printed = pd.read_csv(folder / "appD_expected.csv", dtype=str)
    for k in printed.to_dict(orient="records"):
        for region, text in (("C1", k["E12"]), ("C2", k["E21"])):
            half = 0.5 * 10.0 ** -len(text.partition(".")[2])
            rows.append((float(text), found[k["term"], region, ""], half))
    return pd.DataFrame(rows, columns=["value", "found", "half"])


def _two_countries(tables: tx.WorldTables) -> dict[tuple[str, str, str], float]:
    """Numbers of the appendix by name, country and, of a pair, the other."""
    nine = tx.decompose(tables, "kww", "country").data.isel(year=0)
    trade = tx.value_added_trade(tables, by="region").data.isel(year=0)
    absorbed = tx.value_added_trade(tables)["va_absorbed"].isel(year=0).sum("sector")
    sold = _output_by_absorber(tables)
    found = {}
    for region in tables.regions:
        own = {k: float(nine[name].sel(exporter=region)) for k, name in _KWW.items()}
        own |= {name: sum(own[k] for k in parts) for name, parts in _SUMS.items()}
        gross = float(trade["gross_exports"].sel(region=region))
        own |= {"E": gross, "E_gross": gross}
        own["VAX_ratio"] = float(trade["vax_ratio"].sel(region=region))
        own["DV_share"] = own["DV_domestic_value_added"] / gross
        own["DC_share"] = own["DC_domestic_content"] / gross
        found |= {(name, region, ""): value for name, value in own.items()}
        for partner in tables.regions:
            pair = absorbed.sel(origin=region, absorber=partner)
            found["VBY", region, partner] = float(pair)
            found["BY", region, partner] = sold[region, partner]
    return found


def _output_by_absorber(tables: tx.WorldTables) -> dict[tuple[str, str], float]:
    A = tables.Z[0] / np.where(tables.x[0] > 0, tables.x[0], 1)
    demand = tables.Y[0].reshape(len(A), -1)
    BY = np.linalg.solve(np.eye(len(A)) - A, demand)
    s = len(tables.sectors)
    return {
        (r, p): float(BY[s * i : s * (i + 1), j].sum())
        for i, r in enumerate(tables.regions)
        for j, p in enumerate(tables.regions)
    }


def wang_wei_zhu(truth: Path) -> pd.DataFrame:
    """Sixteen terms of their toy table by exporter, sector and importer."""
    own = tx.decompose(toy_table(truth), "wwz").data
    return _terms(own, truth / "wwz_toy" / "out_wwz_decompr.csv")


def toy_table(truth: Path) -> tx.WorldTables:
    """Three countries of two sectors, with structural zeros."""
    file = truth / "wwz_toy" / "in.csv"
    given = pd.read_csv(file, comment="#", index_col=0).to_numpy(float)
    Z, Y, x = given[None, :, :6], given[None, :, 6:9], given[None, :, 9]
    return tx.WorldTables(Z, Y, x, ["rrr", "sss", "ttt"], ["1", "2"], [2000])


def borin_mancini(truth: Path) -> pd.DataFrame:
    """Exporter's and world perspective as R icio prints them."""
    folder = truth / "decompr_leather"
    labels = ["Argentina", "Turkey", "Germany"]
    Z, Y = (pd.read_csv(folder / f"in_{k}.csv", index_col=0).to_numpy() for k in "ZY")
    x = pd.read_csv(folder / "in_x_v.csv")["x"].to_numpy()
    sectors = ["Agriculture", "Textile_and_Leather", "Transport_Equipment"]
    tables = tx.WorldTables(Z[None], Y[None], x[None], labels, sectors, [2000])
    parts = []
    for file, found in {
        "bm_country_exporter": tx.decompose(tables, "bm-source", "country"),
        "bm_sector_exporter": tx.decompose(tables, "bm-source", "sector"),
        "bm_bilateral_exporter": tx.decompose(tables, "bm-source", "bilateral-sector"),
        "bm_country_world_sink": tx.decompose(tables, "bm-world", "country"),
    }.items():
        own = found.data.isel(year=0)
        path = folder / f"pub_icio100_{file}.csv"
        frame = pd.read_csv(path, dtype=str, comment="#")
        frame = frame.rename(columns={"country": "exporter"})
        keys = [k for k in ("exporter", "sector", "importer") if k in frame]
        for row in frame.to_dict(orient="records"):
            place = own.sel({k: row[k] for k in keys})
            for term in (k for k in frame if k in own.data_vars):
                half = 0.5 * 10.0 ** -len(row[term].partition(".")[2])
                parts.append((float(row[term]), float(place[term]), half))
    return pd.DataFrame(parts, columns=["value", "found", "half"])


def _terms(own: xr.Dataset, path: Path) -> pd.DataFrame:
    frame = pd.read_csv(path, comment="#")
    names = [str(k) for k in own.data_vars if k in frame]
    value = np.concatenate([frame[k].to_numpy(float) for k in names])
    found = np.concatenate([own[k].values[0].ravel() for k in names])
    return pd.DataFrame({"value": value, "found": found, "half": 0.0})
