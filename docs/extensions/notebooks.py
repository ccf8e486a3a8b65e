"""Tutorials as notebooks for a hosted service: without output, tivax installed first.

``python docs/extensions/notebooks.py`` writes ``docs/notebooks``, as ``scripts/docs``
does before it builds.
"""

import json
import re
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1]
TUTORIALS = sorted(
    page
    for page in (DOCS / "tutorials").glob("*.md")
    if "{code-cell}" in page.read_text(encoding="utf-8")
)
INSTALL = "%pip install -q tivax"
_CELL = re.compile(r"^```\{code-cell\}\n((?::[^\n]*\n)*)(.*?)^```$", re.M | re.S)
_BOX = re.compile(r"^```\{(\w+)\}\n(.*?)^```$", re.M | re.S)
_RELATIVE_LINK = re.compile(r"(?<!!)\[([^\]]*)\]\((?!https?:)[^)]*\)")


def notebook(page: Path) -> str:
    """The text of the notebook of a page: its cells, in their order."""
    text = re.sub(
        r"\A---\n.*?\n---\n", "", page.read_text(encoding="utf-8"), flags=re.S
    )
    cells = [_cell("code", INSTALL)]
    # Of what lies between the cells, two groups follow each: its options, its code.
    for k, part in enumerate(_CELL.split(text)):
        if k % 3 != 1 and part.strip():
            cells.append(_cell("code" if k % 3 else "markdown", _words(part, k % 3)))
    about = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    whole = {"cells": cells, "metadata": about, "nbformat": 4, "nbformat_minor": 4}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def _words(part: str, code: int) -> str:
    """A part of a page; of links to other pages, which a notebook lacks, the words."""
    if not code:
        part = _BOX.sub(lambda k: f"> **{k[1].capitalize()}.** {k[2]}", part)
        part = _RELATIVE_LINK.sub(r"\1", part)
    return part.strip("\n")


def _cell(kind: str, text: str) -> dict[str, object]:
    code = {"execution_count": None, "outputs": []} if kind == "code" else {}
    return {"cell_type": kind, "metadata": {}, "source": text, **code}


def target(page: Path) -> Path:
    """Where the notebook of a page is."""
    return DOCS / "notebooks" / f"{page.stem}.ipynb"


if __name__ == "__main__":
    for tutorial in TUTORIALS:
        target(tutorial).parent.mkdir(exist_ok=True)
        target(tutorial).write_text(notebook(tutorial), encoding="utf-8")
