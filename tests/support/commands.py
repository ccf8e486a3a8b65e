"""Run commands of ``tivax`` in this process, for speed."""

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import pytest
import typer

from tivax.engine.cli import app as cli

from forks import client

# The options of all commands, which typer would read anew for every run of one.
parser = cache(typer.main.get_command)


class Answer(NamedTuple):
    code: int
    out: str
    err: str


def tivax(*words) -> Answer:
    """Run a command in this process; a traceback fails the test.

    Without the compilation cache, whose settings would reach other tests.
    """
    out, err = StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIVAX_CACHE", "")
        patch.setattr(typer.main, "get_command", parser)
        patch.setattr(sys, "argv", ["tivax", *map(str, words)])
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as e:
            cli.main()
    code = e.value.code
    assert isinstance(code, int)
    return Answer(code, out.getvalue(), err.getvalue())


def good(*words) -> Answer:
    answer = tivax(*words)
    assert answer.code == 0, answer.err
    return answer


def mistake(*words) -> str:
    """The line about an expected mistake: exit code 1, nothing on stdout."""
    code, out, err = tivax(*words, "--quiet")
    assert (code, out) == (1, "")
    (line,) = err.splitlines()
    assert line.startswith("tivax: ")
    return line.removeprefix("tivax: ")


def run_python(code: str, *words, env: Mapping[str, str] = {}, **options) -> Answer:
    """What code of Python says in a process of its own, with variables more."""
    return _answer(start_python(code, *words, env=env, **options))


def run_fork(code: str, *words, env: Mapping[str, str] = {}, **options) -> Answer:
    """The same of a process that has imported all of tivax (``forks``)."""
    return _answer(start_fork(code, *words, env=env, **options))


def _answer(process: subprocess.Popen[str]) -> Answer:
    out, err = process.communicate(timeout=300)
    return Answer(process.returncode, out, err)


def start_python(
    code: str, *words, env: Mapping[str, str] = {}, **options
) -> subprocess.Popen[str]:
    """That process, whose streams are pipes."""
    return _start([sys.executable, "-c"], code, *words, env=env, **options)


def start_fork(
    code: str, *words, env: Mapping[str, str] = {}, **options
) -> subprocess.Popen[str]:
    """That fork; on Linux, elsewhere a process as any other."""
    if sys.platform != "linux":
        return start_python(code, *words, env=env, **options)
    return _start(client(), code, *words, env=env, **options)


def _start(
    python: list[str], code: str, *words, env: Mapping[str, str], **options
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*python, code, *map(str, words)],
        env={**os.environ, **env},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def contents(folder: Path) -> dict[Path, bytes]:
    """Every file below a folder."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def names(folder: Path) -> list[str]:
    """What lies in a folder, hidden files too."""
    return sorted(path.name for path in folder.iterdir())
