"""Fetching an archive: against a server on loopback."""

import hashlib
import socket
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from archive_server import ArchiveServer, archive_server

from flashcrash_binance.archive import Archive, ArchiveKind, ArchiveMarket, plan
from flashcrash_binance.download import Downloader, Fetched, Outcome, fetch_all
from flashcrash_core.api import DataError, verify_checksum

BODY = bytes(range(256)) * 4000


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ArchiveServer]:
    """An archive without a proxy between."""
    monkeypatch.setenv("no_proxy", "*")
    with archive_server() as served:
        yield served


def days(first: int, last: int) -> tuple[Archive, ...]:
    """Daily files of October 2025."""
    return plan("BTCUSDT", date(2025, 10, first), date(2025, 10, last), ArchiveKind.AGG_TRADES, ArchiveMarket.SPOT)


def fetch(server: ArchiveServer, files: tuple[Archive, ...], folder: Path, attempts: int = 5) -> tuple[list[Fetched], list[float]]:
    """Fetch without waiting; what came, and the pauses that would have been made."""
    pauses: list[float] = []
    return fetch_all(files, folder, Downloader(server.base, attempts, 10.0, pauses.append)), pauses


def outcomes(done: list[Fetched]) -> list[str]:
    """What became of each."""
    return [str(one.outcome) for one in done]


def names(folder: Path) -> list[str]:
    """What lies in a folder."""
    return sorted(path.name for path in folder.iterdir())


def test_files_and_their_checksums(server: ArchiveServer, tmp_path: Path) -> None:
    """Each file comes with its checksum beside it, and the report has its sum; nothing else is left."""
    (one,) = days(10, 10)
    told = server.add(one.path, BODY)
    (got,), pauses = fetch(server, (one,), tmp_path / "new" / "folder")
    assert (got.outcome, got.sha256, got.size_bytes, got.verified, pauses) == (Outcome.DOWNLOADED, told, len(BODY), True, [])
    assert got.path is not None
    assert verify_checksum(got.path) == told
    assert names(got.path.parent) == [one.name, f"{one.name}.CHECKSUM"]


def test_a_second_fetch_keeps_what_is_right(server: ArchiveServer, tmp_path: Path) -> None:
    """What is there is not downloaded again; what is damaged, or was issued again, is replaced."""
    files = days(10, 12)
    for one in files:
        server.add(one.path, BODY + one.name.encode())
    fetch(server, files, tmp_path)
    (tmp_path / files[1].name).write_bytes(b"damaged")
    server.add(files[2].path, b"issued again")
    done, _ = fetch(server, files, tmp_path)
    assert outcomes(done) == ["kept", "replaced", "replaced"]
    assert server.asked[f"/{files[0].path}"] == 1
    assert (tmp_path / files[2].name).read_bytes() == b"issued again"
    for one in files:
        assert verify_checksum(tmp_path / one.name) is not None


def test_missing_days_are_named(server: ArchiveServer, tmp_path: Path) -> None:
    """A day without a file is told, not a failure; none at all is one."""
    files = days(10, 12)
    server.add(files[1].path, BODY)
    done, _ = fetch(server, files, tmp_path)
    assert outcomes(done) == ["missing", "downloaded", "missing"]
    with pytest.raises(DataError, match="has none of the 1 files asked for"):
        fetch(server, files[:1], tmp_path)


def test_month_without_a_file(server: ArchiveServer, tmp_path: Path) -> None:
    """The current month has daily files only: they are taken instead."""
    (month,) = days(1, 31)
    for one in list(month.days())[:2]:
        server.add(one.path, BODY)
    done, _ = fetch(server, (month,), tmp_path)
    assert outcomes(done) == ["downloaded"] * 2 + ["missing"] * 29


