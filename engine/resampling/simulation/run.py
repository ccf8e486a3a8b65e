"""Tests of a known effect on simulated panels: how often each method rejects."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from ....kernels import random_draws
from ....kernels.panels import simulated as kernel
from ....kernels.panels.simulated import ANALYTIC, METHODS
from ...core import Progress, no_progress, report, require_kind
from ..draws import Draws, MemoryDraws
from ..running import blocks_at_once, calls_together, over_blocks
from .panels import Study, StudyDesign, read_study
from .result import Simulation

COLUMNS = (
    "estimate",
    *(f"se {k}" for k in ANALYTIC),
    "effective clusters",
    "residual",
    *(f"truth {k}" for k in METHODS),
    *(f"zero {k}" for k in METHODS),
)
_EFFECTIVE, _RESIDUAL = (COLUMNS.index(k) for k in ("effective clusters", "residual"))
_FIRST = _RESIDUAL + 1  # columns before the decisions
# Panels of a block: the unit of work, and of what is kept.
PANELS = 32


# ------------------------------------------------------------------------ simulating


def simulate(
    study: Study | str | Path, *, progress: Progress = no_progress
) -> Simulation:
    """Rejection rates of every design, in memory; a path is that of a run file.

    Raises ``TivaxError`` for a mistake in the file, with its key and the remedy.

    Parameters
    ----------
    study : Study or path
        Designs of panels, or a run file with them.
    progress : callable, optional
        Called with the panels that are done and their number.

    Returns
    -------
    Simulation
        ``table`` has the share of rejections at 5 % by design and method.

    Examples
    --------
    >>> rates = tx.simulate("study.toml")
    >>> rates.table["method"].tolist()[:3]
    ['CV1 t(G-1)', 'CV2 BM', 'CV3 t(G-1)']
    """
    if isinstance(study, str | Path):
        study = read_study(Path(study))
    require_kind("study", study, Study, "a tx.Study, or the path of a run file")
    results, total = [], study.panels * len(study.designs)
    for number, design in enumerate(study.designs):
        done, parts = number * study.panels, []
        report(progress, done, total)
        for part in simulated_panels(study, design):
            parts.append(part)
            done += len(part)
            progress(done, total)
        results.append((design, MemoryDraws(np.concatenate(parts))))
    return simulation_of(study, results)


def simulation_of(
    study: Study, results: Sequence[tuple[StudyDesign, Draws]]
) -> Simulation:
    """The result of panels that were made."""
    residual = max(
        float(window[:, _RESIDUAL].max())
        for _, panels in results
        for window in panels.windows()
    )
    return Simulation(rejection_table(study, results), study, residual)


def simulated_panels(
    study: Study, design: StudyDesign, start: int = 0
) -> Iterator[np.ndarray]:
    """Panels from ``start`` (the first of a block) on, in arrays (n, columns)."""
    run, arrays = _program(study, design)
    blocks, left = -(-study.panels // PANELS), study.panels - start
    for part in over_blocks(run, arrays, study.seed, blocks, start=start // PANELS):
        rows = part.reshape(-1, len(COLUMNS))[:left]
        left -= len(rows)
        yield rows


def _program(study: Study, design: StudyDesign) -> tuple[Callable[..., jax.Array], Any]:
    """Function that simulates and tests a block of panels, and its arrays."""
    run = _block(design.controls, study.draws, design.balanced, bool(design.effect))
    return run, design.arrays


def estimate_seconds(study: Study, left: Sequence[int]) -> float:
    """About how long the panels take that each design lacks, from a short timing.

    The first block of the first of these designs is made twice: the first time compiles
    it, as each other shape will be. All blocks are taken to be like this one.
    """
    designs = [k for k, panels in zip(study.designs, left, strict=True) if panels]
    if not designs:
        return 0.0
    run, arrays = _program(study, designs[0])
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        deque(over_blocks(run, arrays, study.seed, 1), maxlen=0)
        seconds.append(time.perf_counter() - start)
    compiling = max(0.0, seconds[0] - seconds[1])
    shapes = {
        (k.clusters, k.years, k.controls, k.balanced, bool(k.effect), k.given is None)
        for k in designs
    }
    at_once = jax.device_count() * blocks_at_once() * calls_together()
    calls = sum(-(-panels // (PANELS * at_once)) for panels in left)
    return calls * seconds[1] + (len(shapes) - 1) * compiling


@lru_cache
def _block(
    controls: int, draws: int, balanced: bool, zero_too: bool
) -> Callable[..., jax.Array]:
    def block(design: Any, seed: jax.Array, number: jax.Array) -> jax.Array:
        keys = jax.random.split(random_draws.block_key(seed, number), PANELS)

        def one(key: jax.Array) -> jax.Array:
            tests = kernel.simulate_and_test(
                key,
                design,
                controls=controls,
                draws=draws,
                balanced=balanced,
                zero_too=zero_too,
            )
            return jnp.concatenate(
                [
                    tests.estimate[None],
                    tests.se,
                    tests.effective[None],
                    tests.residual[None],
                    tests.rejects_truth,
                    tests.rejects_zero,
                ]
            )

        if jax.default_backend() != "cpu":
            return jax.vmap(one)(keys)
        # One by one: a matrix of a cluster is small, and LAPACK is called on it.
        return jax.lax.map(one, keys)

    return block


def rejection_table(
    study: Study, results: Sequence[tuple[StudyDesign, Draws]]
) -> pd.DataFrame:
    """A row for each design and method.

    Columns design, clusters, effective_clusters (mean over the panels), years,
    adopters, method, panels (those that the method serves), draws; size: share of true
    nulls rejected at 5 %, with its Monte-Carlo error, to which random phases add that
    of the one outcome that they meet; coverage of the 95 % interval;
    se_ratio: mean standard error over the spread of the estimates (below 1: too small);
    power: share of panels in which no effect is rejected, empty where the effect of the
    design is 0. Others are empty where a method serves no panel, as CV2 and CV3 with a
    single adopter, placebos where it is not balanced, the network HAC where there is no
    network, Conley's without places.
    """
    rows = []
    for design, panels in results:
        values = np.concatenate(list(panels.windows()))
        spread = values[:, 0].std(ddof=1) if len(values) > 1 else np.nan
        given = design.given
        shared = given.shared if given and given.placebo == "phases" else 0.0
        for k, method in enumerate(METHODS):
            served = values[np.isfinite(values[:, _FIRST + k])]
            size = _mean(served[:, _FIRST + k])
            se = _mean(served[:, 1 + k]) / spread if k < len(ANALYTIC) else np.nan
            error = np.sqrt(size * (1 - size) / len(served)) if len(served) else np.nan
            error = np.hypot(error, shared)
            rows.append(
                {
                    "design": design.name,
                    "clusters": design.clusters,
                    "effective_clusters": _mean(values[:, _EFFECTIVE]),
                    "years": design.years,
                    "adopters": design.adopters,
                    "method": method,
                    "panels": len(served),
                    "draws": study.draws if k >= len(ANALYTIC) else 0,
                    "size": size,
                    "mc_error": float(error),
                    "coverage": 1 - size,
                    "se_ratio": float(se),
                    "power": _mean(served[:, _FIRST + len(METHODS) + k])
                    if design.effect
                    else np.nan,
                }
            )
    return pd.DataFrame(rows)


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")
