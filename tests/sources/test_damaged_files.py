"""Raw files that are damaged, endless or made to hurt: one line, and no memory taken."""

import bz2
import gzip
import io
import lzma
import struct
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from tivax.engine.core import limits
from tivax.engine.core.errors import TivaxError
from tivax.engine.explorer.read import read_table as read_results
from tivax.engine.files import TableFile, read_rows, read_words
from tivax.engine.files import opening as fs
from tivax.engine.panel.data_files import read_data_files
from tivax.engine.resampling.run_files import read_panel, read_run_file
from tivax.engine.sources.importing import import_tables
from tivax.engine.sources.panel import bis, wdi, weo
from tivax.engine.sources.satellites import read_satellites
from tivax.engine.tables.aggregation import read_concordance
from tivax.engine.tables.groups import read_groups
from tivax.engine.tables.rules import require_labels
from tivax.engine.tables.world_tables import WorldTables

import mrio_files as mf
import panel_files as pf
from commands import mistake
from helpers import error_of, write_arrays
from source_files import (
    DEMAND_2013,
    r_list,
    read_all,
    refusal,
    small_table,
    write_r_list,
)


@pytest.fixture
def small(monkeypatch):
    """As ``--max-size 0.001``: a file of 1 MiB, a line of 1 KiB, 24 lines."""
    monkeypatch.setattr(limits, "_limit", 1 / 1024)


# ---------------------------------------------------------------- one line, always


def test_a_message_is_one_line_whatever_a_file_put_into_it():
    text = "a\nb\r\nc\td\x1b[31me\x85f\u2028g\ud800h\u00a0i中"
    assert str(TivaxError(text)) == "a b  c d\\x1b[31me f g\\ud800h i中"
    assert str(TivaxError("x " * 2500)) == "x " * 1000 + " ..."
    assert str(TivaxError(f"f: {'x' * 5000} no")) == f"f: {'x' * 60}... no"


@pytest.mark.parametrize(
    "error", [RecursionError(), MemoryError(), UnicodeError("é\nno"), KeyError("k"), BaseException("panic")]
)  # fmt: skip
def test_whatever_a_library_raises_tells_of_the_file(error):
    def parse():
        with fs.parsing(TableFile(Path("data.dta"))):
            raise error

    assert error_of(parse).startswith("data.dta: cannot be read (")


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interruption_is_no_damage(error):
    with pytest.raises(error), fs.parsing(TableFile(Path("data.dta"))):
        raise error


def damage(path: Path, seed: int) -> None:
    """Change three bits of the first thousand bytes, where formats tell their shape."""
    data = bytearray(path.read_bytes())
    rng = np.random.default_rng(seed)
    for _ in range(3):
        data[rng.integers(min(len(data), 1000))] ^= 1 << int(rng.integers(8))
    path.write_bytes(data)


def test_a_damaged_r_file_without_checksums_is_read_or_told(tmp_path):
    path = tmp_path / "wiot_2000.RData"
    write_r_list(path, r_list(small_table(2000, DEMAND_2013)))
    whole, refused = bz2.decompress(path.read_bytes()), 0
    for seed in range(40):
        path.write_bytes(whole)
        damage(path, seed)
        try:
            read_all("wiod2013", path)
        except TivaxError as error:
            assert len(str(error).splitlines()) == 1
            refused += 1
    assert refused > 0


# ------------------------------------------------------------------------ sizes


def test_the_limit_is_that_of_the_call_or_of_the_environment(monkeypatch):
    monkeypatch.setattr(limits, "_limit", None)
    monkeypatch.setenv("TIVAX_MAX_SIZE", "0.5")
    assert limits.max_size() == 0.5
    with limits.size_limit(2):
        assert limits.max_size() == 2
    assert limits.max_size() == 0.5
    monkeypatch.setattr(limits, "_limit", None)
    monkeypatch.setenv("TIVAX_MAX_SIZE", "big")
    assert error_of(limits.max_size) == "TIVAX_MAX_SIZE=big: give a number of GiB"


