"""Every program of every command on a card: compiled without one, or timed on one.

    python gpu_table.py TABLES --kept FOLDER --card h100 [--cards 4] [--size 49x200x1] [--runs wwz,kww]
    python gpu_table.py TABLES --card h100 --measure     where JAX sees that card

Compiling needs the packages of the extra ``cuda``, but no card and no driver. Writes into
TABLES, after each run, compiled-programs.csv, a row for each program, and
compiled-for-a-gpu.csv, one for each run. A run that is there is left out unless --runs
names it; a program that is in FOLDER is not compiled again.
"""

import argparse
import gzip
import hashlib
import json
import math
import os
import shutil
import sys
import tempfile
import time
from contextlib import nullcontext, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from gpu_cards import CARDS, Card
from gpu_programs import nothing_of, record, run_command
from optimised_programs import LAUNCH, Program

# A step makes 64 blocks of 4,096 draws.
MILLION_DRAWS = 4
# Bytes of arguments of programs that are also run, for what follows them.
SMALL = 1 << 26
# Of the card, what JAX takes when it starts.
TAKEN = 0.75
SHARDED = (".blocks", ".of_device")
MOST = 2.0  # times the roofline
RUN = ["card", "size", "run"]


class Known(Exception):
    """All programs of a run are known before its end."""


class Kept:
    """Compiled programs in a folder, each by what it is made of, and the rows of a run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "programs"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.rows: list[dict[str, Any]] = []

    def compile(self, name: str, lowered: Any, card: Card) -> str:
        text = jax.__version__ + card.described() + lowered.as_text()
        key = hashlib.sha256(text.encode()).hexdigest()[:16]
        facts = self.folder / f"{key}.json"
        if not facts.exists():
            start = time.process_time()
            compiled = lowered.compile()
            seconds = time.process_time() - start
            memory = compiled.memory_analysis()
            optimised = gzip.compress(compiled.as_text().encode())
            (self.folder / f"{key}.txt.gz").write_bytes(optimised)
            found = {
                "compile_s": round(seconds, 1),
                "arguments_bytes": memory.argument_size_in_bytes,
                "temporary_bytes": memory.temp_size_in_bytes,
                "output_bytes": memory.output_size_in_bytes,
            }
            facts.write_text(json.dumps(found))
        return key

    def add(self, row: dict[str, Any]) -> None:
        """A program of a run, once."""
        if not any(row.items() <= k.items() for k in self.rows):
            self.rows.append(row)

    def counted(self) -> pd.DataFrame:
        """A row for each program of the run, counted in its optimised text."""
        return pd.DataFrame([self._counted(row) for row in self.rows])

    def _counted(self, row: dict[str, Any]) -> dict[str, Any]:
        key, card = row["key"], CARDS[row["card"]]
        text = gzip.decompress((self.folder / f"{key}.txt.gz").read_bytes())
        program = Program(text.decode())
        steps = MILLION_DRAWS if row["program"].endswith(".blocks") else None
        work = program.work(card, steps=row.get("steps", steps))
        return {
            **{k: row[k] for k in (*RUN, "program")},
            **json.loads((self.folder / f"{key}.json").read_text()),
            "kernels": len(program.kernels),
            "loops": len(program.loops),
            "products": len(program.products),
            "cublas": program.calls("cublas"),
            "cusolver": program.calls("cusolver", "getrf", "potrf", "syevd", "geqrf"),
            "callbacks": program.calls("callback"),
            "tf32": len(program.in_tf32),
            "launches": round(work.launches),
            "bytes": round(work.bytes),
            "operations": round(sum(work.operations.values())),
            "memory_ms": round(1e3 * work.memory, 3),
            "float32_ms": round(1e3 * work.float32, 3),
            "float64_ms": round(1e3 * work.float64, 3),
            "launch_ms": round(1e3 * LAUNCH * work.launches, 3),
            "roofline_ms": round(1e3 * (work.seconds + LAUNCH * work.launches), 3),
            **{k: row[k] for k in ("measured_ms",) if k in row},
        }


class Tables:
    """The rows of all programs in a folder, and those of runs that follow from them."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.programs = folder / "compiled-programs.csv"
        self.runs = folder / "compiled-for-a-gpu.csv"

    @property
    def rows(self) -> Any:
        """As they are on disk: another card may be compiled for beside this one."""
        return pd.read_csv(self.programs) if self.programs.exists() else None

    def has(self, *run: str) -> bool:
        rows = self.rows
        return rows is not None and bool((rows[RUN] == list(run)).all(axis=1).any())

    def replace(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Put in the rows of one run, and write; all runs."""
        if (before := self.rows) is not None:
            same = (before[RUN] == rows[RUN].iloc[0]).all(axis=1)
            rows = pd.concat([before[~same], rows], ignore_index=True)
        runs = largest(rows)
        _write(rows, self.programs)
        _write(runs, self.runs)
        return runs


def _write(table: pd.DataFrame, path: Path) -> None:
    aside = path.with_suffix(".part")
    table.to_csv(aside, index=False)
    aside.replace(path)


class Absent:
    """A card that is not there: programs are compiled for it, and give nothing."""

    def __init__(self, kept: Kept, card: str, count: int) -> None:
        from jax.experimental import topologies

        os.environ["JAX_SKIP_CUDA_CONSTRAINTS_CHECK"] = "1"
        self.kept, self.card, self.size = kept, card, ""
        self.run, self.computed, self.whole, self.one = "", False, False, False
        self.devices = topologies.get_topology_desc(
            platform="cuda",
            topology_name=card,
            topology=f"1x1x{count}",
            target_config=CARDS[card].described(),
        ).devices

    def stand_in(self) -> None:
        """tivax sees a card, whose arrays stay on the processor."""
        put, devices = jax.device_put, self.devices
        jax.default_backend = lambda: "gpu"
        jax.devices = jax.local_devices = lambda *_, **__: devices
        jax.device_count = jax.local_device_count = lambda *_, **__: len(devices)
        jax.device_put = lambda x, *_, **__: put(x)
        jax.make_array_from_single_device_arrays = lambda shape, at, parts: (
            np.concatenate(parts)
        )
        from tivax.engine.measures import years
        from tivax.engine.resampling import running

        memory = int(TAKEN * CARDS[self.card].memory)
        years.device_memory = running.device_memory = lambda: memory
        read = years._read_ahead
        years._read_ahead = lambda *of: (read if self.whole else _unread)(*of)
        jax.numpy.stack = _stacked

    def __call__(self, name: str, jitted: Any, args: tuple, kwargs: dict) -> Any:
        if not self.run:
            return jitted(*args, **kwargs)
        given = jax.tree.map(_on_card(name, self.devices), (args, kwargs))
        traced = jitted.trace(*given[0], **given[1])
        lowered = traced.lower(lowering_platforms=("cuda",))
        key = self.kept.compile(name, lowered, CARDS[self.card])
        row = {"card": self.card, "size": self.size, "run": self.run, "program": name}
        self.kept.add({**row, "key": key})
        if self.one:
            raise Known(self.run)
        sizes = (getattr(k, "nbytes", 0) for k in jax.tree.leaves((args, kwargs)))
        small = self.whole or sum(sizes) < SMALL
        if self.computed and small and not name.endswith(SHARDED):
            return jitted(*args, **kwargs)
        return nothing_of(traced)


def _unread(tables: Any, rows: Any, final_demand: Any, chunks: Any) -> Any:
    """Chunks of years as zeros that take no memory, in place of ``_read_ahead``."""
    for years in chunks:
        x, n = tables.output(years), tables.n
        v = None if rows is None else np.zeros_like(x)
        Z = np.broadcast_to(0.0, (len(x), n, n))
        yield years, (Z, x, final_demand(tables, years), v)


_stack = jax.numpy.stack


def _stacked(arrays: Any, axis: int = 0, **options: Any) -> Any:
    """``jnp.stack`` without a copy of what takes no memory."""
    if all(getattr(k, "strides", None) == (0, 0) for k in arrays):
        return np.broadcast_to(0.0, (len(arrays), *arrays[0].shape))
    return _stack(arrays, axis, **options)


def _on_card(name: str, devices: Any) -> Any:
    """Arrays of a program's arguments as their shapes, on these devices."""
    where = NamedSharding(Mesh(np.array(devices[:1]), ("one",)), PartitionSpec())
    if len(devices) > 1 and name.endswith(SHARDED):
        axis = "draws" if name.endswith(".blocks") else "years"
        spec = PartitionSpec(*([axis] if axis == "years" else []))
        where = NamedSharding(Mesh(np.array(devices), (axis,)), spec)

    def shape(x: Any) -> Any:
        if not isinstance(x, jax.Array | np.ndarray):
            return x
        return jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=where)

    return shape


