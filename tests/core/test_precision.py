"""The engine computes in float64, whatever the program has told JAX."""

import jax
import jax.numpy as jnp
import pytest

import tivax.engine as tx
from tivax.engine.core.arrays import in_float64

from helpers import random_tables


def test_results_are_float64_where_jax_is_single_precision():
    tables = random_tables(regions=4, sectors=3, years=2)
    with jax.enable_x64(False):
        found = tx.value_added_trade(tables)
        absorbed = found["va_absorbed"]
        index = tx.trade_benefit_index(absorbed)
    assert absorbed.dtype == index["tbi"].dtype == "float64"
    assert (found.residual_max or 1) < 1e-12


def test_the_setting_of_the_program_is_left_as_it_was():
    with jax.enable_x64(False):
        assert in_float64(lambda: jnp.ones(()).dtype)() == "float64"
        assert jnp.ones(()).dtype == "float32"


def test_an_error_does_not_leave_it_on():
    def fail() -> None:
        raise tx.TivaxError("no")

    with jax.enable_x64(False):
        with pytest.raises(tx.TivaxError):
            in_float64(fail)()
        assert jnp.ones(()).dtype == "float32"
