"""How a command ends that was interrupted or met an expected mistake."""

import sys

from ..core import (
    TivaxError,
    interrupt_ending,
    is_interrupted,
    walk_causes,
)

# Arguments of Python in messages, and the options that they are on the command line.
_OPTIONS = {
    "force=True": "--force",
    "unbalanced=True": "--unbalanced",
    "derounded=True": "--derounded",
    'value_added="residual"': "--value-added residual",
    "by years=": "by --years",
    "by categories=": "by --inventories",
    "that is a file, which tx.read_satellite reads": "give the file by --satellite",
    "tx.each_group": "--each-group",
    "tx.set_max_size": "--max-size",
    "gib: give": "--max-size: give",
}


def in_options(message: str) -> str:
    """A message of the engine in the words of the command line."""
    if message.startswith("output "):  # what is called so is the path of --out
        message = f"--out {message.removeprefix('output ')}"
    for argument, option in _OPTIONS.items():
        message = message.replace(argument, option)
    return message


def ending_of(error: BaseException) -> tuple[str, int] | None:
    """The line and exit code of an interrupt or an expected mistake; None of a bug."""
    if is_interrupted() or any(
        isinstance(k, KeyboardInterrupt) for k in walk_causes(error)
    ):
        return interrupt_ending()
    if isinstance(error, TivaxError):
        return f"tivax: {in_options(str(error))}", 1
    if problem := _cache_problem(error):
        return f"tivax: {problem}", 1
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"tivax: {where}{error.strerror or error}", 1
    return None


def _cache_problem(error: BaseException) -> str:
    """What to say of an error within JAX where it may have loaded a wrong program.

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
