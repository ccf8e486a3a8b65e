"""To pymrio and back: bit for bit, its accounts, and labels that do not fit."""

import json
import shutil
import sys
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xarray as xr
from numpy.testing import assert_allclose, assert_array_equal

from tivax.engine import (
    Satellite,
    footprints,
    from_pymrio,
    origins,
    to_pymrio,
    trade_benefit_index,
)

from helpers import error_of, random_tables

pymrio = pytest.importorskip("pymrio")
# Its test system, which has value added of 1 % of output less inputs.
pytestmark = pytest.mark.filterwarnings("ignore:.*value added is 1.19 % of final")

# pymrio inverts, tivax iterates to 1e-12.
RTOL = 1e-10
CO2 = "emission_type1 air"


@pytest.fixture(scope="module")
def io():
    """pymrio's own test system, calculated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pymrio.load_test().calc_all()


@pytest.fixture(scope="module")
def tables(io):
    return from_pymrio(io, 2010, value_added=io.factor_inputs.F)


@pytest.fixture(scope="module")
def satellites(io):
    return Satellite.from_pymrio(io, 2010)


@pytest.fixture(scope="module", params=["txt", "parquet"])
def saved(request, tables, satellites, tmp_path_factory):
    place = tmp_path_factory.mktemp("saved") / "mrio_2010"
    return to_pymrio(tables, path=place, satellites=satellites, format=request.param)


def assert_same(frame, other):
    assert_array_equal(frame.to_numpy(float), other.to_numpy(float))
    for axis in ("index", "columns"):
        assert getattr(frame, axis).tolist() == getattr(other, axis).tolist()
        assert list(getattr(frame, axis).names) == list(getattr(other, axis).names)


# ------------------------------------------------------------------------ round trips


def test_a_system_goes_to_tivax_and_back_bit_for_bit(io, tables, satellites):
    back = to_pymrio(tables, satellites=satellites)
    for name in ("Z", "Y", "x"):
        assert_same(getattr(back, name), getattr(io, name))
    assert back.unit.equals(io.unit)
    for name in ("emissions", "factor_inputs"):
        mine, its = getattr(back, name), getattr(io, name)
        assert mine.name == its.name and mine.unit.equals(its.unit)
        assert_same(mine.F, its.F)
        if its.F_Y is not None:
            assert_same(mine.F_Y, its.F_Y)
    assert_array_equal(from_pymrio(back, 2010).value_added, tables.value_added)
    assert_allclose(back.calc_all().emissions.D_cba, io.emissions.D_cba, rtol=1e-14)


def test_a_saved_system_is_read_bit_for_bit(io, saved, tables):
    read = from_pymrio(saved)
    assert (read.years, read.unit) == ((2010,), "Mill USD")
    for name in ("regions", "sectors", "categories"):
        assert getattr(read, name) == getattr(tables, name)
    for name in ("Z", "Y", "x", "value_added"):
        assert_array_equal(getattr(read, name), getattr(tables, name))
    again = Satellite.from_pymrio(saved)
    for name, one in Satellite.from_pymrio(io, 2010).items():
        assert again[name].account.identical(one.account)
        mine = again[name].direct
        assert (mine is None) == (one.direct is None)
        if mine is not None and one.direct is not None:
            assert mine.identical(one.direct)


def test_pymrio_opens_what_is_saved(io, saved):
    """Its own reader of text may miss the last digit; of parquet it may not."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        opened = pymrio.load_all(saved)
    for name in ("Z", "Y", "x"):
        mine, its = getattr(opened, name), getattr(io, name)
        assert_allclose(mine.to_numpy(), its.to_numpy(), rtol=2e-16)
        assert mine.index.equals(its.index)
    assert opened.emissions.F.index.names == ["stressor", "compartment"]
    assert_allclose(opened.emissions.F_Y.to_numpy(), io.emissions.F_Y.to_numpy())


