"""Every public function with arguments of a wrong kind; what comes of it, as JSON.

A program of its own: under pytest types are checked on the way in, a user's are not.
"""

import json
import logging
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

import tivax.engine as tx

from helpers import random_panel

ARRAY = np.ones((2, 6))
# Nothing that a function could take for tables, a list, a path, a number or a dict.
WRONG = {"None": None, "int": 3, "array": ARRAY, "frame": pd.DataFrame({"a": [1.0]})}
LETTERS = {"text": "R01", "None": None, "int": 3, "ints": [3]}
GROUPS = {"list": ["R01"], "text": "EU27", "member": {"A": None}, "word": {"A": "R01"}}
VALUES = {**WRONG, "list": [1, 2], "word": "gross", "bare": xr.DataArray(ARRAY)}
MEASURES = (
    "value_added_trade",
    "value_added_absorbed",
    "trade_benefit_index",
    "exported_value_added",
    "value_added_exports",
    "indicators",
    "value_added_in_final_demand",
    "value_added_by_product",
)


def arrays() -> dict[str, Any]:
    """Of two years, three regions and two sectors, sound."""
    Z, Y = np.ones((2, 6, 6)), np.ones((2, 6, 3)) * 3
    x = Z.sum(axis=2) + Y.sum(axis=2)
    regions, sectors = ["R01", "R02", "R03"], ["S1", "S2"]
    labels = {"regions": regions, "sectors": sectors, "years": [2000, 2001]}
    return {"Z": Z, "Y": Y, "x": x, **labels}


Case = tuple[str, Callable[[], Any]]


def calls(name: str, bad: dict[str, Any], call: Callable[[Any], Any]) -> Iterator[Case]:
    for kind, value in bad.items():
        yield f"{name} {kind}", lambda value=value: call(value)


def of_tables(folder: Path) -> Iterator[Case]:
    tables = tx.WorldTables(**arrays())
    for name in MEASURES:
        f = getattr(tx, name)
        yield from calls(f"{name} tables", {**WRONG, "text": "store"}, f)
        yield from calls(
            f"{name} value_added", VALUES, lambda v, f=f: f(tables, value_added=v)
        )
    for name in ("trade_benefit_index", "value_added_exports"):
        f = getattr(tx, name)
        yield from calls(f"{name} drop", LETTERS, lambda v, f=f: f(tables, drop=v))
        yield from calls(f"{name} groups", GROUPS, lambda v, f=f: f(tables, groups=v))
        other = {"Dataset": xr.Dataset({"a": 1}), "DataArray": xr.DataArray([1.0])}
        yield from calls(f"{name} computed", other, f)
    yield from calls(
        "indicators names", {"ints": [3]}, lambda v: tx.indicators(tables, v)
    )
    yield from calls("indicators level", WRONG, lambda v: tx.indicators(tables, (), v))
    yield from calls(
        "indicators groups", GROUPS, lambda v: tx.indicators(tables, groups=v)
    )
    yield from calls("decompose tables", WRONG, lambda v: tx.decompose(v, "wwz"))
    yield from calls("decompose method", WRONG, lambda v: tx.decompose(tables, v))
    yield from calls("decompose level", WRONG, lambda v: tx.decompose(tables, "wwz", v))
    yield from calls(
        "decompose groups", GROUPS, lambda v: tx.decompose(tables, "wwz", groups=v)
    )
    yield from calls(
        "decompose value_added",
        VALUES,
        lambda v: tx.decompose(tables, "wwz", value_added=v),
    )
    exported = tx.value_added_in_exports
    yield from calls("value_added_in_exports", WRONG, lambda v: exported(v, "R01"))
    yield from calls(
        "value_added_in_exports exporter", WRONG, lambda v: exported(tables, v)
    )
    for name in ("via", "keep"):
        yield from calls(
            f"value_added_in_exports {name}",
            LETTERS,
            lambda v, name=name: exported(tables, "R01", **{name: v}),
        )
    demand = tx.value_added_in_final_demand
    yield from calls(
        "value_added_in_final_demand categories",
        {"text": "FD", "ints": [3]},
        lambda v: demand(tables, categories=v),
    )
    yield from calls(
        "value_added_by_product of",
        WRONG,
        lambda v: tx.value_added_by_product(tables, v),
    )
    yield from calls(
        "each_group groups", GROUPS, lambda v: tx.each_group(lambda g: xr.Dataset(), v)
    )
    yield from calls(
        "each_group compute", WRONG, lambda v: tx.each_group(v, {"A": ["R01"]})
    )
    account = xr.DataArray(
        ARRAY.reshape(2, 3, 2),
        {"year": [2000, 2001], "region": ["R01", "R02", "R03"], "sector": ["S1", "S2"]},
    )
    yield from calls("footprints tables", WRONG, lambda v: tx.footprints(v, account))
    yield from calls("footprints account", WRONG, lambda v: tx.footprints(tables, v))
    yield from calls(
        "footprints direct",
        {"int": 3, "array": ARRAY},
        lambda v: tx.footprints(tables, account, v),
    )
    for name in ("check_tables", "net_of_inventories", "aggregate", "stack_years"):
        yield from calls(name, WRONG, getattr(tx, name))
    yield from calls(
        "net_of_inventories categories",
        {"int": 3, "ints": [3]},
        lambda v: tx.net_of_inventories(tables, v),
    )
    for name in ("regions", "sectors"):
        yield from calls(
            f"aggregate {name}",
            {"list": ["A"], "values": {"R01": [1]}},
            lambda v, name=name: tx.aggregate(tables, **{name: v}),
        )
    yield from calls(
        "compare_aggregation", WRONG, lambda v: tx.compare_aggregation(tables, v)
    )
    yield from calls(
        "save_store tables", WRONG, lambda v: tx.save_store(v, folder / "a")
    )
    yield from calls("save_store path", WRONG, lambda v: tx.save_store(tables, v))
    yield from calls("open_store path", WRONG, tx.open_store)
    store = folder / "store"
    tx.save_store(tables, store)
    years = {"year": 2000, "texts": ("2000", "2001"), "Nones": (None, None)}
    yield from calls("open_store years", years, lambda v: tx.open_store(store, years=v))
    yield from calls(
        "import_tables years",
        years,
        lambda v: tx.import_tables("wiod2013", [folder], folder / "b", years=v),
    )
    yield from calls(
        "import_tables paths",
        {"text": "folder", **WRONG},
        lambda v: tx.import_tables("wiod2013", v, folder / "b"),
    )
    yield from calls(
        "import_tables store",
        WRONG,
        lambda v: tx.import_tables("wiod2013", [folder], v),
    )
    yield from calls(
        "import_tables source", WRONG, lambda v: tx.import_tables(v, [folder], store)
    )


