import codecs
import errno
import hashlib
import io
import json
import os
import random
import zipfile
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from tivax.engine.core.errors import TivaxError
from tivax.engine.sources import archives
from tivax.engine.sources.archives import ARCHIVES, Archive, get_archive
from tivax.engine.sources.download import PIECE, Fetched, fetch

from commands import contents, good, mistake, names
from helpers import error_of
from web_sites import Site

PAGE = "https://example.org/landing"
NAME = "tables of 2000.zip"  # a name that an address must quote
BESIDE = f".{NAME}.tivax-fetch"
DROP = 100_000  # where the server hangs up: in the second of four pieces


def zip_of(seed: int) -> bytes:
    """A zip archive of four pieces; all seeds give the same size."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(
            zipfile.ZipInfo("t.dat"), random.Random(seed).randbytes(230_000)
        )
    return made.getvalue()


CONTENT = zip_of(0)
OTHER = zip_of(1)


@pytest.fixture
def archive(site, monkeypatch) -> Archive:
    """A made-up source "made-up", size and checksum known."""
    site.content = CONTENT
    archive = Archive(
        url=f"{site.address}/datafile/1",
        page=PAGE,
        name=NAME,
        contents="Noise.",
        licence="none",
        citation="nobody",
        size=len(CONTENT),
        sha1=hashlib.sha1(CONTENT).hexdigest(),
    )
    monkeypatch.setitem(ARCHIVES, "made-up", {"zip": archive})
    return archive


@pytest.fixture
def unknown(archive, monkeypatch) -> Archive:
    """The same, nothing known beforehand."""
    unknown = replace(archive, size=None, sha1=None)
    monkeypatch.setitem(ARCHIVES, "made-up", {"zip": unknown})
    return unknown


def get(out: Path, tries: int = 3, **options) -> Fetched:
    return fetch("made-up", out, pauses=(0.0,) * (tries - 1), **options)


def failure(out: Path, tries: int = 3, **options) -> str:
    """The message of a fetch that fails and leaves nothing under the final name."""
    message = error_of(get, out, tries, **options)
    assert not (out / NAME).exists()
    return message


def leave_a_part(site: Site, out: Path) -> int:
    """Let one fetch break off; the bytes it leaves."""
    site.drops = [DROP]
    failure(out, tries=1)
    size = (out / BESIDE / "part").stat().st_size
    assert 0 <= DROP - size < PIECE
    site.asked.clear()
    return size


def test_a_file_arrives_whole_and_alone(site, archive, tmp_path):
    seen = []
    got = get(tmp_path / "new" / "folder", progress=lambda *a: seen.append(a))

    assert got == Fetched(
        path=tmp_path / "new" / "folder" / NAME,
        url=archive.url,
        bytes=len(CONTENT),
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        verified="sha1",
    )
    assert got.path.read_bytes() == CONTENT
    assert names(got.path.parent) == [NAME]
    assert seen[0] == (0, len(CONTENT)) and seen[-1] == (len(CONTENT), len(CONTENT))
    assert [a.path for a in site.asked] == ["/datafile/1"]
    assert (site.asked[0].agent or "").startswith("tivax/")


def test_a_mirror_is_asked_for_the_file_by_its_name(site, archive, tmp_path):
    got = get(tmp_path, mirror=f"{site.address}/pub/")
    assert [a.path for a in site.asked] == ["/pub/tables%20of%202000.zip"]
    assert got.url == f"{site.address}/pub/tables%20of%202000.zip"


def test_a_file_put_there_by_hand_is_taken_even_without_a_connection(archive, tmp_path):
    (tmp_path / NAME).write_bytes(CONTENT)
    assert get(tmp_path, mirror="http://127.0.0.1:1").already_there


@pytest.mark.parametrize("content", [OTHER, CONTENT[:-1], b""])
def test_another_file_of_that_name_stays_unless_forced(
    site, archive, tmp_path, content
):
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(TivaxError, match="already there, but its .*expected.*--force"):
        get(tmp_path)
    assert (tmp_path / NAME).read_bytes() == content and site.asked == []

    assert get(tmp_path, force=True).path.read_bytes() == CONTENT


def test_a_forced_fetch_that_fails_leaves_the_old_file(site, archive, tmp_path):
    (tmp_path / NAME).write_bytes(CONTENT)
    site.content = OTHER
    assert "SHA-1" in error_of(get, tmp_path, force=True)
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_a_dropped_connection_goes_on_where_it_stopped(site, archive, tmp_path):
    site.drops = [DROP]
    got = get(tmp_path)

    assert got.path.read_bytes() == CONTENT and got.resumed_from == 0
    first, second = site.asked
    start = int((second.range or "").removeprefix("bytes=").removesuffix("-"))
    assert first.range is None and first.sent == DROP
    assert DROP - PIECE < start <= DROP
    assert second.sent == len(CONTENT) - start
    assert second.if_range == '"one"'


def test_tries_that_get_further_are_not_counted(site, archive, tmp_path):
    site.drops = [PIECE + 10] * 3
    assert get(tmp_path, tries=2).path.read_bytes() == CONTENT
    assert len(site.asked) == 4


def test_a_server_without_ranges_that_always_drops_is_given_up(site, archive, tmp_path):
    site.ranges = False
    site.drops = [DROP] * 100
    message = failure(tmp_path, tries=3)
    assert archive.url in message and "broke" in message and "bytes are kept" in message
    assert len(site.asked) == 3


def test_a_later_run_resumes_the_part(site, archive, tmp_path):
    part = leave_a_part(site, tmp_path)
    got = get(tmp_path)

    assert [(a.range, a.if_range) for a in site.asked] == [(f"bytes={part}-", '"one"')]
    assert site.asked[0].sent == len(CONTENT) - part
    assert got.resumed_from == part and got.path.read_bytes() == CONTENT
    assert names(tmp_path) == [NAME]


@pytest.mark.parametrize(
    "etag, modified, if_range",
    [
        ('W/"one"', "Wed, 30 Nov 2016 00:00:00 GMT", "Wed, 30 Nov 2016 00:00:00 GMT"),
        ('W/"one"', None, None),
        (None, None, None),
    ],
)
def test_if_range_is_never_a_weak_etag(
    site, archive, tmp_path, etag, modified, if_range
):
    site.etag, site.modified = etag, modified
    part = leave_a_part(site, tmp_path)
    assert get(tmp_path).resumed_from == part
    assert site.asked[0].if_range == if_range


@pytest.mark.parametrize(
    "change, resumed, sent",
    [
        (lambda site, part: setattr(site, "ranges", False), 0, [len(CONTENT)]),
        (lambda site, part: setattr(site, "shift", -1), 0, None),
        (lambda site, part: part.write_bytes(CONTENT), len(CONTENT), [0]),
        (lambda site, part: part.write_bytes(CONTENT + b"x"), 0, None),
    ],
    ids=["server without ranges", "another range", "a whole part", "a part too long"],
)
def test_a_part_goes_on_only_where_it_fits(
    site, archive, tmp_path, change, resumed, sent
):
    leave_a_part(site, tmp_path)
    change(site, tmp_path / BESIDE / "part")
    got = get(tmp_path)
    assert got.resumed_from == resumed and got.path.read_bytes() == CONTENT
    asked = [a.sent for a in site.asked]
    assert asked == sent if sent else site.asked[-1].range is None


def test_a_server_that_sends_a_range_in_pieces_is_asked_again(site, archive, tmp_path):
    part = leave_a_part(site, tmp_path)
    site.most = PIECE
    got = get(tmp_path)
    assert got.resumed_from == part and got.path.read_bytes() == CONTENT
    assert max(a.sent for a in site.asked) == PIECE


def test_a_part_that_nothing_could_check_is_not_resumed(
    site, unknown, tmp_path, monkeypatch
):
    """No ETag, no checksum, no zip archive."""
    site.etag = None
    monkeypatch.setitem(ARCHIVES, "made-up", {"dat": replace(unknown, name="t.dat")})
    site.drops = [DROP]
    assert get(tmp_path).path.read_bytes() == CONTENT
    assert [a.range for a in site.asked] == [None, None]


def test_a_file_that_changed_meanwhile_restarts_from_zero(site, unknown, tmp_path):
    leave_a_part(site, tmp_path)
    site.content, site.etag = OTHER, '"two"'
    got = get(tmp_path)
    assert got.resumed_from == 0 and got.path.read_bytes() == OTHER
    assert [a.if_range for a in site.asked] == ['"one"']


def test_a_new_length_without_etag_restarts_from_zero(site, unknown, tmp_path):
    site.etag = None
    leave_a_part(site, tmp_path)
    site.content = CONTENT[:-22] + zip_tail_with_comment()
    got = get(tmp_path)
    assert got.resumed_from == 0 and got.path.read_bytes() == site.content
    assert [a.range is None for a in site.asked] == [False, True]


def zip_tail_with_comment() -> bytes:
    """The 22 bytes that end CONTENT, with a comment of three."""
    return CONTENT[-22:-2] + b"\x03\x00abc"


def test_two_files_mixed_without_etag_are_found_out(site, unknown, tmp_path):
    """Nothing but the CRC of the member tells: no checksum, same length."""
    site.etag = None
    leave_a_part(site, tmp_path)
    site.content = OTHER
    assert "its member t.dat is damaged" in failure(tmp_path)
    assert get(tmp_path).path.read_bytes() == OTHER


def test_the_part_of_another_address_is_not_resumed(site, archive, tmp_path):
    leave_a_part(site, tmp_path)
    assert get(tmp_path, mirror=site.address).resumed_from == 0
    assert [a.range for a in site.asked] == [None]


@pytest.mark.parametrize("memory", ["", "[]", "{"])
def test_a_part_without_memory_is_not_resumed(site, archive, tmp_path, memory):
    leave_a_part(site, tmp_path)
    (tmp_path / BESIDE / "part.json").write_text(memory)
    assert get(tmp_path).path.read_bytes() == CONTENT
    assert [a.range for a in site.asked] == [None]


@pytest.mark.parametrize(
    "content_type", ["text/html; charset=UTF-8", "application/zip"]
)
def test_a_bot_page_is_refused_and_the_part_stays(
    site, archive, tmp_path, content_type
):
    part = leave_a_part(site, tmp_path)
    site.content = b"\n<!DOCTYPE html><title>Are you a bot?</title>"
    site.content_type, site.etag = content_type, None
    message = failure(tmp_path)
    assert "not a bot" in message and NAME in message
    assert f"open {PAGE} in a browser and put the file at {tmp_path / NAME}" in message
    assert (tmp_path / BESIDE / "part").stat().st_size == part
    assert len(site.asked) == 1


def test_a_file_that_is_no_zip_archive_is_refused(site, unknown, tmp_path):
    site.content = b"%PDF-1.7"
    assert "begins with b'%PDF-1.7'" in failure(tmp_path)
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "status, words, times",
    [
        (401, "refuses access (HTTP 401)", 1),
        (403, "refuses access (HTTP 403)", 1),
        (404, "has no such file (HTTP 404)", 1),
        (500, "has a fault (HTTP 500)", 3),
        (503, "has a fault (HTTP 503)", 3),
        (204, "does not send the file (HTTP 204)", 1),
        (206, "does not send the file (HTTP 206)", 1),
    ],
)
def test_a_status_is_told_with_its_remedy(
    site, archive, tmp_path, status, words, times
):
    site.status = status
    message = failure(tmp_path)
    assert archive.url in message and words in message
    assert PAGE in message and str(tmp_path / NAME) in message
    assert len(site.asked) == times
    assert names(tmp_path) == []


def test_a_server_that_recovers_is_forgiven(site, archive, tmp_path):
    answer = site.answer
    site.answer = lambda ask: answer(ask) if len(site.asked) > 1 else (503, {}, b"")
    assert get(tmp_path).path.read_bytes() == CONTENT


def test_no_connection_is_told_with_its_remedy(archive, tmp_path):
    message = failure(tmp_path, mirror="http://127.0.0.1:1")
    assert message == (
        "http://127.0.0.1:1/tables%20of%202000.zip: no connection, or it broke; "
        f"fetch again to go on, or open {PAGE} in a browser and put the file at "
        f"{tmp_path / NAME}"
    )


def test_a_mirror_that_is_no_address_is_told(archive, tmp_path):
    assert "No scheme supplied" in failure(tmp_path, mirror="files/mirror")


def test_a_wrong_size_is_refused_before_the_download(site, archive, tmp_path):
    site.content = CONTENT + b"more"
    message = failure(tmp_path)
    expected = f"expected {len(CONTENT):,} bytes, got {len(CONTENT) + 4:,}"
    assert archive.url in message and NAME in message and expected in message
    assert names(tmp_path) == []


def test_a_wrong_size_that_was_not_announced_is_found(site, archive, tmp_path):
    site.length = False
    site.content = CONTENT[:-4]
    assert f"expected {len(CONTENT):,} bytes, got" in failure(tmp_path)
    assert names(tmp_path / BESIDE) == ["bad"]


def test_a_file_without_a_published_size_has_a_bound(
    site, unknown, tmp_path, monkeypatch
):
    monkeypatch.setattr(archives, "_LARGEST", 150_000)
    line = failure(tmp_path)
    assert f": more than 150,000 bytes, which {NAME} has at most; see {PAGE}" in line
    assert names(tmp_path) == []


@pytest.mark.parametrize("kind", ["a link", "a hard link", "another name", "a folder"])
@pytest.mark.parametrize("name", ["part", "part.json", "bad"])
def test_what_no_fetch_has_made_is_not_touched(site, archive, tmp_path, kind, name):
    (mine := tmp_path / "mine").write_text("precious")
    (tmp_path / BESIDE).mkdir()
    path = tmp_path / BESIDE / (name if kind != "another name" else f"{name}.mine")
    match kind:
        case "a link":
            path.symlink_to(mine)
        case "a hard link":
            path.hardlink_to(mine)
        case "a folder":
            path.mkdir()
        case _:
            path.touch()
    assert failure(tmp_path) == f"{path}: not of `tivax fetch`; move it away"
    assert mine.read_text() == "precious" and os.path.lexists(path)


def test_downloads_of_other_programs_are_not_touched(site, archive, tmp_path):
    for ending in (".part", ".part.json", ".bad"):
        (tmp_path / f"{NAME}{ending}").write_text("precious")
    (tmp_path / f".{NAME}.part").mkdir()
    before = contents(tmp_path)
    got = get(tmp_path)
    assert got.resumed_from == 0 and got.path.read_bytes() == CONTENT
    assert contents(tmp_path) == before | {got.path: CONTENT}


def test_a_link_in_the_place_of_the_folder_is_not_followed(site, archive, tmp_path):
    (tmp_path / "mine").mkdir()
    (link := tmp_path / BESIDE).symlink_to(tmp_path / "mine")
    assert failure(tmp_path) == f"{link}: a link in the way; move it away"


def test_of_two_fetches_at_once_the_second_ends(site, archive, tmp_path):
    told = []

    def second(done, total):
        if not told:
            told.append(error_of(get, tmp_path))

    assert get(tmp_path, progress=second).path.read_bytes() == CONTENT
    assert told == [
        f"{tmp_path / NAME}: another process is at work on it; wait, or name another place"
    ]
    assert names(tmp_path) == [NAME]


def test_a_wrong_checksum_moves_the_file_aside(site, archive, tmp_path):
    site.content = OTHER
    message = failure(tmp_path)
    got = hashlib.sha1(OTHER).hexdigest()
    assert f"expected {archive.sha1}, got {got}" in message
    assert archive.url in message and PAGE in message and "fetch again" in message
    assert str(tmp_path / BESIDE / "bad") in message
    assert names(tmp_path / BESIDE) == ["bad"]


def test_a_truncated_zip_is_found_without_a_checksum(site, unknown, tmp_path):
    site.content = CONTENT[:-100]
    assert "not a whole zip archive" in failure(tmp_path)
    assert names(tmp_path / BESIDE) == ["bad"]


def test_verified_names_what_was_known_beforehand(site, unknown, tmp_path, monkeypatch):
    assert get(tmp_path / "none").verified == "none"
    sized = replace(unknown, size=len(CONTENT))
    monkeypatch.setitem(ARCHIVES, "made-up", {"zip": sized})
    assert get(tmp_path / "size").verified == "size"


def test_a_folder_that_cannot_be_made_is_told(archive, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(
        TivaxError, match="cannot be read or written: .*choose another folder"
    ):
        get(tmp_path / "file" / "folder")


def test_a_full_disk_is_told_and_the_part_stays(site, archive, tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        message = failure(tmp_path)
    assert "cannot be read or written: No space left on device; free space" in message
    assert archive.url in message and str(tmp_path / NAME) in message
    assert get(tmp_path).resumed_from == len(CONTENT)


def test_an_md5_is_compared_where_it_is_all_that_is_published(
    site, unknown, tmp_path, monkeypatch
):
    md5 = hashlib.md5(CONTENT).hexdigest()
    monkeypatch.setitem(ARCHIVES, "made-up", {"zip": replace(unknown, md5=md5)})
    assert get(tmp_path).verified == "md5"
    site.content = OTHER
    message = error_of(get, tmp_path, force=True)
    assert f"its MD5 is wrong: expected {md5}, got " in message
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_unknown_names_list_the_choices():
    with pytest.raises(
        TivaxError,
        match="no archive of kofgi: did you mean kof or wgi. There are wiod2016",
    ):
        get_archive("kofgi")
    assert "of wiod2016 csv: choose from r, stata, excel" in error_of(
        get_archive, "wiod2016", "csv"
    )


def test_the_official_archives_do_not_overwrite_each_other():
    archives = [
        file
        for formats in ARCHIVES.values()
        for a in formats.values()
        for file in a.files
    ]
    assert len({a.name for a in archives}) == len(archives)
    assert len({a.url for a in archives}) == len(archives)
    assert get_archive("wiod2016").url.endswith("/199101")
    for a in archives:
        assert a.url.startswith("https://") and a.page.startswith("https://")
        for name, length in (("sha256", 32), ("sha1", 20), ("md5", 16)):
            known = getattr(a, name)
            assert known is None or len(bytes.fromhex(known)) == length


# ------------------------------------------------------------ sources of the panel

PANEL = ("kof", "pwt", "wgi", "wdi", "weo")
STATA = b"<stata_dta>%s</stata_dta>"
HTML = b"<!DOCTYPE html><title>Sorry</title>" + b" " * 600
WEO = "\t".join(
    ["WEO Country Code", "ISO", "WEO Subject Code", "Country", "Subject Descriptor"]
    + ["Subject Notes", "Units", "Scale", "Country/Series-specific Notes"]
    + ["1980", "1981", "Estimates Start After"]
)
WEO += "\r\n" + "\t".join(
    ["384", "CIV", "PCPIPCH", "Côte d'Ivoire", "Inflation, average", "", "Percent"]
    + ["", "", "14.69", "n/a", "2019"]
)


def zip_with(members: dict[str, str], size: int | None = None) -> bytes:
    """A zip archive, filled up to so many bytes."""

    def made(filling: int | None) -> bytes:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            for name, text in members.items():
                archive.writestr(zipfile.ZipInfo(name), text)
            if filling is not None:
                archive.writestr(zipfile.ZipInfo("filling"), bytes(filling))
        return file.getvalue()

    return made(None) if size is None else made(size - len(made(0)))


def api_answer(code: str, updated: str = "2025-07-01") -> bytes:
    """A series as the World Bank's API sends it: the table and two descriptions."""
    stem = f"API_{code}_DS2_en_csv_v2_22859.csv"
    columns = ("Country Name", "Country Code", "Indicator Name", "Indicator Code")
    rows = [
        ("Data Source", "World Development Indicators"),
        (),
        ("Last Updated Date", updated),
        (),
        (*columns, "1960", "1961"),
        ("Aruba", "ABW", "A series", code, "", "2.5"),
    ]
    lines = ["".join(f'"{cell}",' for cell in row) for row in rows]
    return zip_with(
        {
            f"Metadata_Indicator_{stem}": "\ufeff"
            + '"INDICATOR_CODE","INDICATOR_NAME",',
            stem: "\ufeff" + "\r\n".join(lines),
            f"Metadata_Country_{stem}": "\ufeff" + '"Country Code","Region",',
        }
    )