def test_a_small_archive_of_one_endless_line_is_refused(tmp_path):
    """The line is 5 MiB long by default limits; more of it is never read."""
    line = "1\t" * (5 << 19)
    eora = mf.eora_texts(mf.eora_world()) | {"T": [line]}
    for path in mf.write_eora(tmp_path / "eora", eora):
        zipped_into(tmp_path / "Eora26_2015_bp.zip", path)
    text = "V1," + "1," * (5 << 19)
    oecd = pf.zip_of(tmp_path / "2018.zip", {"2018_SML.csv": text})
    matrix = {"matrix_eu-ic-io_ind-by-ind_26ed_2019.csv": line}
    figaro = pf.zip_of(tmp_path / "figaro.zip", matrix)
    archives = {"eora": tmp_path / "Eora26_2015_bp.zip", "oecd": oecd, "figaro": figaro}
    for source, path in archives.items():
        assert path.stat().st_size < 100_000
        message = refusal(source, path)
        assert "line 1 is longer than 4 MiB" in message and "TIVAX_MAX_SIZE" in message
    text = '"Country Code,' * (1 << 19)
    api = pf.zip_of(tmp_path / "API_X.zip", {"API_X_DS2.csv": text})
    assert "line 1 is longer than 4 MiB" in error_of(wdi.read, api, ["X"])


def zipped_into(archive: Path, path: Path) -> None:
    with zipfile.ZipFile(archive, "a", zipfile.ZIP_DEFLATED) as opened:
        opened.write(path, path.name)


def test_what_unpacks_to_more_than_the_limit_is_refused(tmp_path, small):
    zeros = bytes(3 << 20)
    for name, data in {
        "WEOApr2021all.csv.bz2": bz2.compress(zeros),
        "WEOApr2021all.csv.gz": gzip.compress(zeros),
    }.items():
        (tmp_path / name).write_bytes(data)
        assert "more than 0.000976562 GiB" in error_of(
            weo.read, tmp_path / name, ["NGDPD"]
        )
    for name, data in {
        "wiot_2000.RData": lzma.compress(b"RDX2\nX\n" + zeros),
        "wiot_2001.RData": gzip.compress(b"RDX2\nX\n" + zeros),
        "wiot_2002.RData": bz2.compress(b"RDX2\nX\n" + zeros),
        "wiot_2003.RData": b"RDX2\nX\n" + zeros,
    }.items():
        (tmp_path / name).write_bytes(data)
        assert "max_size= or TIVAX_MAX_SIZE allows more" in refusal(
            "wiod2013", tmp_path / name
        )
    packed = pf.zip_of(tmp_path / "wiot.zip", {"wiot_2000.RData": zeros})
    assert "max_size= or TIVAX_MAX_SIZE allows more" in refusal("wiod2013", packed)
    outer = pf.zip_of(tmp_path / "outer.zip", {"inner.zip": zeros})
    assert "max_size= or TIVAX_MAX_SIZE allows more" in refusal("wiod2013", outer)


def test_an_archive_in_itself_without_end_is_not_followed(tmp_path):
    data = b"no table"
    for k in range(6):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr(f"{k}.zip" if k else "table.txt", data)
        data = packed.getvalue()
    (tmp_path / "deep.zip").write_bytes(data)
    assert "no table in it" in refusal("wiod2013", tmp_path / "deep.zip")


def test_many_short_lines_are_refused_before_they_fill_the_memory(tmp_path, small):
    (tmp_path / "2018_SML.csv").write_text("V1,A\n" + "r,1\n" * 30)
    assert "more than 24 lines" in refusal("oecd", tmp_path / "2018_SML.csv")
    (tmp_path / "own.csv").write_text("code,year,X\n" + "ROU,2000,1\n" * 2_000)
    assert "more than 4,883 cells" in error_of(wdi.read, tmp_path / "own.csv", ["X"])


def test_an_array_that_is_shorter_than_its_shape_takes_no_memory(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": (10**6, 10**6)}
    )
    path = tmp_path / "table_2000.npz"
    np.savez(path, year=2000, x=np.ones(2))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("Z.npy", header.getvalue() + bytes(80))
    assert "Z is not as long as its shape (1000000, 1000000)" in refusal("arrays", path)


@pytest.mark.parametrize("place", ["XFD1048576", "B99999999", "ZZZZZZ2"])
def test_a_cell_at_the_end_of_an_endless_sheet_is_refused(tmp_path, place):
    """The library would take 500 GB, and end the process."""
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.title = "Real"
    page["A1"], page["B2"] = 1, 2
    book.save(tmp_path / "made.xlsx")
    with zipfile.ZipFile(tmp_path / "made.xlsx") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = "xl/worksheets/sheet1.xml"
    members[name] = members[name].replace(b'r="B2"', f'r="{place}"'.encode())
    path = pf.zip_of(tmp_path / "broad.xlsx", members)
    readers = (
        partial(bis.read, series=["real"]),
        read_panel,
        partial(read_results, needed=["value"]),
        lambda path: read_rows(TableFile(path)),
    )
    for read in readers:
        assert "cells; no published table has that" in error_of(read, path)


