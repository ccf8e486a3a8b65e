"""Maps of values of either sign that span magnitudes: scale and ticks."""

import numpy as np
from matplotlib.colors import FuncNorm


def signed_root(most: float) -> FuncNorm:
    """Colours by the signed square root, up to ``most`` on either side."""
    return FuncNorm(
        (lambda b: np.sign(b) * np.sqrt(np.abs(b)), lambda s: np.sign(s) * s**2),
        vmin=-most,
        vmax=most,
    )


def signed_text(value: float) -> str:
    """A tick with its sign: −0.3."""
    return f"{value:+,.12g}".replace("-", "−") if value else "0"


def signed_ticks(most: float) -> list[float]:
    """0 and three round numbers to either side, evenly placed on a root scale."""
    up = sorted({_round_down(most * share) for share in (0.09, 0.4, 1.0)})
    return [-k for k in reversed(up)] + [0.0] + up


def _round_down(value: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(max(k for k in (1, 2, 5) if k * power <= value * (1 + 1e-9)) * power)
