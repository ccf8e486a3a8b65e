"""Plans of a run file, and the experiment once their draws are made."""

from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import pandas as pd

from ....kernels.random_draws import GENERATOR
from ...core import TivaxError, sha256, tivax_version
from ...resampling import (
    Draws,
    FittedModel,
    Inference,
    Model,
    ResamplingPlan,
    RunFile,
    fit_model,
    make_plan,
    model_table,
    multiple_testing,
    read_with_lags,
)


@dataclass(frozen=True, eq=False)
class Experiment:
    """A run whose draws are made: one entry for each model."""

    run: RunFile
    plans: tuple[ResamplingPlan, ...]
    draws: tuple[Draws, ...]
    inferences: tuple[Inference, ...]

    @property
    def fitted_models(self) -> list[FittedModel]:
        return [plan.fitted for plan in self.plans]

    @property
    def summary(self) -> pd.DataFrame:
        return pd.concat([k.summary for k in self.inferences], ignore_index=True)

    @property
    def intervals(self) -> pd.DataFrame:
        return pd.concat([k.intervals for k in self.inferences], ignore_index=True)

    @cached_property
    def models(self) -> pd.DataFrame:
        """``model_table``, and facts about the draws of each model."""
        table = model_table(self.fitted_models)
        own = pd.DataFrame(
            {
                "model": [k.fitted.model.name for k in self.plans],
                "exact": [k.exact for k in self.plans],
                "ties": [k.ties for k in self.inferences],
                "failed_draws": [k.failed for k in self.inferences],
            }
        )
        return table.merge(own, on="model")

    @property
    def adjusted(self) -> pd.DataFrame:
        return multiple_testing.adjust(
            list(zip(self.plans, self.draws, self.inferences, strict=True))
        )


def make_plans(run: RunFile) -> tuple[ResamplingPlan, ...]:
    """Designs of all models under the run's scheme."""
    panels = {
        path: read_with_lags(path, [model for model, k in run.models if k == path])
        for path in run.panels
    }
    plans = []
    for model, panel in run.models:
        _require_clusters(panel, panels[panel], model)
        try:
            fitted = fit_model(panels[panel], model)
            plans.append(make_plan(fitted, run.scheme, run.draws))
        except TivaxError as error:
            raise TivaxError(f"{run.path}: {error}") from None
    return tuple(plans)


def _require_clusters(path: Path, panel: pd.DataFrame, model: Model) -> None:
    names = panel.get(model.cluster, pd.Series(dtype=str)).dropna().unique()
    if len(names) == 1:
        raise TivaxError(
            f"{path}: a single {model.cluster}, {names[0]}; model {model.name} takes "
            "two clusters at least: is the file cut?"
        )


def identity(run: RunFile) -> dict[str, Any]:
    """What draws depend on: a run goes on only where all of it is the same."""
    return {
        "models": [[asdict(model), sha256(panel)] for model, panel in run.models],
        "scheme": asdict(run.scheme),
        "draws": run.draws,
        "seed": run.seed,
        "generator": GENERATOR,
        "tivax": tivax_version(),
        "jax": version("jax"),
        "platform": jax.default_backend(),
    }
