"""Several outcomes tested together: p-values that hold for the family.

Romano and Wolf (2005, 2016) and Westfall and Young (1993) step down through the tests,
from the most significant on: each is compared with the best of those that are left, in
the same draw, so that what the outcomes have in common is used. Holm (1979) uses
nothing of it and is shown beside.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from jaxtyping import Float

from ...kernels.resampling import TIE
from ..core import TivaxError
from .draws import Draws, moments
from .p_values import Inference
from .plans import ResamplingPlan

COLUMNS = tuple(
    ("family model term p_value romano_wolf westfall_young holm note").split()
)
# Westfall-Young ranks all draws of a test: this many are held at a time.
_RANKED = 1 << 24

Member = tuple[ResamplingPlan, Draws, Inference]


def adjust(members: Sequence[Member]) -> pd.DataFrame:
    """Columns ``COLUMNS``, a row for each model's first term, by family.

    Members of a family must have been drawn alike: the same clusters, or wild weights
    of the same panel. Where they have not, only Holm's value is given, and the note
    says so.
    """
    families: dict[str, list[Member]] = {}
    for member in members:
        families.setdefault(member[0].fitted.model.family, []).append(member)
    tables = [_family(name, group) for name, group in families.items()]
    return (
        pd.concat(tables, ignore_index=True)
        if tables
        else pd.DataFrame(columns=COLUMNS)
    )


def adjusted_p_values(
    inferences: Sequence[Inference], *, family: str = ""
) -> pd.DataFrame:
    """P-values that hold for all models of a family at once, from the same draws.

    Parameters
    ----------
    inferences
        What ``tx.resample`` returned for each model, all with the same scheme, draws
        and seed.
    family
        Name of one family that all of them make, in place of those of their models.

    Returns
    -------
    DataFrame
        family, model, term, p_value, romano_wolf, westfall_young, holm and note: a row
        for each model's first term. Romano and Wolf (2005, 2016) and Westfall and Young
        (1993) step down, Holm (1979) takes no draws.

    Raises
    ------
    TivaxError
        An entry that no ``tx.resample`` made.

    Examples
    --------
    >>> names = "trade", "tariff"
    >>> fits = [tx.fit(f"growth ~ {k} | iso3 + year", panel) for k in names]
    >>> found = [fit.wild(draws=999) for fit in fits]
    >>> tx.adjusted_p_values(found, family="both")["family"].tolist()
    ['both', 'both']
    """
    mistake = TivaxError("inferences: give a list of what tx.resample returns")
    if not isinstance(inferences, list | tuple):
        raise mistake
    members: list[Member] = []
    for found in inferences:
        if not isinstance(found, Inference) or found.draws is None:
            raise mistake
        plan = found.plan
        if family:
            model = replace(plan.fitted.model, family=family)
            plan = replace(plan, fitted=replace(plan.fitted, model=model))
        members.append((plan, found.draws, found))
    return adjust(members)


def _family(name: str, members: list[Member]) -> pd.DataFrame:
    rows = [k.tables()["summary"].iloc[0] for _, _, k in members]
    p = np.array([row["p_value"] for row in rows], float)
    table = pd.DataFrame(
        {
            "family": name,
            "model": [row["model"] for row in rows],
            "term": [row["term"] for row in rows],
            "p_value": p,
            "romano_wolf": np.nan,
            "westfall_young": np.nan,
            "holm": holm(p),
            "note": "",
        }
    )
    if len(members) == 1:
        return table.assign(romano_wolf=p, westfall_young=p, note="alone in its family")
    if len({_drawn(plan) for plan, _, _ in members}) > 1:
        return table.assign(note="drawn from different clusters: only Holm's")
    sizes, plus = Sizes(members), not members[0][0].exact
    # For pairs p is read from percentiles, these from centred draws: never below it.
    adjusted = {
        "romano_wolf": romano_wolf(sizes, sizes.observed, plus=plus),
        "westfall_young": westfall_young(sizes, sizes.observed, plus=plus),
    }
    return table.assign(**{k: np.fmax(v, p) for k, v in adjusted.items()})


def _drawn(plan: ResamplingPlan) -> object:
    """Equal for programs whose draw k does the same to the same clusters."""
    fitted = plan.fitted
    if plan.static.kind == "wild" and not plan.exact:
        return fitted.all_labels
    static = plan.static
    return fitted.labels, static.sizes, static.options, plan.draws


def _column_of_t(plan: ResamplingPlan) -> int | None:
    """The column of draws that has a t; None of draws of a coefficient."""
    if plan.static.kind == "wild":
        return 0
    return 1 if plan.static.kind == "placebo" and plan.static.studentised else None


class Sizes:
    """Windows (draws, models) of the statistics under the null, a model's draws side by
    side in memory; can be read again.

    ``observed`` are those of the sample, in standard errors of the draws or the model.
    """

    def __init__(self, members: Sequence[Member]) -> None:
        self.members, self.spread, observed = members, list[float](), list[float]()
        for plan, draws, _ in members:
            k, spread = _column_of_t(plan), float("nan")
            if k is not None:
                observed.append(abs(float(plan.observed[k])))
            else:
                spread = moments(draws, lambda w: w[:, 0])[2]
                observed.append(abs(float(plan.fitted.coef[0])) / spread)
            self.spread.append(spread)
        self.observed = np.array(observed)

    def __iter__(self) -> Iterator[Float[np.ndarray, "w m"]]:
        every = (draws.windows() for _, draws, _ in self.members)
        for windows in zip(*every, strict=True):
            columns = []
            for (plan, _, _), spread, window in zip(
                self.members, self.spread, windows, strict=True
            ):
                if (k := _column_of_t(plan)) is not None:
                    columns.append(window[:, k])
                    continue
                b = 0 if plan.static.kind == "placebo" else plan.fitted.coef[0]
                columns.append((window[:, 0] - b) / spread)
            sizes = np.abs(np.stack(columns))
            finite = np.isfinite(sizes).all(axis=0)
            yield (sizes if finite.all() else sizes[:, finite]).T


def holm(p: Float[np.ndarray, " m"]) -> Float[np.ndarray, " m"]:
    """Holm's step-down p-values."""
    order = np.argsort(p, kind="stable")
    stepped = p[order] * np.arange(len(p), 0, -1)
    result = np.empty_like(p)
    result[order] = np.minimum(1, np.maximum.accumulate(stepped))
    return result


