"""The choices of data.toml, and published files found by their names."""

from pathlib import Path

import pytest

from tivax.engine.panel.data_files import DataFiles, read_data_files
from tivax.engine.panel.published_files import Edition, edition_name, inflation_source
from tivax.engine.sources.archives import ARCHIVES

from helpers import error_of, written_and_told

MISTAKES = Path(__file__).with_name("data_file_mistakes.toml")

# One published name of each source that the panel needs.
PUBLISHED = (
    "tbi.csv",
    "KOF_Data_2018.dta",
    "pwt9.0.rda",
    "2020_Worldwide_Governance_Indicators_1996-2019t.xlsx",
    "openness_wdi-data.csv",
)
# Everything that data.toml may say.
WHOLE = """
[tbi]
file = "a/index.csv"
[kof]
edition = "2020, revised"
file = "a/kof.xlsx"
[pwt]
file = "a/pwt1001.xlsx"
[wgi]
edition = 2021
file = "a/wgi.dta"
fill_2001 = "linear"
[inflation]
source = "weo"
file = "a/prices.csv"
override = { GBR = "a/old.csv", IRL = "a/older.csv" }
[recipe]
codes = "fixed"
drop = ["TWN", "LUX"]
years = "2001:2010"
[alternatives]
kof = ["a/KOFGI_2019.zip", "a/KOFGI_2023_public.xlsx"]
pwt = ["a/pwt91.dta"]
wgi = ["a/wgidataset_2022ed.dta"]
inflation = ["a/WEOApr2021all.csv.bz2"]
reer = ["a/broad.xlsx"]
trade = ["a/trade.csv"]
[tables]
files = "a"
"""


