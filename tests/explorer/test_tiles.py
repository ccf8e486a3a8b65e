from tivax.engine.explorer.tiles import tile_map
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
