import warnings
from functools import partial

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import QuadMesh
from numpy.testing import assert_allclose

from tivax.engine.core import billions
from tivax.engine.figures import trade as trade_plots
from tivax.engine.reporting import plot_style
from tivax.engine.tables import country_name
from tivax.engine.tables.shown_regions import ends_of

from drawings import row_labels, words
from figure_data import REGIONS, YEARS, random_tbi, random_trade
from helpers import error_of


def bilateral(flows, year):
    """Sums over sectors by hand, 0 at home."""
    T = flows.values[YEARS.index(year)].sum(axis=1)
    return T * (1 - np.eye(len(T)))


def lines(figure):
    """Label to line, over all axes."""
    found = {}
    for ax in figure.axes:
        for line in ax.get_lines():
            label = str(line.get_label())
            if not label.startswith("_"):
                found[label] = line
    return found


def codes_of(ax) -> list[str]:
    """The regions that the rows name."""
    codes = {country_name(k): k for k in REGIONS}
    return [codes[k] for k in row_labels(ax)]


def test_regions_that_are_alike_but_for_rounding_have_no_ends():
    values = pd.Series({"AUT": 1e-17, "DEU": -1e-17, "FRA": 0.0, "ROW": 1.0})
    assert ends_of(values) == []
    values["DEU"] = 0.1
    assert ends_of(values) == [("DEU", 0.1), ("FRA", 0.0)]


# ---------------------------------------------------------------------- TBI lines


def test_each_line_holds_the_index_of_its_region_and_its_name_stands_at_the_end():
    tbi = random_tbi()
    figure = trade_plots.tbi_lines(tbi, ["FRA", "CHN"])
    assert list(lines(figure)) == ["FRA", "CHN"]
    for region, line in lines(figure).items():
        assert_allclose(line.get_xdata(), YEARS)
        assert_allclose(line.get_ydata(), tbi["tbi"].sel(region=region))
    assert {"France", "China"} <= set(words(figure))


def test_the_eight_largest_traders_are_drawn_without_row():
    regions = ["ROW", *(f"R{k}" for k in range(9)), "USA", "CHN"]
    tbi = random_tbi(regions)
    tbi["va_exports"].loc[{"region": "ROW"}] = 1e9
    size = (tbi["va_exports"] + tbi["va_imports"]).isel(year=-1).to_series()
    largest = size.drop("ROW").nlargest(8)
    assert list(lines(trade_plots.tbi_lines(tbi))) == [*largest.index]


def test_colours_of_large_economies_do_not_depend_on_who_else_is_drawn():
    tbi = random_tbi(["FRA", "USA", "CHN", "ITA"])
    colours = [
        {k: v.get_color() for k, v in lines(trade_plots.tbi_lines(tbi, chosen)).items()}
        for chosen in (["FRA", "ITA", "USA"], ["USA", "CHN"])
    ]
    assert colours[0]["USA"] == colours[1]["USA"]
    assert len(set(colours[0].values())) == 3


def test_one_year_is_drawn_as_points():
    tbi = random_tbi(years=[2010])
    for line in lines(trade_plots.tbi_lines(tbi)).values():
        assert line.get_marker() == "o"
        assert line.get_markevery() == [0]


def test_a_value_between_missing_years_is_a_point_and_a_region_without_is_named():
    tbi = random_tbi(years=range(2000, 2006))
    tbi["tbi"].loc[{"region": "USA", "year": [2001, 2003, 2004]}] = np.nan
    tbi["tbi"].loc[{"region": "DEU"}] = np.nan
    figure = trade_plots.tbi_lines(tbi)
    # 2000, 2002 and 2005 have no neighbour.
    assert lines(figure)["USA"].get_markevery() == [0, 2, 5]
    assert figure.axes[0].get_xlabel() == "no values: DEU"
    assert "DEU" not in words(figure)


@pytest.mark.parametrize("years", [[2010], YEARS])
def test_more_than_eight_regions_get_a_panel_each(years, tmp_path):
    regions = [f"A group with a long name, number {k}" for k in range(14)]
    tbi = random_tbi(regions, years)
    figure = trade_plots.tbi_lines(tbi, regions)
    assert len(figure.axes) == 14
    for ax, region in zip(figure.axes, regions, strict=True):
        assert ax.get_title(loc="left").replace("\n", " ") == region
        drawn = np.asarray(ax.get_lines()[0].get_ydata())
        assert_allclose(drawn, tbi["tbi"].sel(region=region))
    plot_style.draw(figure).save(tmp_path, "panels")


