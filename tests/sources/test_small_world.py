"""Ten economies of WIOD 2013, made from a download, and what stands in for them."""

from dataclasses import replace

import numpy as np
import pytest

import tivax as tx
from tivax.engine.sources.archives import ARCHIVES


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TIVAX_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir(mode=0o700)


def test_a_synthetic_world_stands_in_and_a_warning_says_what_to_do():
    with pytest.warns(tx.TivaxWarning, match=r"tx\.small_world\('raw'\)"):
        world = tx.small_world()
    assert (len(world.regions), len(world.sectors), len(world.years)) == (11, 15, 3)


def test_without_the_internet_a_synthetic_world_stands_in_for_adbs(monkeypatch):
    closed = replace(ARCHIVES["adb"]["4x3"], url="http://localhost:9/none")
    monkeypatch.setitem(ARCHIVES["adb"], "4x3", closed)
    with pytest.warns(tx.TivaxWarning, match="a synthetic world, as ADB's was not"):
        world = tx.small_world(of="adb")
    assert (len(world.regions), len(world.sectors)) == (4, 3)


@pytest.mark.shared
def test_adbs_is_fetched_once_by_its_digest_with_its_emissions(
    shared, site, monkeypatch
):
    (path,) = (shared / "data" / "adb_4x3").glob("*.xlsx")
    site.content, site.content_type = path.read_bytes(), "application/octet-stream"
    here = replace(ARCHIVES["adb"]["4x3"], url=f"{site.address}/adb.xlsx")
    monkeypatch.setitem(ARCHIVES["adb"], "4x3", here)
    world = tx.small_world(of="adb")
    site.content = b""
    np.testing.assert_array_equal(tx.small_world(of="adb").Z, world.Z)
    assert world.regions == ("CHN", "IND", "JPN", "ROW") and world.years == (2023,)
    check = tx.check_tables(world)[0]
    assert check.row_gap_share < 1e-13 and check.output_identity < 1e-12
    (co2,) = tx.read_satellites(path)
    found = tx.footprints(world, co2).data.sel(year=2023)
    # Million tonnes: the sums of the file, whose world emits what it consumes.
    made = found["production_based"] / 1e3
    assert float(made.sel(region="CHN")) == pytest.approx(12_751.99, abs=0.01)
    used = found["consumption_based"].sum()
    assert float(used) == pytest.approx(float(1e3 * made.sum()), rel=1e-12)


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
