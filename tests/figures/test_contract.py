"""What holds for every figure: the same data give the same bytes, text stays text."""

from functools import cache, partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from tivax.engine import aggregate, compare_aggregation
from tivax.engine.figures import (
    aggregation,
    changes,
    decompositions,
    exposures,
    indicators,
    panel,
    referee,
    scenarios,
    specifications,
    threatened,
    tiles,
    trade,
)
from tivax.engine.figures.parts import signed_text
from tivax.engine.measures import difference as aggregation_gaps
from tivax.engine.reporting import plot_style

import figure_data as data
from drawings import misplaced, words
from helpers import random_tables

REGIONS = [f"R{k}" for k in range(3)] + ["ROW"]


def totals():
    shares = np.random.default_rng(0).lognormal(size=(4, 3, len(REGIONS)))
    coords = {"part": [*"abcd"], "year": [2000, 2001, 2002], "region": REGIONS}
    return xr.DataArray(shares, coords)


def positions():
    names = "EXGR GVC_BACK_BM GVC_FORW_BM GVC_PART_BM GVC_FORWARDNESS".split()
    rng = np.random.default_rng(1)
    coords = {"year": [2000, 2001, 2002], "region": REGIONS}
    dims = ("year", "region")
    values = {name: (dims, rng.uniform(0, 50, (3, len(REGIONS)))) for name in names}
    return xr.Dataset(values, coords)


def with_bands(values, *names):
    ends = {
        f"{name}_{end}": values[name] + half
        for name in names
        for end, half in (("ci_low", -0.1), ("ci_high", 0.1))
    }
    return values.assign(ends)


def changed():
    """Values and effects of three regions by factor."""
    rng = np.random.default_rng(4)
    factors = ["technology", "sourcing", "demand level"]
    effects = pd.DataFrame(rng.normal(size=(3, 3)), list("ABC"), factors)
    start = rng.normal(size=3)
    end = start + effects.sum(axis=1).to_numpy()
    values = pd.DataFrame({"region": list("ABC"), "start": start, "end": end})
    table = effects.rename_axis("region").reset_index()
    return values, table.melt("region", var_name="factor", value_name="value"), effects


@cache
def aggregated():
    tables = random_tables(regions=3, sectors=2, years=2)
    return compare_aggregation(
        tables, aggregate(tables, sectors={"S0": "S", "S1": "S"})
    )


