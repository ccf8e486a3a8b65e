"""Which tests a change can reach, from the source code alone.

    python scripts/support/reach.py [BASE]    node ids of pytest, one a line

A node is a definition at the top level of a module, a function of a test or a fixture,
or a data file; it uses what its code names. Names lead through imports and the lists of
public names (``__init__.pyi``) to other nodes. A test is reached where it uses, be it
through others, a definition that is not as it was in BASE (where this branch left
main).
"""

import ast
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDERS = ("engine", "kernels", "bench", "tests", "scripts")
# Whose modules import each other by their own names.
SUPPORT = ("tests/support/", "scripts/support/")
# What a change of these can do cannot be read in the code of tests.
EVERYTHING = ("pyproject.toml", "constraints.txt", "scripts/test", "tests/conftest.py")
# The command line has every command in one table. A test runs those that it names.
APP = "engine.cli.app"
_DOTTED = re.compile(r"tivax(?:\.\w+)+")


class Node(NamedTuple):
    """``name`` of a module or file; "" is what runs when the module is imported."""

    module: str
    name: str


class Module:
    """The definitions of a file, and what its imports call names."""

    def __init__(self, path: str, text: str) -> None:
        self.path, self.name = path, module_name(path)
        self.is_package = path.endswith("__init__.py")
        self.is_test = path.startswith(("tests/", "scripts/"))
        # All that an import of a test's module does, each of its tests needs.
        self.is_whole = "/test_" in path
        self.imports: dict[str, set[Node]] = defaultdict(set)
        self.nodes: dict[str, list[ast.stmt]] = defaultdict(list)
        self.nodes[""] = []
        tree = ast.parse(text)
        for statement in tree.body:
            for name in self._names(statement):
                self.nodes[name].append(statement)
        for found in ast.walk(tree):
            if isinstance(found, ast.Import | ast.ImportFrom):
                for name, node in imported(found, self.name, self.is_package):
                    self.imports[name].add(node)

    def _names(self, statement: ast.stmt) -> list[str]:
        match statement:
            case ast.Import() | ast.ImportFrom():
                return []
            # Functions called _ are registered where they stand.
            case ast.FunctionDef() | ast.ClassDef() if statement.name != "_":
                return [
                    "" if self.is_test and is_autouse(statement) else statement.name
                ]
            case ast.Assign(targets=targets) if not self.is_whole:
                return names_of(*targets) or [""]
            case ast.AnnAssign(target=target) if not self.is_whole:
                return names_of(target) or [""]
        return [""]

    @cached_property
    def prints(self) -> dict[str, str]:
        """The code of each definition, without its place."""
        return {
            name: "\n".join(map(ast.dump, body)) for name, body in self.nodes.items()
        }


def names_of(*targets: ast.expr) -> list[str]:
    every = [k for target in targets for k in ast.walk(target)]
    return [k.id for k in every if isinstance(k, ast.Name)]


def is_autouse(function: ast.FunctionDef | ast.ClassDef) -> bool:
    return any("autouse" in ast.unparse(k) for k in function.decorator_list)


def module_name(path: str) -> str:
    """``engine.front`` is what is imported as ``tivax``."""
    parts = PurePosixPath(path).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(
    found: ast.Import | ast.ImportFrom, own: str, is_package: bool
) -> Iterator[tuple[str, Node]]:
    """Each name that an import gives, and what it stands for; a module has "*"."""
    if isinstance(found, ast.Import):
        for each in found.names:
            name = each.name if each.asname else each.name.partition(".")[0]
            yield each.asname or name, Node(inside(name), "*")
        return
    base = inside(found.module or "")
    if found.level:
        up = own.split(".")[: len(own.split(".")) - found.level + is_package]
        base = ".".join([*up, *filter(None, [found.module])])
    for each in found.names:
        yield each.asname or each.name, Node(base, each.name)


def public_names(path: str, text: str) -> dict[str, Node]:
    """The names of a room, from its list."""
    names: dict[str, Node] = {}
    for line in ast.parse(text).body:
        if isinstance(line, ast.ImportFrom):
            names |= imported(line, module_name(path), True)
    # `.engine.measures` of engine/front is a room beside it.
    front = "engine.front."
    return {k: Node(v.module.removeprefix(front), v.name) for k, v in names.items()}


