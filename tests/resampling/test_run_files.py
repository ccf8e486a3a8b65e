"""Run files: what they say, and every mistake in one line that names its place."""

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from tivax.engine.estimation import with_lags
from tivax.engine.estimation.model import Model
from tivax.engine.panel.recipe import CONTROLS
from tivax.engine.papers.trade_imbalance.columns import COLUMNS, paper_models
from tivax.engine.reporting import printed_place
from tivax.engine.resampling.run_files import (
    RunFile,
    read_panel,
    read_run_file,
    read_with_lags,
    with_overrides,
)
from tivax.engine.resampling.schemes import Pairs, Wild

from helpers import error_of, random_panel, written_and_told

PANEL = 'panel = "panel.csv"'
PAIRS = '[scheme]\nkind = "pairs"'
MODEL = '[[model]]\noutcome = "y"\nregressors = ["x", "c"]'
MODELS = '[models]\noutcomes = ["y"]\ntreatment = "x"'
SOUND = {"PANEL": PANEL, "PAIRS": PAIRS, "MODEL": MODEL, "MODELS": MODELS}
MISTAKES = Path(__file__).with_name("run_file_mistakes.toml")


@pytest.fixture
def read(tmp_path):
    """Reads the lines as the run file ``run.toml``."""

    def write_and_read(*lines: str) -> RunFile:
        path = tmp_path / "run.toml"
        path.write_text("\n".join(lines), encoding="utf-8")
        return read_run_file(path, {"paper": paper_models()})

    return write_and_read


@pytest.fixture
def mistake(read, tmp_path):
    """What is said of these lines, behind the file's name."""

    def told(*lines: str) -> str:
        start, line = f"{tmp_path / 'run.toml'}: ", error_of(read, *lines)
        assert line.startswith(start)
        return line.removeprefix(start)

    return told


# ----------------------------------------------------------------------- what it says


def test_what_is_not_said_is_usual(read, tmp_path):
    run = read(PANEL, PAIRS, MODEL)
    model = Model("y all", "y", ("x", "c"), family="all", entity="iso3", time="year")
    assert run == RunFile(
        path=tmp_path / "run.toml",
        models=((model, tmp_path / "panel.csv"),),
        scheme=Pairs(),
        draws=9999,
        seed=0,
        save_draws=False,
        timed=False,
        toml=run.toml,
    )
    assert run.panels == [tmp_path / "panel.csv"]


def test_everything_is_read(read, tmp_path):
    run = read(
        'panel = "data/p.dta"',
        "seed = 7\ndraws = 1_000_000\nsave_draws = true",
        'sample = "developed"',
        '[scheme]\nkind = "wild"\nweights = "webb"\nnull = true\nvalue = 1\njoint = true',
        '[[model]]\nname = "iv"\noutcome = "y"\nregressors = ["a", "x", "b"]',
        'endogenous = "x"\ninstruments = ["L.x", "z"]\nentity = "firm"\ntime = "week"',
        'clusters = "town"\nsample = "all"\nfamily = "ours"',
        '[[model]]\noutcome = "y"\nregressors = ["a", "x"]\ntreatment = ["x"]',
        'entity = ""\ntime = ""\nclusters = "iso3"\neffects = "industry"',
    )
    first, second = (model for model, _ in run.models)
    assert first == Model(
        name="iv",
        outcome="y",
        regressors=("a", "x", "b"),
        treatment="x",
        instruments=("L.x", "z"),
        entity="firm",
        time="week",
        clusters="town",
        sample="all",
        family="ours",
    )
    # The file's sample.
    assert second == Model(
        "y developed",
        "y",
        ("a", "x"),
        "x",
        entity="",
        time="",
        clusters="iso3",
        effects=("industry",),
        sample="developed",
        family="developed",
    )
    assert run.scheme == Wild(weights="webb", value=1.0, joint=True)
    assert (run.draws, run.seed, run.save_draws) == (1_000_000, 7, True)
    assert run.panels == [tmp_path / "data" / "p.dta"]


def test_the_clusters_are_the_entities(read):
    run = read(PANEL, PAIRS, MODEL, 'entity = "firm"')
    assert run.models[0][0].clusters == "firm"


def test_the_command_line_stands_in_place_of_the_file(read):
    run = read(PANEL, "seed = 3\ndraws = 20", PAIRS, MODEL)
    assert with_overrides(run, None, None) == run
    other = with_overrides(run, 50, 0)
    assert (other.draws, other.seed, other.models) == (50, 0, run.models)


def test_a_seed_has_64_bits(read):
    run = read(PANEL, PAIRS, MODEL)
    told = error_of(with_overrides, run, None, 2**63)
    assert told == "seed: give a number below 2^63, not 9223372036854775808"


def test_the_papers_models_are_its_17_columns(read):
    run = read(PANEL, 'models = "paper"', PAIRS)
    models = [model for model, _ in run.models]
    assert models == paper_models()
    assert [m.name for m in models] == [
        f"table{table}-{column}"
        for table, columns in ((3, 4), (4, 4), (5, 3), (6, 6))
        for column in range(1, columns + 1)
    ]
    for model, column in zip(models, COLUMNS, strict=True):
        assert (model.outcome, model.sample) == (column.outcome, column.sample)
        assert model.treatments == ("TBI",)
        assert model.controls == (CONTROLS if column.controls else ())
        assert printed_place(model.tags) == (column.table, column.column)


