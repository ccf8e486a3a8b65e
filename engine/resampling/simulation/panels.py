"""Designs of simulated panels in a run file, and the built-in study.

A run file may have sections [[design]]; without any the built-in study is run, panels
like those of the paper (41, 22 and 19 countries x 15 years, 7 controls, persistent
errors), and what is hard for each method: few clusters, unequal ones, few adopters.

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
    space = 0.0          # km: errors of two clusters d km apart have the correlation
    space_x = 0.0        # exp(-d / space), treatment and controls exp(-d / space_x)
    cutoff = 3000.0      # km, of Conley's kernel

    [[design]]           # the regressors of a panel as they are; errors alone are drawn
    name = "the panel's regressors"
    panel = "panel.csv"  # csv, parquet, dta or xlsx, with iso3 and year, or
    entity = "iso3"      # columns of yours
    time = "year"
    regressors = ["TBI", "RQ", "lnGDP"]   # the treatment first
    sample = "all"       # or a column of 1 and 0
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

Blocks are also a network: all clusters of a block trade alike. Clusters are at capitals
where a panel's countries have one, others spread over a square of 10 000 km. Errors
have a variance of 1, and so have regressors that are drawn; given ones are scaled to it
within countries.
"""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints

import numpy as np
import pandas as pd
from jaxtyping import Float
from msgspec import Meta

from ....kernels.panels.simulated import PanelDesign
from ...core import (
    Count,
    Seed,
    Some,
    Text,
    TivaxError,
    TomlTable,
    local_path,
    read_toml,
    sha256,
)
from ...estimation import ENTITY, TIME, Network, Sample, space_weights
from ..run_files import RUN_KEYS
from .given import GivenPanel, given_regressors

_OF_PANELS = {"panel", "regressors", "sample", "spreads", "outcome", "placebo", "flows"}
_OF_PANELS |= {"entity", "time"}
Placebo = Literal["independent", "phases"]
PLACEBOS = get_args(Placebo)
# Of the errors, which a placebo regression has from its outcome.
_OF_ERRORS = ("effect", "persistence_u", "unequal", "factor", "block", "spreads")
_OF_ERRORS += ("space",)
_DRAWN = ("clusters", "years", "controls", "persistence_x", "unequal_x")
_DRAWN += ("shortest", "adopters", "factor_x", "block_x", "space_x")

_FROM = "write a whole number from {}"
Persistence = Annotated[
    float, Meta(gt=-1, lt=1, description="write a number between -1 and 1")
]
Share = Annotated[float, Meta(ge=0, lt=1, description="write a share from 0, below 1")]
Distance = Annotated[float, Meta(ge=0, description="write km, 0 or more")]
Spread = Annotated[float, Meta(ge=0, description="write a number from 0")]


