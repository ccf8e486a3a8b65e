"""``ModelsPage``: several models under one question, a figure and a section of each."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from typing import Any

from matplotlib.figure import Figure

from ..core import Listing
from ..estimation import Model
from ..reporting import Drawn, Plot, Section
from .pages import OwnPage


class ModelsPage(OwnPage):
    """A sentence, a table, a figure and a section of each model."""

    @property
    def subtitle(self) -> str:
        result = self.result
        return self.words.text("size", models=len(result.models), draws=result.draws)

    @cached_property
    def each(self) -> dict[str, Any]:
        """Findings of each model, by its name."""
        return {k.model.name: k for k in self.result.findings()}

    @property
    def findings(self) -> dict[str, str]:
        """Conclusions by model without its name, as reports have them."""
        return {model.name: self.found(model) for model in self.result.models}

    @property
    def sentences(self) -> dict[str, str]:
        """Conclusions by model, as the screen has them."""
        return {
            k: self.words.text("named", name=k, found=v)
            for k, v in self.findings.items()
        }

    @property
    def sentence(self) -> str:
        return "\n".join(self.sentences.values())

    @property
    def finding(self) -> Sequence[str]:
        return [*self.findings.values()]

    def plots(self) -> dict[str, Plot]:
        return {
            f"{self.result.program}_{number}": partial(self.figure, model)
            for number, model in enumerate(self.result.models, 1)
        }

    def titles(self) -> dict[str, str]:
        titles = map(self.headline, self.result.models)
        return dict(zip(self.plots(), titles, strict=True))

    def sections(self, figures: Mapping[str, Drawn]) -> list[Section]:
        drawn = zip(self.result.models, figures.values(), strict=True)
        return [self.section(model, figure) for model, figure in drawn]

    def listings(self) -> Sequence[Listing]:
        return [self.listing(model) for model in self.result.models]

    @abstractmethod
    def found(self, model: Model) -> str:
        """The conclusion, by names of variables."""

    @abstractmethod
    def headline(self, model: Model) -> str:
        """The finding that the figure shows."""

    @abstractmethod
    def figure(self, model: Model) -> Figure:
        """The figure of a model."""

    @abstractmethod
    def section(self, model: Model, figure: Drawn) -> Section:
        """The section of the report."""

    @abstractmethod
    def listing(self, model: Model) -> Listing:
        """The table on the screen."""
