"""Every public function with arguments of a wrong kind; what comes of it, as JSON.

A program of its own: under pytest types are checked on the way in, a user's are not.
"""

import json
import logging
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

import tivax
import tivax.engine as tx

from helpers import random_panel

ARRAY = np.ones((2, 6))
# Nothing that a function could take for tables, a list, a path, a number or a dict.
WRONG = {"None": None, "int": 3, "array": ARRAY, "frame": pd.DataFrame({"a": [1.0]})}
LETTERS = {"text": "R01", "None": None, "int": 3, "ints": [3]}
GROUPS = {"list": ["R01"], "text": "EU27", "member": {"A": None}, "word": {"A": "R01"}}
GROUPS |= {"int": 3}
VALUES = {**WRONG, "list": [1, 2], "word": "gross", "bare": xr.DataArray(ARRAY)}
MEASURES = (
    "value_added_trade",
    "value_added_absorbed",
    "trade_benefit_index",
    "exported_value_added",
    "indicators",
)


def arrays() -> dict[str, Any]:
    """Of two years, three regions and two sectors, sound."""
    Z, Y = np.ones((2, 6, 6)), np.ones((2, 6, 3)) * 3
    x = Z.sum(axis=2) + Y.sum(axis=2)
    regions, sectors = ["R01", "R02", "R03"], ["S1", "S2"]
    labels = {"regions": regions, "sectors": sectors, "years": [2000, 2001]}
    return {"Z": Z, "Y": Y, "x": x, **labels}


Case = tuple[str, Callable[[], Any]]
Bad = dict[str, dict[str, Any]]


def wrong(function: str, bad: Bad, owner: Any = None, **sound: Any) -> Iterator[Case]:
    """Each of the arguments with each of its wrong values, the others sound.

    ``function`` is a public name, ``Economy.read``, or a method of ``owner``.
    """
    # tivax.engine.threats is a room, its function is found at the front.
    front = tivax if hasattr(tivax, function.split(".")[0]) else tx
    called = attrgetter(function.rpartition(".")[2] if owner is not None else function)(
        front if owner is None else owner
    )
    for argument, values in bad.items():
        for kind, value in values.items():
            call = partial(called, **{**sound, argument: value})
            yield f"{function} {argument} {kind}", call


