"""``python -m tivax`` is the command ``tivax``."""

from .engine.cli.start import main

main()
