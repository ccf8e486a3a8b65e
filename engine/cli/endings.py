"""How a command ends that was interrupted or met an expected mistake."""

from ..core import (
    INTERRUPT_CODE,
    INTERRUPT_LINE,
    TivaxError,
    is_interrupted,
    walk_causes,
)


def ending_of(error: BaseException) -> tuple[str, int] | None:
    """The line and exit code of an interrupt or an expected mistake; None of a bug."""
    if is_interrupted() or any(
        isinstance(k, KeyboardInterrupt) for k in walk_causes(error)
    ):
        return INTERRUPT_LINE, INTERRUPT_CODE
    if isinstance(error, TivaxError):
        return f"tivax: {error}", 1
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"tivax: {where}{error.strerror or error}", 1
    return None
