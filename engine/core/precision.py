"""float64, whatever the program has told JAX."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import jax

P = ParamSpec("P")
R = TypeVar("R")


def in_float64(run: Callable[P, R]) -> Callable[P, R]:
    """Run a function of the engine with JAX's 64-bit types on, and only it.

    JAX is single precision unless a program switches. A table in single precision
    cannot be solved to what the engine promises, so it does not depend on that.
    """

    @wraps(run)
    def inside(*args: P.args, **kwargs: P.kwargs) -> R:
        with jax.enable_x64(True):
            return run(*args, **kwargs)

    return inside
