"""Programs that compile fast, for what waits for the compiler more than for numbers."""

import os

import jax

# In one piece: the other core has a process of its own.
_IN_ONE_PIECE = "--xla_cpu_parallel_codegen_split_count=1"
# By XLA's older emitters of loops, where it has them.
_OLDER_EMITTERS = "--xla_cpu_use_fusion_emitters=false"


def take_quick_programs() -> None:
    """In this process and those that it starts; not where XLA_FLAGS is set, also empty.

    Without most optimisations, which take up to two fifths of the compiler's time. XLA
    aborts where it does not know an option: these were tried with JAX 0.10 and 0.12.
    """
    if "XLA_FLAGS" in os.environ:
        return
    older = jax.__version_info__ < (0, 11)
    os.environ["XLA_FLAGS"] = (
        f"{_OLDER_EMITTERS} {_IN_ONE_PIECE}" if older else _IN_ONE_PIECE
    )
    os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "true"
    jax.config.update("jax_disable_most_optimizations", True)
    # Nor do they say which lines made them.
    os.environ["JAX_TRACEBACK_IN_LOCATIONS_LIMIT"] = "0"
    jax.config.update("jax_traceback_in_locations_limit", 0)
