"""Download the official archives of a database, whole or not at all.

``fetch`` writes into the hidden folder ``.NAME.tivax-fetch`` beside the target, and
gives the file its name once it is complete and checked:

    part        what has come; it goes on where it stopped (HTTP Range and If-Range,
                RFC 9110 sections 13.1.5 and 14)
    part.json   which file the part belongs to
    bad         a whole file that is not the archive, until one that is has come

One process at a time works in it. ``archives.toml`` lists the archives.
"""

import json
import os
import re
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import pooch
import requests

from ..core import TivaxError, locked_folder
from .archives import (
    HEAD,
    Archive,
    archives_of_years,
    find_problem,
    get_archive,
    is_web_page,
    other_kind,
)

TIMEOUT = (15, 60)  # seconds: to connect, and between two pieces of the answer
PAUSES = (1.0, 3.0, 9.0)  # seconds before each new try
PIECE = 2**16  # bytes; a dropped connection loses at most one piece

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Fetched:
    """A whole file under its final name.

    ``verified`` names the strongest published fact that it was
    checked against. Where that is not a checksum, every member of a zip archive
    was read and agrees with its CRC-32. ``resumed_from`` counts the bytes that an
    earlier run had left and this one kept.
    """

    path: Path
    url: str
    bytes: int
    sha256: str
    verified: Literal["sha256", "sha1", "md5", "size", "none"]
    resumed_from: int = 0
    already_there: bool = False


def fetch(
    source: str,
    out: Path,
    *,
    format: str | None = None,
    year: int | None = None,
    mirror: str | None = None,
    force: bool = False,
    progress: Progress | None = None,
    pauses: Sequence[float] = PAUSES,
) -> Fetched:
    """Download one archive of ``source`` to the folder ``out``, whole or not at all.

    A file already there is checked and not fetched again; with ``force`` it is, and
    replaced once the new one is whole. ``year``, of an archive with a file a year, is
    by default the last. ``mirror`` is a folder on the web that holds the file under its
    ``Archive.name``. ``progress`` gets the bytes so far and in all (None if unknown). A
    connection that breaks is tried again after each of ``pauses`` (seconds); progress
    resets the count.

    Raises ``TivaxError``, one line, where the file cannot be downloaded whole. Then a
    file of that name is as it was before.
    """
    years = None if year is None else (year, year)
    (archive,) = archives_of_years(get_archive(source, format), years)
    url = f"{mirror.rstrip('/')}/{quote(archive.name)}" if mirror else archive.url
    job = _Job(archive, url, out / archive.name)
    try:
        with job.at_work():
            if not force and (found := _already_there(job)):
                return found
            kept = _download(job, pauses, progress or (lambda done, total: None))
            if problem := find_problem(job.part, archive):
                job.part.replace(job.bad)
                job.discard()
                raise TivaxError(
                    f"{url}: {archive.name} came, but {problem}; it is kept as "
                    f"{job.bad}; fetch again, and if the same comes again, the site "
                    f"may have a new version: see {archive.page}"
                )
            job.part.replace(job.target)
            job.discard()
            job.bad.unlink(missing_ok=True)
        return _fetched(job, resumed_from=kept)
    except OSError as error:
        raise TivaxError(
            f"{job.target}: cannot be read or written: {error.strerror or error}; "
            f"free space or choose another folder, then fetch {url} again"
        ) from error


