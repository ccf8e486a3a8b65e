"""TOML files, read so that every mistake is one line that names its place."""

import math
import re
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from importlib.resources import files
from itertools import product
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from .choose import choose_from, suggest
from .errors import NotFound, TivaxError, require_regular
from .phrases import Phrase


def load_toml(package: str | None, name: str) -> dict[str, Any]:
    """A table of facts that is installed beside the modules of a package."""
    text = files(package or "").joinpath(name).read_text(encoding="utf-8")
    return tomllib.loads(text)


def read_toml(path: Path) -> dict[str, Any]:
    """The content of a TOML file.

    Raises ``TivaxError`` for a file that is missing, cannot be read, is not in UTF-8,
    is not TOML or is nested too deep.
    """
    if not path.is_file():
        raise NotFound(f"{path}: no such file")
    try:
        text = path.read_text(encoding="utf-8-sig")  # Windows begins with a mark
    except UnicodeDecodeError:
        raise TivaxError(f"{path}: not a text in UTF-8; save it as UTF-8") from None
    except OSError as error:
        raise TivaxError(f"{path}: {error.strerror or error}") from None
    return _parse(text, path)


def _parse(text: str, path: Path) -> dict[str, Any]:
    if len(text) > _LONGEST:
        raise TivaxError(
            f"{path}: {len(text):,} letters, at most {_LONGEST:,} are read; write "
            "several files"
        )
    if max(part.count(".") for part in _PARTS.split(text)) > _DOTS:
        raise _too_deep(path)
    try:
        found = tomllib.loads(text)
    except ValueError as error:
        if path.suffix.lower() in (".csv", ".xlsx", ".dta", ".parquet", ".feather"):
            raise TivaxError(
                f"{path}: a table, where a TOML file is asked for; give the file that "
                "names the table (most commands write one with --example)"
            ) from None
        hint = ""
        if str(error).startswith("Invalid value (at line"):
            hint = '; texts are in quotes, name = "text"'
        if "set_int_max_str_digits" in str(error):
            error = "a whole number has more than 4,300 digits"
        raise TivaxError(f"{path}: not valid TOML: {error}{hint}") from None
    except RecursionError:
        raise _too_deep(path) from None
    level: list[Any] = [found]
    for _ in range(_DEEPEST):
        level = [
            k
            for one in level
            for k in (one.values() if isinstance(one, dict) else one)
            if isinstance(k, dict | list)
        ]
    if level:
        raise _too_deep(path)
    return found


# The parser takes the square of the parts of a key, a second for 500,000 letters.
_LONGEST, _DOTS, _PARTS = 2_000_000, 100, re.compile(r"[=,\n\[{]")
# Levels of nested tables and lists; no file here has a use for more than four.
_DEEPEST = 20


def _too_deep(path: Path) -> TivaxError:
    return TivaxError(
        f"{path}: nested more than {_DEEPEST} levels deep; write a flat file"
    )


