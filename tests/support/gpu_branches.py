"""What tivax does on a GPU, done on the processor: for the tests of a GPU, without one.

    PYTHONPATH=tests/support python -m pytest -p gpu_branches tests/core/test_gpu.py

Years are a batch, some blocks of draws too, and small systems. Sums are in the
processor's order: what a card's own rounding does, only a card shows. Every program
that runs is lowered for an NVIDIA card too (``gpu_programs``).
"""

from typing import Any

import jax
import pytest

from gpu_programs import Lowered, record


def on_a_gpu(*operands: Any, default: Any, **_: Any) -> Any:
    return default(*operands)


def pytest_collection_finish() -> None:
    from tivax.engine.resampling import running

    running._AT_ONCE_GPU = 2  # 64 would take a processor a minute


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A command has more than one program, or they were not seen."""
    if not session.testsfailed and len(LOWERED.programs) <= session.testscollected:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


LOWERED = Lowered()
record(LOWERED)
jax.lax.platform_dependent = on_a_gpu
jax.default_backend = lambda: "gpu"