# With a language where the figure has words of one.
IN_LANGUAGES = {
    "means": lambda language: panel.index_means(data.panel(), language=language),
    "table": lambda language: panel.coefficient_plot(
        data.comparison().query("table == 4"), language
    ),
    "tbi of tables": lambda language: panel.tbi_coefficients(
        data.comparison(), language
    ),
    "slopes": lambda language: panel.slopes(data.points(), data.SLOPES, language),
    "true": lambda language: panel.true_versus_estimated(data.estimates(), language),
    "curve": lambda language: specifications.specification_curve(
        data.curve(), list(data.CHOICES), 6.0, 2.0, language
    ),
    "joint curve": lambda language: specifications.joint_curve(
        data.joint_curve()[0], ["controls", "lag"], data.joint_curve()[1], language
    ),
    "left out": lambda language: specifications.leave_one_out(
        data.left_out(), 12.5, language
    ),
}
FIGURES = {
    "lines": lambda: trade.tbi_lines(data.random_tbi()),
    "panels": lambda: trade.tbi_lines(data.random_tbi("ABCDEFGHI"), [*"ABCDEFGHI"]),
    "balances": lambda: trade.balance_heatmap(data.random_trade()["va_absorbed"]),
    "gross": lambda: trade.va_versus_gross(data.random_trade()),
    "bars": lambda: decompositions.bars(totals(), "gross exports"),
    "over years": lambda: decompositions.over_years(totals(), "gross exports"),
    "participation": lambda: indicators.participation(positions()),
    "positions": lambda: indicators.position_map(positions()),
    "threats": lambda: threatened.threat_intervals(data.threats()),
    "many threats": lambda: threatened.threat_intervals(data.many_threats()),
    "few threats": lambda: threatened.few_threats(data.few_threats()),
    "bands": lambda: trade.tbi_lines(with_bands(data.random_tbi(), "tbi")),
    "bands of participation": lambda: indicators.participation(
        with_bands(positions(), "GVC_PART_BM")
    ),
    "crosses": lambda: indicators.position_map(
        with_bands(positions(), "GVC_PART_BM", "GVC_FORWARDNESS")
    ),
    "waterfall": lambda: changes.waterfall(*changed()[:2], years=(2000, 2008)),
    "yearly effects": lambda: changes.yearly_effects(
        pd.concat([changed()[1].assign(end=year) for year in (2001, 2002)])
    ),
    "exposure": lambda: exposures.exposure_waterfall(
        pd.DataFrame({"round": list("012"), "percent": [0.0, 1.5, 0.5]})
    ),
    "world": lambda: tiles.world_tiles(pd.Series({"DEU": 1.0, "USA": -2.0}), "index"),
    "exposures": lambda: exposures.exposure_map(changed()[2].abs()),
    "effects": lambda: changes.effect_bars(changed()[2], unit="million US$"),
    "aggregation": lambda: aggregation.differences(
        aggregation_gaps(aggregated()), aggregated()["region"].values
    ),
    "largest changes": lambda: scenarios.largest_changes(data.scenarios(1)),
    "map of variants": lambda: scenarios.changes_by_variant(data.scenarios(3)),
    "labelled": lambda: referee.labelled_intervals(
        data.intervals("unit", rows=[f"a long name of a country {k}" for k in "abcd"]),
        "unit",
        "a finding",
    ),
    "weights": lambda: referee.weights_by_cell(data.cells(3), "a finding"),
    "many weights": lambda: referee.weights_by_cell(data.cells(70), "a finding"),
    "slopes by band": lambda: referee.slopes_by_band(
        data.intervals("share", "estimand", rows=[(0.1, "AS"), (0.2, "WAS")] * 2), ""
    ),
    "responses": lambda: referee.responses(
        data.intervals("measure", "horizon", rows=[("response", k) for k in range(4)]),
        "a finding",
    ),
    "errors": lambda: referee.errors_by_cutoff(
        pd.DataFrame({"term": "a long name", "cutoff": [0, 1000], "se": [1.0, 1.5]}), ""
    ),
    **{name: partial(draw, "en") for name, draw in IN_LANGUAGES.items()},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FIGURES)
def test_the_same_data_give_the_same_bytes_with_text_as_text(name, tmp_path):
    files = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        written = plot_style.draw(FIGURES[name]()).save(folder, "figure")
        files.append([(folder / file).read_bytes() for file in written])
    assert files[0] == files[1]
    svg = (tmp_path / "a" / "figure.svg").read_text(encoding="utf-8")
    assert "<text" in svg and "<dc:date>" not in svg


@pytest.mark.parametrize("name", [*FIGURES])
def test_every_label_has_room_on_the_page_and_in_its_panel(name):
    assert misplaced(FIGURES[name]()) == []


def test_changes_of_money_are_in_billions():
    """As flows are in every figure: no 1e6 at the end of an axis."""
    values, table, effects = changed()
    thousands = 1000 * values[["start", "end"]]
    million = values.assign(**thousands), table.assign(value=1000 * table["value"])
    options = {"years": (2000, 2008), "unit": "million US$"}
    scaled = changes.waterfall(*million, **options)
    assert "billion US$" in words(scaled)
    plain = changes.waterfall(values, table, years=(2000, 2008))
    for a, b in zip(scaled.axes, plain.axes, strict=True):
        bars = [[k.get_width() for k in ax.patches] for ax in (a, b)]
        np.testing.assert_allclose(*bars)
    written = words(changes.effect_bars(1000 * effects, unit="million US$"))
    assert "billion US$" in written
    assert {*written} >= {*words(changes.effect_bars(effects))}


def test_a_negative_share_is_drawn_left_of_zero_and_the_others_keep_their_width():
    values = totals()
    values[0, -1, 0] = -0.2 * values[1:, -1, 0].sum()
    figure = decompositions.bars(values, "gross exports", regions=REGIONS)
    ax: Any = figure.axes[0]
    first, *others = (bars[0] for bars in ax.containers)
    assert first.get_x() == 0 and first.get_width() < -20
    assert others[0].get_x() == 0
    ends = [k.get_x() + k.get_width() for k in others]
    assert ends[:-1] == [k.get_x() for k in others[1:]]
    low, high = ax.get_xlim()
    assert low < first.get_width() and high > ends[-1] > 120


