"""From events to feature rows: the one place where a symbol's market state lives.

The cheap part (:meth:`FeatureAccumulator.apply`) runs on every event, awake or asleep; :meth:`FeatureAccumulator.close_row` runs
once per 100 ms of event time. Both are deterministic and do no I/O.
"""

from collections import Counter, deque
from math import nan
from typing import Any, Final

from attrs import astuple

from flashcrash_core.market.bars import BAR_US, Bar, BarBuilder
from flashcrash_core.market.book import OrderBook
from flashcrash_core.market.book_sync import BookSync, SyncState
from flashcrash_core.market.clock import FUTURE, LATE, EventClock
from flashcrash_core.market.depth_profile import EMPTY_PROFILE, DepthProfile, profile_depth
from flashcrash_core.market.events import (
    BestQuote,
    BookDelta,
    BookSnapshot,
    Continuity,
    FeedGap,
    MarketEvent,
    Rejected,
    Side,
    Timer,
    Trade,
)
from flashcrash_core.market.features import (
    GRID_US,
    UNHEALTHY_BOOK_CROSSED,
    UNHEALTHY_BOOK_STALE,
    UNHEALTHY_BOOK_UNSYNCED,
    UNHEALTHY_GAP,
    UNHEALTHY_LATENCY,
    FeatureRow,
)
from flashcrash_core.market.instruments import MONEY_SCALE, Instrument

__all__ = ["BOOK_MAX_AGE_US", "LATENCY_LIMIT_US", "FeatureAccumulator"]

BOOK_MAX_AGE_US: Final = 1_000_000
LATENCY_LIMIT_US: Final = 500_000
_WALL_AGE_US: Final = 500_000
_LATENCY_ROWS: Final = 10


