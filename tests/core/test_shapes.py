"""Worlds of few shapes: each compiles the programs of a test anew, for seconds."""

import ast
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
MAKERS = {"random_table", "random_tables", "small_world", "WorldShape"}
MAKERS |= {"synthetic_world"}
# Regions and sectors. Take the first, or the second.
SHAPES = {
    (4, 3), (3, 2),
    # By hand, and what two regions or one sector alone show.
    (1, 1), (1, 5), (2, 1), (2, 2), (2, 3), (5, 1),
    # Groups and split regions, whose members need regions beside them.
    (4, 2), (5, 2), (5, 3), (6, 2), (6, 3), (6, 5), (12, 2),
    # Sectors to add up, variants by sector, more rows than a block of elimination.
    (4, 4), (5, 4), (6, 8), (8, 3), (8, 8),
    # The benchmarks' world, the paper's countries, the published size.
    (4, 5), (44, 1), (44, 2), (44, 56),
}  # fmt: skip


def constants(module: ast.Module) -> dict[str, ast.expr]:
    """What names of a module stand for."""
    found: dict[str, ast.expr] = {}
    for statement in module.body:
        if isinstance(statement, ast.Assign):
            (target,), value = statement.targets[:1], statement.value
            both = [(target, value)]
            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                both = [*zip(target.elts, value.elts, strict=True)]
            found |= {k.id: v for k, v in both if isinstance(k, ast.Name)}
    return found


def number(code: ast.expr | None, known: dict[str, ast.expr]) -> int | None:
    """The value of a number, of a name for one, of ``len(NAMES)``; None of others."""
    match code:
        case ast.Constant(value=int(k)):
            return k
        case ast.Name(id=name):
            return number(known.get(name), {})
        case ast.Call(func=ast.Name(id="len"), args=[ast.Name(id=name)]):
            named = known.get(name)
            return len(named.elts) if isinstance(named, ast.Tuple) else None
    return None


def shapes_of(path: Path) -> Iterator[tuple[int, int]]:
    module = ast.parse(path.read_text(encoding="utf-8"))
    known = constants(module)
    for call in ast.walk(module):
        if isinstance(call, ast.Call):
            if getattr(call.func, "id", getattr(call.func, "attr", "")) in MAKERS:
                given = {k.arg: k.value for k in call.keywords}
                first, second, *_ = [*call.args, None, None]
                regions = number(given.get("regions", first), known)
                sectors = number(given.get("sectors", second), known)
                if regions is not None and sectors is not None:
                    yield regions, sectors


def test_tests_make_worlds_of_the_shapes_there_are():
    made = {s: path.name for path in TESTS.rglob("*.py") for s in shapes_of(path)}
    more = {shape: name for shape, name in made.items() if shape not in SHAPES}
    assert not more, f"take one of {sorted(SHAPES)} in place of {more}"
    assert made.keys() == SHAPES, "shapes that no test makes"