def test_the_colours_of_a_waterfall_are_named():
    values, table, _ = changed()
    figure = changes.waterfall(values, table, years=(2000, 2008))
    (legend,) = figure.legends
    named: dict[str, Any] = {
        text.get_text(): patch.get_facecolor()
        for text, patch in zip(legend.get_texts(), legend.get_patches(), strict=True)
    }
    assert [*named] == ["value of the year", "raises it", "lowers it"]
    axes: list[Any] = figure.axes
    for ax in axes:
        first, last, *steps = ax.patches
        for bar in (first, last):
            assert bar.get_facecolor() == named["value of the year"]
        for bar in steps:
            way = "raises it" if bar.get_width() >= 0 else "lowers it"
            assert bar.get_facecolor() == named[way]


@pytest.mark.parametrize(
    ("value", "text"), [(2e6, "+2,000,000"), (-0.05, "−0.05"), (0.0, "0")]
)
def test_ticks_of_maps_have_their_sign(value, text):
    assert signed_text(value) == text


def test_the_index_says_what_it_is_made_of():
    (axes,) = trade.tbi_lines(data.random_tbi()).axes
    assert axes.get_ylabel() == (
        "trade benefit index, (X − M) / (X + M)\nX, M: value-added exports, imports"
    )


def test_the_size_from_which_zero_is_inside_is_named():
    direct = np.arange(3.0)
    bounds = pd.DataFrame(
        {
            "outcome": "KOFGIdj",
            "direct": direct,
            "ci_low": 1 - direct,
            "ci_high": 3 + direct,
        }
    ).assign(prior_low=0.5, prior_high=3.5)
    figure = referee.direct_effect_bounds(bounds)
    assert "from here the union includes 0" in words(figure)
    assert figure.axes[0].lines[-1].get_xdata()[0] == 1
    always = referee.direct_effect_bounds(bounds.assign(ci_low=0.5))
    assert "from here the union includes 0" not in words(always)


def test_participation_of_an_account_is_of_what_exports_embody():
    """Jobs are no part of gross exports, which are money."""
    for draw in (indicators.participation, indicators.position_map):
        assert any(
            "% of jobs in exports" in k
            for k in words(draw(positions(), of="jobs in exports"))
        )
        assert any("% of gross exports" in k for k in words(draw(positions())))


def test_a_map_of_positions_says_what_its_dots_and_crosses_are():
    def title(*names, **chosen):
        figure = indicators.position_map(with_bands(positions(), *names), **chosen)
        assert "(purely forward − purely backward)" in figure.axes[0].get_ylabel()
        return figure.axes[0].get_title(loc="left")

    assert title() == "filled: 2002; hollow: 2000"
    grey = "filled: 2002; hollow: 2000; grey: other regions, 2002"
    assert title(regions=["R0", "R1"]) == grey
    both = ("GVC_PART_BM", "GVC_FORWARDNESS")
    crosses = "; crosses: 95 % intervals"
    assert title(*both, regions=["R0"]) == grey + crosses
    assert title(*both) == "filled: 2002; hollow: 2000" + crosses


@pytest.mark.parametrize(
    "name, expected",
    [
        ("means", ["全球化综合指数", "发展中国家", "指数（1—100）"]),
        ("table", ["贸易利益指数", "(2) 经济全球化指数，发展中国家", "原文"]),
        (
            "tbi of tables",
            ["表3，全样本，无控制变量", "(1) 全球化综合指数", "本文复算"],
        ),
        ("slopes", ["斜率 2.00", "合并样本", "贸易利益指数（残差）"]),
        ("true", ["真实值", "监管质量"]),
        ("curve", ["系数", "原文 6.00", "data.toml的选择", "区间不含0"]),
        ("left out", ["全样本 12.50", "发达国家", "剔除的国家"]),
    ],
)
def test_chinese_labels_are_text_in_the_svg(name, expected):
    svg = plot_style.draw(IN_LANGUAGES[name]("zh"), files=False).element()
    for text in expected:
        assert f">{text}</text>" in svg
    assert "'Noto Sans CJK SC', 'Source Han Sans SC'" in svg
