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
from random import Random
from typing import Any, Final

import msgspec

from flashcrash_binance.codec import BadMessage, MarketCodec
from flashcrash_binance.market_feed.actions import Action
from flashcrash_binance.market_feed.book_keeper import ID_LEAP, BookKeeper, Verdict
from flashcrash_binance.market_feed.health import FeedHealth, MessageRate, feed_health
from flashcrash_binance.market_feed.latency import VenueClock
from flashcrash_binance.market_feed.link import Link
from flashcrash_binance.market_feed.links import SHUTDOWN, Links
from flashcrash_binance.market_feed.merging import MAX_MISSING, RecentPayloads
from flashcrash_binance.market_feed.settings import FeedSettings, SymbolSettings
from flashcrash_binance.market_feed.soundness import StampCheck, refuse_stream, require_plausible_trade, require_plausible_update
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
_DOUBT_US: Final = 1_000_000
"""A quote that disagrees with the book: often it only ran ahead of it, so the look may wait a little."""
LOOK_US: Final = 250_000
"""Between two looks at the connections."""
MAX_FRAME_BYTES: Final = 4 * 2**20
"""Far beyond any message of a market; what is larger is not even parsed."""
_STREAM_START: Final = b'{"stream":"'
_SHUTDOWN: Final = b"serverShutdown"
_SHUTDOWN_STREAM: Final = b"!serverShutdown"
_SHOWN: Final = 80
_QUOTES_STUCK_US: Final = 10_000_000
"""No quote was newer than the last one for so long, while the book went on and is still behind it: that one's id was wrong."""
_LEAST_TIME_US: Final = 10**15
"""The year 2001: no venue tells an earlier time."""

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
        self.stamps = StampCheck(self.clock)
        self.rate = MessageRate()
        self.copies = 0
        """Messages that another connection had brought before."""
        self._next_seq = next_seq
        self._rng = Random(f"binance feed:{seed}")
        self._receive_us = 0
        self._now_us = 0
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
                f"{symbol.lower()}@".encode(),
            )
            for symbol, own in symbols.items()
        }
        self.requests = VenueRequests(self)
        self._take: dict[type, Callable[[SymbolFeed, Any, bytes, int], bool]] = {
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
        opens = is_open and not self._position_open
        self._position_open = self.links.urgent = is_open
        if opens:
            self.links.hurry(self._now_us)
            self.requests.hurry(self._now_us)

    def book(self, symbol: str) -> BookSync:
        """The feed's own book; BUFFERING or EMPTY in what it says while it is not whole."""
        return self.symbols[symbol].keeper.sync

    # -- what comes in -----------------------------------------------------------------------------------------------

    def start(self, now_us: int) -> None:
        """Connect."""
        self._now_us = self._look_us = now_us
        self.rate.note(now_us, 0)
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
        self._now_us = now_us
        if len(self.events) >= self.settings.max_events:
            self._overflow(now_us)
        name = b""
        if payload.startswith(_STREAM_START):
            name = payload[11 : payload.find(b'"', 11, 139)]
            if name == _SHUTDOWN_STREAM:
                self.links.replace(link, SHUTDOWN, now_us)
                return
            self.links.on_message(link, name, now_us)
        elif self._on_reply(link, payload, now_us):
            return
        if not self._recent.is_new(payload, now_us):
            self.copies += 1
            link.copies += 1
            link.note_lag(self._recent.late_us)
            return
        stamp_us = now_us if now_us > self._receive_us else self._receive_us + 1
        try:
            if len(payload) > MAX_FRAME_BYTES:
                raise BadMessage("huge", f"a message of {len(payload)} bytes; at most {MAX_FRAME_BYTES} are read")
            event = self._decode(payload, stamp_us)
            if event is None:
                return
            take = self._take.get(type(event))
            if take is None:
                raise BadMessage("unknown_event", f"{type(event).__name__} on a stream", symbol=event.symbol)
            one = self.symbols[event.symbol]
            own_us = event.exchange_us
            if name and not name.startswith(one.stream_start):
                refuse_stream(one, name, is_diff=take == self._on_delta)
            if own_us is not None and not self.stamps.accept(own_us, now_us):
                off_s = (own_us - now_us - self.clock.offset_us) / 1e6
                detail = f"{own_us} us is {off_s:+.1f} s from the venue's time"
                raise BadMessage("time_leap", detail, symbol=one.symbol, breaks_book=take == self._on_delta)
            is_news = take(one, event, payload, now_us)
        except BadMessage as error:
            self._recent.forget(payload)
            self._on_bad(link, error, now_us)
            return
        one.messages += 1
        if is_news:
            if link.lag_us > 1.0:
                link.note_lag(0)
            if own_us is not None:
                one.latency.add(now_us, own_us)
        elif own_us is not None and one.latency.least_us is not None:
            link.note_lag(now_us - own_us - one.latency.least_us)

    def on_close(self, connection: int, now_us: int, reason: str) -> None:
        """A connection broke, or was refused."""
        link = self.links.on_close(connection, now_us, reason)
        if link is None or not link.is_open:
            return
        if not self.links.live(link.bundle):
            for one in self.symbols.values():
                if one.bundle != link.bundle:
                    continue
                # Nobody hears the stream: whatever happens now is missed.
                if one.keeper.usable:
                    self._lose(one, "disconnected", now_us, forget=True)
                else:
                    one.keeper.forget()

    def on_answer(self, request: int, status: int, headers: Mapping[str, str], body: bytes, _sent_us: int, now_us: int) -> None:
        """The answer to a :class:`~flashcrash_binance.market_feed.actions.Fetch`."""
        self.requests.on_answer(request, status, headers, body, _sent_us, now_us)

    def on_failure(self, request: int, reason: str, now_us: int) -> None:
        """No answer came."""
        self.requests.on_failure(request, reason, now_us)

    def on_time(self, now_us: int) -> None:
        """Time passed; called at :attr:`next_time_us` or later."""
        self.next_time_us = now_us + TICK_US
        self._now_us = now_us
        if len(self.events) >= self.settings.max_events:
            self._overflow(now_us)
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
            self.rate.note(now_us, self.messages)
            if self.stamps.in_doubt:
                self._doubt_clock(now_us)
            self.links.on_time(now_us)
        self.requests.on_time(now_us)

    # -- messages ----------------------------------------------------------------------------------------------------

    def _on_trade(self, one: SymbolFeed, trade: Trade, payload: bytes, now_us: int) -> bool:
        if trade.trade_id > one.trades.last_id + 1 or trade.trade_id < 0:
            require_plausible_trade(one, trade, now_us)
        if not one.trades.accept(trade.trade_id, trade.exchange_us or 0, now_us):
            return False
        self._tell(one, trade, payload, now_us)
        return True

    def _on_quote(self, one: SymbolFeed, quote: BestQuote, payload: bytes, now_us: int) -> bool:
        keeper, update_id = one.keeper, quote.update_id
        known_id = keeper.sync.update_id
        if update_id - known_id > ID_LEAP or update_id < 0:
            require_plausible_update(one, update_id, update_id, now_us, is_diff=False)
        if not one.quotes.accept(update_id, now_us):
            return False
        self._tell(one, quote, payload, now_us)
        if update_id == known_id and keeper.usable:
            book = keeper.book
            if (book.bids.best(), book.asks.best()) != (quote.bid_ticks, quote.ask_ticks):
                # Seen seven times in 6,492 on a sound recording: no proof, but a reason to look.
                one.ticker_differences += 1
                self.requests.verify_soon(one, now_us + _DOUBT_US)
        return True

    def _on_delta(self, one: SymbolFeed, delta: BookDelta, payload: bytes, now_us: int) -> bool:
        keeper = one.keeper
        if delta.last_id - keeper.sync.update_id > ID_LEAP or delta.first_id < 0:
            require_plausible_update(one, delta.first_id, delta.last_id, now_us, is_diff=True)
        verdict = keeper.on_delta(delta, now_us)
        if verdict is Verdict.TOLD:
            self._tell(one, delta, payload, now_us)
            if one.compared_with is not None:
                self.requests.compare(one, now_us)
            if keeper.book.crossed():
                self.requests.verify_soon(one, now_us)
            if one.quotes.last_id > delta.last_id and now_us - one.quotes.told_us > _QUOTES_STUCK_US:
                # Whoever follows believes that quote as well, and has to forget it.
                one.quotes.last_id = delta.last_id
                self._tell_gap(one, "quotes_stuck", now_us)
                self.tell_book(one, now_us)
        elif verdict is Verdict.HOLE:
            self._tell_gap(one, "hole", now_us)
            alone = len(self.links.live(one.bundle)) < 2
            self.requests.resync(one, now_us if alone else now_us + self.settings.heal_us)
        elif verdict is Verdict.WHOLE:
            self.tell_book(one, now_us)
        return verdict is not Verdict.KNOWN

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
        self.events.append(event)
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
        return feed_health(self, now_us)

    def told_time(self, body: bytes, sent_us: int, now_us: int) -> None:
        """An answer to ``time``."""
        try:
            server_us = to_microseconds(int(_decode_time(body)["serverTime"]))
        except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError, OverflowError, RecursionError):
            server_us = 0
        if server_us < _LEAST_TIME_US:
            self.rejected["bad_time_answer"] += 1
            return
        self.clock.add(server_us, sent_us, now_us)
        for one in self.symbols.values():
            usual_us, least_us = one.latency.percentile_us(0.5, 0), one.latency.least_us
            if usual_us is not None and not self.stamps.is_possible(now_us - usual_us, now_us):
                self.rejected["bad_time_answer"] += 1  # against most of what the messages say
                self.clock.forget()
                return
            if least_us is not None and not self.stamps.is_possible(now_us - least_us, now_us):
                one.latency.forget()  # measured when nobody knew better, by a stamp that was wrong

    def _doubt_clock(self, now_us: int) -> None:
        """Many stamps in a row say that a clock was set: measure anew."""
        self.stamps.in_doubt = False
        for one in self.symbols.values():
            one.latency.forget()
        self.requests.time_soon(now_us)

    def _check(self) -> None:
        """Assert what must hold at any time; for tests."""
        self.links._check()
        for one in self.symbols.values():
            one.keeper._check()
            assert one.keeper.usable != bool(one.blind_since_us), f"{one.symbol}: usable and blind"
            assert one.keeper.usable or one.resync is not None or one.resync_at_us or not self.links.live(one.bundle), (
                f"{one.symbol}: nobody mends the book"
            )
            assert len(one.trades.missing) <= MAX_MISSING
