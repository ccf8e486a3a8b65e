"""``tivax replicate`` on the real data, run once, and then read as a user would."""

import json
import re
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from html import unescape
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple
from unittest.mock import MagicMock

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose

import tivax as tx
from tivax.engine import save_store
from tivax.engine.core import percent_text
from tivax.engine.panel.build import build_panel
from tivax.engine.panel.further_data import FurtherData
from tivax.engine.panel.recipe import CONTROLS, OUTCOMES, WIOD_COUNTRIES
from tivax.engine.papers.trade_imbalance import columns as paper
from tivax.engine.papers.trade_imbalance import (
    declared,
    heterogeneity,
    other_indices,
    robustness,
    specifications,
    write,
)
from tivax.engine.papers.trade_imbalance import inference as paper_inference
from tivax.engine.papers.trade_imbalance.replication import Computation
from tivax.engine.papers.trade_imbalance.report.answer import answer
from tivax.engine.papers.trade_imbalance.report.plots import Drawing, plots_of
from tivax.engine.papers.trade_imbalance.report.texts import report_words
from tivax.engine.papers.trade_imbalance.results import Replication
from tivax.engine.papers.trade_imbalance.tables import lagged_frame
from tivax.engine.papers.trade_imbalance.verdicts import verdicts
from tivax.engine.reporting import Language, draw, missing_font_note
from tivax.engine.tables import country_group

from commands import Answer, good, mistake, names
from described import assert_described
from helpers import random_tables, two_way

pytestmark = [pytest.mark.shared, pytest.mark.slow]

MANIFEST = (
    "command argv tivax python packages started wall_s seed device inputs "
    "residual_max outputs"
).split()
# paper_tables_reference.csv is independent code on the same panel, 1e-9 away; 1e-4 is
# the agreement promised, one unit of the last digit that the paper prints.
REFERENCE_ATOL = 1e-4
# In printed standard errors, as the README of the data: mean 0.018, largest 0.094.
MEAN_GAP, LARGEST_GAP = 0.02, 0.10
STARS = 137  # of 139; the two that differ stand at the edge of 10 % and of 5 %
# Numbers that the report prints with three decimals, recomputed from comparison.csv.
PRINTED_ATOL = 0.0005 + 1e-9
# From a csv file, which holds every digit, to the same arithmetic here.
RTOL = 1e-12
TABLES = ("table3", "table4", "table5", "table6")
COMPARISONS = (
    "table3a table3b table4a table4b table5 table6a table6b".split()  # blocks of a page
)
IV = ("iv_all", "iv_developed", "iv_developing", "iv_first_stage")
FROM_TABLES = [f"results/{k}" for k in ("index_with_errors", "coefficients")]
FROM_TABLES += ["results/index_of_tables_or_file"]  # with --tables
OF_MODELS = ["tables", "map", "equilibria", "intervals", "figures/world"]  # of --paper
FIGURES = (
    "table1_tbi tbi_coefficients table3_coefficients table4_coefficients "
    "table5_coefficients table6_coefficients pooled_parts "
    "specification_curve_KOFGIdj specification_curve_KOFEcGIdj "
    "joint_curve_KOFGIdj joint_curve_KOFEcGIdj "
    "leave_one_out_KOFGIdj leave_one_out_KOFEcGIdj "
    "table3_inference table4_inference table5_inference table6_inference "
    "threats_KOFGIdj threats_KOFEcGIdj few_threats direct_effects"
).split()
THREATS = (
    "unit trends,differences,weights,memberships,block by year,blocks left out,vintages"
).split(",")
PAPER = "tivax.engine.papers.trade_imbalance"
REPORT = f"{PAPER}.report"
COMMAND = import_module(f"{PAPER}.run")
HELPER = "tivax.engine.cli.inference.commands.helper_process"
CHINESE = re.compile("[\u4e00-\u9fff]")


class Done(NamedTuple):
    folder: Path
    answer: Answer
    result: Replication


class Blank(dict):
    """Empty figures of any name: drawing and saving takes seconds."""

    def __missing__(self, name: str) -> Figure:
        return Figure(figsize=(1, 1))


def computed(result: Replication) -> Callable[..., nullcontext]:
    """Stands for ``Computation``: the rest of a run without its half a minute."""
    return lambda files, drawing: nullcontext(SimpleNamespace(steps={}, result=result))


def run_kept(data: Path, folder: Path, *, draws: int, whole: bool = True) -> Done:
    """``tivax replicate`` with fewer draws, which change no claim, and its result.

    Of the threats, those that are declared and read here; the tests of threats try all
    on these data. In part: Table 3 alone is bootstrapped, three kinds of threats are
    tried, and figures are made but not saved.
    """
    kept = []

    def keeping(*arguments):
        kept.append(Computation(*arguments))
        return kept[-1]

    def drawn(result, language, drawing, *, files):
        for plot in plots_of(result, language).values():
            plot()
        return Blank()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(COMMAND, "Computation", keeping)
        for module, name, fewer in (
            (paper_inference, "infer_paper", {"draws": draws}),
            (declared, "declared_p_values", {"draws": draws}),
            (declared, "threats_to_main_tests", {"draws": draws}),
            (specifications, "joint_curves", {"draws": draws}),
            (robustness, "lagged_instrument", {"draws": draws}),
            (robustness, "placebo_treatments", {"panels": 32, "draws": 19}),
        ):
            patch.setattr(module, name, partial(getattr(module, name), **fewer))
        patch.setattr(robustness, "DEPENDENCE_DRAWS", 199)
        some = THREATS if whole else THREATS[:3]
        patch.setattr(tx, "threats", partial(tx.threats, only=some))
        if not whole:
            table_3 = [k for k in paper.paper_models() if k.tags["table"] == 3]
            patch.setattr(paper_inference, "paper_models", lambda: table_3)
            patch.setattr(Drawing, "begin", lambda *_: None)
            patch.setattr(write, "drawn_figures", drawn)
        answer = good("replicate", "--data", data, "--out", folder)
    return Done(folder, answer, kept[0].result)


@pytest.fixture(scope="session")
def done(shared, tmp_path_factory) -> Done:
    """The one run of the paper's data. Tests only read its folder."""
    folder = tmp_path_factory.mktemp("replication") / "out"
    return run_kept(shared / "data", folder, draws=499)


@pytest.fixture(scope="session")
def comparison(done) -> pd.DataFrame:
    return pd.read_csv(done.folder / "comparison.csv")


@pytest.fixture(scope="session")
def manifest(done) -> dict:
    return json.loads((done.folder / "manifest.json").read_text())


