"""Every program of every command on a card: compiled without one, or timed on one.

    python gpu_table.py OUT --card h100 [--size 44x56x15] [--cards 4] [--runs wwz,kww]
    python gpu_table.py OUT --card h100 --measure     where JAX sees the card

Compiling needs the packages of the extra ``cuda``, but no card and no driver. What is
compiled is kept in OUT and is not compiled again. Writes OUT/compiled.csv.
"""

import argparse
import gzip
import hashlib
import json
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

# Blocks of 4,096 draws, of which a step has 64.
MILLION_DRAWS = 4
# Bytes of arguments of programs that are also run, for what follows them.
SMALL = 1 << 26


class Compiled:
    """Compiles what runs hand over, for a card that is not there."""

    def __init__(self, out: Path, card: Card, cards: int) -> None:
        from jax.experimental import topologies

        os.environ["JAX_SKIP_CUDA_CONSTRAINTS_CHECK"] = "1"
        topology = topologies.get_topology_desc(
            platform="cuda",
            topology_name="card",
            topology=f"1x1x{cards}",
            target_config=card.described(),
        )
        self.out, self.card, self.devices = out, card, list(topology.devices)
        self.run, self.computed, self.rows, self.seen = "", False, [], set()
        (out / "programs").mkdir(parents=True, exist_ok=True)

    def stand_in(self) -> None:
        """tivax sees the card, whose arrays stay on the processor."""
        put, devices = jax.device_put, self.devices
        jax.default_backend = lambda: "gpu"
        jax.devices = jax.local_devices = lambda *_, **__: devices
        jax.local_device_count = jax.device_count = lambda *_, **__: len(devices)
        jax.device_put = lambda x, *_, **__: put(x)
        jax.make_array_from_single_device_arrays = lambda shape, sharding, arrays: (
            np.concatenate(arrays)
        )
        from tivax.engine.measures import years

        years._device_memory = lambda: int(0.75 * self.card.memory)

    def __call__(self, name: str, jitted: Any, args: tuple, kwargs: dict) -> Any:
        sharded = name.endswith((".blocks", ".of_device"))
        args, kwargs = jax.tree.map(self._shape_on_card(name), (args, kwargs))
        traced = jitted.trace(*args, **kwargs)
        key = self.compile(name, traced)
        if (self.run, key) not in self.seen:
            self.seen.add((self.run, key))
            self.rows.append({"run": self.run, "program": name, "key": key})
        return traced, sharded

    def compile(self, name: str, traced: Any) -> str:
        lowered = traced.lower(lowering_platforms=("cuda",))
        text = self.card.described() + lowered.as_text()
        key = hashlib.sha256(text.encode()).hexdigest()[:16]
        facts = self.out / "programs" / f"{key}.json"
        if not facts.exists():
            start = time.process_time()
            compiled = lowered.compile()
            seconds = time.process_time() - start
            memory = compiled.memory_analysis()
            kept = self.out / "programs" / f"{key}.txt.gz"
            kept.write_bytes(gzip.compress(compiled.as_text().encode(), 1))
            found = {
                "compile_s": round(seconds, 1),
                "arguments_bytes": memory.argument_size_in_bytes,
                "temporary_bytes": memory.temp_size_in_bytes,
                "output_bytes": memory.output_size_in_bytes,
            }
            facts.write_text(json.dumps(found))
            print(f"  {name} {key}: {found}", flush=True)
        return key

    def _shape_on_card(self, name: str) -> Any:
        if name.endswith(".of_device") and len(self.devices) > 1:
            mesh = Mesh(np.array(self.devices), ("years",))
            where: Any = NamedSharding(mesh, PartitionSpec("years"))
        elif name.endswith(".blocks") and len(self.devices) > 1:
            mesh = Mesh(np.array(self.devices), ("draws",))
            where = NamedSharding(mesh, PartitionSpec())
        else:
            where = SingleDeviceSharding(self.devices[0])

        def shape(x: Any) -> Any:
            if not isinstance(x, jax.Array | np.ndarray):
                return x
            dtype = jax.dtypes.canonicalize_dtype(x.dtype) if isinstance(x, np.ndarray) else x.dtype
            return jax.ShapeDtypeStruct(x.shape, dtype, sharding=where)

        return shape


