"""Fair timing of methods that give the same answer, for ``tivax bench``.

Methods of a case take turns, so that a slow minute of the machine hits all of them. In
its turn a method is called twice and the second call is timed: the threads of the
method before have come to rest and its own arrays are in memory again. Each answer is
checked once, and its residual is reported with its time. The very first call, less the
median, is the compile time.
"""

import math
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import jax

from ..engine.core import processor_name

# Variables that change the speed of numpy's BLAS, shown where they are set.
_BLAS = (
    "OPENBLAS_CORETYPE",
    "OPENBLAS_L2_SIZE",
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
)
_REST = 0.2  # seconds; OpenBLAS threads spin for some 20 ms after their last job


@dataclass(frozen=True)
class Case:
    """Methods that compute the same thing.

    ``methods`` maps a name to a function without arguments; ``baseline`` is the one
    that ratios refer to; ``error`` measures an answer. ``rounds`` is how often every
    method is timed after its first call. ``repeats`` is how many times a method does
    the work of the case (draws of a bootstrap): ratios are for one. ``tolerance`` is
    the bound on errors: the fast solve stops at 1e-12, others round at 1e-15.
    ``notes`` are printed with the times: figures from elsewhere. ``limits`` are methods
    that do a part of the work and have no answer, to show how much the rest costs.
    """

    name: str
    methods: dict[str, Callable[[], Any]]
    baseline: str
    error: Callable[[Any], float]
    rounds: int = 5
    repeats: Mapping[str, int] = field(default_factory=dict)
    tolerance: float = 1e-11
    notes: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()

    def speed_up(self, median: Mapping[str, float], name: str) -> float:
        """Baseline time over a method's, each for one of its repeats."""
        each = {k: s / self.repeats.get(k, 1) for k, s in median.items()}
        return each[self.baseline] / each[name]


@dataclass(frozen=True)
class Timing:
    """A row of ``bench.csv``. Times in seconds; ratio = baseline median / median,
    each for one repeat; no residual where a method has no answer."""

    case: str
    method: str
    median_s: float
    min_s: float
    compile_s: float
    residual: float
    baseline: str
    ratio: float


def measure(
    case: Case, *, said: Callable[[str], None] = lambda line: None
) -> list[Timing]:
    """Time every method of a case, in turns."""
    first, error = {}, {}
    for name, run in case.methods.items():
        said(f"{case.name}: {name}")
        first[name], answer = timed(run)
        error[name] = math.nan if name in case.limits else case.error(answer)
        del answer
    seconds: dict[str, list[float]] = {name: [] for name in case.methods}
    for k in range(case.rounds):
        said(f"{case.name}: round {k + 1} of {case.rounds}")
        for name, run in case.methods.items():
            time.sleep(_REST)
            timed(run)
            seconds[name].append(timed(run)[0])
    median = {name: statistics.median(times) for name, times in seconds.items()}
    return [
        Timing(
            case=case.name,
            method=name,
            median_s=median[name],
            min_s=min(seconds[name]),
            compile_s=max(0.0, first[name] - median[name]),
            residual=error[name],
            baseline=case.baseline,
            ratio=case.speed_up(median, name),
        )
        for name in case.methods
    ]


def timed(run: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of one call, waited for: JAX returns before the device is done."""
    start = time.perf_counter()
    answer = jax.block_until_ready(run())
    return time.perf_counter() - start, answer


def cores() -> int:
    """Cores that this process may use, if the system reports them."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def machine() -> dict[str, Any]:
    """The machine: processor, device, versions, BLAS settings."""
    device = jax.devices()[0]
    return {
        "processor": processor_name(),
        "cores": cores(),
        "device": f"{device.platform}: {device.device_kind}",
        "dtype": "float64",
        "python": platform.python_version(),
        "packages": {name: version(name) for name in ("jax", "jaxlib", "numpy")},
        "blas": {name: os.environ[name] for name in _BLAS if name in os.environ},
    }
