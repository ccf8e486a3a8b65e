"""Methods behind the numbers of results, for their reports: ``methods.md``."""

from pathlib import Path

from .documents import Document

_PAGE = Document(Path(__file__).with_name("methods.md"))


def method_of(result: str, **given: str) -> str:
    """The method behind a result, by its name in ``methods.md``, with what is given."""
    return _PAGE.text(result, **given)