@dataclass(frozen=True)
class StudyDesign:
    """One kind of panel. See the module's example for the fields."""

    name: Text
    clusters: Annotated[int, Meta(ge=3, description=_FROM.format(3))] = 41
    years: Annotated[int, Meta(ge=3, description=_FROM.format(3))] = 15
    controls: Seed = 7
    effect: float = 0.0
    persistence_x: Persistence = 0.8
    persistence_u: Persistence = 0.6
    unequal: Spread = 0.0
    unequal_x: Spread = 0.0
    shortest: Annotated[int, Meta(ge=2, description=_FROM.format(2))] | None = None
    adopters: Seed = 0
    factor: Share = 0.0
    factor_x: Share = 0.0
    block: Share = 0.0
    block_x: Share = 0.0
    blocks: Seed = 0
    space: Distance = 0.0
    space_x: Distance = 0.0
    cutoff: Distance = 3000.0
    given: GivenPanel | None = None

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
        cells, sizes, y, loadings, net = (
            getattr(self.given, k, None)
            for k in ("cells", "sizes", "y", "loadings", "net")
        )
        whole = y is not None

        def share(value: float) -> Any:
            return np.float64(value) if value or whole else None

        if sizes is None and whole:
            sizes = np.ones(self.clusters)
        placebo = None
        if self.given is not None and whole:
            placebo = np.float64(("", *PLACEBOS).index(self.given.placebo))
        first = self.effect, self.persistence_x, self.persistence_u
        values: Any = (
            *map(np.float64, (*first, self.unequal, self.unequal_x)),
            self.seen,
            np.float64(self.adopters),
            cells,
            *map(share, (self.factor, self.factor_x, self.block, self.block_x)),
            self._block_numbers if self.blocks else None,
            sizes,
            self.network,
            y,
            placebo,
            loadings,
            *self._of_space,
            net,
        )
        return PanelDesign(*values)

    @property
    def _block_numbers(self) -> np.ndarray:
        return np.arange(self.clusters) * self.blocks // self.clusters

    @property
    def distances(self) -> Float[np.ndarray, "G G"] | None:
        """Between clusters in km: of capitals, or of points that fill a square evenly
        (the sequence R2, multiples of powers of the plastic number)."""
        if self.given is not None:
            return self.given.distances
        plastic = 1.32471795724474602596
        at = np.arange(1, self.clusters + 1)[:, None] / plastic ** np.array([1, 2]) % 1
        return 1e4 * np.linalg.norm(at[:, None] - at[None, :], axis=2)

    @property
    def _of_space(self) -> list[Float[np.ndarray, "G G"] | None]:
        """Weights of Conley's kernel, roots of the correlations of errors and of x."""
        D = self.distances
        if D is None or not (self.given or self.space or self.space_x):
            return [None, None, None]
        roots = [
            np.linalg.cholesky(np.exp(-D / reach)) if reach else None
            for reach in (self.space, self.space_x)
        ]
        if self.given is not None and self.given.y is not None and roots[0] is None:
            # One program serves errors and placebos.
            roots[0] = np.eye(len(D))
        return [space_weights(D, self.cutoff, "bartlett"), *roots]

    @property
    def network(self) -> Float[np.ndarray, "G G"] | None:
        """Weights of the network HAC: of the given flows, or of blocks."""
        if self.given is not None and self.given.network is not None:
            return self.given.network
        if not self.blocks:
            return None
        number = self._block_numbers
        names = [str(k) for k in range(self.clusters)]
        same = (number[:, None] == number[None, :]).astype(float)
        return Network(pd.DataFrame(same, names, names)).among(names)

    @property
    def facts(self) -> dict[str, Any]:
        """The design for a manifest: a panel's SHA-256 in place of its numbers."""
        found = {k.name: getattr(self, k.name) for k in fields(self)}
        if self.given is not None:
            kept = {"persistence_x"} if self.given.placebo else set()
            for name in {*_DRAWN, "given"} - kept:
                del found[name]
            found |= {k: getattr(self.given, k) for k in sorted(_OF_PANELS)}
            found |= {k: str(found[k] or "") for k in ("flows", "panel")}
            found["sha256"] = sha256(self.given.panel)
        return found


@dataclass(frozen=True)
class Study:
    """A simulation study: ``panels`` of each design, ``draws`` in each panel.

    Examples
    --------
    >>> study = tx.simulate("study.toml").study
    >>> study.panels, study.draws
    (50, 19)
    """

    designs: tuple[StudyDesign, ...]
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
        StudyDesign("41 countries"),
        StudyDesign("41 countries, errors iid", persistence_u=0.0),
        StudyDesign("41 countries, errors nearly a random walk", persistence_u=0.95),
        StudyDesign("41 countries, unequal errors", unequal=1.0),
        StudyDesign("41 countries, unequal regressors", unequal_x=0.5),
        StudyDesign("41 countries, 5 to 15 years", shortest=5),
        StudyDesign("22 countries", clusters=22),
        StudyDesign("19 countries", clusters=19),
        StudyDesign("19 countries, unequal errors", clusters=19, unequal=1.0),
        StudyDesign("10 countries, 3 controls", clusters=10, controls=3),
        StudyDesign("41 countries, 20 adopt", adopters=20),
        StudyDesign("41 countries, 3 adopt", adopters=3),
        StudyDesign("41 countries, 1 adopts", adopters=1),
        StudyDesign("41 countries, in space", space=2000.0, space_x=2000.0),
        StudyDesign("41 countries, an effect of 0.1", effect=0.1),
    )
)