def test_labels_at_the_line_ends_do_not_overlap():
    tbi = random_tbi(list(trade_plots.LARGE_ECONOMIES))
    tbi["tbi"][:] = np.linspace(0, 0.01, 8)[None, :]
    tbi["tbi"][0] = np.linspace(-0.5, 0.5, 8)
    figure = trade_plots.tbi_lines(tbi)
    figure.draw_without_rendering()
    labels = [text for text in figure.axes[0].texts if text.get_text()]
    heights = sorted(text.get_window_extent().y0 for text in labels)
    assert len(heights) == 8
    assert np.diff(heights).min() > plot_style.FONT * figure.dpi / 72
    upwards = sorted(labels, key=lambda k: k.get_position()[1])
    order = [str(k.get_text()) for k in upwards]
    assert order == [country_name(k) for k in trade_plots.LARGE_ECONOMIES]


# ---------------------------------------------------------------------- heat map


def cells_of(figure):
    """Values, colour map and scale of the map."""
    (mesh,) = (k for k in figure.axes[0].collections if isinstance(k, QuadMesh))
    return np.ma.asarray(mesh.get_array()), mesh.cmap, mesh.norm


def test_a_positive_cell_is_a_surplus_of_the_row_and_each_pair_is_there_once():
    trade = random_trade()
    figure = trade_plots.balance_heatmap(
        trade["va_absorbed"], year=2010, regions=REGIONS
    )
    T = bilateral(trade["va_absorbed"], 2010)
    cells, colour, norm = cells_of(figure)
    below = np.tril_indices(len(REGIONS), -1)
    above = np.triu_indices(len(REGIONS))

    assert_allclose(cells[below], (T - T.T)[below] / 1000)  # millions to billions
    assert np.ma.getmaskarray(cells)[above].all()
    labels = row_labels(figure.axes[0])
    assert labels == [country_name(k) for k in REGIONS]
    assert (norm.vmin, norm.vmax) == (-abs(cells).max(), abs(cells).max())
    # Blue above 0: the colour of the largest surplus has more blue than red.
    red, _, blue, _ = colour(norm(abs(cells).max()))
    assert blue > red


def test_the_largest_twenty_traders_stand_in_order_and_row_last():
    regions = ["ROW", *(f"R{k:02d}" for k in range(30))]
    trade = random_trade(regions)
    figure = trade_plots.balance_heatmap(trade["va_absorbed"])
    T = bilateral(trade["va_absorbed"], 2011)
    size = (T.sum(axis=0) + T.sum(axis=1))[1:]
    largest = [regions[1 + k] for k in np.argsort(-size)[:20]]
    labels = [k.get_text() for k in figure.axes[0].get_xticklabels()]
    assert labels == [*largest, "ROW"]
    assert "2011" in figure.get_suptitle()
    assert "surplus of the row" in figure.get_suptitle()


@pytest.mark.parametrize(
    "units, most, shown, factor",
    [
        ("kg", 9.6e7, "kt", 1e-6),
        ("kg CO2 eq", 2e9, "Mt CO2 eq", 1e-9),
        ("tonnes", 30, "t", 1.0),
        ("1000 tonnes", 3e4, "Mt", 1e-3),
        ("Gg", 5, "kt", 1.0),
        ("jobs", 5e7, "million jobs", 1e-6),
        ("1000 persons", 5e4, "million persons", 1e-3),
        ("1000 persons", 5, "1000 persons", 1.0),
        ("TJ", 900, "TJ", 1.0),
    ],
)
def test_units_of_accounts_are_as_large_as_their_numbers(units, most, shown, factor):
    found, by = billions(units, most)
    assert found == shown and by == pytest.approx(factor, rel=1e-12)


