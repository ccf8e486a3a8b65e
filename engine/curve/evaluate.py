"""``tx.specification_curve``: every combination of choices, tested together."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from ..core import (
    NOT_KEPT,
    Blocks,
    Count,
    Keeper,
    Progress,
    TivaxError,
    TomlTable,
    naming,
    no_progress,
    report,
    require_kind,
    require_whole,
)
from ..estimation import Model, models_of, t_ppf, t_sf, unfitted, with_lags
from ..panel import Panel
from ..resampling import LEVEL
from ..threats import panel_frame, require_blocks
from .choices import make_space
from .fitting import Fitted, Placed, fit_all
from .joint import BAND, STATISTICS, JointTest, draw_jointly
from .result import UNWEIGHTED, SpecificationCurve

DRAWS = 9_999
MOST = 2_000
_POINTS = 6  # of Webb's distribution
# Fits that agree this closely, relative to the standard error, are the same regression
# under two names.
_SAME = 1e-8


def read_curve_section(toml: TomlTable) -> dict[str, Any]:
    """Arguments of :func:`specification_curve` in the section [curve] of a run file.

    Keys beside blocks and most are choices; without any, they are those that the panel
    has the columns for.
    """
    if not toml.has("curve"):
        return {}
    table = toml.table("curve")
    choices = {k: v for k, v in table.values.items() if k not in ("blocks", "most")}
    for name, options in choices.items():
        if options == []:
            raise table.mistake(name, "is empty; give an option, or leave it out")
    found: dict[str, Any] = {"choices": choices} if choices else {}
    for key, kind in (("blocks", Blocks), ("most", Count)):
        if table.has(key):
            found[key] = table.read(key, kind)
    return found


def specification_curve(
    panel: pd.DataFrame | Panel | Any,
    model: Model | Sequence[Model] | None = None,
    *,
    choices: Mapping[str, Any] | None = None,
    blocks: Mapping[str, Sequence[str]] | None = None,
    most: int = MOST,
    draws: int = DRAWS,
    seed: int = 0,
    progress: Progress = no_progress,
    keeper: Keeper = NOT_KEPT,
) -> SpecificationCurve:
    """One effect under every combination of contestable choices, tested as a whole.

    Parameters
    ----------
    panel
        Rows by unit and year, or what ``tx.panel.build_panel`` returns; or a fit of
        ``tx.fit`` or pyfixest, without ``model``.
    model
        A model with one treatment by least squares, or several of one panel with the
        same clusters: each gets a curve, all from the same draws.
    choices
        Options by the name of a choice, besides the model's own, which is always among
        them: ``outcome``, ``treatment``, ``weights`` (columns; ``lnX`` stands for
        exp(lnX)), ``controls`` (``"subsets"``, ``"one left out"`` or lists of them),
        their ``form`` (``squares``, ``products``; ``convergence``: the outcome in a
        unit's first year times the years),
        ``effects`` (lists of terms: ``developed^year`` is an effect for each pair,
        ``iso3[year]`` effects with slopes), ``sample`` (``all``, a column of 1
        and 0, ``without BLOCK``, ``only BLOCK``), ``years`` (``"2008-2014"``), ``lag``
        (of the treatment, in years); any other name is a control, its options the
        columns that may stand for it. By default those of ``tx.contestable``: a control
        left out, squares of the controls, convergence, years by group, trends, without
        entrants of the EU, weights by GDP, a lag.
    blocks
        Units by the name of a block, besides the built-in ones of ``tx.threats``.
    most
        Specifications of a curve at most; of more combinations this many are drawn at
        random, the model among them.
    draws
        Draws of the wild bootstrap; all patterns where there are no more.

    Returns
    -------
    SpecificationCurve
        ``table`` with a row for each specification, ``tests`` with the three joint
        statistics and their p, ``sentence`` and ``by_option``.

    Raises
    ------
    TivaxError
        An argument that is no panel, model or choice; an option that the panel lacks; a
        model that cannot be fitted. Any other specification that cannot be fitted gets
        a note and no numbers.

    Notes
    -----
    The null of no effect is imposed on each specification through its restricted
    residuals (WCR, Webb's weights); a cluster has the same weight in all specifications
    of a draw, so that draws have the dependence that the specifications have. The test
    says whether the curve as a whole is what no effect would give; it cannot say which
    specification is right. Simonsohn, Simmons and Nelson (2020). Weighted
    specifications are a curve of their own in ``tests``: weights leave few effective
    clusters, and tests with them can reject too often.

    Examples
    --------
    >>> model = tx.Model("main", "growth", ["trade", "gdp"], entity="iso3", time="year")
    >>> choices = {"controls": "subsets", "effects": [["iso3[year]", "year"]]}
    >>> found = tx.specification_curve(panel, model, choices=choices, draws=999)
    >>> found.table[["controls", "effects"]].value_counts().tolist()
    [1, 1, 1, 1]
    >>> found.tests["statistic"].tolist()
    ['median effect', 'share significant', 'Stouffer Z']
    """
    panel, model = unfitted(panel, model)
    frame = panel_frame(panel)
    models = models_of(model, one_clustering=True)
    if choices is not None:
        wanted = 'a dict, such as {"controls": "subsets"}'
        require_kind("choices", choices, Mapping, wanted)
    require_blocks(blocks)
    require_whole("most", most, 1)
    require_whole("draws", draws, 1)
    require_whole("seed", seed, 0)
    frame = with_lags(frame, models)
    spaces = []
    for each in models:
        with naming(f"model {each.name}"):
            spaces.append(make_space(frame, each, choices, blocks or {}))
    jobs: list[Placed] = []
    curve_of: list[int] = []
    for c, space in enumerate(spaces):
        for one in space.specifications(most, seed):
            jobs.append(Placed(len(jobs), space, one))
            curve_of.append(c)
    total = len(jobs) * draws
    report(progress, 0, total)
    outcomes: dict[int, Fitted | str] = dict(fit_all(frame, models[0].clusters, jobs))
    same_as = _repeats(outcomes, curve_of)
    first = {c: curve_of.index(c) for c in range(len(spaces))}
    for c, place in first.items():
        if isinstance(reason := outcomes[place], str):
            raise TivaxError(f"model {models[c].name}: {reason}")
    made = {
        k: fit
        for k, fit in sorted(outcomes.items())
        if isinstance(fit, Fitted) and k not in same_as
    }
    fitted, fits = [*made], [*made.values()]
    clusters = frame[models[0].clusters].nunique()
    exact = _POINTS**clusters <= draws
    draws = _POINTS**clusters if exact else draws
    of_model = np.array([curve_of[k] for k in fitted])
    tested = [
        (int(c), jobs[k].specification.options.get("weights", UNWEIGHTED))
        for k, c in zip(fitted, of_model, strict=True)
    ]
    # A model as given has no weights: its own curve comes first.
    curves = sorted(dict.fromkeys(tested), key=lambda k: k[0])
    drawn = draw_jointly(
        fits,
        of_model,
        np.array([curves.index(k) for k in tested]),
        draws=draws,
        seed=seed,
        exact=exact,
        told=lambda done: progress(done * total // len(fits), total),
        keeper=keeper,
    )
    wild_p_value = np.full(len(jobs), np.nan)
    wild_p_value[fitted] = drawn.wild_p_value
    names = [m.name for m in models]
    return SpecificationCurve(
        table=_table(names, jobs, outcomes, same_as, curve_of, wild_p_value),
        tests=_tests(
            [(names[c], weights) for c, weights in curves], drawn.tests, draws, exact
        ),
        null=_null(names, drawn.quantiles),
        models=tuple(models),
        choices=tuple(dict.fromkeys(k for space in spaces for k in space.options)),
        combinations=spaces[0].size,
        draws=draws,
        exact=exact,
        residual_max=max(k.gradient for k in fits),
    )


def _repeats(
    outcomes: Mapping[int, Fitted | str], curve_of: Sequence[int]
) -> dict[int, int]:
    """A regression counts once: where two names make the same, the first stays. The
    number of the first within its curve, from 1, by each that repeats it."""
    found: dict[int, int] = {}
    seen: dict[tuple[int, int, int], list[tuple[int, Fitted]]] = {}
    for k in sorted(outcomes):
        fit = outcomes[k]
        if isinstance(fit, str):
            continue
        others = seen.setdefault((curve_of[k], fit.n, fit.clusters), [])
        for number, other in others:
            gap = abs(fit.coef - other.coef) + abs(fit.se - other.se)
            if gap <= _SAME * fit.se:
                found[k] = number - curve_of.index(curve_of[k]) + 1
                break
        else:
            others.append((k, fit))
    return found


def _table(
    names: Sequence[str],
    jobs: Sequence[Placed],
    outcomes: Mapping[int, Fitted | str],
    same_as: Mapping[int, int],
    curve_of: Sequence[int],
    wild_p_value: Float[np.ndarray, " s"],
) -> pd.DataFrame:
    """A row for each specification; the first of a curve is the model as given."""
    made = [job.specification for job in jobs]
    rows = pd.DataFrame(
        {"model": names[c], "outcome": one.outcome, **one.options}
        for one, c in zip(made, curve_of, strict=True)
    )
    every = [
        f"the same regression as specification {same_as[k]}"
        if k in same_as
        else outcomes[k]
        for k in range(len(jobs))
    ]
    coef, se, n, clusters = np.array(
        [
            (np.nan,) * 4
            if isinstance(fit, str)
            else (fit.coef, fit.se, fit.n, fit.clusters)
            for fit in every
        ]
    ).T
    half = t_ppf(1 - LEVEL / 2, clusters - 1) * se
    rows["estimate"], rows["se"] = coef, se
    rows["ci_low"], rows["ci_high"] = coef - half, coef + half
    rows["p_value"] = 2 * t_sf(np.abs(coef / se), clusters - 1)
    rows["wild_p_value"] = wild_p_value
    rows["n"], rows["clusters"] = n, clusters
    rows["chosen"] = np.diff(curve_of, prepend=-1) > 0
    rows["same_as"] = [same_as.get(k) for k in range(len(jobs))]
    rows["note"] = [fit if isinstance(fit, str) else "" for fit in every]
    return rows.astype(dict.fromkeys(["n", "clusters", "same_as"], "Int64"))


def _tests(
    curves: Sequence[tuple[str, str]],
    tests: Sequence[JointTest],
    draws: int,
    exact: bool,
) -> pd.DataFrame:
    parts = []
    for (name, weights), test in zip(curves, tests, strict=True):
        p = test.p(exact=exact)
        low, middle, high = np.quantile(test.drawn, BAND, axis=1)
        columns = {"model": name, "weights": weights, "statistic": STATISTICS}
        columns |= {"estimate": test.observed, "null_low": low, "null_median": middle}
        columns |= {"null_high": high, "p_value": p}
        errors = np.zeros(3) if exact else np.sqrt(p * (1 - p) / draws)
        parts.append(pd.DataFrame({**columns, "mc_error": errors}))
    return pd.concat(parts, ignore_index=True)


def _null(
    names: Sequence[str], quantiles: Sequence[Float[np.ndarray, "s 3"]]
) -> pd.DataFrame:
    parts = []
    for name, own in zip(names, quantiles, strict=True):
        part = pd.DataFrame(own, columns=["null_low", "null_median", "null_high"])
        part.insert(0, "model", name)
        part.insert(1, "rank", np.arange(1, len(own) + 1))
        parts.append(part)
    return pd.concat(parts, ignore_index=True)
