"""Options in bundles: each command declares the ones that it takes, once for all."""

import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core import TivaxError, start_jax
from .example_files import RunToml
from .options import declared
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
        from . import inputs

        tables = inputs.open_tables(self.store, self.years)
        return inputs.correct_tables(tables, self.net_inventories, terminal)


@dataclass(frozen=True)
class Accounts:
    """Accounts to trace: value added, or those of files."""

    value_added: str = "residual"
    satellite: list[Path] | None = None

    @property
    def files(self) -> list[Path]:
        return self.satellite or []

    def read(self) -> "list[ValueAdded]":
        from . import inputs

        return inputs.read_accounts(self.value_added, self.files)

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
class ErrorOptions:
    """Errors of tables that are drawn, and how many draws."""

    error: str | None = None
    draws: int | None = None
    seed: int | None = None

    def model(self) -> "ErrorModel | None":
        """The error model that is named, if one is."""
        from . import inputs

        return inputs.read_error(self.error)

    def require_model(self, model: "ErrorModel | None") -> None:
        """Raise ``TivaxError`` for draws of no error."""
        for name in ("draws", "seed") if model is None else ():
            if (value := getattr(self, name)) is not None:
                raise TivaxError(
                    f"--{name} {value}: nothing has an error: give --error"
                )

    @property
    def files(self) -> list[Path]:
        """Files of the error model, for the inputs of a manifest."""
        from . import inputs

        return inputs.error_files(self.error, self.model())


@dataclass(frozen=True)
class RunOptions:
    """A run file, and what replaces its numbers."""

    run: RunToml = None
    example: bool = False
    draws: int | None = None
    seed: int | None = None

    def models(self, *, draws: int | None = None, **defaults: Any) -> "RunFile":
        """The models of the run file; ``draws`` and ``defaults`` where it has none."""
        from .. import resampling
        from ..papers import known_models

        assert self.run is not None  # else it is said that RUN is missing
        if draws is not None:
            defaults["draws"] = draws
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
        for name, bundle in bundles.items():
            given = [k.name for k in fields(bundle) if k.name in values]
            own = {k: values.pop(k) for k in given}
            values[name] = bundle(**own)
        function(**values)

    vars(run)["__signature__"] = inspect.Signature(options)
    run.__annotations__ = {k.name: k.annotation for k in options}
    return run
