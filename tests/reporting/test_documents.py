"""Documents: reports as they are written, with holes that results fill."""

import pandas as pd
import pytest

from tivax.engine.reporting import (
    Document,
    Figure,
    Formula,
    Heading,
    Points,
    Table,
    Text,
)

REPORT = """\
# size: How large is {what}?

A paragraph
that is wrapped, {size:.1f} in all.{more}

{nothing}

## Parts of {what}

- {parts}
- the last of {what},
  wrapped too
- {nothing}

$ index

[shares] The shares
of {what}.

[extra]

[map] A map.

[chart?] A chart.

# part:

Only {size:.0f}.
"""


@pytest.fixture
def report(tmp_path) -> Document:
    (tmp_path / "report.md").write_text(REPORT, encoding="utf-8")
    return Document(tmp_path / "report.md")


GIVEN = {"what": "trade", "size": 2.25, "more": "", "nothing": "", "extra": []}


def test_a_section_is_its_text_with_what_is_given(report):
    frame, drawn = pd.DataFrame({"share": [0.5]}), object()
    found = report.section(
        "size",
        {"map": drawn},
        **GIVEN | {"more": " Done.", "extra": [Text("own")]},
        parts=["one", "two"],
        shares=Table(frame, formats={"share": ".2f"}, number="Table 3"),
    )
    assert found.title == "How large is trade?"
    text, heading, points, formula, table, own, figure = found.blocks
    assert text == Text("A paragraph that is wrapped, 2.2 in all. Done.")
    assert heading == Heading("Parts of trade") and formula == Formula("index")
    assert points == Points(["one", "two", "the last of trade, wrapped too"])
    assert isinstance(table, Table) and table.frame is frame
    assert (table.caption, table.number) == ("The shares of trade.", "Table 3")
    assert own == Text("own")
    assert isinstance(figure, Figure) and figure.figure is drawn
    assert figure.caption == "A map."


def test_a_figure_that_may_miss_is_shown_where_it_is(report):
    figures = {"map": object(), "chart": object()}
    shares = Table(pd.DataFrame())
    last = report.blocks("size", figures, **GIVEN, parts=[], shares=shares)[-1]
    assert isinstance(last, Figure) and last.caption == "A chart."


def test_what_a_document_names_must_be_given(report):
    with pytest.raises(KeyError, match="map"):
        report.section("size", **GIVEN, parts=[], shares=Table(pd.DataFrame()))
    with pytest.raises(KeyError, match="size"):
        report.section("part")


def test_a_part_has_no_title(report):
    found = report.section("part", size=1.0)
    assert (found.title, found.blocks) == ("", [Text("Only 1.")])
