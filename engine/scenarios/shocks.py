"""A shock to a world table: its kind, whom it hits and by how much.

cut
    What ``exporters`` sell to ``importers`` falls by ``percent``, and nothing replaces
    it. Value added per US$ of output stays, as in hypothetical extraction
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
    A cost rises and is passed on along the chain: ``value added`` per US$ of output,
    the ``price`` of a product itself, or ``imports``, a cost at the border.

Kind extract ends links of ``regions``, be they sales or purchases, so that it has no
exporters and importers; its links with ``partners`` alone may end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from numbers import Real
from typing import Any, Literal, cast, get_args

from ..core import TivaxError, require_choice, require_kind, require_list, show

Kind = Literal["cut", "shift", "extract", "demand", "price"]
Uses = Literal["both", "intermediate", "final"]
Links = Literal["all", "backward", "forward", "exports", "imports", "trade"]
Of = Literal["value added", "price", "imports"]

# The keys of each kind beside sectors, percent and name.
OWN = {
    "cut": {"exporters", "importers", "uses", "both_ways"},
    "shift": {"exporters", "importers", "uses", "both_ways", "to"},
    "extract": {"regions", "partners", "uses", "links"},
    "demand": {"exporters", "importers"},
    "price": {"exporters", "importers", "of"},
}
LABELS = ("exporters", "importers", "regions", "partners", "sectors")
# Links between industries, and those between regions.
OF_REGIONS = ("exports", "imports", "trade")
# Words in place of labels.
EVERY = "all"
TO = ("third", "home")


@dataclass(frozen=True)
class Shock:
    """One change of a table; several make a variant together.

    Parameters
    ----------
    kind
        cut, shift, extract, demand or price.
    exporters, importers
        Sellers and buyers: labels of regions or built-in groups such as EU27; by
        default all. Sales within a region are never cut or shifted.
    sectors
        Sectors of the products that are sold; by default all.
    percent
        Share of the flows that is cut or shifted, or of the links that end: 0 to 100,
        by default 100. For a demand or a price: the change, which must be given; demand
        may fall to -100.
    uses
        Goods that are hit: ``intermediate``, ``final`` or ``both``.
    both_ways
        Also what ``importers`` sell to ``exporters``.
    to
        For kind shift: ``third`` countries, ``home``, or a list of regions.
    links
        For kind extract; ``partners`` goes with exports, imports and trade only.
    of
        For kind price; ``importers`` goes with imports only.
    name
        Name of the variant, where it is not made of a grid.
    regions, partners
        For kind extract: whose links end, and with whom; by default all.

    Raises
    ------
    TivaxError
        A parameter that is missing, wrong, or that the kind does not have. Labels are
        compared with the tables when the shock is applied.

    Examples
    --------
    >>> shock = tx.Shock(
    ...     "shift", exporters="R01", importers="R02", percent=25, to="home"
    ... )
    >>> shock.exporters
    ('R01',)
    """

    kind: Kind
    exporters: Sequence[str] = ()
    importers: Sequence[str] = ()
    sectors: Sequence[str] = ()
    percent: float | int | None = None
    uses: Uses = "both"
    both_ways: bool = False
    to: Sequence[str] = ("third",)
    links: Links = "all"
    of: Of = "value added"
    name: str = ""
    regions: Sequence[str] = ()
    partners: Sequence[str] = ()

    def __post_init__(self) -> None:
        require_choice("kind of shock", self.kind, get_args(Kind))
        for key in (*LABELS, "to"):
            object.__setattr__(self, key, _labels(key, getattr(self, key)))
        require_choice("uses", self.uses, get_args(Uses))
        require_choice("links", self.links, get_args(Links))
        require_choice("of", self.of, get_args(Of))
        require_kind("both_ways", self.both_ways, bool, "True or False")
        require_kind("name", self.name, str, "a text")
        object.__setattr__(self, "percent", self._share())
        others = set().union(*OWN.values()) - OWN[self.kind]
        for key, default in ((k.name, k.default) for k in fields(self)):
            if key in others and getattr(self, key) != default:
                kinds = [k for k, keys in OWN.items() if key in keys]
                raise TivaxError(
                    f"{key}: goes with kind {' or '.join(kinds)}, not {self.kind}"
                )
        links, of_regions = self.links, self.links in OF_REGIONS
        if self.partners and not of_regions:
            raise TivaxError(
                f"partners: goes with links {', '.join(OF_REGIONS)}, not {links}"
            )
        if links in ("backward", "forward") and self.uses == "final":
            raise TivaxError(f"uses = final: {links} links are of intermediate goods")
        if self.kind == "price" and self.importers and self.of != "imports":
            raise TivaxError(f"importers: goes with of imports, not {self.of}")
        if not self.to:
            raise TivaxError(f"to: no region; give {' or '.join(TO)}, or regions")
        if twice := sorted({*self.to} & {*self.exporters} - {EVERY}):
            raise TivaxError(f"to: {twice[0]} is among the sellers that are left")

    def _share(self) -> float:
        flows = self.kind in ("cut", "shift", "extract")
        if self.percent is None and flows:
            return 100.0
        require_kind("percent", self.percent, Real, "a number, such as 25")
        percent = float(cast(Any, self.percent))
        if flows and not 0 <= percent <= 100:
            remedy = f"a {self.kind} takes 0 to 100 per cent"
            raise TivaxError(f"percent = {percent:g}: {remedy}")
        if not -100 <= percent < float("inf"):
            what = "final demand" if self.kind == "demand" else "a cost or price"
            remedy = f"{what} changes by -100 per cent or more"
            raise TivaxError(f"percent = {percent:g}: {remedy}")
        return percent

    @property
    def sides(self) -> tuple[str, str]:
        """The keys of the regions that are hit and of their partners."""
        extract = self.kind == "extract"
        return ("regions", "partners") if extract else ("exporters", "importers")

    @property
    def who(self) -> Sequence[str]:
        """The regions whose sales, links or costs change."""
        return getattr(self, self.sides[0])

    @property
    def whom(self) -> Sequence[str]:
        """Their partners."""
        return getattr(self, self.sides[1])

    @property
    def share(self) -> float:
        """The change as a share."""
        return float(cast(Any, self.percent)) / 100

    @property
    def priced(self) -> bool:
        """True if prices change, and not flows."""
        return self.kind == "price"

    def record(self) -> dict[str, Any]:
        """The parameters that the kind has, for tables and manifests."""
        found: dict[str, Any] = {"kind": self.kind, "percent": self.percent}
        for key in ("who", "sectors", *sorted(OWN[self.kind] - {*LABELS}), "whom"):
            value = getattr(self, key)
            found[key] = " ".join(value) if isinstance(value, tuple) else value
        return {**found, **{k: found[k] or EVERY for k in ("who", "whom", "sectors")}}


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
        wanted = "a tx.Shock, a list of them, or a mapping of names to them"
        require_kind("shocks", shocks, list | tuple, wanted)
        named = {}
        for k, value in enumerate(map(_together, shocks), 1):
            name = next((one.name for one in value if one.name), f"variant {k}")
            if name in named:
                raise TivaxError(f"shocks: two variants are named {name}")
            named[name] = value
    if not named:
        raise TivaxError("shocks: there is none; give at least one tx.Shock")
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
        raise TivaxError(f"shocks: {show(value)} is no tx.Shock, nor a list of them")
    if not several:
        raise TivaxError("shocks: a variant without any shock; give at least one")
    return tuple(several)
