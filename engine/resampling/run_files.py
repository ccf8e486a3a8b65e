"""Run files (TOML): models, scheme and number of draws; unknown keys are mistakes.

    panel = "panel.csv"           # csv, parquet, dta, xlsx, feather, beside this
    seed = 1
    draws = 1_000_000
    sample = "all"                # developed, developing; also for a single model
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
    effects = ["iso3", "year"]
    cluster = "iso3"

Two-stage least squares: ``endogenous`` and ``instruments``; ``L.TBI`` is the value a
year earlier. In place of [[model]], ``models = "paper"`` means the paper's 17 columns,
and [grid] every combination of its outcomes, samples, controls and panels.

[threats] is read by ``tivax threats`` alone, which needs no [scheme]: blocks of
countries by name, and lists of columns, weights, placebos, vintages and only, as in
``tx.threats``.

[curve] is read by ``tivax curve`` alone, which needs no [scheme] either: a list of
options for each choice, as in ``tx.specification_curve``, blocks and most.

[simulate] is read by ``tivax simulate`` alone, which needs no [scheme] either:

    [simulate]
    panels = 1_000                # of each kind that is simulated
    draws = 399                   # of each bootstrap in each of them
    coarse = ["region"]           # levels of clusters above the countries, to test
    flows = "flows.csv"           # exporters by importers, for the network HAC

store and error are read by ``tivax montecarlo`` alone, whose draws are of tables and
which needs no [scheme]; one of kind pairs or bayesian says how clusters are drawn:

    store = "store"               # the tables that the treatment was computed from
    error = "model.toml"          # or the name of a model, such as "rounding"
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, get_args

import pandas as pd

from ...kernels.random_draws import GENERATOR
from ..core import (
    TivaxError,
    TomlTable,
    choose_from,
    read_toml,
    require_as_recorded,
    require_commas,
    require_whole,
    sha256,
)
from ..estimation import SAMPLES, lagged, repeated, require_one_row
from .models import Model, default_treatment, wrong_names
from .schemes import Kind, Method, Permute, Scheme, Type, Weights

_TOP = set(
    (
        "panel seed draws sample save_draws timed models model grid scheme threats "
        "curve simulate store error"
    ).split()
)
_THREATS = ("columns", "weights", "placebos", "vintages", "only")
_MODEL = set(
    (
        "name outcome regressors treatment endogenous instruments effects cluster "
        "entity time clusters sample family"
    ).split()
)
_GRID = set(
    (
        "outcomes samples controls panels treatment effects cluster entity time "
        "clusters"
    ).split()
)
_SCHEME = {each.name for each in fields(Scheme)}


@dataclass(frozen=True)
class RunFile:
    """A run file, checked.

    ``models`` pairs each model with its panel file; ``threats`` and ``curve`` are
    arguments of ``tx.threats`` and of ``tx.specification_curve``.
    """

    path: Path
    models: tuple[tuple[Model, Path], ...]
    scheme: Scheme
    draws: int
    seed: int
    save_draws: bool
    timed: bool = False
    threats: Mapping[str, Any] = field(default_factory=dict)
    curve: Mapping[str, Any] = field(default_factory=dict)
    simulate: Mapping[str, Any] = field(default_factory=dict)
    store: Path | None = None
    error: str = ""

    @property
    def panels(self) -> list[Path]:
        return list(dict.fromkeys(panel for _, panel in self.models))

    @property
    def identity(self) -> dict[str, Any]:
        """What draws of its models depend on, for a ``Job``."""
        return {
            "models": [[asdict(model), sha256(panel)] for model, panel in self.models],
            "scheme": asdict(self.scheme),
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
    toml = TomlTable(path, "", read_toml(path), _TOP)
    panel = toml.path("panel")
    sample = toml.choice("sample", SAMPLES, "all")
    named = [key for key in ("models", "model", "grid") if toml.has(key)]
    if len(named) != 1:
        raise TivaxError(
            f'{path}: one of models = "paper", [[model]] and [grid] says what is '
            f"estimated; it has {' and '.join(named) or 'none of them'}"
        )
    if named == ["models"]:
        known = named_models or {}
        chosen = toml.choice("models", tuple(known))
        if toml.has("sample"):
            raise toml.mistake(
                "sample", f"leave it out: the models of the {chosen} have theirs"
            )
        models = [(model, panel) for model in known[chosen]]
    elif named == ["model"]:
        models = [
            (_model(each, sample), panel) for each in toml.tables("model", _MODEL)
        ]
    else:
        models = _grid(toml.table("grid", _GRID), sample, panel)
    names = [model.name for model, _ in models]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise TivaxError(f"{path}: duplicate model name {twice[0]}; rename one")
    return RunFile(
        path=path,
        models=tuple(models),
        scheme=scheme
        if scheme and not toml.has("scheme")
        else _scheme(toml.table("scheme", _SCHEME)),
        draws=toml.whole("draws", draws, least=1),
        seed=toml.whole("seed", 0, least=0),
        save_draws=toml.flag("save_draws", False),
        timed=toml.flag("timed", False),
        threats=_threats(toml),
        curve=_curve(toml),
        simulate=_simulate(toml),
        store=toml.path("store") if toml.has("store") else None,
        error=toml.text("error", ""),
    )


def read_panel(path: Path) -> pd.DataFrame:
    """A panel file of any of the formats that ``tivax panel`` writes."""
    readers = {
        ".csv": partial(_read_cells, pd.read_csv),
        ".parquet": pd.read_parquet,
        ".dta": pd.read_stata,
        ".xlsx": partial(_read_cells, partial(pd.read_excel, engine="calamine")),
        ".feather": pd.read_feather,
    }
    if path.suffix not in readers:
        raise TivaxError(f"{path}: a panel is csv, parquet, dta, xlsx or feather")
    if not path.exists():
        raise TivaxError(f"{path}: no such panel; `tivax panel` makes one")
    require_as_recorded(path)
    try:
        return readers[path.suffix](path)
    except TivaxError as error:
        raise TivaxError(f"{path}: {error}") from None
    except Exception as error:  # of every kind, for bytes changed at random
        said = " ".join(str(error).split())
        if isinstance(error, UnicodeDecodeError):
            said = "it is not in UTF-8; save it as UTF-8"
        raise TivaxError(f"{path}: not a readable {path.suffix} file: {said}") from None


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
    try:
        _require_one_spelling(panel)
        return with_lags(panel, models)
    except TivaxError as error:
        raise TivaxError(f"{path}: {error}") from None


def _require_one_spelling(panel: pd.DataFrame) -> None:
    """A country that is written in two ways would be two clusters."""
    country = _KEYS[0]
    if country not in panel or pd.api.types.is_numeric_dtype(panel[country]):
        return
    seen: dict[str, str] = {}
    for code in panel[country].dropna().unique():
        first = seen.setdefault(str(code).strip().casefold(), str(code))
        if first != str(code):
            raise TivaxError(
                f"{country}: {first!r} and {str(code)!r} differ in capital letters or "
                "spaces alone; write a country in one way"
            )


def with_lags(panel: pd.DataFrame, models: list[Model]) -> pd.DataFrame:
    """The panel with a column ``L.NAME`` for each lag that a model names.

    Raises ``TivaxError`` for a lag of what is not there, and for a country with two
    rows in a year, unless models have other effects than of countries and years.
    """
    if any(set(m.effects) == set(_KEYS) for m in models):
        _require_one_row_a_year(panel)
    named = {k for m in models for k in m.columns if k.startswith("L.")}
    new = {}
    for lag in sorted(named - set(panel.columns)):
        source = lag.removeprefix("L.")
        if source not in panel.columns:
            raise TivaxError(
                f"no column {source} in the panel, of which {lag} is a lag"
            )
        if missing := set(_KEYS) - set(panel.columns):
            raise TivaxError(f"{lag}: a lag needs the column {sorted(missing)[0]}")
        _require_one_row_a_year(panel)
        new[lag] = lagged(panel, source)
    return panel.assign(**new)


_KEYS = ("iso3", "year")


def _require_one_row_a_year(panel: pd.DataFrame) -> None:
    keys = [*_KEYS]
    if not {*keys} <= {*panel.columns}:
        return  # a model that takes them says so
    require_one_row(panel, *_KEYS)


# ------------------------------------------------------------------------- the sections


def _model(table: TomlTable, sample: str) -> Model:
    outcome = table.text("outcome")
    endogenous = table.texts("endogenous", ())
    instruments = table.texts("instruments", ())
    regressors = table.texts("regressors", ())
    remedy = "name one, or leave it out, which means the first regressor"
    named = table.chosen("treatment", (), remedy)
    treatments = default_treatment(regressors, named, endogenous)
    if mistake := wrong_names(outcome, regressors, treatments, endogenous, instruments):
        raise table.mistake(*mistake)
    own = table.choice("sample", SAMPLES, sample)
    effects, cluster = _effects_and_cluster(table)
    return Model(
        name=table.text("name", f"{outcome} {own}"),
        outcome=outcome,
        regressors=regressors,
        treatment=treatments,
        endogenous=endogenous,
        instruments=instruments,
        effects=effects,
        cluster=cluster,
        sample=own,
        family=table.text("family", own),
    )


def _effects_and_cluster(table: TomlTable) -> tuple[tuple[str, ...], str]:
    """``effects`` and ``cluster``, or entity, time and clusters as in
    ``tx.fixed_effects``."""
    pair = [k for k in ("entity", "time") if table.has(k)]
    if pair and table.has("effects"):
        raise table.mistake(pair[0], "give effects, or entity and time, not both")
    effects = (table.text("entity", "iso3"), table.text("time", "year"))
    if not pair:
        effects = tuple(table.texts("effects", effects))
    if table.has("clusters") and table.has("cluster"):
        raise table.mistake("clusters", "is cluster in other words; give one of them")
    key = "clusters" if table.has("clusters") else "cluster"
    return effects, table.text(key, effects[0] if effects else "iso3")


def _threats(toml: TomlTable) -> dict[str, Any]:
    if not toml.has("threats"):
        return {}
    table = toml.table("threats", {"blocks", *_THREATS})
    chosen: dict[str, Any] = {k: table.texts(k, ()) for k in _THREATS if table.has(k)}
    if "only" in chosen:
        table.chosen("only", (), "name a threat, or leave it out, which means all")
    return {**chosen, **_blocks(table)}


def _blocks(table: TomlTable) -> dict[str, Any]:
    if not table.has("blocks"):
        return {}
    given = table.values["blocks"]
    blocks = table.table("blocks", given if isinstance(given, dict) else ())
    remedy = "name its countries, or leave it out"
    return {"blocks": {k: blocks.chosen(k, (), remedy) for k in blocks.values}}


def _curve(toml: TomlTable) -> dict[str, Any]:
    if not toml.has("curve"):
        return {}
    given = toml.values["curve"]
    table = toml.table("curve", given if isinstance(given, dict) else ())
    found = _blocks(table)
    if table.has("most"):
        found["most"] = table.whole("most", 0, least=1)
    choices = {k: v for k, v in table.values.items() if k not in ("blocks", "most")}
    for name, options in choices.items():
        if options == []:
            raise table.mistake(name, "is empty; give an option, or leave it out")
    # Without any, those that the panel has the columns for.
    return {**found, "choices": choices} if choices else found


def _simulate(toml: TomlTable) -> dict[str, Any]:
    if not toml.has("simulate"):
        return {}
    table = toml.table("simulate", {"panels", "draws", "coarse", "flows"})
    return {
        "panels": table.whole("panels", 1_000, least=1),
        "panel_draws": table.whole("draws", 399, least=1),
        "coarse": table.texts("coarse", ()),
        "flows": table.path("flows") if table.has("flows") else None,
    }


def _grid(table: TomlTable, sample: str, panel: Path) -> list[tuple[Model, Path]]:
    outcomes = table.texts("outcomes", ())
    treatment = table.text("treatment")
    if not outcomes:
        raise table.mistake("outcomes", "name at least one")
    samples = table.chosen("samples", (sample,), "name one, or leave it out")
    for name in samples:
        if name not in SAMPLES:
            raise table.mistake("samples", choose_from(SAMPLES))
    controls = table.lists("controls", [()])
    table.chosen("panels", (), "name a file, or leave it out")
    panels = table.paths("panels", [panel])
    effects, cluster = _effects_and_cluster(table)
    models = []
    for file in panels:
        for outcome in outcomes:
            for group in samples:
                for k, chosen in enumerate(controls, 1):
                    parts = [outcome, group]
                    parts += [f"controls {k}"] if len(controls) > 1 else []
                    parts += [file.stem] if len(panels) > 1 else []
                    if mistake := repeated(outcome, (*chosen, treatment)):
                        raise table.mistake("controls", mistake[1])
                    model = Model(
                        name=" ".join(parts),
                        outcome=outcome,
                        regressors=(treatment, *chosen),
                        effects=effects,
                        cluster=cluster,
                        sample=group,
                        family=" ".join(parts[1:]),
                    )
                    models.append((model, file))
    return models


def _scheme(table: TomlTable) -> Scheme:
    scheme = Scheme(
        kind=table.choice("kind", get_args(Kind)),
        weights=table.choice("weights", get_args(Weights), "rademacher"),
        null=table.flag("null", True),
        value=table.number("value", 0.0),
        joint=table.flag("joint", False),
        studentised=table.flag("studentised", False)
        if table.has("studentised")
        else None,
        permute=table.choice("permute", get_args(Permute), "countries"),
        strata=table.text("strata", ""),
        method=table.choice("method", get_args(Method), "treatment"),
        type=table.choice("type", get_args(Type), "11"),
        second=table.text("second", ""),
    )
    belongs = {
        "weights": ("wild",),
        "null": ("wild",),
        "value": ("wild",),
        "joint": ("wild",),
        "type": ("wild",),
        "second": ("wild",),
        "studentised": ("pairs", "bayesian", "placebo"),
        "permute": ("placebo",),
        "strata": ("placebo",),
        "method": ("placebo",),
    }
    for key, kinds in belongs.items():
        if table.has(key) and scheme.kind not in kinds:
            raise table.mistake(
                key, f"goes with kind = {' or '.join(kinds)}, not {scheme.kind}"
            )
    return scheme


def with_overrides(run: RunFile, draws: int | None, seed: int | None) -> RunFile:
    """The run file with the draws and seed of the command line, which are checked."""
    for option, value, least in (("--draws", draws, 1), ("--seed", seed, 0)):
        if value is not None:
            require_whole(option, value, least)
    return replace(
        run,
        draws=run.draws if draws is None else draws,
        seed=run.seed if seed is None else seed,
    )
