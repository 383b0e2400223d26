"""What a raw capture holds, told from its first messages: market, symbols, book, and the finest decimals for an unknown grid."""

from collections.abc import Iterable
from typing import Final

import msgspec
from attrs import define, field, frozen

from flashcrash_binance.recording.control_lines import Heading, read_heading
from flashcrash_binance.wire import MESSAGE_DECODER, Fields
from flashcrash_core.api import MarketKind

__all__ = ["Contents", "DecimalSample", "probe_messages"]

_EVENTS: Final = frozenset({"depthUpdate", "trade", "aggTrade", "bookTicker"})


@define
class DecimalSample:
    """The price and the quantity with the most decimal places among those seen: one round price would hide a finer grid."""

    price: str = ""
    qty: str = ""
    _price_places: int = -1
    _qty_places: int = -1

    def add(self, price: str, qty: str) -> None:
        """Look at one more pair of decimal strings."""
        if (places := _places(price)) > self._price_places:
            self.price, self._price_places = price, places
        if (places := _places(qty)) > self._qty_places:
            self.qty, self._qty_places = qty, places

    @property
    def pair(self) -> tuple[str, str] | None:
        """``(price, quantity)`` for the instrument resolver, or None before the first."""
        return (self.price, self.qty) if self._price_places >= 0 and self._qty_places >= 0 else None


@frozen
class Contents:
    """What was found. ``samples`` holds one entry for each symbol, in order of appearance."""

    kind: MarketKind
    samples: dict[str, DecimalSample] = field(factory=dict)
    has_book: bool = False
    has_trades: bool = False
    has_aggregates: bool = False
    snapshots: int = 0
    messages: int = 0
    heading: Heading | None = None
    """Of a file of our own recorder: it tells the symbol and its grid, whatever the first lines hold."""


def probe_messages(payloads: Iterable[bytes]) -> Contents:
    """Look through messages; what cannot be read is skipped here and refused when it is decoded."""
    samples: dict[str, DecimalSample] = {}
    seen: set[str] = set()
    heading: Heading | None = None
    futures_signs = spot_signs = snapshots = messages = 0
    for payload in payloads:
        try:
            message = MESSAGE_DECODER.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        if message.control is not None:
            heading = heading or read_heading(payload)
            continue
        fields: Fields = message.data if message.data is not None else message
        event = fields.event or ("bookTicker" if fields.bid_qty is not None else "")
        if fields.snapshot_id is not None and message.data is None:
            snapshots += 1
            messages += 1
            continue
        if event not in _EVENTS or fields.symbol is None:
            continue
        messages += 1
        seen.add(event)
        if _is_futures(fields, event):
            futures_signs += 1
        else:
            spot_signs += 1
        sample = samples.setdefault(fields.symbol, DecimalSample())
        if fields.price is not None and fields.qty is not None:
            sample.add(fields.price, fields.qty)
        elif isinstance(fields.bid, str) and fields.bid_qty is not None:
            sample.add(fields.bid, fields.bid_qty)
        elif isinstance(fields.bid, list):
            for price, qty in fields.bid:
                sample.add(price, qty)
    kind = MarketKind.USDM if futures_signs > spot_signs else MarketKind.SPOT
    if heading is not None:
        kind = MarketKind(heading.kind)
        samples.setdefault(heading.s, DecimalSample())
    return Contents(
        kind=kind,
        samples=samples,
        has_book=heading is not None or snapshots > 0 or "depthUpdate" in seen,
        has_trades="trade" in seen,
        has_aggregates="aggTrade" in seen,
        snapshots=snapshots,
        messages=messages,
        heading=heading,
    )


def _is_futures(fields: Fields, event: str) -> bool:
    if event == "depthUpdate":
        return fields.prev_id is not None
    if event == "bookTicker":
        return fields.event is not None
    return fields.ignored is None  # spot trades carry M, futures trades do not


def _places(text: str) -> int:
    whole, dot, fraction = text.partition(".")
    if not whole.isdigit() or (dot and not fraction.isdigit()):
        return -1
    return len(fraction.rstrip("0"))
