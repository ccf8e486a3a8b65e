"""The page of terms is generated from the tables that the program uses."""

from tivax.engine.measures.indicator_table import INDICATORS
from tivax.engine.measures.methods import IN_DETAIL, METHODS
from tivax.engine.measures.terms import PAGE, terms_page


def test_the_page_is_that_of_the_tables():
    written = PAGE.read_text(encoding="utf-8")
    assert written == terms_page(), "run python -m tivax.engine.measures.terms"


def test_tables_of_terms_have_no_empty_heading():
    lines = terms_page().splitlines()
    heads = [k for k, rule in zip(lines, lines[1:], strict=False) if "| ---" in rule]
    cells = [cell.strip() for head in heads for cell in head.strip("| ").split("|")]
    assert len(heads) > 3 and all(cells)


def test_every_method_term_and_indicator_is_explained():
    page = terms_page()
    assert [name for name in METHODS if f"(`{name}`)" not in page] == []
    words = set(page.replace(",", " ").replace(".", " ").split())
    every = [*METHODS.values(), *IN_DETAIL.values()]
    names = [term for method in every for term in method.terms] + list(INDICATORS)
    assert [name for name in names if name not in words] == []
