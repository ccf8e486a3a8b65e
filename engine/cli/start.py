"""Start and end the ``tivax`` process; Ctrl-C is safe at any moment."""

import atexit
import gc
import io
import os
import signal
import sys
from contextlib import suppress

from ..core import interrupt_ending, interrupt_on_termination, stage


def main() -> None:
    """Run ``cli.app.main`` and end the process. Ctrl-C is one line and exit code 130 at
    any moment, SIGTERM one and 143."""
    stage.begin()
    gc.set_threshold(50_000, 20, 20)  # imports make half a million objects, no cycles
    # Closed by whoever started it, which leaves None: there is nobody to tell.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    # A label that the stream cannot write is shown by its code; the work is done.
    if isinstance(sys.stdout, io.TextIOWrapper):
        with suppress(OSError):  # of a file that has become a pipe
            sys.stdout.reconfigure(errors="backslashreplace")
    try:
        interrupt_on_termination()
        from . import app as cli  # takes a moment

        cli.main()
    except KeyboardInterrupt:
        line, code = interrupt_ending()
        print(line, file=sys.stderr)
        _ignore(signal.SIGINT, signal.SIGTERM)
        atexit._run_exitfuncs()
        with suppress(OSError):  # nobody reads it any more
            sys.stdout.flush()
        os._exit(code)  # threads at work would keep the process
    except SystemExit as end:  # libraries clean up
        _ignore(signal.SIGINT)
        if end.code:
            _ignore(signal.SIGTERM)
        else:  # they may wait for other processes of the job, until someone ends it
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        raise


def _ignore(*numbers: signal.Signals) -> None:
    for number in numbers:
        signal.signal(number, signal.SIG_IGN)
