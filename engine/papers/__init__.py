"""Papers beside the house, a folder each; docs/reference/papers.md is the contract.

The name of a folder is that of its paper, in ``tivax replicate --paper NAME`` and in
``models = "NAME"`` of run files.
"""

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from ..core import require_choice

DEFAULT = "trade_imbalance"


def paper_names() -> list[str]:
    """The folders of papers."""
    return sorted(found.name for found in iter_modules(__path__) if found.ispkg)


def get_paper(name: str = DEFAULT) -> Any:
    """The front of a paper's folder; ``TivaxError`` for a name that there is not."""
    require_choice("paper", name, paper_names())
    return import_module(f".papers.{name}", __name__.rpartition(".")[0])


def known_models() -> dict[str, list[Any]]:
    """Models by the name of their paper; ``paper`` stands for the first one."""
    papers = [(name, get_paper(name)) for name in paper_names()]
    models = {k: v.paper_models() for k, v in papers if "paper_models" in dir(v)}
    return {"paper": models[DEFAULT], **models}