class FeatureAccumulator:
    """Book, bars, flows and health of one symbol; turns events into :class:`FeatureRow`.

    ``bid_ticks`` and ``ask_ticks`` are the current best quote (0 when unknown), ``last_ticks`` the last trade, ``bar`` the
    newest closed bar; the strategy and the executor's view read them between rows. ``counts`` holds events by kind,
    ``late``, ``quote_checks``/``quote_mismatches`` of book against ticker, and ``rejected.<reason>``.
    """

    def __init__(self, instrument: Instrument, *, has_book: bool, source_is_mid: bool) -> None:
        self.instrument = instrument
        self.has_book = has_book
        self.source_is_mid = source_is_mid
        self.clock = EventClock()
        self.sync = BookSync()
        self.bars = BarBuilder()
        self.bar: Bar | None
        self.counts: Counter[str] = Counter()
        self.bid_ticks = 0
        self.ask_ticks = 0
        self.last_ticks = 0
        self.next_row_us = 0
        self._tick = instrument.tick
        self._to_quote = instrument.notional_unit / MONEY_SCALE
        self._quote_id = -1
        self._ticker: BestQuote | None = None
        self._book_us = 0
        self._book_changed = False
        self._profile: DepthProfile
        self._walls: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self._slow_rows = 0  # rows until no slow event can be left in the window
        self._latencies: deque[tuple[int, int]] = deque(maxlen=_LATENCY_ROWS)
        self._quote_since_us = 0
        self._bar_columns: tuple[float, ...]
        self._depth_columns: tuple[float, ...]
        self._take_bar(None)
        self._take_profile(EMPTY_PROFILE)
        self._clear_row()

    def _clear_row(self) -> None:
        self._spread_sum = 0.0
        self._covered_us = 0
        self._low = self._high = nan
        self._buy_units = self._sell_units = 0
        self._trades = self._quotes = self._updates = 0
        self._gap = False
        self._timed = self._slow = 0

    @property
    def book(self) -> OrderBook:
        """The rebuilt book; meaningful only while :attr:`book_synced`."""
        return self.sync.book

    @property
    def book_synced(self) -> bool:
        """The book's chain of update ids is unbroken since its snapshot."""
        return self.sync.state is SyncState.SYNCED

    @property
    def now_us(self) -> int:
        """The event-time watermark."""
        return self.clock.now_us

    # -- events ------------------------------------------------------------------------------------------------------

    def admit(self, event: MarketEvent) -> int:
        """Advance the clock; the time at which the event acts, or a negative code if it must not reach the indicators."""
        act_us = self.clock.admit(event)
        if act_us == LATE:
            self.counts["late"] += 1
            self._timed += 1  # late is slow: while most events are, the symbol is unhealthy
            self._slow += 1
        elif act_us == FUTURE:
            self.counts["rejected.time_leap"] += 1
        elif not self.next_row_us and act_us:
            self.start_grid(act_us)
        return act_us

    def start_grid(self, act_us: int) -> None:
        """Open the row that holds ``act_us``, at the first event and again after a silence; a standing quote counts from here."""
        self.next_row_us = act_us - act_us % GRID_US + GRID_US
        self._quote_since_us = act_us

    def apply(self, event: MarketEvent, act_us: int) -> None:
        """Let an admitted event act. Rows up to ``act_us`` must have been closed before."""
        kind = type(event)
        latency_us = self.clock.latency_us
        if latency_us >= 0 and kind is not Timer:  # a timer's latency is 0 by its making, no sample of the feed's
            self._timed += 1
            if latency_us > LATENCY_LIMIT_US:
                self._slow += 1
        if kind is BestQuote:
            self._on_quote(event, act_us)  # type: ignore[arg-type]
        elif kind is Trade:
            self._on_trade(event, act_us)  # type: ignore[arg-type]
        elif kind is BookDelta:
            self._on_delta(event, act_us)  # type: ignore[arg-type]
        elif kind is BookSnapshot:
            self._on_snapshot(event, act_us)  # type: ignore[arg-type]
        elif kind is FeedGap:
            self._on_gap(event, act_us)  # type: ignore[arg-type]
        elif kind is Rejected:
            self.counts[f"rejected.{event.reason}"] += 1  # type: ignore[union-attr]

    def apply_late(self, event: MarketEvent) -> None:
        """A late book event still belongs in the book, or its chain would break; nothing else is used."""
        if isinstance(event, BookDelta):
            self._book_changed = True
            if self.sync.on_delta(event):
                self._take_book_quote(self.clock.now_us)
            else:
                self._lose_book(self.clock.now_us)
        elif isinstance(event, BookSnapshot):
            self._book_changed = True
            self.sync.on_snapshot(event)
            self._take_book_quote(self.clock.now_us)

    def _on_trade(self, trade: Trade, act_us: int) -> None:
        ticks = trade.price_ticks
        if ticks <= 0 or trade.qty_lots <= 0:
            self.counts["rejected.not_positive"] += 1
            return
        self.counts["trades"] += 1
        self._trades += 1
        units = ticks * trade.qty_lots
        if trade.aggressor is Side.BUY:
            self._buy_units += units
        else:
            self._sell_units += units
        self.last_ticks = ticks
        own_us = trade.exchange_us if trade.exchange_us is not None else act_us
        self.bars.on_trade(own_us, ticks, trade.qty_lots)
        if not self.source_is_mid:
            self._note_price(ticks * self._tick)

    def _on_quote(self, quote: BestQuote, act_us: int) -> None:
        if quote.bid_ticks <= 0 or quote.ask_ticks <= 0 or quote.bid_lots < 0 or quote.ask_lots < 0:
            self.counts["rejected.not_positive"] += 1
            return
        self.counts["quotes"] += 1
        self._quotes += 1
        self._ticker = quote
        if quote.update_id >= self._quote_id:
            self._set_quote(quote.bid_ticks, quote.ask_ticks, quote.update_id, act_us)

    def _on_delta(self, delta: BookDelta, act_us: int) -> None:
        self.counts["deltas"] += 1
        if delta.continuity is Continuity.SPOT:
            self._updates += max(delta.last_id - delta.first_id + 1, 0)
        else:  # futures ids count the whole engine (about 70,000/s), so changed levels are counted instead
            self._updates += len(delta.bids) + len(delta.asks)
        sync = self.sync
        before_id = sync.update_id
        if not sync.on_delta(delta):
            self._lose_book(act_us)
            return
        self._book_us = act_us
        self._book_changed = True
        if sync.update_id != before_id:  # applied; neither held back nor contained in the book
            self._check_against_ticker()
        self._take_book_quote(act_us)

    def _check_against_ticker(self) -> None:
        """After each applied diff: does the rebuilt book show what the newest ticker showed?

        The two streams are separate, so a ticker that ran ahead of a diff differs without fault: a few in thousands.
        """
        ticker, sync = self._ticker, self.sync
        if ticker is not None and sync.state is SyncState.SYNCED:
            self.counts["quote_checks"] += 1
            if ticker.bid_ticks != sync.book.bids.best() or ticker.ask_ticks != sync.book.asks.best():
                self.counts["quote_mismatches"] += 1

    def _on_snapshot(self, snapshot: BookSnapshot, act_us: int) -> None:
        self.counts["snapshots"] += 1
        self.sync.on_snapshot(snapshot)
        self._book_us = act_us
        self._book_changed = True
        self._take_book_quote(act_us)

    def _on_gap(self, gap: FeedGap, act_us: int) -> None:
        self.counts["feed_gaps"] += 1
        self.counts[f"feed_gap.{gap.reason}"] += 1
        if self.has_book and self.sync.state is SyncState.SYNCED:
            self.sync.lose("feed_gap")
        self._lose_book(act_us)

    def _lose_book(self, act_us: int) -> None:
        self._gap = True
        self.bars.on_gap(act_us)
        if self.has_book:
            self._book_changed = True  # the next row must not show the lost book's depth
            self._cover(act_us)
            self.bid_ticks = self.ask_ticks = 0
            self._quote_id = -1

    def _take_book_quote(self, act_us: int) -> None:
        sync = self.sync
        if sync.state is not SyncState.SYNCED:
            return
        bid, ask = sync.book.bids.best(), sync.book.asks.best()
        if bid >= ask > 0:
            self.counts["book_crossed"] += 1
        if sync.update_id >= self._quote_id:
            self._set_quote(bid, ask, sync.update_id, act_us)  # 0 for a side that ran empty: no quote then

    def _set_quote(self, bid: int, ask: int, update_id: int, act_us: int) -> None:
        self._quote_id = update_id
        if bid == self.bid_ticks and ask == self.ask_ticks:
            return
        self._cover(act_us)
        self.bid_ticks = bid
        self.ask_ticks = ask
        if self.source_is_mid and 0 < bid < ask and self.sync.state is SyncState.SYNCED:
            self._note_price((bid + ask) * 0.5 * self._tick)

    def _cover(self, until_us: int) -> None:
        """Weigh the standing spread by the time it stood."""
        stood_us = until_us - self._quote_since_us
        if stood_us > 0:
            bid, ask = self.bid_ticks, self.ask_ticks
            if 0 < bid < ask:
                self._spread_sum += (ask - bid) * 2.0 / (ask + bid) * stood_us
                self._covered_us += stood_us
            self._quote_since_us = until_us

    def _note_price(self, price: float) -> None:
        if not price >= self._low:  # also true while it is NaN
            self._low = price
        if not price <= self._high:
            self._high = price

    # -- rows --------------------------------------------------------------------------------------------------------

    def close_row(self) -> FeatureRow:
        """Close the row at ``next_row_us`` and open the next one."""
        t_us = self.next_row_us
        self.next_row_us = t_us + GRID_US
        self._cover(t_us)
        if self._slow:
            self._slow_rows = _LATENCY_ROWS
        elif self._slow_rows:
            self._slow_rows -= 1
        self._latencies.append((self._timed, self._slow))
        bid, ask, tick = self.bid_ticks, self.ask_ticks, self._tick
        sync = self.sync
        unhealthy = self._health(t_us)
        quoted = 0 < bid < ask
        book_usable = 0
        if self.has_book:
            if not unhealthy & (UNHEALTHY_BOOK_UNSYNCED | UNHEALTHY_BOOK_STALE | UNHEALTHY_BOOK_CROSSED):
                book_usable = 1
            if self._book_changed:
                self._book_changed = False
                usable = sync.state is SyncState.SYNCED
                self._take_profile(profile_depth(sync.book) if usable else EMPTY_PROFILE)
                self._age_walls(t_us)
        mid = (bid + ask) * 0.5 * tick if quoted and book_usable else nan
        if self.source_is_mid:
            price = mid
        else:
            price = self.last_ticks * tick if self.last_ticks else nan
        if t_us % BAR_US == 0:
            self.bars.mark(t_us, price)
        new_bar = self.bars.close(t_us, self.source_is_mid, tick)
        if new_bar is not None:
            self._take_bar(new_bar)
        bid_walls, ask_walls = self._walls
        to_quote = self._to_quote
        spread_end = (ask - bid) * 2.0 / (ask + bid) if quoted and book_usable else nan
        # From one tuple: 37 positional arguments cost more than making the row.
        row = FeatureRow._make(
            (
                t_us,
                unhealthy,
                price,
                self._low,
                self._high,
                self.last_ticks * tick if self.last_ticks else nan,
                bid * tick if book_usable and bid else nan,
                ask * tick if book_usable and ask else nan,
                book_usable,
                self._spread_sum / self._covered_us if self._covered_us else nan,
                self._covered_us,
                spread_end,
                *self._depth_columns,
                self._standing_wall(0, t_us) if bid_walls else 0.0,
                self._standing_wall(1, t_us) if ask_walls else 0.0,
                self._buy_units * to_quote,
                self._sell_units * to_quote,
                self._trades,
                self._quotes,
                self._updates,
                1 if new_bar is not None else 0,
                *self._bar_columns,
            )
        )
        self._clear_row()
        return row

    # Depth and bar stand for many rows, so their columns are converted when they change, not once a row.

    def _take_profile(self, profile: DepthProfile) -> None:
        self._profile = profile
        lot, to_quote = self.instrument.lot, self._to_quote
        self._depth_columns = (
            profile.band_bid_lots * lot,
            profile.band_ask_lots * lot,
            profile.top_bid_lots * lot,
            profile.top_ask_lots * lot,
            profile.top_bid_units * to_quote,
            profile.top_ask_units * to_quote,
            profile.exit_units * to_quote,
        )

    def _take_bar(self, bar: Bar | None) -> None:
        self.bar = bar
        if bar is None:
            self._bar_columns = (0, nan, nan, nan, nan, nan, nan, 0, 1, 0)
            return
        tick = self._tick
        self._bar_columns = (
            bar.start_us,
            bar.open_ticks * tick,
            bar.high_ticks * tick,
            bar.low_ticks * tick,
            bar.close_ticks * tick,
            bar.price,
            bar.notional_units * self._to_quote,
            bar.trades,
            1 if bar.empty else 0,
            1 if bar.gap else 0,
        )

    def _health(self, t_us: int) -> int:
        mask = UNHEALTHY_GAP if self._gap else 0
        if self.has_book:
            if self.sync.state is not SyncState.SYNCED:
                mask |= UNHEALTHY_BOOK_UNSYNCED
            elif self.sync.book.crossed():
                mask |= UNHEALTHY_BOOK_CROSSED
            if t_us - self._book_us > BOOK_MAX_AGE_US:
                mask |= UNHEALTHY_BOOK_STALE
        if self._latency_p50_exceeds():
            mask |= UNHEALTHY_LATENCY
        return mask

    def _latency_p50_exceeds(self) -> bool:
        # The median of the last second exceeds the limit exactly when more than half of its samples do: no sorting needed.
        if not self._slow_rows:
            return False
        return 2 * sum(slow for _, slow in self._latencies) > sum(timed for timed, _ in self._latencies)

    def _age_walls(self, t_us: int) -> None:
        profile = self._profile
        for known, prices in zip(self._walls, (profile.bid_walls, profile.ask_walls), strict=True):
            for price in [p for p in known if p not in prices]:
                del known[price]
            for price in prices:
                known.setdefault(price, t_us)

    def _standing_wall(self, side: int, t_us: int) -> float:
        known = self._walls[side]
        if not known:
            return 0.0
        standing = [price for price, since in known.items() if t_us - since >= _WALL_AGE_US]
        if not standing:
            return 0.0
        return (max(standing) if side == 0 else min(standing)) * self._tick

    # -- snapshot for resume -----------------------------------------------------------------------------------------

    _PLAIN = (
        "bid_ticks", "ask_ticks", "last_ticks", "next_row_us", "_quote_id", "_book_us", "_book_changed", "_quote_since_us",
        "_spread_sum", "_covered_us", "_low", "_high", "_buy_units", "_sell_units", "_trades", "_quotes", "_updates", "_gap",
        "_timed", "_slow", "_slow_rows",
    )  # fmt: skip

    def snapshot(self) -> dict[str, Any]:
        """State as plain data, msgpack-able."""
        ticker, bar = self._ticker, self.bar
        return {
            "plain": {name: getattr(self, name) for name in self._PLAIN},
            "clock": self.clock.snapshot(),
            "sync": self.sync.snapshot(),
            "bars": self.bars.snapshot(),
            "bar": None if bar is None else list(astuple(bar)),
            "counts": dict(self.counts),
            "ticker": None if ticker is None else [ticker.symbol, ticker.seq, ticker.exchange_us, ticker.receive_us,
                                                   ticker.update_id, ticker.bid_ticks, ticker.bid_lots, ticker.ask_ticks,
                                                   ticker.ask_lots],
            "profile": [list(part) if isinstance(part, tuple) else part for part in self._profile],
            "walls": [[[p, t] for p, t in known.items()] for known in self._walls],
            "latencies": [list(pair) for pair in self._latencies],
        }  # fmt: skip

    def restore(self, data: dict[str, Any]) -> None:
        """Take back what :meth:`snapshot` gave."""
        for name, value in data["plain"].items():
            setattr(self, name, value)
        self.clock.restore(data["clock"])
        self.sync.restore(data["sync"])
        self.bars.restore(data["bars"])
        self._take_bar(None if data["bar"] is None else Bar(*data["bar"]))
        self.counts = Counter(data["counts"])
        self._ticker = None if data["ticker"] is None else BestQuote(*data["ticker"])
        profile = DepthProfile(*data["profile"])
        self._take_profile(profile._replace(bid_walls=tuple(profile.bid_walls), ask_walls=tuple(profile.ask_walls)))
        bids, asks = data["walls"]
        self._walls = (dict(bids), dict(asks))
        self._latencies = deque(((timed, slow) for timed, slow in data["latencies"]), maxlen=_LATENCY_ROWS)