class Present:
    """A card that is there: each program is compiled, run and timed."""

    def __init__(self, kept: Kept, card: str) -> None:
        self.kept, self.card, self.size, self.run = kept, card, "", ""

    def __call__(self, name: str, jitted: Any, args: tuple, kwargs: dict) -> Any:
        if not self.run:
            return jitted(*args, **kwargs)
        lowered = jitted.trace(*args, **kwargs).lower()
        key = self.kept.compile(name, lowered, CARDS[self.card])
        row: dict[str, Any] = {
            "card": self.card,
            "size": self.size,
            "run": self.run,
            "program": name,
        }
        answer = jax.block_until_ready(jitted(*args, **kwargs))
        if not any(k["key"] == key and k["run"] == self.run for k in self.kept.rows):
            seconds = math.inf
            for _ in range(3):
                start = time.perf_counter()
                jax.block_until_ready(jitted(*args, **kwargs))
                seconds = min(seconds, time.perf_counter() - start)
            if name.endswith(".blocks"):
                row["steps"] = int(args[-1])
            self.kept.add({**row, "key": key, "measured_ms": round(1e3 * seconds, 3)})
        return answer


def largest(table: pd.DataFrame) -> pd.DataFrame:
    """A row for each run: its programs together, memory that of the largest."""
    by: Any = table.groupby(RUN, sort=False)
    peak: Any = (
        table["arguments_bytes"] + table["temporary_bytes"] + table["output_bytes"]
    )
    memory: Any = peak.groupby([table[k] for k in RUN]).max() / 1e9
    sums = ["compile_s", "kernels", "launches", "loops", "cublas", "cusolver"]
    sums += ["tf32", "callbacks", *(k for k in map(str, table) if k.endswith("_ms"))]
    found: Any = by[sums].sum().round(2)
    found.insert(0, "gigabytes", memory.round(2))
    found.insert(0, "programs", by.size())
    return found.reset_index()


