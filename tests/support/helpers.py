"""Small worlds that balance exactly, coefficient matrices of known character, panels."""

import json
import re
import time
import tomllib
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import pandas as pd
import pytest

import tivax as tx
from tivax.engine import WorldTable, WorldTables, stack_years, synthetic_world
from tivax.engine.core.errors import TivaxError
from tivax.engine.panel.build import Panel, build_panel
from tivax.engine.panel.data_files import DataFiles, read_data_files
from tivax.engine.panel.recipe import CONTROLS, OUTCOMES
from tivax.engine.papers.trade_imbalance.columns import PaperColumn, estimate_columns
from tivax.engine.tables import WorldShape
from tivax.kernels import operators, perimeters


def random_table(
    *, regions: int, sectors: int, seed: int = 0, year: int = 2014
) -> WorldTable:
    """A table that balances exactly: sales are drawn, output is their sum.

    Three categories of final demand, the last one inventories of either sign. Value
    added at basic prices is the residual less taxes of 1 to 5 %.
    """
    rng = np.random.default_rng(seed)
    n = regions * sectors
    Z = rng.lognormal(size=(n, n))
    Y = n * rng.lognormal(size=(n, regions, 3))
    Y[:, :, 2] *= 0.1 * rng.choice([-1, 1], size=(n, regions))
    x = Z.sum(axis=1) + Y.sum(axis=(1, 2))
    # Shrink purchases so that every industry adds value: column sums of A < 0.8.
    Z = Z * np.minimum(1.0, 0.8 * x / Z.sum(axis=0))[None, :]
    Y = Y * ((x - Z.sum(axis=1)) / Y.sum(axis=(1, 2)))[:, None, None]
    return WorldTable(
        year=year,
        regions=tuple(f"R{r}" for r in range(regions)),
        sectors=tuple(f"S{i}" for i in range(sectors)),
        categories=("household", "government", "inventories"),
        Z=Z,
        Y=Y,
        x=x,
        value_added=(x - Z.sum(axis=0)) * rng.uniform(0.95, 0.99, size=n),
    )


def random_tables(
    *, regions: int, sectors: int, years: int, seed: int = 0
) -> WorldTables:
    """Balanced tables of several years, each from its own seed."""
    return stack_years(
        [
            random_table(
                regions=regions, sectors=sectors, seed=1000 * seed + k, year=2000 + k
            )
            for k in range(years)
        ]
    )


def write_arrays(path: Path, table: WorldTable, **changes: Any) -> Path:
    """The .npz of source ``arrays``; a change to None leaves the key out."""
    keys = {
        "Z": table.Z,
        "Y": table.Y,
        "x": table.x,
        "va": table.value_added,
        "regions": np.array(table.regions),
        "sectors": np.array(table.sectors),
        "categories": np.array(table.categories),
        "year": table.year,
        **changes,
    }
    np.savez(path, **{key: value for key, value in keys.items() if value is not None})
    return path


def compiled(kernel: Callable, *static: str) -> Callable[..., Any]:
    """The kernel in one program, its results in NumPy: operation by operation, and for
    every slice of a result, JAX compiles programs that take longer than all else."""
    program = jax.jit(kernel, static_argnames=static)

    def run(*arguments: Any, **options: Any) -> Any:
        return jax.device_get(program(*arguments, **options))

    return run


def matrix_by_matrix(lowered: Any) -> list[str]:
    """Types of what each call of LAPACK in a lowered program takes, one matrix at a time:
    batches of two programs would wait for each other's threads for ever."""
    given = re.findall(r"custom_call @lapack\w+\(.*?: \((.*?)\) ->", lowered.as_text())
    assert not [k for k in given if re.search(r"tensor<\d+x\d+x\d+x", k)]
    return given


@cache
def small_world(regions: int, sectors: int, years: int = 1) -> WorldTables:
    """A synthetic world, made once for all tests."""
    return synthetic_world(WorldShape(regions, sectors, years))


def write_co2(tables: WorldTables, path: Path) -> None:
    """A satellite account: as many kg of co2 as output, a hundred times and more."""
    cells = [tables.years, tables.regions, tables.sectors]
    rows = pd.MultiIndex.from_product(cells, names=["year", "region", "sector"])
    kg = np.asarray(tables.x[:]).ravel() * (1e5 + 1e4 * (np.arange(len(rows)) % 7))
    rows.to_frame(index=False).assign(co2=kg, unit="kg").to_csv(path, index=False)


def hand_table(
    Z: Sequence[Sequence[float]],
    Y: Sequence[Sequence[float]],
    regions: Sequence[str],
    *,
    sectors: Sequence[str] = ("S",),
    year: int = 2000,
) -> WorldTables:
    """One year from figures written out by hand; output is what is sold."""
    flows, demand = np.array(Z, float), np.array(Y, float)
    return WorldTables(
        Z=flows[None],
        Y=demand[None],
        x=(flows.sum(axis=1) + demand.sum(axis=1))[None],
        regions=regions,
        sectors=sectors,
        years=[year],
    )


