"""Functions of one year run over all years: on all devices, in chunks that fit memory.

A lazy store (``open_store(path, lazy=True)``) is read one chunk ahead. A one-year
function is a function of a module, with a keyword ``method`` of the solver and a result
with the field ``residual``; its options are static, so that each choice of them is
compiled once.

Each of several devices takes years of its own: nothing passes between them, and every
year goes through the same program whatever their number.
"""

import logging
import math
from collections.abc import Callable, Generator, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ...kernels.solve import TOLERANCE, Solution, solve
from ..core import NOT_KEPT, Keeper, Progress, TivaxError, report, stage
from ..streaming import (
    StreamedFlows,
    StreamedYear,
    device_matrices,
    device_memory,
    does_not_fit,
    is_mapped,
    is_too_large,
    require_productive_year,
    require_solved_year,
    years_that_fit,
)
from ..tables import (
    WORST_RESIDUAL,
    WorldTables,
    YearArray,
    as_float64,
    check_numbers,
    require_productive,
)
from .accounts import Account

Years = Sequence[Any] | np.ndarray | jax.Array
Options = tuple[tuple[str, Hashable], ...]


@partial(jax.jit, static_argnums=(0, 1))
def _run_year(one_year: Callable, options: Options, *arrays: Any) -> Any:
    return one_year(*arrays, **dict(options))


@partial(jax.jit, static_argnums=(0, 1))
def _run_batch(one_year: Callable, options: Options, *arrays: Any) -> Any:
    return jax.vmap(partial(one_year, **dict(options)))(*arrays)


def map_years(one_year: Callable, *arrays: Years | None, **options: Hashable) -> Any:
    """``one_year`` on every year; each of ``arrays`` has years first, or is None.

    On a GPU all years are one batch (vmap). On a CPU one compiled program is called
    year after year: a batch, or lax.map, would first copy each year's matrix out of
    the array of all years, a fifth of the whole time. There, give a list with an array
    for each year where you can. Several devices of a process take as many years each.
    ``options`` are static.
    """
    static = tuple(options.items())
    devices = jax.local_devices()
    if len(devices) > 1:
        return _on_devices(devices, one_year, static, *arrays)
    if jax.default_backend() != "cpu":
        batch = [None if a is None else jnp.stack(list(a)) for a in arrays]
        return _run_batch(one_year, static, *batch)
    count = _count(arrays)
    years = [
        _run_year(one_year, static, *(None if a is None else a[k] for a in arrays))
        for k in range(count)
    ]
    # By NumPy: jnp.stack would compile a program for each shape.
    return jax.tree.map(lambda *year: np.stack(year), *years)


def _count(arrays: Sequence[Years | None]) -> int:
    return next(len(a) for a in arrays if a is not None)


def _on_devices(
    devices: Sequence[Any], one_year: Callable, options: Options, *arrays: Years | None
) -> Any:
    """``map_years`` on several devices, some years at a time on each: on a CPU one."""
    count, mesh = _count(arrays), Mesh(np.array(devices), ("years",))
    each = 1 if devices[0].platform == "cpu" else math.ceil(count / len(devices))
    run = _sharded(one_year, options, mesh, tuple(a is not None for a in arrays))
    parts = []
    for start in range(0, count, each * len(devices)):
        # The last years are done twice where they are fewer than the devices' turn.
        turn = np.minimum(start + np.arange(each * len(devices)), count - 1)
        given = [
            _spread(mesh, [a[int(k)] for k in turn], each)
            for a in arrays
            if a is not None
        ]
        used = min(count - start, len(turn))
        found = jax.tree.map(np.asarray, run(*given))
        parts.append(jax.tree.map(lambda a, used=used: a[:used], found))
    return jax.tree.map(lambda *turn: np.concatenate(turn), *parts)


def _spread(mesh: Mesh, years: Sequence[Any], each: int) -> jax.Array:
    """Arrays of years as one array, ``each`` of them on a device, without a copy of
    all of them in one place."""
    shards = [
        jax.device_put(np.stack([np.asarray(y) for y in years[k * each :][:each]]), d)
        for k, d in enumerate(mesh.devices.flat)
    ]
    shape = (len(years), *shards[0].shape[1:])
    sharding = NamedSharding(mesh, PartitionSpec("years"))
    return jax.make_array_from_single_device_arrays(shape, sharding, shards)


