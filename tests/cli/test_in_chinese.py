"""With ``--language zh`` every command's report and figures are in Chinese."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import tivax as tx

from commands import good, mistake
from experiment_panels import small_panel
from gpu_commands import SMALL, flows_of
from helpers import random_tables, write_co2

CODES = ("AUT", "BEL", "CHN", "DEU", "FRA", "HUN", "POL", "USA")
MODEL = """
[[model]]
name = "main"
outcome = "KOFGIdj"
regressors = ["TBI", "RQ", "INFR"]
"""
RUN = 'panel = "panel.csv"\nseed = 3\ndraws = 200\n'
HAT = 'store = "store"\nyears = 2001\nelasticities = "theta.csv"\n'
WALL = "[[variant]]\nname = 'wall'\nimporters = 'USA'\ntariff = 0.1\n"
FLOWS = 'data = "flows.csv"\n'
FILES = {
    "threats": f'{RUN}{MODEL}[threats]\nweights = ["lnGDP"]\n'
    'blocks = { north = ["AUT", "BEL"] }\n',
    "curve": f'{RUN}{MODEL}[curve]\ncontrols = "subsets"\n'
    'effects = [["iso3", "developed^year"]]\nlag = [1]\n',
    "wild": f'{RUN}[scheme]\nkind = "wild"\n{MODEL}',
    "placebo": f'{RUN}[scheme]\nkind = "placebo"\n{MODEL}',
    "montecarlo": 'panel = "four.csv"\nstore = "long"\nerror = "error.toml"\n'
    f"seed = 3\ndraws = 5\n{MODEL}",
    "own": f"{RUN}{MODEL}[simulate]\npanels = 20\ndraws = 19\n",
    "study": 'panels = 20\ndraws = 99\nseed = 1\n[[design]]\nname = "twenty"\n'
    "clusters = 20\nyears = 8\ncontrols = 1\neffect = 0.1\n",
    "error": '[[error]]\nkind = "lognormal"\na = 0.05\nb = 0.1\n',
    "theta": "sector,theta,se\n*,4,0.3\n",
    "hat": f"{HAT}kind = 'exact-hat'\n{WALL}",
    "answer": f"{HAT}kind = 'retaliation'\nagainst = 'USA'\n{WALL}",
    "nash": f"{HAT}kind = 'nash'\nregions = ['CHN', 'USA']\n",
    "war": f"{HAT}kind = 'trade-war'\nwho = 'USA'\nwhom = 'CHN'\nrate = 0.25\n",
    "best": f"{HAT}kind = 'optimal-tariff'\nregion = 'USA'\nover = 'uniform'\n",
    "price": 'store = "store"\nkind = "price"\nexporters = "China"\npercent = 9\n',
    "grid": 'store = "store"\nkind = "shift"\nexporters = "CHN"\n'
    "[grid]\npercent = [5, 10]\n",
    "gravity": f'{FLOWS}outcome = "value"\nregressors = ["tariff"]\n',
    "two": f'{FLOWS}outcome = "value"\nregressors = ["tariff"]\nadjust = "none"\n'
    'clusters = ["exporter", "importer"]\n',
    "ppml": f'{FLOWS}method = "ppml"\nnonpositive = "drop"\n',
    "cut": 'store = "store"\nkind = "cut"\nexporters = "CHN"\nimporters = "USA"\n',
}
RUNS = (
    "tbi store --error error.toml",
    "decompose store --method wwz",
    "indicators store --level country",
    "change store --from 2000 --to 2001",
    "tbi store --satellite co2.csv",
    "change store --measure va_imports --satellite co2.csv --error error.toml --draws 2",
    "exposure store --buyer DEU --supplier CHN",
    "exposure store --buyer DEU --supplier CHN --satellite co2.csv",
    "decompose store --method bm-source --satellite co2.csv",
    "indicators store --level country --satellite co2.csv",
    "compare store other --measure tbi,EXGR,vax_ratio",
    "compare store other --error error.toml",
    "scenario cut.toml",
    "scenario price.toml",
    "scenario grid.toml",
    "scenario best.toml",
    "scenario hat.toml --draws 5",
    "scenario answer.toml --error error.toml --draws 5",
    "scenario nash.toml --error error.toml --draws 5",
    "scenario war.toml --draws 5",
    "threats threats.toml",
    "curve curve.toml",
    "bootstrap wild.toml",
    "bootstrap placebo.toml",
    "montecarlo montecarlo.toml",
    "simulate own.toml",
    "simulate study.toml",
    "demo --size 4x5x3",
    "gravity gravity.toml",
    "gravity two.toml",
    "elasticities ppml.toml",
)


_ENGLISH = re.compile("[A-Za-z]{3,} [a-z]{2,}")


def named(years: int, seed: int = 1) -> tx.WorldTables:
    world = random_tables(regions=4, sectors=3, years=years, seed=seed)
    return replace(world, regions=("CHN", "DEU", "FRA", "USA"))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Of the sizes of other tests of commands, whose programs are compiled once."""
    folder = tmp_path_factory.mktemp("chinese")
    tx.save_store(named(2), folder / "store")
    write_co2(named(2), folder / "co2.csv")
    tx.save_store(long := named(12), folder / "long")
    tx.save_store(named(2, seed=2), folder / "other")
    panel = small_panel(countries=8, years=12, seed=3)
    panel["iso3"] = np.asarray(CODES)[pd.factorize(panel["iso3"])[0]]
    panel.to_csv(folder / "panel.csv", index=False)
    panel = panel[panel["iso3"].isin(long.regions)]
    index = tx.trade_benefit_index(long)["tbi"].to_series()
    own = index.reindex(pd.MultiIndex.from_frame(panel[["year", "iso3"]])).to_numpy()
    outcome = panel["KOFGIdj"] + 5 * (own - panel["TBI"])
    panel.assign(TBI=own, KOFGIdj=outcome).to_csv(folder / "four.csv", index=False)
    flows_of(SMALL).assign(sector="S").to_csv(folder / "flows.csv", index=False)
    for name, text in FILES.items():
        suffix = "csv" if name == "theta" else "toml"
        (folder / f"{name}.{suffix}").write_text(text)
    return folder