# ------------------------------------------------------------------ comparison.csv


def test_comparison_has_a_row_for_each_printed_coefficient(comparison):
    assert len(comparison) == 139
    assert not comparison.duplicated(["table", "column", "term"]).any()
    assert comparison.notna().all(axis=None)
    counts = comparison.groupby("table")["column"].nunique()
    assert counts.to_dict() == {3: 4, 4: 4, 5: 3, 6: 6}
    assert set(comparison["term"]) == {"TBI", "const", *CONTROLS}
    assert set(comparison["stars"]) <= {0, 1, 2, 3}


def test_every_coefficient_is_that_of_independent_code(comparison, shared):
    there = pd.read_csv(shared / "reference" / "paper_tables_reference.csv")
    keys = ["table", "column", "outcome", "sample", "term"]
    both = comparison.merge(there, on=keys, suffixes=("", "_there"))
    assert len(both) == len(there) == 139 and (both["n"] == both["n_there"]).all()
    for name in ("coef", "se", "r2"):
        assert_allclose(both[name], both[f"{name}_there"], rtol=0, atol=REFERENCE_ATOL)


def gaps_of(comparison: pd.DataFrame) -> pd.Series:
    return (comparison.coef - comparison.paper_coef).abs() / comparison.paper_se


def test_the_print_is_met_within_a_tenth_of_its_standard_errors(comparison):
    gaps = gaps_of(comparison)
    assert gaps.mean() < MEAN_GAP and gaps.max() < LARGEST_GAP
    signs = np.sign(comparison.coef) == np.sign(comparison.paper_coef)
    assert signs.sum() == 139
    assert (comparison.stars == comparison.paper_stars).sum() >= STARS


# ------------------------------------------------------------------------ the files


def test_every_promised_file_is_there_and_no_other(done):
    expected = [
        "comparison.csv", "panel.csv", "codebook.csv", "report.html", "manifest.json",
        "figure1.svg", "figure1.png", "figure1.pdf", "tables", "results", "figures",
    ]  # fmt: skip
    assert names(done.folder) == sorted(expected)
    made = [*TABLES, *(f"{k}_comparison" for k in COMPARISONS), *IV]
    kinds = ("html", "tex", "csv")
    assert names(done.folder / "tables") == sorted(
        f"{k}.{x}" for k in made for x in kinds
    )
    assert_described("replicate", done.folder, but=[*FROM_TABLES, *OF_MODELS])
    assert names(done.folder / "figures") == sorted(
        f"{k}.{x}" for k in FIGURES for x in ("svg", "png", "pdf")
    )
    assert names(done.folder.parent) == ["out"]  # nothing half-made beside it


def test_the_manifest_tells_what_was_read_and_written(done, manifest, shared):
    assert list(manifest)[: len(MANIFEST)] == MANIFEST
    assert manifest["command"] == "replicate"
    assert manifest["seed"] == paper_inference.SEED
    data, out = str(shared / "data"), str(done.folder)
    assert manifest["argv"] == ["tivax", "replicate", "--data", data, "--out", out]
    files = [k for k in done.folder.rglob("*") if k.is_file()]
    written = {k.relative_to(done.folder).as_posix() for k in files}
    assert set(manifest["outputs"]) == written - {"manifest.json"}
    read = {Path(k["path"]).name for k in manifest["inputs"]}
    # What data.toml names, for the panel and for the specification curve.
    toml = (shared / "data" / "data.toml").read_text()
    named = re.findall(r'"([^" ]*/)([^"/ ]+\.[a-z0-9]+)"', toml)
    assert {name for _, name in named} <= read and "data.toml" in read
    # Of the world tables, those of the panel's years.
    tables = {name for name in read if name.startswith("wiot")}
    assert tables == {f"wiot_{year}.RData" for year in range(2000, 2012)}
    assert 0 < manifest["residual_max"] < 1e-10


def test_the_manifest_names_the_database_of_every_published_file(manifest):
    sources = {Path(k["path"]).name: k.get("source") for k in manifest["inputs"]}
    without = {name for name, source in sources.items() if source is None}
    assert without == {"data.toml", "tbi_reconstructed_2000_2014.csv"}
    assert sources["KOFGI_2023_public.xlsx"] == "kof"
    assert sources["wdi_older_econ-openness.csv"] == "wdi"
    assert sources["WEOApr2021all.csv.bz2"] == "weo"
    assert sources["broad.xlsx"] == "bis"
    assert sources["wiot_2000.RData"] == "wiod2013"


def test_the_manifest_repeats_the_agreement(manifest, comparison):
    gaps = gaps_of(comparison)
    told = [manifest["mean_gap"], manifest["largest_gap"]]
    assert_allclose(told, [gaps.mean(), gaps.max()], rtol=RTOL)
    assert (manifest["coefficients"], manifest["signs_equal"]) == (139, 139)
    equal = int((comparison.stars == comparison.paper_stars).sum())
    assert manifest["stars_equal"] == equal
    assert (manifest["codes"], manifest["rows"]) == ("paper", 615)


def test_results_have_a_row_for_each_regression(done):
    rows = {k.stem: len(pd.read_csv(k)) for k in (done.folder / "results").iterdir()}
    assert rows["table1"] == 120
    assert rows["figure1"] == 30  # two groups in fifteen years
    assert rows["instrumental_variables"] == 15  # five outcomes in three samples
    assert rows["standard_errors"] == 17 * len(robustness.ERRORS)
    assert rows["pesaran_cd"] == 17
    assert rows["interactions"] == 25
    assert rows["pooled_parts"] == 15
    # Each column in full and without each country of its sample.
    assert rows["leave_one_out"] == 17 + 7 * 41 + 5 * (22 + 19)
    assert rows["recipe_fixed"] == 139
    assert rows["index_variants"] == 15 * len(other_indices.INDICES)
    assert rows["specification_curve"] % 15 == 0


def test_inference_is_about_the_coefficients_of_the_paper(done):
    """The order of p-values is as known: CV3 exceeds CV1 in every column, and no placebo
    can be below 1 / (1 + draws)."""
    rows = done.result.inference.rows
    assert (rows["cv3_p_value"] > rows["cv1_p_value"]).all()
    assert (rows["placebo_p_value"] >= 1 / (1 + rows["placebo_draws"])).all()
    assert rows["clusters"].tolist() == [
        {"all": 41, "developed": 22, "developing": 19}[k] for k in rows["sample"]
    ]
    assert (rows["effective_clusters"] < rows["clusters"]).all()


