"""Endings of a command that was interrupted or met an expected mistake."""

import re
import sys

from ..core import (
    TivaxError,
    interrupt_ending,
    is_interrupted,
    walk_causes,
)

# Arguments of Python whose options have other names.
_OPTIONS = {"output": "out", "apart": "each-group", "categories": "net-inventories"}


def in_options(error: TivaxError) -> str:
    """The message in the words of the command line: an option for the argument.

    ``force=True`` is ``--force``, ``value_added="residual"`` is ``--value-added
    residual``, and ``draws: give ...`` is ``--draws: give ...``.
    """
    text, argument = str(error), error.argument
    if not argument.isidentifier():
        return text
    option = f"--{_OPTIONS.get(argument, argument.replace('_', '-'))}"
    text = re.sub(rf"^{argument}(?=[: ])", option, text)
    text = re.sub(rf"\btx\.(read_)?{argument}s?\b", option, text)
    text = re.sub(rf'\b{argument}="(\w+)"', rf"{option} \1", text)
    return re.sub(rf"\b{argument}=(True)?", option, text)


def ending_of(error: BaseException) -> tuple[str, int] | None:
    """The line and exit code of an interrupt or an expected mistake; None of a bug."""
    if is_interrupted() or any(
        isinstance(k, KeyboardInterrupt) for k in walk_causes(error)
    ):
        return interrupt_ending()
    if isinstance(error, TivaxError):
        return f"tivax: {in_options(error)}", 1
    if problem := _cache_problem(error):
        return f"tivax: {problem}", 1
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"tivax: {where}{error.strerror or error}", 1
    return None


def _cache_problem(error: BaseException) -> str:
    """Message for an error within JAX that may have loaded a wrong program; else empty.

    A program in the place of another fits no argument. Without the cache, an error
    that is not of this kind has its traceback.
    """
    jax = sys.modules.get("jax")
    folder = jax and jax.config.jax_compilation_cache_dir
    notes = " ".join(getattr(error, "__notes__", ()))
    within = type(error).__module__.startswith("jax") or "JAX has removed" in notes
    if not folder or not within or "RESOURCE_EXHAUSTED" in str(error):
        return ""
    kind = type(error).__name__
    return (
        f"{folder}: a compiled program in it does not fit ({kind}); remove the "
        "folder, or set TIVAX_CACHE to another; with TIVAX_CACHE= again, it is a bug"
    )
