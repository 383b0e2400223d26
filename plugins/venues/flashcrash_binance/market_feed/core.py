"""The feed's core: messages of several connections, answers and time go in; market events and actions come out.

Sans-I/O: no socket, no clock, no unseeded number. :class:`FeedCore` is driven by
:class:`flashcrash_binance.transport.driver.FeedDriver` over real sockets, and by a simulated network in the tests.

What is told is always true: diffs are told while they continue the book without a hole; a hole is told as a ``FeedGap`` with the
message that shows it; then nothing of that book until it can be told as a whole, from the missing diff or from a REST snapshot
(:mod:`.book_keeper`). Other symbols go on. Every event has a receive time after the one before it.
"""

from collections import Counter, deque
from collections.abc import Callable, Mapping
from functools import partial
from itertools import count
from random import Random
from typing import Any, Final

import msgspec

from flashcrash_binance.codec import BadMessage, MarketCodec
from flashcrash_binance.market_feed.actions import Action
from flashcrash_binance.market_feed.book_keeper import BookKeeper, Verdict
from flashcrash_binance.market_feed.health import FeedHealth, LinkHealth, SymbolHealth
from flashcrash_binance.market_feed.latency import VenueClock
from flashcrash_binance.market_feed.links import SHUTDOWN, Link, Links
from flashcrash_binance.market_feed.merging import RecentPayloads
from flashcrash_binance.market_feed.settings import FeedSettings, SymbolSettings
from flashcrash_binance.market_feed.stream_names import bundles_of, streams_of
from flashcrash_binance.market_feed.symbol_feed import SymbolFeed
from flashcrash_binance.market_feed.venue_requests import VenueRequests
from flashcrash_binance.recording.control_lines import BookPicture, gap_line, rejected_line, snapshot_line, timer_line
from flashcrash_binance.wire import to_microseconds
from flashcrash_core.api import (
    BestQuote,
    BookDelta,
    BookSync,
    Continuity,
    FeedGap,
    Instrument,
    MarketEvent,
    MarketKind,
    Rejected,
    Timer,
    Trade,
)

__all__ = ["Captured", "FeedCore"]

Captured = Callable[[str, int, bytes], None]
"""``captured(symbol, receive_us, line)``: a recorder's view; each event has one line, in the order of the events."""

TICK_US: Final = 50_000
LOOK_US: Final = 250_000
"""Between two looks at the connections."""
MAX_FRAME_BYTES: Final = 4 * 2**20
"""Far beyond any message of a market; what is larger is not even parsed."""
_STREAM_START: Final = b'{"stream":"'
_SHUTDOWN: Final = b"serverShutdown"
_SHUTDOWN_STREAM: Final = b"!serverShutdown"
_SHOWN: Final = 80

_decode_time: Final = msgspec.json.Decoder(dict[str, Any]).decode


