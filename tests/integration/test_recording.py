"""A market that was recorded while it was traded replays to the very same run; and a recorder that dies keeps what it wrote."""

import gzip
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from scripted_live_feed import Config, script

from flashcrash_core.api import RecordingOptions, simulated_instrument
from flashcrash_core.market.recordings import recordings_among
from flashcrash_core.runtime.input_document import input_info
from flashcrash_core.runtime.launch import execute
from flashcrash_core.runtime.request import RunRequest
from flashcrash_core.runtime.tape_import import import_tapes

PLUGIN = "+" + str(Path(__file__).resolve().parents[1] / "scripted_live_feed.py")
SYMBOLS = ("SIMUSDT", "ALTUSDT")
OF_THE_MARKET = ("status", "decision_hash", "trades", "orders", "refusals", "detection", "final_equity", "data_quality", "events")


def traded(**request: Any) -> dict[str, Any]:
    """The report of a run that is not kept."""
    return execute(RunRequest(symbols=SYMBOLS, plugins=PLUGIN, keep=False, **request))


def same(report: dict[str, Any]) -> dict[str, Any]:
    """What must not depend on where the events came from."""
    return {key: report[key] for key in OF_THE_MARKET if key in report}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A live run of two symbols through a crash, recorded in files of a minute; its folder and report."""
    folder = tmp_path_factory.mktemp("live") / "recording"
    options = RecordingOptions(folder=folder, rotate_s=60, min_free_bytes=0)
    return folder, traded(feed="scripted", record=options, overrides=("feeds.scripted.hole_every=25000",))


def test_a_recording_replays_to_the_same_run(live: tuple[Path, dict[str, Any]]) -> None:
    """Named as a folder, over 16 files with gaps, timers and refusals: the same events, trades, readings and decision hash."""
    folder, report = live
    replay = traded(paths=recordings_among([folder], SYMBOLS))
    assert len(list(folder.rglob("*.gz"))) >= 16
    assert not list(folder.rglob("*.part"))
    assert report["trades"]
    assert same(replay) == same(report)


def test_its_files_one_by_one_replay_to_the_same_run(live: tuple[Path, dict[str, Any]]) -> None:
    """Each file begins with a book for who reads it alone; read in turn, in any order of naming, none of them changes anything."""
    folder, report = live
    files = sorted(folder.rglob("*.gz"), key=lambda path: path.name[::-1])
    assert same(traded(paths=tuple(files))) == same(report)


def test_a_later_file_alone_has_the_book(live: tuple[Path, dict[str, Any]]) -> None:
    """Every file can be read by itself: its book is usable from the first line on, and ends as it does in the whole."""
    folder, _ = live
    files = sorted((folder / "SIMUSDT").glob("*.gz"))
    whole = input_info(folder / "SIMUSDT")["symbols"][0]
    later = [input_info(path)["symbols"][0] for path in files[1:]]
    assert all(one["book"]["snapshots"] == 1 + one["gaps"].get("scripted", 0) for one in later)
    untroubled = [one["book"] for one in later if not one["gaps"]]
    assert untroubled
    assert all((book["usable_at_end"], book["unsynced_s"], book["gaps"]) == (True, 0, 0) for book in untroubled)
    assert later[-1]["book"]["update_id"] == whole["book"]["update_id"]


def test_a_missing_file_is_a_gap(live: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    """Without one of its hours a recording says so, blinds the run there, and goes on with the next file's book."""
    folder, _ = live
    kept = tmp_path / "SIMUSDT"
    kept.mkdir()
    files = sorted((folder / "SIMUSDT").iterdir())
    for path in files:
        if path != files[3]:
            (kept / path.name).write_bytes(path.read_bytes())
    found = input_info(kept)["symbols"][0]
    assert found["gaps"]["recording_gap"] == 1
    assert found["book"]["usable_at_end"]


def test_info_counts_what_was_recorded(live: tuple[Path, dict[str, Any]]) -> None:
    """``tape info`` of all recordings lists both symbols as they were recorded, with every kind of line."""
    folder, report = live
    document = input_info(folder)
    assert [one["symbol"] for one in document["symbols"]] == list(SYMBOLS)
    assert sum(one["events"] for one in document["symbols"]) == report["events"]
    assert set(document["symbols"][0]["kinds"]) >= {
        "Trade",
        "BestQuote",
        "BookDelta",
        "BookSnapshot",
        "Timer",
        "FeedGap",
        "Rejected",
    }
    assert set(document["symbols"][0]["gaps"]) == {"scripted"}
    assert all(file["complete"] for file in document["files"])


