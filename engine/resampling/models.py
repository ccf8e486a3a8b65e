"""Linear models of a panel: columns, effects, clusters, sample."""

from dataclasses import dataclass

import pandas as pd

from ..core import TivaxError, show
from ..estimation import column_name, column_names, require_columns, sample


@dataclass(frozen=True)
class Model:
    """One linear model of a panel.

    Attributes
    ----------
    name
        Unique within a run.
    outcome
        A column of the panel.
    treatments
        Regressors of interest. With instruments they are endogenous.
    controls
        The other regressors.
    instruments
        Excluded instruments; none for least squares.
    effects
        Columns whose values get an effect each.
    cluster
        The column of the clusters.
    sample
        ``all``, ``developed`` or ``developing``.
    table, column
        Where the paper prints it; empty elsewhere.
    family
        Models of one family are tested together (Romano-Wolf). By default its sample.

    Raises
    ------
    TivaxError
        What is not the name of a column or a list of such names, and no treatment.

    Examples
    --------
    >>> model = tx.Model("main", "growth", treatments=("trade",), controls=("gdp",))
    >>> model.effects, model.cluster
    (('iso3', 'year'), 'iso3')
    """

    name: str
    outcome: str
    treatments: tuple[str, ...]
    controls: tuple[str, ...] = ()
    instruments: tuple[str, ...] = ()
    effects: tuple[str, ...] = ("iso3", "year")
    cluster: str = "iso3"
    sample: str = "all"
    table: int | None = None
    column: int | None = None
    family: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise TivaxError(f"model {show(self.name)}: a name is a text")
        try:
            for name in ("outcome", "cluster"):
                column_name(name, getattr(self, name))
            for name in ("treatments", "controls", "instruments", "effects"):
                names = column_names(name, getattr(self, name))
                object.__setattr__(self, name, names)
            if not self.treatments:
                raise TivaxError("treatments: name at least one")
            if len(set(self.effects)) < len(self.effects):
                raise TivaxError(f"effects: {', '.join(self.effects)}: name each once")
        except TivaxError as error:
            raise TivaxError(f"model {self.name}: {error}") from None

    @property
    def columns(self) -> tuple[str, ...]:
        """All that it takes, the outcome last, in the kernels' order."""
        return (*self.controls, *self.treatments, *self.instruments, self.outcome)


def sample_rows(panel: pd.DataFrame, model: Model) -> pd.DataFrame:
    """The rows of the panel that belong to the sample of the model."""
    require_columns(panel, ())
    if model.sample != "all" and "developed" not in panel.columns:
        raise TivaxError(
            f"no column developed in the panel, which sample {model.sample} goes by"
        )
    return sample(panel, model.sample)
