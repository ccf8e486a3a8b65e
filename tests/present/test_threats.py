"""Threats in words: what becomes of a result, and the names of rows of the figure."""

import pickle
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import tivax as tx

from drawings import row_labels
from experiment_panels import MODEL, small_panel

ONLY = ["leads and lags", "asymmetry", "form of controls", "influential clusters"]
ONLY += ["Oster's delta", "robustness value", "benchmarks"]


@pytest.fixture(scope="module")
def found() -> tx.results.Threats:
    panel = small_panel(countries=8, years=12, seed=3)
    panel["iso3"] = np.repeat([*"AUT BEL CHN DEU FRA HUN POL USA".split()], 12)
    panel["KOFCuGIdj"] = panel["KOFGIdj"] + 1.0
    return tx.threats(
        panel, MODEL, only=[*ONLY, "placebo outcomes"], placebos=["KOFCuGIdj"], draws=0
    )


def judged(found, states) -> tx.results.Threats:
    """The same with rows of other threats: estimate, standard error and p."""
    first = found.table.iloc[[0]].assign(
        estimate=10.0, se=2.0, p_value=1e-4, wild_p_value=1e-4
    )
    rows = [
        first.assign(
            threat="left out", variant=f"block {k}", estimate=b, se=se, p_value=p,
            wild_p_value=p, variation_kept=0.5 + k / 10,
        )
        for k, (b, se, p) in enumerate(states)
    ]  # fmt: skip
    table = pd.concat([first, *rows], ignore_index=True)
    asked = np.ones(len(table), bool)
    return replace(found, table=table, comparable=asked, same_units=asked, draws=9_999)


GONE, SMALLER, BLURRED, SAME = (-1, 9, 0.9), (4, 1, 0.001), (12, 8, 0.2), (6, 1, 0.001)


def test_what_is_lost_is_told_in_both_languages(found):
    made = judged(found, [GONE, SMALLER, BLURRED, SAME])
    assert made.sentence == (
        "table3-3: The effect of trade benefit index on globalisation index (10.00, "
        "p 0.0001) is turned or gone under 1 of 1 threat (1 of 4 variants). In 1 variant "
        "its sign turns. In 1 variant it is smaller: less than half is left, p at most "
        "0.05. In 1 variant it is blurred: p rises above 0.05. Left out (block 0): "
        "-1.000, p 0.9000, with 50 % of the variation left."
    ).replace("table3-3", MODEL.name)
    assert made.page("zh").sentence == (
        f"{MODEL.name}：贸易利益指数对全球化综合指数的效应（10.00，p=0.0001）在1项检查中有1项使其反转"
        "或消失（4种改动中有1种）。1种改动中符号改变。1种改动中缩小：剩下不到一半，p值不超过0.05。"
        "1种改动中模糊：p值升到0.05以上。剔除（block 0）：-1.000，p=0.9000，保留50%的变异。"
    )
    (finding,) = made.findings()
    assert [k["variant"] for k in finding.turned] == ["block 0"]
    assert [len(finding.where(k)) for k in ("smaller", "blurred")] == [1, 1]


def test_the_title_of_a_figure_is_the_first_sentence_without_its_stop(found):
    made = judged(found, [SAME, SAME])
    (title,) = made.titles().values()
    assert made.finding[0].startswith(f"{title}. The largest p is 0.0010, ")
    assert title.endswith("survives each of 1 threat (2 variants)")
    (chinese,) = made.page("zh").titles().values()
    assert made.page("zh").finding[0].startswith(f"{chinese}。最大的p值=0.0010，")


@pytest.mark.parametrize(
    "language, labels",
    [
        (
            "en",
            "leads: 1 year later in its place|1 year later beside it, its own|"
            "asymmetry: slope on each side of 0, below 0|"
            "placebo outcome: cultural globalisation|"
            "form of controls: regulatory quality squared|"
            "influential clusters: without Germany",
        ),
        (
            "zh",
            "超前：以1年后的值代替|加入1年后的值，该值自身的系数|"
            "非对称：0两侧各自的斜率，贸易利益指数小于0|安慰剂被解释变量：文化全球化指数|"
            "控制变量形式：监管质量的平方|强影响聚类：剔除德国",
        ),
    ],
)
def test_rows_of_the_figure_are_named_in_words(found, language, labels):
    page = found.page(language)
    # As another process draws it.
    figure = pickle.loads(pickle.dumps(page)).figure(MODEL)
    shown = [k.replace("\n", " ") for k in row_labels(figure.axes[0])]
    assert set(labels.split("|")) <= set(shown)


def test_the_chinese_table_has_no_english(found):
    figures = dict.fromkeys(found.plots())
    (section,) = found.page("zh").sections(figures)
    table = section.blocks[1]
    texts = table.frame.select_dtypes(exclude="number").astype(str).to_numpy().ravel()
    assert not [
        k for k in (*table.frame, *texts) if re.search("[a-z]{3,} [a-z]", str(k))
    ]
    (english,) = found.page().sections(figures)
    assert (
        english.blocks[1].frame["variant"].tolist() == found.table["variant"].tolist()
    )
