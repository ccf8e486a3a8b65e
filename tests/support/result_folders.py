"""Small result folders as `tivax tbi` and `tivax indicators` write them, by hand."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from tivax.engine.core import Format, write_frame

REGIONS = ("CHN", "DEU", "USA", "ROW")
YEARS = (2000, 2001, 2002)
UNIT = "million US$"


def tbi_frame(regions=REGIONS, years=YEARS) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    rows = [(year, region) for year in years for region in regions]
    frame = pd.DataFrame(rows, columns=["year", "region"])
    exports, imports = 1e5 * rng.lognormal(size=(2, len(frame)))
    tbi = (exports - imports) / (exports + imports)
    return frame.assign(va_exports=exports, va_imports=imports, tbi=tbi)


def absorbed_frame(regions=REGIONS, years=YEARS) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    rows = [(t, i, j) for t in years for i in regions for j in regions]
    frame = pd.DataFrame(rows, columns=["year", "origin", "absorber"])
    return frame.assign(value_added=1e5 * rng.lognormal(size=len(frame)))


def indicators_frame(regions=REGIONS, years=YEARS) -> pd.DataFrame:
    """Two indicators by country, one of them also by partner, and rows of a sector."""
    rng = np.random.default_rng(3)
    rows = [
        (year, region, sector, partner, name)
        for name, partners in (("EXGR", ["WLD", *regions]), ("GVC_PART_BM", ["WLD"]))
        for year in years
        for region in regions
        for sector in ("TOTAL", "S1")
        for partner in partners
    ]
    columns = ["year", "region", "sector", "partner", "indicator"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(value=100 * rng.random(len(frame)), flag="")


def _written(
    folder: Path, frames: dict[str, pd.DataFrame], format: Format, **about
) -> Path:
    folder.mkdir(parents=True)
    for name, frame in frames.items():
        write_frame(frame, folder, name, "parquet" if name == "va_absorbed" else format)
    (folder / "manifest.json").write_text(json.dumps(about))
    return folder


def write_tbi_folder(folder: Path, format: Format = "csv", **more) -> Path:
    """tbi and va_absorbed with a manifest; ``more`` are columns of tbi."""
    frames = {"tbi": tbi_frame().assign(**more), "va_absorbed": absorbed_frame()}
    about = {"command": "tbi", "value_added": "residual", "value_added_unit": UNIT}
    return _written(folder, frames, format, **about)


def write_indicators_folder(folder: Path, format: Format = "parquet") -> Path:
    about = {"command": "indicators", "units": {"EXGR": UNIT, "GVC_PART_BM": "%"}}
    return _written(folder, {"indicators": indicators_frame()}, format, **about)


def write_terms_folder(folder: Path) -> Path:
    """Four of the sixteen terms, one of each part, by pair."""
    rng = np.random.default_rng(4)
    rows = [
        (year, one, other, term)
        for year in YEARS
        for one in REGIONS
        for other in REGIONS
        if one != other
        for term in ("DVA_FIN", "RDV_INT", "MVA_FIN", "DDC_FIN")
    ]
    frame = pd.DataFrame(rows, columns=["year", "exporter", "importer", "term"])
    frame = frame.assign(value=1e5 * rng.random(len(frame)))
    about = {"command": "decompose", "method": "wwz", "level": "bilateral"}
    about |= {"value_added": "residual", "value_added_unit": UNIT}
    return _written(folder, {"decomposition": frame}, "parquet", **about)


def write_change_folder(folder: Path) -> Path:
    """Two effects on the index of every region."""
    rows = [
        (region, "tbi", YEARS[0], YEARS[-1], factor, value, value, 0.0, value, 0.5)
        for region in REGIONS
        for factor, value in (("technology", 0.2), ("sourcing", -0.05))
    ]
    columns = "region measure start end factor value home abroad polar share".split()
    about = {"command": "change", "value_added_unit": UNIT}
    return _written(
        folder, {"change": pd.DataFrame(rows, columns=columns)}, "csv", **about
    )


def write_threats_folder(folder: Path) -> Path:
    """A model under two threats; a third cannot be computed."""
    frame = pd.DataFrame({
        "model": "main",
        "threat": ["the model", "left out", "left out", "lags"],
        "variant": ["as given", "EU15", "Asia", "two"],
        "term": "TBI",
        "estimate": [2.0, 1.5, 0.1, np.nan],
        "se": [0.5, 0.5, 0.2, np.nan],
        "p_value": [0.001, 0.01, 0.6, np.nan],
        "wild_p_value": [0.002, 0.02, 0.7, np.nan],
        "n": 200, "clusters": 20, "variation_kept": [1.0, 0.9, 0.4, np.nan],
        "note": ["", "", "", "too few years"],
        "state": ["the model", "as before", "turned or gone", ""],
    })  # fmt: skip
    return _written(folder, {"threats": frame}, "csv", command="threats")