_USUAL = StudyDesign("")


def read_study(path: Path) -> Study:
    """Read and check a run file of `tivax simulate`.

    Raises ``TivaxError`` in one line that names file, key and remedy.
    """
    path = local_path("path", path)
    toml = TomlTable(path, "", read_toml(path), RUN_KEYS)
    toml.read("panel", Path, None)  # of models in the same file
    found = list(BUILT_IN.designs)
    if toml.has("design"):
        known = {*get_type_hints(StudyDesign), *get_type_hints(_PanelKeys)} - {"given"}
        found = [_design(table) for table in toml.tables("design", known)]
    names = [design.name for design in found]
    if twice := [k for k in names if names.count(k) > 1]:
        raise TivaxError(f"{path}: duplicate design name {twice[0]}; rename one")
    return Study(
        designs=tuple(found),
        panels=toml.read("panels", Count, 10_000),
        draws=toml.read("draws", Count, 999),
        seed=toml.read("seed", Seed, 1),
    )


@dataclass(frozen=True)
class _PanelKeys:
    """Keys of a design whose regressors are those of a panel."""

    panel: Path
    regressors: Some
    sample: Sample = "all"
    spreads: Text = ""
    outcome: Text = ""
    placebo: Placebo | Literal[""] = ""
    flows: Path | None = None
    entity: Text = ENTITY
    time: Text = TIME


def _design(table: TomlTable) -> StudyDesign:
    values = {"name": table.read("name", Text), **table.convert(StudyDesign, "given")}
    with_panel = _with_given if table.has("panel") else _with_drawn
    return with_panel(table, values)


def _with_drawn(table: TomlTable, values: dict[str, Any]) -> StudyDesign:
    for key in sorted(_OF_PANELS - {"panel"}):
        if table.has(key):
            raise table.mistake(key, "goes with a panel; name its file")
    design = replace(_USUAL, **values)
    years, clusters = design.years, design.clusters
    shortest = years if design.shortest is None else design.shortest
    design = replace(design, shortest=shortest)
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


def _with_given(table: TomlTable, values: dict[str, Any]) -> StudyDesign:
    table.read("regressors", Some)
    given = table.make(_PanelKeys, table.convert(_PanelKeys))
    placebo = given.placebo
    for key in _DRAWN:
        if table.has(key) and not (key == "persistence_x" and placebo):
            raise table.mistake(key, "leave it out: the regressors are the panel's")
    told = 'it goes with placebo = "..."'
    if placebo:
        told = "leave it out: placebos have their outcome's errors"
    for key in _OF_ERRORS if placebo else ("outcome",):
        if table.has(key):
            raise table.mistake(key, told)
    if placebo:
        table.read("outcome", Text)
    regressors = given_regressors(**vars(given))
    if placebo == "phases" and not regressors.seen.all():
        raise table.mistake("placebo", "countries have different years: independent")
    clusters, years, k = regressors.cells.shape
    of_panel = {"clusters": clusters, "years": years, "controls": k - 1}
    design = replace(_USUAL, **values, **of_panel)
    _require_shares(table, design)
    return replace(design, given=regressors)


def _require_shares(table: TomlTable, design: StudyDesign) -> None:
    for own, block in (("factor", "block"), ("factor_x", "block_x")):
        if getattr(design, own) + getattr(design, block) >= 1:
            raise table.mistake(own, f"with {block} it leaves nothing to a cluster")
        if getattr(design, block) and not design.blocks:
            raise table.mistake(block, "say how many blocks there are: blocks = 5")
    if design.space and design.distances is None:
        raise table.mistake("space", "not all countries of the panel have a capital")
    if design.blocks > design.clusters:
        raise table.mistake("blocks", f"write at most clusters = {design.clusters}")
