"""Scenarios in words: variants of a grid, the finding, tables without English."""

import re
from dataclasses import replace

import pandas as pd
import pytest

import tivax as tx
from tivax.engine.core import grid_variants
from tivax.engine.scenarios import as_variants

import figure_data as data

CODES = dict(zip(("R0", "R1", "R2"), ("CHN", "USA", "DEU"), strict=True))


def made(variants=1, kind="cut", who="CHN", whom="USA", phrases=(), **table):
    """A result of two years with made-up changes."""
    rows = data.scenarios(variants).replace({"region": CODES}).assign(before=1e3)
    names = rows["variant"].unique()
    of = {"kind": kind, "who": who, "whom": whom, "sectors": "all", "percent": 100.0}
    of |= dict.fromkeys(("moved", "unplaced"), 0.0)
    of |= dict.fromkeys(("residual", "identity"), 1e-16)
    each = pd.DataFrame({"variant": names, "year": 2001}).assign(**of)
    named = {k: k for k in phrases}
    given = rows.assign(**table), each, ("value_added", "tbi"), "million US$"
    return tx.results.ScenarioResult(*given, phrases=named)


@pytest.mark.parametrize(
    "grid, english, chinese",
    [
        (
            {"exporters": ["CHN"], "importers": [["USA", "ROW"]], "percent": [12.5]},
            "CHN to USA ROW, 12.5 per cent",
            "中国对USA ROW的销售，12.5%",
        ),
        (
            {"importers": ["USA"], "exporters": ["ROW"], "to": ["third"]},
            "ROW to USA, moved to third countries",
            "世界其他地区对美国的销售，转向第三国",
        ),
        (
            {"regions": ["DEU"], "sectors": [["S0", "S1"]], "links": ["backward"]},
            "DEU, sectors S0 S1, backward links",
            "德国，部门S0 S1，后向联系",
        ),
        (
            {"exporters": ["all"], "to": ["DEU"], "uses": ["final"]},
            "all, moved to DEU, final goods",
            "各国，转向德国，最终品",
        ),
        (
            {
                "partners": ["USA"],
                "percent": [-2],
                "to": ["home"],
                "links": ["exports"],
            },
            "with USA, -2 per cent, moved home, exports",
            "与美国，-2%，转回本国，出口",
        ),
    ],
)
def test_a_variant_of_a_grid_is_called_by_words(tmp_path, grid, english, chinese):
    (name,) = grid_variants(tmp_path, grid, {}, lambda chosen: False)
    found = made(phrases=[name])
    assert found.page().variant(str(name)) == english
    assert found.page("zh").variant(str(name)) == chinese


def test_a_variant_without_a_name_has_its_number():
    shock = tx.shocks.Demand(percent=1)
    found = made(phrases=as_variants([shock, shock]))
    named = {k: found.page(k).variant("variant 2") for k in ("en", "zh")}
    assert named == {"en": "variant 2", "zh": "情景2"}
    assert found.page("zh").variant("to the moon") == "to the moon"


def test_the_finding_is_told_with_the_change_the_other_way():
    found = made()
    moved = {"CHN": -3.14, "USA": 1.5}
    percent = found.table["region"].map(moved).fillna(0.1)
    found = replace(found, table=found.table.assign(percent=percent))
    assert found.sentence == (
        "In 2001 value added changes most in China: -3.14 per cent.\n"
        "The largest change the other way is that of the United States: +1.50 per cent."
    )
    assert found.page("zh").sentence == (
        "2001年增加值变化最大的是中国：-3.14%。\n反方向变化最大的是美国：+1.50%。"
    )
    still = made(percent=0.0, change=0.0)
    assert still.sentence == "In 2001 value added changes in no region."
    assert still.page("zh").sentence == "2001年各地区增加值均无变化。"
    assert still.titles() == {}


@pytest.mark.parametrize(
    "kind, who, whom, english, chinese",
    [
        ("cut", "CHN", "USA", "sales of China to the United States are cut", "中国对美国的销售被削减"),
        ("shift", "ROW", "all", "sales of the rest of the world to all others move to other sellers", "世界其他地区对所有其他地区的销售转向其他卖方"),
        ("extract", "DEU", "all", "links of Germany with all others end", "德国与所有其他地区的联系中断"),
        ("demand", "all", "USA", "final demand for goods of all countries changes in the United States", "美国对所有国家产品的最终需求变化"),
        ("price", "CHN", "all", "costs of China rise or fall", "中国的成本变化"),
    ],
)  # fmt: skip
def test_the_title_says_what_happens(kind, who, whom, english, chinese):
    found = made(kind=kind, who=who, whom=whom)
    assert found.page().title == f"What if {english}"
    assert found.page("zh").title == f"如果{chinese}"


@pytest.mark.parametrize(
    "shock, english, chinese",
    [
        ({"kind": "shift", "both_ways": True, "percent": 50.0}, "sales between China and the United States move to other sellers (50 per cent)", "中国与美国之间的销售转向其他卖方（50%）"),
        ({"kind": "extract", "links": "exports", "sectors": "c2"}, "exports of China to the United States end (sectors c2)", "中国对美国的出口中断（部门c2）"),
        ({"kind": "demand", "percent": -5.0}, "final demand for goods of China changes in the United States (-5 per cent)", "美国对中国产品的最终需求变化（-5%）"),
    ],
)  # fmt: skip
def test_the_title_says_how_much_and_which_way(shock, english, chinese):
    found = made(who="CHN", whom="USA")
    found = replace(found, variants=found.variants.assign(**shock))
    assert found.page().title == f"What if {english}"
    assert found.page("zh").title == f"如果{chinese}"


@pytest.mark.parametrize("variants", [1, 8])
def test_chinese_tables_and_figures_have_no_english(variants):
    grid = {"percent": [10 * k for k in range(1, variants + 1)]}
    names = grid_variants("x", grid, {}, lambda chosen: False)  # type: ignore[arg-type]
    page = made(variants, phrases=names).page("zh")
    texts = [page.title, page.subtitle, page.method.replace("Woodbury", "")]
    texts += [k for each in page.listings() for k in (each.title, *each.columns)]
    texts += [k for each in page.listings() for row in each.rows for k in row]
    for plot in page.plots().values():
        figure = plot()
        texts += [figure.get_suptitle(), *(k.get_title("left") for k in figure.axes)]
    assert not [k for k in texts if re.search("[A-Za-z]{2}", k)]
