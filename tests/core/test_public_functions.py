"""Arguments of a wrong kind: one line from every public function."""

import json
from inspect import isfunction
from pathlib import Path

import pytest

import tivax
import tivax.engine as tx

from commands import Answer, run_fork, run_python

# Classes that a user makes; others are returned, raised or filled by readers.
MADE = {"Economy", "Model", "WorldTables"}
FUNCTIONS = sorted(
    name for name in dir(tx) if name in MADE or isfunction(getattr(tx, name))
)
FUNCTIONS += [
    f"{place}.{name}"
    for place in ("panel", "referee")
    for name, thing in vars(getattr(tivax, place)).items()
    if isfunction(thing) and name != "shift_share"
]
METHODS = [
    *(f"Economy.{name}" for name in ("from_tables", "read", "save", "synthetic")),
    *(f"ExactHat.{k}" for k in ("effect_on_index", "tariff_gradient", "world_tables")),
    "Change.with_errors",
    "table_errors.ErrorModel.read",
    "table_errors.draw_flows",
    "Fit.anderson_rubin_set",
    "Fit.plausibly_exogenous",
    "Fit.weak_instrument_tests",
    "Inference.clustering_level",
    "Satellite.from_pymrio",
    "WorldTable.industry",
    "WorldTables.final_demand",
    "WorldTables.output",
]


@pytest.fixture(scope="module")
def program() -> dict:
    """What ``wrong_arguments`` found, run without the type checks of pytest."""
    support = Path(__file__).parents[1] / "support"
    code = "import wrong_arguments; wrong_arguments.main()"
    run = run_fork(code, env={"PYTHONPATH": str(support)})
    assert run.code == 0, run.err
    return json.loads(run.out)


@pytest.mark.parametrize("function", [*FUNCTIONS, *METHODS])
def test_an_argument_of_a_wrong_kind_is_told_in_one_line(program, function):
    told = {k: v for k, v in program["told"].items() if k.split()[0] == function}
    assert told, "no case in wrong_arguments.py"
    for case, (kind, message) in told.items():
        assert kind in ("TivaxError", "NotFound"), f"{case}: {kind} {message}"
        assert message and "\n" not in message and len(message) < 400, case


@pytest.mark.parametrize(
    "case, message",
    [
        ("trade_benefit_index value_added array", "value_added: give residual or basic, or a DataArray with the dims year, region and sector (of tx.read_satellites), not a ndarray"),
        ("trade_benefit_index groups int", 'groups: give names of built-in groups, such as ["EU27", "NAFTA"], or the regions of each'),
        ("trade_benefit_index groups text", "group EU27: none of its 27 members is among the regions R01"),
        ("trade_benefit_index drop text", "drop='R01': give a list, ['R01']"),
        ("decompose method None", "no method None: choose from wwz, kww, bm-source"),
        ("open_store years texts", "years: give the first and the last, such as (2000, 2014), not ('2000', '2001')"),
        ("WorldTables Z None", "Z: give an array of numbers, years first, not None"),
        ("WorldTables regions set", "regions: a set has no order"),
        ("WorldTables years words", "years: 'a' is no year; give whole numbers"),
        ("fit model two", "formula 'TFP + TBI ~ RQ': it has 2 models; give one outcome"),
        ("fit data dict", "data: give a pandas DataFrame, not {}"),
        ("resample draws half", "draws: give a whole number from 1, not 9.5"),
    ],
)  # fmt: skip
def test_the_line_names_the_argument_and_what_to_give(program, case, message):
    assert program["told"][case][1].startswith(message)


def test_a_fit_leaves_the_root_logger_alone(program):
    """Importing pyfixest gives it a handler at INFO, which prints what others log."""
    assert program["root"] == [30, 0]


LOUD = """
import logging
import tivax as tx

names = {"jax", "tivax", "", "matplotlib", "pyfixest"}
world = tx.synthetic_world(regions=3, sectors=2, years=1, seed=1)
tx.trade_benefit_index(world)
for name in sorted(names):
    log = logging.getLogger(name)
    loud = [k for k in log.handlers if not isinstance(k, logging.NullHandler)]
    assert not loud and log.level in (logging.NOTSET, logging.WARNING), (name, loud)
"""


def test_importing_and_computing_switch_on_no_logging_and_print_nothing():
    """Unlike the commands with --verbose, in a process of its own."""
    assert run_python(LOUD) == Answer(0, "", "")


def test_nested_lists_are_arrays_and_years_may_be_text(program):
    assert program["lists"] == [[[4.0, 4.0]], [2000]]
