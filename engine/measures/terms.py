"""The page terms.md: terms and indicators with formula, paper, names elsewhere.

``python -m tivax.engine.measures.terms`` writes it.
"""

from collections.abc import Mapping
from pathlib import Path

from ..core import load_toml
from .indicator_table import indicator_facts
from .methods import method_facts, term_facts

PAGE = Path(__file__).with_name("terms.md")


def terms_page() -> str:
    """The page in Markdown."""
    text = load_toml(__package__, "terms.toml")
    parts = [text["symbols"]]
    for name, facts in method_facts().items():
        parts.append(f"## {facts['title']} (`{name}`)")
        parts.append(" ".join([f"{facts['source']}.", facts.get("note", "")]).strip())
        terms = term_facts(name)
        inherited = facts.get("as_bm_source", [])
        if inherited:
            same = [term for term in inherited if term not in facts.get("terms", {})]
            parts.append(f"As in `bm-source`: {', '.join(same)}.")
            terms = {term: terms[term] for term in facts.get("terms", {})}
        if terms:
            parts.append(_table("term", terms))
        if "details" in facts:
            parts += [text["details"], _table("term", term_facts(name, "details"))]
    indicators = {
        name: {
            "text": facts["title"],
            "unit": facts.get("unit", ""),
            "formula": facts["formula"],
            "sector of": facts.get("sector_of", ""),
            "source": facts["source"],
            "elsewhere": facts.get("elsewhere", ""),
        }
        for name, facts in indicator_facts().items()
    }
    parts += [text["indicators"], _table("indicator", indicators), text["other"]]
    return "\n\n".join(parts) + "\n"


def term_symbols() -> str:
    """The symbols of formulas of terms and indicators, a line each."""
    text = load_toml(__package__, "terms.toml")["symbols"]
    return "\n".join(k.strip() for k in text.splitlines() if k.startswith("    "))


def _table(first: str, rows: Mapping[str, Mapping[str, str]]) -> str:
    """A table with a column for each key of the rows."""
    keys = list(dict.fromkeys(key for row in rows.values() for key in row))
    lines = [
        [first, *("what it is" if key == "text" else key for key in keys)],
        ["---"] * (1 + len(keys)),
        *([name, *(row.get(key, "") for key in keys)] for name, row in rows.items()),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    PAGE.write_text(terms_page(), encoding="utf-8")
