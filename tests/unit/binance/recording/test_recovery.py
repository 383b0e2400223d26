"""What a killed recorder left is kept up to its last whole member, wherever the file was torn."""

import gzip
from pathlib import Path

import pytest

from flashcrash_binance.recording.control_lines import gap_line
from flashcrash_binance.recording.part_file import PartFile
from flashcrash_binance.recording.recovery import KILLED, finish_leftovers, whole_members
from flashcrash_core.api import RECORDING_NAME

MEMBERS = ([(1_700_000_000_000_001, b'{"a":1}'), (1_700_000_000_000_002, b'{"b":2}')], [(1_700_000_000_000_003, b'{"c":3}')])


def left_open(folder: Path, name: str = "COIN_USDT_20231114T221320Z.jsonl.gz") -> tuple[Path, list[int]]:
    """A file of two members without its name, and where they end."""
    folder.mkdir()
    (folder / RECORDING_NAME).write_text("{}")
    part = PartFile(folder / name)
    ends = []
    for lines in MEMBERS:
        for receive_us, payload in lines:
            part.add(receive_us, payload)
        part.write(part.take())
        ends.append(part.size)
    return part.open_path, ends


def lines_of(path: Path) -> list[bytes]:
    return gzip.decompress(path.read_bytes()).splitlines()


def test_whole_members_are_kept_wherever_the_file_was_torn(tmp_path: Path) -> None:
    """Cut at each byte: whole members stay, a gap line of the right symbol and time follows, and the file has its name."""
    original, (first_end, second_end) = left_open(tmp_path / "COIN_USDT")
    whole = original.read_bytes()
    kept_lines = {0: [], first_end: lines_of(original)[:2], second_end: lines_of(original)}
    for cut in range(len(whole) + 1):
        original.write_bytes(whole[:cut])
        (found,) = finish_leftovers(tmp_path)
        kept = max(end for end in kept_lines if end <= cut)
        assert not original.exists()
        assert (found.kept_bytes, found.torn_bytes) == (kept, cut - kept)
        if not kept:
            assert found.path is None
            continue
        assert found.path == original.with_suffix("")
        *lines, last = lines_of(found.path)
        assert lines == kept_lines[kept]
        assert last == b"%d %b" % (int(lines[-1].split()[0]) + 1000, gap_line("COIN_USDT", KILLED))
        found.path.unlink()
    assert finish_leftovers(tmp_path) == []


def test_bytes_that_are_no_member_are_torn_off(tmp_path: Path) -> None:
    """Zeros that a lost write left at the end are cut as a torn member is."""
    original, (_, end) = left_open(tmp_path / "COIN_USDT")
    original.write_bytes(original.read_bytes() + bytes(4096))
    (found,) = finish_leftovers(tmp_path)
    assert (found.kept_bytes, found.torn_bytes) == (end, 4096)


def test_members_larger_than_a_read_are_found(tmp_path: Path) -> None:
    """Members that do not fit one read of the disk, and lines that do not compress, end where they end."""
    import random

    rng = random.Random(3)
    part = PartFile(tmp_path / "X_20231114T221320Z.jsonl.gz")
    ends = []
    for number in range(3):
        for line in range(40):
            part.add(1_700_000_000_000_000 + number * 100 + line, rng.randbytes(9_000).hex().encode())
        part.write(part.take())
        ends.append(part.size)
    assert ends[0] > 1 << 18
    whole, last = whole_members(part.open_path)
    assert whole == ends[-1]
    assert last.startswith(b"1700000000000239000 ")


def test_a_complete_file_is_left_alone(tmp_path: Path) -> None:
    """Only files that bear the ending of an open one are touched, and only in recordings."""
    original, _ = left_open(tmp_path / "COIN_USDT")
    stray = tmp_path / "elsewhere" / original.name
    stray.parent.mkdir()
    stray.write_bytes(b"not ours")
    before = original.read_bytes()
    complete = original.with_suffix("")
    original.rename(complete)
    assert finish_leftovers(tmp_path) == []
    assert complete.read_bytes() == before
    assert stray.read_bytes() == b"not ours"


def test_a_line_is_a_line(tmp_path: Path) -> None:
    """White space that JSON allows does not break a line in two."""
    part = PartFile(tmp_path / "X_20231114T221320Z.jsonl.gz")
    part.add(5, b'{\r\n "a": 1\n}')
    part.write(part.take())
    part.complete()
    assert lines_of(part.path) == [b'5000 {   "a": 1 }']


def test_an_empty_file_gets_no_name(tmp_path: Path) -> None:
    """A file into which nothing was written is removed, not kept as a part without an event."""
    part = PartFile(tmp_path / "X_20231114T221320Z.jsonl.gz")
    part.complete()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OSError, match="Bad file descriptor"):
        part.write(b"x")
