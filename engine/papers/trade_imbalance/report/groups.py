"""The section of the report on developed and developing countries."""

from ....present.words import Words
from ....reporting import Section
from .. import descriptives
from ..columns import LEVEL, OUTCOMES, sample
from ..heterogeneity import PARTS
from ..results import Replication
from .plots import PARTS_OUTCOME, Figures
from .texts import codes, table


def groups(result: Replication, figures: Figures, words: Words) -> Section:
    """Slopes of TBI by group, and the parts of the pooled coefficient."""
    rows = result.interactions.rename(
        columns={
            "developed_se": "s.e.",
            "developing_se": "s.e. ",
            "difference_se": "s.e.  ",
        }
    )
    parts = result.parts.pivot(
        index="outcome", columns="part", values=["weight", "slope"]
    )
    parts = parts.reindex(list(OUTCOMES)).swaplevel(axis=1)
    parts = parts[[(p, k) for p in PARTS for k in ("weight", "slope")]]
    parts[("sum", "pooled")] = result.parts.groupby("outcome")["contribution"].sum()
    formats = {
        column: ".0%" if column[1] == "weight" else ".2f" for column in parts.columns
    }
    different = result.interactions[
        (result.interactions["model"] == "all interacted")
        & (result.interactions["p_value"] < LEVEL)
    ]["outcome"].tolist()
    every = _exceeding(result, "pooled") == len(OUTCOMES)
    slopes = dict.fromkeys(rows.columns[2:8], ".2f") | {"p_value": "p3"}
    return words.section(
        "groups",
        figures,
        differing=(
            words.text("differing", outcomes=codes(words, different))
            if different
            else words.text("not differing")
        ),
        slopes=table(words, rows, slopes),
        question=words.text("not between" if every else "made of"),
        paths=_group_paths(result, words),
        exceeding=_exceeding(result),
        outcomes=len(OUTCOMES),
        parts=table(words, parts, formats),
        drawn=PARTS_OUTCOME,
    )


def _group_paths(result: Replication, words: Words) -> str:
    """Changes of the two groups' means from the first year to the last."""
    frame = result.panel.frame
    first, last = int(frame["year"].min()), int(frame["year"].max())
    changes = {}
    for group in ("developed", "developing"):
        for name, variable in (("tbi", "TBI"), ("index", "KOFEcGIdj")):
            means = sample(frame, group).groupby("year")[variable].mean().reset_index()
            change = descriptives.change(means, variable, first, last)
            changes[f"{group}_{name}"] = change
    return words.text("paths", first=first, last=last, **changes)


def pooled_sentence(result: Replication, words: Words) -> str:
    """Say whether the pooled coefficient exceeds both subsample ones, and why."""
    above, outcomes = _exceeding(result, "pooled"), len(OUTCOMES)
    if above < outcomes:
        return words.text("exceeds", above=above, outcomes=outcomes)
    between = result.parts[result.parts["part"] == "between groups"]
    given = {"outcomes": outcomes, "weight": between["weight"].mean()}
    return words.text("exceeds all", **given, **_between_share(result, words))


def _between_share(result: Replication, words: Words) -> dict[str, str]:
    """The share of each coefficient; there is none where parts have opposite signs."""
    parts = result.parts.pivot(index="outcome", columns="part", values="contribution")
    shares, mixed = [], []
    for outcome in OUTCOMES:
        own: dict = parts.loc[outcome].to_dict()
        if min(own.values()) < 0 < max(own.values()):
            mixed.append(outcome)
        else:
            share = own["between groups"] / sum(own.values())
            shares.append(words.text("share for", share=share, outcome=outcome))
    told = words.listed(shares, ", ")
    return {
        "shares": words.also(shares, "shares", shares=told),
        "none": words.also(mixed, "no shares", outcomes=codes(words, mixed)),
    }


def _exceeding(result: Replication, model: str = "group year effects") -> int:
    """For how many outcomes one slope for all exceeds those of both subsamples."""
    count = 0
    for _, rows in result.interactions.groupby("outcome"):
        one = rows[rows["model"] == model].iloc[0]["developed"]
        split = rows[rows["model"] == "all interacted"].iloc[0]
        count += one > max(split["developed"], split["developing"])
    return int(count)
