"""Verbs of results that rooms above define, kind by kind of result."""

from collections.abc import Callable
from functools import partial, singledispatch
from importlib import import_module
from typing import Any

from .errors import TivaxError


class Verb:
    """A function of a result whose kinds are registered by a room above that of the
    result, which is imported when it is first called."""

    def __init__(self, default: Callable[..., Any], room: str) -> None:
        self._of = singledispatch(default)
        self.register = self._of.register
        self.room = room

    def __call__(self, result: Any, *given: Any, **more: Any) -> Any:
        import_module(self.room, __package__)
        return self._of(result, *given, **more)


@partial(Verb, room="..errors.on_results")
def with_errors_of(result: Any, *_: Any, **__: Any) -> Any:
    """``with_errors`` of a kind of result; the room of errors registers these."""
    raise TivaxError(f"{type(result).__name__}: has no errors of tables")
