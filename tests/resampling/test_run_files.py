"""Run files: what they say, and every mistake in one line that names its place."""

import re
from itertools import product

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from tivax.engine.core.errors import TivaxError
from tivax.engine.panel.recipe import CONTROLS
from tivax.engine.paper.columns import COLUMNS, paper_models
from tivax.engine.resampling.models import Model
from tivax.engine.resampling.run_files import (
    SAMPLES,
    RunFile,
    read_panel,
    read_run_file,
    with_lags,
    with_overrides,
)
from tivax.engine.resampling.schemes import Scheme

from helpers import error_of, random_panel

PANEL = 'panel = "panel.csv"'
PAIRS = '[scheme]\nkind = "pairs"'
MODEL = '[[model]]\noutcome = "y"\nregressors = ["x", "c"]'
GRID = '[grid]\noutcomes = ["y"]\ntreatment = "x"'


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
    model = Model("y all", "y", ("x",), ("c",), family="all")
    assert run == RunFile(
        path=tmp_path / "run.toml",
        models=((model, tmp_path / "panel.csv"),),
        scheme=Scheme("pairs"),
        draws=9999,
        seed=0,
        save_draws=False,
    )
    assert run.panels == [tmp_path / "panel.csv"]


def test_everything_is_read(read, tmp_path):
    run = read(
        'panel = "data/p.dta"',
        "seed = 7\ndraws = 1_000_000\nsave_draws = true",
        'sample = "developed"',
        '[scheme]\nkind = "wild"\nweights = "webb"\nnull = true\nvalue = 1\njoint = true',
        '[[model]]\nname = "iv"\noutcome = "y"\nregressors = ["a", "x", "b"]',
        'endogenous = "x"\ninstruments = ["L.x", "z"]\neffects = ["firm", "week"]',
        'cluster = "town"\nsample = "all"\nfamily = "ours"',
        '[[model]]\noutcome = "y"\nregressors = ["a", "x"]\ntreatment = ["x"]',
        "effects = []",
    )
    first, second = (model for model, _ in run.models)
    assert first == Model(
        name="iv",
        outcome="y",
        treatments=("x",),
        controls=("a", "b"),
        instruments=("L.x", "z"),
        effects=("firm", "week"),
        cluster="town",
        sample="all",
        family="ours",
    )
    # The file's sample; without effects countries are the clusters.
    assert second == Model(
        "y developed",
        "y",
        ("x",),
        ("a",),
        effects=(),
        sample="developed",
        family="developed",
    )
    assert run.scheme == Scheme("wild", weights="webb", value=1.0, joint=True)
    assert (run.draws, run.seed, run.save_draws) == (1_000_000, 7, True)
    assert run.panels == [tmp_path / "data" / "p.dta"]


def test_the_clusters_are_those_of_the_first_effect(read):
    run = read(PANEL, PAIRS, MODEL, 'effects = ["firm", "year"]')
    assert run.models[0][0].cluster == "firm"


def test_the_command_line_stands_in_place_of_the_file(read):
    run = read(PANEL, "seed = 3\ndraws = 20", PAIRS, MODEL)
    assert with_overrides(run, None, None) == run
    other = with_overrides(run, 50, 0)
    assert (other.draws, other.seed, other.models) == (50, 0, run.models)


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
        assert (model.table, model.column) == (column.table, column.column)


def test_columns_of_one_table_sample_and_controls_are_a_family():
    families: dict[str, list[Model]] = {}
    for model in paper_models():
        families.setdefault(model.family, []).append(model)
    assert {name: len(models) for name, models in families.items()} == {
        "Table 3, all, no controls": 2,
        "Table 3, all": 2,
        "Table 4, developed": 2,
        "Table 4, developing": 2,
        "Table 5, all": 3,
        "Table 6, developed": 3,
        "Table 6, developing": 3,
    }
    for models in families.values():
        assert len({(m.table, m.sample, m.controls) for m in models}) == 1
        assert len({m.outcome for m in models}) == len(models)


def test_a_grid_is_every_combination(read, tmp_path):
    run = read(
        PANEL,
        PAIRS,
        '[grid]\noutcomes = ["y", "w"]\ntreatment = "x"\neffects = ["iso3"]',
        'samples = ["all", "developing"]\ncontrols = [[], ["a"], ["a", "b"]]',
        'panels = ["one.csv", "two.csv"]',
    )
    every = product(
        ("one", "two"), "yw", ("all", "developing"), enumerate(("", "a", "ab"))
    )
    assert [
        (path.name, m.outcome, m.sample, "".join(m.controls), m.name, m.family)
        for m, path in run.models
    ] == [
        (f"{file}.csv", y, group, c, f"{y} {rest}", rest)
        for file, y, group, (k, c) in every
        for rest in [f"{group} controls {k + 1} {file}"]
    ]
    assert run.panels == [tmp_path / "one.csv", tmp_path / "two.csv"]
    assert {m.effects for m, _ in run.models} == {("iso3",)}


