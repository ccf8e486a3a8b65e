"""Inputs of a run that are read for its manifest while it computes."""

import pytest

from tivax.engine.core import Run


def test_inputs_read_ahead_are_described_as_those_read_in_the_end(tmp_path):
    (tmp_path / "a.csv").write_text("year\n2000\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "b").write_bytes(b"b")
    inputs = [tmp_path / "a.csv", tmp_path / "folder"]
    late, ahead = Run("tbi", inputs), Run("tbi", inputs)
    ahead.describe_ahead()
    found = [k.manifest(residual_max=None, outputs=[])["inputs"] for k in (late, ahead)]
    assert found[0] == found[1]
    assert [k["bytes"] for k in found[0]] == [10, 1]


def test_an_input_that_cannot_be_read_ahead_is_an_error_of_the_manifest(tmp_path):
    run = Run("tbi", [tmp_path / "missing"])
    run.describe_ahead()
    with pytest.raises(FileNotFoundError):
        run.manifest(residual_max=None, outputs=[])