def test_figure_1_is_the_means_of_the_panel(done):
    panel = pd.read_csv(done.folder / "panel.csv")
    means = pd.read_csv(done.folder / "results" / "figure1.csv")
    for group, code in (("developed", 1), ("developing", 0)):
        own = panel[panel["developed"] == code].groupby("year")["KOFEcGIdj"].mean()
        drawn = means[means["sample"] == group].set_index("year")["KOFEcGIdj"]
        assert_allclose(drawn, own, rtol=RTOL)


# ------------------------------------------------------- inputs that serve less well


def data_folder(shared: Path, folder: Path, *, tbi="", kof="", recipe="") -> Path:
    """``folder/data`` with a data.toml that points at the real files alone."""
    data = folder / "data"
    data.mkdir()
    text = (shared / "data" / "data.toml").read_text()
    text = text.partition("[alternatives]")[0]
    text = re.sub(r'"([^" ]+/[^"]+)"', rf'"{shared / "data"}/\1"', text)
    for section, path in (("tbi", tbi), ("kof", kof)):
        if path:
            named = rf'(\[{section}\][^\[]*?file = )"[^"]*"'
            text = re.sub(named, rf'\1"{path}"', text, count=1)
    (data / "data.toml").write_text(f"{text}\n{recipe}\n")
    return data


@pytest.fixture(scope="module")
def lacking(done, shared, tmp_path_factory) -> Done:
    """An index with a blank cell and without Romania, and de jure indices alone.

    What no sentence about other data reads is that of the one run.
    """
    folder = tmp_path_factory.mktemp("lacking")
    index = pd.read_csv(shared / "data/wiod2016/tbi_reconstructed_2000_2014.csv")
    index = index[index["iso3"] != "ROU"].drop(columns="source")
    index.loc[(index["iso3"] == "JPN") & (index["year"] == 2005), "tbi"] = np.nan
    index.to_csv(folder / "index.csv", index=False)
    kof = pd.read_stata(shared / "data/panel/kof/KOF_Data_2018.dta")
    names = [*kof.columns.intersection(["code", "country", "year"]), *OUTCOMES]
    kof[names].to_stata(folder / "kof.dta", write_index=False, version=118)
    data = data_folder(shared, folder, tbi=folder / "index.csv", kof=folder / "kof.dta")
    known = {
        (robustness, "lagged_instrument"): done.result.lagged,
        (FurtherData, "world_tables"): SimpleNamespace(source="wiod2013"),
        (other_indices, "index_variants"): done.result.variants,
        (robustness, "other_errors"): done.result.errors,
        (heterogeneity, "interactions"): done.result.interactions,
        (other_indices, "gross_trade"): done.result.gross,
        (specifications, "joint_curves"): done.result.joint,
        (specifications, "leave_one_out"): done.result.left_out,
    }
    with pytest.MonkeyPatch.context() as patch:
        for (module, name), part in known.items():
            patch.setattr(module, name, lambda *_, part=part, **__: part)
        # Its words are read, neither its p-values nor its figures.
        return run_kept(data, folder / "out", draws=199, whole=False)


def test_a_missing_cell_leaves_the_dependence_over_the_years_in_common(lacking):
    table = pd.read_csv(lacking.folder / "results" / "pesaran_cd.csv")
    missing = table["sample"] != "developing"
    assert (table["unbalanced"] == missing.astype(int)).all()
    assert table.notna().all(axis=None)
    page = Page((lacking.folder / "report.html").read_text(encoding="utf-8"))
    assert "Countries lack years in some columns (1 countries at most)" in page.text
    sizes = pd.read_csv(lacking.folder / "comparison.csv").groupby("sample")["n"]
    assert sizes.first().to_dict() == {"all": 614, "developed": 329, "developing": 285}


def test_other_data_are_not_called_the_paper(lacking):
    """A cell less is other data: title, verdicts and tables say so."""
    html = (lacking.folder / "report.html").read_text(encoding="utf-8")
    text = Page(html).text
    assert "The paper's models on other data: 41 countries, 2000 to 2014" in text
    assert "614 complete rows (329 developed, 285 developing) in place of 615" in text
    assert re.search(r"H1, the same rule applied to these data: [a-z ]+\. ", text)
    assert "are no measure of how well the paper is replicated" in text
    assert "The paper's tables beside these data" in text
    assert "The paper's hypotheses on these data" in text
    assert "Every test of the paper's hypotheses on these data" in text
    for gone in ("The paper recomputed", "The three hypotheses", "results were known"):
        assert gone not in text
    assert "The same rule on these data: H1 is " in lacking.answer.out
    assert "Not the paper's data: 614 complete rows" in lacking.answer.out
    manifest = json.loads((lacking.folder / "manifest.json").read_text())
    assert manifest["papers_data"] is False


def test_sections_that_the_inputs_do_not_serve_are_skipped_with_a_reason(lacking):
    page = Page((lacking.folder / "report.html").read_text(encoding="utf-8"))
    lines = lacking.answer.out.splitlines()
    for section, told in (
        ("Every country code repaired", "index.csv: no rows for ROU; add what is"),
        ("Table 2", "kof.dta: lacks one of KOFSoGIdj, KOFIpGIdj, KOFInGIdj, KOFCuGIdj"),
    ):
        why = lacking.result.skipped[section]
        assert told in why
        assert f"{section} skipped: {why}" in lines
        assert f"Not computed: {why}." in page.text
    results = names(lacking.folder / "results")
    assert not {"recipe_fixed.csv", "table2_structure.csv"} & set(results)
    assert names(lacking.folder / "tables")  # the paper's tables are all there


def test_sentences_are_about_these_data_and_not_the_papers(lacking):
    page = Page((lacking.folder / "report.html").read_text(encoding="utf-8"))
    assert not lacking.result.curve.identified or "identified" in page.text
    assert "TBI is read from a file." in page.text
    for fixed in ("ten of fifteen", "with 15 they are known", "raw files"):
        assert fixed not in page.text


def test_samples_too_small_are_refused_in_one_line(shared, tmp_path, monkeypatch):
    """What runs beside it is left out."""
    monkeypatch.setattr(f"{PAPER}.replication._drawn", lambda *_, **__: None)
    monkeypatch.setattr(HELPER, lambda *_: MagicMock())
    dropped = sorted(set(WIOD_COUNTRIES) - {*"AUS SWE USA BGR TUR".split()})
    data = data_folder(shared, tmp_path, recipe=f"drop = {json.dumps(dropped)}")
    assert (
        "sample all: 5 countries are left for 8 regressors; it takes more countries "
        "than regressors; shorten [recipe] drop in data.toml"
    ) in mistake("replicate", "--data", data, "--out", tmp_path / "o")
    assert names(tmp_path) == ["data"]


