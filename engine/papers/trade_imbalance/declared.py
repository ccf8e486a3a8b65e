"""The tests behind the verdicts, and the declared p-value of each.

One p, the same for all data: the restricted wild cluster bootstrap with Webb's weights
(WCR; WRE for two-stage least squares), 999,999 draws or all patterns. A main
test is a coefficient of TBI that the paper prints, and holds over the family of all
five outcomes in all three samples (Westfall and Young's smallest p). A check asks the
same of another sample or estimator. A part is a coefficient from a subsample of a
main test: it is reported, not tested.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from scipy.special import stdtr

import tivax as tx

from ...core import Progress, no_progress
from ...reporting import column_name, printed_place
from .columns import CONTROLS, WRITTEN, paper_models
from .heterogeneity import with_groups
from .other_indices import VINTAGE
from .robustness import LAG

DRAWS = 999_999
# Of each country left out, before the one with the largest p gets all draws.
SEARCHED = 9_999
# Of each variant of the main tests.
THREAT_DRAWS = 99_999
SEED = 1
SCHEME = tx.schemes.Wild(weights="webb")
Role = Literal["main", "check", "part"]


@dataclass(frozen=True)
class Declared:
    """A claim that follows from a hypothesis, and the model whose treatment tests it.

    ``sign`` is what is claimed; ``without_one``: the claim is about the fits without
    each country, and the one with the largest p counts.
    """

    hypothesis: str
    claim: str
    how: str
    model: tx.Model
    role: Role = "check"
    sign: int = 1
    without_one: bool = False


def declared_tests() -> list[Declared]:
    """All tests of hypotheses 1 to 3, in order."""
    return [*_first(), *_second(), *_third()]


def _first() -> Iterator[Declared]:
    for column, outcome in ((3, "KOFGIdj"), (4, "KOFEcGIdj")):
        first = _printed("H1", f"{outcome} rises with TBI", 3, column)
        main = first.model
        lagged = replace(main, treatment=(), endogenous=("TBI",), instruments=(LAG,))
        alone = "the same without any one country"
        yield first
        yield _by_group_year("H1", main)
        yield Declared("H1", "the same, TBI of last year", "2SLS", lagged)
        yield Declared("H1", alone, "", main, without_one=True)
        for place, group in ((column - 2, "developed"), (column, "developing")):
            yield _printed("H1", f"the same among {group} countries", 4, place, "part")


def _second() -> Iterator[Declared]:
    for column, name in enumerate(("trade", "financial", "political"), 1):
        main = _printed("H2", f"{name} globalisation rises with TBI", 5, column)
        yield main
        yield _by_group_year("H2", main.model)


def _third() -> Iterator[Declared]:
    yield _printed("H3", "political index responds in developed countries", 6, 3)
    yield _difference("KOFPoGIdj", "political", "developed", 1)
    yield _printed("H3", "economic index responds in developing countries", 4, 4)
    for outcome, name in (
        ("KOFEcGIdj", "economic"),
        ("KOFTrGIdj", "trade"),
        ("KOFFiGIdj", "financial"),
    ):
        yield _difference(outcome, name, "developing", -1)


def _printed(
    hypothesis: str, claim: str, table: int, column: int, role: Role = "main"
) -> Declared:
    """A claim about a column that the paper prints."""
    model = {printed_place(k.tags): k for k in paper_models()}[table, column]
    where = column_name(table, column)
    if model.sample == "all":
        where += ", all countries"
    return Declared(hypothesis, claim, where, model, role)


def _by_group_year(hypothesis: str, main: tx.Model) -> Declared:
    return Declared(
        hypothesis,
        "the same, not between groups",
        "year effects by group of countries",
        replace(main, time="group_year"),
    )


def _difference(outcome: str, name: str, group: str, sign: int) -> Declared:
    both = ("TBI", *CONTROLS)
    return Declared(
        "H3",
        f"{name} response is stronger in {group} countries",
        "TBI x developed, every coefficient by group",
        tx.Model(
            f"difference-{outcome}",
            outcome,
            ("TBI_dev", *(f"{k}_dev" for k in CONTROLS), *both),
            time="group_year",
            entity="iso3",
        ),
        sign=sign,
    )


COLUMNS_OF_ROWS = list(WRITTEN["results/declared_tests"].columns)


def declared_p_values(
    frame: pd.DataFrame,
    family: pd.DataFrame | None,
    *,
    draws: int = DRAWS,
    seed: int = SEED,
    progress: Progress = no_progress,
) -> pd.DataFrame:
    """A row for each of ``declared_tests``: ``COLUMNS_OF_ROWS``.

    ``family``: rows of ``infer_paper`` with their ``se``, from which p of the columns
    that the paper prints, p over the five outcomes of the sample (``p_sample``) and
    over all outcomes in all samples (``p_family``; ``p_family_holm`` by Holm) are
    taken; without it p is drawn and those are NaN, as for checks. ``paper_p_value`` is
    of CV1 with t(G-1), the paper's; ``p_mc`` the Monte-Carlo error of ``p``. Where a
    model cannot be fitted its numbers are NaN and ``how`` says why.
    """
    tests = declared_tests()
    data = with_groups(frame)
    printed = () if family is None else family.iterrows()
    over = {(k["table"], k["column"]): k for _, k in printed}
    rows: list[dict[str, object]] = []
    progress(0, len(tests))
    for number, test in enumerate(tests, 1):
        of_family = None
        if (place := printed_place(test.model.tags)) and test.role != "check":
            of_family = over.get(place)
        if test.without_one:
            found = _without_one(data, test.model, draws, seed)
        else:
            found = _one(data, test.model, draws, seed, of_family)
        told = ("hypothesis", "claim", "how", "role", "sign")
        rows.append(
            {
                **{k: getattr(test, k) for k in told},
                "model": test.model.name,
                "outcome": test.model.outcome,
                "sample": test.model.sample,
                **found,
            }
        )
        if of_family is not None:
            rows[-1] |= {k: float(of_family[v]) for k, v in _OVER_FAMILY.items()}
        progress(number, len(tests))
    return pd.DataFrame(rows, columns=COLUMNS_OF_ROWS)


def _one(
    data: pd.DataFrame,
    model: tx.Model,
    draws: int,
    seed: int,
    of_family: pd.Series | None = None,
) -> dict[str, object]:
    """The fit and its p; with ``of_family``, which has the same draws, p from there."""
    if of_family is not None:
        n, clusters, coef, se, *drawn = (of_family[k] for k in _OF_FAMILY)
    else:
        try:
            alone = {"intervals": False, "distribution": False}
            found = tx.resample(data, model, SCHEME, draws=draws, seed=seed, **alone)
        except tx.TivaxError as error:
            return {"how": str(error), **_NOTHING}
        n, clusters = found.glance().iloc[0][["n", "clusters"]]
        coef, se, *drawn = found.tables()["summary"].iloc[0][[*_OF_SUMMARY]]
    p, error, draws = drawn
    return {
        "n": int(n),
        "clusters": int(clusters),
        "estimate": float(coef),
        "se": float(se),
        "paper_p_value": float(2 * stdtr(int(clusters) - 1, -abs(coef / se))),
        "p_value": float(p),
        "p_mc": float(error),
        "draws": int(draws),
    }


_OF_SUMMARY = ("estimate", "se", "p_value", "mc_error", "draws")
_OF_FAMILY = "n clusters estimate se wild_p_value wild_mc wild_draws".split()
_OVER_FAMILY = {
    "p_sample": "westfall_young",
    "p_sample_mc": "westfall_young_mc",
    "p_family": "westfall_young_all",
    "p_family_mc": "westfall_young_all_mc",
    "p_family_holm": "holm_all",
}
_NOTHING = dict.fromkeys(("estimate", "se", "paper_p_value", "p_value"), np.nan)


def _without_one(
    data: pd.DataFrame, model: tx.Model, draws: int, seed: int
) -> dict[str, object]:
    """The fit without a country whose sign is wrong, else the one of the largest p."""
    found: dict[str, dict[str, object]] = {}
    countries = sorted(set(data[model.clusters]))
    for country in countries:
        rest = data[data[model.clusters] != country]
        row = _one(rest, model, min(draws, SEARCHED), seed)
        if "how" not in row:
            found[country] = row
    lost = len(countries) - len(found)
    more = f"; {lost} cannot be estimated" if lost else ""
    if not found:
        return {"how": f"none of {len(countries)}{more}", **_NOTHING}
    table = pd.DataFrame(found).T
    wrong = bool((table["estimate"] <= 0).any())
    worst = table["estimate" if wrong else "p_value"].astype(float)
    country = str(worst.idxmin() if wrong else worst.idxmax())
    row = _one(data[data[model.clusters] != country], model, draws, seed)
    which = "least" if wrong else "largest p"
    return {**row, "how": f"{which} of {len(found)}, without {country}{more}"}


def with_declared_p(
    table: pd.DataFrame, given: pd.Series, tests: pd.DataFrame
) -> pd.DataFrame:
    """A table of models with the declared p of main tests in ``wild_p_value`` of rows
    that are the models as ``given``: one p for one hypothesis, however many draws each
    table has of its own."""
    main = tests[tests["role"] == "main"].set_index("model")["p_value"]
    known = table["model"].map(main).where(given)
    return table.assign(wild_p_value=known.fillna(table["wild_p_value"]))


def threats_to_main_tests(
    frame: pd.DataFrame, *, draws: int = THREAT_DRAWS
) -> tx.results.Threats:
    """Every threat to the main tests, all from the same draws; the index of another
    release, where the frame has one, is among them."""
    main = [test.model for test in declared_tests() if test.role == "main"]
    vintages = [VINTAGE] if VINTAGE in frame else []
    return tx.threats(frame, main, vintages=vintages, draws=draws, seed=SEED)
