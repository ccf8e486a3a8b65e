"""Processes that have imported tivax before they are asked for.

Importing JAX, pandas and tivax takes more of a short process than what it is there to
show. One process of this file imports all once and forks for whoever asks; it computes
nothing, as a process with the threads of a started JAX must not be forked. Variables
that JAX reads when it is imported are those of the process of pytest, but for the one
that chooses how programs are compiled, and so their last bits.
"""

import atexit
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

# Stands for the fork that it asks for: the same streams, signals and end.
CLIENT = """
import json, os, signal, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect(sys.argv[1])
    request = [sys.argv[2:], os.getcwd(), dict(os.environ)]
    socket.send_fds(server, [json.dumps(request).encode() + b"\\n"], [0, 1, 2])
    fork = int(server.recv(20, socket.MSG_WAITALL))
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, lambda number, _: os.kill(fork, number))
    for stream in (0, 1, 2):
        os.close(stream)
    code = int(server.recv(20, socket.MSG_WAITALL) or 1)
if code < 0:
    signal.signal(-code, signal.SIG_DFL) if code != -signal.SIGKILL else None
    os.kill(os.getpid(), -code)
os._exit(code)
"""


def client() -> list[str]:
    """What takes the place of ``python -c``."""
    return [sys.executable, "-IS", "-c", CLIENT, _server()]


@cache
def _server() -> str:
    """Where the server listens, which ends with this process."""
    folder = tempfile.TemporaryDirectory(prefix="forks-")
    address = str(Path(folder.name) / "server")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen(64)  # who asks before all is imported waits
        server = subprocess.Popen(
            [sys.executable, "-P", __file__], stdin=listening.fileno(), process_group=0
        )

    def end() -> None:
        server.terminate()
        server.wait()
        folder.cleanup()

    atexit.register(end)
    return address


# -------------------------------------------------------------------------- the server


def import_all(*others: str) -> None:
    """Import what commands use, and ``others``; compute nothing."""
    for package in ("tivax.engine", "tivax.kernels"):
        path = importlib.import_module(package).__path__
        for module in pkgutil.walk_packages(path, f"{package}."):
            if ".front" not in module.name:  # that is tivax itself
                importlib.import_module(module.name)
    for module in ("matplotlib.pyplot", "scipy.stats", *others):
        importlib.import_module(module)
    gc.freeze()  # what is imported is garbage nowhere, and stays shared by the forks


def serve(listening: socket.socket) -> str:
    """Fork for every request, until who started this is gone; in each fork return the
    program that it is to run."""
    parent = os.getppid()
    answering = set()
    while os.getppid() == parent:
        answering -= {k for k in answering if os.waitpid(k, os.WNOHANG)[0]}
        if select.select([listening], [], [], 1)[0]:
            asking = listening.accept()[0]
            if not (fork := os.fork()):
                listening.close()
                return _asked(asking)
            answering.add(fork)
            asking.close()
    os._exit(0)


def _asked(asking: socket.socket) -> str:
    """The program for a fork of this fork, which waits for it."""
    text, files, *_ = socket.recv_fds(asking, 1 << 16, 3)
    while not text.endswith(b"\n"):
        text += asking.recv(1 << 16)
    (program, *words), folder, environment = json.loads(text)
    fork = os.fork()
    if fork:
        _wait(asking, fork, files)
    asking.close()
    for place, file in enumerate(files):
        os.dup2(file, place)
        os.close(file)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    quick = environment.get("JAX_DISABLE_MOST_OPTIMIZATIONS", "0")
    jax = importlib.import_module("jax")
    jax.config.update("jax_disable_most_optimizations", quick.lower() in ("1", "true"))
    found = environment.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:0] = ["", *filter(None, found)]
    sys.argv = ["-c", *words]
    return program


def _wait(asking: socket.socket, fork: int, files: list[int]) -> None:
    """Tell which process it is and how it ended; kill it when nobody waits any more."""
    for file in files:
        os.close(file)
    # As long as the client reads: both may arrive at once.
    asking.send(str(fork).ljust(20).encode())
    ended = os.pidfd_open(fork)
    if ended not in select.select([ended, asking], [], [])[0]:
        os.kill(fork, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(fork, 0)[1])
    try:
        asking.send(str(code).ljust(20).encode())
    finally:
        os._exit(0)


if __name__ == "__main__":
    place = socket.socket(fileno=os.dup(0))
    import_all("zarr")
    exec(serve(place), {"__name__": "__main__"})
