"""Exposure along supply chains, in words of both languages."""

from dataclasses import replace

import pytest

import tivax as tx

from drawings import words
from helpers import random_tables

TABLES = replace(
    random_tables(regions=4, sectors=3, years=2, seed=1),
    regions=("CHN", "DEU", "ROW", "USA"),
)


@pytest.fixture(scope="module")
def found() -> tx.results.SupplyExposure:
    return tx.supply_exposure(TABLES, "USA", "ROW", sectors=["S0", "S2"])


def test_a_sentence_of_some_sectors_is_not_of_all_final_sales(found):
    sales = "final sales of the United States from the chosen sectors"
    assert found.sentence.count(sales) == 2
    assert found.sentence.count("from the rest of the world") == 2
    chinese = found.page("zh").sentence
    assert chinese.count("美国所选部门的最终销售所") == 2
    assert chinese.splitlines()[1].startswith("美国进口所含的世界其他地区增加值中有")


def test_the_subtitle_counts_the_sectors_and_begins_with_a_capital(found):
    buyer = "The United States (2 sectors)"
    assert found.subtitle == f"{buyer} buying from the rest of the world, 2001"
    assert found.page("zh").subtitle == "2001年美国（2个部门）对世界其他地区的采购"


def test_the_listing_names_sectors_that_have_titles_in_the_language(found):
    sectors = ("c1", "c14", "c20")
    made = tx.supply_exposure(
        replace(TABLES, sectors=sectors, source="wiod2013"), "DEU", "CHN"
    )
    (english,), (chinese,) = (made.page(k).listings() for k in ("en", "zh"))
    assert "c14: Electrical and optical equipment" in english.notes
    assert "c14：电气和光学设备" in chinese.notes
    assert english.notes[-1].startswith("all other paths carry ")


def test_chinese_figures_have_no_english(found):
    page = found.page("zh")
    told = [*page.titles().values()]
    told += [k for plot in page.plots().values() for k in words(plot())]
    assert "第2轮" in told and "买方" in told
    assert not [k for k in told if any("a" <= letter <= "z" for letter in k)]
