"""Work split over processes, on one machine or many, and a helper process for figures.

The work of many is JAX's own (``jax.distributed``): a coordinator that the processes
find, and collectives between them (Gloo on CPUs). Under SLURM and Open MPI it finds the
rest by itself. The one that helps draws figures and the like while this one computes.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any

from .errors import TivaxError

# Seconds without a sign of life before a process counts as lost. A broken connection is
# noticed at once; this is for machines that vanish.
_HEARTBEAT = 60
_START = 300
# How long the others wait at the end for the first, which summarises and writes.
_WRITE = 24 * 3600


@dataclass(frozen=True)
class Machines:
    """Processes that work together; ``coordinator`` is HOST:PORT of the first."""

    coordinator: str | None = None
    processes: int | None = None
    process_id: int | None = None

    def start(self) -> bool:
        """Join the others before JAX is used; False where there are none.

        Raises ``TivaxError`` where the coordinator does not answer.
        """
        if self.coordinator is None and not _launched():
            return False
        _initialize(self.coordinator, self.processes, self.process_id)
        return True

    @classmethod
    def parse(cls, job: str | None) -> "Machines":
        """``HOST:PORT,N,K`` of the option ``--job``; None leaves it to the launcher.

        Raises ``TivaxError`` for anything else.
        """
        if job is None:
            return cls()
        host, *counts = job.split(",")
        if len(counts) != 2 or not all(k.isdigit() for k in counts) or ":" not in host:
            raise TivaxError(
                f"--job {job}: write HOST:PORT,N,K (the first process, how many there "
                "are, the number of this one); under SLURM or Open MPI leave it out"
            )
        processes, own = map(int, counts)
        if own >= processes:
            raise TivaxError(
                f"--job {job}: with {processes} processes K is 0 to {processes - 1}"
            )
        return cls(host, processes, own)


def _launched() -> bool:
    """More than one task of SLURM or Open MPI."""
    # A shell or a script in a SLURM allocation has most of its variables, but is no
    # step of srun; mpirun may run in it.
    step = {"SLURM_PROCID", "SLURM_STEP_NODELIST"} <= os.environ.keys()
    return (step and _tasks("SLURM_NTASKS") > 1) or _tasks("OMPI_COMM_WORLD_SIZE") > 1


def _tasks(name: str) -> int:
    size = os.environ.get(name, "1")
    return int(size) if size.isdigit() else 1


def _initialize(
    coordinator: str | None, processes: int | None, process_id: int | None
) -> None:
    import jax

    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    # It would take SIGTERM for itself and go on.
    jax.config.update("jax_enable_preemption_service", False)
    try:
        jax.distributed.initialize(
            coordinator_address=coordinator,
            coordinator_bind_address=coordinator,  # else it listens to all networks
            num_processes=processes,
            process_id=process_id,
            initialization_timeout=_START,
            heartbeat_timeout_seconds=_HEARTBEAT,
            shutdown_timeout_seconds=_WRITE,
        )
    except (RuntimeError, ValueError) as error:
        line = str(error).splitlines()[0]
        raise TivaxError(
            f"{coordinator or 'the launcher'}: the processes did not find each other: "
            f"{line}"
        ) from None


def is_first() -> bool:
    """True in the process that writes and prints."""
    import jax

    return jax.process_index() == 0


def together() -> None:
    """Wait until all processes are here; an error of JAX where one has ended."""
    import jax

    if jax.process_count() > 1:
        from jax.experimental import multihost_utils

        multihost_utils.sync_global_devices("tivax")


def agreed(number: int) -> int:
    """Broadcast the first process's number to all."""
    import jax

    if jax.process_count() == 1:
        return number
    import numpy as np
    from jax.experimental import multihost_utils

    return int(multihost_utils.broadcast_one_to_all(np.int64(number)))


Call = Callable[..., Future[Any]]
"""``call(function, *arguments)``; the future holds the result or the error."""


@contextmanager
def helper_process(modules: Sequence[str] = ()) -> Iterator[Call]:
    """A process that calls functions for this one, as threads of one Python cannot.

    It imports ``modules`` at once, and has no JAX unless they have. Functions and
    arguments are pickled: functions of a module, not of a block. Calls are answered in
    their order; ``TivaxError`` where the process has ended. Ctrl-C and SIGTERM are for
    this process alone; the other ends when it does.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, [*modules]), daemon=True)
    process.start()
    theirs.close()

    def ask(*call: Any) -> Any:
        try:
            ours.send(call)
            good, found = ours.recv()
        except (OSError, EOFError):
            raise TivaxError(
                "a process that draws figures has ended; is there too little memory?"
            ) from None
        if not good:
            raise found
        return found

    calls = ThreadPoolExecutor(1)
    try:
        yield partial(calls.submit, ask)
    except BaseException:
        process.kill()
        raise
    finally:
        calls.shutdown(cancel_futures=True)
        ours.close()  # it ends
        process.join()


def _serve(calls: Connection, modules: Sequence[str]) -> None:
    """Answer calls until the other end of the pipe is closed."""
    # Sent to a whole group or job: the process that asks says how it ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    for name in modules:
        import_module(name)
    with suppress(EOFError, OSError):
        while True:
            run, *arguments = calls.recv()
            try:
                answer = True, run(*arguments)
            except Exception as error:
                answer = False, error
            calls.send(answer)


def _end_with_parent() -> None:
    """End within a call as well."""
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        os._exit(1)