def test_a_grid_of_one_is_named_by_outcome_and_sample(read, tmp_path):
    run = read(PANEL, 'sample = "developed"', PAIRS, GRID, 'controls = ["a", "b"]')
    model = Model(
        "y developed", "y", ("x",), ("a", "b"), sample="developed", family="developed"
    )
    assert run.models == ((model, tmp_path / "panel.csv"),)


# --------------------------------------------------------------------------- mistakes

ANY_TOP = "draws, grid, model, models, panel, sample, save_draws, scheme, seed, timed"
ONE_OF = 'one of models = "paper", [[model]] and [grid] says what is estimated; it has '

MISTAKES = {
    "unknown key": (
        (PANEL, "drwas = 5", PAIRS, MODEL),
        f"unknown key drwas; known are {ANY_TOP}",
    ),
    "unknown key of a model": (
        (PANEL, PAIRS, MODEL, 'treatments = "x"'),
        "unknown key treatments in [[model]]; known are cluster, effects, endogenous, "
        "family, instruments, name, outcome, regressors, sample, treatment",
    ),
    "unknown key of the grid": (
        (PANEL, PAIRS, GRID, 'outcome = "y"'),
        "unknown key outcome in [grid]; known are cluster, controls, effects, outcomes, "
        "panels, samples, treatment",
    ),
    "unknown key of the scheme": (
        (PANEL, MODEL, PAIRS, "reps = 3"),
        "unknown key reps in [scheme]; known are joint, kind, method, null, permute, "
        "strata, studentised, value, weights",
    ),
    "no panel": ((PAIRS, MODEL), "panel: is missing"),
    "empty panel": (('panel = ""', PAIRS, MODEL), "panel = '': write \"...\""),
    "panel a number": (("panel = 3", PAIRS, MODEL), 'panel = 3: write "..."'),
    "no draws": (
        (PANEL, "draws = 0", PAIRS, MODEL),
        "draws = 0: write a whole number from 1",
    ),
    "half a draw": (
        (PANEL, "draws = 0.5", PAIRS, MODEL),
        "draws = 0.5: write a whole number from 1",
    ),
    "draws in words": (
        (PANEL, 'draws = "many"', PAIRS, MODEL),
        "draws = 'many': write a whole number from 1",
    ),
    "draws true": (
        (PANEL, "draws = true", PAIRS, MODEL),
        "draws = True: write a whole number from 1",
    ),
    "too many draws": (
        (PANEL, f"draws = {2**63}", PAIRS, MODEL),
        f"draws = {2**63}: write a number below 2^63",
    ),
    "seed below zero": (
        (PANEL, "seed = -1", PAIRS, MODEL),
        "seed = -1: write a whole number from 0",
    ),
    "save_draws in words": (
        (PANEL, 'save_draws = "yes"', PAIRS, MODEL),
        "save_draws = 'yes': write true or false",
    ),
    "unknown sample": (
        (PANEL, 'sample = "rich"', PAIRS, MODEL),
        "sample = 'rich': choose from all, developed, developing",
    ),
    "sample a list": (
        (PANEL, 'sample = ["all"]', PAIRS, MODEL),
        "sample = ['all']: choose from all, developed, developing",
    ),
    "no models": ((PANEL, PAIRS), f"{ONE_OF}none of them"),
    "models and a grid": ((PANEL, PAIRS, MODEL, GRID), f"{ONE_OF}model and grid"),
    "all three": (
        (PANEL, 'models = "paper"', PAIRS, MODEL, GRID),
        f"{ONE_OF}models and model and grid",
    ),
    "another paper": (
        (PANEL, 'models = "table 3"', PAIRS),
        "models = 'table 3': choose from paper",
    ),
    "model not a section": (
        (PANEL, 'model = "y ~ x"', PAIRS),
        "model = 'y ~ x': write sections [[model]]",
    ),
    "model an empty list": (
        (PANEL, "model = []", PAIRS),
        "model = []: write sections [[model]]",
    ),
    "grid not a section": (
        (PANEL, "grid = true", PAIRS),
        "grid = True: write a section [grid]",
    ),
    "two models of one name": (
        (PANEL, PAIRS, MODEL, MODEL),
        "duplicate model name y all; rename one",
    ),
    "one outcome twice in a grid": (
        (PANEL, PAIRS, '[grid]\noutcomes = ["y", "y"]\ntreatment = "x"'),
        "duplicate model name y all; rename one",
    ),
    # of a model
    "no outcome": (
        (PANEL, PAIRS, '[[model]]\nregressors = ["x"]'),
        "outcome in [[model]]: is missing",
    ),
    "outcome a number": (
        (PANEL, PAIRS, "[[model]]\noutcome = 1"),
        'outcome = 1 in [[model]]: write "..."',
    ),
    "no regressors": (
        (PANEL, PAIRS, '[[model]]\noutcome = "y"'),
        "regressors in [[model]]: name at least the treatment",
    ),
    "regressors numbers": (
        (PANEL, PAIRS, '[[model]]\noutcome = "y"\nregressors = [1, 2]'),
        'regressors = [1, 2] in [[model]]: write ["...", "..."]',
    ),
    "a regressor without a name": (
        (PANEL, PAIRS, '[[model]]\noutcome = "y"\nregressors = ["x", ""]'),
        "regressors = ['x', ''] in [[model]]: write [\"...\", \"...\"]",
    ),
    "endogenous without instruments": (
        (PANEL, PAIRS, MODEL, 'endogenous = "x"'),
        "endogenous = 'x' in [[model]]: endogenous and instruments go together",
    ),
    "instruments without endogenous": (
        (PANEL, PAIRS, MODEL, 'instruments = ["z"]'),
        "instruments = ['z'] in [[model]]: endogenous and instruments go together",
    ),
    "another treatment than the endogenous": (
        (PANEL, PAIRS, MODEL, 'endogenous = "x"\ninstruments = "z"\ntreatment = "c"'),
        "treatment = 'c' in [[model]]: with instruments the treatments are the "
        "endogenous regressors",
    ),
    "treatment no regressor": (
        (PANEL, PAIRS, MODEL, 'treatment = ["x", "d"]'),
        "treatment = ['x', 'd'] in [[model]]: d is not a regressor",
    ),
    "outcome a regressor": (
        (PANEL, PAIRS, '[[model]]\noutcome = "x"\nregressors = ["x"]'),
        "outcome = 'x' in [[model]]: x is a regressor as well",
    ),
    "outcome an instrument": (
        (PANEL, PAIRS, MODEL, 'endogenous = "x"\ninstruments = ["y"]'),
        "outcome = 'y' in [[model]]: y is a regressor as well",
    ),
    "a regressor twice": (
        (PANEL, PAIRS, '[[model]]\noutcome = "y"\nregressors = ["x", "c", "c"]'),
        "regressors = ['x', 'c', 'c'] in [[model]]: c is duplicated",
    ),
    "a control as instrument": (
        (PANEL, PAIRS, MODEL, 'endogenous = "x"\ninstruments = ["c"]'),
        "regressors = ['x', 'c'] in [[model]]: c is duplicated",
    ),
    "unknown sample of a model": (
        (PANEL, PAIRS, MODEL, 'sample = "poor"'),
        "sample = 'poor' in [[model]]: choose from all, developed, developing",
    ),
    # of a grid
    "grid without outcomes": (
        (PANEL, PAIRS, '[grid]\ntreatment = "x"'),
        "outcomes in [grid]: name at least one",
    ),
    "grid without treatment": (
        (PANEL, PAIRS, '[grid]\noutcomes = ["y"]'),
        "treatment in [grid]: is missing",
    ),
    "unknown sample of a grid": (
        (PANEL, PAIRS, GRID, 'samples = ["all", "poor"]'),
        "samples = ['all', 'poor'] in [grid]: choose from all, developed, developing",
    ),
    "controls of a grid no list": (
        (PANEL, PAIRS, GRID, 'controls = "c"'),
        'controls = \'c\' in [grid]: write [["..."], ["...", "..."]]',
    ),
    "controls of a grid numbers": (
        (PANEL, PAIRS, GRID, "controls = [[1]]"),
        'controls = [1] in [grid]: write ["...", "..."]',
    ),
    "controls with the treatment": (
        (PANEL, PAIRS, GRID, 'controls = [["c"], ["c", "x"]]'),
        "controls = [['c'], ['c', 'x']] in [grid]: x is duplicated",
    ),
    # of the scheme
    "no scheme": ((PANEL, MODEL), "[scheme]: is missing"),
    "scheme a word": (
        (PANEL, 'scheme = "pairs"', MODEL),
        "scheme = 'pairs': write a section [scheme]",
    ),
    "no kind": (
        (PANEL, MODEL, "[scheme]"),
        "kind in [scheme]: choose from pairs, bayesian, wild, placebo",
    ),
    "unknown weights": (
        (PANEL, MODEL, '[scheme]\nkind = "wild"\nweights = "normal"'),
        "weights = 'normal' in [scheme]: choose from rademacher, webb, mammen",
    ),
    "unknown permutation": (
        (PANEL, MODEL, '[scheme]\nkind = "placebo"\npermute = "rows"'),
        "permute = 'rows' in [scheme]: choose from countries, shifts, common-shift, "
        "years, signs",
    ),
    "value in words": (
        (PANEL, MODEL, '[scheme]\nkind = "wild"\nvalue = "0"'),
        "value = '0' in [scheme]: write a number",
    ),
    "value true": (
        (PANEL, MODEL, '[scheme]\nkind = "wild"\nvalue = true'),
        "value = True in [scheme]: write a number",
    ),
    "weights of pairs": (
        (PANEL, MODEL, PAIRS, 'weights = "webb"'),
        "weights = 'webb' in [scheme]: goes with kind = wild, not pairs",
    ),
    "wild studentised": (
        (PANEL, MODEL, '[scheme]\nkind = "wild"\nstudentised = true'),
        "studentised = True in [scheme]: goes with kind = pairs or bayesian or placebo, "
        "not wild",
    ),
    "method that is not known": (
        (PANEL, MODEL, '[scheme]\nkind = "placebo"\nmethod = "rows"'),
        "method = 'rows' in [scheme]: choose from treatment, freedman-lane",
    ),
    "method of pairs": (
        (PANEL, MODEL, PAIRS, 'method = "freedman-lane"'),
        "method = 'freedman-lane' in [scheme]: goes with kind = placebo, not pairs",
    ),
    "strata of pairs": (
        (PANEL, MODEL, PAIRS, 'strata = "developed"'),
        "strata = 'developed' in [scheme]: goes with kind = placebo, not pairs",
    ),
}