def coefficients(Z: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Z diag(x)^-1 by NumPy, a zero column where x is zero."""
    return np.divide(Z, x, out=np.zeros_like(Z), where=x > 0)


@partial(jax.jit, static_argnames="regions")
def domestic_inverses(A: jax.Array, regions: int) -> jax.Array:
    """(I - A_rr)^-1 of each region, as ``invert_table`` has them."""
    own = perimeters.equal_regions(len(A), regions, A.dtype).inside(A)
    found = operators.inverse(operators.less(own))
    assert not isinstance(found, operators.Blocks)
    return found


def system(tables: WorldTables, k: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A and final demand by region of year number k, by NumPy."""
    return coefficients(tables.Z[k], tables.x[k]), tables.final_demand()[k]


def worst_residual(A: np.ndarray, X: np.ndarray, Y: np.ndarray) -> float:
    """Worst column of |Y - (I - A) X| / |Y| by NumPy; absolute where Y is zero."""
    missed, wanted = np.linalg.norm(Y - X + A @ X, axis=0), np.linalg.norm(Y, axis=0)
    return float((missed / np.where(wanted > 0, wanted, 1)).max())


def assert_says(said: float | np.ndarray, measured: float) -> None:
    """A solve says the residual that its answer has, or a little more: half a unit of
    float32 of its last correction is allowed for (measured: 1.0 to 4.2 times)."""
    assert measured <= 1.01 * said + 1e-15
    assert said <= 1.01 * measured or said <= 5 * measured + 1e-13


def random_inputs(n: int, *, share: float = 0.8, seed: int = 0) -> np.ndarray:
    """Dense coefficients without structure; every column sums to ``share``."""
    A = np.random.default_rng(seed).lognormal(size=(n, n))
    return share * A / A.sum(axis=0)


def proportional_inputs(
    *, regions: int, sectors: int, foreign: float = 0.1, noise: float = 0.0
) -> np.ndarray:
    """Coefficients whose imports are spread over sellers by share, for all users alike.

    Every column sums to 0.4 at home and ``foreign`` abroad; ``noise`` is the lognormal
    deviation of single cells from proportionality.
    """
    rng = np.random.default_rng(0)
    c, s = regions, sectors
    home = rng.lognormal(size=(c, s, s))
    imported = rng.lognormal(size=(c, s, s))  # [user d, i, j]
    share = rng.lognormal(size=(c, s, c)) * (1 - np.eye(c))[:, None, :]  # [r, i, d]
    share = share / share.sum(axis=0)
    A = share[:, :, :, None] * imported.transpose(1, 0, 2)[None]  # [r, i, d, j]
    A = A * np.exp(noise * rng.normal(size=A.shape))
    A = foreign * A / A.sum(axis=(0, 1))
    A[np.arange(c), :, np.arange(c), :] = 0.4 * home / home.sum(axis=1, keepdims=True)
    return A.reshape(c * s, c * s)


def single_supplier_inputs(
    *, regions: int, sectors: int, home: float, seed: int = 0
) -> np.ndarray:
    """The worst case for import shares: one foreign supplier for each industry.

    Every column sums to 0.9, ``home`` of it spread at home, the rest bought from one
    industry of one partner.
    """
    rng = np.random.default_rng(seed)
    c, s = regions, sectors
    A = np.zeros((c, s, c, s))
    for d in range(c):
        for j in range(s):
            own = rng.lognormal(size=s)
            A[d, :, d, j] = home * own / own.sum()
            partner = (d + 1 + rng.integers(c - 1)) % c
            A[partner, rng.integers(s), d, j] = 0.9 - home
    return A.reshape(c * s, c * s)


def random_panel(
    *,
    countries: int = 12,
    years: int = 8,
    seed: int = 0,
    slopes: tuple[float, float] = (1.0, 1.0),
    missing: float = 0.0,
    noise: float = 1.0,
) -> pd.DataFrame:
    """The columns of ``engine.panel``: outcomes are slope x TBI + controls / 2 + effects.

    Every other country is developed; ``slopes`` are of developing and developed. A
    share ``missing`` of the rows is left out, but every country keeps two.
    """
    rng = np.random.default_rng(seed)
    N = countries * years
    i, t = np.divmod(np.arange(N), years)
    frame = pd.DataFrame(
        {"iso3": [f"C{k:02d}" for k in i], "year": 2000 + t, "developed": i % 2}
    )
    country, year = rng.normal(size=countries)[i], rng.normal(size=years)[t]
    for name in ("TBI", *CONTROLS):
        frame[name] = rng.normal(size=N) + country + rng.normal() * year
    signal = np.array(slopes)[i % 2] * frame["TBI"] + frame[[*CONTROLS]].sum(axis=1) / 2
    for name in OUTCOMES:
        frame[name] = signal + 3 * country + year + noise * rng.normal(size=N)
    keep = (rng.uniform(size=N) >= missing) | (t < 2)
    return frame[keep].reset_index(drop=True)


def read_table(path: Path) -> pd.DataFrame:
    """A table that was written, in any format; every digit of a csv."""
    readers: dict[str, Any] = {
        ".csv": partial(pd.read_csv, engine="python"),  # the default may round
        ".xlsx": partial(pd.read_excel, engine="calamine"),
        ".dta": pd.read_stata,
        ".parquet": pd.read_parquet,
        ".feather": pd.read_feather,
    }
    return readers[path.suffix](path)


def error_of(call: Callable, *arguments, **options) -> str:
    """What the ``TivaxError`` of a call says, which must be one line."""
    with pytest.raises(TivaxError) as error:
        call(*arguments, **options)
    (line,) = str(error.value).splitlines()
    return line


def written_and_told(cases: Path) -> list[tuple[list[str], str]]:
    """Lines with a mistake, and what is told of it: from a TOML file that says how."""
    places = tomllib.loads(cases.read_text(encoding="utf-8"))
    return [
        (place.replace("...", written).split(" + "), told)
        for place, rows in places.items()
        for written, told in rows.items()
    ]


class LiteralFit(NamedTuple):
    """Coefficients, clustered covariance without any factor, residuals, rank."""

    coef: np.ndarray
    sandwich: np.ndarray
    residuals: np.ndarray
    rank: int


def fit_with_dummies(
    frame: pd.DataFrame,
    outcome: str,
    regressors: Sequence[str],
    *,
    effects: Sequence[str] = ("iso3", "year"),
) -> LiteralFit:
    """Least squares by NumPy, a column for every label of every effect."""
    labels = [frame[name].to_numpy()[:, None] for name in effects]
    blocks = [(label == np.unique(label)[None, :]).astype(float) for label in labels]
    X = np.column_stack([frame[list(regressors)].to_numpy(float), *blocks])
    scale = np.linalg.norm(X, axis=0)
    y = frame[outcome].to_numpy(float)
    inverse = np.linalg.pinv(X / scale, rcond=1e-10) / scale[:, None]
    residuals = y - X @ (inverse @ y)
    P = inverse[: len(regressors)]
    group = frame["iso3"].to_numpy()
    scores = [P[:, group == g] @ residuals[group == g] for g in np.unique(group)]
    return LiteralFit(
        coef=P @ y,
        sandwich=sum((np.outer(s, s) for s in scores), np.zeros((len(P), len(P)))),
        residuals=residuals,
        rank=int(np.linalg.matrix_rank(X / scale, tol=1e-8)),
    )


@cache
def paper_files(shared: Path) -> DataFiles:
    """The real inputs of the paper, as identified."""
    return read_data_files(shared / "data")


@cache
def paper_panel(shared: Path) -> Panel:
    """The real panel, built once for all tests."""
    return build_panel(paper_files(shared))


@cache
def paper_estimates(shared: Path) -> dict[PaperColumn, tx.results.Fit]:
    """All 17 columns on the real panel, estimated once for all tests."""
    return estimate_columns(paper_panel(shared).frame)


def without_checksums(store: Path) -> Path:
    """Turn a store into one of format 1, byte by byte as older versions wrote it."""
    for path in store.rglob("*"):
        if path.is_file() and path.name != "zarr.json":
            path.write_bytes(path.read_bytes()[:-4])
    for path in store.rglob("zarr.json"):
        document = json.loads(path.read_text())
        about = document["attributes"]
        for name in ("crc32c", "digest"):
            about.pop(name, None)
        if "tivax_format" in about:
            about["tivax_format"] = 1
        if "codecs" in document:
            document["codecs"] = [
                k for k in document["codecs"] if k["name"] != "crc32c"
            ]
        path.write_text(json.dumps(document, indent=2))
    return store


def ended(process: int) -> bool:
    """Within a moment; a system whose first process reaps nothing keeps its number."""
    for _ in range(100):
        try:
            with open(f"/proc/{process}/stat") as stat:
                if stat.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except OSError:
            return True
        time.sleep(0.05)
    return False


def two_way(
    data: pd.DataFrame,
    outcome: str,
    regressors: Sequence[str],
    *,
    entity: str = "iso3",
    time: str = "year",
    effects: Sequence[str] = (),
    convention: Any = "stata",
    **options: Any,
) -> tx.results.Fit:
    """``tx.fit`` of effects of units and periods, with a convention of CV1."""
    names = {"entity": entity, "time": time, "effects": effects}
    if convention != "stata":
        options["vcov"] = tx.vcov.CV1(convention)
    return tx.fit(
        tx.Model("", outcome, regressors, regressors, **names), data, **options
    )


def two_stage(
    data: pd.DataFrame,
    outcome: str,
    endogenous: str,
    instruments: Sequence[str],
    controls: Sequence[str],
    *,
    entity: str = "iso3",
    time: str = "year",
    **options: Any,
) -> tx.results.Fit:
    """``tx.fit`` of two stages, with effects of units and periods."""
    names = {"entity": entity, "time": time, "instruments": instruments}
    return tx.fit(tx.Model("", outcome, controls, endogenous, **names), data, **options)
