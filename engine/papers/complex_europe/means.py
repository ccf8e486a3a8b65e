"""Means over draws of parameters, their standard errors, and stars."""

import numpy as np
from jaxtyping import Float, Int

# Percentiles on either side of which all draws but these are, by number of stars.
_STARS = (5.0, 2.5, 0.5)


def controlled_means(
    values: Float[np.ndarray, "k r"], control: Float[np.ndarray, "k r"]
) -> tuple[Float[np.ndarray, " r"], Float[np.ndarray, " r"]]:
    """Means over draws of which the control has mean 0, and their standard errors.

    Of ``values`` less b times the control, b their regression on it. Draws without a
    result do not count; where there is no control, a plain mean.
    """
    there = np.isfinite(values)
    usable = np.isfinite(control).all(axis=0)
    x = np.where(there & usable, control, 0.0)
    number = np.maximum(there.sum(axis=0), 1)
    apart = np.where(there, x - x.sum(axis=0) / number, 0.0)
    size = (apart**2).sum(axis=0)
    moved = (apart * np.where(there, values, 0.0)).sum(axis=0)
    b = moved / np.where(size > 0, size, 1.0)
    left = values - b * x
    return np.nanmean(left, axis=0), standard_errors(left)


def stars(values: Float[np.ndarray, "k r"]) -> Int[np.ndarray, " r"]:
    """Stars by the distance of draws from zero.

    3, 2, 1 where it is outside 0.5 to 99.5, 2.5 to 97.5 and 5 to 95 per cent of them,
    on the side of the mean; else 0. Draws without a result, NaN, do not count.
    """
    mean = np.nanmean(values, axis=0)
    found = np.zeros(len(mean), int)
    for tail in _STARS:
        low, high = np.nanpercentile(values, (tail, 100 - tail), axis=0)
        found += np.where(mean > 0, low > 0, high < 0)
    return found


def standard_errors(values: Float[np.ndarray, "k r"]) -> Float[np.ndarray, " r"]:
    """Standard errors of the means over draws."""
    number = np.isfinite(values).sum(axis=0)
    spread = np.sqrt(np.nanmean((values - np.nanmean(values, axis=0)) ** 2, axis=0))
    return spread / np.sqrt(np.maximum(number - 1, 1))