def published(archive: Archive) -> bytes:
    """Something of the kind and, if known, the size of an official file."""
    if archive.name.startswith("API_"):
        return api_answer(archive.name.removeprefix("API_").removesuffix(".zip"))
    if archive.is_zip:
        return zip_with({"xl/worksheets/sheet1.xml": "<worksheet/>"}, archive.size)
    if archive.name.endswith(".dta"):
        known = archive.size or 1000
        return STATA % bytes(known - len(STATA % b""))
    return WEO.encode("latin-1")


@pytest.fixture
def here(site, monkeypatch) -> Site:
    """Lets the official addresses of the panel's sources lead to the server."""
    for source in PANEL:
        for format, archive in ARCHIVES[source].items():
            path = archive.url.partition("://")[2].partition("/")[2]
            moved = replace(archive, url=f"{site.address}/{path}")
            monkeypatch.setitem(ARCHIVES[source], format, moved)
    site.etag = None
    return site


@pytest.mark.parametrize(
    "source, format",
    [(source, format) for source in PANEL for format in ARCHIVES[source]],
)
def test_every_edition_comes_through_the_command_line(here, tmp_path, source, format):
    archive = ARCHIVES[source][format]
    here.content = published(archive)
    words = ("fetch", source, "--format", format, "--out", tmp_path, "--quiet")
    said = good(*words).out

    assert (tmp_path / archive.name).read_bytes() == here.content
    how = "size as published" if archive.size else "no published checksum"
    assert said.startswith(
        f"{tmp_path / archive.name}: {len(here.content):,} bytes, {how}\n"
    )
    (entry,) = json.loads((tmp_path / "manifest.json").read_text())["files"]
    assert entry["name"] == archive.name and entry["url"] == archive.url
    assert entry["licence"] == archive.licence
    assert entry["citation"] == archive.citation
    here.asked.clear()
    assert "already there" in good(*words).out and here.asked == []


