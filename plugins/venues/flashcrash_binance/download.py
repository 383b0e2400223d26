"""Fetching files of an archive with their checksums: whole or not at all, and again only what is not there.

A file is written under another name, held against its checksum, and renamed; then the checksum is put beside it. What the server
cannot give for a while (5xx, 429, a timeout, a cut connection, a sum that does not match) is asked for again with growing pauses.
"""

import contextlib
import http.client
import os
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar

from attrs import field, frozen

from flashcrash_binance.archive import Archive
from flashcrash_core.api import CHECKSUM_SUFFIX, DataError, file_sha256, parse_checksum

__all__ = ["Downloader", "Fetched", "Outcome", "fetch_all"]

T = TypeVar("T")

ATTEMPTS: Final = 5
TIMEOUT_S: Final = 30.0
_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 60.0
_CHUNK_BYTES: Final = 1 << 18
_CHECKSUM_BYTES: Final = 4096
_SOME_LATER: Final = frozenset({408, 425, 429, 500, 502, 503, 504})

_MEANING: Final = {
    403: "the server refuses it (403 Forbidden): check --base, or whether a proxy or the server blocks this machine",
    451: "not given to this place for legal reasons (451): fetch the files where the archive is served, and copy them here",
}


class Outcome(StrEnum):
    """What became of one file."""

    DOWNLOADED = "downloaded"
    KEPT = "kept"
    """It was there, with the checksum that the server tells now."""
    REPLACED = "replaced"
    """It was there with another content: damaged, or issued again since."""
    MISSING = "missing"
    """The server has no such file (404)."""


@frozen
class Fetched:
    """One file of the archive and what became of it."""

    archive: Archive
    url: str
    outcome: Outcome
    path: Path | None = None
    sha256: str = ""
    size_bytes: int = 0
    verified: bool = False
    """Whether the server told a checksum for it."""


class _LaterError(Exception):
    """Worth asking again."""

    def __init__(self, fault: str, pause_s: float = 0.0) -> None:
        self.pause_s = pause_s
        super().__init__(fault)


@frozen
class Downloader:
    """Asks one server. ``pause`` waits between attempts."""

    base: str
    attempts: int = ATTEMPTS
    timeout_s: float = TIMEOUT_S
    pause: Callable[[float], object] = field(default=time.sleep)

    def fetch(self, archive: Archive, folder: Path) -> Fetched:
        """One file with its checksum into ``folder``. Raises DataError for what cannot be got, and for a full or read-only disk."""
        url = f"{self.base}/{archive.path}"
        told = self._again(url + CHECKSUM_SUFFIX, lambda: self._text(url + CHECKSUM_SUFFIX))
        expected = "" if told is None else parse_checksum(told, f"{url}{CHECKSUM_SUFFIX} (is --base right?)")
        target = folder / archive.name
        had = file_sha256(target) if target.is_file() else ""
        if not (had and had == expected):
            got = self._again(url, lambda: self._file(url, target, expected))
            if got is None:
                return Fetched(archive, url, Outcome.MISSING)
        if told is not None:
            _write_whole(target.with_name(target.name + CHECKSUM_SUFFIX), told)
        sha256 = expected or file_sha256(target)
        outcome = Outcome.KEPT if had == sha256 else Outcome.REPLACED if had else Outcome.DOWNLOADED
        return Fetched(archive, url, outcome, target, sha256, target.stat().st_size, verified=bool(expected))

    # -- attempts ----------------------------------------------------------------------------------------------------

    def _again(self, url: str, work: Callable[[], T]) -> T:
        """``work`` until it succeeds, fails for good, or was tried often enough. Raises DataError."""
        pause_s = _FIRST_PAUSE_S
        for attempt in range(1, self.attempts + 1):
            try:
                return work()
            except _LaterError as fault:
                if attempt == self.attempts:
                    raise DataError(
                        f"{url}: {fault}; gave up after {attempt} attempts. Try again later: what is there is kept"
                    ) from None
                self.pause(min(max(pause_s, fault.pause_s), _LONGEST_PAUSE_S))
                pause_s *= 2
        raise AssertionError("unreachable")

    def _text(self, url: str) -> str | None:
        """The text at an address, None for 404."""
        with self._open(url) as answer:
            if answer is None:
                return None
            body = _read(answer, _CHECKSUM_BYTES)
            if len(body) < _CHECKSUM_BYTES:
                _require_whole(answer, len(body))
            return body.decode("utf-8", "replace")

    def _file(self, url: str, target: Path, expected: str) -> str | None:
        """Download to ``target``; its SHA-256, or None for 404."""
        part = target.with_name(f".{target.name}.part")
        try:
            with self._open(url) as answer:
                if answer is None:
                    return None
                with part.open("wb") as file:
                    while chunk := _read(answer, _CHUNK_BYTES):
                        file.write(chunk)
                    _require_whole(answer, file.tell())
            found = file_sha256(part)
            if expected and found != expected:
                raise _LaterError(f"its SHA-256 is {found}, but the server's checksum says {expected}")
            part.replace(target)
            return found
        except OSError as error:
            raise DataError(f"{target}: cannot be written: {error.strerror or error}") from None
        finally:
            part.unlink(missing_ok=True)

    # -- one request -------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _open(self, url: str) -> Iterator[http.client.HTTPResponse | None]:
        """The server's answer, None for 404. Raises _LaterError, or DataError for what no repetition mends."""
        try:
            answer = urllib.request.urlopen(url, timeout=self.timeout_s)
        except urllib.error.HTTPError as error:
            with error:
                if error.code != 404:
                    raise _refused(url, error) from None
            answer = None
        except urllib.error.URLError as error:
            raise self._unreachable(url, error.reason) from None
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(url, error) from None
        if answer is None:
            yield None
        else:
            with answer:
                yield answer

    def _unreachable(self, url: str, reason: object) -> Exception:
        host = urllib.request.Request(url).host
        if isinstance(reason, ssl.SSLError):
            return DataError(f"{url}: no safe connection to {host}: {reason}; check --base and the clock of this machine")
        if isinstance(reason, socket.gaierror):
            return _LaterError(f"the host {host} cannot be found: there is no network, or --base is wrong")
        if isinstance(reason, ConnectionRefusedError):
            return _LaterError(f"nothing answers at {host}: --base is wrong, or the server is down")
        if isinstance(reason, TimeoutError):
            return _LaterError(f"no answer from {host} within {self.timeout_s:g} s")
        return _LaterError(f"the connection to {host} failed: {reason or type(reason).__name__}")


