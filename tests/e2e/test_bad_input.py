"""Bad input through the real command line: one clear message that names the thing and the way out, and the right exit code."""

import gzip
import json
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Start = Callable[..., Any]


def capture(path: Path, lines: list[bytes]) -> Path:
    """Write lines as a compressed capture."""
    path.write_bytes(gzip.compress(b"".join(lines), compresslevel=1))
    return path


def deltas(lines: list[bytes]) -> list[int]:
    """Which lines are book updates."""
    return [number for number, line in enumerate(lines) if b"depthUpdate" in line]


def payload(line: bytes) -> dict[str, Any]:
    """The message of a line, without the envelope of a combined stream."""
    message = json.loads(line.partition(b" ")[2])
    found: dict[str, Any] = message.get("data", message)
    return found


def rest_snapshot(lines: list[bytes], until: int) -> bytes:
    """The REST snapshot that an exchange would have given after line ``until``."""
    book: dict[str, dict[str, str]] = {"bids": {}, "asks": {}}
    last_id = 0
    for line in lines[: until + 1]:
        message = payload(line)
        if "lastUpdateId" in message:
            last_id = message["lastUpdateId"]
            book = {side: dict(message[side]) for side in book}
        elif message.get("e") == "depthUpdate":
            last_id = message["u"]
            book["bids"].update(message["b"])
            book["asks"].update(message["a"])
    sides = {side: [[price, qty] for price, qty in book[side].items() if float(qty)] for side in book}
    for side, reverse in (("bids", True), ("asks", False)):
        sides[side].sort(key=lambda level: float(level[0]), reverse=reverse)
    return lines[until].partition(b" ")[0] + b" " + json.dumps({"lastUpdateId": last_id, **sides}).encode() + b"\n"


