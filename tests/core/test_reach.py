"""What ``scripts/test --changed`` runs: the tests that a change can reach."""

import ast

import pytest

from mutants import mutants
from reach import Node, Tree, differing, files_now, module_name, read_now


@pytest.fixture(scope="module")
def tree() -> Tree:
    return Tree(files_now(), read_now)


def reached(tree: Tree, *changed: Node) -> set[str]:
    """Tests, without parameters."""
    nodes = tree.reached(changed)
    return {test for test, node in tree.tests() if node in nodes}


def test_the_library_imports_modules_by_name_in_few_places():
    """Or what a change can reach could not be read: these are of a folder that
    ``reach`` knows, of other libraries, and of functions that somebody hands over."""
    places = {
        path
        for path in files_now()
        if path.startswith(("engine/", "kernels/", "bench/")) and path.endswith(".py")
        for k in ast.walk(ast.parse(read_now(path)))
        if getattr(k, "id", "") in {"import_module", "__import__", "exec", "eval"}
    }
    assert places == {
        "bench/labelled.py",
        "engine/core/verbs.py",
        "engine/papers/__init__.py",
        "engine/reporting/results.py",
        "engine/sources/catalogue.py",
        "engine/estimation/library_fits.py",
        "engine/__init__.py",
        "engine/core/jax_setup.py",
        "engine/core/processes.py",
    }


def test_a_fault_reaches_the_test_that_notices_it(tree):
    for mutant in mutants():
        before = read_now(mutant.file)
        changed = differing(mutant.file, before, before.replace(mutant.old, mutant.new))
        assert mutant.test.partition("[")[0] in reached(tree, *changed), mutant.name


def test_a_measure_reaches_its_tests_and_its_command_and_no_database(tree):
    own = tree.modules["engine.measures.gvc_indicators"]
    found = reached(tree, *(Node(own.name, k) for k in own.nodes if k))
    files = {test.partition("::")[0] for test in found}
    assert {"tests/measures/test_gvc_indicators.py", "tests/cli/test_app.py"} <= files
    assert not files & {
        "tests/sources/test_wiod2013.py",
        "tests/resampling/test_draws.py",
        "tests/threats/test_literal.py",
    }


def test_a_comment_reaches_nothing_and_a_docstring_what_shows_it():
    text = '"""A module."""\n\n\ndef f() -> int:\n    """One."""\n    return 1\n'
    path = "kernels/one.py"
    assert not differing(path, text, text.replace("return", "# why\n    return"))
    changed = differing(path, text, text.replace("One", "The number one"))
    assert changed == {Node(module_name(path), "f")}


def test_a_data_file_reaches_what_names_it(tree):
    found = reached(tree, Node("engine/measures/indicators.toml", ""))
    assert any(k.startswith("tests/measures/test_gvc_indicators.py") for k in found)
    assert not any(k.startswith("tests/resampling/test_draws.py") for k in found)
