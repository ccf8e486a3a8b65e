"""What new users stumbled over: the words they tried, and what they asked to see."""

import json
from dataclasses import replace

import pandas as pd
import pytest

import tivax as tx
from tivax.engine.core import parse_years

from commands import good, mistake, tivax
from helpers import random_tables

CODES = ("AUT", "BEL", "CHN", "JPN", "USA", "ROW")
SECTORS = ("c1", "c14", "c20")
TABLES = replace(
    random_tables(regions=6, sectors=3, years=3, seed=4),
    regions=CODES,
    sectors=SECTORS,
    source="wiod2013",
)
EU = "EU27"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("first") / "store"
    tx.save_store(TABLES, path)
    return path


def test_the_help_has_headings():
    told = good("--help").out
    headings = ("Tables", "Measures", "What if", "Inference", "Publish", "Machine")
    places = [told.index(f"─ {k}") for k in headings]
    assert places == sorted(places)


def test_the_help_of_errors_names_the_section_of_its_file():
    for command in ("tbi", "indicators"):
        assert "[[error]]" in good(command, "--help").out


def test_years_may_be_written_with_a_hyphen():
    assert parse_years("2000-2001") == parse_years("2000:2001") == (2000, 2001)


def test_a_group_that_is_not_whole_is_shown_by_its_plain_name(store, tmp_path):
    words = ("--groups", "EU27", "--regions", "CHN,EU27", "--no-figures", "--quiet")
    told = good("tbi", store, *words, "--out", tmp_path / "o").out
    rows = [k.split("│")[1].strip() for k in told.splitlines() if k[:1] == "│"]
    assert rows == ["CHN", EU]
    line = mistake("tbi", store, "--regions", "EU27", "--out", tmp_path / "p")
    assert line == (
        "--regions: no region EU27: EU27 is a group of countries: merge it by --groups "
        "EU27 (in Python groups=)"
    )


def test_change_takes_groups_and_the_words_of_the_other_commands(store, tmp_path):
    words = ("--groups", "EU27", "--regions", "EU27", "--years", "2000:2002")
    good("change", store, *words, "--no-figures", "--out", tmp_path / "o")
    found = pd.read_csv(tmp_path / "o" / "change.csv")
    merged = {k: EU if k in ("AUT", "BEL") else k for k in CODES}
    whole = tx.change(tx.aggregate(TABLES, regions=merged), "tbi", region=EU)
    assert found["region"].unique().tolist() == [EU]
    assert found["value"].sum() == pytest.approx(whole.table["value"].sum(), abs=1e-10)
    record = json.loads((tmp_path / "o" / "manifest.json").read_text())
    assert record["groups"]["EU27"]["members"] == ["AUT", "BEL"]
    line = mistake("change", store, "--years", "2000:2001", "--to", 2002, "--out", "o")
    assert line == "--years 2000:2001: give it or --from and --to, not both"


def test_a_method_that_is_cut_short_is_completed(store, tmp_path):
    line = mistake("decompose", store, "--method", "bm", "--out", tmp_path / "o")
    assert line.startswith("no method bm: did you mean bm-source or bm-sink or ")


def test_a_decomposition_of_one_pair(store, tmp_path):
    words = ("--method", "wwz", "--exporters", "CHN", "--importers", "USA")
    out = tmp_path / "o"
    told = good("decompose", store, *words, "--no-figures", "--format", "xlsx", "--out",
                out).out  # fmt: skip
    sheets = pd.read_excel(
        out / "decomposition.xlsx", sheet_name=None, engine="calamine"
    )
    rows = sheets["decomposition"]
    assert rows[["exporter", "importer"]].drop_duplicates().values.tolist() == [
        ["CHN", "USA"]
    ]
    own = tx.decompose(TABLES, "wwz").data.sel(exporter="CHN", importer="USA")
    dva = rows[rows["term"] == "DVA_FIN"]["value"].sum()
    assert dva == pytest.approx(float(own["DVA_FIN"].sum()), rel=1e-12)
    assert set(rows["term"]) <= set(sheets["labels"]["code"])
    assert "% of gross exports to USA, 2002" in told
    words = (*words, "--level", "country", "--out", tmp_path / "p")
    line = mistake("decompose", store, *words)
    assert line.startswith("--importers: level country of this method has no importers")