class TomlTable:
    """A table of a TOML file, whose values are read by the types of a schema.

    A schema is a dataclass or a ``TypedDict``; ``schema`` has the types that several
    share. Every mistake is one line that names file, key, section and remedy. Without
    ``known`` keys, any may be there until a schema is parsed.
    """

    def __init__(
        self,
        file: Path,
        name: str,
        values: Mapping[str, Any],
        known: Collection[str] | None = None,
    ) -> None:
        self.file, self.name, self.values = file, name, values
        if known is not None:
            self._require_known(known)

    @property
    def _where(self) -> str:
        return f" in [{self.name}]" if self.name else ""

    def _require_known(self, known: Collection[str]) -> None:
        for key in self.values:
            if key not in known:
                raise TivaxError(
                    f"{self.file}: unknown key {key}{self._where}; "
                    f"{suggest(key, sorted(known))}"
                )

    def has(self, key: str) -> bool:
        return key in self.values

    def mistake(self, key: str, remedy: str) -> TivaxError:
        value = f" = {self.values[key]!r}" if key in self.values else ""
        return TivaxError(f"{self.file}: {key}{value}{self._where}: {remedy}")

    def read(self, key: str, kind: Any, default: Any = MISSING) -> Any:
        """The value of a key as a type; a text stands for a list of itself."""
        import msgspec

        if key not in self.values:
            if default is MISSING:
                raise self.mistake(key, "is missing")
            return default
        value = self.values[key]
        plain, remedy = _described(kind)
        if isinstance(value, str) and get_origin(plain) in (tuple, Sequence):
            value = [value]
        if any(isinstance(k, float) and not math.isfinite(k) for k in _flat(value)):
            raise self.mistake(key, "write a finite number")

        def local(kind: type, name: object) -> Path:
            return self._local(key, msgspec.convert(name, str))

        try:
            return msgspec.convert(value, kind, dec_hook=local)
        except msgspec.ValidationError as error:
            cause = error.__cause__
        # Outside, since a cause that is raised within would be its own context.
        raise cause if isinstance(cause, TivaxError) else self.mistake(key, remedy)

    def convert(self, schema: type, *without: str) -> dict[str, Any]:
        """The values of the keys that a schema has, by name, where they are given."""
        kinds = get_type_hints(schema, include_extras=True)
        keys = [k for k in kinds if k in self.values and k not in without]
        return {k: self.read(k, kinds[k]) for k in keys}

    def parse(self, schema: type, *without: str, **defaults: Any) -> Any:
        """The table as an instance of its schema, which checks what goes together.

        No other key may be there, nor may those in ``without``.
        """
        self._require_known({*get_type_hints(schema)} - {*without})
        values = defaults | self.convert(schema)
        if is_dataclass(schema):
            for field in fields(schema):
                usual = (field.default, field.default_factory)
                if field.name not in values and usual == (MISSING, MISSING):
                    raise self.mistake(field.name, "is missing")
        return self.make(schema, values)

    def of_kind(self, classes: Mapping[str, type]) -> Any:
        """An instance of the class that the key ``kind`` names; the other keys are its
        fields."""
        values = {k: v for k, v in self.values.items() if k != "kind"}
        return TomlTable(self.file, self.name, values).parse(self.class_of(classes))

    def class_of(self, classes: Mapping[str, type]) -> type:
        """The class that the key ``kind`` names. A key that is a field of others alone
        is a mistake that says whose it is."""
        kind = self.values.get("kind", MISSING)
        if kind not in classes:
            given = kind is not MISSING
            raise self.mistake("kind", choose_from(classes) if given else "is missing")
        owners = {
            key: [name for name, one in classes.items() if key in get_type_hints(one)]
            for key in self.values
            if key != "kind"
        }
        for key, names in owners.items():
            if names and kind not in names:
                told = f"goes with kind = {' or '.join(names)}, not {kind}"
                raise self.mistake(key, told)
        return classes[kind]

    def make(self, schema: Callable[..., Any], values: Mapping[str, Any]) -> Any:
        """``schema(**values)``, whose mistakes name file, section and key."""
        try:
            return schema(**values)
        except TivaxError as error:
            key, _, remedy = str(error).partition(": ")
            if key == error.argument and self.has(key):
                raise self.mistake(key, remedy) from None
            section = f"{self.file}: [{self.name}]" if self.name else self.file
            raise error.within(section) from None

    def choice(self, key: str, options: Any, default: str | None = None) -> Any:
        """One of words that no type lists."""
        value = self.values.get(key, default)
        if value not in options:
            raise self.mistake(key, choose_from(options))
        return value

    def _local(self, key: str, name: str) -> Path:
        """A path relative to the file's folder."""
        if "://" in name:
            raise self.mistake(key, "an address; download it and give a local file")
        if not name:
            raise self.mistake(key, 'write "..."')
        path = self.file.parent / name
        if any(len(part.encode()) > 255 for part in path.parts):
            raise self.mistake(key, "too long for the name of a file")
        require_regular(path)
        return path

    def table(self, key: str, known: Collection[str] | None = None) -> "TomlTable":
        """The section [key], which must be there."""
        if key not in self.values:
            raise self.mistake(f"[{key}]", "is missing")
        if not isinstance(self.values[key], dict):
            raise self.mistake(key, f"write a section [{key}]")
        return TomlTable(self.file, key, self.values[key], known)

    def section(self, key: str, schema: type) -> Any:
        """The section [key] by its schema; empty where there is none."""
        table = self.table(key) if self.has(key) else TomlTable(self.file, key, {})
        return table.parse(schema)

    def tables(
        self, key: str, known: Collection[str] | None = None
    ) -> list["TomlTable"]:
        """The sections [[key]], at least one."""
        value = self.values[key]
        rows = value if isinstance(value, list) else [value]
        if not rows or not all(isinstance(k, dict) for k in rows):
            raise self.mistake(key, f"write sections [[{key}]]")
        return [TomlTable(self.file, f"[{key}]", k, known) for k in rows]

    def grid(
        self,
        schema: type,
        keys: Collection[str],
        with_each: Collection[str],
        sections: Sequence[Mapping[str, Any]],
    ) -> dict[str, Any]:
        """The section [grid]: a list of values of each key, or "each" of some.

        The values are those of ``schema``. They hold for all ``sections``, which then
        have none of these keys; empty where there is no grid.
        """
        if not self.has("grid"):
            return {}
        table = self.table("grid", keys)
        if not table.values:
            raise self.mistake("[grid]", "is empty; give lists, or leave it out")
        found: dict[str, Any] = {}
        for key, value in table.values.items():
            if value == EACH and key in with_each:
                found[key] = EACH
                continue
            if not isinstance(value, list) or not value:
                each = f' or "{EACH}"' if key in with_each else ""
                raise table.mistake(key, f"write a list of values{each}")
            cells = [TomlTable(self.file, "grid", {key: k}) for k in value]
            found[key] = [cell.convert(schema)[key] for cell in cells]
        for section in sections:
            if both := [key for key in section if key in found]:
                raise TivaxError(
                    f"{self.file}: {both[0]} = {section[both[0]]!r}: [grid] has "
                    f"{both[0]}, too; keep one of them"
                )
        return found


