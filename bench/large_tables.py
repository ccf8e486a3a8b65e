"""Time and memory of one year from the store, up to sizes that memory does not hold.

    python -m tivax.bench.large_tables 44x56 49x200 250x160 --folder /scratch \
        --json sizes.json

For each size a synthetic world (regions x sectors) is written to a store in the folder,
and value added absorbed and gross exports of all regions are computed from it:
streamed, and in memory where that fits. ``numpy.linalg.solve`` with as many right-hand
sides, and ``inv``, take part up to ``--numpy`` industries. Each size has a process of
its own, so that the memory printed is its own; numpy comes last. Stores are removed
unless ``--keep``. No method reads Z faster than memory gives it: the bandwidth, of a
sum of 2 GiB by all cores, is measured first.

Cost is shown against n^2 k, the work of a product with k columns. Reading is from the
page cache where the store fits there: the first call of each method is ``first``, with
compiling, the best of the others ``best``.
"""

import argparse
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

# Before JAX is imported: see engine.cli.app.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import jax

from ..engine.core import GIB, start_jax
from ..engine.measures.trade import trade_flows
from ..engine.streaming import is_too_large, large_world
from ..engine.tables import WorldShape, open_store, write_store
from .harness import cores, machine, timed

SIZES = ("44x56", "49x200")
_SEED = 0
_MEASURED = 3  # calls, the first among them; one where a call takes a minute
_ROW = "{:>8,} {:>5} {:<22} {:>8.2f} {:>8.3f} {:>9.1f} {:>9.1e} {:>10} {:>7.2f}"
_HEADS = "{:>8} {:>5} {:<22} {:>8} {:>8} {:>9} {:>9} {:>10} {:>7}"
COLUMNS = ("n", "k", "method", "first s", "best s", "ps/n^2k", "residual", "passes")
COLUMNS += ("GiB",)


def make(size: str, folder: Path) -> None:
    """Write the store of a size, unless it is there."""
    start_jax()
    if not (folder / size).exists():
        regions, sectors = map(int, size.split("x"))
        world = large_world(WorldShape(regions, sectors, years=1), _SEED)
        write_store(world, folder / size)


def bandwidth() -> float:
    """Bytes a second that all cores read, the best of five sums of 2 GiB."""
    start_jax()
    numbers = jax.numpy.ones((16 * cores(), 2**28 // (16 * cores())))
    rows = jax.jit(lambda x: x.sum(axis=1))
    times = [timed(lambda: rows(numbers))[0] for _ in range(6)]
    return numbers.nbytes / min(times[1:])


def run(size: str, folder: Path, most: int) -> list[tuple[Any, ...]]:
    """A line for each method; numpy up to ``most`` industries."""
    start_jax()
    tables = open_store(folder / size, lazy=True)
    n, k = tables.n, len(tables.regions)
    rows = []

    def add(name: str, times: list[float], residual: float, passes: int) -> None:
        best = min(times[1:] or times)
        each = best / (n * n * k) * 1e12
        memory = _peak() / GIB
        rows.append((n, k, name, times[0], best, each, residual, passes, memory))

    # Too little for the fast path, enough for coefficients in float32.
    methods: dict[str, int | None] = {"tivax, streamed": 16 * n * n}
    if not is_too_large(n):
        methods["tivax, in memory"] = None
    for name, room in methods.items():
        work = partial(trade_flows, tables, memory=room)
        times, trade = _timed(work)
        add(name, times, float(trade["residual"].max()), int(trade["passes"].max()))
    if n <= most:
        Z, x, Y = tables.Z[0], tables.output()[0], tables.final_demand()[0]
        A = Z * np.divide(1, x, out=np.zeros_like(x), where=x > 0)[None, :]
        del Z
        M = np.eye(n) - A
        for name, solved in {
            "numpy.linalg.solve": np.linalg.solve,
            "numpy.linalg.inv": lambda M, Y: np.linalg.inv(M) @ Y,
        }.items():
            times, X = _timed(partial(solved, M, Y))
            left = np.linalg.norm(Y - M @ X, axis=0) / np.linalg.norm(Y, axis=0)
            add(name, times, float(left.max()), 0)
    return rows


def _timed(work: Callable[[], Any]) -> tuple[list[float], Any]:
    times, found = [], None
    while len(times) < _MEASURED and (not times or times[0] < 60):
        start = time.perf_counter()
        found = work()
        times.append(time.perf_counter() - start)
    return times, found


def _peak() -> int:
    """The largest resident memory of this process; what is mapped of files counts."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def main() -> None:
    """Make the stores, time the methods, print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    metavar = "REGIONSxSECTORS"
    parser.add_argument("sizes", nargs="*", type=_size, default=SIZES, metavar=metavar)
    parser.add_argument("--folder", type=Path, help="where the stores are written")
    parser.add_argument("--numpy", type=int, default=12_000, metavar="N")
    parser.add_argument("--make", action="store_true", help="make the stores, no more")
    parser.add_argument("--keep", action="store_true", help="keep the stores")
    parser.add_argument("--json", type=Path, help="write the numbers to this file too")
    given = parser.parse_args()
    about = machine() | {"bytes_per_second": _alone(bandwidth)}
    print(f"{about['processor']}, {about['cores']} cores; {about['packages']}")
    print(f"memory is read at {about['bytes_per_second'] / 1e9:.1f} GB/s")
    print(_HEADS.format(*COLUMNS))
    every = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        for size in given.sizes:
            _alone(make, size, folder)
            if given.make:
                continue
            for row in _alone(run, size, folder, given.numpy):
                print(_ROW.format(*row), flush=True)
                every.append(dict(zip(COLUMNS, row, strict=True)))
            if not given.keep:
                shutil.rmtree(folder / size)
    if given.json:
        found = {"machine": about, "rows": every}
        given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _size(text: str) -> str:
    """``49x200``, with two regions at least."""
    regions, x, sectors = text.partition("x")
    if not (x and regions.isdigit() and sectors.isdigit()):
        raise argparse.ArgumentTypeError(
            f"{text!r}: write REGIONSxSECTORS, such as 49x200"
        )
    if int(regions) < 2 or int(sectors) < 1:
        raise argparse.ArgumentTypeError(
            f"{text!r}: a world that trades needs two regions"
        )
    return text


def _alone(work: Callable[..., Any], *given: Any) -> Any:
    """In a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *given).result()


if __name__ == "__main__":
    main()
