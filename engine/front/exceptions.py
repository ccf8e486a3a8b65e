"""Mistakes and warnings: ``except tx.exceptions.NotFound``."""

from tivax.engine.core import Damaged as Damaged
from tivax.engine.core import NotFound as NotFound
from tivax.engine.core import TivaxError as TivaxError
from tivax.engine.core import TivaxWarning as TivaxWarning
from tivax.engine.core import Unfinished as Unfinished
