"""``tx.threats``: every threat to a model in one table."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypedDict

import numpy as np
import pandas as pd

from ..core import (
    NOT_KEPT,
    Blocks,
    Keeper,
    Phrase,
    Progress,
    Some,
    Texts,
    TivaxError,
    no_progress,
    require_kind,
    require_list,
    require_whole,
    shift_progress,
    suggest,
)
from ..estimation import (
    LinearFit,
    Model,
    models_of,
    require_columns,
    t_test,
    unfitted,
    with_lags,
)
from ..panel import PEOPLE, PLACEBO_OUTCOMES, PRODUCT, Panel
from ..resampling import LEVEL
from .blocks import require_blocks
from .catalogue import CATALOGUE
from .result import COLUMNS, Threats, at_level
from .setting import Setting, refused
from .states import state_of
from .variants import Row, Variant
from .wild import WildTest, declared_p
from .years import BEFORE

DRAWS = 999_999
_LATER = "a later treatment predicts the outcome: a trend or the other direction"
_LASTING = f"{_LATER}, or a treatment that lasts: see the next rows"


class ThreatsSection(TypedDict, total=False):
    """The section [threats] of a run file: arguments of :func:`threats`."""

    blocks: Blocks
    columns: Texts
    weights: Texts
    placebos: Texts
    vintages: Texts
    only: Some


def threats(
    panel: pd.DataFrame | Panel | Any,
    model: Model | Sequence[Model] | None = None,
    *,
    blocks: Mapping[str, Sequence[str]] | None = None,
    columns: Sequence[str] = (),
    weights: Sequence[str] | None = None,
    placebos: Sequence[str] | None = None,
    vintages: Sequence[str] = (),
    only: Sequence[str] = (),
    draws: int = DRAWS,
    seed: int = 0,
    progress: Progress = no_progress,
    keeper: Keeper = NOT_KEPT,
) -> Threats:
    """Put a model under every usual threat to its result, in one table.

    Parameters
    ----------
    panel
        Rows by unit and year, or what ``tx.panel.build_panel`` returns, which brings
        further outcomes for ``placebos``; or a fit of ``tx.fit`` or pyfixest, without
        ``model``.
    model
        A model, or several of one panel.
    blocks
        Units by the name of a block that is left out, besides the built-in ones:
        entrants of the European Union in the years of the panel, EU15, G7, BRICS,
        continents (by codes of ISO 3166-1) and, of ``tx.panel.build_panel``,
        developed and developing countries and thirds by GDP per person in a unit's
        first year.
    columns
        Columns whose values are blocks: each is left out, and gets years of its own.
    weights
        Columns of weights; ``lnX`` stands for exp(lnX). A unit has the mean over its
        years. By default people and GDP, where a panel has them as that of
        ``tx.panel.build_panel``.
    placebos
        Outcomes that the treatment should leave alone; by default those of
        ``tx.panel.build_panel`` that trade should, where the panel has them.
    vintages
        Other measures of the treatment, such as an index of another release: each takes
        its place, and the treatment is estimated on the same rows.
    only
        Names of threats: ``tx.threats`` of none lists them. By default all.
    draws
        Draws of the wild bootstrap; all patterns where there are no more. 0: none.

    Returns
    -------
    Threats
        ``table``: model, threat, variant, term, estimate, se, p_value, wild_p_value, n,
        clusters, variation_kept, note. ``se`` is CV1 with Stata's k, columns that a
        threat adds counted, ``p`` that of t(G - 1); ``wild_p_value`` is WCR by Webb's
        weights, for 2SLS WRE. ``states`` says of each row what has become of the
        result, ``sentence`` what makes it go away.

    Raises
    ------
    TivaxError
        An argument that is no panel or model, an unknown name in ``only``, a model that
        cannot be fitted. A threat that cannot be computed gets a row that says why.

    Notes
    -----
    ``variation_kept``: each estimate is c'y with weights c of the outcome's rows; the
    share is c'c of the model over c'c of the variant: the variance of the model's
    estimate over that of the variant's, were the errors iid. For rows left out and
    controls added it is the sum of squares of the treatment net of everything else,
    over the model's. By Gauss and Markov it is at most 1.

    Examples
    --------
    >>> model = tx.Model("main", "growth", ["trade", "gdp"], entity="iso3", time="year")
    >>> found = tx.threats(panel, model, only=["unit trends", "differences"], draws=0)
    >>> found.table["variant"].tolist()
    ['as given', 'linear', 'first', 'over 3 years', 'over 5 years']
    >>> found.states
    ['the model', 'as before', 'as before', 'as before', 'blurred']
    """
    panel, model = unfitted(panel, model)
    frame = panel_frame(panel)
    models = models_of(model)
    if weights is None:
        weights = [k for k in (PEOPLE, PRODUCT) if k in frame]
    if placebos is None:
        placebos = [k for k in PLACEBO_OUTCOMES if k in frame]
    require_blocks(blocks)
    require_list("columns", columns)
    require_list("weights", weights)
    require_list("placebos", placebos)
    require_list("vintages", vintages)
    require_list("only", only)
    for name in only:
        if name not in CATALOGUE:
            raise TivaxError(f"only: no threat {name}: {suggest(name, CATALOGUE)}")
    require_whole("draws", draws, 0)
    require_whole("seed", seed, 0)
    frame = with_lags(frame, models)
    settings = [
        Setting(frame, each, blocks or {}, columns, weights, placebos, vintages)
        for each in models
    ]
    rows, tests = [], []
    for setting in settings:
        for row, test in _rows_of(setting, only):
            rows.append({"model": setting.model.name, **row})
            tests.append(test)
    if draws:
        _add_declared(rows, tests, settings, draws, seed, progress, keeper)
    first: dict[tuple[str, str], Mapping[str, Any]] = {}
    for row in rows:
        given = first.setdefault((row["model"], row["term"]), row)
        if row["biased"] and row["comparable"]:
            row["comparable"] = state_of(row, given) != "as before"
        near = "p is 0.05 within 2 Monte-Carlo errors" * at_level(row, draws)
        row["note"] = Phrase.listed([row["note"], _said(row), near])
    texts = [row[k] for row in rows for k in ("variant", "term", "note")]
    table = pd.DataFrame(rows, columns=[*COLUMNS, "comparable", "same_units"])
    table = table.astype({"n": "Int64", "clusters": "Int64"})
    return Threats(
        table=table[[*COLUMNS]],
        comparable=table["comparable"].to_numpy(bool),
        same_units=table["same_units"].to_numpy(bool),
        models=tuple(models),
        draws=draws,
        residual_max=max(k.fit.residual for k in settings),
        alone={k.model.name: k.fit.alone for k in settings},
        phrases={k: k for k in texts if isinstance(k, Phrase)},
    )


def panel_frame(panel: object) -> pd.DataFrame:
    """Rows of a panel; what ``tx.panel.build_panel`` returns with all its outcomes."""
    if isinstance(panel, Panel):
        keys = ["iso3", "year"]
        return panel.frame.merge(panel.other_outcomes, on=keys, how="left")
    require_kind(
        "panel", panel, pd.DataFrame, "a DataFrame, or a panel of tx.panel.build_panel"
    )
    assert isinstance(panel, pd.DataFrame)
    require_columns(panel, ())
    return panel.reset_index(drop=True)


def _rows_of(
    setting: Setting, only: Sequence[str]
) -> Iterator[tuple[dict[str, Any], WildTest | None]]:
    """Rows of the table, without the model's name, and their wild tests."""
    try:
        if setting.fit.without_se:
            # Whether the result goes away could not be said of any variant.
            raise TivaxError(f"no standard error: {setting.fit.without_se}")
        yield from _fitted(setting.given, setting.fit, setting)
    except TivaxError as error:
        raise error.within(f"model {setting.model.name}") from None
    said = set()  # a reason that holds for several threats is told once
    for name in only or CATALOGUE:
        try:
            for made in CATALOGUE[name](setting):
                said |= {made.note} if isinstance(made, Row) else set()
                yield from _evaluated(made, setting)
        except TivaxError as error:
            row = refused(name, "", error)
            if row.note not in said:
                yield _plain(row, setting)
            said.add(row.note)