ADDRESS = "https://example.org/panel.csv"
TOLD = "an address; download it and give a local file"


def test_a_panel_that_is_an_address_is_a_mistake(mistake):
    """A path would lose one of its slashes."""
    told = mistake(f'panel = "{ADDRESS}"', MODEL, PAIRS)
    assert told == f"panel = '{ADDRESS}': {TOLD}"
    told = mistake(PANEL, GRID, f'panels = ["{ADDRESS}"]', PAIRS)
    assert told == f"panels = ['{ADDRESS}'] in [grid]: {TOLD}"


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_line(name, mistake):
    lines, expected = MISTAKES[name]
    assert mistake(*lines) == expected


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_a_value_that_is_no_number_is_a_mistake(mistake, value):
    lines = f'[scheme]\nkind = "wild"\nvalue = {value}'
    assert (
        mistake(PANEL, MODEL, lines)
        == f"value = {value} in [scheme]: write a finite number"
    )


def test_what_is_not_toml_is_named(mistake):
    assert mistake("panel =") == "not valid TOML: Invalid value (at end of document)"


def test_a_run_file_that_is_not_there(tmp_path):
    with pytest.raises(TivaxError, match=f"^{re.escape(str(tmp_path))}: no such file$"):
        read_run_file(tmp_path)


