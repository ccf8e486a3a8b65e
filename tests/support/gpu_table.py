"""Every program of every command on a card: compiled without one, or timed on one.

    python gpu_table.py OUT --card h100 [--size 44x56x15] [--cards 4] [--runs wwz,kww]
    python gpu_table.py OUT --card h100 --measure     where JAX sees that card

Compiling needs the packages of the extra ``cuda``, but no card and no driver. What is
compiled is kept in OUT and is not compiled again. Writes OUT/compiled.csv, a row for each
program, and OUT/largest.csv, one for each run.
"""

import argparse
import gzip
import hashlib
import json
import math
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd
from jax.sharding import Mesh, NamedSharding, PartitionSpec, SingleDeviceSharding

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


class Known(Exception):
    """All programs of a run are known before its end."""


class Kept:
    """Programs in a folder: the optimised text of each, and what compiling it said."""

    def __init__(self, out: Path) -> None:
        self.folder = out / "programs"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.list = out / "programs.json"
        self.rows = json.loads(self.list.read_text()) if self.list.exists() else []

    def compile(self, name: str, lowered: Any, card: Card) -> str:
        text = card.described() + lowered.as_text()
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
            print(f"  {name}: {found}", flush=True)
        return key

    def add(self, row: dict[str, Any]) -> None:
        """A program of a run, once."""
        if not any(row.items() <= k.items() for k in self.rows):
            self.rows.append(row)

    def write(self) -> None:
        self.list.write_text(json.dumps(self.rows))

    def table(self) -> pd.DataFrame:
        """A row for each program of each run, counted in its optimised text."""
        return pd.DataFrame([self._counted(row) for row in self.rows])

    def _counted(self, row: dict[str, Any]) -> dict[str, Any]:
        key, card = row["key"], CARDS[row["card"]]
        text = gzip.decompress((self.folder / f"{key}.txt.gz").read_bytes())
        program = Program(text.decode())
        steps = MILLION_DRAWS if row["program"].endswith(".blocks") else None
        work = program.work(card, steps=row.get("steps", steps))
        return {
            **{k: row[k] for k in ("card", "size", "run", "program")},
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


class Absent:
    """A card that is not there: programs are compiled for it, and give nothing."""

    def __init__(self, kept: Kept, card: str, size: str, count: int) -> None:
        from jax.experimental import topologies

        os.environ["JAX_SKIP_CUDA_CONSTRAINTS_CHECK"] = "1"
        self.kept, self.card, self.size = kept, card, size
        self.run, self.computed, self.one = "", False, False
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

        years._device_memory = lambda: int(TAKEN * CARDS[self.card].memory)

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
        if self.computed and not name.endswith(SHARDED) and sum(sizes) < SMALL:
            return jitted(*args, **kwargs)
        return nothing_of(traced)


def _on_card(name: str, devices: Any) -> Any:
    """Arrays of a program's arguments as their shapes, on these devices."""
    where: Any = SingleDeviceSharding(devices[0])
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

    def __init__(self, kept: Kept, card: str, size: str) -> None:
        self.kept, self.card, self.size, self.run = kept, card, size, ""

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
    by: Any = table.groupby(["card", "size", "run"], sort=False)
    peak: Any = (
        table["arguments_bytes"] + table["temporary_bytes"] + table["output_bytes"]
    )
    memory: Any = peak.groupby([table[k] for k in ("card", "size", "run")]).max() / 1e9
    sums = ["compile_s", "kernels", "launches", "loops", "cublas", "cusolver"]
    sums += ["tf32", "callbacks", *(k for k in map(str, table) if k.endswith("_ms"))]
    found: Any = by[sums].sum().round(2)
    found.insert(0, "gigabytes", memory.round(2))
    found.insert(0, "programs", by.size())
    return found.reset_index()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--card", choices=CARDS, default="h100")
    parser.add_argument("--cards", type=int, default=1)
    parser.add_argument("--size", default="44x56x15")
    parser.add_argument("--runs", default="")
    parser.add_argument("--measure", action="store_true")
    options = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_enable_compilation_cache", False)
    kept = Kept(options.out)
    size = options.size + (f" on {options.cards}" if options.cards > 1 else "")
    if options.measure:
        handle: Any = Present(kept, options.card, size)
    else:
        jax.config.update("jax_platforms", "cpu")
        handle = Absent(kept, options.card, size, options.cards)
    record(handle)
    import gpu_commands as commands

    # Inputs are made once; they are whole where they have their last name.
    folder, making = options.out / f"inputs-{options.size}", options.out / "making"
    if not folder.exists():
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        commands.make_inputs(making, commands.real(options.size))
        making.rename(folder)
    if not options.measure:
        handle.stand_in()
    for run in options.runs.split(",") if options.runs else commands.RUNS:
        handle.run, start = run, time.monotonic()
        command = commands.RUNS[run].split()[0]
        handle.computed = command not in commands.OF_TABLES
        handle.one = command == "decompose"  # one program, and long tables
        with tempfile.TemporaryDirectory() as results:
            try:
                run_command(commands.words(run, folder, Path(results) / "out"))
                end = "to its end"
            except Known:
                end = "until its only program"
            except Exception as error:
                if options.measure:
                    raise
                # Numbers that are all 0 end some runs early.
                end = f"until {type(error).__name__}: {str(error)[:100]}"
        print(f"{run}: {time.monotonic() - start:.0f} s, {end}", flush=True)
        kept.write()
    table = kept.table()
    table.to_csv(options.out / "compiled.csv", index=False)
    largest(table).to_csv(options.out / "largest.csv", index=False)
    if (bad := table[(table["tf32"] > 0) | (table["callbacks"] > 0)]).size:
        raise SystemExit(f"TF32 or a callback in\n{bad[['run', 'program']]}")
    if options.measure:
        late: Any = table[table["measured_ms"] > MOST * table["roofline_ms"]]
        print(f"beyond {MOST:g} times the roofline:")
        print(late[["run", "program", "roofline_ms", "measured_ms"]].to_string())


if __name__ == "__main__":
    main()
