"""The world of the benchmarks: small, or the size of WIOD 2016 with --full."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import jax
import pytest
from quick_programs import take_quick_programs

from tivax.bench.cases import World, make_world

jax.config.update("jax_enable_x64", True)


def pytest_configure(config: pytest.Config) -> None:
    """Take programs that compile fast where nothing is timed."""
    if config.getoption("benchmark_disable"):
        take_quick_programs()


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    """Small; TIVAX_BENCH=full makes 44 x 56 x 15."""
    with TemporaryDirectory() as folder:
        yield make_world(Path(folder), full=os.environ.get("TIVAX_BENCH") == "full")