def test_the_sheets_that_are_published_are_far_below_the_limit():
    cells = fs._cells_spanned(b'<row r="1"><c r="A1"/><c r="DKM2690" s="1"/></row>')
    assert cells == 3003 * 3000 and cells < limits.DEFAULT_MAX_SIZE * limits.CELLS / 10


def test_a_sequence_of_two_billion_that_r_only_tells_is_refused(tmp_path):

    def symbol(name: bytes) -> bytes:
        return struct.pack(">III", 1, 9, len(name)) + name

    nil = struct.pack(">I", 254)
    kind = struct.pack(">I", 2) + symbol(b"compact_intseq")
    kind += struct.pack(">I", 2) + symbol(b"base") + nil
    state = struct.pack(">IIddd", 14, 3, 2.0**31, 1.0, 1.0)
    sequence = struct.pack(">I", 238) + kind + state + nil
    objects = struct.pack(">I", 1026) + symbol(b"wiot_2000") + sequence + nil
    path = tmp_path / "wiot_2000.RData"
    path.write_bytes(b"RDX2\nX\n" + struct.pack(">III", 2, 0, 0) + objects)
    assert "more than 100,000,000 cells" in refusal("wiod2013", path)
    path.write_bytes(
        path.read_bytes().replace(struct.pack(">d", 2.0**31), struct.pack(">d", 3))
    )
    read = fs.read_r(TableFile(path))
    assert read["wiot_2000"].tolist() == [1, 2, 3]


def test_max_size_is_an_option_of_the_commands_that_read_raw_files(tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "2018_SML.csv").write_text("V1," + "1," * (1 << 20))
    words = ("import", "oecd", raw, "--out", tmp_path / "store")
    assert "line 1 is longer than 0.5 MiB" in mistake(*words, "--max-size", 0.5)
    assert "line 1 is longer" not in mistake(*words)
    for command in ("panel", "replicate"):
        words = (command, "--data", raw, "--out", tmp_path / "o.csv")
        message = mistake(*words, "--max-size", 0)
        assert message == "--max-size: give a number of GiB above 0, not 0"


# ------------------------------------------------------------------ forms of text


def test_carriage_returns_at_the_ends_of_lines_are_told(tmp_path):
    folder = mf.write_exiobase(
        tmp_path / "IOT_2011_ixi", mf.exiobase_texts(mf.exiobase_world())
    )
    path = folder / "satellite/F.txt"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r"))
    assert "F.txt: line 1 holds carriage returns" in refusal("exiobase", folder)
    path.write_text("region\tROU\n")
    assert "F.txt: 1 lines, its header alone has 2" in refusal("exiobase", folder)


@pytest.mark.parametrize("source", ["oecd", "figaro", "lrwiod"])
@pytest.mark.parametrize(
    "start",
    [gzip.compress(b"RDX2\nX\n", mtime=0), b"PK\x03\x04", b"PAR1\x15", b"%PDF-1.7\r"],
    ids=["gzip", "zip", "parquet", "pdf"],
)
def test_a_file_that_is_no_text_is_told_where_text_is_read(tmp_path, source, start):
    """Any name is taken of a file that is given by itself."""
    path = tmp_path / "wiot_1995.csv"
    path.write_bytes(start + b"\r\n" + bytes(range(256)) * 8)
    line = refusal(source, path)
    assert line.startswith("wiot_1995.csv: no text by its first bytes; give a table")


def test_a_first_line_that_is_not_utf_8_is_told(tmp_path):
    path = tmp_path / "matrix_eu-ic-io_ind-by-ind_26ed_2019.csv"
    mf.write_lines(path, mf.figaro_matrix(mf.figaro_world()))
    path.write_bytes(path.read_bytes().replace(b"FI_A01", b"F\xe9_A01", 1))
    refusal("figaro", path)


def test_a_header_of_another_length_does_not_move_the_numbers(tmp_path):
    rows = [("AUT", "NGDPD", ["1", "2"]), ("BEL", "NGDPD", ["3", "4"])]
    path = tmp_path / "WEOApr2021all.csv"
    text = pf.weo_text(rows, [2000, 2001], ",")
    path.write_text(text.replace("2000,", "", 1))
    message = error_of(weo.read, path, ["NGDPD"])
    assert "has 12 cells, the header 11" in message
    path.write_text(text.replace("2000,", "2000,odd,", 1))
    message = error_of(weo.read, path, ["NGDPD"])
    assert "the header has 13 cells, more than any row" in message


