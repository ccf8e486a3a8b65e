"""Running resampling plans: blocks of draws on all devices, from any on.

A call makes as many blocks as take a twentieth of a second, but no more than are asked
for. Their number is no part of the compiled code, which makes one block after the
other: results are the same to the bit for any number of draws, devices, processes and
interruptions, where XLA has as many threads (it may divide the sums of a product among
them). Fewer draws than a block would be arrays of another shape, whose products
are summed in another order: there the last bits differ.
"""

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ...kernels.random_draws import block_key
from ..core import Progress, agreed, in_float64, no_progress
from ..streaming import device_memory
from .draw_source import Kept, Numbers, Static, numbers_of
from .draws import MemoryDraws
from .plans import ResamplingPlan, block_of_draws

_CALL = 0.05  # seconds that a call takes, about
_TIMED = 2  # calls of a step each from which a step's time is taken
# Of a call on one device: steps, and bytes of their results.
_STEPS, _ROOM = 32, 1 << 24
# Bytes of numbers that are kept for other models with the same draws.
_KEPT = 1 << 26
# Blocks of a step: at once where a device needs that many to be busy.
_AT_ONCE = {"cpu": 1}
_AT_ONCE_GPU = 64
_SECONDS = 1.0  # between two writes, about


def draws_of(
    plan: ResamplingPlan, seed: int, *, rate: "Rate | None" = None
) -> MemoryDraws:
    """All draws of a program, in memory, in the units of the panel."""
    parts = list(stream(plan, seed, rate=rate))
    values = np.concatenate(parts) if parts else np.zeros((0, len(plan.columns)))
    return MemoryDraws(values)


class Rate:
    """Draws a second, without the first call, which compiles."""

    def __init__(self) -> None:
        self.draws, self.seconds = 0, 0.0

    def timed(self, parts: Iterable[np.ndarray], draws: int) -> Iterator[np.ndarray]:
        """The stacks of blocks that make so many draws, timed with what is done to
        each before the next is asked for."""
        opened = began = time.perf_counter()
        counted, left = 0, draws
        for number, part in enumerate(parts):
            yield part
            made = min(len(part) * part.shape[-1], left)
            counted, left = counted + (made if number else 0), left - made
            began = began if number else time.perf_counter()
        if not counted:
            # A single call: its time has the compilation in it.
            counted, began = draws, opened
        self.draws += counted
        self.seconds += time.perf_counter() - began

    @property
    def value(self) -> float:
        return self.draws / self.seconds if self.seconds else 0.0


@lru_cache
def _draws(static: Static) -> Callable[[Any, jax.Array, jax.Array], jax.Array]:
    return partial(block_of_draws, static)


