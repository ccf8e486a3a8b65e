"""Size of the joint tests of a specification curve: rejections of a true null.

The panel of ``tivax panel`` with its regressors; outcomes are errors alone, AR(1) of
0.6 within countries and independent between them, alike in size or of the size of each
country's residuals in the paper's column. The sets of choices are those of the report
of ``tivax replicate``, on one release of the index.

    python -m tivax.bench.studies.curve_size \\
        panel.csv --out curve-sizes.csv --panels 2000
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

import tivax as tx

from ...engine.papers.trade_imbalance import curve_choices, paper_models

LEVEL, DRAWS, PERSISTENCE = 0.05, 299, 0.6
_AT_ONCE = 20  # outcomes of a panel that share their cross products


def main() -> None:
    """Simulate, and write the share of panels in which each joint test rejects."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("panel", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--panels", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    panel = pd.read_csv(given.panel)
    every = [
        rejections(panel, errors, given.panels, given.seed)
        for errors in ("alike", "by country")
    ]
    pd.concat(every, ignore_index=True).to_csv(given.out, index=False)


def rejections(
    panel: pd.DataFrame, errors: str, panels: int, seed: int
) -> pd.DataFrame:
    """Columns errors, choices, weights, statistic, panels, size, mc_error."""
    model = next(k for k in paper_models() if k.sample == "all" and k.controls)
    found = []
    for made, models, number in _outcomes(panel, model, errors, panels, seed):
        for name, choices in curve_choices(made, model).items():
            curve = tx.specification_curve(
                made, models, choices=choices, draws=DRAWS, seed=number
            )
            rejects = curve.tests["p_value"] <= LEVEL
            found.append(curve.tests.assign(choices=name, rejects=rejects))
    keys = ["choices", "weights", "statistic"]
    table = pd.concat(found).groupby(keys, sort=False)["rejects"]
    sizes = table.agg(panels="size", size="mean").reset_index()
    error = np.sqrt(sizes["size"] * (1 - sizes["size"]) / sizes["panels"])
    sizes.insert(0, "errors", errors)
    return sizes.assign(mc_error=error)


def _outcomes(
    panel: pd.DataFrame, model: tx.Model, errors: str, panels: int, seed: int
) -> Iterator[tuple[pd.DataFrame, list[tx.Model], int]]:
    """The panel with some outcomes, the models of these, and a number of its own."""
    country, names = pd.factorize(panel["iso3"], sort=True)
    year = (panel["year"] - panel["year"].min()).to_numpy()
    size = np.ones(len(names))
    if errors == "by country":
        size = _residual_sizes(panel, model)
    rng = np.random.default_rng(seed)
    for number in range(panels // _AT_ONCE):
        shocks = rng.normal(size=(_AT_ONCE, len(names), year.max() + 1))
        for t in range(1, shocks.shape[2]):
            before = PERSISTENCE * shocks[:, :, t - 1]
            shocks[:, :, t] = before + np.sqrt(1 - PERSISTENCE**2) * shocks[:, :, t]
        columns = {
            f"e{k}": size[country] * e[country, year] for k, e in enumerate(shocks)
        }
        models = [replace(model, name=k, outcome=k) for k in columns]
        yield panel.assign(**columns), models, number


def _residual_sizes(panel: pd.DataFrame, model: tx.Model) -> np.ndarray:
    """Root mean square of each country's residuals, over that of all."""
    columns = panel[[model.outcome, *model.regressors]].astype(float)
    effects = pd.get_dummies(panel[["iso3", "year"]].astype(str), dtype=float)
    X = np.column_stack([columns.iloc[:, 1:], effects])
    y = columns.iloc[:, 0].to_numpy()
    squares = (y - X @ np.linalg.lstsq(X, y, rcond=None)[0]) ** 2
    by_country = pd.Series(squares).groupby(panel["iso3"].to_numpy()).mean()
    return np.sqrt(by_country / squares.mean()).to_numpy()


if __name__ == "__main__":
    main()
