"""``Experiment``: a run file whose draws are made, as a result; and its plans."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ....kernels.random_draws import GENERATOR
from ...core import Listing, TivaxError, naming
from ...estimation import LinearFit
from ...figures import DrawnStatistics
from ...figures.resampling import histograms
from ...reporting import (
    CV1,
    Drawn,
    Language,
    Plot,
    Result,
    Section,
    label,
    printed_place,
)
from ...resampling import (
    TIE_RULES,
    Draws,
    Inference,
    ResamplingPlan,
    RunFile,
    cluster_table,
    make_plan,
    model_table,
    multiple_testing,
)
from ..inputs import read_panels
from . import bootstrap_report as report

# Histograms of a figure: more would be too small to read.
_PER_FIGURE = 6


@dataclass(frozen=True, eq=False, repr=False)
class Experiment(Result):
    """A run whose draws are made: one entry for each model."""

    run: RunFile
    plans: tuple[ResamplingPlan, ...]
    draws: tuple[Draws, ...]
    inferences: tuple[Inference, ...]
    language: Language = "en"

    program = "bootstrap"

    def __post_init__(self) -> None:
        object.__setattr__(self, "report_title", report.title(self))
        object.__setattr__(self, "method", report.method(self.plans[0]))

    @property
    def subtitle(self) -> str:
        return report.subtitle(self)

    @property
    def sentence(self) -> str:
        return report.sentence(self)

    @property
    def finding(self) -> list[str]:
        return report.finding(self)

    @property
    def pairs(self) -> list[tuple[ResamplingPlan, Inference]]:
        """The plan of each model, and what its draws say."""
        return [*zip(self.plans, self.inferences, strict=True)]

    def tables(self) -> dict[str, pd.DataFrame]:
        return {
            "summary": _below(k.tables()["summary"] for k in self.inferences),
            "intervals": _below(k.tables()["intervals"] for k in self.inferences),
            "models": self.models,
            "clusters": _below(map(cluster_table, self.fitted_models)),
            "multiple_testing": multiple_testing.adjust(
                list(zip(self.plans, self.draws, self.inferences, strict=True))
            ),
            "distribution": _below(k.distribution for k in self.inferences),
        }

    def plots(self) -> dict[str, Plot]:
        """Histograms, one figure for each table of the paper, else six models each."""
        groups: dict[str, list[DrawnStatistics]] = {}
        for k, (plan, inference) in enumerate(self.pairs):
            place = printed_place(plan.fitted.model.tags)
            name = f"draws_{k // _PER_FIGURE + 1}"
            name = f"table{place[0]}_draws" if place else name
            drawn = DrawnStatistics(_title(plan, self.language), plan, inference)
            groups.setdefault(name, []).append(drawn)
        return {
            name: partial(histograms, group, self.language)
            for name, group in groups.items()
        }

    def sections(self, figures: Mapping[str, Drawn]) -> list[Section]:
        return report.sections(self, self.tables(), figures)

    def facts(self) -> dict[str, Any]:
        scheme = self.plans[0].scheme
        return {
            "residual_max": max(fitted.residual for fitted in self.fitted_models),
            "scheme": scheme.facts,
            "generator": GENERATOR,
            "block": self.plans[0].static.block,
            "draws": {k.fitted.model.name: k.draws for k in self.plans},
            "p_value": TIE_RULES[scheme.kind],
            "covariance": CV1,
            "processes": jax.process_count(),
            "devices": jax.device_count(),
            "draws_sha256": hashlib.sha256(
                "".join(_digest(draws) for draws in self.draws).encode()
            ).hexdigest(),
        }

    def write_draws(self, folder: Path) -> None:
        """draws.parquet: draw (from 0), model, column, value; a row group a window."""
        words = pa.dictionary(pa.int32(), pa.string())
        kinds = {"draw": pa.int64(), "model": words, "column": words}
        schema = pa.schema({**kinds, "value": pa.float64()})
        with pq.ParquetWriter(folder / "draws.parquet", schema) as writer:
            for plan, draws in zip(self.plans, self.draws, strict=True):
                start = 0
                for window in draws.windows():
                    number = np.arange(start, start + len(window))
                    start += len(window)
                    model = _constant(plan.fitted.model.name, len(number))
                    for name, values in zip(plan.columns, window.T, strict=True):
                        column = _constant(name, len(number))
                        rows = [number, model, column, values]
                        writer.write_table(pa.table(rows, schema=schema))

    def _listings(self) -> list[Listing]:
        return [k for inference in self.inferences for k in inference._listings()]

    @property
    def fitted_models(self) -> list[LinearFit]:
        return [plan.fitted for plan in self.plans]

    @property
    def summary(self) -> pd.DataFrame:
        return _below(k.summary for k in self.inferences)

    @property
    def intervals(self) -> pd.DataFrame:
        return _below(k.intervals for k in self.inferences)

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


def make_plans(run: RunFile) -> tuple[ResamplingPlan, ...]:
    """Designs of all models under the run's scheme."""
    panels, plans = read_panels(run), []
    for model, path in run.models:
        panel, clusters = panels[path], model.clusters
        names = panel.get(clusters, pd.Series(dtype=str)).dropna().unique()
        if len(names) == 1:
            raise TivaxError(
                f"{path}: a single {clusters}, {names[0]}; model {model.name} takes at "
                "least two clusters; was the file cut?"
            )
        with naming(run.path):
            plans.append(
                make_plan(LinearFit.to_draw(panel, model), run.scheme, run.draws)
            )
    return tuple(plans)


def _below(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(tables, ignore_index=True)


def _constant(text: str, n: int) -> pa.Array:
    index = pa.array(np.zeros(n, np.int32))
    return pa.DictionaryArray.from_arrays(index, pa.array([text]))


def _title(plan: ResamplingPlan, language: Language) -> str:
    model = plan.fitted.model
    place = printed_place(model.tags)
    if place is None:
        return model.name
    outcome, sample = model.outcome, model.sample
    if language != "en":
        outcome, sample = label(outcome, language), label(sample, language)
    return f"({place[1]}) {outcome}, {sample}"


def _digest(draws: Draws) -> str:
    total = hashlib.sha256()
    for window in draws.windows():
        total.update(np.ascontiguousarray(window).tobytes())
    return total.hexdigest()
