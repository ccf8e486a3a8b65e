"""One file of tables, on disk or in an archive."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class TableFile:
    """A file, or a member of a zip archive, that holds one year or several.

    ``year`` is the year that its name promises; None where the name does not
    tell or the file holds many years. ``parts`` are the other files of a table that
    is spread over several, by what they hold.
    """

    path: Path
    member: str | None = None
    year: int | None = None
    parts: Mapping[str, "TableFile"] = field(default_factory=dict)
    folder: str = ""

    @property
    def name(self) -> str:
        """Name in messages, with ``folder`` where the file's name does not tell."""
        if self.member:
            return f"{self.path.name}:{self.member}"
        return f"{self.folder}/{self.path.name}" if self.folder else self.path.name

    @property
    def suffix(self) -> str:
        """The last suffix of the name, in lower case."""
        return Path(self.name).suffix.lower()
