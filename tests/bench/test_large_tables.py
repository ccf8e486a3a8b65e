"""The benchmark of tables that do not fit, small."""

import argparse

import pytest

from tivax.bench import large_tables


def test_a_size_is_timed_by_each_method(tmp_path, monkeypatch):
    monkeypatch.setattr(large_tables, "start_jax", lambda: None)
    large_tables.make("3x4", tmp_path)
    rows = large_tables.run("3x4", tmp_path, most=12)
    names = ["tivax, streamed", "tivax, in memory"]
    names += ["numpy.linalg.solve", "numpy.linalg.inv"]
    assert [row[2] for row in rows] == names
    n, k, _, _, _, _, residual, passes, _ = rows[0]
    assert (n, k) == (12, 3) and residual < 1e-12 and passes > 0
    rows = large_tables.run("3x4", tmp_path, most=11)
    assert [row[2] for row in rows] == names[:2]


@pytest.mark.parametrize("text", ["4x", "x9", "4", "1x9", "4x0", "fourx9"])
def test_a_size_that_is_none_is_told(text):
    with pytest.raises(argparse.ArgumentTypeError, match=f"'{text}': "):
        large_tables._size(text)