def _refused(url: str, error: urllib.error.HTTPError) -> Exception:
    code = error.code
    if code in _SOME_LATER or code >= 500:
        after = error.headers.get("Retry-After", "")
        return _LaterError(f"the server answers {code} {error.reason}", float(after) if after.isdigit() else 0.0)
    return DataError(f"{url}: {_MEANING.get(code, f'the server answers {code} {error.reason}; check --base')}")


def _read(answer: http.client.HTTPResponse, size: int) -> bytes:
    try:
        return answer.read(size)
    except (OSError, http.client.HTTPException) as error:
        raise _LaterError(f"the connection broke: {error or type(error).__name__}") from None


def _require_whole(answer: http.client.HTTPResponse, size: int) -> None:
    """A connection that ends early looks like an end of file when it is read in parts."""
    length = answer.headers.get("Content-Length", "")
    if length.isdigit() and size != int(length):
        raise _LaterError(f"the connection ended after {size} of {length} bytes")


def _write_whole(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(text, encoding="utf-8")
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise DataError(f"{path}: cannot be written: {error.strerror or error}") from None


def fetch_all(
    files: Iterable[Archive], folder: Path, downloader: Downloader, tell: Callable[[Fetched], object] = lambda _: None
) -> list[Fetched]:
    """All files into ``folder``, in order; of a month that has no file yet, its days. ``tell`` hears of each as it is done.

    Raises DataError when the server has none of them.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder}: cannot be made: {error.strerror or error}") from None
    done: list[Fetched] = []
    for wanted in files:
        got = [downloader.fetch(wanted, folder)]
        if got[0].outcome is Outcome.MISSING and wanted.monthly:
            got = []
            for day in wanted.days():
                got.append(downloader.fetch(day, folder))
                tell(got[-1])
        else:
            tell(got[0])
        done += got
    if all(one.outcome is Outcome.MISSING for one in done):
        raise DataError(
            f"{downloader.base}: has none of the {len(done)} files asked for, the first at {done[0].url}; check symbol, market, "
            f"kind and days (a day's file appears on the next day)"
        )
    return done
