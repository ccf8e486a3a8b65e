"""Small panels and models of experiments, and the same rows for literal refits."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

import tivax.engine as tx
from tivax.engine.estimation.model import Model
from tivax.engine.panel.recipe import OUTCOMES
from tivax.engine.resampling import running as experiments

from helpers import random_panel
from literal_refits import Rows

MODEL = Model("main", "KOFGIdj", ("TBI", "RQ", "INFR"), entity="iso3", time="year")
# The same in a run file, and one by an instrument.
LEAST_SQUARES = """
[[model]]
name = "main"
outcome = "KOFGIdj"
regressors = ["TBI", "RQ", "INFR"]
"""
INSTRUMENT = """
[[model]]
name = "by instrument"
outcome = "KOFGIdj"
regressors = ["endogenous", "RQ", "INFR"]
endogenous = "endogenous"
instruments = "L.TBI"
family = "2SLS"
"""


def remodel(
    model: Model,
    *,
    treatments: Sequence[str] | None = None,
    controls: Sequence[str] | None = None,
    instruments: Sequence[str] | None = None,
) -> Model:
    """The model with other treatments, controls or instruments."""
    first = tuple(model.treatments if treatments is None else treatments)
    others = model.controls if controls is None else controls
    instruments = model.instruments if instruments is None else instruments
    return replace(
        model,
        regressors=(*first, *others),
        treatment=first,
        endogenous=(),
        instruments=instruments,
    )


def small_panel(
    *, countries: int = 8, years: int = 5, seed: int = 0, unknown: float = 0.0
) -> pd.DataFrame:
    """Every country in every year; a share of the outcomes is unknown, no treatment.

    Every country keeps its first two outcomes. ``L.TBI`` is drawn one year longer, so
    that it is known in the first year too; ``endogenous`` depends on it and on the
    errors.
    """
    frame = random_panel(countries=countries, years=years, seed=seed)
    rng = np.random.default_rng(seed + 100)
    first = pd.Series(rng.normal(size=len(frame)))
    lag = frame.groupby("iso3")["TBI"].shift().fillna(first)
    frame["L.TBI"] = lag
    noise = rng.normal(size=len(frame))
    frame["endogenous"] = 0.8 * lag + 0.3 * frame["KOFGIdj"] + noise
    late = frame["year"] >= frame["year"].min() + 2
    frame.loc[late & (rng.uniform(size=len(frame)) < unknown), [*OUTCOMES]] = np.nan
    return frame


def index_panel(world: tx.WorldTables) -> pd.DataFrame:
    """The index of the tables, and an outcome that is little more."""
    frame = tx.trade_benefit_index(world)["tbi"].to_series().rename("TBI").reset_index()
    noise = np.random.default_rng(1).normal(size=len(frame))
    frame["y"] = frame["TBI"] + 0.01 * noise
    return frame.rename(columns={"region": "iso3"})


def two_stage_model(**changes: Any) -> Model:
    """A treatment and its instrument; ``changes`` as those of ``remodel``."""
    columns: Any = {"treatments": ("endogenous",), "instruments": ("L.TBI",)}
    return remodel(MODEL, **(columns | changes))


def rows_of(frame: pd.DataFrame, model: Model) -> Rows:
    """The complete rows, sorted by country and year. Countries are the clusters."""
    used = frame.dropna(subset=[*model.columns]).sort_values(["iso3", "year"])

    def block(names: Sequence[str]) -> np.ndarray:
        return used[[*names]].to_numpy(float)

    return Rows(
        country=pd.factorize(used["iso3"])[0],
        year=pd.factorize(used["year"], sort=True)[0],
        C=block(model.controls),
        X=block(model.treatments),
        Z=block(model.instruments),
        y=used[model.outcome].to_numpy(float),
        countries="iso3" in model.all_effects,
        years="year" in model.all_effects,
    )


def calls_of(patch, seconds: float, *, together: int = 1) -> None:
    """How long a call should take, from the first on: 0 is a block in each, infinity as
    many as there is room for; and how many are made at a time."""
    patch.setattr(experiments, "_CALL", seconds)
    patch.setattr(experiments, "_caller", lru_cache(experiments._Caller))
    patch.setattr(experiments, "calls_together", lambda: together)
