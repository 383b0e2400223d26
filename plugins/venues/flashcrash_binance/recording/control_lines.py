"""Lines of a recording that Binance never sent: time that passed, known holes, what was refused, the book at a file's start.

A capture line is ``<receive_ns> <json>``. Without these a replay would see the messages, but not what the feed told beside them,
and would decide otherwise. Each is a JSON object with the key ``flashcrash``; :class:`flashcrash_binance.codec.MarketCodec` reads
them.

=============  ====================================  ===============================================================
``flashcrash`` further keys                          what it is in a replay
=============  ====================================  ===============================================================
``timer``      ``s``, ``t`` (event time, us)         a Timer
``gap``        ``s``, ``reason``                     a FeedGap
``rejected``   ``s``, ``reason``, ``detail``         a Rejected
``book``       ``s``, ``lastUpdateId bids asks``     the feed's own book: a BookSnapshot when the file is read by
                                                     itself, nothing when the file before it was read to its end
``recording``  see :class:`Heading`                  nothing: which recording and which part of it the file is
=============  ====================================  ===============================================================
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

import msgspec

from flashcrash_core.api import BookSync, FlashcrashError, Instrument, Level, MarketKind

__all__ = [
    "BOOK",
    "BOOK_START",
    "GAP",
    "RECORDING",
    "REJECTED",
    "TIMER",
    "BookPicture",
    "Heading",
    "book_line",
    "gap_line",
    "heading_line",
    "read_heading",
    "rejected_line",
    "snapshot_line",
    "timer_line",
]

TIMER: Final = "timer"
GAP: Final = "gap"
REJECTED: Final = "rejected"
BOOK: Final = "book"
RECORDING: Final = "recording"
BOOK_START: Final = b'{"flashcrash":"book",'
"""How :func:`book_line` begins."""

_HEADING_START: Final = b'{"flashcrash":"recording",'
_SHOWN: Final = 300
"""Characters of a detail that are kept: a refused frame may have megabytes."""


class _Timer(msgspec.Struct, tag_field="flashcrash", tag=TIMER):
    s: str
    t: int | None


class _Gap(msgspec.Struct, tag_field="flashcrash", tag=GAP):
    s: str
    reason: str


class _Rejected(msgspec.Struct, tag_field="flashcrash", tag=REJECTED):
    s: str
    reason: str
    detail: str


class Heading(msgspec.Struct, frozen=True, tag_field="flashcrash", tag=RECORDING):
    """First line of a file: what recorded it, and the grid by which the feed read it.

    ``recording`` names one run of a recorder, ``part`` counts the files of its symbol from 1: a file continues another when it is
    the next part of the same recording.
    """

    s: str
    kind: str
    recording: str
    part: int
    tick: str
    lot: str
    min_notional: str
    quote: str
    v: int = 1

    def continues(self, before: "Heading | None") -> bool:
        """Whether nothing happened between the end of ``before`` and this file."""
        return before is not None and (self.recording, self.s, self.part) == (before.recording, before.s, before.part + 1)

    @property
    def grid(self) -> tuple[str, str, str, str]:
        """What makes two files readable in one go."""
        return self.s, self.kind, self.tick, self.lot

    def instrument(self) -> Instrument:
        """The instrument that the feed had. Raises DataError, ValueError or decimal.InvalidOperation for a damaged one."""
        return Instrument(self.s, self.tick, self.lot, self.min_notional, self.quote, MarketKind(self.kind))

    @classmethod
    def of(cls, instrument: Instrument, recording: str, part: int) -> "Heading":
        """The heading of a file of this instrument."""
        return cls(
            instrument.symbol,
            str(instrument.kind),
            recording,
            part,
            f"{instrument.tick_size:f}",
            f"{instrument.lot_size:f}",
            f"{instrument.min_notional:f}",
            instrument.quote_asset,
        )


class BookPicture(msgspec.Struct, frozen=True):
    """A copy of a book in ticks and lots, quick to take; it becomes text where nobody waits for it."""

    update_id: int
    bids: list[Level]
    asks: list[Level]

    @classmethod
    def of(cls, sync: BookSync) -> "BookPicture":
        """The book as it stands now."""
        return cls(sync.update_id, list(sync.book.bids), list(sync.book.asks))


_encode: Final = msgspec.json.Encoder().encode
_decode_heading: Final = msgspec.json.Decoder(Heading).decode


def heading_line(heading: Heading) -> bytes:
    """The first line of a file."""
    return _encode(heading)


def timer_line(symbol: str, exchange_us: int | None) -> bytes:
    """Time passed without a message; ``exchange_us`` is the Timer's."""
    return _encode(_Timer(symbol, exchange_us))


def gap_line(symbol: str, reason: str) -> bytes:
    """Messages are missing before the next line."""
    return _encode(_Gap(symbol, reason))


def rejected_line(symbol: str, reason: str, detail: str) -> bytes:
    """A message was refused: the replay counts it as the feed did, and cannot come to read it after all."""
    return _encode(_Rejected(symbol, reason, detail[:_SHOWN]))


def snapshot_line(picture: BookPicture, instrument: Instrument) -> bytes:
    """A book in the form of a bare REST answer: a BookSnapshot in any replay."""
    return b"{%b}" % _picture(picture, instrument)


def book_line(picture: BookPicture, instrument: Instrument) -> bytes:
    """The feed's own book at the start of a file."""
    return b'%b"s":%b,%b}' % (BOOK_START, _encode(instrument.symbol), _picture(picture, instrument))


def read_heading(payload: bytes) -> Heading | None:
    """The heading in the first line of a file, None for any other line, and for a damaged one."""
    if not payload.startswith(_HEADING_START):
        return None
    try:
        heading = _decode_heading(payload)
        heading.instrument()
    except (msgspec.DecodeError, ValueError, ArithmeticError, FlashcrashError):
        return None
    return heading if heading.v == 1 else None


def _picture(picture: BookPicture, instrument: Instrument) -> bytes:
    bids = _levels(picture.bids, instrument)
    return b'"lastUpdateId":%d,"bids":[%b],"asks":[%b]' % (picture.update_id, bids, _levels(picture.asks, instrument))


def _levels(levels: Iterable[Level], instrument: Instrument) -> bytes:
    """JSON of the levels, with whole numbers of the last decimal place: quicker than decimals, and a book has thousands."""
    tick, price_places = _units(instrument.tick_size)
    lot, qty_places = _units(instrument.lot_size)
    price_one, qty_one = 10**price_places, 10**qty_places
    level = f'["%d.%0{price_places}d","%d.%0{qty_places}d"]'
    return ",".join(
        [
            level % (price * tick // price_one, price * tick % price_one, lots * lot // qty_one, lots * lot % qty_one)
            for price, lots in levels
        ]
    ).encode()


def _units(step: Decimal) -> tuple[int, int]:
    """A step in units of its last decimal place, and the number of places, one at least."""
    places = max(-int(step.normalize().as_tuple().exponent), 1)
    return int(step.scaleb(places)), places
