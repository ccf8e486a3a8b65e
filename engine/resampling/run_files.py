"""Run files (TOML): models, scheme and number of draws; unknown keys are mistakes.

    panel = "panel.csv"           # csv, parquet, dta, xlsx, feather, beside this
    seed = 1
    draws = 1_000_000
    sample = "all"                # or a column of 1 and 0; also for a single model
    save_draws = false            # draws.parquet
    timed = false                 # draws_per_s in summary.csv; no two runs are alike

    [scheme]
    kind = "wild"                 # pairs, bayesian, wild, placebo
    weights = "webb"              # rademacher, webb, mammen
    null = true
    type = "11"                   # 13, 31, 33: jackknives, least squares
    # wild: second = "year", clusters in two dimensions
    # placebo: studentised = true, method = "treatment" or "freedman-lane",
    # permute = "countries", strata = a column with one value for each country

    [[model]]
    name = "main"
    outcome = "KOFGIdj"
    regressors = ["TBI", "RQ"]
    treatment = "TBI"             # by default the first regressor
    entity = "iso3"               # effects of countries and of years, by default these
    time = "year"
    clusters = "iso3"             # by default the entity
    # effects = ["industry"]      # of further columns

Two-stage least squares: ``endogenous`` and ``instruments``; ``L.TBI`` is the value a
year earlier. In place of [[model]], ``models = "paper"`` means the paper's 17 columns,
and a section [models] every combination of its outcomes, samples, controls and panels.

Other sections, and store and error, are parsed by the rooms that read them: [threats],
[curve], [simulate] and [[design]], [[error]]. Their commands need no [scheme].
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from msgspec import Meta

from ...kernels.random_draws import GENERATOR
from ..core import (
    Count,
    NotFound,
    Seed,
    Some,
    Text,
    Texts,
    TivaxError,
    TomlTable,
    naming,
    read_parquet,
    read_toml,
    require_as_recorded,
    require_commas,
    require_whole,
    sha256,
)
from ..estimation import ENTITY, TIME, Model, Sample, with_lags
from ..files import TableFile, checked_workbook
from .schemes import SCHEMES, Scheme

RUN_KEYS = tuple(
    (
        "panel seed draws sample save_draws timed models model scheme threats curve "
        "simulate panels design store error"
    ).split()
)
"""All keys and sections of a run file."""


@dataclass(frozen=True)
class RunFile:
    """The models of a run file, each with its panel file, and how they are drawn.

    ``toml`` holds the sections of other rooms.
    """

    path: Path
    models: tuple[tuple[Model, Path], ...]
    scheme: Scheme
    draws: int
    seed: int
    save_draws: bool
    timed: bool
    toml: TomlTable = field(compare=False, repr=False)

    @property
    def panels(self) -> list[Path]:
        return list(dict.fromkeys(panel for _, panel in self.models))

    @property
    def identity(self) -> dict[str, Any]:
        """Inputs that the draws of its models depend on, for a ``Job``."""
        return {
            "models": [[asdict(model), sha256(panel)] for model, panel in self.models],
            "scheme": self.scheme.facts,
            "draws": self.draws,
            "seed": self.seed,
            "generator": GENERATOR,
        }


def read_run_file(
    path: Path,
    named_models: Mapping[str, Sequence[Model]] | None = None,
    *,
    scheme: Scheme | None = None,
    draws: int = 9999,
) -> RunFile:
    """Read and check a run file; ``named_models`` are what ``models`` may name.

    ``scheme`` stands for a [scheme] that the file need not have, ``draws`` for theirs.

    Raises ``TivaxError`` in one line that names file, key and remedy.
    """
    toml = TomlTable(path, "", read_toml(path), RUN_KEYS)
    panel, sample = toml.read("panel", Path), toml.read("sample", Sample, "all")
    named = [key for key in ("models", "model") if toml.has(key)]
    if len(named) != 1:
        raise TivaxError(
            f'{path}: one of [[model]], [models] and models = "paper" says what is '
            f"estimated; it has {' and '.join(named) or 'none of them'}"
        )
    if named == ["model"]:
        models = [(_model(each, sample), panel) for each in toml.tables("model")]
    elif isinstance(toml.values["models"], str):
        chosen = toml.choice("models", known := named_models or {})
        if toml.has("sample"):
            raise toml.mistake(
                "sample", f"leave it out: the models of the {chosen} have theirs"
            )
        models = [(model, panel) for model in known[chosen]]
    else:
        models = _combinations(toml.table("models"), sample, panel)
    for model, _ in models:
        if not model.clusters:
            raise TivaxError(
                f"{path}: [[model]]: model {model.name}: clusters: name their column, "
                "since there is no entity"
            )
    names = [model.name for model, _ in models]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise TivaxError(f"{path}: duplicate model name {twice[0]}; rename one")
    return RunFile(
        path=path,
        models=tuple(models),
        scheme=scheme
        if scheme and not toml.has("scheme")
        else toml.table("scheme").of_kind(SCHEMES),
        draws=toml.read("draws", Count, draws),
        seed=toml.read("seed", Seed, 0),
        save_draws=toml.read("save_draws", bool, False),
        timed=toml.read("timed", bool, False),
        toml=toml,
    )


def read_panel(path: Path) -> pd.DataFrame:
    """A panel file of any of the formats that ``tivax panel`` writes."""
    readers = {
        ".csv": partial(_read_cells, pd.read_csv),
        ".parquet": read_parquet,
        ".dta": pd.read_stata,
        ".xlsx": partial(_read_cells, _read_sheet),
        ".feather": pd.read_feather,
    }
    if path.suffix not in readers:
        raise TivaxError(f"{path}: a panel is csv, parquet, dta, xlsx or feather")
    if not path.exists():
        raise NotFound(f"{path}: no such panel; `tivax panel` makes one")
    require_as_recorded(path)
    try:
        return readers[path.suffix](path)
    except TivaxError as error:
        raise error.within(path) from None
    except Exception as error:  # of every kind, for bytes changed at random
        said = " ".join(str(error).split())
        if isinstance(error, UnicodeDecodeError):
            said = "it is not in UTF-8; save it as UTF-8"
        raise TivaxError(f"{path}: not a readable {path.suffix} file: {said}") from None


def _read_sheet(path: Path, **options: Any) -> pd.DataFrame:
    folder = str(path.parent) if path.parent.name else ""
    book = checked_workbook(TableFile(path, folder=folder))
    return pd.read_excel(book, engine="calamine", **options)


def _read_cells(read: Callable[..., pd.DataFrame], path: Path) -> pd.DataFrame:
    """A table of text or of a sheet, whose columns may be of any kind.

    NA is a missing number, and a word among words: Namibia, North America.
    """
    names = read(path, header=None, nrows=1, dtype=str, keep_default_na=False)
    first = names.iloc[0].tolist()
    require_commas(first)
    if twice := next((k for k in first if k and first.count(k) > 1), ""):
        raise TivaxError(f"two columns are called {twice}; rename one")
    frame = read(path)
    if not isinstance(frame.index, pd.RangeIndex):
        raise TivaxError(
            "rows have more cells than the first line has names; leave out commas at "
            "the ends of rows, and name every column"
        )
    words = [
        str(name)
        for name, column in frame.items()
        if column.isna().any() and pd.api.types.infer_dtype(column) == "string"
    ]
    if not words:
        return frame
    plain = read(path, usecols=words, dtype=str, keep_default_na=False, na_values=[""])
    return frame.assign(**{k: plain[k] for k in words})


def read_with_lags(path: Path, models: list[Model]) -> pd.DataFrame:
    """A panel file with the lags of its models; a mistake names the file."""
    panel = read_panel(path)
    with naming(path):
        for entity in dict.fromkeys(m.entity for m in models):
            _require_one_spelling(panel, entity)
        return with_lags(panel, models)


def _require_one_spelling(panel: pd.DataFrame, entity: str) -> None:
    """A country that is written in two ways would be two clusters."""
    if entity not in panel or pd.api.types.is_numeric_dtype(panel[entity]):
        return
    seen: dict[str, str] = {}
    for code in panel[entity].dropna().unique():
        first = seen.setdefault(str(code).strip().casefold(), str(code))
        if first != str(code):
            raise TivaxError(
                f"{entity}: {first!r} and {str(code)!r} differ in capital letters or "
                "spaces alone; write it in one way"
            )


# ------------------------------------------------------------------------- the sections


def _model(table: TomlTable, sample: Sample) -> Model:
    own = table.read("sample", Sample, sample)
    name = f"{table.read('outcome', Text)} {own}"
    usual = {"name": name, "regressors": (), "sample": own, "family": own}
    usual |= {"entity": ENTITY, "time": TIME}
    return table.parse(Model, "tags", **usual)


@dataclass(frozen=True)
class _Combinations:
    """The section [models]: a model for every combination of these lists."""

    outcomes: Some
    treatment: Text
    samples: Annotated[tuple[Sample, ...], Meta(min_length=1)] = ()
    controls: Annotated[
        tuple[Texts, ...],
        Meta(min_length=1, description='write [["..."], ["...", "..."]]'),
    ] = ((),)
    panels: Annotated[
        tuple[Path, ...],
        Meta(min_length=1, description='write ["...", "..."], one at least'),
    ] = ()
    entity: str = ENTITY
    time: str = TIME
    clusters: str = ""
    effects: Texts = ()


def _combinations(
    table: TomlTable, sample: Sample, panel: Path
) -> list[tuple[Model, Path]]:
    values = dict(table.values)
    controls = values.get("controls")
    if isinstance(controls, list) and all(isinstance(k, str) for k in controls):
        values["controls"] = [controls] if controls else controls
    given = TomlTable(table.file, table.name, values).parse(_Combinations)
    files, groups, models = given.panels or (panel,), given.samples or (sample,), []
    every = [(f, o, g) for f in files for o in given.outcomes for g in groups]
    for file, outcome, group in every:
        for k, chosen in enumerate(given.controls, 1):
            parts = [outcome, group]
            parts += [f"controls {k}"] if len(given.controls) > 1 else []
            parts += [file.stem] if len(given.panels) > 1 else []
            model = {
                "name": " ".join(parts),
                "outcome": outcome,
                "regressors": (given.treatment, *chosen),
                "sample": group,
                "family": " ".join(parts[1:]),
            }
            same = ("entity", "time", "clusters", "effects")
            model |= {key: getattr(given, key) for key in same}
            models.append((table.make(Model, model), file))
    return models


def with_overrides(run: RunFile, draws: int | None, seed: int | None) -> RunFile:
    """The run file with the draws and seed of the command line, which are checked."""
    for name, value, least in (("draws", draws, 1), ("seed", seed, 0)):
        if value is not None:
            require_whole(name, value, least)
    return replace(
        run,
        draws=run.draws if draws is None else draws,
        seed=run.seed if seed is None else seed,
    )
