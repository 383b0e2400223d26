"""What a killed recorder left: a ``.part`` file whose last member may be torn. Its whole members are kept."""

import os
import zlib
from pathlib import Path
from typing import Final

from attrs import frozen

from flashcrash_binance.recording.control_lines import gap_line
from flashcrash_binance.recording.layout import open_files, sync_folder
from flashcrash_binance.recording.part_file import packed
from flashcrash_core.api import OPEN_SUFFIX

__all__ = ["KILLED", "Recovered", "finish_leftovers", "whole_members"]

KILLED: Final = "recorder_killed"
"""Reason of the gap line at the end of a file whose recorder did not finish it."""
_CHUNK_BYTES: Final = 1 << 18
_LONGEST_LINE: Final = 64 << 20


@frozen
class Recovered:
    """A left-over file: the name it has now, None when it held nothing, and the bytes at its end that were torn."""

    path: Path | None
    kept_bytes: int
    torn_bytes: int


def finish_leftovers(root: Path) -> list[Recovered]:
    """Complete every file below ``root`` that a recorder left open. Nobody may be recording there. Raises OSError."""
    return [_finish(path) for path in open_files(root)]


def whole_members(path: Path) -> tuple[int, bytes]:
    """The length of a file's whole gzip members, and their last line without its newline (empty when there is none)."""
    whole, last = 0, b""
    with path.open("rb") as file:
        rest = b""
        read = 0
        while True:
            member = zlib.decompressobj(wbits=31)
            tail = b""
            while not member.eof:
                if not rest:
                    rest = file.read(_CHUNK_BYTES)
                    read += len(rest)
                if not rest:
                    return whole, last
                try:
                    lines = tail + member.decompress(rest)
                except zlib.error:
                    return whole, last
                rest = member.unused_data if member.eof else b""
                tail = _last_lines(lines)
            whole = read - len(rest)
            last = tail.rstrip(b"\n").rpartition(b"\n")[2] or last


def _last_lines(lines: bytes) -> bytes:
    """The end of the text from the start of its last whole line on."""
    at = lines.rfind(b"\n", 0, max(lines.rfind(b"\n"), 0))
    return lines[at + 1 :][-_LONGEST_LINE:]


def _finish(path: Path) -> Recovered:
    size = path.stat().st_size
    whole, last = whole_members(path)
    stamp, _, _ = last.partition(b" ")
    if not whole or not stamp.isdigit():
        path.unlink()
        sync_folder(path.parent)
        return Recovered(None, 0, size)
    symbol = path.name.rpartition("_")[0]
    with path.open("r+b") as file:
        file.truncate(whole)
        file.seek(whole)
        file.write(packed(b"%d %b\n" % (int(stamp) + 1000, gap_line(symbol, KILLED))))
        file.flush()
        os.fsync(file.fileno())
    final = path.with_name(path.name.removesuffix(OPEN_SUFFIX))
    path.rename(final)
    sync_folder(path.parent)
    return Recovered(final, whole, size - whole)
