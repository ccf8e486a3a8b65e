"""Pages and the ``tivax`` in them as forks of one process with all imports done.

A page is a process of Jupyter and each ``!tivax`` in it another; to import JAX, pandas
and tivax takes each three seconds, longer than most of them compute. So ``conf.py``
starts this file as a server, which imports once and forks for whoever asks. It computes
nothing: a process with the threads of a started JAX must not be forked. Two commands
ask: a ``tivax`` in front of the others on PATH, and what Jupyter runs for ``python3``.
They hand over arguments, folder, environment, input and output, and wait for the exit
code.
"""

import json
import os
import select
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path

CLIENT = """#!{python} -IS
import json, os, signal, socket, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)  # what Jupyter sends before it asks to end
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    request = ["{name}", sys.argv[1:], os.getcwd(), dict(os.environ)]
    socket.send_fds(server, [json.dumps(request).encode() + b"\\n"], [0, 1, 2])
    sys.exit(int(server.recv(9) or 1))
"""


def start(folder: Path) -> subprocess.Popen[bytes]:
    """Start the server of a build, and put its commands where pages look."""
    server = str(folder / "server")
    for name in ("tivax", "kernel"):
        command = folder / "bin" / name
        command.parent.mkdir(exist_ok=True)
        command.write_text(
            CLIENT.format(python=sys.executable, address=server, name=name)
        )
        command.chmod(0o755)
    kernel = folder / "jupyter" / "kernels" / "python3" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    spec = {"argv": [str(folder / "bin" / "kernel"), "-f", "{connection_file}"]}
    spec |= {"display_name": "Python 3", "language": "python"}
    kernel.write_text(json.dumps(spec))
    os.environ["JUPYTER_PATH"] = str(folder / "jupyter")
    os.environ["PATH"] = f"{folder / 'bin'}:{os.environ['PATH']}"
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(server)
    listening.listen(64)  # who asks before all is imported waits
    with listening:
        return subprocess.Popen(
            [sys.executable, "-P", __file__],
            stdin=listening.fileno(),
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            process_group=0,
        )


def stop(server: subprocess.Popen[bytes]) -> None:
    """End the server and all its forks."""
    os.killpg(server.pid, signal.SIGTERM)
    server.wait()


def serve(listening: socket.socket) -> None:
    """Fork for every request, until the build is gone."""
    build = os.getppid()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who answer
    while os.getppid() == build:
        if select.select([listening], [], [], 1)[0]:
            asking = listening.accept()[0]
            if not os.fork():
                listening.close()
                answer(asking)
                os._exit(0)
            asking.close()
    os.killpg(0, signal.SIGTERM)


def answer(asking: socket.socket) -> None:
    """Run what is asked for in one more fork, and tell its exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    text, files, *_ = socket.recv_fds(asking, 1 << 16, 3)
    while not text.endswith(b"\n"):
        text += asking.recv(1 << 16)
    name, arguments, folder, environment = json.loads(text)
    for place, file in enumerate(files):
        os.dup2(file, place)
        os.close(file)
    sys.stdout = os.fdopen(
        1, "w", buffering=1 if os.isatty(1) else -1, encoding="utf-8"
    )
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [name, *arguments]
    worker = get_context("fork").Process(target=tivax if name == "tivax" else kernel)
    worker.start()
    worker.join()
    with suppress(BrokenPipeError):  # who asked may have been killed
        asking.send(str((worker.exitcode or 0) % 256).encode())


def tivax() -> None:
    """Be the command."""
    from tivax.engine.cli.start import main

    main()


def kernel() -> None:
    """Be the process of a page."""
    from ipykernel.kernelapp import IPKernelApp

    IPKernelApp.launch_instance(log_level=40, parent_handle=os.getppid())


if __name__ == "__main__":
    place = socket.socket(fileno=os.dup(0))
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    sys.path.append(str(Path(__file__).parents[2] / "tests" / "support"))
    from forks import import_all

    import_all("ipykernel.kernelapp", "pymrio")
    serve(place)
