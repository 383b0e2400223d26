"""The JSON of every market message, as Binance writes it (reference/binance.md sections 2, 10 and 14). Times are microseconds here.

A message is encoded once, however many connections get it. ``micro`` is the stream option ``timeUnit=MICROSECOND``.
"""

from collections.abc import Sequence
from typing import Final

from attrs import define, field

from flashcrash_binance.exchange.decimals import price_text, quantity_text
from flashcrash_core.api import Instrument, Level, MarketKind, Side

__all__ = ["MessageWriter", "TradePrint", "combined"]

_MAX_LEVELS_REMEMBERED: Final = 65_536


@define(eq=False)
class TradePrint:
    """A trade, or trades of one order at one price (then ``trade_id`` is the aggregate's)."""

    trade_id: int
    price_ticks: int
    qty_lots: int
    at_us: int
    """The exchange's clock."""
    buyer_is_maker: bool
    first_id: int
    last_id: int

    @property
    def aggressor(self) -> Side:
        """Who took."""
        return Side.SELL if self.buyer_is_maker else Side.BUY


def combined(stream: str, data: bytes) -> bytes:
    """A message wrapped with the name of its stream."""
    return b'{"stream":"%b","data":%b}' % (stream.encode(), data)


@define(eq=False)
class MessageWriter:
    """Writes the messages of one symbol."""

    instrument: Instrument
    price: dict[int, str] = field(init=False)
    quantity: dict[int, str] = field(init=False)
    _levels: dict[Level, str] = field(init=False, factory=dict)
    _futures: bool = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.price = price_text(self.instrument)
        self.quantity = quantity_text(self.instrument)
        self._futures = self.instrument.kind is MarketKind.USDM

    def levels(self, levels: Sequence[Level]) -> str:
        """A JSON array of ``[price, quantity]``."""
        known = self._levels
        if len(known) > _MAX_LEVELS_REMEMBERED:
            known.clear()
        parts: list[str] = []
        for level in levels:
            text = known.get(level)
            if text is None:
                text = known[level] = f'["{self.price[level[0]]}","{self.quantity[level[1]]}"]'
            parts.append(text)
        return f"[{','.join(parts)}]"

    def trade(self, one: TradePrint, event_us: int, micro: bool) -> bytes:
        """``<s>@trade``."""
        unit = 1 if micro else 1000
        end = ',"M":true' if not self._futures else ""
        origin = ',"X":"MARKET"' if self._futures else ""
        return (
            f'{{"e":"trade","E":{event_us // unit},"s":"{self.instrument.symbol}","t":{one.trade_id},'
            f'"p":"{self.price[one.price_ticks]}","q":"{self.quantity[one.qty_lots]}","T":{one.at_us // unit},'
            f'"m":{_json(one.buyer_is_maker)}{origin}{end}}}'
        ).encode()

    def aggregate(self, one: TradePrint, event_us: int, micro: bool) -> bytes:
        """``<s>@aggTrade``."""
        unit = 1 if micro else 1000
        end = ',"M":true' if not self._futures else ""
        return (
            f'{{"e":"aggTrade","E":{event_us // unit},"s":"{self.instrument.symbol}","a":{one.trade_id},'
            f'"p":"{self.price[one.price_ticks]}","q":"{self.quantity[one.qty_lots]}","f":{one.first_id},"l":{one.last_id},'
            f'"T":{one.at_us // unit},"m":{_json(one.buyer_is_maker)}{end}}}'
        ).encode()

    def quote(self, update_id: int, best: tuple[int, int, int, int], event_us: int, micro: bool) -> bytes:
        """``<s>@bookTicker``: no type and no time on spot."""
        bid, bid_lots, ask, ask_lots = best
        unit = 1 if micro else 1000
        kind = '"e":"bookTicker",' if self._futures else ""
        times = f',"T":{event_us // unit},"E":{event_us // unit}' if self._futures else ""
        return (
            f'{{{kind}"u":{update_id},"s":"{self.instrument.symbol}","b":"{self.price[bid]}","B":"{self.quantity[bid_lots]}",'
            f'"a":"{self.price[ask]}","A":"{self.quantity[ask_lots]}"{times}}}'
        ).encode()

    def diff(self, ids: tuple[int, int, int], bids: Sequence[Level], asks: Sequence[Level], event_us: int, micro: bool) -> bytes:
        """``<s>@depth``; ``ids`` are ``U``, ``u`` and USD-M's ``pu``."""
        unit = 1 if micro else 1000
        time, previous = (f',"T":{event_us // unit}', f',"pu":{ids[2]}') if self._futures else ("", "")
        return (
            f'{{"e":"depthUpdate","E":{event_us // unit}{time},"s":"{self.instrument.symbol}","U":{ids[0]},"u":{ids[1]}{previous},'
            f'"b":{self.levels(bids)},"a":{self.levels(asks)}}}'
        ).encode()

    def partial(self, ids: tuple[int, int, int], bids: Sequence[Level], asks: Sequence[Level], event_us: int, micro: bool) -> bytes:
        """``<s>@depth<n>``: the best levels; on USD-M in the form of a diff."""
        if self._futures:
            return self.diff(ids, bids, asks, event_us, micro)
        return f'{{"lastUpdateId":{ids[1]},"bids":{self.levels(bids)},"asks":{self.levels(asks)}}}'.encode()

    def snapshot(self, update_id: int, bids: Sequence[Level], asks: Sequence[Level], event_us: int) -> bytes:
        """The body of ``GET depth``."""
        times = f'"E":{event_us // 1000},"T":{event_us // 1000},' if self._futures else ""
        return f'{{"lastUpdateId":{update_id},{times}"bids":{self.levels(bids)},"asks":{self.levels(asks)}}}'.encode()


def _json(value: bool) -> str:
    return "true" if value else "false"
