"""The p-value to trust in words, and the figure of sizes."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tivax.engine.core import Phrase
from tivax.engine.estimation.model import Model
from tivax.engine.resampling import OwnPanel, Simulation, Study
from tivax.engine.resampling.simulation import own_panel as steps

MODEL = Model("main", "KOFGIdj", ("TBI", "RQ", "INFR"), entity="iso3", time="year")


def a_table(**sizes: list[float]) -> pd.DataFrame:
    """Sizes of methods in two kinds of 10,000 panels."""
    table = pd.DataFrame(sizes, index=pd.Index(["one", "two"], name="design"))
    table = table.melt(ignore_index=False, var_name="method", value_name="size")
    error = np.sqrt(table["size"] * (1 - table["size"]) / 10_000)
    return table.assign(mc_error=error).reset_index()


def judged(**sizes: list[float]) -> OwnPanel:
    table = a_table(**{"CV1 t(G-1)": [0.08, 0.10]}, **sizes)
    methods = list(dict.fromkeys(table["method"]))
    p = pd.DataFrame(
        {"method": methods, "p_value": 0.01 + 0.01 * np.arange(len(methods))}
    )
    return OwnPanel(
        MODEL,
        "TBI",
        pd.Series(dtype=float),
        pd.DataFrame(),
        pd.DataFrame(),
        steps._with_sizes(p.assign(note=""), table),
        table,
        Study(()),
        99_999,
        0.0,
        {"two": Phrase("placebos, AR(1) {rho:.2f}", rho=0.5)},
    )


def test_the_sentence_names_the_method_nearest_to_its_level():
    made = judged(WCR=[0.055, 0.06], WCR31=[0.05, 0.052], WCU=[0.08, 0.05])
    assert made.sentence == (
        "main, TBI: report the p-value of WCR31, p = 0.0300: in simulations of panels "
        "like this one it rejects true nulls in 5.0 % to 5.2 % where it says 5 %. The "
        "usual one (CV1, t(G-1)) is 0.0100 and rejects up to 10.0 %."
    )
    assert made.page("zh").finding == [
        "关于贸易利益指数对全球化综合指数的效应，应报告WCR31的p值，p=0.0300：在类似面板的模拟中，"
        "名义5%的检验对真零假设拒绝5.0%—5.2%。通常的p值（CV1，t(G−1)）为0.0100，最多拒绝10.0%。"
    ]


def test_where_none_keeps_its_level_the_sentence_says_so():
    made = judged(WCR=[0.05, 0.19], WCU=[0.05, 0.08], V5=[0.01, 0.05])
    assert "No p-value keeps its level in all kinds" in made.sentence
    assert (
        "Too rarely in some, and in none too often beyond the Monte-Carlo error: "
        "V5 (p = 0.0400, at most 5.0 %)." in made.sentence
    )
    assert "WCU (p = 0.0300) does least, at most 8.0 % (placebos" in made.sentence
    assert made.page("zh").sentence.endswith(
        "过度拒绝者中WCU（p=0.0300）最轻，至多拒绝8.0%（安慰剂，AR(1) 0.50）。"
    )


@pytest.mark.parametrize(
    "best, told",
    [
        ([0.049, 0.052], "Nearest to 5 % in 2 designs is WCR: 4.9 % to 5.2 %."),
        ([0.05, 0.0501], "Nearest to 5 % in 2 designs is WCR: 5.0 %."),
    ],
)
def test_a_study_names_the_p_nearest_to_its_level(best, told):
    table = a_table(**{"CV1 t(G-1)": [0.08, 0.10], "WCR": best})
    made = Simulation(table, Study(()), 0.0)
    assert made.sentence.endswith(told)
    assert made.sentence.startswith(
        "The usual p-value (CV1, t(G-1)) rejects true nulls in 8.0 % to 10.0 % of"
    )
    assert "最接近5%的是WCR" in made.page("zh").sentence


def test_the_figure_of_sizes_is_in_the_language():
    table = a_table(
        **{"CV1 t(G-1)": [0.08, 0.10], "WCR": [0.05, 0.05], "WCR31": [0.05, 0.05]}
    )
    made = replace(judged(), sizes=table)
    axes = made.page("zh").plots()["sizes_1"]().axes[0]
    assert axes.get_xlabel().endswith("与图中某行无法区分而未列的：WCR31")
    assert not re.search("[a-z]{3,} [a-z]", axes.get_xlabel())
