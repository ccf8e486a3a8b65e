"""The page: measures, scripts and styles in one HTML file that loads nothing.

Charts are drawn in the browser by Vega-Lite, whose scripts come from the package
vl-convert. Numbers are kept as float64, to the last digit of the files.
"""

import base64
import json
import logging
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from html import escape
from importlib.metadata import version
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from string import Template
from typing import Any, get_args

import numpy as np

from ..core import (
    Seal,
    TivaxError,
    billions,
    cache_folder,
    load_toml,
    local_path,
    output_file,
    require_apart,
    require_choice,
    require_file_place,
    require_no_folder,
    tivax_version,
)
from ..figures import LARGE_ECONOMIES, tile_map
from ..measures import EVERY_PARTNER, term_symbols
from ..reporting import COLOURS, DEFICIT, SURPLUS, Language, translated
from ..tables import REST, country_name
from .collect import Collected, Measure, collect_results, result_folders
from .series import REGION_COLUMNS, ResultTable, label_columns, number_columns

_SCRIPTS_SEAL = Seal("explore", "\n// SHA-256 of all above: ")
_SCRIPTS = tuple(
    f"{k}.js"
    for k in "data state charts flows views scatter tables picture reach page".split()
)
_SEAL = Seal(
    "explore", "<!-- written by tivax explore, SHA-256 of all above: ", " -->\n"
)
_DIVERGING = ("#b2182b", "#2166ac")  # of RdBu, the maps of figures
_ENDINGS = (".html", ".htm")  # that a browser opens
_MANY = 10_000  # from which a larger unit is shown
# By which economies are ordered: the first measure that is there.
_SIZES = ("va_exports", "EXGR", "gross_exports", "FFD_DVA", "VALU", "value_added")


def can_explore() -> bool:
    """True where vl-convert is installed, which has the scripts of a page."""
    return find_spec("vl_convert") is not None