def test_what_pymrio_saves_is_read_from_folder_and_archive(io, tables, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fresh = pymrio.load_test()
        fresh.save_all(tmp_path / "a", table_format="parquet")
        pymrio.archive(tmp_path / "a", tmp_path / "mrio2010.zip", path_in_arc="in")
    for path, year in ((tmp_path / "a", 2010), (tmp_path / "mrio2010.zip", None)):
        read = from_pymrio(path, year)
        assert read.years == (2010,)
        for name in ("Z", "Y", "value_added"):
            assert_array_equal(getattr(read, name), getattr(tables, name))
        assert_allclose(
            np.asarray(read.x), np.asarray(tables.x), rtol=1e-15
        )  # summed in another order
        assert len(Satellite.from_pymrio(path, year)) == 3


# -------------------------------------------------------------------------- accounts


def test_accounts_by_region_and_sector_have_pymrios_names_and_numbers(
    io, tables, satellites
):
    for k, name in enumerate(satellites):
        if name == "Value Added":
            continue
        k = list(io.emissions.F.index).index(tuple(name.split(" ")))
        by_region = footprints(tables, *satellites[name], names="pymrio").data
        by_sector = footprints(
            tables, *satellites[name], by_sector=True, names="pymrio"
        ).data
        for which in ("D_cba", "D_pba", "D_imp", "D_exp"):
            its = getattr(io.emissions, f"{which}_reg").iloc[k]
            mine = by_region[f"{which}_reg"].sel(year=2010, region=list(its.index))
            assert_allclose(mine, its, rtol=RTOL)
            its = getattr(io.emissions, which).iloc[k]
            mine = by_sector[which].sel(year=2010).stack(k=["region", "sector"])
            assert_allclose(mine.sel(k=its.index.tolist()), its, rtol=RTOL)
        assert by_sector["D_cba"].attrs["units"] == "kg"
        assert set(by_sector) == {"D_cba", "D_pba", "D_imp", "D_exp", "F_Y"}


def test_the_index_is_the_one_that_others_printed(tables):
    index = trade_benefit_index(tables)["tbi"].values[0]
    assert_allclose(index[:2], [-0.127, 0.354], atol=5e-4)


def test_the_footprint_of_one_sector_in_one_region_is_pymrios(io, tables, satellites):
    """The column of pymrio's account by source: ``diag_stressor``."""
    source = io.emissions.diag_stressor(("emission_type1", "air"))
    source.calc_system(x=io.x, Y=io.Y, L=io.L)
    its = source.D_cba[("reg2", "food")]
    mine = origins(tables, "final demand", value_added=satellites[CO2].account)
    mine = mine.sel(year=2010, product="food", absorber="reg2")
    assert_allclose(mine.to_numpy().ravel(), its.to_numpy(), rtol=RTOL)


def test_groups_and_dropped_regions_by_sector_add_up_to_those_by_region(
    tables, satellites
):
    options = {"groups": {"A": ["reg1", "reg2"]}, "drop": ["reg6"]}
    account = satellites[CO2].account
    whole = footprints(tables, account, **options).data
    parts = footprints(tables, account, by_sector=True, **options).data
    for name in set(whole) - {"direct"}:
        assert_allclose(parts[name].sum("sector"), whole[name], rtol=RTOL)
    assert list(parts["region"].values) == ["A", "reg3", "reg4", "reg5"]


# ------------------------------------------------------- labels in another order, wrong


@pytest.mark.parametrize("order", [slice(None, None, -1), np.r_[40:48, :40]])
def test_a_file_in_another_order_gives_the_same_index(tables, saved, tmp_path, order):
    folder = shutil.copytree(saved, tmp_path / "mrio_2010")
    (path,) = folder.glob("Z.*")
    text = path.suffix == ".txt"
    frame = (
        pd.read_csv(path, sep="\t", index_col=[0, 1], header=[0, 1])
        if text
        else pd.read_parquet(path)
    )
    frame = frame.iloc[:, order]
    frame.to_csv(path, sep="\t") if text else frame.to_parquet(path)
    read = from_pymrio(folder)
    assert_array_equal(np.asarray(read.Z), np.asarray(tables.Z))
    assert_allclose(
        trade_benefit_index(read)["tbi"], trade_benefit_index(tables)["tbi"], rtol=1e-12
    )


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda lines: lines[:-1], "rows lack reg6:other"),
        (lambda lines: [*lines, lines[-1]], "rows have reg6:other more than once"),
        (lambda lines: [*lines[:-1], lines[-1].replace("other", "else", 1)], "lack reg6:other"),
        (
            lambda lines: [*lines, lines[-1].replace("reg6", "reg7", 1)],
            "rows have reg7:other, which the rows of Z do not",
        ),
    ],
    ids=["missing", "twice", "renamed", "extra"],
)  # fmt: skip
@pytest.mark.parametrize("name", ["Y", "x"])
def test_a_row_that_does_not_fit_never_gives_a_number(
    tables, tmp_path, name, change, message
):
    folder = to_pymrio(tables, path=tmp_path / "mrio_2010")
    path = folder / f"{name}.txt"
    path.write_text("\n".join(change(path.read_text().splitlines())) + "\n")
    found = error_of(from_pymrio, folder)
    assert message in found and found.startswith("mrio_2010/Z.txt: ")


