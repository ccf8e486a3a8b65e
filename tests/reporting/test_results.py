"""Every result has the same four methods, and one writer."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import tivax as tx
from tivax.engine.measures import trade_benefit_index
from tivax.engine.reporting import Context, Joined, Result, write_parts
from tivax.engine.resampling import Simulation, Study, own_panel, simulate
from tivax.engine.resampling.simulation.panels import StudyDesign

from experiment_panels import small_panel
from helpers import random_tables

MODEL = tx.Model("main", "KOFGIdj", ["TBI", "RQ", "INFR"], entity="iso3", time="year")


def refusal(call) -> str:
    with pytest.raises(tx.TivaxError) as caught:
        call()
    return str(caught.value)


@pytest.fixture(scope="module")
def found(small) -> dict[str, Result]:
    """Of the sizes of tests of commands, so that both share their compiled programs."""
    panel = small_panel(countries=8, years=12, seed=3)
    study = Study((StudyDesign("a", clusters=9, years=6),), panels=4, draws=99)
    choices = {"controls": "subsets"}
    return {
        "threats": tx.threats(panel, MODEL, only=["unit trends"], draws=0),
        "curve": tx.specification_curve(panel, MODEL, choices=choices, draws=99),
        "study": simulate(study),
        "draws": tx.resample(panel, MODEL, tx.schemes.Pairs(), draws=99),
        "tbi": trade_benefit_index(small),
        "change": tx.change(small, "tbi", region="R1"),
        "exact hat": tx.exact_hat(tx.Economy.synthetic(regions=3, sectors=2, seed=1)),
        "scenario": tx.scenarios(
            small, tx.shocks.Cut(exporters="R1", importers="R2", percent=10)
        ),
        "own panel": own_panel(
            panel, MODEL, path=Path(), panels=4, panel_draws=19, draws=99
        )[0],
    }


@pytest.fixture(scope="module")
def saved(found, tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("saved")
    return {name: result.save(folder / name) for name, result in found.items()}


def page_of(folder: Path) -> str:
    page = (folder / "report.html").read_text(encoding="utf-8")
    return page.replace("\u00a0%", " %")


NAMES = ["threats", "curve", "study", "own panel", "draws"]
PRINTED = ["tbi", "change", "scenario", "exact hat"]


@pytest.mark.parametrize("name", [*NAMES, *PRINTED])
def test_a_result_saves_shows_and_draws_itself(name, found, saved):
    result, out = found[name], saved[name]
    assert isinstance(result.plot(), Figure)
    assert "<table>" in result._repr_html_()
    first, *_ = result.tables().values()
    pd.testing.assert_frame_equal(result.to_frame(), first)
    written = {k.relative_to(out).as_posix() for k in out.rglob("*") if k.is_file()}
    long = result.always_parquet
    expected = {f"{k}.{'parquet' if k in long else 'csv'}" for k in result.tables()}
    expected |= {
        f"figures/{k}.{form}" for k in result.plots() for form in ("pdf", "png", "svg")
    }
    report = {"report.html"} if result.page().title else set()
    assert written == expected | report | {"manifest.json"}
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["command"] == result.program
    assert {*result.facts()} <= {*manifest}
    assert "exists already" in refusal(lambda: result.save(out))


def test_a_result_without_figures_replaces_one_with_them_by_force(found, tmp_path):
    out = found["study"].save(tmp_path / "out")
    found["study"].save(out, figures=False, force=True)
    assert not (out / "figures").exists()


@pytest.mark.parametrize("name", ["threats", "curve", "study", "own panel"])
def test_other_reports_do_so_too_in_names_and_not_in_codes(name, found, saved):
    result = found[name]
    titles = re.findall(r"<h2>\d\. (.*?)</h2>", page_of(saved[name]))
    assert (titles[0], titles[-1]) == ("The finding", "Method")
    assert result.finding
    for line in result.finding:
        assert "KOFGIdj" not in line and "main:" not in line
    if name in ("threats", "curve"):
        assert "trade benefit index on globalisation index" in result.finding[0]


def test_a_figure_has_its_finding_as_title_or_the_one_that_is_asked_for(
    found, saved, tmp_path
):
    result = found["scenario"]
    (title,) = result.titles().values()
    assert re.fullmatch(r"\w+ changes most: [\w -]+ [+−][\d.e−]+( %)?", title)
    own = saved["scenario"] / "figures" / "largest.svg"
    assert title in own.read_text(encoding="utf-8")
    context = Context(title="A title of mine")
    (tmp_path / "asked").mkdir()
    write_parts(result, tmp_path / "asked", format="csv", figures=True, context=context)
    drawn = (tmp_path / "asked/figures/largest.svg").read_text(encoding="utf-8")
    assert "A title of mine" in drawn and title not in drawn


def test_titles_compare_what_there_is_to_compare():
    """A hyphen of a name is no minus."""
    tables = random_tables(regions=4, sectors=3, years=3, seed=1)
    named = replace(tables, regions=("A-1", "A-2", "A-3", "ROW"))
    assert re.fullmatch(
        r"A-\d moved most: \S+ in 2000(, \S+ in 2001)?, \S+ in 2002",
        trade_benefit_index(named).titles()["tbi"],
    )
    last = tx.trade_benefit_index(named)["tbi"].isel(year=-1).to_pandas().drop("ROW")
    told = f"{sum(last > 0)} of {len(last)} economies earn more than they pay, 2002"
    assert sum(last > 0) != sum(last < 0)
    assert trade_benefit_index(named).titles()["world"] == told


@pytest.fixture(scope="module")
def of_countries(small) -> dict[str, Result]:
    world = replace(small, regions=("CHN", "USA", "DEU", "ROW"))
    cut = tx.shocks.Cut(exporters="CHN", importers="USA", percent=10)
    thetas = pd.DataFrame({"sector": ["*"], "theta": [4.0]})
    economy = tx.Economy.from_tables(world, world.years[-1], thetas)
    return {
        "tbi": trade_benefit_index(world),
        "change": tx.change(world, "tbi"),
        "scenario": tx.scenarios(world, cut),
        "exact hat": tx.exact_hat(economy, deficits="closing"),
        "exposure": tx.supply_exposure(world, "CHN", "USA"),
    }


@pytest.mark.parametrize("name", ["tbi", "change", "scenario", "exact hat", "exposure"])
def test_findings_titles_and_tables_name_countries_and_no_codes(name, of_countries):
    result = of_countries[name]
    codes = r"\b(CHN|USA|DEU|ROW|value_added|tbi)\b"
    told = [result.sentence, *result.titles().values()]
    assert re.search("China|the United States", result.sentence)
    assert [k for k in told if re.search(codes, k)] == []
    shown = result._listings()[1 if name == "exact hat" else -1]
    assert not re.search(codes, shown.title.replace("ROW left out", ""))
    if name != "exposure":
        names = {row[0]: row[1] for row in shown.rows}
        assert shown.columns[:2] == ("region", "name")
        assert names["USA"] == "United States" and names.get("WLD", "world") == "world"


def test_a_finding_is_of_the_regions_that_were_asked_for(of_countries):
    for name in ("scenario", "exact hat"):
        told = replace(of_countries[name], asked=("DEU",)).sentence
        assert "Germany" in told and not re.search("China|United|Rest", told)


def test_an_index_of_one_region_is_told_by_itself_and_a_balance_of_0_is_none(small):
    world = replace(small, regions=("CHN", "USA", "DEU", "ROW"))
    whole = tx.trade_benefit_index(world)
    told = replace(whole, asked=["DEU"])
    first, change = told.sentence.split("\n")
    index = whole["tbi"].sel(region="DEU").values
    others = whole["tbi"].sel(region=["CHN", "USA"])[-1]
    higher = int((others > index[-1]).sum())
    assert first.startswith(
        f"In 2001 the trade benefit index of Germany is {index[-1]:+.4f}"
    )
    assert first.endswith(f"; {higher} of 3 economies have a higher one.")
    assert change == f"Its change since 2000 is {index[-1] - index[0]:+.4f}."
    assert not re.search("[a-z]", told.page("zh").sentence)
    alike = replace(whole, absorbed=0 * whole.absorbed + 1, exports=None)
    assert "va_balances" not in alike.titles()


@pytest.mark.parametrize("a, overlap", [(1e-6, False), (5.0, True)])
def test_a_ranking_says_where_its_intervals_overlap(small, a, overlap):
    error = tx.table_errors.Lognormal(a=a)
    found = tx.trade_benefit_index(small).with_errors(error)
    assert found.sentence.count(" Their 95 % intervals overlap.") == overlap
    assert found.page("zh").sentence.count("重叠") == overlap


@pytest.mark.parametrize("name", ["tbi", "change", "scenario"])
def test_titles_that_compare_say_that_some_are_not_shown(name, of_countries):
    start, whole = "Of those shown: ", of_countries[name]
    shown = replace(whole, asked=("DEU", "CHN"))
    some = shown.titles()
    assert not [k for k in whole.titles().values() if start in k]
    told = {k: v for k, v in some.items() if "most" in v or "Largest" in v}
    assert told and all(k.startswith(start) for k in told.values())
    chinese = [v for k, v in shown.page("zh").titles().items() if k in told]
    assert not [k for k in chinese if re.search("[a-z]{4}", k) or "图中" not in k]


def test_titles_say_the_largest_balances(of_countries):
    found = of_countries["tbi"]
    names = {"CHN": "China", "USA": "the United States", "DEU": "Germany"}
    flows, gross = (
        k.isel(year=-1).to_pandas() / 1000 for k in (found.absorbed, found.exports)
    )
    net, net_gross = flows - flows.T, gross - gross.T
    titles, year = found.titles(), found.tbi["year"].values[-1]
    who, whom = net.loc[[*names], [*names]].stack().idxmax()
    assert titles["va_balances"] == (
        f"Largest balance of {year}: {names[who]} with {names[whom]}, "
        f"{net.loc[who, whom]:+.2g} billion US$"
    )
    who = net.sum(axis=1)[[*names]].idxmin()
    whom = net_gross.loc[who, [k for k in names if k != who]].abs().idxmax()
    texts = [f"{k.loc[who, whom]:+,.0f}".replace("-", "−") for k in (net, net_gross)]
    text = (
        f"{names[who]} with {names[whom]}, {year}: {texts[0]} billion US$ in value "
        f"added, {texts[1]} gross"
    )
    assert titles["va_versus_gross"] == text[0].upper() + text[1:]


def test_exact_hat_prints_exact_real_income_first(of_countries):
    found = of_countries["exact hat"]
    shown = found._listings()[1]
    assert shown.columns[2:4] == ("real income", "real wage")
    income = found.changes["real_income"]
    assert shown.rows[0][0] == income.abs().idxmax()
    assert shown.rows[0][2] == f"{income[income.abs().idxmax()]:+.2f}"
    assert "revenue" not in shown.columns  # no tariff, no column of zeros


@pytest.mark.parametrize("name", PRINTED)
def test_a_report_begins_with_the_finding_and_ends_with_the_method(name, found, saved):
    result, page = found[name], page_of(saved[name])
    titles = re.findall(r"<h2>\d\. (.*?)</h2>", page)
    assert titles == ["The finding", "Table", "Figures", "Method"]
    assert page.count("<svg") == len(result.plots())
    for line in result.sentence.splitlines():
        assert f"<li>{line}</li>" in page
    for column in filter(None, result._listings()[-1].columns):
        assert f">{column}</th>" in page


def test_a_figure_that_is_not_there_is_named(found):
    assert "no figure curve_2" in refusal(lambda: found["curve"].plot("curve_2"))


def test_results_join_as_one(found):
    """Tables below each other, figures counted through, counts added up."""
    one = found["threats"]
    both = Joined((one, one))
    assert list(both.plots()) == ["threats_1", "threats_2"]
    assert len(both.to_frame()) == 2 * len(one.to_frame())
    facts = both.facts()
    assert (facts["models"], facts["rows"]) == (2, 2 * len(one.table))
    assert facts["residual_max"] == one.residual_max and facts["draws"] == one.draws
    figures = {name: plot() for name, plot in both.plots().items()}
    titles = [k.title for k in both.sections(figures)]
    assert titles == ["trade benefit index on globalisation index"] * 2
    assert both.titles() == dict.fromkeys(both.plots(), one.titles()["threats_1"])
    assert both.sentence == f"{one.sentence}\n{one.sentence}"


def test_the_figure_of_many_designs_shows_a_method_of_each_kind(found):
    """As the built-in study, which has more designs than there are colours."""
    designs = tuple(StudyDesign(f"{k}", clusters=9, years=6) for k in range(9))
    one = found["study"].to_frame()
    table = pd.concat([one.assign(design=k.name) for k in designs], ignore_index=True)
    drawn = Simulation(table, Study(designs, 2, 9), 0.0).plot()
    (axes,) = drawn.axes
    assert [k.get_text() for k in axes.get_yticklabels()][0] in {
        k.name for k in designs
    }
    assert np.isfinite(axes.get_xlim()).all()
