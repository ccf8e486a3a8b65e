"""Verbs of results that rooms above define, kind by kind of result."""

from collections.abc import Callable
from functools import singledispatch
from typing import Any

from .errors import TivaxError

Imports = Callable[[], object]


class Verb:
    """A function of a result whose kinds are registered by rooms above that of the
    result; ``rooms`` import these, when it is first called."""

    def __init__(self, default: Callable[..., Any]) -> None:
        self._of = singledispatch(default)
        self.register = self._of.register
        self.rooms: list[Imports] = []

    def __call__(self, result: Any, *given: Any, **more: Any) -> Any:
        while self.rooms:
            self.rooms.pop()()
        return self._of(result, *given, **more)


@Verb
def with_errors_of(result: Any, *_: Any, **__: Any) -> Any:
    """``with_errors`` of a kind of result; the room of errors registers these."""
    raise TivaxError(f"{type(result).__name__}: has no errors of tables")
