"""A journal table from fits: its cells, its files, and what is refused."""

from importlib import import_module
from typing import Any

import pandas as pd
import pytest

import tivax as tx
from tivax.engine import regression_table

from commands import names
from helpers import (
    error_of,
    random_panel,
    two_stage,
    two_way,
)

PANEL = random_panel(countries=8, years=6)


@pytest.fixture(scope="module")
def fits():
    names = ["TBI"], ["TBI", "RQ"]
    return [two_way(PANEL, "KOFGIdj", k) for k in names]


def test_a_column_is_a_fit_with_its_errors_below(fits):
    frame = regression_table(fits, digits=3)
    lines = [list(k) for k in frame.to_numpy()]
    cell = fits[0]["TBI"]
    assert lines[0][:2] == ["TBI", f"{cell.estimate:z.3f}{'*' * cell.stars}"]
    assert lines[1][:2] == ["", f"({cell.se:.3f})"]
    assert lines[2][:2] == ["RQ", ""]  # not in the first fit
    assert lines[4] == ["observations", "48", "48"]
    assert lines[5] == ["clusters", "8", "8"]
    assert list(frame)[1:] == ["(1) KOFGIdj", "(2) KOFGIdj"]


def test_headings_labels_rows_and_order_are_the_users(fits):
    frame = regression_table(
        {"all": fits[0], "with quality": fits[1]},
        terms=["RQ", "TBI"],
        labels={"RQ": "quality", "KOFGIdj": "globalisation"},
        rows={"trend": ["yes", "yes"]},
    )
    assert list(frame)[2] == "with quality (2) globalisation"
    column = frame.iloc[:, 0].tolist()
    assert column[:5] == ["quality", "", "TBI", "", "trend"]


def test_of_two_stages_the_second_is_shown_with_the_first_stage_f():
    fit = two_stage(PANEL, "KOFGIdj", "TBI", ["lnPOP"], ["RQ"])
    frame = regression_table([fit]).set_index("term").iloc[:, 0]
    assert frame["Kleibergen-Paap F"] == f"{fit.weak.kp_f:.2f}"
    assert frame["TBI"].startswith(f"{fit['TBI'].estimate:.4f}")


def test_terms_of_different_fits_with_one_name_are_one_row():
    each = [two_way(PANEL, "KOFGIdj", [k]) for k in ("TBI", "RQ")]
    frame = regression_table(each, labels={"TBI": "index", "RQ": "index"}, digits=3)
    assert frame.iloc[:, 0].tolist().count("index") == 1
    for k, (fit, term) in enumerate(zip(each, ("TBI", "RQ"), strict=True), 1):
        assert frame.iloc[0, k].startswith(f"{fit[term].estimate:z.3f}")


def test_a_row_of_the_users_stands_in_place_of_one_of_that_name(fits):
    frame = regression_table(fits, rows={"clusters": ["country", "country"]})
    assert frame[frame["term"] == "clusters"].to_numpy().tolist() == [
        ["clusters", "country", "country"]
    ]


def test_one_model_has_one_r_squared_whatever_its_errors(fits):
    """Stata's: the libraries take effects of years out first."""
    others = [
        two_way(PANEL, "KOFGIdj", ["TBI"], **more)
        for more in ({"convention": "fixest"}, {"vcov": "CV3"}, {"vcov": "two-way"})
    ]
    frame = regression_table([fits[0], *others]).set_index("term")
    assert frame.loc["R² (within)"].tolist() == [f"{fits[0].r2:.4f}"] * 4
    assert others[0].r2 < fits[0].r2 == pytest.approx(fits[0].r2_years, rel=1e-12)


@pytest.mark.parametrize("suffix", ["tex", "html", "doc", "csv"])
def test_what_one_cluster_identifies_has_no_stars_and_a_note(suffix, tmp_path):
    """A dummy of one country's years: its clustered error says nothing."""
    own = (PANEL["iso3"] == "C03") & (PANEL["year"] > 2002)
    data = PANEL.assign(D=own, y=PANEL["KOFGIdj"] + 90 * own)
    for vcov in ("CV1", "two-way"):
        fit = two_way(data, "y", ["TBI", "D"], vcov=vcov)
        assert fit["D"].p_value < 0.1 and fit["D"].stars == 0
        regression_table([fit], path := tmp_path / f"table.{suffix}")
        text = path.read_text(encoding="utf-8")
        assert f"{fit['D'].estimate:z.4f}*" not in text
        assert suffix == "csv" or "(1): C03 alone identifies a part of D" in text


