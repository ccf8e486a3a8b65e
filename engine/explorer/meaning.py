"""Titles, units, definitions and groups of measures, in words.

From outputs.toml, and of indicators and terms from the tables of the measures; what
traces value added has the unit that the manifest tells.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..core import column_title, columns_of, output_title
from ..measures import (
    INDICATORS,
    METHODS,
    account_of,
    indicator_facts,
    term_facts,
)
from ..reporting import label, measure_name, of_account, variant_in_words
from ..sources import SOURCES, source_facts


@dataclass(frozen=True)
class Meaning:
    """The words about a measure.

    ``signed``: either sign has a meaning of its own; None: numbers must tell.
    ``formula`` is in the symbols of the page terms.md; ``heading`` that of the measure
    in lists; ``part`` the part of a whole to which a term adds, or "".
    """

    title: str
    unit: str = ""
    signed: bool | None = None
    definition: str = ""
    formula: str = ""
    heading: str = ""
    part: str = ""


def meaning_of(
    command: str,
    table: str,
    column: str,
    labels: Mapping[str, str],
    manifest: Mapping[str, Any],
) -> Meaning:
    """The words about a column of a table, in the rows with these labels."""
    account = labels.get("account", "")
    if "indicator" in labels:
        found = _indicator(labels["indicator"], account, manifest)
    elif command == "decompose":
        found = _term(labels.get("term", column), account, manifest)
    else:
        found = _column(command, table, column, labels, manifest)
    return named_by_account(found, labels, manifest)


def named_by_account(
    found: Meaning, labels: Mapping[str, str], manifest: Mapping[str, Any]
) -> Meaning:
    """The words with the satellite account in place of value added; of several accounts
    each measure is named."""
    account = labels.get("account", "")
    of = account or account_of(manifest)
    parts = ("title", "definition", "heading")
    words = {k: of_account(getattr(found, k), of) for k in parts}
    if account and words["title"] == found.title:
        words["title"] = f"{account}: {found.title}"
    return replace(found, **words)


def _indicator(name: str, account: str, manifest: Mapping[str, Any]) -> Meaning:
    units = manifest.get("units", {})
    units = units.get(account, units) if account else units
    known, facts = INDICATORS.get(name), indicator_facts().get(name, {})
    if known is None:
        return Meaning(name, str(units.get(name, "")), False, heading="indicators")
    source = facts["source"]
    return Meaning(
        known.title,
        str(units.get(name, known.unit)),
        known.bounds[0] < 0,
        formula=facts["formula"],
        definition=facts.get("means", ""),
        heading=f"indicators: {source}",
    )


def _term(name: str, account: str, manifest: Mapping[str, Any]) -> Meaning:
    chosen = str(manifest.get("method"))
    unit = _unit(manifest, account)
    if (method := METHODS.get(chosen)) is None:
        return Meaning(name, unit, False, heading="terms of a decomposition")
    facts = {**term_facts(chosen), **term_facts(chosen, "details")}.get(name, {})
    parts = (part for part, terms in method.shown.items() if name in terms)
    return Meaning(
        method.terms.get(name, facts.get("text", name)),
        unit,
        False,
        formula=facts.get("formula", ""),
        definition=f"A term of: {method.title} ({method.source}).",
        heading=method.title,
        part=next(parts, ""),
    )


def _column(
    command: str,
    table: str,
    column: str,
    labels: Mapping[str, str],
    manifest: Mapping[str, Any],
) -> Meaning:
    known = columns_of(command)
    # A long table tells in a column which measure the row is of.
    measure = labels.get("measure", "")
    about = known.get(measure or column)
    if measure:
        about = about or columns_of("tbi").get(measure)
        title = about.title if about else measure_name(measure)
        title += "" if column in ("value", "after") else f", {column}"
    else:
        title = label(column_title(column, known)).replace("\n", " ")
    title, _, more = title.partition(": ")
    others = {k: v for k, v in labels.items() if k not in ("account", "measure")}
    if others:
        if "variant" in others:
            others["variant"] = variant_in_words(others["variant"])
        title += f" ({', '.join(others.values())})"
    account = labels.get("account", "")
    unit = "%" if column == "percent" else about.unit if about else ""
    traced = _unit(manifest, account)
    plain = "" if account_of(manifest) else traced
    gross = _unit(manifest, account, "gross_unit") or plain
    if unit in ("value added", "tables"):
        unit = traced if unit == "value added" else gross
    elif column == "vax_ratio" and account_of(manifest):
        unit = f"{traced} per {gross}"
    means = about.means if about else ""
    definition = means or (f"{more[:1].upper()}{more[1:]}." if more else "")
    signed = about.signed if about and about.unit and not measure else None
    heading = output_title(command, table).removesuffix(" by region and year")
    return Meaning(title, unit, signed, definition, "", heading)


def _unit(
    manifest: Mapping[str, Any], account: str, name: str = "value_added_unit"
) -> str:
    """The unit of value added, or of the satellite account of that name."""
    for one in manifest.get("accounts", [manifest]):
        if account in ("", one.get("value_added")):
            return str(one.get(name, one.get("unit", "")))
    return ""


@dataclass(frozen=True)
class Origin:
    """The database and the command of a result: for the line under a chart."""

    title: str
    citation: str
    command: str
    basis: str
    errors: str
    account: str = ""
    unit: str = ""


def origin_of(manifest: Mapping[str, Any], name: str) -> Origin:
    """The database of a result, what to cite, and the errors of its bands.

    Without a database in the manifest the title is the name of the folder.
    """
    databases = [str(k.get("source", "")) for k in manifest.get("inputs", [])]
    facts = [source_facts()[k] for k in dict.fromkeys(databases) if k in SOURCES]
    rebuilt = [k for k in databases if k.startswith("rebuilt")]
    if rebuilt and not facts:
        facts = [source_facts()["wiod2016-national"]]
    titles = "; ".join(str(k["title"]) for k in facts)
    errors = manifest.get("error") or []  # null where elasticities alone have any
    kinds = [str(k.get("kind", "")) for k in errors if isinstance(k, dict)]
    return Origin(
        title=titles or name,
        citation=" ".join(str(k["citation"]) for k in facts),
        command=str(manifest.get("command", "")),
        basis=str(manifest.get("basis", "")),
        errors=", ".join(dict.fromkeys(filter(None, kinds))),
        account=account_of(manifest),
        unit=str(manifest.get("unit", "")),
    )
