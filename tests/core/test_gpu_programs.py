"""Programs that do not lower for an NVIDIA card are found, without one.

That every program of every command lowers, ``gpu_branches`` sees as they run.
"""

import math
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from tivax.engine.cli.app import COMMANDS
from tivax.engine.streaming import device_matrices

import gpu_programs
from gpu_commands import NO_PROGRAM, RUNS
from gpu_table import Tables


def test_every_command_has_a_run_or_a_reason_for_none():
    with_runs = {words.split()[0] for words in RUNS.values()}
    assert with_runs | set(NO_PROGRAM) == set(COMMANDS)
    assert not with_runs & set(NO_PROGRAM)


def test_a_callback_in_a_program_does_not_lower(monkeypatch):
    """As commands hand programs on, where ``record`` is at work."""
    monkeypatch.setattr(jax, "jit", jax.jit)
    gpu_programs.record(gpu_programs.Lowered())

    @jax.jit
    def spoiled(v):
        return jax.pure_callback(lambda v: v, v, v, vmap_method="sequential")

    with pytest.raises(RuntimeError, match="spoiled does not lower for CUDA"):
        spoiled(jnp.ones(3))
    found = gpu_programs.Lowered()
    gpu_programs.record(found)
    double = jax.jit(lambda v: 2 * v)
    for v in (np.ones(3), np.zeros(3), np.ones(2)):
        assert_array_equal(double(v), 2 * v)
    assert len(found.programs) == 2  # one a shape


def test_a_primitive_of_the_processor_alone_does_not_lower():
    jitted = jax.jit(jax.lax.linalg.schur)
    given = (jnp.asarray(np.eye(3)),)
    with pytest.raises(RuntimeError, match=r"schur.* does not lower for CUDA: .*schur"):
        gpu_programs.require_lowered("schur", jitted, given, {})


def test_a_product_that_a_card_may_make_in_tf32_is_found():
    given = (jnp.ones((3, 3), jnp.float32),)
    with pytest.raises(RuntimeError, match="square: a card may make this in TF32"):
        square = jax.jit(lambda A: A @ A)
        gpu_programs.require_lowered("square", square, given, {})
    with jax.default_matmul_precision("highest"):
        square = jax.jit(lambda A: A @ A)
        gpu_programs.require_lowered("square", square, given, {})


ROOT = Path(__file__).parents[2]
DF = """#!/bin/sh
echo "Filesystem 1024-blocks Used Available Capacity Mounted"
echo "disk 9 9 {kib} 9% /"
"""
PYTHON = """#!/bin/sh
case "$*" in
    "-m venv"*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
    *"--no-compile"*) echo "ERROR: No matching distribution found for jax-cuda13-plugin" >&2; exit 1 ;;
esac
"""


@pytest.mark.parametrize(
    ("card", "gib", "said"),
    [
        ("h90", 99, "unknown card h90: a100, h100, h200, b200 or rtx"),
        ("h100", 2, "the packages for a GPU take 12 GB of disk"),
        (
            "h100",
            99,
            "the packages for a GPU are not installed: JAX has them for Linux",
        ),
    ],
)
def test_what_is_missing_to_compile_for_a_card_is_said_in_a_line(
    tmp_path, card, gib, said
):
    (tmp_path / "scripts").mkdir()
    for name in ("scripts/gpu", "scripts/environment.sh", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    for name, text in {"df": DF.format(kib=gib << 20), "python": PYTHON}.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    path = f"{tmp_path}:/usr/bin:/bin"
    ended = subprocess.run(
        [tmp_path / "scripts/gpu", "--compile-only", card],
        env={"PATH": path, "PYTHON": str(tmp_path / "python")},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith(said)


def test_the_kept_table_is_of_these_runs_without_tf32_or_callbacks():
    kept = pd.read_csv(ROOT / "docs/explanation/compiled-programs.csv")
    assert set(kept["run"]) <= set(RUNS) and {"h100", "rtx"} <= set(kept["card"])
    assert not kept[["tf32", "callbacks"]].any(axis=None)


def test_a_run_that_is_compiled_again_replaces_its_rows(tmp_path):
    kept: Any = pd.read_csv(ROOT / "docs/explanation/compiled-programs.csv")
    tables = Tables(tmp_path)
    of = ["h100", "44x56x15"]
    assert not tables.has(*of, "tbi")
    for run in ("tbi", "check", "tbi"):
        tables.replace(kept[(kept[["card", "size", "run"]] == [*of, run]).all(axis=1)])
    assert tables.has(*of, "tbi") and not tables.has(*of, "wwz")
    runs = pd.read_csv(tmp_path / "compiled-for-a-gpu.csv")
    assert list(runs["run"]) == ["check", "tbi"]
    assert len(tables.rows) == 2


SOLVES = {"bm-source", "my", "tripartite", "production"}


def program_of(run: str) -> str | None:
    """What ``device_matrices`` calls the batches of years of a run."""
    command, *words = RUNS[run].split()
    if command in ("tbi", "indicators", "exposure"):
        return command
    if command != "decompose":
        return None
    method = words[words.index("--method") + 1]
    solved = "solves" if method in SOLVES else "inverse"
    return "groups" if "--groups" in words else "ltv" if method == "ltv" else solved


def peaks_of_years() -> pd.DataFrame:
    """n x n matrices that a year of a batch takes, by run, and what the rule says."""
    kept: Any = pd.read_csv(ROOT / "docs/explanation/compiled-programs.csv")
    kept = kept[kept["program"].str.contains("_run_batch|of_device")]
    bytes_of = ["arguments_bytes", "temporary_bytes", "output_bytes"]
    found: list[Any] = []
    for _, row in kept.drop_duplicates(["card", "size", "run"]).iterrows():
        if (program := program_of(row["run"])) is None:
            continue
        size, _, cards = row["size"].partition(" on ")
        regions, sectors, years = map(int, size.split("x"))
        each, n = math.ceil(years / int(cards or 1)), regions * sectors
        peak = row[bytes_of].sum() / (each * 8 * n**2)
        rule = device_matrices(program, regions, sectors, alone=each == 1)
        found.append((row["card"], row["size"], row["run"], peak, rule))
    columns: Any = ["card", "size", "run", "peak", "rule"]
    return pd.DataFrame(found, columns=columns)


def test_rules_of_memory_are_no_less_than_what_is_compiled():
    found: Any = peaks_of_years()
    over = found["rule"] / found["peak"]
    assert (over >= 1).all(), found[over < 1]
    named = ["tbi", "indicators", "ltv", "bm-source", "exposure", "bm-source of groups"]
    main = found["run"].isin(named) & (found["size"] == "44x56x15")
    assert (over[main] <= 1.1).all(), found[main & (over > 1.1)]
    # Methods with the inverse have one rule, that of those which take most.
    assert (over <= 1.25).all(), found[over > 1.25]
