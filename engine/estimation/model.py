"""Linear models of a panel: columns, effects, clusters, sample."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field

import pandas as pd

from ..core import Text, TivaxError, naming, show
from .regression_data import (
    column_name,
    column_names,
    repeated,
    require_columns,
    require_one_row,
    unnamed,
)
from .samples import Sample, lagged, sample


@dataclass(frozen=True)
class Model:
    """One linear model of a panel, in the words of a run file.

    Attributes
    ----------
    name
        Unique within a run; empty for a model of its own.
    outcome
        A column of the panel.
    regressors
        Columns of the panel; ``L.NAME`` is the value of NAME a year earlier.
    treatment
        The regressor of interest, or several. By default the endogenous ones, else the
        first regressor.
    endogenous, instruments
        Two-stage least squares: the treatments (by default where there are instruments)
        and their excluded instruments.
    entity, time
        Columns of the entities and of the periods, by default none. Their values get an
        effect each, and lags go by them.
    clusters
        The column of the clusters, by default ``entity``.
    effects
        Further columns whose values get an effect each, such as the industry. For
        effects of region by year in place of those of years, ``time`` names them.
    sample
        ``all``, or a column of 1 and 0 whose rows of 1 it has, such as ``developed``;
        ``developing`` has those where that is 0.
    family
        Models of one family are tested together (Romano-Wolf). By default its sample.
    tags
        Whole numbers by name that tell where a model belongs. The summary of a run
        repeats those named ``table`` and ``column``; ``models = "paper"`` has both.
    Raises
    ------
    TivaxError
        An argument that is not the name of a column or a list of such names, a name
        given twice, no regressor, a treatment that is none, endogenous regressors
        without instruments, a tag that is no whole number.

    Examples
    --------
    >>> model = tx.Model("main", "growth", ["trade", "gdp"], entity="iso3", time="year")
    >>> model.equation
    'growth on trade; controls gdp; effects of iso3, year; clustered by iso3'
    """

    name: Text
    outcome: str
    regressors: Sequence[str]
    treatment: str | Sequence[str] = ()
    endogenous: Sequence[str] = ()
    instruments: Sequence[str] = ()
    entity: str = ""
    time: str = ""
    clusters: str = ""
    effects: Sequence[str] = ()
    sample: Sample = "all"
    family: str = ""
    tags: Mapping[str, int] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise TivaxError(f"model {show(self.name)}: a name is a text")
        with naming(f"model {self.name}") if self.name else nullcontext():
            self._check()

    def _check(self) -> None:
        """Check all names, and make every list a tuple."""
        for name in ("outcome", "entity", "time", "clusters"):
            if name == "outcome" or getattr(self, name) != "":
                column_name(name, getattr(self, name))
        object.__setattr__(self, "clusters", self.clusters or self.entity)
        if isinstance(self.treatment, str) and self.treatment:
            object.__setattr__(self, "treatment", (self.treatment,))
        for name in ("regressors", "treatment", "endogenous", "instruments", "effects"):
            object.__setattr__(self, name, column_names(name, getattr(self, name)))
        usual = self.treatment or self.endogenous or self.regressors[:1]
        object.__setattr__(self, "treatment", usual)
        if self.instruments and not self.endogenous:
            object.__setattr__(self, "endogenous", self.treatment)
        if mistake := self._wrong_names():
            raise TivaxError(": ".join(mistake))
        if len(set(self.all_effects)) < len(self.all_effects):
            raise TivaxError(
                f"{', '.join(self.all_effects)}: name each once; effects are those "
                "beside entity and time"
            )
        column_name("sample", self.sample)
        if not isinstance(self.tags, Mapping) or not all(
            isinstance(name, str) and type(number) is int
            for name, number in self.tags.items()
        ):
            raise TivaxError(
                f'tags: {show(self.tags)}: give whole numbers by name, {{"table": 3}}'
            )

    def _wrong_names(self) -> tuple[str, str] | None:
        """The first mistake in the names, as (argument, message); None without any."""
        treatments, endogenous = self.treatments, self.endogenous
        if bool(endogenous) != bool(self.instruments):
            return "endogenous", "endogenous and instruments go together"
        if not treatments:
            return "regressors", "name at least one"
        if endogenous and set(treatments) != set(endogenous):
            return (
                "treatment",
                "with instruments the treatments are the endogenous regressors",
            )
        if not endogenous and (lacking := set(treatments) - set(self.regressors)):
            return "treatment", f"{sorted(lacking)[0]} is not a regressor"
        others = (k for k in endogenous if k not in self.regressors)
        names = (*self.regressors, *others)
        if mistake := repeated(self.outcome, names, self.instruments):
            return mistake
        if len(set(treatments)) < len(treatments):
            return "treatment", f"{', '.join(treatments)}: name each once"
        return None

    @property
    def treatments(self) -> tuple[str, ...]:
        """The regressors of interest; with instruments they are endogenous."""
        return tuple(self.treatment)

    @property
    def controls(self) -> tuple[str, ...]:
        """The other regressors."""
        return tuple(k for k in self.regressors if k not in self.treatments)

    @property
    def all_effects(self) -> tuple[str, ...]:
        """Columns whose values get an effect each: entity, time and further ones."""
        return tuple(k for k in (self.entity, self.time, *self.effects) if k)

    @property
    def columns(self) -> tuple[str, ...]:
        """All that it takes, the outcome last, in the kernels' order."""
        return (*self.controls, *self.treatments, *self.instruments, self.outcome)

    @property
    def equation(self) -> str:
        """The model in words: outcome, regressors, effects, clusters, sample."""
        parts = [f"{self.outcome} on {', '.join(self.treatments)}"]
        if self.instruments:
            parts[0] += f" (instruments {', '.join(self.instruments)})"
        if self.controls:
            parts.append(f"controls {', '.join(self.controls)}")
        effects = ", ".join(self.all_effects)
        parts.append(f"effects of {effects}" if effects else "no effects")
        if self.clusters:
            parts.append(f"clustered by {self.clusters}")
        if self.sample != "all":
            parts.append(f"{self.sample} rows")
        return "; ".join(parts)