def test_a_year_of_a_header_that_has_changed_does_not_move_its_column(tmp_path):
    rows = [("ROU", "X", ["1", "2", "3"]), ("AUT", "X", ["4", "5", "6"])]
    path = tmp_path / "API_X_DS2_en_csv_v2_1.csv"
    path.write_bytes(pf.api_csv(rows, [2000, 2004, 2002]))
    assert "the column after 2000 is 2004" in error_of(wdi.read, path, ["X"])


# ------------------------------------------------------------------------- labels


@pytest.mark.parametrize(
    "label, why",
    [
        ("", "a name is empty"),
        ("  ", "a name is empty"),
        ("X" * 5000, "a name of 5,000 letters, at most 200 are read"),
        ("A\nB", "a name with a control character"),
        ("A\x1b[31m", "a name with a control character"),
    ],
)
def test_labels_that_no_table_can_print_are_refused(tmp_path, label, why):
    assert why in error_of(require_labels, ["AUT", label], "regions")
    table = small_table(2000, ("a",), sectors=("c1", label))
    arrays = (table.Z[None], table.Y[None], table.x[None])
    named = (table.regions, table.sectors, [2000])
    assert why in error_of(lambda: WorldTables(*arrays, *named))
    sectors = np.array(["c1", label or "\0"])
    raw = write_arrays(tmp_path / "table_2000.npz", table, sectors=sectors)
    message = error_of(import_tables, "arrays", [raw], tmp_path / "store")
    assert "table_2000.npz: sectors" in message
    (tmp_path / "groups.toml").write_text(f'{quoted(label)} = ["AUT"]\n')
    assert why in error_of(read_groups, tmp_path / "groups.toml")
    (tmp_path / "c.toml").write_text(f'{quoted(label)} = ["AUT"]\n')
    error_of(read_concordance, tmp_path / "c.toml")
    columns = {"year": [2000], "region": ["AUT"], "sector": [label], "jobs": [1.0]}
    pd.DataFrame(columns).to_parquet(tmp_path / "jobs.parquet")
    assert why in error_of(read_satellites, tmp_path / "jobs.parquet")


def test_an_account_without_a_region_in_one_row_is_refused(tmp_path):
    text = "year,region,sector,jobs\n2000,AUT,c1,1\n2000,,c1,2\n"
    (tmp_path / "jobs.csv").write_text(text)
    assert "jobs.csv: region: a name is empty" in error_of(
        read_satellites, tmp_path / "jobs.csv"
    )


def quoted(label: str) -> str:
    escaped = label.replace("\n", "\\n").replace("\x1b", "\\u001b")
    return f'"{escaped}"'


def test_names_in_use_are_no_odd_labels():
    require_labels(["Côte d'Ivoire", "中国", "A\u00a0B", "x" * 200], "regions")


# --------------------------------------------------------------------------- TOML


@pytest.mark.parametrize(
    "text",
    ["a = " + "[" * 3000 + "]" * 3000, ".".join("a" * 500) + " = 1", "a = " + "{b=" * 30 + "1" + "}" * 30],
)  # fmt: skip
def test_toml_that_is_nested_too_deep_is_told(tmp_path, text):
    path = tmp_path / "data.toml"
    path.write_text(text)
    readers = (read_groups, read_concordance, read_run_file)
    messages = [error_of(read, path) for read in readers]
    messages.append(error_of(read_data_files, tmp_path))
    for message in messages:
        assert message.startswith(f"{path}: nested more than 20 levels deep")


@pytest.mark.parametrize(
    "read",
    [read_satellites, read_panel, lambda path: read_words(TableFile(path))],
    ids=["accounts", "panel", "words"],
)
def test_labels_of_parquet_that_are_no_text_end_in_one_line(tmp_path, read):
    path = tmp_path / "labels.parquet"
    pd.DataFrame({"region": ["Wonder"], "value": [1.0]}).to_parquet(path)
    path.write_bytes(path.read_bytes().replace(b"Wonder", b"W\xff\xfeder"))
    told = error_of(read, path)
    assert "labels.parquet" in told and "UTF8" in told and "\n" not in told