class Page(HTMLParser):
    """The texts of a page, code, formulas and styles left out."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.out = 0
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.out += tag in ("style", "math", "code", "footer")
        if tag in ("p", "li", "td", "th", "text", "figcaption", "h1", "h2", "h3"):
            self.texts.append("")

    def handle_endtag(self, tag):
        self.out -= tag in ("style", "math", "code", "footer")

    def handle_data(self, data):
        if self.texts and not self.out:
            self.texts[-1] += data


def english(page: str) -> list[str]:
    """Texts with two English words in a row."""
    texts = [" ".join(k.split()) for k in Page(page).texts]
    return [k for k in dict.fromkeys(texts) if _ENGLISH.search(k)]


@pytest.mark.slow
@pytest.mark.parametrize("line", RUNS)
def test_a_report_has_no_sentence_of_english(line, place, monkeypatch):
    monkeypatch.chdir(place)
    out = Path(re.sub(r"\W+", "_", line))
    printed = good(*line.split(), "--out", out, "--language", "zh", "--quiet").out
    left = english((out / "report.html").read_text(encoding="utf-8"))
    left = [k for k in left if "各项：" not in k]  # the terms of a decomposition
    assert not left
    said = [k for k in printed.splitlines() if not re.search("：tivax ", k)]
    assert not [k for k in said if _ENGLISH.search(k)]
    if "--satellite" in line:
        assert "增加值" not in (out / "report.html").read_text(encoding="utf-8")


def test_what_is_no_language_is_said_before_anything_is_computed(place, monkeypatch):
    monkeypatch.chdir(place)
    line = mistake("tbi", "store", "--out", "fr", "--language", "fr")
    assert line == "--language fr: choose from en, zh"
