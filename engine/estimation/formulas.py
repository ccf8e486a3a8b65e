"""Formulas in pyfixest's grammar, as a model and its columns.

pyfixest splits a formula into its parts and formulaic expands them: ``x:z``, ``i(k)``,
``C(k)``, ``log(x)``, ``np.sqrt(x)``. Columns that are there are taken as they are.
"""

import warnings
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from ..core import TivaxError, root_logger_kept, show
from .model import Model
from .regression_data import require_columns
from .vcov import CV3


def of_formula(
    formula: str, data: pd.DataFrame, time: str | None = None
) -> tuple[Model, pd.DataFrame]:
    """The model of a formula, and the data with the columns that it makes.

    The first effect is that of entities; ``time`` names the effect of periods, by
    default the second where there are two.
    """
    with root_logger_kept():
        from pyfixest.estimation.formula.parse import Formula

    require_columns(data, ())
    try:
        parsed = Formula.parse(formula)
    except Exception as error:  # its own kinds, and Python's of a wrong formula
        raise TivaxError(f"formula {show(formula)}: {_first_line(error)}") from None
    if len(parsed) > 1:
        raise TivaxError(
            f"formula {show(formula)}: it has {len(parsed)} models; give one outcome, "
            "without sw, csw or mvsw, and call tx.fit for each"
        )
    (parts,) = parsed
    outcome = parts.second_stage.split("~")[0]
    makes: dict[str, pd.Series] = {}

    def columns(what: str) -> tuple[str, ...]:
        found = _columns(what, data, formula)
        makes.update(found)
        return tuple(found)

    exogenous, endogenous, instruments = columns(parts.exogenous), (), ()
    if not parts.fixed_effects and not _has_constant(parts.exogenous):
        raise TivaxError(
            f"formula {show(formula)}: tivax fits a constant; leave out -1 or 0, or "
            "name effects"
        )
    if parts.first_stage:
        stage = str(parts._first_stage).split("~")
        endogenous, instruments = map(columns, stage)
    effects = []
    for effect in (parts.fixed_effects or "").split("+"):
        if effect := effect.strip():
            pieces = [k.strip() for k in effect.split("^")]
            require_columns(data, pieces)
            effects.append("^".join(pieces))
            if pieces[1:]:
                gone = data[pieces].isna().any(axis=1)
                joint = data[pieces].astype(str).agg("^".join, axis=1)
                makes[effects[-1]] = joint.mask(gone)
    entity, *others = effects or [""]
    if time is None:
        time = others[0] if len(others) == 1 else ""
    elif time not in others:
        raise TivaxError(
            f"time {time}: it is no effect after the first of {show(formula)}; name "
            "one of these"
        )
    (name,) = columns(outcome)
    model = Model(
        "",
        name,
        exogenous,
        endogenous=endogenous,
        instruments=instruments,
        entity=entity,
        time=time,
        effects=[k for k in others if k != time],
    )
    new = {k: v for k, v in makes.items() if k not in data.columns}
    return model, data.assign(**new) if new else data


def _has_constant(what: str) -> bool:
    import formulaic

    parsed: Any = formulaic.Formula(what)  # pyright: ignore[reportAbstractUsage]
    return "1" in [str(k) for k in parsed]


def _columns(what: str, data: pd.DataFrame, formula: str) -> dict[str, pd.Series]:
    """The columns of a side of a formula, but for the constant."""
    import formulaic
    from pyfixest.estimation.formula.factor_interaction import factor_interaction
    from pyfixest.estimation.formula.utils import log

    try:
        parsed: Any = formulaic.Formula(what)  # pyright: ignore[reportAbstractUsage]
        terms = [str(k) for k in parsed if str(k) not in ("1", "0")]
        require_columns(data, [k for k in terms if k.isidentifier()])
        if all(k in data and types.is_numeric_dtype(data[k].dtype) for k in terms):
            return {k: data[k] for k in terms}
        known = {"log": log, "i": factor_interaction, "np": np}
        rows = data.reset_index(drop=True)
        with warnings.catch_warnings(action="ignore"):  # of rows that are left out
            made = parsed.get_model_matrix(
                rows, na_action="drop", output="pandas", context=known
            )
    except TivaxError:
        raise
    except Exception as error:
        raise TivaxError(f"formula {show(formula)}: {_first_line(error)}") from None
    made = pd.DataFrame(made).drop(columns="Intercept", errors="ignore")
    made = made.reindex(rows.index).set_axis(data.index)
    there = {k for k in made if k in data and types.is_numeric_dtype(data[k].dtype)}
    return {str(k): data[k] if k in there else made[k] for k in made}


def _first_line(error: Exception) -> str:
    return (
        str(error).strip().splitlines()[0] if str(error).strip() else "not understood"
    )


def of_pyfixest(found: Any) -> tuple[str, pd.DataFrame, dict[str, Any]]:
    """The formula, data and options of a fitted ``pyfixest.feols`` or ``fepois``.

    Raises ``TivaxError`` for other estimators, frequency weights, a covariance that
    tivax lacks, corrections (``ssc``) but the usual ones, and a model that does not
    keep its data.
    """
    kind = type(found).__name__
    if kind not in ("Feols", "Feiv", "Fepois"):
        raise TivaxError(
            f"a {kind} of pyfixest is no linear model; give a feols or a fepois"
        )
    data = getattr(found, "_data", None)
    if not isinstance(data, pd.DataFrame) or data.empty:
        raise TivaxError(
            "the pyfixest model holds no data; fit it with store_data=True"
        )
    if found._has_weights and found._weights_type != "aweights":
        raise TivaxError(
            "pyfixest's frequency weights: repeat the rows, or fit by rows"
        )
    usual = {"k_adj": True, "k_fixef": "nonnested", "G_adj": True, "G_df": "min"}
    # Of Poisson's no parameter is counted, whatever was asked for.
    own = {"k_adj": True} if kind == "Fepois" else {}
    if found._ssc_dict | own != usual:
        raise TivaxError(
            "the pyfixest model has an ssc of its own: fit it without, or give tx.fit "
            "the formula and vcov=tx.vcov.CV1 with a convention"
        )
    clusters = list(found._clustervar or []) or None
    vcov: Any = found._vcov_type_detail.replace("CRV", "CV")
    if vcov == "CV3" and clusters and len(clusters) == 1:
        vcov = CV3("fixest")
    its = {"vcov": vcov, "clusters": clusters, "weights": found._weights_name}
    return found._fml, data, its


def is_pyfixest(given: object) -> bool:
    """True if it is a fitted model of pyfixest, which is then imported already."""
    return type(given).__module__.startswith("pyfixest.")