@pytest.mark.parametrize(
    "source, name, words",
    [
        ("kof", "KOF_Data_2018.dta", "Gygli, Haelg, Potrafke and Sturm (2019)"),
        ("pwt", "pwt90.dta", "Feenstra, Inklaar and Timmer (2015)"),
        ("wgi", "wgidataset_stata.zip", "Kaufmann, Kraay and Mastruzzi (2010)"),
        ("wdi", "API_FP.CPI.TOTL.ZG.zip", "World Development Indicators"),
        ("weo", "weoapr2021all.xls", "World Economic Outlook Database, April 2021"),
    ],
)
def test_the_default_edition_is_found_by_its_published_name(source, name, words):
    archive = get_archive(source)
    assert archive.name == name and words in archive.citation


def test_a_series_of_the_world_bank_may_change_with_every_update(here, tmp_path):
    here.content = api_answer("FP.CPI.TOTL.ZG")
    good("fetch", "wdi", "--out", tmp_path, "--quiet")
    here.content = api_answer("FP.CPI.TOTL.ZG", "2025-10-07, revised")
    good("fetch", "wdi", "--out", tmp_path, "--force", "--quiet")

    assert (tmp_path / "API_FP.CPI.TOTL.ZG.zip").read_bytes() == here.content
    assert [ask.path for ask in here.asked] == [
        "/v2/en/indicator/FP.CPI.TOTL.ZG?downloadformat=csv"
    ] * 2