def of_tables(folder: Path) -> Iterator[Case]:
    tables = tx.WorldTables(**arrays())
    account = xr.DataArray(
        ARRAY.reshape(2, 3, 2),
        {"year": [2000, 2001], "region": ["R01", "R02", "R03"], "sector": ["S1", "S2"]},
    )
    store = folder / "store"
    tx.save_store(tables, store)
    unlike: Bad = {"tables": {**WRONG, "text": "store"}, "value_added": VALUES}
    computed = {"Dataset": xr.Dataset({"a": 1}), "DataArray": xr.DataArray([1.0])}
    chosen: Bad = {"drop": LETTERS, "groups": GROUPS}
    years = {"year": 2000, "texts": ("2000", "2001"), "Nones": (None, None)}
    cases: list[tuple[str, Bad]] = [
        *((name, unlike) for name in MEASURES),
        ("value_added_trade", {"memory": {"text": "8 GB", "list": [8]}}),
        ("value_added_trade", {"by": {**WRONG, "word": "year"}, **chosen}),
        ("value_added_trade", {"apart": {"flow": True, "int": 3}}),
        ("trade_benefit_index", {"tables": computed, **chosen}),
        ("indicators", {"names": {"ints": [3]}, "level": WRONG, "groups": GROUPS}),
        *((k, {"tables": WRONG}) for k in ("check_tables", "stack_years")),
        (
            "net_of_inventories",
            {"tables": WRONG, "categories": {"int": 3, "ints": [3]}},
        ),
        ("aggregate", {"tables": WRONG, "sectors": {"text": "no such", "int": 3}}),
        *(
            ("aggregate", {name: {"list": ["A"], "values": {"R01": [1]}}})
            for name in ("regions", "sectors")
        ),
        ("compare_aggregation", {"aggregated": WRONG}),
    ]
    for function, bad in cases:
        yield from wrong(function, bad, tables=tables)
    trade = {**unlike["tables"], **computed}
    sound = {"tables": tables, "by": "region"}
    yield from wrong("value_added_trade", {"tables": trade, **chosen}, **sound)
    terms: Bad = dict.fromkeys(("tables", "method", "level"), WRONG)
    terms |= {"groups": GROUPS, "value_added": VALUES, "memory": {"text": "8 GB"}}
    yield from wrong("decompose", terms, tables=tables, method="wwz")
    numbers = {"text": "9", "half": 9.5, "None": None}
    errors: Bad = {"tables": WRONG, "error": WRONG, "names": {"int": 3, "ints": [3]}}
    errors |= {"level": WRONG, "value_added": VALUES, **chosen}
    errors |= dict.fromkeys(("probes", "seed"), numbers)
    sound = {"tables": tables, "error": tx.TableError("shares", concentration=9)}
    yield from wrong("standard_errors", errors, **sound)
    drawn: Bad = {"tables": WRONG, "error": WRONG, "years": {"other": [1999]}}
    drawn |= {"seed": numbers, "draws": {**numbers, "none": 0}}
    yield from wrong("draw_flows", drawn, **sound, draws=2)
    one = {"tables": WRONG, "error": WRONG, "draw": numbers, "seed": numbers}
    yield from wrong("draw_tables", one, **sound)
    moved: Bad = dict.fromkeys(("tables", "measure", "region"), WRONG)
    moved |= {"sector": {"int": 3}, "year": {"text": "a", "other": 1999}}
    moved |= {"value_added": VALUES}
    sound = {"tables": tables, "measure": "tbi", "region": "R01"}
    yield from wrong("sensitivity", moved, **sound)
    changed: Bad = dict.fromkeys(("tables", "measure"), WRONG)
    changed |= dict.fromkeys(("start", "end"), {"text": "a", "other": 1999})
    changed |= {"region": {"int": 3, "other": "R09"}, "sector": {"int": 3}}
    changed |= {"nodes": {"text": "9", "half": 9.5, "none": 0}, "value_added": VALUES}
    changed |= {"volumes": {"int": 3, "text": "a"}}
    yield from wrong("change", changed, tables=tables)
    beside: Bad = {
        "databases": {**WRONG, "one": {"A": tables}, "bare": {"A": 1, "B": 2}}
    }
    beside |= {"measures": {"int": 3, "word": "no such"}, "level": WRONG}
    beside |= {"years": {"text": "a"}, "regions": {"int": 3, "ints": [3]}}
    beside |= {"concordances": {"int": 3, "text": ["no such"]}}
    beside |= {"errors": {"int": 3, "other": {"C": "rounding"}}}
    both = {"A": tables, "B": tables}
    yield from wrong("compare", beside, databases=both)
    prices: Bad = {"tables": WRONG, "prices": WRONG | {"text": "no such.csv"}}
    sound_prices = pd.DataFrame(columns=["year", "region", "sector", "price"])
    yield from wrong("deflated", prices, tables=tables, prices=sound_prices)
    yield from wrong("small_world", {"raw": {"int": 3, "text": "no such"}})
    words = {"int": 3, "word": "all", "None": None}
    wrong_error: Bad = dict.fromkeys(("kind", "shared", "over_years"), words)
    wrong_error |= {"margins": {**words, "words": ["all"]}}
    wrong_error |= {
        "a": {"text": "1", "below": -1.0, "None": None},
        "file": {"text": "f"},
    }
    yield from wrong("TableError", wrong_error, kind="lognormal", a=1.0)
    lists = {"text": "tbi", "int": 3, "word": ["gdp"]}
    imagined: Bad = {
        "tables": WRONG,
        "shocks": {**WRONG, "text": "no such", "ints": [3]},
    }
    imagined |= {"years": {"text": "a", "other": 1999, "none": []}, "measures": lists}
    imagined |= {"value_added": VALUES}
    cut = tx.Shock("cut", exporters="R01")
    yield from wrong("scenarios", imagined, tables=tables, shocks=cut)
    some = {"int": 3, "None": None, "ints": [3], "twice": ["R01", "R01"]}
    wrong_shock: Bad = dict.fromkeys(("exporters", "importers", "sectors", "to"), some)
    wrong_shock |= dict.fromkeys(("kind", "uses", "links", "of"), words)
    wrong_shock |= {"percent": {"text": "1", "flag": True, "above": 101.0}}
    wrong_shock |= {"both_ways": {"int": 1, "None": None}, "name": {"int": 3}}
    yield from wrong("Shock", wrong_shock, kind="shift", exporters="R02")
    linked: Bad = {"tables": WRONG, "year": {"text": "a", "other": 1999}}
    yield from wrong("linkages", linked | {"value_added": VALUES}, tables=tables)
    chain: Bad = dict.fromkeys(("tables", "buyer", "supplier"), WRONG)
    chain |= {"sectors": LETTERS, "groups": GROUPS, "year": {"text": "a"}}
    sound = {"tables": tables, "buyer": "R01", "supplier": "R02"}
    paths: Bad = {"count": {"text": "9", "half": 9.5}, "demand": {"int": 3}}
    yield from wrong("supply_paths", chain | paths, **sound)
    costs: Bad = {
        "cuts": {"int": 3, "texts": ["a"], "much": [200]},
        "error": {"int": 3},
    }
    costs |= {"elasticities": {"int": 3, "text": "none.csv"}, "value_added": VALUES}
    yield from wrong("supply_exposure", chain | costs, **sound)
    yield from wrong("ErrorModel.read", {"name": {**WRONG, "text": "no such"}})
    added: Bad = {"exporter": WRONG, "via": LETTERS, "keep": {"text": "R01", "int": 3}}
    added |= {"tables": WRONG, "of": WRONG, "value_added": VALUES}
    added |= {"whole": {"word": "imports", "odd": "exports"}}
    sound = {"tables": tables, "of": "exports", "exporter": "R01"}
    yield from wrong("origins", added, **sound)
    base = {"text": "2000", "other": 1900}
    early: Bad = {"tables": WRONG, "base": base, "value_added": VALUES}
    yield from wrong("exposure", early, tables=tables)
    added = {"categories": {"text": "FD", "ints": [3]}, "groups": GROUPS}
    yield from wrong("origins", added, tables=tables, of="final demand")
    direct = {"int": 3, "array": ARRAY}
    accounts: Bad = {"tables": WRONG, "account": WRONG, "direct": direct}
    accounts |= {"names": {"word": "icio", "None": None}}
    yield from wrong("footprints", accounts, tables=tables, account=account)
    satellites = {"int": 3, "text": "jobs", "texts": ["jobs"], "pair": [(account, 3)]}
    of_one_year: Bad = {"tables": WRONG, "year": {"text": "a", "other": 1999}}
    of_one_year |= {"satellites": satellites}
    yield from wrong("to_pymrio", of_one_year, tables=tables, year=2000)
    places: Bad = {"path": {"int": 3, "array": ARRAY}}
    places |= {"format": {**WRONG, "word": "pickle"}}
    sound = {"tables": tables, "year": 2000, "path": folder / "p"}
    yield from wrong("to_pymrio", of_one_year | places, **sound)
    tables_out: Bad = {
        "tables": WRONG,
        "path": WRONG,
        "name": {"int": 3, "year": "2000"},
    }
    yield from wrong("to_icio", tables_out, tables=tables, path=folder / "i")
    mrio = tx.to_pymrio(tables, 2000, path=folder / "mrio_2000")
    systems: Bad = {"system": WRONG, "year": {"text": "a", "half": 0.5}}
    yield from wrong("Satellite.from_pymrio", systems, system=mrio, year=2000)
    saved: Bad = {"tables": WRONG, "path": WRONG}
    yield from wrong("save_store", saved, tables=tables, path=folder / "a")
    yield from wrong("open_store", {"path": WRONG, "years": years}, path=store)
    imported: Bad = {"paths": {"text": "folder", **WRONG}, "years": years}
    sizes = {"text": "4", "none": 0, "below": -1.0, "flag": True}
    imported |= {"source_name": WRONG, "store": WRONG, "max_size": sizes}
    given = {"source_name": "wiod2013", "paths": [folder], "store": folder / "b"}
    yield from wrong("import_tables", imported, **given)
    yield from wrong("cite", {"path": WRONG, "format": WRONG}, path=store)
    yield from wrong(
        "explore",
        {"results": WRONG, "out": WRONG, "language": WRONG},
        results=store,
        out="e.html",
    )
    yield from of_economies(tables, folder)
    packed: Bad = dict.fromkeys(("results", "out", "include_data"), WRONG)
    yield from wrong("package", packed, results=store, out=folder / "p.zip")


