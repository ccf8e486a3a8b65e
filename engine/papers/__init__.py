"""Papers beside the house, a folder each; docs/reference/papers.md is the contract.

The name of a folder is that of its paper, in ``tivax replicate --paper NAME`` and in
``models = "NAME"`` of run files.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, Protocol, cast

from ..core import Aside, Format, require_choice
from ..reporting import Language

DEFAULT = "trade_imbalance"


class Paper(Protocol):
    """The front of a paper's folder."""

    @property
    def STEPS(self) -> Sequence[str]:
        """The steps of ``run_paper`` in order, as a terminal shows them."""
        ...

    def paper_models(self) -> list[Any]:
        """The models (``tx.Model``) that a run file may ask for."""
        ...

    def inputs(self, files: Any) -> Mapping[Path, str]:
        """Files read besides those of ``tx.DataFiles``, and the database of each."""
        ...

    def run_paper(
        self,
        files: Any,
        folder: Path,
        *,
        language: Language,
        figures: bool,
        format: Format,
        said: Callable[[str], object],
        aside: Aside | None,
    ) -> tuple[dict[str, Any], list[str]]:
        """Write all results, report.html among them, into the folder.

        ``said`` is called with each of ``STEPS`` before it begins; ``aside`` is a
        process that may help. Returns facts of the manifest, ``residual_max`` and
        ``seed`` among them, and lines for the terminal.
        """
        ...


def paper_names() -> list[str]:
    """The folders of papers."""
    return sorted(found.name for found in iter_modules(__path__) if found.ispkg)


def get_paper(name: str = DEFAULT) -> Paper:
    """The front of a paper's folder; ``TivaxError`` for a name that there is not."""
    require_choice("paper", name, paper_names())
    return cast(Paper, import_module(f"{__name__}.{name}"))


def known_models() -> dict[str, list[Any]]:
    """Models by the name of their paper; ``paper`` is the first paper."""
    models = {name: get_paper(name).paper_models() for name in paper_names()}
    return {"paper": models[DEFAULT], **models}