def test_tapes_of_a_recording_decide_alike(live: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    """``tape import`` of a folder of recordings gives tapes that run to the same decisions."""
    folder, report = live
    document = import_tapes(RunRequest(paths=(folder,), symbols=SYMBOLS), tmp_path / "tapes")
    assert [tape["symbol"] for tape in document["tapes"]] == list(SYMBOLS)
    paths = tuple(Path(tape["path"]) for tape in document["tapes"])
    assert traded(paths=paths)["decision_hash"] == report["decision_hash"]


# -- processes that die ----------------------------------------------------------------------------------------------


def command(*words: str, speed: float = 0.0) -> list[str]:
    """A command line over the scripted market, which is shorter here."""
    return [
        *(sys.executable, "-m", "flashcrash_core", *words, "--feed", "scripted", "--plugins", PLUGIN, "--symbols", "SIMUSDT"),
        *("--set", f"feeds.scripted.speed={speed}", "--set", "feeds.scripted.calm_s=60"),
    ]


def expected_lines() -> Iterator[bytes]:
    """The lines that such a recorder is given."""
    for _, receive_us, payload in script({"SIMUSDT": simulated_instrument("SIMUSDT")}, Config(calm_s=60), 1):
        yield b"%d000 %b" % (receive_us, payload)


def messages(path: Path) -> list[bytes]:
    """The lines of a file that may be torn, without what the recorder adds at its start and end."""
    lines: list[bytes] = []
    with gzip.open(path) as file, suppress(EOFError):
        lines.extend(file)
    return [line.rstrip(b"\n") for line in lines if b'"flashcrash":"recording"' not in line and b"recorder_killed" not in line]


def test_a_killed_recorder_keeps_all_but_the_last_second(tmp_path: Path) -> None:
    """kill -9 in the middle: what was written is a prefix of what was heard, readable at once and after the next start."""
    folder = tmp_path / "recording"
    process = subprocess.Popen(command("tape", "record", "--out", str(folder), "--min-free", "0", speed=2_000))
    part = None
    deadline = time.monotonic() + 60
    while part is None or part.stat().st_size < 60_000:  # several members
        assert process.poll() is None
        assert time.monotonic() < deadline, "the recorder wrote nothing within a minute"
        part = next(iter(folder.rglob("*.part")), None)
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    heard = list(expected_lines())
    killed = messages(part)
    assert 1_000 < len(killed) < len(heard)
    assert killed == heard[: len(killed)]
    before = input_info(folder)
    assert [file["complete"] for file in before["files"]] == [False]
    assert any("is not finished" in warning for warning in before["warnings"])

    words = command("tape", "record", "--out", str(folder), "--min-free", "0", "--duration", "5", "--json")
    again = subprocess.run(
        [*words, "--set", "feeds.scripted.restart_us=3600000000"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.returncode == 0, again.stderr
    finished = part.with_suffix("")
    assert json.loads(again.stdout)["recovered"] == [str(finished)]
    assert messages(finished) == killed
    after = input_info(folder)
    assert all(file["complete"] for file in after["files"])
    assert after["symbols"][0]["gaps"] == {"recorder_killed": 1, "recording_gap": 1}
    assert after["symbols"][0]["book"]["usable_at_end"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_recording_in_good_order(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C and SIGTERM complete the files; that is how recording ends, so the exit code is 0."""
    folder = tmp_path / "recording"
    process = subprocess.Popen(
        command("tape", "record", "--out", str(folder), "--min-free", "0", "--json", speed=2_000), stdout=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not any(path.stat().st_size for path in folder.rglob("*.part")):
        assert process.poll() is None
        assert time.monotonic() < deadline, "the recorder wrote nothing within a minute"
        time.sleep(0.05)
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    document = json.loads(output)
    assert (process.returncode, document["interrupted_by"], document["stopped"]) == (0, number.name, "")
    (path,) = folder.rglob("*.gz")
    assert document["files"] == [str(path)]
    written = messages(path)
    assert len(written) == document["lines"]
    assert written == [line for line, _ in zip(expected_lines(), written, strict=False)]


def limit_files() -> None:
    """In the child: no file may grow beyond 150 kB, as on a disk that runs full."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))


def test_a_full_disk_ends_the_recording_with_its_reason(tmp_path: Path) -> None:
    """``tape record`` has nothing else to do: exit code 1, one message, and files that can be replayed."""
    folder = tmp_path / "recording"
    done = subprocess.run(
        command("tape", "record", "--out", str(folder), "--min-free", "0", "--json", speed=3_000),
        preexec_fn=limit_files,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.count("recording stopped: ") == 1
    assert "File too large" in done.stderr
    (path,) = folder.rglob("*.gz")
    assert path.stat().st_size <= 150_000
    written = messages(path)
    assert written
    assert written == [line for line, _ in zip(expected_lines(), written, strict=False)]


def test_a_full_disk_does_not_end_a_run(tmp_path: Path) -> None:
    """``run --record`` says once that recording stopped and trades on: the same decisions as without recording."""
    words = ("run", "--db", ":memory:", "--json")
    alone = subprocess.run(command(*words), capture_output=True, text=True, check=True)
    full = subprocess.run(
        command(*words, "--record", str(tmp_path / "recording"), "--record-max-bytes", "150000"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert full.returncode == 0, full.stderr
    assert full.stderr.count("recording stopped: ") == 1
    expected, report = json.loads(alone.stdout), json.loads(full.stdout)
    assert same(report) == same(expected)
    assert "--max-bytes allows 150,000" in report["feed_health"]["recording"]["stopped"]


def test_a_real_disk_runs_full(tmp_path: Path) -> None:
    """On a small tmpfs, where one can be mounted: the same, from the system itself; with --delete-oldest it goes on instead."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "none", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"cannot mount: {mounted.stderr.strip()}")
    try:
        words = command("tape", "record", "--out", str(folder), "--min-free", "0", "--json", "--rotate", "10", speed=4_000)
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert "No space left on device" in done.stderr
        assert list(folder.rglob("*.gz"))
        goes_on = subprocess.run([*words, "--delete-oldest"], capture_output=True, text=True, check=False)
        assert goes_on.returncode == 0, goes_on.stderr
        document = json.loads(goes_on.stdout)
        assert document["deleted"]
        assert messages(Path(document["files"][-1]))[-1] == list(expected_lines())[-1]
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_recording_needs_a_running_market(tmp_path: Path) -> None:
    """A tape and the simulated market are there already: --record with them is refused, and says what can be recorded."""
    done = subprocess.run(
        [sys.executable, "-m", "flashcrash_core", "run", "--db", ":memory:", "--record", str(tmp_path / "recording")],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"COLUMNS": "200"},
    )
    assert done.returncode == 2
    assert "feed simulated cannot be recorded" in done.stderr
    assert not (tmp_path / "recording").exists()
