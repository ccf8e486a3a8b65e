"""The programs that commands hand to the device, found as the commands run.

``record`` puts a recorder in place of ``jax.jit``, before tivax is imported. Each call
from outside a program is handed on with its arguments, so that a new function of a
command is on the list as soon as a run of ``gpu_commands`` reaches it.
"""

import re
import sys
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

import jax
import jax.export
from jax.core import Tracer

Handle = Callable[[str, Any, tuple[Any, ...], dict[str, Any]], Any]

_jit = jax.jit
_FLOAT32_PRODUCT = re.compile(r"dot_general .*-> tensor<(?:\d+x)*f32>")


def record(handle: Handle) -> None:
    """From now on ``handle(name, jitted, args, kwargs)`` answers for every program."""
    at_work = False

    def recording(run: Callable[..., Any], **options: Any) -> Any:
        jitted = _jit(run, **options)

        def called(*args: Any, **kwargs: Any) -> Any:
            nonlocal at_work
            given = jax.tree.leaves((args, kwargs))
            if at_work or any(isinstance(k, Tracer) for k in given):
                return jitted(*args, **kwargs)
            at_work = True
            try:
                return handle(_name(run), jitted, args, kwargs)
            finally:
                at_work = False

        if hasattr(run, "__name__"):
            called = wraps(run)(called)
        for name in ("lower", "trace", "eval_shape", "clear_cache"):
            setattr(called, name, getattr(jitted, name))
        return called

    jax.jit = recording


def _name(run: Any) -> str:
    while isinstance(run, partial):
        run = run.func
    return f"{run.__module__.removeprefix('tivax.')}.{run.__qualname__}"


def require_lowered(name: str, jitted: Any, args: tuple, kwargs: dict) -> None:
    """Raise where a program has no form for an NVIDIA card, or calls the processor.

    ``jax.export`` refuses primitives without a rule for the card, and what is no part
    of a program: callbacks. Needs neither a card nor its packages.
    """
    try:
        lowered = jax.export.export(jitted, platforms=("cuda",))(*args, **kwargs)
    except Exception as error:
        raise RuntimeError(f"{name} does not lower for CUDA: {error}") from error
    for line in lowered.mlir_module().splitlines():
        if _FLOAT32_PRODUCT.search(line) and "HIGHEST" not in line:
            raise RuntimeError(f"{name}: a card may make this in TF32: {line.strip()}")


def nothing_of(traced: Any) -> Any:
    """What a program would give, all 0 and True: a run goes on as if it were solved."""
    return jax.tree.map(
        lambda of: jax.numpy.full(of.shape, of.dtype == bool, of.dtype), traced.out_info
    )


class Lowered:
    """Programs of runs, each lowered once for the shapes that it is called with."""

    def __init__(self) -> None:
        self.programs: dict[int, tuple[str, Any]] = {}

    def __call__(self, name: str, jitted: Any, args: tuple, kwargs: dict) -> Any:
        traced = jitted.trace(*args, **kwargs)
        key = id(traced.jaxpr.jaxpr)
        if key not in self.programs:  # kept alive, so that no other has its number
            self.programs[key] = name, traced
            require_lowered(name, jitted, args, kwargs)
        return jitted(*args, **kwargs)


def run_command(words: list[str]) -> None:
    """``tivax`` in this process; raises ``RuntimeError`` where it ends in an error."""
    from tivax.engine.cli import app

    sys.argv = ["tivax", *words]
    try:
        app.main()
    except SystemExit as end:
        if end.code:
            raise RuntimeError(
                f"tivax {' '.join(words)} ended with {end.code}"
            ) from None
