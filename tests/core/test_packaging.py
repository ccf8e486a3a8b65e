import ast
import pkgutil
import tomllib
from importlib import import_module
from importlib.metadata import distribution, entry_points, packages_distributions
from pathlib import Path
from types import ModuleType

import pytest

import tivax
import tivax.bench
import tivax.engine
import tivax.kernels

from commands import run_python

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = {"engine": tivax.engine, "kernels": tivax.kernels, "bench": tivax.bench}


def modules(package):
    """Names of a package and of all modules in it."""
    found = pkgutil.walk_packages(package.__path__, package.__name__ + ".")
    # Importing __main__ runs the command.
    inside = [k.name for k in found if not k.name.endswith("__main__")]
    return [package.__name__, *inside]


def python(code, folder):
    """What a fresh interpreter prints, started outside the repository."""
    done = run_python(code, cwd=folder)
    assert done.code == 0, done.err
    return done.out.split()


# ------------------------------------------------------------------ what is installed


def test_tivax_is_the_only_top_level_name():
    """Hugging Face has a package named kernels; pip overwrites without a word."""
    owned = [k for k, owners in packages_distributions().items() if "tivax" in owners]
    assert owned == ["tivax"]
    declared = distribution("tivax").read_text("top_level.txt")
    assert (declared or "tivax").split() == ["tivax"]


@pytest.mark.parametrize("name", PACKAGES)
def test_a_folder_of_the_repository_is_imported_under_tivax_alone(name, tmp_path):
    code = (
        "from importlib.util import find_spec\n"
        f"spec = find_spec({name!r})\n"
        f"ours = find_spec('tivax.{name}')\n"
        "print(spec is None or spec.origin != ours.origin)"
    )
    assert python(code, tmp_path) == ["True"]


def test_every_package_of_the_repository_is_listed_for_installation():
    with (REPOSITORY / "pyproject.toml").open("rb") as file:
        listed = tomllib.load(file)["tool"]["setuptools"]["packages"]
    found = {
        ".".join(["tivax", *path.parent.relative_to(REPOSITORY).parts])
        for name in PACKAGES
        for path in (REPOSITORY / name).rglob("__init__.py")
    }
    # Installed as tivax; not at all.
    beside = {"tivax.engine.front", "tivax.bench.studies"}
    assert sorted(listed) == sorted(found - beside | {"tivax"})


@pytest.mark.parametrize("name", PACKAGES)
def test_every_module_of_the_repository_is_installed_with_its_types(name):
    package = PACKAGES[name]
    (folder,) = map(Path, package.__path__)
    assert (folder / "py.typed").is_file()
    for kind in ("*.py", "*.pyi", "*.toml", "*.csv", "*.css", "*.html"):
        source = REPOSITORY / name
        own = {p.relative_to(source) for p in source.rglob(kind)}
        found = {path.relative_to(folder) for path in folder.rglob(kind)}
        # tivax itself, and what runs from a checkout alone
        apart = {p for p in own | found if {"front", "studies"} & {*p.parts}}
        assert own - apart == found - apart


def test_the_command_is_installed():
    (script,) = (k for k in entry_points(group="console_scripts") if k.name == "tivax")
    assert script.load().__name__ == "main"


# ---------------------------------------------------------------- who imports whom


def test_kernels_do_not_load_the_engine_through_another_module(tmp_path):
    names = ", ".join(modules(tivax.kernels))
    loaded = python(f"import sys, {names}\nprint(*sys.modules)", tmp_path)
    assert "jax" in loaded and "tivax.kernels.leontief" in loaded
    banned = {"tivax.engine", "tivax.bench", "pandas", "xarray", "zarr", "matplotlib"}
    assert not banned & set(loaded)


def test_importing_the_engine_or_the_command_line_loads_no_heavy_library(tmp_path):
    """`tivax --help` should not wait, and the command sets a variable before JAX."""
    code = "import sys, tivax.engine, tivax.engine.cli.app\nprint(*sys.modules)"
    heavy = {"jax", "numpy", "pandas", "xarray", "matplotlib", "scipy"}
    assert not heavy & set(python(code, tmp_path))


