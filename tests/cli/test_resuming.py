"""Every command that keeps what it computes: stopped, refused, given again.

``test_jobs`` has what is kept in a folder; processes that are killed are in
``test_together`` and ``test_processes``.
"""

from pathlib import Path

import pytest

import tivax as tx
from tivax.engine.core import parts
from tivax.engine.curve import joint
from tivax.engine.threats import wild

from commands import contents, good, mistake, names, tivax
from experiment_panels import index_panel, small_panel
from helpers import small_world

MODEL = """
[[model]]
name = "main"
outcome = "KOFGIdj"
regressors = ["TBI", "RQ", "INFR"]
[[model]]
name = "economic"
outcome = "KOFEcGIdj"
regressors = ["TBI", "RQ", "INFR"]
"""
FILES = {
    "bootstrap": ('draws = 5_000\nscheme = { kind = "pairs" }' + MODEL, "panel.csv"),
    "placebo": ('draws = 5_000\nscheme = { kind = "placebo" }' + MODEL, "panel.csv"),
    "threats": (
        f'draws = 500{MODEL}[threats]\nonly = ["blocks left out", "unit trends"]\n',
        "panel.csv",
    ),
    "curve": (
        f'draws = 500{MODEL}[curve]\ncontrols = "subsets"\nsample = ["developed"]\n',
        "panel.csv",
    ),
    "montecarlo": (
        'store = "store"\nerror = "model.toml"\ndraws = 6\nsave_draws = true\n'
        '[[model]]\nname = "main"\noutcome = "y"\nregressors = ["TBI"]\n',
        "of_tables.csv",
    ),
}
STUDY = """
panels = 40
draws = 99
[[design]]
name = "small"
clusters = 9
years = 6
"""
GRID = """
store = "store"
measures = ["value_added", "tbi"]
years = [2000, 2001]
kind = "cut"
importers = "R01"
[grid]
exporters = "each"
"""
EXACT = """
kind = "exact-hat"
economy = "economy.npz"
[grid]
importers = "each"
tariff = [0, 0.1, 0.2, 0.3]
"""
# What makes it another run: draws of one kind and variants of another.
OTHER = {
    "draws = 5": "draws = 4",
    "draws = 6": "draws = 4",
    "draws = 99": "draws = 98",
    'importers = "R01"': 'importers = "R02"',
    "tariff = [0,": "tariff = [0.05,",
}
KEPT = {
    "bootstrap": "4,096 of 10,000 draws",
    "placebo": "4,096 of 10,000 draws",
    "montecarlo": "5 of 12 draws of years",
    "simulate": "32 of 40 panels",
    "scenario": "7 of 8 variants",
    "exact-hat": "8 of 12 variants",
    "threats": "7 tests",
    "curve": "16 specifications",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("resuming")
    small_panel(countries=8, years=12, seed=3).to_csv(folder / "panel.csv", index=False)
    world = small_world(5, 3, 2)
    tx.save_store(world, folder / "store")
    index_panel(world).to_csv(folder / "of_tables.csv", index=False)
    error = '[[error]]\nkind = "lognormal"\na = 0.05\n'
    (folder / "model.toml").write_text(error)
    economy = tx.Economy.synthetic(regions=3, sectors=2, seed=1)
    economy.save(folder / "economy.npz")
    for name, (text, panel) in FILES.items():
        (folder / f"{name}.toml").write_text(f'panel = "{panel}"\n{text}')
    for name, text in (("simulate", STUDY), ("scenario", GRID), ("exact-hat", EXACT)):
        (folder / f"{name}.toml").write_text(text)
    return folder


def stop_once(monkeypatch) -> None:
    """Ctrl-C while the last rows of a part are kept, of which one is half written, or
    once a second state is."""
    append, keep, states = parts.PartFile.append, parts.State.keep, []

    def stop_in_a_row(part, values):
        if part.count + len(values) < part.rows:
            append(part, values)
            return
        append(part, values[: 7 * len(values) // 8])
        with part.path.open("ab") as file:
            file.write(b"half")
        raise KeyboardInterrupt

    def stop_after_two(state, *arrays, last):
        keep(state, *arrays, last=True)
        states.append(last)
        if len(states) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(parts.PartFile, "append", stop_in_a_row)
    monkeypatch.setattr(parts.State, "keep", stop_after_two)


@pytest.mark.parametrize("name", KEPT)
def test_a_stopped_command_goes_on_to_the_same_bytes(folder, name, monkeypatch):
    for module, size in ((wild, "AT_ONCE"), (joint, "TESTS")):
        monkeypatch.setattr(module, size, {"AT_ONCE": 4, "TESTS": 8}[size])
    path, out = folder / f"{name}.toml", folder / f"{name}-again"
    command = {"exact-hat": "scenario", "placebo": "bootstrap"}.get(name, name)
    words = (command, path, "--no-figures", "--quiet", "--out")
    good(*words, folder / name)
    before = names(folder)
    with monkeypatch.context() as patch:
        stop_once(patch)
        stopped = tivax(*words, out)
    assert stopped.code == 130, stopped.err
    (line,) = (k for k in stopped.out.splitlines() if k.startswith("Stopped"))
    assert line.endswith(f"{KEPT[name].split()[-1]} are kept; the same command goes on")
    unfinished = folder / f".{out.name}.unfinished"
    assert names(folder) == sorted([*before, unfinished.name])

    text = path.read_text()
    ((old, new),) = ((k, v) for k, v in OTHER.items() if k in text)
    kept = contents(unfinished)
    path.write_text(text.replace(old, new))
    assert mistake(*words, out) == (
        f"{out}: {unfinished.name} beside it holds an unfinished run of other models, "
        "draws, seed or versions; --force starts over"
    )
    assert contents(unfinished) == kept
    path.write_text(text)

    again = good(*words, out)
    assert again.out.splitlines()[0] == f"Going on at {KEPT[name]}"
    assert names(folder) == sorted([*before, out.name])
    found, wanted = contents(out), contents(folder / name)
    assert {k.relative_to(out) for k in found} == {
        k.relative_to(folder / name) for k in wanted
    }
    for file, content in found.items():
        if file.name != "manifest.json":
            assert content == wanted[folder / name / file.relative_to(out)], file
