"""The ``tivax`` command as a process: also while it loads, and while it ends."""

import gc
import signal
import sys

from ..core import INTERRUPT_CODE, INTERRUPT_LINE, stage


def main() -> None:
    """Run ``cli.app.main``. Ctrl-C is one line and exit code 130 at any moment."""
    stage.begin()
    # What is imported stays: looking through it for garbage is a fifth of the start.
    gc.set_threshold(10_000)
    try:
        from . import app as cli  # takes a moment

        cli.main()
    except KeyboardInterrupt:
        print(INTERRUPT_LINE, file=sys.stderr)
        raise SystemExit(INTERRUPT_CODE) from None
    finally:
        # Only the end of the process is left: libraries clean up.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
