"""The study of the size of errors by distance, on a few panels."""

import numpy as np

from tivax.bench.studies.conley_size import COUNTRIES, METHODS, panel, rates


def test_a_row_for_each_method_and_draws_as_correlated_as_they_say():
    table = rates(0.6, panels=3, seed=1)
    assert table["method"].tolist() == [*METHODS]
    assert (table["size"] * 3 % 1 == 0).all() and (table["se_ratio"] > 0).all()
    half = np.full((len(COUNTRIES),) * 2, 0.5) + 0.5 * np.eye(len(COUNTRIES))
    root, rng = np.linalg.cholesky(half), np.random.default_rng(0)
    frames = [panel(rng, 0.6, root).pivot(index="year", columns="iso3") for _ in "abcd"]
    x = np.vstack([frame["x"].to_numpy() for frame in frames])
    # 60 years of 820 pairs; the common part has few draws.
    assert abs(np.corrcoef(x.T).mean() - 0.5) < 0.2
