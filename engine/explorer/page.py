"""The page: measures, scripts and styles in one HTML file that loads nothing.

Charts are drawn in the browser by Vega-Lite, whose scripts come from the package
vl-convert. Numbers are kept as float64, to the last digit of the files.
"""

import base64
import json
import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from html import escape
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from ..core import (
    Seal,
    TivaxError,
    basis_of,
    cache_folder,
    local_path,
    output_file,
    require_apart,
    require_file_place,
    require_no_folder,
    tivax_version,
)
from ..reporting import COLOURS, DEFICIT, SURPLUS
from ..tables import REST, country_name
from .collect import Collected, Measure, collect_results, result_folders
from .tiles import tile_map

_SCRIPTS_SEAL = Seal("explore", "\n// SHA-256 of all above: ")
_SCRIPTS = ("data.js", "state.js", "charts.js", "views.js", "page.js")
_SEAL = Seal(
    "explore", "<!-- written by tivax explore, SHA-256 of all above: ", " -->\n"
)
_ENDINGS = (".html", ".htm")  # that a browser opens
# By which economies are ordered: the first measure that is there.
_SIZES = ("va_exports", "EXGR", "gross_exports", "FFD_DVA", "VALU")


def explore(
    results: Path | str | Sequence[Path | str],
    out: Path | str,
    *,
    only: Sequence[str] = (),
    force: bool = False,
) -> Path:
    """Write a page of interactive charts of results, which opens in any browser.

    The page is one HTML file that needs no server and no network.

    Parameters
    ----------
    results
        One or more folders of `tivax tbi`, `indicators`, `decompose` or `demo`.
    out
        The file to write, such as ``explorer.html``; its name ends in .html.
    only
        Codes of the measures to show, such as ``["tbi", "EXGR"]``; else all.
    force
        Replace an older page.

    Returns
    -------
    Path
        The page that was written.

    Raises
    ------
    TivaxError
        ``out`` exists, does not end in .html, lies in one of the folders or cannot be
        written; a folder is missing, holds no such result or a damaged one; no measure
        has such a code.

    Examples
    --------
    >>> tx.explore(["results"], "explorer.html")
    PosixPath('explorer.html')
    """
    given = results if isinstance(results, list | tuple) else [results]
    folders = list(dict.fromkeys(local_path("results", k) for k in given))
    if not folders:
        raise TivaxError("name a folder of results of tivax tbi or tivax indicators")
    path = local_path("out", out)
    require_page_place(path, folders, force=force)
    collected = collect_results(result_folders(folders), list(only))
    _say_what_is_odd(path, collected)
    text = explorer_html(
        collected, path.parent, next(filter(None, map(basis_of, folders)), "")
    )
    with output_file(path, _SEAL, force=force) as part:
        part.write_text(f"{text}{_SEAL.blank}", encoding="utf-8", newline="")
    return path


def require_page_place(path: Path, results: Sequence[Path], *, force: bool) -> None:
    """Raise ``TivaxError`` unless the page can be written to ``path``.

    With ``force`` it may replace an older page that nobody has changed, and nothing
    else.
    """
    require_no_folder(path)
    require_apart({"output": path}, results)
    if path.suffix.lower() not in _ENDINGS:
        raise TivaxError(
            f"output {path}: a page of HTML; end its name in .html", argument="output"
        )
    require_file_place(path, _SEAL, force=force)


# Of base64, which the numbers of a page are in; and bytes of its scripts.
_ENCODED, _SCRIPT_BYTES = 4 / 3, 900_000
# Above the first a page is slow to open and to send; a browser holds a text of 512 MB.
_LARGE, _LARGEST = 8e6, 400e6


def _say_what_is_odd(path: Path, collected: Collected) -> None:
    """Say that a page will be large, or shows results that nothing vouches for."""
    log = logging.getLogger("tivax")
    size = _SCRIPT_BYTES + _ENCODED * collected.bytes
    told = f"{path}: a page of about {size / 1e6:,.0f} MB"
    if size > _LARGEST:
        raise TivaxError(
            f"{told}, and browsers open none above {_LARGEST / 1e6:,.0f} MB; choose "
            "measures by --only, or compute fewer years"
        )
    if size > _LARGE:
        log.warning("%s, which opens slowly; --only makes it smaller", told)
    for name in collected.unrecorded:
        log.warning("%s: %s", name, _UNRECORDED)


