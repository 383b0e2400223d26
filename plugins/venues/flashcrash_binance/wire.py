"""The shapes of Binance's raw market messages, as msgspec structs that decode in one pass.

One struct covers all messages, because ``b`` and ``a`` mean levels in a ``depthUpdate``, prices in a ``bookTicker`` and order
ids in old ``trade`` messages, and as spot's ``bookTicker`` has no event type to go by (reference/binance.md sections 2, 3, 14).
A JSON number where Binance sends a decimal string fails validation: a float would already have lost digits.
"""

from typing import Final

import msgspec

__all__ = ["MESSAGE_DECODER", "Fields", "Message", "to_microseconds"]

_Levels = list[tuple[str, str]]
_MICROSECONDS_FROM: Final = 10**14


class Fields(msgspec.Struct, gc=False):
    """The fields of one message; None where it has none."""

    event: str | None = msgspec.field(name="e", default=None)
    symbol: str | None = msgspec.field(name="s", default=None)
    event_time: int | None = msgspec.field(name="E", default=None)
    trade_time: int | None = msgspec.field(name="T", default=None)
    last_id: int | None = msgspec.field(name="u", default=None)
    first_id: int | None = msgspec.field(name="U", default=None)
    prev_id: int | None = msgspec.field(name="pu", default=None)
    bid: str | _Levels | int | None = msgspec.field(name="b", default=None)
    bid_qty: str | None = msgspec.field(name="B", default=None)
    ask: str | _Levels | int | None = msgspec.field(name="a", default=None)
    ask_qty: str | None = msgspec.field(name="A", default=None)
    trade_id: int | None = msgspec.field(name="t", default=None)
    price: str | None = msgspec.field(name="p", default=None)
    qty: str | None = msgspec.field(name="q", default=None)
    buyer_is_maker: bool | None = msgspec.field(name="m", default=None)
    ignored: bool | None = msgspec.field(name="M", default=None)
    origin: str | None = msgspec.field(name="X", default=None)
    snapshot_id: int | None = msgspec.field(name="lastUpdateId", default=None)
    bids: _Levels | None = None
    asks: _Levels | None = None


class Message(Fields, gc=False):
    """A line as it came: bare, or wrapped in ``stream`` and ``data``. The last fields are of a recorder's control lines."""

    stream: str | None = None
    data: Fields | None = None
    control: str | None = msgspec.field(name="flashcrash", default=None)
    reason: str = ""
    detail: str = ""


MESSAGE_DECODER: Final = msgspec.json.Decoder(Message)


def to_microseconds(stamp: int) -> int:
    """Milliseconds or microseconds, told apart by magnitude (1e14 ms is the year 5138), to microseconds."""
    return stamp if stamp >= _MICROSECONDS_FROM else stamp * 1000
