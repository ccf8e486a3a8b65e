"""Errors of a rebuilt table as a kind: its variances and its draws."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from ..sensitivity import Gradients
from .kind import Covariance, DrawnSigns, ErrorDraw, Keys, SlabTable
from .rebuilt_draws import RebuiltYear, rebuilt
from .rebuilt_variances import rebuilt_covariance


class RebuiltErrors(NamedTuple):
    """Errors of a year that the margins it was rebuilt from leave open."""

    year: RebuiltYear

    order = 5
    far = False

    def effects(
        self,
        gradients: Gradients,
        by_output: Float[Array, "f m r"] | None = None,
        table: SlabTable | None = None,
        columns: Float[Array, "f m N"] | None = None,
    ) -> Covariance:
        return rebuilt_covariance(self.year, gradients)

    def covariance(self, effects: Covariance) -> Covariance:
        return effects

    def signs(
        self, keys: Keys, F: Float[Array, "n N"], first: Int[Array, ""] | None = None
    ) -> DrawnSigns:
        """A draw itself: these errors have no signs."""
        blocks, _ = rebuilt(next(keys), self.year)
        return DrawnSigns(jnp.concatenate([blocks.Z, blocks.Y], axis=1))

    def draw(
        self, key: Key[Array, ""], Z: Float[Array, "n n"], Y: Float[Array, "n c"]
    ) -> ErrorDraw:
        blocks, missed = rebuilt(key, self.year)
        return ErrorDraw(gap=missed, wide=(blocks,))
