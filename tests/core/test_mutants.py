"""The deliberate faults of ``scripts/mutants`` can be made; the script makes them."""

import ast

import pytest

from mutants import REPOSITORY, mutants


def test_there_are_forty_of_different_names():
    assert len({mutant.name for mutant in mutants()}) == len(mutants()) >= 40


@pytest.mark.parametrize("mutant", mutants(), ids=lambda k: k.name)
def test_a_fault_can_be_made_and_has_its_test(mutant):
    text = (REPOSITORY / mutant.file).read_text(encoding="utf-8")
    assert text.count(mutant.old) == 1
    ast.parse(text.replace(mutant.old, mutant.new))
    file, _, name = mutant.test.partition("::")
    tests = ast.parse((REPOSITORY / file).read_text(encoding="utf-8")).body
    assert name.partition("[")[0] in {
        k.name for k in tests if isinstance(k, ast.FunctionDef)
    }
