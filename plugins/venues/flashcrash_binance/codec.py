"""From Binance's raw market messages to kernel events.

:class:`MarketCodec` turns one JSON message into one event, or raises :class:`BadMessage` with a short reason; who reads the
messages adds where they stood and yields a ``Rejected``. Meaning of the fields: reference/binance.md sections 2, 3 and 14.
Times: the book acts at ``E``, trades at ``T``; a spot ``bookTicker`` and a REST snapshot have none that counts.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from flashcrash_binance.recording.control_lines import BOOK, GAP, RECORDING, REJECTED, TIMER
from flashcrash_binance.wire import MESSAGE_DECODER, Fields, Message, to_microseconds
from flashcrash_core.api import (
    BadNumber,
    BestQuote,
    BookDelta,
    BookSnapshot,
    Continuity,
    FeedGap,
    Instrument,
    MarketEvent,
    MarketKind,
    Rejected,
    Side,
    Timer,
    Trade,
)

__all__ = ["BadMessage", "MarketCodec"]

_SYMBOL: Final = re.compile(rb'"s"\s*:\s*"([^"]{1,32})"')
_DEPTH: Final = re.compile(rb'"e"\s*:\s*"depthUpdate"')
_SHOWN: Final = 120


class BadMessage(ValueError):
    """A message that cannot be used.

    ``reason`` is the counter's name, ``symbol`` the symbol it was about (None when unknown), and ``breaks_book`` says that a book
    update was lost with it, so the book is wrong from here on.
    """

    def __init__(self, reason: str, detail: str, *, symbol: str | None = None, breaks_book: bool = False) -> None:
        self.reason = reason
        self.detail = detail
        self.symbol = symbol
        self.breaks_book = breaks_book
        super().__init__(f"{reason}: {detail}")


class MarketCodec:
    """Decodes the market messages of one market (spot or USD-M) for a known set of symbols.

    ``snapshot_symbol`` is the symbol of REST snapshots, which name none; None refuses them. ``ignored_symbols`` are left out
    silently: :meth:`decode` returns None for them. ``use_aggregates=False`` leaves ``aggTrade`` out the same way, for captures that
    hold every trade twice. ``recorded`` takes a recorder's control lines as well; what comes from a socket may not pose as one.
    """

    def __init__(
        self,
        instruments: Mapping[str, Instrument],
        next_seq: Callable[[], int],
        *,
        kind: MarketKind = MarketKind.SPOT,
        snapshot_symbol: str | None = None,
        ignored_symbols: frozenset[str] = frozenset(),
        use_aggregates: bool = True,
        recorded: bool = False,
    ) -> None:
        self.use_books = True
        """Whether the books at the start of recorded files are snapshots; False: the reader has what they say."""
        self._recorded = recorded
        self._instruments = dict(instruments)
        self._next_seq = next_seq
        self._usdm = kind is MarketKind.USDM
        self._continuity = Continuity.FUTURES if self._usdm else Continuity.SPOT
        self._snapshot_symbol = snapshot_symbol
        self._ignored = ignored_symbols
        self._use_aggregates = use_aggregates
        self._parse = MESSAGE_DECODER.decode

    def decode(self, payload: bytes, receive_us: int) -> MarketEvent | None:
        """One message to one event; None if it was left out on purpose. Raises :class:`BadMessage`.

        ``receive_us`` is stamped on the event as it is.
        """
        try:
            message = self._parse(payload)
        except msgspec.ValidationError as error:
            raise self._unreadable("bad_type", str(error), payload) from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._unreadable("not_json", str(error), payload) from None
        fields: Fields = message.data if message.data is not None else message
        event = fields.event
        symbol = fields.symbol
        try:
            if event is None:
                if message.control is not None and self._recorded:
                    return self._control(message, receive_us)
                if fields.bid_qty is not None:
                    return self._quote(fields, receive_us)
                if fields.snapshot_id is not None:
                    return self._snapshot(fields, receive_us, combined=message.data is not None)
            elif event == "trade":
                return self._trade(fields, fields.trade_id, receive_us)
            elif event == "bookTicker":
                return self._quote(fields, receive_us)
            elif event == "depthUpdate":
                return self._delta(fields, receive_us)
            elif event == "aggTrade":
                # In an aggregate "a" is its id; elsewhere it is a price or a list of levels.
                trade_id = fields.ask if isinstance(fields.ask, int) else None
                return self._trade(fields, trade_id, receive_us) if self._use_aggregates else None
        except BadNumber as error:
            raise BadMessage(error.reason, str(error), symbol=symbol, breaks_book=_holds_levels(fields)) from None
        raise BadMessage("unknown_event", f"no market message: {_shown(payload)}", symbol=symbol)

    # -- one kind of message each ------------------------------------------------------------------------------------

    def _quote(self, fields: Fields, receive_us: int) -> BestQuote | None:
        instrument = self._instruments.get(fields.symbol or "")
        if instrument is None:
            self._refuse_foreign(fields)
            return None
        bid, bid_qty, ask, ask_qty, update_id = fields.bid, fields.bid_qty, fields.ask, fields.ask_qty, fields.last_id
        if type(bid) is not str or type(ask) is not str or bid_qty is None or ask_qty is None or update_id is None:
            raise _missing(fields, "bookTicker needs u, b, B, a and A, prices and quantities as strings")
        stamp = fields.event_time
        (bid_ticks, bid_lots), (ask_ticks, ask_lots) = instrument.levels(((bid, bid_qty), (ask, ask_qty)))
        return BestQuote(
            instrument.symbol,
            self._next_seq(),
            None if stamp is None else _time_us(stamp, fields),
            receive_us,
            update_id,
            bid_ticks,
            bid_lots,
            ask_ticks,
            ask_lots,
        )

    def _trade(self, fields: Fields, trade_id: int | None, receive_us: int) -> Trade | None:
        instrument = self._instruments.get(fields.symbol or "")
        if instrument is None:
            self._refuse_foreign(fields)
            return None
        price, qty, stamp, buyer_is_maker = fields.price, fields.qty, fields.trade_time, fields.buyer_is_maker
        if trade_id is None or price is None or qty is None or stamp is None or buyer_is_maker is None:
            raise _missing(fields, f"{fields.event} needs its id, p, q, T and m")
        if fields.origin is not None and fields.origin != "MARKET":
            # Insurance fund and auto-deleveraging prints: not a price that the market made.
            raise BadMessage("non_market_trade", f"trade {trade_id} has X={fields.origin!r}", symbol=fields.symbol)
        return Trade(
            instrument.symbol,
            self._next_seq(),
            _time_us(stamp, fields),
            receive_us,
            trade_id,
            instrument.price_ticks(price),
            instrument.trade_lots(qty),
            Side.SELL if buyer_is_maker else Side.BUY,
        )

    def _delta(self, fields: Fields, receive_us: int) -> BookDelta | None:
        instrument = self._instruments.get(fields.symbol or "")
        if instrument is None:
            self._refuse_foreign(fields)
            return None
        first, last, previous, stamp = fields.first_id, fields.last_id, fields.prev_id, fields.event_time
        bids, asks = fields.bid, fields.ask
        if first is None or last is None or stamp is None or not isinstance(bids, list) or not isinstance(asks, list):
            raise _missing(fields, "depthUpdate needs E, U, u, b and a")
        if (previous is not None) is not self._usdm:
            raise BadMessage(
                "wrong_market",
                "depthUpdate with pu is of USD-M futures, without it of spot; this capture holds both",
                symbol=fields.symbol,
                breaks_book=True,
            )
        if first > last:
            raise BadMessage("bad_ids", f"depthUpdate runs from U={first} to u={last}", symbol=fields.symbol, breaks_book=True)
        return BookDelta(
            instrument.symbol,
            self._next_seq(),
            _time_us(stamp, fields),
            receive_us,
            first,
            last,
            instrument.levels(bids),
            instrument.levels(asks),
            previous,
            self._continuity,
        )

    def _snapshot(self, fields: Fields, receive_us: int, *, combined: bool) -> BookSnapshot:
        if combined:
            raise BadMessage(
                "partial_depth", "a partial depth stream is not a snapshot of the whole book; record @depth and the REST one"
            )
        symbol = self._snapshot_symbol
        if symbol is None:
            raise BadMessage("snapshot_without_symbol", "a REST snapshot names no symbol and this capture has several")
        return self._book(fields, self._instruments[symbol], receive_us)

    def _book(self, fields: Fields, instrument: Instrument, receive_us: int) -> BookSnapshot:
        symbol = instrument.symbol
        update_id, bids, asks = fields.snapshot_id, fields.bids, fields.asks
        if update_id is None or bids is None or asks is None:
            raise BadMessage("missing_field", "a snapshot needs lastUpdateId, bids and asks", symbol=symbol)
        return BookSnapshot(symbol, self._next_seq(), None, receive_us, update_id, instrument.levels(bids), instrument.levels(asks))

    def _control(self, line: Message, receive_us: int) -> MarketEvent | None:
        """A line of a recorder."""
        control = line.control
        if control == RECORDING:
            return None
        instrument = self._instruments.get(line.symbol or "")
        if instrument is None:
            self._refuse_foreign(line)
            return None
        symbol, reason = instrument.symbol, line.reason
        if control == TIMER:
            return Timer(symbol, self._next_seq(), line.trade_id, receive_us)
        if control == BOOK:
            return self._book(line, instrument, receive_us) if self.use_books else None
        if control == GAP and reason:
            return FeedGap(symbol, self._next_seq(), None, receive_us, reason)
        if control == REJECTED and reason:
            return Rejected(symbol, self._next_seq(), None, receive_us, reason, line.detail)
        detail = f"{control!r} is no control line, or lacks its reason"
        raise BadMessage("bad_control_line", detail, symbol=symbol, breaks_book=True)

    # -- faults ------------------------------------------------------------------------------------------------------

    def _refuse_foreign(self, fields: Fields) -> None:
        symbol = fields.symbol
        if symbol is None:
            raise _missing(fields, "no symbol (s)")
        if symbol not in self._ignored:
            known = ", ".join(sorted(self._instruments))
            raise BadMessage("wrong_symbol", f"{symbol} was not among the first messages (known: {known})", symbol=symbol)

    def _unreadable(self, reason: str, fault: str, payload: bytes) -> BadMessage:
        found = _SYMBOL.search(payload)
        symbol = found[1].decode("ascii", "replace") if found else None
        # A cut line may still tell that it was a book update; the hole is then known at once instead of at the next diff.
        return BadMessage(reason, f"{fault}: {_shown(payload)}", symbol=symbol, breaks_book=_DEPTH.search(payload) is not None)


def _time_us(stamp: int, fields: Fields) -> int:
    if stamp <= 0:
        raise BadMessage("bad_time", f"time {stamp} is not positive", symbol=fields.symbol, breaks_book=_holds_levels(fields))
    return to_microseconds(stamp)


def _holds_levels(fields: Fields) -> bool:
    return fields.event == "depthUpdate"


def _missing(fields: Fields, detail: str) -> BadMessage:
    return BadMessage("missing_field", detail, symbol=fields.symbol, breaks_book=_holds_levels(fields))


def _shown(payload: bytes) -> str:
    text = payload[:_SHOWN].decode("utf-8", "replace")
    return repr(text + "..." if len(payload) > _SHOWN else text)
