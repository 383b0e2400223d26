"""``flashcrash tape import``, ``info`` and ``verify`` through the real command line, on generated and on recorded files."""

import gzip
import hashlib
import json
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from recorded_data import ATOM, SPOT, USDM, recorded

Start = Callable[..., "subprocess.Popen[str]"]
OWN = ("wall_s", "session", "session_db", "input")
DAY_MS = 86_400_000
T0_MS = 1_760_054_400_000
"""2025-10-10."""


def capture(path: Path, lines: list[bytes]) -> Path:
    """Write lines as a compressed capture."""
    path.write_bytes(gzip.compress(b"".join(lines), compresslevel=1))
    return path


def rows_of(count: int, *, first_id: int = 1, start_ms: int = T0_MS, step_ms: int = 40) -> list[str]:
    """Rows of a spot aggTrades file in milliseconds."""
    return [
        f"{i},{60000 + i * 7919 % 2000 / 100:.2f},0.01000,{i},{i},{start_ms + (i - first_id) * step_ms},{i % 3 > 0},True"
        for i in range(first_id, first_id + count)
    ]


def bulk(folder: Path, day: str, rows: list[str], symbol: str = "BTCUSDT") -> Path:
    """Write rows as Binance serves them."""
    path = folder / f"{symbol}-aggTrades-{day}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(f"{symbol}-aggTrades-{day}.csv", "\n".join(rows) + "\n")
    return path


def tapes(out: Path) -> list[str]:
    """The tapes below ``out``, and whatever else lies there."""
    found = {
        path.parent if path.name == "tape.json" else path for path in out.rglob("*") if path.name == "tape.json" or path.is_dir()
    }
    return sorted(str(path.relative_to(out)) for path in found if not any(child.is_dir() for child in path.iterdir()))


def marks(tape: dict[str, Any]) -> dict[str, int]:
    """What was found in it, and how often."""
    return {mark["what"]: mark["count"] for mark in tape["marks"]}


def without_own(report: dict[str, Any]) -> dict[str, Any]:
    """A report without what must differ between a file and its tape."""
    return {key: value for key, value in report.items() if key not in OWN}


# -- the same as the file ----------------------------------------------------------------------------------------------------


def test_a_tape_decides_as_its_file(cli: Any, tmp_path: Path, small_capture: Path) -> None:
    """A run of a tape gives the report of its file: decisions, trades, state seconds, counts and warnings."""
    document = cli.ok("tape", "import", small_capture, "--out", "tapes", "--json").report
    (tape,) = document["tapes"]
    assert (tape["outcome"], tape["data_tier"], tape["marks"]) == ("written", "L2", [])
    of_file = cli.ok("run", "--tape", small_capture, "--json").report
    of_tape = cli.ok("run", "--tape", tape["path"], "--json").report
    assert without_own(of_tape) == without_own(of_file)
    assert of_file["decisions"] > 0
    assert len(of_file["trades"]) > 0
    assert of_tape["input"] == "tape 2030-01-01 (spot: SIMUSDT)"
    assert "prove" not in cli.ok("tape", "verify", tape["path"]).out
    assert cli.ok("sessions", "verify", "last").code == 0


def test_faults_of_the_file_are_in_its_tape(cli: Any, tmp_path: Path, calm_lines: list[bytes]) -> None:
    """Refused lines and lost updates are told by the tape as by the file, with reason, file and line."""
    updates = [number for number, line in enumerate(calm_lines) if b"depthUpdate" in line]
    lines = list(calm_lines)
    lines[updates[30]] = lines[updates[30]][:70] + b"\n"
    del lines[updates[60]]
    path = capture(tmp_path / "x.gz", lines)
    (tape,) = cli.ok("tape", "import", path, "--out", "tapes", "--json").report["tapes"]
    assert marks(tape)["rejected.not_json"] == 1
    assert marks(tape)["book_gap"] >= 1
    (refused,) = [mark for mark in tape["marks"] if mark["what"] == "rejected.not_json"]
    assert refused["detail"].startswith(f"{path}:{updates[30] + 1} ")
    of_file, of_tape = (cli.ok("run", "--tape", one, "--json").report for one in (path, tape["path"]))
    assert without_own(of_tape) == without_own(of_file)
    cli.ok("tape", "verify", tape["path"])


