"""Files of the recorder as the replay feed reads them: alone, in turn, torn, and with holes between them."""

import json
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

import pytest

from flashcrash_binance.recording.control_lines import BookPicture, Heading, book_line, gap_line, heading_line, snapshot_line
from flashcrash_binance.recording.layout import write_manifest
from flashcrash_binance.recording.part_file import packed
from flashcrash_core.api import (
    BookDelta,
    BookSnapshot,
    BookSync,
    DataError,
    FeedGap,
    FeedRequest,
    Instrument,
    MarketEvent,
    MarketKind,
    SyncState,
    UsageError,
)
from flashcrash_core.config.instruments import InstrumentBook
from flashcrash_feeds.replay import ReplayFeed, ReplaySource

SPOT = Instrument("COINUSDT", "0.5", "0.001")
FUTURES = Instrument("COINUSDT", "0.5", "0.001", kind=MarketKind.USDM)
START_US = 1_700_000_000_000_000
PICTURE = BookPicture(20, [(10, 1)], [(11, 1)])


def diff(first: int, last: int, previous: int | None = None) -> bytes:
    data = {
        "e": "depthUpdate",
        "E": START_US // 1000 + last,
        "s": "COINUSDT",
        "U": first,
        "u": last,
        "b": [["5.0", "0.001"]],
        "a": [],
    }
    if previous is not None:
        data |= {"pu": previous, "T": START_US // 1000 + last}
    return json.dumps({"stream": "coinusdt@depth@100ms", "data": data}).encode()


def file(path: Path, part: int, lines: Sequence[bytes], *, one: Instrument = SPOT, recording: str = "a", at_s: int = 0) -> Path:
    """A file of the recorder: every line received a millisecond after the one before it, from ``at_s`` on."""
    lines = [heading_line(Heading.of(one, recording, part)), *lines]
    start_us = START_US + at_s * 1_000_000
    path.parent.mkdir(exist_ok=True)
    write_manifest(path.parent, one, 0)
    path.write_bytes(b"".join(packed(b"%d000 %b\n" % (start_us + n * 1000, line)) for n, line in enumerate(lines)))
    return path


OPENED: list[ReplaySource] = []


@pytest.fixture(autouse=True)
def _closed_in_the_end() -> Iterator[None]:
    yield
    while OPENED:
        OPENED.pop().close()


def opened(path: Path) -> ReplaySource:
    OPENED.append(ReplayFeed().open(FeedRequest(InstrumentBook(), count(1).__next__, path)))
    return OPENED[-1]


def kinds(events: Sequence[MarketEvent]) -> list[str]:
    return [event.reason if isinstance(event, FeedGap) else type(event).__name__ for event in events]


def two_hours(folder: Path, **second: str) -> tuple[Path, Path]:
    first = file(
        folder / "C_1.jsonl.gz", 1, [snapshot_line(BookPicture(18, [(10, 1)], [(11, 1)]), SPOT), diff(19, 19), diff(20, 20)]
    )
    return first, file(folder / "C_2.jsonl.gz", 2, [book_line(PICTURE, SPOT), diff(21, 21)], at_s=1, **second)


def test_hours_in_turn_show_no_book_twice(tmp_path: Path) -> None:
    """A folder gives what was heard and nothing else; the second hour alone begins with its book."""
    folder = tmp_path / "COINUSDT"
    _, second = two_hours(folder)
    assert kinds(list(opened(folder).events())) == ["BookSnapshot", "BookDelta", "BookDelta", "BookDelta"]
    assert kinds(list(opened(second).events())) == ["BookSnapshot", "BookDelta"]


def test_a_source_that_follows_leaves_its_book_out(tmp_path: Path) -> None:
    """Told that the file before it was read, a file opened by itself says that its first event is nothing new; told else, not."""
    first, second = two_hours(tmp_path / "COINUSDT")
    before, after = opened(first), opened(second)
    list(before.events())
    events = after.events()
    assert isinstance(next(events), BookSnapshot)
    assert after.follows(before)
    assert kinds(list(events)) == ["BookDelta"]
    alone = opened(second)
    next(alone.events())
    assert not alone.follows(opened(second))
    assert not before.follows(after)


def test_a_late_book_is_left_out_too(tmp_path: Path) -> None:
    """A file that began while the feed mended its book has no event to leave out, and its later book is not shown either."""
    folder = tmp_path / "COINUSDT"
    first, _ = two_hours(folder)
    second = file(
        folder / "C_2.jsonl.gz",
        2,
        [gap_line("COINUSDT", "hole"), snapshot_line(PICTURE, SPOT), book_line(PICTURE, SPOT), diff(21, 21)],
        at_s=1,
    )
    before, after = opened(first), opened(second)
    list(before.events())
    events = after.events()
    assert isinstance(next(events), FeedGap)
    assert not after.follows(before)
    assert kinds(list(events)) == ["BookSnapshot", "BookDelta"]
    assert kinds(list(opened(folder).events()))[3:] == ["hole", "BookSnapshot", "BookDelta"]


@pytest.mark.parametrize("recording", ["b", "a"])
def test_what_does_not_continue_is_a_gap_and_a_book(tmp_path: Path, recording: str) -> None:
    """Another recording, or the same one with a part missing: a gap, then the book of the file, which may be used at once."""
    folder = tmp_path / "COINUSDT"
    two_hours(folder, recording=recording)
    if recording == "a":
        (folder / "C_2.jsonl.gz").unlink()
        file(folder / "C_3.jsonl.gz", 3, [book_line(BookPicture(40, [(10, 1)], [(11, 1)]), SPOT), diff(41, 41)], at_s=2)
    expected = ["BookSnapshot", "BookDelta", "BookDelta", "recording_gap", "BookSnapshot", "BookDelta"]
    assert kinds(list(opened(folder).events())) == expected


@pytest.mark.parametrize(("one", "first"), [(SPOT, diff(20, 20)), (SPOT, diff(18, 20)), (FUTURES, diff(15, 20, 12))])
def test_the_diff_behind_the_book_may_be_in_it(tmp_path: Path, one: Instrument, first: bytes) -> None:
    """The book is that of the moment after the line behind it: this diff changes nothing, and the chain goes on."""
    following = diff(21, 21) if one is SPOT else diff(30, 33, 20)
    path = file(tmp_path / "COINUSDT" / "C_2.jsonl.gz", 2, [book_line(PICTURE, one), first, following], one=one)
    source = opened(path)
    assert source.info.instruments == (one,)
    sync = BookSync()
    for event in source.events():
        if isinstance(event, BookSnapshot):
            sync.on_snapshot(event)
        elif isinstance(event, BookDelta):
            assert sync.on_delta(event)
    assert (sync.state, sync.update_id) == (SyncState.SYNCED, 21 if one is SPOT else 33)
    assert sync.counts["gaps"] == 0


def test_a_file_that_is_not_finished_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    """Torn anywhere, in a folder or by itself: whole members, a warning, no error. A complete file that is torn is an error."""
    folder = tmp_path / "COINUSDT"
    _, second = two_hours(folder)
    whole = second.read_bytes()
    left = second.rename(second.with_name(second.name + ".part"))
    left.write_bytes(whole[:-40])
    source = opened(folder)
    assert kinds(list(source.events())) == ["BookSnapshot", "BookDelta", "BookDelta"]
    assert ["is not finished" in warning for warning in source.info.warnings] == [True]
    assert kinds(list(opened(left).events())) == ["BookSnapshot"]
    left.rename(second)
    with pytest.raises(DataError, match="breaks off after line 2"):
        list(opened(folder).events())


def test_a_file_that_was_only_just_begun_is_left_out(tmp_path: Path) -> None:
    """Nothing whole in it yet: the files before it are read; without any the message says so."""
    folder = tmp_path / "COINUSDT"
    two_hours(folder)
    (folder / "C_3.jsonl.gz.part").write_bytes(b"\x1f\x8b\x08")
    assert len(list(opened(folder).events())) == 4
    for number in (1, 2):
        (folder / f"C_{number}.jsonl.gz").unlink()
    with pytest.raises(DataError, match=r"no events; C_3.jsonl.gz.part holds no whole second yet"):
        opened(folder)
    (folder / "C_3.jsonl.gz.part").unlink()
    with pytest.raises(DataError, match="this recording holds no files"):
        opened(folder)


def test_another_grid_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    """The venue changed its filters between two recordings: ticks would mean two things in one run."""
    folder = tmp_path / "COINUSDT"
    two_hours(folder)
    finer = Instrument("COINUSDT", "0.1", "0.001")
    file(folder / "C_3.jsonl.gz", 1, [snapshot_line(PICTURE, finer)], one=finer, recording="b", at_s=2)
    with pytest.raises(UsageError, match=r"C_3.jsonl.gz: recorded with tick 0.1, .* the files before it have tick 0.5"):
        list(opened(folder).events())


def test_a_configured_grid_goes_before_the_recorded_one(tmp_path: Path) -> None:
    """The heading is the venue's word; what the user configured counts more, as in a live run."""
    path = file(tmp_path / "COINUSDT" / "C_1.jsonl.gz", 1, [snapshot_line(PICTURE, SPOT)])
    configured = InstrumentBook({"COINUSDT": {"tick_size": "0.25"}})
    source = ReplayFeed().open(FeedRequest(configured, count(1).__next__, path))
    assert str(source.info.instruments[0].tick_size) == "0.25"


def test_a_recording_of_timers_only_can_be_opened(tmp_path: Path) -> None:
    """The heading tells symbol and market where the first lines hold no message."""
    lines = [b'{"flashcrash":"timer","s":"COINUSDT","t":%d}' % (START_US + n) for n in range(3)]
    path = file(tmp_path / "COINUSDT" / "C_1.jsonl.gz", 1, lines)
    source = opened(path)
    assert (source.info.symbols, source.info.has_book) == (("COINUSDT",), True)
    assert kinds(list(source.events())) == ["Timer"] * 3
