"""The tapes by name, made once per process."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from attrs import evolve

from flashcrash_core.config import did_you_mean
from flashcrash_core.errors import UsageError
from flashcrash_core.testing.tapes.arrival import renumbered, trades_only
from flashcrash_core.testing.tapes.book_faults import empty_book, single_venue_wick
from flashcrash_core.testing.tapes.contents import Tape
from flashcrash_core.testing.tapes.feed_faults import bad_print, duplicate_timestamps, feed_freeze, gap
from flashcrash_core.testing.tapes.markets import calm, crash_and_bounce, crash_without_bounce, flat, v_recovery

__all__ = ["BOOK_ONLY", "TAPES", "tape"]

_MAKERS: Final[Mapping[str, tuple[Callable[[int, int | None], Tape], str]]] = {
    "calm": (calm, "calm trading, nothing happens"),
    "crash_and_bounce": (crash_and_bounce, "calm, a fall of 8 % in three legs, half of it won back"),
    "crash_without_bounce": (crash_without_bounce, "calm, the same fall, the price stays down"),
    "v_recovery": (v_recovery, "calm, a fall of 6 % in one leg, straight back up"),
    "single_venue_wick": (single_venue_wick, "calm, 6 % down and back within 2 s while the depth vanishes"),
    "bad_print": (bad_print, "calm with one trade 15 % off the book, quotes unmoved"),
    "flat": (flat, "no change of price, spread, size or pace: zero variance"),
    "gap": (gap, "calm with a lost delta and an outage, each healed by a snapshot"),
    "duplicate_timestamps": (duplicate_timestamps, "a crash with bursts of events that bear one exchange time"),
    "empty_book": (empty_book, "calm, then no bids for 2 s, then no level at all for 2 s"),
    "feed_freeze": (feed_freeze, "calm, 8 s of silence, then all of it at once"),
}

TAPES: Final[Mapping[str, str]] = MappingProxyType({name: summary for name, (_, summary) in _MAKERS.items()})
"""Name of every tape and what is on it."""
BOOK_ONLY: Final = frozenset({"empty_book"})
"""Tapes that are about the book, and do not exist without one."""
_KEPT: Final = 48
"""Tapes kept per process: two seeds of each. Measured with rows: 17 to 22 MB for a market, 4 MB for a fault on a kept one."""


def tape(name: str, *, seed: int = 1, seconds: int | None = None, has_book: bool = True) -> Tape:
    """The tape of that name. The same arguments give the same events in every process, and the same object in one.

    ``seconds`` is the whole length; what is left out or added is calm at the beginning (default 375 to 404 s, enough for every
    warm-up). ``has_book`` False keeps the trades only. Raises UsageError for an unknown name, a negative seed, a length that is too
    short, and ``empty_book`` without a book.
    """
    if name not in _MAKERS:
        raise UsageError(f'there is no tape "{name}"; {did_you_mean(str(name), TAPES, what="tapes")}')
    for what, value in (("seed", seed), ("seconds", 0 if seconds is None else seconds)):
        if type(value) is not int:
            raise UsageError(f"tape {name}: {what} {value!r} is not a whole number")
    if seed < 0:
        raise UsageError(f"tape {name}: seed {seed} is negative; use 0 or more")
    if not has_book and name in BOOK_ONLY:
        raise UsageError(f"tape {name}: is about the book; it cannot be had with has_book=False")
    return _made(name, seed, seconds, has_book)


@lru_cache(maxsize=_KEPT)
def _made(name: str, seed: int, seconds: int | None, has_book: bool) -> Tape:
    if not has_book:
        whole = _made(name, seed, seconds, True)
        return evolve(whole, has_book=False, events=renumbered(trades_only(whole.events)))
    return _MAKERS[name][0](seed, seconds)
