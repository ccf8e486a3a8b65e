"""Commands on a machine that no year fits."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

import tivax.engine as tx
from tivax.engine.streaming import flows, memory

from commands import good
from helpers import small_world

C, S = 4, 3
MODEL = '[[error]]\nkind = "lognormal"\na = 0.3\nb = 0.1\nshared = "year"\n'


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    """A store, an error model and what commands write in memory."""
    folder = tmp_path_factory.mktemp("usual")
    tx.save_store(small_world(C, S, 1), folder / "store")
    (folder / "model.toml").write_text(MODEL)
    run_commands(folder, folder)
    return folder


@pytest.fixture
def little_memory(monkeypatch):
    monkeypatch.setattr(memory, "machine_memory", lambda: 1)
    monkeypatch.setattr(flows, "SLAB_BYTES", 2 * 8 * S * C * S)


def run_commands(given, out):
    model = ["--error", given / "model.toml", "--no-figures"]
    good("tbi", given / "store", "--out", out / "tbi", *model, "--certify", "cells")
    only = ["--only", "TBI,UPSTREAM", "--format", "csv"]
    with pytest.MonkeyPatch.context() as patch:
        # All cells err together: one draw is as good as many.
        patch.setattr("tivax.engine.errors.on_results.PROBES", 2)
        good("indicators", given / "store", "--out", out / "indicators", *model, *only)


@pytest.mark.slow
def test_commands_write_the_same_numbers(usual, tmp_path, little_memory):
    run_commands(usual, tmp_path)
    files = sorted(k.relative_to(usual) for k in usual.glob("*/*.csv"))
    assert len(files) > 4
    for file in files:
        wanted, found = pd.read_csv(usual / file), pd.read_csv(tmp_path / file)
        assert list(found) == list(wanted)
        for name in wanted:
            if wanted[name].dtype.kind != "f":
                assert (found[name].fillna("") == wanted[name].fillna("")).all()
                continue
            top = np.nan_to_num(wanted[name].abs().max())
            assert_allclose(
                found[name], wanted[name], rtol=2e-4, atol=1e-6 * top, err_msg=name
            )
