"""What the core asks over REST: snapshots to begin with and after holes, small ones to compare with, the venue's time.

Nothing is asked before it may go. A book that cannot be used comes first, then one that needs a deeper look, then comparisons,
which get only a part of the weight.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from flashcrash_binance.codec import BadMessage
from flashcrash_binance.market_feed.actions import Fetch, Subject
from flashcrash_binance.market_feed.backoff import URGENT_US
from flashcrash_binance.market_feed.book_keeper import Verdict
from flashcrash_binance.market_feed.soundness import require_sound_snapshot
from flashcrash_binance.market_feed.symbol_feed import VERIFY_LEVELS, Request, SymbolFeed
from flashcrash_binance.market_feed.verification import Finding, compare
from flashcrash_binance.request_weight import RequestWeight, depth_weight
from flashcrash_core.api import BookSnapshot

if TYPE_CHECKING:
    from flashcrash_binance.market_feed.core import FeedCore

__all__ = ["VenueRequests"]

_S: Final = 1_000_000
TIME_EVERY_US: Final = 60 * _S
_AGAIN_US: Final = 5 * _S
"""After a time that could not be had, and between two looks beyond the edge."""
_COMPARED_US: Final = 2 * _S
"""Doubts do not bring the next comparison closer to the last one than this."""
_DEEPEN_SHARE: Final = 0.8
_VERIFY_SHARE: Final = 0.6
"""Of the weight: what comparisons may use of it, so that a blind book always finds some."""
_STALE_US: Final = 1_000_000
"""A snapshot that is only too old is no failure of the venue: the next one is not put off for longer than this."""
_MAX_LATE: Final = 64
_OK: Final = 200


class VenueRequests:
    """The requests of one core. ``sent`` and ``failed`` count them."""

    def __init__(self, core: "FeedCore") -> None:
        self._core = core
        self.weight = RequestWeight(core.kind)
        self.sent = 0
        self.failed = 0
        self.last_failure = ""
        self._waiting: dict[int, Request] = {}
        self._late: dict[int, Request] = {}
        """Given up, though the answer may still come."""
        self._next_number = 1
        self._time_at_us = 0
        self._deepened_us: dict[str, int] = {}

    def start(self, now_us: int) -> None:
        """Ask what time it is; snapshots wait for the first connection."""
        self._time_at_us = now_us
        self.on_time(now_us)

    def resync(self, one: SymbolFeed, at_us: int) -> None:
        """Ask for a snapshot at that time, unless one is under way."""
        if one.resync is None and not one.resync_at_us:
            one.resync_at_us = at_us

    def verify_soon(self, one: SymbolFeed, at_us: int) -> None:
        """Something looks wrong: compare at that time already."""
        if one.verify_at_us:
            one.verify_at_us = min(one.verify_at_us, max(at_us, one.verified_us + _COMPARED_US))

    def time_soon(self, now_us: int) -> None:
        """The venue's clock is in doubt: ask."""
        self._time_at_us = min(self._time_at_us, now_us)

    def hurry(self, now_us: int) -> None:
        """A position was opened: no wait for a snapshot is longer than a few seconds from here."""
        for one in self._core.symbols.values():
            if one.resync_at_us:
                one.resync_at_us = min(one.resync_at_us, now_us + URGENT_US)

    def on_time(self, now_us: int) -> None:
        """Send what is due, and give up what was not answered."""
        core = self._core
        for request in [one for one in self._waiting.values() if now_us - one.asked_us > core.settings.answer_us]:
            self._late[request.number] = request
            if len(self._late) > _MAX_LATE:
                del self._late[next(iter(self._late))]
            self.on_failure(request.number, "no answer in time", now_us)
        if now_us >= self._time_at_us and self._ask("time", "time", None, 0, 1, 1.0, now_us) is not None:
            self._time_at_us = now_us + TIME_EVERY_US
        symbols = core.symbols.values()
        for one in symbols:
            if one.resync_at_us and now_us >= one.resync_at_us and not one.keeper.usable and core.links.live(one.bundle):
                one.resync = self._ask_depth("resync", one, one.settings.snapshot_limit, 1.0, now_us)
                if one.resync is None:
                    break  # no weight is left: the others would find none either
                one.resync_at_us = 0
        for one in symbols:
            if one.keeper.usable and one.resync is None and one.keeper.near_edge:
                self._deepen(one, now_us)
        due = [
            one
            for one in symbols
            if one.verify_at_us and now_us >= one.verify_at_us and one.keeper.usable and one.verifying is None
        ]
        for one in sorted(due, key=lambda one: one.verify_at_us):
            one.verifying = self._ask_depth("verify", one, VERIFY_LEVELS, _VERIFY_SHARE, now_us)
            if one.verifying is None:
                break
            one.verified_us, one.verify_at_us = now_us, now_us + core.settings.verify_us

    # -- answers -----------------------------------------------------------------------------------------------------

    def on_answer(self, number: int, status: int, headers: Mapping[str, str], body: bytes, sent_us: int, now_us: int) -> None:
        """An answer came, whatever it says."""
        self.weight.told(status, headers, now_us)
        request = self._waiting.pop(number, None)
        if request is None:
            self._on_late_answer(number, status, body, now_us)
        elif status != _OK:
            self._failed(request, f"HTTP {status}", now_us)
        elif request.purpose == "time":
            self._core.told_time(body, sent_us, now_us)
        elif (snapshot := self._read(request, body, now_us)) is None:
            self._failed(request, "a snapshot that cannot be used", now_us)
        elif request.purpose == "verify":
            one = self._core.symbols[request.symbol]
            one.verifying = None
            one.compared_with = snapshot
            self.compare(one, now_us)
        else:
            self._take_snapshot(self._core.symbols[request.symbol], request, snapshot, now_us)

    def on_failure(self, number: int, reason: str, now_us: int) -> None:
        """No answer came."""
        request = self._waiting.pop(number, None)
        if request is not None:
            self._failed(request, reason, now_us)
        else:
            self._late.pop(number, None)

    def compare(self, one: SymbolFeed, now_us: int) -> None:
        """Compare with the snapshot that waits, if the book has come to its moment."""
        snapshot = one.compared_with
        if snapshot is None:
            return
        finding, difference = compare(one.keeper, snapshot)
        if finding is Finding.TOO_EARLY:
            return
        one.compared_with = None
        if finding is Finding.EQUAL:
            one.verified += 1
        elif finding is Finding.DIFFERENT:
            one.differences += 1
            one.last_difference = difference
            self._core.distrust(one, now_us)

    def _read(self, request: Request, body: bytes, now_us: int) -> BookSnapshot | None:
        """The snapshot in an answer; None, and counted, where there is none."""
        try:
            snapshot = self._core.symbols[request.symbol].codec.decode(body, now_us)
            if not isinstance(snapshot, BookSnapshot):
                raise BadMessage("no_snapshot", "the answer holds no book")
            require_sound_snapshot(snapshot)
        except BadMessage as error:
            self._core.rejected[f"snapshot_{error.reason}"] += 1
            return None
        return snapshot

    def _take_snapshot(self, one: SymbolFeed, request: Request, snapshot: BookSnapshot, now_us: int) -> None:
        one.resync = None
        if request.purpose == "resync" and one.keeper.usable:
            return  # the other connection was quicker
        if not self._reaches(request, one):
            self.resync(one, now_us)
            return
        verdict = one.keeper.on_snapshot(snapshot, request.limit, now_us)
        if verdict is Verdict.WHOLE:
            self._whole(one, now_us)
        elif not one.keeper.usable:
            one.resync_at_us = now_us + min(one.backoff.failed(urgent=self._core.position_open), _STALE_US)

    def _on_late_answer(self, number: int, status: int, body: bytes, now_us: int) -> None:
        """An answer that was given up. A venue that is that slow has no quicker one."""
        request = self._late.pop(number, None)
        if request is None or status != _OK or request.purpose != "resync":
            return
        one = self._core.symbols[request.symbol]
        if one.keeper.usable or not self._reaches(request, one) or (snapshot := self._read(request, body, now_us)) is None:
            return
        if one.keeper.on_snapshot(snapshot, request.limit, now_us) is Verdict.WHOLE:
            self._whole(one, now_us)

    def _reaches(self, request: Request, one: SymbolFeed) -> bool:
        """Whether diffs are heard since before the snapshot was asked for: else some between them may be missing."""
        return any(link.opened_us <= request.asked_us for link in self._core.links.live(one.bundle))

    def _whole(self, one: SymbolFeed, now_us: int) -> None:
        """The book is whole by a snapshot: tell it, and compare it from now on."""
        if not one.verify_at_us and self._core.settings.verify_us:
            # Not all symbols in the same second.
            one.verify_at_us = now_us + one.rng.randrange(self._core.settings.verify_us) + 1
        self._core.tell_book(one, now_us)

    def _failed(self, request: Request, reason: str, now_us: int) -> None:
        self.failed += 1
        self.last_failure = reason
        if request.purpose == "time":
            self._time_at_us = min(self._time_at_us, now_us + _AGAIN_US)
            return
        one = self._core.symbols[request.symbol]
        if request.purpose == "verify":
            one.verifying = None
            return
        one.resync = None
        if not one.keeper.usable:
            one.resync_at_us = now_us + one.backoff.failed(urgent=self._core.position_open)

    # -- asking ------------------------------------------------------------------------------------------------------

    def _deepen(self, one: SymbolFeed, now_us: int) -> None:
        """Prices are near the last level that is known: look further, now and then."""
        if now_us - self._deepened_us.get(one.symbol, 0) <= _AGAIN_US:
            return
        one.resync = self._ask_depth("deepen", one, one.settings.snapshot_limit, _DEEPEN_SHARE, now_us)
        if one.resync is not None:
            self._deepened_us[one.symbol] = now_us

    def _ask_depth(self, purpose: str, one: SymbolFeed, limit: int, share: float, now_us: int) -> Request | None:
        return self._ask("depth", purpose, one, limit, depth_weight(self._core.kind, limit), share, now_us)

    def _ask(
        self, what: Subject, purpose: str, one: SymbolFeed | None, limit: int, weight: int, share: float, now_us: int
    ) -> Request | None:
        """Send a request; None where its weight is not to be had now."""
        if not self.weight.take(weight, now_us, share=share):
            return None
        symbol = "" if one is None else one.symbol
        request = Request(self._next_number, purpose, symbol, limit, now_us)
        self._next_number += 1
        self._waiting[request.number] = request
        self.sent += 1
        self._core.actions.append(Fetch(request.number, what, symbol, limit))
        return request