def inside(module: str) -> str:
    """The folder of a module of tivax."""
    if module == "tivax":
        return "engine.front"
    return module.removeprefix("tivax.")


class Tree:
    """All files, as given by ``read``; ``paths`` are those that there are."""

    def __init__(self, paths: Iterable[str], read: Callable[[str], str]) -> None:
        self.paths = set(paths)
        code = {k for k in self.paths if k.endswith(".py") and k.startswith(FOLDERS)}
        modules = [Module(path, read(path)) for path in sorted(code)]
        self.modules = {k.name: k for k in modules}
        for module in modules:
            if module.path.startswith(SUPPORT):
                self.modules.setdefault(module.name.rpartition(".")[2], module)
        self.public: dict[str, dict[str, Node]] = {}
        self.files: dict[str, set[str]] = defaultdict(set)
        for path in self.paths:
            if path.endswith(".pyi") and path.startswith(FOLDERS):
                self.public[module_name(path)] = public_names(path, read(path))
            elif not path.endswith(".py"):
                self.files[path.rpartition("/")[2]].add(path)
        self.fixtures = self.modules["tests.conftest"].nodes.keys() - {""}
        self.commands = self._commands()
        self._uses: dict[Node, set[Node]] = {}

    def _commands(self) -> dict[str, set[Node]]:
        """The function of every command, by its name."""
        app = self.modules[APP]
        tables = [k for each in app.nodes["_GROUPS"] for k in ast.walk(each)]
        return {
            key.value: set(self._named(app, value))
            for table in tables
            if isinstance(table, ast.Dict)
            for key, value in zip(table.keys, table.values, strict=True)
            if isinstance(key, ast.Constant) and isinstance(key.value, str)
            if not isinstance(value, ast.Dict)
        }

    def resolved(self, node: Node) -> set[Node]:
        """What a name of a module stands for: through lists of public names, and names
        that a module has imported itself."""
        module, name = node
        if module == "engine.front" and name in FOLDERS:  # tivax.engine
            return {Node(name, "*")}
        if f"{module}.{name}" in self.modules:
            return {Node(self.modules[f"{module}.{name}"].name, "*")}
        if name in self.public.get(module, {}):
            return self.resolved(self.public[module][name])
        if module not in self.modules:
            return set()
        own = self.modules[module]
        if name in own.nodes or name == "*":
            return {Node(own.name, name)}
        if name in own.imports:
            return {k for each in own.imports[name] for k in self.resolved(each)}
        if module == "engine" and name in self.public["engine.front"]:
            return self.resolved(Node("engine.front", name))
        return set()

    def uses(self, node: Node) -> set[Node]:
        """What the code of a node names."""
        if node not in self._uses:
            self._uses[node] = self._used(node)
        return self._uses[node]

    def _used(self, node: Node) -> set[Node]:
        module, name = node
        if module not in self.modules:
            return set()
        own = self.modules[module]
        if name == "*":
            public = [
                k
                for v in self.public.get(module, {}).values()
                for k in self.resolved(v)
            ]
            return {Node(module, k) for k in own.nodes} | set(public)
        found = {Node(module, "")} if name else set()
        if not name:  # importing it imports these
            found |= {
                Node(k.module, "")
                for nodes in own.imports.values()
                for each in nodes
                for k in self.resolved(each)
            }
        for statement in own.nodes.get(name, ()):
            found |= set(self._named(own, statement))
        if own.name == APP:  # which command runs is said by who runs one
            found -= {Node(APP, "_GROUPS"), Node(APP, "COMMANDS")}
        elif own.is_test and found & {Node(APP, "app"), Node(APP, "COMMANDS")}:
            found |= self.every_command
        return found - {node}

    @cached_property
    def every_command(self) -> set[Node]:
        return set().union(*self.commands.values())

    def _runs(self, test: Node) -> set[Node]:
        """Of a test that runs the command line without naming a command: all."""
        found, ahead = set[Node](), [test]
        while ahead:
            node = ahead.pop()
            if node in self.every_command:
                return set()
            if node not in found:
                found.add(node)
                ahead += (
                    self.uses(node)
                    if node.module.startswith(("tests.", "scripts."))
                    else ()
                )
        runs = {Node(APP, "main"), Node("engine.cli.start", "main")}
        return self.every_command if found & runs else set()

    def _named(self, own: Module, code: ast.AST) -> Iterator[Node]:
        """Nodes that a piece of code of a module names."""
        inner = set()
        for each in ast.walk(code):
            if isinstance(each, ast.JoinedStr) and (folder := beginning(each)):
                package = own.name.rpartition(".")[0] + folder
                yield from (
                    Node(k.name, "*")
                    for k in set(self.modules.values())
                    if k.name.rpartition(".")[0] == package
                )
            elif isinstance(each, ast.JoinedStr) and (ending := last_part(each)):
                beside = own.path.rpartition("/")[0]
                for path in (k for own in self.files.values() for k in own):
                    if path.endswith(ending) and path.rpartition("/")[0] == beside:
                        yield Node(path, "")
            elif isinstance(each, ast.Call) and (named := set_by_name(each)):
                inner.add(id(each.args[0]))
                yield from self._attribute(own, named)
            elif isinstance(each, ast.Attribute):
                first, *names = dotted(each)
                if isinstance(first, ast.Name) and id(first) not in inner:
                    if first.id in own.imports:
                        inner.add(id(first))
                        yield from self._attribute(own, [first.id, *names])
            elif isinstance(each, ast.Name) and id(each) not in inner:
                yield from self._name(own, each.id)
            elif isinstance(each, ast.arg) and own.is_test:
                yield from self._name(own, each.arg)
                yield from self._fixture(own, each.arg)
            elif isinstance(each, ast.Constant) and isinstance(each.value, str):
                yield from self._text(own, each.value)

    def _name(self, own: Module, name: str) -> Iterator[Node]:
        if name in own.imports:
            for each in own.imports[name]:
                yield from self.resolved(each)
        if name in own.nodes:
            yield Node(own.name, name)

    def _fixture(self, own: Module, name: str) -> Iterator[Node]:
        if name in self.fixtures and name not in own.nodes:
            yield Node("tests.conftest", name)

    def _attribute(self, own: Module, chain: list[str]) -> Iterator[Node]:
        """Of ``module.name``; of ``package.module.name`` as well."""
        for start in own.imports[chain[0]]:
            for node in self.resolved(start):
                rest = chain[1:]
                while node.name == "*" and rest:
                    found = self.resolved(Node(node.module, rest[0]))
                    if not found:
                        break
                    node, rest = next(iter(found)), rest[1:]
                    yield from found
                if node.name != "*" or not rest:
                    yield node

    def _text(self, own: Module, text: str) -> Iterator[Node]:
        """A file, and in tests a command, a fixture, or code for another process."""
        for path in self.files.get(text.rpartition("/")[2], ()) if text else ():
            near = path.startswith(own.path.rpartition("/")[0].partition("/")[0])
            if near or own.is_test or path.count("/") == 0:
                yield Node(path, "")
        if not own.is_test:
            if _DOTTED.fullmatch(text):  # for another process
                yield from self.resolved(Node(inside(text), "*"))
            return
        yield from self._fixture(own, text)
        yield from self.commands.get(text.partition(" ")[0], ())
        if "tivax" not in text:
            return
        for match in _DOTTED.findall(text):
            *module, name = inside(match).split(".")
            yield from self.resolved(Node(".".join(module), name))
        for word in re.findall(r"tivax (\w[\w-]*)", text):
            yield from self.commands.get(word, ())
        if "import" in text:
            try:
                there = Module(own.path, text)
            except (SyntaxError, ValueError):
                return
            for body in there.nodes.values():
                for statement in body:
                    yield from self._named(there, statement)

    @cached_property
    def _users(self) -> dict[Node, set[Node]]:
        """Who uses a node."""
        users: dict[Node, set[Node]] = defaultdict(set)
        ahead = [
            Node(module.name, name)
            for module in set(self.modules.values())
            for name in [*module.nodes, "*"]
        ]
        for node in ahead:
            for each in self.uses(node):
                users[each].add(node)
        for _, test in self.tests():
            for each in self._runs(test):
                users[each].add(test)
        return users

    def reached(self, changed: Iterable[Node]) -> set[Node]:
        """All nodes that use one of ``changed``, and these."""
        found, ahead = set(), [*changed]
        while ahead:
            node = ahead.pop()
            if node not in found:
                found.add(node)
                ahead += self._users[node]
        return found

    def tests(self) -> Iterator[tuple[str, Node]]:
        """Node ids of pytest, without parameters."""
        for module in sorted(set(self.modules.values()), key=lambda k: k.path):
            if module.is_test and "/test_" in module.path:
                for name in module.nodes:
                    if name.startswith("test_"):
                        yield f"{module.path}::{name}", Node(module.name, name)


