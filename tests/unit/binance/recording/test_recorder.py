"""The recorder on the hot path: rotation, books, what was taken, overflow, and the end of the disk."""

import gzip
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from flashcrash_binance.recording import capture_writer
from flashcrash_binance.recording.control_lines import BookPicture, book_line, gap_line, read_heading, snapshot_line, timer_line
from flashcrash_binance.recording.disk_budget import DiskBudget
from flashcrash_binance.recording.recorder import OVERFLOW, Recorder
from flashcrash_core.api import BookSnapshot, BookSync, Instrument, RecordingOptions, StorageError, UsageError

COIN = Instrument("COINUSDT", "0.05", "0.001")
HOUR_US = 3_600_000_000
START_US = 490_000 * HOUR_US


@pytest.fixture
def book() -> BookSync:
    """The feed's own book, synced at id 5."""
    sync = BookSync()
    sync.on_snapshot(BookSnapshot("COINUSDT", 1, None, 9, 5, [(10, 1)], [(11, 1)]))
    return sync


@pytest.fixture
def record(tmp_path: Path, book: BookSync) -> Iterator[Callable[..., Recorder]]:
    """Makes recorders that are closed in the end."""
    made: list[Recorder] = []

    def make(**options: object) -> Recorder:
        settings = {"folder": tmp_path, "min_free_bytes": 0} | options
        made.append(Recorder(RecordingOptions(**settings), {"COINUSDT": COIN}, {"COINUSDT": book}.__getitem__))
        return made[-1]

    yield make
    for recorder in made:
        recorder.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "flashcrash-recorder"]


