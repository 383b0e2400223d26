"""What a commission costs: lots that are never held, quote currency, or another asset (reference/binance.md section 6).

Of a buy Binance keeps part of what was bought, of a sell part of what was paid, or it takes BNB for either. Lots are whole, so a
part of a lot that was charged costs the whole lot, and what is left of it stays in the account as *dust*. Dust is carried from fill
to fill: as soon as it makes a lot, that lot is held. So nothing is lost: the account has the held lots plus the dust, exactly.
"""

from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Final

from attrs import frozen

from flashcrash_binance.trading.venue_records import VenueFill
from flashcrash_core.api import MONEY_SCALE, Instrument, Side

__all__ = ["Charge", "charged"]

_EXACT: Final = Context(prec=60, traps=[Inexact, InvalidOperation])


@frozen(kw_only=True)
class Charge:
    """What one fill was charged. A buy of ``qty_lots`` brings ``qty_lots - fee_lots`` lots that can be sold."""

    fee_lots: int = 0
    """Lots of the fill that are not held for the commission; only of buys charged in the base asset."""
    fee_minor: int = 0
    """The rest of the commission, in minor units of quote currency, rounded up."""
    dust: Decimal = Decimal(0)
    """Base asset that the account has beyond whole lots after this fill; what the next fill is to be given. Less than a lot, and
    negative where the venue took base asset that was not part of a buy."""
    unpriced_asset: str = ""
    """Asset of a commission whose price is not known: it is in no sum above and is counted apart. "" if there is none."""
    unpriced: Decimal = Decimal(0)
    """Amount of it, exact."""


def charged(
    fill: VenueFill, instrument: Instrument, base_asset: str, *, dust: Decimal = Decimal(0), asset_price: Decimal | None = None
) -> Charge:
    """What a fill was charged. ``dust`` is that of the fills before, ``asset_price`` the price of the commission's asset in quote
    currency where that is neither base nor quote (BNB); None when it is not known."""
    commission, asset = fill.commission, fill.commission_asset
    if not commission:
        return Charge(dust=dust)
    if asset == base_asset:
        return _in_base(fill, instrument, dust)
    if asset == instrument.quote_asset:
        return Charge(fee_minor=_minor(commission), dust=dust)
    if asset_price is None:
        return Charge(dust=dust, unpriced_asset=asset, unpriced=commission)
    return Charge(fee_minor=_minor(_EXACT.multiply(commission, asset_price)), dust=dust)


def _in_base(fill: VenueFill, instrument: Instrument, dust: Decimal) -> Charge:
    after = _EXACT.subtract(dust, fill.commission)
    if fill.side is Side.SELL:
        # Taken from what the account has besides: a pair of BNB sold with the discount on.
        value = _EXACT.multiply(fill.commission, instrument.price(fill.price_ticks))
        return Charge(fee_minor=_minor(value), dust=after)
    # The least number of lots given up that leaves no debt; never more than there are, nor fewer than none.
    lots = min(max(-_floor(after, instrument.lot_size), 0), fill.qty_lots)
    return Charge(fee_lots=lots, dust=_EXACT.add(after, instrument.quantity(lots)))


def _floor(amount: Decimal, step: Decimal) -> int:
    """Whole steps, rounded down, also of a negative amount."""
    places = -min(_exponent(amount), _exponent(step), 0)
    return int(amount.scaleb(places, _EXACT)) // int(step.scaleb(places, _EXACT))


def _exponent(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)  # commissions and grids are finite
    return exponent


def _minor(amount: Decimal) -> int:
    """Minor units, rounded up: a fee is never understated."""
    return -_floor(-amount, Decimal(1).scaleb(-_SCALE_PLACES))


_SCALE_PLACES: Final = len(str(MONEY_SCALE)) - 1
