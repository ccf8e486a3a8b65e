"""Threats that a referee names: weights of effects, more common factors, errors in
space, slopes that differ, and dynamics."""

from collections.abc import Mapping
from typing import Any

from ..core import Phrase, TivaxError
from ..estimation import Conley, Estimate
from ..referee import (
    country_slopes,
    imputation,
    interactive_effects,
    local_projections,
    movers,
    spatial_errors,
    two_way_weights,
)
from .blocks import partitions
from .setting import Setting, refused
from .variants import Made, Row

_FACTORS = (2, 3, 4, 5)
_CUTOFFS = (1_000, 2_000, 4_000)  # km
_HORIZONS = 4
_LARGE = 0.1  # share of changes that are events
_NEGATIVE = (
    "{negative:,} of {cells:,} effects have a negative weight; effects that differ by "
    "{times:.2g} times the estimate may average zero"
)
_COUNTED = (
    "may be biased by short T: T = {years}; se: clusters of units, effects and factors "
    "counted"
)
_COMPARED = "slope of means over time; t is compared with {critical:.2f}"
_STAYERS = "{meaning}; {stayers:,} quasi-stayers"
_DEGREES = "{meaning}; t with {degrees} degrees of freedom"
_STILL = "; {still} countries in which it does not move left out"
_ADOPTED = (
    "mean over {cells:,} treated rows of {adopters} adopters; with few of them take "
    "the placebo of tx.referee.imputation"
)
_BAND = "simultaneous band {low:.3g} to {high:.3g}"


def effect_weights(setting: Setting) -> Made:
    """Sum of the negative weights of cells in the model and in its first differences
    (de Chaisemartin and D'Haultfoeuille 2020; ``tx.referee.two_way_weights``)."""
    setting.require_least_squares()
    equation = {"treatment": setting.treatment, "controls": setting.others}
    for kind, name in (("feTR", "levels"), ("fdTR", "first differences")):
        found = setting.of_referee(two_way_weights, kind=kind, **equation)
        numbers = found.findings()
        told = {k: numbers[k] for k in ("negative", "cells", "times")}
        yield Row(
            "weights of effects",
            Phrase("{effects}, sum of negative weights", effects=name),
            setting.treatment,
            numbers["sum"],
            n=numbers["cells"],
            note=Phrase(_NEGATIVE, **told),
        )


def several_factors(setting: Setting) -> Made:
    """Effects of units and years and several factors with loadings of the units
    (``tx.referee.interactive_effects``); errors clustered by unit."""
    setting.require_least_squares()
    model = setting.model
    if setting.unit != model.clusters:
        raise TivaxError(
            Phrase("takes clusters of {unit}, the units", unit=setting.unit)
        )
    names = [*model.treatments, *model.controls]
    for r in _FACTORS:
        variant = Phrase("{factors} factors", factors=r)
        try:
            found = setting.of_referee(interactive_effects, names, factors=r, most=0)
            if found.degrees <= 0:
                few = "{rows} rows are too few for effects and {factors} factors"
                raise TivaxError(Phrase(few, rows=found.n, factors=r))
        except TivaxError as error:
            yield refused("interactive effects", variant, error)
            continue
        for term in model.treatments:
            row = found.terms.to_dict("index")[term]
            yield Row(
                "interactive effects",
                variant,
                term,
                *_numbers(row),
                found.n,
                found.clusters,
                Phrase(_COUNTED, years=len(setting.years)),
                comparable=True,
                biased=True,
            )


def errors_in_space(setting: Setting) -> Made:
    """Errors correlated by the distance of capitals (Conley 1999; ``tx.Conley``), and
    SCPC of means over time (Mueller and Watson 2022; ``tx.referee.spatial_errors``)."""
    model, fit = setting.model, setting.fit
    terms = list(model.treatments)
    for cutoff in _CUTOFFS:
        found = Estimate.of(fit, Conley(cutoff)).terms.to_dict("index")
        for term in terms:
            row = found[term]
            yield Row(
                "errors in space",
                Phrase("Conley, {cutoff:,} km", cutoff=cutoff),
                term,
                *_numbers(row),
                fit.n,
                fit.clusters,
                "Bartlett kernel between capitals, any correlation over time; in "
                "simulated panels it rejects 17 to 21 % of true nulls, not 5 %",
                comparable=True,
            )
    setting.require_least_squares()
    names = [*terms, *model.controls]
    near = [_CUTOFFS[0]]
    between = setting.of_referee(spatial_errors, names, cutoffs=near).means
    for row in between[between["term"].isin(terms)].to_dict("records"):
        yield Row(
            "errors in space",
            "between countries, SCPC",
            str(row["term"]),
            *_numbers(row),
            fit.clusters,
            fit.clusters,
            Phrase(_COMPARED, critical=row["critical_value"]),
        )


