"""Every program of gravity lowers for an NVIDIA card, draws included."""

from functools import partial

import jax
import numpy as np
import pytest

from tivax.kernels.gravity import draws
from tivax.kernels.gravity.poisson import fit_poisson, trading
from tivax.kernels.gravity.separation import separated_cells
from tivax.kernels.gravity.weidner_zylkin import short_panel

from gpu_programs import require_lowered


@pytest.mark.parametrize("pairs", ["directed", "symmetric", "none"])
def test_programs_lower_for_cuda(pairs):
    y, there = np.ones((2, 4, 4)), 1 - np.broadcast_to(np.eye(4), (2, 4, 4))
    x, number = np.random.default_rng(0).normal(size=(1, 2, 4, 4)), np.arange(16)
    with jax.enable_x64(True):
        fit = jax.jit(fit_poisson, static_argnames=("pairs",))
        solved = fit(y, x, there, pairs=pairs)
        place = number.reshape(4, 4)
        drawn = partial(draws.drawn_pairs, draws=2)
        programs = {
            "fit": (fit, y, x, there),
            "short panel": (short_panel, solved),
            "trading": (jax.jit(trading, static_argnames=("pairs",)), y, there > 0),
            "separated": (
                jax.jit(separated_cells, static_argnames=("pairs",)),
                *(y, x, there > 0),
            ),
            "pairs": (jax.jit(drawn, static_argnames=("pairs",)), y, x, there, place)
            + (solved, 0, 0),
            "parts": (draws.of_parts, y, x, there, solved, there > 0),
            "net": (draws.net_of, there, x),
        }
        for name, (program, *given) in programs.items():
            require_lowered(name, program, tuple(given), {"pairs": pairs})
        require_lowered("signs", draws.score_sums, (y[0, 0], 0), {"blocks": 1})
