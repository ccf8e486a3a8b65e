"""Errors of a rebuilt table as a kind: its variances and its draws."""

from typing import NamedTuple

import jax.numpy as jnp

from ..sensitivity import Gradients
from .kind import (
    WHOLE,
    Cells,
    Covariance,
    DrawnSigns,
    ErrorDraw,
    First,
    Keys,
    OneKey,
    SlabRows,
    Table,
)
from .rebuilt_draws import RebuiltYear, rebuilt
from .rebuilt_variances import rebuilt_covariance


class RebuiltErrors(NamedTuple):
    """Errors of a year that the margins it was rebuilt from leave open."""

    year: RebuiltYear

    order = 5
    far = False

    def effects(self, gradients: Gradients, slab: SlabRows = WHOLE) -> Covariance:
        return rebuilt_covariance(self.year, gradients)

    def covariance(self, effects: Covariance) -> Covariance:
        return effects

    def signs(self, keys: Keys, F: Cells, first: First = None) -> DrawnSigns:
        """A draw itself: these errors have no signs."""
        blocks, _ = rebuilt(next(keys), self.year)
        return DrawnSigns(jnp.concatenate([blocks.Z, blocks.Y], axis=1))

    def draw(self, key: OneKey, table: Table) -> ErrorDraw:
        blocks, missed = rebuilt(key, self.year)
        return ErrorDraw(gap=missed, wide=(blocks,))
