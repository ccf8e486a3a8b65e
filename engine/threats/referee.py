"""Threats that a referee names: weights of effects, more common factors, errors in
space, slopes that differ, and dynamics."""

from collections.abc import Mapping
from typing import Any

from ..core import TivaxError
from ..estimation import Conley
from ..referee import (
    country_slopes,
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


def effect_weights(setting: Setting) -> Made:
    """Sum of the negative weights of cells in the model and in its first differences
    (de Chaisemartin and D'Haultfoeuille 2020; ``tx.two_way_weights``)."""
    setting.require_least_squares()
    equation = {"treatment": setting.treatment, "controls": setting.others}
    for kind, name in (("feTR", "levels"), ("fdTR", "first differences")):
        found = setting.of_referee(two_way_weights, kind=kind, **equation)
        numbers = dict(zip(found.table["number"], found.table["value"], strict=True))
        negative, cells = int(numbers["negative weights"]), int(numbers["cells"])
        spread = next(v for k, v in numbers.items() if k.endswith("(sensibility)"))
        times = spread / abs(numbers["beta"])
        yield Row(
            "weights of effects",
            f"{name}, sum of negative weights",
            setting.treatment,
            numbers["sum of negative weights"],
            n=cells,
            note=f"{negative:,} of {cells:,} effects have a negative weight; effects "
            f"that differ by {times:.2g} times the estimate may average zero",
        )


def several_factors(setting: Setting) -> Made:
    """Effects of units and years and several factors with loadings of the units
    (``tx.interactive_effects``); errors clustered by unit."""
    setting.require_least_squares()
    model = setting.model
    if setting.unit != model.clusters:
        raise TivaxError(f"takes clusters of {setting.unit}, the units")
    names = [*model.treatments, *model.controls]
    for r in _FACTORS:
        variant = f"{r} factors"
        try:
            found = setting.of_referee(interactive_effects, names, factors=r, most=0)
            if found.degrees <= 0:
                raise TivaxError(
                    f"{found.n} rows are too few for effects and {r} factors"
                )
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
                f"may be biased by short T: T = {len(setting.years)}; se: clusters of "
                "units, effects and factors counted",
                comparable=True,
                biased=True,
            )


def errors_in_space(setting: Setting) -> Made:
    """Errors correlated by the distance of capitals (Conley 1999; ``tx.Conley``), and
    SCPC of means over time (Mueller and Watson 2022; ``tx.spatial_errors``)."""
    model, fit = setting.model, setting.fit
    terms = list(model.treatments)
    for cutoff in _CUTOFFS:
        found = fit.vcov(Conley(cutoff)).terms.to_dict("index")
        for term in terms:
            row = found[term]
            yield Row(
                "errors in space",
                f"Conley, {cutoff:,} km",
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
            f"slope of means over time; t is compared with {row['critical_value']:.2f}",
        )


def moves(setting: Setting) -> Made:
    """Movers against quasi-stayers in first differences, AS and WAS (``tx.movers``)."""
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
            f"{row['meaning']}; {row['stayers']:,} quasi-stayers",
            comparable=True,
        )


def slopes(setting: Setting) -> Made:
    """Slopes of each country (mean group) and of blocks (Ibragimov and Mueller 2010;
    ``tx.country_slopes``)."""
    setting.require_least_squares()
    model = setting.model
    names = [*model.treatments, *model.controls]
    frame = setting.used
    ways: dict[str, Any] = {"mean group": (frame, None)}
    for name, block in partitions(setting):
        rows = frame.assign(**{"its block": block.loc[frame.index]})
        ways[f"t over blocks, {name}"] = (rows, "its block")
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
            still = f"; {left} countries in which it does not move left out"
            yield Row(
                "slopes of countries",
                variant,
                str(row["term"]),
                *_numbers(row),
                len(frame),
                int(row["groups"]),
                f"{row['meaning']}; t with {row['groups'] - 1} degrees of freedom"
                f"{still if left else ''}",
                comparable=True,
            )


def projections(setting: Setting) -> Made:
    """Responses to a change of the treatment, and to a large one, at once and over the
    years (``tx.local_projections``)."""
    setting.require_least_squares()
    x, options = setting.treatment, {"controls": setting.others, "horizons": _HORIZONS}
    for events, name in ((None, "a change"), (_LARGE, "a large change")):
        found = setting.of_referee(local_projections, x, events=events, **options)
        rows = {(k["measure"], k["horizon"]): k for k in found.table.to_dict("records")}
        for at, what in (
            (("response", 0), "at once"),
            (("response", _HORIZONS), f"after {_HORIZONS} years"),
            (("cumulative", _HORIZONS), f"summed over {_HORIZONS} years"),
            (("response", -3), "before"),
        ):
            row = rows[at]
            yield Row(
                "local projections",
                f"{name}, {what}",
                x,
                *_numbers(row),
                int(row["n"]),
                found.clusters,
                f"simultaneous band {row['band_low']:.3g} to {row['band_high']:.3g}",
            )


def _numbers(row: Mapping[Any, Any]) -> tuple[float, float, float]:
    return float(row["estimate"]), float(row["se"]), float(row["p_value"])
