"""Programs that compile fast, for what waits for the compiler more than for numbers."""

import os

import jax

# Without most optimisations, by XLA's older emitters of loops and in one piece: it
# takes a third of the time.
_FLAGS = "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"


def take_quick_programs() -> None:
    """In this process and those that it starts; not where XLA_FLAGS is set, also empty.

    XLA aborts where it does not know an option: these were tried with JAX 0.10.
    """
    if "XLA_FLAGS" in os.environ or jax.__version_info__ >= (0, 11):
        return
    os.environ["XLA_FLAGS"] = _FLAGS
    os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "true"
    jax.config.update("jax_disable_most_optimizations", True)
    # Nor do they say which lines made them.
    os.environ["JAX_TRACEBACK_IN_LOCATIONS_LIMIT"] = "0"
    jax.config.update("jax_traceback_in_locations_limit", 0)
