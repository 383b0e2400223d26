"""Events made by hand, in prices and quantities as people write them: the step-by-step half of the harness."""

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Final

from flashcrash_core.errors import UsageError
from flashcrash_core.market.events import BestQuote, BookDelta, BookSnapshot, FeedGap, Level, Side, Timer, Trade
from flashcrash_core.market.instruments import BadNumber, Instrument
from flashcrash_core.testing.clock import ManualClock

__all__ = ["ManualMarket", "Number"]

Number = str | int | float | Decimal
"""A price or quantity. Floats are taken as they are printed: 0.1 is a tenth."""

_SIDES: Final = {"buy": Side.BUY, "sell": Side.SELL}


class ManualMarket:
    """Makes one event at a time, at the clock's time, received at once, with sound ids.

    Raises UsageError for a number that is not on the instrument's grid.
    """

    def __init__(self, instrument: Instrument, clock: ManualClock) -> None:
        self.instrument = instrument
        self._clock = clock
        self._seq = 0
        self._trade_id = 0
        self._update_id = 0
        self._shown: tuple[dict[int, int], dict[int, int]] | None = None

    def trade(self, price: Number, qty: Number, aggressor: str | Side = "buy") -> Trade:
        """A print. ``aggressor`` is ``"buy"``, ``"sell"`` or a Side."""
        side = _SIDES.get(aggressor.lower()) if isinstance(aggressor, str) else aggressor
        if side is None:
            raise UsageError(f'trade: aggressor {aggressor!r} is neither "buy" nor "sell"')
        self._trade_id += 1
        return Trade(*self._head(), self._trade_id, self._ticks("trade", price), self._lots("trade", qty, least=1), side)

    def book(self, bids: Iterable[tuple[Number, Number]], asks: Iterable[tuple[Number, Number]]) -> BookSnapshot | BookDelta:
        """The whole book as ``(price, quantity)`` levels: a snapshot the first time, then a delta with what changed."""
        wanted = tuple({self._ticks("book", p): self._lots("book", q, least=1) for p, q in side} for side in (bids, asks))
        before, self._shown = self._shown, (wanted[0], wanted[1])
        self._update_id += 1
        if before is None:
            levels = sorted(wanted[0].items(), reverse=True), sorted(wanted[1].items())
            return BookSnapshot(*self._head(), self._update_id, *levels)
        changes = _changes(before[0], wanted[0]), _changes(before[1], wanted[1])
        return BookDelta(*self._head(), self._update_id, self._update_id, *changes)

    def quote(self, bid: Number, ask: Number, bid_qty: Number = 1, ask_qty: Number = 1) -> BestQuote:
        """The best bid and ask, as the ticker stream tells them."""
        prices = [self._ticks("quote", price) for price in (bid, ask)]
        sizes = [self._lots("quote", qty, least=0) for qty in (bid_qty, ask_qty)]
        return BestQuote(*self._head(), self._update_id, prices[0], sizes[0], prices[1], sizes[1])

    def gap(self, reason: str) -> FeedGap:
        """The feed lost messages. The next :meth:`book` is a snapshot again."""
        self._shown = None
        return FeedGap(*self._head(), reason)

    def timer(self) -> Timer:
        """Time passes."""
        return Timer(*self._head())

    def _head(self) -> tuple[str, int, int, int]:
        self._seq += 1
        now_us = self._clock.now_us
        return self.instrument.symbol, self._seq, now_us, now_us

    def _ticks(self, what: str, price: Number) -> int:
        try:
            return self.instrument.price_ticks(_text(what, price))
        except BadNumber as error:
            grid = f"tick {self.instrument.tick_size}"
            raise UsageError(f"{what}: price {price} does not fit {self.instrument.symbol} ({grid}): {error.reason}") from error

    def _lots(self, what: str, qty: Number, *, least: int) -> int:
        try:
            lots = self.instrument.qty_lots(_text(what, qty))
        except BadNumber as error:
            grid = f"lot {self.instrument.lot_size}"
            raise UsageError(f"{what}: quantity {qty} does not fit {self.instrument.symbol} ({grid}): {error.reason}") from error
        if lots < least:
            raise UsageError(f"{what}: quantity {qty} must be at least one lot, {self.instrument.lot_size}")
        return lots


def _text(what: str, value: Number) -> str:
    try:
        return f"{Decimal(str(value)):f}"
    except InvalidOperation as error:
        raise UsageError(f"{what}: {value!r} is not a number") from error


def _changes(have: dict[int, int], want: dict[int, int]) -> list[Level]:
    changed = {price: lots for price, lots in want.items() if have.get(price) != lots}
    return sorted((changed | {price: 0 for price in have if price not in want}).items())