def of_economies(tables: tx.WorldTables, folder: Path) -> Iterator[Case]:
    frame = pd.DataFrame({"sector": ["*"], "theta": [4.0]})
    economy = tx.Economy.from_tables(tables, 2000, frame)
    thetas: Bad = {"tables": WRONG, "year": {"text": "a", "other": 1999}}
    thetas |= {"elasticities": {**WRONG, "text": "none.csv"}, "tariffs": WRONG}
    del thetas["tariffs"]["None"]
    sound = {"tables": tables, "year": 2000, "elasticities": frame}
    yield from wrong("Economy.from_tables", thetas, **sound)
    words: dict[str, Any] = {"int": 3, "text": "a", "array": ARRAY}
    solved: Bad = {"economy": WRONG, "tariff_new": words, "trade_costs": words}
    solved |= {"deficits": {"int": 3, "word": "none", "None": None}}
    solved |= {"supply": {"word": "labour", "int": 3}}
    yield from wrong("exact_hat", solved, economy=economy)
    best: Bad = {"economy": WRONG, "region": {**WRONG, "text": "Mars"}}
    best |= {"over": {"word": "all", "None": None}, "supply": {"int": 3}}
    best |= {"deficits": {"word": "none"}, "start": {"text": "a", "low": -1.0}}
    best |= {"most": {"none": 0, "text": "a"}}
    yield from wrong("optimal_tariff", best, economy=economy, region="R01")
    answer: Bad = {k: best[k] for k in ("economy", "over", "supply", "deficits")}
    answer |= {"how": {"word": "never", "int": 3}, "start": best["start"]}
    answer |= {"against": {**WRONG, "text": "Mars"}, "regions": {"int": 3}}
    sound = {"economy": economy, "against": "R01"}
    yield from wrong("retaliation", answer | {"most": best["most"]}, **sound)
    at_war: Bad = {"economy": WRONG, "markups": {"text": "a", "few": [1.0], "int": 1}}
    final = economy.without_inputs()
    yield from wrong("nash_tariffs", at_war, economy=final)
    yield from wrong("Economy.read", {"path": WRONG})
    yield from wrong("Economy.save", {"path": WRONG}, owner=economy)
    sizes = {"text": "4", "half": 2.5, "None": None, "none": 0}
    made: Bad = dict.fromkeys(("regions", "sectors"), sizes)
    yield from wrong("Economy.synthetic", made | {"seed": {"text": "a"}})
    found = tx.exact_hat(economy)
    moved: Bad = {"region": {**WRONG, "text": "Mars"}}
    moved |= {"measure": {"word": "gross", "int": 3}}
    yield from wrong("ExactHat.tariff_gradient", moved, owner=found, region="R01")
    of_found: Bad = {"which": {"word": "both", "int": 3}, "year": {"text": "a"}}
    yield from wrong("ExactHat.world_tables", of_found, owner=found)
    effects: Bad = dict.fromkeys(
        ("coefficient", "standard_error"), {"text": "1", "None": None, "nan": np.nan}
    )
    sound = {"coefficient": 1.0, "standard_error": 1.0}
    yield from wrong("ExactHat.effect_on_index", effects, owner=found, **sound)
    fields: Bad = {"trade": {"int": 3, "words": [["a"]]}, "regions": {"int": 3}}
    fields |= {"theta": {"None": None}}
    names = tx.Economy.__dataclass_fields__
    arrays_of = {name: getattr(economy, name) for name in names}
    yield from wrong("Economy", fields, **arrays_of)


