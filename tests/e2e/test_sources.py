"""New sources through the real command line: fetched archives, candles, books of Tardis, checksums, an invented book."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from archive_server import ArchiveServer, archive_server, zipped

US = 1_760_054_400_000_000  # 2025-10-10
DAY = "data/spot/daily/{kind}/POLUSDT/{rest}"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ArchiveServer]:
    """An archive on loopback, without a proxy between."""
    monkeypatch.setenv("no_proxy", "*")
    with archive_server() as served:
        yield served


def agg_trades(day: int, rows: int = 400) -> str:
    """One day of spot aggTrades, a row a second; ids go on from day to day."""
    start = day * rows + 1
    lines = []
    for n in range(rows):
        number, at = start + n, US + (day * 86_400 + n) * 10**6
        lines.append(f"{number},{0.2361 + n % 7 / 10_000:.4f},47.8,{number},{number},{at},{n % 2 == 0},True\n")
    return "".join(lines)


def klines(rows: int = 400) -> str:
    """Seconds that walk up and down."""
    lines = []
    for n in range(rows):
        at, price = US + n * 10**6, 2361 + n % 9
        cells = [at, *(f"0.{price + by}" for by in (0, 3, -2, 1)), "100.0", at + 999_999, "23.62", 6, "40.0", "9.45", 0]
        lines.append(",".join(map(str, cells)) + "\n")
    return "".join(lines)


def serve(server: ArchiveServer, name: str, text: str, kind: str = "aggTrades", rest: str = "") -> str:
    """Put one day's file on the server; its SHA-256."""
    return server.add(DAY.format(kind=kind, rest=f"{rest}{name}.zip"), zipped(f"{name}.csv", text))


def test_fetch_then_replay(cli: Any, server: ArchiveServer, tmp_path: Path) -> None:
    """Two days come with their sums, the missing one is named, a second fetch keeps them, and a backtest reads them."""
    sums = [serve(server, f"POLUSDT-aggTrades-2025-10-1{day}", agg_trades(day)) for day in (0, 1)]
    command = ("tape", "fetch", "polusdt", "2025-10-10", "2025-10-12", "--out", "raw", "--base", server.base)
    got = cli.ok(*command, "--json").report
    assert [one["sha256"] for one in got["files"]] == sums
    assert [(one["outcome"], one["verified"], one["first_day"]) for one in got["files"]] == [
        ("downloaded", True, "2025-10-10"),
        ("downloaded", True, "2025-10-11"),
    ]
    assert got["missing"] == ["2025-10-12"]
    again = cli.ok(*command)
    assert again.out.count("kept") == 2
    assert "warning: 1 days are not in the archive: 2025-10-12" in again.err
    report = cli.ok("detect", *[one["path"] for one in got["files"]], "--json").report
    assert (report["events"], report["data_tier"]) == (800, "trades")


def test_fetch_that_cannot_be(cli: Any, server: ArchiveServer, tmp_path: Path) -> None:
    """Nothing there, a server that refuses, and wrong words end with code 1 or 2 and what to do."""
    options = ("--out", "raw", "--base", server.base, "--attempts", "1", "--json")
    day = ("tape", "fetch", "POLUSDT", "2025-10-10", "2025-10-10")
    assert "has none of the 1 files asked for" in cli.refused(1, *day, *options)
    server.faults[f"/{DAY.format(kind='aggTrades', rest='POLUSDT-aggTrades-2025-10-10.zip.CHECKSUM')}"] = [451]
    assert "legal reasons (451)" in cli.refused(1, *day, *options)
    assert "1s klines exist for spot only" in cli.refused(2, *day, *options, "--kind", "klines", "--market", "um")
    assert "expected an http or https address" in cli.refused(2, *day, "--out", "raw", "--base", "nowhere")
    assert not list(tmp_path.glob("raw/*"))


def test_a_checksum_that_denies_the_file(cli: Any, tmp_path: Path) -> None:
    """Replay and import refuse it with both sums before any event; no tape is left."""
    path = tmp_path / "POLUSDT-aggTrades-2025-10-10.zip"
    path.write_bytes(zipped("a.csv", agg_trades(0)))
    (tmp_path / f"{path.name}.CHECKSUM").write_text(f"{'0' * 64}  {path.name}\n")
    for command in (("detect", path.name, "--json"), ("tape", "import", path.name, "--out", "tapes", "--json")):
        said = cli.refused(1, *command)
        assert "0" * 64 in said
        assert path.name in said
    assert not list(tmp_path.glob("tapes/**/*.npy"))


