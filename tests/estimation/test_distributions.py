"""Tails and quantiles: SciPy's own numbers, without its package of statistics."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from tivax.engine.estimation import distributions as own

from commands import run_python

# The same functions of ``scipy.special``; the density of t is written otherwise.
RTOL = 1e-13
AT = np.array([-np.inf, -40.0, -3.0, -1e-9, 0.0, 1e-9, 0.5, 2.0, 40.0, np.inf, np.nan])
SHARES = np.array([0.0, 1e-12, 0.025, 0.5, 0.975, 1.0, np.nan])
DEGREES = (0, 1, 3, 40, 614, 1e6)


@pytest.mark.parametrize("df", DEGREES)
def test_student_s_t_is_scipy_s(df):
    assert_allclose(own.t_sf(AT, df), stats.t.sf(AT, df), rtol=RTOL)
    p = SHARES[1:]
    assert_allclose(own.t_ppf(p, df), stats.t.ppf(p, df), rtol=RTOL)
    if df > 0:
        assert_allclose(own.t_pdf(AT, df), stats.t.pdf(AT, df), rtol=1e-9, atol=1e-300)


def test_the_normal_distribution_is_scipy_s():
    for name, at in (("cdf", AT), ("sf", AT), ("ppf", SHARES), ("isf", SHARES)):
        mine, theirs = getattr(own, f"normal_{name}"), getattr(stats.norm, name)
        assert_allclose(mine(at), theirs(at), rtol=RTOL)


@pytest.mark.parametrize("df", [(1,), (3,), (40,), (7.5,), (1, 40), (3, 14), (8, 614)])
def test_chi_squared_and_snedecor_s_f_are_scipy_s(df):
    """By one or two degrees of freedom."""
    theirs = (stats.chi2, stats.f)[len(df) - 1](*df)
    sf, ppf = ((own.chi2_sf, own.chi2_ppf), (own.f_sf, own.f_ppf))[len(df) - 1]
    assert_allclose(sf(AT, *df), theirs.sf(AT), rtol=RTOL)
    assert_allclose(ppf(SHARES, *df), theirs.ppf(SHARES), rtol=RTOL)


def test_numbers_stay_numbers():
    assert isinstance(own.t_sf(2.0, 40), float)


def test_commands_of_regressions_do_not_load_scipy_s_statistics():
    """A third of a second of each."""
    code = (
        "import sys\n"
        "from tivax.engine.cli.inference import bootstrap, curve, simulate, threats\n"
        "from tivax.engine.cli.inference import montecarlo, replicate\n"
        "print('scipy.stats' in sys.modules)"
    )
    assert run_python(code).out.strip() == "False"