def of_labels() -> Iterator[Case]:
    regions = ["R01", "R02"]
    wrong = {
        "Z": {
            "ragged": [[1, 2], [3]],
            "None": None,
            "text": "a",
            "complex": 1j * ARRAY,
        },
        "x": {"None": None, "words": [["a"]]},
        "value_added": {"list": [1, 2], "text": "basic"},
        "regions": {"set": {"R01", "R02", "R03"}, "None": None, "text": "abc"},
        "years": {"words": ["a", "b"], "halves": [2000.5, 2001], "None": None},
        "parents": {"list": ["R01"], "None": None},
        "tolerance": {"number": 3},
    }
    for name, bad in wrong.items():
        yield from calls(
            f"WorldTables {name}",
            bad,
            lambda v, name=name: tx.WorldTables(**{**arrays(), name: v}),
        )
    yield from calls("Tolerance", {"text": "a", "None": None}, tx.Tolerance)
    yield from calls(
        "WorldShape", {"text": "3", "None": None, "half": 2.5}, tx.WorldShape
    )
    yield from calls("synthetic_world shape", {"int": 3}, tx.synthetic_world)
    yield from calls(
        "synthetic_world seed",
        {"text": "a", "half": 0.5, "None": None},
        lambda v: tx.synthetic_world(tx.WorldShape(3, 2, 1), v),
    )
    yield from calls(
        "from_frames", {"None": None, "array": ARRAY}, lambda v: tx.from_frames(v, v, v)
    )
    yield from calls("from_pymrio", WRONG, lambda v: tx.from_pymrio(v, 2000))
    yield from calls("group_members", WRONG, lambda v: tx.group_members(v, regions))
    yield from calls(
        "group_members regions", LETTERS, lambda v: tx.group_members("EU27", v)
    )
    for name in (
        "read_satellite",
        "read_satellites",
        "read_final_satellites",
        "read_concordance",
        "read_data_files",
    ):
        yield from calls(name, WRONG, getattr(tx, name))
    for name in ("build_panel", "replicate"):
        yield from calls(name, {**WRONG, "text": "raw"}, getattr(tx, name))


