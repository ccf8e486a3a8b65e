"""Work split over processes, on one machine or many, and a helper process for figures.

The work of many is JAX's own (``jax.distributed``): a coordinator that the processes
find, and collectives between them (Gloo on CPUs). Under SLURM and Open MPI it finds the
rest by itself. The one that helps (``Aside``) has no JAX: it draws figures and the like
while this one computes, as threads of one Python cannot.
"""

import gc
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from queue import SimpleQueue
from types import TracebackType
from typing import IO, Any, NamedTuple, NoReturn, TypeVar

from .errors import TivaxError

# Arrays are Any here: `tivax --help` loads no numpy.

# Seconds without a sign of life before a process counts as lost. A broken connection is
# noticed at once; this is for machines that vanish.
_HEARTBEAT = 60
_START = 300
# How long the others wait at the end for the first, which summarises and writes.
_WRITE = 24 * 3600

T = TypeVar("T")


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
        if self.coordinator is not None:
            _initialize(self.coordinator, self.processes, self.process_id)
            return True
        if _launched():
            _initialize(None, None, None)
            return True
        return False

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


# Where a process can be copied with what it has imported, safely.
_COPIES = sys.platform == "linux"


class _Helper(NamedTuple):
    """A process of an ``Aside``, and the pipes to it; a copy has none of its own."""

    calls: IO[bytes]
    answers: IO[bytes]
    process: "subprocess.Popen[bytes] | None"

    def code(self) -> str:
        """Text with the helper's exit code; empty where it is unknown."""
        return "" if self.process is None else f", code {self.process.wait()}"


class Aside:
    """Processes that call functions for this one, within a ``with`` block.

    Functions and arguments are pickled: functions of a module, not of a block. The
    processes are no forks, which JAX forbids, and do not run the caller's script again.
    Ctrl-C and SIGTERM are for this process alone; the others end when it does.

    ``modules`` are imported first, once for all processes where the first can be
    copied.

    Examples
    --------
    >>> with Aside() as aside:
    ...     root = aside.call(math.sqrt, 16.0)
    ...     root.result()
    4.0
    """

    def __init__(self, processes: int = 1, modules: Sequence[str] = ()) -> None:
        self.processes, self.modules = processes, list(modules)

    def __enter__(self) -> "Aside":
        copies = self.processes - 1 if _COPIES else 0
        self._helpers = self._start(copies)
        for _ in range(self.processes - copies - 1):
            self._helpers += self._start(0)
        self._free: SimpleQueue[_Helper] = SimpleQueue()
        for helper in self._helpers:
            self._free.put(helper)
        self._threads = ThreadPoolExecutor(self.processes)
        _helping.append(self)
        return self

    def _start(self, copies: int) -> list[_Helper]:
        """A process, and copies that it makes of itself."""
        # One thread each: BLAS and the like have other processes beside them.
        alone = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")
        calls, answers = ([os.pipe() for _ in range(copies)] for _ in range(2))
        theirs = [(c[0], a[1]) for c, a in zip(calls, answers, strict=True)]
        run = f"serve({self.modules}, {theirs})"
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", f"from {__name__} import serve; {run}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **alone},
            process_group=0,
            pass_fds=[k for pair in theirs for k in pair],
        )
        for k in (k for pair in theirs for k in pair):
            os.close(k)
        assert process.stdin is not None and process.stdout is not None
        first = _Helper(process.stdin, process.stdout, process)
        return [
            first,
            *(
                _Helper(os.fdopen(c[1], "wb"), os.fdopen(a[0], "rb"), None)
                for c, a in zip(calls, answers, strict=True)
            ),
        ]

    def call(
        self, run: Callable[..., T], *arguments: object, **options: object
    ) -> "Future[T]":
        """Run in the first free process; the future holds the result or the error.
        Calls begin in the order in which they are made."""
        return self._threads.submit(self._ask, pickle.dumps((run, arguments, options)))

    def _ask(self, call: bytes) -> Any:
        helper = self._free.get()
        try:
            pickle.dump(call, helper.calls)
            helper.calls.flush()
            answer = pickle.load(helper.answers)
        except (OSError, EOFError):
            raise TivaxError(
                f"a process that draws figures has ended{helper.code()}; is there too "
                "little memory?"
            ) from None
        finally:
            self._free.put(helper)
        good, found = pickle.loads(answer)
        if not good:
            raise found
        return found

    def dismiss(self) -> None:
        """Let the processes end after their answers; the end of the block waits until
        they have. There are no further calls."""
        self._dismiss(cancel=False)

    def _dismiss(self, *, cancel: bool) -> None:
        self._threads.shutdown(cancel_futures=cancel)
        # A process ends when its pipes are closed.
        for helper in reversed(self._helpers):
            for pipe in (helper.calls, helper.answers):
                with suppress(BrokenPipeError):
                    pipe.close()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self.kill()
        self._dismiss(cancel=error is not None)
        for process in self._started():
            process.wait()
        _helping.remove(self)

    def _started(self) -> "list[subprocess.Popen[bytes]]":
        return [k.process for k in self._helpers if k.process is not None]

    def kill(self) -> None:
        """End the processes whatever they do."""
        for process in self._started():
            _kill(process)


_helping: list[Aside] = []


def end_helpers() -> None:
    """End the processes of every ``Aside``, before this one ends at once."""
    for aside in list(_helping):
        aside.kill()


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """End a process with its copies, which are its group."""
    if not _COPIES:
        process.kill()
        return
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def call_named(module: str, name: str, *arguments: Any, **options: Any) -> Any:
    """Call a function of a module, which only the caller's process imports."""
    return getattr(import_module(module), name)(*arguments, **options)


def serve(modules: Sequence[str] = (), copies: Sequence[tuple[int, int]] = ()) -> None:
    """Answer the calls of an ``Aside`` until it is gone.

    ``copies``: the ends of the pipes of each copy that is to be made of this process.
    """
    # SLURM sends it to every process of a job: the first says what there is to say.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    gc.disable()  # as in the command line: nothing that is imported is garbage
    gc.set_threshold(10_000)
    answers = os.dup(1)
    os.dup2(2, 1)  # prints must not come between the answers
    for name in modules:
        import_module(name)
    gc.freeze()  # a copy shares memory that neither changes
    gc.enable()
    made = []
    for k, ends in enumerate(copies):
        copy = os.fork()
        if copy == 0:
            os.close(0)
            os.close(answers)
            for others in copies[k + 1 :]:
                for end in others:
                    os.close(end)
            _serve(*ends)
        made.append(copy)
        for end in ends:
            os.close(end)
    _serve(0, answers, made)


def _serve(calls: int, answers: int, copies: Sequence[int] = ()) -> NoReturn:
    with os.fdopen(calls, "rb") as asked, os.fdopen(answers, "wb") as told:
        while True:
            try:
                call = pickle.load(asked)
            except EOFError:
                for copy in copies:
                    os.waitpid(copy, 0)
                os._exit(0)  # at once: nothing is left to do
            try:
                _answer(told, _called(call))
            except BrokenPipeError:
                os._exit(1)


def _called(call: bytes) -> bytes:
    try:
        run, arguments, options = pickle.loads(call)
        return pickle.dumps((True, run(*arguments, **options)))
    except Exception as error:
        return pickle.dumps((False, error))


def _answer(answers: IO[bytes], answer: bytes) -> None:
    pickle.dump(answer, answers)
    answers.flush()
