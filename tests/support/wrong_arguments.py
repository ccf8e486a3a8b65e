"""Every public function with arguments of a wrong kind; what comes of it, as JSON.

A program of its own: under pytest types are checked on the way in, a user's are not.
"""

import json
import logging
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from inspect import Parameter, signature
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

import tivax
import tivax.engine as tx

from helpers import random_panel

Case = tuple[str, Callable[[], Any]]
Bad = dict[str, dict[str, Any]]

ARRAY = np.ones((2, 6))
# Nothing that a function could take for tables, a list, a path, a number or a dict.
WRONG = {"None": None, "int": 3, "array": ARRAY, "frame": pd.DataFrame({"a": [1.0]})}
LETTERS = {"text": "R01", "None": None, "int": 3, "ints": [3]}
GROUPS = {"list": ["R01"], "text": "EU27", "member": {"A": None}, "word": {"A": "R01"}}
GROUPS |= {"int": 3}
VALUES = {**WRONG, "list": [1, 2], "word": "gross", "bare": xr.DataArray(ARRAY)}
FRAMES = {"dict": {}, "None": None, "text": "panel.csv", "array": ARRAY}
COLUMN = {"list": ["KOFGIdj"], "None": None, "int": 3}
COLUMNS = {"text": "TBI", "None": None, "ints": [1], "set": {"TBI"}}
COUNT = {"text": "9", "half": 9.5, "below": -1, "None": None}
YEAR = {"text": "a", "other": 1999}
WORD = {"int": 3, "word": "all", "None": None}
# Wrong values of arguments that have one meaning in all functions.
OF_NAME: Bad = {
    **dict.fromkeys(("tables", "error", "economy", "model", "path"), WRONG),
    **dict.fromkeys(("data", "panel"), FRAMES),
    **dict.fromkeys(("outcome", "treatment", "entity", "time"), COLUMN),
    **dict.fromkeys(("regressors", "instruments", "controls"), COLUMNS),
    **dict.fromkeys(("draws", "seed", "panels", "most", "count"), COUNT),
    "value_added": VALUES,
    "groups": GROUPS,
    "drop": LETTERS,
    "year": YEAR,
    "memory": {"text": "8 GB"},
    "progress": {"int": 1, "nan": np.nan},
}
MEASURES = (
    "value_added_trade",
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


def wrong(
    function: str,
    more: Mapping[str, dict[str, Any]] = {},
    sound: Mapping[str, Any] = {},
    *,
    owner: Any = None,
    but: Collection[str] = (),
    **given: Any,
) -> Iterator[Case]:
    """Each argument with each of its wrong values, the others sound: with those of its
    name, if it is not among ``but`` (None only where it is no default), and ``more``.

    ``function`` is a public name, ``Economy.read``, or a method of ``owner``; what it
    needs beside ``given`` it has from ``sound``.
    """
    # tivax.engine.threats is a room, its function is found at the front.
    front = tivax if hasattr(tivax, function.split(".")[0]) else tx
    called = attrgetter(function.rpartition(".")[2] if owner is not None else function)(
        front if owner is None else owner
    )
    known = signature(called).parameters
    needed = {k: v.default for k, v in known.items()}
    wanted = [k for k, v in needed.items() if v is Parameter.empty]
    wanted += [k for k in ("data", "model") if needed.get(k, 0) is None]
    given = {k: sound[k] for k in wanted if k in sound} | given
    for argument in dict.fromkeys([*known, *more]):
        values = {} if argument in but else OF_NAME.get(argument, {})
        if needed[argument] is None:
            values = {k: v for k, v in values.items() if v is not None}
        for kind, value in (values | more.get(argument, {})).items():
            call = partial(called, **{**given, argument: value})
            yield f"{function} {argument} {kind}", call


def of_tables(folder: Path) -> Iterator[Case]:
    tables, store = tx.WorldTables(**arrays()), folder / "store"
    labels = {"year": tables.years, "region": tables.regions, "sector": tables.sectors}
    account = xr.DataArray(ARRAY.reshape(2, 3, 2), {k: [*v] for k, v in labels.items()})
    tx.save_store(tables, store)
    sound = {
        "tables": tables, "aggregated": tables, "databases": {"A": tables, "B": tables},
        "prices": pd.DataFrame(columns=["year", "region", "sector", "price"]),
        "shocks": tx.shocks.Cut(exporters="R01"), "account": account,
        "error": tx.table_errors.Shares(concentration=9), "draws": 2,
        "method": "wwz", "measure": "tbi", "region": "R01", "buyer": "R01",
        "supplier": "R02", "source_name": "wiod2013", "paths": [folder],
        "store": folder / "b", "path": folder / "p", "results": store,
        "out": folder / "o.zip",
    }  # fmt: skip
    computed = {"Dataset": xr.Dataset({"a": 1}), "DataArray": xr.DataArray([1.0])}
    years = {"year": 2000, "texts": ("2000", "2001"), "Nones": (None, None)}
    some = {"int": 3, "ints": [3]}
    codes = {"list": ["A"], "values": {"R01": [1]}}
    chain: Bad = {"buyer": WRONG, "supplier": WRONG, "sectors": LETTERS}
    cases: dict[str, Bad] = {
        "value_added_trade": {
            "by": {**WRONG, "word": "year"}, "apart": {"flow": True, "int": 3},
            "memory": {"list": [8]},
        },
        "indicators": {"names": {"ints": [3]}, "level": WRONG},
        "check_tables": {}, "stack_years": {}, "linkages": {},
        "save_store": {"force": {"list": ["nope"], "int": 1}},
        "referee.exposure_instrument": {"year": {"text": "2000", "other": 1900}},
        "net_of_inventories": {"categories": some},
        "aggregate": {"regions": codes, "sectors": codes | {"text": "none", "int": 3}},
        "compare_aggregation": {"aggregated": WRONG},
        "decompose": {"method": WRONG, "level": WRONG},
        "table_errors.draw_flows": {"years": {"other": [1999]}, "draws": {"none": 0}},
        "draw_tables": {"draw": COUNT},
        "sensitivity": {"measure": WRONG, "region": WRONG, "sector": {"int": 3}},
        "change": {
            "measure": WRONG, "start": YEAR, "end": YEAR, "sector": {"int": 3},
            "region": {"int": 3, "other": "R09"}, "volumes": {"int": 3, "text": "a"},
            "nodes": {"text": "9", "half": 9.5, "none": 0},
        },
        "compare": {
            "databases": {**WRONG, "one": {"A": tables}, "bare": {"A": 1, "B": 2}},
            "measures": {"int": 3, "word": "no such"}, "level": WRONG,
            "years": {"text": "a"}, "regions": some,
            "concordances": {"int": 3, "text": ["no such"]},
            "errors": {"int": 3, "other": {"C": "rounding"}},
        },
        "deflated": {"prices": {**WRONG, "text": "no such.csv"}},
        "small_world": {"raw": {"int": 3, "text": "no such"}},
        "scenarios": {
            "shocks": {**WRONG, "text": "no such", "ints": [3]},
            "years": {**YEAR, "none": []},
            "measures": {"text": "tbi", "int": 3, "word": ["gdp"]},
        },
        "supply_paths": {**chain, "demand": {"int": 3}},
        "table_errors.ErrorModel.read": {"name": {**WRONG, "text": "no such"}},
        "footprints": {
            "account": WRONG, "direct": {"int": 3, "array": ARRAY},
            "names": {"word": "icio", "None": None},
        },
        "to_icio": {"name": {"int": 3, "year": "2000"}},
        "import_tables": {
            "source_name": WRONG, "store": WRONG, "years": years,
            "paths": {"text": "folder", **WRONG},
            "max_size": {"text": "4", "none": 0, "below": -1.0, "flag": True},
        },
        "explore": {"results": WRONG, "out": WRONG, "language": WRONG},
        "package": {"results": WRONG, "out": WRONG, "include_data": WRONG},
    }  # fmt: skip
    for function, more in cases.items():
        yield from wrong(function, more, sound)
    chain |= {"cuts": {"int": 3, "texts": ["a"], "much": [200]}}
    chain |= {"elasticities": {"int": 3, "text": "none.csv"}}
    yield from wrong("supply_exposure", chain, sound)
    for owner in (tivax.change(tables, nodes=1), tx.trade_benefit_index(tables)):
        name = f"{type(owner).__name__}.with_errors"
        yield from wrong(name, {"error": {"None": None}}, owner=owner, error="rounding")
    positions: Bad = {
        "years": {"dict": {}, **WRONG, "text": "2000", "floats": ARRAY[0]}
    }
    yield from wrong("WorldTables.output", positions, owner=tables)
    positions |= {"categories": {"frame": pd.DataFrame(), "none": []}}
    yield from wrong("WorldTables.final_demand", positions, owner=tables)
    rows: Bad = {
        "row": {
            "None": None,
            "array": ARRAY,
            "text": "x",
            "above": 2**70,
            "below": -1,
            "half": 0.5,
        }
    }
    yield from wrong("WorldTable.industry", rows, owner=tables.table(2000))
    for function in MEASURES:
        yield from wrong(function, {"tables": {"text": "store", **computed}}, sound)
    yield from wrong("value_added_trade", {"tables": computed}, sound, by="region")
    yield from wrong("open_store", {"years": years}, path=store)
    yield from wrong("cite", {"format": WRONG}, path=store)
    added: Bad = {"exporter": WRONG, "via": LETTERS, "keep": {"text": "R01", "int": 3}}
    added |= {"of": WRONG, "whole": {"word": "imports", "odd": "exports"}}
    yield from wrong("origins", added, sound, of="exports", exporter="R01")
    added = {"categories": {"text": "FD", "ints": [3]}}
    yield from wrong("origins", added, sound, of="final demand")
    satellites = {"int": 3, "text": "jobs", "texts": ["jobs"], "pair": [(account, 3)]}
    places: Bad = {"satellites": satellites, "format": {**WRONG, "word": "pickle"}}
    yield from wrong("to_pymrio", places, sound, year=2000, path=folder / "p")
    mrio = tx.to_pymrio(tables, 2000, path=folder / "mrio_2000")
    systems: Bad = {"system": WRONG, "year": {"text": "a", "half": 0.5}}
    name = "Satellite.from_pymrio"
    yield from wrong(name, systems, but=["year"], system=mrio, year=2000)
    wrong_error: Bad = dict.fromkeys(("shared", "over_years"), WORD)
    wrong_error |= {"margins": {**WORD, "words": ["all"]}}
    wrong_error |= {"a": {"text": "1", "below": -1.0, "None": None}}
    yield from wrong("table_errors.Lognormal", wrong_error, a=1.0)
    yield from wrong("table_errors.Given", {"file": {"int": 3, "None": None}})
    twice = {**some, "None": None, "twice": ["R01", "R01"]}
    wrong_shock: Bad = dict.fromkeys(("exporters", "importers", "sectors", "to"), twice)
    wrong_shock |= {"uses": WORD}
    wrong_shock |= {"percent": {"text": "1", "flag": True, "above": 101.0}}
    wrong_shock |= {"both_ways": {"int": 1, "None": None}, "name": {"int": 3}}
    yield from wrong("shocks.Shift", wrong_shock, exporters="R02")
    yield from wrong("shocks.Extract", {"links": WORD})
    yield from wrong("shocks.Price", {"of": WORD}, percent=1)


def of_economies() -> Iterator[Case]:
    tables = tx.WorldTables(**arrays())
    frame = pd.DataFrame({"sector": ["*"], "theta": [4.0]})
    economy = tx.Economy.from_tables(tables, 2000, frame)
    found = tx.exact_hat(economy)
    sound = {
        "tables": tables, "year": 2000, "elasticities": frame, "economy": economy,
        "region": "R01", "against": "R01", "who": "R01", "whom": "R02", "rate": 0.25,
        "coefficient": 1.0, "standard_error": 1.0,
    }  # fmt: skip
    tariffs = {k: v for k, v in WRONG.items() if v is not None}
    words: dict[str, Any] = {"int": 3, "text": "a", "array": ARRAY}
    sizes = {"text": "4", "half": 2.5, "None": None, "none": 0}
    effects = {"text": "1", "None": None, "nan": np.nan}
    mars = {**WRONG, "text": "Mars"}
    best: Bad = {
        "over": {"word": "all", "None": None}, "supply": {"int": 3},
        "deficits": {"word": "none"}, "start": {"text": "a", "low": -1.0},
        "most": {"none": 0},
    }  # fmt: skip
    cases: dict[str, Bad] = {
        "Economy.from_tables": {
            "elasticities": {**WRONG, "text": "none.csv"}, "tariffs": tariffs,
            "elasticities_covariance": tariffs,
        },
        "Economy.read": {},
        "Economy.synthetic": {"regions": sizes, "sectors": sizes},
        "exact_hat": {
            "tariff_new": words, "trade_costs": words,
            "deficits": {"int": 3, "word": "none", "None": None},
            "supply": {"word": "labour", "int": 3},
        },
        "optimal_tariff": best | {"region": mars},
        "retaliation": {
            **best, "against": mars, "regions": {"int": 3},
            "how": {"word": "never", "int": 3},
        },
        "trade_war": {
            "who": mars, "whom": mars, "rate": {"text": "a", "below": -2.0, "none": 0},
            "answer": {"word": "never", "few": [], "int": 3},
            "over": best["over"], "deficits": best["deficits"],
        },
    }  # fmt: skip
    for function, more in cases.items():
        yield from wrong(function, more, sound)
    at_war: Bad = {"markups": {"text": "a", "few": [1.0], "int": 1}}
    wage = {"economy": economy.without_inputs(), "but": ["progress"]}
    yield from wrong("nash_tariffs", at_war, **wage)
    yield from wrong("Economy.save", owner=economy)
    of_found: dict[str, Bad] = {
        "tariff_gradient": {"region": mars, "measure": {"word": "gross", "int": 3}},
        "world_tables": {"which": {"word": "both", "int": 3}, "year": {"text": "a"}},
        "effect_on_index": {"coefficient": effects, "standard_error": effects},
    }
    for method, more in of_found.items():
        name = f"ExactHat.{method}"
        yield from wrong(name, more, sound, owner=found, but=["year"])
    fields: Bad = {"trade": {"int": 3, "words": [["a"]]}, "regions": {"int": 3}}
    fields |= {"theta": {"None": None}}
    arrays_of = {k: getattr(economy, k) for k in tx.Economy.__dataclass_fields__}
    yield from wrong("Economy", fields, but=OF_NAME, **arrays_of)


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
    yield from wrong("WorldTables", labels, but=["value_added"], **arrays())
    shapes: Bad = {"shape": {"int": 3}}
    shapes |= {"regions": {"text": "3", "None": None, "half": 2.5}}
    yield from wrong("synthetic_world", shapes, regions=3, sectors=2, years=1)
    for kind, value in {"None": None, "array": ARRAY}.items():
        yield f"from_frames {kind}", partial(tx.from_frames, value, value, value)
        yield f"from_long {kind}", partial(tx.from_long, value)
        yield f"from_national {kind}", partial(tx.from_national, value)
    but = ["year", "value_added"]
    yield from wrong("from_pymrio", {"system": WRONG}, but=but, year=2000)
    yield from wrong("to_long", {"result": {**WRONG, "text": "TBI"}})
    members: Bad = {"name": WRONG, "regions": LETTERS}
    yield from wrong("group_members", members, name="EU27", regions=["R01", "R02"])
    files: Bad = {"paths": {**WRONG, "ints": [3], "text": "jobs"}, "final": {"int": 3}}
    yield from wrong("read_satellites", files, paths="jobs.csv")
    yield from wrong("panel.read_data_files", {"folder": WRONG})
    for name in ("panel.build_panel", "replicate", "panel.FurtherData"):
        raw: Bad = {"files": {**WRONG, "text": "raw"}}
        yield from wrong(name, raw, but=["progress"])


def of_panels() -> Iterator[Case]:
    panel = random_panel(countries=5, years=4)
    model, scheme = (
        tx.Model("m", "KOFGIdj", ("TBI",), entity="iso3", time="year"),
        tx.schemes.Pairs(),
    )
    formula = "KOFGIdj ~ TBI | iso3 + year"
    fit = tx.fit(formula, panel)
    iv = tx.fit("KOFGIdj ~ 1 | iso3 + year | TBI ~ lnPOP", panel)
    names_of = sorted(panel["iso3"].unique())
    flows = pd.DataFrame(1.0, names_of, names_of)
    vcov: dict[str, Any] = {"int": 3, "other": "HC3", "minus": tx.vcov.Network(-flows)}
    vcov |= {"few": tx.vcov.Network(flows.iloc[:2]), "block": tx.vcov.TwoWay("block")}
    for k, lags in {"text": "2", "half": 1.5, "below": -1}.items():
        wrong_lags: Any = lags
        vcov |= {f"DK {k}": tx.vcov.DriscollKraay(wrong_lags)}
        vcov |= {f"shocks {k}": tx.vcov.CommonShocks(wrong_lags)}
    sound = {
        "data": panel, "panel": panel, "outcome": "KOFGIdj", "treatment": "TBI",
        "entity": "iso3", "time": "year", "regressors": ["TBI"], "controls": [],
        "endogenous": "TBI", "instruments": ["lnPOP"], "model": model, "models": model,
        "scheme": scheme, "study": "none.toml", "draws": 9, "panels": 16, "fits": [fit],
        "residuals": fit.residuals, "shares": np.ones((len(panel), 1)),
        "weights": flows, "cutoff": 1000, "tables": tx.WorldTables(**arrays()),
        "error": "rounding", "cells": [[1, 2], [3, 4]],
    }  # fmt: skip
    none, zero, word = {"none": []}, {"none": 0}, {"word": "x", "int": 3}
    some = {"word": "x", "set": {1}, "short": pd.DataFrame({"latitude": [1.0]})}
    blocks = {"list": ["C00"], "word": {"north": "C00"}, "int": 3}
    models: Bad = {"model": {"none": [], "word": "m"}, "blocks": blocks}
    totals = {"text": "a", "few": [1], "NaN": [1, np.nan]}
    cases: dict[str, Bad] = {
        "fit": {
            "model": {**WRONG, "none": "KOFGIdj ~ 1 | iso3", "two": "TFP + TBI ~ RQ"},
            "vcov": vcov, "weights": {"int": 3, "list": ["x"]}, "time": {"int": 3, "word": "x"},
            "clusters": {"three": ["iso3", "year", "group"], "int": 3},
        },
        "vcov.TwoWay": {"jackknife": {"int": 3, "text": "CV3"}, "second": COLUMN},
        "vcov.Network": {"weights": WRONG, "order": {"half": 1.5, "none": 0}},
        "Conley": {"cutoff": {"word": "x", "below": -1}, "kernel": word},
        "regression_table": {
            "notes": {"int": 3},
            "fits": {**WRONG, "none": [], "text": "fit", "ints": [3]},
            "path": {"text": "a.odt"}, "terms": {"ints": [3], "word": ["x"]},
            "labels": {"half": 1.5, "words": ["x"]}, "rows": {"NaT": pd.NaT, "int": 3},
        },
        "simulate": {"study": {**WRONG, "text": "panel.csv"}},
        "contestable": {},
        "resample": {
            "draws": zero, "scheme": {"int": 3, "word": "wild"},
            "intervals": {"text": "e", "int": 1}, "distribution": {"None": None},
        },
        "phase_placebos": {"draws": zero, "panels": zero},
        "adjusted_p_values": {
            "inferences": {"int": 3, "text": "m", "models": [model], "None": None},
        },
        "referee.two_way_weights": {"kind": word, "level": {"int": 3}},
        "shift_share": {
            "shares": {**WRONG, "short": np.ones((2, 2))}, "instrument": {"int": 3},
            "shocks": {"text": "a"}, "effects": {"module": tx, **COLUMNS},
            "weights": COLUMN, "clusters": COLUMN,
        },
        "referee.interactive_effects": {
            "regressors": none, "factors": {"half": 1.5, "below": -1},
            "correction": word, "bandwidth": {"path": Path(), "below": -1},
        },
        "referee.country_slopes": {"regressors": none, "blocks": {"int": 3}},
        "referee.spatial_errors": {
            "regressors": none, "places": some, "kernel": word,
            "distances": {**WRONG, "short": flows.iloc[:2]},
        },
        "referee.movers": {"shares": {"none": [], "above": [2.0]}, "order": COUNT},
        "referee.imputation": {
            "treatment": {"other": "TBI"}, "horizons": COUNT, "clusters": {"int": 3},
        },
        "referee.local_projections": {
            "events": {"word": "x", "above": 2.0},
            "horizons": COUNT, "leads": COUNT, "lags": COUNT,
        },
        "threats": {
            **models, "columns": LETTERS, "weights": LETTERS, "placebos": LETTERS,
            "only": {"text": "TBI", "None": None, "ints": [1], "word": ["no such"]},
            "vintages": LETTERS,
        },
        "specification_curve": {
            **models, "most": zero, "draws": zero,
            "choices": {"int": 3, "list": ["controls"], "word": {"controls": "some"}},
        },
        "monte_carlo": {
            "models": {**WRONG, "none": [], "words": ["m"]},
            "error": {"word": "foo", "none": []}, "draws": {"one": 1},
        },
        "balance": {
            "cells": {"text": "a", "line": [1, 2], "NaN": [[np.nan]], "None": None},
            "rows": totals, "columns": totals, "most": zero,
        },
    }  # fmt: skip
    for function, more in cases.items():
        yield from wrong(function, more, sound)
    places = list("ABCDE")
    pairs = [(y, a, b) for y in (1, 2) for a in places for b in places if a != b]
    trade = pd.DataFrame(pairs, columns=["year", "exporter", "importer"])
    numbers = np.random.default_rng(0).random((2, len(trade)))
    trade["value"], trade["tariff"] = 1 + numbers
    equation = tx.Gravity("value", ["tariff"])
    gravity: Bad = {"regressors": none, "home": {"int": 3}}
    gravity |= dict.fromkeys(("pair", "adjust", "negative"), word)
    yield from wrong("Gravity", gravity, outcome="value", regressors=["tariff"])
    some = {k: v for k, v in WRONG.items() if v is not None}
    asked: Bad = {"data": WRONG, "spec": WRONG, "tables": some}
    asked |= {"by": {"int": 3, "words": "no column"}}
    yield from wrong("gravity", asked, data=trade, spec=equation)
    two = dict.fromkeys(("first", "second"), tx.gravity(trade, equation))
    differ: Bad = {"first": {**WRONG, "fit": fit}, "second": WRONG}
    yield from wrong("gravity_difference", differ, **two)
    thetas: Bad = {
        "data": WRONG,
        **dict.fromkeys(("method", "flows", "nonpositive"), word),
    }
    once = trade[trade["year"] == 1].assign(sector="S")
    yield from wrong("trade_elasticities", thetas, data=once)
    left: Bad = {"residuals": WRONG, "draws": zero}
    left |= {"regressors": {k: v for k, v in COLUMNS.items() if k != "set"}}
    yield from wrong(
        "referee.cross_section_dependence", left, sound, but=["regressors"]
    )
    of_model: Bad = {"name": {"int": 3}, "regressors": {"none": ()}}
    of_model |= dict.fromkeys(("endogenous", "effects"), COLUMNS)
    of_model |= {"treatment": {"other": "z"}, "sample": {"int": 3, "list": ["all"]}}
    of_model |= {"tags": {"list": ["table"], "half": {"table": 3.5}, "int": {3: 1}}}
    yield from wrong("Model", of_model, sound, name="m")
    levels = {"text": "0.95", "one": 1.0}
    largest = {"none": 0, "text": "1", "below": -1.0, "flag": True}
    of_iv: dict[str, Bad] = {
        "plausibly_exogenous": {"largest": largest, "level": levels},
        "anderson_rubin_set": {
            "level": levels,
            "distribution": {"word": "t", "int": 3},
        },
        "weak_instrument_tests": {"beta": {"text": "a", "two": [0.0, 1.0]}},
    }
    for method, more in of_iv.items():
        yield from wrong(f"Fit.{method}", more, owner=iv)
    names = {"int": 3, "other": "z"}
    of_clusters: Bad = {"coarse": names, "fine": names, "type": {"word": "13"}}
    owner = tx.resample(panel, model, scheme, draws=9)
    name = "Inference.clustering_level"
    yield from wrong(name, of_clusters, owner=owner, coarse="developed")
    of_schemes: dict[str, Bad] = {
        "Wild": {
            "weights": {"word": "normal", "None": None},
            "type": {"letter": "S", "int": 31},
            "value": {"text": "0", "NaN": float("nan")},
            "second": {"int": 3, "list": ["year"]},
        },
        "Placebo": {"permute": {"word": "rows"}, "strata": {"int": 3}},
    }
    for name, bad in of_schemes.items():
        for case, make in wrong(f"schemes.{name}", bad):
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
        cases = [*of_tables(Path(folder)), *of_economies(), *of_labels(), *of_panels()]
        told = {name: outcome(call) for name, call in cases}
    tx.fit("KOFGIdj ~ TBI | iso3 + year", random_panel(countries=5, years=4))
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