def test_samples_are_those_of_the_paper():
    assert {column.sample for column in COLUMNS} == {*SAMPLES}


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
    assert panel_mistake(tmp_path / "p.txt") == "a panel is csv, parquet, dta or xlsx"
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
    assert panel_mistake(path).startswith(f"not a readable .{suffix} file: ")


# -------------------------------------------------------------------------------- lags


def lag(*names: str) -> list[Model]:
    return [Model("m", "y", ("x",), names)]


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


def test_a_lag_that_the_panel_has_stays():
    frame = FRAME.assign(**{"L.TBI": 7.0})
    assert with_lags(frame, lag("L.TBI")).equals(frame)


def test_mistakes_of_lags():
    for frame, message in (
        (FRAME, "no column x in the panel, of which L.x is a lag"),
        (FRAME.assign(x=1).drop(columns="year"), "L.x: a lag needs the column year"),
        (FRAME.assign(x=1).drop(columns="iso3"), "L.x: a lag needs the column iso3"),
        (
            pd.concat([FRAME, FRAME.tail(1)]).assign(x=1),
            f"{FRAME['iso3'].iloc[-1]} has two rows in {FRAME['year'].iloc[-1]}; "
            "fix the panel",
        ),
    ):
        with pytest.raises(TivaxError, match=f"^{re.escape(message)}$"):
            with_lags(frame, lag("L.x"))


def test_a_country_has_one_row_a_year_unless_other_effects_tell_rows_apart():
    twice = pd.concat([FRAME, FRAME.head(1)])
    with pytest.raises(TivaxError, match="has two rows in"):
        with_lags(twice, lag("x"))
    finer = Model("m", "y", ("x",), effects=("iso3", "year", "industry"))
    assert with_lags(twice, [finer]).equals(twice)
