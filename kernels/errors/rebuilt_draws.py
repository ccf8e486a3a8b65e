"""Errors of a table that was rebuilt from its margins, drawn: one year, one draw.

Symbols: products i, sellers r, buyers d, users j, uses u (inputs, final uses,
inventories), groups g of products or of users.

    s   trade (i, r, u, d), 0 at home
    m   imported inputs (d, i, j)
    q   inputs by group of users (i, r, d, g)

What a table was rebuilt from stays: exports by product, imports by product and use,
trade of a pair in goods, in services and in groups of products. What it did not tell is
drawn around the table, lognormal with mean 1, and fitted to these margins again
(``kernels.rebuilding.trade``):

    partners   s times a factor of the product and pair, and one of the use too
    users      q: a group of users buys from other partners than all users do
    rest       inputs of the rest of the world from home
    rounding   cells within half a unit, rows and columns held; the balance of trade

Partners, users and the rest of the world keep a share of their deviation from year to
year: normals of an autoregression of the first order that begins with year 0, so that
a draw depends on the seed, on its number and on the year alone. Rounding is drawn each
year anew.

Exports by product of all but the rest of the world, and imports of all but it, are kept
to the last digit: what a fit leaves is its sales and purchases, which are free. Own
inventories close each row, as in the table.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from ..rebuilding.trade import GroupFlows, Margins, PairFlows, fit_trade
from .import_shares import times_thin
from .random_cells import rounded

# Turns with sums of groups, the share of imports that may be missed, turns after which
# a fit ends: what it leaves is 3e-6 of trade.
_WITH_GROUPS, _TOLERANCE, _MOST = 20, 1e-6, 150
_TURNS_OF_USERS, _TURNS_OF_ROUNDING = 6, 4


class KeptDeviations(NamedTuple):
    """The share of a deviation that is left a year later; ``year`` counts from 0."""

    partners: Float[Array, ""]
    users: Float[Array, ""]
    year: Int[Array, ""]


class RoundingOfPieces(NamedTuple):
    """Cells at home and below them imported ones, by region; users, then final uses.

    ``rate`` as in ``rounding.RoundedDraws``, ``variance`` of the cells; ``exports`` is
    the half unit of an export, 0 without rounding, ``balance`` the deviation of a
    region's exports in all.
    """

    cells: Float[Array, "c m b"]
    rate: Float[Array, "c m b"]
    variance: Float[Array, "c m b"]
    exports: Float[Array, "s c"]
    balance: Float[Array, " c"]


class RebuiltYear(NamedTuple):
    """A rebuilt year, and standard deviations of the logarithms of what is drawn.

    ``common`` to all uses of a product and pair, ``own`` of each; of what a group of
    users buys ``mixes`` by product and pair, ``sellers`` wherever an industry sells.
    ``rest`` marks the rest of the world with 1, whose inputs from home have the
    deviation ``coefficients``. Inventories are the last use, and the last column of
    cells.
    """

    trade: Float[Array, "s c u c"]
    common: Float[Array, "s c c"]
    own: Float[Array, "s c u c"]
    mixes: Float[Array, " s"]
    sellers: Float[Array, " s"]
    groups: Float[Array, "k s"]
    kinds: Float[Array, "g s"]
    rest: Float[Array, " c"]
    coefficients: Float[Array, ""]
    rounding: RoundingOfPieces
    kept: KeptDeviations

    @property
    def home(self) -> Float[Array, "c s s"]:
        """Inputs from home."""
        s = len(self.trade)
        return self.rounding.cells[:, :s, :s]

    @property
    def used(self) -> Float[Array, "c s s"]:
        """Imported inputs by buyer, product and user."""
        s = len(self.trade)
        return self.rounding.cells[:, s:, :s]


class DrawnBlocks(NamedTuple):
    """Changes of a table whose industries of a group buy from the same partners.

    At home ``home``; of product i sold by r to user j of d, the sum over k of
    sellers[i, r, d, k] users[d, i, k, j]; of final demand Y.
    """

    home: Float[Array, "c s s"]
    sellers: Float[Array, "s c c k"]
    users: Float[Array, "c s k s"]
    Y: Float[Array, "n c"]

    def times(self, X: Float[Array, "n m"]) -> Float[Array, "n m"]:
        """The changes of Z times X."""
        X = X.reshape(*self.home.shape[:2], -1)
        sold = self.home @ X + times_thin(self.sellers, self.users, X)
        return sold.reshape(-1, X.shape[2])

    @property
    def column_sums(self) -> Float[Array, " n"]:
        """Column sums of the changes of Z."""
        abroad = jnp.einsum("idk,dikj->dj", self.sellers.sum(1), self.users)
        return (self.home.sum(1) + abroad).ravel()

    @property
    def Z(self) -> Float[Array, "n n"]:
        """The changes of Z cell by cell."""
        s, c, _, _ = self.sellers.shape
        cells = jnp.einsum("irdk,dikj->ridj", self.sellers, self.users)
        own = jnp.arange(c)
        return cells.at[own, :, own].add(self.home).reshape(c * s, c * s)


class DrawnTable(NamedTuple):
    """A drawn year: ``sold`` is q, ``gap`` what the fit of trade missed of imports."""

    trade: Float[Array, "s c u c"]
    sold: Float[Array, "s c c g"]
    cells: Float[Array, "c m b"]
    gap: Float[Array, ""]


def rebuilt(
    key: Key[Array, ""], errors: RebuiltYear
) -> tuple[DrawnBlocks, Float[Array, ""]]:
    """One draw as changes of the table, and what the fit of trade missed of imports."""
    drawn = draw_table(key, errors)
    s, c = errors.trade.shape[:2]
    before = profiles(errors.used, jnp.ones((1, s), errors.trade.dtype))
    users = profiles(drawn.cells[:, s:, :s], errors.kinds)
    final = drawn.trade[:, :, 1:] - errors.trade[:, :, 1:]
    Y = jnp.swapaxes(final.sum(2), 0, 1)
    inputs = drawn.trade[:, :, 0] - errors.trade[:, :, 0]
    home = drawn.cells[:, :s, :s] - errors.home
    left = -home.sum(2) - inputs.sum(2).T - Y.sum(2)
    own = jnp.arange(c)
    blocks = DrawnBlocks(
        home=home,
        sellers=jnp.concatenate([drawn.sold, -errors.trade[:, :, 0, :, None]], 3),
        users=jnp.concatenate([users, before], 2),
        Y=Y.at[own, :, own].add(left).reshape(c * s, c),
    )
    return blocks, drawn.gap


def draw_table(key: Key[Array, ""], errors: RebuiltYear) -> DrawnTable:
    """One draw of the table itself."""
    of_partners, of_users, of_rest, of_rounding = jax.random.split(key, 4)
    of_rounding = jax.random.fold_in(of_rounding, errors.kept.year)
    of_cells, of_exports, of_balance = jax.random.split(of_rounding, 3)
    cells = errors.rounding.cells + drawn_rounding(of_cells, errors.rounding)
    s = len(errors.trade)
    trade, gap = _fitted(
        drawn_partners(of_partners, errors),
        errors,
        drawn_imports(errors, cells),
        drawn_exports(of_exports, of_balance, errors),
    )
    cells = cells.at[:, :s, :s].mul(drawn_rest(of_rest, errors))
    sold = drawn_users(of_users, errors, trade[:, :, 0], cells[:, s:, :s])
    return DrawnTable(trade, sold, cells, gap)


def drawn_partners(key: Key[Array, ""], errors: RebuiltYear) -> Float[Array, "s c u c"]:
    """Trade before it is fitted."""
    of_common, of_own = jax.random.split(key)
    kept, year = errors.kept.partners, errors.kept.year
    common = _factors(of_common, errors.common, kept, year)
    own = _factors(of_own, errors.own, kept, year)
    return errors.trade * (common[:, :, None] * own).astype(errors.trade.dtype)


def drawn_users(
    key: Key[Array, ""],
    errors: RebuiltYear,
    inputs: Float[Array, "s c c"],
    used: Float[Array, "c s s"],
) -> Float[Array, "s c c g"]:
    """Inputs by group of users: sums over groups and over sellers are held."""
    by_group = jnp.einsum("dij,gj->idg", used, errors.kinds)
    bought = ratio(by_group, by_group.sum(2, keepdims=True))
    bought = bought * inputs.sum(1)[..., None]
    start = ratio(inputs, inputs.sum(1)[:, None])[..., None] * bought[:, None]
    of_pair, of_seller = jax.random.split(key)
    kept, year = errors.kept.users, errors.kept.year
    mixes = jnp.broadcast_to(errors.mixes[:, None, None, None], start.shape)
    sellers = jnp.broadcast_to(errors.sellers[:, None, None], mixes[:, :, 0].shape)
    factors = _factors(of_pair, mixes, kept, year)
    factors = factors * _factors(of_seller, sellers, kept, year)[:, :, None]

    def turn(_: Array, q: Float[Array, "s c c g"]) -> Float[Array, "s c c g"]:
        q = q * ratio(inputs, q.sum(3))[..., None]
        return q * ratio(bought, q.sum(1))[:, None]

    q = start * factors.astype(start.dtype)
    q = jax.lax.fori_loop(0, _TURNS_OF_USERS, turn, q)
    return q * ratio(inputs, q.sum(3))[..., None]


def drawn_rest(key: Key[Array, ""], errors: RebuiltYear) -> Float[Array, "c s s"]:
    """Factors of inputs from home: 1 but in the rest of the world."""
    s = len(errors.trade)
    sigma = jnp.broadcast_to(errors.coefficients, (s, s))
    factors = _factors(key, sigma, errors.kept.users, errors.kept.year)
    moved = (factors - 1).astype(errors.rest.dtype)
    return 1 + errors.rest[:, None, None] * moved[None]


def drawn_rounding(
    key: Key[Array, ""], rounding: RoundingOfPieces
) -> Float[Array, "c m b"]:
    """Errors of cells; rows at home and whole columns are held by least squares."""
    c, twice, b = rounding.rate.shape
    e = rounded(key, rounding.rate.reshape(c * twice, b)).reshape(c, twice, b)
    e, q, s = e.astype(rounding.variance.dtype), rounding.variance, twice // 2

    def turn(_: Array, e: Float[Array, "c m b"]) -> Float[Array, "c m b"]:
        rows = ratio(e[:, :s].sum(2), q[:, :s].sum(2))
        e = e.at[:, :s].add(-q[:, :s] * rows[..., None])
        return e - q * ratio(e.sum(1), q.sum(1))[:, None]

    return jax.lax.fori_loop(0, _TURNS_OF_ROUNDING, turn, e)


def drawn_imports(
    errors: RebuiltYear, cells: Float[Array, "c m b"]
) -> Float[Array, "s u c"]:
    """Imports by product, use and buyer: those of the table and what cells moved."""
    s = len(errors.trade)
    moved = (cells - errors.rounding.cells)[:, s:]
    by_use = [moved[..., :s].sum(2), moved[..., s:-1].sum(2), moved[..., -1]]
    return errors.trade.sum(1) + jnp.stack(by_use).transpose(2, 0, 1)


def drawn_exports(
    of_exports: Key[Array, ""], of_balance: Key[Array, ""], errors: RebuiltYear
) -> Float[Array, "s c"]:
    """Exports by product and seller."""
    exports = errors.trade.sum((2, 3))
    half, balance = errors.rounding.exports, errors.rounding.balance
    moved = half * jax.random.uniform(of_exports, half.shape, half.dtype, -1, 1)
    of_all = balance * jax.random.normal(of_balance, balance.shape, balance.dtype)
    moved = moved + of_all[None] * ratio(exports, exports.sum(0)[None])
    return jnp.maximum(exports + jnp.where(exports > 0, moved, 0), 0)


def profiles(
    used: Float[Array, "c s s"], kinds: Float[Array, "g s"]
) -> Float[Array, "c s g s"]:
    """Shares of users in what their group buys of an imported product."""
    of_group = used[:, :, None] * kinds[None, None]
    return ratio(of_group, of_group.sum(3, keepdims=True))


def _fitted(
    seed: Float[Array, "s c u c"],
    errors: RebuiltYear,
    imports: Float[Array, "s u c"],
    exports: Float[Array, "s c"],
) -> tuple[Float[Array, "s c u c"], Float[Array, ""]]:
    """Trade with these imports and exports, and sums by pair as in the table."""
    trade, free = errors.trade, errors.rest > 0
    low = jnp.float32
    of_pairs = jnp.einsum("gi,irud->grd", errors.kinds, trade[:, :, :-1])
    no_pair = free[:, None] | free[None, :]
    margins = Margins(
        imports=jnp.where(free[None, None], jnp.nan, jnp.maximum(imports, 0)).astype(
            low
        ),
        exports=jnp.where(free[None], jnp.nan, exports).astype(low),
        pairs=(
            PairFlows(
                flows=jnp.where(no_pair[None], jnp.nan, of_pairs)[:, None].astype(low),
                products=errors.kinds.astype(low),
                uses=jnp.array([[1, 1, 0]], low),
            ),
        ),
    )
    flows = GroupFlows(
        flows=jnp.einsum("gi,irud->grd", errors.groups, trade).astype(low),
        lift=jnp.ones_like(trade[:, 0, 0], low),
        groups=errors.groups.astype(low),
        inputs_only=jnp.asarray(False),
    )
    first = jnp.where(errors.groups.sum() > 0, _WITH_GROUPS, 0)
    found = fit_trade(
        seed.astype(low),
        margins,
        (flows,),
        first,
        jnp.asarray(_TOLERANCE, low),
        jnp.asarray(_MOST),
        classes=(1, trade.shape[2] - 2, 1),
    )
    fitted = found.trade.astype(trade.dtype)
    # What is left, the rest of the world sells and buys.
    missed = jnp.where(free[None, None], 0, imports - fitted.sum(1))
    fitted = fitted + errors.rest[None, :, None, None] * missed[:, None]
    unsold = jnp.where(free[None], 0, exports - fitted.sum((2, 3)))
    fitted = fitted.at[:, :, -1].add(unsold[..., None] * errors.rest[None, None])
    return fitted, found.gap


def _factors(
    key: Key[Array, ""],
    sigma: Float[Array, "..."],
    kept: Float[Array, ""],
    year: Int[Array, ""],
) -> Float[Array, "..."]:
    """Lognormal with mean 1; normals are an autoregression from year 0 on."""
    low = jnp.float32
    kept, sigma = kept.astype(low), sigma.astype(low)

    def step(t: Array, z: Array) -> Array:
        e = jax.random.normal(jax.random.fold_in(key, t), sigma.shape, low)
        return jnp.where(t == 0, e, kept * z + jnp.sqrt(1 - kept**2) * e)

    z = jax.lax.fori_loop(0, year + 1, step, jnp.zeros_like(sigma))
    return jnp.exp(sigma * z - sigma**2 / 2)


def ratio(a: Float[Array, "..."], b: Float[Array, "..."]) -> Float[Array, "..."]:
    """a / b, and 0 where b is not positive."""
    return jnp.where(b > 0, a / jnp.where(b > 0, b, 1), 0)
