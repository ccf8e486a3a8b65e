"""Terminal output: progress bars, tables, lines of results, or one JSON object."""

import json
import logging
import math
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from itertools import combinations, pairwise
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.measure import Measurement
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table
from rich.text import Text

from ..core import Listing, duration_text, no_progress, raise_interrupt, stage
from ..core import Progress as Callback

if TYPE_CHECKING:
    from ..reporting import Language

log = logging.getLogger("tivax")


def shell_command(*words: object) -> str:
    """A command of tivax that can be pasted in a shell."""
    quote = subprocess.list2cmdline if sys.platform == "win32" else shlex.join
    return quote(["tivax", *map(str, words)])


def next_step(*words: object) -> str:
    """The last line of a command: what to run next."""
    return f"Next: {shell_command(*words)}"


class Terminal:
    """Prints results to stdout, progress to stderr; ``quiet`` keeps only results.

    ``json``: stdout gets one JSON object in the end, and no text. ``verbose``: what
    the logger ``tivax`` is told goes to stderr, and ``finish`` says where the time
    went, from the start of the process. Results are printed in ``language``.
    """

    def __init__(
        self,
        quiet: bool = False,
        *,
        json: bool = False,
        verbose: bool = False,
    ) -> None:
        self.quiet, self.json, self.verbose = quiet, json, verbose
        self.language: Language = "en"
        stage.started()
        # Where output is not a terminal, lines must not be wrapped or shortened.
        width = None if sys.stdout.isatty() else 200
        # Labels of a user are printed as they are: BB:b is no sign, [bold] no order.
        plain = partial(Console, highlight=False, emoji=False, markup=False)
        self.out = plain(width=width)
        self.err = plain(stderr=True)
        if verbose:
            _log_to_stderr()

    def print(self, line: str, *, said: bool = False) -> None:
        """A line of the result; ``said`` in the language already, it stays as it is."""
        if not self.json:
            self.out.print(line if said else self._said(line), soft_wrap=True)

    def _said(self, text: str) -> str:
        from ..reporting import translated  # reads labels, which help does without

        return translated(text, self.language)

    def warn(self, line: str) -> None:
        """A line on stderr, ``quiet`` or not: what the user should know."""
        print(f"tivax: {line}", file=sys.stderr)

    def announce(self, line: str) -> None:
        """A line on stderr before long work."""
        if not self.quiet:
            print(f"tivax: {line}", file=sys.stderr)

    def finish(self, record: Mapping[str, Any], *lines: str) -> None:
        """End a command: what to open next, or ``record`` as JSON.

        ``record`` is the manifest of the run.
        """
        spent = stage.table() if self.verbose else []
        if self.json:
            said = dict(record)
            if spent:
                said["timings_s"] = {name: round(s, 3) for name, s in spent}
            print(json.dumps(_without_nan(said), indent=1), file=self.out.file)
        for line in filter(None, (record.get("basis"), *lines)):
            self.print(line)
        if spent:
            self.table(["time", "seconds"], [[name, f"{s:.2f}"] for name, s in spent])

    @contextmanager
    def _bar(
        self, what: str, *columns: ProgressColumn
    ) -> Iterator[Callable[[int, int | None], None]]:
        first = TextColumn("{task.description}", markup=False), BarColumn()
        with Progress(*first, *columns, console=self.err) as bar:
            task = bar.add_task(what, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)

    def _shown(self, what: str, unit: str) -> AbstractContextManager[Callback]:
        if self.quiet:
            return nullcontext(no_progress)
        if not self.err.is_terminal:
            return _LogLines(what, unit)
        rate = [_RateColumn(unit)] if unit in _FAST else []
        count = MofNCompleteColumn(), TextColumn(unit), *rate
        left = TextColumn("left"), TimeRemainingColumn()
        return self._bar(what, *count, TimeElapsedColumn(), *left)

    @contextmanager
    def progress(self, what: str, unit: str = "years") -> Iterator[Callback]:
        """A callback (done, total): a bar on a terminal, log lines elsewhere.

        Each year is logged.
        """
        start = time.perf_counter()
        with self._shown(what, unit) as shown:

            def told(done: int, total: int) -> None:
                raise_interrupt()
                if unit == "years" and done:
                    seconds = time.perf_counter() - start
                    log.info("%s: year %d of %d, %.2f s", what, done, total, seconds)
                shown(done, total)

            yield told
        log.info("%s: %.2f s", what, time.perf_counter() - start)

    def download(
        self, what: str
    ) -> AbstractContextManager[Callable[[int, int | None], None]]:
        """A callback (bytes, total or None) for one download."""
        if self.quiet or not self.err.is_terminal:
            return nullcontext(lambda done, total: None)
        columns = DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn()
        return self._bar(what, *columns)

    @contextmanager
    def status(self, what: str) -> Iterator[Callable[[str], None]]:
        """A callback that says what is being done now, where it cannot be counted."""
        spins = self.err.is_terminal and not self.quiet
        told = lambda seconds: f"{what}: {seconds:.0f} s"  # noqa: E731
        over = Event() if spins or self.quiet else _tell_time(told)
        with self.err.status(what) if spins else nullcontext() as spinner:

            def tell(line: str) -> None:
                raise_interrupt()
                over.set()
                if spinner:
                    spinner.update(line)
                else:
                    self.announce(line)

            try:
                yield tell
            finally:
                over.set()

    def table(
        self, columns: Sequence[str], rows: Sequence[Sequence[str]], *, words: int = 1
    ) -> None:
        """A table; the first ``words`` columns are aligned left, the others right.

        Where the terminal is narrow, words wrap and numbers stay whole; where that is
        not enough, columns move together, and at last lines are longer than the
        terminal: the names of rows would go before that.
        """
        if self.json:
            return
        names = [*map(self._said, columns)]
        table = Table(*names[:words])
        for name in names[words:]:
            table.add_column(name, justify="right", no_wrap=True)
        for row in rows:
            table.add_row(*map(self._said, row))
        if self._least(table) > self.out.width:
            table.padding = 0
        if (least := self._least(table)) > self.out.width:
            table.width = least
        self.out.print(table, crop=False)

    def _least(self, table: Table) -> int:
        """The width at which no word and no number of a table is cut."""
        wide = self.out.options.update_width(10_000)
        return Measurement.get(self.out, wide, table).minimum

    def show(self, listing: Listing) -> None:
        """A table with its title and notes; headings of several words take two
        lines."""
        self.print(listing.title)
        if listing.rows:
            columns = [*map(_heading, listing.columns)]
            self.table(columns, listing.rows, words=listing.words)
        for line in listing.notes:
            self.print(line)

    def listing(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Rows of words: a table on a terminal, lines split by tabs elsewhere."""
        if self.json:
            return
        if not self.out.is_terminal:
            for row in (columns, *rows):
                print("\t".join(row), file=self.out.file)  # rich makes tabs spaces
            return
        table = Table(*columns)
        for row in rows:
            table.add_row(*row)
        self.out.print(table)


class _Elapsed(logging.Formatter):
    """Lines that begin with the seconds since the command began."""

    def __init__(self) -> None:
        super().__init__()
        self.start = time.time()

    def format(self, record: logging.LogRecord) -> str:
        return f"tivax: {record.created - self.start:6.2f} s  {record.getMessage()}"


def _log_to_stderr() -> None:
    """Lines of the logger ``tivax``; other loggers are left alone."""
    for old in [k for k in log.handlers if isinstance(k.formatter, _Elapsed)]:
        log.removeHandler(old)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Elapsed())
    log.addHandler(handler)
    log.setLevel(logging.INFO)


def _without_nan(value: Any) -> Any:
    """The same for JSON, which has no NaN and no infinity: null in their place."""
    if isinstance(value, Mapping):
        return {str(k): _without_nan(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(k) for k in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


# Units that come by the thousand: their speed is shown.
_FAST = ("draws", "panels")


class _RateColumn(ProgressColumn):
    """Rate per second over the last 30 s."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self.unit = unit

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{_rate_text(speed)} {self.unit}/s")


def _rate_text(rate: float) -> str:
    return f"{rate:,.0f}" if rate > 9 else f"{rate:.2g}"


_SILENT = 5.0  # seconds without a line


def _tell_time(said: Callable[[float], str]) -> Event:
    """Say on stderr what takes so many seconds, again and again until it is set;
    nothing where there is nothing to say."""
    start, over = time.perf_counter(), Event()

    def tell() -> None:
        while not over.wait(_SILENT):
            if line := said(time.perf_counter() - start):
                print(f"tivax: {line}", file=sys.stderr)

    Thread(target=tell, daemon=True).start()
    return over


class _LogLines(AbstractContextManager["_LogLines"]):
    """Progress as plain lines, at most one a second and always the last, and while a
    program compiles."""

    def __init__(self, what: str, unit: str) -> None:
        self.what, self.unit = what, unit
        self.start = self.last = time.perf_counter()
        self.first: tuple[int, float] | None = None  # what is done once compiled, when
        self.at = f"at the first of the {unit}"
        self.waiting = _tell_time(self._compiling)

    def __exit__(self, *_: object) -> None:
        self.waiting.set()

    def _compiling(self, seconds: float) -> str:
        silent = time.perf_counter() - self.last >= _SILENT
        if not silent or (self.first is not None and not stage.compiling):
            return ""
        why = "a first run compiles, later ones need not"
        return f"{self.what}: {seconds:.0f} s, {self.at}; {why}"

    def __call__(self, done: int, total: int) -> None:
        now = time.perf_counter()
        if done and self.first is None:
            self.first = done, now
        if done < total and now - self.last < 1 or done == 0:
            return
        self.last, self.at = now, f"{done}/{total} {self.unit}"
        line = (
            f"tivax: {self.what} {done}/{total} {self.unit}, {now - self.start:.1f} s"
        )
        if self.unit in _FAST and self.first and done > self.first[0]:
            rate = (done - self.first[0]) / (now - self.first[1])
            line += f", {_rate_text(rate)} {self.unit}/s"
            if done < total:
                line += f", {duration_text((total - done) / rate)} left"
        print(line, file=sys.stderr)


def _heading(name: str) -> str:
    """The name of a column on two or three lines, as narrow as they can be, where it is
    long; codes of indicators are cut after their first part."""
    if len(name) <= _WIDE or "\n" in name:
        return name
    first, space, rest = name.partition(" ")
    if first.isupper():
        first = first.replace("_", "_\n", 1)
        return f"{first}\n{rest}" if space else first
    words = name.split(" ")
    ways = [
        [" ".join(words[i:j]) for i, j in pairwise([0, *cuts, len(words)])]
        for count in range(1, min(3, len(words)))
        for cuts in combinations(range(1, len(words)), count)
    ]
    return "\n".join(min(ways, key=lambda k: max(map(len, k)), default=[name]))


_WIDE = 8
