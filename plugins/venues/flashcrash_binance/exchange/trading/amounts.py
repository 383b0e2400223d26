"""Exact amounts: whole numbers of atoms, 10^-16 of any asset. A price times a quantity, each of 8 decimals, is one."""

import re
from decimal import Decimal
from typing import Final

from attrs import field, frozen

from flashcrash_binance.exchange.listing import base_asset
from flashcrash_core.api import Instrument

__all__ = ["ATOM", "CENT", "Grid", "amount_text", "atoms"]

ATOM: Final = 10**16
"""Atoms of one whole unit of an asset."""
CENT: Final = 10**8
"""Atoms of the 8th decimal, the last that the venue writes: commissions are rounded to it."""
_DECIMAL: Final = re.compile(r"\d{1,20}(\.\d{1,20})?")


@frozen
class Grid:
    """An instrument's steps as whole numbers of 10^-8, and its assets."""

    instrument: Instrument
    symbol: str = field(init=False)
    base: str = field(init=False)
    quote: str = field(init=False)
    tick_e8: int = field(init=False)
    lot_e8: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        one = self.instrument
        for name, value in (
            ("symbol", one.symbol),
            ("base", base_asset(one)),
            ("quote", one.quote_asset),
            ("tick_e8", _whole_e8(one.tick_size)),
            ("lot_e8", _whole_e8(one.lot_size)),
        ):
            object.__setattr__(self, name, value)

    def quote_atoms(self, price_ticks: int, qty_lots: int) -> int:
        """What a quantity costs."""
        return price_ticks * self.tick_e8 * qty_lots * self.lot_e8

    def base_atoms(self, qty_lots: int) -> int:
        """A quantity."""
        return qty_lots * self.lot_e8 * CENT

    def price_text(self, price_ticks: int) -> str:
        """With 8 decimals."""
        return _e8_text(price_ticks * self.tick_e8)

    def qty_text(self, qty_lots: int) -> str:
        """With 8 decimals."""
        return _e8_text(qty_lots * self.lot_e8)


def atoms(text: str) -> int | None:
    """A plain decimal as atoms; None if it is none, or finer than an atom."""
    if _DECIMAL.fullmatch(text) is None:
        return None
    whole, _, fraction = text.partition(".")
    if len(fraction.rstrip("0")) > 16:
        return None
    return int(whole) * ATOM + int(fraction.rstrip("0").ljust(16, "0")[:16])


def amount_text(amount: int) -> str:
    """Atoms with 8 decimals, cut off."""
    return _e8_text(amount // CENT)


def _e8_text(value: int) -> str:
    sign, value = ("-", -value) if value < 0 else ("", value)
    return f"{sign}{value // 10**8}.{value % 10**8:08d}"


def _whole_e8(step: Decimal) -> int:
    # A recording may claim a finer grid than spot has; the venue writes 8 decimals, so nothing finer can be traded.
    return max(1, int(step.scaleb(8)))
