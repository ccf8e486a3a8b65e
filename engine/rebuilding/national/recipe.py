"""The recipe of a rebuilt world: which files hold what, in which labels and units.

A TOML file, or a mapping of the same keys in which a frame may stand for a file's name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...core import (
    Count,
    Some,
    Text,
    Texts,
    TivaxError,
    TomlTable,
    label_texts,
    read_toml,
    require_different_columns,
)
from ...files import TableFile, read_rows
from ...tables import normalise, require_labels

_KEYS = (
    "title unit years countries sectors final tolerance may_miss uses trade totals "
    "seed rest"
).split()
_TRADE = "name file columns scale products uses others approximate".split()
_TOTALS = "file columns scale".split()
_SEED = "store year file columns".split()
_REST = "code inventories".split()
INPUTS = "inputs"
"""All sectors as users, in a list of uses."""


@dataclass(frozen=True)
class Piece:
    """Rows in long form, in a file or a frame. ``columns``: ours to theirs."""

    given: Path | pd.DataFrame
    columns: Mapping[str, str] = field(default_factory=dict)
    scale: float = 1.0
    of: str = "frame"

    @property
    def name(self) -> str:
        return self.given.name if isinstance(self.given, Path) else self.of

    def read(self, needed: Sequence[str], optional: Sequence[str] = ()) -> pd.DataFrame:
        """Columns of our names, labels as texts, ``value`` times the scale."""
        given = self.given
        frame = given
        if not isinstance(given, pd.DataFrame):
            numbers = [self.columns.get(k, k).lower() for k in ("year", "value")]
            frame = read_rows(TableFile(given), numbers)
        require_different_columns(self.name, frame.columns)
        found = {}
        for ours in dict.fromkeys((*needed, *optional)):
            theirs = self.columns.get(ours, ours)
            if theirs in frame:
                found[ours] = frame[theirs]
            elif ours in needed or ours in self.columns:
                has = ", ".join(map(str, frame.columns)) or "none"
                raise TivaxError(
                    f"{self.name}: no column {theirs} ({ours}), it has {has}; name "
                    f'it in the recipe, columns = {{ {ours} = "..." }}'
                )
        frame = pd.DataFrame(found).reset_index(drop=True)
        values = pd.to_numeric(frame["value"], errors="coerce").to_numpy(float)
        codes = {k: pd.factorize(frame[k]) for k in frame if k != "value"}
        for column, (code, _) in codes.items():
            if (code < 0).any():
                k = int(np.flatnonzero(code < 0)[0])
                raise TivaxError(f"{self.name}: row {k + 1} has no {column}; fill it")
        for alike in ({"year"}, _REGIONS, codes.keys() - _REGIONS - {"year"}):
            labels = {k: codes[k][1] for k in codes if k in alike}
            for column, each in label_texts(self.name, labels).items():
                frame[column] = np.array(each, dtype=object)[codes[column][0]]
        if not np.isfinite(values).all():
            k = int(np.flatnonzero(~np.isfinite(values))[0])
            raise TivaxError(
                f"{self.name}: row {k + 1} holds {frame['value'].iloc[k]} as value, "
                "not a number; correct it, or leave the row out"
            )
        frame["value"] = values * self.scale
        labels = frame.drop(columns="value")
        twice = labels.duplicated().to_numpy()
        if twice.any():
            row = ", ".join(labels.iloc[int(twice.argmax())])
            raise TivaxError(f"{self.name}: {row} is there twice; add the rows up")
        return frame


_REGIONS = {"country", "seller", "buyer"}


@dataclass(frozen=True)
class Uses:
    """The national table of a country: uses of home products and of imports.

    ``pieces`` by the year that their name promises, or one of all years, None.
    ``shared``: the files hold several countries. ``concordance``: csv from the
    country's labels to the common ones, "" for none. The others are labels in the file.
    """

    pieces: Mapping[int | None, Piece]
    shared: bool
    concordance: str
    home: Text = "home"
    imported: Text = "imported"
    exports: Text = "exports"
    output: Text = "output"
    value_added: Text = "value added"


_LABELS = tuple(k.name for k in fields(Uses) if k.type == Text)
_USES = ("file", "columns", "scale", "concordance", *_LABELS)


@dataclass(frozen=True)
class Trade:
    """Trade of sellers and buyers, of groups of products and uses.

    ``products``: label in the file to common sectors; None where labels are sectors.
    ``uses``: label in the file to users, or "" to the users that are counted.
    ``others``: regions that are not in the recipe belong to the rest of the world.
    ``approximate``: near the truth; it moves the fit and need not be met.
    """

    name: str
    piece: Piece
    products: Mapping[str, tuple[str, ...]] | None
    uses: Mapping[str, tuple[str, ...]]
    others: bool
    approximate: bool


@dataclass(frozen=True)
class Seed:
    """Start of the fit: a store of world tables, or shares of sellers."""

    store: Path | None = None
    year: int | None = None
    shares: Piece | None = None


@dataclass(frozen=True)
class Recipe:
    """A world to rebuild. ``rest``: code of the rest of the world, "" for none.

    ``inventories``: the category that takes what a row of the rest of the world misses.
    ``tolerance``: share of output by which a row of a national table may miss it;
    ``may_miss``: share of a country's trade by which a margin may be missed.
    """

    name: str
    title: str
    unit: str
    years: tuple[int, ...]
    countries: tuple[str, ...]
    sectors: tuple[str, ...]
    final: tuple[str, ...]
    tolerance: float
    may_miss: float
    uses: Mapping[str, Uses]
    trade: tuple[Trade, ...]
    totals: Piece | None
    seed: Seed
    rest: str
    inventories: str

    @property
    def regions(self) -> tuple[str, ...]:
        return (*self.countries, self.rest) if self.rest else self.countries

    @property
    def users(self) -> tuple[str, ...]:
        return (*self.sectors, *self.final)

    @property
    def files(self) -> list[Path]:
        """All files that the recipe names."""
        pieces = [p for uses in self.uses.values() for p in uses.pieces.values()]
        pieces += [k.piece for k in self.trade]
        pieces += [k for k in (self.totals, self.seed.shares) if k]
        paths = [k.given for k in pieces if isinstance(k.given, Path)]
        paths += [Path(k.concordance) for k in self.uses.values() if k.concordance]
        paths += [self.seed.store] if self.seed.store else []
        return list(dict.fromkeys(paths))


def read_recipe(given: Path | Mapping[str, Any]) -> Recipe:
    """The recipe of a file, or of a mapping.

    Raises ``TivaxError`` for a key that is missing, unknown or of another kind, and for
    a file that is not there.
    """
    if isinstance(given, Path):
        table = TomlTable(given, "", read_toml(given), _KEYS)
    else:
        table = TomlTable(Path("recipe"), "", dict(given), _KEYS)
    names = {k: _labels(table, k) for k in ("countries", "sectors", "final")}
    countries = normalise(names["countries"])
    users = (*names["sectors"], *names["final"])
    for key, found in (("countries", countries), ("sectors", users)):
        if twice := [k for k in found if found.count(k) > 1]:
            raise table.mistake(key, f"{twice[0]} is there twice; write it once")
    rest = table.table("rest", _REST) if table.has("rest") else None
    code = rest.read("code", Text, "ROW") if rest else ""
    if code in countries:
        raise table.mistake("countries", f"{code} is the rest of the world, [rest]")
    inventories = names["final"][-1]
    if rest and rest.has("inventories"):
        inventories = rest.choice("inventories", names["final"])
    years = _years(table)
    if not table.has("trade"):
        raise table.mistake("[[trade]]", "is missing; who sells to whom must be told")
    trade = tuple(_trade(k, users, names) for k in table.tables("trade", _TRADE))
    called = [k.name for k in trade]
    if twice := [k for k in called if called.count(k) > 1]:
        raise TivaxError(
            f"{table.file}: two [[trade]] are called {twice[0]}; give each a name"
        )
    return Recipe(
        name=table.file.name,
        title=table.read("title", Text, ""),
        unit=table.read("unit", Text, "million US$"),
        years=years,
        **{**names, "countries": countries},
        tolerance=_positive(table, "tolerance", 1e-6),
        may_miss=_positive(table, "may_miss", 1e-5),
        uses=_uses(table, countries, years),
        trade=trade,
        totals=_piece(table.table("totals", _TOTALS)) if table.has("totals") else None,
        seed=_seed(table.table("seed", _SEED)) if table.has("seed") else Seed(),
        rest=code,
        inventories=inventories,
    )


def _labels(table: TomlTable, key: str) -> tuple[str, ...]:
    labels = table.read(key, Texts, ())
    if not labels:
        raise table.mistake(key, 'write ["...", "..."]')
    require_labels(labels, f"{table.file}: {key}")
    return labels


def in_years(frame: pd.DataFrame, recipe: Recipe, name: str) -> pd.DataFrame:
    """The rows of the recipe's years; ``TivaxError`` for a year that is none."""
    years = frame["year"].astype(str)
    wrong = years[~years.str.fullmatch(r"\d{1,4}").to_numpy(bool)]
    if len(wrong):
        raise TivaxError(
            f"{name}: year {wrong.iloc[0]} is none; write whole numbers, such as 2014"
        )
    return frame[years.isin([str(k) for k in recipe.years])]


