"""Instruments: how prices, quantities and money become integers, and back.

A price is a count of ticks, a quantity a count of lots, and money a count of ``MONEY_SCALE``-ths of the quote currency
("minor units"). 1e-10 is fine enough that tick x lot is a whole number of minor units for every pair listed on Binance
spot, and coarse enough that 900 million quote units fit SQLite's 64-bit integers.
"""

from collections.abc import Iterable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation
from enum import StrEnum
from typing import Final

from attrs import field, frozen

from flashcrash_core.errors import DataError

__all__ = ["MONEY_SCALE", "BadNumber", "Instrument", "MarketKind", "money_to_decimal", "to_money"]

MONEY_SCALE: Final = 10**10
"""Minor units in one unit of quote currency."""


class BadNumber(ValueError):
    """A number of the feed that cannot be used; ``reason`` is the counter's name (``nan``, ``off_tick`` ...)."""

    def __init__(self, reason: str, text: str) -> None:
        self.reason = reason
        super().__init__(f"{reason}: {text!r}")


class MarketKind(StrEnum):
    """Which kind of market; it selects the book's continuity rule."""

    SPOT = "spot"
    USDM = "usdm"


def to_money(amount: Decimal | str | int) -> int:
    """Quote currency to minor units; rounds down what is finer than a minor unit."""
    return int((Decimal(amount) * MONEY_SCALE).to_integral_value(ROUND_FLOOR))


def money_to_decimal(minor: int) -> Decimal:
    """Minor units to an exact decimal of quote currency."""
    return Decimal(minor) / MONEY_SCALE


