"""A result that describes itself, and the one writer of its files.

A result says which tables and figures it has, what its report tells, what its manifest
states, and its finding in a sentence. From that come ``save``, ``to_frame``, ``plot``,
the page of a notebook, and the files of the command that computes it.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from ..core import (
    Format,
    Printable,
    Run,
    TivaxError,
    choose_from,
    describe_environment,
    output_folder,
    require_format,
    require_result_place,
    write_frame,
)
from .html import Points, Section, Text, report_html
from .plot_style import save_figure

Plot = Callable[[], Figure]
"""Draws a figure when it is asked for."""

CV1 = "CV1, G/(G-1) (N-1)/(N-k), nested effects not counted"
"""The clustered covariance of models, in the words of manifests."""


class Result(Printable):
    """A result of a command, which a function returns too.

    A kind of result gives ``program`` and ``tables``; the others where it has them.
    """

    program: str
    """The command whose result it is."""
    report_title: str = ""
    """Of the report; no title, no report."""
    method: str = ""
    """How the numbers came about, for the report."""

    @abstractmethod
    def tables(self) -> Mapping[str, pd.DataFrame]:
        """Every table by its file name, the main one first."""

    def plots(self) -> Mapping[str, Plot]:
        """Functions that draw the figures, by file name."""
        return {}

    def sections(self, figures: Mapping[str, Figure]) -> Sequence[Section]:
        """The report below the finding; ``figures`` are drawn, by file name."""
        return ()

    def facts(self) -> Mapping[str, Any]:
        """Facts that the manifest states, ``residual_max`` among them."""
        return {}

    @property
    def subtitle(self) -> str:
        """Below the title of the report: how much was computed."""
        return ""

    @property
    def sentence(self) -> str:
        """The finding, a line each; nothing where there is none in words."""
        return ""

    def to_frame(self) -> pd.DataFrame:
        """The main table."""
        return next(iter(self.tables().values())).copy()

    def plot(self, name: str | None = None) -> Figure:
        """The figure of that file name, the first without a name.

        Raises ``TivaxError`` where there is none.
        """
        plots = self.plots()
        if not plots:
            raise TivaxError(f"a result of {self.program} has no figure")
        name = next(iter(plots)) if name is None else name
        if name not in plots:
            raise TivaxError(f"no figure {name}: {choose_from(list(plots))}")
        return plots[name]()

    def save(
        self,
        out: str | Path,
        *,
        format: Format = "csv",
        figures: bool = True,
        force: bool = False,
    ) -> Path:
        """Write tables, figures, report and manifest into the folder ``out``.

        ``force`` replaces an older result of the same kind. Raises ``TivaxError`` where
        ``out`` is there already, or holds what tivax did not write.
        """
        place, run = Path(out), Run(self.program)
        require_result_place(place, run, force=force)
        with output_folder(place, run, force=force) as folder:
            write_parts(self, folder, format=require_format(format), figures=figures)
            run.write_manifest(folder, **self.facts())
        return place


def write_parts(
    result: Result,
    folder: Path,
    *,
    format: Format,
    figures: bool,
    name: str = "",
    more: str = "",
) -> None:
    """Everything but the manifest; the report is named after ``name``, and its subtitle
    has ``more``."""
    for key, table in result.tables().items():
        write_frame(table, folder, key, format)
    drawn = {key: plot() for key, plot in result.plots().items()}
    if figures and drawn:
        place = folder / "figures"
        place.mkdir()
        for key, figure in drawn.items():
            save_figure(figure, place, key)
    if result.report_title:
        page = report_html(
            f"{result.report_title}: {name}" if name else result.report_title,
            ", ".join(filter(None, (result.subtitle, more))),
            [*_finding(result), *result.sections(drawn)],
            describe_environment(dated=False),
        )
        (folder / "report.html").write_text(page, encoding="utf-8")


def _finding(result: Result) -> Iterator[Section]:
    if result.sentence:
        said = Points(result.sentence.splitlines())
        yield Section("In a sentence", [said, Text(result.method)])


@dataclass(frozen=True, eq=False, repr=False)
class Joined(Result):
    """Results of one kind as one: tables below each other, figures counted through."""

    parts: tuple[Result, ...]

    def __post_init__(self) -> None:
        first = self.parts[0]
        for name in ("program", "report_title", "method"):
            object.__setattr__(self, name, getattr(first, name))

    def tables(self) -> dict[str, pd.DataFrame]:
        each = [part.tables() for part in self.parts]
        return {
            name: pd.concat([k[name] for k in each], ignore_index=True)
            for name in each[0]
        }

    def plots(self) -> dict[str, Plot]:
        return {new: plot for _, new, plot in self._numbered()}

    def sections(self, figures: Mapping[str, Figure]) -> list[Section]:
        own: dict[int, dict[str, Figure]] = {}
        for (part, old), new, _ in self._numbered():
            own.setdefault(part, {})[old] = figures[new]
        return [
            section
            for number, part in enumerate(self.parts)
            for section in part.sections(own.get(number, {}))
        ]

    def _numbered(self) -> Iterator[tuple[tuple[int, str], str, Plot]]:
        """(part, its name of a figure), the name among all, and what draws it."""
        number = 0
        for part, result in enumerate(self.parts):
            for old, plot in result.plots().items():
                number += 1
                yield (part, old), f"{old.rpartition('_')[0]}_{number}", plot

    def facts(self) -> dict[str, Any]:
        """Texts of the first, tables of all, the worst residual, sums of counts."""
        each = [part.facts() for part in self.parts]
        return {key: _together(key, [k[key] for k in each]) for key in each[0]}

    @property
    def subtitle(self) -> str:
        return self.parts[0].subtitle

    @property
    def sentence(self) -> str:
        return "\n".join(part.sentence for part in self.parts)

    def _listings(self) -> list:
        return [listing for part in self.parts for listing in part._listings()]


_COUNTS = {"models", "rows", "specifications"}


def _together(key: str, values: Sequence[Any]) -> Any:
    if key == "residual_max":
        return max(values)
    if key in _COUNTS:
        return sum(values)
    if all(isinstance(k, dict) for k in values):
        return {name: value for each in values for name, value in each.items()}
    return values[0]
