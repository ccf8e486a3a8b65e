"""All threats, in the order of the table."""

from collections.abc import Callable

from . import (
    blocks,
    controls,
    factors,
    forms,
    influence,
    referee,
    unit_roots,
    unobserved,
    years,
)
from .setting import Setting
from .variants import Made

Threat = Callable[[Setting], Made]

CATALOGUE: dict[str, Threat] = {
    "blocks left out": blocks.left_out,
    "blocks alone": blocks.alone,
    "memberships": blocks.membership,
    "block by year": blocks.block_years,
    "unit trends": years.trends,
    "differences": years.differences,
    "leads and lags": years.leads_and_lags,
    "dynamics": years.dynamics,
    "common effects": factors.common_effects,
    "interactive effect": factors.interactive_effect,
    "interactive effects": referee.several_factors,
    "weights of effects": referee.effect_weights,
    "movers": referee.moves,
    "staggered treatment": referee.adoption,
    "slopes of countries": referee.slopes,
    "local projections": referee.projections,
    "errors in space": referee.errors_in_space,
    "weights": forms.weights,
    "periods": years.periods,
    "asymmetry": forms.asymmetry,
    "vintages": forms.vintages,
    "placebo outcomes": forms.placebo_outcomes,
    "functional form": forms.functional_form,
    "form of controls": controls.squares,
    "convergence": controls.convergence,
    "double machine learning": controls.partialled_out,
    "reverse direction": forms.reverse_direction,
    "unit roots": unit_roots.unit_roots,
    "cointegration": unit_roots.cointegration,
    "Oster's delta": unobserved.oster,
    "robustness value": unobserved.robustness_value,
    "benchmarks": unobserved.benchmarks,
    "influential cells": influence.cells,
    "influential clusters": influence.clusters,
}
"""Functions that yield the variants or rows of a threat, by its name in ``only``."""
