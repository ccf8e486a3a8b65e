"""The pieces that tables of WIOD 2016 are rebuilt from, as arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

REGIONS = tuple(
    "AUS AUT BEL BGR BRA CAN CHE CHN CYP CZE DEU DNK ESP EST FIN FRA GBR GRC HRV HUN "
    "IDN IND IRL ITA JPN KOR LTU LUX LVA MEX MLT NLD NOR POL PRT ROU RUS SVK SVN SWE "
    "TUR TWN USA ROW".split()
)
COUNTRIES = REGIONS[:-1]
INDUSTRIES = tuple(
    "A01 A02 A03 B C10-C12 C13-C15 C16 C17 C18 C19 C20 C21 C22 C23 C24 C25 C26 C27 C28 "
    "C29 C30 C31_C32 C33 D35 E36 E37-E39 F G45 G46 G47 H49 H50 H51 H52 H53 I J58 "
    "J59_J60 J61 J62_J63 K64 K65 K66 L68 M69_M70 M71 M72 M73 M74_M75 N O84 P85 Q R_S T "
    "U".split()
)
USES = ("CONS_h", "CONS_np", "CONS_g", "GFCF", "INVEN")
YEARS = tuple(range(2000, 2015))
GOODS = 23  # the first industries sell goods; C33 is one of them
# Groups of products in the cubes. Their own labels are wrong from the fifth on; C33 is
# in the last, with all services.
GROUPS = np.array(
    [0, 0, 0, 1, 2, 3, 4, 5, 5, 6, 7, 7, 8, 9, 10, 10, 11, 11, 12, 13, 13, 14]
    + [15] * 34
)
GROUP_MEMBERS = (np.arange(16)[:, None] == GROUPS).astype(float)  # 16 x 56
KIND_MEMBERS = np.stack([np.arange(56) < GOODS, np.arange(56) >= GOODS]).astype(float)
# The file of 50 products in 2014 has these industries, counted from 0, as one.
_MERGED = ((22, 18), (42, 41), (47, 45), (48, 45), (54, 53), (55, 53))
PRODUCT_OF = np.arange(56)
for _part, _whole in _MERGED:
    PRODUCT_OF[_part] = _whole
PRODUCT_OF = np.unique(PRODUCT_OF, return_inverse=True)[1]


@dataclass(frozen=True)
class Year2014:
    """2014 at full precision. Million US$.

    ``imports`` adds imported inputs by user to imported final uses by product.
    """

    home: Float[np.ndarray, "44 56 56"]
    final: Float[np.ndarray, "44 56 44 5"]
    exports: Float[np.ndarray, "44 56"]
    imports: Float[np.ndarray, "44 56"]
    added: Float[np.ndarray, "43 56"]


@dataclass(frozen=True)
class Year2000:
    """Final uses, output and value added of 2000, rounded to 1 million US$."""

    final: Float[np.ndarray, "44 56 44 5"]
    output: Float[np.ndarray, "44 56"]
    added: Float[np.ndarray, "44 56"]


@dataclass(frozen=True)
class Pieces:
    """All pieces, in million US$, countries in the order of ``REGIONS``.

    ``national``: 56 rows of home products, 56 of imported ones, eight totals; 56
    industries, five final uses, exports, output. ``pairs``: goods and services, seller,
    buyer, inventories left out; home sales on the diagonal. ``partners``: the sellers'
    shares, by product of 50, seller and buyer. ``cubes``: group, seller, buyer.
    ``names`` of files, for messages. None for what is not there; ``lacking`` names the
    files without which others of the same piece are of no use.
    """

    national: Float[np.ndarray, "43 15 120 63"]
    pairs: Float[np.ndarray, "15 2 43 43"]
    of2014: Year2014 | None = None
    imported_inputs: Float[np.ndarray, "43 56 56"] | None = None
    partners: Float[np.ndarray, "50 44 44"] | None = None
    of2000: Year2000 | None = None
    cubes: Float[np.ndarray, "15 16 44 44"] | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    lacking: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def in_2014(self) -> Year2014:
        """2014, real or estimated before: see ``year_2014``."""
        assert self.of2014 is not None
        return self.of2014


def ratio(
    a: Float[np.ndarray, "..."], b: Float[np.ndarray, "..."]
) -> Float[np.ndarray, "..."]:
    """a / b, and 0 where b is not positive."""
    empty = np.zeros(np.broadcast_shapes(np.shape(a), np.shape(b)))
    return np.divide(a, b, out=empty, where=np.asarray(b) > 0)


def between(
    last: Float[np.ndarray, "..."], first: Float[np.ndarray, "..."], weight: float
) -> Float[np.ndarray, "..."]:
    """Geometric mean where both are positive, else the arithmetic one.

    ``weight`` is that of ``first``: 1 in 2000, 0 in 2014.
    """
    mean = (1 - weight) * last + weight * first
    both = (last > 0) & (first > 0)
    logs = np.log(np.where(both, last, 1)), np.log(np.where(both, first, 1))
    return np.where(both, np.exp((1 - weight) * logs[0] + weight * logs[1]), mean)