def _evaluated(
    made: Variant | Row, setting: Setting
) -> Iterator[tuple[dict[str, Any], WildTest | None]]:
    if isinstance(made, Row):
        yield _plain(made, setting)
        return
    try:
        fit = made.fit()
    except TivaxError as error:
        yield _plain(refused(made.threat, made.variant, error), setting)
    else:
        yield from _fitted(made, fit, setting)


def _plain(row: Row, setting: Setting) -> tuple[dict[str, Any], WildTest | None]:
    comparable = row.comparable and np.isfinite(row.estimate)
    same_units = row.same_units or comparable
    made = asdict(row) | {"comparable": comparable, "same_units": same_units}
    lacking = dict.fromkeys(["wild_p_value", "variation_kept"], np.nan)
    test = None
    if row.wild is not None and row.se > 0:
        form, labels = row.wild
        test = WildTest(form, row.estimate / row.se, labels, setting.fit.labels)
    return {**made, **lacking, "term": row.term or setting.treatment}, test


def _fitted(
    made: Variant, fit: LinearFit, setting: Setting
) -> Iterator[tuple[dict[str, Any], WildTest | None]]:
    model, kept = fit.model, _variation_kept(made, fit, setting)
    for j, (term, b, se) in enumerate(
        zip(model.treatments, fit.coef, fit.se, strict=True)
    ):
        own = term in setting.model.treatments
        note = Phrase.listed([made.note, fit.without_se or fit.alone])
        tested = (*t_test(b, se, fit.clusters), fit.n, fit.clusters, note)
        row = asdict(Row(made.threat, made.variant, term, *tested)) | {
            "wild_p_value": np.nan,
            "variation_kept": kept[j] if own else np.nan,
            "own": own,
            "by_itself": len(model.treatments) == 1,
            "comparable": made.comparable and own,
            "same_units": made.same_units,
            "biased": made.biased,
        }
        test = None
        if se > 0 and not (model.instruments and len(model.treatments) > 1):
            labels = fit.labels, setting.fit.labels
            test = WildTest(fit.wild_form(j), b / se, *labels)
        yield row, test


