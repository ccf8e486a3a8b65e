"""``ModelsResult``: a result of several models, a figure and a section of each."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import partial

from matplotlib.figure import Figure

from ..core import Listing, count_text
from ..estimation import Model
from ..reporting import Drawn, Plot, Result, Section


class ModelsResult(Result):
    """Models under one question: a sentence, a table, a figure and a section each."""

    models: tuple[Model, ...]
    draws: int

    @property
    def subtitle(self) -> str:
        models, draws = len(self.models), self.draws
        return f"{count_text(models, 'model')}, {count_text(draws, 'draw')}"

    @property
    def sentence(self) -> str:
        """Conclusions for each model in words, from its numbers."""
        return "\n".join(self.sentences.values())

    @property
    def sentences(self) -> dict[str, str]:
        """The sentence of each model, by its name."""
        return {model.name: self._sentence(model) for model in self.models}

    @property
    def findings(self) -> dict[str, str]:
        """Their conclusions without the name, as reports have them."""
        return {model.name: self._found(model) for model in self.models}

    @property
    def finding(self) -> list[str]:
        return [*self.findings.values()]

    def plots(self) -> dict[str, Plot]:
        return {
            f"{self.program}_{number}": partial(self._figure, model.name)
            for number, model in enumerate(self.models, 1)
        }

    def titles(self) -> dict[str, str]:
        return dict(zip(self.plots(), map(self._title, self.models), strict=True))

    def sections(self, figures: Mapping[str, Drawn]) -> list[Section]:
        drawn = zip(self.models, figures.values(), strict=True)
        return [self._section(model, figure) for model, figure in drawn]

    def _listings(self) -> Sequence[Listing]:
        return [self._listing(model) for model in self.models]

    def _sentence(self, model: Model) -> str:
        """The conclusion, on the screen."""
        return f"{model.name}: {self._found(model)}"

    @abstractmethod
    def _found(self, model: Model) -> str:
        """The conclusion in the report, by names of variables."""

    @abstractmethod
    def _title(self, model: Model) -> str:
        """The finding that the figure shows."""

    @abstractmethod
    def _figure(self, model: str) -> Figure:
        """The figure of a model."""

    @abstractmethod
    def _section(self, model: Model, figure: Drawn) -> Section:
        """The section of the report."""

    @abstractmethod
    def _listing(self, model: Model) -> Listing:
        """The table on the screen."""
