"""References of methods, databases and tivax: ``references.toml``, BibTeX and text."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from ..core import TivaxError, load_toml, tivax_version

# Fields of BibTeX, in the order in which they are written.
FIELDS = (
    "author", "editor", "title", "journal", "institution", "type", "publisher",
    "edition", "year", "volume", "number", "pages", "note", "doi", "url",
)  # fmt: skip
# Characters that LaTeX takes for commands; titles of references.toml may use quotes.
_ESCAPED = re.compile(r"([&%#_$])")


@dataclass(frozen=True)
class Reference:
    """One work to cite.

    ``fields`` are texts by the name of the BibTeX field; people are lists of names,
    family name first, institutions in braces.
    """

    key: str
    kind: str
    fields: dict[str, Any]
    cited: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()

    @property
    def people(self) -> list[str]:
        return self.fields.get("author") or self.fields.get("editor") or []

    @property
    def short(self) -> str:
        """Family names and year, as in a text: Borin and Mancini (2019)."""
        names = [name.split(",")[0].strip("{}") for name in self.people]
        if names[-1:] == ["others"] or len(names) > _MANY:
            who = f"{names[0]} et al."
        else:
            who = " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
        return f"{who or self.fields['title']} ({self.fields['year']})"

    def to_bibtex(self) -> str:
        """An entry of a .bib file, in UTF-8."""
        lines = [
            f"  {name} = {{{_bibtex_value(name, self.fields[name])}}}"
            for name in FIELDS
            if name in self.fields
        ]
        return f"@{self.kind}{{{self.key},\n" + ",\n".join(lines) + "\n}\n"

    def to_text(self) -> str:
        """An entry of a list of references: one line."""
        f = self.fields
        volume = str(f.get("volume", ""))
        if "journal" in f and "number" in f:
            volume += f"({f['number']})" if volume else f"no. {f['number']}"
        where = [
            f"{f['journal']} {volume}".strip() if "journal" in f else "",
            f.get("institution", ""),
            f"{f['type']} {f.get('number', '')}".strip() if "type" in f else "",
            f.get("publisher", ""),
            f"{f['edition']} edition" if "edition" in f else "",
            f.get("note", ""),
            f"doi:{f['doi']}" if "doi" in f else f.get("url", ""),
        ]
        if "pages" in f:
            where[0] += f": {f['pages']}"
        who = " and ".join(name.strip("{}") for name in self.people)
        title = f["title"].replace("``", "“").replace("''", "”")
        begin = f"{who} ({f['year']}), {title}" if who else f"{title} ({f['year']})"
        return ", ".join([begin, *filter(None, where)]) + "."


_MANY = 4  # names of a short citation


def _bibtex_value(name: str, value: Any) -> str:
    if isinstance(value, list):
        return " and ".join(_ESCAPED.sub(r"\\\1", k) for k in value)
    if name in ("doi", "url"):
        return str(value)
    text = _ESCAPED.sub(r"\\\1", str(value))
    if name == "pages":
        return text.replace("-", "--")
    # Inner braces keep the capitals of a title.
    return f"{{{text}}}" if name == "title" else text


@cache
def references() -> dict[str, Reference]:
    """All works, by key. That of tivax names the installed version."""
    found = {}
    for key, facts in load_toml(__package__, "references.toml").items():
        fields = {name: facts[name] for name in FIELDS if name in facts}
        if "note" in fields:
            fields["note"] = fields["note"].format(version=tivax_version())
        topics, cited = facts.get("for", ()), facts.get("cited", ())
        found[key] = Reference(key, facts["kind"], fields, tuple(cited), tuple(topics))
    return found


def keys_for(topics: Collection[str]) -> list[str]:
    """Works on these commands, schemes and options."""
    return [k for k, one in references().items() if set(one.topics) & set(topics)]


def keys_cited(text: str) -> list[str]:
    """Works that a fact names: "Borin and Mancini 2019, 2023; Los and Timmer 2018".

    Raises ``TivaxError`` for one that references.toml lacks.
    """
    known = {name: k for k, one in references().items() for name in one.cited}
    keys = []
    for part in map(str.strip, text.split(";")):
        match = re.fullmatch(r"(.*?) (\d{4}[a-z]?(?:, \d{4}[a-z]?)*)", part)
        names, years = (match[1], match[2].split(", ")) if match else (part, [])
        for name in [f"{names} {year}" for year in years] or [names]:
            if name in known:
                keys.append(known[name])
            elif years or len(text.split(";")) == 1:
                raise TivaxError(f"references.toml: no work is cited as {name!r}")
    return list(dict.fromkeys(keys))


def select(keys: Iterable[str]) -> list[Reference]:
    """These works, in the order of their keys."""
    return [references()[key] for key in sorted(set(keys))]
