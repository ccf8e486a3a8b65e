"""Real and estimated parts of tables that a recipe rebuilds."""

from typing import Any

from ...core import load_toml
from .recipe import Recipe


def describe(recipe: Recipe) -> dict[str, Any]:
    """The store's attribute ``rebuilt``, but for what margins missed.

    As that of ``rebuilding.describe``: ``words``, ``blocks`` with the years in which
    each is real or estimated and how, ``missing`` with what it costs.
    """
    facts, seed, years = load_toml(__package__, "facts.toml"), recipe.seed, recipe.years
    start = "store" if seed.store else "shares" if seed.shares else "proportional"
    real = {"real": list(years), "printed": [], "estimated": []}
    estimated = {"real": [], "printed": [], "estimated": list(years)}
    blocks = {}
    for name, block in facts["blocks"].items():
        blocks[name] = {"title": block["title"]}
        if not block.get("real"):
            blocks[name] |= {"how": block.get(start, block["proportional"])}
        blocks[name] |= real if block.get("real") else estimated
    for trade in recipe.trade:
        note = {"note": "near the truth, not met"} if trade.approximate else {}
        title = f"trade by seller and buyer, {trade.name}"
        blocks[f"trade: {trade.name}"] = {"title": title, **note, **real}
    if not recipe.rest:
        del blocks["rest"]
    missing = [] if start != "proportional" else [facts["missing"]["seed"]]
    return {"words": facts["words"], "blocks": blocks, "missing": missing}