@lru_cache(maxsize=32)
def _sharded(
    one_year: Callable, options: Options, mesh: Mesh, present: tuple[bool, ...]
) -> Callable[..., Any]:
    """The program of a turn: ``one_year`` on each device's years."""

    def of_device(*given: jax.Array) -> Any:
        left = iter(given)
        arrays = [next(left) if here else None for here in present]
        if len(given[0]) == 1:
            one = _run_year(
                one_year, options, *(None if a is None else a[0] for a in arrays)
            )
            return jax.tree.map(lambda a: a[None], one)
        return _run_batch(one_year, options, *arrays)

    spec = PartitionSpec("years")
    return jax.jit(
        jax.shard_map(
            of_device, mesh=mesh, in_specs=spec, out_specs=spec, check_vma=False
        )
    )


def with_fallback(
    one_year: Callable, *arrays: Years | None, **options: Hashable
) -> Any:
    """``one_year(..., method="import-share")`` on every year, LU where it stalls.

    Years whose residual is above ``kernels.solve.TOLERANCE`` (or NaN) are computed
    again with ``method="lu"``. LU is outside the compiled iteration on purpose: in one
    program both branches would run under vmap.
    """
    result = map_years(one_year, *arrays, method="import-share", **options)
    late = np.flatnonzero(~(np.asarray(result.residual) <= TOLERANCE)).tolist()
    if late:
        again = map_years(
            one_year,
            *(None if a is None else [a[k] for k in late] for a in arrays),
            method="lu",
            **options,
        )

        def with_late(every: Any, some: Any) -> np.ndarray:
            years = np.array(every)
            years[late] = some
            return years

        result = jax.tree.map(with_late, result, again)
    return result


def solve_years(A: Years, Y: Years, *, regions: int) -> Solution:
    """X = (I - A)^-1 Y for all years, to ``TOLERANCE`` or to what LU reaches.

    A (t, n, n) and Y (t, n, k), or lists of t arrays. Returns X (t, n, k) and the
    residual and passes of each year (t,); ``passes`` is 0 where it fell back to LU.
    """
    return with_fallback(solve, A, Y, regions=regions)


