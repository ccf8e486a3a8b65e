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
        for name, partners in (
            ("EXGR", ["WLD", *regions]),
            ("GVC_PART_BM", ["WLD"]),
        )
        for year in years
        for region in regions
        for sector in ("TOTAL", "S1")
        for partner in partners
    ]
    columns = ["year", "region", "sector", "partner", "indicator"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(value=100 * rng.random(len(frame)), flag="")


def write_tbi_folder(folder: Path, format: Format = "csv", **more) -> Path:
    """tbi and va_absorbed with a manifest; ``more`` are columns of tbi."""
    folder.mkdir(parents=True)
    write_frame(tbi_frame().assign(**more), folder, "tbi", format)
    write_frame(absorbed_frame(), folder, "va_absorbed", "parquet")
    about = {"command": "tbi", "value_added": "residual", "value_added_unit": UNIT}
    (folder / "manifest.json").write_text(json.dumps(about))
    return folder


def write_indicators_folder(folder: Path, format: Format = "parquet") -> Path:
    folder.mkdir(parents=True)
    write_frame(indicators_frame(), folder, "indicators", format)
    about = {"command": "indicators", "units": {"EXGR": UNIT, "GVC_PART_BM": "%"}}
    (folder / "manifest.json").write_text(json.dumps(about))
    return folder