def _years(table: TomlTable) -> tuple[int, ...]:
    years = table.values.get("years")
    if (
        not isinstance(years, list | tuple)
        or not years
        or not all(isinstance(k, int) and 0 < k < 10_000 for k in years)
        or len(set(years)) < len(years)
    ):
        raise table.mistake("years", "write a list of different years, [2014, 2015]")
    return tuple(sorted(years))


def _positive(table: TomlTable, key: str, default: float) -> float:
    value = table.read(key, float, default)
    if not 0 < value < 1:
        raise table.mistake(key, "write a share between 0 and 1, such as 0.001")
    return value


def _file(table: TomlTable, key: str, name: str) -> Path:
    path = table.file.parent / name
    if not path.is_file():
        raise table.mistake(key, f"no such file {path}; put it there")
    return path


def _piece(table: TomlTable, file: str | None = None) -> Piece:
    """The file, or frame, of a section; ``file`` in place of what it says."""
    given = table.values.get("file")
    if not isinstance(given, pd.DataFrame):
        given = _file(table, "file", file or table.read("file", Text))
    columns = table.values.get("columns", {})
    if not isinstance(columns, Mapping) or not all(
        isinstance(k, str) for k in columns.values()
    ):
        raise table.mistake("columns", 'write { value = "name of its column", ... }')
    scale = table.read("scale", float, 1.0)
    if scale <= 0:
        raise table.mistake("scale", "write a number above 0, what values are times")
    return Piece(given, columns, scale, f"frame of [{table.name.strip('[]')}]")


