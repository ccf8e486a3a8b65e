"""Every program of every command lowers for an NVIDIA card, without one."""

import re
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tivax.engine.cli.app import COMMANDS

import gpu_programs
from commands import Answer, run_python
from gpu_commands import NO_PROGRAM, RUNS

RUN = "import runpy; runpy.run_module('gpu_programs', run_name='__main__')"
# A program as users' computers compile it takes longer, and is not what is tested.
FAST = {"JAX_DISABLE_MOST_OPTIMIZATIONS": "true", "JAX_PLATFORMS": "cpu"}


def lowered(folder, *runs: str, before: str = "") -> Answer:
    path = ":".join(sys.path)
    return run_python(RUN, folder, before, *runs, env=FAST | {"PYTHONPATH": path})


def test_every_command_has_a_run_or_a_reason_for_none():
    with_runs = {words.split()[0] for words in RUNS.values()}
    assert with_runs | set(NO_PROGRAM) == set(COMMANDS)
    assert not with_runs & set(NO_PROGRAM)


def test_every_program_of_every_command_lowers(tmp_path):
    answer = lowered(tmp_path, *RUNS)
    assert answer.code == 0, answer.err[-2000:]
    found = dict(re.findall(r"^(.+): (\d+)$", answer.err, re.MULTILINE))
    assert list(found) == list(RUNS)
    assert sum(map(int, found.values())) > len(RUNS)


CALLBACK = """
import jax
from tivax.kernels import leontief
kernel = leontief.residual_value_added

def spoiled(Z, x):
    v = kernel(Z, x)
    return jax.pure_callback(lambda v: v, v, v, vmap_method="sequential")

leontief.residual_value_added = spoiled
"""


def test_a_callback_in_a_kernel_does_not_lower(tmp_path):
    script = tmp_path / "spoil.py"
    script.write_text(CALLBACK)
    answer = lowered(tmp_path, "tbi", before=script)
    assert answer.code == 1
    assert "does not lower for CUDA" in answer.err and "callback" in answer.err


def test_a_primitive_of_the_processor_alone_does_not_lower():
    jitted = jax.jit(jax.lax.linalg.schur)
    given = (jnp.asarray(np.eye(3)),)
    with pytest.raises(RuntimeError, match=r"schur.* does not lower for CUDA: .*schur"):
        gpu_programs.require_lowered("schur", jitted, given, {})