def _described(kind: Any) -> tuple[Any, str]:
    """A type without its constraints, and what to write for a value of it."""
    if get_origin(kind) is Annotated:
        plain, remedy = _described(get_args(kind)[0])
        said = (getattr(k, "description", None) for k in kind.__metadata__)
        return plain, next((k for k in said if k), remedy)
    arguments = [k for k in get_args(kind) if k not in (type(None), ...)]
    if get_origin(kind) is Literal:
        return kind, choose_from(arguments)
    if get_origin(kind) in (tuple, Sequence):
        remedy = _described(arguments[0])[1]
        return kind, remedy if "choose" in remedy else 'write ["...", "..."]'
    if get_origin(kind) in (Union, UnionType):
        return _described(arguments[0])
    return kind, _TO_WRITE.get(kind, "write a section { ... }")


_TO_WRITE = {
    str: 'write "..."',
    Path: 'write "..."',
    int: "write a whole number",
    float: "write a number",
    bool: "write true or false",
}


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for k in value:
            yield from _flat(k)
    else:
        yield value


EACH = "each"
"""Every label that there is, in a grid."""


def grid_variants(
    file: Path,
    grid: Mapping[str, Any],
    labels: Mapping[Any, Sequence[Any]],
    skip: Callable[[Mapping[str, Any]], bool],
) -> dict[str, dict[str, Any]]:
    """The combinations of a grid, by names such as: exporters CHN, percent 25.

    "each" is every one of ``labels``. Raises ``TivaxError`` for a combination that is
    there twice, or where none is left.
    """
    values = [[*labels[k]] if v == EACH else v for k, v in grid.items()]
    found: dict[str, dict[str, Any]] = {}
    for combination in product(*values):
        chosen = dict(zip(grid, combination, strict=True))
        if skip(chosen):
            continue
        words = {key: _words(value) for key, value in chosen.items()}
        name = Phrase(", ".join(f"{key} {{{key}}}" for key in words), **words)
        if name in found:
            raise TivaxError(f"{file}: [grid] has {name} twice")
        found[name] = chosen
    if not found:
        raise TivaxError(f"{file}: [grid] makes no variant")
    return found


def _words(value: Any) -> str:
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
