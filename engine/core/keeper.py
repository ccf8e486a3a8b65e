"""Arrays that a computation keeps by name, to go on where it was stopped."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np

from .parts import State, arrays_of, is_sound, keep_arrays
from .processes import together

STATE = "state"


@dataclass(frozen=True)
class Keeper:
    """Arrays in the folder of a job, in files that begin with ``start``; without one
    nothing is kept. A name is used once."""

    start: Path | None = None

    def under(self, name: object) -> "Keeper":
        """One whose names begin with another."""
        return self if self.start is None else Keeper(self._file(f"{name}-"))

    def state(self) -> State:
        """The latest arrays of what is computed step by step."""
        return State(self.start and self._file(f"{STATE}.npz"))

    def divided(
        self,
        names: Sequence[str],
        make: Callable[[Sequence[int]], Iterator[Sequence[Any]]],
    ) -> Iterator[list[np.ndarray]]:
        """The arrays of things such as years, in order, on every process.

        ``make`` yields the arrays of those with these numbers, which are kept. The
        processes take turns: number k is of process k modulo their number. All make
        the same calls.
        """
        files = [self._file(f"{name}.npz") for name in names]
        size, own = jax.process_count(), jax.process_index()
        missing = [k for k in range(own, len(files), size) if not is_sound(files[k])]
        made = make(missing)
        for first in range(0, len(files), size):
            turn = range(first, min(first + size, len(files)))
            for k in turn:
                if k in missing:
                    keep_arrays(files[k], next(made))
            together()
            for k in turn:
                yield arrays_of(files[k])
        together()  # the first may remove the files

    def _file(self, end: str) -> Path:
        assert self.start is not None
        return self.start.with_name(self.start.name + end)


NOT_KEPT = Keeper()
