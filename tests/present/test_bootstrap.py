"""Bootstraps and placebos in words: effects, schemes, and what could not be drawn."""

import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from tivax.engine.core import Phrase
from tivax.engine.resampling import (
    Bayesian,
    Experiment,
    Pairs,
    Placebo,
    Wild,
)
from tivax.engine.resampling.inference import resample

from experiment_panels import MODEL, small_panel

SCHEMES = {
    "pairs": Pairs(studentised=True),
    "bayesian": Bayesian(),
    "two-way": Wild(weights="webb", second="year"),
    "joint": Wild(type="33", joint=True),
    "unrestricted": Wild(null=False, type="13", value=0.5),
    "paths": Placebo("signs", strata="bloc"),
    "residuals": Placebo(method="freedman-lane"),
}


def experiment(**changes) -> Experiment:
    """A run of one model, in memory."""
    found = resample(small_panel(countries=7, seed=4), MODEL, Wild(), draws=19)
    assert found.draws is not None
    run: Any = SimpleNamespace(seed=1)
    return Experiment(run, (found.plan,), (found.draws,), (replace(found, **changes),))


@pytest.mark.parametrize("name", SCHEMES)
def test_schemes_have_chinese_words(name):
    page = experiment().page("zh")
    text = page.said(SCHEMES[name].words)
    assert not re.search("[a-z]{3,} [a-z]{2,}", text) and text != SCHEMES[name].words


def test_an_effect_is_told_with_the_p_to_report():
    made = experiment()
    (row,) = made.findings()
    assert row["null"] == 0 and row["usual"] == made.models["cv1_p_value"][0]
    (told,) = made.finding
    assert told.startswith("A unit more of trade benefit index goes with ")
    assert f"the usual clustered p is {row['usual']:.4f}." in told
    (chinese,) = made.page("zh").finding
    assert chinese.endswith(f"；通常的聚类p值为{row['usual']:.4f}。")
    assert "95%区间[" in made.page("zh").sentence


def test_draws_that_failed_or_tied_are_told():
    made = experiment(failed=2, ties=4)
    assert "main: 2 draws left out, their design was singular" in made.sentence
    assert "main: 4 exact ties; counting half of them adds" in made.sentence
    assert "main：剔除2次抽样，其设计矩阵奇异" in made.page("zh").sentence
    listing = made.page("zh").listings()[0]
    assert listing.notes[-1] == "剔除2次抽样：设计矩阵奇异"


def test_notes_on_clusters_are_phrases():
    made = experiment()
    note = Phrase(
        "no CV3: {term} is not identified without {names}", term="TBI", names="DEU"
    )
    made.models["note"] = pd.Series([note], dtype=object)
    assert made.sentence.endswith("main: no CV3: TBI is not identified without DEU")
    assert made.page("zh").sentence.endswith("没有CV3：剔除德国后无法识别贸易利益指数")
