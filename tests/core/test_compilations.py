"""Programs are counted by module, and each room has a budget."""

from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from compilations import BUDGET, EVENT, Compilations, over_budget

TESTS = Path(__file__).resolve().parents[1]


@pytest.fixture
def plugin(monkeypatch):
    monkeypatch.setattr(jax.monitoring, "register_event_duration_secs_listener", id)
    return Compilations()


def test_each_room_has_a_budget():
    rooms = {path.relative_to(TESTS).parts[0] for path in TESTS.rglob("test_*.py")}
    assert {*BUDGET} <= rooms
    module = "tests/kernels/test_solve.py"
    assert not over_budget(Counter({module: BUDGET["kernels"]}))
    more = Counter({module: BUDGET["kernels"], "tests/kernels/test_gras.py": 1})
    (line,) = over_budget(more)
    assert line.startswith(f"tests/kernels: {BUDGET['kernels'] + 1} programs")


def test_programs_of_a_module_are_those_of_all_processes(plugin):
    plugin.pytest_runtest_logstart("tests/core/test_toml.py::test_a[b]")
    plugin.count(EVENT, 0.5, fun_name="jit(f)")
    plugin.count("/jax/core/compile/jaxpr_trace_duration", 0.5)
    node = SimpleNamespace(
        workeroutput={"compiled": ({"tests/core/test_toml.py": 2}, {})}
    )
    plugin.pytest_testnodedown(node)
    plugin.pytest_testnodedown(SimpleNamespace())  # one that has crashed
    assert plugin.programs == {"tests/core/test_toml.py": 3}
    assert plugin.seconds == {"tests/core/test_toml.py": 0.5} and not plugin.over


def test_jax_tells_of_each_program_once(request):
    counted = request.config.pluginmanager.get_plugin("compilations")
    before = counted.programs[counted.module]
    added = jax.jit(lambda x: 3 * x - 17)
    for _ in range(2):
        added(np.ones(5, np.float32))
    assert counted.programs[counted.module] == before + 1