def test_accounts_of_other_labels_are_not_saved(tables, satellites, tmp_path):
    account = satellites[CO2].account

    def refusal(one):
        return error_of(to_pymrio, tables, path=tmp_path / "x", satellites=[one])

    assert "sector food is in the account or in the tables" in refusal(
        account[:, :, 1:]
    )
    assert "year 2010 is in the account" in refusal(account.assign_coords(year=[2011]))
    assert "needs the dims year, region, sector" in refusal(account[0])
    assert "reg1 is in the account" in refusal(
        account.assign_coords(region=["r1", *account["region"].values[1:]])
    )
    assert list(tmp_path.iterdir()) == []
    shuffled = account[:, ::-1, ::-1]
    assert_array_equal(
        to_pymrio(tables, satellites=[shuffled]).emissions.F,
        to_pymrio(tables, satellites=[account]).emissions.F,
    )


# ------------------------------------------------------------------------- mistakes


def test_one_line_says_what_is_wrong(io, tables, tmp_path, monkeypatch):
    several = random_tables(regions=2, sectors=2, years=2)
    assert "pymrio holds one year: give year=, 2000 to 2001" in error_of(
        to_pymrio, several
    )
    assert to_pymrio(several, 2001).meta.version == "2001"
    assert "give year=2014" in error_of(Satellite.from_pymrio, io)
    assert "not a int" in error_of(Satellite.from_pymrio, 3, 2010)
    folder = to_pymrio(tables, path=tmp_path / "mrio")
    assert "exists already" in error_of(to_pymrio, tables, path=folder)
    assert "no format pickle" in error_of(
        to_pymrio, tables, path=folder, format="pickle"
    )
    (folder / "metadata.json").unlink()
    assert "nothing tells the year; give year=2014" in error_of(from_pymrio, folder)
    assert from_pymrio(folder, 2014).years == (2014,)
    assert "expected folders or archives of pymrio" in error_of(
        from_pymrio, tmp_path / "mrio" / "factor_inputs"
    )
    shutil.copytree(folder, tmp_path / "other")
    assert "holds several systems" in error_of(from_pymrio, tmp_path)
    monkeypatch.setitem(sys.modules, "pymrio", None)
    assert "pip install pymrio" in error_of(to_pymrio, tables)


def test_letters_that_are_not_utf8_are_damage(tables, tmp_path):
    folder = to_pymrio(tables, path=tmp_path / "mrio_2010", format="parquet")
    file = folder / "factor_inputs" / "unit.parquet"
    pq.write_table(pa.table({"unit": ["QQQQ"]}), file, compression="none")
    file.write_bytes(file.read_bytes().replace(b"QQQQ", b"QQ\xff\xff"))
    assert "factor_inputs/unit.parquet: cannot be read" in error_of(from_pymrio, folder)


def test_pickled_systems_and_mixed_units_are_refused(tables, tmp_path):
    folder = to_pymrio(tables, path=tmp_path / "mrio_2010")
    unit = folder / "unit.txt"
    unit.write_text(unit.read_text().replace("Mill USD", "kg", 1))
    assert "mrio_2010/unit.txt has the units Mill USD, kg" in error_of(
        from_pymrio, folder
    )
    parameters = json.loads((folder / "file_parameters.json").read_text())
    (folder / "Z.txt").rename(folder / "Z.pkl")
    parameters["files"]["Z"]["name"] = "Z.pkl"
    (folder / "file_parameters.json").write_text(json.dumps(parameters))
    assert "pkl files are not read" in error_of(from_pymrio, folder)


def test_a_system_of_coefficients_is_read_by_its_output(io, tables, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lean = io.copy()
        lean.Z = lean.L = None
        lean.save(tmp_path / "mrio_2010", table_format="parquet")
    read = from_pymrio(tmp_path / "mrio_2010")
    assert_allclose(np.asarray(read.Z), np.asarray(tables.Z), rtol=1e-14)


def test_an_account_without_sectors_of_its_own_goes_to_an_extension(tables):
    labels = {
        "year": [2010],
        "region": list(tables.regions),
        "sector": list(tables.sectors),
    }
    jobs = xr.DataArray(
        np.arange(48.0).reshape(1, 6, 8),
        labels,
        list(labels),
        name="jobs",
        attrs={"units": "persons"},
    )
    direct = xr.DataArray(
        np.ones((1, 6)), {k: labels[k] for k in ("year", "region")}, ["year", "region"]
    )
    made = to_pymrio(tables, satellites=[Satellite(jobs, direct)]).satellites
    assert made.F.index.tolist() == ["jobs"] and made.unit.iloc[0, 0] == "persons"
    assert_array_equal(made.F.to_numpy().ravel(), np.arange(48.0))
    assert_array_equal(
        made.F_Y.T.groupby(level="region", sort=False).sum().T, np.ones((1, 6))
    )