def moves(setting: Setting) -> Made:
    """Movers against quasi-stayers in first differences (``tx.referee.movers``)."""
    setting.require_least_squares()
    x = setting.treatment
    found = setting.of_referee(movers, x, controls=setting.others)
    for row in found.chosen.to_dict("records"):
        yield Row(
            "movers",
            str(row["estimand"]),
            x,
            *_numbers(row),
            int(row["stayers"] + row["movers"]),
            found.clusters,
            Phrase(_STAYERS, meaning=row["meaning"], stayers=row["stayers"]),
            comparable=True,
        )


def adoption(setting: Setting) -> Made:
    """The mean effect of a treatment that some units adopt before others, imputed from
    untreated rows (``tx.referee.imputation``)."""
    setting.require_least_squares()
    by = {"controls": setting.others, "clusters": setting.model.clusters}
    found = setting.of_referee(imputation, setting.treatment, draws=0, **by)
    row = found.findings()
    yield Row(
        "staggered treatment",
        "imputed from untreated rows",
        setting.treatment,
        *_numbers(row),
        found.n,
        found.clusters,
        Phrase(_ADOPTED, cells=row["cells"], adopters=found.adopters),
        comparable=True,
        wild=(found.wild_form, found.cluster_labels),
    )


def slopes(setting: Setting) -> Made:
    """Slopes of each country (mean group) and of blocks (Ibragimov and Mueller 2010;
    ``tx.referee.country_slopes``)."""
    setting.require_least_squares()
    model = setting.model
    names = [*model.treatments, *model.controls]
    frame = setting.used
    ways: dict[str, Any] = {"mean group": (frame, None)}
    for name, block in partitions(setting):
        rows = frame.assign(**{"its block": block.loc[frame.index]})
        way = Phrase("t over blocks, {partition}", partition=name)
        ways[way] = (rows, "its block")
    for variant, (rows, blocks) in ways.items():
        try:
            found = setting.of_referee(country_slopes, names, rows=rows, blocks=blocks)
        except TivaxError as error:
            yield refused("slopes of countries", variant, error)
            continue
        method = "mean group" if blocks is None else "t over blocks"
        rows = found.table[found.table["method"] == method]
        for row in rows[rows["term"].isin(model.treatments)].to_dict("records"):
            left = found.entities - row["groups"] if blocks is None else 0
            degrees = {"meaning": row["meaning"], "degrees": row["groups"] - 1}
            note = Phrase(_DEGREES, **degrees)
            if left:
                note = Phrase(_DEGREES + _STILL, **degrees, still=left)
            yield Row(
                "slopes of countries",
                variant,
                str(row["term"]),
                *_numbers(row),
                len(frame),
                int(row["groups"]),
                note,
                comparable=True,
            )


def projections(setting: Setting) -> Made:
    """Responses to a change of the treatment, and to a large one, at once and over the
    years (``tx.referee.local_projections``)."""
    setting.require_least_squares()
    x, options = setting.treatment, {"controls": setting.others, "horizons": _HORIZONS}
    for events, name in ((None, "a change"), (_LARGE, "a large change")):
        found = setting.of_referee(local_projections, x, events=events, **options)
        rows = {(k["measure"], k["horizon"]): k for k in found.table.to_dict("records")}
        for at, what in (
            (("response", 0), "{shock}, at once"),
            (("response", _HORIZONS), "{shock}, after {years} years"),
            (("cumulative", _HORIZONS), "{shock}, summed over {years} years"),
            (("response", -3), "{shock}, before"),
        ):
            row = rows[at]
            yield Row(
                "local projections",
                Phrase(what, shock=name, years=_HORIZONS),
                x,
                *_numbers(row),
                int(row["n"]),
                found.clusters,
                Phrase(_BAND, low=row["band_low"], high=row["band_high"]),
            )


def _numbers(row: Mapping[Any, Any]) -> tuple[float, float, float]:
    return float(row["estimate"]), float(row["se"]), float(row["p_value"])
