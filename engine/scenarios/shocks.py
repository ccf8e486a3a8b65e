"""A shock to a world table: its kind, whom it hits and by how much.

cut
    What ``exporters`` sell to ``importers`` falls by ``percent``, and nothing replaces
    it. Value added per unit of output stays, as in hypothetical extraction
    (Dietzenbacher, van der Linden and Steenge 1993; Los, Timmer and de Vries 2016): the
    inputs that are missing are a loss of the world, which the measure ``inputs_lost``
    counts.
shift
    The same flows move to other sellers of the same good: to third countries in
    proportion to what the user buys of them now, home, or to named regions. What a user
    needs of each good stays, so that the world makes the same value added.
extract
    An industry, a sector everywhere or a region ends its links: ``all`` (it sells and
    buys nothing), ``backward`` (it buys no inputs of others), ``forward`` (it sells no
    inputs to others), or a region its ``exports``, its ``imports`` or its ``trade``.
demand
    Final demand of ``importers`` for the products of ``exporters`` changes by
    ``percent``, at home too.
price
    A cost rises and is passed on along the chain: ``value added`` per unit of output,
    the ``price`` of a product itself, or ``imports``, a cost at the border.

Kind extract ends links of ``regions``, be they sales or purchases, so that it has no
exporters and importers; its links with ``partners`` alone may end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from numbers import Real
from typing import Any, ClassVar, Literal, get_args

from ..core import Phrase, TivaxError, require_choice, require_kind, require_list, show

Kind = Literal["cut", "shift", "extract", "demand", "price"]
Uses = Literal["both", "intermediate", "final"]
Links = Literal["all", "backward", "forward", "exports", "imports", "trade"]
Of = Literal["value added", "price", "imports"]

LABELS = ("exporters", "importers", "regions", "partners", "sectors")
# Links between industries, and those between regions.
OF_REGIONS = ("exports", "imports", "trade")
# Words in place of labels.
EVERY = "all"
TO = ("third", "home")


@dataclass(frozen=True, kw_only=True)
class Shock:
    """One change of a table: :class:`Cut`, :class:`Shift`, :class:`Extract`,
    :class:`Demand` or :class:`Price`; several make a variant together.

    Attributes
    ----------
    sectors
        Sectors of the products that are sold; by default all.
    percent
        The change; of flows the share that goes, by default 100.
    name
        Name of the variant, where it is not made of a grid.
    sides
        The keys of the regions that are hit and of their partners.
    of_pairs
        What is hit is sold from one region to another.
    """

    kind: ClassVar[Kind]
    sides: ClassVar[tuple[str, str]] = ("exporters", "importers")
    sectors: Sequence[str] = ()
    percent: float | None = None
    name: str = ""

    def __post_init__(self) -> None:
        for field in fields(self):
            key, value = field.name, getattr(self, field.name)
            if key in (*LABELS, "to"):
                object.__setattr__(self, key, _labels(key, value))
            if key in _WORDS:
                require_choice(key, value, get_args(_WORDS[key]))
            if key == "both_ways":
                require_kind("both_ways", value, bool, "True or False")
        require_kind("name", self.name, str, "a text")
        require_kind("percent", self.percent, Real, "a number, such as 25")
        self._require_share(float(self.percent or 0))

    def _require_share(self, percent: float) -> None:
        if not -100 <= percent < float("inf"):
            what = "a cost or price" if self.priced else "final demand"
            remedy = f"{what} changes by -100 per cent or more"
            raise TivaxError(f"percent = {percent:g}: {remedy}")

    @property
    def of_pairs(self) -> bool:
        return False

    @property
    def who(self) -> Sequence[str]:
        """The regions whose sales, links or costs change."""
        return getattr(self, self.sides[0])

    @property
    def whom(self) -> Sequence[str]:
        """Their partners."""
        return getattr(self, self.sides[1])

    @property
    def labels(self) -> tuple[str, ...]:
        """All regions that it names."""
        return (*self.who, *self.whom)

    @property
    def share(self) -> float:
        """The change as a share."""
        return float(self.percent or 0) / 100

    @property
    def priced(self) -> bool:
        """True if prices change, and not flows."""
        return self.kind == "price"

    def record(self) -> dict[str, Any]:
        """The parameters, for tables and manifests."""
        found: dict[str, Any] = {"kind": self.kind, "percent": self.percent}
        own = {field.name for field in fields(self)} - {*LABELS, "percent", "name"}
        for key in ("who", "sectors", *sorted(own), "whom"):
            value = getattr(self, key)
            found[key] = " ".join(value) if isinstance(value, tuple) else value
        return {**found, **{k: found[k] or EVERY for k in ("who", "whom", "sectors")}}


@dataclass(frozen=True, kw_only=True)
class _OfFlows(Shock):
    percent: float | None = 100.0

    def _require_share(self, percent: float) -> None:
        if not 0 <= percent <= 100:
            remedy = f"a {self.kind} takes 0 to 100 per cent"
            raise TivaxError(f"percent = {percent:g}: {remedy}")


@dataclass(frozen=True)
class Cut(_OfFlows):
    """Sales fall, and nothing replaces them.

    Parameters
    ----------
    exporters, importers
        Sellers and buyers: labels of regions or built-in groups such as EU27; by
        default all. Sales within a region are never cut.
    sectors
        Sectors of the products that are sold; by default all.
    percent
        Share of the flows that is cut, 0 to 100.
    uses
        Goods that are hit: ``intermediate``, ``final`` or ``both``.
    both_ways
        Also what ``importers`` sell to ``exporters``.
    name
        Name of the variant, where it is not made of a grid.

    Raises
    ------
    TivaxError
        A parameter that is wrong. Labels are compared with the tables when the shock is
        applied.

    Examples
    --------
    >>> tx.shocks.Cut(exporters="R01", importers="R02", percent=10).exporters
    ('R01',)
    """

    kind = "cut"
    exporters: Sequence[str] = ()
    importers: Sequence[str] = ()
    uses: Uses = "both"
    both_ways: bool = False

    @property
    def of_pairs(self) -> bool:
        return True


@dataclass(frozen=True)
class Shift(Cut):
    """Sales move to other sellers of the same good.

    Parameters
    ----------
    exporters, importers, sectors, percent, uses, both_ways, name
        As in :class:`Cut`.
    to
        ``third`` countries, ``home``, or a list of regions.

    Raises
    ------
    TivaxError
        A parameter that is wrong.

    Examples
    --------
    >>> tx.shocks.Shift("R01", "R02", percent=25, to="home").to
    ('home',)
    """

    kind = "shift"
    to: Sequence[str] = ("third",)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.to:
            raise TivaxError(f"to: no region; give {' or '.join(TO)}, or regions")
        if twice := sorted({*self.to} & {*self.exporters} - {EVERY}):
            raise TivaxError(f"to: {twice[0]} is among the sellers that are left")

    @property
    def labels(self) -> tuple[str, ...]:
        return (*super().labels, *self.to)


@dataclass(frozen=True)
class Extract(_OfFlows):
    """Links of an industry, a sector or a region end.

    Parameters
    ----------
    regions, partners
        Whose links end, and with whom; by default all. ``partners`` goes with exports,
        imports and trade only.
    sectors, percent, uses, name
        As in :class:`Cut`.
    links
        ``all``, ``backward`` or ``forward`` of industries; ``exports``, ``imports`` or
        ``trade`` of regions.

    Raises
    ------
    TivaxError
        A parameter that is wrong.

    Examples
    --------
    >>> tx.shocks.Extract("R01", links="exports").of_pairs
    True
    """

    kind = "extract"
    sides = ("regions", "partners")
    regions: Sequence[str] = ()
    partners: Sequence[str] = ()
    uses: Uses = "both"
    links: Links = "all"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.partners and not self.of_pairs:
            raise TivaxError(
                f"partners: goes with links {', '.join(OF_REGIONS)}, not {self.links}"
            )
        if self.links in ("backward", "forward") and self.uses == "final":
            raise TivaxError(
                f"uses = final: {self.links} links are of intermediate goods"
            )

    @property
    def of_pairs(self) -> bool:
        return self.links in OF_REGIONS


@dataclass(frozen=True)
class Demand(Shock):
    """Final demand changes, at home too.

    Parameters
    ----------
    exporters, importers, sectors, name
        As in :class:`Cut`: whose products, and who buys them.
    percent
        The change, from -100.

    Raises
    ------
    TivaxError
        A parameter that is missing or wrong.

    Examples
    --------
    >>> tx.shocks.Demand(importers="R01", percent=-10).share
    -0.1
    """

    kind = "demand"
    exporters: Sequence[str] = ()
    importers: Sequence[str] = ()


@dataclass(frozen=True)
class Price(Shock):
    """A cost rises and is passed on along the chain.

    Parameters
    ----------
    exporters, sectors, percent, name
        As in :class:`Demand`: whose costs, and by how much.
    importers
        With ``of="imports"`` only: who pays.
    of
        ``value added`` per unit of output, the ``price`` of a product itself, or
        ``imports``, a cost at the border.

    Raises
    ------
    TivaxError
        A parameter that is missing or wrong.

    Examples
    --------
    >>> tx.shocks.Price(exporters="R01", percent=10).priced
    True
    """

    kind = "price"
    exporters: Sequence[str] = ()
    importers: Sequence[str] = ()
    of: Of = "value added"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.importers and not self.of_pairs:
            raise TivaxError(f"importers: goes with of imports, not {self.of}")

    @property
    def of_pairs(self) -> bool:
        return self.of == "imports"


_WORDS = {"uses": Uses, "links": Links, "of": Of}
SHOCKS = {k.kind: k for k in (Cut, Shift, Extract, Demand, Price)}
"""By the ``kind`` of a shock in a scenario file."""


def _labels(key: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        value = (value,)
    require_list(key, value)
    labels = tuple(value)
    if twice := sorted({k for k in labels if labels.count(k) > 1}):
        raise TivaxError(f"{key}: {twice[0]} is given twice")
    if EVERY in labels and key != "to":
        if len(labels) > 1:
            raise TivaxError(f"{key}: {EVERY} stands alone, without {labels[-1]}")
        return ()
    if key == "to" and len(labels) > 1 and (words := {*TO} & {*labels}):
        raise TivaxError(f"to: {min(words)} stands alone, without other regions")
    return labels


Variants = Mapping[str, tuple[Shock, ...]]
"""Shocks that happen together, by the name of the variant."""


def as_variants(shocks: Any) -> dict[str, tuple[Shock, ...]]:
    """One shock, a list of variants (a shock or several together), or a mapping.

    Raises ``TivaxError`` for anything else, for none, and where price shocks are mixed
    with changes of flows.
    """
    if isinstance(shocks, Shock):
        shocks = [shocks]
    if isinstance(shocks, Mapping):
        named = {str(name): _together(value) for name, value in shocks.items()}
    else:
        wanted = "one of tx.shocks, a list of them, or a mapping of names to them"
        require_kind("shocks", shocks, list | tuple, wanted)
        named = {}
        for k, value in enumerate(map(_together, shocks), 1):
            own = Phrase("variant {number}", number=k)
            name = next((one.name for one in value if one.name), own)
            if name in named:
                raise TivaxError(f"shocks: two variants are named {name}")
            named[name] = value
    if not named:
        raise TivaxError("shocks: there is none; give at least one of tx.shocks")
    kinds = {one.priced for value in named.values() for one in value}
    if len(kinds) > 1:
        raise TivaxError(
            "shocks: price shocks change no flows; evaluate them apart from the others"
        )
    return named


def _together(value: Any) -> tuple[Shock, ...]:
    several = (value,) if isinstance(value, Shock) else value
    if not isinstance(several, list | tuple) or not all(
        isinstance(k, Shock) for k in several
    ):
        told = f"shocks: {show(value)} is none of tx.shocks, nor a list of them"
        raise TivaxError(told)
    if not several:
        raise TivaxError("shocks: a variant without any shock; give at least one")
    return tuple(several)
