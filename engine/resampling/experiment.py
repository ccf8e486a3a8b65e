"""``Experiment``: a run file whose draws are made, as a result."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ...kernels.random_draws import GENERATOR
from ..estimation import LinearFit
from ..reporting import CV1, Told
from . import multiple_testing
from .cluster_diagnostics import cluster_table, model_table
from .draws import Draws
from .p_values import TIE_RULES, Inference
from .plans import ResamplingPlan
from .run_files import RunFile
from .schemes import Wild


@dataclass(frozen=True, eq=False, repr=False)
class Experiment(Told):
    """A run whose draws are made: one entry for each model."""

    run: RunFile
    plans: tuple[ResamplingPlan, ...]
    draws: tuple[Draws, ...]
    inferences: tuple[Inference, ...]

    program = "bootstrap"
    in_print = "tivax.engine.present.bootstrap"

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

    def findings(self) -> list[dict[str, Any]]:
        """Rows of ``summary`` with ``outcome``, the value of the ``null``, whether the
        test is ``joint``, the ``random`` draws, and the ``usual`` p, NaN if unknown."""
        usual = self.models.set_index(["model", "term"])["cv1_p_value"].to_dict()
        found = []
        for plan, inference in self.pairs:
            null = plan.scheme.value if isinstance(plan.scheme, Wild) else 0
            own = {"null": null or 0, "joint": plan.static.joint}
            own["random"] = plan.random_draws
            for row in inference.summary.to_dict("records"):
                p = usual.get((row["model"], row["term"]), np.nan)
                found.append({**row, **own, "usual": p})
        return found

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


def _below(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(tables, ignore_index=True)


def _constant(text: str, n: int) -> pa.Array:
    index = pa.array(np.zeros(n, np.int32))
    return pa.DictionaryArray.from_arrays(index, pa.array([text]))


def _digest(draws: Draws) -> str:
    total = hashlib.sha256()
    for window in draws.windows():
        total.update(np.ascontiguousarray(window).tobytes())
    return total.hexdigest()