class FeedCore:
    """One market's feed. ``events`` and ``actions`` are for the user to empty; times are microseconds of wall time."""

    def __init__(
        self,
        symbols: Mapping[str, SymbolSettings],
        instruments: Mapping[str, Instrument],
        settings: FeedSettings,
        next_seq: Callable[[], int],
        *,
        kind: MarketKind = MarketKind.SPOT,
        seed: int = 1,
    ) -> None:
        self.settings = settings
        self.kind = kind
        self.events: deque[MarketEvent] = deque()
        self.actions: deque[Action] = deque()
        self.captured: Captured | None = None
        self.next_time_us = 0
        self.rejected: Counter[str] = Counter()
        self.messages = 0
        self.overflows = 0
        self.clock = VenueClock()
        self._next_seq = next_seq
        self._rng = Random(f"binance feed:{seed}")
        self._receive_us = 0
        self._started_us = 0
        self._look_us = 0
        self._recent = RecentPayloads()
        self._position_open = False
        bundles = bundles_of(symbols, kind, settings.streams_per_connection)
        self.links = Links(bundles, settings, self._rng, self.actions)
        named = dict(instruments)
        self._decode = MarketCodec(named, next_seq, kind=kind).decode
        continuity = Continuity.FUTURES if kind is MarketKind.USDM else Continuity.SPOT
        self.symbols = {
            symbol: SymbolFeed(
                named[symbol],
                own,
                MarketCodec({symbol: named[symbol]}, next_seq, kind=kind, snapshot_symbol=symbol),
                BookKeeper(symbol, continuity),
                self._rng,
                next(i for i, (_, streams) in enumerate(bundles) if streams_of(symbol, own)[0] in streams),
            )
            for symbol, own in symbols.items()
        }
        self.requests = VenueRequests(self)
        self._take: dict[type, Callable[[SymbolFeed, Any, bytes, int], None]] = {
            Trade: self._on_trade,
            BestQuote: self._on_quote,
            BookDelta: self._on_delta,
        }

    @property
    def position_open(self) -> bool:
        """Whether something hangs on hearing the market: waits stay short."""
        return self._position_open

    @position_open.setter
    def position_open(self, is_open: bool) -> None:
        self._position_open = self.links.urgent = is_open

    def book(self, symbol: str) -> BookSync:
        """The feed's own book; BUFFERING or EMPTY in what it says while it is not whole."""
        return self.symbols[symbol].keeper.sync

    # -- what comes in -----------------------------------------------------------------------------------------------

    def start(self, now_us: int) -> None:
        """Connect."""
        self._started_us = self._look_us = now_us
        for one in self.symbols.values():
            one.blind_since_us = one.told_us = now_us
        self.links.start(now_us)
        self.requests.start(now_us)
        self.next_time_us = now_us + TICK_US

    def on_open(self, connection: int, now_us: int) -> None:
        """A connection is open."""
        link = self.links.on_open(connection, now_us)
        if link is None:
            return
        for one in self.symbols.values():
            # Diffs come from now on: a snapshot taken after this moment reaches them (section 3, steps 1 and 2).
            if one.bundle == link.bundle and not one.keeper.usable and not one.resync_at_us and one.resync is None:
                one.resync_at_us = now_us
        self.requests.on_time(now_us)

    def on_message(self, connection: int, payload: bytes, now_us: int) -> None:
        """A text message came."""
        link = self.links.by_number.get(connection)
        if link is None or not link.opened_us:
            return
        self.messages += 1
        if payload.startswith(_STREAM_START):
            name = payload[11 : payload.find(b'"', 11, 139)]
            if name == _SHUTDOWN_STREAM:
                self.links.replace(link, SHUTDOWN, now_us)
                return
            self.links.on_message(link, name, now_us)
        elif self._on_reply(link, payload, now_us):
            return
        if not self._recent.is_new(payload):
            return
        stamp_us = now_us if now_us > self._receive_us else self._receive_us + 1
        try:
            if len(payload) > MAX_FRAME_BYTES:
                raise BadMessage("huge", f"a message of {len(payload)} bytes; at most {MAX_FRAME_BYTES} are read")
            event = self._decode(payload, stamp_us)
        except BadMessage as error:
            self._recent.forget(payload)
            self._on_bad(link, error, now_us)
            return
        if event is None:
            return
        take = self._take.get(type(event))
        if take is None:
            self._on_bad(link, BadMessage("unknown_event", f"{type(event).__name__} on a stream", symbol=event.symbol), now_us)
            return
        one = self.symbols[event.symbol]
        one.messages += 1
        own_us = event.exchange_us
        if own_us is not None:
            one.latency.add(now_us, own_us)
        take(one, event, payload, now_us)

    def on_close(self, connection: int, now_us: int, reason: str) -> None:
        """A connection broke, or was refused."""
        link = self.links.on_close(connection, now_us, reason)
        if link is None or not link.is_open:
            return
        if not self.links.live(link.bundle):
            for one in self.symbols.values():
                if one.bundle == link.bundle and one.keeper.usable:
                    # Nobody hears the stream: whatever happens now is missed.
                    self._lose(one, "disconnected", now_us, forget=True)

    def on_answer(self, request: int, status: int, headers: Mapping[str, str], body: bytes, _sent_us: int, now_us: int) -> None:
        """The answer to a :class:`~flashcrash_binance.market_feed.actions.Fetch`."""
        self.requests.on_answer(request, status, headers, body, _sent_us, now_us)

    def on_failure(self, request: int, reason: str, now_us: int) -> None:
        """No answer came."""
        self.requests.on_failure(request, reason, now_us)

    def on_time(self, now_us: int) -> None:
        """Time passed; called at :attr:`next_time_us` or later."""
        self.next_time_us = now_us + TICK_US
        timer_us = self.settings.timer_us
        for one in self.symbols.values():
            if now_us - one.told_us >= timer_us and one.latency.least_us is not None:
                stamp_us = self._stamp(now_us)
                own_us = stamp_us - one.latency.least_us
                self._tell(
                    one, Timer(one.symbol, self._next_seq(), own_us, stamp_us), partial(timer_line, one.symbol, own_us), now_us
                )
        if now_us >= self._look_us:
            self._look_us = now_us + LOOK_US
            self.links.on_time(now_us)
        self.requests.on_time(now_us)

    # -- messages ----------------------------------------------------------------------------------------------------

    def _on_trade(self, one: SymbolFeed, trade: Trade, payload: bytes, now_us: int) -> None:
        if one.trades.accept(trade.trade_id):
            self._tell(one, trade, payload, now_us)

    def _on_quote(self, one: SymbolFeed, quote: BestQuote, payload: bytes, now_us: int) -> None:
        if not one.quotes.accept(quote.update_id):
            return
        self._tell(one, quote, payload, now_us)
        keeper = one.keeper
        if keeper.usable and quote.update_id == keeper.update_id:
            book = keeper.book
            if (book.bids.best(), book.asks.best()) != (quote.bid_ticks, quote.ask_ticks):
                # Seen seven times in 6,492 on a sound recording: no proof, but a reason to look.
                one.ticker_differences += 1
                self.requests.verify_soon(one, now_us)

    def _on_delta(self, one: SymbolFeed, delta: BookDelta, payload: bytes, now_us: int) -> None:
        verdict = one.keeper.on_delta(delta, now_us)
        if verdict is Verdict.TOLD:
            self._tell(one, delta, payload, now_us)
            if one.compared_with is not None:
                self.requests.compare(one, now_us)
        elif verdict is Verdict.HOLE:
            self._tell_gap(one, "hole", now_us)
            alone = len(self.links.live(one.bundle)) < 2
            self.requests.resync(one, now_us if alone else now_us + self.settings.heal_us)
        elif verdict is Verdict.WHOLE:
            self.tell_book(one, now_us)

    def _on_bad(self, link: Link, error: BadMessage, now_us: int) -> None:
        """A message that cannot be used. One that was a diff is missing from now on, unless another connection brings it."""
        self.rejected[error.reason] += 1
        one = self.symbols.get(error.symbol or "") or next(iter(self.symbols.values()))
        stamp_us = self._stamp(now_us)
        event = Rejected(one.symbol, self._next_seq(), None, stamp_us, error.reason, error.detail)
        self._tell(one, event, partial(rejected_line, one.symbol, error.reason, error.detail), now_us)
        if error.breaks_book and error.symbol in self.symbols and one.keeper.usable:
            refused_on = one.refused_on(link.number)
            if all(other.number in refused_on for other in self.links.live(link.bundle)):
                self._lose(one, "unreadable_diff", now_us)

    def _on_reply(self, link: Link, payload: bytes, now_us: int) -> bool:
        """Whether it was no message of the market: the answer to a subscription, or the venue saying goodbye."""
        if _SHUTDOWN in payload[:_SHOWN]:
            self.links.replace(link, SHUTDOWN, now_us)
            return True
        return payload.startswith((b'{"result"', b'{"id"', b'{"error"', b'{"code"'))

    # -- what goes out -----------------------------------------------------------------------------------------------

    def tell_book(self, one: SymbolFeed, now_us: int) -> None:
        """The book is whole: tell all of it."""
        keeper = one.keeper
        if one.blind_since_us:
            one.blind_us += now_us - one.blind_since_us
            one.blind_since_us = 0
        one.backoff.succeeded()
        one.resync_at_us = 0
        one.resync = None
        line = lambda: snapshot_line(BookPicture.of(keeper.sync), one.instrument)  # noqa: E731
        self._tell(one, keeper.picture(self._next_seq(), self._stamp(now_us)), line, now_us)

    def _lose(self, one: SymbolFeed, reason: str, now_us: int, *, forget: bool = False) -> None:
        """The book may not be used from now on."""
        if forget:
            one.keeper.forget()
        else:
            one.keeper.lose()
        self._tell_gap(one, reason, now_us)
        self.requests.resync(one, now_us)

    def distrust(self, one: SymbolFeed, now_us: int) -> None:
        """The venue's own snapshot says that the book is wrong."""
        self._lose(one, "differs_from_venue", now_us, forget=True)

    def _tell_gap(self, one: SymbolFeed, reason: str, now_us: int) -> None:
        if not one.blind_since_us:
            one.blind_since_us = now_us
        event = FeedGap(one.symbol, self._next_seq(), None, self._stamp(now_us), reason)
        self._tell(one, event, partial(gap_line, one.symbol, reason), now_us)

    def _stamp(self, now_us: int) -> int:
        """A receive time after every one before it."""
        return now_us if now_us > self._receive_us else self._receive_us + 1

    def _tell(self, one: SymbolFeed, event: MarketEvent, line: bytes | Callable[[], bytes], now_us: int) -> None:
        self._receive_us = event.receive_us
        one.told_us = now_us
        events = self.events
        if len(events) >= self.settings.max_events:
            self._overflow(now_us)
        events.append(event)
        if self.captured is not None:
            self.captured(one.symbol, event.receive_us, line if isinstance(line, bytes) else line())

    def _overflow(self, now_us: int) -> None:
        """Nobody takes the events: give up what waits, and tell every book anew. The trades among them are lost, and counted."""
        self.overflows += 1
        lost = Counter(event.symbol for event in self.events if type(event) is Trade)
        self.events.clear()
        for one in self.symbols.values():
            one.trades.lost += lost[one.symbol]
            self._tell_gap(one, "overflow", now_us)
            if one.keeper.usable:
                self.tell_book(one, now_us)

    # -- numbers -----------------------------------------------------------------------------------------------------

    def health(self, now_us: int) -> FeedHealth:
        """How things stand."""
        offset = self.clock.offset_us
        waits = [(one.latency.percentile_us(0.5, offset), one.latency.percentile_us(0.99, offset)) for one in self.symbols.values()]
        halves, tails = [half for half, _ in waits if half is not None], [tail for _, tail in waits if tail is not None]
        counts, span_s = self.links.counts, max((now_us - self._started_us) / 1e6, 1e-6)
        return FeedHealth(
            messages=self.messages,
            messages_per_s=round(self.messages / span_s, 1),
            latency_p50_ms=round(sum(halves) / len(halves) / 1e3, 3) if halves else None,
            latency_p99_ms=round(max(tails) / 1e3, 3) if tails else None,
            clock_offset_ms=round(offset / 1e3, 3),
            round_trip_ms=None if self.clock.round_trip_us is None else round(self.clock.round_trip_us / 1e3, 3),
            reconnections=counts["closed"] + counts["failed"],
            replacements=counts["replaced"],
            rejected=dict(self.rejected),
            requests=self.requests.sent,
            requests_failed=self.requests.failed,
            weight_refusals=self.requests.weight.refusals,
            overflows=self.overflows,
            silent_streams=self.links.silent_streams(now_us),
            last_close=self.links.last_reason,
            blind_s=round(sum(one.blind_s(now_us) for one in self.symbols.values()), 3),
            symbols={symbol: _symbol_health(one, now_us) for symbol, one in self.symbols.items()},
            connections=[
                LinkHealth(
                    number=link.number,
                    group=self.links.bundles[link.bundle][0],
                    open_s=round((now_us - link.opened_us) / 1e6, 1) if link.is_open else None,
                    messages=link.messages,
                    silent_s=round((now_us - (link.heard_us or link.asked_us)) / 1e6, 1),
                    leaving=link.leaving,
                )
                for link in self.links.by_number.values()
            ],
        )

    def told_time(self, body: bytes, sent_us: int, now_us: int) -> None:
        """An answer to ``time``."""
        try:
            self.clock.add(to_microseconds(int(_decode_time(body)["serverTime"])), sent_us, now_us)
        except (msgspec.DecodeError, KeyError, TypeError, ValueError):
            self.rejected["bad_time_answer"] += 1

    def _check(self) -> None:
        """Assert what must hold at any time; for tests."""
        numbers = count()
        for one, _ in zip(self.symbols.values(), numbers, strict=False):
            one.keeper._check()
            assert one.keeper.usable != bool(one.blind_since_us), f"{one.symbol}: usable and blind"
            assert one.keeper.usable or one.resync is not None or one.resync_at_us or not self.links.live(one.bundle), (
                f"{one.symbol}: nobody mends the book"
            )


def _symbol_health(one: SymbolFeed, now_us: int) -> SymbolHealth:
    keeper = one.keeper
    return SymbolHealth(
        usable=keeper.usable,
        messages=one.messages,
        trades_lost=one.trades.lost + len(one.trades.missing),
        trades_late=one.trades.filled,
        duplicates=one.trades.duplicates + keeper.duplicates,
        holes=keeper.holes,
        healed=keeper.healed,
        resyncs=keeper.resyncs,
        stale_snapshots=keeper.stale_snapshots,
        snapshot_age_s=round((now_us - keeper.snapshot_us) / 1e6, 1) if keeper.snapshot_us else None,
        bid_levels=len(keeper.book.bids),
        ask_levels=len(keeper.book.asks),
        blind_s=one.blind_s(now_us),
        verified=one.verified,
        differences=one.differences,
        ticker_differences=one.ticker_differences,
        last_difference=one.last_difference,
    )