def _uses(
    table: TomlTable, countries: Sequence[str], years: Sequence[int]
) -> dict[str, Uses]:
    section = table.table("uses", (*_USES, *countries))
    base = {k: v for k, v in section.values.items() if k in _USES}
    found = {}
    for country in countries:
        own = section.table(country, _USES).values if section.has(country) else {}
        one = TomlTable(table.file, f"uses.{country}", {**base, **own}, _USES)
        file = one.values.get("file")
        name = file.replace("{country}", country) if isinstance(file, str) else None
        each = years if name and "{year}" in name else (None,)
        pieces = {
            year: _piece(one, name and name.replace("{year}", str(year)))
            for year in each
        }
        concordance = one.read("concordance", Text, "").replace("{country}", country)
        if concordance:
            concordance = str(_file(one, "concordance", concordance))
        found[country] = Uses(
            pieces=pieces,
            shared="file" not in own
            and not (isinstance(file, str) and "{country}" in file),
            concordance=concordance,
            **{k: one.read(k, Text) for k in _LABELS if one.has(k)},
        )
    return found


def _trade(
    table: TomlTable, users: Sequence[str], names: Mapping[str, Sequence[str]]
) -> Trade:
    piece = _piece(table)
    products = table.values.get("products")
    if isinstance(products, str):
        products = _product_file(table, products)
    if products is not None:
        products = _mapped(table, "products", products, names["sectors"])
    uses = table.values.get("uses", list(users))
    plain = {INPUTS: list(names["sectors"]), **{k: [k] for k in users}}
    if not isinstance(uses, Mapping):
        uses = {"": uses}
    uses = _mapped(table, "uses", uses, plain)
    users_of = {
        k: tuple(u for use in each for u in plain[use]) for k, each in uses.items()
    }
    return Trade(
        name=table.read("name", Text, piece.name),
        piece=piece,
        products=products,
        uses=users_of,
        others=table.read("others", bool, False),
        approximate=table.read("approximate", bool, False),
    )


def _mapped(
    table: TomlTable, key: str, given: Any, known: Any
) -> dict[str, tuple[str, ...]]:
    """A label, or several, for each label of a file."""
    if not isinstance(given, Mapping) or not given:
        raise table.mistake(key, 'write { label = ["...", "..."], ... }')
    section = table.name.strip("[]")
    inner = TomlTable(table.file, f"{section}.{key}", dict(given), given)
    found = {label: inner.read(label, Some) for label in given}
    for label, each in found.items():
        if wrong := [k for k in each if k not in known]:
            raise inner.mistake(
                label, f"{wrong[0]} is none of {', '.join(list(known)[:5])}, ..."
            )
    return found


def _product_file(table: TomlTable, name: str) -> dict[str, list[str]]:
    """Pairs of a csv: from the product of trade, to a common sector; many to many."""
    path = _file(table, "products", name)
    frame = read_rows(TableFile(path))
    if missing := {"from", "to"} - set(frame.columns):
        raise TivaxError(f"{path.name}: no column {min(missing)}; name from and to")
    found: dict[str, list[str]] = {}
    pairs = [label_texts(path.name, {k: frame[k]})[k] for k in ("from", "to")]
    for old, new in zip(*pairs, strict=True):
        found.setdefault(old, []).append(new)
    return found


def _seed(table: TomlTable) -> Seed:
    if table.has("store") == table.has("file"):
        raise table.mistake(
            "store", "give a store of world tables, or a file of shares"
        )
    if table.has("file"):
        return Seed(shares=_piece(table))
    store = table.read("store", Path)
    if not (store / "zarr.json").is_file():
        raise table.mistake("store", f"{store} is no store; make one by tivax import")
    return Seed(store=store, year=table.read("year", Count, None))
