"""Ten economies of WIOD 2013, made from a download, and what stands in for them."""

import numpy as np
import pytest

import tivax as tx


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TIVAX_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir(mode=0o700)


def test_a_synthetic_world_stands_in_and_a_warning_says_what_to_do():
    with pytest.warns(tx.TivaxWarning, match=r"tx\.small_world\('raw'\)"):
        world = tx.small_world()
    assert (len(world.regions), len(world.sectors), len(world.years)) == (11, 15, 3)


@pytest.mark.shared
def test_it_is_made_once_and_kept_and_holds_the_trade_of_the_ten(shared):
    made = tx.small_world(shared / "data" / "wiod2013")
    kept = tx.small_world()
    assert kept.years == (1995, 2008, 2011)
    assert {*kept.regions} == {*"BRA CHN DEU FRA GBR IND ITA JPN KOR USA ROW".split()}
    np.testing.assert_array_equal(made.Z, kept.Z)
    # Fewer sectors and regions move the index of China, 0.213 in the full tables.
    index = tx.trade_benefit_index(kept)["tbi"].sel(region="CHN", year=2008)
    assert float(index) == pytest.approx(0.213, abs=0.02)
