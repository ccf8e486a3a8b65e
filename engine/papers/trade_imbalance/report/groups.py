"""The section of the report on developed and developing countries."""

from ....core import percent_text
from ....reporting import Section, Table
from .. import descriptives
from ..columns import LEVEL, OUTCOMES, sample
from ..heterogeneity import PARTS
from ..results import Replication
from .plots import PARTS_OUTCOME, Figures
from .texts import REPORT


def groups(result: Replication, figures: Figures) -> Section:
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
    return REPORT.section(
        "groups",
        figures,
        differing=(
            f"at 5 % for {', '.join(different)} and for no other outcome"
            if different
            else "for no outcome"
        ),
        slopes=Table(
            rows, formats=dict.fromkeys(rows.columns[2:8], ".2f") | {"p_value": "p3"}
        ),
        question=(
            "Why the pooled coefficient is not between the two"
            if _exceeding(result, "pooled") == len(OUTCOMES)
            else "What the pooled coefficient is made of"
        ),
        paths=_group_paths(result),
        exceeding=_exceeding(result),
        outcomes=len(OUTCOMES),
        parts=Table(parts, formats=formats),
        drawn=PARTS_OUTCOME,
    )


def _group_paths(result: Replication) -> str:
    """Changes of the two groups' means from the first year to the last."""
    frame = result.panel.frame
    first, last = int(frame["year"].min()), int(frame["year"].max())

    def change(group: str, name: str) -> float:
        means = sample(frame, group).groupby("year")[name].mean().reset_index()
        return descriptives.change(means, name, first, last)

    return (
        f"From {first} to {last} the mean TBI of developing countries changed by "
        f"{change('developing', 'TBI'):+.3f} (developed "
        f"{change('developed', 'TBI'):+.3f}) and their economic index by "
        f"{change('developing', 'KOFEcGIdj'):+.1f} points (developed "
        f"{change('developed', 'KOFEcGIdj'):+.1f})."
    ).replace("-", "−")


def pooled_sentence(result: Replication) -> str:
    """Say whether the pooled coefficient exceeds both subsample ones, and why."""
    above = _exceeding(result, "pooled")
    if above < len(OUTCOMES):
        return (
            f"The pooled coefficient exceeds both subsample ones for {above} of "
            f"{len(OUTCOMES)} outcomes; the section on groups takes it apart."
        )
    between = result.parts[result.parts["part"] == "between groups"]
    return (
        "The pooled coefficient of TBI exceeds both subsample ones for all "
        f"{len(OUTCOMES)} outcomes. Part of this is not about countries at all: "
        f"{percent_text(between['weight'].mean())} of the variation that identifies "
        f"it is how the two groups moved against each other over time."
        f"{_between_share(result)}"
    )


def _between_share(result: Replication) -> str:
    """The share of each coefficient; there is none where parts have opposite signs."""
    parts = result.parts.pivot(index="outcome", columns="part", values="contribution")
    shares, mixed = [], []
    for outcome in OUTCOMES:
        own: dict = parts.loc[outcome].to_dict()
        if min(own.values()) < 0 < max(own.values()):
            mixed.append(outcome)
        else:
            share = own["between groups"] / sum(own.values())
            shares.append(f"{percent_text(share)} for {outcome}")
    text = f" Its share of the coefficient is {', '.join(shares)}." if shares else ""
    if mixed:
        text += f" It has none for {', '.join(mixed)}: the parts have opposite signs."
    return text


def _exceeding(result: Replication, model: str = "group year effects") -> int:
    """For how many outcomes one slope for all exceeds those of both subsamples."""
    count = 0
    for _, rows in result.interactions.groupby("outcome"):
        one = rows[rows["model"] == model].iloc[0]["developed"]
        split = rows[rows["model"] == "all interacted"].iloc[0]
        count += one > max(split["developed"], split["developing"])
    return int(count)