def test_columns_of_one_sample_and_controls_are_a_family():
    families: dict[str, list[Model]] = {}
    for model in paper_models():
        families.setdefault(model.family, []).append(model)
    assert {name: len(models) for name, models in families.items()} == {
        "all, no controls": 2,
        "all": 5,
        "developed": 5,
        "developing": 5,
    }
    for models in families.values():
        assert len({(m.sample, m.controls) for m in models}) == 1
        assert len({m.outcome for m in models}) == len(models)


def test_a_grid_is_every_combination(read, tmp_path):
    run = read(
        PANEL,
        PAIRS,
        '[models]\noutcomes = ["y", "w"]\ntreatment = "x"\ntime = ""',
        'samples = ["all", "developing"]\ncontrols = [[], ["a"], ["a", "b"]]',
        'panels = ["one.csv", "two.csv"]',
    )
    controls = enumerate(("", "a", "ab"), 1)
    every = product(("one", "two"), "yw", ("all", "developing"), controls)
    for (m, path), (file, y, group, (k, c)) in zip(run.models, every, strict=True):
        assert path.name == f"{file}.csv" and "".join(m.controls) == c
        rest = f"{group} controls {k} {file}"
        found = m.outcome, m.sample, m.name, m.family
        assert found == (y, group, f"{y} {rest}", rest)
    assert run.panels == [tmp_path / "one.csv", tmp_path / "two.csv"]
    assert {m.all_effects for m, _ in run.models} == {("iso3",)}


def test_a_grid_of_one_is_named_by_outcome_and_sample(read, tmp_path):
    run = read(PANEL, 'sample = "developed"', PAIRS, MODELS, 'controls = ["a", "b"]')
    of = {"sample": "developed", "family": "developed"}
    of |= {"entity": "iso3", "time": "year"}
    model = Model("y developed", "y", ("x", "a", "b"), **of)
    assert run.models == ((model, tmp_path / "panel.csv"),)


# --------------------------------------------------------------------------- mistakes


@pytest.mark.parametrize("lines, told", written_and_told(MISTAKES))
def test_a_mistake_is_one_line(mistake, lines, told):
    assert mistake(*(SOUND.get(line, line) for line in lines)) == told


def test_a_panel_in_place_of_a_run_file_is_told(tmp_path):
    path = tmp_path / "panel.csv"
    path.write_text(ROWS)
    assert error_of(read_run_file, path).endswith(
        "a table, where a TOML file is asked for; give the file that names the table "
        "(most commands write one with --example)"
    )


def test_a_file_may_begin_with_the_mark_of_windows(tmp_path):
    path = tmp_path / "run.toml"
    lines = "\n".join(SOUND[k] for k in ("PANEL", "PAIRS", "MODEL"))
    path.write_text(lines, encoding="utf-8-sig")
    assert read_run_file(path).panels == [tmp_path / "panel.csv"]


def test_a_run_file_that_is_not_there(tmp_path):
    assert error_of(read_run_file, tmp_path) == f"{tmp_path}: no such file"


# ------------------------------------------------------------------------------ panels

FRAME = random_panel(countries=3, years=4, seed=1)


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".dta", ".xlsx"])
def test_a_panel_is_read_in_any_format(tmp_path, suffix):
    path = tmp_path / f"panel{suffix}"
    writers = {
        ".csv": FRAME.to_csv,
        ".parquet": FRAME.to_parquet,
        ".dta": lambda path, index: FRAME.to_stata(path, write_index=index),
        ".xlsx": FRAME.to_excel,
    }
    writers[suffix](path, index=False)
    own = read_panel(path)
    # A text file holds 17 digits, a sheet 15 or 16.
    pd.testing.assert_frame_equal(own, FRAME, check_dtype=False, rtol=1e-14)


def panel_mistake(path) -> str:
    line = error_of(read_panel, path)
    assert line.startswith(f"{path}: ")
    return line.removeprefix(f"{path}: ")


def test_a_panel_of_another_kind_or_none(tmp_path):
    formats = "a panel is csv, parquet, dta, xlsx or feather"
    assert panel_mistake(tmp_path / "p.txt") == formats
    assert panel_mistake(tmp_path / "p.csv") == "no such panel; `tivax panel` makes one"


NO_PANELS = {
    "nothing": b"",
    "lines of other lengths": b"a\nb,c\n1,2,3\n",
    "no text": b"\xff\xfe\x00 word",
    "a zip that is cut": b"PK\x03\x04 cut",
    "parquet that is cut": b"PAR1 cut PAR1",
}


