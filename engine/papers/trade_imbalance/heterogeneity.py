"""Do developed and developing countries differ, and why does the pooled effect exceed
both?

A difference in significance is not a test of the difference: ``interactions`` tests
it. ``pooled_parts`` takes the pooled coefficient apart: with common year effects it
also uses how the two groups move against each other over time, which neither
subsample sees.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

import tivax as tx

from .columns import CONTROLS, OUTCOMES, sample, slopes_of, within

PARTS = ("within developed", "within developing", "between groups")


def with_groups(frame: pd.DataFrame) -> pd.DataFrame:
    """The panel with ``group_year`` and every regressor times developed, ``_dev``."""
    more = {
        f"{name}_dev": frame[name] * frame["developed"] for name in ("TBI", *CONTROLS)
    }
    label = frame["developed"].astype(str) + "-" + frame["year"].astype(str)
    return frame.assign(group_year=label, **more)


def interactions(
    frame: pd.DataFrame, outcomes: Sequence[str] = OUTCOMES
) -> pd.DataFrame:
    """Slopes of TBI by group under five models; a row for each outcome and model.

    Columns ``developed``, ``developing`` and their standard errors (equal in models
    with one slope); ``difference`` = developed - developing, the coefficient of TBI x
    developed, with ``difference_se`` and its t(G-1) ``p``. ``all interacted`` has
    every coefficient and year effect by group, so its slopes are those of the
    subsamples, in one regression with one covariance.
    """
    data = with_groups(frame)
    controls_dev = [f"{name}_dev" for name in CONTROLS]
    one_slope, two_slopes = ["TBI", *CONTROLS], ["TBI", "TBI_dev", *CONTROLS]
    designs = {
        "pooled": (one_slope, "year"),
        "group year effects": (one_slope, "group_year"),
        "interaction": (two_slopes, "year"),
        "interaction, group year effects": (two_slopes, "group_year"),
        "all interacted": ([*two_slopes, *controls_dev], "group_year"),
    }
    rows = []
    for outcome in outcomes:
        for model, (regressors, time) in designs.items():
            own = tx.Model("", outcome, regressors, entity="iso3", time=time)
            fit = tx.fit(own, data)
            rows.append({"outcome": outcome, "model": model, **_slopes(fit)})
    return pd.DataFrame(rows)


def _slopes(estimate: tx.results.Fit) -> dict[str, float]:
    slope, se, *_ = estimate["TBI"]
    developed, developed_se = slope, se
    difference, difference_se, p = np.nan, np.nan, np.nan
    if "TBI_dev" in estimate.terms.index:
        both = ["TBI", "TBI_dev"]
        pair = estimate.covariance.loc[both, both].to_numpy()
        difference, difference_se, _, p, *_ = estimate["TBI_dev"]
        developed, developed_se = slope + difference, float(np.sqrt(pair.sum()))
    return {
        "developed": developed,
        "developed_se": developed_se,
        "developing": slope,
        "developing_se": se,
        "difference": difference,
        "difference_se": difference_se,
        "p_value": p,
    }


def pooled_parts(
    frame: pd.DataFrame, outcomes: Sequence[str] = OUTCOMES
) -> pd.DataFrame:
    """The pooled coefficient of TBI as a weighted mean of three slopes, exactly.

    Let e be TBI less its fit on controls, country and year effects. Its part that is
    common to a group and year is ``between groups``; the rest lies ``within`` one
    group or the other. The three are orthogonal, and

        b = sum_k w_k b_k,    w_k = e_k'e_k / e'e,    b_k = e_k'y / e_k'e_k,

    with y less the pooled fit of the controls (Frisch, Waugh, Lovell). Columns
    outcome, part, weight, slope, contribution = weight x slope.
    """
    rows = []
    for outcome in outcomes:
        points = partial_points(frame, outcome)
        total = (points["x"] ** 2).sum()
        for part in PARTS:
            k = points[points["part"] == part]
            size = (k["x"] ** 2).sum()
            product = (k["x"] * k["y"]).sum()
            rows.append(
                {
                    "outcome": outcome,
                    "part": part,
                    "weight": size / total,
                    "slope": product / size,
                    "contribution": product / total,
                }
            )
    return pd.DataFrame(rows)


def partial_points(frame: pd.DataFrame, outcome: str) -> pd.DataFrame:
    """Points of the partial regression of the outcome on TBI, by part.

    Columns iso3, year, part, x, y; the rows of ``between groups`` repeat a group-year
    value for each of its countries, so that sums over rows are the right weights.
    """
    data = with_groups(frame).dropna(subset=[outcome, "TBI", *CONTROLS])
    names = {"TBI": "x", outcome: "y"}
    fits = {v: slopes_of(data, k, CONTROLS) for k, v in names.items()}
    e = pd.DataFrame({k: fit.residuals for k, fit in fits.items()})
    # Residuals have no country means left, so the dummies can do without theirs.
    dummies = pd.get_dummies(data["group_year"], dtype=float)
    D = within(dummies, data["iso3"]).to_numpy() - dummies.to_numpy().mean(axis=0)
    coef, *_ = np.linalg.lstsq(D, e.to_numpy(), rcond=None)
    shared = pd.DataFrame(D @ coef, e.index, e.columns)
    own, keys = e - shared, data[["iso3", "year"]]
    pieces = []
    for group in ("developed", "developing"):
        k = sample(data, group).index
        pieces.append(keys.loc[k].assign(part=f"within {group}").join(own))
    pieces.append(keys.assign(part="between groups").join(shared))
    return pd.concat(pieces, ignore_index=True)
