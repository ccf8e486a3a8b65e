import gc
import os
from pathlib import Path

import jax
import pytest

# As scripts/test does, for SciPy and JAX, and for the processes that tests start.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from compilations import Compilations
from quick_programs import take_quick_programs

from tivax.engine import WorldTables, save_store

from helpers import random_tables
from truth_files import LEATHER, WIODTEST, exvatools, truth_table
from web_sites import site as site

# `XLA_FLAGS= python -m pytest` tests the programs that users run, as some steps of
# .ci/run do.
take_quick_programs()
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")


def pytest_configure(config):
    config.pluginmanager.register(Compilations(), "compilations")


def pytest_collection_modifyitems(items):
    """Modules of slow tests first: what a module shares is made once, as a process that
    has nothing left takes the last tests of another."""
    items.sort(key=lambda item: item.parent.get_closest_marker("slow") is None)


def pytest_collection_finish():
    """Look for cycles less often, and not in what was imported: a twentieth of the time."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(autouse=True, scope="module")
def few_memory_maps():
    """Each compiled program holds some, and Linux gives a process 65,530. To forget
    them takes seconds, and those of later modules are compiled again; a module adds
    less than 10,000."""
    yield
    maps = Path("/proc/self/maps")
    if maps.exists() and maps.read_bytes().count(b"\n") > 45_000:
        jax.clear_caches()


@pytest.fixture(scope="module")
def optimised():
    """Programs as users have them, of modules that compute for longer than they load
    programs: half their time."""
    quick = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", False)
    yield
    jax.config.update("jax_disable_most_optimizations", quick)


def shared_folder() -> Path | None:
    """``shared`` of the variable TIVAX_SHARED, or beside a folder above this one."""
    if folder := os.environ.get("TIVAX_SHARED"):
        return Path(folder)
    for above in Path(__file__).resolve().parents:
        if (above / "shared" / "truth").is_dir():
            return above / "shared"
    return None


@pytest.fixture(scope="module")
def store(request, tmp_path_factory) -> Path:
    """A store of the ``TABLES`` of the module. Only to be read."""
    path = tmp_path_factory.mktemp("tables") / "store"
    save_store(request.module.TABLES, path)
    return path


@pytest.fixture(scope="session")
def small() -> WorldTables:
    """Two years of four regions and three sectors."""
    return random_tables(regions=4, sectors=3, years=2, seed=1)


@pytest.fixture(scope="session")
def wiodtest(shared):
    """The six regions of R exvatools' example."""
    return truth_table(shared / "truth" / "exvatools_wiodtest", WIODTEST)


@pytest.fixture(scope="session")
def of_exvatools(shared):
    """Gives the terms in a file of R exvatools about its example."""
    folder = shared / "truth" / "exvatools_wiodtest"
    return lambda name: exvatools(folder / f"{name}.csv")


@pytest.fixture(scope="session")
def leather(shared):
    """The three countries of R decompr's example."""
    return truth_table(shared / "truth" / "decompr_leather", LEATHER)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real tables and published results; skips where it is absent."""
    folder = shared_folder()
    if folder is None:
        if os.environ.get("CI"):
            pytest.fail("CI needs the shared data folder: set TIVAX_SHARED")
        pytest.skip("no shared data folder; set TIVAX_SHARED to run this test")
    return folder