def compute_years(
    one_year: Callable,
    tables: WorldTables,
    account: Account,
    progress: Progress,
    *,
    final_demand: Callable[[WorldTables, slice], np.ndarray] = WorldTables.final_demand,
    constants: Sequence[np.ndarray] = (),
    program: str = "tbi",
    streamed: Callable[..., Any] | None = None,
    memory: int | None = None,
    keeper: Keeper = NOT_KEPT,
    **options: Hashable,
) -> Generator[tuple[slice, Any], None, None]:
    """Chunks of years and ``one_year`` of their Z, x, Y, v, years first.

    Its result needs fields ``residual`` and ``largest_input_share``, which are checked.
    ``final_demand`` gives the Y of some years, years first, such as with its columns
    added up; ``constants`` are further arguments, the same every year; ``program`` is
    the name by which ``device_matrices`` knows it. Years too large for ``memory``
    (bytes, by default that of the machine and of a GPU) go to ``streamed`` instead, a
    function of the ``StreamedYear``, Y, v and ``constants``; without it they
    raise ``TivaxError``. A ``keeper`` divides the years among the processes of a job.
    """
    rows = account.rows(tables)
    total = len(tables.years)
    fit = _years_that_fit(program, tables)
    large = is_too_large(tables.n, total, memory)
    if streamed is not None and memory is None:
        large = large or fit == 0
    if large and streamed is None:
        c, s = len(tables.regions), len(tables.sectors)
        matrices = device_matrices(program, c, s)
        raise does_not_fit(tables.n, math.ceil(matrices))
    report(progress, 0, total)
    at_once = 1 if large else _years_at_once(fit)
    if keeper != NOT_KEPT:  # no process shall be idle
        at_once = min(at_once, -(-total // jax.process_count()))
    chunks = split_years(total, at_once)

    def solved(asked: Sequence[slice]) -> Generator[Any, None, None]:
        if large and streamed is not None:
            yield from _stream(
                streamed, tables, rows, final_demand, constants, asked, memory
            )
            return
        with closing(_read_ahead(tables, rows, final_demand, asked)) as read:
            for years, (Z, x, Y, v) in read:
                same = [[constant] * len(x) for constant in constants]
                with stage("solving"):
                    result = with_fallback(one_year, Z, x, Y, v, *same, **options)
                    part = jax.tree.map(np.asarray, result)
                _require_solved(part.residual, tables, years)
                for k in np.flatnonzero(~(part.largest_input_share < 1)).tolist():
                    # Solved, but without meaning where it is not productive.
                    require_productive(tables.table(tables.years[years][k]))
                yield part

    def kept() -> Generator[Any, None, None]:
        """Yield the chunks of all processes, which the job keeps."""
        Y = final_demand(tables, slice(0, 1))[0]
        Z, x = (np.broadcast_to(0.0, (tables.n,) * k) for k in (2, 1))
        one = partial(one_year, method="import-share", **options)
        v = None if rows is None else x
        structure = jax.tree.structure(jax.eval_shape(one, Z, x, Y, v, *constants))
        names = [f"{tables.years[k][0]}-{tables.years[k][-1]}" for k in chunks]
        for leaves in keeper.divided(
            names, lambda own: map(jax.tree.leaves, solved([chunks[k] for k in own]))
        ):
            yield jax.tree.unflatten(structure, leaves)

    with closing(solved(chunks) if keeper == NOT_KEPT else kept()) as parts:
        for years, part in zip(chunks, parts, strict=True):
            yield years, part
            progress(years.stop, total)


def _stream(
    streamed: Callable[..., Any],
    tables: WorldTables,
    rows: YearArray | None,
    final_demand: Callable[[WorldTables, slice], np.ndarray],
    constants: Sequence[np.ndarray],
    asked: Sequence[slice],
    memory: int | None,
) -> Generator[Any, None, None]:
    """Years whose flows are read in row slabs, each a part of its own."""
    mapped = is_mapped(tables.n, memory)
    logging.getLogger("tivax").info(
        f"{tables.n:,} industries: each year is solved while it is read in row slabs"
        + (", its coefficients in a temporary file" if mapped else "")
    )
    for years in asked:
        all_x, all_Y, all_v = _small_arrays(tables, rows, final_demand, years)
        x, Y = jnp.asarray(all_x[0]), jnp.asarray(all_Y[0])
        v = None if all_v is None else jnp.asarray(all_v[0])
        solved = StreamedYear(StreamedFlows(tables, years.start), x, mapped=mapped)
        with stage("solving"):
            found = streamed(solved, Y, v, *map(jnp.asarray, constants))
        require_solved_year(solved, float(found.residual))
        if not found.largest_input_share < 1:
            require_productive_year(solved)
        yield jax.tree.map(lambda a: np.asarray(a)[None], found)


def _small_arrays(
    tables: WorldTables,
    rows: YearArray | None,
    final_demand: Callable[[WorldTables, slice], np.ndarray],
    years: slice,
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """x, Y and v of some years, checked."""
    x, Y, v = tables.output(years), final_demand(tables, years), None
    if rows is not None:
        added = as_float64(rows[years])
        v = np.divide(added, x, out=np.zeros_like(x), where=x > 0)
    if not (np.isfinite(Y).all() and (v is None or np.isfinite(v).all())):
        for year in tables.years[years]:
            check_numbers(tables.table(year))
    return x, Y, v


def _read_ahead(
    tables: WorldTables,
    rows: YearArray | None,
    final_demand: Callable[[WorldTables, slice], np.ndarray],
    chunks: Sequence[slice],
) -> Generator[tuple[slice, tuple[Any, ...]], None, None]:
    """These chunks of years and their arrays (Z, x, Y, v), read one chunk ahead."""
    if not chunks:
        return

    def read(years: slice) -> tuple[Any, ...]:
        x, Y, v = _small_arrays(tables, rows, final_demand, years)
        return as_float64(tables.Z[years]), x, Y, v

    with ThreadPoolExecutor(1) as reader:
        ahead = reader.submit(read, chunks[0])
        for k, years in enumerate(chunks):
            with stage("reading"):
                arrays = ahead.result()
            if k + 1 < len(chunks):
                ahead = reader.submit(read, chunks[k + 1])
            yield years, arrays


def _years_at_once(fit: int | None) -> int:
    """Years of a chunk: as many as fit the devices of a GPU, one for each of a CPU."""
    return max(1, fit or 1) * len(jax.local_devices())


def _years_that_fit(program: str, tables: WorldTables) -> int | None:
    """Years that a GPU takes at once, 0 where one is too large; None on a CPU."""
    memory = device_memory()
    if memory is None:
        return None
    return years_that_fit(program, len(tables.regions), len(tables.sectors), memory)


def split_years(years: int, at_once: int) -> list[slice]:
    """Chunks of years of nearly equal length: few shapes, few compilations."""
    count = math.ceil(years / at_once)
    ends = [round(k * years / count) for k in range(count + 1)]
    return [slice(a, b) for a, b in zip(ends, ends[1:], strict=False)]


def _require_solved(residual: np.ndarray, tables: WorldTables, years: slice) -> None:
    bad = ~(residual <= WORST_RESIDUAL)
    if bad.any():
        k = int(np.flatnonzero(bad)[0])
        year = tables.years[years][k]
        check_numbers(tables.table(year))  # NaN in Z is found here, at no cost before
        raise TivaxError(
            f"{year}: the Leontief system is not solved (relative residual "
            f"{residual[k]:.1e}); `tivax check` shows whether the table is productive"
        )