@frozen
class Instrument:
    """One symbol with its price and quantity grid.

    ``tick_size`` and ``lot_size`` are exact decimals; ``min_notional`` is in quote currency. ``inferred`` marks a grid that
    was guessed from data instead of configured: results then carry a warning.
    """

    symbol: str
    tick_size: Decimal = field(converter=Decimal)
    lot_size: Decimal = field(converter=Decimal)
    min_notional: Decimal = field(default=Decimal(5), converter=Decimal)
    quote_asset: str = "USDT"
    kind: MarketKind = field(default=MarketKind.SPOT, converter=MarketKind)
    inferred: bool = False
    notional_unit: int = field(init=False)
    """Minor units of one tick times one lot."""
    min_notional_minor: int = field(init=False)
    tick: float = field(init=False)
    lot: float = field(init=False)
    _ticks_by: tuple[int, ...] = field(init=False, default=(), eq=False, repr=False)
    _lots_by: tuple[int, ...] = field(init=False, default=(), eq=False, repr=False)
    _rounded: list[int] = field(init=False, factory=lambda: [0], eq=False, repr=False)
    _price_cache: dict[str, int] = field(init=False, factory=dict, eq=False, repr=False)
    _qty_cache: dict[str, int] = field(init=False, factory=dict, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        if not (self.tick_size > 0 and self.lot_size > 0):
            raise DataError(
                f"instrument {self.symbol}: tick_size and lot_size must be positive; set them in [instruments.{self.symbol}]"
            )
        unit = self.tick_size * self.lot_size * MONEY_SCALE
        if unit != unit.to_integral_value():
            raise DataError(
                f"instrument {self.symbol}: tick_size x lot_size = {self.tick_size * self.lot_size} is finer than 1e-10 quote "
                f"units; choose a coarser grid in [instruments.{self.symbol}]"
            )
        object.__setattr__(self, "notional_unit", int(unit))
        object.__setattr__(self, "min_notional_minor", to_money(self.min_notional))
        object.__setattr__(self, "tick", float(self.tick_size))
        object.__setattr__(self, "lot", float(self.lot_size))
        object.__setattr__(self, "_ticks_by", _divisors(self.tick_size))
        object.__setattr__(self, "_lots_by", _divisors(self.lot_size))

    # -- input: decimal strings of a feed -> integers ----------------------------------------------------------------

    def price_ticks(self, text: str) -> int:
        """A positive price in ticks. Raises :class:`BadNumber` (``nan``, ``inf``, ``negative``, ``zero``, ``off_tick``)."""
        cached = self._price_cache.get(text)
        if cached is not None:
            return cached
        ticks = _whole_steps(text, self.tick_size, self._ticks_by, "off_tick")
        if ticks == 0:
            raise BadNumber("zero", text)
        return _remember(self._price_cache, text, ticks)

    def qty_lots(self, text: str) -> int:
        """A quantity in lots, 0 allowed (a removed level). Raises :class:`BadNumber` like :meth:`price_ticks` (``off_lot``)."""
        cached = self._qty_cache.get(text)
        if cached is not None:
            return cached
        return _remember(self._qty_cache, text, _whole_steps(text, self.lot_size, self._lots_by, "off_lot"))

    def level_lots(self, text: str) -> int:
        """A displayed quantity of a book level in lots, 0 allowed; what is finer than a lot is rounded down, to one lot at least.

        Orders placed before an exchange coarsened its grid keep resting with the old one: the real BTCUSDT book of 2024 holds
        levels of a millionth where the lot is 0.00001. Refusing them would cost the book. Raises :class:`BadNumber`.
        """
        cached = self._qty_cache.get(text)
        if cached is not None:
            return cached
        try:
            return self.qty_lots(text)
        except BadNumber as error:
            if error.reason != "off_lot":
                raise
            return max(self._rounded_down(text), 1)

    def levels(self, pairs: Iterable[tuple[str, str]]) -> list[tuple[int, int]]:
        """Book levels ``(price, quantity)`` as ``(price_ticks, qty_lots)``: :meth:`price_ticks` and :meth:`level_lots` of each.

        One call for a whole message: a depth message holds 46 levels on average, and calls would cost more than the work.
        """
        known_price, known_qty = self._price_cache.get, self._qty_cache.get
        levels: list[tuple[int, int]] = []
        for price, qty in pairs:
            ticks = known_price(price)
            if ticks is None:
                ticks = self.price_ticks(price)
            lots = known_qty(qty)
            if lots is None:
                lots = self.level_lots(qty)
            levels.append((ticks, lots))
        return levels

    def trade_lots(self, text: str) -> int:
        """A traded quantity in lots, positive; what is finer than a lot is rounded down, as in :meth:`level_lots`.

        Trades fill those old orders: three of the 71 prints of the real ATOMUSDT sweep, its low among them. Less than a lot is
        refused, so that a wrong lot shows. Raises :class:`BadNumber` (``zero``, ``off_lot`` ...).
        """
        try:
            lots = self.qty_lots(text)
        except BadNumber as error:
            if error.reason != "off_lot" or Decimal(text) < self.lot_size:
                raise
            return self._rounded_down(text)
        if lots == 0:
            raise BadNumber("zero", text)
        return lots

    @property
    def rounded_quantities(self) -> int:
        """How many quantities of levels and trades were finer than a lot and rounded."""
        return self._rounded[0]

    def note_rounded(self, quantities: int) -> None:
        """Count quantities that were rounded when the data were imported into a tape, so that reports tell of them as well."""
        self._rounded[0] += quantities

    def _rounded_down(self, text: str) -> int:
        self._rounded[0] += 1
        return int(Decimal(text) / self.lot_size)

    # -- output: integers -> exact decimals --------------------------------------------------------------------------

    def price(self, ticks: int) -> Decimal:
        """Exact price of ``ticks``."""
        return self.tick_size * ticks

    def quantity(self, lots: int) -> Decimal:
        """Exact quantity of ``lots``."""
        return self.lot_size * lots

    def notional(self, price_ticks: int, qty_lots: int) -> int:
        """Price times quantity in minor units of quote currency, exact."""
        return price_ticks * qty_lots * self.notional_unit

    def floor_ticks(self, price: float) -> int:
        """``price`` rounded down to the grid: the safe direction for a buy. Free of binary artefacts (99.4 / 0.1 = 994)."""
        return int((_clean(price) / self.tick_size).to_integral_value(ROUND_FLOOR))

    def ceil_ticks(self, price: float) -> int:
        """``price`` rounded up to the grid: the safe direction for a sell."""
        return int((_clean(price) / self.tick_size).to_integral_value(ROUND_CEILING))


def _clean(value: float) -> Decimal:
    """The decimal that a float stands for at 12 significant digits, so that 99.39999999999999 is 99.4."""
    return Decimal(f"{value:.12g}")


_MAX_PLACES: Final = 18
_MAX_DIGITS: Final = 15


def _divisors(step: Decimal) -> tuple[int, ...]:
    """``step`` in units of the last place, for texts of 0 to 18 decimal places; 0 where it is no whole number of them."""
    scaled = [step.scaleb(places) for places in range(_MAX_PLACES + 1)]
    return tuple([int(value) if value == value.to_integral_value() else 0 for value in scaled])


def _whole_steps(text: str, step: Decimal, divisors: tuple[int, ...], off: str) -> int:
    """``text`` as a whole number of steps, exactly. Raises :class:`BadNumber`."""
    try:
        whole, _, fraction = text.partition(".")
        digits = whole + fraction
    except (AttributeError, TypeError):  # a number instead of a string: it has lost digits already
        raise BadNumber("not_a_string", str(text)) from None
    if digits.isdigit() and digits.isascii() and len(whole) <= _MAX_DIGITS:
        places = len(fraction)
        divisor = divisors[places] if places <= _MAX_PLACES else 0
        if divisor:
            # The usual case in small integers: a quarter of the time that Decimal takes.
            steps, rest = divmod(int(digits), divisor)
            if rest:
                raise BadNumber(off, text)
            return steps
    return _whole_steps_of_decimal(text, step, off)


def _whole_steps_of_decimal(text: str, step: Decimal, off: str) -> int:
    try:
        if "_" in text:  # Python reads 1_00 as a number, no exchange writes it
            raise InvalidOperation
        value = Decimal(text)
    except (InvalidOperation, ValueError):
        raise BadNumber("not_a_number", text) from None
    if value.is_nan():
        raise BadNumber("nan", text)
    if value.is_infinite():
        raise BadNumber("inf", text)
    if value < 0:
        raise BadNumber("negative", text)
    if value > 10**15:
        raise BadNumber("too_large", text)
    steps = value / step
    whole = int(steps)
    if whole * step != value:
        raise BadNumber(off, text)
    return whole


_CACHE_LIMIT: Final = 65_536


def _remember(cache: dict[str, int], text: str, value: int) -> int:
    # Feeds repeat the same few thousand strings; the cache saves two thirds of the decoding time. Bounded: cleared when full.
    if len(cache) >= _CACHE_LIMIT:
        cache.clear()
    cache[text] = value
    return value
