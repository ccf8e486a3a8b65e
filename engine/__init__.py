"""World input-output tables, value-added measures, panels and their inference.

The public names are those of ``tivax`` (``engine/front``); they are also found here.
"""

from importlib import import_module
from typing import Any

import tivax


def __getattr__(name: str) -> Any:
    if name in ("panel", "referee"):  # rooms, of which the front has some names
        return import_module(f"{__name__}.{name}")
    return getattr(tivax, name)


def __dir__() -> list[str]:
    return dir(tivax)
