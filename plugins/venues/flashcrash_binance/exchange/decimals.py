"""Ticks and lots as the decimal strings that Binance sends."""

from decimal import Decimal
from typing import Final

from flashcrash_core.api import Instrument, MarketKind

__all__ = ["SPOT_PLACES", "DecimalText", "places_of", "price_text", "quantity_text"]

SPOT_PLACES: Final = 8
"""Spot writes prices and quantities with 8 decimals; python-binance deletes a level only for ``0.00000000``."""
_REMEMBERED: Final = 65_536


class DecimalText(dict[int, str]):
    """Count of steps to text, remembered: ``text[ticks]``. Books repeat the same few thousand numbers."""

    def __init__(self, step: Decimal, places: int) -> None:
        super().__init__()
        self.places = max(places, places_of(step))
        self._unit = int(step.scaleb(self.places))
        self._one = 10**self.places

    def __missing__(self, steps: int) -> str:
        whole, fraction = divmod(steps * self._unit, self._one)
        text = f"{whole}.{fraction:0{self.places}d}" if self.places else str(whole)
        if len(self) >= _REMEMBERED:
            self.clear()
        self[steps] = text
        return text


def price_text(instrument: Instrument) -> DecimalText:
    """Prices of an instrument: 8 decimals on spot, those of the tick on USD-M."""
    return DecimalText(instrument.tick_size, _least(instrument))


def quantity_text(instrument: Instrument) -> DecimalText:
    """Quantities of an instrument: 8 decimals on spot, those of the lot on USD-M."""
    return DecimalText(instrument.lot_size, _least(instrument))


def _least(instrument: Instrument) -> int:
    return SPOT_PLACES if instrument.kind is MarketKind.SPOT else 0


def places_of(step: Decimal) -> int:
    """Decimal places that a grid needs."""
    exponent = step.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
