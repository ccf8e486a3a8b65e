"""What commands say of a satellite account: never that it is value added."""

import json
import re
from html import unescape
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

import tivax as tx
from tivax.engine.reporting import of_account

from commands import good
from helpers import random_tables, write_co2

TABLES = random_tables(regions=4, sectors=3, years=3, seed=5)
WRONG = re.compile(r"value[- ]added|trade benefit|earns|VAX ratio", re.IGNORECASE)
RUNS = {
    "tbi": "",
    "change": "--measure va_imports --error error.toml --draws 3 --chained",
    "decompose": "--method bm-source --level country --format parquet",
    "indicators": "--level country --format parquet",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("satellites")
    tx.save_store(TABLES, folder / "store")
    write_co2(TABLES, folder / "co2.csv")
    (folder / "error.toml").write_text('[[error]]\nkind = "lognormal"\na = 0.05\n')
    return folder


@pytest.fixture(scope="module", params=RUNS)
def run(request, place):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        words = f"{request.param} store --satellite co2.csv {RUNS[request.param]}"
        return place / request.param, good(*words.split(), "--out", request.param)


def said(out) -> list[str]:
    """Lines of report, figures and titles of codes."""
    page = re.sub(r"<style.*?</style>", "", (out / "report.html").read_text("utf-8"))
    texts = [unescape(k) for k in re.findall(r">([^<>]+)<", page)]
    for file in out.glob("figures/*.svg"):
        texts += ElementTree.parse(file).getroot().itertext()
    return [*texts, *pd.read_csv(out / "labels.csv")["title"]]


def test_nothing_is_called_value_added(run):
    out, answer = run
    told = [*said(out), *answer.out.splitlines()]
    assert any("co2" in k for k in told)
    assert not [k for k in told if WRONG.search(k) and "negative-value-added" not in k]


def test_money_beside_the_account_has_a_unit(run):
    out, _ = run
    if out.name == "tbi":
        table = pd.read_csv(out / "vax.csv")
        assert {*table["unit"], *table["gross_unit"]} == {"kg", TABLES.unit}
    for name, by, money in MONEY:
        for file in out.glob(f"{name}.*"):
            units = pd.read_parquet(file).set_index(by)["unit"]
            assert {*units[money]} == {TABLES.unit} and "kg" in {*units}


MONEY = (("indicators", "indicator", "EXGR"), ("decomposition", "term", "GEXP"))


def test_the_page_is_of_the_account(place, run):
    out, answer = run
    page = place / f"{out.name}.html"
    tx.explore(out, page)
    (text,) = re.findall(r'id="data">(.*?)</script>', page.read_text("utf-8"))
    data = json.loads(text)
    assert {k["account"] for k in data["origins"].values()} == {"co2"}
    names = ("title", "definition", "heading")
    told = [k[name] for k in data["measures"] for name in names]
    told += [k for table in data["tables"] for k in table["titles"].values()]
    told += [k for table in data["tables"] for k in table["measures"].values()]
    assert not [k for k in told if WRONG.search(k)]
    units = {k["code"]: (k["unit"], k["scaled"][0]) for k in data["measures"]}
    scaled = {k["code"]: k["scaled"][0] for k in data["tables"]}
    if out.name == "change":  # the unit that the command prints
        assert scaled["change"] != "kg"
        assert f"effects, {scaled['change']}; " in answer.out
    if out.name == "tbi":
        assert units["va_exports"][0] == "kg" and units["va_exports"][1] != "kg"
        assert units["gross_exports"][0] == TABLES.unit


def test_intervals_are_told_printed_and_drawn(place, run):
    out, answer = run
    if out.name != "change":
        return
    table = pd.read_csv(out / "change.csv")
    assert "intensity" in {*table["factor"]}
    assert "value-added shares" not in {*table["factor"]}
    line = "95 % intervals from 3 draws of errors of the tables: lognormal"
    assert f"±: half of {line}" in answer.out and f"In brackets: {line}." in answer.out
    first = re.search(r": R\d (\S+) \S+ \((\S+) to (\S+)\);", answer.out)
    assert first is not None
    value, low, high = (float(k.replace(",", "")) for k in first.groups())
    assert low < value < high
    svg = (out / "figures" / "waterfall.svg").read_text("utf-8")
    assert f"whiskers: {line}" in svg


def test_a_change_has_the_interval_of_the_sum_of_its_effects():
    error = tx.table_errors.Lognormal(a=0.05)
    found = tx.change(TABLES, "va_exports").with_errors(error, draws=9)
    every = found.values.set_index("region")
    parts = found.table.groupby("region")["se"].sum()
    assert (every["ci_low"] < every["ci_high"]).all() and (every["se"] < parts).all()
    np.testing.assert_allclose(
        found.table.groupby("region")["value"].sum(), every["change"], atol=1e-8
    )


@pytest.mark.parametrize(
    "text, words",
    [
        (
            "Trade benefit index over the years",
            "Relative balance of t $1 over the years",
        ),
        ("value-added imports", "t $1 in imports"),
        ("Value added absorbed", "t $1 absorbed"),
        ("gross exports", "gross exports"),
    ],
)
def test_a_name_is_put_in_place_of_value_added_as_it_is(text, words):
    assert of_account(text, "t $1") == words and of_account(text, "") == text
