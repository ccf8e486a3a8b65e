"""TOML files, read so that every mistake is one line that names its place."""

import math
import tomllib
from collections.abc import Collection, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from .choose import choose_from
from .errors import TivaxError


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
        raise TivaxError(f"{path}: no such file")
    try:
        text = path.read_text(encoding="utf-8-sig")  # Windows begins with a mark
    except UnicodeDecodeError:
        raise TivaxError(f"{path}: not a text in UTF-8; save it as UTF-8") from None
    except OSError as error:
        raise TivaxError(f"{path}: {error.strerror or error}") from None
    return _parse(text, path)


def _parse(text: str, path: Path) -> dict[str, Any]:
    try:
        found = tomllib.loads(text)
    except ValueError as error:
        said = f"{error}{_hint(error, path)}"
        raise TivaxError(f"{path}: not valid TOML: {said}") from None
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


def _hint(error: ValueError, path: Path) -> str:
    """What is wrong most often, where the error is of that kind."""
    if path.suffix.lower() in (".csv", ".xlsx", ".dta", ".parquet", ".feather"):
        return f"; {path.suffix} is no TOML: is it another file that is asked for?"
    if str(error).startswith("Invalid value (at line"):
        return '; texts are in quotes, name = "text"'
    return ""


# Levels of tables and lists in each other; no file here has a use for more than four.
_DEEPEST = 20


def _too_deep(path: Path) -> TivaxError:
    return TivaxError(
        f"{path}: brackets or tables more than {_DEEPEST} deep in each other; write "
        "a flat file"
    )


class TomlTable:
    """A table of a TOML file; every mistake in it is one line that names its place."""

    def __init__(
        self, file: Path, name: str, values: dict[str, Any], known: Collection[str]
    ) -> None:
        self.file, self.name, self.values = file, name, values
        if unknown := sorted(set(values) - set(known)):
            raise TivaxError(
                f"{file}: unknown key {unknown[0]}{self._where}; "
                f"known are {', '.join(sorted(known))}"
            )

    @property
    def _where(self) -> str:
        return f" in [{self.name}]" if self.name else ""

    def has(self, key: str) -> bool:
        return key in self.values

    def mistake(self, key: str, wanted: str) -> TivaxError:
        given = f" = {self.values[key]!r}" if key in self.values else ""
        return TivaxError(f"{self.file}: {key}{given}{self._where}: {wanted}")

    def text(self, key: str, default: str | None = None) -> str:
        value = self.values.get(key, default)
        if value is None:
            raise self.mistake(key, "is missing")
        if not isinstance(value, str) or (not value and default is None):
            raise self.mistake(key, 'write "..."')
        if value.isspace() or len(value.splitlines()) > 1:
            raise self.mistake(key, "write words in one line")
        return value

    def texts(self, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
        value = self.values.get(key, default)
        value = [value] if isinstance(value, str) else value
        if not isinstance(value, list | tuple) or not all(
            isinstance(k, str) and k for k in value
        ):
            raise self.mistake(key, 'write ["...", "..."]')
        return tuple(value)

    def chosen(
        self, key: str, default: tuple[str, ...], remedy: str
    ) -> tuple[str, ...]:
        """Texts of which there is one at least, since none would mean the default."""
        names = self.texts(key, default)
        if self.has(key) and not names:
            raise self.mistake(key, f"is empty; {remedy}")
        return names

    def lists(self, key: str, default: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
        value = self.values.get(key, default)
        if not isinstance(value, list) or not value:
            raise self.mistake(key, 'write [["..."], ["...", "..."]]')
        if all(isinstance(k, str) for k in value):
            value = [value]
        inner = [TomlTable(self.file, self.name, {key: k}, {key}) for k in value]
        return [each.texts(key, ()) for each in inner]

    def whole(self, key: str, default: int, *, least: int) -> int:
        value = self.values.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise self.mistake(key, f"write a whole number from {least}")
        if value >= 2**63:
            raise self.mistake(key, "write a number below 2^63")
        return value

    def number(self, key: str, default: float) -> float:
        value = self.values.get(key, default)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self.mistake(key, "write a number")
        if not math.isfinite(value):
            raise self.mistake(key, "write a finite number")
        return float(value)

    def flag(self, key: str, default: bool) -> bool:
        value = self.values.get(key, default)
        if not isinstance(value, bool):
            raise self.mistake(key, "write true or false")
        return value

    def choice(self, key: str, options: Any, default: str | None = None) -> Any:
        value = self.values.get(key, default)
        if value not in options:
            raise self.mistake(key, choose_from(options))
        return value

    def path(self, key: str) -> Path:
        return self._local(key, self.text(key))

    def paths(self, key: str, default: list[Path]) -> list[Path]:
        if key not in self.values:
            return default
        return [self._local(key, name) for name in self.texts(key, ())]

    def _local(self, key: str, name: str) -> Path:
        """A path relative to the file's folder."""
        if "://" in name:
            raise self.mistake(key, "an address; download it and give a local file")
        path = self.file.parent / name
        if any(len(part.encode()) > 255 for part in path.parts):
            raise self.mistake(key, "too long for the name of a file")
        return path

    def table(self, key: str, known: Collection[str]) -> "TomlTable":
        value = self.values.get(key)
        if value is None:
            raise self.mistake(f"[{key}]", "is missing")
        if not isinstance(value, dict):
            raise self.mistake(key, f"write a section [{key}]")
        return TomlTable(self.file, key, value, known)

    def tables(self, key: str, known: Collection[str]) -> list["TomlTable"]:
        value = self.values[key]
        value = [value] if isinstance(value, dict) else value
        if (
            not isinstance(value, list)
            or not value
            or not all(isinstance(k, dict) for k in value)
        ):
            raise self.mistake(key, f"write sections [[{key}]]")
        return [TomlTable(self.file, f"[{key}]", k, known) for k in value]

    def grid(
        self,
        known: Collection[str],
        with_each: Collection[str],
        sections: Sequence[Mapping[str, Any]],
    ) -> "TomlTable":
        """The section [grid]: a list of values of each key, or "each" of some.

        Its values hold for all ``sections``, which then have none of these keys.
        """
        table = self.table("grid", known)
        if not table.values:
            raise self.mistake("[grid]", "is empty; give lists, or leave it out")
        for key, value in table.values.items():
            if value == EACH and key in with_each:
                continue
            if not isinstance(value, list):
                each = f' or "{EACH}"' if key in with_each else ""
                raise table.mistake(key, f"write a list of values{each}")
            if not value:
                raise table.mistake(key, "is empty; give at least one value")
        for section in sections:
            if both := [key for key in section if key in table.values]:
                raise TivaxError(
                    f"{self.file}: {both[0]} = {section[both[0]]!r}: [grid] has "
                    f"{both[0]}, too; keep one of them"
                )
        return table


EACH = "each"
"""Every label that there is, in a grid."""


def variant_name(chosen: Mapping[str, Any]) -> str:
    """The name of a combination of a grid: who CHN, percent 25."""
    return ", ".join(f"{key} {_words(value)}" for key, value in chosen.items())


def _words(value: Any) -> str:
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