def explore(
    results: Path | str | Sequence[Path | str],
    out: Path | str,
    *,
    only: Sequence[str] = (),
    language: str = "en",
    force: bool = False,
) -> Path:
    """Write a page of interactive charts of results, which opens in any browser.

    The page is one HTML file that needs no server and no network.

    Parameters
    ----------
    results
        One or more folders of results, of any command that writes tables.
    out
        The file to write, such as ``explorer.html``; its name ends in .html.
    only
        Codes of the measures to show, such as ``["tbi", "EXGR"]``, and names of tables;
        else all.
    language
        Of the words of the page, ``"en"`` or ``"zh"``.
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
    require_choice("language", language, get_args(Language))
    path = local_path("out", out)
    require_page_place(path, folders, force=force)
    collected = collect_results(result_folders(folders), list(only))
    _say_what_is_odd(path, collected)
    text = explorer_html(collected, path.parent, language)
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
# Above the first a page is slow to send; a browser holds a text of 512 MB.
_LARGE, _LARGEST = 30e6, 400e6


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


def explorer_html(collected: Collected, place: Path, language: str = "en") -> str:
    """The page as text. ``place`` is the folder it goes to, for links to the files."""
    data, blocks = page_data(collected, place, language)
    words = data["words"]
    return Template(_installed("page.html")).substitute(
        language="zh-CN" if language == "zh" else "en",
        title=escape(_title(collected, words)),
        style=_installed("page.css"),
        vega=_vega(),
        # Labels may hold any text, also one that would end the script of HTML.
        data=json.dumps(data, allow_nan=False).replace("<", "\\u003c"),
        # Each array is a text of its own, which is read when a view first shows it.
        blocks="\n".join(
            f'<script type="text/plain" id="block-{k}">{block}</script>'
            for k, block in enumerate(blocks)
        ),
        script="\n".join(_installed(name) for name in _SCRIPTS),
        version=escape(tivax_version()),
        unrecorded="".join(
            f"<p>{escape(name)}: {_UNRECORDED}.</p>\n" for name in collected.unrecorded
        ),
    )


def page_data(
    collected: Collected, place: Path, language: str = "en"
) -> tuple[dict[str, Any], list[str]]:
    """The data that the scripts of the page read, and its arrays as base64."""
    order = _by_size(collected)
    tiles = tile_map([collected.regions[k] for k in order])
    words = load_toml(__package__ or "", "words.toml") if language == "zh" else {}
    places = {EVERY_PARTNER: "World", **words.get("places", {})}
    said = dict(words.get("words", {}))
    if said:  # titles of measures are those of the reports
        titles = [k.meaning.title for k in collected.measures]
        titles += (name for k in collected.tables for name in k.measures.values())
        for title in titles:  # the name of a variant stays
            known = translated(title, "zh")
            own = title.partition(" (")[0] if re.search("[a-z]{3}", known) else title
            said.setdefault(own, translated(own, "zh"))
    blocks: list[str] = []
    return {
        "years": list(collected.years),
        "regions": [
            {
                "code": (code := collected.regions[k]),
                "name": places.get(code) or country_name(code),
                "tile": tiles[code],
                "rest": code in (REST, EVERY_PARTNER),
            }
            for k in order
        ],
        "names": _region_names(collected.tables, places),
        "sectors": [{"code": k, "name": v} for k, v in collected.sectors.items()],
        "measures": [
            _measure_data(k, order, place, blocks) for k in collected.measures
        ],
        "tables": [
            _table_data(k, place, getattr(collected.origins.get(k.group), "unit", ""))
            for k in collected.tables
        ],
        "newest": collected.newest,
        "origins": {name: vars(k) for name, k in collected.origins.items()},
        "colours": COLOURS,
        "own": {code: k for k, code in enumerate(LARGE_ECONOMIES)},
        "deficit": DEFICIT,
        "surplus": SURPLUS,
        "diverging": _DIVERGING,
        "symbols": term_symbols(),
        "language": language,
        "words": said,
        "version": tivax_version(),
    }, blocks


def _measure_data(
    measure: Measure, order: list[int], place: Path, blocks: list[str]
) -> dict[str, Any]:
    def block(values: np.ndarray | None) -> int | None:
        if values is None:
            return None
        values = values.take(order, 1)
        if measure.side == "partner":
            values = values.take(order, 2)
        blocks.append(base64.b64encode(values.astype("<f8").tobytes()).decode())
        return len(blocks) - 1

    finite = np.isfinite(measure.values)
    there = np.abs(measure.values[finite])
    most, unit = float(there.max(initial=0)), measure.meaning.unit
    with_values = finite.reshape(len(finite), -1).any(axis=1)
    return {
        **vars(measure.meaning),
        "code": measure.code,
        "group": measure.group,
        "file": _path_from(place, measure.file),
        "signed": measure.signed,
        "side": measure.side,
        "years": np.flatnonzero(with_values).tolist(),
        "most": most,
        "scaled": billions(unit, most) if most >= _MANY else (unit, 1),
        "values": block(measure.values),
        "low": block(measure.low),
        "high": block(measure.high),
    }


def _table_data(table: ResultTable, place: Path, unit: str) -> dict[str, Any]:
    frame = table.frame
    most = float(frame["value"].abs().max()) if "factor" in frame else 0.0
    of = unit if unit not in ("", "1") else "ratio"
    labels, numbers = label_columns(frame), number_columns(frame)
    return {
        "code": table.code,
        "title": table.title,
        "group": table.group,
        "file": _path_from(place, table.file),
        "labels": labels,
        "numbers": numbers,
        "titles": dict(zip(frame, table.titles, strict=True)),
        "measures": table.measures,
        "scaled": billions(unit, most) if most >= _MANY else (of, 1),
        "columns": {
            name: [k if np.isfinite(k) else None for k in frame[name].tolist()]
            if frame[name].dtype == "float64"
            else frame[name].astype(str).tolist()
            for name in map(str, frame)
        },
    }


def _region_names(
    tables: Sequence[ResultTable], places: dict[str, str]
) -> dict[str, str]:
    """Names of the codes of countries that tables have."""
    columns = [k.frame[c] for k in tables for c in REGION_COLUMNS if c in k.frame]
    codes = {str(code) for column in columns for code in column.unique()}
    named = {k: places.get(k) or country_name(k) for k in sorted(codes)}
    return {k: name for k, name in named.items() if k != name}


def _path_from(place: Path, file: Path) -> str:
    return Path(os.path.relpath(file, place)).as_posix()


def _by_size(collected: Collected) -> list[int]:
    """Positions of the regions, the largest first: by the first measure without a
    size."""
    wide = {k.code: k.values for k in collected.measures if not k.side}
    if not wide:
        return list(range(len(collected.regions)))
    sizes = (v for name in _SIZES for k, v in wide.items() if name in k.split("/"))
    size = next(sizes, np.abs([*wide.values()][0]))
    largest = np.where(np.isnan(size), -np.inf, size).max(axis=0)
    return np.argsort(-largest, kind="stable").tolist()


def _title(collected: Collected, words: Mapping[str, str]) -> str:
    """The databases and the years; of results without a database the folders."""
    shown = [k.group for k in (*collected.measures, *collected.tables)]
    origins = [collected.origins.get(k) for k in dict.fromkeys(shown)]
    databases = [k.title for k in origins if k and k.citation]
    names = [words.get(k, k) for k in dict.fromkeys(databases or shown)]
    if not collected.years:
        return "; ".join(names)
    first, last = collected.years[0], collected.years[-1]
    years = f"{first}" if first == last else f"{first}\N{EN DASH}{last}"
    return f"{'; '.join(names)}, {years}"


def _installed(name: str) -> str:
    return files(__package__ or "").joinpath(name).read_text(encoding="utf-8")


@cache
def _vega() -> str:
    """The scripts of Vega-Lite and what it needs.

    Bundling them takes three seconds, so they are kept in the user's cache folder,
    which nobody else may write to; a file that has changed is made again.
    """
    if not can_explore():
        raise TivaxError("the explorer needs vl-convert: pip install vl-convert-python")
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
