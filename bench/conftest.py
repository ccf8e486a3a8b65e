"""The world of the benchmarks: small, or the size of WIOD 2016 with --full."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import jax
import pytest

from tivax.bench.cases import World, make_world

jax.config.update("jax_enable_x64", True)


def pytest_configure(config: pytest.Config) -> None:
    """Take programs that compile fast where nothing is timed: see tests/conftest.py."""
    timed = not config.getoption("benchmark_disable")
    if timed or "XLA_FLAGS" in os.environ or jax.__version_info__ >= (0, 11):
        return
    os.environ["XLA_FLAGS"] = (
        "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
    )
    jax.config.update("jax_disable_most_optimizations", True)


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    """Small; TIVAX_BENCH=full makes 44 x 56 x 15."""
    with TemporaryDirectory() as folder:
        yield make_world(Path(folder), full=os.environ.get("TIVAX_BENCH") == "full")
