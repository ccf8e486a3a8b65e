"""Designs of simulated panels, their run file, and the built-in study.

A run file may name designs; without one the built-in study is run, panels like those of
the paper (41, 22 and 19 countries x 15 years, 7 controls, persistent errors), and what
is hard for each method: few clusters, unequal ones, few adopters.

    panels = 10_000
    draws = 999          # of each bootstrap in each panel
    seed = 1

    [[design]]
    name = "41 countries"
    clusters = 41
    years = 15
    controls = 7
    effect = 0.0
    persistence_x = 0.8
    persistence_u = 0.6
    unequal = 0.0        # standard deviation of the log size of a cluster's errors
    unequal_x = 0.0      # the same of its treatment and controls
    shortest = 15        # years of the shortest cluster; the longest has all
    adopters = 0         # clusters that adopt a 0/1 treatment; 0: it is continuous
    factor = 0.0         # share of a common factor in the variance of the errors
    factor_x = 0.0       # of another in that of the treatment, with the same loadings
    block = 0.0          # share of shocks that the clusters of a block have in common
    block_x = 0.0
    blocks = 0           # so many blocks of neighbouring clusters

    [[design]]           # the regressors of a panel as they are; errors alone are drawn
    name = "the panel's regressors"
    panel = "panel.csv"  # csv, parquet, dta or xlsx, with iso3 and year
    regressors = ["TBI", "RQ", "lnGDP"]   # the treatment first
    sample = "all"       # developed, developing
    persistence_u = 0.6  # effect, unequal, factor, block and blocks as above
    spreads = "KOFGIdj"  # errors as large by country as residuals of this outcome
    flows = "flows.csv"  # exporters by importers: the network of the network HAC

    [[design]]           # placebo regressions: outcome and controls as they are
    name = "placebos"
    panel = "panel.csv"
    regressors = ["TBI", "RQ", "lnGDP"]
    outcome = "KOFGIdj"
    placebo = "phases"   # the treatment with random phases, the same in all countries,
                         # or "independent": AR(1) of persistence_x by country

Blocks are also a network: all clusters of a block trade alike. Errors have a variance
of 1, and so have regressors that are drawn; given ones are
scaled to it within countries.
"""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from ....kernels.panels.simulated import PanelDesign
from ...core import TivaxError, TomlTable, local_path, read_toml, sha256
from ...estimation import SAMPLES, network_weights
from .given import Given, given_regressors

_OF_PANELS = {"panel", "regressors", "sample", "spreads", "outcome", "placebo", "flows"}
PLACEBOS = ("independent", "phases")
# Of the errors, which a placebo regression has from its outcome.
_OF_ERRORS = ("effect", "persistence_u", "unequal", "factor", "block", "spreads")
_DRAWN = ("clusters", "years", "controls", "persistence_x", "unequal_x")
_DRAWN += ("shortest", "adopters", "factor_x", "block_x")