def touch(folder: Path, *names: str) -> Path:
    """Empty files: the choices are made by name."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def chosen(folder: Path, text: str) -> DataFiles:
    (folder / "data.toml").write_text(text, encoding="utf-8")
    return read_data_files(folder)


def refusal(folder: Path, text: str | None = None) -> str:
    """The message of the error, which must be one line."""
    if text is None:
        return error_of(read_data_files, folder)
    return error_of(chosen, folder, text)


# ---------------------------------------------------------------- what is written


def test_every_key_is_read_and_paths_are_relative_to_the_folder(tmp_path):
    names = "index.csv kof.xlsx pwt1001.xlsx wgi.dta prices.csv old.csv older.csv"
    others = (
        "KOFGI_2019.zip KOFGI_2023_public.xlsx pwt91.dta wgidataset_2022ed.dta "
        "WEOApr2021all.csv.bz2 broad.xlsx trade.csv"
    )
    a = touch(tmp_path, *(f"a/{name}" for name in f"{names} {others}".split())) / "a"
    assert chosen(tmp_path, WHOLE) == DataFiles(
        folder=tmp_path,
        tbi=a / "index.csv",
        store=None,
        kof=Edition("2020, revised", a / "kof.xlsx"),
        pwt=Edition("10.01", a / "pwt1001.xlsx"),
        wgi=Edition("2021", a / "wgi.dta"),
        inflation=Edition("prices.csv", a / "prices.csv"),
        fill_2001="linear",
        inflation_source="weo",
        inflation_override={"GBR": a / "old.csv", "IRL": a / "older.csv"},
        codes="fixed",
        drop=("TWN", "LUX"),
        years=(2001, 2010),
        alternatives={
            "kof": (
                Edition("2019", a / "KOFGI_2019.zip"),
                Edition("2023", a / "KOFGI_2023_public.xlsx"),
            ),
            "pwt": (Edition("9.1", a / "pwt91.dta"),),
            "wgi": (Edition("2022", a / "wgidataset_2022ed.dta"),),
            "inflation": (Edition("Apr2021", a / "WEOApr2021all.csv.bz2"),),
            "reer": (Edition("broad.xlsx", a / "broad.xlsx"),),
            "trade": (Edition("trade.csv", a / "trade.csv"),),
        },
        tables=a,
    )


def test_an_absolute_path_stays_as_it_is(tmp_path):
    elsewhere = touch(tmp_path / "elsewhere", "kof.dta") / "kof.dta"
    folder = touch(tmp_path / "raw", *PUBLISHED)
    assert chosen(folder, f'[kof]\nfile = "{elsewhere}"').kof.path == elsewhere


@pytest.mark.parametrize("text", [None, "", "[recipe]\n[wgi]\n"])
def test_a_folder_of_published_names_does_without_a_word(tmp_path, text):
    touch(tmp_path, *(f"deep/down/{name}" for name in PUBLISHED))
    found = read_data_files(tmp_path) if text is None else chosen(tmp_path, text)
    down = tmp_path / "deep" / "down"
    assert found == DataFiles(
        folder=tmp_path,
        tbi=down / "tbi.csv",
        store=None,
        kof=Edition("2018", down / "KOF_Data_2018.dta"),
        pwt=Edition("9.0", down / "pwt9.0.rda"),
        wgi=Edition("2020", down / PUBLISHED[3]),
        inflation=Edition("openness_wdi-data.csv", down / "openness_wdi-data.csv"),
        fill_2001="mean-1996-2014",
        inflation_source="wdi",
        inflation_override={},
        codes="paper",
        drop=(),
        years=(2000, 2014),
        alternatives={},
        tables=None,
    )


def test_a_store_takes_the_place_of_the_index(tmp_path):
    touch(tmp_path, *PUBLISHED)
    (tmp_path / "store").mkdir()
    found = chosen(tmp_path, '[tbi]\nstore = "store"')
    assert (found.store, found.tbi) == (tmp_path / "store", None)
    assert found.inputs()[:2] == [tmp_path / "data.toml", tmp_path / "store"]


def test_the_inputs_are_the_files_of_the_panel_and_no_others(tmp_path):
    touch(tmp_path, *PUBLISHED, "old.csv", "broad.xlsx")
    assert read_data_files(tmp_path).inputs() == [tmp_path / k for k in PUBLISHED]
    text = (
        '[inflation]\noverride = { GBR = "old.csv" }\n'
        '[alternatives]\nreer = ["broad.xlsx"]\n'
    )
    assert chosen(tmp_path, text).inputs() == [
        tmp_path / k for k in ("data.toml", *PUBLISHED, "old.csv")
    ]


def test_the_folder_of_world_tables_is_found_or_named(tmp_path):
    touch(tmp_path, *PUBLISHED, "wiod2013/wiot_1995.RData", "other/x")
    assert read_data_files(tmp_path).tables == tmp_path / "wiod2013"
    assert chosen(tmp_path, '[tables]\nfiles = "other"').tables == tmp_path / "other"


# ----------------------------------------------------------------- found by name


EDITIONS = {
    "stata": "wgidataset_stata.zip",
    "regulatory-quality": "API_RQ.EST.zip",
    "inflation": "API_FP.CPI.TOTL.ZG.zip",
    "2021-04": "apr2021",
}
FETCHED = [(k, format) for k in ("kof", "pwt") for format in ARCHIVES[k]]
FETCHED += [("wgi", "stata"), ("wgi", "regulatory-quality")]
FETCHED += [("wdi", "inflation"), ("weo", "2021-04")]


@pytest.mark.parametrize("source, format", FETCHED)
def test_what_fetch_saves_is_found_and_its_edition_named(tmp_path, source, format):
    edition = EDITIONS.get(format, format.partition("-")[0])
    place = "inflation" if source in ("wdi", "weo") else source
    keep = {"kof": 1, "pwt": 2, "wgi": 3, "inflation": 4}[place]
    rest = [name for k, name in enumerate(PUBLISHED) if k != keep]
    name = ARCHIVES[source][format].name
    touch(tmp_path, *rest, name)
    found = read_data_files(tmp_path)
    assert getattr(found, place) == Edition(edition, tmp_path / name)
    assert found.inflation_source == ("weo" if source == "weo" else "wdi")


@pytest.mark.parametrize(
    "name, edition",
    [
        ("Data_2018.dta", "2018"),
        ("Data_2018_2.dta", "2018"),
        ("KOFGI_2019_data.dta", "2019"),
        ("KOFGI_2020_public.dta", "2020"),
        ("pwt81.xlsx", "8.1"),
        ("pwt90.dta", "9.0"),
        ("pwt9.1.rda", "9.1"),
        ("pwt10.01.rda", "10.01"),
        ("pwt110.csv", "11.0"),
        ("wgidataset.dta", "wgidataset.dta"),
        ("wgidataset_2022ed.dta", "2022"),
        ("wgidataset_2024update.xlsx", "2024"),
        ("wgidataset_with_sourcedata-2025.xlsx", "2025"),
        ("WEOOct2020all.xls.gz", "Oct2020"),
        ("WEOOct2025all.xlsx", "Oct2025"),
        ("my own table.csv", "my own table.csv"),
    ],
)
def test_the_edition_is_the_one_in_the_published_name(name, edition):
    assert edition_name(Path("a") / name) == edition


def test_the_papers_editions_go_before_others_unless_one_is_asked_for(tmp_path):
    touch(tmp_path, *PUBLISHED, "KOFGI_2020_public.xlsx", "KOFGI_2023_public.xlsx")
    touch(tmp_path, "pwt1001.xlsx", "pwt91.dta", "wgidataset_2022ed.dta")
    found = read_data_files(tmp_path)
    assert (found.kof.name, found.pwt.name, found.wgi.name) == ("2018", "9.0", "2020")
    text = '[kof]\nedition = "2023"\n[pwt]\nedition = "10.01"\n[wgi]\nedition = 2022'
    found = chosen(tmp_path, text)
    assert found.kof.path.name == "KOFGI_2023_public.xlsx"
    assert found.pwt.path.name == "pwt1001.xlsx"
    assert found.wgi.path.name == "wgidataset_2022ed.dta"


@pytest.mark.parametrize(
    "name, source",
    [("weoapr2021all.xls", "weo"), ("WEOApr2021all.csv.bz2", "weo"), ("x.csv", "wdi")],
)
def test_the_database_of_prices_is_told_by_the_name(name, source):
    assert inflation_source(Path(name)) == source


@pytest.mark.parametrize(
    "source, name", [("weo", "weoapr2021all.xls"), ("wdi", "openness_wdi-data.csv")]
)
def test_a_database_without_a_file_is_found_by_its_own_names(tmp_path, source, name):
    touch(tmp_path, *PUBLISHED, "weoapr2021all.xls")
    found = chosen(tmp_path, f'[inflation]\nsource = "{source}"')
    assert (found.inflation_source, found.inflation.path.name) == (source, name)
    (tmp_path / name).unlink()
    assert refusal(tmp_path) == (
        f"{tmp_path}: no file for {source}; get it (tivax fetch {source}), or name it "
        "as file under [inflation] in data.toml"
    )


@pytest.mark.parametrize(
    "lacking, name, remedy",
    [
        (0, "tbi", "tivax tbi STORE"),
        (1, "kof", "tivax fetch kof"),
        (2, "pwt", "tivax fetch pwt"),
        (3, "wgi", "tivax fetch wgi"),
        (4, "inflation", "tivax fetch wdi"),
    ],
)
def test_a_source_that_is_not_there_says_how_to_get_it(tmp_path, lacking, name, remedy):
    touch(tmp_path, *(n for k, n in enumerate(PUBLISHED) if k != lacking))
    assert refusal(tmp_path) == (
        f"{tmp_path}: no file for {name}; get it ({remedy}), or name it as file under "
        f"[{name}] in data.toml"
    )


def test_an_edition_that_is_not_there_is_named(tmp_path):
    touch(tmp_path, *PUBLISHED)
    message = refusal(tmp_path, '[pwt]\nedition = "9.1"')
    assert "no file of edition 9.1 for pwt; get it (tivax fetch pwt)" in message


# ----------------------------------------------------------------------- mistakes


@pytest.mark.parametrize("lines, message", written_and_told(MISTAKES))
def test_a_mistake_is_told_in_one_line_that_names_the_file(tmp_path, lines, message):
    touch(tmp_path, *PUBLISHED, "more/Data_2018.dta", "more/x.csv", "x.csv")
    told = refusal(tmp_path, "\n".join(lines))
    assert told.startswith(f"{tmp_path / 'data.toml'}: ")
    assert message.replace("FOLDER", str(tmp_path)) in told


def test_a_toml_that_is_not_text_and_a_folder_that_is_not_there_are_told(tmp_path):
    touch(tmp_path, *PUBLISHED)
    (tmp_path / "data.toml").write_bytes(b"\xff\xfe\x00")
    assert refusal(tmp_path) == (
        f"{tmp_path / 'data.toml'}: not a text in UTF-8; save it as UTF-8"
    )
    (tmp_path / "data.toml").unlink()
    (tmp_path / "data.toml").mkdir()
    assert refusal(tmp_path).startswith(f"{tmp_path / 'data.toml'}: ")
    for name, told in [
        ("no", "no such folder; give the folder of the raw files"),
        ("tbi.csv", "a file; give its folder"),
    ]:
        assert refusal(tmp_path / name) == f"{tmp_path / name}: {told}"


def test_a_file_listed_again_among_the_alternatives_is_the_same_edition(tmp_path):
    touch(tmp_path, *PUBLISHED)
    found = chosen(tmp_path, '[alternatives]\nkof = ["KOF_Data_2018.dta"]')
    assert found.alternatives["kof"] == (found.kof,)


def test_links_to_folders_are_followed_but_not_in_circles(tmp_path):
    elsewhere = touch(tmp_path / "elsewhere", *PUBLISHED, "wiot_1995.RData")
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "linked").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(raw)
    found = read_data_files(raw)
    assert found.tbi == raw / "linked" / "tbi.csv"
    assert found.tables == raw / "linked"


@pytest.mark.shared
def test_the_choices_of_the_shared_folder_name_the_papers_editions(shared):
    found = read_data_files(shared / "data")
    assert (found.kof.name, found.pwt.name, found.wgi.name) == ("2018", "9.0", "2020")
    assert (found.codes, found.fill_2001) == ("paper", "mean-1996-2014")
    assert list(found.inflation_override) == ["GBR"]
    editions = {k: [e.name for e in v] for k, v in found.alternatives.items()}
    assert editions == {
        "kof": ["2020", "2023"],
        "pwt": ["9.1", "10.01"],
        "wgi": ["2022"],
        "inflation": ["Apr2021"],
        "reer": ["broad.xlsx"],
    }
