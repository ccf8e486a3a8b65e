"""Derivatives of welfare in the new equilibrium with respect to every tariff."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from ...kernels.equilibrium import adjoint, changes, wages, welfare
from ..core import in_float64, require_choice, require_kind
from .economy import Economy, place_of
from .solving import Deficits, Old, solve_new, solve_old, transfer_of

DIFFERENTIABLE = ("welfare", "tot", "vot", "realwage", "real_income")


@in_float64
def gradient_at(
    economy: Economy,
    tariff: Float[np.ndarray, "r r s"],
    deficits: Deficits,
    region: str,
    measure: str,
) -> xr.DataArray:
    """``ExactHat.tariff_gradient`` at new tariffs."""
    require_kind("region", region, str, "a label")
    require_choice("measure", measure, DIFFERENTIABLE)
    own = np.arange(len(economy.regions)) == place_of(economy, region)
    old = solve_old(economy, deficits)
    new = solve_new(economy, old, tariff)
    _, slope = slope_at(
        jnp.asarray(tariff),
        old,
        wages.position_of(new),
        jnp.asarray(own, float),
        measure=measure,
    )
    regions, sectors = [*economy.regions], [*economy.sectors]
    labels = {"importer": regions, "exporter": regions, "sector": sectors}
    about = {"units": "per cent per percentage point", "long_name": measure}
    home = np.eye(len(economy.regions), dtype=bool)[:, :, None]
    return xr.DataArray(
        np.where(home, 0.0, np.asarray(slope)), labels, list(labels), attrs=about
    )


@partial(jax.jit, static_argnames="measure")
def slope_at(
    tariff: Float[Array, "r r s"],
    old: Old,
    at: wages.Position,
    weights: Float[Array, " r"],
    *,
    measure: str,
) -> tuple[Array, Float[Array, "r r s"]]:
    """A measure of regions at an equilibrium, times their weights, and its derivative
    by every tariff."""

    def value(tariff: Float[Array, "r r s"]) -> Array:
        costs = jnp.log1p(tariff) - jnp.log1p(old.tariff)
        shock = changes.EconomyShock(costs, tariff, old.kept, old.surplus)
        new = adjoint.differentiable(old.economy, shock, at, old.inverse)
        found = welfare.welfare_changes(
            old.economy,
            old.trade,
            old.tariff,
            old.income,
            jnp.ones_like(tariff),
            transfer_of(old, new),
            new,
        )
        return weights @ getattr(found, measure)

    return jax.value_and_grad(value)(tariff)
