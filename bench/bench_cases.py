"""pytest-benchmark over the cases of ``tivax bench``, each answer checked.

pytest bench                                        small
TIVAX_BENCH=full pytest bench --benchmark-only      44 x 56 x 15
"""

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from tivax.bench.cases import CASES, World, needs_package
from tivax.bench.harness import Case, timed

WORLD = {
    "solve": (
        "tivax",
        "tivax block-jacobi",
        "jax.numpy solve, lax.map",
        "numpy solve",
        "numpy inv, v*(B@Y)",
        "bare passes",
        "bare parts",
    ),
    "inverse": ("tivax", "jax.numpy inv, lax.map", "numpy inv", "scipy inv"),
    "store": ("tivax store", "numpy npy"),
    "pymrio": ("tivax", "pymrio calc_all"),
    "mario": ("tivax", "MARIO calc_w"),
}


@pytest.mark.parametrize(
    "name, method", [(name, method) for name in WORLD for method in WORLD[name]]
)
def bench_case(benchmark: BenchmarkFixture, world: World, name: str, method: str):
    case = CASES[name](world)
    if case is None:
        pytest.skip(f"{name} needs {needs_package(name)}")
    assert set(case.methods) == set(WORLD[name])
    _timed_and_checked(benchmark, case, method)


@pytest.mark.parametrize("name", sorted(set(CASES) - set(WORLD)))
def bench_repeated(benchmark: BenchmarkFixture, world: World, name: str):
    """The first method is timed, the others are checked; `tivax bench` times all."""
    case = CASES[name](world)
    assert case is not None
    first, *others = case.methods
    for method in set(others) - set(case.limits):
        assert case.error(case.methods[method]()) < case.tolerance
    benchmark.extra_info["repeats"] = case.repeats.get(first, 1)
    _timed_and_checked(benchmark, case, first)


def _timed_and_checked(benchmark: BenchmarkFixture, case: Case, method: str) -> None:
    run = case.methods[method]
    _, answer = timed(run)  # compile and warm up
    error = None if method in case.limits else case.error(answer)
    assert error is None or error < case.tolerance
    benchmark.group, benchmark.extra_info["error"] = case.name, error
    benchmark(lambda: timed(run))
