"""Tables and figures of a result, with the titles of ``outputs.toml``."""

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from ..core import output_title
from ..measures import account_of
from ..reporting import of_account
from .results import StoredResult

_FIGURES = (".svg", ".png", ".pdf")


@dataclass(frozen=True)
class Exhibit:
    """A table, figure or report, in one file format or several."""

    title: str
    files: tuple[str, ...]

    @property
    def kind(self) -> Literal["table", "figure", "report"]:
        if self.files[0].endswith(_FIGURES):
            return "figure"
        return "report" if self.files == ("report.html",) else "table"


def exhibits_of(result: StoredResult) -> list[Exhibit]:
    """Tables and figures of a result: one in several formats is one exhibit."""
    groups: dict[tuple[str, bool], list[str]] = {}
    for entry in result.files:
        name = entry["name"]
        stem = str(PurePosixPath(name).with_suffix(""))
        groups.setdefault((stem, name.endswith(_FIGURES)), []).append(name)
    account = account_of(result.manifest)
    return [
        Exhibit(of_account(output_title(result.command, stem), account), tuple(names))
        for (stem, _), names in groups.items()
    ]