def _said(row: Mapping[str, Any]) -> str:
    """Note on a declared p-value of a lead or a placebo outcome; empty for none."""
    p = row["p_value"] if np.isnan(row["wild_p_value"]) else row["wild_p_value"]
    if not p <= LEVEL:
        return ""
    if row["threat"] == "leads" and not row.get("own", True):
        # Alone it stands for the treatment of its own time as well.
        return _LASTING if row["by_itself"] else _LATER
    if row["threat"] == "placebo outcome":
        return "it responds, though it should not"
    return ""


def _variation_kept(made: Variant, fit: LinearFit, setting: Setting) -> np.ndarray:
    """|c|^2 of the model over |c|^2 of the variant, by treatment of the variant."""
    given = (setting.fit.row_weights**2).sum(axis=0)
    model = dict(zip(setting.model.treatments, given, strict=True))
    weights = pd.DataFrame(fit.row_weights, fit.used.index)
    if made.earlier:
        # A difference is the row less the row before.
        before = made.frame.loc[weights.index, BEFORE]
        weights = weights.sub(weights.set_axis(before), fill_value=0.0)
    size = (weights.to_numpy() ** 2).sum(axis=0)
    names = fit.model.treatments
    return np.array([model.get(k, np.nan) for k in names]) / size


def _add_declared(
    rows: list[dict[str, Any]],
    tests: Sequence[WildTest | None],
    settings: Sequence[Setting],
    draws: int,
    seed: int,
    progress: Progress,
    keeper: Keeper,
) -> None:
    """Put ``wild_p_value`` into rows; models with the same clusters share draws."""
    cluster = {k.model.name: k.model.clusters for k in settings}
    groups: dict[str, list[int]] = {}
    for k, test in enumerate(tests):
        if test is not None:
            groups.setdefault(cluster[rows[k]["model"]], []).append(k)
    done, total = 0, sum(map(len, groups.values())) * draws
    for name, members in groups.items():
        every = np.unique(settings[0].panel[name].dropna().astype(str)).tolist()
        chosen = [test for k in members if (test := tests[k]) is not None]
        p = declared_p(
            chosen,
            every,
            draws=draws,
            seed=seed,
            progress=shift_progress(progress, done, total),
            keeper=keeper.under(done),
        )
        for k, value in zip(members, p, strict=True):
            rows[k]["wild_p_value"] = value
        done += len(members) * draws