def test_the_note_names_the_column_of_the_clusters(tmp_path):
    by_group = PANEL.assign(group=PANEL["iso3"].rank(method="dense") // 2)
    fit = two_way(by_group, "KOFGIdj", ["TBI"], clusters="group")
    assert "Standard errors: clustered by group, Stata xtreg" in str(fit)
    path = tmp_path / "table.tex"
    regression_table([fit], path)
    text = path.read_text(encoding="utf-8")
    assert "parentheses: clustered by group, Stata" in text and "country" not in text
    firms = PANEL.rename(columns={"iso3": "firm"})
    both = two_stage(firms, "KOFGIdj", "TBI", ["lnPOP"], ["RQ"], entity="firm")
    assert "clustered by firm, Stata xtivreg2" in str(both)


def test_the_note_says_in_words_what_the_errors_are_once_for_each_kind(fits, tmp_path):
    areg = two_way(PANEL, "KOFGIdj", ["TBI"], convention="lsdv")
    path = tmp_path / "table.html"
    regression_table([*fits, areg], path)
    assert (
        "Standard errors in parentheses: (1), (2) clustered by iso3, Stata xtreg fe "
        "vce(cluster), t distribution with one degree of freedom fewer than clusters; "
        "(3) clustered by iso3, all effects counted (areg), t distribution with one "
        "degree of freedom fewer than clusters. *, **, ***"
    ) in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("suffix", [".doc", ".html", ".tex", ".csv"])
def test_every_file_has_the_same_cells(fits, tmp_path, suffix):
    path = tmp_path / f"table{suffix}"
    frame = regression_table(fits, path, title="Trade & globalisation")
    text = path.read_text(encoding="utf-8")
    for cell in ("48", frame.iloc[1, 1], frame.iloc[1, 2]):
        assert cell in text
    if suffix in (".doc", ".html"):
        assert "Trade &amp; globalisation" in text and "<table" in text
        (read,) = pd.read_html(path)
        assert read.shape == (len(frame), 3)
    if suffix == ".tex":
        assert r"\caption{Trade \& globalisation}" in text
    assert names(tmp_path) == [path.name]


def test_word_has_the_same_cells(fits, tmp_path):
    docx = pytest.importorskip("docx")
    path = tmp_path / "table.docx"
    frame = regression_table(fits, path, title="Trade & globalisation")
    document = docx.Document(path)
    (table,) = document.tables
    rows = [[cell.text for cell in row.cells] for row in table.rows]
    body = [[k.replace("\u2212", "-") for k in row] for row in rows[-len(frame) :]]
    assert body == frame.to_numpy().tolist()
    assert document.paragraphs[0].text == "Trade & globalisation"
    assert "Standard errors in parentheses" in document.paragraphs[-1].text


def test_a_model_of_pyfixest_is_a_column_too():
    pyfixest: Any = import_module("pyfixest")
    formula = "KOFGIdj ~ TBI + RQ | iso3 + year"
    theirs = pyfixest.feols(formula, PANEL, vcov={"CRV1": "iso3"})
    frame = regression_table({"own": tx.fit(formula, PANEL), "theirs": theirs})
    cells = frame.iloc[:4, 1:]
    assert cells.iloc[:, 0].tolist() == cells.iloc[:, 1].tolist()
    counts = pyfixest.fepois(formula, PANEL.assign(KOFGIdj=PANEL["KOFGIdj"].abs()))
    assert error_of(regression_table, [counts]).startswith("a Fepois of pyfixest is no")


def test_mistakes_are_told_in_one_line(fits, tmp_path):
    assert error_of(regression_table, []) == "fits: give at least one estimate"
    assert "give what tx.fit or pyfixest.feols returned" in error_of(
        regression_table, [3]
    )
    assert "no term XX" in error_of(regression_table, fits, terms=["XX"])
    line = error_of(regression_table, fits, labels={"RQ": "x", "TBI": "x"})
    assert line == (
        "labels: TBI and RQ of one fit are both named x; give each its own name"
    )
    line = error_of(regression_table, fits, rows={"effects": ["yes"]})
    assert "give 2 texts, one a column" in line
    line = error_of(regression_table, fits, tmp_path / "a.odt")
    assert "end the name in .docx, .doc, .html, .tex, .csv" in line
    line = error_of(regression_table, fits, tmp_path / "no" / "a.tex")
    assert "make it first" in line