def beginning(text: ast.JoinedStr) -> str:
    """``.tables`` of f".tables.{name}": a module of that folder is imported."""
    match text.values:
        case [ast.Constant(value=str(first)), ast.FormattedValue()]:
            return first[:-1] if re.fullmatch(r"\.\w+\.", first) else ""
    return ""


def last_part(text: ast.JoinedStr) -> str:
    """``.md`` of f"{name}.md": a document of that folder is read."""
    match text.values:
        case [*_, ast.Constant(value=".md")]:
            return ".md"
    return ""


def set_by_name(call: ast.Call) -> list[str]:
    """``a`` and ``b`` of ``patch.setattr(a, "b", ...)``."""
    match call:
        case ast.Call(
            func=ast.Attribute(attr="setattr"),
            args=[ast.Name(id=module), ast.Constant(value=str(name)), *_],
        ):
            return [module, name]
    return []


def dotted(node: ast.Attribute) -> list[Any]:
    """What ``a.b.c`` begins with, and its names."""
    names: list[Any] = []
    inner: ast.AST = node
    while isinstance(inner, ast.Attribute):
        names.append(inner.attr)
        inner = inner.value
    return [inner, *reversed(names)]


# ------------------------------------------------------------------------------- changes


def git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=REPOSITORY, capture_output=True)
    return done.stdout.decode("utf-8", "replace")


