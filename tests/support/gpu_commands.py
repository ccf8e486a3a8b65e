"""What commands do on a GPU: one list, for the tests without a card, for the table of
compiled programs and for a measured run.

A command of ``tivax`` that computes on the device has its lines here, which
``tests/core/test_gpu_programs.py`` holds: a new one is added to ``RUNS``, or to
``NO_PROGRAM`` if it computes nothing there.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

import tivax.engine as tx

from experiment_panels import INSTRUMENT, LEAST_SQUARES, index_panel, small_panel


@dataclass(frozen=True)
class Size:
    """The world, the panel and the draws of a run."""

    regions: int
    sectors: int
    years: int
    countries: int
    periods: int
    draws: int
    panels: int


SMALL = Size(5, 4, 3, countries=9, periods=7, draws=5_000, panels=20)


def real(size: str) -> Size:
    """Tables of a size such as 44x56x15, with the panel and draws of a paper."""
    regions, sectors, years = map(int, size.split("x"))
    return Size(regions, sectors, years, 41, 15, draws=1_000_000, panels=1_000)


# Worlds of the table of compiled programs: WIOD 2016, WIOD 2013, EXIOBASE 3, GLORIA. The
# first has all runs, the others those of tables without errors.
SIZES = ("44x56x15", "41x35x17", "49x200x1", "164x120x1")


_DRAWN = 'panel = "panel.csv"\nseed = 3\ndraws = {draws}\n'
_WILD = (
    _DRAWN
    + '[scheme]\nkind = "wild"\nweights = "{weights}"\n'
    + LEAST_SQUARES
    + INSTRUMENT
)
FILES = {
    "lognormal": '[[error]]\nkind = "lognormal"\na = 0.05\nb = 0.1\n',
    "shares": '[[error]]\nkind = "shares"\nconcentration = 50\n',
    "groups": 'Core = ["R01", "R02"]\n',
    "cut": 'store = "store"\n[[shock]]\nkind = "cut"\nexporters = "R01"\nimporters = "R02"\n'
    "percent = 50\n",
    "hat": 'kind = "exact-hat"\neconomy = "economy.npz"\ndeficits = "kept"\n'
    '[[variant]]\nexporters = ["R01"]\n[grid]\nimporters = "each"\ntariff = [0.1, 0.3]\n',
    "best": 'kind = "optimal-tariff"\neconomy = "economy.npz"\nregion = "R01"\n'
    'over = "uniform"\n',
    "pairs": _DRAWN + '[scheme]\nkind = "pairs"\n' + LEAST_SQUARES + INSTRUMENT,
    "bayesian": _DRAWN
    + '[scheme]\nkind = "bayesian"\nstudentised = true\n'
    + LEAST_SQUARES,
    "wild": _WILD.replace("{weights}", "webb"),
    "rademacher": _WILD.replace("{weights}", "rademacher"),
    "placebo": _DRAWN
    + '[scheme]\nkind = "placebo"\npermute = "countries"\n'
    + LEAST_SQUARES,
    "simulate": "panels = {panels}\ndraws = 99\nseed = 1\n[[design]]\nname = 'small'\n"
    "clusters = {countries}\nyears = {periods}\ncontrols = 2\n",
    "threats": _DRAWN + LEAST_SQUARES,
    "curve": _DRAWN + LEAST_SQUARES + '[curve]\ncontrols = "subsets"\n',
    "gravity": 'data = "flows.csv"\noutcome = "value"\nregressors = ["tariff"]\n',
    "montecarlo": 'panel = "index.csv"\nstore = "store"\nerror = "lognormal.toml"\n'
    'seed = 3\ndraws = 6\nsave_draws = true\n[[model]]\noutcome = "y"\n'
    'regressors = ["TBI"]\n',
}
RUNS = {
    "check": "check store",
    "tbi": "tbi store --certify columns",
    "tbi of groups": "tbi store --groups groups.toml",
    "tbi of drawn cells": "tbi store --error lognormal.toml",
    "tbi of drawn shares": "tbi store --error shares.toml",
    **{
        method: f"decompose store --method {method} --level {level}"
        for level, methods in {
            "bilateral-sector": "wwz kww bm-source bm-sink bm-world bm-self bm-importer "
            "my tripartite",
            "bilateral": "ltv",
            "sector": "tripartite-output production",
        }.items()
        for method in methods.split()
    },
    "bm-source of groups": "decompose store --method bm-source --groups groups.toml",
    "indicators": "indicators store --level sector",
    "indicators of drawn cells": "indicators store --level country --error lognormal.toml",
    "exposure": "exposure store --buyer R01 --supplier R02",
    "exposure of drawn cells": "exposure store --buyer R01 --supplier R02 "
    "--error lognormal.toml",
    "change": "change store",
    "cut": "scenario cut.toml",
    "hat": "scenario hat.toml",
    "best tariffs": "scenario best.toml",
    "pairs": "bootstrap pairs.toml",
    "bayesian": "bootstrap bayesian.toml",
    "wild": "bootstrap wild.toml",
    "wild of two-point weights": "bootstrap rademacher.toml",
    "placebo": "bootstrap placebo.toml",
    "simulate": "simulate simulate.toml",
    "threats": "threats threats.toml",
    "curve": "curve curve.toml",
    "montecarlo": "montecarlo montecarlo.toml",
    "gravity": "gravity gravity.toml",
}
# Commands that go on where all numbers of the device are 0: their programs need not run.
OF_TABLES = {"check", "tbi", "decompose", "indicators", "change"}
# Commands whose years or draws several cards share.
DIVIDED = {"tbi", "decompose", "indicators", "bootstrap"}
# Commands that compute nothing on a device, or what the runs above compute.
NO_PROGRAM = {
    "aggregate": "sums by NumPy",
    "bench": "times what the others compute",
    "compare": "tbi and indicators of several stores",
    "demo": "tbi and decompose of a synthetic world",
    "elasticities": "triads by NumPy; PPML as gravity",
    "explore": "shows results",
    "fetch": "downloads",
    "import": "fits tables on the processor, once",
    "list": "prints",
    "package": "packs results",
    "panel": "builds a panel by pandas",
    "replicate": "bootstrap, threats and curve of the paper's panel",
}


def runs_of(size: str, cards: int) -> list[str]:
    """Runs of a size in the table, on one card or several."""
    found = []
    for run, words in RUNS.items():
        command = words.split()[0]
        of_tables = command in OF_TABLES and "--error" not in words
        if (size == SIZES[0] or of_tables) and (cards == 1 or command in DIVIDED):
            found.append(run)
    return found


def world_of_zeros(size: Size) -> tx.WorldTables:
    """Tables of a size that take no memory."""
    few = tx.synthetic_world(regions=3, sectors=2, years=1)
    t, c, n = size.years, size.regions, size.regions * size.sectors

    def zeros(*shape: int) -> np.ndarray:
        return np.broadcast_to(0.0, shape)

    return replace(
        few,
        Z=zeros(t, n, n),
        Y=zeros(t, n, c, len(few.categories)),
        x=zeros(t, n),
        value_added=zeros(t, n),
        regions=[f"R{k + 1:02d}" for k in range(c)],
        sectors=[f"S{k + 1:02d}" for k in range(size.sectors)],
        years=range(2000, 2000 + t),
    )


def make_inputs(folder: Path, size: Size, *, only_tables: bool = False) -> None:
    """Tables, panels and run files of that size for all runs; or tables of zeros, for
    runs whose programs are compiled and not run."""
    if only_tables:
        world = world_of_zeros(size)
    else:
        world = tx.synthetic_world(
            regions=size.regions, sectors=size.sectors, years=size.years, seed=1
        )
    tx.save_store(world, folder / "store")
    for name, text in FILES.items():
        for k in ("draws", "panels", "countries", "periods"):
            text = text.replace(f"{{{k}}}", str(getattr(size, k)))
        (folder / f"{name}.toml").write_text(text)
    if only_tables:
        return
    economy = tx.Economy.synthetic(regions=size.regions, sectors=size.sectors, seed=1)
    economy.save(folder / "economy.npz")
    panel = small_panel(countries=size.countries, years=size.periods, seed=3)
    panel.to_csv(folder / "panel.csv", index=False)
    index_panel(world).to_csv(folder / "index.csv", index=False)
    flows_of(size).to_csv(folder / "flows.csv", index=False)


def flows_of(size: Size) -> pd.DataFrame:
    """Flows between all countries in the periods of the panel."""
    shape = size.periods, size.countries, size.countries
    cells = np.argwhere(1 - np.broadcast_to(np.eye(size.countries), shape))
    rows = pd.DataFrame(cells, columns=["year", "exporter", "importer"])
    random = np.random.default_rng(1)
    rows["tariff"] = random.uniform(0, 0.3, len(rows))
    return rows.assign(value=random.lognormal(size=len(rows)))


def words(run: str, folder: Path, out: Path) -> list[str]:
    """A run on the inputs of a folder, as words of a command line."""
    command, given, *options = RUNS[run].split()
    options = [str(folder / k) if k.endswith(".toml") else k for k in options]
    more = ["--out", str(out), "--no-figures"] if command != "check" else []
    return [command, str(folder / given), *options, *more, "--quiet"]
