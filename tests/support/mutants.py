"""Deliberate faults of ``mutants.toml``: do the tests notice them?

Each fault is made in a copy of the tree, where the one test that is named beside it must
fail. Without any fault all of them must pass.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).resolve().parents[2]
# A fault that makes a loop endless is noticed, too.
_SECONDS = 300


class Mutant(NamedTuple):
    """A fault: ``old``, which occurs once in ``file``, becomes ``new``."""

    name: str
    file: str
    old: str
    new: str
    test: str


def mutants() -> list[Mutant]:
    """All of them, in the order of the file."""
    text = Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
    return [Mutant(**entry) for entry in tomllib.loads(text)["mutant"]]


def copy_tree(place: Path) -> None:
    """Copy what git tracks, and new files, as they are now."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=REPOSITORY, capture_output=True, check=True)
    for name in filter(None, names.stdout.decode().split("\0")):
        source, target = REPOSITORY / name, place / name
        if source.exists() or source.is_symlink():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)


def run_tests(tree: Path, *tests: str) -> int:
    """The exit code of pytest: 0 where all pass, 1 where one fails."""
    words = ["-x", "-q", "-n", "0", "--benchmark-disable", "-p", "no:cacheprovider"]
    # typings/ makes tivax of the folders of the copy; it goes before what is installed.
    # With CI a test that lacks the shared data fails, in place of being skipped.
    env = {**os.environ, "PYTHONPATH": str(tree / "typings"), "CI": "true"}
    try:
        return subprocess.run(
            [sys.executable, "-m", "pytest", *words, *tests],
            cwd=tree,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_SECONDS,
        ).returncode
    except subprocess.TimeoutExpired:
        return 1


def is_noticed(tree: Path, mutant: Mutant) -> bool:
    """Whether its test fails; an import that fails is no answer."""
    path = tree / mutant.file
    text = path.read_text(encoding="utf-8")
    if text.count(mutant.old) != 1:
        raise SystemExit(f"{mutant.file}: not once there: {mutant.old}")
    try:
        path.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
        return run_tests(tree, mutant.test) == 1
    finally:
        path.write_text(text, encoding="utf-8")


def main() -> None:
    words = sys.argv[1:]
    chosen = [k for k in mutants() if not words or any(w in k.name for w in words)]
    with tempfile.TemporaryDirectory(prefix="tivax-mutants-") as folder:
        tree = Path(folder)
        copy_tree(tree)
        if run_tests(tree, *dict.fromkeys(k.test for k in chosen)):
            raise SystemExit("without any fault a test fails; run the tests first")
        survived = 0
        for k, mutant in enumerate(chosen, start=1):
            noticed = is_noticed(tree, mutant)
            survived += not noticed
            said = "killed" if noticed else "SURVIVED"
            print(f"{k}/{len(chosen)} {said}: {mutant.name}", flush=True)
    print(f"{len(chosen)} faults, {survived or 'none'} survived")
    sys.exit(bool(survived))


if __name__ == "__main__":
    main()
