"""Bounded disk: what counts, what is deleted first, and what is told where nothing may be."""

from pathlib import Path

import pytest

from flashcrash_binance.recording.disk_budget import DiskBudget, OutOfRoom
from flashcrash_binance.recording.layout import complete_files, folder_of, free_path, period_end_us, write_manifest
from flashcrash_core.api import Instrument, MarketKind, RecordingOptions

SPOT = Instrument("BTCUSDT", "0.01", "0.00001")
FUTURES = Instrument("BTCUSDT", "0.1", "0.001", kind=MarketKind.USDM)


def recorded(root: Path) -> list[Path]:
    """Three complete files of 100 bytes, oldest first over both symbols, and an open one."""
    files = []
    for place, (one, hours) in enumerate(((SPOT, (1, 3)), (FUTURES, (2,)))):
        folder = folder_of(root, one)
        write_manifest(folder, one, place)
        for hour in hours:
            path = free_path(folder, one.symbol, hour * 3_600_000_000)
            path.write_bytes(bytes(100))
            files.append(path)
    (folder_of(root, SPOT) / "BTCUSDT_19700101T000000Z.jsonl.gz.part").write_bytes(bytes(50))
    (root / "notes.txt").write_bytes(bytes(10_000))
    return [files[0], files[2], files[1]]


def test_what_is_recorded_counts_and_nothing_else(tmp_path: Path) -> None:
    """All recordings below the folder count, open files too; other files there do not. At the bound it fits, beyond it not."""
    recorded(tmp_path)
    budget = DiskBudget(RecordingOptions(folder=tmp_path, max_bytes=400, min_free_bytes=0))
    budget.require(50)
    budget.wrote(50)
    with pytest.raises(OutOfRoom, match="have 400 bytes, and --max-bytes allows 400"):
        budget.require(1)
    assert budget.deleted == []


def test_the_oldest_complete_files_go_first(tmp_path: Path) -> None:
    """By time, whatever the symbol, and only as many as are needed; the open file stays."""
    first, second, third = recorded(tmp_path)
    budget = DiskBudget(RecordingOptions(folder=tmp_path, max_bytes=400, min_free_bytes=0, delete_oldest=True))
    budget.require(200)
    assert budget.deleted == [first, second]
    assert complete_files(tmp_path) == [third]
    with pytest.raises(OutOfRoom):
        budget.require(351)
    assert list(folder_of(tmp_path, SPOT).glob("*.part"))


def test_free_disk_is_kept_free(tmp_path: Path) -> None:
    """Below --min-free nothing is written; with --delete-oldest files go until there is enough, as the disk itself says."""
    recorded(tmp_path)
    options = RecordingOptions(folder=tmp_path, min_free_bytes=1000)
    with pytest.raises(OutOfRoom, match=r"has 1,009 bytes free, and 1,000 are to stay free \(--min-free\)"):
        DiskBudget(options, lambda _: 1009).require(10)
    DiskBudget(options, lambda _: 1010).require(10)
    allowed = RecordingOptions(folder=tmp_path, min_free_bytes=1000, delete_oldest=True)
    budget = DiskBudget(allowed, lambda _: 900 + 100 * (3 - len(complete_files(tmp_path))))
    budget.require(10)
    assert len(budget.deleted) == 2


@pytest.mark.parametrize(
    ("receive_us", "end_us"), [(0, 3_600_000_000), (3_599_999_999, 3_600_000_000), (3_600_000_000, 7_200_000_000)]
)
def test_a_file_ends_at_the_full_hour(receive_us: int, end_us: int) -> None:
    """The first microsecond of an hour belongs to the next file."""
    assert period_end_us(receive_us, 3_600_000_000) == end_us


def test_no_name_is_given_twice(tmp_path: Path) -> None:
    """Recorders that begin in one second get names that sort in the order in which they were given."""
    given = []
    for _ in range(3):
        given.append(free_path(tmp_path, "BTCUSDT", 1_760_130_000_999_999))
        given[-1].with_name(given[-1].name + (".part" if len(given) == 2 else "")).touch()
    assert [path.name for path in given] == sorted(path.name for path in given)
    assert given[0].name == "BTCUSDT_20251010T210000Z.jsonl.gz"
    assert len(set(given)) == 3
