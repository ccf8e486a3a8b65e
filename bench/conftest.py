"""The world of the benchmarks: small, or the size of WIOD 2016 with --full."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import jax
import pytest

from tivax.bench.cases import World, make_world

jax.config.update("jax_enable_x64", True)


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    """Small; TIVAX_BENCH=full makes 44 x 56 x 15."""
    with TemporaryDirectory() as folder:
        yield make_world(Path(folder), full=os.environ.get("TIVAX_BENCH") == "full")