def test_candles_are_called_invented(cli: Any, server: ArchiveServer) -> None:
    """Fetched 1s klines replay as synthetic trades, with the word in report and warnings, from file and from tape."""
    serve(server, "POLUSDT-1s-2025-10-10", klines(), "klines", "1s/")
    fetch = ("tape", "fetch", "POLUSDT", "2025-10-10", "2025-10-10", "--kind", "klines", "--out", "raw", "--base", server.base)
    (path,) = [one["path"] for one in cli.ok(*fetch, "--json").report["files"]]
    cli.ok("tape", "import", path, "--out", "tapes")
    for source in (path, "tapes/POLUSDT/2025-10-10"):
        report = cli.ok("backtest", source, "--engine", "stream", "--json").report
        assert report["data_tier"] == "synthetic"
        assert any("SYNTHETIC" in warning for warning in report["warnings"]), source
    assert "SYNTHETIC" in cli.ok("backtest", path).out


def test_invented_book(cli: Any, tmp_path: Path) -> None:
    """A tape with an invented book is synthetic and says so in every report; data with a book gets none."""
    for day in (0, 1):
        (tmp_path / f"POLUSDT-aggTrades-2025-10-1{day}.csv").write_text(agg_trades(day))
    names = [f"POLUSDT-aggTrades-2025-10-1{day}.csv" for day in (0, 1)]
    imported = cli.ok("tape", "import", *names, "--book", "synthetic", "--out", "tapes")
    assert "SYNTHETIC BOOK - not evidence of detection or profit" in imported.out + imported.err
    cli.ok("tape", "import", *names, "--out", "plain")
    for day in (0, 1):
        tape = f"tapes/POLUSDT/2025-10-1{day}"
        info = cli.ok("tape", "info", tape, "--json").report
        assert (info["grade"], info["synthetic_book"]) == ("synthetic", True)
        cli.ok("tape", "verify", tape)
    for command in ("backtest", "detect"):
        report = cli.ok(command, tape, "--engine", "stream", "--json").report
        assert report["data_tier"] == "synthetic"
        assert "SYNTHETIC BOOK - not evidence of detection or profit" in report["warnings"]
    assert cli.ok("tape", "info", "plain/POLUSDT/2025-10-10", "--json").report["grade"] == "trades"
    book = tardis_book(tmp_path, snapshot=True)
    assert "has a book of its own" in cli.refused(1, "tape", "import", book, "--book", "synthetic", "--out", "more")


def tardis_book(tmp_path: Path, *, snapshot: bool) -> str:
    """An incremental_book_L2 file of a quiet minute."""
    rows = ["exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount"]
    for n in range(600):
        start = f"binance,POLUSDT,{US + n * 100_000},{US + n * 100_000 + 900},{'true' if n == 0 and snapshot else 'false'}"
        rows += [f"{start},bid,0.{2360 - n % 5},{1 + n % 3}", f"{start},ask,0.{2362 + n % 5},{1 + n % 4}"]
    (tmp_path / "book.csv").write_text("\n".join(rows) + "\n")
    return "book.csv"


@pytest.mark.parametrize("snapshot", [True, False])
def test_book_of_tardis(cli: Any, tmp_path: Path, snapshot: bool) -> None:
    """A book file replays as L2; one without its snapshot says by file and row that its book is not usable."""
    report = cli.ok("detect", tardis_book(tmp_path, snapshot=snapshot), "--json").report
    assert (report["data_tier"], report["events"]) == ("L2", 600)
    said = [warning for warning in report["warnings"] if "book.csv:2: POLUSDT begins without its snapshot" in warning]
    assert len(said) == (0 if snapshot else 1)


def test_bad_rows_name_file_and_row(cli: Any, tmp_path: Path) -> None:
    """Mixed units end the run with file and row; nothing is converted behind the user's back."""
    path = tmp_path / "POLUSDT-aggTrades-2025-10-10.csv"
    lines = agg_trades(0, 20).splitlines()
    lines[9] = lines[9].replace(f",{US + 9 * 10**6},", f",{(US + 9 * 10**6) // 1000},")
    path.write_text("\n".join(lines) + "\n")
    assert f"{path.name}:10: time " in cli.refused(1, "detect", path.name, "--json")
    assert f"{path.name}:10: time " in cli.refused(1, "tape", "import", path.name, "--out", "tapes")
    assert not list(tmp_path.glob("tapes/**/*.npy"))


def test_json_of_fetch_is_one_document(cli: Any, server: ArchiveServer) -> None:
    """--json prints nothing else on standard output."""
    serve(server, "POLUSDT-aggTrades-2025-10-10", agg_trades(0))
    done = cli.ok("tape", "fetch", "POLUSDT", "2025-10-10", "2025-10-10", "--out", "raw", "--base", server.base, "--json")
    assert set(json.loads(done.out)) == {"schema", "base", "files", "missing", "warnings"}
