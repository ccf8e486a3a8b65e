import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tivax.engine.files import TableFile, text_tables
from tivax.engine.files.text_tables import read_text_table

from helpers import error_of


def table(folder, text, name="t.txt", **options):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_text_table(TableFile(path), **options)


def refusal(folder, text, **options):
    message = error_of(table, folder, text, **options)
    assert message.startswith("t.txt: ")
    return message


def test_labels_and_numbers_of_a_small_table(tmp_path):
    read = table(tmp_path, "\ta\tb\nr\t1\t2.5\ns\t-3e2\t0\n", header=1, labels=1)
    assert read.header == [["a", "b"]]
    assert read.labels == [["r", "s"]]
    assert_array_equal(read.values, [[1, 2.5], [-300, 0]])


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "\n", "\n\n"])
def test_the_ends_of_lines_and_of_the_file_do_not_matter(tmp_path, end, last):
    text = ("1,2\n3,4" + last).replace("\n", end)
    assert_array_equal(table(tmp_path, text, separator=",").values, [[1, 2], [3, 4]])


def test_quotes_and_a_byte_order_mark_are_taken_off_the_labels(tmp_path):
    text = b'\xef\xbb\xbf"rowLabels","AT_A01"\n"AT_A01",7\n'
    read = table(tmp_path, text, header=1, labels=1, separator=",")
    assert (read.header, read.labels) == ([["AT_A01"]], [["AT_A01"]])


@pytest.mark.parametrize("names", ["", "region\tsector\t\t\n"])
def test_a_line_that_names_the_labels_is_passed_over(tmp_path, names):
    text = f"region\t\tAT\tAT\nsector\t\ta\tb\n{names}AT\ta\t1\t2\n"
    read = table(tmp_path, text, header=2, labels=2)
    assert read.header == [["AT", "AT"], ["a", "b"]]
    assert read.labels == [["AT"], ["a"]]
    assert_array_equal(read.values, [[1, 2]])


def test_every_number_is_read_as_python_prints_it(tmp_path):
    """The shortest text that gives the number back, of numbers of every size."""
    rng = np.random.default_rng(0)
    values = rng.lognormal(0, 30, size=(40, 50)) * rng.choice([-1, 1], size=(40, 50))
    text = "\n".join("\t".join(map(repr, row)) for row in values.tolist())
    assert_array_equal(table(tmp_path, text).values, values)


def test_blocks_of_rows_come_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr(text_tables, "_BLOCK", 25)
    values = np.arange(60.0).reshape(20, 3)
    text = "\n".join(
        f"r{k}\t" + "\t".join(map(repr, row)) for k, row in enumerate(values.tolist())
    )
    read = table(tmp_path, text, labels=1)
    assert read.labels[0] == [f"r{k}" for k in range(20)]
    assert_array_equal(read.values, values)


def test_only_the_first_rows_are_read_when_asked_for(tmp_path):
    """What stands below may be anything."""
    text = "1\t2\n3\t4\nx\ty\n"
    assert_array_equal(table(tmp_path, text, rows=2).values, [[1, 2], [3, 4]])


def test_a_blank_cell_becomes_nan(tmp_path):
    assert_array_equal(table(tmp_path, "1\t\n3\t4\n").values, [[1, np.nan], [3, 4]])


def test_a_blank_cell_holds_what_is_asked_for(tmp_path):
    """But text that says there is no number is text."""
    read = table(tmp_path, "1\t\n\t4\n", blank=0.0)
    assert_array_equal(read.values, [[1, 0], [0, 4]])
    assert "a cell holds 'NA', not a number" in refusal(tmp_path, "1\tNA\n", blank=0.0)


def test_a_line_cut_short_is_named(tmp_path):
    message = refusal(tmp_path, "1\t2\t3\n4\t5\t6\n7\t8\n")
    assert "line 3 has 2 cells, line 1 has 3" in message
    assert "get it again" in message
