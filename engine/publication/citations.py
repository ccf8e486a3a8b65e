"""Works to cite for a result or a store: its tables, the methods used, and tivax."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .. import measures  # whose kernels load JAX, for decompositions only
from ..core import TivaxError, local_path, read_store_attributes, require_choice
from ..sources import rights_of
from .references import keys_cited, keys_for, select
from .results import StoredResult, find_manifest, input_sources, read_result


def cite(path: str | os.PathLike, format: str = "bibtex") -> str:
    """References of a store or a result: database, methods, tivax.

    ``format`` is ``bibtex``, whose keys stay the same from version to version, or
    ``text``, a line for each work. Sorted by key.

    Parameters
    ----------
    path : path
        A store, a result folder or a panel.
    format : {"bibtex", "text"}
        BibTeX entries, or a line for each work.

    Returns
    -------
    str
        The references, sorted by key.

    Raises
    ------
    TivaxError
        Neither a store nor a result of a command.

    Examples
    --------
    >>> tx.cite("store").splitlines()[0]
    '@misc{tivax,'
    """
    path = local_path("path", path)
    require_choice("format", format, ("bibtex", "text"))
    works = select(keys_of(path))
    if format == "text":
        return "".join(f"{work.to_text()}\n" for work in works)
    return "\n".join(work.to_bibtex() for work in works)


def keys_of(path: Path) -> set[str]:
    """Keys of all works to cite for a store or a result."""
    attributes = read_store_attributes(path)
    if attributes:
        return {"tivax", *database_keys([attributes.get("source", "")])}
    if find_manifest(path) is None:
        raise TivaxError(
            f"{path}: neither a store nor a result of tivax; name a folder that "
            "`tivax import` or another command wrote"
        )
    return result_keys(read_result(path))


def result_keys(result: StoredResult) -> set[str]:
    """Keys of all works to cite for a result."""
    return {"tivax", *database_keys(input_sources(result)), *method_keys(result)}


def database_keys(sources: Iterable[str]) -> set[str]:
    """Keys of databases; none for tables of one's own, unless they are estimated."""
    sources = [*sources]
    known = filter(None, map(rights_of, sources))
    return {*keys_for(sources), *(key for k in known for key in k.references)}


def method_keys(result: StoredResult) -> set[str]:
    """Keys of the works whose measures, decompositions or tests a result holds."""
    manifest = result.manifest
    keys = set(keys_for(_topics(manifest)))
    if "method" in manifest:
        keys |= {*keys_cited(measures.METHODS[manifest["method"]].source)}
    # Of several accounts they are one level deeper; measures of trade have units, too.
    for key, value in (manifest.get("units") or {}).items():
        for name in value if isinstance(value, dict) else [key]:
            if name in measures.INDICATORS:
                keys |= {*keys_cited(measures.INDICATORS[name].source)}
    return keys


def _topics(manifest: Mapping[str, Any]) -> set[str]:
    """Command, scheme and options, as references.toml names them."""
    scheme = manifest.get("scheme") or {}
    topics = {manifest.get("paper", manifest["command"])}
    if scheme:
        chosen = {"wild": "weights", "placebo": "method"}.get(scheme["kind"], "kind")
        topics |= {scheme["kind"], scheme[chosen]}
        if scheme["kind"] == "wild":
            topics.add(f"type {scheme.get('type', '11')}")
    kinds = manifest.get("kind", [])
    topics |= {kinds} if isinstance(kinds, str) else {*kinds}
    topics |= {"markups"} if manifest.get("markups") else set()
    if (manifest.get("net_inventories") or {}).get("categories"):
        topics.add("net inventories")
    return topics
