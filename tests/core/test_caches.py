"""The cache folder: whose it is, and programs in it that do not fit."""

import os
import sys
from types import SimpleNamespace

import pytest

from tivax.engine.cli.endings import ending_of
from tivax.engine.core import jax_setup
from tivax.engine.core.jax_setup import cache_folder, compilation_cache

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")


@pytest.mark.parametrize(
    "mode, told", [(0o777, "others may"), (0o770, "others may"), (0o755, "")]
)
def test_a_folder_that_others_may_write_to_is_not_used(
    monkeypatch, tmp_path, caplog, mode, told
):
    folder = tmp_path / "cache"
    folder.mkdir()
    folder.chmod(mode)
    monkeypatch.setenv("TIVAX_CACHE", str(folder))
    assert (cache_folder() is None) == bool(told)
    assert (compilation_cache() is None) == bool(told)
    lines = [f"{folder}: not used as the cache: {told}"] if told else []
    assert [k[: len(lines[0])] for k in caplog.messages] == lines  # once


def test_a_folder_of_another_user_is_not_used(monkeypatch, tmp_path, caplog):
    monkeypatch.setenv("TIVAX_CACHE", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert cache_folder() is None
    (line,) = caplog.messages
    assert "it belongs to another user; set TIVAX_CACHE to a folder of your own" in line


def test_a_new_folder_is_the_users_alone(tmp_path):
    assert jax_setup._writable(tmp_path / "new" / "jax-1")
    assert {k.stat().st_mode & 0o777 for k in (tmp_path / "new").rglob("*")} == {0o700}


@pytest.mark.parametrize("within, cache", [(True, "/c"), (False, "/c"), (True, None)])
def test_a_program_that_does_not_fit_is_one_line_where_there_is_a_cache(
    monkeypatch, within, cache
):
    config = SimpleNamespace(jax_compilation_cache_dir=cache)
    monkeypatch.setitem(sys.modules, "jax", SimpleNamespace(config=config))
    error = AssertionError((77, 8))
    if within:
        error.add_note("JAX has removed its internal frames from the traceback")
    ending = ending_of(error)
    assert (ending is None) == (not within or cache is None)
    if ending:
        line, code = ending
        assert code == 1 and line.startswith(
            "tivax: /c: a compiled program in it does not fit (AssertionError); remove"
        )
