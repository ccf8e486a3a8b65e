"""The judge of ``scripts/fuzz``: what it lets pass as undetectable, and what not."""

from dataclasses import replace

import numpy as np
import pytest

from tivax.engine.core.errors import TivaxError

import fuzzing
import published_forms
from source_files import small_table


def table():
    return small_table(2000, ("a", "b"))


def judged(source, once=False, **changes):
    return fuzzing.judge_tables(source, once, [table()], [replace(table(), **changes)])


def moved(name, by, at=0):
    values = getattr(table(), name).copy()
    values.reshape(-1)[at] += by
    return {name: values}


def test_numbers_pass_only_where_the_row_still_adds_up():
    assert judged("oecd", **moved("Z", 0.5)) == "cells that balance"
    assert judged("oecd", **moved("Z", 500)) is None
    assert judged("eora", **moved("Z", 0.5)) == "sum of the row"
    assert judged("oecd", **moved("value_added", 1e6)) == "value added"
    assert judged("oecd", **moved("value_added", 1), **moved("Z", 0.1)) is None


def test_labels_pass_only_where_the_file_holds_them_once_and_one_has_changed():
    one, two = ("AUT", "ROU", "ROW"), ("AUT", "ROM", "ROW")
    assert judged("wiod2013", True, regions=one) == "label held once"
    assert judged("oecd", False, regions=one) is None
    assert judged("wiod2013", True, regions=two) is None
    assert judged("wiod2013", True, regions=one, sectors=("c1", "c3")) is None
    assert judged("wiod2013", True, year=2001) is None


def test_another_order_of_regions_is_the_same_table():
    moved = small_table(2000, ("a", "b"), regions=("ROW", "AUS", "ROU"))
    back = fuzzing.in_order(moved, table())
    assert fuzzing.equal([moved], [back])
    assert back.regions == table().regions
    assert back.Z[4, 0] == moved.Z[0, 2] and back.x[0] == moved.x[2]
    assert back.Y[1, 2, 0] == moved.Y[3, 0, 0]
    assert not fuzzing.equal([table()], [moved])


def test_another_list_of_names_passes_for_icio_alone():
    other = fuzzing.lf.icio_world()
    fewer = {"regions": ("AUS", "ROU"), "sectors": ("S1", "S2", "S3")}
    found = [replace(other, **fewer, Y=other.Y.reshape(6, 2, -1))]
    assert fuzzing.judge_tables("icio", True, [other], found) == "list of names"
    assert fuzzing.judge_tables("long", True, [other], found) is None


def test_thousands_are_quoted_in_numbers_alone():
    rng, text = np.random.default_rng(0), b"a,1234.5,-12345,EM_2015,12\n"
    every = {fuzzing.quote_thousands(rng, text) for _ in range(20)}
    assert b'a,"1,234.5","-12,345",EM_2015,12\n' in every
    assert b'a,"1,234.5",-12345,EM_2015,12\n' in every


def test_an_input_that_is_misread_undamaged_is_no_case(tmp_path, monkeypatch):
    one = replace(fuzzing.coded_icio(), holds=[table()])
    monkeypatch.setattr(fuzzing, "INPUTS", [one])
    with pytest.raises(AssertionError, match="undamaged is misread"):
        fuzzing.Bench(tmp_path).case(1, 0)


def test_columns_of_a_country_year_file_that_have_moved_do_not_pass():
    frame = fuzzing.pf.long_wgi_of(published_forms.COUNTRIES).drop(columns="indicator")
    number, row, shifted = frame.copy(), frame.iloc[1:], frame.copy()
    number.loc[3, "estimate"] = 9.0
    shifted["estimate"] = np.roll(frame["estimate"], 1)
    assert fuzzing.judge_frames(frame, number) == "country-year number"
    assert fuzzing.judge_frames(frame, row) == "country-year rows"
    assert fuzzing.judge_frames(frame, shifted) is None


def test_of_a_store_nothing_passes(tmp_path):
    (store, *_) = (one for one in fuzzing.INPUTS if one.reader == "store")
    assert store.judge(None, None) is None


@pytest.mark.parametrize(
    "error, outcome",
    [
        (TivaxError("one line"), "refused"),
        (KeyError("a traceback"), "violation"),
        (MemoryError(), "violation"),
    ],
)
def test_only_errors_of_one_line_are_refusals(tmp_path, error, outcome):
    def read(folder):
        raise error

    one = replace(fuzzing.INPUTS[0], read=read)
    assert fuzzing.Bench(tmp_path)._read(one, tmp_path, None)[0] == outcome


def test_a_case_is_the_same_whenever_it_is_run(tmp_path):
    cases = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        bench = fuzzing.Bench(tmp_path / name)
        told = bench.case(7, len(fuzzing.INPUTS) - 1)
        cases.append((told["did"], told["outcome"]))
    assert cases[0] == cases[1]
