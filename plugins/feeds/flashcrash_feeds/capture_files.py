"""The files of a raw capture: one, or those of a recording; which can be read, and what their first lines tell."""

from itertools import islice
from pathlib import Path
from typing import Final

from flashcrash_binance.probe import Contents, probe_messages
from flashcrash_core.api import OPEN_SUFFIX, DataError, LineReader, is_recording, read_head, recording_files
from flashcrash_feeds.tally import shown_line

__all__ = ["STILL_OPEN", "head_of", "parts_of", "probe"]

STILL_OPEN: Final = (
    "is not finished: its recorder is still running, or was killed. It is read as far as it goes; "
    "`flashcrash tape record` into the same folder finishes what a killed one left"
)
_PROBED_LINES: Final = 2000


def parts_of(path: Path) -> list[Path]:
    """The files to read in turn. Raises DataError when none of them holds anything."""
    if not is_recording(path):
        return [path]
    found = recording_files(path)
    parts = [part for part in found if part.suffix != OPEN_SUFFIX or head_of(part)]
    if not parts:
        raise DataError(f"{path}: no events; {found[0].name} holds no whole second yet")
    return parts


def probe(path: Path, parts: list[Path]) -> Contents:
    """What the first file holds. Raises DataError for one that holds no market message."""
    first = parts[0]
    reader = LineReader(first)
    payloads: list[bytes] = []
    try:
        payloads.extend(raw.partition(b" ")[2] for raw in islice(reader, _PROBED_LINES))
    except DataError:
        if not payloads:
            raise
        # A file cut this early is still read as far as it goes; events() then tells where it breaks off.
    finally:
        reader.close()
    contents = probe_messages(payloads)
    if not contents.samples:
        raise DataError(
            f"{path}: no events; none of the first {_PROBED_LINES} lines is a Binance depthUpdate, bookTicker, trade or "
            f"aggTrade with a symbol; found {shown_line(head_of(first))}"
        )
    return contents


def head_of(part: Path) -> bytes:
    """The beginning of a file; of one that was left open its first line, empty while there is none. Raises DataError."""
    if part.suffix != OPEN_SUFFIX:
        return read_head(part)
    reader = LineReader(part)
    try:
        return next(iter(reader), b"")
    except DataError:  # torn in its first member
        return b""
    finally:
        reader.close()
