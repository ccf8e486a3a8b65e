"""The report on the paper under every kind of inference, read back from its blocks."""

import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure as MplFigure
from numpy.testing import assert_allclose

from tivax.engine.estimation.model import Model
from tivax.engine.figures.panel import intervals
from tivax.engine.papers.trade_imbalance import inference as paper_inference
from tivax.engine.papers.trade_imbalance.columns import COLUMNS
from tivax.engine.papers.trade_imbalance.inference import (
    INTERVALS,
    PaperInference,
    infer_paper,
)
from tivax.engine.papers.trade_imbalance.report import inference as inference_report
from tivax.engine.papers.trade_imbalance.report.texts import report_words
from tivax.engine.reporting import html as report
from tivax.engine.reporting.html import Points, Section, Table, Text, report_html

from experiment_panels import small_panel

P_VALUES = [*"CV1 CV2 CV3 wild pairs placebo within".split(), "over 5", "over 15"]
P_VALUES += ["Holm"]
KINDS = [*INTERVALS.values()]


def random_inference(seed: int = 0) -> PaperInference:
    """All 17 columns; p-values on both sides of 5 %, half of the intervals without 0."""
    rng = np.random.default_rng(seed)
    n = len(COLUMNS)
    rows = pd.DataFrame([k.keys for k in COLUMNS]).assign(
        clusters=rng.integers(19, 42, n),
        effective_clusters=rng.uniform(5, 15, n),
        estimate=rng.normal(size=n),
    )
    for name in ("cv1", "cv2", "cv3", "wild", "pairs", "placebo", "placebo_within"):
        rows[f"{name}_p_value"] = rng.uniform(0, 0.1, n)
    adjusted = ("westfall_young", "westfall_young_all")
    for name in ("wild", "pairs", "placebo", "placebo_within", *adjusted):
        rows[f"{name}_mc"] = 1e-6
        rows[f"{name}_draws"] = 1234
    rows["westfall_young"] = rows["wild_p_value"] + 0.01
    rows["westfall_young_all"] = rows["wild_p_value"] + 0.02
    rows["holm_all"] = rows["wild_p_value"] + 0.03
    for name in KINDS:
        rows[f"{name}_ci_low"] = rows["estimate"] - rng.uniform(0, 2, n)
        rows[f"{name}_ci_high"] = rows["estimate"] + rng.uniform(0, 2, n)
    return PaperInference(rows, draws=1234, seed=7)


FOUND = random_inference()


@pytest.fixture(scope="module")
def drawn() -> dict[str, MplFigure]:
    """As ``replicate`` names them."""
    return {
        f"table{table}_inference": intervals(rows, INTERVALS)
        for table, rows in FOUND.rows.groupby("table")
    }


@pytest.fixture(scope="module")
def section(drawn) -> Section:
    return section_of(FOUND, drawn)


def section_of(inference: PaperInference | None, figures, **skipped: str) -> Section:
    result: Any = SimpleNamespace(inference=inference, skipped=skipped)
    return inference_report.section(result, figures, report_words())


def of(section: Section, kind: type) -> list:
    return [block for block in section.blocks if isinstance(block, kind)]


# -------------------------------------------------------------------------- the tables


def test_the_first_table_has_every_p_value(section):
    table = of(section, Table)[0]
    assert table.caption == "p-values of TBI by kind of inference."
    assert list(table.frame) == ["outcome", "sample", "TBI", *P_VALUES]
    assert table.frame.index.tolist() == [column.name for column in COLUMNS]
    kinds = "cv1 cv2 cv3 wild pairs placebo placebo_within".split()
    source = [f"{k}_p_value" for k in kinds]
    source += "westfall_young westfall_young_all holm_all".split()
    assert_allclose(table.frame[P_VALUES], FOUND.rows[source], rtol=0)
    assert_allclose(table.frame["TBI"], FOUND.rows["estimate"], rtol=0)
    assert table.formats == {"TBI": ".3f", **dict.fromkeys(P_VALUES, "p4")}


def test_the_second_table_has_the_countries(section):
    table = of(section, Table)[2]
    assert table.caption == "How many countries carry each coefficient."
    shown = {
        "countries": "clusters",
        "effective number": "effective_clusters",
        "lowest TBI without one": "without_ci_low",
        "highest TBI without one": "without_ci_high",
    }
    assert list(table.frame) == [*shown]
    for name, source in shown.items():
        assert_allclose(table.frame[name], FOUND.rows[source], rtol=0)


def test_what_is_not_known_is_a_dash(drawn):
    """Holm of a model alone in its family."""
    rows = FOUND.rows.copy()
    rows.loc[3, "holm_all"] = np.nan
    own = section_of(replace(FOUND, rows=rows), drawn)
    page = report_html("", "", [own], {})
    body = page.split("<tbody>")[1].split("</tbody>")[0].splitlines()
    last = [re.findall(r"<td[^>]*>([^<]*)</td>", row)[-1] for row in body if row]
    expected = [f"{p:.4f}" for p in rows["holm_all"]]
    assert last == [*expected[:3], "–", *expected[4:]]


# --------------------------------------------------------------------------- the words


@pytest.mark.parametrize("seed", range(4))
def test_the_sentence_counts_the_rows_of_the_table(seed, drawn):
    found = random_inference(seed)
    own = section_of(found, drawn)
    p = of(own, Table)[0].frame
    sentence = of(own, Text)[1].text
    starred = p[p["CV1"] < 0.05]
    kept = [int((starred[k] < 0.05).sum()) for k in ("CV3", "wild", "within")]
    assert 0 < kept[1] < len(starred) < 17
    start = (
        f"Of 17 coefficients {len(starred)} are significant at 5 % by t(G−1); of these, "
        f"{kept[0]} under the jackknife, {kept[1]} under the wild bootstrap and "
        f"{kept[2]} under the placebo within groups."
    )
    lost = ", ".join(starred.index[starred["wild"] >= 0.05])
    assert sentence == f"{start} Not under the wild bootstrap: {lost}."