@pytest.mark.parametrize("names", [SPOT[:1], (USDM,), (ATOM,)], ids=["spot", "futures", "sweep"])
def test_recorded_files(names: tuple[str, ...], cli: Any) -> None:
    """Tapes of recorded files verify, and decide as the files do; a second day begins with the carried book alone."""
    paths = [recorded(name) for name in names]
    document = cli.ok("tape", "import", *paths, "--out", "tapes", "--json").report
    for tape in document["tapes"]:
        cli.ok("tape", "verify", tape["path"])
    run = lambda files: cli.ok("run", *(part for one in files for part in ("--tape", one)), "--json").report  # noqa: E731
    of_file, of_tape = run(paths), run([tape["path"] for tape in document["tapes"]])
    carried = sum(marks(tape).get("carried_snapshot", 0) for tape in document["tapes"])
    assert of_tape["events"] == of_file["events"] + carried
    keys = ("decision_hash", "decisions", "state_seconds", "episodes", "trades", "pnl_net", "blind_seconds", "warnings")
    assert {key: of_tape[key] for key in keys} == {key: of_file[key] for key in keys}
    if not carried:
        assert without_own(of_tape) == without_own(of_file)


def test_trades_and_book_of_two_files_are_one_market(cli: Any, tmp_path: Path, calm_lines: list[bytes]) -> None:
    """A file of trades and one of the book are merged by receive time into one L2 tape, the same as of both in one file."""
    parts = [line.partition(b" ") for line in calm_lines]
    lines = [b"%d %s" % (int(at) + 1000 * number, message) for number, (at, _, message) in enumerate(parts)]  # no equal times
    book = [line for line in lines if b"@trade" not in line]
    trades = [json.loads(line.partition(b" ")[2])["data"] | {"at": line.partition(b" ")[0]} for line in lines if b"@trade" in line]
    rows = ["exchange,symbol,timestamp,local_timestamp,id,side,price,amount"]
    rows += [
        f"binance,SIMUSDT,{t['T']},{int(t['at']) // 1000},{t['t']},{'sell' if t['m'] else 'buy'},{t['p']},{t['q']}" for t in trades
    ]
    (tmp_path / "trades.csv").write_text("\n".join(rows) + "\n")
    capture(tmp_path / "book.gz", book)
    capture(tmp_path / "both.gz", lines)
    assert "has a book here and none" in cli.refused(2, "run", "--tape", "trades.csv", "--tape", "book.gz")
    (tape,) = cli.ok("tape", "import", "book.gz", "trades.csv", "--out", "a", "--json").report["tapes"]
    (whole,) = cli.ok("tape", "import", "both.gz", "--out", "b", "--json").report["tapes"]
    assert tape["data_tier"] == "L2"
    assert tape["rows"] == whole["rows"]
    assert tape["hash"] == whole["hash"]
    (turned,) = cli.ok("tape", "import", "trades.csv", "book.gz", "--out", "c", "--json").report["tapes"]
    assert turned["hash"] == whole["hash"], "the order in which they are named matters for equal times alone"
    reports = [cli.ok("run", "--tape", one["path"], "--json").report for one in (tape, whole)]
    assert without_own(reports[0]) == without_own(reports[1])


# -- bad input ---------------------------------------------------------------------------------------------------------------