# ------------------------------------------------------------------------ the report


class Page:
    """The text outside figures, and the captions."""

    def __init__(self, html: str) -> None:
        self.captions = [
            plain(k) for k in re.findall(r"<figcaption.*?</figcaption>", html, re.S)
        ]
        self.text = plain(re.sub(r"<(svg|style)\b.*?</\1>", "", html, flags=re.S))


def plain(html: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", html)).replace("\u00a0%", " %")


@pytest.fixture(scope="session")
def html(done) -> str:
    return (done.folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def page(html) -> Page:
    return Page(html)


def test_the_report_says_which_countries_were_lost_and_why(page, done):
    for iso3, why in (
        ("ROU", "coded ROM in the KOF Globalisation Index"),
        ("TWN", "not in the KOF Globalisation Index"),
    ):
        told = re.escape(f"{iso3} is not in the panel: {why}")
        assert re.search(told, page.text) and re.search(told, done.answer.out)


def test_every_figure_is_in_the_page(html):
    assert html.count("<svg") == len(FIGURES) + 1


def test_the_papers_tables_are_named_by_their_numbers(page):
    for number in (3, 4, 5, 6):
        assert any(f"Table {number}" in caption for caption in page.captions)
    assert any(caption.startswith("Table 1") for caption in page.captions)
    assert any(caption.startswith("Figure 1") for caption in page.captions)
    # Our own are told apart by a letter and counted without a gap.
    for word in ("Table", "Figure"):
        own = [re.match(rf"{word} A(\d+)", k) for k in page.captions]
        counted = [int(k[1]) for k in own if k]
        assert counted == list(range(1, len(counted) + 1)) and len(counted) > 5


def test_agreement_in_the_report_is_that_of_comparison_csv(page, comparison):
    gaps = gaps_of(comparison)
    found = re.search(
        r"by ([\d.]+) printed standard errors on average and ([\d.]+) at most "
        r"\(Table (\d), column (\d), (\w+)\)\. (\d+) of 139 signs and (\d+) of 139 star",
        page.text,
    )
    assert found is not None
    assert_allclose(float(found[1]), gaps.mean(), rtol=0, atol=PRINTED_ATOL)
    assert_allclose(float(found[2]), gaps.max(), rtol=0, atol=PRINTED_ATOL)
    worst = comparison.loc[int(gaps.to_numpy().argmax()), ["table", "column", "term"]]
    assert [*found.groups()[2:5]] == [str(k) for k in worst]
    signs = np.sign(comparison.coef) == np.sign(comparison.paper_coef)
    stars = comparison.stars == comparison.paper_stars
    assert (int(found[6]), int(found[7])) == (signs.sum(), stars.sum())
    assert "on 615 rows (330 developed, 285 developing)" in page.text


def test_gaps_of_each_table_are_those_of_its_rows(page, comparison):
    found = re.findall(
        r"(\d+) coefficients; mean gap ([\d.]+) and largest ([\d.]+) printed", page.text
    )
    assert len(found) == 4
    gaps = gaps_of(comparison)
    for number, (count, mean, largest) in zip((3, 4, 5, 6), found, strict=True):
        own = gaps[comparison["table"] == number]
        assert int(count) == len(own)
        assert_allclose(float(mean), own.mean(), rtol=0, atol=PRINTED_ATOL)
        assert_allclose(float(largest), own.max(), rtol=0, atol=PRINTED_ATOL)


def test_stars_that_differ_are_named(page, comparison):
    other = comparison[comparison.stars != comparison.paper_stars]
    for row in other.itertuples():
        assert (
            f"{row.term} in column {row.column} (paper {row.paper_stars}, ours {row.stars})"
            in page.text
        )
    assert len(re.findall(r"\(paper \d, ours \d\)", page.text)) == len(other)


def test_every_coefficient_of_the_index_stands_in_the_summary(page, comparison):
    for row in comparison[comparison["term"] == "TBI"].itertuples():
        printed = row.paper_coef, row.paper_se, row.paper_stars
        for coef, se, stars in ((row.coef, row.se, row.stars), printed):
            cell = f"{coef:.4f}{'*' * stars} ({se:.4f})".replace("-", "−")
            assert cell in page.text


def test_table_1_is_told_from_what_it_is_made_of(page, done):
    own = pd.read_csv(done.folder / "results" / "table1.csv")
    gaps = own["difference"].abs()
    found = re.search(
        r"Of the 120 printed values 120 are there; they differ by ([\d.]+) on average "
        r"and ([\d.]+) at most \((\w+) (\d+)\); (\d+) agree to four digits",
        page.text,
    )
    assert found is not None
    # Printed with four decimals.
    assert_allclose(float(found[1]), gaps.mean(), rtol=0, atol=0.00005 + 1e-9)
    assert_allclose(float(found[2]), gaps.max(), rtol=0, atol=0.00005 + 1e-9)
    worst = own.iloc[int(gaps.to_numpy().argmax())]
    assert (found[3], int(found[4])) == (worst["iso3"], worst["year"])
    assert int(found[5]) == (gaps < 0.00005).sum()


def test_conclusions_follow_from_the_tests_by_the_rule(page, done, html):
    """Re-read from the tables of the page, and from the files beside it."""
    tests = pd.read_csv(done.folder / "results" / "declared_tests.csv")
    for name in ("H1", "H2", "H3"):
        table = re.search(rf"Tests of {name}\..*?<tbody>(.*?)</tbody>", html, re.DOTALL)
        assert table is not None
        stand, checks, parts, by_the_paper = [], [], 0, 0
        rows = re.findall(r"<tr>(.*?)</tr>", table[1], re.DOTALL)
        own = tests[tests["hypothesis"] == name].to_dict("records")
        for row, test in zip(rows, own, strict=True):
            cells = re.findall(r"<td[^>]*>(.*?)</td>", row)
            claim, _, role, estimate, _, papers, p, _, family, _, survived, holds = (
                cells
            )
            sign = -1 if "stronger in developing" in claim else 1
            signed = sign * float(estimate.replace("−", "-")) > 0
            expected = signed and test["p_value"] < 0.05 - 2 * test["p_mc"]
            assert holds == ("yes" if expected else "no"), claim
            assert_allclose(float(p), test["p_value"], rtol=0, atol=0.00005 + 1e-9)
            by_the_paper += signed and float(papers) < 0.05
            if role == "main test":
                kept, asked = map(int, survived.split(" of "))
                over = test["p_family"] < 0.05 - 2 * test["p_family_mc"]
                stand.append(expected and over and kept == asked)
            elif role == "check":
                checks.append(expected)
            parts += role == "part of a main test"
        rule = "supported in part" if any(stand) else "not supported"
        rule = "supported" if all(stand) and all(checks) else rule
        assert f"{name}: {rule}. " in page.text
        assert f"{name} is {rule}. " in done.answer.out
        verb = "holds" if sum(checks) == 1 else "hold"
        counted = f"{sum(checks)} of {len(checks)} checks {verb}"
        among = f", {parts} parts of main tests among them." if parts else "."
        assert (
            f"{counted}; by the paper's own p {by_the_paper} of {len(rows)} would "
            f"hold{among}" in page.text
        )
        assert counted in done.answer.out


def test_the_index_of_the_release_before_takes_the_developing_result_away(page, done):
    """shared/design/trust.md, C3; by hand with all dummies: 18 countries, 12 years."""
    table = pd.read_csv(done.folder / "results" / "threats.csv")
    rows = table[(table["threat"] == "vintage") & (table["model"] == "table4-4")]
    assert_allclose(rows["estimate"], [18.99, 0.78, 18.21], atol=0.0051)
    assert_allclose(rows["p_value"].iloc[:2], [0.034, 0.94], atol=0.002)
    assert rows["n"].tolist() == [216, 216, 432]
    assert set(rows["clusters"]) == {18}
    # Of the difference, which no test of one and of the other is: trust_3.md, F5.
    assert rows["wild_p_value"].iloc[2] > 0.1
    assert "18.21 (11.45) [" in page.text and "no longer are" not in page.text
    assert "correlation of the two measures net of all else 0.57" in page.text
    pooled = table[(table["threat"] == "vintage") & (table["model"] == "table3-3")]
    assert "net of all else 0.70" in str(pooled["note"].iloc[1])


def test_the_curves_of_the_page_are_those_of_the_files(page, done):
    folder = done.folder / "results"
    tests = pd.read_csv(folder / "curve_tests.csv")
    rows = pd.read_csv(folder / "curve_specifications.csv")
    # Weighted specifications are a curve of their own.
    assert len(tests) == 3 * 5 * 3
    # Four sets of controls, three forms, three sets of effects, two of countries,
    # weights, and indices.
    assert rows["outcome"].value_counts().to_dict() == dict.fromkeys(OUTCOMES, 288)
    own = rows[rows["chosen"]].set_index("outcome")
    printed = pd.read_csv(done.folder / "comparison.csv").query(
        "term == 'TBI' and sample == 'all'"
    )
    for outcome in OUTCOMES:
        coef = printed[printed["outcome"] == outcome]["coef"].iloc[-1]
        assert_allclose(own["estimate"][outcome], coef, rtol=1e-8)
    tests["below"] = tests["p_value"] + 2 * tests["mc_error"] < 0.05
    counted = tests[tests["weights"] == "none"]
    below = counted.groupby(["choices", "outcome"])["below"].all()
    for choices, count in below.groupby("choices").sum().items():
        sentence = f"ver the {choices} set all three tests reject no effect at 5 % for "
        assert f"{sentence}{count} of 5 outcomes" in page.text


def test_sentences_of_models_name_the_columns_of_the_paper(page):
    text = page.text.replace("\u00a0", " ")
    told = r"Table 3 \(3\): The effect of [^;]*? is turned or gone under \d+ of \d+ th"
    assert re.search(told, text)
    curves = r"Table 3 \(3\): The effect of [^;]* specifications without weights"
    assert re.search(curves, text)
    assert not re.search(r"table\d-\d: ", text)


def test_a_hypothesis_has_one_p_in_all_files_and_sections(done):
    folder = done.folder / "results"
    declared_p = pd.read_csv(folder / "declared_tests.csv")
    main = declared_p[declared_p["role"] == "main"].set_index("model")["p_value"]
    threats = pd.read_csv(folder / "threats.csv")
    first = threats[threats["threat"] == "the model"].set_index("model")["wild_p_value"]
    assert_allclose(first, main[first.index], rtol=RTOL)
    for curve in (done.result.joint.narrow, done.result.joint.wide):
        own = curve.table[curve.table["chosen"]].set_index("model")["wild_p_value"]
        assert_allclose(own, main[own.index], rtol=RTOL)
    drawn = pd.read_csv(folder / "bootstrap_and_placebo.csv").set_index("model")
    assert_allclose(drawn["wild_p_value"][main.index], main, rtol=RTOL)


def test_treatments_that_did_nothing_are_beside_common_shocks(page, done):
    sizes = pd.read_csv(done.folder / "results" / "placebo_treatments.csv")
    wide = sizes.pivot(index="outcome", columns="method", values="size")
    assert set(wide.index) == set(OUTCOMES)
    # Half of them where the outcome held TBI's own effect, which placebos share.
    assert wide.loc["KOFGIdj", "common shocks"] <= wide.loc["KOFGIdj", "WCR"] < 0.15
    # Five years' worth of waves in one outcome: errors of ten points.
    assert (sizes["mc_error"] > 0.05).all()
    assert "Would a treatment that did nothing be significant?" in page.text
    assert page.text.count("its correlation between countries, but without any") == 2


def test_the_threats_of_the_page_are_those_of_the_file(page, done):
    table = pd.read_csv(done.folder / "results" / "threats.csv")
    first = table[(table["model"] == "table3-3") & (table["threat"] == "left out")]
    (row,) = first[first["variant"] == "EU entrants of 2004 to 2013"].to_dict("records")
    cell = f"{row['estimate']:.2f} ({row['se']:.2f}) [{row['wild_p_value']:.4f}]"
    assert cell.replace("-", "−") in page.text or cell in page.text
    # By hand from the paper's data: see the tests of threats.
    assert_allclose([row["estimate"], row["se"]], [-0.35, 2.06], rtol=0, atol=0.005)


def test_tables_of_the_report_have_no_column_of_row_numbers(html):
    bodies = re.findall(r"<tbody>(.*?)</tbody>", html, re.DOTALL)
    heads = [re.findall(r'<tr><th scope="row">(.*?)</th>', body) for body in bodies]
    numbers = [head for head in heads if head and all(k.isdigit() for k in head)]
    # Years are the only numbers that name rows.
    assert all(len(k) == 4 for head in numbers for k in head)


def test_the_report_says_what_the_numbers_do_not_show(page, done):
    for told in (
        "so their results were known",
        "Tests overlap",
        "a significant opposite sign counts only as not holding",
        "“and through them on globalisation”, is not tested",
        "an index read from a file: 5 years from world tables by Stata's icio, "
        "10 years reconstructed",
        "One instrument for one regressor leaves no over-identification test",
        "not serially correlated",
        "no store of world tables was given",
        "BEL 15, LUX 14",
        "p-values are from the t distributions named below",
        f"a correlation of {done.result.gross.correlation:.2f}",
        "All are on the same 615 rows of the full sample",
    ):
        assert told in page.text, told
    for gone in (
        "named before their results",
        "re-weights",
        "raw files",
        "usual measures",
    ):
        assert gone not in page.text, gone


def test_specifications_on_other_rows_are_told(done):
    rows = done.result.curve.rows.copy()
    rows.loc[rows["PWT"] == "9.1", "n"] -= 15
    told = import_module(f"{REPORT}.specifications")._rows_sentence(
        rows, report_words()
    )
    assert told.startswith(
        "Some files lack cells: 33 % of the specifications of the full sample have 600 to "
        "600 rows in place of 615"
    )


def text_of(section) -> str:
    """The words of a section's texts, points and headings."""
    parts = []
    for block in section.blocks:
        parts += getattr(block, "points", None) or [getattr(block, "text", "")]
    return " ".join(parts)


def test_the_papers_data_are_called_so(page, done, manifest):
    assert done.result.other_data == [] and manifest["papers_data"] is True
    assert "The paper recomputed" in page.text
    assert "Not the paper's data" not in done.answer.out
    assert "Reconstructed years (10) are estimated from gross trade" in page.text
    assert (
        "Index: read from a file: 5 years from world tables by Stata's icio, "
        "10 years reconstructed"
    ) in done.answer.out.splitlines()


@pytest.mark.parametrize("what", ["edition", "years", "rows", "index", "index cell"])
def test_each_difference_makes_the_data_others(done, what):
    result = done.result
    files, frame, table = result.files, result.panel.frame, result.table_1
    gap = table["difference"]
    if what == "edition":
        files = replace(files, kof=replace(files.kof, name="2020"))
    if what == "years":
        files = replace(files, years=(2000, 2013))
    if what == "rows":
        frame = frame[frame["iso3"] != "MLT"]
    if what == "index":
        table = table.assign(difference=gap + 0.01)
    if what == "index cell":
        table = table.assign(difference=gap.where(table["iso3"] != "JPN"))
    panel = replace(result.panel, frame=frame)
    other = replace(result, files=files, panel=panel, table_1=table)
    assert len(other.other_data) == 1
    title, _ = import_module(f"{REPORT}.page").titles(other, report_words())
    countries = 40 if what == "rows" else 41
    told = f"The paper's models on other data: {countries} countries, 2000 to 2014"
    assert title == told


def test_strength_is_told_by_each_critical_value(done):
    report = import_module(f"{REPORT}.robustness")
    frame, words = lagged_frame(done.result.lagged), report_words()
    told = report._strength(frame, words)
    assert told.count("above in every one") == 2
    assert "below in the sample developing (F = 83.8)" in told
    strong = report._strength(frame.assign(kp_f=500.0, effective_f=500.0), words)
    assert strong.count("above in every one") == 3
    weak = report._strength(frame.assign(kp_f=5.0, effective_f=5.0), words)
    assert weak.count("below in the sample all (F = 5.0), developed") == 3


def test_caveats_follow_the_data(done, page):
    findings = import_module(f"{REPORT}.findings")
    result = done.result
    for told in (
        "The subsamples have 22 and 19 countries",
        "repeats the tests of TBI under bootstraps and placebos",
        "one country's surplus is the deficit of others",
        "Westfall and Young's, in the section",
        "In 2014, the last year of the panel, the mean economic index of this edition",
    ):
        assert told in page.text, told
    for gone in (
        "are the next check",
        "No p-value here is corrected",
        "whatever the str",
    ):
        assert gone not in page.text, gone
    without = text_of(findings.caveats(replace(result, inference=None), report_words()))
    assert "No p-value here is corrected for that" in without
    assert "bootstrap and placebo were not computed here" in without
    newer = replace(result.files, kof=replace(result.files.kof, name="2020"))
    assert "this edition of the KOF" not in text_of(
        findings.caveats(replace(result, files=newer), report_words())
    )
    # Without the jump there is no sentence of it.
    frame = result.panel.frame.copy()
    before = frame.loc[frame["year"] == 2013, "KOFEcGIdj"].to_numpy()
    frame.loc[frame["year"] == 2014, "KOFEcGIdj"] = before
    flat = replace(result, panel=replace(result.panel, frame=frame))
    assert "this edition of the KOF" not in text_of(
        findings.caveats(flat, report_words())
    )


def test_the_rule_for_2001_is_told_where_there_is_a_2001(done):
    told = partial(import_module(f"{REPORT}.data")._filled, words=report_words())
    frame = done.result.panel.frame
    assert "filled by the rule" in told(done.result)
    later = replace(done.result.panel, frame=frame[frame["year"] > 2001])
    assert told(replace(done.result, panel=later)) == ""


def test_dependence_is_counted_with_its_simulation_error(done):
    report = import_module(f"{REPORT}.robustness")
    table = done.result.dependence.copy()
    names = ["p_value", "mean_absolute_p_value", "first_component_p_value"]
    errors = ["mc_error", "mean_absolute_mc_error", "first_component_mc_error"]
    table[names], table[errors] = 0.2, 0.002
    table.loc[:2, "p_value"], table.loc[3, "p_value"] = 0.01, 0.047
    text = " ".join(block.text for block in report._dependence(table, report_words()))
    assert "by CD* in 3 (1 more at the threshold within simulation error), the" in text
    assert "Countries lack years" not in text


def test_the_share_between_groups_is_told_where_there_is_one(page, done):
    parts = pd.read_csv(done.folder / "results" / "pooled_parts.csv")
    for outcome, rows in parts.groupby("outcome"):
        own = rows.set_index("part")["contribution"]
        share = f"{percent_text(own['between groups'] / own.sum())} for {outcome}"
        one_sign = (own > 0).all() or (own < 0).all()
        assert (share in page.text) == one_sign
        if not one_sign:
            assert f"It has none for {outcome}: the parts have opposite" in page.text


def test_no_number_of_the_report_is_missing_or_printed_as_code(page, html):
    for text in ("nan", "Traceback", "np.float64", "<NA>"):
        assert not re.search(rf"(?<!\w){re.escape(text)}(?!\w)", page.text), text
    assert not re.search(r">(None|NaN|nan)<", html)


# ------------------------------------------------------------------ the command line


def test_the_findings_are_printed(done, comparison):
    gaps = gaps_of(comparison)
    lines = done.answer.out.splitlines()
    assert lines[0].startswith("All 139 printed coefficients are reproduced")
    assert lines[1] == (
        "Panel: 615 rows = 330 developed + 285 developing, recipe paper"
    )
    stars = (comparison.stars == comparison.paper_stars).sum()
    assert (
        f"139 coefficients beside the print: gap {gaps.mean():.3f} printed standard "
        f"errors on average, {gaps.max():.3f} at most; 139 signs and {stars} star counts "
        "agree"
    ) in lines
    assert (
        "Table 1 was not computed from world tables: no --tables of WIOD 2016 given"
    ) in lines
    assert lines[-1] == f"Open {done.folder / 'report.html'}"
    steps = [k for k in done.answer.err.splitlines() if k.startswith("tivax: step ")]
    assert steps[0] == "tivax: step 1 of 18: panel"
    assert steps[-1] == "tivax: step 18 of 18: report"


# --------------------------------------------------------------- Chinese, and --force


# Figures of every kind, and what is written in them.
IN_CHINESE = {
    "figure1": ["全球化综合指数", "发展中国家", "指数（1—100）"],
    "table3_coefficients": ["贸易利益指数", "原文"],
    "tbi_coefficients": ["贸易利益指数系数", "表3，全样本"],
    "specification_curve_KOFGIdj": ["识别的设定", "系数"],
    "leave_one_out_KOFEcGIdj": ["剔除的国家", "发达国家"],
    "pooled_parts": ["斜率", "合并样本"],
}


@pytest.fixture(scope="module")
def chinese(done, shared, tmp_path_factory) -> Path:
    """The same with Chinese labels; all figures are drawn, those that are read saved."""

    def drawn(result: Replication, language: Language, drawing, *, files) -> Blank:
        every = {name: plot() for name, plot in plots_of(result, language).items()}
        return Blank({name: draw(every[name]) for name in IN_CHINESE})

    folder = tmp_path_factory.mktemp("chinese") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HELPER, lambda *_: MagicMock())  # which has nothing to draw
        patch.setattr(COMMAND, "Computation", computed(done.result))
        patch.setattr(write, "drawn_figures", drawn)
        words = ("--out", folder, "--language", "zh", "--quiet")
        told = good("replicate", "--data", shared / "data", *words).err
    # Where no font is installed that has the letters.
    assert told.count("\n") == (missing_font_note("zh") is not None)
    return folder


def test_results_are_written_in_other_formats(done, tmp_path, monkeypatch):
    """Journal tables stay html, tex and csv."""
    monkeypatch.setattr(write, "drawn_figures", lambda *_, **__: {})
    write.write_replication(done.result, tmp_path, figures=False, format="dta")
    for old in done.folder.glob("results/*.csv"):
        assert (tmp_path / "results" / f"{old.stem}.dta").is_file()
    assert names(tmp_path / "tables") == names(done.folder / "tables")
    assert {"comparison.dta", "panel.dta"} < {*names(tmp_path)}


@pytest.mark.parametrize("kind", ["html", "tex", "csv"])
def test_tables_have_chinese_labels(chinese, done, kind):
    text = (chinese / "tables" / f"table3.{kind}").read_text(encoding="utf-8")
    for word in ("常数项", "年份固定效应", "国家固定效应", "观测值"):
        assert word in text
    both = (chinese / "tables" / f"table6a_comparison.{kind}").read_text("utf-8")
    for word in ("发达国家", "原文", "本文复算", "差异"):
        assert word in both
    english = (done.folder / "tables" / f"table3.{kind}").read_text(encoding="utf-8")
    assert not CHINESE.search(english)


@pytest.mark.parametrize("name, expected", IN_CHINESE.items())
def test_figures_have_chinese_text(chinese, done, name, expected):
    place = Path("." if name == "figure1" else "figures", f"{name}.svg")
    svg = (chinese / place).read_text(encoding="utf-8")
    texts = " ".join(re.findall(r"<text[^>]*>(.*?)</text>", svg, re.DOTALL))
    for word in expected:
        assert word in texts
    english = (done.folder / place).read_text(encoding="utf-8")
    assert not CHINESE.search(english)


def test_the_report_has_chinese_tables_and_figures(chinese):
    html = (chinese / "report.html").read_text(encoding="utf-8")
    page = Page(html)
    assert '<html lang="zh-CN">' in html
    assert any(caption.startswith("图A1") for caption in page.captions)
    assert any("基准回归结果" in k for k in re.findall(r"<h3>(.*?)</h3>", html))
    assert "常数项" in page.text
    # All of it, not labels alone: what stays English are names.
    assert "数字站得住，结论站不住。" in page.text
    text = re.sub(r"<code>.*?</code>|<svg.*?</svg>", "", html, flags=re.DOTALL)
    english = set(re.findall(r"[a-z]{3,} [a-z]{2,} [a-z]{2,}", Page(text).text))
    assert english <= {"specification curve as", "tata xtreg fe"}, english


# ---------------------------------------------------------- the answer on other data


def on(
    result: Replication, frame: pd.DataFrame, note: str, draws: int = 999
) -> Replication:
    """What the first paragraph reads, computed on another panel, whose index is what
    ``note`` says; the declared threats alone. With fewer draws no smallest p of 15 can
    be below 5 %."""
    estimates = paper.estimate_columns(frame)
    with pytest.MonkeyPatch.context() as patch:
        # Of what is drawn, p of the wild bootstrap alone is read.
        wild = {"wild": paper_inference.SCHEMES["wild"]}
        patch.setattr(paper_inference, "SCHEMES", wild)
        patch.setattr(paper_inference, "INTERVALS", {})
        family = paper_inference.infer_paper(frame, draws=draws)
        family = family.rows.assign(se=family.se)
        patch.setattr(tx, "threats", partial(tx.threats, only=THREATS[:6]))
        threats = declared.threats_to_main_tests(frame, draws=draws)
    book = result.panel.codebook.copy()
    book.loc[book["variable"] == "TBI", "note"] = note
    return replace(
        result,
        panel=replace(result.panel, frame=frame, codebook=book, index_sources={}),
        comparison=paper.compare(estimates),
        table_1=paper.table_1(frame),
        declared=declared.declared_p_values(frame, family, draws=draws),
        threats=threats,
    )


def effect_of(frame: pd.DataFrame) -> float:
    both = ["TBI", *CONTROLS]
    return float(two_way(frame, "KOFGIdj", both)["TBI"].estimate)


def answer_of(result: Replication) -> str:
    return " ".join(answer(result, verdicts(result), report_words()))


def test_the_answer_on_three_data_sets_says_different_and_true_things(done):
    """The paper's; its panel with the index of WIOD 2013; the same with outcomes that
    are made of the index, so that there is an effect in every country."""
    result = done.result
    older = result.variants.indices[["iso3", "year", "TBI"]]
    of_2013 = result.panel.frame.drop(columns="TBI").merge(older, on=["iso3", "year"])
    noise = np.random.default_rng(3).normal(size=(len(of_2013), len(OUTCOMES)))
    made = of_2013.copy()
    for k, outcome in enumerate(OUTCOMES):
        made[outcome] = 60 + 20 * made["TBI"] + 0.2 * noise[:, k]
    note = "computed from WIOD 2013"
    results = result, on(result, of_2013, note), on(result, made, note)
    first, second, third = told = [answer_of(k) for k in results]
    assert len({*told}) == 3

    own, entrants = result.panel.frame, country_group("EU27").members
    joined = set(entrants) - set(country_group("EU15").members)
    for text, frame in zip(told, (own, of_2013, made), strict=True):
        size = f"{effect_of(frame):.1f} points for a unit of the index"
        assert size.replace("-", "−") in text
        if "this rests on" in text:
            left = frame[~frame["iso3"].isin(joined)]
            count = frame["iso3"].nunique() - left["iso3"].nunique()
            without = f"{effect_of(left):.1f}".replace("-", "−")
            assert f"on the {count} countries that joined the European Union" in text
            assert f"without them it is {without} (p" in text
    assert first.startswith("All 139 printed coefficients are reproduced")
    assert "this rests on the 12 countries" in first
    for text in (second, third):
        assert text.startswith("These are not the paper's data: the same regressions")
        assert "printed coefficients" not in text and "reconstructed" not in text
    assert f"{of_2013['iso3'].nunique()} countries, 2000 to 2011." in second
    assert "and this holds under all" in third and "gone" not in third
    assert "None of the three hypotheses passes" in first


# -------------------------------------------------------------------- from a store


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    """World tables of WIOD's regions and years, invented: the index is no country's."""
    tables = random_tables(regions=44, sectors=2, years=15, seed=3)
    folder = tmp_path_factory.mktemp("store") / "wiod16"
    labels = {"regions": (*WIOD_COUNTRIES, "ROW"), "source": "an invented world"}
    save_store(replace(tables, **labels), folder)
    return folder


@pytest.fixture(scope="module")
def from_store(done, store) -> Replication:
    """What depends on the store is computed anew, the rest stays."""
    files = replace(done.result.files, store=store, tbi=None)
    panel = build_panel(files)
    frame = panel.frame
    tables = FurtherData(files).world_tables()
    assert tables is not None
    estimates = paper.estimate_columns(frame)
    return replace(
        done.result,
        files=files,
        panel=panel,
        estimates=estimates,
        comparison=paper.compare(estimates),
        table_1=paper.table_1(frame),
        variants=other_indices.index_variants(frame, tables),
    )


def test_indices_from_dva_are_those_of_the_stores_tables(from_store):
    variants = from_store.variants
    assert variants is not None
    assert variants.tables == "an invented world: 41 countries, 2000 to 2014"
    assert len(variants.indices) == 615
    assert (variants.rows["n"] == variants.rows["sample"].map(
        {"all": 615, "developed": 330, "developing": 285}
    )).all()  # fmt: skip
    own = variants.indices.set_index(["iso3", "year"])["TBI"]
    panel = from_store.panel.frame.set_index(["iso3", "year"])["TBI"]
    assert_allclose(own, panel[own.index], rtol=0, atol=1e-10)
    # The paper's index alone is Tables 3 to 6 again.
    tbi = variants.rows[variants.rows["index"] == "TBI"].set_index(
        ["outcome", "sample"]
    )
    for column, fit in from_store.estimates.items():
        if column.controls:
            row = tbi.loc[(column.outcome, column.sample)]
            assert_allclose([row["estimate"], row["se"]], fit["TBI"][:2], rtol=1e-6)


@pytest.fixture(scope="module")
def of_store(from_store, store, shared, tmp_path_factory) -> Done:
    """The rest of ``replicate --store``; blank figures, since drawing takes seconds."""
    folder = tmp_path_factory.mktemp("of_store") / "out"

    def written(result, place, language, *, figures, format, drawing):
        result.comparison.to_csv(place / "comparison.csv", index=False)
        return Blank()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HELPER, lambda *_: MagicMock())  # which has nothing to draw
        patch.setattr(COMMAND, "Computation", computed(from_store))
        patch.setattr(COMMAND, "write_replication", written)
        data = ("--data", shared / "data", "--store", store)
        answer = good("replicate", *data, "--out", folder)
    return Done(folder, answer, from_store)


