"""``tivax bench``: run the cases, print a table, write bench.csv and bench.json."""

import json
import math
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from ....bench.cases import (
    CASES,
    SEED,
    make_world,
    needs_package,
    solve_of_size,
    solve_of_store,
    world_of,
)
from ....bench.harness import Timing, machine, measure
from ...core import Run, TivaxError, output_folder, require_result_place, write_csv
from ...tables import WorldShape, open_store
from ..terminal import Terminal
from .bench_compare import machine_text

COLUMNS = [field.name for field in fields(Timing)]


def run_bench(
    out: Path,
    *,
    full: bool,
    only: str | None,
    store: Path | None = None,
    sizes: Sequence[WorldShape] = (),
    force: bool,
    terminal: Terminal,
) -> None:
    """Time all cases, or the one named ``only``; and the solve on a ``store`` and on
    synthetic worlds of ``sizes``.

    Raises ``TivaxError`` for an unknown case, for a store that cannot be read, or where
    ``out`` is taken.
    """
    run = Run("bench", seed=SEED, inputs=[] if store is None else [store])
    require_result_place(out, run, force=force)
    given = None if store is None else open_store(store)
    if only and only not in CASES:
        raise TivaxError(f"no case {only!r}; choose from {', '.join(CASES)}")
    about = machine()
    rows: list[Timing] = []
    notes: dict[str, tuple[str, ...]] = {}
    with terminal.status("making the world") as said, TemporaryDirectory() as folder:
        world = make_world(Path(folder), full=full)
        for name in [only] if only else CASES:
            if (case := CASES[name](world)) is not None:
                rows += measure(case, said=said)
                notes |= {name: case.notes} if case.notes else {}
            else:
                terminal.print(f"{name}: left out, needs {needs_package(name)}")
        if given is not None:
            theirs = world_of(given, Path(folder), full=full)
            rows += measure(solve_of_store(theirs), said=said)
            notes |= {rows[-1].case: (f"{given.source or store}, {theirs.size}",)}
            del theirs
        for shape in sizes:
            rows += measure(solve_of_size(shape, Path(folder)), said=said)
    answers = [row.residual for row in rows if not math.isnan(row.residual)]
    residual = max(answers, default=0.0)
    frame = pd.DataFrame(rows, columns=COLUMNS)
    with output_folder(out, run, force=force) as results:
        write_csv(frame, results / "bench.csv")
        document = {
            "machine": about,
            "size": world.size,
            # JSON has no NaN: null where a method has no answer.
            "rows": json.loads(frame.to_json(orient="records", double_precision=15)),
            "notes": notes,
        }
        (results / "bench.json").write_text(json.dumps(document, indent=1) + "\n")
        record = run.write_manifest(results, residual_max=residual, machine=about)
    _print(terminal, rows, about, world.size)
    for name, lines in notes.items():
        for line in lines:
            terminal.print(f"{name}: {line}")
    if not full:
        terminal.print("A world this small times the overhead; --full is 44 x 56 x 15.")
    terminal.finish(record, f"Open {out / 'bench.csv'}")


def _print(
    terminal: Terminal, rows: list[Timing], about: dict[str, Any], size: str
) -> None:
    terminal.print(f"{size}, float64; {machine_text(about)}")
    for name, value in about["blas"].items():
        terminal.print(f"{name}={value} is set: it can change the speed of numpy")
    terminal.print("Median times; ratio = baseline median / median")
    terminal.table(
        ("case", "method", "median", "min", "compile", "residual", "ratio"),
        [
            (
                row.case,
                row.method + (" (baseline)" if row.method == row.baseline else ""),
                f"{row.median_s:.4g} s",
                f"{row.min_s:.4g} s",
                f"{row.compile_s:.2f} s",
                "" if math.isnan(row.residual) else f"{row.residual:.0e}",
                f"{row.ratio:.2f}",
            )
            for row in rows
        ],
    )
