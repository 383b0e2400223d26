"""What the core asks over REST: snapshots to begin with and after holes, small ones to compare with, the venue's time."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from flashcrash_binance.codec import BadMessage
from flashcrash_binance.market_feed.actions import Fetch, Subject
from flashcrash_binance.market_feed.book_keeper import Verdict
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
"""After a comparison that could not be made, and between two looks beyond the edge."""
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

    def verify_soon(self, one: SymbolFeed, now_us: int) -> None:
        """Something looks wrong: compare within a second."""
        if one.verify_at_us:
            one.verify_at_us = min(one.verify_at_us, now_us + _S)

    def on_time(self, now_us: int) -> None:
        """Send what is due, and give up what was not answered."""
        core = self._core
        for request in [one for one in self._waiting.values() if now_us - one.asked_us > core.settings.answer_us]:
            self.on_failure(request.number, "no answer in time", now_us)
        if now_us >= self._time_at_us:
            self._time_at_us = now_us + TIME_EVERY_US
            self._ask("time", "time", None, 0, 1, now_us)
        for one in core.symbols.values():
            keeper = one.keeper
            if not keeper.usable:
                if one.resync is None and one.resync_at_us and now_us >= one.resync_at_us and core.links.live(one.bundle):
                    one.resync_at_us = 0
                    one.resync = self._ask_depth("resync", one, one.settings.snapshot_limit, now_us)
                continue
            if one.verify_at_us and now_us >= one.verify_at_us and one.verifying is None:
                one.verify_at_us = now_us + core.settings.verify_us
                one.verifying = self._ask_depth("verify", one, VERIFY_LEVELS, now_us)
            if one.resync is None and keeper.near_edge and now_us - self._deepened_us.get(one.symbol, 0) > _AGAIN_US:
                self._deepened_us[one.symbol] = now_us
                one.resync = self._ask_depth("deepen", one, one.settings.snapshot_limit, now_us)

    # -- answers -----------------------------------------------------------------------------------------------------

    def on_answer(self, number: int, status: int, headers: Mapping[str, str], body: bytes, sent_us: int, now_us: int) -> None:
        """An answer came, whatever it says."""
        self.weight.told(status, headers, now_us)
        request = self._waiting.pop(number, None)
        if request is None:
            return  # given up before
        if status != _OK:
            self._failed(request, f"HTTP {status}", now_us)
            return
        if request.purpose == "time":
            self._core.told_time(body, sent_us, now_us)
            return
        one = self._core.symbols[request.symbol]
        try:
            snapshot = one.codec.decode(body, now_us)
            if not isinstance(snapshot, BookSnapshot):
                raise BadMessage("no_snapshot", "the answer holds no book")
        except BadMessage as error:
            self._core.rejected[f"snapshot_{error.reason}"] += 1
            self._failed(request, str(error), now_us)
            return
        if request.purpose == "verify":
            one.verifying = None
            one.compared_with = snapshot
            self.compare(one, now_us)
        else:
            self._take_snapshot(one, request, snapshot, now_us)

    def on_failure(self, number: int, reason: str, now_us: int) -> None:
        """No answer came."""
        request = self._waiting.pop(number, None)
        if request is not None:
            self._failed(request, reason, now_us)

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

    def _take_snapshot(self, one: SymbolFeed, request: Request, snapshot: BookSnapshot, now_us: int) -> None:
        one.resync = None
        if request.purpose == "resync" and one.keeper.usable:
            return  # the other connection was quicker
        verdict = one.keeper.on_snapshot(snapshot, request.limit, now_us)
        if verdict is Verdict.WHOLE:
            if not one.verify_at_us and self._core.settings.verify_us:
                # Not all symbols in the same second.
                one.verify_at_us = now_us + one.rng.randrange(self._core.settings.verify_us) + 1
            self._core.tell_book(one, now_us)
        elif request.purpose == "resync":
            one.resync_at_us = now_us + one.backoff.failed(urgent=self._core.position_open)

    def _failed(self, request: Request, reason: str, now_us: int) -> None:
        self.failed += 1
        self.last_failure = reason
        if request.purpose == "time":
            self._time_at_us = now_us + _AGAIN_US
            return
        one = self._core.symbols[request.symbol]
        if request.purpose == "verify":
            one.verifying = None
            return
        one.resync = None
        if not one.keeper.usable:
            one.resync_at_us = now_us + one.backoff.failed(urgent=self._core.position_open)

    # -- asking ------------------------------------------------------------------------------------------------------

    def _ask_depth(self, purpose: str, one: SymbolFeed, limit: int, now_us: int) -> Request:
        return self._ask("depth", purpose, one, limit, depth_weight(self._core.kind, limit), now_us)

    def _ask(self, what: Subject, purpose: str, one: SymbolFeed | None, limit: int, weight: int, now_us: int) -> Request:
        at_us = self.weight.reserve(weight, now_us)
        symbol = "" if one is None else one.symbol
        request = Request(self._next_number, purpose, symbol, limit, at_us)
        self._next_number += 1
        self._waiting[request.number] = request
        self.sent += 1
        self._core.actions.append(Fetch(request.number, what, symbol, limit, at_us if at_us > now_us else 0))
        return request
