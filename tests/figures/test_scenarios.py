"""Figures of scenarios: what is shown, and in which order."""

import pytest
from matplotlib.patches import Rectangle

from tivax.engine.figures.scenarios import changes_by_variant, largest_changes
from tivax.engine.reporting import variant_in_words
from tivax.engine.tables import country_name

import figure_data as data
from drawings import row_labels
from helpers import error_of


def test_bars_of_one_variant_are_ranked_by_the_first_measure_of_the_last_year():
    table = data.scenarios(1)
    last = table.query("year == 2001 and measure == 'value_added' and region != 'WLD'")
    order = last["percent"].abs().sort_values(ascending=False).index
    figure = largest_changes(table)
    assert row_labels(figure.axes[0]) == [
        country_name(k) for k in table.loc[order, "region"]
    ]
    bars = [k for k in figure.axes[0].patches if isinstance(k, Rectangle)]
    assert [k.get_width() for k in bars] == table.loc[order, "percent"].tolist()
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert titles == ["value added\nper cent", "trade benefit index\nchange"]


def test_bars_of_several_variants_name_variant_and_region():
    table = data.scenarios(3)
    last = table.query("year == 2001 and measure == 'value_added' and region != 'WLD'")
    first = last.iloc[int(last["percent"].abs().to_numpy().argmax())]
    names = row_labels(largest_changes(table).axes[0])
    assert names[0] == f"{first['variant']}: {country_name(first['region'])}"
    assert len(names) == 12


def test_each_variant_has_its_regions_ranked_and_the_largest_is_first():
    table = data.scenarios(3)
    figure = changes_by_variant(table, "tbi")
    rows = table.query("year == 2001 and measure == 'tbi'")
    size = rows["change"].abs().groupby(rows["variant"]).max()
    order = size.sort_values(ascending=False).index
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert titles == [*order]
    for ax, variant in zip(figure.axes, order, strict=True):
        own = rows[rows["variant"] == variant].set_index("region")["change"]
        own = own[own.abs().sort_values(ascending=False).index]
        bars = [k.get_width() for k in ax.patches if isinstance(k, Rectangle)]
        assert bars == own.tolist()
    assert figure.get_suptitle() == "Change of the trade benefit index, 2001"


@pytest.mark.parametrize(
    "name, words",
    [
        ("exporters CHN, importers USA EU27, percent 12.5", "CHN to USA EU27, 12.5 per cent"),
        ("exporters R02, sectors c14 c15, links backward", "R02, sectors c14 c15, backward links"),
        ("importers USA, to third", "to USA, moved to third countries"),
        ("exporters all, to home, uses final", "all, moved home, final goods"),
        ("importers R02, exporters R01, tariff 0.1", "R01 to R02, tariff 0.1"),
        ("percent -2", "-2 per cent"),
        ("exporters pay", "exporters pay"),
        ("to the moon", "to the moon"),
        ("decoupling by 50 percent", "decoupling by 50 percent"),
    ],
)  # fmt: skip
def test_a_variant_of_a_grid_is_called_by_words_a_name_by_itself(name, words):
    assert variant_in_words(name) == words


def test_a_title_names_its_only_variant():
    title = largest_changes(data.scenarios(1)).get_suptitle()
    assert title == "Largest changes, 2001: percent 10"


def test_only_known_regions_and_measures_are_drawn():
    line = error_of(largest_changes, data.scenarios(1), ["R9"])
    assert "no region R9 in these scenarios" in line
    line = error_of(changes_by_variant, data.scenarios(1), "gdp")
    assert "no measure gdp in these scenarios" in line
