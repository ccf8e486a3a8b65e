"""``tx.compare`` and ``tivax compare``: several databases on what they share."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import tivax as tx
from tivax.engine import save_store

from commands import good, mistake
from described import assert_described
from helpers import random_tables

# The same sums in another order.
SAME = 1e-12
ERROR = tx.table_errors.Lognormal(a=0.3, b=0.1)


def named(tables, regions, years):
    return replace(tables, regions=regions, years=years)


@pytest.fixture(scope="module")
def databases():
    """A of AAA, BBB, CCC, ROW in 2000-2002; B of CCC, AAA, DDD, ROW in 2001-2003."""
    one = random_tables(regions=4, sectors=3, years=3, seed=1)
    other = random_tables(regions=4, sectors=2, years=3, seed=2)
    return {
        "A": named(one, ("AAA", "BBB", "CCC", "ROW"), (2000, 2001, 2002)),
        "B": named(other, ("CCC", "AAA", "DDD", "ROW"), (2001, 2002, 2003)),
    }


@pytest.fixture(scope="module")
def found(databases):
    return tx.compare(databases, ["tbi", "EXGR"], errors=ERROR)


def test_values_are_those_of_each_database_by_itself(databases, found):
    assert found.regions == ("AAA", "CCC") and found.years == (2001, 2002)
    table = found.table.set_index(["database", "measure", "region", "year"])["value"]
    for name, tables in databases.items():
        index = tx.trade_benefit_index(tables)["tbi"]
        gross = tx.indicators(tables, "EXGR")["EXGR"]
        for measure, wanted in (("tbi", index), ("EXGR", gross)):
            for region in found.regions:
                for year in found.years:
                    value = table[name, measure, region, year]
                    own = float(wanted.sel(region=region, year=year))
                    assert value == pytest.approx(own, rel=SAME)


def test_differences_and_agreement_by_literal_sums(databases, found):
    rows = found.table[found.table["measure"] == "tbi"]
    value, se = {}, {}
    for row in rows.itertuples():
        value[row.database, row.region, row.year] = row.value
        se[row.database, row.region, row.year] = row.se
    cells = [(r, y) for r in found.regions for y in found.years]
    gaps = [value["B", *k] - value["A", *k] for k in cells]
    variances = [se["A", *k] ** 2 + se["B", *k] ** 2 for k in cells]
    pairs = found.pairs[found.pairs["measure"] == "tbi"]
    pairs = pairs.set_index(["region", "year"])
    for cell, gap, variance in zip(cells, gaps, variances, strict=True):
        row = pairs.loc[cell]
        assert row["difference"] == pytest.approx(gap, rel=SAME)
        assert row["se"] == pytest.approx(variance**0.5, rel=SAME)
        assert row["ci_high"] - row["ci_low"] == pytest.approx(
            2 * 1.959963984540054 * variance**0.5, rel=1e-9
        )
    agreed = found.agreement.set_index("measure").loc["tbi"]
    explained = sum(variances) / sum(gap**2 for gap in gaps)
    assert agreed["explained"] == pytest.approx(explained, rel=SAME)
    assert agreed["mean_difference"] == pytest.approx(np.mean(np.abs(gaps)), rel=SAME)
    most = cells[int(np.argmax(np.abs(gaps)))]
    assert (agreed["region"], agreed["year"]) == most
    levels = [[value[name, *k] for k in cells] for name in "AB"]
    assert agreed["correlation"] == pytest.approx(np.corrcoef(levels)[0, 1], rel=1e-9)


def test_a_database_agrees_with_itself(databases):
    one = databases["A"]
    found = tx.compare({"one": one, "again": replace(one)}, ["tbi", "vax_ratio"])
    assert (found.pairs["difference"] == 0).all()
    assert_allclose(found.agreement["correlation"], 1, rtol=SAME)
    assert "explained" not in found.agreement and "se" not in found.table
    assert "differ by 0 on average" in found.sentence


def test_concordances_give_common_sectors(databases):
    fine = tx.Concordance("fine", {"S0": "goods", "S1": "goods", "S2": "rest"})
    coarse = tx.Concordance("coarse", {"T0": "goods", "T1": "rest"})
    given = dict(databases)
    given["B"] = replace(given["B"], sectors=("T0", "T1"))
    assert given["A"].sectors == ("S0", "S1", "S2")
    found = tx.compare(given, "EXGR", level="sector", concordances=[fine, coarse])
    small = tx.aggregate(given["A"], sectors=fine)
    wanted = tx.indicators(small, "EXGR", "sector")["EXGR"]
    rows = found.table[found.table["database"] == "A"]
    for row in rows.itertuples():
        own = float(wanted.sel(region=row.region, year=row.year, sector=row.sector))
        assert row.value == pytest.approx(own, rel=SAME)
    assert set(rows["sector"]) == {"goods", "rest"}
    assert found.plots() == {}
    with pytest.raises(tx.TivaxError, match="A has 3 sectors and B 2, not the same"):
        tx.compare(given, "EXGR", level="sector")
    with pytest.raises(tx.TivaxError, match="lost: X1.* are codes of none of A, B"):
        tx.compare(given, "EXGR", concordances=[tx.Concordance("lost", {"X1": "a"})])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"years": "2000:2001"}, "begin and end with years that all databases have"),
        ({"regions": ["BBB"]}, "B has no BBB; leave it out"),
        ({"measures": "TBX"}, "TBX"),
        ({"level": "sector", "measures": "tbi"}, "not the same|is of countries"),
        ({"errors": {"C": "rounding"}}, "C"),
    ],
)
def test_mistakes_end_in_one_line(databases, options, told):
    with pytest.raises(tx.TivaxError, match=told) as caught:
        tx.compare(databases, **options)
    assert "\n" not in str(caught.value)


def test_it_takes_two_that_overlap(databases):
    one = databases["A"]
    with pytest.raises(tx.TivaxError, match="give two or more"):
        tx.compare({"A": one})
    other = replace(one, years=(1990, 1991, 1992))
    with pytest.raises(tx.TivaxError, match="no year that all databases have"):
        tx.compare({"A": one, "B": other})
    other = replace(one, regions=("EEE", "FFF", "GGG", "ROW"))
    with pytest.raises(tx.TivaxError, match="no region that all databases have"):
        tx.compare({"A": one, "B": other})
    other = replace(one, unit="million EUR")
    with pytest.raises(tx.TivaxError, match="EXGR: A in .*compare ratios"):
        tx.compare({"A": one, "B": other}, "EXGR")


def test_the_command_writes_what_the_function_returns(databases, tmp_path):
    other = replace(databases["B"], sectors=("T0", "T1"))
    for name, tables in (("A", databases["A"]), ("B", other)):
        save_store(replace(tables, source=f"base {name}"), tmp_path / name)
    stores = tmp_path / "A", tmp_path / "B"
    out = tmp_path / "out"
    (tmp_path / "run.toml").write_text(
        '[[error]]\nkind = "lognormal"\na = 0.3\nb = 0.1\n'
    )
    error = ("--error", tmp_path / "run.toml")
    answer = good("compare", *stores, *error, "--out", out)
    chosen = []
    for name, codes in (("a", "S0 S1 S2"), ("b", "T0 T0 T1")):
        pairs = zip(codes.split(), ("goods", "goods", "rest"), strict=True)
        lines = ["from,to", *dict.fromkeys(",".join(k) for k in pairs)]
        (tmp_path / f"{name}.csv").write_text("\n".join(lines))
        chosen += ["--concordance", tmp_path / f"{name}.csv"]
    of_sectors = ("--level", "sector", "--measure", "EXGR", *chosen, "--no-figures")
    finer = tmp_path / "finer"
    good("compare", *stores, *of_sectors, "--out", finer)
    (tmp_path / "tiva.csv").write_text(
        "MEASURE,REF_AREA,ACTIVITY,COUNTERPART_AREA,UNIT_MEASURE,TIME_PERIOD,OBS_VALUE\n"
        "EXGR,AAA,S0,BBB,USD,2001,1\n"
    )
    beside, words = tmp_path / "beside", ("--published", tmp_path / "tiva.csv")
    good("compare", stores[0], *words, "--out", beside)
    assert_described("compare", out, finer, beside)
    assert set(pd.read_csv(finer / "values.csv")["sector"]) == {"goods", "rest"}
    assert "levels in base A and base B correlate" in answer.out
    written = pd.read_csv(out / "differences.csv")
    found = tx.compare(databases, "tbi", errors=ERROR)
    assert_allclose(written["difference"], found.pairs["difference"], rtol=1e-9)
    assert_allclose(written["se"], found.pairs["se"], rtol=1e-9)
    told = mistake("compare", stores[0], stores[0], "--out", tmp_path / "no")
    assert "stores of the same name" in told and not (tmp_path / "no").exists()
    told = mistake("compare", *stores, "--error", "rounding", "--out", tmp_path / "no")
    assert "base A: 2001: cells are not whole units" in told
    three = error * 3
    told = mistake("compare", *stores, *three, "--out", tmp_path / "no")
    assert "3 for 2 stores" in told


def test_wiod_2013_and_the_rebuilt_wiod_2016_share_broad_sectors():
    from tivax.engine.tables import concordances

    known = concordances()
    one, other = known["wiod2013-broad"], known["wiod2016-broad"]
    assert set(one.new.values()) == set(other.new.values())
    assert one.new.keys() == known["wiod2013-sections"].new.keys()
    assert other.new.keys() == known["wiod2016-sections"].new.keys()


def test_what_has_no_correlation_is_not_said_to_have_one(databases):
    found = tx.compare(databases, "tbi", regions=["AAA"], years="2001:2001")
    assert found.sentence.startswith("Trade benefit index: A and B differ by ")
    same = tx.compare({"A": databases["A"], "B": databases["A"]}, "MULT_VA")
    assert same.sentence == (
        "Value added (or account) of the partner per unit of final demand: "
        "A and B differ by 0 on average."
    )


def test_shares_in_per_cent_differ_by_percentage_points(databases):
    found = tx.compare(databases, "EXGR_FVASH", years="2001:2001")
    page = found.page("zh")
    assert " percentage points on average, most" in found.sentence
    assert "个百分点，差距最大" in page.sentence and "% " not in page.sentence
    assert found.page().subtitle == "A, B: 2 regions, 2001"
    assert "2001年" in page.subtitle and "—" not in page.subtitle
    assert "nan" not in repr(found) and "mean absolute difference" in repr(found)
