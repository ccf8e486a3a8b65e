"""Programs that JAX compiles, or loads, for each module of tests, and how many a room may.

Those of processes that tests start are not counted.
"""

import os
from collections import Counter, defaultdict

import jax
import pytest

EVENT = "/jax/core/compile/backend_compile_duration"
SHOWN = 12
# Programs of a room that is tested alone, in one process, and a quarter more, or twenty.
# Before you raise one see whether a shape or an option that is there would do.
BUDGET = {
    "bench": 440, "chains": 40, "change": 150, "cli": 920, "comparison": 60,
    "core": 220, "curve": 90, "equilibrium": 560, "errors": 1510, "estimation": 150,
    "explorer": 30, "figures": 50, "files": 20, "bilateral": 110, "kernels": 2590,
    "measures": 650,
    "montecarlo": 80, "panel": 30, "papers": 480, "present": 40, "publication": 30,
    "rebuilding": 300, "referee": 40, "reporting": 120, "resampling": 890,
    "scenarios": 80, "sources": 300, "streaming": 820, "tables": 90, "threats": 60,
}  # fmt: skip


def over_budget(programs: Counter[str]) -> list[str]:
    """A line for each room whose modules need more programs of a process than it may."""
    rooms: Counter[str] = Counter()
    for module, number in programs.items():
        if module.startswith("tests/"):
            rooms[module.split("/")[1]] += number
    return [
        f"tests/{room}: {number} programs, {BUDGET.get(room, 0)} in {__file__}"
        for room, number in sorted(rooms.items())
        if number > BUDGET.get(room, 0)
    ]


class Compilations:
    """A plugin of pytest: counts, tells at the end of a run, and fails in CI."""

    def __init__(self) -> None:
        self.module = ""
        self.programs: Counter[str] = Counter()
        self.seconds: dict[str, float] = defaultdict(float)
        self.over: list[str] = []
        jax.monitoring.register_event_duration_secs_listener(self.count)

    def count(self, event: str, duration_secs: float, **_: object) -> None:
        if event == EVENT and self.module:
            self.programs[self.module] += 1
            self.seconds[self.module] += duration_secs

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.module = nodeid.partition("::")[0]

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node) -> None:
        """What a process of pytest-xdist has counted."""
        if "compiled" in (given := getattr(node, "workeroutput", {})):
            programs, seconds = given["compiled"]
            self.over += over_budget(Counter(programs))
            self.programs.update(programs)
            for module, more in seconds.items():
                self.seconds[module] += more

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if (given := getattr(session.config, "workeroutput", None)) is not None:
            given["compiled"] = dict(self.programs), dict(self.seconds)
            return
        # (What a GPU does otherwise are other programs.)
        gpu = session.config.pluginmanager.has_plugin("gpu_branches")
        if not gpu and not session.config.getoption("numprocesses", None):
            self.over = over_budget(self.programs)
        if self.over and os.environ.get("CI") and not session.exitstatus:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter) -> None:
        if terminalreporter.config.getoption("durations") is not None:
            terminalreporter.section("most seconds of compiling")
            slowest = sorted(self.seconds.items(), key=lambda k: -k[1])[:SHOWN]
            for module, seconds in slowest:
                programs = self.programs[module]
                terminalreporter.line(
                    f"{seconds:6.2f}s {programs:4d} programs {module}"
                )
        for line in self.over:
            terminalreporter.line(f"more programs than its budget: {line}", red=True)
