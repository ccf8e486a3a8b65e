import ast
import pkgutil
import subprocess
import sys
import tomllib
from importlib.metadata import distribution, entry_points, packages_distributions
from pathlib import Path

import pytest

import tivax
import tivax.bench
import tivax.engine
import tivax.kernels

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = {"engine": tivax.engine, "kernels": tivax.kernels, "bench": tivax.bench}


def modules(package):
    """Names of a package and of all modules in it."""
    return [
        package.__name__,
        *(
            m.name
            for m in pkgutil.walk_packages(package.__path__, package.__name__ + ".")
        ),
    ]


def imports(path):
    """Names of the modules that a file imports, at any depth of its code."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def python(code, folder):
    """What a fresh interpreter prints, started outside the repository."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


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
    assert sorted(listed) == sorted(found - {"tivax.engine.front"} | {"tivax"})


@pytest.mark.parametrize("name", PACKAGES)
def test_every_module_of_the_repository_is_installed_with_its_types(name):
    package = PACKAGES[name]
    (folder,) = map(Path, package.__path__)
    assert (folder / "py.typed").is_file()
    own = {p.relative_to(REPOSITORY / name) for p in (REPOSITORY / name).rglob("*.py")}
    assert own == {path.relative_to(folder) for path in folder.rglob("*.py")}


def test_the_command_is_installed():
    (script,) = (k for k in entry_points(group="console_scripts") if k.name == "tivax")
    assert script.load().__name__ == "main"


# ---------------------------------------------------------------- who imports whom


def test_kernels_import_neither_the_engine_nor_pandas_xarray_or_files():
    (folder,) = map(Path, tivax.kernels.__path__)
    files = list(folder.rglob("*.py"))
    assert len(files) > 5
    allowed = {
        "", "collections", "dataclasses", "functools", "math", "typing", "jax", "jaxtyping",
        "numpy",
    }  # fmt: skip
    for path in files:
        for module in imports(path):
            outside = module.startswith("..") or module.split(".")[0] not in allowed
            assert not outside, f"{path.name} imports {module}"


def test_kernels_do_not_load_the_engine_through_another_module(tmp_path):
    names = ", ".join(modules(tivax.kernels))
    loaded = python(f"import sys, {names}\nprint(*sys.modules)", tmp_path)
    assert "jax" in loaded and "tivax.kernels.leontief" in loaded
    banned = {"tivax.engine", "tivax.bench", "pandas", "xarray", "zarr", "matplotlib"}
    assert not banned & set(loaded)


def test_importing_the_engine_or_the_command_line_does_not_load_jax(tmp_path):
    """`tivax --help` should not wait for it, and the command sets a variable before."""
    code = "import sys, tivax.engine, tivax.engine.cli.app\nprint(*sys.modules)"
    assert "jax" not in python(code, tmp_path)


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


def promised_to_type_checkers():
    """Names in the stub of tivax, and their rooms."""
    tree = ast.parse((REPOSITORY / "engine/front/__init__.pyi").read_text("utf-8"))
    found = {}
    for node in tree.body:
        assert isinstance(node, ast.ImportFrom)
        for alias in node.names:
            assert alias.asname == alias.name  # re-exported, for pyright
            found[alias.name] = f"tivax.{node.module}"
    return found


def test_what_type_checkers_see_is_what_there_is():
    promised = promised_to_type_checkers()
    assert sorted(promised) == sorted(dir(tivax)) == sorted(dir(tivax.engine))
    for name, room in promised.items():
        thing = getattr(tivax, name)
        assert thing is getattr(sys.modules[room], name)
        assert thing is getattr(tivax.engine, name)


def test_a_name_that_the_engine_does_not_have_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'tivax.engine' has no attribute 'tbi'"):
        tivax.engine.tbi  # noqa: B018  # pyright: ignore
