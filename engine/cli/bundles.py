"""Options in bundles: each command declares the ones that it takes, once for all."""

import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core import TivaxError, require_regular, start_jax
from .example_files import RunToml
from .options import declared, split_names
from .terminal import Terminal

if TYPE_CHECKING:
    from ..errors import ErrorModel
    from ..measures import ValueAdded
    from ..reporting import Language
    from ..resampling import RunFile
    from ..tables import NetInventories


@dataclass(frozen=True)
class OutputOptions:
    """Place and form of the results that a command writes."""

    out: Path
    format: str = "csv"
    no_figures: bool = False
    title: str = ""
    language: str = "en"
    force: bool = False

    def __post_init__(self) -> None:
        _ = self.words  # raises before anything is computed

    @property
    def figures(self) -> bool:
        return not self.no_figures

    @property
    def words(self) -> "Language":
        """The language of report and figures."""
        from ..reporting import require_language

        return require_language(self.language)


@dataclass(frozen=True)
class LongOutput(OutputOptions):
    """The same of a command whose tables are long."""

    format: str = "parquet"


@dataclass(frozen=True)
class Screen:
    """Options for what a command shows while it runs."""

    quiet: bool = False
    json: bool = False
    verbose: bool = False

    def terminal(self, *, first: bool = True) -> Terminal:
        """``first``: of several processes, the one that speaks."""
        return Terminal(
            self.quiet or not first,
            json=self.json,
            verbose=self.verbose,
        )


@dataclass(frozen=True)
class Tables:
    """The years of a store, and whether inventories stay in them."""

    store: Path
    years: str = ""
    net_inventories: str | None = None

    def open(self, terminal: Terminal) -> "NetInventories":
        """The tables, read when they are used."""
        from ..tables import NetInventories, correct_for_inventories
        from .inputs import open_tables

        tables = open_tables(self.store, self.years)
        if self.net_inventories is None:
            return NetInventories(tables)
        # Those that are known where the text is empty.
        names = split_names(self.net_inventories) or None
        with terminal.progress("inventories") as progress:
            return correct_for_inventories(tables, names, progress=progress)


@dataclass(frozen=True)
class Accounts:
    """Accounts to trace: value added, or those of files."""

    value_added: str = "residual"
    satellite: list[Path] | None = None

    @property
    def files(self) -> list[Path]:
        return self.satellite or []

    def read(self) -> "list[ValueAdded]":
        from .. import measures, sources

        defined = measures.require_value_added(self.value_added)
        if not self.files:
            return [defined]
        if defined != "residual":
            raise TivaxError(
                "--satellite stands in place of value added: leave out --value-added "
                f"{defined}"
            )
        return [*sources.read_satellites(self.files)]

    def read_one(self, why: str) -> "ValueAdded":
        """The one account; ``TivaxError`` says why it is one."""
        if len(traced := self.read()) > 1:
            raise TivaxError(
                f"--satellite: {len(traced)} accounts; give a file with one, since "
                f"each {why}"
            )
        return traced[0]


@dataclass(frozen=True)
class Grouping:
    """Groups of countries, and the regions that are shown."""

    groups: str | None = None
    each_group: bool = False
    regions: str = ""


@dataclass(frozen=True)
class ErrorModelOption:
    """Errors of tables."""

    error: str | None = None

    @cached_property
    def model(self) -> "ErrorModel | None":
        """The error model that is named, if one is."""
        from .. import errors

        return None if self.error is None else errors.ErrorModel.read(self.error)

    @property
    def files(self) -> list[Path]:
        """Files of the error model, for the inputs of a manifest."""
        if self.error is None or self.model is None:
            return []
        return [k for k in (Path(self.error), *self.model.files) if k.is_file()]


@dataclass(frozen=True)
class ErrorOptions(ErrorModelOption):
    """Errors of tables that are drawn, and how many draws."""

    draws: int | None = None
    seed: int | None = None

    def require_model(self) -> None:
        """Raise ``TivaxError`` for draws of no error."""
        for name in ("draws", "seed") if self.model is None else ():
            if (value := getattr(self, name)) is not None:
                raise TivaxError(
                    f"--{name} {value}: nothing has an error: give --error"
                )


@dataclass(frozen=True)
class RunOptions:
    """A run file, and what replaces its numbers."""

    run: RunToml = None
    example: bool = False
    draws: int | None = None
    seed: int | None = None

    def models(self, **defaults: Any) -> "RunFile":
        """The models of the run file; ``defaults`` where it has none."""
        from .. import resampling
        from ..papers import known_models

        assert self.run is not None  # else it is said that RUN is missing
        given = resampling.read_run_file(self.run, known_models(), **defaults)
        return resampling.with_overrides(given, self.draws, self.seed)


@dataclass(frozen=True)
class Processor:
    """The device that computes."""

    device: str | None = None

    def start(self) -> None:
        start_jax(self.device)


@dataclass(frozen=True)
class MachineOptions:
    """Devices that compute, and processes that share the work."""

    device: str | None = None
    job: str | None = None

    def start(self) -> AbstractContextManager[bool]:
        """Start JAX, and run the block with the other processes of the job."""
        from .together import as_one

        start_jax(self.device)
        return as_one(self.job)


def command(function: Callable[..., None]) -> Callable[..., None]:
    """A command whose parameters may be bundles: each option of ``OutputOptions``,
    ``Screen``, ``RunOptions`` or ``MachineOptions`` is one of the command's. Words are
    those of options.toml."""
    plain: dict[str, inspect.Parameter] = {}
    bundles: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        if is_dataclass(parameter.annotation):
            bundle: Any = parameter.annotation
            bundles[parameter.name] = bundle
            holder, own = bundle.__name__, inspect.signature(bundle).parameters
        else:
            holder, own = function.__name__.strip("_"), {parameter.name: parameter}
        plain |= {name: declared(holder, each) for name, each in own.items()}
    options = [k.replace(kind=inspect.Parameter.KEYWORD_ONLY) for k in plain.values()]

    @wraps(function)
    def run(**values: Any) -> None:
        for value in values.values():
            for path in value if isinstance(value, list) else [value]:
                if isinstance(path, Path):
                    require_regular(path)
        for name, bundle in bundles.items():
            given = [k.name for k in fields(bundle) if k.name in values]
            values[name] = bundle(**{k: values.pop(k) for k in given})
        function(**values)

    vars(run)["__signature__"] = inspect.Signature(options)
    run.__annotations__ = {k.name: k.annotation for k in options}
    return run
