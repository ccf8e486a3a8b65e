"""World input-output tables, value-added measures, panels and their inference.

The public names are those of ``tivax`` (``engine/front``); they are also found here.
"""

from typing import Any

import tivax


def __getattr__(name: str) -> Any:
    return getattr(tivax, name)


def __dir__() -> list[str]:
    return dir(tivax)