def test_a_file_that_breaks_off(cli: Any, tmp_path: Path, calm_lines: list[bytes]) -> None:
    """A truncated gzip and a truncated zip are refused by file and line; no folder is left, not even an empty one."""
    whole = capture(tmp_path / "x.gz", calm_lines).read_bytes()
    (tmp_path / "x.gz").write_bytes(whole[: len(whole) // 2])
    assert "x.gz: the compressed file breaks off after line " in cli.refused(1, "tape", "import", "x.gz", "--out", "tapes")
    path = bulk(tmp_path, "2025-10-10", rows_of(20_000))
    path.write_bytes(path.read_bytes()[:-4000])
    assert path.name in cli.refused(1, "tape", "import", path, "--out", "tapes")
    assert not (tmp_path / "tapes").exists()


def test_wrong_and_mixed_units(cli: Any, tmp_path: Path) -> None:
    """Times whose unit changes within a file, and times in a unit that the format does not have, are refused by file and row."""
    rows = rows_of(100) + [row.replace(",17600", ",17600", 1) for row in rows_of(50, first_id=101, start_ms=T0_MS + 4000)]
    cells = rows[120].split(",")
    rows[120] = ",".join([*cells[:5], cells[5] + "000", *cells[6:]])
    message = cli.refused(1, "tape", "import", bulk(tmp_path, "2025-10-10", rows), "--out", "tapes")
    assert "BTCUSDT-aggTrades-2025-10-10.zip:121: " in message
    assert "microseconds" in message
    tardis = ["exchange,symbol,timestamp,local_timestamp,id,side,price,amount"]
    tardis += [f"binance,BTCUSDT,{T0_MS + i},{T0_MS + i},{i},buy,60000.00,0.01" for i in range(1, 50)]
    (tmp_path / "t.csv").write_text("\n".join(tardis) + "\n")
    message = cli.refused(1, "tape", "import", "t.csv", "--out", "tapes")
    assert "t.csv:2" in message
    assert "milliseconds" in message or "unit" in message
    assert not (tmp_path / "tapes").exists()


def test_the_same_data_twice(cli: Any, tmp_path: Path) -> None:
    """One file named twice, a copy of it, a file that overlaps and one that starts again with the same ids are refused."""
    rows = rows_of(5000)
    first = bulk(tmp_path, "2025-10-10", rows)
    (tmp_path / "copy").mkdir()
    copy = tmp_path / "copy" / first.name
    copy.write_bytes(first.read_bytes())
    assert "is named twice" in cli.refused(2, "tape", "import", first, first, "--out", "tapes")
    assert "has the same content as" in cli.refused(1, "tape", "import", first, copy, "--out", "tapes")
    overlap = bulk(tmp_path, "2025-10-11", rows[-100:])
    message = cli.refused(1, "tape", "import", first, overlap, "--out", "tapes")
    assert f"{overlap}: begins " in message
    assert f"before {first} ends" in message
    overlap.unlink()
    again = bulk(tmp_path, "2025-10-11", rows_of(100, first_id=4990, start_ms=T0_MS + 5000 * 40))
    message = cli.refused(1, "tape", "import", first, again, "--out", "tapes")
    assert f"{again}:1: trade id 4990 of BTCUSDT is not above 5000, the last one of {first}" in message
    assert not (tmp_path / "tapes").exists()


def test_rows_out_of_order(cli: Any, tmp_path: Path) -> None:
    """One row from the past is refused by itself and marked with its place; a file sorted backwards is refused as a whole."""
    rows = rows_of(2000)
    rows[1000], rows[1050] = rows[1050], rows[1000]
    (tape,) = cli.ok("tape", "import", bulk(tmp_path, "2025-10-10", rows), "--out", "tapes", "--json").report["tapes"]
    assert [what for what in marks(tape) if what.startswith(("rejected.", "feed_gap.", "out_of_order", "late"))]
    cli.ok("tape", "verify", tape["path"])
    backwards = bulk(tmp_path, "2025-10-11", rows_of(5000)[::-1])
    message = cli.refused(1, "tape", "import", backwards, "--out", "tapes")
    assert f"{backwards}:" in message
    assert tapes(tmp_path / "tapes") == ["BTCUSDT/2025-10-10"]


def test_missing_days(cli: Any, tmp_path: Path) -> None:
    """A day that is not among the files is marked in the tape after it, and told when importing."""
    for number, day in enumerate(("2025-10-10", "2025-10-11", "2025-10-13")):
        skipped = 5000 if day == "2025-10-13" else 0
        first_id = number * 1000 + 1 + skipped
        bulk(tmp_path, day, rows_of(1000, first_id=first_id, start_ms=T0_MS + int(day[-2:]) * DAY_MS - 10 * DAY_MS, step_ms=80_000))
    done = cli.ok("tape", "import", *sorted(tmp_path.glob("*.zip")), "--out", "tapes", "--json").report
    assert [tape["day"] for tape in done["tapes"]] == ["2025-10-10", "2025-10-11", "2025-10-13"]
    assert marks(done["tapes"][1]) == {}
    assert {"missing_days", "trade_id_gap"} <= set(marks(done["tapes"][2]))
    assert any("2025-10-13: missing_days: " in warning and "nothing from 2025-10-12" in warning for warning in done["warnings"])


def test_a_book_without_its_snapshot(cli: Any, tmp_path: Path, calm_lines: list[bytes]) -> None:
    """A capture without the snapshot is imported, marked and warned of: what needs a book cannot be read from it."""
    path = capture(tmp_path / "x.gz", [line for line in calm_lines if b"lastUpdateId" not in line])
    done = cli.ok("tape", "import", path, "--out", "tapes")
    assert "no_snapshot" in done.err
    info = cli.ok("tape", "info", tmp_path / "tapes" / "SIMUSDT" / "2030-01-01", "--json").report
    assert info["supports"]["missing"]["depth"] == "needs a book, and this one never is usable"
    assert info["supports"]["fill_models"] == ["M1"]
    assert abs(float(info["book"]["unsynced_s"]) - 10) < 1


def test_checksums(cli: Any, tmp_path: Path) -> None:
    """A checksum beside a file is verified and said so; one that does not match is refused by name."""
    path = bulk(tmp_path, "2025-10-10", rows_of(100))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    beside = path.with_name(f"{path.name}.CHECKSUM")
    beside.write_text(f"{digest}  {path.name}\n")
    (source,) = cli.ok("tape", "import", path, "--out", "a", "--json").report["sources"]
    assert (source["checksum"], source["sha256"]) == ("verified", digest)
    beside.write_text(f"{'0' * 64}  {path.name}\n")
    message = cli.refused(1, "tape", "import", path, "--out", "b")
    assert path.name in message
    assert digest in message
    assert not (tmp_path / "b").exists()


def test_what_cannot_be_imported(cli: Any, tmp_path: Path, calm_lines: list[bytes]) -> None:
    """Missing files, folders, tapes, unknown feeds and symbols, and places that are taken are refused with the way out."""
    path = capture(tmp_path / "x.gz", calm_lines)
    cli.ok("tape", "import", path, "--out", "tapes")
    tape = tmp_path / "tapes" / "SIMUSDT" / "2030-01-01"
    assert "no such file" in cli.refused(1, "tape", "import", "none.gz", "--out", "out")
    assert "is a directory" in cli.refused(1, "tape", "import", tmp_path, "--out", "out")
    assert "is a tape already" in cli.refused(2, "tape", "import", tape, "--out", "out")
    assert 'there is no feed "nofeed"' in cli.refused(2, "tape", "import", path, "--feed", "nofeed", "--out", "out")
    assert "not in x.gz" in cli.refused(2, "tape", "import", "x.gz", "--symbols", "FOOUSDT", "--out", "out")
    assert "tapes cannot be written there" in cli.refused(2, "tape", "import", path, "--out", path / "x")
    other = capture(tmp_path / "y.gz", calm_lines[:300])
    assert "holds a tape with other content; --force replaces it" in cli.refused(2, "tape", "import", other, "--out", "tapes")
    assert "unchanged" in cli.ok("tape", "import", path, "--out", "tapes").out
    assert "replaced" in cli.ok("tape", "import", other, "--out", "tapes", "--force").out
    assert not (tmp_path / "out").exists()


# -- an end that comes early -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_import_leaves_no_tape(how: signal.Signals, cli: Any, tmp_path: Path, started: Start) -> None:
    """Killed or interrupted while it writes, an import leaves no tape; the next one removes what was left and succeeds."""
    path = bulk(tmp_path, "2025-10-10", rows_of(400_000, step_ms=100))
    out = tmp_path / "tapes"
    process = started("tape", "import", path, "--out", out)
    column = "events.kind.npy"
    deadline = time.monotonic() + 60
    while not any(one.stat().st_size > 1000 for one in out.glob(f".tape-import-*/BTCUSDT/*/{column}")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(how)
    _, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    left = [one.name for one in out.iterdir()] if out.exists() else []
    if how is signal.SIGINT:
        assert process.returncode == 130
        assert left == []
    else:
        assert [name[:13] for name in left] == [".tape-import-"]
    done = cli.ok("tape", "import", path, "--out", out)
    assert ("1 unfinished folder of killed imports removed" in done.err) == (how is signal.SIGKILL)
    assert [one.name for one in out.iterdir()] == ["BTCUSDT"]
    cli.ok("tape", "verify", out / "BTCUSDT" / "2025-10-10")


MEASURED = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
unit = 1 if sys.platform == "darwin" else 1024
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit)
"""
"""A small process between: the peak of a child counts the memory of the process that it was forked from."""


def test_memory_of_an_import_is_bounded(tmp_path: Path) -> None:
    """Ten times as many rows take no more memory: 600,000 of them stay within 150 MB, most of which is the program itself."""
    peaks = []
    for count in (60_000, 600_000):
        path = bulk(tmp_path, "2025-10-10", rows_of(count, step_ms=100))
        command = [sys.executable, "-m", "flashcrash_core", "tape", "import", str(path), "--out", str(tmp_path / f"t{count}")]
        done = subprocess.run([sys.executable, "-c", MEASURED, *command], capture_output=True, text=True, check=True, cwd=tmp_path)
        code, peak = map(int, done.stdout.split())
        assert code == 0, done.stderr
        peaks.append(peak)
    print(f"peak memory: {peaks[0] / 1e6:.0f} MB for 60,000 rows, {peaks[1] / 1e6:.0f} MB for 600,000")
    assert peaks[1] < 150e6
    assert peaks[1] - peaks[0] < 30e6


# -- verify and info ---------------------------------------------------------------------------------------------------------


def test_verify_finds_a_changed_byte(cli: Any, tmp_path: Path) -> None:
    """One changed byte ends with code 4, naming the file; a missing column ends with code 1."""
    path = bulk(tmp_path, "2025-10-10", rows_of(1000))
    cli.ok("tape", "import", path, "--out", "tapes")
    tape = tmp_path / "tapes" / "BTCUSDT" / "2025-10-10"
    assert "1,000 events are what the manifest says" in cli.ok("tape", "verify", tape).out
    column = tape / "trades.price_ticks.npy"
    content = bytearray(column.read_bytes())
    content[-5] ^= 1
    column.write_bytes(content)
    done = cli("tape", "verify", tape)
    assert done.code == 4
    assert f"error: {column}: its data have another hash" in done.err
    document = cli("tape", "verify", tape, "--json")
    assert document.code == 4
    assert document.report["ok"] is False
    assert document.report["problems"][0]["file"] == str(column)
    column.unlink()
    assert f"{column}: is missing from the tape" in cli.refused(1, "tape", "verify", tape)
    assert "no such tape" in cli.refused(1, "tape", "info", tape.parent / "2025-10-12")
    assert "not a file that feed tape reads; feed bulk reads it" in cli.refused(2, "run", "--feed", "tape", "--tape", path)


def test_info_tells_what_a_tape_supports(cli: Any, tmp_path: Path, small_capture: Path) -> None:
    """Rows, span, grade, worst falls, peak rate, indicators and fill models, for a person and as one document."""
    (tape,) = cli.ok("tape", "import", small_capture, "--out", "tapes", "--json").report["tapes"]
    info = cli.ok("tape", "info", tape["path"], "--json").report
    assert (info["grade"], info["rows"], info["hash"]) == ("L2", tape["rows"], tape["hash"])
    assert info["supports"]["missing"] == {}
    assert info["supports"]["fill_models"] == ["M1", "M2", "M3"]
    assert info["supports"]["warms_up"]
    falls = {fall["window_s"]: float(fall["percent"]) for fall in info["drawdowns"]}
    assert list(falls) == [1, 10, 60, 300]
    assert falls[1] <= falls[10] <= falls[60] <= falls[300]
    assert falls[300] > 5, "the simulated crash"
    assert info["peak_messages_per_s"] > 10
    shown = cli.ok("tape", "info", tape["path"]).out
    for words in ("grade        L2", "worst 300 s", "fill models  M1, M2, M3", "indicators   acceleration"):
        assert words in shown


def test_a_capture_of_two_symbols(cli: Any, tmp_path: Path, calm_lines: list[bytes], lines_of: Any) -> None:
    """Each symbol has a tape of its own, one of them can be chosen, and both together are read as the capture."""
    both = sorted([*calm_lines[1:], *lines_of("calm", calm_s=10, symbol="BTCUSDT")[1:]], key=lambda line: int(line.split(b" ")[0]))
    path = capture(tmp_path / "x.gz", both)
    done = cli.ok("tape", "import", path, "--out", "tapes", "--json").report
    assert sorted(tape["symbol"] for tape in done["tapes"]) == ["BTCUSDT", "SIMUSDT"]
    assert done["events"] == len(both)
    (alone,) = cli.ok("tape", "import", path, "--out", "one", "--symbols", "BTCUSDT", "--json").report["tapes"]
    assert alone["hash"] == next(tape["hash"] for tape in done["tapes"] if tape["symbol"] == "BTCUSDT")
    report = cli.ok("run", *(part for tape in done["tapes"] for part in ("--tape", tape["path"])), "--json").report
    assert report["events"] == len(both)
    assert report["data"] == cli.ok("run", "--tape", path, "--json").report["data"]