def sentence_of(cv1: float, cv3: float, wild: float, within: float, **p: float) -> str:
    """Where all columns have these p-values."""
    kinds = {"cv1": cv1, "cv3": cv3, "wild": wild, "placebo_within": within}
    p |= {f"{kind}_p_value": value for kind, value in kinds.items()}
    found = replace(FOUND, rows=FOUND.rows.assign(**p)[:2])
    own = section_of(found, {"table3_inference": MplFigure()})
    return of(own, Text)[1].text


def test_where_nothing_is_lost_nothing_is_named():
    assert sentence_of(0.01, 0.049, 0.01, 0.051) == (
        "Of 2 coefficients 2 are significant at 5 % by t(G−1); of these, 2 under the "
        "jackknife, 2 under the wild bootstrap and 0 under the placebo within groups."
    )


def test_what_the_draws_do_not_decide_is_said_to_be_at_the_threshold():
    """0.0496 and 0.0502 are the same p-value to the error of a million draws."""
    for p in (0.0496, 0.0502):
        text = sentence_of(0.01, 0.01, p, 0.01, wild_mc=0.0003)
        assert "0 under the wild bootstrap (2 more at the threshold within" in text
        assert "Not under the wild bootstrap" not in text
        names = "Table\u00a03\u00a0(1), Table\u00a03\u00a0(2)"
        assert text.endswith(
            f"Under the wild bootstrap at the threshold within simulation error: {names}."
        )
    rows = FOUND.rows.assign(wild_p_value=0.0496, wild_mc=0.0003)
    assert "The wild p of (1), (2), (3), (4) is at the threshold" in (
        inference_report._on_the_edge(rows, 3, report_words())
    )


def test_the_errors_of_the_draws_stand_below_the_p_values(section):
    table = of(section, Table)[1]
    assert list(table.frame) == [
        "wild", "pairs", "placebo", "within", "over 5", "over 15",
        *(f"draws, {k}" for k in ("wild", "pairs", "placebo", "within")),
    ]  # fmt: skip
    assert (table.frame["wild"] == 1e-6).all()
    assert (table.frame["draws, within"] == 1234).all()


def test_of_what_is_not_significant_nothing_is_lost():
    """5 % itself is not below 5 %, where there is no simulation error."""
    text = sentence_of(0.05, 0.2, 0.2, 0.2)
    assert text.startswith("Of 2 coefficients 0 are significant at 5 % by t(G−1)")
    assert "Not under" not in text


def test_the_text_says_how_many_draws_and_explains_every_column(section):
    assert of(section, Text)[0].text.endswith(
        "up to 1,234 draws of each (see below), seed 7."
    )
    (points,) = of(section, Points)
    named = {point.split(":")[0] for point in points.points}
    named |= {"CV2", "CV3", "within", "Holm"}
    named = named - {"over 5, over 15"} | {"over 5", "over 15"}
    assert named == {*P_VALUES}
    told = " ".join(points.points)
    assert all(f"{name}:" in told or f"{name}," in told for name in P_VALUES)


def test_without_it_the_section_says_why():
    skipped = {"Bootstrap and placebo": "a cell"}, {"Other": "no"}
    for given, why in zip(
        skipped, ("a cell", "the panel does not allow it"), strict=True
    ):
        own = section_of(None, {}, **given)
        assert own.title == report_words().title("inference")
        assert own.blocks == [Text(f"Not computed: {why}.")]


# ------------------------------------------------------------------------- the figures


def test_there_is_a_figure_for_each_table(section, drawn):
    shown = of(section, report.Figure)
    assert [figure.figure for figure in shown] == [
        drawn[f"table{table}_inference"] for table in (3, 4, 5, 6)
    ]
    for table, figure in zip((3, 4, 5, 6), shown, strict=True):
        assert figure.caption.startswith(f"Table {table}: 95 % intervals of TBI.")


# -------------------------------------------------------------------------- on a panel


def test_a_model_alone_in_its_family_has_no_adjusted_p(monkeypatch):
    """And progress is told for each model under each scheme."""
    tags = [{"table": 3, "column": k} for k in (1, 2, 3)]
    first = Model(
        "a",
        "KOFGIdj",
        ("TBI", "RQ"),
        family="two",
        tags=tags[0],
        entity="iso3",
        time="year",
    )
    second = replace(first, name="b", outcome="KOFEcGIdj", tags=tags[1])
    models = [first, second, replace(first, name="c", family="one", tags=tags[2])]
    monkeypatch.setattr(paper_inference, "paper_models", lambda: models)
    told, panel = [], small_panel(countries=8, years=4, seed=3)
    found = infer_paper(panel, draws=99, progress=lambda *k: told.append(k))
    assert told == [(k, 4 * 3) for k in range(13)]
    assert found.rows["westfall_young"].isna().tolist() == [False, False, True]
    assert found.rows["table"].tolist() == [3, 3, 3]
    pair = found.rows[:2]
    assert (pair["westfall_young"] >= pair["wild_p_value"]).all()
    # All three have a control: together they are the declared family.
    assert (found.rows["westfall_young_all"] >= found.rows["wild_p_value"]).all()
    assert (found.draws, found.seed) == (99, paper_inference.SEED)