@dataclass(frozen=True)
class Design:
    """One kind of panel. See the module's example for the fields."""

    name: str
    clusters: int = 41
    years: int = 15
    controls: int = 7
    effect: float = 0.0
    persistence_x: float = 0.8
    persistence_u: float = 0.6
    unequal: float = 0.0
    unequal_x: float = 0.0
    shortest: int | None = None
    adopters: int = 0
    factor: float = 0.0
    factor_x: float = 0.0
    block: float = 0.0
    block_x: float = 0.0
    blocks: int = 0
    given: Given | None = None

    @property
    def balanced(self) -> bool:
        return bool(self.seen.all())

    @property
    def seen(self) -> Float[np.ndarray, "G T"]:
        """1 in the last years of each cluster, from the shortest to all; else 0."""
        if self.given is not None:
            return self.given.seen
        shortest = self.years if self.shortest is None else self.shortest
        years = np.round(np.linspace(shortest, self.years, self.clusters))
        cells = np.arange(self.years)[None, :] >= self.years - years[:, None]
        return cells.astype(float)

    @property
    def arrays(self) -> PanelDesign:
        # NumPy's, double until JAX is told to keep them so. What is not there is None,
        # so that panels without it are the same as ever; with an outcome everything is,
        # so that one program serves errors and placebos.
        given = self.given
        whole = given is not None and given.y is not None

        def share(value: float) -> Any:
            return np.float64(value) if value or whole else None

        number = np.arange(self.clusters) * self.blocks // self.clusters
        sizes = None if given is None else given.sizes
        if sizes is None and whole:
            sizes = np.ones(self.clusters)
        placebo = None
        if given is not None and whole:
            placebo = np.float64(("", *PLACEBOS).index(given.placebo))
        values: Any = (
            np.float64(self.effect),
            np.float64(self.persistence_x),
            np.float64(self.persistence_u),
            np.float64(self.unequal),
            np.float64(self.unequal_x),
            self.seen,
            np.float64(self.adopters),
            None if given is None else given.cells,
            *map(share, (self.factor, self.factor_x, self.block, self.block_x)),
            number if self.blocks else None,
            sizes,
            self.network,
            None if given is None else given.y,
            placebo,
            None if given is None else given.loadings,
        )
        return PanelDesign(*values)

    @property
    def network(self) -> Float[np.ndarray, "G G"] | None:
        """Weights of the network HAC: of the given flows, or of blocks."""
        if self.given is not None and self.given.network is not None:
            return self.given.network
        if not self.blocks:
            return None
        number = np.arange(self.clusters) * self.blocks // self.clusters
        names = [str(k) for k in range(self.clusters)]
        same = (number[:, None] == number[None, :]).astype(float)
        return network_weights(pd.DataFrame(same, names, names), names)

    @property
    def facts(self) -> dict[str, Any]:
        """The design for a manifest: a panel's SHA-256 in place of its numbers."""
        found = {k.name: getattr(self, k.name) for k in fields(self)}
        if self.given is not None:
            kept = {"persistence_x"} if self.given.placebo else set()
            for name in {*_DRAWN, "given"} - kept:
                del found[name]
            found |= {k: getattr(self.given, k) for k in sorted(_OF_PANELS)}
            found["flows"] = str(self.given.flows or "")
            found |= {
                "panel": str(self.given.panel),
                "sha256": sha256(self.given.panel),
            }
        return found


@dataclass(frozen=True)
class Study:
    """A simulation study: ``panels`` of each design, ``draws`` in each panel.

    Examples
    --------
    >>> study = tx.read_study(Path("study.toml"))
    >>> study.panels, study.draws
    (50, 19)
    """

    designs: tuple[Design, ...]
    panels: int = 10_000
    draws: int = 999
    seed: int = 1

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "designs": [design.facts for design in self.designs],
            "panels": self.panels,
            "draws": self.draws,
            "seed": self.seed,
        }

    @property
    def files(self) -> list[Path]:
        """Panels whose regressors are used, and flows."""
        given = [design.given for design in self.designs if design.given is not None]
        files = [file for k in given for file in (k.panel, k.flows) if file is not None]
        return list(dict.fromkeys(files))


BUILT_IN = Study(
    (
        Design("41 countries"),
        Design("41 countries, errors iid", persistence_u=0.0),
        Design("41 countries, errors nearly a random walk", persistence_u=0.95),
        Design("41 countries, unequal errors", unequal=1.0),
        Design("41 countries, unequal regressors", unequal_x=0.5),
        Design("41 countries, 5 to 15 years", shortest=5),
        Design("22 countries", clusters=22),
        Design("19 countries", clusters=19),
        Design("19 countries, unequal errors", clusters=19, unequal=1.0),
        Design("10 countries, 3 controls", clusters=10, controls=3),
        Design("41 countries, 20 adopt", adopters=20),
        Design("41 countries, 3 adopt", adopters=3),
        Design("41 countries, 1 adopts", adopters=1),
        Design("41 countries, an effect of 0.1", effect=0.1),
    )
)


def read_study(path: Path) -> Study:
    """Read and check a run file of `tivax simulate`.

    Raises ``TivaxError`` in one line that names file, key and remedy.

    Examples
    --------
    >>> study = tx.read_study(Path("study.toml"))
    >>> study.designs[0].clusters
    8
    """
    path = local_path("path", path)
    toml = TomlTable(path, "", read_toml(path), {"panels", "draws", "seed", "design"})
    known = {field.name for field in fields(Design)} - {"given"} | _OF_PANELS
    found = list(BUILT_IN.designs)
    if toml.has("design"):
        found = [_design(table) for table in toml.tables("design", known)]
    names = [design.name for design in found]
    if twice := [k for k in names if names.count(k) > 1]:
        raise TivaxError(f"{path}: duplicate design name {twice[0]}; rename one")
    return Study(
        designs=tuple(found),
        panels=toml.whole("panels", 10_000, least=1),
        draws=toml.whole("draws", 999, least=1),
        seed=toml.whole("seed", 1, least=0),
    )


