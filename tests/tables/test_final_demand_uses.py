"""Every source's categories of final demand are told apart."""

import pytest

from tivax.engine.sources.tables import adb, figaro, lrwiod, oecd, wiod2013, wiod2016
from tivax.engine.tables.inventories import (
    consumption_and_capital,
    inventory_categories,
)
from tivax.engine.tables.synthetic import CATEGORIES

from mrio_files import EORA_DEMAND, EXIOBASE_DEMAND


@pytest.mark.parametrize(
    "categories, consumption",
    [
        (tuple(adb.DEMAND.values()), 3),
        (tuple(wiod2013.DEMAND.values()), 3),
        (tuple(wiod2016.DEMAND.values()), 3),
        (lrwiod.CATEGORIES, 2),
        (oecd.CATEGORIES, 4),
        (figaro.CATEGORIES, 3),
        (EORA_DEMAND, 3),
        (EXIOBASE_DEMAND, 3),
    ],
)
def test_every_source_has_consumption_and_fixed_capital(categories, consumption):
    found = consumption_and_capital(categories)
    assert found is not None
    assert (len(found[0]), len(found[1])) == (consumption, 1)
    (inventories,) = inventory_categories(categories)
    assert inventories not in found[0] + found[1]


def test_valuables_are_no_inventories():
    assert inventory_categories(EORA_DEMAND) == ("Changes in inventories P.52",)
    assert inventory_categories(EXIOBASE_DEMAND) == ("Changes in inventories",)
    assert inventory_categories(CATEGORIES) == ("INVEN",)


def test_one_category_is_of_no_use():
    assert consumption_and_capital(("FD",)) is None
    assert consumption_and_capital(("CONS_h", "other")) is None
