"""pytest-benchmark over the cases of ``tivax bench``, each answer checked.

pytest bench                                        small
TIVAX_BENCH=full pytest bench --benchmark-only      44 x 56 x 15
"""

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from tivax.bench.cases import CASES, World
from tivax.bench.harness import timed

METHODS = {
    "solve": (
        "tivax",
        "tivax block-jacobi",
        "jax.numpy solve, lax.map",
        "numpy solve",
        "numpy inv, v*(B@Y)",
    ),
    "inverse": ("tivax", "jax.numpy inv, lax.map", "numpy inv", "scipy inv"),
    "store": ("tivax store", "numpy npy"),
    "pymrio": ("tivax", "pymrio calc_all"),
}

# The fast solve stops below 1e-12; the others round at 1e-15.
ERROR = 1e-11


@pytest.mark.parametrize(
    "name, method", [(name, method) for name in METHODS for method in METHODS[name]]
)
def bench_case(benchmark: BenchmarkFixture, world: World, name: str, method: str):
    case = CASES[name](world)
    if case is None:
        pytest.skip(f"{name} needs the extra tivax[bench]")
    assert set(case.methods) == set(METHODS[name])
    run = case.methods[method]
    _, answer = timed(run)  # compile and warm up
    error = case.error(answer)
    assert error < ERROR
    benchmark.group, benchmark.extra_info["error"] = name, error
    benchmark(lambda: timed(run))