def test_files_that_are_none(cli: Any, tmp_path: Path, calm_lines: list[bytes]) -> None:
    """A missing file, a directory, a foreign format and files without content are refused with code 1, naming the file and why."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "prose.txt").write_text("hello\nworld\n")
    (tmp_path / "empty.gz").write_bytes(b"")
    capture(tmp_path / "hollow.gz", [])
    capture(tmp_path / "other.gz", [b'1893456000000000000 {"result":null,"id":1}\n'] * 50)
    (tmp_path / "stub.gz").write_bytes(gzip.compress(b"".join(calm_lines))[:30])
    for name, words in {
        "none.gz": "no such file; check the path",
        "folder": "is a directory; name the files in it",
        "prose.txt": "no feed recognises this format (it starts with 'hello')",
        "empty.gz": "the file is empty",
        "hollow.gz": "the file is empty",
        "other.gz": "no events; none of the first 2000 lines is a Binance",
        "stub.gz": "truncated or damaged. Download it again",
    }.items():
        message = cli.refused(1, "run", "--tape", name)
        assert len(message.splitlines()) == 1
        assert message.startswith(f"error: {name}: "), message
        assert words in message
    assert not (tmp_path / "var").exists(), "a refused run must not leave a database"


def test_truncated_gzip(cli: Any, tmp_path: Path, calm_lines: list[bytes]) -> None:
    """A capture that breaks off fails the run, naming file and line; the session is failed and keeps what came before."""
    whole = capture(tmp_path / "x.gz", calm_lines).read_bytes()
    (tmp_path / "x.gz").write_bytes(whole[: len(whole) // 2])
    message = cli.refused(1, "run", "--tape", "x.gz", "--db", "x.db", "--set", "run.snapshot_s=1")
    error, where = message.splitlines()
    assert "x.gz: the compressed file breaks off after line " in error
    assert "Download it again" in error
    assert "kept in x.db as failed; flashcrash sessions show " in where
    shown = cli.ok("sessions", "show", "last", "--db", "x.db", "--json").report
    assert shown["status"] == "failed"
    assert shown["stats"]["audit"] == {"failed": 1}


def test_failed_run_is_resumed(cli: Any, tmp_path: Path, small_capture: Path, started: Start, whole: Any) -> None:
    """A database that cannot grow ends the run with code 1 and keeps every commit; with room again the run is resumed."""
    process = started("run", "--tape", small_capture, "--db", "x.db", "--json", "--set", "run.snapshot_s=10")
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (300 * 1024, 300 * 1024))
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert "Traceback" not in err
    error, where = err.splitlines()
    assert "x.db met an I/O error; everything committed before is kept" in error
    assert "ulimit -f" in error
    assert "once the database can be written: flashcrash run --resume " in where
    listed = cli.ok("sessions", "list", "--db", "x.db", "--json").report["sessions"]
    assert listed[0]["status"] in ("failed", "crashed")
    resumed = cli.ok("run", "--resume", "last", "--db", "x.db", "--json").report
    assert resumed["decision_hash"] == whole.report["decision_hash"]
    assert resumed["trades"] == whole.report["trades"]


def test_broken_line(cli: Any, tmp_path: Path, calm_lines: list[bytes]) -> None:
    """A line that was cut is counted by reason and warned of; the run goes on to the end."""
    quote = next(n for n, line in enumerate(calm_lines) if n > 400 and b"bookTicker" in line)
    broken = [*calm_lines[:quote], calm_lines[quote][:60] + b"\n", *calm_lines[quote + 1 :]]
    report = cli.ok("run", "--tape", capture(tmp_path / "x.gz", broken), "--json").report
    data = report["data"]["SIMUSDT"]
    assert data["rejected"] == {"not_json": 1}
    assert data["counts"]["deltas"] == len(deltas(calm_lines))
    assert "SIMUSDT: 1 messages could not be used (0.125 % of the input); reasons under data" in report["warnings"]


@pytest.mark.parametrize("resync", [False, True], ids=["to the end", "until a snapshot"])
def test_sequence_gap(resync: bool, cli: Any, tmp_path: Path, calm_lines: list[bytes]) -> None:
    """A lost book update makes the book unusable until the next snapshot; both the gap and what was lost are reported."""
    updates = deltas(calm_lines)
    lines = list(calm_lines)
    if resync:
        lines.insert(updates[70] + 1, rest_snapshot(calm_lines, updates[70]))
    del lines[updates[40]]
    report = cli.ok("run", "--tape", capture(tmp_path / "x.gz", lines), "--json").report
    counts = report["data"]["SIMUSDT"]["counts"]
    assert counts["book_gaps"] == 1
    assert counts["snapshots"] == 1 + resync
    # Each update that follows its last quote is a check of the book against the ticker; none is possible while it is unusable.
    assert counts["quote_checks"] == (40 + 29 if resync else 40)
    assert counts.get("quote_mismatches", 0) == 0
    after = (
        "the book was unusable until the next snapshot"
        if resync
        else "no snapshot followed, so the book stayed unusable to the end"
    )
    assert f"SIMUSDT: 1 gap in the data; {after}" in report["warnings"]


def test_sequence_gap_is_shown_to_a_person(cli: Any, tmp_path: Path, calm_lines: list[bytes]) -> None:
    """The readable report names the gap too."""
    lines = list(calm_lines)
    del lines[deltas(lines)[40]]
    shown = cli.ok("run", "--tape", capture(tmp_path / "x.gz", lines)).out
    assert "1 gap in the data" in " ".join(shown.split())


def test_several_symbols(cli: Any, tmp_path: Path, calm_lines: list[bytes], lines_of: Any) -> None:
    """Captures of different symbols are merged by receive time into one run; one of them can be chosen."""
    other = lines_of("calm", calm_s=10, symbol="BTCUSDT")
    capture(tmp_path / "a.gz", calm_lines)
    capture(tmp_path / "b.gz", other)
    report = cli.ok("run", "--tape", "a.gz", "--tape", "b.gz", "--json").report
    assert report["symbols"] == ["SIMUSDT", "BTCUSDT"]
    assert report["events"] == len(calm_lines) + len(other)
    for symbol in report["symbols"]:
        assert report["data"][symbol]["counts"].get("late", 0) == 0
        assert report["data"][symbol]["counts"].get("book_gaps", 0) == 0
    spans = [report["detection"][symbol]["span_s"] for symbol in report["symbols"]]
    assert sum(report["state_seconds"].values()) == sum(spans)
    message = cli.refused(2, "run", "--tape", "a.gz", "--symbols", "FOOUSDT")
    assert message == "error: --symbols FOOUSDT: not in a.gz, which holds SIMUSDT\n"


def test_the_same_data_twice(cli: Any, tmp_path: Path, calm_lines: list[bytes]) -> None:
    """A tape named twice, and a copy of it, are refused: their events would count twice."""
    capture(tmp_path / "a.gz", calm_lines)
    capture(tmp_path / "b.gz", calm_lines)
    assert "a.gz: is named twice" in cli.refused(2, "run", "--tape", "a.gz", "--tape", "./a.gz")
    message = cli.refused(1, "run", "--tape", "a.gz", "--tape", "b.gz")
    assert "raw capture b.gz (spot: SIMUSDT): begins 10.0 s before raw capture a.gz (spot: SIMUSDT) ends" in message


def test_halves_of_a_capture_join(cli: Any, tmp_path: Path, calm_lines: list[bytes]) -> None:
    """A capture in two files is one market, in whatever order they are named."""
    middle = len(calm_lines) // 2
    capture(tmp_path / "a.gz", calm_lines[:middle])
    capture(tmp_path / "b.gz", calm_lines[middle:])
    report = cli.ok("run", "--tape", "b.gz", "--tape", "a.gz", "--json").report
    assert report["events"] == len(calm_lines)
    assert report["warnings"] == []
    assert report["data"]["SIMUSDT"]["counts"]["quote_checks"] == len(deltas(calm_lines))


USAGE = {
    "unknown plugin": (("--plugins", "volatilty"), 'there is no plugin "volatilty"; did you mean "volatility"?'),
    "unknown feed": (
        ("--feed", "nofeed"),
        'there is no feed "nofeed"; loaded: binance, bulk, klines, replay, simulated, tape, tardis, tardis_book',
    ),
    "feed without file": (("--feed", "replay"), "feed replay reads files: name one with --tape PATH"),
    "mode real": (("--mode", "real"), "--mode real: the feed does not hear a running market; orders need --feed binance"),
    "speed": (("--speed", "fast"), "--speed: must be"),
    "duration": (("--duration", "-4"), "--duration -4: must be a positive number of seconds"),
    "endless duration": (("--duration", "inf"), "--duration inf: must be a positive number of seconds"),
    "database without name": (("--db", ""), "--db: must not be empty"),
    "profile": (("--profile", "rubust"), '--profile: there is no profile "rubust"'),
    "unknown key": (("--set", "detector.wamup_s=3"), 'detector.wamup_s: unknown key; did you mean "warmup_s"?'),
    "no key": (("--set", "foo"), "--set foo: not of the form table.key=value"),
    "no config": (("--config", "none.toml"), "none.toml: cannot be read"),
    "place of the export": (("--out", "file/x"), "--out file/x: cannot be made"),
}


@pytest.mark.parametrize(("arguments", "words"), USAGE.values(), ids=USAGE.keys())
def test_usage(arguments: tuple[str, ...], words: str, cli: Any, tmp_path: Path) -> None:
    """What was typed wrongly is named as it was typed, with code 2, before anything is run or stored."""
    (tmp_path / "file").write_text("")
    message = cli.refused(2, "run", *arguments)
    assert words in message
    assert len(message.splitlines()) == 1
    assert not (tmp_path / "var").exists()


def test_engine_batch(cli: Any, tmp_path: Path, calm_lines: list[bytes]) -> None:
    """The batch engine is refused where it cannot do the run, not silently replaced by another; so is an engine that is none."""
    tape = capture(tmp_path / "x.gz", calm_lines)
    assert "flashcrash tape import" in cli.refused(2, "backtest", tape, "--engine", "batch")
    assert "choose auto, batch or stream" in cli.refused(2, "backtest", tape, "--engine", "fast")


def test_bad_configuration(cli: Any, tmp_path: Path) -> None:
    """Faults in a configuration file are reported all at once, each with file, line and the nearest valid key."""
    (tmp_path / "syntax.toml").write_text("[run]\nmode = \n")
    assert cli.refused(2, "run", "--config", "syntax.toml").startswith("error: syntax.toml:2: not valid TOML")
    (tmp_path / "keys.toml").write_text('[run]\nmodee = "paper"\n\n[detector]\nwarmup = 3\nhold_s = "long"\n')
    lines = cli.refused(2, "run", "--config", "keys.toml").splitlines()
    assert lines[0] == 'error: keys.toml:2 run.modee: unknown key; did you mean "mode"?'
    assert lines[1] == 'error: keys.toml:5 detector.warmup: unknown key; did you mean "warmup_s"?'
    assert lines[2].startswith("error: keys.toml:6 detector.hold_s: ")
    assert len(lines) == 3


@pytest.mark.parametrize("place", ["file/x.db", "folder"])
def test_unwritable_database(place: str, cli: Any, tmp_path: Path) -> None:
    """A database that cannot be made is named with the way out, code 1."""
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    message = cli.refused(1, "run", "--db", place)
    assert len(message.splitlines()) == 1
    assert f"{place}" in message
    assert "--db" in message


def test_foreign_database(cli: Any, tmp_path: Path) -> None:
    """A file that is no database of ours is left as it was."""
    (tmp_path / "x.db").write_text("not a database, but something of value " * 20)
    before = (tmp_path / "x.db").read_bytes()
    message = cli.refused(1, "run", "--db", "x.db")
    assert "x.db" in message
    assert (tmp_path / "x.db").read_bytes() == before