@pytest.mark.parametrize("content_type", ["text/html", "application/octet-stream"])
@pytest.mark.parametrize("start", [b"", b"\r\n", codecs.BOM_UTF8])
@pytest.mark.parametrize("source", PANEL)
def test_a_web_page_under_any_name_is_refused(
    here, tmp_path, source, start, content_type
):
    here.content, here.content_type = start + HTML, content_type
    archive = get_archive(source)
    line = mistake("fetch", source, "--out", tmp_path)
    assert f"in place of {archive.name} the site sent a web page" in line
    assert f"open {archive.page} in a browser" in line
    assert names(tmp_path) == []


@pytest.mark.parametrize("source", PANEL)
def test_a_web_page_saved_by_hand_is_not_taken(here, tmp_path, source):
    path = tmp_path / get_archive(source).name
    path.write_bytes(HTML)
    line = mistake("fetch", source, "--out", tmp_path)
    assert "already there, but it is a web page; move it away" in line
    assert path.read_bytes() == HTML and here.asked == []


@pytest.mark.parametrize(
    "content",
    [
        b"country,year\n",
        b"q u e r y",
        b"rs\x01",
        b"PK\x03\x04",
        b"<stata",
        b"\x72",
        b"",
    ],
)
def test_a_file_that_is_no_stata_file_is_refused(here, tmp_path, content):
    here.content = content
    line = mistake("fetch", "pwt", "--out", tmp_path)
    assert f"pwt90.dta is not a Stata file, it begins with {content[:8]!r}" in line
    (tmp_path / "pwt90.dta").write_bytes(content)
    line = mistake("fetch", "pwt", "--out", tmp_path)
    assert "already there, but it is not a Stata file" in line