def files_now() -> list[str]:
    listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    return [k for k in listed.split("\0") if k and (REPOSITORY / k).is_file()]


def read_now(path: str) -> str:
    return (REPOSITORY / path).read_text(encoding="utf-8")


def changed_nodes(tree: Tree, base: str) -> set[Node] | None:
    """Definitions and files that are not as in ``base``; None where it is all."""
    paths = git("diff", "--name-only", "--no-renames", base).split()
    paths += git("ls-files", "--others", "--exclude-standard").split()
    found: set[Node] = set()
    for path in paths:
        if path in EVERYTHING:
            return None
        if not path.startswith(FOLDERS) or not path.endswith((".py", ".pyi")):
            found.add(Node(path, ""))
            continue
        before = git("show", f"{base}:{path}")
        after = read_now(path) if path in tree.paths else ""
        if path.endswith(".pyi"):
            lines = set(before.splitlines()) ^ set(after.splitlines())
            names = {k for line in lines for k in line.split() if k.isidentifier()}
            found |= {
                k for n in names for k in tree.resolved(Node(module_name(path), n))
            }
            continue
        found |= differing(path, before, after)
    return found


def differing(path: str, before: str, after: str) -> set[Node]:
    """Definitions of a module whose code, docstrings included, is not the same."""
    was, now = (Module(path, k).prints for k in (before, after))
    names = {k for k in {*was, *now} if was.get(k) != now.get(k)}
    return {Node(module_name(path), name) for name in names}


def selected(base: str = "") -> list[str]:
    """Node ids of the tests that changes since ``base`` reach; files where all of a
    file is reached. Empty: none."""
    base = base or git("merge-base", "HEAD", "main").strip() or "HEAD"
    tree = Tree(files_now(), read_now)
    changed = changed_nodes(tree, base)
    if changed is None:
        return ["tests"]
    nodes = tree.reached(changed)
    by_file: dict[str, list[tuple[str, bool]]] = defaultdict(list)
    for test, node in tree.tests():
        by_file[test.partition("::")[0]].append((test, node in nodes))
    found = []
    for file, each in by_file.items():
        if all(hit for _, hit in each):
            found.append(file)
        else:
            found += [test for test, hit in each if hit]
    return found


if __name__ == "__main__":
    print("\n".join(selected(*sys.argv[1:])))