def test_what_passes_is_tried_again(server: ArchiveServer, tmp_path: Path) -> None:
    """5xx, 429 and cut connections, of the checksum and of the file, are tried again with growing pauses."""
    (one,) = days(10, 10)
    told = server.add(one.path, BODY)
    server.faults = {f"/{one.path}.CHECKSUM": [503, "cut"], f"/{one.path}": [500, "cut", 429]}
    (got,), pauses = fetch(server, (one,), tmp_path)
    assert (got.outcome, got.sha256) == (Outcome.DOWNLOADED, told)
    assert (tmp_path / one.name).read_bytes() == BODY
    assert pauses == [1.0, 2.0, 1.0, 2.0, 4.0]
    assert names(tmp_path) == [one.name, f"{one.name}.CHECKSUM"]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (503, "the server answers 503 .*gave up after 2 attempts"),
        ("cut", "the connection (ended after|broke).*gave up after 2 attempts"),
        (403, "403 Forbidden"),
        (451, "legal reasons"),
        (400, "the server answers 400"),
    ],
)
def test_what_does_not_pass(server: ArchiveServer, tmp_path: Path, fault: int | str, words: str) -> None:
    """A fault that stays ends with the address and what to do; a half file is not left."""
    (one,) = days(10, 10)
    server.add(one.path, BODY)
    server.faults = {f"/{one.path}": [fault] * 9}
    with pytest.raises(DataError, match=words) as caught:
        fetch(server, (one,), tmp_path, attempts=2)
    assert f"{server.base}/{one.path}" in str(caught.value)
    assert names(tmp_path) == []


def test_checksum_that_does_not_match(server: ArchiveServer, tmp_path: Path) -> None:
    """A file that the server's own checksum denies is not kept, and both sums are named."""
    (one,) = days(10, 10)
    server.add(one.path, BODY, checksum="ab" * 32)
    with pytest.raises(DataError) as caught:
        fetch(server, (one,), tmp_path, attempts=2)
    assert hashlib.sha256(BODY).hexdigest() in str(caught.value)
    assert "ab" * 32 in str(caught.value)
    assert names(tmp_path) == []


def test_a_file_that_is_right_survives_a_server_that_is_not(server: ArchiveServer, tmp_path: Path) -> None:
    """What was there stays when its replacement cannot be got."""
    (one,) = days(10, 10)
    server.add(one.path, BODY)
    fetch(server, (one,), tmp_path)
    server.add(one.path, b"new", checksum="ab" * 32)
    with pytest.raises(DataError):
        fetch(server, (one,), tmp_path, attempts=1)
    assert (tmp_path / one.name).read_bytes() == BODY
    assert verify_checksum(tmp_path / one.name) is not None


def test_server_without_checksums(server: ArchiveServer, tmp_path: Path) -> None:
    """A mirror that has none is used, and that the file is not verified is told."""
    (one,) = days(10, 10)
    told = server.add(one.path, BODY)
    del server.files[f"/{one.path}.CHECKSUM"]
    (got,), _ = fetch(server, (one,), tmp_path)
    assert (got.verified, got.sha256) == (False, told)
    assert names(tmp_path) == [one.name]


def test_wrong_endpoint(server: ArchiveServer, tmp_path: Path) -> None:
    """A server that answers everything with a page is recognised by its checksum."""
    (one,) = days(10, 10)
    server.add(one.path, BODY)
    server.files[f"/{one.path}.CHECKSUM"] = b"<html>welcome</html>"
    with pytest.raises(DataError, match=r"\(is --base right\?\): not a checksum file"):
        fetch(server, (one,), tmp_path)


def test_nobody_there(server: ArchiveServer, tmp_path: Path) -> None:
    """A refused connection names the host and --base."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nobody = ArchiveServer(base=f"http://127.0.0.1:{unused.getsockname()[1]}")
        with pytest.raises(DataError, match=r"nothing answers at 127\.0\.0\.1:\d+: --base is wrong"):
            fetch(nobody, days(10, 10), tmp_path, attempts=2)


def test_no_network(server: ArchiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that cannot be found is told as no network or a wrong address."""

    def unknown(*_args: object, **_options: object) -> object:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(DataError, match=r"the host archive\.invalid cannot be found: there is no network, or --base is wrong"):
        fetch(ArchiveServer(base="http://archive.invalid"), days(10, 10), tmp_path, attempts=2)


def test_folder_that_cannot_be_written(server: ArchiveServer, tmp_path: Path) -> None:
    """A file where the folder should be is told as what it is."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match="cannot be made"):
        fetch(server, days(10, 10), tmp_path / "file")
