"""Figures of scenarios: what is shown, and in which order."""

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from tivax.engine import TivaxError
from tivax.engine.figures.scenarios import change_map, largest_changes

import figure_data as data


def labels(figure, axis="y"):
    return [k.get_text() for k in getattr(figure.axes[0], f"get_{axis}ticklabels")()]


def test_bars_of_one_variant_are_ranked_by_the_first_measure_of_the_last_year():
    table = data.scenarios(1)
    last = table.query("year == 2001 and measure == 'value_added' and region != 'WLD'")
    order = last["percent"].abs().sort_values(ascending=False).index
    figure = largest_changes(table)
    assert labels(figure) == table.loc[order, "region"].tolist()
    bars = [k for k in figure.axes[0].patches if isinstance(k, Rectangle)]
    assert [k.get_width() for k in bars] == table.loc[order, "percent"].tolist()
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert titles == ["value added\nper cent", "trade benefit index\nchange"]


def test_bars_of_several_variants_name_variant_and_region():
    table = data.scenarios(3)
    last = table.query("year == 2001 and measure == 'value_added' and region != 'WLD'")
    first = last.iloc[int(last["percent"].abs().to_numpy().argmax())]
    names = labels(largest_changes(table))
    assert names[0] == f"{first['variant']}: {first['region']}" and len(names) == 12


def test_a_map_has_the_changes_of_variants_and_regions():
    table = data.scenarios(3)
    figure = change_map(table, "tbi")
    last = table.query("year == 2001 and measure == 'tbi'")
    wanted = last["change"].to_numpy().reshape(3, 4)
    shown = np.asarray(figure.axes[0].collections[0].get_array()).reshape(3, 4)
    assert (shown == wanted).all()
    assert labels(figure) == ["percent 10", "percent 20", "percent 30"]
    assert labels(figure, "x") == ["R0", "R1", "R2", "ROW"]
    assert figure.get_suptitle() == "Change of the trade benefit index, 2001"


def test_only_known_regions_and_measures_are_drawn():
    with pytest.raises(TivaxError, match="no region R9 in these scenarios"):
        largest_changes(data.scenarios(1), ["R9"])
    with pytest.raises(TivaxError, match="no measure gdp in these scenarios"):
        change_map(data.scenarios(1), "gdp")
