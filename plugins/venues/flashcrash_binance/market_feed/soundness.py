"""What cannot be true although it can be read: ids and times far from all others, a message under another symbol's stream.

One such message, believed, would do harm for long: an id far ahead makes all that follow look old, a time far ahead moves the
timers. Limits are wide; what lies beyond is no market.
"""

from typing import Final

from attrs import define

from flashcrash_binance.codec import BadMessage
from flashcrash_binance.market_feed.latency import VenueClock
from flashcrash_binance.market_feed.symbol_feed import SymbolFeed
from flashcrash_core.api import BookSnapshot, Trade

__all__ = ["StampCheck", "refuse_stream", "require_plausible_trade", "require_plausible_update", "require_sound_snapshot"]

AHEAD_US: Final = 5_000_000
"""A stamp may be this far ahead of the venue's clock, as in the kernel's event clock."""
BEHIND_US: Final = 3_600_000_000
"""Older messages come from no connection that is still open."""
AGREEING: Final = 20
"""So many refused stamps in a row are the truth, and what is known of the venue's clock is not."""
TRADE_LEAP: Final = 100_000
"""Trade ids may run ahead by so many, and by ten thousand a second."""


def require_plausible_trade(one: SymbolFeed, trade: Trade, now_us: int) -> None:
    """Raise BadMessage for an id that the venue cannot have come to."""
    trade_id, merge = trade.trade_id, one.trades
    if trade_id < 0 or (merge.last_id and trade_id - merge.last_id > TRADE_LEAP + (now_us - merge.told_us) // 100):
        raise BadMessage("bad_ids", f"trade {trade_id} after {merge.last_id}", symbol=one.symbol)


def require_plausible_update(one: SymbolFeed, first_id: int, last_id: int, now_us: int, *, is_diff: bool) -> None:
    """The same for the update ids of a quote or a diff."""
    keeper = one.keeper
    if first_id < 0 or not keeper.is_plausible(last_id, now_us):
        raise BadMessage(
            "bad_ids", f"ids {first_id} to {last_id}, the book is at {keeper.update_id}", symbol=one.symbol, breaks_book=is_diff
        )


def refuse_stream(one: SymbolFeed, stream: bytes, *, is_diff: bool) -> None:
    """A message under a stream that does not begin as its symbol's do: raise BadMessage, but for escaped names."""
    if b"\\" not in stream:
        shown = stream.decode("utf-8", "replace")
        raise BadMessage("wrong_symbol", f"{one.symbol} under the stream {shown!r}", symbol=one.symbol, breaks_book=is_diff)


def require_sound_snapshot(snapshot: BookSnapshot) -> None:
    """Raise BadMessage for a book that no venue has."""
    if snapshot.update_id < 0:
        raise BadMessage("bad_ids", f"a snapshot at {snapshot.update_id}", symbol=snapshot.symbol)
    bid = max((price for price, lots in snapshot.bids if lots), default=0)
    ask = min((price for price, lots in snapshot.asks if lots), default=0)
    if bid and ask and bid >= ask:
        raise BadMessage("crossed", f"best bid {bid} ticks, best ask {ask}", symbol=snapshot.symbol)


@define(eq=False)
class StampCheck:
    """Holds the venue's stamps against the venue's clock, once that is known."""

    clock: VenueClock
    in_doubt: bool = False
    """Many stamps in a row proved the clock wrong; whoever reads this takes it back."""
    _refused: int = 0

    def is_possible(self, stamp_us: int, now_us: int) -> bool:
        """Whether a message with that stamp can come now, by the venue's clock."""
        return -BEHIND_US < stamp_us - now_us - self.clock.offset_us < AHEAD_US

    def accept(self, stamp_us: int, now_us: int) -> bool:
        """Whether to believe the stamp."""
        clock = self.clock
        if clock.round_trip_us is None:
            return True
        if self.is_possible(stamp_us, now_us):
            self._refused = 0
            return True
        self._refused += 1
        if self._refused < AGREEING:
            return False
        self._refused = 0
        self.in_doubt = True
        clock.forget()
        return True
