"""Programs that JAX compiles, or loads, for each module of tests, and how many a room may.

Those of processes that tests start are not counted.
"""

import os
from collections import Counter

import jax
import pytest

EVENT = "/jax/core/compile/backend_compile_duration"
SHOWN = 12
# Programs of a room that is tested alone in one process, and a third more: two processes
# both need some. Raise a number where a new test needs new programs; first see whether a
# shape, a static argument or an option that is there would do.
BUDGET: dict[str, int] = {}


def room_of(module: str) -> str:
    """The folder below ``tests`` of a module."""
    _, room, *_ = module.split("/")
    return room


def over_budget(programs: Counter[str]) -> list[str]:
    """A line for each room whose modules need more programs than it may."""
    rooms: Counter[str] = Counter()
    for module, number in programs.items():
        rooms[room_of(module)] += number
    return [
        f"tests/{room}: {number} programs, {BUDGET.get(room, 0)} in BUDGET of {__file__}"
        for room, number in sorted(rooms.items())
        if number > BUDGET.get(room, 0)
    ]


class Compilations:
    """A plugin of pytest: counts, and tells at the end of a run."""

    def __init__(self) -> None:
        self.module = ""
        self.programs: Counter[str] = Counter()
        self.seconds: Counter[str] = Counter()
        jax.monitoring.register_event_duration_secs_listener(self.count)

    def count(self, event: str, seconds: float, **_: object) -> None:
        if event == EVENT and self.module:
            self.programs[self.module] += 1
            self.seconds[self.module] += seconds

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.module = nodeid.partition("::")[0]

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node) -> None:
        """What a process of pytest-xdist has counted."""
        programs, seconds = getattr(node, "workeroutput", {}).get("compiled", ({}, {}))
        self.programs.update(programs)
        self.seconds.update(seconds)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if (given := getattr(session.config, "workeroutput", None)) is not None:
            given["compiled"] = dict(self.programs), dict(self.seconds)
        elif os.environ.get("CI") and not session.exitstatus:
            session.exitstatus = int(bool(over_budget(self.programs)))

    def pytest_terminal_summary(self, terminalreporter) -> None:
        if terminalreporter.config.getoption("durations") is None:
            return
        terminalreporter.section("most seconds of compiling", sep="=")
        for module, seconds in self.seconds.most_common(SHOWN):
            line = f"{seconds:.2f}s {self.programs[module]:4d} programs {module}"
            terminalreporter.line(line)
        for line in over_budget(self.programs):
            terminalreporter.line(f"more than its budget: {line}", red=True)
