"""Regressors, outcome and network of a panel, as cells of countries and years."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from ...core import TivaxError, require_different_columns
from ...estimation import (
    CAPITALS,
    ENTITY,
    TIME,
    LinearFit,
    Model,
    Network,
    Sample,
    distances_among,
    require_one_row,
)
from ..run_files import read_with_lags


@dataclass(frozen=True, eq=False)
class GivenPanel:
    """Regressors of a panel.

    Attributes
    ----------
    panel, regressors, sample, entity, time
        Where they are from; the treatment is the first.
    cells
        [controls, treatment] by cluster and year, less the cluster's mean, mean square
        1; 0 where a cluster is not seen.
    seen
        1 where it is.
    spreads, sizes
        An outcome, and the root mean square of its residuals by cluster, over that of
        all; empty and None without.
    outcome, placebo, y
        Placebo regressions: the outcome, which placebos, and its cells as those of
        the regressors, less the estimated effect of the treatment; empty and None
        without.
    net, shared
        The treatment net of effects and controls, over its sum of squares; the error of
        a size by placebos of random phases, which share one outcome.
    loadings
        Loadings of the clusters on the first principal component of what effects and
        controls leave of the outcome, standardised by cluster; mean square 1. None
        without an outcome. Residuals of the fit are orthogonal to the treatment, and
        their loadings would nearly be.
    flows, network
        A file of flows, and its weights of the products of two clusters' scores.
    distances
        Between capitals in km; None where a country has none that is known.
    """

    panel: Path
    regressors: tuple[str, ...]
    sample: Sample
    cells: Float[np.ndarray, "G T k"]
    seen: Float[np.ndarray, "G T"]
    spreads: str = ""
    sizes: Float[np.ndarray, " G"] | None = None
    outcome: str = ""
    placebo: str = ""
    y: Float[np.ndarray, "G T"] | None = None
    net: Float[np.ndarray, "G T"] | None = None
    shared: float = 0.0
    loadings: Float[np.ndarray, " G"] | None = None
    flows: Path | None = None
    network: Float[np.ndarray, "G G"] | None = None
    distances: Float[np.ndarray, "G G"] | None = None
    entity: str = ENTITY
    time: str = TIME


def given_regressors(
    panel: Path,
    regressors: tuple[str, ...],
    sample: Sample = "all",
    spreads: str = "",
    *,
    outcome: str = "",
    placebo: str = "",
    flows: Path | None = None,
    entity: str = ENTITY,
    time: str = TIME,
) -> GivenPanel:
    """The regressors of a panel file on the rows that have all of them.

    Raises ``TivaxError`` for columns that are absent, collinear or no numbers, and for
    two rows of a country in one year.
    """
    named = outcome or spreads
    model = Model(
        "as given",
        named or "(errors)",
        regressors,
        sample=sample,
        entity=entity,
        time=time,
    )
    frame = read_with_lags(panel, [model])
    try:
        return given_by(frame, model, panel, spreads, outcome, placebo, flows)
    except TivaxError as error:
        said = str(error).removeprefix("model as given: ").removeprefix("(errors): ")
        raise TivaxError(f"{panel}: {said}") from None


def given_by(
    panel: pd.DataFrame,
    model: Model,
    path: Path,
    spreads: str = "",
    outcome: str = "",
    placebo: str = "",
    flows: Path | None = None,
) -> GivenPanel:
    """The same of a panel with its lags, in memory; ``path`` is where it is from."""
    if not (outcome or spreads):
        noise = np.random.default_rng(0).normal(size=len(panel))
        panel = panel.assign(**{model.outcome: noise})
    fitted = LinearFit.to_draw(panel, model)
    time = pd.factorize(fitted.used[model.time], sort=True)[0]
    shape = len(fitted.labels), time.max() + 1
    require_one_row(fitted.used, model.clusters, model.time)

    def by_year(values: np.ndarray) -> np.ndarray:
        made = np.zeros((*shape, *values.shape[1:]))
        made[fitted.cluster, time] = values
        return made

    seen = by_year(np.ones(len(time)))
    cells = by_year(fitted.rows[:, fitted.layout.dummies :] * np.sqrt(len(time)))
    sizes = loadings = y = net = None
    shared = 0.0
    if spreads:
        errors = by_year(fitted.u)
        each = np.sqrt((errors**2).sum(axis=1) / seen.sum(axis=1))
        sizes = each / np.sqrt((errors**2).sum() / len(time))
    if outcome:
        others, last = fitted.C[:, :-1], np.column_stack([fitted.C[:, -1], fitted.y])
        last = by_year(last - others @ np.linalg.lstsq(others, last, rcond=None)[0])
        own, left = last[:, :, 0], last[:, :, 1]
        net = own / (own**2).sum() / np.sqrt(len(time))
        effect = (own * left).sum() / (own**2).sum()
        y = cells[:, :, -1] - effect * cells[:, :, -2]
        shared = _shared_error(own, left - effect * own)
        size = np.linalg.norm(left, axis=1, keepdims=True)
        first = np.linalg.svd(left / np.where(size > 0, size, 1))[0][:, 0]
        loadings = first * np.sqrt(len(first))
    labels = list(fitted.labels)
    return GivenPanel(
        path,
        tuple(model.regressors),
        model.sample,
        cells[:, :, :-1],
        seen,
        spreads,
        sizes,
        outcome,
        placebo,
        y,
        net,
        shared,
        loadings,
        flows,
        None if flows is None else _network(flows, labels),
        distances_among(labels) if {*labels} <= {*CAPITALS} else None,
        model.entity,
        model.time,
    )


def _shared_error(x: Float[np.ndarray, "G T"], u: Float[np.ndarray, "G T"]) -> float:
    """Error of the size of a test at 5 % by placebos with random phases.

    Their covariances with the errors have the variance s, a sum over frequencies of
    abs(S_k)^2 of the cross spectrum S of x and u; s / E s has a variance of 1 / (T / 2)
    where these are flat and clusters independent. More placebos do not lessen it. The
    size, P(abs(z) > c) at c sqrt(E s / s), moves by c phi(c) = 0.115 times the share.
    """
    square = (np.abs(np.fft.rfft(k, axis=1)[:, 1:]) ** 2 for k in (x, u))
    s = np.prod([*square], axis=0).sum(axis=0)
    weight = np.where(2 * np.arange(1, len(s) + 1) == x.shape[1], 0.5, 1)
    return 0.115 * float(np.sqrt(weight @ s**2) / (weight @ s))


def read_flows(path: Path) -> pd.DataFrame:
    """A square of numbers, exporters in the first column, importers on top."""
    if not path.exists():
        raise TivaxError(f"flows: no file {path}")
    try:
        flows = pd.read_csv(path, index_col=0, keep_default_na=False, na_values=[""])
    except Exception as error:  # of every kind, for bytes changed at random
        said = " ".join(str(error).split())
        raise TivaxError(f"flows {path}: not a readable table: {said}") from None
    require_different_columns(path)
    return flows


def _network(path: Path, names: list[str]) -> Float[np.ndarray, "G G"]:
    weights = read_flows(path)
    try:
        return Network(weights).among(names)
    except TivaxError as error:
        said = str(error).removeprefix("weights: ")
        raise TivaxError(f"flows {path}: {said}") from None
