import numpy as np
import pytest
from numpy.testing import assert_allclose

from large_files import gloria_tables, gloria_world, write_gloria
from source_files import assert_holds, read_all, refusal


def changed(folder, change):
    tables = gloria_tables(gloria_world())
    change(tables)
    return write_gloria(folder, tables=tables)


def test_the_labels_may_lie_above_the_unpacked_archive(tmp_path):
    path = write_gloria(tmp_path, unpacked="GLORIA_MRIOs_59_2022")
    for given in (path, path.parent, tmp_path):
        (table,) = read_all("gloria", given)
        assert_holds(table, gloria_world())


def test_a_use_read_by_hand(tmp_path):
    """Line 7 of T is the first product of DYE, its first cell what AUS's wheat buys: 10
    x 3 + 1 + 22."""
    path = write_gloria(tmp_path)
    cells = path.read_text().splitlines()[6].split(",")
    assert float(cells[0]) == 53 and float(cells[2]) == 0
    (table,) = read_all("gloria", path)
    assert table.industry(2) == "DYE:Growing wheat" and table.Z[2, 0] == 53


def test_industries_of_several_products_share_their_inputs(tmp_path):
    """A literal sum over industries: inputs of product j are those of each industry,
    times what j is of its output."""
    world = gloria_world()
    n = len(world.x)
    supply = np.diag(world.x)
    supply[0, 0], supply[0, 1] = 0.75 * world.x[0], 0.25 * world.x[0]

    def second_product(tables):
        cells = tables["T"].reshape(3, 2, 2, 3, 2, 2)
        cells[:, 0, :, :, 1] = supply.reshape(3, 2, 3, 2)

    (table,) = read_all("gloria", changed(tmp_path, second_product))
    assert table.value_added is not None and world.value_added is not None
    for j in range(n):
        share = [supply[i, j] / world.x[i] for i in range(n)]
        inputs = sum(share[i] * world.Z[:, i] for i in range(n))
        assert_allclose(table.Z[:, j], inputs, rtol=1e-14)
        added = sum(share[i] * world.value_added[i] for i in range(n))
        assert_allclose(table.value_added[j], added, rtol=1e-14)
    assert "supply is not the sum of the row in 2 industries of 6" in table.doubts[0]


@pytest.mark.parametrize(
    "what, cell, words",
    [
        ("T", (0, 1), "industries sell to industries"),
        ("T", (2, 3), "products are sold to products"),
        ("Y", (0, 0), "industries sell to final demand"),
    ],
)
def test_what_supply_and_use_tables_have_not_is_refused(tmp_path, what, cell, words):
    def change(tables):
        tables[what][cell] = 1

    path = changed(tmp_path, change)
    message = refusal("gloria", path, *path.parent.glob("*.csv"))
    assert f"{words}, which supply and use tables have not" in message


def test_a_file_or_label_that_is_missing_is_named(tmp_path):
    path = write_gloria(tmp_path)
    (readme,) = tmp_path.glob("*.xlsx")
    readme.rename(tmp_path / "away.txt")
    assert "no GLORIA_ReadMe_059.xlsx" in refusal("gloria", path)
    (tmp_path / "away.txt").rename(readme)
    next(tmp_path.glob("*_V-Results_*")).unlink()
    assert "no file of V beside it; give it, too" in refusal("gloria", path)


def test_a_table_of_other_size_than_its_labels_is_refused(tmp_path):
    path = changed(tmp_path, lambda t: t.update(T=t["T"][:, :-1]))
    assert "11 cells in a row, but the labels make it 12" in refusal("gloria", path)