def romano_wolf(
    sizes: "Sizes | Sequence[np.ndarray]",
    observed: Float[np.ndarray, " m"],
    *,
    plus: bool = True,
) -> Float[np.ndarray, " m"]:
    """Step-down maxima: p_j = share of draws whose max over j, j+1, ... reaches t_j.

    ``plus`` adds the sample itself to the draws, (1 + #) / (1 + n).
    """
    order = np.argsort(-observed, kind="stable")
    reach = observed[order] * (1 - TIE)
    count, n = np.zeros(len(observed), int), 0
    for window in sizes:
        top = np.full(len(window), -np.inf)
        for place in reversed(range(len(order))):
            np.maximum(top, window[:, order[place]], out=top)
            count[place] += np.count_nonzero(top >= reach[place])
        n += len(window)
    return _stepped(count, n, order, plus=plus)


def westfall_young(
    sizes: "Sizes | Sequence[np.ndarray]",
    observed: Float[np.ndarray, " m"],
    *,
    plus: bool = True,
) -> Float[np.ndarray, " m"]:
    """Step-down minima of p: each statistic ranked among its own draws.

    At most sixteen million draws are used, all models together, the first ones.
    """
    kept, n, limit = [], 0, _RANKED // len(observed)
    for window in sizes:
        kept.append(window[: limit - n])
        n += len(kept[-1])
        if n == limit:
            break
    drawn = np.concatenate(kept)
    ranks = np.empty_like(drawn)
    own = np.empty(len(observed))
    for j in range(len(observed)):
        ordered = np.sort(drawn[:, j])
        below = np.searchsorted(ordered, drawn[:, j] * (1 - TIE), side="left")
        ranks[:, j] = (n - below) / n
        own[j] = (
            n - np.searchsorted(ordered, observed[j] * (1 - TIE), side="left")
        ) / n
    order = np.argsort(own, kind="stable")
    least = np.minimum.accumulate(ranks[:, order[::-1]], axis=1)[:, ::-1]
    count = (least <= own[order][None, :] * (1 + TIE)).sum(axis=0)
    return _stepped(count, n, order, plus=plus)


def _stepped(
    count: np.ndarray, n: int, order: np.ndarray, *, plus: bool
) -> Float[np.ndarray, " m"]:
    p = (count + plus) / (n + plus)
    result = np.empty(len(order))
    result[order] = np.maximum.accumulate(p)
    return result
