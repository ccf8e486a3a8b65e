import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from tivax.engine.figures.tiles import assignment, has_map, tile_map, world_tiles
from tivax.engine.panel.recipe import WIOD_COUNTRIES
from tivax.engine.tables.countries import countries, country_position


def test_every_economy_has_a_tile_of_its_own():
    codes = list(countries())
    tiles = tile_map(codes)
    assert set(tiles) == set(codes)
    assert len(set(tiles.values())) == len(codes)


def test_neighbours_on_earth_are_in_order_on_the_map():
    tiles = tile_map(WIOD_COUNTRIES)
    column, row = ({k: v[side] for k, v in tiles.items()} for side in (0, 1))
    assert column["USA"] < column["IRL"] < column["DEU"] < column["RUS"]
    assert column["GBR"] < column["POL"] < column["CHN"] <= column["JPN"]
    assert row["SWE"] < row["ITA"] and row["CAN"] < row["USA"] < row["MEX"]
    assert row["GBR"] < row["ESP"] and row["JPN"] < row["AUS"]


def test_what_has_no_place_on_earth_follows_below():
    tiles = tile_map(["DEU", "ROW", "FRA", "EU27"])
    below = max(tiles["DEU"][1], tiles["FRA"][1])
    assert tiles["ROW"] == (0, below + 1)
    assert tiles["EU27"][1] > below
    assert tile_map(["R01", "R02"]) == {"R01": (0, 0), "R02": (1, 0)}
    assert tile_map(["DEU"]) == {"DEU": (0, 0)}


def test_positions_are_on_earth():
    """Whole degrees; three that everyone knows."""
    for code in set(countries()) - {"ROW"}:
        place = country_position(code)
        assert place is not None
        latitude, longitude = place
        assert -90 <= latitude <= 90 and -180 <= longitude <= 180
        assert latitude == int(latitude) and longitude == int(longitude)
    assert country_position("DEU") == (51, 10)
    assert country_position("BRA") == (-10, -53)
    assert country_position("JPN") == (36, 138)
    assert country_position("ROW") is None and country_position("R01") is None


def tiles_of(values, label="welfare"):
    """Colour and text of each tile, and the texts of the scale."""
    figure = world_tiles(values, label)
    ax, bar = figure.axes
    texts = [k.get_text() for k in ax.texts]
    colours = [k.get_facecolor()[:3] for k in ax.patches]
    said = dict(zip(texts[::2], zip(colours, texts[1::2], strict=True), strict=True))
    return said, [k.get_text() for k in bar.get_xticklabels()], bar.get_xlabel()


def test_zero_is_white_in_the_middle_and_signs_have_colours_of_their_own():
    values = {"DEU": 4.0, "FRA": -0.02, "USA": -9.0, "CHN": 0.0, "JPN": np.nan}
    said, ticks, label = tiles_of(pd.Series(values))
    colours = {code: colour for code, (colour, _) in said.items()}
    assert colours["DEU"][2] > colours["DEU"][0]
    assert colours["USA"][0] > colours["USA"][2]
    assert min(colours["CHN"]) > 0.95 and max(colours["USA"]) < 0.6
    texts = {code: text for code, (_, text) in said.items()}
    assert texts["DEU"] == "4.0" and texts["USA"] == "\N{MINUS SIGN}9.0"
    assert texts["FRA"] == "0.0"  # no minus before a zero
    assert texts["JPN"] == "" and len(set(colours["JPN"])) == 1
    assert "0" in ticks and "+5" in ticks and label == "welfare"


def test_shares_are_palest_at_zero():
    said, _, _ = tiles_of(pd.Series({"DEU": 0.0, "FRA": 1.0, "USA": 4.0}))
    brightness = {code: sum(colour) for code, (colour, _) in said.items()}
    assert brightness["DEU"] > brightness["FRA"] > brightness["USA"]
    assert said["USA"][1] == "4.0" and said["DEU"][1] == "0.0"


def test_worlds_of_no_countries_have_no_map():
    assert has_map(WIOD_COUNTRIES)
    assert not has_map([f"R{k:02}" for k in range(40)]) and not has_map(["DEU", "USA"])


def test_places_add_up_to_the_least_as_in_scipy():
    rng = np.random.default_rng(0)
    for shape in ((1, 1), (4, 4), (7, 12), (44, 72)):
        for costs in (rng.random(shape), rng.integers(0, 3, shape).astype(float)):
            found, expected = assignment(costs), linear_sum_assignment(costs)
            assert len(set(found.tolist())) == len(costs)
            best = costs[expected].sum()
            np.testing.assert_allclose(costs[np.arange(len(costs)), found].sum(), best)