def written(tmp_path: Path) -> list[list[tuple[int, bytes]]]:
    """The lines of all files as (receive_us, payload), in order, without their headings."""
    files = []
    for path in sorted((tmp_path / "COINUSDT").glob("*.gz")):
        first, *lines = gzip.decompress(path.read_bytes()).splitlines()
        assert read_heading(first.split(b" ", 1)[1]) is not None
        files.append([(int(stamp) // 1000, payload) for stamp, payload in (line.split(b" ", 1) for line in lines)])
    return files


def within_a_while(true: Callable[[], bool]) -> None:
    """Wait for the writer's thread; a defect fails the test instead of hanging it."""
    for _ in range(6_000):
        if true():
            return
        threading.Event().wait(0.005)
    pytest.fail("not within 30 s")


def picture(update_id: int) -> bytes:
    return book_line(BookPicture(update_id, [(10, 1)], [(11, 1)]), COIN)


def test_a_new_file_begins_at_the_full_hour_with_the_feeds_book(
    tmp_path: Path, record: Callable[..., Recorder], book: BookSync
) -> None:
    """The first file begins with what was heard first; later ones with heading and book, stamped as the line that opened them."""
    recorder = record()
    for receive_us in (START_US + 7, START_US + HOUR_US - 1, START_US + HOUR_US, START_US + HOUR_US + 1, START_US + 5 * HOUR_US):
        recorder.captured("COINUSDT", receive_us, b"{%d}" % receive_us)
        recorder.took(receive_us)
    recorder.close()

    def line(receive_us: int) -> tuple[int, bytes]:
        return receive_us, b"{%d}" % receive_us

    second, third = START_US + HOUR_US, START_US + 5 * HOUR_US
    assert written(tmp_path) == [
        [line(START_US + 7), line(START_US + HOUR_US - 1)],
        [(second, picture(5)), line(second), line(second + 1)],
        [(third, picture(5)), line(third)],
    ]
    headings = [
        read_heading(gzip.decompress(path.read_bytes()).split(b"\n", 1)[0].split(b" ", 1)[1])
        for path in sorted((tmp_path / "COINUSDT").glob("*.gz"))
    ]
    assert [heading and heading.part for heading in headings] == [1, 2, 3]
    assert msgspec.json.decode((tmp_path / "COINUSDT" / "recording.json").read_bytes())["symbol"] == "COINUSDT"


def test_a_book_that_cannot_be_used_is_written_when_it_can(tmp_path: Path, record: Callable[..., Recorder], book: BookSync) -> None:
    """A file that begins while the feed resyncs gets the book before the first line after that."""
    recorder = record()
    for number, receive_us in enumerate((START_US, *range(START_US + HOUR_US, START_US + HOUR_US + 4)), 1):
        if number == 2:
            book.lose("feed_gap")
        if number == 4:
            book.on_snapshot(BookSnapshot("COINUSDT", 1, None, 9, 8, [(10, 1)], [(11, 1)]))
        recorder.captured("COINUSDT", receive_us, b"{%d}" % number)
        recorder.took(receive_us)
    recorder.close()
    assert [payload for _, payload in written(tmp_path)[1]] == [b"{2}", b"{3}", picture(8), b"{4}", b"{5}"]


def test_what_the_run_did_not_take_is_left_out(tmp_path: Path, record: Callable[..., Recorder]) -> None:
    """Only lines whose events were taken are written: neither those that a full feed gave up, nor those that waited at the end."""
    recorder = record()
    for number in range(6):
        recorder.captured("COINUSDT", START_US + number, b"{%d}" % number)
    for number in (0, 1, 4):
        recorder.took(START_US + number)
    recorder.took(0)  # an event without a time of receipt has no line
    recorder.close()
    assert [payload for _, payload in written(tmp_path)[0]] == [b"{0}", b"{1}", b"{4}"]


def test_a_new_file_begins_though_its_first_line_was_given_up(tmp_path: Path, record: Callable[..., Recorder]) -> None:
    """Heading and book of a file stay when the event behind them was never taken."""
    recorder = record()
    stamps = (START_US, START_US + HOUR_US, START_US + HOUR_US + 1)
    for receive_us in stamps:
        recorder.captured("COINUSDT", receive_us, b"{}")
    recorder.took(stamps[0])
    recorder.took(stamps[2])
    recorder.close()
    assert written(tmp_path) == [[(stamps[0], b"{}")], [(stamps[1], picture(5)), (stamps[2], b"{}")]]


def test_a_full_queue_loses_lines_and_says_so(
    tmp_path: Path, record: Callable[..., Recorder], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The feed is never slowed: lost lines are counted, a gap stands where the first one was, and a book where it goes on."""
    monkeypatch.setattr(capture_writer, "MAX_QUEUED_LINES", 10)
    entered, go_on = threading.Event(), threading.Event()
    slow = DiskBudget.require

    def full_disk_that_hangs(self: DiskBudget, size: int) -> None:
        entered.set()
        assert go_on.wait(30)
        slow(self, size)

    monkeypatch.setattr(DiskBudget, "require", full_disk_that_hangs)
    recorder = record()

    def hear(number: int) -> None:
        recorder.captured("COINUSDT", START_US + number, b"{%d}" % number)
        recorder.took(START_US + number)

    hear(0)
    assert entered.wait(30)  # the writer is busy with the first line; the queue fills behind it
    for number in range(1, 26):
        hear(number)
    assert recorder.lines_lost == 15
    go_on.set()
    within_a_while(lambda: recorder.writer.roomy)
    hear(30)
    recorder.close()
    assert [payload for _, payload in written(tmp_path)[0][:11]] == [b"{%d}" % number for number in range(11)]
    assert written(tmp_path)[0][11:] == [
        (START_US + 11, gap_line("COINUSDT", OVERFLOW)),
        (START_US + 30, snapshot_line(BookPicture(5, [(10, 1)], [(11, 1)]), COIN)),
        (START_US + 30, b"{30}"),
    ]
    assert recorder.status()["lines_lost"] == 15


def test_without_room_recording_stops_with_one_message(tmp_path: Path, record: Callable[..., Recorder]) -> None:
    """What was written is complete, the reason is told once, and further lines cost nothing and raise nothing."""
    told: list[str] = []
    recorder = record(max_bytes=500, tell=told.append)
    stamp = START_US

    def stopped_after_another_line() -> bool:
        nonlocal stamp
        stamp += 1
        recorder.captured("COINUSDT", stamp, timer_line("COINUSDT", stamp * stamp % 2**62))
        recorder.took(stamp)
        return bool(recorder.writer.stopped)

    within_a_while(stopped_after_another_line)
    for _ in range(3):
        recorder.captured("COINUSDT", stamp, b"{}")
    recorder.close()
    recorder.close()
    assert len(told) == 1
    assert told[0].startswith("recording stopped: the recordings in ")
    assert "--max-bytes allows 500" in told[0]
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.gz*")) <= 500
    assert not list(tmp_path.rglob("*.part"))
    assert recorder.status()["stopped"]


def test_two_recorders_in_one_folder_are_refused(tmp_path: Path, record: Callable[..., Recorder]) -> None:
    """The second one is told so before it touches a file of the first; after the first ended the folder is free."""
    first = record()
    first.captured("COINUSDT", START_US, b"{}")
    with pytest.raises(UsageError, match="another process records there"):
        record()
    first.took(START_US)
    first.close()
    record().close()


def test_a_folder_that_cannot_be_made_is_an_error_at_the_start(tmp_path: Path, record: Callable[..., Recorder]) -> None:
    """Not a run that records nothing."""
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be recorded to: Not a directory"):
        record(folder=tmp_path / "file" / "below")


def test_a_defect_of_the_writer_stops_the_recording_and_is_told(
    tmp_path: Path, record: Callable[..., Recorder], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug in the thread ends recording, not the run, and is never silent."""
    told: list[str] = []

    def broken(_lines: bytes) -> bytes:
        raise RuntimeError("planted")

    monkeypatch.setattr("flashcrash_binance.recording.part_file.packed", broken)
    recorder = record(tell=told.append)
    recorder.captured("COINUSDT", START_US, b"{}")
    recorder.took(START_US)
    recorder.close()
    assert told == [
        "recording stopped: RuntimeError: planted; report this to the developers. What was recorded until then is complete"
    ]