def test_one_workbook_has_every_table_and_the_names(store, tmp_path):
    words = ("--format", "xlsx", "--no-figures", "--out", tmp_path / "o")
    good("tbi", store, *words)
    path = tmp_path / "o" / "tbi.xlsx"
    sheets = pd.read_excel(path, sheet_name=None, engine="calamine")
    assert [*sheets] == ["tbi", "vax", "vax_by_sector", "va_absorbed", "labels"]
    titles = sheets["labels"].set_index("code")["title"]
    assert (titles["CHN"], len(sheets["va_absorbed"])) == ("China", 3 * 6 * 6)


def test_standard_errors_are_printed_and_say_of_what(store, tmp_path):
    rounded = replace(TABLES, Z=TABLES.Z.round(), Y=TABLES.Y.round(), value_added=None)
    sales = rounded.Z.sum(axis=2) + rounded.Y.sum(axis=(2, 3))
    tx.save_store(replace(rounded, x=sales), tmp_path / "rounded")
    words = ("--error", "rounding", "--regions", "CHN", "--out", tmp_path / "o")
    told = good("tbi", tmp_path / "rounded", *words).out
    se = pd.read_csv(tmp_path / "o" / "tbi.csv").query("region == 'CHN'")["se"]
    (row,) = [k for k in told.splitlines() if k.startswith("│ CHN")]
    assert f"({se.iloc[-1]:.2g})" in row
    assert "alone; errors of how the tables were compiled are not in them" in told


SHIFT = 'store = "{store}"\nkind = "shift"\nexporters = "AUT"\nimporters = "BEL"\npercent = 1\n'


def shown(told: str) -> list[str]:
    return [k.split("│")[1].strip() for k in told.splitlines() if k[:1] == "│"]


def test_the_countries_of_a_shock_are_always_shown(tmp_path):
    """Ten regions that trade much, two that do not: both change least of all."""
    world = tx.synthetic_world(regions=12, sectors=2, years=1, seed=2)
    tx.save_store(world, tmp_path / "store")
    size = (
        tx.value_added_trade(world, by="region")["va_exports"].isel(year=0).to_series()
    )
    small = [str(k) for k in size.drop("ROW").sort_values().index[:2]]
    text = SHIFT.replace("AUT", small[0]).replace("BEL", small[1])
    run = tmp_path / "run.toml"
    run.write_text(text.format(store=tmp_path / "store"))
    told = good("scenario", run, "--out", tmp_path / "o", "--no-figures").out
    assert {*small} <= {*shown(told)} and len(shown(told)) == 9  # the world is last
    words = ("--regions", "R01,ROW", "--no-figures", "--out", tmp_path / "p")
    assert shown(good("scenario", run, *words).out) == ["R01", "ROW", "WLD"]
    line = mistake("scenario", run, "--regions", "R99", "--out", tmp_path / "q")
    assert line.startswith("no region R99: did you mean")


def test_a_sector_is_named_by_words_of_its_title(store, tmp_path):
    run = tmp_path / "run.toml"
    for words, code in (("electrical", 0), ("electronics", 1)):
        run.write_text(f'{SHIFT.format(store=store)}sectors = "{words}"\n')
        out = tmp_path / words
        told = tivax("scenario", run, "--no-figures", "--out", out)
        assert told[0] == code
    assert "did you mean c14 (Electrical and optical equipment)?" in told[2]


def test_tariffs_of_a_store_keep_its_deficits(store, tmp_path):
    (tmp_path / "theta.csv").write_text("sector,theta\n*,5\n")
    run = tmp_path / "run.toml"
    text = (
        f'kind = "exact-hat"\nstore = "{store}"\nyears = 2000\n'
        '[[variant]]\nimporters = ["AUT"]\nexporters = ["BEL"]\ntariff = 0.1\n'
    )
    run.write_text(text)
    line = mistake("scenario", run, "--out", tmp_path / "o")
    assert "write 5 for all sectors" in line
    run.write_text(f"elasticities = -5\n{text}")
    line = mistake("scenario", run, "--out", tmp_path / "o")
    assert line.endswith("elasticities = -5: write a number above 0")
    run.write_text(f'elasticities = "theta.csv"\n{text}')
    told = good("scenario", run, "--no-figures", "--out", tmp_path / "o").out
    assert "deficits kept" in told and {"AUT", "BEL"} <= {
        k.split("│")[1].strip() for k in told.splitlines() if k[:1] == "│"
    }
