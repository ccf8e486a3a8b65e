"""The ten threats that the report shows first: those that are declared, and the three
others that take most of the main result away."""

from collections.abc import Sequence

import pandas as pd

import tivax as tx

from ...present.words import Words
from ...reporting import label
from .verdicts import NAMES, THREATS

OTHERS = 3


def few_threats(
    threats: tx.results.Threats,
    words: Words,
    models: Sequence[str] = ("table3-3", "table3-4"),
) -> dict[str, pd.DataFrame]:
    """Rows for ``figures.few_threats`` by outcome in words; the three undeclared
    threats are those of the first model."""
    found = {model.name: model for model in threats.models}
    models = [name for name in models if name in found]
    if not models:
        return {}
    chosen = [*THREATS, *_worst_others(threats, models[0])]
    shown = {}
    for name in models:
        rows = _intervals(threats, name)
        pairs = list(zip(rows["threat"], rows["variant"], strict=True))
        order = {pair: k for k, pair in enumerate([pairs[0], *chosen])}
        rows = rows.assign(place=[order.get(k, -1) for k in pairs])
        rows["name"] = [name_of(threats, *k, words) for k in pairs]
        rows = rows[rows["place"] >= 0].drop_duplicates("place").sort_values("place")
        shown[label(found[name].outcome, words.language)] = rows
    return shown


def name_of(
    threats: tx.results.Threats, threat: str, variant: str, words: Words
) -> str:
    """A threat in a few words."""
    own = NAMES | {("the model", "as given"): "as the paper has it"}
    if name := own.get((threat, variant)):
        return words.say(name)
    return threats.page(words.language).named(threat, variant)


def _intervals(threats: tx.results.Threats, model: str) -> pd.DataFrame:
    """Intervals of a model with the declared p and what is kept of the variation."""
    table = threats.table[threats.table["model"] == model]
    keys = ["threat", "variant", "term", "estimate"]
    more = table[[*keys, "wild_p_value", "variation_kept"]].drop_duplicates(keys)
    rows = threats.intervals(model).merge(more, on=keys, how="left")
    return rows.rename(columns={"wild_p_value": "p_value"})


def _worst_others(threats: tx.results.Threats, model: str) -> list[tuple[str, str]]:
    """One variant of each other threat under which the result is gone: what keeps most
    of the variation of the index, the most first."""
    declared = {threat for threat, _ in THREATS}
    rows = _intervals(threats, model)
    gone = rows[(rows["state"] == "turned or gone") & ~rows["threat"].isin(declared)]
    gone = gone.sort_values("variation_kept", ascending=False, kind="stable")
    gone = gone.dropna(subset=["variation_kept"]).drop_duplicates("threat")
    return list(zip(gone["threat"], gone["variant"], strict=True))[:OTHERS]