@dataclass(frozen=True)
class _Job:
    """One download, and the folder beside its target where it grows."""

    archive: Archive
    url: str
    target: Path

    @property
    def folder(self) -> Path:
        return self.target.with_name(f".{self.target.name}.tivax-fetch")

    part = property(lambda self: self.folder / "part")
    memory = property(lambda self: self.folder / "part.json")
    bad = property(lambda self: self.folder / "bad")

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """The folder, held; ``TivaxError`` where anything in it is not of a fetch."""
        if self.folder.is_symlink():
            raise TivaxError(f"{self.folder}: a link in the way; move it away")
        with locked_folder(self.folder, self.target):
            for path in self.folder.iterdir():
                known = path in (self.part, self.memory, self.bad)
                alone = stat.S_ISREG(path.lstat().st_mode) and path.stat().st_nlink == 1
                if not (known and alone):
                    raise TivaxError(f"{path}: not of `tivax fetch`; move it away")
            try:
                yield
            finally:
                with suppress(OSError):  # a part or a bad file is left
                    self.folder.rmdir()

    @property
    def by_hand(self) -> str:
        """The remedy that always works: download it in a browser."""
        page = self.archive.page
        return f"open {page} in a browser and put the file at {self.target}"

    def discard(self) -> None:
        self.part.unlink(missing_ok=True)
        self.memory.unlink(missing_ok=True)

    def size(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0


def _already_there(job: _Job) -> Fetched | None:
    """The file, where it is there; ``TivaxError`` unless it is the archive."""
    if not job.target.exists():
        return None
    if problem := find_problem(job.target, job.archive):
        raise TivaxError(
            f"{job.target}: already there, but {problem}; move it away and "
            "fetch again (--force replaces only what tivax fetched)"
        )
    return _fetched(job, already_there=True)


def _fetched(
    job: _Job, *, resumed_from: int = 0, already_there: bool = False
) -> Fetched:
    size = "size" if job.archive.size else "none"
    verified: Any = job.archive.checksum[0] if job.archive.checksum else size
    return Fetched(
        path=job.target,
        url=job.url,
        bytes=job.target.stat().st_size,
        sha256=pooch.file_hash(str(job.target)),
        verified=verified,
        resumed_from=resumed_from,
        already_there=already_there,
    )


def _download(job: _Job, pauses: Sequence[float], progress: Progress) -> int:
    """Fill the part to its end; the bytes of an earlier run that were kept.

    Raises ``TivaxError`` for answers that a new try would not change, and once the
    pauses are used up. The part stays for the next run.
    """
    kept = furthest = job.size()
    failures = 0
    while True:
        offset, headers = _resume_point(job)
        kept = min(kept, offset)
        try:
            with requests.get(
                job.url, headers=headers, stream=True, timeout=TIMEOUT
            ) as response:
                start = _start(job, response, offset)
                if start is None:
                    job.discard()
                    continue
                kept = min(kept, start)
                if response.status_code != 416:
                    _save(job, response, start, progress)
            return kept
        except requests.RequestException as error:
            reached = job.size()
            failures = 0 if reached > furthest else failures
            furthest = max(furthest, reached)
            if failures == len(pauses) or not _may_pass(error):
                saved = f"{reached:,} bytes are kept; " if reached else ""
                raise TivaxError(
                    f"{job.url}: {_reason(error)}; {saved}fetch again to go on, or "
                    f"{job.by_hand}"
                ) from error
            time.sleep(pauses[failures])
            failures += 1


def _resume_point(job: _Job) -> tuple[int, dict[str, str]]:
    """Offset at which to go on, and the headers that ask for the rest.

    Starts from zero where the part is of another address, or where nothing would
    show that the file has changed since.
    """
    headers = {"User-Agent": f"tivax/{version('tivax')}", "Accept-Encoding": "identity"}
    memory = _recall(job)
    validator = memory.get("validator")
    would_show = validator or job.archive.checksum or job.archive.is_zip
    offset = job.size()
    if not offset or memory.get("url") != job.url or not would_show:
        return 0, headers
    headers["Range"] = f"bytes={offset}-"
    if validator:
        headers["If-Range"] = validator
    return offset, headers


def _recall(job: _Job) -> dict:
    try:
        memory = json.loads(job.memory.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return memory if isinstance(memory, dict) else {}


def _remember(job: _Job, response: requests.Response) -> None:
    etag = response.headers.get("ETag", "W/")
    # A weak ETag may not stand in If-Range (RFC 9110, 13.1.5).
    strong = None if etag.startswith("W/") else etag
    memory = {
        "url": job.url,
        "validator": strong or response.headers.get("Last-Modified"),
        "total": _total(response),
    }
    # Where it is lost, the download starts again.
    job.memory.write_text(json.dumps(memory), encoding="utf-8")


def _encoded(response: requests.Response) -> bool:
    """Compressed on the way although we asked not to: lengths mean other bytes."""
    return response.headers.get("Content-Encoding", "identity") != "identity"


def _total(response: requests.Response) -> int | None:
    """Bytes of the whole file, as the server says."""
    if response.status_code in (206, 416):
        digits = response.headers.get("Content-Range", "").rpartition("/")[2]
    else:
        digits = response.headers.get("Content-Length", "")
    return int(digits) if digits.isdecimal() and not _encoded(response) else None


def _start(job: _Job, response: requests.Response, offset: int) -> int | None:
    """The byte at which the answer begins; None: the part is of no use.

    Raises ``TivaxError`` for answers that are no file, ``requests.HTTPError`` for
    those that may pass.
    """
    status = response.status_code
    if status == 200:
        return 0
    if offset and status in (206, 416):
        total, before = _total(response), _recall(job).get("total")
        if status == 416:  # nothing after the part: perhaps it was whole
            return offset if offset == (total or before) else None
        if total is None or before not in (None, total):
            return None
        first = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
        return offset if first and int(first[1]) == offset else None
    if status == 429 or status >= 500:
        response.raise_for_status()
    reason = {401: "refuses access", 403: "refuses access", 404: "has no such file"}
    raise TivaxError(
        f"{job.url}: the server {reason.get(status, 'does not send the file')} "
        f"(HTTP {status}); {job.by_hand}"
    )


def _save(
    job: _Job, response: requests.Response, start: int, progress: Progress
) -> None:
    """Append the answer to the part, or begin a new part with it.

    The old part is touched only once the answer is known to be the file.
    """
    pieces: Iterator[bytes] = response.iter_content(PIECE)
    first = b""
    while len(first) < HEAD and (piece := next(pieces, b"")):
        first += piece
    if start == 0:
        _refuse_other(job, response, first)
    total = _total(response)
    size = job.archive.size
    if total is not None and size is not None and total != size:
        raise TivaxError(
            f"{job.url}: the server's {job.archive.name} is not the published one: "
            f"expected {size:,} bytes, got {total:,}; see {job.archive.page}"
        )
    if start == 0:
        job.discard()
        _remember(job, response)
    done = start
    with job.part.open("ab") as file:
        progress(done, total)
        for piece in chain([first], pieces):
            done += len(piece)
            if done > job.archive.largest:
                break
            file.write(piece)
            progress(done, total)
        file.flush()
        os.fsync(file.fileno())  # the rename must not reach the disk before the bytes
    if done > job.archive.largest:
        job.discard()
        raise TivaxError(
            f"{job.url}: more than {job.archive.largest:,} bytes, which "
            f"{job.archive.name} has at most; see {job.archive.page}"
        )
    if total is not None and done < total:
        raise requests.ConnectionError("the answer ended early")


def _refuse_other(job: _Job, response: requests.Response, first: bytes) -> None:
    """Raise where something else comes in place of the file, mostly a web page.

    DataverseNL may answer 200 with a page that asks whether one is a bot.
    """
    is_page = "text/html" in response.headers.get("Content-Type", "").lower()
    if is_page or is_web_page(first):
        raise TivaxError(
            f"{job.url}: in place of {job.archive.name} the site sent a web page, "
            f"perhaps to have you prove that you are not a bot; {job.by_hand}"
        )
    if other := other_kind(first, job.archive):
        raise TivaxError(f"{job.url}: {job.archive.name} {other}; {job.by_hand}")


def _may_pass(error: requests.RequestException) -> bool:
    passing = (requests.ConnectionError, requests.Timeout, requests.HTTPError)
    broken = requests.exceptions.ChunkedEncodingError
    bad = requests.exceptions.SSLError
    return isinstance(error, (*passing, broken)) and not isinstance(error, bad)


def _reason(error: requests.RequestException) -> str:
    """A few words for the chain of addresses and objects that requests prints."""
    match error:
        case requests.HTTPError() if error.response is not None:
            return f"the server has a fault (HTTP {error.response.status_code})"
        case requests.exceptions.SSLError():
            return "the site's certificate is not accepted"
        case requests.exceptions.ProxyError():
            return "the proxy does not answer"
        case requests.Timeout():
            return "the server does not answer"
        case requests.ConnectionError() | requests.exceptions.ChunkedEncodingError():
            return "no connection, or it broke"
    return " ".join(str(error).split())
