"""Covariances of trade from draws: of rebuilt years by sector and by pair."""

from functools import cached_property, partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...kernels.errors.rebuilt import RebuiltErrors
from ...kernels.errors.solving import BaseYear, DrawnTrade, draw_trade, prepare
from ...kernels.random_draws import block_key
from .solved import YearInMemory

# A standard error is right to 7 %.
_DRAWS = 100


class DrawnTrades:
    """Draws of the trade of a year, made once."""

    def __init__(
        self, solved: YearInMemory, errors: RebuiltErrors, *, residual: bool
    ) -> None:
        self._solved, self._errors, self._residual = solved, errors, residual

    @cached_property
    def _draws(self) -> list[np.ndarray]:
        """``DrawnTrade`` by draw, region, sector and buying region."""
        year, products = self._solved, self._solved.products
        n, c = products.X.shape
        base = prepare(year.Z, year.x, year.Y, products.X, regions=c)
        v = None if self._residual else products.v
        made = _drawn(base, self._errors, v, draws=_DRAWS)
        return [np.asarray(k).reshape(_DRAWS, c, n // c, c) for k in made]

    def by_sector(
        self, inside: Float[np.ndarray, "b c"], partners: Float[np.ndarray, "b c"]
    ) -> Float[np.ndarray, "b f f m"]:
        """Covariances of the four flows."""
        found = []
        for own, other in zip(inside, partners, strict=True):
            flows = [
                np.einsum("r,drsk,k->ds", seller, values, buyer, optimize=True)
                for values in self._draws
                for seller, buyer in ((own, other), (other, own))
            ]
            off = np.stack([k - k.mean(axis=0) for k in flows])
            found.append(np.einsum("fds,gds->fgs", off, off) / (_DRAWS - 1))
        return np.stack(found)

    def absorbed(self, inside: Float[np.ndarray, "p c"]) -> Float[np.ndarray, "p p"]:
        """Variances of value added of each perimeter absorbed in each."""
        flows = inside @ self._draws[0].sum(2, dtype=float) @ inside.T
        return flows.var(axis=0, ddof=1)


@partial(jax.jit, static_argnames="draws")
def _drawn(
    base: BaseYear, errors: RebuiltErrors, v: Array | None, *, draws: int
) -> DrawnTrade:
    def one(k: Array) -> DrawnTrade:
        found = draw_trade(block_key(0, k), base, errors, v)
        return jax.tree.map(lambda k: k.astype(jnp.float32), found)

    return jax.lax.map(one, jnp.arange(draws))
