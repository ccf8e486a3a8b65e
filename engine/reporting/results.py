"""A result that describes itself, and the one writer of its files.

A result says which tables and figures it has, what its report tells, what its manifest
states, and its finding in a sentence. From that come ``save``, ``to_frame``, ``plot``,
the page of a notebook, and the files of the command that computes it.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..core import (
    DOUBTS,
    Format,
    Listing,
    Phrase,
    Printable,
    Run,
    TivaxError,
    choose_from,
    columns_of,
    describe_environment,
    output_folder,
    require_format,
    require_result_place,
    stage,
    write_csv,
    write_do_file,
    write_frame,
)
from .drawn import Drawn
from .html import Block, Points, Section, Text, report_html
from .labels import Language, of_account
from .long_tables import LongTable
from .pages import JoinedPage, Page, Plot, page_of, usual_sections
from .translations import translated

if TYPE_CHECKING:  # where another process draws, this one needs no matplotlib
    from matplotlib import figure as mpl

CV1 = "CV1, G/(G-1) (N-1)/(N-k), nested effects not counted"
"""The clustered covariance of models, in the words of manifests."""


class Result(Printable):
    """A result of a command, which a function returns too.

    A kind of result gives ``program`` and ``tables``; the others where it has them.
    """

    program: str
    """The command whose result it is."""
    report_title: str = ""
    """Title of the report; no title, no report."""
    method: str = ""
    """Method behind the numbers, for the report."""
    printed: bool = False
    """True if the command prints the listings beside the finding."""
    always_parquet: Sequence[str] = ()
    """Tables that are parquet in every format; Stata has them in its own as well."""
    one_workbook: bool = False
    """True if the workbook of the main table has the others as sheets."""
    account: str = ""
    """The satellite account that its words name in place of value added."""

    def said(self, text: str) -> str:
        """A text about value added, of the account that stands in its place."""
        return of_account(text, self.account)

    def page(self, language: Language = "en") -> Page:
        """Its words, figures and tables of print in that language."""
        return Page(self, language)

    @abstractmethod
    def tables(self) -> Mapping[str, pd.DataFrame | LongTable]:
        """Every table by its file name, the main one first."""

    def labels(self) -> Mapping[str, str]:
        """Labels of columns whose units depend on the data, beside outputs.toml."""
        return {}

    def do_lines(self) -> Sequence[str]:
        """Lines of a do-file of Stata that prints the main table."""
        return ()

    def plots(self) -> Mapping[str, Plot]:
        """Functions that draw the figures, by file name."""
        return {}

    def titles(self) -> Mapping[str, str]:
        """Findings of figures, a line each, by file name; none where there is none."""
        return {}

    def sections(self, figures: Mapping[str, Drawn]) -> Sequence[Section]:
        """The report below the finding; ``figures`` are drawn, by file name.

        By default the listings and all figures.
        """
        return usual_sections(self._listings(), figures, self.program, self.said)

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

    @property
    def finding(self) -> Sequence[str]:
        """The finding as the report tells it first, in names and numbers that a reader
        knows: by default the lines of the sentence."""
        return self.sentence.splitlines()

    def _listings(self) -> Sequence[Listing]:
        """The finding alone; a kind of result with tables to print gives its own."""
        return [Listing(self.report_title or self.program, (), (), [self.sentence])]

    def to_frame(self) -> pd.DataFrame:
        """The main table."""
        main = next(iter(self.tables().values()))
        return main.frame() if isinstance(main, LongTable) else main.copy()

    def report(self, language: Language = "en") -> str:
        """The report with its figures, a page of HTML; ``TivaxError`` without one."""
        page, context = self.page(language), Context(language=language)
        if not page.title:
            raise TivaxError(f"a result of {self.program} has no report")
        return _report(page, _drawn(page, context, files=False), context)

    def plot(self, name: str | None = None) -> "mpl.Figure":
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


class Told(Result):
    """A result of numbers: its page in ``present`` says and draws what it found."""

    in_print: str
    """The module that registers its page, of a room above: it is imported by name."""

    def page(self, language: Language = "en") -> Any:
        """Its words, figures and tables of print in that language, a ``Page``."""
        import_module(self.in_print)
        return page_of(self, language)

    def plots(self) -> Mapping[str, Plot]:
        return self.page().plots()

    def titles(self) -> Mapping[str, str]:
        return self.page().titles()

    def sections(self, figures: Mapping[str, Drawn]) -> Sequence[Section]:
        return self.page().sections(figures)

    @property
    def subtitle(self) -> str:
        return self.page().subtitle

    @property
    def sentence(self) -> str:
        return self.page().sentence

    @property
    def finding(self) -> Sequence[str]:
        return self.page().finding

    def _listings(self) -> Sequence[Listing]:
        return self.page().listings()


@dataclass(frozen=True)
class Context:
    """Texts and facts of a command for the files and the report of its result.

    Attributes
    ----------
    name, more
        Texts of the report after its title, and after its subtitle.
    notes
        Notes on the tables that were read, a line each.
    codes
        The titles of all codes: labels.csv.
    facts
        Facts for the manifest.
    language
        Of report and figures.
    title
        Of the report, and of every figure in place of the finding that it shows
        (``Result.titles``).
    """

    name: str = ""
    more: str = ""
    notes: Sequence[str] = ()
    codes: pd.DataFrame | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    language: Language = "en"
    title: str = ""


def write_parts(
    result: Result,
    folder: Path,
    *,
    format: Format,
    figures: bool,
    context: Context | None = None,
) -> None:
    """Everything but the manifest."""
    context = context or Context()
    page = result.page(context.language)
    tables, codes, labels = result.tables(), context.codes, _labels(result)
    for name, table in tables.items():
        if isinstance(table, LongTable):  # plots are of what is computed here
            sheets = None if codes is None else {"labels": codes}
            sheets = sheets if result.one_workbook else None
            table.write(folder / f"{name}.{format}", labels, sheets)
    plots = page.plots() if figures or not result.printed else {}
    frames = {k: v for k, v in tables.items() if isinstance(v, pd.DataFrame)}
    write_frames(result, frames, folder, format, codes)
    drawn = _drawn(page, context, files=figures, plots=plots)
    if figures and drawn:
        place = folder / "figures"
        place.mkdir()
        for name, figure in drawn.items():
            figure.save(place, name)
    if page.title:
        text = _report(page, drawn, context)
        (folder / "report.html").write_text(text, encoding="utf-8")


@stage("figures")
def _drawn(
    page: Page,
    context: Context,
    *,
    files: bool,
    plots: Mapping[str, Plot] | None = None,
) -> dict[str, Drawn]:
    """The figures of a page, or those of ``plots``; ``files``: to be saved."""
    titles, put = page.titles(), {"language": context.language, "said": page.own}
    drawn: dict[str, Drawn] = {}
    for name, plot in (page.plots() if plots is None else plots).items():
        from .plot_style import draw  # loads matplotlib

        title = context.title or titles.get(name, "")
        drawn[name] = draw(plot(), files=files, title=title, **put)
    return drawn


def _report(page: Page, drawn: Mapping[str, Drawn], context: Context) -> str:
    """The page of HTML."""
    title, say = page.title, partial(translated, language=context.language)
    colon = "：" if context.language == "zh" else ": "
    title = f"{title}{colon}{say(context.name)}" if context.name else title
    return report_html(
        context.title or title,
        say(", ".join(filter(None, (page.subtitle, context.more)))),
        [*_finding(page, say), *page.sections(drawn), *_method(page, context, say)],
        describe_environment(dated=False),
        language=context.language,
    )


def write_frames(
    result: Result,
    frames: Mapping[str, pd.DataFrame],
    folder: Path,
    format: Format = "csv",
    codes: pd.DataFrame | None = None,
) -> None:
    """Write tables of a result, and the titles of all ``codes``."""
    main, labels = next(iter(frames), ""), _labels(result)
    others = {k: frame for k, frame in frames.items() if k != main}
    if codes is not None:
        others["labels"] = codes
        write_csv(codes, folder / "labels.csv")
    for name, frame in frames.items():
        parquet = name in result.always_parquet
        if parquet:
            write_frame(frame, folder, name, "parquet")
        if not parquet or format == "dta":  # Stata reads no parquet
            sheets = others if name == main and result.one_workbook else None
            write_frame(frame, folder, name, format, labels, sheets=sheets)
    if format == "dta" and (lines := result.do_lines()):
        write_do_file(folder, main, f"{main}.dta", lines)


def _labels(result: Result) -> dict[str, str]:
    known = {k: v.title for k, v in columns_of(result.program).items()}
    return {k: result.said(v) for k, v in {**known, **result.labels()}.items()}


def _finding(page: Page, say: Callable[[str], str]) -> Iterator[Section]:
    if found := [*map(say, DOUBTS), *page.finding]:
        yield Section(say("The finding"), [Points(found)])


def _method(
    page: Page, context: Context, say: Callable[[str], str]
) -> Iterator[Section]:
    """Last, what a reader needs to check the numbers."""
    blocks: list[Block] = [Text(page.method)] if page.method else []
    if page.result.printed and context.notes:
        blocks.append(Points([*map(say, context.notes)]))
    if blocks:
        yield Section(say("Method"), blocks)


@dataclass(frozen=True, eq=False, repr=False)
class Joined(Told):
    """Results of one kind as one: tables below each other, figures counted through."""

    parts: tuple[Result, ...]

    def __post_init__(self) -> None:
        first = self.parts[0]
        accounts = dict.fromkeys(part.account for part in self.parts)
        object.__setattr__(self, "account", Phrase.listed(accounts, " and "))
        for name in _SAME:
            object.__setattr__(self, name, getattr(first, name))

    def page(self, language: Language = "en") -> Page:
        return JoinedPage(self, language)

    def tables(self) -> dict[str, pd.DataFrame]:
        each: list[Mapping[str, Any]] = [part.tables() for part in self.parts]
        return {
            name: pd.concat([k[name] for k in each if name in k], ignore_index=True)
            for name in dict.fromkeys(name for tables in each for name in tables)
        }

    def labels(self) -> Mapping[str, str]:
        return self.parts[0].labels()

    def do_lines(self) -> Sequence[str]:
        return self.parts[0].do_lines()

    def facts(self) -> dict[str, Any]:
        """Texts of the first, tables of all, the worst residual, sums of counts."""
        each = [part.facts() for part in self.parts]
        return {key: _together(key, [k[key] for k in each]) for key in each[0]}


_SAME = "program report_title method printed always_parquet one_workbook".split()
_COUNTS = {"models", "rows", "specifications"}


def _together(key: str, values: Sequence[Any]) -> Any:
    if key == "residual_max":
        return max(values)
    if key in _COUNTS:
        return sum(values)
    if all(isinstance(k, dict) for k in values):
        found: dict[str, Any] = {}
        for name, value in (item for each in values for item in each.items()):
            again = name in found and isinstance(value, int)
            found[name] = found[name] + value if again else value
        return found
    return values[0]