def size_of(tree: Any) -> int:
    return sum(getattr(k, "nbytes", 0) for k in jax.tree.leaves(tree))


def table(out: Path, card: Card, rows: list[dict]) -> pd.DataFrame:
    """A row for each program of each run, read from its optimised text."""
    found = []
    for row in rows:
        key = row["key"]
        text = gzip.decompress((out / "programs" / f"{key}.txt.gz").read_bytes())
        facts = json.loads((out / "programs" / f"{key}.json").read_text())
        program = Program(text.decode())
        steps = MILLION_DRAWS if row["program"].endswith(".blocks") else None
        work = program.work(card, steps=row.get("steps", steps))
        found.append(
            {
                **{k: row[k] for k in ("card", "size", "run", "program")},
                **facts,
                "kernels": len(program.kernels),
                "loops": len(program.loops),
                "open_loops": program.loops.count(None),
                "products": len(program.products),
                "cublas": program.calls("cublas"),
                "cusolver": program.calls("cusolver", "getrf", "potrf", "syevd", "geqrf"),
                "callbacks": program.calls("callback"),
                "tf32": len(program.in_tf32),
                "launches": round(work.launches),
                "bytes": round(work.bytes),
                "operations": round(sum(work.operations.values())),
                "memory_ms": 1e3 * work.memory,
                "float32_ms": 1e3 * work.float32,
                "float64_ms": 1e3 * work.float64,
                "launch_ms": 1e3 * LAUNCH * work.launches,
                "roofline_ms": 1e3 * (work.seconds + LAUNCH * work.launches),
                "key": key,
                **{k: row[k] for k in ("measured_ms",) if k in row},
            }
        )
    return pd.DataFrame(found)


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
    card, out = CARDS[options.card], options.out
    if options.measure:
        compiled: Any = None
    else:
        jax.config.update("jax_platforms", "cpu")
        compiled = Compiled(out, card, options.cards)

    def compile_only(name: str, jitted: Any, args: tuple, kwargs: dict) -> Any:
        if not compiled.run:
            return jitted(*args, **kwargs)
        traced, sharded = compiled(name, jitted, args, kwargs)
        if compiled.computed and not sharded and size_of((args, kwargs)) < SMALL:
            return jitted(*args, **kwargs)
        return nothing_of(traced)

    record(compile_only)
    import gpu_commands as commands

    # Made once; whole where it has its last name.
    folder, making = out / f"inputs-{options.size}", out / "making"
    if not folder.exists():
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        commands.make_inputs(making, commands.SIZES[options.size])
        making.rename(folder)
    with tempfile.TemporaryDirectory() as results:
        compiled.stand_in()
        for run in options.runs.split(",") if options.runs else commands.RUNS:
            compiled.run, start = run, time.time()
            compiled.computed = commands.RUNS[run].split()[0] not in commands.OF_TABLES
            try:
                run_command(commands.words(run, folder, Path(results) / run))
                end = "to its end"
            except Exception as error:
                # Numbers that are all 0 end a run early.
                end = f"until {type(error).__name__}: {str(error)[:100]}"
            print(f"## {run}: {time.time() - start:.0f} s, {end}", flush=True)
            for row in compiled.rows:
                row |= {"card": options.card, "size": options.size + (f" on {options.cards}" if options.cards > 1 else "")}
            listed = out / "programs.json"
            before = json.loads(listed.read_text()) if listed.exists() else []
            names = ("card", "size", "run", "key")
            every = {tuple(k[n] for n in names): k for k in before if (k["card"], k["size"], k["run"]) != (options.card, compiled.rows[0]["size"] if compiled.rows else "", run)}
            every |= {tuple(k[n] for n in names): k for k in compiled.rows}
            listed.write_text(json.dumps(list(every.values())))
    rows = json.loads((out / "programs.json").read_text())
    frame = pd.concat(table(out, CARDS[k], [r for r in rows if r["card"] == k]) for k in dict.fromkeys(r["card"] for r in rows))
    frame.to_csv(out / "compiled.csv", index=False)


if __name__ == "__main__":
    main()
