"""Real and estimated parts of rebuilt tables, and how exact they are."""

from collections.abc import Mapping
from typing import Any

from ..core import load_toml
from .pieces import YEARS, Pieces


def describe(pieces: Pieces) -> dict[str, Any]:
    """The store's attribute ``rebuilt``, from facts.toml and the pieces there are.

    ``words`` say what the tables are; ``blocks`` which years of a block are real, as
    printed (rounded to 1 million, rounding undone) or estimated, and how; ``missing``
    what the tables do without and what that costs; ``errors`` the parameters of the
    errors that remain.
    """
    facts = load_toml(__package__, "facts.toml")
    errors = dict(facts["errors"])
    lacking = {
        piece: f" (without {', '.join(files)} the others are of no use)"
        for piece, files in pieces.lacking.items()
    }
    if pieces.cubes is None:
        errors["known"] = {**errors["known"], "groups": []}
    return {
        "words": facts["words"],
        "blocks": {k: _block(pieces, block) for k, block in facts["blocks"].items()},
        "missing": [
            f"{cost['files']}{lacking.get(piece, '')}: {cost['effect']}"
            for piece, cost in facts["costs"].items()
            if getattr(pieces, piece) is None
        ],
        "errors": errors,
    }


def _block(pieces: Pieces, block: Mapping[str, Any]) -> dict[str, Any]:
    def there(needs: str) -> bool:
        return all(getattr(pieces, k) is not None for k in block.get(needs, ()))

    years = {
        "real": list(block.get("real", ())),
        "printed": list(block.get("printed", ())) if there("printed_needs") else [],
    }
    if not there("needs"):
        lost, years["real"] = years["real"], []
        if block.get("otherwise") == "printed":
            years["printed"] += lost
    known = {*years["real"], *years["printed"]}
    years["estimated"] = [k for k in YEARS if k not in known]
    words = {k: block[k] for k in ("title", "estimated", "note") if k in block}
    if "estimated" in words:
        words["how"] = words.pop("estimated")
    return {**words, **years}