@pytest.mark.parametrize("version", [114, 117, 118, 119])
def test_stata_files_of_old_and_new_formats_are_taken(here, tmp_path, version):
    """As pandas writes them; it is the second implementation of the format."""
    file = io.BytesIO()
    frame = pd.DataFrame({"countrycode": ["ABW"], "year": [1950], "pop": [0.1]})
    frame.to_stata(file, version=version, write_index=False)
    here.content = file.getvalue()
    good("fetch", "pwt", "--out", tmp_path, "--quiet")
    assert (tmp_path / "pwt90.dta").read_bytes() == here.content


def test_a_stata_file_that_ends_early_is_found_out(here, tmp_path):
    here.content, here.length = (STATA % bytes(9000))[:5000], False
    line = mistake("fetch", "pwt", "--out", tmp_path)
    assert "pwt90.dta came, but it ends too early for a Stata file" in line
    assert names(tmp_path / ".pwt90.dta.tivax-fetch") == ["bad"]


@pytest.mark.parametrize(
    "start, encoding",
    [
        (b"", "latin-1"),
        (codecs.BOM_UTF8, "utf-8"),
        (b"", "utf-16-le"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
    ],
)
def test_the_outlook_is_taken_in_every_encoding(
    here, tmp_path, monkeypatch, start, encoding
):
    monkeypatch.setattr(
        "tivax.engine.sources.download.PIECE", 3
    )  # the header in many pieces
    here.content = start + WEO.encode(encoding)
    here.content_type = "application/vnd.ms-excel"
    good("fetch", "weo", "--out", tmp_path, "--quiet")
    assert (tmp_path / "weoapr2021all.xls").read_bytes() == here.content


@pytest.mark.parametrize(
    "content", [b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"Country\tISO\n", b"PK\x03\x04"]
)
def test_another_file_than_the_outlook_is_refused(here, tmp_path, content):
    here.content = content
    line = mistake("fetch", "weo", "--out", tmp_path)
    assert (
        "weoapr2021all.xls is not a text with the header 'WEO Country Code', it "
        f"begins with {content[:8]!r}"
    ) in line
    assert names(tmp_path) == []
