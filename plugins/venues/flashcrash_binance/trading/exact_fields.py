"""Fields of Binance's answers as exact numbers: decimal strings to ticks, lots, minor units and decimals.

Each function names the field it could not read in a :class:`MalformedAnswer`; none turns something unreadable into zero.
"""

import re
from decimal import Context, Decimal, Inexact, InvalidOperation
from functools import cache
from typing import Any, Final, NoReturn, TypeVar

import msgspec
from attrs import frozen

from flashcrash_binance.trading.venue_records import MalformedAnswer, VenueStatus
from flashcrash_binance.wire import to_microseconds
from flashcrash_core.api import MONEY_SCALE, Instrument, Side

__all__ = ["Fields", "read"]

_T = TypeVar("_T")
_EXACT: Final = Context(prec=80, traps=[Inexact, InvalidOperation])
_DECIMAL: Final = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,10})?")
"""At most 28 digits, so that sums of two are exact in the decimal module's own precision."""
_SHOWN: Final = 60


def read(answer: object, shape: type[_T], what: str) -> _T:
    """An answer in its wire shape. ``answer`` is JSON (bytes or msgspec.Raw), or parsed already. Raises MalformedAnswer."""
    try:
        if isinstance(answer, bytes | bytearray | msgspec.Raw):
            known: Any = shape
            decoded: _T = _decoder(known).decode(answer)
            return decoded
        return msgspec.convert(answer, shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:  # a ValidationError is one, and names the field
        raise MalformedAnswer(f"Binance's answer to {what} cannot be read: {error}; nothing was concluded from it") from None


@cache
def _decoder(shape: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(shape)


@frozen
class Fields:
    """Reads the fields of one answer; ``what`` names the answer in errors."""

    what: str

    def fail(self, name: str, value: object, why: str) -> NoReturn:
        """Raise MalformedAnswer about a field."""
        raise MalformedAnswer(
            f"Binance's answer to {self.what}: field {name} is {str(value)[:_SHOWN]!r}, {why}; nothing was concluded from it"
        )

    def amount(self, name: str, text: str, *, signed: bool = False) -> Decimal:
        """An exact decimal, not negative unless ``signed``."""
        if not isinstance(text, str) or not _DECIMAL.fullmatch(text):
            self.fail(name, text, "which is not a plain decimal")
        value = Decimal(text)
        if value < 0 and not signed:
            self.fail(name, text, "which is negative")
        return value

    def money(self, name: str, text: str) -> int:
        """Minor units of quote currency."""
        scaled = _EXACT.multiply(self.amount(name, text), Decimal(MONEY_SCALE))
        if scaled != scaled.to_integral_value():
            self.fail(name, text, "which is finer than a minor unit (1e-10)")
        return int(scaled)

    def ticks(self, name: str, text: str, instrument: Instrument, against: Side) -> tuple[int, bool]:
        """A price in ticks, 0 for none, and whether it was on the grid; off it, it is rounded up for a buy, down for a sell."""
        value, step = _aligned(self.amount(name, text), instrument.tick_size)
        whole, rest = divmod(value, step)
        if not rest:
            return whole, True
        return (whole + 1 if against is Side.BUY or not whole else whole), False

    def lots(self, name: str, text: str, instrument: Instrument) -> tuple[int, bool]:
        """A quantity in lots, and whether it was on the grid; off it, it is rounded down."""
        value, step = _aligned(self.amount(name, text), instrument.lot_size)
        whole, rest = divmod(value, step)
        return whole, not rest

    def side(self, name: str, text: str) -> Side:
        """BUY or SELL."""
        if text not in ("BUY", "SELL"):
            self.fail(name, text, "neither BUY nor SELL")
        return Side.BUY if text == "BUY" else Side.SELL

    def status(self, name: str, text: str) -> VenueStatus:
        """A status that this version knows: an unknown one must not pass for open or closed."""
        try:
            return VenueStatus(text)
        except ValueError:
            self.fail(name, text, "a status that this version does not know")

    def time_us(self, name: str, stamp: int | None) -> int:
        """A time in microseconds, given in milliseconds or microseconds."""
        if stamp is None or stamp <= 0:
            self.fail(name, stamp, "no time")
        return to_microseconds(stamp)


def _aligned(value: Decimal, step: Decimal) -> tuple[int, int]:
    """Both numbers as integers of the same last place."""
    places = min(_exponent(value), _exponent(step), 0)
    return int(value.scaleb(-places, _EXACT)), int(step.scaleb(-places, _EXACT))


def _exponent(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)  # amounts and grids are finite
    return exponent