def stream(
    plan: ResamplingPlan,
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
    progress(done, plan.draws)
    if done == plan.draws:
        return
    rate = Rate() if rate is None else rate
    clock = time.perf_counter()
    parts = over_blocks(
        _draws(plan.static),
        plan.arrays,
        seed,
        plan.blocks,
        start=start // plan.static.block,
        static=plan.static,
    )
    for part in rate.timed(parts, plan.draws - start):
        values = _rows(part)[: plan.draws - done] * plan.unit[None, :]
        done += len(values)
        held.append(values)
        now = time.perf_counter()
        if now - clock > _SECONDS or done == plan.draws:
            yield np.concatenate(held)
            held, clock = [], now
            progress(done, plan.draws)


def over_blocks(
    block: Callable[[Any, jax.Array, jax.Array], jax.Array],
    arrays: Any,
    seed: int,
    blocks: int,
    *,
    start: int = 0,
    static: Static | None = None,
    together: int | None = None,
) -> Iterator[np.ndarray]:
    """``block(arrays, seed, number)`` of the numbers from ``start`` to ``blocks`` - 1,
    stacked, a call at a time.

    ``static``: settings of the draws, where a block takes them from ``DrawSource``.
    Models with equal settings share the random numbers.

    ``together``: most blocks that may be under way on a device, where they take much
    memory (``blocks_together``).

    A block is no place for LAPACK on many matrices at once (``small_systems``).
    """
    numbers = None if static is None else numbers_of(static)
    kept = None
    if numbers is not None and _are_kept(numbers, blocks):
        kept = _kept(numbers, seed, blocks)
    calls, at_once = calls_together(), blocks_at_once()
    if together is not None:
        calls, at_once = min(calls, together), min(at_once, together)
    stream = seed if kept is None else kept
    caller = _caller(block, agreed(at_once))
    return caller.parts(arrays, stream, start, blocks, agreed(calls))


def _are_kept(numbers: Numbers, blocks: int) -> bool:
    """On one processor, where making them takes as long as all else, and few enough."""
    size = numbers.rows * blocks * numbers.draws
    return numbers.are_bytes and size <= _KEPT and _mesh().size * blocks_at_once() == 1


@lru_cache(maxsize=4)
def _kept(numbers: Numbers, seed: int, blocks: int) -> np.ndarray:
    """Make the numbers of all blocks, with room for a last call of any length."""
    kept = np.zeros((blocks + _STEPS, numbers.rows, numbers.draws), np.uint8)
    done = 0
    for part in over_blocks(_numbers(numbers), (), seed, blocks):
        kept[done : done + len(part)] = part
        done += len(part)
    return kept


@lru_cache
def _numbers(numbers: Numbers) -> Callable[..., jax.Array]:
    def block(arrays: Any, seed: jax.Array, number: jax.Array) -> jax.Array:
        del arrays
        return numbers.block(block_key(seed, number))

    return block


class _Caller:
    """One compiled program on all devices, and how many steps its calls make.

    The first call compiles, the next are timed, a step each; the faster of them says
    how many steps take ``_CALL`` seconds.
    """

    def __init__(self, block: Any, at_once: int = 1) -> None:
        self.block, self.at_once, self.mesh = block, at_once, _mesh()
        self.steps, self.calls, self.fastest = 1, 0, float("inf")

    @property
    def settled(self) -> bool:
        return self.calls > _TIMED

    def parts(
        self, arrays: Any, seed: int | np.ndarray, start: int, stop: int, together: int
    ) -> Iterator[np.ndarray]:
        """Blocks ``start`` to ``stop`` - 1; where it is known how long a call takes,
        ``together`` of them are made while the last is taken in. ``seed``: or the
        numbers that were made from it."""
        waiting: deque[tuple[jax.Array | Future[jax.Array], int, int]] = deque()
        each = self.mesh.size * self.at_once
        left = -(-(stop - start) // each)
        together = max(1, min(together, left))
        fair = -(-left // together)  # steps, so that each of them has some
        try:
            while start < stop or waiting:
                began = time.perf_counter()
                while start < stop and len(waiting) <= together * self.settled:
                    steps = min(self.steps, fair, -(-(stop - start) // each))
                    call = partial(self._begin, arrays, seed, start, steps)
                    made = call() if together == 1 else _in_a_thread(call)
                    waiting.append((made, steps, min(stop - start, steps * each)))
                    start += steps * each
                made, steps, used = waiting.popleft()
                rows = _gathered(made.result() if isinstance(made, Future) else made)
                if not self.settled:
                    self._time(time.perf_counter() - began, len(rows) // each)
                rows = rows.reshape(self.mesh.size, -1, *rows.shape[1:])
                rows = rows[:, : steps * self.at_once]
                yield rows.reshape(-1, *rows.shape[2:])[:used]
        finally:
            for made, _, _ in waiting:
                if isinstance(made, Future):
                    made.cancel()

    @in_float64
    def _begin(
        self, arrays: Any, seed: int | np.ndarray, first: int, steps: int
    ) -> jax.Array:
        run = _compiled(self.block, self.mesh, self.at_once)
        number = np.int64(first)
        if isinstance(seed, np.ndarray):
            stream = Kept(seed[first : first + _STEPS], number)
        else:
            stream = np.int64(seed)
        return run(arrays, stream, number, np.int64(steps))

    def _time(self, seconds: float, room: int) -> None:
        if self.calls:
            self.fastest = min(self.fastest, seconds)
        self.calls += 1
        if self.settled:
            # The same on all processes: they make every call together.
            steps = int(min(_CALL / self.fastest, room))
            self.steps = agreed(max(1, steps))


_caller = lru_cache(_Caller)


def _in_a_thread(call: Callable[[], jax.Array]) -> Future[jax.Array]:
    """JAX makes the calls of one thread one after the other. Processes exchange their
    results in one order, that of the caller's thread: here is only waited for them."""
    return _threads(calls_together()).submit(lambda: jax.block_until_ready(call()))


@lru_cache
def _threads(number: int) -> ThreadPoolExecutor:
    """One pool for all draws of a program, however few calls some of them are."""
    return ThreadPoolExecutor(number)


def _gathered(result: jax.Array) -> np.ndarray:
    """The whole of an array that lies on many devices, on every process."""
    if jax.process_count() > 1:
        from jax.experimental import multihost_utils

        return np.asarray(multihost_utils.process_allgather(result, tiled=True))
    return np.asarray(result)


def _rows(blocks: np.ndarray) -> np.ndarray:
    """(blocks, s, draws of a block) to (draws, s)."""
    return np.moveaxis(blocks, 1, 2).reshape(-1, blocks.shape[1])


def calls_together() -> int:
    """Calls under way at a time: one for each core of a processor that is one device,
    since a call keeps little more than one core busy."""
    if jax.default_backend() != "cpu" or jax.local_device_count() > 1:
        return 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def blocks_at_once() -> int:
    """Blocks of one step on one device."""
    return _AT_ONCE.get(jax.default_backend(), _AT_ONCE_GPU)


def blocks_together(size: int, *, room: int | None = None) -> int:
    """Blocks of so many bytes under way on a device, as many as its memory takes; on a
    processor as ``room`` takes, in bytes."""
    room, most = device_memory() or room, calls_together() * blocks_at_once()
    return most if room is None else max(1, min(room // size, most))


def on_all_devices(arrays: Any) -> Any:
    """A copy of the arrays on every device, so that calls need not send them."""
    return jax.device_put(arrays, NamedSharding(_mesh(), PartitionSpec()))


@lru_cache
def _mesh() -> Mesh:
    return Mesh(np.array(jax.devices()), ("draws",))


@lru_cache
def _compiled(block: Any, mesh: Mesh, at_once: int) -> Callable[..., jax.Array]:
    """(arrays, seed, first number, steps of a device) to stacks of blocks, ``at_once``
    a step: as many on each device as there is room for, the first ``steps`` of them
    made."""

    @partial(jax.jit, inline=True)  # its shape and the loop take one tracing
    def step(arrays: Any, seed: jax.Array, number: jax.Array) -> jax.Array:
        one = partial(block, arrays, seed)
        if at_once == 1:
            return one(number)[None]
        return jax.vmap(one)(number + jnp.arange(at_once))

    def blocks(
        arrays: Any, seed: jax.Array, first: jax.Array, steps: jax.Array
    ) -> jax.Array:
        device = jax.lax.axis_index("draws").astype(steps.dtype)
        start = first + device * steps * at_once
        of_step = jax.eval_shape(step, arrays, seed, start)
        size = of_step.size * of_step.dtype.itemsize
        room = max(1, min(_STEPS, _ROOM // size))
        empty = jnp.zeros((room, *of_step.shape), of_step.dtype)

        def made(k: jax.Array, so_far: jax.Array) -> jax.Array:
            made = step(arrays, seed, start + k * at_once)
            return jax.lax.dynamic_update_index_in_dim(so_far, made, k, 0)

        all_steps = jax.lax.fori_loop(0, steps, made, empty)
        return all_steps.reshape(-1, *of_step.shape[1:])

    return jax.jit(
        jax.shard_map(
            blocks,
            mesh=mesh,
            in_specs=PartitionSpec(),
            out_specs=PartitionSpec("draws"),
            check_vma=False,
        )
    )
