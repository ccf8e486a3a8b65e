"""A class name means one thing in engine and kernels."""

import ast
from collections import defaultdict
from pathlib import Path

LEFT: set[str] = set()
ROOT = Path(__file__).resolve().parents[2]


def test_no_public_class_name_is_there_twice():
    where = defaultdict(list)
    for room in ("engine", "kernels"):
        for path in sorted((ROOT / room).rglob("*.py")):
            module = ast.parse(path.read_text(encoding="utf-8"))
            for item in module.body:
                if isinstance(item, ast.ClassDef) and not item.name.startswith("_"):
                    where[item.name].append(str(path.relative_to(ROOT)))
    twice = {name: k for name, k in where.items() if len(k) > 1}
    assert {name: k for name, k in twice.items() if name not in LEFT} == {}
