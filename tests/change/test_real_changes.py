"""China's index from 2000 to 2008: the figures that the documentation prints."""

import re
from pathlib import Path

import pytest

import tivax as tx
from tivax.engine import stack_years
from tivax.engine.sources.catalogue import get_source

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "why-it-changed.md"


@pytest.mark.shared
def test_the_page_prints_what_wiod_2013_gives(shared):
    source = get_source("wiod2013")
    files = source.find([shared / "data" / "wiod2013"])
    world = stack_years(
        [k for file in files if file.year in (2000, 2008) for k in source.read(file)]
    )
    # Eight points leave a remainder of 1e-9, far below the third decimal.
    found = tx.change(world, "tbi", region="CHN", polar=False, nodes=8)
    assert found.remainder < 1e-7
    table = found.table.set_index("factor")
    number = r"([−\d.]+)"
    rows = re.findall(
        rf"^\| ([a-z -]+) \| {number} \| {number} \| {number} \|",
        PAGE.read_text(),
        re.M,
    )
    assert [name for name, *_ in rows] == [*table.index, "change"]
    for name, *printed in rows[:-1]:
        told = [float(k.replace("−", "-")) for k in printed]
        wanted = table[["value", "home", "abroad"]].loc[[name]].to_numpy(float)[0]
        assert told == pytest.approx(wanted.tolist(), abs=5.01e-4)
    ends = found.values.iloc[0]
    told = (
        f"rose by {ends['change']:.3f}, from {ends['start']:.3f} to {ends['end']:.3f}"
    )
    assert told in PAGE.read_text()
