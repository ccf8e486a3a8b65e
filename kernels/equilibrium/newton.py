"""Newton's method for equations in logarithms, and Broyden's update of an inverse."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .changes import rounding

_MOST_STEPS = 60
_HALVINGS = 10
_LONGEST_STEP = 0.5  # of a logarithm


def newton(
    misses: Callable[[Float[Array, "..."]], Float[Array, "..."]],
    start: Float[Array, "..."],
) -> Float[Array, "..."]:
    """Solve ``misses`` = 0, one equation for each unknown, to rounding or as near as it
    gets.

    Steps are at most half a logarithm, and halved until the largest miss falls; the
    caller looks at the misses. One system of equations and one dense factorisation a
    step: for some thousand unknowns.
    """
    floor = rounding(start)

    def largest(x: Float[Array, "..."]) -> Float[Array, ""]:
        size = jnp.max(jnp.abs(misses(x)))
        return jnp.where(jnp.isfinite(size), size, jnp.inf)

    def goes_on(state: tuple[Array, Array, Array, Array]) -> Array:
        _, now, before, k = state
        return (now > floor) & (now < before) & (k < _MOST_STEPS)

    def once(state: tuple[Array, Array, Array, Array]) -> tuple:
        x, now, _, k = state
        jacobian = jax.jacfwd(misses)(x).reshape(x.size, x.size)
        step = -jnp.linalg.solve(jacobian, misses(x).ravel()).reshape(x.shape)
        step = step * jnp.minimum(1, _LONGEST_STEP / jnp.max(jnp.abs(step)))

        def too_long(trial: tuple[Array, Array, Array]) -> Array:
            return ~(trial[1] < now) & (trial[2] < _HALVINGS)

        def halve(trial: tuple[Array, Array, Array]) -> tuple:
            length = trial[0] / 2
            return length, largest(x + length * step), trial[2] + 1

        one = jnp.ones((), x.dtype)
        trial = (one, largest(x + step), jnp.asarray(0))
        length, new, _ = jax.lax.while_loop(too_long, halve, trial)
        better = new < now
        at = jnp.where(better, x + length * step, x)
        return at, jnp.where(better, new, now), now, k + 1

    far = jnp.asarray(jnp.inf, start.dtype)
    first = (start, largest(start), far, jnp.asarray(0))
    return jax.lax.while_loop(goes_on, once, first)[0]


def secant_inverse(
    inverse: Float[Array, "k k"], step: Float[Array, " k"], change: Float[Array, " k"]
) -> Float[Array, "k k"]:
    """The inverse Jacobian nearest to ``inverse`` that maps the change of what is to be
    0 to the step that made it (Broyden 1965), by Sherman and Morrison."""
    guessed = inverse @ change
    along = step @ guessed
    along = jnp.where(jnp.abs(along) > 0, along, 1)
    return inverse + (step - guessed)[:, None] * (step @ inverse)[None, :] / along
