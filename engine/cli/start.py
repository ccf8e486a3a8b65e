"""Start and end the ``tivax`` process; Ctrl-C is safe at any moment."""

import atexit
import gc
import io
import os
import signal
import sys
from contextlib import suppress
from typing import NoReturn

from ..core import interrupt_ending, interrupt_on_termination, stage


def main() -> None:
    """Run ``cli.app.main`` and end the process. Ctrl-C is one line and exit code 130 at
    any moment, SIGTERM one and 143."""
    stage.begin()
    # Closed by whoever started it, which leaves None: there is nobody to tell.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    # A label that the stream cannot write is shown by its code; the work is done.
    if isinstance(sys.stdout, io.TextIOWrapper):
        with suppress(OSError):  # of a file that has become a pipe
            sys.stdout.reconfigure(errors="backslashreplace")
    # Nothing that is imported is garbage, and looking through it is a tenth of the
    # start: see ``Terminal``.
    gc.disable()
    gc.set_threshold(10_000)
    try:
        interrupt_on_termination()
        from . import app as cli  # takes a moment

        cli.main()
    except KeyboardInterrupt:
        line, code = interrupt_ending()
        print(line, file=sys.stderr)
        _leave(code)
    except SystemExit as end:
        # (Anything else that can be raised with is a message for Python to print.)
        if not isinstance(end.code, int | None):
            raise
        _leave(end.code or 0)


def _leave(code: int) -> NoReturn:
    """End the process without taking all that it has imported apart, piece by piece,
    which takes Python 0.4 s after a command."""
    # Only the end is left: libraries clean up.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if not code:  # they may wait for other processes of the job, until someone ends it
        with suppress(OSError):
            sys.stdout.flush()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:  # nobody reads it any more, or the disk is full: as Python has it
        raise SystemExit(code) from None
    os._exit(code)