def made(commands: Any, folder: Path, size: str) -> Path:
    """Inputs of a size, made once; they are whole where they have their last name."""
    inputs, making = folder / f"inputs-{size}", folder / "making"
    if not inputs.exists():
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        print(f"making tables of {size}", flush=True)
        commands.make_inputs(
            making, commands.real(size), only_tables=size != commands.SIZES[0]
        )
        making.rename(inputs)
    return inputs


def take(commands: Any, handle: Any, run: str, inputs: Path, quiet: bool) -> str:
    """Run a command, whose programs go to ``handle``; where it ended, in words."""
    command = commands.RUNS[run].split()[0]
    handle.run, handle.kept.rows = run, []
    handle.computed = command not in commands.OF_TABLES
    handle.whole = command == "montecarlo"  # its panel has the index of its tables
    handle.one = command == "decompose"  # one program, and long tables
    with tempfile.TemporaryDirectory() as results, open(os.devnull, "w") as nowhere:
        words = commands.words(run, inputs, Path(results) / "out")
        # What a command says of numbers that are all 0 helps nobody.
        out = redirect_stdout(nowhere) if quiet else nullcontext()
        error = redirect_stderr(nowhere) if quiet else nullcontext()
        try:
            with out, error:
                run_command(words)
        except Known:
            return ""
        except Exception as error:
            if not quiet:
                raise
            # Numbers that are all 0 end some runs early.
            return f", until {type(error).__name__}: {str(error)[:100]}"
    return ""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("tables", type=Path)
    parser.add_argument("--kept", type=Path)
    parser.add_argument("--card", default="h100")
    parser.add_argument("--cards", type=int, default=1)
    parser.add_argument("--size", default="")
    parser.add_argument("--runs", default="")
    parser.add_argument("--measure", action="store_true")
    options = parser.parse_args()
    if options.card not in CARDS:
        sys.exit(f"unknown card {options.card}: {', '.join(CARDS)}")
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_enable_compilation_cache", False)
    folder = options.kept or options.tables
    kept, tables = Kept(folder), Tables(options.tables)
    if options.measure:
        kind = jax.devices()[0].device_kind.lower()
        options.card = next((k for k in CARDS if k in kind), options.card)
        handle: Any = Present(kept, options.card)
    else:
        jax.config.update("jax_platforms", "cpu")
        handle = Absent(kept, options.card, options.cards)
    record(handle)
    import gpu_commands as commands  # tivax, after record

    named = [k for k in options.runs.split(",") if k]
    if unknown := set(named) - set(commands.RUNS):
        sys.exit(f"unknown run {min(unknown)}: {', '.join(commands.RUNS)}")
    on = f" on {options.cards}" if options.cards > 1 else ""
    sizes = [options.size] if options.size else commands.SIZES
    plan = [(k, j) for k in sizes for j in named or commands.runs_of(k, options.cards)]
    todo = [k for k in plan if named or not tables.has(options.card, k[0] + on, k[1])]
    print(
        f"{options.card}: {len(plan) - len(todo)} of {len(plan)} runs are in "
        f"{tables.programs}, {len(todo)} to go, half a minute each"
    )
    inputs = {k: made(commands, folder, k) for k in dict.fromkeys(k for k, _ in todo)}
    if not options.measure:
        handle.stand_in()
    for k, (size, run) in enumerate(todo, start=1):
        start = time.monotonic()
        handle.size = size + on
        end = take(commands, handle, run, inputs[size], quiet=not options.measure)
        if not kept.rows:
            print(f"{k}/{len(todo)} {size} {run}: no program{end}", flush=True)
            continue
        found = tables.replace(kept.counted())
        row = found[(found[RUN] == [options.card, handle.size, run]).all(axis=1)]
        row = row.iloc[0]
        print(
            f"{k}/{len(todo)} {handle.size} {run}: programs {row['programs']}, "
            f"{row['gigabytes']} GB, {row['roofline_ms']} ms at the roofline, "
            f"{time.monotonic() - start:.0f} s{end}",
            flush=True,
        )
    table = tables.rows
    assert table is not None
    if len(bad := table[(table["tf32"] > 0) | (table["callbacks"] > 0)]):
        sys.exit(f"TF32 or a callback in\n{bad[['run', 'program']]}")
    if options.measure:
        late: Any = table[table["measured_ms"] > MOST * table["roofline_ms"]]
        print(f"beyond {MOST:g} times the roofline:")
        print(late[["run", "program", "roofline_ms", "measured_ms"]].to_string())


if __name__ == "__main__":
    main()