def sample_rows(panel: pd.DataFrame, model: Model) -> pd.DataFrame:
    """The rows of the panel that belong to the sample of the model."""
    require_columns(panel, ())
    return sample(unnamed(panel), model.sample)


def models_of(model: object, *, one_clustering: bool = False) -> list[Model]:
    """A model, or several with names of their own; ``one_clustering``: and the same
    clusters. Raises ``TivaxError`` for anything else."""
    models = [model] if isinstance(model, Model) else model
    if (
        not isinstance(models, list | tuple)
        or not models
        or not all(isinstance(k, Model) for k in models)
    ):
        raise TivaxError("model: give a tx.Model, or a list of them")
    names = [k.name for k in models]
    if twice := [k for k in names if names.count(k) > 1]:
        raise TivaxError(f"model: two are called {twice[0]}; rename one")
    if one_clustering and len({k.clusters for k in models}) > 1:
        raise TivaxError("model: models of one call have the same clusters")
    return list(models)


def with_lags(panel: pd.DataFrame, models: list[Model]) -> pd.DataFrame:
    """The panel with a column ``L.NAME`` for each lag that a model names.

    Raises ``TivaxError`` for a lag of what is not there or of models whose entity and
    time differ, and for an entity with two rows in a period, unless models have further
    effects.
    """
    for m in models:
        if m.entity and m.time and not m.effects:
            _require_one_row(panel, m.entity, m.time)
    new, keys_of = {}, dict[str, tuple[str, str]]()
    for m in models:
        keys = (m.entity, m.time)
        for lag in sorted({k for k in m.columns if k.startswith("L.")} - {*panel}):
            if keys_of.setdefault(lag, keys) != keys:
                raise TivaxError(
                    f"{lag}: models have different entity and time; give each its own "
                    "run file"
                )
            if lag not in new:
                new[lag] = _lag(panel, lag, *keys)
    return panel.assign(**new)


def _lag(panel: pd.DataFrame, lag: str, entity: str, time: str) -> pd.Series:
    source = lag.removeprefix("L.")
    if source not in panel.columns:
        raise TivaxError(f"no column {source} in the panel, of which {lag} is a lag")
    if not entity or not time:
        raise TivaxError(f"{lag}: a lag needs entity and time; name their columns")
    if missing := sorted({entity, time} - {*panel.columns}):
        raise TivaxError(
            f"{lag}: a lag needs the column {missing[0]}; entity and time name yours"
        )
    _require_one_row(panel, entity, time)
    return lagged(panel, source, entity=entity, time=time)


def _require_one_row(panel: pd.DataFrame, entity: str, time: str) -> None:
    if {entity, time} <= {*panel.columns}:  # else a model that takes them says so
        require_one_row(panel, entity, time)