def of_panels() -> Iterator[Case]:
    panel = random_panel(countries=5, years=4)
    model, scheme = tx.Model("m", "KOFGIdj", ("TBI",)), tx.Scheme("pairs")
    frames = {"dict": {}, "None": None, "text": "panel.csv", "array": ARRAY}
    names = {"text": "TBI", "None": None, "ints": [1], "set": {"TBI"}}
    one = {"list": ["KOFGIdj"], "None": None, "int": 3}
    ols, iv = tx.fixed_effects, tx.two_stage
    yield from calls("fixed_effects data", frames, lambda v: ols(v, "y", ["x"]))
    yield from calls("fixed_effects outcome", one, lambda v: ols(panel, v, ["TBI"]))
    yield from calls(
        "fixed_effects regressors",
        {**names, "none": []},
        lambda v: ols(panel, "KOFGIdj", v),
    )
    for name in ("entity", "time", "convention"):
        yield from calls(
            f"fixed_effects {name}",
            one,
            lambda v, name=name: ols(panel, "KOFGIdj", ["TBI"], **{name: v}),
        )
    yield from calls(
        "fixed_effects clusters",
        {"list": ["iso3"], "int": 3},
        lambda v: ols(panel, "KOFGIdj", ["TBI"], clusters=v),
    )
    yield from calls("two_stage data", frames, lambda v: iv(v, "y", "x", ["z"], []))
    yield from calls(
        "two_stage endogenous", one, lambda v: iv(panel, "KOFGIdj", v, ["lnPOP"], [])
    )
    yield from calls(
        "two_stage instruments", names, lambda v: iv(panel, "KOFGIdj", "TBI", v, [])
    )
    yield from calls(
        "two_stage controls",
        names,
        lambda v: iv(panel, "KOFGIdj", "TBI", ["lnPOP"], v),
    )
    for name in ("driscoll_kraay", "two_way_clusters"):
        f = getattr(tx, name)
        yield from calls(f"{name} data", frames, lambda v, f=f: f(v, "y", ["x"]))
        yield from calls(
            f"{name} regressors", names, lambda v, f=f: f(panel, "KOFGIdj", v)
        )
    yield from calls(
        "driscoll_kraay lags",
        {"text": "2", "half": 1.5, "below": -1},
        lambda v: tx.driscoll_kraay(panel, "KOFGIdj", ["TBI"], lags=v),
    )
    for name in ("weak_instrument_tests", "anderson_rubin_set", "simulate"):
        yield from calls(name, {**WRONG, "text": "panel.csv"}, getattr(tx, name))
    yield from calls("read_study", WRONG, tx.read_study)
    yield from calls("Model outcome", one, lambda v: tx.Model("m", v, ("x",)))
    yield from calls("Model name", {"int": 3}, lambda v: tx.Model(v, "y", ("x",)))
    yield from calls(
        "Model treatments", {**names, "none": ()}, lambda v: tx.Model("m", "y", v)
    )
    for name in ("controls", "instruments", "effects"):
        yield from calls(
            f"Model {name}",
            names,
            lambda v, name=name: tx.Model("m", "y", ("x",), **{name: v}),
        )
    resample = tx.resample
    yield from calls("resample panel", frames, lambda v: resample(v, model, scheme))
    yield from calls("resample model", WRONG, lambda v: resample(panel, v, scheme))
    yield from calls("resample scheme", WRONG, lambda v: resample(panel, model, v))
    yield from calls(
        "resample draws",
        {"text": "9", "half": 9.5, "none": 0, "None": None},
        lambda v: resample(panel, model, scheme, draws=v),
    )
    yield from calls(
        "resample seed",
        {"text": "9", "below": -1, "None": None},
        lambda v: resample(panel, model, scheme, seed=v),
    )
    for name, bad in {
        "kind": {"word": "foo", "list": ["wild"], "None": None},
        "weights": {"word": "normal", "None": None},
        "permute": {"word": "rows"},
        "value": {"text": "0", "NaN": float("nan")},
        "strata": {"int": 3},
    }.items():
        yield from calls(
            f"Scheme {name}",
            bad,
            lambda v, name=name: resample(
                panel, model, tx.Scheme(**{"kind": "wild", name: v}), draws=9
            ),
        )


def outcome(call: Callable[[], Any]) -> tuple[str, str]:
    """The kind of error and its message; empty where there was none."""
    try:
        call()
    except Exception as error:
        return type(error).__name__, str(error)
    return "", ""


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        cases = [*of_tables(Path(folder)), *of_labels(), *of_panels()]
        told = {name: outcome(call) for name, call in cases}
    tx.fixed_effects(random_panel(countries=5, years=4), "KOFGIdj", ["TBI"])
    root = logging.getLogger()
    Z, Y, x = [[[1, 1], [1, 1]]], [[[2, 0], [0, 2]]], [[4, 4]]
    lists: Any = (Z, Y, x, ["A", "B"], ["S"], ["2000"])
    tables = tx.WorldTables(*lists)
    found = {
        "told": told,
        "root": [root.level, len(root.handlers)],
        "lists": [np.asarray(tables.x).tolist(), list(tables.years)],
    }
    print(json.dumps(found))