@pytest.mark.parametrize(
    "suffix, content",
    [
        pytest.param(suffix, content, id=f"{name}.{suffix}")
        for name, content in NO_PANELS.items()
        for suffix in ("csv", "parquet", "dta", "xlsx")
        if suffix != "csv" or not content.startswith(b"P")  # a text like any other
    ],
)
def test_a_file_that_is_no_panel_is_one_line(tmp_path, suffix, content):
    path = tmp_path / f"panel.{suffix}"
    path.write_bytes(content)
    says = panel_mistake(path)
    assert "get it again" in says or says.startswith(f"not a readable .{suffix} file: ")


ROWS = "iso3,year,x\nNA,2000,1.5\nDEU,2000,NA\n,2001,2\n"


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_na_is_a_word_among_words_and_no_number(tmp_path, suffix):
    """Two letters of Namibia, and of North America."""
    path = tmp_path / f"panel{suffix}"
    if suffix == ".csv":
        path.write_text(ROWS, encoding="utf-8-sig")
    else:
        cells = {"iso3": ["NA", "DEU", None], "x": [1.5, None, 2.0]}
        pd.DataFrame(cells).to_excel(path, index=False)
    own = read_panel(path)
    assert own["iso3"].fillna("").tolist() == ["NA", "DEU", ""]
    assert own["x"].isna().tolist() == [False, True, False]


@pytest.mark.parametrize(
    "text, told",
    [
        (ROWS.replace(",", ";"), "its columns are separated by ';'; separate them by"),
        (ROWS.replace(",", "\t"), "its columns are separated by '\\t'; separate them"),
        (ROWS.replace("year", "x"), "two columns are called x; rename one"),
        (ROWS.replace("5", "5,"), "rows have more cells than the first line has names"),
        (ROWS.encode("utf-16"), "not a readable .csv file: it is not in UTF-8; save"),
    ],
)
def test_a_text_that_would_be_read_in_another_way_is_a_mistake(tmp_path, text, told):
    path = tmp_path / "panel.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert panel_mistake(path).startswith(told)


@pytest.mark.parametrize("other", ["aus", "AUS "])
def test_a_country_that_is_written_in_two_ways_is_no_second_one(tmp_path, other):
    path = tmp_path / "panel.csv"
    path.write_text(f"iso3,year,x\nAUS,2000,1\n{other},2001,2\nDEU,2000,1\n")
    assert error_of(read_with_lags, path, lag("x")) == (
        f"{path}: iso3: 'AUS' and {other!r} differ in capital letters or spaces alone; "
        "write it in one way"
    )


# -------------------------------------------------------------------------------- lags


def lag(*names: str) -> list[Model]:
    return [
        Model("m", "y", tuple(dict.fromkeys(["x", *names])), entity="iso3", time="year")
    ]


def test_a_lag_is_of_the_same_country_and_the_year_before():
    """By hand: 2003 of A has no year before it, nor has the first of B."""
    frame = pd.DataFrame(
        {
            "iso3": ["A", "B", "A", "A", "B"],
            "year": [2001, 2002, 2000, 2003, 2003],
            "x": [1.0, 2.0, 3.0, 4.0, 5.0],
        }
    )
    own = with_lags(frame, lag("L.x", "x"))
    assert_array_equal(own["L.x"], [3, np.nan, np.nan, np.nan, 2])
    assert "L.x" not in frame and list(own) == [*frame, "L.x"]
    assert with_lags(frame, lag("x")).equals(frame)


def test_a_lag_goes_by_the_entity_and_time_of_its_model():
    frame = FRAME.rename(columns={"iso3": "firm", "year": "week"})
    own = Model("m", "y", ("TBI", "L.TBI"), entity="firm", time="week")
    wanted = with_lags(FRAME, lag("L.TBI"))["L.TBI"]
    assert_array_equal(with_lags(frame, [own])["L.TBI"], wanted)
    both = frame.assign(iso3=frame["firm"], year=frame["week"])
    told = error_of(with_lags, both, [own, *lag("L.TBI")])
    assert told.startswith("L.TBI: models have different entity and time")


def test_a_lag_that_the_panel_has_stays():
    frame = FRAME.assign(**{"L.TBI": 7.0})
    assert with_lags(frame, lag("L.TBI")).equals(frame)


def test_mistakes_of_lags():
    known, last = FRAME.assign(x=1), FRAME.iloc[-1]
    lacks = "L.x: a lag needs the column {}; entity and time name yours"
    twice = f"{last['iso3']} has two rows in {last['year']}; fix the panel"
    for frame, message in (
        (FRAME, "no column x in the panel, of which L.x is a lag"),
        (known.drop(columns="year"), lacks.format("year")),
        (known.drop(columns="iso3"), lacks.format("iso3")),
        (pd.concat([known, known.tail(1)]), twice),
    ):
        assert error_of(with_lags, frame, lag("L.x")) == message


def test_a_country_has_one_row_a_year_unless_other_effects_tell_rows_apart():
    twice = pd.concat([FRAME, FRAME.head(1)])
    assert "has two rows in" in error_of(with_lags, twice, lag("x"))
    finer = Model("m", "y", ("x",), effects=("industry",), entity="iso3", time="year")
    assert with_lags(twice, [finer]).equals(twice)