def test_the_index_and_its_figures_load_no_library_that_they_do_not_use(tmp_path):
    names = "figures.tiles, figures.trade, cli.tables.tbi, cli.tables.subject"
    code = "\n".join(f"import tivax.engine.{k}" for k in names.split(", "))
    unused = {"scipy", "zarr", "matplotlib.pyplot"}
    assert not unused & set(
        python(f"import sys\n{code}\nprint(*sys.modules)", tmp_path)
    )


def test_importing_tivax_does_not_change_the_configuration_of_jax(tmp_path):
    names = ", ".join(
        name
        for package in PACKAGES.values()
        for name in modules(package)
        if not name.startswith(("tivax.bench.conftest", "tivax.bench.bench_"))
    )  # but those of pytest, which are programs
    code = (
        "import jax\n"
        "before = dict(jax.config.values)\n"
        f"import {names}\n"
        "after = dict(jax.config.values)\n"
        "print({k for k in after if after[k] != before.get(k)} or 'same')"
    )
    assert python(code, tmp_path) == ["same"]


# ------------------------------------------------------------------- the front door


PLACES = {*"results schemes shocks table_errors".split()}
PLACES |= {*"catalogue exceptions panel referee vcov".split()}


def stub_names(package):
    """Names that the stub of a package promises, and the module that has them."""
    stub = Path(package.__file__).with_suffix(".pyi")
    tree = ast.parse(stub.read_text(encoding="utf-8"))
    found = {}
    for node in tree.body:
        if isinstance(node, ast.AnnAssign):
            assert ast.unparse(node) == "__version__: str"
            continue
        assert isinstance(node, ast.ImportFrom)
        if node.module is None:
            assert {alias.name for alias in node.names} <= PLACES
            continue
        for alias in node.names:
            assert alias.asname == alias.name  # re-exported, for pyright
            assert alias.name not in found
            found[alias.name] = f"{package.__name__}.{node.module}"
    return found


def rooms():
    packages = map(import_module, ["tivax", *modules(tivax.engine)])
    return [
        package
        for package in packages
        if hasattr(package, "__path__")
        and package.__name__ not in ("tivax.engine", "tivax.engine.front")
        and Path(str(package.__file__)).with_suffix(".pyi").exists()
    ]


def test_what_type_checkers_see_is_what_there_is():
    """Of ``tivax`` and of every room: each name is there, and no module hides it."""
    assert len(rooms()) >= 9
    for package in rooms():
        promised = stub_names(package)
        assert sorted(promised) == sorted({*package.__all__} - PLACES)
        for name, module in promised.items():
            thing = getattr(package, name)
            assert thing is getattr(import_module(module), name), (module, name)
            assert not isinstance(thing, ModuleType), (module, name)


def test_the_engine_has_the_names_of_the_front_door():
    # Some names are those of a room, which is what the engine has there.
    for name in {*dir(tivax)} - {"threats", "scenarios", "change", "panel", "referee"}:
        assert getattr(tivax.engine, name) is getattr(tivax, name)


def test_every_public_name_is_explained():
    bare = [k for k in dir(tivax) if not getattr(tivax, k).__doc__]
    assert bare == []


def test_the_version_is_where_python_looks_for_it():
    assert tivax.__version__ == distribution("tivax").version


def test_a_name_that_there_is_not_is_an_attribute_error():
    with pytest.raises(AttributeError, match="tivax has no public name tbi; "):
        tivax.tbi  # noqa: B018  # pyright: ignore
    with pytest.raises(AttributeError, match="tivax has no public name tbi; "):
        tivax.engine.tbi  # noqa: B018  # pyright: ignore


def test_a_type_of_results_is_said_to_be_in_results():
    with pytest.raises(AttributeError, match=r"Threats; did you mean tx\.results"):
        tivax.Threats  # noqa: B018  # pyright: ignore


def test_the_root_of_the_repository_does_not_shadow_the_package():
    code = "import tivax as tx; print(tx.open_store.__module__)"
    for folder in (REPOSITORY, REPOSITORY / "engine"):
        assert python(code, folder) == ["tivax.engine.tables.store"]
