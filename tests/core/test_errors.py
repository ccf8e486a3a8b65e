"""Kinds of mistakes, and how a command words the arguments that they name."""

import pickle

import numpy as np
import pytest

import tivax as tx
from tivax.engine.cli.endings import in_options
from tivax.engine.core import Job, naming, require_as_recorded
from tivax.engine.core.parts import Part

from helpers import random_tables


def test_what_is_not_there_is_not_found(tmp_path):
    tables = random_tables(regions=2, sectors=1, years=1)
    with pytest.raises(tx.exceptions.NotFound, match="no such store"):
        tx.open_store(tmp_path / "none")
    with pytest.raises(tx.exceptions.NotFound, match="exporters: no region X"):
        tx.scenarios(tables, tx.shocks.Cut("X"))
    with pytest.raises(tx.exceptions.NotFound, match="no such file"):
        tx.scenarios(tables, tmp_path / "none.toml")


def test_a_file_that_was_changed_is_damaged(tmp_path):
    path = tmp_path / "panel.csv"
    path.write_text("iso3,year\n")
    (tmp_path / "manifest.json").write_text(
        '{"command": "panel", "outputs": [], '
        '"files": [{"name": "panel.csv", "bytes": 1, "sha256": "0"}]}'
    )
    with pytest.raises(
        tx.exceptions.Damaged, match="changed since `tivax panel` wrote it"
    ):
        require_as_recorded(path)


def test_a_run_of_another_identity_is_unfinished(tmp_path):
    job, other = (
        Job(tmp_path / "out", "bootstrap", {"seed": k}, [Part(2, 1)]) for k in (1, 2)
    )
    with pytest.raises(KeyboardInterrupt), job.resumed(print):
        job.parts[0].append(np.ones((1, 1)))
        raise KeyboardInterrupt
    refused = pytest.raises(tx.exceptions.Unfinished, match="holds an unfinished run")
    with refused as error, other.resumed(print):
        pass
    assert error.value.argument == "force"
    assert in_options(error.value).endswith("; --force starts over")


def test_a_mistake_keeps_its_kind_and_argument_where_a_file_is_named():
    with pytest.raises(
        tx.exceptions.NotFound, match="^run.toml: no such year$"
    ) as error:
        with naming("run.toml"), naming("run.toml"):
            raise tx.exceptions.NotFound("no such year", argument="years")
    again = pickle.loads(pickle.dumps(error.value))
    assert (type(again), again.argument) == (tx.exceptions.NotFound, "years")


@pytest.mark.parametrize(
    "message, argument, worded",
    [
        ("x: force=True replaces it", "force", "x: --force replaces it"),
        ("output x: a file", "output", "--out x: a file"),
        ("draws: give 1", "draws", "--draws: give 1"),
        ("max_size: give a number", "max_size", "--max-size: give a number"),
        ('use value_added="residual"', "value_added", "use --value-added residual"),
        ("leave it out by years=", "years", "leave it out by --years"),
        ("max_size= allows more", "max_size", "--max-size allows more"),
        ("force=True.csv: no panel", "", "force=True.csv: no panel"),
    ],
)
def test_a_command_says_the_option_for_an_argument(message, argument, worded):
    assert in_options(tx.TivaxError(message, argument=argument)) == worded
