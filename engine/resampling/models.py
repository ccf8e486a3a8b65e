"""Linear models of a panel: columns, effects, clusters, sample."""

from collections.abc import Mapping, Sequence
from dataclasses import InitVar, dataclass, field

import pandas as pd

from ..core import TivaxError, require_choice, show
from ..estimation import (
    SAMPLES,
    column_name,
    column_names,
    repeated,
    require_columns,
    sample,
)

_EFFECTS = ("iso3", "year")


@dataclass(frozen=True)
class Model:
    """One linear model of a panel, in the words of a run file.

    Attributes
    ----------
    name
        Unique within a run.
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
    effects
        Columns whose values get an effect each.
    cluster
        The column of the clusters.
    sample
        ``all``, ``developed`` or ``developing``.
    family
        Models of one family are tested together (Romano-Wolf). By default its sample.
    tags
        Whole numbers by name that tell where a model belongs. The summary of a run
        repeats those named ``table`` and ``column``; ``models = "paper"`` has both.
    entity, time, clusters
        The words of :func:`fixed_effects`: ``entity="country", time="yr"`` is
        ``effects=["country", "yr"]`` clustered by country, ``clusters`` is ``cluster``.

    Raises
    ------
    TivaxError
        What is not the name of a column or a list of such names, a name given twice, no
        regressor, a treatment that is none, endogenous regressors without instruments,
        an unknown sample, a tag that is no whole number.

    Examples
    --------
    >>> model = tx.Model("main", "growth", ["trade", "gdp"])
    >>> model.effects, model.cluster
    (('iso3', 'year'), 'iso3')
    """

    name: str
    outcome: str
    regressors: Sequence[str]
    treatment: str | Sequence[str] = ()
    endogenous: Sequence[str] = ()
    instruments: Sequence[str] = ()
    effects: Sequence[str] = _EFFECTS
    cluster: str = _EFFECTS[0]
    sample: str = "all"
    family: str = ""
    tags: Mapping[str, int] = field(default_factory=dict, hash=False)
    entity: InitVar[str | None] = None
    time: InitVar[str | None] = None
    clusters: InitVar[str | None] = None

    def __post_init__(
        self, entity: str | None, time: str | None, clusters: str | None
    ) -> None:
        if not isinstance(self.name, str):
            raise TivaxError(f"model {show(self.name)}: a name is a text")
        try:
            self._take(entity, time, clusters)
            self._check()
        except TivaxError as error:
            raise TivaxError(f"model {self.name}: {error}") from None

    def _take(self, entity: str | None, time: str | None, clusters: str | None) -> None:
        """Effects and cluster in the words of ``fixed_effects``."""
        if entity is not None or time is not None:
            if tuple(self.effects) != _EFFECTS:
                raise TivaxError("give effects, or entity and time, not both")
            names = (entity or _EFFECTS[0], time or _EFFECTS[1])
            object.__setattr__(self, "effects", names)
            if self.cluster == _EFFECTS[0]:
                object.__setattr__(self, "cluster", names[0])
        if clusters is not None:
            object.__setattr__(self, "cluster", clusters)

    def _check(self) -> None:
        """Check all names, and make every list a tuple."""
        for name in ("outcome", "cluster"):
            column_name(name, getattr(self, name))
        if isinstance(self.treatment, str) and self.treatment:
            object.__setattr__(self, "treatment", (self.treatment,))
        for name in ("regressors", "treatment", "endogenous", "instruments", "effects"):
            object.__setattr__(self, name, column_names(name, getattr(self, name)))
        given = (self.regressors, self.treatment, self.endogenous)
        object.__setattr__(self, "treatment", default_treatment(*given))
        if self.instruments and not self.endogenous:
            object.__setattr__(self, "endogenous", self.treatment)
        if mistake := wrong_names(
            self.outcome,
            self.regressors,
            self.treatments,
            self.endogenous,
            self.instruments,
        ):
            raise TivaxError(": ".join(mistake))
        if len(set(self.effects)) < len(self.effects):
            raise TivaxError(f"effects: {', '.join(self.effects)}: name each once")
        require_choice("sample", self.sample, SAMPLES)
        if not isinstance(self.tags, Mapping) or not all(
            isinstance(name, str) and type(number) is int
            for name, number in self.tags.items()
        ):
            raise TivaxError(
                f'tags: {show(self.tags)}: give whole numbers by name, {{"table": 3}}'
            )

    @property
    def treatments(self) -> tuple[str, ...]:
        """The regressors of interest; with instruments they are endogenous."""
        return tuple(self.treatment)

    @property
    def controls(self) -> tuple[str, ...]:
        """The other regressors."""
        return tuple(k for k in self.regressors if k not in self.treatments)

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
        effects = ", ".join(self.effects)
        parts.append(f"effects of {effects}" if effects else "no effects")
        parts.append(f"clustered by {self.cluster}")
        if self.sample != "all":
            parts.append(f"{self.sample} countries")
        return "; ".join(parts)


def default_treatment(
    regressors: Sequence[str], treatment: Sequence[str], endogenous: Sequence[str]
) -> tuple[str, ...]:
    """The treatments: as named, else what is endogenous, else the first regressor."""
    return tuple(treatment or endogenous or regressors[:1])


def wrong_names(
    outcome: str,
    regressors: Sequence[str],
    treatments: Sequence[str],
    endogenous: Sequence[str],
    instruments: Sequence[str],
) -> tuple[str, str] | None:
    """The first mistake in these names, as (argument, message); None without any."""
    if bool(endogenous) != bool(instruments):
        return (
            "endogenous" if endogenous else "instruments",
            "endogenous and instruments go together",
        )
    if not treatments:
        return "regressors", "name at least the treatment"
    if endogenous and set(treatments) != set(endogenous):
        return (
            "treatment",
            "with instruments the treatments are the endogenous regressors",
        )
    if not endogenous and (lacking := set(treatments) - set(regressors)):
        return "treatment", f"{sorted(lacking)[0]} is not a regressor"
    if len(set(treatments)) < len(treatments):
        return "treatment", f"{', '.join(treatments)}: name each once"
    others = (k for k in endogenous if k not in regressors)
    return repeated(outcome, (*regressors, *others), instruments)


def sample_rows(panel: pd.DataFrame, model: Model) -> pd.DataFrame:
    """The rows of the panel that belong to the sample of the model."""
    require_columns(panel, ())
    if model.sample != "all" and "developed" not in panel.columns:
        raise TivaxError(
            f"no column developed in the panel, which sample {model.sample} goes by"
        )
    return sample(panel, model.sample)
