"""Running programs: blocks of draws on all devices, kept as they come, taken up again.

A call computes the same number of blocks on every device, whatever is left to do, so
that every draw comes from the same compiled code: results are the same to the bit for
any number of draws, devices, processes and interruptions.
"""

import time
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from tivax.engine.draws import FileDraws, MemoryDraws
from tivax.engine.precision import in_float64
from tivax.engine.progress import Progress, no_progress
from tivax.engine.schemes import Program, Static, block_of_draws
from tivax.kernels.streams import BLOCK

# Blocks of a call on one device: a tenth of a second on a CPU, and enough work at once
# for a GPU.
_BLOCKS = {"cpu": 8}
_BLOCKS_GPU = 64
_SECONDS = 1.0  # between two writes, about


def draws_of(
    program: Program,
    seed: int,
    *,
    progress: Progress = no_progress,
    rate: "Rate | None" = None,
) -> MemoryDraws:
    """All draws of a program, in memory, in the units of the panel."""
    parts = list(stream(program, seed, progress=progress, rate=rate))
    values = np.concatenate(parts) if parts else np.zeros((0, len(program.columns)))
    return MemoryDraws(values)


def fill(
    program: Program,
    seed: int,
    file: FileDraws,
    *,
    progress: Progress = no_progress,
) -> float:
    """Make the draws that ``file`` lacks; draws a second (0 where it lacked none).

    Of several processes the first writes; all compute, from where its file ends.
    """
    first = jax.process_index() == 0
    done = agreed(file.count)
    if done < program.draws:
        done -= done % BLOCK
    if first:
        file.keep(done)
    rate = Rate()
    for values in stream(program, seed, start=done, progress=progress, rate=rate):
        if first:
            file.append(values)
    return rate.value


def agreed(number: int) -> int:
    """What the first process says the number is."""
    if jax.process_count() == 1:
        return number
    from jax.experimental import multihost_utils

    return int(multihost_utils.broadcast_one_to_all(np.int64(number)))


class Rate:
    """Draws a second, without the first call, which compiles."""

    def __init__(self) -> None:
        self.draws, self.seconds = 0, 0.0

    @property
    def value(self) -> float:
        return self.draws / self.seconds if self.seconds else 0.0


def _calls(
    program: Program, seed: int, first: int
) -> Iterator[Callable[[], np.ndarray]]:
    """One call each: started when asked for, its draws given when called."""
    per_call = _mesh().size * blocks_per_device()
    for start in range(first, program.blocks, per_call):
        blocks = start + np.arange(per_call)
        result = _start(_draws(program.static), program.arrays, seed, blocks)
        yield lambda result=result: _rows(_gathered(result))


@lru_cache
def _draws(static: Static) -> Callable[[Any, jax.Array, jax.Array], jax.Array]:
    return partial(block_of_draws, static)


@in_float64
def _start(block: Any, arrays: Any, seed: int, blocks: np.ndarray) -> jax.Array:
    mesh = _mesh()
    sharding = NamedSharding(mesh, PartitionSpec("draws"))
    ids = jax.make_array_from_callback(
        blocks.shape, sharding, lambda index: blocks[index]
    )
    return _compiled(block, mesh)(arrays, np.int64(seed), ids)


def stream(
    program: Program,
    seed: int,
    *,
    start: int = 0,
    progress: Progress = no_progress,
    rate: Rate | None = None,
) -> Iterator[np.ndarray]:
    """The draws from ``start`` (the first of a block) on, in arrays (n, columns).

    The next call is on its way while the last is taken in. Arrays hold what about a
    second makes, measured on the way.
    """
    done, held = start, []
    progress(done, program.draws)
    if done == program.draws:
        return
    rate = Rate() if rate is None else rate
    opened = clock = began = time.perf_counter()
    for number, values in enumerate(_one_ahead(_calls(program, seed, start // BLOCK))):
        values = values[: program.draws - done] * program.unit[None, :]
        done += len(values)
        held.append(values)
        now = time.perf_counter()
        if number:
            rate.draws, rate.seconds = rate.draws + len(values), now - began
        else:
            began = now
        if now - clock > _SECONDS or done == program.draws:
            yield np.concatenate(held)
            held, clock = [], now
            progress(done, program.draws)
    if rate.draws == 0:
        # A single call: its time has the compilation in it.
        rate.draws, rate.seconds = done - start, time.perf_counter() - opened


def over_blocks(
    block: Callable[[Any, jax.Array, jax.Array], jax.Array],
    arrays: Any,
    seed: int,
    blocks: int,
    *,
    start: int = 0,
) -> Iterator[np.ndarray]:
    """``block(arrays, seed, number)`` from ``start`` on, stacked, a call at a time.

    The last call runs past ``blocks``: ``block`` itself leaves out what is too much.
    """
    per_call = _mesh().size * blocks_per_device()

    def calls() -> Iterator[Callable[[], np.ndarray]]:
        for first in range(start, blocks, per_call):
            result = _start(block, arrays, seed, first + np.arange(per_call))
            yield lambda result=result: _gathered(result)

    return _one_ahead(calls())


def _one_ahead(
    calls: Iterator[Callable[[], np.ndarray]],
) -> Iterator[np.ndarray]:
    waiting = next(calls, None)
    while waiting is not None:
        following = next(calls, None)
        yield waiting()
        waiting = following


def _gathered(result: jax.Array) -> np.ndarray:
    """The whole of an array that lies on many devices, on every process."""
    if jax.process_count() > 1:
        from jax.experimental import multihost_utils

        return np.asarray(multihost_utils.process_allgather(result, tiled=True))
    return np.asarray(result)


def _rows(blocks: np.ndarray) -> np.ndarray:
    """(blocks, s, BLOCK) to (draws, s)."""
    return np.moveaxis(blocks, 1, 2).reshape(-1, blocks.shape[1])


def blocks_per_device() -> int:
    """Blocks of one call on one device."""
    return _BLOCKS.get(jax.default_backend(), _BLOCKS_GPU)


@lru_cache
def _mesh() -> Mesh:
    return Mesh(np.array(jax.devices()), ("draws",))


@lru_cache
def _compiled(block: Any, mesh: Mesh) -> Callable[..., jax.Array]:
    """(arrays, seed, numbers) to a stack of blocks, sharded over the devices."""
    split = PartitionSpec("draws")

    def blocks(arrays: Any, seed: jax.Array, ids: jax.Array) -> jax.Array:
        one = partial(block, arrays, seed)
        if jax.default_backend() == "cpu":
            return jax.lax.map(one, ids)
        return jax.vmap(one)(ids)

    return jax.jit(
        jax.shard_map(
            blocks,
            mesh=mesh,
            in_specs=(PartitionSpec(), PartitionSpec(), split),
            out_specs=split,
            check_vma=False,
        )
    )