def test_table_1_is_computed_from_the_store(of_store):
    lines = of_store.answer.out.splitlines()
    gaps = of_store.result.table_1["difference"].abs()
    assert (
        f"Table 1: 120 of 120 printed values, gap {gaps.mean():.4f} on average, "
        f"{gaps.max():.4f} at most (index from a store)"
    ) in lines
    assert not any("not computed" in line for line in lines)
    page = Page((of_store.folder / "report.html").read_text(encoding="utf-8"))
    assert "The index is computed from the store wiod16." in page.text
    assert "no store of world tables was given" not in page.text
    assert "TBI comes from a file" not in page.text
    assert "Tables: an invented world: 41 countries, 2000 to 2014" in page.text


def test_the_sentences_of_another_index_are_its_own(of_store):
    """An index of invented tables explains nothing, and the report says so."""
    comparison = of_store.result.comparison
    page = Page((of_store.folder / "report.html").read_text(encoding="utf-8"))
    gaps = gaps_of(comparison)
    assert gaps.mean() > MEAN_GAP  # or the store was not used
    assert f"by {gaps.mean():.3f} printed standard errors on average" in page.text
    signs = (np.sign(comparison.coef) == np.sign(comparison.paper_coef)).sum()
    assert f"{signs} of 139 signs" in page.text


def test_the_store_is_among_the_inputs(of_store, store):
    manifest = json.loads((of_store.folder / "manifest.json").read_text())
    read = [k["path"] for k in manifest["inputs"]]
    # With it the index of the file and that of WIOD 2013, which it is compared with.
    assert {str(store), "tbi_reconstructed_2000_2014.csv", "wiot_2011.RData"} <= {
        *read,
        *(Path(k).name for k in read),
    }
    assert 0 < manifest["residual_max"] < 1e-10