def of_labels() -> Iterator[Case]:
    nested = {"ragged": [[1, 2], [3]], "None": None, "text": "a", "complex": 1j * ARRAY}
    labels: Bad = {
        "Z": nested,
        "x": {"None": None, "words": [["a"]]},
        "value_added": {"list": [1, 2], "text": "basic"},
        "regions": {"set": {"R01", "R02", "R03"}, "None": None, "text": "abc"},
        "years": {"words": ["a", "b"], "halves": [2000.5, 2001], "None": None},
        "parents": {"list": ["R01"], "None": None},
        "tolerance": {"number": 3},
    }
    yield from wrong("WorldTables", labels, **arrays())
    seeds: Bad = {"shape": {"int": 3}, "seed": {"text": "a", "half": 0.5, "None": None}}
    seeds |= {"regions": {"text": "3", "None": None, "half": 2.5}}
    yield from wrong("synthetic_world", seeds, regions=3, sectors=2, years=1)
    for kind, value in {"None": None, "array": ARRAY}.items():
        yield f"from_frames {kind}", partial(tx.from_frames, value, value, value)
        yield f"from_long {kind}", partial(tx.from_long, value)
        yield f"from_national {kind}", partial(tx.from_national, value)
    yield from wrong("from_pymrio", {"system": WRONG}, year=2000)
    yield from wrong("to_long", {"result": {**WRONG, "text": "TBI"}})
    members: Bad = {"name": WRONG, "regions": LETTERS}
    yield from wrong("group_members", members, name="EU27", regions=["R01", "R02"])
    files: Bad = {"paths": {**WRONG, "ints": [3], "text": "jobs"}, "final": {"int": 3}}
    yield from wrong("read_satellites", files, paths="jobs.csv")
    yield from wrong("read_data_files", {"folder": WRONG})
    for name in ("build_panel", "replicate", "FurtherData"):
        yield from wrong(name, {"files": {**WRONG, "text": "raw"}})