_UNRECORDED = (
    "no manifest.json with checksums lies beside its tables, so that nothing shows "
    "whether they are as tivax wrote them"
)


def explorer_html(collected: Collected, place: Path, basis: str = "") -> str:
    """The page as text. ``place`` is the folder it goes to, for links to the files;
    ``basis`` what results must say of their tables."""
    return Template(_installed("page.html")).substitute(
        title=escape(_title(collected)),
        style=_installed("page.css"),
        vega=_vega(),
        # Labels may hold any text, also one that would end the script of HTML.
        data=json.dumps(page_data(collected, place)).replace("<", "\\u003c"),
        script="\n".join(_installed(name) for name in _SCRIPTS),
        version=escape(tivax_version()),
        basis=escape(f"{basis}. " if basis else ""),
        unrecorded="".join(
            f"<p>{escape(name)}: {_UNRECORDED}.</p>\n" for name in collected.unrecorded
        ),
    )


def page_data(collected: Collected, place: Path) -> dict[str, Any]:
    """Data that the scripts of the page read."""
    order = _by_size(collected)
    tiles = tile_map([collected.regions[k] for k in order])
    return {
        "years": list(collected.years),
        "regions": [
            {
                "code": (code := collected.regions[k]),
                "name": country_name(code),
                "tile": tiles[code],
                "rest": code == REST,
            }
            for k in order
        ],
        "measures": [_measure_data(k, order, place) for k in collected.measures],
        "colours": COLOURS,
        "deficit": DEFICIT,
        "surplus": SURPLUS,
    }


def _measure_data(measure: Measure, order: list[int], place: Path) -> dict[str, Any]:
    def text(values: np.ndarray | None) -> str | None:
        if values is None:
            return None
        for axis in range(1, values.ndim):
            values = values.take(order, axis)
        return base64.b64encode(values.astype("<f8").tobytes()).decode()

    return {
        "code": measure.code,
        "title": measure.title,
        "unit": measure.unit,
        "group": measure.group,
        "file": Path(os.path.relpath(measure.file, place)).as_posix(),
        "signed": measure.signed,
        "pairs": measure.by_partner,
        "values": text(measure.values),
        "low": text(measure.low),
        "high": text(measure.high),
    }


def _by_size(collected: Collected) -> list[int]:
    """Positions of the regions, the largest first; as they come without a size."""
    wide = {k.code: k.values for k in collected.measures if not k.by_partner}
    size = next((wide[k] for k in _SIZES if k in wide), None)
    if size is None:
        return list(range(len(collected.regions)))
    largest = np.where(np.isnan(size), -np.inf, size).max(axis=0)
    return np.argsort(-largest, kind="stable").tolist()


def _title(collected: Collected) -> str:
    groups = list(dict.fromkeys(k.group for k in collected.measures))
    first, last = collected.years[0], collected.years[-1]
    years = f"{first}" if first == last else f"{first}\N{EN DASH}{last}"
    return f"{', '.join(groups)}, {years}"


def _installed(name: str) -> str:
    return files(__package__ or "").joinpath(name).read_text(encoding="utf-8")


@cache
def _vega() -> str:
    """The scripts of Vega-Lite and what it needs.

    Bundling them takes three seconds, so they are kept in the user's cache folder,
    which nobody else may write to; a file that has changed is made again.
    """
    folder, known = cache_folder(), version("vl-convert-python")
    kept = folder / f"vega-{known}.js" if folder else None
    if kept and kept.is_file() and _SCRIPTS_SEAL.fits(kept):
        return kept.read_text(encoding="utf-8")[: -len(_SCRIPTS_SEAL.blank)]
    from vl_convert import javascript_bundle

    text = javascript_bundle("window.vegaEmbed = vegaEmbed;")
    if kept:
        with suppress(OSError, TivaxError):  # a folder that cannot be written
            kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            kept.unlink(missing_ok=True)
            with output_file(kept, _SCRIPTS_SEAL, force=True) as part:
                content = f"{text}{_SCRIPTS_SEAL.blank}"
                part.write_text(content, encoding="utf-8", newline="")
    return text
