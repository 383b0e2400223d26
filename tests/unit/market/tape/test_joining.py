"""Several tapes of one symbol as one: their events one after the other, in memory once."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from flashcrash_core.api import MarketEvent, Tape
from flashcrash_core.market.tape.columns import events_of
from flashcrash_core.market.tape.joining import joined

SMAPS = Path("/proc/self/smaps")


def resident_kb(folder: Path) -> int:
    """Memory of this process that holds pages of files below that folder."""
    found, inside = 0, False
    for line in SMAPS.read_text().splitlines():
        if "-" in line.split(" ", 1)[0] and ":" not in line.split(" ", 1)[0]:
            inside = str(folder) in line
        elif inside and line.startswith("Rss:"):
            found += int(line.split()[1])
    return found


@pytest.mark.skipif(not SMAPS.exists(), reason="only Linux tells what is resident")
def test_what_was_joined_is_not_held_twice(
    write: Callable[..., Tape],
    calm: list[MarketEvent],
    move: Callable[[MarketEvent, int], MarketEvent],
    plain: Callable[[Iterable[MarketEvent]], list[Any]],
) -> None:
    """Pages of the files are given back once they are copied; the events are those of both."""
    later = [move(event, 86_400_000_000) for event in calm]
    tapes = [write(calm, "one"), write(later, "two")]
    read = [plain(events_of(tape.columns)) for tape in tapes]
    assert all(resident_kb(tape.path) > 0 for tape in tapes)
    whole = joined([tape.columns for tape in tapes])
    assert [resident_kb(tape.path) for tape in tapes] == [0, 0]
    assert plain(events_of(whole)) == read[0] + read[1]
