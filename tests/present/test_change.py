"""Why a measure changed, in words of both languages."""

from dataclasses import replace

import numpy as np
import pytest

import tivax as tx

from drawings import words
from helpers import random_tables

TABLES = replace(
    random_tables(regions=4, sectors=3, years=3, seed=5),
    regions=("CHN", "DEU", "FRA", "USA"),
)


@pytest.fixture(scope="module")
def found() -> tx.results.Change:
    return tx.change(TABLES, "va_exports", region=["CHN", "USA"], polar=False)


def drawn(found) -> tx.results.Change:
    """The same from two draws, 0.01 on either side."""
    effects = found.table["value"].to_numpy() + 10 * np.array([[-1.0], [1.0]])
    record = {"error": [{"kind": "lognormal"}], "draws": 2}
    return found.with_draws(effects, record)


def test_the_finding_is_the_change_and_its_largest_effect(found):
    china, usa = found.findings()
    assert (china.region, china.factor, usa.region) == ("CHN", "demand origin", "USA")
    assert china.change["value"] == found.values["change"].iloc[0]
    assert found.sentence.splitlines()[0] == (
        "Change of value-added exports, 2000 to 2002: China 0.1767 billion US$; the "
        "largest effect is that of demand origin, 0.1488 billion US$."
    )
    first, *_, last = drawn(found).page("zh").sentence.splitlines()
    assert first.startswith("2000—2002年增加值出口的变化：中国为0.1767十亿美元（")
    assert "，其中需求来源的效应最大，为0.1488十亿美元（" in first
    assert last == "括号内为95%区间，由投入产出表误差的2次抽样得出：对数正态误差。"


def test_a_title_says_which_way_and_what_moved_it(found):
    title = "Value-added exports of China rose most from 2000 to 2002; "
    (english,) = found.titles().values()
    assert english == f"Of those shown: {title}demand origin raised it most"
    (chinese,) = found.page("zh").titles().values()
    assert chinese.endswith("中国的增加值出口上升最多；需求来源的拉升作用最大")


def test_in_chinese_an_account_stands_for_value_added_too(found):
    page = replace(found, account="CO2").page("zh")
    assert page.subtitle == "2000—2002年出口中的CO2"
    assert "单位产出的CO2（强度）" in page.method and "增加值" not in page.method


def test_chinese_figures_and_their_table_have_no_english(found):
    page = drawn(found).page("zh")
    told = [k for plot in page.plots().values() for k in words(plot())]
    (listing,) = page.listings()
    told += [listing.title, *listing.columns[2:], *listing.notes]
    assert not [k for k in told if any("a" <= letter <= "z" for letter in k)]


def test_what_does_not_change_is_said_to_be_so():
    first = TABLES.select(2000, 2000)
    arrays = {k: np.repeat(getattr(first, k), 3, axis=0) for k in ("Z", "Y", "x")}
    found = tx.change(replace(TABLES, **arrays), "tbi", region=["CHN"], polar=False)
    told = "Change of the trade benefit index, 2000 to 2002: China does not change."
    assert found.sentence == told and found.titles() == {}
    told = "2000—2002年贸易利益指数的变化：中国没有变化。"
    assert found.page("zh").sentence == told
