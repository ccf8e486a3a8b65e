"""Time methods that give the same answer, fairly: used by ``tivax bench``.

Methods of a case take turns, so that a slow minute of the machine hits all of them.
Each answer is checked once, and its residual stands beside its time. The first call,
less the median, is the compile time.
"""

import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jax
import pandas as pd

from tivax.engine.console import Terminal, processor_name
from tivax.engine.errors import TivaxError
from tivax.engine.output import Run, output_folder, require_free

# Variables that change the speed of numpy's BLAS, shown where they are set.
_BLAS = (
    "OPENBLAS_CORETYPE",
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
)
COLUMNS = [
    "case",
    "method",
    "median_s",
    "min_s",
    "compile_s",
    "residual",
    "baseline",
    "ratio",
]


@dataclass(frozen=True)
class Case:
    """Methods that compute the same thing.

    ``methods`` maps a name to a function without arguments; ``baseline`` is the one
    that ratios refer to; ``error`` measures an answer. ``rounds`` is how often every
    method is timed after its first call.
    """

    name: str
    methods: dict[str, Callable[[], Any]]
    baseline: str
    error: Callable[[Any], float]
    rounds: int = 5


@dataclass(frozen=True)
class Timing:
    """A row of ``bench.csv``. Times in seconds; ratio = baseline median / median."""

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
        error[name] = case.error(answer)
        del answer
    seconds: dict[str, list[float]] = {name: [] for name in case.methods}
    for k in range(case.rounds):
        said(f"{case.name}: round {k + 1} of {case.rounds}")
        for name, run in case.methods.items():
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
            ratio=median[case.baseline] / median[name],
        )
        for name in case.methods
    ]


def timed(run: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of one call, waited for: JAX returns before the device is done."""
    start = time.perf_counter()
    answer = jax.block_until_ready(run())
    return time.perf_counter() - start, answer


def machine() -> dict[str, Any]:
    """What a time depends on: processor, device, versions, BLAS settings."""
    device = jax.devices()[0]
    return {
        "processor": processor_name(),
        "cores": len(os.sched_getaffinity(0)),
        "device": f"{device.platform}: {device.device_kind}",
        "dtype": "float64",
        "packages": {name: version(name) for name in ("jax", "jaxlib", "numpy")},
        "blas": {name: os.environ[name] for name in _BLAS if name in os.environ},
    }


def run_bench(
    out: Path, *, full: bool, only: str | None, force: bool, terminal: Terminal
) -> None:
    """Run the cases of ``tivax.bench.cases`` and write bench.csv, bench.json."""
    from tivax.bench import cases

    require_free(out, force=force)
    if only and only not in cases.CASES:
        raise TivaxError(f"no case {only!r}; choose from {', '.join(cases.CASES)}")
    run = Run("bench", seed=cases.SEED)
    names = [only] if only else list(cases.CASES)
    about = machine()
    rows: list[Timing] = []
    with terminal.status("making the world") as said, TemporaryDirectory() as folder:
        world = cases.make_world(Path(folder), full=full)
        for name in names:
            if (case := cases.CASES[name](world)) is not None:
                rows += measure(case, said=said)
            else:
                terminal.say(f"{name}: left out, needs the extra tivax[bench]")
    residual = max((row.residual for row in rows), default=0.0)
    frame = pd.DataFrame([asdict(row) for row in rows], columns=COLUMNS)
    with output_folder(out, force=force) as results:
        frame.to_csv(results / "bench.csv", index=False)
        document = {
            "machine": about,
            "size": world.size,
            "rows": frame.to_dict("records"),
        }
        (results / "bench.json").write_text(json.dumps(document, indent=1) + "\n")
        run.write_manifest(results, residual_max=residual, machine=about)
    _print(terminal, rows, about, world.size)
    terminal.say(f"{out}: bench.csv, bench.json")


def _print(
    terminal: Terminal, rows: list[Timing], about: dict[str, Any], size: str
) -> None:
    packages = ", ".join(f"{k} {v}" for k, v in about["packages"].items())
    terminal.say(
        f"{size}, float64; {about['processor']}, {about['cores']} cores; "
        f"{about['device']}; {packages}"
    )
    for name, value in about["blas"].items():
        terminal.say(f"{name}={value} is set: it changes the speed of numpy")
    terminal.table(
        "Median times, ratio to the baseline of the case",
        ("case", "method", "median", "min", "compile", "residual", "ratio"),
        [
            (
                row.case,
                row.method + (" (baseline)" if row.method == row.baseline else ""),
                f"{row.median_s:.4g} s",
                f"{row.min_s:.4g} s",
                f"{row.compile_s:.2f} s",
                f"{row.residual:.0e}",
                f"{row.ratio:.2f}",
            )
            for row in rows
        ],
    )