def _design(table: TomlTable) -> Design:
    """What both kinds say of the errors, then whose regressors they meet."""
    design = Design(
        name=table.text("name"),
        effect=table.number("effect", 0.0),
        persistence_u=_persistence(table, "persistence_u", 0.6),
        unequal=_spread(table, "unequal"),
        factor=_share(table, "factor"),
        block=_share(table, "block"),
        blocks=table.whole("blocks", 0, least=0),
    )
    return (_with_given if table.has("panel") else _with_drawn)(table, design)


def _with_drawn(table: TomlTable, design: Design) -> Design:
    for key in sorted(_OF_PANELS - {"panel"}):
        if table.has(key):
            raise table.mistake(key, "goes with a panel; name its file")
    years = table.whole("years", 15, least=3)
    shortest = table.whole("shortest", years, least=2)
    clusters = table.whole("clusters", 41, least=3)
    design = replace(
        design,
        clusters=clusters,
        years=years,
        controls=table.whole("controls", 7, least=0),
        persistence_x=_persistence(table, "persistence_x", 0.8),
        unequal_x=_spread(table, "unequal_x"),
        shortest=shortest,
        adopters=table.whole("adopters", 0, least=0),
        factor_x=_share(table, "factor_x"),
        block_x=_share(table, "block_x"),
    )
    _require_shares(table, design)
    if shortest > years:
        raise table.mistake("shortest", f"is longer than years = {years}")
    if design.adopters >= clusters:
        raise table.mistake("adopters", f"write fewer than clusters = {clusters}")
    parameters = design.controls + years + 1
    if clusters <= design.controls + 1 or design.seen.sum() <= parameters:
        raise table.mistake(
            "clusters", f"too few for {design.controls} controls and {years} years"
        )
    return design


def _with_given(table: TomlTable, design: Design) -> Design:
    placebo = table.choice("placebo", PLACEBOS) if table.has("placebo") else ""
    for key in _DRAWN:
        if table.has(key) and not (key == "persistence_x" and placebo):
            raise table.mistake(key, "leave it out: the regressors are the panel's")
    for key in _OF_ERRORS if placebo else ("outcome",):
        if table.has(key):
            text = "leave it out: placebos have their outcome's errors"
            raise table.mistake(
                key, text if placebo else 'it goes with placebo = "..."'
            )
    regressors = table.texts("regressors", ())
    if not regressors:
        raise table.mistake("regressors", "name at least the treatment")
    given = given_regressors(
        table.path("panel"),
        regressors,
        table.choice("sample", SAMPLES, "all"),
        table.text("spreads", ""),
        outcome=table.text("outcome") if placebo else "",
        placebo=placebo,
        flows=table.path("flows") if table.has("flows") else None,
    )
    if placebo == "phases" and not given.seen.all():
        raise table.mistake("placebo", "countries have different years: independent")
    clusters, years, k = given.cells.shape
    design = replace(design, clusters=clusters, years=years, controls=k - 1)
    if placebo:
        persistence = _persistence(table, "persistence_x", design.persistence_x)
        design = replace(design, persistence_x=persistence)
    _require_shares(table, design)
    return replace(design, given=given)


def _require_shares(table: TomlTable, design: Design) -> None:
    for own, block in (("factor", "block"), ("factor_x", "block_x")):
        if getattr(design, own) + getattr(design, block) >= 1:
            raise table.mistake(own, f"with {block} it leaves nothing to a cluster")
        if getattr(design, block) and not design.blocks:
            raise table.mistake(block, "say how many blocks there are: blocks = 5")
    if design.blocks > design.clusters:
        raise table.mistake("blocks", f"write at most clusters = {design.clusters}")


def _persistence(table: TomlTable, key: str, default: float) -> float:
    value = table.number(key, default)
    if not -1 < value < 1:
        raise table.mistake(key, "write a number between -1 and 1")
    return value


def _share(table: TomlTable, key: str) -> float:
    value = table.number(key, 0.0)
    if not 0 <= value < 1:
        raise table.mistake(key, "write a share from 0, below 1")
    return value


def _spread(table: TomlTable, key: str) -> float:
    value = table.number(key, 0.0)
    if value < 0:
        raise table.mistake(key, "write a number from 0")
    return value