def of_panels() -> Iterator[Case]:
    panel = random_panel(countries=5, years=4)
    model, scheme = tx.Model("m", "KOFGIdj", ("TBI",)), tx.Scheme("pairs")
    frames = {"dict": {}, "None": None, "text": "panel.csv", "array": ARRAY}
    names_of = sorted(panel["iso3"].unique())
    flows = pd.DataFrame(1.0, names_of, names_of)
    vcov = {**WRONG, "other": "HC3", "minus": tx.Network(-flows)}
    vcov |= {"few": tx.Network(flows.iloc[:2]), "block": tx.TwoWay("block")}
    for k, lags in {"text": "2", "half": 1.5, "below": -1}.items():
        wrong_lags: Any = lags
        vcov |= {f"DK {k}": tx.DriscollKraay(wrong_lags)}
        vcov |= {f"shocks {k}": tx.CommonShocks(wrong_lags)}
    names = {"text": "TBI", "None": None, "ints": [1], "set": {"TBI"}}
    one = {"list": ["KOFGIdj"], "None": None, "int": 3}
    sound = {"data": panel, "outcome": "KOFGIdj"}
    bad: Bad = {"data": frames, "regressors": {**names, "none": []}}
    bad |= dict.fromkeys(("outcome", "entity", "time", "convention"), one)
    bad |= {"clusters": {"list": ["iso3"], "int": 3}}
    bad |= {"vcov": vcov}
    yield from wrong("fixed_effects", bad, **sound, regressors=["TBI"])
    model = tx.Model("m", "KOFGIdj", ["TBI"])
    bad_model: Bad = {"panel": frames, "model": WRONG}
    yield from wrong("fit_model", bad_model, panel=panel, model=model)
    both: Bad = {"jackknife": {"int": 3, "text": "CV3"}, "second": one}
    yield from wrong("TwoWay", both)
    kinds: Bad = {"weights": WRONG, "order": {"half": 1.5, "none": 0}}
    yield from wrong("Network", kinds, weights=flows)
    places: dict[str, Any] = {"text": "a.odt", "int": 3}
    fit = tx.fixed_effects(panel, "KOFGIdj", ["TBI"])
    fits: Bad = {"fits": {**WRONG, "none": [], "text": "fit", "ints": [3]}}
    fits |= {"path": places, "terms": {"ints": [3], "word": ["x"]}}
    yield from wrong("regression_table", fits, fits=[fit])
    yield from wrong("simulate", {"study": {**WRONG, "text": "panel.csv"}})
    bad = {"data": frames, "endogenous": one, "instruments": names, "controls": names}
    sound |= {"endogenous": "TBI", "instruments": ["lnPOP"], "controls": []}
    iv = tx.two_stage(panel, "KOFGIdj", "TBI", ["lnPOP"], [])
    direct: Bad = {"largest": {"none": 0, "text": "1", "below": -1.0, "flag": True}}
    direct |= {"level": (levels := {"text": "0.95", "one": 1.0})}
    yield from wrong("IVEstimate.plausibly_exogenous", direct, owner=iv)
    direct = {"level": levels, "distribution": {"word": "t", "int": 3}}
    yield from wrong("IVEstimate.anderson_rubin_set", direct, owner=iv)
    direct = {"beta": {"text": "a", "two": [0.0, 1.0]}, "draws": {"half": 9.5}}
    yield from wrong("IVEstimate.weak_instrument_tests", direct, owner=iv)
    whole = {"half": 9.5, "text": "9", "below": -1}
    bad |= {"draws": whole, "seed": whole, "vcov": vcov}
    yield from wrong("two_stage", bad, **sound)
    bad = {"outcome": one, "name": {"int": 3}, "regressors": {**names, "none": ()}}
    bad |= dict.fromkeys(("endogenous", "instruments", "effects"), names)
    bad |= {
        "treatment": {"other": "z", "int": 3},
        "sample": {"int": 3, "list": ["all"]},
    }
    bad |= {"tags": {"list": ["table"], "half": {"table": 3.5}, "int": {3: 1}}}
    yield from wrong("Model", bad, name="m", outcome="y", regressors=("x",))
    bad = {
        "panel": frames,
        "model": WRONG,
        "scheme": WRONG,
        "draws": {"text": "9", "half": 9.5, "none": 0, "None": None},
        "seed": {"text": "9", "below": -1, "None": None},
    }
    yield from wrong("resample", bad, panel=panel, model=model, scheme=scheme)
    given = {"int": 3, "text": "m", "models": [model], "None": None}
    yield from wrong("adjusted_p_values", {"inferences": given})
    sound = {"panel": panel, "model": model, "panels": 16, "draws": 9}
    some = {k: bad[k] for k in ("panel", "model", "draws", "seed")}
    yield from wrong("phase_placebos", some | {"panels": bad["draws"]}, **sound)
    of_model = {k: bad[k] for k in ("panel", "model")}
    yield from wrong("contestable", of_model, panel=panel, model=model)
    column: Bad = {"outcome": one, "treatment": one, "data": frames}
    word: dict[str, Any] = {"word": "x", "int": 3}
    two: Bad = column | {"kind": word, "entity": one, "time": one, "level": {"int": 3}}
    keys = {"entity": "iso3", "time": "year", "treatment": "TBI"}
    yield from wrong("two_way_weights", two, data=panel, outcome="KOFGIdj", **keys)
    exposed: Bad = column | {"shares": {**WRONG, "short": np.ones((2, 2))}}
    exposed |= {"instrument": {"int": 3}, "controls": names, "shocks": {"text": "a"}}
    sound = {"data": panel, "outcome": "KOFGIdj", "treatment": "TBI"}
    yield from wrong("shift_share", exposed, **sound, shares=np.ones((len(panel), 1)))
    common: Bad = {"outcome": one, "regressors": {**names, "none": []}, "data": frames}
    common |= {"factors": {"half": 1.5, "below": -1}, "correction": word, "most": whole}
    sound = {"data": panel, "outcome": "KOFGIdj", "regressors": ["TBI"]}
    yield from wrong("interactive_effects", common, **sound)
    del common["factors"], common["correction"], common["most"]
    yield from wrong("country_slopes", common | {"blocks": {"int": 3}}, **sound)
    some = {"word": "x", "set": {1}, "short": pd.DataFrame({"latitude": [1.0]})}
    placed: Bad = {"places": some, "distances": {**WRONG, "short": flows.iloc[:2]}}
    yield from wrong("spatial_errors", common | placed | {"kernel": word}, **sound)
    near: Bad = {"cutoff": {"word": "x", "below": -1}, "kernel": word}
    yield from wrong("Conley", near, cutoff=1000)
    sound = {"data": panel, "outcome": "KOFGIdj", "treatment": "TBI"}
    moved: Bad = column | {"controls": names, "shares": {"none": [], "above": [2.0]}}
    yield from wrong("movers", moved | {"order": whole}, **sound)
    moved = column | {"controls": names, "events": {"word": "x", "above": 2.0}}
    moved |= {k: whole for k in ("horizons", "leads", "lags", "seed")}
    yield from wrong("local_projections", moved, **sound)
    fit = tx.fixed_effects(panel, "KOFGIdj", ["TBI"])
    some = {k: v for k, v in names.items() if k != "set"}
    left: Bad = {"data": frames, "residuals": WRONG, "regressors": some}
    left |= {k: bad[k] for k in ("draws", "seed")}
    sound = {"data": panel, "residuals": fit.residuals, "regressors": ["TBI"]}
    yield from wrong("cross_section_dependence", left, **sound, draws=9)
    bad = {
        "panel": frames,
        "model": {**WRONG, "none": [], "word": "m"},
        "blocks": {"list": ["C00"], "word": {"north": "C00"}, "int": 3},
        "draws": {"text": "9", "half": 9.5, "below": -1, "None": None},
        "seed": {"text": "9", "below": -1, "None": None},
    }
    lists = {"text": "TBI", "None": None, "ints": [1], "word": ["no such"]}
    bad |= {"only": lists, **dict.fromkeys(("columns", "weights", "placebos"), LETTERS)}
    bad |= {"vintages": LETTERS}
    yield from wrong("threats", bad, panel=panel, model=model)
    some = {"int": 3, "list": ["controls"], "word": {"controls": "some"}}
    bad = {k: bad[k] for k in ("panel", "model", "blocks", "seed")}
    bad |= {"choices": some, "most": {"none": 0, "half": 0.5, "None": None}}
    bad |= {"draws": {"text": "9", "half": 9.5, "none": 0, "None": None}}
    yield from wrong("specification_curve", bad, panel=panel, model=model)
    bad = {
        "panel": frames,
        "models": {**WRONG, "none": [], "words": ["m"]},
        "tables": WRONG,
        "error": {**WRONG, "word": "foo", "none": []},
        "draws": {"text": "9", "half": 9.5, "one": 1, "None": None},
        "seed": {"text": "9", "below": -1, "None": None},
    }
    tables = tx.WorldTables(**arrays())
    sound = {"models": model, "tables": tables, "error": "rounding"}
    yield from wrong("monte_carlo", bad, panel=panel, **sound)
    bad = {"cells": {"text": "a", "line": [1, 2], "NaN": [[np.nan]], "None": None}}
    totals = {"text": "a", "few": [1], "NaN": [1, np.nan]}
    bad |= {"rows": totals, "columns": totals, "most": {"none": 0, "half": 0.5}}
    yield from wrong("balance", bad, cells=[[1, 2], [3, 4]], rows=[4, 6])
    bad = {
        "kind": {"word": "foo", "list": ["wild"], "None": None},
        "weights": {"word": "normal", "None": None},
        "permute": {"word": "rows"},
        "type": {"letter": "S", "int": 31},
        "value": {"text": "0", "NaN": float("nan")},
        "strata": {"int": 3},
        "second": {"int": 3, "list": ["year"]},
    }
    of_clusters: Bad = {"coarse": {"int": 3, "other": "z"}}
    of_clusters |= {"fine": {"int": 3, "other": "z"}, "type": {"word": "13"}}
    of_clusters |= {"draws": {"half": 9.5}, "seed": {"below": -1}}
    drawn = tx.resample(panel, model, scheme, draws=9)
    name = "Inference.clustering_level"
    yield from wrong(name, of_clusters, owner=drawn, coarse="developed")
    for case, make in wrong("Scheme", bad, kind="wild"):
        yield case, lambda make=make: tx.resample(panel, model, make(), draws=9)


def outcome(call: Callable[[], Any]) -> tuple[str, str]:
    """The kind of error and its message; empty where there was none."""
    try:
        call()
    except Exception as error:
        return type(error).__name__, str(error)
    return "", ""


def main() -> None:
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


if __name__ == "__main__":
    main()
