"""World tables and the index of the real data folder; editions are in the paper's curve."""

from dataclasses import replace

import pandas as pd
import pytest

from tivax.engine.panel.further_data import FurtherData

from helpers import paper_files, paper_panel

pytestmark = pytest.mark.shared


def test_without_tables_there_is_nothing_to_read(shared):
    files = paper_files(shared)
    assert FurtherData(replace(files, tables=None)).world_tables() is None
    assert FurtherData(replace(files, tables=None)).table_files == []
    later = FurtherData(replace(files, years=(2012, 2014)))
    assert later.world_tables() is None and later.table_files == []
    used = FurtherData(replace(files, years=(2010, 2014))).table_files
    assert [path.name for path in used] == ["wiot_2010.RData", "wiot_2011.RData"]


def test_the_first_option_of_each_choice_is_the_panel_itself(shared):
    further, frame = FurtherData(paper_files(shared)), paper_panel(shared).frame
    own = {name: options[0] for name, options in further.options.items()}
    columns = further.columns(own)
    keys = pd.MultiIndex.from_frame(frame[["iso3", "year"]])
    for name in columns:
        assert (columns[name].reindex(keys).to_numpy() == frame[name]).all(), name
    index = further.index_of_file()
    assert index is not None and (index.reindex(keys).to_numpy() == frame["TBI"]).all()
