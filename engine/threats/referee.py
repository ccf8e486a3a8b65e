"""Threats that a referee names: weights of effects, and more than one common factor."""

from collections.abc import Iterator

from ..core import TivaxError
from ..referee import Kind, interactive_effects, two_way_weights
from .setting import Setting, refused
from .variants import Row, Variant

_FACTORS = (2, 3)


def effect_weights(setting: Setting) -> Iterator[Variant | Row]:
    """Sum of the negative weights of cells in the model and in its first differences
    (de Chaisemartin and D'Haultfoeuille 2020; ``tx.two_way_weights``)."""
    setting.require_least_squares()
    model = setting.model
    others = [k for k in model.regressors if k != setting.treatment]
    kinds: dict[Kind, str] = {"feTR": "levels", "fdTR": "first differences"}
    for kind, name in kinds.items():
        found = two_way_weights(
            setting.used,
            model.outcome,
            setting.unit,
            setting.time,
            setting.treatment,
            kind=kind,
            controls=others,
        )
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


def several_factors(setting: Setting) -> Iterator[Variant | Row]:
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
            found = interactive_effects(
                setting.used,
                model.outcome,
                names,
                entity=setting.unit,
                time=setting.time,
                factors=r,
                most=0,
            )
        except TivaxError as error:
            yield refused("interactive effects", variant, error)
            continue
        for term in model.treatments:
            row = found.terms.loc[term].to_dict()
            yield Row(
                "interactive effects",
                variant,
                term,
                float(row["estimate"]),
                float(row["se"]),
                float(row["p_value"]),
                found.n,
                found.clusters,
                f"biased by short T: T = {len(setting.years)}; se: clusters of units",
                comparable=True,
            )