@pytest.mark.parametrize(
    "units, shown, factor",
    [
        ("million US$", "billion US$", 1e-3),
        ("million EUR", "billion EUR", 1e-3),
        ("1000 US$", "billion US$", 1e-6),
        ("thousand US$", "billion US$", 1e-6),
        ("billion JPY", "billion JPY", 1.0),
        ("US$", "US$", 1.0),
        ("", "", 1.0),
    ],
)
def test_flows_are_shown_in_billions(units, shown, factor):
    assert billions(units) == billions(units, 1e6) == (shown, factor)
    trade = random_trade(units=units)
    bar = trade_plots.balance_heatmap(trade["va_absorbed"]).axes[1]
    assert bar.get_ylabel().startswith(shown)
    assert "square-root scale" in bar.get_ylabel()


def test_no_trade_at_all_is_still_a_map(tmp_path):
    absorbed = random_trade()["va_absorbed"] * 0
    plot_style.draw(trade_plots.balance_heatmap(absorbed)).save(tmp_path, "empty")


# ------------------------------------------------------------- value added and gross


@pytest.mark.parametrize("sectors", [True, False])
def test_dumbbells_are_the_bilateral_balances_in_gross_and_value_added(sectors):
    trade = random_trade()
    T = bilateral(trade["va_absorbed"], 2009)
    E = bilateral(trade["gross_exports"], 2009)
    if not sectors:
        trade = trade.sum("sector", keep_attrs=True)
    figure = trade_plots.va_versus_gross(trade, region="DEU", year=2009)
    right = figure.axes[1]
    partners = codes_of(right)

    assert partners[-1] == "ROW"
    assert set(partners) == set(REGIONS) - {"DEU"}
    i, j = REGIONS.index("DEU"), [REGIONS.index(k) for k in partners]
    both = E[i, j] + E[j, i]
    assert (np.diff(both[:-1]) <= 0).all()  # the largest partner first
    drawn = lines(figure)
    assert_allclose(drawn["gross"].get_xdata(), (E[i, j] - E[j, i]) / 1000)
    assert_allclose(drawn["value added"].get_xdata(), (T[i, j] - T[j, i]) / 1000)
    assert right.get_xlabel().endswith("billion US$")


def test_the_vax_ratio_is_sorted_and_leaves_out_trade_at_home():
    trade = random_trade()
    T, E = (bilateral(trade[k], 2011) for k in ("va_absorbed", "gross_exports"))
    left = trade_plots.va_versus_gross(trade).axes[0]
    labels = codes_of(left)
    rows = [REGIONS.index(k) for k in labels]
    ratio = np.asarray(left.get_lines()[0].get_xdata())

    assert_allclose(ratio, T.sum(axis=1)[rows] / E.sum(axis=1)[rows])
    assert (np.diff(ratio) <= 0).all()
    assert set(labels) == set(REGIONS)


def test_the_region_with_the_largest_deficit_is_the_default_but_never_row():
    trade = random_trade()
    trade["va_absorbed"].loc[{"origin": "ROW"}] = 0
    trade["va_absorbed"].loc[{"origin": "FRA"}] = 1
    title = trade_plots.va_versus_gross(trade).axes[1].get_title(loc="left")
    assert title == "Largest deficit: France, 2011"


def test_a_region_without_exports_has_no_vax_ratio_and_warns_not():
    trade = random_trade()
    trade["va_absorbed"].loc[{"origin": "FRA"}] = 0
    trade["gross_exports"].loc[{"exporter": "FRA"}] = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        left = trade_plots.va_versus_gross(trade, region="USA").axes[0]
    assert "FRA" not in row_labels(left)


# ----------------------------------------------------------------------- mistakes


def test_an_unknown_region_or_year_is_named():
    trade, tbi = random_trade(), random_tbi()
    absorbed, lines = trade["va_absorbed"], trade_plots.tbi_lines
    balances = partial(trade_plots.balance_heatmap, absorbed)
    alone = partial(trade_plots.balance_heatmap, absorbed.isel(origin=[0, 1]))
    gross = partial(trade_plots.va_versus_gross, trade, region="XXX")
    for draw, told in (
        (partial(lines, tbi, ["XXX"]), "no region XXX: choose from CHN, USA"),
        (partial(balances, regions=["XXX"]), "no region XXX"),
        (gross, "no region XXX"),
        (partial(balances, year=1999), "no year 1999: there are 2009 to 2011"),
        (partial(lines, tbi, []), "no region to draw"),
        (alone, "origin and absorber must be the same"),
    ):
        assert error_of(draw).startswith(told)
