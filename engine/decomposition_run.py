"""What ``tivax decompose`` does: a year at a time to parquet or csv, then figures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import xarray as xr

from tivax.engine import decomposition_plots
from tivax.engine.console import Terminal
from tivax.engine.decompositions import (
    METHODS,
    WORST_IDENTITY,
    decomposed_years,
    require_method,
)
from tivax.engine.errors import TivaxError
from tivax.engine.measures import Groups, ValueAdded
from tivax.engine.output import Run, output_folder, require_result_place
from tivax.engine.plot_style import save_figure
from tivax.engine.tables import WorldTables

FORMATS = ("parquet", "csv")


def run_decompose(
    tables: WorldTables,
    method: str,
    level: str,
    out: Path,
    run: Run,
    *,
    groups: Groups | None,
    value_added: ValueAdded,
    format: str,
    force: bool,
    terminal: Terminal,
) -> None:
    """Decompose every year of a store and write it as it comes.

    Writes ``decomposition.parquet`` (or csv), figures and a manifest.
    """
    if format not in FORMATS:
        raise TivaxError(f"--format {format}: choose from {', '.join(FORMATS)}")
    require_method(method, level, groups=bool(groups))
    require_result_place(out, force=force)
    residuals, gaps, rows = [], [], 0
    totals: list[xr.DataArray] = []
    with output_folder(out, force=force) as folder:
        with terminal.progress("decomposing", "years") as progress:
            years = decomposed_years(
                tables,
                method,
                level,
                groups=groups,
                value_added=value_added,
                progress=progress,
            )
            with LongWriter(folder / f"decomposition.{format}") as writer:
                for part in years:
                    residuals.append(float(part["residual"].max()))
                    gaps.append(float(part["identity"].max()))
                    if _has_parts(part, method):
                        totals.append(totals_of(part, method))
                    rows += writer.write(part)
        if totals:
            shown = xr.concat(totals, "year")
            whole = _whole(method)
            save_figure(decomposition_plots.bars(shown, whole), folder, "shares")
            if shown.sizes["year"] > 1:
                figure = decomposition_plots.over_years(shown, whole)
                save_figure(figure, folder, "shares_over_years")
        gap = float(np.nanmax(gaps)) if not np.isnan(gaps).all() else None
        run.write_manifest(
            folder,
            residual_max=max(residuals),
            method=method,
            level=level,
            value_added=value_added,
            identity_max=gap,
            identity_limit=WORST_IDENTITY,
        )
    terminal.say(
        f"{METHODS[method].title} ({METHODS[method].source}), level {level}: "
        f"{rows:,} rows, {len(tables.years)} years"
    )
    held = "no identity to check" if gap is None else f"identity to {gap:.1e}"
    terminal.say(f"{held}, residual of the inverse {max(residuals):.1e}")
    terminal.say(f"Open {out}")


def _whole(method: str) -> str:
    return {"bm-importer": "gross imports", "production": "value added"}.get(
        method, "gross exports"
    )


def _has_parts(part: xr.Dataset, method: str) -> bool:
    """Whether there are parts that make a whole to be drawn."""
    shown = METHODS[method].shown.values()
    return bool(shown) and all(k in part for terms in shown for k in terms)


def totals_of(part: xr.Dataset, method: str) -> xr.DataArray:
    """Sums (part, year, region) of what ``Method.shown`` groups."""
    region = "exporter" if "exporter" in part.dims else "importer"
    sums = {}
    for name, terms in METHODS[method].shown.items():
        total = sum((part[k] for k in terms[1:]), part[terms[0]])
        sums[name] = total.sum([k for k in total.dims if k not in ("year", region)])
    data = xr.Dataset(sums, {k: part[k] for k in ("year", region)})
    return data.to_array("part").rename({region: "region"})


class LongWriter:
    """A long table, written a part at a time: labels, term, value."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: Any = None

    def __enter__(self) -> "LongWriter":
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()

    def write(self, part: xr.Dataset) -> int:
        """Add a Dataset of terms; the number of rows it has."""
        rows = 0
        for name, term in part.data_vars.items():
            if name in ("residual", "identity"):
                continue
            table = _long(term, str(name))
            if self._writer is None:
                kind = pq.ParquetWriter
                if self._path.suffix == ".csv":
                    kind = pc.CSVWriter
                self._writer = kind(self._path, table.schema)
            self._writer.write_table(table)
            rows += len(table)
        return rows


def _long(term: xr.DataArray, name: str) -> pa.Table:
    """year, labels, term, value in the order of the array."""
    columns: dict[str, Any] = {}
    sizes = [term.sizes[k] for k in term.dims]
    for axis, dim in enumerate(term.dims):
        index = np.arange(sizes[axis], dtype=np.int32)
        shape = [1] * len(sizes)
        shape[axis] = sizes[axis]
        full = np.broadcast_to(index.reshape(shape), sizes).ravel()
        labels: Sequence[Any] = term[dim].values.tolist()
        if dim == "year":
            columns["year"] = pa.array(np.asarray(labels, np.int32)[full])
        else:
            columns[str(dim)] = _dictionary(full, labels)
    columns["term"] = _dictionary(np.zeros(term.size, np.int32), [name])
    columns["value"] = pa.array(np.ascontiguousarray(term.values).ravel())
    return pa.table(columns)


def _dictionary(index: np.ndarray, labels: Sequence[str]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(
        pa.array(index), pa.array(labels, pa.string())
    )
